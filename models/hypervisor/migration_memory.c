#include "models/hypervisor/migration_memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t words_of(uint32_t n_pages)
{
  return ((size_t)n_pages + 63) / 64;
}

bool migration_memory_initialize(struct migration_memory *m, uint32_t n_pages,
                                 double zero_share)
{
  size_t words = words_of(n_pages);
  *m = (struct migration_memory){.n_pages = n_pages, .n_todo = n_pages};
  m->zero_from = n_pages - (uint32_t)((double)n_pages * zero_share);
  m->version = malloc(n_pages * sizeof *m->version);
  m->todo = malloc(words * sizeof *m->todo);
  m->log = calloc(words, sizeof *m->log);
  if (!m->version || !m->todo || !m->log)
    return false;
  for (uint32_t i = 0; i < n_pages; i++)
    m->version[i] = 1;
  memset(m->todo, 0xff, words * sizeof *m->todo);
  if (n_pages % 64)
    m->todo[words - 1] = (UINT64_C(1) << (n_pages % 64)) - 1;
  return true;
}

void migration_memory_terminate(struct migration_memory *m)
{
  free(m->version);
  free(m->todo);
  free(m->log);
}

/* ---- dirtying ------------------------------------------------------------ */

void migration_memory_log(struct migration_memory *m, uint32_t first,
                          uint32_t count)
{
  for (uint32_t page = first; page < first + count; page++) {
    uint64_t bit = UINT64_C(1) << (page % 64), *word = &m->log[page / 64];
    m->n_log += !(*word & bit);
    *word |= bit;
  }
}

static void write_leaf(struct migration_memory *m, uint32_t page, uint32_t leaf)
{
  migration_memory_write(m, page);
  if (leaf == 1)
    return;
  uint32_t first = page & ~(leaf - 1), end = first + leaf;
  migration_memory_log(m, first, (end < m->n_pages ? end : m->n_pages) - first);
}

/* Written pages are far apart in memory: some are fetched ahead. */
enum { BATCH = 32 };

/* The next written pages after *page, at most BATCH; fewer: the last ones. */
static unsigned draw(const struct migration_memory *m, uint32_t first,
                     uint32_t count, double mean, double *page, gsl_rng *rng,
                     uint32_t *batch)
{
  unsigned n = 0;
  while (n < BATCH) {
    *page += 1 + floor(-log(gsl_rng_uniform_pos(rng)) / mean);
    if (*page >= (double)count)
      break;
    batch[n] = first + (uint32_t)*page;
    __builtin_prefetch(&m->version[batch[n]], 1);
    __builtin_prefetch(&m->log[batch[n++] / 64], 1);
  }
  return n;
}

/* `mean`: writes to each of the pages, on average. */
static void dirty_region(struct migration_memory *m, uint32_t first,
                         uint32_t count, double mean, uint32_t leaf,
                         gsl_rng *rng)
{
  uint32_t batch[BATCH];
  double page = -1;
  unsigned n = mean > 0 ? BATCH : 0;
  while (n == BATCH) {
    n = draw(m, first, count, mean, &page, rng, batch);
    for (unsigned i = 0; i < n; i++)
      write_leaf(m, batch[i], leaf);
  }
}

void migration_memory_dirty(struct migration_memory *m,
                            const struct migration_load *load, double seconds,
                            uint32_t leaf, gsl_rng *rng)
{
  double writes = load->rate * seconds;
  if (writes <= 0 || load->pages == 0)
    return;
  uint32_t hot = (uint32_t)(load->hot_pages * (double)load->pages);
  uint32_t cold = load->pages - hot;
  double hot_writes = hot == 0 ? 0 : cold == 0 ? 1 : load->hot_writes;
  if (hot > 0)
    dirty_region(m, load->first, hot, writes * hot_writes / (double)hot, leaf,
                 rng);
  if (cold > 0)
    dirty_region(m, load->first + hot, cold,
                 writes * (1 - hot_writes) / (double)cold, leaf, rng);
}

/* ---- sending ------------------------------------------------------------- */

uint32_t migration_memory_sync(struct migration_memory *m)
{
  uint32_t found = m->n_log, todo = 0;
  for (size_t i = 0; i < words_of(m->n_pages); i++) {
    m->todo[i] |= m->log[i];
    todo += (uint32_t)__builtin_popcountll(m->todo[i]);
    m->log[i] = 0;
  }
  m->n_todo = todo;
  m->n_log = 0;
  return found;
}

uint32_t migration_memory_next(const struct migration_memory *m, uint32_t from)
{
  if (from >= m->n_pages)
    return m->n_pages;
  size_t i = from / 64, words = words_of(m->n_pages);
  uint64_t word = m->todo[i] & (UINT64_MAX << (from % 64));
  while (word == 0 && ++i < words)
    word = m->todo[i];
  return word ? (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(word)
              : m->n_pages;
}
