/*
 * test_pcie_translation_cache.c - the device's cache of translations against a
 * list that is searched from end to end, and the entries that carry them.
 *
 * A green run says that the cache is one; not that a device has such a one.
 */
#include "models/pcie/atc.h"
#include "models/pcie/tlp.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* ---- entries ------------------------------------------------------------- */

START_TEST(entries_keep_page_and_size)
{
  for (unsigned shift = 12; shift < 64; shift++) {
    uint64_t page = UINT64_C(0xfedcba9876543210) >> shift << shift;
    uint64_t e = pcie_entry(page, shift, PCIE_ENTRY_WRITE);
    ck_assert_uint_eq(pcie_entry_shift(e), shift);
    ck_assert_uint_eq(pcie_entry_page(e), page);
    ck_assert_uint_eq(e & 3, PCIE_ENTRY_WRITE);
    uint64_t offset = shift > 13 ? 0x2345 : 0x345;
    ck_assert_uint_eq(pcie_entry_host(e, (UINT64_C(5) << shift) + offset),
                      page + offset);
  }
  ck_assert_uint_eq(pcie_entry_shift(pcie_entry(0, 64, 0)), 64);
  ck_assert_uint_eq(pcie_entry_page(pcie_entry(0, 64, 0)), 0);
  /* 2 MiB: bits 12 to 19 are ones, bit 20 is zero (PCIe 10.2.3.2). */
  ck_assert_uint_eq(pcie_entry(0x40000000, 21, PCIE_ENTRY_READ), 0x400ff801);
}
END_TEST

/* ---- streams ------------------------------------------------------------- */

START_TEST(streams_are_told_apart)
{
  struct pcie_atc *a = pcie_atc_create(8, 0);
  uint32_t n = 0;
  for (int again = 0; again < 2; again++)
    for (uint32_t i = 0, k = 0; i < 20000; i++) {
      bool has_pasid = i % 3 != 0;
      uint32_t got = pcie_atc_stream(a, (uint16_t)(i % 7), has_pasid,
                                     has_pasid ? i % 5000 : 0);
      (void)k;
      if (!again)
        n = got >= n ? got + 1 : n;
      ck_assert_uint_lt(got, n);
      ck_assert_uint_eq(got, pcie_atc_stream(a, (uint16_t)(i % 7), has_pasid,
                                             has_pasid ? i % 5000 : 99999));
    }
  /* 7 requesters: each without a PASID, and those of 35000 pairs that occur. */
  bool *pair = calloc(7 * 5000, 1);
  uint32_t expected = 7;
  for (uint32_t i = 0; i < 20000; i++)
    if (i % 3 != 0 && !pair[i % 7 * 5000 + i % 5000]) {
      pair[i % 7 * 5000 + i % 5000] = true;
      expected++;
    }
  free(pair);
  ck_assert_uint_eq(n, expected);
  ck_assert_uint_ne(pcie_atc_stream(a, 1, true, 0),
                    pcie_atc_stream(a, 1, false, 0));
  pcie_atc_destroy(a);
}
END_TEST

/* ---- against a list ------------------------------------------------------ */

enum { ENTRIES = 24, STEPS = 200000 };

struct line {
  uint32_t stream;
  unsigned shift;
  uint64_t page, host; /* addresses */
  bool writable;
};

static struct line list[ENTRIES]; /* most recent first */
static size_t n_list;
static uint64_t state = 1;

static uint32_t draw(uint32_t below)
{
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)((state >> 33) % below);
}

static bool holds(const struct line *l, uint32_t stream, uint64_t address)
{
  return l->stream == stream && l->page >> l->shift == address >> l->shift;
}

static void to_front(size_t i)
{
  struct line l = list[i];
  memmove(list + 1, list, i * sizeof l);
  list[0] = l;
}

/* Smaller pages first, as the cache looks them up. */
static const struct line *list_find(uint32_t stream, uint64_t address)
{
  static const unsigned shifts[] = {12, 21, 30};
  for (size_t s = 0; s < 3; s++)
    for (size_t i = 0; i < n_list; i++)
      if (list[i].shift == shifts[s] && holds(&list[i], stream, address)) {
        to_front(i);
        return &list[0];
      }
  return NULL;
}

static void list_insert(struct line l)
{
  size_t i = 0;
  while (i < n_list &&
         !(list[i].shift == l.shift && holds(&list[i], l.stream, l.page)))
    i++;
  if (i == n_list && n_list < ENTRIES)
    n_list++;
  if (i == n_list)
    i = n_list - 1; /* the least recent goes */
  list[i] = l;
  to_front(i);
}

