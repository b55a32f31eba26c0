/* trace_map.c - the pages of a trace, see trace_map.h. */
#include "models/iommu_trace/trace_map.h"

#include <stdlib.h>
#include <string.h>

/*
 * An entry: region << 3 | kind << 1 | 1, where region is domain << 27 | iova >>
 * 21. A GiB's region is that of its first 2 MiB.
 */
enum kind {
  SMALL, /* 2 MiB of 4 KiB pages */
  LARGE, /* a 2 MiB page */
  HUGE,  /* a 1 GiB page */
  SPLIT  /* a GiB with smaller pages */
};

enum { REGION_SHIFT = 21, REGION_BITS = TRACE_MAP_ADDRESS_BITS - REGION_SHIFT };
enum { FIRST_SLOTS = 4096 };
/* In the hash, a GiB differs from its first 2 MiB. */
#define GIB_MARK (UINT64_C(1) << 63)

static inline uint64_t entry_of(uint64_t region, enum kind kind)
{
  return region << 3 | (uint64_t)kind << 1 | 1;
}

static inline enum kind kind_of(uint64_t entry)
{
  return (enum kind)(entry >> 1 & 3);
}

static inline bool is_gib(uint64_t entry)
{
  return kind_of(entry) >= HUGE;
}

bool trace_map_initialize(struct trace_map *m)
{
  *m = (struct trace_map){.mask = FIRST_SLOTS - 1};
  m->slots = calloc(FIRST_SLOTS, sizeof *m->slots);
  return m->slots != NULL;
}

void trace_map_terminate(struct trace_map *m)
{
  free(m->slots);
}

/* ---- the hash table ------------------------------------------------- */

/* The entry of the region (as 2 MiB, or as GiB), or where it would be. */
static uint64_t *slot_of(const struct trace_map *m, uint64_t region, bool gib)
{
  uint64_t key = region | (gib ? GIB_MARK : 0);
  uint64_t i = (key * UINT64_C(0x9e3779b97f4a7c15)) >> 24;
  for (;; i++) {
    uint64_t *slot = &m->slots[i & m->mask];
    if (*slot == 0 || (*slot >> 3 == region && is_gib(*slot) == gib))
      return slot;
  }
}

static bool grow(struct trace_map *m)
{
  struct trace_map bigger = {.mask = 2 * m->mask + 1, .used = m->used};
  bigger.slots = calloc(bigger.mask + 1, sizeof *bigger.slots);
  if (!bigger.slots)
    return false;
  for (uint64_t i = 0; i <= m->mask; i++)
    if (m->slots[i])
      *slot_of(&bigger, m->slots[i] >> 3, is_gib(m->slots[i])) = m->slots[i];
  free(m->slots);
  *m = bigger;
  return true;
}

/* Adds the entry, or finds the one of its region: that is *found. */
static enum trace_map_status put(struct trace_map *m, uint64_t entry,
                                 uint64_t *found)
{
  if (2 * m->used > m->mask && !grow(m))
    return TRACE_MAP_NO_MEMORY;
  uint64_t *slot = slot_of(m, entry >> 3, is_gib(entry));
  if (*slot == 0) {
    *slot = entry;
    m->used++;
  }
  *found = *slot;
  return *slot == entry ? TRACE_MAP_ADDED : TRACE_MAP_CONFLICT;
}

/* ---- pages ---------------------------------------------------------- */

static inline uint64_t region_of(uint32_t domain, uint64_t iova)
{
  return (uint64_t)domain << REGION_BITS | iova >> REGION_SHIFT;
}

/* The size of some smaller page in the GiB. */
static enum trace_page page_within(const struct trace_map *m, uint64_t gib)
{
  for (uint64_t i = 0; i < 512; i++) {
    uint64_t entry = *slot_of(m, gib + i, false);
    if (entry)
      return kind_of(entry) == LARGE ? TRACE_2M : TRACE_4K;
  }
  return TRACE_4K;
}

