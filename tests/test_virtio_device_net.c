/*
 * test_virtio_device_net.c - the accelerator as a network device: timing, ring
 * formats, kicks, interrupts, order, drops, fairness, failures, and
 * conservation under random traffic.
 *
 * A green run proves nothing about real devices' batching or caches.
 */
#include "test_virtio_device.h"

#define LONG (START + 2 * HD_MS)
#define PACKED VIRTIO_BIT(VIRTIO_F_RING_PACKED)
#define EVENT_IDX VIRTIO_BIT(VIRTIO_F_EVENT_IDX)
#define IN_ORDER VIRTIO_BIT(VIRTIO_F_IN_ORDER)
#define INDIRECT VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC)
#define MERGEABLE VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF)

/* From the device's decision to read until the data is there, or to write until
 * the host has it; without serialisation. */
static hd_time read_time(void)
{
  return b.pcie.device_latency + 2 * b.pcie.propagation + ANSWER;
}

static hd_time write_time(void)
{
  return b.pcie.device_latency + b.pcie.propagation;
}

static hd_time doorbell_time(void)
{
  return b.pcie.port_latency + b.pcie.propagation + b.params.doorbell_latency;
}

/* ---- one packet ---------------------------------------------------------- */

static void send_later(uint64_t count)
{
  send_packets(0, 1, (uint32_t)count);
}

static void send_one(void)
{
  at_host(50 * HD_US, send_later, 1);
}

enum { BASE, IS_PACKED, IS_INDIRECT, LONGER, TWO_BUFFERS };

/* From the doorbell to the wire's end. */
static double transmit_time(int variant)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.features |= variant == IS_PACKED ? PACKED : 0;
  b.features |= variant == IS_INDIRECT ? INDIRECT : 0;
  b.table = variant == IS_INDIRECT ? 4 : 0;
  b.two_buffers = variant == IS_INDIRECT || variant == TWO_BUFFERS;
  b.params.pipeline_latency += variant == LONGER ? HD_NS : 0;
  b.translation = 40 * HD_NS;
  bench_build(HD_US);
  bench_run(send_one, LONG);
  hd_time reads = variant == IS_PACKED ? 2 : variant == IS_INDIRECT ? 4 : 3;
  MUST(b.spent[HD_STAGE_IOMMU] == reads * b.translation);
  MUST(b.arrivals.n == 1 && b.q[0][1].taken == 1 && inside() == 0);
  return (double)(b.arrivals.e[0].when - START - 50 * HD_US);
}

/* Doorbell, available entry, descriptor, payload, pipeline, wire; a packed ring
 * has no available entries, an indirect table is a read more; two buffers are
 * read together, their descriptors too. */
START_TEST(transmit_is_the_sum_of_its_stages)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  uint32_t bits = 8 * (packet_frame_bytes(100) + PACKET_WIRE_OVERHEAD);
  hd_time wire = HD_NS + (hd_time)bits * 10 + b.network.latency;
  double path = (double)(doorbell_time() + 3 * read_time() +
                         b.params.pipeline_latency + wire);
  double base = in_child(transmit_time, BASE), slack = 15e3;
  ck_assert_double_ge(base, path);
  ck_assert_double_le(base, path + slack); /* serialisation of 7 TLPs */
  double one_read = (double)read_time();
  ck_assert_double_eq_tol(base - in_child(transmit_time, IS_PACKED), one_read,
                          slack);
  ck_assert_double_eq_tol(in_child(transmit_time, IS_INDIRECT) - base, one_read,
                          slack);
  ck_assert_double_eq_tol(in_child(transmit_time, TWO_BUFFERS), base, slack);
  ck_assert_double_eq(in_child(transmit_time, LONGER), base + 1e3);
}
END_TEST

static void receive_later(uint64_t payload)
{
  peer_send(0, 0, 0, (uint32_t)payload, b.q[0][0].sequence);
}

/* From the frame's start at the peer: wire, pipeline; then payload and used
 * entry follow each other, an event read, the interrupt. */
