/*
 * iommu.c - the remapping unit: its input, the IOTLB lookup, its answers.
 *
 * A request is looked up when it arrives and answered lookup_latency later if
 * it hits; a miss adds the walk between lookup and answer. A hit needs the
 * context entry and, in scalable mode, the PASID entry in their caches, since
 * the IOTLB is tagged by the domain that these name. When neither a walker nor
 * room in the miss queue is left for a miss, it and all requests behind it wait
 * in front of the unit.
 */
#include "models/iommu/iommu.h"

#include <stdlib.h>

#include "models/iommu/internal.h"
#include "sim/engine/rng.h"

_Static_assert((int)IOMMU_LRU == (int)VTD_LRU &&
                   (int)IOMMU_RANDOM == (int)VTD_RANDOM &&
                   (int)IOMMU_FIFO == (int)VTD_FIFO,
               "replacement policies differ");

/* ---- answers -------------------------------------------------------- */

void iommu_answer(struct iommu *u, struct pcie_tlp *tlp, hd_time delay)
{
  delay += u->ahead;
  tlp->translation += hd_now(&u->base) + delay - tlp->entered;
  tlp->msg.kind = MSG_TLP_TRANSLATED;
  u->answered++;
  hd_send(u->answer, delay, tlp);
}

void iommu_block(struct iommu *u, struct pcie_tlp *tlp,
                 enum iommu_fault_reason reason, hd_time delay)
{
  if (tlp->at == PCIE_TRANSLATION_REQUEST &&
      iommu_withhold_translation(u, tlp, &reason, delay))
    return;
  iommu_record_fault(u, tlp, reason);
  tlp->status = PCIE_UR;
  tlp->owner = MEMORY_NO_REGION;
  tlp->hpa = 0;
  iommu_answer(u, tlp, delay);
}

void iommu_finish(struct iommu *u, struct pcie_tlp *tlp, uint64_t page,
                  unsigned shift, bool writable, hd_time delay)
{
  bool write = tlp->type == PCIE_MWR;
  if (__builtin_expect(tlp->at == PCIE_TRANSLATION_REQUEST, 0)) {
    iommu_give_translation(u, tlp, page, shift, writable, delay);
    return;
  }
  if (write && !writable) {
    iommu_block(u, tlp, iommu_page_fault(iommu_first_stage_only(u), write),
                delay);
    return;
  }
  tlp->hpa = page | (tlp->address & ((UINT64_C(1) << shift) - 1));
  tlp->status = PCIE_SC;
  tlp->owner = MEMORY_NO_REGION;
  iommu_answer(u, tlp, delay);
}

/* ---- lookup --------------------------------------------------------- */

enum iommu_known iommu_cached_domain(struct iommu *u, uint16_t requester,
                                     bool has_pasid, uint32_t pasid,
                                     uint32_t *domain)
{
  const uint64_t *context = vtd_cache_find(&u->contexts, requester);
  if (!context || (has_pasid && !(*context & CONTEXT_PASID)))
    return NO_CONTEXT;
  if (u->params.mode == IOMMU_LEGACY) {
    *domain = (uint32_t)(*context >> CONTEXT_DOMAIN_SHIFT);
    return KNOWN;
  }
  uint64_t key = iommu_pasid_key(requester, iommu_pasid(has_pasid, pasid));
  const uint64_t *entry = vtd_cache_find(&u->pasids, key);
  if (!entry)
    return NO_PASID;
  *domain = (uint32_t)*entry;
  return KNOWN;
}

uint64_t *iommu_lookup_page(struct iommu *u, uint32_t domain, uint64_t iova,
                            unsigned *size)
{
  for (uint32_t sizes = u->used_sizes; sizes; sizes &= sizes - 1) {
    *size = (unsigned)__builtin_ctz(sizes);
    uint64_t *value =
        vtd_cache_find(iotlb_of(u, *size), iommu_page_key(domain, *size, iova));
    if (value)
      return value;
  }
  return NULL;
}

/* `size` counts when it is a hit. */
static void count_lookup(struct iommu *u, enum iommu_known known, bool hit,
                         unsigned size)
{
  struct iommu_counters *c = &u->count;
  if (!hd_window_contains(u->window, hd_now(&u->base)))
    return;
  c->lookups.count++;
  c->hits.count += hit;
  c->page_hits[size].count += hit;
  (known == NO_CONTEXT ? &c->context_misses : &c->context_hits)->count++;
  if (known != NO_CONTEXT && u->params.mode == IOMMU_SCALABLE)
    (known == NO_PASID ? &c->pasid_misses : &c->pasid_hits)->count++;
}

