/*
 * test_storage_commands.c - a command's way: latencies, PRP lists, completion
 * entries, arbitration, faults, invalid commands.
 *
 * A green run says that the stages take the time they should and that queues
 * behave as NVM Express asks. It does not say that a drive has these stages.
 */
#include "test_storage.h"

#define RUN (HD_MS)

static const struct entry *completion(size_t i)
{
  ck_assert_uint_lt(i, b.completions.n);
  return &b.completions.e[i];
}

/* Conversions of cycles and bytes round once each. */
static void near(hd_time got, hd_time want)
{
  ck_assert_int_ge(got, want - 20);
  ck_assert_int_le(got, want + 20);
}

/* ---- latency ------------------------------------------------------------- */

static void one_read(void)
{
  read_blocks(8 * 1234);
}

static void one_write(void)
{
  write_blocks(8 * 1234);
}

/* From the doorbell's effect to the end of the pipeline. */
static hd_time to_execution(hd_time overhead)
{
  return dma_read(STORAGE_SQ_ENTRY) + HD_NS + overhead;
}

START_TEST(latency_of_one_read)
{
  bench_defaults(1, 1);
  b.enable = false;                     /* keeps the link to the doorbell */
  b.params.internal_rate = 80000000000; /* 10 GB/s */
  b.params.channel_rate = 8000000000;   /* 1 GB/s */
  bench_build(HD_US);
  bench_run(one_read, START + RUN);
  const hd_time *spent = completion(0)->request.stamps.spent;
  hd_time media = 50 * HD_US + 4096 * HD_NS + 409600;
  /* Eight payload writes of 512 B on the link, the entry behind them. */
  hd_time wire = 8 * (up(PCIE_MWR, 512) - up(PCIE_MWR, 0)) + 7 * 318;
  near(spent[HD_STAGE_DOORBELL], doorbell());
  near(spent[HD_STAGE_DESCRIPTOR_FETCH], dma_read(64));
  near(spent[HD_STAGE_DEVICE_QUEUE], HD_NS + 2 * HD_US);
  near(spent[HD_STAGE_WIRE], media);
  ck_assert_int_eq(spent[HD_STAGE_PAYLOAD_READ], 0);
  hd_time total = doorbell() + to_execution(2 * HD_US) + media + wire +
                  up(PCIE_MWR, STORAGE_CQ_ENTRY);
  ck_assert_int_ge(completion(0)->when - START, total - 500);
  ck_assert_int_le(completion(0)->when - START, total + 500);
  ck_assert_uint_eq(completion(0)->request.status, BLOCK_OK);
  bench_end();
}
END_TEST

/* Payload comes in eight reads that overlap: the last one's answer follows the
 * first one's by seven completions on the wire. */
START_TEST(latency_of_one_cached_write)
{
  bench_defaults(1, 1);
  b.params.internal_rate = 80000000000;
  bench_build(HD_US);
  bench_run(one_write, START + RUN);
  const hd_time *spent = completion(0)->request.stamps.spent;
  hd_time more = 7 * (up(PCIE_CPLD, 512) - up(PCIE_CPLD, 0) + 318);
  hd_time payload = dma_read(512) + more;
  near(spent[HD_STAGE_DEVICE_QUEUE], HD_NS + 3 * HD_US);
  ck_assert_int_ge(spent[HD_STAGE_PAYLOAD_READ], payload - 500);
  ck_assert_int_le(spent[HD_STAGE_PAYLOAD_READ], payload + 500);
  near(spent[HD_STAGE_WIRE], 409600); /* internal path at 10 GB/s */
  hd_time total = doorbell() + to_execution(3 * HD_US) + payload + 409600 +
                  up(PCIE_MWR, STORAGE_CQ_ENTRY);
  ck_assert_int_ge(completion(0)->when - START, total - 500);
  ck_assert_int_le(completion(0)->when - START, total + 500);
  ck_assert_int_eq(store_cached(storage_store(b.device)), 4096);
  bench_end();
}
END_TEST

