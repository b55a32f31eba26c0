/*
 * starter_memory.c - pinning memory for DMA: fresh pages are zeroed, pinned and
 * entered in the IOMMU's tables.
 *
 * Zeroing goes in pieces: each takes the core its own time and memory its
 * share, at the same time; the core stalls until both are done.
 */
#include "models/lifecycle/internal.h"

#define PIECE (INT64_C(2) << 20)
#define SMALL_PAGE INT64_C(4096)

static hd_time at_rate(int64_t bytes, int64_t bits_per_s)
{
  return (hd_time)((hd_u128)bytes * 8 * HD_S / (uint64_t)bits_per_s);
}

static void zero(struct starter *s, int64_t bytes)
{
  const struct lifecycle_params *p = s->config->params;
  worker_ask(&s->worker, &s->memory, LIFECYCLE_REQUEST,
             at_rate(bytes, p->clear_bandwidth));
  worker_work(&s->worker, at_rate(bytes, p->clear_rate));
  hd_time alone = worker_now(&s->worker);
  (void)worker_await(&s->worker, true);
  s->waits[LIFECYCLE_WAIT_MEMORY] += worker_now(&s->worker) - alone;
}

/* `cost` for each `page` bytes. */
static void map(struct starter *s, int64_t bytes, int64_t page, hd_time cost)
{
  for (int64_t left = bytes, n; left > 0; left -= n) {
    n = left < PIECE ? left : PIECE;
    zero(s, n);
    worker_work(&s->worker,
                (hd_time)((hd_u128)cost * (uint64_t)n / (uint64_t)page));
  }
}

void starter_map_memory(struct starter *s)
{
  static const int64_t bytes[] = {[LIFECYCLE_4K] = INT64_C(1) << 12,
                                  [LIFECYCLE_2M] = INT64_C(1) << 21,
                                  [LIFECYCLE_1G] = INT64_C(1) << 30};
  const struct lifecycle_params *p = s->config->params;
  map(s, p->memory, bytes[p->page_size],
      p->page_size == LIFECYCLE_4K ? p->pin_cost : p->pin_cost_large);
}

void starter_map_image(struct starter *s)
{
  map(s, s->config->params->image, SMALL_PAGE, s->config->params->pin_cost);
}
