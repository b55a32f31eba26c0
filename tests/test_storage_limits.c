/*
 * test_storage_limits.c - what bounds the rate: dies, channels, internal path,
 * pipeline, link, programs; Little's law; the default drive and the presets.
 *
 * A green run says that each limit is where its closed form has it, and that
 * the presets do what the drives' makers publish. It does not say that they do
 * it for the same reasons.
 */
#include "sim/scenario/params.h"
#include "test_storage.h"

static const struct job random_reads = {
    .depth = 200, .bytes = 4096, .read_percent = 100};

/* The rate in closed form, within the tolerance; nothing else is near it. */
static void expect_rate(double want, double tolerance)
{
  ck_assert_double_eq_tol(iops() / want, 1, tolerance);
}

/* ---- one limit each ------------------------------------------------------ */

/* Sequential pages go round over the dies, so that all are busy. 0.5 %: the
 * window may cut a round at either end. */
START_TEST(dies_over_read_time)
{
  static const int64_t dies[] = {1, 2, 4};
  bench_defaults(1, 4);
  b.params.channels = 8;
  b.params.dies = dies[_i];
  struct job j = random_reads;
  j.sequential = true;
  all_jobs(j);
  measure(2 * HD_MS, 20 * HD_MS);
  expect_rate(8.0 * (double)dies[_i] / 50e-6, 0.005);
  ck_assert_double_gt(stats().store.die_utilization, 0.995);
  bench_end();
}
END_TEST

/* Random pages leave dies idle while others have queues: below the limit, and
 * the nearer the more there are outstanding. */
START_TEST(random_reads_come_near_it)
{
  bench_defaults(1, 4);
  b.params.channels = 8;
  b.params.dies = 4;
  all_jobs(random_reads);
  measure(2 * HD_MS, 20 * HD_MS);
  double limit = 32 / 50e-6;
  ck_assert_double_lt(iops(), limit);
  /* 800 customers in 32 queues, constant service: at least K / (K + M - 1),
   * which is what exponential service gives. */
  ck_assert_double_gt(iops(), limit * 800 / 831);
  bench_end();
}
END_TEST

START_TEST(channels)
{
  bench_defaults(1, 4);
  b.params.channels = 4;
  b.params.channel_rate = 4000000000; /* 0.5 GB/s */
  struct job j = random_reads;
  j.sequential = true;
  all_jobs(j);
  measure(4 * HD_MS, 20 * HD_MS);
  expect_rate(4 * 0.5e9 / 4096, 0.005);
  ck_assert_double_gt(stats().store.channel_utilization, 0.995);
  bench_end();
}
END_TEST

/* One die, its page moved for as long as it is read: with the cache register
 * both overlap, so the die gives a page every 50 us, not every 100. */
START_TEST(cache_register_overlaps_read_and_transfer)
{
  bench_defaults(1, 1);
  b.params.channels = b.params.dies = 1;
  b.params.channel_rate = (int64_t[]){655360000, 327680000}[_i];
  all_jobs(random_reads);
  measure(2 * HD_MS, 20 * HD_MS);
  expect_rate(_i ? 1 / 100e-6 : 1 / 50e-6, 0.005);
  bench_end();
}
END_TEST

START_TEST(internal_path)
{
  bench_defaults(1, 4);
  b.params.internal_rate = 16000000000; /* 2 GB/s */
  b.params.read_time = 10 * HD_US;
  struct job j = random_reads;
  j.read_percent = (uint32_t[]){100, 0, 50}[_i]; /* shared by both ways */
  j.span = 1000; /* writes hit the cache, so programs are no limit */
  b.params.program_time = 0;
  all_jobs(j);
  measure(2 * HD_MS, 10 * HD_MS);
  expect_rate(2e9 / 4096, 0.005);
  ck_assert_double_gt(stats().store.path_utilization, 0.995);
  bench_end();
}
END_TEST

START_TEST(pipeline)
{
  bench_defaults(1, 4);
  b.params.command_cycles = 2000;
  all_jobs(random_reads);
  measure(HD_MS, 10 * HD_MS);
  expect_rate(1e9 / 2000, 0.002);
  ck_assert_double_gt(stats().pipeline_utilization, 0.998);
  bench_end();
}
END_TEST

/* A third generation link of four lanes: payload and its overhead, entries,
 * completions and messages upstream; 1 %: acknowledgements and SKIPs. */
START_TEST(link_upstream)
{
  bench_defaults(1, 4);
  b.pcie.generation = 3;
  b.pcie.lanes = 4;
  b.pcie.mps = 256;
  b.pcie.ack_interval = b.pcie.fc_interval = 203;
  b.pcie.skip_interval = 1538;
  all_jobs(random_reads);
  measure(2 * HD_MS, 10 * HD_MS);
  double raw = pcie_raw_rate(&b.pcie) / 8;
  double bytes = 16 * (256 + 20) + 16 + 20 + 4 + 20;
  double entries = (double)stats().fetches / (double)stats().commands;
  expect_rate(raw / (bytes + entries * 20), 0.01);
  struct pcie_link_stats l;
  pcie_link_get_stats(b.link, &l);
  ck_assert_double_gt(l.utilization[PCIE_DOWNSTREAM_END], 0.99);
  bench_end();
}
END_TEST

