/* virtio_net_queue.c - building the driver's virtqueues, and its chains. */
#include <stdlib.h>
#include <string.h>

#include "models/workload/virtio_net.h"

/* ---- lists -------------------------------------------------------------- */

static struct virtio_fifo fifo_create(uint32_t size)
{
  return (struct virtio_fifo){
      .at = guest_allocate(size, sizeof(struct virtio_chain)), .size = size};
}

void virtio_fifo_push(struct virtio_fifo *f, struct virtio_chain c)
{
  f->at[(f->head + f->count++) % f->size] = c;
}

struct virtio_chain virtio_fifo_pop(struct virtio_fifo *f)
{
  struct virtio_chain c = f->at[f->head];
  f->head = (f->head + 1) % f->size;
  f->count--;
  return c;
}

/* ---- queues ------------------------------------------------------------- */

static struct virtq_config ring_config(const struct virtio_params *p,
                                       uint64_t features, bool transmit)
{
  bool table = transmit && !p->inline_header &&
               virtio_has(features, VIRTIO_F_INDIRECT_DESC);
  return (struct virtq_config){.size = (uint32_t)p->ring_size,
                               .features = features & VIRTIO_RING_FEATURES,
                               .indirect_entries =
                                   table ? VIRTIO_NET_TABLE : 0};
}

static uint64_t header_bytes(const struct virtio_params *p, bool transmit)
{
  return transmit && !p->inline_header
             ? (uint64_t)p->ring_size * VIRTIO_NET_HEADER
             : 0;
}

uint64_t virtio_queue_memory(const struct guest_config *c, uint64_t features,
                             bool transmit)
{
  const struct virtio_params *p = c->virtio;
  struct virtq_config ring = ring_config(p, features, transmit);
  return guest_page_round(virtq_config_place(&ring, 0)) +
         guest_page_round(header_bytes(p, transmit)) +
         guest_page_round((uint64_t)p->ring_size * GUEST_BUFFER);
}

static void place(struct guest *g, struct virtio_queue *q,
                  struct virtq_config *ring, uint64_t *next)
{
  const struct virtio_params *p = g->config.virtio;
  uint64_t base = *next;
  *next = base + guest_page_round(virtq_config_place(ring, base) - base);
  q->headers = guest_take(next, header_bytes(p, q->transmit));
  q->buffers = guest_take(next, (uint64_t)p->ring_size * GUEST_BUFFER);
}

/* All buffers are free. */
static void offer_places(struct virtio_queue *q)
{
  for (uint32_t i = 0; i < q->places.size; i++)
    virtio_fifo_push(&q->places, (struct virtio_chain){.place = (uint16_t)i});
}

void virtio_queue_create(struct guest *g, struct virtio_net *v, unsigned index,
                         uint64_t *next)
{
  struct virtio_queue *q = &v->queues[index];
  q->pair = v->dev->first + index / 2;
  q->transmit = index % 2 == 1;
  bool control = index / 2 == g->config.queue_pairs;
  q->vq.cpu = control ? &g->cpus[0] : g->rxq[q->pair].cpu;
  struct virtq_config ring =
      ring_config(g->config.virtio, v->driver.function.features, q->transmit);
  place(g, q, &ring, next);
  virtio_driver_queue_create(g, &q->vq, &ring);
  q->chains = guest_allocate(ring.size, sizeof *q->chains);
  q->done = fifo_create(ring.size);
  q->places = fifo_create(ring.size);
  offer_places(q);
}

void virtio_queue_reset(struct virtio_queue *q)
{
  virtq_driver_reset(&q->vq.driver);
  memset(q->chains, 0, q->places.size * sizeof *q->chains);
  q->vq.kick_arrives = 0;
  q->done.count = q->places.count = 0;
  q->outstanding = 0;
  q->added = 0;
  q->stopped = q->held_off = q->cleaned = false;
  offer_places(q);
}

void virtio_queue_destroy(struct virtio_queue *q)
{
  virtio_driver_queue_destroy(&q->vq);
  free(q->chains);
  free(q->done.at);
  free(q->places.at);
}

/* ---- chains ------------------------------------------------------------- */

/* Its ID as the ring has it: in the available ring (2.7.6) or in the chain's
 * last descriptor (2.8.5). */
static uint16_t newest(struct virtio_queue *q, uint32_t slots)
{
  uint32_t size = q->vq.ring.config.size;
  uint64_t step = q->vq.ring.packed ? slots : 1;
  q->added += step;
  uint32_t last = (uint32_t)((q->added - 1) % size);
  return q->vq.ring.packed ? q->vq.ring.desc[last].link
                           : q->vq.ring.avail[last];
}

void virtio_queue_add(struct virtio_queue *q, const struct virtq_buffer *buffer,
                      uint32_t count, struct virtio_chain chain, void *cookie)
{
  uint32_t slots = virtq_driver_slots(&q->vq.driver, count);
  enum virtq_status status =
      virtq_driver_add(&q->vq.driver, buffer, count, cookie);
  HD_REQUIRE(&q->vq.cpu->vcpu.task.base, status == VIRTQ_OK, "virtqueue %u: %s",
             q->vq.index, virtq_status_text(status));
  chain.busy = true;
  q->chains[newest(q, slots)] = chain;
}
