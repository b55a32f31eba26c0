/*
 * measured_simulate.h - the simulator as a function: settings in, metrics out.
 *
 * What was simulated before is remembered: two lists of settings that resolve
 * to the same configuration are simulated once. Parameters of a unit that is
 * switched off do not count (those of the IOMMU with iommu.mode=off).
 */
#ifndef HD_CLI_MEASURED_SIMULATE_H
#define HD_CLI_MEASURED_SIMULATE_H

#include "sim/cli/measured_outcome.h"
#include "sim/cli/measured_pool.h"
#include "sim/scenario/scenario.h"

struct simulator_options {
  const char *file; /* scenario */
  size_t processes;
  void (*tick)(void *ctx, size_t done, size_t total);
  void *ctx;
};

struct simulation {
  const char *const *sets; /* "PATH=VALUE"; later ones win */
  size_t n_sets;
  const double *outcome; /* filled in: OUTCOMES numbers that live as long as
                            the simulator; NULL: see problem */
  char *problem; /* filled in: why not, one line without place; owned by the
                    caller */
};

struct simulator;

/* Borrows the options' texts. */
struct simulator *cli_simulator_create(const struct simulator_options *o);
void cli_simulator_destroy(struct simulator *s);

/* Simulates what is not known. POOL_OK also when there are problems: settings
 * that the scenario refuses. */
enum pool_status cli_simulate(struct simulator *s, struct simulation *list,
                              size_t n);
/* Simulations done so far. */
size_t cli_simulator_runs(const struct simulator *s);

/* Loads the scenario with settings; NULL: the first error is in *problem,
 * without its place (owned by the caller). */
struct hd_scenario *cli_simulator_load(const char *file,
                                       const char *const *sets, size_t n_sets,
                                       char **problem);

#endif
