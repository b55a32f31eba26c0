/*
 * test_iommu_trace.c - the IOTLB that a trace sees, access by access, against a
 * set-associative LRU written from the textbook.
 *
 * A green run says that, one access at a time, the unit hits exactly where the
 * textbook does. It says nothing about time, nor about how a product chooses
 * its sets.
 */
#include "sim/engine/rng.h"
#include "tests/test_iommu_trace.h"

/* ---- the textbook --------------------------------------------------- */

struct way {
  uint64_t page, used; /* used: number of the access, 0: empty */
  uint32_t domain;
  enum trace_page size;
};

struct lru {
  struct way *ways; /* set by set */
  size_t n_sets, n_ways;
};

static void lru_new(struct lru *l, int64_t entries, int64_t ways)
{
  l->n_ways = (size_t)(ways ? ways : entries);
  l->n_sets = entries ? (size_t)entries / l->n_ways : 0;
  l->ways = calloc((size_t)entries + 1, sizeof *l->ways);
}

/* Uses the page: whether it was there. The one used longest ago makes room. */
static bool lru_use(struct lru *l, uint64_t index, struct way w)
{
  struct way *set = l->ways + index % l->n_sets * l->n_ways, *oldest = set;
  for (size_t i = 0; i < l->n_ways; i++) {
    if (set[i].used && set[i].page == w.page && set[i].domain == w.domain &&
        set[i].size == w.size) {
      set[i].used = w.used;
      return true;
    }
    if (set[i].used < oldest->used)
      oldest = &set[i];
  }
  *oldest = w;
  return false;
}

/* Domain IDs, by the domain's number: ranks from 1. */
static uint32_t *ids_of(const struct test_trace *t)
{
  uint32_t *id = calloc(TRACE_MAP_DOMAINS, sizeof *id), next = 0;
  for (size_t i = 0; i < t->n; i++)
    id[t->accesses[i].domain] = 1;
  for (size_t d = 0; d < TRACE_MAP_DOMAINS; d++)
    id[d] = id[d] ? ++next : 0;
  return id;
}

struct textbook {
  struct lru small, large, pasids;
  uint32_t *id;
  bool index_domain, shared;
};

static void textbook_new(struct textbook *b, const struct test_trace *t)
{
  const struct iommu_params *p = &t->iommu;
  lru_new(&b->small, p->iotlb_entries, p->iotlb_ways);
  lru_new(&b->large, p->iotlb_large_entries, p->iotlb_large_ways);
  lru_new(&b->pasids, p->pasid_entries, 0);
  b->id = ids_of(t);
  b->index_domain = p->index_domain;
  b->shared = p->iotlb_large_entries == 0;
}

static bool textbook_use(struct textbook *b, const struct test_trace *t,
                         size_t i)
{
  const struct iommu_trace_access *a = &t->accesses[i];
  enum trace_page size = t->pages[i];
  uint64_t page = a->iova / trace_page_bytes(size);
  uint64_t index = page;
  if (b->index_domain)
    index += b->id[a->domain] * UINT64_C(0x9e3779b1);
  struct lru *l = size == TRACE_4K || b->shared ? &b->small : &b->large;
  return lru_use(l, index, (struct way){page, i + 1, a->domain, size});
}

static bool textbook_knows(struct textbook *b, const struct test_trace *t,
                           size_t i)
{
  return lru_use(&b->pasids, 0,
                 (struct way){.used = i + 1, .domain = t->accesses[i].domain});
}

static void textbook_free(struct textbook *b)
{
  free(b->small.ways);
  free(b->large.ways);
  free(b->pasids.ways);
  free(b->id);
}

/* ---- streams -------------------------------------------------------- */

typedef void (*stream)(struct test_trace *t, gsl_rng *rng);

static uint64_t pick(gsl_rng *rng, uint64_t n)
{
  return gsl_rng_uniform_int(rng, n);
}

/* Somewhere in the page. */
static void add(struct test_trace *t, gsl_rng *rng, uint32_t domain,
                uint64_t number, enum trace_page page)
{
  uint64_t bytes = trace_page_bytes(page);
  test_trace_add(t, domain, number * bytes + pick(rng, bytes), page, true);
}

