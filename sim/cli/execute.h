/*
 * execute.h - runs the jobs of a plan, several at a time.
 */
#ifndef HD_CLI_EXECUTE_H
#define HD_CLI_EXECUTE_H

#include "sim/cli/outdir.h"
#include "sim/cli/plan.h"

struct execution {
  size_t processes; /* at least 1 */
  bool resume;      /* keep the records that fit */
  bool quiet;
};

/* Runs what is missing, in order. Each job's state and p->status say how it
 * ended. */
void cli_execute(struct plan *p, const struct outdir *d,
                 const struct execution *x);

#endif
