/*
 * test_migration.c - live migration: memory, dirtying, rounds, convergence.
 *
 * Closed forms: with dirtying at d pages/s over S pages, a round of T seconds
 * leaves S (1 - exp(-d T / S)) pages, and lasts pages x (4096 + header) / b.
 * Tolerances are stated where they are used; they come from sampling (a page
 * count n scatters by sqrt(n) at most) and from the chunks' rounding.
 *
 * Not proved here: devices (test_migration_device.c), failures
 * (test_migration_fault.c), what a client sees.
 */
#include <math.h>
#include <time.h>

#include "models/hypervisor/migration_memory.h"
#include "sim/scenario/errors.h"
#include "sim/scenario/params.h"
#include "tests/test_migration.h"

static const double page_bits = 8 * (4096 + 8);

/* ---- memory -------------------------------------------------------------- */

START_TEST(test_bitmaps)
{
  struct migration_memory m;
  ck_assert(migration_memory_initialize(&m, 1000, 0.25));
  ck_assert_uint_eq(m.n_todo, 1000);
  ck_assert(migration_memory_is_zero(&m, 750));
  ck_assert(!migration_memory_is_zero(&m, 749));
  for (uint32_t i = 0; i < 1000; i++) {
    ck_assert_uint_eq(migration_memory_next(&m, i), i);
    migration_memory_taken(&m, i);
  }
  ck_assert_uint_eq(m.n_todo, 0);
  ck_assert_uint_eq(migration_memory_next(&m, 0), 1000);
  migration_memory_write(&m, 999);
  migration_memory_write(&m, 999);
  migration_memory_write(&m, 64);
  migration_memory_log(&m, 60, 8);
  ck_assert_uint_eq(m.version[999], 3);
  ck_assert_uint_eq(m.version[60], 1); /* counts as dirty only */
  ck_assert_uint_eq(migration_memory_sync(&m), 9);
  ck_assert_uint_eq(m.n_todo, 9);
  ck_assert_uint_eq(migration_memory_next(&m, 0), 60);
  ck_assert_uint_eq(migration_memory_next(&m, 68), 999);
  ck_assert(!migration_memory_is_zero(&m, 999));
  ck_assert_uint_eq(migration_memory_sync(&m), 0);
  migration_memory_terminate(&m);
}
END_TEST

/* Pages found after one second: within 4 standard deviations of the Poisson
 * model, in one interval or in many, hot and cold apart. */
START_TEST(test_dirty_distribution)
{
  enum { PAGES = 200000, HOT = PAGES / 10 };
  struct migration_load load = {.rate = 150000,
                                .first = 1000,
                                .pages = PAGES,
                                .hot_pages = 0.1,
                                .hot_writes = 0.8};
  static const int intervals[] = {1, 7, 500};
  gsl_rng *rng = hd_rng_new(4, "test", "dirty");
  for (int k = 0; k < 3; k++) {
    struct migration_memory m;
    ck_assert(migration_memory_initialize(&m, PAGES + 2000, 0));
    for (int i = 0; i < intervals[k]; i++)
      migration_memory_dirty(&m, &load, 1.0 / intervals[k], 1, rng);
    uint32_t hot = 0, cold = 0, outside = 0;
    for (uint32_t i = 0; i < m.n_pages; i++)
      if (m.version[i] > 1)
        ++*(i < 1000 || i >= 1000 + PAGES ? &outside
            : i < 1000 + HOT              ? &hot
                                          : &cold);
    double p_hot = 1 - exp(-150000 * 0.8 / HOT);
    double p_cold = 1 - exp(-150000 * 0.2 / (PAGES - HOT));
    ck_assert_uint_eq(outside, 0);
    ck_assert_double_le(fabs(hot - p_hot * HOT),
                        4 * sqrt(p_hot * (1 - p_hot) * HOT));
    ck_assert_double_le(fabs(cold - p_cold * (PAGES - HOT)),
                        4 * sqrt(p_cold * (1 - p_cold) * (PAGES - HOT)));
    ck_assert_uint_eq(m.n_log, hot + cold);
    migration_memory_terminate(&m);
  }
  gsl_rng_free(rng);
}
END_TEST

