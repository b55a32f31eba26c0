/*
 * test_accelerator_control.c - interrupts and administration.
 *
 * A green run says that messages come when they are due and never without
 * cause, and that stopped, reset and removed banks leave the host alone.
 */
#include "test_accelerator.h"

#define RUN (2 * HD_MS)
#define AT(us) (START + (us)*HD_US)

static void run(void (*script)(void))
{
  bench_build(HD_US);
  bench_run(script, START + RUN);
}

/* ---- interrupts ---------------------------------------------------------- */

static void request(uint64_t unused)
{
  (void)unused;
  submit(new_request(0, 0, ACCELERATOR_AES_XTS, 64));
}

static void arm(uint64_t unused)
{
  (void)unused;
  accelerator_driver_arm(&b.bank[0][0].driver);
}

static void keep_responses(void)
{
  b.bank[0][0].keep = true;
}

/* The message goes when the coalescing time after the response has passed. The
 * response left the device right before its write's time on the link. */
static hd_time posted(size_t i)
{
  return b.responses.e[i].when - up(PCIE_MWR, ACCELERATOR_RESPONSE_BYTES);
}

static void armed_first(void)
{
  keep_responses();
  arm(0);
  at_host(10 * HD_US, request, 0);
  at_host(50 * HD_US, request, 0); /* the interrupt has disabled itself */
}

START_TEST(one_message_after_the_time)
{
  bench_defaults(1, 1);
  b.params.coalesce_time = _i * 700 * HD_NS;
  run(armed_first);
  ck_assert_uint_eq(b.responses.n, 2);
  ck_assert_uint_eq(b.messages.n, 1);
  hd_time wire = up(PCIE_MWR, 64) - b.pcie.device_latency - b.pcie.propagation;
  hd_time want = posted(0) - wire + b.params.coalesce_time + up(PCIE_MWR, 4);
  if (_i) /* else it is behind data and response on the link */
    near(b.messages.e[0].when, want);
  else
    near(b.messages.e[0].when, b.responses.e[0].when + up(PCIE_MWR, 4) -
                                   b.pcie.device_latency - b.pcie.propagation);
  ck_assert_uint_eq(b.messages.e[0].address, PCIE_MSI_BASE);
  ck_assert_uint_eq(b.messages.e[0].data, HANDLE_OF(0));
  ck_assert_uint_eq(stats().interrupts, 1);
  bench_end();
}
END_TEST

/* Enabled while responses are unread: the time runs from the enabling. */
static void armed_late(void)
{
  keep_responses();
  request(0);
  at_host(100 * HD_US, arm, 0);
}

START_TEST(enabling_finds_what_is_there)
{
  bench_defaults(1, 1);
  run(armed_late);
  ck_assert_uint_eq(b.messages.n, 1);
  near(b.messages.e[0].when, AT(100) + doorbell() + HD_US + up(PCIE_MWR, 4));
  bench_end();
}
END_TEST

/* Polled away before, and the device is told when the interrupt is enabled at
 * the latest: no cause, no message. */
static void polled_then_armed(void)
{
  request(0);
  at_host(100 * HD_US, arm, 0);
}

START_TEST(no_message_without_cause)
{
  bench_defaults(1, 1);
  b.head_batch = 8;
  run(polled_then_armed);
  ck_assert_uint_eq(b.responses.n, 1);
  ck_assert_uint_eq(b.messages.n, 0);
  bench_end();
}
END_TEST

START_TEST(polling_never_interrupts)
{
  bench_defaults(1, 1);
  all_jobs(
      (struct job){.depth = 20, .algorithm = ACCELERATOR_AES_XTS, .bytes = 64});
  run(run_jobs);
  ck_assert_uint_gt(b.responses.n, 1000);
  ck_assert_uint_eq(b.messages.n, 0);
  bench_end();
}
END_TEST

/* The count ends the wait: message right behind the third response. */
static void three(void)
{
  keep_responses();
  arm(0);
  for (int i = 0; i < 3; i++)
    at_host((5 + i) * HD_US, request, 0);
}

