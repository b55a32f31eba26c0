/* hdiov-sim calibrate: parameter values that reproduce measurements. */
#include "sim/cli/calibrate.h"

#include "sim/cli/finish.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_WHERE = 256, KEY_METRIC, KEY_STARTS, KEY_OUT };
enum { STARTS_MAX = 1000 };

struct calibrate {
  struct cli_options *common;
  const char *file, *out, *where, *metrics;
  /* Owned arrays of argv's. */
  const char **data, **wheres; /* of each file; NULL: `where` */
  const char **fits;
  size_t n_data, n_fits;
  size_t starts, processes;
};

static const char doc[] =
    "Finds parameter values with which the simulator reproduces measurements. "
    "Prints them with confidence intervals and the error of every measured "
    "value, says which ones the measurements do not fix, and writes a preset."
    "\v"
    "Examples:\n"
    "  hdiov-sim calibrate bench.yaml --data latency.csv \\\n"
    "    --fit memory.llc_latency='40 ns..120 ns' \\\n"
    "    --fit iommu.walkers=1..32 --out my-host.yaml\n"
    "  hdiov-sim calibrate bench.yaml --metric avg_ns,gbps \\\n"
    "    --data latency.csv --where op=rd,window_bytes=8192..1048576 \\\n"
    "    --data rate.csv --where op=wr \\\n"
    "    --fit iommu.iotlb_entries=16..4096 --set run.duration='50 us'\n"
    "\n"
    "DATA is a CSV file, a row a measurement. A column named after a parameter "
    "(bench.transfer, iommu.page_size) is a condition of the row, and wins "
    "over --set; a column named after a column of summary.csv "
    "(latency_p50_ns, dma_gbps) was measured. Other columns are not used, but "
    "--where can choose rows by them. The columns of the pcie-bench data set "
    "(op, transfer_bytes, iommu, median_ns, gbps, ...) are understood as they "
    "are; its column `host` only serves to choose rows, because the machine is "
    "what is being fitted.\n"
    "\n"
    "Residuals are taken in units of 1 % of the measured value, or of the "
    "resolution of its column if that is more. Values are looked for within "
    "LOW..HIGH: quasi-random points are tried, the best ones descend by "
    "least squares, and whole numbers are searched one by one. Every set of "
    "values simulates every row, so keep run.duration short. The scenario's "
    "own values are the first point. A parameter that the rows do not fix is "
    "reported, and left out of the preset.\n"
    "\n"
    "The preset goes into presets/host/NAME.yaml of a directory that "
    "HDIOV_SIM_DATA names; then a scenario says host: NAME. The same command "
    "and --seed give the same bytes, whatever -j is.";

static const struct argp_option options[] = {
    {"data", 'd', "CSV", 0, "Measurements; may be repeated", 0},
    {"fit", 'f', "PATH=LOW..HIGH", 0,
     "Fit a parameter within these limits, with units; may be repeated", 0},
    {"where", KEY_WHERE, "COLUMN=VALUE,...", 0,
     "Only rows with these cells; A|B is either, LOW..HIGH a range of numbers. "
     "After a --data it is of that file, before the first one of all",
     0},
    {"metric", KEY_METRIC, "NAME,...", 0,
     "Of what was measured, fit only this; by its column or metric", 0},
    {"out", KEY_OUT, "PRESET.yaml", 0, "Write the fitted values as a preset",
     0},
    {"starts", KEY_STARTS, "N", 0, "Descend from so many points; default: 3",
     3},
    {"jobs", 'j', "N", 0,
     "Simulate N conditions at a time; default: one a processor", 3},
    {0}};

static void add(const char ***list, size_t *n, const char *text)
{
  *list = cli_resize(*list, *n + 1, sizeof **list);
  (*list)[(*n)++] = text;
}

