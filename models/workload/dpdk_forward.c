/*
 * dpdk_forward.c - a polling guest that sends every frame back, as testpmd.
 *
 * One thread a vCPU polls the vCPU's queues in turn, without interrupts. A poll
 * takes a burst, turns the packets round and announces them with one doorbell;
 * what the transmit ring has no room for is dropped, as testpmd does. Empty
 * polls are not simulated one by one: the thread waits for the next write-back
 * and goes on with the poll that would have found it.
 */
#include "models/workload/guest_internal.h"

/* The queue's packets that this poll takes, on their way to cpu->burst. */
static void take_burst(struct guest_cpu *cpu, struct guest_rxq *q)
{
  struct guest *g = cpu->guest;
  hd_time now = vcpu_now(&cpu->vcpu);
  uint32_t burst = (uint32_t)g->config.dpdk_forward->burst;
  while (cpu->burst.count < burst && q->list.count > 0) {
    struct packet *p = packet_list_pop(&q->list);
    q->handled++;
    hd_stamps_mark(&p->stamps, HD_STAGE_INTERRUPT, now);
    if (guest_in_window(cpu)) {
      cpu->counters.received_packets++;
      cpu->counters.received_bytes += p->payload;
    }
    packet_list_push(&cpu->burst, p);
  }
}

static void drop(struct guest_cpu *cpu, struct packet *p)
{
  if (guest_in_window(cpu))
    cpu->counters.dropped++;
  packet_free(cpu->guest->config.packets, p);
}

static void send_burst(struct guest_cpu *cpu, struct guest_txq *q)
{
  const struct netdev_ops *dev = q->dev->ops;
  if (dev->touch)
    dev->touch(cpu, q);
  uint32_t posted = 0;
  while (cpu->burst.count > 0) {
    struct packet *p = packet_list_pop(&cpu->burst);
    if (dev->room(q) == 0) {
      drop(cpu, p);
      continue;
    }
    p->kind = PACKET_FORWARD;
    p->queue = (uint16_t)q->index;
    netdev_tx_post(cpu, q, p, 0);
    posted++;
  }
  if (posted > 0)
    dev->announce(cpu, q);
}

/* One poll of one queue pair; true if it found packets. */
static bool poll(struct guest_cpu *cpu, unsigned queue)
{
  struct guest *g = cpu->guest;
  struct guest_txq *tx = &g->txq[queue];
  struct guest_rxq *rx = &g->rxq[queue];
  netdev_tx_clean(cpu, tx, tx->dev->ops->completions(tx));
  take_burst(cpu, rx);
  uint32_t n = cpu->burst.count;
  if (n == 0)
    return false;
  vcpu_run(&cpu->vcpu, (int64_t)n * g->config.costs->poll_packet);
  netdev_tx_clean(cpu, tx, tx->dev->ops->completions(tx));
  send_burst(cpu, tx);
  rx->dev->ops->give_back(cpu, rx, n);
  return true;
}

/* One turn over the vCPU's queues. Those without packets cost nothing here:
 * their empty polls are part of the period that a turn waits for. */
static bool poll_all(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  bool found = false;
  cpu->activity = false;
  for (uint32_t q = 0; q < g->config.queue_pairs; q++)
    if (g->rxq[q].cpu == cpu)
      found |= poll(cpu, q);
  return found;
}

/* Duration of a turn that finds nothing, at least a picosecond. */
static hd_time empty_turn(const struct guest_cpu *cpu)
{
  const struct guest *g = cpu->guest;
  int64_t queues = 0;
  for (uint32_t q = 0; q < g->config.queue_pairs; q++)
    queues += g->rxq[q].cpu == cpu;
  hd_time turn =
      hd_clock_span(&cpu->vcpu.clock, queues * g->config.costs->poll_empty);
  return hd_time_max(turn, 1);
}

/* Polls in vain until something has arrived, and to the end of that turn. */
static void poll_in_vain(struct guest_cpu *cpu, hd_time turn)
{
  hd_time first = vcpu_now(&cpu->vcpu);
  while (!cpu->activity)
    vcpu_spin_for_message(&cpu->vcpu, HD_TIME_NEVER);
  hd_time passed = vcpu_now(&cpu->vcpu) - first;
  vcpu_spin_until(&cpu->vcpu, first + (passed + turn - 1) / turn * turn);
}

void dpdk_forward_run(struct guest_cpu *cpu)
{
  hd_time turn = empty_turn(cpu);
  cpu->polls = true;
  for (;;)
    if (!poll_all(cpu))
      poll_in_vain(cpu, turn);
}
