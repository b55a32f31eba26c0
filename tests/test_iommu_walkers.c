/*
 * test_iommu_walkers.c - walkers as servers: throughput, merging, the miss
 * queue and the stalled input.
 *
 * A green run says that walks are limited by walkers / walk latency and nothing
 * else, and that no request is lost or overtaken where it must not be.
 */
#include "sim/engine/rng.h"
#include "tests/test_iommu.h"

#define GIB (UINT64_C(1) << 30)

static void plan(struct test_rig *r, hd_time when, uint64_t address)
{
  test_plan(&r->agent, when, PCIE_MRD, address, 64)->requester = TEST_REQUESTER;
}

static void rig(struct test_rig *r, const struct iommu_params *p)
{
  test_rig_new(r, p, HD_US);
  ck_assert(vtd_attach_requester(r->tables, TEST_REQUESTER,
                                 test_domain(r, 16 * GIB, 12)));
}

/* ---- throughput ----------------------------------------------------- */

static void next_page(struct test_agent *a, struct pcie_tlp *tlp)
{
  tlp->msg.kind = MSG_TLP_TRANSLATE;
  tlp->address = a->pages++ << 12;
  test_send(a, tlp, hd_now(&a->base) + a->out->latency);
}

/* 64 requests in a closed loop, each to a page never seen: every one walks, all
 * four levels from DRAM. Over 1 ms, 2 %: the first and last walks, and DRAM
 * queueing (four channels of 2 ns a line: below 1 %). */
static void check_throughput(int64_t walkers, struct iommu_stats *s)
{
  struct iommu_params p = test_iommu_params(IOMMU_LEGACY);
  p.walkers = walkers;
  p.miss_queue = 64;
  p.paging_entries = 0;
  p.coherent = false;
  struct test_rig r;
  rig(&r, &p);
  r.window = (struct hd_window){100 * HD_US, 1100 * HD_US};
  r.agent.answered = next_page;
  for (uint64_t i = 0; i < 64; i++)
    plan(&r, HD_US + (hd_time)i, r.agent.pages++ << 12);
  test_rig_run(&r, 1100 * HD_US);
  *s = test_stats(&r);
  test_rig_free(&r);
}

START_TEST(throughput_is_walkers_by_latency)
{
  const int64_t walkers[] = {1, 2, 5, 8};
  struct iommu_stats s;
  check_throughput(walkers[_i], &s);
  double latency = 4.0 * TEST_COLD_READ; /* ps */
  double expected = 1e9 / latency * (double)walkers[_i];
  ck_assert_double_eq_tol((double)s.walks / expected, 1, 0.02);
  ck_assert_double_eq_tol(s.walkers_busy / (double)walkers[_i], 1, 0.001);
  /* Little: walkers in use = rate of walks * their duration */
  ck_assert_double_eq_tol((double)s.walk_time / 1e9 / s.walkers_busy, 1, 0.02);
  ck_assert_uint_eq(s.hits, 0);
  ck_assert_double_eq_tol((double)s.walk_reads / (double)s.walks, 4, 0.02);
}
END_TEST

/* ---- merging -------------------------------------------------------- */

START_TEST(misses_to_one_page_share_a_walk)
{
  struct iommu_params p = test_iommu_params(IOMMU_LEGACY);
  struct test_rig r;
  rig(&r, &p);
  for (int i = 0; i < 10; i++) /* 9 join the first, in order */
    plan(&r, HD_US + i, 0x5000 + (uint64_t)i * 64);
  plan(&r, HD_US + 10, 0x6000); /* another page: another walk */
  test_rig_run(&r, 20 * HD_US);
  struct iommu_stats s = test_stats(&r);
  ck_assert_uint_eq(s.walks, 2);
  ck_assert_uint_eq(s.merged, 9);
  ck_assert_uint_eq(s.hits, 0);
  ck_assert_uint_eq(s.walk_reads, 12);
  for (size_t i = 0; i < 10; i++) {
    ck_assert_uint_eq(r.agent.answers[i].address, 0x5000 + i * 64);
    ck_assert_int_eq(r.agent.answers[i].when, r.agent.answers[0].when);
    ck_assert_int_eq(r.agent.answers[i].translation,
                     r.agent.answers[0].translation - (hd_time)i);
  }
  test_rig_free(&r);
}
END_TEST

/* 4096 neighbouring pages at once: a walk each, though many share a bucket of
 * the unit's table of walks, and each request gets its own page. */
START_TEST(neighbouring_pages_are_not_merged)
{
  struct iommu_params p = test_iommu_params(IOMMU_LEGACY);
  p.miss_queue = 64;
  struct test_rig r;
  rig(&r, &p);
  for (uint64_t i = 0; i < 4096; i++)
    plan(&r, HD_US + (hd_time)i, i * 4096 + i);
  test_rig_run(&r, 10 * HD_MS);
  struct iommu_stats s = test_stats(&r);
  ck_assert_uint_eq(s.walks, 4096);
  ck_assert_uint_eq(s.merged + s.hits, 0);
  ck_assert_uint_eq(r.agent.n_answers, 4096);
  for (size_t i = 0; i < 4096; i++)
    ck_assert_uint_eq(r.agent.answers[i].hpa,
                      TEST_GUEST + r.agent.answers[i].address);
  test_rig_free(&r);
}
END_TEST

/* The last request that may join arrives with the answer's read; one that comes
 * later hits. Walk: from arrival to end less the answer's way. */
