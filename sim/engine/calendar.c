#include "sim/engine/calendar.h"

#include <stdlib.h>

#include "sim/engine/engine.h"

enum {
  ARITY = 4,       /* of the heaps */
  SLOT_BITS = 11,  /* an inner slot lasts 2^11 ps */
  LEVEL_BITS = 11, /* slots a level: 2^11 */
  OUTER_BITS = SLOT_BITS + LEVEL_BITS,
  WHEEL_BITS = OUTER_BITS + LEVEL_BITS,
  SLOTS = 1 << LEVEL_BITS,
  WORDS = SLOTS / 64,
  SMALL = 24 /* with so many messages a heap alone is as quick */
};

/* A list of messages in no order, linked by hd_msg.next. */
struct slot {
  struct hd_msg *first;
  hd_time least; /* of their times; unless empty */
};

struct level {
  uint64_t summary;     /* bit w: used[w] != 0 */
  uint64_t used[WORDS]; /* bit per slot: its list is not empty */
  struct slot slots[SLOTS];
};

struct hd_calendar_wheel {
  struct level inner, outer;
};

void hd_calendar_initialize(struct hd_calendar *c)
{
  *c = (struct hd_calendar){.head = HD_TIME_NEVER,
                            .near_last = HD_TIME_NEVER,
                            .rest = HD_TIME_NEVER,
                            .rest_known = true};
}

void hd_calendar_terminate(struct hd_calendar *c)
{
  free(c->near.entries);
  free(c->far.entries);
  free(c->wheel);
  hd_calendar_initialize(c);
}

/* ---- heaps ----------------------------------------------------------- */

