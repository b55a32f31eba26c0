/*
 * test_cpu_wakeups.c - the host scheduler: halt polling, posted and injected
 * interrupts.
 *
 * A green run says that each path takes the sum of its steps and that wake-ups
 * find the vCPU wherever it is. It does not say how KVM's steps add up.
 */
#include "tests/test_cpu_robots.h"

/* -- halt polling -------------------------------------------------------- */

#define POLL (50 * HD_US)
/* When BLOCK of a robot woken at 0 that works 10 us reaches the scheduler. */
#define POLLS (QUEUE + WAKE + 10 * HD_US + QUEUE)

static void make_poller(unsigned cores, unsigned robots)
{
  make(cores, robots);
  world.robots[0].first = 0;
  world.robots[0].work = 10 * HD_US;
  world.robots[0].poll = POLL;
}

/* A wake-up finds the poller on its core up to the end of polling. */
START_TEST(wake_around_the_end_of_polling)
{
  hd_time shift = _i - 1;
  make_poller(1, 1);
  script(POLLS + POLL + shift, MSG_SCHED_WAKE, 0, 0);
  simulate(SLICE);
  struct robot *r = &world.robots[0];
  hd_time woken = POLLS + POLL + shift;
  ck_assert_uint_eq(r->runs, 2);
  ck_assert_uint_eq(r->log[1].cold, 0);
  if (shift < 0)
    ck_assert_int_eq(r->log[1].when, woken + QUEUE);
  else if (shift > 0)
    ck_assert_int_eq(r->log[1].when, woken + WAKE);
  else
    ck_assert(r->log[1].when == woken + QUEUE ||
              r->log[1].when == woken + WAKE);
  /* Both halts poll; the second to its end, undisturbed. */
  ck_assert_int_eq(scheduler_polled(world.scheduler, 0, SLICE),
                   2 * POLL + hd_time_min(shift, 0));
  ck_assert_uint_eq(stats().wakes, 2);
}
END_TEST

START_TEST(poller_leaves_for_another)
{
  make_poller(1, 2);
  world.robots[1].first = 40 * HD_US;
  simulate(SLICE / 2);
  ck_assert_int_eq(world.robots[1].log[0].when, 40 * HD_US + QUEUE + QUEUE);
  ck_assert_uint_eq(world.robots[0].preempts, 0);
  ck_assert_int_eq(scheduler_polled(world.scheduler, 0, SLICE),
                   40 * HD_US + QUEUE - POLLS);
}
END_TEST

START_TEST(poller_stays_while_a_core_idles)
{
  make_poller(2, 2);
  world.robots[1].first = 40 * HD_US;
  script(45 * HD_US, MSG_SCHED_WAKE, 0, 0);
  simulate(SLICE);
  ck_assert_uint_eq(world.robots[1].log[0].core, 1);
  ck_assert_int_eq(world.robots[0].log[1].when, 45 * HD_US + QUEUE);
}
END_TEST

/* Another core's poller is as good as one's own. */
START_TEST(poller_elsewhere_leaves)
{
  make(2, 3); /* 2 belongs to core 0, where a hog runs */
  world.robots[0].first = world.robots[1].first = 0;
  world.robots[1].work = 10 * HD_US;
  world.robots[1].poll = POLL;
  world.robots[2].first = 40 * HD_US;
  simulate(SLICE / 2);
  ck_assert_uint_eq(world.robots[0].preempts, 0);
  ck_assert_uint_eq(world.robots[2].log[0].core, 1);
  ck_assert_int_eq(world.robots[2].log[0].when, 40 * HD_US + QUEUE + QUEUE);
}
END_TEST

START_TEST(polling_does_not_begin_while_somebody_waits)
{
  make_poller(1, 2);
  world.robots[1].first = 5 * HD_US;
  simulate(SLICE / 2);
  ck_assert_int_eq(world.robots[1].log[0].when, POLLS + QUEUE);
  ck_assert_int_eq(scheduler_polled(world.scheduler, 0, SLICE), 0);
}
END_TEST

/* The end of an earlier halt's polling must not end a later one's. */
START_TEST(polling_ends_on_its_own)
{
  make_poller(1, 1);
  script(30 * HD_US, MSG_SCHED_WAKE, 0, 0);
  simulate(SLICE);
  /* First BLOCK at POLLS; the second after the run begun at 30 us. */
  hd_time second = 30 * HD_US + QUEUE + 10 * HD_US + QUEUE;
  ck_assert_int_lt(second, POLLS + POLL);
  ck_assert_int_eq(scheduler_polled(world.scheduler, 0, SLICE),
                   30 * HD_US - POLLS + POLL);
}
END_TEST

/* -- posted interrupts --------------------------------------------------- */

/* The bits come with the core, and the handler of the wake-up vector is paid,
 * except by a poller. */
START_TEST(posted_bits_come_with_the_core)
{
  bool polling = _i == 1;
  make_poller(1, 1);
  world.robots[0].poll = polling ? POLL : 0;
  script(40 * HD_US, MSG_IRQ_WAKE, 0, 0);
  simulate(SLICE);
  struct robot *r = &world.robots[0];
  ck_assert_uint_eq(r->vectors, VECTOR);
  ck_assert_int_eq(r->log[1].when,
                   40 * HD_US + (polling ? QUEUE : WAKE + EXTRA));
  ck_assert_uint_eq(r->notifies, 0);
}
END_TEST