/* Nothing is cached for long: programs bound what is written. */
START_TEST(programs)
{
  static const double amplification[] = {1, 2.5, 4};
  bench_defaults(1, 4);
  b.params.channels = 4;
  b.params.dies = 4;
  b.params.cache = 4 << 20;
  b.params.write_amplification = amplification[_i];
  struct job j = {.depth = 200, .bytes = 4096};
  all_jobs(j);
  measure(20 * HD_MS, 100 * HD_MS);
  expect_rate(16 * 4 / 200e-6 / amplification[_i], 0.01);
  ck_assert_double_gt(stats().store.die_utilization, 0.99);
  ck_assert_uint_gt(stats().store.stalls, 1000);
  bench_end();
}
END_TEST

/* ---- Little's law -------------------------------------------------------- */

START_TEST(littles_law)
{
  bench_defaults(2, 2);
  b.params.read_jitter = 0.3;
  b.params.commands = 64;
  struct job j = random_reads;
  j.read_percent = 70;
  all_jobs(j);
  measure(5 * HD_MS, 50 * HD_MS);
  struct storage_stats s = stats();
  double time = (double)s.command_time / (double)s.commands;
  double rate = (double)s.commands / (double)(b.window.end - b.window.start);
  ck_assert_double_eq_tol(rate * time / s.queue_depth_mean, 1, 0.01);
  /* Completions and doorbells on their way are with the host. */
  ck_assert_double_gt(s.queue_depth_mean, 780);
  ck_assert_double_le(s.queue_depth_mean, 800);
  ck_assert_double_eq_tol(s.inside_mean, 64, 4);
  bench_end();
}
END_TEST

/* ---- presets ------------------------------------------------------------- */

static const struct hd_param_section sections[] = {{&storage_param_table, 0},
                                                   {0}};
static const struct hd_param_registry registry = {
    sizeof(struct storage_params), sections,
    (const struct hd_param_group[]){{0}}};

/* The drive of scenarios/presets/storage/NAME.yaml; NULL: the defaults. */
static struct storage_params drive(const char *name)
{
  const char *source = getenv("SRCDIR"), *where[2] = {NULL, NULL};
  char directory[512], text[64];
  snprintf(directory, sizeof directory, "%s/scenarios",
           source != NULL ? source : ".");
  where[0] = directory;
  struct hd_scenario_env env = {.registry = &registry, .data_dirs = where};
  struct hd_errors *errors = hd_errors_create();
  strcpy(text, "storage: {}\n");
  if (name != NULL)
    snprintf(text, sizeof text, "storage: {preset: %s}\n", name);
  struct hd_scenario *s =
      hd_scenario_load_text(&env, "drive", text, strlen(text), NULL, errors);
  hd_errors_print(errors, stdout);
  ck_assert_ptr_nonnull(s);
  struct hd_point *p = hd_scenario_point(s, 0, errors);
  ck_assert_ptr_nonnull(p);
  struct storage_params params =
      *(const struct storage_params *)hd_point_config(p);
  hd_point_destroy(p);
  hd_scenario_destroy(s);
  hd_errors_destroy(errors);
  ck_assert_ptr_null(storage_params_problem(&params));
  return params;
}

struct published {
  const char *preset;
  int64_t generation;       /* of its link, 4 lanes */
  double read_us, write_us; /* at depth 1, device and link: see tolerance */
  double read_kiops, write_kiops; /* 4 KiB, random */
  double read_gbs, write_gbs;     /* 128 KiB, sequential */
  double amplification;           /* of write_kiops */
};
/* Sources are in the presets; 0: not modelled, as the preset says. */
static const struct published drives[] = {
    {"datacenter", 5, 75, 14, 2000, 400, 12, 6.8, 4},
    {"datacenter-gen4", 4, 90, 35, 1500, 250, 7, 3.8, 3.5},
    {"datacenter-gen5-fast", 5, 70, 12, 2500, 250, 13, 6.6, 6.3},
    {"optane", 3, 8, 8, 585, 0, 2.4, 0, 1}};
enum { DRIVES = sizeof drives / sizeof *drives };

