/*
 * test_lifecycle.c - each mechanism of a start against its closed form.
 *
 * A green run says that the locks, queues, timers and cores are held for as
 * long as stated. It does not say that the costs are those of real machines.
 */
#include "tests/test_lifecycle.h"

#include <math.h>
#include <stdlib.h>

/* The scheduler's wake-ups, futexes and channels: a few us each. */
#define SLACK 0.05

/* ---- the lock and the reset ------------------------------------------------
 */

/* A sleep of 100 ms ends with the 27th tick of 4 ms from the one it begins in:
 * alone, 104 to 108 ms by phase. Anything shorter or longer fails. */
START_TEST(a_reset_sleeps_to_the_tick)
{
  struct rig_results r =
      rig_starts(LIFECYCLE_FUNCTION, "mode=sequential starts=100 "
                                     "restart_gap=50ms");
  ck_assert_uint_eq(r.starts, 100);
  ck_assert_double_ge(r.min, 104);
  ck_assert_double_le(r.max, 108 + SLACK);
  ck_assert_double_eq_tol(r.mean, 106, 0.5); /* 4 ms / sqrt(12 * 100) = 0.12 */
  ck_assert_double_ge(r.stop, 104);          /* closing resets, too */
  ck_assert_double_le(r.stop, 108 + SLACK);
}
END_TEST

/* With ticks of 1 ms the 101 ticks are in the wheel's second level, whose
 * buckets are 8 ticks: 101 to 109 ms alone, 104 from one's end to the next's.
 */
START_TEST(a_reset_sleeps_to_the_wheel_s_bucket)
{
  struct rig_results r =
      rig_starts(LIFECYCLE_FUNCTION, "mode=sequential starts=100 "
                                     "restart_gap=50ms tick=1ms");
  ck_assert_double_ge(r.min, 101);
  ck_assert_double_le(r.min, 103);
  ck_assert_double_ge(r.max, 107);
  ck_assert_double_le(r.max, 109 + SLACK);
  struct rig_results chain =
      rig_starts(LIFECYCLE_FUNCTION, "starts=10 tick=1ms");
  ck_assert_double_eq_tol(chain.span, 104.0 * 10, SLACK);
}
END_TEST

/* N at once: one after another, each from tick to tick, 108 ms. The mean is
 * that of 1..N, and all but one part of it is waiting. */
START_TEST(opens_wait_for_one_lock)
{
  for (int n = 1; n <= 20; n += 19) {
    struct rig_results r = rig_starts(LIFECYCLE_FUNCTION, "starts=%d", n);
    ck_assert_double_eq_tol(r.span, 108.0 * n, SLACK);
    ck_assert_double_eq_tol(r.mean, 108 * (n + 1) / 2.0, SLACK);
    ck_assert_double_eq_tol(r.wait_share[LIFECYCLE_WAIT_LOCK],
                            (n - 1.0) / (n + 1), 0.001);
    ck_assert_double_ge(r.lock_busy, 0.999);
  }
}
END_TEST

/* An interface has a set of its own: nobody waits for a lock. */
START_TEST(interfaces_open_side_by_side)
{
  struct rig_results one = rig_starts(LIFECYCLE_INTERFACE, "starts=1");
  struct rig_results many = rig_starts(LIFECYCLE_INTERFACE, "starts=20");
  ck_assert_double_eq(many.wait_share[LIFECYCLE_WAIT_LOCK], 0);
  ck_assert_double_eq(many.lock_busy, 0);
  /* 20 PASID commands of 40 us. */
  ck_assert_double_le(many.max, one.max + 20 * 0.040 + SLACK);
}
END_TEST

/* Nor functions with a set each, as in later kernels. */
START_TEST(sets_of_their_own_open_side_by_side)
{
  struct rig_results r =
      rig_starts(LIFECYCLE_FUNCTION, "starts=20 shared_set=false");
  ck_assert_double_eq(r.lock_busy, 0);
  ck_assert_double_le(r.max, 108 + SLACK);
}
END_TEST

/* A reset that the user asks for is one more, without the lock. */
START_TEST(user_s_reset_needs_no_lock)
{
  struct rig_results r = rig_starts(LIFECYCLE_FUNCTION, "starts=10 resets=1");
  ck_assert_double_eq_tol(r.span, 108 * 11, SLACK);
  ck_assert_double_eq_tol(r.stage[LIFECYCLE_STAGE_COUNT - 1], 0, SLACK);
  ck_assert_double_eq_tol(r.stage[LIFECYCLE_RESET], 108, SLACK);
}
END_TEST

/* ---- administration queue ------------------------------------------------ */

/* 40 us a command, held until polled every 5 us (45 us with 41 us), one at a
 * time for all: N starts of 100 commands, and one for the PASID when it is
 * opened and after its reset. */
