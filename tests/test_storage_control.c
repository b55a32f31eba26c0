/*
 * test_storage_control.c - vectors and the administration queue: masking,
 * coalescing, stop, reset, removal, refusals.
 */
#include "test_storage.h"

#define RUN (HD_MS)
#define AT(us) (START + (us)*HD_US)

/* ---- vectors ------------------------------------------------------------- */

static void set_vector(uint64_t value)
{
  write_register(STORAGE_VECTOR(VECTOR_OF(0, 0)), value, NULL);
}

static void read_one(uint64_t lba)
{
  read_blocks(lba);
}

static void read_at(hd_time delay)
{
  at_host(delay, read_one, 8);
}

static void three_reads(void)
{
  for (int i = 0; i < 3; i++)
    read_at(i * 100 * HD_US);
}

/* Each completion has its message, behind its entry; the vector stays enabled.
 */
START_TEST(every_completion_interrupts)
{
  bench_defaults(1, 1);
  bench_build(HD_US);
  bench_run(three_reads, START + RUN);
  ck_assert_uint_eq(b.messages.n, 3);
  ck_assert_uint_eq(b.completions.n, 3);
  for (size_t i = 0; i < 3; i++) {
    ck_assert_int_gt(b.messages.e[i].when, b.completions.e[i].when);
    ck_assert_int_lt(b.messages.e[i].when, b.completions.e[i].when + HD_NS);
    ck_assert_uint_eq(b.messages.e[i].address, PCIE_MSI_BASE);
    ck_assert_uint_eq(b.messages.e[i].data, HANDLE_OF(VECTOR_OF(0, 0)));
  }
  ck_assert_uint_eq(stats().interrupts, 3);
  bench_end();
}
END_TEST

static void masked_then_enabled(void)
{
  three_reads();
  at_host(500 * HD_US, set_vector, STORAGE_INT_ENABLE);
  at_host(600 * HD_US, set_vector, STORAGE_INT_ENABLE); /* nothing new */
}

/* Entries the driver has not read: one message, as soon as it is enabled. */
START_TEST(masked_vector_keeps_one_message)
{
  bench_defaults(1, 1);
  b.enable = false;
  b.q[0][0].keep_head = true;
  bench_build(HD_US);
  bench_run(masked_then_enabled, START + RUN);
  ck_assert_uint_eq(b.completions.n, 3);
  ck_assert_uint_eq(b.messages.n, 1);
  hd_time want = AT(500) + doorbell() + up(PCIE_MWR, 4);
  ck_assert_int_ge(b.messages.e[0].when, want - 20);
  ck_assert_int_le(b.messages.e[0].when, want + 20);
  bench_end();
}
END_TEST

/* A driver that has polled the entries away gets no message for them. */
START_TEST(pending_message_goes_with_its_entries)
{
  bench_defaults(1, 1);
  b.enable = false;
  bench_build(HD_US);
  bench_run(masked_then_enabled, START + RUN);
  ck_assert_uint_eq(b.completions.n, 3);
  ck_assert_uint_eq(b.messages.n, 0);
  bench_end();
}
END_TEST

static void masked_again(void)
{
  three_reads();
  at_host(160 * HD_US, set_vector, 0);
}

START_TEST(masking_stops_messages)
{
  bench_defaults(1, 1);
  bench_build(HD_US);
  bench_run(masked_again, START + RUN);
  ck_assert_uint_eq(b.completions.n, 3);
  ck_assert_uint_eq(b.messages.n, 2);
  bench_end();
}
END_TEST

static void seven_reads(void)
{
  for (uint64_t i = 0; i < 7; i++) /* from seven dies */
    at_host((hd_time)i * HD_US, read_one, 8 * i);
}

/* A threshold of three: behind the third and the sixth entry; the seventh waits
 * for the time. */
START_TEST(coalescing_by_threshold_and_time)
{
  bench_defaults(1, 1);
  b.params.coalesce_threshold = 3;
  b.q[0][0].keep_head = true; /* else reading them makes messages needless */
  bench_build(HD_US);
  bench_run(seven_reads, START + RUN);
  ck_assert_uint_eq(b.completions.n, 7);
  ck_assert_uint_eq(b.messages.n, 3);
  for (size_t i = 0; i < 2; i++) {
    hd_time posted = b.completions.e[3 * i + 2].when;
    ck_assert_int_gt(b.messages.e[i].when, posted);
    ck_assert_int_lt(b.messages.e[i].when, posted + HD_NS);
  }
  hd_time late = b.messages.e[2].when - b.completions.e[6].when;
  /* The entry came behind its payload on the link, the message did not. */
  ck_assert_int_ge(late, 100 * HD_US - 100 * HD_NS);
  ck_assert_int_le(late, 100 * HD_US + HD_NS);
  bench_end();
}
END_TEST

