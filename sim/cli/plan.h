/*
 * plan.h - what there is to simulate: points times repetitions, as jobs.
 *
 * Planning resolves every point once, so every rule across parameters is
 * checked before anything is written.
 */
#ifndef HD_CLI_PLAN_H
#define HD_CLI_PLAN_H

#include "models/server.h"
#include "sim/cli/cli.h"

struct plan_point {
  uint64_t hash; /* of the resolved scenario */
  uint64_t seed; /* of the first repetition; the others count up */
  size_t repetitions, first_job;
};

enum job_state { JOB_WAITING, JOB_DONE, JOB_FAILED };

struct plan_job {
  size_t point;      /* index in the sweep */
  size_t repetition; /* from 0 */
  enum job_state state;
  char *failure; /* JOB_FAILED: what happened, one line; owned */
};

struct plan {
  const struct hd_scenario *scenario;
  const struct cli_options *options;
  const char *file; /* as the user named it */
  char *name;       /* the scenario's, fit for a file's name; owned */
  double confidence;
  struct plan_point *points;
  size_t n_points;
  struct plan_job *jobs; /* point by point */
  size_t n_jobs;
  int status; /* the end's: CLI_OK, CLI_FAILED or CLI_INTERRUPTED */
};

/* The first `n_points` points of the scenario. Borrows its arguments. False:
 * errors were printed, nothing is held. */
bool cli_plan_initialize(struct plan *p, const struct cli_options *options,
                         const struct hd_scenario *scenario, const char *file,
                         size_t n_points);
void cli_plan_terminate(struct plan *p);

uint64_t cli_plan_seed(const struct plan *p, const struct plan_job *job);
/* Resolves a job's point; it was checked when planning, so this cannot fail. */
struct hd_point *cli_plan_resolve(const struct plan *p,
                                  const struct plan_job *job);
/* "vms.count=4, design=sriov"; "" without axes. Owned by the caller. */
char *cli_plan_axes_text(const struct hd_scenario *scenario,
                         const struct hd_point *point);
/* The command that repeats a job alone. Owned by the caller. */
char *cli_plan_reproduce(const struct plan *p, const struct plan_job *job,
                         const struct hd_point *point);
/* Writes a word as the shell wants it, quoted when it must be. */
void cli_plan_put_word(FILE *out, const char *word);

#endif