/* Without cache the program is part of it; no data is lost on the way. */
START_TEST(latency_of_one_write_through)
{
  bench_defaults(1, 1);
  b.params.cache = 0;
  b.params.channel_rate = 8000000000;
  bench_build(HD_US);
  bench_run(one_write, START + RUN);
  near(completion(0)->request.stamps.spent[HD_STAGE_WIRE],
       200 * HD_US + 4096 * HD_NS);
  ck_assert_uint_eq(store_programmed(storage_store(b.device)), 4096);
  bench_end();
}
END_TEST

static void one_flush(void)
{
  submit(new_request(0, 0, BLOCK_FLUSH, 0, 0));
}

START_TEST(flush_ends_behind_the_pipeline)
{
  bench_defaults(1, 1);
  b.enable = false;
  bench_build(HD_US);
  bench_run(one_flush, START + RUN);
  near(completion(0)->when - START,
       doorbell() + to_execution(3 * HD_US) + up(PCIE_MWR, STORAGE_CQ_ENTRY));
  ck_assert_uint_eq(stats().flushes, 1);
  bench_end();
}
END_TEST

/* ---- PRP ----------------------------------------------------------------- */

struct prp_case {
  uint64_t offset;         /* of the buffer in its page */
  uint32_t bytes, entries; /* of the list; 0: none */
};
static const struct prp_case prp[] = {
    {0, 4096, 0},  {512, 4096, 0},  {0, 8192, 0},      {512, 8192, 2},
    {0, 12288, 2}, {0, 131072, 31}, {0, 1048576, 255}, {4, 512, 0}};

static const struct prp_case *the_case;
static void prp_read(void)
{
  submit(new_request(0, 0, BLOCK_READ, 4096, the_case->bytes));
}

static void prp_requests(void)
{
  for (int op = BLOCK_READ; op <= BLOCK_WRITE; op++) {
    struct block_request *r = new_request(0, 0, op, 4096, the_case->bytes);
    r->buffer += the_case->offset;
    submit(r);
  }
}

START_TEST(list_is_read_beyond_two_pages)
{
  bench_defaults(1, 1);
  the_case = &prp[_i];
  bench_build(HD_US);
  bench_run(prp_requests, START + 4 * RUN);
  uint64_t written = 0, read = 0;
  ck_assert_uint_eq(b.completions.n, 2);
  ck_assert_uint_eq(b.failed, 0);
  ck_assert_uint_eq(b.lists.n > 0, the_case->entries > 0);
  for (size_t i = 0; i < b.lists.n; i++)
    written += b.lists.e[i].length;
  ck_assert_uint_eq(written, 2 * 8 * the_case->entries);
  ck_assert_uint_eq(stats().list_reads, the_case->entries ? 2 : 0);
  written = 0;
  for (size_t i = 0; i < b.payload_writes.n; i++)
    written += b.payload_writes.e[i].length;
  for (size_t i = 0; i < b.payload_reads.n; i++)
    if (b.payload_reads.e[i].when > START)
      read += b.payload_reads.e[i].length;
  ck_assert_uint_eq(written, the_case->bytes);
  ck_assert_uint_eq(read, the_case->bytes);
  bench_end();
}
END_TEST

START_TEST(list_costs_one_dma_read)
{
  bench_defaults(1, 1);
  the_case = &prp[4];
  bench_build(HD_US);
  bench_run(prp_read, START + RUN);
  near(completion(0)->request.stamps.spent[HD_STAGE_DESCRIPTOR_FETCH],
       dma_read(64) + dma_read(16));
  bench_end();
}
END_TEST

static uint64_t scattered[2] = {0x50005000, 0x50002000};
static void scattered_read(void)
{
  struct block_request *r = new_request(0, 0, BLOCK_READ, 0, 8192);
  r->buffer = 0x50000000 + 2048;
  r->pages = scattered;
  submit(r);
}

