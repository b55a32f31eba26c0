/*
 * calendar.h - a priority queue of messages in the engine's total order.
 *
 * Order: time, then sending component's ID, then that sender's sequence
 * number. (The latter two are packed into `order`.) No two messages compare
 * equal, so the order never depends on insertion.
 */
#ifndef HD_ENGINE_CALENDAR_H
#define HD_ENGINE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/engine/time.h"

struct hd_msg;

struct hd_calendar_entry {
  hd_time when;
  uint64_t order;
  struct hd_msg *msg;
};

/* A 4-ary heap: one cache line holds most of a node's children. */
struct hd_calendar {
  struct hd_calendar_entry *heap;
  size_t count, capacity;
};

void hd_calendar_initialize(struct hd_calendar *c);
void hd_calendar_terminate(struct hd_calendar *c); /* messages are not freed */
void hd_calendar_push(struct hd_calendar *c, struct hd_msg *msg);
/* The earliest message, removed; the calendar must not be empty. */
struct hd_msg *hd_calendar_pop(struct hd_calendar *c);

static inline hd_time hd_calendar_head(const struct hd_calendar *c)
{
  return c->count ? c->heap[0].when : HD_TIME_NEVER;
}

#endif
