/*
 * test_memory_llc.c - the last-level cache's tag store against a textbook LRU
 * cache, access for access.
 *
 * A green run says that hits, victims and dirty bits are those of a cache with
 * LRU among the allowed ways. It does not say that a processor's cache is one.
 */
#include "models/memory/llc.h"
#include "sim/engine/rng.h"

#include <check.h>
#include <stdlib.h>

static enum llc_state touch(struct llc *l, uint64_t line,
                            enum llc_access access)
{
  struct llc_place p = llc_locate(l, line);
  return llc_touch(l, &p, access);
}

static bool allocate(struct llc *l, uint64_t line, uint32_t mask,
                     enum llc_access access, uint64_t *victim)
{
  struct llc_place p = llc_locate(l, line);
  return llc_allocate(l, &p, mask, access, victim);
}

/* ---- textbook ------------------------------------------------------- */

struct way {
  uint64_t line;
  int64_t used; /* time of last use; negative: invalid, the least goes first */
  bool valid, dirty;
};

struct textbook {
  struct way *ways; /* [set][way] */
  uint64_t n_sets;
  unsigned n_ways;
  int64_t clock, drops;
};

static struct textbook textbook_new(uint64_t sets, unsigned ways)
{
  struct textbook t = {.n_sets = sets, .n_ways = ways};
  t.ways = calloc(sets * ways, sizeof *t.ways);
  for (uint64_t s = 0; s < sets; s++)
    for (unsigned w = 0; w < ways; w++)
      t.ways[s * ways + w].used = -1 - (int64_t)w;
  return t;
}

static struct way *textbook_find(struct textbook *t, uint64_t line)
{
  struct way *set = &t->ways[line % t->n_sets * t->n_ways];
  for (unsigned w = 0; w < t->n_ways; w++)
    if (set[w].valid && set[w].line == line)
      return &set[w];
  return NULL;
}

static struct way *textbook_victim(struct textbook *t, uint64_t line,
                                   uint32_t mask)
{
  struct way *set = &t->ways[line % t->n_sets * t->n_ways], *victim = NULL;
  for (unsigned w = 0; w < t->n_ways; w++)
    if ((mask >> w & 1) && (!victim || set[w].used < victim->used))
      victim = &set[w];
  return victim;
}

/* ---- hit for hit ---------------------------------------------------- */

struct geometry {
  uint64_t sets;
  unsigned ways, ddio;
};

static const struct geometry geometries[] = {
    {1, 1, 1},   {1, 15, 2},  {64, 4, 1}, {7, 15, 2}, {56, 11, 2},
    {12, 20, 2}, {32, 16, 3}, {3, 32, 5}, {5, 17, 17}};

static void one_access(struct llc *l, struct textbook *t, gsl_rng *rng,
                       uint64_t line, uint32_t mask)
{
  bool write = gsl_rng_uniform_int(rng, 2);
  struct way *w = textbook_find(t, line);
  ck_assert_int_eq(touch(l, line, write), w != NULL);
  if (w) {
    w->used = t->clock++;
    w->dirty = w->dirty || write;
    return;
  }
  uint64_t victim = 0;
  bool evicted = allocate(l, line, mask, write, &victim);
  w = textbook_victim(t, line, mask);
  ck_assert_int_eq(evicted, w->dirty);
  if (evicted)
    ck_assert_uint_eq(victim, w->line);
  *w = (struct way){line, t->clock++, true, write};
}

static void one_drop(struct llc *l, struct textbook *t, uint64_t line)
{
  struct way *w = textbook_find(t, line);
  struct llc_place p = llc_locate(l, line);
  llc_drop(l, &p);
  if (w)
    *w = (struct way){.used = -1000 - t->drops++};
}

START_TEST(every_access_is_as_in_the_textbook)
{
  struct geometry g = geometries[_i];
  struct llc l;
  ck_assert(llc_initialize(&l, g.sets * g.ways * LLC_LINE, g.ways));
  struct textbook t = textbook_new(g.sets, g.ways);
  gsl_rng *rng = hd_rng_new(1, "test", "lines");
  uint64_t base = UINT64_C(0x12345678) * (uint64_t)_i;
  uint64_t span = g.sets * g.ways * 3; /* three times what it holds */
  for (int i = 0; i < 200000; i++) {
    uint64_t line = base + gsl_rng_uniform_int(rng, span);
    unsigned kind = (unsigned)gsl_rng_uniform_int(rng, 16);
    if (kind == 0)
      one_drop(&l, &t, line);
    else
      one_access(&l, &t, rng, line, llc_way_mask(kind < 8 ? g.ddio : g.ways));
  }
  ck_assert_ptr_null(llc_check(&l));
  gsl_rng_free(rng);
  free(t.ways);
  llc_terminate(&l);
}
END_TEST

/* ---- what may be held ----------------------------------------------- */

