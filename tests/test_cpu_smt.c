/*
 * test_cpu_smt.c - logical cores that are threads of one physical core.
 *
 * A green run says that a thread's speed changes when its sibling begins or
 * ceases to work, to the picosecond, and that whole cores are given first. How
 * much two threads get in each other's way is a parameter, the same for all
 * code: mixes of instructions are not modelled.
 */
#include "tests/test_cpu_guests.h"

#define WORK (100 * HD_US) /* at full speed */

static void make_threads(unsigned cores, unsigned vcpus, double speed)
{
  make(cores, vcpus);
  world.params.threads = 2;
  world.params.smt_speed = speed;
}

static void work(struct guest *g)
{
  vcpu_run(&g->vcpu, WORK / HD_NS);
}

/* Nobody on the other thread: as without SMT. */
START_TEST(alone_it_has_full_speed)
{
  make_threads(2, 1, 0.5);
  world.guests[0].main = work;
  simulate(HD_MS);
  ck_assert_int_eq(world.guests[0].began, START);
  ck_assert_int_eq(world.guests[0].finished - START, WORK);
}
END_TEST

/* Both are woken at once: the first one's run is granted before the second
 * works, but it hears of it before it begins (SHARE overtakes RUN). */
START_TEST(two_share_from_the_start)
{
  make_threads(2, 2, 0.5);
  world.fabric.boot[1] = BOOT;
  world.guests[0].main = world.guests[1].main = work;
  simulate(HD_MS);
  hd_time began = BOOT + WAKE + 2 * (SWITCH + EXIT_OUT);
  for (int i = 0; i < 2; i++)
    ck_assert_int_eq(world.guests[i].began, began);
  ck_assert_int_eq(world.guests[0].finished - began, 2 * WORK);
}
END_TEST

/* From the moment at which it hears of the sibling, what remains takes twice as
 * long. */
START_TEST(sibling_begins)
{
  make_threads(2, 2, 0.5);
  hd_time begins = START + 40 * HD_US;
  world.fabric.boot[1] = begins;
  world.guests[0].main = work;
  world.guests[1].main = run_for_ever;
  simulate(HD_MS);
  hd_time heard = begins + QUEUE;
  ck_assert_int_eq(world.guests[0].finished,
                   heard + 2 * (WORK - (heard - START)));
}
END_TEST

/* The sibling halts; its core is free when its BLOCK has come. */
START_TEST(sibling_ceases)
{
  make_threads(2, 2, 0.5);
  world.fabric.boot[1] = BOOT;
  world.guests[0].main = work;
  world.guests[1].main = run_ten_us;
  simulate(HD_MS);
  hd_time began = world.guests[0].began;
  hd_time heard = began + 2 * (10 * HD_US + EXIT_IN + HLT) + 2 * QUEUE;
  ck_assert_int_eq(world.guests[0].finished,
                   heard + WORK - (heard - began) / 2);
}
END_TEST

static void rest_mostly(struct guest *g)
{
  for (;;) {
    vcpu_run(&g->vcpu, 1000);
    vcpu_idle(&g->vcpu, now(g) + 100 * HD_US);
  }
}

static int64_t rounds_beside(int64_t halt_poll, int64_t speed)
{
  make_threads(2, 2, (double)speed / 100);
  world.params.halt_poll = world.params.halt_poll_start = halt_poll;
  if (halt_poll == 0)
    world.params.halt_poll_start = 10 * HD_US;
  world.guests[0].main = run_in_steps;
  world.guests[1].main = rest_mostly;
  simulate(20 * SLICE);
  return world.guests[0].rounds;
}

/* A thread that only polls takes nothing from its sibling: of each 100 us the
 * other one works for some 3 (run, exits) at half speed, polling or not. */
START_TEST(polling_does_not_count)
{
  int64_t halting = in_child(rounds_beside, 0, 50);
  int64_t polling = in_child(rounds_beside, 200 * HD_US, 50);
  int64_t alone = in_child(rounds_beside, 0, 100);
  ck_assert_int_lt(halting, alone);
  ck_assert_int_gt(halting, alone * 95 / 100);
  ck_assert_int_ge(polling, halting); /* its wake-ups are shorter */
  ck_assert_int_lt(polling, alone);
}
END_TEST

static void measure(struct guest *g)
{
  vcpu_run(&g->vcpu, 10000);
  g->time[0] = now(g);
  run_for_ever(g);
}

/* Siblings are 0 and 2, 1 and 3. vCPU 2's home is the sibling of a busy core,
 * so it is put on a whole one; vCPU 1, for whom none is left, shares. */
START_TEST(whole_cores_first)
{
  make_threads(4, 3, 0.5);
  world.fabric.boot[2] = BOOT + 100 * HD_US;
  world.fabric.boot[1] = BOOT + 300 * HD_US;
  for (int i = 0; i < 3; i++)
    world.guests[i].main = measure;
  simulate(HD_MS);
  const struct guest *g = world.guests;
  ck_assert_int_eq(g[0].time[0] - g[0].began, 10 * HD_US);
  ck_assert_int_eq(g[2].time[0] - g[2].began, 10 * HD_US);
  ck_assert_int_eq(g[1].time[0] - g[1].began, 20 * HD_US);
}
END_TEST

/* Two threads together do 1.24 times as much as one; to a round of each. */
START_TEST(throughput_of_a_core)
{
  make_threads(2, 2, 0.62);
  world.fabric.boot[1] = BOOT;
  world.guests[0].main = world.guests[1].main = run_in_steps;
  simulate(20 * SLICE);
  double sum = (double)world.guests[0].rounds + (double)world.guests[1].rounds;
  double time = (double)(20 * SLICE - world.guests[0].began);
  ck_assert_double_eq_tol(sum, 1.24 * time / (10.0 * HD_US), 2);
}
END_TEST

static int64_t outcome(int64_t window, int64_t shuffle)
{
  make_threads(4, 7, 0.62);
  world.params.halt_poll = 50 * HD_US;
  world.fabric.stream = POST;
  world.fabric.period = 7 * HD_US;
  world.fabric.stream_length = 500;
  for (int i = 0; i < 7; i++) {
    world.guests[i].main = i % 2 ? rest_mostly : run_in_steps;
    world.guests[i].handler_cycles = 700;
  }
  simulate_with(10 * SLICE, window, (uint32_t)shuffle);
  int64_t sum = 0;
  for (unsigned i = 0; i < 7; i++)
    sum += stats(i).guest_time * (2 * i + 1);
  return sum;
}

START_TEST(same_for_any_window_and_order)
{
  int64_t one = in_child(outcome, 100 * HD_NS, 0);
  ck_assert_int_eq(in_child(outcome, 0, 0), one);
  ck_assert_int_eq(in_child(outcome, HD_US, 99), one);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("SMT");
  TCase *c = tcase_create("threads");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, alone_it_has_full_speed);
  tcase_add_test(c, two_share_from_the_start);
  tcase_add_test(c, sibling_begins);
  tcase_add_test(c, sibling_ceases);
  tcase_add_test(c, polling_does_not_count);
  tcase_add_test(c, whole_cores_first);
  tcase_add_test(c, throughput_of_a_core);
  tcase_add_test(c, same_for_any_window_and_order);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_ENV);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
