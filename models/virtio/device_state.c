/*
 * device_state.c - suspend, read-out and restore of a device's side.
 */
#include "models/virtio/internal.h"

void virtq_device_suspend(struct virtq_device *d)
{
  d->suspended = true;
}

void virtq_device_resume(struct virtq_device *d)
{
  d->suspended = false;
}

static struct virtq_in_flight in_flight(const struct virtq_device *d,
                                        uint16_t id)
{
  const struct virtq_device_chain *chain = &d->chain[id];
  return (struct virtq_in_flight){.writable = chain->writable,
                                  .length = chain->length,
                                  .id = id,
                                  .slots = chain->slots,
                                  .done = chain->done};
}

enum virtq_status virtq_device_save(const struct virtq_device *d,
                                    struct virtq_state *state,
                                    struct virtq_in_flight *list,
                                    uint32_t capacity)
{
  uint32_t size = d->q->config.size, count = 0;
  bool unflushed = d->order_count > 0 && d->chain[d->order[d->order_head]].done;
  if (!d->suspended || d->error != VIRTQ_OK || unflushed ||
      capacity < d->in_flight)
    return VIRTQ_INVALID;
  *state = (struct virtq_state){.side = d->side, .in_flight = d->in_flight};
  if (d->q->in_order) {
    for (; count < d->order_count; count++)
      list[count] = in_flight(d, d->order[(d->order_head + count) % size]);
    return VIRTQ_OK;
  }
  for (uint32_t id = 0; count < d->in_flight; id++)
    if (d->chain[id].busy)
      list[count++] = in_flight(d, (uint16_t)id);
  return VIRTQ_OK;
}

/* Whether the positions can be those of a device with so much in flight. */
static bool plausible(const struct virtq *q, const struct virtq_state *s)
{
  const struct virtq_side *side = &s->side;
  return s->in_flight <= q->config.size && virtq_valid(q, side->consumed) &&
         virtq_valid(q, side->published) &&
         virtq_valid(q, side->peer.position) &&
         virtq_distance(q, side->published, side->consumed) <= q->config.size &&
         virtq_distance(q, side->consumed, side->peer.position) <=
             q->config.size;
}

static bool take_over(struct virtq_device *d, const struct virtq_in_flight *f)
{
  if (f->id >= d->q->config.size || d->chain[f->id].busy ||
      f->length > f->writable || (f->done && !d->q->in_order))
    return false;
  d->chain[f->id] = (struct virtq_device_chain){.writable = f->writable,
                                                .length = f->length,
                                                .slots = f->slots,
                                                .busy = true,
                                                .done = f->done};
  if (d->q->in_order)
    d->order[d->order_count++] = f->id;
  d->in_flight++;
  return true;
}

enum virtq_status virtq_device_restore(struct virtq_device *d,
                                       const struct virtq_state *state,
                                       const struct virtq_in_flight *list)
{
  const struct virtq *q = d->q;
  uint32_t entries = 0;
  virtq_device_reset(d);
  bool good = plausible(q, state);
  for (uint32_t i = 0; good && i < state->in_flight; i++) {
    good = take_over(d, &list[i]);
    entries += virtq_entries(q, list[i].slots);
  }
  if (!good || entries != virtq_distance(q, state->side.published,
                                         state->side.consumed)) {
    virtq_device_reset(d);
    return VIRTQ_INVALID;
  }
  d->side = state->side;
  d->side.enabled = false;
  d->side.undecided = true;
  d->planned = d->side.consumed;
  return VIRTQ_OK;
}

static uint32_t half(const struct virtq *q, struct virtq_position p)
{
  return p.index | (q->packed && p.wrap ? 1u << 15 : 0);
}

uint32_t virtq_state_base(const struct virtq *q, const struct virtq_state *s)
{
  uint32_t base = half(q, s->side.consumed);
  return q->packed ? base | half(q, s->side.published) << 16 : base;
}
