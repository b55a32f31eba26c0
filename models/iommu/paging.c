/* paging.c - page tables as ranges, see paging.h. */
#include "models/iommu/paging.h"

#include <stdlib.h>

static bool grow(void **items, size_t *capacity, size_t count, size_t bytes)
{
  if (count < *capacity)
    return true;
  size_t wanted = *capacity ? *capacity * 2 : 4;
  void *bigger = realloc(*items, wanted * bytes);
  if (!bigger)
    return false;
  *items = bigger;
  *capacity = wanted;
  return true;
}

/* ---- table pages ---------------------------------------------------- */

static bool append_run(struct vtd_runs *r, uint64_t first, uint64_t count,
                       uint64_t base)
{
  struct vtd_run *last = r->count ? &r->items[r->count - 1] : NULL;
  if (last && last->first + last->count == first &&
      last->base + last->count * 4096 == base) {
    last->count += count;
    r->first = r->items[0];
    return true;
  }
  void *items = r->items;
  if (!grow(&items, &r->capacity, r->count, sizeof *last))
    return false;
  r->items = items;
  r->items[r->count++] = (struct vtd_run){first, count, base};
  r->first = r->items[0];
  return true;
}

/* Makes the table pages of `level` that [from, end) needs and are not there:
 * earlier mappings lie below, so only the first may exist. */
static bool add_tables(struct vtd_paging *p, unsigned level, uint64_t from,
                       uint64_t end, vtd_allocate allocate, void *context)
{
  unsigned shift = vtd_level_shift(level + 1);
  uint64_t first = from >> shift, last = (end - 1) >> shift;
  size_t n = p->runs[level - 1].count;
  if (n > 0) {
    const struct vtd_run *run = &p->runs[level - 1].items[n - 1];
    if (first < run->first + run->count)
      first = run->first + run->count;
  }
  if (first > last)
    return true;
  uint64_t base = allocate(context, last - first + 1);
  return base != 0 &&
         append_run(&p->runs[level - 1], first, last - first + 1, base);
}

static const struct vtd_run *find_run(const struct vtd_runs *r, uint64_t index)
{
  const struct vtd_run *items = r->count == 1 ? &r->first : r->items;
  size_t low = 0, high = r->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (items[middle].first <= index)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0 || index - items[low - 1].first >= items[low - 1].count)
    return NULL;
  return &items[low - 1];
}

/* ---- segments ------------------------------------------------------- */

/* The tables first: a segment whose tables are not there must not be seen. */
static bool add_segment(struct vtd_paging *p, struct vtd_segment s,
                        vtd_allocate allocate, void *context)
{
  unsigned leaf_level = 1 + (s.shift - 12) / 9;
  for (unsigned level = VTD_LEVELS - 1; level >= leaf_level; level--)
    if (!add_tables(p, level, s.start, s.end, allocate, context))
      return false;
  struct vtd_segment *last =
      p->n_segments ? &p->segments[p->n_segments - 1] : NULL;
  if (last && last->end == s.start && last->shift == s.shift &&
      last->writable == s.writable &&
      last->target + (last->end - last->start) == s.target) {
    last->end = s.end;
    p->first_segment = p->segments[0];
    return true;
  }
  void *items = p->segments;
  if (!grow(&items, &p->cap_segments, p->n_segments, sizeof s))
    return false;
  p->segments = items;
  p->segments[p->n_segments++] = s;
  p->first_segment = p->segments[0];
  return true;
}

/* The largest leaf that may start at `from`, and how far leaves of that size
 * reach before a larger one may start or the range ends. */
static struct vtd_segment next_segment(uint64_t from, uint64_t to, uint64_t end,
                                       unsigned shift)
{
  uint64_t misaligned = from | to;
  while (shift > 12 && ((misaligned & ((UINT64_C(1) << shift) - 1)) != 0 ||
                        end - from < UINT64_C(1) << shift))
    shift -= 9;
  uint64_t stop = end & ~((UINT64_C(1) << shift) - 1);
  return (struct vtd_segment){
      .start = from, .end = stop, .target = to, .shift = shift};
}

/* Where leaves larger than 2^shift, up to 2^limit, become possible; UINT64_MAX
 * if never. */
static uint64_t larger_from(uint64_t from, uint64_t to, uint64_t end,
                            unsigned shift, unsigned limit)
{
  uint64_t first = UINT64_MAX;
  for (shift += 9; shift <= limit; shift += 9) {
    uint64_t size = UINT64_C(1) << shift;
    uint64_t start = (from + size - 1) & ~(size - 1);
    if (((from ^ to) & (size - 1)) == 0 && start < end && end - start >= size &&
        start < first)
      first = start;
  }
  return first;
}

bool vtd_paging_map(struct vtd_paging *p, uint64_t from, uint64_t to,
                    uint64_t size, unsigned shift, bool writable,
                    vtd_allocate allocate, void *context)
{
  uint64_t end = from + size;
  if (size == 0 || end < from || end > UINT64_C(1) << VTD_ADDRESS_BITS ||
      ((from | to | size) & 4095) != 0)
    return false;
  if (p->n_segments && from < p->segments[p->n_segments - 1].end)
    return false;
  while (from < end) {
    struct vtd_segment s = next_segment(from, to, end, shift);
    uint64_t larger = larger_from(from, to, end, s.shift, shift);
    if (larger < s.end)
      s.end = larger;
    s.writable = writable;
    if (!add_segment(p, s, allocate, context))
      return false;
    to += s.end - from;
    from = s.end;
  }
  return true;
}

void vtd_paging_clear(struct vtd_paging *p, vtd_release release, void *context)
{
  for (unsigned level = 1; level < VTD_LEVELS; level++) {
    for (size_t i = 0; i < p->runs[level - 1].count; i++)
      release(context, p->runs[level - 1].items[i].base,
              p->runs[level - 1].items[i].count);
    p->runs[level - 1].count = 0;
  }
  p->n_segments = 0;
}

void vtd_paging_terminate(struct vtd_paging *p)
{
  for (unsigned level = 1; level < VTD_LEVELS; level++)
    free(p->runs[level - 1].items);
  free(p->segments);
}

static const struct vtd_segment *find_segment(const struct vtd_paging *p,
                                              uint64_t address)
{
  const struct vtd_segment *items =
      p->n_segments == 1 ? &p->first_segment : p->segments;
  size_t low = 0, high = p->n_segments;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (items[middle].start <= address)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0 || address >= items[low - 1].end)
    return NULL;
  return &items[low - 1];
}

enum vtd_entry vtd_paging_entry(const struct vtd_paging *p, unsigned level,
                                uint64_t address, struct vtd_leaf *leaf)
{
  if (level > 1) {
    uint64_t index = address >> vtd_level_shift(level);
    const struct vtd_run *run = find_run(&p->runs[level - 2], index);
    if (run) {
      leaf->page = run->base + (index - run->first) * 4096;
      return VTD_TABLE;
    }
  }
  const struct vtd_segment *s = find_segment(p, address);
  if (!s || s->shift != vtd_level_shift(level))
    return VTD_ABSENT;
  uint64_t page = address & ~((UINT64_C(1) << s->shift) - 1);
  *leaf =
      (struct vtd_leaf){s->target + (page - s->start), s->shift, s->writable};
  return VTD_LEAF;
}
