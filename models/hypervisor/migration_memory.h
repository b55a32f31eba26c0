/*
 * migration_memory.h - the source's view of guest memory: versions of pages,
 * what is to be sent, and what has been written since the last sync.
 *
 * Dirtying by a load is sampled when somebody looks, not write by write. The
 * load's model: each page of a region is written by a Poisson process of its
 * own, of rate R/n. Over an interval dt the page is written with probability
 * 1 - exp(-R dt / n), independently; so distances between written pages are
 * geometric, and exactly the written pages are visited, in ascending order. The
 * distribution is exact, whatever the intervals. A version counts intervals in
 * which a page was written; it changes if and only if the page does.
 *
 * Cost: some tens of ns a written page; 4 bytes and 2 bits of memory a page.
 */
#ifndef HD_MODELS_HYPERVISOR_MIGRATION_MEMORY_H
#define HD_MODELS_HYPERVISOR_MIGRATION_MEMORY_H

#include <gsl/gsl_rng.h>
#include <stdbool.h>
#include <stdint.h>

#include "models/hypervisor/migration.h"

struct migration_memory {
  uint32_t n_pages;
  uint32_t n_todo, n_log; /* bits set */
  uint32_t zero_from;     /* pages from here on are zero until written */
  uint32_t *version;      /* 1 at first: the destination has 0 */
  uint64_t *todo, *log;   /* bitmaps */
};

/* False: out of memory. All pages are to be sent. */
bool migration_memory_initialize(struct migration_memory *m, uint32_t n_pages,
                                 double zero_share);
void migration_memory_terminate(struct migration_memory *m);

/* A write to a page, found by tracking. */
static inline void migration_memory_write(struct migration_memory *m,
                                          uint32_t page)
{
  uint64_t bit = UINT64_C(1) << (page % 64), *word = &m->log[page / 64];
  m->version[page]++;
  m->n_log += !(*word & bit);
  *word |= bit;
}
/* Pages that count as dirty though nobody wrote them. */
void migration_memory_log(struct migration_memory *m, uint32_t first,
                          uint32_t count);

/* The writes of `seconds` of a load; a write dirties its whole block of `leaf`
 * pages (a power of two). */
void migration_memory_dirty(struct migration_memory *m,
                            const struct migration_load *load, double seconds,
                            uint32_t leaf, gsl_rng *rng);

/* What was logged is to be sent; returns how many pages that were. */
uint32_t migration_memory_sync(struct migration_memory *m);

/* The first page >= `from` that is to be sent; n_pages: none. */
uint32_t migration_memory_next(const struct migration_memory *m, uint32_t from);
/* It has been read. */
static inline void migration_memory_taken(struct migration_memory *m,
                                          uint32_t page)
{
  m->todo[page / 64] &= ~(UINT64_C(1) << (page % 64));
  m->n_todo--;
}
static inline bool migration_memory_is_zero(const struct migration_memory *m,
                                            uint32_t page)
{
  return page >= m->zero_from && m->version[page] == 1;
}

#endif