/* Behind a --data it is of that file, before the first of all. */
static void set_where(struct calibrate *c, const char *where)
{
  if (c->n_data == 0)
    c->where = where;
  else
    c->wheres[c->n_data - 1] = where;
}

static void add_data(struct calibrate *c, const char *path)
{
  size_t n = c->n_data;
  add(&c->wheres, &n, NULL);
  add(&c->data, &c->n_data, path);
}

static void check_complete(const struct calibrate *c, struct argp_state *state)
{
  if (c->file == NULL)
    argp_error(state, "which FILE?");
  if (c->n_data == 0)
    argp_error(state, "measurements are missing: --data CSV");
  if (c->n_fits == 0)
    argp_error(state, "nothing to fit: --fit PATH=LOW..HIGH");
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
  struct calibrate *c = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = state->child_inputs[1] = c->common;
    return 0;
  case 'd':
    add_data(c, arg);
    return 0;
  case 'f':
    add(&c->fits, &c->n_fits, arg);
    return 0;
  case KEY_WHERE:
    set_where(c, arg);
    return 0;
  case KEY_METRIC:
    c->metrics = arg;
    return 0;
  case KEY_OUT:
    c->out = arg;
    return 0;
  case KEY_STARTS:
    c->starts = cli_parse_count(arg, "--starts", STARTS_MAX, state);
    return 0;
  case 'j':
    c->processes = cli_parse_count(arg, "-j", CLI_PROCESSES_MAX, state);
    return 0;
  case ARGP_KEY_ARG:
    return cli_parse_file(key, arg, state, &c->file);
  case ARGP_KEY_END:
    check_complete(c, state);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp_child children[] = {
    {&cli_scenario_argp, 0, NULL, 0}, {&cli_quiet_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {.options = options,
                                 .parser = parse_option,
                                 .args_doc = "FILE",
                                 .doc = doc,
                                 .children = children};

/* -- what is asked for ---------------------------------------------------- */

static bool read_fits(const struct calibrate *a, struct calibration *c,
                      const struct hd_scenario *scenario)
{
  struct hd_errors *errors = hd_errors_create();
  struct hd_point *point = hd_scenario_point(scenario, 0, errors);
  bool good = point != NULL;
  for (size_t i = 0; good && i < a->n_fits; i++)
    good = cli_calibrate_add(c, point, a->fits[i]);
  hd_errors_print(errors, stderr);
  hd_errors_destroy(errors);
  hd_point_destroy(point);
  return good;
}

/* Fitting needs room that no row takes, and one machine. */
static bool check_rows(const struct calibration *c)
{
  for (size_t i = 0; i < c->measured.n_rows; i++) {
    const struct measured_row *row = &c->measured.rows[i];
    for (size_t j = 0; j < c->n; j++)
      if (cli_measured_sets(row, c->parameters[j].path)) {
        cli_message("%s:%zu: the row itself sets %s, so it cannot be fitted",
                    row->file, cli_measured_line(row), c->parameters[j].path);
        return false;
      }
  }
  return true;
}

static const char *host_of(const struct measured_row *row)
{
  size_t column = hd_csv_column(row->table, "host");
  const char *host = column < row->table->columns
                         ? hd_csv_cell(row->table, row->index, column)
                         : NULL;
  return host != NULL ? host : "";
}

static void warn_of_hosts(const struct calibration *c)
{
  const char *first = "";
  for (size_t i = 0; i < c->measured.n_rows; i++) {
    const char *host = host_of(&c->measured.rows[i]);
    if (host[0] != '\0' && first[0] != '\0' && strcmp(host, first) != 0) {
      cli_message("rows of several hosts (%s, %s) are fitted as one machine; "
                  "--where host=%s takes one of them",
                  first, host, first);
      return;
    }
    if (host[0] != '\0')
      first = host;
  }
}

static bool read_data(const struct calibrate *a, struct calibration *c)
{
  struct measured_options o = {
      .metrics = a->metrics, .host_selects = true, .quiet = a->common->quiet};
  for (size_t i = 0; i < a->n_data; i++) {
    o.where = a->wheres[i] != NULL ? a->wheres[i] : a->where;
    if (!cli_measured_read(&c->measured, a->data[i], &o))
      return false;
  }
  for (size_t i = 0; i < c->measured.n_rows; i++)
    c->n_values += c->measured.rows[i].n_values;
  warn_of_hosts(c);
  return check_rows(c);
}

/* Better now than after an hour. */
static bool can_write(const char *path)
{
  struct hd_atomic_file f;
  if (path == NULL)
    return true;
  if (!hd_atomic_open(&f, path)) {
    cli_message("%s", f.error);
    return false;
  }
  hd_atomic_abandon(&f);
  return true;
}

/* -- the fit -------------------------------------------------------------- */

static uint64_t seed_of(const struct hd_scenario *scenario)
{
  struct hd_errors *errors = hd_errors_create();
  struct hd_point *point = hd_scenario_point(scenario, 0, errors);
  const struct server_config *config =
      point != NULL ? hd_point_config(point) : NULL;
  uint64_t seed = config != NULL ? (uint64_t)config->run.seed : 1;
  hd_point_destroy(point);
  hd_errors_destroy(errors);
  return seed;
}

static int report(const struct calibrate *a, const struct calibration *c,
                  const struct fit_result *r)
{
  if (c->status == CLI_INTERRUPTED)
    cli_message("interrupted%s", r->found ? "; the best values so far:" : "");
  if (!r->found && c->status == CLI_OK)
    cli_message("no values within the limits can be simulated");
  if (r->found)
    cli_calibrate_report(c, r, stdout);
  if (!r->complete)
    return c->status != CLI_OK ? c->status : CLI_FAILED;
  if (a->out != NULL && !cli_calibrate_write(c, r, a->out))
    return CLI_FAILED;
  if (a->out != NULL)
    printf("Preset in %s\n", a->out);
  return CLI_OK;
}

static int fit(const struct calibrate *a, struct calibration *c, uint64_t seed)
{
  struct simulator_options o = {.file = a->file, .processes = a->processes};
  c->simulator = cli_simulator_create(&o);
  c->last_shown = cli_finish_clock();
  struct fit_problem p = {.parameters = c->fit,
                          .n = c->n,
                          .m = c->n_values,
                          .evaluate = cli_calibrate_evaluate,
                          .progress = cli_calibrate_progress,
                          .ctx = c,
                          .starts = a->starts,
                          .seed = seed};
  int status = CLI_OK;
  if (cli_calibrate_try(c)) {
    struct fit_result r;
    cli_fit(&p, &r);
    cli_calibrate_end_progress(c);
    status = report(a, c, &r);
    cli_fit_terminate(&r);
  } else {
    status = c->status;
  }
  cli_simulator_destroy(c->simulator);
  return status;
}

static int calibrate(const struct calibrate *a,
                     const struct hd_scenario *scenario)
{
  struct calibration c = {
      .options = a->common, .file = a->file, .best_error = INFINITY};
  int status = CLI_USAGE;
  if (read_fits(a, &c, scenario) && read_data(a, &c) && can_write(a->out))
    status = fit(a, &c, seed_of(scenario));
  cli_measured_terminate(&c.measured);
  for (size_t i = 0; i < c.n; i++)
    free(c.parameters[i].path);
  return status;
}

int cli_calibrate(struct cli_options *o, int argc, char **argv)
{
  struct calibrate a = {
      .common = o, .starts = 3, .processes = cli_finish_processors()};
  cli_parse(&argp, argc, argv, &a);
  struct hd_scenario *s = cli_load(o, a.file);
  int status = s != NULL ? calibrate(&a, s) : CLI_USAGE;
  hd_scenario_destroy(s);
  free(a.data);
  free(a.wheres);
  free(a.fits);
  return status;
}
