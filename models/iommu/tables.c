/*
 * tables.c - the remapping structures software builds, see tables.h.
 *
 * Sizes (VT-d 4.0, chapter 9): root table 4 KiB, 256 entries of 16 B; legacy
 * context table 4 KiB a bus, entries of 16 B; scalable: two of 4 KiB a bus,
 * entries of 32 B; PASID directory 8 B an entry, each for one PASID table page
 * of 64 entries of 64 B.
 */
#include "models/iommu/structures.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096, PASIDS_PER_PAGE = 64, FIRST_DIRECTORY = 512 };

struct pasid_page {
  uint64_t address;
  uint32_t domain[PASIDS_PER_PAGE]; /* 0: not present */
};

struct requester {
  bool present, pasid_enabled, ats;
  uint32_t domain;
  uint64_t directory; /* host physical */
  uint32_t n_pages;   /* entries of the directory */
  struct pasid_page **pages;
};

struct extent {
  uint64_t base, pages;
};

struct vtd_tables {
  bool scalable, nested, ats;
  uint64_t next, end;   /* of the arena: never used so far */
  struct extent *freed; /* returned, in order, never touching */
  size_t n_freed, cap_freed;
  uint64_t root;
  uint64_t context_tables[512]; /* a bus has two; legacy uses the first */
  uint16_t *requester_of;       /* [requester ID]: index + 1 */
  struct requester *requesters;
  size_t n_requesters, cap_requesters;
  struct vtd_domain *domains; /* ID - 1 */
  size_t n_domains, cap_domains;
};

/* ---- arena ---------------------------------------------------------- */

static uint64_t arena_take(void *context, uint64_t pages)
{
  struct vtd_tables *t = context;
  for (size_t i = 0; i < t->n_freed; i++) {
    struct extent *x = &t->freed[i];
    if (x->pages < pages)
      continue;
    uint64_t base = x->base;
    x->base += pages * PAGE;
    x->pages -= pages;
    if (x->pages == 0)
      memmove(x, x + 1, (--t->n_freed - i) * sizeof *x);
    return base;
  }
  if (pages > (t->end - t->next) / PAGE)
    return 0;
  uint64_t base = t->next;
  t->next += pages * PAGE;
  return base;
}

static bool room_for_extent(struct vtd_tables *t)
{
  if (t->n_freed < t->cap_freed)
    return true;
  size_t wanted = t->cap_freed ? 2 * t->cap_freed : 16;
  struct extent *bigger = realloc(t->freed, wanted * sizeof *bigger);
  if (!bigger)
    return false;
  t->freed = bigger;
  t->cap_freed = wanted;
  return true;
}

/* Keeps the list in order and joins neighbours. Without memory for the list the
 * extent is lost to the arena, no more. */
static void arena_return(void *context, uint64_t base, uint64_t pages)
{
  struct vtd_tables *t = context;
  if (!room_for_extent(t))
    return;
  struct extent *x = t->freed;
  size_t i = 0, n = t->n_freed;
  while (i < n && x[i].base < base)
    i++;
  bool low = i > 0 && x[i - 1].base + x[i - 1].pages * PAGE == base;
  bool high = i < n && base + pages * PAGE == x[i].base;
  if (low) {
    x[i - 1].pages += pages + (high ? x[i].pages : 0);
  } else if (high) {
    x[i].base = base;
    x[i].pages += pages;
  } else {
    memmove(x + i + 1, x + i, (n - i) * sizeof *x);
    x[i] = (struct extent){base, pages};
    t->n_freed++;
  }
  if (low && high) {
    memmove(x + i, x + i + 1, (n - i - 1) * sizeof *x);
    t->n_freed--;
  }
}

struct vtd_tables *vtd_tables_create(uint64_t arena_base, uint64_t arena_size,
                                     bool scalable)
{
  struct vtd_tables *t = calloc(1, sizeof *t);
  if (!t)
    return NULL;
  t->scalable = scalable;
  t->next = (arena_base + PAGE - 1) & ~(uint64_t)(PAGE - 1);
  if (t->next == 0)
    t->next = PAGE; /* 0 means "none" everywhere */
  t->end = (arena_base + arena_size) & ~(uint64_t)(PAGE - 1);
  if (t->end < t->next)
    t->end = t->next;
  t->root = arena_take(t, 1);
  t->requester_of = calloc(65536, sizeof *t->requester_of);
  if (!t->root || !t->requester_of) {
    vtd_tables_destroy(t);
    return NULL;
  }
  return t;
}