START_TEST(commands_are_serialised)
{
  for (int cost = 40; cost <= 41; cost++) {
    struct rig_results r =
        rig_starts(LIFECYCLE_INTERFACE,
                   "starts=10 resets=1 reset_commands=100 nic.admin_cost=%dus "
                   "interface_reset=0ns",
                   cost);
    double held = cost == 40 ? 0.040 : 0.045;
    ck_assert_double_eq_tol(r.span, 10 * 102 * held, 0.01 * r.span);
    ck_assert_double_ge(r.admin_busy, 0.99);
    ck_assert_double_ge(r.wait_share[LIFECYCLE_WAIT_ADMIN], 0.85);
  }
}
END_TEST

/* 1 ms in polls of 15 us is 67 polls; a PASID again after each reset. */
START_TEST(interface_reset_is_polled)
{
  for (int n = 0; n <= 2; n++) {
    struct rig_results r =
        rig_starts(LIFECYCLE_INTERFACE, "starts=1 resets=%d", n);
    ck_assert_double_eq_tol(r.stage[LIFECYCLE_OPEN], 0, 0.001);
    ck_assert_double_ge(r.stage[LIFECYCLE_RESET], n * 67 * 0.015);
    ck_assert_double_le(r.stage[LIFECYCLE_RESET], n * (67 * 0.015 + SLACK));
    ck_assert_double_ge(r.stage[LIFECYCLE_PASID], (n + 1) * 0.040);
    ck_assert_double_le(r.stage[LIFECYCLE_PASID], (n + 1) * (0.040 + 0.010));
  }
}
END_TEST

/* One command to clear the PASID and one to stop each transmit queue; no reset,
 * however long that takes. */
START_TEST(closing_an_interface_resets_nothing)
{
  for (int n = 1; n <= 4; n += 3) {
    struct rig_results r =
        rig_starts(LIFECYCLE_INTERFACE,
                   "mode=sequential starts=3 interface_reset=50ms "
                   "reset_commands=100 queue_pairs=%d",
                   n);
    ck_assert_double_ge(r.stop, (1 + n) * 0.040);
    ck_assert_double_le(r.stop, (1 + n) * (0.040 + 0.010));
  }
}
END_TEST

/* ---- the device's driver ------------------------------------------------- */

/* An answer that is there within a poll takes a poll; one that takes 12 ms of
 * commands takes two. */
START_TEST(messages_take_whole_polls)
{
  struct rig_results fast =
      rig_starts(LIFECYCLE_INTERFACE, "starts=1 messages=20");
  ck_assert_double_eq_tol(fast.stage[LIFECYCLE_MAILBOX], 200, 0.001);
  struct rig_results slow = rig_starts(
      LIFECYCLE_INTERFACE, "starts=1 messages=20 message_commands=58 "
                           "nic.admin_cost=200us");
  ck_assert_double_eq_tol(slow.stage[LIFECYCLE_MAILBOX], 400, 0.001);
}
END_TEST

/* A timer of high resolution is late by its slack, the wheel by 1 to 2 ticks;
 * either by a wake-up more. */
START_TEST(looks_wait_for_timers)
{
  struct rig_results slept = rig_starts(
      LIFECYCLE_INTERFACE,
      "starts=1 messages=20 message_wait=sleep timer_slack=500us tick=100ms");
  ck_assert_double_ge(slept.stage[LIFECYCLE_MAILBOX], 20 * 10.5);
  ck_assert_double_le(slept.stage[LIFECYCLE_MAILBOX], 20 * 10.5 + SLACK);
  struct rig_results ticked = rig_starts(
      LIFECYCLE_INTERFACE, "starts=1 messages=20 message_wait=tick tick=1ms");
  ck_assert_double_ge(ticked.stage[LIFECYCLE_MAILBOX], 220);
  ck_assert_double_le(ticked.stage[LIFECYCLE_MAILBOX], 240 + SLACK);
}
END_TEST

/* Four pairs of queues exchange 3 + 4 x 2 messages. */
START_TEST(queues_have_messages_of_their_own)
{
  struct rig_results r =
      rig_starts(LIFECYCLE_INTERFACE,
                 "starts=1 messages=3 queue_messages=2 queue_pairs=4");
  ck_assert_double_eq_tol(r.stage[LIFECYCLE_MAILBOX], 11 * 10, 0.001);
}
END_TEST

/* It needs no core: seven that sleep 20 ms on one core start side by side. */
START_TEST(runtime_may_sleep)
{
  struct rig_results r =
      rig_starts(LIFECYCLE_INTERFACE,
                 "starts=7 runtime_sleep=20ms timer_slack=3ms cpu.cores=1");
  ck_assert_double_ge(r.stage[LIFECYCLE_RUNTIME], 23);
  ck_assert_double_le(r.stage[LIFECYCLE_RUNTIME], 23 + 7 * SLACK);
}
END_TEST

