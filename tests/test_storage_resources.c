/*
 * test_storage_resources.c - how many devices there can be, what runs out, and
 * what parameters are refused.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/storage/resources.h"

static struct storage_params defaults(void)
{
  return (struct storage_params){.queue_pairs = 512,
                                 .pf_queue_pairs = 32,
                                 .virtual_functions = 32,
                                 .vectors = 512,
                                 .pf_vectors = 33};
}

/* Largest number of devices that fit, asked for all at once. */
static int64_t limit(const struct storage_params *p, bool sriov, int64_t pairs,
                     struct resource_shortage *why)
{
  struct resource_need need = storage_need_of(sriov, pairs);
  for (int64_t count = 1;; count++) {
    struct resource_pools r;
    storage_resources_initialize(&r, p);
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

START_TEST(hdiov_is_bound_by_vectors_or_queues)
{
  struct storage_params p = defaults();
  struct resource_shortage why;
  ck_assert_int_eq(limit(&p, false, 1, &why), 479);
  expect(&why, "vectors", 479, 480);
  ck_assert_int_eq(limit(&p, false, 4, &why), 119);
  expect(&why, "vectors", 479, 480);
  p.vectors = 1024;
  ck_assert_int_eq(limit(&p, false, 4, &why), 120);
  expect(&why, "queue pairs", 480, 484);
}
END_TEST

/* A virtual function has an admin queue and its vector besides. */
START_TEST(sriov_is_bound_by_functions_then_vectors)
{
  struct storage_params p = defaults();
  struct resource_shortage why;
  ck_assert_int_eq(limit(&p, true, 1, &why), 32);
  expect(&why, "virtual functions", 32, 33);
  p.virtual_functions = 256;
  ck_assert_int_eq(limit(&p, true, 1, &why), 239);
  expect(&why, "vectors", 479, 480);
}
END_TEST

START_TEST(what_is_taken_can_be_given_back)
{
  struct storage_params p = defaults();
  struct resource_pools r;
  struct resource_need vf = storage_need_of(true, 8),
                       adi = storage_need_of(false, 100);
  struct resource_shortage w;
  storage_resources_initialize(&r, &p);
  ck_assert(resource_pools_take(&r, &vf, 32, &w));
  ck_assert(resource_pools_take(&r, &adi, 1, &w));
  ck_assert(!resource_pools_take(&r, &adi, 1, &w));
  expect(&w, "queue pairs", 480, 32 * 9 + 200);
  resource_pools_give(&r, &vf, 2);
  ck_assert(resource_pools_take(&r, &adi, 1, &w));
  resource_pools_give(&r, &adi, 2);
  resource_pools_give(&r, &vf, 30);
  for (int i = 0; i < STORAGE_RESOURCES; i++)
    ck_assert_int_eq(r.pool[i].used, 0);
}
END_TEST

START_TEST(host_may_keep_everything)
{
  struct storage_params p = defaults();
  struct resource_shortage why;
  p.pf_vectors = 1000;
  ck_assert_int_eq(limit(&p, false, 1, &why), 0);
  expect(&why, "vectors", 0, 1);
}
END_TEST

/* ---- parameters that do not go together ---------------------------------- */

static struct storage_params sound(void)
{
  return (struct storage_params){.cache = 1 << 20,
                                 .max_transfer = 1 << 18,
                                 .page_size = 16384,
                                 .program_size = 49152};
}

START_TEST(rules_name_the_parameter)
{
  struct storage_params p = sound();
  ck_assert_ptr_null(storage_params_problem(&p));
  p.cache = 0;
  ck_assert_ptr_null(storage_params_problem(&p));
  p.cache = 1 << 18;
  ck_assert_ptr_nonnull(strstr(storage_params_problem(&p), "storage.cache"));
  p = sound();
  p.page_size = 700;
  ck_assert_ptr_nonnull(strstr(storage_params_problem(&p), "page_size"));
  p = sound();
  p.program_size = 6144;
  ck_assert_ptr_nonnull(strstr(storage_params_problem(&p), "program_size"));
  p = sound();
  p.max_transfer = 5000;
  ck_assert_ptr_nonnull(strstr(storage_params_problem(&p), "max_transfer"));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("storage resources");
  TCase *t = tcase_create("resources");
  tcase_add_test(t, hdiov_is_bound_by_vectors_or_queues);
  tcase_add_test(t, sriov_is_bound_by_functions_then_vectors);
  tcase_add_test(t, what_is_taken_can_be_given_back);
  tcase_add_test(t, host_may_keep_everything);
  tcase_add_test(t, rules_name_the_parameter);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
