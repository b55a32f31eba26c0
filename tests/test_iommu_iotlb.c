/*
 * test_iommu_iotlb.c - the caches themselves against a textbook cache, and the
 * IOTLB inside the unit: hit for hit, and its miss ratio in theory.
 *
 * A green run says that replacement is what its name says. It does not say
 * which replacement, or how many entries, a product has.
 */
#include "models/iommu/cache.h"
#include "sim/engine/rng.h"
#include "tests/test_iommu.h"

#include <string.h>

/* ---- textbook: ways with the time of their last use (LRU) or fill (FIFO) ----
 */

struct slot {
  uint64_t key, value;
  int64_t stamp;
  bool valid;
};

struct textbook {
  struct slot slots[1024];
  uint64_t n_sets, n_ways;
  int64_t clock;
  bool fifo;
};

static struct slot *textbook_find(struct textbook *t, uint64_t set,
                                  uint64_t key)
{
  for (uint64_t w = 0; w < t->n_ways; w++) {
    struct slot *s = &t->slots[set * t->n_ways + w];
    if (s->valid && s->key == key) {
      if (!t->fifo)
        s->stamp = t->clock++;
      return s;
    }
  }
  return NULL;
}

static void textbook_insert(struct textbook *t, uint64_t set, uint64_t key,
                            uint64_t value)
{
  struct slot *victim = &t->slots[set * t->n_ways];
  for (uint64_t w = 0; w < t->n_ways; w++) {
    struct slot *s = &t->slots[set * t->n_ways + w];
    if (!s->valid) {
      victim = s;
      break;
    }
    if (s->stamp < victim->stamp)
      victim = s;
  }
  *victim = (struct slot){key, value, t->clock++, true};
}

struct geometry {
  int64_t entries, ways;
  bool fifo;
};

static const struct geometry geometries[] = {
    {1, 1, false},   {64, 1, false}, {64, 4, false},
    {64, 0, false},  {96, 8, false}, {512, 8, false},
    {512, 0, false}, {64, 4, true},  {64, 0, true}};
enum { GEOMETRIES = sizeof geometries / sizeof *geometries };

static void compare(struct vtd_cache *c, struct textbook *t, uint64_t key,
                    uint64_t value)
{
  uint64_t set = key % t->n_sets;
  uint64_t *found = vtd_cache_find(c, key);
  struct slot *s = textbook_find(t, set, key);
  ck_assert_int_eq(found != NULL, s != NULL);
  if (s) {
    ck_assert_uint_eq(*found, s->value);
  } else {
    vtd_cache_insert(c, key, key, value);
    textbook_insert(t, set, key, value);
  }
}

static void compare_removal(struct vtd_cache *c, struct textbook *t,
                            uint64_t mask, uint64_t match, bool values)
{
  size_t removed = values ? vtd_cache_remove_values(c, mask, match)
                          : vtd_cache_remove_keys(c, mask, match);
  size_t expected = 0;
  for (uint64_t i = 0; i < t->n_sets * t->n_ways; i++) {
    struct slot *s = &t->slots[i];
    if (s->valid && ((values ? s->value : s->key) & mask) == match) {
      s->valid = false;
      expected++;
    }
  }
  ck_assert_uint_eq(removed, expected);
}

START_TEST(every_access_is_as_in_the_textbook)
{
  struct geometry g = geometries[_i];
  struct vtd_cache c;
  struct textbook *t = calloc(1, sizeof *t);
  t->fifo = g.fifo;
  t->n_ways = (uint64_t)(g.ways ? g.ways : g.entries);
  t->n_sets = (uint64_t)g.entries / t->n_ways;
  ck_assert(vtd_cache_initialize(&c, g.entries, g.ways,
                                 g.fifo ? VTD_FIFO : VTD_LRU, NULL));
  gsl_rng *rng = hd_rng_new(1, "test", "keys");
  for (uint64_t i = 0; i < 100000; i++) {
    uint64_t key = gsl_rng_uniform_int(rng, 3 * (uint64_t)g.entries);
    uint64_t kind = gsl_rng_uniform_int(rng, 200);
    if (kind == 0)
      compare_removal(&c, t, 7, key & 7, false);
    else if (kind == 1)
      compare_removal(&c, t, 15, key & 15, true);
    else
      compare(&c, t, key, i);
  }
  ck_assert_ptr_null(vtd_cache_check(&c));
  gsl_rng_free(rng);
  free(t);
  vtd_cache_terminate(&c);
}
END_TEST

