/*
 * test_vhost_block_spdk.c - poll-mode threads of SPDK vhost: cost, latency,
 * idle polling, sharing, full rings, statuses.
 */
#include "test_vhost_block.h"

/* A request's cycles in the thread, without polls, doorbells and signals. */
static int64_t request_cost(void)
{
  const struct vhost_block_params *p = &r.params;
  return p->spdk_virtio + p->spdk_bdev + p->spdk_submit + p->spdk_complete +
         p->spdk_bdev_complete + p->spdk_virtio_complete;
}

/* Polling guests ask for no interrupts. Requests are so many that the polls and
 * doorbells of a turn are a percent at most. */
START_TEST(thread_limits)
{
  rig_defaults(4, VHOST_BLOCK_SPDK);
  r.params.spdk_ring = 1024;
  r.params.spdk_burst = 64;
  for (int i = 0; i < 4; i++) {
    r.guest[i].job.depth = 80;
    r.guest[i].polls = true;
  }
  rig_run();
  double expected = 2e9 / (double)request_cost();
  double rate = rig_total_rate();
  struct vhost_block_thread_stats st = rig_thread(0);
  printf("SPDK: %.0f of %.0f requests a second, %.4f cores\n", rate, expected,
         st.cores);
  ck_assert_double_eq_tol(rate / expected, 1, 0.02);
  ck_assert_double_eq_tol(st.cores, 1, 1e-9);
  ck_assert_double_eq_tol((double)st.requests,
                          rate * (double)r.duration / (double)HD_S, 400);
  rig_free();
}
END_TEST

/* The drive's pipeline takes 4000 cycles of 1 GHz a command: 250,000 a second.
 */
START_TEST(drive_limits)
{
  rig_defaults(2, VHOST_BLOCK_SPDK);
  r.drive_params.command_cycles = 4000;
  r.guest[0].job.depth = r.guest[1].job.depth = 64;
  r.guest[0].polls = r.guest[1].polls = true;
  r.duration = 20 * HD_MS;
  rig_run();
  printf("drive: %.0f requests a second\n", rig_total_rate());
  ck_assert_double_eq_tol(rig_total_rate(), 250000, 2500);
  ck_assert_double_eq_tol(rig_rate(0) / rig_rate(1), 1, 0.03);
  rig_free();
}
END_TEST

START_TEST(cores_add_up)
{
  rig_defaults(4, VHOST_BLOCK_SPDK);
  r.params.pmd_cores = 2;
  r.params.spdk_ring = 1024;
  r.params.spdk_burst = 64;
  for (int i = 0; i < 4; i++) {
    r.guest[i].job.depth = 120;
    r.guest[i].polls = true;
  }
  rig_run();
  double expected = 2 * 2e9 / (double)request_cost();
  ck_assert_double_eq_tol(rig_total_rate() / expected, 1, 0.02);
  ck_assert_uint_eq(vhost_block_interface(r.vhost, 0)->queue_pairs, 2);
  ck_assert_uint_eq(scheduler_cores_reserved(r.scheduler), 2);
  rig_free();
}
END_TEST

/* Without anything to do the thread has its core, all of it, and costs the
 * simulation nothing. */
START_TEST(idle_polling)
{
  rig_defaults(1, VHOST_BLOCK_SPDK);
  r.guest[0].job.limit = 1;
  r.duration = 100 * HD_MS;
  rig_run();
  struct hd_engine_report report;
  hd_engine_get_report(r.engine, &report);
  ck_assert_uint_eq(r.guest[0].ended, 1);
  ck_assert_double_eq_tol(rig_thread(0).cores, 1, 1e-9);
  ck_assert_uint_lt(report.events, 2000); /* of 1.7 million empty turns */
  rig_free();
}
END_TEST

/* When the guest sees the end of its only request, begun `begin` after
 * RIG_START, with what `change` changes. */
static hd_time first_end(hd_time begin, void (*change)(void))
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    rig_defaults(1, VHOST_BLOCK_SPDK);
    rig_quiet();
    r.duration = HD_MS;
    r.guest[0].polls = true;
    r.guest[0].job.limit = 1;
    r.guest[0].job.begin = begin;
    if (change)
      change();
    rig_run();
    hd_time found = r.guest[0].log[0].ended;
    _exit(write(ends[1], &found, sizeof found) == sizeof found ? 0 : 1);
  }
  hd_time ended = 0;
  int status;
  close(ends[1]);
  ck_assert_int_eq((int)read(ends[0], &ended, sizeof ended), (int)sizeof ended);
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
  close(ends[0]);
  return ended;
}