/* Pages need not be neighbours: 2 KiB, a page, 2 KiB. */
START_TEST(payload_goes_to_the_pages_of_the_list)
{
  bench_defaults(1, 1);
  b.params.page_size = 16384;
  bench_build(HD_US);
  bench_run(scattered_read, START + RUN);
  ck_assert_uint_eq(b.payload_writes.n, 16);
  for (uint64_t i = 0; i < 16; i++) {
    uint64_t at = 2048 + i * 512, page = at / 4096;
    uint64_t base = page == 0 ? 0x50000000 : scattered[page - 1];
    ck_assert_uint_eq(b.payload_writes.e[i].address, base + at % 4096);
  }
  bench_end();
}
END_TEST

/* ---- completion entries -------------------------------------------------- */

/* Slots and phases are checked on arrival, by the driver. */
START_TEST(entries_go_around_with_the_phase)
{
  bench_defaults(1, 1);
  b.ring = (uint32_t[]){2, 3, 8, 64}[_i];
  all_jobs(
      (struct job){.depth = b.ring - 1, .bytes = 4096, .read_percent = 50});
  bench_build(HD_US);
  bench_run(run_jobs, START + 10 * HD_MS);
  ck_assert_uint_gt(b.q[0][0].completed, 4 * b.ring);
  bench_end();
}
END_TEST

static void slow_then_fast(void)
{
  write_blocks(800); /* in the cache by the time it is read */
}

static void read_both(uint64_t unused)
{
  (void)unused;
  put(new_request(0, 0, BLOCK_READ, 0, 4096));
  put(new_request(0, 0, BLOCK_READ, 800, 4096));
  ring(0, 0);
}

static void two_reads(void)
{
  slow_then_fast();
  at_host(20 * HD_US, read_both, 0);
}

START_TEST(commands_end_out_of_order)
{
  bench_defaults(1, 1);
  bench_build(HD_US);
  bench_run(two_reads, START + RUN);
  ck_assert_uint_eq(b.completions.n, 3);
  ck_assert_uint_eq(completion(1)->request.lba, 800);
  ck_assert_uint_eq(completion(2)->request.lba, 0);
  ck_assert_uint_eq(stats().store.hits, 1);
  ck_assert_uint_eq(stats().store.misses, 1);
  bench_end();
}
END_TEST

static void tell_now(uint64_t unused)
{
  (void)unused;
  ck_assert_uint_eq(b.q[0][0].completed, b.ring - 1);
  ck_assert_uint_eq(storage_held(b.device), 3);
  tell_head(0, 0);
}

static void more_than_fits(void)
{
  for (uint32_t i = 0; i < b.ring - 1; i++)
    put(new_request(0, 0, BLOCK_READ, 8 * i, 4096));
  ring(0, 0);
}

static void three_more(uint64_t unused)
{
  (void)unused;
  for (uint32_t i = 0; i < 3; i++)
    put(new_request(0, 0, BLOCK_READ, 8 * i, 4096));
  ring(0, 0);
}

static void overfill(void)
{
  more_than_fits();
  at_host(200 * HD_US, three_more, 0);
  at_host(400 * HD_US, tell_now, 0);
}

START_TEST(full_completion_queue_holds_commands)
{
  bench_defaults(1, 1);
  b.ring = 8;
  b.q[0][0].keep_head = true;
  bench_build(HD_US);
  bench_run(overfill, START + RUN);
  ck_assert_uint_eq(b.completions.n, 10);
  ck_assert_uint_eq(stats().completions_held, 3);
  hd_time told = doorbell() + up(PCIE_MWR, STORAGE_CQ_ENTRY);
  near(completion(7)->when - START - 400 * HD_US, told);
  bench_end();
}
END_TEST

/* Submission entries of a queue are taken in its order even if a later fetch is
 * answered first, so that a slot is not used again too early. */
START_TEST(slots_are_used_again_in_order)
{
  bench_defaults(1, 1);
  b.ring = 16;
  b.slow = 200 * HD_US; /* meanwhile others could go around the ring */
  b.params.read_time = HD_US;
  b.params.arbitration_burst = 2;
  all_jobs((struct job){.depth = 15, .bytes = 4096, .read_percent = 100});
  bench_build(HD_US);
  bench_run(run_jobs, START + 5 * HD_MS);
  ck_assert_uint_gt(b.q[0][0].completed, 50);
  bench_end();
}
END_TEST

