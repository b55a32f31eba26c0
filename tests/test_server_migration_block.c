/*
 * test_server_migration_block.c - live migration of a guest with a block device
 * on a whole server; and properties over random times, faults and rings.
 *
 * Exactly once. A request that is completed twice breaks its virtqueue, and the
 * run. One that is lost leaves its job waiting for ever: a job of depth 1
 * always has one under way, so that by Little's law the completed ones' rate
 * times their mean latency is the number of jobs. Requests that begin before
 * the window or have not ended make the difference: up to 2 ms of 80 for each
 * job at the edges (a flash page is being written): 0.1 jobs. A lost one would
 * take a job away for the rest of the run: half of it and more.
 *
 * Every run also checks the versions of all pages at the hand-over, and that
 * requests, packets and rings balance on both machines.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/server_harness.h"

#define SCENARIO "uniov/migration-downtime.yaml"
#define SMALL                                                                  \
  "run.duration=80 ms", "run.series=0 ns", "vms.guests.memory=64 MiB",         \
      "migration.working_set=16 MiB", "migration.config_cost=2 ms",            \
      "migration.create_cost=100 us"
#define JOBS 2
#define BLOCK                                                                  \
  "storage.drives=1", "vms.guests.workload.type=block_jobs",                   \
      "vms.guests.workload.rw=randrw", "vms.guests.workload.bs=8 KiB",         \
      "vms.guests.workload.iodepth=1", "vms.guests.workload.numjobs=2"
#define FORWARD                                                                \
  "vms.guests.workload.type=dpdk_forward",                                     \
      "vms.guests.workload.rate=200 Mb/s",                                     \
      "vms.guests.workload.payload=470 B", "vms.guests.workload.streams=2"

/* ---- settings ------------------------------------------------------------ */

enum { TEXTS = 32 };
static const char *format(const char *path, const char *value)
{
  static char text[TEXTS][64];
  static unsigned next;
  char *t = text[next++ % TEXTS];
  snprintf(t, sizeof text[0], "%s=%s", path, value);
  return t;
}

static const char *number(const char *path, unsigned value, const char *unit)
{
  char text[32];
  snprintf(text, sizeof text, "%u%s", value, unit);
  return format(path, text);
}

/* Of a test's own, so that a failure's number says it all. */
static unsigned draw(unsigned *state, unsigned n)
{
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 16) % n;
}

static const char *flag(unsigned *state, const char *path)
{
  return format(path, draw(state, 2) ? "true" : "false");
}

/* ---- what must hold ------------------------------------------------------ */

static void assert_exactly_once(const struct outcome *o, const char *what)
{
  double jobs = ALL(*o, requests_per_s) * ALL(*o, latency_mean_ns) * 1e-9;
  ck_assert_msg(fabs(jobs - JOBS) < 0.1, "%s: %g jobs are at work", what, jobs);
  ck_assert_double_eq(ALL(*o, request_errors), 0);
}

static const char *const movable[] = {"un-iov", "qemu-blk", "spdk-vhost"};

START_TEST(requests_go_on_at_the_destination)
{
  struct outcome o = RUN(SCENARIO, SMALL, BLOCK, format("design", movable[_i]),
                         "migration.start=10 ms");
  ck_assert_msg(o.note[0] == '\0', "%s", o.note);
  ck_assert_double_eq(ALL(o, migration_completed), 1);
  assert_exactly_once(&o, movable[_i]);
  /* Somebody has waited for all of it, and nobody much longer. */
  double standing = ALL(o, downtime_ms) * 1e6;
  ck_assert_double_gt(ALL(o, latency_max_ns), standing);
  ck_assert_double_lt(ALL(o, latency_max_ns), standing + 2e6);
}
END_TEST

/* What software has taken ends before it stops: a drive's latency, 2 ms at the
 * most, and no firmware's. */
START_TEST(software_stops_within_a_request)
{
  struct outcome o = RUN(SCENARIO, SMALL, BLOCK, format("design", movable[_i]),
                         "migration.start=10 ms");
  ck_assert_double_lt(ALL(o, downtime_suspend_ms), 2);
  ck_assert_double_eq(ALL(o, downtime_create_ms), 0);
}
END_TEST

START_TEST(drives_passed_through_are_refused)
{
  struct outcome o = RUN(SCENARIO, SMALL, BLOCK,
                         format("design", _i ? "passthrough" : "sriov"),
                         "migration.start=10 ms");
  ck_assert_ptr_nonnull(strstr(o.note, "refused: "));
  assert_exactly_once(&o, "refused");
}
END_TEST

