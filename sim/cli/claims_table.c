/* Published figures: published.csv as a table for people. */
#include "sim/cli/claims.h"

#include "sim/cli/claims_grid.h"
#include "sim/cli/cli.h"
#include "sim/measure/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Columns of published.csv that are shown. */
struct source {
  struct hd_csv_table table;
  size_t what, point, points, published, simulated, error, tolerance, verdict,
      source;
};

/* -- reading ------------------------------------------------------------------
 */

static bool find_columns(struct source *s)
{
  const struct {
    const char *name;
    size_t *index;
  } wanted[] = {{"what", &s->what},           {"point", &s->point},
                {"points", &s->points},       {"published", &s->published},
                {"simulated", &s->simulated}, {"error", &s->error},
                {"tolerance", &s->tolerance}, {"verdict", &s->verdict},
                {"source", &s->source}};
  bool good = true;
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    *wanted[i].index = hd_csv_column(&s->table, wanted[i].name);
    good = good && *wanted[i].index < s->table.columns;
  }
  return good;
}

static const char *cell(const struct source *s, size_t row, size_t column)
{
  const char *text = hd_csv_cell(&s->table, row, column);
  return text != NULL ? text : "NA";
}

static struct claims_count count_rows(const struct source *s)
{
  struct claims_count count = {.total = s->table.rows};
  for (size_t row = 0; row < s->table.rows; row++) {
    count.ok += strcmp(cell(s, row, s->verdict), "ok") == 0;
    count.not_run += strcmp(cell(s, row, s->verdict), "not run") == 0;
  }
  return count;
}

/* -- texts --------------------------------------------------------------------
 */

static char *percent(double ratio)
{
  double value = 100 * fabs(ratio);
  return cli_format("%.*f %%", value < 9.95 && value != round(value) ? 1 : 0,
                    value);
}

/* What must run out has no worst point when it does at all. */
static bool all_alike(const struct source *s, size_t row)
{
  double value;
  return strcmp(cell(s, row, s->verdict), "ok") == 0 &&
         !hd_csv_number(&s->table, row, s->simulated, &value);
}

static char *what_text(const struct source *s, size_t row)
{
  const char *what = cell(s, row, s->what);
  const char *point = hd_csv_cell(&s->table, row, s->point);
  unsigned long points = strtoul(cell(s, row, s->points), NULL, 10);
  if (point == NULL)
    return cli_format("%s", what);
  if (points > 1 && all_alike(s, row))
    return cli_format("%s (all %lu points)", what, points);
  if (points > 1)
    return cli_format("%s (worst of %lu: %s)", what, points, point);
  return cli_format("%s (%s)", what, point);
}

static char *simulated_text(const struct source *s, size_t row)
{
  double value;
  if (!hd_csv_number(&s->table, row, s->simulated, &value))
    return cli_format("%s", cell(s, row, s->simulated));
  if (isnan(value))
    return cli_format("-");
  return fabs(value) >= 1000 && fabs(value) < 1e15 ? cli_format("%.0f", value)
                                                   : cli_format("%.4g", value);
}

static char *verdict_text(const struct source *s, size_t row)
{
  double error;
  const char *verdict = cell(s, row, s->verdict);
  if (strcmp(verdict, "off") != 0 ||
      !hd_csv_number(&s->table, row, s->error, &error) || !isfinite(error))
    return cli_format("%s", verdict);
  char *size = percent(error);
  char *text = cli_format("off by %s", size);
  free(size);
  return text;
}

static char *tolerance_text(const struct source *s, size_t row)
{
  double value;
  if (!hd_csv_number(&s->table, row, s->tolerance, &value) || isnan(value))
    return cli_format("-");
  return percent(value);
}

/* -- the table ---------------------------------------------------------------
 */

/* A terminal is not to be told what to do. */
static char *harmless(char *text)
{
  for (char *c = text; *c != '\0'; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f)
      *c = ' ';
  return text;
}

static struct claims_grid fill(const struct source *s, bool all)
{
  struct claims_grid g = {.cells =
                              cli_allocate(s->table.rows, sizeof *g.cells)};
  for (size_t row = 0; row < s->table.rows; row++) {
    if (!all && strcmp(cell(s, row, s->verdict), "not run") == 0)
      continue;
    char **cells = g.cells[g.rows++];
    cells[CLAIMS_WHAT] = what_text(s, row);
    cells[CLAIMS_PUBLISHED] = cli_format("%s", cell(s, row, s->published));
    cells[CLAIMS_SIMULATED] = simulated_text(s, row);
    cells[CLAIMS_VERDICT] = verdict_text(s, row);
    cells[CLAIMS_TOLERANCE] = tolerance_text(s, row);
    cells[CLAIMS_SOURCE] = cli_format("%s", cell(s, row, s->source));
    for (size_t i = 0; i < CLAIMS_COLUMNS; i++)
      harmless(cells[i]);
  }
  return g;
}

static void release(struct claims_grid *g)
{
  for (size_t row = 0; row < g->rows; row++)
    for (size_t i = 0; i < CLAIMS_COLUMNS; i++)
      free(g->cells[row][i]);
  free(g->cells);
}

static void print_grid(const struct claims_grid *g,
                       const struct claims_count *count, FILE *out)
{
  fputc('\n', out);
  cli_claims_grid_print(g, out);
  fprintf(out, "published: %zu of %zu within tolerance", count->ok,
          count->total - count->not_run);
  if (count->not_run > 0)
    fprintf(out, ", %zu not run", count->not_run);
  fputs("\n\n", out);
}

/* A bar would end a cell of a Markdown table. */
static void print_markdown_cell(const char *text, FILE *out)
{
  fputs("| ", out);
  for (; *text != '\0'; text++)
    fputs(*text == '|' ? "\\|" : (char[]){*text, '\0'}, out);
  fputc(' ', out);
}

static void print_markdown(const struct claims_grid *g, FILE *out)
{
  fputs("| what | published | simulated | verdict | tolerance | source |\n"
        "|---|---|---|---|---|---|\n",
        out);
  for (size_t row = 0; row < g->rows; row++) {
    for (size_t i = 0; i < CLAIMS_COLUMNS; i++)
      print_markdown_cell(g->cells[row][i], out);
    fputs("|\n", out);
  }
}

static bool open_table(struct source *s, const char *path)
{
  if (!hd_csv_read(&s->table, path)) {
    cli_message("%s", s->table.error);
    return false;
  }
  if (find_columns(s))
    return true;
  cli_message("%s is no table of published figures", path);
  hd_csv_table_terminate(&s->table);
  return false;
}

bool cli_claims_print(const char *dir, enum claims_style style, FILE *out,
                      struct claims_count *count)
{
  struct source s;
  char *path = cli_format("%s/published.csv", dir);
  bool there = access(path, F_OK) == 0;
  bool good = there && open_table(&s, path);
  *count = (struct claims_count){0};
  free(path);
  if (!good)
    return !there;
  *count = count_rows(&s);
  struct claims_grid g = fill(&s, style != CLAIMS_RUN);
  if (g.rows > 0 && style == CLAIMS_MARKDOWN)
    print_markdown(&g, out);
  else if (g.rows > 0)
    print_grid(&g, count, out);
  release(&g);
  hd_csv_table_terminate(&s.table);
  return true;
}
