/*
 * test_dmabench.c - times of lone operations and rates of many, each against
 * the sum of stages or the one stage that limits.
 *
 * A green run says that the stages are where they should be and last as long as
 * their parameters say. It does not say that an NFP-6000 has these stages.
 */
#include "tests/test_dmabench.h"

/* ---- lone operations ----------------------------------------------------- */

/* A picosecond for each stage that is rounded. */
#define ROUNDING 10.0

static void expect_latency(double ns)
{
  struct result *r = run();
  ck_assert_uint_gt(r->samples, 90);
  ck_assert_double_eq_tol((double)r->min, ns * HD_NS, ROUNDING);
  ck_assert_double_eq_tol((double)r->max, ns * HD_NS, ROUNDING);
  free(r);
}

static uint32_t last_words(uint32_t bytes)
{
  uint32_t last = bytes % 256 ? bytes % 256 : 256;
  return (last + 63) / 64;
}

/* From the descriptor's arrival at the engine until the thread knows. */
static double engine_read_ns(uint32_t bytes)
{
  uint32_t requests = (bytes + 511) / 512;
  return host_ns(bytes) + 7 * last_words(bytes) + 6 * requests + bus_ns(bytes) +
         33 + 81 + 33;
}

static double write_ns(uint32_t bytes)
{
  return 33 + 4 + 33 + 81 + 33 + bus_ns(bytes) + 33;
}

static const uint32_t sizes[] = {1, 64, 65, 128, 256, 512, 1024, 2048};

START_TEST(read_is_the_sum_of_its_stages)
{
  uint32_t bytes = sizes[_i];
  s.bench.mode = BENCH_LATENCY;
  s.bench.transfer = bytes;
  double pad = wire_ns((4 - bytes % 4) % 4); /* whole DWs on the wire */
  expect_latency(33 + 4 + engine_read_ns(bytes) + pad);
}
END_TEST

START_TEST(write_is_done_when_its_data_is_fetched)
{
  s.bench.mode = BENCH_LATENCY;
  s.bench.op = BENCH_WR;
  s.bench.transfer = sizes[_i];
  expect_latency(write_ns(sizes[_i]));
}
END_TEST

/* The read's request goes behind the write's TLPs: they hide behind the time
 * that the read needs to get to the transmitter, as far as that is enough. */
START_TEST(read_after_write_waits_for_the_transmitter)
{
  uint32_t bytes = sizes[_i];
  s.bench.mode = BENCH_LATENCY;
  s.bench.op = BENCH_WRRD;
  s.bench.transfer = bytes;
  double pad = wire_ns((4 - bytes % 4) % 4);
  double coming = 33 + 33 + 4;
  expect_latency(write_ns(bytes) - 33 + fmax(sending_ns(bytes), coming) +
                 engine_read_ns(bytes) + pad);
}
END_TEST

/* No engine and no memory: the data goes to the core. */
START_TEST(command_needs_no_engine)
{
  static const uint32_t lengths[] = {4, 32, 64};
  uint32_t bytes = lengths[_i];
  s.bench.mode = BENCH_LATENCY;
  s.bench.engine = BENCH_CMD;
  s.bench.transfer = bytes;
  expect_latency(33 + host_ns(bytes) + 7 + bus_ns(bytes) + 33);
  s.bench.op = BENCH_WR;
  expect_latency(4 * 33 + bus_ns(bytes));
  s.bench.op = BENCH_WRRD;
  expect_latency(4 * 33 + bus_ns(bytes) + 33 + host_ns(bytes) + 7 +
                 bus_ns(bytes) + 33);
}
END_TEST

/* A burst and a set-up more for a word that is written in part, a set-up and a
 * receiver's word more for host data off its words. */
START_TEST(alignment_costs)
{
  static const struct {
    int64_t host, device;
    double more;
  } cases[] = {{0, 1, 21},    {0, 7, 21},     {0, 8, 0},
               {0, 16, 0},    {0, 20, 21},    {0, 63, 21},
               {1, 0, 4 + 7}, {32, 0, 4 + 7}, {32, 4, 4 + 7 + 21}};
  s.bench.mode = BENCH_LATENCY;
  s.bench.host_offset = cases[_i].host;
  s.bench.device_offset = cases[_i].device;
  expect_latency(33 + 4 + engine_read_ns(64) + cases[_i].more);
  s.bench.op = BENCH_WR;
  expect_latency(write_ns(64));
}
END_TEST

