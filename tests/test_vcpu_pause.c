/*
 * test_vcpu_pause.c - a vCPU is paused in each of its states, to the
 * picosecond, and resumed at the same or the other host.
 *
 * A green run says what each way costs and that core time is conserved. It does
 * not say that nothing is lost when interrupts come at any time
 * (test_vcpu_move.c).
 */
#include "tests/test_vcpu_sides.h"

#define STOP (EXIT_IN + EXTERNAL) /* out of guest mode */
/* From MSG_VCPU_RESUME at the vCPU to its core. */
#define TO_CORE (QUEUE + WAKE)

static const struct controller *const c = &second.controller;

/* -- pause ----------------------------------------------------------------- */

/* Before the end of vcpu_run() and at it guest code is left; later it has gone
 * on to HLT, and the pause takes effect when that is done. */
START_TEST(pause_around_the_end_of_a_run)
{
  hd_time end = START + 10 * HD_US, t = end + _i - 1;
  make_two(1, 1);
  world.guests[0].main = run_ten_us;
  control(t, PAUSE, 0, 0, 0);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(c->n_paused, 1);
  ck_assert_int_eq(c->paused[0], t <= end ? t + STOP : end + EXIT_IN + HLT);
  ck_assert_int_eq(stats(0).guest_time, hd_time_min(t, end) - START);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], t <= end);
  check_conserved();
}
END_TEST

/* Its core is free for others as soon as the scheduler knows. */
START_TEST(pause_while_running)
{
  hd_time t = START + 30 * HD_US;
  make_two(1, 2);
  world.guests[0].main = run_for_ever;
  world.guests[1].main = run_ten_us;
  control(t, PAUSE, 0, 0, 0);
  simulate(500 * HD_US);
  ck_assert_int_eq(c->paused[0], t + STOP);
  ck_assert_int_eq(world.guests[1].began,
                   t + STOP + QUEUE + QUEUE + SWITCH + EXIT_OUT);
  ck_assert_int_eq(stats(0).guest_time, t - START);
  ck_assert_uint_eq(world.fabric.state[0], PID_PREEMPTED);
  check_conserved();
}
END_TEST

/* HLT is finished at HALTED; from then on a pause takes no time. */
START_TEST(pause_around_a_halt)
{
  hd_time t = HALTED + _i - 1;
  make_two(1, 1);
  control(t, PAUSE, 0, 0, 0);
  simulate(1 * HD_MS);
  ck_assert_int_eq(c->paused[0], hd_time_max(t, HALTED));
  ck_assert_uint_eq(world.fabric.state[0], PID_PREEMPTED);
  check_conserved();
}
END_TEST

static void halt_twice(struct guest *g)
{
  vcpu_idle(&g->vcpu, now(g) + 20 * HD_US); /* polling grows to 10 us */
  g->time[0] = now(g);
  vcpu_idle(&g->vcpu, HD_TIME_NEVER);
}

/* The second halt begins to poll; the pause ends that, and another vCPU gets
 * the core, not at once only because the scheduler must be told. */
START_TEST(pause_while_halt_polling)
{
  make_two(1, 1);
  world.params.halt_poll = 100 * HD_US;
  world.params.halt_poll_start = 100 * HD_US;
  world.guests[0].main = halt_twice;
  hd_time second_main = START + 21 * HD_US + EXIT_IN + HLT; /* or so */
  hd_time t = second_main + 30 * HD_US;
  control(t, PAUSE, 0, 0, 0);
  simulate(1 * HD_MS);
  hd_time polls = world.guests[0].time[0] + EXIT_IN + HLT + QUEUE;
  ck_assert_int_lt(polls, t);
  ck_assert_int_eq(c->paused[0], t);
  ck_assert_int_eq(scheduler_polled(world.scheduler, 0, HD_MS),
                   t + QUEUE - polls);
  check_conserved();
}
END_TEST

/* vCPU 1 waits for the core of vCPU 0. It is given the core later on, and gives
 * it straight back: never main, and vCPU 0 goes on. */
START_TEST(pause_while_waiting_for_a_core)
{
  hd_time t = START + 30 * HD_US;
  make_two(1, 2);
  world.guests[0].main = run_for_ever;
  control(t, PAUSE, 1, 0, 0);
  simulate(5 * SLICE);
  ck_assert_int_eq(c->paused[1], t);
  ck_assert_int_eq(world.guests[1].began, 0);
  ck_assert_uint_eq(stats(0).exits[EXIT_PREEMPT], 1);
  ck_assert_int_eq(stats(1).guest_time, 0);
  ck_assert_int_eq(stats(1).host_time, QUEUE + QUEUE); /* there and back */
  check_conserved();
}
END_TEST