START_TEST(receive_is_the_sum_of_its_stages)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.features |= _i ? PACKED : 0;
  bench_build(HD_US);
  peer_at(START + 50 * HD_US, receive_later, 100);
  bench_run(NULL, LONG);
  uint32_t bits = 8 * (packet_frame_bytes(100) + PACKET_WIRE_OVERHEAD);
  hd_time path = START + 50 * HD_US + HD_NS + (hd_time)bits * 10 +
                 b.network.latency + b.params.pipeline_latency + write_time();
  ck_assert_uint_eq(b.writes.n, 1);
  ck_assert_uint_eq(b.writes.e[0].length, HEADER + packet_frame_bytes(100) - 4);
  ck_assert_uint_eq(b.writes.e[0].address, BUFFERS_OF(0, 0));
  ck_assert_int_ge(b.writes.e[0].when, path);
  ck_assert_int_le(b.writes.e[0].when, path + 8 * HD_NS);
  size_t last = b.ring_writes.n - 1; /* index, or the used descriptor */
  while (b.ring_writes.e[last].when > b.writes.e[0].when + 20 * HD_NS)
    last--;
  ck_assert_uint_eq(b.ring_writes.e[last].length, _i ? 16 : 2);
  ck_assert_int_ge(b.ring_writes.e[last].when, b.writes.e[0].when);
  ck_assert_int_le(b.ring_writes.e[last].when, b.writes.e[0].when + 4 * HD_NS);
  ck_assert_uint_eq(b.messages.n, 1);
  ck_assert_uint_eq(b.messages.e[0].data, HANDLE_OF(0, 1));
  hd_time decided = path + read_time();
  ck_assert_int_ge(b.messages.e[0].when, decided);
  ck_assert_int_le(b.messages.e[0].when, decided + 12 * HD_NS);
  ck_assert_uint_eq(b.rx_taken, 1);
  bench_end();
}
END_TEST

/* ---- kicks --------------------------------------------------------------- */

static void send_in_turns(void)
{
  for (hd_time i = 0; i < 100; i++)
    at_host(20 * HD_US + i * 200 * HD_NS, send_later, 1);
}

/* While the device works on the ring, published chains need no kick, and are
 * found by reading the index; none is lost. Sent far apart, each is kicked. */
START_TEST(kicks_are_suppressed_while_busy)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.features = VIRTIO_BIT(VIRTIO_F_VERSION_1) | (_i & 1 ? PACKED : 0) |
               (_i & 2 ? EVENT_IDX : 0);
  bench_build(HD_US);
  bench_run(send_in_turns, LONG);
  struct virtio_device_stats s = stats(0);
  ck_assert_uint_eq(b.arrived[0][1], 100);
  ck_assert_uint_eq(b.q[0][1].taken, 100);
  ck_assert_uint_eq(s.doorbells, b.q[0][1].kicks + b.q[0][0].kicks);
  ck_assert_uint_lt(b.q[0][1].kicks, 70);
  ck_assert_uint_ge(s.index_reads + s.doorbells, 20);
  ck_assert_uint_ge(s.index_reads, 4);
  ck_assert_uint_eq(inside(), 0);
  bench_end();
}
END_TEST

static void send_apart(void)
{
  for (hd_time i = 0; i < 50; i++)
    at_host(20 * HD_US + i * 10 * HD_US, send_later, 1);
}

START_TEST(an_idle_queue_is_kicked_each_time)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.features ^= _i & 1 ? PACKED : 0;
  b.features ^= _i & 2 ? EVENT_IDX : 0;
  bench_build(HD_US);
  bench_run(send_apart, LONG);
  ck_assert_uint_eq(b.q[0][1].kicks, 50);
  ck_assert_uint_eq(b.arrived[0][1], 50);
  /* each time it looks once while it works; then asks for kicks, and looks */
  ck_assert_uint_ge(stats(0).event_writes, 50);
  ck_assert_uint_ge(stats(0).index_reads, 100);
  bench_end();
}
END_TEST

/* A view in memory is not known before the index has been read. */
static void publish_without_kick(uint64_t unused)
{
  struct driver_queue *d = &b.q[0][1];
  (void)unused;
  put_packet(d);
  struct virtq_view v = virtq_driver_publish(&d->side);
  show(d, &v);
}

static void hidden_then_kicked(void)
{
  at_host(50 * HD_US, publish_without_kick, 0);
  at_host(500 * HD_US, send_later, 1);
}

