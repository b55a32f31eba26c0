/*
 * virtio_blk.c - the virtio-blk driver (virtio 1.2, 5.2).
 *
 * Memory holds queue after queue: the virtqueue's parts, then a place of 32 B
 * for the header and the status of each request. A request's tag is its place.
 * With indirect tables a request takes one descriptor of the ring; without, up
 * to three, and there are half as many tags (Linux, virtblk_probe(); from
 * memory).
 */
#include <stdlib.h>

#include "models/workload/blockdev.h"
#include "models/workload/virtio_driver.h"

enum {
  HEADER = 16, /* struct virtio_blk_req, bytes (5.2.6) */
  STATUS = 1,
  PLACE = 32,
  CHAIN = 3 /* buffers: header, data, status */
};

struct virtio_blk_queue {
  struct virtio_driver_queue vq; /* first */
  uint64_t places;               /* guest physical */
  uint16_t *tags;                /* a stack of free ones */
  uint32_t n_tags, all_tags;
  uint64_t used; /* requests taken from the ring and not yet released */
};

struct virtio_blk {
  struct virtio_driver driver; /* first */
  struct virtio_blk_queue *queues;
};

static struct virtio_blk_queue *queue_of(const struct guest *g,
                                         const struct blockdev_queue *q)
{
  return &((struct virtio_blk *)g->virtio)->queues[q->index];
}

/* ---- building ----------------------------------------------------------- */

static uint64_t offer(const struct guest_config *c)
{
  return virtio_driver_ring_features(c->virtio) |
         VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) | VIRTIO_BIT(VIRTIO_BLK_F_BLK_SIZE) |
         VIRTIO_BIT(VIRTIO_BLK_F_FLUSH) |
         virtio_when(c->queue_pairs > 1, VIRTIO_BLK_F_MQ);
}

/* The driver supports all that is offered. */
static uint64_t negotiated(const struct guest_config *c)
{
  const char *why = virtio_params_refused(c->virtio, 1);
  HD_REQUIRE(NULL, why == NULL, "%s: virtio device: %s", c->path, why);
  return virtio_driver_accept(c, VIRTIO_TYPE_BLK, offer(c), offer(c));
}

static struct virtq_config ring_config(const struct guest_config *c)
{
  uint64_t features = negotiated(c);
  bool table = virtio_has(features, VIRTIO_F_INDIRECT_DESC);
  return (struct virtq_config){.size = (uint32_t)c->virtio->ring_size,
                               .features = features & VIRTIO_RING_FEATURES,
                               .indirect_entries = table ? CHAIN : 0};
}

static uint64_t place_bytes(const struct guest_config *c)
{
  return (uint64_t)c->virtio->ring_size * PLACE;
}

static uint64_t memory(const struct guest_config *c)
{
  struct virtq_config ring = ring_config(c);
  return c->queue_pairs * (guest_page_round(virtq_config_place(&ring, 0)) +
                           guest_page_round(place_bytes(c)));
}

/* A notification page per queue if their registers are that far apart. */
static size_t pages(const struct guest_config *c)
{
  return c->queue_pairs + 1;
}

static struct virtio_driver_queue *queue_at(struct virtio_driver *v,
                                            unsigned index)
{
  return &((struct virtio_blk *)v)->queues[index].vq;
}

static void create_queue(struct guest *g, unsigned index, uint64_t *next)
{
  struct virtio_blk_queue *v = queue_of(g, blockdev_queue_at(g, index));
  struct virtq_config ring = ring_config(&g->config);
  uint64_t base = *next;
  *next = base + guest_page_round(virtq_config_place(&ring, base) - base);
  v->places = guest_take(next, place_bytes(&g->config));
  v->vq.cpu = blockdev_queue_at(g, index)->cpu;
  virtio_driver_queue_create(g, &v->vq, &ring);
  v->all_tags = ring.indirect_entries > 0 ? ring.size : ring.size / 2;
  v->tags = guest_allocate(v->all_tags, sizeof *v->tags);
  for (uint32_t tag = v->all_tags; tag-- > 0;)
    v->tags[v->n_tags++] = (uint16_t)tag;
}

static void create(struct guest *g, uint64_t base)
{
  const struct guest_config *c = &g->config;
  struct virtio_blk *b = guest_allocate(1, sizeof *b);
  g->virtio = &b->driver;
  b->queues = guest_allocate(c->queue_pairs, sizeof *b->queues);
  virtio_driver_create(g, &b->driver, VIRTIO_BLK, (uint16_t)c->queue_pairs,
                       offer(c), negotiated(c), queue_at);
  for (unsigned i = 0; i < c->queue_pairs; i++)
    create_queue(g, i, &base);
}

static void destroy(struct guest *g)
{
  struct virtio_blk *b = (struct virtio_blk *)g->virtio;
  for (unsigned i = 0; i < g->config.queue_pairs; i++) {
    virtio_driver_queue_destroy(&b->queues[i].vq);
    free(b->queues[i].tags);
  }
  virtio_driver_destroy(&b->driver);
  free(b->queues);
  free(b);
}

/* ---- posting ------------------------------------------------------------ */

/* The longest chain counts. */
static uint32_t room(const struct guest *g, const struct blockdev_queue *q)
{
  const struct virtio_blk_queue *v = queue_of(g, q);
  uint32_t chains = virtq_driver_free(&v->vq.driver) /
                    virtq_driver_slots(&v->vq.driver, CHAIN);
  return chains < v->n_tags ? chains : v->n_tags;
}

