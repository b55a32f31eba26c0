/*
 * test_virtio_ring_plan.c - virtqueues: which memory accesses a device makes.
 *
 * A green run says that plans are exact in these cases. That they never miss or
 * repeat anything: test_virtio_ring_property.c.
 */
#include "tests/test_virtio_ring.h"

enum { ROOM = 64 };
static struct virtq_access access_list[ROOM];

/* Areas at round addresses: descriptors 0x10000, driver 0x20000, device
 * 0x30000, tables 0x40000. */
static void open_at(struct ring *r, uint32_t size, uint64_t features)
{
  ring_open(r, size, features);
  r->q.config.descriptor_area = 0x10000;
  r->q.config.driver_area = 0x20000;
  r->q.config.device_area = 0x30000;
  r->q.config.indirect_area = 0x40000;
}

static struct virtq_plan new_plan(uint32_t capacity)
{
  return (struct virtq_plan){.access = access_list, .capacity = capacity};
}

struct expected {
  uint64_t address;
  uint32_t length;
  int32_t after;
  enum virtq_purpose purpose;
};

static void check(const struct virtq_plan *plan, const struct expected *e,
                  uint32_t count)
{
  for (uint32_t i = 0; i < plan->count && i < count; i++) {
    const struct virtq_access *a = &plan->access[i];
    ck_assert_msg(a->address == e[i].address && a->length == e[i].length &&
                      a->after == e[i].after && a->purpose == e[i].purpose,
                  "access %u: %#lx %u after %d, purpose %d", i,
                  (unsigned long)a->address, a->length, a->after, a->purpose);
    ck_assert_int_eq(a->write, a->purpose >= VIRTQ_WRITE_USED);
  }
  ck_assert_uint_eq(plan->count, count);
}
#define CHECK(plan, ...)                                                       \
  do {                                                                         \
    const struct expected e_[] = {__VA_ARGS__};                                \
    check(plan, e_, sizeof e_ / sizeof e_[0]);                                 \
  } while (0)

static struct virtq_plan fetch(struct ring *r, uint32_t max, uint32_t chains)
{
  struct virtq_plan plan = new_plan(ROOM);
  ck_assert_uint_eq(virtq_device_plan_fetch(&r->device, max, &plan), chains);
  return plan;
}

/* ---- fetching, split
 * --------------------------------------------------------- */

/* Six chains of one descriptor: 4 available entries in a read, 4 descriptors in
 * a read; a read of descriptors never waits for two reads of entries. */
START_TEST(test_split_batches)
{
  struct ring r;
  open_at(&r, 8, 0);
  struct virtq_plan plan = fetch(&r, 8, 0);
  ck_assert_uint_eq(plan.count, 0);
  for (uintptr_t n = 0; n < 6; n++)
    ring_add(&r, 1, 0, n);
  ring_publish(&r);
  ck_assert_uint_eq(virtq_device_unplanned(&r.device), 6);
  plan = fetch(&r, 8, 6);
  CHECK(&plan, {0x20004, 8, -1, VIRTQ_READ_AVAIL},
        {0x10000, 64, 0, VIRTQ_READ_DESCRIPTOR},
        {0x2000c, 4, -1, VIRTQ_READ_AVAIL},
        {0x10040, 32, 2, VIRTQ_READ_DESCRIPTOR});
  ck_assert_uint_eq(virtq_device_unplanned(&r.device), 0);
  ck_assert_uint_eq(virtq_device_available(&r.device), 6);
  ck_assert_uint_eq(virtq_device_plan_fetch(&r.device, 8, &plan), 0);
  ring_close(&r);
  open_at(&r, 8, 0);
  r.device.options.descriptor_batch = 8;
  for (uintptr_t n = 0; n < 6; n++)
    ring_add(&r, 1, 0, n);
  ring_publish(&r);
  plan = fetch(&r, 8, 6);
  CHECK(&plan, {0x20004, 8, -1, VIRTQ_READ_AVAIL},
        {0x10000, 64, 0, VIRTQ_READ_DESCRIPTOR},
        {0x2000c, 4, -1, VIRTQ_READ_AVAIL},
        {0x10040, 32, 2, VIRTQ_READ_DESCRIPTOR});
  ring_close(&r);
}
END_TEST