static void set_up_drive(const struct published *d, struct job j)
{
  bench_defaults(4, 2);
  b.params = drive(d->preset);
  b.params.admin_cost = 0;
  b.pcie = (struct pcie_params){.generation = d->generation,
                                .lanes = 4,
                                .mps = 512,
                                .mrrs = 512,
                                .rcb = 64,
                                .tags = 256,
                                .framing = 8,
                                .ack_interval = 203,
                                .fc_interval = 203,
                                .skip_interval = 1538,
                                .replay_timer = HD_MS,
                                .replay_buffer = 1 << 16,
                                .propagation = 20 * HD_NS,
                                .device_latency = 50 * HD_NS,
                                .port_latency = 30 * HD_NS};
  all_jobs(j);
}

/* Mean latency of one request at a time, in us; what fio reports has 1 to 3 us
 * of software more. */
static double alone(const struct published *d, uint32_t read_percent)
{
  set_up_drive(d, (struct job){.bytes = 4096, .read_percent = read_percent});
  b.q[0][0].job.depth = 1;
  measure(HD_MS, 40 * HD_MS);
  double us = (double)b.latency_sum / (double)b.finished / (double)HD_US;
  bench_end();
  return us;
}

static double read_latency(int i)
{
  return alone(&drives[i], 100);
}

static double write_latency(int i)
{
  return alone(&drives[i], 0);
}

static double random_read_rate(int i)
{
  struct job j = random_reads;
  j.depth = 64;
  set_up_drive(&drives[i], j);
  measure(2 * HD_MS, 10 * HD_MS);
  double rate = iops();
  bench_end();
  return rate / 1e3;
}

static double random_write_rate(int i)
{
  set_up_drive(&drives[i], (struct job){.depth = 32, .bytes = 4096});
  b.params.write_amplification = drives[i].amplification;
  b.params.cache = b.params.cache ? 32 << 20 : 0; /* fills sooner */
  measure(60 * HD_MS, 60 * HD_MS);
  double rate = iops();
  bench_end();
  return rate / 1e3;
}

static double sequential_rate(int i, uint32_t read_percent)
{
  set_up_drive(&drives[i], (struct job){.depth = 16,
                                        .bytes = 131072,
                                        .read_percent = read_percent,
                                        .sequential = true});
  b.params.cache = b.params.cache ? 32 << 20 : 0;
  measure(15 * HD_MS, 15 * HD_MS);
  double rate = iops() * 131072;
  bench_end();
  return rate / 1e9;
}

static double sequential_read_rate(int i)
{
  return sequential_rate(i, 100);
}

static double sequential_write_rate(int i)
{
  return sequential_rate(i, 0);
}

static void compare(const char *what, double got, double want, double tolerance)
{
  printf("  %-22s %8.2f, published %8.2f\n", what, got, want);
  fflush(stdout); /* before the next child */
  ck_assert_double_eq_tol(got / want, 1, tolerance);
}

START_TEST(parameter_table_is_sound)
{
  struct hd_errors *errors = hd_errors_create();
  bool sound = hd_params_verify(&registry, errors);
  hd_errors_print(errors, stdout);
  ck_assert(sound);
  hd_errors_destroy(errors);
}
END_TEST

START_TEST(data_centre_preset_is_the_default)
{
  struct storage_params preset = drive("datacenter"), standard = drive(NULL);
  ck_assert_mem_eq(&preset, &standard, sizeof preset);
}
END_TEST

START_TEST(drives_do_what_is_published)
{
  const struct published *d = &drives[_i];
  printf("%s\n", d->preset);
  fflush(stdout);
  compare("read latency, us", in_child(read_latency, _i), d->read_us, 0.1);
  compare("write latency, us", in_child(write_latency, _i), d->write_us, 0.15);
  compare("random reads, 1000/s", in_child(random_read_rate, _i), d->read_kiops,
          0.06);
  compare("sequential read, GB/s", in_child(sequential_read_rate, _i),
          d->read_gbs, 0.05);
  if (d->write_kiops <= 0)
    return;
  compare("random writes, 1000/s", in_child(random_write_rate, _i),
          d->write_kiops, 0.1);
  compare("sequential write, GB/s", in_child(sequential_write_rate, _i),
          d->write_gbs, 0.1);
}
END_TEST

/* ---- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *s = suite_create("storage limits");
  TCase *t = tcase_create("limits");
  tcase_set_timeout(t, 300);
  tcase_add_loop_test(t, dies_over_read_time, 0, 3);
  tcase_add_test(t, random_reads_come_near_it);
  tcase_add_test(t, channels);
  tcase_add_loop_test(t, cache_register_overlaps_read_and_transfer, 0, 2);
  tcase_add_loop_test(t, internal_path, 0, 3);
  tcase_add_test(t, pipeline);
  tcase_add_test(t, link_upstream);
  tcase_add_loop_test(t, programs, 0, 3);
  tcase_add_test(t, littles_law);
  tcase_add_test(t, parameter_table_is_sound);
  tcase_add_test(t, data_centre_preset_is_the_default);
  tcase_add_loop_test(t, drives_do_what_is_published, 0, DRIVES);
  suite_add_tcase(s, t);
  return run_suite(s);
}
