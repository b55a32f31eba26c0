/*
 * cache.h - the small associative caches of the remapping hardware: IOTLB,
 * context, PASID, paging-structure and interrupt-entry caches; and of devices
 * (pcie/atc.h).
 *
 * Set-associative with a choice of replacement; one set is fully associative.
 * Keys are 64 bits and map to 64-bit values. The lookup is a hash of the key
 * whatever the associativity, so that a full one of many entries costs no more
 * than a direct-mapped one; the recency list of a set is a linked one. A key is
 * found wherever it is; only insertion needs the index that selects its set.
 */
#ifndef HD_MODELS_IOMMU_CACHE_H
#define HD_MODELS_IOMMU_CACHE_H

#include <gsl/gsl_rng.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vtd_replacement { VTD_LRU, VTD_RANDOM, VTD_FIFO };

#define VTD_CACHE_NONE UINT32_MAX

struct vtd_line {
  uint64_t key, value;
  uint32_t chain;      /* next in the bucket, or VTD_CACHE_NONE */
  uint32_t prev, next; /* ring of the set, most recent first */
  uint32_t set_valid;  /* set << 1 | valid */
};

struct vtd_set {
  uint32_t head;  /* most recent line; invalid lines are at the tail */
  uint32_t valid; /* lines */
};

struct vtd_cache {
  struct vtd_line *lines; /* set by set */
  struct vtd_set *sets;
  uint32_t *buckets;
  unsigned bucket_shift; /* of the 64-bit hash */
  uint32_t n_lines, n_sets;
  uint32_t least_ways, n_larger; /* so many sets have one line more */
  enum vtd_replacement replacement;
  gsl_rng *rng; /* the owner's; used for VTD_RANDOM only */
};

/* `ways` 0: fully associative. When `entries` is no multiple of ways, some sets
 * have fewer lines, so that there are exactly so many entries. 0 entries: a
 * cache that holds nothing. False when there is no memory. */
bool vtd_cache_initialize(struct vtd_cache *c, int64_t entries, int64_t ways,
                          enum vtd_replacement replacement, gsl_rng *rng);
void vtd_cache_terminate(struct vtd_cache *c);

static inline uint32_t vtd_cache_bucket(const struct vtd_cache *c, uint64_t key)
{
  return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> c->bucket_shift);
}

static inline uint32_t vtd_cache_set(const struct vtd_cache *c, uint32_t line)
{
  return c->lines[line].set_valid >> 1;
}

/* Internal: makes a line that is not the most recent of its set so. */
void vtd_cache_promote(struct vtd_cache *c, uint32_t line);

/* The value of `key`, or NULL; counts as a use of the line. */
static inline uint64_t *vtd_cache_find(struct vtd_cache *c, uint64_t key)
{
  if (c->n_lines == 0)
    return NULL;
  uint32_t i = c->buckets[vtd_cache_bucket(c, key)];
  while (i != VTD_CACHE_NONE && c->lines[i].key != key)
    i = c->lines[i].chain;
  if (i == VTD_CACHE_NONE)
    return NULL;
  if (c->replacement == VTD_LRU && c->sets[vtd_cache_set(c, i)].head != i)
    vtd_cache_promote(c, i);
  return &c->lines[i].value;
}

/* Inserts or updates; `index` modulo the number of sets selects the set. True
 * when the key was there. */
bool vtd_cache_insert(struct vtd_cache *c, uint64_t index, uint64_t key,
                      uint64_t value);

/* Removes the lines for which (key & mask) == match; returns how many. */
size_t vtd_cache_remove_keys(struct vtd_cache *c, uint64_t mask,
                             uint64_t match);
/* The same on values. */
size_t vtd_cache_remove_values(struct vtd_cache *c, uint64_t mask,
                               uint64_t match);

/* NULL, or what is wrong. */
const char *vtd_cache_check(const struct vtd_cache *c);

#endif
