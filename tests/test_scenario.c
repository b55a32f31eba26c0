/*
 * test_scenario.c - the scenario layer: units, precedence, provenance, sweeps,
 * the exact text of every diagnostic, and what it prints.
 *
 * Data files are found from the directory in srcdir (default: the current
 * one). A green run says nothing about the real registry's tables.
 */
#include "sim/scenario/params.h"
#include "sim/scenario/published.h"
#include "sim/scenario/unit.h"
#include "tests/test_scenario_errors.h"
#include "tests/test_scenario_registry.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define DATA "tests/data/scenario/"

static const char *const data_dirs[] = {"tests/data/scenario", NULL};
static const struct hd_scenario_env env = {&t_registry, data_dirs, t_aliases,
                                           t_check, t_metrics};

/* A loaded scenario and what came with it. */
struct loaded {
  struct hd_errors *errors;
  struct hd_scenario *scenario;
  struct hd_point *point; /* 0 */
};

static struct hd_scenario *load_text(const char *text,
                                     const struct hd_overrides *ov,
                                     struct hd_errors *errors)
{
  return hd_scenario_load_text(&env, DATA "t.yaml", text, strlen(text), ov,
                               errors);
}

static struct loaded finish(struct hd_errors *errors,
                            struct hd_scenario *scenario, size_t index)
{
  struct loaded l = {errors, scenario, NULL};
  if (scenario != NULL)
    l.point = hd_scenario_point(scenario, index, errors);
  if (hd_errors_count(errors) > 0)
    ck_abort_msg("%s", hd_errors_text(errors, 0));
  ck_assert_ptr_nonnull(l.point);
  return l;
}

static struct loaded good_text(const char *text, const struct hd_overrides *ov,
                               size_t index)
{
  struct hd_errors *errors = hd_errors_create();
  return finish(errors, load_text(text, ov, errors), index);
}

static struct loaded good_file(const char *file, const struct hd_overrides *ov,
                               size_t index)
{
  struct hd_errors *errors = hd_errors_create();
  return finish(errors, hd_scenario_load(&env, file, ov, errors), index);
}

static void drop(struct loaded *l)
{
  hd_point_destroy(l->point);
  hd_scenario_destroy(l->scenario);
  hd_errors_destroy(l->errors);
}

static const struct t_config *config_of(const struct loaded *l)
{
  return hd_point_config(l->point);
}

/* "TEXT # ORIGIN" of one value. */
static const char *seen(const struct loaded *l, const char *path)
{
  static char text[512];
  for (size_t i = 0; i < hd_point_values(l->point); i++) {
    struct hd_point_value v = hd_point_value(l->point, i);
    if (strcmp(v.path, path) != 0)
      continue;
    snprintf(text, sizeof text, "%s # %s", v.text, v.origin);
    return text;
  }
  return "(none)";
}

static char *explain(const struct loaded *l)
{
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  hd_scenario_explain(l->point, out);
  fclose(out);
  return text;
}

/* All lines, each occurrence of the data folder's name left out. */
static char *lines_of(const struct hd_errors *errors)
{
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  for (size_t i = 0; i < hd_errors_count(errors); i++) {
    const char *line = hd_errors_text(errors, i);
    for (const char *at; (at = strstr(line, DATA)) != NULL;
         line = at + strlen(DATA))
      fwrite(line, 1, (size_t)(at - line), out);
    fprintf(out, "%s\n", line);
  }
  fclose(out);
  return text;
}

START_TEST(diagnostic)
{
  const struct bad_scenario *bad = &bad_scenarios[_i];
  const struct hd_overrides ov = {&bad->set, bad->set != NULL, &bad->axis,
                                  bad->axis != NULL};
  struct hd_errors *errors = hd_errors_create();
  struct hd_scenario *scenario = load_text(bad->yaml, &ov, errors);
  char *lines = lines_of(errors);
  ck_assert_msg(scenario == NULL, "%s: accepted", bad->name);
  ck_assert_msg(strcmp(lines, bad->errors) == 0,
                "%s:\n  expected: %s  got:      %s", bad->name, bad->errors,
                lines);
  free(lines);
  hd_errors_destroy(errors);
}
END_TEST

