#include "tests/server_harness.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/scenario/scenario.h"

static const struct hd_section_alias aliases[] = {{"server", "host"},
                                                  {NULL, NULL}};

static const char *source_dir(void)
{
  const char *dir = getenv("SRCDIR");
  return dir ? dir : ".";
}

static void copy_group(struct outcome *o, size_t i,
                       const struct group_results *g)
{
  memcpy(o->metric[i], g->metric, sizeof g->metric);
  snprintf(o->limited_by[i], sizeof o->limited_by[i], "%s", g->limited_by);
  for (int s = 0; s <= HD_STAGE_COUNT; s++)
    o->stage_mean_ns[i][s] =
        hd_breakdown_report(g->breakdown, (enum hd_stage)s).mean_ns;
}

static void simulate(const struct server_config *c, struct outcome *o)
{
  struct server_shortage shortage = {0};
  o->feasible = server_feasible(c, &shortage);
  if (!o->feasible) {
    snprintf(o->shortage, sizeof o->shortage, "%s", shortage.resource);
    o->have = shortage.have;
    o->need = shortage.need;
    return;
  }
  struct server_options options = {.seed = (uint64_t)c->run.seed};
  struct server *s = server_create(c, &options);
  server_run(s);
  struct server_results r;
  server_get_results(s, &r);
  o->n_groups = r.n_groups;
  for (size_t i = 0; i < r.n_groups && i < HARNESS_GROUPS; i++)
    copy_group(o, i, &r.group[i]);
  snprintf(o->note, sizeof o->note, "%s", r.note ? r.note : "");
  o->fingerprint = r.engine.fingerprint;
  o->events = r.engine.events;
  o->faults_total = r.faults_total;
  o->n_faults = r.n_faults < HARNESS_FAULTS ? r.n_faults : HARNESS_FAULTS;
  for (size_t i = 0; i < o->n_faults; i++)
    o->fault[i] = r.faults[i];
}

static _Noreturn void child(const struct server_config *c, int to)
{
  struct outcome *o = calloc(1, sizeof *o);
  simulate(c, o);
  const char *bytes = (const char *)o;
  size_t left = sizeof *o;
  while (left > 0) {
    ssize_t n = write(to, bytes, left);
    if (n <= 0)
      _exit(1);
    bytes += n;
    left -= (size_t)n;
  }
  _exit(0);
}

static void receive(int from, struct outcome *o)
{
  char *bytes = (char *)o;
  size_t left = sizeof *o;
  while (left > 0) {
    ssize_t n = read(from, bytes, left);
    if (n <= 0)
      break;
    bytes += n;
    left -= (size_t)n;
  }
}

static struct outcome in_child(const struct server_config *c)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0)
    child(c, ends[1]);
  close(ends[1]);
  struct outcome o = {0};
  receive(ends[0], &o);
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                "the simulation ended with status %x", status);
  return o;
}

struct outcome run_scenario(const char *file, const char *const *sets)
{
  char path[4096], data[4096];
  snprintf(path, sizeof path, "%s/scenarios/%s", source_dir(), file);
  snprintf(data, sizeof data, "%s/scenarios", source_dir());
  const char *dirs[] = {data, NULL};
  struct hd_scenario_env env = {.registry = &server_registry,
                                .data_dirs = dirs,
                                .aliases = aliases,
                                .check = server_check_config};
  struct hd_overrides ov = {.sets = sets};
  while (sets && sets[ov.set_count])
    ov.set_count++;
  struct hd_errors *errors = hd_errors_create();
  struct hd_scenario *s = hd_scenario_load(&env, path, &ov, errors);
  struct hd_point *p = s ? hd_scenario_point(s, 0, errors) : NULL;
  ck_assert_msg(p != NULL, "%s",
                hd_errors_count(errors) ? hd_errors_text(errors, 0)
                                        : "no point");
  struct outcome o = in_child(hd_point_config(p));
  hd_point_destroy(p);
  hd_scenario_destroy(s);
  hd_errors_destroy(errors);
  return o;
}
