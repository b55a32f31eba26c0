/*
 * test_virtio_device_block.c - the accelerator as a block device: timing, data,
 * status, errors, limits, and conservation under random traffic.
 *
 * A green run proves nothing about the media (test_storage_*).
 */
#include "test_virtio_device.h"

#define PACKED VIRTIO_BIT(VIRTIO_F_RING_PACKED)
#define EVENT_IDX VIRTIO_BIT(VIRTIO_F_EVENT_IDX)
#define IN_ORDER VIRTIO_BIT(VIRTIO_F_IN_ORDER)
#define INDIRECT VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC)
#define END (START + 2 * HD_MS)

/* ---- one request --------------------------------------------------------- */

static void one_request(uint64_t op)
{
  submit(0, 0, (enum block_op)op, 8, 4096, 2);
}

static int chosen;
static void run_one(void)
{
  at_host(50 * HD_US, one_request, (uint64_t)chosen % 10);
}

/* From the doorbell to the status byte's arrival. */
static double request_time(int variant)
{
  chosen = variant;
  bench_defaults(VIRTIO_BLK, 1, 1);
  b.features |= variant / 10 == 1 ? PACKED : 0;
  b.features |= variant / 10 == 2 ? INDIRECT : 0;
  b.table = variant / 10 == 2 ? 8 : 0;
  b.drive.read_overhead += variant / 10 == 3 ? HD_NS : 0;
  b.drive.write_overhead += variant / 10 == 3 ? HD_NS : 0;
  bench_build(HD_US);
  bench_run(run_one, END);
  MUST(b.completed == 1 && b.failed == 0);
  for (size_t i = 0; i < b.ring_writes.n; i++)
    if (b.ring_writes.e[i].length == 1)
      return (double)(b.ring_writes.e[i].when - START - 50 * HD_US);
  return 0;
}

/* Doorbell, available entry, descriptors, header; the drive; a read's data and
 * status follow the internal path, a write's data is read before. */
START_TEST(a_request_is_the_sum_of_its_stages)
{
  bench_defaults(VIRTIO_BLK, 1, 1);
  const struct pcie_params *p = &b.pcie;
  double read = (double)(p->device_latency + 2 * p->propagation + ANSWER);
  double before =
      (double)(p->port_latency + p->propagation + b.params.doorbell_latency) +
      3 * read + (double)b.params.pipeline_latency + 100e3;
  double after = (double)(p->device_latency + p->propagation);
  double path = 4096 * 8 / 0.096, moved = 4096 * 8 / 0.0192; /* ps */
  double reads = before + 2e6 + 10e6 + moved + path + after;
  double writes = before + 1e6 + read + path + after;
  double slack = 0.2e6; /* serialisation of 4 KiB twice, and of 20 TLPs */
  double got = in_child(request_time, BLOCK_READ);
  ck_assert_double_ge(got, reads - 10);
  ck_assert_double_le(got, reads + slack);
  double wrote = in_child(request_time, BLOCK_WRITE);
  ck_assert_double_ge(wrote, writes - path / 2 - 10); /* halves overlap */
  ck_assert_double_le(wrote, writes + slack);
  ck_assert_double_eq_tol(in_child(request_time, BLOCK_FLUSH),
                          before + 1e6 + after, 0.05e6);
  double packed = in_child(request_time, 10 + BLOCK_READ);
  ck_assert_double_eq_tol(got - packed, read, 10e3);
  double indirect = in_child(request_time, 20 + BLOCK_READ);
  ck_assert_double_eq_tol(indirect - got, read, 10e3);
  ck_assert_double_eq(in_child(request_time, 30 + BLOCK_READ), got + 1e3);
  ck_assert_double_eq(in_child(request_time, 30 + BLOCK_WRITE), wrote + 1e3);
}
END_TEST

/* ---- data ---------------------------------------------------------------- */

static void many_parts(uint64_t op)
{
  submit(0, 0, (enum block_op)op, 8, 20480, 7);
}

static void run_parts(void)
{
  at_host(50 * HD_US, many_parts, (uint64_t)chosen);
}

/* Every byte of every buffer is moved once; a read's before its status, that
 * before the used entry, that before the interrupt. */
