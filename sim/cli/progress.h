/*
 * progress.h - how far a sweep is, on stderr.
 *
 * A bar on a terminal, a line every few seconds elsewhere, nothing when quiet.
 */
#ifndef HD_CLI_PROGRESS_H
#define HD_CLI_PROGRESS_H

#include "sim/cli/worker.h"

struct progress {
  bool quiet, terminal;
  bool drawn; /* a bar stands on the terminal's last line */
  double begin, last_line, last_sample;
  uint64_t events_done; /* of jobs that are over */
  uint64_t sampled;     /* events at last_sample */
  double events_per_s;  /* smoothed */
  size_t total, kept;   /* jobs; those an earlier run had finished */
  size_t done;          /* incl. kept ones */
};

void cli_progress_begin(struct progress *p, bool quiet, size_t total,
                        size_t kept);
/* A job is over; `w` NULL: without having run. */
void cli_progress_job(struct progress *p, const struct worker *w);
/* To be called several times a second. */
void cli_progress_tick(struct progress *p, const struct worker *workers,
                       size_t n_workers);
/* Before a message, and at the end: clears the bar. */
void cli_progress_clear(struct progress *p);

#endif