#define LONGER 1200 /* cycles: 600 ns, ten turns of 120 cycles */
static void longer_virtio(void)
{
  r.params.spdk_virtio += LONGER;
}
static void longer_bdev(void)
{
  r.params.spdk_bdev += LONGER;
}
static void longer_submit(void)
{
  r.params.spdk_submit += LONGER;
}
static void longer_doorbell(void)
{
  r.cpu.mmio_write_cost += LONGER;
}
static void longer_read(void)
{
  r.drive_params.read_time += 600 * HD_NS;
}
static void longer_complete(void)
{
  r.params.spdk_complete += LONGER;
}
static void longer_bdev_complete(void)
{
  r.params.spdk_bdev_complete += LONGER;
}
static void longer_virtio_complete(void)
{
  r.params.spdk_virtio_complete += LONGER;
}
static void longer_signal(void)
{
  r.params.spdk_signal += LONGER; /* not asked for */
}

/* Latency at depth 1 is the sum of its parts: each of them made longer by ten
 * turns makes it longer by as much, exactly, for the polls come at the same
 * distance. Of the two doorbells that of the completion comes behind the used
 * entry. */
START_TEST(latency_is_the_sum)
{
  static const struct {
    void (*change)(void);
    hd_time more; /* ns */
  } part[] = {{longer_virtio, 600},        {longer_bdev, 600},
              {longer_submit, 600},        {longer_doorbell, 600},
              {longer_read, 600},          {longer_complete, 600},
              {longer_bdev_complete, 600}, {longer_virtio_complete, 600},
              {longer_signal, 0}};
  hd_time base = first_end(0, NULL);
  for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
    hd_time more = first_end(0, part[i].change) - base;
    ck_assert_msg(more == part[i].more * HD_NS, "part %zu: %lld ps more", i,
                  (long long)more);
  }
}
END_TEST

static hd_time end_of_first(hd_time begin)
{
  return first_end(begin, NULL);
}

/* Found by one turn when it comes a picosecond before its start, by the next
 * when it comes a picosecond later: as the begin moves by one turn, the end
 * moves by exactly one turn, in one step. */
START_TEST(found_by_the_next_turn)
{
  rig_defaults(1, VHOST_BLOCK_SPDK);
  hd_time turn =
      rig_cycles(r.params.spdk_poll_virtqueue + r.params.spdk_poll_drive);
  hd_time first = end_of_first(0), low = 0, high = turn;
  ck_assert_int_eq(end_of_first(turn) - first, turn);
  while (high - low > 1) {
    hd_time middle = (low + high) / 2;
    hd_time end = end_of_first(middle);
    ck_assert(end == first || end == first + turn);
    if (end == first)
      low = middle;
    else
      high = middle;
  }
  ck_assert_int_eq(end_of_first(high) - end_of_first(low), turn);
}
END_TEST

/* Guests with one request and with 200 outstanding on one core: the burst
 * bounds what the greedy one takes of a turn. */
START_TEST(fair_turns)
{
  rig_defaults(5, VHOST_BLOCK_SPDK);
  r.params.spdk_ring = 1024;
  r.duration = 25 * HD_MS;
  for (int i = 0; i < 5; i++) {
    r.guest[i].job.depth = 100;
    r.guest[i].polls = true;
  }
  rig_run();
  for (int i = 1; i < 5; i++)
    ck_assert_double_eq_tol(rig_rate((uint32_t)i) / rig_rate(0), 1, 0.05);
  rig_free();
}
END_TEST

/* A ring of 8 entries: 7 commands are with the drive, the others wait, none is
 * lost; the rate is 7 a latency (Little). */
