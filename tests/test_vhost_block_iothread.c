/*
 * test_vhost_block_iothread.c - QEMU's iothread: cost, wake-ups, adaptive
 * polling, latency by parts, cores shared with guests, no lost wake-ups.
 */
#include "test_vhost_block.h"

static void iothread_defaults(uint32_t guests)
{
  rig_defaults(guests, VHOST_BLOCK_IOTHREAD);
  r.params.poll_max = 0;
}

/* ---- throughput -----------------------------------------------------------
 */

/* Batches are full with more than 32 requests at a time outstanding beyond what
 * the drive has; doorbells of completions and the like are below 1 %. */
START_TEST(thread_limits)
{
  iothread_defaults(1);
  r.guest[0].job.depth = 200;
  r.guest[0].polls = true;
  r.duration = 40 * HD_MS;
  rig_run();
  const struct vhost_block_params *p = &r.params;
  struct vhost_block_thread_stats st = rig_thread(0);
  double batches = (double)st.batches / (double)st.requests;
  double cost = (double)(p->io_virtio + p->io_block + p->io_kernel +
                         p->io_interrupt + p->io_complete + p->io_used) +
                (double)(p->io_submit + r.cpu.mmio_write_cost) * batches;
  double expected = 2e9 / cost;
  printf("iothread: %.0f of %.0f requests a second, %.3f cores, %.1f a batch\n",
         rig_rate(0), expected, st.cores, 1 / batches);
  ck_assert_double_eq_tol(rig_rate(0) / expected, 1, 0.02);
  ck_assert_double_eq_tol(st.cores, 1, 1e-3);
  ck_assert_uint_eq(st.sleeps, 0);
  rig_free();
}
END_TEST

/* The drive's pipeline takes 20,000 cycles of 1 GHz: 50,000 a second; the
 * thread is busy for its cycles, with the wake-ups, and no more. */
START_TEST(drive_limits)
{
  iothread_defaults(1);
  r.drive_params.command_cycles = 20000;
  r.guest[0].job.depth = 16;
  r.guest[0].polls = true;
  r.duration = 20 * HD_MS;
  rig_run();
  const struct vhost_block_params *p = &r.params;
  struct vhost_block_thread_stats st = rig_thread(0);
  int64_t least = p->io_virtio + p->io_block + p->io_submit + p->io_kernel +
                  p->io_interrupt + p->io_complete + p->io_used;
  ck_assert_double_eq_tol(rig_rate(0), 50000, 500);
  ck_assert_double_ge(st.cores, 50000 * (double)least / 2e9);
  ck_assert_double_le(st.cores, 0.9);
  ck_assert_uint_gt(st.sleeps, 900);
  rig_free();
}
END_TEST

/* Two guests and their threads on one core: neither starves. */
START_TEST(one_core_for_all)
{
  iothread_defaults(2);
  r.cpu.cores = 1;
  r.guest[0].job.depth = r.guest[1].job.depth = 32;
  r.duration = 60 * HD_MS;
  rig_run();
  struct vhost_block_thread_stats a = rig_thread(0), b = rig_thread(1);
  printf("one core: %.0f and %.0f requests a second\n", rig_rate(0),
         rig_rate(1));
  ck_assert_double_le(a.cores + b.cores, 1);
  ck_assert_double_ge(a.cores + b.cores, 0.5);
  ck_assert_double_eq_tol(rig_rate(0) / rig_rate(1), 1, 0.1);
  rig_free();
}
END_TEST

/* ---- latency ---------------------------------------------------------------
 */

struct first { /* the first request of the only guest */
  hd_time latency;
  hd_time spent[HD_STAGE_COUNT];
};

static struct first first_with(void (*change)(void))
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    iothread_defaults(1);
    r.guest[0].polls = true;
    r.guest[0].job.limit = 1;
    r.duration = HD_MS;
    rig_quiet();
    if (change)
      change();
    rig_run();
    const struct rig_done *d = &r.guest[0].log[0];
    struct first f = {.latency = d->ended - d->begun};
    memcpy(f.spent, d->block.stamps.spent, sizeof f.spent);
    _exit(write(ends[1], &f, sizeof f) == sizeof f ? 0 : 1);
  }
  struct first f;
  int status;
  close(ends[1]);
  ck_assert_int_eq((int)read(ends[0], &f, sizeof f), (int)sizeof f);
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
  close(ends[0]);
  return f;
}

static void bad(void)
{
  r.guest[0].job.bad = true;
}

/* From the guest's kick to the thread's look at the ring, and from there back
 * to the guest, to the picosecond: the request is refused at once. The thread
 * has its core as it had left it: no context switch. */
