/*
 * engines.c - engines: processors with hardware threads, each of which sees a
 * request through from its fetch to its response. The firmware's work on a
 * request occupies the processor; while a thread waits for data or a slice, the
 * others run.
 */
#include "models/accelerator/internal.h"

static int64_t engines_of(const struct accelerator_params *p,
                          enum accelerator_service s)
{
  const int64_t engines[ACCELERATOR_SERVICES] = {
      [ACCELERATOR_SYM] = p->sym_engines,
      [ACCELERATOR_ASYM] = p->asym_engines,
      [ACCELERATOR_DC] = p->dc_engines};
  return engines[s];
}

static int64_t threads_of(const struct accelerator_params *p,
                          enum accelerator_service s)
{
  const int64_t threads[ACCELERATOR_SERVICES] = {
      [ACCELERATOR_SYM] = p->sym_threads,
      [ACCELERATOR_ASYM] = p->asym_threads,
      [ACCELERATOR_DC] = p->dc_threads};
  return threads[s];
}

static int64_t cycles_of(const struct accelerator_params *p,
                         enum accelerator_service s)
{
  const int64_t cycles[ACCELERATOR_SERVICES] = {
      [ACCELERATOR_SYM] = p->sym_cycles,
      [ACCELERATOR_ASYM] = p->asym_cycles,
      [ACCELERATOR_DC] = p->dc_cycles};
  return cycles[s];
}

int64_t accelerator_threads(const struct accelerator_params *p,
                            enum accelerator_service s)
{
  return engines_of(p, s) * threads_of(p, s);
}

void accelerator_engines_initialize(struct accelerator *n)
{
  struct accelerator_engine *e = n->engines;
  for (int s = 0; s < ACCELERATOR_SERVICES; s++) {
    for (int64_t i = engines_of(&n->params, s); i > 0; i--)
      *e++ =
          (struct accelerator_engine){.service = s,
                                      .threads_free = threads_of(&n->params, s),
                                      .clock = hd_clock_at(n->params.clock)};
    n->threads_free[s] = accelerator_threads(&n->params, s);
  }
}

/* The one with most free threads, so that work spreads; of equals the first. */
struct accelerator_engine *accelerator_engine_take(struct accelerator *n,
                                                   enum accelerator_service s)
{
  struct accelerator_engine *best = NULL;
  for (size_t i = 0; i < n->n_engines; i++) {
    struct accelerator_engine *e = &n->engines[i];
    if (e->service == s &&
        (best == NULL || e->threads_free > best->threads_free))
      best = e;
  }
  HD_REQUIRE(&n->base, best != NULL && best->threads_free > 0,
             "a request without a thread for it");
  best->threads_free--;
  return best;
}

void accelerator_engine_give(struct accelerator *n,
                             struct accelerator_engine *e)
{
  e->threads_free++;
  n->threads_free[e->service]++;
}

hd_time accelerator_engine_run(struct accelerator *n,
                               struct accelerator_engine *e)
{
  hd_time start = hd_time_max(hd_now(&n->base), e->free_at);
  e->free_at =
      start + hd_clock_take(&e->clock, cycles_of(&n->params, e->service));
  hd_busy_add(&n->engine_busy[e->service], n->window, start, e->free_at);
  return e->free_at;
}
