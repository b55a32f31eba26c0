/* io_stack.c - builds and wires an IO stack, see io_stack.h. */
#include "models/io_stack.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/server_plan.h"

struct hd_engine *io_engine_create(const struct server_config *c,
                                   const struct server_options *o)
{
  struct hd_engine_options options = {.seed = o->seed,
                                      .window = c->run.window,
                                      .shuffle = (uint32_t)c->run.actor_order,
                                      .reproduce = o->reproduce,
                                      .heartbeat = o->heartbeat,
                                      .heartbeat_ctx = o->heartbeat_ctx,
                                      .heartbeat_events = 100000};
  return hd_engine_create(&options);
}

const char *io_stack_path(const struct io_stack *io, char *buffer,
                          const char *name)
{
  snprintf(buffer, IO_STACK_PATH, "%s/%s", io->host, name);
  return buffer;
}

/* ---- building ---------------------------------------------------------- */

static struct pcie_link *make_link(struct io_stack *io, struct io_port *p,
                                   const char *kind, const char *name)
{
  char path[IO_STACK_PATH];
  snprintf(path, sizeof path, "%s/%s%s", io->host, kind, name);
  return pcie_link_create(io->engine, path, io->host, &p->params, io->window);
}

static struct iommu *make_unit(struct io_stack *io, const char *name)
{
  char path[IO_STACK_PATH];
  snprintf(path, sizeof path, "%s/iommu%s", io->host, name);
  struct iommu *u = iommu_create(io->engine, path, io->host, &io->config->iommu,
                                 io->tables, io->window);
  struct hd_component *unit = iommu_component(u);
  iommu_attach_memory(u, io->memory, IO_STACK_HOP);
  iommu_set_root_complex(
      u, root_complex_answer_channel(io->root, unit, IO_STACK_HOP));
  io->units[io->n_units++] = u;
  return u;
}

/* Of the port attached last. */
static void attach_unit(struct io_stack *io, struct io_port *p,
                        const char *name)
{
  if (!io->tables)
    return;
  if (io->config->iommu.units == IOMMU_EACH_STACK)
    p->iommu = make_unit(io, name);
  else
    p->iommu = io->n_units > 0 ? io->units[0] : make_unit(io, "");
  root_complex_attach_iommu(io->root, io->n_ports - 1,
                            iommu_component(p->iommu), IO_STACK_HOP);
}

static void attach_fabric(struct io_stack *io, struct io_port *p,
                          const char *name)
{
  char path[IO_STACK_PATH];
  snprintf(path, sizeof path, "%s/switch%s", io->host, name);
  p->uplink = make_link(io, p, "uplink", name);
  p->fabric =
      pcie_switch_create(io->engine, path, io->host, &p->params, io->window);
  root_complex_attach_link(io->root, p->uplink);
  pcie_switch_attach_upstream(p->fabric, p->uplink);
  pcie_switch_attach_downstream(p->fabric, p->link);
}

struct io_port *io_stack_add_device(struct io_stack *io, const char *name,
                                    const struct pcie_params *params)
{
  HD_REQUIRE(NULL, io->n_ports < IO_STACK_DEVICES, "too many devices");
  struct io_port *p = &io->ports[io->n_ports++];
  p->params = *params;
  p->link = make_link(io, p, "link", name);
  if (params->switch_present)
    attach_fabric(io, p, name);
  else
    root_complex_attach_link(io->root, p->link);
  attach_unit(io, p, name);
  return p;
}

static void make_memory(struct io_stack *io)
{
  char path[IO_STACK_PATH];
  io->memory = memory_create(io->engine, io_stack_path(io, path, "memory"),
                             io->host, &io->config->memory, io->window);
  struct hd_component *memory = memory_component(io->memory);
  root_complex_attach_memory(io->root, memory, IO_STACK_HOP);
  memory_set_root_complex(
      io->memory, root_complex_answer_channel(io->root, memory, IO_STACK_HOP));
  memory_add_region(io->memory, 0, (uint64_t)io->config->host.memory_reserved);
}

