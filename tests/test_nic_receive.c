/*
 * test_nic_receive.c - receive: steering, order, descriptors, drops.
 *
 * A green run says that a frame reaches its guest's buffer and is told of, or
 * is counted as dropped for a reason. Interrupts are tested elsewhere.
 */
#include "test_nic.h"

#define RUN (400 * HD_US)

static uint64_t sequence[MAX_VMS][MAX_QUEUES];

static void frame(uint64_t where)
{
  int vm = (int)(where / MAX_QUEUES), q = (int)(where % MAX_QUEUES);
  peer_send(vm, q, 1000, sequence[vm][q]++);
}

/* Frames at the wire's rate, queue after queue. */
static void frames(int count)
{
  for (int i = 0; i < count; i++) {
    int vm = i % b.vms, q = i / b.vms % b.queues;
    at_peer((hd_time)i * 100 * HD_NS, frame, (uint64_t)(vm * MAX_QUEUES + q));
  }
}

static int wanted;

static void peer_start_later(uint64_t unused)
{
  (void)unused;
  frames(wanted);
}

/* The host's script cannot act for the peer; the peer's own start does. */
static void peer_start(struct hd_component *self)
{
  (void)self;
  at_peer(START + 20 * HD_US, peer_start_later, 0);
}

static const struct hd_component_ops sender_ops = {
    .kind = "test_peer", .handle = peer_handle, .start = peer_start};

static uint32_t posted;

static void post_all(void)
{
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++)
      post_rx(vm, q, posted);
}

static struct nic_stats run(int count, uint32_t descriptors, hd_time end)
{
  wanted = count;
  posted = descriptors;
  bench_build(HD_US);
  b.peer.ops = &sender_ops;
  bench_run(post_all, end);
  struct nic_stats s;
  nic_get_stats(b.nic, &s);
  return s;
}

static void all_accounted(const struct nic_stats *s, uint64_t sent)
{
  ck_assert_uint_eq(b.rx_delivered + s->rx_dropped, sent);
  ck_assert_uint_eq(s->rx_dropped, s->rx_unrouted + s->rx_no_buffer +
                                       s->rx_no_descriptor + s->rx_oversize +
                                       s->rx_faulted);
  ck_assert_uint_eq(nic_packets_inside(b.nic), 0);
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed);
}

START_TEST(frames_arrive_in_order_in_their_queue)
{
  bench_defaults(3, 2);
  for (int vm = 0; vm < 3; vm++)
    for (int q = 0; q < 2; q++)
      b.rxq[vm][q].depth = 1; /* what is used is posted again */
  struct nic_stats s = run(2000, 100, START + RUN);
  ck_assert_uint_eq(s.rx_dropped, 0);
  ck_assert_uint_eq(s.rx_packets, 2000);
  ck_assert_uint_eq(b.rx_delivered, 2000);
  for (int vm = 0; vm < 3; vm++)
    for (int q = 0; q < 2; q++)
      ck_assert_uint_ge(b.rxq[vm][q].completed, 2000 / 6);
  all_accounted(&s, 2000);
  bench_end();
}
END_TEST

/* Payload goes to the buffers in ring order, 1042 B as 512 + 512 + 18, and the
 * write-back of two 32 B descriptors is one line. */
START_TEST(payload_and_descriptors_land_where_the_ring_says)
{
  bench_defaults(1, 1);
  struct nic_stats s = run(16, 100, START + RUN);
  ck_assert_uint_eq(b.writes.n, 2 + 16 * 3); /* two of administration */
  for (size_t i = 0; i < 16; i++) {
    const struct entry *e = &b.writes.e[2 + i * 3];
    ck_assert_uint_eq(e->address, BUFFER_OF(0, 0) + i * 2048);
    ck_assert_uint_eq(e[0].length + e[1].length + e[2].length, 1042);
    ck_assert_uint_ne(e->flags & PCIE_RELAXED, 0);
    ck_assert_uint_eq(e->pasid, 10);
  }
  ck_assert_uint_eq(b.write_backs.n, 8);
  for (size_t i = 0; i < 8; i++) {
    ck_assert_uint_eq(b.write_backs.e[i].length, 64);
    ck_assert_uint_eq(b.write_backs.e[i].address, RING_OF(0, 0, 1) + i * 64);
  }
  all_accounted(&s, 16);
  bench_end();
}
END_TEST