START_TEST(a_request_at_the_end_of_a_walk)
{
  struct iommu_params p = test_iommu_params(IOMMU_LEGACY);
  p.coherent = false;
  const hd_time end = HD_US + TEST_LOOKUP - TEST_ANSWER + 6 * TEST_COLD_READ;
  struct test_rig r;
  rig(&r, &p);
  plan(&r, HD_US, 0x5000);
  plan(&r, end - 1 + _i, 0x5040);
  test_rig_run(&r, 20 * HD_US);
  struct iommu_stats s = test_stats(&r);
  ck_assert_uint_eq(s.walks, 1);
  /* At the very time the order of senders decides: agent before memory. */
  ck_assert_uint_eq(s.merged, _i <= 1 ? 1 : 0);
  ck_assert_uint_eq(s.hits, _i <= 1 ? 0 : 1);
  ck_assert_int_eq(r.agent.answers[1].when,
                   _i <= 1 ? end + TEST_ANSWER : end + 1 + TEST_LOOKUP);
  test_rig_free(&r);
}
END_TEST

/* Queued misses to a large page that the walk before them has brought in need
 * no walk of their own. */
START_TEST(a_queued_miss_looks_again)
{
  struct iommu_params p = test_iommu_params(IOMMU_LEGACY);
  p.walkers = 1;
  struct test_rig r;
  test_rig_new(&r, &p, HD_US);
  ck_assert(
      vtd_attach_requester(r.tables, TEST_REQUESTER, test_domain(&r, GIB, 21)));
  for (uint64_t i = 0; i < 8; i++)
    plan(&r, HD_US + (hd_time)i, i * 4096);
  test_rig_run(&r, 20 * HD_US);
  struct iommu_stats s = test_stats(&r);
  ck_assert_uint_eq(s.walks, 1);
  ck_assert_uint_eq(s.merged, 7);
  ck_assert_uint_eq(r.agent.n_answers, 8);
  test_rig_free(&r);
}
END_TEST

/* ---- the miss queue ------------------------------------------------- */

/* 2 walkers and room for 3: of 8 misses, 2 walk, 3 wait, 3 stall, and a hit
 * behind them stalls, too; all leave in the order they came, two a walk. */
START_TEST(a_full_miss_queue_stalls_the_input_in_order)
{
  struct iommu_params p = test_iommu_params(IOMMU_LEGACY);
  p.walkers = 2;
  p.miss_queue = 3;
  p.paging_entries = 0;
  p.coherent = false;
  struct test_rig r;
  rig(&r, &p);
  plan(&r, HD_US, 0x100000); /* warms the context cache, and is the hit */
  for (uint64_t i = 0; i < 8; i++)
    plan(&r, 10 * HD_US + (hd_time)i, i * 4096);
  plan(&r, 10 * HD_US + 8, 0x100000);
  test_rig_run(&r, 100 * HD_US);
  struct iommu_stats s = test_stats(&r);
  ck_assert_uint_eq(s.stalls, 4);
  ck_assert_uint_eq(s.walks, 9);
  ck_assert_uint_eq(s.hits, 1);
  ck_assert_uint_eq(r.agent.n_answers, 10);
  hd_time walk = 4 * TEST_COLD_READ;
  /* The walks' answers: pairs, a walk apart. The three that stalled last enter
   * the queue when walks end; the hit follows the last of them into the unit,
   * which is when the second pair's first walk ends. */
  size_t order[8], n = 0;
  hd_time hit_at = 0;
  for (size_t i = 1; i < 10; i++) {
    if (r.agent.answers[i].address == 0x100000)
      hit_at = r.agent.answers[i].when;
    else
      order[n++] = i;
  }
  ck_assert_uint_eq(n, 8);
  for (size_t i = 0; i < 8; i++) {
    const struct test_answer *a = &r.agent.answers[order[i]];
    ck_assert_uint_eq(a->address, i * 4096);
    hd_time due = 10 * HD_US + TEST_LOOKUP + (hd_time)(i / 2 + 1) * walk;
    ck_assert_int_ge(a->when, due);
    ck_assert_int_le(a->when, due + 8 * HD_NS); /* DRAM queueing */
  }
  hd_time second = r.agent.answers[order[2]].when - TEST_ANSWER;
  ck_assert_int_eq(hit_at, second + TEST_LOOKUP);
  test_rig_free(&r);
}
END_TEST

/* No room at all: one miss at a time, hits in between are held up. */
START_TEST(without_a_queue_one_walk_blocks_the_unit)
{
  struct iommu_params p = test_iommu_params(IOMMU_LEGACY);
  p.walkers = 1;
  p.miss_queue = 0;
  struct test_rig r;
  rig(&r, &p);
  plan(&r, HD_US, 0);
  for (uint64_t i = 1; i < 5; i++)
    plan(&r, HD_US + (hd_time)i, i / 2 * 4096);
  test_rig_run(&r, 100 * HD_US);
  struct iommu_stats s = test_stats(&r);
  ck_assert_uint_eq(s.walks, 3);
  ck_assert_uint_eq(s.hits, 2);
  ck_assert_uint_eq(s.merged, 0);
  ck_assert_uint_eq(s.stalls, 4);
  for (size_t i = 1; i < 5; i++)
    ck_assert_uint_eq(r.agent.answers[i].address, i / 2 * 4096);
  test_rig_free(&r);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("iommu_walkers");
  TCase *c = tcase_create("walkers");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, throughput_is_walkers_by_latency, 0, 4);
  tcase_add_test(c, misses_to_one_page_share_a_walk);
  tcase_add_test(c, neighbouring_pages_are_not_merged);
  tcase_add_loop_test(c, a_request_at_the_end_of_a_walk, 0, 3);
  tcase_add_test(c, a_queued_miss_looks_again);
  tcase_add_test(c, a_full_miss_queue_stalls_the_input_in_order);
  tcase_add_test(c, without_a_queue_one_walk_blocks_the_unit);
  suite_add_tcase(s, c);
  return test_main(s);
}
