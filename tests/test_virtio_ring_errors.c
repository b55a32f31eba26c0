/*
 * test_virtio_ring_errors.c - split rings: what the other side does wrong is
 * found, named, and lasts until reset.
 *
 * A green run says that each of these mistakes is found where it is made, and
 * with the sanitizers, that none leads astray. It does not say that there are
 * no others.
 */
#include "tests/test_virtio_ring.h"

/* ---- what drivers do wrong ------------------------------------------------
 */

/* Opens a ring with two chains of 1 + 1 buffers: descriptors 0, 1 and 2, 3. */
static void open_two(struct ring *r, uint64_t features)
{
  ring_open(r, 8, features);
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
  ck_assert_int_eq(r->device.error, status);
  ck_assert_int_eq(virtq_device_pop(&r->device, &r->chain), status);
  virtq_device_reset(&r->device);
  ck_assert_int_eq(virtq_device_pop(&r->device, &r->chain), VIRTQ_EMPTY);
  ring_close(r);
}

START_TEST(test_bad_chains)
{
  struct ring r;
  open_two(&r, 0);
  r.q.desc[1].flags |= VIRTQ_DESC_NEXT;
  r.q.desc[1].link = 1;
  r.q.desc[0].flags |= VIRTQ_DESC_WRITE;
  expect(&r, VIRTQ_LOOP);
  open_two(&r, 0);
  r.q.desc[3].flags |= VIRTQ_DESC_NEXT;
  r.q.desc[3].link = 8;
  expect(&r, VIRTQ_BAD_DESCRIPTOR);
  open_two(&r, 0);
  r.q.avail[1] = 8;
  expect(&r, VIRTQ_BAD_DESCRIPTOR);
  open_two(&r, 0);
  r.q.avail[1] = 0; /* in flight */
  expect(&r, VIRTQ_BAD_ID);
  open_two(&r, 0);
  r.q.desc[0].flags |= VIRTQ_DESC_WRITE;
  r.q.desc[1].flags = 0;
  expect(&r, VIRTQ_BAD_ORDER);
  open_two(&r, 0);
  r.q.desc[0].length = UINT32_MAX - 99;
  expect(&r, VIRTQ_BAD_LENGTH);
  open_two(&r, 0);
  r.device.options.max_buffers = 1;
  expect(&r, VIRTQ_TOO_LONG);
}
END_TEST

/* Chain 1 has its table at r.q.table[0], chain 2 at r.q.table[8]. */
START_TEST(test_bad_tables)
{
  struct ring r;
  open_two(&r, 0);
  r.q.desc[0].flags = VIRTQ_DESC_INDIRECT; /* not negotiated */
  expect(&r, VIRTQ_BAD_INDIRECT);
  open_two(&r, INDIRECT);
  r.q.desc[1].flags |= VIRTQ_DESC_NEXT;
  expect(&r, VIRTQ_BAD_INDIRECT);
  open_two(&r, INDIRECT);
  r.q.table[8].flags |= VIRTQ_DESC_INDIRECT; /* nested */
  expect(&r, VIRTQ_BAD_INDIRECT);
  open_two(&r, INDIRECT);
  r.q.desc[1].length = 17;
  expect(&r, VIRTQ_BAD_INDIRECT);
  open_two(&r, INDIRECT);
  r.q.desc[1].length = 0;
  expect(&r, VIRTQ_BAD_INDIRECT);
  open_two(&r, INDIRECT);
  r.q.desc[1].address = r.q.config.indirect_area - 16;
  expect(&r, VIRTQ_BAD_INDIRECT);
  open_two(&r, INDIRECT);
  r.q.desc[1].address = r.q.config.indirect_area + 63 * 16; /* 64 entries */
  expect(&r, VIRTQ_BAD_INDIRECT);
  open_two(&r, INDIRECT);
  r.q.desc[1].address += 8;
  expect(&r, VIRTQ_BAD_INDIRECT);
  open_two(&r, INDIRECT);
  r.q.table[8].link = 2;
  expect(&r, VIRTQ_BAD_DESCRIPTOR);
  open_two(&r, INDIRECT);
  r.q.table[8].flags |= VIRTQ_DESC_WRITE;
  r.q.table[9].flags |= VIRTQ_DESC_NEXT;
  r.q.table[9].link = 0;
  expect(&r, VIRTQ_LOOP);
}
END_TEST

/* 2.7.5.3.1: a table cannot make a chain longer than the queue. */
START_TEST(test_table_longer_than_queue)
{
  struct ring r;
  ring_open(&r, 4, INDIRECT);
  ring_add(&r, 1, 1, 1);
  r.q.desc[0].length = 5 * VIRTQ_DESC_BYTES;
  for (uint16_t i = 0; i < 5; i++)
    r.q.table[i] = (struct virtq_desc){
        .length = 1, .link = i + 1, .flags = i < 4 ? VIRTQ_DESC_NEXT : 0};
  expect(&r, VIRTQ_TOO_LONG);
}
END_TEST