static enum trace_map_status add(struct trace_map *m, uint64_t entry,
                                 uint64_t gib, enum trace_page *other)
{
  uint64_t found;
  bool huge = is_gib(entry);
  uint64_t around = entry_of(gib, huge ? HUGE : SPLIT);
  enum trace_map_status status = put(m, around, &found);
  if (status == TRACE_MAP_CONFLICT)
    *other = huge ? page_within(m, gib) : TRACE_1G;
  if (status != TRACE_MAP_ADDED || huge)
    return status;
  status = put(m, entry, &found);
  if (status == TRACE_MAP_CONFLICT)
    *other = kind_of(found) == LARGE ? TRACE_2M : TRACE_4K;
  return status;
}

enum trace_map_status trace_map_add(struct trace_map *m, uint32_t domain,
                                    uint64_t iova, enum trace_page page,
                                    enum trace_page *other)
{
  static const enum kind kinds[] = {SMALL, LARGE, HUGE};
  uint64_t gib = region_of(domain, iova & ~(trace_page_bytes(TRACE_1G) - 1));
  uint64_t region = page == TRACE_1G ? gib : region_of(domain, iova);
  uint64_t entry = entry_of(region, kinds[page]);
  if (entry == m->last[0] || entry == m->last[1])
    return TRACE_MAP_ADDED;
  enum trace_map_status status = TRACE_MAP_ADDED;
  if (*slot_of(m, region, page == TRACE_1G) != entry)
    status = add(m, entry, gib, other);
  if (status == TRACE_MAP_ADDED) {
    m->last[1] = m->last[0];
    m->last[0] = entry;
  }
  return status;
}

/* ---- building ------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* The entries that are pages, in order of domain and address. NULL: no memory.
 */
static uint64_t *sorted(const struct trace_map *m, size_t *count)
{
  uint64_t *pages = malloc((m->used + 1) * sizeof *pages);
  *count = 0;
  if (!pages)
    return NULL;
  for (uint64_t i = 0; i <= m->mask; i++)
    if (m->slots[i] && kind_of(m->slots[i]) != SPLIT)
      pages[(*count)++] = m->slots[i];
  qsort(pages, *count, sizeof *pages, by_value);
  return pages;
}

static inline uint32_t domain_of(uint64_t entry)
{
  return (uint32_t)(entry >> (3 + REGION_BITS));
}

static bool map_page(struct vtd_tables *t, uint32_t id, uint64_t entry)
{
  static const unsigned shifts[] = {[SMALL] = 12, [LARGE] = 21, [HUGE] = 30};
  uint64_t region = entry >> 3 & ((UINT64_C(1) << REGION_BITS) - 1);
  uint64_t base = region << REGION_SHIFT;
  uint64_t size = UINT64_C(1) << (kind_of(entry) == HUGE ? 30 : REGION_SHIFT);
  return vtd_domain_map(t, id, base, base, size, shifts[kind_of(entry)], true);
}

/* The domain of the first page, with all its pages; 0: no room. */
static size_t build_domain(const uint64_t *pages, size_t count,
                           struct vtd_tables *t, bool legacy,
                           uint16_t requester)
{
  uint32_t domain = domain_of(pages[0]), id = vtd_domain_create(t);
  size_t n = 0;
  if (id == 0)
    return 0;
  for (; n < count && domain_of(pages[n]) == domain; n++)
    if (!map_page(t, id, pages[n]))
      return 0;
  bool attached = legacy ? vtd_attach_requester(t, (uint16_t)domain, id)
                         : vtd_attach_pasid(t, requester, domain, id);
  return attached ? n : 0;
}

size_t trace_map_build(const struct trace_map *m, struct vtd_tables *tables,
                       bool legacy, uint16_t requester)
{
  size_t count, domains = 0;
  uint64_t *pages = sorted(m, &count);
  for (size_t i = 0, n; pages && i < count; i += n) {
    n = build_domain(pages + i, count - i, tables, legacy, requester);
    if (n == 0) {
      domains = 0;
      break;
    }
    domains++;
  }
  free(pages);
  return domains;
}