static void make_tables(struct io_stack *io)
{
  const struct server_config *c = io->config;
  if (!plan_has_iommu(c))
    return;
  io->tables = vtd_tables_create(
      PLAN_TABLES, (uint64_t)c->host.memory_reserved - PLAN_TABLES,
      c->iommu.mode == IOMMU_SCALABLE);
  if (c->pcie.ats.enabled)
    vtd_tables_allow_ats(io->tables);
}

void io_stack_initialize(struct io_stack *io, const struct server_config *c,
                         struct hd_engine *e, const char *host,
                         struct hd_window *window)
{
  *io = (struct io_stack){
      .config = c, .engine = e, .host = host, .window = window};
  char path[IO_STACK_PATH];
  hd_engine_add_host(e, host);
  io->root = root_complex_create(e, io_stack_path(io, path, "root"), host,
                                 &c->pcie, window);
  make_memory(io);
  make_tables(io);
}

void io_stack_terminate(struct io_stack *io)
{
  for (unsigned i = 0; i < io->n_units; i++)
    iommu_destroy(io->units[i]);
  free(io->faults);
  if (io->tables)
    vtd_tables_destroy(io->tables);
  memory_destroy(io->memory);
  for (unsigned i = 0; i < io->n_ports; i++) {
    if (io->ports[i].fabric) {
      pcie_switch_destroy(io->ports[i].fabric);
      pcie_link_destroy(io->ports[i].uplink);
    }
    pcie_link_destroy(io->ports[i].link);
  }
  root_complex_destroy(io->root);
}

static void require(const struct hd_component *c, const char *trouble)
{
  HD_REQUIRE(c, trouble == NULL, "conservation: %s", trouble);
}

void io_stack_check(const struct io_stack *io)
{
  for (unsigned i = 0; i < io->n_ports; i++) {
    const struct io_port *p = &io->ports[i];
    require(pcie_link_component(p->link), pcie_link_check(p->link));
    if (p->uplink)
      require(pcie_link_component(p->uplink), pcie_link_check(p->uplink));
  }
  require(root_complex_component(io->root), root_complex_check(io->root));
  require(memory_component(io->memory), memory_check(io->memory));
  for (unsigned i = 0; i < io->n_units; i++)
    require(iommu_component(io->units[i]), iommu_check(io->units[i]));
}

/* ---- faults ------------------------------------------------------------ */

static int by_time(const void *a, const void *b)
{
  const struct iommu_fault *x = a, *y = b;
  return (x->when > y->when) - (x->when < y->when);
}

/* All that the units have logged, unit by unit. */
static size_t collect_faults(struct io_stack *io, uint64_t *total)
{
  size_t n = 0;
  *total = 0;
  for (unsigned i = 0; i < io->n_units; i++) {
    const struct iommu_fault *log;
    uint64_t all;
    size_t logged = iommu_faults(io->units[i], &log, &all);
    memcpy(io->faults + n, log, logged * sizeof *log);
    n += logged;
    *total += all;
  }
  return n;
}

size_t io_stack_faults(struct io_stack *io, const struct iommu_fault **log,
                       uint64_t *total)
{
  free(io->faults);
  io->faults =
      calloc(io->n_units * (size_t)IOMMU_FAULT_LOG + 1, sizeof *io->faults);
  HD_REQUIRE(NULL, io->faults != NULL, "out of memory for faults");
  size_t n = collect_faults(io, total);
  if (io->n_units > 1) /* a unit's log is in order */
    qsort(io->faults, n, sizeof *io->faults, by_time);
  *log = io->faults;
  return n < IOMMU_FAULT_LOG ? n : IOMMU_FAULT_LOG;
}

/* ---- metrics ---------------------------------------------------------- */

static double ratio(double a, double b)
{
  return b > 0 ? a / b : NAN;
}

static void add_link(const struct pcie_link *l, double duration, double *m)
{
  struct pcie_link_stats link = {0};
  pcie_link_get_stats(l, &link);
  m[METRIC_pcie_up_utilization] = fmax(m[METRIC_pcie_up_utilization],
                                       link.utilization[PCIE_DOWNSTREAM_END]);
  m[METRIC_pcie_down_utilization] = fmax(m[METRIC_pcie_down_utilization],
                                         link.utilization[PCIE_UPSTREAM_END]);
  m[METRIC_pcie_replays] += (double)(link.replays[0] + link.replays[1]);
  hd_time stall = 0;
  for (int end = 0; end < 2; end++)
    for (int class = 0; class < PCIE_CLASSES; class ++)
      stall = hd_time_max(stall, link.credit_stall[end][class]);
  m[METRIC_pcie_credit_stall_ratio] =
      fmax(m[METRIC_pcie_credit_stall_ratio], (double)stall / duration);
}

