/*
 * test_server_accelerator.c - accelerators in whole servers: what the shipped
 * scenarios of HD-IOV's figures 14 to 16 must show, limits that emerge, closed
 * forms of the engines, what limits, and results that do not depend on how the
 * simulation is executed.
 *
 * A green run proves nothing about rates that are not public: most of the
 * slices' are derived.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/server_harness.h"

#define COMPRESSION "hdiov/fig14-compression.yaml"
#define PUBLIC_KEYS "hdiov/fig15-asymmetric.yaml"
#define SYMMETRIC "hdiov/fig16-symmetric.yaml"
#define MIX "hdiov/fig16-mix.yaml"
#define POLLED "validation/qat-polled.yaml"
#define KERNEL "validation/qat-kernel.yaml"

static void near(double got, double expected, double part)
{
  ck_assert_msg(got >= expected * (1 - part) && got <= expected * (1 + part),
                "got %.6g, expected %.6g within %.3g %%", got, expected,
                part * 100);
}

static void assert_limited(const struct outcome *o, const char *by)
{
  ck_assert_msg(strncmp(o->limited_by[0], by, strlen(by)) == 0,
                "limited by %s, not %s", o->limited_by[0], by);
}

/* ---- limits ----------------------------------------------------------------
 */

static void assert_short_of(struct outcome o, const char *resource,
                            int64_t have, int64_t need)
{
  ck_assert(!o.feasible);
  ck_assert_str_eq(o.shortage, resource);
  ck_assert_int_eq(o.have, have);
  ck_assert_int_eq(o.need, need);
}

#define SMALL_GUESTS "vms.vcpus=1", "vms.memory=256 MiB", "run.duration=20 us"

START_TEST(limits_emerge)
{
  ck_assert(
      RUN(SYMMETRIC, "design=sriov", "vms.count=16", SMALL_GUESTS).feasible);
  assert_short_of(RUN(SYMMETRIC, "design=sriov", "vms.count=17"), "ring banks",
                  64, 68);
  assert_short_of(
      RUN(SYMMETRIC, "design=sriov", "vms.count=17", "accelerator.banks=128"),
      "virtual functions", 16, 17);
  ck_assert(
      RUN(SYMMETRIC, "design=hdiov", "vms.count=60", SMALL_GUESTS).feasible);
  assert_short_of(RUN(SYMMETRIC, "design=hdiov", "vms.count=61"), "ring banks",
                  60, 61);
  assert_short_of(
      RUN(SYMMETRIC, "design=hdiov", "vms.count=20", "accelerator.vectors=20"),
      "vectors", 15, 20);
}
END_TEST

/* Guests take turns at the endpoints: each has as many, give or take one. */
START_TEST(endpoints_multiply_devices)
{
  ck_assert(RUN(SYMMETRIC, "design=hdiov", "vms.count=240",
                "accelerator.endpoints=4", SMALL_GUESTS)
                .feasible);
  assert_short_of(RUN(SYMMETRIC, "design=hdiov", "vms.count=241",
                      "accelerator.endpoints=4"),
                  "ring banks", 60, 61);
  struct outcome o = RUN(SYMMETRIC, "accelerator.endpoints=8",
                         "accelerator.banks=4096", "nic.vectors=65536");
  ck_assert(!o.feasible);
  ck_assert_str_eq(o.shortage, "interrupt remapping entries");
}
END_TEST

/* ---- figure 16 -------------------------------------------------------------
 */

/* The paper says "same performance" and draws bars; 5 % is how this reads it.
 */
