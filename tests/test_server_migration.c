/*
 * test_server_migration.c - live migration of a guest on a whole server: who
 * can, what it loses, what a failure leaves behind.
 *
 * Every run also checks that the versions of all pages agree when the guest is
 * handed over, and that packets, requests, rings and credits balance on both
 * machines.
 *
 * What a green run does not prove: that the costs are those of a real host.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/server_harness.h"

#define SCENARIO "uniov/migration-downtime.yaml"
#define SMALL                                                                  \
  "run.duration=150 ms", "run.series=0 ns", "migration.start=10 ms",           \
      "vms.guests.memory=128 MiB", "migration.working_set=32 MiB"
/* 54 frames in a millisecond, each of which comes back. */
#define FORWARD                                                                \
  "vms.guests.workload.type=dpdk_forward",                                     \
      "vms.guests.workload.rate=200 Mb/s",                                     \
      "vms.guests.workload.payload=470 B", "vms.guests.workload.streams=2"

static const char *const software[] = {"vhost-net", "vhost-user"};

static const char *set(const char *path, const char *value)
{
  static char text[8][64];
  static unsigned next;
  char *t = text[next++ % 8];
  snprintf(t, sizeof text[0], "%s=%s", path, value);
  return t;
}

static double parts(const struct outcome *o)
{
  return ALL(*o, downtime_stop_ms) + ALL(*o, downtime_suspend_ms) +
         ALL(*o, downtime_state_ms) + ALL(*o, downtime_copy_ms) +
         ALL(*o, downtime_create_ms) + ALL(*o, downtime_resume_ms);
}

/* ---- software back ends -------------------------------------------------- */

/* No firmware is asked: what the threads take to come to rest is work items of
 * some microseconds. 0.2 ms of control latency lie between the parts. */
START_TEST(software_guests_migrate)
{
  struct outcome o = RUN(SCENARIO, SMALL, set("design", software[_i]));
  ck_assert_msg(o.note[0] == '\0', "%s", o.note);
  ck_assert_double_eq(ALL(o, migration_completed), 1);
  ck_assert_double_gt(ALL(o, downtime_ms), 2); /* vCPUs stop and start */
  ck_assert_double_lt(fabs(ALL(o, downtime_ms) - parts(&o)), 0.2);
  ck_assert_double_lt(ALL(o, downtime_suspend_ms), 0.1);
  ck_assert_double_eq(ALL(o, downtime_create_ms), 0);
  ck_assert_double_eq(ALL(o, packets_lost), 0);
  /* It catches up: senders' sockets have buffered. A tick of 1 ms of 150. */
  ck_assert_double_gt(ALL(o, tx_goodput_gbps), 0.4 * 0.99);
}
END_TEST

/* Frames that come while the queues are stopped are lost, and no others: those
 * taken before go on from the destination. Two windows' edges: 2 frames. */
START_TEST(frames_are_lost_in_the_silence_only)
{
  struct outcome o = RUN(SCENARIO, SMALL, FORWARD, set("design", software[_i]));
  struct outcome still =
      RUN(SCENARIO, SMALL, FORWARD, set("design", software[_i]),
          "migration.enabled=false");
  double sent = ALL(still, rx_pps) * 0.15, back = ALL(o, tx_pps) * 0.15;
  double lost = ALL(o, migration_drops);
  double silence = ALL(o, downtime_ms) - ALL(o, downtime_stop_ms);
  ck_assert_double_eq(ALL(o, migration_completed), 1);
  ck_assert_msg(fabs(sent - lost - back) <= 4, "%g sent, %g lost, %g back",
                sent, lost, back);
  /* Poisson arrivals: four standard deviations; and what the switch still
   * sends to the source until the first frame of the guest. */
  double expected = silence * 1e-3 * sent / 0.15;
  ck_assert_msg(fabs(lost - expected) < 4 * sqrt(expected) + 10,
                "%g lost, %g expected", lost, expected);
  ck_assert_double_ge(ALL(o, drops), lost);
}
END_TEST

/* A request waits for its answer: at most one is lost, and it goes on. */
START_TEST(requests_go_on)
{
  struct outcome o =
      RUN(SCENARIO, SMALL, "vms.guests.workload.type=ping",
          "vms.guests.workload.payload=56 B",
          "vms.guests.workload.interval=50 us", set("design", software[_i]));
  double rate = 1 / 50e-6;
  double standing = ALL(o, downtime_ms) * 1e-3 * rate;
  double requests = ALL(o, requests_per_s) * 0.15;
  ck_assert_double_eq(ALL(o, migration_completed), 1);
  ck_assert_msg(requests > rate * 0.15 - 1.5 * standing - 10 &&
                    requests <= rate * 0.15 + 1,
                "%g requests; %g due while it stood still", requests, standing);
}
END_TEST

