/*
 * test_server_bench.c - the DMA benchmark on the shipped scenario: a measured
 * host comes out as measured, each mechanism of the host is felt, and what a
 * host has not is infeasible.
 *
 * Numbers are those of the pcie-bench data (see docs in the presets): hosts
 * hsw-e5-2620v3 and ib-e5-2620v2, means in ns. Tolerance 3 % where a comment
 * does not say otherwise. A green run says nothing about other hosts.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "tests/server_harness.h"

#define BENCH "validation/pcie-bench.yaml"
#define CMD "bench.engine=cmd"
#define BANDWIDTH "bench.mode=bandwidth", "run.duration=1 ms"
#define SMALL_PAGES "iommu.mode=legacy", "iommu.page_size=4 KiB"
#define LARGE_PAGES "iommu.mode=legacy", "iommu.page_size=2 MiB"

static void close_to(double simulated, double measured, double tolerance)
{
  ck_assert_msg(fabs(simulated / measured - 1) <= tolerance,
                "simulated %g, measured %g", simulated, measured);
}

START_TEST(where_the_line_is)
{
  struct outcome cold = RUN(BENCH, CMD, LARGE_PAGES, "bench.cache=cold");
  struct outcome hwarm = RUN(BENCH, CMD, LARGE_PAGES, "bench.cache=hwarm");
  struct outcome dwarm = RUN(BENCH, CMD, LARGE_PAGES, "bench.cache=dwarm");
  close_to(ALL(cold, latency_mean_ns), 480, 0.03);
  close_to(ALL(hwarm, latency_mean_ns), 427, 0.03);
  close_to(ALL(dwarm, latency_mean_ns), 412, 0.03);
  ck_assert_double_eq(ALL(cold, llc_hit_ratio), 0);
  ck_assert_double_eq(ALL(hwarm, llc_hit_ratio), 1);
  ck_assert_double_eq(ALL(dwarm, llc_hit_ratio), 1);
}
END_TEST

/* 2 of 20 ways of 15 MiB are the device's: of a window of 4 MiB that it has
 * written in order, 1.5 MiB remain. The CPU has all of 15 MiB. */
START_TEST(how_much_of_the_window_fits)
{
  struct outcome device = RUN(BENCH, "bench.cache=dwarm", "bench.window=4 MiB");
  ck_assert_double_eq_tol(ALL(device, llc_hit_ratio), 1.5 / 4, 0.02);
  struct outcome cpu = RUN(BENCH, "bench.window=32 MiB");
  ck_assert_double_eq_tol(ALL(cpu, llc_hit_ratio), 15.0 / 32, 0.02);
  struct outcome fits = RUN(BENCH, "bench.window=8 MiB");
  ck_assert_double_eq(ALL(fits, llc_hit_ratio), 1);
  close_to(ALL(cpu, latency_mean_ns) - ALL(fits, latency_mean_ns), 30, 0.2);
}
END_TEST

/* A read behind a write waits for it: longer when a dirty line must leave, and
 * longer still when only a part of an absent line is written. */
START_TEST(reads_behind_writes)
{
  struct outcome full = RUN(BENCH, CMD, LARGE_PAGES, "bench.op=wrrd");
  struct outcome evict = RUN(BENCH, CMD, LARGE_PAGES, "bench.op=wrrd",
                             "bench.cache=cold", "bench.window=64 MiB");
  struct outcome part =
      RUN(BENCH, CMD, LARGE_PAGES, "bench.op=wrrd", "bench.transfer=8 B");
  struct outcome fetch =
      RUN(BENCH, CMD, LARGE_PAGES, "bench.op=wrrd", "bench.transfer=8 B",
          "bench.cache=cold", "bench.window=64 MiB");
  close_to(ALL(full, latency_mean_ns), 561.7, 0.03);
  close_to(ALL(evict, latency_mean_ns), 574.7, 0.03);
  ck_assert_double_eq_tol(
      ALL(evict, latency_mean_ns) - ALL(full, latency_mean_ns), 13, 2);
  close_to(ALL(part, latency_mean_ns), 543.9, 0.03);
  close_to(ALL(fetch, latency_mean_ns), 611.8, 0.03);
}
END_TEST

/* Refresh delays what comes from DRAM, a few per cent of reads by up to 270 ns,
 * and nothing that comes from the cache. */
START_TEST(refresh_is_in_the_tail_of_dram)
{
  struct outcome cold = RUN(BENCH, "bench.cache=cold", "bench.window=64 MiB",
                            "run.duration=8 ms");
  struct outcome warm = RUN(BENCH, "run.duration=8 ms");
  close_to(ALL(cold, latency_p50_ns), 600, 0.023); /* one tick */
  close_to(ALL(cold, latency_p99_ns), 800, 0.1);
  close_to(ALL(cold, latency_p999_ns), 866.7, 0.05);
  ck_assert_double_le(ALL(warm, latency_max_ns), 600);
}
END_TEST

/* 120 entries: misses are 1 - 120 / pages, a walk costs 228 to 232 ns, and the
 * walk's own reads come from DRAM and meet refresh. */
