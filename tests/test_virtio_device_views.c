/*
 * test_virtio_device_views.c - what the ring library offers to hardware: views
 * that come late, chains that go back, and what a device would miss.
 */
#include "test_virtio_ring.h"

static const uint64_t variant[] = {0,         PACKED,
                                   EVENT_IDX, PACKED | EVENT_IDX,
                                   IN_ORDER,  PACKED | IN_ORDER | EVENT_IDX};
enum { VARIANTS = sizeof variant / sizeof variant[0] };

/* Of all views of a driver over several laps, each older one is overtaken by
 * each newer one, and none by itself or an older one. */
START_TEST(older_views_are_overtaken)
{
  struct ring r;
  struct virtq_view seen[64];
  int n = 0;
  ring_open(&r, 8, variant[_i]);
  for (int i = 0; i < 30; i++) {
    HOLDS(ring_add(&r, 1, 0, (uintptr_t)i + 1) == VIRTQ_OK);
    seen[n++] = virtq_driver_publish(&r.driver);
    HOLDS(!virtq_device_see(&r.device, &seen[n - 1]));
    ring_push(&r, ring_pop(&r, (uintptr_t)i + 1), 0);
    virtq_device_flush(&r.device, NULL);
    struct virtq_view v = virtq_device_view(&r.device);
    virtq_driver_see(&r.driver, &v);
    ring_take(&r, (uintptr_t)i + 1, 0);
    if (i % 2 == 0) {
      virtq_driver_enable_callback(&r.driver, 0);
      seen[n++] = virtq_driver_view(&r.driver);
    }
  }
  for (int i = 0; i < n; i++)
    for (int k = 0; k < n && k < i + 4; k++)
      if (i - k < 4) /* within half a lap */
        ck_assert_int_eq(virtq_view_overtaken(&r.q, &seen[i], &seen[k]), k < i);
  ring_close(&r);
}
END_TEST

/* Chains that go back are popped again, in the same order, and need reads
 * again; others cannot. */
START_TEST(chains_go_back)
{
  struct ring r;
  struct virtq_access access[64];
  ring_open(&r, 16, variant[_i]);
  for (int lap = 0; lap < 20; lap++) {
    uint16_t id[6];
    for (uintptr_t i = 0; i < 6; i++)
      HOLDS(ring_add(&r, 1 + (uint32_t)i % 2, 0, i + 1) == VIRTQ_OK);
    ring_publish(&r);
    uint32_t available = virtq_device_available(&r.device);
    struct virtq_plan plan = {.access = access, .capacity = 64};
    ck_assert_uint_eq(virtq_device_plan_fetch(&r.device, 6, &plan), 6);
    for (uintptr_t i = 0; i < 6; i++)
      id[i] = ring_pop(&r, i + 1);
    ring_push(&r, id[0], 0);
    ck_assert_int_eq(virtq_device_put_back(&r.device, id[4]), VIRTQ_INVALID);
    for (int i = 5; i >= 1; i--)
      ck_assert_int_eq(virtq_device_put_back(&r.device, id[i]), VIRTQ_OK);
    ck_assert_int_eq(virtq_device_put_back(&r.device, id[0]), VIRTQ_INVALID);
    ck_assert_uint_eq(r.device.in_flight, 1);
    ck_assert_uint_eq(virtq_device_available(&r.device), available - 1);
    ck_assert_uint_eq(virtq_device_unplanned(&r.device), available - 1);
    for (uintptr_t i = 1; i < 6; i++)
      ring_push(&r, ring_pop(&r, i + 1), 0);
    ring_flush(&r, 6);
    for (uintptr_t i = 0; i < 6; i++)
      ring_take(&r, i + 1, 0);
  }
  ring_close(&r);
}
END_TEST

/* The device has asked for kicks, the driver published without knowing: that,
 * and only that, would be missed. Asking changes nothing. */
START_TEST(what_a_device_would_miss)
{
  struct ring r;
  ring_open(&r, 16, variant[_i]);
  virtq_device_disable_kick(&r.device);
  HOLDS(ring_add(&r, 1, 0, 1) == VIRTQ_OK);
  struct virtq_view blind = virtq_driver_publish(&r.driver);
  ck_assert(!virtq_device_would_miss(&r.device, &blind));
  ck_assert(!virtq_device_enable_kick(&r.device));
  ck_assert(virtq_device_would_miss(&r.device, &blind));
  ck_assert_uint_eq(virtq_device_available(&r.device), 0);
  ck_assert(virtq_device_see(&r.device, &blind));
  ring_pop(&r, 1);
  virtq_device_enable_kick(&r.device);
  ring_show_device(&r);
  HOLDS(ring_add(&r, 1, 0, 2) == VIRTQ_OK);
  struct virtq_view known = virtq_driver_publish(&r.driver);
  ck_assert(virtq_driver_kick_due(&r.driver));
  ck_assert(!virtq_device_would_miss(&r.device, &known));
  ring_close(&r);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("virtio_device_views");
  TCase *t = tcase_create("views");
  tcase_add_loop_test(t, older_views_are_overtaken, 0, VARIANTS);
  tcase_add_loop_test(t, chains_go_back, 0, VARIANTS);
  tcase_add_loop_test(t, what_a_device_would_miss, 0, VARIANTS);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
