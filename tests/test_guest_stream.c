/*
 * test_guest_stream.c - the UDP sender, its socket, ring and queueing
 * discipline, against a device of known speed.
 *
 * A green run does not prove anything about PCIe, the IOMMU or the real NIC.
 */
#include "test_guest_bench.h"

static struct bench bench;

/* Cycles of a datagram: what the thread pays, and its part of cleaning. */
static double datagram_cycles(const struct bench *b)
{
  const struct guest_params *k = &b->costs;
  double per_interrupt =
      (double)(b->cpu.irq_entry_cost + k->napi_entry + b->cpu.mmio_write_cost);
  double copy =
      (double)(int64_t)(k->copy_per_byte * (double)b->udp.payload + 0.5);
  return (double)(k->send_syscall + k->send_stack + k->send_driver +
                  b->cpu.mmio_write_cost + k->clean_descriptor) +
         copy + per_interrupt / b->device.batch;
}

static double packets_per_s(const struct bench *b, uint64_t packets)
{
  return (double)packets / ((double)b->duration / (double)HD_S);
}

/* Tolerance: one batch of 64 in 14000 datagrams is 0.46 %. */
START_TEST(unthrottled_rate_is_frequency_over_cycles)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->udp.payload = _i == 0 ? 64 : 1470;
  b->device.batch = 64;
  bench_create(b);
  bench_run(b);
  double expected = (double)b->cpu.frequency / datagram_cycles(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  bench_near(packets_per_s(b, s.sent_packets), expected, 0.005);
  bench_near(packets_per_s(b, b->device.packets_in_window), expected, 0.005);
  bench_near(s.send_core_utilization, 1.0, 0.001);
  ck_assert_uint_eq(s.sent_bytes, s.sent_packets * (uint64_t)b->udp.payload);
  ck_assert_uint_eq(s.throttled, 0);
  ck_assert_uint_eq(s.blocked, 0);
  ck_assert_uint_eq(b->device.doorbells, b->device.packets);
  bench_destroy(b);
}
END_TEST

/* The window spans 20 whole pacing periods of 85 datagrams a stream; it may cut
 * one datagram off at either end: 0.06 %. */
START_TEST(offered_rate_is_respected)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->udp.streams = 2;
  b->udp.rate = 1000000000;
  b->device.batch = 16;
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  double rate = (double)s.sent_bytes * 8 / ((double)b->duration / (double)HD_S);
  bench_near(rate, 2e9, 0.005);
  /* At the device, a stream is never more than one datagram above its rate,
   * counted from the start of its thread; and throttles every period. */
  ck_assert_int_le(b->device.above_rate, b->udp.payload);
  ck_assert_uint_ge(s.throttled, 2 * 19);
  ck_assert_uint_le(s.throttled, 2 * 21);
  ck_assert_double_lt(s.send_core_utilization, 0.4);
  bench_destroy(b);
}
END_TEST

/* A rate above what the core can do is not reached, and nobody waits. */
START_TEST(unreachable_rate_never_throttles)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->udp.rate = 10000000000;
  b->device.batch = 64;
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(s.throttled, 0);
  bench_near(packets_per_s(b, s.sent_packets),
             (double)b->cpu.frequency / datagram_cycles(b), 0.005);
  bench_destroy(b);
}
END_TEST

/* 20 packets fill the socket. A device of 20 us a packet is slower than waking
 * (3 us) and sending (1.5 us), so the socket is seen at its half exactly, or
 * one lower if a completion falls into that time. */
START_TEST(socket_blocks_when_full_and_resumes_at_half)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  uint32_t truesize = guest_truesize(&b->costs, 1470);
  ck_assert_uint_eq(truesize, 2048 + 576);
  b->costs.socket_buffer = 20 * truesize;
  b->device.service = 20 * HD_US;
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(b->device.most, 20);
  ck_assert_uint_ge(b->device.least_at_resume, 9);
  ck_assert_uint_le(b->device.least_at_resume, 10);
  ck_assert_uint_ge(s.blocked, 20 * HD_MS / (10 * 20 * HD_US) - 2);
  ck_assert_uint_le(s.blocked, 20 * HD_MS / (10 * 20 * HD_US) + 2);
  bench_near(packets_per_s(b, s.sent_packets), 50000, 0.015); /* +-10 of 1000 */
  bench_destroy(b);
}
END_TEST