static void free_requester(struct requester *r)
{
  for (uint32_t i = 0; i < r->n_pages; i++)
    free(r->pages[i]);
  free(r->pages);
}

void vtd_tables_destroy(struct vtd_tables *t)
{
  for (size_t i = 0; i < t->n_requesters; i++)
    free_requester(&t->requesters[i]);
  for (size_t i = 0; i < t->n_domains; i++) {
    vtd_paging_terminate(&t->domains[i].second);
    vtd_paging_terminate(&t->domains[i].first);
    vtd_paging_terminate(&t->domains[i].guest_tables);
  }
  free(t->requesters);
  free(t->requester_of);
  free(t->domains);
  free(t->freed);
  free(t);
}

/* ---- domains -------------------------------------------------------- */

struct guest_arena {
  struct vtd_tables *tables;
  struct vtd_domain *domain;
};

/* Pages for the guest's own tables: guest physical, backed by the arena. */
static uint64_t guest_take(void *context, uint64_t pages)
{
  struct guest_arena *a = context;
  uint64_t host = arena_take(a->tables, pages);
  uint64_t guest = a->domain->next_guest_table;
  if (!host)
    return 0;
  if (!vtd_paging_map(&a->domain->guest_tables, guest, host, pages * PAGE, 12,
                      true, arena_take, a->tables)) {
    arena_return(a->tables, host, pages);
    return 0;
  }
  a->domain->next_guest_table += pages * PAGE;
  return guest;
}

/* Brings the first stage up to the second: an identity map of what the guest
 * has, with the same leaves. */
static bool extend_first_stage(struct vtd_tables *t, struct vtd_domain *d)
{
  struct guest_arena arena = {t, d};
  if (!d->first.root && !(d->first.root = guest_take(&arena, 1)))
    return false;
  uint64_t done = 0;
  if (d->first.n_segments)
    done = d->first.segments[d->first.n_segments - 1].end;
  for (size_t i = 0; i < d->second.n_segments; i++) {
    const struct vtd_segment *s = &d->second.segments[i];
    uint64_t from = s->start > done ? s->start : done;
    if (s->end > VTD_GUEST_TABLES)
      return false;
    if (from < s->end &&
        !vtd_paging_map(&d->first, from, from, s->end - from, s->shift,
                        s->writable, guest_take, &arena))
      return false;
  }
  return true;
}

bool vtd_tables_make_nested(struct vtd_tables *t)
{
  t->nested = true;
  for (size_t i = 0; i < t->n_domains; i++)
    if (!extend_first_stage(t, &t->domains[i]))
      return false;
  return true;
}

static struct vtd_domain *domain_of(const struct vtd_tables *t, uint32_t domain)
{
  return domain >= 1 && domain <= t->n_domains ? &t->domains[domain - 1] : NULL;
}

uint32_t vtd_domain_create(struct vtd_tables *t)
{
  if (t->n_domains >= VTD_DOMAINS_MAX)
    return 0;
  if (t->n_domains == t->cap_domains) {
    size_t wanted = t->cap_domains ? 2 * t->cap_domains : 16;
    struct vtd_domain *bigger = realloc(t->domains, wanted * sizeof *bigger);
    if (!bigger)
      return 0;
    t->domains = bigger;
    t->cap_domains = wanted;
  }
  struct vtd_domain d = {.second.root = arena_take(t, 1),
                         .next_guest_table = VTD_GUEST_TABLES};
  if (!d.second.root)
    return 0;
  d.guest_tables.root = d.second.root;
  t->domains[t->n_domains++] = d;
  if (t->nested && !extend_first_stage(t, &t->domains[t->n_domains - 1]))
    return 0;
  return (uint32_t)t->n_domains;
}

