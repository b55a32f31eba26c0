/*
 * agent.c - the socket's interrupt agent: one message at a time, in the order
 * in which they come, from the moment it is taken until it is acknowledged.
 *
 * On Xeons this is the UBox, one a socket, which all interrupt messages pass
 * (E7 v2 datasheet volume 2, section 9; uncore event UNC_U_EVENT_MSG.MSI_RCVD).
 * That it handles one at a time is an assumption.
 */
#include "models/irq_bench/internal.h"

static void serve(struct irq_agent *a)
{
  const struct irq_bench_params *p = a->params;
  struct irq_msg *m = a->first;
  struct irq_msg *d = hd_msg_new_zero(&a->base, IRQ_DELIVER);
  d->core = m->core;
  d->source = m->source;
  hd_send(a->to_core[m->core], p->mesh_latency, d);
  hd_time now = hd_now(&a->base);
  a->busy += hd_window_overlap(a->measure, now, now + p->agent_time);
  hd_schedule(&a->base, p->agent_time, hd_msg_new(&a->base, MSG_TIMER));
}

static void accept(struct irq_agent *a, struct irq_msg *m)
{
  m->msg.next = NULL;
  a->accepted++;
  if (a->first) {
    a->last->msg.next = &m->msg;
    a->last = m;
    return;
  }
  a->first = a->last = m;
  serve(a);
}

static void acknowledged(struct irq_agent *a)
{
  struct irq_msg *m = a->first;
  a->first = (struct irq_msg *)m->msg.next;
  a->delivered++;
  m->msg.kind = IRQ_SENT;
  hd_send(m->answer, a->params->mesh_latency, m);
  if (a->first)
    serve(a);
}

static void handle(struct hd_component *self, struct hd_msg *m)
{
  struct irq_agent *a = (struct irq_agent *)self;
  if (m->kind == IRQ_SEND) {
    accept(a, (struct irq_msg *)m);
    return;
  }
  hd_msg_free(self, m);
  acknowledged(a);
}

static const struct hd_component_ops ops = {.kind = "interrupt_agent",
                                            .handle = handle};

void irq_agent_initialize(struct irq_agent *a, struct hd_engine *e,
                          const struct irq_bench_params *p,
                          const struct hd_window *measure)
{
  *a = (struct irq_agent){.params = p, .measure = measure};
  hd_component_initialize(&a->base, e, &ops, "host/agent", IRQ_BENCH_HOST);
}
