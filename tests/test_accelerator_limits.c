/*
 * test_accelerator_limits.c - what bounds the rate: slices, engines, threads,
 * the arbiter, the link; Little's law; the default device.
 *
 * A green run says that each limit is where its closed form has it, and that
 * the default device does what is published of QAT 4xxx. It does not say that
 * it does it for the same reasons.
 */
#include "sim/scenario/params.h"
#include "test_accelerator.h"

/* ---- slices -------------------------------------------------------------- */

struct limit {
  enum accelerator_algorithm algorithm;
  uint32_t bytes;
  double seconds; /* one request's time in the slice that bounds */
  int slices;
  enum accelerator_slice bound;
};
/* By the rates of test_accelerator.h, and 100 cycles of set-up. */
static const struct limit limits[] = {
    {ACCELERATOR_AES_XTS, 4096, 4096 * 0.5e-9 + 1e-7, 2,
     ACCELERATOR_WIDE_CIPHER},
    {ACCELERATOR_AES_XTS, 64, 64 * 0.5e-9 + 1e-7, 2, ACCELERATOR_WIDE_CIPHER},
    {ACCELERATOR_AES_CBC_HMAC_SHA512, 4096, 4096e-9 + 1e-7, 4,
     ACCELERATOR_CIPHER},
    {ACCELERATOR_RSA_1K, 0, 9e-6 + 1e-7, 6, ACCELERATOR_KEY},
    {ACCELERATOR_ECDSA_384, 0, 120e-6 + 1e-7, 6, ACCELERATOR_KEY},
    {ACCELERATOR_DEFLATE_1S, 8192, 8192 * 0.25e-9 + 1e-7, 1,
     ACCELERATOR_COMPRESS},
    {ACCELERATOR_DEFLATE_1D, 65536, 65536 * 0.4e-9 + 1e-7, 1,
     ACCELERATOR_TRANSLATE},
    {ACCELERATOR_LZ4_9, 8192, 8192e-9 + 1e-7, 1, ACCELERATOR_COMPRESS}};
enum { LIMITS = sizeof limits / sizeof *limits };

/* 2 %: the window may cut a service of each slice at either end. */
START_TEST(slices_over_service_time)
{
  const struct limit *l = &limits[_i];
  bench_defaults(2, 2);
  all_jobs((struct job){
      .depth = 20, .algorithm = l->algorithm, .bytes = l->bytes, .batch = 4});
  measure(2 * HD_MS, 8 * HD_MS);
  ck_assert_double_eq_tol(rate() * l->seconds / l->slices, 1, 0.02);
  struct accelerator_stats s = stats();
  ck_assert_double_gt(s.slice_utilization[l->bound], 0.99);
  ck_assert_double_lt(s.slice_utilization[l->bound], 1.01);
  ck_assert_double_gt(s.slice_queue_mean[l->bound], 1);
  for (int i = 0; i < ACCELERATOR_SLICES; i++)
    if (i != (int)l->bound)
      ck_assert_double_lt(s.slice_utilization[i], 0.95);
  bench_end();
}
END_TEST

/* ---- what is before and behind them -------------------------------------- */

static void small_requests(uint32_t depth)
{
  b.params.wide_cipher_slices = 64;
  all_jobs((struct job){.depth = depth,
                        .algorithm = ACCELERATOR_AES_XTS,
                        .bytes = 64,
                        .batch = 8});
}

/* Firmware of eight engines. */
START_TEST(engines)
{
  bench_defaults(2, 2);
  b.params.sym_cycles = 800;
  small_requests(100);
  measure(HD_MS, HD_MS);
  ck_assert_double_eq_tol(rate() * 800e-9 / 8, 1, 0.005);
  ck_assert_double_gt(stats().engine_utilization[ACCELERATOR_SYM], 0.995);
  bench_end();
}
END_TEST

/* The arbiter's fetches, each a burst of four. */
START_TEST(arbiter)
{
  bench_defaults(1, 1);
  b.params.fetch_cycles = 500;
  small_requests(400);
  measure(HD_MS, HD_MS);
  struct accelerator_stats s = stats();
  double burst = (double)s.answered / (double)s.fetches;
  ck_assert_double_eq_tol((double)s.fetches / 1e-3 * 500e-9, 1, 0.005);
  ck_assert_double_eq_tol(burst, 4, 0.05);
  bench_end();
}
END_TEST

/* One fetch at a time: a DMA read's latency for each burst. */
START_TEST(ring_fetches)
{
  bench_defaults(1, 1);
  b.params.fetches = 1;
  small_requests(400);
  measure(HD_MS, HD_MS);
  double want = 4 / ((double)dma_read(512) * 1e-12);
  ck_assert_double_eq_tol(rate() / want, 1, 0.02); /* reads share the link */
  bench_end();
}
END_TEST

