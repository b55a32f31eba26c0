#include "sim/measure/hgrm.h"

#include "sim/measure/atomic_file.h"

#include <inttypes.h>
#include <math.h>

#define TICKS_PER_HALF_DISTANCE 5.0
#define PS_PER_NS 1000.0

/* The next level, in percent: steps get finer by two each time the distance
 * to 100 % has halved. */
static double next_level(double level)
{
  double halvings = floor(log2(100.0 / (100.0 - level))) + 1;
  double next = level + 100.0 / (TICKS_PER_HALF_DISTANCE * exp2(halvings));
  return next > level ? next : 100.0; /* out of digits */
}

static void print_level(FILE *out, int64_t value, double level, uint64_t count)
{
  fprintf(out, "%12.3f %2.12f %10" PRIu64 " %14.2f\n",
          (double)value / PS_PER_NS, level / 100.0, count,
          1.0 / (1.0 - level / 100.0));
}

/* All levels that the count at hand reaches; returns the next one. The last
 * count answers one level, the line for 100 % follows. */
static double print_levels(FILE *out, const struct hd_histogram_iter *it,
                           double level)
{
  double total = (double)it->histogram->count;
  double reached = 100.0 * (double)it->cumulative / total;
  while (level < 100.0 && reached >= level) {
    print_level(out, it->value, level, it->cumulative);
    level = next_level(level);
    if (it->cumulative == it->histogram->count)
      break;
  }
  return level;
}

/* Powers of two needed to hold the maximum, the first being 0 to 2047. */
static size_t buckets_of(const struct hd_histogram *h)
{
  size_t block = hd_histogram_index(h->max) >> HD_HISTOGRAM_HALF_BITS;
  return block > 1 ? block : 1;
}

static void print_footer(FILE *out, const struct hd_histogram *h)
{
  bool empty = h->count == 0;
  double mean = empty ? 0 : hd_histogram_mean(h) / PS_PER_NS;
  double deviation = empty ? 0 : hd_histogram_stddev(h) / PS_PER_NS;
  double max = empty ? 0 : (double)h->max / PS_PER_NS;
  fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean,
          deviation);
  fprintf(out, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n", max,
          h->count);
  fprintf(out, "#[Buckets = %12zu, SubBuckets     = %12u]\n", buckets_of(h),
          2 * HD_HISTOGRAM_HALF);
}

void hd_hgrm_print(const struct hd_histogram *h, FILE *out)
{
  fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
          "1/(1-Percentile)");
  double level = 0;
  struct hd_histogram_iter it = hd_histogram_begin(h);
  while (hd_histogram_next(&it))
    level = print_levels(out, &it, level);
  if (h->count > 0)
    fprintf(out, "%12.3f %2.12f %10" PRIu64 "\n", (double)h->max / PS_PER_NS,
            1.0, h->count);
  print_footer(out, h);
}

bool hd_hgrm_write(const struct hd_histogram *h, const char *path, char *error,
                   size_t error_size)
{
  struct hd_atomic_file file;
  bool written = hd_atomic_open(&file, path);
  if (written) {
    hd_hgrm_print(h, file.stream);
    written = hd_atomic_commit(&file);
  }
  if (!written)
    snprintf(error, error_size, "%s", file.error);
  return written;
}
