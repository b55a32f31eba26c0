/* bench_machine.c - builds and runs the DMA benchmark, see bench_machine.h. */
#include "models/bench_machine.h"

#include <math.h>
#include <stdlib.h>

#include "models/dmabench/dma_bench.h"
#include "models/server_plan.h"
#include "sim/engine/rng.h"

enum { CHUNKS = 16, PAGE = 4096 };
_Static_assert(CHUNKS *PLAN_BENCH_CHUNK == PLAN_BENCH_BUFFER, "buffer size");

/* PCI address of the device: 03:00.0. */
#define REQUESTER 0x0300u

/* Bus addresses of the first chunk; the others follow downwards, but for the
 * 1 MiB in which writes are interrupts (x86, 0xfee00000), which an allocator of
 * bus addresses leaves out. */
#define FIRST_IOVA UINT64_C(0xffc00000)
#define INTERRUPTS UINT64_C(0xfee00000)

/* Lines that are written before the start of a test that writes at random, at
 * most: some times the lines in the DDIO ways of a large cache. */
#define PREPARED_LINES (UINT64_C(1) << 20)

struct bench_machine {
  struct io_stack *io;
  struct dma_bench *device;
  struct hd_breakdown breakdown; /* empty */
  uint64_t hpa[CHUNKS];
  uint64_t bus[CHUNKS]; /* as the device sees them */
};

/* ---- the buffer ------------------------------------------------------- */

/* Where a kernel that has run for a while finds 4 MiB: scattered over the span,
 * never twice the same place, at no regular distance (a regular one would put
 * all chunks' lines into the same sets of the cache). */
static uint64_t chunk_address(uint64_t base, uint64_t i)
{
  return base + (7 * i + i * i % 5) * PLAN_BENCH_CHUNK;
}

static void place_chunks(struct bench_machine *b)
{
  uint64_t base = plan_bench_base(b->io->config), iova = FIRST_IOVA;
  for (uint64_t i = 0; i < CHUNKS; i++) {
    b->hpa[i] = chunk_address(base, i);
    if (iova <= INTERRUPTS && INTERRUPTS - iova < PLAN_BENCH_CHUNK)
      iova -= PLAN_BENCH_CHUNK;
    b->bus[i] = b->io->tables ? iova : b->hpa[i];
    iova -= PLAN_BENCH_CHUNK;
  }
  uint16_t region = memory_add_region(b->io->memory, base, PLAN_BENCH_SPAN);
  if (b->io->config->bench.numa == BENCH_REMOTE)
    memory_set_remote(b->io->memory, region);
}

/* Mappings are made upwards, so the last chunk goes first. */
static void map_chunks(struct bench_machine *b)
{
  struct vtd_tables *t = b->io->tables;
  if (!t)
    return;
  uint32_t domain = vtd_domain_create(t);
  bool ok = domain != 0;
  for (size_t i = CHUNKS; ok && i-- > 0;)
    ok = vtd_domain_map(t, domain, b->bus[i], b->hpa[i], PLAN_BENCH_CHUNK,
                        plan_page_shift(b->io->config), true);
  ok = ok && vtd_attach_requester(t, REQUESTER, domain);
  HD_REQUIRE(NULL, ok, "no room for the remapping structures");
}

/* ---- the caches before the test --------------------------------------- */

/* Writes `length` bytes of the window from `offset` on, within a chunk. */
static void touch(struct bench_machine *b, uint64_t offset, uint64_t length,
                  bool device)
{
  memory_warm(b->io->memory,
              b->hpa[offset / PLAN_BENCH_CHUNK] + offset % PLAN_BENCH_CHUNK,
              length, device);
}

/* One pass over the window. With least recently used replacement in an empty
 * cache, several passes leave what one does. */
static void write_window(struct bench_machine *b, bool device)
{
  uint64_t window = (uint64_t)b->io->config->bench.window;
  for (uint64_t at = 0; at < window; at += PLAN_BENCH_CHUNK)
    touch(b, at,
          window - at < PLAN_BENCH_CHUNK ? window - at : PLAN_BENCH_CHUNK,
          device);
}

/* Places at which a transfer may begin: every `unit` bytes of a page (or of a
 * smaller window). */
struct places {
  uint64_t unit, per_page, pages;
};

static struct places places_of(const struct bench_params *p)
{
  uint64_t unit = ((uint64_t)(p->transfer + p->host_offset) + 63) / 64 * 64;
  uint64_t window = (uint64_t)p->window;
  uint64_t page = window < PAGE ? window : PAGE;
  return (struct places){unit, page / unit, window / page};
}

static void write_at_random(struct bench_machine *b)
{
  const struct bench_params *p = &b->io->config->bench;
  struct places w = places_of(p);
  uint64_t lines = 4 * w.pages * w.per_page * (w.unit / 64);
  if (lines > PREPARED_LINES)
    lines = PREPARED_LINES;
  gsl_rng *rng =
      hd_rng_new(hd_engine_seed(b->io->engine), "server/bench", "preparation");
  for (uint64_t done = 0; done < lines; done += w.unit / 64) {
    uint64_t page = gsl_rng_uniform_int(rng, w.pages);
    uint64_t place = gsl_rng_uniform_int(rng, w.per_page);
    touch(b, page * PAGE + place * w.unit + (uint64_t)p->host_offset,
          (uint64_t)p->transfer, true);
  }
  gsl_rng_free(rng);
}

