/*
 * sides.c - a vCPU's second host, and who controls it.
 */
#include "models/cpu/vcpu_control.h"
#include "models/cpu/vcpu_internal.h"

void vcpu_attach_second(struct vcpu *v, struct scheduler *s,
                        struct interrupt_unit *irq, uint64_t pid_hpa,
                        struct hd_channel *to_root,
                        struct hd_channel *root_reply)
{
  HD_REQUIRE(&v->task.base, v->n_sides == 1,
             "a vCPU's second host is its first or third");
  struct vcpu_side *side = &v->side[v->n_sides++];
  vcpu_attach_side(v, side, s, irq, pid_hpa);
  side->to_root = to_root;
  side->root_reply = root_reply;
}

struct hd_channel *vcpu_connect_control(struct vcpu *v, struct hd_component *c,
                                        hd_time latency,
                                        struct hd_channel **reply)
{
  *reply = hd_channel_open(&v->task.base, c, latency);
  return hd_channel_open(c, &v->task.base, latency);
}
