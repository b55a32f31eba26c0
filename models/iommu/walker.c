/*
 * walker.c - one walk, structure by structure (VT-d 4.0, 3.4 to 3.8).
 *
 * A walk is a chain of structure reads, each preceded by walk_step of the
 * walker's own time:
 *   legacy    root, context, then up to 4 second-stage entries
 *   scalable  root, context, PASID directory, PASID entry, then up to 4 entries
 *   nested    root, context, PASID directory, PASID entry, then each of up to 4
 *             first-stage entries after a second-stage walk for its guest
 *             address, and a second-stage walk for the page: 24 at most
 * It begins as far down as the context, PASID and paging-structure caches let
 * it. In nested mode these hold first-stage entries with the host address of
 * the next table, and second-stage entries for pages; second-stage walks for
 * tables are not cached.
 */
#include "models/iommu/internal.h"

/* ---- reading -------------------------------------------------------- */

/* A memory of one's own serves a read when it is sent, unless one that is sent
 * later could arrive before: a walk that begins behind its lookup reads later
 * than others, and until its message could have been answered, all send
 * messages. */
static bool served_at_once(struct iommu *u, hd_time now, hd_time delay,
                           hd_time arrival)
{
  if (!u->own)
    return false;
  if (now >= u->messages_until && (delay == 0 || u->active == 1))
    return true;
  u->messages_until =
      hd_time_max(u->messages_until, arrival + u->from_memory->latency);
  return false;
}

static void read_structure(struct iommu *u, struct iommu_walk *w,
                           enum walk_step step, uint64_t address,
                           uint32_t length, hd_time delay)
{
  struct memory_request *q = w->request;
  hd_time now = iommu_now(u);
  hd_time arrival = now + delay + u->params.walk_step + u->to_memory->latency;
  w->step = (uint8_t)step;
  q->msg.tag = u->read_tag;
  q->address = address;
  q->length = length;
  if (!served_at_once(u, now, delay, arrival)) {
    q->msg.kind = MSG_MEMORY_ACCESS;
    hd_send_at(u->to_memory, arrival, q);
    return;
  }
  hd_time later = memory_serve(u->own, q, arrival) - hd_now(&u->base);
  if (u->alone) {
    u->served = true;
    u->ahead = later;
  } else {
    hd_schedule(&u->base, later, q);
  }
}

/* Answers all requests of the walk, in order of arrival. */
static void complete(struct iommu *u, struct iommu_walk *w, uint64_t page,
                     unsigned shift, bool writable)
{
  if (!w->stale) {
    unsigned size = (shift - 12) / 9;
    uint64_t key = iommu_page_key(w->domain, size, w->iova);
    u->used_sizes |= 1u << size;
    if (vtd_cache_insert(iotlb_of(u, size), iommu_set_index(u, key), key,
                         page | (writable ? IOTLB_WRITE : 0)))
      iommu_count(u, &u->count.held);
  }
  while (w->first)
    iommu_finish(u, (struct pcie_tlp *)iommu_pop(&w->first), page, shift,
                 writable, u->answer->latency);
  iommu_walk_ended(u, w);
}

/* `delay`: what remains of the lookup, when no read has covered it. */
static void fault(struct iommu *u, struct iommu_walk *w,
                  enum iommu_fault_reason reason, hd_time delay)
{
  while (w->first)
    iommu_block(u, (struct pcie_tlp *)iommu_pop(&w->first), reason,
                delay + u->answer->latency);
  iommu_walk_ended(u, w);
}

/* An absent entry of a page table: each request has its own reason. */
static void page_fault(struct iommu *u, struct iommu_walk *w, bool first_stage)
{
  while (w->first) {
    struct pcie_tlp *tlp = (struct pcie_tlp *)iommu_pop(&w->first);
    iommu_block(u, tlp, iommu_page_fault(first_stage, tlp->type == PCIE_MWR),
                u->answer->latency);
  }
  iommu_walk_ended(u, w);
}

/* ---- page tables ---------------------------------------------------- */