/* The handler goes on where it was, and then the code that it interrupted. */
START_TEST(pause_in_an_interrupt_handler)
{
  hd_time t = START + 3 * HD_US, pause = t + ENTRY + 2 * HD_US;
  hd_time resume = pause + 50 * HD_US;
  make_two(1, 1);
  world.guests[0].main = run_ten_us;
  world.guests[0].handler_cycles = 5000;
  script(t - NOTIFY, POST, 0, 77);
  control(pause, PAUSE, 0, 0, 0);
  control(resume, RESUME, 0, 0, 0);
  simulate(1 * HD_MS);
  ck_assert_int_eq(c->paused[0], pause + STOP);
  ck_assert_int_eq(c->resumed[0], resume + TO_CORE);
  hd_time back = resume + TO_CORE + EXIT_OUT;
  ck_assert_int_eq(world.guests[0].finished,
                   back + 3 * HD_US + 7 * HD_US); /* handler, main */
  ck_assert_int_eq(stats(0).guest_time, 15 * HD_US + ENTRY);
  check_conserved();
}
END_TEST

static void store_and_run(struct guest *g)
{
  for (int i = 0; i < 2; i++) {
    vcpu_mmio_write(&g->vcpu, 0, 0x100, (uint64_t)i, NULL);
    vcpu_run(&g->vcpu, 50000);
  }
}

/* -- resume ---------------------------------------------------------------- */

/* At the other host its state is not in the core's caches: switch_cost. */
START_TEST(resume_runs_at_the_side)
{
  unsigned side = (unsigned)_i;
  hd_time pause = START + 20 * HD_US, resume = pause + 30 * HD_US;
  make_two(1, 1);
  world.guests[0].main = store_and_run;
  control(pause, PAUSE, 0, 0, 0);
  control(resume, RESUME, 0, side, 0);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  hd_time core = resume + TO_CORE + (side == 1 ? SWITCH : 0);
  ck_assert_int_eq(c->resumed[0], core);
  ck_assert_int_eq(g->finished, core + EXIT_OUT + START + STORE + 50 * HD_US -
                                    pause + STORE + 50 * HD_US);
  ck_assert_uint_eq(world.root.writes, side == 0 ? 2 : 1);
  ck_assert_uint_eq(second.root.writes, side);
  ck_assert_uint_eq(g->vcpu.index, side == 0 ? 0 : SHIFT);
  ck_assert_uint_eq(second.fabric.state[SHIFT],
                    side == 0 ? PID_PREEMPTED : PID_BLOCKED); /* it idles */
  double there =
      (double)(g->finished - (resume + QUEUE) + EXIT_IN + HLT + QUEUE);
  ck_assert_double_eq_tol(second_core_time(), side == 1 ? there : 0, 1.0);
  check_conserved();
}
END_TEST

/* Nobody has ever woken it: resumed, it still waits for that. */
START_TEST(resume_of_what_never_ran)
{
  make_two(1, 1);
  world.fabric.boot[0] = 200 * HD_US;
  control(20 * HD_US, PAUSE, 0, 0, 0);
  control(30 * HD_US, RESUME, 0, 0, 0);
  simulate(1 * HD_MS);
  ck_assert_int_eq(c->paused[0], 20 * HD_US);
  ck_assert_int_eq(c->resumed[0], 30 * HD_US);
  ck_assert_int_eq(world.guests[0].began, START + 190 * HD_US);
  check_conserved();
}
END_TEST

/* The wake-up of the boot comes while it is paused, or after it has moved: it
 * starts all the same. */
START_TEST(boot_finds_it_paused_or_elsewhere)
{
  bool moved = _i == 1;
  hd_time resume = moved ? BOOT - 5 * HD_US : BOOT + 100 * HD_US;
  make_two(1, 1);
  control(BOOT - 8 * HD_US, PAUSE, 0, 0, 0);
  control(resume, RESUME, 0, 1, 0);
  simulate(1 * HD_MS);
  hd_time asked = moved ? BOOT + WAKE : resume; /* by the refused core */
  ck_assert_int_eq(world.guests[0].began, asked + TO_CORE + SWITCH + EXIT_OUT);
  check_conserved();
}
END_TEST

static void spend_after_resume(struct guest *g)
{
  vcpu_run(&g->vcpu, 20000);
  g->time[0] = now(g);
}

/* The core that it waited for at the old host comes after it runs at the new
 * one. */
