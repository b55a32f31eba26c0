/*
 * test_guest_replay.c - when packets of a capture are due, and a guest that
 * sends them at these times, or receives them.
 *
 * A green run does not prove anything about reading files (test_capture), nor
 * about the client's side (test_replay.sh).
 */
#include "test_guest_bench.h"

static struct bench bench;

enum { PACKETS = 200 };
static struct capture_packet packets[PACKETS];
static struct capture capture;

/* Lengths of all sorts; `gap` on the average, from a half to one and a half. */
static void make_capture(size_t n, hd_time gap)
{
  hd_time time = 0;
  capture = (struct capture){.packets = packets, .count = n};
  for (size_t i = 0; i < n; i++) {
    packets[i] = (struct capture_packet){time, (uint32_t)(14 + i * 37 % 1501),
                                         (uint32_t)(i * 7)};
    capture.bytes += packets[i].bytes;
    time += gap / 2 + (hd_time)(i * 97 % 101) * (gap / 100);
  }
  capture.period = packets[n - 1].time +
                   (n > 1 ? packets[n - 1].time / (hd_time)(n - 1) : 0);
}

static struct replay_plan whole(void)
{
  return (struct replay_plan){
      .capture = &capture, .speed = 1, .loops = 1, .parts = 1};
}

/* ---- when packets are due ------------------------------------------------ */

START_TEST(times_are_the_captures)
{
  make_capture(PACKETS, 10 * HD_US);
  struct replay_plan plan = whole();
  struct replay r;
  plan.offset = 5;
  plan.loops = 3;
  replay_begin(&r, &plan);
  for (int pass = 0; pass < 3; pass++)
    for (size_t i = 0; i < PACKETS; i++, replay_advance(&r)) {
      ck_assert_ptr_eq(r.packet, &packets[i]);
      ck_assert_int_eq(r.due, 5 + pass * capture.period + packets[i].time);
    }
  ck_assert_ptr_null(r.packet);
  ck_assert_int_eq(r.due, HD_TIME_NEVER);
}
END_TEST

/* Rounded from the start: after a thousand passes less than a picosecond off.
 */
START_TEST(speed_divides_without_drift)
{
  make_capture(3, 10 * HD_US);
  struct replay_plan plan = whole();
  struct replay r;
  plan.speed = 3;
  plan.loops = 0;
  replay_begin(&r, &plan);
  for (int i = 0; i < 3000; i++)
    replay_advance(&r);
  ck_assert_ptr_eq(r.packet, packets);
  ck_assert_int_le(llabs(3 * r.due - 1000 * capture.period), 2);
}
END_TEST

START_TEST(flows_are_shared_out)
{
  make_capture(PACKETS, 10 * HD_US);
  struct replay_plan plan = whole();
  uint64_t n = 0, bytes = 0;
  plan.parts = 3;
  for (plan.part = 0; plan.part < 3; plan.part++) {
    struct replay r;
    for (replay_begin(&r, &plan); r.packet; replay_advance(&r)) {
      ck_assert_uint_eq(r.packet->flow % 3, plan.part);
      ck_assert_int_eq(r.due, r.packet->time);
      bytes += r.packet->bytes;
      n++;
    }
  }
  ck_assert_uint_eq(n, PACKETS);
  ck_assert_uint_eq(bytes, capture.bytes);
}
END_TEST

/* An endless replay of no packets is over, too. */
START_TEST(no_flow_no_packets)
{
  make_capture(1, HD_US);
  struct replay_plan plan = whole();
  struct replay r;
  plan.parts = 2;
  plan.part = 1;
  plan.loops = 0;
  replay_begin(&r, &plan);
  ck_assert_ptr_null(r.packet);
}
END_TEST

/* A clock holds 106 days; what is later never comes. */
START_TEST(too_late_is_never)
{
  make_capture(2, HD_US);
  struct replay_plan plan = whole();
  struct replay r;
  plan.speed = 1e-15;
  replay_begin(&r, &plan);
  ck_assert_int_eq(r.due, 0);
  replay_advance(&r);
  ck_assert_ptr_null(r.packet);
}
END_TEST

/* Half-open spans add up, and a whole pass has all bytes. */
START_TEST(sums_of_what_is_due)
{
  make_capture(PACKETS, 10 * HD_US);
  struct replay_plan plan = whole();
  plan.loops = 0;
  struct replay_sum all =
      replay_due(&plan, capture.period / 3, capture.period / 3 * 4 + 1);
  ck_assert_uint_eq(all.packets, PACKETS);
  ck_assert_uint_eq(all.bytes, capture.bytes);
  struct replay_sum a = replay_due(&plan, 0, packets[50].time);
  struct replay_sum b = replay_due(&plan, packets[50].time, capture.period);
  ck_assert_uint_eq(a.packets, 50);
  ck_assert_uint_eq(a.bytes + b.bytes, capture.bytes);
}
END_TEST