/* A limit that is no multiple: the packet that exceeds it still goes. */
START_TEST(last_packet_may_exceed_the_socket_buffer)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->costs.socket_buffer = 20 * guest_truesize(&b->costs, 1470) + 1;
  b->device.service = 20 * HD_US;
  bench_create(b);
  bench_run(b);
  ck_assert_uint_eq(b->device.most, 21);
  bench_destroy(b);
}
END_TEST

/* The default socket buffer against a fast device: never blocks for long. */
START_TEST(streams_of_one_thread_take_turns)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->udp.streams = 4;
  b->config.queue_pairs = _i == 0 ? 1 : 4;
  b->config.vcpus = _i == 2 ? 4 : 1;
  b->device.batch = 16;
  bench_create(b);
  ck_assert_uint_eq(guest_vcpus(b->guest), b->config.vcpus);
  bench_run(b);
  ck_assert_int_le(b->device.unfair, b->udp.payload);
  ck_assert_uint_gt(b->device.packets, 10000);
  for (unsigned q = 0; q < b->config.queue_pairs; q++)
    ck_assert_uint_gt(b->device.queue_doorbells[q], 3000);
  bench_destroy(b);
}
END_TEST

START_TEST(thread_per_stream_uses_four_vcpus)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->udp.streams = 4;
  b->udp.threads = THREADS_PER_STREAM;
  b->config.vcpus = b->config.queue_pairs = 4;
  b->device.batch = 64;
  bench_create(b);
  ck_assert_uint_eq(guest_vcpus(b->guest), 4);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  bench_near(packets_per_s(b, s.sent_packets),
             4.0 * (double)b->cpu.frequency / datagram_cycles(b), 0.005);
  bench_near((double)s.guest_time, 4.0 * (double)b->duration, 0.001);
  bench_destroy(b);
}
END_TEST

/* Two threads on each of two vCPUs: slices of 3 ms, so over 20 ms each stream
 * has between 2 and 5 of the 6.7 slices of its vCPU. */
START_TEST(threads_share_a_vcpu)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->udp.streams = 4;
  b->udp.threads = THREADS_PER_STREAM;
  b->config.vcpus = 2;
  b->config.queue_pairs = 4;
  b->device.batch = 64;
  bench_create(b);
  ck_assert_uint_eq(guest_vcpus(b->guest), 2);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  bench_near(packets_per_s(b, s.sent_packets),
             2.0 * (double)b->cpu.frequency / datagram_cycles(b), 0.01);
  for (int i = 0; i < 4; i++)
    ck_assert_uint_gt(b->device.bytes[i], b->device.packets * 1470 / 6);
  bench_destroy(b);
}
END_TEST

/* Four senders on one queue: one vCPU drives it for all. Order and conservation
 * are bench_run()'s; here: everybody gets through, sockets hold their limit. */
START_TEST(queue_with_several_senders)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->udp.streams = 4;
  b->udp.threads = THREADS_PER_STREAM;
  b->config.vcpus = 4;
  b->costs.socket_buffer = 20 * guest_truesize(&b->costs, 1470);
  b->device.service = _i == 0 ? 2 * HD_US : 20 * HD_US;
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_le(b->device.most, 4 * 20);
  ck_assert_uint_eq(s.dropped, 0);
  bench_near(packets_per_s(b, b->device.packets_in_window),
             (double)HD_S / (double)b->device.service, _i == 0 ? 0.02 : 0.05);
  for (int i = 0; i < 4; i++)
    ck_assert_uint_gt(b->device.bytes[i], b->device.packets * 1470 / 8);
  bench_destroy(b);
}
END_TEST

/* A thread that waits for another vCPU's cleaning is woken by an IPI. */
START_TEST(cleaning_on_another_vcpu_wakes_by_ipi)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->udp.streams = 2;
  b->config.vcpus = b->config.queue_pairs = 2;
  b->costs.socket_buffer = 20 * guest_truesize(&b->costs, 1470);
  b->device.service = 20 * HD_US;
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_gt(s.blocked, 50);
  ck_assert_uint_gt(s.exits[EXIT_IPI], s.blocked / 4);
  ck_assert_uint_le(s.exits[EXIT_IPI], s.blocked + 1);
  bench_destroy(b);
}
END_TEST

/* A ring of 8 in front of a slow device: the socket's 40 packets wait in the
 * queueing discipline. With completions four at a time, each doorbell announces
 * four; the order is checked by the device. */
