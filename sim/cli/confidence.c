/* confidence.csv: what the repetitions of a point say together. */
#include "sim/cli/merge.h"
#include "sim/cli/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool complain(const char *error)
{
  cli_message("%s", error);
  return false;
}

static bool open_table(struct hd_csv *w, const char *path,
                       const struct summary *s)
{
  static const char *const tail[] = {"group", "metric",     "repetitions",
                                     "mean",  "half_width", "level"};
  enum { TAIL = sizeof tail / sizeof tail[0] };
  const char **names = cli_allocate(2 + s->n_axes + TAIL, sizeof *names);
  size_t n = 0;
  names[n++] = "scenario";
  names[n++] = "point";
  for (size_t i = 0; i < s->n_axes; i++)
    names[n++] = s->table.names[s->axis_first + i];
  for (size_t i = 0; i < TAIL; i++)
    names[n++] = tail[i];
  bool good = hd_csv_open(w, path, names, n);
  free(names);
  return good;
}

static void put_metric(struct hd_csv *w, const struct summary *s,
                       const struct summary_case *c, size_t metric,
                       double level)
{
  struct hd_summary value = cli_summary_value(s, c, metric, level);
  hd_csv_text(w, hd_csv_cell(&s->table, s->rows[c->first], 0));
  hd_csv_uint(w, c->point);
  for (size_t i = 0; i < s->n_axes; i++)
    hd_csv_text(w, cli_summary_axis(s, c, i));
  hd_csv_text(w, c->group);
  hd_csv_text(w, s->table.names[s->metric_first + metric]);
  hd_csv_uint(w, value.n);
  hd_csv_real(w, value.mean);
  hd_csv_real(w, value.half_width);
  hd_csv_real(w, level);
  hd_csv_end_row(w);
}

static bool write_table(const char *path, const struct summary *s, double level)
{
  struct hd_csv w;
  if (!open_table(&w, path, s))
    return complain(w.error);
  for (size_t i = 0; i < s->n_cases; i++) {
    if (s->cases[i].count < 2 || strcmp(s->cases[i].status, "ok") != 0)
      continue;
    for (size_t m = 0; m < s->n_metrics; m++)
      put_metric(&w, s, &s->cases[i], m, level);
  }
  return hd_csv_close(&w) || complain(w.error);
}

bool cli_merge_confidence(const struct plan *p, const struct outdir *d)
{
  char error[HD_ATOMIC_ERROR_MAX];
  char *from = cli_format("%s/summary.csv", d->path);
  char *to = cli_format("%s/confidence.csv", d->path);
  struct summary s;
  bool good = cli_summary_read(&s, from, error) || complain(error);
  if (good) {
    if (s.repetitions > 1)
      good = write_table(to, &s, p->confidence);
    else
      unlink(to); /* an earlier run's */
    cli_summary_terminate(&s);
  }
  free(from);
  free(to);
  return good;
}
