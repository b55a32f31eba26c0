#include "sim/cli/finish.h"

#include "sim/cli/merge.h"
#include "sim/cli/table.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

double cli_finish_clock(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

size_t cli_finish_processors(void)
{
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
    return (size_t)CPU_COUNT(&set);
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (size_t)n : 1;
}

int cli_finish(const struct plan *p, const struct outdir *d, double wall_s)
{
  bool good = cli_merge_tables(p, d) &&
              (d->temporary || cli_merge_manifest(p, d, wall_s)) &&
              cli_table_print(d->path, p->confidence);
  if (!good && p->status == CLI_OK)
    return CLI_FAILED;
  return p->status;
}

void cli_finish_print_files(const struct outdir *d)
{
  static const char *const files[] = {
      "summary.csv", "breakdown.csv",  "confidence.csv",
      "faults.csv",  "timeseries.csv", "cores.csv",
      "replay.csv",  "published.csv",  "manifest.json"};
  const char *gap = "";
  printf("Results in %s (", d->path);
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    char *path = cli_format("%s/%s", d->path, files[i]);
    if (access(path, F_OK) == 0) {
      printf("%s%s", gap, files[i]);
      gap = ", ";
    }
    free(path);
  }
  printf(")");
}
