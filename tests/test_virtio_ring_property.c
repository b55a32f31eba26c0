/*
 * test_virtio_ring_property.c - virtqueues: random steps of driver and device,
 * with everything they tell each other delayed.
 *
 * Views wait in a queue for each direction, kicks and interrupts apart from
 * them, so that a signal may overtake the view it is about; views may be
 * skipped if a later one waits. At every step holds:
 *  - every chain comes back exactly once, with its cookie and length, in order
 *    if that was negotiated; the device sees it as the driver made it;
 *  - no lost wake-up: if one side sleeps and the other has published what it
 *    waits for, then a signal or a view is on its way, and when nothing is on
 *    its way any more, the sleeper has been woken;
 *  - free descriptors and chains in flight balance;
 *  - the reads a device plans are those of the chains it pops: no byte twice,
 *    none missing, none before what it depends on.
 * A failure prints ring, features and seed.
 */
#include "tests/test_virtio_ring.h"

#include "models/virtio/internal.h"
#include "sim/engine/rng.h"

enum { CHAINS = 256, CHAIN_MAX = 6, VIEWS = 64, PLAN = 20 };

enum state { FREE, ADDED, POPPED, PUSHED };
struct item {
  enum state state;
  uint32_t readable, writable, bytes, length, slots;
  uint64_t number; /* in the order of adding */
  uint16_t id;
};

struct views { /* on their way */
  uint64_t view[VIEWS];
  uint32_t first, count;
};

struct world {
  struct ring ring;
  uint64_t features, seed, draws, step;
  uint32_t size;
  struct item item[CHAINS];
  uint64_t added, popped, returned;
  uint32_t waiting; /* added, not published */
  struct views to_device, to_driver;
  uint32_t kicks, interrupts; /* on their way */
  uint32_t slots;             /* of chains not returned */
  bool device_sleeps, driver_sleeps;
  struct virtq_position driver_wants; /* published up to behind it */
  uint32_t planned;                   /* chains */
  uint64_t slots_popped, table_bytes, avail_bytes, descriptor_bytes,
      indirect_bytes;
  bool migrated;
  uint64_t kicks_sent, interrupts_sent, device_wakes, driver_wakes;
};

/* Names the run that failed. */
#define CHECK_THAT(w, condition)                                               \
  do {                                                                         \
    if (!(condition))                                                          \
      ck_abort_msg("%s: size %u, features %#lx, seed %lu, step %lu",           \
                   #condition, (w)->size, (unsigned long)(w)->features,        \
                   (unsigned long)(w)->seed, (unsigned long)(w)->step);        \
  } while (0)

static uint32_t draw(struct world *w, uint32_t below)
{
  uint64_t x = hd_mix64(w->seed * 0x9e3779b97f4a7c15u + ++w->draws);
  return (uint32_t)((x >> 32) * below >> 32);
}

/* ---- the way between the sides
 * ------------------------------------------------ */

static void send(struct world *w, struct views *v, struct virtq_view view)
{
  CHECK_THAT(w, v->count < VIEWS);
  v->view[(v->first + v->count++) % VIEWS] = virtq_view_encode(&view);
}

static bool receive(struct world *w, struct views *v, struct virtq_view *view)
{
  if (v->count == 0)
    return false;
  uint32_t skip = draw(w, 4) == 0 ? draw(w, v->count) : 0;
  *view = virtq_view_decode(v->view[(v->first + skip) % VIEWS]);
  v->first = (v->first + skip + 1) % VIEWS;
  v->count -= skip + 1;
  return true;
}

static void send_driver_view(struct world *w)
{
  send(w, &w->to_device, virtq_driver_view(&w->ring.driver));
}

static void send_device_view(struct world *w)
{
  send(w, &w->to_driver, virtq_device_view(&w->ring.device));
}

static void wake_device(struct world *w)
{
  if (!w->device_sleeps)
    return;
  w->device_sleeps = false;
  w->device_wakes++;
  if (virtq_device_disable_kick(&w->ring.device))
    send_device_view(w);
}

