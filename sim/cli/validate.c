/* hdiov-sim validate: simulations beside measurements. */
#include "sim/cli/validate.h"

#include "sim/cli/figures.h"
#include "sim/cli/finish.h"
#include "sim/cli/outdir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_KINDS = 256, KEY_ONLY };

struct validate {
  struct cli_options *common;
  const char *file, *kinds, *only;
  size_t processes;
};

static const char doc[] =
    "Simulates the conditions of measurements and compares: for each kind the "
    "number of points, mean and worst error, tolerance, verdict, and what an "
    "analytic model of the PCIe link says."
    "\v"
    "Examples:\n"
    "  hdiov-sim validate scenarios/validation/pcie-bench.yaml\n"
    "  hdiov-sim validate my-host.yaml --kinds my-kinds.csv --out out/my-host\n"
    "  hdiov-sim validate scenarios/validation/pcie-bench.yaml \\\n"
    "    --only read-bandwidth-size --set host.preset=my-host\n"
    "\n"
    "The kinds are a CSV table, by default FILE with the ending .csv; see the "
    "shipped one. A line chooses rows of a file of measurements, says which "
    "metric is compared, and how far off it may be. A kind passes when its "
    "points are within the tolerance in the mean, and none is off by more "
    "than twice of it. --set wins over the conditions of rows.\n"
    "\n"
    "With --out the directory gets points.csv (every point), kinds.csv, "
    "table.md and overlay figures: points are measured, lines simulated, "
    "dashed lines the link model.\n"
    "\n"
    "Exit status: 1 when a kind fails.";

static const struct argp_option options[] = {
    {"kinds", KEY_KINDS, "CSV", 0, "Table of kinds", 0},
    {"only", KEY_ONLY, "KIND,...", 0, "Only these kinds", 0},
    {"jobs", 'j', "N", 0,
     "Simulate N conditions at a time; default: one a processor", 3},
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
  struct validate *v = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    for (int i = 0; i < 3; i++)
      state->child_inputs[i] = v->common;
    return 0;
  case KEY_KINDS:
    v->kinds = arg;
    return 0;
  case KEY_ONLY:
    v->only = arg;
    return 0;
  case 'j':
    v->processes = cli_parse_count(arg, "-j", CLI_PROCESSES_MAX, state);
    return 0;
  default:
    return cli_parse_file(key, arg, state, &v->file);
  }
}

static const struct argp_child children[] = {{&cli_scenario_argp, 0, NULL, 0},
                                             {&cli_out_argp, 0, NULL, 0},
                                             {&cli_quiet_argp, 0, NULL, 0},
                                             {0}};
static const struct argp argp = {.options = options,
                                 .parser = parse_option,
                                 .args_doc = "FILE",
                                 .doc = doc,
                                 .children = children};

/* FILE with the ending .csv. */
static char *default_kinds(const char *file)
{
  const char *dot = strrchr(file, '.'), *slash = strrchr(file, '/');
  size_t length = dot != NULL && (slash == NULL || dot > slash)
                      ? (size_t)(dot - file)
                      : strlen(file);
  return cli_format("%.*s.csv", (int)length, file);
}

static bool make_directory(const char *dir)
{
  if (dir == NULL || cli_outdir_make(dir))
    return true;
  cli_message("cannot make %s: %s", dir, strerror(errno));
  return false;
}

static int finish(const struct validation *v, double seconds)
{
  const char *dir = v->options->out;
  bool passed = cli_validate_print(v, stdout);
  if (!v->options->quiet)
    cli_message("%zu points, %zu simulations, %.0f s", v->n_points,
                v->n_simulations, seconds);
  if (dir == NULL)
    return passed ? CLI_OK : CLI_FAILED;
  bool good = cli_validate_write(v, dir);
  if (good && cli_figures_possible())
    good = cli_validate_draw(v, dir);
  else if (good)
    cli_message("no figures: gnuplot is not there");
  printf("Results in %s\n", dir);
  return good && passed ? CLI_OK : CLI_FAILED;
}

static int validate(const struct validate *a, const char *kinds)
{
  struct validation v = {.options = a->common,
                         .file = a->file,
                         .only = a->only,
                         .processes = a->processes,
                         .terminal = isatty(STDERR_FILENO)};
  double begin = cli_finish_clock();
  int status = CLI_USAGE;
  if (cli_validate_read(&v, kinds) && make_directory(a->common->out))
    status = cli_validate_simulate(&v);
  if (status == CLI_OK)
    status = cli_validate_simulate_links(&v);
  if (status == CLI_OK)
    status = finish(&v, cli_finish_clock() - begin);
  cli_validate_terminate(&v);
  return status;
}

int cli_validate(struct cli_options *o, int argc, char **argv)
{
  struct validate a = {.common = o, .processes = cli_finish_processors()};
  cli_parse(&argp, argc, argv, &a);
  struct hd_scenario *s = cli_load(o, a.file);
  if (s == NULL)
    return CLI_USAGE;
  hd_scenario_destroy(s);
  char *kinds =
      a.kinds != NULL ? cli_format("%s", a.kinds) : default_kinds(a.file);
  int status = validate(&a, kinds);
  free(kinds);
  return status;
}
