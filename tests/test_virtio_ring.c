/*
 * test_virtio_ring.c - virtqueues: split rings, and what is common to both.
 *
 * A green run says that every rule of the format holds in a case made for it.
 * What either side does wrong: test_virtio_ring_errors.c; suppression:
 * test_virtio_ring_signal.c; delays at random: test_virtio_ring_property.c.
 */
#include "tests/test_virtio_ring.h"

/* ---- geometry and views -------------------------------------------------- */

static enum virtq_status try_config(struct virtq_config config)
{
  struct virtq q;
  enum virtq_status status = virtq_initialize(&q, &config);
  virtq_terminate(&q);
  return status;
}

START_TEST(test_geometry)
{
  struct virtq_config split = {.size = 8}, packed = split;
  packed.features = PACKED;
  packed.size = 7;
  ck_assert_int_eq(try_config(split), VIRTQ_OK);
  ck_assert_int_eq(try_config(packed), VIRTQ_OK);
  const uint32_t bad_split[] = {0, 7, 24, 65536}, bad_packed[] = {0, 32769};
  for (int i = 0; i < 4; i++) {
    struct virtq_config c = {.size = bad_split[i]};
    ck_assert_int_eq(try_config(c), VIRTQ_BAD_GEOMETRY);
  }
  for (int i = 0; i < 2; i++) {
    struct virtq_config c = {.size = bad_packed[i], .features = PACKED};
    ck_assert_int_eq(try_config(c), VIRTQ_BAD_GEOMETRY);
  }
  struct virtq_config c = split;
  c.descriptor_area = 8;
  ck_assert_int_eq(try_config(c), VIRTQ_BAD_GEOMETRY);
  c = split;
  c.driver_area = 1;
  ck_assert_int_eq(try_config(c), VIRTQ_BAD_GEOMETRY);
  c = split;
  c.device_area = 2;
  ck_assert_int_eq(try_config(c), VIRTQ_BAD_GEOMETRY);
  c = packed;
  c.driver_area = 2; /* enough for split */
  ck_assert_int_eq(try_config(c), VIRTQ_BAD_GEOMETRY);
}
END_TEST

START_TEST(test_place)
{
  struct virtq_config c = {.size = 256, .indirect_entries = 4};
  ck_assert_uint_eq(virtq_config_place(&c, 0x1001),
                    0x1040 + 0x1000 + 0x240 + 0x840 + 0x4000);
  ck_assert_uint_eq(c.descriptor_area, 0x1040);
  ck_assert_uint_eq(c.driver_area, 0x2040);   /* 6 + 2 * 256 = 518 */
  ck_assert_uint_eq(c.device_area, 0x2280);   /* 6 + 8 * 256 = 2054 */
  ck_assert_uint_eq(c.indirect_area, 0x2ac0); /* 256 * 4 * 16 */
  c.features = PACKED;
  ck_assert_uint_eq(virtq_config_place(&c, 0x1000), 0x6080);
  ck_assert_uint_eq(c.driver_area, 0x2000);
  ck_assert_uint_eq(c.device_area, 0x2040);
  ck_assert_uint_eq(c.indirect_area, 0x2080);
}
END_TEST

static void assert_view_eq(const struct virtq_view *a,
                           const struct virtq_view *b)
{
  ck_assert_uint_eq(a->position.index, b->position.index);
  ck_assert_int_eq(a->position.wrap, b->position.wrap);
  ck_assert_int_eq(a->event.mode, b->event.mode);
  ck_assert_uint_eq(a->event.at.index, b->event.at.index);
  ck_assert_int_eq(a->event.at.wrap, b->event.at.wrap);
  ck_assert_uint_eq(a->enables, b->enables);
  ck_assert_uint_eq(a->known, b->known);
}

