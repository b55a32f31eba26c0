/*
 * test_virtio_device_migration.c - queues come to rest, their state moves to
 * another device, and they go on; the dirty log.
 *
 * A green run proves nothing about the memory copy around it (test_migration_*)
 * nor about how long real devices take.
 */
#include "test_virtio_device.h"

#define PACKED VIRTIO_BIT(VIRTIO_F_RING_PACKED)
#define EVENT_IDX VIRTIO_BIT(VIRTIO_F_EVENT_IDX)
#define IN_ORDER VIRTIO_BIT(VIRTIO_F_IN_ORDER)
#define MERGEABLE VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF)
#define TRAVEL (30 * HD_US)
#define END (START + 1500 * HD_US)

/* ---- the hypervisor's part ----------------------------------------------- */

static struct virtio_admin *suspension[MAX_QUEUES];
static int suspended, resumed, target;
static hd_time at_rest, again;

static void guest_goes_on(void)
{
  again = hd_now(&b.host);
  for (int q = 0; q < b.queues; q++) {
    b.q[0][q].stalled = false;
    b.q[0][q].device = target;
    process(&b.q[0][q]);
  }
}

static void resume_all(uint64_t unused)
{
  (void)unused;
  if (target == 1)
    issue(1, add_command(0));
  for (int q = 0; q < b.queues; q++) {
    struct virtio_admin *c = command(VIRTIO_ADMIN_RESUME_QUEUE, 0);
    c->queue = (uint16_t)q;
    c->state = suspension[q]->state;
    c->view = suspension[q]->view;
    issue(target, c);
  }
}

static void answered(struct virtio_admin *c)
{
  MUST(!c->failed);
  if (c->type == VIRTIO_ADMIN_SUSPEND_QUEUE) {
    MUST(c->state.in_flight == 0);
    at_rest = hd_now(&b.host);
    if (++suspended == b.queues) /* the state travels; frames leave the wire */
      at_host(TRAVEL, resume_all, 0);
  } else if (c->type == VIRTIO_ADMIN_RESUME_QUEUE && ++resumed == b.queues) {
    guest_goes_on();
  }
}

static void suspend_all(uint64_t unused)
{
  (void)unused;
  for (int q = 0; q < b.queues; q++) {
    suspension[q] = command(VIRTIO_ADMIN_SUSPEND_QUEUE, 0);
    suspension[q]->queue = (uint16_t)q;
    issue(0, suspension[q]);
  }
}

/* The VM stops; what it has stored is visible when the device is told. */
static void pause_guest(uint64_t unused)
{
  (void)unused;
  for (int q = 0; q < b.queues; q++)
    b.q[0][q].stalled = true;
  at_host(200 * HD_NS, suspend_all, 0);
}

static void end_traffic(uint64_t unused)
{
  (void)unused;
  for (int q = 0; q < b.queues; q++)
    b.q[0][q].depth = 0;
}

/* Nothing of the guest is touched while it is at rest. */
static void check_silence(const struct record *r)
{
  for (size_t i = 0; i < r->n; i++)
    if (r->e[i].address >> 28 == 1)
      ck_assert(r->e[i].when <= at_rest || r->e[i].when > at_rest + TRAVEL);
}

/* ---- packets ------------------------------------------------------------- */

static void frame(uint64_t device)
{
  static uint64_t sequence[2];
  for (int i = 0; i < 8; i++) {
    int pair = i % 2;
    peer_send((int)device, 0, pair, 300, sequence[pair]++);
  }
}

static hd_time pause_at(int i)
{
  return 40 * HD_US + i * 1370 * HD_NS;
}

static void run_streams(void)
{
  for (int q = 1; q < b.queues; q += 2) {
    b.q[0][q].depth = 60;
    b.q[0][q].payload = q == 1 ? 60 : 1400;
    refill(&b.q[0][q]);
  }
  at_host(pause_at(target >> 8), pause_guest, 0);
  target &= 255;
  at_host(400 * HD_US, end_traffic, 0);
}

static void migrate(int variant, int to)
{
  bench_defaults(VIRTIO_NET, 1, 4);
  b.devices = 2;
  b.features = VIRTIO_BIT(VIRTIO_F_VERSION_1) | (variant & 1 ? PACKED : 0) |
               (variant & 2 ? EVENT_IDX : 0) | (variant & 4 ? IN_ORDER : 0) |
               (variant & 8 ? MERGEABLE : 0);
  b.slow = variant % 3 == 2 ? HD_US : 0;
  b.params.used_timer = variant % 4 == 3 ? 3 * HD_US : 0;
  b.on_answer = answered;
  target = to | variant << 8;
  bench_build(variant & 1 ? HD_US : 0);
  hd_time switched = START + pause_at(variant) + 10 * HD_US;
  for (int i = 0; i < 60; i++) {
    hd_time when = START + i * 3 * HD_US;
    peer_at(when, frame, when > switched ? (uint64_t)to : 0);
  }
  bench_run(run_streams, END);
}

