#include "sim/cli/measured.h"

#include "sim/cli/cli.h"
#include "sim/cli/measured_columns.h"
#include "sim/cli/measured_where.h"
#include "sim/scenario/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Quoted line breaks aside, a row is a line. */
size_t cli_measured_line(const struct measured_row *row)
{
  return row->index + 2;
}

bool cli_measured_sets(const struct measured_row *row, const char *path)
{
  size_t length = strlen(path);
  for (size_t i = 0; i < row->n_sets; i++)
    if (strncmp(row->sets[i], path, length) == 0 && row->sets[i][length] == '=')
      return true;
  return false;
}

static void release(struct measured_row *row)
{
  for (size_t i = 0; i < row->n_sets; i++)
    free(row->sets[i]);
  free(row->sets);
  free(row->columns);
  free(row->values);
}

void cli_measured_terminate(struct measured *m)
{
  for (size_t i = 0; i < m->n_rows; i++)
    release(&m->rows[i]);
  free(m->rows);
  for (size_t i = 0; i < m->n_files; i++) {
    hd_csv_table_terminate(&m->files[i]->table);
    free(m->files[i]);
  }
  free(m->files);
  *m = (struct measured){0};
}

/* -- one row -------------------------------------------------------------- */

static bool not_a_number(const struct measured_row *row, size_t column)
{
  const char *text = hd_csv_cell(row->table, row->index, column);
  cli_message("%s:%zu: column '%s': '%s' is no positive number", row->file,
              cli_measured_line(row), row->table->names[column],
              hd_clip(text != NULL ? text : "NA").text);
  return false;
}

static bool add_value(struct measured_row *row, const struct measured_column *c,
                      size_t column)
{
  double value;
  bool number = hd_csv_number(row->table, row->index, column, &value);
  const char *text = hd_csv_cell(row->table, row->index, column);
  if (text == NULL || text[0] == '\0')
    return true;
  if (!number || !(value > 0) || isinf(value))
    return not_a_number(row, column);
  row->values = cli_resize(row->values, row->n_values + 1, sizeof *row->values);
  row->values[row->n_values++] =
      (struct measured_value){c->outcome, value, c->resolution};
  return true;
}

/* "bench.mode=latency" of an alias, unless a column says something else. */
static bool add_implied(struct measured_row *row,
                        const struct measured_column *c, size_t column)
{
  if (c->metric == NULL || c->metric->set == NULL)
    return true;
  const char *equals = strchr(c->metric->set, '=');
  char *path =
      cli_format("%.*s", (int)(equals - c->metric->set), c->metric->set);
  bool good =
      cli_measured_set(row, row->table->names[column], path, equals + 1);
  free(path);
  return good;
}

static bool fill(struct measured_row *row, const struct measured_column *c,
                 const struct measured_options *o)
{
  for (size_t i = 0; i < row->table->columns; i++) {
    bool condition = c[i].kind == COLUMN_PATH || c[i].kind == COLUMN_ALIAS;
    size_t before = row->n_values;
    if (condition && !cli_measured_condition(row, &c[i], i, o))
      return false;
    if (c[i].kind == COLUMN_METRIC && !add_value(row, &c[i], i))
      return false;
    if (row->n_values > before && !add_implied(row, &c[i], i))
      return false;
  }
  return true;
}

static bool is_valid(const struct measured_row *row,
                     const struct measured_column *c)
{
  for (size_t i = 0; i < row->table->columns; i++) {
    const char *text = hd_csv_cell(row->table, row->index, i);
    if (c[i].kind == COLUMN_ALIAS && c[i].alias->form == ALIAS_VALID &&
        text != NULL && strcmp(text, "0") == 0)
      return false;
  }
  return true;
}

/* -- files ---------------------------------------------------------------- */

static bool add_row(struct measured *m, const struct measured_file *f,
                    size_t index, const struct measured_column *columns,
                    const struct measured_options *o)
{
  struct measured_row row = {
      .table = &f->table, .file = f->path, .index = index};
  if (!is_valid(&row, columns))
    return true;
  bool good = fill(&row, columns, o);
  if (!good || row.n_values == 0) {
    release(&row);
    return good;
  }
  m->rows = cli_resize(m->rows, m->n_rows + 1, sizeof *m->rows);
  m->rows[m->n_rows++] = row;
  return true;
}

static bool add_rows(struct measured *m, const struct measured_file *f,
                     const struct measured_column *columns,
                     const struct measured_options *o)
{
  struct where where;
  if (!cli_where_parse(&where, &f->table, f->path, o->where))
    return false;
  size_t before = m->n_rows;
  bool good = true;
  for (size_t i = 0; good && i < f->table.rows; i++)
    if (cli_where_matches(&where, &f->table, i))
      good = add_row(m, f, i, columns, o);
  cli_where_terminate(&where);
  if (good && m->n_rows == before) {
    cli_message("%s: no rows with measured values are left%s%s", f->path,
                o->where != NULL ? " with " : "",
                o->where != NULL ? hd_clip(o->where).text : "");
    return false;
  }
  return good;
}

/* A file that was read before is not read again. */
static struct measured_file *open_file(struct measured *m, const char *path)
{
  for (size_t i = 0; i < m->n_files; i++)
    if (strcmp(m->files[i]->path, path) == 0)
      return m->files[i];
  struct measured_file *f = cli_allocate(1, sizeof *f);
  f->path = path;
  if (!hd_csv_read(&f->table, path)) {
    cli_message("%s", f->table.error);
    free(f);
    return NULL;
  }
  m->files =
      cli_resize(m->files, m->n_files + 1, sizeof(struct measured_file *));
  m->files[m->n_files++] = f;
  return f;
}

bool cli_measured_read(struct measured *m, const char *path,
                       const struct measured_options *o)
{
  struct measured_file *f = open_file(m, path);
  if (f == NULL)
    return false;
  struct measured_options mine = *o;
  mine.quiet = o->quiet || f->listed;
  f->listed = true;
  struct measured_column *columns = cli_measured_columns(f, &mine);
  bool good = columns != NULL && add_rows(m, f, columns, o);
  free(columns);
  return good;
}
