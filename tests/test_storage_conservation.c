/*
 * test_storage_conservation.c - nothing is lost, nothing is done twice, and the
 * result depends on the seed alone.
 *
 * Every request is completed once (the driver checks each completion against
 * its tag, slot and phase); afterwards the device is empty and its accounts
 * balance. A green run does not say that times are right.
 */
#include "test_storage.h"

/* ---- random load --------------------------------------------------------- */

static void crowd(uint64_t seed)
{
  bench_defaults(4, 2);
  b.seed = seed;
  b.ring = 64;
  b.slow = 3 * HD_US;
  b.params.commands = 50;
  b.params.fetches = 3;
  b.params.channels = 3;
  b.params.dies = 5;
  b.params.page_size = 8192;
  b.params.cache = seed % 3 == 0 ? 0 : (512 << 10);
  b.params.max_transfer = 128 << 10;
  b.params.dma_window = 16 << 10;
  b.params.internal_rate = 20000000000;
  b.params.read_jitter = b.params.program_jitter = 0.3;
  b.params.write_amplification = 1.3;
  b.params.coalesce_threshold = 4;
  b.params.coalesce_time = 20 * HD_US;
  all_jobs((struct job){.depth = 20, .read_percent = 60, .span = 2000});
  for (int i = 0; i < 8; i++) {
    struct job *j = &b.q[i / 2][i % 2].job;
    j->bytes = (uint32_t[]){512, 4096, 12288, 65536}[(unsigned)i % 4];
    j->depth = 5 + (uint32_t)i * 7;
    j->random = seed * 100 + (uint64_t)i;
    j->sequential = i % 3 == 0;
    j->bad_every = i == 5 ? 11 : 0;
  }
}

static void run_then_drain(void)
{
  run_jobs();
  at_host(10 * HD_MS, stop_jobs, 0);
}

START_TEST(requests_are_conserved)
{
  crowd((uint64_t)_i + 1);
  bench_build(HD_US);
  bench_run(run_then_drain, START + 60 * HD_MS);
  uint64_t submitted = 0;
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++) {
      ck_assert_uint_eq(b.q[vm][q].submitted, b.q[vm][q].completed);
      submitted += b.q[vm][q].submitted;
    }
  ck_assert_uint_gt(submitted, 500);
  ck_assert_uint_eq(storage_announced(b.device), submitted);
  ck_assert_uint_eq(storage_completed(b.device), submitted);
  ck_assert_uint_eq(storage_held(b.device), 0);
  ck_assert_uint_eq(store_operations(storage_store(b.device)), 0);
  ck_assert_int_eq(store_reserved(storage_store(b.device)), 0);
  ck_assert_uint_gt(b.failed, 0);
  ck_assert_uint_eq(stats().errors, b.failed);
  bench_end();
}
END_TEST

/* Stopped in the middle: what is missing is inside. */
START_TEST(accounts_balance_at_any_time)
{
  crowd((uint64_t)_i + 1);
  bench_build(HD_US);
  bench_run(run_jobs, START + HD_MS + _i * 77777 * HD_NS);
  uint64_t submitted = 0, completions = 0;
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++) {
      submitted += b.q[vm][q].submitted;
      completions += b.q[vm][q].completed;
    }
  ck_assert_uint_le(storage_announced(b.device), submitted);
  ck_assert_uint_ge(storage_completed(b.device), completions);
  ck_assert_uint_gt(storage_held(b.device), 0);
  bench_end();
}
END_TEST

/* ---- resets -------------------------------------------------------------- */

static uint32_t depth_of[MAX_VMS][MAX_QUEUES];

static void resume(uint64_t vm)
{
  for (int q = 0; q < b.queues; q++) {
    b.q[vm][q].job.depth = depth_of[vm][q];
    refill((int)vm, q);
  }
}

static void restart(uint64_t vm)
{
  for (int q = 0; q < b.queues; q++)
    forget((int)vm, q);
  issue(command(STORAGE_START_QUEUES, (uint32_t)vm));
  at_host(12 * HD_US, resume, vm);
}

/* Other guests, and what was inside, go on meanwhile. */
static void reset(uint64_t vm)
{
  for (int q = 0; q < b.queues; q++) {
    depth_of[vm][q] = b.q[vm][q].job.depth;
    b.q[vm][q].job.depth = 0;
  }
  issue(command(STORAGE_RESET_INTERFACE, (uint32_t)vm));
  at_host(12 * HD_US, restart, vm);
}

static void run_with_resets(void)
{
  run_jobs();
  for (uint64_t i = 0; i < 20; i++)
    at_host((hd_time)(50 + i * 100) * HD_US +
                (hd_time)(hd_mix64(b.seed + i) % (60 * HD_US)),
            reset, hd_mix64(b.seed * 31 + i) % 4);
  at_host(4 * HD_MS, stop_jobs, 0);
}

START_TEST(resets_lose_nothing_of_others)
{
  crowd((uint64_t)_i + 1);
  bench_build(HD_US);
  bench_run(run_with_resets, START + 60 * HD_MS);
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++)
      ck_assert_uint_eq(b.q[vm][q].submitted, b.q[vm][q].completed);
  ck_assert_uint_gt(storage_forgotten(b.device), 20);
  ck_assert_uint_eq(storage_held(b.device), 0);
  ck_assert_uint_eq(storage_announced(b.device),
                    storage_completed(b.device) + storage_forgotten(b.device));
  ck_assert_uint_eq(store_operations(storage_store(b.device)), 0);
  ck_assert_int_eq(store_reserved(storage_store(b.device)), 0);
  bench_end();
}
END_TEST

/* ---- same seed, same result ---------------------------------------------- */

static hd_time the_window = HD_US;
static double fingerprint(int seed)
{
  crowd((uint64_t)seed);
  bench_build(the_window);
  bench_run(run_jobs, START + HD_MS);
  struct hd_engine_report r;
  hd_engine_get_report(b.engine, &r);
  ck_assert_uint_gt(r.events, 10000);
  return (double)(r.fingerprint & ((UINT64_C(1) << 52) - 1));
}

START_TEST(result_depends_on_the_seed_alone)
{
  double first = in_child(fingerprint, 5);
  ck_assert(first == in_child(fingerprint, 5));
  ck_assert(first != in_child(fingerprint, 6));
  the_window = 0; /* every component an actor by itself */
  ck_assert(first == in_child(fingerprint, 5));
  the_window = 30 * HD_NS;
  ck_assert(first == in_child(fingerprint, 5));
}
END_TEST

/* ---- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *s = suite_create("storage conservation");
  TCase *t = tcase_create("conservation");
  tcase_set_timeout(t, 120);
  tcase_add_loop_test(t, requests_are_conserved, 0, 8);
  tcase_add_loop_test(t, accounts_balance_at_any_time, 0, 8);
  tcase_add_loop_test(t, resets_lose_nothing_of_others, 0, 12);
  tcase_add_test(t, result_depends_on_the_seed_alone);
  suite_add_tcase(s, t);
  return run_suite(s);
}
