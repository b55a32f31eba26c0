/*
 * test_guest_accelerator.c - accelerator threads against a device of known
 * behaviour: latency, rates, batches, interrupts, buffers, conservation.
 *
 * A green run does not prove anything about a real device, DMA or an IOMMU.
 */
#include <math.h>

#include "test_guest_accelerator.h"

static struct bench bench;

static hd_time cycles(const struct bench *b, int64_t n)
{
  return bench_cycles(b, n);
}

static void check_stage(const struct bench *b, enum hd_stage stage,
                        hd_time expected)
{
  const struct hd_histogram *h = &guest_breakdown(b->guest)->stages[stage];
  ck_assert_msg(h->min == expected && h->max == expected,
                "%s: %lld to %lld ps, expected %lld", hd_stage_name(stage),
                (long long)h->min, (long long)h->max, (long long)expected);
}

/* ---- one at a time ---------------------------------------------------------
 */

/* Exact: the vCPU blocks, and the interrupt wakes it. The handler tells the
 * device of the response it has read, then enables the interrupt. */
START_TEST(latency_is_the_sum_of_its_stages)
{
  struct bench *b = &bench;
  accel_defaults(b);
  accel_synchronous();
  accel_create(b);
  accel_run(b);
  hd_time mmio = cycles(b, b->cpu.mmio_write_cost);
  hd_time send = cycles(b, rig.jobs.submit_cycles);
  hd_time doorbell = mmio + DOORBELL_LATENCY;
  hd_time wake = IRQ_LATENCY + b->cpu.queue_latency + b->cpu.wake_latency +
                 cycles(b, b->cpu.exit_cost - b->cpu.exit_cost / 2 +
                               b->cpu.irq_entry_cost + rig.jobs.wake_cycles) +
                 mmio;
  hd_time receive = cycles(b, rig.jobs.complete_cycles) + mmio;
  check_stage(b, HD_STAGE_SEND_PATH, send);
  check_stage(b, HD_STAGE_DOORBELL, doorbell);
  check_stage(b, HD_STAGE_REMOTE, rig.service);
  check_stage(b, HD_STAGE_INTERRUPT, wake);
  check_stage(b, HD_STAGE_GUEST_RECEIVE, receive);
  hd_time sum = send + doorbell + rig.service + wake + receive;
  const struct hd_histogram *h = guest_latency(b->guest);
  ck_assert_int_eq(h->min, sum);
  ck_assert_int_eq(h->max, sum);
  struct guest_stats s = accel_stats(b);
  ck_assert_int_ge((hd_time)s.requests, b->duration / sum);
  ck_assert_int_le((hd_time)s.requests, b->duration / sum + 1);
  ck_assert_uint_eq(s.consumed_bytes, s.requests * 1024);
  ck_assert_uint_eq(s.produced_bytes, s.requests * (1024 + 64));
  ck_assert_uint_eq(rig.most_inside, 1);
  ck_assert_uint_eq(rig.tails, rig.pool.created);
  /* Each of them is halted for once, but for one cut by the window. */
  ck_assert_uint_le(s.requests, s.exits[EXIT_HLT] + 1);
  ck_assert_uint_le(s.exits[EXIT_HLT], s.requests + 1);
  accel_destroy(b);
}
END_TEST

/* A look finds a response at the end of the look during which it came: not
 * later than one look after it became visible. */
START_TEST(polling_takes_no_interrupt)
{
  struct bench *b = &bench;
  accel_defaults(b);
  rig.jobs.window = rig.jobs.batch = rig.jobs.head_batch = 1;
  accel_create(b);
  accel_run(b);
  const struct hd_histogram *h =
      &guest_breakdown(b->guest)->stages[HD_STAGE_INTERRUPT];
  hd_time look = cycles(b, rig.jobs.poll_cycles);
  hd_time mmio = cycles(b, b->cpu.mmio_write_cost);
  ck_assert_int_ge(h->min, VISIBLE_LATENCY + mmio);
  ck_assert_int_le(h->max, VISIBLE_LATENCY + mmio + 2 * look);
  struct guest_stats s = accel_stats(b);
  ck_assert_uint_eq(rig.interrupts + rig.enables + s.interrupts, 0);
  ck_assert_uint_eq(s.exits[EXIT_HLT], 0);
  ck_assert_int_eq(s.guest_time + s.host_time, b->duration);
  /* It waits, awake: what it does for a request is 0.6 of more than 10 us. */
  double busy =
      (double)s.requests *
      (double)cycles(b, rig.jobs.submit_cycles + rig.jobs.complete_cycles +
                            2 * b->cpu.mmio_write_cost) /
      (double)b->duration;
  double looks = (double)s.requests * 2 * (double)look / (double)b->duration;
  ck_assert_double_ge(s.send_core_utilization, 0.99 * busy);
  ck_assert_double_le(s.send_core_utilization, 1.01 * (busy + looks));
  accel_destroy(b);
}
END_TEST

