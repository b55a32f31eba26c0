/*
 * test_claims.c - published figures beside simulated ones: what is judged how,
 * published.csv, and the table for people.
 *
 * The summary is written by hand, so a green run says nothing about whether a
 * simulation reproduces anything.
 */
#include "sim/cli/claims.h"
#include "sim/cli/cli.h"
#include "sim/measure/csv.h"
#include "tests/test_scenario_registry.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

static const struct hd_scenario_env env = {&t_registry, NULL, t_aliases,
                                           t_check, t_metrics};

/* Point 2 has no room, 5 has two repetitions, 6 failed, 7 was not run. */
static const char head[] = "name: t\n"
                           "vms: { web: {} }\n"
                           "sweep: { axes: { design: [sriov, hdiov, uniov],\n"
                           "                 vms.count: [1, 2, 4] } }\n"
                           "published:\n";
static const char summary[] =
    "scenario,point,repetition,seed,status,design,vms.count,group,tx_gbps,"
    "latency_ns,limited_by,migration\n"
    "t,0,0,1,ok,sriov,1,all,10,100,NA,NA\n"
    "t,0,0,1,ok,sriov,1,web,7,100,NA,NA\n"
    "t,1,0,1,ok,sriov,2,all,20,200,NA,NA\n"
    "t,2,0,1,infeasible: ports 2 < 4,sriov,4,all,NA,NA,NA,NA\n"
    "t,3,0,1,ok,hdiov,1,all,10.4,NA,NA,NA\n"
    "t,4,0,1,ok,hdiov,2,all,18,0,NA,NA\n"
    "t,5,0,1,ok,hdiov,4,all,30,300,NA,NA\n"
    "t,5,1,2,ok,hdiov,4,all,34,300,NA,NA\n"
    "t,6,0,1,failed: signal 11,uniov,1,all,NA,NA,NA,NA\n"
    "t,8,0,1,ok,uniov,4,all,5,300,NA,NA\n";

/* An entry, and its row of published.csv from `points` to `verdict`. */
struct judged {
  const char *entry, *row;
};