/* ---- time stamps --------------------------------------------------------- */

/* Ticks of 16 cycles of 1.2 GHz: an operation takes a whole number of them, one
 * of two neighbours, and their mean is its true time. */
START_TEST(time_stamps_are_coarse_but_unbiased)
{
  s.bench.mode = BENCH_LATENCY;
  s.bench.transfer = sizes[_i];
  struct result *exact = run();
  s.device.frequency = 1200000000;
  s.device.timestamp_cycles = 16;
  s.device.bookkeeping_jitter = 16;
  s.window.end = s.window.start + 4 * HD_MS;
  struct result *r = run();
  double tick = 16e12 / 1.2e9;
  ck_assert_double_eq_tol(remainder((double)r->min, tick), 0, 1);
  ck_assert_double_eq_tol(remainder((double)r->max, tick), 0, 1);
  ck_assert_double_le((double)(r->max - r->min), tick + 1);
  ck_assert_double_lt((double)r->min, (double)exact->min + 1);
  ck_assert_double_gt((double)r->max, (double)exact->max - 1);
  /* At most half a tick of deviation each, a thousand and more of them: five
   * standard deviations of the mean. */
  ck_assert_uint_gt(r->samples, 2000);
  double error = 5 * tick / 2 / sqrt((double)r->samples);
  ck_assert_double_eq_tol(r->mean, exact->mean, error);
  free(exact);
  free(r);
}
END_TEST

START_TEST(bookkeeping_separates_operations)
{
  s.bench.mode = BENCH_LATENCY;
  s.device.bookkeeping = 190 * HD_NS;
  struct result *r = run();
  double latency = r->mean / HD_NS;
  ck_assert_double_eq_tol((double)r->samples, window_ns() / (latency + 190), 2);
  free(r);
}
END_TEST

/* ---- rates --------------------------------------------------------------- */

static void expect_reads(double ns, double tolerance)
{
  struct result *r = run();
  ck_assert_double_eq_tol(window_ns() / (double)r->reads / ns, 1, tolerance);
  ck_assert_uint_eq(r->read_bytes, r->reads * (uint64_t)s.bench.transfer);
  ck_assert_uint_eq(r->writes, 0);
  free(r);
}

static void expect_writes(double ns, double tolerance)
{
  struct result *r = run();
  ck_assert_double_eq_tol(window_ns() / (double)r->writes / ns, 1, tolerance);
  ck_assert_uint_eq(r->write_bytes, r->writes * (uint64_t)s.bench.transfer);
  ck_assert_uint_eq(r->reads, 0);
  free(r);
}

/* Little's law: a tag is held until the data is in memory and the engine knows.
 * The host is so far away that nothing else limits. */
START_TEST(tags_limit_reads)
{
  static const int64_t tags[] = {1, 4, 32};
  s.bench.mode = BENCH_BANDWIDTH;
  s.device.tags = tags[_i];
  s.read_latency = 2 * HD_US;
  s.window.end = s.window.start + HD_MS;
  double held = engine_read_ns(64) + 1800;
  struct result *r = run();
  double spacing = window_ns() / (double)r->reads;
  ck_assert_double_eq_tol(spacing * (double)tags[_i] / held, 1, 0.005);
  ck_assert_double_eq_tol(r->tags, (double)tags[_i], 0.01);
  ck_assert_uint_eq(r->most_reads, (uint64_t)tags[_i]);
  free(r);
}
END_TEST

/* Threads are fewer than tags: one DMA each. */
START_TEST(threads_have_one_dma_each)
{
  s.bench.mode = BENCH_BANDWIDTH;
  s.device.threads = 3;
  struct result *r = run();
  double cycle = 33 + 4 + engine_read_ns(64);
  ck_assert_double_eq_tol(window_ns() / (double)r->reads * 3 / cycle, 1, 0.02);
  ck_assert_uint_eq(r->most_reads, 3);
  free(r);
}
END_TEST

/* The port to memory: a set-up a request, and the bus. */
START_TEST(port_limits_reads)
{
  static const uint32_t lengths[] = {128, 256, 512, 1024, 2048};
  uint32_t bytes = lengths[_i], requests = (bytes + 511) / 512;
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.transfer = bytes;
  s.bench.pattern = BENCH_RAND;
  expect_reads(6 * requests + bus_ns(bytes), 0.005);
}
END_TEST

