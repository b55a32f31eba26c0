/* virtio_net_rx.c - virtio-net: receive (virtio 1.2, 5.1.6.3). */
#include "models/workload/virtio_net.h"

static uint64_t buffer_of(const struct virtio_queue *q, uint16_t place)
{
  return q->buffers + (uint64_t)place * GUEST_BUFFER;
}

/* Gives the device `n` of the free buffers. A polling application's cost of a
 * packet includes it. */
static void refill(struct guest_cpu *cpu, struct virtio_queue *q, uint32_t n)
{
  const struct guest *g = cpu->guest;
  if (!virtio_net_of(q)->polled)
    vcpu_run(&cpu->vcpu, n * g->config.virtio->refill_buffer);
  for (uint32_t i = 0; i < n; i++) {
    uint16_t place = virtio_fifo_pop(&q->places).place;
    const struct virtq_buffer buffer = {.address = buffer_of(q, place),
                                        .length = VIRTIO_NET_RX_BUFFER,
                                        .writable = true};
    virtio_queue_add(q, &buffer, 1, (struct virtio_chain){.place = place},
                     NULL);
  }
  virtio_driver_publish(cpu, &q->vq);
}

void virtio_rx_start(struct guest_cpu *cpu, struct virtio_queue *q)
{
  refill(cpu, q, q->places.count);
}

/* virtnet_receive(): when more than half of a poll's budget is missing. */
static uint32_t refill_above(const struct guest *g,
                             const struct virtio_queue *q)
{
  uint32_t budget = (uint32_t)g->config.costs->napi_budget;
  uint32_t size = q->vq.ring.config.size;
  return virtio_net_of(q)->polled ? 0 : (budget < size ? budget : size) / 2;
}

/* The chains of a packet: its first one, and those that it is continued in. */
static void take_packet(struct virtio_queue *q)
{
  struct virtio_fifo *done = &q->done;
  do {
    virtio_fifo_push(&q->places, virtio_fifo_pop(done));
  } while (done->count > 0 && !done->at[done->head].first);
}

void virtio_rx_give_back(struct guest_cpu *cpu, struct guest_rxq *r, uint32_t n)
{
  struct virtio_queue *q = virtio_rxq_of(r);
  for (uint32_t i = 0; i < n; i++)
    take_packet(q);
  if (q->places.count > refill_above(cpu->guest, q) &&
      !netdev_is_gone(cpu, r->dev))
    refill(cpu, q, q->places.count);
}

void virtio_rx_arrived(struct guest_cpu *cpu, struct virtio_queue *q,
                       struct packet *p)
{
  const struct virtio_fifo *done = &q->done;
  const struct virtio_chain *newest =
      &done->at[(done->head + done->count - 1) % done->size];
  p->buffer = buffer_of(q, newest->place) + VIRTIO_NET_HEADER;
  p->next = NULL;
  netdev_rx_arrived(cpu, &cpu->guest->rxq[q->pair], p, 1);
}
