/*
 * addresses.c - which address is next: multiples of the unit in the window,
 * plus the host offset, but for those whose transfer would cross a page.
 */
#include "models/dmabench/internal.h"

void bench_addresses_initialize(struct bench_addresses *a,
                                const struct bench_params *p,
                                const struct dma_bench_buffer *buffer,
                                gsl_rng *rng)
{
  int64_t used = p->transfer + p->host_offset;
  *a = (struct bench_addresses){.buffer = buffer,
                                .rng = rng,
                                .unit = bench_unit(p),
                                .offset = p->host_offset,
                                .transfer = p->transfer,
                                .random = p->pattern == BENCH_RAND};
  a->count = (p->window - used) / a->unit + 1;
}

static bool crosses_page(const struct bench_addresses *a, int64_t at)
{
  return at % BENCH_PAGE + a->transfer > BENCH_PAGE;
}

static int64_t draw(struct bench_addresses *a)
{
  if (a->random)
    return (int64_t)gsl_rng_uniform_int(a->rng, (unsigned long)a->count);
  int64_t n = a->next++;
  if (a->next == a->count)
    a->next = 0;
  return n;
}

/* Unit 0 crosses no page, so this ends. */
uint64_t bench_next_address(struct bench_addresses *a)
{
  int64_t at;
  do
    at = draw(a) * a->unit + a->offset;
  while (crosses_page(a, at));
  uint64_t size = a->buffer->chunk_size;
  return a->buffer->chunks[(uint64_t)at / size] + (uint64_t)at % size;
}
