/*
 * test_server_migration_unplug.c - live migration of a guest whose device is
 * unplugged meanwhile: who carries its frames when, what is lost, what a
 * failure leaves behind.
 *
 * Every run also checks that the versions of all pages agree when the guest is
 * handed over, and that packets, descriptors, vectors, rings and credits
 * balance on both machines.
 *
 * What a green run does not prove: that hot plug takes a real guest so long.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/server_harness.h"

#define SCENARIO "uniov/migration-unplug.yaml"
/* All is over after 40 ms: 2 ms, 3 ms of delay, 6 ms of setup, less than 10 ms
 * for the memory, 3 ms of silence, 1 ms, 3 ms of delay, less than 3 ms. */
#define QUICK                                                                  \
  "run.series=0 ns", "migration.start=2 ms", "migration.unplug_delay=3 ms",    \
      "migration.plug_delay=3 ms", "vms.guests.memory=64 MiB",                 \
      "migration.working_set=8 MiB"
#define BEFORE "run.duration=4 ms" /* of that */
#define OVER "run.duration=45 ms"
#define LATER "run.duration=90 ms"
/* What the stand-in carries as well as the device. */
#define LIGHT "vms.guests.workload.rate=100 Mb/s"
#define WEB                                                                    \
  "vms.guests.workload.type=web_server", "vms.guests.workload.workers=4",      \
      "vms.guests.workload.file=2000 B", "vms.guests.workload.concurrency=8"
#define PING                                                                   \
  "vms.guests.workload.type=ping", "vms.guests.workload.payload=56 B",         \
      "vms.guests.workload.interval=50 us"

static const char *const whole[] = {"sriov", "hdiov", "passthrough"};

static const char *set(const char *path, const char *value)
{
  static char text[8][64];
  static unsigned next;
  char *t = text[next++ % 8];
  snprintf(t, sizeof text[0], "%s=%s", path, value);
  return t;
}

static void assert_moved(const struct outcome *o)
{
  ck_assert_msg(o->note[0] == '\0', "%s", o->note);
  ck_assert_double_eq(ALL(*o, migration_completed), 1);
}

/* Seconds of host threads. */
static double threads(const struct outcome *o, double duration)
{
  return ALL(*o, service_cpu_cores) * duration;
}

/* ---- the way of the frames ----------------------------------------------- */

/* Before the device is unplugged and after it is back no thread of the host
 * does anything for the guest, whose frames arrive all the same. */
START_TEST(the_device_serves_it_but_for_the_move)
{
  const char *d = set("design", whole[_i]);
  struct outcome before = RUN(SCENARIO, QUICK, LIGHT, d, BEFORE);
  struct outcome over = RUN(SCENARIO, QUICK, LIGHT, d, OVER);
  struct outcome later = RUN(SCENARIO, QUICK, LIGHT, d, LATER);
  ck_assert_double_eq(threads(&before, 4e-3), 0);
  assert_moved(&over);
  ck_assert_double_gt(threads(&over, 45e-3), 0);
  ck_assert_double_eq_tol(threads(&later, 90e-3), threads(&over, 45e-3), 1e-9);
  /* A tick of 1 ms more or less at either end. */
  double more =
      ALL(later, tx_goodput_gbps) * 90e-3 - ALL(over, tx_goodput_gbps) * 45e-3;
  ck_assert_double_eq_tol(more, 0.4 * 45e-3, 0.4 * 2e-3);
}
END_TEST

/* Of its kicks: the device is told by registers, vhost by exits. All frames of
 * the time in between are the stand-in's: their threads' time is that share of
 * what vhost-net takes throughout. Of 45 ms that are 5 ms at the beginning, and
 * what is left of 90 at the end. */
