/*
 * test_cpu_scheduler.c - the host scheduler: waking, fair sharing, latency,
 * stealing.
 *
 * Each test has times that follow from the parameters in test_cpu_robots.h. A
 * green run says that order, placement and times are as scheduler.h states. It
 * does not say that Linux behaves so, nor that vcpu.c answers like a robot
 * (test_cpu_vcpu.c).
 */
#include "tests/test_cpu_robots.h"

/* -- the queue ----------------------------------------------------------- */

START_TEST(queue_is_ordered)
{
  struct run_queue q = {0};
  for (uint32_t i = 0; i < 1000; i++)
    run_queue_push(&q,
                   (struct run_queue_entry){(hd_time)(hd_mix64(i) % 50), i});
  struct run_queue_entry last = {-1, 0};
  for (unsigned i = 0; i < 1000; i++) {
    ck_assert_uint_eq(q.count, 1000 - i);
    struct run_queue_entry e = run_queue_pop(&q);
    ck_assert(e.vruntime > last.vruntime ||
              (e.vruntime == last.vruntime && e.vcpu > last.vcpu));
    last = e;
  }
  run_queue_terminate(&q);
}
END_TEST

/* -- waking -------------------------------------------------------------- */

START_TEST(wake_to_idle_core_is_exact)
{
  make(3, 2);
  struct robot *r = &world.robots[1];
  r->first = 10 * HD_US;
  r->work = 5 * HD_US;
  r->rest = 20 * HD_US;
  simulate(100 * HD_US);
  ck_assert_uint_ge(r->runs, 2);
  ck_assert_int_eq(r->log[0].since, 10 * HD_US + QUEUE);
  ck_assert_int_eq(r->log[0].when, 10 * HD_US + QUEUE + WAKE);
  ck_assert_uint_eq(r->log[0].core, 1);
  ck_assert_uint_eq(r->log[0].cold, 1); /* nobody's state was on the core */
  ck_assert_int_eq(r->log[1].latency, QUEUE + WAKE);
  ck_assert_int_eq(r->log[1].when - r->log[0].when,
                   5 * HD_US + 20 * HD_US + QUEUE + WAKE);
  ck_assert_uint_eq(r->log[1].core, 1); /* its previous core, of three */
  ck_assert_uint_eq(r->log[1].cold, 0);
  ck_assert_uint_eq(world.robots[0].runs, 0);
  ck_assert_uint_eq(stats().migrations, 0);
}
END_TEST

/* A wake around the arrival of BLOCK at the scheduler: never lost, and never
 * one run too many. Before: runs again at once. After: as any wake, or at once
 * if it polls. */
START_TEST(wake_that_crosses_block)
{
  hd_time block = 10 * HD_US + QUEUE + WAKE + 5 * HD_US + QUEUE;
  hd_time shift = _i % 5 - 2; /* -2 .. 2 ps */
  bool polls = _i >= 5;
  make(1, 1);
  struct robot *r = &world.robots[0];
  r->first = 10 * HD_US;
  r->work = 5 * HD_US;
  r->poll = polls ? 20 * HD_US : 0;
  script(block + shift, MSG_SCHED_WAKE, 0, 0);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(r->runs, 2);
  if (shift < 0)
    ck_assert_int_eq(r->log[1].when, block + QUEUE);
  else if (shift > 0)
    ck_assert_int_eq(r->log[1].when, block + shift + (polls ? QUEUE : WAKE));
  else /* the same time: either order is right, a loss is not */
    ck_assert(r->log[1].when == block + QUEUE ||
              r->log[1].when == block + WAKE);
  ck_assert_uint_eq(r->log[1].cold, 0);
}
END_TEST

START_TEST(wake_of_a_waiting_one_is_met_by_its_run)
{
  make(1, 2);
  world.robots[0].first = 0;
  world.robots[0].work = 3 * SLICE;
  world.robots[1].first = 10 * HD_US;
  world.robots[1].work = 5 * HD_US;
  script(20 * HD_US, MSG_SCHED_WAKE, 1, 0);
  script(30 * HD_US, MSG_IRQ_WAKE, 1, 0);
  simulate(20 * SLICE);
  ck_assert_uint_eq(world.robots[1].runs, 1);
}
END_TEST

/* Woken while running, then pre-empted: the next run meets the wake, so that
 * its BLOCK, later, is final. */
START_TEST(wake_before_preemption_is_met_by_the_next_run)
{
  make(1, 2);
  world.robots[0].first = 0;
  world.robots[1].first = 10 * HD_US;
  world.robots[1].work = 5 * SLICE / 2;
  script(3 * SLICE / 2, MSG_SCHED_WAKE, 1, 0); /* in its first slice */
  simulate(20 * SLICE);
  ck_assert_int_lt(world.robots[1].log[0].when, 3 * SLICE / 2);
  ck_assert_uint_eq(world.robots[1].preempts, 2);
  ck_assert_uint_eq(world.robots[1].runs, 3);
}
END_TEST

