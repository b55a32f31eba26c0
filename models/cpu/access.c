/*
 * access.c - a vCPU's uncached loads and stores to device registers.
 */
#include "models/cpu/vcpu_internal.h"

#define REGISTER_BYTES 4

/* `ways`: 2 when an answer comes back. */
static void send_access(struct vcpu *v, struct mmio_msg *m, int ways)
{
  HD_REQUIRE(&v->task.base, v->to_root != NULL, "no root complex to access");
  m->length = REGISTER_BYTES;
  hd_send(v->to_root, v->to_root->latency + ways * v->root_distance, m);
}

void vcpu_mmio_write(struct vcpu *v, uint16_t device, uint64_t address,
                     uint64_t data, void *object)
{
  vcpu_spend(v, v->params->mmio_write_cost, &v->guest_time);
  struct mmio_msg *m = hd_msg_new_zero(&v->task.base, MSG_MMIO_WRITE);
  m->device = device;
  m->address = address;
  m->data = data;
  m->object = object;
  send_access(v, m, 1);
}

uint64_t vcpu_mmio_read(struct vcpu *v, uint16_t device, uint64_t address)
{
  struct mmio_msg *m = hd_msg_new_zero(&v->task.base, MSG_MMIO_READ);
  m->device = device;
  m->address = address;
  m->reply = v->root_reply;
  send_access(v, m, 2);
  struct hd_msg *answer;
  while ((answer = vcpu_wait(v, HD_TIME_NEVER, &v->guest_time))->kind !=
         MSG_MMIO_DATA)
    vcpu_take(v, answer);
  uint64_t data = ((struct mmio_msg *)answer)->data;
  hd_msg_free(&v->task.base, answer);
  vcpu_serve(v);
  return data;
}
