/*
 * test_guest_virtio.c - the virtio-net driver against a back end of known
 * behaviour: rings, kicks, callbacks, thresholds, round trips, conservation.
 *
 * A green run does not prove anything about a real back end, DMA or an IOMMU.
 */
#include <string.h>

#include "test_guest_backend.h"

static struct bench bench;
static struct backend back;

/* Variants of rings: packed, event indices, header in a buffer of its own,
 * indirect tables. */
enum { VARIANTS = 16 };

static void choose_ring(struct bench *b, int variant)
{
  b->virtio.packed = (variant & 1) != 0;
  b->virtio.event_idx = (variant & 2) == 0;
  b->virtio.inline_header = (variant & 4) == 0;
  b->virtio.indirect = (variant & 8) == 0;
}

/* ---- round trips ------------------------------------------------------------
 */

static void ping_bench(struct bench *b)
{
  backend_defaults(b, &back, WORKLOAD_PING);
  b->device.echo = 15 * HD_US;
  b->warmup = HD_MS;
  b->duration = 10 * HD_MS;
}

static hd_time cycles(const struct bench *b, int64_t n)
{
  return bench_cycles(b, n);
}

/* As the native driver's in test_guest_ping.c, with the driver's own costs; the
 * vCPU blocks. */
struct round_trip {
  hd_time send_path, doorbell, away, interrupt, receive;
};

static struct round_trip closed_form(const struct bench *b)
{
  const struct guest_params *k = &b->costs;
  const struct virtio_params *p = &b->virtio;
  int64_t copy = (int64_t)(k->copy_per_byte * (double)b->ping.payload + 0.5);
  int64_t buffers = p->inline_header ? 1 : 2;
  int64_t table = !p->inline_header && p->indirect ? p->indirect_table : 0;
  int64_t driver = p->transmit + buffers * p->add_descriptor + table +
                   p->kick_prepare + p->callback;
  int64_t poll = k->napi_entry + 2 * p->take_used + p->free_packet +
                 p->receive + k->receive_stack + 2 * p->callback;
  bool exits = back.notify == VIRTIO_NOTIFY_EXIT;
  return (struct round_trip){
      .send_path = cycles(b, k->send_syscall + k->send_stack + copy + driver),
      .doorbell = exits ? cycles(b, b->cpu.exit_cost + b->cpu.exit_kick) +
                              BACKEND_KICK_LATENCY
                        : cycles(b, b->cpu.mmio_write_cost) + DOORBELL_LATENCY,
      .away = b->device.echo,
      .interrupt = IRQ_LATENCY + b->cpu.queue_latency + b->cpu.wake_latency +
                   cycles(b, b->cpu.exit_cost - b->cpu.exit_cost / 2 +
                                 b->cpu.irq_entry_cost),
      .receive =
          cycles(b, poll + k->thread_switch + k->receive_syscall + copy)};
}

static void check_stage(const struct bench *b, enum hd_stage stage,
                        hd_time expected, hd_time extra)
{
  const struct hd_histogram *h = &guest_breakdown(b->guest)->stages[stage];
  ck_assert_msg(h->min == expected && h->max == expected + extra,
                "%s: %lld to %lld ps, expected %lld", hd_stage_name(stage),
                (long long)h->min, (long long)h->max, (long long)expected);
}

/* Exact. Every 33rd reply gives 33 receive buffers back. */
START_TEST(round_trip_is_the_sum_of_its_stages)
{
  struct bench *b = &bench;
  ping_bench(b);
  choose_ring(b, _i % VARIANTS);
  back.notify = _i < VARIANTS ? VIRTIO_NOTIFY_DOORBELL : VIRTIO_NOTIFY_EXIT;
  bench_create(b);
  bench_run(b);
  backend_check(b);
  struct round_trip r = closed_form(b);
  hd_time refill = cycles(b, 33 * b->virtio.refill_buffer);
  hd_time sum = r.send_path + r.doorbell + r.away + r.interrupt + r.receive;
  check_stage(b, HD_STAGE_SEND_PATH, r.send_path, 0);
  check_stage(b, HD_STAGE_DOORBELL, r.doorbell, 0);
  check_stage(b, HD_STAGE_REMOTE, r.away, 0);
  check_stage(b, HD_STAGE_RECEIVE_PATH, 0, 0);
  check_stage(b, HD_STAGE_INTERRUPT, r.interrupt, 0);
  check_stage(b, HD_STAGE_GUEST_RECEIVE, r.receive, refill);
  const struct hd_histogram *h = guest_latency(b->guest);
  ck_assert_int_eq(h->min, sum);
  ck_assert_int_eq(h->max, sum + refill);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_int_ge((hd_time)s.requests, b->duration / (sum + refill));
  ck_assert_uint_eq(s.lost, 0);
  ck_assert_uint_eq(s.exits[EXIT_KICK], s.kick_exits);
  backend_destroy(b);
}
END_TEST

