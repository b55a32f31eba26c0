/*
 * histogram.h - counts of non-negative 64-bit values to three digits.
 *
 * The layout is HdrHistogram's: below 2048 every value has its own count,
 * above it every power of two is split in 1024, so that a value is known to
 * better than 1/1024 (0.1 %). A power of two gets its 8 KiB of counts when its
 * first value arrives; an empty histogram takes about half a kilobyte. Nothing
 * overflows: any int64_t >= 0 is accepted. Count, minimum, maximum and sum are
 * exact.
 *
 * Units: whatever is added; the _ns functions and the writer take the values
 * as picoseconds and return nanoseconds.
 * Ownership: initialize, then terminate. Out of memory aborts.
 */
#ifndef HD_MEASURE_HISTOGRAM_H
#define HD_MEASURE_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HD_HISTOGRAM_HALF_BITS 10
#define HD_HISTOGRAM_HALF (1u << HD_HISTOGRAM_HALF_BITS) /* counts a block */
#define HD_HISTOGRAM_BLOCKS 54

__extension__ typedef unsigned __int128 hd_histogram_sum;

struct hd_histogram {
  uint64_t count;
  int64_t min, max; /* undefined while count is 0 */
  hd_histogram_sum sum;
  uint64_t *blocks[HD_HISTOGRAM_BLOCKS]; /* NULL: nothing counted there */
};

void hd_histogram_initialize(struct hd_histogram *h);
void hd_histogram_terminate(struct hd_histogram *h);
void hd_histogram_reset(struct hd_histogram *h); /* empty, memory kept */
/* Internal: the slow path of add. */
uint64_t *hd_histogram_grow(struct hd_histogram *h, size_t block);

/* Position of a value: block in the upper bits, slot in the lower ten. */
static inline size_t hd_histogram_index(int64_t value)
{
  uint64_t v = (uint64_t)value;
  uint64_t filled = v | (2 * HD_HISTOGRAM_HALF - 1);
  unsigned top = 63u - (unsigned)__builtin_clzll(filled);
  unsigned shift = top - HD_HISTOGRAM_HALF_BITS;
  return ((size_t)shift << HD_HISTOGRAM_HALF_BITS) + (size_t)(v >> shift);
}

/* Counts `value` `times` times. False, and nothing counted, if negative. */
static inline bool hd_histogram_add_n(struct hd_histogram *h, int64_t value,
                                      uint64_t times)
{
  if (__builtin_expect(value < 0, 0))
    return false;
  if (__builtin_expect(times == 0, 0))
    return true;
  size_t index = hd_histogram_index(value);
  uint64_t *block = h->blocks[index >> HD_HISTOGRAM_HALF_BITS];
  if (__builtin_expect(block == NULL, 0))
    block = hd_histogram_grow(h, index >> HD_HISTOGRAM_HALF_BITS);
  block[index & (HD_HISTOGRAM_HALF - 1)] += times;
  h->count += times;
  h->sum += (hd_histogram_sum)(uint64_t)value * times;
  if (value < h->min)
    h->min = value;
  if (value > h->max)
    h->max = value;
  return true;
}

static inline bool hd_histogram_add(struct hd_histogram *h, int64_t value)
{
  return hd_histogram_add_n(h, value, 1);
}

/* Adds all of `src` to `dst`; the same as adding its values one by one.
 * `src` may be `dst`. */
void hd_histogram_merge(struct hd_histogram *dst,
                        const struct hd_histogram *src);

/* Range of the values that are counted together with `value`. */
int64_t hd_histogram_lowest_equivalent(int64_t value);
int64_t hd_histogram_highest_equivalent(int64_t value);

/* Nearest rank: the smallest value that at least ceil(q * count) values do not
 * exceed, as the highest equivalent value but never above the maximum. q is
 * clamped to [0, 1]. 0 when empty. */
int64_t hd_histogram_quantile(const struct hd_histogram *h, double q);

/* NaN when empty. The deviation is the population's, each value taken as the
 * middle of its equivalents. */
double hd_histogram_mean(const struct hd_histogram *h);
double hd_histogram_stddev(const struct hd_histogram *h);

/* Picoseconds in, nanoseconds out; NaN when empty. */
double hd_histogram_quantile_ns(const struct hd_histogram *h, double q);
double hd_histogram_mean_ns(const struct hd_histogram *h);
double hd_histogram_max_ns(const struct hd_histogram *h);

/* Walks the non-empty counts upwards:
 *   struct hd_histogram_iter it = hd_histogram_begin(h);
 *   while (hd_histogram_next(&it))
 *     ... it.value, it.count, it.cumulative
 * The histogram must not change meanwhile. */
struct hd_histogram_iter {
  const struct hd_histogram *histogram;
  size_t index;        /* internal: next position */
  int64_t value;       /* highest equivalent, capped to the maximum */
  uint64_t count;      /* of this value */
  uint64_t cumulative; /* of this value and all below */
};

struct hd_histogram_iter hd_histogram_begin(const struct hd_histogram *h);
bool hd_histogram_next(struct hd_histogram_iter *it);

#endif