/* A vCPU's wake for itself carries its run; a later run makes it void. */
START_TEST(own_wake_is_void_after_a_later_run)
{
  make(1, 1);
  world.robots[0].first = 0;
  world.robots[0].work = 50 * HD_US;
  script(10 * HD_US, MSG_SCHED_WAKE, 0, 7); /* not the current run */
  simulate(1 * HD_MS);
  ck_assert_uint_eq(world.robots[0].runs, 1);
}
END_TEST

START_TEST(own_wake_for_the_last_run_counts)
{
  make(1, 1);
  world.robots[0].first = 0;
  world.robots[0].work = 50 * HD_US;
  script(100 * HD_US, MSG_SCHED_WAKE, 0, 1);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(world.robots[0].runs, 2);
}
END_TEST

START_TEST(any_idle_core_before_waiting)
{
  make(70, 71); /* more than one word of the bit map */
  for (unsigned i = 0; i < 71; i++)
    world.robots[i].first = i * HD_US;
  world.robots[70].first = 0; /* its core 0 is taken by robot 0 */
  simulate(SLICE / 2);
  uint64_t seen[2] = {0, 0};
  unsigned runs = 0;
  for (unsigned i = 0; i < 71; i++) {
    runs += world.robots[i].runs;
    if (world.robots[i].runs == 1)
      seen[world.robots[i].log[0].core / 64] |=
          (uint64_t)1 << (world.robots[i].log[0].core % 64);
  }
  ck_assert_uint_eq(runs, 70);
  ck_assert_uint_eq(seen[0], UINT64_MAX);
  ck_assert_uint_eq(seen[1], 0x3f);
  ck_assert_double_eq_tol(stats().cores_busy, 70, 70 * 0.15); /* starting */
}
END_TEST

/* -- sharing a core ------------------------------------------------------ */

/* Between YIELD sent and the next RUN received lie two queue latencies; all
 * other time of the core is used. */
START_TEST(two_hogs_alternate)
{
  make(1, 2);
  world.robots[0].first = world.robots[1].first = 0;
  hd_time end = 100 * SLICE;
  simulate(end);
  hd_time a = used(0, end), b = used(1, end);
  ck_assert_int_le(llabs(a - b), SLICE + 10 * HD_US);
  unsigned runs = world.robots[0].runs + world.robots[1].runs;
  hd_time lost = QUEUE + WAKE + (runs - 1) * 2 * QUEUE;
  ck_assert_int_eq(a + b, end - lost);
  /* A slice each: a core changes hands after SLICE, the kick and the queue. */
  ck_assert_uint_ge(runs, 98);
  ck_assert_uint_le(runs, 101);
  ck_assert_uint_eq(stats().preemptions, runs - 1);
  ck_assert_uint_eq(stats().switches, runs);
  ck_assert_int_le(stats().wait_max, SLICE + 10 * HD_US);
}
END_TEST

START_TEST(eight_hogs_get_an_eighth)
{
  make(1, 8);
  for (unsigned i = 0; i < 8; i++)
    world.robots[i].first = i * HD_US;
  hd_time end = 1600 * SLICE; /* 200 rounds: one slice is 0.5 % of a share */
  simulate(end);
  for (unsigned i = 0; i < 8; i++)
    ck_assert_double_eq_tol((double)used(i, end) / (double)end, 0.125, 0.00125);
}
END_TEST

START_TEST(no_timer_and_no_preemption_alone)
{
  make(1, 1);
  world.robots[0].first = 0;
  simulate(100 * SLICE);
  struct hd_engine_report report;
  hd_engine_get_report(world.engine, &report);
  ck_assert_uint_eq(stats().preemptions, 0);
  ck_assert_uint_eq(report.events, 3); /* robot's timer, WAKE, RUN */
}
END_TEST

/* A sleeper is placed `sleeper_credit` before the others: more than the
 * granularity pre-empts at once, less waits for the slice's end. */
START_TEST(sleeper_preempts_by_its_credit)
{
  hd_time credit = _i == 0 ? 3 * HD_MS + 1 : 3 * HD_MS - 1;
  make(1, 2);
  world.params.timeslice = 10 * HD_MS;
  world.params.wakeup_granularity = 3 * HD_MS;
  world.params.sleeper_credit = credit;
  world.robots[0].first = 0;
  world.robots[1].first = 5 * HD_MS;
  simulate(40 * HD_MS);
  hd_time given = QUEUE; /* of the hog's core */
  if (_i == 0)
    ck_assert_int_eq(world.robots[1].log[0].when,
                     5 * HD_MS + QUEUE + IPI + 2 * QUEUE);
  else
    ck_assert_int_eq(world.robots[1].log[0].when,
                     given + 10 * HD_MS + IPI + 2 * QUEUE);
}
END_TEST

