#include "sim/cli/measured_columns.h"

#include "models/server.h"
#include "sim/cli/cli.h"
#include "sim/cli/measured_outcome.h"
#include "sim/scenario/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IGNORED_LISTED = 12 };

/* -- paths ---------------------------------------------------------------- */

static bool is_parameter(const struct hd_param_table *table, const char *name)
{
  for (const struct hd_param *p = table->params; p->name != NULL; p++)
    if (strcmp(p->name, name) == 0)
      return true;
  return table->section[0] != '\0' && strcmp(name, "preset") == 0;
}

static bool is_group(const struct hd_param_registry *r, const char *name)
{
  size_t length = strcspn(name, ".");
  const struct hd_param_group *g = r->groups;
  for (; g != NULL && g->section != NULL; g++)
    if (strlen(g->section) == length && name[length] == '.' &&
        strncmp(g->section, name, length) == 0)
      return true;
  return false;
}

/* The section's part of a path: "server.preset" is "host.preset". */
static bool is_section(const struct hd_scenario_env *env, const char *section,
                       const char *name, size_t length)
{
  if (strlen(section) == length && strncmp(section, name, length) == 0)
    return true;
  const struct hd_section_alias *a = env->aliases;
  for (; a != NULL && a->name != NULL; a++)
    if (strcmp(a->section, section) == 0 && strlen(a->name) == length &&
        strncmp(a->name, name, length) == 0)
      return true;
  return false;
}

bool cli_measured_is_path(const char *name)
{
  const struct hd_scenario_env *env = cli_environment();
  const char *dot = strchr(name, '.');
  size_t length = dot != NULL ? (size_t)(dot - name) : 0;
  const char *last = dot != NULL ? dot + 1 : name;
  const struct hd_param_section *s = env->registry->sections;
  for (; s->table != NULL; s++)
    if (is_section(env, s->table->section, name, length) &&
        is_parameter(s->table, last))
      return true;
  return is_group(env->registry, name);
}

/* -- what columns mean ---------------------------------------------------- */

/* Is `name` among names separated by commas or blanks? */
static bool is_listed(const char *list, const char *name)
{
  size_t length = strlen(name);
  for (const char *at = list; *at != '\0'; at += strcspn(at, ", ")) {
    at += strspn(at, ", ");
    if (strcspn(at, ", ") == length && strncmp(at, name, length) == 0)
      return true;
  }
  return false;
}

static bool is_asked(const struct measured_options *o, const char *column,
                     const char *outcome)
{
  return o->metrics == NULL || is_listed(o->metrics, column) ||
         is_listed(o->metrics, outcome);
}

static struct measured_column classify(const char *name,
                                       const struct measured_options *o)
{
  struct measured_column c = {.kind = COLUMN_IGNORED};
  c.alias = cli_alias_column(name);
  if (c.alias != NULL) {
    c.kind = COLUMN_ALIAS;
    return c;
  }
  c.metric = cli_alias_metric(name);
  const char *outcome = c.metric != NULL ? c.metric->outcome : name;
  c.outcome = cli_outcome_find(outcome);
  if (c.outcome < OUTCOMES && is_asked(o, name, outcome))
    c.kind = COLUMN_METRIC;
  else if (c.outcome == OUTCOMES && cli_measured_is_path(name))
    c.kind = COLUMN_PATH;
  return c;
}

/* The smallest step between two different values of a column. */
static double smallest_step(const struct hd_csv_table *t, size_t column)
{
  double least = INFINITY;
  double *values = cli_allocate(t->rows, sizeof *values);
  size_t n = 0;
  for (size_t row = 0; row < t->rows; row++) {
    double value;
    if (!hd_csv_number(t, row, column, &value) || isnan(value))
      continue;
    for (size_t i = 0; i < n; i++)
      if (fabs(values[i] - value) > 1e-9 * fabs(value))
        least = fmin(least, fabs(values[i] - value));
    values[n++] = value;
  }
  free(values);
  return isinf(least) ? 0 : least;
}

static void complain_nothing(const struct measured_file *f,
                             const struct measured_options *o)
{
  struct hd_list list = {.length = 0};
  for (size_t i = 0; i < f->table.columns; i++)
    hd_list_add(&list, f->table.names[i]);
  if (o->metrics != NULL)
    cli_message("%s:1: no column has %s; columns are: %s", f->path,
                hd_clip(o->metrics).text, list.text);
  else
    cli_message("%s:1: no column was measured: none is a metric such as "
                "latency_p50_ns or dma_gbps; columns are: %s",
                f->path, list.text);
}

