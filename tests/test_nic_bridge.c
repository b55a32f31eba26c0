/*
 * test_nic_bridge.c - the embedded bridge: when a frame is at the receive side,
 * how many there are a second, what is dropped, and who gets what.
 *
 * A green run says that the model does what its parameters say. It does not say
 * what a real device's bridge can do, nor how it treats frames without room.
 */
#include "test_nic.h"

#define RATE INT64_C(200000000000) /* bit/s */
#define LATENCY (100 * HD_NS)
enum { FRAME = 1000 + PACKET_HEADERS + PACKET_FCS };

/* Guest vm's packets are for `peer`. */
static void pair(int vm, int peer)
{
  for (int q = 0; q < b.queues; q++)
    b.txq[vm][q].peer = packet_peer_of((uint16_t)peer);
}

static void defaults(int vms, int queues)
{
  bench_defaults(vms, queues);
  b.nic_params.bridge_rate = RATE;
  b.nic_params.bridge_latency = LATENCY;
  for (int vm = 0; vm < vms; vm++)
    for (int q = 0; q < queues; q++)
      b.txq[vm][q].payload = 1000;
}

static struct nic_stats run(void (*what)(void), hd_time end)
{
  bench_build(HD_US);
  bench_run(what, end);
  struct nic_stats s;
  nic_get_stats(b.nic, &s);
  return s;
}

static uint64_t frames_on_wire(void)
{
  struct wire_stats w;
  wire_get_stats(b.wire, &w);
  return w.frames[0];
}

/* ---- timing ------------------------------------------------------------- */

/* Of a received packet: when its payload had been read, and when it was at the
 * receive side. */
static hd_time entered(const struct packet *p)
{
  return p->stamps.last - p->stamps.spent[HD_STAGE_RECEIVE_PATH] -
         p->stamps.spent[HD_STAGE_WIRE];
}

static hd_time turned(const struct packet *p)
{
  return entered(p) + p->stamps.spent[HD_STAGE_WIRE];
}

static uint32_t count;

static void send_some(void)
{
  post_rx(1, 0, 100);
  send_packets(0, 0, count);
}

static void run_pair(int64_t rate, uint32_t packets)
{
  defaults(2, 1);
  pair(0, 1);
  b.nic_params.bridge_rate = rate;
  count = packets;
  struct nic_stats s = run(send_some, START + 200 * HD_US);
  ck_assert_uint_eq(s.rx_dropped, 0);
  ck_assert_uint_eq(b.rx_delivered, packets);
}

/* Pipeline, the frame's bits at the path's rate, latency; nothing else. */
START_TEST(a_frame_takes_the_sum_of_its_parts)
{
  run_pair(RATE, 1);
  const struct packet *p = &b.received[0];
  hd_time bits = FRAME * 8 * HD_S / RATE;
  ck_assert_int_eq(bits, 41840);
  ck_assert_int_eq(p->stamps.spent[HD_STAGE_WIRE],
                   300 * HD_NS + bits + LATENCY);
  /* Then the receive pipeline, and its write-back waits for the timer. */
  ck_assert_int_eq(p->stamps.spent[HD_STAGE_RECEIVE_PATH],
                   300 * HD_NS + 4 * HD_US);
  ck_assert_uint_eq(p->vm, 1);
  ck_assert_uint_eq(packet_peer(p), 0);
  bench_end();
}
END_TEST

/* One after another: each begins when it is ready and the one before is over.
 * At 8 Gb/s a byte takes a nanosecond. */
START_TEST(frames_take_turns_on_the_path)
{
  run_pair(8000000000, 30);
  hd_time free_at = 0;
  for (int i = 0; i < 30; i++) {
    const struct packet *p = &b.received[i];
    hd_time ready = entered(p) + 300 * HD_NS;
    free_at = hd_time_max(ready, free_at) + FRAME * HD_NS;
    ck_assert_uint_eq(p->sequence, (uint64_t)i);
    ck_assert_int_eq(turned(p), free_at + LATENCY);
  }
  bench_end();
}
END_TEST

/* Of a frame's bits, the n-th of several: the path carries remainders. */
static hd_time bits_of(int64_t rate, int n)
{
  return (n + 1) * FRAME * 8 * HD_S / rate - n * FRAME * 8 * HD_S / rate;
}