START_TEST(posted_bits_of_a_running_vcpu)
{
  make(1, 1);
  world.robots[0].first = 0;
  script(40 * HD_US, MSG_IRQ_WAKE, 0, 0);
  simulate(SLICE);
  ck_assert_uint_eq(world.robots[0].vectors, VECTOR);
  ck_assert_uint_eq(world.robots[0].notifies, 1);
}
END_TEST

/* -- host interrupts ----------------------------------------------------- */

START_TEST(host_interrupt_of_a_running_vcpu)
{
  make(1, 1);
  world.robots[0].first = 0;
  script(50 * HD_US, MSG_IRQ_HOST, 0, 0);
  simulate(SLICE);
  ck_assert_uint_eq(world.robots[0].injects, 1);
  ck_assert_uint_eq(world.robots[0].inject_state, PID_RUNNING);
  ck_assert_int_eq(world.robots[0].injected_at, 50 * HD_US + HOST_IRQ + IPI);
  ck_assert_double_eq_tol(stats().housekeeping_busy * (double)SLICE,
                          (double)HOST_IRQ, 1);
}
END_TEST

START_TEST(host_interrupt_of_a_blocked_vcpu)
{
  make(1, 1);
  world.robots[0].first = 0;
  world.robots[0].work = 10 * HD_US;
  script(50 * HD_US, MSG_IRQ_HOST, 0, 0);
  simulate(SLICE);
  struct robot *r = &world.robots[0];
  ck_assert_uint_eq(r->runs, 2);
  ck_assert_uint_eq(r->inject_state, PID_BLOCKED);
  ck_assert_int_eq(r->log[1].when, 50 * HD_US + HOST_IRQ + WAKE);
  ck_assert_int_lt(r->injected_at, r->log[1].when); /* pending at entry */
}
END_TEST

/* Found on its core; the vector is there before the core is. */
START_TEST(host_interrupt_of_a_polling_vcpu)
{
  make_poller(1, 1);
  script(40 * HD_US, MSG_IRQ_HOST, 0, 0);
  simulate(SLICE);
  struct robot *r = &world.robots[0];
  ck_assert_uint_eq(r->runs, 2);
  ck_assert_uint_eq(r->inject_state, PID_BLOCKED); /* and woken */
  ck_assert_int_eq(r->log[1].when, 40 * HD_US + HOST_IRQ + QUEUE);
  ck_assert_int_le(r->injected_at, r->log[1].when);
}
END_TEST

START_TEST(host_interrupt_of_a_waiting_vcpu)
{
  make(1, 2);
  world.robots[0].first = 0;
  world.robots[1].first = 10 * HD_US;
  script(50 * HD_US, MSG_IRQ_HOST, 1, 0);
  simulate(2 * SLICE);
  struct robot *r = &world.robots[1];
  ck_assert_uint_eq(r->inject_state, PID_PREEMPTED);
  ck_assert_int_eq(r->injected_at, 50 * HD_US + HOST_IRQ + QUEUE);
  ck_assert_uint_eq(r->runs, 1);
  ck_assert_int_gt(r->log[0].when, SLICE); /* not sooner for it */
}
END_TEST

/* Two housekeeping cores: 0 and 2 share one, 1 has the other. */
START_TEST(host_interrupts_queue_on_their_core)
{
  make(3, 3);
  for (uint32_t i = 0; i < 3; i++) {
    world.robots[i].first = 0;
    script(50 * HD_US, MSG_IRQ_HOST, i, 0);
  }
  simulate(SLICE);
  hd_time done = 50 * HD_US + HOST_IRQ + IPI;
  ck_assert_int_eq(world.robots[0].injected_at, done);
  ck_assert_int_eq(world.robots[1].injected_at, done);
  ck_assert_int_eq(world.robots[2].injected_at, done + HOST_IRQ);
  ck_assert_uint_eq(stats().injections, 3);
}
END_TEST

/* -- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *suite = suite_create("cpu wakeups");
  TCase *c = tcase_create("wakeups");
  suite_add_tcase(suite, c);
  tcase_set_timeout(c, 120);
  tcase_add_loop_test(c, wake_around_the_end_of_polling, 0, 3);
  tcase_add_test(c, poller_leaves_for_another);
  tcase_add_test(c, poller_stays_while_a_core_idles);
  tcase_add_test(c, poller_elsewhere_leaves);
  tcase_add_test(c, polling_does_not_begin_while_somebody_waits);
  tcase_add_test(c, polling_ends_on_its_own);
  tcase_add_loop_test(c, posted_bits_come_with_the_core, 0, 2);
  tcase_add_test(c, posted_bits_of_a_running_vcpu);
  tcase_add_test(c, host_interrupt_of_a_running_vcpu);
  tcase_add_test(c, host_interrupt_of_a_blocked_vcpu);
  tcase_add_test(c, host_interrupt_of_a_polling_vcpu);
  tcase_add_test(c, host_interrupt_of_a_waiting_vcpu);
  tcase_add_test(c, host_interrupts_queue_on_their_core);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