START_TEST(data_status_used_interrupt)
{
  bench_defaults(VIRTIO_BLK, 1, 1);
  b.features |= _i & 1 ? PACKED : 0;
  chosen = _i & 2 ? BLOCK_WRITE : BLOCK_READ;
  bench_build(HD_US);
  bench_run(run_parts, END);
  const struct record *r = chosen == BLOCK_READ ? &b.writes : &b.reads;
  uint64_t first = BUFFERS_OF(0, 0) + 4096, bytes = 0;
  static bool moved[20480];
  for (size_t i = 0; i < r->n; i++) {
    if (r->e[i].address < first)
      continue; /* commands */
    for (uint32_t k = 0; k < r->e[i].length; k++) {
      MUST(!moved[r->e[i].address - first + k]);
      moved[r->e[i].address - first + k] = true;
    }
    bytes += r->e[i].length;
  }
  ck_assert_uint_eq(bytes, 20480);
  size_t s = 0;
  while (b.ring_writes.e[s].length != 1)
    s++;
  ck_assert_uint_eq(b.ring_writes.e[s].address, BUFFERS_OF(0, 0) + 64);
  ck_assert_int_le(r->e[r->n - 1].when, b.ring_writes.e[s].when);
  ck_assert_uint_eq(b.ring_writes.e[s + 1].length, _i & 1 ? 16 : 8);
  ck_assert_uint_eq(b.messages.n, 1);
  ck_assert_uint_eq(b.messages.e[0].data, HANDLE_OF(0, 1));
  ck_assert_int_gt(b.messages.e[0].when, b.ring_writes.e[s + 1].when);
  struct virtio_device_stats st = stats(0);
  ck_assert_uint_eq(chosen == BLOCK_READ ? st.read_bytes : st.written_bytes,
                    20480);
  hd_time sum = 0;
  for (int i = 0; i < HD_STAGE_COUNT; i++)
    sum += b.spent[i];
  ck_assert_int_gt(sum, 0);
  ck_assert_int_gt(b.spent[HD_STAGE_DESCRIPTOR_FETCH], 2 * ANSWER);
  ck_assert((b.spent[HD_STAGE_PAYLOAD_READ] > 0) == (chosen == BLOCK_WRITE));
  bench_end();
}
END_TEST

/* ---- errors -------------------------------------------------------------- */

static void run_errors(void)
{
  submit(0, 0, BLOCK_READ, UINT64_C(1) << 40, 4096, 1);
  submit(0, 0, BLOCK_WRITE, 0, 600, 1);
  submit(0, 0, (enum block_op)9, 0, 4096, 1);
  b.bad_every = 4;
  submit(0, 0, BLOCK_WRITE, 0, 4096, 1);
  submit(0, 0, BLOCK_WRITE, 0, 4096, 1);
}

/* Each fails alone, with its status; nothing is stored of what failed. */
START_TEST(errors_are_the_requests_own)
{
  bench_defaults(VIRTIO_BLK, 1, 1);
  bench_build(HD_US);
  bench_run(run_errors, END);
  ck_assert_uint_eq(b.completed, 5);
  ck_assert_uint_eq(b.failed, 4);
  struct virtio_device_stats s = stats(0);
  ck_assert_uint_eq(s.errors, 4);
  ck_assert_uint_eq(s.faults, 1);
  ck_assert_uint_eq(s.writes, 1);
  ck_assert_uint_eq(store_accepted(virtio_device_store(b.device[0])), 4096);
  ck_assert_int_eq(store_reserved(virtio_device_store(b.device[0])), 0);
  bench_end();
}
END_TEST

/* A chain without room for a status fails its queue, not the other. */
static void short_chain(void)
{
  struct driver_queue *d = &b.q[0][0];
  struct virtq_buffer v = {.address = BUFFERS_OF(0, 0), .length = 16};
  add_chain(d, &v, 1, d->free_places[--d->n_free], &b);
  publish(d);
  submit(0, 1, BLOCK_READ, 0, 4096, 1);
}

START_TEST(a_malformed_chain_fails_its_queue)
{
  bench_defaults(VIRTIO_BLK, 1, 2);
  bench_build(HD_US);
  bench_run(short_chain, END);
  ck_assert_uint_eq(stats(0).failed_queues, 1);
  ck_assert_uint_eq(b.completed, 1);
  ck_assert_uint_eq(b.messages.e[0].data, HANDLE_OF(0, 0));
  bench_end();
}
END_TEST

/* ---- limits -------------------------------------------------------------- */

static void run_deep(void)
{
  for (int q = 0; q < b.queues; q++) {
    b.q[0][q].depth = 60;
    refill(&b.q[0][q]);
  }
}

/* No more requests inside than there are slots; the rest wait; the mean and
 * Little's law agree. */
START_TEST(requests_inside_are_limited)
{
  bench_defaults(VIRTIO_BLK, 1, 2);
  b.params.requests = 7;
  b.window.start = START + 200 * HD_US;
  bench_build(HD_US);
  bench_run(run_deep, START + 4 * HD_MS);
  struct virtio_device_stats s = stats(0);
  ck_assert_double_gt(s.requests_mean, 6.8);
  ck_assert_double_le(s.requests_mean, 7);
  double l =
      (double)s.chain_time / (double)(START + 4 * HD_MS - b.window.start);
  ck_assert_uint_gt(s.completed, 500);
  ck_assert_double_eq_tol(l / s.chains_mean, 1, 0.05);
  bench_end();
}
END_TEST

static void run_writes(void)
{
  struct driver_queue *d = &b.q[0][0];
  for (uint64_t i = 0; i < 80; i++)
    put_request(d, BLOCK_WRITE, i * 8, 4096, 1);
  publish(d);
}

/* Payload under way never exceeds the window: reads of the host overlap no
 * further. */