/* Every page as often as any other. */
static void uniform(struct test_trace *t, gsl_rng *rng)
{
  for (int i = 0; i < 30000; i++)
    add(t, rng, (uint32_t)pick(rng, 8) * 131071, pick(rng, 100), TRACE_4K);
}

/* 1,024 domains, a few pages of them hot. */
static void skewed(struct test_trace *t, gsl_rng *rng)
{
  for (int i = 0; i < 40000; i++) {
    uint32_t domain = (uint32_t)pick(rng, 1 + pick(rng, 1024));
    add(t, rng, domain, pick(rng, 1 + pick(rng, 16)), TRACE_4K);
  }
}

/* Round and round over one page more than a set has ways, for each number of
 * ways and sets: LRU at its worst. */
static void cyclic(struct test_trace *t, gsl_rng *rng)
{
  for (uint64_t ways = 1; ways <= 64; ways *= 2)
    for (uint64_t sets = 1; sets <= 64; sets *= 2)
      for (uint64_t i = 0; i < 4 * (ways + 1); i++)
        add(t, rng, 7, i % (ways + 1) * sets, TRACE_4K);
}

/* All domains use the same few pages, one domain after the other. */
static void alike(struct test_trace *t, gsl_rng *rng)
{
  for (uint32_t i = 0; i < 30000; i++)
    add(t, rng, i % 48, i / 48 % 3, TRACE_4K);
}

/* The size depends on the place: 4 KiB and 2 MiB pages side by side in the
 * first GiB, and 1 GiB pages above. The same page numbers occur in each. */
static void mixed(struct test_trace *t, gsl_rng *rng)
{
  for (int i = 0; i < 40000; i++) {
    uint32_t domain = (uint32_t)pick(rng, 5);
    switch (pick(rng, 3)) {
    case 0:
      add(t, rng, domain, pick(rng, 40), TRACE_4K);
      break;
    case 1:
      add(t, rng, domain, 1 + pick(rng, 40), TRACE_2M);
      break;
    default:
      add(t, rng, domain, 1 + pick(rng, 40), TRACE_1G);
    }
  }
}

/* Anywhere in 48 bits, and back to one of the last places. */
static void far(struct test_trace *t, gsl_rng *rng)
{
  for (size_t i = 0; i < 10000; i++) {
    uint64_t back = 1 + pick(rng, 100);
    if (i >= 200 && i % 4) {
      const struct iommu_trace_access *a = &t->accesses[i - back];
      add(t, rng, a->domain, a->iova / 4096, TRACE_4K);
    } else {
      add(t, rng, (uint32_t)pick(rng, 3), pick(rng, UINT64_C(1) << 36),
          TRACE_4K);
    }
  }
}

static const stream streams[] = {uniform, skewed, cyclic, alike, mixed, far};
enum { STREAMS = sizeof streams / sizeof *streams };

/* ---- comparison ----------------------------------------------------- */

struct geometry {
  int64_t entries, ways, large, large_ways;
  bool index_domain;
};

static const struct geometry geometries[] = {
    {64, 8, 16, 4, true},    {64, 8, 16, 4, false},  {64, 1, 16, 1, true},
    {64, 1, 0, 0, false},    {64, 0, 16, 0, true},   {96, 6, 0, 0, true},
    {96, 6, 24, 3, false},   {512, 16, 32, 8, true}, {1, 1, 1, 1, false},
    {4096, 4, 128, 8, false}};
enum { GEOMETRIES = sizeof geometries / sizeof *geometries };

static void prepare(struct test_trace *t, const struct geometry *g, int mode,
                    stream fill)
{
  test_trace_new(t, mode);
  t->iommu.iotlb_entries = g->entries;
  t->iommu.iotlb_ways = g->ways;
  t->iommu.iotlb_large_entries = g->large;
  t->iommu.iotlb_large_ways = g->large_ways;
  t->iommu.index_domain = g->index_domain;
  gsl_rng *rng = hd_rng_new(1, "test", "trace");
  fill(t, rng);
  gsl_rng_free(rng);
  ck_assert_int_eq(test_trace_run(t), IOMMU_TRACE_DONE);
  ck_assert_uint_eq(t->results.accesses, t->n);
}

