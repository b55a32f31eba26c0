/*
 * device.c - the device's side: taking chains.
 */
#include "models/virtio/internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- life cycle --------------------------------------------------------- */

enum virtq_status
virtq_device_initialize(struct virtq_device *d, struct virtq *q,
                        const struct virtq_device_options *options)
{
  *d = (struct virtq_device){.q = q, .options = *options};
  size_t size = q->config.size;
  if (size == 0 || options->max_buffers == 0 || options->avail_batch == 0 ||
      options->descriptor_batch == 0 || options->used_batch == 0)
    return VIRTQ_INVALID;
  d->chain = calloc(size, sizeof *d->chain);
  d->order = calloc(size, sizeof *d->order);
  if (d->chain == NULL || d->order == NULL) {
    virtq_device_terminate(d);
    return VIRTQ_NO_MEMORY;
  }
  virtq_device_reset(d);
  return VIRTQ_OK;
}

void virtq_device_terminate(struct virtq_device *d)
{
  free(d->chain);
  free(d->order);
  *d = (struct virtq_device){0};
}

void virtq_device_reset(struct virtq_device *d)
{
  virtq_side_reset(&d->side, d->q);
  d->planned = d->side.consumed;
  d->error = VIRTQ_OK;
  memset(d->chain, 0, d->q->config.size * sizeof *d->chain);
  d->order_head = 0;
  d->order_count = 0;
  d->in_flight = 0;
  d->suspended = false;
}

/* ---- what is there ------------------------------------------------------ */

uint32_t virtq_device_available(const struct virtq_device *d)
{
  return virtq_distance(d->q, d->side.consumed, d->side.peer.position);
}

uint32_t virtq_device_unplanned(const struct virtq_device *d)
{
  return virtq_distance(d->q, d->planned, d->side.peer.position);
}

bool virtq_device_see(struct virtq_device *d, const struct virtq_view *driver)
{
  const struct virtq *q = d->q;
  if (d->error != VIRTQ_OK)
    return false;
  uint32_t ahead = virtq_distance(q, d->side.consumed, driver->position);
  if (!virtq_valid(q, driver->position) || ahead > q->config.size ||
      ahead < virtq_device_available(d)) { /* 2.7.6.1: never back */
    d->error = VIRTQ_BAD_POSITION;
    return false;
  }
  return virtq_side_see(&d->side, q, driver);
}

bool virtq_device_would_miss(const struct virtq_device *d,
                             const struct virtq_view *driver)
{
  return d->error == VIRTQ_OK && virtq_side_misses(&d->side, d->q, driver);
}

/* ---- popping ------------------------------------------------------------ */

static enum virtq_status append(struct virtq_chain *chain,
                                const struct virtq_desc *desc)
{
  bool writable = (desc->flags & VIRTQ_DESC_WRITE) != 0;
  if (!writable && chain->writable > 0) /* 2.7.4.2 */
    return VIRTQ_BAD_ORDER;
  chain->buffer[chain->readable + chain->writable] = (struct virtq_buffer){
      .address = desc->address, .length = desc->length, .writable = writable};
  if (writable) {
    chain->writable++;
    chain->writable_bytes += desc->length;
  } else {
    chain->readable++;
    chain->readable_bytes += desc->length;
  }
  return chain->readable_bytes + chain->writable_bytes <= UINT32_MAX
             ? VIRTQ_OK
             : VIRTQ_BAD_LENGTH; /* 2.7.5.2 */
}

