/*
 * scheduler.c - who is served next.
 *
 * Two levels: functions, then their queues, each a round (models/round.h) of
 * bytes; a member may overdraw its deficit by one chain.
 *
 * A decision needs room for the chosen chain (packet buffer, or a slot for a
 * request) and the pipeline, which is shared with received packets first come,
 * first served: a slot is reserved when there is work, who gets it is decided
 * when it begins.
 */
#include "models/virtio_device/internal.h"

/* ---- rounds -------------------------------------------------------------- */

void virtio_hw_activate(struct virtio_device *n, struct virtio_hw_queue *q)
{
  if (q->turn.next != NULL || q->ready.count == 0)
    return;
  struct virtio_hw_function *f = q->owner;
  round_join(&f->queues, &q->turn, n->params.quantum);
  if (f->turn.next == NULL)
    round_join(&n->round, &f->turn, n->params.quantum);
}

void virtio_hw_deactivate(struct virtio_device *n, struct virtio_hw_queue *q)
{
  struct virtio_hw_function *f = q->owner;
  if (q->turn.next == NULL)
    return;
  round_leave(&f->queues, &q->turn);
  if (f->queues.front == NULL)
    round_leave(&n->round, &f->turn);
}

/* ---- decisions ----------------------------------------------------------- */

static uint32_t next_bytes(const struct virtio_hw_queue *q)
{
  const struct virtio_hw_work *w = q->ready.first;
  return w->packet != NULL ? w->packet->frame
                           : (uint32_t)(w->readable_bytes + w->writable_bytes);
}

/* A packet larger than the whole buffer may have it alone. */
static bool has_room(const struct virtio_device *n, uint32_t bytes)
{
  if (n->kind == VIRTIO_BLK)
    return virtio_hw_has_request_slot(n);
  return n->tx_buffered == 0 || n->tx_buffered + bytes <= n->params.tx_buffer;
}

/* The next queue to be served. NULL: none can. */
static struct virtio_hw_queue *next_queue(struct virtio_device *n)
{
  int64_t quantum = n->params.quantum;
  if (n->round.front == NULL)
    return NULL;
  struct turn *f = round_front(&n->round, quantum);
  struct turn *t =
      round_front(&((struct virtio_hw_function *)f)->queues, quantum);
  struct virtio_hw_queue *q = (struct virtio_hw_queue *)t;
  return has_room(n, next_bytes(q)) ? q : NULL;
}

static void serve(struct virtio_device *n, struct virtio_hw_queue *q)
{
  int64_t bytes = next_bytes(q);
  q->turn.deficit -= bytes;
  q->owner->turn.deficit -= bytes;
  struct virtio_hw_work *w = virtio_hw_take_ready(q);
  q->inside++;
  if (q->ready.count == 0)
    virtio_hw_deactivate(n, q);
  if (n->kind == VIRTIO_NET)
    virtio_hw_transmit(n, w);
  else
    virtio_hw_request(n, w);
  virtio_hw_fetch(n, q);
}

void virtio_hw_schedule(struct virtio_device *n)
{
  while (!n->slot_reserved) {
    struct virtio_hw_queue *q = next_queue(n);
    if (q == NULL)
      return;
    hd_time at = virtio_hw_reserve_pipeline(n, n->scheduler_free);
    n->scheduler_free =
        at + hd_clock_take(&n->schedule_clock, n->params.schedule_cycles);
    if (at > hd_now(&n->base)) {
      n->slot_reserved = true;
      hd_schedule(&n->base, at - hd_now(&n->base),
                  virtio_hw_timer(n, VIRTIO_HW_TIMER_SERVE, NULL));
      return;
    }
    serve(n, q);
  }
}

void virtio_hw_slot(struct virtio_device *n)
{
  n->slot_reserved = false;
  struct virtio_hw_queue *q = next_queue(n); /* NULL: reset meanwhile */
  if (q != NULL)
    serve(n, q);
  virtio_hw_schedule(n);
}
