/*
 * test_storage_cache.c - the write cache: room, back-pressure, hits, rewriting,
 * destaging.
 *
 * A green run says that writes wait for room exactly as long as there is none,
 * and that what is in the cache is found there.
 */
#include "test_storage.h"

#define RUN (5 * HD_MS)

static const struct store *store(void)
{
  return storage_store(b.device);
}

/* A cache of eight units in front of one die, a program of four units; the
 * largest command is four units. */
static void small_cache(void)
{
  bench_defaults(1, 1);
  b.params.cache = 8 * STORE_UNIT;
  b.params.max_transfer = 4 * STORE_UNIT;
  b.params.channels = b.params.dies = 1;
  b.params.internal_rate = 80000000000;
}

static void write_units(uint64_t first, uint64_t count)
{
  for (uint64_t i = 0; i < count; i++)
    put(new_request(0, 0, BLOCK_WRITE, 8 * (first + i), 4096));
  ring(0, 0);
}

/* ---- room ---------------------------------------------------------------- */

static void nine_writes(void)
{
  write_units(0, 9);
}

static hd_time waited_in_device(size_t i)
{
  return b.completions.e[i].request.stamps.spent[HD_STAGE_DEVICE_QUEUE];
}

/* Eight fit; the ninth is blocked until the first program ends, and is ready at
 * that instant. The program began when the fourth was in. */
START_TEST(full_cache_blocks_until_a_program_ends)
{
  small_cache();
  bench_build(HD_US);
  bench_run(nine_writes, START + RUN);
  const struct block_request *fourth = &b.completions.e[3].request,
                             *eighth = &b.completions.e[7].request,
                             *ninth = &b.completions.e[8].request;
  ck_assert_uint_eq(b.completions.n, 9);
  ck_assert_uint_eq(fourth->lba, 24);
  ck_assert_uint_eq(ninth->lba, 64);
  /* When the fourth was acknowledged inside the device. */
  hd_time in = fourth->stamps.begin;
  for (int s = 0; s < HD_STAGE_INTERRUPT; s++)
    in += fourth->stamps.spent[s];
  hd_time moved = hd_time_of_bytes(16384, b.params.channel_rate);
  hd_time free_at = in + moved + 200 * HD_US;
  hd_time ready = ninth->stamps.begin + ninth->stamps.spent[HD_STAGE_DOORBELL] +
                  ninth->stamps.spent[HD_STAGE_DESCRIPTOR_FETCH] +
                  waited_in_device(8);
  ck_assert_int_ge(ready, free_at - 2);
  ck_assert_int_le(ready, free_at + 2);
  ck_assert_int_lt(waited_in_device(7), 10 * HD_US);
  ck_assert_int_lt(eighth->stamps.last, free_at);
  ck_assert_uint_eq(stats().store.stalls, 1);
  hd_time stalled = waited_in_device(8) - waited_in_device(7);
  ck_assert_int_ge(stats().store.stall_time, stalled - 2 * HD_NS);
  ck_assert_int_le(stats().store.stall_time, stalled + 2 * HD_NS);
  bench_end();
}
END_TEST

static uint64_t seen_completed;
static void look(uint64_t unused)
{
  (void)unused;
  seen_completed = b.completions.n;
}

static void nine_writes_and_a_look(uint64_t before)
{
  write_units(0, 9);
  at_host((hd_time)before, look, 0);
}
static hd_time the_moment;
static void script_with_a_look(void)
{
  nine_writes_and_a_look((uint64_t)the_moment);
}

/* The same, seen from outside: a picosecond before the ninth's completion there
 * are eight. */
static double completion_of_the_ninth(int unused)
{
  (void)unused;
  small_cache();
  bench_build(HD_US);
  bench_run(nine_writes, START + RUN);
  double when = (double)(b.completions.e[8].when - START);
  bench_end();
  return when;
}

START_TEST(blocked_just_before_ready_just_then)
{
  hd_time when = (hd_time)in_child(completion_of_the_ninth, 0);
  the_moment = when - (_i == 0);
  small_cache();
  bench_build(HD_US);
  bench_run(script_with_a_look, START + RUN);
  ck_assert_int_gt(when, 200 * HD_US);
  if (_i == 0)
    ck_assert_uint_eq(seen_completed, 8);
  else
    ck_assert_uint_ge(seen_completed, 8);
  ck_assert_uint_eq(b.completions.n, 9);
  bench_end();
}
END_TEST

