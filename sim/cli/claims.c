/* Published figures: published.csv from summary.csv. */
#include "sim/cli/claims_internal.h"

#include "sim/cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const verdict_names[] = {"infeasible", "not run", "ok",
                                            NULL,         "off",     "failed"};

/* -- published.csv
 * --------------------------------------------------------------
 */

static const char *const columns[] = {
    "scenario", "what",      "metric",  "group",     "at",
    "over",     "points",    "point",   "published", "simulated",
    "error",    "tolerance", "verdict", "source"};

static void put_owned(struct hd_csv *w, char *text)
{
  hd_csv_text(w, text);
  free(text);
}

static void put_metric(struct hd_csv *w, const struct hd_published *p)
{
  if (p->largest != NULL)
    put_owned(w, cli_format("largest %s", p->largest));
  else
    hd_csv_text(w, p->metric);
}

static void put_texts(struct hd_csv *w, const struct claims_judge *j)
{
  const struct summary *s = j->summary;
  const struct hd_published *p = j->facts;
  hd_csv_text(w, s->table.rows > 0 ? hd_csv_cell(&s->table, 0, 0) : NULL);
  hd_csv_text(w, p->what);
  put_metric(w, p);
  hd_csv_text(w, p->metric != NULL ? p->group : NULL);
  hd_csv_text(w, p->at[0] != '\0' ? p->at : NULL);
  hd_csv_text(w, p->over);
}

/* The axes whose values tell the point from the entry's others. */
static void put_point(struct hd_csv *w, const struct claims_judge *j,
                      const struct claims_finding *f)
{
  const struct summary *s = j->summary;
  const struct summary_case *c = cli_claims_case(j, f->point, "all");
  char *text = NULL;
  for (size_t i = 0; c != NULL && i < s->n_axes; i++) {
    if (!hd_published_varies(j->scenario, j->entry, i))
      continue;
    char *longer = cli_format(
        "%s%s%s=%s", text != NULL ? text : "", text != NULL ? ", " : "",
        s->table.names[s->axis_first + i], cli_summary_axis(s, c, i));
    free(text);
    text = longer;
  }
  put_owned(w, text);
}

static void put_published(struct hd_csv *w, const struct hd_published *p)
{
  char low[HD_CSV_REAL_MAX], high[HD_CSV_REAL_MAX];
  hd_csv_format_real(low, p->at_least);
  hd_csv_format_real(high, p->at_most);
  if (p->infeasible != NULL && strcmp(p->infeasible, "none") == 0)
    hd_csv_text(w, "feasible");
  else if (p->infeasible != NULL)
    put_owned(w, cli_format("infeasible: %s", p->infeasible));
  else if (!isnan(p->value))
    hd_csv_real(w, p->value);
  else if (isnan(p->at_most))
    put_owned(w, cli_format(">= %s", low));
  else if (isnan(p->at_least))
    put_owned(w, cli_format("<= %s", high));
  else
    put_owned(w, cli_format(">= %s and <= %s", low, high));
}

static void put_row(struct hd_csv *w, const struct claims_judge *j,
                    const struct claims_finding *f, size_t points)
{
  put_texts(w, j);
  hd_csv_uint(w, points);
  put_point(w, j, f);
  put_published(w, j->facts);
  if (f->status != NULL)
    hd_csv_text(w, f->status);
  else
    hd_csv_real(w, f->simulated);
  hd_csv_real(w, f->error);
  hd_csv_real(w, j->facts->tolerance);
  hd_csv_text(w, verdict_names[f->verdict]);
  hd_csv_text(w, j->facts->source);
  hd_csv_end_row(w);
}

static void judge_entry(struct hd_csv *w, struct claims_judge *j, size_t entry)
{
  struct claims_finding worst = {.verdict = CLAIM_NOT_RUN,
                                 .point = SIZE_MAX,
                                 .simulated = NAN,
                                 .error = NAN};
  size_t judged = 0;
  j->entry = entry;
  j->facts = hd_scenario_published(j->scenario, entry);
  for (size_t i = 0; i < hd_scenario_points(j->scenario); i++) {
    if (!hd_published_selects(j->scenario, entry, i))
      continue;
    struct claims_finding f = cli_claims_judge(j, i);
    judged += f.verdict >= CLAIM_HOLDS;
    if (j->facts->every)
      put_row(w, j, &f, f.verdict >= CLAIM_HOLDS);
    if (worst.point == SIZE_MAX || cli_claims_is_worse(&f, &worst))
      worst = f;
  }
  if (!j->facts->every || worst.point == SIZE_MAX)
    put_row(w, j, &worst, judged);
}

static struct claims_judge prepare(const struct hd_scenario *scenario,
                                   const struct summary *s)
{
  size_t n = hd_scenario_points(scenario);
  struct claims_judge j = {.scenario = scenario, .summary = s, .n_points = n};
  j.first = cli_allocate(n, sizeof *j.first);
  for (size_t i = 0; i < n; i++)
    j.first[i] = s->n_cases;
  for (size_t i = s->n_cases; i-- > 0;)
    if (s->cases[i].point < n)
      j.first[s->cases[i].point] = i;
  return j;
}

static bool complain(const char *error)
{
  cli_message("%s", error);
  return false;
}

static bool write_table(const struct hd_scenario *scenario,
                        const struct summary *s, const char *path)
{
  struct hd_csv w;
  struct claims_judge j = prepare(scenario, s);
  bool good =
      hd_csv_open(&w, path, columns, sizeof columns / sizeof columns[0]);
  for (size_t i = 0; good && i < hd_scenario_published_count(scenario); i++)
    judge_entry(&w, &j, i);
  good = (good && hd_csv_close(&w)) || complain(w.error);
  free(j.first);
  return good;
}

bool cli_claims_write(const struct hd_scenario *s, const char *dir)
{
  char error[HD_ATOMIC_ERROR_MAX];
  char *from = cli_format("%s/summary.csv", dir);
  char *to = cli_format("%s/published.csv", dir);
  struct summary summary;
  bool good = true;
  if (hd_scenario_published_count(s) == 0) {
    unlink(to); /* an earlier run's */
  } else {
    good = cli_summary_read(&summary, from, error) || complain(error);
    if (good) {
      good = write_table(s, &summary, to);
      cli_summary_terminate(&summary);
    }
  }
  free(from);
  free(to);
  return good;
}

int cli_claims_status(const struct claims_count *count, bool strict)
{
  bool all_hold = count->ok + count->not_run == count->total;
  return strict && !all_hold ? CLI_NOT_AS_PUBLISHED : CLI_OK;
}

int cli_claims_finish(const struct hd_scenario *s, const char *dir, bool all,
                      bool strict, int status)
{
  struct claims_count count;
  int own = CLI_FAILED;
  if (cli_claims_write(s, dir) &&
      cli_claims_print(dir, all ? CLAIMS_ALL : CLAIMS_RUN, stdout, &count))
    own = cli_claims_status(&count, strict);
  return status == CLI_OK ? own : status;
}
