/*
 * trace.h - for the files of `hdiov-sim trace`.
 */
#ifndef HD_CLI_TRACE_H
#define HD_CLI_TRACE_H

#include "models/iommu_trace/iommu_trace.h"
#include "models/server.h"
#include "sim/cli/cli.h"
#include "sim/cli/outdir.h"

struct trace {
  struct cli_options *options;
  const char *file, *scenario_file; /* the latter may be NULL */
  int64_t depth;
  struct hd_scenario *scenario;
  struct hd_point *point;
  const struct server_config *config; /* of the point */
  struct trace_map map;
  struct iommu_trace_results results;
  double wall_s; /* of the run; without the first reading */
  double read_s; /* of the first reading */
};

/* Reads and simulates t->file; then t->results are to be terminated, whatever
 * the exit status that it returns. Messages have been printed. */
int cli_trace_run(struct trace *t);
/* Prints the table. */
void cli_trace_print(const struct trace *t);
/* Writes DIR/trace.csv, latency.hgrm and manifest.json. False: the reason was
 * printed. */
bool cli_trace_write(const struct trace *t, const struct outdir *d);

#endif
