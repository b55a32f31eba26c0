/*
 * test_irq_bench.h - runs the interrupt benchmark with what a scenario's text
 * says, in a process of its own, since there is one engine a process.
 */
#ifndef TEST_IRQ_BENCH_H
#define TEST_IRQ_BENCH_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/irq_bench/irq_bench.h"
#include "sim/scenario/params.h"

static const struct hd_param_section rig_sections[] = {
    {&irq_bench_param_table, offsetof(struct irq_bench_config, bench)},
    {&pcie_param_table, offsetof(struct irq_bench_config, pcie)},
    {&storage_param_table, offsetof(struct irq_bench_config, storage)},
    {&interrupt_param_table, offsetof(struct irq_bench_config, interrupt)},
    {NULL, 0}};

static const struct hd_param_group rig_groups[] = {{.section = NULL}};

static const struct hd_param_registry rig_registry = {
    sizeof(struct irq_bench_config), rig_sections, rig_groups};

/* Default parameters with `sets`, each "PATH=VALUE" and ended by a blank. A
 * Gen5 x4 port a device; 300 us (dsa) or 1 ms (nvme) after as much warm-up. */
static inline struct irq_bench_config rig_config(const char *sets)
{
  static const char text[] = "pcie: {generation: 5, lanes: 4}\n";
  char copy[1024];
  const char *set[32];
  struct hd_overrides ov = {set, 0, NULL, 0};
  snprintf(copy, sizeof copy, "%s", sets);
  for (char *s = strtok(copy, " "); s; s = strtok(NULL, " "))
    set[ov.set_count++] = s;
  struct hd_scenario_env env = {.registry = &rig_registry};
  struct hd_errors *errors = hd_errors_create();
  struct hd_scenario *s =
      hd_scenario_load_text(&env, "rig", text, strlen(text), &ov, errors);
  hd_errors_print(errors, stdout);
  ck_assert(s != NULL);
  struct hd_point *p = hd_scenario_point(s, 0, errors);
  struct irq_bench_config c =
      *(const struct irq_bench_config *)hd_point_config(p);
  hd_point_destroy(p);
  hd_scenario_destroy(s);
  hd_errors_destroy(errors);
  c.seed = 1;
  c.window = 100 * HD_NS;
  c.duration = c.bench.mode == IRQ_BENCH_DSA ? 300 * HD_US : HD_MS;
  c.warmup = c.duration;
  return c;
}

static inline struct irq_bench_results
rig_run_config(const struct irq_bench_config *c)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  fflush(stdout);
  pid_t child = fork();
  struct irq_bench_results r = {0};
  if (child == 0) {
    irq_bench_run(c, &r);
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

static inline struct irq_bench_results rig_run(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
static inline struct irq_bench_results rig_run(const char *format, ...)
{
  char sets[1024];
  va_list list;
  va_start(list, format);
  vsnprintf(sets, sizeof sets, format, list);
  va_end(list);
  struct irq_bench_config c = rig_config(sets);
  return rig_run_config(&c);
}

#endif