START_TEST(kick_wakes_in_time)
{
  struct first f = first_with(bad);
  iothread_defaults(1);
  hd_time wake = rig_cycles(r.cpu.exit_cost + r.cpu.exit_kick) +
                 r.params.kick_latency + r.cpu.queue_latency +
                 r.cpu.wake_latency + rig_cycles(r.params.io_wakeup);
  ck_assert_int_eq(f.spent[HD_STAGE_DOORBELL], wake);
  ck_assert_int_eq(f.latency, wake + rig_cycles(r.params.io_virtio) +
                                  VIRTIO_VISIBLE_LATENCY);
}
END_TEST

#define LONGER 3000 /* cycles, or ns */
static void longer_kick(void)
{
  r.params.kick_latency += LONGER * HD_NS;
}
static void longer_wake(void)
{
  r.cpu.wake_latency += LONGER * HD_NS;
}
static void longer_wakeup(void)
{
  r.params.io_wakeup += LONGER;
}
static void longer_virtio(void)
{
  r.params.io_virtio += LONGER;
}
static void longer_block(void)
{
  r.params.io_block += LONGER;
}
static void longer_submit(void)
{
  r.params.io_submit += LONGER;
}
static void longer_kernel(void)
{
  r.params.io_kernel += LONGER;
}
static void longer_host_irq(void)
{
  r.cpu.host_irq_cost += LONGER;
}
static void longer_interrupt(void)
{
  r.params.io_interrupt += LONGER;
}
static void longer_complete(void)
{
  r.params.io_complete += LONGER;
}
static void longer_used(void)
{
  r.params.io_used += LONGER;
}
static void longer_read(void)
{
  r.drive_params.read_time += LONGER * HD_NS;
}
static void longer_sleep(void)
{
  r.params.io_sleep += LONGER; /* it is asleep long before */
}
static void longer_signal(void)
{
  r.params.io_signal += LONGER; /* after the used entry */
}

/* Latency at depth 1 is the sum of its parts: each of them made longer makes
 * it longer by as often as it occurs, exactly. 2 GHz: 3000 cycles, 1500 ns. */
START_TEST(latency_is_the_sum)
{
  static const struct {
    void (*change)(void);
    hd_time more; /* ns */
  } part[] = {{longer_kick, 3000},      {longer_wake, 6000},
              {longer_wakeup, 3000},    {longer_virtio, 1500},
              {longer_block, 1500},     {longer_submit, 1500},
              {longer_kernel, 1500},    {longer_host_irq, 1500},
              {longer_interrupt, 1500}, {longer_complete, 1500},
              {longer_used, 1500},      {longer_read, 3000},
              {longer_sleep, 0},        {longer_signal, 0}};
  hd_time base = first_with(NULL).latency;
  for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
    hd_time more = first_with(part[i].change).latency - base;
    ck_assert_msg(more == part[i].more * HD_NS, "part %zu: %lld ps more", i,
                  (long long)more);
  }
}
END_TEST

/* ---- polling ----------------------------------------------------------------
 */

/* A read takes about 66 us with what is around it. Polling for up to 200 us
 * grows to cover that, and then nobody sleeps; polling for up to 32 us is given
 * up each time, as QEMU does. */
START_TEST(polling_long_enough)
{
  iothread_defaults(1);
  r.params.poll_max = 200 * HD_US;
  r.params.poll_start = 4 * HD_US;
  r.guest[0].polls = true;
  rig_run();
  struct vhost_block_thread_stats st = rig_thread(0);
  ck_assert_uint_gt(st.requests, 50);
  ck_assert_uint_eq(st.sleeps, 0);
  ck_assert_uint_ge(st.hits, st.requests);
  ck_assert_double_eq_tol(st.cores, 1, 1e-3);
  rig_free();
}
END_TEST

START_TEST(polling_too_short)
{
  iothread_defaults(1);
  r.params.poll_max = 32 * HD_US;
  r.guest[0].polls = true;
  rig_run();
  struct vhost_block_thread_stats st = rig_thread(0);
  ck_assert_uint_gt(st.requests, 50);
  ck_assert_uint_ge(st.sleeps, st.requests);
  ck_assert_double_le(st.cores, 0.5);
  rig_free();
}
END_TEST

static hd_time mean_latency(hd_time poll_max)
{
  iothread_defaults(1);
  r.params.poll_max = poll_max;
  r.guest[0].polls = true;
  rig_build();
  rig_go();
  hd_time mean = r.guest[0].latency_sum / (hd_time)r.guest[0].done_in_window;
  return mean;
}