/* Plans go on where the last one ended; pops without a plan are skipped. */
START_TEST(test_split_continued)
{
  struct ring r;
  open_at(&r, 8, 0);
  for (uintptr_t n = 0; n < 5; n++)
    ring_add(&r, 1, 0, n);
  ring_publish(&r);
  struct virtq_plan plan = fetch(&r, 1, 1);
  CHECK(&plan, {0x20004, 2, -1, VIRTQ_READ_AVAIL},
        {0x10000, 16, 0, VIRTQ_READ_DESCRIPTOR});
  plan = fetch(&r, 1, 1);
  CHECK(&plan, {0x20006, 2, -1, VIRTQ_READ_AVAIL},
        {0x10010, 16, 0, VIRTQ_READ_DESCRIPTOR});
  for (uintptr_t n = 0; n < 3; n++)
    ring_pop(&r, n);
  plan = fetch(&r, 8, 2);
  CHECK(&plan, {0x2000a, 4, -1, VIRTQ_READ_AVAIL},
        {0x10030, 32, 0, VIRTQ_READ_DESCRIPTOR});
  ring_close(&r);
}
END_TEST

/* Entries 3, 0 and 1 of a ring of 4: two reads. Descriptors 3, 0, 1 too. */
START_TEST(test_split_ring_end)
{
  struct ring r;
  open_at(&r, 4, IN_ORDER);
  for (uintptr_t n = 1; n <= 3; n++)
    ring_round(&r, n);
  for (uintptr_t n = 4; n <= 6; n++)
    ring_add(&r, 1, 0, n);
  ring_publish(&r);
  struct virtq_plan plan = fetch(&r, 8, 3);
  CHECK(&plan, {0x2000a, 2, -1, VIRTQ_READ_AVAIL},
        {0x10030, 16, 0, VIRTQ_READ_DESCRIPTOR},
        {0x20004, 4, -1, VIRTQ_READ_AVAIL},
        {0x10000, 32, 2, VIRTQ_READ_DESCRIPTOR});
  ring_close(&r);
}
END_TEST

/* A chain whose descriptors are scattered is chased, one read after another. */
START_TEST(test_split_chase)
{
  struct ring r;
  uint16_t id[8];
  open_at(&r, 8, 0);
  for (uintptr_t n = 0; n < 8; n++)
    ring_add(&r, 1, 0, n);
  ring_publish(&r);
  for (uintptr_t n = 0; n < 8; n++)
    id[n] = ring_pop(&r, n);
  const uintptr_t back[] = {6, 1, 3, 4}; /* free: 4, 3, 1, 6 */
  for (int i = 0; i < 4; i++)
    ring_push(&r, id[back[i]], 0);
  ring_flush(&r, 4);
  for (int i = 0; i < 4; i++)
    ring_take(&r, back[i], 0);
  ring_add(&r, 2, 2, 9);
  ring_publish(&r);
  struct virtq_plan plan = fetch(&r, 8, 1);
  CHECK(&plan, {0x20004, 2, -1, VIRTQ_READ_AVAIL},
        {0x10040, 16, 0, VIRTQ_READ_DESCRIPTOR},
        {0x10030, 16, 1, VIRTQ_READ_DESCRIPTOR},
        {0x10010, 16, 2, VIRTQ_READ_DESCRIPTOR},
        {0x10060, 16, 3, VIRTQ_READ_DESCRIPTOR});
  ring_close(&r);
}
END_TEST

/* A chain of 6 in a row, 4 in a read; and with no batching at all. */
START_TEST(test_split_long_chain)
{
  struct ring r;
  open_at(&r, 8, 0);
  ring_add(&r, 3, 3, 1);
  ring_publish(&r);
  struct virtq_plan plan = fetch(&r, 8, 1);
  CHECK(&plan, {0x20004, 2, -1, VIRTQ_READ_AVAIL},
        {0x10000, 64, 0, VIRTQ_READ_DESCRIPTOR},
        {0x10040, 32, 1, VIRTQ_READ_DESCRIPTOR});
  ring_close(&r);
  open_at(&r, 8, 0);
  r.device.options.descriptor_batch = r.device.options.avail_batch = 1;
  ring_add(&r, 1, 1, 1);
  ring_add(&r, 1, 0, 2);
  ring_publish(&r);
  plan = fetch(&r, 8, 2);
  CHECK(&plan, {0x20004, 2, -1, VIRTQ_READ_AVAIL},
        {0x10000, 16, 0, VIRTQ_READ_DESCRIPTOR},
        {0x10010, 16, 1, VIRTQ_READ_DESCRIPTOR},
        {0x20006, 2, -1, VIRTQ_READ_AVAIL},
        {0x10020, 16, 3, VIRTQ_READ_DESCRIPTOR});
  ring_close(&r);
}
END_TEST

