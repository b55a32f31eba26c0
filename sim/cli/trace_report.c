/* trace_report.c - what a trace run gave: table, CSV, manifest. */
#include "sim/cli/trace.h"

#include "sim/measure/csv.h"
#include "sim/measure/hgrm.h"
#include "sim/measure/manifest.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- values --------------------------------------------------------- */

enum { VALUES_MAX = 64 };

struct value {
  const char *name;
  bool whole;
  uint64_t count;
  double real;
};

struct values {
  struct value v[VALUES_MAX];
  size_t n;
};

static void count(struct values *s, const char *name, uint64_t n)
{
  s->v[s->n++] = (struct value){.name = name, .whole = true, .count = n};
}

static void real(struct values *s, const char *name, double x)
{
  s->v[s->n++] = (struct value){.name = name, .real = x};
}

static double per_second(uint64_t n, hd_time duration)
{
  return duration > 0 ? (double)n / ((double)duration * 1e-12) : NAN;
}

static void add_caches(struct values *s, const struct trace *t)
{
  const struct iommu_stats *u = &t->results.iommu;
  count(s, "iotlb_lookups", iommu_trace_iotlb_lookups(&t->config->iommu, u));
  count(s, "iotlb_hits", u->hits);
  count(s, "iotlb_hits_4k", u->page_hits[IOMMU_4K]);
  count(s, "iotlb_hits_2m", u->page_hits[IOMMU_2M]);
  count(s, "iotlb_hits_1g", u->page_hits[IOMMU_1G]);
  count(s, "iotlb_held", u->held);
  count(s, "context_hits", u->context_hits);
  count(s, "context_misses", u->context_misses);
  count(s, "pasid_hits", u->pasid_hits);
  count(s, "pasid_misses", u->pasid_misses);
  count(s, "pasid_dir_hits", u->pasid_dir_hits);
  count(s, "pasid_dir_misses", u->pasid_dir_misses);
  count(s, "paging_hits_l2", u->paging_level[0]);
  count(s, "paging_hits_l3", u->paging_level[1]);
  count(s, "paging_hits_l4", u->paging_level[2]);
}

static void add_latency(struct values *s, const struct hd_histogram *h,
                        const char *const names[6])
{
  real(s, names[0], hd_histogram_mean_ns(h));
  real(s, names[1], hd_histogram_quantile_ns(h, 0.5));
  real(s, names[2], hd_histogram_quantile_ns(h, 0.9));
  real(s, names[3], hd_histogram_quantile_ns(h, 0.99));
  real(s, names[4], hd_histogram_quantile_ns(h, 0.999));
  real(s, names[5], hd_histogram_max_ns(h));
}

/* Mean number of walks under way. */
static double walkers_busy(const struct iommu_trace_results *r)
{
  return r->duration > 0 ? (double)r->iommu.walk_time / (double)r->duration
                         : NAN;
}

static struct values values_of(const struct trace *t)
{
  static const char *const access[] = {"latency_mean_ns", "latency_p50_ns",
                                       "latency_p90_ns",  "latency_p99_ns",
                                       "latency_p999_ns", "latency_max_ns"};
  static const char *const packet[] = {"packet_mean_ns", "packet_p50_ns",
                                       "packet_p90_ns",  "packet_p99_ns",
                                       "packet_p999_ns", "packet_max_ns"};
  const struct iommu_trace_results *r = &t->results;
  struct values s = {.n = 0};
  count(&s, "depth", (uint64_t)t->depth);
  count(&s, "domains", r->domains);
  count(&s, "packets", r->packets);
  count(&s, "lookups", r->iommu.lookups);
  add_caches(&s, t);
  count(&s, "walks", r->iommu.walks);
  count(&s, "merged", r->iommu.merged);
  count(&s, "stalls", r->iommu.stalls);
  count(&s, "walk_reads", r->iommu.walk_reads);
  count(&s, "walk_llc_hits", r->memory.hits);
  real(&s, "walkers_busy", walkers_busy(r));
  add_latency(&s, &r->latency, access);
  add_latency(&s, &r->packet_latency, packet);
  real(&s, "simulated_us", (double)r->duration * 1e-6);
  real(&s, "accesses_per_s", per_second(r->accesses, r->duration));
  real(&s, "packets_per_s", per_second(r->packets, r->duration));
  return s;
}

/* ---- table ---------------------------------------------------------- */

static void print_ratio(const char *what, uint64_t hits, uint64_t of)
{
  printf("%-22s %14" PRIu64, what, hits);
  if (of > 0)
    printf("  %6.2f %% of %" PRIu64, 100.0 * (double)hits / (double)of, of);
  putchar('\n');
}

static void print_caches(const struct trace *t)
{
  static const char *const pages[] = {"  of 4 KiB pages", "  of 2 MiB pages",
                                      "  of 1 GiB pages"};
  static const char *const levels[] = {"  2 MiB (PDE)", "  1 GiB (PDPTE)",
                                       "  512 GiB (PML4E)"};
  const struct iommu_stats *u = &t->results.iommu;
  print_ratio("context hits", u->context_hits,
              u->context_hits + u->context_misses);
  if (t->config->iommu.mode == IOMMU_SCALABLE) {
    print_ratio("PASID hits", u->pasid_hits, u->pasid_hits + u->pasid_misses);
    print_ratio("PASID directory hits", u->pasid_dir_hits,
                u->pasid_dir_hits + u->pasid_dir_misses);
  }
  print_ratio("IOTLB hits", u->hits,
              iommu_trace_iotlb_lookups(&t->config->iommu, u));
  for (size_t i = 0; i < 3; i++)
    print_ratio(pages[i], u->page_hits[i], 0);
  print_ratio("in IOTLB after walk", u->held, u->walks);
  print_ratio("paging-structure hits", u->paging_hits, u->walks);
  for (size_t i = 0; i < 3; i++)
    print_ratio(levels[i], u->paging_level[i], 0);
}

