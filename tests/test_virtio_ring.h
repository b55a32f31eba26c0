/*
 * test_virtio_ring.h - what the tests of virtqueues share: a queue with both
 * sides, whose views arrive when the test says so.
 */
#ifndef HD_TEST_VIRTIO_RING_H
#define HD_TEST_VIRTIO_RING_H

#include "models/virtio/ring.h"

#include <check.h>
#include <stdlib.h>

#define RING_BASE UINT64_C(0x100000)
#define INDIRECT VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC)
#define EVENT_IDX VIRTIO_BIT(VIRTIO_F_EVENT_IDX)
#define PACKED VIRTIO_BIT(VIRTIO_F_RING_PACKED)
#define IN_ORDER VIRTIO_BIT(VIRTIO_F_IN_ORDER)

enum { MAX_BUFFERS = 64 };

/* For loops: Check's assertions take microseconds even when they hold. */
#define HOLDS(condition)                                                       \
  do {                                                                         \
    if (!(condition))                                                          \
      ck_abort_msg("%s", #condition);                                          \
  } while (0)

struct ring {
  struct virtq q;
  struct virtq_driver driver;
  struct virtq_device device;
  struct virtq_buffer popped[MAX_BUFFERS];
  struct virtq_chain chain; /* the last one popped */
  struct virtq_completion taken;
};

/* Direct chains unless the ring has INDIRECT: then tables of 8 from 2 buffers
 * on. The device reads 4 entries at a time. */
static inline void ring_open(struct ring *r, uint32_t size, uint64_t features)
{
  struct virtq_config config = {
      .size = size, .features = features, .indirect_entries = 8};
  struct virtq_driver_options driver = {.indirect_from = 2};
  struct virtq_device_options device = {.max_buffers = MAX_BUFFERS,
                                        .avail_batch = 4,
                                        .descriptor_batch = 4,
                                        .used_batch = 4,
                                        .in_order_batch = true};
  virtq_config_place(&config, RING_BASE);
  ck_assert_int_eq(virtq_initialize(&r->q, &config), VIRTQ_OK);
  ck_assert_int_eq(virtq_driver_initialize(&r->driver, &r->q, &driver),
                   VIRTQ_OK);
  ck_assert_int_eq(virtq_device_initialize(&r->device, &r->q, &device),
                   VIRTQ_OK);
  r->chain = (struct virtq_chain){.buffer = r->popped, .capacity = MAX_BUFFERS};
}

static inline void ring_close(struct ring *r)
{
  virtq_device_terminate(&r->device);
  virtq_driver_terminate(&r->driver);
  virtq_terminate(&r->q);
}

/* A chain of `readable` and `writable` buffers of 100 bytes, at addresses that
 * follow from the cookie's number. */
static inline enum virtq_status ring_add(struct ring *r, uint32_t readable,
                                         uint32_t writable, uintptr_t cookie)
{
  struct virtq_buffer b[MAX_BUFFERS];
  for (uint32_t i = 0; i < readable + writable; i++)
    b[i] = (struct virtq_buffer){.address = cookie << 16 | i << 8,
                                 .length = 100,
                                 .writable = i >= readable};
  return virtq_driver_add(&r->driver, b, readable + writable, (void *)cookie);
}

/* The driver publishes, and the device sees it at once. Whether to kick. */
static inline bool ring_publish(struct ring *r)
{
  struct virtq_view v = virtq_driver_publish(&r->driver);
  bool kick = virtq_driver_kick_due(&r->driver);
  HOLDS(!virtq_device_see(&r->device, &v));
  return kick;
}

/* The device publishes, and the driver sees it at once. Whether to interrupt.
 */
static inline bool ring_flush(struct ring *r, uint32_t chains)
{
  HOLDS(virtq_device_flush(&r->device, NULL) == chains);
  struct virtq_view v = virtq_device_view(&r->device);
  bool interrupt = virtq_device_interrupt_due(&r->device);
  HOLDS(!virtq_driver_see(&r->driver, &v));
  return interrupt;
}

/* Views as they stand. Return what the see functions return. */
static inline bool ring_show_driver(struct ring *r)
{
  struct virtq_view v = virtq_driver_view(&r->driver);
  return virtq_device_see(&r->device, &v);
}

static inline bool ring_show_device(struct ring *r)
{
  struct virtq_view v = virtq_device_view(&r->device);
  return virtq_driver_see(&r->driver, &v);
}

/* Pops the chain with this cookie; returns its ID. */
static inline uint16_t ring_pop(struct ring *r, uintptr_t cookie)
{
  HOLDS(virtq_device_pop(&r->device, &r->chain) == VIRTQ_OK);
  HOLDS((uintptr_t)r->chain.cookie == cookie);
  return r->chain.id;
}

static inline void ring_push(struct ring *r, uint16_t id, uint32_t length)
{
  HOLDS(virtq_device_push(&r->device, id, length) == VIRTQ_OK);
}

static inline void ring_take(struct ring *r, uintptr_t cookie, uint32_t length)
{
  HOLDS(virtq_driver_take(&r->driver, &r->taken) == VIRTQ_OK);
  HOLDS((uintptr_t)r->taken.cookie == cookie);
  HOLDS(r->taken.length == length);
}

/* A chain of one writable buffer all the way round. */
static inline void ring_round(struct ring *r, uintptr_t cookie)
{
  HOLDS(ring_add(r, 0, 1, cookie) == VIRTQ_OK);
  ring_publish(r);
  ring_push(r, ring_pop(r, cookie), 7);
  ring_flush(r, 1);
  ring_take(r, cookie, 7);
}

static inline int ring_run_suite(Suite *suite)
{
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static inline void ring_add_tests(Suite *suite, const char *name,
                                  const TTest *const *tests, size_t count)
{
  TCase *tc = tcase_create(name);
  tcase_set_timeout(tc, 60);
  for (size_t i = 0; i < count; i++)
    tcase_add_test(tc, tests[i]);
  suite_add_tcase(suite, tc);
}
#define RING_ADD_TESTS(suite, tests)                                           \
  ring_add_tests(suite, #tests, tests, sizeof(tests) / sizeof(tests)[0])

#endif