START_TEST(full_ring_waits)
{
  rig_defaults(1, VHOST_BLOCK_SPDK);
  r.params.spdk_ring = 8;
  r.guest[0].job.depth = 64;
  r.guest[0].polls = true;
  rig_run();
  struct host_queue_stats q;
  vhost_block_get_drive_stats(r.vhost, 0, &q);
  struct storage_stats s;
  storage_get_stats(r.drive, &s);
  ck_assert_uint_gt(q.waited, q.commands / 2);
  ck_assert_double_le(s.queue_depth_mean, 7);
  ck_assert_double_ge(s.queue_depth_mean, 6.7);
  ck_assert_double_eq_tol(rig_total_rate() * (double)s.command_time /
                              (double)s.commands / 1e12,
                          s.queue_depth_mean, 0.05);
  rig_free();
}
END_TEST

/* The guest's interrupts: one a poll that completes, by irqfd. */
START_TEST(signals)
{
  rig_defaults(1, VHOST_BLOCK_SPDK);
  rig_run();
  struct block_guest_stats st = rig_stats(0);
  ck_assert_uint_gt(st.requests, 50);
  ck_assert_uint_le(st.signals, st.requests + 1);
  ck_assert_uint_ge(st.signals, st.requests - 1); /* depth 1: each of them */
  ck_assert_uint_eq(st.kicks, 0);
  struct interrupt_stats is;
  interrupt_unit_get_stats(r.interrupts, &is);
  ck_assert_uint_ge(is.raised + 1, st.signals);
  rig_free();
}
END_TEST

/* A signal costs the thread its cycles: every request one signal. */
START_TEST(signals_cost_cycles)
{
  rig_defaults(1, VHOST_BLOCK_SPDK);
  r.guest[0].job.limit = 2;
  rig_run();
  const struct rig_done *d = &r.guest[0].log[1];
  hd_time interrupted = d->block.stamps.spent[HD_STAGE_INTERRUPT];
  /* cycles in the thread, posting, notification: not less than the cycles */
  ck_assert_int_ge(interrupted, rig_cycles(r.params.spdk_signal));
  rig_free();
}
END_TEST

static void mixed(uint64_t seed, enum vhost_block_kind second,
                  uint64_t features)
{
  rig_defaults(3, VHOST_BLOCK_SPDK);
  r.seed = seed;
  r.params.spdk_ring = 16;
  r.duration = 120 * HD_MS;
  for (int i = 0; i < 3; i++) {
    struct rig_guest *g = &r.guest[i];
    g->queues = (uint16_t)(1 + i % 2);
    g->features = features;
    g->polls = i == 2;
    g->job = (struct rig_job){.depth = (uint32_t)(1 + 20 * i),
                              .bytes = 4096,
                              .mixed = true,
                              .limit = 1000,
                              .pause = (i == 1) * 30 * HD_US};
  }
  r.guest[1].kind = second;
  r.guest[0].job.limit = 200;
  rig_run();
  for (int i = 0; i < 3; i++) {
    ck_assert_uint_eq(r.guest[i].ended, r.guest[i].job.limit);
    ck_assert_uint_eq(r.guest[i].out, 0);
  }
  ck_assert_uint_eq(vhost_block_requests_inside(r.vhost), 0);
  rig_free();
}

/* Every request once, with its status; nothing is left over. */
START_TEST(mixed_traffic)
{
  static const uint64_t features[] = {
      0, VIRTIO_BIT(VIRTIO_F_EVENT_IDX), VIRTIO_BIT(VIRTIO_F_RING_PACKED),
      VIRTIO_BIT(VIRTIO_F_RING_PACKED) | VIRTIO_BIT(VIRTIO_F_EVENT_IDX)};
  mixed((uint64_t)_i + 1, _i % 2 ? VHOST_BLOCK_IOTHREAD : VHOST_BLOCK_SPDK,
        features[_i % 4]);
}
END_TEST

/* The drive reads lists from host memory and moves data of the right guest. */
START_TEST(payload_goes_to_the_guest)
{
  rig_defaults(2, VHOST_BLOCK_SPDK);
  r.guest[0].job = (struct rig_job){.depth = 4, .bytes = 16384, .limit = 50};
  r.guest[1].job =
      (struct rig_job){.depth = 4, .bytes = 16384, .limit = 30, .write = true};
  rig_run();
  ck_assert_uint_eq(memory_region_written(r.memory, 1), 50 * 16384);
  ck_assert_uint_eq(memory_region_read(r.memory, 1), 0);
  ck_assert_uint_eq(memory_region_read(r.memory, 2), 30 * 16384);
  ck_assert_uint_eq(memory_region_written(r.memory, 2), 0);
  rig_free();
}
END_TEST