START_TEST(count_ends_the_wait)
{
  bench_defaults(1, 1);
  b.params.coalesce_time = 100 * HD_US;
  b.params.coalesce_count = _i ? 3 : 4;
  run(three);
  ck_assert_uint_eq(b.messages.n, 1);
  hd_time since = b.messages.e[0].when - b.responses.e[2].when;
  if (_i)
    ck_assert_int_lt(since, HD_NS);
  else
    ck_assert_int_gt(since, 97 * HD_US);
  bench_end();
}
END_TEST

/* Handler and thread work on interrupts alone: nothing gets stuck, and longer
 * coalescing makes fewer messages. */
START_TEST(interrupts_alone_suffice)
{
  bench_defaults(2, 2);
  b.params.coalesce_time = (hd_time[]){0, 2 * HD_US, 20 * HD_US}[_i];
  b.head_batch = 8;
  all_jobs((struct job){.depth = 5,
                        .algorithm = ACCELERATOR_AES_CBC_HMAC_SHA512,
                        .bytes = 2000,
                        .random_size = true,
                        .interrupts = true});
  run(run_jobs);
  double each = (double)b.messages.n / (double)b.responses.n;
  for (int i = 0; i < 4; i++)
    ck_assert_uint_gt(b.bank[i / 2][i % 2].completed, 100);
  if (_i == 0)
    ck_assert_double_gt(each, 0.3);
  if (_i == 2) /* all five are there by then */
    ck_assert_double_eq_tol(each, 1.0 / 5, 0.01);
  bench_end();
}
END_TEST

/* One at a time with interrupts costs the coalescing time more than polling. */
static double alone(bool interrupts)
{
  all_jobs((struct job){.depth = 1,
                        .algorithm = ACCELERATOR_AES_XTS,
                        .bytes = 4096,
                        .interrupts = interrupts});
  measure(100 * HD_US, HD_MS);
  double period = 1e12 / rate();
  bench_end();
  return period;
}

START_TEST(synchronous_use_waits_for_the_interrupt)
{
  bench_defaults(1, 1);
  b.params.coalesce_time = _i ? 5 * HD_US : HD_US;
  double period = alone(true);
  hd_time first = dma_read(128) + doorbell() + 10 * HD_NS + 2148 * HD_NS;
  /* Between: data in and out, and the message; some 1 us. */
  ck_assert_double_gt(period, (double)(first + b.params.coalesce_time));
  ck_assert_double_lt(period,
                      (double)(first + b.params.coalesce_time + 1200 * HD_NS));
}
END_TEST

/* ---- administration ------------------------------------------------------ */

static void send_command(uint64_t type)
{
  issue(command((enum accelerator_admin_type)type, 0));
}

static void stop_and_start(void)
{
  run_jobs();
  at_host(200 * HD_US, send_command, ACCELERATOR_STOP_BANKS);
  at_host(600 * HD_US, send_command, ACCELERATOR_START_BANKS);
}

/* A stop is answered when all that was fetched is answered, not before; what
 * was not fetched waits in the ring, and is served after the start. */
START_TEST(stop_drains_and_start_goes_on)
{
  bench_defaults(1, 1);
  b.params.asym_threads = 1;
  b.params.admin_cost = 10 * HD_US;
  all_jobs((struct job){.depth = 100, .algorithm = ACCELERATOR_RSA_2K});
  run(stop_and_start);
  hd_time stopped = b.answered[2], started = b.answered[3], last = 0;
  ck_assert_int_gt(stopped, AT(210));
  for (size_t i = 0; i < b.responses.n; i++) {
    hd_time at = b.responses.e[i].when;
    ck_assert(at < stopped || at > AT(600));
    last = at < stopped ? at : last;
  }
  ck_assert_int_lt(stopped - last, HD_US);
  ck_assert_int_lt(started, AT(620));
  ck_assert_int_gt(b.responses.e[b.responses.n - 1].when, AT(900));
  bench_end();
}
END_TEST