static int64_t post_cycles(const struct guest *g,
                           const struct blockdev_queue *q, uint32_t requests)
{
  const struct virtio_params *p = g->config.virtio;
  int64_t each = CHAIN * p->add_descriptor;
  if (queue_of(g, q)->vq.ring.table != NULL)
    each += p->indirect_table;
  return requests * each + p->kick_prepare;
}

/* 5.2.6: header, data if there is any, status. */
static void post(struct guest *g, struct blockdev_queue *q,
                 struct block_request *r)
{
  struct virtio_blk_queue *v = queue_of(g, q);
  r->tag = v->tags[--v->n_tags];
  uint64_t place = v->places + (uint64_t)r->tag * PLACE;
  struct virtq_buffer buffer[CHAIN] = {{.address = place, .length = HEADER}};
  uint32_t count = 1;
  if (r->op != BLOCK_FLUSH)
    buffer[count++] = (struct virtq_buffer){.address = r->buffer,
                                            .length = r->bytes,
                                            .writable = r->op == BLOCK_READ};
  buffer[count++] = (struct virtq_buffer){
      .address = place + HEADER, .length = STATUS, .writable = true};
  enum virtq_status status = virtq_driver_add(&v->vq.driver, buffer, count, r);
  HD_REQUIRE(&q->cpu->vcpu.task.base, status == VIRTQ_OK, "virtqueue %u: %s",
             q->index, virtq_status_text(status));
}

static void announce(struct guest_cpu *cpu, struct blockdev_queue *q)
{
  virtio_driver_publish(cpu, &queue_of(cpu->guest, q)->vq);
}

/* ---- completion --------------------------------------------------------- */

static bool memory_written(struct guest_cpu *cpu,
                           const struct guest_memory_msg *m)
{
  struct guest *g = cpu->guest;
  struct virtio_driver_queue *vq = virtio_driver_queue_of(cpu, m->object);
  struct blockdev_queue *q = blockdev_queue_at(g, vq->index);
  struct virtq_view view = virtq_view_decode(m->data);
  struct virtq_completion c;
  if (virtq_driver_see(&vq->driver, &view))
    cpu->scheduled = true;
  while (virtq_driver_pending(&vq->driver) &&
         virtq_driver_take(&vq->driver, &c) == VIRTQ_OK) {
    HD_REQUIRE(&cpu->vcpu.task.base, c.cookie != NULL,
               "virtqueue %u: a used chain without its request", q->index);
    queue_of(g, q)->used++;
    block_found(cpu, q, c.cookie);
  }
  HD_REQUIRE(&cpu->vcpu.task.base, vq->driver.error == VIRTQ_OK,
             "virtqueue %u: %s", q->index, virtq_status_text(vq->driver.error));
  return cpu->polls;
}

static int64_t take_cycles(const struct guest *g,
                           const struct blockdev_queue *q, uint32_t requests)
{
  (void)q;
  return requests * g->config.virtio->take_used;
}

static void release(struct guest *g, struct blockdev_queue *q,
                    struct block_request *r)
{
  struct virtio_blk_queue *v = queue_of(g, q);
  v->tags[v->n_tags++] = r->tag;
  v->used--;
}

/* virtblk_done(): callbacks off, all there is, callbacks on, once more. */
static void irq_begin(struct guest_cpu *cpu, struct blockdev_queue *q)
{
  virtio_driver_disable(cpu, &queue_of(cpu->guest, q)->vq);
}

static bool irq_end(struct guest_cpu *cpu, struct blockdev_queue *q)
{
  vcpu_run_short(&cpu->vcpu, cpu->guest->config.virtio->callback);
  return virtio_driver_enable(cpu, &queue_of(cpu->guest, q)->vq, 0, true) ||
         q->found.count > 0;
}

static void poll_start(struct guest_cpu *cpu, struct blockdev_queue *q)
{
  virtio_driver_disable(cpu, &queue_of(cpu->guest, q)->vq);
}

/* ---- the driver's life -------------------------------------------------- */

static void probe(struct guest_cpu *cpu)
{
  virtio_driver_probe(cpu, cpu->guest->virtio);
  vcpu_run(&cpu->vcpu, cpu->guest->config.virtio->boot_cycles);
}

static bool message(struct guest_cpu *cpu, const struct guest_msg *m)
{
  return m->value == VIRTIO_LOOK && virtio_driver_looked(cpu, m);
}

static void deferred(struct guest_cpu *cpu)
{
  cpu->scheduled = false;
  block_service_all(cpu);
}

/* ---- books -------------------------------------------------------------- */

static const char *check(const struct guest *g, const struct blockdev_queue *q,
                         uint64_t in_ring)
{
  const struct virtio_blk_queue *v = queue_of(g, q);
  if (v->vq.driver.error != VIRTQ_OK)
    return virtq_status_text(v->vq.driver.error);
  if (v->vq.driver.in_flight != in_ring)
    return "virtio-blk: chains in the ring are not the requests posted";
  if (v->used != q->found.count)
    return "virtio-blk: used requests are not those found";
  if (in_ring + v->used + v->n_tags != v->all_tags)
    return "virtio-blk: tags are not free, in the ring or used";
  return NULL;
}

const struct blockdev_ops virtio_blk_ops = {
    .device = {.memory = memory,
               .pages = pages,
               .create = create,
               .destroy = destroy,
               .probe = probe,
               .memory_written = memory_written,
               .message = message,
               .deferred = deferred,
               .before_idle = virtio_driver_before_idle},
    .room = room,
    .post_cycles = post_cycles,
    .post = post,
    .announce = announce,
    .take_cycles = take_cycles,
    .release = release,
    .irq_begin = irq_begin,
    .irq_end = irq_end,
    .poll_start = poll_start,
    .check = check};