START_TEST(the_stand_in_serves_it_meanwhile)
{
  struct outcome o =
      RUN(SCENARIO, QUICK, LIGHT, OVER, set("design", whole[_i]));
  struct outcome soft = RUN(SCENARIO, QUICK, LIGHT, OVER, "design=vhost-net",
                            "migration.enabled=false");
  double stood_in = (ALL(o, migration_total_ms) - 3) * 1e-3;
  double expected = ALL(soft, service_cpu_cores) * stood_in;
  assert_moved(&o);
  ck_assert_double_gt(stood_in, 10e-3);
  ck_assert_msg(fabs(threads(&o, 45e-3) - expected) < 0.25 * expected,
                "%g s of threads, %g expected", threads(&o, 45e-3), expected);
}
END_TEST

/* More than a vhost worker can carry: the guest gets less meanwhile. */
START_TEST(throughput_is_the_stand_ins)
{
  const char *d = set("design", whole[_i]);
  const char *rate = "vms.guests.workload.rate=6 Gb/s";
  struct outcome o = RUN(SCENARIO, QUICK, d, rate, "run.duration=12 ms",
                         "migration.start=0 ms", "migration.unplug_delay=0 ms");
  struct outcome still = RUN(SCENARIO, QUICK, d, rate, "run.duration=12 ms",
                             "migration.enabled=false");
  struct outcome soft = RUN(SCENARIO, QUICK, rate, "design=vhost-net",
                            "run.duration=12 ms", "migration.enabled=false");
  ck_assert_double_gt(ALL(still, tx_goodput_gbps), 23);
  ck_assert_double_lt(ALL(soft, tx_goodput_gbps), 15);
  ck_assert_double_eq_tol(ALL(o, tx_goodput_gbps), ALL(soft, tx_goodput_gbps),
                          1.5);
}
END_TEST

/* ---- the move ------------------------------------------------------------ */

/* It stands still for as long as a guest that has had vhost-net all along. */
START_TEST(it_moves_as_the_stand_in_does)
{
  struct outcome o =
      RUN(SCENARIO, QUICK, LIGHT, OVER, set("design", whole[_i]));
  struct outcome soft = RUN(SCENARIO, QUICK, LIGHT, OVER, "design=vhost-net");
  assert_moved(&o);
  assert_moved(&soft);
  ck_assert_double_eq_tol(ALL(o, downtime_ms), ALL(soft, downtime_ms), 0.1);
  ck_assert_double_eq_tol(ALL(o, downtime_suspend_ms),
                          ALL(soft, downtime_suspend_ms), 0.05);
  ck_assert_double_lt(ALL(o, silence_max_ms), ALL(o, downtime_ms) + 1.2);
  ck_assert_double_eq(ALL(o, packets_lost), 0);
  ck_assert_double_eq(ALL(o, drops), 0);
  ck_assert_double_gt(ALL(o, tx_goodput_gbps), 0.4 * 0.97);
}
END_TEST

/* The reset of a virtual function takes 100 ms; an interface has none. */
START_TEST(opening_costs_what_it_costs_a_new_guest)
{
  struct outcome quick = RUN(SCENARIO, QUICK, LIGHT, OVER, "design=hdiov");
  struct outcome vf = RUN(SCENARIO, QUICK, LIGHT, OVER, "design=sriov");
  struct outcome slow = RUN(SCENARIO, QUICK, LIGHT, OVER, "design=sriov",
                            "hypervisor.flr_wait=11 ms");
  ck_assert_double_gt(ALL(vf, migration_total_ms),
                      ALL(quick, migration_total_ms) + 0.8);
  ck_assert_double_eq_tol(ALL(slow, migration_total_ms),
                          ALL(vf, migration_total_ms) + 10, 0.1);
}
END_TEST

/* The network takes less than the guest sends, so that packets wait before the
 * device's rings; when it is closed these are dropped. The client misses
 * those and no others: each counts twice, where it is dropped and where it is
 * missed. */