/* Neither the window nor the order of actors reaches the results. */
START_TEST(order_does_not_matter)
{
  const char *d = set("design", software[_i]);
  struct outcome a = RUN(SCENARIO, SMALL, FORWARD, d);
  struct outcome b = RUN(SCENARIO, SMALL, FORWARD, d, "run.window=0 ns");
  struct outcome c = RUN(SCENARIO, SMALL, FORWARD, d, "run.actor_order=5");
  ck_assert_uint_eq(a.fingerprint, b.fingerprint);
  ck_assert_uint_eq(a.fingerprint, c.fingerprint);
}
END_TEST

/* The same guest on an accelerator waits for its firmware: 44 ms of
 * configuration alone. */
START_TEST(software_is_back_sooner_than_hardware)
{
  struct outcome soft = RUN(SCENARIO, SMALL, "design=vhost-user");
  struct outcome hard = RUN(SCENARIO, SMALL, "design=un-iov");
  ck_assert_double_eq(ALL(hard, migration_completed), 1);
  ck_assert_double_gt(ALL(hard, downtime_ms), ALL(soft, downtime_ms) + 44);
}
END_TEST

/* Writes to buffers and rings are found: the pages that a sender's ring and
 * a receiver's buffers lie on are sent again. Nothing else writes. */
START_TEST(software_logs_its_own_writes)
{
  struct outcome o = RUN(SCENARIO, SMALL, FORWARD, "migration.dirty_rate=0 b/s",
                         set("design", software[_i]));
  ck_assert_double_eq(ALL(o, migration_completed), 1);
  ck_assert_double_gt(ALL(o, migration_dirty_gbps), 0);
  /* No more than a page a frame, one for each of its two used entries, and
   * what is written when kicks go on and off: 5 pages. */
  ck_assert_double_lt(ALL(o, migration_dirty_gbps),
                      5 * 4096 * 8 * 53.2e3 / 1e9 * 1.1);
}
END_TEST

/* ---- who cannot ---------------------------------------------------------- */

static const char *const whole[] = {"sriov", "hdiov", "passthrough"};

START_TEST(whole_functions_are_refused)
{
  struct outcome o = RUN(SCENARIO, SMALL, set("design", whole[_i]));
  struct outcome still =
      RUN(SCENARIO, SMALL, set("design", whole[_i]), "migration.enabled=false");
  ck_assert_ptr_nonnull(strstr(o.note, "refused: "));
  ck_assert_ptr_nonnull(strstr(o.note, "passed through whole"));
  ck_assert_double_eq(ALL(o, migration_completed), 0);
  ck_assert(isnan(ALL(o, downtime_ms)));
  ck_assert_double_eq(ALL(o, packets_lost), 0);
  ck_assert_double_eq(ALL(o, tx_pps), ALL(still, tx_pps));
}
END_TEST

/* ---- faults -------------------------------------------------------------- */

struct fault {
  const char *name, *says;
  bool stops; /* the VM stands still meanwhile */
};
static const struct fault faults[] = {
    {"link-cut", "the link between the hosts was cut (pre-copy, ", false},
    {"no-room", "is out of resources at the destination (setup, ", false},
    {"stuck", "did not suspend in time (stopped, ", true}};
static const char *const movable[] = {"vhost-net", "vhost-user", "un-iov"};

START_TEST(vm_goes_on_at_the_source)
{
  const struct fault *f = &faults[_i % 3];
  struct outcome o =
      RUN(SCENARIO, SMALL, FORWARD, set("design", movable[_i / 3]),
          set("migration.fault", f->name), "migration.fault_time=8 ms",
          "migration.suspend_timeout=10 ms");
  struct outcome still =
      RUN(SCENARIO, SMALL, FORWARD, set("design", movable[_i / 3]),
          "migration.enabled=false");
  ck_assert_msg(strstr(o.note, f->says) != NULL, "%s", o.note);
  ck_assert_ptr_nonnull(strstr(o.note, "goes on at the source"));
  ck_assert_double_eq(ALL(o, migration_completed), 0);
  /* 10 ms until it is given up, 1 ms each to stop and to start it. */
  ck_assert(f->stops ? ALL(o, downtime_ms) > 12 : ALL(o, downtime_ms) == 0);
  ck_assert_double_eq(ALL(o, packets_lost), 0);
  double sent = ALL(still, tx_pps) * 0.15;
  double back = ALL(o, tx_pps) * 0.15 + ALL(o, drops);
  ck_assert_msg(fabs(sent - back) <= 4, "%g sent, %g back or dropped", sent,
                back);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("live migration of a server's guest");
  TCase *c = tcase_create("network");
  tcase_set_timeout(c, 120);
  tcase_add_loop_test(c, software_guests_migrate, 0, 2);
  tcase_add_loop_test(c, frames_are_lost_in_the_silence_only, 0, 2);
  tcase_add_loop_test(c, requests_go_on, 0, 2);
  tcase_add_loop_test(c, order_does_not_matter, 0, 2);
  tcase_add_test(c, software_is_back_sooner_than_hardware);
  tcase_add_loop_test(c, software_logs_its_own_writes, 0, 2);
  tcase_add_loop_test(c, whole_functions_are_refused, 0, 3);
  tcase_add_loop_test(c, vm_goes_on_at_the_source, 0, 9);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
