/*
 * test_vhost_net.c - vhost-net on a whole server: rates, sleep and wake, loss,
 * sharing of a core, signals.
 *
 * What a green run does not prove: that the costs are those of a real kernel.
 */
#include "test_vhost.h"

/* ---- rates ------------------------------------------------------------------
 */

/* Cycles of the worker per packet when it never finds the ring empty: the chain
 * of costs of vhost_net.c, batches and work items full, signals as counted. */
static double packet_cycles(const struct vhost_pair_stats *st, double bytes)
{
  const struct vhost_params *p = &r.params;
  return (double)(p->descriptor + p->tun_send + p->bridge + p->transmit +
                  p->clean_descriptor + p->used + r.cpu.mmio_write_cost) +
         p->copy_per_byte * bytes + (double)p->send_batch / (double)p->batch +
         (double)p->work / (double)p->weight_packets +
         (double)(p->signal * (int64_t)st->signals) / (double)st->tx_packets;
}

/* 2 %: a batch or two more or less in the window (64 of 16000). */
START_TEST(worker_sends_at_the_rate_of_its_costs)
{
  rig_defaults(1, VHOST_NET, WORKLOAD_UDP_STREAM);
  rig_cheap_guests();
  r.guest[0].udp.payload = _i;
  r.duration = 20 * HD_MS;
  rig_run();
  struct vhost_pair_stats st = rig_pair(0);
  double cycles = packet_cycles(&st, packet_frame_bytes((uint32_t)_i) - 4);
  rig_near("packets/s", (double)st.tx_packets / rig_seconds(),
           1 / rig_cycles(cycles), 0.02);
  rig_near("at the client", (double)rig_client(0).packets,
           (double)st.tx_packets, 0.02);
  rig_near("cores", rig_thread(0).cores, 1, 0.01);
  ck_assert_uint_eq(vhost_transmit_drops(r.vhost), 0);
  rig_end();
}
END_TEST

static double rate_with_batch(int batch)
{
  rig_defaults(1, VHOST_NET, WORKLOAD_UDP_STREAM);
  rig_cheap_guests();
  r.params.batch = batch;
  rig_run();
  return (double)rig_pair(0).tx_packets;
}

/* LKML: 26 to 45 % more packets with batches of 64. */
START_TEST(batching_gains_what_was_measured)
{
  double gain =
      rig_in_child(rate_with_batch, 64) / rig_in_child(rate_with_batch, 1);
  ck_assert_msg(gain > 1.26 && gain < 1.6, "gain %.3f", gain);
}
END_TEST

/* Frames from the wire: NAPI thread, tap queue, worker, one after another. */
START_TEST(worker_receives_at_the_rate_of_its_costs)
{
  rig_defaults(1, VHOST_NET, WORKLOAD_DPDK_FORWARD);
  rig_cheap_guests();
  r.params.net_queues = 1;
  r.params.tun_queue = 64;
  r.params.work = r.params.descriptor = r.params.tun_receive = 1000;
  r.params.tun_send = r.params.bridge = r.params.transmit = 100;
  r.guest[0].dpdk = (struct dpdk_forward_params){18, 300000000, 1, false, 32};
  rig_run();
  struct vhost_pair_stats st = rig_pair(0);
  uint64_t in = st.rx_packets + st.drop_tun, out = rig_client(0).generated;
  ck_assert_uint_gt(st.drop_tun, 1000);
  ck_assert_uint_le(in > out ? in - out : out - in, 200); /* under way */
  rig_near("cores", rig_thread(0).cores, 1, 0.01);
  rig_end();
}
END_TEST

/* ---- sleep and wake
 * ---------------------------------------------------------- */

/* Echo requests whose phase against the host's own timing walks; a lost kick,
 * wake-up or signal ends the sequence. */
static const hd_time intervals[] = {0, 17300 * HD_NS, 41900 * HD_NS,
                                    93100 * HD_NS};

