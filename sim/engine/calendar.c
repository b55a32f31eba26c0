#include "sim/engine/calendar.h"

#include <stdlib.h>

#include "sim/engine/engine.h"

enum { ARITY = 4 };

void hd_calendar_initialize(struct hd_calendar *c)
{
  *c = (struct hd_calendar){0};
}

void hd_calendar_terminate(struct hd_calendar *c)
{
  free(c->heap);
  *c = (struct hd_calendar){0};
}

static inline bool before(const struct hd_calendar_entry *a,
                          const struct hd_calendar_entry *b)
{
  return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static void grow(struct hd_calendar *c)
{
  c->capacity = c->capacity ? c->capacity * 2 : 16;
  c->heap = realloc(c->heap, c->capacity * sizeof *c->heap);
  HD_REQUIRE(NULL, c->heap != NULL, "out of memory for %zu events", c->capacity);
}

void hd_calendar_push(struct hd_calendar *c, struct hd_msg *msg)
{
  if (c->count == c->capacity)
    grow(c);
  struct hd_calendar_entry entry = {msg->when, msg->order, msg};
  size_t at = c->count++;
  while (at > 0) {
    size_t parent = (at - 1) / ARITY;
    if (!before(&entry, &c->heap[parent]))
      break;
    c->heap[at] = c->heap[parent];
    at = parent;
  }
  c->heap[at] = entry;
}

static size_t least_child(const struct hd_calendar *c, size_t first)
{
  size_t last = first + ARITY < c->count ? first + ARITY : c->count;
  size_t least = first;
  for (size_t i = first + 1; i < last; i++)
    if (before(&c->heap[i], &c->heap[least]))
      least = i;
  return least;
}

struct hd_msg *hd_calendar_pop(struct hd_calendar *c)
{
  struct hd_msg *top = c->heap[0].msg;
  struct hd_calendar_entry entry = c->heap[--c->count];
  size_t at = 0;
  for (size_t child = 1; child < c->count; child = at * ARITY + 1) {
    child = least_child(c, child);
    if (!before(&c->heap[child], &entry))
      break;
    c->heap[at] = c->heap[child];
    at = child;
  }
  c->heap[at] = entry;
  return top;
}
