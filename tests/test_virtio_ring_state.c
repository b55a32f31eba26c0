/*
 * test_virtio_ring_state.c - virtqueues: a device's side is suspended, read
 * out, and goes on in another device, with chains in flight.
 */
#include "tests/test_virtio_ring.h"

static const uint64_t kinds[] = {0,      EVENT_IDX,          IN_ORDER,
                                 PACKED, PACKED | EVENT_IDX, PACKED | IN_ORDER};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Saves the device, and puts a new one in its place that goes on from there. */
static void migrate(struct ring *r, uint32_t in_flight)
{
  struct virtq_in_flight list[16];
  struct virtq_state state;
  struct virtq_device_options options = r->device.options;
  virtq_device_suspend(&r->device);
  ck_assert_int_eq(virtq_device_pop(&r->device, &r->chain), VIRTQ_SUSPENDED);
  ck_assert_int_eq(virtq_device_save(&r->device, &state, list, 16), VIRTQ_OK);
  ck_assert_uint_eq(state.in_flight, in_flight);
  virtq_device_terminate(&r->device);
  ck_assert_int_eq(virtq_device_initialize(&r->device, &r->q, &options),
                   VIRTQ_OK);
  ck_assert_int_eq(virtq_device_restore(&r->device, &state, list), VIRTQ_OK);
  ck_assert_uint_eq(r->device.in_flight, in_flight);
}

/* Six rounds, then chains 1 to 5 of 1 + 1 buffers in a ring of 11 or 16: 1 is
 * used, 2 to 4 are popped (3 completed out of order, if that is allowed), 5 is
 * available. */
static void open_midway(struct ring *r, uint64_t features, uint16_t *id)
{
  ring_open(r, (features & PACKED) != 0 ? 11 : 16, features);
  for (uintptr_t n = 1; n <= 6; n++)
    ring_round(r, n);
  for (uintptr_t n = 1; n <= 5; n++)
    ring_add(r, 1, 1, n);
  ring_publish(r);
  for (uintptr_t n = 1; n <= 4; n++)
    id[n] = ring_pop(r, n);
  ring_push(r, id[1], 11);
  ring_push(r, id[3], 33);
}

START_TEST(test_goes_on)
{
  for (int k = 0; k < KINDS; k++) {
    struct ring r;
    uint16_t id[6];
    bool in_order = (kinds[k] & IN_ORDER) != 0;
    open_midway(&r, kinds[k], id);
    ring_flush(&r, in_order ? 1 : 2);
    migrate(&r, in_order ? 3 : 2);
    ck_assert_int_eq(virtq_device_push(&r.device, id[1], 0), VIRTQ_INVALID);
    ck_assert_int_eq(virtq_device_push(&r.device, id[3], 0), VIRTQ_INVALID);
    ck_assert_uint_eq(ring_pop(&r, 5), r.chain.id);
    ring_push(&r, r.chain.id, 55);
    ring_push(&r, id[4], 44);
    ring_push(&r, id[2], 22);
    ring_flush(&r, in_order ? 4 : 3);
    ring_take(&r, 1, 11);
    const uintptr_t order[2][4] = {{3, 5, 4, 2}, {2, 3, 4, 5}};
    for (int i = 0; i < 4; i++)
      ring_take(&r, order[in_order][i], 11 * (uint32_t)order[in_order][i]);
    ck_assert_uint_eq(virtq_driver_free(&r.driver), r.q.config.size);
    for (uintptr_t n = 1; n <= 20; n++)
      ring_round(&r, n);
    ring_close(&r);
  }
}
END_TEST

/* The position of vhost's and vDPA's get_vq_state. */
START_TEST(test_base)
{
  struct virtq_state state;
  struct virtq_in_flight list[16];
  struct ring r;
  uint16_t id[6];
  open_midway(&r, 0, id);
  ring_flush(&r, 2);
  virtq_device_suspend(&r.device);
  ck_assert_int_eq(virtq_device_save(&r.device, &state, list, 16), VIRTQ_OK);
  ck_assert_uint_eq(virtq_state_base(&r.q, &state), 10);
  ring_close(&r);
  open_midway(&r, PACKED, id); /* 6 + 4 * 2 = 14 available, 6 + 2 * 2 used */
  ring_flush(&r, 2);
  virtq_device_suspend(&r.device);
  ck_assert_int_eq(virtq_device_save(&r.device, &state, list, 16), VIRTQ_OK);
  ck_assert_uint_eq(virtq_state_base(&r.q, &state), 0x800a0003);
  ring_close(&r);
}
END_TEST

