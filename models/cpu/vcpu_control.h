/*
 * vcpu_control.h - pausing a vCPU, moving it to another host, resuming it.
 *
 * A vCPU is attached to one or two hosts, its sides: 0 is that of
 * vcpu_attach(), where it starts, 1 that of vcpu_attach_second(). A side has a
 * scheduler, an interrupt unit and a root complex.
 *
 *  1. MSG_VCPU_PAUSE: the vCPU stops where it could be pre-empted: guest code
 *     (also an interrupt handler) is left by a VM exit
 *     (EXIT_EXTERNAL_INTERRUPT); a halted vCPU, one that halt-polls and one
 *     that waits for a core stop at once. Its posted descriptor suppresses
 *     notifications, it gives its core up, and answers MSG_VCPU_PAUSED.
 *  2. While it is paused its messages (device writes, other vCPUs, interrupts)
 *     are taken and take no time. A core that it is given nevertheless goes
 *     straight back; that is host time.
 *  3. MSG_VCPU_RESUME: from now on it uses the scheduler, interrupt unit and
 *     root complex of the given side. The vectors in the message become
 *     pending, once; those that the side left behind had posted and not told
 *     the vCPU stay there, so a vCPU that changes sides needs all that its
 *     devices use (spurious interrupts, as QEMU raises them). It asks for a
 *     core, unless nobody has ever woken it; a halted one looks around and
 *     halts again. With a reply, MSG_VCPU_RESUMED answers when it has a core.
 *
 * The descriptor at the side where the vCPU is not suppresses notifications;
 * what is posted there meanwhile comes when it runs there. What the scheduler
 * or the interrupt unit left behind still had on the way arrives all the same.
 *
 * Both hosts have the same processor: struct cpu_params of the vCPU.
 */
#ifndef HD_MODELS_CPU_VCPU_CONTROL_H
#define HD_MODELS_CPU_VCPU_CONTROL_H

#include "models/cpu/vcpu.h"

/* Numbered apart from models/messages.h. */
enum vcpu_control_kind {
  MSG_VCPU_PAUSE = 0x4370, /* controller -> vCPU; only when it is not paused */
  MSG_VCPU_PAUSED,         /* its answer: the same message */
  MSG_VCPU_RESUME,         /* controller -> vCPU, after its MSG_VCPU_PAUSED */
  MSG_VCPU_RESUMED         /* its answer: the same message */
};

struct vcpu_control_msg {
  struct hd_msg msg;
  struct hd_channel *reply; /* vCPU -> controller; PAUSE: required; RESUME:
                               NULL: no answer */
  void *context;            /* the controller's own */
  uint32_t side;            /* RESUME */
  uint64_t vectors[4];      /* RESUME: to be raised */
};
_Static_assert(sizeof(struct vcpu_control_msg) <= HD_MSG_BYTES, "too large");

/* A second host. irq NULL: no interrupt unit. to_root and root_reply (see
 * root_complex_connect_cpu()) NULL: no register accesses there. */
void vcpu_attach_second(struct vcpu *v, struct scheduler *s,
                        struct interrupt_unit *irq, uint64_t pid_hpa,
                        struct hd_channel *to_root,
                        struct hd_channel *root_reply);
/* Channels between a controller and the vCPU; latency: of each. Returns the one
 * to the vCPU; *reply: the one back. */
struct hd_channel *vcpu_connect_control(struct vcpu *v, struct hd_component *c,
                                        hd_time latency,
                                        struct hd_channel **reply);

#endif
