/*
 * test_iommu_trace_run.c - packets, depth, times and the ends of trace runs,
 * and the map of a trace's pages.
 *
 * A green run says that a trace is issued as its packets and depth say, and
 * that the counts of the unit add up. It does not say that a product is as
 * fast.
 */
#include "sim/engine/rng.h"
#include "tests/test_iommu_trace.h"

#define HIT (TEST_LOOKUP + HD_PS) /* from issue to answer */

/* ---- time ----------------------------------------------------------- */

/* One page: a walk of 8 reads, and then hits. */
START_TEST(depth_divides_the_time)
{
  enum { N = 1024 };
  const int64_t depth = INT64_C(1) << _i;
  struct test_trace t;
  test_trace_new(&t, IOMMU_SCALABLE);
  t.config.depth = depth;
  for (uint64_t i = 0; i < N; i++)
    test_trace_add(&t, 3, i, TRACE_4K, true);
  ck_assert_int_eq(test_trace_run(&t), IOMMU_TRACE_DONE);
  hd_time cold = HIT + 8 * TEST_COLD_READ;
  const struct iommu_trace_results *r = &t.results;
  ck_assert_uint_eq(r->packets, N);
  ck_assert_uint_eq(r->domains, 1);
  ck_assert_uint_eq(r->iommu.walks, 1);
  ck_assert_uint_eq(r->iommu.walk_reads, 8);
  ck_assert_int_eq(r->packet_latency.max, cold);
  ck_assert_int_eq(r->packet_latency.min, HIT);
  ck_assert_int_eq(r->latency.min, TEST_LOOKUP);
  if (depth == 1)
    ck_assert_int_eq(r->duration, cold + (N - 1) * HIT);
  else /* those that come first wait for the walk; then all hit */
    ck_assert_int_le(r->duration, cold + N / depth * HIT);
  test_trace_free(&t);
}
END_TEST

/* Four accesses, each to a page of its own, in a packet: four walkers walk at
 * the same time, and the packet takes as long as one of them. */
START_TEST(a_packet_is_issued_together)
{
  struct test_trace t;
  test_trace_new(&t, IOMMU_SCALABLE);
  t.iommu.coherent = false;
  t.memory.dram_channels = 1; /* reads of a level queue: no two end together */
  for (uint64_t i = 0; i < 400; i++)
    test_trace_add(&t, 3, i * TEST_LARGE, TRACE_4K, i % 4 == 0);
  ck_assert_int_eq(test_trace_run(&t), IOMMU_TRACE_DONE);
  ck_assert_uint_eq(t.results.packets, 100);
  ck_assert_uint_eq(t.results.accesses, 400);
  hd_time sum = 0;
  for (size_t p = 0; p < 100; p++) {
    hd_time longest = 0;
    for (size_t i = 4 * p; i < 4 * p + 4; i++)
      longest = hd_time_max(longest, t.latency[i]);
    sum += longest + HD_PS;
  }
  ck_assert_int_eq(t.results.duration, sum);
  ck_assert(t.results.packet_latency.sum == (hd_histogram_sum)sum);
  ck_assert_uint_eq(t.results.iommu.walks, 400);
  ck_assert_double_gt((double)t.results.iommu.walk_time / (double)sum, 3);
  test_trace_free(&t);
}
END_TEST

/* The accesses of a packet that need the same page share a walk. */
START_TEST(accesses_of_a_packet_share_a_walk)
{
  struct test_trace t;
  test_trace_new(&t, IOMMU_SCALABLE);
  for (uint64_t i = 0; i < 40; i++)
    test_trace_add(&t, 3, i / 4 * 4096 + i, TRACE_4K, i % 4 == 0);
  ck_assert_int_eq(test_trace_run(&t), IOMMU_TRACE_DONE);
  ck_assert_uint_eq(t.results.iommu.walks, 10);
  ck_assert_uint_eq(t.results.iommu.merged, 30);
  test_trace_free(&t);
}
END_TEST

/* ---- counts --------------------------------------------------------- */

/* What each cache saves is known: each access of a new 4 KiB page in a known 2
 * MiB reads one entry, in a known GiB two, in known 512 GiB three. */