START_TEST(test_save_refused)
{
  struct virtq_state state;
  struct virtq_in_flight list[16];
  struct ring r;
  uint16_t id[6];
  open_midway(&r, 0, id);
  ck_assert_int_eq(virtq_device_save(&r.device, &state, list, 16),
                   VIRTQ_INVALID); /* not suspended */
  virtq_device_suspend(&r.device);
  ck_assert_int_eq(virtq_device_save(&r.device, &state, list, 16),
                   VIRTQ_INVALID); /* not flushed */
  ring_flush(&r, 2);
  ck_assert_int_eq(virtq_device_save(&r.device, &state, list, 1),
                   VIRTQ_INVALID); /* no room */
  ck_assert_int_eq(virtq_device_save(&r.device, &state, list, 2), VIRTQ_OK);
  virtq_device_resume(&r.device); /* the migration failed: goes on here */
  ring_pop(&r, 5);
  ring_close(&r);
}
END_TEST

START_TEST(test_drained)
{
  struct ring r;
  uint16_t id[6];
  open_midway(&r, PACKED, id);
  virtq_device_suspend(&r.device);
  ring_push(&r, id[2], 22); /* those in flight may finish */
  ring_push(&r, id[4], 44);
  ring_flush(&r, 4);
  migrate(&r, 0);
  ring_push(&r, ring_pop(&r, 5), 55);
  ring_flush(&r, 1);
  const uintptr_t order[] = {1, 3, 2, 4, 5};
  for (int i = 0; i < 5; i++)
    ring_take(&r, order[i], 11 * (uint32_t)order[i]);
  ring_close(&r);
}
END_TEST

START_TEST(test_restore_refused)
{
  for (int i = 0; i < 8; i++) {
    struct virtq_state state;
    struct virtq_in_flight list[16];
    struct ring r;
    uint16_t id[6];
    open_midway(&r, PACKED, id);
    ring_flush(&r, 2);
    virtq_device_suspend(&r.device);
    ck_assert_int_eq(virtq_device_save(&r.device, &state, list, 16), VIRTQ_OK);
    if (i == 1)
      list[1].id = list[0].id;
    else if (i == 2)
      list[1].id = 11;
    else if (i == 3)
      list[1].slots = 3; /* more than between used and available */
    else if (i == 4)
      state.side.consumed.index = 11;
    else if (i == 5)
      list[1].length = list[1].writable + 1;
    else if (i == 6)
      state.in_flight = 12;
    else if (i == 7)
      list[1].done = true; /* would have been flushed */
    virtq_device_reset(&r.device);
    ck_assert_int_eq(virtq_device_restore(&r.device, &state, list),
                     i == 0 ? VIRTQ_OK : VIRTQ_INVALID);
    ck_assert_uint_eq(r.device.in_flight, i == 0 ? 2 : 0);
    ring_close(&r);
  }
}
END_TEST

/* The driver sees no change: same event, same positions. What was signalled is
 * not known, so the first decision is yes; the next ones are as ever. */
START_TEST(test_signals_after)
{
  for (int k = 0; k < KINDS; k++) {
    struct ring r;
    uint16_t id[6];
    open_midway(&r, kinds[k], id);
    virtq_device_enable_kick(&r.device);
    ck_assert_uint_gt(virtq_device_flush(&r.device, NULL), 0);
    struct virtq_view before = virtq_device_view(&r.device);
    migrate(&r, r.device.in_flight);
    struct virtq_view after = virtq_device_view(&r.device);
    ck_assert_uint_eq(virtq_view_encode(&before), virtq_view_encode(&after));
    ck_assert(virtq_device_interrupt_due(&r.device));
    ck_assert(!virtq_device_interrupt_due(&r.device));
    ring_push(&r, id[2], 0);
    ck_assert_uint_gt(virtq_device_flush(&r.device, NULL), 0);
    /* Only split events ask for an entry from the start: the first one. */
    ck_assert_int_eq(virtq_device_interrupt_due(&r.device),
                     kinds[k] != EVENT_IDX);
    /* It must look by itself: no view tells it what it did not ask for. */
    ring_add(&r, 1, 1, 6);
    ring_publish(&r);
    ring_close(&r);
  }
}
END_TEST

/* What the driver has switched off stays off. */
START_TEST(test_disabled_after)
{
  struct ring r;
  uint16_t id[6];
  open_midway(&r, PACKED | EVENT_IDX, id);
  virtq_driver_disable_callback(&r.driver);
  ring_show_driver(&r);
  ring_flush(&r, 2);
  migrate(&r, 2);
  ck_assert(!virtq_device_interrupt_due(&r.device));
  ring_close(&r);
}
END_TEST

int main(void)
{
  const TTest *const state[] = {test_goes_on,       test_base,
                                test_save_refused,  test_restore_refused,
                                test_drained,       test_signals_after,
                                test_disabled_after};
  Suite *suite = suite_create("virtio ring state");
  RING_ADD_TESTS(suite, state);
  return ring_run_suite(suite);
}