/* The host's driver is one thread: N messages at once of 5 ms of commands each
 * are answered one after another. */
START_TEST(host_s_driver_serves_one_at_a_time)
{
  struct rig_results r = rig_starts(LIFECYCLE_INTERFACE,
                                    "starts=10 messages=1 message_commands=25 "
                                    "nic.admin_cost=200us");
  /* 25 commands of 200 us with 2 us of channels and a wake-up: 5.0 to 5.2 ms;
   * the last answer after 50 to 52 ms, in whole polls of 10 ms. */
  ck_assert_double_eq_tol(r.stage_max[LIFECYCLE_MAILBOX], 60, 0.001);
  ck_assert_double_ge(r.wait_share[LIFECYCLE_WAIT_DRIVER], 0.3);
}
END_TEST

/* The host's driver works while the function sleeps; only what it needs beyond
 * that is polled for, in steps of 20 ms. */
START_TEST(reset_is_polled_for_if_it_takes_longer)
{
  struct rig_results in_time =
      rig_starts(LIFECYCLE_FUNCTION, "starts=1 reset_commands=450 "
                                     "nic.admin_cost=200us");
  ck_assert_double_eq(in_time.stage[LIFECYCLE_RESET_POLL], 0);
  struct rig_results late =
      rig_starts(LIFECYCLE_FUNCTION, "starts=1 reset_commands=570 "
                                     "nic.admin_cost=200us");
  ck_assert_double_eq_tol(late.stage[LIFECYCLE_RESET_POLL], 20, 0.001);
}
END_TEST

/* Mailbox page, its vector, and three pages a queue pair: 14 for four; each an
 * EPT violation and a fault, once. */
START_TEST(fast_path_is_mapped_on_first_touch)
{
  struct rig r = rig_make(LIFECYCLE_INTERFACE,
                          "starts=1 machine=vm queue_pairs=4 fault_cost=10us");
  struct rig_results vm = rig_run(&r);
  double exits = (double)(r.cpu.exit_cost + r.cpu.exit_ept) /
                 (double)r.cpu.frequency * 1e3;
  ck_assert_double_eq_tol(vm.stage[LIFECYCLE_MAP_PAGES], 14 * (0.010 + exits),
                          0.0005);
  struct rig_results function = rig_starts(
      LIFECYCLE_FUNCTION, "starts=1 machine=vm queue_pairs=4 fault_cost=10us");
  ck_assert_double_eq(function.stage[LIFECYCLE_MAP_PAGES], 0);
}
END_TEST

/* ---- memory ---------------------------------------------------------------
 */

/* 512 MiB at 8 Gb/s are 536.87 ms; in pages of 2 MiB 256 x 10 us of pinning, in
 * pages of 4 KiB 131072 x 140 ns. */
START_TEST(memory_is_zeroed_and_pinned)
{
  const double zero = 512.0 * 1048576 * 8 / 8e9 * 1e3;
  struct rig_results large = rig_starts(
      LIFECYCLE_INTERFACE, "starts=1 memory=512MiB clear_rate=8Gb/s");
  ck_assert_double_eq_tol(large.stage[LIFECYCLE_MAP_MEMORY], zero + 2.56, 0.2);
  struct rig_results small =
      rig_starts(LIFECYCLE_INTERFACE,
                 "starts=1 memory=512MiB clear_rate=8Gb/s page_size=4K");
  ck_assert_double_eq_tol(small.stage[LIFECYCLE_MAP_MEMORY], zero + 18.35, 0.2);
}
END_TEST

/* Four threads that memory has the rate of two for take twice as long. */
START_TEST(zeroing_shares_memory)
{
  const double zero = 256.0 * 1048576 * 8 / 8e9 * 1e3;
  struct rig_results r = rig_starts(
      LIFECYCLE_INTERFACE, "starts=4 memory=256MiB clear_rate=8Gb/s "
                           "clear_bandwidth=16Gb/s pin_cost_large=0ns");
  /* to a piece of 2 MiB of the others */
  ck_assert_double_eq_tol(r.stage[LIFECYCLE_MAP_MEMORY], 2 * zero, 0.02 * zero);
  ck_assert_double_eq_tol(r.wait_share[LIFECYCLE_WAIT_MEMORY], 0.5, 0.02);
}
END_TEST

/* ---- cores and arrivals
 * ------------------------------------------------------
 */

/* Twelve starts of 100 ms on four cores: a third of a core each; all end at 300
 * ms, to a timeslice of 3 ms, and wait two thirds of the time. */
