/* Distribution of latency, one line a curve, at a few x values. */
#include "sim/cli/cli.h"
#include "sim/cli/figure_kinds.h"
#include "sim/cli/figure_script.h"
#include "sim/cli/figure_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PANELS = 4 };

/* So many requests took this long; the sum of several files. */
struct step {
  double ns, count;
};

struct steps {
  struct step *items;
  size_t n;
  double total;
};

/* -- latency files
 * --------------------------------------------------------------- */

static void add_line(struct steps *steps, const char *line, double *before)
{
  double ns, share, count;
  if (sscanf(line, "%lf %lf %lf", &ns, &share, &count) != 3 || count <= *before)
    return;
  steps->items = cli_resize(steps->items, steps->n + 1, sizeof *steps->items);
  steps->items[steps->n++] = (struct step){ns, count - *before};
  steps->total += count - *before;
  *before = count;
}

static bool add_file(struct steps *steps, const char *path)
{
  FILE *file = fopen(path, "r");
  char line[256];
  double before = 0;
  if (file == NULL)
    return false;
  while (fgets(line, sizeof line, file) != NULL)
    add_line(steps, line, &before);
  fclose(file);
  return true;
}

/* Of a sweep the file is with its point, of a run in the directory itself. */
static void add_repetition(struct steps *steps, const struct figure_data *d,
                           const struct summary_case *c, size_t repetition)
{
  char *paths[] = {
      cli_format("%s/points/%05zu-%03zu/latency-%s.hgrm", d->dir, c->point,
                 repetition, c->group),
      cli_format("%s/latency-%s-%03zu.hgrm", d->dir, c->group, repetition),
      cli_format("%s/latency-%s.hgrm", d->dir, c->group)};
  bool found = false;
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    found = found || add_file(steps, paths[i]);
    free(paths[i]);
  }
}

static int compare(const void *a, const void *b)
{
  double x = ((const struct step *)a)->ns, y = ((const struct step *)b)->ns;
  return (x > y) - (x < y);
}

static struct steps read_steps(const struct figure_data *d,
                               const struct summary_case *c)
{
  struct steps steps = {0};
  for (size_t i = 0; cli_figure_is_ok(c) && i < c->count; i++)
    add_repetition(&steps, d, c, i);
  if (steps.n > 0)
    qsort(steps.items, steps.n, sizeof *steps.items, compare);
  return steps;
}

/* -- drawing
 * --------------------------------------------------------------------- */

struct cdf {
  const struct figure_data *d;
  size_t panel;
  size_t x[PANELS], n_x;
  double min, max, scale; /* of the panel at hand */
};

/* Of one panel. */
static void find_range(struct cdf *c, size_t i)
{
  c->min = INFINITY;
  c->max = 0;
  for (size_t curve = 0; curve < c->d->n_curves; curve++) {
    struct steps steps =
        read_steps(c->d, cli_figure_cell(c->d, c->panel, curve, c->x[i]));
    if (steps.n > 0) {
      c->min = fmin(c->min, steps.items[0].ns);
      c->max = fmax(c->max, steps.items[steps.n - 1].ns);
    }
    free(steps.items);
  }
  c->scale = cli_figure_time_unit(c->max).scale;
}

/* Drops the x values at which nothing was measured. */
static void keep_measured(struct cdf *c)
{
  size_t kept = 0;
  for (size_t i = 0; i < c->n_x; i++) {
    find_range(c, i);
    if (c->max > 0)
      c->x[kept++] = c->x[i];
  }
  c->n_x = kept;
}

static void put_block(const struct cdf *c, struct figure_script *s,
                      size_t curve, size_t x)
{
  struct steps steps =
      read_steps(c->d, cli_figure_cell(c->d, c->panel, curve, x));
  char *name = cli_figure_curve_name(c->d, curve);
  char *where = cli_figure_x_name(c->d, x);
  char *comment = cli_format("%s; %s; columns: latency percent", where, name);
  double sum = 0;
  cli_script_block(s, comment);
  if (steps.n == 0)
    fputs("NaN NaN\n", s->data);
  else
    fprintf(s->data, "%.9g 0\n", steps.items[0].ns / c->scale);
  for (size_t i = 0; i < steps.n; i++) {
    sum += steps.items[i].count;
    fprintf(s->data, "%.9g %.6g\n", steps.items[i].ns / c->scale,
            100 * sum / steps.total);
  }
  free(comment);
  free(where);
  free(name);
  free(steps.items);
}

