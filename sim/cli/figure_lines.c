/* Lines over the x axis: throughput, requests, latency percentiles. */
#include "sim/cli/cli.h"
#include "sim/cli/figure_axis.h"
#include "sim/cli/figure_kinds.h"
#include "sim/cli/figure_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { METRICS_MAX = 2 };

/* One kind of figure: `n` metrics, added up or drawn one by one. */
struct kind {
  const char *name, *title;
  const char *metrics[METRICS_MAX], *labels[METRICS_MAX];
  size_t n;
  bool add, time, rate; /* rate: in thousands or millions */
};

static const struct kind kinds[] = {
    {.name = "throughput",
     .title = "Throughput (Gb/s)",
     .metrics = {"tx_goodput_gbps", "rx_goodput_gbps"},
     .labels = {""},
     .n = 2,
     .add = true},
    {.name = "dma",
     .title = "DMA bandwidth (Gb/s)",
     .metrics = {"dma_gbps"},
     .labels = {""},
     .n = 1},
    {.name = "requests",
     .title = "Requests per second",
     .metrics = {"requests_per_s"},
     .labels = {""},
     .n = 1,
     .rate = true},
    {.name = "latency",
     .title = "Latency",
     .metrics = {"latency_p50_ns", "latency_p99_ns"},
     .labels = {"p50", "p99"},
     .n = 2,
     .time = true},
    {.name = "host-cores",
     .title = "Host cores",
     .metrics = {"host_cpu_cores"},
     .labels = {""},
     .n = 1},
    {.name = "downtime",
     .title = "Downtime of a live migration (ms)",
     .metrics = {"downtime_ms"},
     .labels = {""},
     .n = 1}};

struct lines {
  const struct figure_data *d;
  const struct kind *kind;
  struct figure_unit unit; /* of y */
  double min, max;
  size_t first_panel, n_panels; /* on this page */
};

static size_t n_lines(const struct kind *k)
{
  return k->add ? 1 : k->n;
}

/* -- values
 * ---------------------------------------------------------------------- */

static struct hd_summary sum(const struct figure_data *d, const struct kind *k,
                             const struct summary_case *c)
{
  struct hd_summary total = {.mean = NAN};
  double square = 0;
  for (size_t i = 0; i < k->n; i++) {
    size_t metric = cli_summary_metric(&d->summary, k->metrics[i]);
    struct hd_summary v = cli_summary_value(&d->summary, c, metric, d->level);
    if (v.n == 0)
      continue;
    total.n = v.n;
    total.mean = isnan(total.mean) ? v.mean : total.mean + v.mean;
    square += isnan(v.half_width) ? 0 : v.half_width * v.half_width;
  }
  total.half_width = sqrt(square);
  return total;
}

/* What to draw in a cell; mean NaN: nothing. */
static struct hd_summary value_of(const struct figure_data *d,
                                  const struct kind *k, size_t line,
                                  const struct summary_case *c)
{
  struct hd_summary none = {.mean = NAN};
  if (!cli_figure_is_ok(c))
    return none;
  if (k->add)
    return sum(d, k, c);
  size_t metric = cli_summary_metric(&d->summary, k->metrics[line]);
  struct hd_summary v = cli_summary_value(&d->summary, c, metric, d->level);
  return v.n > 0 ? v : none;
}

static void look_at_cell(struct lines *l, size_t panel, size_t curve, size_t x)
{
  const struct summary_case *c = cli_figure_cell(l->d, panel, curve, x);
  for (size_t line = 0; line < n_lines(l->kind); line++) {
    double mean = value_of(l->d, l->kind, line, c).mean;
    if (isnan(mean))
      continue;
    l->max = fmax(l->max, mean);
    if (mean > 0)
      l->min = fmin(l->min, mean);
  }
}

static void find_range(struct lines *l)
{
  l->min = INFINITY;
  l->max = 0;
  for (size_t panel = 0; panel < l->d->n_panels; panel++)
    for (size_t curve = 0; curve < l->d->n_curves; curve++)
      for (size_t x = 0; x < l->d->n_x; x++)
        look_at_cell(l, panel, curve, x);
}

