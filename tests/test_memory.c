/*
 * test_memory.c - the memory component: times to the picosecond, DDIO, DRAM
 * bandwidth and refresh, regions and observers.
 *
 * A green run says that the mechanisms cost what the parameters say. It does
 * not say that the parameters are those of a machine.
 */
#include "sim/engine/rng.h"
#include "tests/test_memory.h"

#define LLC (70 * HD_NS)
#define DRAM (55 * HD_NS)

/* ---- rig ------------------------------------------------------------ */

struct watcher { /* software that sees device writes, and host accesses */
  struct hd_component base;
  struct guest_memory_msg seen[16];
  struct memory_request done[16];
  size_t n_seen, n_done;
};

struct rig {
  struct hd_engine *e;
  struct hd_window window;
  struct memory *memory;
  struct test_agent agent;
  struct watcher watcher;
  struct hd_channel *host, *host_reply;
};

static void watcher_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct watcher *w = (struct watcher *)self;
  if (msg->kind == MSG_GUEST_MEMORY) {
    w->seen[w->n_seen++ % 16] = *(struct guest_memory_msg *)msg;
  } else {
    ck_assert_uint_eq(msg->kind, MSG_MEMORY_DONE);
    w->done[w->n_done++ % 16] = *(struct memory_request *)msg;
  }
  hd_msg_free(self, msg);
}

static void rig_new(struct rig *r, const struct memory_params *p,
                    hd_time window)
{
  static const struct hd_component_ops ops = {.kind = "watcher",
                                              .handle = watcher_handle};
  *r = (struct rig){.window = {0, HD_TIME_NEVER}};
  r->e = test_engine(window);
  r->memory = memory_create(r->e, "memory", "host", p, &r->window);
  struct hd_component *m = memory_component(r->memory);
  test_agent_initialize(&r->agent, r->e, MSG_TLP_ACCESS);
  hd_component_initialize(&r->watcher.base, r->e, &ops, "watcher", "host");
  r->agent.out = hd_channel_open(&r->agent.base, m, 1 * HD_NS);
  memory_set_root_complex(r->memory,
                          hd_channel_open(m, &r->agent.base, 10 * HD_NS));
  r->host =
      memory_connect(r->memory, &r->watcher.base, 5 * HD_NS, &r->host_reply);
  ck_assert_uint_eq(memory_add_region(r->memory, 0, UINT64_C(1) << 30), 0);
}

static void rig_run(struct rig *r, hd_time limit)
{
  hd_engine_run(r->e, limit);
  const char *wrong = memory_check(r->memory);
  ck_assert_msg(wrong == NULL, "%s", wrong);
}

static void rig_free(struct rig *r)
{
  hd_engine_destroy(r->e);
  test_agent_terminate(&r->agent);
  memory_destroy(r->memory);
}

/* ---- times ---------------------------------------------------------- */

START_TEST(reads_take_exactly_llc_or_llc_and_dram)
{
  struct rig r;
  struct memory_params p = test_memory_params();
  rig_new(&r, &p, _i * HD_US);
  memory_warm(r.memory, 0x1000, 128, false);
  test_plan(&r.agent, 1 * HD_US, PCIE_MRD, 0x1000, 64);      /* hit */
  test_plan(&r.agent, 2 * HD_US, PCIE_MRD, 0x1004, 4);       /* hit */
  test_plan(&r.agent, 3 * HD_US, PCIE_MRD, 0x1000, 128);     /* both hit */
  test_plan(&r.agent, 4 * HD_US, PCIE_MRD, 0x1040, 128);     /* one misses */
  test_plan(&r.agent, 5 * HD_US, PCIE_MRD, 0x2000, 64);      /* miss */
  test_plan(&r.agent, 6 * HD_US, PCIE_MRD, 0x2000, 64);      /* not allocated */
  test_plan(&r.agent, 7 * HD_US + 1, PCIE_MRD, 0x107f, 2);   /* two lines */
  test_plan(&r.agent, 8 * HD_US, PCIE_MRD, 0x4000, 8 * 64);  /* 2 a channel */
  test_plan(&r.agent, 9 * HD_US, PCIE_MRD, 0x8000, 16 * 64); /* 4 a channel */
  rig_run(&r, 10 * HD_US);
  const hd_time expected[] = {LLC,
                              LLC,
                              LLC,
                              LLC + DRAM,
                              LLC + DRAM,
                              LLC + DRAM,
                              LLC + DRAM,
                              LLC + DRAM + 2 * HD_NS,
                              LLC + DRAM + 6 * HD_NS};
  ck_assert_uint_eq(r.agent.n_answers, 9);
  for (size_t i = 0; i < 9; i++)
    ck_assert_msg(test_latency(&r.agent, i) == expected[i], "read %zu: %lld ps",
                  i, (long long)test_latency(&r.agent, i));
  rig_free(&r);
}
END_TEST