static void set_fabric(const struct io_stack *io, double *m)
{
  double duration = (double)io->config->run.duration;
  m[METRIC_pcie_up_utilization] = m[METRIC_pcie_down_utilization] = 0;
  m[METRIC_pcie_replays] = m[METRIC_pcie_credit_stall_ratio] = 0;
  for (unsigned i = 0; i < io->n_ports; i++)
    add_link(io->ports[i].link, duration, m);
  struct memory_stats mem = {0};
  memory_get_stats(io->memory, &mem);
  m[METRIC_llc_hit_ratio] = ratio((double)mem.hits, (double)mem.lines);
  m[METRIC_dram_utilization] = mem.dram_utilization;
}

/* Of all units; walkers: of the unit where most are at work. */
static void set_iommu(const struct io_stack *io, double *m)
{
  if (!io->tables)
    return;
  double seconds = (double)io->config->run.duration / (double)HD_S;
  double lookups = 0, hits = 0, walks = 0, walk_time = 0, busy = 0, faults = 0;
  for (unsigned i = 0; i < io->n_units; i++) {
    struct iommu_stats u = {0};
    iommu_get_stats(io->units[i], &u);
    lookups += (double)u.lookups;
    hits += (double)u.hits;
    walks += (double)u.walks;
    walk_time += (double)u.walk_time / 1e3;
    busy = fmax(busy, u.walkers_busy);
    uint64_t blocked;
    const struct iommu_fault *log;
    iommu_faults(io->units[i], &log, &blocked);
    faults += (double)blocked;
  }
  m[METRIC_iotlb_hit_ratio] = ratio(hits, lookups);
  m[METRIC_iommu_lookups_per_s] = lookups / seconds;
  m[METRIC_iommu_walks_per_s] = walks / seconds;
  m[METRIC_iommu_walk_mean_ns] = ratio(walk_time, walks);
  m[METRIC_iommu_walkers_busy] = busy;
  m[METRIC_iommu_faults] = faults;
}

void io_stack_add_ats(const struct pcie_requester *r,
                      struct pcie_ats_stats *sum)
{
  struct pcie_requester_stats s = {0};
  pcie_requester_get_stats(r, &s);
  sum->lookups += s.ats.lookups;
  sum->hits += s.ats.hits;
  sum->requests += s.ats.requests;
  sum->request_latency_sum += s.ats.request_latency_sum;
  sum->refused += s.ats.refused;
}

void io_stack_ats_metrics(const struct io_stack *io,
                          const struct pcie_ats_stats *sum, double *m)
{
  if (!io->config->pcie.ats.enabled)
    return;
  double seconds = (double)io->config->run.duration / (double)HD_S;
  m[METRIC_atc_hit_ratio] = ratio((double)sum->hits, (double)sum->lookups);
  m[METRIC_ats_requests_per_s] = (double)sum->requests / seconds;
  m[METRIC_ats_request_mean_ns] =
      ratio((double)sum->request_latency_sum / 1e3, (double)sum->requests);
  m[METRIC_ats_refused] = (double)sum->refused;
}

void io_stack_metrics(const struct io_stack *io, double *metric)
{
  set_fabric(io, metric);
  set_iommu(io, metric);
}

void io_stack_resources(const struct io_stack *io, struct server_results *r)
{
  const double *m = r->group[0].metric;
  server_add_resource(r, "PCIe up", m[METRIC_pcie_up_utilization]);
  server_add_resource(r, "PCIe down", m[METRIC_pcie_down_utilization]);
  if (io->n_units > 0)
    server_add_resource(r, "IOMMU walkers",
                        m[METRIC_iommu_walkers_busy] /
                            (double)io->config->iommu.walkers);
  server_add_resource(r, "DRAM", m[METRIC_dram_utilization]);
}
