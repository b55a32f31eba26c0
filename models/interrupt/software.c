/* software.c - vectors that host software raises (KVM: irqfd). */
#include "models/interrupt/internal.h"

struct hd_channel *interrupt_unit_connect_software(struct interrupt_unit *u,
                                                   struct hd_component *c)
{
  HD_REQUIRE(&u->base, u->params.posted || u->to_scheduler != NULL,
             "no scheduler for interrupts of %s", c->path);
  struct hd_component *to = u->params.posted ? &u->base : u->to_scheduler->to;
  return hd_channel_open(c, to, u->params.state_latency);
}

bool interrupt_unit_posts(const struct interrupt_unit *u)
{
  return u->params.posted;
}

void interrupt_unit_raise(const struct interrupt_unit *u,
                          struct hd_component *c, struct hd_channel *to,
                          uint32_t vcpu, uint8_t vector)
{
  struct interrupt_msg *m =
      hd_msg_new_zero(c, u->params.posted ? MSG_IRQ_RAISE : MSG_IRQ_HOST);
  m->msg.tag = INTERRUPT_RAISED;
  m->vcpu = vcpu;
  m->vectors[vector >> 6] = UINT64_C(1) << (vector & 63);
  hd_send(to, to->latency, m);
}

static uint8_t vector_of(const struct interrupt_msg *m)
{
  unsigned word = 0;
  while (word < 3 && m->vectors[word] == 0)
    word++;
  return (uint8_t)(word * 64 + (unsigned)__builtin_ctzll(m->vectors[word]));
}

/* It goes on as a device's interrupt whose entry has been found. */
void interrupt_raised(struct interrupt_unit *u, struct interrupt_msg *m)
{
  HD_REQUIRE(&u->base, m->vcpu < u->n_descriptors, "unknown vCPU %u", m->vcpu);
  struct pcie_tlp *tlp = hd_msg_new_zero(&u->base, MSG_TLP_INTERRUPT);
  tlp->data = vector_of(m);
  tlp->length = m->vcpu;
  hd_msg_free(&u->base, m);
  interrupt_count(u, &u->count.raised);
  u->arrived++;
  interrupt_post(u, tlp, 0);
}