static void equal_designs(const char *file, enum metric m,
                          const char *const *sets)
{
  struct outcome o[3];
  static const char *const designs[] = {"design=host", "design=sriov",
                                        "design=hdiov"};
  for (int d = 0; d < 3; d++) {
    const char *all[8] = {designs[d]};
    for (int i = 0; sets[i]; i++)
      all[i + 1] = sets[i];
    o[d] = run_scenario(file, all);
    ck_assert_double_gt(o[d].metric[0][m], 0);
    ck_assert_double_eq(ALL(o[d], request_errors), 0);
    ck_assert_uint_eq(o[d].faults_total, 0);
  }
  near(o[2].metric[0][m], o[1].metric[0][m], 0.05);
  near(o[2].metric[0][m], o[0].metric[0][m], 0.05);
  ck_assert_str_eq(o[2].limited_by[0], o[1].limited_by[0]);
}
#define EQUAL(file, metric, ...)                                               \
  equal_designs(file, METRIC_##metric, (const char *const[]){__VA_ARGS__, NULL})

START_TEST(figure_16_equal_designs)
{
  EQUAL(SYMMETRIC, accelerator_in_gbps, "vms.workload.size=64 B");
  EQUAL(SYMMETRIC, accelerator_in_gbps, "vms.workload.size=256 B");
  EQUAL(SYMMETRIC, accelerator_in_gbps, "vms.workload.size=1024 B");
  EQUAL(SYMMETRIC, accelerator_in_gbps, "vms.workload.size=4096 B");
  EQUAL(MIX, accelerator_in_gbps, "run.duration=1 ms");
}
END_TEST

/* Large requests: four slices, each 50 cycles of 1 GHz and 4 KiB at 8.533 Gb/s.
 * 1 %: the window cuts requests at both ends. */
START_TEST(small_by_core_large_by_engines)
{
  struct outcome small = RUN(SYMMETRIC, "vms.workload.size=64 B");
  struct outcome large = RUN(SYMMETRIC, "vms.workload.size=4096 B");
  assert_limited(&small, "submitting core");
  assert_limited(&large, "engines: cipher slices");
  near(ALL(large, requests_per_s), 4 / (50e-9 + 4096 * 8 / 8.533e9), 0.01);
  ck_assert_double_gt(ALL(small, sending_core_utilization), 0.99);
  ck_assert_double_lt(ALL(large, sending_core_utilization), 0.3);
  ck_assert_double_lt(ALL(small, engine_utilization), 0.5);
  ck_assert_double_gt(ALL(large, engine_utilization), 0.99);
  /* The breakdown shows it: requests wait in the device, or hardly at all. */
  ck_assert_double_lt(small.stage_mean_ns[0][HD_STAGE_DEVICE_QUEUE], 1500);
  ck_assert_double_gt(large.stage_mean_ns[0][HD_STAGE_DEVICE_QUEUE],
                      0.9 * ALL(large, latency_mean_ns));
}
END_TEST

/* As the artifact says of this figure: it depends on the CPU's frequency. 3 %:
 * the way of doorbells and responses does not change with it. */
START_TEST(small_requests_follow_the_frequency)
{
  struct outcome slow =
      RUN(SYMMETRIC, "vms.workload.size=64 B", "cpu.frequency=2 GHz");
  struct outcome fast =
      RUN(SYMMETRIC, "vms.workload.size=64 B", "cpu.frequency=4 GHz");
  near(ALL(fast, requests_per_s), 2 * ALL(slow, requests_per_s), 0.03);
  slow = RUN(SYMMETRIC, "vms.workload.size=4096 B", "cpu.frequency=2 GHz");
  fast = RUN(SYMMETRIC, "vms.workload.size=4096 B", "cpu.frequency=4 GHz");
  near(ALL(fast, requests_per_s), ALL(slow, requests_per_s), 0.01);
}
END_TEST

/* A narrow link limits what neither core nor slices do. */
START_TEST(a_narrow_link_limits)
{
  struct outcome o = RUN(SYMMETRIC, "vms.workload.size=4096 B",
                         "pcie.generation=3", "pcie.lanes=2");
  assert_limited(&o, "PCIe");
  ck_assert_double_lt(ALL(o, accelerator_in_gbps), 16);
  ck_assert_double_gt(
      ALL(o, pcie_up_utilization) + ALL(o, pcie_down_utilization), 0.95);
}
END_TEST

START_TEST(breakdown_adds_up)
{
  struct outcome o = RUN(SYMMETRIC, "vms.workload.size=1024 B");
  double sum = 0;
  for (int s = 0; s < HD_STAGE_COUNT; s++)
    sum += o.stage_mean_ns[0][s];
  ck_assert_double_eq_tol(sum, o.stage_mean_ns[0][HD_STAGE_COUNT], 0.01);
  ck_assert_double_eq_tol(sum, ALL(o, latency_mean_ns), 0.01);
  static const enum hd_stage all[] = {
      HD_STAGE_SEND_PATH,    HD_STAGE_DOORBELL,
      HD_STAGE_DEVICE_QUEUE, HD_STAGE_DESCRIPTOR_FETCH,
      HD_STAGE_IOMMU,        HD_STAGE_PAYLOAD_READ,
      HD_STAGE_WIRE,         HD_STAGE_INTERRUPT,
      HD_STAGE_GUEST_RECEIVE};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    ck_assert_double_gt(o.stage_mean_ns[0][all[i]], 0);
}
END_TEST

/* ---- figures 14 and 15 ------------------------------------------------------
 */

START_TEST(figure_14_equal_designs)
{
  EQUAL(COMPRESSION, accelerator_in_gbps,
        "vms.workload.algorithm=deflate-1-dynamic", "vms.workload.size=64 KiB");
  EQUAL(COMPRESSION, accelerator_in_gbps,
        "vms.workload.algorithm=deflate-2-static", "vms.workload.size=8 KiB");
  EQUAL(COMPRESSION, accelerator_in_gbps, "vms.workload.algorithm=lz4-9",
        "vms.workload.size=8 KiB");
}
END_TEST

static double one_slice(double bytes, double rate)
{
  return bytes * 8 / (50e-9 + bytes * 8 / rate) / 1e9;
}

/* Whole requests in the window: 91 of 64 KiB at 4 ms, 180 of 8 KiB. */
START_TEST(compression_by_its_slowest_slice)
{
  struct outcome o =
      RUN(COMPRESSION, "vms.workload.algorithm=deflate-1-dynamic",
          "vms.workload.size=64 KiB");
  near(ALL(o, accelerator_in_gbps), one_slice(65536, 45.2e9), 0.01);
  near(ALL(o, accelerator_out_gbps), 0.4 * ALL(o, accelerator_in_gbps), 0.001);
  assert_limited(&o, "engines: translate slices");
  o = RUN(COMPRESSION, "vms.workload.algorithm=deflate-1-static",
          "vms.workload.size=8 KiB");
  near(ALL(o, accelerator_in_gbps), one_slice(8192, 48e9), 0.01);
  assert_limited(&o, "engines: compress slices");
  struct outcome fast = RUN(COMPRESSION, "vms.workload.algorithm=lz4-1",
                            "vms.workload.size=64 KiB");
  struct outcome best = RUN(COMPRESSION, "vms.workload.algorithm=lz4-9",
                            "vms.workload.size=64 KiB");
  near(ALL(fast, accelerator_in_gbps), 4 * ALL(best, accelerator_in_gbps),
       0.02);
}
END_TEST

START_TEST(figure_15_equal_designs)
{
  EQUAL(PUBLIC_KEYS, requests_per_s, "vms.workload.algorithm=rsa-1k",
        "run.duration=10 ms");
  EQUAL(PUBLIC_KEYS, requests_per_s, "vms.workload.algorithm=rsa-4k");
  EQUAL(PUBLIC_KEYS, requests_per_s, "vms.workload.algorithm=dh-2k");
  EQUAL(PUBLIC_KEYS, requests_per_s, "vms.workload.algorithm=ecdsa-384");
}
END_TEST

/* Six key slices. 2 %: of DH-4096, 180 operations fit into the window. */
START_TEST(public_keys_by_key_slices)
{
  static const struct {
    const char *algorithm;
    double seconds;
  } rows[] = {{"vms.workload.algorithm=rsa-2k", 60e-6},
              {"vms.workload.algorithm=rsa-4k", 420e-6},
              {"vms.workload.algorithm=dh-4k", 1680e-6},
              {"vms.workload.algorithm=dsa-1k", 12e-6}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct outcome o = RUN(PUBLIC_KEYS, rows[i].algorithm);
    near(ALL(o, requests_per_s), 6 / (rows[i].seconds + 50e-9), 0.02);
    assert_limited(&o, "engines: key slices");
  }
}
END_TEST

/* ---- published rates of one accelerator -------------------------------------
 */

START_TEST(polled_and_batched)
{
  struct outcome o = RUN(POLLED, "design=host");
  near(ALL(o, accelerator_in_gbps), 96, 0.15);
  ck_assert_double_eq(ALL(o, vm_exits_per_s), 0);
  ck_assert_double_eq(ALL(o, interrupts_per_s), 0);
  /* One at a time it is the latency that counts, not the device. */
  struct outcome one = RUN(POLLED, "design=host", "vms.workload.window=1",
                           "vms.workload.batch=1");
  near(ALL(one, requests_per_s), 1e9 / ALL(one, latency_mean_ns), 0.03);
  ck_assert_double_lt(ALL(one, accelerator_in_gbps), 20);
  ck_assert_str_eq(one.limited_by[0], "nothing");
}
END_TEST

START_TEST(synchronous_by_interrupts)
{
  struct outcome o = RUN(KERNEL, "design=host");
  near(ALL(o, accelerator_in_gbps), 0.5, 0.15);
  ck_assert_double_lt(ALL(o, engine_utilization), 0.04);
  near(ALL(o, interrupts_per_s), ALL(o, requests_per_s), 0.01);
  near(ALL(o, interrupts_host_per_s), ALL(o, requests_per_s), 0.01);
  ck_assert_double_eq(ALL(o, vm_exits_per_s), 0);
  /* In a guest they are posted; a halt a request is what exits are left. */
  struct outcome vm = RUN(KERNEL, "design=hdiov");
  ck_assert_double_eq(ALL(vm, interrupts_host_per_s), 0);
  near(ALL(vm, vm_exits_per_s), ALL(vm, requests_per_s), 0.01);
  ck_assert_double_lt(ALL(vm, sending_core_utilization), 0.9);
  /* The timer is a part of the time, and nothing else is of it. */
  struct outcome quick =
      RUN(KERNEL, "design=host", "accelerator.coalesce_time=1 us");
  near(ALL(o, latency_mean_ns) - ALL(quick, latency_mean_ns), 19478, 0.02);
}
END_TEST

/* ---- sharing
 * ----------------------------------------------------------------- */

/* Many devices share one endpoint's slices evenly: a bank's turn is a burst of
 * 4 requests, of more than 30 that each has in the window. */
START_TEST(devices_share_an_endpoint)
{
  struct outcome one = RUN(SYMMETRIC, "vms.workload.size=4096 B");
  struct outcome many =
      RUN(SYMMETRIC, "vms.workload.size=4096 B", "vms.count=30", "vms.vcpus=1",
          "vms.memory=256 MiB", "vms.workload.window=64");
  near(ALL(many, accelerator_in_gbps), ALL(one, accelerator_in_gbps), 0.01);
  ck_assert_double_gt(ALL(many, fairness_jain), 0.98);
}
END_TEST

/* Each endpoint has engines and a link of its own. */
START_TEST(endpoints_multiply_throughput)
{
  struct outcome one = RUN(SYMMETRIC, "vms.workload.size=4096 B");
  struct outcome four =
      RUN(SYMMETRIC, "vms.workload.size=4096 B", "vms.count=4",
          "accelerator.endpoints=4", "vms.memory=1 GiB");
  near(ALL(four, accelerator_in_gbps), 4 * ALL(one, accelerator_in_gbps), 0.01);
}
END_TEST

/* An HD-IOV's DMA carries a PASID, of 4 B a TLP; nothing else differs. */
START_TEST(pasids_are_seen_on_the_link)
{
  struct outcome vf =
      RUN(SYMMETRIC, "vms.workload.size=1024 B", "design=sriov");
  struct outcome vdev =
      RUN(SYMMETRIC, "vms.workload.size=1024 B", "design=hdiov");
  ck_assert_double_gt(ALL(vdev, pcie_up_utilization),
                      1.01 * ALL(vf, pcie_up_utilization));
  ck_assert_double_lt(ALL(vdev, pcie_up_utilization),
                      1.05 * ALL(vf, pcie_up_utilization));
}
END_TEST

/* ---- execution
 * ---------------------------------------------------------------- */

START_TEST(execution_does_not_matter)
{
  const char *file = _i < 3 ? SYMMETRIC : KERNEL;
  static const char *const designs[] = {"design=host", "design=sriov",
                                        "design=hdiov"};
  const char *sets[] = {designs[_i % 3],          "vms.count=3",
                        "vms.workload.mix=equal", "accelerator.endpoints=2",
                        "run.duration=200 us",    "run.window=1 us",
                        "run.actor_order=0",      NULL};
  struct outcome a = run_scenario(file, sets);
  sets[5] = "run.window=0 ns";
  struct outcome b = run_scenario(file, sets);
  sets[6] = "run.actor_order=9";
  struct outcome c = run_scenario(file, sets);
  ck_assert_uint_eq(a.fingerprint, b.fingerprint);
  ck_assert_uint_eq(a.fingerprint, c.fingerprint);
  ck_assert_int_eq(memcmp(a.metric, b.metric, sizeof a.metric), 0);
}
END_TEST

/* Two kinds of requests at one endpoint do not take each other's slices, and
 * each group is told of its own. */
START_TEST(groups_are_limited_by_what_they_use)
{
  struct outcome o = RUN("explore/accelerator-mix.yaml", "design=sriov");
  ck_assert_str_eq(o.limited_by[1], "engines: cipher slices");
  ck_assert_str_eq(o.limited_by[2], "engines: key slices");
  ck_assert_str_eq(o.limited_by[3], "nothing");
  near(OF(o, 2, requests_per_s), 100000, 0.02);
  ck_assert_double_gt(OF(o, 3, tx_goodput_gbps), 1);
}
END_TEST

/* Without an IOMMU devices use host physical addresses. */
START_TEST(works_without_an_iommu)
{
  struct outcome o = RUN(SYMMETRIC, "vms.workload.size=4096 B", "vms.count=2",
                         "iommu.mode=off");
  struct outcome with =
      RUN(SYMMETRIC, "vms.workload.size=4096 B", "vms.count=2");
  near(ALL(o, accelerator_in_gbps), ALL(with, accelerator_in_gbps), 0.01);
}
END_TEST

static TCase *add_case(Suite *s, const char *name)
{
  TCase *t = tcase_create(name);
  tcase_set_timeout(t, 120);
  suite_add_tcase(s, t);
  return t;
}

int main(void)
{
  Suite *s = suite_create("server_accelerator");
  TCase *t = add_case(s, "limits");
  tcase_add_test(t, limits_emerge);
  tcase_add_test(t, endpoints_multiply_devices);
  t = add_case(s, "figures");
  tcase_add_test(t, figure_16_equal_designs);
  tcase_add_test(t, small_by_core_large_by_engines);
  tcase_add_test(t, small_requests_follow_the_frequency);
  tcase_add_test(t, a_narrow_link_limits);
  tcase_add_test(t, breakdown_adds_up);
  tcase_add_test(t, figure_14_equal_designs);
  tcase_add_test(t, compression_by_its_slowest_slice);
  tcase_add_test(t, figure_15_equal_designs);
  tcase_add_test(t, public_keys_by_key_slices);
  tcase_add_test(t, polled_and_batched);
  tcase_add_test(t, synchronous_by_interrupts);
  t = add_case(s, "sharing");
  tcase_add_test(t, devices_share_an_endpoint);
  tcase_add_test(t, endpoints_multiply_throughput);
  tcase_add_test(t, pasids_are_seen_on_the_link);
  tcase_add_test(t, groups_are_limited_by_what_they_use);
  t = add_case(s, "execution");
  tcase_add_loop_test(t, execution_does_not_matter, 0, 6);
  tcase_add_test(t, works_without_an_iommu);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_ENV);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
