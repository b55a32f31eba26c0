/*
 * test_pcie_bandwidth.c - a saturated link against closed forms.
 *
 * Device, link and root complex are the real ones; memory answers after a
 * fixed time. Closed forms are those of the public pcie-model. A green run says
 * nothing about latency, nor about DLLP traffic that is not periodic.
 */
#include "tests/test_pcie.h"

#include <math.h>

struct stack {
  struct pcie_params params;
  struct hd_window window;
  uint32_t size, n_reads, n_writes;
  uint8_t flags;
  hd_time memory_latency;
  hd_time engine_window;
};

struct outcome {
  double read_gbps, write_gbps, tags_mean, requests_per_s, request_latency;
  double utilization[2];
  uint64_t fingerprint;
};

static double gbps(uint64_t bytes, const struct hd_window *w)
{
  return (double)bytes * 8000.0 / (double)(w->end - w->start);
}

static void run(const void *argument, void *result)
{
  const struct stack *s = argument;
  struct outcome *o = result;
  const struct pcie_params *p = &s->params;
  struct hd_engine *e = test_engine(s->engine_window, 0);
  struct pcie_link *l = pcie_link_create(e, "link", "host", p, &s->window);
  struct root_complex *rc =
      root_complex_create(e, "root", "host", p, &s->window);
  root_complex_attach_link(rc, l);
  struct fake_memory memory;
  fake_memory_attach(&memory, e, rc, s->memory_latency);
  static struct loop_device device;
  device.size = s->size;
  device.n_reads = s->n_reads;
  device.n_writes = s->n_writes;
  device.flags = s->flags;
  device.base_address = 1ull << 32; /* 4-DW headers */
  loop_attach(&device, e, "device", l, p);
  hd_engine_run(e, s->window.end);

  struct pcie_link_stats stats;
  pcie_link_get_stats(l, &stats);
  o->read_gbps = gbps(stats.payload[PCIE_UPSTREAM_END], &s->window);
  o->write_gbps = gbps(stats.payload[PCIE_DOWNSTREAM_END], &s->window);
  memcpy(o->utilization, stats.utilization, sizeof o->utilization);
  struct pcie_requester_stats r;
  pcie_requester_get_stats(device.requester, &r);
  o->tags_mean = r.tags_mean;
  o->request_latency =
      (double)r.request_latency_sum / (double)(r.requests ? r.requests : 1);
  o->requests_per_s =
      (double)r.requests / ((double)hd_now(&device.base) * 1e-12);
  ck_assert_ptr_null(pcie_link_check(l));
  ck_assert_ptr_null(root_complex_check(rc));
  ck_assert_ptr_null(pcie_requester_check(device.requester));
  struct hd_engine_report report;
  hd_engine_get_report(e, &report);
  o->fingerprint = report.fingerprint;
  hd_engine_destroy(e); /* components live until then */
  pcie_link_destroy(l);
  root_complex_destroy(rc);
  pcie_requester_destroy(device.requester);
}

static struct outcome run_stack(struct stack s)
{
  struct outcome o;
  in_child(run, &s, &o, sizeof o);
  return o;
}

/* ---- closed forms ------------------------------------------------------- */

/* Share of the raw rate left to TLPs: one Ack and one UpdateFC of 8 B in every
 * interval, one SKIP of 4 in 1538. */
static double tlp_gbps(const struct pcie_params *p)
{
  static const double rate[] = {2.5, 5, 8, 16, 32};
  double coding = p->generation <= 2 ? 8.0 / 10 : 128.0 / 130;
  double raw = rate[p->generation - 1] * (double)p->lanes * coding;
  return raw * (1 - 16.0 / (double)p->ack_interval - 4.0 / 1538);
}

static double pieces(double size, int64_t most)
{
  return ceil(size / (double)most);
}

/* Payload rate of writes, with `header` bytes a TLP in all. */
static double write_model(const struct pcie_params *p, double size,
                          double header)
{
  return tlp_gbps(p) * size / (size + header * pieces(size, p->mps));
}

static double read_model(const struct pcie_params *p, double size)
{
  double up = 24 * pieces(size, p->mrrs);
  double down = size + 20 * pieces(size, p->mps);
  return tlp_gbps(p) * size / fmax(up, down);
}