static const struct judged judged[] = {
    /* A value: the tolerance itself is within it. */
    {"metric: tx_gbps, value: 10, tolerance: 4 %,"
     "at: {design: hdiov, vms.count: 1}",
     "1,NA,10,10.4,0.04,0.04,ok"},
    {"metric: tx_gbps, value: 10, tolerance: 3.99 %,"
     "at: {design: hdiov, vms.count: 1}",
     "1,NA,10,10.4,0.04,0.0399,off"},
    {"metric: tx_gbps, value: 11, tolerance: 5 %,"
     "at: {design: hdiov, vms.count: 1}",
     "1,NA,11,10.4,-0.0545455,0.05,off"},
    {"metric: latency_ns, value: 0, tolerance: 5 %,"
     "at: {design: hdiov, vms.count: 2}",
     "1,NA,0,0,0,0.05,ok"},
    /* The mean over repetitions; a group. */
    {"metric: tx_gbps, value: 32, tolerance: 0 %,"
     "at: {design: hdiov, vms.count: 4}",
     "1,NA,32,32,0,0,ok"},
    {"metric: tx_gbps, group: web, value: 7, tolerance: 0 %,"
     "at: {design: sriov, vms.count: 1}",
     "1,NA,7,7,0,0,ok"},
    /* Bounds hold exactly. */
    {"metric: tx_gbps, at_most: 32, at: {design: hdiov}",
     "3,vms.count=4,<= 32,32,0,NA,ok"},
    {"metric: tx_gbps, at_most: 25, at: {design: hdiov}",
     "3,vms.count=4,<= 25,32,0.28,NA,off"},
    {"metric: tx_gbps, at_least: 13, at: {design: hdiov}",
     "3,vms.count=1,>= 13,10.4,-0.2,NA,off"},
    {"metric: tx_gbps, at_least: 10, at_most: 40, at: {design: hdiov}",
     "3,vms.count=1,>= 10 and <= 40,10.4,0.04,NA,ok"},
    {"metric: tx_gbps, at_least: 10, at_most: 33, at: {design: hdiov}",
     "3,vms.count=4,>= 10 and <= 33,32,-0.030303,NA,ok"},
    /* The worst of several, on either side; no room is passed over. */
    {"metric: tx_gbps, value: 15, tolerance: 40 %, at: {design: sriov}",
     "2,vms.count=1,15,10,-0.333333,0.4,ok"},
    {"metric: tx_gbps, value: 20, tolerance: 5 %,"
     "at: {design: [sriov, hdiov], vms.count: [1, 2]}",
     "4,\"design=sriov, vms.count=1\",20,10,-0.5,0.05,off"},
    /* A quotient: 1.04 and 0.9; what to divide by at 4 has no room. */
    {"metric: tx_gbps, value: 1, tolerance: 10 %,"
     "at: {design: hdiov}, over: {design: sriov}",
     "2,vms.count=2,1,0.9,-0.1,0.1,ok"},
    {"metric: tx_gbps, value: 1, tolerance: 5 %,"
     "at: {design: hdiov}, over: {design: sriov}",
     "2,vms.count=2,1,0.9,-0.1,0.05,off"},
    {"metric: latency_ns, at_most: 2,"
     "at: {design: sriov, vms.count: 2}, over: {design: hdiov}",
     "1,NA,<= 2,inf,inf,NA,off"},
    /* No room, no value, a failure, nothing. */
    {"metric: tx_gbps, value: 1, tolerance: 5 %,"
     "at: {design: sriov, vms.count: 4}",
     "0,NA,1,infeasible: ports 2 < 4,NA,0.05,infeasible"},
    {"metric: latency_ns, value: 1, tolerance: 5 %,"
     "at: {design: hdiov, vms.count: 1}",
     "1,NA,1,NA,NA,0.05,NA"},
    {"metric: tx_gbps, value: 5, tolerance: 5 %, at: {design: uniov}",
     "2,vms.count=1,5,failed: signal 11,NA,0.05,failed"},
    {"metric: tx_gbps, value: 5, tolerance: 5 %,"
     "at: {design: uniov, vms.count: 2}",
     "0,NA,5,NA,NA,0.05,not run"},
    {"metric: tx_gbps, value: 5, tolerance: 5 %,"
     "at: {design: hdiov, vms.count: 2}, over: {design: uniov}",
     "0,NA,5,NA,NA,0.05,not run"},
    /* The largest feasible value of an axis. */
    {"largest: vms.count, value: 2, tolerance: 0 %, at: {design: sriov}",
     "1,NA,2,2,0,0,ok"},
    {"largest: vms.count, value: 3, tolerance: 0 %,"
     "at: {design: hdiov}, over: {design: sriov}",
     "1,NA,3,2,-0.333333,0,off"},
    {"largest: vms.count, value: 4, tolerance: 0 %, at: {design: uniov}",
     "1,NA,4,failed: signal 11,NA,0,failed"},
    /* What must run out. */
    {"infeasible: ports, at: {design: sriov, vms.count: 4}",
     "1,NA,infeasible: ports,infeasible: ports 2 < 4,NA,NA,ok"},
    {"infeasible: port, at: {design: sriov, vms.count: 4}",
     "1,NA,infeasible: port,infeasible: ports 2 < 4,NA,NA,off"},
    {"infeasible: ports, at: {design: sriov, vms.count: [1, 4]}",
     "2,vms.count=1,infeasible: ports,feasible,NA,NA,off"},
    {"infeasible: none, at: {design: hdiov}",
     "3,vms.count=1,feasible,feasible,NA,NA,ok"},
    {"infeasible: none, at: {design: sriov}",
     "3,vms.count=4,feasible,infeasible: ports 2 < 4,NA,NA,off"},
    {"infeasible: ports, at: {design: uniov, vms.count: 2}",
     "0,NA,infeasible: ports,NA,NA,NA,not run"}};