START_TEST(test_view_bits)
{
  const struct virtq_view all[] = {
      {.position = {0xffff, false}},
      {.position = {0, true}},
      {.event = {.mode = VIRTQ_EVENT_AT}},
      {.event = {.mode = VIRTQ_EVENT_DISABLE}},
      {.event = {.at = {0xffff, false}}},
      {.event = {.at = {0, true}}},
      {.enables = 0x3fff},
      {.known = 0x3fff},
      {{0x1234, true}, {VIRTQ_EVENT_AT, {0x8765, true}}, 0x2aaa, 0x1555}};
  uint64_t seen = 0;
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    uint64_t bits = virtq_view_encode(&all[i]);
    struct virtq_view back = virtq_view_decode(bits);
    assert_view_eq(&back, &all[i]);
    if (i < 8) {
      ck_assert_uint_eq(seen & bits, 0); /* no field overlaps another */
      seen |= bits;
    }
  }
  ck_assert_uint_eq(seen, UINT64_MAX);
}
END_TEST

START_TEST(test_status_texts)
{
  ck_assert_str_eq(virtq_status_text(VIRTQ_OK), "done");
  ck_assert_str_eq(virtq_status_text(VIRTQ_LOOP), "a chain that loops");
  ck_assert_str_eq(virtq_status_text((enum virtq_status)999), "unknown");
}
END_TEST

/* ---- the split format ---------------------------------------------------- */

/* 2.7.5, 2.7.6: what a chain looks like, and what the device gets of it. */
START_TEST(test_split_chain)
{
  struct ring r;
  ring_open(&r, 8, 0);
  ck_assert_int_eq(ring_add(&r, 2, 1, 5), VIRTQ_OK);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 5);
  const struct virtq_desc *d = r.q.desc;
  ck_assert_uint_eq(r.q.avail[0], 0);
  ck_assert_uint_eq(d[0].flags, VIRTQ_DESC_NEXT);
  ck_assert_uint_eq(d[0].link, 1);
  ck_assert_uint_eq(d[1].flags, VIRTQ_DESC_NEXT);
  ck_assert_uint_eq(d[1].link, 2);
  ck_assert_uint_eq(d[2].flags, VIRTQ_DESC_WRITE);
  ck_assert_uint_eq(d[1].address, 5 << 16 | 1 << 8);
  ck_assert_uint_eq(d[2].length, 100);
  ck_assert_int_eq(virtq_device_pop(&r.device, &r.chain), VIRTQ_EMPTY);
  ck_assert(ring_publish(&r));
  ck_assert_uint_eq(virtq_device_available(&r.device), 1);
  ck_assert_uint_eq(ring_pop(&r, 5), 0);
  ck_assert_uint_eq(r.chain.readable, 2);
  ck_assert_uint_eq(r.chain.writable, 1);
  ck_assert_uint_eq(r.chain.readable_bytes, 200);
  ck_assert_uint_eq(r.chain.writable_bytes, 100);
  ck_assert_uint_eq(r.chain.slots, 3);
  ck_assert_uint_eq(r.popped[2].address, 5 << 16 | 2 << 8);
  ck_assert(!r.popped[1].writable && r.popped[2].writable);
  ring_push(&r, 0, 99);
  ck_assert_uint_eq(r.device.in_flight, 1);
  ck_assert(!virtq_driver_pending(&r.driver));
  ck_assert(ring_flush(&r, 1));
  ck_assert_uint_eq(r.q.used[0].id, 0);
  ck_assert_uint_eq(r.q.used[0].length, 99);
  ck_assert(virtq_driver_pending(&r.driver));
  ring_take(&r, 5, 99);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 8);
  ck_assert_uint_eq(r.device.in_flight, 0);
  ck_assert_int_eq(virtq_driver_take(&r.driver, &r.taken), VIRTQ_EMPTY);
  ring_close(&r);
}
END_TEST

/* Chains of all lengths, so that every slot of a ring starts one, for more than
 * 2^16 chains: indices wrap, the ring wraps, lists of descriptors get mixed. */