static struct stack saturated(int64_t generation, int64_t lanes, uint32_t size)
{
  struct stack s = {.params = test_params(generation, lanes, 256, 512),
                    .window = {2 * HD_US, 22 * HD_US},
                    .size = size,
                    .memory_latency = 100 * HD_NS,
                    .engine_window = 100 * HD_NS};
  s.params.dllp_mode = PCIE_DLLP_PERIODIC;
  s.params.tags = 1024;
  return s;
}

/* 1 %: the window cuts TLPs at both of its ends, and 20 us hold some hundreds
 * of DLLP and SKIP periods. */
static void assert_close(double got, double expected, double tolerance,
                         const char *what, uint32_t size)
{
  ck_assert_msg(fabs(got / expected - 1) < tolerance,
                "%s of %u B: %.3f Gb/s, expected %.3f", what, size, got,
                expected);
}

static const struct {
  int64_t generation, lanes;
} widths[] = {{3, 8}, {4, 16}, {5, 16}};
static const uint32_t sizes[] = {64, 128, 256, 512, 1024, 2048};

START_TEST(writes_saturate)
{
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct stack s =
        saturated(widths[_i].generation, widths[_i].lanes, sizes[i]);
    s.n_writes = 256;
    struct outcome o = run_stack(s);
    assert_close(o.write_gbps, write_model(&s.params, sizes[i], 24), 0.01,
                 "writes", sizes[i]);
  }
}
END_TEST

START_TEST(reads_saturate)
{
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct stack s =
        saturated(widths[_i].generation, widths[_i].lanes, sizes[i]);
    s.n_reads = 1024;
    struct outcome o = run_stack(s);
    assert_close(o.read_gbps, read_model(&s.params, sizes[i]), 0.01, "reads",
                 sizes[i]);
  }
}
END_TEST

/* The closed form itself, against figures of the public model: Gen3 x8 has
 * 57.885 Gb/s for TLPs, a 64 B write 42.1, a 256 B write 52.9. */
START_TEST(closed_form_is_the_public_one)
{
  struct pcie_params p = test_params(3, 8, 256, 512);
  ck_assert_double_eq_tol(tlp_gbps(&p), 57.885, 0.001);
  ck_assert_double_eq_tol(write_model(&p, 8, 24), 14.4712, 0.0005);
  ck_assert_double_eq_tol(read_model(&p, 8), 16.5385, 0.0005);
  ck_assert_double_eq_tol(pcie_raw_rate(&p) * 1e-9, 63.015, 0.001);
}
END_TEST

/* Without periodic DLLPs, writes alone have the whole direction but for SKIPs:
 * Acks and UpdateFCs go the other way. */
START_TEST(on_demand_charges_the_other_direction)
{
  struct stack s = saturated(4, 16, 256);
  s.params.dllp_mode = PCIE_DLLP_ON_DEMAND;
  s.n_writes = 256;
  struct outcome o = run_stack(s);
  double raw = pcie_raw_rate(&s.params) * 1e-9;
  assert_close(o.write_gbps, raw * (1 - 4.0 / 1538) * 256 / 280, 0.002,
               "writes", 256);
  /* The reverse carries one Ack of 8 B in 168, or in the time of a 280 B TLP
   * if that is longer, as it is here: an Ack a TLP. */
  assert_close(o.utilization[PCIE_UPSTREAM_END],
               8.0 / 280 * o.utilization[PCIE_DOWNSTREAM_END], 0.01, "Acks", 8);
}
END_TEST

/* A mix: reads' requests share the wire with writes. */
START_TEST(reads_and_writes_share)
{
  struct stack s = saturated(4, 16, 512);
  s.n_reads = s.n_writes = 64; /* few: a long queue takes long to settle */
  s.window = (struct hd_window){10 * HD_US, 40 * HD_US};
  struct outcome o = run_stack(s);
  double up = o.write_gbps * (512 + 48) / 512 + o.read_gbps * 24 / 512;
  assert_close(up, tlp_gbps(&s.params), 0.01, "mix upstream", 512);
  double down = o.read_gbps * (512 + 40) / 512;
  ck_assert_double_le(down, tlp_gbps(&s.params) * 1.01);
  ck_assert_double_gt(o.read_gbps, 0.5 * read_model(&s.params, 512));
}
END_TEST

static const struct {
  uint32_t size;
  double cost;
} prefix_costs[] = {{64, 4.3}, {128, 2.6}, {256, 1.4}, {512, 1.4}, {1024, 1.4}};