/* One that has had less runs for longer than a slice, until it has had as
 * much. */
START_TEST(arrears_are_made_up)
{
  make(1, 2);
  world.params.wakeup_granularity = 100 * SLICE; /* no pre-emption by it */
  world.params.sleeper_credit = 5 * SLICE;
  world.robots[0].first = 0;
  world.robots[1].first = 20 * SLICE;
  simulate(60 * SLICE);
  struct robot *r = &world.robots[1];
  hd_time stay = r->log[1].since - r->log[0].since;
  ck_assert_int_gt(stay, 5 * SLICE + SLICE);
  ck_assert_int_lt(stay, 7 * SLICE + 20 * HD_US);
}
END_TEST

/* Virtual times of two cores differ: 40 ms on the one with a single hog, 10 ms
 * on the one with four. Who moves gets its new core's, or it would keep the
 * core to itself for 30 ms. */
START_TEST(moving_keeps_the_distance)
{
  make(2, 8);
  for (unsigned i = 0; i < 8; i += 2)
    world.robots[i].first = 0;
  world.robots[1].first = 0;
  world.robots[1].work = 40 * HD_MS; /* then its core steals a hog */
  world.robots[3].first = 45 * HD_MS;
  simulate(100 * HD_MS);
  ck_assert_uint_ge(stats().migrations, 1);
  ck_assert_uint_eq(world.robots[3].log[0].core, 1);
  ck_assert_int_le(world.robots[3].log[0].latency, SLICE + 10 * HD_US);
}
END_TEST

/* -- latency under overcommit --------------------------------------------- */

static int by_time(const void *a, const void *b)
{
  hd_time x = *(const hd_time *)a, y = *(const hd_time *)b;
  return (x > y) - (x < y);
}

/* p99 over all robots of wake to run. Each wants a core 5/6 of the time, so
 * with n on one core the demand is 5n/6. */
static int64_t wake_p99(int64_t robots, int64_t slice)
{
  static hd_time all[MAX_ROBOTS * MAX_RUNS];
  size_t n = 0;
  make(1, (unsigned)robots);
  world.params.timeslice = slice;
  world.params.wakeup_granularity = 4 * HD_MS;
  for (unsigned i = 0; i < world.n; i++) {
    world.robots[i].first = i * 100 * HD_US;
    world.robots[i].work = 5 * HD_MS;
    world.robots[i].rest = 1 * HD_MS;
    world.robots[i].varies = true;
  }
  simulate(10 * HD_S);
  for (unsigned i = 0; i < world.n; i++)
    for (unsigned k = 0; k < world.robots[i].runs && k < MAX_RUNS; k++)
      if (world.robots[i].log[k].latency >= 0)
        all[n++] = world.robots[i].log[k].latency;
  ck_assert_uint_ge(n, 1000);
  qsort(all, n, sizeof *all, by_time);
  return all[n * 99 / 100];
}

START_TEST(latency_grows_with_overcommit)
{
  int64_t one = in_child(wake_p99, 1, SLICE);
  int64_t two = in_child(wake_p99, 2, SLICE);
  int64_t eight = in_child(wake_p99, 8, SLICE);
  ck_assert_int_eq(one, QUEUE + WAKE); /* never waits for anybody */
  ck_assert_int_gt(two, 100 * one);
  ck_assert_int_gt(eight, 3 * two); /* seven before it instead of one */
}
END_TEST

START_TEST(latency_grows_with_the_timeslice)
{
  int64_t shorter = in_child(wake_p99, 8, SLICE / 4);
  int64_t middle = in_child(wake_p99, 8, SLICE);
  int64_t longer = in_child(wake_p99, 8, 3 * SLICE);
  ck_assert_int_gt(middle, 2 * shorter);
  ck_assert_int_gt(longer, 2 * middle);
}
END_TEST

/* -- stealing ------------------------------------------------------------ */

START_TEST(idle_core_steals)
{
  make(2, 4); /* 0 and 2 belong to core 0, 1 and 3 to core 1 */
  for (unsigned i = 0; i < 4; i++)
    world.robots[i].first = i * HD_US;
  world.robots[1].work = world.robots[3].work = 2 * SLICE;
  hd_time end = 104 * SLICE;
  simulate(end);
  /* From about 4 slices on, 0 and 2 have a core each. */
  ck_assert_double_eq_tol((double)used(0, end), 102.0 * (double)SLICE,
                          1.1 * (double)SLICE);
  ck_assert_double_eq_tol((double)used(2, end), 102.0 * (double)SLICE,
                          1.1 * (double)SLICE);
  ck_assert_uint_eq(stats().migrations, 1);
}
END_TEST

