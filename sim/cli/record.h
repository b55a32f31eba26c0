/*
 * record.h - what a finished job leaves in DIR/points/NNNNN-RRR/.
 *
 *   point.json              what ran and what it cost
 *   summary.csv, breakdown.csv, faults.csv, timeseries.csv   its rows; all but
 *                           the first only when there are any
 *   latency-GROUP.hgrm      where anything was measured
 *
 * It is written under another name and renamed, so a record that is there is
 * complete.
 */
#ifndef HD_CLI_RECORD_H
#define HD_CLI_RECORD_H

#include "sim/cli/outdir.h"
#include "sim/cli/rows.h"

/* `results` NULL: there are none, and `status` says why. False: the reason
 * was printed. */
struct record_content {
  const struct server_results *results;
  const char *status;
  double wall_s;
  /* Of each group of `results`, in its order; NULL: none are recorded. */
  const struct hd_series *const *series;
};

bool cli_record_write(const struct outdir *d,
                      const struct rows_subject *subject,
                      const struct record_content *content);

/* Is there a record of just this job, made by this version? */
bool cli_record_matches(const struct outdir *d,
                        const struct rows_subject *subject);

/* What point.json says; hashes stay texts. */
struct record_cost {
  char status[256];
  double wall_s;
  double simulated_s;
  int64_t events, wakeups, peak_memory;
  int64_t messages_peak; /* messages under way at a time, at most */
  char fingerprint[24];
};
bool cli_record_cost(const struct outdir *d, const struct plan_job *job,
                     struct record_cost *cost);

#endif
