/*
 * test_guest_block.c - block jobs over NVMe and virtio-blk, against a device of
 * known behaviour: latency, depth, rates, patterns, completion, conservation.
 *
 * A green run does not prove anything about a real device, DMA or an IOMMU.
 */
#include <math.h>
#include <string.h>

#include "test_guest_block.h"

static struct bench bench;

/* Devices: NVMe, and virtio-blk with 8 kinds of rings, by doorbell and by exit.
 */
enum { RINGS = 8, DEVICES = 1 + 2 * RINGS };

static void choose_device(struct bench *b, int i)
{
  block_defaults(b, i == 0 ? BLOCKDEV_NVME : BLOCKDEV_VIRTIO);
  if (i == 0)
    return;
  b->virtio.packed = ((i - 1) & 1) != 0;
  b->virtio.event_idx = ((i - 1) & 2) == 0;
  b->virtio.indirect = ((i - 1) & 4) == 0;
  rig.notify = i > RINGS ? VIRTIO_NOTIFY_EXIT : VIRTIO_NOTIFY_DOORBELL;
}

static hd_time cycles(const struct bench *b, int64_t n)
{
  return bench_cycles(b, n);
}

/* ---- one at a time ------------------------------------------------------ */

struct way {
  hd_time send_path, doorbell, device, interrupt, receive;
};

static struct way closed_form(const struct bench *b)
{
  const struct guest_block_params *k = &b->block_costs;
  const struct virtio_params *p = &b->virtio;
  bool virtio = b->config.blockdev == BLOCKDEV_VIRTIO;
  bool exits = virtio && rig.notify == VIRTIO_NOTIFY_EXIT;
  int64_t driver = k->submit_driver, take = k->complete_driver;
  int64_t after = b->cpu.mmio_write_cost; /* completion queue's doorbell */
  if (virtio) {
    driver += 3 * p->add_descriptor + p->kick_prepare;
    driver += p->indirect ? p->indirect_table : 0;
    take += p->take_used;
    after = p->callback;
  }
  return (struct way){
      .send_path = cycles(b, k->submit_syscall + k->submit_request + driver),
      .doorbell = exits ? cycles(b, b->cpu.exit_cost + b->cpu.exit_kick) +
                              BLOCK_KICK_LATENCY
                        : cycles(b, b->cpu.mmio_write_cost) + DOORBELL_LATENCY,
      .device = rig.service,
      .interrupt = IRQ_LATENCY + b->cpu.queue_latency + b->cpu.wake_latency +
                   cycles(b, b->cpu.exit_cost - b->cpu.exit_cost / 2 +
                                 b->cpu.irq_entry_cost + k->interrupt),
      .receive = cycles(b, take + k->complete_request + after +
                               b->costs.thread_switch + k->reap_syscall +
                               k->application)};
}

static void check_stage(const struct bench *b, enum hd_stage stage,
                        hd_time expected)
{
  const struct hd_histogram *h = &guest_breakdown(b->guest)->stages[stage];
  ck_assert_msg(h->min == expected && h->max == expected,
                "%s: %lld to %lld ps, expected %lld", hd_stage_name(stage),
                (long long)h->min, (long long)h->max, (long long)expected);
}

/* Exact: the vCPU blocks, and is woken by the interrupt. */
START_TEST(latency_is_the_sum_of_its_stages)
{
  struct bench *b = &bench;
  choose_device(b, _i);
  bench_create(b);
  block_run(b);
  struct way w = closed_form(b);
  check_stage(b, HD_STAGE_SEND_PATH, w.send_path);
  check_stage(b, HD_STAGE_DOORBELL, w.doorbell);
  check_stage(b, HD_STAGE_REMOTE, w.device);
  check_stage(b, HD_STAGE_INTERRUPT, w.interrupt);
  check_stage(b, HD_STAGE_GUEST_RECEIVE, w.receive);
  hd_time sum = w.send_path + w.doorbell + w.device + w.interrupt + w.receive;
  const struct hd_histogram *h = guest_latency(b->guest);
  ck_assert_int_eq(h->min, sum);
  ck_assert_int_eq(h->max, sum);
  struct guest_stats s = block_stats(b);
  ck_assert_int_ge((hd_time)s.requests, b->duration / sum);
  ck_assert_int_le((hd_time)s.requests, b->duration / sum + 1);
  ck_assert_uint_eq(s.read_bytes, s.requests * 4096);
  ck_assert_uint_eq(s.reads, s.requests);
  ck_assert_uint_eq(s.writes + s.flushes + s.errors, 0);
  ck_assert_uint_eq(s.exits[EXIT_KICK], s.kick_exits);
  block_destroy_rig(b);
}
END_TEST