/* ---- sending --------------------------------------------------------------
 */

/* One core, a device that completes nothing, so that nothing interrupts. */
static struct bench *sender(int wait)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_PCAP_REPLAY);
  b->warmup = 0;
  b->device.batch = 1000;
  b->replay = (struct pcap_replay_params){
      .direction = REPLAY_TX, .wait = wait, .late = 20 * HD_US};
  b->config.replay = whole();
  return b;
}

static hd_time cost_of(const struct bench *b, size_t i)
{
  int64_t cycles =
      guest_send_cycles(&b->costs, packets[i].bytes) + b->costs.send_driver;
  return bench_cycles(b, cycles);
}

static void assert_same_packets(const struct bench *b, size_t n)
{
  ck_assert_uint_eq(b->device.packets, n);
  for (size_t i = 0; i < n; i++) {
    uint32_t bytes = packets[i].bytes + PACKET_FCS;
    ck_assert_uint_eq(b->device.arrived_bytes[i], bytes < 64 ? 64 : bytes);
  }
}

/* The analytic twin: a packet leaves when it is due, plus what its send call
 * costs. The first one's doorbell page is not mapped yet. A cycle is 500 ps. */
START_TEST(idle_core_keeps_the_captures_times)
{
  make_capture(PACKETS, 20 * HD_US);
  struct bench *b = sender(REPLAY_SPIN);
  bench_create(b);
  bench_run(b);
  assert_same_packets(b, PACKETS);
  for (size_t i = 2; i < PACKETS; i++) {
    hd_time got = b->device.arrival[i] - b->device.arrival[1];
    hd_time wanted =
        packets[i].time - packets[1].time + cost_of(b, i) - cost_of(b, 1);
    ck_assert_int_le(llabs(got - wanted), 500);
  }
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(s.replay.sent.packets, PACKETS);
  ck_assert_uint_eq(s.replay.sent.bytes, capture.bytes);
  ck_assert_uint_eq(s.replay.due.packets, PACKETS);
  ck_assert_uint_eq(s.replay.due.bytes, capture.bytes);
  ck_assert_uint_eq(s.replay.late, 0);
  ck_assert_uint_eq(s.sent_bytes, capture.bytes);
  bench_destroy(b);
}
END_TEST

/* Asleep it is later, by less than: the core's wake-up 1.5 us, its switch 2 us,
 * exit 1.25 us, entry of the timer's interrupt and the thread's switch 1.25 us.
 */
START_TEST(sleeping_sender_is_a_wake_up_later)
{
  make_capture(PACKETS, 50 * HD_US);
  struct bench *b = sender(REPLAY_SLEEP);
  bench_create(b);
  bench_run(b);
  assert_same_packets(b, PACKETS);
  hd_time start = b->go + b->guest->jitter;
  for (size_t i = 1; i < PACKETS; i++) {
    hd_time late = b->device.arrival[i] - start - packets[i].time -
                   cost_of(b, i) - DOORBELL_LATENCY;
    ck_assert_int_ge(late, 1250 * HD_NS);
    ck_assert_int_le(late, 7 * HD_US);
  }
  bench_destroy(b);
}
END_TEST

/* All due at once: one after another, as fast as the core can. Packet i is
 * behind by the calls and doorbells before it, and its own call. */
START_TEST(slow_core_is_late)
{
  make_capture(100, 0);
  struct bench *b = sender(REPLAY_SPIN);
  b->registers.lazy_pages = false;
  b->replay.late = 50 * HD_US;
  bench_create(b);
  bench_run(b);
  assert_same_packets(b, 100);
  hd_time doorbell = bench_cycles(b, b->cpu.mmio_write_cost);
  for (size_t i = 2; i < 100; i++)
    ck_assert_int_eq(b->device.arrival[i] - b->device.arrival[i - 1],
                     cost_of(b, i) + doorbell);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  hd_time last = b->device.arrival[99] - b->go - b->guest->jitter;
  ck_assert_int_le(llabs(s.replay.behind_max - (last - DOORBELL_LATENCY)),
                   2 * doorbell);
  int64_t late = 0; /* by the doorbells, which follow the calls */
  for (size_t i = 0; i < 100; i++)
    late += b->device.arrival[i] - b->go - b->guest->jitter >
            b->replay.late + DOORBELL_LATENCY;
  ck_assert_int_gt(late, 20);
  ck_assert_int_le(llabs((int64_t)s.replay.late - late), 1);
  bench_destroy(b);
}
END_TEST

