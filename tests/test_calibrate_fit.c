/*
 * test_calibrate_fit.c - the fit behind `hdiov-sim calibrate`, on formulas
 * whose answers are known.
 *
 * The formulas look like a host's: read latencies that are sums of stages,
 * rounded to the ticks of a clock; a cache of translations that misses
 * 1 - N / P; throughput limited by walkers. A green run says nothing about the
 * simulator behind the real fit.
 */
#include "sim/cli/calibrate_fit.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

enum { LINK, DRAM, ENTRIES, WALK, WALKERS, UNUSED, PARAMETERS };

static const struct fit_parameter parameters[PARAMETERS] = {
    [LINK] =
        {.name = "link", .low = 100, .high = 900, .start = 300, .unit = 0.1},
    [DRAM] =
        {.name = "dram", .low = 10, .high = 200, .start = 150, .unit = 0.1},
    [ENTRIES] = {.name = "entries",
                 .low = 16,
                 .high = 4096,
                 .start = 1024,
                 .unit = 1,
                 .integer = true,
                 .logarithmic = true},
    [WALK] =
        {.name = "walk", .low = 50, .high = 800, .start = 100, .unit = 0.1},
    [WALKERS] = {.name = "walkers",
                 .low = 1,
                 .high = 16,
                 .start = 12,
                 .unit = 1,
                 .integer = true},
    [UNUSED] = {
        .name = "unused", .low = 1, .high = 100, .start = 5, .unit = 0.1}};

/* What is measured: latency by pages of the window, cold and warm, and
 * bandwidth by pages. */
enum { WINDOWS = 10, RESIDUALS = 3 * WINDOWS };

struct host {
  double truth[PARAMETERS];
  double tick;    /* of latencies; 0: none */
  size_t stop_at; /* evaluations; 0: never */
  size_t count;
  bool no_bandwidth, no_misses;
  double hole_low, hole_high; /* dram values that cannot be evaluated */
};

static double miss(const double *v, size_t window)
{
  double pages = ldexp(8, (int)window);
  return fmax(0, 1 - v[ENTRIES] / pages);
}

static double latency(const struct host *h, const double *v, size_t window,
                      bool cold)
{
  double ns = v[LINK] + (cold ? v[DRAM] : 0);
  if (!h->no_misses)
    ns += miss(v, window) * (v[WALK] + v[DRAM]);
  return h->tick > 0 ? h->tick * round(ns / h->tick) : ns;
}

/* Transfers per microsecond. */
static double bandwidth(const struct host *h, const double *v, size_t window)
{
  double misses = miss(v, window);
  if (h->no_bandwidth)
    return 1;
  return fmin(47.5, v[WALKERS] / (misses * (v[WALK] + v[DRAM]) + 1e-9) * 1e3);
}

static void answers(const struct host *h, const double *v, double *out)
{
  for (size_t i = 0; i < WINDOWS; i++) {
    out[3 * i] = latency(h, v, i, true);
    out[3 * i + 1] = latency(h, v, i, false);
    out[3 * i + 2] = bandwidth(h, v, i);
  }
}

static bool evaluate(void *ctx, const double *values, size_t sets,
                     double *residuals)
{
  struct host *h = ctx;
  double truth[RESIDUALS];
  answers(h, h->truth, truth);
  for (size_t s = 0; s < sets; s++) {
    const double *v = values + s * PARAMETERS;
    double *r = residuals + s * RESIDUALS;
    if (h->stop_at > 0 && h->count >= h->stop_at)
      return false;
    h->count++;
    answers(h, v, r);
    for (size_t i = 0; i < RESIDUALS; i++)
      r[i] = (r[i] - truth[i]) / (0.01 * truth[i]);
    if (v[DRAM] > h->hole_low && v[DRAM] < h->hole_high)
      r[0] = NAN;
  }
  return true;
}

static struct fit_result fit(struct host *h, uint64_t seed)
{
  const struct fit_problem p = {.parameters = parameters,
                                .n = PARAMETERS,
                                .m = RESIDUALS,
                                .evaluate = evaluate,
                                .ctx = h,
                                .starts = 4,
                                .seed = seed};
  struct fit_result r;
  cli_fit(&p, &r);
  return r;
}

static const struct host example = {
    .truth = {431.2, 57.3, 117, 261.5, 5, 33}, .hole_low = 1, .hole_high = 0};

static void assert_near(const struct fit_result *r, const struct host *h,
                        int which, double tolerance)
{
  const struct fit_estimate *e = &r->estimate[which];
  double truth = h->truth[which];
  ck_assert_int_eq(e->verdict, FIT_IDENTIFIED);
  ck_assert_msg(fabs(e->value / truth - 1) <= tolerance, "%s is %g, not %g",
                parameters[which].name, e->value, truth);
  ck_assert_msg(e->low <= truth && truth <= e->high,
                "%s: %g is not within %g to %g", parameters[which].name, truth,
                e->low, e->high);
}

