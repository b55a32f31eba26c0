/*
 * test_accelerator_requests.c - a request's way: latencies, sizes, scatter
 * lists, order.
 *
 * A green run says that the stages take the time they should. It does not say
 * that the hardware has these stages.
 */
#include "test_accelerator.h"

#define RUN (5 * HD_MS)
/* Firmware on an idle engine, one request: 10 cycles of 1 GHz. */
#define FIRMWARE (10 * HD_NS)
#define SETUP (100 * HD_NS)

static void run(void (*script)(void))
{
  bench_build(HD_US);
  bench_run(script, START + RUN);
}

/* ---- latency of one request ---------------------------------------------- */

struct alone { /* of 256 B, or the algorithm's own size */
  enum accelerator_algorithm algorithm;
  hd_time work; /* of slices, without set-up */
  int stages;
  uint32_t input, output;
};
static const struct alone alone[] = {
    {ACCELERATOR_AES_XTS, 128 * HD_NS, 1, 256, 256},
    {ACCELERATOR_AES_CBC_HMAC_SHA512, 384 * HD_NS, 2, 256, 320},
    {ACCELERATOR_RSA_1K, 9 * HD_US, 1, 448, 128},
    {ACCELERATOR_DSA_1K, 12 * HD_US, 1, 464, 0},
    {ACCELERATOR_ECDSA_384, 120 * HD_US, 1, 432, 0},
    {ACCELERATOR_DEFLATE_1S, 64 * HD_NS + 128 * HD_NS, 2, 256, 128},
    {ACCELERATOR_DEFLATE_1D, 64 * HD_NS + 102400 + 128 * HD_NS, 3, 256, 64},
    {ACCELERATOR_DEFLATE_2S, 256 * HD_NS, 2, 256, 128},
    {ACCELERATOR_DEFLATE_2D, 256 * HD_NS + 102400, 3, 256, 64},
    {ACCELERATOR_LZ4_1, 192 * HD_NS, 2, 256, 192},
    {ACCELERATOR_LZ4_9, 384 * HD_NS, 2, 256, 192}};
enum { ALONE = sizeof alone / sizeof *alone };
static const struct alone *the_one;

static void one(void)
{
  submit(new_request(0, 0, the_one->algorithm, 256));
}

/* Everything is one TLP each: the sum of the parts is the latency. */
START_TEST(latency_is_the_sum_of_its_parts)
{
  const struct alone *a = the_one = &alone[_i];
  bench_defaults(1, 1);
  b.service = accelerator_kinds[a->algorithm].service;
  run(one);
  const struct accelerator_request *r = &answered(0)->request;
  const hd_time *spent = r->stamps.spent;
  hd_time work = a->work + a->stages * SETUP;
  hd_time fetch = dma_read(accelerator_entry(b.service));
  near(spent[HD_STAGE_DOORBELL], doorbell());
  near(spent[HD_STAGE_DESCRIPTOR_FETCH], fetch);
  near(spent[HD_STAGE_DEVICE_QUEUE], FIRMWARE);
  near(spent[HD_STAGE_PAYLOAD_READ], dma_read(a->input));
  near(spent[HD_STAGE_WIRE], work);
  ck_assert_int_eq(spent[HD_STAGE_RECEIVE_PATH], 0);
  hd_time wire = a->output ? on_wire(a->output) : 0;
  hd_time total = doorbell() + fetch + FIRMWARE + dma_read(a->input) + work +
                  wire + up(PCIE_MWR, ACCELERATOR_RESPONSE_BYTES);
  near(answered(0)->when - START, total);
  ck_assert_uint_eq(r->status, ACCELERATOR_OK);
  ck_assert_uint_eq(r->produced, a->output);
  ck_assert_uint_eq(b.writes.n, a->output > 0);
  if (a->output > 0)
    ck_assert_uint_eq(b.writes.e[0].length, a->output);
  bench_end();
}
END_TEST

/* Blocked until its end, answered at it. */
static void two_at_the_key_slice(void)
{
  submit(new_request(0, 0, ACCELERATOR_RSA_1K, 0));
  submit(new_request(0, 0, ACCELERATOR_RSA_1K, 0));
}