/* 119 entries of 8 ways: 14 sets of 8 and one of 7, which is the last. */
START_TEST(entries_need_not_fill_the_ways)
{
  struct vtd_cache c;
  ck_assert(vtd_cache_initialize(&c, 119, 8, VTD_LRU, NULL));
  for (uint64_t i = 0; i < 119; i++)
    vtd_cache_insert(&c, i, i, i);
  for (uint64_t i = 0; i < 119; i++)
    ck_assert_ptr_nonnull(vtd_cache_find(&c, i));
  vtd_cache_insert(&c, 119, 119, 119); /* set 14 is full with 7 */
  ck_assert_ptr_null(vtd_cache_find(&c, 14));
  ck_assert_ptr_nonnull(vtd_cache_find(&c, 29));
  ck_assert_ptr_null(vtd_cache_check(&c));
  vtd_cache_terminate(&c);
}
END_TEST

/* A full set loses each of its lines equally often: 4 standard errors. */
START_TEST(random_replacement_is_uniform)
{
  gsl_rng *rng = hd_rng_new(1, "test", "victims");
  struct vtd_cache c;
  ck_assert(vtd_cache_initialize(&c, 8, 0, VTD_RANDOM, rng));
  unsigned lost[8] = {0};
  for (unsigned round = 0; round < 8000; round++) {
    vtd_cache_remove_keys(&c, 0, 0);
    for (uint64_t key = 0; key < 9; key++)
      vtd_cache_insert(&c, 0, key, key);
    for (uint64_t key = 0; key < 8; key++)
      lost[key] += !vtd_cache_find(&c, key);
  }
  for (int i = 0; i < 8; i++)
    ck_assert_double_eq_tol(lost[i], 1000, 4 * 29.6);
  vtd_cache_terminate(&c);
  gsl_rng_free(rng);
}
END_TEST

START_TEST(an_empty_cache_holds_nothing)
{
  struct vtd_cache c;
  ck_assert(vtd_cache_initialize(&c, 0, 8, VTD_LRU, NULL));
  vtd_cache_insert(&c, 1, 1, 1);
  ck_assert_ptr_null(vtd_cache_find(&c, 1));
  ck_assert_uint_eq(vtd_cache_remove_keys(&c, 0, 0), 0);
  ck_assert_ptr_null(vtd_cache_check(&c));
  vtd_cache_terminate(&c);
}
END_TEST

/* ---- in the unit ---------------------------------------------------- */

static void next_request(struct test_agent *a, struct pcie_tlp *tlp)
{
  if (a->left == 0) {
    hd_msg_free(&a->base, tlp);
    return;
  }
  a->left--;
  tlp->msg.kind = MSG_TLP_TRANSLATE;
  tlp->address = gsl_rng_uniform_int(a->rng, a->pages) * 4096;
  tlp->translation = 0;
  test_send(a, tlp, hd_now(&a->base) + a->out->latency);
}

/* One request at a time, uniformly over `pages` pages. */
static void lone_requests(struct test_rig *r, const struct iommu_params *p,
                          uint64_t pages, uint64_t requests)
{
  test_rig_new(r, p, HD_US);
  uint32_t domain = test_domain(r, pages * 4096, 12);
  ck_assert(vtd_attach_requester(r->tables, TEST_REQUESTER, domain));
  r->agent.rng = hd_rng_new(1, "test", "pages");
  r->agent.pages = pages;
  r->agent.left = requests - 1;
  r->agent.answered = next_request;
  test_plan(&r->agent, HD_US, PCIE_MRD, 0, 64)->requester = TEST_REQUESTER;
  test_rig_run(r, HD_S);
  ck_assert_uint_eq(r->agent.n_answers, requests);
}

/* Miss ratio of a uniform random stream over P pages: 1 - N/P for any
 * replacement, set-associative ones too when P fills the sets evenly. 100000
 * requests: standard error below 0.16 %, and the cold start adds N misses of
 * those (0.5 %) at most, taken out here. Tolerance: 1 percentage point. */
struct ratio_case {
  int64_t entries, ways;
  uint64_t factor; /* P = factor * N */
  int replacement;
};

static const struct ratio_case ratios[] = {
    {64, 0, 2, IOMMU_LRU},     {64, 0, 4, IOMMU_RANDOM},
    {64, 8, 2, IOMMU_RANDOM},  {64, 8, 16, IOMMU_LRU},
    {64, 0, 16, IOMMU_FIFO},   {512, 0, 2, IOMMU_RANDOM},
    {512, 0, 4, IOMMU_LRU},    {512, 8, 2, IOMMU_LRU},
    {512, 8, 8, IOMMU_RANDOM}, {512, 0, 16, IOMMU_RANDOM},
    {512, 8, 16, IOMMU_LRU}};
enum { RATIOS = sizeof ratios / sizeof *ratios };