START_TEST(caches_are_counted_by_level)
{
  struct test_trace t;
  test_trace_new(&t, IOMMU_SCALABLE);
  test_trace_add(&t, 64, 0, TRACE_4K, true); /* 8 reads */
  for (uint64_t i = 1; i <= 5; i++)
    test_trace_add(&t, 64, i * 4096, TRACE_4K, true);
  for (uint64_t i = 1; i <= 4; i++)
    test_trace_add(&t, 64, i * TEST_LARGE, TRACE_4K, true);
  for (uint64_t i = 1; i <= 3; i++)
    test_trace_add(&t, 64, i * TEST_HUGE, TRACE_4K, true);
  test_trace_add(&t, 65, 0, TRACE_2M, true); /* directory known: 1 + 3 */
  test_trace_add(&t, 65, TEST_HUGE, TRACE_1G, true); /* PML4E known: 1 */
  ck_assert_int_eq(test_trace_run(&t), IOMMU_TRACE_DONE);
  const struct iommu_stats *s = &t.results.iommu;
  ck_assert_uint_eq(s->walk_reads, 8 + 5 * 1 + 4 * 2 + 3 * 3 + 4 + 1);
  ck_assert_uint_eq(s->paging_level[0], 5);
  ck_assert_uint_eq(s->paging_level[1], 4);
  ck_assert_uint_eq(s->paging_level[2], 3 + 1);
  ck_assert_uint_eq(s->paging_hits, 13);
  ck_assert_uint_eq(s->pasid_dir_misses, 1);
  ck_assert_uint_eq(s->pasid_dir_hits, 1);
  ck_assert_uint_eq(s->pasid_misses, 1); /* the first knew no context */
  ck_assert_uint_eq(s->context_misses, 1);
  test_trace_free(&t);
}
END_TEST

/* The ends of all ranges, in each mode. */
START_TEST(first_and_last_domain_and_address)
{
  struct test_trace t;
  test_trace_new(&t, _i == 0 ? IOMMU_LEGACY : IOMMU_SCALABLE);
  t.iommu.stage = _i == 2 ? IOMMU_NESTED : IOMMU_SECOND_STAGE;
  uint64_t end = UINT64_C(1) << (_i == 2 ? 46 : 48);
  uint32_t last = _i == 0 ? 65534 : TRACE_MAP_DOMAINS - 1;
  for (int round = 0; round < 2; round++) {
    test_trace_add(&t, 0, end - 1, TRACE_1G, true);
    test_trace_add(&t, 0, 0, TRACE_4K, true);
    test_trace_add(&t, last, end - 1, TRACE_4K, true);
    test_trace_add(&t, last, TEST_LARGE, TRACE_2M, true);
  }
  ck_assert_int_eq(test_trace_run(&t), IOMMU_TRACE_DONE);
  ck_assert_uint_eq(t.results.iommu.walks, 4);
  ck_assert_uint_eq(t.results.iommu.hits, 4);
  ck_assert_uint_eq(t.results.iommu.faults, 0);
  ck_assert_uint_eq(t.results.domains, 2);
  test_trace_free(&t);
}
END_TEST

/* ---- ends ----------------------------------------------------------- */

START_TEST(a_page_that_the_map_has_not_is_told)
{
  struct test_trace t;
  test_trace_new(&t, IOMMU_SCALABLE);
  test_trace_add(&t, 3, 0, TRACE_4K, true);
  test_trace_add_unmapped(&t, 3, TEST_LARGE, TRACE_4K, true);
  ck_assert_int_eq(test_trace_run(&t), IOMMU_TRACE_UNMAPPED);
  test_trace_free(&t);
}
END_TEST

START_TEST(tables_without_room_are_told)
{
  struct test_trace t;
  test_trace_new(&t, IOMMU_SCALABLE);
  t.iommu.stage = _i ? IOMMU_NESTED : IOMMU_SECOND_STAGE;
  t.config.arena_size = 64 * 4096;
  for (uint32_t d = 0; d < 64; d++)
    test_trace_add(&t, d, 0, TRACE_4K, true);
  ck_assert_int_eq(test_trace_run(&t), IOMMU_TRACE_NO_ROOM);
  ck_assert_uint_eq(t.results.accesses, 0);
  test_trace_free(&t);
}
END_TEST

/* ---- determinism ---------------------------------------------------- */

struct outcome {
  uint64_t fingerprint, hits, reads;
  hd_time duration;
};