START_TEST(all_errors_in_one_pass)
{
  static const char *const sets[] = {"iommu.mode=x", "nic.prots=1"};
  const struct hd_overrides ov = {sets, 2, NULL, 0};
  struct hd_errors *errors = hd_errors_create();
  ck_assert_ptr_null(hd_scenario_load(&env, DATA "many.yaml", &ov, errors));
  char *lines = lines_of(errors);
  ck_assert_str_eq(
      lines,
      "many.yaml:4:3: error: unknown key 'widow' in 'iommu'; did you mean "
      "'window'?\n"
      "many.yaml:5:9: error: unknown choice 'legasy'; did you mean 'legacy'? "
      "'iommu.mode' takes one of: off, legacy, scalable\n"
      "many.yaml:7:9: error: '100' has no unit; 'nic.rate' takes a rate in "
      "b/s, kb/s, Mb/s, Gb/s or Tb/s\n"
      "many.yaml:8:3: error: duplicate key 'rate'; first given at line 7\n"
      "broken.yaml:2:10: error: '0' is out of range; 'nic.ports' takes 1 to "
      "8\n"
      "broken.yaml:3:1: error: unknown key 'hots'; did you mean 'host'?\n"
      "--set iommu.mode=x: error: unknown choice 'x'; 'iommu.mode' takes one "
      "of: off, legacy, scalable\n"
      "--set nic.prots=1: error: unknown key 'prots' in 'nic'; did you mean "
      "'ports'?\n");
  free(lines);
  hd_errors_destroy(errors);
}
END_TEST

START_TEST(errors_of_files)
{
  struct hd_errors *errors = hd_errors_create();
  ck_assert_ptr_null(hd_scenario_load(&env, DATA "none.yaml", NULL, errors));
  ck_assert_ptr_null(hd_scenario_load(&env, DATA "cycle.yaml", NULL, errors));
  char *lines = lines_of(errors);
  ck_assert_str_eq(
      lines,
      "none.yaml: error: cannot read the file: No such file or directory\n"
      "cycle.yaml:1:1: error: 'name' is required and not given; it takes a "
      "text\n"
      "include/ring.yaml:1:11: error: a file cannot include itself: cycle.yaml "
      "-> include/ring.yaml -> include/../cycle.yaml\n");
  free(lines);
  hd_errors_destroy(errors);
}
END_TEST

START_TEST(errors_are_limited)
{
  char text[20000] = "name: t\n";
  for (int i = 0; i < 1000; i++)
    sprintf(text + strlen(text), "unknown%d: 1\n", i);
  struct hd_errors *errors = hd_errors_create();
  ck_assert_ptr_null(load_text(text, NULL, errors));
  ck_assert_uint_eq(hd_errors_count(errors), HD_ERRORS_MAX + 1);
  ck_assert_str_eq(hd_errors_text(errors, HD_ERRORS_MAX),
                   "error: too many errors; the rest are not shown");
  hd_errors_destroy(errors);
}
END_TEST

START_TEST(file_size_is_limited)
{
  size_t size = ((size_t)1 << 20) + 1;
  char *text = malloc(size);
  memset(text, '\n', size);
  struct hd_errors *errors = hd_errors_create();
  ck_assert_ptr_null(
      hd_scenario_load_text(&env, "big.yaml", text, size, NULL, errors));
  ck_assert_str_eq(hd_errors_text(errors, 0),
                   "big.yaml: error: larger than 1048576 bytes");
  hd_errors_destroy(errors);
  free(text);
}
END_TEST

struct quantity_case {
  enum hd_param_type type;
  const char *text;
  int64_t value;
  const char *canonical;
};

static const struct quantity_case quantities[] = {
    {HD_PARAM_TIME, "150 ns", 150000, "150 ns"},
    {HD_PARAM_TIME, "150ns", 150000, "150 ns"},
    {HD_PARAM_TIME, "1.5 ns", 1500, "1.5 ns"},
    {HD_PARAM_TIME, "1.47 us", 1470000, "1470 ns"},
    {HD_PARAM_TIME, "0.001 ns", 1, "1 ps"},
    {HD_PARAM_TIME, "1.500000000000000000000000 ns", 1500, "1.5 ns"},
    {HD_PARAM_TIME, "0", 0, "0 ps"},
    {HD_PARAM_TIME, "0.0", 0, "0 ps"},
    {HD_PARAM_TIME, "9223372.036854775807 s", INT64_MAX,
     "9223372036854775807 ps"},
    {HD_PARAM_TIME, "-1.5 ns", -1500, "-1.5 ns"},
    {HD_PARAM_TIME, "007 us", 7000000, "7 us"},
    {HD_PARAM_RATE, "100 Gb/s", 100000000000, "100 Gb/s"},
    {HD_PARAM_RATE, "2.5Gb/s", 2500000000, "2.5 Gb/s"},
    {HD_PARAM_RATE, "31.504 Gb/s", 31504000000, "31504 Mb/s"},
    {HD_PARAM_SIZE, "2 MiB", 2097152, "2 MiB"},
    {HD_PARAM_SIZE, "1470 B", 1470, "1470 B"},
    {HD_PARAM_SIZE, "1536 B", 1536, "1536 B"},
    {HD_PARAM_SIZE, "1.5 KiB", 1536, "1536 B"},
    {HD_PARAM_SIZE, "1 MB", 1000000, "1000000 B"},
    {HD_PARAM_SIZE, "0.5 TiB", INT64_C(1) << 39, "512 GiB"},
    {HD_PARAM_FREQUENCY, "2.45 GHz", 2450000000, "2450 MHz"},
    {HD_PARAM_FREQUENCY, "2 GHz", 2000000000, "2 GHz"},
    {HD_PARAM_CYCLES, "24", 24, "24 cycles"},
    {HD_PARAM_CYCLES, "24 cycles", 24, "24 cycles"},
};