static void wake_driver(struct world *w)
{
  if (!w->driver_sleeps)
    return;
  w->driver_sleeps = false;
  w->driver_wakes++;
  if (virtq_driver_disable_callback(&w->ring.driver))
    send_driver_view(w);
}

static void deliver(struct world *w)
{
  struct virtq_view view;
  switch (draw(w, 4)) {
  case 0:
    if (receive(w, &w->to_device, &view) &&
        virtq_device_see(&w->ring.device, &view))
      wake_device(w);
    break;
  case 1:
    if (receive(w, &w->to_driver, &view) &&
        virtq_driver_see(&w->ring.driver, &view))
      wake_driver(w);
    break;
  case 2:
    if (w->kicks > 0) {
      w->kicks--;
      wake_device(w);
    }
    break;
  default:
    if (w->interrupts > 0) {
      w->interrupts--;
      wake_driver(w);
    }
  }
  CHECK_THAT(w, w->ring.device.error == VIRTQ_OK);
  CHECK_THAT(w, w->ring.driver.error == VIRTQ_OK);
}

/* ---- driver
 * ------------------------------------------------------------------- */

static struct virtq_buffer buffer_of(const struct world *w, uint32_t item,
                                     uint32_t i)
{
  const struct item *t = &w->item[item];
  return (struct virtq_buffer){.address = (uint64_t)item << 20 | i << 12,
                               .length = item + i + 1,
                               .writable = i >= t->readable};
}

static void add(struct world *w)
{
  uint32_t n = draw(w, CHAINS),
           most = w->size < CHAIN_MAX ? w->size : CHAIN_MAX;
  struct item *t = &w->item[n];
  struct virtq_buffer b[CHAIN_MAX];
  if (t->state != FREE)
    return;
  uint32_t count = 1 + draw(w, most);
  t->readable = draw(w, count + 1);
  t->writable = count - t->readable;
  t->bytes = 0;
  for (uint32_t i = 0; i < count; i++) {
    b[i] = buffer_of(w, n, i);
    t->bytes += b[i].writable ? b[i].length : 0;
  }
  t->slots = virtq_driver_slots(&w->ring.driver, count);
  bool room = t->slots <= virtq_driver_free(&w->ring.driver);
  enum virtq_status status = virtq_driver_add(&w->ring.driver, b, count, t);
  CHECK_THAT(w, status == (room ? VIRTQ_OK : VIRTQ_FULL));
  if (!room)
    return;
  t->state = ADDED;
  t->number = w->added++;
  w->waiting++;
  w->slots += t->slots;
}

static void publish(struct world *w)
{
  if (w->waiting == 0)
    return;
  w->waiting = 0;
  send(w, &w->to_device, virtq_driver_publish(&w->ring.driver));
  if (virtq_driver_kick_due(&w->ring.driver)) {
    w->kicks++;
    w->kicks_sent++;
  }
}

static void take(struct world *w)
{
  struct virtq_completion c;
  enum virtq_status status = virtq_driver_take(&w->ring.driver, &c);
  CHECK_THAT(w, status == VIRTQ_OK || status == VIRTQ_EMPTY);
  if (status == VIRTQ_EMPTY)
    return;
  struct item *t = c.cookie;
  CHECK_THAT(w, t != NULL && t->state == PUSHED);
  CHECK_THAT(w, c.length == t->length && c.id == t->id);
  CHECK_THAT(w, !w->ring.q.in_order || t->number == w->returned);
  t->state = FREE;
  w->slots -= t->slots;
  w->returned++;
}

