/*
 * test_server_peers.c - machines of one server that send to each other, on the
 * shipped scenario: what limits, what it costs, who gets what.
 *
 * A green run says that the limits are those that the parameters make. It does
 * not say that a real NIC's bridge is as fast; its rate is an estimate.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/server_harness.h"

#define PAIRS "explore/vm-to-vm.yaml"
#define SHORT "run.duration=1 ms"
#define LARGE "vms.senders.workload.payload=1470 B"
#define MANY "vms.senders.count=32"
#define WIRE "vms.senders.workload.peer=client"
enum { SENDERS = 1, RECEIVERS = 2, NEAR = 3, FAR = 4, ECHOES = 5 };

/* Frames of a payload take this share of a path that carries no gaps. */
static double share(double payload)
{
  return payload / (payload + 14 + 20 + 8 + 4);
}

/* Twice what the wire carries; a slower path carries that much less. */
START_TEST(the_bridge_limits_not_the_wire)
{
  struct outcome bridge = RUN(PAIRS, SHORT, LARGE, MANY);
  struct outcome wire = RUN(PAIRS, SHORT, LARGE, MANY, WIRE);
  struct outcome slow =
      RUN(PAIRS, SHORT, LARGE, MANY, "nic.bridge_rate=50 Gb/s");
  double rate = OF(bridge, RECEIVERS, rx_goodput_gbps);
  ck_assert_double_eq_tol(rate, 200 * share(1470), 1);
  ck_assert_double_eq_tol(OF(slow, RECEIVERS, rx_goodput_gbps),
                          50 * share(1470), 0.5);
  ck_assert_str_eq(bridge.limited_by[0], "NIC bridge");
  ck_assert_str_eq(bridge.limited_by[SENDERS], "NIC bridge");
  ck_assert_str_eq(wire.limited_by[0], "wire");
  ck_assert_double_eq_tol(OF(wire, SENDERS, tx_goodput_gbps), 95.7, 0.5);
  /* Only `far` is on the wire: 5,000 requests a second. */
  ck_assert_double_lt(ALL(bridge, wire_tx_utilization), 1e-4);
  ck_assert_double_gt(ALL(wire, wire_tx_utilization), 0.99);
}
END_TEST

/* Each payload crosses the link down and up: both directions are full, and what
 * arrives is below the raw rate of Gen4 x2 by the overhead of TLPs. */
START_TEST(a_narrow_link_limits)
{
  struct outcome o = RUN(PAIRS, SHORT, LARGE, MANY, "pcie.lanes=2");
  struct outcome wire = RUN(PAIRS, SHORT, LARGE, MANY, "pcie.lanes=2", WIRE);
  ck_assert_str_eq(o.limited_by[0], "PCIe up");
  ck_assert_double_gt(ALL(o, pcie_up_utilization), 0.99);
  ck_assert_double_gt(ALL(o, pcie_down_utilization), 0.9);
  ck_assert_double_gt(OF(o, RECEIVERS, rx_goodput_gbps), 20);
  ck_assert_double_lt(OF(o, RECEIVERS, rx_goodput_gbps), 28.8);
  /* Nothing of the other machines' traffic comes up beside requests. */
  ck_assert_double_lt(ALL(wire, pcie_up_utilization), 0.2);
}
END_TEST

/* Both ways of looking at it: what senders have sent is what receivers have
 * received, and counts once. */
START_TEST(sent_is_received)
{
  struct outcome o = RUN(PAIRS, SHORT, LARGE, "vms.senders.count=8");
  double rate = OF(o, SENDERS, tx_goodput_gbps);
  ck_assert_double_eq_tol(rate, 8 * 7, 1);
  ck_assert_double_eq(OF(o, RECEIVERS, rx_goodput_gbps), rate);
  ck_assert_double_eq(OF(o, RECEIVERS, rx_pps), OF(o, SENDERS, tx_pps));
  ck_assert_double_eq(OF(o, SENDERS, rx_goodput_gbps), 0);
  ck_assert_double_eq(OF(o, RECEIVERS, tx_goodput_gbps), 0);
  ck_assert_double_eq(ALL(o, tx_goodput_gbps), rate);
  ck_assert_double_lt(ALL(o, rx_goodput_gbps), 0.01); /* the pings' answers */
  ck_assert_double_eq(ALL(o, drops), 0);
  ck_assert_double_eq(ALL(o, iommu_faults), 0);
  /* One way: at least through the guests and the device. */
  ck_assert_double_gt(OF(o, RECEIVERS, latency_min_ns), 2000);
  ck_assert_double_gt(o.stage_mean_ns[RECEIVERS][HD_STAGE_WIRE], 400);
  ck_assert_str_eq(o.limited_by[SENDERS], "offered load");
}
END_TEST

/* Sender i to receiver i modulo their count: five on two, three and two. */
START_TEST(senders_are_dealt_out)
{
  struct outcome o =
      RUN(PAIRS, SHORT, "vms.senders.count=5", "vms.receivers.count=2", LARGE,
          "vms.senders.workload.rate=1 Gb/s");
  double rate = OF(o, RECEIVERS, rx_goodput_gbps);
  ck_assert_double_eq_tol(rate, 5, 0.2);
  ck_assert_double_eq_tol(OF(o, RECEIVERS, vm_goodput_max_gbps), 3, 0.15);
  ck_assert_double_eq_tol(OF(o, RECEIVERS, vm_goodput_min_gbps), 2, 0.1);
  ck_assert_double_gt(OF(o, SENDERS, fairness_jain), 0.99);
}
END_TEST