static const struct vtd_domain *domain_of(const struct iommu *u,
                                          const struct iommu_walk *w)
{
  return vtd_get_domain(u->tables, w->domain);
}

static bool is_nested(const struct iommu *u)
{
  return u->params.mode == IOMMU_SCALABLE && u->params.stage == IOMMU_NESTED;
}

/* The lowest level whose table page for `address` is known without reading, by
 * the paging-structure caches; 0 if none. */
static unsigned cached_table(struct iommu *u, uint32_t domain, uint64_t address,
                             bool second, uint64_t *table)
{
  for (unsigned level = 2; level <= VTD_LEVELS; level++) {
    uint64_t *value =
        vtd_cache_find(&u->paging[level - 2],
                       iommu_paging_key(domain, level, address, second));
    if (value) {
      iommu_count(u, &u->count.paging_hits[level - 2]);
      *table = *value;
      return level - 1;
    }
  }
  return 0;
}

static void cache_table(struct iommu *u, const struct iommu_walk *w,
                        unsigned level, uint64_t address, bool second,
                        uint64_t table)
{
  uint64_t key = iommu_paging_key(w->domain, level, address, second);
  if (!w->stale)
    vtd_cache_insert(&u->paging[level - 2], iommu_set_index(u, key), key,
                     table);
}

static void read_page_entry(struct iommu *u, struct iommu_walk *w,
                            hd_time delay)
{
  const struct vtd_domain *d = domain_of(u, w);
  hd_fetch(is_nested(u) ? &d->first : &d->second, sizeof d->second);
  read_structure(u, w, STEP_PAGE,
                 w->table + vtd_entry_offset(w->level, w->iova), 8, delay);
}

/* Translates guest address `guest` by the second stage: of a first-stage table
 * entry, or (final) of the page. */
static void begin_second(struct iommu *u, struct iommu_walk *w, uint64_t guest,
                         bool final, hd_time delay)
{
  w->guest = guest;
  w->final = final;
  w->second_level = 0;
  if (final)
    w->second_level =
        (uint8_t)cached_table(u, w->domain, guest, true, &w->table);
  if (!w->second_level) {
    w->second_level = VTD_LEVELS;
    w->table = domain_of(u, w)->second.root;
  }
  read_structure(u, w, STEP_SECOND,
                 w->table + vtd_entry_offset(w->second_level, guest), 8, delay);
}

/* The domain is known. Nested: the root of the first stage is a guest address
 * too, and its entry is reached by the second stage. */
static void begin_paging(struct iommu *u, struct iommu_walk *w, hd_time delay)
{
  const struct vtd_domain *d = domain_of(u, w);
  HD_REQUIRE(&u->base, d != NULL, "a structure names the unknown domain %u",
             w->domain);
  w->level = (uint8_t)cached_table(u, w->domain, w->iova, false, &w->table);
  if (w->level) {
    read_page_entry(u, w, delay);
    return;
  }
  w->level = VTD_LEVELS;
  if (is_nested(u)) {
    uint64_t entry = d->first.root + vtd_entry_offset(w->level, w->iova);
    begin_second(u, w, entry, false, delay);
  } else {
    w->table = d->second.root;
    read_page_entry(u, w, delay);
  }
}

static void page_entry_read(struct iommu *u, struct iommu_walk *w)
{
  const struct vtd_domain *d = domain_of(u, w);
  struct vtd_leaf leaf;
  enum vtd_entry entry = vtd_paging_entry(&d->second, w->level, w->iova, &leaf);
  if (entry == VTD_ABSENT) {
    page_fault(u, w, iommu_first_stage_only(u));
  } else if (entry == VTD_LEAF) {
    complete(u, w, leaf.page, leaf.shift, leaf.writable);
  } else {
    cache_table(u, w, w->level, w->iova, false, leaf.page);
    w->table = leaf.page;
    w->level--;
    read_page_entry(u, w, 0);
  }
}