START_TEST(no_core_idles_while_somebody_waits)
{
  make(4, 10);
  for (unsigned i = 0; i < 10; i++) {
    world.robots[i].first = i * HD_US;
    if (i < 5) {
      world.robots[i].work = (i + 1) * 137 * HD_US;
      world.robots[i].rest = (i + 1) * 53 * HD_US;
    }
  }
  world.window.start = 20 * HD_US; /* five hogs for four cores are there */
  hd_time end = 1 * HD_S;
  simulate(end);
  ck_assert_double_eq_tol(stats().cores_busy, 4, 1e-12);
  hd_time sum = 0, least = HD_TIME_NEVER;
  for (unsigned i = 0; i < 10; i++) {
    sum += used(i, end);
    if (i >= 5)
      least = hd_time_min(least, used(i, end));
  }
  ck_assert_int_gt(sum, 4 * end / 100 * 99); /* the rest is switching */
  ck_assert_int_gt(least, end / 10 * 3);     /* a tenth of four cores is 0.4 */
}
END_TEST

/* -- invariance ---------------------------------------------------------- */

static int64_t fingerprint(int64_t window, int64_t shuffle)
{
  make(3, 11);
  world.params.sleeper_credit = 2 * SLICE;
  for (unsigned i = 0; i < 11; i++) {
    struct robot *r = &world.robots[i];
    r->first = (i % 3) * HD_US; /* many at the same time */
    r->poll = i == 4 || i == 7 ? 60 * HD_US : 0;
    if (i > 2) {
      r->work = (i % 4 + 1) * 150 * HD_US;
      r->rest = (i % 5 + 1) * 100 * HD_US;
    }
  }
  for (unsigned i = 0; i < MAX_SCRIPT; i++)
    script((i + 1) * HD_MS, i % 2 ? MSG_IRQ_HOST : MSG_IRQ_WAKE, i % 11, 0);
  simulate_with(50 * HD_MS, window, (uint32_t)shuffle);
  struct hd_engine_report report;
  hd_engine_get_report(world.engine, &report);
  ck_assert_uint_ge(report.events, 1000);
  return (int64_t)report.fingerprint;
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

/* -- parameters ---------------------------------------------------------- */

START_TEST(table_is_complete)
{
  size_t n = 0;
  for (const struct hd_param *p = cpu_param_table.params; p->name; p++, n++) {
    ck_assert_msg(p->fallback && p->min && p->max, "%s has no range", p->name);
    ck_assert_msg(p->meaning && p->source && *p->source, "%s", p->name);
    for (const struct hd_param *q = cpu_param_table.params; q != p; q++) {
      ck_assert_str_ne(p->name, q->name);
      ck_assert_uint_ne(p->offset, q->offset);
    }
  }
  ck_assert_uint_eq(n * sizeof(int64_t), sizeof(struct cpu_params));
}
END_TEST

/* -- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *suite = suite_create("cpu scheduler");
  TCase *c = tcase_create("scheduler");
  suite_add_tcase(suite, c);
  tcase_set_timeout(c, 120);
  tcase_add_test(c, queue_is_ordered);
  tcase_add_test(c, wake_to_idle_core_is_exact);
  tcase_add_loop_test(c, wake_that_crosses_block, 0, 10);
  tcase_add_test(c, wake_of_a_waiting_one_is_met_by_its_run);
  tcase_add_test(c, wake_before_preemption_is_met_by_the_next_run);
  tcase_add_test(c, own_wake_is_void_after_a_later_run);
  tcase_add_test(c, own_wake_for_the_last_run_counts);
  tcase_add_test(c, any_idle_core_before_waiting);
  tcase_add_test(c, two_hogs_alternate);
  tcase_add_test(c, eight_hogs_get_an_eighth);
  tcase_add_test(c, no_timer_and_no_preemption_alone);
  tcase_add_loop_test(c, sleeper_preempts_by_its_credit, 0, 2);
  tcase_add_test(c, arrears_are_made_up);
  tcase_add_test(c, moving_keeps_the_distance);
  tcase_add_test(c, latency_grows_with_overcommit);
  tcase_add_test(c, latency_grows_with_the_timeslice);
  tcase_add_test(c, idle_core_steals);
  tcase_add_test(c, no_core_idles_while_somebody_waits);
  tcase_add_test(c, window_changes_nothing);
  tcase_add_test(c, table_is_complete);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
