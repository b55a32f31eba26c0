/*
 * test_virtio_ring_signal.c - virtqueues: kicks and interrupts, when they are
 * due, when they are suppressed, and who finds out that one was missed.
 */
#include "tests/test_virtio_ring.h"

#include "models/virtio/internal.h"

/* ---- suppression by flag ---------------------------------------------------
 */

START_TEST(test_kick_flag)
{
  struct ring r;
  ring_open(&r, 8, 0);
  ck_assert(!virtq_driver_kick_due(&r.driver)); /* nothing published */
  ring_add(&r, 1, 0, 1);
  ck_assert(!virtq_driver_kick_due(&r.driver));
  ck_assert(ring_publish(&r));
  ck_assert(!virtq_driver_kick_due(&r.driver)); /* decided */
  ck_assert(virtq_device_disable_kick(&r.device));
  ck_assert(!virtq_device_disable_kick(&r.device)); /* no news */
  ring_add(&r, 1, 0, 2);
  ck_assert(ring_publish(&r)); /* the driver has not seen it */
  ck_assert(!ring_show_device(&r));
  ring_add(&r, 1, 0, 3);
  ck_assert(!ring_publish(&r));
  ck_assert(virtq_device_enable_kick(&r.device)); /* three are there */
  for (uintptr_t n = 1; n <= 3; n++)
    ring_pop(&r, n);
  ck_assert(!virtq_device_enable_kick(&r.device));
  ring_show_device(&r);
  ring_add(&r, 1, 0, 4);
  ring_add(&r, 1, 0, 5);
  ck_assert(ring_publish(&r));
  ring_close(&r);
}
END_TEST

START_TEST(test_callback_flag)
{
  struct ring r;
  ring_open(&r, 8, 0);
  for (uintptr_t n = 1; n <= 4; n++)
    ring_add(&r, 1, 0, n);
  ring_publish(&r);
  ring_push(&r, ring_pop(&r, 1), 0);
  ck_assert(ring_flush(&r, 1));
  ck_assert(!virtq_device_interrupt_due(&r.device));
  ck_assert(virtq_driver_disable_callback(&r.driver));
  ck_assert(!virtq_driver_disable_callback(&r.driver));
  ring_show_driver(&r);
  ring_push(&r, ring_pop(&r, 2), 0);
  ck_assert(!ring_flush(&r, 1));
  ck_assert(virtq_driver_enable_callback(&r.driver, 0)); /* two are there */
  ring_take(&r, 1, 0);
  ck_assert(
      virtq_driver_enable_callback(&r.driver, 3)); /* flags: not counted */
  ring_take(&r, 2, 0);
  ck_assert(!virtq_driver_enable_callback(&r.driver, 0));
  ring_show_driver(&r);
  ring_push(&r, ring_pop(&r, 3), 0);
  ck_assert(ring_flush(&r, 1));
  ring_close(&r);
}
END_TEST

/* ---- suppression by event index --------------------------------------------
 */

/* 2.7.7.1, 2.7.10: signal if the entry asked for is among the new ones. */
START_TEST(test_need_event)
{
  const struct {
    uint16_t event, end;
    uint32_t count;
    bool due;
  } c[] = {{0, 1, 1, true},          {1, 1, 1, false},
           {0, 2, 1, false},         {0, 2, 2, true},
           {5, 10, 4, false},        {5, 10, 5, true},
           {10, 10, 10, false},      {9, 10, 1, true},
           {65535, 0, 1, true},      {65535, 1, 1, false},
           {65535, 1, 2, true},      {0, 0, 1, false},
           {65533, 2, 4, false},     {65533, 2, 5, true},
           {2, 2, 32768, false},     {1, 2, 32768, true},
           {32770, 2, 32768, true},  {32769, 2, 32768, false},
           {32769, 65535, 1, false}, {65534, 65535, 1, true}};
  struct virtq q = {.config = {.size = 32768}};
  for (size_t i = 0; i < sizeof c / sizeof c[0]; i++)
    ck_assert_msg(virtq_need_event(&q, (struct virtq_position){c[i].event, 0},
                                   (struct virtq_position){c[i].end, 0},
                                   c[i].count) == c[i].due,
                  "event %u, %u entries to %u", c[i].event, c[i].count,
                  c[i].end);
}
END_TEST

