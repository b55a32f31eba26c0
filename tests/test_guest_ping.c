/*
 * test_guest_ping.c - round trips, whose duration on an idle system is a sum of
 * known costs; the start of the driver; receiving.
 */
#include "test_guest_bench.h"

static struct bench bench;

static void ping_bench(struct bench *b)
{
  bench_defaults(b, WORKLOAD_PING);
  b->device.echo = 15 * HD_US;
  b->warmup = HD_MS;
  b->duration = 10 * HD_MS;
}

/* ---- closed form --------------------------------------------------------- */

struct round_trip {
  hd_time send_path, doorbell, away, interrupt, receive;
};

/* Wake-up of a halted vCPU: from the notification to the guest. The scheduler
 * keeps the vCPU's core while it polls, but it must be told. */
static hd_time wake_up(const struct bench *b, bool blocked)
{
  int64_t entry = b->cpu.exit_cost - b->cpu.exit_cost / 2;
  hd_time t = bench_cycles(b, entry + b->cpu.irq_entry_cost);
  hd_time given = blocked ? b->cpu.wake_latency : b->cpu.queue_latency;
  return t + b->cpu.queue_latency + given;
}

static struct round_trip closed_form(const struct bench *b, bool blocked)
{
  const struct guest_params *k = &b->costs;
  int64_t copy = (int64_t)(k->copy_per_byte * (double)b->ping.payload + 0.5);
  struct round_trip r = {
      .send_path = bench_cycles(b, k->send_syscall + k->send_stack + copy +
                                       k->send_driver),
      .doorbell = bench_cycles(b, b->cpu.mmio_write_cost) + DOORBELL_LATENCY,
      .away = b->device.echo,
      .interrupt = IRQ_LATENCY + wake_up(b, blocked),
      .receive = bench_cycles(b, k->napi_entry + k->clean_descriptor +
                                     k->receive_driver + k->receive_stack +
                                     b->cpu.mmio_write_cost + k->thread_switch +
                                     k->receive_syscall + copy)};
  return r;
}

static hd_time total(const struct round_trip *r)
{
  return r->send_path + r->doorbell + r->away + r->interrupt + r->receive;
}

static void check_stage(const struct bench *b, enum hd_stage stage,
                        hd_time expected, hd_time extra)
{
  const struct hd_histogram *h = &guest_breakdown(b->guest)->stages[stage];
  ck_assert_msg(h->min == expected && h->max == expected + extra,
                "%s: %lld to %lld ps, expected %lld", hd_stage_name(stage),
                (long long)h->min, (long long)h->max, (long long)expected);
}

/* Every 32nd reply gives receive descriptors back, by one store more. */
static void check_round_trips(const struct bench *b, const struct round_trip *r)
{
  const struct hd_histogram *h = guest_latency(b->guest);
  hd_time refill = bench_cycles(b, b->cpu.mmio_write_cost);
  int64_t excess = (int64_t)h->sum - (int64_t)h->count * total(r);
  ck_assert_int_eq(h->min, total(r));
  ck_assert_int_eq(h->max, total(r) + refill);
  ck_assert_int_eq(excess % refill, 0);
  ck_assert_int_ge(excess / refill, (int64_t)h->count / 32);
  ck_assert_int_le(excess / refill, (int64_t)h->count / 32 + 1);
  check_stage(b, HD_STAGE_SEND_PATH, r->send_path, 0);
  check_stage(b, HD_STAGE_DOORBELL, r->doorbell, 0);
  check_stage(b, HD_STAGE_REMOTE, r->away, 0);
  check_stage(b, HD_STAGE_RECEIVE_PATH, 0, 0);
  check_stage(b, HD_STAGE_INTERRUPT, r->interrupt, 0);
  check_stage(b, HD_STAGE_GUEST_RECEIVE, r->receive, refill);
}

/* Exact, to the picosecond: nothing competes, and 2 GHz divides evenly. In the
 * first case the halted vCPU blocks, in the second it polls. */