/* Neither wire nor client in the way. */
START_TEST(round_trips_are_shorter)
{
  struct outcome o = RUN(PAIRS, "vms.senders.count=1");
  ck_assert_double_eq(OF(o, NEAR, requests_per_s), 5000);
  ck_assert_double_eq(OF(o, FAR, requests_per_s), 5000);
  ck_assert_double_lt(OF(o, NEAR, latency_p50_ns),
                      0.95 * OF(o, FAR, latency_p50_ns));
  /* Both ends' interrupts and paths through the device are in it. */
  ck_assert_double_gt(OF(o, NEAR, latency_min_ns), 6000);
}
END_TEST

START_TEST(hdiov_does_as_sriov)
{
  const char *const designs[] = {"design=sriov", "design=hdiov"};
  double rate[2], delay[2];
  for (int i = 0; i < 2; i++) {
    struct outcome o = RUN(PAIRS, designs[i], LARGE, "vms.senders.count=16");
    rate[i] = OF(o, RECEIVERS, rx_goodput_gbps);
    delay[i] = OF(o, NEAR, latency_p50_ns);
  }
  ck_assert_double_eq_tol(rate[1] / rate[0], 1, 0.05);
  ck_assert_double_eq_tol(delay[1] / delay[0], 1, 0.05);
}
END_TEST

/* More than a core can receive: the receivers' sockets and rings drop, the
 * senders do not notice. */
START_TEST(a_slow_receiver_loses_packets)
{
  struct outcome o =
      RUN(PAIRS, LARGE, "vms.senders.count=2", "vms.receivers.count=1",
          "vms.senders.workload.rate=10 Gb/s");
  double sent = OF(o, SENDERS, tx_goodput_gbps);
  ck_assert_double_lt(sent, 15);
  ck_assert_double_gt(ALL(o, drops), 100);
  ck_assert_str_eq(o.limited_by[RECEIVERS], "receiving core");
}
END_TEST

/* A device that forges addresses gets nothing across. */
START_TEST(a_forging_sender_reaches_nobody)
{
  struct outcome o = RUN(PAIRS, SHORT, LARGE, "vms.senders.count=4",
                         "vms.senders.rogue=outside-memory");
  ck_assert_double_eq(OF(o, RECEIVERS, rx_pps), 0);
  ck_assert_double_eq(OF(o, SENDERS, tx_pps), 0);
  ck_assert_double_gt(ALL(o, iommu_faults), 100);
  ck_assert_double_eq(OF(o, NEAR, requests_per_s), 5000);
}
END_TEST

/* Four senders for one receiving core: its poll function alone could be busy
 * all the time, and what it hands over would be dropped for want of a reader.
 * The thread has its share of the core: 3 GHz over driver 300, stack 1200,
 * system call 900 and 221 cycles of copying a packet, less poll functions'
 * entries. */
START_TEST(a_flood_does_not_starve_the_reader)
{
#define FLOOD                                                                  \
  LARGE, "vms.receivers.count=1", "vms.senders.count=4", "run.warmup=6 ms",    \
      "run.duration=2 ms"
  static const char *const how[] = {"run.window=1 us", "run.window=0 ns",
                                    "run.actor_order=17"};
  uint64_t first = 0;
  for (int i = 0; i < 3; i++) {
    struct outcome o =
        run_scenario(PAIRS, (const char *const[]){FLOOD, how[i], NULL});
    ck_assert_double_lt(OF(o, RECEIVERS, rx_pps), 3e9 / 2621);
    ck_assert_double_gt(OF(o, RECEIVERS, rx_pps), 3e9 / 2621 * 0.95);
    ck_assert_str_eq(o.limited_by[RECEIVERS], "receiving core");
    first = i == 0 ? o.fingerprint : first;
    ck_assert_uint_eq(o.fingerprint, first);
  }
#undef FLOOD
}
END_TEST

START_TEST(execution_changes_nothing)
{
  const char *const sets[][2] = {{"run.seed=1", "run.seed=1"},
                                 {"run.window=0 ns", "run.seed=1"},
                                 {"run.window=0 ns", "run.actor_order=17"}};
  struct outcome first = {0};
  for (int i = 0; i < 3; i++) {
    struct outcome o = RUN(
        PAIRS, "vms.senders.count=3", LARGE, sets[i][0], "vms.senders.vcpus=2",
        "vms.senders.queue_pairs=2", "vms.senders.workload.streams=3",
        sets[i][1], "vms.receivers.count=2", "vms.receivers.vcpus=3",
        "vms.receivers.queue_pairs=4", "run.duration=300 us");
    if (i == 0)
      first = o;
    ck_assert_double_gt(OF(o, RECEIVERS, rx_pps), 1e5);
    ck_assert_uint_eq(o.fingerprint, first.fingerprint);
    ck_assert_uint_eq(o.events, first.events);
    ck_assert_int_eq(memcmp(o.metric[RECEIVERS], first.metric[RECEIVERS],
                            sizeof o.metric[RECEIVERS]),
                     0);
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("server peers");
  TCase *t = tcase_create("peers");
  tcase_set_timeout(t, 300);
  tcase_add_test(t, the_bridge_limits_not_the_wire);
  tcase_add_test(t, a_narrow_link_limits);
  tcase_add_test(t, sent_is_received);
  tcase_add_test(t, senders_are_dealt_out);
  tcase_add_test(t, round_trips_are_shorter);
  tcase_add_test(t, hdiov_does_as_sriov);
  tcase_add_test(t, a_slow_receiver_loses_packets);
  tcase_add_test(t, a_forging_sender_reaches_nobody);
  tcase_add_test(t, a_flood_does_not_starve_the_reader);
  tcase_add_test(t, execution_changes_nothing);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
