/* block_guest.c - the device's side of a guest's virtio-blk queues. */
#include "models/vhost_block/block_guest.h"

#include <stdlib.h>

#include "models/workload/guest.h"

/* ---- life ---------------------------------------------------------------- */

void block_guest_initialize(struct block_guest *g, struct virtio_function *f,
                            const struct hd_window *window)
{
  static const struct virtq_device_options options = {.max_buffers =
                                                          BLOCK_GUEST_BUFFERS,
                                                      .avail_batch = 64,
                                                      .descriptor_batch = 64,
                                                      .used_batch = 64};
  HD_REQUIRE(NULL, f != NULL && f->kind == VIRTIO_BLK && f->n_queues > 0,
             "a guest has no virtio-blk device for its back end");
  f->notify = VIRTIO_NOTIFY_EXIT;
  g->vm = f->vm;
  g->n_queues = f->n_queues;
  g->window = window;
  g->queues = calloc(f->n_queues, sizeof *g->queues);
  HD_REQUIRE(NULL, g->queues != NULL, "out of memory for guest %u", f->vm);
  for (uint16_t i = 0; i < f->n_queues; i++) {
    struct block_queue *q = &g->queues[i];
    enum virtq_status status =
        virtq_device_initialize(&q->side, f->queue[i], &options);
    HD_REQUIRE(NULL, status == VIRTQ_OK, "guest %u, queue %u: %s", f->vm, i,
               virtq_status_text(status));
    q->seen = q->side.side.peer;
  }
}

void block_guest_attach(struct block_guest *g, struct host_thread *t,
                        struct host_queue *drive, struct interrupt_unit *unit,
                        struct hd_channel *irq,
                        const struct block_guest_front *front, void *guest,
                        hd_time kick_latency)
{
  struct hd_component *thread = host_thread_component(t);
  g->thread = t;
  g->drive = drive;
  g->unit = unit;
  g->irq = irq;
  for (uint16_t i = 0; i < g->n_queues; i++) {
    struct block_queue *q = &g->queues[i];
    struct vcpu *v = front->vcpu_of_queue(guest, i);
    q->vcpu = v->index;
    q->to_guest =
        hd_channel_open(thread, &v->task.base, VIRTIO_VISIBLE_LATENCY);
    hd_channel_set_passive(q->to_guest); /* a store that the driver finds */
  }
  front->attach(guest, thread, kick_latency);
}

void block_guest_terminate(struct block_guest *g)
{
  for (uint16_t i = 0; i < g->n_queues; i++)
    virtq_device_terminate(&g->queues[i].side);
  free(g->queues);
}

/* ---- what the guest is told ---------------------------------------------- */

static bool counts(const struct block_guest *g)
{
  return hd_window_contains(g->window, host_thread_now(g->thread));
}

static void require(const struct block_guest *g, uint16_t queue,
                    enum virtq_status status)
{
  HD_REQUIRE(host_thread_component(g->thread), status == VIRTQ_OK,
             "guest %u, queue %u: %s", g->vm, queue, virtq_status_text(status));
}

static void show(struct block_guest *g, const struct block_queue *q)
{
  struct virtq_view view = virtq_device_view(&q->side);
  struct guest_memory_msg *m =
      hd_msg_new_zero(host_thread_component(g->thread), MSG_GUEST_MEMORY);
  m->data = virtq_view_encode(&view);
  m->object = q->side.q;
  hd_send(q->to_guest, q->to_guest->latency, m);
}

bool block_guest_enable(struct block_guest *g)
{
  bool there = false;
  for (uint16_t i = 0; i < g->n_queues; i++) {
    there |= virtq_device_enable_kick(&g->queues[i].side);
    show(g, &g->queues[i]);
  }
  return there;
}

void block_guest_disable(struct block_guest *g)
{
  for (uint16_t i = 0; i < g->n_queues; i++)
    if (virtq_device_disable_kick(&g->queues[i].side))
      show(g, &g->queues[i]);
}

bool block_guest_signal_due(struct block_guest *g, uint16_t queue)
{
  struct block_queue *q = &g->queues[queue];
  if (!q->undecided)
    return false;
  host_thread_look(g->thread);
  q->undecided = false;
  return virtq_device_interrupt_due(&q->side);
}

void block_guest_signal(struct block_guest *g, uint16_t queue)
{
  g->stats.signals += counts(g);
  if (g->unit)
    interrupt_unit_raise(g->unit, host_thread_component(g->thread), g->irq,
                         g->queues[queue].vcpu,
                         (uint8_t)GUEST_VECTOR(1 + queue));
}

/* ---- what it tells ------------------------------------------------------- */

bool block_guest_view(struct block_guest *g, const struct virtio_view_msg *m)
{
  struct virtq_view view = virtq_view_decode(m->view);
  HD_REQUIRE(host_thread_component(g->thread),
             m->vm == g->vm && m->queue < g->n_queues,
             "a view of queue %u of guest %u", m->queue, m->vm);
  struct block_queue *q = &g->queues[m->queue];
  g->stats.kicks += m->kick && counts(g);
  if (virtq_view_overtaken(q->side.q, &q->seen, &view))
    return m->kick;
  q->seen = view;
  bool found = virtq_device_see(&q->side, &view);
  require(g, m->queue, q->side.error);
  return found || m->kick;
}

