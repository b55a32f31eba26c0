/*
 * test_cpu_vcpu.c - guest code, exits, interrupts and register accesses of a
 * vCPU.
 *
 * A green run says that each takes exactly what its parameters state. It does
 * not say that the parameters are right, nor that the real interrupt unit
 * answers as the fake does (test_cpu_interrupt.c).
 */
#include "tests/test_cpu_guests.h"

/* -- running ------------------------------------------------------------- */

static void run_odd_clock(struct guest *g)
{
  for (int i = 0; i < 3; i++) {
    vcpu_run(&g->vcpu, 1);
    g->time[i] = now(g);
  }
  vcpu_run(&g->vcpu, 3000000);
  g->time[3] = now(g);
}

/* At 3 GHz a cycle is 333 1/3 ps; the thirds are not lost. */
START_TEST(run_is_exact)
{
  make(1, 1);
  world.params.frequency = 3000000000;
  world.params.exit_cost = world.params.switch_cost = 0;
  world.guests[0].main = run_odd_clock;
  simulate(10 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_int_eq(g->began, BOOT + WAKE);
  ck_assert_int_eq(g->time[0] - g->began, 333);
  ck_assert_int_eq(g->time[1] - g->began, 666);
  ck_assert_int_eq(g->time[2] - g->began, 1000);
  ck_assert_int_eq(g->time[3] - g->began, 1000 + HD_MS);
}
END_TEST

/* One vCPU's account: nothing but what main did, to the picosecond. */
START_TEST(start_and_account)
{
  make(1, 1);
  world.guests[0].main = run_ten_us;
  simulate(1 * HD_MS);
  struct vcpu_stats st = stats(0);
  ck_assert_int_eq(world.guests[0].began, START);
  ck_assert_int_eq(world.guests[0].finished, START + 10 * HD_US);
  ck_assert_int_eq(st.guest_time, 10 * HD_US);
  ck_assert_int_eq(st.host_time, WAKE + SWITCH + EXIT_OUT +  /* getting in */
                                     EXIT_IN + HLT + QUEUE); /* and out */
  ck_assert_uint_eq(st.exits[EXIT_HLT], 1);
  ck_assert_double_eq_tol(core_time(), (double)(st.guest_time + st.host_time),
                          1.0);
}
END_TEST

static void exit_each(struct guest *g)
{
  for (int r = 0; r < EXIT_REASONS; r++) {
    vcpu_exit(&g->vcpu, (enum exit_reason)r);
    g->time[r] = now(g);
  }
  vcpu_run_host(&g->vcpu, 123);
  g->time[EXIT_REASONS] = now(g);
}

START_TEST(exits_cost_what_they_should)
{
  static const int64_t handling[] = {300, 400, 600, 2000, 200, 400, 100};
  make(1, 1);
  world.guests[0].main = exit_each;
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  hd_time t = START;
  for (int r = 0; r < EXIT_REASONS; r++) {
    t += (1001 + handling[r]) * HD_NS;
    ck_assert_int_eq(g->time[r], t);
    ck_assert_uint_eq(stats(0).exits[r], r == EXIT_HLT ? 2 : 1);
  }
  ck_assert_int_eq(g->time[EXIT_REASONS], t + 123 * HD_NS);
  ck_assert_int_eq(stats(0).guest_time, 0);
}
END_TEST

/* The run ends in the middle of vcpu_run(): its time counts all the same, and
 * only inside the window. */
START_TEST(unfinished_run_is_accounted)
{
  make(1, 1);
  world.guests[0].main = run_for_ever;
  world.window = (struct hd_window){START + 100 * HD_US, START + 400 * HD_US};
  simulate(1 * HD_MS);
  ck_assert_int_eq(stats(0).guest_time, 300 * HD_US);
  ck_assert_int_eq(stats(0).host_time, 0);
}
END_TEST

/* -- interrupts ---------------------------------------------------------- */

START_TEST(posted_interrupt_preempts_a_run)
{
  hd_time t = START + 3 * HD_US; /* arrival at the vCPU */
  make(1, 1);
  world.guests[0].main = run_ten_us;
  world.guests[0].handler_cycles = 500;
  script(t - NOTIFY, POST, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 1);
  ck_assert_uint_eq(g->vector[0], 77);
  ck_assert_int_eq(g->handled[0], t + ENTRY);
  ck_assert_int_eq(g->finished, START + 10 * HD_US + ENTRY + 500 * HD_NS);
  struct vcpu_stats st = stats(0);
  ck_assert_int_eq(st.guest_time, 10 * HD_US + ENTRY + 500 * HD_NS);
  ck_assert_uint_eq(st.interrupts, 1);
  for (int r = 0; r < EXIT_REASONS; r++) /* posted: no exit for it */
    ck_assert_uint_eq(st.exits[r], r == EXIT_HLT);
}
END_TEST

/* One picosecond before the run's end, at it, and after it. */
START_TEST(interrupt_at_the_end_of_a_run)
{
  hd_time end = START + 10 * HD_US, t = end + _i - 1;
  make(1, 1);
  world.guests[0].main = run_ten_us;
  world.guests[0].handler_cycles = 500;
  script(t - NOTIFY, RAW_NOTIFY, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  hd_time inside = ENTRY + 500 * HD_NS;
  ck_assert_uint_eq(g->interrupts, 1);
  ck_assert_int_eq(g->finished, t <= end ? end + inside : end);
  if (t <= end)
    ck_assert_int_eq(g->handled[0], t + ENTRY);
}
END_TEST

/* While the handler of the first runs, two more come: highest vector first,
 * one after the other. */
START_TEST(interrupts_do_not_nest)
{
  hd_time t = START + 3 * HD_US;
  make(1, 1);
  world.guests[0].main = run_ten_us;
  world.guests[0].handler_cycles = 500;
  script(t - NOTIFY, POST, 0, 77);
  script(t - NOTIFY + 100 * HD_NS, POST, 0, 78);
  script(t - NOTIFY + 200 * HD_NS, POST, 0, 200);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 3);
  ck_assert_uint_eq(g->vector[1], 200);
  ck_assert_uint_eq(g->vector[2], 78);
  hd_time each = ENTRY + 500 * HD_NS;
  for (int i = 0; i < 3; i++)
    ck_assert_int_eq(g->handled[i], t + i * each + ENTRY);
  ck_assert_int_eq(g->finished, START + 10 * HD_US + 3 * each);
}
END_TEST

static void run_with_interrupts_off(struct guest *g)
{
  vcpu_irq_disable(&g->vcpu);
  vcpu_run(&g->vcpu, 10000);
  g->time[0] = now(g);
  vcpu_irq_enable(&g->vcpu);
  g->time[1] = now(g);
}

START_TEST(disabled_interrupt_waits_for_enable)
{
  make(1, 1);
  world.guests[0].main = run_with_interrupts_off;
  world.guests[0].handler_cycles = 500;
  script(START + 3 * HD_US, POST, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_int_eq(g->time[0], START + 10 * HD_US);
  ck_assert_int_eq(g->handled[0], START + 10 * HD_US + ENTRY);
  ck_assert_int_eq(g->time[1], START + 10 * HD_US + ENTRY + 500 * HD_NS);
  ck_assert_uint_eq(g->interrupts, 1);
}
END_TEST

static void exit_then_run(struct guest *g)
{
  vcpu_exit(&g->vcpu, EXIT_TRAP);
  vcpu_run(&g->vcpu, 10000);
}

/* A kick that finds the vCPU in host mode causes no exit of its own. */
START_TEST(interrupt_during_an_exit_waits_for_its_end)
{
  bool posted = _i == 0;
  hd_time t = START + 1 * HD_US, back = START + 3001 * HD_NS;
  make(1, 1);
  world.guests[0].main = exit_then_run;
  if (posted)
    script(t - NOTIFY, POST, 0, 77);
  else
    script(t - TO_SCHEDULER - HOST_IRQ - IPI, INJECTED, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_int_eq(g->handled[0], back + (posted ? 0 : INJECT) + ENTRY);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 0);
}
END_TEST

START_TEST(injected_interrupt_of_a_running_vcpu)
{
  hd_time t = START + 1 * HD_US; /* at the fake unit */
  hd_time cost = EXIT_IN + EXTERNAL + EXIT_OUT + INJECT + ENTRY + 500 * HD_NS;
  make(1, 1);
  world.guests[0].main = run_ten_us;
  world.guests[0].handler_cycles = 500;
  script(t, INJECTED, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_int_eq(g->handled[0], t + TO_SCHEDULER + HOST_IRQ + IPI + EXIT_IN +
                                      EXTERNAL + EXIT_OUT + INJECT + ENTRY);
  ck_assert_int_eq(g->finished, START + 10 * HD_US + cost);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 1);
  ck_assert_uint_eq(host_stats().injections, 1);
  ck_assert_uint_eq(host_stats().wakes, 1);
}
END_TEST

START_TEST(injected_interrupt_of_a_blocked_vcpu)
{
  hd_time t = START + 100 * HD_US;
  make(1, 1);
  script(t, INJECTED, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 1);
  ck_assert_int_eq(g->handled[0], t + TO_SCHEDULER + HOST_IRQ + WAKE +
                                      EXIT_OUT + INJECT + ENTRY);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 0);
  ck_assert_uint_eq(host_stats().wakes, 2);
}
END_TEST

/* -- device registers ---------------------------------------------------- */

static void access_device(struct guest *g)
{
  vcpu_mmio_write(&g->vcpu, 3, 0x100, 42, NULL);
  g->time[0] = now(g);
  g->time[1] = (hd_time)vcpu_mmio_read(&g->vcpu, 3, 0x200);
  g->time[2] = now(g);
}

#define ROUND_TRIP (TO_ROOT + DEVICE + FROM_ROOT)

START_TEST(register_accesses_are_exact)
{
  make(1, 1);
  world.guests[0].main = access_device;
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_int_eq(g->time[0], START + STORE);
  ck_assert_int_eq(world.root.written_at, START + STORE + TO_ROOT);
  ck_assert_uint_eq(world.root.written, 42);
  ck_assert_int_eq(g->time[1], 0x201);
  ck_assert_int_eq(g->time[2], START + STORE + ROUND_TRIP);
  ck_assert_int_eq(stats(0).guest_time, STORE + ROUND_TRIP);
}
END_TEST

/* Kick and interrupt in the middle of a load: both wait for the data. */
START_TEST(interrupt_waits_for_a_load)
{
  hd_time t = START + STORE + 100 * HD_NS, data = START + STORE + ROUND_TRIP;
  make(1, 1);
  world.guests[0].main = access_device;
  world.guests[0].handler_cycles = 500;
  script(t - IPI - HOST_IRQ - TO_SCHEDULER, INJECTED, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  hd_time begins = data + EXIT_IN + EXTERNAL + EXIT_OUT + INJECT + ENTRY;
  ck_assert_int_eq(g->handled[0], begins);
  ck_assert_int_eq(g->time[2], begins + 500 * HD_NS);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 1);
}
END_TEST

/* Two of them: one exit, two injections. */
START_TEST(each_injection_is_paid)
{
  hd_time t = START + STORE + 100 * HD_NS, data = START + STORE + ROUND_TRIP;
  make(1, 1);
  world.params.host_irq_cost = 50;
  world.guests[0].main = access_device;
  for (unsigned i = 0; i < 2; i++) /* the second is handled after the first */
    script(t - IPI - 50 * HD_NS - TO_SCHEDULER, INJECTED, 0, 77 + i);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 2);
  ck_assert_int_eq(g->handled[0],
                   data + EXIT_IN + EXTERNAL + EXIT_OUT + 2 * INJECT + ENTRY);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 1);
}
END_TEST

