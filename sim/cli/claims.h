/*
 * claims.h - published figures beside simulated ones.
 *
 * published.csv has a row for each entry of the scenario's list `published`
 * (sim/scenario/published.h), or, with `show: every`, for each of its points:
 *
 *   metric     a column of the summary, "largest AXIS", or NA
 *   at, over   "design=hdiov, vms.count=64"
 *   points     of the entry's points, how many were judged
 *   point      which of several points the row is about; NA: there is one
 *   published  a number, ">= A", "<= B", "feasible" or "infeasible: RESOURCE"
 *   simulated  a number, the mean over repetitions, or the point's status
 *   error      (simulated - published) / |published|
 *   tolerance  of |error|; NA: none, bounds hold exactly
 *   verdict    ok; off; infeasible: the hardware has no room for any point;
 *              failed; NA: the metric has no value; not run
 *
 * Points that are infeasible are passed over as long as others are not.
 */
#ifndef HD_CLI_CLAIMS_H
#define HD_CLI_CLAIMS_H

#include "sim/scenario/published.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct claims_count {
  size_t total, ok, not_run; /* rows of published.csv */
};

/* Judges the scenario's entries by DIR/summary.csv and writes
 * DIR/published.csv; without entries removes it. False: the reason was
 * printed. */
bool cli_claims_write(const struct hd_scenario *s, const char *dir);

enum claims_style {
  CLAIMS_RUN,     /* a table without the entries that were not run */
  CLAIMS_ALL,     /* with them */
  CLAIMS_MARKDOWN /* the same as a Markdown table, and nothing else */
};
/* Prints DIR/published.csv, unless it is not there or has nothing to show.
 * False: it is damaged; the reason was printed. */
bool cli_claims_print(const char *dir, enum claims_style style, FILE *out,
                      struct claims_count *count);

/* Writes and prints; returns the exit status: `status` unless that is CLI_OK
 * and files cannot be written, or `strict` and an entry does not hold. */
int cli_claims_finish(const struct hd_scenario *s, const char *dir, bool all,
                      bool strict, int status);
/* The exit status of --strict. */
int cli_claims_status(const struct claims_count *count, bool strict);

#endif
