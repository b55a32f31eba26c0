/*
 * ring.c - the structure in memory, and views in 64 bits.
 */
#include "models/virtio/internal.h"

#include <stdlib.h>
#include <string.h>

const char *virtq_status_text(enum virtq_status status)
{
  static const char *const text[] = {
#define X(name, words) words,
      VIRTQ_STATUS_LIST(X)
#undef X
  };
  return (unsigned)status < sizeof text / sizeof text[0] ? text[status]
                                                         : "unknown";
}

/* ---- views -------------------------------------------------------------- */

/* From bit 0: position 16, wrap 1; mode 2; event 16, wrap 1; enables 14, known
 * 14. */
uint64_t virtq_view_encode(const struct virtq_view *v)
{
  return (uint64_t)v->position.index | (uint64_t)v->position.wrap << 16 |
         (uint64_t)v->event.mode << 17 | (uint64_t)v->event.at.index << 19 |
         (uint64_t)v->event.at.wrap << 35 | (uint64_t)v->enables << 36 |
         (uint64_t)v->known << 50;
}

struct virtq_view virtq_view_decode(uint64_t bits)
{
  const uint64_t count = (1u << VIRTQ_ENABLES_BITS) - 1;
  return (struct virtq_view){
      .position = {(uint16_t)bits, (bits >> 16 & 1) != 0},
      .event = {(enum virtq_event_mode)(bits >> 17 & 3),
                {(uint16_t)(bits >> 19), (bits >> 35 & 1) != 0}},
      .enables = (uint16_t)(bits >> 36 & count),
      .known = (uint16_t)(bits >> 50 & count)};
}

/* ---- geometry ----------------------------------------------------------- */

#define LINE 64u

static uint64_t on_line(uint64_t address)
{
  return (address + LINE - 1) & ~(uint64_t)(LINE - 1);
}

static bool feature(const struct virtq_config *c, unsigned bit)
{
  return virtio_has(c->features, bit);
}

uint64_t virtq_config_place(struct virtq_config *c, uint64_t base)
{
  bool packed = feature(c, VIRTIO_F_RING_PACKED);
  uint64_t size = c->size, event = VIRTQ_INDEX_BYTES;
  c->descriptor_area = on_line(base);
  c->driver_area = on_line(c->descriptor_area + size * VIRTQ_DESC_BYTES);
  c->device_area =
      on_line(c->driver_area +
              (packed ? VIRTQ_PACKED_EVENT_BYTES
                      : VIRTQ_AVAIL_RING + size * VIRTQ_AVAIL_BYTES + event));
  c->indirect_area =
      on_line(c->device_area +
              (packed ? VIRTQ_PACKED_EVENT_BYTES
                      : VIRTQ_USED_RING + size * VIRTQ_USED_BYTES + event));
  return on_line(c->indirect_area +
                 size * c->indirect_entries * VIRTQ_DESC_BYTES);
}

static bool good_geometry(const struct virtq_config *c)
{
  bool packed = feature(c, VIRTIO_F_RING_PACKED);
  if (c->size == 0 || c->size > VIRTQ_MAX_SIZE)
    return false;
  if (!packed && (c->size & (c->size - 1)) != 0)
    return false;
  return c->descriptor_area % VIRTQ_DESC_BYTES == 0 &&
         c->driver_area % (packed ? 4 : 2) == 0 && c->device_area % 4 == 0 &&
         c->indirect_area % VIRTQ_DESC_BYTES == 0 &&
         c->indirect_entries <= VIRTQ_MAX_SIZE;
}

static bool allocate(struct virtq *q)
{
  size_t size = q->config.size;
  q->desc = calloc(size, sizeof *q->desc);
  q->cookie = calloc(size, sizeof *q->cookie);
  bool held = q->desc != NULL && q->cookie != NULL;
  if (!q->packed) {
    q->avail = calloc(size, sizeof *q->avail);
    q->used = calloc(size, sizeof *q->used);
    held = held && q->avail != NULL && q->used != NULL;
  }
  if (q->indirect && q->config.indirect_entries > 0) {
    q->table = calloc(size * q->config.indirect_entries, sizeof *q->table);
    held = held && q->table != NULL;
  }
  return held;
}

enum virtq_status virtq_initialize(struct virtq *q,
                                   const struct virtq_config *config)
{
  *q = (struct virtq){
      .config = *config,
      .packed = feature(config, VIRTIO_F_RING_PACKED),
      .event_idx = feature(config, VIRTIO_F_EVENT_IDX),
      .in_order = feature(config, VIRTIO_F_IN_ORDER),
      .indirect = feature(config, VIRTIO_F_INDIRECT_DESC),
  };
  if (!good_geometry(config))
    return VIRTQ_BAD_GEOMETRY;
  if (allocate(q))
    return VIRTQ_OK;
  virtq_terminate(q);
  return VIRTQ_NO_MEMORY;
}

void virtq_terminate(struct virtq *q)
{
  free(q->desc);
  free(q->avail);
  free(q->used);
  free(q->table);
  free(q->cookie);
  *q = (struct virtq){0};
}