START_TEST(an_answer_is_never_faster_than_its_channel)
{
  struct rig r;
  struct memory_params p = test_memory_params();
  p.llc_latency = 3 * HD_NS;
  rig_new(&r, &p, 0);
  memory_warm(r.memory, 0x1000, 64, false);
  test_plan(&r.agent, 1 * HD_US, PCIE_MRD, 0x1000, 64);
  rig_run(&r, 2 * HD_US);
  ck_assert_int_eq(test_latency(&r.agent, 0), 10 * HD_NS);
  rig_free(&r);
}
END_TEST

START_TEST(a_write_is_seen_after_commit_and_visibility)
{
  struct rig r;
  struct memory_params p = test_memory_params();
  rig_new(&r, &p, _i * HD_US);
  uint16_t none = memory_add_observer(r.memory, 0, &r.agent.base);
  uint16_t observer = memory_add_observer(r.memory, 0, &r.watcher.base);
  ck_assert_uint_ne(none, observer);
  struct pcie_tlp *tlp =
      test_plan(&r.agent, 1 * HD_US + 7, PCIE_MWR, 0x3008, 16);
  tlp->observer = observer;
  tlp->data = 99;
  tlp->object = &r;
  test_plan(&r.agent, 2 * HD_US, PCIE_MWR, 0x5000, 64);
  rig_run(&r, 3 * HD_US);
  ck_assert_uint_eq(r.agent.n_answers, 0); /* writes are not answered */
  ck_assert_uint_eq(r.watcher.n_seen, 1);
  const struct guest_memory_msg *g = &r.watcher.seen[0];
  /* it is a part of a line that DRAM has */
  ck_assert_int_eq(g->msg.when, 1 * HD_US + 7 + 70 * HD_NS + DRAM);
  ck_assert_uint_eq(g->address, 0x3008);
  ck_assert_uint_eq(g->data, 99);
  ck_assert_uint_eq(g->length, 16);
  ck_assert_uint_eq(g->observer, observer);
  ck_assert_ptr_eq(g->object, &r);
  struct hd_engine_report report;
  hd_engine_get_report(r.e, &report);
  ck_assert_uint_eq(report.messages_live, 0);
  rig_free(&r);
}
END_TEST

/* ---- DDIO ----------------------------------------------------------- */

static hd_time plan_window(struct rig *r, hd_time at, uint8_t type,
                           uint64_t base, uint64_t size)
{
  for (uint64_t a = base; a < base + size; a += 64, at += 100 * HD_NS)
    test_plan(&r->agent, at, type, a, 64);
  return at;
}

static size_t misses(const struct test_agent *a)
{
  size_t n = 0;
  for (size_t i = 0; i < a->n_answers; i++)
    n += test_latency(a, i) > LLC;
  return n;
}

/* The share is 2 of 16 ways of 256 KiB: 32 KiB. A window that fits stays; one
 * line more a set, written in order, evicts everything (LRU). */