/* A poll finds a completion at the end of the poll during which it came: not
 * later than one poll after it became visible. */
START_TEST(polling_takes_no_interrupt)
{
  struct bench *b = &bench;
  choose_device(b, _i);
  b->jobs.completion = BLOCK_POLL;
  bench_create(b);
  block_run(b);
  struct way w = closed_form(b);
  const struct hd_histogram *h =
      &guest_breakdown(b->guest)->stages[HD_STAGE_INTERRUPT];
  hd_time poll = cycles(b, b->block_costs.poll_empty);
  ck_assert_int_ge(h->min, VISIBLE_LATENCY);
  ck_assert_int_lt(h->max, VISIBLE_LATENCY + poll);
  check_stage(b, HD_STAGE_SEND_PATH, w.send_path);
  check_stage(b, HD_STAGE_DOORBELL, w.doorbell);
  struct guest_stats s = block_stats(b);
  /* A split ring with event indices cannot say it: see virtq_driver_disable_
   * callback(); at most the first completion interrupts. */
  ck_assert_uint_le(rig.interrupts, 1);
  if (b->config.blockdev == BLOCKDEV_NVME)
    ck_assert_uint_eq(rig.interrupts, 0);
  ck_assert_uint_eq(s.interrupts, 0);
  ck_assert_uint_eq(s.exits[EXIT_HLT], 0);
  ck_assert_int_eq(s.guest_time + s.host_time, b->duration);
  ck_assert_uint_gt(s.requests, 150);
  block_destroy_rig(b);
}
END_TEST

/* ---- many at a time ----------------------------------------------------- */

START_TEST(depth_is_reached_and_never_exceeded)
{
  struct bench *b = &bench;
  choose_device(b, _i);
  b->jobs.iodepth = 24;
  b->jobs.numjobs = 3;
  rig.service = rig.spread = 300 * HD_US;
  bench_create(b);
  block_run(b);
  ck_assert_uint_eq(rig.end[0].most_inside, 72);
  for (int j = 0; j < 3; j++)
    ck_assert_uint_eq(b->guest->block->jobs[j].most_in_flight, 24);
  /* Little's law; what is cut off at the ends of the window is half a latency
   * of 10 ms. */
  double mean = (double)guest_latency(b->guest)->sum /
                (double)guest_latency(b->guest)->count;
  bench_near(block_iops(b) * mean / (double)HD_S, 72, 0.05);
  block_destroy_rig(b);
}
END_TEST

/* The ring is shorter than the depth: what does not fit waits in the guest. */
START_TEST(ring_limits_what_is_posted)
{
  struct bench *b = &bench;
  choose_device(b, _i);
  b->block_costs.nvme_ring = b->virtio.ring_size = 32;
  b->jobs.iodepth = 100;
  bench_create(b);
  block_run(b);
  uint64_t expected = 31;
  if (b->config.blockdev == BLOCKDEV_VIRTIO)
    expected = b->virtio.indirect ? 32 : 10; /* 32 / 3 */
  ck_assert_uint_eq(rig.end[0].most_inside, expected);
  ck_assert_uint_eq(b->guest->block->jobs[0].most_in_flight, 100);
  ck_assert_uint_le(guest_block_inside(b->guest), 100);
  block_destroy_rig(b);
}
END_TEST

START_TEST(slow_device_sets_the_rate)
{
  struct bench *b = &bench;
  choose_device(b, _i);
  b->jobs.iodepth = 32;
  rig.gap = 7 * HD_US;
  bench_create(b);
  block_run(b);
  bench_near(block_iops(b), 1e6 / 7, 0.02);
  block_destroy_rig(b);
}
END_TEST