/* ---- arbitration --------------------------------------------------------- */

/* Places for commands are scarce, so that the arbiter decides who goes on.
 * Queues of all depths have work at all times, and get the same. */
START_TEST(queues_share_equally)
{
  static const uint32_t depth[4] = {32, 64, 256, 1000};
  bench_defaults(2, 2);
  b.params.commands = 16;
  b.params.arbitration_burst = (int64_t[]){1, 4, 8}[_i];
  all_jobs((struct job){.bytes = 4096, .read_percent = 100});
  for (int i = 0; i < 4; i++)
    b.q[i / 2][i % 2].job.depth = depth[i];
  measure(HD_MS, 20 * HD_MS);
  uint64_t least = UINT64_MAX, most = 0;
  for (int i = 0; i < 4; i++) {
    uint64_t done = b.q[i / 2][i % 2].done;
    least = done < least ? done : least;
    most = done > most ? done : most;
  }
  ck_assert_uint_gt(least, 1000);
  /* A burst, and what is inside the device at either end of the window. */
  ck_assert_uint_le(most - least, (uint64_t)b.params.arbitration_burst + 32);
  bench_end();
}
END_TEST

/* A queue gets bursts: with many entries waiting, four of one queue, then four
 * of the other, and no read of more than four. The first queue is alone for its
 * first burst, so it has had its five when the second has had four. */
static void two_piles(void)
{
  for (int q = 0; q < 2; q++)
    for (uint32_t i = 0; i < 20; i++)
      put(new_request(0, q, BLOCK_READ, 8 * i, 4096));
  ring(0, 0);
  ring(0, 1);
}

START_TEST(bursts_alternate)
{
  bench_defaults(1, 2);
  b.params.arbitration_burst = 4;
  b.params.fetch_cycles = 100;
  bench_build(HD_US);
  bench_run(two_piles, START + RUN);
  uint64_t got[2] = {0, 0};
  ck_assert_uint_eq(b.entries.n, 10);
  for (size_t i = 0; i < b.entries.n; i++) {
    ck_assert_uint_eq(b.entries.e[i].length, 4 * 64);
    int queue = i == 9 || (i > 0 && i % 2 == 0);
    ck_assert_uint_eq(b.entries.e[i].address,
                      RING_OF(0, queue, 0) + got[queue]++ * 256);
    if (i > 0) /* the arbiter takes 100 cycles of 1 ns */
      near(b.entries.e[i].when - b.entries.e[i - 1].when, 100 * HD_NS);
  }
  bench_end();
}
END_TEST

/* ---- who ----------------------------------------------------------------- */

static void one_each(void)
{
  for (int vm = 0; vm < b.vms; vm++) {
    submit(new_request(vm, 0, BLOCK_READ, 0, 16384));
    submit(new_request(vm, 0, BLOCK_WRITE, 0, 16384));
  }
}

/* All DMA carries what the interface was given; interrupts carry no PASID. */
START_TEST(requests_carry_requester_and_pasid)
{
  bench_defaults(2, 1);
  bench_build(HD_US);
  bench_run(one_each, START + RUN);
  const struct record *r[] = {&b.entries,       &b.lists,
                              &b.payload_reads, &b.payload_writes,
                              &b.completions,   &b.messages};
  for (size_t k = 0; k < 6; k++) {
    uint64_t of[2] = {0, 0};
    for (size_t i = 0; i < r[k]->n; i++) {
      const struct entry *e = &r[k]->e[i];
      if (e->when < START)
        continue;
      bool pasid = e->flags & PCIE_HAS_PASID, odd = e->requester == 0x0100;
      ck_assert(odd || e->requester == 0x0108);
      ck_assert(pasid == (odd && r[k] != &b.messages));
      ck_assert(!pasid || e->pasid == 11);
      of[odd]++;
    }
    ck_assert_uint_gt(of[0], 0);
    ck_assert_uint_gt(of[1], 0);
  }
  bench_end();
}
END_TEST