/* False: must stall. */
static bool translate(struct iommu *u, struct pcie_tlp *tlp)
{
  uint32_t domain = 0;
  unsigned size = 0;
  if (__builtin_expect(tlp->at == PCIE_TRANSLATED, 0))
    return iommu_check_translated(u, tlp);
  enum iommu_known known = iommu_cached_domain(
      u, tlp->requester, tlp->flags & PCIE_HAS_PASID, tlp->pasid, &domain);
  const uint64_t *found =
      known == KNOWN ? iommu_lookup_page(u, domain, tlp->address, &size) : NULL;
  if (!found) {
    if (!iommu_miss(u, tlp))
      return false;
    count_lookup(u, known, false, 0);
    return true;
  }
  count_lookup(u, known, true, size);
  iommu_finish(u, tlp, *found & ~UINT64_C(4095), 12 + 9 * size,
               (*found & IOTLB_WRITE) != 0, u->hit_delay);
  return true;
}

/* ---- input ---------------------------------------------------------- */

void iommu_resume_input(struct iommu *u)
{
  while (u->input_first) {
    struct hd_msg *head = u->input_first, *rest = head->next;
    if (!translate(u, (struct pcie_tlp *)head))
      return;
    u->input_first = rest;
  }
}

static void request(struct iommu *u, struct pcie_tlp *tlp)
{
  u->arrived++;
  tlp->entered = hd_now(&u->base);
  u->alone = u->own && tlp->msg.tag == IOMMU_ALONE;
  if (u->params.mode == IOMMU_OFF && tlp->at != PCIE_UNTRANSLATED) {
    iommu_block(u, tlp, IOMMU_FAULT_ATS, u->hit_delay);
  } else if (u->params.mode == IOMMU_OFF) {
    tlp->hpa = tlp->address;
    tlp->status = PCIE_SC;
    tlp->owner = MEMORY_NO_REGION;
    iommu_answer(u, tlp, u->hit_delay);
  } else if (tlp->address >> VTD_ADDRESS_BITS) {
    iommu_block(
        u, tlp,
        iommu_page_fault(iommu_first_stage_only(u), tlp->type == PCIE_MWR),
        u->hit_delay);
  } else if (u->input_first || !translate(u, tlp)) {
    iommu_count(u, &u->count.stalls);
    iommu_append(&u->input_first, &u->input_last, &tlp->msg);
  }
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct iommu *u = (struct iommu *)self;
  switch (msg->kind) {
  case MSG_TLP_TRANSLATE:
    request(u, (struct pcie_tlp *)msg);
    break;
  case MSG_MEMORY_DONE:
    iommu_walk_read(u, (struct memory_request *)msg);
    break;
  case MSG_IOMMU_COMMAND:
    iommu_command(u, (struct iommu_command *)msg);
    break;
  case MSG_TLP_MESSAGE:
    iommu_device_answered(u, (struct pcie_tlp *)msg);
    break;
  case MSG_TIMER:
    iommu_command_done(u, (struct iommu_command *)msg);
    break;
  default:
    HD_REQUIRE(self, false, "message of kind %u", msg->kind);
  }
}

/* ---- building ------------------------------------------------------- */

static const struct hd_component_ops ops = {.kind = "iommu", .handle = handle};

static bool initialize_caches(struct iommu *u)
{
  const struct iommu_params *p = &u->params;
  enum vtd_replacement r = (enum vtd_replacement)p->replacement;
  bool done =
      vtd_cache_initialize(&u->iotlb, p->iotlb_entries, p->iotlb_ways, r,
                           u->rng) &&
      vtd_cache_initialize(&u->large, p->iotlb_large_entries,
                           p->iotlb_large_ways, r, u->rng) &&
      vtd_cache_initialize(&u->contexts, p->context_entries, 0, r, u->rng) &&
      vtd_cache_initialize(&u->pasid_directory, p->pasid_dir_entries, 0, r,
                           u->rng) &&
      vtd_cache_initialize(&u->pasids, p->pasid_entries, 0, r, u->rng);
  for (unsigned i = 0; i < VTD_LEVELS - 1; i++)
    done = done &&
           vtd_cache_initialize(&u->paging[i], p->paging_entries, 0, r, u->rng);
  return done;
}

struct iommu *iommu_create(struct hd_engine *e, const char *path,
                           const char *host, const struct iommu_params *params,
                           struct vtd_tables *tables,
                           const struct hd_window *window)
{
  struct iommu *u = calloc(1, sizeof *u);
  HD_REQUIRE(NULL, u != NULL, "out of memory for %s", path);
  hd_component_initialize(&u->base, e, &ops, path, host);
  u->params = *params;
  u->window = window;
  u->tables = tables;
  u->read_tag = !params->coherent        ? MEMORY_UNCACHED
                : !params->walk_allocate ? MEMORY_NO_ALLOCATE
                                         : 0;
  HD_REQUIRE(&u->base, params->walkers >= 1 && params->miss_queue >= 0,
             "an IOMMU without walkers");
  HD_REQUIRE(&u->base,
             params->mode == IOMMU_OFF ||
                 vtd_is_scalable(tables) == (params->mode == IOMMU_SCALABLE),
             "tables and IOMMU are of different modes");
  u->rng = hd_rng_new(hd_engine_seed(e), path, "replacement");
  HD_REQUIRE(&u->base, initialize_caches(u) && iommu_walks_initialize(u),
             "out of memory for %s", path);
  if (params->mode == IOMMU_SCALABLE && params->stage == IOMMU_NESTED)
    HD_REQUIRE(&u->base, vtd_tables_make_nested(tables),
               "no room for first-stage tables");
  return u;
}

