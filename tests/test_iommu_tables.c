/*
 * test_iommu_tables.c - the remapping structures by themselves, against a model
 * that keeps one entry a page; addresses of structures do not overlap.
 *
 * A green run says that lookups by ranges give what a page table would, and
 * that structures occupy host memory of their own. It does not say that the
 * bits of an entry are right: entries have none here.
 */
#include "models/iommu/structures.h"
#include "sim/engine/rng.h"

#include <check.h>
#include <stdlib.h>

#define ARENA_BASE (UINT64_C(1) << 20)
#define ARENA_SIZE (UINT64_C(1) << 30)
#define MIB2 (UINT64_C(1) << 21)
#define GIB (UINT64_C(1) << 30)
#define HOST (UINT64_C(1) << 40)

/* Walks as hardware does; true: *leaf is set. *reads counts entries read. */
static bool walk(const struct vtd_domain *d, uint64_t address,
                 struct vtd_leaf *leaf, unsigned *reads)
{
  *reads = 0;
  for (unsigned level = VTD_LEVELS; level >= 1; level--) {
    ++*reads;
    enum vtd_entry e = vtd_paging_entry(&d->second, level, address, leaf);
    if (e != VTD_TABLE)
      return e == VTD_LEAF;
  }
  return false;
}

static uint64_t target_of(const struct vtd_domain *d, uint64_t address)
{
  struct vtd_leaf leaf;
  unsigned reads;
  if (!walk(d, address, &leaf, &reads))
    return 0;
  ck_assert_uint_eq(reads, VTD_LEVELS - (leaf.shift - 12) / 9);
  return leaf.page + (address & ((UINT64_C(1) << leaf.shift) - 1));
}

static unsigned shift_at(const struct vtd_domain *d, uint64_t address)
{
  struct vtd_leaf leaf;
  unsigned reads;
  return walk(d, address, &leaf, &reads) ? leaf.shift : 0;
}

/* ---- leaves --------------------------------------------------------- */

/* 4 KiB before the first 2 MiB boundary, then 2 MiB, 1 GiB, and back down. */
START_TEST(unaligned_ends_have_smaller_leaves)
{
  struct vtd_tables *t = vtd_tables_create(ARENA_BASE, ARENA_SIZE, false);
  uint32_t id = vtd_domain_create(t);
  uint64_t start = GIB - MIB2 - 8192, end = 3 * GIB + 2 * MIB2 + 4096;
  ck_assert(vtd_domain_map(t, id, start, HOST + start, end - start, 30, true));
  const struct vtd_domain *d = vtd_get_domain(t, id);
  ck_assert_uint_eq(shift_at(d, start - 1), 0);
  ck_assert_uint_eq(shift_at(d, start), 12);
  ck_assert_uint_eq(shift_at(d, GIB - MIB2 - 1), 12);
  ck_assert_uint_eq(shift_at(d, GIB - MIB2), 21);
  ck_assert_uint_eq(shift_at(d, GIB - 1), 21);
  ck_assert_uint_eq(shift_at(d, GIB), 30);
  ck_assert_uint_eq(shift_at(d, 3 * GIB - 1), 30);
  ck_assert_uint_eq(shift_at(d, 3 * GIB), 21);
  ck_assert_uint_eq(shift_at(d, 3 * GIB + 2 * MIB2 - 1), 21);
  ck_assert_uint_eq(shift_at(d, 3 * GIB + 2 * MIB2), 12);
  ck_assert_uint_eq(shift_at(d, end), 0);
  for (uint64_t a = start; a < end; a += 4096 * 511)
    ck_assert_uint_eq(target_of(d, a), HOST + a);
  vtd_tables_destroy(t);
}
END_TEST