START_TEST(what_waits_is_dropped_and_counted)
{
  const char *d = set("design", whole[_i]);
  struct outcome o = RUN(SCENARIO, QUICK, d, "vms.guests.workload.rate=0 b/s",
                         "network.rate=20 Gb/s", "nic.tx_ring=64",
                         "virtio.ring_size=64", "run.duration=10 ms");
  struct outcome before = RUN(
      SCENARIO, QUICK, d, "vms.guests.workload.rate=0 b/s",
      "network.rate=20 Gb/s", "nic.tx_ring=64", "virtio.ring_size=64", BEFORE);
  ck_assert_double_eq(ALL(before, drops), 0);
  ck_assert_double_gt(ALL(o, packets_lost), 100);
  ck_assert_double_eq(ALL(o, drops), 2 * ALL(o, packets_lost));
}
END_TEST

/* ---- receiving ----------------------------------------------------------- */

/* Requests come by the device, by the stand-in, and by the device again. No
 * segment is lost, so none is sent again. */
START_TEST(requests_come_all_the_way)
{
  const char *d = set("design", whole[_i]);
  struct outcome o = RUN(SCENARIO, QUICK, WEB, d, OVER);
  struct outcome still =
      RUN(SCENARIO, QUICK, WEB, d, OVER, "migration.enabled=false");
  double lost = ALL(o, downtime_ms) / 45 * ALL(still, requests_per_s);
  assert_moved(&o);
  ck_assert_double_eq(ALL(o, retransmissions), 0);
  ck_assert_double_eq(ALL(o, drops), 0);
  ck_assert_double_gt(ALL(o, requests_per_s),
                      0.9 * ALL(still, requests_per_s) - lost);
  struct outcome over = RUN(SCENARIO, QUICK, WEB, d, LATER);
  ck_assert_double_eq_tol(threads(&over, 90e-3), threads(&o, 45e-3), 1e-5);
}
END_TEST

START_TEST(answers_come_all_the_way)
{
  struct outcome o = RUN(SCENARIO, QUICK, PING, OVER, set("design", whole[_i]));
  double rate = 1 / 50e-6, standing = ALL(o, downtime_ms) * 1e-3 * rate;
  double requests = ALL(o, requests_per_s) * 45e-3;
  assert_moved(&o);
  ck_assert_msg(requests > rate * 45e-3 - 1.5 * standing - 30 &&
                    requests <= rate * 45e-3 + 1,
                "%g requests; %g due while it stood still", requests, standing);
}
END_TEST

/* ---- the virtio device's rings begin anew ---------------------------------
 */

static const char *const rings[] = {
    "virtio.packed=true", "virtio.event_idx=false", "virtio.indirect=false"};

START_TEST(rings_of_all_kinds_come_back)
{
  struct outcome o =
      RUN(SCENARIO, QUICK, WEB, OVER, "design=passthrough", rings[_i]);
  assert_moved(&o);
  ck_assert_double_eq(ALL(o, retransmissions), 0);
}
END_TEST

/* ---- failures ------------------------------------------------------------ */

struct fault {
  const char *name, *says;
  double stands_still; /* ms at least */
};
static const struct fault faults[] = {
    {"link-cut", "the link between the hosts was cut (pre-copy, ", 0},
    {"no-room", "is out of resources at the destination (setup, ", 0},
    {"stuck", "did not suspend in time (stopped, ", 5}};

/* The device is back at the source: no thread works for it any more, and its
 * frames arrive, both ways. */
START_TEST(failure_plugs_it_back)
{
  const struct fault *f = &faults[_i % 3];
  const char *d = set("design", whole[_i / 3]);
  const char *fault = set("migration.fault", f->name);
  struct outcome o =
      RUN(SCENARIO, QUICK, WEB, OVER, d, fault, "migration.fault_time=10 ms",
          "migration.suspend_timeout=5 ms");
  struct outcome later =
      RUN(SCENARIO, QUICK, WEB, LATER, d, fault, "migration.fault_time=10 ms",
          "migration.suspend_timeout=5 ms");
  ck_assert_msg(strstr(o.note, f->says) != NULL, "%s", o.note);
  ck_assert_ptr_nonnull(strstr(o.note, "goes on at the source"));
  ck_assert_double_eq(ALL(o, migration_completed), 0);
  ck_assert_double_ge(ALL(o, downtime_ms), f->stands_still);
  ck_assert_double_eq(ALL(later, retransmissions), 0);
  ck_assert_double_gt(threads(&o, 45e-3), 0);
  ck_assert_double_eq_tol(threads(&later, 90e-3), threads(&o, 45e-3), 1e-5);
  ck_assert_double_gt(ALL(later, requests_per_s),
                      0.95 * ALL(o, requests_per_s));
}
END_TEST