/* Costs of calls, interrupts and doorbells set to nothing, the CPU's time is
 * the requests' own, however they are batched. */
START_TEST(fast_device_leaves_the_cpu)
{
  struct bench *b = &bench;
  choose_device(b, _i);
  struct guest_block_params *k = &b->block_costs;
  k->submit_syscall = k->reap_syscall = k->interrupt = 0;
  b->cpu.irq_entry_cost = b->cpu.mmio_write_cost = b->costs.thread_switch = 0;
  b->virtio.kick_prepare = b->virtio.callback = 0;
  b->cpu.exit_cost = b->cpu.exit_kick = 0;
  b->jobs.iodepth = 64;
  rig.service = 5 * HD_US;
  bench_create(b);
  block_run(b);
  int64_t each = k->submit_request + k->submit_driver + k->complete_driver +
                 k->complete_request + k->application;
  if (b->config.blockdev == BLOCKDEV_VIRTIO)
    each += 3 * b->virtio.add_descriptor + b->virtio.take_used +
            (b->virtio.indirect ? b->virtio.indirect_table : 0);
  bench_near(block_iops(b), (double)b->cpu.frequency / (double)each, 0.02);
  bench_near(block_stats(b).send_core_utilization, 1.0, 0.001);
  block_destroy_rig(b);
}
END_TEST

/* Reaped together, submitted together: one doorbell for them. */
START_TEST(what_is_reaped_together_is_announced_together)
{
  struct bench *b = &bench;
  choose_device(b, 0);
  b->jobs.iodepth = 16;
  b->duration = 5 * HD_MS;
  bench_create(b);
  block_run(b);
  /* All come back at the same time: the device works on them side by side. */
  ck_assert_uint_le(rig.doorbells * 8, rig.end[0].taken);
  ck_assert_uint_le(rig.head_doorbells * 8, rig.end[0].taken);
  block_destroy_rig(b);
}
END_TEST

START_TEST(calls_submit_no_more_than_a_batch)
{
  struct bench *b = &bench;
  choose_device(b, 0);
  b->jobs.iodepth = 16;
  b->jobs.iodepth_batch = 4;
  b->duration = 5 * HD_MS;
  bench_create(b);
  block_run(b);
  ck_assert_uint_ge(rig.doorbells * 4, rig.end[0].taken);
  ck_assert_uint_le(rig.doorbells * 3, rig.end[0].taken);
  ck_assert_uint_eq(rig.end[0].most_inside, 16);
  block_destroy_rig(b);
}
END_TEST

/* ---- patterns ----------------------------------------------------------- */

START_TEST(sequential_jobs_go_on_where_they_were)
{
  struct bench *b = &bench;
  choose_device(b, _i);
  b->jobs.rw = _i ? BLOCK_SEQUENTIAL_WRITE : BLOCK_SEQUENTIAL_READ;
  b->jobs.numjobs = b->config.queue_pairs = 2;
  b->jobs.iodepth = 4;
  b->jobs.bs = 8192;
  b->jobs.size = 100 * 8192;
  bench_create(b);
  block_run(b);
  uint64_t next[2] = {0, 50};
  ck_assert_uint_lt(rig.logged, BLOCK_LOG);
  for (uint64_t i = 0; i < rig.logged; i++) {
    const struct block_log *l = &rig.log[i];
    ck_assert_uint_eq(l->lba, next[l->queue] * 16);
    next[l->queue] = (next[l->queue] + 1) % 100;
  }
  ck_assert_uint_gt(rig.logged, 400);
  struct guest_stats s = block_stats(b);
  ck_assert_uint_eq(s.written_bytes, _i ? s.requests * 8192 : 0);
  block_destroy_rig(b);
}
END_TEST