static void first_entry_read(struct iommu *u, struct iommu_walk *w)
{
  const struct vtd_domain *d = domain_of(u, w);
  enum vtd_entry entry =
      vtd_paging_entry(&d->first, w->level, w->iova, &w->leaf);
  if (entry == VTD_ABSENT) {
    page_fault(u, w, true);
  } else if (entry == VTD_LEAF) {
    uint64_t offset = w->iova & ((UINT64_C(1) << w->leaf.shift) - 1);
    begin_second(u, w, w->leaf.page + offset, true, 0);
  } else { /* the next table's host address is known after its translation */
    w->level--;
    begin_second(u, w, w->leaf.page + vtd_entry_offset(w->level, w->iova),
                 false, 0);
  }
}

/* The second stage has translated the address of a first-stage entry. */
static void first_table_found(struct iommu *u, struct iommu_walk *w,
                              uint64_t host)
{
  w->table = host - vtd_entry_offset(w->level, w->iova);
  if (w->level < VTD_LEVELS)
    cache_table(u, w, w->level + 1u, w->iova, false, w->table);
  read_page_entry(u, w, 0);
}

/* Both stages must allow it, and the smaller page counts (VT-d 3.8). */
static void both_stages_done(struct iommu *u, struct iommu_walk *w,
                             const struct vtd_leaf *second)
{
  unsigned shift =
      second->shift < w->leaf.shift ? second->shift : w->leaf.shift;
  uint64_t offset = w->guest & ((UINT64_C(1) << second->shift) - 1);
  uint64_t page = (second->page + offset) & ~((UINT64_C(1) << shift) - 1);
  complete(u, w, page, shift, second->writable && w->leaf.writable);
}

static void second_entry_read(struct iommu *u, struct iommu_walk *w)
{
  const struct vtd_paging *p = vtd_second_stage(domain_of(u, w), w->guest);
  struct vtd_leaf leaf;
  enum vtd_entry entry = vtd_paging_entry(p, w->second_level, w->guest, &leaf);
  if (entry == VTD_ABSENT) {
    page_fault(u, w, false);
  } else if (entry == VTD_TABLE) {
    if (w->final)
      cache_table(u, w, w->second_level, w->guest, true, leaf.page);
    w->table = leaf.page;
    w->second_level--;
    read_structure(u, w, STEP_SECOND,
                   w->table + vtd_entry_offset(w->second_level, w->guest), 8,
                   0);
  } else if (w->final) {
    both_stages_done(u, w, &leaf);
  } else {
    uint64_t offset = w->guest & ((UINT64_C(1) << leaf.shift) - 1);
    first_table_found(u, w, leaf.page + offset);
  }
}

/* ---- context and PASID ---------------------------------------------- */

/* Translated requests want no more than the context entry. */
static void pass_translated(struct iommu *u, struct iommu_walk *w,
                            hd_time delay)
{
  while (w->first)
    iommu_pass_translated(u, (struct pcie_tlp *)iommu_pop(&w->first),
                          w->context, delay + u->answer->latency);
  iommu_walk_ended(u, w);
}

/* The context entry is known. */
static void begin_pasid(struct iommu *u, struct iommu_walk *w, hd_time delay)
{
  if (w->translated) {
    pass_translated(u, w, delay);
    return;
  }
  if (w->has_pasid && !(w->context & CONTEXT_PASID)) {
    fault(u, w, IOMMU_FAULT_PASID_BLOCKED, delay);
    return;
  }
  if (u->params.mode == IOMMU_LEGACY) {
    w->domain = (uint32_t)(w->context >> CONTEXT_DOMAIN_SHIFT);
    begin_paging(u, w, delay);
    return;
  }
  uint64_t key = iommu_pasid_key(w->requester, w->pasid);
  uint64_t *domain = vtd_cache_find(&u->pasids, key);
  uint64_t *page =
      domain ? NULL : vtd_cache_find(&u->pasid_directory, key >> 6);
  if (domain) {
    w->domain = (uint32_t)*domain;
    begin_paging(u, w, delay);
  } else if (page) {
    iommu_count(u, &u->count.pasid_dir_hits);
    read_structure(u, w, STEP_PASID_ENTRY, *page + 64 * (w->pasid & 63), 64,
                   delay);
  } else {
    uint64_t directory = w->context & ~UINT64_C(4095);
    iommu_count(u, &u->count.pasid_dir_misses);
    read_structure(u, w, STEP_PASID_DIRECTORY, directory + 8 * (w->pasid >> 6),
                   8, delay);
  }
}

