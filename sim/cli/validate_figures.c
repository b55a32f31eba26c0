/* Overlays: measured points, simulated lines, the link model dashed. */
#include "sim/cli/validate.h"

#include "sim/cli/figure_script.h"
#include "sim/cli/validate_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEGEND_ROOM = 8, COLORS = 7 };

struct dot {
  double x, measured, simulated, analytic;
  char *curve; /* owned */
  size_t rank; /* of the curve, by first appearance */
};

struct overlay {
  const char *figure;               /* file and title */
  const struct validate_line *line; /* the first */
  struct dot *dots;
  size_t n_dots, n_curves, longest;
  const char *y_title;
  bool gbps, analytic;
  double min, max;
};

/* -- collecting ----------------------------------------------------------- */

static size_t rank_of(struct overlay *o, const char *curve)
{
  for (size_t i = 0; i < o->n_dots; i++)
    if (strcmp(o->dots[i].curve, curve) == 0)
      return o->dots[i].rank;
  if (strlen(curve) > o->longest)
    o->longest = strlen(curve);
  return o->n_curves++;
}

static void add_dot(struct overlay *o, const struct validate_point *p)
{
  double x = cli_validate_x(p);
  if (isnan(x) || isnan(p->simulated))
    return;
  char *curve = cli_validate_curve(p);
  size_t rank = rank_of(o, curve);
  o->dots = cli_resize(o->dots, o->n_dots + 1, sizeof *o->dots);
  o->dots[o->n_dots++] =
      (struct dot){x, p->measured, p->simulated, p->analytic, curve, rank};
  o->analytic = o->analytic || !isnan(p->analytic);
  o->y_title = cli_validate_y_title(p, &o->gbps);
  o->min = fmin(o->min, fmin(p->measured, p->simulated));
  o->max = fmax(o->max, fmax(p->measured, p->simulated));
}

static int by_curve_and_x(const void *left, const void *right)
{
  const struct dot *a = left, *b = right;
  if (a->rank != b->rank)
    return a->rank < b->rank ? -1 : 1;
  return (a->x > b->x) - (a->x < b->x);
}

static void collect(struct overlay *o, const struct validation *v)
{
  o->min = INFINITY;
  for (size_t i = 0; i < v->n_points; i++) {
    const struct validate_line *line = v->points[i].line;
    if (line->figure != NULL && strcmp(line->figure, o->figure) == 0)
      add_dot(o, &v->points[i]);
  }
  if (o->n_dots > 0)
    qsort(o->dots, o->n_dots, sizeof *o->dots, by_curve_and_x);
}

static void release(struct overlay *o)
{
  for (size_t i = 0; i < o->n_dots; i++)
    free(o->dots[i].curve);
  free(o->dots);
}

/* -- drawing -------------------------------------------------------------- */

/* A block of x, measured, simulated, analytic; returns its index. */
static size_t put_block(const struct overlay *o, struct figure_script *s,
                        size_t rank)
{
  size_t block = 0;
  bool begun = false;
  for (size_t i = 0; i < o->n_dots; i++) {
    const struct dot *d = &o->dots[i];
    if (d->rank != rank)
      continue;
    if (!begun) {
      char *comment =
          cli_format("%s; columns: x measured simulated analytic", d->curve);
      block = cli_script_block(s, comment);
      free(comment);
    }
    begun = true;
    fprintf(s->data, "%.9g %.9g %.9g ", d->x, d->measured, d->simulated);
    fprintf(s->data, isnan(d->analytic) ? "NaN\n" : "%.9g\n", d->analytic);
  }
  return block;
}

static const char *curve_name(const struct overlay *o, size_t rank)
{
  for (size_t i = 0; i < o->n_dots; i++)
    if (o->dots[i].rank == rank)
      return o->dots[i].curve;
  return "";
}

