/*
 * napi.c - the interrupt handler of a queue pair's vector and its poll loop.
 *
 * As Linux's NAPI: the device keeps the vector disabled after it has fired;
 * the poll function cleans all completed transmit descriptors and takes at most
 * a budget of received packets; it runs again while there is more, and then
 * enables the vector. (ksoftirqd is not modelled: a poll that always finds more
 * starves the vCPU's threads.)
 */
#include "models/workload/guest_internal.h"

struct round {
  uint32_t completed, received;
};

static struct round pending(const struct guest *g, unsigned queue)
{
  uint32_t budget = (uint32_t)g->config.costs->napi_budget;
  uint32_t received = g->rxq[queue].list.count;
  return (struct round){netdev_tx_completions(&g->txq[queue]),
                        received < budget ? received : budget};
}

static int64_t cost(const struct guest *g, struct round r)
{
  const struct guest_params *k = g->config.costs;
  return r.completed * k->clean_descriptor +
         r.received * (k->receive_driver + k->receive_stack);
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
    spend(cpu, r, entry + cost(g, r));
    netdev_tx_clean(cpu, &g->txq[queue], r.completed);
    netdev_rx_deliver(cpu, &g->rxq[queue], r.received);
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

static void enable_vector(struct guest_cpu *cpu, unsigned i)
{
  const struct guest *g = cpu->guest;
  vcpu_mmio_write(&cpu->vcpu, g->config.nic_device,
                  NIC_VECTOR(g->registers.first_vector + i),
                  NIC_INT_CONTROL(NIC_ITR_KEEP), NULL);
}

void napi_interrupt(struct vcpu *v, unsigned vector)
{
  struct guest_cpu *cpu = guest_cpu_of(v);
  struct guest *g = cpu->guest;
  unsigned i = vector >= GUEST_VECTOR(0) ? vector - GUEST_VECTOR(0) : vector;
  if (i > 0) {
    HD_REQUIRE(&v->task.base,
               i <= g->config.queue_pairs && g->rxq[i - 1].cpu == cpu,
               "interrupt vector %u is not this vCPU's", vector);
    struct guest_rxq *q = &g->rxq[i - 1];
    begin(cpu, q);
    poll(cpu, i - 1);
    q->polling = false;
  }
  enable_vector(cpu, i);
}