/* -- drawing
 * --------------------------------------------------------------------- */

/* Between names there is nothing to join by a line; points beside each other.
 */
static double x_of(const struct lines *l, size_t i, size_t curve)
{
  double aside = ((double)curve - 0.5 * (double)(l->d->n_curves - 1)) * 0.12;
  return cli_figure_x_position(l->d, i) +
         (cli_figure_is_numeric(l->d) ? 0 : aside);
}

static void put_block(const struct lines *l, struct figure_script *s,
                      size_t panel, size_t curve, size_t line)
{
  char *where = cli_figure_panel_name(l->d, panel);
  char *name = cli_figure_curve_name(l->d, curve);
  char *comment = cli_format("%s; %s %s; columns: x mean low high", where, name,
                             l->kind->labels[line]);
  cli_script_block(s, comment);
  for (size_t i = 0; i < l->d->n_x; i++) {
    const struct summary_case *c = cli_figure_cell(l->d, panel, curve, i);
    struct hd_summary v = value_of(l->d, l->kind, line, c);
    double half = isnan(v.half_width) ? 0 : v.half_width;
    if (isnan(v.mean))
      continue;
    fprintf(s->data, "%.9g %.9g %.9g %.9g\n", x_of(l, i, curve),
            v.mean / l->unit.scale, (v.mean - half) / l->unit.scale,
            (v.mean + half) / l->unit.scale);
  }
  free(comment);
  free(name);
  free(where);
}

/* Curves often lie on each other: the first has large open points. */
static void put_joined(struct figure_script *s, size_t curve, size_t line,
                       bool bars)
{
  static const int filled[] = {7, 9, 13, 11, 5};
  fprintf(s->script, "with %s lc rgb \"%s\" lw %s dt %s pt %d ps %s",
          bars ? "yerrorlines" : "linespoints", cli_script_color(curve),
          curve == 0 ? "3" : "2", line == 0 ? "1" : "(5,4)",
          curve == 0 ? 4 : filled[(curve - 1) % 5], curve == 0 ? "2" : "1.1");
}

/* The second line of a curve has open points. */
static void put_points(struct figure_script *s, size_t curve, size_t line,
                       bool bars)
{
  static const int filled[] = {5, 7, 9, 13, 11};
  fprintf(s->script, "with %s lc rgb \"%s\" lw 2 pt %d ps 2",
          bars ? "yerrorbars" : "points", cli_script_color(curve),
          filled[curve % 5] - (line == 0 ? 0 : 1));
}

static void put_curve(const struct lines *l, struct figure_script *s,
                      size_t block, size_t curve, size_t line)
{
  bool bars = l->d->summary.repetitions > 1;
  fprintf(s->script, "  DATA index %zu using 1:2%s ", block,
          bars ? ":3:4" : "");
  if (cli_figure_is_numeric(l->d))
    put_joined(s, curve, line, bars);
  else
    put_points(s, curve, line, bars);
  char *name = cli_figure_curve_name(l->d, curve);
  const char *label = l->kind->labels[line];
  char *title = cli_format(
      "%s%s%s", name, name[0] != '\0' && label[0] != '\0' ? " " : "", label);
  if (title[0] == '\0') {
    fputs(" notitle", s->script);
  } else {
    fputs(" title ", s->script);
    cli_script_put_text(s, title);
  }
  free(title);
  free(name);
}

static void put_y(const struct lines *l, struct figure_script *s)
{
  const struct kind *k = l->kind;
  double top = l->max / l->unit.scale;
  bool log_y = l->d->log_y_asked || (k->time && l->max > 20 * l->min);
  if (log_y && l->min < l->max)
    fprintf(s->script, "set logscale y 10\nset yrange [%.6g:%.6g]\n",
            l->min / l->unit.scale / 1.4, top * 1.4);
  else
    fprintf(s->script, "unset logscale y\nset yrange [0:%.6g]\n", top * 1.08);
  fputs("set format y \"%g\"\n", s->script);
  char *title = l->unit.name[0] ? cli_format("%s (%s)", k->title, l->unit.name)
                                : cli_format("%s", k->title);
  fputs("set ylabel ", s->script);
  cli_script_put_text(s, title);
  fputs("\n", s->script);
  free(title);
}