static void put_curve(const struct overlay *o, struct figure_script *s,
                      size_t rank)
{
  static const int points[COLORS] = {4, 6, 8, 10, 12, 3, 1};
  const char *color = cli_script_color(rank);
  size_t block = put_block(o, s, rank);
  if (o->analytic)
    fprintf(
        s->script,
        "  DATA index %zu using 1:4 with lines lc rgb \"%s\" lw 1.5 dt (3,4) "
        "notitle, \\\n",
        block, color);
  fprintf(
      s->script,
      "  DATA index %zu using 1:3 with lines lc rgb \"%s\" lw 2 dt %s title ",
      block, color, rank < COLORS ? "1" : "(10,4)");
  cli_script_put_text(s, curve_name(o, rank));
  fprintf(s->script,
          ", \\\n  DATA index %zu using 1:2 with points lc rgb \"%s\" pt %d ps "
          "1.3 lw 1.5 notitle, \\\n",
          block, color, points[rank % COLORS]);
}

static void put_axes(const struct overlay *o, struct figure_script *s)
{
  char *x = cli_validate_x_axis(o->line->x != NULL ? o->line->x : "");
  fputs(x, s->script);
  free(x);
  if (o->gbps && o->max > 50 * o->min)
    fprintf(s->script, "set logscale y 10\nset yrange [%.3g:%.3g]\n",
            o->min / 1.3, o->max * 1.3);
  else if (o->gbps)
    fprintf(s->script, "set yrange [0:%.4g]\n", o->max * 1.15);
  else
    fprintf(s->script, "set yrange [%.4g:%.4g]\n", o->min - 0.1 * o->max,
            o->max * 1.05);
  fputs("set ylabel ", s->script);
  cli_script_put_text(s, o->y_title);
  fputs("\n", s->script);
}

/* What points, lines and dashes mean. */
static void put_meaning(const struct overlay *o, struct figure_script *s)
{
  const char *points = o->line->link ? "analytic model" : "measured";
  if (o->analytic)
    fputs("  1/0 with lines lc rgb \"#555555\" lw 1.5 dt (3,4) title \"link "
          "model\", \\\n",
          s->script);
  fprintf(s->script,
          "  1/0 with points lc rgb \"#555555\" pt 4 ps 1.3 lw 1.5 title "
          "\"%s\", \\\n  1/0 with lines lc rgb \"#555555\" lw 2 title "
          "\"simulated\"\n",
          points);
}

/* "FILE Words of the title" */
static const char *title_of(const char *figure)
{
  const char *blank = strchr(figure, ' ');
  return blank != NULL ? blank + 1 : figure;
}

static char *file_of(const char *figure)
{
  return cli_format("%.*s", (int)strcspn(figure, " "), figure);
}

static bool draw(const struct overlay *o, const char *dir)
{
  struct figure_script s;
  char *name = file_of(o->figure);
  struct figure_page page = {.title = title_of(o->figure),
                             .panels = 1,
                             .legend_entries = o->n_curves + 2 + o->analytic,
                             .legend_length =
                                 o->longest > 10 ? o->longest : 10};
  bool good = cli_script_open(&s, dir, name);
  if (good) {
    cli_script_begin(&s, &page);
    put_axes(o, &s);
    fputs("plot \\\n", s.script);
    for (size_t i = 0; i < o->n_curves; i++)
      put_curve(o, &s, i);
    put_meaning(o, &s);
    good = cli_script_close(&s);
  }
  free(name);
  return good;
}

static bool is_first(const struct validation *v, size_t line)
{
  for (size_t i = 0; i < line; i++)
    if (v->lines[i].figure != NULL &&
        strcmp(v->lines[i].figure, v->lines[line].figure) == 0)
      return false;
  return true;
}

bool cli_validate_draw(const struct validation *v, const char *dir)
{
  bool good = true;
  for (size_t i = 0; good && i < v->n_lines; i++) {
    if (v->lines[i].figure == NULL || !is_first(v, i))
      continue;
    struct overlay o = {.figure = v->lines[i].figure, .line = &v->lines[i]};
    collect(&o, v);
    if (o.n_curves > 0)
      good = draw(&o, dir);
    release(&o);
  }
  return good;
}