bool vtd_domain_map(struct vtd_tables *t, uint32_t domain, uint64_t iova,
                    uint64_t hpa, uint64_t size, unsigned page_shift,
                    bool writable)
{
  struct vtd_domain *d = domain_of(t, domain);
  if (!d || (page_shift != 12 && page_shift != 21 && page_shift != 30))
    return false;
  if (t->nested && iova + size > VTD_GUEST_TABLES)
    return false;
  return vtd_paging_map(&d->second, iova, hpa, size, page_shift, writable,
                        arena_take, t) &&
         (!t->nested || extend_first_stage(t, d));
}

void vtd_domain_unmap_all(struct vtd_tables *t, uint32_t domain)
{
  struct vtd_domain *d = domain_of(t, domain);
  if (!d)
    return;
  vtd_paging_clear(&d->second, arena_return, t);
  if (!t->nested)
    return;
  /* The guest's tables: their pages in host memory are the segments of the map
   * that holds them. Its root is the second stage's, and stays. */
  struct vtd_paging *g = &d->guest_tables;
  for (size_t i = 0; i < g->n_segments; i++)
    arena_return(t, g->segments[i].target,
                 (g->segments[i].end - g->segments[i].start) / PAGE);
  vtd_paging_clear(g, arena_return, t);
  vtd_paging_terminate(&d->first);
  d->first = (struct vtd_paging){0};
  d->next_guest_table = VTD_GUEST_TABLES;
  (void)extend_first_stage(t, d); /* the root; it fits where it was */
}

/* ---- requesters and PASIDs ------------------------------------------ */

static struct requester *requester_at(const struct vtd_tables *t, uint16_t id)
{
  uint16_t i = t->requester_of[id];
  return i ? &t->requesters[i - 1] : NULL;
}

static size_t context_table_of(const struct vtd_tables *t, uint16_t id)
{
  return (size_t)(id >> 8) * 2 + (t->scalable && (id & 0x80) ? 1 : 0);
}

/* The requester's record, made with its context table at first. */
static struct requester *ensure_requester(struct vtd_tables *t, uint16_t id)
{
  struct requester *r = requester_at(t, id);
  if (r)
    return r;
  uint64_t *table = &t->context_tables[context_table_of(t, id)];
  if (!*table && !(*table = arena_take(t, 1)))
    return NULL;
  if (t->n_requesters == t->cap_requesters) {
    size_t wanted = t->cap_requesters ? 2 * t->cap_requesters : 16;
    struct requester *bigger = realloc(t->requesters, wanted * sizeof *bigger);
    if (!bigger || wanted > 65535 * 2)
      return NULL;
    t->requesters = bigger;
    t->cap_requesters = wanted;
  }
  t->requesters[t->n_requesters++] = (struct requester){.ats = t->ats};
  t->requester_of[id] = (uint16_t)t->n_requesters;
  return &t->requesters[t->n_requesters - 1];
}

/* Makes the directory cover `pasid`. A larger one takes the place of a smaller
 * one; its size is a power of two, at least one page (PDTS, VT-d 9.4). */
static bool ensure_directory(struct vtd_tables *t, struct requester *r,
                             uint32_t pasid)
{
  uint32_t wanted = FIRST_DIRECTORY;
  while (wanted * PASIDS_PER_PAGE <= pasid)
    wanted *= 2;
  if (r->n_pages >= wanted)
    return true;
  uint64_t directory = arena_take(t, wanted * 8 / PAGE);
  if (!directory)
    return false;
  struct pasid_page **pages = realloc(r->pages, wanted * sizeof(void *));
  if (!pages)
    return false;
  if (r->directory)
    arena_return(t, r->directory, r->n_pages * 8 / PAGE);
  for (uint32_t i = r->n_pages; i < wanted; i++)
    pages[i] = NULL;
  r->pages = pages;
  r->n_pages = wanted;
  r->directory = directory;
  return true;
}

