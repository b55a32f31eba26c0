/*
 * test_lifecycle_claims.c - what the shipped scenarios of starts show: figure
 * 12 of HD-IOV and the start storm, and how much each value without a source
 * moves the ratio of figure 12.
 *
 * Figure 12's published ratio, 2.9, does not follow from the public sources:
 * see ratio_lies_between_two_polls. The storm's figures do, to 15 %.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/server_harness.h"

#define FIGURE_12 "hdiov/fig12-init-time.yaml"
#define STORM "explore/start-storm.yaml"

static double ratio_with(const char *set)
{
  struct outcome function =
      RUN(FIGURE_12, "lifecycle.starts=32", "design=sriov", set);
  struct outcome interface =
      RUN(FIGURE_12, "lifecycle.starts=32", "design=hdiov", set);
  return ALL(function, start_p50_ms) / ALL(interface, start_p50_ms);
}

/* The difference is two resets (by VFIO and by DPDK; 104 to 108 ms each)
 * against one (by DPDK; 1.5 ms), and 256 functions in /sys; the rest is the
 * same. */
START_TEST(difference_is_two_resets)
{
  struct outcome function = RUN(FIGURE_12, "design=sriov");
  struct outcome interface = RUN(FIGURE_12, "design=hdiov");
  ck_assert_double_eq(ALL(function, starts), 256);
  double difference =
      ALL(function, start_mean_ms) - ALL(interface, start_mean_ms);
  ck_assert_double_ge(difference, 2 * 104 - 2 + 30);
  ck_assert_double_le(difference, 2 * 108 - 1 + 32);
  ck_assert_double_ge(ALL(function, start_p99_ms),
                      ALL(function, start_p50_ms) + 5); /* it is spread */
  ck_assert_double_ge(ALL(function, stop_mean_ms), 104);
  ck_assert_double_le(ALL(interface, stop_mean_ms), 0.2); /* two commands */
}
END_TEST

/* DPDK 20.11 looks every 10 ms for the answers to 21 messages, later releases
 * every millisecond. */
START_TEST(ratio_lies_between_two_polls)
{
  double now = ratio_with("lifecycle.message_poll=10 ms");
  double later = ratio_with("lifecycle.message_poll=1 ms");
  ck_assert_double_ge(now, 1.8);
  ck_assert_double_le(now, 2.9);
  ck_assert_double_ge(later, 2.9);
}
END_TEST

/* By how much the ratio, 1.98, moves when a value without a source is halved,
 * doubled or put to the end of what is plausible. */
START_TEST(ratio_s_sensitivity)
{
  static const struct {
    const char *set;
    double ratio;
  } rows[] = {{"lifecycle.runtime_work=10 ms", 2.070},
              {"lifecycle.runtime_work=100 ms", 1.776},
              {"lifecycle.runtime_sleep=100 ms", 1.701},
              {"lifecycle.scan_cost=0 us", 1.865},
              {"lifecycle.scan_cost=300 us", 2.164},
              {"lifecycle.messages=11", 2.464},
              {"lifecycle.queue_messages=1", 2.028},
              {"lifecycle.message_wait=spin", 1.990},
              {"lifecycle.interface_reset=2 ms", 1.977},
              {"lifecycle.reset_commands=100", 1.954},
              {"lifecycle.message_commands=20", 1.986},
              {"lifecycle.attach_cost=5 ms", 1.970},
              {"lifecycle.queue_setup=2 ms", 1.978},
              {"lifecycle.fault_cost=10 us", 1.985},
              {"lifecycle.memory=256 MiB", 1.816},
              {"hypervisor.vfio_open_cost=5 ms", 1.966},
              {"nic.admin_cost=100 us", 1.979},
              {"lifecycle.tick=1 ms", 1.973}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    double ratio = ratio_with(rows[i].set);
    /* 3 %: the median of 32 starts with a jitter of 10 % in a tenth of it */
    ck_assert_msg(fabs(ratio / rows[i].ratio - 1) < 0.03,
                  "with %s the ratio is %.3f, not %.3f", rows[i].set, ratio,
                  rows[i].ratio);
  }
}
END_TEST

#define AT_ONCE "lifecycle.starts=200"

/* FastIOV: 4.0 s without a network; 12.2 s more with SR-IOV, 48.1 % of it all
 * waiting for the lock; both to 15 %. What the scenario takes from there is the
 * first of the three and how long mapping takes. */
START_TEST(storm_waits_for_the_lock)
{
  struct outcome none = RUN(STORM, AT_ONCE, "lifecycle.network=none");
  struct outcome function =
      RUN(STORM, AT_ONCE, "lifecycle.network=device", "design=sriov");
  ck_assert_double_eq_tol(ALL(none, start_mean_ms), 4000, 80);
  ck_assert_double_eq_tol(ALL(function, start_lock_share), 0.481, 0.15 * 0.481);
  double added = ALL(function, start_mean_ms) - ALL(none, start_mean_ms);
  ck_assert_double_eq_tol(added, 12200, 0.15 * 12200);
}
END_TEST

/* The same without a lock that all share. */
START_TEST(interfaces_do_not_wait)
{
  struct outcome function =
      RUN(STORM, AT_ONCE, "lifecycle.network=device", "design=sriov");
  struct outcome interface =
      RUN(STORM, AT_ONCE, "lifecycle.network=device", "design=hdiov");
  ck_assert_double_eq(ALL(interface, start_lock_share), 0);
  ck_assert_double_le(ALL(interface, start_mean_ms),
                      0.7 * ALL(function, start_mean_ms));
  ck_assert_str_eq(interface.limited_by[0], "host cores");
}
END_TEST

START_TEST(functions_run_out)
{
  struct outcome o = RUN(STORM, "lifecycle.starts=257", "design=sriov",
                         "lifecycle.network=device");
  ck_assert(!o.feasible);
  ck_assert_str_eq(o.shortage, "virtual functions");
  ck_assert_int_eq(o.have, 256);
  o = RUN(STORM, "lifecycle.starts=759", "design=hdiov",
          "lifecycle.network=device");
  ck_assert_str_eq(o.shortage, "interfaces");
  ck_assert_int_eq(o.have, 758);
}
END_TEST

static Suite *suite(void)
{
  Suite *s = suite_create("life cycle, published");
  TCase *c = tcase_create("scenarios");
  tcase_set_timeout(c, 120);
  tcase_add_test(c, difference_is_two_resets);
  tcase_add_test(c, ratio_lies_between_two_polls);
  tcase_add_test(c, ratio_s_sensitivity);
  tcase_add_test(c, storm_waits_for_the_lock);
  tcase_add_test(c, interfaces_do_not_wait);
  tcase_add_test(c, functions_run_out);
  suite_add_tcase(s, c);
  return s;
}

int main(void)
{
  SRunner *r = srunner_create(suite());
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
