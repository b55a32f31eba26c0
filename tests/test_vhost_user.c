/*
 * test_vhost_user.c - vhost-user's poll-mode threads on a whole server: rates,
 * scaling, steering, cores of their own.
 *
 * What a green run does not prove: that the costs are those of a real switch.
 */
#include "test_vhost.h"

/* ---- idle
 * --------------------------------------------------------------------- */

START_TEST(an_idle_poll_mode_thread_is_busy_and_costs_no_events)
{
  rig_defaults(1, VHOST_USER, WORKLOAD_IDLE);
  r.params.pmd_cores = 3;
  r.duration = 100 * HD_MS;
  rig_run();
  ck_assert_uint_eq(vhost_n_threads(r.vhost), 3);
  for (size_t i = 0; i < 3; i++) {
    ck_assert_double_eq(rig_thread(i).cores, 1);
    ck_assert_uint_eq(rig_thread(i).packets, 0);
  }
  struct scheduler_stats st;
  scheduler_get_stats(r.scheduler, &st);
  ck_assert_double_ge(st.cores_busy, 3);
  ck_assert_uint_eq(scheduler_cores_reserved(r.scheduler), 3);
  struct hd_engine_report report; /* 15 million empty polls */
  hd_engine_get_report(r.engine, &report);
  ck_assert_uint_lt(report.events, 20000);
  rig_end();
}
END_TEST

/* ---- rates
 * --------------------------------------------------------------------- */

/* Cycles per packet sent when each poll finds a full burst. */
static double packet_cycles(const struct vhost_pair_stats *st, double bytes)
{
  const struct vhost_params *p = &r.params;
  double per_burst = (double)(2 * p->user_poll + r.cpu.mmio_write_cost);
  return (double)(p->user_descriptor + p->user_forward + p->user_transmit +
                  p->clean_descriptor) +
         p->user_copy_per_byte * bytes + per_burst / (double)p->user_burst +
         (double)(p->user_signal * (int64_t)st->signals) /
             (double)st->tx_packets;
}

/* 2 %: bursts that are not full. */
START_TEST(thread_sends_at_the_rate_of_its_costs)
{
  rig_defaults(1, VHOST_USER, WORKLOAD_UDP_STREAM);
  rig_cheap_guests();
  r.params.pmd_cores = 1;
  r.params.user_descriptor = 300; /* the guest is faster */
  r.guest[0].udp.payload = _i;
  rig_run();
  struct vhost_pair_stats st = rig_pair(0);
  double cycles = packet_cycles(&st, packet_frame_bytes((uint32_t)_i) - 4);
  rig_near("packets/s", (double)st.tx_packets / rig_seconds(),
           1 / rig_cycles(cycles), 0.02);
  rig_near("at the client", (double)rig_client(0).packets,
           (double)st.tx_packets, 0.02);
  ck_assert_uint_le(st.kicks, 1);
  rig_end();
}
END_TEST

static double rate_of_threads(int threads)
{
  rig_defaults(4, VHOST_USER, WORKLOAD_UDP_STREAM);
  rig_cheap_guests();
  r.params.pmd_cores = threads;
  r.params.user_descriptor = 800; /* about 2 Mpps a thread */
  r.network.rate = 4000000000;    /* 3.85 Mpps of 110 + 20 B */
  r.duration = 4 * HD_MS;
  rig_run();
  uint64_t packets = 0;
  for (uint32_t g = 0; g < r.guests; g++)
    packets += rig_client(g).packets;
  return (double)packets / rig_seconds();
}

START_TEST(threads_scale_until_the_wire)
{
  double one = rig_in_child(rate_of_threads, 1);
  double wire = 4e9 / 8 / (packet_frame_bytes(64) + PACKET_WIRE_OVERHEAD);
  rig_near("two threads", rig_in_child(rate_of_threads, 2),
           2 * one < wire ? 2 * one : wire, 0.02);
  ck_assert_double_gt(4 * one, wire);
  rig_near("four threads", rig_in_child(rate_of_threads, 4), wire, 0.01);
}
END_TEST

/* ---- exactly once
 * --------------------------------------------------------------- */

