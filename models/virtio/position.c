/*
 * position.c - arithmetic on ring positions.
 *
 * Split: indices run freely modulo 2^16. Packed: a slot and a wrap counter name
 * one of 2 * size places; two laps suffice since the sides are never more than
 * one apart.
 */
#include "models/virtio/internal.h"

struct virtq_position virtq_origin(const struct virtq *q)
{
  return (struct virtq_position){.index = 0, .wrap = q->packed};
}

struct virtq_position virtq_advance(const struct virtq *q,
                                    struct virtq_position p, uint32_t n)
{
  uint32_t index = p.index + n;
  if (q->packed && index >= q->config.size) {
    index -= q->config.size;
    p.wrap = !p.wrap;
  }
  p.index = (uint16_t)index;
  return p;
}

struct virtq_position virtq_retreat(const struct virtq *q,
                                    struct virtq_position p, uint32_t n)
{
  if (q->packed && p.index < n) {
    p.index = (uint16_t)(p.index + q->config.size - n);
    p.wrap = !p.wrap;
    return p;
  }
  p.index = (uint16_t)(p.index - n);
  return p;
}

uint32_t virtq_distance(const struct virtq *q, struct virtq_position from,
                        struct virtq_position to)
{
  if (!q->packed)
    return (uint16_t)(to.index - from.index);
  uint32_t lap = q->config.size, places = 2 * lap;
  uint32_t laps = to.wrap != from.wrap ? lap : 0;
  return (to.index + laps + places - from.index) % places;
}

bool virtq_before(const struct virtq *q, struct virtq_position a,
                  struct virtq_position b)
{
  uint32_t half = q->packed ? q->config.size : UINT16_MAX / 2 + 1;
  uint32_t distance = virtq_distance(q, a, b);
  return distance != 0 && distance <= half;
}

uint32_t virtq_entries(const struct virtq *q, uint32_t slots)
{
  return q->packed ? slots : 1;
}

bool virtq_valid(const struct virtq *q, struct virtq_position p)
{
  return q->packed ? p.index < q->config.size : !p.wrap;
}

uint32_t virtq_slot(const struct virtq *q, struct virtq_position p)
{
  return q->packed ? p.index : p.index & (q->config.size - 1);
}

bool virtq_need_event(const struct virtq *q, struct virtq_position event,
                      struct virtq_position end, uint32_t count)
{
  uint16_t at = event.index;
  if (q->packed && event.wrap != end.wrap) /* of the lap before */
    at = (uint16_t)(at - q->config.size);
  return (uint16_t)(end.index - at - 1) < count;
}
