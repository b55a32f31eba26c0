/*
 * napi.c - the interrupt handler of a queue pair's vector and its poll loop.
 *
 * As Linux's NAPI: interrupts of the pair are held off once one has come; the
 * poll function cleans all completed transmit descriptors and takes at most a
 * budget of received packets; it runs again while there is more, and then
 * enables interrupts. Where an application receives datagrams, polling that
 * lasts too long goes on in ksoftirqd, which takes turns with the application's
 * thread: each gets as much time as the other, while it has something to do.
 * Elsewhere a poll that always finds more starves the vCPU's threads.
 */
#include "models/workload/web_server.h"

struct round {
  uint32_t completed, received;
};

static struct round pending(const struct guest *g, unsigned queue)
{
  uint32_t budget = (uint32_t)g->config.costs->napi_budget;
  uint32_t received = g->rxq[queue].list.count;
  const struct guest_txq *q = &g->txq[queue];
  return (struct round){q->dev->ops->completions(q),
                        received < budget ? received : budget};
}

static int64_t cost(const struct guest *g, unsigned queue, struct round r)
{
  const struct guest_rxq *q = &g->rxq[queue];
  return q->dev->ops->poll_cycles(q, r.completed, r.received) +
         r.received * g->config.costs->receive_stack;
}

/* A round of so few has read its descriptors before more can have come; what
 * comes later raises another interrupt. */
enum { SHORT_ROUND = 4 };

static void spend(struct guest_cpu *cpu, struct round r, int64_t cycles)
{
  if (r.completed + r.received <= SHORT_ROUND)
    vcpu_run_short(&cpu->vcpu, cycles);
  else
    vcpu_run(&cpu->vcpu, cycles);
}

/* Polling that lasts longer goes on in ksoftirqd (Linux, kernel/softirq.c,
 * MAX_SOFTIRQ_TIME). */
#define SOFTIRQ_MOST (2 * HD_MS)

/* The cycles of a round pass in one piece, then it takes effect; those of
 * `entry` come before the first. False: there is more, but it is `until`; a
 * round is done in any case. */
static bool poll(struct guest_cpu *cpu, unsigned queue, int64_t entry,
                 hd_time until)
{
  struct guest *g = cpu->guest;
  struct round r = pending(g, queue);
  do {
    spend(cpu, r, entry + cost(g, queue, r));
    netdev_tx_clean(cpu, &g->txq[queue], r.completed);
    netdev_rx_deliver(cpu, &g->rxq[queue], r.received);
    web_softirq(cpu);
    peer_softirq(cpu);
    if (cpu->work)
      qdisc_run_all(cpu);
    entry = 0;
    r = pending(g, queue);
    if (r.completed == 0 && r.received == 0)
      return true;
  } while (vcpu_now(&cpu->vcpu) < until);
  return false;
}

static void begin(struct guest_cpu *cpu, struct guest_rxq *q)
{
  q->polling = true;
  for (struct packet *p = q->list.first; p; p = p->next)
    hd_stamps_mark(&p->stamps, HD_STAGE_INTERRUPT, vcpu_now(&cpu->vcpu));
}

void napi_run(struct guest_cpu *cpu, unsigned queue)
{
  struct guest_rxq *q = &cpu->guest->rxq[queue];
  const struct netdev_ops *dev = q->dev->ops;
  if (!dev->irq_begin(cpu, 1 + queue))
    return;
  hd_time until =
      cpu->fair ? vcpu_now(&cpu->vcpu) + SOFTIRQ_MOST : HD_TIME_NEVER;
  do {
    begin(cpu, q);
    if (!poll(cpu, queue, cpu->guest->config.costs->napi_entry, until)) {
      q->put_off = true;
      cpu->put_off++;
      return;
    }
    q->polling = false;
  } while (dev->irq_end(cpu, 1 + queue));
}

static void go_on(struct guest_cpu *cpu, struct guest_rxq *q)
{
  if (!poll(cpu, q->index, 0, 0))
    return;
  q->polling = false;
  if (q->dev->ops->irq_end(cpu, 1 + q->index)) {
    begin(cpu, q); /* more has come */
    return;
  }
  q->put_off = false;
  cpu->put_off--;
}

void napi_ksoftirqd(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  hd_time begun = vcpu_now(&cpu->vcpu);
  for (size_t i = 0; i < g->n_pairs; i++)
    if (g->rxq[i].cpu == cpu && g->rxq[i].put_off)
      go_on(cpu, &g->rxq[i]);
  hd_time now = vcpu_now(&cpu->vcpu);
  cpu->threads_until = now + (now - begun);
}

void napi_drain(struct guest_cpu *cpu, unsigned queue)
{
  struct round r = pending(cpu->guest, queue);
  if (r.completed == 0 && r.received == 0)
    return;
  begin(cpu, &cpu->guest->rxq[queue]);
  (void)poll(cpu, queue, cpu->guest->config.costs->napi_entry, HD_TIME_NEVER);
  cpu->guest->rxq[queue].polling = false;
}

void napi_interrupt(struct guest_cpu *cpu, unsigned i)
{
  struct guest *g = cpu->guest;
  if (i == 0) {
    g->netdev[0].ops->irq_end(cpu, i);
    return;
  }
  HD_REQUIRE(&cpu->vcpu.task.base, i <= g->n_pairs && g->rxq[i - 1].cpu == cpu,
             "interrupt vector %u is not this vCPU's", i);
  napi_run(cpu, i - 1);
}