/* ---- errors -------------------------------------------------------------- */

static void bad_write(void)
{
  struct block_request *r = new_request(0, 0, BLOCK_WRITE, 0, 8192);
  r->buffer = BAD_ADDRESS + (uint64_t)0x3f000; /* its second page is good */
  submit(r);
}

START_TEST(fault_of_payload_fails_the_write)
{
  bench_defaults(1, 1);
  b.params.cache = _i ? 64 << 20 : 0;
  bench_build(HD_US);
  bench_run(bad_write, START + RUN);
  const struct store *s = storage_store(b.device);
  ck_assert_uint_eq(completion(0)->request.status, BLOCK_TRANSFER_ERROR);
  ck_assert_uint_eq(store_accepted(s), 0);
  ck_assert_uint_eq(store_programmed(s), 0);
  ck_assert_int_eq(store_cached(s) + store_reserved(s), 0);
  ck_assert_uint_eq(stats().errors, 1);
  ck_assert_uint_eq(stats().writes, 0);
  ck_assert_uint_eq(stats().faults, 1);
  bench_end();
}
END_TEST

static void two_long(void)
{
  submit(new_request(0, 0, BLOCK_READ, 0, 16384));
  submit(new_request(0, 0, BLOCK_WRITE, 0, 16384));
}

START_TEST(fault_of_the_list_fails_the_command)
{
  bench_defaults(1, 1);
  b.lists_bad = true;
  bench_build(HD_US);
  bench_run(two_long, START + RUN);
  ck_assert_uint_eq(b.failed, 2);
  for (size_t i = 0; i < 2; i++)
    ck_assert_uint_eq(completion(i)->request.status, BLOCK_TRANSFER_ERROR);
  ck_assert_uint_eq(b.payload_writes.n, 0);
  ck_assert_uint_eq(store_accepted(storage_store(b.device)), 0);
  bench_end();
}
END_TEST

static void heal(uint64_t unused)
{
  (void)unused;
  b.entries_bad = false;
  run_jobs(); /* announced, and not served */
}

/* Guest 0's entries cannot be read: it gets nothing, guest 1 all it wants. */
static void broken_queue(void)
{
  b.entries_bad = true;
  read_blocks(0);
  at_host(100 * HD_US, heal, 0);
}

START_TEST(queue_fails_with_its_entries)
{
  bench_defaults(2, 1);
  bench_build(HD_US);
  all_jobs((struct job){.depth = 8, .bytes = 4096, .read_percent = 50});
  bench_run(broken_queue, START + RUN);
  ck_assert_uint_eq(b.q[0][0].completed, 0);
  ck_assert_uint_gt(b.q[1][0].completed, 100);
  ck_assert_uint_eq(stats().faults, 1);
  ck_assert_uint_ge(storage_held(b.device), 8);
  bench_end();
}
END_TEST

static void invalid_requests(void)
{
  uint64_t end = (uint64_t)b.params.capacity / 512;
  submit(new_request(0, 0, (enum block_op)7, 0, 4096));
  submit(new_request(0, 0, BLOCK_READ, 0, 0));
  submit(new_request(0, 0, BLOCK_READ, 0, 1000));
  submit(new_request(0, 0, BLOCK_WRITE, 0, (1 << 20) + 512));
  submit(new_request(0, 0, BLOCK_READ, end - 7, 4096));
  submit(new_request(0, 0, BLOCK_WRITE, UINT64_MAX, 512));
  struct block_request *r = new_request(0, 0, BLOCK_READ, 0, 16384);
  r->list += 4096 - 16; /* three entries */
  submit(r);
  submit(new_request(0, 0, BLOCK_READ, end - 8, 4096));
  r = new_request(0, 0, BLOCK_READ, 0, 16384);
  r->list += 4096 - 24;
  submit(r);
}

