/*
 * test_accelerator_banks.c - ring banks: their rings, arbitration, identity,
 * faults, invalid requests.
 *
 * A green run says that banks behave as described and that a fault stays with
 * its request or its bank.
 */
#include "test_accelerator.h"

#define RUN (5 * HD_MS)

static void run(void (*script)(void))
{
  bench_build(HD_US);
  bench_run(script, START + RUN);
}

/* ---- rings --------------------------------------------------------------- */

static void fill_and_keep(void)
{
  b.bank[0][0].keep = true;
  for (uint32_t i = 0; i < b.ring - 1; i++)
    put(new_request(0, 0, ACCELERATOR_AES_XTS, 64));
  accelerator_driver_announce(&b.bank[0][0].driver);
  MUST(!accelerator_driver_put(&b.bank[0][0].driver, NULL));
}

START_TEST(ring_takes_all_but_one_entry)
{
  bench_defaults(1, 1);
  b.ring = 16;
  run(fill_and_keep);
  ck_assert_uint_eq(b.responses.n, 15);
  ck_assert_uint_eq(accelerator_held(b.device), 0);
  ck_assert_uint_eq(stats().responses_held, 0);
  bench_end();
}
END_TEST

/* Responses taken but not told: the device's ring is full, the response waits,
 * and comes with the head. */
static void tell(uint64_t unused)
{
  (void)unused;
  accelerator_driver_tell(&b.bank[0][0].driver);
}

static void lazy_heads(void)
{
  for (int i = 0; i < 14; i++)
    put(new_request(0, 0, ACCELERATOR_AES_XTS, 64));
  accelerator_driver_announce(&b.bank[0][0].driver);
}

static void more_requests(uint64_t unused)
{
  (void)unused;
  for (int i = 0; i < 4; i++)
    put(new_request(0, 0, ACCELERATOR_AES_XTS, 64));
  b.bank[0][0].keep = true; /* nothing is taken, so no head is written */
  accelerator_driver_announce(&b.bank[0][0].driver);
}

static void lazy_script(void)
{
  lazy_heads();
  at_host(20 * HD_US, more_requests, 0);
  at_host(40 * HD_US, tell, 0);
}

START_TEST(response_waits_for_room)
{
  bench_defaults(1, 1);
  b.ring = 16;
  b.head_batch = 15;
  run(lazy_script);
  ck_assert_uint_eq(b.responses.n, 18);
  ck_assert_uint_eq(stats().responses_held, 3);
  ck_assert_int_lt(answered(14)->when, START + 30 * HD_US);
  ck_assert_int_gt(answered(15)->when, START + 40 * HD_US);
  ck_assert_int_lt(answered(17)->when, START + 41 * HD_US);
  bench_end();
}
END_TEST

/* Both rings go around, in slots of their own; entries are of the service's
 * size. */
START_TEST(slots_go_around)
{
  bench_defaults(1, 1);
  b.ring = 8;
  b.params.arbitration_burst = 1;
  struct job j = {.depth = 5, .algorithm = ACCELERATOR_RSA_1K};
  all_jobs(j);
  bench_build(HD_US);
  bench_run(run_jobs, START + 200 * HD_US);
  ck_assert_uint_gt(b.responses.n, 50);
  for (size_t i = 0; i < 50; i++) {
    ck_assert_uint_eq(b.entries.e[i].address, RING_OF(0, 0, 0) + i % 8 * 64);
    ck_assert_uint_eq(b.entries.e[i].length, 64);
    ck_assert_uint_eq(b.responses.e[i].address, RING_OF(0, 0, 1) + i % 8 * 32);
  }
  bench_end();
}
END_TEST

/* ---- arbitration --------------------------------------------------------- */