static enum virtq_status gather(const struct virtq_device *d,
                                struct virtq_chain *chain)
{
  struct virtq_walk w;
  struct virtq_step step;
  virtq_walk_start(&w, d, d->side.consumed, virtq_device_available(d));
  chain->readable = chain->writable = 0;
  chain->readable_bytes = chain->writable_bytes = 0;
  while (virtq_walk_next(&w, &step)) {
    if (w.status != VIRTQ_OK)
      return w.status;
    enum virtq_status status =
        step.kind == VIRTQ_STEP_TABLE ? VIRTQ_OK : append(chain, step.desc);
    if (status != VIRTQ_OK)
      return status;
  }
  if (w.status != VIRTQ_OK)
    return w.status;
  if (w.id >= d->q->config.size || d->chain[w.id].busy)
    return VIRTQ_BAD_ID;
  chain->id = w.id;
  chain->slots = (uint16_t)w.slots;
  chain->cookie = d->q->cookie[w.id];
  return VIRTQ_OK;
}

static void note_order(struct virtq_device *d, uint16_t id)
{
  uint32_t at = d->order_head + d->order_count++;
  d->order[at % d->q->config.size] = id;
}

static void claim(struct virtq_device *d, const struct virtq_chain *chain)
{
  struct virtq *q = d->q;
  d->chain[chain->id] =
      (struct virtq_device_chain){.writable = (uint32_t)chain->writable_bytes,
                                  .slots = chain->slots,
                                  .busy = true};
  if (q->in_order)
    note_order(d, chain->id);
  d->in_flight++;
  bool planned = virtq_distance(q, d->side.consumed, d->planned) > 0;
  d->side.consumed =
      virtq_advance(q, d->side.consumed, virtq_entries(q, chain->slots));
  if (!planned) /* fetched without a plan */
    d->planned = d->side.consumed;
}

enum virtq_status virtq_device_pop(struct virtq_device *d,
                                   struct virtq_chain *chain)
{
  if (d->error != VIRTQ_OK)
    return d->error;
  if (d->suspended)
    return VIRTQ_SUSPENDED;
  if (chain->capacity < d->options.max_buffers)
    return VIRTQ_INVALID;
  if (virtq_device_available(d) == 0)
    return VIRTQ_EMPTY;
  d->error = gather(d, chain);
  if (d->error == VIRTQ_OK)
    claim(d, chain);
  return d->error;
}

/* The ID of the chain that ends at a position. */
static uint16_t id_before(const struct virtq *q, struct virtq_position end)
{
  uint32_t slot = virtq_slot(q, virtq_retreat(q, end, 1));
  return q->packed ? q->desc[slot].link : q->avail[slot];
}

enum virtq_status virtq_device_put_back(struct virtq_device *d, uint16_t id)
{
  const struct virtq *q = d->q;
  if (id >= q->config.size || !d->chain[id].busy || d->chain[id].done ||
      id_before(q, d->side.consumed) != id)
    return VIRTQ_INVALID;
  if (q->in_order) /* it is the last one there, too */
    d->order_count--;
  d->side.consumed =
      virtq_retreat(q, d->side.consumed, virtq_entries(q, d->chain[id].slots));
  d->planned = d->side.consumed;
  d->chain[id] = (struct virtq_device_chain){0};
  d->in_flight--;
  return VIRTQ_OK;
}

enum virtq_status virtq_device_push(struct virtq_device *d, uint16_t id,
                                    uint32_t length)
{
  if (id >= d->q->config.size)
    return VIRTQ_INVALID;
  struct virtq_device_chain *chain = &d->chain[id];
  if (!chain->busy || chain->done || length > chain->writable)
    return VIRTQ_INVALID;
  chain->length = length;
  chain->done = true;
  if (!d->q->in_order)
    note_order(d, id);
  return VIRTQ_OK;
}

/* ---- signals ------------------------------------------------------------ */

struct virtq_view virtq_device_view(const struct virtq_device *d)
{
  return virtq_side_view(&d->side);
}

bool virtq_device_interrupt_due(struct virtq_device *d)
{
  return virtq_side_due(&d->side, d->q);
}

bool virtq_device_enable_kick(struct virtq_device *d)
{
  return virtq_side_enable(&d->side, d->q, 0);
}

bool virtq_device_disable_kick(struct virtq_device *d)
{
  return virtq_side_disable(&d->side, d->q);
}
