#include "sim/measure/histogram.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (HD_HISTOGRAM_HALF * sizeof(uint64_t))
#define POSITIONS ((size_t)HD_HISTOGRAM_BLOCKS << HD_HISTOGRAM_HALF_BITS)
#define PS_PER_NS 1000.0

static void forget(struct hd_histogram *h)
{
  h->count = 0;
  h->sum = 0;
  h->min = INT64_MAX;
  h->max = 0;
}

void hd_histogram_initialize(struct hd_histogram *h)
{
  memset(h, 0, sizeof *h);
  forget(h);
}

void hd_histogram_terminate(struct hd_histogram *h)
{
  for (size_t b = 0; b < HD_HISTOGRAM_BLOCKS; b++)
    free(h->blocks[b]);
  hd_histogram_initialize(h);
}

void hd_histogram_reset(struct hd_histogram *h)
{
  for (size_t b = 0; b < HD_HISTOGRAM_BLOCKS; b++)
    if (h->blocks[b] != NULL)
      memset(h->blocks[b], 0, BLOCK_BYTES);
  forget(h);
}

uint64_t *hd_histogram_grow(struct hd_histogram *h, size_t block)
{
  uint64_t *counts = calloc(HD_HISTOGRAM_HALF, sizeof *counts);
  if (counts == NULL) {
    fputs("out of memory for a histogram\n", stderr);
    abort();
  }
  h->blocks[block] = counts;
  return counts;
}

void hd_histogram_merge(struct hd_histogram *dst,
                        const struct hd_histogram *src)
{
  for (size_t b = 0; b < HD_HISTOGRAM_BLOCKS; b++) {
    if (src->blocks[b] == NULL)
      continue;
    uint64_t *to = dst->blocks[b];
    if (to == NULL)
      to = hd_histogram_grow(dst, b);
    for (size_t i = 0; i < HD_HISTOGRAM_HALF; i++)
      to[i] += src->blocks[b][i];
  }
  dst->count += src->count;
  dst->sum += src->sum;
  if (src->min < dst->min)
    dst->min = src->min;
  if (src->max > dst->max)
    dst->max = src->max;
}

/* Blocks 0 and 1 count single values; block b > 1 counts in steps of
 * 2^(b - 1). */
static unsigned shift_of(size_t index)
{
  size_t block = index >> HD_HISTOGRAM_HALF_BITS;
  return block > 1 ? (unsigned)block - 1 : 0;
}

static int64_t lowest_at(size_t index)
{
  unsigned shift = shift_of(index);
  size_t sub = index - ((size_t)shift << HD_HISTOGRAM_HALF_BITS);
  return (int64_t)((uint64_t)sub << shift);
}

static int64_t highest_at(size_t index)
{
  return lowest_at(index) + (int64_t)((UINT64_C(1) << shift_of(index)) - 1);
}

int64_t hd_histogram_lowest_equivalent(int64_t value)
{
  return lowest_at(hd_histogram_index(value));
}

int64_t hd_histogram_highest_equivalent(int64_t value)
{
  return highest_at(hd_histogram_index(value));
}

struct hd_histogram_iter hd_histogram_begin(const struct hd_histogram *h)
{
  return (struct hd_histogram_iter){.histogram = h};
}

bool hd_histogram_next(struct hd_histogram_iter *it)
{
  const struct hd_histogram *h = it->histogram;
  while (it->cumulative < h->count && it->index < POSITIONS) {
    const uint64_t *block = h->blocks[it->index >> HD_HISTOGRAM_HALF_BITS];
    if (block == NULL) {
      it->index += HD_HISTOGRAM_HALF;
      continue;
    }
    size_t index = it->index++;
    it->count = block[index & (HD_HISTOGRAM_HALF - 1)];
    if (it->count == 0)
      continue;
    it->cumulative += it->count;
    it->value = highest_at(index);
    if (it->value > h->max)
      it->value = h->max;
    return true;
  }
  return false;
}

/* ceil(q * count), but a product that is a whole number up to rounding stays
 * that number (0.07 * 100 is slightly above 7). */
static uint64_t rank_of(double q, uint64_t count)
{
  if (!(q > 0))
    return 1;
  if (q >= 1)
    return count;
  double rank = ceil(q * (double)count * (1 - 4 * DBL_EPSILON));
  if (rank < 1)
    return 1;
  return rank >= (double)count ? count : (uint64_t)rank;
}

int64_t hd_histogram_quantile(const struct hd_histogram *h, double q)
{
  if (h->count == 0)
    return 0;
  uint64_t rank = rank_of(q, h->count);
  struct hd_histogram_iter it = hd_histogram_begin(h);
  while (hd_histogram_next(&it))
    if (it.cumulative >= rank)
      return it.value;
  return h->max;
}

double hd_histogram_mean(const struct hd_histogram *h)
{
  return h->count == 0 ? NAN : (double)h->sum / (double)h->count;
}

double hd_histogram_stddev(const struct hd_histogram *h)
{
  if (h->count == 0)
    return NAN;
  double mean = hd_histogram_mean(h), squares = 0;
  struct hd_histogram_iter it = hd_histogram_begin(h);
  while (hd_histogram_next(&it)) {
    double low = (double)lowest_at(it.index - 1);
    double high = (double)highest_at(it.index - 1);
    double away = low + (high - low) / 2 - mean;
    squares += away * away * (double)it.count;
  }
  return h->min == h->max ? 0 : sqrt(squares / (double)h->count);
}

double hd_histogram_quantile_ns(const struct hd_histogram *h, double q)
{
  return h->count == 0 ? NAN : (double)hd_histogram_quantile(h, q) / PS_PER_NS;
}

double hd_histogram_mean_ns(const struct hd_histogram *h)
{
  return hd_histogram_mean(h) / PS_PER_NS;
}

double hd_histogram_max_ns(const struct hd_histogram *h)
{
  return h->count == 0 ? NAN : (double)h->max / PS_PER_NS;
}