void iommu_destroy(struct iommu *u)
{
  vtd_cache_terminate(&u->iotlb);
  vtd_cache_terminate(&u->large);
  vtd_cache_terminate(&u->contexts);
  vtd_cache_terminate(&u->pasid_directory);
  vtd_cache_terminate(&u->pasids);
  for (unsigned i = 0; i < VTD_LEVELS - 1; i++)
    vtd_cache_terminate(&u->paging[i]);
  iommu_walks_terminate(u);
  gsl_rng_free(u->rng);
  free(u);
}

struct hd_component *iommu_component(struct iommu *u)
{
  return &u->base;
}

void iommu_attach_memory(struct iommu *u, struct memory *m, hd_time latency)
{
  u->to_memory = memory_connect(m, &u->base, latency, &u->from_memory);
}

void iommu_own_memory(struct iommu *u, struct memory *m, hd_time latency)
{
  iommu_attach_memory(u, m, latency);
  u->own = m;
}

/* The answer channel's latency is a part of lookup_latency; only a channel
 * slower than the lookup makes a hit slower. */
void iommu_set_root_complex(struct iommu *u, struct hd_channel *channel)
{
  HD_REQUIRE(&u->base, u->answer == NULL, "two root complexes on one IOMMU");
  u->answer = channel;
  u->hit_delay = hd_time_max(u->params.lookup_latency, channel->latency);
  u->walk_delay = u->hit_delay - channel->latency;
  u->check_delay = hd_time_max(u->params.check_latency, channel->latency);
}

struct hd_channel *iommu_connect_software(struct iommu *u,
                                          struct hd_component *software)
{
  return hd_channel_open(software, &u->base, IOMMU_COMMAND_LATENCY);
}

struct hd_channel *iommu_status_channel(struct iommu *u,
                                        struct hd_component *software)
{
  return hd_channel_open(&u->base, software, IOMMU_COMMAND_LATENCY);
}

/* ---- results -------------------------------------------------------- */

static hd_time end_of(const struct iommu *u)
{
  struct hd_engine_report r;
  hd_engine_get_report(u->base.engine, &r);
  return r.end != HD_TIME_NEVER ? r.end : hd_now(&u->base);
}

void iommu_get_stats(const struct iommu *u, struct iommu_stats *s)
{
  const struct iommu_counters *c = &u->count;
  *s = (struct iommu_stats){
      .lookups = c->lookups.count,
      .hits = c->hits.count,
      .merged = c->merged.count,
      .walks = c->walks.count,
      .walk_reads = c->walk_reads.count,
      .faults = c->faults.count,
      .context_hits = c->context_hits.count,
      .context_misses = c->context_misses.count,
      .pasid_hits = c->pasid_hits.count,
      .pasid_misses = c->pasid_misses.count,
      .pasid_dir_hits = c->pasid_dir_hits.count,
      .pasid_dir_misses = c->pasid_dir_misses.count,
      .held = c->held.count,
      .stalls = c->stalls.count,
      .translations = c->translations.count,
      .refused = c->refused.count,
      .checked = c->checked.count,
      .invalidations = c->invalidations.count,
      .walkers_busy = hd_gauge_mean(&u->walkers_busy, u->window, end_of(u)),
      .walk_time = u->walk_time};
  for (size_t i = 0; i < 3; i++) {
    s->page_hits[i] = c->page_hits[i].count;
    s->paging_level[i] = c->paging_hits[i].count;
    s->paging_hits += c->paging_hits[i].count;
  }
}

static const char *check_caches(const struct iommu *u)
{
  const struct vtd_cache *all[] = {
      &u->iotlb,  &u->large,     &u->contexts,  &u->pasid_directory,
      &u->pasids, &u->paging[0], &u->paging[1], &u->paging[2]};
  const char *wrong = NULL;
  for (size_t i = 0; i < sizeof all / sizeof *all && !wrong; i++)
    wrong = vtd_cache_check(all[i]);
  return wrong;
}

const char *iommu_check(const struct iommu *u)
{
  uint64_t stalled = 0;
  for (const struct hd_msg *m = u->input_first; m; m = m->next)
    stalled++;
  if (u->arrived !=
      u->answered + stalled + (uint64_t)u->waiting + (uint64_t)u->active)
    return "an IOMMU request was lost";
  if (u->active < 0 || u->active > u->params.walkers)
    return "more walks than walkers";
  if (u->waiting < 0 || u->waiting > u->params.miss_queue)
    return "the miss queue is over its limit";
  if (stalled && u->active == 0)
    return "requests stall though no walk is under way";
  const char *wrong = iommu_ats_check(u);
  if (wrong)
    return wrong;
  return check_caches(u);
}
