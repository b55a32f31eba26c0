/* Tables of a validation: for people, as CSV, as Markdown. */
#include "sim/cli/validate.h"

#include "sim/cli/measured_outcome.h"
#include "sim/measure/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

char *cli_validate_tolerance_text(const struct validate_line *line)
{
  char *relative = line->tolerance > 0
                       ? cli_format("%g %%", 100 * line->tolerance)
                       : cli_format("%s", "");
  char *absolute = line->floor > 0 ? cli_format("%.1f ns", line->floor)
                                   : cli_format("%s", "");
  const char *gap = relative[0] != '\0' && absolute[0] != '\0' ? " or " : "";
  bool none = relative[0] == '\0' && absolute[0] == '\0';
  char *text =
      none ? cli_format("-") : cli_format("%s%s%s", relative, gap, absolute);
  free(relative);
  free(absolute);
  return text;
}

static const char *verdict(const struct validate_score *s)
{
  return !s->scored ? "shown" : s->passed ? "pass" : "FAIL";
}

/* "1.23 %" or "-"; owned by the caller. */
static char *percent(double ratio)
{
  return isnan(ratio) ? cli_format("-") : cli_format("%.2f %%", 100 * ratio);
}

/* -- rows ----------------------------------------------------------------- */

/* A table's row as texts, whatever becomes of it. */
struct row {
  const char *kind, *title, *verdict;
  char *n, *mean, *worst, *tolerance, *analytic_mean, *analytic_worst;
};

static struct row make_row(const struct validate_point *points, size_t n,
                           struct validate_score *s)
{
  const struct validate_line *line = points[0].line;
  *s = cli_validate_score(points, n);
  return (struct row){.kind = line->kind,
                      .title = line->title,
                      .verdict = verdict(s),
                      .n = cli_format("%zu", n),
                      .mean = percent(s->mean),
                      .worst = percent(s->worst),
                      .tolerance = cli_validate_tolerance_text(line),
                      .analytic_mean = percent(s->analytic_mean),
                      .analytic_worst = percent(s->analytic_worst)};
}

static void free_row(struct row *r)
{
  free(r->n);
  free(r->mean);
  free(r->worst);
  free(r->tolerance);
  free(r->analytic_mean);
  free(r->analytic_worst);
}

static void print_row(FILE *out, const struct row *r, int width)
{
  fprintf(out, "%-*s  %6s  %8s  %8s  %14s  %-7s  %8s  %8s\n", width, r->title,
          r->n, r->mean, r->worst, r->tolerance, r->verdict, r->analytic_mean,
          r->analytic_worst);
}

static int widest_title(const struct validation *v)
{
  size_t most = 0;
  for (size_t i = 0; i < v->n_lines; i++)
    if (strlen(v->lines[i].title) > most)
      most = strlen(v->lines[i].title);
  return (int)most;
}

bool cli_validate_print(const struct validation *v, FILE *out)
{
  int width = widest_title(v);
  bool passed = true;
  fprintf(out, "%-*s  %6s  %18s  %14s  %-7s  %18s\n", width, "", "",
          "simulator: error", "", "", "link model: error");
  fprintf(out, "%-*s  %6s  %8s  %8s  %14s  %-7s  %8s  %8s\n", width, "kind",
          "points", "mean", "worst", "tolerance", "verdict", "mean", "worst");
  for (size_t i = 0; i < v->n_points;) {
    struct validate_score s;
    size_t n = cli_validate_kind_size(v, i);
    struct row r = make_row(&v->points[i], n, &s);
    print_row(out, &r, width);
    passed = passed && (s.passed || !s.scored);
    free_row(&r);
    i += n;
  }
  return passed;
}

/* -- files ---------------------------------------------------------------- */

static bool complain(const char *error)
{
  cli_message("%s", error);
  return false;
}

static const char *metric_name(const struct validate_point *p)
{
  return p->outcome < OUTCOMES ? cli_outcome_name(p->outcome) : "payload_gbps";
}