START_TEST(test_split_indirect)
{
  struct ring r;
  open_at(&r, 8, INDIRECT);
  ring_add(&r, 2, 1, 1);
  ring_add(&r, 1, 0, 2);
  ring_add(&r, 1, 4, 3);
  ring_publish(&r);
  struct virtq_plan plan = fetch(&r, 8, 3);
  CHECK(&plan, {0x20004, 6, -1, VIRTQ_READ_AVAIL},
        {0x10000, 48, 0, VIRTQ_READ_DESCRIPTOR},
        {0x40000, 48, 1, VIRTQ_READ_INDIRECT},
        {0x40000 + 2 * 128, 80, 1, VIRTQ_READ_INDIRECT});
  ring_close(&r);
}
END_TEST

/* What does not fit is left whole: nothing of it is planned. */
START_TEST(test_plan_room)
{
  struct ring r;
  open_at(&r, 16, 0);
  r.device.options.descriptor_batch = 2;
  ring_add(&r, 1, 0, 1);
  ring_add(&r, 3, 1, 2); /* descriptors 1 to 4; 1 joins 0 */
  ring_publish(&r);
  struct virtq_plan plan = new_plan(3);
  ck_assert_uint_eq(virtq_device_plan_fetch(&r.device, 8, &plan), 1);
  CHECK(&plan, {0x20004, 2, -1, VIRTQ_READ_AVAIL},
        {0x10000, 16, 0, VIRTQ_READ_DESCRIPTOR});
  plan = new_plan(3);
  ck_assert_uint_eq(virtq_device_plan_fetch(&r.device, 8, &plan), 1);
  CHECK(&plan, {0x20006, 2, -1, VIRTQ_READ_AVAIL},
        {0x10010, 32, 0, VIRTQ_READ_DESCRIPTOR},
        {0x10030, 32, 1, VIRTQ_READ_DESCRIPTOR});
  ring_close(&r);
  open_at(&r, 16, 0);
  r.device.options.descriptor_batch = 2;
  ring_add(&r, 1, 0, 1);
  ring_add(&r, 3, 1, 2);
  ring_publish(&r);
  plan = new_plan(4);
  ck_assert_uint_eq(virtq_device_plan_fetch(&r.device, 8, &plan), 2);
  CHECK(&plan, {0x20004, 4, -1, VIRTQ_READ_AVAIL},
        {0x10000, 32, 0, VIRTQ_READ_DESCRIPTOR},
        {0x10020, 32, 1, VIRTQ_READ_DESCRIPTOR},
        {0x10040, 16, 2, VIRTQ_READ_DESCRIPTOR});
  ring_close(&r);
}
END_TEST

/* A bad chain is read as far as it can be, within VIRTQ_PLAN_CHAIN(). */
START_TEST(test_plan_bad_chain)
{
  struct ring r;
  open_at(&r, 8, 0);
  r.device.options.descriptor_batch = 1;
  r.device.options.max_buffers = 2;
  ring_add(&r, 2, 0, 1);
  ring_add(&r, 1, 0, 2);
  r.q.desc[1].flags = VIRTQ_DESC_NEXT;
  r.q.desc[1].link = 0; /* for ever */
  ring_publish(&r);
  struct virtq_plan plan = new_plan(VIRTQ_PLAN_CHAIN(2));
  ck_assert_uint_eq(virtq_device_plan_fetch(&r.device, 8, &plan), 1);
  CHECK(&plan, {0x20004, 2, -1, VIRTQ_READ_AVAIL},
        {0x10000, 16, 0, VIRTQ_READ_DESCRIPTOR},
        {0x10010, 16, 1, VIRTQ_READ_DESCRIPTOR},
        {0x10000, 16, 2, VIRTQ_READ_DESCRIPTOR});
  ck_assert_uint_eq(virtq_device_plan_fetch(&r.device, 8, &plan), 0);
  ck_assert_int_eq(virtq_device_pop(&r.device, &r.chain), VIRTQ_TOO_LONG);
  ring_close(&r);
}
END_TEST

/* ---- fetching, packed
 * -------------------------------------------------------- */