static void put_panel(const struct lines *l, struct figure_script *s,
                      size_t panel)
{
  char *name = cli_figure_panel_name(l->d, panel);
  size_t columns = l->n_panels <= 1 ? 1 : l->n_panels <= 4 ? 2 : 3;
  if (panel > l->first_panel)
    fputs("unset key\nunset label 1000\n", s->script);
  if (name[0] != '\0') {
    fputs("set title ", s->script);
    cli_script_put_text(s, name);
    fputs(" font \",14\" offset 0,-0.4\n", s->script);
  }
  free(name);
  cli_figure_put_x(l->d, s, panel, columns);
  cli_figure_put_marks(l->d, s, panel);
  put_y(l, s);
  fputs("plot \\\n", s->script);
  size_t total = l->d->n_curves * n_lines(l->kind);
  for (size_t i = 0; i < total; i++) {
    size_t curve = i / n_lines(l->kind), line = i % n_lines(l->kind);
    size_t block = s->blocks;
    put_block(l, s, panel, curve, line);
    put_curve(l, s, block, curve, line);
    fputs(i + 1 < total ? ", \\\n" : "\n", s->script);
  }
}

static struct figure_page page_of(const struct lines *l)
{
  struct figure_page page = {.title = l->d->title, .panels = l->n_panels};
  page.panel_titles = l->d->n_panels > 1;
  for (size_t i = 0; i < l->d->n_curves; i++) {
    char *name = cli_figure_curve_name(l->d, i);
    size_t length = strlen(name) + 1 + strlen(l->kind->labels[0]);
    if (length > page.legend_length)
      page.legend_length = length;
    free(name);
  }
  if (page.legend_length > 1)
    page.legend_entries = l->d->n_curves * n_lines(l->kind);
  for (size_t i = 0; i < l->n_panels; i++) {
    size_t notes = cli_figure_notes(l->d, l->first_panel + i);
    if (notes > page.notes)
      page.notes = notes;
  }
  return page;
}

static void draw_page(const struct lines *l, struct figure_list *list)
{
  struct figure_script s;
  char *slug = l->n_panels < l->d->n_panels
                   ? cli_figure_panel_slug(l->d, l->first_panel)
                   : cli_format("%s", "");
  char *name = cli_format("%s%s%s", l->kind->name, slug[0] ? "-" : "", slug);
  struct figure_page page = page_of(l);
  free(slug);
  if (!cli_script_open(&s, list->dir, name)) {
    cli_figure_list_add(list, name, false);
    return;
  }
  cli_script_begin(&s, &page);
  for (size_t i = 0; i < l->n_panels; i++)
    put_panel(l, &s, l->first_panel + i);
  bool drawn = cli_script_close(&s);
  cli_figure_list_add(list, name, drawn);
}

static struct figure_unit unit_of(const struct kind *kind, double max)
{
  if (kind->time)
    return cli_figure_time_unit(max);
  if (kind->rate && max >= 1e6)
    return (struct figure_unit){"millions", 1e6};
  if (kind->rate && max >= 1e4)
    return (struct figure_unit){"thousands", 1e3};
  return (struct figure_unit){"", 1};
}

static void draw_kind(const struct figure_data *d, const struct kind *kind,
                      struct figure_list *list)
{
  struct lines l = {.d = d, .kind = kind};
  find_range(&l);
  if (l.max <= 0)
    return;
  l.unit = unit_of(kind, l.max);
  l.n_panels = d->n_panels <= FIGURE_PANELS_MAX ? d->n_panels : 1;
  for (; l.first_panel < d->n_panels; l.first_panel += l.n_panels)
    draw_page(&l, list);
}

void cli_figure_lines(const struct figure_data *d, struct figure_list *list)
{
  if (d->x == FIGURE_NONE)
    return;
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    draw_kind(d, &kinds[i], list);
}
