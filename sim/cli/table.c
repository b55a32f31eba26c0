#include "sim/cli/table.h"

#include "sim/cli/cli.h"
#include "sim/cli/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 200 };
enum form { FORM_PLAIN, FORM_COUNT, FORM_MICROSECONDS };

struct shown {
  const char *metric, *title;
  enum form form;
  bool zero_matters; /* shown also when it is 0 everywhere */
};

static const struct shown shown[] = {
    {"tx_goodput_gbps", "tx Gb/s", FORM_PLAIN, false},
    {"rx_goodput_gbps", "rx Gb/s", FORM_PLAIN, false},
    {"dma_gbps", "DMA Gb/s", FORM_PLAIN, false},
    {"dma_per_s", "DMA/s", FORM_COUNT, false},
    {"requests_per_s", "requests/s", FORM_COUNT, false},
    {"latency_p50_ns", "p50 us", FORM_MICROSECONDS, true},
    {"latency_p99_ns", "p99 us", FORM_MICROSECONDS, true},
    {"drops", "drops", FORM_COUNT, false},
    {"vm_exits_per_s", "exits/s", FORM_COUNT, true},
    {"host_cpu_cores", "host cores", FORM_PLAIN, true},
    {"host_cores_per_100kpps", "cores/100k/s", FORM_PLAIN, false},
    {"downtime_ms", "downtime ms", FORM_PLAIN, false},
    {"silence_max_ms", "silence ms", FORM_PLAIN, false},
    {"iommu_faults", "faults", FORM_COUNT, false}};
enum { N_SHOWN = sizeof shown / sizeof shown[0] };

/* A grid of texts; column by column, header first. */
struct grid {
  size_t columns, rows;
  char **cells; /* owned; row by row, row 0: titles */
  size_t *width;
  bool *numbers;       /* right-aligned */
  const char **status; /* a row's, when it has no numbers */
};

/* -- texts ------------------------------------------------------------------
 */

static char *plain(double value)
{
  double size = fabs(value);
  int decimals = size >= 100 ? 1 : size >= 10 ? 2 : 3;
  return cli_format("%.*f", decimals, value);
}

static char *counted(double value)
{
  static const char *const prefixes[] = {"", " k", " M", " G"};
  size_t i = 0;
  while (i < 3 && fabs(value) >= 999.5) {
    value /= 1000;
    i++;
  }
  int decimals = i == 0 && value == floor(value) ? 0
                 : fabs(value) < 9.995           ? 2
                 : fabs(value) < 99.95           ? 1
                                                 : 0;
  return cli_format("%.*f%s", decimals, value, prefixes[i]);
}

static char *number_text(const struct shown *s, double value)
{
  if (isnan(value))
    return cli_format("-");
  if (isinf(value))
    return cli_format("inf");
  if (s->form == FORM_COUNT)
    return counted(value);
  return plain(s->form == FORM_MICROSECONDS ? value / 1000 : value);
}

/* "vms.web.count" is "count" to people. */
static const char *axis_title(const char *path)
{
  const char *dot = strrchr(path, '.');
  return dot != NULL ? dot + 1 : path;
}

/* Two axes with the same last word keep their paths. */
static const char *title_of(const struct summary *s, size_t axis)
{
  const char *path = s->table.names[s->axis_first + axis];
  for (size_t i = 0; i < s->n_axes; i++)
    if (i != axis && strcmp(axis_title(s->table.names[s->axis_first + i]),
                            axis_title(path)) == 0)
      return path;
  return axis_title(path);
}

/* -- which columns ------------------------------------------------------------
 */

static bool is_shown(const struct summary *s, const struct shown *which,
                     double level)
{
  size_t metric = cli_summary_metric(s, which->metric);
  for (size_t i = 0; i < s->n_cases; i++) {
    double mean = cli_summary_value(s, &s->cases[i], metric, level).mean;
    if (!isnan(mean) && (which->zero_matters || mean != 0))
      return true;
  }
  return false;
}

struct layout {
  const struct summary *s;
  double level;
  bool group;
  const struct shown *metrics[N_SHOWN];
  size_t n_metrics;
  bool migrates; /* a column says what became of it */
};

static bool has_migration(const struct summary *s)
{
  for (size_t i = 0; i < s->n_cases; i++)
    if (cli_summary_migration(s, &s->cases[i]) != NULL)
      return true;
  return false;
}

static struct layout lay_out(const struct summary *s, double level)
{
  struct layout l = {.s = s,
                     .level = level,
                     .group = s->groups > 1,
                     .migrates = has_migration(s)};
  for (size_t i = 0; i < N_SHOWN; i++)
    if (is_shown(s, &shown[i], level))
      l.metrics[l.n_metrics++] = &shown[i];
  return l;
}

/* With one group, its row says what the row `all` says. */
static bool is_row(const struct layout *l, const struct summary_case *c)
{
  return l->group || strcmp(c->group, "all") == 0;
}

/* -- filling ------------------------------------------------------------------
 */

static void put(struct grid *g, size_t row, size_t *column, char *text,
                bool number)
{
  size_t width = strlen(text);
  g->cells[row * g->columns + *column] = text;
  if (width > g->width[*column])
    g->width[*column] = width;
  g->numbers[*column] = number;
  ++*column;
}

