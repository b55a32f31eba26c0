/*
 * napi.c - the interrupt handler of a queue pair's vector and its poll loop.
 *
 * As Linux's NAPI: interrupts of the pair are held off once one has come; the
 * poll function cleans all completed transmit descriptors and takes at most a
 * budget of received packets; it runs again while there is more, and then
 * enables interrupts. (ksoftirqd is not modelled: a poll that always finds more
 * starves the vCPU's threads.)
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

/* The cycles of a round pass in one piece, then it takes effect. */
static void poll(struct guest_cpu *cpu, unsigned queue)
{
  struct guest *g = cpu->guest;
  int64_t entry = g->config.costs->napi_entry;
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
  } while (r.completed > 0 || r.received > 0);
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
  do {
    begin(cpu, q);
    poll(cpu, queue);
    q->polling = false;
  } while (dev->irq_end(cpu, 1 + queue));
}

void napi_drain(struct guest_cpu *cpu, unsigned queue)
{
  struct round r = pending(cpu->guest, queue);
  if (r.completed == 0 && r.received == 0)
    return;
  begin(cpu, &cpu->guest->rxq[queue]);
  poll(cpu, queue);
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