static void put_curve(const struct cdf *c, struct figure_script *s,
                      size_t block, size_t curve)
{
  char *name = cli_figure_curve_name(c->d, curve);
  fprintf(s->script,
          "  DATA index %zu using 1:2 with lines lc rgb \"%s\" "
          "lw %s ",
          block, cli_script_color(curve), curve == 0 ? "5" : "2");
  fputs(name[0] != '\0' ? "title " : "notitle", s->script);
  if (name[0] != '\0')
    cli_script_put_text(s, name);
  free(name);
}

static void put_axes(const struct cdf *c, struct figure_script *s)
{
  bool log_x = c->max > 20 * c->min && c->min > 0;
  double low = log_x || c->min > c->max / 2 ? 0.95 * c->min : 0;
  fprintf(s->script,
          "%s\nset xrange [%.6g:%.6g]\nset yrange [0:103]\n"
          "set ytics 0,25,100\nset xlabel \"Latency (%s)\"\n"
          "set ylabel \"Share of samples (%%)\"\n",
          log_x ? "set logscale x 10" : "unset logscale x", low / c->scale,
          c->max / c->scale * 1.05, cli_figure_time_unit(c->max).name);
}

static void put_panel(struct cdf *c, struct figure_script *s, size_t i)
{
  find_range(c, i);
  char *name = cli_figure_x_name(c->d, c->x[i]);
  if (i > 0)
    fputs("unset key\nunset label 1000\n", s->script);
  if (name[0] != '\0') {
    fputs("set title ", s->script);
    cli_script_put_text(s, name);
    fputs(" font \",14\" offset 0,-0.4\n", s->script);
  }
  free(name);
  put_axes(c, s);
  fputs("plot \\\n", s->script);
  for (size_t curve = 0; curve < c->d->n_curves; curve++) {
    size_t block = s->blocks;
    put_block(c, s, curve, c->x[i]);
    put_curve(c, s, block, curve);
    fputs(curve + 1 < c->d->n_curves ? ", \\\n" : "\n", s->script);
  }
}

static struct figure_page page_of(const struct cdf *c, const char *title)
{
  struct figure_page page = {.title = title, .panels = c->n_x};
  page.panel_titles = c->d->x != FIGURE_NONE;
  for (size_t i = 0; i < c->d->n_curves; i++) {
    char *name = cli_figure_curve_name(c->d, i);
    if (strlen(name) > page.legend_length)
      page.legend_length = strlen(name);
    free(name);
  }
  page.legend_entries = page.legend_length > 0 ? c->d->n_curves : 0;
  return page;
}

static void draw(struct cdf *c, struct figure_list *list)
{
  struct figure_script s;
  char *slug = cli_figure_panel_slug(c->d, c->panel);
  char *where = cli_figure_panel_name(c->d, c->panel);
  char *name = cli_format("latency-cdf%s%s", slug[0] ? "-" : "", slug);
  char *title = cli_format("%s%s%s", c->d->title, where[0] ? " - " : "", where);
  struct figure_page page = page_of(c, title);
  bool drawn = cli_script_open(&s, list->dir, name);
  if (drawn) {
    cli_script_begin(&s, &page);
    for (size_t i = 0; i < c->n_x; i++)
      put_panel(c, &s, i);
    drawn = cli_script_close(&s);
  }
  free(title);
  free(where);
  free(slug);
  cli_figure_list_add(list, name, drawn);
}

void cli_figure_cdf(const struct figure_data *d, struct figure_list *list)
{
  for (size_t panel = 0; panel < d->n_panels; panel++) {
    struct cdf c = {.d = d, .panel = panel};
    c.n_x = cli_figure_choose_x(d, panel, PANELS, c.x);
    keep_measured(&c);
    if (c.n_x > 0)
      draw(&c, list);
  }
}