START_TEST(quantity)
{
  const struct quantity_case *q = &quantities[_i];
  int64_t value = -1;
  const char *unit;
  ck_assert_int_eq(hd_quantity_parse(q->type, q->text, &value, &unit),
                   HD_QUANTITY_OK);
  ck_assert_int_eq(value, q->value);
  ck_assert_str_eq(hd_quantity_format(q->type, value).text, q->canonical);
  int64_t again = -1;
  ck_assert_int_eq(hd_quantity_parse(q->type, q->canonical, &again, &unit),
                   HD_QUANTITY_OK);
  ck_assert_int_eq(again, value);
}
END_TEST

static const struct {
  const char *text;
  enum hd_quantity_status status;
} bad_times[] = {
    {"", HD_QUANTITY_MALFORMED},
    {"ns", HD_QUANTITY_MALFORMED},
    {".5 ns", HD_QUANTITY_MALFORMED},
    {"1. ns", HD_QUANTITY_MALFORMED},
    {"1..5 ns", HD_QUANTITY_MALFORMED},
    {"--1 ns", HD_QUANTITY_MALFORMED},
    {"1 2 ns", HD_QUANTITY_MALFORMED},
    {"0x10 ns", HD_QUANTITY_MALFORMED},
    {"1e3 ns", HD_QUANTITY_MALFORMED},
    {"1 ns ns", HD_QUANTITY_MALFORMED},
    {"1", HD_QUANTITY_NO_UNIT},
    {"0.0000000000000000001", HD_QUANTITY_INEXACT},
    {"1 m", HD_QUANTITY_UNKNOWN_UNIT},
    {"0.0001 ns", HD_QUANTITY_INEXACT},
    {"1.0000000000000000001 ns", HD_QUANTITY_INEXACT},
    {"9223372.036854775808 s", HD_QUANTITY_OVERFLOW},
    {"99999999999999999999999 ps", HD_QUANTITY_OVERFLOW},
    {"10000000000000000000 s", HD_QUANTITY_OVERFLOW},
};

START_TEST(bad_quantity)
{
  int64_t value;
  const char *unit;
  ck_assert_int_eq(
      hd_quantity_parse(HD_PARAM_TIME, bad_times[_i].text, &value, &unit),
      bad_times[_i].status);
}
END_TEST

START_TEST(every_kind_decodes)
{
  struct loaded l = good_file(DATA "everything.yaml", NULL, 0);
  const struct t_config *c = config_of(&l);
  ck_assert_str_eq(c->top.name, "every kind: # of \"value\"");
  ck_assert_int_eq(c->top.design, 2);
  ck_assert_int_eq(c->top.seed, -7);
  ck_assert_int_eq(c->host.cores, 12);
  ck_assert_int_eq(c->iommu.mode, 0);
  ck_assert_int_eq(c->iommu.page_size, 2 << 20);
  ck_assert_int_eq(c->iommu.window, 1500000);
  ck_assert_int_eq(c->nic.rate, 2500000000);
  ck_assert_int_eq(c->nic.doorbell, 24);
  ck_assert_int_eq(c->nic.clock, 800000000);
  ck_assert(c->nic.loss == 0.001 && c->nic.gain == 1.25e-3);
  ck_assert(c->nic.moderation);
  ck_assert_uint_eq(c->guest_count, 2);
  ck_assert_str_eq(c->guests[0].name, "web");
  ck_assert_int_eq(c->guests[0].workload, 0);
  ck_assert_int_eq(c->guests[0].udp.payload, 9000);
  ck_assert_int_eq(c->guests[0].ping.payload, 56);
  ck_assert_str_eq(c->guests[1].name, "db");
  ck_assert_int_eq(c->guests[1].count, 1);
  ck_assert_int_eq(c->guests[1].ping.interval, 10000000);
  drop(&l);
}
END_TEST