static void prepare_caches(struct bench_machine *b)
{
  const struct bench_params *p = &b->io->config->bench;
  if (p->cache != BENCH_COLD)
    write_window(b, p->cache == BENCH_DWARM);
  if (p->op == BENCH_RD)
    return;
  if (p->pattern == BENCH_SEQ)
    write_window(b, true);
  else
    write_at_random(b);
}

/* ---- life ------------------------------------------------------------- */

static void make_device(struct bench_machine *b)
{
  const struct server_config *c = b->io->config;
  b->device = dma_bench_create(b->io->engine, "server/bench", IO_STACK_HOST,
                               &c->bench, &c->device, &c->pcie, b->io->window);
  dma_bench_attach_link(b->device, b->io->ports[0].link);
  struct dma_bench_buffer buffer = {.chunks = b->bus,
                                    .n_chunks = CHUNKS,
                                    .chunk_size = PLAN_BENCH_CHUNK,
                                    .requester = REQUESTER};
  dma_bench_set_buffer(b->device, &buffer);
}

struct bench_machine *bench_machine_create(struct io_stack *io)
{
  io_stack_add_device(io, "", &io->config->pcie);
  struct bench_machine *b = calloc(1, sizeof *b);
  HD_REQUIRE(NULL, b != NULL, "out of memory for the benchmark");
  b->io = io;
  hd_breakdown_initialize(&b->breakdown);
  const struct run_params *run = &io->config->run;
  *io->window = (struct hd_window){run->warmup, run->warmup + run->duration};
  place_chunks(b);
  map_chunks(b);
  prepare_caches(b);
  make_device(b);
  return b;
}

void bench_machine_run(struct bench_machine *b)
{
  hd_engine_run(b->io->engine, b->io->window->end);
  io_stack_check(b->io);
  const char *trouble = dma_bench_check(b->device);
  HD_REQUIRE(dma_bench_component(b->device), trouble == NULL,
             "conservation: %s", trouble);
}

void bench_machine_destroy(struct bench_machine *b)
{
  dma_bench_destroy(b->device);
  hd_breakdown_terminate(&b->breakdown);
  free(b);
}

/* ---- results ---------------------------------------------------------- */

/* A mix counts its reads and its writes apart: the mean of both directions. */
static void set_rates(const struct bench_machine *b,
                      const struct dma_bench_stats *d, double *m)
{
  const struct server_config *c = b->io->config;
  double seconds = (double)c->run.duration / (double)HD_S;
  double directions = c->bench.op == BENCH_RDWR || c->bench.op == BENCH_WRRD;
  double share = 1 / (1 + directions) / seconds;
  m[METRIC_dma_per_s] = (double)(d->reads + d->writes) * share;
  m[METRIC_dma_gbps] =
      (double)(d->read_bytes + d->write_bytes) * 8 / 1e9 * share;
  m[METRIC_pcie_tags_mean] = d->tags_mean;
  if (d->requester.requests)
    m[METRIC_pcie_read_latency_mean_ns] =
        (double)d->requester.request_latency_sum / 1e3 /
        (double)d->requester.requests;
}

/* Tags limit only when nothing else does: they are held for as long as whatever
 * is slow behind them takes. */
static void list_resources(const struct bench_machine *b,
                           const struct dma_bench_stats *d,
                           struct server_results *r)
{
  static const char tags_name[] = "read tags";
  double tags = d->tags_mean / (double)b->io->config->device.tags;
  struct group_results *g = &r->group[0];
  double most = SERVER_LIMITING;
  g->limited_by = tags > most ? tags_name : "nothing";
  io_stack_resources(b->io, r);
  for (size_t i = 0; i < r->n_resources; i++)
    if (r->resource[i].utilization > most) {
      most = r->resource[i].utilization;
      g->limited_by = r->resource[i].name;
    }
  server_add_resource(r, tags_name, tags);
}

void bench_machine_results(const struct bench_machine *b,
                           struct server_results *r)
{
  *r = (struct server_results){.n_groups = 1};
  struct group_results *g = &r->group[0];
  struct dma_bench_stats d = {0};
  dma_bench_get_stats(b->device, &d);
  for (int i = 0; i < METRIC_COUNT; i++)
    g->metric[i] = NAN;
  g->name = "all";
  g->latency = d.latency;
  g->breakdown = &b->breakdown;
  server_latency_metrics(d.latency, g->metric);
  set_rates(b, &d, g->metric);
  io_stack_metrics(b->io, g->metric);
  io_stack_ats_metrics(b->io, &d.requester.ats, g->metric);
  list_resources(b, &d, r);
  hd_engine_get_report(b->io->engine, &r->engine);
  r->n_faults = io_stack_faults(b->io, &r->faults, &r->faults_total);
}