START_TEST(frames_without_descriptors_are_dropped_and_counted)
{
  bench_defaults(2, 1);
  struct nic_stats s = run(200, 70, START + RUN);
  struct nic_interface_stats f;
  nic_get_interface_stats(b.nic, 1, &f);
  ck_assert_uint_eq(b.rx_delivered, 140);
  ck_assert_uint_eq(s.rx_no_descriptor, 60);
  ck_assert_uint_eq(f.rx_dropped, 30);
  ck_assert_uint_eq(f.rx_packets, 70);
  all_accounted(&s, 200);
  bench_end();
}
END_TEST

/* Descriptors that are in the ring but not here yet are waited for: a cache of
 * two cannot follow the wire, but nothing is lost while the buffer lasts. */
START_TEST(frames_wait_for_descriptors_of_the_ring)
{
  bench_defaults(1, 1);
  b.nic_params.descriptor_cache = 2;
  b.nic_params.descriptor_fetch = 2;
  struct nic_stats s = run(300, 400, START + RUN);
  ck_assert_uint_eq(s.rx_dropped, 0);
  ck_assert_uint_eq(b.rx_delivered, 300);
  all_accounted(&s, 300);
  bench_end();
}
END_TEST

/* The same with a buffer of ten frames: the excess is dropped for that reason.
 */
START_TEST(full_buffer_drops)
{
  bench_defaults(1, 1);
  b.nic_params.descriptor_cache = 2;
  b.nic_params.descriptor_fetch = 2;
  b.nic_params.rx_buffer = 10 * 1046;
  struct nic_stats s = run(300, 400, START + RUN);
  ck_assert_uint_gt(s.rx_no_buffer, 50);
  ck_assert_uint_eq(s.rx_no_buffer, s.rx_dropped);
  all_accounted(&s, 300);
  bench_end();
}
END_TEST

START_TEST(unknown_guest_and_long_frames_are_dropped)
{
  bench_defaults(2, 1);
  bench_build(HD_US);
  b.interface[1].vm = 9;                          /* so nobody is guest 1 */
  b.rx[0][0].buffer_size = _i == 0 ? 2048 : 1041; /* frames take 1042 */
  wanted = 20;
  posted = 100;
  b.peer.ops = &sender_ops;
  bench_run(post_all, START + RUN);
  struct nic_stats s;
  nic_get_stats(b.nic, &s);
  ck_assert_uint_eq(s.rx_unrouted, 10);
  ck_assert_uint_eq(s.rx_oversize, _i == 0 ? 0 : 10);
  all_accounted(&s, 20);
  bench_end();
}
END_TEST

START_TEST(faulted_descriptors_drop_what_waits)
{
  bench_defaults(1, 1);
  b.answer_bad = true;
  struct nic_stats s = run(40, 100, START + RUN);
  ck_assert_uint_eq(b.rx_delivered, 0);
  ck_assert_uint_eq(s.rx_faulted, 40);
  all_accounted(&s, 40);
  bench_end();
}
END_TEST

/* In the middle of the traffic. Between device and host are only the packets
 * whose write-back is on the link. */
START_TEST(packets_are_conserved)
{
  bench_defaults(2, 2);
  struct nic_stats s = run(1000, 500, START + 60 * HD_US + _i * 31415);
  uint64_t live = b.packets.created - b.packets.destroyed;
  uint64_t known = nic_packets_inside(b.nic) + wire_packets_inside(b.wire);
  ck_assert_uint_gt(s.rx_packets, 100);
  ck_assert_uint_gt(known, 5);
  ck_assert_uint_le(known, live);
  ck_assert_uint_le(live - known, 2 * 8 + 2); /* two batches; two at the peer */
  bench_end();
}
END_TEST

int main(void)
{
  Suite *s = suite_create("nic receive");
  TCase *t = tcase_create("receive");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, frames_arrive_in_order_in_their_queue);
  tcase_add_test(t, payload_and_descriptors_land_where_the_ring_says);
  tcase_add_test(t, frames_without_descriptors_are_dropped_and_counted);
  tcase_add_test(t, frames_wait_for_descriptors_of_the_ring);
  tcase_add_test(t, full_buffer_drops);
  tcase_add_loop_test(t, unknown_guest_and_long_frames_are_dropped, 0, 2);
  tcase_add_test(t, faulted_descriptors_drop_what_waits);
  tcase_add_loop_test(t, packets_are_conserved, 0, 5);
  suite_add_tcase(s, t);
  return run_suite(s);
}