static void large_behind_small(void)
{
  write_units(0, 8);
  put(new_request(0, 0, BLOCK_WRITE, 800, 8192)); /* needs two */
  put(new_request(0, 0, BLOCK_WRITE, 904, 4096)); /* needs one */
  ring(0, 0);
}

/* One unit is free. Room is given in order: a write that would fit does not
 * pass one that does not. */
START_TEST(room_is_given_in_order)
{
  small_cache();
  b.params.cache = 9 * STORE_UNIT;
  bench_build(HD_US);
  bench_run(large_behind_small, START + RUN);
  ck_assert_uint_eq(b.completions.e[8].request.lba, 800);
  ck_assert_uint_eq(b.completions.e[9].request.lba, 904);
  ck_assert_int_gt(waited_in_device(9), 190 * HD_US);
  bench_end();
}
END_TEST

static void odd_sizes(void)
{
  for (uint64_t i = 0; i < 60; i++)
    put(new_request(0, 0, BLOCK_WRITE, 1000 * i + i % 9,
                    (uint32_t)(512 * (1 + i * 7 % 24))));
  ring(0, 0);
}

/* Less than a program's worth goes out only when a write needs the room; no
 * write waits for ever. */
START_TEST(partial_programs_make_room)
{
  small_cache();
  b.params.cache = 5 * STORE_UNIT;
  bench_build(HD_US);
  bench_run(odd_sizes, START + 10 * RUN);
  ck_assert_uint_eq(b.completions.n, 60);
  ck_assert_int_lt(store_cached(store()), 5 * STORE_UNIT);
  ck_assert_int_eq(store_reserved(store()), 0);
  bench_end();
}
END_TEST

/* ---- what is in it ------------------------------------------------------- */

static void read_range(uint64_t unused)
{
  (void)unused;
  submit(new_request(0, 0, BLOCK_READ, 0, 4096)); /* hit */
  submit(new_request(0, 0, BLOCK_READ, 3, 512));  /* hit, part of a unit */
  submit(new_request(0, 0, BLOCK_READ, 8, 4096)); /* miss */
  submit(new_request(0, 0, BLOCK_READ, 0, 8192)); /* half of it: miss */
}

static void write_then_read(void)
{
  write_units(0, 1);
  at_host(20 * HD_US, read_range, 0);
}

START_TEST(cached_data_is_read_from_the_cache)
{
  small_cache();
  b.params.page_size = 16384;
  bench_build(HD_US);
  bench_run(write_then_read, START + RUN);
  ck_assert_uint_eq(stats().store.hits, 2);
  ck_assert_uint_eq(stats().store.misses, 2);
  ck_assert_uint_eq(stats().store.media_reads, 2);
  bench_end();
}
END_TEST

static void read_late(uint64_t unused)
{
  (void)unused;
  submit(new_request(0, 0, BLOCK_READ, 0, 4096));
}

static void four_then_read(void)
{
  write_units(0, 4);
  at_host(100 * HD_US, read_late, 0); /* being programmed */
  at_host(300 * HD_US, read_late, 0); /* programmed */
}

START_TEST(data_stays_until_it_is_programmed)
{
  small_cache();
  bench_build(HD_US);
  bench_run(four_then_read, START + RUN);
  ck_assert_uint_eq(stats().store.hits, 1);
  ck_assert_uint_eq(stats().store.misses, 1);
  ck_assert_int_eq(store_cached(store()), 0);
  ck_assert_uint_eq(store_programmed(store()), 4 * STORE_UNIT);
  bench_end();
}
END_TEST

static void write_again(uint64_t count)
{
  write_units(0, count);
}

static void rewrite_dirty(void)
{
  write_units(0, 3);
  at_host(20 * HD_US, write_again, 3);
  at_host(40 * HD_US, write_again, 3);
}