START_TEST(test_split_wraps)
{
  struct ring r;
  ring_open(&r, 4, EVENT_IDX);
  for (uintptr_t n = 1; n <= 70000; n++) {
    uint32_t buffers = (uint32_t)(n % 4) + 1;
    HOLDS(r.driver.next.index == ((n - 1) & 0xffff));
    HOLDS(ring_add(&r, 0, buffers, n) == VIRTQ_OK);
    ring_publish(&r);
    HOLDS(r.device.side.peer.position.index == (n & 0xffff));
    uint16_t id = ring_pop(&r, n);
    HOLDS(r.q.avail[(n - 1) % 4] == id);
    HOLDS(r.chain.writable == buffers);
    ring_push(&r, id, buffers);
    ring_flush(&r, 1);
    HOLDS(r.q.used[(n - 1) % 4].length == buffers);
    ring_take(&r, n, buffers);
    HOLDS(virtq_driver_free(&r.driver) == 4);
  }
  ring_close(&r);
}
END_TEST

/* The largest ring, filled to the last entry and emptied. */
START_TEST(test_split_full)
{
  struct ring r;
  ring_open(&r, VIRTQ_MAX_SIZE, 0);
  for (int round = 0; round < 3; round++) {
    for (uintptr_t n = 0; n < VIRTQ_MAX_SIZE; n++)
      HOLDS(ring_add(&r, 1, 0, n) == VIRTQ_OK);
    HOLDS(ring_add(&r, 1, 0, 0) == VIRTQ_FULL);
    ring_publish(&r);
    HOLDS(virtq_device_available(&r.device) == VIRTQ_MAX_SIZE);
    for (uintptr_t n = 0; n < VIRTQ_MAX_SIZE; n++)
      ring_push(&r, ring_pop(&r, n), 0);
    ring_flush(&r, VIRTQ_MAX_SIZE);
    for (uintptr_t n = 0; n < VIRTQ_MAX_SIZE; n++)
      ring_take(&r, n, 0);
  }
  HOLDS(virtq_driver_free(&r.driver) == VIRTQ_MAX_SIZE);
  ring_close(&r);
}
END_TEST

START_TEST(test_no_room)
{
  struct ring r;
  ring_open(&r, 4, 0);
  ck_assert_int_eq(ring_add(&r, 1, 1, 1), VIRTQ_OK);
  ck_assert_int_eq(ring_add(&r, 3, 0, 2), VIRTQ_FULL);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 2);
  ck_assert_uint_eq(r.driver.next.index, 1); /* nothing changed */
  ck_assert_int_eq(ring_add(&r, 2, 0, 3), VIRTQ_OK);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 0);
  ring_publish(&r);
  ring_push(&r, ring_pop(&r, 1), 0);
  ring_flush(&r, 1);
  ring_take(&r, 1, 0);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 2);
  ck_assert_int_eq(ring_add(&r, 2, 0, 4), VIRTQ_OK);
  ring_close(&r);
}
END_TEST

START_TEST(test_add_arguments)
{
  struct ring r;
  ring_open(&r, 4, 0);
  struct virtq_buffer b[5] = {{.address = 1, .length = 1, .writable = true},
                              {.address = 2, .length = 1}};
  ck_assert_int_eq(virtq_driver_add(&r.driver, b, 0, NULL), VIRTQ_INVALID);
  ck_assert_int_eq(virtq_driver_add(&r.driver, b, 5, NULL), VIRTQ_INVALID);
  ck_assert_int_eq(virtq_driver_add(&r.driver, b, 2, NULL), VIRTQ_INVALID);
  b[0] = (struct virtq_buffer){.length = UINT32_MAX};
  ck_assert_int_eq(virtq_driver_add(&r.driver, b, 2, NULL), VIRTQ_INVALID);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 4);
  ck_assert_uint_eq(virtq_driver_slots(&r.driver, 4), 4);
  ck_assert_uint_eq(virtq_driver_slots(&r.driver, 5), 0);
  ck_assert_uint_eq(virtq_driver_slots(&r.driver, 0), 0);
  ck_assert_int_eq(virtq_driver_add(&r.driver, b, 1, NULL), VIRTQ_OK);
  ring_close(&r);
}
END_TEST

/* 2.7.8: used entries in the order of completion; each chain keeps its own
 * descriptors until it is back. */
