/* cache.c - associative caches of the remapping hardware, see cache.h. */
#include "models/iommu/cache.h"

#include <stdlib.h>

/* The first sets have a line more than the others, unless all are alike. */
static inline uint32_t ways_of(const struct vtd_cache *c, uint32_t set)
{
  return c->least_ways + (set < c->n_larger);
}

static inline uint32_t first_line(const struct vtd_cache *c, uint32_t set)
{
  return set * c->least_ways + (set < c->n_larger ? set : c->n_larger);
}

static void link_sets(struct vtd_cache *c)
{
  for (uint32_t s = 0; s < c->n_sets; s++) {
    uint32_t base = first_line(c, s), ways = ways_of(c, s);
    c->sets[s].head = base;
    for (uint32_t w = 0; w < ways; w++) {
      c->lines[base + w].next = base + (w + 1) % ways;
      c->lines[base + w].prev = base + (w + ways - 1) % ways;
      c->lines[base + w].set_valid = s << 1;
    }
  }
}

bool vtd_cache_initialize(struct vtd_cache *c, int64_t entries, int64_t ways,
                          enum vtd_replacement replacement, gsl_rng *rng)
{
  *c = (struct vtd_cache){.replacement = replacement, .rng = rng};
  if (entries <= 0)
    return true;
  if (ways <= 0 || ways > entries)
    ways = entries;
  c->n_lines = (uint32_t)entries;
  c->n_sets = (uint32_t)((entries + ways - 1) / ways);
  c->least_ways = c->n_lines / c->n_sets;
  c->n_larger = c->n_lines % c->n_sets;
  unsigned bits = 1;
  while ((UINT64_C(1) << bits) < 2 * (uint64_t)c->n_lines)
    bits++;
  c->bucket_shift = 64 - bits;
  c->lines = calloc(c->n_lines, sizeof *c->lines);
  c->sets = calloc(c->n_sets, sizeof *c->sets);
  c->buckets = malloc(sizeof *c->buckets << bits);
  if (!c->lines || !c->sets || !c->buckets)
    return false;
  for (size_t b = 0; b < (size_t)1 << bits; b++)
    c->buckets[b] = VTD_CACHE_NONE;
  link_sets(c);
  return true;
}

void vtd_cache_terminate(struct vtd_cache *c)
{
  free(c->lines);
  free(c->sets);
  free(c->buckets);
}

static inline bool is_valid(const struct vtd_line *l)
{
  return l->set_valid & 1;
}

/* ---- a set's ring --------------------------------------------------- */

static inline void take_out(struct vtd_cache *c, uint32_t i)
{
  struct vtd_line *l = &c->lines[i];
  c->lines[l->prev].next = l->next;
  c->lines[l->next].prev = l->prev;
}

/* Between the head and its predecessor, the tail. */
static inline void put_before(struct vtd_cache *c, uint32_t head, uint32_t i)
{
  struct vtd_line *l = &c->lines[i];
  l->next = head;
  l->prev = c->lines[head].prev;
  c->lines[l->prev].next = i;
  c->lines[head].prev = i;
}

void vtd_cache_promote(struct vtd_cache *c, uint32_t i)
{
  struct vtd_set *s = &c->sets[vtd_cache_set(c, i)];
  if (c->lines[i].next != s->head) { /* else it is the tail: turn the ring */
    take_out(c, i);
    put_before(c, s->head, i);
  }
  s->head = i;
}

static void demote(struct vtd_cache *c, uint32_t i)
{
  struct vtd_set *s = &c->sets[vtd_cache_set(c, i)];
  if (s->head == i) {
    s->head = c->lines[i].next; /* in a ring, i is the tail now */
    return;
  }
  take_out(c, i);
  put_before(c, s->head, i);
}

/* ---- lines ---------------------------------------------------------- */

static void unchain(struct vtd_cache *c, uint32_t i)
{
  uint32_t *link = &c->buckets[vtd_cache_bucket(c, c->lines[i].key)];
  while (*link != i)
    link = &c->lines[*link].chain;
  *link = c->lines[i].chain;
}