/* Descriptors where they are, chains together, a table after its descriptor. */
START_TEST(test_packed_fetch)
{
  struct ring r;
  open_at(&r, 7, PACKED | INDIRECT);
  r.driver.options.indirect_from = 3;
  ring_add(&r, 1, 1, 1); /* slots 0, 1 */
  ring_add(&r, 1, 0, 2); /* 2 */
  ring_add(&r, 2, 1, 3); /* 3: a table */
  ring_add(&r, 1, 1, 4); /* 4, 5 */
  ring_publish(&r);
  uint64_t table = r.q.desc[3].address;
  struct virtq_plan plan = fetch(&r, 8, 4);
  CHECK(&plan, {0x10000, 64, -1, VIRTQ_READ_DESCRIPTOR},
        {table, 48, 0, VIRTQ_READ_INDIRECT},
        {0x10040, 32, -1, VIRTQ_READ_DESCRIPTOR});
  for (uintptr_t n = 1; n <= 4; n++)
    ring_push(&r, ring_pop(&r, n), 0);
  ring_flush(&r, 4);
  for (uintptr_t n = 1; n <= 4; n++)
    ring_take(&r, n, 0);
  ring_add(&r, 1, 1, 5); /* slots 6, 0 */
  ring_publish(&r);
  plan = fetch(&r, 8, 1);
  CHECK(&plan, {0x10060, 16, -1, VIRTQ_READ_DESCRIPTOR},
        {0x10000, 16, -1, VIRTQ_READ_DESCRIPTOR});
  ring_close(&r);
}
END_TEST

/* The whole ring planned, nothing popped: nothing is planned twice. */
START_TEST(test_whole_ring)
{
  const uint64_t features[] = {0, PACKED};
  for (int i = 0; i < 2; i++) {
    struct ring r;
    open_at(&r, 4, features[i]);
    for (uintptr_t n = 0; n < 4; n++)
      ring_add(&r, 1, 0, n);
    ring_publish(&r);
    fetch(&r, 8, 4);
    struct virtq_plan plan = fetch(&r, 8, 0);
    ck_assert_uint_eq(plan.count, 0);
    for (uintptr_t n = 0; n < 4; n++)
      ring_push(&r, ring_pop(&r, n), 0);
    ring_flush(&r, 4);
    for (uintptr_t n = 0; n < 4; n++)
      ring_take(&r, n, 0);
    ring_add(&r, 1, 0, 4);
    ring_publish(&r);
    fetch(&r, 8, 1);
    ring_close(&r);
  }
}
END_TEST

/* ---- used entries, indices, events
 * ------------------------------------------- */

static void pop_and_push(struct ring *r, uintptr_t from, uintptr_t to)
{
  for (uintptr_t n = from; n <= to; n++)
    ring_push(r, ring_pop(r, n), 0);
}

/* Elements 4 to 7, 0 to 2: 4 in a write, not across the end; then the index. */
START_TEST(test_split_used)
{
  struct ring r;
  open_at(&r, 8, 0);
  for (uintptr_t n = 1; n <= 4; n++)
    ring_round(&r, n);
  for (uintptr_t n = 5; n <= 11; n++)
    ring_add(&r, 1, 0, n);
  ring_publish(&r);
  pop_and_push(&r, 5, 11);
  struct virtq_plan plan = new_plan(3);
  ck_assert_uint_eq(virtq_device_flush(&r.device, &plan), 7);
  CHECK(&plan, {0x30004 + 4 * 8, 32, -1, VIRTQ_WRITE_USED},
        {0x30004, 24, -1, VIRTQ_WRITE_USED},
        {0x30002, 2, 1, VIRTQ_WRITE_INDEX});
  plan.count = 0;
  ck_assert_uint_eq(virtq_device_flush(&r.device, &plan), 0);
  ck_assert_uint_eq(plan.count, 0);
  ring_close(&r);
}
END_TEST

/* With room for one write and the index, flushes take what one write takes. */
START_TEST(test_used_room)
{
  struct ring r;
  open_at(&r, 8, 0);
  for (uintptr_t n = 1; n <= 6; n++)
    ring_add(&r, 1, 0, n);
  ring_publish(&r);
  pop_and_push(&r, 1, 6);
  struct virtq_plan plan = new_plan(1);
  ck_assert_uint_eq(virtq_device_flush(&r.device, &plan), 0);
  ck_assert_uint_eq(plan.count, 0);
  plan = new_plan(2);
  ck_assert_uint_eq(virtq_device_flush(&r.device, &plan), 4);
  CHECK(&plan, {0x30004, 32, -1, VIRTQ_WRITE_USED},
        {0x30002, 2, 0, VIRTQ_WRITE_INDEX});
  ck_assert_uint_eq(virtq_device_view(&r.device).position.index, 4);
  plan = new_plan(2);
  ck_assert_uint_eq(virtq_device_flush(&r.device, &plan), 2);
  CHECK(&plan, {0x30024, 16, -1, VIRTQ_WRITE_USED},
        {0x30002, 2, 0, VIRTQ_WRITE_INDEX});
  ring_close(&r);
}
END_TEST

