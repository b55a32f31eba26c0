/* From parameter values to residuals, by simulation. */
#include "sim/cli/calibrate.h"

#include "sim/cli/finish.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a measured value may be off, when nothing is known: a part of it. */
#define DEVIATION 0.01

double cli_calibrate_deviation(const struct measured_value *v)
{
  return fmax(DEVIATION * v->value, v->resolution);
}

/* -- settings of a row ---------------------------------------------------- */

/* The settings of one row for one list of values: the user's, the row's, the
 * fitted ones; the last win. `values` NULL: the scenario as it is. */
static size_t put_sets(const struct calibration *c,
                       const struct measured_row *row, char *const *fitted,
                       const char **sets)
{
  size_t n = 0;
  for (size_t i = 0; i < c->options->n_sets; i++)
    sets[n++] = c->options->sets[i];
  for (size_t i = 0; i < row->n_sets; i++)
    sets[n++] = row->sets[i];
  for (size_t i = 0; fitted != NULL && i < c->n; i++)
    sets[n++] = fitted[i];
  return n;
}

static size_t most_sets(const struct calibration *c)
{
  size_t most = 0;
  for (size_t i = 0; i < c->measured.n_rows; i++)
    if (c->measured.rows[i].n_sets > most)
      most = c->measured.rows[i].n_sets;
  return most + c->options->n_sets + c->n;
}

/* All rows of all lists of values, at once: many processes have work. */
struct batch {
  struct simulation *list; /* rows of the first list of values, the second.. */
  const char **sets;
  char **fitted;
  size_t sets_each, n;
};

static char **fitted_texts(const struct calibration *c, const double *values,
                           size_t sets)
{
  char **texts = cli_allocate(sets * c->n, sizeof *texts);
  for (size_t i = 0; i < sets * c->n; i++) {
    const struct calibrate_parameter *p = &c->parameters[i % c->n];
    char *value = cli_calibrate_text(p->param, values[i]);
    texts[i] = cli_format("%s=%s", p->path, value);
    free(value);
  }
  return texts;
}

static void open_batch(struct batch *b, const struct calibration *c,
                       const double *values, size_t sets)
{
  size_t rows = c->measured.n_rows;
  *b = (struct batch){.sets_each = most_sets(c), .n = sets * rows};
  b->list = cli_allocate(b->n, sizeof *b->list);
  b->sets = cli_allocate(b->n * b->sets_each, sizeof *b->sets);
  b->fitted = values != NULL ? fitted_texts(c, values, sets) : NULL;
  for (size_t i = 0; i < b->n; i++) {
    const char **mine = b->sets + i * b->sets_each;
    char **fitted = values != NULL ? b->fitted + i / rows * c->n : NULL;
    b->list[i].sets = mine;
    b->list[i].n_sets = put_sets(c, &c->measured.rows[i % rows], fitted, mine);
  }
}

static void close_batch(struct batch *b, const struct calibration *c)
{
  for (size_t i = 0; i < b->n; i++)
    free(b->list[i].problem);
  for (size_t i = 0; b->fitted != NULL && i < b->n / c->measured.n_rows * c->n;
       i++)
    free(b->fitted[i]);
  free(b->fitted);
  free(b->sets);
  free(b->list);
}

static bool simulate(struct calibration *c, struct batch *b)
{
  switch (cli_simulate(c->simulator, b->list, b->n)) {
  case POOL_OK:
    return true;
  case POOL_INTERRUPTED:
    c->status = CLI_INTERRUPTED;
    return false;
  case POOL_FAILED:
  default:
    c->status = CLI_FAILED;
    return false;
  }
}

/* -- residuals ------------------------------------------------------------ */

