/*
 * test_irq_bench.c - the interrupt benchmark against closed forms: what an
 * interrupt costs a core, what limits a port, a stack and the agent, when a
 * notification is sent, and that nothing depends on the engine's window.
 * Against published figures: test_irq_bench_published.c.
 *
 * A green run does not prove that hardware has these limits, only that the
 * model has the ones it says.
 */
#include "tests/test_irq_bench.h"

#include <stdlib.h>

#include "models/irq_bench/internal.h"

#define DSA "irq_bench.mode=dsa irq_bench.step_jitter=0 "
#define POSTED "irq_bench.delivery=posted "
#define NVME "irq_bench.mode=nvme "

/* Default costs, ns: cycles at 2.7 GHz. */
#define CYCLES(n) ((n) / 2.7)
#define ALONE CYCLES(283 + 100 + 141)

static void near(const char *what, double is, double should, double tolerance)
{
  printf("%-44s %12.1f, closed form %12.1f\n", what, is, should);
  ck_assert_double_eq_tol(is, should, tolerance * should);
}

/* ---- the agent ---------------------------------------------------------- */

struct probe {
  struct hd_component base;
  struct hd_channel *to_agent, *answer;
  hd_time delivered[4], answered[4];
  int deliveries, answers;
};
static struct probe probe;
static struct irq_agent agent;

static void probe_handle(struct hd_component *self, struct hd_msg *m)
{
  if (m->kind == IRQ_DELIVER)
    probe.delivered[probe.deliveries++] = hd_now(self);
  else
    probe.answered[probe.answers++] = hd_now(self);
  hd_msg_free(self, m);
}

/* At 1 us two messages at once, a third when the second is about to end. */
static void probe_start(struct hd_component *self)
{
  const hd_time at[] = {975, 975, 1274, -1};
  for (int i = 0; at[i] >= 0; i++) {
    struct irq_msg *m = hd_msg_new_zero(self, IRQ_SEND);
    m->answer = probe.answer;
    hd_send_at(probe.to_agent, (at[i] + 25) * HD_NS, m);
  }
}

static const struct hd_component_ops probe_ops = {
    .kind = "probe", .handle = probe_handle, .start = probe_start};

START_TEST(agent_handles_one_message_at_a_time)
{
  static const struct hd_window all = {0, HD_TIME_NEVER};
  static const struct irq_bench_params p = {.agent_time = 150 * HD_NS,
                                            .mesh_latency = 25 * HD_NS};
  struct hd_engine *e = hd_engine_create(
      &(struct hd_engine_options){.seed = 1, .window = 100 * HD_NS});
  hd_engine_add_host(e, IRQ_BENCH_HOST);
  irq_agent_initialize(&agent, e, &p, &all);
  hd_component_initialize(&probe.base, e, &probe_ops, "probe", IRQ_BENCH_HOST);
  probe.to_agent = hd_channel_open(&probe.base, &agent.base, p.mesh_latency);
  probe.answer = hd_channel_open(&agent.base, &probe.base, p.mesh_latency);
  agent.to_core[0] = hd_channel_open(&agent.base, &probe.base, p.mesh_latency);
  hd_engine_run(e, 10 * HD_US);
  /* 1000 + 25; not before the first has been acknowledged, at 1150; the third,
   * there 1 ns before the second's end, at 1300 */
  const hd_time delivered[] = {1025, 1175, 1325},
                answered[] = {1175, 1325, 1475};
  ck_assert_int_eq(probe.deliveries, 3);
  ck_assert_int_eq(probe.answers, 3);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(probe.delivered[i], delivered[i] * HD_NS);
    ck_assert_int_eq(probe.answered[i], answered[i] * HD_NS);
  }
  ck_assert_int_eq(agent.busy, 3 * p.agent_time);
  hd_engine_destroy(e);
}
END_TEST

/* ---- a core ----------------------------------------------------------------
 */

/* Two interrupts every 5 us: in 300 us +-1 of 120, and rounding. */
START_TEST(remapped_interrupt_costs_entry_handler_and_exit)
{
  struct irq_bench_results r = rig_run(DSA "irq_bench.descriptor_time=5us");
  near("interrupts", r.handlers_per_s, 400e3, 0.01);
  ck_assert_double_eq(r.merged_per_s, 0);
  near("core, ns an interrupt", r.core_utilization * 1e9 / r.handlers_per_s,
       ALONE, 0.02);
}
END_TEST

/* Alone: a round finds it, one finds nothing, and one after the outstanding bit
 * was cleared; the line comes once. */
START_TEST(posted_interrupt_costs_its_rounds_and_the_line)
{
  struct irq_bench_results r =
      rig_run(DSA POSTED "irq_bench.descriptor_time=5us");
  near("interrupts", r.handlers_per_s, 400e3, 0.01);
  near("notifications", r.notifications_per_s, r.handlers_per_s, 0.01);
  near("core, ns an interrupt", r.core_utilization * 1e9 / r.handlers_per_s,
       ALONE + CYCLES(3 * 20) + 70, 0.02);
}
END_TEST

