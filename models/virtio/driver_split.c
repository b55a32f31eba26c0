/*
 * driver_split.c - chains in a split ring (2.7.5, 2.7.6, 2.7.13).
 *
 * Free descriptors are a list. With IN_ORDER chains come back as they were
 * added, so that the descriptors of the next chain are simply those behind the
 * last one's, modulo the size, as 2.7.5 demands.
 */
#include "models/virtio/internal.h"

static uint16_t next_free(const struct virtq_driver *d, uint16_t descriptor)
{
  if (d->q->in_order)
    return (uint16_t)((descriptor + 1u) % d->q->config.size);
  return d->free_next[descriptor];
}

static uint16_t write_chain(struct virtq_driver *d,
                            const struct virtq_buffer *buffer, uint32_t count)
{
  uint16_t at = d->free_head, tail = at;
  for (uint32_t i = 0; i < count; i++) {
    bool last = i + 1 == count;
    int flags = (buffer[i].writable ? VIRTQ_DESC_WRITE : 0) |
                (last ? 0 : VIRTQ_DESC_NEXT);
    uint16_t next = next_free(d, at);
    d->q->desc[at] = (struct virtq_desc){.address = buffer[i].address,
                                         .length = buffer[i].length,
                                         .link = last ? 0 : next,
                                         .flags = (uint16_t)flags};
    tail = at;
    at = next;
  }
  d->free_head = at;
  return tail;
}

uint16_t virtq_split_add(struct virtq_driver *d,
                         const struct virtq_buffer *buffer, uint32_t count,
                         bool indirect)
{
  struct virtq *q = d->q;
  uint16_t head = d->free_head;
  if (indirect) {
    q->desc[head] = virtq_fill_table(q, head, buffer, count);
    d->chain[head].tail = head;
    d->free_head = next_free(d, head);
  } else {
    d->chain[head].tail = write_chain(d, buffer, count);
  }
  q->avail[virtq_slot(q, d->next)] = head;
  return head;
}

void virtq_split_free(struct virtq_driver *d, uint16_t id)
{
  if (d->q->in_order)
    return;
  d->free_next[d->chain[id].tail] = d->free_head;
  d->free_head = id;
}