START_TEST(nothing_is_known_without_a_read)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  bench_build(HD_US);
  bench_run(hidden_then_kicked, LONG);
  ck_assert_uint_eq(b.arrivals.n, 2);
  ck_assert_int_gt(b.arrivals.e[0].when, START + 500 * HD_US);
  bench_end();
}
END_TEST

/* ---- interrupts and used entries ----------------------------------------- */

static void burst(uint64_t count)
{
  for (uint64_t i = 0; i < count; i++)
    peer_send(0, 0, 0, 100, b.peer_sent);
}

/* Used entries wait for their batch, or for the oldest's timer, to the
 * picosecond. */
static double used_after(int count)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.params.used_timer = 20 * HD_US;
  bench_build(HD_US);
  peer_at(START + 50 * HD_US, burst, (uint64_t)count);
  bench_run(NULL, LONG);
  MUST(b.writes.n == (size_t)count && b.rx_taken == (uint64_t)count);
  size_t i = 0;
  while (b.ring_writes.e[i].when < b.writes.e[0].when)
    i++;
  return (double)(b.ring_writes.e[i].when - b.writes.e[0].when);
}

START_TEST(used_entries_wait_for_batch_or_timer)
{
  /* serialisation of what is between: below 3 ns a TLP */
  ck_assert_double_eq_tol(in_child(used_after, 1), 20e6, 4e3);
  ck_assert_double_eq_tol(in_child(used_after, 7), 20e6, 4e3);
  bench_defaults(VIRTIO_NET, 1, 2);
  double frame = 80.0 * (packet_frame_bytes(100) + PACKET_WIRE_OVERHEAD);
  ck_assert_double_eq_tol(in_child(used_after, 8), 7 * frame, 20e3);
}
END_TEST

/* Moderation: an interrupt for so many, or so late. */
static double interrupt_after(int count)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.params.coalesce_time = 50 * HD_US;
  b.params.coalesce_packets = 4;
  b.features &= ~EVENT_IDX; /* the flag asks for all interrupts */
  bench_build(HD_US);
  peer_at(START + 50 * HD_US, burst, (uint64_t)count);
  bench_run(NULL, LONG);
  MUST(b.messages.n > 0 && b.rx_taken == (uint64_t)count);
  return (double)(b.messages.e[0].when - b.writes.e[0].when);
}

START_TEST(moderation_waits_for_count_or_time)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  double decision = (double)read_time();
  ck_assert_double_eq_tol(in_child(interrupt_after, 1), decision + 50e6, 12e3);
  ck_assert_double_eq_tol(in_child(interrupt_after, 3), decision + 50e6, 12e3);
  ck_assert_double_le(in_child(interrupt_after, 8), 3 * decision);
}
END_TEST

/* What the driver wants is read from memory: it has kicked nobody to say so. */
START_TEST(each_lone_frame_interrupts)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.features ^= (_i & 1 ? PACKED : 0) | (_i & 2 ? EVENT_IDX : 0);
  bench_build(HD_US);
  for (int i = 0; i < 20; i++)
    peer_at(START + (50 + i * 20) * HD_US, burst, 1);
  bench_run(NULL, LONG);
  ck_assert_uint_eq(b.messages.n, 20);
  ck_assert_uint_eq(b.rx_taken, 20);
  ck_assert_uint_eq(stats(0).event_reads, 20);
  bench_end();
}
END_TEST

/* Drivers that poll are not interrupted, whatever the ring. */
static void stream(void)
{
  b.q[0][1].depth = 64;
  refill(&b.q[0][1]);
}

START_TEST(pollers_get_no_interrupts)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.features = VIRTIO_BIT(VIRTIO_F_VERSION_1) | (_i ? PACKED : 0);
  b.polls = true;
  bench_build(HD_US);
  peer_at(START + 10 * HD_US, burst, 200);
  bench_run(stream, START + 200 * HD_US);
  struct virtio_device_stats s = stats(0);
  ck_assert_uint_eq(b.messages.n, 0);
  ck_assert_uint_eq(s.interrupts, 0);
  ck_assert_uint_gt(s.suppressed, 10);
  ck_assert_uint_gt(b.arrived[0][1], 1000);
  ck_assert_uint_eq(b.rx_taken, 200);
  bench_end();
}
END_TEST

/* ---- receive ------------------------------------------------------------- */

