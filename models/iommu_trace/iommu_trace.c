/* iommu_trace.c - the stream's driver and its run, see iommu_trace.h. */
#include "models/iommu_trace/iommu_trace.h"

#include <stdlib.h>

#define HOST "host"
#define REQUESTER 0x0100u
#define ISSUE_LATENCY HD_PS /* the least that a channel can have */

enum { BATCH = 4096 }; /* accesses taken from the source at a time */

struct slot { /* of a packet under way */
  uint32_t left;
  hd_time issued;
};

struct driver {
  struct hd_component base;
  const struct iommu_trace_config *config;
  struct iommu_trace_results *results;
  struct hd_channel *out;
  struct slot *slots;
  bool legacy;
  struct iommu_trace_access *batch;
  size_t next, end; /* in the batch */
  uint64_t issued;  /* accesses */
  uint64_t unmapped;
  int64_t active; /* packets */
};

/* ---- the stream ----------------------------------------------------- */

/* The next access, not taken yet; NULL at the end. */
static inline const struct iommu_trace_access *peek(struct driver *d)
{
  if (__builtin_expect(d->next == d->end, 0)) {
    d->next = 0;
    d->end = d->config->source(d->config->source_context, d->batch, BATCH);
    if (d->end == 0)
      return NULL;
  }
  return &d->batch[d->next];
}

static void send(struct driver *d, const struct iommu_trace_access *a,
                 uint32_t slot, bool alone)
{
  struct pcie_tlp *tlp = hd_msg_new_zero(&d->base, MSG_TLP_TRANSLATE);
  tlp->msg.tag = alone ? IOMMU_ALONE : 0;
  tlp->type = PCIE_MRD;
  tlp->length = 64;
  tlp->address = a->iova;
  tlp->slot = slot;
  tlp->data = d->issued++;
  tlp->observer = PCIE_NO_OBSERVER;
  if (d->legacy) {
    tlp->requester = (uint16_t)a->domain;
  } else {
    tlp->requester = REQUESTER;
    tlp->pasid = a->domain;
    tlp->flags = PCIE_HAS_PASID;
  }
  hd_send(d->out, ISSUE_LATENCY, tlp);
}

/* The next packet takes the slot. False at the end of the stream. */
static bool issue(struct driver *d, uint32_t slot)
{
  const struct iommu_trace_access *next = peek(d);
  if (!next)
    return false;
  struct slot *s = &d->slots[slot];
  *s = (struct slot){.issued = hd_now(&d->base)};
  for (bool more = true; more; s->left++) {
    struct iommu_trace_access a = *next;
    d->next++;
    next = peek(d);
    more = next && !next->first;
    send(d, &a, slot, d->config->depth == 1 && s->left == 0 && !more);
  }
  d->active++;
  d->results->packets++;
  return true;
}

/* ---- answers -------------------------------------------------------- */

static void start(struct hd_component *self)
{
  struct driver *d = (struct driver *)self;
  int64_t slot = 0;
  while (slot < d->config->depth && issue(d, (uint32_t)slot))
    slot++;
  if (d->active == 0)
    hd_engine_stop_at(self, HD_ENGINE_STOP_NOTICE);
}

static void packet_done(struct driver *d, uint32_t slot)
{
  hd_time now = hd_now(&d->base);
  hd_histogram_add(&d->results->packet_latency, now - d->slots[slot].issued);
  d->active--;
  if (issue(d, slot) || d->active > 0)
    return;
  d->results->duration = now;
  hd_engine_stop_at(&d->base, now + HD_ENGINE_STOP_NOTICE);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct driver *d = (struct driver *)self;
  struct pcie_tlp *tlp = (struct pcie_tlp *)msg;
  HD_REQUIRE(self, msg->kind == MSG_TLP_TRANSLATED, "message of kind %u",
             msg->kind);
  uint32_t slot = tlp->slot;
  d->unmapped += tlp->status != PCIE_SC;
  d->results->accesses++;
  hd_histogram_add(&d->results->latency, tlp->translation);
  if (d->config->answered)
    d->config->answered(d->config->answered_context, tlp->data,
                        tlp->translation);
  hd_msg_free(self, tlp);
  if (--d->slots[slot].left == 0)
    packet_done(d, slot);
}

/* ---- the run -------------------------------------------------------- */

