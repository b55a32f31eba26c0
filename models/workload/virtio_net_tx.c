/* virtio_net_tx.c - virtio-net: transmit (virtio 1.2, 5.1.6.2). */
#include "models/workload/virtio_net.h"

static uint32_t free_slots(const struct virtio_queue *q)
{
  return q->vq.ring.config.size - q->outstanding * virtio_net_of(q)->slots;
}

/* How often a packet can be posted until fewer than the reserve are free. */
uint32_t virtio_tx_room(const struct guest_txq *t)
{
  const struct virtio_queue *q = virtio_txq_of(t);
  uint32_t slots = virtio_net_of(q)->slots, unused = free_slots(q);
  if (virtio_net_of(q)->polled)
    return unused / slots;
  return q->stopped ? 0 : (unused - VIRTIO_NET_RESERVE) / slots + 1;
}

int64_t virtio_tx_cycles(const struct guest_txq *t, uint32_t packets)
{
  const struct guest *g = t->owner->guest;
  const struct virtio_params *p = g->config.virtio;
  int64_t buffers = p->inline_header ? 1 : 2;
  int64_t each = p->transmit + buffers * p->add_descriptor;
  if (virtio_txq_of(t)->vq.ring.table != NULL)
    each += p->indirect_table;
  return packets * each + p->kick_prepare + p->callback;
}

/* ---- sending ---------------------------------------------------------------
 */

/* Before a packet: start_xmit()'s free_old_xmit(). */
void virtio_tx_reclaim(struct guest_cpu *cpu, struct guest_txq *t)
{
  const struct virtio_params *p = cpu->guest->config.virtio;
  uint32_t n = virtio_txq_of(t)->done.count;
  if (n == 0)
    return;
  vcpu_run_short(&cpu->vcpu, n * (p->take_used + p->free_packet));
  virtio_tx_clean(cpu, t, n);
}

/* The header goes in front of the frame, in its headroom or in a buffer of its
 * own. */
void virtio_tx_post(struct guest_txq *t, struct packet *p, uint32_t truesize)
{
  struct guest *g = t->owner->guest;
  struct virtio_queue *q = virtio_txq_of(t);
  uint16_t place = virtio_fifo_pop(&q->places).place;
  if (!packet_in_place(p))
    p->buffer = q->buffers + (uint64_t)place * GUEST_BUFFER + VIRTIO_NET_HEADER;
  struct virtq_buffer buffer[2] = {
      {.address = q->headers + (uint64_t)place * VIRTIO_NET_HEADER,
       .length = VIRTIO_NET_HEADER},
      {.address = p->buffer, .length = packet_dma_bytes(p)}};
  bool together = g->config.virtio->inline_header;
  if (together)
    buffer[0] = (struct virtq_buffer){.address = p->buffer - VIRTIO_NET_HEADER,
                                      .length = VIRTIO_NET_HEADER +
                                                packet_dma_bytes(p)};
  virtio_queue_add(q, buffer, together ? 1 : 2,
                   (struct virtio_chain){.truesize = truesize,
                                         .stream = p->stream,
                                         .place = place},
                   p);
  q->outstanding++;
  q->stopped = !virtio_net_of(q)->polled && free_slots(q) < VIRTIO_NET_RESERVE;
}

/* virtqueue_enable_cb_delayed(): at three quarters of what is outstanding, the
 * last packet itself counting only if it has stopped the queue. */
void virtio_tx_announce(struct guest_cpu *cpu, struct guest_txq *t)
{
  struct virtio_queue *q = virtio_txq_of(t);
  if (!virtio_net_of(q)->polled) {
    uint32_t counted = q->stopped ? q->outstanding : q->outstanding - 1;
    if (virtio_enable(cpu, q, counted * 3 / 4, false))
      cpu->scheduled = true;
  }
  virtio_driver_publish(cpu, &q->vq);
}

/* ---- completion -------------------------------------------------------------
 */

/* Pays for the IPIs to other vCPUs whose threads have waited long enough. */
static void wake_waiting(struct guest_cpu *cpu, const struct virtio_queue *q,
                         uint32_t n)
{
  struct guest *g = cpu->guest;
  const struct virtio_fifo *done = &q->done;
  const struct guest_netdev *dev = virtio_net_of(q)->dev;
  unsigned ipis = 0;
  for (uint32_t i = 0; i < n; i++) {
    const struct virtio_chain *c = &done->at[(done->head + i) % done->size];
    if (c->truesize > 0)
      ipis += netdev_tx_wakes(dev, &g->streams[c->stream], c->truesize);
  }
  for (; ipis > 0; ipis--)
    vcpu_exit(&cpu->vcpu, EXIT_IPI);
}

/* Neighbours of one stream are released together. */
static void release(struct guest_cpu *cpu, struct virtio_queue *q, uint32_t n)
{
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < n; i++) {
    struct virtio_chain c = virtio_fifo_pop(&q->done);
    virtio_fifo_push(&q->places, c);
    bytes += c.truesize;
    bool last = i + 1 == n || q->done.at[q->done.head].stream != c.stream;
    if (last && bytes > 0) {
      netdev_tx_release(cpu, &cpu->guest->streams[c.stream], bytes);
      bytes = 0;
    }
  }
}

void virtio_tx_clean(struct guest_cpu *cpu, struct guest_txq *t, uint32_t n)
{
  struct virtio_queue *q = virtio_txq_of(t);
  wake_waiting(cpu, q, n);
  release(cpu, q, n);
  t->freed += n;
  q->outstanding -= n;
  q->cleaned = true;
  if (free_slots(q) >= VIRTIO_NET_RESERVE)
    q->stopped = false;
  if (t->qdisc.count > 0)
    cpu->work = true;
}
