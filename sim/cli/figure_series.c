/* Throughput against time, one line a curve, at a few x values. */
#include "sim/cli/cli.h"
#include "sim/cli/figure_kinds.h"
#include "sim/cli/figure_script.h"
#include "sim/cli/figure_text.h"
#include "sim/cli/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PANELS = 4 };

/* Mean over the repetitions of a case. */
struct moment {
  double us, gbps;
  size_t repetitions;
};

struct course {
  struct moment *moments;
  size_t n;
};

struct series {
  const struct figure_data *d;
  struct hd_csv_table table;
  size_t point, time, group, tx, rx; /* columns */
  struct course *courses;            /* by case of the summary */
  size_t panel;
  size_t x[PANELS], n_x;
  double max_us, max_gbps; /* of the page */
};

/* -- timeseries.csv -------------------------------------------------------- */

/* Both directions together, as in the figure of throughput. NaN: neither. */
static double throughput(const struct series *s, size_t row)
{
  double tx, rx;
  bool good = hd_csv_number(&s->table, row, s->tx, &tx) &&
              hd_csv_number(&s->table, row, s->rx, &rx);
  if (!good || (isnan(tx) && isnan(rx)))
    return NAN;
  return (isnan(tx) ? 0 : tx) + (isnan(rx) ? 0 : rx);
}

/* The rows of each repetition come in the order of time, from 0 on; `at`: which
 * moment is next. */
static void add_moment(struct course *c, size_t *at, double us, double gbps)
{
  if (c->n > 0 && us <= 0)
    *at = 0;
  if (*at == c->n) {
    c->moments = cli_resize(c->moments, c->n + 1, sizeof *c->moments);
    c->moments[c->n++] = (struct moment){.us = us};
  }
  c->moments[*at].gbps += gbps;
  c->moments[*at].repetitions++;
  ++*at;
}

/* Rows come in the order of the points, as the summary's cases do. */
static void add_rows(struct series *s)
{
  const struct summary *summary = &s->d->summary;
  size_t *at = cli_allocate(summary->n_cases, sizeof *at), first = 0;
  for (size_t row = 0; row < s->table.rows; row++) {
    const char *cell = hd_csv_cell(&s->table, row, s->point);
    const char *group = hd_csv_cell(&s->table, row, s->group);
    size_t point = cell != NULL ? (size_t)strtoull(cell, NULL, 10) : 0;
    double us, gbps = throughput(s, row);
    while (first < summary->n_cases && summary->cases[first].point < point)
      first++;
    if (group == NULL || isnan(gbps) ||
        !hd_csv_number(&s->table, row, s->time, &us))
      continue;
    for (size_t i = first;
         i < summary->n_cases && summary->cases[i].point == point; i++)
      if (strcmp(group, summary->cases[i].group) == 0)
        add_moment(&s->courses[i], &at[i], us, gbps);
  }
  free(at);
}

/* False: there is none. */
static bool read_series(struct series *s)
{
  char *path = cli_format("%s/%s", s->d->dir, cli_rows_file(ROWS_SERIES));
  bool there = access(path, F_OK) == 0 && hd_csv_read(&s->table, path);
  free(path);
  if (!there)
    return false;
  const struct hd_csv_table *t = &s->table;
  s->point = hd_csv_column(t, "point");
  s->time = hd_csv_column(t, "time_us");
  s->group = hd_csv_column(t, "group");
  s->tx = hd_csv_column(t, "tx_goodput_gbps");
  s->rx = hd_csv_column(t, "rx_goodput_gbps");
  s->courses = cli_allocate(s->d->summary.n_cases, sizeof *s->courses);
  if (s->point < t->columns && s->time < t->columns && s->group < t->columns &&
      s->tx < t->columns && s->rx < t->columns)
    add_rows(s);
  return true;
}

static void terminate(struct series *s)
{
  for (size_t i = 0; i < s->d->summary.n_cases; i++)
    free(s->courses[i].moments);
  free(s->courses);
  hd_csv_table_terminate(&s->table);
}

/* NULL: nothing to draw. */
static const struct course *course_of(const struct series *s, size_t curve,
                                      size_t x)
{
  const struct summary_case *c = cli_figure_cell(s->d, s->panel, curve, x);
  if (!cli_figure_is_ok(c))
    return NULL;
  const struct course *course = &s->courses[c - s->d->summary.cases];
  return course->n > 0 ? course : NULL;
}

static double value_of(const struct moment *m)
{
  return m->gbps / (double)m->repetitions;
}

/* The last bin counts as wide as the others. */
static double end_of(const struct course *c)
{
  double last = c->moments[c->n - 1].us;
  return c->n > 1 ? last + c->moments[1].us - c->moments[0].us : last;
}

/* -- drawing --------------------------------------------------------------- */

static bool look_at(struct series *s, size_t x)
{
  bool any = false;
  for (size_t curve = 0; curve < s->d->n_curves; curve++) {
    const struct course *c = course_of(s, curve, x);
    for (size_t i = 0; c != NULL && i < c->n; i++) {
      s->max_us = fmax(s->max_us, end_of(c));
      s->max_gbps = fmax(s->max_gbps, value_of(&c->moments[i]));
    }
    any = any || c != NULL;
  }
  return any;
}