/* Threads bound what is inside: N over the time from fetch to response. */
START_TEST(threads)
{
  bench_defaults(1, 2);
  b.params.sym_engines = 2;
  b.params.sym_threads = 3;
  small_requests(100);
  measure(HD_MS, 2 * HD_MS);
  struct accelerator_stats s = stats();
  ck_assert_double_le(s.inside_mean, 6);
  hd_time inside = 10 * HD_NS + dma_read(64) + 132 * HD_NS;
  hd_time fetch = dma_read(128);
  double most = 6 / ((double)(inside + fetch) * 1e-12);
  ck_assert_double_lt(rate(), most * 1.001);
  ck_assert_double_gt(rate(), most * 0.9); /* waits for firmware, the link */
  bench_end();
}
END_TEST

/* A third generation link of four lanes, both ways at once. Downstream: source
 * data in completions of 256 B and entries; 2 %: DLLPs and SKIPs. */
START_TEST(link_downstream)
{
  bench_defaults(1, 2);
  b.pcie.generation = 3;
  b.pcie.lanes = 4;
  b.pcie.mps = 256;
  b.pcie.ack_interval = b.pcie.fc_interval = 203;
  b.pcie.skip_interval = 1538;
  b.params.wide_cipher_slices = 32;
  all_jobs((struct job){
      .depth = 200, .algorithm = ACCELERATOR_AES_XTS, .bytes = 4096});
  measure(HD_MS, 4 * HD_MS);
  struct pcie_link_stats l;
  pcie_link_get_stats(b.link, &l);
  double raw = pcie_raw_rate(&b.pcie) / 8;
  double upstream = 16 * (256 + 20) + 16 * 20 + 32 + 20 + 20;
  ck_assert_double_eq_tol(rate() * upstream / raw, 1, 0.03);
  ck_assert_double_gt(l.utilization[PCIE_DOWNSTREAM_END], 0.98);
  bench_end();
}
END_TEST

/* ---- Little's law -------------------------------------------------------- */

START_TEST(littles_law)
{
  bench_defaults(2, 2);
  all_jobs((struct job){.depth = 100,
                        .algorithm = ACCELERATOR_AES_CBC_HMAC_SHA512,
                        .bytes = 8000,
                        .random_size = true,
                        .content = true});
  measure(2 * HD_MS, 20 * HD_MS);
  struct accelerator_stats s = stats();
  double span = (double)(b.window.end - b.window.start);
  double time = (double)s.request_time / (double)s.answered;
  ck_assert_double_eq_tol((double)s.answered / span * time / s.depth_mean, 1,
                          0.01);
  /* Responses and tail writes on their way are with the host. */
  ck_assert_double_le(s.depth_mean, 400);
  ck_assert_double_gt(s.depth_mean, 390);
  double read = (double)s.read_latency_sum / (double)s.read_requests;
  ck_assert_double_eq_tol((double)s.read_requests / span * read / s.tags_mean,
                          1, 0.01);
  bench_end();
}
END_TEST

/* ---- the default device -------------------------------------------------- */

static const struct hd_param_section sections[] = {
    {&accelerator_param_table, 0}, {0}};
static const struct hd_param_registry registry = {
    sizeof(struct accelerator_params), sections,
    (const struct hd_param_group[]){{0}}};

/* The device of scenarios/presets/accelerator/NAME.yaml; NULL: the defaults. */
static struct accelerator_params device(const char *name)
{
  const char *source = getenv("SRCDIR"), *where[2] = {NULL, NULL};
  char directory[512], text[64];
  snprintf(directory, sizeof directory, "%s/scenarios",
           source != NULL ? source : ".");
  where[0] = directory;
  struct hd_scenario_env env = {.registry = &registry, .data_dirs = where};
  struct hd_errors *errors = hd_errors_create();
  strcpy(text, "accelerator: {}\n");
  if (name != NULL)
    snprintf(text, sizeof text, "accelerator: {preset: %s}\n", name);
  struct hd_scenario *s =
      hd_scenario_load_text(&env, "device", text, strlen(text), NULL, errors);
  hd_errors_print(errors, stdout);
  ck_assert_ptr_nonnull(s);
  struct hd_point *p = hd_scenario_point(s, 0, errors);
  ck_assert_ptr_nonnull(p);
  struct accelerator_params params =
      *(const struct accelerator_params *)hd_point_config(p);
  hd_point_destroy(p);
  hd_scenario_destroy(s);
  hd_errors_destroy(errors);
  ck_assert_ptr_null(accelerator_params_problem(&params));
  return params;
}

START_TEST(parameter_table_is_sound)
{
  struct hd_errors *errors = hd_errors_create();
  bool sound = hd_params_verify(&registry, errors);
  hd_errors_print(errors, stdout);
  ck_assert(sound);
  hd_errors_destroy(errors);
}
END_TEST

START_TEST(preset_is_the_default)
{
  struct accelerator_params preset = device("qat-4xxx"),
                            standard = device(NULL);
  ck_assert_mem_eq(&preset, &standard, sizeof preset);
}
END_TEST