START_TEST(every_packet_arrives_once)
{
  rig_defaults(4, VHOST_USER, WORKLOAD_DPDK_FORWARD);
  r.seed = (uint64_t)_i + 1;
  r.virtio.packed = _i % 2;
  r.virtio.in_order = _i % 3 == 1;
  r.params.pmd_cores = 1 + _i % 3;
  r.guest[1].workload = WORKLOAD_PING;
  r.guest[1].ping.interval = 31700 * HD_NS;
  r.guest[2].queue_pairs = r.guest[2].vcpus = 2;
  r.guest[3].workload = WORKLOAD_UDP_STREAM;
  r.guest[3].udp.rate = 30000000;
  rig_run();
  for (uint32_t g = 0; g < 4; g += 2) {
    uint64_t due = rig_client(g).generated, came = rig_client(g).packets;
    ck_assert_uint_gt(due, 1000);
    ck_assert_uint_le(due > came ? due - came : came - due, 64);
  }
  ck_assert_uint_ge(rig_guest_stats(1).requests + 2,
                    (uint64_t)(r.duration / r.guest[1].ping.interval));
  struct client_vm_stats udp = rig_client(3);
  ck_assert_uint_gt(udp.packets, 100);
  ck_assert_uint_eq(udp.reordered + udp.duplicated + udp.lost, 0);
  for (size_t i = 0; i < vhost_n_threads(r.vhost); i++)
    ck_assert_uint_eq(rig_thread(i).unknown, 0); /* rules steer to the owner */
  for (uint32_t g = 0; g < 4; g++)
    ck_assert_uint_eq(rig_pair(g).drop_buffers, 0);
  rig_end();
}
END_TEST

/* Nobody buffers for a guest that is too slow. */
START_TEST(drops_what_the_guest_has_no_buffers_for)
{
  rig_defaults(1, VHOST_USER, WORKLOAD_DPDK_FORWARD);
  r.virtio.ring_size = 32;
  r.costs.poll_packet = 20000; /* 10 us */
  r.guest[0].dpdk = (struct dpdk_forward_params){18, 40000000, 1, true, 32};
  rig_run();
  struct vhost_pair_stats st = rig_pair(0);
  uint64_t due = rig_client(0).generated, came = st.rx_packets;
  ck_assert_uint_gt(st.drop_buffers, 500);
  ck_assert_uint_le(due > came + st.drop_buffers ? due - came - st.drop_buffers
                                                 : came + st.drop_buffers - due,
                    64);
  rig_end();
}
END_TEST

/* ---- both kinds on one port
 * ------------------------------------------------------ */

START_TEST(kernel_and_poll_mode_share_a_port)
{
  rig_defaults(4, VHOST_USER, WORKLOAD_DPDK_FORWARD);
  r.guest[0].kind = r.guest[2].kind = VHOST_NET;
  rig_run();
  for (uint32_t g = 0; g < r.guests; g++) {
    ck_assert_uint_gt(rig_pair(g).rx_packets, 1000);
    rig_near("forwarded", (double)rig_client(g).packets,
             (double)rig_client(g).generated, 0.03);
  }
  for (size_t i = 0; i < vhost_n_threads(r.vhost); i++)
    ck_assert_uint_eq(rig_thread(i).unknown, 0);
  rig_end();
}
END_TEST

/* ---- a core of its own
 * ------------------------------------------------------------ */

START_TEST(vcpus_share_what_poll_mode_threads_leave)
{
  rig_defaults(2, VHOST_USER, WORKLOAD_UDP_STREAM);
  r.cpu.cores = 2;
  r.params.pmd_cores = 1;
  r.duration = 30 * HD_MS;
  rig_run();
  double vcpus = 0;
  for (uint32_t g = 0; g < 2; g++) {
    struct guest_stats st = rig_guest_stats(g);
    vcpus += (double)(st.guest_time + st.host_time) / (double)r.duration;
  }
  ck_assert_double_eq(rig_thread(0).cores, 1);
  ck_assert_double_gt(vcpus, 0.98);
  ck_assert_double_le(vcpus, 1.0001);
  rig_end();
}
END_TEST

int main(void)
{
  Suite *s = suite_create("vhost_user");
  TCase *t = tcase_create("vhost_user");
  tcase_set_timeout(t, 120);
  tcase_add_test(t, an_idle_poll_mode_thread_is_busy_and_costs_no_events);
  tcase_add_loop_test(t, thread_sends_at_the_rate_of_its_costs, 64, 65);
  tcase_add_loop_test(t, thread_sends_at_the_rate_of_its_costs, 1470, 1471);
  tcase_add_test(t, threads_scale_until_the_wire);
  tcase_add_loop_test(t, every_packet_arrives_once, 0, 6);
  tcase_add_test(t, drops_what_the_guest_has_no_buffers_for);
  tcase_add_test(t, kernel_and_poll_mode_share_a_port);
  tcase_add_test(t, vcpus_share_what_poll_mode_threads_leave);
  suite_add_tcase(s, t);
  return rig_main(s);
}
