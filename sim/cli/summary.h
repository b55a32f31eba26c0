/*
 * summary.h - summary.csv read back: one case for each point and group, with
 * the rows of its repetitions.
 */
#ifndef HD_CLI_SUMMARY_H
#define HD_CLI_SUMMARY_H

#include "sim/measure/csv.h"
#include "sim/measure/stats.h"

#include <stdbool.h>
#include <stddef.h>

struct summary_case {
  size_t point;
  const char *group;
  const char *status; /* of the first row */
  size_t first;       /* in summary.rows */
  size_t count;       /* of repetitions; at least 1 */
};

struct summary {
  struct hd_csv_table table;
  size_t axis_first, n_axes; /* columns of the sweep's axes */
  size_t metric_first, n_metrics;
  size_t *rows;               /* of the table, case by case */
  struct summary_case *cases; /* in the order of their first rows */
  size_t n_cases;
  size_t groups;      /* most groups of a point, without `all` */
  size_t repetitions; /* most of a case */
};

/* False: `error` (HD_ATOMIC_ERROR_MAX bytes) says why; nothing is held. */
bool cli_summary_read(struct summary *s, const char *path, char *error);
void cli_summary_terminate(struct summary *s);

/* Index of a metric by its name, counted from metric_first; n_metrics if there
 * is none. */
size_t cli_summary_metric(const struct summary *s, const char *name);
/* Over the repetitions that are ok and have the metric; n == 0: none. */
struct hd_summary cli_summary_value(const struct summary *s,
                                    const struct summary_case *c, size_t metric,
                                    double level);
const char *cli_summary_axis(const struct summary *s,
                             const struct summary_case *c, size_t axis);
/* NULL: NA. */
const char *cli_summary_limited_by(const struct summary *s,
                                   const struct summary_case *c);
/* What became of a live migration; NULL: none. */
const char *cli_summary_migration(const struct summary *s,
                                  const struct summary_case *c);

#endif