/* Polling saves wake-ups: at least those of kick and completion. */
START_TEST(polling_saves_latency)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  if (fork() == 0) {
    hd_time polled = mean_latency(200 * HD_US);
    _exit(write(ends[1], &polled, sizeof polled) == sizeof polled ? 0 : 1);
  }
  close(ends[1]);
  hd_time polled = 0;
  ck_assert_int_eq((int)read(ends[0], &polled, sizeof polled),
                   (int)sizeof polled);
  hd_time slept = mean_latency(0);
  printf("latency: %.1f us asleep, %.1f us polling\n", (double)slept / 1e6,
         (double)polled / 1e6);
  ck_assert_int_gt(slept - polled,
                   2 * r.cpu.wake_latency + rig_cycles(r.params.io_wakeup));
  rig_free();
}
END_TEST

/* ---- sleep ------------------------------------------------------------------
 */

START_TEST(sleeps_when_idle)
{
  iothread_defaults(1);
  r.params.poll_max = 32 * HD_US;
  r.guest[0].job.limit = 3;
  r.duration = 50 * HD_MS;
  rig_run();
  struct hd_engine_report report;
  hd_engine_get_report(r.engine, &report);
  ck_assert_uint_eq(r.guest[0].ended, 3);
  ck_assert_double_eq_tol(rig_thread(0).cores, 0, 1e-9);
  ck_assert_uint_lt(report.events, 2000);
  rig_free();
}
END_TEST

/* Random pauses on the guest's side meet sleeping and waking of the thread at
 * all distances: every request comes back, once. */
START_TEST(no_lost_wakeups)
{
  static const uint64_t features[] = {
      0, VIRTIO_BIT(VIRTIO_F_EVENT_IDX), VIRTIO_BIT(VIRTIO_F_RING_PACKED),
      VIRTIO_BIT(VIRTIO_F_RING_PACKED) | VIRTIO_BIT(VIRTIO_F_EVENT_IDX)};
  iothread_defaults(3);
  r.seed = (uint64_t)_i + 1;
  r.duration = 200 * HD_MS;
  r.params.poll_max = (_i / 4 % 2) * 50 * HD_US;
  r.irq.posted = _i / 8 % 2 == 0;
  r.cpu.cores = _i % 3 == 0 ? 2 : 32;
  r.drive_params.read_jitter = 0.5;
  for (int i = 0; i < 3; i++) {
    struct rig_guest *g = &r.guest[i];
    g->features = features[_i % 4];
    g->queues = (uint16_t)(1 + i % 2);
    g->job = (struct rig_job){.depth = (uint32_t)(1 + 3 * i),
                              .bytes = 4096,
                              .mixed = true,
                              .limit = 600,
                              .pause = i * 10 * HD_US};
  }
  rig_run();
  for (int i = 0; i < 3; i++) {
    ck_assert_uint_eq(r.guest[i].ended, 600);
    struct block_guest_stats st = rig_stats((uint32_t)i);
    ck_assert_uint_le(st.requests, 600);
  }
  ck_assert_uint_eq(vhost_block_requests_inside(r.vhost), 0);
  ck_assert_uint_eq(storage_held(r.drive), 0);
  rig_free();
}
END_TEST

/* A ring of 8 entries under 32 requests: 7 with the drive, none lost. */
START_TEST(full_ring_waits)
{
  iothread_defaults(1);
  r.params.kernel_ring = 8;
  r.guest[0].job = (struct rig_job){.depth = 32, .bytes = 4096, .limit = 500};
  r.duration = 20 * HD_MS;
  rig_run();
  struct host_queue_stats q;
  vhost_block_get_drive_stats(r.vhost, 0, &q);
  ck_assert_uint_gt(q.waited, 100);
  ck_assert_uint_eq(r.guest[0].ended, 500);
  rig_free();
}
END_TEST

int main(void)
{
  Suite *s = suite_create("iothread");
  TCase *c = tcase_create("QEMU");
  tcase_set_timeout(c, 120);
  tcase_add_test(c, thread_limits);
  tcase_add_test(c, drive_limits);
  tcase_add_test(c, one_core_for_all);
  tcase_add_test(c, kick_wakes_in_time);
  tcase_add_test(c, latency_is_the_sum);
  tcase_add_test(c, polling_long_enough);
  tcase_add_test(c, polling_too_short);
  tcase_add_test(c, polling_saves_latency);
  tcase_add_test(c, sleeps_when_idle);
  tcase_add_loop_test(c, no_lost_wakeups, 0, 16);
  tcase_add_test(c, full_ring_waits);
  suite_add_tcase(s, c);
  return test_main(s);
}
