/*
 * test_dmabench_address.c - which addresses the device uses, one by one and as
 * the host sees them, and which tests it refuses.
 */
#include "tests/test_dmabench.h"

#include "sim/engine/rng.h"

/* ---- the generator ------------------------------------------------------- */

static const struct shape {
  int64_t transfer, offset, window;
} shapes[] = {
    {64, 0, 4096},    {64, 0, 8192},     {1, 63, 8192},    {64, 1, 8192},
    {128, 63, 8192},  {192, 0, 1 << 20}, {407, 48, 8192},  {1024, 1, 8192},
    {2048, 0, 8192},  {2048, 63, 65536}, {2049, 0, 16384}, {4096, 0, 3 << 20},
    {4033, 63, 8192}, {8, 0, 1024},      {64, 0, 3 << 20}, {100, 0, 128},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static int64_t unit; /* bytes between addresses of the shape */

static void choose(const struct shape *shape)
{
  s.bench.transfer = shape->transfer;
  s.bench.host_offset = shape->offset;
  s.bench.window = shape->window;
  unit = bench_unit(&s.bench);
}

static struct bench_addresses generator(gsl_rng *rng)
{
  struct bench_addresses a;
  s.buffer.chunks = s.chunks;
  bench_addresses_initialize(&a, &s.bench, &s.buffer, rng);
  return a;
}

/* Offset in the window of a bus address, by way of its chunk. */
static int64_t offset_of(uint64_t address)
{
  for (size_t i = 0; i < CHUNKS; i++)
    if (address - s.chunks[i] < s.buffer.chunk_size)
      return (int64_t)(i * s.buffer.chunk_size + address - s.chunks[i]);
  ck_abort_msg("address %#llx is not in the buffer",
               (unsigned long long)address);
}

static bool crosses_page(int64_t at)
{
  return at / 4096 != (at + s.bench.transfer - 1) / 4096;
}

/* Checks an address; returns its unit. */
static int64_t check_address(uint64_t address)
{
  int64_t at = offset_of(address);
  if ((at - s.bench.host_offset) % unit != 0 || crosses_page(at) ||
      at + s.bench.transfer > s.bench.window ||
      (address - (uint64_t)s.bench.host_offset) % 64 != 0)
    ck_abort_msg("%lld B at %#llx, unit %lld B", (long long)s.bench.transfer,
                 (unsigned long long)address, (long long)unit);
  return at / unit;
}

/* Units of the window whose transfers cross no page. */
static int64_t count_units(bool *usable)
{
  int64_t n = 0, i = 0;
  for (int64_t at = s.bench.host_offset;
       at + s.bench.transfer <= s.bench.window; at += unit, i++) {
    usable[i] = !crosses_page(at);
    n += usable[i];
  }
  return n;
}

static bool usable[3 << 14];

START_TEST(sequential_addresses_go_through_the_window)
{
  choose(&shapes[_i]);
  int64_t n = count_units(usable), last = -1;
  struct bench_addresses a = generator(NULL);
  for (int round = 0; round < 2; round++)
    for (int64_t i = 0; i < n; i++) {
      int64_t now = check_address(bench_next_address(&a));
      if (i > 0 && now <= last)
        ck_abort_msg("unit %lld comes after %lld", (long long)now,
                     (long long)last);
      last = now;
    }
}
END_TEST

/* Every usable unit is drawn; the counts are those of a uniform distribution:
 * chi square within five standard deviations. */
START_TEST(random_addresses_are_uniform)
{
  static int64_t drawn[3 << 14];
  choose(&shapes[_i]);
  s.bench.pattern = BENCH_RAND;
  int64_t n = count_units(usable), draws = 50 * n;
  gsl_rng *rng = hd_rng_new(7, "device", "addresses");
  struct bench_addresses a = generator(rng);
  for (int64_t i = 0; i < draws; i++)
    drawn[check_address(bench_next_address(&a))]++;
  double chi = 0;
  int64_t units = 0;
  for (int64_t i = 0; i < (int64_t)(sizeof usable); i++) {
    units += drawn[i] > 0;
    if (usable[i])
      chi += ((double)drawn[i] - 50) * ((double)drawn[i] - 50) / 50;
  }
  ck_assert_int_eq(units, n);
  ck_assert_double_le(fabs(chi - (double)(n - 1)), 5 * sqrt(2.0 * (double)n));
  gsl_rng_free(rng);
}
END_TEST

/* ---- what the host sees -------------------------------------------------- */

/* Requests are in the window, cut at multiples of MRRS and MPS, and make up
 * whole transfers. */
START_TEST(requests_are_aligned_pieces)
{
  choose(&shapes[_i / 2]);
  s.bench.pattern = BENCH_RAND;
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.op = _i % 2 ? BENCH_WR : BENCH_RD;
  s.window.end = s.window.start + 5 * HD_US;
  struct result *r = run();
  int64_t grain = _i % 2 ? s.pcie.mps : s.pcie.mrrs, left = 0;
  uint64_t next = 0;
  ck_assert_uint_gt(r->n_log, 100);
  for (size_t i = 0; i < r->n_log; i++) {
    uint64_t first = r->log[i].address;
    uint64_t end = first + r->log[i].length - 1;
    ck_assert_uint_eq(first / (uint64_t)grain, end / (uint64_t)grain);
    if (left == 0) {
      check_address(first);
      left = s.bench.transfer;
      next = first;
    }
    ck_assert_uint_eq(first, next);
    next += r->log[i].length;
    left -= (int64_t)r->log[i].length;
    ck_assert_int_ge(left, 0);
  }
  free(r);
}
END_TEST

/* A write and the read that follows it have one address. */
START_TEST(write_and_read_have_one_address)
{
  s.bench.mode = BENCH_LATENCY;
  s.bench.op = BENCH_WRRD;
  s.bench.pattern = BENCH_RAND;
  struct result *r = run();
  ck_assert_uint_gt(r->n_log, 100);
  for (size_t i = 0; i + 1 < r->n_log; i += 2) {
    ck_assert(r->log[i].write && !r->log[i + 1].write);
    ck_assert_uint_eq(r->log[i].address, r->log[i + 1].address);
    if (i > 0 && r->log[i].address != r->log[0].address)
      unit = 1; /* not always the same */
  }
  ck_assert_int_eq(unit, 1);
  free(r);
}
END_TEST

/* ---- refusals ------------------------------------------------------------ */

static const char *problem(void)
{
  return bench_params_problem(&s.bench, &s.device, &s.pcie);
}

START_TEST(what_does_not_fit_is_refused)
{
  s.bench.mode = BENCH_BANDWIDTH;
  ck_assert_ptr_null(problem());
  struct setting good = s;
  s.bench.transfer = 4096;
  ck_assert_ptr_null(problem());
  s.bench.host_offset = 1;
  ck_assert_str_eq(problem(), "transfer and host_offset together must fit in a "
                              "page of 4 KiB");
  s.bench.mode = BENCH_NONE; /* then nothing matters */
  ck_assert_ptr_null(problem());
  s = good;
  s.bench.window = 64;
  ck_assert_ptr_null(problem());
  s.bench.host_offset = 1;
  ck_assert_str_eq(problem(), "transfer and host_offset together must fit in "
                              "the window");
  s = good;
  s.bench.engine = BENCH_CMD;
  ck_assert_ptr_null(problem());
  s.bench.transfer = 65;
  ck_assert_str_eq(problem(), "a direct command transfers at most 64 B");
  s = good;
  s.bench.op = BENCH_WRRD;
  ck_assert_str_eq(problem(), "op wrrd is for latency");
  s.bench.mode = BENCH_LATENCY;
  ck_assert_ptr_null(problem());
  s.bench.op = BENCH_RDWR;
  ck_assert_str_eq(problem(), "op rdwr is for bandwidth");
}
END_TEST

/* A read holds its tags until all its data is here: it must get them all. The
 * most that a transfer can need is allowed, and works. */
START_TEST(tags_must_be_enough_for_a_transfer)
{
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.pattern = BENCH_RAND;
  s.bench.transfer = 2048;
  s.bench.host_offset = 63;
  s.device.tags = 4;
  ck_assert_str_eq(problem(), "a transfer needs more read requests than there "
                              "are tags");
  s.device.tags = 5;
  ck_assert_ptr_null(problem());
  struct result *r = run();
  ck_assert_uint_gt(r->reads, 100);
  ck_assert_uint_eq(r->most_reads, 5);
  free(r);
}
END_TEST

/* Requests of a read may be answered before it has tags for the others. */
START_TEST(a_read_may_get_its_tags_bit_by_bit)
{
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.transfer = 2048;
  s.device.tags = 5 + _i;
  struct result *r = run();
  ck_assert_uint_gt(r->reads, 100);
  ck_assert_uint_eq(r->read_bytes, 2048 * r->reads);
  ck_assert_uint_le(r->most_reads, (uint64_t)s.device.tags);
  uint64_t next = r->log[0].address;
  for (size_t i = 0; i < r->n_log; i++) {
    if (next % 2048 == 0) /* the next transfer */
      next = r->log[i].address;
    ck_assert_uint_eq(r->log[i].address, next);
    next += r->log[i].length;
  }
  free(r);
}
END_TEST

START_TEST(write_must_fit_in_the_buffer)
{
  s.bench.mode = BENCH_BANDWIDTH;
  s.bench.op = BENCH_WR;
  s.bench.transfer = 2048;
  s.device.write_buffer = 2047;
  ck_assert_str_eq(problem(), "a transfer must fit in the device's "
                              "write_buffer");
  s.device.write_buffer = 2048;
  ck_assert_ptr_null(problem());
  struct result *r = run();
  ck_assert_uint_gt(r->writes, 100);
  free(r);
}
END_TEST

static Suite *suite(void)
{
  Suite *suite = suite_create("dmabench_address");
  TCase *t = tcase_create("addresses");
  tcase_add_checked_fixture(t, setup, NULL);
  tcase_add_loop_test(t, sequential_addresses_go_through_the_window, 0, SHAPES);
  tcase_add_loop_test(t, random_addresses_are_uniform, 0, SHAPES);
  tcase_add_loop_test(t, requests_are_aligned_pieces, 0, 2 * SHAPES);
  tcase_add_test(t, write_and_read_have_one_address);
  tcase_add_test(t, what_does_not_fit_is_refused);
  tcase_add_test(t, tags_must_be_enough_for_a_transfer);
  tcase_add_loop_test(t, a_read_may_get_its_tags_bit_by_bit, 0, 4);
  tcase_add_test(t, write_must_fit_in_the_buffer);
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
