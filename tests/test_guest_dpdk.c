/*
 * test_guest_dpdk.c - the polling guest, and the parameter tables.
 */
#include <string.h>

#include "test_guest_bench.h"

static struct bench bench;

static void dpdk_bench(struct bench *b)
{
  bench_defaults(b, WORKLOAD_DPDK_FORWARD);
  b->device.gap = 777 * HD_NS; /* in no phase with the polls */
  b->device.gap_burst = 1;
  b->warmup = HD_MS;
  b->duration = 5 * HD_MS;
}

/* Order is bench_run()'s. A frame waits for less than a poll and then takes
 * poll_packet, exactly: no other is there. */
START_TEST(every_frame_comes_back)
{
  struct bench *b = &bench;
  dpdk_bench(b);
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  uint64_t under_way = b->device.queue[0].generated - b->device.returned;
  ck_assert_uint_gt(b->device.returned, 7000);
  ck_assert_uint_le(under_way, 2);
  ck_assert_uint_eq(s.dropped, 0);
  ck_assert_uint_eq(b->device.rx_dropped, 0);
  hd_time visible = VISIBLE_LATENCY;
  hd_time poll = bench_cycles(b, b->costs.poll_empty);
  ck_assert_int_lt(b->device.poll_wait_max, visible + poll);
  ck_assert_int_gt(b->device.poll_wait_max, visible + poll - poll / 5);
  ck_assert_int_eq(b->device.turn_min, bench_cycles(b, b->costs.poll_packet));
  ck_assert_int_eq(b->device.turn_max, bench_cycles(b, b->costs.poll_packet));
  bench_destroy(b);
}
END_TEST

/* Polling: no interrupts, no halts, all of the core. */
START_TEST(polling_takes_the_core_and_no_interrupt)
{
  struct bench *b = &bench;
  dpdk_bench(b);
  b->config.queue_pairs = b->config.vcpus = 2;
  bench_create(b);
  ck_assert_uint_eq(guest_vcpus(b->guest), 2);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(s.interrupts, 0);
  ck_assert_uint_eq(b->device.interrupts, 0);
  ck_assert(!b->device.queue[0].enabled && !b->device.mailbox_enabled);
  ck_assert_uint_eq(s.exits[EXIT_HLT], 0);
  ck_assert_int_eq(s.guest_time, 2 * b->duration);
  ck_assert_int_eq(s.host_time, 0);
  ck_assert_uint_eq(s.received_packets, s.sent_packets);
  for (int q = 0; q < 2; q++)
    ck_assert_uint_gt(b->device.queue_doorbells[q], 5000);
  bench_destroy(b);
}
END_TEST

/* More than it can do: bursts of 32, one doorbell of each kind a burst. The
 * device drops what finds no descriptor. 10 bursts at the edges of 17000/32. */
START_TEST(saturated_core_forwards_at_its_cost)
{
  struct bench *b = &bench;
  dpdk_bench(b);
  b->device.gap = HD_US;
  b->device.gap_burst = 64;
  b->device.batch = 32;
  bench_create(b);
  bench_run(b);
  double per_packet =
      (double)b->costs.poll_packet + 2.0 * (double)b->cpu.mmio_write_cost / 32;
  double expected = (double)b->cpu.frequency / per_packet *
                    (double)b->duration / (double)HD_S;
  bench_near((double)b->device.packets_in_window, expected, 0.005);
  ck_assert_uint_gt(b->device.rx_dropped, 1000);
  bench_near((double)b->device.doorbells, (double)b->device.returned / 32,
             0.005);
  bench_destroy(b);
}
END_TEST

/* A device that completes slowly: the ring fills, the rest is dropped. */
START_TEST(full_ring_drops)
{
  struct bench *b = &bench;
  dpdk_bench(b);
  b->nic.tx_ring = 16;
  b->device.service = 2 * HD_US; /* frames come every 777 ns */
  bench_create(b);
  hd_engine_run(b->engine, HD_S);
  ck_assert_ptr_null(guest_check(b->guest));
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(b->device.most, 15);
  bench_near((double)s.sent_packets, 2500, 0.01);
  bench_near((double)(s.sent_packets + s.dropped), 5e6 / 777, 0.005);
  uint64_t coming =
      b->device.queue[0].generated - guest_packets_arrived(b->guest);
  ck_assert_uint_le(coming, 2);
  ck_assert_uint_eq(b->packets.created - b->packets.destroyed,
                    guest_packets_held(b->guest) + coming);
  bench_destroy(b);
}
END_TEST

static void setup(struct bench *b)
{
  dpdk_bench(b);
  b->config.queue_pairs = 3;
  b->config.vcpus = 2;
  b->device.gap_burst = 5;
  b->warmup = 0;
  b->duration = HD_MS;
}

START_TEST(window_and_actor_order_change_nothing)
{
  bench_same_everywhere(setup);
}
END_TEST

/* ---- parameters ---------------------------------------------------------- */

static void check_table(const struct hd_param_table *t)
{
  ck_assert_ptr_nonnull(t->meaning);
  for (const struct hd_param *p = t->params; p->name; p++) {
    ck_assert_msg(p->fallback && p->meaning && p->source, "%s", p->name);
    bool word = p->type == HD_PARAM_BOOL || p->type == HD_PARAM_ENUM ||
                p->type == HD_PARAM_STRING;
    ck_assert_msg(word || (p->min && p->max), "%s has no range", p->name);
    ck_assert_ptr_null(strchr(p->meaning, '\n'));
    for (const struct hd_param *o = t->params; o != p; o++)
      ck_assert(strcmp(o->name, p->name) != 0 && o->offset != p->offset);
  }
}

START_TEST(tables_are_complete)
{
  check_table(&udp_stream_param_table);
  check_table(&ping_param_table);
  check_table(&dpdk_forward_param_table);
  check_table(&idle_param_table);
  check_table(&guest_param_table);
  size_t n = 0;
  while (guest_param_table.params[n].name)
    n++;
  ck_assert_uint_eq(n, sizeof(struct guest_params) / sizeof(int64_t));
  for (int i = 0; i < WORKLOAD_TYPES; i++)
    ck_assert_ptr_nonnull(workload_type_names[i]);
  ck_assert_ptr_null(workload_type_names[WORKLOAD_TYPES]);
}
END_TEST

START_TEST(truesize_is_a_power_of_two_and_overhead)
{
  struct guest_params k = {.skb_overhead = 576};
  ck_assert_uint_eq(guest_truesize(&k, 1), 64 + 576);
  ck_assert_uint_eq(guest_truesize(&k, 64 - PACKET_HEADERS), 64 + 576);
  ck_assert_uint_eq(guest_truesize(&k, 65 - PACKET_HEADERS), 128 + 576);
  ck_assert_uint_eq(guest_truesize(&k, 1472), 2048 + 576);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("guest_dpdk");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, every_frame_comes_back);
  tcase_add_test(t, polling_takes_the_core_and_no_interrupt);
  tcase_add_test(t, saturated_core_forwards_at_its_cost);
  tcase_add_test(t, full_ring_drops);
  tcase_add_test(t, window_and_actor_order_change_nothing);
  tcase_add_test(t, tables_are_complete);
  tcase_add_test(t, truesize_is_a_power_of_two_and_overhead);
  suite_add_tcase(s, t);
  return bench_main(s);
}