START_TEST(precedence_and_provenance)
{
  static const char *const sets[] = {"iommu.window=7 ns", "nic.ports=6",
                                     " vms.memory = 2 GiB ",
                                     "vms.extra.memory=4GiB"};
  const struct hd_overrides ov = {sets, 4, NULL, 0};
  struct loaded l = good_file(DATA "fig.yaml", &ov, 4);
  ck_assert_str_eq(seen(&l, "name"), "fig # fig.yaml:1");
  ck_assert_str_eq(seen(&l, "seed"), "1 # default");
  ck_assert_str_eq(seen(&l, "host.cores"), "4 # preset host/small.yaml:1");
  ck_assert_str_eq(seen(&l, "iommu.mode"), "legacy # preset host/small.yaml:3");
  ck_assert_str_eq(seen(&l, "iommu.window"), "7 ns # --set");
  ck_assert_str_eq(seen(&l, "nic.rate"), "100 Gb/s # preset nic/e810.yaml:2");
  ck_assert_str_eq(seen(&l, "nic.ports"), "6 # --set");
  ck_assert_str_eq(seen(&l, "nic.loss"), "0.005 # fig.yaml:4");
  ck_assert_str_eq(seen(&l, "design"), "hdiov # axis");
  ck_assert_str_eq(seen(&l, "vms.guests.count"), "2 # axis");
  ck_assert_str_eq(seen(&l, "vms.guests.memory"), "2 GiB # --set");
  ck_assert_str_eq(seen(&l, "vms.extra.memory"), "4 GiB # --set");
  ck_assert_str_eq(seen(&l, "vms.guests.workload.type"), "ping # base.yaml:4");
  ck_assert_str_eq(seen(&l, "vms.extra.workload.payload"),
                   "1470 B # fig.yaml:7");
  drop(&l);
  l = good_file(DATA "fig.yaml", NULL, 0);
  ck_assert_str_eq(seen(&l, "nic.ports"), "3 # base.yaml:2");
  drop(&l);
}
END_TEST

START_TEST(a_set_pins_the_axis_it_names)
{
  static const char *const sets[] = {"vms.count=9"};
  static const char *const partly[] = {"vms.extra.count=9"};
  static const char *const axis[] = {"vms.count=3,5"};
  struct hd_overrides ov = {sets, 1, NULL, 0};
  struct loaded l = good_file(DATA "fig.yaml", &ov, 1);
  ck_assert_uint_eq(hd_scenario_points(l.scenario), 2);
  ck_assert_str_eq(seen(&l, "vms.guests.count"), "9 # --set");
  drop(&l);
  ov = (struct hd_overrides){sets, 1, axis, 1}; /* --axis is meant */
  l = good_file(DATA "fig.yaml", &ov, 3);
  ck_assert_uint_eq(hd_scenario_points(l.scenario), 4);
  ck_assert_str_eq(seen(&l, "vms.guests.count"), "5 # axis");
  drop(&l);
  struct hd_errors *errors = hd_errors_create();
  ov = (struct hd_overrides){partly, 1, NULL, 0};
  ck_assert_ptr_null(hd_scenario_load(&env, DATA "fig.yaml", &ov, errors));
  ck_assert_str_eq(hd_errors_text(errors, 0),
                   "--set vms.extra.count=9: error: the sweep's axis "
                   "'vms.count' sets 'vms.extra.count' too");
  hd_errors_destroy(errors);
}
END_TEST

START_TEST(presets_choose_their_own_section_last)
{
  static const char *const set[] = {"nic=x710"};
  static const char *const axis[] = {"server=small,large"};
  const struct hd_overrides ov = {set, 1, axis, 1};
  const char *text = "name: t\nnic: e810\nserver: small\n";
  struct loaded l = good_text(text, &ov, 1);
  ck_assert_str_eq(hd_scenario_axis_path(l.scenario, 0), "host.preset");
  ck_assert_str_eq(hd_point_axis_text(l.point, 0), "large");
  ck_assert_str_eq(seen(&l, "nic.ports"), "4 # preset nic/x710.yaml:3");
  ck_assert_str_eq(seen(&l, "host.cores"), "64 # preset host/large.yaml:1");
  ck_assert_str_eq(seen(&l, "iommu.mode"), "scalable # default: VT-d 4.1, "
                                           "section 3");
  drop(&l);
}
END_TEST