/* A packet of several buffers: the first has the cookie. */
START_TEST(mergeable_buffers_are_filled_one_after_another)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.features |= MERGEABLE | (_i & 1 ? PACKED : 0) | (_i & 2 ? IN_ORDER : 0);
  b.q[0][0].buffer = 256;
  bench_build(HD_US);
  peer_at(START + 50 * HD_US, receive_later, 1000);
  bench_run(NULL, LONG);
  uint32_t left = HEADER + packet_frame_bytes(1000) - 4;
  ck_assert_uint_eq(b.rx_taken, 1);
  ck_assert_uint_eq(b.q[0][0].taken, (left + 255) / 256);
  for (size_t i = 0; left > 0; i++) {
    uint32_t part = left < 256 ? left : 256;
    ck_assert_uint_eq(b.writes.e[i].length, part);
    left -= part;
  }
  bench_end();
}
END_TEST

START_TEST(too_long_without_mergeable_buffers)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.q[0][0].buffer = 256;
  bench_build(HD_US);
  peer_at(START + 50 * HD_US, receive_later, 1000);
  peer_at(START + 60 * HD_US, receive_later, 100);
  bench_run(NULL, LONG);
  ck_assert_uint_eq(stats(0).rx_oversize, 1);
  ck_assert_uint_eq(b.rx_taken, 1);
  bench_end();
}
END_TEST

static void few_buffers(void)
{
  post_buffers(&b.q[0][0], 10);
}

START_TEST(frames_without_buffers_are_dropped)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.q[0][0].stalled = true;
  b.features |= _i ? PACKED : 0;
  bench_build(HD_US);
  peer_at(START + 50 * HD_US, burst, 30);
  bench_run(few_buffers, LONG);
  struct virtio_device_stats s = stats(0);
  ck_assert_uint_eq(b.rx_taken, 10);
  ck_assert_uint_eq(s.rx_no_buffer, 20);
  ck_assert_uint_eq(s.rx_dropped, 20);
  ck_assert_uint_eq(inside(), 0);
  bench_end();
}
END_TEST

static void to_nobody(uint64_t unused)
{
  (void)unused;
  peer_send(0, 3, 0, 100, 0);
  peer_send(0, 0, 1, 100, 0);
}

START_TEST(frames_for_nobody_and_full_buffer)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.params.rx_buffer = 2048;
  b.params.pipeline_latency = 20 * HD_US;
  bench_build(HD_US);
  peer_at(START + 50 * HD_US, to_nobody, 0);
  peer_at(START + 150 * HD_US, burst, 20);
  bench_run(NULL, LONG);
  struct virtio_device_stats s = stats(0);
  uint64_t fit = 2048 / packet_frame_bytes(100);
  ck_assert_uint_eq(s.rx_unrouted, 2);
  ck_assert_uint_eq(s.rx_no_packet_buffer, 20 - fit);
  ck_assert_uint_eq(b.rx_taken, fit);
  bench_end();
}
END_TEST

/* ---- transmit under load ------------------------------------------------- */

static void two_streams(void)
{
  b.q[0][1].payload = 1472;
  b.q[1][1].payload = 50;
  for (int vm = 0; vm < 2; vm++) {
    b.q[vm][1].depth = 200;
    refill(&b.q[vm][1]);
  }
}

/* Turns go by bytes of frames, not by packets: large and small frames get the
 * same rate. The slow wire is the bottleneck. */
START_TEST(functions_share_by_bytes)
{
  bench_defaults(VIRTIO_NET, 2, 2);
  b.network.rate = 10000000000;
  b.params.tx_buffer = 8192;
  b.window.start = START + 200 * HD_US;
  bench_build(HD_US);
  bench_run(two_streams, START + 2 * HD_MS);
  double large = (double)(b.arrived[0][1] * (uint64_t)packet_frame_bytes(1472));
  double small = (double)(b.arrived[1][1] * (uint64_t)packet_frame_bytes(50));
  ck_assert_double_gt(large, 5e5);
  /* a quantum and a frame of 1.1 MB each */
  ck_assert_double_eq_tol(large / small, 1, 0.01);
  bench_end();
}
END_TEST