START_TEST(unaligned_reads_take_a_burst_more)
{
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.transfer = 256;
  s.bench.device_offset = 3;
  expect_reads(6 + bus_ns(256) + 4 + 17, 0.005);
}
END_TEST

/* 4 ns a DMA and 17 ns a burst, also for one that is not full; the transmitter
 * does not matter. */
START_TEST(bursts_limit_writes)
{
  static const struct {
    uint32_t bytes, offset;
    double ns;
  } cases[] = {{1, 0, 21},   {64, 0, 21},  {64, 63, 21}, {129, 0, 38},
               {192, 0, 38}, {257, 0, 55}, {513, 0, 89}, {128, 1, 38},
               {256, 7, 55}, {121, 7, 21}};
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.op = BENCH_WR;
  s.bench.transfer = cases[_i].bytes;
  s.bench.device_offset = cases[_i].offset;
  s.device.tlp_setup = s.device.unit_setup = 0;
  expect_writes(cases[_i].ns, 0.002);
}
END_TEST

/* 5 ns a unit of 512 B, 7 ns a TLP and 8 B/ns. */
START_TEST(transmitter_limits_writes)
{
  static const struct {
    uint32_t bytes, offset;
    double ns;
  } cases[] = {{128, 0, 28},  {256, 0, 44},   {256, 8, 44},  {512, 0, 83},
               {768, 0, 127}, {1024, 0, 166}, {2048, 0, 332}};
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.op = BENCH_WR;
  s.bench.transfer = cases[_i].bytes;
  s.bench.device_offset = cases[_i].offset;
  s.bench.window = 3 << 20; /* whole units */
  expect_writes(cases[_i].ns, 0.002);
}
END_TEST

/* Cut at multiples of MPS and of units: a TLP and a unit more. */
START_TEST(unaligned_writes_take_a_tlp_more)
{
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.op = BENCH_WR;
  s.bench.transfer = 1024;
  s.bench.host_offset = 32;
  expect_writes(3 * 5 + 5 * 7 + 1024 / 8.0, 0.002);
}
END_TEST

/* Every second DMA of a thread is a read: rates are the same, and together they
 * fill the transmitter, which both need. */
START_TEST(directions_share_the_transmitter)
{
  static const uint32_t lengths[] = {64, 128, 256};
  uint32_t bytes = lengths[_i];
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.op = BENCH_RDWR;
  s.bench.transfer = bytes;
  double both = sending_ns(bytes) + 5 + 7;
  struct result *r = run();
  ck_assert_double_eq_tol((double)r->reads, (double)r->writes, 95);
  ck_assert_double_eq_tol(window_ns() / (double)r->writes / both, 1, 0.01);
  free(r);
  s.device.tlp_setup = s.device.unit_setup =
      0; /* then bursts limit writes, and tags reads */
  r = run();
  ck_assert_double_lt(window_ns() / (double)r->writes, both - 0.5);
  free(r);
}
END_TEST

/* The engines have queues of their own: a slow host for reads makes reads wait
 * for tags, and writes get ahead only by the threads that are not yet stuck. */
START_TEST(slow_reads_slow_mixed_writes)
{
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.op = BENCH_RDWR;
  s.read_latency = 10 * HD_US;
  struct result *r = run();
  double spacing = (engine_read_ns(64) + 9800) / 32;
  ck_assert_double_eq_tol(window_ns() / (double)r->reads / spacing, 1, 0.03);
  ck_assert_double_eq_tol((double)r->writes, (double)r->reads, 95);
  free(r);
}
END_TEST

/* A host that takes a write only every 100 ns holds the device back: it does
 * not fetch data that it cannot send. */
START_TEST(credits_hold_writes_back)
{
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.op = BENCH_WR;
  s.pcie.posted_headers = 8;
  s.write_service = 100 * HD_NS;
  s.window.end = s.window.start + HD_MS;
  expect_writes(100, 0.005);
}
END_TEST

/* A write holds its context and its part of the buffer from the fetch of its
 * data until its last TLP has left. */