START_TEST(invalid_commands_are_refused)
{
  static const uint8_t status[] = {BLOCK_INVALID_OPCODE,
                                   BLOCK_INVALID_FIELD,
                                   BLOCK_INVALID_FIELD,
                                   BLOCK_INVALID_FIELD,
                                   BLOCK_OUT_OF_RANGE,
                                   BLOCK_OUT_OF_RANGE,
                                   BLOCK_LIST_MISPLACED,
                                   BLOCK_OK,
                                   BLOCK_OK};
  bench_defaults(1, 1);
  b.params.read_overhead = b.params.write_overhead; /* keeps the order */
  bench_build(HD_US);
  bench_run(invalid_requests, START + RUN);
  ck_assert_uint_eq(b.completions.n, 9);
  for (size_t i = 0; i < 9; i++)
    ck_assert_uint_eq(completion(i)->request.status, status[i]);
  bench_end();
}
END_TEST

static void second_namespace(void)
{
  submit(new_request(1, 0, BLOCK_READ, 99, 512));
  submit(new_request(1, 0, BLOCK_READ, 100, 512));
}

/* Guest 1's namespace is 100 blocks that lie behind guest 0's. */
START_TEST(namespaces_are_apart)
{
  bench_defaults(2, 1);
  bench_build(HD_US);
  b.interface[1].first_block = 1 << 20;
  b.interface[1].blocks = 100;
  bench_run(second_namespace, START + RUN);
  ck_assert_uint_eq(completion(0)->request.status, BLOCK_OUT_OF_RANGE);
  ck_assert_uint_eq(completion(1)->request.status, BLOCK_OK);
  bench_end();
}
END_TEST

static void wrong_registers(void)
{
  write_register(STORAGE_SQ_TAIL(0), b.ring, NULL); /* no such entry */
  write_register(STORAGE_CQ_HEAD(0), 1, NULL);      /* nothing to be read */
  write_register(STORAGE_SQ_TAIL(300), 1, NULL);    /* no such queue */
  write_register(STORAGE_CQ_HEAD(300), 1, NULL);
  write_register(STORAGE_SQ_TAIL(0) + 8, 1, NULL); /* no such register */
  write_register(0x20000000, 1, NULL);
}

START_TEST(wrong_register_writes_are_ignored)
{
  bench_defaults(1, 1);
  bench_build(HD_US);
  bench_run(wrong_registers, START + RUN);
  ck_assert_uint_eq(stats().ignored_writes, 6);
  ck_assert_uint_eq(storage_announced(b.device), 0);
  bench_end();
}
END_TEST

/* ---- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *s = suite_create("storage commands");
  TCase *t = tcase_create("commands");
  tcase_set_timeout(t, 120);
  tcase_add_test(t, latency_of_one_read);
  tcase_add_test(t, latency_of_one_cached_write);
  tcase_add_test(t, latency_of_one_write_through);
  tcase_add_test(t, flush_ends_behind_the_pipeline);
  tcase_add_loop_test(t, list_is_read_beyond_two_pages, 0,
                      (int)(sizeof prp / sizeof *prp));
  tcase_add_test(t, list_costs_one_dma_read);
  tcase_add_test(t, payload_goes_to_the_pages_of_the_list);
  tcase_add_loop_test(t, entries_go_around_with_the_phase, 0, 4);
  tcase_add_test(t, commands_end_out_of_order);
  tcase_add_test(t, full_completion_queue_holds_commands);
  tcase_add_test(t, slots_are_used_again_in_order);
  tcase_add_loop_test(t, queues_share_equally, 0, 3);
  tcase_add_test(t, bursts_alternate);
  tcase_add_test(t, requests_carry_requester_and_pasid);
  tcase_add_loop_test(t, fault_of_payload_fails_the_write, 0, 2);
  tcase_add_test(t, fault_of_the_list_fails_the_command);
  tcase_add_test(t, queue_fails_with_its_entries);
  tcase_add_test(t, invalid_commands_are_refused);
  tcase_add_test(t, namespaces_are_apart);
  tcase_add_test(t, wrong_register_writes_are_ignored);
  suite_add_tcase(s, t);
  return run_suite(s);
}