static void root_read(struct iommu *u, struct iommu_walk *w)
{
  uint64_t address = vtd_context_address(u->tables, w->requester);
  if (address)
    read_structure(u, w, STEP_CONTEXT, address, 8, 0);
  else
    fault(u, w, IOMMU_FAULT_ROOT, 0);
}

static void context_read(struct iommu *u, struct iommu_walk *w)
{
  struct vtd_context c;
  if (!vtd_get_context(u->tables, w->requester, &c)) {
    fault(u, w, IOMMU_FAULT_CONTEXT, 0);
    return;
  }
  if (u->params.mode == IOMMU_LEGACY)
    w->context = (uint64_t)c.domain << CONTEXT_DOMAIN_SHIFT;
  else
    w->context = c.pasid_directory | (c.pasid_enabled ? CONTEXT_PASID : 0);
  w->context |= c.ats ? CONTEXT_ATS : 0;
  if (!w->stale)
    vtd_cache_insert(&u->contexts, w->requester, w->requester, w->context);
  begin_pasid(u, w, 0);
}

static void pasid_directory_read(struct iommu *u, struct iommu_walk *w)
{
  uint64_t page = vtd_pasid_page(u->tables, w->requester, w->pasid);
  if (!page) {
    fault(u, w, IOMMU_FAULT_PASID_DIR, 0);
    return;
  }
  uint64_t key = iommu_pasid_key(w->requester, w->pasid) >> 6;
  if (!w->stale)
    vtd_cache_insert(&u->pasid_directory, key, key, page);
  read_structure(u, w, STEP_PASID_ENTRY, page + 64 * (w->pasid & 63), 64, 0);
}

static void pasid_entry_read(struct iommu *u, struct iommu_walk *w)
{
  w->domain = vtd_pasid_domain(u->tables, w->requester, w->pasid);
  if (!w->domain) {
    fault(u, w, IOMMU_FAULT_PASID_ENTRY, 0);
    return;
  }
  uint64_t key = iommu_pasid_key(w->requester, w->pasid);
  if (!w->stale)
    vtd_cache_insert(&u->pasids, key, key, w->domain);
  begin_paging(u, w, 0);
}

void iommu_walk_read(struct iommu *u, struct memory_request *request)
{
  static void (*const next[])(struct iommu *, struct iommu_walk *) = {
      [STEP_ROOT] = root_read,
      [STEP_CONTEXT] = context_read,
      [STEP_PASID_DIRECTORY] = pasid_directory_read,
      [STEP_PASID_ENTRY] = pasid_entry_read,
      [STEP_PAGE] = page_entry_read,
      [STEP_SECOND] = second_entry_read};
  struct iommu_walk *w = request->context;
  iommu_count(u, &u->count.walk_reads);
  if (w->step == STEP_PAGE && is_nested(u))
    first_entry_read(u, w);
  else
    next[w->step](u, w);
}

/* All of the walk, as long as its reads are served at once. */
static void run_ahead(struct iommu *u, struct iommu_walk *w)
{
  while (u->served) {
    u->served = false;
    iommu_walk_read(u, w->request);
  }
  u->ahead = 0;
}

void iommu_walk(struct iommu *u, struct iommu_walk *w, hd_time delay)
{
  uint64_t *context = vtd_cache_find(&u->contexts, w->requester);
  if (context) {
    w->context = *context;
    begin_pasid(u, w, delay);
  } else {
    read_structure(u, w, STEP_ROOT, vtd_root_address(u->tables, w->requester),
                   8, delay);
  }
  if (u->served)
    run_ahead(u, w);
}