/* A directory with a summary, and a scenario. */
struct place {
  char dir[40];
  struct hd_scenario *scenario;
};

static void write_file(const char *dir, const char *name, const char *text)
{
  char path[80];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *f = fopen(path, "w");
  ck_assert_ptr_nonnull(f);
  fputs(text, f);
  fclose(f);
}

static struct place make_place(const char *entries)
{
  struct place p = {.dir = "/tmp/test-claims-XXXXXX"};
  struct hd_errors *errors = hd_errors_create();
  char *text = cli_format("%s%s", head, entries);
  p.scenario =
      hd_scenario_load_text(&env, "t.yaml", text, strlen(text), NULL, errors);
  if (p.scenario == NULL)
    ck_abort_msg("%s", hd_errors_text(errors, 0));
  ck_assert_ptr_nonnull(mkdtemp(p.dir));
  write_file(p.dir, "summary.csv", summary);
  hd_errors_destroy(errors);
  free(text);
  return p;
}

static void remove_place(struct place *p)
{
  static const char *const names[] = {"summary.csv", "published.csv"};
  for (size_t i = 0; i < 2; i++) {
    char *path = cli_format("%s/%s", p->dir, names[i]);
    unlink(path);
    free(path);
  }
  ck_assert_int_eq(rmdir(p->dir), 0);
  hd_scenario_destroy(p->scenario);
}

static char *read_published(const struct place *p)
{
  char *path = cli_format("%s/published.csv", p->dir);
  char *text = cli_allocate(10000, 1);
  FILE *f = fopen(path, "r");
  ck_assert_ptr_nonnull(f);
  ck_assert_uint_gt(fread(text, 1, 9999, f), 0);
  fclose(f);
  free(path);
  return text;
}

START_TEST(an_entry_is_judged)
{
  const struct judged *j = &judged[_i];
  char *entries = cli_format("  - { what: w, source: s, %s }\n", j->entry);
  char *wanted = cli_format(",%s,s\n", j->row);
  struct place p = make_place(entries);
  ck_assert(cli_claims_write(p.scenario, p.dir));
  char *text = read_published(&p);
  const char *row = strchr(text, '\n') + 1;
  size_t length = strlen(row), tail = strlen(wanted);
  ck_assert_msg(length > tail && strcmp(row + length - tail, wanted) == 0,
                "%s\n  expected: ...%s  got: %s", j->entry, wanted, row);
  ck_assert_ptr_eq(strchr(row, '\n'), row + length - 1); /* one row */
  free(text);
  remove_place(&p);
  free(wanted);
  free(entries);
}
END_TEST

START_TEST(every_point_is_a_row)
{
  struct place p = make_place(
      "  - { what: w, source: s, metric: tx_gbps, value: 20, tolerance: 0 %,\n"
      "      at: {design: sriov}, show: every }\n");
  ck_assert(cli_claims_write(p.scenario, p.dir));
  char *text = read_published(&p);
  ck_assert_str_eq(
      text,
      "scenario,what,metric,group,at,over,points,point,published,simulated,"
      "error,tolerance,verdict,source\n"
      "t,w,tx_gbps,all,design=sriov,NA,1,vms.count=1,20,10,-0.5,0,off,s\n"
      "t,w,tx_gbps,all,design=sriov,NA,1,vms.count=2,20,20,0,0,ok,s\n"
      "t,w,tx_gbps,all,design=sriov,NA,0,vms.count=4,20,"
      "infeasible: ports 2 < 4,NA,0,infeasible,s\n");
  free(text);
  remove_place(&p);
}
END_TEST

START_TEST(without_entries_there_is_no_file)
{
  struct place p = make_place("  []\n");
  struct claims_count count = {1, 1, 1};
  write_file(p.dir, "published.csv", "old\n");
  ck_assert(cli_claims_write(p.scenario, p.dir));
  ck_assert(cli_claims_print(p.dir, true, stdout, &count));
  ck_assert_uint_eq(count.total, 0);
  char *path = cli_format("%s/published.csv", p.dir);
  ck_assert_int_ne(access(path, F_OK), 0);
  free(path);
  remove_place(&p);
}
END_TEST

