/*
 * test_nic_resources.c - how many devices there can be, and what runs out.
 *
 * A green run says that the limits follow from the pools. The pools' sizes are
 * the public driver's, see the parameter table.
 */
#include <check.h>
#include <string.h>

#include "models/nic/resources.h"

static struct nic_params defaults(void)
{
  return (struct nic_params){.interfaces = 768,
                             .pf_interfaces = 10,
                             .virtual_functions = 256,
                             .vectors = 2048,
                             .pf_vectors = 64,
                             .rdma_vectors = 9,
                             .tx_queues = 16384,
                             .rx_queues = 2048,
                             .pf_queues = 64};
}

/* Largest number of devices that fit, asked for all at once. */
static int64_t limit(const struct nic_params *p, bool sriov, int64_t pairs,
                     struct resource_shortage *why)
{
  struct resource_need need = nic_need_of(p, sriov, pairs);
  for (int64_t count = 1;; count++) {
    struct resource_pools r;
    nic_resources_initialize(&r, p);
    if (!resource_pools_take(&r, &need, count, why))
      return count - 1;
  }
}

static void expect(const struct resource_shortage *r, const char *name,
                   int64_t have, int64_t need)
{
  ck_assert_str_eq(r->resource, name);
  ck_assert_int_eq(r->have, have);
  ck_assert_int_eq(r->need, need);
}

START_TEST(hdiov_one_queue_pair)
{
  struct nic_params p = defaults();
  struct resource_shortage why;
  ck_assert_int_eq(limit(&p, false, 1, &why), 758);
  expect(&why, "interfaces", 758, 759);
}
END_TEST

START_TEST(sriov)
{
  struct nic_params p = defaults();
  struct resource_shortage why;
  ck_assert_int_eq(limit(&p, true, 1, &why), 256);
  expect(&why, "virtual functions", 256, 257);
  ck_assert_int_eq(limit(&p, true, 4, &why), 256);
}
END_TEST

/* The vectors bind with four queue pairs; with more of them, the queues do;
 * with more of those, the interfaces. */
START_TEST(four_queue_pairs)
{
  struct nic_params p = defaults();
  struct resource_shortage why;
  int64_t n = limit(&p, false, 4, &why);
  ck_assert_int_ge(n, 390);
  ck_assert_int_le(n, 409);
  expect(&why, "vectors", 2048 - 73, (n + 1) * 5);
  p.vectors = 65536;
  ck_assert_int_eq(limit(&p, false, 4, &why), (2048 - 64) / 4);
  expect(&why, "receive queues", 1984, 1988);
  p.rx_queues = 16384;
  ck_assert_int_eq(limit(&p, false, 4, &why), 758);
  expect(&why, "interfaces", 758, 759);
}
END_TEST

/* With an interrupt store the MSI-X table bounds virtual functions only; the
 * next resource is the receive queues, then the interfaces; a small store
 * bounds by itself. */
START_TEST(interrupt_store_moves_the_bound)
{
  struct nic_params p = defaults();
  struct resource_shortage why;
  p.interrupt_store = NIC_STORE_DEVICE_MEMORY;
  p.interrupt_messages = 16384;
  ck_assert_int_eq(limit(&p, false, 4, &why), 496);
  expect(&why, "receive queues", 1984, 1988);
  p.rx_queues = 16384;
  ck_assert_int_eq(limit(&p, false, 4, &why), 758);
  expect(&why, "interfaces", 758, 759);
  p.interrupt_messages = 2000;
  ck_assert_int_eq(limit(&p, false, 4, &why), 400);
  expect(&why, "interrupt messages", 2000, 2005);
  p.virtual_functions = 1024;
  ck_assert_int_eq(limit(&p, true, 4, &why), 395);
  expect(&why, "vectors", 1975, 1980);
  ck_assert_int_eq(nic_vectors_of(&p), 2048 + 2000);
}
END_TEST

START_TEST(one_at_a_time_and_back)
{
  struct nic_params p = defaults();
  struct resource_pools r;
  struct resource_need need = nic_need_of(&p, false, 1);
  struct resource_shortage why;
  nic_resources_initialize(&r, &p);
  for (int i = 0; i < 758; i++)
    ck_assert(resource_pools_take(&r, &need, 1, &why));
  struct resource_pools before = r;
  ck_assert(!resource_pools_take(&r, &need, 1, &why));
  expect(&why, "interfaces", 758, 759);
  ck_assert_int_eq(memcmp(&before, &r, sizeof r), 0); /* nothing was taken */
  resource_pools_give(&r, &need, 3);
  ck_assert(resource_pools_take(&r, &need, 3, &why));
  ck_assert(!resource_pools_take(&r, &need, 1, &why));
}
END_TEST

START_TEST(host_takes_everything)
{
  struct nic_params p = defaults();
  struct resource_shortage why;
  p.pf_interfaces = 1000;
  ck_assert_int_eq(limit(&p, false, 1, &why), 0);
  expect(&why, "interfaces", 0, 1);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("nic resources");
  TCase *t = tcase_create("resources");
  tcase_add_test(t, hdiov_one_queue_pair);
  tcase_add_test(t, sriov);
  tcase_add_test(t, four_queue_pairs);
  tcase_add_test(t, interrupt_store_moves_the_bound);
  tcase_add_test(t, one_at_a_time_and_back);
  tcase_add_test(t, host_takes_everything);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
