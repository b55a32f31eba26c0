/*
 * device_used.c - the device gives chains back (2.7.8, 2.7.9, 2.8.1, 2.8.8).
 */
#include "models/virtio/internal.h"

/* 2.7.8; 2.8.1, 2.8.4: AVAIL and USED both equal to the wrap counter, WRITE if
 * anything was written. */
void virtq_use(struct virtq *q, struct virtq_position at, uint16_t id,
               uint32_t length)
{
  uint32_t slot = virtq_slot(q, at);
  if (!q->packed) {
    q->used[slot] = (struct virtq_used_element){.id = id, .length = length};
    return;
  }
  int flags = (at.wrap ? VIRTQ_DESC_AVAIL | VIRTQ_DESC_USED : 0) |
              (length > 0 ? VIRTQ_DESC_WRITE : 0);
  q->desc[slot] = (struct virtq_desc){
      .length = length, .link = id, .flags = (uint16_t)flags};
}

static struct virtq_access used_write(const struct virtq *q,
                                      struct virtq_position at)
{
  uint32_t bytes = q->packed ? VIRTQ_DESC_BYTES : VIRTQ_USED_BYTES;
  uint64_t base = q->packed ? q->config.descriptor_area
                            : q->config.device_area + VIRTQ_USED_RING;
  return (struct virtq_access){.address =
                                   base + (uint64_t)virtq_slot(q, at) * bytes,
                               .length = bytes,
                               .after = -1,
                               .purpose = VIRTQ_WRITE_USED,
                               .write = true};
}

/* Chains that one used entry stands for. A chain may be skipped if it was
 * written in full, since that is what the driver assumes (2.7.9). */
struct group {
  uint32_t chains, slots;
  uint16_t id; /* the last one's */
};

static uint16_t nth(const struct virtq_device *d, uint32_t n)
{
  return d->order[(d->order_head + n) % d->q->config.size];
}

static struct group next_group(const struct virtq_device *d)
{
  struct group g = {.chains = 1, .id = nth(d, 0)};
  g.slots = d->chain[g.id].slots;
  if (!d->q->in_order || !d->options.in_order_batch)
    return g;
  while (g.chains < d->order_count) {
    const struct virtq_device_chain *last = &d->chain[g.id];
    uint16_t id = nth(d, g.chains);
    if (last->length != last->writable || !d->chain[id].done)
      break;
    g.id = id;
    g.slots += d->chain[id].slots;
    g.chains++;
  }
  return g;
}

static void give_back(struct virtq_device *d, const struct group *g)
{
  struct virtq *q = d->q;
  virtq_use(q, d->side.published, g->id, d->chain[g->id].length);
  d->side.published =
      virtq_advance(q, d->side.published, q->packed ? g->slots : g->chains);
  for (uint32_t i = 0; i < g->chains; i++)
    d->chain[nth(d, i)] = (struct virtq_device_chain){0};
  d->order_head = (d->order_head + g->chains) % q->config.size;
  d->order_count -= g->chains;
  d->in_flight -= g->chains;
}

static bool ready(const struct virtq_device *d)
{
  return d->order_count > 0 && d->chain[nth(d, 0)].done;
}

uint32_t virtq_device_flush(struct virtq_device *d, struct virtq_plan *plan)
{
  const struct virtq *q = d->q;
  uint32_t chains = 0, reserve = q->packed ? 0 : 1;
  int32_t last = -1;
  while (ready(d)) {
    struct virtq_access write = used_write(q, d->side.published);
    if (plan != NULL &&
        !virtq_plan_merge(plan, &last, &write, d->options.used_batch, reserve))
      break;
    struct group g = next_group(d);
    give_back(d, &g);
    chains += g.chains;
  }
  if (plan != NULL && chains > 0 && !q->packed) {
    plan->access[plan->count++] = (struct virtq_access){
        .address = q->config.device_area + VIRTQ_USED_INDEX,
        .length = VIRTQ_INDEX_BYTES,
        .after = last,
        .purpose = VIRTQ_WRITE_INDEX,
        .write = true};
  }
  return chains;
}