/* Within three standard deviations; places are drawn evenly. */
START_TEST(mixed_jobs_have_their_share_of_reads)
{
  struct bench *b = &bench;
  choose_device(b, _i);
  b->jobs.rw = BLOCK_RANDOM_MIXED;
  b->jobs.rwmixread = 0.7;
  b->jobs.iodepth = 32;
  b->jobs.size = 1000 * 4096;
  bench_create(b);
  block_run(b);
  double n = (double)(rig.ops[BLOCK_READ] + rig.ops[BLOCK_WRITE]);
  ck_assert_double_gt(n, 2500);
  double off = (double)rig.ops[BLOCK_READ] - 0.7 * n;
  ck_assert_double_le(fabs(off), 3 * sqrt(n * 0.7 * 0.3));
  double sum = 0;
  for (uint64_t i = 0; i < rig.logged; i++) {
    ck_assert_uint_lt(rig.log[i].lba, 8000);
    sum += (double)rig.log[i].lba / 8;
  }
  double sigma = 1000 / sqrt(12 * n);
  ck_assert_double_le(fabs(sum / n - 499.5), 3 * sigma);
  block_destroy_rig(b);
}
END_TEST

START_TEST(flushes_come_after_so_many_writes)
{
  struct bench *b = &bench;
  choose_device(b, _i);
  b->jobs.rw = BLOCK_RANDOM_WRITE;
  b->jobs.flush_every = 5;
  b->jobs.iodepth = 3;
  bench_create(b);
  block_run(b);
  for (uint64_t i = 0; i < rig.logged; i++)
    ck_assert_uint_eq(rig.log[i].op, i % 6 == 5 ? BLOCK_FLUSH : BLOCK_WRITE);
  ck_assert_uint_gt(rig.logged, 300);
  struct guest_stats s = block_stats(b);
  bench_near((double)s.flushes, (double)s.writes / 5, 0.02);
  ck_assert_uint_eq(s.requests, s.writes);
  block_destroy_rig(b);
}
END_TEST

/* Neither ahead of n / rate nor, since the device is fast enough, behind by
 * more than a wake-up. */
START_TEST(jobs_keep_their_rate)
{
  struct bench *b = &bench;
  choose_device(b, _i);
  b->jobs.rate_iops = 7000;
  b->jobs.numjobs = b->config.queue_pairs = 2;
  b->jobs.iodepth = 8;
  bench_create(b);
  block_run(b);
  hd_time start = b->go + b->guest->jitter;
  uint64_t n[2] = {0, 0};
  for (uint64_t i = 0; i < rig.logged; i++) {
    const struct block_log *l = &rig.log[i];
    hd_time due = start + (hd_time)n[l->queue]++ * HD_S / 7000;
    ck_assert_int_ge(l->when, due);
    ck_assert_int_le(l->when, due + 20 * HD_US);
  }
  bench_near(block_iops(b), 14000, 0.02);
  block_destroy_rig(b);
}
END_TEST

START_TEST(failures_are_counted_apart)
{
  struct bench *b = &bench;
  choose_device(b, _i);
  b->jobs.iodepth = 4;
  rig.fail_every = 7;
  b->warmup = 0;
  bench_create(b);
  block_run(b);
  struct guest_stats s = block_stats(b);
  ck_assert_uint_gt(s.errors, 20);
  ck_assert_uint_le(s.errors, rig.failed);
  ck_assert_uint_ge(s.errors + 4, rig.failed);
  ck_assert_uint_eq(s.requests + s.errors + guest_block_inside(b->guest),
                    b->requests.created);
  block_destroy_rig(b);
}
END_TEST

/* ---- memory and start --------------------------------------------------- */

/* Tight memory; the rig checks that buffers and lists lie in it, and lists in
 * one page. Neighbouring buffers do not overlap. */
START_TEST(buffers_lie_in_memory)
{
  static const int64_t sizes[] = {512, 4096, 8192, 12288, 131072, 1 << 20};
  struct bench *b = &bench;
  choose_device(b, _i % 2);
  b->jobs.bs = sizes[_i / 2];
  b->jobs.iodepth = 5;
  b->jobs.numjobs = b->config.queue_pairs = 2;
  b->config.block_jobs = &b->jobs;
  b->config.block_costs = &b->block_costs;
  b->config.storage = &b->storage;
  b->config.virtio = &b->virtio;
  b->config.memory_size = guest_memory_needed(&b->config);
  bench_create(b);
  const struct guest_block *g = b->guest->block;
  uint64_t step = (uint64_t)(b->jobs.bs + 4095) / 4096 * 4096;
  for (int j = 0; j < 2; j++)
    for (int i = 1; i < 5; i++)
      ck_assert_uint_eq(g->jobs[j].slots[i].buffer,
                        g->jobs[j].slots[i - 1].buffer + step);
  ck_assert_uint_ge(g->jobs[1].slots[0].buffer,
                    g->jobs[0].slots[4].buffer + step);
  ck_assert_uint_ge(g->jobs[1].slots[0].buffer, g->jobs[0].slots[4].list);
  bool lists = b->config.blockdev == BLOCKDEV_NVME && b->jobs.bs > 8192;
  ck_assert(lists == (g->jobs[0].slots[0].list != 0));
  block_run(b);
  ck_assert_uint_gt(rig.logged, 100);
  block_destroy_rig(b);
}
END_TEST