static void remove_line(struct vtd_cache *c, uint32_t i)
{
  unchain(c, i);
  c->lines[i].set_valid &= ~UINT32_C(1);
  c->sets[vtd_cache_set(c, i)].valid--;
  demote(c, i);
}

/* The line to fill: an invalid one, or the victim, taken out of its bucket. */
static uint32_t make_room(struct vtd_cache *c, uint32_t set)
{
  struct vtd_set *s = &c->sets[set];
  uint32_t i = c->lines[s->head].prev;
  if (s->valid < ways_of(c, set)) {
    s->valid++;
    return i;
  }
  if (c->replacement == VTD_RANDOM)
    i = first_line(c, set) +
        (uint32_t)gsl_rng_uniform_int(c->rng, ways_of(c, set));
  unchain(c, i);
  return i;
}

/* Most caches have one set, or a power of two; a division takes longer than all
 * else. */
static inline uint32_t set_of(const struct vtd_cache *c, uint64_t index)
{
  uint32_t mask = c->n_sets - 1;
  return (uint32_t)((c->n_sets & mask) == 0 ? index & mask : index % c->n_sets);
}

bool vtd_cache_insert(struct vtd_cache *c, uint64_t index, uint64_t key,
                      uint64_t value)
{
  if (c->n_lines == 0)
    return false;
  uint64_t *present = vtd_cache_find(c, key);
  if (present) {
    *present = value;
    return true;
  }
  uint32_t i = make_room(c, set_of(c, index));
  uint32_t *bucket = &c->buckets[vtd_cache_bucket(c, key)];
  struct vtd_line *l = &c->lines[i];
  l->key = key;
  l->value = value;
  l->set_valid |= 1;
  l->chain = *bucket;
  *bucket = i;
  if (c->sets[vtd_cache_set(c, i)].head != i)
    vtd_cache_promote(c, i);
  return false;
}

size_t vtd_cache_remove_keys(struct vtd_cache *c, uint64_t mask, uint64_t match)
{
  size_t removed = 0;
  for (uint32_t i = 0; i < c->n_lines; i++)
    if (is_valid(&c->lines[i]) && (c->lines[i].key & mask) == match) {
      remove_line(c, i);
      removed++;
    }
  return removed;
}

size_t vtd_cache_remove_values(struct vtd_cache *c, uint64_t mask,
                               uint64_t match)
{
  size_t removed = 0;
  for (uint32_t i = 0; i < c->n_lines; i++)
    if (is_valid(&c->lines[i]) && (c->lines[i].value & mask) == match) {
      remove_line(c, i);
      removed++;
    }
  return removed;
}

/* ---- check ---------------------------------------------------------- */

static bool chained(const struct vtd_cache *c, uint32_t line)
{
  uint32_t i = c->buckets[vtd_cache_bucket(c, c->lines[line].key)];
  for (uint32_t steps = 0; i != VTD_CACHE_NONE && steps <= c->n_lines;
       steps++) {
    if (i == line)
      return true;
    i = c->lines[i].chain;
  }
  return false;
}

const char *vtd_cache_check(const struct vtd_cache *c)
{
  for (uint32_t s = 0; s < c->n_sets; s++) {
    uint32_t i = c->sets[s].head, valid = 0;
    for (uint32_t w = 0; w < ways_of(c, s); w++) {
      const struct vtd_line *l = &c->lines[i];
      if (vtd_cache_set(c, i) != s || c->lines[l->next].prev != i)
        return "a cache set's ring is broken";
      if (is_valid(l) && valid < w)
        return "an invalid cache line is before a valid one";
      if (is_valid(l) && !chained(c, i))
        return "a cache line is in no bucket";
      valid += is_valid(l);
      i = l->next;
    }
    if (i != c->sets[s].head || valid != c->sets[s].valid)
      return "a cache set's count is wrong";
  }
  return NULL;
}