static void driver_sleep(struct world *w)
{
  struct virtq_driver *d = &w->ring.driver;
  uint32_t in_flight = w->size - virtq_driver_free(d);
  uint32_t after = draw(w, 2) == 0 ? 0 : draw(w, in_flight + 1);
  after = after < w->size ? after : w->size - 1;
  publish(w);
  bool more = virtq_driver_enable_callback(d, after);
  w->driver_wants = virtq_advance(&w->ring.q, d->side.consumed,
                                  w->ring.q.event_idx ? after : 0);
  w->driver_sleeps = !more;
  if (more)
    virtq_driver_disable_callback(d);
  send_driver_view(w);
}

static void driver_step(struct world *w)
{
  uint32_t what = draw(w, 16);
  if (w->driver_sleeps) { /* its user has something to send, now and then */
    if (what == 0)
      wake_driver(w);
    return;
  }
  if (what < 6)
    add(w);
  else if (what < 10)
    publish(w);
  else if (what < 15)
    take(w);
  else
    driver_sleep(w);
}

/* ---- device
 * ------------------------------------------------------------------- */

static void plan(struct world *w)
{
  struct virtq_access access[PLAN];
  struct virtq_plan p = {.access = access,
                         .capacity = VIRTQ_PLAN_CHAIN(CHAIN_MAX) + draw(w, 8)};
  uint32_t max = draw(w, 8);
  uint32_t some = virtq_device_unplanned(&w->ring.device) > 0 && max > 0;
  uint32_t chains = virtq_device_plan_fetch(&w->ring.device, max, &p);
  CHECK_THAT(w, p.count <= p.capacity && chains <= max && chains >= some);
  w->planned += chains;
  for (uint32_t i = 0; i < p.count; i++) {
    const struct virtq_access *a = &access[i];
    CHECK_THAT(w, a->after < (int32_t)i && !a->write);
    if (a->purpose == VIRTQ_READ_AVAIL)
      w->avail_bytes += a->length;
    else if (a->purpose == VIRTQ_READ_DESCRIPTOR)
      w->descriptor_bytes += a->length;
    else
      w->indirect_bytes += a->length;
  }
}

/* A device that pops what it has planned; 0: nothing is planned. */
static void pop(struct world *w)
{
  if (w->planned == 0)
    return;
  struct virtq_chain *c = &w->ring.chain;
  CHECK_THAT(w, virtq_device_pop(&w->ring.device, c) == VIRTQ_OK);
  struct item *t = c->cookie;
  CHECK_THAT(w, t != NULL && t->state == ADDED && t->number == w->popped);
  CHECK_THAT(w, c->readable == t->readable && c->writable == t->writable);
  CHECK_THAT(w, c->slots == t->slots && c->writable_bytes == t->bytes);
  for (uint32_t i = 0; i < c->readable + c->writable; i++) {
    struct virtq_buffer b = buffer_of(w, (uint32_t)(t - w->item), i);
    CHECK_THAT(w, c->buffer[i].address == b.address &&
                      c->buffer[i].length == b.length &&
                      c->buffer[i].writable == b.writable);
  }
  t->state = POPPED;
  t->id = c->id;
  w->planned--;
  w->popped++;
  w->slots_popped += t->slots;
  if (c->slots < t->readable + t->writable)
    w->table_bytes += (t->readable + t->writable) * VIRTQ_DESC_BYTES;
}

static void push(struct world *w)
{
  uint32_t from = draw(w, CHAINS);
  for (uint32_t i = 0; i < CHAINS; i++) {
    struct item *t = &w->item[(from + i) % CHAINS];
    if (t->state != POPPED)
      continue;
    t->length = draw(w, 3) > 0 ? t->bytes : draw(w, t->bytes + 1);
    CHECK_THAT(w, virtq_device_push(&w->ring.device, t->id, t->length) ==
                      VIRTQ_OK);
    t->state = PUSHED;
    return;
  }
}

static void flush(struct world *w)
{
  struct virtq_access access[PLAN];
  struct virtq_plan p = {.access = access, .capacity = draw(w, PLAN)};
  bool whole = draw(w, 2) == 0;
  if (virtq_device_flush(&w->ring.device, whole ? NULL : &p) == 0)
    return;
  send_device_view(w);
  if (virtq_device_interrupt_due(&w->ring.device)) {
    w->interrupts++;
    w->interrupts_sent++;
  }
}