START_TEST(axes_expand_in_order)
{
  static const char *const axes[] = {"vms.count=1,4", "nic.loss=0, 3 %"};
  const struct hd_overrides ov = {NULL, 0, axes, 2};
  struct loaded l = good_file(DATA "fig.yaml", &ov, 0);
  static const char *const expected[] = {
      "sriov 1 0", "sriov 1 3 %", "sriov 4 0", "sriov 4 3 %",
      "hdiov 1 0", "hdiov 1 3 %", "hdiov 4 0", "hdiov 4 3 %"};
  ck_assert_uint_eq(hd_scenario_axes(l.scenario), 3);
  ck_assert_uint_eq(hd_scenario_axis_values(l.scenario, 2), 2);
  ck_assert_uint_eq(hd_scenario_points(l.scenario), 8);
  for (size_t i = 0; i < 8; i++) {
    char text[64];
    double loss = -1, design;
    struct hd_point *p = hd_scenario_point(l.scenario, i, l.errors);
    snprintf(text, sizeof text, "%s %s %s", hd_point_axis_text(p, 0),
             hd_point_axis_text(p, 1), hd_point_axis_text(p, 2));
    ck_assert_str_eq(text, expected[i]);
    ck_assert(hd_point_axis_number(p, 2, &loss));
    ck_assert(!hd_point_axis_number(p, 0, &design));
    const struct t_config *c = hd_point_config(p);
    ck_assert(c->nic.loss == loss && loss == (i % 2 ? 0.03 : 0.0));
    hd_point_destroy(p);
  }
  ck_assert_ptr_null(hd_scenario_point(l.scenario, 8, l.errors));
  drop(&l);
}
END_TEST

START_TEST(points_are_limited)
{
  char axis[4000] = "seed=0";
  for (int i = 1; i < 400; i++)
    sprintf(axis + strlen(axis), ",%d", i);
  const char *axes[] = {axis, "host.cores=1,2,3,4,5,6,7,8,9,10,11,12,14,15,16",
                        "nic.ports=1,2,3,4,5,6,7,8", "nic.gain=1,2,3"};
  const struct hd_overrides ov = {NULL, 0, axes, 4};
  struct hd_errors *errors = hd_errors_create();
  ck_assert_ptr_null(load_text("name: t\n", &ov, errors));
  ck_assert_str_eq(hd_errors_text(errors, 0),
                   "--axis nic.gain=1,2,3: error: the sweep has more than "
                   "100000 points");
  hd_errors_destroy(errors);
}
END_TEST

START_TEST(rules_hold_at_every_point)
{
  static const char *const axes[] = {"host.cores=12,13,14"};
  const struct hd_overrides ov = {NULL, 0, axes, 1};
  struct loaded l = good_text("name: t\n", &ov, 0);
  ck_assert(!hd_scenario_check(l.scenario, l.errors));
  ck_assert_uint_eq(hd_errors_count(l.errors), 1);
  ck_assert_str_eq(hd_errors_text(l.errors, 0),
                   "--axis host.cores=12,13,14: error: 'host.cores': 13 brings "
                   "bad luck; take 12");
  drop(&l);
}
END_TEST

START_TEST(a_swept_variant_may_carry_both_kinds_of_keys)
{
  static const char *const axes[] = {"vms.a.workload.type=ping,udp_stream"};
  const struct hd_overrides ov = {NULL, 0, axes, 1};
  struct loaded l = good_text("name: t\nvms: { a: { workload: { payload: 100 "
                              "B, burst: 2, interval: 1 ms } } }\n",
                              &ov, 1);
  ck_assert_str_eq(seen(&l, "vms.a.workload.burst"), "2 # t.yaml:2");
  ck_assert_str_eq(seen(&l, "vms.a.workload.interval"), "(none)");
  ck_assert_int_eq(config_of(&l)->guests[0].udp.payload, 100);
  ck_assert_int_eq(config_of(&l)->guests[0].ping.payload, 56);
  drop(&l);
}
END_TEST

static void check_round_trip(const char *file, size_t index)
{
  struct loaded l = good_file(file, NULL, index);
  char *text = explain(&l);
  struct loaded again = good_text(text, NULL, 0);
  ck_assert_mem_eq(config_of(&l), config_of(&again), sizeof(struct t_config));
  ck_assert_uint_eq(hd_scenario_hash(l.point), hd_scenario_hash(again.point));
  free(text);
  drop(&again);
  drop(&l);
}

START_TEST(explain_round_trip)
{
  check_round_trip(DATA "everything.yaml", 0);
  for (size_t i = 0; i < 6; i++)
    check_round_trip(DATA "fig.yaml", i);
}
END_TEST

