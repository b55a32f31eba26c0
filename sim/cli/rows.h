/*
 * rows.h - the tables of a result directory: their columns and rows.
 *
 * Every table starts with scenario, point, repetition, seed; summary.csv has
 * status next; then the sweep's axes by their path, with the values as the
 * user wrote them. What follows is the same for every scenario.
 */
#ifndef HD_CLI_ROWS_H
#define HD_CLI_ROWS_H

#include "sim/cli/plan.h"
#include "sim/measure/csv.h"
#include "sim/measure/series.h"

enum rows_table {
  ROWS_SUMMARY,
  ROWS_BREAKDOWN,
  ROWS_FAULTS,
  ROWS_SERIES,
  ROWS_CORES,
  ROWS_REPLAY,
  ROWS_TABLES
};

/* "summary.csv", ... */
const char *cli_rows_file(enum rows_table table);

/* One job with its resolved point. */
struct rows_subject {
  const struct plan *plan;
  const struct plan_job *job;
  const struct hd_point *point;
};

/* Opens a table with its header; see hd_csv_open(). */
bool cli_rows_open(struct hd_csv *w, enum rows_table table, const char *path,
                   const struct hd_scenario *scenario);
/* Number of columns of a table. */
size_t cli_rows_columns(enum rows_table table,
                        const struct hd_scenario *scenario);

/* A row for every group. */
void cli_rows_summary(struct hd_csv *w, const struct rows_subject *s,
                      const struct server_results *r);
/* The row of a job that has no results: group `all`, every metric NA. */
void cli_rows_no_summary(struct hd_csv *w, const struct rows_subject *s,
                         const char *status);
/* For every group its stages and their total, then the resources. */
void cli_rows_breakdown(struct hd_csv *w, const struct rows_subject *s,
                        const struct server_results *r);
/* A row for every bin of a group's series: time_us is its beginning. */
void cli_rows_series(struct hd_csv *w, const struct rows_subject *s,
                     const char *group, const struct hd_series *series);
/* A row for every machine and host thread. */
void cli_rows_cores(struct hd_csv *w, const struct rows_subject *s,
                    const struct server_results *r);
/* A row for every machine that replays a capture. */
void cli_rows_replay(struct hd_csv *w, const struct rows_subject *s,
                     const struct server_results *r);
/* A row for every recorded fault. */
void cli_rows_faults(struct hd_csv *w, const struct rows_subject *s,
                     const struct server_results *r);

#endif
