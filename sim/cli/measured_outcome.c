#include "sim/cli/measured_outcome.h"

#include <math.h>
#include <string.h>

static const struct {
  const char *name;
  double q;
} quantiles[OUTCOME_QUANTILES] = {
    {"latency_p1_ns", 0.01},     {"latency_p5_ns", 0.05},
    {"latency_p25_ns", 0.25},    {"latency_p75_ns", 0.75},
    {"latency_p90_ns", 0.90},    {"latency_p95_ns", 0.95},
    {"latency_p99_ns", 0.99},    {"latency_p999_ns", 0.999},
    {"latency_p9999_ns", 0.9999}};

/* A name that is a metric, too, is found as the metric. */
size_t cli_outcome_find(const char *name)
{
  for (size_t i = 0; i < METRIC_COUNT; i++)
    if (strcmp(metric_names[i], name) == 0)
      return i;
  for (size_t i = 0; i < OUTCOME_QUANTILES; i++)
    if (strcmp(quantiles[i].name, name) == 0)
      return METRIC_COUNT + i;
  return OUTCOMES;
}

const char *cli_outcome_name(size_t outcome)
{
  return outcome < METRIC_COUNT ? metric_names[outcome]
                                : quantiles[outcome - METRIC_COUNT].name;
}

void cli_outcome_fill(const struct server_results *r, double values[OUTCOMES])
{
  const struct group_results *all = &r->group[0];
  for (size_t i = 0; i < METRIC_COUNT; i++)
    values[i] = all->metric[i];
  for (size_t i = 0; i < OUTCOME_QUANTILES; i++)
    values[METRIC_COUNT + i] =
        all->latency != NULL
            ? hd_histogram_quantile_ns(all->latency, quantiles[i].q)
            : NAN;
}