/* Used descriptors of chains of 1, 1, 2 and 1: a gap behind the third. No
 * index. In an in-order batch: one write for all. */
START_TEST(test_packed_used)
{
  for (int batch = 0; batch < 2; batch++) {
    struct ring r;
    open_at(&r, 8, PACKED | (batch ? IN_ORDER : 0));
    ring_add(&r, 1, 0, 1);
    ring_add(&r, 1, 0, 2);
    ring_add(&r, 2, 0, 3);
    ring_add(&r, 1, 0, 4);
    ring_publish(&r);
    pop_and_push(&r, 1, 4);
    struct virtq_plan plan = new_plan(2);
    ck_assert_uint_eq(virtq_device_flush(&r.device, &plan), 4);
    if (batch)
      CHECK(&plan, {0x10000, 16, -1, VIRTQ_WRITE_USED});
    else
      CHECK(&plan, {0x10000, 48, -1, VIRTQ_WRITE_USED},
            {0x10040, 16, -1, VIRTQ_WRITE_USED});
    ring_close(&r);
  }
}
END_TEST

START_TEST(test_index_and_events)
{
  const struct {
    uint64_t features;
    struct expected index, read, write;
  } c[] = {{0,
            {0x20002, 2, -1, VIRTQ_READ_INDEX},
            {0x20000, 2, -1, VIRTQ_READ_EVENT},
            {0x30000, 2, -1, VIRTQ_WRITE_EVENT}},
           {EVENT_IDX,
            {0x20002, 2, -1, VIRTQ_READ_INDEX},
            {0x20004 + 16, 2, -1, VIRTQ_READ_EVENT},
            {0x30004 + 64, 2, -1, VIRTQ_WRITE_EVENT}},
           {PACKED,
            {0x10010, 16, -1, VIRTQ_READ_INDEX},
            {0x20000, 4, -1, VIRTQ_READ_EVENT},
            {0x30000, 4, -1, VIRTQ_WRITE_EVENT}}};
  for (int i = 0; i < 3; i++) {
    struct ring r;
    open_at(&r, 8, c[i].features);
    ring_add(&r, 1, 0, 1);
    ring_publish(&r);
    fetch(&r, 1, 1);
    struct virtq_plan plan = new_plan(3);
    ck_assert(virtq_device_plan_index(&r.device, &plan));
    ck_assert(virtq_device_plan_read_event(&r.device, &plan));
    ck_assert(virtq_device_plan_write_event(&r.device, &plan));
    ck_assert(!virtq_device_plan_index(&r.device, &plan)); /* full */
    CHECK(&plan, c[i].index, c[i].read, c[i].write);
    ring_close(&r);
  }
}
END_TEST

/* Lines of 64 bytes: entries that share one are counted once. */
START_TEST(test_lines)
{
  struct virtq_access a[] = {
      {.address = 60, .length = 4, .purpose = VIRTQ_READ_AVAIL}, /* 0 */
      {.address = 64, .length = 1, .purpose = VIRTQ_READ_AVAIL}, /* 1 */
      {.address = 1000,
       .length = 16,
       .purpose = VIRTQ_READ_DESCRIPTOR},                          /* 15 */
      {.address = 100, .length = 30, .purpose = VIRTQ_READ_AVAIL}, /* 1, 2 */
      {.address = 1016, .length = 16, .purpose = VIRTQ_READ_DESCRIPTOR}, /* 15,
                                                                           16 */
      {.address = 0,
       .length = 200,
       .purpose = VIRTQ_READ_INDIRECT}, /* 0 to 3 */
  };
  struct virtq_plan plan = {.access = a, .capacity = 6};
  const uint32_t lines[] = {0, 1, 2, 3, 4, 5, 9};
  for (plan.count = 0; plan.count <= 6; plan.count++)
    ck_assert_uint_eq(virtq_plan_lines(&plan, 64), lines[plan.count]);
}
END_TEST

int main(void)
{
  const TTest *const plans[] = {
      test_split_batches, test_split_continued, test_split_ring_end,
      test_split_chase,   test_split_indirect,  test_split_long_chain,
      test_plan_room,     test_plan_bad_chain,  test_packed_fetch,
      test_whole_ring,    test_split_used,      test_used_room,
      test_packed_used,   test_lines,           test_index_and_events};
  Suite *suite = suite_create("virtio ring plans");
  RING_ADD_TESTS(suite, plans);
  return ring_run_suite(suite);
}
