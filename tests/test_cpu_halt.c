/*
 * test_cpu_halt.c - halting, halt polling and wake-ups of vCPUs.
 *
 * A green run says that a wake-up takes the sum of its steps, that polling
 * adapts as stated, and that nothing is lost when a wake-up crosses the
 * decision to block. It does not say that KVM's steps take as long.
 */
#include "tests/test_cpu_guests.h"

/* -- halting ------------------------------------------------------------- */

static void idle_once(struct guest *g)
{
  if (world.params.halt_poll)
    g->vcpu.halt_poll_now = world.params.halt_poll;
  vcpu_idle(&g->vcpu, HD_TIME_NEVER);
  g->time[0] = now(g);
  vcpu_irq_disable(&g->vcpu); /* nothing more is handled */
  vcpu_run(&g->vcpu, 100000);
}

static int64_t wake_up_time(int64_t action, int64_t halt_poll)
{
  make(1, 1);
  world.params.halt_poll = halt_poll;
  world.guests[0].main = idle_once;
  script(START + 50 * HD_US, (enum action)action, 0, 77);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(world.guests[0].interrupts, action == POST);
  return world.guests[0].time[0] - (START + 50 * HD_US);
}

/* The whole way, and so the exact difference that polling makes. */
START_TEST(halt_polling_is_faster_than_blocking)
{
  ck_assert_int_eq(in_child(wake_up_time, MESSAGE, 200 * HD_US),
                   GUEST_IPI + QUEUE + QUEUE + EXIT_OUT);
  ck_assert_int_eq(in_child(wake_up_time, MESSAGE, 0),
                   GUEST_IPI + QUEUE + WAKE + EXIT_OUT);
  /* Pending bits come with the core. */
  ck_assert_int_eq(in_child(wake_up_time, POST, 200 * HD_US),
                   TO_SCHEDULER + QUEUE + EXIT_OUT + ENTRY);
  ck_assert_int_eq(in_child(wake_up_time, POST, 0),
                   TO_SCHEDULER + WAKE + EXIT_OUT + ENTRY);
}
END_TEST

START_TEST(halt_polling_ends)
{
  make(1, 1);
  world.params.halt_poll = 20 * HD_US;
  world.guests[0].main = idle_once;
  script(START + 50 * HD_US, MESSAGE, 0, 0);
  simulate(1 * HD_MS);
  ck_assert_int_eq(world.guests[0].time[0],
                   START + 50 * HD_US + GUEST_IPI + QUEUE + WAKE + EXIT_OUT);
  ck_assert_int_eq(stats(0).host_time, /* polling is host time */
                   WAKE + SWITCH + EXIT_OUT + EXIT_IN + HLT + 20 * HD_US +
                       QUEUE + WAKE + EXIT_OUT + /* in again, and out */
                       EXIT_IN + HLT + QUEUE);   /* too long a halt: no more */
}
END_TEST

enum { PAUSES = 7 };
static const hd_time pauses[PAUSES] = {30 * HD_US, 30 * HD_US, 30 * HD_US,
                                       30 * HD_US, 1 * HD_MS,  1 * HD_MS,
                                       30 * HD_US};

static void idle_for_pauses(struct guest *g)
{
  for (int i = 0; i < PAUSES; i++) {
    vcpu_idle(&g->vcpu, now(g) + pauses[i]);
    g->time[i] = g->vcpu.halt_poll_now;
  }
}

/* Halts of 30 us: the polling time doubles until it covers them. One of 1 ms,
 * longer than halt_poll, turns it off. */
START_TEST(halt_polling_adapts)
{
  static const hd_time expected[PAUSES] = {
      10 * HD_US, 20 * HD_US, 40 * HD_US, 40 * HD_US, 0, 0, 10 * HD_US};
  make(1, 1);
  world.params.halt_poll = 200 * HD_US;
  world.guests[0].main = idle_for_pauses;
  simulate(10 * HD_MS);
  for (int i = 0; i < PAUSES; i++)
    ck_assert_int_eq(world.guests[0].time[i], expected[i]);
}
END_TEST

START_TEST(halt_polling_has_a_limit)
{
  make(1, 1);
  world.params.halt_poll = 35 * HD_US;
  world.guests[0].main = idle_for_pauses;
  simulate(10 * HD_MS);
  ck_assert_int_eq(world.guests[0].time[1], 20 * HD_US);
  ck_assert_int_eq(world.guests[0].time[2], 35 * HD_US);
}
END_TEST

static void idle_with_timeout(struct guest *g)
{
  vcpu_idle(&g->vcpu, START + 80 * HD_US);
  g->time[0] = now(g);
  vcpu_idle(&g->vcpu, now(g)); /* already over: halts and is back */
  g->time[1] = now(g);
}

START_TEST(timer_ends_a_halt)
{
  make(1, 1);
  world.guests[0].main = idle_with_timeout;
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  hd_time woken = START + 80 * HD_US + QUEUE + WAKE + EXIT_OUT;
  ck_assert_int_eq(g->time[0], woken);
  ck_assert_int_eq(g->time[1], woken + EXIT_IN + HLT + EXIT_OUT);
}
END_TEST

/* A notification around the decision to block, seen by the vCPU: in each case
 * it wakes itself, once. */
