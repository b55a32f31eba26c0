/* failover_plug.c - hot plug of a device that has a stand-in (failover.h). */
#include <string.h>

#include "models/workload/failover.h"

/* Between two looks whether a ring has run empty (ice: usleep_range(10, ...);
 * estimated from memory). */
#define LOOK (10 * HD_US)

/* ---- a vCPU's part ------------------------------------------------------- */

static bool looks_idle(struct guest_cpu *cpu, struct guest_txq *q)
{
  const struct netdev_ops *dev = q->dev->ops;
  bool enabled = guest_irq_save(cpu);
  if (dev->reclaim)
    dev->reclaim(cpu, q);
  guest_irq_restore(cpu, enabled);
  return dev->idle(q);
}

static void drop_waiting(struct guest_cpu *cpu, struct guest_txq *q)
{
  bool enabled = guest_irq_save(cpu);
  qdisc_reset(cpu, q);
  guest_irq_restore(cpu, enabled);
}

static void leave(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  cpu->stood_in = true;
  for (unsigned q = 0; q < g->config.queue_pairs; q++)
    if (g->txq[q].owner == cpu)
      drop_waiting(cpu, &g->txq[q]);
  for (unsigned q = 0; q < g->config.queue_pairs; q++)
    while (g->txq[q].owner == cpu && !looks_idle(cpu, &g->txq[q]))
      guest_wait(cpu, vcpu_now(&cpu->vcpu) + LOOK);
}

static void forget(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  cpu->unplugged = true;
  bool enabled = guest_irq_save(cpu);
  for (unsigned q = 0; q < g->config.queue_pairs; q++) {
    if (g->rxq[q].cpu == cpu)
      napi_drain(cpu, q);
    g->netdev[0].ops->forget(cpu, q);
  }
  guest_irq_restore(cpu, enabled);
}

/* The pages have been mapped by the driver's start, here or there. */
static void come_back(struct guest_cpu *cpu)
{
  cpu->mapping = cpu->guest->mapping;
  cpu->unplugged = cpu->stood_in = false;
}

static void do_part(struct guest_cpu *cpu, enum guest_plug verb)
{
  if (verb == GUEST_UNPLUG)
    leave(cpu);
  else if (verb == GUEST_REMOVE)
    forget(cpu);
  else
    come_back(cpu);
}

/* ---- vCPU 0 -------------------------------------------------------------- */

/* The device is new to the guest: none of its pages is mapped. */
static void start_driver(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  size_t pages = g->device->pages(&g->config);
  g->to_hypervisor = g->failover->answer;
  memset(g->touched, 0, pages * sizeof *g->touched);
  cpu->mapping = g->mapping;
  g->netdev[0].ops->device.probe(cpu);
}

static void answer(struct guest_cpu *cpu, const struct failover *f)
{
  struct guest_plug_msg *m =
      hd_msg_new_zero(&cpu->vcpu.task.base, MSG_GUEST_PLUG);
  m->verb = f->verb;
  hd_send(f->answer, f->answer->latency, m);
}

static void do_all(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  struct failover *f = g->failover;
  f->asked = false;
  if (f->verb == GUEST_PLUG)
    start_driver(cpu);
  f->waiting = g->n_cpus - 1;
  for (size_t i = 1; i < g->n_cpus; i++)
    guest_send(cpu, &g->cpus[i], GUEST_DRIVER, FAILOVER_ASK, f->verb, NULL);
  do_part(cpu, f->verb);
  while (f->waiting > 0)
    guest_wait(cpu, HD_TIME_NEVER);
  answer(cpu, f);
}

/* ---- messages ------------------------------------------------------------ */

bool failover_asked(struct guest_cpu *cpu, const struct guest_plug_msg *m)
{
  struct failover *f = cpu->guest->failover;
  HD_REQUIRE(&cpu->vcpu.task.base, f != NULL && cpu->number == 0 && !f->asked,
             "hot plug of a device without a stand-in, or twice at once");
  f->asked = true;
  f->verb = m->verb;
  f->answer = m->reply;
  cpu->scheduled = true;
  return true;
}

bool failover_message(struct guest_cpu *cpu, const struct guest_msg *m)
{
  struct failover *f = cpu->guest->failover;
  if (m->value == FAILOVER_DONE) {
    f->waiting--;
  } else {
    f->part[cpu->number] =
        (struct failover_part){true, (enum guest_plug)m->bytes};
    cpu->scheduled = true;
  }
  return true;
}

void failover_serve(struct guest_cpu *cpu)
{
  struct failover *f = cpu->guest->failover;
  struct failover_part *part = &f->part[cpu->number];
  if (cpu->number == 0 && f->asked)
    do_all(cpu);
  if (!part->asked)
    return;
  part->asked = false;
  do_part(cpu, part->verb);
  guest_send(cpu, &cpu->guest->cpus[0], GUEST_DRIVER, FAILOVER_DONE, 0, NULL);
}
