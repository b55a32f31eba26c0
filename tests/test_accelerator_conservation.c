/*
 * test_accelerator_conservation.c - random traffic of all algorithms: every
 * request is answered exactly once, or forgotten by a reset; accounts balance;
 * the result depends on the seed alone.
 *
 * A green run says that nothing is lost, doubled or left behind. It does not
 * say that it happens at the right time.
 */
#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_accelerator.h"

static const enum accelerator_algorithm algorithms[] = {
    ACCELERATOR_AES_CBC_HMAC_SHA512,
    ACCELERATOR_AES_XTS,
    ACCELERATOR_DEFLATE_1D,
    ACCELERATOR_RSA_1K,
    ACCELERATOR_LZ4_1,
    ACCELERATOR_DSA_1K};

/* Sixteen guests of four banks: small rings, a narrow data window, few tags and
 * threads, late completions, faults. */
static void crowd(uint64_t seed)
{
  bench_defaults(16, 4);
  b.seed = seed;
  b.ring = 32;
  b.head_batch = 7;
  b.params.dma_window = 8192;
  b.params.sym_threads = 7;
  b.params.asym_threads = b.params.dc_threads = 2;
  b.pcie.tags = 16;
  b.slow = (hd_time)(seed % 4) * HD_US;
  for (int i = 0; i < 64; i++)
    b.bank[i / 4][i % 4].job =
        (struct job){.depth = 1 + (uint32_t)i % 31,
                     .algorithm = algorithms[i % 6],
                     .bytes = 9000,
                     .random_size = true,
                     .content = i % 2 == 0,
                     .batch = 1 + (uint32_t)i % 5,
                     .bad_every = i % 7 == 0 ? 11 : 0,
                     .interrupts = i % 3 == 0,
                     .random = hd_mix64(seed << 32 | (uint64_t)i)};
}

static void run_and_stop(void)
{
  run_jobs();
  at_host(2 * HD_MS, stop_jobs, 0);
}

START_TEST(every_request_once)
{
  uint64_t answered = 0;
  crowd((uint64_t)_i + 1);
  bench_build(HD_US);
  bench_run(run_and_stop, START + 20 * HD_MS);
  for (int i = 0; i < 64; i++) {
    const struct bank *d = &b.bank[i / 4][i % 4];
    ck_assert_uint_gt(d->completed, 0);
    ck_assert_uint_eq(d->submitted, d->completed);
    ck_assert_uint_eq(d->wrong, d->job.bad_every ? d->submitted / 11 : 0);
    answered += d->completed;
  }
  ck_assert_uint_eq(accelerator_answered(b.device), answered);
  ck_assert_uint_eq(accelerator_held(b.device), 0);
  bench_end();
}
END_TEST

/* Whenever the run ends. */
START_TEST(accounts_balance_at_any_time)
{
  crowd((uint64_t)_i + 1);
  bench_build(HD_US);
  bench_run(run_jobs, START + 3 * HD_US + _i * 17123457);
  ck_assert_uint_gt(accelerator_held(b.device), 0);
  bench_end();
}
END_TEST

/* ---- resets -------------------------------------------------------------- */

static uint32_t depth_of[MAX_VMS][MAX_BANKS];

static void resume(uint64_t vm)
{
  for (int k = 0; k < b.banks; k++) {
    struct bank *d = &b.bank[vm][k];
    d->job.depth = depth_of[vm][k];
    if (d->job.interrupts)
      accelerator_driver_arm(&d->driver);
    refill((int)vm, k);
  }
}

static void restart(uint64_t vm)
{
  for (int k = 0; k < b.banks; k++)
    forget((int)vm, k);
  issue(command(ACCELERATOR_START_BANKS, (uint32_t)vm));
  at_host(25 * HD_US, resume, vm);
}

/* Other guests, and what was inside, go on meanwhile. */
static void reset(uint64_t vm)
{
  for (int k = 0; k < b.banks; k++) {
    depth_of[vm][k] = b.bank[vm][k].job.depth;
    b.bank[vm][k].job.depth = 0;
  }
  issue(command(ACCELERATOR_RESET_INTERFACE, (uint32_t)vm));
  at_host(25 * HD_US, restart, vm);
}

static void run_with_resets(void)
{
  run_jobs();
  for (uint64_t i = 0; i < 20; i++)
    at_host((hd_time)(50 + i * 100) * HD_US +
                (hd_time)(hd_mix64(b.seed + i) % (uint64_t)(40 * HD_US)),
            reset, hd_mix64(b.seed * 31 + i) % 16);
  at_host(3 * HD_MS, stop_jobs, 0);
}

START_TEST(resets_lose_nothing_of_others)
{
  crowd((uint64_t)_i + 1);
  bench_build(HD_US);
  bench_run(run_with_resets, START + 30 * HD_MS);
  for (int i = 0; i < 64; i++)
    ck_assert_uint_eq(b.bank[i / 4][i % 4].submitted,
                      b.bank[i / 4][i % 4].completed);
  ck_assert_uint_gt(accelerator_forgotten(b.device), 100);
  ck_assert_uint_eq(accelerator_held(b.device), 0);
  ck_assert_uint_eq(accelerator_announced(b.device),
                    accelerator_answered(b.device) +
                        accelerator_forgotten(b.device));
  ck_assert_int_eq(b.commands_done, b.commands);
  bench_end();
}
END_TEST

/* ---- same seed, same result ---------------------------------------------- */

static hd_time the_window = HD_US;
static double fingerprint(uint64_t seed)
{
  crowd(seed);
  bench_build(the_window);
  bench_run(run_jobs, START + HD_MS);
  struct hd_engine_report r;
  hd_engine_get_report(b.engine, &r);
  ck_assert_uint_gt(r.events, 10000);
  return (double)(r.fingerprint & ((UINT64_C(1) << 52) - 1));
}

/* In a process of its own, since there is one engine a process. */
static double in_child(uint64_t seed)
{
  int ends[2], status;
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    double result = fingerprint(seed);
    ck_assert_int_eq(write(ends[1], &result, sizeof result), sizeof result);
    _exit(0);
  }
  double result = NAN;
  close(ends[1]);
  ck_assert_int_eq(read(ends[0], &result, sizeof result), sizeof result);
  close(ends[0]);
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
  return result;
}

START_TEST(result_depends_on_the_seed_alone)
{
  double first = in_child(5);
  ck_assert(first == in_child(5));
  ck_assert(first != in_child(6));
  the_window = 0; /* every component an actor by itself */
  ck_assert(first == in_child(5));
  the_window = 30 * HD_NS;
  ck_assert(first == in_child(5));
}
END_TEST

/* ---- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *s = suite_create("accelerator conservation");
  TCase *t = tcase_create("conservation");
  tcase_set_timeout(t, 120);
  tcase_add_loop_test(t, every_request_once, 0, 4);
  tcase_add_loop_test(t, accounts_balance_at_any_time, 0, 8);
  tcase_add_loop_test(t, resets_lose_nothing_of_others, 0, 6);
  tcase_add_test(t, result_depends_on_the_seed_alone);
  suite_add_tcase(s, t);
  return run_suite(s);
}
