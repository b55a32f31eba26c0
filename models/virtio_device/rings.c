/*
 * rings.c - what a queue knows of its ring and fetches from it.
 *
 * A queue has at most one fetch and one look at the index under way; those of
 * different queues overlap. It fetches when its ready chains have run to half
 * or below. When it knows of nothing more it looks once; when it has nothing
 * left, it asks for kicks and looks again, since the driver may not have known
 * in time. Kicks are asked for no more as soon as there is something to fetch.
 */
#include <string.h>

#include "models/virtio_device/internal.h"

/* ---- what is known ------------------------------------------------------- */

/* The chains behind the new entries are known to the device from here on. */
static void announce(struct virtio_device *n, struct virtio_hw_queue *q,
                     uint32_t entries)
{
  uint32_t size = q->ring->config.size;
  for (uint32_t i = 0; i < entries; i++)
    q->announced_at[(q->announced + i) % size] = hd_now(&n->base);
  q->announced += entries;
}

void virtio_hw_see(struct virtio_device *n, struct virtio_hw_queue *q,
                   const struct virtq_view *v)
{
  if (virtq_view_overtaken(q->ring, &q->side.side.peer, v))
    return;
  uint32_t before = virtq_device_available(&q->side);
  virtq_device_see(&q->side, v);
  if (q->side.error != VIRTQ_OK)
    virtio_hw_fail(n, q);
  else
    announce(n, q, virtq_device_available(&q->side) - before);
}

/* ---- failure ------------------------------------------------------------- */

/* The driver is told by a change of configuration (2.1.2). */
void virtio_hw_fail(struct virtio_device *n, struct virtio_hw_queue *q)
{
  if (q->failed)
    return;
  q->failed = true;
  n->counts.failed_queues += virtio_hw_counts(n);
  virtio_hw_drop_waiting(n, q, VIRTIO_HW_DROP_UNROUTED);
  virtio_hw_interrupt(n, &n->vectors[q->owner->first_vector]);
}

/* ---- ready chains -------------------------------------------------------- */

static void add_ready(struct virtio_hw_queue *q, struct virtio_hw_work *w)
{
  struct virtio_hw_list *l = &q->ready;
  w->next = NULL;
  w->prev = l->last;
  if (l->last != NULL)
    l->last->next = w;
  else
    l->first = w;
  l->last = w;
  l->count++;
}

struct virtio_hw_work *virtio_hw_take_ready(struct virtio_hw_queue *q)
{
  struct virtio_hw_list *l = &q->ready;
  struct virtio_hw_work *w = l->first;
  l->first = w->next;
  if (w->next != NULL)
    w->next->prev = NULL;
  else
    l->last = NULL;
  l->count--;
  w->next = NULL;
  return w;
}

void virtio_hw_free_work(struct virtio_device *n, struct virtio_hw_work *w)
{
  hd_pool_put(w->large ? &n->large_works : &n->works, w);
}

static void account(struct virtio_device *n, int change)
{
  n->totals.chains += change;
  hd_gauge_add(&n->chains, n->window, hd_now(&n->base), change);
}

void virtio_hw_put_back(struct virtio_device *n, struct virtio_hw_queue *q)
{
  struct virtio_hw_work *w = q->ready.last, *prev;
  for (; w != NULL; w = prev) {
    prev = w->prev;
    HD_REQUIRE(&n->base, virtq_device_put_back(&q->side, w->id) == VIRTQ_OK,
               "virtqueue %u: chain %u cannot go back", q->index, w->id);
    q->popped -= q->ring->packed ? w->slots : 1;
    if (w->packet != NULL)
      q->ring->cookie[w->id] = w->packet;
    if (!q->rx) {
      account(n, -1);
      n->totals.put_back++;
    }
    virtio_hw_free_work(n, w);
  }
  q->ready = (struct virtio_hw_list){0};
}

/* ---- taking chains ------------------------------------------------------- */

