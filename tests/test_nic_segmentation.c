/*
 * test_nic_segmentation.c - TCP packets longer than a segment become frames in
 * the device.
 *
 * A green run says that every byte leaves once, in order, in frames of full
 * size, that the scheduler treats them as frames, and that the descriptor
 * completes with the last. It does not say how fast an E810's engine is.
 */
#include "test_nic.h"

enum { MSS = PACKET_TCP_MSS, LONG = 10 * MSS + 100 };

/* A TCP packet of `payload` bytes at `address`, announced. */
static void put_tcp(int vm, uint32_t payload, uint64_t address)
{
  struct driver_queue *d = &b.txq[vm][0];
  struct packet *p = packet_new(&b.packets);
  *p = (struct packet){.kind = PACKET_TCP,
                       .tcp_flags = PACKET_TCP_ACK | PACKET_TCP_FIN,
                       .vm = (uint16_t)vm,
                       .payload = payload,
                       .frame = packet_tcp_frame_bytes(payload),
                       .sequence = d->sequence,
                       .buffer = address};
  d->sequence += payload;
  hd_stamps_begin(&p->stamps, hd_now(&b.host));
  b.tx[vm][0].slot[d->posted++ % b.tx[vm][0].size] = p;
}

static void one_long(void)
{
  put_tcp(0, LONG, BUFFER_OF(0, 0));
  ring_tx(0, 0);
}

/* Ten full frames and the rest, each read where its data lie, back to back on
 * the wire; one descriptor done. */
START_TEST(a_long_packet_becomes_frames)
{
  bench_defaults(1, 1);
  b.nic_params.write_back_batch = 1;
  bench_build(HD_US);
  bench_run(one_long, START + HD_MS);
  ck_assert_uint_eq(b.arrivals.n, 11);
  ck_assert_uint_eq(b.bytes[0][0], LONG);
  for (size_t i = 0; i < 11; i++) {
    ck_assert_uint_eq(b.arrivals.e[i].data, i * MSS);
    ck_assert_uint_eq(b.arrivals.e[i].address, BUFFER_OF(0, 0) + i * MSS);
  }
  for (size_t i = 1; i < 10; i++) /* 1518 B and 20 B at 100 Gb/s */
    ck_assert_int_eq(b.arrivals.e[i].when - b.arrivals.e[i - 1].when,
                     1538 * 80);
  ck_assert_int_eq(b.arrivals.e[10].when - b.arrivals.e[9].when, 178 * 80);
  ck_assert_uint_eq(b.txq[0][0].completed, 1);
  ck_assert_uint_eq(in_rings(), 0);
  ck_assert_uint_eq(b.packets.created, 11);
  ck_assert_uint_eq(b.packets.destroyed, 11);
  bench_end();
}
END_TEST

static void exactly_one(void)
{
  put_tcp(0, MSS, BUFFER_OF(0, 0));
  ring_tx(0, 0);
}

START_TEST(a_segment_stays_whole)
{
  bench_defaults(1, 1);
  bench_build(HD_US);
  bench_run(exactly_one, START + HD_MS);
  ck_assert_uint_eq(b.arrivals.n, 1);
  ck_assert_uint_eq(b.packets.created, 1);
  bench_end();
}
END_TEST

static void long_and_short(void)
{
  put_tcp(0, 44 * MSS, BUFFER_OF(0, 0));
  ring_tx(0, 0);
  for (int i = 0; i < 10; i++)
    put_tcp(1, MSS, BUFFER_OF(1, 0));
  ring_tx(1, 0);
}

/* Another interface has its turns between the segments: its ten frames are out
 * after twenty or so, not after forty-four. Two: the first to be announced is
 * ahead by that while the second's descriptors are read. */
START_TEST(others_have_their_turns_between)
{
  bench_defaults(2, 1);
  b.nic_params.tx_buffer = 4096;
  bench_build(HD_US);
  bench_run(long_and_short, START + HD_MS);
  ck_assert_uint_eq(b.arrivals.n, 54);
  size_t last = 0;
  for (size_t i = 0; i < b.arrivals.n; i++)
    if (b.arrivals.e[i].observer == 1)
      last = i;
  ck_assert_uint_ge(last, 10);
  ck_assert_uint_le(last, 24);
  bench_end();
}
END_TEST

/* The bad address, at a page's start, where reads are split, is in the fourth
 * segment's part alone. */
static void bad_in_between(void)
{
  put_tcp(0, LONG, BAD_ADDRESS - 100 - 3 * MSS);
  put_tcp(0, MSS, BUFFER_OF(0, 0));
  ring_tx(0, 0);
}

/* A segment that cannot be read is lost alone. */
START_TEST(a_fault_loses_its_segment)
{
  bench_defaults(1, 1);
  b.nic_params.write_back_batch = 1;
  bench_build(HD_US);
  bench_run(bad_in_between, START + HD_MS);
  ck_assert_uint_eq(b.arrivals.n, 11); /* 10 of 11, and the other packet */
  ck_assert_uint_eq(b.arrivals.e[2].data, 2 * MSS);
  ck_assert_uint_eq(b.arrivals.e[3].data, 4 * MSS);
  ck_assert_uint_eq(b.txq[0][0].completed, 2);
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed);
  bench_end();
}
END_TEST

/* Cut short anywhere, what exists is in a ring, in the device or on the wire.
 */
START_TEST(segments_are_conserved)
{
  bench_defaults(2, 1);
  bench_build(HD_US);
  bench_run(long_and_short, START + (_i + 1) * 300 * HD_NS);
  uint64_t live = b.packets.created - b.packets.destroyed;
  ck_assert_uint_eq(live, in_rings() + nic_packets_inside(b.nic) +
                              wire_packets_inside(b.wire));
  bench_end();
}
END_TEST

int main(void)
{
  Suite *s = suite_create("nic segmentation");
  TCase *t = tcase_create("segmentation");
  tcase_add_test(t, a_long_packet_becomes_frames);
  tcase_add_test(t, a_segment_stays_whole);
  tcase_add_test(t, others_have_their_turns_between);
  tcase_add_test(t, a_fault_loses_its_segment);
  tcase_add_loop_test(t, segments_are_conserved, 0, 30);
  suite_add_tcase(s, t);
  return run_suite(s);
}