START_TEST(slice_serves_one_after_the_other)
{
  bench_defaults(1, 1);
  b.service = ACCELERATOR_ASYM;
  b.params.key_slices = _i ? 1 : 2;
  run(two_at_the_key_slice);
  hd_time apart = answered(1)->when - answered(0)->when;
  hd_time service = 9 * HD_US + SETUP;
  if (_i) /* the second waited for the slice since before the first's end */
    near(apart, service);
  else
    ck_assert_int_lt(apart, 100 * HD_NS);
  const hd_time *spent = answered(1)->request.stamps.spent;
  near(spent[HD_STAGE_WIRE], service);
  if (_i)
    ck_assert_int_gt(spent[HD_STAGE_DEVICE_QUEUE], service - 200 * HD_NS);
  bench_end();
}
END_TEST

/* Firmware of one engine: the second request waits for it, though its slices
 * are free; with another engine it does not. */
static void two(void)
{
  put(new_request(0, 0, ACCELERATOR_AES_XTS, 64));
  submit(new_request(0, 0, ACCELERATOR_AES_XTS, 64));
}

START_TEST(engine_takes_up_one_after_the_other)
{
  bench_defaults(1, 1);
  b.params.sym_cycles = 5000;
  b.params.sym_engines = _i ? 1 : 2;
  run(two);
  hd_time apart = answered(1)->when - answered(0)->when;
  if (_i)
    near(apart, 5 * HD_US);
  else
    ck_assert_int_lt(apart, 10 * HD_NS);
  bench_end();
}
END_TEST

/* One thread: the second request is not even fetched before the first one's
 * response has been written. */
START_TEST(thread_is_kept_until_the_response)
{
  bench_defaults(1, 1);
  b.params.sym_engines = b.params.sym_threads = 1;
  run(two);
  ck_assert_uint_eq(b.entries.n, 2);
  hd_time posted = answered(0)->when - up(PCIE_MWR, ACCELERATOR_RESPONSE_BYTES);
  near(b.entries.e[1].when, posted + on_wire(32) + up(PCIE_MRD, 128));
  bench_end();
}
END_TEST

/* ---- session data, scatter lists ----------------------------------------- */

static void with_content(void)
{
  struct accelerator_request *r =
      new_request(0, 0, ACCELERATOR_AES_CBC_HMAC_SHA512, 256);
  r->content = CONTENT_OF(7);
  submit(r);
}

START_TEST(session_data_is_read_beside_the_source)
{
  bench_defaults(1, 1);
  run(with_content);
  ck_assert_uint_eq(b.reads.n, 2);
  ck_assert_uint_eq(b.reads.e[0].address, CONTENT_OF(7));
  ck_assert_uint_eq(b.reads.e[0].length, 192);
  ck_assert_uint_eq(b.reads.e[1].length, 256);
  /* At once, not one after the other: they share the latency. */
  hd_time spent = answered(0)->request.stamps.spent[HD_STAGE_PAYLOAD_READ];
  ck_assert_int_lt(spent, dma_read(256) + 50 * HD_NS);
  bench_end();
}
END_TEST

static struct accelerator_piece out[2];
static void in_pieces(void)
{
  struct accelerator_request *r =
      new_request(0, 0, ACCELERATOR_AES_XTS, 3 * 600);
  cut(r);
  out[0] = (struct accelerator_piece){DESTINATION_OF(1), 1000};
  out[1] = (struct accelerator_piece){DESTINATION_OF(2) + 3072, 2000};
  r->room = 3000;
  r->destination = (struct accelerator_buffer){LIST_OF(500), out, 2};
  submit(r);
}