/* ---- rates -----------------------------------------------------------------
 */

/* The device is fast and the window large: each turn of the loop is a look, a
 * batch submitted, and as many requests completed. 1 %: a turn at the window's
 * ends, of some hundreds of turns. */
START_TEST(the_core_limits_small_requests)
{
  struct bench *b = &bench;
  accel_defaults(b);
  rig.service = 2 * HD_US;
  accel_create(b);
  accel_run(b);
  const struct accelerator_jobs_params *p = &rig.jobs;
  double turn =
      (double)(p->poll_cycles +
               p->batch * (p->submit_cycles + p->complete_cycles) +
               b->cpu.mmio_write_cost) +
      (double)(p->batch * b->cpu.mmio_write_cost) / (double)p->head_batch;
  bench_near(accel_rate(b), (double)p->batch * 2e9 / turn, 0.01);
  ck_assert_double_ge(accel_stats(b).send_core_utilization, 0.999);
  ck_assert_uint_eq(rig.pool.created, rig.tails * (uint64_t)p->batch);
  ck_assert_uint_le(rig.heads, rig.answered / (uint64_t)p->head_batch);
  ck_assert_uint_ge(rig.heads + 2, rig.answered / (uint64_t)p->head_batch);
  accel_destroy(b);
}
END_TEST

/* The device answers every microsecond: that is the rate (0.2 %: a request at
 * each end of the window), and the window is what is outstanding, less the
 * batch that is being gathered. */
START_TEST(the_device_limits_otherwise)
{
  struct bench *b = &bench;
  accel_defaults(b);
  rig.gap = HD_US;
  accel_create(b);
  accel_run(b);
  bench_near(accel_rate(b), 1e6, 0.002);
  double outstanding =
      hd_histogram_mean_ns(guest_latency(b->guest)) * accel_rate(b) / 1e9;
  ck_assert_double_le(outstanding, 128);
  ck_assert_double_ge(outstanding, 128 - 16);
  ck_assert_uint_le(rig.most_inside, 128);
  ck_assert_uint_gt(rig.most_inside, 128 - 16);
  ck_assert_double_lt(accel_stats(b).send_core_utilization, 0.5);
  accel_destroy(b);
}
END_TEST

/* Interrupts that come while the handler reads are one more, not lost. */
START_TEST(interrupts_serve_many_requests)
{
  struct bench *b = &bench;
  accel_defaults(b);
  rig.jobs.completion = ACCELERATOR_INTERRUPT;
  rig.jobs.window = 64;
  rig.jobs.batch = 8;
  rig.spread = 20 * HD_US;
  accel_create(b);
  accel_run(b);
  struct guest_stats s = accel_stats(b);
  ck_assert_uint_gt(s.requests, 3 * s.interrupts);
  ck_assert_uint_gt(s.interrupts, 20);
  /* It goes on to the end: not more are unanswered than the window. */
  ck_assert_uint_le(guest_accelerator_inside(b->guest), 64);
  ck_assert_double_gt(accel_rate(b), 64 / 100e-6);
  accel_destroy(b);
}
END_TEST

/* Two threads have a bank and a vCPU each; the third bank is never used. */
START_TEST(threads_have_banks_of_their_own)
{
  struct bench *b = &bench;
  accel_defaults(b);
  b->config.vcpus = 4;
  b->config.queue_pairs = 3;
  rig.jobs.threads = 2;
  rig.gap = HD_US;
  accel_create(b);
  ck_assert_uint_eq(guest_vcpus(b->guest), 2);
  accel_run(b);
  bench_near(accel_rate(b), 2e6, 0.002);
  ck_assert_uint_gt(rig.bank[0].posted, 1000);
  ck_assert_uint_gt(rig.bank[1].posted, 1000);
  ck_assert_uint_eq(rig.bank[2].posted, 0);
  accel_destroy(b);
}
END_TEST

/* ---- requests --------------------------------------------------------------
 */

START_TEST(failed_requests_count_as_errors_alone)
{
  struct bench *b = &bench;
  accel_defaults(b);
  rig.fail_every = 7;
  rig.spread = 10 * HD_US;
  accel_create(b);
  accel_run(b);
  struct guest_stats s = accel_stats(b);
  bench_near((double)s.errors, (double)s.requests / 6, 0.01);
  ck_assert_uint_eq(s.consumed_bytes, s.requests * 1024);
  ck_assert_uint_lt(guest_latency(b->guest)->count, s.requests + 128);
  accel_destroy(b);
}
END_TEST