/* ---- who has a stand-in -------------------------------------------------- */

/* Of three guests one moves: the host's threads work for that one only, no
 * longer than for one alone, and nobody else loses anything. */
START_TEST(only_who_moves_has_a_stand_in)
{
  const char *d = set("design", whole[_i]);
  struct outcome one = RUN(SCENARIO, QUICK, LIGHT, OVER, d);
  struct outcome three = RUN(SCENARIO, QUICK, LIGHT, OVER, d,
                             "vms.guests.count=3", "migration.vm=1");
  assert_moved(&three);
  ck_assert_double_eq_tol(threads(&three, 45e-3), threads(&one, 45e-3),
                          0.1 * threads(&one, 45e-3));
  ck_assert_double_eq(ALL(three, packets_lost), 0);
  ck_assert_double_gt(ALL(three, vm_goodput_min_gbps), 0.4 * 0.97);
}
END_TEST

/* Without a migration, or with a device that can, nothing is different. */
START_TEST(others_have_none)
{
  const char *still = "migration.enabled=false";
  const char *refuse = "migration.passthrough=refuse";
  struct outcome a =
      RUN(SCENARIO, QUICK, LIGHT, OVER, set("design", whole[_i]), still);
  struct outcome b = RUN(SCENARIO, QUICK, LIGHT, OVER, set("design", whole[_i]),
                         still, refuse);
  ck_assert_uint_eq(a.fingerprint, b.fingerprint);
  struct outcome c = RUN(SCENARIO, QUICK, LIGHT, OVER, "design=vhost-net");
  struct outcome d =
      RUN(SCENARIO, QUICK, LIGHT, OVER, "design=vhost-net", refuse);
  ck_assert_uint_eq(c.fingerprint, d.fingerprint);
}
END_TEST

/* Neither the window nor the order of actors reaches the results. */
START_TEST(order_does_not_matter)
{
  const char *d = set("design", whole[_i]);
  struct outcome a = RUN(SCENARIO, QUICK, WEB, OVER, d);
  struct outcome b = RUN(SCENARIO, QUICK, WEB, OVER, d, "run.window=0 ns");
  struct outcome c = RUN(SCENARIO, QUICK, WEB, OVER, d, "run.actor_order=5");
  ck_assert_uint_eq(a.fingerprint, b.fingerprint);
  ck_assert_uint_eq(a.fingerprint, c.fingerprint);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("live migration by unplugging a device");
  TCase *c = tcase_create("unplug");
  tcase_set_timeout(c, 120);
  tcase_add_loop_test(c, the_device_serves_it_but_for_the_move, 0, 3);
  tcase_add_loop_test(c, the_stand_in_serves_it_meanwhile, 0, 3);
  tcase_add_loop_test(c, throughput_is_the_stand_ins, 0, 3);
  tcase_add_loop_test(c, it_moves_as_the_stand_in_does, 0, 3);
  tcase_add_test(c, opening_costs_what_it_costs_a_new_guest);
  tcase_add_loop_test(c, what_waits_is_dropped_and_counted, 0, 3);
  tcase_add_loop_test(c, requests_come_all_the_way, 0, 3);
  tcase_add_loop_test(c, answers_come_all_the_way, 0, 3);
  tcase_add_loop_test(c, rings_of_all_kinds_come_back, 0, 3);
  tcase_add_loop_test(c, failure_plugs_it_back, 0, 9);
  tcase_add_loop_test(c, only_who_moves_has_a_stand_in, 0, 3);
  tcase_add_loop_test(c, others_have_none, 0, 3);
  tcase_add_loop_test(c, order_does_not_matter, 0, 3);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