/* Twenty small packets fill the socket, or ten large ones. */
START_TEST(socket_holds_packets_by_their_size)
{
  make_capture(150, 0);
  for (size_t i = 0; i < 150; i++)
    packets[i].bytes = _i == 0 ? 60 : 1514;
  struct bench *b = sender(REPLAY_SPIN);
  uint32_t truesize = guest_truesize(&b->costs, packets[0].bytes);
  ck_assert_uint_eq(truesize, _i == 0 ? 128 + 576 : 2048 + 576);
  b->costs.socket_buffer = (_i == 0 ? 20 : 10) * truesize;
  b->device.batch = 1;
  b->device.service = 20 * HD_US;
  bench_create(b);
  bench_run(b);
  assert_same_packets(b, 150);
  ck_assert_uint_eq(b->device.most, _i == 0 ? 20 : 10);
  bench_destroy(b);
}
END_TEST

static void setup_flows(struct bench *b)
{
  make_capture(PACKETS, 3 * HD_US);
  *b = *sender(REPLAY_SLEEP);
  b->config.queue_pairs = 2;
  b->config.vcpus = 2;
  b->device.batch = 4;
  b->config.replay.loops = 0;
}

START_TEST(flows_use_all_queues_in_order)
{
  struct bench *b = &bench;
  setup_flows(b);
  bench_create(b);
  bench_run(b); /* checks each queue's order */
  ck_assert_uint_gt(b->device.queue_doorbells[0], 500);
  ck_assert_uint_gt(b->device.queue_doorbells[1], 500);
  bench_destroy(b);
}
END_TEST

START_TEST(window_and_order_change_nothing)
{
  bench_same_everywhere(setup_flows);
}
END_TEST

/* ---- receiving ------------------------------------------------------------
 */

static struct bench *receiver(void)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_PCAP_REPLAY);
  b->replay.direction = REPLAY_RX;
  b->dpdk.payload = 1000;
  b->device.gap = 20 * HD_US;
  b->device.gap_burst = 1;
  return b;
}

/* The application has a packet after it has become visible, the interrupt, the
 * driver, the stack, and its own wake-up and call. */
START_TEST(application_reads_what_arrives)
{
  struct bench *b = receiver();
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_ge(s.received_packets, 999);
  ck_assert_uint_le(s.received_packets, 1001);
  ck_assert_uint_eq(s.received_bytes, 1000 * s.received_packets);
  ck_assert_uint_eq(s.dropped, 0);
  const struct guest_params *k = &b->costs;
  int64_t cycles = b->cpu.irq_entry_cost + k->napi_entry + k->receive_driver +
                   k->receive_stack + k->thread_switch + k->receive_syscall +
                   (int64_t)(k->copy_per_byte * 1000 + 0.5);
  const struct hd_histogram *h = guest_latency(b->guest);
  ck_assert_uint_eq(h->count, s.received_packets);
  ck_assert_int_ge(h->min, IRQ_LATENCY + bench_cycles(b, cycles));
  ck_assert_int_le(h->max, 12 * HD_US);
  bench_destroy(b);
}
END_TEST

/* More than the application can read: the socket overflows, and nothing else
 * loses packets. */
START_TEST(full_socket_drops)
{
  struct bench *b = receiver();
  b->costs.socket_buffer = 4 * guest_truesize(&b->costs, 1000);
  b->costs.receive_syscall = 100000;
  b->device.gap = 10 * HD_US;
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  uint64_t arrived = (uint64_t)(b->duration / b->device.gap);
  ck_assert_uint_gt(s.dropped, arrived / 2);
  ck_assert_int_le(llabs((int64_t)(s.dropped + s.received_packets - arrived)),
                   6);
  ck_assert_uint_eq(b->device.rx_dropped, 0);
  bench_destroy(b);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("guest_replay");
  TCase *c = tcase_create("due");
  tcase_add_test(c, times_are_the_captures);
  tcase_add_test(c, speed_divides_without_drift);
  tcase_add_test(c, flows_are_shared_out);
  tcase_add_test(c, no_flow_no_packets);
  tcase_add_test(c, too_late_is_never);
  tcase_add_test(c, sums_of_what_is_due);
  suite_add_tcase(s, c);
  c = tcase_create("send");
  tcase_add_test(c, idle_core_keeps_the_captures_times);
  tcase_add_test(c, sleeping_sender_is_a_wake_up_later);
  tcase_add_test(c, slow_core_is_late);
  tcase_add_loop_test(c, socket_holds_packets_by_their_size, 0, 2);
  tcase_add_test(c, flows_use_all_queues_in_order);
  tcase_add_test(c, window_and_order_change_nothing);
  suite_add_tcase(s, c);
  c = tcase_create("receive");
  tcase_add_test(c, application_reads_what_arrives);
  tcase_add_test(c, full_socket_drops);
  suite_add_tcase(s, c);
  return bench_main(s);
}