/* 4096 draws: a quarter each within five standard deviations of 0.7 %. */
START_TEST(mixes_have_their_shares)
{
  struct bench *b = &bench;
  accel_defaults(b);
  rig.jobs.mix = ACCELERATOR_EQUAL;
  accel_create(b);
  accel_run(b);
  static const uint32_t sizes[] = {64, 256, 1024, 4096};
  ck_assert_uint_eq(rig.logged, ACCEL_LOG);
  for (int k = 0; k < 4; k++) {
    int n = 0;
    for (int i = 0; i < ACCEL_LOG; i++)
      n += rig.sizes[i] == sizes[k];
    ck_assert_double_eq_tol((double)n / ACCEL_LOG, 0.25, 0.034);
  }
  accel_destroy(b);
}
END_TEST

/* Every kind of request, with flat buffers and scatter lists; the rig looks at
 * the addresses. */
START_TEST(buffers_are_the_guests)
{
  struct bench *b = &bench;
  accel_defaults(b);
  rig.jobs.algorithm = _i / 2;
  rig.jobs.pieces = _i % 2 ? 3 : 0;
  rig.jobs.size = 5000;
  rig.spread = 5 * HD_US;
  b->duration = 300 * HD_US;
  accel_create(b);
  accel_run(b);
  const struct accelerator_kind *k = &accelerator_kinds[rig.jobs.algorithm];
  struct guest_stats s = accel_stats(b);
  ck_assert_uint_gt(s.requests, 500);
  ck_assert_uint_eq(s.consumed_bytes,
                    s.requests * (k->input != 0 ? k->input : 5000));
  accel_destroy(b);
}
END_TEST

/* ---- starts ----------------------------------------------------------------
 */

START_TEST(drivers_start_by_traps_and_processes_do_not)
{
  struct bench *b = &bench;
  accel_defaults(b);
  b->config.bare = _i != 0;
  accel_create(b);
  accel_run(b);
  struct guest_stats s = accel_stats(b);
  uint64_t exits = 0;
  for (int i = 0; i < EXIT_REASONS; i++)
    exits += s.exits[i];
  ck_assert_uint_eq(b->hypervisor.traps, _i ? 0 : 80 + 10);
  ck_assert_uint_eq(s.page_faults, _i ? 0 : 1);
  ck_assert_uint_eq(exits, 0); /* none while it works */
  ck_assert_uint_gt(s.requests, 1000);
  accel_destroy(b);
}
END_TEST

static void setup_polled(struct bench *b)
{
  accel_defaults(b);
  accelerator_pool_initialize(&rig.pool);
  rig.spread = 10 * HD_US;
  rig.jobs.mix = ACCELERATOR_IMIX;
  b->config.vcpus = b->config.queue_pairs = 2;
  rig.jobs.threads = 2;
  b->duration = 100 * HD_US;
}

static void setup_interrupts(struct bench *b)
{
  setup_polled(b);
  rig.jobs.completion = ACCELERATOR_INTERRUPT;
}

START_TEST(results_do_not_depend_on_the_order_of_execution)
{
  bench_same_everywhere(_i ? setup_interrupts : setup_polled);
}
END_TEST

START_TEST(more_threads_than_banks_are_refused)
{
  struct bench *b = &bench;
  accel_defaults(b);
  rig.jobs.threads = 2;
  b->config.vcpus = 2;
  accel_create(b);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("guest_accelerator");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, latency_is_the_sum_of_its_stages);
  tcase_add_test(t, polling_takes_no_interrupt);
  tcase_add_test(t, the_core_limits_small_requests);
  tcase_add_test(t, the_device_limits_otherwise);
  tcase_add_test(t, interrupts_serve_many_requests);
  tcase_add_test(t, threads_have_banks_of_their_own);
  tcase_add_test(t, failed_requests_count_as_errors_alone);
  tcase_add_test(t, mixes_have_their_shares);
  tcase_add_loop_test(t, buffers_are_the_guests, 0, 2 * ACCELERATOR_ALGORITHMS);
  tcase_add_loop_test(t, drivers_start_by_traps_and_processes_do_not, 0, 2);
  tcase_add_loop_test(t, results_do_not_depend_on_the_order_of_execution, 0, 2);
  tcase_add_exit_test(t, more_threads_than_banks_are_refused, HD_EXIT_INTERNAL);
  suite_add_tcase(s, t);
  return bench_main(s);
}