START_TEST(crypto_preset_shares_the_engines)
{
  struct accelerator_params preset = device("qat-4xxx-crypto");
  ck_assert_int_eq(preset.sym_engines + preset.asym_engines, 8);
  ck_assert_int_eq(preset.sym_engines, preset.asym_engines);
  ck_assert_int_eq(preset.dc_engines, 0);
  preset.key_slices = 0;
  ck_assert_ptr_nonnull(accelerator_params_problem(&preset));
  preset.asym_engines = 0;
  ck_assert_ptr_null(accelerator_params_problem(&preset));
  preset.sym_threads = 0;
  ck_assert_ptr_nonnull(accelerator_params_problem(&preset));
}
END_TEST

/* An on-die endpoint: as wide and as fast as a fifth generation link of 16
 * lanes, which is no limit. */
static void default_device(void)
{
  bench_defaults(4, 1);
  b.params = device(NULL);
  b.params.admin_cost = 0;
}

struct published {
  enum accelerator_algorithm algorithm;
  uint32_t bytes;
  double want; /* Gb/s of source, or operations a second; 0: none known */
  double tolerance;
};
/* Sources are in accelerator_params.c. What has none is printed. */
static const struct published published[] = {
    {ACCELERATOR_AES_XTS, 4096, 96, 0.02},
    {ACCELERATOR_DEFLATE_1D, 65536, 45, 0.02},
    {ACCELERATOR_RSA_2K, 0, 100e3, 0.02},
    {ACCELERATOR_AES_CBC_HMAC_SHA512, 64, 0, 0},
    {ACCELERATOR_AES_CBC_HMAC_SHA512, 256, 0, 0},
    {ACCELERATOR_AES_CBC_HMAC_SHA512, 1024, 0, 0},
    {ACCELERATOR_AES_CBC_HMAC_SHA512, 4096, 0, 0},
    {ACCELERATOR_DEFLATE_1S, 65536, 0, 0},
    {ACCELERATOR_DEFLATE_2D, 65536, 0, 0},
    {ACCELERATOR_LZ4_1, 65536, 0, 0},
    {ACCELERATOR_LZ4_9, 8192, 0, 0},
    {ACCELERATOR_DH_2K, 0, 0, 0},
    {ACCELERATOR_DSA_1K, 0, 0, 0},
    {ACCELERATOR_ECDSA_384, 0, 0, 0}};
enum { PUBLISHED = sizeof published / sizeof *published };

START_TEST(device_does_what_is_published)
{
  const struct published *p = &published[_i];
  default_device();
  all_jobs((struct job){.depth = 128,
                        .algorithm = p->algorithm,
                        .bytes = p->bytes,
                        .content = true,
                        .batch = 16});
  measure(2 * HD_MS, 6 * HD_MS);
  bool operations = p->bytes == 0;
  double got = operations ? rate() : rate() * p->bytes * 8 / 1e9;
  printf("  %-20s %6u B %10.1f %s%s\n", accelerator_kinds[p->algorithm].name,
         p->bytes, got, operations ? "/s" : "Gb/s",
         p->want > 0 ? "" : ", nothing published");
  fflush(stdout);
  if (p->want > 0)
    ck_assert_double_eq_tol(got / p->want, 1, p->tolerance);
  else
    ck_assert_double_gt(got, 1);
  bench_end();
}
END_TEST

/* One at a time, polled or with interrupts: the device's part of the 65 us that
 * a synchronous kernel user sees (LKML, June 2025) is a small one. */
START_TEST(device_alone)
{
  default_device();
  b.vms = 1;
  all_jobs((struct job){.depth = 1,
                        .algorithm = ACCELERATOR_AES_XTS,
                        .bytes = 4096,
                        .content = true,
                        .interrupts = _i});
  measure(HD_MS, HD_MS);
  double us = 1e6 / rate();
  printf("  AES-XTS 4096 B alone, %s: %.2f us\n", _i ? "interrupts" : "polled",
         us);
  fflush(stdout);
  ck_assert_double_gt(us, 1.5);
  ck_assert_double_lt(us, 10);
  bench_end();
}
END_TEST

/* ---- suite --------------------------------------------------------------- */

int main(void)
{
  Suite *s = suite_create("accelerator limits");
  TCase *t = tcase_create("limits");
  tcase_set_timeout(t, 120);
  tcase_add_loop_test(t, slices_over_service_time, 0, LIMITS);
  tcase_add_test(t, engines);
  tcase_add_test(t, arbiter);
  tcase_add_test(t, ring_fetches);
  tcase_add_test(t, threads);
  tcase_add_test(t, link_downstream);
  tcase_add_test(t, littles_law);
  tcase_add_test(t, parameter_table_is_sound);
  tcase_add_test(t, preset_is_the_default);
  tcase_add_test(t, crypto_preset_shares_the_engines);
  tcase_add_loop_test(t, device_does_what_is_published, 0, PUBLISHED);
  tcase_add_loop_test(t, device_alone, 0, 2);
  suite_add_tcase(s, t);
  return run_suite(s);
}