START_TEST(explain_text)
{
  struct loaded l = good_text(
      "name: \"caf\xc3\xa9 # \\t\\\"\"\nvms: { a: { count: 2 } }\n", NULL, 0);
  char *text = explain(&l);
  ck_assert_str_eq(text, "name: \"caf\\u00E9 # \\u0009\\\"\"  # t.yaml:1\n"
                         "description: \"\"  # default\n"
                         "design: hdiov  # default: EuroSys 2024\n"
                         "seed: 1  # default\n"
                         "host:\n"
                         "  cores: 8  # default: assumed\n"
                         "iommu:\n"
                         "  mode: scalable  # default: VT-d 4.1, section 3\n"
                         "  page_size: 4 KiB  # default\n"
                         "  window: 150 ns  # default: measured\n"
                         "nic:\n"
                         "  ports: 1  # default: E810 datasheet\n"
                         "  rate: 25 Gb/s  # default: E810 datasheet\n"
                         "  doorbell: 10 cycles  # default\n"
                         "  clock: 1 GHz  # default\n"
                         "  loss: 0  # default\n"
                         "  gain: 1  # default\n"
                         "  moderation: false  # default\n"
                         "vms:\n"
                         "  a:\n"
                         "    count: 2  # t.yaml:2\n"
                         "    memory: 1 GiB  # default\n"
                         "    workload:\n"
                         "      type: ping  # default\n"
                         "      payload: 56 B  # default\n"
                         "      interval: 1 s  # default\n");
  free(text);
  drop(&l);
}
END_TEST

START_TEST(hash_follows_the_values_only)
{
  static const char *const set[] = {"nic.rate=26 Gb/s"};
  const struct hd_overrides ov = {set, 1, NULL, 0};
  struct loaded a = good_text("name: t\n", NULL, 0);
  struct loaded b =
      good_text("# same\nnic: { rate: 25000 Mb/s }\nname: 't'\n", NULL, 0);
  struct loaded c = good_text("name: t\n", &ov, 0);
  ck_assert_uint_eq(hd_scenario_hash(a.point), hd_scenario_hash(b.point));
  ck_assert_uint_ne(hd_scenario_hash(a.point), hd_scenario_hash(c.point));
  ck_assert_uint_eq(hd_scenario_hash(a.point), UINT64_C(0x6b4c2dce5c7c9e7c));
  drop(&a);
  drop(&b);
  drop(&c);
}
END_TEST

START_TEST(plot_is_read)
{
  struct loaded l = good_file(DATA "fig.yaml", NULL, 0);
  const struct hd_scenario_plot *plot = hd_scenario_plot(l.scenario);
  ck_assert_str_eq(plot->x, "vms.count");
  ck_assert_str_eq(plot->curves, "design");
  ck_assert_str_eq(plot->title, "A figure");
  ck_assert(plot->log_x && !plot->log_y);
  drop(&l);
}
END_TEST

static const char published_yaml[] =
    "name: t\n"
    "vms: { web: {} }\n"
    "sweep: { axes: { nic.rate: [1 Gb/s, 2 Gb/s], design: [sriov, hdiov],\n"
    "                 vms.count: [1, 2, 4] } }\n"
    "published:\n"
    "  - { what: a, source: s, metric: tx_gbps, group: web, at_least: 1.5,\n"
    "      at: { nic.rate: 2000 Mb/s, vms.count: [4, 1] } }\n"
    "  - { what: b, source: s, metric: tx_gbps, value: 1, tolerance: 5 %,\n"
    "      at: { design: hdiov }, over: { design: sriov }, show: every }\n"
    "  - { what: c, source: s, largest: vms.count, at_most: 2,\n"
    "      at: { design: hdiov, nic.rate: 1 Gb/s } }\n"
    "  - { what: d, source: s, infeasible: ports }\n";

/* The points of an entry: "4-1" is point 4 over point 1. */
static const char *points_of(const struct hd_scenario *s, size_t entry)
{
  static char text[200];
  size_t length = 0;
  text[0] = '\0';
  for (size_t i = 0; i < hd_scenario_points(s); i++) {
    size_t base;
    if (!hd_published_selects(s, entry, i))
      continue;
    length += (size_t)snprintf(text + length, sizeof text - length, " %zu", i);
    if (!hd_published_base(s, entry, i, &base))
      length += (size_t)snprintf(text + length, sizeof text - length, "-none");
    else if (base != i)
      length +=
          (size_t)snprintf(text + length, sizeof text - length, "-%zu", base);
  }
  return text;
}

