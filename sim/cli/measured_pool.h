/*
 * measured_pool.h - tasks in processes of their own, whose results are arrays
 * of numbers in shared memory.
 *
 * SimGrid allows one simulation in a process's life, so every task is forked.
 * Nothing is written to disk. The order of tasks does not show in results.
 */
#ifndef HD_CLI_MEASURED_POOL_H
#define HD_CLI_MEASURED_POOL_H

#include <stdbool.h>
#include <stddef.h>

enum pool_status {
  POOL_OK,
  POOL_FAILED,     /* a task died; what it said was printed */
  POOL_INTERRUPTED /* Ctrl-C or SIGTERM; the rest was not run */
};

struct pool_options {
  size_t processes; /* at least 1 */
  size_t width;     /* numbers a task returns */
  /* In the child: fills `out`. NaN where there is nothing to say. */
  void (*run)(void *ctx, size_t task, double *out);
  /* In the parent, a few times a second; NULL: none. */
  void (*tick)(void *ctx, size_t done, size_t total);
  void *ctx;
};

/* Runs tasks 0 to n - 1; results[task * width]. */
enum pool_status cli_pool_run(const struct pool_options *o, size_t n,
                              double *results);

#endif
