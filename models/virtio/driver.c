/*
 * driver.c - the driver's side, what is the same for both formats.
 */
#include "models/virtio/internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- life cycle --------------------------------------------------------- */

enum virtq_status
virtq_driver_initialize(struct virtq_driver *d, struct virtq *q,
                        const struct virtq_driver_options *options)
{
  *d = (struct virtq_driver){.q = q, .options = *options};
  size_t size = q->config.size;
  if (size == 0)
    return VIRTQ_INVALID;
  d->free_next = calloc(size, sizeof *d->free_next);
  d->chain = calloc(size, sizeof *d->chain);
  d->order = calloc(size, sizeof *d->order);
  if (d->free_next == NULL || d->chain == NULL || d->order == NULL) {
    virtq_driver_terminate(d);
    return VIRTQ_NO_MEMORY;
  }
  virtq_driver_reset(d);
  return VIRTQ_OK;
}

void virtq_driver_terminate(struct virtq_driver *d)
{
  free(d->free_next);
  free(d->chain);
  free(d->order);
  *d = (struct virtq_driver){0};
}

static void clear_entries(struct virtq *q)
{
  size_t size = q->config.size;
  memset(q->desc, 0, size * sizeof *q->desc);
  memset(q->cookie, 0, size * sizeof *q->cookie);
  if (q->avail != NULL)
    memset(q->avail, 0, size * sizeof *q->avail);
  if (q->used != NULL)
    memset(q->used, 0, size * sizeof *q->used);
  if (q->table != NULL)
    memset(q->table, 0, size * q->config.indirect_entries * sizeof *q->table);
}

void virtq_driver_reset(struct virtq_driver *d)
{
  uint32_t size = d->q->config.size;
  clear_entries(d->q);
  virtq_side_reset(&d->side, d->q);
  d->next = virtq_origin(d->q);
  d->error = VIRTQ_OK;
  d->free = size;
  d->in_flight = 0;
  d->free_head = 0;
  d->order_head = 0;
  d->in_batch = false;
  for (uint32_t i = 0; i < size; i++) {
    d->free_next[i] = (uint16_t)((i + 1) % size);
    d->chain[i] = (struct virtq_driver_chain){0};
  }
}

/* ---- adding ------------------------------------------------------------- */

static bool wants_table(const struct virtq_driver *d, uint32_t count)
{
  return d->q->table != NULL && d->options.indirect_from != 0 &&
         count >= d->options.indirect_from &&
         count <= d->q->config.indirect_entries;
}

uint32_t virtq_driver_slots(const struct virtq_driver *d, uint32_t count)
{
  if (count == 0 || count > d->q->config.size)
    return 0;
  return wants_table(d, count) ? 1 : count;
}

/* Readable before writable, and a length that 32 bits can tell. */
static bool good_chain(const struct virtq_buffer *buffer, uint32_t count,
                       uint32_t *writable)
{
  uint64_t total = 0, written = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0 && buffer[i - 1].writable && !buffer[i].writable)
      return false;
    total += buffer[i].length;
    written += buffer[i].writable ? buffer[i].length : 0;
  }
  *writable = (uint32_t)written;
  return total <= UINT32_MAX;
}

static void note_order(struct virtq_driver *d, uint16_t id)
{
  uint32_t at = d->order_head + d->in_flight;
  d->order[at % d->q->config.size] = id;
}

enum virtq_status virtq_driver_add(struct virtq_driver *d,
                                   const struct virtq_buffer *buffer,
                                   uint32_t count, void *cookie)
{
  struct virtq *q = d->q;
  uint32_t slots = virtq_driver_slots(d, count), writable;
  if (slots == 0 || !good_chain(buffer, count, &writable))
    return VIRTQ_INVALID;
  if (d->error != VIRTQ_OK)
    return d->error;
  if (slots > d->free)
    return VIRTQ_FULL;
  bool table = wants_table(d, count);
  uint16_t id = q->packed ? virtq_packed_add(d, buffer, count, table)
                          : virtq_split_add(d, buffer, count, table);
  struct virtq_driver_chain *chain = &d->chain[id];
  chain->writable = writable;
  chain->slots = (uint16_t)slots;
  chain->busy = true;
  q->cookie[id] = cookie;
  note_order(d, id);
  d->in_flight++;
  d->free -= slots;
  d->next = virtq_advance(q, d->next, virtq_entries(q, slots));
  return VIRTQ_OK;
}

/* Entry i of a table: split links them, in order (2.7.5.3); packed needs no
 * more than the write flag (2.8.7). */
struct virtq_desc virtq_fill_table(const struct virtq *q, uint16_t id,
                                   const struct virtq_buffer *buffer,
                                   uint32_t count)
{
  uint64_t first = (uint64_t)id * q->config.indirect_entries;
  for (uint32_t i = 0; i < count; i++) {
    bool linked = !q->packed && i + 1 < count;
    int flags = (buffer[i].writable ? VIRTQ_DESC_WRITE : 0) |
                (linked ? VIRTQ_DESC_NEXT : 0);
    q->table[first + i] =
        (struct virtq_desc){.address = buffer[i].address,
                            .length = buffer[i].length,
                            .link = (uint16_t)(linked ? i + 1 : 0),
                            .flags = (uint16_t)flags};
  }
  return (struct virtq_desc){.address = q->config.indirect_area +
                                        first * VIRTQ_DESC_BYTES,
                             .length = count * VIRTQ_DESC_BYTES,
                             .flags = VIRTQ_DESC_INDIRECT};
}

/* ---- signals ------------------------------------------------------------ */

struct virtq_view virtq_driver_publish(struct virtq_driver *d)
{
  d->side.published = d->next;
  return virtq_side_view(&d->side);
}

struct virtq_view virtq_driver_view(const struct virtq_driver *d)
{
  return virtq_side_view(&d->side);
}

bool virtq_driver_kick_due(struct virtq_driver *d)
{
  return d->error == VIRTQ_OK && virtq_side_due(&d->side, d->q);
}

bool virtq_driver_see(struct virtq_driver *d, const struct virtq_view *device)
{
  const struct virtq *q = d->q;
  if (d->error != VIRTQ_OK)
    return false;
  /* Used entries cannot overtake what is available. */
  if (!virtq_valid(q, device->position) ||
      virtq_distance(q, d->side.consumed, device->position) >
          virtq_distance(q, d->side.consumed, d->side.published)) {
    d->error = VIRTQ_BAD_POSITION;
    return false;
  }
  return virtq_side_see(&d->side, q, device);
}

bool virtq_driver_enable_callback(struct virtq_driver *d, uint32_t after)
{
  return virtq_side_enable(&d->side, d->q, after);
}

bool virtq_driver_disable_callback(struct virtq_driver *d)
{
  return virtq_side_disable(&d->side, d->q);
}

uint32_t virtq_driver_free(const struct virtq_driver *d)
{
  return d->free;
}