START_TEST(test_split_out_of_order)
{
  struct ring r;
  uint16_t id[5];
  ring_open(&r, 8, 0);
  for (uintptr_t n = 1; n <= 4; n++)
    ck_assert_int_eq(ring_add(&r, 1, 1, n), VIRTQ_OK);
  ring_publish(&r);
  for (uintptr_t n = 1; n <= 4; n++)
    id[n] = ring_pop(&r, n);
  ring_push(&r, id[3], 30);
  ring_push(&r, id[1], 10);
  ring_flush(&r, 2);
  ck_assert_uint_eq(r.q.used[0].id, id[3]);
  ck_assert_uint_eq(r.q.used[1].id, id[1]);
  ring_take(&r, 3, 30);
  ring_take(&r, 1, 10);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 4);
  ck_assert_int_eq(ring_add(&r, 2, 2, 5), VIRTQ_OK);
  ck_assert_int_eq(ring_add(&r, 1, 0, 6), VIRTQ_FULL);
  ring_publish(&r);
  uint16_t fifth = ring_pop(&r, 5);
  ring_push(&r, id[4], 40);
  ring_push(&r, fifth, 50);
  ring_push(&r, id[2], 20);
  ring_flush(&r, 3);
  ring_take(&r, 4, 40);
  ring_take(&r, 5, 50);
  ring_take(&r, 2, 20);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 8);
  ring_close(&r);
}
END_TEST

START_TEST(test_push_arguments)
{
  struct ring r;
  ring_open(&r, 4, 0);
  ck_assert_int_eq(ring_add(&r, 1, 1, 1), VIRTQ_OK);
  ring_publish(&r);
  ck_assert_int_eq(virtq_device_push(&r.device, 0, 0), VIRTQ_INVALID);
  ck_assert_uint_eq(ring_pop(&r, 1), 0);
  ck_assert_int_eq(virtq_device_push(&r.device, 1, 0), VIRTQ_INVALID);
  ck_assert_int_eq(virtq_device_push(&r.device, 4, 0), VIRTQ_INVALID);
  ck_assert_int_eq(virtq_device_push(&r.device, 0, 101), VIRTQ_INVALID);
  ring_push(&r, 0, 100);
  ck_assert_int_eq(virtq_device_push(&r.device, 0, 100), VIRTQ_INVALID);
  ck_assert_int_eq(r.device.error, VIRTQ_OK); /* the device model's mistakes */
  ring_close(&r);
}
END_TEST

/* ---- indirect tables ------------------------------------------------------
 */

/* 2.7.5.3: one descriptor of the ring, a linked table beside it. */
START_TEST(test_split_indirect)
{
  struct ring r;
  ring_open(&r, 8, INDIRECT);
  ck_assert_int_eq(ring_add(&r, 1, 0, 1), VIRTQ_OK); /* too short for a table */
  ck_assert_uint_eq(r.q.desc[0].flags, 0);
  ck_assert_int_eq(ring_add(&r, 2, 1, 2), VIRTQ_OK);
  const struct virtq_desc *ref = &r.q.desc[1];
  ck_assert_uint_eq(ref->flags, VIRTQ_DESC_INDIRECT);
  ck_assert_uint_eq(ref->length, 48);
  ck_assert_uint_eq(ref->address, r.q.config.indirect_area + 1 * 8 * 16);
  const struct virtq_desc *table = &r.q.table[8];
  ck_assert_uint_eq(table[0].flags, VIRTQ_DESC_NEXT);
  ck_assert_uint_eq(table[0].link, 1);
  ck_assert_uint_eq(table[1].link, 2);
  ck_assert_uint_eq(table[2].flags, VIRTQ_DESC_WRITE);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 6);
  ring_publish(&r);
  ring_pop(&r, 1);
  ck_assert_uint_eq(ring_pop(&r, 2), 1);
  ck_assert_uint_eq(r.chain.readable, 2);
  ck_assert_uint_eq(r.chain.writable, 1);
  ck_assert_uint_eq(r.chain.slots, 1);
  ck_assert_uint_eq(r.popped[2].address, 2 << 16 | 2 << 8);
  ring_push(&r, 1, 100);
  ring_flush(&r, 1);
  ring_take(&r, 2, 100);
  ck_assert_uint_eq(virtq_driver_free(&r.driver), 7);
  ring_close(&r);
}
END_TEST