static void print_latency(const char *what, const struct hd_histogram *h)
{
  printf("%-22s mean %.4g, p50 %.4g, p90 %.4g, p99 %.4g, max %.4g ns\n", what,
         hd_histogram_mean_ns(h), hd_histogram_quantile_ns(h, 0.5),
         hd_histogram_quantile_ns(h, 0.9), hd_histogram_quantile_ns(h, 0.99),
         hd_histogram_max_ns(h));
}

void cli_trace_print(const struct trace *t)
{
  const struct iommu_trace_results *r = &t->results;
  printf("%" PRIu64 " accesses of %" PRIu64 " domains in %" PRIu64
         " packets, %" PRId64 " under way at a time\n\n",
         r->accesses, r->domains, r->packets, t->depth);
  print_caches(t);
  print_ratio("walks", r->iommu.walks, r->iommu.lookups);
  print_ratio("merged", r->iommu.merged, r->iommu.lookups);
  print_ratio("stalled", r->iommu.stalls, r->iommu.lookups);
  printf("%-22s %14" PRIu64 "  %6.3g a walk\n", "memory reads of walks",
         r->iommu.walk_reads,
         r->iommu.walks ? (double)r->iommu.walk_reads / (double)r->iommu.walks
                        : 0);
  printf("%-22s %14.3g  of %" PRId64 "\n", "walkers busy", walkers_busy(r),
         t->config->iommu.walkers);
  print_latency("translation", &r->latency);
  if (r->packets != r->accesses)
    print_latency("packet", &r->packet_latency);
  printf("%-22s %14.6g us\n", "simulated time", (double)r->duration * 1e-6);
  printf("%-22s %14.4g accesses/s, %.4g packets/s\n", "achieved rate",
         per_second(r->accesses, r->duration),
         per_second(r->packets, r->duration));
}

/* ---- files ---------------------------------------------------------- */

static bool complain(const char *error)
{
  cli_message("%s", error);
  return false;
}

static bool write_row(const struct trace *t, const char *path)
{
  struct values s = values_of(t);
  const char *columns[VALUES_MAX + 3] = {"scenario", "trace", "seed"};
  struct hd_csv w;
  for (size_t i = 0; i < s.n; i++)
    columns[3 + i] = s.v[i].name;
  if (!hd_csv_open(&w, path, columns, 3 + s.n))
    return complain(w.error);
  hd_csv_text(&w, t->config->scenario.name);
  hd_csv_text(&w, t->file);
  hd_csv_int(&w, t->config->run.seed);
  for (size_t i = 0; i < s.n; i++)
    if (s.v[i].whole)
      hd_csv_uint(&w, s.v[i].count);
    else
      hd_csv_real(&w, s.v[i].real);
  hd_csv_end_row(&w);
  return hd_csv_close(&w) || complain(w.error);
}

static bool write_manifest(const struct trace *t, const char *path)
{
  const struct iommu_trace_results *r = &t->results;
  struct hd_manifest_outcome outcome = {
      .scenario_hash = hd_scenario_hash(t->point),
      .wall_s = t->wall_s + t->read_s,
      .simulated = r->duration,
      .events = r->engine.events,
      .wakeups = r->engine.wakeups,
      .fingerprint = r->engine.fingerprint,
      .peak_memory_bytes = hd_manifest_peak_memory()};
  struct hd_manifest m;
  hd_manifest_initialize(&m);
  hd_manifest_head(&m, cli_version, t->options->argc, t->options->argv,
                   (uint64_t)t->config->run.seed);
  hd_manifest_set_text(&m, NULL, "trace", t->file);
  hd_manifest_set_text(&m, NULL, "file", t->scenario_file);
  hd_manifest_set_int(&m, NULL, "depth", t->depth);
  hd_manifest_set_uint(&m, NULL, "accesses", r->accesses);
  for (size_t i = 0; i < hd_point_values(t->point); i++) {
    struct hd_point_value v = hd_point_value(t->point, i);
    hd_manifest_setting(&m, v.path, v.text, v.origin);
  }
  hd_manifest_outcome(&m, &outcome);
  hd_manifest_set_real(&m, NULL, "accesses_per_wall_s",
                       (double)r->accesses / outcome.wall_s);
  bool good = hd_manifest_write(&m, path) || complain(m.error);
  hd_manifest_terminate(&m);
  return good;
}

bool cli_trace_write(const struct trace *t, const struct outdir *d)
{
  char error[HD_ATOMIC_ERROR_MAX];
  char *row = cli_format("%s/trace.csv", d->path);
  char *latency = cli_format("%s/latency.hgrm", d->path);
  char *manifest = cli_format("%s/manifest.json", d->path);
  bool good = write_row(t, row);
  if (good && !hd_hgrm_write(&t->results.latency, latency, error, sizeof error))
    good = complain(error);
  good = good && write_manifest(t, manifest);
  if (good)
    printf("\nResults in %s (trace.csv, latency.hgrm, manifest.json)\n",
           d->path);
  free(row);
  free(latency);
  free(manifest);
  return good;
}