/* Drops the x values of which nothing is known. */
static void choose_x(struct series *s)
{
  size_t kept = 0;
  s->n_x = cli_figure_choose_x(s->d, s->panel, PANELS, s->x);
  s->max_us = s->max_gbps = 0;
  for (size_t i = 0; i < s->n_x; i++)
    if (look_at(s, s->x[i]))
      s->x[kept++] = s->x[i];
  s->n_x = kept;
}

static void put_block(const struct series *s, struct figure_script *f,
                      size_t curve, size_t x)
{
  const struct course *c = course_of(s, curve, x);
  char *name = cli_figure_curve_name(s->d, curve);
  char *where = cli_figure_x_name(s->d, x);
  char *comment = cli_format("%s; %s; columns: time throughput", where, name);
  double scale = cli_figure_time_unit(s->max_us * 1e3).scale * 1e-3;
  cli_script_block(f, comment);
  if (c == NULL)
    fputs("NaN NaN\n", f->data);
  for (size_t i = 0; c != NULL && i < c->n; i++)
    fprintf(f->data, "%.9g %.9g\n", c->moments[i].us / scale,
            value_of(&c->moments[i]));
  if (c != NULL)
    fprintf(f->data, "%.9g %.9g\n", end_of(c) / scale,
            value_of(&c->moments[c->n - 1]));
  free(comment);
  free(where);
  free(name);
}

static void put_curve(const struct series *s, struct figure_script *f,
                      size_t block, size_t curve)
{
  char *name = cli_figure_curve_name(s->d, curve);
  fprintf(f->script,
          "  DATA index %zu using 1:2 with steps lc rgb \"%s\" lw %s ", block,
          cli_script_color(curve), curve == 0 ? "4" : "2");
  fputs(name[0] != '\0' ? "title " : "notitle", f->script);
  if (name[0] != '\0')
    cli_script_put_text(f, name);
  free(name);
}

static void put_axes(const struct series *s, struct figure_script *f)
{
  struct figure_unit unit = cli_figure_time_unit(s->max_us * 1e3);
  double last = s->max_us / (unit.scale * 1e-3);
  fprintf(f->script,
          "set xrange [0:%.6g]\nset yrange [0:%.6g]\n"
          "set xlabel \"Time (%s)\"\nset ylabel \"Throughput (Gb/s)\"\n",
          last > 0 ? last : 1, s->max_gbps > 0 ? s->max_gbps * 1.08 : 1,
          unit.name);
}

static void put_panel(const struct series *s, struct figure_script *f, size_t i)
{
  char *name = cli_figure_x_name(s->d, s->x[i]);
  if (i > 0)
    fputs("unset key\nunset label 1000\n", f->script);
  if (name[0] != '\0') {
    fputs("set title ", f->script);
    cli_script_put_text(f, name);
    fputs(" font \",14\" offset 0,-0.4\n", f->script);
  }
  free(name);
  put_axes(s, f);
  fputs("plot \\\n", f->script);
  for (size_t curve = 0; curve < s->d->n_curves; curve++) {
    size_t block = f->blocks;
    put_block(s, f, curve, s->x[i]);
    put_curve(s, f, block, curve);
    fputs(curve + 1 < s->d->n_curves ? ", \\\n" : "\n", f->script);
  }
}

static struct figure_page page_of(const struct series *s, const char *title)
{
  struct figure_page page = {.title = title, .panels = s->n_x};
  page.panel_titles = s->d->x != FIGURE_NONE;
  for (size_t i = 0; i < s->d->n_curves; i++) {
    char *name = cli_figure_curve_name(s->d, i);
    if (strlen(name) > page.legend_length)
      page.legend_length = strlen(name);
    free(name);
  }
  page.legend_entries = page.legend_length > 0 ? s->d->n_curves : 0;
  return page;
}

static void draw(const struct series *s, struct figure_list *list)
{
  struct figure_script f;
  char *slug = cli_figure_panel_slug(s->d, s->panel);
  char *where = cli_figure_panel_name(s->d, s->panel);
  char *name = cli_format("timeseries%s%s", slug[0] ? "-" : "", slug);
  char *title = cli_format("%s%s%s", s->d->title, where[0] ? " - " : "", where);
  struct figure_page page = page_of(s, title);
  bool drawn = cli_script_open(&f, list->dir, name);
  if (drawn) {
    cli_script_begin(&f, &page);
    for (size_t i = 0; i < s->n_x; i++)
      put_panel(s, &f, i);
    drawn = cli_script_close(&f);
  }
  free(title);
  free(where);
  free(slug);
  cli_figure_list_add(list, name, drawn);
}

void cli_figure_series(const struct figure_data *d, struct figure_list *list)
{
  struct series s = {.d = d};
  if (!read_series(&s))
    return;
  for (s.panel = 0; s.panel < d->n_panels; s.panel++) {
    choose_x(&s);
    if (s.n_x > 0)
      draw(&s, list);
  }
  terminate(&s);
}