START_TEST(two_rounds_leave_out_the_empty_one)
{
  struct irq_bench_results r =
      rig_run(DSA POSTED "irq_bench.descriptor_time=5us irq_bench.rounds=2");
  near("core, ns an interrupt", r.core_utilization * 1e9 / r.handlers_per_s,
       ALONE + CYCLES(2 * 20) + 70, 0.02);
}
END_TEST

/* A core that is slower than the devices is the limit, and what it does not see
 * is merged: the vector was pending. */
START_TEST(saturated_core_takes_interrupts_back_to_back)
{
  struct irq_bench_results r = rig_run(DSA "irq_bench.handler_cycles=2700");
  near("interrupts", r.handlers_per_s, 1e9 / CYCLES(283 + 2700 + 141), 0.01);
  near("core", r.core_utilization, 1, 0.001);
  near("messages", r.messages_per_s, r.handlers_per_s + r.merged_per_s, 0.01);
}
END_TEST

/* Every round of a slow core finds both vectors: 2 handlers a round. */
START_TEST(notification_covers_all_rounds)
{
  for (int rounds = 2; rounds <= 6; rounds++) {
    char sets[128];
    snprintf(sets, sizeof sets,
             DSA POSTED "irq_bench.handler_cycles=2700 irq_bench.rounds=%d",
             rounds);
    struct irq_bench_config c = rig_config(sets);
    c.duration = 10 * HD_MS; /* +-1 of 800 or more notifications */
    struct irq_bench_results r = rig_run_config(&c);
    near("handlers a notification", r.handlers_per_s / r.notifications_per_s,
         2 * rounds, 0.005);
  }
}
END_TEST

/* ---- ports, stacks, the agent
 * ------------------------------------------------ */

/* One engine, fast core: remapping 45 ns, mesh, agent, mesh, then the next. */
START_TEST(port_waits_for_the_acknowledgement)
{
  struct irq_bench_results r =
      rig_run(DSA "irq_bench.queues=1 irq_bench.clock=10GHz");
  near("messages", r.messages_per_s, 1e9 / (45 + 25 + 150 + 25), 0.005);
  /* the data behind an interrupt waits with it */
  near("descriptors", r.operations_per_s, r.messages_per_s, 0.01);
}
END_TEST

/* One engine, core so slow that it never touches the line: remapping, mesh,
 * the swap in place (20 ns), mesh. Core: once in 100 us. */
START_TEST(posting_port_waits_for_the_update)
{
  struct irq_bench_results r =
      rig_run(DSA POSTED "irq_bench.queues=1 irq_bench.handler_cycles=100000");
  near("messages", r.messages_per_s, 1e9 / (45 + 25 + 20 + 25), 0.01);
}
END_TEST

/* Two drives on one stack with an agent that is no limit: one message is under
 * way at a time, and remapping is done while another is. */
START_TEST(stack_has_one_message_under_way)
{
  struct irq_bench_results r =
      rig_run(NVME "irq_bench.disks=2 irq_bench.agent_time=650ns");
  near("messages", r.messages_per_s, 1e9 / (25 + 650 + 25), 0.005);
  near("operations", r.operations_per_s, r.messages_per_s, 0.01);
}
END_TEST

START_TEST(agent_is_shared_by_stacks)
{
  struct irq_bench_results r = rig_run(DSA "irq_bench.queues=6");
  near("messages", r.messages_per_s, 1e9 / 150, 0.001);
  near("agent", r.agent_utilization, 1, 0.001);
}
END_TEST

/* Posting passes no message when one is outstanding. */
START_TEST(posted_messages_spare_the_agent)
{
  struct irq_bench_results r = rig_run(DSA POSTED "irq_bench.queues=6");
  near("agent, %", 100 * r.agent_utilization,
       100 * r.notifications_per_s * 150e-9, 0.01);
  ck_assert_double_gt(r.messages_per_s, 3 * r.notifications_per_s);
}
END_TEST

/* ---- remapping entries
 * --------------------------------------------------------- */

START_TEST(entries_are_cached)
{
  struct irq_bench_results all = rig_run(NVME "irq_bench.disks=1");
  struct irq_bench_results none =
      rig_run(NVME "irq_bench.disks=1 interrupt.cache_entries=0");
  struct irq_bench_results few =
      rig_run(NVME "irq_bench.disks=1 interrupt.cache_entries=4");
  ck_assert_double_eq(all.entry_misses_per_s, 0); /* warm */
  near("misses without a cache", none.entry_misses_per_s, none.messages_per_s,
       0.01);
  ck_assert_double_gt(few.entry_misses_per_s, 0.1 * few.messages_per_s);
  ck_assert_double_lt(few.entry_misses_per_s, 0.9 * few.messages_per_s);
}
END_TEST

