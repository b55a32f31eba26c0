/*
 * test_accelerator_resources.c - pools, the parameters of jobs, algorithms.
 *
 * A green run says that limits emerge from the pools and that refusals name the
 * right one. It does not say that a device has these pools.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "models/accelerator/accelerator_jobs.h"
#include "models/accelerator/resources.h"
#include "sim/scenario/params.h"

static struct accelerator_params defaults(void)
{
  return (struct accelerator_params){.banks = 64,
                                     .pf_banks = 4,
                                     .virtual_functions = 16,
                                     .banks_per_function = 4,
                                     .vectors = 65,
                                     .pf_vectors = 5};
}

static struct resource_shortage why;

static int64_t most(const struct accelerator_params *p, bool functions,
                    int64_t banks)
{
  struct resource_pools r;
  struct resource_need each = accelerator_need_of(p, functions, banks);
  int64_t count = 0;
  accelerator_resources_initialize(&r, p, functions);
  while (resource_pools_take(&r, &each, 1, &why))
    count++;
  return count;
}

/* HD-IOV's artifact: at most 60 virtual devices; SR-IOV: 16 functions. */
START_TEST(limits_emerge)
{
  struct accelerator_params p = defaults();
  ck_assert_int_eq(most(&p, false, 1), 60);
  ck_assert_uint_eq(why.pool, ACCELERATOR_RING_BANKS);
  ck_assert_int_eq(why.have, 60);
  ck_assert_int_eq(why.need, 61);
  ck_assert_int_eq(most(&p, true, 1), 16);
  ck_assert_int_eq(why.have, 64);
  ck_assert_int_eq(why.need, 68);
  ck_assert_int_eq(most(&p, false, 4), 15);
  p.pf_banks = 0;
  ck_assert_int_eq(most(&p, false, 1), 60);
  ck_assert_str_eq(why.resource, "vectors");
  p.virtual_functions = 8;
  ck_assert_int_eq(most(&p, true, 1), 8);
  ck_assert_str_eq(why.resource, "virtual functions");
  p.pf_vectors = 100;
  ck_assert_int_eq(most(&p, false, 1), 0);
}
END_TEST

START_TEST(refusal_takes_nothing)
{
  struct accelerator_params p = defaults();
  struct resource_pools r;
  struct resource_need each = accelerator_need_of(&p, false, 2);
  accelerator_resources_initialize(&r, &p, false);
  ck_assert(!resource_pools_take(&r, &each, 31, &why));
  ck_assert_int_eq(why.need, 62);
  ck_assert(resource_pools_take(&r, &each, 30, &why));
  ck_assert(!resource_pools_take(&r, &each, 1, &why));
  resource_pools_give(&r, &each, 1);
  ck_assert(resource_pools_take(&r, &each, 1, &why));
  resource_pools_give(&r, &each, 30);
  for (int i = 0; i < ACCELERATOR_RESOURCES; i++)
    ck_assert_int_eq(r.pool[i].used, 0);
}
END_TEST

START_TEST(algorithms_are_named)
{
  for (int i = 0; i < ACCELERATOR_ALGORITHMS; i++) {
    const struct accelerator_kind *k = &accelerator_kinds[i];
    ck_assert_str_eq(k->name, accelerator_algorithm_names[i]);
    ck_assert_int_eq(k->service == ACCELERATOR_ASYM, k->input != 0);
    ck_assert_int_le(k->output, k->input);
  }
  ck_assert_ptr_null(accelerator_algorithm_names[ACCELERATOR_ALGORITHMS]);
  /* RSA-2048: cipher text and five halves. */
  ck_assert_uint_eq(accelerator_kinds[ACCELERATOR_RSA_2K].input, 896);
  ck_assert_uint_eq(accelerator_kinds[ACCELERATOR_RSA_2K].output, 256);
}
END_TEST

/* ---- jobs ---------------------------------------------------------------- */

static const struct hd_param_section sections[] = {
    {&accelerator_jobs_param_table, 0}, {0}};
static const struct hd_param_registry registry = {
    sizeof(struct accelerator_jobs_params), sections,
    (const struct hd_param_group[]){{0}}};

static struct accelerator_jobs_params jobs(const char *text)
{
  struct hd_scenario_env env = {.registry = &registry};
  struct hd_errors *errors = hd_errors_create();
  struct hd_scenario *s =
      hd_scenario_load_text(&env, "jobs", text, strlen(text), NULL, errors);
  hd_errors_print(errors, stdout);
  ck_assert_ptr_nonnull(s);
  struct hd_point *p = hd_scenario_point(s, 0, errors);
  ck_assert_ptr_nonnull(p);
  struct accelerator_jobs_params params =
      *(const struct accelerator_jobs_params *)hd_point_config(p);
  hd_point_destroy(p);
  hd_scenario_destroy(s);
  hd_errors_destroy(errors);
  return params;
}

START_TEST(jobs_table_is_sound)
{
  struct hd_errors *errors = hd_errors_create();
  bool sound = hd_params_verify(&registry, errors);
  hd_errors_print(errors, stdout);
  ck_assert(sound);
  hd_errors_destroy(errors);
  struct accelerator_jobs_params p = jobs("accelerator_jobs: {}\n");
  ck_assert_ptr_null(accelerator_jobs_problem(&p));
  ck_assert_int_eq(p.algorithm, ACCELERATOR_AES_CBC_HMAC_SHA512);
  p = jobs("accelerator_jobs: {algorithm: lz4-9, mix: imix, completion: "
           "interrupt, window: 1, batch: 1}\n");
  ck_assert_int_eq(p.algorithm, ACCELERATOR_LZ4_9);
  ck_assert_int_eq(p.mix, ACCELERATOR_IMIX);
  ck_assert_int_eq(p.completion, ACCELERATOR_INTERRUPT);
  ck_assert_ptr_null(accelerator_jobs_problem(&p));
  p.window = p.ring;
  ck_assert_ptr_nonnull(accelerator_jobs_problem(&p));
  p.window = 1;
  p.batch = 2;
  ck_assert_ptr_nonnull(accelerator_jobs_problem(&p));
  p.batch = 1;
  p.head_batch = p.ring;
  ck_assert_ptr_nonnull(accelerator_jobs_problem(&p));
}
END_TEST

/* Over a round of draws each size comes as often as it should. */
START_TEST(mixes_have_their_shares)
{
  struct accelerator_jobs_params p = {.size = 777};
  uint64_t sum[3] = {0, 0, 0};
  for (p.mix = 0; p.mix < 3; p.mix++)
    for (uint64_t i = 0; i < 100; i++) {
      uint32_t bytes = accelerator_jobs_size(&p, i);
      ck_assert_uint_le(bytes, accelerator_jobs_largest(&p));
      sum[p.mix] += bytes;
    }
  ck_assert_uint_eq(sum[ACCELERATOR_FIXED], 77700);
  ck_assert_uint_eq(sum[ACCELERATOR_EQUAL], 25 * (64 + 256 + 1024 + 4096));
  ck_assert_uint_eq(sum[ACCELERATOR_IMIX],
                    40 * 64 + 20 * 752 + 35 * 1504 + 5 * 8892);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("accelerator resources");
  TCase *t = tcase_create("resources");
  tcase_add_test(t, limits_emerge);
  tcase_add_test(t, refusal_takes_nothing);
  tcase_add_test(t, algorithms_are_named);
  tcase_add_test(t, jobs_table_is_sound);
  tcase_add_test(t, mixes_have_their_shares);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
