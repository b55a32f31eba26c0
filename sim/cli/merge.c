#include "sim/cli/merge.h"

#include "sim/cli/rows.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool complain(const char *error)
{
  cli_message("%s", error);
  return false;
}

static void copy_rows(struct hd_csv *w, const struct hd_csv_table *t)
{
  for (size_t row = 0; row < t->rows; row++) {
    for (size_t column = 0; column < t->columns; column++)
      hd_csv_text(w, hd_csv_cell(t, row, column));
    hd_csv_end_row(w);
  }
}

/* A job's file; all but the summary need not be there. */
static bool copy_record(struct hd_csv *w, const struct outdir *d,
                        const struct plan_job *job, enum rows_table table)
{
  char *dir = cli_outdir_point(d, job->point, job->repetition);
  char *path = cli_format("%s/%s", dir, cli_rows_file(table));
  struct hd_csv_table t;
  bool good = true;
  free(dir);
  if (table == ROWS_SUMMARY || access(path, F_OK) == 0) {
    good = hd_csv_read(&t, path);
    if (!good)
      complain(t.error);
  } else {
    t = (struct hd_csv_table){0};
  }
  free(path);
  if (!good)
    return false;
  copy_rows(w, &t);
  hd_csv_table_terminate(&t);
  return true;
}

static void put_failure(struct hd_csv *w, const struct plan *p,
                        const struct plan_job *job)
{
  struct hd_point *point = cli_plan_resolve(p, job);
  struct rows_subject s = {.plan = p, .job = job, .point = point};
  char *status = cli_format("failed: %s", job->failure);
  cli_rows_no_summary(w, &s, status);
  free(status);
  hd_point_destroy(point);
}

static bool put_jobs(struct hd_csv *w, const struct plan *p,
                     const struct outdir *d, enum rows_table table)
{
  for (size_t i = 0; i < p->n_jobs; i++) {
    const struct plan_job *job = &p->jobs[i];
    if (job->state == JOB_FAILED && table == ROWS_SUMMARY)
      put_failure(w, p, job);
    if (job->state == JOB_DONE && !copy_record(w, d, job, table))
      return false;
  }
  return true;
}

/* `when_empty`: write the table also without rows. */
static bool merge_table(const struct plan *p, const struct outdir *d,
                        enum rows_table table, bool when_empty)
{
  char *path = cli_format("%s/%s", d->path, cli_rows_file(table));
  struct hd_csv w;
  bool good = cli_rows_open(&w, table, path, p->scenario);
  if (!good)
    complain(w.error);
  bool complete = good && put_jobs(&w, p, d, table);
  if (good && (!complete || (w.rows == 0 && !when_empty))) {
    hd_csv_abandon(&w);
    if (complete)
      unlink(path); /* an earlier run's */
  } else if (good) {
    complete = hd_csv_close(&w) || complain(w.error);
  }
  free(path);
  return complete;
}

bool cli_merge_tables(const struct plan *p, const struct outdir *d)
{
  return merge_table(p, d, ROWS_SUMMARY, true) &&
         merge_table(p, d, ROWS_BREAKDOWN, true) &&
         merge_table(p, d, ROWS_FAULTS, false) &&
         merge_table(p, d, ROWS_SERIES, false) &&
         merge_table(p, d, ROWS_CORES, false) &&
         merge_table(p, d, ROWS_REPLAY, false) && cli_merge_confidence(p, d);
}

/* -- a single run --------------------------------------------------------- */

static void move_latency(const struct outdir *d, const char *dir,
                         const char *name, const char *suffix)
{
  size_t stem = strlen(name) - strlen(".hgrm");
  char *from = cli_format("%s/%s", dir, name);
  char *to = cli_format("%s/%.*s%s.hgrm", d->path, (int)stem, name, suffix);
  if (rename(from, to) != 0)
    cli_message("cannot rename %s to %s", from, to);
  free(from);
  free(to);
}

static bool is_latency(const char *name)
{
  size_t length = strlen(name);
  return length > 5 && strcmp(name + length - 5, ".hgrm") == 0;
}

static void move_latencies(const struct plan *p, const struct outdir *d,
                           const struct plan_job *job)
{
  char *suffix = p->n_jobs > 1 ? cli_format("-%03zu", job->repetition)
                               : cli_format("%s", "");
  char *dir = cli_outdir_point(d, job->point, job->repetition);
  struct dirent **entries;
  int n = scandir(dir, &entries, NULL, alphasort);
  for (int i = 0; i < n; i++) {
    if (is_latency(entries[i]->d_name))
      move_latency(d, dir, entries[i]->d_name, suffix);
    free(entries[i]);
  }
  if (n >= 0)
    free(entries);
  free(dir);
  free(suffix);
}

void cli_merge_single(const struct plan *p, const struct outdir *d)
{
  for (size_t i = 0; i < p->n_jobs; i++)
    if (p->jobs[i].state == JOB_DONE)
      move_latencies(p, d, &p->jobs[i]);
  char *points = cli_format("%s/points", d->path);
  cli_outdir_remove(points);
  free(points);
}