START_TEST(pages_beyond_the_iotlb)
{
  struct outcome off = RUN(BENCH, "iommu.mode=off");
  struct outcome few = RUN(BENCH, SMALL_PAGES, "bench.window=256 KiB");
  struct outcome many =
      RUN(BENCH, SMALL_PAGES, "bench.window=4 MiB", "run.duration=8 ms");
  struct outcome large = RUN(BENCH, LARGE_PAGES, "bench.window=4 MiB");
  ck_assert_double_eq(ALL(few, iotlb_hit_ratio), 1);
  ck_assert_double_eq_tol(ALL(few, latency_mean_ns), ALL(off, latency_mean_ns),
                          3);
  ck_assert_double_eq_tol(ALL(many, iotlb_hit_ratio), 120.0 / 1024, 0.015);
  ck_assert_double_eq_tol(ALL(many, iommu_walk_mean_ns), 230, 6);
  close_to(ALL(many, latency_mean_ns), 752.7, 0.03);
  ck_assert_double_ge(ALL(many, latency_p999_ns), 980);
  ck_assert_double_eq(ALL(large, iotlb_hit_ratio), 1);
}
END_TEST

/* 5 walks at a time, and nothing passes a miss that waits for a walker: as many
 * walks a second whatever share of the writes misses. Millions a second. */
START_TEST(walkers_limit_writes)
{
  static const struct {
    const char *window;
    double rate;
  } rows[] = {{"bench.window=512 KiB", 47.4},
              {"bench.window=1 MiB", 39.96},
              {"bench.window=2 MiB", 27.77},
              {"bench.window=8 MiB", 23.14},
              {"bench.window=64 MiB", 21.79}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct outcome o = RUN(BENCH, BANDWIDTH, SMALL_PAGES, "bench.op=wr",
                           "bench.cache=cold", rows[i].window);
    close_to(ALL(o, dma_per_s) / 1e6, rows[i].rate, 0.05);
    if (i > 0) {
      ck_assert_double_ge(ALL(o, iommu_walkers_busy), 4.5);
      ck_assert_str_eq(o.limited_by[0], "IOMMU walkers");
    }
  }
}
END_TEST

/* One requester's structures stay cached in either mode. */
START_TEST(scalable_mode_is_as_fast_as_legacy)
{
  struct outcome legacy = RUN(BENCH, SMALL_PAGES, "bench.window=4 MiB");
  struct outcome scalable = RUN(BENCH, "iommu.mode=scalable",
                                "iommu.page_size=4 KiB", "bench.window=4 MiB");
  close_to(ALL(scalable, latency_mean_ns), ALL(legacy, latency_mean_ns), 0.005);
}
END_TEST

/* Bus addresses are above 4 GiB without an IOMMU and below with one: headers
 * of writes differ by 4 B. */
START_TEST(headers_follow_addresses)
{
  struct outcome off = RUN(BENCH, BANDWIDTH, "bench.op=wr");
  struct outcome on = RUN(BENCH, BANDWIDTH, LARGE_PAGES, "bench.op=wr");
  double raw = 8e9 * 128 / 130; /* B/s of Gen3 x8 */
  double wide = ALL(off, pcie_up_utilization) * raw / ALL(off, dma_per_s);
  double narrow = ALL(on, pcie_up_utilization) * raw / ALL(on, dma_per_s);
  ck_assert_double_eq_tol(wide, 64 + 24, 1); /* and DLLPs */
  ck_assert_double_eq_tol(wide - narrow, 4, 0.2);
}
END_TEST

START_TEST(the_other_socket)
{
  struct outcome local =
      RUN(BENCH, "host.preset=dell-t620", "bench.pattern=seq");
  struct outcome remote = RUN(BENCH, "host.preset=dell-t620",
                              "bench.pattern=seq", "bench.numa=remote");
  close_to(ALL(local, latency_mean_ns), 560.4, 0.03);
  close_to(ALL(remote, latency_mean_ns), 675.0, 0.03);
  struct outcome none = RUN(BENCH, "bench.numa=remote");
  ck_assert(!none.feasible);
  ck_assert_str_eq(none.shortage, "sockets");
  ck_assert_int_eq(none.have, 1);
  ck_assert_int_eq(none.need, 2);
}
END_TEST

START_TEST(window_and_order_change_nothing)
{
  struct outcome a = RUN(BENCH, SMALL_PAGES, BANDWIDTH, "bench.op=rdwr",
                         "bench.window=1 MiB", "run.duration=200 us");
  struct outcome b =
      RUN(BENCH, SMALL_PAGES, BANDWIDTH, "bench.op=rdwr", "bench.window=1 MiB",
          "run.duration=200 us", "run.window=0 ns", "run.actor_order=7");
  ck_assert_uint_ne(a.fingerprint, 0);
  ck_assert_uint_eq(a.fingerprint, b.fingerprint);
  for (int i = 0; i < METRIC_COUNT; i++)
    ck_assert(a.metric[0][i] == b.metric[0][i] ||
              (isnan(a.metric[0][i]) && isnan(b.metric[0][i])));
}
END_TEST

static Suite *suite(void)
{
  Suite *s = suite_create("DMA benchmark");
  TCase *c = tcase_create("measured hosts");
  tcase_set_timeout(c, 120);
  tcase_add_test(c, where_the_line_is);
  tcase_add_test(c, how_much_of_the_window_fits);
  tcase_add_test(c, reads_behind_writes);
  tcase_add_test(c, refresh_is_in_the_tail_of_dram);
  tcase_add_test(c, pages_beyond_the_iotlb);
  tcase_add_test(c, walkers_limit_writes);
  tcase_add_test(c, scalable_mode_is_as_fast_as_legacy);
  tcase_add_test(c, headers_follow_addresses);
  tcase_add_test(c, the_other_socket);
  tcase_add_test(c, window_and_order_change_nothing);
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