START_TEST(core_of_the_side_left_is_given_back)
{
  hd_time t = START + 30 * HD_US;
  make_two(1, 2);
  world.guests[0].main = run_for_ever;
  world.guests[1].main = spend_after_resume;
  control(t, PAUSE, 1, 0, 0);
  script(t + 50 * HD_US, INJECTED, 1, 99); /* so that it is woken, later */
  control(t + 20 * HD_US, RESUME, 1, 1, 0);
  simulate(5 * SLICE);
  /* Never run so far, but in the queue: it begins when that core comes. */
  ck_assert_int_gt(world.guests[1].began, START + SLICE);
  ck_assert_int_eq(world.guests[1].vcpu.index, 1 + SHIFT);
  ck_assert_uint_eq(world.guests[1].interrupts, 1);
  ck_assert_uint_eq(stats(0).exits[EXIT_PREEMPT], 1);
  check_conserved();
}
END_TEST

static void run_long(struct guest *g)
{
  vcpu_run_short(&g->vcpu, 2000000);
  vcpu_run(&g->vcpu, 20000);
}

/* It has been asked for its core when it is paused: the run of the same number
 * at the other host is not meant. */
START_TEST(preemption_at_the_side_left_is_over)
{
  make_two(1, 2);
  world.guests[0].main = run_long; /* both arrive during vcpu_run_short() */
  control(START + 900 * HD_US, PAUSE, 0, 0, 0);
  control(START + 3000 * HD_US, RESUME, 0, 1, 0);
  simulate(5 * SLICE);
  ck_assert_int_eq(c->paused[0], START + 2000 * HD_US + STOP);
  ck_assert_uint_eq(host_stats().preemptions, 1);
  ck_assert_uint_eq(stats(0).exits[EXIT_PREEMPT], 0);
  ck_assert_int_eq(world.guests[0].finished, START + 3000 * HD_US + TO_CORE +
                                                 SWITCH + EXIT_OUT +
                                                 20 * HD_US);
  check_conserved();
}
END_TEST

/* -- what comes meanwhile -------------------------------------------------- */

/* Suppressed while paused; told when it runs there again. */
START_TEST(post_while_paused_comes_with_the_resumption)
{
  hd_time pause = START + 5 * HD_US, resume = pause + 40 * HD_US;
  make_two(1, 1);
  world.guests[0].main = run_ten_us;
  script(pause + 20 * HD_US, POST, 0, 77);
  control(pause, PAUSE, 0, 0, 0);
  control(resume, RESUME, 0, 0, 0);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(world.fabric.suppressed, 1);
  ck_assert_uint_eq(world.guests[0].interrupts, 1);
  ck_assert_int_eq(world.guests[0].handled[0],
                   resume + TO_CORE + EXIT_OUT + ENTRY); /* it was there */
  check_conserved();
}
END_TEST

/* At the other host: what was posted there before, and what the message asks
 * for; each once. */