/* ---- kicks ------------------------------------------------------------------
 */

static void stream_bench(struct bench *b)
{
  backend_defaults(b, &back, WORKLOAD_UDP_STREAM);
  b->warmup = HD_MS;
  b->duration = 10 * HD_MS;
}

/* Order, stamps and rings are checked by back end and bench. */
START_TEST(every_packet_comes_back_once)
{
  struct bench *b = &bench;
  stream_bench(b);
  choose_ring(b, _i);
  b->device.service = 3 * HD_US;
  b->costs.socket_buffer = 100 * guest_truesize(&b->costs, 1470);
  bench_create(b);
  bench_run(b);
  backend_check(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_gt(s.blocked, 0);
  ck_assert_uint_eq(s.dropped, 0);
  bench_near((double)s.sent_packets, 10000.0 / 3, 0.03);
  backend_destroy(b);
}
END_TEST

/* A polling back end gets views, and no kicks once it has said so; a split ring
 * with event indices says it by an event that stays behind. */
START_TEST(polling_back_end_is_not_kicked)
{
  struct bench *b = &bench;
  stream_bench(b);
  choose_ring(b, _i);
  back.polls = true;
  back.notify = VIRTIO_NOTIFY_EXIT;
  b->device.service = 0;
  bench_create(b);
  bench_run(b);
  backend_check(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(s.kick_exits + s.kick_doorbells, 0);
  ck_assert_uint_eq(s.exits[EXIT_KICK], 0);
  ck_assert_uint_le(back.kicks, 2); /* the first of each queue, at most */
  ck_assert_uint_ge(s.kicks_suppressed, s.sent_packets);
  ck_assert_uint_gt(s.sent_packets, 4500);
  backend_destroy(b);
}
END_TEST

/* A back end that sleeps is kicked for each packet of a slow sender. */
START_TEST(sleeping_back_end_is_kicked_by_exits)
{
  struct bench *b = &bench;
  stream_bench(b);
  choose_ring(b, _i);
  back.notify = VIRTIO_NOTIFY_EXIT;
  b->udp.rate = 1470 * 8 * 1000; /* one a pacing period */
  bench_create(b);
  bench_run(b);
  backend_check(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_ge(s.sent_packets, 9);
  ck_assert_uint_eq(s.kick_exits, s.sent_packets);
  ck_assert_uint_eq(s.exits[EXIT_KICK], s.kick_exits);
  ck_assert_uint_eq(s.kick_doorbells, 0);
  ck_assert_uint_eq(back.overtaken, 0);
  ck_assert_uint_eq(b->device.doorbells, 0);
  backend_destroy(b);
}
END_TEST

/* ---- thresholds -------------------------------------------------------------
 */

/* A back end that gives nothing back: the queue stops when fewer than 19
 * descriptors are free, not before. */
START_TEST(queue_stops_at_its_threshold)
{
  struct bench *b = &bench;
  stream_bench(b);
  choose_ring(b, _i);
  b->device.service = 100 * HD_MS;
  bench_create(b);
  hd_engine_run(b->engine, HD_S);
  ck_assert_ptr_null(guest_check(b->guest));
  backend_check(b);
  uint32_t slots = !b->virtio.inline_header && !b->virtio.indirect ? 2 : 1;
  uint32_t expected = (256 - 19) / slots + 1;
  ck_assert_uint_eq(back.queue[1].most_held, expected);
  ck_assert_uint_lt(256 - expected * slots, 19);
  ck_assert_uint_ge(256 - (expected - 1) * slots, 19);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(s.qdisc_max, 1000);
  backend_destroy(b);
}
END_TEST

/* It is woken as soon as 19 are free: the back end's pace is the guest's, and
 * its queue never holds more. */
START_TEST(stopped_queue_is_woken)
{
  struct bench *b = &bench;
  stream_bench(b);
  choose_ring(b, _i);
  b->device.service = 5 * HD_US;
  b->costs.socket_buffer = 300 * guest_truesize(&b->costs, 1470);
  bench_create(b);
  bench_run(b);
  backend_check(b);
  uint32_t slots = !b->virtio.inline_header && !b->virtio.indirect ? 2 : 1;
  ck_assert_uint_eq(back.queue[1].most_held, (256 - 19) / slots + 1);
  bench_near((double)b->device.packets_in_window, 2000, 0.15);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_gt(s.qdisc_max, 50);
  ck_assert_uint_eq(s.dropped, 0);
  backend_destroy(b);
}
END_TEST

/* Frames far apart: each is polled alone, and buffers come back 33 at a time:
 * more than half of a budget of 64 is missing. */
START_TEST(receive_ring_is_refilled_by_half_a_budget)
{
  struct bench *b = &bench;
  backend_defaults(b, &back, WORKLOAD_IDLE);
  choose_ring(b, _i);
  back.gap = 20 * HD_US;
  b->duration = 10 * HD_MS;
  bench_create(b);
  bench_run(b);
  backend_check(b);
  ck_assert_uint_gt(back.delivered, 400);
  ck_assert_uint_eq(back.dropped, 0);
  ck_assert_uint_eq(back.queue[0].batch_min, 33);
  ck_assert_uint_eq(back.queue[0].batch_max, 33);
  ck_assert_uint_eq(back.queue[0].least_available, 256 - 32);
  backend_destroy(b);
}
END_TEST

/* ---- the race between the last look and enabling callbacks ------------------
 */

/* Pairs of frames whose distance grows by 5 ns from 10 ns to 10 us, through the
 * whole poll: some of the second ones are published when the driver has
 * enabled callbacks and the back end does not know it yet. None waits for the
 * next pair. */
START_TEST(frame_between_look_and_enable_is_not_lost)
{
  struct bench *b = &bench;
  backend_defaults(b, &back, WORKLOAD_IDLE);
  choose_ring(b, _i);
  back.gap = 100 * HD_US;
  back.frame_at = 10 * HD_NS;
  back.frame_step = 5 * HD_NS;
  back.frames = 2000;
  b->warmup = 0;
  b->duration = 210 * HD_MS;
  bench_create(b);
  bench_run(b);
  backend_check(b);
  ck_assert_uint_eq(back.delivered, 3999); /* the last is alone */
  ck_assert_uint_gt(back.races, 5);
  ck_assert_uint_eq(back.late, 0);
  ck_assert_uint_eq(b->packets.created, b->packets.destroyed);
  backend_destroy(b);
}
END_TEST

/* ---- other workloads
 * ---------------------------------------------------------
 */

START_TEST(polling_guest_forwards_without_interrupts)
{
  struct bench *b = &bench;
  backend_defaults(b, &back, WORKLOAD_DPDK_FORWARD);
  choose_ring(b, _i);
  b->config.queue_pairs = b->config.vcpus = 2;
  back.polls = true;
  back.gap = 777 * HD_NS;
  b->warmup = HD_MS;
  b->duration = 5 * HD_MS;
  bench_create(b);
  ck_assert(!virtio_has(guest_virtio_function(b->guest)->features,
                        VIRTIO_F_EVENT_IDX));
  bench_run(b);
  backend_check(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(b->device.interrupts, 0);
  ck_assert_uint_eq(s.exits[EXIT_HLT], 0);
  ck_assert_uint_eq(s.dropped, 0);
  ck_assert_uint_eq(back.dropped, 0);
  bench_near((double)s.sent_packets, 2 * 5e6 / 777, 0.01);
  ck_assert_uint_eq(s.received_packets, s.sent_packets);
  backend_destroy(b);
}
END_TEST

/* A full ring is used to its end, and the rest is dropped. */
START_TEST(polling_guest_drops_beyond_the_ring)
{
  struct bench *b = &bench;
  backend_defaults(b, &back, WORKLOAD_DPDK_FORWARD);
  back.polls = true;
  back.gap = 777 * HD_NS;
  b->virtio.ring_size = 32;
  b->device.service = 2 * HD_US;
  b->duration = 5 * HD_MS;
  bench_create(b);
  hd_engine_run(b->engine, HD_S); /* drops leave gaps in the order */
  ck_assert_ptr_null(guest_check(b->guest));
  backend_check(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(back.queue[1].most_held, 32);
  ck_assert_uint_gt(s.dropped, 1000);
  backend_destroy(b);
}
END_TEST

/* ---- start
 * ------------------------------------------------------------------- */

START_TEST(boot_traps_and_starts_all_queues)
{
  struct bench *b = &bench;
  backend_defaults(b, &back, WORKLOAD_UDP_STREAM);
  b->udp.streams = b->config.queue_pairs = b->config.vcpus = 4;
  b->udp.threads = THREADS_PER_STREAM;
  b->device.service = HD_US;
  b->duration = 2 * HD_MS;
  bench_create(b);
  const struct virtio_function *f = guest_virtio_function(b->guest);
  ck_assert_uint_eq(f->n_queues, 9);
  ck_assert(virtio_has(f->features, VIRTIO_NET_F_MQ));
  ck_assert_uint_eq(guest_vcpus(b->guest), 4);
  bench_run(b);
  backend_check(b);
  /* 80, 9 queues, 5 vectors, and the command for four queue pairs. */
  ck_assert_uint_eq(b->hypervisor.traps, 80 + 9 * 10 + 5 * 4 + 1);
  for (unsigned q = 0; q < 8; q += 2)
    ck_assert_uint_eq(back.queue[q].published_by_driver, 256);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(s.page_faults, 8); /* a notification page per queue */
  for (int i = 0; i < 4; i++)
    ck_assert_uint_gt(b->device.bytes[i], 1000);
  backend_destroy(b);
}
END_TEST

/* Queues and buffers lie in the guest's memory and do not overlap. */
START_TEST(memory_is_laid_out_as_needed)
{
  struct bench *b = &bench;
  backend_defaults(b, &back, WORKLOAD_UDP_STREAM);
  choose_ring(b, _i);
  b->config.queue_pairs = 3;
  b->config.virtio = &b->virtio;
  b->config.udp_stream = &b->udp;
  b->config.memory_size = guest_memory_needed(&b->config);
  bench_create(b);
  const struct virtio_function *f = guest_virtio_function(b->guest);
  uint64_t next = b->config.memory_base;
  for (unsigned i = 0; i < f->n_queues; i++) {
    const struct virtq_config *c = &f->queue[i]->config;
    ck_assert_uint_ge(c->descriptor_area, next);
    ck_assert_uint_gt(c->driver_area, c->descriptor_area);
    ck_assert_uint_gt(c->device_area, c->driver_area);
    next = c->device_area + 256 * 2048;
  }
  ck_assert_uint_le(next, b->config.memory_base + b->config.memory_size);
  ck_assert_uint_le(b->config.memory_size,
                    next + 16 * 4096 - b->config.memory_base);
  backend_destroy(b);
}
END_TEST

/* ---- conservation under random load
 * ------------------------------------------ */

static void setup_random(struct bench *b)
{
  backend_defaults(b, &back, WORKLOAD_UDP_STREAM);
  back.out_of_order = true; /* with IN_ORDER the library puts it right */
  back.gap = 13 * HD_US;
  b->udp.streams = 6;
  b->udp.rate = 400000000;
  b->udp.threads = THREADS_PER_STREAM;
  b->config.vcpus = 3;
  b->config.queue_pairs = 4;
  b->virtio.ring_size = 32;
  b->costs.socket_buffer = 20 * guest_truesize(&b->costs, 1470);
  b->cpu.cores = 2;
  b->cpu.halt_poll = 50 * HD_US;
  b->warmup = 0;
  b->duration = 4 * HD_MS;
}

START_TEST(nothing_is_lost_under_random_load)
{
  struct bench *b = &bench;
  setup_random(b);
  choose_ring(b, _i % VARIANTS);
  b->virtio.in_order = _i >= VARIANTS;
  back.notify = _i % 3 ? VIRTIO_NOTIFY_DOORBELL : VIRTIO_NOTIFY_EXIT;
  b->duration = 20 * HD_MS;
  bench_create(b);
  hd_engine_run(b->engine, HD_S);
  const char *wrong = guest_check(b->guest);
  ck_assert_msg(!wrong, "%s", wrong);
  backend_check(b);
  ck_assert_uint_gt(back.taken, 2000);
  ck_assert_uint_gt(back.delivered, 5000);
  ck_assert_uint_lt(back.dropped, 200); /* while a vCPU has no core */
  if (back.notify == VIRTIO_NOTIFY_EXIT)
    ck_assert_uint_eq(back.overtaken, 0);
  uint64_t held = 0;
  for (unsigned q = 1; q < 8; q += 2)
    held += back.queue[q].held;
  ck_assert_uint_le(held, 4 * 32);
  backend_destroy(b);
}
END_TEST

static void setup_mixed(struct bench *b)
{
  setup_random(b);
  back.out_of_order = false;
  b->device.service = 7 * HD_US;
}

static void setup_exit(struct bench *b)
{
  setup_mixed(b);
  b->virtio.packed = true;
  back.notify = VIRTIO_NOTIFY_EXIT;
}

START_TEST(window_and_actor_order_change_nothing)
{
  bench_same_everywhere(_i == 0 ? setup_mixed : setup_exit);
}
END_TEST

/* ---- parameters
 * --------------------------------------------------------------
 */

START_TEST(table_is_complete)
{
  size_t n = 0;
  for (const struct hd_param *p = virtio_param_table.params; p->name; p++) {
    ck_assert_msg(p->fallback && p->meaning && p->source, "%s", p->name);
    ck_assert_msg(p->type == HD_PARAM_BOOL || (p->min && p->max), "%s",
                  p->name);
    n++;
  }
  ck_assert_uint_eq(n, 7 + 14);
  struct virtio_params v = {.ring_size = 100};
  ck_assert_ptr_nonnull(virtio_params_refused(&v, 1));
  v.packed = true;
  ck_assert_ptr_null(virtio_params_refused(&v, 1));
  ck_assert_ptr_nonnull(virtio_params_refused(&v, 2));
  v.control_queue = true;
  ck_assert_ptr_null(virtio_params_refused(&v, 2));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("guest_virtio");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, round_trip_is_the_sum_of_its_stages, 0, 2 * VARIANTS);
  tcase_add_loop_test(t, every_packet_comes_back_once, 0, VARIANTS);
  tcase_add_loop_test(t, polling_back_end_is_not_kicked, 0, VARIANTS);
  tcase_add_loop_test(t, sleeping_back_end_is_kicked_by_exits, 0, VARIANTS);
  tcase_add_loop_test(t, queue_stops_at_its_threshold, 0, VARIANTS);
  tcase_add_loop_test(t, stopped_queue_is_woken, 0, VARIANTS);
  tcase_add_loop_test(t, receive_ring_is_refilled_by_half_a_budget, 0, 4);
  tcase_add_loop_test(t, frame_between_look_and_enable_is_not_lost, 0, 4);
  tcase_add_loop_test(t, polling_guest_forwards_without_interrupts, 0,
                      VARIANTS);
  tcase_add_test(t, polling_guest_drops_beyond_the_ring);
  tcase_add_test(t, boot_traps_and_starts_all_queues);
  tcase_add_loop_test(t, memory_is_laid_out_as_needed, 0, VARIANTS);
  tcase_add_loop_test(t, nothing_is_lost_under_random_load, 0, 2 * VARIANTS);
  tcase_add_loop_test(t, window_and_actor_order_change_nothing, 0, 2);
  tcase_add_test(t, table_is_complete);
  suite_add_tcase(s, t);
  return bench_main(s);
}