START_TEST(test_bad_index)
{
  struct ring r;
  ring_open(&r, 4, 0);
  ring_add(&r, 1, 0, 1);
  struct virtq_view v = virtq_driver_publish(&r.driver);
  v.position.index = 5; /* more than the ring holds */
  ck_assert(!virtq_device_see(&r.device, &v));
  ck_assert_int_eq(virtq_device_pop(&r.device, &r.chain), VIRTQ_BAD_POSITION);
  virtq_device_reset(&r.device);
  v.position.index = 2;
  virtq_device_see(&r.device, &v);
  ck_assert_int_eq(r.device.error, VIRTQ_OK);
  v.position.index = 1; /* 2.7.6.1: never decreased */
  virtq_device_see(&r.device, &v);
  ck_assert_int_eq(r.device.error, VIRTQ_BAD_POSITION);
  ring_close(&r);
}
END_TEST

START_TEST(test_pop_capacity)
{
  struct ring r;
  ring_open(&r, 4, 0);
  ring_add(&r, 1, 0, 1);
  ring_publish(&r);
  r.chain.capacity = MAX_BUFFERS - 1;
  ck_assert_int_eq(virtq_device_pop(&r.device, &r.chain), VIRTQ_INVALID);
  ck_assert_int_eq(r.device.error, VIRTQ_OK);
  r.chain.capacity = MAX_BUFFERS;
  ring_pop(&r, 1);
  ring_close(&r);
}
END_TEST

/* ---- what devices do wrong ------------------------------------------------
 */

/* Two chains used; the test spoils entries before the driver takes them. */
static void open_used(struct ring *r, uint64_t features)
{
  open_two(r, features);
  ring_publish(r);
  ring_push(r, ring_pop(r, 1), 10);
  ring_push(r, ring_pop(r, 2), 20);
  ring_flush(r, 2);
}

static void expect_taken(struct ring *r, int good, enum virtq_status status)
{
  for (int i = 0; i < good; i++)
    ck_assert_int_eq(virtq_driver_take(&r->driver, &r->taken), VIRTQ_OK);
  ck_assert_int_eq(virtq_driver_take(&r->driver, &r->taken), status);
  ck_assert_int_eq(virtq_driver_take(&r->driver, &r->taken), status);
  ck_assert_int_eq(ring_add(r, 1, 0, 9), status);
  ck_assert(!virtq_driver_kick_due(&r->driver));
  void *cookie;
  for (int i = good; i < 2; i++)
    ck_assert(virtq_driver_detach(&r->driver, &cookie));
  ck_assert(!virtq_driver_detach(&r->driver, &cookie));
  ck_assert_uint_eq(virtq_driver_free(&r->driver), 8);
  ring_close(r);
}

START_TEST(test_bad_used)
{
  struct ring r;
  open_used(&r, 0);
  r.q.used[1].id = 8;
  expect_taken(&r, 1, VIRTQ_BAD_ID);
  open_used(&r, 0);
  r.q.used[1].id = 0; /* twice */
  expect_taken(&r, 1, VIRTQ_BAD_ID);
  open_used(&r, 0);
  r.q.used[1].id = 3; /* not a head */
  expect_taken(&r, 1, VIRTQ_BAD_ID);
  open_used(&r, 0);
  r.q.used[0].length = 101;
  expect_taken(&r, 0, VIRTQ_BAD_LENGTH);
  open_used(&r, 0);
  struct virtq_view v = virtq_device_view(&r.device);
  v.position.index = 3; /* more than is available */
  ck_assert(!virtq_driver_see(&r.driver, &v));
  expect_taken(&r, 0, VIRTQ_BAD_POSITION);
}
END_TEST

/* A batch that ends behind what is published. */
START_TEST(test_bad_batch)
{
  struct ring r;
  open_two(&r, IN_ORDER);
  ring_publish(&r);
  ring_pop(&r, 1);
  ring_push(&r, 0, 10);
  ring_flush(&r, 1);
  r.q.used[0].id = 2; /* both chains, but the index says one */
  expect_taken(&r, 0, VIRTQ_BAD_POSITION);
}
END_TEST

int main(void)
{
  const TTest *const errors[] = {
      test_bad_chains, test_bad_tables,   test_table_longer_than_queue,
      test_bad_index,  test_pop_capacity, test_bad_used,
      test_bad_batch};
  Suite *suite = suite_create("virtio ring errors");
  RING_ADD_TESTS(suite, errors);
  return ring_run_suite(suite);
}