static void stop_busy_and_idle(void)
{
  submit(new_request(0, 0, ACCELERATOR_RSA_2K, 0));
  at_host(10 * HD_US, send_command, ACCELERATOR_STOP_BANKS);
  at_host(11 * HD_US, send_command, ACCELERATOR_SET_PASID);
  at_host(200 * HD_US, send_command, ACCELERATOR_STOP_BANKS);
}

START_TEST(stop_does_not_hold_other_commands)
{
  bench_defaults(1, 1);
  b.service = ACCELERATOR_ASYM;
  run(stop_busy_and_idle);
  ck_assert_int_gt(b.answered[2], AT(60)); /* the request takes 61 us */
  ck_assert_int_lt(b.answered[3], AT(13));
  ck_assert_int_lt(b.answered[4], AT(202));
  bench_end();
}
END_TEST

static void forget_requests(uint64_t bank)
{
  forget(0, (int)bank);
}

static void job_again(uint64_t depth)
{
  b.bank[0][0].job.depth = (uint32_t)depth;
  refill(0, 0);
}

static void reset_and_restart(void)
{
  run_jobs();
  at_host(200 * HD_US, stop_jobs, 0);
  at_host(200 * HD_US, send_command, ACCELERATOR_RESET_INTERFACE);
  at_host(240 * HD_US, forget_requests, 0); /* the command may be read late */
  at_host(240 * HD_US, forget_requests, 1);
  at_host(241 * HD_US, send_command, ACCELERATOR_START_BANKS);
  at_host(300 * HD_US, job_again, 50);
}

/* After a reset the driver frees its requests; the device must not touch them
 * (the sanitizer and the pool would see), must not write to the host, and
 * starts anew with the first entry. */
START_TEST(reset_forgets_everything)
{
  static const enum accelerator_algorithm algorithm[] = {
      ACCELERATOR_AES_CBC_HMAC_SHA512, ACCELERATOR_RSA_2K,
      ACCELERATOR_DEFLATE_1D};
  bench_defaults(1, 2);
  b.slow = _i == 0 ? 30 * HD_US : 0; /* so that fetches are under way */
  all_jobs((struct job){.depth = 300,
                        .algorithm = algorithm[_i],
                        .bytes = 9000,
                        .random_size = true,
                        .content = true});
  run(reset_and_restart);
  ck_assert_uint_gt(accelerator_forgotten(b.device), 50);
  ck_assert_uint_gt(b.bank[0][0].completed, 300);
  const struct record *r[] = {&b.writes, &b.responses};
  bool later = false;
  for (size_t k = 0; k < 2; k++)
    for (size_t i = 0; i < r[k]->n; i++) {
      ck_assert(r[k]->e[i].when < AT(240) || r[k]->e[i].when > AT(300));
      later |= r[k]->e[i].when > AT(300);
    }
  ck_assert(later);
  bench_end();
}
END_TEST

static void add_again(uint64_t unused)
{
  (void)unused;
  struct accelerator_admin *c = command(ACCELERATOR_ADD_INTERFACE, 0);
  c->interface = b.interface[0];
  issue(c);
  send_command(ACCELERATOR_START_BANKS);
}

static void remove_add_run(void)
{
  run_jobs();
  at_host(100 * HD_US, stop_jobs, 0);
  at_host(100 * HD_US, send_command, ACCELERATOR_REMOVE_INTERFACE);
  at_host(110 * HD_US, forget_requests, 0);
  at_host(120 * HD_US, request, 0); /* nobody listens */
  at_host(300 * HD_US, forget_requests, 0);
  at_host(310 * HD_US, add_again, 0);
  at_host(400 * HD_US, job_again, 10);
}