/* Kick and pre-emption in one load: leaving the core is the exit for both. */
START_TEST(kick_and_preemption_share_an_exit)
{
  make(1, 2);
  world.params.wakeup_granularity = 0;
  world.params.sleeper_credit = HD_US;
  world.guests[0].main = access_device;
  hd_time t = START + STORE + 100 * HD_NS;
  world.fabric.boot[1] = t - IPI;
  script(t + 20 * HD_NS - IPI - HOST_IRQ - TO_SCHEDULER, INJECTED, 0, 77);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(world.guests[0].interrupts, 1);
  ck_assert_uint_eq(stats(0).exits[EXIT_PREEMPT], 1);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 0);
}
END_TEST

static void load_for_ever(struct guest *g)
{
  for (;;) {
    hd_time begin = now(g);
    unsigned preempted = (unsigned)g->vcpu.exits[EXIT_PREEMPT];
    vcpu_mmio_read(&g->vcpu, 0, g->rounds++);
    if (g->vcpu.exits[EXIT_PREEMPT] == preempted)
      ck_assert_int_eq(now(g) - begin, ROUND_TRIP);
    else
      ck_assert_int_gt(now(g) - begin, ROUND_TRIP);
  }
}

START_TEST(preemption_waits_for_a_load)
{
  make(1, 2);
  world.guests[0].main = load_for_ever;
  world.guests[1].main = run_in_steps;
  simulate(20 * SLICE);
  ck_assert_uint_ge(stats(0).exits[EXIT_PREEMPT], 8);
  ck_assert_int_le(
      llabs(stats(0).guest_time - world.guests[0].rounds * ROUND_TRIP),
      ROUND_TRIP);
}
END_TEST

