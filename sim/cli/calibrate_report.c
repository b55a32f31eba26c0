/* What was found, for people, and as a preset. */
#include "sim/cli/calibrate.h"

#include "sim/measure/atomic_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *file_name(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

/* -- words about one parameter -------------------------------------------- */

/* "70.1 ns to 72.3 ns", or why there is none; owned by the caller. */
static char *interval_text(const struct calibration *c,
                           const struct fit_estimate *e, size_t i)
{
  const struct hd_param *p = c->parameters[i].param;
  char *low = cli_calibrate_text(p, e->low), *high = NULL, *text;
  high = cli_calibrate_text(p, e->high);
  switch (e->verdict) {
  case FIT_IDENTIFIED:
    text = cli_format("%s to %s", low, high);
    break;
  case FIT_CONFOUNDED:
    text = cli_format("not identified: cannot be told apart from %s",
                      c->parameters[e->partner].path);
    break;
  case FIT_TOO_WIDE:
    text = cli_format("not identified: %s to %s fit as well", low, high);
    break;
  case FIT_NO_EFFECT:
  default:
    text = cli_format("not identified: no measured value depends on it");
    break;
  }
  free(low);
  free(high);
  return text;
}

static int longest_path(const struct calibration *c)
{
  size_t most = strlen("parameter");
  for (size_t i = 0; i < c->n; i++)
    if (strlen(c->parameters[i].path) > most)
      most = strlen(c->parameters[i].path);
  return (int)most;
}

static void print_parameters(const struct calibration *c,
                             const struct fit_result *r, FILE *out)
{
  int width = longest_path(c);
  fprintf(out, "%-*s  %12s  %12s  %s\n", width, "parameter", "before", "fitted",
          "95 % interval");
  for (size_t i = 0; i < c->n; i++) {
    const struct hd_param *p = c->parameters[i].param;
    char *before = cli_calibrate_text(p, c->fit[i].start);
    char *value = cli_calibrate_text(p, r->estimate[i].value);
    char *interval = r->complete
                         ? interval_text(c, &r->estimate[i], i)
                         : cli_format("interrupted before it was known");
    bool known = !r->complete || r->estimate[i].verdict == FIT_IDENTIFIED;
    fprintf(out, "%-*s  %12s  %12s  %s\n", width, c->parameters[i].path, before,
            known ? value : "-", interval);
    free(before);
    free(value);
    free(interval);
  }
}

/* -- residuals ------------------------------------------------------------ */

struct errors {
  double mean, worst; /* relative */
};

/* Relative error of a value from its residual. */
static double relative(const struct measured_value *v, double residual)
{
  return residual * cli_calibrate_deviation(v) / v->value;
}

static struct errors errors_of(const struct calibration *c,
                               const struct fit_result *r)
{
  struct errors e = {0, 0};
  size_t n = 0;
  for (size_t i = 0; i < c->measured.n_rows; i++) {
    const struct measured_row *row = &c->measured.rows[i];
    for (size_t j = 0; j < row->n_values; j++) {
      double error = fabs(relative(&row->values[j], r->residuals[n++]));
      e.mean += error;
      e.worst = fmax(e.worst, error);
    }
  }
  e.mean /= (double)n;
  return e;
}

static void print_residual(const struct measured_row *row,
                           const struct measured_value *v, double residual,
                           FILE *out)
{
  double error = relative(v, residual);
  char *place =
      cli_format("%s:%zu", file_name(row->file), cli_measured_line(row));
  fprintf(out, "%-24s  %-16s  %10.6g  %10.6g  %+7.2f %%\n", place,
          cli_outcome_name(v->outcome), v->value, v->value * (1 + error),
          100 * error);
  free(place);
}

void cli_calibrate_report(const struct calibration *c,
                          const struct fit_result *r, FILE *out)
{
  struct errors e = errors_of(c, r);
  size_t n = 0;
  print_parameters(c, r, out);
  fprintf(out, "\n%-24s  %-16s  %10s  %10s  %9s\n", "row", "metric", "measured",
          "simulated", "error");
  for (size_t i = 0; i < c->measured.n_rows; i++) {
    const struct measured_row *row = &c->measured.rows[i];
    for (size_t j = 0; j < row->n_values; j++)
      print_residual(row, &row->values[j], r->residuals[n++], out);
  }
  fprintf(out,
          "\n%zu values under %zu conditions: mean error %.2f %%, worst %.2f "
          "%%; %zu sets of values tried, %zu simulations\n",
          c->n_values, c->n_conditions, 100 * e.mean, 100 * e.worst,
          r->evaluations, cli_simulator_runs(c->simulator));
}