static uint64_t fingerprint(hd_time window, uint32_t shuffle)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    rig_defaults(3, VHOST_BLOCK_SPDK);
    r.run_ahead = window;
    r.shuffle = shuffle;
    r.duration = HD_MS;
    r.guest[1].kind = VHOST_BLOCK_IOTHREAD;
    for (int i = 0; i < 3; i++)
      r.guest[i].job = (struct rig_job){.depth = 8, .mixed = true};
    rig_run();
    struct hd_engine_report report;
    hd_engine_get_report(r.engine, &report);
    _exit(write(ends[1], &report.fingerprint, 8) == 8 ? 0 : 1);
  }
  uint64_t print = 0;
  int status;
  close(ends[1]);
  ck_assert_int_eq((int)read(ends[0], &print, 8), 8);
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
  close(ends[0]);
  return print;
}

START_TEST(order_does_not_matter)
{
  uint64_t first = fingerprint(100 * HD_NS, 0);
  ck_assert_uint_eq(fingerprint(0, 0), first);
  ck_assert_uint_eq(fingerprint(100 * HD_NS, 12345), first);
}
END_TEST

/* What a configuration takes: two threads, three drives, mixed guests. */
START_TEST(needs)
{
  rig_defaults(0, VHOST_BLOCK_SPDK);
  r.params.pmd_cores = 2;
  static const struct vhost_block_guest guests[] = {
      {.kind = VHOST_BLOCK_SPDK, .drive = 0},     /* thread 0 */
      {.kind = VHOST_BLOCK_IOTHREAD, .drive = 0}, /* its own */
      {.kind = VHOST_BLOCK_SPDK, .drive = 1},     /* thread 1 */
      {.kind = VHOST_BLOCK_SPDK, .drive = 1},     /* thread 0 */
      {.kind = VHOST_BLOCK_SPDK, .drive = 1},     /* thread 1 */
      {.kind = VHOST_BLOCK_IOTHREAD, .drive = 1}};
  struct vhost_block_config c = {
      .params = &r.params, .n_drives = 3, .guests = guests, .n_guests = 6};
  ck_assert_uint_eq(vhost_block_queue_pairs(&c, 0), 2);
  ck_assert_uint_eq(vhost_block_queue_pairs(&c, 1), 3);
  ck_assert_uint_eq(vhost_block_queue_pairs(&c, 2), 0);
  ck_assert_uint_eq(vhost_block_dedicated(&c), 2);
  ck_assert_uint_eq(vhost_block_threads(&c), 4);
  ck_assert_uint_eq(vhost_block_memory(&c),
                    3 * host_queue_memory(256) + 2 * host_queue_memory(1024));
  ck_assert_uint_eq(host_queue_memory(256), 16384 + 4096 + 256 * 4096);
  c.n_guests = 2;
  c.guests = guests + 4;
  ck_assert_uint_eq(vhost_block_dedicated(&c), 2);
  c.guests = guests + 5;
  c.n_guests = 1;
  ck_assert_uint_eq(vhost_block_dedicated(&c), 0);
  ck_assert_uint_eq(vhost_block_threads(&c), 1);
  ck_assert(vhost_block_params_refused(&r.params) == NULL);
  r.params.poll_start = r.params.poll_max + 1;
  ck_assert(vhost_block_params_refused(&r.params) != NULL);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("SPDK vhost");
  TCase *c = tcase_create("poll-mode threads");
  tcase_set_timeout(c, 120);
  tcase_add_test(c, thread_limits);
  tcase_add_test(c, drive_limits);
  tcase_add_test(c, cores_add_up);
  tcase_add_test(c, idle_polling);
  tcase_add_test(c, latency_is_the_sum);
  tcase_add_test(c, found_by_the_next_turn);
  tcase_add_test(c, fair_turns);
  tcase_add_test(c, full_ring_waits);
  tcase_add_test(c, signals);
  tcase_add_test(c, signals_cost_cycles);
  tcase_add_loop_test(c, mixed_traffic, 0, 8);
  tcase_add_test(c, payload_goes_to_the_guest);
  tcase_add_test(c, order_does_not_matter);
  tcase_add_test(c, needs);
  suite_add_tcase(s, c);
  return test_main(s);
}