/* Host memory aligned otherwise than the guest's allows 4 KiB leaves only. */
START_TEST(misaligned_memory_has_small_leaves)
{
  struct vtd_tables *t = vtd_tables_create(ARENA_BASE, ARENA_SIZE, false);
  uint32_t id = vtd_domain_create(t);
  ck_assert(vtd_domain_map(t, id, 0, HOST + 4096, 2 * MIB2, 21, true));
  ck_assert(vtd_domain_map(t, id, GIB, HOST + MIB2, GIB, 30, true));
  const struct vtd_domain *d = vtd_get_domain(t, id);
  ck_assert_uint_eq(shift_at(d, MIB2), 12);
  ck_assert_uint_eq(target_of(d, MIB2), HOST + 4096 + MIB2);
  ck_assert_uint_eq(shift_at(d, GIB + 5 * MIB2), 21);
  vtd_tables_destroy(t);
}
END_TEST

/* Random mappings with holes against an array of pages. */
enum { PAGES = 1 << 16 };

static void map_randomly(struct vtd_tables *t, uint32_t id, uint64_t *expected,
                         gsl_rng *rng)
{
  static const unsigned shifts[] = {12, 21, 30};
  for (uint64_t page = 0;;) {
    page += gsl_rng_uniform_int(rng, 2) ? 0 : gsl_rng_uniform_int(rng, 700);
    uint64_t count = 1 + gsl_rng_uniform_int(rng, 3000);
    if (page + count > PAGES)
      return;
    uint64_t host = HOST + (gsl_rng_uniform_int(rng, 2)
                                ? page * 4096
                                : gsl_rng_uniform_int(rng, 1 << 20) * 4096);
    ck_assert(vtd_domain_map(t, id, page * 4096, host, count * 4096,
                             shifts[gsl_rng_uniform_int(rng, 3)], true));
    for (uint64_t i = 0; i < count; i++)
      expected[page + i] = host + i * 4096;
    page += count;
  }
}

START_TEST(lookups_are_those_of_a_page_table)
{
  struct vtd_tables *t = vtd_tables_create(ARENA_BASE, ARENA_SIZE, true);
  gsl_rng *rng = hd_rng_new((uint64_t)_i, "test", "mappings");
  uint32_t id = vtd_domain_create(t);
  for (int round = 0; round < 2; round++) {
    uint64_t *expected = calloc(PAGES, sizeof *expected);
    map_randomly(t, id, expected, rng);
    for (uint64_t p = 0; p < PAGES; p++)
      ck_assert_uint_eq(target_of(vtd_get_domain(t, id), p * 4096),
                        expected[p]);
    free(expected);
    vtd_domain_unmap_all(t, id);
    for (uint64_t p = 0; p < PAGES; p += 7)
      ck_assert_uint_eq(target_of(vtd_get_domain(t, id), p * 4096), 0);
  }
  gsl_rng_free(rng);
  vtd_tables_destroy(t);
}
END_TEST

/* ---- memory of structures ------------------------------------------- */

