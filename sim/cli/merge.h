/*
 * merge.h - from the jobs' records to the tables of the whole directory.
 *
 * The tables depend on the scenario, its seed and the version only; what
 * differs from run to run (times, memory) is in manifest.json.
 */
#ifndef HD_CLI_MERGE_H
#define HD_CLI_MERGE_H

#include "sim/cli/outdir.h"
#include "sim/cli/plan.h"

/* Writes summary.csv, breakdown.csv, faults.csv and timeseries.csv (if any),
 * confidence.csv (from two repetitions on) from the jobs that are done or have
 * failed. False: the reason was printed. */
bool cli_merge_tables(const struct plan *p, const struct outdir *d);

/* confidence.csv: the mean of each metric over the repetitions of a point and
 * group, and half the width of its interval. */
bool cli_merge_confidence(const struct plan *p, const struct outdir *d);

/* manifest.json. `wall_s`: of this process. */
bool cli_merge_manifest(const struct plan *p, const struct outdir *d,
                        double wall_s);
/* The level of confidence that the results in `dir` were asked for with; 0.95
 * when their manifest does not say. */
double cli_manifest_confidence(const char *dir);

/* Of a run: moves the latency files of the records to DIR, numbered by the
 * repetition when there are several, and removes DIR/points. */
void cli_merge_single(const struct plan *p, const struct outdir *d);

#endif
