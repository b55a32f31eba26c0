/* hdiov-sim run: one point. */
#include "sim/cli/claims.h"
#include "sim/cli/cli.h"
#include "sim/cli/execute.h"
#include "sim/cli/finish.h"
#include "sim/cli/merge.h"

#include <stdlib.h>
#include <unistd.h>

struct run {
  struct cli_options *common;
  const char *file;
};

static const char doc[] =
    "Simulates one point and prints a table of its results. Of a scenario with "
    "a sweep that is the first point; --set fixes axes to other values."
    "\v"
    "Examples:\n"
    "  hdiov-sim run my.yaml\n"
    "  hdiov-sim run my.yaml --set vms.count=64 --set design=hdiov\n"
    "  hdiov-sim run my.yaml --set run.repetitions=5 --seed 7 --out out/my\n"
    "\n"
    "With --out the directory gets summary.csv, breakdown.csv, the latency "
    "distribution of each group (latency-GROUP.hgrm) and manifest.json; "
    "confidence.csv when there are repetitions, faults.csv when the IOMMU "
    "blocked anything, timeseries.csv with run.series, cores.csv when host "
    "software serves guests, replay.csv when captures are replayed. "
    "'hdiov-sim plot DIR' draws them.";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
  struct run *run = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    for (int i = 0; i < 3; i++)
      state->child_inputs[i] = run->common;
    return 0;
  default:
    return cli_parse_file(key, arg, state, &run->file);
  }
}

static const struct argp_child children[] = {{&cli_scenario_argp, 0, NULL, 0},
                                             {&cli_out_argp, 0, NULL, 0},
                                             {&cli_quiet_argp, 0, NULL, 0},
                                             {0}};
static const struct argp argp = {.parser = parse_option,
                                 .args_doc = "FILE",
                                 .doc = doc,
                                 .children = children};

static void hint_at_sweep(const struct cli_options *o,
                          const struct hd_scenario *s, const char *file)
{
  size_t points = hd_scenario_points(s);
  if (points == 1 || o->quiet)
    return;
  cli_message("this is the first of %zu points; to run them all: %s sweep %s",
              points, cli_program, file);
}

static void print_places(const struct outdir *d)
{
  cli_finish_print_files(d);
  printf("; figures: %s plot %s\n", cli_program, d->path);
}

static int simulate(struct plan *p, const struct outdir *d, bool quiet)
{
  double begin = cli_finish_clock();
  struct execution x = {.processes = cli_finish_processors(), .quiet = quiet};
  cli_execute(p, d, &x);
  if (p->status == CLI_INTERRUPTED) {
    cli_outdir_withdraw(d);
    cli_message("interrupted");
    return CLI_INTERRUPTED;
  }
  int status = cli_finish(p, d, cli_finish_clock() - begin);
  status = cli_claims_finish(p->scenario, d->path, false, false, status);
  if (!d->temporary) {
    cli_merge_single(p, d);
    print_places(d);
  }
  return status;
}

static int run_scenario(const struct cli_options *o,
                        const struct hd_scenario *s, const char *file)
{
  struct plan plan;
  struct outdir dir;
  if (!cli_plan_initialize(&plan, o, s, file, 1))
    return CLI_USAGE;
  int status = CLI_USAGE;
  if (o->out != NULL ? cli_outdir_open(&dir, o->out, OUTDIR_RUN)
                     : cli_outdir_open_temporary(&dir)) {
    hint_at_sweep(o, s, file);
    status = simulate(&plan, &dir, o->quiet);
    cli_outdir_close(&dir);
  }
  cli_plan_terminate(&plan);
  return status;
}

int cli_run(struct cli_options *o, int argc, char **argv)
{
  struct run run = {.common = o};
  cli_parse(&argp, argc, argv, &run);
  struct hd_scenario *s = cli_load(o, run.file);
  if (s == NULL)
    return CLI_USAGE;
  int status = run_scenario(o, s, run.file);
  hd_scenario_destroy(s);
  return status;
}