/* ---- the table ----------------------------------------------------------- */

START_TEST(test_table)
{
  const struct hd_param_section sections[] = {{&migration_param_table, 0}, {0}};
  const struct hd_param_registry registry = {sizeof(struct migration_params),
                                             sections, NULL};
  struct hd_errors *errors = hd_errors_create();
  bool sound = hd_params_verify(&registry, errors);
  hd_errors_print(errors, stderr);
  hd_errors_destroy(errors);
  ck_assert(sound);
  for (const struct hd_param *p = migration_param_table.params; p->name; p++)
    ck_assert(p->source && p->meaning && p->fallback);
}
END_TEST

/* ---- an idle VM ---------------------------------------------------------- */

/* One round, exactly: all pages once, and nothing in the stop phase. */
START_TEST(test_idle)
{
  struct bench b;
  bench_defaults(&b);
  b.params.page_send = b.params.page_check = 0;
  b.zero_share = 0.5;
  struct outcome *o = bench_run(&b);
  const struct migration_report *r = &o->report;
  assert_completed(&b, o);
  uint64_t pages = 65536;
  ck_assert_uint_eq(r->rounds, 1);
  ck_assert_uint_eq(r->pages, pages);
  ck_assert_uint_eq(r->zero_pages, pages / 2);
  ck_assert_uint_eq(r->bytes_pages, pages / 2 * 4096);
  ck_assert_uint_eq(r->bytes_headers, pages * 8 + pages / 2);
  ck_assert_uint_eq(r->final_pages, 0);
  ck_assert_uint_eq(r->bytes_state, 0);
  hd_time copy = hd_time_of_bytes((int64_t)r->bytes, b.rate);
  ck_assert_int_le(llabs(r->round[0].end - r->round[0].begin - copy), 64);
  ck_assert_double_eq(r->dirty_rate, 0);
  /* stop 1 ms, sync 25 us, COMMIT 10 us, start 1 ms */
  ck_assert_int_eq(r->downtime.total, 2 * HD_MS + 35 * HD_US);
  ck_assert_int_eq(r->silence, r->downtime.total + 1100 * HD_US);
}
END_TEST

/* The migration thread is slower than the link, by its cycles; more threads
 * help. */
START_TEST(test_thread_bound)
{
  struct bench b;
  bench_defaults(&b);
  b.rate = 100 * GBPS;
  b.params.channels = 1 + _i;
  struct outcome *o = bench_run(&b);
  assert_completed(&b, o);
  double cpu = 65536 * 5200 / 3e9;
  double round = (double)(o->report.round[0].end - o->report.round[0].begin);
  ck_assert_double_le(fabs(round * 1e-12 - cpu / (1 + _i)), 1e-3 * cpu);
  ck_assert_double_le(fabs((double)o->report.thread_cpu * 1e-12 - cpu - 50e-6),
                      1e-3 * cpu);
}
END_TEST

/* QEMU's limit: 128 MiB/s. The rest of a round that is not a whole number of
 * 100 ms windows goes at the link's rate. */
START_TEST(test_bandwidth_limit)
{
  struct bench b;
  bench_defaults(&b);
  b.params.bandwidth_limit = 1073741824;
  struct outcome *o = bench_run(&b);
  assert_completed(&b, o);
  double seconds = (double)o->report.bytes * 8 / 1073741824;
  double round = (double)(o->report.round[0].end - o->report.round[0].begin);
  ck_assert_double_le(fabs(round * 1e-12 - seconds), 0.1);
  ck_assert_double_ge(round * 1e-12, seconds - 0.1);
}
END_TEST

/* One and a half pages each 100 ms: what a page takes too much counts for the
 * next window. */
START_TEST(test_limit_carries)
{
  struct bench b;
  bench_defaults(&b);
  b.memory = 4 * MIB;
  b.params.bandwidth_limit = (4096 + 8) * 3 / 2 * 80;
  struct outcome *o = bench_run(&b);
  assert_completed(&b, o);
  hd_time round = o->report.round[0].end - o->report.round[0].begin;
  ck_assert_int_le(llabs(round - 1024 * 2 / 3 * 100 * HD_MS), 200 * HD_MS);
}
END_TEST