START_TEST(contexts_and_buffer_bound_writes)
{
  static const struct {
    uint32_t bytes;
    int64_t contexts, buffer, at_a_time;
  } cases[] = {{64, 1, 8192, 1}, {64, 2, 8192, 2},    {64, 16, 191, 2},
               {64, 16, 192, 3}, {2048, 16, 2048, 1}, {2048, 16, 4095, 1}};
  uint32_t bytes = cases[_i].bytes, tlps = (bytes + 255) / 256;
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.op = BENCH_WR;
  s.bench.transfer = bytes;
  s.device.write_contexts = cases[_i].contexts;
  s.device.write_buffer = cases[_i].buffer;
  uint32_t in_last = bytes - 256 * (tlps - 1);
  double fetch = 33 + 81 + 33 + bus_ns(bytes);
  double before_last = tlps > 1 ? sending_ns(bytes) - 39 : 0;
  double last = 50 + wire_ns(in_last + 24) + 1;
  expect_writes((fetch + before_last + last) / (double)cases[_i].at_a_time,
                0.005);
}
END_TEST

/* ---- the device as a whole ----------------------------------------------- */

START_TEST(only_the_window_counts)
{
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.op = BENCH_WR;
  struct result *all = run();
  s.window.start = 200 * HD_US;
  struct result *half = run();
  ck_assert_double_eq_tol((double)all->writes, 2 * (double)half->writes, 2);
  s.bench.mode = BENCH_LATENCY;
  struct result *latency = run();
  ck_assert_uint_eq(latency->samples, latency->writes);
  free(all);
  free(half);
  free(latency);
}
END_TEST

START_TEST(without_a_test_nothing_moves)
{
  struct result *r = run();
  ck_assert_uint_eq(r->reads + r->writes + r->n_log, 0);
  free(r);
}
END_TEST

/* Who shares an actor, and how far it runs ahead, changes nothing. */
START_TEST(result_does_not_depend_on_the_engine)
{
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.op = BENCH_RDWR;
  s.bench.pattern = BENCH_RAND;
  s.bench.transfer = 640;
  s.bench.host_offset = 5;
  s.window.end = s.window.start + 20 * HD_US;
  struct result *a = run();
  s.engine_window = 0;
  struct result *b = run();
  ck_assert_uint_eq(a->fingerprint, b->fingerprint);
  ck_assert_uint_eq(a->reads, b->reads);
  ck_assert_mem_eq(a->log, b->log, sizeof a->log);
  free(a);
  free(b);
}
END_TEST

static Suite *suite(void)
{
  Suite *suite = suite_create("dmabench");
  TCase *t = tcase_create("latency");
  tcase_add_checked_fixture(t, setup, NULL);
  tcase_add_loop_test(t, read_is_the_sum_of_its_stages, 0, 8);
  tcase_add_loop_test(t, write_is_done_when_its_data_is_fetched, 0, 8);
  tcase_add_loop_test(t, read_after_write_waits_for_the_transmitter, 0, 8);
  tcase_add_loop_test(t, command_needs_no_engine, 0, 3);
  tcase_add_loop_test(t, alignment_costs, 0, 9);
  tcase_add_loop_test(t, time_stamps_are_coarse_but_unbiased, 1, 8);
  tcase_add_test(t, bookkeeping_separates_operations);
  suite_add_tcase(suite, t);
  t = tcase_create("bandwidth");
  tcase_add_checked_fixture(t, setup, NULL);
  tcase_add_loop_test(t, tags_limit_reads, 0, 3);
  tcase_add_test(t, threads_have_one_dma_each);
  tcase_add_loop_test(t, port_limits_reads, 0, 5);
  tcase_add_test(t, unaligned_reads_take_a_burst_more);
  tcase_add_loop_test(t, bursts_limit_writes, 0, 10);
  tcase_add_loop_test(t, transmitter_limits_writes, 0, 7);
  tcase_add_test(t, unaligned_writes_take_a_tlp_more);
  tcase_add_loop_test(t, directions_share_the_transmitter, 0, 3);
  tcase_add_test(t, slow_reads_slow_mixed_writes);
  tcase_add_test(t, credits_hold_writes_back);
  tcase_add_loop_test(t, contexts_and_buffer_bound_writes, 0, 6);
  tcase_add_test(t, only_the_window_counts);
  tcase_add_test(t, without_a_test_nothing_moves);
  tcase_add_test(t, result_does_not_depend_on_the_engine);
  suite_add_tcase(suite, t);
  return suite;
}

int main(void)
{
  SRunner *r = srunner_create(suite());
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