/* Two banks with work; one has four times as much of it outstanding. */
START_TEST(banks_share_equally)
{
  bench_defaults(2, 2);
  b.params.sym_threads = 2; /* so that requests wait in rings */
  struct job j = {.depth = 40, .algorithm = ACCELERATOR_AES_XTS, .bytes = 1024};
  all_jobs(j);
  b.bank[0][1].job.depth = 160;
  b.bank[1][1].job.depth = 320;
  measure(100 * HD_US, HD_MS);
  uint64_t least = UINT64_MAX, most = 0;
  for (int i = 0; i < 4; i++) {
    uint64_t done = b.bank[i / 2][i % 2].done;
    least = done < least ? done : least;
    most = done > most ? done : most;
  }
  ck_assert_uint_gt(least, 500);
  ck_assert_uint_le(most - least,
                    16); /* in flight, and a burst, at both ends */
  bench_end();
}
END_TEST

static void fill_two(void)
{
  for (int k = 0; k < 2; k++) {
    for (int i = 0; i < 16; i++)
      put(new_request(0, k, ACCELERATOR_AES_XTS, 64));
    accelerator_driver_announce(&b.bank[0][k].driver);
  }
}

/* A burst of entries in one read, then the other bank's. The first is fetched
 * when there is no other yet, so bank 0 has the turn again. */
START_TEST(bursts_alternate)
{
  static const int order[] = {0, 0, 1, 0, 1, 0, 1, 1};
  uint64_t burst[2] = {0, 0};
  bench_defaults(1, 2);
  b.params.fetch_cycles = 1000; /* the second tail comes before the 2nd turn */
  run(fill_two);
  ck_assert_uint_eq(b.entries.n, 8);
  for (size_t i = 0; i < 8; i++) {
    ck_assert_uint_eq(b.entries.e[i].length, 4 * 128);
    ck_assert_uint_eq(b.entries.e[i].address,
                      RING_OF(0, order[i], 0) + burst[order[i]]++ * 512);
    if (i > 0)
      near(b.entries.e[i].when - b.entries.e[i - 1].when, HD_US);
  }
  bench_end();
}
END_TEST

/* Services do not take each other's threads: a bank of slow public-key work
 * leaves the symmetric one as fast as it is alone. */
static double symmetric_beside(uint32_t depth)
{
  struct job j = {.depth = 64, .algorithm = ACCELERATOR_AES_XTS, .bytes = 4096};
  all_jobs(j);
  j.algorithm = ACCELERATOR_RSA_4K;
  j.depth = depth;
  b.bank[0][1].job = j;
  measure(500 * HD_US, 2 * HD_MS);
  double got = (double)b.bank[0][0].done / 2e-3;
  bench_end();
  return got;
}

START_TEST(services_are_apart)
{
  double service = 4096 * 0.5e-9 + 100e-9;
  bench_defaults(1, 2);
  b.params.asym_threads = 1;
  double got = symmetric_beside(_i ? 400 : 0);
  ck_assert_double_eq_tol(got * service / 2, 1, 0.01);
}
END_TEST

/* The arbiter, if it is what is scarce, serves the services in turn. */
START_TEST(services_have_equal_turns)
{
  bench_defaults(1, 2);
  b.params.fetch_cycles = 1000;
  b.params.rsa_1k_time = 0;
  struct job j = {.depth = 200, .algorithm = ACCELERATOR_AES_XTS, .bytes = 64};
  all_jobs(j);
  b.bank[0][1].job.algorithm = ACCELERATOR_RSA_1K;
  measure(100 * HD_US, HD_MS);
  for (int k = 0; k < 2; k++) /* 500 bursts of four each, or a few short ones */
    ck_assert_double_eq_tol((double)b.bank[0][k].done, 2000, 60);
  bench_end();
}
END_TEST

/* ---- who asks ------------------------------------------------------------ */

static void everybody(void)
{
  for (int vm = 0; vm < 2; vm++) {
    struct accelerator_request *r =
        new_request(vm, 0, ACCELERATOR_AES_XTS, 256);
    cut(r);
    r->content = CONTENT_OF(0);
    submit(r);
    accelerator_driver_arm(&b.bank[vm][0].driver);
  }
}

