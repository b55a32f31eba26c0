/*
 * descriptor.c - a core's posted descriptor and the cache line it is in.
 *
 * An update takes the line from the core if the core has it, otherwise it is
 * where the last update left it and takes the unit's own time only. The core,
 * when it reads or writes the descriptor after an update, gets the line back.
 */
#include "models/irq_bench/internal.h"

static void swap(struct irq_core *c)
{
  struct irq_descriptor *p = &c->pid;
  hd_time from = hd_time_max(hd_now(&c->base), p->free);
  p->free = from + (p->core_owns ? c->config->bench.coherent_latency
                                 : c->config->interrupt.remap_latency);
  p->core_owns = false;
  hd_schedule(&c->base, p->free - hd_now(&c->base),
              hd_msg_new(&c->base, IRQ_SWAP));
}

void irq_descriptor_post(struct irq_core *c, struct irq_msg *m)
{
  struct irq_descriptor *p = &c->pid;
  m->msg.next = NULL;
  if (p->first) {
    p->last->msg.next = &m->msg;
    p->last = m;
    return;
  }
  p->first = p->last = m;
  swap(c);
}

/* The line is free for whoever asks; the next update asks now. */
void irq_descriptor_swapped(struct irq_core *c)
{
  struct irq_descriptor *p = &c->pid;
  struct irq_msg *m = p->first;
  p->first = (struct irq_msg *)m->msg.next;
  irq_core_count(c, &p->pending, m->source);
  m->notify = !p->outstanding;
  p->outstanding = true;
  m->msg.kind = IRQ_POSTED;
  hd_send(m->answer, c->config->bench.mesh_latency, m);
  if (p->first)
    swap(c);
}

hd_time irq_descriptor_access(struct irq_core *c)
{
  struct irq_descriptor *p = &c->pid;
  hd_time now = hd_now(&c->base);
  if (p->core_owns)
    return 0;
  p->free = hd_time_max(now, p->free) + c->config->bench.coherent_latency;
  p->core_owns = true;
  return p->free - now;
}