/* 0.3 points, of which 0.05 are the rounding of the published percentages. */
START_TEST(pasid_prefix_costs)
{
  for (size_t i = 0; i < sizeof prefix_costs / sizeof *prefix_costs; i++) {
    struct stack s = saturated(4, 16, prefix_costs[i].size);
    s.n_writes = 256;
    double without = run_stack(s).write_gbps;
    s.flags = PCIE_HAS_PASID;
    double with = run_stack(s).write_gbps;
    double cost = 100 * (1 - with / without);
    ck_assert_msg(fabs(cost - prefix_costs[i].cost) < 0.3,
                  "the prefix costs %.2f %% at %u B, expected %.1f", cost,
                  prefix_costs[i].size, prefix_costs[i].cost);
  }
}
END_TEST

START_TEST(ecrc_costs_four_bytes)
{
  struct stack s = saturated(4, 16, 64);
  s.n_writes = 256;
  s.params.ecrc = true;
  assert_close(run_stack(s).write_gbps, write_model(&s.params, 64, 28), 0.01,
               "writes with ECRC", 64);
}
END_TEST

/* ---- Little's law ------------------------------------------------------- */

/* Tags x size / latency, with the latency of an unloaded read; 2 %: requests of
 * one device queue behind each other for a few ns of the 700. */
START_TEST(tags_limit_reads)
{
  struct stack s = saturated(4, 16, 256);
  s.params.tags = _i;
  s.params.mps = 512;
  s.n_reads = 300;
  s.window.end = 202 * HD_US; /* 290 round trips: 0.3 % */
  s.memory_latency = 500 * HD_NS;
  struct outcome o = run_stack(s);
  double byte = 1e3 / (pcie_raw_rate(&s.params) * 1e-9 / 8); /* ps */
  double latency = 50e3 + 24 * byte + 20e3 + 25e3 + 1e3 + 500e3 + 25e3 + 30e3 +
                   276 * byte + 20e3;
  assert_close(o.read_gbps, 8000.0 * 256 * _i / latency, 0.02, "reads", 256);
  ck_assert_double_eq_tol(o.tags_mean, _i, 0.01 * _i);
  /* L = lambda W, by the requester's own account; what is outstanding at the
   * end, one in 290, is in L only. */
  double little = o.requests_per_s * o.request_latency * 1e-12;
  ck_assert_double_eq_tol(o.tags_mean, little, 0.01 * o.tags_mean);
}
END_TEST

START_TEST(window_changes_nothing)
{
  struct stack s = saturated(4, 16, 700);
  s.params.dllp_mode = PCIE_DLLP_ON_DEMAND;
  s.params.posted_headers = 16;
  s.params.posted_data = 64;
  s.params.non_posted_headers = 8;
  s.params.bit_error_rate = 1e-6;
  s.window.end = 6 * HD_US;
  s.n_reads = s.n_writes = 50;
  struct outcome merged = run_stack(s);
  s.engine_window = 0;
  struct outcome apart = run_stack(s);
  s.engine_window = HD_US;
  struct outcome wide = run_stack(s);
  ck_assert_uint_eq(merged.fingerprint, apart.fingerprint);
  ck_assert_uint_eq(merged.fingerprint, wide.fingerprint);
  ck_assert(merged.read_gbps == apart.read_gbps);
  ck_assert(merged.utilization[0] == apart.utilization[0]);
  s.params.root_latency++; /* and the fingerprint sees a picosecond */
  ck_assert_uint_ne(run_stack(s).fingerprint, merged.fingerprint);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("pcie_bandwidth");
  TCase *tc = tcase_create("saturation");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, closed_form_is_the_public_one);
  tcase_add_loop_test(tc, writes_saturate, 0, 3);
  tcase_add_loop_test(tc, reads_saturate, 0, 3);
  tcase_add_test(tc, on_demand_charges_the_other_direction);
  tcase_add_test(tc, reads_and_writes_share);
  tcase_add_test(tc, pasid_prefix_costs);
  tcase_add_test(tc, ecrc_costs_four_bytes);
  tcase_add_loop_test(tc, tags_limit_reads, 1, 2);
  tcase_add_loop_test(tc, tags_limit_reads, 8, 9);
  tcase_add_loop_test(tc, tags_limit_reads, 32, 33);
  tcase_add_test(tc, window_changes_nothing);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