static void ping(int seed)
{
  rig_defaults(2, VHOST_NET, WORKLOAD_PING);
  r.seed = (uint64_t)seed;
  r.params.itr = seed % 2 ? 0 : 50 * HD_US;
  r.virtio.event_idx = seed % 3 != 0;
  r.virtio.packed = seed % 5 == 1;
  r.irq.posted = seed % 4 != 2;
  r.guest[0].ping.interval = intervals[seed % 4];
  r.guest[1].ping.interval = intervals[(seed + 1) % 4];
}

START_TEST(no_request_is_lost)
{
  ping(_i);
  rig_run();
  for (uint32_t g = 0; g < r.guests; g++) {
    struct guest_stats st = rig_guest_stats(g);
    hd_time interval = hd_time_max(r.guest[g].ping.interval, 200 * HD_US);
    ck_assert_uint_ge(st.requests + 2, (uint64_t)(r.duration / interval));
    ck_assert_uint_eq(st.lost, 0);
    ck_assert_double_lt(hd_histogram_max_ns(guest_latency(r.vm[g])), 300e3);
    ck_assert_uint_eq(rig_pair(g).drop_tun, 0);
  }
  rig_end();
}
END_TEST

/* Both ways at a rate at which the worker sleeps between packets and bursts. */
START_TEST(every_packet_arrives_once)
{
  rig_defaults(3, VHOST_NET, WORKLOAD_DPDK_FORWARD);
  r.seed = (uint64_t)_i + 100;
  r.virtio.packed = _i % 2;
  r.virtio.in_order = _i % 3 == 1;
  r.virtio.mergeable = _i % 3 != 2;
  r.params.busyloop_timeout = _i % 4 == 3 ? 20 * HD_US : 0;
  r.guest[1].workload = WORKLOAD_UDP_STREAM;
  r.guest[1].udp = (struct udp_stream_params){
      512, 3, 40000000, THREADS_SINGLE, 100 * HD_US, ""};
  r.guest[1].queue_pairs = r.guest[1].vcpus = 2;
  rig_run();
  uint64_t due = rig_client(0).generated, came = rig_client(0).packets;
  ck_assert_uint_gt(due, 1000);
  ck_assert_uint_le(due > came ? due - came : came - due, 64); /* under way */
  struct client_vm_stats udp = rig_client(1);
  struct guest_stats sent = rig_guest_stats(1);
  ck_assert_uint_gt(udp.packets, 100);
  ck_assert_uint_eq(udp.reordered + udp.duplicated + udp.lost, 0);
  ck_assert_uint_le(sent.sent_packets > udp.packets
                        ? sent.sent_packets - udp.packets
                        : udp.packets - sent.sent_packets,
                    64);
  ck_assert_uint_eq(rig_guest_stats(0).dropped + rig_pair(0).drop_tun, 0);
  rig_end();
}
END_TEST

/* A guest that is too slow leaves no buffers: the worker waits for its kick,
 * the tap queue overflows, and all that the guest takes arrives. */
START_TEST(waits_for_buffers_and_drops_in_the_tap_queue)
{
  rig_defaults(1, VHOST_NET, WORKLOAD_DPDK_FORWARD);
  r.virtio.ring_size = 32;
  r.params.tun_queue = 128;
  r.costs.poll_packet = 20000; /* 10 us */
  r.guest[0].dpdk = (struct dpdk_forward_params){18, 40000000, 1, true, 32};
  rig_run();
  struct vhost_pair_stats st = rig_pair(0);
  rig_near("packets/s", (double)st.rx_packets / rig_seconds(),
           1 / rig_cycles(20000), 0.1); /* the poll's other costs */
  ck_assert_uint_gt(st.drop_tun, 500);
  ck_assert_uint_gt(st.kicks, 10);
  ck_assert_uint_eq(st.drop_buffers + st.drop_long, 0);
  ck_assert_double_lt(rig_thread(0).cores, 0.8); /* it sleeps meanwhile */
  rig_end();
}
END_TEST

/* At four fifths of what it can take the guest runs out of buffers now and
 * then; the worker goes on when they come, and nothing is lost. */