/* The second half of a record is guest 1's: it was asked later. */
static void expect_identity(const struct record *r)
{
  ck_assert_uint_eq(r->n % 2, 0);
  ck_assert_uint_gt(r->n, 0);
  size_t pasids = 0;
  for (size_t i = 0; i < r->n; i++) {
    bool pasid = (r->e[i].flags & PCIE_HAS_PASID) != 0;
    ck_assert_uint_eq(r->e[i].requester, pasid ? 0x0100 : 0x0108);
    ck_assert_uint_eq(r->e[i].pasid, pasid ? 11 : 0);
    pasids += pasid;
  }
  ck_assert_uint_eq(pasids, r->n / 2);
}

START_TEST(requests_carry_requester_and_pasid)
{
  bench_defaults(2, 1);
  b.bank[0][0].keep = b.bank[1][0].keep = true; /* cause for a message */
  run(everybody);
  expect_identity(&b.entries);
  expect_identity(&b.lists);
  expect_identity(&b.reads);
  expect_identity(&b.writes);
  expect_identity(&b.responses);
  ck_assert_uint_eq(b.messages.n, 2);
  for (size_t i = 0; i < 2; i++) {
    int vm = b.messages.e[i].data == HANDLE_OF(1);
    ck_assert_uint_eq(b.messages.e[i].requester, vm ? 0x0100 : 0x0108);
    ck_assert_uint_eq(b.messages.e[i].flags & PCIE_HAS_PASID, 0);
  }
  bench_end();
}
END_TEST

/* ---- faults -------------------------------------------------------------- */

static void run_and_stop(void)
{
  run_jobs();
  at_host(HD_MS, stop_jobs, 0);
}

START_TEST(faults_of_data_fail_their_requests_only)
{
  bench_defaults(2, 1);
  struct job j = {.depth = 20, .algorithm = ACCELERATOR_AES_XTS, .bytes = 900};
  all_jobs(j);
  b.bank[0][0].job.bad_every = 5;
  run(run_and_stop);
  const struct bank *d = &b.bank[0][0];
  ck_assert_uint_gt(d->wrong, 100);
  ck_assert_uint_eq(d->wrong, d->submitted / 5);
  ck_assert_uint_eq(b.bank[1][0].wrong, 0);
  ck_assert_uint_eq(d->submitted, d->completed);
  struct accelerator_interface_stats s[2];
  for (uint32_t i = 0; i < 2; i++)
    accelerator_get_interface_stats(b.device, i, &s[i]);
  ck_assert_uint_eq(s[0].errors, d->wrong);
  ck_assert_uint_ge(s[0].faults, d->wrong);
  ck_assert_uint_eq(s[1].errors + s[1].faults, 0);
  for (size_t i = 0; i < b.responses.n && b.responses.n < LOG; i++) {
    const struct accelerator_request *r = &b.responses.e[i].request;
    bool bad = r->source.address == BAD_ADDRESS;
    ck_assert_uint_eq(r->status,
                      bad ? ACCELERATOR_TRANSFER_ERROR : ACCELERATOR_OK);
    ck_assert_uint_eq(r->produced, bad ? 0 : 900);
  }
  bench_end();
}
END_TEST

static void one_in_pieces(void)
{
  struct accelerator_request *r = new_request(0, 0, ACCELERATOR_AES_XTS, 256);
  cut(r);
  submit(r);
}

START_TEST(fault_of_the_list_fails_the_request)
{
  bench_defaults(1, 1);
  b.lists_bad = true;
  run(one_in_pieces);
  ck_assert_uint_eq(answered(0)->request.status, ACCELERATOR_TRANSFER_ERROR);
  ck_assert_uint_eq(b.reads.n, 0);
  ck_assert_uint_eq(b.writes.n, 0);
  bench_end();
}
END_TEST