START_TEST(nvme_start_traps_or_reads)
{
  struct bench *b = &bench;
  choose_device(b, 0);
  b->registers.direct = _i == 1;
  b->jobs.numjobs = b->config.queue_pairs = b->config.vcpus = 3;
  bench_create(b);
  block_run(b);
  int64_t traps = 60 + 4 * 4, commands = 8 + 3 * 2;
  if (_i == 0)
    traps += 20 + 2 * commands;
  ck_assert_int_eq((int64_t)b->hypervisor.traps, traps);
  ck_assert_uint_eq(rig.register_reads, _i == 1 ? 20 : 0);
  if (_i == 1)
    ck_assert_int_gt(b->hypervisor.ready, commands * b->storage.admin_cost);
  ck_assert_uint_eq(block_stats(b).page_faults, 6); /* 3 doorbells, 3 vectors */
  ck_assert_uint_eq(guest_vcpus(b->guest), 3);
  block_destroy_rig(b);
}
END_TEST

START_TEST(virtio_start_traps)
{
  struct bench *b = &bench;
  choose_device(b, 1);
  b->jobs.numjobs = b->config.queue_pairs = b->config.vcpus = 3;
  bench_create(b);
  const struct virtio_function *f = guest_virtio_function(b->guest);
  ck_assert_int_eq(f->kind, VIRTIO_BLK);
  ck_assert_uint_eq(f->n_queues, 3);
  ck_assert(virtio_has(f->features, VIRTIO_BLK_F_MQ));
  ck_assert_ptr_null(guest_storage_rings(b->guest));
  block_run(b);
  ck_assert_uint_eq(b->hypervisor.traps, 80 + 3 * 10 + 4 * 4);
  ck_assert_uint_eq(block_stats(b).page_faults, 3);
  block_destroy_rig(b);
}
END_TEST

START_TEST(idle_guest_has_a_device)
{
  struct bench *b = &bench;
  choose_device(b, _i);
  b->config.workload = WORKLOAD_IDLE;
  bench_create(b);
  block_run(b);
  ck_assert_uint_eq(b->requests.created, 0);
  ck_assert_uint_gt(b->hypervisor.traps, 0);
  block_destroy_rig(b);
}
END_TEST

/* ---- conservation ------------------------------------------------------- */

/* Jobs on several vCPUs share queues, vCPUs share cores, completions come in
 * any order; half of the variants poll. */
static void setup_random(struct bench *b)
{
  b->jobs.rw = BLOCK_RANDOM_MIXED;
  b->jobs.iodepth = 11;
  b->jobs.numjobs = 7;
  b->jobs.flush_every = 20;
  b->config.vcpus = 3;
  b->config.queue_pairs = 2;
  b->block_costs.nvme_ring = b->virtio.ring_size = 32;
  b->cpu.cores = 3;
  b->cpu.halt_poll = 50 * HD_US;
  rig.service = 5 * HD_US;
  rig.spread = 60 * HD_US;
  rig.fail_every = 50;
  b->warmup = 0;
  b->duration = 10 * HD_MS;
}

