/*
 * test_virtio_ring_packed.c - virtqueues in the packed format.
 *
 * A green run says that descriptors, wrap counters and positions are those of
 * virtio 1.2, 2.8, in a case made for each rule.
 */
#include "tests/test_virtio_ring.h"

#include "models/virtio/internal.h"

enum { A = VIRTQ_DESC_AVAIL, U = VIRTQ_DESC_USED };

static void assert_position(struct virtq_position p, uint16_t index, bool wrap)
{
  ck_assert_uint_eq(p.index, index);
  ck_assert_int_eq(p.wrap, wrap);
}

static void assert_desc(const struct virtq_desc *d, uint16_t link, int flags)
{
  ck_assert_uint_eq(d->link, link);
  ck_assert_int_eq(d->flags, flags);
}

/* 2.8.1, 2.8.6: available: AVAIL is the wrap counter, USED its inverse, in all
 * descriptors; used: both are the counter. A chain of 3 across the end of a
 * ring of 5. */
START_TEST(test_flags)
{
  struct ring r;
  ring_open(&r, 5, PACKED);
  assert_position(r.driver.next, 0, true);
  for (uintptr_t n = 1; n <= 3; n++)
    ring_round(&r, n);
  assert_position(r.driver.next, 3, true);
  ck_assert_int_eq(ring_add(&r, 1, 2, 4), VIRTQ_OK);
  uint16_t id = r.q.desc[3].link;
  assert_desc(&r.q.desc[3], id, A | VIRTQ_DESC_NEXT);
  assert_desc(&r.q.desc[4], id, A | VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE);
  assert_desc(&r.q.desc[0], id, U | VIRTQ_DESC_WRITE);
  assert_position(r.driver.next, 1, false);
  ring_publish(&r);
  ck_assert_uint_eq(virtq_device_available(&r.device), 3);
  ck_assert_uint_eq(ring_pop(&r, 4), id);
  ck_assert_uint_eq(r.chain.slots, 3);
  ck_assert_uint_eq(r.popped[2].address, 4 << 16 | 2 << 8);
  assert_position(r.device.side.consumed, 1, false);
  ring_push(&r, id, 150);
  ring_flush(&r, 1);
  assert_desc(&r.q.desc[3], id, A | U | VIRTQ_DESC_WRITE);
  ck_assert_uint_eq(r.q.desc[3].length, 150);
  assert_desc(&r.q.desc[4], id, A | VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE);
  assert_position(r.device.side.published, 1, false);
  ring_take(&r, 4, 150);
  assert_position(r.driver.side.consumed, 1, false);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 5);
  ck_assert_int_eq(ring_add(&r, 1, 0, 5), VIRTQ_OK);
  ring_publish(&r);
  id = ring_pop(&r, 5);
  ring_push(&r, id, 0);
  ring_flush(&r, 1);
  assert_desc(&r.q.desc[1], id,
              0); /* used on the second lap, nothing written */
  ring_take(&r, 5, 0);
  ring_close(&r);
}
END_TEST

/* Chains of all lengths through rings of all sizes, many laps. */
START_TEST(test_laps)
{
  for (uint32_t size = 1; size <= 7; size++) {
    struct ring r;
    uint32_t at = 0;
    ring_open(&r, size, PACKED | EVENT_IDX);
    for (uintptr_t n = 1; n <= 5000; n++) {
      uint32_t buffers = (uint32_t)(n % size) + 1;
      HOLDS(ring_add(&r, 0, buffers, n) == VIRTQ_OK);
      ring_publish(&r);
      ring_push(&r, ring_pop(&r, n), buffers);
      ring_flush(&r, 1);
      ring_take(&r, n, buffers);
      at += buffers;
      HOLDS(r.driver.next.index == at % size);
      HOLDS(r.driver.next.wrap == (at / size % 2 == 0));
      HOLDS(virtq_driver_free(&r.driver) == size);
    }
    ring_close(&r);
  }
}
END_TEST

/* The ring is full: same slot, other wrap counter. */
START_TEST(test_full)
{
  struct ring r;
  ring_open(&r, 3, PACKED);
  for (int round = 0; round < 4; round++) {
    for (uintptr_t n = 0; n < 3; n++)
      ck_assert_int_eq(ring_add(&r, 1, 0, n), VIRTQ_OK);
    ck_assert_int_eq(ring_add(&r, 1, 0, 3), VIRTQ_FULL);
    assert_position(r.driver.next, 0, round % 2 == 1);
    ring_publish(&r);
    ck_assert_uint_eq(virtq_device_available(&r.device), 3);
    for (uintptr_t n = 0; n < 3; n++)
      ring_push(&r, ring_pop(&r, n), 0);
    ck_assert_int_eq(virtq_device_pop(&r.device, &r.chain), VIRTQ_EMPTY);
    ring_flush(&r, 3);
    for (uintptr_t n = 0; n < 3; n++)
      ring_take(&r, n, 0);
  }
  ring_close(&r);
}
END_TEST