START_TEST(round_trip_is_the_sum_of_its_stages)
{
  struct bench *b = &bench;
  ping_bench(b);
  bool blocks = _i == 0;
  b->cpu.halt_poll = blocks ? 0 : 200 * HD_US;
  b->cpu.halt_poll_start = 50 * HD_US;
  bench_create(b);
  bench_run(b);
  struct round_trip r = closed_form(b, blocks);
  check_round_trips(b, &r);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  hd_time expected = b->duration / total(&r);
  ck_assert_int_ge((hd_time)s.requests, expected);
  ck_assert_int_le((hd_time)s.requests, expected + 1);
  ck_assert_uint_ge(guest_latency(b->guest)->count + 1, s.requests);
  ck_assert_uint_eq(s.received_bytes, s.requests * 56);
  ck_assert_int_le((int64_t)(s.interrupts - s.requests), 1);
  ck_assert_uint_eq(s.lost, 0);
  bench_destroy(b);
}
END_TEST

/* With time between requests: the period is kept, the round trip the same. */
START_TEST(interval_is_kept)
{
  struct bench *b = &bench;
  ping_bench(b);
  b->ping.interval = 200 * HD_US;
  b->ping.payload = 1462;
  bench_create(b);
  bench_run(b);
  struct round_trip r = closed_form(b, true);
  check_round_trips(b, &r);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(s.requests, 10 * HD_MS / (200 * HD_US));
  bench_destroy(b);
}
END_TEST

/* A round trip longer than the interval: the next request at the next multiple
 * of it, so every second one is left out. */
START_TEST(late_answers_skip_periods)
{
  struct bench *b = &bench;
  ping_bench(b);
  b->ping.interval = 200 * HD_US;
  b->device.echo = 250 * HD_US;
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(s.requests, 10 * HD_MS / (400 * HD_US));
  bench_destroy(b);
}
END_TEST

/* ---- boot ---------------------------------------------------------------- */

/* Pages of four queue pairs: 4 receive doorbells, 5 vectors, the mailbox, and a
 * transmit doorbell for each queue that sends; 14 if all do (facts 1.2). */
START_TEST(pages_fault_once_each)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->config.queue_pairs = 4;
  b->udp.streams = _i;
  b->device.batch = 16;
  b->duration = HD_MS;
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(s.page_faults, 4 + 5 + 1 + (unsigned)_i);
  bench_destroy(b);
}
END_TEST

START_TEST(one_fault_maps_the_whole_bar)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->registers.lazy_pages = false;
  b->config.queue_pairs = 4;
  b->udp.streams = 4;
  b->device.batch = 16;
  b->duration = HD_MS;
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(s.page_faults, 1);
  bench_destroy(b);
}
END_TEST

/* Boot takes at least its exits and cycles; page faults make the difference
 * between the two ways of mapping, exactly. */
static hd_time boot_time(bool lazy)
{
  static struct bench b;
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  if (fork() == 0) {
    bench_defaults(&b, WORKLOAD_IDLE);
    b.registers.lazy_pages = lazy;
    b.config.queue_pairs = 4;
    b.duration = HD_MS;
    bench_create(&b);
    bench_run(&b);
    hd_time ready = b.hypervisor.ready;
    bool ok = b.hypervisor.traps == 20 && b.hypervisor.messages == 2 &&
              b.device.itr_programmed == ITR_VALUE &&
              b.device.mailbox_enabled && b.device.packets == 0 &&
              b.device.queue[3].enabled && b.device.queue[3].rx_tail == 511 &&
              b.packets.created == 0 && guest_vcpus(b.guest) == 1;
    ssize_t n = ok ? write(ends[1], &ready, sizeof ready) : 0;
    _exit(n == (ssize_t)sizeof ready ? 0 : 1);
  }
  close(ends[1]);
  hd_time ready = -1;
  ck_assert_int_eq((int)read(ends[0], &ready, sizeof ready), (int)sizeof ready);
  close(ends[0]);
  return ready;
}

START_TEST(boot_pays_for_traps_and_pages)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_IDLE);
  hd_time one = boot_time(false), each = boot_time(true);
  int64_t fault = b->cpu.exit_cost + b->cpu.exit_ept;
  ck_assert_int_eq(each - one, 9 * bench_cycles(b, fault));
  int64_t trap = b->cpu.exit_cost + b->cpu.exit_trap;
  ck_assert_int_gt(one,
                   bench_cycles(b, 20 * trap + b->costs.boot_cycles + fault));
}
END_TEST