/* Each packet once: sent before, fetched and given back, or sent after; to
 * another device, or on the same one again. */
START_TEST(no_packet_is_lost_or_twice)
{
  migrate(_i / 2, _i % 2);
  ck_assert_int_eq(suspended, 4);
  ck_assert_int_eq(resumed, 4);
  check_silence(&b.ring_reads);
  check_silence(&b.reads);
  check_silence(&b.writes);
  check_silence(&b.ring_writes);
  for (int q = 1; q < 4; q += 2) {
    const struct driver_queue *d = &b.q[0][q];
    ck_assert_uint_gt(d->sequence, 500);
    ck_assert_uint_eq(b.arrived[0][q], d->sequence);
    ck_assert_uint_eq(d->taken, d->added);
  }
  uint64_t dropped = stats(0).rx_dropped + stats(1).rx_dropped;
  ck_assert_uint_eq(inside(), 0);
  ck_assert_uint_eq(b.rx_taken + dropped, b.peer_sent);
  ck_assert_uint_lt(dropped, 240);
  ck_assert_uint_gt(stats(target).tx_packets, 100);
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed);
  ck_assert_int_lt(again - at_rest, TRAVEL + 20 * HD_US);
  bench_end();
}
END_TEST

/* ---- requests ------------------------------------------------------------ */

static void run_requests(void)
{
  for (int q = 0; q < b.queues; q++) {
    b.q[0][q].depth = 30;
    refill(&b.q[0][q]);
  }
  at_host(pause_at(target >> 8), pause_guest, 0);
  target &= 255;
  at_host(600 * HD_US, end_traffic, 0);
}

START_TEST(no_request_is_lost_or_twice)
{
  bench_defaults(VIRTIO_BLK, 1, 3);
  b.devices = 2;
  b.features |= (_i & 1 ? PACKED : 0) | (_i & 2 ? IN_ORDER : 0);
  b.params.chain_cache = 8;
  b.params.requests = 20;
  b.on_answer = answered;
  target = 1 | _i << 8;
  bench_build(_i & 1 ? HD_US : 0);
  bench_run(run_requests, END);
  ck_assert_int_eq(resumed, 3);
  check_silence(&b.ring_reads);
  check_silence(&b.reads);
  check_silence(&b.writes);
  check_silence(&b.ring_writes);
  for (int q = 0; q < 3; q++)
    ck_assert_uint_eq(b.q[0][q].taken, b.q[0][q].added);
  uint64_t first = stats(0).completed, second = stats(1).completed;
  ck_assert_uint_eq(first + second, b.completed);
  ck_assert_uint_gt(first, 10);
  ck_assert_uint_gt(second, 100);
  ck_assert_uint_eq(b.failed, 0);
  ck_assert_uint_eq(b.requests.created, b.requests.destroyed);
  bench_end();
}
END_TEST

/* ---- dirty log ----------------------------------------------------------- */

static bool written_at_rest[PAGES], complete;
static int done;

static void log_answered(struct virtio_admin *c)
{
  if (c->type == VIRTIO_ADMIN_TRACK) { /* older writes may be noted or not */
    MUST(!c->failed);
    memset(b.written, 0, sizeof b.written);
    return;
  }
  if (c->type != VIRTIO_ADMIN_SUSPEND_QUEUE || ++done < b.queues)
    return;
  memcpy(written_at_rest, b.written, sizeof b.written);
  complete = true;
  for (uint32_t page = 0; page < PAGES; page++)
    complete &= !b.written[page] || b.logged[page];
}

static void track(uint64_t on)
{
  struct virtio_admin *c = command(VIRTIO_ADMIN_TRACK, 0);
  c->on = on != 0;
  c->log = (struct virtio_dirty_log){.pages = send_log, .context = &b.log[0]};
  b.tracking = true;
  issue(0, c);
}

/* So that what counts are the last writes: all pages have been written before.
 */
static size_t pages_before;
static void forget_pages(uint64_t unused)
{
  (void)unused;
  for (uint32_t page = 0; page < PAGES; page++)
    pages_before += b.logged[page];
  memset(b.written, 0, sizeof b.written);
  memset(b.logged, 0, sizeof b.logged);
}

static void run_tracked(void)
{
  if (b.kind == VIRTIO_BLK)
    for (int q = 0; q < b.queues; q++) {
      b.q[0][q].depth = 20;
      refill(&b.q[0][q]);
    }
  at_host(20 * HD_US, track, 1);
  at_host(99 * HD_US, forget_pages, 0);
  at_host(103 * HD_US, pause_guest, 0);
}

static size_t pages(const bool *set)
{
  size_t n = 0;
  for (uint32_t page = 0; page < PAGES; page++)
    n += set[page];
  return n;
}

