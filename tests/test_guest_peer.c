/*
 * test_guest_peer.c - a guest that others send to: what it receives and of
 * whom, and how its kernel answers echo requests.
 *
 * A green run does not say that the frames find their way through a device
 * (test_nic_bridge), nor who sends to whom (test_server_peers).
 */
#include "test_guest_bench.h"

static struct bench bench;
static const uint16_t sources[] = {5, 9, 40};
enum { SOURCE = 9 };

static void peer_bench(struct bench *b, enum packet_kind kind)
{
  bench_defaults(b, WORKLOAD_IDLE);
  b->config.sources = sources;
  b->config.n_sources = 3;
  b->dpdk.payload = 1000;
  b->device.gap = 20 * HD_US;
  b->device.gap_burst = 1;
  b->device.gap_kind = kind;
  b->device.gap_peer = packet_peer_of(SOURCE);
}

static struct guest_stats run(struct bench *b)
{
  struct guest_stats s;
  bench_create(b);
  bench_run(b);
  guest_get_stats(b->guest, &s);
  return s;
}

/* Created by the device; nothing is lost track of. */
static void assert_balance(const struct bench *b)
{
  uint64_t generated = 0;
  for (unsigned q = 0; q < b->config.queue_pairs; q++)
    generated += b->device.queue[q].generated;
  uint64_t coming = generated - guest_packets_arrived(b->guest);
  ck_assert_uint_eq(b->packets.created - b->packets.destroyed,
                    guest_packets_held(b->guest) + coming);
}

/* ---- datagrams ---------------------------------------------------------- */

START_TEST(datagrams_are_counted_by_their_sender)
{
  struct bench *b = &bench;
  peer_bench(b, PACKET_DATA);
  struct guest_stats s = run(b);
  ck_assert_uint_ge(s.received_packets, 999);
  ck_assert_uint_le(s.received_packets, 1001);
  ck_assert_uint_eq(s.received_bytes, 1000 * s.received_packets);
  struct guest_received r = guest_received_from(b->guest, SOURCE);
  ck_assert_uint_eq(r.packets, s.received_packets);
  ck_assert_uint_eq(r.bytes, s.received_bytes);
  static const uint16_t others[] = {0, 5, 8, 10, 40, 41};
  for (int i = 0; i < 6; i++)
    ck_assert_uint_eq(guest_received_from(b->guest, others[i]).packets, 0);
  ck_assert_uint_eq(guest_latency(b->guest)->count, s.received_packets);
  assert_balance(b);
  bench_destroy(b);
}
END_TEST

/* The first and the last of the sources are found, too. */
START_TEST(all_sources_are_known)
{
  struct bench *b = &bench;
  peer_bench(b, PACKET_DATA);
  b->device.gap_peer = packet_peer_of(sources[_i]);
  struct guest_stats s = run(b);
  ck_assert_uint_gt(s.received_packets, 900);
  ck_assert_uint_eq(guest_received_from(b->guest, sources[_i]).packets,
                    s.received_packets);
  bench_destroy(b);
}
END_TEST

/* Somebody else's: the run ends with a message. */
START_TEST(a_stranger_is_a_broken_invariant)
{
  struct bench *b = &bench;
  peer_bench(b, PACKET_DATA);
  b->device.gap_peer = packet_peer_of(6);
  (void)run(b);
}
END_TEST

/* ---- echo --------------------------------------------------------------- */

/* From the poll function's begin to the answer: the round's cycles, and those
 * of sending without an application. Every 32nd request gives receive
 * descriptors back, by one store more. */
START_TEST(kernel_answers_after_its_own_costs)
{
  struct bench *b = &bench;
  peer_bench(b, PACKET_ECHO_REQUEST);
  struct guest_stats s = run(b);
  const struct guest_params *k = &b->costs;
  hd_time answer =
      bench_cycles(b, k->napi_entry + k->receive_driver + k->receive_stack +
                          k->send_stack + k->send_driver);
  ck_assert_uint_gt(b->device.replies, 1000);
  ck_assert_uint_eq(b->device.misdirected, 0);
  ck_assert_int_eq(b->device.answer_min, answer);
  ck_assert_int_eq(b->device.answer_max,
                   answer + bench_cycles(b, b->cpu.mmio_write_cost));
  ck_assert_uint_eq(s.received_packets, 0); /* no application has them */
  assert_balance(b);
  bench_destroy(b);
}
END_TEST

static void several_queues(struct bench *b)
{
  peer_bench(b, PACKET_ECHO_REQUEST);
  b->config.queue_pairs = 3;
  b->config.vcpus = 2;
  b->device.gap_burst = 7;
}

/* Each by the queue pair that it came by, in order (bench_run() looks). */
START_TEST(answers_go_by_the_queue_they_came_by)
{
  struct bench *b = &bench;
  several_queues(b);
  (void)run(b);
  ck_assert_uint_eq(b->device.misdirected, 0);
  for (int q = 0; q < 3; q++)
    ck_assert_uint_gt(b->device.next_seq[q], 7 * 1000);
  assert_balance(b);
  bench_destroy(b);
}
END_TEST

START_TEST(window_and_order_change_nothing)
{
  bench_same_everywhere(several_queues);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("guest_peer");
  TCase *c = tcase_create("datagrams");
  tcase_add_test(c, datagrams_are_counted_by_their_sender);
  tcase_add_loop_test(c, all_sources_are_known, 0, 3);
  tcase_add_exit_test(c, a_stranger_is_a_broken_invariant, HD_EXIT_INTERNAL);
  suite_add_tcase(s, c);
  c = tcase_create("echo");
  tcase_add_test(c, kernel_answers_after_its_own_costs);
  tcase_add_test(c, answers_go_by_the_queue_they_came_by);
  tcase_add_test(c, window_and_order_change_nothing);
  suite_add_tcase(s, c);
  return bench_main(s);
}
