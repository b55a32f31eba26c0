/*
 * write_cache.c - units of the write cache: room, data, destaging.
 *
 * A unit is free, dirty (waits for a program) or destaging; of the free ones,
 * some are reserved for writes whose data is under way. The map finds the
 * newest data of each unit of the drive: dirty, or else being destaged.
 */
#include <stdlib.h>

#include "models/storage/store_internal.h"

/* ---- map ----------------------------------------------------------------- */

static struct cache_unit **bucket(const struct store *s, uint64_t number)
{
  return &s->buckets[hd_mix64(number) & s->mask];
}

static struct cache_unit *find(const struct store *s, uint64_t number)
{
  struct cache_unit *u = *bucket(s, number);
  while (u != NULL && u->number != number)
    u = u->chain;
  return u;
}

static void insert(struct store *s, struct cache_unit *u)
{
  struct cache_unit **b = bucket(s, u->number);
  u->chain = *b;
  *b = u;
  u->current = true;
}

static void forget(struct store *s, struct cache_unit *u)
{
  struct cache_unit **link = bucket(s, u->number);
  while (*link != u)
    link = &(*link)->chain;
  *link = u->chain;
  u->current = false;
}

static uint64_t first_unit(uint64_t offset)
{
  return offset / STORE_UNIT;
}

static uint64_t end_unit(uint64_t offset, uint32_t bytes)
{
  return (offset + bytes + STORE_UNIT - 1) / STORE_UNIT;
}

bool store_cache_holds(const struct store *s, uint64_t offset, uint32_t bytes)
{
  if (s->n_dirty + s->n_destaging == 0)
    return false;
  for (uint64_t n = first_unit(offset); n < end_unit(offset, bytes); n++)
    if (find(s, n) == NULL)
      return false;
  return true;
}

/* ---- room ---------------------------------------------------------------- */

static bool has_room(const struct store *s, const struct store_request *r)
{
  return s->n_free - s->n_reserved >= r->units;
}

bool store_cache_reserve(struct store *s, struct store_request *r)
{
  r->units = (uint32_t)(end_unit(r->offset, r->bytes) - first_unit(r->offset));
  if (s->waiting == NULL && has_room(s, r)) {
    s->n_reserved += r->units;
    return true;
  }
  s->counts.stalls += store_counts(s);
  r->since = hd_now(s->device);
  r->next = NULL;
  if (s->waiting != NULL)
    s->waiting_end->next = r;
  else
    s->waiting = r;
  s->waiting_end = r;
  store_cache_destage(s);
  return false;
}

/* Writes that wait get room in their order. */
static void admit(struct store *s)
{
  while (s->waiting != NULL && has_room(s, s->waiting)) {
    struct store_request *r = s->waiting;
    s->waiting = r->next;
    s->n_reserved += r->units;
    if (store_counts(s))
      s->counts.stall_time += hd_now(s->device) - r->since;
    s->client->ready(s->device, r);
  }
}

void store_cache_release(struct store *s, struct store_request *r)
{
  s->n_reserved -= r->units;
  admit(s);
  store_cache_destage(s);
}

/* ---- data ---------------------------------------------------------------- */

static void count_cached(struct store *s)
{
  hd_gauge_set(&s->cached, s->window, hd_now(s->device),
               s->n_dirty + s->n_destaging);
}

static void add_dirty(struct store *s, uint64_t number)
{
  struct cache_unit *u = s->free;
  s->free = u->next;
  s->n_free--;
  *u = (struct cache_unit){.number = number};
  insert(s, u);
  if (s->dirty != NULL)
    s->dirty_end->next = u;
  else
    s->dirty = u;
  s->dirty_end = u;
  s->n_dirty++;
}

void store_cache_write(struct store *s, const struct store_request *r)
{
  uint64_t end = end_unit(r->offset, r->bytes);
  for (uint64_t n = first_unit(r->offset); n < end; n++) {
    struct cache_unit *u = find(s, n);
    s->n_reserved--;
    if (u != NULL && !u->destaging) {
      s->counts.rewritten += store_counts(s);
      continue;
    }
    if (u != NULL)
      forget(s, u); /* its program goes on, with old data */
    add_dirty(s, n);
  }
  count_cached(s);
  store_cache_destage(s);
  admit(s); /* units written again gave room back */
}