/* -- the preset ----------------------------------------------------------- */

static int by_path(const void *left, const void *right, void *ctx)
{
  const struct calibration *c = ctx;
  const size_t *a = left, *b = right;
  return strcmp(c->parameters[*a].path, c->parameters[*b].path);
}

/* The lines of the sections that `path` is in and `before` is not. Returns how
 * deep the parameter is. */
static int put_sections(FILE *out, const char *path, const char *before)
{
  int depth = 0;
  const char *at = path;
  bool same = true;
  for (const char *dot; (dot = strchr(at, '.')) != NULL; at = dot + 1) {
    size_t length = (size_t)(dot - path) + 1;
    same = same && strncmp(path, before, length) == 0;
    if (!same)
      fprintf(out, "%*s%.*s:\n", 2 * depth, "", (int)(dot - at), at);
    depth++;
  }
  return depth;
}

static void put_files(FILE *out, const struct calibration *c)
{
  for (size_t i = 0; i < c->measured.n_files; i++)
    fprintf(out, "%s%s", i > 0 ? ", " : "",
            file_name(c->measured.files[i]->path));
}

static void put_head(FILE *out, const struct calibration *c,
                     const struct fit_result *r)
{
  struct errors e = errors_of(c, r);
  fprintf(out,
          "# Fitted by %s calibrate %s to %zu measured values (%zu rows "
          "of ",
          cli_program, file_name(c->file), c->n_values, c->measured.n_rows);
  put_files(out, c);
  fprintf(out,
          ").\n# Mean error %.2f %%, worst %.2f %%. Intervals are 95 %%.\n",
          100 * e.mean, 100 * e.worst);
}

static void put_value(FILE *out, const struct calibration *c,
                      const struct fit_estimate *e, size_t i, int depth)
{
  const char *dot = strrchr(c->parameters[i].path, '.');
  const char *name = dot != NULL ? dot + 1 : c->parameters[i].path;
  char *value = cli_calibrate_text(c->parameters[i].param, e->value);
  char *interval = interval_text(c, e, i);
  fprintf(out, "%*s%s: %s  # fitted: %s; %zu rows of ", 2 * depth, "", name,
          value, interval, c->measured.n_rows);
  put_files(out, c);
  fputc('\n', out);
  free(value);
  free(interval);
}

/* By path, so that a section's parameters follow each other. */
static void put_values(FILE *out, const struct calibration *c,
                       const struct fit_result *r)
{
  size_t order[FIT_PARAMETERS_MAX];
  const char *before = "";
  for (size_t i = 0; i < c->n; i++)
    order[i] = i;
  qsort_r(order, c->n, sizeof *order, by_path, (void *)(uintptr_t)c);
  for (size_t i = 0; i < c->n; i++) {
    const char *path = c->parameters[order[i]].path;
    const struct fit_estimate *e = &r->estimate[order[i]];
    if (e->verdict != FIT_IDENTIFIED)
      continue;
    put_value(out, c, e, order[i], put_sections(out, path, before));
    before = path;
  }
}

static void put_unknown(FILE *out, const struct calibration *c,
                        const struct fit_result *r)
{
  for (size_t i = 0; i < c->n; i++) {
    if (r->estimate[i].verdict == FIT_IDENTIFIED)
      continue;
    char *why = interval_text(c, &r->estimate[i], i);
    fprintf(out, "# %s: %s\n", c->parameters[i].path, why);
    free(why);
  }
}

bool cli_calibrate_write(const struct calibration *c,
                         const struct fit_result *r, const char *path)
{
  struct hd_atomic_file f;
  if (!hd_atomic_open(&f, path)) {
    cli_message("%s", f.error);
    return false;
  }
  put_head(f.stream, c, r);
  put_values(f.stream, c, r);
  put_unknown(f.stream, c, r);
  if (hd_atomic_commit(&f))
    return true;
  cli_message("%s", f.error);
  return false;
}