START_TEST(vectors_of_the_resumption)
{
  hd_time pause = START + 5 * HD_US, resume = pause + 40 * HD_US;
  make_two(1, 1);
  world.guests[0].main = run_ten_us;
  script(pause + 10 * HD_US, POST, 0, 77); /* stays at the old host */
  control(pause + 20 * HD_US, POST_SECOND, 0, 1, 88);
  control(pause, PAUSE, 0, 0, 0);
  control(resume, RESUME, 0, 1, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(second.fabric.suppressed, 1);
  ck_assert_uint_eq(g->interrupts, 2);
  ck_assert_uint_eq(g->vector[0] + g->vector[1], 77 + 88);
  check_conserved();
}
END_TEST

/* Handled without a core, like device writes. */
START_TEST(messages_while_paused_take_no_time)
{
  hd_time pause = START + 5 * HD_US, resume = pause + 40 * HD_US;
  make_two(1, 1);
  world.guests[0].main = run_ten_us;
  for (int i = 0; i < 5; i++)
    script(pause + (10 + i) * HD_US, MESSAGE, 0, 0);
  control(pause, PAUSE, 0, 0, 0);
  control(resume, RESUME, 0, 0, 0);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(world.guests[0].messages, 5);
  ck_assert_int_eq(world.guests[0].finished,
                   resume + TO_CORE + EXIT_OUT + 5 * HD_US);
  check_conserved();
}
END_TEST

/* A halted vCPU gets a message while it is paused: no core until it is resumed,
 * and then main goes on. */
static void idle_once(struct guest *g)
{
  vcpu_idle(&g->vcpu, HD_TIME_NEVER);
  g->time[0] = now(g);
}

START_TEST(message_for_a_halted_one)
{
  unsigned side = (unsigned)_i;
  hd_time pause = HALTED + 5 * HD_US, resume = pause + 40 * HD_US;
  make_two(1, 1);
  world.guests[0].main = idle_once;
  script(pause + 10 * HD_US, MESSAGE, 0, 0);
  control(pause, PAUSE, 0, 0, 0);
  control(resume, RESUME, 0, side, 0);
  simulate(1 * HD_MS);
  ck_assert_int_eq(world.guests[0].time[0],
                   resume + TO_CORE + (side == 1 ? SWITCH : 0) + EXIT_OUT);
  check_conserved();
}
END_TEST

/* The injected path wakes it through the scheduler: the core goes straight
 * back, the interrupt stays. */
START_TEST(injection_while_paused)
{
  unsigned side = (unsigned)_i;
  hd_time pause = HALTED + 5 * HD_US, resume = pause + 40 * HD_US;
  make_two(1, 1);
  script(pause + 10 * HD_US, INJECTED, 0, 77);
  control(pause, PAUSE, 0, 0, 0);
  control(resume, RESUME, 0, side, 0);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(world.guests[0].interrupts, 1);
  ck_assert_int_gt(world.guests[0].handled[0], resume);
  ck_assert_uint_eq(host_stats().injections, 1);
  hd_time refused = WAKE + QUEUE;
  hd_time first = START - BOOT + EXIT_IN + HLT + QUEUE;
  if (side == 1)
    ck_assert_double_eq_tol(core_time(), (double)(first + refused), 1.0);
  check_conserved();
}
END_TEST

static int64_t paused_at(int64_t window, int64_t shuffle)
{
  make_two(2, 3);
  for (unsigned i = 0; i < 3; i++)
    world.guests[i].main = run_in_steps;
  for (uint32_t i = 0; i < 3; i++) {
    control(300 * HD_US + i * 777, PAUSE, i, 0, 0);
    control(400 * HD_US + i * 333, RESUME, i, 1, 40 + i);
  }
  simulate_with(2 * HD_MS, window, (uint32_t)shuffle);
  check_conserved();
  struct hd_engine_report report;
  hd_engine_get_report(world.engine, &report);
  return (int64_t)report.fingerprint;
}

START_TEST(same_for_any_window_and_order)
{
  int64_t expected = in_child(paused_at, 100 * HD_NS, 0);
  ck_assert_int_eq(in_child(paused_at, 0, 0), expected);
  ck_assert_int_eq(in_child(paused_at, 1 * HD_US, 3), expected);
}
END_TEST

/* -- mistakes of the controller ---------------------------------------------
 */

START_TEST(mistakes_stop_the_run)
{
  make_two(1, 1);
  world.guests[0].main = run_for_ever;
  if (_i == 0) {
    control(50 * HD_US, RESUME, 0, 0, 0);
  } else {
    control(50 * HD_US, PAUSE, 0, 0, 0);
    control(70 * HD_US, _i == 1 ? PAUSE : RESUME, 0, 2, 0);
  }
  simulate(1 * HD_MS);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("vcpu pause");
  TCase *t = tcase_create("pause");
  suite_add_tcase(suite, t);
  tcase_set_timeout(t, 120);
  tcase_add_loop_test(t, pause_around_the_end_of_a_run, 0, 3);
  tcase_add_test(t, pause_while_running);
  tcase_add_loop_test(t, pause_around_a_halt, 0, 3);
  tcase_add_test(t, pause_while_halt_polling);
  tcase_add_test(t, pause_while_waiting_for_a_core);
  tcase_add_test(t, pause_in_an_interrupt_handler);
  tcase_add_loop_test(t, resume_runs_at_the_side, 0, 2);
  tcase_add_test(t, resume_of_what_never_ran);
  tcase_add_loop_test(t, boot_finds_it_paused_or_elsewhere, 0, 2);
  tcase_add_test(t, core_of_the_side_left_is_given_back);
  tcase_add_test(t, preemption_at_the_side_left_is_over);
  tcase_add_test(t, post_while_paused_comes_with_the_resumption);
  tcase_add_test(t, vectors_of_the_resumption);
  tcase_add_test(t, messages_while_paused_take_no_time);
  tcase_add_loop_test(t, message_for_a_halted_one, 0, 2);
  tcase_add_loop_test(t, injection_while_paused, 0, 2);
  tcase_add_test(t, same_for_any_window_and_order);
  tcase_add_loop_exit_test(t, mistakes_stop_the_run, HD_EXIT_INTERNAL, 0, 3);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