static void shared_vector(void)
{
  submit(new_request(0, 0, BLOCK_READ, 0, 4096));
  submit(new_request(0, 1, BLOCK_READ, 8, 4096));
}

START_TEST(queues_may_share_a_vector)
{
  bench_defaults(1, 2);
  bench_build(HD_US);
  b.rings[0][1].vector = 0;
  bench_run(shared_vector, START + RUN);
  ck_assert_uint_eq(b.messages.n, 2);
  ck_assert_uint_eq(b.messages.e[1].data, HANDLE_OF(VECTOR_OF(0, 0)));
  bench_end();
}
END_TEST

/* ---- administration ------------------------------------------------------ */

static void send_command(uint64_t type)
{
  issue(command((enum storage_admin_type)type, 0));
}

static void stop_and_start(void)
{
  run_jobs();
  at_host(200 * HD_US, send_command, STORAGE_STOP_QUEUES);
  at_host(600 * HD_US, send_command, STORAGE_START_QUEUES);
}

/* A stop is answered when all that was fetched is completed, not before; what
 * was not fetched waits in the ring, and is served after the start. */
START_TEST(stop_drains_and_start_goes_on)
{
  bench_defaults(1, 1);
  b.params.commands = 8;
  b.params.admin_cost = 10 * HD_US;
  all_jobs((struct job){.depth = 100, .bytes = 4096, .read_percent = 50});
  bench_build(HD_US);
  bench_run(stop_and_start, START + RUN);
  hd_time stopped = b.answered[2], started = b.answered[3], last = 0;
  ck_assert_int_gt(stopped, AT(210));
  for (size_t i = 0; i < b.completions.n; i++) {
    hd_time at = b.completions.e[i].when;
    ck_assert(at < stopped || at > AT(600));
    last = at < stopped ? at : last;
  }
  ck_assert_int_lt(stopped - last, HD_US);
  ck_assert_int_lt(started, AT(620));
  ck_assert_int_gt(b.completions.e[b.completions.n - 1].when, AT(900));
  bench_end();
}
END_TEST

/* Stopped at rest: answered after its cost. Another's admin commands go on
 * while a stop waits. */
static void stop_busy_and_idle(void)
{
  read_blocks(0);
  at_host(10 * HD_US, send_command, STORAGE_STOP_QUEUES);
  at_host(11 * HD_US, send_command, STORAGE_SET_PASID);
  at_host(200 * HD_US, send_command, STORAGE_STOP_QUEUES);
}

START_TEST(stop_does_not_hold_the_admin_queue)
{
  bench_defaults(1, 1);
  bench_build(HD_US);
  bench_run(stop_busy_and_idle, START + RUN);
  ck_assert_int_gt(b.answered[2], AT(50)); /* the read takes 53 us */
  ck_assert_int_lt(b.answered[3], AT(13));
  ck_assert_int_lt(b.answered[4], AT(202));
  bench_end();
}
END_TEST

static void forget_requests(uint64_t vm)
{
  forget((int)vm, 0);
}

static void reset_while_busy(void)
{
  run_jobs();
  at_host(200 * HD_US, stop_jobs, 0);
  at_host(200 * HD_US, send_command, STORAGE_RESET_INTERFACE);
  at_host(202 * HD_US, forget_requests, 0);
  at_host(203 * HD_US, send_command, STORAGE_START_QUEUES);
}

static void job_again(uint64_t depth)
{
  b.q[0][0].job.depth = (uint32_t)depth;
  run_jobs();
}

static void reset_and_restart(void)
{
  reset_while_busy();
  at_host(300 * HD_US, set_vector, STORAGE_INT_ENABLE);
  at_host(300 * HD_US, job_again, 50);
}

/* After a reset the driver frees its requests; the device must not touch them
 * (the sanitizer and the pool would see), must not write to the host, and
 * starts anew with the first entry and phase 1. */