/* Of one list of values; returns the mean relative error. */
static double put_residuals(const struct calibration *c,
                            const struct simulation *list, double *residuals)
{
  size_t n = 0;
  double sum = 0;
  for (size_t i = 0; i < c->measured.n_rows; i++) {
    const struct measured_row *row = &c->measured.rows[i];
    for (size_t j = 0; j < row->n_values; j++) {
      const struct measured_value *v = &row->values[j];
      double got = list[i].outcome != NULL ? list[i].outcome[v->outcome] : NAN;
      residuals[n++] = (got - v->value) / cli_calibrate_deviation(v);
      sum += fabs(got / v->value - 1);
    }
  }
  return sum / (double)n;
}

bool cli_calibrate_evaluate(void *ctx, const double *values, size_t sets,
                            double *residuals)
{
  struct calibration *c = ctx;
  struct batch b;
  open_batch(&b, c, values, sets);
  bool good = simulate(c, &b);
  for (size_t i = 0; good && i < sets; i++) {
    double error = put_residuals(c, b.list + i * c->measured.n_rows,
                                 residuals + i * c->n_values);
    if (error < c->best_error)
      c->best_error = error;
  }
  close_batch(&b, c);
  return good;
}

/* -- the first try -------------------------------------------------------- */

/* The column that a message blames: the last set path that it cites. */
static const char *blamed(const struct measured_row *row, const char *problem)
{
  const char *column = NULL;
  for (size_t i = 0; i < row->n_sets; i++) {
    char *path =
        cli_format("%.*s", (int)strcspn(row->sets[i], "="), row->sets[i]);
    const char *dot = strrchr(path, '.');
    if (strstr(problem, path) != NULL ||
        (column == NULL && dot != NULL && strstr(problem, dot + 1) != NULL))
      column = row->columns[i];
    free(path);
  }
  return column;
}

static void complain(const struct measured_row *row, const char *problem)
{
  const char *column = blamed(row, problem);
  if (column != NULL)
    cli_message("%s:%zu: column '%s': %s", row->file, cli_measured_line(row),
                column, problem);
  else
    cli_message("%s:%zu: %s", row->file, cli_measured_line(row), problem);
}

static bool check_row(const struct measured_row *row,
                      const struct simulation *s)
{
  if (s->problem != NULL) {
    complain(row, s->problem);
    return false;
  }
  for (size_t i = 0; i < row->n_values; i++)
    if (isnan(s->outcome[row->values[i].outcome])) {
      cli_message("%s:%zu: a simulation of this row has no %s", row->file,
                  cli_measured_line(row),
                  cli_outcome_name(row->values[i].outcome));
      return false;
    }
  return true;
}

bool cli_calibrate_try(struct calibration *c)
{
  struct batch b;
  open_batch(&b, c, NULL, 1);
  bool good = simulate(c, &b);
  for (size_t i = 0; good && i < b.n; i++)
    if (!check_row(&c->measured.rows[i], &b.list[i])) {
      c->status = CLI_USAGE;
      good = false;
    }
  c->n_conditions = cli_simulator_runs(c->simulator);
  close_batch(&b, c);
  return good;
}

/* -- progress ------------------------------------------------------------- */

static void show(struct calibration *c)
{
  static const double interval_s = 10;
  bool terminal = isatty(STDERR_FILENO);
  double now = cli_finish_clock();
  if (c->options->quiet || (!terminal && now - c->last_shown < interval_s))
    return;
  c->last_shown = now;
  fprintf(stderr, "%s%s: %zu sets of values, %zu simulations",
          terminal ? "\r" : "", cli_program, c->evaluations,
          cli_simulator_runs(c->simulator));
  if (isfinite(c->best_error))
    fprintf(stderr, ", mean error %.2f %%", 100 * c->best_error);
  fputs(terminal ? "\033[K" : "\n", stderr);
  fflush(stderr);
}

void cli_calibrate_progress(void *ctx, size_t evaluations, double error)
{
  struct calibration *c = ctx;
  (void)error;
  c->evaluations = evaluations;
  show(c);
}

void cli_calibrate_end_progress(const struct calibration *c)
{
  if (!c->options->quiet && isatty(STDERR_FILENO))
    fputs("\r\033[K", stderr);
}
