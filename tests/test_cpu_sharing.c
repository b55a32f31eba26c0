/*
 * test_cpu_sharing.c - vCPUs that share cores: pre-emption, fair shares,
 * conservation of core time, and independence of the engine's window.
 *
 * A green run says that no cycle is lost or counted twice. It does not say that
 * Linux would share the cores in the same way.
 */
#include "tests/test_cpu_guests.h"

/* -- sharing cores ------------------------------------------------------- */

START_TEST(two_vcpus_alternate)
{
  make(1, 2);
  world.guests[0].main = world.guests[1].main = run_in_steps;
  hd_time end = 100 * SLICE;
  simulate(end);
  struct vcpu_stats a = stats(0), b = stats(1);
  ck_assert_int_le(llabs(a.guest_time - b.guest_time), SLICE + 20 * HD_US);
  for (int i = 0; i < 2; i++) /* no cycle is lost by pre-emption */
    ck_assert_int_le(llabs(stats((unsigned)i).guest_time -
                           world.guests[i].rounds * 10 * HD_US),
                     10 * HD_US);
  ck_assert_uint_ge(a.exits[EXIT_PREEMPT] + b.exits[EXIT_PREEMPT], 97);
  ck_assert_uint_le(a.exits[EXIT_PREEMPT] + b.exits[EXIT_PREEMPT], 100);
  /* All but one way to the core is accounted: the last may be under way. */
  ck_assert_double_eq_tol(
      core_time(),
      (double)(a.guest_time + b.guest_time + a.host_time + b.host_time),
      (double)(2 * QUEUE));
}
END_TEST

START_TEST(eight_vcpus_share_a_core)
{
  make(1, 8);
  for (unsigned i = 0; i < 8; i++)
    world.guests[i].main = run_in_steps;
  hd_time end = 1600 * SLICE; /* a slice is 0.5 % of a share */
  simulate(end);
  double sum = 0;
  for (unsigned i = 0; i < 8; i++)
    sum += (double)stats(i).guest_time;
  for (unsigned i = 0; i < 8; i++)
    ck_assert_double_eq_tol((double)stats(i).guest_time / sum, 0.125, 0.00125);
}
END_TEST

static void run_six_ms(struct guest *g)
{
  vcpu_run(&g->vcpu, 6000000);
}

/* A handler of six slices is pre-empted, resumed and as long as it should. */
START_TEST(handler_is_preempted)
{
  make(1, 2);
  world.guests[0].main = run_ten_us;
  world.guests[0].handler_cycles = 6000000;
  world.guests[1].main = run_six_ms;
  script(START + 3 * HD_US, POST, 0, 77);
  script(START + 3 * SLICE, POST, 0, 78); /* does not interrupt it */
  simulate(100 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 2);
  ck_assert_int_ge(g->handled[1], g->handled[0] + 6 * HD_MS);
  ck_assert_int_gt(g->finished, 17 * HD_MS); /* 12 of its own, 6 of the other */
  ck_assert_int_eq(stats(0).guest_time, 10 * HD_US + 12 * HD_MS + 2 * ENTRY);
  ck_assert_int_eq(stats(1).guest_time, 6 * HD_MS);
  ck_assert_uint_ge(stats(0).exits[EXIT_PREEMPT], 5);
}
END_TEST

static void halt_while_polling(struct guest *g)
{
  g->vcpu.halt_poll_now = world.params.halt_poll;
  vcpu_idle(&g->vcpu, HD_TIME_NEVER);
  g->time[0] = now(g);
}

/* vCPU 1 waits when 0 halts on the only core. */
START_TEST(poller_makes_room)
{
  make(1, 2);
  world.params.halt_poll = 10 * HD_MS;
  world.guests[0].main = halt_while_polling;
  simulate(5 * HD_MS);
  /* 0 would like to poll when 1, woken in vain before, gets the core. */
  ck_assert_int_eq(world.guests[1].began,
                   HALTED + QUEUE + QUEUE + SWITCH + EXIT_OUT);
  ck_assert_uint_eq(stats(0).exits[EXIT_PREEMPT], 0); /* it is halted */
  ck_assert_uint_eq(stats(0).exits[EXIT_HLT], 1);
}
END_TEST

static void poll_then_run(struct guest *g)
{
  halt_while_polling(g);
  run_for_ever(g);
}

/* Polling is over before vCPU 1 is woken: that one waits for the slice's end.
 */
START_TEST(end_of_polling_is_told)
{
  make(1, 2);
  world.params.halt_poll = 10 * HD_MS;
  world.guests[0].main = poll_then_run;
  world.fabric.boot[1] = START + 200 * HD_US;
  script(START + 100 * HD_US, MESSAGE, 0, 0);
  simulate(5 * HD_MS);
  ck_assert_int_eq(world.guests[0].time[0],
                   START + 100 * HD_US + GUEST_IPI + QUEUE + QUEUE + EXIT_OUT);
  ck_assert_int_gt(world.guests[1].began, BOOT + SLICE);
}
END_TEST

/* The scheduler changes its mind while the vCPU is on its way to the core:
 * PREEMPT comes before RUN. */
START_TEST(preempted_before_it_runs)
{
  make(1, 2);
  world.params.wakeup_granularity = 0;
  world.params.sleeper_credit = HD_US;
  world.guests[0].main = world.guests[1].main = run_in_steps;
  world.fabric.boot[1] = BOOT + 200 * HD_NS;
  simulate(SLICE / 2);
  ck_assert_uint_eq(world.guests[0].vcpu.exits[EXIT_PREEMPT], 1);
  ck_assert_uint_eq(world.guests[0].rounds, 0);
  ck_assert_int_eq(world.guests[1].began,
                   START + EXIT_IN + EXTERNAL + 2 * QUEUE + SWITCH + EXIT_OUT);
}
END_TEST