/* A kick for the entry asked for, and for no other, at every index. */
START_TEST(test_kick_event)
{
  struct ring r;
  ring_open(&r, 4, EVENT_IDX);
  for (uintptr_t n = 0; n < 66000; n += 3) {
    for (uintptr_t i = 0; i < 3; i++) {
      ring_add(&r, 1, 0, n + i);
      HOLDS((ring_publish(&r)) == (i == 0));
    }
    HOLDS(!virtq_device_disable_kick(&r.device)); /* cannot be said */
    for (uintptr_t i = 0; i < 3; i++)
      ring_push(&r, ring_pop(&r, n + i), 0);
    HOLDS(!virtq_device_enable_kick(&r.device));
    HOLDS(r.device.side.event.at.index == ((n + 3) & 0xffff));
    ring_flush(&r, 3);
    for (uintptr_t i = 0; i < 3; i++)
      ring_take(&r, n + i, 0);
  }
  ring_close(&r);
}
END_TEST

/* An interrupt when `after` + 1 more are used, at every index. */
START_TEST(test_callback_event)
{
  struct ring r;
  ring_open(&r, 8, EVENT_IDX);
  for (uintptr_t n = 0; n < 66000; n += 4) {
    uint32_t after = (uint32_t)(n / 4 % 4);
    HOLDS(!virtq_driver_enable_callback(&r.driver, after));
    for (uintptr_t i = 0; i < 4; i++)
      ring_add(&r, 1, 0, n + i);
    ring_publish(&r);
    for (uintptr_t i = 0; i < 4; i++) {
      ring_push(&r, ring_pop(&r, n + i), 0);
      HOLDS((ring_flush(&r, 1)) == (i == after));
    }
    HOLDS(!virtq_driver_enable_callback(&r.driver, 4));
    HOLDS(virtq_driver_enable_callback(&r.driver, 3));
    for (uintptr_t i = 0; i < 4; i++)
      ring_take(&r, n + i, 0);
  }
  ring_close(&r);
}
END_TEST

/* ---- publishing against asking (rule 4 of ring.h) --------------------------
 */

/* The device goes to sleep while the driver, which still sees that it wants no
 * kick, publishes. */
static struct virtq_view open_race(struct ring *r, uint64_t features)
{
  ring_open(r, 8, features);
  ring_round(r, 1);
  virtq_device_disable_kick(&r->device);
  ring_show_device(r);
  ring_add(r, 1, 0, 2);
  struct virtq_view published = virtq_driver_publish(&r->driver);
  ck_assert(!virtq_driver_kick_due(&r->driver));
  ck_assert(!virtq_device_enable_kick(&r->device)); /* sees nothing: sleeps */
  return published;
}

START_TEST(test_race_lost)
{
  const uint64_t features[] = {0, EVENT_IDX, PACKED, PACKED | EVENT_IDX};
  for (int i = 0; i < 4; i++) {
    struct ring r;
    struct virtq_view v = open_race(&r, features[i]);
    if (features[i] == EVENT_IDX) { /* event 0 was behind: no kick either */
      ck_assert_uint_eq(r.driver.side.peer.event.at.index, 0);
    }
    ck_assert(virtq_device_see(&r.device, &v)); /* wakes it */
    ck_assert(!ring_show_device(&r));
    ring_close(&r);
  }
}
END_TEST

/* The first view never arrives, the second one was decided upon with the enable
 * known, but it came too late for the first. */
START_TEST(test_race_skipped_view)
{
  const uint64_t features[] = {EVENT_IDX, PACKED | EVENT_IDX};
  for (int i = 0; i < 2; i++) {
    struct ring r;
    open_race(&r, features[i]);
    ring_show_device(&r);
    ring_add(&r, 1, 0, 3);
    struct virtq_view v = virtq_driver_publish(&r.driver);
    ck_assert(!virtq_driver_kick_due(&r.driver)); /* event is passed */
    ck_assert(virtq_device_see(&r.device, &v));
    ring_close(&r);
  }
}
END_TEST