/* Payload, used rings, event fields, status bytes: all that has been written
 * when the last queue is at rest has been reported by then, and nothing else.
 */
START_TEST(the_log_covers_what_was_written)
{
  bool net = _i < 2;
  bench_defaults(net ? VIRTIO_NET : VIRTIO_BLK, 1, net ? 4 : 2);
  b.features |= _i & 1 ? PACKED : 0;
  b.on_answer = log_answered;
  bench_build(HD_US);
  for (int i = 0; i < 60 && net; i++)
    peer_at(START + i * 3 * HD_US, frame, 0);
  bench_run(run_tracked, END);
  ck_assert_int_eq(done, b.queues);
  ck_assert(complete);
  ck_assert_uint_gt(pages_before, 50);
  ck_assert_uint_gt(pages(written_at_rest), 5);
  ck_assert_uint_le(pages(b.logged), pages(written_at_rest) + 60);
  ck_assert_uint_gt(b.log_messages, 5);
  ck_assert_uint_gt(stats(0).dirty_runs, 20);
  bench_end();
}
END_TEST

/* A lone page is reported when dirty_interval is over; off is off. */
static void lone_packet(uint64_t unused)
{
  (void)unused;
  peer_send(0, 0, 0, 100, b.peer_sent);
}

static uint64_t messages_seen[3];
static void count_messages(uint64_t i)
{
  messages_seen[i] = b.log_messages;
}

static void run_lone(void)
{
  at_host(20 * HD_US, track, 1);
  at_host(105 * HD_US, count_messages, 0);
  at_host(115 * HD_US, count_messages, 1);
  at_host(150 * HD_US, track, 0);
  at_host(300 * HD_US, count_messages, 2);
}

START_TEST(a_page_waits_for_the_interval)
{
  bench_defaults(VIRTIO_NET, 1, 4);
  bench_build(HD_US);
  peer_at(START + 100 * HD_US, lone_packet, 0);
  peer_at(START + 200 * HD_US, lone_packet, 0);
  bench_run(run_lone, END);
  ck_assert_uint_eq(messages_seen[0], 0);
  ck_assert_uint_eq(messages_seen[1], 1);
  ck_assert_uint_eq(messages_seen[2], 1);
  ck_assert_uint_eq(b.rx_taken, 2);
  bench_end();
}
END_TEST

/* ---- refusals ------------------------------------------------------------ */

static void refused(struct virtio_admin *c)
{
  (void)c;
}

static struct virtio_admin *queue_command(enum virtio_admin_type type,
                                          uint32_t function, uint16_t queue)
{
  struct virtio_admin *c = command(type, function);
  c->queue = queue;
  issue(0, c);
  return c;
}

static struct virtio_admin *bad[7];
static void run_refusals(void)
{
  bad[0] = queue_command(VIRTIO_ADMIN_SUSPEND_QUEUE, 5, 0);
  bad[1] = queue_command(VIRTIO_ADMIN_SUSPEND_QUEUE, 0, 9);
  bad[2] = queue_command(VIRTIO_ADMIN_RESUME_QUEUE, 0, 0); /* it runs */
  queue_command(VIRTIO_ADMIN_SUSPEND_QUEUE, 0, 0);
  bad[3] = queue_command(VIRTIO_ADMIN_SUSPEND_QUEUE, 0, 0); /* twice */
  bad[4] = queue_command(VIRTIO_ADMIN_RESUME_QUEUE, 0, 0);
  bad[4]->state.in_flight = 1;
  bad[5] = add_command(0); /* guest, queues and vectors are taken */
  issue(0, bad[5]);
  bad[6] = command(VIRTIO_ADMIN_TRACK, 0);
  bad[6]->on = true; /* without a sink */
  issue(0, bad[6]);
}

START_TEST(what_cannot_be_is_refused)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.on_answer = refused;
  bench_build(HD_US);
  bench_run(run_refusals, END);
  ck_assert_int_eq(b.commands_done, b.commands);
  for (int i = 0; i < 7; i++)
    ck_assert(bad[i]->failed);
  int failures = 0;
  for (int i = 0; i < b.commands; i++)
    failures += b.command[i].failed;
  ck_assert_int_eq(failures, 7);
  bench_end();
}
END_TEST

int main(void)
{
  Suite *s = suite_create("virtio_device_migration");
  TCase *t = tcase_create("migration");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, no_packet_is_lost_or_twice, 0, 32);
  tcase_add_loop_test(t, no_request_is_lost_or_twice, 0, 8);
  tcase_add_loop_test(t, the_log_covers_what_was_written, 0, 4);
  tcase_add_test(t, a_page_waits_for_the_interval);
  tcase_add_test(t, what_cannot_be_is_refused);
  suite_add_tcase(s, t);
  return run_suite(s);
}