/* ---- destaging ----------------------------------------------------------- */

/* The oldest dirty units, at most a program's worth. */
static struct store_op *gather(struct store *s)
{
  struct store_op *op = store_op_new(s, NULL, 0, 0);
  struct cache_unit **link = &op->units;
  for (int64_t i = 0; i < s->batch && s->dirty != NULL; i++) {
    struct cache_unit *u = s->dirty;
    s->dirty = u->next;
    u->next = NULL;
    u->destaging = true;
    *link = u;
    link = &u->next;
    op->bytes += STORE_UNIT;
    s->n_dirty--;
    s->n_destaging++;
  }
  return op;
}

/* Less than a program's worth is programmed only if a write waits for room that
 * nothing else would make: no program is under way, and no data that would fill
 * one up. */
static bool is_due(const struct store *s)
{
  if (s->n_dirty >= s->batch)
    return true;
  return s->waiting != NULL && s->n_destaging == 0 && s->n_reserved == 0 &&
         s->n_dirty > 0;
}

void store_cache_destage(struct store *s)
{
  while (is_due(s)) {
    struct store_die *die = store_take_unloaded(s);
    if (die == NULL)
      return;
    store_media_program(s, gather(s), die);
  }
}

void store_cache_programmed(struct store *s, struct store_op *op)
{
  for (struct cache_unit *u = op->units, *next; u != NULL; u = next) {
    next = u->next;
    if (u->current)
      forget(s, u);
    u->next = s->free;
    s->free = u;
    s->n_free++;
    s->n_destaging--;
  }
  count_cached(s);
  admit(s);
  store_cache_destage(s);
}

/* ---- life ---------------------------------------------------------------- */

void store_cache_initialize(struct store *s)
{
  size_t buckets = 1;
  s->n_units = s->n_free = s->params.cache / STORE_UNIT;
  s->batch = s->params.program_size / STORE_UNIT;
  while (buckets < (size_t)s->n_units)
    buckets *= 2;
  s->mask = buckets - 1;
  s->buckets = calloc(buckets, sizeof(struct cache_unit *));
  s->units = calloc((size_t)s->n_units + 1, sizeof *s->units);
  HD_REQUIRE(NULL, s->buckets != NULL && s->units != NULL,
             "out of memory for the cache of %s", s->device->path);
  for (int64_t i = s->n_units; i-- > 0;) {
    s->units[i].next = s->free;
    s->free = &s->units[i];
  }
}

void store_cache_terminate(struct store *s)
{
  free(s->buckets);
  free(s->units);
}

static int64_t length(const struct cache_unit *u)
{
  int64_t n = 0;
  for (; u != NULL; u = u->next)
    n++;
  return n;
}

const char *store_cache_check(const struct store *s)
{
  int64_t mapped = 0, current = 0;
  if (s->n_free + s->n_dirty + s->n_destaging != s->n_units ||
      s->n_reserved < 0 || s->n_reserved > s->n_free)
    return "storage: units of the cache do not balance";
  if (length(s->free) != s->n_free || length(s->dirty) != s->n_dirty)
    return "storage: lists of the cache's units do not balance";
  for (size_t i = 0; i <= s->mask; i++)
    for (const struct cache_unit *u = s->buckets[i]; u; u = u->chain)
      mapped++;
  for (int64_t i = 0; i < s->n_units; i++)
    current += s->units[i].current;
  if (mapped != current || mapped > s->n_dirty + s->n_destaging ||
      mapped < s->n_dirty)
    return "storage: the cache's map does not balance";
  if (s->waiting != NULL && has_room(s, s->waiting))
    return "storage: a write waits though the cache has room";
  if (s->cached.value != s->n_dirty + s->n_destaging)
    return "storage: the cache differs from its gauge";
  return NULL;
}