/* The enable is known in time: a kick, and the view wakes nobody. */
START_TEST(test_race_won)
{
  const uint64_t features[] = {0, EVENT_IDX, PACKED, PACKED | EVENT_IDX};
  for (int i = 0; i < 4; i++) {
    struct ring r;
    ring_open(&r, 8, features[i]);
    ring_round(&r, 1);
    virtq_device_disable_kick(&r.device);
    ring_show_device(&r);
    ck_assert(!virtq_device_enable_kick(&r.device));
    ring_show_device(&r);
    ring_add(&r, 1, 0, 2);
    ck_assert(ring_publish(&r)); /* asserts that nobody is woken */
    ring_close(&r);
  }
}
END_TEST

/* Who is awake, and asks for nothing, is not told. */
START_TEST(test_race_awake)
{
  const uint64_t features[] = {0, EVENT_IDX, PACKED, PACKED | EVENT_IDX};
  for (int i = 0; i < 4; i++) {
    struct ring r;
    struct virtq_view v = open_race(&r, features[i]);
    virtq_device_disable_kick(&r.device);
    ck_assert(!virtq_device_see(&r.device, &v));
    ring_close(&r);
  }
}
END_TEST

/* The kick arrives before the view: the device looks, finds nothing, asks again
 * and sleeps; then the view must wake it. */
START_TEST(test_kick_overtakes_view)
{
  struct ring r;
  ring_open(&r, 8, EVENT_IDX);
  ring_add(&r, 1, 0, 1);
  struct virtq_view v = virtq_driver_publish(&r.driver);
  ck_assert(virtq_driver_kick_due(&r.driver));
  ck_assert(!virtq_device_enable_kick(&r.device));
  ck_assert(virtq_device_see(&r.device, &v));
  ring_close(&r);
}
END_TEST

START_TEST(test_interrupt_race)
{
  const uint64_t features[] = {0, EVENT_IDX, PACKED, PACKED | EVENT_IDX};
  for (int i = 0; i < 4; i++) {
    struct ring r;
    ring_open(&r, 8, features[i]);
    ring_round(&r, 1);
    virtq_driver_disable_callback(&r.driver);
    ring_add(&r, 1, 0, 2);
    ring_publish(&r);
    ring_push(&r, ring_pop(&r, 2), 0);
    ck_assert_uint_eq(virtq_device_flush(&r.device, NULL), 1);
    ck_assert(!virtq_device_interrupt_due(&r.device));
    ck_assert(!virtq_driver_enable_callback(&r.driver, 0));
    ck_assert(ring_show_device(&r));
    ring_close(&r);
  }
}
END_TEST

/* A sleeper that wants two more is not woken by one. */
START_TEST(test_interrupt_race_later)
{
  struct ring r;
  ring_open(&r, 8, EVENT_IDX);
  ring_round(&r, 1);
  for (uintptr_t n = 2; n <= 3; n++)
    ring_add(&r, 1, 0, n);
  ring_publish(&r);
  ck_assert(!virtq_driver_enable_callback(&r.driver, 1));
  for (uintptr_t n = 2; n <= 3; n++) {
    ring_push(&r, ring_pop(&r, n), 0);
    ck_assert_uint_eq(virtq_device_flush(&r.device, NULL), 1);
    ck_assert(!virtq_device_interrupt_due(&r.device));
    ck_assert_int_eq(ring_show_device(&r), n == 3);
  }
  ring_close(&r);
}
END_TEST

int main(void)
{
  const TTest *const signals[] = {
      test_kick_flag,           test_callback_flag,  test_need_event,
      test_kick_event,          test_callback_event, test_race_lost,
      test_race_skipped_view,   test_race_won,       test_race_awake,
      test_kick_overtakes_view, test_interrupt_race, test_interrupt_race_later};
  Suite *suite = suite_create("virtio ring signals");
  RING_ADD_TESTS(suite, signals);
  return ring_run_suite(suite);
}