/* Used descriptors in the order of completion: the first one takes the place of
 * a chain still in flight, and the driver skips by the length of what is used.
 */
START_TEST(test_out_of_order)
{
  struct ring r;
  uint16_t id[4];
  ring_open(&r, 8, PACKED);
  ring_add(&r, 1, 2, 1); /* slots 0 to 2 */
  ring_add(&r, 0, 1, 2); /* 3 */
  ring_add(&r, 1, 1, 3); /* 4 and 5 */
  ring_publish(&r);
  for (uintptr_t n = 1; n <= 3; n++)
    id[n] = ring_pop(&r, n);
  ring_push(&r, id[3], 33);
  ring_push(&r, id[2], 22);
  ring_flush(&r, 2);
  assert_desc(&r.q.desc[0], id[3], A | U | VIRTQ_DESC_WRITE);
  assert_desc(&r.q.desc[2], id[2], A | U | VIRTQ_DESC_WRITE);
  assert_position(r.device.side.published, 3, true);
  ring_take(&r, 3, 33);
  ring_take(&r, 2, 22);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 5);
  ck_assert_int_eq(ring_add(&r, 4, 1, 4), VIRTQ_OK); /* 6, 7, 0, 1, 2 */
  ck_assert_int_eq(ring_add(&r, 1, 0, 5), VIRTQ_FULL);
  ring_publish(&r);
  ck_assert_uint_ne(ring_pop(&r, 4), id[1]);
  uint16_t fourth = r.chain.id;
  ring_push(&r, fourth, 44);
  ring_push(&r, id[1], 11);
  ring_flush(&r, 2);
  assert_desc(&r.q.desc[3], fourth, A | U | VIRTQ_DESC_WRITE);
  assert_desc(&r.q.desc[0], id[1], VIRTQ_DESC_WRITE); /* second lap */
  ring_take(&r, 4, 44);
  ring_take(&r, 1, 11);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 8);
  ring_close(&r);
}
END_TEST

/* 2.8.7: a table of descriptors with no flag but WRITE; others are ignored. */
START_TEST(test_indirect)
{
  struct ring r;
  ring_open(&r, 4, PACKED | INDIRECT);
  ck_assert_int_eq(ring_add(&r, 2, 1, 1), VIRTQ_OK);
  uint16_t id = r.q.desc[0].link;
  assert_desc(&r.q.desc[0], id, A | VIRTQ_DESC_INDIRECT);
  ck_assert_uint_eq(r.q.desc[0].length, 48);
  ck_assert_uint_eq(r.q.desc[0].address, r.q.config.indirect_area + id * 128u);
  struct virtq_desc *table = &r.q.table[id * 8];
  assert_desc(&table[0], 0, 0);
  assert_desc(&table[1], 0, 0);
  assert_desc(&table[2], 0, VIRTQ_DESC_WRITE);
  table[0].flags = VIRTQ_DESC_INDIRECT;
  table[2].flags |= VIRTQ_DESC_NEXT;
  table[2].link = 77;
  r.q.desc[0].flags |= VIRTQ_DESC_WRITE;
  ring_publish(&r);
  ck_assert_uint_eq(ring_pop(&r, 1), id);
  ck_assert_uint_eq(r.chain.readable, 2);
  ck_assert_uint_eq(r.chain.writable, 1);
  ck_assert_uint_eq(r.chain.slots, 1);
  ring_push(&r, id, 5);
  ring_flush(&r, 1);
  ring_take(&r, 1, 5);
  ring_close(&r);
}
END_TEST

/* 2.8.8: the used descriptor of a batch lies on the first chain, with the ID of
 * the last; both sides skip by all descriptors of the batch. */
START_TEST(test_in_order_batch)
{
  struct ring r;
  uint16_t id[5];
  ring_open(&r, 8, PACKED | IN_ORDER);
  ring_add(&r, 2, 0, 1); /* slots 0, 1 */
  ring_add(&r, 0, 1, 2); /* 2 */
  ring_add(&r, 1, 2, 3); /* 3, 4, 5 */
  ring_add(&r, 1, 0, 4); /* 6 */
  ring_publish(&r);
  for (uintptr_t n = 1; n <= 4; n++)
    id[n] = ring_pop(&r, n);
  ring_push(&r, id[2], 100);
  ring_push(&r, id[3], 50);
  ring_flush(&r, 0); /* the first is missing */
  ring_push(&r, id[1], 0);
  ring_push(&r, id[4], 0);
  ring_flush(&r, 4);
  assert_desc(&r.q.desc[0], id[3], A | U | VIRTQ_DESC_WRITE);
  ck_assert_uint_eq(r.q.desc[0].length, 50);
  assert_desc(&r.q.desc[6], id[4], A | U);
  assert_position(r.device.side.published, 7, true);
  ring_take(&r, 1, 0);
  ring_take(&r, 2, 100);
  ring_take(&r, 3, 50);
  ring_take(&r, 4, 0);
  assert_position(r.driver.side.consumed, 7, true);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 8);
  ring_close(&r);
}
END_TEST

