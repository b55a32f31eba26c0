/*
 * server_harness.h - runs a shipped scenario with overrides in a child process
 * (one simulation a process) and hands back what came out.
 */
#ifndef HD_TESTS_SERVER_HARNESS_H
#define HD_TESTS_SERVER_HARNESS_H

#include "models/server.h"

enum { HARNESS_GROUPS = 6, HARNESS_FAULTS = 8 };

struct outcome {
  bool feasible;
  char shortage[64]; /* resource that ran out */
  int64_t have, need;
  size_t n_groups; /* incl. "all" */
  double metric[HARNESS_GROUPS][METRIC_COUNT];
  char limited_by[HARNESS_GROUPS][32];
  double stage_mean_ns[HARNESS_GROUPS][HD_STAGE_COUNT + 1];
  char note[320]; /* of a live migration; empty: none */
  uint64_t fingerprint, events, faults_total;
  size_t n_faults;
  struct iommu_fault fault[HARNESS_FAULTS];
};

/* `file`: below scenarios/ of the source tree; sets: NULL-terminated list of
 * "PATH=VALUE". A scenario with a sweep runs its first point. Fails the test
 * (ck_abort) when the scenario is not valid or the run breaks a check. */
struct outcome run_scenario(const char *file, const char *const *sets);
#define RUN(file, ...)                                                         \
  run_scenario(file, (const char *const[]){__VA_ARGS__, NULL})

/* metric of the row `all` */
#define ALL(outcome, name) ((outcome).metric[0][METRIC_##name])
#define OF(outcome, group, name) ((outcome).metric[group][METRIC_##name])

#endif