/* Neither the window nor the order of actors reaches the results. */
START_TEST(order_does_not_matter)
{
  const char *d = format("design", movable[_i]);
  struct outcome a = RUN(SCENARIO, SMALL, BLOCK, d, "migration.start=5 ms",
                         "run.duration=30 ms");
  struct outcome b = RUN(SCENARIO, SMALL, BLOCK, d, "migration.start=5 ms",
                         "run.duration=30 ms", "run.window=0 ns");
  struct outcome c = RUN(SCENARIO, SMALL, BLOCK, d, "migration.start=5 ms",
                         "run.duration=30 ms", "run.actor_order=3");
  ck_assert_double_eq(ALL(a, migration_completed), 1);
  ck_assert_uint_eq(a.fingerprint, b.fingerprint);
  ck_assert_uint_eq(a.fingerprint, c.fingerprint);
}
END_TEST

/* ---- properties ---------------------------------------------------------- */

static const char *const faults[] = {"none",     "none",    "none",
                                     "link-cut", "no-room", "stuck"};

START_TEST(every_request_once_whatever_happens)
{
  unsigned state = (unsigned)_i * 77 + 1;
  const char *design = movable[_i % 3], *fault = faults[draw(&state, 6)];
  struct outcome o =
      RUN(SCENARIO, SMALL, BLOCK, format("design", design),
          format("migration.fault", fault),
          number("run.seed", 1 + draw(&state, 999), ""),
          number("migration.start", 1000 + draw(&state, 15000), " us"),
          number("migration.fault_time", 1 + draw(&state, 20000), " us"),
          number("migration.suspend_timeout", 200 + draw(&state, 5000), " us"),
          flag(&state, "virtio.packed"), flag(&state, "virtio.in_order"),
          flag(&state, "virtio.event_idx"), flag(&state, "virtio.indirect"));
  assert_exactly_once(&o, design);
  /* A cut after the last page comes too late. */
  if (strcmp(fault, "none") == 0)
    ck_assert_msg(ALL(o, migration_completed) == 1, "%s", o.note);
  else if (strcmp(fault, "link-cut") != 0)
    ck_assert_double_eq(ALL(o, migration_completed), 0);
  ck_assert(o.note[0] == '\0' || strstr(o.note, "goes on at the source"));
}
END_TEST

static const char *const networks[] = {"un-iov", "vhost-net", "vhost-user"};

/* All frames come back but those that came while the queues were stopped. At
 * each edge of the window there are as many as are under way: 4. */
START_TEST(every_frame_outside_the_silence)
{
  unsigned state = (unsigned)_i * 91 + 5;
  const char *design = format("design", networks[_i % 3]);
  const char *seed = number("run.seed", 1 + draw(&state, 999), "");
  const char *fault = faults[draw(&state, 6)];
  struct outcome still =
      RUN(SCENARIO, SMALL, FORWARD, design, seed, "migration.enabled=false");
  struct outcome o = RUN(
      SCENARIO, SMALL, FORWARD, design, seed, format("migration.fault", fault),
      number("migration.start", 1000 + draw(&state, 15000), " us"),
      number("migration.fault_time", 1 + draw(&state, 20000), " us"),
      number("migration.suspend_timeout", 200 + draw(&state, 5000), " us"),
      flag(&state, "virtio.packed"), flag(&state, "virtio.event_idx"),
      flag(&state, "virtio.mergeable"));
  double sent = ALL(still, tx_pps) * 0.08, back = ALL(o, tx_pps) * 0.08;
  double dropped = ALL(o, drops);
  ck_assert_msg(fabs(sent - back - dropped) <= 4,
                "%s, fault %s: %g sent, %g back, %g dropped: %s",
                networks[_i % 3], fault, sent, back, dropped, o.note);
  if (ALL(o, migration_completed) != 1)
    ck_assert_ptr_nonnull(strstr(o.note, "goes on at the source"));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("live migration: block devices, properties");
  TCase *c = tcase_create("block");
  tcase_set_timeout(c, 120);
  tcase_add_loop_test(c, requests_go_on_at_the_destination, 0, 3);
  tcase_add_loop_test(c, software_stops_within_a_request, 1, 3);
  tcase_add_loop_test(c, drives_passed_through_are_refused, 0, 2);
  tcase_add_loop_test(c, order_does_not_matter, 1, 3);
  tcase_add_loop_test(c, every_request_once_whatever_happens, 0, 24);
  tcase_add_loop_test(c, every_frame_outside_the_silence, 0, 18);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