/* ---- receiving ----------------------------------------------------------- */

/* 100 frames at once, a budget of 16: seven rounds, but one interrupt, since
 * the vector stays disabled while there is more. Descriptors go back three
 * times, whenever 32 or more have come together; without a budget, once. */
START_TEST(poll_goes_on_while_there_is_more)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_IDLE);
  b->costs.napi_budget = 16;
  b->device.gap = HD_MS;
  b->device.gap_burst = 100;
  bench_create(b);
  bench_run(b);
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  ck_assert_uint_eq(s.received_packets, 20 * 100);
  ck_assert_uint_eq(s.interrupts, 20);
  ck_assert_uint_eq(b->device.rx_dropped, 0);
  ck_assert_uint_eq(b->packets.created, b->packets.destroyed);
  ck_assert_uint_eq(b->device.rx_doorbells, 1 + 3 * b->packets.created / 100);
  int64_t busy = 100 * (b->costs.receive_driver + b->costs.receive_stack) +
                 b->costs.napi_entry + b->cpu.irq_entry_cost +
                 b->cpu.mmio_write_cost; /* and three or four refills */
  int64_t most = busy + 4 * b->cpu.mmio_write_cost;
  ck_assert_int_gt(s.guest_time, 20 * bench_cycles(b, busy));
  ck_assert_int_lt(s.guest_time, 20 * bench_cycles(b, most));
  bench_destroy(b);
}
END_TEST

/* ---- placement ----------------------------------------------------------- */

/* Guests begin at different times and have their rings at different places, at
 * 2 MiB boundaries within their memory. */
START_TEST(guests_differ)
{
  struct bench *b = &bench;
  bench_defaults(b, WORKLOAD_UDP_STREAM);
  b->config.queue_pairs = 4;
  bench_create(b);
  struct guest_config c = b->config;
  c.path = "server/vm0004";
  struct guest *other = guest_create(b->engine, &c);
  c.path = "server/vm0005";
  c.memory_size = guest_memory_needed(&c);
  struct guest *tight = guest_create(b->engine, &c);
  uint64_t first = guest_tx_rings(b->guest)[0].address;
  ck_assert_uint_ne(first, guest_tx_rings(other)[0].address);
  ck_assert_uint_eq((first - c.memory_base) % (2 << 20), 0);
  ck_assert_uint_eq(guest_tx_rings(tight)[0].address, c.memory_base);
  const struct nic_ring *last = &guest_rx_rings(tight)[3];
  ck_assert_uint_eq(last->buffers + (uint64_t)last->size * last->buffer_size,
                    c.memory_base + c.memory_size);
  ck_assert_int_ne(b->guest->jitter, other->jitter);
  ck_assert_int_lt(other->jitter, 100 * HD_US);
  bench_destroy(b);
  guest_destroy(other);
  guest_destroy(tight);
}
END_TEST

/* ---- order --------------------------------------------------------------- */

static void setup(struct bench *b)
{
  ping_bench(b);
  b->cpu.halt_poll = 100 * HD_US;
  b->warmup = 0;
  b->duration = 4 * HD_MS;
}

START_TEST(window_and_actor_order_change_nothing)
{
  bench_same_everywhere(setup);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("guest_ping");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, round_trip_is_the_sum_of_its_stages, 0, 2);
  tcase_add_test(t, interval_is_kept);
  tcase_add_test(t, late_answers_skip_periods);
  tcase_add_loop_test(t, pages_fault_once_each, 1, 5);
  tcase_add_test(t, one_fault_maps_the_whole_bar);
  tcase_add_test(t, boot_pays_for_traps_and_pages);
  tcase_add_test(t, poll_goes_on_while_there_is_more);
  tcase_add_test(t, guests_differ);
  tcase_add_test(t, window_and_actor_order_change_nothing);
  suite_add_tcase(s, t);
  return bench_main(s);
}
