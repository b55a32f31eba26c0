/* Where the time goes: stacked bars at a few x values. */
#include "sim/cli/cli.h"
#include "sim/cli/figure_kinds.h"
#include "sim/cli/figure_script.h"
#include "sim/cli/figure_text.h"
#include "sim/cli/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BARS_MAX = 10, CLUSTERS_MAX = 8 };

/* Mean time of each stage in each case of the summary. */
struct stages {
  const struct figure_data *d;
  double *means; /* case * HD_STAGE_COUNT + stage, in ns */
};

struct bars {
  const struct stages *stages;
  size_t panel;
  size_t x[CLUSTERS_MAX], n_x;
  double max, scale;
  bool used[HD_STAGE_COUNT];
};

/* -- breakdown.csv
 * ------------------------------------------------------------------ */

static size_t stage_named(const char *name)
{
  for (enum hd_stage i = 0; i < HD_STAGE_COUNT; i++)
    if (name != NULL && strcmp(hd_stage_name(i), name) == 0)
      return (size_t)i;
  return HD_STAGE_COUNT;
}

struct columns {
  size_t point, group, kind, name, mean;
};

static bool is(const struct hd_csv_table *t, size_t row, size_t column,
               const char *text)
{
  const char *cell = hd_csv_cell(t, row, column);
  return cell != NULL && strcmp(cell, text) == 0;
}

/* Rows come in the order of the points, as the summary's cases do. */
static void add_rows(struct stages *s, const struct hd_csv_table *t,
                     const struct columns *c)
{
  const struct summary *summary = &s->d->summary;
  size_t at = 0;
  for (size_t row = 0; row < t->rows; row++) {
    const char *cell = hd_csv_cell(t, row, c->point);
    size_t point = cell != NULL ? (size_t)strtoull(cell, NULL, 10) : 0;
    size_t stage = stage_named(hd_csv_cell(t, row, c->name));
    double mean;
    while (at < summary->n_cases && summary->cases[at].point < point)
      at++;
    if (!is(t, row, c->kind, "stage") || stage == HD_STAGE_COUNT ||
        !hd_csv_number(t, row, c->mean, &mean) || isnan(mean))
      continue;
    for (size_t i = at;
         i < summary->n_cases && summary->cases[i].point == point; i++)
      if (is(t, row, c->group, summary->cases[i].group))
        s->means[i * HD_STAGE_COUNT + stage] +=
            mean / (double)summary->cases[i].count;
  }
}

static bool read_stages(struct stages *s)
{
  char *path = cli_format("%s/breakdown.csv", s->d->dir);
  struct hd_csv_table t;
  bool good = hd_csv_read(&t, path);
  free(path);
  if (!good)
    return false;
  struct columns c = {.point = hd_csv_column(&t, "point"),
                      .group = hd_csv_column(&t, "group"),
                      .kind = hd_csv_column(&t, "kind"),
                      .name = hd_csv_column(&t, "name"),
                      .mean = hd_csv_column(&t, "mean_ns")};
  good = c.point < t.columns && c.group < t.columns && c.kind < t.columns &&
         c.name < t.columns && c.mean < t.columns;
  s->means =
      cli_allocate(s->d->summary.n_cases * HD_STAGE_COUNT, sizeof *s->means);
  if (good)
    add_rows(s, &t, &c);
  hd_csv_table_terminate(&t);
  return good;
}

/* -- bars
 * -----------------------------------------------------------------------------
 */

static const double *means_of(const struct bars *b, size_t curve, size_t x)
{
  const struct figure_data *d = b->stages->d;
  const struct summary_case *c = cli_figure_cell(d, b->panel, curve, x);
  if (!cli_figure_is_ok(c))
    return NULL;
  size_t index = (size_t)(c - d->summary.cases);
  return &b->stages->means[index * HD_STAGE_COUNT];
}