START_TEST(test_indirect_policy)
{
  struct ring r;
  ring_open(&r, 16, INDIRECT);
  ck_assert_uint_eq(virtq_driver_slots(&r.driver, 1), 1);
  ck_assert_uint_eq(virtq_driver_slots(&r.driver, 8), 1);
  ck_assert_uint_eq(virtq_driver_slots(&r.driver, 9), 9); /* table too small */
  r.driver.options.indirect_from = 4;
  ck_assert_uint_eq(virtq_driver_slots(&r.driver, 3), 3);
  ck_assert_uint_eq(virtq_driver_slots(&r.driver, 4), 1);
  r.driver.options.indirect_from = 0;
  ck_assert_uint_eq(virtq_driver_slots(&r.driver, 4), 4);
  ring_close(&r);
  ring_open(&r, 16, 0); /* not negotiated */
  ck_assert_uint_eq(virtq_driver_slots(&r.driver, 4), 4);
  ring_close(&r);
}
END_TEST

/* With tables a ring of 4 holds 4 chains of 4. */
START_TEST(test_indirect_capacity)
{
  for (int packed = 0; packed < 2; packed++) {
    struct ring r;
    ring_open(&r, 4, INDIRECT | (packed ? PACKED : 0));
    for (uintptr_t n = 1; n <= 4; n++)
      ck_assert_int_eq(ring_add(&r, 2, 2, n), VIRTQ_OK);
    ck_assert_int_eq(ring_add(&r, 1, 0, 5), VIRTQ_FULL);
    ring_publish(&r);
    for (uintptr_t n = 1; n <= 4; n++) {
      ring_pop(&r, n);
      ck_assert_uint_eq(r.popped[3].address, n << 16 | 3 << 8);
    }
    ring_close(&r);
  }
}
END_TEST

/* 2.7.5.3.2: a device takes direct descriptors before an indirect one, and
 * ignores WRITE beside INDIRECT. */
START_TEST(test_split_mixed)
{
  struct ring r;
  ring_open(&r, 8, INDIRECT);
  ring_add(&r, 1, 0, 1);
  ring_add(&r, 1, 2, 2);
  r.q.desc[0].flags = VIRTQ_DESC_NEXT;
  r.q.desc[0].link = 1;
  r.q.desc[1].flags |= VIRTQ_DESC_WRITE;
  ring_publish(&r);
  ring_pop(&r, 1);
  ck_assert_uint_eq(r.chain.readable, 2);
  ck_assert_uint_eq(r.chain.writable, 2);
  ck_assert_uint_eq(r.chain.slots, 2);
  ring_close(&r);
}
END_TEST

/* ---- in order -------------------------------------------------------------
 */

/* 2.7.5: descriptors in ring order, across the end of the table. */
START_TEST(test_in_order_descriptors)
{
  struct ring r;
  ring_open(&r, 8, IN_ORDER);
  const uint32_t length[] = {3, 3, 3, 2, 4, 1, 5, 8};
  uint32_t at = 0;
  for (uintptr_t n = 0; n < 8; n++) {
    ck_assert_int_eq(ring_add(&r, length[n], 0, n), VIRTQ_OK);
    ck_assert_uint_eq(r.q.avail[n % 8], at % 8);
    for (uint32_t i = 0; i + 1 < length[n]; i++)
      ck_assert_uint_eq(r.q.desc[(at + i) % 8].link, (at + i + 1) % 8);
    at += length[n];
    ring_publish(&r);
    ring_push(&r, ring_pop(&r, n), 0);
    ring_flush(&r, 1);
    ring_take(&r, n, 0);
  }
  ring_close(&r);
}
END_TEST

/* 2.7.9: one element with the ID of the last chain, in the place of the first;
 * the index moves by the number of chains. */
