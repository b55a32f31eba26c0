/*
 * test_virtio_device_resources.c - the accelerator's pools: what runs out, and
 * what the refusal says; registers.
 */
#include "test_virtio_device.h"

static struct resource_pools fresh(void)
{
  struct resource_pools r;
  bench_defaults(VIRTIO_NET, 1, 2);
  virtio_device_resources_initialize(&r, &b.params);
  return r;
}

/* The last that fits, and the first that does not. */
static void check_limit(enum virtio_kind kind, int64_t pairs, bool control,
                        int64_t fit, enum virtio_device_resource end,
                        int64_t have)
{
  struct resource_pools r = fresh();
  struct resource_need need = virtio_device_need_of(kind, pairs, control);
  struct resource_shortage why;
  ck_assert(resource_pools_take(&r, &need, fit, &why));
  struct resource_pools before = r;
  ck_assert(!resource_pools_take(&r, &need, 1, &why));
  ck_assert_uint_eq(why.pool, end);
  ck_assert_int_eq(why.have, have);
  ck_assert_int_eq(why.need, need.amount[end] * (fit + 1));
  ck_assert_int_eq(memcmp(&before, &r, sizeof r), 0);
  resource_pools_give(&r, &need, 1);
  ck_assert(resource_pools_take(&r, &need, 1, &why));
}

START_TEST(limits_emerge_from_pools)
{
  int64_t queues = 4096 - 64;
  check_limit(VIRTIO_NET, 1, false, 1023, VIRTIO_DEVICE_FUNCTIONS, 1023);
  check_limit(VIRTIO_NET, 1, true, 1023, VIRTIO_DEVICE_FUNCTIONS, 1023);
  check_limit(VIRTIO_NET, 2, true, queues / 5, VIRTIO_DEVICE_QUEUES, queues);
  check_limit(VIRTIO_NET, 8, true, queues / 17, VIRTIO_DEVICE_QUEUES, queues);
  check_limit(VIRTIO_BLK, 4, false, queues / 5, VIRTIO_DEVICE_VECTORS, queues);
  check_limit(VIRTIO_BLK, 1, false, 1023, VIRTIO_DEVICE_FUNCTIONS, 1023);
}
END_TEST

START_TEST(names_are_plural_nouns)
{
  struct resource_pools r = fresh();
  ck_assert_uint_eq(r.n, VIRTIO_DEVICE_RESOURCES);
  for (size_t i = 0; i < r.n; i++) {
    const char *name = r.pool[i].name;
    ck_assert(strlen(name) > 5 && name[strlen(name) - 1] == 's');
  }
}
END_TEST

START_TEST(doorbells_have_a_page_each)
{
  ck_assert_uint_eq(virtio_device_doorbell(1) - virtio_device_doorbell(0),
                    4096);
  ck_assert_uint_eq(virtio_device_doorbell(0) % 4096, 0);
  ck_assert_uint_lt(VIRTIO_DEVICE_ADMIN_DOORBELL, virtio_device_doorbell(0));
}
END_TEST

START_TEST(vectors_and_served_queues)
{
  struct virtio_function f = {.kind = VIRTIO_NET, .n_queues = 5};
  ck_assert_uint_eq(virtio_device_served(&f), 4);
  ck_assert_uint_eq(virtio_device_vectors(&f), 3);
  f.kind = VIRTIO_BLK;
  ck_assert_uint_eq(virtio_device_served(&f), 5);
  ck_assert_uint_eq(virtio_device_vectors(&f), 6);
}
END_TEST

START_TEST(parameters_that_contradict_each_other)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  ck_assert_ptr_null(virtio_device_params_problem(&b.params));
  b.params.pf_functions = b.params.functions;
  ck_assert_ptr_nonnull(virtio_device_params_problem(&b.params));
}
END_TEST

/* Registers that do not exist, queues that are not there. */
static void strange_writes(void)
{
  write_register(0, 0x40, 1, NULL);
  write_register(0, virtio_device_doorbell(4096), 1, NULL);
  write_register(0, virtio_device_doorbell(100), 1, NULL);
  write_register(0, virtio_device_doorbell(0) + 8, 1, NULL);
}

START_TEST(strange_register_writes_are_ignored)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  bench_build(HD_US);
  bench_run(strange_writes, START + 100 * HD_US);
  ck_assert_uint_eq(stats(0).ignored_writes, 4);
  bench_end();
}
END_TEST

int main(void)
{
  Suite *s = suite_create("virtio_device_resources");
  TCase *t = tcase_create("resources");
  tcase_add_test(t, limits_emerge_from_pools);
  tcase_add_test(t, names_are_plural_nouns);
  tcase_add_test(t, doorbells_have_a_page_each);
  tcase_add_test(t, vectors_and_served_queues);
  tcase_add_test(t, parameters_that_contradict_each_other);
  tcase_add_test(t, strange_register_writes_are_ignored);
  suite_add_tcase(s, t);
  return run_suite(s);
}