static void device_sleep(struct world *w)
{
  if (w->planned > 0)
    return;
  w->device_sleeps = !virtq_device_enable_kick(&w->ring.device);
  if (!w->device_sleeps)
    virtq_device_disable_kick(&w->ring.device);
  send_device_view(w);
}

/* Another device takes over; views on their way arrive there. */
static void migrate(struct world *w)
{
  struct virtq_device *d = &w->ring.device;
  struct virtq_device_options options = d->options;
  struct virtq_in_flight list[CHAINS];
  struct virtq_state state;
  virtq_device_flush(d, NULL);
  send_device_view(w);
  virtq_device_suspend(d);
  CHECK_THAT(w, virtq_device_save(d, &state, list, CHAINS) == VIRTQ_OK);
  virtq_device_terminate(d);
  CHECK_THAT(w, virtq_device_initialize(d, &w->ring.q, &options) == VIRTQ_OK);
  CHECK_THAT(w, virtq_device_restore(d, &state, list) == VIRTQ_OK);
  w->planned = 0;
  w->migrated = true;
  w->device_sleeps = false;
  if (virtq_device_interrupt_due(d))
    w->interrupts++;
}

/* Completions go on while the device sleeps, as far as chains are concerned. */
static void device_step(struct world *w)
{
  uint32_t what = draw(w, 16);
  if (what < 4)
    push(w);
  else if (what < 6)
    flush(w);
  else if (draw(w, 400) == 0 && w->seed % 2 == 0)
    migrate(w);
  else if (w->device_sleeps)
    return;
  else if (what < 9)
    plan(w);
  else if (what < 15)
    pop(w);
  else
    device_sleep(w);
}

/* ---- what must hold
 * ------------------------------------------------------------ */

static bool device_waits(const struct world *w)
{
  const struct ring *r = &w->ring;
  return w->device_sleeps && virtq_distance(&r->q, r->device.side.consumed,
                                            r->driver.side.published) > 0;
}

static bool driver_waits(const struct world *w)
{
  const struct ring *r = &w->ring;
  return w->driver_sleeps &&
         virtq_before(&r->q, w->driver_wants, r->device.side.published);
}

static void check(struct world *w)
{
  const struct ring *r = &w->ring;
  CHECK_THAT(w, !device_waits(w) || w->kicks > 0 || w->to_device.count > 0);
  CHECK_THAT(w,
             !driver_waits(w) || w->interrupts > 0 || w->to_driver.count > 0);
  CHECK_THAT(w, virtq_driver_free(&r->driver) + w->slots == w->size);
  CHECK_THAT(w, r->driver.in_flight == w->added - w->returned);
  CHECK_THAT(w, r->device.in_flight <= w->popped - w->returned);
  CHECK_THAT(w, virtq_device_unplanned(&r->device) <=
                    virtq_device_available(&r->device));
}

/* Delivers until nothing is on its way. */
static void settle(struct world *w)
{
  while (w->to_device.count + w->to_driver.count + w->kicks + w->interrupts > 0)
    deliver(w);
  CHECK_THAT(w, !device_waits(w) && !driver_waits(w));
}

/* Everything goes home without anybody being woken but by signals; then the
 * driver, which may wait for more than there is, is woken. */
static void finish(struct world *w)
{
  for (int round = 0; round < 20 * CHAINS && w->returned < w->added; round++) {
    settle(w);
    if (!w->device_sleeps) {
      plan(w);
      while (w->planned > 0)
        pop(w);
      device_sleep(w);
    }
    push(w);
    flush(w);
    if (w->driver_sleeps)
      continue;
    publish(w);
    take(w);
    if (draw(w, 4) == 0 && virtq_driver_free(&w->ring.driver) < w->size)
      driver_sleep(w);
    if (round > 10 * CHAINS)
      wake_driver(w);
  }
  wake_driver(w);
  for (int round = 0; round < 4 * CHAINS && w->returned < w->added; round++) {
    settle(w);
    flush(w);
    take(w);
  }
  settle(w);
  CHECK_THAT(w, w->returned == w->added && w->slots == 0);
  CHECK_THAT(w, w->ring.device.in_flight == 0);
}

