/*
 * test_measure_series.c - counts over time.
 *
 * A green run says that every count is in the bin of its time, once. It does
 * not say that models count the right things.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "sim/engine/rng.h"
#include "sim/measure/series.h"

#define START (5 * HD_US)

static const struct hd_window window = {START, START + 35 * HD_NS};

static uint64_t amount(const struct hd_series *s, size_t bin,
                       enum hd_series_count what)
{
  uint64_t value;
  ck_assert(hd_series_amount(s, bin, what, &value));
  return value;
}

static struct hd_series make(hd_time width)
{
  struct hd_series s;
  ck_assert(hd_series_initialize(&s, width, window.end - window.start));
  hd_series_record(&s, HD_SERIES_TX_PACKETS);
  return s;
}

/* Bins are half open, the window too. */
START_TEST(edges)
{
  struct hd_series s = make(10 * HD_NS);
  static const hd_time times[] = {-1,    0,     9999,  10000, 19999,
                                  20000, 30000, 34999, 35000};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    hd_series_add(&s, &window, START + times[i], HD_SERIES_TX_PACKETS, 1);
  ck_assert_uint_eq(s.n, 4);
  static const uint64_t expected[] = {2, 2, 1, 2};
  for (size_t bin = 0; bin < 4; bin++) {
    ck_assert_uint_eq(amount(&s, bin, HD_SERIES_TX_PACKETS), expected[bin]);
    ck_assert_int_eq(hd_series_begin(&s, bin), (hd_time)bin * 10 * HD_NS);
  }
  hd_series_terminate(&s);
}
END_TEST

/* The last bin is half as long: the same count is twice the rate. */
START_TEST(rates_are_of_the_bin)
{
  struct hd_series s = make(10 * HD_NS);
  for (hd_time t = 0; t < 40 * HD_NS; t += 5 * HD_NS)
    hd_series_add(&s, &window, START + t, HD_SERIES_TX_PACKETS, 3);
  for (size_t bin = 0; bin < 4; bin++)
    ck_assert_double_eq_tol(hd_series_rate(&s, bin, HD_SERIES_TX_PACKETS), 6e8,
                            1e-3);
  hd_series_terminate(&s);
}
END_TEST

START_TEST(missing_is_not_zero)
{
  struct hd_series s = make(10 * HD_NS);
  uint64_t value;
  ck_assert_double_eq(hd_series_rate(&s, 0, HD_SERIES_TX_PACKETS), 0);
  ck_assert(isnan(hd_series_rate(&s, 0, HD_SERIES_RX_PACKETS)));
  ck_assert(!hd_series_amount(&s, 0, HD_SERIES_DROPS, &value));
  hd_series_terminate(&s);
  struct hd_series off = {0}; /* takes all, records nothing */
  hd_series_add(&off, &window, START, HD_SERIES_DROPS, 1);
}
END_TEST

/* Merged, two series are that of both together; nothing is lost. */
START_TEST(merge_adds_up)
{
  struct hd_series a = make(HD_NS), b = make(HD_NS), both = make(HD_NS);
  hd_series_record(&b, HD_SERIES_DROPS);
  hd_series_record(&both, HD_SERIES_DROPS);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < 1000; i++) {
    uint64_t key = hd_mix64(i);
    hd_time when = START + (hd_time)(key % (uint64_t)(35 * HD_NS));
    struct hd_series *s = key >> 63 ? &a : &b;
    hd_series_add(s, &window, when, HD_SERIES_TX_PACKETS, i);
    hd_series_add(&both, &window, when, HD_SERIES_TX_PACKETS, i);
  }
  hd_series_merge(&a, &b);
  for (size_t bin = 0; bin < both.n; bin++) {
    ck_assert_uint_eq(amount(&a, bin, HD_SERIES_TX_PACKETS),
                      amount(&both, bin, HD_SERIES_TX_PACKETS));
    sum += amount(&a, bin, HD_SERIES_TX_PACKETS);
    ck_assert_uint_eq(amount(&a, bin, HD_SERIES_DROPS), 0);
  }
  ck_assert_uint_eq(sum, 999 * 1000 / 2);
  hd_series_terminate(&a);
  hd_series_terminate(&b);
  hd_series_terminate(&both);
}
END_TEST

START_TEST(size_is_limited)
{
  struct hd_series s;
  ck_assert(hd_series_initialize(&s, 1, HD_SERIES_BINS_MAX));
  ck_assert_uint_eq(s.n, HD_SERIES_BINS_MAX);
  hd_series_terminate(&s);
  ck_assert(!hd_series_initialize(&s, 1, HD_SERIES_BINS_MAX + 1));
  ck_assert(hd_series_initialize(&s, 7, 7));
  ck_assert_uint_eq(s.n, 1);
  hd_series_terminate(&s);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("measure series");
  TCase *t = tcase_create("series");
  suite_add_tcase(suite, t);
  tcase_add_test(t, edges);
  tcase_add_test(t, rates_are_of_the_bin);
  tcase_add_test(t, missing_is_not_zero);
  tcase_add_test(t, merge_adds_up);
  tcase_add_test(t, size_is_limited);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