/* The guest writes until it has stopped: of 10000 pages 35 % are dirty after
 * the round, 1 - exp(-2.4) = 91 % when a slow stop is over. */
START_TEST(test_writes_while_stopping)
{
  struct bench b;
  bench_defaults(&b);
  b.load = (struct migration_load){.rate = 20000, .pages = 10000};
  b.params.stop_cost = 1 * HD_S;
  struct outcome *o = bench_run(&b);
  assert_completed(&b, o);
  ck_assert_uint_le(o->report.round[0].remaining, 4000);
  ck_assert_uint_ge(o->report.final_pages, 8900);
  ck_assert_uint_le(o->report.final_pages, 9300);
}
END_TEST

/* Two VMs share the link: the round lasts twice as long (1 %). */
START_TEST(test_two_migrations)
{
  struct bench b;
  bench_defaults(&b);
  b.params.page_send = 0;
  struct outcome *alone = bench_run(&b);
  b.twin = true;
  struct outcome *both = bench_run(&b);
  assert_completed(&b, alone);
  assert_completed(&b, both);
  const struct migration_round *r = &alone->report.round[0];
  const struct migration_round *q = &both->report.round[0];
  ck_assert_int_le(llabs(q->end - q->begin - 2 * (r->end - r->begin)),
                   (r->end - r->begin) / 50);
}
END_TEST

/* ---- convergence --------------------------------------------------------- */

/* Uniform dirtying with d / b = ratio; the closed form round by round, counts
 * within 1 % + 4 sigma, rounds and total bytes from it. */
static void check_against_closed_form(const struct bench *b,
                                      const struct migration_report *r)
{
  double n = (double)(b->memory / 4096), s = b->load.pages, d = b->load.rate;
  double rate = (double)b->rate / page_bits;  /* pages/s */
  double pages = n, total = 0, before = 5e-3; /* setup: dirtying, no copying */
  uint64_t rounds = 0;
  for (;;) {
    double t = pages / rate;
    total += pages;
    double next = s * (1 - exp(-d * (t + before) / s));
    ck_assert_double_le(fabs((double)r->round[rounds].remaining - next),
                        0.01 * next + 4 * sqrt(next));
    rounds++;
    before = (double)b->memory / (double)GIB * 100e-6 + next * 20e-9;
    pages = next;
    if (pages / rate <= 0.3)
      break;
  }
  ck_assert_uint_eq(r->rounds, rounds);
  double sent = (double)(r->pages - r->final_pages);
  ck_assert_double_le(fabs(sent - total), 0.01 * total);
}

START_TEST(test_convergence)
{
  static const double ratios[] = {0.1, 0.3, 0.5, 0.8};
  struct bench b;
  bench_defaults(&b);
  b.memory = 8 * GIB;
  b.load.pages = 8 * GIB / 4096;
  b.load.rate = ratios[_i] * (double)b.rate / page_bits;
  struct outcome *o = bench_run(&b);
  assert_completed(&b, o);
  check_against_closed_form(&b, &o->report);
  /* the last copy fits the limit, and is what the stop phase copied */
  ck_assert_int_le(o->report.downtime.copy, 300 * HD_MS + 10 * HD_MS);
  ck_assert_int_le(o->report.downtime.total, 320 * HD_MS);
}
END_TEST

/* Once rounds dirty little of a large memory, each is d / b of the one before:
 * within 3 %. */
START_TEST(test_rounds_shrink)
{
  struct bench b;
  bench_defaults(&b);
  b.memory = 8 * GIB;
  b.load.pages = 8 * GIB / 4096;
  b.load.rate = 0.5 * (double)b.rate / page_bits;
  b.params.downtime_limit = 10 * HD_MS;
  b.params.sync_cost = b.params.sync_page = b.params.setup_cost = 0;
  struct outcome *o = bench_run(&b);
  assert_completed(&b, o);
  const struct migration_report *r = &o->report;
  ck_assert_uint_ge(r->rounds, 8);
  for (uint64_t i = 4; i + 1 < r->rounds; i++) {
    double ratio = (double)r->round[i].remaining / (double)r->round[i].pages;
    ck_assert_double_le(fabs(ratio - 0.5), 0.03 * 0.5 + 0.02);
  }
}
END_TEST

