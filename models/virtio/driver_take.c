/*
 * driver_take.c - the driver takes used chains back.
 *
 * With IN_ORDER one used entry may stand for several chains (2.7.9, 2.8.8): it
 * is in the place of the first one and has the ID of the last one.
 */
#include "models/virtio/internal.h"

bool virtq_driver_pending(const struct virtq_driver *d)
{
  return d->error == VIRTQ_OK &&
         virtq_distance(d->q, d->side.consumed, d->side.peer.position) > 0;
}

/* The used entry at the driver's position. */
static enum virtq_status read_used(const struct virtq_driver *d, uint32_t *id,
                                   uint32_t *length)
{
  const struct virtq *q = d->q;
  uint32_t slot = virtq_slot(q, d->side.consumed);
  if (!q->packed) {
    *id = q->used[slot].id;
    *length = q->used[slot].length;
    return VIRTQ_OK;
  }
  const struct virtq_desc *e = &q->desc[slot];
  bool avail = (e->flags & VIRTQ_DESC_AVAIL) != 0;
  bool used = (e->flags & VIRTQ_DESC_USED) != 0;
  *id = e->link;
  *length = (e->flags & VIRTQ_DESC_WRITE) != 0 ? e->length : 0; /* 2.8.4 */
  return avail == d->side.consumed.wrap && used == avail ? VIRTQ_OK
                                                         : VIRTQ_BAD_FLAGS;
}

static bool busy(const struct virtq_driver *d, uint32_t id)
{
  return id < d->q->config.size && d->chain[id].busy;
}

/* Finds the next chain and what was written to it. */
static enum virtq_status next_used(struct virtq_driver *d,
                                   struct virtq_completion *c)
{
  uint32_t id, length;
  if (!d->in_batch) {
    enum virtq_status status = read_used(d, &id, &length);
    if (status != VIRTQ_OK)
      return status;
    if (!busy(d, id))
      return VIRTQ_BAD_ID;
    if (length > d->chain[id].writable)
      return VIRTQ_BAD_LENGTH;
    d->batch_id = (uint16_t)id;
    d->batch_length = length;
  }
  c->id = d->q->in_order ? d->order[d->order_head] : d->batch_id;
  d->in_batch = c->id != d->batch_id;
  c->length = d->in_batch ? d->chain[c->id].writable : d->batch_length;
  return VIRTQ_OK;
}

static void release(struct virtq_driver *d, uint16_t id)
{
  struct virtq *q = d->q;
  uint32_t slots = d->chain[id].slots;
  d->chain[id].busy = false;
  q->cookie[id] = NULL;
  d->order_head = (d->order_head + 1) % q->config.size;
  d->in_flight--;
  d->free += slots;
  if (q->packed)
    virtq_packed_free(d, id);
  else
    virtq_split_free(d, id);
}

enum virtq_status virtq_driver_take(struct virtq_driver *d,
                                    struct virtq_completion *c)
{
  struct virtq *q = d->q;
  if (d->error != VIRTQ_OK)
    return d->error;
  uint32_t pending = virtq_distance(q, d->side.consumed, d->side.peer.position);
  if (pending == 0)
    return VIRTQ_EMPTY;
  d->error = next_used(d, c);
  if (d->error != VIRTQ_OK)
    return d->error;
  uint32_t step = virtq_entries(q, d->chain[c->id].slots);
  /* A chain is used as a whole, and a batch published as a whole. */
  if (step > pending || (step == pending && d->in_batch))
    return d->error = VIRTQ_BAD_POSITION;
  c->cookie = q->cookie[c->id];
  d->side.consumed = virtq_advance(q, d->side.consumed, step);
  release(d, c->id);
  return VIRTQ_OK;
}

bool virtq_driver_detach(struct virtq_driver *d, void **cookie)
{
  for (uint32_t id = 0; d->in_flight > 0; id++) {
    if (!d->chain[id].busy)
      continue;
    *cookie = d->q->cookie[id];
    release(d, (uint16_t)id);
    return true;
  }
  return false;
}