static void find_range(struct bars *b)
{
  for (size_t i = 0; i < b->n_x; i++)
    for (size_t curve = 0; curve < b->stages->d->n_curves; curve++) {
      const double *means = means_of(b, curve, b->x[i]);
      double total = 0;
      for (size_t stage = 0; means != NULL && stage < HD_STAGE_COUNT; stage++) {
        total += means[stage];
        b->used[stage] = b->used[stage] || means[stage] > 0;
      }
      b->max = fmax(b->max, total);
    }
}

/* Clusters of bars with a gap between them. */
static double position(const struct bars *b, size_t curve, size_t cluster)
{
  return (double)(cluster * (b->stages->d->n_curves + 1) + curve);
}

/* -- drawing
 * ---------------------------------------------------------------------------
 */

static void put_block(const struct bars *b, struct figure_script *s,
                      size_t stage)
{
  const struct figure_data *d = b->stages->d;
  cli_script_block(s, hd_stage_name((enum hd_stage)stage));
  for (size_t i = 0; i < b->n_x; i++)
    for (size_t curve = 0; curve < d->n_curves; curve++) {
      const double *means = means_of(b, curve, b->x[i]);
      double low = 0;
      for (size_t k = 0; means != NULL && k < stage; k++)
        low += means[k];
      double x = position(b, curve, i);
      if (means != NULL)
        fprintf(s->data, "%g %g %g %.9g %.9g\n", x, x - 0.42, x + 0.42,
                low / b->scale, (low + means[stage]) / b->scale);
    }
}