START_TEST(test_in_order_batch)
{
  struct ring r;
  uint16_t id[6];
  ring_open(&r, 8, IN_ORDER);
  for (uintptr_t n = 0; n < 6; n++)
    ring_add(&r, 0, 1, n);
  ring_publish(&r);
  for (uintptr_t n = 0; n < 6; n++)
    id[n] = ring_pop(&r, n);
  ring_push(&r, id[0], 100); /* in full: may be skipped */
  ring_push(&r, id[1], 100);
  ring_push(&r, id[2], 40); /* not in full: ends a batch */
  ring_push(&r, id[3], 100);
  ring_push(&r, id[4], 20);
  ring_flush(&r, 5);
  ck_assert_uint_eq(r.device.side.published.index, 5);
  ck_assert_uint_eq(r.q.used[0].id, id[2]);
  ck_assert_uint_eq(r.q.used[0].length, 40);
  ck_assert_uint_eq(r.q.used[3].id, id[4]);
  ck_assert_uint_eq(r.q.used[3].length, 20);
  ck_assert_uint_eq(r.q.used[1].length, 0); /* never written */
  ring_take(&r, 0, 100);
  ring_take(&r, 1, 100);
  ring_take(&r, 2, 40);
  ring_take(&r, 3, 100);
  ring_take(&r, 4, 20);
  ck_assert_int_eq(virtq_driver_take(&r.driver, &r.taken), VIRTQ_EMPTY);
  ring_push(&r, id[5], 1);
  ring_flush(&r, 1);
  ck_assert_uint_eq(r.q.used[5].id, id[5]);
  ring_take(&r, 5, 1);
  ring_close(&r);
}
END_TEST

START_TEST(test_in_order_holds_back)
{
  struct ring r;
  uint16_t id[3];
  ring_open(&r, 4, IN_ORDER);
  r.device.options.in_order_batch = false;
  for (uintptr_t n = 0; n < 3; n++)
    ring_add(&r, 0, 1, n);
  ring_publish(&r);
  for (uintptr_t n = 0; n < 3; n++)
    id[n] = ring_pop(&r, n);
  ring_push(&r, id[2], 100);
  ring_push(&r, id[1], 100);
  ring_flush(&r, 0);
  ck_assert_uint_eq(r.device.in_flight, 3);
  ring_push(&r, id[0], 100);
  ring_flush(&r, 3);
  for (uint32_t n = 0; n < 3; n++)
    ck_assert_uint_eq(r.q.used[n].id, id[n]); /* no batches wanted */
  for (uintptr_t n = 0; n < 3; n++)
    ring_take(&r, n, 100);
  ring_close(&r);
}
END_TEST

/* ---- reset ------------------------------------------------------------------
 */

START_TEST(test_reset)
{
  const uint64_t features[] = {0, IN_ORDER, PACKED, INDIRECT | EVENT_IDX};
  for (int i = 0; i < 4; i++) {
    struct ring r;
    void *cookie;
    uintptr_t sum = 0;
    ring_open(&r, 4, features[i]);
    for (uintptr_t n = 1; n <= 3; n++)
      ring_round(&r, n);
    ring_add(&r, 1, 1, 10);
    ring_add(&r, 1, 0, 20);
    ring_publish(&r);
    ring_pop(&r, 10);
    while (virtq_driver_detach(&r.driver, &cookie))
      sum += (uintptr_t)cookie;
    ck_assert_uint_eq(sum, 30);
    ck_assert_uint_eq(virtq_driver_free(&r.driver), 4);
    virtq_driver_reset(&r.driver);
    virtq_device_reset(&r.device);
    for (uintptr_t n = 1; n <= 9; n++)
      ring_round(&r, n);
    ring_close(&r);
  }
}
END_TEST

int main(void)
{
  const TTest *const format[] = {test_geometry,
                                 test_place,
                                 test_view_bits,
                                 test_status_texts,
                                 test_split_chain,
                                 test_split_wraps,
                                 test_split_full,
                                 test_no_room,
                                 test_add_arguments,
                                 test_split_out_of_order,
                                 test_push_arguments,
                                 test_split_indirect,
                                 test_indirect_policy,
                                 test_indirect_capacity,
                                 test_split_mixed,
                                 test_in_order_descriptors,
                                 test_in_order_batch,
                                 test_in_order_holds_back,
                                 test_reset};
  Suite *suite = suite_create("virtio ring");
  RING_ADD_TESTS(suite, format);
  return ring_run_suite(suite);
}