/* Little's law, and no more tags than ring reads and packet buffer allow. */
START_TEST(littles_law_holds)
{
  bench_defaults(VIRTIO_NET, 2, 2);
  b.window.start = START + 100 * HD_US;
  b.network.rate = 40000000000;
  bench_build(HD_US);
  bench_run(two_streams, START + 2 * HD_MS);
  struct virtio_device_stats s = stats(0);
  double span = (double)(START + 2 * HD_MS - b.window.start);
  double l = (double)s.chain_time / span;
  ck_assert_uint_gt(s.completed, 5000);
  ck_assert_double_eq_tol(l / s.chains_mean, 1, 0.01);
  double tags = (double)s.read_latency_sum / span;
  ck_assert_double_eq_tol(tags / s.tags_mean, 1, 0.01);
  bench_end();
}
END_TEST

/* Payloads that come out of order leave in order. */
static void slow_stream(void)
{
  b.q[0][1].depth = 100;
  refill(&b.q[0][1]);
}

START_TEST(frames_leave_in_order)
{
  bench_defaults(VIRTIO_NET, 1, 2);
  b.features |= (_i & 1 ? PACKED : 0) | (_i & 2 ? IN_ORDER : 0);
  b.slow = 2 * HD_US;
  bench_build(HD_US);
  bench_run(slow_stream, START + 500 * HD_US);
  ck_assert_uint_gt(b.arrived[0][1], 2000);
  ck_assert_uint_eq(b.next[0][1], b.arrived[0][1]);
  bench_end();
}
END_TEST

/* ---- identity ------------------------------------------------------------ */

static void one_each(void)
{
  send_packets(0, 1, 1);
  send_packets(1, 1, 1);
}

START_TEST(each_function_has_its_own_identity)
{
  bench_defaults(VIRTIO_NET, 2, 2);
  bench_build(HD_US);
  bench_run(one_each, LONG);
  ck_assert_uint_eq(b.arrivals.n, 2);
  for (size_t i = 0; i < b.ring_reads.n; i++) {
    const struct entry *e = &b.ring_reads.e[i];
    int vm = (int)(e->address >> 28) - 1;
    ck_assert_int_eq(e->requester, 0x0200 + vm);
    ck_assert_int_eq((e->flags & PCIE_HAS_PASID) != 0, vm == 1);
    ck_assert_uint_eq(e->pasid, vm == 1 ? 77 : 0);
  }
  for (size_t i = 0; i < b.messages.n; i++)
    ck_assert_uint_eq(b.messages.e[i].flags & PCIE_HAS_PASID, 0);
  bench_end();
}
END_TEST

/* ---- failures ------------------------------------------------------------ */

/* A chain that loops: only its queue fails; the driver is told by vector 0. */
static void break_a_chain(uint64_t unused)
{
  struct driver_queue *d = &b.q[0][1];
  (void)unused;
  put_packet(d);
  uint16_t id = newest(d);
  if (d->ring.packed)
    d->ring.desc[d->side.side.published.index].flags |= VIRTQ_DESC_NEXT;
  else {
    d->ring.desc[id].flags |= VIRTQ_DESC_NEXT;
    d->ring.desc[id].link = id;
  }
  publish(d);
}

static void others_go_on(uint64_t unused)
{
  (void)unused;
  send_packets(0, 1, 1);
  send_packets(1, 1, 5);
}

static void break_one_queue(void)
{
  at_host(50 * HD_US, break_a_chain, 0);
  at_host(150 * HD_US, others_go_on, 0);
}

START_TEST(a_bad_chain_fails_only_its_queue)
{
  bench_defaults(VIRTIO_NET, 2, 2);
  b.features |= _i ? PACKED : 0;
  bench_build(HD_US);
  bench_run(break_one_queue, LONG);
  struct virtio_device_stats s = stats(0);
  ck_assert_uint_eq(s.failed_queues, 1);
  ck_assert_uint_eq(b.arrived[0][1], 0);
  ck_assert_uint_eq(b.arrived[1][1], 5);
  ck_assert_uint_eq(b.messages.e[0].data, HANDLE_OF(0, 0));
  bench_end();
}
END_TEST

/* Ring structures that cannot be read fail the function's queues; packets that
 * cannot be read are lost one by one. */
