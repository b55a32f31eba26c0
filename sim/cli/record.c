#include "sim/cli/record.h"

#include "sim/measure/hgrm.h"
#include "sim/measure/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef void rows_writer(struct hd_csv *w, const struct rows_subject *s,
                         const struct server_results *r);

static bool complain(const char *error)
{
  cli_message("%s", error);
  return false;
}

static bool write_table(const char *dir, enum rows_table table,
                        rows_writer *write, const struct rows_subject *s,
                        const struct record_content *c)
{
  char *path = cli_format("%s/%s", dir, cli_rows_file(table));
  struct hd_csv w;
  bool good = cli_rows_open(&w, table, path, s->plan->scenario);
  free(path);
  if (!good)
    return complain(w.error);
  if (c->results != NULL)
    write(&w, s, c->results);
  else
    cli_rows_no_summary(&w, s, c->status);
  return hd_csv_close(&w) || complain(w.error);
}

static void put_series(struct hd_csv *w, const struct rows_subject *s,
                       const struct record_content *c)
{
  for (size_t i = 0; i < c->results->n_groups; i++)
    cli_rows_series(w, s, c->results->group[i].name, c->series[i]);
}

static bool write_series(const char *dir, const struct rows_subject *s,
                         const struct record_content *c)
{
  if (c->series == NULL)
    return true;
  char *path = cli_format("%s/%s", dir, cli_rows_file(ROWS_SERIES));
  struct hd_csv w;
  bool good = cli_rows_open(&w, ROWS_SERIES, path, s->plan->scenario);
  free(path);
  if (!good)
    return complain(w.error);
  put_series(&w, s, c);
  return hd_csv_close(&w) || complain(w.error);
}

static bool write_tables(const char *dir, const struct rows_subject *s,
                         const struct record_content *c)
{
  const struct server_results *r = c->results;
  if (!write_table(dir, ROWS_SUMMARY, cli_rows_summary, s, c))
    return false;
  if (r == NULL)
    return true;
  if (!write_table(dir, ROWS_BREAKDOWN, cli_rows_breakdown, s, c) ||
      !write_series(dir, s, c) ||
      (r->n_cores > 0 && !write_table(dir, ROWS_CORES, cli_rows_cores, s, c)))
    return false;
  if (r->n_replays > 0 && !write_table(dir, ROWS_REPLAY, cli_rows_replay, s, c))
    return false;
  return r->n_faults == 0 ||
         write_table(dir, ROWS_FAULTS, cli_rows_faults, s, c);
}

static bool write_latencies(const char *dir, const struct server_results *r)
{
  bool good = true;
  for (size_t i = 0; good && r != NULL && i < r->n_groups; i++) {
    const struct group_results *g = &r->group[i];
    char error[HD_ATOMIC_ERROR_MAX];
    if (g->latency == NULL || g->latency->count == 0)
      continue;
    char *path = cli_format("%s/latency-%s.hgrm", dir, g->name);
    good =
        hd_hgrm_write(g->latency, path, error, sizeof error) || complain(error);
    free(path);
  }
  return good;
}

/* -- point.json --------------------------------------------------------- */

static void put_identity(struct hd_manifest *m, const struct rows_subject *s)
{
  char *axes = cli_plan_axes_text(s->plan->scenario, s->point);
  hd_manifest_set_text(m, NULL, "version", cli_version);
  hd_manifest_set_hex(m, NULL, "hash", s->plan->points[s->job->point].hash);
  hd_manifest_set_text(m, NULL, "axes", axes);
  hd_manifest_set_uint(m, NULL, "point", s->job->point);
  hd_manifest_set_uint(m, NULL, "repetition", s->job->repetition);
  hd_manifest_set_uint(m, NULL, "seed", cli_plan_seed(s->plan, s->job));
  free(axes);
}

static bool write_identity(const char *dir, const struct rows_subject *s,
                           const struct record_content *c)
{
  struct hd_manifest m;
  hd_manifest_initialize(&m);
  put_identity(&m, s);
  hd_manifest_set_text(&m, NULL, "status", c->status);
  if (c->results != NULL) {
    const struct hd_engine_report *e = &c->results->engine;
    struct hd_manifest_outcome outcome = {
        .scenario_hash = s->plan->points[s->job->point].hash,
        .wall_s = c->wall_s,
        .simulated = e->end,
        .events = e->events,
        .wakeups = e->wakeups,
        .fingerprint = e->fingerprint,
        .peak_memory_bytes = hd_manifest_peak_memory()};
    hd_manifest_outcome(&m, &outcome);
    hd_manifest_set_uint(&m, NULL, "messages_peak", e->messages_peak);
    hd_manifest_set_uint(&m, NULL, "faults", c->results->faults_total);
  }
  char *path = cli_format("%s/point.json", dir);
  bool good = hd_manifest_write(&m, path) || complain(m.error);
  hd_manifest_terminate(&m);
  free(path);
  return good;
}

/* -- the whole ---------------------------------------------------------- */

/* Takes the final name; an older record makes way. */
static bool commit(const char *half, const char *final)
{
  struct stat st;
  if (lstat(final, &st) == 0)
    cli_outdir_remove(final);
  if (rename(half, final) == 0)
    return true;
  cli_message("%s: %s", final, strerror(errno));
  return false;
}

bool cli_record_write(const struct outdir *d,
                      const struct rows_subject *subject,
                      const struct record_content *content)
{
  const struct plan_job *job = subject->job;
  char *final = cli_outdir_point(d, job->point, job->repetition);
  char *half = cli_format("%s/points/.%05zu-%03zu", d->path, job->point,
                          job->repetition);
  cli_outdir_remove(half);
  bool good = mkdir(half, 0777) == 0;
  if (!good)
    cli_message("%s: %s", half, strerror(errno));
  good = good && write_tables(half, subject, content) &&
         write_latencies(half, content->results) &&
         write_identity(half, subject, content) && commit(half, final);
  if (!good)
    cli_outdir_remove(half);
  free(final);
  free(half);
  return good;
}