static void mend(uint64_t unused)
{
  (void)unused;
  b.entries_bad = false;
  forget(0, 0);
  issue(command(ACCELERATOR_RESET_INTERFACE, 0));
  issue(command(ACCELERATOR_START_BANKS, 0));
}

static void work_again(uint64_t unused)
{
  (void)unused;
  submit(new_request(0, 0, ACCELERATOR_AES_XTS, 256));
}

static void break_bank(void)
{
  run_jobs();
  b.entries_bad = true;
  at_host(HD_MS, stop_jobs, 0);
  at_host(HD_MS, work_again, 0); /* in vain */
  at_host(2 * HD_MS, mend, 0);
  at_host(3 * HD_MS, work_again, 0);
}

START_TEST(bank_fails_with_its_entries_until_reset)
{
  bench_defaults(2, 1);
  b.params.fetches = 1; /* the first burst fails before the next is read */
  struct job j = {.depth = 20, .algorithm = ACCELERATOR_AES_XTS, .bytes = 900};
  all_jobs(j);
  run(break_bank);
  ck_assert_uint_eq(b.bank[0][0].completed, 22); /* 21 forgotten, one done */
  ck_assert_uint_eq(accelerator_forgotten(b.device), 21);
  size_t tries = 0;
  ck_assert_uint_lt(b.entries.n, LOG);
  for (size_t i = 0; i < b.entries.n; i++)
    tries += b.entries.e[i].address < RING_OF(1, 0, 0);
  ck_assert_uint_eq(tries, 2); /* the first, and the one after the reset */
  const struct entry *last = &b.responses.e[b.responses.n - 1];
  if (b.responses.n < LOG)
    ck_assert_int_gt(last->when, START + 3 * HD_MS);
  ck_assert_uint_gt(b.bank[1][0].completed, 1000);
  ck_assert_uint_eq(b.bank[1][0].wrong, 0);
  bench_end();
}
END_TEST

/* ---- invalid ------------------------------------------------------------- */

static const struct accelerator_piece short_piece = {SOURCE_OF(0), 100};
static void invalid(void)
{
  struct accelerator_request *r;
  submit(new_request(0, 0, ACCELERATOR_RSA_2K, 256)); /* not its service */
  submit(new_request(0, 0, ACCELERATOR_AES_XTS, 0));
  submit(new_request(0, 0, ACCELERATOR_AES_XTS, (1 << 20) + 1));
  r = new_request(0, 0, ACCELERATOR_AES_XTS, 256);
  r->room = 255;
  submit(r);
  r = new_request(0, 0, ACCELERATOR_AES_XTS, 256);
  r->source = (struct accelerator_buffer){LIST_OF(0), &short_piece, 1};
  submit(r);
  r = new_request(0, 0, ACCELERATOR_AES_XTS, 256);
  r->source = (struct accelerator_buffer){LIST_OF(0), &short_piece, 0};
  submit(r);
}

START_TEST(invalid_requests_are_refused)
{
  bench_defaults(1, 1);
  run(invalid);
  ck_assert_uint_eq(b.responses.n, 6);
  for (size_t i = 0; i < 6; i++)
    ck_assert_uint_eq(answered(i)->request.status, ACCELERATOR_INVALID);
  ck_assert_uint_eq(b.reads.n + b.writes.n + b.lists.n, 0);
  bench_end();
}
END_TEST

static void tight(void)
{
  for (uint32_t room = 511; room <= 512; room++) {
    struct accelerator_request *r =
        new_request(0, 0, ACCELERATOR_DEFLATE_1S, 1024);
    r->room = room;
    submit(r);
  }
}