bool block_guest_pending(const struct block_guest *g)
{
  for (uint16_t i = 0; i < g->n_queues; i++)
    if (virtq_device_available(&g->queues[i].side) > 0)
      return true;
  return false;
}

/* ---- requests ------------------------------------------------------------ */

static enum block_status examine(const struct block_guest *g,
                                 const struct block_request *r)
{
  if (r->op == BLOCK_FLUSH)
    return BLOCK_OK;
  if (r->op != BLOCK_READ && r->op != BLOCK_WRITE)
    return BLOCK_INVALID_OPCODE;
  if (r->bytes == 0 || r->bytes % BLOCK_BYTES != 0 ||
      r->bytes > g->max_transfer)
    return BLOCK_INVALID_FIELD;
  if (r->lba > g->blocks || r->bytes / BLOCK_BYTES > g->blocks - r->lba)
    return BLOCK_OUT_OF_RANGE;
  return BLOCK_OK;
}

/* 5.2.6: header and data out are readable, data in and status writable. */
static bool fits(const struct virtq_chain *c, const struct block_request *r)
{
  uint64_t out = r->op == BLOCK_WRITE ? r->bytes : 0;
  uint64_t in = r->op == BLOCK_READ ? r->bytes : 0;
  return c->readable_bytes == BLOCK_GUEST_HEADER + out &&
         c->writable_bytes == in + BLOCK_GUEST_STATUS;
}

static void count_done(struct block_guest *g, const struct block_request *r)
{
  struct block_guest_stats *s = &g->stats;
  g->returned++;
  if (!counts(g))
    return;
  s->requests++;
  if (r->status != BLOCK_OK) {
    s->errors++;
  } else if (r->op == BLOCK_READ) {
    s->reads++;
    s->read_bytes += r->bytes;
  } else if (r->op == BLOCK_WRITE) {
    s->writes++;
    s->written_bytes += r->bytes;
  } else {
    s->flushes++;
  }
}

static void give_back(struct block_guest *g, struct block_request *r,
                      uint16_t queue, uint16_t chain)
{
  bool data = r->op == BLOCK_READ && r->status == BLOCK_OK;
  uint32_t length = BLOCK_GUEST_STATUS + (data ? r->bytes : 0);
  hd_stamps_mark(&r->stamps, HD_STAGE_RECEIVE_PATH, host_thread_now(g->thread));
  count_done(g, r);
  struct block_queue *q = &g->queues[queue];
  require(g, queue, virtq_device_push(&q->side, chain, length));
  if (virtq_device_flush(&q->side, NULL) == 0) /* in order: held back */
    return;
  q->undecided = true;
  show(g, q);
}

enum block_take block_guest_take(struct block_guest *g, uint16_t queue,
                                 struct host_command **command)
{
  static struct virtq_buffer buffers[BLOCK_GUEST_BUFFERS]; /* not looked at */
  struct virtq_chain chain = {.buffer = buffers,
                              .capacity = BLOCK_GUEST_BUFFERS};
  enum virtq_status status = virtq_device_pop(&g->queues[queue].side, &chain);
  if (status == VIRTQ_EMPTY)
    return BLOCK_NONE;
  require(g, queue, status);
  struct block_request *r = chain.cookie;
  HD_REQUIRE(host_thread_component(g->thread), r != NULL && fits(&chain, r),
             "guest %u, queue %u: a chain of %llu and %llu bytes is no request",
             g->vm, queue, (unsigned long long)chain.readable_bytes,
             (unsigned long long)chain.writable_bytes);
  g->taken++;
  hd_stamps_mark(&r->stamps, HD_STAGE_DOORBELL, host_thread_now(g->thread));
  r->status = (uint8_t)examine(g, r);
  if (r->status != BLOCK_OK) {
    g->refused.request = r;
    g->refused.virtqueue = queue;
    g->refused.chain = chain.id;
    return BLOCK_REFUSED;
  }
  struct host_command *c =
      host_queue_command(g->drive, r, g->first_block, g->offset);
  c->guest = g;
  c->virtqueue = queue;
  c->chain = chain.id;
  *command = c;
  return BLOCK_TAKEN;
}

void block_guest_refuse(struct block_guest *g)
{
  give_back(g, g->refused.request, g->refused.virtqueue, g->refused.chain);
  g->refused.request = NULL;
}

void block_guest_finish(struct block_guest *g, struct host_command *c)
{
  struct block_request *r = c->origin;
  r->status = c->request.status;
  r->stamps = c->request.stamps;
  give_back(g, r, c->virtqueue, c->chain);
  host_queue_release(g->drive, c);
}

const char *block_guest_check(const struct block_guest *g)
{
  uint64_t in_flight = 0;
  for (uint16_t i = 0; i < g->n_queues; i++)
    in_flight += g->queues[i].side.in_flight;
  if (g->taken < g->returned)
    return "virtio-blk back end: more requests returned than taken";
  /* With IN_ORDER what has overtaken others stays in flight. */
  if (in_flight < g->taken - g->returned)
    return "virtio-blk back end: a chain is lost";
  return NULL;
}
