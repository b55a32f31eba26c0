/*
 * test_irq_bench_published.c - the interrupt benchmark against what was
 * measured on Sapphire Rapids (J. Pan, "Coalesced Interrupt Delivery with
 * posted MSI", RFC of 12 Nov 2023).
 *
 * Adjusted to the measurement: entry_cycles and handler_cycles, to the pair of
 * rates of one core. Everything else is predicted. A green run says that the
 * model's limits make these figures come out, not that they are the hardware's.
 */
#include "tests/test_irq_bench.h"

static void compare(const char *what, double simulated, double published,
                    double tolerance)
{
  printf("%-34s published %7.3f simulated %7.3f %+6.1f %%\n", what, published,
         simulated, 100 * (simulated / published - 1));
  ck_assert_double_eq_tol(simulated, published, tolerance * published);
}

static const char *const delivery[] = {"remapped", "posted"};

/* Two DSA work queues, one core: required within 10 %, adjusted to it. */
START_TEST(one_core)
{
  static const double published[] = {5.157, 8.987};
  struct irq_bench_results r =
      rig_run("irq_bench.mode=dsa irq_bench.delivery=%s", delivery[_i]);
  compare(delivery[_i], r.handlers_per_s / 1e6, published[_i], 0.1);
}
END_TEST

/* Absolute rates of this series are of another set-up (6.23 M/s at 3, where the
 * same message gives 8.99), so the shape is compared: rate over rate at 3. */
START_TEST(coalescing_depth)
{
  static const double published[] = {6157107, 6226611, 6557081, 6629683,
                                     6662425};
  static const char *const names[] = {"2 rounds over 3", "", "4 rounds over 3",
                                      "5 rounds over 3", "6 rounds over 3"};
  double rate[5];
  for (int i = 0; i < 5; i++)
    rate[i] = rig_run("irq_bench.mode=dsa irq_bench.delivery=posted "
                      "irq_bench.rounds=%d",
                      i + 2)
                  .handlers_per_s;
  for (int i = 0; i < 5; i++)
    if (i != 1)
      compare(names[i], rate[i] / rate[1], published[i] / published[1], 0.1);
}
END_TEST

/* Millions of operations a second and disk: required within 15 %. */
START_TEST(drives)
{
  static const struct {
    int disks, posted;
    double published;
  } rows[] = {{2, 0, 1.991},
              {4, 0, 1.136},
              {8, 0, 0.834},
              {4, 1, 2.023},
              {8, 1, 1.943}};
  char what[64];
  snprintf(what, sizeof what, "%d disks %s", rows[_i].disks,
           delivery[rows[_i].posted]);
  struct irq_bench_results r =
      rig_run("irq_bench.mode=nvme irq_bench.disks=%d irq_bench.delivery=%s",
              rows[_i].disks, delivery[rows[_i].posted]);
  compare(what, r.operations_per_disk / 1e6, rows[_i].published, 0.15);
}
END_TEST

/* 4 drives, irqtop: 5,502,657 notifications for 32 x 220,128 interrupts (12 Feb
 * 2024, on Emerald Rapids: another chip, so 15 %). */
START_TEST(notifications_of_four_drives)
{
  struct irq_bench_results r =
      rig_run("irq_bench.mode=nvme irq_bench.delivery=posted");
  compare("notifications an interrupt",
          r.notifications_per_s / r.handlers_per_s, 0.781, 0.15);
}
END_TEST

/* "No performance benefits nor regression" at less than a million. */
START_TEST(no_gain_below_a_million)
{
  double rate[2];
  for (int i = 0; i < 2; i++)
    rate[i] = rig_run("irq_bench.mode=dsa irq_bench.descriptor_time=2100ns "
                      "irq_bench.delivery=%s",
                      delivery[i])
                  .handlers_per_s;
  compare("0.95 M/s, posted over remapped", rate[1] / rate[0], 1, 0.01);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("irq_bench_published");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, one_core, 0, 2);
  tcase_add_test(t, coalescing_depth);
  tcase_add_loop_test(t, drives, 0, 5);
  tcase_add_test(t, notifications_of_four_drives);
  tcase_add_test(t, no_gain_below_a_million);
  suite_add_tcase(s, t);
  SRunner *runner = srunner_create(s);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