static int64_t rate_tried;

/* What the second of two frames waits for the path. */
static double wait_of_second(int slower)
{
  run_pair(rate_tried - slower, 2);
  hd_time spent = b.received[1].stamps.spent[HD_STAGE_WIRE];
  return (double)(spent - 300 * HD_NS - bits_of(rate_tried - slower, 1) -
                  LATENCY);
}

static double gap(int unused)
{
  (void)unused;
  run_pair(RATE, 2);
  return (double)(entered(&b.received[1]) - entered(&b.received[0]));
}

/* The first frame has passed at the time at which the second is ready: it does
 * not wait. A picosecond later: it waits that long. */
START_TEST(path_is_free_when_a_frame_has_passed)
{
  hd_time between = (hd_time)in_child(gap, 0);
  rate_tried = FRAME * 8 * HD_S / between;
  ck_assert_int_eq(bits_of(rate_tried, 0), between);
  ck_assert_double_eq(in_child(wait_of_second, 0), 0);
  int slower = 0;
  while (bits_of(rate_tried - slower, 0) == between)
    slower += 1000;
  ck_assert_int_eq(bits_of(rate_tried - slower, 0), between + 1);
  ck_assert_double_eq(in_child(wait_of_second, slower), 1);
}
END_TEST

/* ---- rates -------------------------------------------------------------- */

/* Two pairs, each queue always with packets to send, and all rings filled. */
static void saturate(void)
{
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++) {
      if (vm % 2 == 1) {
        b.rxq[vm][q].depth = 1; /* what is used is posted again */
        post_rx(vm, q, 500);
      } else {
        b.txq[vm][q].depth = 200;
        send_packets(vm, q, 200);
      }
    }
}

static struct nic_stats run_saturated(void)
{
  b.window = (struct hd_window){START + 100 * HD_US, START + 300 * HD_US};
  b.nic_params.rx_ring = 1024;
  pair(0, 1);
  pair(2, 3);
  return run(saturate, START + 300 * HD_US);
}

static double bridged_rate(const struct nic_stats *s)
{
  return (double)s->bridged * FRAME * 8 / 200e-6;
}

/* Also above the wire's 100 Gb/s, which carries nothing. */
START_TEST(rate_is_the_paths)
{
  static const int64_t rates[] = {10000000000, 100000000000, 200000000000};
  defaults(4, 2);
  b.nic_params.bridge_rate = rates[_i];
  struct nic_stats s = run_saturated();
  ck_assert_double_eq_tol(bridged_rate(&s) / (double)rates[_i], 1, 0.01);
  ck_assert_double_ge(s.bridge_utilization, 0.99);
  ck_assert_uint_eq(frames_on_wire(), 0);
  ck_assert_uint_eq(s.tx_faulted, 0);
  bench_end();
}
END_TEST

/* Each payload crosses the link once in each direction: PCIe 3.0 x8 carries
 * some 50 Gb/s of them, and the bridge waits for it. */
START_TEST(link_limits_when_the_path_does_not)
{
  defaults(4, 2);
  b.pcie.generation = 3;
  b.pcie.lanes = 8;
  struct nic_stats s = run_saturated();
  struct pcie_link_stats l;
  pcie_link_get_stats(b.link, &l);
  ck_assert_double_ge(fmax(l.utilization[0], l.utilization[1]), 0.97);
  ck_assert_double_le(s.bridge_utilization, 0.4);
  ck_assert_double_gt(bridged_rate(&s), 45e9);
  ck_assert_double_lt(bridged_rate(&s), 63e9);
  bench_end();
}
END_TEST

/* ---- where frames go ---------------------------------------------------- */

static void all_accounted(const struct nic_stats *s, uint64_t sent)
{
  ck_assert_uint_eq(b.rx_delivered + s->rx_dropped + b.arrivals.n, sent);
  ck_assert_uint_eq(nic_packets_inside(b.nic), 0);
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed);
}

/* 0 to 1, 1 to 0, 2 to the wire; 3 has nothing to do with it. */
static void send_around(void)
{
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++)
      post_rx(vm, q, 400);
  for (int i = 0; i < 20; i++)
    for (int vm = 0; vm < 3; vm++)
      for (int q = 0; q < b.queues; q++)
        send_packets(vm, q, 3);
}