START_TEST(unreadable_rings_and_payloads)
{
  bench_defaults(VIRTIO_NET, 2, 2);
  b.bad_every = 3;
  b.ring_bad = true;
  b.window.start = 0;
  bench_build(HD_US);
  bench_run(two_streams, START + 100 * HD_US);
  struct virtio_device_stats s = stats(0);
  ck_assert_uint_eq(b.arrived[0][1], 0);
  ck_assert_uint_ge(s.failed_queues, 1);
  ck_assert_uint_gt(b.arrived[1][1], 500);
  ck_assert_uint_gt(s.tx_faulted, b.arrived[1][1] * 4 / 10);
  ck_assert_uint_lt(s.tx_faulted, b.arrived[1][1] * 6 / 10);
  bench_end();
}
END_TEST

/* ---- reset and removal --------------------------------------------------- */

static void stop_now(uint64_t type)
{
  issue(0, command((enum virtio_admin_type)type, 0));
}

static void stop_in_traffic(void)
{
  two_streams();
  at_host(30 * HD_US, stop_now, VIRTIO_ADMIN_STOP);
  at_host(60 * HD_US, stop_now, VIRTIO_ADMIN_REMOVE_FUNCTION);
}

static uint64_t in_rings(int vm, int q)
{
  uint64_t n = 0;
  for (uint32_t i = 0; i < b.ring; i++)
    n += b.rings[vm][q]->cookie[i] != NULL;
  return n;
}

/* The other function goes on; every packet is somewhere. */
START_TEST(reset_in_mid_traffic_loses_no_packet_unaccounted)
{
  bench_defaults(VIRTIO_NET, 2, 2);
  b.features |= _i ? PACKED : 0;
  bench_build(HD_US);
  peer_at(START + 25 * HD_US, burst, 100);
  bench_run(stop_in_traffic, START + 300 * HD_US);
  for (int i = 0; i < b.commands; i++)
    ck_assert(!b.command[i].failed);
  ck_assert_int_eq(b.commands_done, b.commands);
  uint64_t live = b.packets.created - b.packets.destroyed;
  uint64_t rings = in_rings(0, 1) + in_rings(1, 1);
  uint64_t wires = wire_packets_inside(b.wire[0]);
  ck_assert_uint_le(rings + inside() + wires, live);
  /* frames on the wire that the sender still counts, and told received ones */
  ck_assert_uint_ge(rings + inside() + wires + 16, live);
  ck_assert_uint_gt(b.bytes[1][1], b.bytes[0][1] / 20);
  bench_end();
}
END_TEST

/* ---- property: random traffic -------------------------------------------- */

enum { VARIANTS = 32, ROUNDS = 60 };
static gsl_rng *rng;
static uint64_t rx_next[MAX_VMS][MAX_QUEUES];

static void random_send(uint64_t where)
{
  struct driver_queue *d = &b.q[where >> 8][where & 255];
  uint32_t count = (uint32_t)gsl_rng_uniform_int(rng, 40) + 1;
  for (; count > 0 && room(d, b.two_buffers ? 2 : 1); count--) {
    d->payload = (uint32_t)gsl_rng_uniform_int(rng, 1400) + 18;
    put_packet(d);
  }
  publish(d);
}

static void random_frames(uint64_t where)
{
  int vm = (int)(where >> 8), pair = (int)(where & 255);
  uint64_t count = gsl_rng_uniform_int(rng, 60) + 1;
  for (uint64_t i = 0; i < count; i++)
    peer_send(0, vm, pair, (uint32_t)gsl_rng_uniform_int(rng, 1400) + 18,
              rx_next[vm][pair]++);
}

static void random_traffic(void)
{
  for (int i = 0; i < ROUNDS; i++) {
    uint64_t vm = gsl_rng_uniform_int(rng, 2);
    uint64_t pair = gsl_rng_uniform_int(rng, 2);
    hd_time when = (hd_time)gsl_rng_uniform_int(rng, 300) * HD_US / 2;
    at_host(when, random_send, vm << 8 | (2 * pair + 1));
  }
}

/* Every ring format; views that arrive after the look they were to be found by,
 * and doorbells that later views have overtaken. In the end everything has
 * arrived or was dropped with a reason, all chains are back, nobody waits for a
 * signal that will not come. */
