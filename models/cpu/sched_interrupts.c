/*
 * sched_interrupts.c - interrupts that come to the scheduler: wake-ups by
 * posted ones, and the injected path.
 */
#include "models/cpu/sched_internal.h"
#include "models/interrupt/interrupt.h"

/* -- whom interrupt units mean -------------------------------------------- */

static struct irq_source *source_of(struct scheduler *s,
                                    const struct hd_component *unit)
{
  for (uint32_t i = 0; i < s->n_sources; i++)
    if (s->sources[i].unit == unit)
      return &s->sources[i];
  return NULL;
}

uint32_t scheduler_add_interrupts(struct scheduler *s,
                                  const struct hd_component *unit,
                                  uint32_t vcpu)
{
  struct irq_source *source = source_of(s, unit);
  if (!source) {
    s->sources = sched_grown(s->sources, s->n_sources + 1, sizeof *s->sources);
    source = &s->sources[s->n_sources++];
    *source = (struct irq_source){.unit = unit};
  }
  source->vcpus =
      sched_grown(source->vcpus, source->count + 1, sizeof *source->vcpus);
  source->vcpus[source->count] = vcpu;
  return source->count++;
}

uint32_t sched_translated(const struct scheduler *s,
                          const struct interrupt_msg *m)
{
  uint64_t sender = m->msg.order >> 40;
  for (uint32_t i = 0; i < s->n_sources; i++) {
    const struct irq_source *source = &s->sources[i];
    if (source->unit->id != sender)
      continue;
    HD_REQUIRE(&s->base, m->vcpu < source->count, "%s knows no vCPU %u",
               source->unit->path, m->vcpu);
    return source->vcpus[m->vcpu];
  }
  return m->vcpu;
}

static void translate(const struct scheduler *s, struct interrupt_msg *m)
{
  m->vcpu = sched_translated(s, m);
}

/* Its posted bits go with the run that this gives it. If it has one already,
 * they are sent after it: it must not wait for the next. */
void sched_irq_wake(struct scheduler *s, struct interrupt_msg *m)
{
  translate(s, m);
  struct entity *e = sched_entity(s, m->vcpu);
  if (e->state == ENTITY_RUNNING && !e->polling) {
    e->wake_pending = true;
    m->msg.kind = MSG_IRQ_NOTIFY;
    hd_send(e->to, s->params.queue_latency, m);
    return;
  }
  for (int i = 0; i < 4; i++)
    e->vectors[i] |= m->vectors[i];
  sched_wake(s, m->vcpu, m->extra);
  hd_msg_free(&s->base, m);
}

/* -- interrupts of the injected path ------------------------------------- */

/* The handler runs on the housekeeping core to which the interrupt is steered,
 * after those that came before. The message comes back as a timer. */
void sched_host_irq_begins(struct scheduler *s, struct interrupt_msg *m)
{
  hd_time now = hd_now(&s->base);
  translate(s, m);
  (void)sched_entity(s, m->vcpu);
  hd_time *core_free = &s->host_free[m->vcpu % s->n_host];
  hd_time begin = hd_time_max(now, *core_free);
  *core_free = begin + s->host_irq_time;
  hd_busy_add(&s->host_busy, s->window, begin, *core_free);
  m->msg.kind = MSG_TIMER;
  m->msg.tag = TAG_HOST_IRQ;
  hd_schedule(&s->base, *core_free - now, m);
}

void sched_host_irq_done(struct scheduler *s, struct interrupt_msg *m)
{
  static const enum pid_state states[] = {
      [ENTITY_BLOCKED] = PID_BLOCKED,
      [ENTITY_WAITING] = PID_PREEMPTED,
      [ENTITY_RUNNING] = PID_RUNNING,
  };
  uint32_t vcpu = m->vcpu;
  struct entity *e = sched_entity(s, vcpu);
  bool blocked = e->state == ENTITY_BLOCKED || e->polling;
  bool running = e->state == ENTITY_RUNNING && !e->polling;
  hd_counter_add(&s->injections, s->window, hd_now(&s->base), 1);
  m->msg.kind = MSG_IRQ_INJECT;
  m->msg.tag = 0;
  m->state = e->polling ? PID_BLOCKED : states[e->state];
  hd_send(e->to, running ? s->params.ipi_latency : s->to_vcpu, m);
  if (blocked)
    sched_wake(s, vcpu, 0);
}

void sched_raised(struct scheduler *s, struct interrupt_msg *m)
{
  translate(s, m);
  sched_host_irq_done(s, m);
}