START_TEST(uniform_misses_follow_theory)
{
  const struct ratio_case *c = &ratios[_i];
  struct iommu_params p = test_iommu_params(IOMMU_LEGACY);
  p.iotlb_entries = c->entries;
  p.iotlb_ways = c->ways;
  p.replacement = c->replacement;
  struct test_rig r;
  const uint64_t requests = 100000;
  lone_requests(&r, &p, c->factor * (uint64_t)c->entries, requests);
  struct iommu_stats s = test_stats(&r);
  ck_assert_uint_eq(s.hits + s.walks, requests);
  double measured = (double)s.walks / (double)requests;
  double cold = (double)c->entries / (double)requests / (double)c->factor;
  ck_assert_double_eq_tol(measured - cold, 1 - 1.0 / (double)c->factor, 0.01);
  gsl_rng_free(r.agent.rng);
  test_rig_free(&r);
}
END_TEST

/* One request at a time: each is a hit exactly when the textbook's is. The unit
 * may rename its sets, so consecutive pages must be in consecutive ones. */
static void compare_hits(const struct test_rig *r, struct textbook *t)
{
  for (size_t i = 0; i < r->agent.n_answers; i++) {
    uint64_t page = r->agent.answers[i].address >> 12;
    bool hit = textbook_find(t, page % t->n_sets, page) != NULL;
    if (!hit)
      textbook_insert(t, page % t->n_sets, page, 0);
    bool was_hit = test_latency(&r->agent, i) == TEST_LOOKUP;
    ck_assert_msg(hit == was_hit, "request %zu, page %llu", i,
                  (unsigned long long)page);
  }
}

START_TEST(the_unit_hits_when_the_textbook_hits)
{
  struct geometry g = geometries[_i];
  struct iommu_params p = test_iommu_params(IOMMU_LEGACY);
  p.iotlb_entries = g.entries;
  p.iotlb_ways = g.ways;
  p.replacement = g.fifo ? IOMMU_FIFO : IOMMU_LRU;
  struct textbook *t = calloc(1, sizeof *t);
  t->fifo = g.fifo;
  t->n_ways = (uint64_t)(g.ways ? g.ways : g.entries);
  t->n_sets = (uint64_t)g.entries / t->n_ways;
  struct test_rig r;
  lone_requests(&r, &p, 3 * (uint64_t)g.entries, 20000);
  compare_hits(&r, t);
  gsl_rng_free(r.agent.rng);
  free(t);
  test_rig_free(&r);
}
END_TEST

/* Large pages have their own array, unless they share: 16 entries cover 32 MiB;
 * 17 pages visited in turn, LRU, never hit. */
static uint64_t hits_of_rounds(int64_t large, uint64_t pages)
{
  struct iommu_params p = test_iommu_params(IOMMU_LEGACY);
  p.iotlb_entries = 32;
  p.iotlb_large_entries = large;
  struct test_rig r;
  test_rig_new(&r, &p, HD_US);
  uint32_t domain = test_domain(&r, pages << 21, 21);
  ck_assert(vtd_attach_requester(r.tables, TEST_REQUESTER, domain));
  for (uint64_t i = 0; i < 10 * pages; i++)
    test_plan(&r.agent, (hd_time)(i + 1) * 2 * HD_US, PCIE_MRD,
              (i % pages << 21) + i * 4096, 64)
        ->requester = TEST_REQUESTER;
  test_rig_run(&r, 10 * HD_MS);
  ck_assert_uint_eq(r.agent.n_answers, 10 * pages);
  for (size_t i = 0; i < r.agent.n_answers; i++)
    ck_assert_uint_eq(r.agent.answers[i].hpa,
                      TEST_GUEST + r.agent.answers[i].address);
  uint64_t hits = test_stats(&r).hits;
  test_rig_free(&r);
  return hits;
}

START_TEST(large_pages_have_entries_of_their_own)
{
  const int64_t large[] = {16, 16, 0, 0};
  const uint64_t pages[] = {16, 17, 32, 33}, hits[] = {9 * 16, 0, 9 * 32, 0};
  ck_assert_uint_eq(hits_of_rounds(large[_i], pages[_i]), hits[_i]);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("iommu_iotlb");
  TCase *c = tcase_create("iotlb");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, every_access_is_as_in_the_textbook, 0, GEOMETRIES);
  tcase_add_test(c, random_replacement_is_uniform);
  tcase_add_test(c, entries_need_not_fill_the_ways);
  tcase_add_test(c, an_empty_cache_holds_nothing);
  tcase_add_loop_test(c, uniform_misses_follow_theory, 0, RATIOS);
  tcase_add_loop_test(c, the_unit_hits_when_the_textbook_hits, 0, GEOMETRIES);
  tcase_add_loop_test(c, large_pages_have_entries_of_their_own, 0, 4);
  suite_add_tcase(s, c);
  return test_main(s);
}
