/*
 * test_migration_fault.c - live migration: what goes wrong.
 *
 * Whatever fails and whenever, the VM runs at exactly one side afterwards, with
 * its devices, and the report says what happened. Versions are intact: at the
 * source none was lost (its own array is never written by the migration), and
 * if the VM runs at the destination all are equal (checked in every run).
 *
 * Not proved here: failures of the management network, which is reliable.
 */
#include "tests/test_migration.h"

static void busy_bench(struct bench *b)
{
  bench_defaults(b);
  b->memory = 64 * MIB;
  b->load =
      (struct migration_load){.rate = 5e4, .first = LIVE_PAGES, .pages = 12000};
  b->params.downtime_limit = 5 * HD_MS;
  b->params.chunk = 1 * MIB;
  b->n_devices = 2;
  b->device[0] =
      (struct device_robot){.queues = 4, .live = true, .gap = 20 * HD_US};
  b->device[1] = (struct device_robot){.image = true, .state = 1 * MIB};
}

static bool paused(const struct outcome *o)
{
  return o->report.paused_at > 0;
}

/* ---- the link ------------------------------------------------------------ */

static void check_cut(struct bench *b, hd_time cut, int *failed)
{
  b->cut = cut;
  struct outcome *o = bench_run(b);
  ck_assert_uint_le(o->miscounted, 2); /* told when nobody listens any more */
  if (o->report.outcome == MIGRATION_COMPLETED) {
    assert_completed(b, o);
    ck_assert_uint_eq(o->miscounted, 0);
  } else {
    assert_at_source(b, o, MIGRATION_FAILED);
    assert_says(o, "the link between the hosts was cut");
    ck_assert_int_ge(o->report.end, cut);
    ++*failed;
  }
  ck_assert_uint_eq(o->runs[0] + o->runs[1], 1);
  munmap(o, sizeof *o);
}

/* Cut at any time: in the rounds, and closely spaced in the stop phase. The VM
 * goes on at the source if and only if anything was still to be sent. */
START_TEST(test_link_cut)
{
  enum { TIMES = 24 };
  struct bench b;
  busy_bench(&b);
  const struct migration_report r = bench_run(&b)->report;
  int failed = 0, early;
  for (int i = 0; i < TIMES; i++)
    check_cut(&b, r.begin + (r.paused_at - r.begin) * i / TIMES + 1, &failed);
  ck_assert_int_eq(failed, TIMES);
  early = failed;
  for (int i = 0; i < 2 * TIMES; i++)
    check_cut(&b, r.paused_at + r.downtime.total * i / (2 * TIMES) + 1,
              &failed);
  ck_assert_int_gt(failed, early); /* before the last state was sent */
  ck_assert_int_lt(failed, early + 2 * TIMES); /* after it */
}
END_TEST

START_TEST(test_link_cut_before)
{
  struct bench b;
  busy_bench(&b);
  b.cut = 0;
  struct outcome *o = bench_run(&b);
  assert_at_source(&b, o, MIGRATION_FAILED);
  ck_assert_uint_eq(o->report.bytes, 0);
  ck_assert(!paused(o));
}
END_TEST

/* ---- the destination ----------------------------------------------------- */

START_TEST(test_out_of_resources)
{
  struct bench b;
  busy_bench(&b);
  b.device[0].refuses_create = 3;
  b.params.precreate = _i == 0;
  struct outcome *o = bench_run(&b);
  assert_at_source(&b, o, MIGRATION_FAILED);
  assert_says(o, "nic0 is out of resources at the destination");
  ck_assert_uint_eq(o->device[0][1].destroyed, 1);
  /* found out before anything was sent, or after all was */
  ck_assert(paused(o) == !b.params.precreate);
  ck_assert((o->report.bytes > 0) == !b.params.precreate);
  ck_assert((o->report.downtime.total > 0) == !b.params.precreate);
}
END_TEST