static void one_run(const void *window, void *result)
{
  struct test_trace t;
  struct outcome *o = result;
  test_trace_new(&t, IOMMU_SCALABLE);
  t.config.window = *(const hd_time *)window;
  t.config.depth = 7;
  t.iommu.pasid_entries = 16;
  t.iommu.miss_queue = 2;
  t.iommu.replacement = IOMMU_RANDOM;
  gsl_rng *rng = hd_rng_new(1, "test", "trace");
  for (uint64_t i = 0; i < 5000; i++)
    test_trace_add(&t, (uint32_t)gsl_rng_uniform_int(rng, 40),
                   gsl_rng_uniform_int(rng, 20) * 4096, TRACE_4K,
                   gsl_rng_uniform_int(rng, 3) == 0);
  gsl_rng_free(rng);
  ck_assert_int_eq(test_trace_run(&t), IOMMU_TRACE_DONE);
  const struct iommu_stats *s = &t.results.iommu;
  ck_assert_uint_eq(s->lookups, s->hits + s->merged + s->walks);
  *o = (struct outcome){t.results.engine.fingerprint, s->hits, s->walk_reads,
                        t.results.duration};
  test_trace_free(&t);
}

START_TEST(the_window_changes_nothing)
{
  struct outcome a = {0}, b = {0};
  test_in_child(one_run, &(hd_time){HD_US}, &a, sizeof a);
  test_in_child(one_run, &(hd_time){0}, &b, sizeof b);
  ck_assert_uint_ne(a.fingerprint, 0);
  ck_assert_mem_eq(&a, &b, sizeof a);
}
END_TEST

/* ---- the map -------------------------------------------------------- */

START_TEST(an_address_has_one_page_size)
{
  static const uint64_t place = 3 * TEST_HUGE + 5 * TEST_LARGE + 4096;
  enum trace_page first = (enum trace_page)(_i / 3), other = TRACE_4K;
  enum trace_page second = (enum trace_page)(_i % 3);
  struct trace_map m;
  ck_assert(trace_map_initialize(&m));
  ck_assert_int_eq(trace_map_add(&m, 9, place, first, &other), TRACE_MAP_ADDED);
  enum trace_map_status status =
      trace_map_add(&m, 9, place + 100, second, &other);
  ck_assert_int_eq(status,
                   first == second ? TRACE_MAP_ADDED : TRACE_MAP_CONFLICT);
  if (first != second)
    ck_assert_int_eq(other, first);
  /* another domain, and other places, have nothing to do with it */
  ck_assert_int_eq(trace_map_add(&m, 8, place, second, &other),
                   TRACE_MAP_ADDED);
  ck_assert_int_eq(trace_map_add(&m, 9, place + TEST_HUGE, second, &other),
                   TRACE_MAP_ADDED);
  trace_map_terminate(&m);
}
END_TEST

/* Grown to a million entries, it still knows each. */
START_TEST(the_map_forgets_nothing)
{
  enum { DOMAINS = 1000, EACH = 400 };
  struct trace_map m;
  enum trace_page other;
  ck_assert(trace_map_initialize(&m));
  for (int round = 0; round < 2; round++) {
    for (uint32_t d = 0; d < DOMAINS; d++)
      for (uint64_t i = 0; i < EACH; i++)
        ck_assert_int_eq(trace_map_add(&m, d, i * 5 * TEST_LARGE,
                                       i % 2 ? TRACE_4K : TRACE_2M, &other),
                         TRACE_MAP_ADDED);
    /* and the GiBs around them */
    ck_assert_uint_eq(m.used, DOMAINS * (EACH + (EACH * 5 + 511) / 512));
  }
  for (uint32_t d = 0; d < DOMAINS; d++)
    for (uint64_t i = 0; i < EACH; i++)
      ck_assert_int_eq(trace_map_add(&m, d, i * 5 * TEST_LARGE,
                                     i % 2 ? TRACE_2M : TRACE_4K, &other),
                       TRACE_MAP_CONFLICT);
  trace_map_terminate(&m);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("iommu_trace_run");
  TCase *c = tcase_create("run");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, depth_divides_the_time, 0, 5);
  tcase_add_test(c, a_packet_is_issued_together);
  tcase_add_test(c, accesses_of_a_packet_share_a_walk);
  tcase_add_test(c, caches_are_counted_by_level);
  tcase_add_loop_test(c, first_and_last_domain_and_address, 0, 3);
  tcase_add_test(c, a_page_that_the_map_has_not_is_told);
  tcase_add_loop_test(c, tables_without_room_are_told, 0, 2);
  tcase_add_test(c, the_window_changes_nothing);
  tcase_add_loop_test(c, an_address_has_one_page_size, 0, 9);
  tcase_add_test(c, the_map_forgets_nothing);
  suite_add_tcase(s, c);
  return test_main(s);
}