static void put_point(struct hd_csv *w, const struct validate_point *p)
{
  const char *slash = strrchr(p->line->data, '/');
  hd_csv_text(w, p->line->kind);
  hd_csv_text(w, slash != NULL ? slash + 1 : p->line->data);
  hd_csv_uint(w, p->row + 2);
  hd_csv_text(w, p->conditions);
  hd_csv_text(w, metric_name(p));
  hd_csv_real(w, p->measured);
  hd_csv_real(w, p->simulated);
  hd_csv_real(w, p->analytic);
  hd_csv_real(w, p->simulated / p->measured - 1);
  hd_csv_real(w, p->analytic / p->measured - 1);
  hd_csv_end_row(w);
}

static bool write_points(const struct validation *v, const char *dir)
{
  static const char *const columns[] = {
      "kind",     "data",      "line",     "conditions", "metric",
      "measured", "simulated", "analytic", "error",      "analytic_error"};
  struct hd_csv w;
  char *path = cli_format("%s/points.csv", dir);
  bool good = hd_csv_open(&w, path, columns, sizeof columns / sizeof *columns);
  free(path);
  for (size_t i = 0; good && i < v->n_points; i++)
    put_point(&w, &v->points[i]);
  return (good && hd_csv_close(&w)) || complain(w.error);
}

static void put_kind(struct hd_csv *w, const struct validate_point *points,
                     size_t n)
{
  struct validate_score s;
  struct row r = make_row(points, n, &s);
  hd_csv_text(w, r.kind);
  hd_csv_text(w, r.title);
  hd_csv_uint(w, n);
  hd_csv_real(w, s.mean);
  hd_csv_real(w, s.worst);
  hd_csv_text(w, s.scored ? r.tolerance : NULL);
  hd_csv_real(w, s.scored ? s.mean_allowed : NAN);
  hd_csv_real(w, s.scored ? s.worst_allowed : NAN);
  hd_csv_text(w, r.verdict);
  hd_csv_real(w, s.analytic_mean);
  hd_csv_real(w, s.analytic_worst);
  hd_csv_end_row(w);
  free_row(&r);
}

static bool write_kinds(const struct validation *v, const char *dir)
{
  static const char *const columns[] = {"kind",
                                        "title",
                                        "points",
                                        "mean_error",
                                        "worst_error",
                                        "tolerance",
                                        "mean_by_tolerance",
                                        "worst_by_tolerance",
                                        "verdict",
                                        "analytic_mean_error",
                                        "analytic_worst_error"};
  struct hd_csv w;
  char *path = cli_format("%s/kinds.csv", dir);
  bool good = hd_csv_open(&w, path, columns, sizeof columns / sizeof *columns);
  free(path);
  for (size_t i = 0; good && i < v->n_points;) {
    size_t n = cli_validate_kind_size(v, i);
    put_kind(&w, &v->points[i], n);
    i += n;
  }
  return (good && hd_csv_close(&w)) || complain(w.error);
}

/* What docs/fidelity.md shows. */
static bool write_markdown(const struct validation *v, const char *dir)
{
  struct hd_atomic_file f;
  char *path = cli_format("%s/table.md", dir);
  bool good = hd_atomic_open(&f, path);
  free(path);
  if (!good)
    return complain(f.error);
  fputs("| measured | points | mean error | worst | tolerance | | link model: "
        "mean | worst |\n|---|--:|--:|--:|--:|---|--:|--:|\n",
        f.stream);
  for (size_t i = 0; i < v->n_points;) {
    struct validate_score s;
    size_t n = cli_validate_kind_size(v, i);
    struct row r = make_row(&v->points[i], n, &s);
    fprintf(f.stream, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", r.title,
            r.n, r.mean, r.worst, r.tolerance, r.verdict, r.analytic_mean,
            r.analytic_worst);
    free_row(&r);
    i += n;
  }
  return hd_atomic_commit(&f) || complain(f.error);
}

bool cli_validate_write(const struct validation *v, const char *dir)
{
  return write_points(v, dir) && write_kinds(v, dir) && write_markdown(v, dir);
}
