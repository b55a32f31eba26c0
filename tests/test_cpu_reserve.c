/*
 * test_cpu_reserve.c - cores that belong to one vCPU alone.
 *
 * A green run says that nobody else is ever put on them and that the rest is
 * shared as if there were fewer cores. Where a host would pin such threads is
 * not modelled.
 */
#include "tests/test_cpu_guests.h"

/* The tests' vCPUs with the first `pins` pinned. */
static unsigned pins;

static void reserve(void)
{
  for (unsigned i = 0; i < pins; i++) {
    ck_assert_uint_eq(scheduler_cores_reserved(world.scheduler), i);
    ck_assert(scheduler_reserve_core(world.scheduler, i));
  }
  ck_assert_uint_eq(scheduler_cores_reserved(world.scheduler), pins);
}

static void make_pinned(unsigned cores, unsigned vcpus, unsigned n)
{
  make(cores, vcpus);
  pins = n;
  world.prepare = reserve;
}

/* Three cores, one reserved: four others get half a core each, the pinned one
 * its own, never interrupted. */
START_TEST(pinned_one_has_its_core)
{
  make_pinned(3, 5, 1);
  for (unsigned i = 0; i < 5; i++)
    world.guests[i].main = run_in_steps;
  simulate(400 * SLICE);
  ck_assert_int_eq(stats(0).guest_time, 400 * SLICE - START);
  ck_assert_uint_eq(stats(0).exits[EXIT_PREEMPT], 0);
  double sum = 0;
  for (unsigned i = 1; i < 5; i++)
    sum += (double)stats(i).guest_time;
  for (unsigned i = 1; i < 5; i++) /* to a slice in 200 */
    ck_assert_double_eq_tol((double)stats(i).guest_time / sum, 0.25, 0.005);
  ck_assert_double_le(sum, 800.0 * SLICE);
  ck_assert_double_ge(sum, 790.0 * SLICE); /* 7 us a switch, start */
}
END_TEST

static void work_and_rest(struct guest *g)
{
  for (;;) {
    vcpu_run(&g->vcpu, 20000);
    vcpu_idle(&g->vcpu, now(g) + 80 * HD_US);
    g->rounds++;
  }
}

/* While the pinned one rests, its core idles and others wait; it is back on its
 * core in the time that a waking vCPU needs, each time. */
START_TEST(nobody_borrows_the_core)
{
  make_pinned(2, 3, 1);
  world.guests[0].main = work_and_rest;
  world.guests[1].main = world.guests[2].main = run_in_steps;
  simulate(100 * SLICE);
  /* idle() wakes at its time: QUEUE to the scheduler, WAKE, entry; then work.
   * Out: exit and HLT are before `until`. */
  hd_time round = 20 * HD_US + 80 * HD_US + QUEUE + WAKE + EXIT_OUT;
  ck_assert_int_eq(world.guests[0].rounds, (100 * SLICE - START) / round);
  struct vcpu_stats a = stats(1), b = stats(2);
  ck_assert_int_le(a.guest_time + b.guest_time, 100 * SLICE);
  ck_assert_int_ge(a.guest_time + b.guest_time, 98 * SLICE);
  ck_assert_uint_eq(host_stats().migrations, 0);
}
END_TEST

/* Halt polling on a reserved core goes on though others wait. */
START_TEST(polling_goes_on_while_others_wait)
{
  make_pinned(2, 3, 1);
  world.params.halt_poll = 200 * HD_US;
  world.params.halt_poll_start = 200 * HD_US;
  world.guests[0].main = work_and_rest;
  world.guests[1].main = world.guests[2].main = run_in_steps;
  simulate(100 * SLICE);
  hd_time polled = scheduler_polled(world.scheduler, 0, 100 * SLICE);
  /* From the second rest on: 80 us less EXIT_IN, HLT and the way. */
  int64_t rests = world.guests[0].rounds;
  ck_assert_int_gt(rests, 900);
  ck_assert_int_ge(polled, (rests - 1) * (79 * HD_US));
  ck_assert_int_le(polled, (rests + 1) * (80 * HD_US));
  ck_assert_uint_eq(stats(0).exits[EXIT_PREEMPT], 0);
}
END_TEST

/* One core must be left for others; refusing changes nothing. */
static void reserve_too_many(void)
{
  ck_assert(scheduler_reserve_core(world.scheduler, 0));
  ck_assert(scheduler_reserve_core(world.scheduler, 3));
  ck_assert(!scheduler_reserve_core(world.scheduler, 1));
  ck_assert_uint_eq(scheduler_cores_reserved(world.scheduler), 2);
}

START_TEST(last_core_is_not_given)
{
  make(3, 4);
  world.prepare = reserve_too_many;
  for (unsigned i = 0; i < 4; i++)
    world.guests[i].main = run_in_steps;
  simulate(20 * SLICE);
  ck_assert_int_eq(stats(0).guest_time, 20 * SLICE - START);
  ck_assert_int_eq(stats(3).guest_time, 20 * SLICE - START - 3 * HD_US);
  ck_assert_uint_gt(stats(1).exits[EXIT_PREEMPT], 5);
}
END_TEST

/* The rest is as good as a host with fewer cores. */
static int64_t share(int64_t reserved, int64_t fewer)
{
  make_pinned((unsigned)(4 - fewer), 7, (unsigned)reserved);
  for (unsigned i = 0; i < 7; i++)
    world.guests[i].main = run_in_steps;
  if (reserved == 0)
    for (unsigned i = 0; i < 2; i++)
      world.fabric.boot[i] = 500 * SLICE; /* not there */
  simulate(100 * SLICE);
  int64_t sum = 0;
  for (unsigned i = 2; i < 7; i++)
    sum += stats(i).guest_time;
  return sum;
}

START_TEST(rest_is_a_smaller_host)
{
  int64_t with = in_child(share, 2, 0), without = in_child(share, 0, 2);
  /* Where each starts differs: up to a few switches and waits of a slice. */
  ck_assert_int_le(llabs(with - without), without / 200);
}
END_TEST

START_TEST(pinned_twice_is_a_mistake)
{
  make(4, 2);
  pins = 1;
  world.prepare = reserve;
  simulate(10 * HD_US);
  scheduler_reserve_core(world.scheduler, 0);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("cpu reserve");
  TCase *t = tcase_create("reserve");
  suite_add_tcase(suite, t);
  tcase_set_timeout(t, 120);
  tcase_add_test(t, pinned_one_has_its_core);
  tcase_add_test(t, nobody_borrows_the_core);
  tcase_add_test(t, polling_goes_on_while_others_wait);
  tcase_add_test(t, last_core_is_not_given);
  tcase_add_test(t, rest_is_a_smaller_host);
  tcase_add_exit_test(t, pinned_twice_is_a_mistake, HD_EXIT_INTERNAL);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
