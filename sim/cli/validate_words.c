#include "sim/cli/validate_words.h"

#include "sim/cli/measured_outcome.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *column, *cell, *word;
} words[] = {{"host", "hsw-e5-2620v3", "T630"},
             {"host", "ib-e5-2620v2", "T620"},
             {"numa", "single-socket", ""},
             {"numa", "local", "local"},
             {"numa", "remote", "remote"},
             {"op", "rd", "read"},
             {"op", "wr", "write"},
             {"op", "rdwr", "both, each way"},
             {"op", "wrrd", "write then read"},
             {"cache", "cold", "cold"},
             {"cache", "hwarm", "warmed by CPU"},
             {"cache", "dwarm", "warmed by device"},
             {"iommu", "off", "no IOMMU"},
             {"iommu", "on-sp", "2 MiB pages"},
             {"iommu", "on-4k", "4 KiB pages"},
             {"gen", "gen3", "Gen3"},
             {"gen", "gen4", "Gen4"},
             {"gen", "gen5", "Gen5"}};

/* The quantiles that can be an axis, evenly spaced on it. */
static const char *const percentiles[] = {"1",  "5",  "25", "50", "75",
                                          "90", "95", "99", "999"};
enum { N_PERCENTILES = sizeof percentiles / sizeof percentiles[0] };

static bool ends_in_bytes(const char *column)
{
  size_t length = strlen(column);
  return length > 6 && strcmp(column + length - 6, "_bytes") == 0;
}

static char *size_text(const char *cell)
{
  static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
  double size = strtod(cell, NULL);
  size_t i = 0;
  while (i < 3 && size >= 1024) {
    size /= 1024;
    i++;
  }
  return cli_format("%.4g %s", size, units[i]);
}

static char *word_of(const char *column, const char *cell)
{
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strcmp(words[i].column, column) == 0 &&
        strcmp(words[i].cell, cell) == 0)
      return cli_format("%s", words[i].word);
  return ends_in_bytes(column) ? size_text(cell) : cli_format("%s", cell);
}

/* The cell, or of the link alone the operation, which is no column. */
static const char *cell_of(const struct validate_point *p, const char *column)
{
  static const char *const ops[] = {
      [LINK_READ] = "rd", [LINK_WRITE] = "wr", [LINK_BOTH] = "rdwr"};
  size_t index = hd_csv_column(p->table, column);
  const char *cell =
      index < p->table->columns ? hd_csv_cell(p->table, p->row, index) : NULL;
  if (cell == NULL && p->line->link && strcmp(column, "op") == 0)
    return ops[p->link.op];
  return cell != NULL ? cell : "";
}

char *cli_validate_curve(const struct validate_point *p)
{
  char *text = cli_format("%s", "");
  char *columns =
      cli_format("%s", p->line->curve != NULL ? p->line->curve : "");
  char *rest = columns;
  for (char *column; (column = strsep(&rest, " ")) != NULL;) {
    char *word = word_of(column, cell_of(p, column));
    bool gap = text[0] != '\0' && word[0] != '\0';
    char *longer = cli_format("%s%s%s", text, gap ? " " : "", word);
    free(text);
    free(word);
    text = longer;
  }
  free(columns);
  return text;
}

static double percentile_rank(const struct validate_point *p)
{
  if (p->outcome >= OUTCOMES)
    return NAN;
  const char *name = cli_outcome_name(p->outcome);
  for (size_t i = 0; i < N_PERCENTILES; i++) {
    char *full = cli_format("latency_p%s_ns", percentiles[i]);
    bool same = strcmp(full, name) == 0;
    free(full);
    if (same)
      return (double)i;
  }
  return NAN;
}

double cli_validate_x(const struct validate_point *p)
{
  if (p->line->x == NULL)
    return NAN;
  if (strcmp(p->line->x, "percentile") == 0)
    return percentile_rank(p);
  size_t column = hd_csv_column(p->table, p->line->x);
  double x = NAN;
  if (column < p->table->columns)
    hd_csv_number(p->table, p->row, column, &x);
  return x;
}

static char *percentile_axis(void)
{
  char *text =
      cli_format("set xrange [-0.4:%.1f]\nset xtics (", N_PERCENTILES - 0.6);
  for (size_t i = 0; i < N_PERCENTILES; i++) {
    const char *name = percentiles[i];
    bool fraction = strlen(name) > 2;
    char *longer =
        cli_format("%s%s\"%.2s%s%s\" %zu", text, i > 0 ? ", " : "", name,
                   fraction ? "." : "", fraction ? name + 2 : "", i);
    free(text);
    text = longer;
  }
  char *whole = cli_format("%s)\nset xlabel \"Share of operations that take at "
                           "most so long (%%)\"\n",
                           text);
  free(text);
  return whole;
}

char *cli_validate_x_axis(const char *x)
{
  if (strcmp(x, "percentile") == 0)
    return percentile_axis();
  if (strcmp(x, "window_bytes") == 0)
    return cli_format(
        "set logscale x 2\nset xrange [3500:8e7]\nset xtics (\"4 KiB\" 4096, "
        "\"16 KiB\" 16384, \"64 KiB\" 65536, \"256 KiB\" 262144, \"1 MiB\" "
        "1048576, \"4 MiB\" 4194304, \"16 MiB\" 16777216, \"64 MiB\" "
        "67108864)\nset xlabel \"Window\"\n");
  if (strcmp(x, "transfer_bytes") == 0)
    return cli_format(
        "set logscale x 2\nset xrange [*:2300]\nset xtics (1, 2, 4, 8, 16, 32, "
        "64, "
        "128, 256, 512, 1024, 2048)\nset xlabel \"Transfer (B)\"\n");
  return cli_format("set xlabel \"%s\"\n", x);
}

const char *cli_validate_y_title(const struct validate_point *p, bool *gbps)
{
  *gbps = p->outcome == OUTCOMES || p->outcome == METRIC_dma_gbps;
  return *gbps ? "Bandwidth (Gb/s)" : "Latency (ns)";
}