START_TEST(full_ring_goes_through_the_qdisc)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->nic.tx_ring = 8;
  b->costs.socket_buffer = 40 * guest_truesize(&b->costs, 1470);
  b->device.service = 10 * HD_US;
  b->device.batch = 4;
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(b->device.most, 7);
  ck_assert_uint_ge(s.qdisc_max, 40 - 7);
  ck_assert_uint_le(s.qdisc_max, 40);
  ck_assert_uint_eq(s.dropped, 0);
  ck_assert_uint_lt(b->device.doorbells, b->device.packets / 3);
  bench_near(packets_per_s(b, b->device.packets_in_window), 100000, 0.005);
  /* Conservation: all that was created is at the device or still held. */
  ck_assert_uint_eq(b->packets.created,
                    b->packets.destroyed + guest_packets_held(b->guest));
  bench_destroy(b);
}
END_TEST

/* Descriptors freed by another vCPU, while the sender is in the middle of a
 * call and older packets wait: the new one must not pass them. (Queues of
 * different speed, or completions of the second only come in handlers.) The
 * streams take turns, so the slower queue gives the rate to both. */
START_TEST(order_survives_cleaning_elsewhere)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->nic.tx_ring = 8;
  b->udp.streams = 2;
  b->config.queue_pairs = b->config.vcpus = 2;
  b->costs.socket_buffer = 40 * guest_truesize(&b->costs, 1470);
  b->device.service = 7 * HD_US;
  b->device.skew = 300 * HD_NS;
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_ge(s.qdisc_max, 20);
  ck_assert_uint_eq(s.dropped, 0);
  bench_near(packets_per_s(b, b->device.packets_in_window), 2e6 / 7.3, 0.01);
  bench_destroy(b);
}
END_TEST

/* A socket larger than the discipline's limit: drops, counted and released. */
START_TEST(qdisc_drops_beyond_its_limit)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->nic.tx_ring = 8;
  b->device.service = 100 * HD_US;
  bench_create(b);
  hd_engine_run(b->engine, HD_S);
  ck_assert_ptr_null(guest_check(b->guest));
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_gt(s.dropped, 1000);
  ck_assert_uint_eq(s.qdisc_max, 1000);
  ck_assert_uint_eq(b->packets.created,
                    b->packets.destroyed + guest_packets_held(b->guest));
  bench_destroy(b);
}
END_TEST

/* 256 buffers of 2 KiB, one after another. */
START_TEST(buffers_change_with_every_packet)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->device.batch = 64;
  bench_create(b);
  bench_run(b);
  ck_assert_uint_eq(b->device.addresses_seen, b->device.packets);
  bench_destroy(b);
}
END_TEST

static void setup_mixed(struct bench *b)
{
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->udp.streams = 6;
  b->udp.rate = 400000000;
  b->udp.threads = THREADS_PER_STREAM;
  b->config.vcpus = 3;
  b->config.queue_pairs = 4;
  b->nic.tx_ring = 32;
  b->costs.socket_buffer = 20 * guest_truesize(&b->costs, 1470);
  b->cpu.cores = 2; /* vCPUs share cores */
  b->cpu.halt_poll = 50 * HD_US;
  b->device.service = 7 * HD_US;
  b->device.batch = 3;
  b->warmup = 0;
  b->duration = 4 * HD_MS;
}

START_TEST(window_and_actor_order_change_nothing)
{
  bench_same_everywhere(setup_mixed);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("guest_stream");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, unthrottled_rate_is_frequency_over_cycles, 0, 2);
  tcase_add_test(t, offered_rate_is_respected);
  tcase_add_test(t, unreachable_rate_never_throttles);
  tcase_add_test(t, socket_blocks_when_full_and_resumes_at_half);
  tcase_add_test(t, last_packet_may_exceed_the_socket_buffer);
  tcase_add_loop_test(t, streams_of_one_thread_take_turns, 0, 3);
  tcase_add_test(t, thread_per_stream_uses_four_vcpus);
  tcase_add_test(t, threads_share_a_vcpu);
  tcase_add_loop_test(t, queue_with_several_senders, 0, 2);
  tcase_add_test(t, cleaning_on_another_vcpu_wakes_by_ipi);
  tcase_add_test(t, full_ring_goes_through_the_qdisc);
  tcase_add_test(t, order_survives_cleaning_elsewhere);
  tcase_add_test(t, qdisc_drops_beyond_its_limit);
  tcase_add_test(t, buffers_change_with_every_packet);
  tcase_add_test(t, window_and_actor_order_change_nothing);
  suite_add_tcase(s, t);
  return bench_main(s);
}
