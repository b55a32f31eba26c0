/*
 * test_measure.c - histograms, gauges, breakdown, statistics and result files.
 *
 * A green run says that the arithmetic and the formats are right. It does not
 * say that models put their stamps and counts in the right places.
 */
#include "sim/measure/breakdown.h"
#include "sim/measure/csv.h"
#include "sim/measure/gauge.h"
#include "sim/measure/hgrm.h"
#include "sim/measure/histogram.h"
#include "sim/measure/manifest.h"
#include "sim/measure/stats.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- a directory for every test ------------------------------------------ */

static char directory[64];

static void make_directory(void)
{
  strcpy(directory, "/tmp/test_measure.XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(directory));
}

static const char *in_directory(const char *name)
{
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

static int count_files(void)
{
  int files = 0;
  DIR *d = opendir(directory);
  ck_assert_ptr_nonnull(d);
  for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
    files += e->d_name[0] != '.';
  closedir(d);
  return files;
}

static void remove_directory(void)
{
  DIR *d = opendir(directory);
  ck_assert_ptr_nonnull(d);
  for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
    if (e->d_name[0] != '.')
      unlink(in_directory(e->d_name));
  closedir(d);
  ck_assert_int_eq(rmdir(directory), 0);
}

static void write_text(const char *name, const char *text)
{
  FILE *out = fopen(in_directory(name), "w");
  ck_assert_ptr_nonnull(out);
  fputs(text, out);
  ck_assert_int_eq(fclose(out), 0);
}

static const char *read_text(const char *name)
{
  static char text[65536];
  FILE *in = fopen(in_directory(name), "r");
  ck_assert_ptr_nonnull(in);
  text[fread(text, 1, sizeof text - 1, in)] = '\0';
  fclose(in);
  return text;
}

/* -- histogram ------------------------------------------------------------ */

static uint64_t random_state = 88172645463325252u;

static uint64_t random_u64(void) /* xorshift64 */
{
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

/* All magnitudes alike. */
static int64_t random_value(void)
{
  return (int64_t)(random_u64() >> (2 + random_u64() % 62));
}

static int compare(const void *a, const void *b)
{
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

START_TEST(quantiles_match_sorted_data)
{
  enum { N = 20011 };
  static int64_t values[N];
  struct hd_histogram h;
  hd_histogram_initialize(&h);
  for (int i = 0; i < N; i++) {
    values[i] = random_value();
    ck_assert(hd_histogram_add(&h, values[i]));
  }
  qsort(values, N, sizeof values[0], compare);
  for (int i = 1; i <= N; i++) {
    int64_t exact = values[i - 1];
    int64_t got = hd_histogram_quantile(&h, (double)i / N);
    ck_assert_int_ge(got, exact);
    ck_assert_int_le(got - exact, exact / 1000);
  }
  ck_assert_int_eq(hd_histogram_quantile(&h, 1), values[N - 1]);
  ck_assert_int_eq(h.min, values[0]);
  ck_assert_int_eq(h.max, values[N - 1]);
  hd_histogram_terminate(&h);
}
END_TEST

START_TEST(nearest_rank_is_exact_for_small_values)
{
  struct hd_histogram h;
  hd_histogram_initialize(&h);
  for (int64_t v = 1; v <= 100; v++)
    hd_histogram_add(&h, v);
  for (int percent = 1; percent <= 100; percent++)
    ck_assert_int_eq(hd_histogram_quantile(&h, percent / 100.0), percent);
  ck_assert_int_eq(hd_histogram_quantile(&h, 0), 1);
  ck_assert_int_eq(hd_histogram_quantile(&h, 0.501), 51);
  ck_assert_int_eq(hd_histogram_quantile(&h, -3), 1);
  ck_assert_int_eq(hd_histogram_quantile(&h, 7), 100);
  ck_assert_double_eq(hd_histogram_mean(&h), 50.5);
  ck_assert_double_eq_tol(hd_histogram_stddev(&h), sqrt(9999 / 12.0), 1e-9);
  hd_histogram_terminate(&h);
}
END_TEST

START_TEST(equivalent_ranges_tile_the_axis)
{
  for (int i = 0; i < 100000; i++) {
    int64_t v = random_value();
    int64_t low = hd_histogram_lowest_equivalent(v);
    int64_t high = hd_histogram_highest_equivalent(v);
    ck_assert(low <= v && v <= high);
    ck_assert_uint_eq(hd_histogram_index(low), hd_histogram_index(high));
    ck_assert_uint_eq(hd_histogram_index(high + 1),
                      hd_histogram_index(high) + 1);
  }
  ck_assert_int_eq(hd_histogram_highest_equivalent(2047), 2047);
  ck_assert_int_eq(hd_histogram_highest_equivalent(2048), 2049);
  ck_assert_int_eq(hd_histogram_lowest_equivalent(2049), 2048);
}
END_TEST

START_TEST(extremes)
{
  const int64_t top = INT64_C(1) << 62;
  struct hd_histogram h;
  hd_histogram_initialize(&h);
  ck_assert(hd_histogram_add(&h, 0));
  ck_assert(hd_histogram_add(&h, top));
  ck_assert(hd_histogram_add(&h, INT64_MAX));
  ck_assert(!hd_histogram_add(&h, -1));
  ck_assert(!hd_histogram_add(&h, INT64_MIN));
  ck_assert_uint_eq(h.count, 3);
  ck_assert_int_eq(h.min, 0);
  ck_assert_int_eq(hd_histogram_quantile(&h, 0.3), 0);
  ck_assert_int_eq(hd_histogram_quantile(&h, 1), INT64_MAX);
  int64_t middle = hd_histogram_quantile(&h, 0.6);
  ck_assert(middle >= top && middle - top <= top / 1000);
  ck_assert_uint_lt(hd_histogram_index(INT64_MAX),
                    (size_t)HD_HISTOGRAM_BLOCKS * HD_HISTOGRAM_HALF);

  /* The sum does not overflow either. */
  hd_histogram_reset(&h);
  ck_assert_uint_eq(h.count, 0);
  for (int i = 0; i < 1000; i++)
    hd_histogram_add(&h, top);
  ck_assert_double_eq(hd_histogram_mean(&h), (double)top);
  ck_assert_double_eq(hd_histogram_stddev(&h), 0);
  hd_histogram_terminate(&h);
}
END_TEST

START_TEST(empty_histogram)
{
  struct hd_histogram h;
  hd_histogram_initialize(&h);
  ck_assert_int_eq(hd_histogram_quantile(&h, 0.5), 0);
  ck_assert_double_nan(hd_histogram_mean(&h));
  ck_assert_double_nan(hd_histogram_stddev(&h));
  ck_assert_double_nan(hd_histogram_quantile_ns(&h, 0.5));
  ck_assert_double_nan(hd_histogram_max_ns(&h));
  struct hd_histogram_iter it = hd_histogram_begin(&h);
  ck_assert(!hd_histogram_next(&it));
  ck_assert_uint_le(sizeof h, 512);
  ck_assert(hd_histogram_add_n(&h, 5, 0));
  ck_assert_uint_eq(h.count, 0);
  hd_histogram_terminate(&h);
}
END_TEST

static void assert_same(const struct hd_histogram *a,
                        const struct hd_histogram *b)
{
  ck_assert_uint_eq(a->count, b->count);
  ck_assert_int_eq(a->min, b->min);
  ck_assert_int_eq(a->max, b->max);
  ck_assert(a->sum == b->sum);
  struct hd_histogram_iter x = hd_histogram_begin(a), y = hd_histogram_begin(b);
  bool more;
  do {
    more = hd_histogram_next(&x);
    ck_assert(more == hd_histogram_next(&y));
    ck_assert_int_eq(x.value, y.value);
    ck_assert_uint_eq(x.count, y.count);
  } while (more);
  ck_assert_uint_eq(x.cumulative, a->count);
}

START_TEST(merge_equals_union)
{
  struct hd_histogram a, b, both, empty;
  hd_histogram_initialize(&a);
  hd_histogram_initialize(&b);
  hd_histogram_initialize(&both);
  hd_histogram_initialize(&empty);
  for (int i = 0; i < 5000; i++) {
    int64_t small = random_value() >> 30, large = random_value();
    hd_histogram_add(&a, small);
    hd_histogram_add_n(&b, large, 3);
    hd_histogram_add(&both, small);
    hd_histogram_add_n(&both, large, 3);
  }
  hd_histogram_merge(&a, &b);
  assert_same(&a, &both);
  hd_histogram_merge(&a, &empty);
  assert_same(&a, &both);
  hd_histogram_merge(&empty, &both);
  assert_same(&empty, &both);
  hd_histogram_terminate(&a);
  hd_histogram_terminate(&b);
  hd_histogram_terminate(&both);
  hd_histogram_terminate(&empty);
}
END_TEST

START_TEST(hgrm_format)
{
  struct hd_histogram h;
  hd_histogram_initialize(&h);
  for (int64_t v = 1; v <= 4; v++)
    hd_histogram_add(&h, v * 100);
  char error[128];
  ck_assert(hd_hgrm_write(&h, in_directory("a.hgrm"), error, sizeof error));
  ck_assert_str_eq(
      read_text("a.hgrm"),
      "       Value     Percentile TotalCount 1/(1-Percentile)\n"
      "\n"
      "       0.100 0.000000000000          1           1.00\n"
      "       0.100 0.100000000000          1           1.11\n"
      "       0.100 0.200000000000          1           1.25\n"
      "       0.200 0.300000000000          2           1.43\n"
      "       0.200 0.400000000000          2           1.67\n"
      "       0.200 0.500000000000          2           2.00\n"
      "       0.300 0.550000000000          3           2.22\n"
      "       0.300 0.600000000000          3           2.50\n"
      "       0.300 0.650000000000          3           2.86\n"
      "       0.300 0.700000000000          3           3.33\n"
      "       0.300 0.750000000000          3           4.00\n"
      "       0.400 0.775000000000          4           4.44\n"
      "       0.400 1.000000000000          4\n"
      "#[Mean    =        0.250, StdDeviation   =        0.112]\n"
      "#[Max     =        0.400, Total count    =            4]\n"
      "#[Buckets =            1, SubBuckets     =         2048]\n");
  hd_histogram_reset(&h);
  ck_assert(hd_hgrm_write(&h, in_directory("a.hgrm"), error, sizeof error));
  hd_histogram_add_n(&h, 10, UINT64_C(1) << 62);
  hd_histogram_add(&h, 5000);
  ck_assert(hd_hgrm_write(&h, in_directory("a.hgrm"), error, sizeof error));
  ck_assert(!hd_hgrm_write(&h, in_directory("no/a.hgrm"), error, sizeof error));
  ck_assert_ptr_nonnull(strstr(error, "No such file"));
  hd_histogram_terminate(&h);
}
END_TEST

/* -- gauges --------------------------------------------------------------- */

START_TEST(window_edges)
{
  const struct hd_window w = {10 * HD_US, 20 * HD_US};
  struct hd_counter c = {0};
  hd_counter_add(&c, &w, w.start - HD_PS, 1);
  ck_assert_uint_eq(c.count, 0);
  hd_counter_add(&c, &w, w.start, 1);
  ck_assert_uint_eq(c.count, 1);
  hd_counter_add(&c, &w, w.end - HD_PS, 2);
  ck_assert_uint_eq(c.count, 3);
  hd_counter_add(&c, &w, w.end, 1);
  ck_assert_uint_eq(c.count, 3);
  ck_assert_double_eq_tol(hd_counter_rate(&c, &w, w.end), 3e5, 1e-6);
  ck_assert_double_eq_tol(hd_counter_rate(&c, &w, HD_TIME_NEVER), 3e5, 1e-6);
  ck_assert_double_nan(hd_counter_rate(&c, &w, w.start));
}
END_TEST

START_TEST(gauge_integral_by_hand)
{
  const struct hd_window w = {100, 200};
  struct hd_gauge g = {0};
  hd_gauge_set(&g, &w, 20, 50);  /* before the window: not seen */
  hd_gauge_set(&g, &w, 90, 4);   /* 4 from 100 to 110: 40 */
  hd_gauge_add(&g, &w, 110, 3);  /* 7 to 130: 140 */
  hd_gauge_add(&g, &w, 130, -5); /* 2 to 180: 100 */
  hd_gauge_set(&g, &w, 180, 9);  /* 9 for no time */
  hd_gauge_set(&g, &w, 180, 1);  /* 1 to 200: 20 */
  ck_assert_double_eq(hd_gauge_mean(&g, &w, 180), 280.0 / 80);
  ck_assert_double_eq(hd_gauge_mean(&g, &w, 190), 290.0 / 90);
  ck_assert_double_eq(hd_gauge_mean(&g, &w, 200), 3.0);
  hd_gauge_set(&g, &w, 200, 1000); /* at the end: not seen */
  ck_assert_double_eq(hd_gauge_mean(&g, &w, 500), 3.0);
  ck_assert_int_eq(hd_gauge_max(&g, &w, 500), 9);
}
END_TEST

START_TEST(gauge_outside_the_window)
{
  const struct hd_window w = {100, 200};
  struct hd_gauge g = {0};
  hd_gauge_set(&g, &w, 99, 6);
  ck_assert_int_eq(hd_gauge_max(&g, &w, 99), 0);
  ck_assert_double_nan(hd_gauge_mean(&g, &w, 100));
  ck_assert_int_eq(hd_gauge_max(&g, &w, 100), 6);
  ck_assert_double_eq(hd_gauge_mean(&g, &w, 101), 6);
  ck_assert_int_eq(hd_gauge_max(&g, &w, 101), 6);
  hd_gauge_set(&g, &w, 300, 8); /* one step over all of the window */
  ck_assert_double_eq(hd_gauge_mean(&g, &w, 300), 6);
  ck_assert_int_eq(hd_gauge_max(&g, &w, 300), 6);
}
END_TEST

START_TEST(gauge_integral_does_not_overflow)
{
  const struct hd_window w = {0, HD_TIME_NEVER};
  struct hd_gauge g = {0};
  hd_gauge_set(&g, &w, 0, INT64_C(1) << 50);
  hd_gauge_set(&g, &w, 1000 * HD_S, -(INT64_C(1) << 50));
  ck_assert_double_eq(hd_gauge_mean(&g, &w, 2000 * HD_S), 0);
}
END_TEST

START_TEST(busy_overlap)
{
  const struct hd_window w = {100, 200};
  struct hd_busy b = {0};
  hd_busy_add(&b, &w, 0, 100);
  ck_assert_int_eq(b.busy, 0);
  hd_busy_add(&b, &w, 90, 101);
  ck_assert_int_eq(b.busy, 1);
  hd_busy_add(&b, &w, 150, 170);
  ck_assert_int_eq(b.busy, 21);
  hd_busy_add(&b, &w, 199, 250);
  ck_assert_int_eq(b.busy, 22);
  hd_busy_add(&b, &w, 200, 250);
  ck_assert_int_eq(b.busy, 22);
  hd_busy_add(&b, &w, 160, 150);
  ck_assert_int_eq(b.busy, 22);
  ck_assert_double_eq(hd_busy_utilization(&b, &w, 1000), 0.22);
  struct hd_busy whole = {0};
  hd_busy_add(&whole, &w, 0, 1000);
  ck_assert_double_eq(hd_busy_utilization(&whole, &w, 200), 1);
}
END_TEST

/* -- breakdown ------------------------------------------------------------ */

static struct hd_stamps sample(hd_time begin)
{
  struct hd_stamps s;
  hd_stamps_begin(&s, begin);
  hd_stamps_mark(&s, HD_STAGE_SEND_PATH, begin + 100 * HD_NS);
  hd_stamps_mark(&s, HD_STAGE_PAYLOAD_READ, begin + 400 * HD_NS);
  hd_stamps_mark(&s, HD_STAGE_WIRE, begin + 500 * HD_NS);
  hd_stamps_mark(&s, HD_STAGE_REMOTE, begin + 900 * HD_NS);
  hd_stamps_mark(&s, HD_STAGE_WIRE, begin + 1000 * HD_NS);
  ck_assert(
      hd_stamps_move(&s, HD_STAGE_PAYLOAD_READ, HD_STAGE_IOMMU, 50 * HD_NS));
  return s;
}

START_TEST(breakdown_of_a_request)
{
  struct hd_breakdown b;
  hd_breakdown_initialize(&b);
  struct hd_stamps s = sample(7 * HD_US);
  ck_assert(hd_breakdown_add(&b, &s));
  struct hd_breakdown_row wire = hd_breakdown_report(&b, HD_STAGE_WIRE);
  ck_assert_str_eq(wire.name, "wire");
  ck_assert_uint_eq(wire.count, 1);
  ck_assert_double_eq(wire.mean_ns, 200);
  ck_assert_double_eq(wire.p50_ns, 200);
  ck_assert_double_eq(wire.p99_ns, 200);
  ck_assert_double_eq(wire.share, 0.2);
  ck_assert_double_eq(hd_breakdown_report(&b, HD_STAGE_IOMMU).mean_ns, 50);
  ck_assert_double_eq(hd_breakdown_report(&b, HD_STAGE_PAYLOAD_READ).mean_ns,
                      250);
  ck_assert_double_eq(hd_breakdown_report(&b, HD_STAGE_DOORBELL).share, 0);
  ck_assert_double_eq(hd_breakdown_report(&b, HD_STAGE_COUNT).mean_ns, 1000);

  double share = 0;
  for (int i = 0; i < HD_STAGE_COUNT; i++)
    share += hd_breakdown_report(&b, (enum hd_stage)i).share;
  ck_assert_double_eq_tol(share, 1, 1e-12);
  hd_breakdown_merge(&b, &b);
  ck_assert_uint_eq(hd_breakdown_report(&b, HD_STAGE_COUNT).count, 2);
  hd_breakdown_terminate(&b);
}
END_TEST

START_TEST(wrong_stamps_are_refused)
{
  struct hd_breakdown b;
  hd_breakdown_initialize(&b);
  struct hd_stamps s = sample(0);
  s.spent[HD_STAGE_DOORBELL] += 1; /* one picosecond too much */
  ck_assert(!hd_breakdown_add(&b, &s));
  s = sample(0);
  s.spent[HD_STAGE_WIRE] -= 1; /* one too little */
  ck_assert(!hd_breakdown_add(&b, &s));
  s.spent[HD_STAGE_WIRE] += 2; /* the sum is right, a stage is negative */
  s.spent[HD_STAGE_DOORBELL] -= 1;
  ck_assert(!hd_breakdown_add(&b, &s));
  s = sample(0);
  s.last -= 1;
  ck_assert(!hd_breakdown_add(&b, &s));
  s.begin = INT64_MAX;
  s.last = INT64_MIN;
  ck_assert(!hd_breakdown_add(&b, &s));
  s = sample(0);
  ck_assert(
      !hd_stamps_move(&s, HD_STAGE_WIRE, HD_STAGE_IOMMU, 200 * HD_NS + 1));
  ck_assert(!hd_stamps_move(&s, HD_STAGE_WIRE, HD_STAGE_IOMMU, -1));
  ck_assert(hd_stamps_move(&s, HD_STAGE_WIRE, HD_STAGE_IOMMU, 200 * HD_NS));
  ck_assert_double_nan(hd_breakdown_report(&b, HD_STAGE_COUNT).mean_ns);
  ck_assert_double_nan(hd_breakdown_report(&b, HD_STAGE_COUNT).share);
  hd_breakdown_terminate(&b);
}
END_TEST

START_TEST(stage_names)
{
  for (int i = 0; i <= HD_STAGE_COUNT; i++)
    ck_assert_ptr_nonnull(hd_stage_name((enum hd_stage)i));
  ck_assert_str_eq(hd_stage_name(HD_STAGE_SEND_PATH), "guest_send_path");
  ck_assert_str_eq(hd_stage_name(HD_STAGE_GUEST_RECEIVE), "guest_receive_path");
  ck_assert_str_eq(hd_stage_name(HD_STAGE_COUNT), "total");
}
END_TEST

/* -- statistics ----------------------------------------------------------- */

START_TEST(student_t_against_the_table)
{
  const double values[] = {1, 2, 3, 4, 5};
  struct hd_summary s = hd_stats_summarize(values, 5, 0.95);
  ck_assert_double_eq(s.mean, 3);
  ck_assert_double_eq_tol(s.stddev, sqrt(2.5), 1e-12);
  ck_assert_double_eq_tol(s.half_width * sqrt(5) / s.stddev, 2.776, 5e-4);
  ck_assert_double_eq_tol(hd_stats_half_width(1, 2, 0.95) * sqrt(2), 12.706,
                          5e-4);
  ck_assert_double_eq_tol(hd_stats_half_width(1, 31, 0.99) * sqrt(31), 2.750,
                          5e-4);
  s = hd_stats_summarize(values, 1, 0.95);
  ck_assert_double_eq(s.mean, 1);
  ck_assert_double_nan(s.stddev);
  ck_assert_double_nan(s.half_width);
  ck_assert_double_nan(hd_stats_summarize(values, 0, 0.95).mean);
  ck_assert_double_nan(hd_stats_half_width(1, 5, 1.0));
  ck_assert_double_nan(hd_stats_half_width(1, 5, 0.0));
}
END_TEST

START_TEST(batches_drop_the_beginning)
{
  const double values[] = {1000, 1, 3, 5, 7, 9, 11};
  double means[3];
  ck_assert_uint_eq(hd_stats_batch(values, 7, 3, means), 2);
  ck_assert_double_eq(means[0], 2);
  ck_assert_double_eq(means[1], 6);
  ck_assert_double_eq(means[2], 10);
  ck_assert_double_eq_tol(hd_stats_batch_half_width(means, 3, 0.95),
                          4.3027 * 4 / sqrt(3), 1e-3);
  ck_assert_uint_eq(hd_stats_batch(values, 2, 3, means), 0);
  ck_assert_uint_eq(hd_stats_batch(values, 2, 0, means), 0);
}
END_TEST

START_TEST(jain_bounds)
{
  const double equal[] = {7, 7, 7, 7}, one[] = {0, 0, 9, 0}, none[] = {0, 0};
  const double huge[] = {1e300, 1e300}, half[] = {1, 3}, bad[] = {1, -1};
  ck_assert_double_eq_tol(hd_stats_jain(equal, 4), 1, 1e-15);
  ck_assert_double_eq_tol(hd_stats_jain(one, 4), 0.25, 1e-15);
  ck_assert_double_eq(hd_stats_jain(none, 2), 1);
  ck_assert_double_eq_tol(hd_stats_jain(huge, 2), 1, 1e-15);
  ck_assert_double_eq_tol(hd_stats_jain(half, 2), 0.8, 1e-15);
  ck_assert_double_nan(hd_stats_jain(bad, 2));
  ck_assert_double_nan(hd_stats_jain(equal, 0));
}
END_TEST

/* -- files ---------------------------------------------------------------- */

START_TEST(commit_replaces_only_at_the_end)
{
  struct hd_atomic_file f;
  write_text("result", "old");
  ck_assert(hd_atomic_open(&f, in_directory("result")));
  fputs("new", f.stream);
  fflush(f.stream);
  ck_assert_str_eq(read_text("result"), "old");
  ck_assert_int_eq(count_files(), 2);
  ck_assert(hd_atomic_commit(&f));
  ck_assert_str_eq(read_text("result"), "new");
  ck_assert_int_eq(count_files(), 1);
  ck_assert(!hd_atomic_commit(&f));
  hd_atomic_abandon(&f);
}
END_TEST

START_TEST(abandon_leaves_nothing)
{
  struct hd_atomic_file f;
  ck_assert(hd_atomic_open(&f, in_directory("result")));
  fputs("new", f.stream);
  hd_atomic_abandon(&f);
  ck_assert_int_eq(count_files(), 0);
  write_text("result", "old");
  ck_assert(hd_atomic_open(&f, in_directory("result")));
  fputs("new", f.stream);
  hd_atomic_abandon(&f);
  ck_assert_int_eq(count_files(), 1);
  ck_assert_str_eq(read_text("result"), "old");
}
END_TEST

START_TEST(two_writers_of_one_name)
{
  struct hd_atomic_file a, b;
  ck_assert(hd_atomic_open(&a, in_directory("result")));
  ck_assert(hd_atomic_open(&b, in_directory("result")));
  fputs("a", a.stream);
  fputs("b", b.stream);
  ck_assert(hd_atomic_commit(&a));
  ck_assert(hd_atomic_commit(&b));
  ck_assert_str_eq(read_text("result"), "b");
  ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(what_cannot_be_replaced)
{
  struct hd_atomic_file f;
  ck_assert(!hd_atomic_open(&f, in_directory("missing/result")));
  ck_assert_ptr_nonnull(strstr(f.error, "No such file or directory"));
  ck_assert(!hd_atomic_open(&f, directory));
  ck_assert_ptr_nonnull(strstr(f.error, "Is a directory"));
  ck_assert(!hd_atomic_open(&f, "/dev/null"));

  /* The name becomes a directory meanwhile. */
  ck_assert(hd_atomic_open(&f, in_directory("result")));
  ck_assert_int_eq(mkdir(in_directory("result"), 0777), 0);
  ck_assert(!hd_atomic_commit(&f));
  ck_assert_ptr_nonnull(strstr(f.error, "result: "));
  ck_assert_int_eq(rmdir(in_directory("result")), 0);
  ck_assert_int_eq(count_files(), 0);
}
END_TEST

START_TEST(a_link_stays_a_link)
{
  struct hd_atomic_file f;
  struct stat st;
  write_text("result", "old");
  ck_assert_int_eq(symlink("result", in_directory("link")), 0);
  ck_assert(hd_atomic_open(&f, in_directory("link")));
  fputs("new", f.stream);
  ck_assert(hd_atomic_commit(&f));
  ck_assert_str_eq(read_text("result"), "new");
  ck_assert_int_eq(lstat(in_directory("link"), &st), 0);
  ck_assert(S_ISLNK(st.st_mode));
}
END_TEST

static const char *const columns[] = {"name", "count", "value, ns"};

static void write_sample(const char *name)
{
  struct hd_csv w;
  ck_assert(hd_csv_open(&w, in_directory(name), columns, 3));
  hd_csv_text(&w, "plain text");
  hd_csv_int(&w, INT64_MIN);
  hd_csv_real(&w, 0.1);
  hd_csv_end_row(&w);
  hd_csv_text(&w, "say \"a, b\"\nand c");
  hd_csv_uint(&w, UINT64_MAX);
  hd_csv_real(&w, NAN);
  hd_csv_end_row(&w);
  hd_csv_text(&w, NULL);
  hd_csv_na(&w);
  hd_csv_text(&w, "NA");
  hd_csv_end_row(&w);
  hd_csv_text(&w, "");
  hd_csv_text(&w, " blank");
  hd_csv_real(&w, 42);
  hd_csv_end_row(&w);
  ck_assert_uint_eq(w.rows, 4);
  ck_assert_msg(hd_csv_close(&w), "%s", w.error);
}

START_TEST(csv_bytes)
{
  write_sample("a.csv");
  ck_assert_str_eq(read_text("a.csv"),
                   "name,count,\"value, ns\"\n"
                   "plain text,-9223372036854775808,0.1\n"
                   "\"say \"\"a, b\"\"\nand c\",18446744073709551615,NA\n"
                   "NA,NA,\"NA\"\n"
                   "\"\",\" blank\",42\n");
}
END_TEST

START_TEST(csv_round_trip)
{
  write_sample("a.csv");
  struct hd_csv_table t;
  ck_assert_msg(hd_csv_read(&t, in_directory("a.csv")), "%s", t.error);
  ck_assert_uint_eq(t.columns, 3);
  ck_assert_uint_eq(t.rows, 4);
  ck_assert_uint_eq(hd_csv_column(&t, "value, ns"), 2);
  ck_assert_uint_eq(hd_csv_column(&t, "nothing"), 3);
  ck_assert_str_eq(hd_csv_cell(&t, 1, 0), "say \"a, b\"\nand c");
  ck_assert_ptr_null(hd_csv_cell(&t, 2, 0));
  ck_assert_str_eq(hd_csv_cell(&t, 2, 2), "NA");
  ck_assert_str_eq(hd_csv_cell(&t, 3, 0), "");
  double number;
  ck_assert(hd_csv_number(&t, 0, 2, &number));
  ck_assert_double_eq(number, 0.1);
  ck_assert(hd_csv_number(&t, 1, 2, &number));
  ck_assert_double_nan(number);
  ck_assert(!hd_csv_number(&t, 0, 0, &number));
  ck_assert(!hd_csv_number(&t, 3, 0, &number));

  /* Written again as text, it is the same file. */
  char before[4096];
  strcpy(before, read_text("a.csv"));
  struct hd_csv w;
  ck_assert(
      hd_csv_open(&w, in_directory("b.csv"), (const char *const *)t.names, 3));
  for (size_t r = 0; r < t.rows; r++) {
    for (size_t c = 0; c < t.columns; c++)
      hd_csv_text(&w, hd_csv_cell(&t, r, c));
    hd_csv_end_row(&w);
  }
  ck_assert(hd_csv_close(&w));
  ck_assert_str_eq(read_text("b.csv"), before);
  hd_csv_table_terminate(&t);
}
END_TEST

START_TEST(csv_reals)
{
  static const struct {
    double value;
    const char *text;
  } cases[] = {
      {0, "0"},
      {-0.0, "0"},
      {1, "1"},
      {-3, "-3"},
      {0.5, "0.5"},
      {0.1 + 0.2, "0.3"},
      {1.0 / 3, "0.333333"},
      {2.0 / 3 * 100, "66.6667"},
      {123456.7, "123457"},
      {1234567.8, "1234568"},
      {12345678901, "12345678901"},
      {999999.96, "1000000"},
      {9.9999999, "10"},
      {100.25, "100.25"},
      {0.0001, "0.0001"},
      {0.000123456789, "0.000123457"},
      {0.00001, "1e-05"},
      {1e15, "1e+15"},
      {-1.5e300, "-1.5e+300"},
      {NAN, "NA"},
      {INFINITY, "inf"},
      {-INFINITY, "-inf"},
  };
  char text[HD_CSV_REAL_MAX];
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    hd_csv_format_real(text, cases[i].value);
    ck_assert_str_eq(text, cases[i].text);
  }
}
END_TEST

START_TEST(csv_writer_errors)
{
  struct hd_csv w;
  ck_assert(hd_csv_open(&w, in_directory("a.csv"), columns, 3));
  hd_csv_int(&w, 1);
  hd_csv_end_row(&w);
  hd_csv_int(&w, 1); /* nothing happens any more */
  ck_assert(!hd_csv_close(&w));
  ck_assert_ptr_nonnull(strstr(w.error, "fewer cells"));
  ck_assert_int_eq(count_files(), 0);

  ck_assert(hd_csv_open(&w, in_directory("a.csv"), columns, 1));
  hd_csv_int(&w, 1);
  hd_csv_int(&w, 2);
  ck_assert(!hd_csv_close(&w));
  ck_assert_ptr_nonnull(strstr(w.error, "row 1: more cells"));

  ck_assert(hd_csv_open(&w, in_directory("a.csv"), columns, 2));
  hd_csv_int(&w, 1);
  ck_assert(!hd_csv_close(&w));
  ck_assert_ptr_nonnull(strstr(w.error, "unfinished"));

  ck_assert(!hd_csv_open(&w, in_directory("no/a.csv"), columns, 2));
  ck_assert_ptr_nonnull(strstr(w.error, "No such file"));
  ck_assert(!hd_csv_close(&w));
  ck_assert(!hd_csv_open(&w, in_directory("a.csv"), columns, 0));
  ck_assert_int_eq(count_files(), 0);
}
END_TEST

START_TEST(csv_write_failure)
{
  if (access("/dev/full", W_OK) != 0)
    return;
  struct hd_csv w;
  ck_assert(hd_csv_open(&w, in_directory("a.csv"), columns, 1));
  FILE *full = fopen("/dev/full", "w");
  ck_assert_ptr_nonnull(full);
  fclose(w.file.stream);
  w.file.stream = full;
  hd_csv_int(&w, 1);
  hd_csv_end_row(&w);
  ck_assert(!hd_csv_close(&w));
  ck_assert_ptr_nonnull(strstr(w.error, strerror(ENOSPC)));
  ck_assert_int_eq(count_files(), 0);
}
END_TEST

START_TEST(csv_abandon)
{
  struct hd_csv w;
  write_sample("a.csv");
  ck_assert(hd_csv_open(&w, in_directory("a.csv"), columns, 3));
  hd_csv_int(&w, 1);
  hd_csv_abandon(&w);
  ck_assert_int_eq(count_files(), 1);
  ck_assert_int_eq(strncmp(read_text("a.csv"), "name,count", 10), 0);
}
END_TEST

START_TEST(csv_reader_diagnostics)
{
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"", "a.csv:1: empty file"},
      {"a,b\n1\n", "a.csv:2: 1 cells, header has 2"},
      {"a,b\n1,2,3\n", "a.csv:2: 3 cells, header has 2"},
      {"a\n\"x\ny\"\n\"1\n2\n", "a.csv:4: quote is not closed"},
      {"a\nx\"y\n", "a.csv:2: quote inside a plain cell"},
      {"a\n\"x\"y\n", "a.csv:2: unexpected character after a cell"},
      {"a\nx\ry\n", "a.csv:2: unexpected character after a cell"},
  };
  struct hd_csv_table t;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    write_text("a.csv", cases[i].text);
    ck_assert(!hd_csv_read(&t, in_directory("a.csv")));
    ck_assert_msg(strstr(t.error, cases[i].message) != NULL, "%s", t.error);
  }
  ck_assert(!hd_csv_read(&t, in_directory("none.csv")));
  ck_assert_ptr_nonnull(strstr(t.error, "No such file"));
  ck_assert(!hd_csv_read(&t, directory));
}
END_TEST

START_TEST(csv_reader_line_ends)
{
  static const char *const texts[] = {"a,b\r\n\"1\",2\r\n", "a,b\n1,\"2\"",
                                      "a,b\r\n1,2"};
  struct hd_csv_table t;
  for (size_t i = 0; i < 3; i++) {
    write_text("a.csv", texts[i]);
    ck_assert_msg(hd_csv_read(&t, in_directory("a.csv")), "%s", t.error);
    ck_assert_uint_eq(t.rows, 1);
    ck_assert_str_eq(hd_csv_cell(&t, 0, 0), "1");
    ck_assert_str_eq(hd_csv_cell(&t, 0, 1), "2");
    hd_csv_table_terminate(&t);
  }
  write_text("a.csv", "a,b\n");
  ck_assert(hd_csv_read(&t, in_directory("a.csv")));
  ck_assert_uint_eq(t.rows, 0);
  hd_csv_table_terminate(&t);
}
END_TEST

START_TEST(csv_large_table)
{
  enum { ROWS = 5000 };
  struct hd_csv w;
  ck_assert(hd_csv_open(&w, in_directory("a.csv"), columns, 2));
  for (int i = 0; i < ROWS; i++) {
    hd_csv_int(&w, i);
    hd_csv_real(&w, i / 8.0);
    hd_csv_end_row(&w);
  }
  ck_assert(hd_csv_close(&w));
  struct hd_csv_table t;
  ck_assert(hd_csv_read(&t, in_directory("a.csv")));
  ck_assert_uint_eq(t.rows, ROWS);
  for (size_t i = 0; i < ROWS; i++) {
    double value;
    ck_assert(hd_csv_number(&t, i, 1, &value));
    ck_assert_double_eq(value, (double)i / 8);
  }
  hd_csv_table_terminate(&t);
}
END_TEST

/* -- manifest ------------------------------------------------------------- */

static void fill(struct hd_manifest *m)
{
  char *const argv[] = {"hdiov-sim", "run", "caf\xe9.yaml", NULL};
  const struct hd_manifest_outcome outcome = {
      .scenario_hash = 0xabcd,
      .wall_s = 0.1,
      .simulated = 1500 * HD_MS,
      .events = 12,
      .wakeups = 3,
      .fingerprint = UINT64_MAX,
      .peak_memory_bytes = hd_manifest_peak_memory(),
  };
  hd_manifest_initialize(m);
  hd_manifest_head(m, "1.0", 3, argv, 7);
  hd_manifest_setting(m, "nic.rate", "100 Gb/s", "e810.yaml:3");
  hd_manifest_setting(m, "vms.web.count", "4", "default");
  hd_manifest_outcome(m, &outcome);
  for (int i = 0; i < 2; i++)
    hd_manifest_set_int(m, hd_manifest_point(m), "point", i);
  struct json_t *extra = hd_manifest_object(m, NULL, "extra");
  hd_manifest_set_real(m, extra, "nothing", NAN);
  hd_manifest_set_uint(m, extra, "large", UINT64_MAX);
  hd_manifest_set_bool(m, extra, "yes", true);
}

START_TEST(manifest_parses_back)
{
  struct hd_manifest m;
  fill(&m);
  ck_assert_msg(hd_manifest_write(&m, in_directory("manifest.json")), "%s",
                m.error);
  hd_manifest_terminate(&m);

  json_error_t error;
  json_t *root = json_load_file(in_directory("manifest.json"), 0, &error);
  ck_assert_msg(root != NULL, "%s", error.text);
  const char *version, *file, *path, *hash, *fingerprint, *large;
  json_int_t seed, events, peak, point;
  double simulated;
  int yes;
  ck_assert_int_eq(
      json_unpack(root,
                  "{s:s, s:[s,s,s], s:I, s:[{s:s}{}], s:s, s:F, s:I, s:s, s:I,"
                  " s:[{}{s:I}], s:{s:n, s:s, s:b}}",
                  "version", &version, "command", &file, &file, &file, "seed",
                  &seed, "scenario", "path", &path, "scenario_hash", &hash,
                  "simulated_s", &simulated, "events", &events, "fingerprint",
                  &fingerprint, "peak_memory_bytes", &peak, "points", "point",
                  &point, "extra", "nothing", "large", &large, "yes", &yes),
      0);
  ck_assert_str_eq(version, "1.0");
  ck_assert_str_eq(file, "caf?.yaml");
  ck_assert_int_eq(seed, 7);
  ck_assert_str_eq(path, "nic.rate");
  ck_assert_str_eq(hash, "000000000000abcd");
  ck_assert_double_eq(simulated, 1.5);
  ck_assert_int_eq(events, 12);
  ck_assert_str_eq(fingerprint, "ffffffffffffffff");
  ck_assert_int_gt(peak, 100000);
  ck_assert_int_eq(point, 1);
  ck_assert_int_eq(yes, 1);
  ck_assert_str_eq(large, "18446744073709551615");
  json_decref(root);
}
END_TEST

START_TEST(manifest_order_and_bytes)
{
  struct hd_manifest m;
  hd_manifest_initialize(&m);
  hd_manifest_set_int(&m, NULL, "zebra", 1);
  hd_manifest_set_real(&m, NULL, "apple", 0.1);
  hd_manifest_append_text(&m, hd_manifest_array(&m, NULL, "list"), NULL);
  hd_manifest_set_text(&m, NULL, "zebra", "again");
  ck_assert(hd_manifest_write(&m, in_directory("m.json")));
  hd_manifest_terminate(&m);
  ck_assert_str_eq(read_text("m.json"), "{\n"
                                        "  \"zebra\": \"again\",\n"
                                        "  \"apple\": 0.1,\n"
                                        "  \"list\": [\n"
                                        "    null\n"
                                        "  ]\n"
                                        "}\n");
}
END_TEST

START_TEST(manifest_errors)
{
  struct hd_manifest m;
  fill(&m);
  ck_assert(!hd_manifest_write(&m, in_directory("no/m.json")));
  ck_assert_ptr_nonnull(strstr(m.error, "No such file"));
  hd_manifest_terminate(&m);

  hd_manifest_initialize(&m);
  struct json_t *list = hd_manifest_array(&m, NULL, "list");
  hd_manifest_set_int(&m, list, "key", 1);
  hd_manifest_set_text(&m, NULL, "later", "dropped");
  ck_assert_ptr_null(hd_manifest_point(&m));
  ck_assert(!hd_manifest_write(&m, in_directory("m.json")));
  ck_assert_ptr_nonnull(strstr(m.error, "key: parent is no object"));
  ck_assert_int_eq(count_files(), 0);
  hd_manifest_terminate(&m);
}
END_TEST

/* -- all ------------------------------------------------------------------- */

static TCase *add_case(Suite *suite, const char *name)
{
  TCase *c = tcase_create(name);
  suite_add_tcase(suite, c);
  return c;
}

static void add_numbers(Suite *suite)
{
  TCase *c = add_case(suite, "histogram");
  tcase_add_test(c, quantiles_match_sorted_data);
  tcase_add_test(c, nearest_rank_is_exact_for_small_values);
  tcase_add_test(c, equivalent_ranges_tile_the_axis);
  tcase_add_test(c, extremes);
  tcase_add_test(c, empty_histogram);
  tcase_add_test(c, merge_equals_union);
  tcase_set_timeout(c, 60);
  c = add_case(suite, "gauge");
  tcase_add_test(c, window_edges);
  tcase_add_test(c, gauge_integral_by_hand);
  tcase_add_test(c, gauge_outside_the_window);
  tcase_add_test(c, gauge_integral_does_not_overflow);
  tcase_add_test(c, busy_overlap);
  c = add_case(suite, "breakdown");
  tcase_add_test(c, breakdown_of_a_request);
  tcase_add_test(c, wrong_stamps_are_refused);
  tcase_add_test(c, stage_names);
  c = add_case(suite, "stats");
  tcase_add_test(c, student_t_against_the_table);
  tcase_add_test(c, batches_drop_the_beginning);
  tcase_add_test(c, jain_bounds);
}

static void add_files(Suite *suite)
{
  TCase *c = add_case(suite, "files");
  tcase_add_checked_fixture(c, make_directory, remove_directory);
  tcase_add_test(c, hgrm_format);
  tcase_add_test(c, commit_replaces_only_at_the_end);
  tcase_add_test(c, abandon_leaves_nothing);
  tcase_add_test(c, two_writers_of_one_name);
  tcase_add_test(c, what_cannot_be_replaced);
  tcase_add_test(c, a_link_stays_a_link);
  tcase_add_test(c, csv_bytes);
  tcase_add_test(c, csv_round_trip);
  tcase_add_test(c, csv_reals);
  tcase_add_test(c, csv_writer_errors);
  tcase_add_test(c, csv_write_failure);
  tcase_add_test(c, csv_abandon);
  tcase_add_test(c, csv_reader_diagnostics);
  tcase_add_test(c, csv_reader_line_ends);
  tcase_add_test(c, csv_large_table);
  tcase_add_test(c, manifest_parses_back);
  tcase_add_test(c, manifest_order_and_bytes);
  tcase_add_test(c, manifest_errors);
}

int main(void)
{
  Suite *suite = suite_create("measure");
  add_numbers(suite);
  add_files(suite);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