/* d > b: rounds do not shrink below the working set; it gives up and says so,
 * or stops the VM all the same. */
START_TEST(test_no_convergence)
{
  struct bench b;
  bench_defaults(&b);
  b.memory = 2 * GIB;
  b.load.pages = 2 * GIB / 4096;
  b.load.rate = 3 * (double)b.rate / page_bits;
  b.params.max_rounds = 7;
  b.params.on_limit = _i ? MIGRATION_LIMIT_FORCE : MIGRATION_LIMIT_ABORT;
  struct outcome *o = bench_run(&b);
  ck_assert_uint_eq(o->report.rounds, 7);
  if (_i) {
    assert_completed(&b, o);
    assert_says(o, "without having converged");
    ck_assert_int_gt(o->report.downtime.total, 1 * HD_S);
  } else {
    assert_at_source(&b, o, MIGRATION_NOT_CONVERGED);
    assert_says(o, "does not converge");
    assert_says(o, "the VM goes on at the source");
    ck_assert_uint_eq(o->pauses, 0);
    ck_assert_int_eq(o->report.downtime.total, 0);
  }
}
END_TEST

/* The same load converges when the guest is throttled, and only then. */
START_TEST(test_auto_converge)
{
  struct bench b;
  bench_defaults(&b);
  b.memory = 2 * GIB;
  b.load.pages = 2 * GIB / 4096;
  b.load.rate = 3 * (double)b.rate / page_bits;
  b.params.auto_converge = true;
  b.params.max_rounds = 60;
  struct outcome *o = bench_run(&b);
  assert_completed(&b, o);
  ck_assert_double_gt(o->report.throttle, 0.5);
  ck_assert_double_eq(o->report.throttle, o->throttle);
}
END_TEST

/* A small hot set is sent again in each round; the rest only once. */
START_TEST(test_hot_set)
{
  struct bench b;
  bench_defaults(&b);
  b.memory = 2 * GIB;
  b.load = (struct migration_load){
      .rate = 1e6, .pages = 2 * GIB / 4096, .hot_pages = 0.01, .hot_writes = 1};
  struct outcome *o = bench_run(&b);
  assert_completed(&b, o);
  ck_assert_uint_le(o->report.final_pages, 5243); /* 1 % */
  ck_assert_uint_ge(o->report.final_pages, 5200);
  ck_assert_uint_eq(o->report.rounds, 1);
}
END_TEST

/* ---- order, seeds, cost -------------------------------------------------- */

static void busy_bench(struct bench *b, uint64_t seed)
{
  bench_defaults(b);
  b->memory = 128 * MIB;
  b->seed = seed;
  b->zero_share = 0.3;
  b->load = (struct migration_load){.rate = 4e4,
                                    .first = 100,
                                    .pages = 30000,
                                    .hot_pages = 0.2,
                                    .hot_writes = 0.7};
  b->params.downtime_limit = 3 * HD_MS;
  b->params.chunk = 1 * MIB;
  b->n_devices = 2;
  b->device[0] = (struct device_robot){
      .queues = 4, .live = true, .gap = 13 * HD_US + (hd_time)seed};
  b->device[1] = (struct device_robot){
      .queues = 1, .image = true, .state = 3 * MIB, .load = {5e3, 50, 2000}};
}

/* Under random CPU and DMA writes, told and sampled, every page arrives in its
 * last version; and each write that the device did was counted. */
START_TEST(test_versions)
{
  struct bench b;
  busy_bench(&b, (uint64_t)_i + 1);
  b.load.first = LIVE_PAGES; /* so that the device's writes can be counted */
  b.load.pages = 20000;
  b.device[1].load.first = LIVE_PAGES;
  struct outcome *o = bench_run(&b);
  assert_completed(&b, o);
  ck_assert_uint_eq(o->miscounted, 0);
  ck_assert_uint_gt(o->report.final_pages, 0);
  ck_assert_uint_gt(o->report.rounds, 1);
  ck_assert_uint_eq(o->device[0][1].running, 4);
}
END_TEST

