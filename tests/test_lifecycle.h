/*
 * test_lifecycle.h - runs starts with what a scenario's text says, in a process
 * of its own, since there is one engine a process.
 */
#ifndef TEST_LIFECYCLE_H
#define TEST_LIFECYCLE_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/lifecycle/lifecycle.h"
#include "sim/scenario/params.h"

struct rig {
  struct lifecycle_params lifecycle;
  struct cpu_params cpu;
  struct hypervisor_params hypervisor;
  struct nic_params nic;
  enum lifecycle_device device;
  hd_time window;
  uint32_t shuffle;
};

/* Milliseconds. */
struct rig_results {
  uint64_t starts, fingerprint;
  double mean, min, max, span, stop;
  double stage[LIFECYCLE_STAGE_COUNT], stage_max[LIFECYCLE_STAGE_COUNT];
  double wait_share[LIFECYCLE_WAIT_COUNT], core_share;
  double lock_busy, admin_busy;
};

static const struct hd_param_section rig_sections[] = {
    {&lifecycle_param_table, offsetof(struct rig, lifecycle)},
    {&cpu_param_table, offsetof(struct rig, cpu)},
    {&hypervisor_param_table, offsetof(struct rig, hypervisor)},
    {&nic_param_table, offsetof(struct rig, nic)},
    {NULL, 0}};

static const struct hd_param_group rig_groups[] = {{.section = NULL}};

static const struct hd_param_registry rig_registry = {sizeof(struct rig),
                                                      rig_sections, rig_groups};

/* Nothing takes time but the resets, and what `sets` says: each "PATH=VALUE",
 * without the "lifecycle." of its own, and ended by a blank. */
static const char rig_text[] =
    "lifecycle: {mode: storm, jitter: 0, base_work: 0 ns, runtime_work: 0 ns,\n"
    "  scan_cost: 0 ns, attach_cost: 0 ns, memory: 0 B, image: 0 B,\n"
    "  messages: 0, queue_messages: 0, message_work: 0 ns, message_wait: "
    "spin,\n"
    "  queue_setup: 0 ns, fault_cost: 0 ns,\n"
    "  resets: 0, reset_commands: 0}\n"
    "hypervisor: {vfio_open_cost: 0 ns, vdcm_create_cost: 0 ns}\n"
    "cpu: {cores: 64}\n";

static inline struct rig rig_make(enum lifecycle_device device,
                                  const char *sets)
{
  char copy[1024], paths[32][128];
  const char *set[32];
  struct hd_overrides ov = {set, 0, NULL, 0};
  snprintf(copy, sizeof copy, "%s", sets);
  for (char *s = strtok(copy, " "); s; s = strtok(NULL, " ")) {
    bool own = memchr(s, '.', strcspn(s, "=")) == NULL;
    snprintf(paths[ov.set_count], sizeof *paths, "%s%s",
             own ? "lifecycle." : "", s);
    set[ov.set_count] = paths[ov.set_count];
    ov.set_count++;
  }
  struct hd_scenario_env env = {.registry = &rig_registry};
  struct hd_errors *errors = hd_errors_create();
  struct hd_scenario *s = hd_scenario_load_text(&env, "rig", rig_text,
                                                strlen(rig_text), &ov, errors);
  hd_errors_print(errors, stdout);
  ck_assert(s != NULL);
  struct hd_point *p = hd_scenario_point(s, 0, errors);
  struct rig r = *(const struct rig *)hd_point_config(p);
  hd_point_destroy(p);
  hd_scenario_destroy(s);
  hd_errors_destroy(errors);
  r.device = device;
  r.window = HD_US;
  return r;
}

static inline double rig_ms(const struct hd_histogram *h)
{
  return hd_histogram_mean_ns(h) / 1e6;
}

static inline struct rig_results rig_summary(const struct lifecycle_results *l)
{
  struct rig_results r = {.starts = l->total.count,
                          .fingerprint = l->engine.fingerprint,
                          .mean = rig_ms(&l->total),
                          .min = (double)l->total.min / 1e9,
                          .max = (double)l->total.max / 1e9,
                          .span = l->span / 1e9,
                          .stop = rig_ms(&l->stop),
                          .core_share = l->core_share,
                          .lock_busy = l->lock_busy,
                          .admin_busy = l->admin_busy};
  memcpy(r.wait_share, l->wait_share, sizeof r.wait_share);
  for (int i = 0; i < LIFECYCLE_STAGE_COUNT; i++) {
    r.stage[i] = rig_ms(&l->stages[i]);
    r.stage_max[i] = (double)l->stages[i].max / 1e9;
  }
  return r;
}

static inline struct rig_results rig_simulate(const struct rig *r)
{
  struct lifecycle_config c = {&r->lifecycle, &r->cpu, &r->hypervisor, &r->nic,
                               r->device};
  struct hd_engine *e = hd_engine_create(&(struct hd_engine_options){
      .seed = 1, .window = r->window, .shuffle = r->shuffle});
  struct lifecycle *l = lifecycle_create(e, &c);
  lifecycle_simulate(l);
  struct rig_results results = rig_summary(lifecycle_get_results(l));
  hd_engine_destroy(e);
  lifecycle_destroy(l);
  return results;
}

static inline struct rig_results rig_run(const struct rig *config)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  fflush(stdout);
  pid_t child = fork();
  struct rig_results r = {0};
  if (child == 0) {
    r = rig_simulate(config);
    _exit(write(ends[1], &r, sizeof r) != sizeof r);
  }
  int status;
  close(ends[1]);
  ck_assert_int_eq(read(ends[0], &r, sizeof r), sizeof r);
  close(ends[0]);
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
  return r;
}

static inline struct rig_results rig_starts(enum lifecycle_device device,
                                            const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline struct rig_results rig_starts(enum lifecycle_device device,
                                            const char *format, ...)
{
  char sets[1024];
  va_list list;
  va_start(list, format);
  vsnprintf(sets, sizeof sets, format, list);
  va_end(list);
  struct rig r = rig_make(device, sets);
  return rig_run(&r);
}

#endif