START_TEST(pieces_are_read_and_written)
{
  uint64_t read = 0, put_first = 0, put_second = 0;
  bench_defaults(1, 1);
  run(in_pieces);
  ck_assert_uint_eq(b.lists.n, 2);
  ck_assert_uint_eq(b.lists.e[0].length, 4 * 16);
  ck_assert_uint_eq(b.lists.e[1].length, 3 * 16);
  for (size_t i = 0; i < b.reads.n; i++)
    read += b.reads.e[i].length;
  for (size_t i = 0; i < b.writes.n; i++)
    if (b.writes.e[i].address < DESTINATION_OF(2))
      put_first += b.writes.e[i].length;
    else
      put_second += b.writes.e[i].length;
  ck_assert_uint_eq(read, 1800);
  ck_assert_uint_eq(put_first, 1000);
  ck_assert_uint_eq(put_second, 800);
  ck_assert_uint_eq(answered(0)->request.status, ACCELERATOR_OK);
  /* Both lists are read at once, before any data. */
  hd_time fetches =
      answered(0)->request.stamps.spent[HD_STAGE_DESCRIPTOR_FETCH];
  ck_assert_int_ge(fetches, dma_read(128) + dma_read(64));
  ck_assert_int_lt(fetches, dma_read(128) + dma_read(64) + 20 * HD_NS);
  ck_assert_int_gt(b.reads.e[0].when, b.lists.e[1].when + ANSWER);
  bench_end();
}
END_TEST

/* ---- order --------------------------------------------------------------- */

static void large_then_small(void)
{
  put(new_request(0, 0, ACCELERATOR_AES_XTS, 65536));
  submit(new_request(0, 0, ACCELERATOR_AES_XTS, 64));
}

/* Responses name their request; a small one overtakes. */
START_TEST(requests_may_overtake)
{
  bench_defaults(1, 1);
  run(large_then_small);
  ck_assert_uint_eq(answered(0)->request.bytes, 64);
  ck_assert_uint_eq(answered(1)->request.bytes, 65536);
  bench_end();
}
END_TEST

static struct job chain = {.depth = 40,
                           .algorithm = ACCELERATOR_AES_CBC_HMAC_SHA512,
                           .bytes = 3000,
                           .random_size = true};

/* All of a request's data is written before its response, and the message
 * comes behind a response (PCIe 2.4.1). */
START_TEST(data_then_response_then_message)
{
  bench_defaults(1, 1);
  b.params.coalesce_time = 0;
  chain.interrupts = true;
  all_jobs(chain);
  bench_build(HD_US);
  bench_run(run_jobs, START + 100 * HD_US);
  ck_assert_uint_gt(b.responses.n, 100);
  ck_assert_uint_gt(b.messages.n, 10);
  for (size_t i = 0; i < b.responses.n && i < 100; i++) {
    const struct accelerator_request *r = &b.responses.e[i].request;
    hd_time last = 0;
    uint64_t bytes = 0;
    for (size_t j = 0; j < b.writes.n; j++) {
      const struct entry *w = &b.writes.e[j];
      if (w->address - r->destination.address >= 0x40000u ||
          w->when > b.responses.e[i].when || w->when < r->stamps.begin)
        continue;
      bytes += w->length;
      last = w->when;
    }
    ck_assert_uint_eq(bytes, r->produced);
    ck_assert_int_le(last, b.responses.e[i].when);
  }
  size_t seen = 0;
  for (size_t i = 0; i < b.messages.n; i++) {
    size_t before = seen; /* at least one response since the last message */
    while (seen < b.responses.n &&
           b.responses.e[seen].when <= b.messages.e[i].when)
      seen++;
    ck_assert_uint_gt(seen, before);
  }
  bench_end();
}
END_TEST

/* ---- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *s = suite_create("accelerator requests");
  TCase *t = tcase_create("requests");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, latency_is_the_sum_of_its_parts, 0, ALONE);
  tcase_add_loop_test(t, slice_serves_one_after_the_other, 0, 2);
  tcase_add_loop_test(t, engine_takes_up_one_after_the_other, 0, 2);
  tcase_add_test(t, thread_is_kept_until_the_response);
  tcase_add_test(t, session_data_is_read_beside_the_source);
  tcase_add_test(t, pieces_are_read_and_written);
  tcase_add_test(t, requests_may_overtake);
  tcase_add_test(t, data_then_response_then_message);
  suite_add_tcase(s, t);
  return run_suite(s);
}