START_TEST(random_traffic_is_conserved)
{
  bench_defaults(VIRTIO_NET, 2, 4);
  b.features = VIRTIO_BIT(VIRTIO_F_VERSION_1) | (_i & 1 ? PACKED : 0) |
               (_i & 2 ? EVENT_IDX : 0) | (_i & 4 ? IN_ORDER : 0) |
               (_i & 8 ? MERGEABLE : 0) | (_i & 16 ? INDIRECT : 0);
  b.table = _i & 16 ? 4 : 0;
  b.two_buffers = (_i & 16) != 0;
  b.polls = _i % 5 == 4;
  b.slow = _i % 3 == 2 ? HD_US : 0;
  b.late_views = _i % 4 == 1 || _i >= VARIANTS ? 900 * HD_NS : 0;
  b.late_doorbells = _i % 4 == 2 ? 900 * HD_NS : 0;
  rng = hd_rng_new(3, "test", "traffic");
  gsl_rng_set(rng, (unsigned long)_i + 1);
  for (int vm = 0; vm < 2 && _i & 8; vm++)
    b.q[vm][0].buffer = b.q[vm][2].buffer = 600;
  bench_build(_i & 1 ? HD_US : 0);
  for (int i = 0; i < ROUNDS; i++)
    peer_at(START + (hd_time)gsl_rng_uniform_int(rng, 300) * HD_US / 2,
            random_frames,
            gsl_rng_uniform_int(rng, 2) << 8 | gsl_rng_uniform_int(rng, 2));
  bench_run(random_traffic, LONG);
  struct virtio_device_stats s = stats(0);
  ck_assert_uint_eq(inside(), 0);
  uint64_t sent = 0;
  for (int vm = 0; vm < 2; vm++)
    for (int q = 1; q < 4; q += 2) {
      ck_assert_uint_eq(b.q[vm][q].taken, b.q[vm][q].added);
      ck_assert_uint_eq(b.arrived[vm][q], b.q[vm][q].sequence);
      sent += b.q[vm][q].sequence;
    }
  ck_assert_uint_gt(sent, 500);
  ck_assert_uint_eq(s.tx_packets, sent);
  ck_assert_uint_eq(s.rx_packets, b.rx_taken);
  ck_assert_uint_eq(b.rx_taken + s.rx_dropped, b.peer_sent);
  ck_assert_uint_eq(s.rx_unrouted + s.rx_oversize, 0);
  ck_assert_uint_gt(b.rx_taken, 500);
  ck_assert_uint_eq(b.packets.created, b.packets.destroyed);
  gsl_rng_free(rng);
  bench_end();
}
END_TEST

int main(void)
{
  Suite *s = suite_create("virtio_device_net");
  TCase *t = tcase_create("net");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, transmit_is_the_sum_of_its_stages);
  tcase_add_loop_test(t, receive_is_the_sum_of_its_stages, 0, 2);
  tcase_add_loop_test(t, kicks_are_suppressed_while_busy, 0, 4);
  tcase_add_loop_test(t, an_idle_queue_is_kicked_each_time, 0, 4);
  tcase_add_test(t, nothing_is_known_without_a_read);
  tcase_add_test(t, used_entries_wait_for_batch_or_timer);
  tcase_add_test(t, moderation_waits_for_count_or_time);
  tcase_add_loop_test(t, each_lone_frame_interrupts, 0, 4);
  tcase_add_loop_test(t, pollers_get_no_interrupts, 0, 2);
  tcase_add_loop_test(t, mergeable_buffers_are_filled_one_after_another, 0, 4);
  tcase_add_test(t, too_long_without_mergeable_buffers);
  tcase_add_loop_test(t, frames_without_buffers_are_dropped, 0, 2);
  tcase_add_test(t, frames_for_nobody_and_full_buffer);
  tcase_add_test(t, functions_share_by_bytes);
  tcase_add_test(t, littles_law_holds);
  tcase_add_loop_test(t, frames_leave_in_order, 0, 4);
  tcase_add_test(t, each_function_has_its_own_identity);
  tcase_add_loop_test(t, a_bad_chain_fails_only_its_queue, 0, 2);
  tcase_add_test(t, unreadable_rings_and_payloads);
  tcase_add_loop_test(t, reset_in_mid_traffic_loses_no_packet_unaccounted, 0,
                      2);
  tcase_add_loop_test(t, random_traffic_is_conserved, 0, 2 * VARIANTS);
  suite_add_tcase(s, t);
  return run_suite(s);
}
