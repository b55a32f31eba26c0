#include "sim/measure/stats.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>

double hd_stats_half_width(double stddev, size_t n, double level)
{
  if (n < 2 || !(level > 0 && level < 1))
    return NAN;
  double t = gsl_cdf_tdist_Pinv(0.5 + level / 2, (double)(n - 1));
  return t * stddev / sqrt((double)n);
}

struct hd_summary hd_stats_summarize(const double *values, size_t n,
                                     double level)
{
  struct hd_summary s = {n, NAN, NAN, NAN};
  if (n > 0)
    s.mean = gsl_stats_mean(values, 1, n);
  if (n > 1) {
    s.stddev = gsl_stats_sd_m(values, 1, n, s.mean);
    s.half_width = hd_stats_half_width(s.stddev, n, level);
  }
  return s;
}

size_t hd_stats_batch(const double *values, size_t n, size_t batches,
                      double *means)
{
  if (batches == 0 || n < batches)
    return 0;
  size_t length = n / batches;
  values += n - length * batches;
  for (size_t i = 0; i < batches; i++)
    means[i] = gsl_stats_mean(values + i * length, 1, length);
  return length;
}

double hd_stats_batch_half_width(const double *means, size_t batches,
                                 double level)
{
  return hd_stats_summarize(means, batches, level).half_width;
}

double hd_stats_jain(const double *shares, size_t n)
{
  double max = 0, sum = 0, squares = 0;
  for (size_t i = 0; i < n; i++) {
    if (!(shares[i] >= 0) || isinf(shares[i]))
      return NAN;
    max = fmax(max, shares[i]);
  }
  if (n == 0)
    return NAN;
  if (max <= 0)
    return 1;
  for (size_t i = 0; i < n; i++) {
    double share = shares[i] / max; /* squares of large shares overflow */
    sum += share;
    squares += share * share;
  }
  return sum * sum / ((double)n * squares);
}