struct rig {
  struct hd_engine *engine;
  struct hd_window window; /* all of the run */
  struct memory *memory;
  struct vtd_tables *tables;
  struct iommu *iommu;
  struct driver driver;
};

static void make_units(struct rig *r, const struct iommu_trace_config *c)
{
  struct hd_engine_options options = {
      .seed = c->seed, .window = c->window, .reproduce = c->reproduce};
  r->window = (struct hd_window){0, HD_TIME_NEVER};
  r->engine = hd_engine_create(&options);
  hd_engine_add_host(r->engine, HOST);
  r->memory = memory_create(r->engine, "memory", HOST, c->memory, &r->window);
  r->iommu =
      iommu_create(r->engine, "iommu", HOST, c->iommu, r->tables, &r->window);
  iommu_own_memory(r->iommu, r->memory, c->memory_latency);
}

static void make_driver(struct rig *r, const struct iommu_trace_config *c,
                        struct iommu_trace_results *results)
{
  static const struct hd_component_ops ops = {
      .kind = "iommu_trace", .handle = handle, .start = start};
  struct driver *d = &r->driver;
  struct hd_component *unit = iommu_component(r->iommu);
  *d = (struct driver){.config = c,
                       .results = results,
                       .legacy = c->iommu->mode == IOMMU_LEGACY};
  d->slots = calloc((size_t)c->depth, sizeof *d->slots);
  d->batch = calloc(BATCH, sizeof *d->batch);
  HD_REQUIRE(NULL, d->slots && d->batch, "out of memory for the trace");
  hd_component_initialize(&d->base, r->engine, &ops, "trace", HOST);
  d->out = hd_channel_open(&d->base, unit, ISSUE_LATENCY);
  iommu_set_root_complex(r->iommu,
                         hd_channel_open(unit, &d->base, ISSUE_LATENCY));
}

static void check(const struct rig *r)
{
  const char *wrong = iommu_check(r->iommu);
  if (!wrong)
    wrong = memory_check(r->memory);
  HD_REQUIRE(&r->driver.base, wrong == NULL, "%s", wrong);
  HD_REQUIRE(&r->driver.base, r->driver.issued == r->driver.results->accesses,
             "an access of the trace was not answered");
}

/* Levels over time are of the time until the last answer; the engine stops
 * later. */
static void collect(struct rig *r, struct iommu_trace_results *results)
{
  r->window.end = hd_time_max(results->duration, 1);
  iommu_get_stats(r->iommu, &results->iommu);
  memory_get_stats(r->memory, &results->memory);
  hd_engine_get_report(r->engine, &results->engine);
}

static void destroy(struct rig *r)
{
  hd_engine_destroy(r->engine);
  iommu_destroy(r->iommu);
  memory_destroy(r->memory);
  vtd_tables_destroy(r->tables);
  free(r->driver.slots);
  free(r->driver.batch);
}

/* The unit first: it tells the tables whether they are nested. */
enum iommu_trace_status iommu_trace_run(const struct iommu_trace_config *c,
                                        struct iommu_trace_results *results)
{
  struct rig r = {0};
  bool legacy = c->iommu->mode == IOMMU_LEGACY;
  *results = (struct iommu_trace_results){0};
  hd_histogram_initialize(&results->latency);
  hd_histogram_initialize(&results->packet_latency);
  r.tables = vtd_tables_create(c->arena_base, c->arena_size, !legacy);
  if (!r.tables)
    return IOMMU_TRACE_NO_ROOM;
  make_units(&r, c);
  make_driver(&r, c, results);
  enum iommu_trace_status status = IOMMU_TRACE_NO_ROOM;
  results->domains = trace_map_build(c->map, r.tables, legacy, REQUESTER);
  if (results->domains > 0) {
    hd_engine_run(r.engine, HD_TIME_NEVER);
    check(&r);
    collect(&r, results);
    status = r.driver.unmapped ? IOMMU_TRACE_UNMAPPED : IOMMU_TRACE_DONE;
  }
  destroy(&r);
  return status;
}

void iommu_trace_results_terminate(struct iommu_trace_results *results)
{
  hd_histogram_terminate(&results->latency);
  hd_histogram_terminate(&results->packet_latency);
}

uint64_t iommu_trace_iotlb_lookups(const struct iommu_params *params,
                                   const struct iommu_stats *stats)
{
  return params->mode == IOMMU_SCALABLE ? stats->pasid_hits
                                        : stats->context_hits;
}