START_TEST(goes_on_when_buffers_come)
{
  rig_defaults(1, VHOST_NET, WORKLOAD_DPDK_FORWARD);
  r.virtio.ring_size = 32;
  r.params.itr = 600 * HD_US;  /* 48 frames */
  r.costs.poll_packet = 20000; /* 10 us: 100 kpps */
  r.duration = 40 * HD_MS;
  r.guest[0].dpdk = (struct dpdk_forward_params){18, 11500000, 1, true, 32};
  rig_run();
  struct vhost_pair_stats st = rig_pair(0);
  uint64_t due = rig_client(0).generated, came = rig_client(0).packets;
  ck_assert_uint_gt(st.buffer_waits, 3);
  ck_assert_uint_eq(st.drop_tun, 0);
  ck_assert_uint_le(due > came ? due - came : came - due, 150); /* under way */
  rig_end();
}
END_TEST

/* The wire is slower than the worker: packets wait in the ring and behind it,
 * the rest is dropped there; order is kept. */
START_TEST(a_slow_wire_fills_the_queueing_discipline)
{
  rig_defaults(1, VHOST_NET, WORKLOAD_UDP_STREAM);
  rig_cheap_guests();
  r.network.rate = 200000000;
  r.params.qdisc = 100;
  r.duration = 20 * HD_MS;
  rig_run();
  struct client_vm_stats st = rig_client(0);
  rig_near("packets/s", (double)st.packets / rig_seconds(),
           2e8 / 8 / (packet_frame_bytes(64) + PACKET_WIRE_OVERHEAD), 0.01);
  ck_assert_uint_gt(vhost_transmit_drops(r.vhost), 5000);
  ck_assert_uint_eq(st.reordered + st.duplicated, 0);
  rig_end();
}
END_TEST

static double kicks_with_polling(int microseconds)
{
  rig_defaults(1, VHOST_NET, WORKLOAD_UDP_STREAM);
  r.guest[0].udp.rate = 20000000; /* 39 kpps: every 26 us */
  r.guest[0].udp.pacing_timer = 26 * HD_US;
  r.params.busyloop_timeout = microseconds * HD_US;
  rig_run();
  ck_assert_uint_gt(rig_pair(0).tx_packets, 200);
  return (double)rig_pair(0).kicks / (double)rig_pair(0).tx_packets;
}

START_TEST(busy_loop_saves_kicks)
{
  ck_assert_double_gt(rig_in_child(kicks_with_polling, 0), 0.8);
  ck_assert_double_lt(rig_in_child(kicks_with_polling, 60), 0.1);
}
END_TEST

/* ---- a core for two ---------------------------------------------------------
 */

static double rate_on_cores(int cores)
{
  rig_defaults(1, VHOST_NET, WORKLOAD_UDP_STREAM);
  r.cpu.cores = cores;
  r.warmup = 20 * HD_MS;
  r.duration = 60 * HD_MS;
  r.cpu.halt_poll = 0;
  rig_run();
  struct guest_stats g = rig_guest_stats(0);
  double guest = (double)(g.guest_time + g.host_time) / (double)r.duration;
  if (cores == 1) {
    ck_assert_double_le(guest + vhost_cores(r.vhost, r.end), 1.0001);
    ck_assert_double_gt(guest + vhost_cores(r.vhost, r.end), 0.95);
  }
  return (double)rig_pair(0).tx_packets / rig_seconds();
}

/* The guest alone needs g a packet, the worker w; on one core they need g + w
 * (less kicks and signals, more switches: within 25 %). */
START_TEST(worker_and_vcpu_share_a_core)
{
  double one = rig_in_child(rate_on_cores, 1);
  double two = rig_in_child(rate_on_cores, 2);
  ck_assert_msg(one < 0.75 * two && one > 0.25 * two,
                "%.0f on one core, %.0f on two", one, two);
}
END_TEST

/* ---- signals
 * ----------------------------------------------------------------- */