START_TEST(test_resume_refused)
{
  struct bench b;
  busy_bench(&b);
  b.device[0].refuses_resume = 2;
  struct outcome *o = bench_run(&b);
  assert_at_source(&b, o, MIGRATION_FAILED);
  assert_says(o, "nic0 refused to resume");
  ck_assert_uint_eq(o->device[0][0].suspended, 4);
  ck_assert_uint_eq(o->device[0][0].resumed, 4);
}
END_TEST

START_TEST(test_guest_does_not_start)
{
  struct bench b;
  busy_bench(&b);
  b.refuses_start = true;
  struct outcome *o = bench_run(&b);
  assert_at_source(&b, o, MIGRATION_FAILED);
  assert_says(o, "the guest could not be started at the destination");
  ck_assert_uint_eq(o->starts[0], 1);
}
END_TEST

START_TEST(test_guest_does_not_stop)
{
  struct bench b;
  busy_bench(&b);
  b.refuses_pause = true;
  struct outcome *o = bench_run(&b);
  assert_at_source(&b, o, MIGRATION_FAILED);
  assert_says(o, "the guest did not stop");
}
END_TEST

/* ---- the device ---------------------------------------------------------- */

/* A queue that does not suspend, live or not, serial or parallel: the others
 * are resumed, and the VM has stood still for the timeout. */
START_TEST(test_suspend_hangs)
{
  struct bench b;
  busy_bench(&b);
  b.device[0].live = _i & 1;
  b.params.commands =
      _i & 2 ? MIGRATION_COMMANDS_SERIAL : MIGRATION_COMMANDS_PARALLEL;
  b.device[0].hangs = 2;
  b.params.suspend_timeout = 200 * HD_MS;
  struct outcome *o = bench_run(&b);
  assert_at_source(&b, o, MIGRATION_FAILED);
  assert_says(o, "nic0 did not suspend in time");
  ck_assert_int_ge(o->report.downtime.suspend, 200 * HD_MS);
  ck_assert_int_le(o->report.downtime.total, 220 * HD_MS);
  ck_assert_uint_eq(o->device[1][0].suspended, 0); /* nobody got so far */
}
END_TEST

/* The run ends before the migration does: the report says so. */
START_TEST(test_run_ends)
{
  struct bench b;
  busy_bench(&b);
  b.limit = 70 * HD_MS;
  struct outcome *o = bench_run(&b);
  ck_assert_int_eq(o->status, 0);
  ck_assert_int_eq(o->report.outcome, MIGRATION_PENDING);
  assert_says(o, "not over when the run ended");
}
END_TEST

/* Failures are as deterministic as success. */
START_TEST(test_order_invariance)
{
  struct bench b;
  busy_bench(&b);
  const struct migration_report r = bench_run(&b)->report;
  b.cut = r.paused_at + r.downtime.stop + r.downtime.suspend + 500 * HD_US;
  struct outcome *first = bench_run(&b);
  assert_at_source(&b, first, MIGRATION_FAILED);
  ck_assert(paused(first));
  for (uint32_t i = 1; i < 5; i++) {
    b.window = i % 2 ? 0 : 10 * HD_US;
    b.shuffle = i;
    ck_assert_mem_eq(bench_run(&b), first, sizeof *first);
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("migration_fault");
  TCase *t = tcase_create("fault");
  tcase_set_timeout(t, 300);
  tcase_add_test(t, test_link_cut);
  tcase_add_test(t, test_link_cut_before);
  tcase_add_loop_test(t, test_out_of_resources, 0, 2);
  tcase_add_test(t, test_resume_refused);
  tcase_add_test(t, test_guest_does_not_start);
  tcase_add_test(t, test_guest_does_not_stop);
  tcase_add_loop_test(t, test_suspend_hangs, 0, 4);
  tcase_add_test(t, test_run_ends);
  tcase_add_test(t, test_order_invariance);
  suite_add_tcase(s, t);
  return run_suite(s);
}