START_TEST(every_request_comes_back_once)
{
  struct bench *b = &bench;
  choose_device(b, _i % DEVICES);
  setup_random(b);
  b->jobs.completion = _i >= DEVICES ? BLOCK_POLL : BLOCK_INTERRUPT;
  rig.polls = b->config.blockdev == BLOCKDEV_VIRTIO && _i % 3 == 0;
  if (_i >= DEVICES) /* jobs have the vCPU for 3 ms in turn */
    b->duration = 30 * HD_MS;
  bench_create(b);
  block_run(b);
  struct guest_stats s = block_stats(b);
  uint64_t reaped = s.requests + s.flushes + s.errors;
  ck_assert_uint_eq(reaped + guest_block_inside(b->guest), b->requests.created);
  ck_assert_uint_gt(reaped, _i >= DEVICES ? 500 : 3000);
  ck_assert_uint_gt(s.flushes, 20);
  if (_i >= DEVICES) /* at most the first completion of a queue */
    ck_assert_uint_le(rig.interrupts, 2);
  /* None is forgotten: each job has had a part in it. */
  for (int j = 0; j < 7; j++)
    ck_assert_uint_gt(b->guest->block->jobs[j].reaped, 20);
  block_destroy_rig(b);
}
END_TEST

/* ---- moving to another back end ----------------------------------------- */

/* While the first device holds all of the guest's requests the second one takes
 * over: it completes them and gets all that follow. */
START_TEST(second_back_end_takes_over)
{
  struct bench *b = &bench;
  choose_device(b, 1 + RINGS + _i % RINGS);
  b->jobs.iodepth = _i < RINGS ? 1 : 6;
  rig.move_after = 60;
  bench_create(b);
  block_run(b);
  ck_assert(rig.moved);
  ck_assert_uint_eq(rig.end[0].taken, 60);
  ck_assert_uint_eq(rig.end[0].completed, 60 - (uint64_t)b->jobs.iodepth);
  ck_assert_uint_gt(rig.end[1].completed, 60);
  ck_assert_uint_gt(rig.end[1].kicks, 10);
  ck_assert_uint_eq(rig.end[0].completed + rig.end[1].completed,
                    rig.end[0].taken + rig.end[1].taken - rig.end[1].inside);
  block_destroy_rig(b);
}
END_TEST

/* ---- order of actors ---------------------------------------------------- */

static void setup_nvme(struct bench *b)
{
  choose_device(b, 0);
  setup_random(b);
  b->duration = 4 * HD_MS;
}

static void setup_virtio(struct bench *b)
{
  choose_device(b, 1);
  setup_random(b);
  b->duration = 4 * HD_MS;
}

static void setup_packed(struct bench *b)
{
  choose_device(b, 2 + RINGS);
  setup_random(b);
  b->duration = 4 * HD_MS;
}

static void setup_polled(struct bench *b)
{
  choose_device(b, 0);
  setup_random(b);
  b->jobs.completion = BLOCK_POLL;
  b->jobs.numjobs = 3;
  b->duration = 2 * HD_MS;
}

static struct bench_print print_of(void (*setup)(struct bench *),
                                   hd_time run_ahead, uint32_t shuffle)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  if (fork() == 0) {
    struct bench *b = &bench;
    setup(b);
    b->run_ahead = run_ahead;
    b->shuffle = shuffle;
    bench_create(b);
    block_run(b);
    struct hd_engine_report r;
    hd_engine_get_report(b->engine, &r);
    struct bench_print p = {r.fingerprint, rig.logged, rig.doorbells,
                            (int64_t)guest_latency(b->guest)->sum};
    ssize_t written = write(ends[1], &p, sizeof p);
    _exit(written == (ssize_t)sizeof p ? 0 : 1);
  }
  close(ends[1]);
  struct bench_print p = {0};
  ck_assert_int_eq((int)read(ends[0], &p, sizeof p), (int)sizeof p);
  close(ends[0]);
  return p;
}

START_TEST(window_and_actor_order_change_nothing)
{
  static void (*const setups[])(struct bench *) = {setup_nvme, setup_virtio,
                                                   setup_packed, setup_polled};
  struct bench_print a = print_of(setups[_i], 100 * HD_NS, 0);
  struct bench_print others[] = {
      print_of(setups[_i], 0, 0), print_of(setups[_i], HD_US, 0),
      print_of(setups[_i], 0, 5), print_of(setups[_i], 100 * HD_NS, 9)};
  ck_assert_uint_gt(a.packets, 100);
  for (int i = 0; i < 4; i++) {
    ck_assert_uint_eq(a.fingerprint, others[i].fingerprint);
    ck_assert_uint_eq(a.packets, others[i].packets);
    ck_assert_uint_eq(a.doorbells, others[i].doorbells);
    ck_assert_int_eq(a.latency, others[i].latency);
  }
}
END_TEST

