/*
 * qdisc.c - the queueing discipline in front of a full transmit ring: first in,
 * first out, as Linux's pfifo_fast with one band in use. What the ring gets
 * room for is dequeued in one go and announced by one doorbell.
 */
#include "models/workload/guest_internal.h"

static void drop(struct guest_cpu *cpu, struct packet *p)
{
  struct guest *g = cpu->guest;
  struct guest_stream *s = &g->streams[p->stream];
  uint32_t truesize = guest_packet_truesize(g, p);
  packet_free(g->config.packets, p);
  s->socket.freed += truesize;
  if (guest_in_window(cpu))
    cpu->counters.dropped++;
  if (s->cpu == cpu)
    socket_release(s, truesize);
  else
    guest_send(cpu, s->cpu, GUEST_SOCKET_FREED, s->number, truesize, NULL);
}

void qdisc_enqueue(struct guest_cpu *cpu, struct guest_txq *q, struct packet *p)
{
  if (q->qdisc.count >= GUEST_QDISC_LIMIT) {
    drop(cpu, p);
    return;
  }
  packet_list_push(&q->qdisc, p);
  if (guest_in_window(cpu) && q->qdisc.count > cpu->counters.qdisc_max)
    cpu->counters.qdisc_max = q->qdisc.count;
}

void qdisc_reset(struct guest_cpu *cpu, struct guest_txq *q)
{
  while (q->qdisc.count > 0)
    drop(cpu, packet_list_pop(&q->qdisc));
}

static uint32_t ready(const struct guest_txq *q)
{
  uint32_t room = q->dev->ops->room(q);
  return q->qdisc.count < room ? q->qdisc.count : room;
}

/* One announcement for n packets. */
static void transmit(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n)
{
  struct guest *g = cpu->guest;
  if (n == 0)
    return;
  if (q->dev->ops->reclaim)
    q->dev->ops->reclaim(cpu, q);
  for (uint32_t i = 0; i < n; i++) {
    struct packet *p = packet_list_pop(&q->qdisc);
    netdev_tx_post(cpu, q, p, guest_packet_truesize(g, p));
  }
  q->dev->ops->announce(cpu, q);
}

/* An interrupt may run this again while the cycles pass: what is ready then
 * counts. */
static void run(struct guest_cpu *cpu, struct guest_txq *q)
{
  const struct netdev_ops *dev = q->dev->ops;
  uint32_t n = ready(q);
  if (dev->touch)
    dev->touch(cpu, q);
  vcpu_run(&cpu->vcpu, dev->send_cycles(q, n));
  bool enabled = guest_irq_save(cpu);
  uint32_t now = ready(q);
  transmit(cpu, q, n < now ? n : now);
  guest_irq_restore(cpu, enabled);
}

void qdisc_run_all(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  cpu->work = false;
  for (uint32_t i = 0; i < g->n_pairs; i++) {
    struct guest_txq *q = &g->txq[i];
    if (q->owner == cpu)
      while (ready(q) > 0)
        run(cpu, q);
  }
}
