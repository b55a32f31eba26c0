/* hdiov-sim sweep: all points, several at a time. */
#include "sim/cli/claims.h"
#include "sim/cli/cli.h"
#include "sim/cli/execute.h"
#include "sim/cli/figures.h"
#include "sim/cli/finish.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_RESUME = 256, KEY_NO_PLOT, KEY_STRICT };

struct sweep {
  struct cli_options *common;
  const char *file;
  size_t processes;
  bool resume, no_plot, strict;
};

static const char doc[] =
    "Simulates every point of a sweep, prints a table and draws figures. "
    "Finished points are kept at once, so an interrupted sweep loses nothing: "
    "--resume runs only what is missing, or what a change of the scenario or "
    "of the program has made stale."
    "\v"
    "Examples:\n"
    "  hdiov-sim sweep my.yaml --out out/my\n"
    "  hdiov-sim sweep my.yaml --axis vms.count=1,16,256 -j 4\n"
    "  hdiov-sim sweep my.yaml --out out/my --resume\n"
    "\n"
    "A point that the hardware has no room for gets the status 'infeasible: "
    "RESOURCE HAVE < NEED' and the sweep goes on; so it does when a point "
    "fails, but then the exit status is 1.\n"
    "\n"
    "The directory gets summary.csv and breakdown.csv (a row for each point, "
    "repetition and group), manifest.json, points/ with the latency "
    "distributions, and figures/. Without --out it is out/NAME, after the "
    "scenario's name. The CSV files do not depend on -j or --resume.\n"
    "\n"
    "What a scenario's list 'published' says is put beside what was simulated, "
    "in a second table and in published.csv. The exit status tells only with "
    "--strict; entries that were not run do not count.";

static const struct argp_option options[] = {
    {"jobs", 'j', "N", 0,
     "Simulate N points at a time; default: one a processor", 3},
    {"resume", KEY_RESUME, NULL, 0,
     "Continue a sweep in the same directory; finished points are kept", 3},
    {"no-plot", KEY_NO_PLOT, NULL, 0, "Draw no figures at the end", 3},
    {"strict", KEY_STRICT, NULL, 0,
     "Exit with status 3 when a published figure is not reproduced", 3},
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
  struct sweep *sweep = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    for (int i = 0; i < 4; i++)
      state->child_inputs[i] = sweep->common;
    return 0;
  case 'j':
    sweep->processes = cli_parse_count(arg, "-j", CLI_PROCESSES_MAX, state);
    return 0;
  case KEY_RESUME:
    sweep->resume = true;
    return 0;
  case KEY_NO_PLOT:
    sweep->no_plot = true;
    return 0;
  case KEY_STRICT:
    sweep->strict = true;
    return 0;
  default:
    return cli_parse_file(key, arg, state, &sweep->file);
  }
}

static const struct argp_child children[] = {{&cli_scenario_argp, 0, NULL, 0},
                                             {&cli_axis_argp, 0, NULL, 0},
                                             {&cli_out_argp, 0, NULL, 0},
                                             {&cli_quiet_argp, 0, NULL, 0},
                                             {0}};
static const struct argp argp = {.options = options,
                                 .parser = parse_option,
                                 .args_doc = "FILE",
                                 .doc = doc,
                                 .children = children};

static size_t count(const struct plan *p, enum job_state state)
{
  size_t n = 0;
  for (size_t i = 0; i < p->n_jobs; i++)
    n += p->jobs[i].state == state;
  return n;
}

static void tell_interrupted(const struct plan *p, bool resume)
{
  const struct cli_options *o = p->options;
  cli_message("interrupted; %zu of %zu points are finished and kept",
              count(p, JOB_DONE), p->n_jobs);
  fputs("continue with:", stderr);
  for (int i = 0; i < o->argc; i++) {
    fputc(' ', stderr);
    cli_plan_put_word(stderr, o->argv[i]);
  }
  fputs(resume ? "\n" : " --resume\n", stderr);
}

/* Returns whether there are figures. */
static bool draw(const struct outdir *d)
{
  struct figure_options how = {.quiet = true};
  if (cli_figures_possible())
    return cli_figures(d->path, &how) == CLI_OK;
  cli_message("no figures: gnuplot is not there; later: %s plot %s",
              cli_program, d->path);
  return false;
}

static int simulate(const struct sweep *sweep, struct plan *p,
                    const struct outdir *d)
{
  double begin = cli_finish_clock();
  struct execution x = {.processes = sweep->processes,
                        .resume = sweep->resume,
                        .quiet = sweep->common->quiet};
  cli_execute(p, d, &x);
  int status = cli_finish(p, d, cli_finish_clock() - begin);
  status = cli_claims_finish(p->scenario, d->path, true, sweep->strict, status);
  bool interrupted = p->status == CLI_INTERRUPTED;
  bool figures = !interrupted && !sweep->no_plot && draw(d);
  cli_finish_print_files(d);
  if (figures)
    printf(", figures in %s/figures", d->path);
  putchar('\n');
  fflush(stdout);
  if (interrupted)
    tell_interrupted(p, sweep->resume);
  if (count(p, JOB_FAILED) > 0)
    cli_message("%zu of %zu points failed", count(p, JOB_FAILED), p->n_jobs);
  return status;
}

static int sweep_scenario(const struct sweep *sweep,
                          const struct hd_scenario *s)
{
  struct plan plan;
  struct outdir dir;
  if (!cli_plan_initialize(&plan, sweep->common, s, sweep->file,
                           hd_scenario_points(s)))
    return CLI_USAGE;
  const char *out = sweep->common->out;
  char *path =
      out != NULL ? cli_format("%s", out) : cli_format("out/%s", plan.name);
  int status = CLI_USAGE;
  if (cli_outdir_open(&dir, path,
                      sweep->resume ? OUTDIR_RESUME : OUTDIR_SWEEP)) {
    status = simulate(sweep, &plan, &dir);
    cli_outdir_close(&dir);
  }
  free(path);
  cli_plan_terminate(&plan);
  return status;
}

int cli_sweep(struct cli_options *o, int argc, char **argv)
{
  struct sweep sweep = {.common = o, .processes = cli_finish_processors()};
  cli_parse(&argp, argc, argv, &sweep);
  struct hd_scenario *s = cli_load(o, sweep.file);
  if (s == NULL)
    return CLI_USAGE;
  int status = sweep_scenario(&sweep, s);
  hd_scenario_destroy(s);
  return status;
}
