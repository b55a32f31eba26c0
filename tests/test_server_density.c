/*
 * test_server_density.c - thousands of machines on one server: what bounds
 * them, and that each is served.
 *
 * A green run says that numbers, memory and tables are large enough for 4,096
 * machines and that what ends is named. How fast that is simulated is not
 * tested.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "tests/server_harness.h"

#define MANY "explore/four-thousand-devices.yaml"
#define STORE "explore/interrupt-store.yaml"
#define MIXED "explore/mixed-server.yaml"
#define SHORT "run.warmup=2 ms", "run.duration=2 ms"

/* Each of 4,096 machines, with a queue pair and two stored interrupt messages,
 * sends in 2 ms: iperf3's pacing timer has 1 ms. */
START_TEST(four_thousand_machines)
{
  struct outcome o = RUN(MANY, SHORT, "vms.count=4096");
  ck_assert(o.feasible);
  ck_assert_double_gt(ALL(o, vm_goodput_min_gbps), 0);
  ck_assert_uint_eq(o.faults_total, 0);
  ck_assert_double_gt(ALL(o, interrupts_per_s), 0.5 * ALL(o, tx_pps));
  ck_assert_double_eq(ALL(o, interrupts_host_per_s), 0);
  ck_assert_double_eq(ALL(o, drops), 0);
}
END_TEST

static void assert_short_of(struct outcome o, const char *resource,
                            int64_t have, int64_t need)
{
  ck_assert(!o.feasible);
  ck_assert_str_eq(o.shortage, resource);
  ck_assert_int_eq(o.have, have);
  ck_assert_int_eq(o.need, need);
}

START_TEST(what_bounds_thousands)
{
  assert_short_of(RUN(MANY, "vms.count=4096", "nic.interrupt_store=table"),
                  "vectors", 2048 - 73, 8192);
  assert_short_of(RUN(MANY, "vms.count=4096", "nic.interrupt_messages=8000"),
                  "interrupt messages", 8000, 8192);
  assert_short_of(RUN(MANY, "vms.count=8183"), "interfaces", 8182, 8183);
  /* VT-d: handles have 16 bits. Those of all tables come before the store's;
   * messages that no machine has do not count. */
  assert_short_of(RUN(MANY, "vms.count=4096", "nic.vectors=60000"),
                  "interrupt remapping entries", 65536,
                  60000 + 2 * 4096 + 512 + 64 + 2 * 4096);
}
END_TEST

/* Functions of two devices cannot have the same PCI address. */
START_TEST(pci_addresses_end)
{
  assert_short_of(RUN(MIXED, "design=sriov", "vms.fast.count=3000",
                      "vms.fast.memory=64 MiB", "nic.virtual_functions=4000",
                      "nic.interfaces=8192", "nic.vectors=16384",
                      "nic.rx_queues=8192"),
                  "PCI addresses", 0x2000 - 0x1700, 3000);
}
END_TEST

/* 64 MiB each: with 1 GiB pages a machine takes one whole. */
START_TEST(memory_is_counted_in_pages)
{
  const char *size = "memory.size=1 TiB";
  ck_assert(RUN(MANY, SHORT, size, "vms.count=512").feasible);
  assert_short_of(RUN(MANY, size, "vms.count=1024", "iommu.page_size=1 GiB"),
                  "GiB of memory", 1008, 1024);
}
END_TEST

/* The store changes where a message is, not what it does. */
START_TEST(store_delivers_as_the_table_does)
{
  struct outcome t = RUN(STORE, "vms.count=64", "vms.queue_pairs=4",
                         "nic.interrupt_store=table");
  struct outcome d = RUN(STORE, "vms.count=64", "vms.queue_pairs=4",
                         "nic.interrupt_store=device-memory");
  ck_assert_double_gt(ALL(t, interrupts_per_s), 1000);
  ck_assert_double_eq(ALL(t, interrupts_per_s), ALL(d, interrupts_per_s));
  ck_assert_double_eq(ALL(t, tx_pps), ALL(d, tx_pps));
  ck_assert_double_lt(fabs(ALL(d, latency_p50_ns) / ALL(t, latency_p50_ns) - 1),
                      0.01);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("server density");
  TCase *t = tcase_create("density");
  tcase_set_timeout(t, 120);
  tcase_add_test(t, four_thousand_machines);
  tcase_add_test(t, what_bounds_thousands);
  tcase_add_test(t, pci_addresses_end);
  tcase_add_test(t, memory_is_counted_in_pages);
  tcase_add_test(t, store_delivers_as_the_table_does);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
