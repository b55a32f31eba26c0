/*
 * calendar.h - a priority queue of messages in the engine's total order.
 *
 * Order: time, then sending component's ID, then that sender's sequence
 * number. (The latter two are packed into `order`.) No two messages compare
 * equal, so the order never depends on insertion, nor on the form below.
 *
 * Form. While few messages wait, all are in a small heap, `near`. With more,
 * a wheel of two levels of slots is added, and the heap holds only the slot
 * being executed:
 *
 *   near   | inner slots           | outer slots           | far
 *   2 ns   | 2048 of 2.048 ns each | 2048 of 4.194 us each | a heap
 *
 * A message's place follows from the highest bit in which its time differs
 * from `position`, the start of the slot being executed. `position` moves only
 * when a message is popped, so it never overtakes what may still be pushed by
 * a caller that pushes nothing earlier than the last popped time; messages
 * earlier than that are allowed too and go to the near heap.
 *
 * Cost: push and pop are O(1) on average, O(log n) for messages in one slot.
 * Memory: 96 bytes, 24 a message in a heap, none in the wheel, which links the
 * messages themselves, 65 KiB for a wheel; nothing is allocated unless the
 * number of messages sets a record.
 */
#ifndef HD_ENGINE_CALENDAR_H
#define HD_ENGINE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/engine/time.h"

struct hd_msg;
struct hd_calendar_wheel;

struct hd_calendar_entry {
  hd_time when;
  uint64_t order;
  struct hd_msg *msg;
};

struct hd_calendar_heap {
  struct hd_calendar_entry *entries;
  size_t count, capacity;
};

/* Fields are calendar.c's. */
struct hd_calendar {
  hd_time head;      /* time of the earliest message, or HD_TIME_NEVER */
  hd_time near_last; /* messages up to this time belong into `near` */
  hd_time position;  /* start of the slot being executed */
  hd_time rest;      /* earliest time outside `near`, if `rest_known` */
  bool rest_known;
  struct hd_calendar_heap near, far;
  struct hd_calendar_wheel *wheel; /* NULL until it is worth having */
};

void hd_calendar_initialize(struct hd_calendar *c);
void hd_calendar_terminate(struct hd_calendar *c); /* messages are not freed */
/* Adds `msg` under its `when` (any time) and `order`; uses its `next`. */
void hd_calendar_push(struct hd_calendar *c, struct hd_msg *msg);
/* The earliest message, removed; the calendar must not be empty. */
struct hd_msg *hd_calendar_pop(struct hd_calendar *c);

/* Time of the earliest message; HD_TIME_NEVER when empty. */
static inline hd_time hd_calendar_head(const struct hd_calendar *c)
{
  return c->head;
}

#endif