START_TEST(every_access_hits_or_misses_as_in_the_textbook)
{
  struct test_trace t;
  struct textbook book;
  uint64_t hits[3] = {0};
  prepare(&t, &geometries[_i / STREAMS], IOMMU_SCALABLE, streams[_i % STREAMS]);
  textbook_new(&book, &t);
  for (size_t i = 0; i < t.n; i++) {
    bool expected = textbook_use(&book, &t, i);
    ck_assert_msg((t.latency[i] == TEST_LOOKUP) == expected,
                  "access %zu: textbook %d", i, expected);
    hits[t.pages[i]] += expected;
  }
  const struct iommu_stats *s = &t.results.iommu;
  for (size_t page = 0; page < 3; page++)
    ck_assert_uint_eq(s->page_hits[page], hits[page]);
  ck_assert_uint_eq(s->hits, hits[0] + hits[1] + hits[2]);
  ck_assert_uint_eq(s->lookups, t.n);
  ck_assert_uint_eq(s->walks, t.n - s->hits);
  ck_assert_uint_eq(s->held, 0);
  textbook_free(&book);
  test_trace_free(&t);
}
END_TEST

/* Legacy mode: domains by requester ID. */
START_TEST(legacy_mode_is_no_different)
{
  struct test_trace t;
  struct textbook book;
  prepare(&t, &geometries[_i], IOMMU_LEGACY, skewed);
  textbook_new(&book, &t);
  for (size_t i = 0; i < t.n; i++)
    ck_assert_int_eq(t.latency[i] == TEST_LOOKUP, textbook_use(&book, &t, i));
  textbook_free(&book);
  test_trace_free(&t);
}
END_TEST

/* With a PASID cache too small for the domains, the IOTLB can be asked only
 * when the PASID entry is there; its content is the textbook's all the same. */
static void few_pasids(struct test_trace *t, gsl_rng *rng)
{
  t->iommu.pasid_entries = 16;
  skewed(t, rng);
}

START_TEST(a_small_pasid_cache_hides_hits)
{
  struct test_trace t;
  struct textbook book;
  uint64_t hits = 0, held = 0, lookups = 0;
  prepare(&t, &geometries[_i], IOMMU_SCALABLE, few_pasids);
  textbook_new(&book, &t);
  for (size_t i = 0; i < t.n; i++) {
    bool there = textbook_use(&book, &t, i);
    bool known = textbook_knows(&book, &t, i);
    ck_assert_int_eq(t.latency[i] == TEST_LOOKUP, there && known);
    hits += there && known;
    held += there && !known;
    lookups += known;
  }
  const struct iommu_stats *s = &t.results.iommu;
  ck_assert_uint_eq(s->hits, hits);
  ck_assert_uint_eq(s->held, held);
  ck_assert_uint_eq(iommu_trace_iotlb_lookups(&t.iommu, s), lookups);
  ck_assert_uint_gt(held, 0);
  textbook_free(&book);
  test_trace_free(&t);
}
END_TEST

/* Domains that use the same pages meet in few sets, unless the domain chooses
 * the set, too: 48 domains and 3 pages in 256 sets of 4. */
START_TEST(domain_bits_spread_guests_that_are_alike)
{
  struct geometry g = {1024, 4, 0, 0, _i};
  struct test_trace t;
  prepare(&t, &g, IOMMU_SCALABLE, alike);
  double ratio = (double)t.results.iommu.hits / (double)t.n;
  if (_i)
    ck_assert_double_gt(ratio, 0.95);
  else
    ck_assert_uint_eq(t.results.iommu.hits, 0);
  test_trace_free(&t);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("iommu_trace");
  TCase *c = tcase_create("textbook");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, every_access_hits_or_misses_as_in_the_textbook, 0,
                      GEOMETRIES * STREAMS);
  tcase_add_loop_test(c, legacy_mode_is_no_different, 0, GEOMETRIES);
  tcase_add_loop_test(c, a_small_pasid_cache_hides_hits, 0, 2);
  tcase_add_loop_test(c, domain_bits_spread_guests_that_are_alike, 0, 2);
  suite_add_tcase(s, c);
  return test_main(s);
}