/* Every seed starts elsewhere. */
START_TEST(known_values_are_recovered)
{
  struct host h = example;
  struct fit_result r = fit(&h, (uint64_t)_i);
  ck_assert(r.found && r.complete);
  assert_near(&r, &h, LINK, 0.005);
  assert_near(&r, &h, DRAM, 0.02);
  assert_near(&r, &h, WALK, 0.02);
  assert_near(&r, &h, ENTRIES, 0.02);
  assert_near(&r, &h, WALKERS, 0);
  ck_assert_double_lt(r.error, 0.2);
  ck_assert_int_eq(r.estimate[UNUSED].verdict, FIT_NO_EFFECT);
  ck_assert_uint_eq(r.evaluations, h.count);
  cli_fit_terminate(&r);
}
END_TEST

/* Latencies as a clock of 13.3 ns shows them: steps, flat in between. */
START_TEST(ticks_do_not_hide_values)
{
  struct host h = example;
  h.tick = 13.333;
  struct fit_result r = fit(&h, (uint64_t)_i);
  ck_assert(r.found && r.complete);
  assert_near(&r, &h, LINK, 0.03);
  assert_near(&r, &h, ENTRIES, 0.05);
  assert_near(&r, &h, WALKERS, 0);
  cli_fit_terminate(&r);
}
END_TEST

/* Without bandwidth nothing says how many walkers there are. */
START_TEST(what_no_row_shows_is_said)
{
  struct host h = example;
  h.no_bandwidth = true;
  struct fit_result r = fit(&h, 1);
  ck_assert_int_eq(r.estimate[WALKERS].verdict, FIT_NO_EFFECT);
  ck_assert_int_eq(r.estimate[UNUSED].verdict, FIT_NO_EFFECT);
  assert_near(&r, &h, LINK, 0.005);
  assert_near(&r, &h, ENTRIES, 0.05);
  cli_fit_terminate(&r);
}
END_TEST

/* With neither misses in latency nor latency limits, bandwidth knows only
 * walkers / walk: one of them may be anything. */
START_TEST(what_cannot_be_told_apart_is_said)
{
  struct host h = example;
  h.no_misses = true;
  struct fit_result r = fit(&h, 1);
  const struct fit_estimate *walk = &r.estimate[WALK];
  const struct fit_estimate *walkers = &r.estimate[WALKERS];
  ck_assert_int_ne(walk->verdict, FIT_NO_EFFECT);
  ck_assert_int_eq(walk->verdict, FIT_CONFOUNDED);
  ck_assert_uint_eq(walk->partner, WALKERS);
  ck_assert_int_eq(walkers->verdict, FIT_CONFOUNDED);
  assert_near(&r, &h, LINK, 0.005);
  cli_fit_terminate(&r);
}
END_TEST

/* The same seed gives the same bytes. */
START_TEST(fits_repeat)
{
  struct host a = example, b = example;
  struct fit_result r = fit(&a, 3), s = fit(&b, 3);
  for (size_t i = 0; i < PARAMETERS; i++)
    ck_assert(r.estimate[i].value == s.estimate[i].value &&
              r.estimate[i].high == s.estimate[i].high);
  ck_assert_uint_eq(a.count, b.count);
  cli_fit_terminate(&r);
  cli_fit_terminate(&s);
}
END_TEST

/* Values that the scenario refuses are no obstacle. */
START_TEST(holes_are_jumped)
{
  struct host h = example;
  h.hole_low = 120;
  h.hole_high = 160; /* the user's start lies in it */
  struct fit_result r = fit(&h, 1);
  ck_assert(r.found);
  assert_near(&r, &h, DRAM, 0.03);
  assert_near(&r, &h, WALKERS, 0);
  cli_fit_terminate(&r);
}
END_TEST

START_TEST(nothing_to_evaluate)
{
  struct host h = example;
  h.hole_low = 0;
  h.hole_high = 1000;
  struct fit_result r = fit(&h, 1);
  ck_assert(!r.found && !r.complete);
  cli_fit_terminate(&r);
}
END_TEST

/* Interrupted at any moment, the best so far is there. */
START_TEST(stopping_keeps_the_best)
{
  struct host h = example;
  h.stop_at = (size_t)_i;
  struct fit_result r = fit(&h, 1);
  ck_assert(!r.complete);
  ck_assert_uint_le(h.count, h.stop_at);
  if (r.found)
    ck_assert(isfinite(r.error));
  cli_fit_terminate(&r);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("calibrate_fit");
  TCase *tc = tcase_create("fit");
  tcase_add_loop_test(tc, known_values_are_recovered, 0, 6);
  tcase_add_loop_test(tc, ticks_do_not_hide_values, 0, 6);
  tcase_add_test(tc, what_no_row_shows_is_said);
  tcase_add_test(tc, what_cannot_be_told_apart_is_said);
  tcase_add_test(tc, fits_repeat);
  tcase_add_test(tc, holes_are_jumped);
  tcase_add_test(tc, nothing_to_evaluate);
  tcase_add_loop_test(tc, stopping_keeps_the_best, 1, 40);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
