/*
 * virtio_net_poll.c - virtio-net: what the device has used, callbacks around
 * NAPI's polls.
 */
#include "models/workload/virtio_net.h"

/* ---- used chains ------------------------------------------------------------
 */

static void take(struct guest_cpu *cpu, struct virtio_queue *q,
                 const struct virtq_completion *c)
{
  struct virtio_chain chain = q->chains[c->id];
  q->chains[c->id].busy = false;
  chain.first = c->cookie != NULL;
  virtio_fifo_push(&q->done, chain);
  if (!q->transmit && c->cookie != NULL)
    virtio_rx_arrived(cpu, q, c->cookie);
}

bool virtio_memory_written(struct guest_cpu *cpu,
                           const struct guest_memory_msg *m)
{
  struct virtio_queue *q =
      (struct virtio_queue *)virtio_driver_queue_of(cpu, m->object);
  struct virtq_view view = virtq_view_decode(m->data);
  struct virtq_completion c;
  if (virtq_driver_see(&q->vq.driver, &view))
    cpu->scheduled = true;
  while (virtq_driver_pending(&q->vq.driver) &&
         virtq_driver_take(&q->vq.driver, &c) == VIRTQ_OK)
    take(cpu, q, &c);
  HD_REQUIRE(&cpu->vcpu.task.base, q->vq.driver.error == VIRTQ_OK,
             "virtqueue %u: %s", q->vq.index,
             virtq_status_text(q->vq.driver.error));
  return cpu->polls;
}

/* ---- callbacks ------------------------------------------------------------
 */

bool virtio_enable(struct guest_cpu *cpu, struct virtio_queue *q,
                   uint32_t after, bool tell)
{
  bool chains = q->vq.ring.packed && q->transmit;
  uint32_t slots = virtio_net_of(q)->slots;
  return virtio_driver_enable(cpu, &q->vq, chains ? after * slots : after,
                              tell);
}

/* ---- NAPI -------------------------------------------------------------------
 */

static bool anything(const struct guest *g, unsigned pair)
{
  return g->rxq[pair].list.count > 0 ||
         virtio_txq_of(&g->txq[pair])->done.count > 0;
}

/* Transmit's callbacks are held off only if there is something to free. */
bool virtio_irq_begin(struct guest_cpu *cpu, unsigned vector)
{
  struct guest *g = cpu->guest;
  if (vector == 0 || !anything(g, vector - 1))
    return false;
  struct virtio_queue *tx = virtio_txq_of(&g->txq[vector - 1]);
  virtio_driver_disable(cpu, &virtio_rxq_of(&g->rxq[vector - 1])->vq);
  tx->held_off = tx->done.count > 0;
  tx->cleaned = false;
  if (tx->held_off)
    virtio_driver_disable(cpu, &tx->vq);
  return true;
}

int64_t virtio_poll_cycles(const struct guest_rxq *r, uint32_t completed,
                           uint32_t received)
{
  const struct virtio_params *p = r->cpu->guest->config.virtio;
  const struct virtio_queue *q = virtio_rxq_of(r);
  uint32_t more = received == r->list.count ? q->done.count - received : 0;
  return completed * (p->take_used + p->free_packet) +
         received * (p->take_used + p->receive) + more * p->take_used;
}

static bool enable(struct guest_cpu *cpu, struct virtio_queue *q,
                   uint32_t after)
{
  vcpu_run_short(&cpu->vcpu, cpu->guest->config.virtio->callback);
  return virtio_enable(cpu, q, after, true);
}

/* virtqueue_napi_complete(); transmit: virtnet_poll_tx(), which waits for the
 * next chain, or virtnet_poll_cleantx(), for three quarters of them. */
bool virtio_irq_end(struct guest_cpu *cpu, unsigned vector)
{
  struct guest *g = cpu->guest;
  if (vector == 0)
    return false;
  struct virtio_queue *tx = virtio_txq_of(&g->txq[vector - 1]);
  bool more = enable(cpu, virtio_rxq_of(&g->rxq[vector - 1]), 0);
  if (tx->held_off)
    more |= enable(cpu, tx, 0);
  else if (tx->cleaned)
    more |= enable(cpu, tx, tx->outstanding * 3 / 4);
  tx->held_off = tx->cleaned = false;
  return more || anything(g, vector - 1);
}

void virtio_poll_due(struct guest_cpu *cpu, const struct guest_netdev *dev)
{
  struct guest *g = cpu->guest;
  bool enabled = guest_irq_save(cpu);
  for (unsigned pair = 0; pair < g->config.queue_pairs; pair++)
    if (g->rxq[dev->first + pair].cpu == cpu)
      napi_run(cpu, dev->first + pair);
  guest_irq_restore(cpu, enabled);
}
