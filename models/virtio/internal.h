/*
 * internal.h - what the files behind ring.h share.
 */
#ifndef HD_MODELS_VIRTIO_INTERNAL_H
#define HD_MODELS_VIRTIO_INTERNAL_H

#include "models/virtio/ring.h"

/* ---- position.c: arithmetic on positions -------------------------------- */

/* Where the first entry is: 0, with a wrap counter of 1 (2.8.1). */
struct virtq_position virtq_origin(const struct virtq *q);
/* n <= the ring's size further. */
struct virtq_position virtq_advance(const struct virtq *q,
                                    struct virtq_position p, uint32_t n);
/* n <= the ring's size back. */
struct virtq_position virtq_retreat(const struct virtq *q,
                                    struct virtq_position p, uint32_t n);
/* Entries from `from` to `to`, which is not before it and at most the ring's
 * size away; more than that size: it is no such position. */
uint32_t virtq_distance(const struct virtq *q, struct virtq_position from,
                        struct virtq_position to);
/* Whether a is before b, at most a ring's size; else it is b or behind it. */
bool virtq_before(const struct virtq *q, struct virtq_position a,
                  struct virtq_position b);
/* Positions that a chain of so many slots takes: split: 1. */
uint32_t virtq_entries(const struct virtq *q, uint32_t slots);
/* Whether the index can be that of a position. */
bool virtq_valid(const struct virtq *q, struct virtq_position p);
/* The slot of a position in the ring. */
uint32_t virtq_slot(const struct virtq *q, struct virtq_position p);
/* Whether an event at `event` wants to know that the last `count` entries,
 * up to `end`, were published (2.7.7.1's vring_need_event, 2.8.10). */
bool virtq_need_event(const struct virtq *q, struct virtq_position event,
                      struct virtq_position end, uint32_t count);

/* ---- signal.c: what is the same on both sides --------------------------- */

void virtq_side_reset(struct virtq_side *s, const struct virtq *q);
struct virtq_view virtq_side_view(const struct virtq_side *s);
/* The caller has checked the position. True: rule 4 of ring.h. */
bool virtq_side_see(struct virtq_side *s, const struct virtq *q,
                    const struct virtq_view *peer);
/* Rule 4: what the peer published without knowing that it should signal. */
bool virtq_side_misses(const struct virtq_side *s, const struct virtq *q,
                       const struct virtq_view *peer);
bool virtq_side_due(struct virtq_side *s, const struct virtq *q);
bool virtq_side_enable(struct virtq_side *s, const struct virtq *q,
                       uint32_t after);
bool virtq_side_disable(struct virtq_side *s, const struct virtq *q);

/* ---- driver ------------------------------------------------------------- */

/* Write a chain that fits, from d->next on; the table, if one is wanted, has
 * room. Return its ID. */
uint16_t virtq_split_add(struct virtq_driver *d,
                         const struct virtq_buffer *buffer, uint32_t count,
                         bool indirect);
uint16_t virtq_packed_add(struct virtq_driver *d,
                          const struct virtq_buffer *buffer, uint32_t count,
                          bool indirect);
/* Frees a chain's descriptors (split) or ID (packed). */
void virtq_split_free(struct virtq_driver *d, uint16_t id);
void virtq_packed_free(struct virtq_driver *d, uint16_t id);
/* Fills a chain's indirect table; returns the descriptor that refers to it. */
struct virtq_desc virtq_fill_table(const struct virtq *q, uint16_t id,
                                   const struct virtq_buffer *buffer,
                                   uint32_t count);

/* ---- walk.c: along a published chain ------------------------------------ */

enum virtq_step_kind {
  VIRTQ_STEP_BUFFER,   /* in the table or ring */
  VIRTQ_STEP_TABLE,    /* refers to an indirect table */
  VIRTQ_STEP_INDIRECT, /* a buffer in that table */
};
struct virtq_step {
  enum virtq_step_kind kind;
  const struct virtq_desc *desc;
  uint64_t address; /* where the descriptor is */
};
struct virtq_walk {
  const struct virtq *q;
  struct virtq_position at; /* packed: of the next descriptor */
  uint32_t next;            /* split: of the next descriptor; table: index */
  uint32_t limit;           /* packed: slots that are published */
  uint32_t max_buffers;
  uint32_t slots; /* of the ring, so far */
  uint32_t buffers;
  const struct virtq_desc *table; /* indirect, once entered */
  uint64_t table_address;
  uint32_t table_entries, table_read;
  enum virtq_status status; /* what ended it */
  uint16_t id;              /* once it has ended well */
  bool done;
};
/* At the available entry `at`; `available` >= 1 from there on are published. */
void virtq_walk_start(struct virtq_walk *w, const struct virtq_device *d,
                      struct virtq_position at, uint32_t available);
/* The next descriptor read, good or bad. False: the end, w->status tells of
 * which kind. */
bool virtq_walk_next(struct virtq_walk *w, struct virtq_step *step);

/* ---- device
 * ------------------------------------------------------------------
 */

/* Writes a used entry at a position. */
void virtq_use(struct virtq *q, struct virtq_position at, uint16_t id,
               uint32_t length);

/* Offsets: 2.7.6, 2.7.8. */
enum {
  VIRTQ_AVAIL_FLAGS = 0,
  VIRTQ_AVAIL_INDEX = 2,
  VIRTQ_AVAIL_RING = 4,
  VIRTQ_USED_FLAGS = 0,
  VIRTQ_USED_INDEX = 2,
  VIRTQ_USED_RING = 4,
  VIRTQ_INDEX_BYTES = 2,
  VIRTQ_AVAIL_BYTES = 2,
  VIRTQ_USED_BYTES = 8,
  VIRTQ_PACKED_EVENT_BYTES = 4
};

/* plan.c. Appends an access of one unit of `access->length` bytes, or lengthens
 * access *last (-1: none) if it goes on there and has room below `batch` units.
 * Sets *last. False: full, with `reserve` places kept free. */
bool virtq_plan_merge(struct virtq_plan *plan, int32_t *last,
                      const struct virtq_access *access, uint32_t batch,
                      uint32_t reserve);

#endif