/* ---- events ----------------------------------------------------------------
 */

/* 2.8.10, in a ring of 8: an event is a slot and the wrap counter there. */
START_TEST(test_need_event)
{
  const struct {
    struct virtq_position event, end;
    uint32_t count;
    bool due;
  } c[] = {
      {{0, 1}, {1, 1}, 1, true},  {{1, 1}, {1, 1}, 1, false},
      {{7, 1}, {0, 0}, 1, true},  {{7, 0}, {0, 0}, 1, false},
      {{6, 1}, {1, 0}, 2, false}, {{6, 1}, {1, 0}, 3, true},
      {{0, 0}, {1, 0}, 3, true},  {{0, 1}, {1, 0}, 3, false},
      {{3, 0}, {3, 0}, 8, false}, {{3, 1}, {3, 0}, 8, true},
      {{2, 0}, {3, 0}, 8, true},  {{4, 1}, {3, 0}, 7, true},
      {{3, 1}, {3, 0}, 7, false}, {{5, 0}, {3, 0}, 4, false},
      {{1, 0}, {6, 1}, 6, false},
  };
  struct virtq q = {.packed = true, .config = {.size = 8}};
  for (size_t i = 0; i < sizeof c / sizeof c[0]; i++)
    ck_assert_msg(virtq_need_event(&q, c[i].event, c[i].end, c[i].count) ==
                      c[i].due,
                  "event %u/%d, %u entries to %u/%d", c[i].event.index,
                  c[i].event.wrap, c[i].count, c[i].end.index, c[i].end.wrap);
}
END_TEST

/* A kick for the chain asked for, and for no other, wherever it is. */
START_TEST(test_kick_event)
{
  struct ring r;
  ring_open(&r, 7, PACKED | EVENT_IDX);
  ring_round(&r, 1);
  ck_assert_int_eq(r.device.side.event.mode, VIRTQ_EVENT_ENABLE); /* zeroed */
  for (uintptr_t n = 0; n < 3000; n += 3) {
    HOLDS(!virtq_device_enable_kick(&r.device));
    HOLDS(r.device.side.event.mode == VIRTQ_EVENT_AT);
    ring_show_device(&r);
    for (uintptr_t i = 0; i < 3; i++) {
      HOLDS(ring_add(&r, (uint32_t)i + 1, 0, n + i) == VIRTQ_OK);
      HOLDS(ring_publish(&r) == (i == 0));
    }
    for (uintptr_t i = 0; i < 3; i++)
      ring_push(&r, ring_pop(&r, n + i), 0);
    ring_flush(&r, 3);
    for (uintptr_t i = 0; i < 3; i++)
      ring_take(&r, n + i, 0);
  }
  ck_assert(virtq_device_disable_kick(&r.device)); /* packed can say it */
  ring_show_device(&r);
  ck_assert_int_eq(ring_add(&r, 1, 0, 1), VIRTQ_OK);
  ck_assert(!ring_publish(&r));
  ring_close(&r);
}
END_TEST

/* `after` counts slots; an event inside a chain is met by the chain. */
START_TEST(test_callback_event)
{
  struct ring r;
  ring_open(&r, 7, PACKED | EVENT_IDX);
  for (uintptr_t n = 0; n < 3000; n += 3) {
    uint32_t after = (uint32_t)(n % 6); /* chains have 1, 2 and 3 slots */
    uintptr_t met = after < 1 ? 0 : after < 3 ? 1 : 2;
    HOLDS(!virtq_driver_enable_callback(&r.driver, after));
    for (uintptr_t i = 0; i < 3; i++)
      HOLDS(ring_add(&r, (uint32_t)i + 1, 0, n + i) == VIRTQ_OK);
    ring_publish(&r);
    for (uintptr_t i = 0; i < 3; i++) {
      ring_push(&r, ring_pop(&r, n + i), 0);
      HOLDS(ring_flush(&r, 1) == (i == met));
    }
    HOLDS(virtq_driver_enable_callback(&r.driver, 5));
    HOLDS(!virtq_driver_enable_callback(&r.driver, 6));
    for (uintptr_t i = 0; i < 3; i++)
      ring_take(&r, n + i, 0);
  }
  ring_close(&r);
}
END_TEST