static inline bool before(const struct hd_calendar_entry *a,
                          const struct hd_calendar_entry *b)
{
  return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static __attribute__((noinline)) void heap_grow(struct hd_calendar_heap *h)
{
  h->capacity = h->capacity ? h->capacity * 2 : 4;
  h->entries = realloc(h->entries, h->capacity * sizeof *h->entries);
  HD_REQUIRE(NULL, h->entries != NULL, "out of memory for %zu events",
             h->capacity);
}

static inline void heap_push(struct hd_calendar_heap *h, struct hd_msg *msg)
{
  if (__builtin_expect(h->count == h->capacity, 0))
    heap_grow(h);
  struct hd_calendar_entry entry = {msg->when, msg->order, msg};
  size_t at = h->count++;
  while (at > 0) {
    size_t parent = (at - 1) / ARITY;
    if (!before(&entry, &h->entries[parent]))
      break;
    h->entries[at] = h->entries[parent];
    at = parent;
  }
  h->entries[at] = entry;
}

static inline size_t least_child(const struct hd_calendar_heap *h, size_t first)
{
  size_t last = first + ARITY < h->count ? first + ARITY : h->count;
  size_t least = first;
  for (size_t i = first + 1; i < last; i++)
    if (before(&h->entries[i], &h->entries[least]))
      least = i;
  return least;
}

/* Removes the earliest message; the heap must not be empty. */
static inline struct hd_msg *heap_pop(struct hd_calendar_heap *h)
{
  struct hd_msg *top = h->entries[0].msg;
  struct hd_calendar_entry entry = h->entries[--h->count];
  size_t at = 0;
  for (size_t child = 1; child < h->count; child = at * ARITY + 1) {
    child = least_child(h, child);
    if (!before(&h->entries[child], &entry))
      break;
    h->entries[at] = h->entries[child];
    at = child;
  }
  h->entries[at] = entry;
  return top;
}

/* ---- levels ---------------------------------------------------------- */

static inline uint32_t slot_of(hd_time when, int bits)
{
  return (uint32_t)((uint64_t)when >> bits) & (SLOTS - 1);
}

static inline void level_mark(struct level *l, uint32_t slot)
{
  l->used[slot / 64] |= UINT64_C(1) << (slot % 64);
  l->summary |= UINT64_C(1) << (slot / 64);
}

/* The first slot in use; the level must not be empty. */
static inline uint32_t level_first(const struct level *l)
{
  uint32_t word = (uint32_t)__builtin_ctzll(l->summary);
  return word * 64 + (uint32_t)__builtin_ctzll(l->used[word]);
}

/* Empties a slot and returns its list. */
static inline struct hd_msg *level_take(struct level *l, uint32_t slot)
{
  struct hd_msg *list = l->slots[slot].first;
  l->slots[slot].first = NULL;
  l->used[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
  if (l->used[slot / 64] == 0)
    l->summary &= ~(UINT64_C(1) << (slot / 64));
  return list;
}

static inline void level_put(struct level *l, uint32_t slot, struct hd_msg *msg)
{
  struct slot *s = &l->slots[slot];
  s->least = s->first ? hd_time_min(s->least, msg->when) : msg->when;
  msg->next = s->first;
  s->first = msg;
  level_mark(l, slot);
}

/* ---- the wheel ------------------------------------------------------- */

/* The bits in which `when` differs from the position. */
static inline uint64_t distance(const struct hd_calendar *c, hd_time when)
{
  return (uint64_t)when ^ (uint64_t)c->position;
}

/* Moves to the slot that holds `when`. */
static inline void move_to(struct hd_calendar *c, hd_time when)
{
  hd_time mask = ((hd_time)1 << SLOT_BITS) - 1;
  c->position = when & ~mask;
  c->near_last = when | mask;
}

/* Files a message that is not in the inner level. */
static __attribute__((noinline)) void place_far(struct hd_calendar *c,
                                                struct hd_msg *msg)
{
  if (distance(c, msg->when) >> WHEEL_BITS == 0)
    level_put(&c->wheel->outer, slot_of(msg->when, OUTER_BITS), msg);
  else
    heap_push(&c->far, msg);
}

/* Files a message later than near_last. */
static inline void place(struct hd_calendar *c, struct hd_msg *msg)
{
  if (distance(c, msg->when) >> OUTER_BITS == 0)
    level_put(&c->wheel->inner, slot_of(msg->when, SLOT_BITS), msg);
  else
    place_far(c, msg);
}

static inline bool earlier(const struct hd_msg *a, const struct hd_msg *b)
{
  return a->when < b->when || (a->when == b->when && a->order < b->order);
}

/* The earliest of the messages of a slot; the others become the near heap,
 * which must be empty. */
static __attribute__((noinline)) struct hd_msg *sort_slot(struct hd_calendar *c,
                                                          struct hd_msg *least)
{
  struct hd_msg *next = least->next;
  while (next) {
    struct hd_msg *msg = next;
    next = msg->next;
    if (earlier(msg, least)) {
      struct hd_msg *later = least;
      least = msg;
      msg = later;
    }
    heap_push(&c->near, msg);
  }
  return least;
}

/* Spreads an outer slot over the inner level, which must be empty. */
static void open_outer(struct hd_calendar *c, uint32_t slot)
{
  struct hd_calendar_wheel *w = c->wheel;
  struct hd_msg *msg = level_take(&w->outer, slot);
  while (msg) {
    struct hd_msg *next = msg->next;
    level_put(&w->inner, slot_of(msg->when, SLOT_BITS), msg);
    msg = next;
  }
}

/* Moves the wheel to the earliest far message; both levels must be empty. */
static void open_far(struct hd_calendar *c)
{
  struct hd_calendar_heap *far = &c->far;
  c->position = far->entries[0].when;
  while (far->count && distance(c, far->entries[0].when) >> WHEEL_BITS == 0)
    place(c, heap_pop(far));
}

/* Fills the inner level, which must be empty; something must wait outside. */
static __attribute__((noinline)) void fill_inner(struct hd_calendar *c)
{
  struct hd_calendar_wheel *w = c->wheel;
  if (w->outer.summary == 0)
    open_far(c);
  if (w->inner.summary == 0)
    open_outer(c, level_first(&w->outer));
}

/* The earliest time in the first slot in use. What is executed next is fetched
 * ahead of its time: it has long left the processor's nearest cache. */
static inline hd_time least_of_first(const struct level *l)
{
  const struct slot *s = &l->slots[level_first(l)];
  __builtin_prefetch(s->first);
  __builtin_prefetch((const char *)s->first + 64);
  return s->least;
}

/* Finds the earliest time outside near heap and inner level, which must be
 * empty. */
static __attribute__((noinline)) void find_rest(struct hd_calendar *c)
{
  const struct hd_calendar_wheel *w = c->wheel;
  if (w->outer.summary) {
    c->rest = least_of_first(&w->outer);
  } else if (c->far.count) {
    c->rest = c->far.entries[0].when;
  } else { /* nothing waits: back to the small form */
    c->rest = HD_TIME_NEVER;
    c->near_last = HD_TIME_NEVER;
  }
}

/* Leaves the small form: so far, everything is in the near heap. */
static void start_wheel(struct hd_calendar *c)
{
  if (!c->wheel) {
    c->wheel = calloc(1, sizeof *c->wheel);
    HD_REQUIRE(NULL, c->wheel != NULL, "out of memory for a calendar");
  }
  struct hd_calendar_heap *near = &c->near;
  size_t count = near->count;
  move_to(c, near->entries[0].when);
  near->count = 0;
  for (size_t i = 0; i < count; i++) { /* heap_push writes behind the reader */
    struct hd_msg *msg = near->entries[i].msg;
    if (msg->when <= c->near_last)
      heap_push(near, msg);
    else
      place(c, msg);
  }
  c->rest_known = false;
}

/* ---- public ---------------------------------------------------------- */

void hd_calendar_push(struct hd_calendar *c, struct hd_msg *msg)
{
  hd_time when = msg->when;
  c->head = hd_time_min(c->head, when);
  if (when > c->near_last) {
    place(c, msg);
    c->rest = hd_time_min(c->rest, when);
    return;
  }
  heap_push(&c->near, msg);
  if (c->near_last == HD_TIME_NEVER && c->near.count > SMALL)
    start_wheel(c);
}

/* The head is outside the near heap, which is empty. */
static inline void look_outside(struct hd_calendar *c)
{
  if (!c->rest_known) {
    c->rest_known = true;
    if (c->wheel->inner.summary)
      c->rest = least_of_first(&c->wheel->inner);
    else
      find_rest(c);
  }
  c->head = c->rest;
}

static __attribute__((noinline)) struct hd_msg *pop_near(struct hd_calendar *c)
{
  struct hd_msg *msg = heap_pop(&c->near);
  if (c->near.count)
    c->head = c->near.entries[0].when;
  else
    look_outside(c);
  return msg;
}

struct hd_msg *hd_calendar_pop(struct hd_calendar *c)
{
  if (c->near.count)
    return pop_near(c);
  struct level *inner = &c->wheel->inner;
  if (inner->summary == 0)
    fill_inner(c);
  struct hd_msg *msg = level_take(inner, level_first(inner));
  c->rest_known = false;
  if (msg->next)
    msg = sort_slot(c, msg);
  move_to(c, msg->when);
  if (c->near.count)
    c->head = c->near.entries[0].when;
  else
    look_outside(c);
  return msg;
}
