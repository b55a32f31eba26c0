#include "sim/cli/summary.h"

#include "sim/cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *cell(const struct summary *s, size_t row, size_t column)
{
  const char *text = hd_csv_cell(&s->table, row, column);
  return text != NULL ? text : "NA";
}

static bool find_columns(struct summary *s, char *error, const char *path)
{
  size_t status = hd_csv_column(&s->table, "status");
  size_t group = hd_csv_column(&s->table, "group");
  size_t limited = hd_csv_column(&s->table, "limited_by");
  size_t migration = hd_csv_column(&s->table, "migration");
  bool good = hd_csv_column(&s->table, "point") == 1 && status == 4 &&
              group > status && group < limited &&
              limited + 1 == migration && migration + 1 == s->table.columns;
  if (!good) {
    snprintf(error, HD_ATOMIC_ERROR_MAX, "%s is no summary of %s", path,
             cli_program);
    return false;
  }
  s->axis_first = status + 1;
  s->n_axes = group - s->axis_first;
  s->metric_first = group + 1;
  s->n_metrics = limited - s->metric_first;
  return true;
}

static size_t point_of(const struct summary *s, size_t row)
{
  return (size_t)strtoull(cell(s, row, 1), NULL, 10);
}

/* The case of a row among those of its point, which start at `from`. */
static struct summary_case *case_of(struct summary *s, size_t from, size_t row)
{
  const char *group = cell(s, row, s->metric_first - 1);
  for (size_t i = from; i < s->n_cases; i++)
    if (strcmp(s->cases[i].group, group) == 0)
      return &s->cases[i];
  s->cases[s->n_cases] = (struct summary_case){
      .point = point_of(s, row), .group = group, .status = cell(s, row, 4)};
  return &s->cases[s->n_cases++];
}

/* Points follow each other, so this is linear in the rows. */
static void find_cases(struct summary *s)
{
  size_t n = s->table.rows, from = 0;
  size_t *belongs = cli_allocate(n, sizeof *belongs);
  s->cases = cli_allocate(n, sizeof *s->cases);
  s->rows = cli_allocate(n, sizeof *s->rows);
  for (size_t row = 0; row < n; row++) {
    if (row > 0 && point_of(s, row) != point_of(s, row - 1))
      from = s->n_cases;
    struct summary_case *c = case_of(s, from, row);
    belongs[row] = (size_t)(c - s->cases);
    c->count++;
    if (c->count > s->repetitions)
      s->repetitions = c->count;
    if (s->n_cases - from > s->groups + 1)
      s->groups = s->n_cases - from - 1;
  }
  for (size_t i = 1; i < s->n_cases; i++)
    s->cases[i].first = s->cases[i - 1].first + s->cases[i - 1].count;
  size_t *fill = cli_allocate(s->n_cases, sizeof *fill);
  for (size_t row = 0; row < n; row++)
    s->rows[s->cases[belongs[row]].first + fill[belongs[row]]++] = row;
  free(fill);
  free(belongs);
}

bool cli_summary_read(struct summary *s, const char *path, char *error)
{
  *s = (struct summary){0};
  if (!hd_csv_read(&s->table, path)) {
    snprintf(error, HD_ATOMIC_ERROR_MAX, "%s", s->table.error);
    return false;
  }
  if (!find_columns(s, error, path)) {
    hd_csv_table_terminate(&s->table);
    return false;
  }
  find_cases(s);
  return true;
}

void cli_summary_terminate(struct summary *s)
{
  hd_csv_table_terminate(&s->table);
  free(s->cases);
  free(s->rows);
}

size_t cli_summary_metric(const struct summary *s, const char *name)
{
  for (size_t i = 0; i < s->n_metrics; i++)
    if (strcmp(s->table.names[s->metric_first + i], name) == 0)
      return i;
  return s->n_metrics;
}

struct hd_summary cli_summary_value(const struct summary *s,
                                    const struct summary_case *c, size_t metric,
                                    double level)
{
  struct hd_summary result = {.mean = NAN, .stddev = NAN, .half_width = NAN};
  double *values = cli_allocate(c->count, sizeof *values);
  size_t n = 0;
  for (size_t i = 0; metric < s->n_metrics && i < c->count; i++) {
    size_t row = s->rows[c->first + i];
    double value;
    if (hd_csv_number(&s->table, row, s->metric_first + metric, &value) &&
        !isnan(value))
      values[n++] = value;
  }
  if (n > 0)
    result = hd_stats_summarize(values, n, level);
  free(values);
  return result;
}

const char *cli_summary_axis(const struct summary *s,
                             const struct summary_case *c, size_t axis)
{
  return cell(s, s->rows[c->first], s->axis_first + axis);
}

const char *cli_summary_limited_by(const struct summary *s,
                                   const struct summary_case *c)
{
  return hd_csv_cell(&s->table, s->rows[c->first], s->table.columns - 2);
}

const char *cli_summary_migration(const struct summary *s,
                                  const struct summary_case *c)
{
  return hd_csv_cell(&s->table, s->rows[c->first], s->table.columns - 1);
}