/* -- polling guests ------------------------------------------------------ */

static void spin(struct guest *g)
{
  vcpu_spin_until(&g->vcpu, START + 20 * HD_US);
  g->time[0] = now(g);
  g->time[1] = vcpu_spin_for_message(&g->vcpu, START + 50 * HD_US);
  g->time[2] = now(g);
  g->time[3] = vcpu_spin_for_message(&g->vcpu, START + 60 * HD_US);
  g->time[4] = now(g);
  vcpu_exit(&g->vcpu, EXIT_TRAP); /* a message comes meanwhile */
  g->time[5] = g->messages;
  vcpu_poll(&g->vcpu);
  g->time[6] = g->messages;
  g->time[7] = now(g);
}

START_TEST(spinning)
{
  make(1, 1);
  world.guests[0].main = spin;
  world.guests[0].handler_cycles = 500;
  script(START + 10 * HD_US, POST, 0, 77);
  script(START + 30 * HD_US - GUEST_IPI, MESSAGE, 0, 0);
  script(START + 40 * HD_US - NOTIFY, POST, 0, 78);
  script(START + 61 * HD_US - GUEST_IPI, MESSAGE, 0, 0);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_int_eq(g->time[0], START + 20 * HD_US); /* handler inside */
  ck_assert_int_eq(g->time[1], 1);
  ck_assert_int_eq(g->time[2], START + 30 * HD_US);
  ck_assert_int_eq(g->time[3], 0);
  ck_assert_int_eq(g->handled[1], START + 40 * HD_US + ENTRY);
  ck_assert_int_eq(g->time[4], START + 60 * HD_US);
  ck_assert_int_eq(g->time[5], 1);
  ck_assert_int_eq(g->time[6], 2);
  ck_assert_int_eq(g->time[7], START + 60 * HD_US + 3001 * HD_NS);
}
END_TEST