/* ---- drives
 * --------------------------------------------------------------------- */

/* 64 outstanding requests a job; without a limit elsewhere the drive's own
 * rate, one command in 490 cycles of 1 GHz. */
START_TEST(drive_is_the_limit_of_one_disk)
{
  for (int posted = 0; posted < 2; posted++) {
    struct irq_bench_results r =
        rig_run(NVME "irq_bench.disks=1 irq_bench.delivery=%s",
                posted ? "posted" : "remapped");
    near("operations", r.operations_per_disk, 1e9 / 490, 0.01);
  }
}
END_TEST

/* A request takes its core's time once: half the jobs, and the cores are the
 * limit. Handlers and interrupts come on top, one for at least each request
 * that no other handler took: between none and one a request. */
START_TEST(core_is_the_limit_of_few_jobs)
{
  struct irq_bench_results r =
      rig_run(NVME "irq_bench.disks=1 irq_bench.jobs=2");
  double request = CYCLES(2200 + 6200);
  ck_assert_double_lt(r.operations_per_s, 2e9 / request);
  ck_assert_double_gt(r.operations_per_s, 2e9 / (request + ALONE));
  near("cores", r.core_utilization, 1, 0.001);
  near("core, ns a request", 2e9 * r.core_utilization / r.operations_per_s,
       request + ALONE * r.handlers_per_s / r.operations_per_s, 0.01);
}
END_TEST

/* ---- invariance
 * ------------------------------------------------------------------ */

START_TEST(results_do_not_depend_on_the_window)
{
  static const hd_time windows[] = {0, 30 * HD_NS, 100 * HD_NS, HD_US};
  static const char *const sets[] = {
      "irq_bench.mode=dsa irq_bench.delivery=posted",
      "irq_bench.mode=nvme irq_bench.disks=2 irq_bench.disks_per_stack=1 "
      "irq_bench.jobs=2 irq_bench.delivery=posted",
      "irq_bench.mode=nvme irq_bench.disks=2 irq_bench.jobs=2"};
  struct irq_bench_config c = rig_config(sets[_i]);
  c.warmup = c.duration = 50 * HD_US;
  struct irq_bench_results first = {0};
  for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
    c.window = windows[i];
    struct irq_bench_results r = rig_run_config(&c);
    if (i == 0)
      first = r;
    ck_assert_uint_eq(r.engine.fingerprint, first.engine.fingerprint);
    ck_assert_double_eq(r.handlers_per_s, first.handlers_per_s);
    ck_assert_double_gt(r.handlers_per_s, 0);
  }
}
END_TEST

START_TEST(parameter_table_is_sound)
{
  struct hd_errors *errors = hd_errors_create();
  bool sound = hd_params_verify(&rig_registry, errors);
  hd_errors_print(errors, stdout);
  ck_assert(sound);
  hd_errors_destroy(errors);
}
END_TEST

START_TEST(impossible_configurations_are_named)
{
  struct irq_bench_config c = rig_config("");
  ck_assert_ptr_nonnull(irq_bench_problem(&c)); /* off */
  c = rig_config("irq_bench.mode=dsa");
  ck_assert_ptr_null(irq_bench_problem(&c));
  c = rig_config(NVME "irq_bench.disks=16 irq_bench.jobs=32");
  ck_assert_ptr_nonnull(irq_bench_problem(&c));
  c = rig_config(NVME "storage.vectors=4");
  ck_assert_ptr_nonnull(irq_bench_problem(&c));
  c = rig_config(NVME "irq_bench.block_size=1000B");
  ck_assert_ptr_nonnull(irq_bench_problem(&c));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("irq_bench");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, agent_handles_one_message_at_a_time);
  tcase_add_test(t, remapped_interrupt_costs_entry_handler_and_exit);
  tcase_add_test(t, posted_interrupt_costs_its_rounds_and_the_line);
  tcase_add_test(t, two_rounds_leave_out_the_empty_one);
  tcase_add_test(t, saturated_core_takes_interrupts_back_to_back);
  tcase_add_test(t, notification_covers_all_rounds);
  tcase_add_test(t, port_waits_for_the_acknowledgement);
  tcase_add_test(t, posting_port_waits_for_the_update);
  tcase_add_test(t, stack_has_one_message_under_way);
  tcase_add_test(t, agent_is_shared_by_stacks);
  tcase_add_test(t, posted_messages_spare_the_agent);
  tcase_add_test(t, entries_are_cached);
  tcase_add_test(t, drive_is_the_limit_of_one_disk);
  tcase_add_test(t, core_is_the_limit_of_few_jobs);
  tcase_add_loop_test(t, results_do_not_depend_on_the_window, 0, 3);
  tcase_add_test(t, parameter_table_is_sound);
  tcase_add_test(t, impossible_configurations_are_named);
  suite_add_tcase(s, t);
  SRunner *runner = srunner_create(s);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