static bool bind_pasid(struct vtd_tables *t, struct requester *r,
                       uint32_t pasid, uint32_t domain)
{
  if (!ensure_directory(t, r, pasid))
    return false;
  struct pasid_page **page = &r->pages[pasid / PASIDS_PER_PAGE];
  if (!*page) {
    uint64_t address = arena_take(t, 1);
    if (!address || !(*page = calloc(1, sizeof **page)))
      return false;
    (*page)->address = address;
  }
  (*page)->domain[pasid % PASIDS_PER_PAGE] = domain;
  return true;
}

bool vtd_attach_requester(struct vtd_tables *t, uint16_t requester,
                          uint32_t domain)
{
  struct requester *r =
      domain_of(t, domain) ? ensure_requester(t, requester) : NULL;
  if (!r)
    return false;
  if (t->scalable && !bind_pasid(t, r, VTD_RID_PASID, domain))
    return false;
  r->domain = domain;
  r->present = true;
  return true;
}

bool vtd_attach_pasid(struct vtd_tables *t, uint16_t requester, uint32_t pasid,
                      uint32_t domain)
{
  if (!t->scalable || pasid >= 1u << 20 || !domain_of(t, domain))
    return false;
  struct requester *r = ensure_requester(t, requester);
  if (!r || !bind_pasid(t, r, pasid, domain))
    return false;
  r->present = true;
  r->pasid_enabled = true;
  return true;
}

void vtd_detach_pasid(struct vtd_tables *t, uint16_t requester, uint32_t pasid)
{
  struct requester *r = requester_at(t, requester);
  if (r && pasid / PASIDS_PER_PAGE < r->n_pages &&
      r->pages[pasid / PASIDS_PER_PAGE])
    r->pages[pasid / PASIDS_PER_PAGE]->domain[pasid % PASIDS_PER_PAGE] = 0;
}

void vtd_tables_allow_ats(struct vtd_tables *t)
{
  t->ats = true;
}

bool vtd_allow_ats(struct vtd_tables *t, uint16_t requester, bool allowed)
{
  struct requester *r = requester_at(t, requester);
  if (!r || !r->present)
    return false;
  r->ats = allowed;
  return true;
}

bool vtd_ats_allowed(const struct vtd_tables *t, uint16_t requester)
{
  const struct requester *r = requester_at(t, requester);
  return r && r->present && r->ats;
}

/* ---- for the walker ------------------------------------------------- */

bool vtd_is_scalable(const struct vtd_tables *t)
{
  return t->scalable;
}

uint64_t vtd_root_address(const struct vtd_tables *t, uint16_t requester)
{
  return t->root + 16u * (requester >> 8);
}

uint64_t vtd_context_address(const struct vtd_tables *t, uint16_t requester)
{
  uint64_t table = t->context_tables[context_table_of(t, requester)];
  if (!table)
    return 0;
  return t->scalable ? table + 32u * (requester & 0x7f)
                     : table + 16u * (requester & 0xff);
}

bool vtd_get_context(const struct vtd_tables *t, uint16_t requester,
                     struct vtd_context *context)
{
  const struct requester *r = requester_at(t, requester);
  if (!r || !r->present)
    return false;
  *context = (struct vtd_context){.pasid_directory = r->directory,
                                  .domain = r->domain,
                                  .pasid_enabled = r->pasid_enabled,
                                  .ats = r->ats};
  return true;
}

static const struct pasid_page *page_of(const struct vtd_tables *t,
                                        uint16_t requester, uint32_t pasid)
{
  const struct requester *r = requester_at(t, requester);
  if (!r || pasid / PASIDS_PER_PAGE >= r->n_pages)
    return NULL;
  return r->pages[pasid / PASIDS_PER_PAGE];
}

uint64_t vtd_pasid_page(const struct vtd_tables *t, uint16_t requester,
                        uint32_t pasid)
{
  const struct pasid_page *page = page_of(t, requester, pasid);
  return page ? page->address : 0;
}

uint32_t vtd_pasid_domain(const struct vtd_tables *t, uint16_t requester,
                          uint32_t pasid)
{
  const struct pasid_page *page = page_of(t, requester, pasid);
  return page ? page->domain[pasid % PASIDS_PER_PAGE] : 0;
}

const struct vtd_domain *vtd_get_domain(const struct vtd_tables *t,
                                        uint32_t domain)
{
  return domain_of(t, domain);
}