/* ---- parameters --------------------------------------------------------- */

static size_t check_table(const struct hd_param_table *t)
{
  size_t n = 0;
  for (const struct hd_param *p = t->params; p->name; p++, n++) {
    ck_assert_msg(p->fallback && p->meaning && p->source, "%s", p->name);
    ck_assert_msg(p->type == HD_PARAM_ENUM || p->type == HD_PARAM_RATIO ||
                      (p->min && p->max),
                  "%s has no range", p->name);
    for (const struct hd_param *o = t->params; o != p; o++)
      ck_assert(strcmp(o->name, p->name) != 0 && o->offset != p->offset);
  }
  return n;
}

START_TEST(tables_are_complete)
{
  ck_assert_uint_eq(check_table(&block_jobs_param_table), 10);
  ck_assert_uint_eq(check_table(&guest_block_param_table),
                    sizeof(struct guest_block_params) / sizeof(int64_t));
  ck_assert_str_eq(workload_type_names[WORKLOAD_BLOCK_JOBS], "block_jobs");
}
END_TEST

START_TEST(impossible_jobs_are_refused)
{
  struct block_jobs_params p = {.bs = 4096};
  ck_assert_ptr_null(block_jobs_refused(&p, 8, 4096));
  ck_assert_ptr_nonnull(block_jobs_refused(&p, 7, 4096));
  ck_assert_ptr_nonnull(block_jobs_refused(&p, 8, 2048));
  ck_assert_ptr_null(block_jobs_refused(&p, 8, 0));
  p.size = 4096 * 2;
  ck_assert_ptr_nonnull(block_jobs_refused(&p, 8, 0));
  ck_assert_ptr_null(block_jobs_refused(&p, 16, 0));
  p.bs = 1000;
  ck_assert_ptr_nonnull(block_jobs_refused(&p, 16, 0));
}
END_TEST

static void add_single(TCase *t)
{
  tcase_add_loop_test(t, latency_is_the_sum_of_its_stages, 0, DEVICES);
  tcase_add_loop_test(t, polling_takes_no_interrupt, 0, DEVICES);
  tcase_add_loop_test(t, buffers_lie_in_memory, 0, 12);
  tcase_add_loop_test(t, nvme_start_traps_or_reads, 0, 2);
  tcase_add_test(t, virtio_start_traps);
  tcase_add_loop_test(t, idle_guest_has_a_device, 0, 2);
  tcase_add_loop_test(t, second_back_end_takes_over, 0, 2 * RINGS);
  tcase_add_loop_test(t, window_and_actor_order_change_nothing, 0, 4);
  tcase_add_test(t, tables_are_complete);
  tcase_add_test(t, impossible_jobs_are_refused);
}

int main(void)
{
  Suite *s = suite_create("guest_block");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 60);
  add_single(t);
  tcase_add_loop_test(t, depth_is_reached_and_never_exceeded, 0, 1 + RINGS);
  tcase_add_loop_test(t, ring_limits_what_is_posted, 0, 1 + RINGS);
  tcase_add_loop_test(t, slow_device_sets_the_rate, 0, 1 + RINGS);
  tcase_add_loop_test(t, fast_device_leaves_the_cpu, 0, 1 + RINGS);
  tcase_add_test(t, what_is_reaped_together_is_announced_together);
  tcase_add_test(t, calls_submit_no_more_than_a_batch);
  tcase_add_loop_test(t, sequential_jobs_go_on_where_they_were, 0, 2);
  tcase_add_loop_test(t, mixed_jobs_have_their_share_of_reads, 0, 2);
  tcase_add_loop_test(t, flushes_come_after_so_many_writes, 0, 3);
  tcase_add_loop_test(t, jobs_keep_their_rate, 0, 2);
  tcase_add_loop_test(t, failures_are_counted_apart, 0, 2);
  tcase_add_loop_test(t, every_request_comes_back_once, 0, 2 * DEVICES);
  suite_add_tcase(s, t);
  return bench_main(s);
}