/* -- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *suite = suite_create("cpu vcpu");
  TCase *c = tcase_create("vcpu");
  suite_add_tcase(suite, c);
  tcase_set_timeout(c, 120);
  tcase_add_test(c, run_is_exact);
  tcase_add_test(c, start_and_account);
  tcase_add_test(c, exits_cost_what_they_should);
  tcase_add_test(c, unfinished_run_is_accounted);
  tcase_add_test(c, posted_interrupt_preempts_a_run);
  tcase_add_loop_test(c, interrupt_at_the_end_of_a_run, 0, 3);
  tcase_add_test(c, interrupts_do_not_nest);
  tcase_add_test(c, disabled_interrupt_waits_for_enable);
  tcase_add_loop_test(c, interrupt_during_an_exit_waits_for_its_end, 0, 2);
  tcase_add_test(c, injected_interrupt_of_a_running_vcpu);
  tcase_add_test(c, injected_interrupt_of_a_blocked_vcpu);
  tcase_add_test(c, register_accesses_are_exact);
  tcase_add_test(c, interrupt_waits_for_a_load);
  tcase_add_test(c, each_injection_is_paid);
  tcase_add_test(c, kick_and_preemption_share_an_exit);
  tcase_add_test(c, preemption_waits_for_a_load);
  tcase_add_test(c, spinning);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