START_TEST(device_writes_keep_to_their_ways)
{
  const uint64_t sizes[] = {16384, 32768, 49152, 131072};
  uint64_t size = sizes[_i], lines = size / 64;
  bool fits = size <= 32768;
  struct rig r;
  struct memory_params p = test_memory_params();
  rig_new(&r, &p, HD_US);
  hd_time t = plan_window(&r, HD_US, PCIE_MWR, 0, size);
  t = plan_window(&r, t, PCIE_MRD, 0, size);
  rig_run(&r, t + HD_US);
  struct memory_stats s;
  memory_get_stats(r.memory, &s);
  uint64_t stay = fits ? lines : 512;
  ck_assert_uint_eq(s.ddio_allocations, lines);
  ck_assert_uint_eq(s.evictions, lines - stay);
  ck_assert_uint_eq(misses(&r.agent), lines - stay);
  ck_assert_uint_eq(s.reads, lines);
  ck_assert_uint_eq(s.writes, lines);
  ck_assert_uint_eq(s.lines, 2 * lines);
  ck_assert_uint_eq(s.hits, stay);
  rig_free(&r);
}
END_TEST

/* Lines that a CPU has brought in are updated where they are. */
START_TEST(device_writes_update_present_lines_in_place)
{
  struct rig r;
  struct memory_params p = test_memory_params();
  rig_new(&r, &p, HD_US);
  memory_warm(r.memory, 0, 131072, false);
  hd_time t = plan_window(&r, HD_US, PCIE_MWR, 0, 131072);
  t = plan_window(&r, t, PCIE_MRD, 0, 131072);
  rig_run(&r, t + HD_US);
  struct memory_stats s;
  memory_get_stats(r.memory, &s);
  ck_assert_uint_eq(s.ddio_allocations, 0);
  ck_assert_uint_eq(s.evictions, 0);
  ck_assert_uint_eq(misses(&r.agent), 0);
  rig_free(&r);
}
END_TEST

START_TEST(without_ddio_writes_go_to_dram)
{
  struct rig r;
  struct memory_params p = test_memory_params();
  p.ddio_ways = 0;
  rig_new(&r, &p, HD_US);
  memory_warm(r.memory, 0, 4096, false);
  hd_time t = plan_window(&r, HD_US, PCIE_MWR, 0, 8192);
  t = plan_window(&r, t, PCIE_MRD, 0, 8192);
  rig_run(&r, 100 * HD_US);
  struct memory_stats s;
  memory_get_stats(r.memory, &s);
  ck_assert_uint_eq(misses(&r.agent), 128);
  ck_assert_uint_eq(s.ddio_allocations, 0);
  /* 256 lines of 2 ns on 4 channels in 100 us */
  ck_assert_double_eq_tol(s.dram_utilization, 256 * 2e-3 / 400, 1e-12);
  rig_free(&r);
}
END_TEST

/* A partial line is read before it is merged, a full one is not; evictions are
 * written back. All of it is DRAM time. */
START_TEST(dram_time_of_writes)
{
  struct rig r;
  struct memory_params p = test_memory_params();
  rig_new(&r, &p, HD_US);
  hd_time t = plan_window(&r, HD_US, PCIE_MWR, 0, 32768); /* no DRAM */
  test_plan(&r.agent, t, PCIE_MWR, 0x100010, 16);         /* read, evict */
  test_plan(&r.agent, t + HD_US, PCIE_MWR, 0x200000, 64); /* evict */
  test_plan(&r.agent, t + 2 * HD_US, PCIE_MWR, 0x300020, 128);
  /* half, whole, half: 2 reads, 3 evictions */
  rig_run(&r, 1000 * HD_US);
  struct memory_stats s;
  memory_get_stats(r.memory, &s);
  ck_assert_uint_eq(s.evictions, 5);
  ck_assert_double_eq_tol(s.dram_utilization, 8 * 2e-3 / 4000, 1e-12);
  rig_free(&r);
}
END_TEST

/* ---- DRAM ----------------------------------------------------------- */