START_TEST(removed_banks_can_be_given_again)
{
  bench_defaults(1, 1);
  all_jobs((struct job){
      .depth = 20, .algorithm = ACCELERATOR_AES_XTS, .bytes = 4096});
  run(remove_add_run);
  ck_assert_uint_eq(stats().ignored_writes, 1);
  ck_assert_uint_gt(b.bank[0][0].completed, 1000);
  ck_assert_int_gt(b.responses.e[b.responses.n - 1].when, AT(400));
  for (int i = 0; i < b.commands; i++)
    ck_assert(!b.command[i].failed);
  bench_end();
}
END_TEST

/* A PASID set and cleared while the interface lives is on what follows. */
static void set_pasid(uint64_t unused)
{
  (void)unused;
  struct accelerator_admin *c = command(ACCELERATOR_SET_PASID, 0);
  c->pasid = 77;
  issue(c);
}

static void change_pasid(void)
{
  request(0);
  at_host(10 * HD_US, set_pasid, 0);
  at_host(20 * HD_US, request, 0);
  at_host(30 * HD_US, send_command, ACCELERATOR_CLEAR_PASID);
  at_host(40 * HD_US, request, 0);
}

START_TEST(pasid_can_be_changed)
{
  bench_defaults(1, 1);
  run(change_pasid);
  const struct record *r[] = {&b.entries, &b.reads, &b.writes, &b.responses};
  for (size_t k = 0; k < 4; k++) {
    ck_assert_uint_eq(r[k]->n, 3);
    for (size_t i = 0; i < 3; i++) {
      ck_assert_uint_eq(r[k]->e[i].flags & PCIE_HAS_PASID, i == 1);
      ck_assert_uint_eq(r[k]->e[i].pasid, i == 1 ? 77 : 0);
    }
  }
  bench_end();
}
END_TEST

static struct accelerator_interface *wrong(void)
{
  struct accelerator_admin *c = command(ACCELERATOR_ADD_INTERFACE, 0);
  c->interface = b.interface[1];
  c->interface.first_bank = 32;
  return &c->interface;
}

static struct accelerator_ring small, nobody;
static void wrong_interfaces(void)
{
  small = nobody = b.rings[1][0];
  small.size = 1;
  nobody.service = ACCELERATOR_DC; /* there are no engines for it */
  wrong()->first_bank = 0;         /* guest 0's */
  wrong()->first_bank = 64;        /* there are none */
  wrong()->banks = 0;
  wrong()->rings = &small;
  wrong()->rings = &nobody;
  command(ACCELERATOR_START_BANKS, 7); /* no such interface */
  for (int i = 4; i < b.commands; i++)
    issue(&b.command[i]);
  wrong();
  issue(&b.command[b.commands - 1]);
}

START_TEST(unsound_commands_fail)
{
  bench_defaults(2, 1);
  b.params.dc_engines = 0;
  run(wrong_interfaces);
  ck_assert_int_eq(b.commands_done, b.commands);
  for (int i = 4; i < b.commands - 1; i++)
    ck_assert(b.command[i].failed);
  ck_assert(!b.command[b.commands - 1].failed);
  bench_end();
}
END_TEST

/* ---- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *s = suite_create("accelerator control");
  TCase *t = tcase_create("control");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, one_message_after_the_time, 0, 2);
  tcase_add_test(t, enabling_finds_what_is_there);
  tcase_add_test(t, no_message_without_cause);
  tcase_add_test(t, polling_never_interrupts);
  tcase_add_loop_test(t, count_ends_the_wait, 0, 2);
  tcase_add_loop_test(t, interrupts_alone_suffice, 0, 3);
  tcase_add_loop_test(t, synchronous_use_waits_for_the_interrupt, 0, 2);
  tcase_add_test(t, stop_drains_and_start_goes_on);
  tcase_add_test(t, stop_does_not_hold_other_commands);
  tcase_add_loop_test(t, reset_forgets_everything, 0, 3);
  tcase_add_test(t, removed_banks_can_be_given_again);
  tcase_add_test(t, pasid_can_be_changed);
  tcase_add_test(t, unsound_commands_fail);
  suite_add_tcase(s, t);
  return run_suite(s);
}