START_TEST(published_is_read)
{
  struct loaded l = good_text(published_yaml, NULL, 0);
  ck_assert_uint_eq(hd_scenario_published_count(l.scenario), 4);
  const struct hd_published *a = hd_scenario_published(l.scenario, 0);
  ck_assert_str_eq(a->what, "a");
  ck_assert_str_eq(a->metric, "tx_gbps");
  ck_assert_str_eq(a->group, "web");
  ck_assert_str_eq(a->at, "nic.rate=2 Gb/s, vms.count=4|1");
  ck_assert_ptr_null(a->over);
  ck_assert_double_eq(a->at_least, 1.5);
  ck_assert_double_nan(a->at_most);
  ck_assert_double_nan(a->value);
  const struct hd_published *b = hd_scenario_published(l.scenario, 1);
  ck_assert_str_eq(b->over, "design=sriov");
  ck_assert_double_eq(b->tolerance, 0.05);
  ck_assert(b->every && !a->every);
  ck_assert_str_eq(hd_scenario_published(l.scenario, 2)->largest, "vms.count");
  ck_assert_str_eq(hd_scenario_published(l.scenario, 3)->infeasible, "ports");
  drop(&l);
}
END_TEST

START_TEST(published_chooses_points)
{
  struct loaded l = good_text(published_yaml, NULL, 0);
  double value;
  ck_assert_str_eq(points_of(l.scenario, 0), " 6 8 9 11");
  ck_assert_str_eq(points_of(l.scenario, 1), " 3-0 4-1 5-2 9-6 10-7 11-8");
  ck_assert_str_eq(points_of(l.scenario, 2), " 3");
  ck_assert_uint_eq(hd_published_steps(l.scenario, 2), 3);
  ck_assert_uint_eq(hd_published_step(l.scenario, 2, 3, 2, &value), 5);
  ck_assert_double_eq(value, 4);
  ck_assert(!hd_published_varies(l.scenario, 0, 0));
  ck_assert(hd_published_varies(l.scenario, 0, 1));
  ck_assert(hd_published_varies(l.scenario, 0, 2));
  ck_assert(!hd_published_varies(l.scenario, 2, 2));
  drop(&l);
}
END_TEST

/* The entries were written for the files' sweep; the command line may leave
 * less of it. */
START_TEST(published_follows_set_and_axis)
{
  static const char *const hdiov[] = {"design=hdiov"};
  static const char *const rate[] = {"nic.rate=2000000 kb/s"};
  static const char *const counts[] = {"vms.count=3,4"};
  const struct hd_overrides by_design = {hdiov, 1, NULL, 0};
  const struct hd_overrides by_rate = {rate, 1, counts, 1};
  struct loaded l = good_text(published_yaml, &by_design, 0);
  ck_assert_str_eq(points_of(l.scenario, 0), " 3 5");
  ck_assert_str_eq(points_of(l.scenario, 1),
                   " 0-none 1-none 2-none 3-none 4-none 5-none");
  ck_assert_str_eq(points_of(l.scenario, 2), " 0");
  drop(&l);
  l = good_text(published_yaml, &by_rate, 0);
  ck_assert_str_eq(points_of(l.scenario, 0), " 1 3");
  ck_assert_str_eq(points_of(l.scenario, 1), " 2-0 3-1");
  ck_assert_str_eq(points_of(l.scenario, 2), "");
  drop(&l);
}
END_TEST

START_TEST(published_of_a_preset_axis)
{
  static const char text[] =
      "name: t\nsweep: { axes: { nic: [e810, x710] } }\npublished:\n"
      "  - { what: a, source: s, infeasible: none, at: { nic: x710 } }\n";
  static const char *const sets[] = {"nic=x710", "nic=e810"};
  const struct hd_overrides x710 = {sets, 1, NULL, 0};
  const struct hd_overrides e810 = {sets, 2, NULL, 0};
  struct loaded l = good_text(text, NULL, 0);
  ck_assert_str_eq(points_of(l.scenario, 0), " 1");
  drop(&l);
  l = good_text(text, &x710, 0);
  ck_assert_str_eq(points_of(l.scenario, 0), " 0");
  drop(&l);
  l = good_text(text, &e810, 0);
  ck_assert_str_eq(points_of(l.scenario, 0), "");
  drop(&l);
}
END_TEST