static void read_again(struct test_agent *a, struct pcie_tlp *tlp)
{
  tlp->msg.kind = MSG_TLP_ACCESS;
  tlp->address = tlp->hpa = gsl_rng_uniform_int(a->rng, a->pages) * 4096;
  test_send(a, tlp, hd_now(&a->base) + a->out->latency);
}

struct load {
  hd_time refresh_interval, refresh_duration;
  uint32_t requests, length;
};

/* A closed loop of 4 KiB reads, far more than a channel's latency covers. */
static double measured_bandwidth(const struct load *l)
{
  struct rig r;
  struct memory_params p = test_memory_params();
  p.refresh_interval = l->refresh_interval;
  p.refresh_duration = l->refresh_duration;
  rig_new(&r, &p, HD_US);
  r.agent.rng = hd_rng_new(1, "test", "pages");
  r.agent.pages = 1 << 18;
  r.agent.answered = read_again;
  for (uint32_t i = 0; i < l->requests; i++)
    test_plan(&r.agent, HD_US + i * HD_NS, PCIE_MRD, i * 4096, l->length);
  rig_run(&r, 1001 * HD_US);
  double bits = (double)memory_region_read(r.memory, 0) * 8;
  gsl_rng_free(r.agent.rng);
  rig_free(&r);
  return bits / 1e-3;
}

/* Tolerance 1 %: what is in flight at the start and the end (64 of 4 KiB reads
 * of 128 MB), and the hits of the LLC (none: reads do not allocate). */
START_TEST(bandwidth_ends_at_the_channels_rate)
{
  double rate = measured_bandwidth(&(struct load){0, 0, 64, 4096});
  ck_assert_double_eq_tol(rate / (4 * 256e9), 1, 0.01);
}
END_TEST

/* Refresh takes its share, and with 4 KiB over all channels a little more,
 * since a read waits for its last channel; with many reads that evens out. */
START_TEST(refresh_takes_its_share_of_bandwidth)
{
  struct load l = {3900 * HD_NS, 295 * HD_NS, 128, 4096};
  double rate = measured_bandwidth(&l);
  ck_assert_double_eq_tol(rate / (4 * 256e9 * (1 - 295.0 / 3900)), 1, 0.01);
}
END_TEST

/* One channel, refreshing during [1000, 1100) ns and so on: a line that reaches
 * the channel 1 ps before is served, at 1000 ns it waits, at 1100 ns not. */
START_TEST(refresh_blocks_its_channel_to_the_picosecond)
{
  const hd_time begin = 1000 * HD_NS - LLC, end = 1100 * HD_NS - LLC;
  const hd_time offset[] = {begin - 1, begin, begin + 40 * HD_NS, end - 1, end};
  const hd_time waits[] = {0, 100 * HD_NS, 60 * HD_NS, 1, 0};
  struct rig r;
  struct memory_params p = test_memory_params();
  p.dram_channels = 1;
  p.refresh_interval = 1000 * HD_NS;
  p.refresh_duration = 100 * HD_NS;
  rig_new(&r, &p, 0);
  test_plan(&r.agent, offset[_i], PCIE_MRD, 0, 64);
  test_plan(&r.agent, offset[_i] + 7000 * HD_NS, PCIE_MRD, 0, 64);
  rig_run(&r, 20 * HD_US);
  ck_assert_int_eq(test_latency(&r.agent, 0), LLC + DRAM + waits[_i]);
  ck_assert_int_eq(test_latency(&r.agent, 1), LLC + DRAM + waits[_i]);
  rig_free(&r);
}
END_TEST

/* Lone random reads: the share that waits is the share of time in refresh, 1 in
 * 10, and the longest waits for nearly all of one. 20000 reads: the share's
 * standard error is 0.2 %, tolerance 5 of them. */