static struct virtio_hw_work *new_work(struct virtio_device *n,
                                       struct virtio_hw_queue *q,
                                       const struct virtq_chain *c)
{
  uint32_t buffers = c->readable + c->writable;
  bool large = buffers > VIRTIO_HW_FEW;
  struct virtio_hw_work *w = hd_pool_get(large ? &n->large_works : &n->works);
  *w = (struct virtio_hw_work){.queue = q,
                               .epoch = q->epoch,
                               .readable = c->readable,
                               .writable = c->writable,
                               .readable_bytes = c->readable_bytes,
                               .writable_bytes = c->writable_bytes,
                               .id = c->id,
                               .slots = c->slots,
                               .large = large,
                               .taken = hd_now(&n->base)};
  memcpy(w->buffer, c->buffer, buffers * sizeof *c->buffer);
  return w;
}

/* The part of the wait that was the fetch, and of that, the translation. A
 * chain that has been put back and fetched again has been waiting since. */
static void stamp(struct virtio_device *n, struct hd_stamps *s,
                  hd_time announced, const struct virtio_hw_fetch *f)
{
  hd_stamps_mark(s, HD_STAGE_DOORBELL, hd_time_max(announced, s->last));
  hd_stamps_mark(s, HD_STAGE_DEVICE_QUEUE, hd_time_max(f->started, s->last));
  hd_stamps_mark(s, HD_STAGE_DESCRIPTOR_FETCH, hd_now(&n->base));
  HD_REQUIRE(&n->base,
             hd_stamps_move(s, HD_STAGE_DESCRIPTOR_FETCH, HD_STAGE_IOMMU,
                            f->translation),
             "translation took longer than the fetch");
}

/* Whether the chain is one that a queue of its kind may have (5.1.6.2, 5.1.6.3,
 * 5.2.6). */
static bool well_formed(const struct virtio_device *n,
                        const struct virtio_hw_queue *q,
                        const struct virtq_chain *c)
{
  if (q->rx)
    return c->readable == 0 && c->writable_bytes >= VIRTIO_HW_NET_HEADER;
  if (c->cookie == NULL)
    return false;
  if (n->kind == VIRTIO_NET)
    return c->writable == 0 && c->readable_bytes > VIRTIO_HW_NET_HEADER;
  return c->readable_bytes >= VIRTIO_HW_BLOCK_HEADER && c->writable_bytes >= 1;
}

/* Who is behind it: its packet is the device's from here on. */
static void adopt(struct virtio_device *n, struct virtio_hw_work *w,
                  void *cookie, hd_time announced,
                  const struct virtio_hw_fetch *f)
{
  struct virtio_hw_queue *q = w->queue;
  if (q->rx)
    return;
  account(n, 1);
  n->totals.fetched++;
  if (n->kind == VIRTIO_NET) {
    w->packet = cookie;
    q->ring->cookie[w->id] = NULL;
    stamp(n, &w->packet->stamps, announced, f);
  } else {
    w->request = cookie;
    stamp(n, &w->request->stamps, announced, f);
  }
}

static bool take_chain(struct virtio_device *n, struct virtio_hw_queue *q,
                       const struct virtio_hw_fetch *f)
{
  struct virtq_chain c = {.buffer = n->scratch,
                          .capacity = (uint32_t)n->params.max_buffers};
  hd_time announced = q->announced_at[q->popped % q->ring->config.size];
  if (virtq_device_pop(&q->side, &c) != VIRTQ_OK || !well_formed(n, q, &c)) {
    virtio_hw_fail(n, q);
    return false;
  }
  q->popped += q->ring->packed ? c.slots : 1;
  struct virtio_hw_work *w = new_work(n, q, &c);
  adopt(n, w, c.cookie, announced, f);
  add_ready(q, w);
  return true;
}

static void take_chains(struct virtio_device *n, struct virtio_hw_queue *q,
                        const struct virtio_hw_fetch *f)
{
  for (uint32_t i = 0; i < f->chains && take_chain(n, q, f); i++)
    q->looked = false;
  if (q->rx)
    virtio_hw_receive_waiting(n, q, false);
  else
    virtio_hw_activate(n, q);
  virtio_hw_fetch(n, q);
  virtio_hw_schedule(n);
}

/* ---- fetches ------------------------------------------------------------- */

static void fetched(struct virtio_device *n, struct virtio_hw_fetch *f)
{
  struct virtio_hw_queue *q = f->queue;
  if (f->epoch == q->epoch) {
    q->fetching = false;
    if (f->failed)
      virtio_hw_fail(n, q);
    else if (virtio_hw_serves(q))
      take_chains(n, q, f);
    virtio_hw_rest(n, q);
  }
  hd_pool_put(&n->fetches, f);
}