START_TEST(starts_share_cores)
{
  struct rig_results r =
      rig_starts(LIFECYCLE_NONE, "starts=12 base_work=100ms cpu.cores=4");
  ck_assert_double_eq_tol(r.span, 300, 3);
  ck_assert_double_eq_tol(r.mean, 300, 9);
  ck_assert_double_eq_tol(r.core_share, 2.0 / 3, 0.02);
}
END_TEST

/* Far apart, nobody waits; 50 gaps of 1 s on average, to 4 deviations. */
START_TEST(poisson_arrivals)
{
  struct rig_results r = rig_starts(LIFECYCLE_FUNCTION,
                                    "starts=50 arrival=poisson arrival_rate=1");
  ck_assert_double_ge(r.span, 1e3 * (50 - 4 * sqrt(50)));
  ck_assert_double_le(r.span, 1e3 * (50 + 4 * sqrt(50)));
  /* M/D/1 at 10.8 % load waits 108 / 2 x 0.108 / 0.892 = 6.5 ms */
  ck_assert_double_le(r.stage[LIFECYCLE_LOCK_WAIT], 20);
}
END_TEST

/* The stages are all of a start, one after another as well as at once. */
START_TEST(stages_sum_to_the_start)
{
  static const char *const modes[] = {"sequential", "storm"};
  for (size_t m = 0; m < 2; m++)
    for (enum lifecycle_device d = LIFECYCLE_NONE; d <= LIFECYCLE_INTERFACE;
         d++) {
      struct rig_results r = rig_starts(
          d,
          "mode=%s starts=5 base_work=1ms runtime_work=2ms jitter=10%% "
          "memory=8MiB image=4MiB messages=3 resets=1 reset_commands=4 "
          "message_wait=sleep runtime_sleep=1ms queue_setup=100us create=true",
          modes[m]);
      double sum = 0;
      for (int i = 0; i < LIFECYCLE_STAGE_COUNT; i++)
        sum += r.stage[i];
      ck_assert_double_eq_tol(sum, r.mean, 1e-6);
      ck_assert_uint_eq(r.starts, 5);
    }
}
END_TEST

/* ---- the engine -----------------------------------------------------------
 */

/* Neither the run-ahead window nor the order of actors changes anything. */
START_TEST(order_invariance)
{
  static const char sets[] =
      "starts=12 base_work=5ms jitter=10% memory=16MiB messages=3 resets=1 "
      "reset_commands=4 create=true cpu.cores=5 machine=vm";
  for (enum lifecycle_device d = LIFECYCLE_FUNCTION; d <= LIFECYCLE_INTERFACE;
       d++) {
    struct rig r = rig_make(d, sets);
    struct rig_results usual = rig_run(&r);
    r.window = 0;
    struct rig_results alone = rig_run(&r);
    r.window = HD_US;
    r.shuffle = 7;
    struct rig_results shuffled = rig_run(&r);
    ck_assert_uint_eq(usual.fingerprint, alone.fingerprint);
    ck_assert_uint_eq(usual.fingerprint, shuffled.fingerprint);
    ck_assert_double_eq(usual.mean, alone.mean);
  }
}
END_TEST

static Suite *suite(void)
{
  Suite *s = suite_create("life cycle");
  TCase *c = tcase_create("starts");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, a_reset_sleeps_to_the_tick);
  tcase_add_test(c, a_reset_sleeps_to_the_wheel_s_bucket);
  tcase_add_test(c, opens_wait_for_one_lock);
  tcase_add_test(c, interfaces_open_side_by_side);
  tcase_add_test(c, sets_of_their_own_open_side_by_side);
  tcase_add_test(c, user_s_reset_needs_no_lock);
  tcase_add_test(c, commands_are_serialised);
  tcase_add_test(c, interface_reset_is_polled);
  tcase_add_test(c, closing_an_interface_resets_nothing);
  tcase_add_test(c, messages_take_whole_polls);
  tcase_add_test(c, looks_wait_for_timers);
  tcase_add_test(c, queues_have_messages_of_their_own);
  tcase_add_test(c, runtime_may_sleep);
  tcase_add_test(c, host_s_driver_serves_one_at_a_time);
  tcase_add_test(c, reset_is_polled_for_if_it_takes_longer);
  tcase_add_test(c, fast_path_is_mapped_on_first_touch);
  tcase_add_test(c, memory_is_zeroed_and_pinned);
  tcase_add_test(c, zeroing_shares_memory);
  tcase_add_test(c, starts_share_cores);
  tcase_add_test(c, poisson_arrivals);
  tcase_add_test(c, stages_sum_to_the_start);
  tcase_add_test(c, order_invariance);
  suite_add_tcase(s, c);
  return s;
}

int main(void)
{
  SRunner *r = srunner_create(suite());
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