START_TEST(refresh_is_the_tail_of_lone_reads)
{
  struct rig r;
  struct memory_params p = test_memory_params();
  p.refresh_interval = 2000 * HD_NS;
  p.refresh_duration = 200 * HD_NS;
  rig_new(&r, &p, HD_US);
  gsl_rng *rng = hd_rng_new(1, "test", "times");
  hd_time t = HD_US;
  for (int i = 0; i < 20000; i++) {
    t += 400 * HD_NS + (hd_time)gsl_rng_uniform_int(rng, 2000000);
    test_plan(&r.agent, t, PCIE_MRD, gsl_rng_uniform_int(rng, 1 << 20) * 64,
              64);
  }
  rig_run(&r, t + HD_US);
  hd_time longest = 0;
  for (size_t i = 0; i < r.agent.n_answers; i++)
    longest = hd_time_max(longest, test_latency(&r.agent, i));
  size_t late = 0;
  for (size_t i = 0; i < r.agent.n_answers; i++)
    late += test_latency(&r.agent, i) > LLC + DRAM;
  ck_assert_double_eq_tol((double)late / 20000, 0.1, 0.0105);
  ck_assert_int_gt(longest, LLC + DRAM + 190 * HD_NS);
  ck_assert_int_le(longest, LLC + DRAM + 200 * HD_NS);
  gsl_rng_free(rng);
  rig_free(&r);
}
END_TEST

/* ---- regions -------------------------------------------------------- */

START_TEST(accesses_belong_to_the_region_of_their_address)
{
  struct rig r;
  struct memory_params p = test_memory_params();
  rig_new(&r, &p, 0); /* region 0: [0, 1 GiB) */
  const uint64_t gib = UINT64_C(1) << 30;
  for (uint16_t i = 1; i < 100; i++)
    ck_assert_uint_eq(memory_add_region(r.memory, 2 * i * gib, gib), i);
  const uint64_t at[] = {0,
                         gib - 64,
                         gib,
                         2 * gib - 64,
                         2 * gib,
                         3 * gib - 64,
                         3 * gib,
                         198 * gib,
                         199 * gib - 64,
                         199 * gib};
  const uint16_t owner[] = {
      0,  0,  MEMORY_NO_REGION, MEMORY_NO_REGION, 1, 1, MEMORY_NO_REGION,
      99, 99, MEMORY_NO_REGION};
  for (size_t i = 0; i < 10; i++) {
    struct pcie_tlp *tlp =
        test_plan(&r.agent, (hd_time)(i + 1) * HD_US, PCIE_MRD, at[i], 64);
    tlp->owner = i == 4 ? 0 : MEMORY_NO_REGION; /* a wrong hint is not used */
    test_plan(&r.agent, (hd_time)(i + 1) * HD_US + 1, PCIE_MWR, at[i], 32);
  }
  rig_run(&r, 20 * HD_US);
  for (size_t i = 0; i < 10; i++) {
    ck_assert_uint_eq(r.agent.answers[i].owner, owner[i]);
    ck_assert_uint_eq(r.agent.answers[i].status,
                      owner[i] == MEMORY_NO_REGION ? PCIE_UR : PCIE_SC);
  }
  ck_assert_uint_eq(memory_region_read(r.memory, 0), 128);
  ck_assert_uint_eq(memory_region_written(r.memory, 1), 64);
  ck_assert_uint_eq(memory_region_written(r.memory, 50), 0);
  ck_assert_uint_eq(memory_region_written(r.memory, 99), 64);
  ck_assert_uint_eq(memory_stray(r.memory), 8);
  rig_free(&r);
}
END_TEST

/* ---- host accesses -------------------------------------------------- */

static void host_access(struct rig *r, hd_time when, uint64_t address,
                        uint32_t tag)
{
  struct memory_request *q = hd_msg_new(&r->watcher.base, MSG_MEMORY_ACCESS);
  q->msg.tag = tag;
  q->address = address;
  q->length = 8;
  q->write = false;
  q->reply = r->host_reply;
  q->context = (void *)(uintptr_t)when;
  hd_send_at(r->host, when, q);
}

static struct rig *hosts_rig;