START_TEST(compressed_data_may_not_fit)
{
  bench_defaults(1, 1);
  b.service = ACCELERATOR_DC;
  run(tight);
  ck_assert_uint_eq(answered(0)->request.status, ACCELERATOR_OVERFLOW);
  ck_assert_uint_eq(answered(0)->request.produced, 0);
  ck_assert_uint_eq(answered(1)->request.status, ACCELERATOR_OK);
  ck_assert_uint_eq(answered(1)->request.produced, 512);
  ck_assert_uint_eq(b.writes.n, 1);
  bench_end();
}
END_TEST

static void lap(uint64_t unused)
{
  (void)unused;
  write_register(NULL, ACCELERATOR_TAIL(0), 14); /* 15 more */
}

static void fill_and_lap(void)
{
  for (int i = 0; i < 15; i++)
    put(new_request(0, 0, ACCELERATOR_RSA_1K, 0));
  accelerator_driver_announce(&b.bank[0][0].driver);
  at_host(HD_US, lap, 0);
}

/* More entries than the ring can hold that have not been fetched. */
START_TEST(tail_may_not_lap)
{
  bench_defaults(1, 1);
  b.service = ACCELERATOR_ASYM;
  b.ring = 16;
  b.params.asym_engines = b.params.asym_threads = 1;
  run(fill_and_lap);
  ck_assert_uint_eq(stats().ignored_writes, 1);
  ck_assert_uint_eq(b.responses.n, 15);
  bench_end();
}
END_TEST

static void twelve(void)
{
  for (int i = 0; i < 12; i++)
    submit(new_request(0, 0, ACCELERATOR_AES_XTS, 64));
}

START_TEST(heads_are_told_in_batches)
{
  bench_defaults(1, 1);
  b.head_batch = (uint32_t)_i;
  run(twelve);
  ck_assert_uint_eq(b.responses.n, 12);
  ck_assert_uint_eq(stats().head_writes, 12u / (unsigned)_i);
  ck_assert_uint_eq(stats().tail_writes, 12);
  bench_end();
}
END_TEST

static void stray_writes(void)
{
  write_register(NULL, ACCELERATOR_TAIL(0), 512);   /* beyond the ring */
  write_register(NULL, ACCELERATOR_HEAD(0), 3);     /* nothing to consume */
  write_register(NULL, ACCELERATOR_TAIL(40), 1);    /* nobody's bank */
  write_register(NULL, ACCELERATOR_TAIL(4000), 1);  /* no such bank */
  write_register(NULL, ACCELERATOR_BANK(0) + 8, 1); /* no such register */
  submit(new_request(0, 0, ACCELERATOR_AES_XTS, 256));
}

START_TEST(wrong_register_writes_are_ignored)
{
  bench_defaults(1, 1);
  run(stray_writes);
  ck_assert_uint_eq(stats().ignored_writes, 5);
  ck_assert_uint_eq(b.responses.n, 1);
  bench_end();
}
END_TEST

/* ---- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *s = suite_create("accelerator banks");
  TCase *t = tcase_create("banks");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, ring_takes_all_but_one_entry);
  tcase_add_test(t, response_waits_for_room);
  tcase_add_test(t, slots_go_around);
  tcase_add_test(t, banks_share_equally);
  tcase_add_test(t, bursts_alternate);
  tcase_add_loop_test(t, services_are_apart, 0, 2);
  tcase_add_test(t, services_have_equal_turns);
  tcase_add_test(t, requests_carry_requester_and_pasid);
  tcase_add_test(t, faults_of_data_fail_their_requests_only);
  tcase_add_test(t, fault_of_the_list_fails_the_request);
  tcase_add_test(t, bank_fails_with_its_entries_until_reset);
  tcase_add_test(t, invalid_requests_are_refused);
  tcase_add_test(t, compressed_data_may_not_fit);
  tcase_add_test(t, tail_may_not_lap);
  tcase_add_loop_test(t, heads_are_told_in_batches, 1, 7);
  tcase_add_test(t, wrong_register_writes_are_ignored);
  suite_add_tcase(s, t);
  return run_suite(s);
}