START_TEST(schema_parses)
{
  char *text = NULL;
  size_t size = 0;
  json_error_t error;
  FILE *out = open_memstream(&text, &size);
  ck_assert(hd_params_schema(&env, out));
  fclose(out);
  json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  ck_assert_msg(root != NULL, "%s", error.text);
  json_t *properties = json_object_get(root, "properties");
  ck_assert(json_is_false(json_object_get(root, "additionalProperties")));
  static const char *const keys[] = {"name",  "server", "nic",       "vms",
                                     "sweep", "plot",   "published", "include"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
    ck_assert_ptr_nonnull(json_object_get(properties, keys[i]));
  json_t *section = json_array_get(
      json_object_get(json_object_get(properties, "iommu"), "anyOf"), 1);
  json_t *window =
      json_object_get(json_object_get(section, "properties"), "window");
  ck_assert_str_eq(json_string_value(json_object_get(window, "pattern")),
                   "^[0-9]+(\\.[0-9]+)? *(ps|ns|us|ms|s)$");
  ck_assert_str_eq(json_string_value(json_object_get(window, "description")),
                   "Run-ahead window (0 to 1 ms). Default: 150 ns (source: "
                   "measured)");
  json_decref(root);
  free(text);
}
END_TEST

static char *print_params(const char *section, bool expected)
{
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  ck_assert(hd_params_print(&t_registry, section, out) == expected);
  fclose(out);
  return text;
}

START_TEST(params_are_listed)
{
  char *text = print_params("host", true);
  ck_assert_str_eq(text, "host: The server\n"
                         "  cores: an integer, 1 to 256; default 8\n"
                         "      Physical cores\n"
                         "      source: assumed\n\n");
  free(text);
  text = print_params(NULL, true);
  ck_assert_ptr_nonnull(strstr(text, "vms.NAME.workload with type udp_stream"));
  free(text);
  free(print_params("top", true));
  free(print_params("ping", true));
  free(print_params("hots", false));
  ck_assert_str_eq(hd_params_suggest(&t_registry, "hots"), "host");
  ck_assert_ptr_null(hd_params_suggest(&t_registry, "zzzzzz"));
}
END_TEST

START_TEST(tables_are_verified)
{
  static const struct hd_param params[] = {
      {"a", HD_PARAM_TIME, 0, "5", NULL, "1 ms", NULL, "", NULL},
      {"a", HD_PARAM_INT, 0, "9", "1", "8", NULL, "", NULL},
      {"preset", HD_PARAM_INT, 8, "1", "x", NULL, NULL, "", NULL},
      {.name = NULL}};
  static const struct hd_param_table table = {"s", "", params};
  static const struct hd_param_section sections[] = {{&table, 0}, {NULL, 0}};
  static const struct hd_param_registry registry = {8, sections, NULL};
  struct hd_errors *errors = hd_errors_create();
  ck_assert(hd_params_verify(&t_registry, errors));
  ck_assert_uint_eq(hd_errors_count(errors), 0);
  ck_assert(!hd_params_verify(&registry, errors));
  char *lines = lines_of(errors);
  ck_assert_str_eq(
      lines,
      "s: error: the default of 'a': '5' has no unit; 'a' takes a time in ps, "
      "ns, us, ms or s\n"
      "s: error: 'a' is there twice\n"
      "s: error: the default of 'a': '9' is out of range; 'a' takes 1 to 8\n"
      "s: error: 'preset' cannot be a name\n"
      "s: error: 'preset' lies outside its struct\n"
      "s: error: the minimum of 'preset': 'x' is not an integer; 'preset' "
      "takes an integer\n");
  free(lines);
  hd_errors_destroy(errors);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static Suite *scenario_suite(void)
{
  const TTest *const tests[] = {all_errors_in_one_pass,
                                errors_of_files,
                                errors_are_limited,
                                file_size_is_limited,
                                every_kind_decodes,
                                precedence_and_provenance,
                                a_set_pins_the_axis_it_names,
                                presets_choose_their_own_section_last,
                                axes_expand_in_order,
                                points_are_limited,
                                rules_hold_at_every_point,
                                a_swept_variant_may_carry_both_kinds_of_keys,
                                explain_round_trip,
                                explain_text,
                                hash_follows_the_values_only,
                                plot_is_read,
                                published_is_read,
                                published_chooses_points,
                                published_follows_set_and_axis,
                                published_of_a_preset_axis,
                                schema_parses,
                                params_are_listed,
                                tables_are_verified};
  Suite *suite = suite_create("scenario");
  TCase *cases = tcase_create("all");
  tcase_add_loop_test(cases, diagnostic, 0, COUNT(bad_scenarios));
  tcase_add_loop_test(cases, quantity, 0, COUNT(quantities));
  tcase_add_loop_test(cases, bad_quantity, 0, COUNT(bad_times));
  for (int i = 0; i < COUNT(tests); i++)
    tcase_add_test(cases, tests[i]);
  suite_add_tcase(suite, cases);
  return suite;
}

int main(void)
{
  const char *source = getenv("srcdir");
  if (source != NULL && chdir(source) != 0)
    return EXIT_FAILURE;
  SRunner *runner = srunner_create(scenario_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