static void host_start(struct hd_component *self)
{
  (void)self;
  host_access(hosts_rig, 1 * HD_US, 0x1000, 0);               /* miss */
  host_access(hosts_rig, 2 * HD_US, 0x1008, 0);               /* hit */
  host_access(hosts_rig, 3 * HD_US, 0x1008, MEMORY_UNCACHED); /* DRAM */
  host_access(hosts_rig, 4 * HD_US, 0x2000, MEMORY_UNCACHED); /* DRAM, and */
  host_access(hosts_rig, 5 * HD_US, 0x2000, 0);               /* not filled */
}

START_TEST(host_accesses_allocate_unless_uncached)
{
  static const struct hd_component_ops ops = {
      .kind = "watcher", .handle = watcher_handle, .start = host_start};
  struct rig r;
  struct memory_params p = test_memory_params();
  rig_new(&r, &p, 0);
  r.watcher.base.ops = &ops;
  hosts_rig = &r;
  rig_run(&r, 10 * HD_US);
  const bool hit[] = {false, true, false, false, false};
  ck_assert_uint_eq(r.watcher.n_done, 5);
  for (size_t i = 0; i < 5; i++) {
    const struct memory_request *q = &r.watcher.done[i];
    ck_assert_int_eq(q->hit, hit[i]);
    ck_assert_int_eq(q->msg.when - (hd_time)(uintptr_t)q->context,
                     hit[i] ? LLC : LLC + DRAM);
  }
  rig_free(&r);
}
END_TEST

/* ---- window --------------------------------------------------------- */

static void one_run(const void *window, void *fingerprint)
{
  struct rig r;
  struct memory_params p = test_memory_params();
  p.refresh_interval = 3900 * HD_NS;
  p.refresh_duration = 295 * HD_NS;
  rig_new(&r, &p, *(const hd_time *)window);
  uint16_t observer = memory_add_observer(r.memory, 0, &r.watcher.base);
  r.agent.rng = hd_rng_new(1, "test", "pages");
  r.agent.pages = 64;
  r.agent.answered = read_again;
  for (uint32_t i = 0; i < 16; i++) {
    test_plan(&r.agent, HD_US, PCIE_MRD, i * 4096, 512);
    for (uint32_t j = 0; j < 50; j++)
      test_plan(&r.agent, HD_US + j * HD_US, PCIE_MWR, j * 4096, 64)->observer =
          observer;
  }
  rig_run(&r, 100 * HD_US);
  *(uint64_t *)fingerprint = test_fingerprint(r.e);
  gsl_rng_free(r.agent.rng);
  rig_free(&r);
}

START_TEST(the_window_changes_nothing)
{
  uint64_t without = 0, with = 0;
  test_in_child(one_run, &(hd_time){0}, &without, sizeof without);
  test_in_child(one_run, &(hd_time){HD_US}, &with, sizeof with);
  ck_assert_uint_ne(without, 0);
  ck_assert_uint_eq(without, with);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("memory");
  TCase *c = tcase_create("memory");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, reads_take_exactly_llc_or_llc_and_dram, 0, 2);
  tcase_add_test(c, an_answer_is_never_faster_than_its_channel);
  tcase_add_loop_test(c, a_write_is_seen_after_commit_and_visibility, 0, 2);
  tcase_add_loop_test(c, device_writes_keep_to_their_ways, 0, 4);
  tcase_add_test(c, device_writes_update_present_lines_in_place);
  tcase_add_test(c, without_ddio_writes_go_to_dram);
  tcase_add_test(c, dram_time_of_writes);
  tcase_add_test(c, bandwidth_ends_at_the_channels_rate);
  tcase_add_test(c, refresh_takes_its_share_of_bandwidth);
  tcase_add_loop_test(c, refresh_blocks_its_channel_to_the_picosecond, 0, 5);
  tcase_add_test(c, refresh_is_the_tail_of_lone_reads);
  tcase_add_test(c, accesses_belong_to_the_region_of_their_address);
  tcase_add_test(c, host_accesses_allocate_unless_uncached);
  tcase_add_test(c, the_window_changes_nothing);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
