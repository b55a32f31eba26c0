/*
 * stats.h - what several runs, or parts of one run, say together.
 *
 * Pure functions over arrays of double; undefined results are NaN.
 */
#ifndef HD_MEASURE_STATS_H
#define HD_MEASURE_STATS_H

#include <stddef.h>

struct hd_summary {
  size_t n;
  double mean;       /* NaN for n == 0 */
  double stddev;     /* of a sample; NaN for n < 2 */
  double half_width; /* of the confidence interval; NaN for n < 2 */
};

/* Half width of the two-sided Student's t interval of a mean from n >= 2
 * independent values with sample deviation `stddev`; 0 < level < 1. */
double hd_stats_half_width(double stddev, size_t n, double level);

/* Replications: independent values, e.g. one a seed. */
struct hd_summary hd_stats_summarize(const double *values, size_t n,
                                     double level);

/* Batch means, for one long run whose values depend on their neighbours: the
 * means of `batches` consecutive, equally long parts go to `means`. Values that
 * do not fill a batch are dropped from the front, where the run is least
 * settled. Returns values a batch; 0 (means untouched) if n < batches or
 * batches == 0. */
size_t hd_stats_batch(const double *values, size_t n, size_t batches,
                      double *means);

/* Half width of the mean of a run, from its batch means. */
double hd_stats_batch_half_width(const double *means, size_t batches,
                                 double level);

/* Jain's fairness index of non-negative shares: 1 all equal (also all 0),
 * 1/n one has everything. NaN for n == 0, a negative or an infinite share. */
double hd_stats_jain(const double *shares, size_t n);

#endif