/* Three significant digits. */
static int decimals(double value)
{
  return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

static void put_totals(const struct bars *b, struct figure_script *s)
{
  const struct figure_data *d = b->stages->d;
  cli_script_block(s, "totals");
  for (size_t i = 0; i < b->n_x; i++)
    for (size_t curve = 0; curve < d->n_curves; curve++) {
      const double *means = means_of(b, curve, b->x[i]);
      double total = 0;
      for (size_t k = 0; means != NULL && k < HD_STAGE_COUNT; k++)
        total += means[k];
      if (means != NULL)
        fprintf(s->data, "%g %.9g \"%.*f\"\n", position(b, curve, i),
                total / b->scale, decimals(total / b->scale), total / b->scale);
    }
}

/* Bars are named below; clusters of several bars a line further down. */
static void put_names(const struct bars *b, struct figure_script *s)
{
  const struct figure_data *d = b->stages->d;
  bool single = d->n_curves == 1;
  fputs("set xtics (", s->script);
  for (size_t i = 0; i < b->n_x; i++)
    for (size_t curve = 0; curve < d->n_curves; curve++) {
      char *name = single ? cli_format("%s", cli_figure_x_text(d, b->x[i]))
                          : cli_figure_curve_value(d, curve);
      fputs(i + curve > 0 ? ", " : "", s->script);
      cli_script_put_text(s, name);
      fprintf(s->script, " %g", position(b, curve, i));
      free(name);
    }
  bool crowded = b->n_x * d->n_curves > 8;
  fprintf(s->script, ") scale 0 font \",%d\"\n", crowded ? 10 : 12);
  for (size_t i = 0; !single && i < b->n_x; i++) {
    double middle = (position(b, 0, i) + position(b, d->n_curves - 1, i)) / 2;
    fprintf(s->script, "set label %zu ", i + 1);
    cli_script_put_text(s, cli_figure_x_text(d, b->x[i]));
    fprintf(s->script, " at %g, graph 0 center offset 0,-2.3\n", middle);
  }
}

/* What the names below the bars are of. */
static char *names_title(const struct figure_data *d)
{
  char *x = d->x != FIGURE_NONE ? cli_figure_axis_name(d, d->x)
                                : cli_format("%s", "");
  char *value = cli_figure_curve_value(d, 0);
  char *name = cli_figure_curve_name(d, 0);
  bool plain = strcmp(value, name) == 0;
  free(value);
  free(name);
  if (plain)
    return x;
  char *bars = cli_figure_axis_name(d, d->curves);
  char *title = cli_format("%s%sbars: %s", x, x[0] != '\0' ? "; " : "", bars);
  free(bars);
  free(x);
  return title;
}

static void put_axes(const struct bars *b, struct figure_script *s)
{
  const struct figure_data *d = b->stages->d;
  char *title = names_title(d);
  fprintf(s->script,
          "set xrange [-0.8:%g]\nset yrange [0:%.6g]\n"
          "set ylabel \"Mean time of a request (%s)\"\n"
          "set grid noxtics\nset style fill solid 1 noborder\nset xlabel ",
          position(b, d->n_curves - 1, b->n_x - 1) + 0.8,
          b->max / b->scale * 1.08, cli_figure_time_unit(b->max).name);
  cli_script_put_text(s, title);
  fprintf(s->script, " offset 0,%s\n", d->n_curves > 1 ? "-1.2" : "0");
  free(title);
}

static void put_plot(const struct bars *b, struct figure_script *s)
{
  fputs("plot \\\n", s->script);
  for (size_t stage = 0; stage < HD_STAGE_COUNT; stage++) {
    if (!b->used[stage])
      continue;
    fprintf(s->script,
            "  DATA index %zu using 1:(($4+$5)/2):2:3:4:5 with boxxyerror lc "
            "rgb \"%s\" title ",
            s->blocks, cli_script_part_color(stage));
    put_block(b, s, stage);
    cli_script_put_text(
        s, cli_figure_stage_name(b->stages->d,
                                 hd_stage_name((enum hd_stage)stage)));
    fputs(", \\\n", s->script);
  }
  fprintf(s->script,
          "  DATA index %zu using 1:2:3 with labels offset 0,0.7 font \",11\" "
          "notitle\n",
          s->blocks);
  put_totals(b, s);
}

static struct figure_page page_of(const struct bars *b, const char *title)
{
  struct figure_page page = {.title = title,
                             .panels = 1,
                             .legend_right = true,
                             .notes = b->stages->d->n_curves > 1};
  for (size_t i = 0; i < HD_STAGE_COUNT; i++) {
    size_t length = strlen(
        cli_figure_stage_name(b->stages->d, hd_stage_name((enum hd_stage)i)));
    page.legend_entries += b->used[i];
    if (b->used[i] && length > page.legend_length)
      page.legend_length = length;
  }
  return page;
}

static void draw(const struct bars *b, struct figure_list *list)
{
  const struct figure_data *d = b->stages->d;
  struct figure_script s;
  char *slug = cli_figure_panel_slug(d, b->panel);
  char *where = cli_figure_panel_name(d, b->panel);
  char *name = cli_format("breakdown%s%s", slug[0] ? "-" : "", slug);
  char *title = cli_format("%s%s%s", d->title, where[0] ? " - " : "", where);
  struct figure_page page = page_of(b, title);
  bool drawn = cli_script_open(&s, list->dir, name);
  if (drawn) {
    cli_script_begin(&s, &page);
    put_axes(b, &s);
    put_names(b, &s);
    put_plot(b, &s);
    drawn = cli_script_close(&s);
  }
  free(title);
  free(where);
  free(slug);
  cli_figure_list_add(list, name, drawn);
}

void cli_figure_stages(const struct figure_data *d, struct figure_list *list)
{
  struct stages stages = {.d = d};
  bool good = read_stages(&stages);
  size_t most = BARS_MAX / d->n_curves;
  if (most > CLUSTERS_MAX)
    most = CLUSTERS_MAX;
  for (size_t panel = 0; good && panel < d->n_panels; panel++) {
    struct bars b = {.stages = &stages, .panel = panel};
    b.n_x = cli_figure_choose_x(d, panel, most > 0 ? most : 1, b.x);
    find_range(&b);
    b.scale = cli_figure_time_unit(b.max).scale;
    if (b.max > 0)
      draw(&b, list);
  }
  free(stages.means);
}
