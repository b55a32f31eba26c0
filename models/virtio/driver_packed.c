/*
 * driver_packed.c - chains in a packed ring (2.8.1, 2.8.6, 2.8.7).
 *
 * Descriptors are taken in ring order; buffer IDs from a list. All descriptors
 * of a chain carry the ID, though only the last one's counts.
 */
#include "models/virtio/internal.h"

/* Available: the wrap counter in AVAIL, its inverse in USED. */
static uint16_t available(struct virtq_position at)
{
  return at.wrap ? VIRTQ_DESC_AVAIL : VIRTQ_DESC_USED;
}

static void put(struct virtq *q, struct virtq_position at, uint16_t id,
                struct virtq_desc desc)
{
  desc.link = id;
  desc.flags = (uint16_t)(desc.flags | available(at));
  q->desc[at.index] = desc;
}

uint16_t virtq_packed_add(struct virtq_driver *d,
                          const struct virtq_buffer *buffer, uint32_t count,
                          bool indirect)
{
  uint16_t id = d->free_head;
  d->free_head = d->free_next[id];
  if (indirect) {
    put(d->q, d->next, id, virtq_fill_table(d->q, id, buffer, count));
    return id;
  }
  for (uint32_t i = 0; i < count; i++) {
    int flags = (buffer[i].writable ? VIRTQ_DESC_WRITE : 0) |
                (i + 1 < count ? VIRTQ_DESC_NEXT : 0);
    put(d->q, virtq_advance(d->q, d->next, i), id,
        (struct virtq_desc){.address = buffer[i].address,
                            .length = buffer[i].length,
                            .flags = (uint16_t)flags});
  }
  return id;
}

void virtq_packed_free(struct virtq_driver *d, uint16_t id)
{
  d->free_next[id] = d->free_head;
  d->free_head = id;
}
