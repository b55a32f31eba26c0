/* The table of kinds, and the rows of data that belong to each. */
#include "sim/cli/validate.h"

#include "sim/cli/measured_outcome.h"
#include "sim/scenario/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- one line ------------------------------------------------------------- */

static const char *const columns[] = {"kind", "title",  "data",      "where",
                                      "set",  "metric", "tolerance", "floor",
                                      "rig",  "figure", "x",         "curve"};
enum {
  KIND,
  TITLE,
  DATA,
  WHERE,
  SET,
  METRIC,
  TOLERANCE,
  FLOOR,
  RIG,
  FIGURE,
  X,
  CURVE,
  N_COLUMNS
};

struct reading {
  struct validation *v;
  const char *path;
  size_t index[N_COLUMNS]; /* of the columns in the file */
};

static const char *cell(const struct reading *r, size_t row, int column)
{
  return hd_csv_cell(&r->v->table, row, r->index[column]);
}

static bool complain(const struct reading *r, size_t row, int column,
                     const char *what)
{
  const char *text = cell(r, row, column);
  cli_message("%s:%zu: column '%s': '%s' %s", r->path, row + 2, columns[column],
              hd_clip(text != NULL ? text : "NA").text, what);
  return false;
}

/* A number above 0, then `unit`. NA: 0. */
static bool number(const struct reading *r, size_t row, int column,
                   const char *unit, double *value)
{
  const char *text = cell(r, row, column);
  char *end;
  *value = 0;
  if (text == NULL)
    return true;
  *value = strtod(text, &end);
  if (end == text || strcmp(end, unit) != 0 || !(*value > 0) || isinf(*value))
    return complain(r, row, column, "is no number above 0 in its unit");
  return true;
}

static char *beside(const char *path, const char *name)
{
  const char *slash = strrchr(path, '/');
  if (name[0] == '/' || slash == NULL)
    return cli_format("%s", name);
  return cli_format("%.*s/%s", (int)(slash - path), path, name);
}

static bool is_wanted(const struct validation *v, const char *kind)
{
  size_t length = strlen(kind);
  for (const char *at = v->only; at != NULL; at = strchr(at, ',')) {
    at += *at == ',';
    if (strcspn(at, ",") == length && strncmp(at, kind, length) == 0)
      return true;
  }
  return v->only == NULL;
}

static bool read_line(struct reading *r, size_t row)
{
  struct validation *v = r->v;
  const char *rig = cell(r, row, RIG), *kind = cell(r, row, KIND);
  struct validate_line line = {.kind = kind,
                               .title = cell(r, row, TITLE),
                               .where = cell(r, row, WHERE),
                               .set = cell(r, row, SET),
                               .metric = cell(r, row, METRIC),
                               .figure = cell(r, row, FIGURE),
                               .x = cell(r, row, X),
                               .curve = cell(r, row, CURVE)};
  static const int needed[] = {KIND, TITLE, DATA, METRIC, RIG};
  for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
    if (cell(r, row, needed[i]) == NULL)
      return complain(r, row, needed[i], "is missing");
  if (!is_wanted(v, kind))
    return true;
  line.link = strcmp(rig, "link") == 0;
  if (!line.link && strcmp(rig, "host") != 0)
    return complain(r, row, RIG, "is neither host nor link");
  if (!number(r, row, TOLERANCE, " %", &line.tolerance) ||
      !number(r, row, FLOOR, "", &line.floor))
    return false;
  line.tolerance /= 100;
  line.data = beside(r->path, cell(r, row, DATA));
  v->lines = cli_resize(v->lines, v->n_lines + 1, sizeof *v->lines);
  v->lines[v->n_lines++] = line;
  return true;
}

/* -- points --------------------------------------------------------------- */

static char *joined(const struct measured_row *row)
{
  char *text = cli_format("%s", "");
  for (size_t i = 0; i < row->n_sets; i++) {
    char *longer = cli_format("%s%s%s", text, i > 0 ? "; " : "", row->sets[i]);
    free(text);
    text = longer;
  }
  return text;
}

struct validate_point *cli_validate_add_point(struct validation *v)
{
  v->points = cli_resize(v->points, v->n_points + 1, sizeof *v->points);
  return &v->points[v->n_points++];
}

/* Adds "PATH=VALUE;PATH=VALUE" to a row's settings. */
static bool add_settings(struct measured_row *row, const char *text)
{
  char *copy = cli_format("%s", text != NULL ? text : ""), *rest = copy;
  for (char *set; text != NULL && (set = strsep(&rest, ";")) != NULL;) {
    row->sets = cli_resize(row->sets, row->n_sets + 1, sizeof *row->sets);
    row->columns =
        cli_resize(row->columns, row->n_sets + 1, sizeof *row->columns);
    row->sets[row->n_sets] = cli_format("%s", set);
    row->columns[row->n_sets++] = "set";
  }
  free(copy);
  return true;
}

static bool read_host_line(struct validation *v, struct validate_line *line)
{
  struct measured_options o = {
      .where = line->where, .metrics = line->metric, .quiet = true};
  if (!cli_measured_read(&line->measured, line->data, &o))
    return false;
  for (size_t i = 0; i < line->measured.n_rows; i++) {
    struct measured_row *row = &line->measured.rows[i];
    add_settings(row, line->set);
    for (size_t j = 0; j < row->n_values; j++)
      *cli_validate_add_point(v) =
          (struct validate_point){.line = line,
                                  .table = row->table,
                                  .row = row->index,
                                  .outcome = row->values[j].outcome,
                                  .conditions = joined(row),
                                  .measured = row->values[j].value,
                                  .simulated = NAN,
                                  .analytic = NAN};
  }
  return true;
}

/* -- the whole ------------------------------------------------------------ */

static bool find_columns(struct reading *r)
{
  const struct hd_csv_table *t = &r->v->table;
  for (int i = 0; i < N_COLUMNS; i++) {
    r->index[i] = hd_csv_column(t, columns[i]);
    if (r->index[i] < t->columns)
      continue;
    cli_message("%s:1: no column '%s'; this is no table of kinds", r->path,
                columns[i]);
    return false;
  }
  return true;
}

bool cli_validate_read(struct validation *v, const char *path)
{
  struct reading r = {.v = v, .path = path};
  if (!hd_csv_read(&v->table, path)) {
    cli_message("%s", v->table.error);
    return false;
  }
  bool good = find_columns(&r);
  for (size_t row = 0; good && row < v->table.rows; row++)
    good = read_line(&r, row);
  if (good && v->n_lines == 0) {
    cli_message("%s has no kind %s", path, v->only != NULL ? v->only : "");
    return false;
  }
  /* Points point to lines, so those must stay where they are by now. */
  for (size_t i = 0; good && i < v->n_lines; i++)
    good = v->lines[i].link ? cli_validate_read_link(v, &v->lines[i])
                            : read_host_line(v, &v->lines[i]);
  return good;
}

void cli_validate_terminate(struct validation *v)
{
  for (size_t i = 0; i < v->n_points; i++)
    free(v->points[i].conditions);
  free(v->points);
  for (size_t i = 0; i < v->n_lines; i++) {
    cli_measured_terminate(&v->lines[i].measured);
    free(v->lines[i].data);
  }
  free(v->lines);
  hd_csv_table_terminate(&v->table);
}
