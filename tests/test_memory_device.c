/*
 * test_memory_device.c - what a device's access finds, to the picosecond: lines
 * that a core has written, parts of lines, evictions, writes under way, and the
 * other socket.
 *
 * Writes are not answered, so a write is timed by the read behind it, which
 * waits until the write is visible, and then takes a hit's time. A green run
 * says that the mechanisms cost what the parameters say. It does not say that
 * the parameters are those of a machine.
 */
#include "tests/test_memory.h"

#define LLC (70 * HD_NS)
#define SNOOP (15 * HD_NS)
#define DRAM (55 * HD_NS)
#define EVICT (13 * HD_NS)
#define MERGE (11 * HD_NS)
#define WRITE (40 * HD_NS)
#define NUMA (100 * HD_NS)

#define FAR_BASE (UINT64_C(1) << 30)
#define WAY (16 * 1024) /* bytes of a way: 256 sets */

struct rig {
  struct hd_engine *e;
  struct hd_window window;
  struct memory *memory;
  struct test_agent agent;
};

static void rig_new(struct rig *r, hd_time window)
{
  struct memory_params p = test_memory_params();
  p.snoop_latency = SNOOP;
  p.evict_latency = EVICT;
  p.merge_latency = MERGE;
  p.numa_latency = NUMA;
  *r = (struct rig){.window = {0, HD_TIME_NEVER}};
  r->e = test_engine(window);
  r->memory = memory_create(r->e, "memory", "host", &p, &r->window);
  struct hd_component *m = memory_component(r->memory);
  test_agent_initialize(&r->agent, r->e, MSG_TLP_ACCESS);
  r->agent.out = hd_channel_open(&r->agent.base, m, 1 * HD_NS);
  memory_set_root_complex(r->memory,
                          hd_channel_open(m, &r->agent.base, 10 * HD_NS));
  memory_add_region(r->memory, 0, FAR_BASE);
  uint16_t far = memory_add_region(r->memory, FAR_BASE, FAR_BASE);
  memory_set_remote(r->memory, far);
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

/* A write at `at`, and 1 ps later a read of a line that is there. */
static void plan_timed_write(struct rig *r, hd_time at, uint64_t address,
                             uint32_t length)
{
  test_plan(&r->agent, at, PCIE_MWR, address, length);
  test_plan(&r->agent, at + 1, PCIE_MRD, 0, 64);
}

/* How long the i-th of those writes took. */
static hd_time write_time(const struct rig *r, size_t i)
{
  return test_latency(&r->agent, i) + 1 - LLC;
}

START_TEST(a_read_snoops_what_a_core_has_written)
{
  struct rig r;
  rig_new(&r, _i * HD_US);
  memory_warm(r.memory, 0x1000, 64, false);
  memory_warm(r.memory, 0x2000, 64, true);
  memory_warm(r.memory, 0x3000, 128, false);
  test_plan(&r.agent, 1 * HD_US, PCIE_MRD, 0x1000, 64);  /* the core's */
  test_plan(&r.agent, 2 * HD_US, PCIE_MRD, 0x1000, 64);  /* and remains so */
  test_plan(&r.agent, 3 * HD_US, PCIE_MRD, 0x2000, 64);  /* a device's */
  test_plan(&r.agent, 4 * HD_US, PCIE_MRD, 0x3000, 128); /* both at a time */
  test_plan(&r.agent, 5 * HD_US, PCIE_MWR, 0x1000, 64);
  test_plan(&r.agent, 6 * HD_US, PCIE_MRD, 0x1000, 64); /* not any more */
  test_plan(&r.agent, 7 * HD_US, PCIE_MRD, 0x4000, 64); /* nowhere */
  rig_run(&r, 10 * HD_US);
  const hd_time expected[] = {LLC + SNOOP, LLC + SNOOP, LLC,
                              LLC + SNOOP, LLC,         LLC + DRAM};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    ck_assert_int_eq(test_latency(&r.agent, i), expected[i]);
  rig_free(&r);
}
END_TEST

START_TEST(writes_take_as_long_as_what_they_find)
{
  struct rig r;
  rig_new(&r, _i * HD_US);
  memory_warm(r.memory, 0, 64, true);
  memory_warm(r.memory, 0x1000, 64, false);
  memory_warm(r.memory, 0x2000, 64, true);
  plan_timed_write(&r, 1 * HD_US, 0x2000, 64);     /* present */
  plan_timed_write(&r, 2 * HD_US, 0x2000, 63);     /* a part of it */
  plan_timed_write(&r, 3 * HD_US, 0x1000, 64);     /* a core's */
  plan_timed_write(&r, 4 * HD_US, 0x1000, 64);     /* not any more */
  plan_timed_write(&r, 5 * HD_US, 0x3000, 64);     /* absent, room */
  plan_timed_write(&r, 6 * HD_US, 0x3440, 8);      /* absent, a part */
  plan_timed_write(&r, 7 * HD_US, 0x2040 - 8, 16); /* a part, a part absent */
  rig_run(&r, 10 * HD_US);
  const hd_time expected[] = {0, MERGE,        SNOOP,       0,
                              0, MERGE + DRAM, MERGE + DRAM};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    ck_assert_msg(write_time(&r, i) == WRITE + expected[i],
                  "write %zu: %lld ps", i, (long long)write_time(&r, i));
  rig_free(&r);
}
END_TEST

/* Two ways of each set are the device's: the third line of a set evicts the
 * first, which is dirty. A part of a line waits for DRAM anyway. */
START_TEST(an_allocation_waits_for_a_dirty_line_to_leave)
{
  struct rig r;
  rig_new(&r, _i * HD_US);
  memory_warm(r.memory, 0, 64, true);
  plan_timed_write(&r, 1 * HD_US, 0x40 + 0 * WAY, 64);
  plan_timed_write(&r, 2 * HD_US, 0x40 + 1 * WAY, 64);
  plan_timed_write(&r, 3 * HD_US, 0x40 + 2 * WAY, 64);
  plan_timed_write(&r, 4 * HD_US, 0x40 + 3 * WAY, 32);
  plan_timed_write(&r, 5 * HD_US, 0x40 + 3 * WAY, 64); /* present */
  test_plan(&r.agent, 6 * HD_US, PCIE_MRD, 0x40 + 1 * WAY, 64);
  test_plan(&r.agent, 7 * HD_US, PCIE_MRD, 0x40 + 2 * WAY, 64);
  rig_run(&r, 10 * HD_US);
  ck_assert_int_eq(write_time(&r, 0), WRITE);
  ck_assert_int_eq(write_time(&r, 1), WRITE);
  ck_assert_int_eq(write_time(&r, 2), WRITE + EVICT);
  ck_assert_int_eq(write_time(&r, 3), WRITE + MERGE + DRAM);
  ck_assert_int_eq(write_time(&r, 4), WRITE);
  ck_assert_int_eq(test_latency(&r.agent, 5), LLC + DRAM); /* evicted */
  ck_assert_int_eq(test_latency(&r.agent, 6), LLC);
  rig_free(&r);
}
END_TEST

/* A read waits for the writes before it on its port, to the picosecond, not for
 * those behind it, nor for another port's; with relaxed ordering for none. */
START_TEST(a_read_pushes_the_writes_before_it)
{
  struct rig r;
  rig_new(&r, _i * HD_US);
  memory_warm(r.memory, 0, 4096, true);
  const hd_time t = HD_US;
  test_plan(&r.agent, t, PCIE_MWR, 0x100, 64);
  test_plan(&r.agent, t + 5 * HD_NS, PCIE_MRD, 0x200, 64);
  test_plan(&r.agent, t + 6 * HD_NS, PCIE_MRD, 0x240, 64)->port = 1;
  test_plan(&r.agent, t + 7 * HD_NS, PCIE_MRD, 0x280, 64)->flags = PCIE_RELAXED;
  test_plan(&r.agent, t + 8 * HD_NS, PCIE_MWR, 0x300, 64);
  test_plan(&r.agent, t + WRITE + 8 * HD_NS, PCIE_MRD, 0x2c0, 64);
  rig_run(&r, 10 * HD_US);
  ck_assert_uint_eq(r.agent.n_answers, 4);
  const uint64_t order[] = {0x240, 0x280, 0x200, 0x2c0};
  const hd_time when[] = {6 * HD_NS, 7 * HD_NS, WRITE, WRITE + 8 * HD_NS};
  for (size_t i = 0; i < 4; i++) {
    ck_assert_uint_eq(r.agent.answers[i].address, order[i]);
    ck_assert_int_eq(r.agent.answers[i].when, t + when[i] + LLC);
  }
  rig_free(&r);
}
END_TEST

/* A slow write holds back a fast one behind it: they become visible in order.
 */
START_TEST(writes_become_visible_in_order)
{
  struct rig r;
  rig_new(&r, _i * HD_US);
  memory_warm(r.memory, 0, 4096, true);
  test_plan(&r.agent, HD_US, PCIE_MWR, 0x10000, 8); /* absent: DRAM */
  test_plan(&r.agent, HD_US + 1, PCIE_MWR, 0x100, 64);
  test_plan(&r.agent, HD_US + 2, PCIE_MRD, 0x100, 64);
  rig_run(&r, 10 * HD_US);
  ck_assert_int_eq(r.agent.answers[0].when - HD_US, WRITE + MERGE + DRAM + LLC);
  rig_free(&r);
}
END_TEST

/* The other socket has caches of its own; the way there is paid both ways. */
START_TEST(remote_memory_is_further_by_numa_latency)
{
  struct rig r;
  rig_new(&r, _i * HD_US);
  memory_warm(r.memory, 0, 64, true);
  memory_warm(r.memory, FAR_BASE, 64, true);
  memory_warm(r.memory, FAR_BASE + 0x1000, 64, false);
  test_plan(&r.agent, 1 * HD_US, PCIE_MRD, FAR_BASE, 64);
  test_plan(&r.agent, 2 * HD_US, PCIE_MRD, FAR_BASE + 0x1000, 64);
  test_plan(&r.agent, 3 * HD_US, PCIE_MRD, FAR_BASE + 0x2000, 64);
  test_plan(&r.agent, 4 * HD_US, PCIE_MRD, 0, 64);
  plan_timed_write(&r, 5 * HD_US, FAR_BASE, 64);
  rig_run(&r, 10 * HD_US);
  const hd_time expected[] = {LLC + NUMA, LLC + SNOOP + NUMA, LLC + DRAM + NUMA,
                              LLC};
  for (size_t i = 0; i < 4; i++)
    ck_assert_int_eq(test_latency(&r.agent, i), expected[i]);
  ck_assert_int_eq(write_time(&r, 4), WRITE + NUMA);
  rig_free(&r);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("memory: device accesses");
  TCase *c = tcase_create("times");
  tcase_add_loop_test(c, a_read_snoops_what_a_core_has_written, 0, 2);
  tcase_add_loop_test(c, writes_take_as_long_as_what_they_find, 0, 2);
  tcase_add_loop_test(c, an_allocation_waits_for_a_dirty_line_to_leave, 0, 2);
  tcase_add_loop_test(c, a_read_pushes_the_writes_before_it, 0, 2);
  tcase_add_loop_test(c, writes_become_visible_in_order, 0, 2);
  tcase_add_loop_test(c, remote_memory_is_further_by_numa_latency, 0, 2);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