/* Three units written three times take three units, and are not programmed. */
START_TEST(dirty_units_are_written_in_place)
{
  small_cache();
  bench_build(HD_US);
  bench_run(rewrite_dirty, START + RUN);
  ck_assert_uint_eq(b.completions.n, 9);
  ck_assert_uint_eq(stats().store.rewritten, 6);
  ck_assert_int_eq(store_cached(store()), 3 * STORE_UNIT);
  ck_assert_uint_eq(stats().store.programs, 0);
  bench_end();
}
END_TEST

static void rewrite_destaging(void)
{
  write_units(0, 4);
  at_host(50 * HD_US, write_again, 2);
}

/* Units that are being programmed keep their old data; the new data is a unit
 * of its own, found by reads, and stays when the program ends. */
START_TEST(units_under_program_are_written_anew)
{
  small_cache();
  bench_build(HD_US);
  bench_run(rewrite_destaging, START + RUN);
  ck_assert_uint_eq(stats().store.rewritten, 0);
  ck_assert_int_eq(store_cached(store()), 2 * STORE_UNIT);
  ck_assert_uint_eq(store_programmed(store()), 4 * STORE_UNIT);
  bench_end();
}
END_TEST

/* ---- media --------------------------------------------------------------- */

/* Programs go to the dies in turn, one each at a time. */
static void many_units(void)
{
  write_units(0, 64);
}

START_TEST(programs_go_to_all_dies)
{
  bench_defaults(1, 1);
  b.params.channels = 2;
  b.params.dies = 4;
  b.params.write_amplification = 1.5;
  bench_build(HD_US);
  bench_run(many_units, START + 10 * HD_MS);
  /* 16 programs' worth, 8 at a time, half of them twice. */
  ck_assert_uint_eq(stats().store.programs, 24);
  ck_assert_int_eq(store_cached(store()), 0);
  ck_assert_uint_eq(store_operations(store()), 0);
  bench_end();
}
END_TEST

/* Read before a program that waits, behind one that runs: the die is busy with
 * the first program when the read comes, the second program waits for it. */
static void read_between(uint64_t unused)
{
  (void)unused;
  submit(new_request(0, 0, BLOCK_READ, 80000, 4096));
}

static void programs_and_a_read(void)
{
  write_units(0, 8);
  at_host(100 * HD_US, read_between, 0);
}

START_TEST(reads_go_before_waiting_programs)
{
  small_cache();
  bench_build(HD_US);
  bench_run(programs_and_a_read, START + RUN);
  hd_time when = b.completions.e[8].when - START;
  ck_assert_int_gt(when, 250 * HD_US);
  ck_assert_int_lt(when, 270 * HD_US);
  bench_end();
}
END_TEST

/* Jitter keeps the mean: 5,000 reads of 50 us with 20 %; the mean of so many
 * has a standard error of 0.14 us, five of which are allowed. */
START_TEST(jitter_keeps_the_mean)
{
  bench_defaults(1, 1);
  b.params.channels = b.params.dies = 1;
  b.params.read_jitter = 0.2;
  all_jobs((struct job){.depth = 4, .bytes = 4096, .read_percent = 100});
  measure(HD_MS, 250 * HD_MS);
  double mean = 1e6 / iops();
  ck_assert_double_eq_tol(mean, 50, 5 * 0.14);
  double first = (double)b.completions.e[10].when;
  ck_assert(fmod(first, 50e6) > 0);
  bench_end();
}
END_TEST

/* ---- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *s = suite_create("storage cache");
  TCase *t = tcase_create("cache");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, full_cache_blocks_until_a_program_ends);
  tcase_add_loop_test(t, blocked_just_before_ready_just_then, 0, 2);
  tcase_add_test(t, room_is_given_in_order);
  tcase_add_test(t, partial_programs_make_room);
  tcase_add_test(t, cached_data_is_read_from_the_cache);
  tcase_add_test(t, data_stays_until_it_is_programmed);
  tcase_add_test(t, dirty_units_are_written_in_place);
  tcase_add_test(t, units_under_program_are_written_anew);
  tcase_add_test(t, programs_go_to_all_dies);
  tcase_add_test(t, reads_go_before_waiting_programs);
  tcase_add_test(t, jitter_keeps_the_mean);
  suite_add_tcase(s, t);
  return run_suite(s);
}