START_TEST(reset_forgets_everything)
{
  bench_defaults(1, 1);
  b.params.commands = 64;
  b.params.cache = _i ? 2 << 20 : 0;
  all_jobs((struct job){.depth = 200, .bytes = 16384, .read_percent = 50});
  bench_build(HD_US);
  bench_run(reset_and_restart, START + 2 * RUN);
  ck_assert_uint_gt(storage_forgotten(b.device), 50);
  ck_assert_uint_gt(b.q[0][0].completed, 50);
  const struct record *r[] = {&b.payload_writes, &b.completions, &b.lists};
  for (size_t k = 0; k < 3; k++)
    for (size_t i = 0; i < r[k]->n; i++)
      ck_assert(r[k]->e[i].when < AT(203) || r[k]->e[i].when > AT(300));
  bench_end();
}
END_TEST

static void remove_and_add(void)
{
  run_jobs();
  at_host(100 * HD_US, stop_jobs, 0);
  at_host(100 * HD_US, send_command, STORAGE_REMOVE_INTERFACE);
  at_host(110 * HD_US, forget_requests, 0);
}

static void add_again(uint64_t unused)
{
  (void)unused;
  struct storage_admin *c = command(STORAGE_ADD_INTERFACE, 0);
  c->interface = b.interface[0];
  issue(c);
  send_command(STORAGE_START_QUEUES);
}

static void remove_add_run(void)
{
  remove_and_add();
  at_host(120 * HD_US, read_one, 0); /* nobody listens */
  at_host(300 * HD_US, forget_requests, 0);
  at_host(310 * HD_US, add_again, 0);
  at_host(400 * HD_US, job_again, 10);
}

START_TEST(removed_queues_can_be_given_again)
{
  bench_defaults(1, 1);
  all_jobs((struct job){.depth = 20, .bytes = 4096, .read_percent = 50});
  bench_build(HD_US);
  bench_run(remove_add_run, START + RUN);
  ck_assert_uint_eq(stats().ignored_writes, 1);
  ck_assert_uint_gt(b.q[0][0].completed, 20);
  for (int i = 0; i < b.commands; i++)
    ck_assert(!b.command[i].failed);
  bench_end();
}
END_TEST

static struct storage_interface *wrong(void)
{
  struct storage_admin *c = command(STORAGE_ADD_INTERFACE, 0);
  c->interface = b.interface[1];
  c->interface.first_queue = 100;
  c->interface.first_vector = 100;
  return &c->interface;
}

static struct storage_ring small;
static void wrong_interfaces(void)
{
  wrong()->first_queue = 0;    /* guest 0's */
  wrong()->first_queue = 512;  /* there are none */
  wrong()->first_vector = 0;   /* guest 0's */
  wrong()->first_vector = 512; /* there are none */
  wrong()->queue_pairs = 0;
  wrong()->vectors = 0;
  wrong()->rings = &small; /* one entry */
  wrong()->first_block = UINT64_C(1) << 40;
  wrong()->blocks = UINT64_C(1) << 40;
  command(STORAGE_START_QUEUES, 7); /* no such interface */
  for (int i = 4; i < b.commands; i++)
    issue(&b.command[i]);
  wrong();
  issue(&b.command[b.commands - 1]);
}

START_TEST(unsound_commands_fail)
{
  bench_defaults(2, 1);
  bench_build(HD_US);
  small = b.rings[1][0];
  small.size = 1;
  bench_run(wrong_interfaces, START + RUN);
  ck_assert_int_eq(b.commands_done, b.commands);
  for (int i = 4; i < b.commands; i++)
    ck_assert(b.command[i].failed == (i < b.commands - 1));
  ck_assert_uint_eq(b.command[b.commands - 1].result, 2);
  bench_end();
}
END_TEST

/* ---- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *s = suite_create("storage control");
  TCase *t = tcase_create("control");
  tcase_add_test(t, every_completion_interrupts);
  tcase_add_test(t, masked_vector_keeps_one_message);
  tcase_add_test(t, pending_message_goes_with_its_entries);
  tcase_add_test(t, masking_stops_messages);
  tcase_add_test(t, coalescing_by_threshold_and_time);
  tcase_add_test(t, queues_may_share_a_vector);
  tcase_add_test(t, stop_drains_and_start_goes_on);
  tcase_add_test(t, stop_does_not_hold_the_admin_queue);
  tcase_add_loop_test(t, reset_forgets_everything, 0, 2);
  tcase_add_test(t, removed_queues_can_be_given_again);
  tcase_add_test(t, unsound_commands_fail);
  suite_add_tcase(s, t);
  return run_suite(s);
}