static void list_ignored(const struct measured_file *f,
                         const struct measured_column *columns)
{
  struct hd_list list = {.length = 0};
  size_t ignored = 0;
  for (size_t i = 0; i < f->table.columns; i++)
    if (columns[i].kind == COLUMN_IGNORED && ignored++ < IGNORED_LISTED)
      hd_list_add(&list, f->table.names[i]);
  if (ignored > IGNORED_LISTED)
    cli_message("%s: columns that are not used: %s and %zu more", f->path,
                list.text, ignored - IGNORED_LISTED);
  else if (ignored > 0)
    cli_message("%s: columns that are not used: %s", f->path, list.text);
}

struct measured_column *cli_measured_columns(const struct measured_file *f,
                                             const struct measured_options *o)
{
  struct measured_column *columns =
      cli_allocate(f->table.columns, sizeof *columns);
  size_t measured = 0;
  for (size_t i = 0; i < f->table.columns; i++) {
    columns[i] = classify(f->table.names[i], o);
    if (columns[i].kind != COLUMN_METRIC)
      continue;
    columns[i].resolution = smallest_step(&f->table, i);
    measured++;
  }
  if (measured > 0) {
    if (!o->quiet)
      list_ignored(f, columns);
    return columns;
  }
  complain_nothing(f, o);
  free(columns);
  return NULL;
}

/* -- settings ------------------------------------------------------------- */

bool cli_measured_set(struct measured_row *row, const char *column,
                      const char *path, const char *value)
{
  size_t length = strlen(path);
  for (size_t i = 0; i < row->n_sets; i++) {
    if (strncmp(row->sets[i], path, length) != 0 || row->sets[i][length] != '=')
      continue;
    if (strcmp(row->sets[i] + length + 1, value) == 0)
      return true;
    cli_message("%s:%zu: column '%s' sets %s, but column '%s' needs %s=%s",
                row->file, cli_measured_line(row), row->columns[i],
                row->sets[i], column, path, value);
    return false;
  }
  row->sets = cli_resize(row->sets, row->n_sets + 1, sizeof *row->sets);
  row->columns =
      cli_resize(row->columns, row->n_sets + 1, sizeof *row->columns);
  row->sets[row->n_sets] = cli_format("%s=%s", path, value);
  row->columns[row->n_sets++] = column;
  return true;
}

static bool add_words(struct measured_row *row, const char *column,
                      const struct alias_word *word)
{
  for (size_t i = 0; i < 2 && word->sets[i] != NULL; i++) {
    const char *equals = strchr(word->sets[i], '=');
    char *path =
        cli_format("%.*s", (int)(equals - word->sets[i]), word->sets[i]);
    bool good = cli_measured_set(row, column, path, equals + 1);
    free(path);
    if (!good)
      return false;
  }
  return true;
}

static bool unknown_word(const struct measured_row *row, const char *column,
                         const char *text)
{
  cli_message("%s:%zu: column '%s': '%s' is not known", row->file,
              cli_measured_line(row), column, hd_clip(text).text);
  return false;
}

static bool set_bytes(struct measured_row *row, const char *column,
                      const char *path, const char *text)
{
  char *value = cli_format("%s B", text);
  bool good = cli_measured_set(row, column, path, value);
  free(value);
  return good;
}

bool cli_measured_condition(struct measured_row *row,
                            const struct measured_column *c, size_t column,
                            const struct measured_options *o)
{
  const char *name = row->table->names[column];
  const char *text = hd_csv_cell(row->table, row->index, column);
  if (text == NULL || text[0] == '\0')
    return true;
  if (c->kind == COLUMN_PATH)
    return cli_measured_set(row, name, name, text);
  const struct alias_word *word = cli_alias_word(name, text);
  switch (c->alias->form) {
  case ALIAS_SAME:
    return cli_measured_set(row, name, c->alias->path, text);
  case ALIAS_BYTES:
    return set_bytes(row, name, c->alias->path, text);
  case ALIAS_HOST:
    if (o->host_selects)
      return true;
    return word != NULL ? add_words(row, name, word)
                        : cli_measured_set(row, name, "host.preset", text);
  case ALIAS_WORDS:
    return word != NULL ? add_words(row, name, word)
                        : unknown_word(row, name, text);
  case ALIAS_VALID:
  default:
    return true;
  }
}