static size_t list_drop(uint32_t stream, uint64_t address, unsigned shift)
{
  size_t kept = 0, n = n_list;
  for (size_t i = 0; i < n; i++) {
    unsigned most = list[i].shift > shift ? list[i].shift : shift;
    bool hit = list[i].stream == stream &&
               (most >= 64 || list[i].page >> most == address >> most);
    if (!hit)
      list[kept++] = list[i];
  }
  n_list = kept;
  return n - kept;
}

static uint64_t draw_address(void)
{
  uint64_t gib = draw(2), mib2 = draw(3), page = draw(5);
  return gib << 30 | mib2 << 21 | page << 12 | draw(4096);
}

static void step_insert(struct pcie_atc *a, uint32_t stream)
{
  static const unsigned sizes[] = {12, 12, 12, 16, 21, 21, 30, 33};
  unsigned shift = sizes[draw(8)];
  uint64_t address = draw_address();
  uint64_t host = (uint64_t)(1 + draw(1000)) << 33;
  bool writable = draw(2);
  pcie_atc_insert(
      a, stream, address,
      pcie_entry(host, shift,
                 PCIE_ENTRY_READ | (writable ? PCIE_ENTRY_WRITE : 0)));
  /* 64 KiB is kept as 4 KiB, 8 GiB as 1 GiB. */
  unsigned kept = shift == 16 ? 12 : shift == 33 ? 30 : shift;
  uint64_t offset = address & ((UINT64_C(1) << shift) - 1);
  list_insert((struct line){.stream = stream,
                            .shift = kept,
                            .page = address >> kept << kept,
                            .host = host + (offset >> kept << kept),
                            .writable = writable});
}

static void step_find(struct pcie_atc *a, uint32_t stream)
{
  uint64_t address = draw_address();
  struct pcie_translation t;
  bool hit = pcie_atc_find(a, stream, address, &t);
  const struct line *l = list_find(stream, address);
  ck_assert_int_eq(hit, l != NULL);
  if (!hit)
    return;
  ck_assert_uint_eq(t.host,
                    l->host + (address & ((UINT64_C(1) << l->shift) - 1)));
  ck_assert_int_eq(t.writable, l->writable);
}

START_TEST(it_keeps_what_a_list_keeps)
{
  static const uint8_t shifts[] = {12, 12, 13, 21, 22, 30, 64};
  struct pcie_atc *a = pcie_atc_create(ENTRIES, 0);
  uint32_t streams[3];
  for (uint32_t i = 0; i < 3; i++)
    streams[i] = pcie_atc_stream(a, 0x1600, i > 0, i);
  for (int i = 0; i < STEPS; i++) {
    uint32_t stream = streams[draw(3)], what = draw(100);
    if (what < 25) {
      step_insert(a, stream);
    } else if (what < 98) {
      step_find(a, stream);
    } else {
      uint8_t shift = shifts[draw(7)];
      uint64_t address = draw_address();
      address = shift >= 64 ? 0 : address >> shift << shift;
      ck_assert_uint_eq(pcie_atc_drop(a, stream, address, shift),
                        list_drop(stream, address, shift));
    }
  }
  ck_assert_ptr_null(pcie_atc_check(a));
  pcie_atc_destroy(a);
}
END_TEST

/* ---- sets ---------------------------------------------------------------- */

/* Four sets of one way: pages four apart throw each other out, others do not;
 * with two ways the third does. */
START_TEST(ways_bound_what_a_set_keeps)
{
  for (int64_t ways = 1; ways <= 2; ways++) {
    struct pcie_atc *a = pcie_atc_create(4 * ways, ways);
    uint32_t s = pcie_atc_stream(a, 0, false, 0);
    struct pcie_translation t;
    for (uint64_t i = 0; i < 4 * (uint64_t)ways; i++)
      pcie_atc_insert(a, s, i << 12, i << 12 | PCIE_ENTRY_READ);
    for (uint64_t i = 0; i < 4 * (uint64_t)ways; i++)
      ck_assert(pcie_atc_find(a, s, i << 12, &t));
    pcie_atc_insert(a, s, 100 << 12, PCIE_ENTRY_READ); /* set 0 */
    ck_assert(!pcie_atc_find(a, s, 0, &t));
    for (uint64_t i = 1; i < 4 * (uint64_t)ways; i++)
      ck_assert(pcie_atc_find(a, s, i << 12, &t));
    ck_assert_ptr_null(pcie_atc_check(a));
    pcie_atc_destroy(a);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("translation cache");
  TCase *c = tcase_create("cache");
  tcase_add_test(c, entries_keep_page_and_size);
  tcase_add_test(c, streams_are_told_apart);
  tcase_add_test(c, it_keeps_what_a_list_keeps);
  tcase_add_test(c, ways_bound_what_a_set_keeps);
  suite_add_tcase(suite, c);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