/* A tracker that loses writes is found out at the hand-over. */
START_TEST(test_lost_write_found)
{
  struct bench b;
  busy_bench(&b, 1);
  b.device[0].loses = true;
  struct outcome *o = bench_run(&b);
  ck_assert(WIFEXITED(o->status));
  ck_assert_int_eq(WEXITSTATUS(o->status), HD_EXIT_INTERNAL);
}
END_TEST

/* So is a device that writes on after its suspension. */
START_TEST(test_late_write_found)
{
  struct bench b;
  busy_bench(&b, 1);
  b.device[0].late = true;
  struct outcome *o = bench_run(&b);
  ck_assert(WIFEXITED(o->status));
  ck_assert_int_eq(WEXITSTATUS(o->status), HD_EXIT_INTERNAL);
}
END_TEST

START_TEST(test_order_invariance)
{
  static const hd_time windows[] = {0, 1 * HD_NS, 1 * HD_US, 10 * HD_US};
  struct bench b;
  busy_bench(&b, 11);
  struct outcome *first = bench_run(&b);
  assert_completed(&b, first);
  for (uint32_t i = 0; i < 8; i++) {
    b.window = windows[i % 4];
    b.shuffle = i;
    struct outcome *o = bench_run(&b);
    ck_assert_mem_eq(o, first, sizeof *o);
  }
  b.seed = 12;
  ck_assert_uint_ne(bench_run(&b)->fingerprint, first->fingerprint);
}
END_TEST

static double seconds_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* 64 GiB at 25 Gb/s, dirtied at 40 % of that: seconds of wall time (a generous
 * bound, for sanitizers and shared machines), a bounded time series. */
START_TEST(test_large_vm)
{
  struct bench b;
  bench_defaults(&b);
  b.rate = 25 * GBPS;
  b.memory = 64 * GIB;
  b.params.channels = 4;
  b.load.pages = 64 * GIB / 4096;
  b.load.rate = 0.4 * (double)b.rate / page_bits;
  double begin = seconds_now();
  struct outcome *o = bench_run(&b);
  assert_completed(&b, o);
  ck_assert_double_le(seconds_now() - begin, 60);
  check_against_closed_form(&b, &o->report);
  const struct migration_report *r = &o->report;
  ck_assert_uint_le(r->n_samples, MIGRATION_SAMPLES);
  ck_assert_uint_ge(r->n_samples, MIGRATION_SAMPLES / 2);
  for (uint32_t i = 1; i < r->n_samples; i++) {
    ck_assert_int_ge(r->samples[i].when, r->samples[i - 1].when);
    ck_assert_uint_ge(r->samples[i].sent, r->samples[i - 1].sent);
  }
  ck_assert_int_eq(r->samples[r->n_samples - 1].phase, MIGRATION_OVER);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("migration");
  TCase *t = tcase_create("rounds");
  tcase_set_timeout(t, 300);
  tcase_add_test(t, test_bitmaps);
  tcase_add_test(t, test_dirty_distribution);
  tcase_add_test(t, test_table);
  tcase_add_test(t, test_idle);
  tcase_add_loop_test(t, test_thread_bound, 0, 4);
  tcase_add_test(t, test_bandwidth_limit);
  tcase_add_test(t, test_limit_carries);
  tcase_add_test(t, test_writes_while_stopping);
  tcase_add_test(t, test_two_migrations);
  tcase_add_loop_test(t, test_convergence, 0, 4);
  tcase_add_test(t, test_rounds_shrink);
  tcase_add_loop_test(t, test_no_convergence, 0, 2);
  tcase_add_test(t, test_auto_converge);
  tcase_add_test(t, test_hot_set);
  tcase_add_loop_test(t, test_versions, 0, 6);
  tcase_add_test(t, test_lost_write_found);
  tcase_add_test(t, test_late_write_found);
  tcase_add_test(t, test_order_invariance);
  tcase_add_test(t, test_large_vm);
  suite_add_tcase(s, t);
  return run_suite(s);
}
