/*
 * worker.h - one job in a process of its own.
 *
 * SimGrid allows one simulation in a process's life, so every job is forked.
 * The child inherits the resolved point, tells its progress through shared
 * memory, writes the job's record, and ends. Its messages go to a file in
 * memory that the parent reads when it is over.
 */
#ifndef HD_CLI_WORKER_H
#define HD_CLI_WORKER_H

#include "sim/cli/record.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>

/* In shared memory, one a worker; times are picoseconds. */
struct worker_progress {
  _Atomic int64_t now;    /* simulated */
  _Atomic int64_t start;  /* of the workloads; HD_TIME_NEVER before */
  _Atomic int64_t length; /* warm-up and measurement */
  _Atomic uint64_t events;
};

struct worker {
  pid_t pid; /* 0: idle */
  size_t job;
  int messages; /* descriptor */
  struct worker_progress *progress;
};

/* Forks. `signals` is the mask that the child's simulation runs with. False:
 * no process to be had; errno. */
bool cli_worker_start(struct worker *w, const struct outdir *d,
                      const struct rows_subject *subject,
                      const sigset_t *signals);

/* After waitpid(): NULL when the job has left its record, or else what
 * happened in one line (owned by the caller). Prints what the child said and
 * how to repeat it. The worker is idle again. */
char *cli_worker_finish(struct worker *w, const struct plan *p, int status);

/* After waitpid(): will cli_worker_finish() print nothing? */
bool cli_worker_is_silent(const struct worker *w, int status);

/* Terminates the child at once and waits for it. */
void cli_worker_kill(struct worker *w);

#endif