static void check_reads(struct world *w)
{
  if (w->migrated) /* what was planned and not popped is read again */
    return;
  CHECK_THAT(w, w->descriptor_bytes == w->slots_popped * VIRTQ_DESC_BYTES);
  CHECK_THAT(w, w->indirect_bytes == w->table_bytes);
  CHECK_THAT(w, w->avail_bytes == (w->ring.q.packed ? 0 : 2 * w->popped));
}

/* ---- runs
 * ----------------------------------------------------------------------- */

static void run(struct world *w, uint32_t size, uint64_t features,
                uint64_t seed, uint64_t steps)
{
  *w = (struct world){.size = size, .features = features, .seed = seed};
  ring_open(&w->ring, size, features);
  w->ring.device.options =
      (struct virtq_device_options){.max_buffers = CHAIN_MAX,
                                    .avail_batch = 1 + draw(w, 8),
                                    .descriptor_batch = 1 + draw(w, 8),
                                    .used_batch = 1 + draw(w, 8),
                                    .in_order_batch = draw(w, 2) == 0};
  for (w->step = 0; w->step < steps; w->step++) {
    uint32_t who = draw(w, 3);
    if (w->to_device.count >= VIEWS - 4 || w->to_driver.count >= VIEWS - 4)
      who = 2;
    if (who == 0)
      driver_step(w);
    else if (who == 1)
      device_step(w);
    else
      deliver(w);
    check(w);
    if (draw(w, 500) == 0)
      settle(w);
  }
  finish(w);
  check_reads(w);
  ring_close(&w->ring);
}

static const uint32_t split_sizes[] = {1, 2, 8, 64};
static const uint32_t packed_sizes[] = {1, 3, 8, 61};

/* i: bit 0 packed, then indirect, event_idx, in_order. */
START_TEST(test_random)
{
  static struct world w;
  uint64_t kicks = 0, wakes = 0, chains = 0;
  uint64_t features = (_i & 1 ? PACKED : 0) | (_i & 2 ? INDIRECT : 0) |
                      (_i & 4 ? EVENT_IDX : 0) | (_i & 8 ? IN_ORDER : 0);
  for (uint64_t seed = 1; seed <= 60; seed++) {
    const uint32_t *sizes = _i & 1 ? packed_sizes : split_sizes;
    run(&w, sizes[seed / 2 % 4], features, seed, 4000);
    kicks += w.kicks_sent;
    wakes += w.device_wakes + w.driver_wakes;
    chains += w.returned;
  }
  /* The runs are worth something: chains went round, sides slept and woke,
   * and not every chain was kicked for. */
  ck_assert_uint_gt(chains, 60 * 50);
  ck_assert_uint_gt(wakes, 60 * 20);
  ck_assert_uint_gt(kicks, 60);
  ck_assert_uint_lt(kicks, chains);
}
END_TEST

/* Long enough for split indices to wrap with everything delayed. */
START_TEST(test_random_long)
{
  static struct world w;
  run(&w, 8, _i & 1 ? EVENT_IDX : 0, 1001, 4000000);
  ck_assert_uint_gt(w.returned, 70000);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("virtio ring at random");
  TCase *tc = tcase_create("random");
  tcase_set_timeout(tc, 120);
  tcase_add_loop_test(tc, test_random, 0, 16);
  tcase_add_loop_test(tc, test_random_long, 0, 2);
  suite_add_tcase(suite, tc);
  return ring_run_suite(suite);
}