START_TEST(notification_crosses_block)
{
  hd_time shift = _i - 1;
  make(1, 1);
  world.guests[0].main = idle_once;
  script(HALTED + shift - NOTIFY, RAW_NOTIFY, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 1);
  ck_assert_int_eq(g->handled[0], HALTED + hd_time_max(shift, 0) + QUEUE +
                                      WAKE + EXIT_OUT + ENTRY);
  /* started, woken, and then at rest for good */
  ck_assert_uint_eq(host_stats().wakes, 2);
}
END_TEST

/* The same, seen by the interrupt unit: before it learns of the block it
 * notifies, afterwards it sends the wake-up vector. */
START_TEST(post_crosses_block)
{
  hd_time shift = _i - 1, t = HALTED + PID_STATE + shift;
  hd_time notified = t + NOTIFY + QUEUE + WAKE + EXIT_OUT + ENTRY;
  hd_time woken = t + TO_SCHEDULER + WAKE + EXIT_OUT + ENTRY;
  make(1, 1);
  world.guests[0].main = idle_once;
  script(t, POST, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 1);
  if (shift < 0)
    ck_assert_int_eq(g->handled[0], notified);
  else if (shift > 0)
    ck_assert_int_eq(g->handled[0], woken);
  else
    ck_assert(g->handled[0] == notified || g->handled[0] == woken);
  ck_assert_uint_eq(host_stats().wakes, 2); /* no spurious one later */
}
END_TEST

START_TEST(kick_crosses_block)
{
  hd_time shift = (_i - 1) * (_i % 2 ? 1 : IPI / 2);
  hd_time t = HALTED + shift; /* arrival of the kick */
  make(1, 1);
  world.guests[0].main = idle_once;
  script(t - IPI - HOST_IRQ - TO_SCHEDULER, INJECTED, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 1);
  ck_assert_int_eq(g->handled[0], hd_time_max(t, HALTED) + QUEUE + WAKE +
                                      EXIT_OUT + INJECT + ENTRY);
}
END_TEST

/* Three reasons, one wake-up. The scheduler sees: the first wake, BLOCK, the
 * wake, BLOCK. */
START_TEST(blocked_vcpu_wakes_itself_once)
{
  make(1, 1);
  for (unsigned i = 0; i < 3; i++)
    script(START + 50 * HD_US + i * 10 * HD_NS, RAW_NOTIFY, 0, 77 + i);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(world.guests[0].interrupts, 3);
  ck_assert_uint_eq(scheduler_component(world.scheduler)->handled, 4);
}
END_TEST

/* Streams of interrupts or messages against vCPUs that work and halt at all
 * times: each vector is handled once. */
static void work_and_halt(struct guest *g)
{
  for (;;) {
    uint64_t key = g->vcpu.index * 7919u + g->rounds++;
    vcpu_run(&g->vcpu, (int64_t)(hd_mix64(key) % 6000));
    vcpu_idle(&g->vcpu, HD_TIME_NEVER);
  }
}

static void make_stream(enum action action, unsigned cores, hd_time halt_poll)
{
  make(cores, 3);
  world.params.halt_poll = halt_poll;
  world.params.timeslice = 40 * HD_US;
  world.params.wakeup_granularity = 10 * HD_US;
  world.params.sleeper_credit = 20 * HD_US;
  world.fabric.stream = action;
  world.fabric.period = 5 * HD_US;
  world.fabric.stream_length = 6000;
  for (unsigned i = 0; i < world.n; i++) {
    world.guests[i].main = work_and_halt;
    world.guests[i].handler_cycles = 300;
  }
}

/* `cores` + 16: with halt polling. */
static int64_t lost(int64_t action, int64_t cores)
{
  int64_t wrong = 0;
  make_stream((enum action)action, (unsigned)(cores & 15),
              cores & 16 ? 8 * HD_US : 0);
  simulate(50 * HD_MS);
  ck_assert_uint_eq(world.fabric.streamed, 6000);
  for (unsigned i = 0; i < world.n; i++) {
    struct guest *g = &world.guests[i];
    wrong += llabs(2000 -
                   (int64_t)(action == MESSAGE ? g->messages : g->interrupts));
    ck_assert(g->vcpu.halted && !g->vcpu.on_core);
  }
  return wrong;
}

START_TEST(nothing_is_lost)
{
  static const enum action actions[] = {POST, INJECTED, MESSAGE};
  int64_t cores = _i % 2 ? 1 : 3, poll = _i / 6 ? 16 : 0;
  ck_assert_int_eq(lost(actions[_i / 2 % 3], cores | poll), 0);
}
END_TEST

/* -- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *suite = suite_create("cpu halt");
  TCase *c = tcase_create("halt");
  suite_add_tcase(suite, c);
  tcase_set_timeout(c, 120);
  tcase_add_test(c, halt_polling_is_faster_than_blocking);
  tcase_add_test(c, halt_polling_ends);
  tcase_add_test(c, halt_polling_adapts);
  tcase_add_test(c, halt_polling_has_a_limit);
  tcase_add_test(c, timer_ends_a_halt);
  tcase_add_loop_test(c, notification_crosses_block, 0, 3);
  tcase_add_loop_test(c, post_crosses_block, 0, 3);
  tcase_add_loop_test(c, kick_crosses_block, 0, 4);
  tcase_add_test(c, blocked_vcpu_wakes_itself_once);
  tcase_add_loop_test(c, nothing_is_lost, 0, 12);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