static int by_address(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* Table pages on the way to every 2 MiB of the domain, each once. */
static size_t collect(const struct vtd_domain *d, uint64_t size,
                      uint64_t *pages)
{
  size_t n = 0;
  pages[n++] = d->second.root;
  for (unsigned level = VTD_LEVELS; level > 1; level--) {
    uint64_t step = UINT64_C(1) << vtd_level_shift(level);
    for (uint64_t a = 0; a < size; a += step) {
      struct vtd_leaf leaf;
      if (vtd_paging_entry(&d->second, level, a, &leaf) == VTD_TABLE)
        pages[n++] = leaf.page;
    }
  }
  return n;
}

START_TEST(table_pages_do_not_overlap)
{
  enum { DOMAINS = 20, PER_DOMAIN = 1 + 1 + 2 + 1024 };
  struct vtd_tables *t = vtd_tables_create(ARENA_BASE, ARENA_SIZE, true);
  uint64_t *pages = calloc(DOMAINS * PER_DOMAIN + 100, sizeof *pages);
  size_t n = 0;
  for (uint32_t i = 1; i <= DOMAINS; i++) {
    ck_assert_uint_eq(vtd_domain_create(t), i);
    for (uint64_t part = 0; part < 4; part++) /* shares table pages */
      ck_assert(vtd_domain_map(t, i, part * GIB / 2, HOST + part * GIB, GIB / 2,
                               12, true));
    ck_assert(vtd_attach_pasid(t, 0x1608, 1000 * i, i));
    ck_assert(vtd_attach_requester(t, (uint16_t)(i << 8 | 0x80), i));
  }
  for (uint32_t i = 1; i <= DOMAINS; i++) {
    n += collect(vtd_get_domain(t, i), 2 * GIB, pages + n);
    pages[n++] = vtd_pasid_page(t, 0x1608, 1000 * i);
    pages[n++] = vtd_context_address(t, (uint16_t)(i << 8 | 0x80));
  }
  pages[n++] = vtd_root_address(t, 0);
  ck_assert_uint_eq(n, DOMAINS * (PER_DOMAIN + 2) + 1);
  qsort(pages, n, sizeof *pages, by_address);
  for (size_t i = 0; i < n; i++) {
    ck_assert_uint_eq(pages[i] % 4096, 0);
    ck_assert_uint_ge(pages[i], ARENA_BASE);
    ck_assert_uint_lt(pages[i], ARENA_BASE + ARENA_SIZE);
    ck_assert(i == 0 || pages[i] > pages[i - 1]);
  }
  free(pages);
  vtd_tables_destroy(t);
}
END_TEST

static bool no_two_alike(uint64_t *pages, size_t n)
{
  qsort(pages, n, sizeof *pages, by_address);
  for (size_t i = 1; i < n; i++)
    if (pages[i] == pages[i - 1])
      return false;
  return true;
}

/* Three neighbours are returned, the middle one last (or first, or second), and
 * given out again in other sizes. */
START_TEST(returned_table_pages_do_not_overlap)
{
  static const uint32_t orders[3][3] = {{1, 3, 2}, {2, 1, 3}, {1, 2, 3}};
  struct vtd_tables *t = vtd_tables_create(ARENA_BASE, ARENA_SIZE, true);
  for (uint32_t i = 1; i <= 5; i++)
    ck_assert_uint_eq(vtd_domain_create(t), i);
  for (uint32_t i = 1; i <= 3; i++)
    ck_assert(vtd_domain_map(t, i, 0, HOST, 16 * MIB2, 12, true));
  for (int i = 0; i < 3; i++)
    vtd_domain_unmap_all(t, orders[_i][i]);
  uint64_t *pages = calloc(1000, sizeof *pages);
  size_t n = 0;
  for (uint32_t i = 1; i <= 5; i++) {
    ck_assert(vtd_domain_map(t, i, 0, HOST, i * 5 * MIB2, 12, true));
    n += collect(vtd_get_domain(t, i), i * 5 * MIB2, pages + n);
  }
  ck_assert_uint_eq(n, 5 * 3 + 15 * 5);
  ck_assert(no_two_alike(pages, n));
  free(pages);
  vtd_tables_destroy(t);
}
END_TEST

/* Entries are where VT-d puts them (chapter 9). */
START_TEST(entries_have_their_places)
{
  struct vtd_tables *l = vtd_tables_create(ARENA_BASE, ARENA_SIZE, false);
  struct vtd_tables *s = vtd_tables_create(ARENA_BASE, ARENA_SIZE, true);
  const uint16_t ids[] = {0x1600, 0x1601, 0x167f, 0x1680, 0x16ff};
  for (int i = 0; i < 5; i++) {
    ck_assert(vtd_attach_requester(l, ids[i], i ? 1 : vtd_domain_create(l)));
    ck_assert(vtd_attach_requester(s, ids[i], i ? 1 : vtd_domain_create(s)));
  }
  ck_assert_uint_eq(vtd_root_address(l, 0x1608), ARENA_BASE + 0x16 * 16);
  uint64_t base = vtd_context_address(l, 0x1600);
  ck_assert_uint_eq(vtd_context_address(l, 0x16ff), base + 255 * 16);
  base = vtd_context_address(s, 0x1600);
  ck_assert_uint_eq(vtd_context_address(s, 0x167f), base + 127 * 32);
  ck_assert_uint_eq(vtd_context_address(s, 0x1680) % 4096, 0);
  ck_assert_uint_ne(vtd_context_address(s, 0x1680), base + 4096 * 32);
  ck_assert_uint_eq(vtd_context_address(l, 0x1700), 0);
  vtd_tables_destroy(l);
  vtd_tables_destroy(s);
}
END_TEST

/* Unmapping gives the memory back: 1000 rounds of 8 MiB of tables in 16 MiB. */
START_TEST(unmapping_returns_memory)
{
  for (int nested = 0; nested < 2; nested++) {
    struct vtd_tables *t = vtd_tables_create(ARENA_BASE, 16 << 20, true);
    if (nested)
      ck_assert(vtd_tables_make_nested(t));
    uint32_t id = vtd_domain_create(t);
    for (int round = 0; round < 1000; round++) {
      ck_assert(
          vtd_domain_map(t, id, 0, HOST, (nested ? 2 : 4) * GIB, 12, true));
      vtd_domain_unmap_all(t, id);
    }
    vtd_tables_destroy(t);
  }
}
END_TEST

START_TEST(a_full_arena_is_reported)
{
  struct vtd_tables *t = vtd_tables_create(ARENA_BASE, 1 << 20, true);
  uint32_t id = vtd_domain_create(t);
  ck_assert_uint_ne(id, 0);
  ck_assert(!vtd_domain_map(t, id, 0, HOST, 4 * GIB, 12, true));
  vtd_domain_unmap_all(t, id);
  ck_assert(vtd_domain_map(t, id, 0, HOST, 64 * MIB2, 12, true));
  uint32_t last = id, next;
  while ((next = vtd_domain_create(t)) != 0)
    last = next;
  ck_assert_uint_gt(last, 50);
  ck_assert(!vtd_attach_requester(t, 0x1608, id));
  vtd_tables_destroy(t);
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
  struct vtd_tables *t = vtd_tables_create(ARENA_BASE, ARENA_SIZE, false);
  uint32_t id = vtd_domain_create(t);
  ck_assert(!vtd_domain_map(t, id + 1, 0, HOST, 4096, 12, true));
  ck_assert(!vtd_domain_map(t, id, 0, HOST, 4096, 13, true));
  ck_assert(!vtd_domain_map(t, id, 0, HOST, 100, 12, true));
  ck_assert(!vtd_domain_map(t, id, 0, HOST, 0, 12, true));
  ck_assert(!vtd_domain_map(t, id, UINT64_C(1) << 48, HOST, 4096, 12, true));
  ck_assert(vtd_domain_map(t, id, GIB, HOST, 4096, 12, true));
  ck_assert(!vtd_domain_map(t, id, GIB, HOST, 4096, 12, true)); /* not above */
  ck_assert(!vtd_attach_requester(t, 1, id + 1));
  ck_assert(!vtd_attach_pasid(t, 1, 1, id)); /* legacy */
  vtd_tables_destroy(t);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("iommu_tables");
  TCase *c = tcase_create("tables");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, unaligned_ends_have_smaller_leaves);
  tcase_add_test(c, misaligned_memory_has_small_leaves);
  tcase_add_loop_test(c, lookups_are_those_of_a_page_table, 0, 10);
  tcase_add_test(c, table_pages_do_not_overlap);
  tcase_add_loop_test(c, returned_table_pages_do_not_overlap, 0, 3);
  tcase_add_test(c, entries_have_their_places);
  tcase_add_test(c, unmapping_returns_memory);
  tcase_add_test(c, a_full_arena_is_reported);
  tcase_add_test(c, wrong_arguments_are_refused);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