/* Exits for interrupts a signal. */
static double exits_a_signal(int posted)
{
  rig_defaults(1, VHOST_NET, WORKLOAD_UDP_STREAM);
  r.irq.posted = posted;
  r.guest[0].udp.payload = 1470;
  rig_run();
  struct guest_stats g = rig_guest_stats(0);
  ck_assert_uint_gt(rig_pair(0).signals, 100);
  ck_assert_uint_gt(g.interrupts, 100);
  return (double)g.exits[EXIT_EXTERNAL_INTERRUPT] / (double)rig_pair(0).signals;
}

START_TEST(signals_exit_only_when_not_posted)
{
  ck_assert_double_eq(rig_in_child(exits_a_signal, 1), 0);
  ck_assert_double_gt(rig_in_child(exits_a_signal, 0), 0.1);
}
END_TEST

/* ---- receive queues of the host ---------------------------------------------
 */

START_TEST(flows_spread_over_the_hosts_queues)
{
  rig_defaults(16, VHOST_NET, WORKLOAD_DPDK_FORWARD);
  r.params.net_queues = 4;
  r.duration = 4 * HD_MS;
  for (uint32_t g = 0; g < r.guests; g++)
    r.guest[g].dpdk.rate = 5000000;
  rig_run();
  uint64_t least = UINT64_MAX, sum = 0;
  for (size_t i = 16; i < 20; i++) {
    struct vhost_thread_stats st = rig_thread(i);
    ck_assert_int_eq(st.role, VHOST_NAPI);
    ck_assert_uint_eq(st.unknown, 0);
    least = st.packets < least ? st.packets : least;
    sum += st.packets;
  }
  ck_assert_uint_gt(sum, 1000);
  ck_assert_uint_gt(least, sum / 16); /* 64 flows over 4 queues */
  rig_end();
}
END_TEST

/* ---- order of actors
 * ---------------------------------------------------------- */

struct variant {
  hd_time run_ahead;
  uint32_t shuffle;
};
static const struct variant variants[] = {
    {100 * HD_NS, 0}, {0, 0}, {HD_US, 0}, {0, 5}, {100 * HD_NS, 9}};

static double fingerprint(int i)
{
  rig_defaults(2, VHOST_NET, WORKLOAD_PING);
  r.guest[1].kind = VHOST_USER;
  r.guest[1].workload = WORKLOAD_DPDK_FORWARD;
  r.run_ahead = variants[i].run_ahead;
  r.shuffle = variants[i].shuffle;
  r.warmup = r.duration = HD_MS;
  rig_run();
  struct hd_engine_report report;
  hd_engine_get_report(r.engine, &report);
  return (double)(report.fingerprint >> 12); /* exact in a double */
}

START_TEST(results_do_not_depend_on_the_order_of_actors)
{
  double first = rig_in_child(fingerprint, 0);
  for (int i = 1; i < 5; i++)
    ck_assert_double_eq(rig_in_child(fingerprint, i), first);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("vhost_net");
  TCase *t = tcase_create("vhost_net");
  tcase_set_timeout(t, 120);
  tcase_add_loop_test(t, worker_sends_at_the_rate_of_its_costs, 64, 65);
  tcase_add_loop_test(t, worker_sends_at_the_rate_of_its_costs, 1470, 1471);
  tcase_add_test(t, batching_gains_what_was_measured);
  tcase_add_test(t, worker_receives_at_the_rate_of_its_costs);
  tcase_add_loop_test(t, no_request_is_lost, 1, 13);
  tcase_add_loop_test(t, every_packet_arrives_once, 0, 8);
  tcase_add_test(t, waits_for_buffers_and_drops_in_the_tap_queue);
  tcase_add_test(t, goes_on_when_buffers_come);
  tcase_add_test(t, a_slow_wire_fills_the_queueing_discipline);
  tcase_add_test(t, busy_loop_saves_kicks);
  tcase_add_test(t, worker_and_vcpu_share_a_core);
  tcase_add_test(t, signals_exit_only_when_not_posted);
  tcase_add_test(t, flows_spread_over_the_hosts_queues);
  tcase_add_test(t, results_do_not_depend_on_the_order_of_actors);
  suite_add_tcase(s, t);
  return rig_main(s);
}