static void fill_titles(struct grid *g, const struct layout *l)
{
  size_t column = 0;
  for (size_t i = 0; i < l->s->n_axes; i++)
    put(g, 0, &column, cli_format("%s", title_of(l->s, i)), true);
  if (l->group)
    put(g, 0, &column, cli_format("group"), false);
  for (size_t i = 0; i < l->n_metrics; i++)
    put(g, 0, &column, cli_format("%s", l->metrics[i]->title), true);
  put(g, 0, &column, cli_format("limited by"), false);
  if (l->migrates)
    put(g, 0, &column, cli_format("migration"), false);
}

static void fill_row(struct grid *g, size_t row, const struct layout *l,
                     const struct summary_case *c)
{
  size_t column = 0;
  for (size_t i = 0; i < l->s->n_axes; i++)
    put(g, row, &column, cli_format("%s", cli_summary_axis(l->s, c, i)), true);
  if (l->group)
    put(g, row, &column, cli_format("%s", c->group), false);
  if (strcmp(c->status, "ok") != 0) {
    g->status[row] = c->status;
    return;
  }
  for (size_t i = 0; i < l->n_metrics; i++) {
    size_t metric = cli_summary_metric(l->s, l->metrics[i]->metric);
    double mean = cli_summary_value(l->s, c, metric, l->level).mean;
    put(g, row, &column, number_text(l->metrics[i], mean), true);
  }
  const char *limited = cli_summary_limited_by(l->s, c);
  put(g, row, &column, cli_format("%s", limited != NULL ? limited : "-"),
      false);
  const char *migration = cli_summary_migration(l->s, c);
  if (l->migrates)
    put(g, row, &column, cli_format("%s", migration != NULL ? migration : "-"),
        false);
}

static struct grid fill(const struct layout *l, size_t rows)
{
  size_t columns = l->s->n_axes + (l->group ? 1 : 0) + l->n_metrics + 1 +
                   (l->migrates ? 1 : 0);
  struct grid g = {.columns = columns, .rows = 1};
  g.cells = cli_allocate((rows + 1) * columns, sizeof *g.cells);
  g.width = cli_allocate(columns, sizeof *g.width);
  g.numbers = cli_allocate(columns, sizeof *g.numbers);
  g.status = cli_allocate(rows + 1, sizeof *g.status);
  fill_titles(&g, l);
  for (size_t i = 0; i < l->s->n_cases && g.rows <= rows; i++)
    if (is_row(l, &l->s->cases[i]))
      fill_row(&g, g.rows++, l, &l->s->cases[i]);
  return g;
}

static void release(struct grid *g)
{
  for (size_t i = 0; i < g->rows * g->columns; i++)
    free(g->cells[i]);
  free(g->cells);
  free(g->width);
  free(g->numbers);
  free(g->status);
}

/* -- printing -----------------------------------------------------------------
 */

static void print_row(const struct grid *g, size_t row, FILE *out)
{
  for (size_t i = 0; i < g->columns; i++) {
    const char *text = g->cells[row * g->columns + i];
    const char *gap = i > 0 ? "  " : "";
    bool last = i + 1 == g->columns;
    if (text == NULL)
      break;
    if (g->numbers[i])
      fprintf(out, "%s%*s", gap, (int)g->width[i], text);
    else
      fprintf(out, "%s%-*s", gap, last ? 0 : (int)g->width[i], text);
  }
  if (g->status[row] != NULL)
    fprintf(out, "%s%s", g->cells[row * g->columns] != NULL ? "  " : "",
            g->status[row]);
  fputc('\n', out);
}

static void print_rule(const struct grid *g, FILE *out)
{
  for (size_t i = 0; i < g->columns; i++) {
    if (i > 0)
      fputs("  ", out);
    for (size_t j = 0; j < g->width[i]; j++)
      fputc('-', out);
  }
  fputc('\n', out);
}

static void print(const struct summary *s, double level, FILE *out)
{
  struct layout l = lay_out(s, level);
  size_t total = 0;
  for (size_t i = 0; i < s->n_cases; i++)
    total += is_row(&l, &s->cases[i]);
  struct grid g = fill(&l, total < ROWS_MAX ? total : ROWS_MAX);
  for (size_t row = 0; row < g.rows; row++) {
    print_row(&g, row, out);
    if (row == 0)
      print_rule(&g, out);
  }
  if (total > ROWS_MAX)
    fprintf(out, "... and %zu more rows in summary.csv\n", total - ROWS_MAX);
  if (s->repetitions > 1)
    fprintf(out, "Means of %zu repetitions.\n", s->repetitions);
  release(&g);
}

bool cli_table_print(const char *dir, double level)
{
  char error[HD_ATOMIC_ERROR_MAX];
  char *path = cli_format("%s/summary.csv", dir);
  struct summary s;
  bool good = cli_summary_read(&s, path, error);
  if (good && s.n_cases > 0)
    print(&s, level, stdout);
  if (good)
    cli_summary_terminate(&s);
  else
    cli_message("%s", error);
  free(path);
  return good;
}