START_TEST(a_block_may_hold_lines_while_it_does)
{
  enum { WAYS = 4, BLOCK = LLC_BLOCK_LINES };
  struct llc l;
  uint64_t victim, line = 7 * BLOCK - 1;
  ck_assert(llc_initialize(&l, WAYS * LLC_LINE, WAYS)); /* one set */
  ck_assert(!llc_may_hold(&l, line, line));
  allocate(&l, line, llc_way_mask(WAYS), false, &victim);
  ck_assert(llc_may_hold(&l, line, line));
  ck_assert(llc_may_hold(&l, line - BLOCK, line)); /* from the block before */
  ck_assert(llc_may_hold(&l, line, line + 3 * BLOCK));
  ck_assert(!llc_may_hold(&l, line + 1, line + 3 * BLOCK));
  ck_assert(!llc_may_hold(&l, line - 2 * BLOCK + 1, line - BLOCK));

  for (uint64_t i = 1; i <= WAYS; i++) { /* the last one evicts it */
    ck_assert(llc_may_hold(&l, line, line));
    allocate(&l, line + i * BLOCK, llc_way_mask(WAYS), false, &victim);
  }
  ck_assert(!llc_may_hold(&l, line, line));
  struct llc_place p = llc_locate(&l, line + BLOCK);
  llc_drop(&l, &p);
  llc_drop(&l, &p);
  ck_assert(!llc_may_hold(&l, line + BLOCK, line + BLOCK));
  ck_assert(llc_may_hold(&l, line + 2 * BLOCK, line + 2 * BLOCK));
  ck_assert_ptr_null(llc_check(&l));
  llc_terminate(&l);
}
END_TEST

/* Many blocks share a counter: none may vanish with another. */
START_TEST(no_line_that_is_held_is_denied)
{
  enum { WAYS = 16, SETS = 8192, LINES = WAYS * SETS };
  static uint64_t seen[LINES];
  struct llc l;
  ck_assert(llc_initialize(&l, (uint64_t)LINES * LLC_LINE, WAYS));
  gsl_rng *rng = hd_rng_new(1, "test", "blocks");
  for (int i = 0; i < 8 * LINES; i++) {
    uint64_t victim, line = gsl_rng_uniform_int(rng, 1u << 30);
    if (!touch(&l, line, LLC_READ))
      allocate(&l, line, llc_way_mask(WAYS), LLC_READ, &victim);
    seen[i % LINES] = line;
  }
  int held = 0;
  for (int i = 0; i < LINES; i++)
    if (touch(&l, seen[i], LLC_READ)) {
      held++;
      ck_assert(llc_may_hold(&l, seen[i], seen[i]));
    }
  ck_assert_int_gt(held, LINES / 4);
  gsl_rng_free(rng);
  llc_terminate(&l);
}
END_TEST

/* ---- geometry ------------------------------------------------------- */

START_TEST(lines_above_each_other_are_told_apart)
{
  struct llc l;
  uint64_t victim;
  ck_assert(llc_initialize(&l, 105u << 20, 15));
  ck_assert_uint_eq((uint64_t)l.odd << l.low_bits, 114688);
  ck_assert(llc_can_hold(&l, (UINT64_C(1) << 46) - 114688));
  ck_assert(!llc_can_hold(&l, UINT64_C(1) << 46));
  for (unsigned bit = 14; bit < 46; bit++) {
    uint64_t line = UINT64_C(1) << bit;
    ck_assert(!touch(&l, line, false));
    allocate(&l, line, llc_way_mask(15), false, &victim);
    ck_assert(touch(&l, line, false));
    ck_assert(!touch(&l, line + 114688, false));
  }
  llc_terminate(&l);
}
END_TEST

START_TEST(any_size_can_hold_a_socket_of_16_tib)
{
  for (uint64_t size = 64 * LLC_LINE * 15; size < 4u << 20; size += 12340) {
    struct llc l;
    ck_assert(llc_initialize(&l, size, 15));
    ck_assert(llc_can_hold(&l, (UINT64_C(1) << 44) / LLC_LINE - 128));
    uint64_t sets = (uint64_t)l.odd << l.low_bits;
    ck_assert(sets * 15 * LLC_LINE <= size);
    ck_assert((sets + 64) * 15 * LLC_LINE > size);
    llc_terminate(&l);
  }
}
END_TEST

START_TEST(a_cache_of_a_whole_socket_holds_exactly_its_size)
{
  struct llc l;
  uint64_t lines = (105u << 20) / LLC_LINE, victim, first = 12345678;
  ck_assert(llc_initialize(&l, 105u << 20, 15));
  for (uint64_t i = 0; i < lines; i++) {
    ck_assert(!touch(&l, first + i, true));
    ck_assert(!allocate(&l, first + i, llc_way_mask(15), true, &victim));
  }
  for (uint64_t i = 0; i < lines; i++)
    ck_assert(touch(&l, first + i, false));
  ck_assert(allocate(&l, first + lines, llc_way_mask(15), true, &victim));
  ck_assert_uint_eq(victim, first);
  ck_assert_ptr_null(llc_check(&l));
  llc_terminate(&l);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("memory_llc");
  TCase *c = tcase_create("llc");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, every_access_is_as_in_the_textbook, 0,
                      (int)(sizeof geometries / sizeof *geometries));
  tcase_add_test(c, a_block_may_hold_lines_while_it_does);
  tcase_add_test(c, no_line_that_is_held_is_denied);
  tcase_add_test(c, lines_above_each_other_are_told_apart);
  tcase_add_test(c, any_size_can_hold_a_socket_of_16_tib);
  tcase_add_test(c, a_cache_of_a_whole_socket_holds_exactly_its_size);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