static void part_fetched(struct virtio_device *n, struct virtio_hw_read *r);

/* Reads what was waiting for access `after` (-1: for nothing). */
static void read_behind(struct virtio_device *n, struct virtio_hw_fetch *f,
                        int32_t after)
{
  for (uint32_t i = (uint32_t)(after + 1); i < f->plan.count; i++) {
    if (f->access[i].after != after)
      continue;
    f->open++;
    virtio_hw_read(n, f->queue, &f->access[i], part_fetched, f, i);
  }
}

static void part_fetched(struct virtio_device *n, struct virtio_hw_read *r)
{
  struct virtio_hw_fetch *f = r->fetch;
  int32_t before = f->access[r->index].after;
  hd_time path = r->dma.translation + (before >= 0 ? f->path[before] : 0);
  f->path[r->index] = path;
  f->translation = hd_time_max(f->translation, path);
  f->failed |= r->dma.status != PCIE_SC;
  if (!f->failed && f->epoch == f->queue->epoch)
    read_behind(n, f, (int32_t)r->index);
  if (--f->open == 0)
    fetched(n, f);
}

static void write_event(struct virtio_device *n, struct virtio_hw_queue *q)
{
  struct virtq_access access;
  struct virtq_plan plan = {.access = &access, .capacity = 1};
  virtq_device_plan_write_event(&q->side, &plan);
  virtio_hw_ring_write(n, q, &access, true);
}

static void start_fetch(struct virtio_device *n, struct virtio_hw_queue *q)
{
  const struct virtio_device_params *p = &n->params;
  uint32_t room = (uint32_t)p->chain_cache - q->ready.count;
  uint32_t most = (uint32_t)p->chain_fetch;
  if (virtq_device_disable_kick(&q->side))
    write_event(n, q);
  struct virtio_hw_fetch *f = hd_pool_get(&n->fetches);
  *f = (struct virtio_hw_fetch){
      .queue = q,
      .epoch = q->epoch,
      .started = hd_now(&n->base),
      .plan = {.access = f->access, .capacity = n->plan_capacity}};
  f->path = (hd_time *)(void *)(f->access + n->plan_capacity);
  f->chains =
      virtq_device_plan_fetch(&q->side, room < most ? room : most, &f->plan);
  HD_REQUIRE(&n->base, f->chains > 0 && f->plan.count > 0,
             "virtqueue %u: nothing planned", q->index);
  q->fetching = true;
  read_behind(n, f, -1);
}

/* ---- looks --------------------------------------------------------------- */

static void looked(struct virtio_device *n, struct virtio_hw_read *r)
{
  struct virtio_hw_queue *q = r->queue;
  if (r->epoch != q->epoch)
    return;
  q->looking = false;
  if (r->dma.status != PCIE_SC) {
    virtio_hw_fail(n, q);
  } else if (virtio_hw_serves(q) && !q->failed) {
    virtio_hw_see(n, q, &q->memory);
    virtio_hw_fetch(n, q);
    if (q->rx && !q->looking && !q->fetching)
      virtio_hw_receive_waiting(n, q, true);
  }
  virtio_hw_rest(n, q);
}

void virtio_hw_look(struct virtio_device *n, struct virtio_hw_queue *q)
{
  struct virtq_access access;
  struct virtq_plan plan = {.access = &access, .capacity = 1};
  virtq_device_plan_index(&q->side, &plan);
  q->looking = q->looked = true;
  virtio_hw_read(n, q, &access, looked, NULL, 0);
}

void virtio_hw_fetch(struct virtio_device *n, struct virtio_hw_queue *q)
{
  int64_t cache = n->params.chain_cache;
  if (!virtio_hw_serves(q) || q->failed || q->fetching || q->looking)
    return;
  if (q->ready.count >= cache ||
      (q->ready.count > cache / 2 && q->waiting == NULL))
    return;
  if (virtq_device_unplanned(&q->side) > 0) {
    start_fetch(n, q);
  } else if (q->ready.count > 0) {
    if (!q->looked)
      virtio_hw_look(n, q);
  } else if (!q->side.side.enabled) {
    virtq_device_enable_kick(&q->side);
    write_event(n, q);
    virtio_hw_look(n, q);
  }
}