static char *print(const struct place *p, bool all, struct claims_count *count)
{
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  ck_assert(cli_claims_print(p->dir, all, out, count));
  fclose(out);
  return text;
}

static const char quoted_entries[] =
    "  - what: throughput of all machines together, HD-IOV over SR-IOV\n"
    "    source: somebody who measured it on real hardware, \"\xc3\xa0 peu\"\n"
    "    metric: tx_gbps\n"
    "    at: {design: hdiov}\n"
    "    over: {design: sriov}\n"
    "    value: 1\n"
    "    tolerance: 5 %\n"
    "  - {what: ports, infeasible: ports, source: data sheet,\n"
    "     at: {design: sriov, vms.count: 4}}\n"
    "  - {what: rate, metric: tx_gbps, at_most: 12345, source: a guess,\n"
    "     at: {design: uniov, vms.count: 2}}\n";

/* clang-format off */
static const char readable[] =
    "\n"
    "what                      published         simulated         verdict      tolerance  source\n"
    "------------------------  ----------------  ----------------  -----------  ---------  --------------\n"
    "throughput of all                        1               0.9  off by 10 %        5 %  somebody who\n"
    "machines together,                                                                    measured it on\n"
    "HD-IOV over SR-IOV                                                                    real hardware,\n"
    "(worst of 2:                                                                          \"\xc3\xa0 peu\"\n"
    "vms.count=2)\n"
    "ports                     infeasible:       infeasible:       ok                   -  data sheet\n"
    "                          ports             ports 2 < 4\n"
    "rate                              <= 12345                 -  not run              -  a guess\n"
    "published: 1 of 2 within tolerance, 1 not run\n"
    "\n";
/* clang-format on */

START_TEST(the_table_is_readable)
{
  struct place p = make_place(quoted_entries);
  struct claims_count count;
  ck_assert(cli_claims_write(p.scenario, p.dir));
  char *text = print(&p, true, &count);
  ck_assert_str_eq(text, readable);
  ck_assert_uint_eq(count.total, 3);
  ck_assert_uint_eq(count.ok, 1);
  ck_assert_uint_eq(count.not_run, 1);
  free(text);
  text = print(&p, false, &count);
  ck_assert_ptr_null(strstr(text, "not run  "));
  ck_assert_uint_eq(count.total, 3);
  free(text);
  remove_place(&p);
}
END_TEST

START_TEST(strict_counts_what_was_run)
{
  ck_assert_int_eq(cli_claims_status(&(struct claims_count){3, 2, 1}, true),
                   CLI_OK);
  ck_assert_int_eq(cli_claims_status(&(struct claims_count){3, 1, 1}, true),
                   CLI_NOT_AS_PUBLISHED);
  ck_assert_int_eq(cli_claims_status(&(struct claims_count){3, 1, 1}, false),
                   CLI_OK);
}
END_TEST

START_TEST(a_damaged_table_is_refused)
{
  struct place p = make_place("  []\n");
  struct claims_count count;
  write_file(p.dir, "published.csv", "what,point\na,b\n");
  ck_assert(!cli_claims_print(p.dir, true, stdout, &count));
  write_file(p.dir, "published.csv", "what,point\na\n");
  ck_assert(!cli_claims_print(p.dir, true, stdout, &count));
  remove_place(&p);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
  const TTest *const tests[] = {
      every_point_is_a_row, without_entries_there_is_no_file,
      the_table_is_readable, strict_counts_what_was_run,
      a_damaged_table_is_refused};
  Suite *suite = suite_create("claims");
  TCase *cases = tcase_create("all");
  tcase_add_loop_test(cases, an_entry_is_judged, 0, COUNT(judged));
  for (int i = 0; i < COUNT(tests); i++)
    tcase_add_test(cases, tests[i]);
  suite_add_tcase(suite, cases);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