START_TEST(frames_reach_their_guest_and_no_other)
{
  defaults(4, 2);
  pair(0, 1);
  pair(1, 0);
  struct nic_stats s = run(send_around, START + 300 * HD_US);
  ck_assert_uint_eq(s.bridged, 2 * 2 * 60);
  ck_assert_uint_eq(b.arrivals.n, 2 * 60);
  ck_assert_uint_eq(frames_on_wire(), 2 * 60);
  for (size_t i = 0; i < b.arrivals.n; i++)
    ck_assert_uint_eq(b.arrivals.e[i].observer, 2);
  for (int vm = 0; vm < 4; vm++)
    for (int q = 0; q < 2; q++)
      ck_assert_uint_eq(b.rxq[vm][q].completed, vm < 2 ? 60 : 0);
  all_accounted(&s, 3 * 2 * 60);
  bench_end();
}
END_TEST

static void send_to_one(void)
{
  for (int vm = 0; vm < b.vms; vm++)
    post_rx(vm, 0, 100);
  send_packets(0, 0, 50);
}

/* The receiver's buffers are written with the receiver's PASID. */
START_TEST(payload_is_written_as_the_receiver)
{
  defaults(3, 1);
  pair(0, 1);
  struct nic_stats s = run(send_to_one, START + 200 * HD_US);
  size_t first = (size_t)b.commands;
  ck_assert_uint_eq(b.writes.n, first + 50 * 3); /* 512 + 512 + 18 B each */
  for (size_t i = first; i < b.writes.n; i++) {
    const struct entry *e = &b.writes.e[i];
    ck_assert_uint_eq(e->pasid, b.interface[1].pasid);
    ck_assert_uint_ge(e->address, BUFFER_OF(1, 0));
    ck_assert_uint_lt(e->address, BUFFER_OF(1, 0) + 100 * 2048);
  }
  all_accounted(&s, 50);
  bench_end();
}
END_TEST

static void stay_away(void)
{
  b.interface[1].unrouted = true;
}

/* Not here: another server's guest, one whose address is not set, any without a
 * bridge. */
START_TEST(frames_to_others_leave_by_the_wire)
{
  defaults(2, 1);
  pair(0, _i == 0 ? 9 : 1);
  if (_i == 2)
    b.nic_params.bridge_rate = 0;
  bench_build(HD_US);
  if (_i == 1)
    stay_away();
  bench_run(send_to_one, START + 200 * HD_US);
  struct nic_stats s;
  nic_get_stats(b.nic, &s);
  ck_assert_uint_eq(s.bridged, 0);
  ck_assert_uint_eq(frames_on_wire(), 50);
  ck_assert_uint_eq(b.arrivals.n, 50);
  all_accounted(&s, 50);
  bench_end();
}
END_TEST

static void send_second_flow(void)
{
  post_rx(1, 0, 400);
  send_packets(0, 1, 50);
}

/* The sender's second flow, at a receiver with one queue pair. */
START_TEST(flows_go_to_a_queue_that_there_is)
{
  defaults(2, 2);
  pair(0, 1);
  bench_build(HD_US);
  b.interface[1].queue_pairs = 1;
  bench_run(send_second_flow, START + 200 * HD_US);
  struct nic_stats s;
  nic_get_stats(b.nic, &s);
  ck_assert_uint_eq(b.rxq[1][0].completed, 50);
  all_accounted(&s, 50);
  bench_end();
}
END_TEST

/* ---- drops and back-pressure -------------------------------------------- */

static void send_without_ring(void)
{
  post_rx(1, 0, 70);
  send_packets(0, 0, 200);
}

/* The sender's descriptors complete all the same. */
START_TEST(frames_without_descriptors_are_dropped)
{
  defaults(2, 1);
  pair(0, 1);
  struct nic_stats s = run(send_without_ring, START + 200 * HD_US);
  struct nic_interface_stats f;
  nic_get_interface_stats(b.nic, 1, &f);
  ck_assert_uint_eq(b.rx_delivered, 70);
  ck_assert_uint_eq(s.rx_no_descriptor, 130);
  ck_assert_uint_eq(f.rx_dropped, 130);
  ck_assert_uint_eq(s.bridged, 200);
  ck_assert_uint_eq(b.txq[0][0].completed, 200);
  all_accounted(&s, 200);
  bench_end();
}
END_TEST