/* Suppressed while it waits for a core; pending as soon as it is back. */
START_TEST(post_to_a_waiting_vcpu)
{
  make(1, 2);
  world.guests[0].main = world.guests[1].main = run_in_steps;
  script(SLICE + SLICE / 2, POST, 0, 77);
  simulate(4 * SLICE);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(world.fabric.suppressed, 1);
  ck_assert_uint_eq(g->interrupts, 1);
  ck_assert_int_gt(g->handled[0], 2 * SLICE);
  ck_assert_int_lt(g->handled[0], 2 * SLICE + 50 * HD_US);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 0);
}
END_TEST

/* -- conservation and invariance ------------------------------------------ */

static void do_everything(struct guest *g)
{
  for (unsigned i = 0; i < 300; i++) {
    uint64_t key = hd_mix64(g->vcpu.index * 7919u + i);
    vcpu_run(&g->vcpu, (int64_t)(key % 40000));
    if (key % 5 == 0)
      vcpu_exit(&g->vcpu, EXIT_TRAP);
    if (key % 3 == 0)
      vcpu_mmio_write(&g->vcpu, 0, 8, key, NULL);
    if (key % 7 == 0)
      (void)vcpu_mmio_read(&g->vcpu, 0, 16);
    vcpu_idle(&g->vcpu, now(g) + (hd_time)(key % 30) * HD_US);
  }
}

static void make_everything(void)
{
  make(2, 5);
  world.params.halt_poll = 20 * HD_US;
  world.params.timeslice = 25 * HD_US;
  world.params.wakeup_granularity = 5 * HD_US;
  world.params.sleeper_credit = 15 * HD_US;
  world.fabric.stream = POST;
  world.fabric.period = 3 * HD_US;
  world.fabric.stream_length = 2000;
  for (unsigned i = 0; i < world.n; i++) {
    world.guests[i].main = do_everything;
    world.guests[i].handler_cycles = 700;
  }
  for (unsigned i = 0; i < 16; i++)
    script((i + 1) * 300 * HD_US, i % 2 ? INJECTED : MESSAGE, i % 5, 40);
}

/* Guest and host time of the vCPUs, in part of the run. */
static int64_t time_used(int64_t from, int64_t to)
{
  make_everything();
  world.window = (struct hd_window){from, to};
  simulate(50 * HD_MS);
  hd_time sum = 0;
  for (unsigned i = 0; i < world.n; i++)
    sum += stats(i).guest_time + stats(i).host_time;
  return sum;
}

/* What the scheduler gave is what vCPUs used; idle time is the rest (checked
 * by scheduler_check). One picosecond of tolerance for the mean's division. */
START_TEST(core_time_is_conserved)
{
  make_everything();
  simulate(50 * HD_MS);
  hd_time sum = 0;
  uint64_t preempted = 0;
  for (unsigned i = 0; i < world.n; i++) {
    struct vcpu_stats st = stats(i);
    ck_assert(world.guests[i].finished > 0 && !world.guests[i].vcpu.on_core);
    sum += st.guest_time + st.host_time;
    preempted += st.exits[EXIT_PREEMPT];
  }
  ck_assert_uint_ge(preempted, 50); /* else this would prove little */
  ck_assert_double_eq_tol(core_time(), (double)sum, 1.0);
}
END_TEST

START_TEST(windows_add_up)
{
  int64_t whole = in_child(time_used, 0, HD_TIME_NEVER);
  int64_t cut = 2 * HD_MS + 345678;
  ck_assert_int_eq(in_child(time_used, 0, cut) +
                       in_child(time_used, cut, HD_TIME_NEVER),
                   whole);
}
END_TEST

static int64_t fingerprint(int64_t window, int64_t shuffle)
{
  make_everything();
  simulate_with(50 * HD_MS, window, (uint32_t)shuffle);
  struct hd_engine_report report;
  hd_engine_get_report(world.engine, &report);
  ck_assert_uint_ge(report.events, 5000);
  uint64_t f = report.fingerprint;
  for (unsigned i = 0; i < world.n; i++)
    f = hd_mix64(f ^ (uint64_t)stats(i).guest_time) +
        hd_mix64((uint64_t)stats(i).host_time) +
        (uint64_t)world.guests[i].finished;
  return (int64_t)f;
}

START_TEST(window_changes_nothing)
{
  int64_t expected = in_child(fingerprint, 0, 0);
  ck_assert_int_eq(in_child(fingerprint, 100 * HD_NS, 0), expected);
  ck_assert_int_eq(in_child(fingerprint, 1 * HD_US, 0), expected);
  ck_assert_int_eq(in_child(fingerprint, 0, 5), expected);
  ck_assert_int_eq(in_child(fingerprint, 100 * HD_NS, 9), expected);
}
END_TEST

/* -- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *suite = suite_create("cpu sharing");
  TCase *c = tcase_create("sharing");
  suite_add_tcase(suite, c);
  tcase_set_timeout(c, 120);
  tcase_add_test(c, two_vcpus_alternate);
  tcase_add_test(c, eight_vcpus_share_a_core);
  tcase_add_test(c, handler_is_preempted);
  tcase_add_test(c, poller_makes_room);
  tcase_add_test(c, end_of_polling_is_told);
  tcase_add_test(c, preempted_before_it_runs);
  tcase_add_test(c, post_to_a_waiting_vcpu);
  tcase_add_test(c, core_time_is_conserved);
  tcase_add_test(c, windows_add_up);
  tcase_add_test(c, window_changes_nothing);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