/* ---- mistakes
 * ---------------------------------------------------------------- */

/* Chains of 1 + 1 buffers in slots 0, 1 and 2, 3 of a ring of 6. */
static void open_two(struct ring *r, uint64_t features)
{
  ring_open(r, 6, PACKED | features);
  ring_add(r, 1, 1, 1);
  ring_add(r, 1, 1, 2);
}

static void expect(struct ring *r, enum virtq_status status)
{
  struct virtq_view v = virtq_driver_publish(&r->driver);
  virtq_device_see(&r->device, &v);
  enum virtq_status got;
  do {
    got = virtq_device_pop(&r->device, &r->chain);
  } while (got == VIRTQ_OK);
  ck_assert_int_eq(got, status);
  ck_assert_int_eq(virtq_device_pop(&r->device, &r->chain), status);
  ring_close(r);
}

START_TEST(test_bad_chains)
{
  struct ring r;
  open_two(&r, 0);
  r.q.desc[2].flags ^= A; /* not available */
  expect(&r, VIRTQ_BAD_FLAGS);
  open_two(&r, 0);
  r.q.desc[3].flags ^= U; /* only the head is */
  expect(&r, VIRTQ_BAD_FLAGS);
  open_two(&r, 0);
  r.q.desc[3].flags |= VIRTQ_DESC_NEXT; /* beyond what is published */
  expect(&r, VIRTQ_BAD_POSITION);
  open_two(&r, 0);
  r.q.desc[3].link = 6;
  expect(&r, VIRTQ_BAD_ID);
  open_two(&r, 0);
  r.q.desc[3].link = r.q.desc[1].link; /* in flight */
  expect(&r, VIRTQ_BAD_ID);
  open_two(&r, 0);
  r.device.options.max_buffers = 1;
  expect(&r, VIRTQ_TOO_LONG);
  open_two(&r, 0);
  r.q.desc[2].flags |= VIRTQ_DESC_WRITE;
  r.q.desc[3].flags &= (uint16_t)~VIRTQ_DESC_WRITE;
  expect(&r, VIRTQ_BAD_ORDER);
  open_two(&r, INDIRECT);
  r.q.desc[1].flags |= VIRTQ_DESC_NEXT; /* 2.8.7 */
  expect(&r, VIRTQ_BAD_INDIRECT);
  ring_open(&r, 6, PACKED | INDIRECT); /* 2.8.5: no mixed lists */
  ring_add(&r, 1, 0, 1);
  ring_add(&r, 1, 1, 2);
  r.q.desc[0].flags |= VIRTQ_DESC_NEXT;
  expect(&r, VIRTQ_BAD_INDIRECT);
}
END_TEST

START_TEST(test_bad_positions)
{
  const struct virtq_position bad[] = {{6, true}, {5, false}, {3, true}};
  for (int i = 0; i < 3; i++) {
    struct ring r;
    open_two(&r, 0);
    ring_publish(&r); /* up to 4/1 */
    struct virtq_view v = virtq_driver_view(&r.driver);
    v.position = bad[i];
    ck_assert(!virtq_device_see(&r.device, &v));
    ck_assert_int_eq(r.device.error, VIRTQ_BAD_POSITION);
    ring_close(&r);
  }
}
END_TEST

START_TEST(test_bad_used)
{
  for (int i = 0; i < 4; i++) {
    struct ring r;
    open_two(&r, 0);
    ring_publish(&r);
    ring_push(&r, ring_pop(&r, 1), 10);
    ring_flush(&r, 1);
    struct virtq_desc *used = &r.q.desc[0];
    struct virtq_view v = virtq_device_view(&r.device);
    enum virtq_status expected[] = {VIRTQ_BAD_FLAGS, VIRTQ_BAD_ID,
                                    VIRTQ_BAD_LENGTH, VIRTQ_BAD_POSITION};
    if (i == 0)
      used->flags ^= U;
    else if (i == 1)
      used->link = 4;
    else if (i == 2)
      used->length = 101;
    else
      v.position.index = 1; /* inside the chain */
    virtq_driver_see(&r.driver, &v);
    ck_assert_int_eq(virtq_driver_take(&r.driver, &r.taken), expected[i]);
    ck_assert_int_eq(virtq_driver_take(&r.driver, &r.taken), expected[i]);
    ring_close(&r);
  }
}
END_TEST

int main(void)
{
  const TTest *const packed[] = {
      test_flags,      test_laps,          test_full,
      test_indirect,   test_out_of_order,  test_in_order_batch,
      test_need_event, test_kick_event,    test_callback_event,
      test_bad_chains, test_bad_positions, test_bad_used};
  Suite *suite = suite_create("virtio packed ring");
  RING_ADD_TESTS(suite, packed);
  return ring_run_suite(suite);
}