static void send_into_full_buffer(void)
{
  post_rx(1, 0, 500);
  send_packets(0, 0, 200);
}

/* A narrow link has requests to carry beside what is written, so that its way
 * up is slower than its way down; the buffer holds two frames. */
START_TEST(frames_without_buffer_are_dropped)
{
  defaults(2, 1);
  pair(0, 1);
  b.nic_params.rx_buffer = 2 * FRAME + 1;
  b.pcie.generation = 1;
  b.pcie.lanes = 1;
  struct nic_stats s = run(send_into_full_buffer, START + 3 * HD_MS);
  ck_assert_uint_gt(s.rx_no_buffer, 0);
  ck_assert_uint_eq(s.rx_no_buffer, s.rx_dropped);
  all_accounted(&s, 200);
  bench_end();
}
END_TEST

static void send_slowly(void)
{
  post_rx(1, 0, 400);
  send_packets(0, 0, 200);
}

/* A path that takes 8.4 ms a frame: those that fit into the transmit buffer are
 * read and complete, the others stay in the ring. */
START_TEST(waiting_frames_hold_transmit_buffer)
{
  defaults(2, 1);
  pair(0, 1);
  b.nic_params.bridge_rate = 1000000;
  struct nic_stats s = run(send_slowly, START + 200 * HD_US);
  uint64_t fit = (uint64_t)b.nic_params.tx_buffer / FRAME;
  ck_assert_uint_eq(b.txq[0][0].completed, fit);
  ck_assert_uint_eq(nic_packets_inside(b.nic), fit);
  ck_assert_uint_eq(in_rings(), 200 - fit);
  ck_assert_uint_eq(b.rx_delivered, 0);
  ck_assert_uint_eq(s.bridged, 0);
  bench_end();
}
END_TEST

/* ---- conservation ------------------------------------------------------- */

/* Whenever the run ends: what is live is in a ring, in the device, or in a
 * write-back on its way. Returns what the bridge and the device hold. */
static double stopped_at(int nanoseconds)
{
  defaults(4, 2);
  b.nic_params.bridge_rate = 100000000000;
  pair(0, 1);
  pair(2, 3);
  (void)run(saturate, START + nanoseconds * HD_NS);
  uint64_t on_its_way = nic_packets_delivered(b.nic) - b.rx_delivered;
  ck_assert_uint_eq(b.packets.created - b.packets.destroyed,
                    in_rings() + nic_packets_inside(b.nic) + on_its_way);
  return (double)nic_packets_inside(b.nic);
}

START_TEST(packets_balance_at_any_time)
{
  double most = 0;
  for (int at = 0; at < 20000; at += 487)
    most = fmax(most, in_child(stopped_at, at));
  ck_assert_double_gt(most, 50);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("nic bridge");
  TCase *t = tcase_create("bridge");
  tcase_set_timeout(t, 120);
  tcase_add_test(t, a_frame_takes_the_sum_of_its_parts);
  tcase_add_test(t, frames_take_turns_on_the_path);
  tcase_add_test(t, path_is_free_when_a_frame_has_passed);
  tcase_add_loop_test(t, rate_is_the_paths, 0, 3);
  tcase_add_test(t, link_limits_when_the_path_does_not);
  tcase_add_test(t, frames_reach_their_guest_and_no_other);
  tcase_add_test(t, payload_is_written_as_the_receiver);
  tcase_add_loop_test(t, frames_to_others_leave_by_the_wire, 0, 3);
  tcase_add_test(t, flows_go_to_a_queue_that_there_is);
  tcase_add_test(t, frames_without_descriptors_are_dropped);
  tcase_add_test(t, frames_without_buffer_are_dropped);
  tcase_add_test(t, waiting_frames_hold_transmit_buffer);
  tcase_add_test(t, packets_balance_at_any_time);
  suite_add_tcase(s, t);
  return run_suite(s);
}