START_TEST(the_window_bounds_payload)
{
  bench_defaults(VIRTIO_BLK, 1, 1);
  b.params.dma_window = 4096;
  bench_build(HD_US);
  bench_run(run_writes, START + HD_MS);
  hd_time turn = b.pcie.device_latency + 2 * b.pcie.propagation + ANSWER;
  uint64_t bytes = 0;
  hd_time first = 0, last = 0;
  for (size_t i = 0; i < b.reads.n; i++)
    if (b.reads.e[i].address >= BUFFERS_OF(0, 0)) {
      first = first ? first : b.reads.e[i].when;
      last = b.reads.e[i].when;
      bytes += b.reads.e[i].length;
    }
  ck_assert_uint_eq(bytes, 80 * 4096);

  double most = ((double)(last - first) / (double)turn + 1) * 4096;
  ck_assert_double_le((double)bytes, most);
  bench_end();
}
END_TEST

/* ---- property: random traffic -------------------------------------------- */

enum { VARIANTS = 16, ROUNDS = 80 };
static gsl_rng *rng;

static void random_submit(uint64_t where)
{
  struct driver_queue *d = &b.q[where >> 8][where & 255];
  uint64_t count = gsl_rng_uniform_int(rng, 12) + 1;
  for (; count > 0 && d->n_free > 0; count--) {
    uint32_t parts = (uint32_t)gsl_rng_uniform_int(rng, 6) + 1;
    if (virtq_driver_free(&d->side) < parts + 2)
      break;
    put_request(d, (enum block_op)gsl_rng_uniform_int(rng, 3),
                gsl_rng_uniform_int(rng, 1 << 20),
                512 * ((uint32_t)gsl_rng_uniform_int(rng, 40) + 1), parts);
  }
  publish(d);
}

static void stop_function(uint64_t vm)
{
  issue(0, command(VIRTIO_ADMIN_STOP, (uint32_t)vm));
}

static void random_traffic(void)
{
  for (int i = 0; i < ROUNDS; i++)
    at_host((hd_time)gsl_rng_uniform_int(rng, 500) * HD_US, random_submit,
            gsl_rng_uniform_int(rng, 2) << 8 | gsl_rng_uniform_int(rng, 2));
  if (chosen)
    at_host(250 * HD_US, stop_function, 0);
}

/* Every request is completed once; with a reset in mid traffic, those of the
 * other function. */
START_TEST(random_requests_are_conserved)
{
  bench_defaults(VIRTIO_BLK, 2, 2);
  b.features = VIRTIO_BIT(VIRTIO_F_VERSION_1) | (_i & 1 ? PACKED : 0) |
               (_i & 2 ? EVENT_IDX : 0) | (_i & 4 ? IN_ORDER : 0) |
               (_i & 8 ? INDIRECT : 0);
  b.table = _i & 8 ? 8 : 0;
  b.polls = _i % 5 == 4;
  b.slow = _i % 3 == 2 ? HD_US : 0;
  b.bad_every = _i % 4 == 3 ? 17 : 0;
  chosen = _i >= VARIANTS;
  rng = hd_rng_new(3, "test", "requests");
  gsl_rng_set(rng, (unsigned long)_i + 1);
  bench_build(_i & 1 ? HD_US : 0);
  bench_run(random_traffic, START + 6 * HD_MS);
  struct virtio_device_stats s = stats(0);
  uint64_t added = 0;
  for (int vm = chosen ? 1 : 0; vm < 2; vm++)
    for (int q = 0; q < 2; q++) {
      ck_assert_uint_eq(b.q[vm][q].taken, b.q[vm][q].added);
      added += b.q[vm][q].added;
    }
  ck_assert_uint_gt(added, 150);
  ck_assert_uint_eq(virtio_device_requests_inside(b.device[0]), 0);
  ck_assert_int_eq(store_reserved(virtio_device_store(b.device[0])), 0);
  if (!chosen) {
    ck_assert_uint_eq(b.completed, added);
    ck_assert_uint_eq(s.completed, added);
    ck_assert_uint_eq(s.chains_used, added);
    ck_assert_uint_eq(s.errors, b.failed);
    ck_assert_uint_eq(b.requests.created, b.requests.destroyed);
  }
  gsl_rng_free(rng);
  bench_end();
}
END_TEST

int main(void)
{
  Suite *s = suite_create("virtio_device_block");
  TCase *t = tcase_create("block");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, a_request_is_the_sum_of_its_stages);
  tcase_add_loop_test(t, data_status_used_interrupt, 0, 4);
  tcase_add_test(t, errors_are_the_requests_own);
  tcase_add_test(t, a_malformed_chain_fails_its_queue);
  tcase_add_test(t, requests_inside_are_limited);
  tcase_add_test(t, the_window_bounds_payload);
  tcase_add_loop_test(t, random_requests_are_conserved, 0, 2 * VARIANTS);
  suite_add_tcase(s, t);
  return run_suite(s);
}
