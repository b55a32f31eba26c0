/*
 * paging.h - one set of 4-level page tables (VT-d 4.0, 3.6 and 3.7; 9.7, 9.8),
 * kept as what software mapped rather than entry by entry.
 *
 * A segment is a range mapped contiguously with leaves of one size. A table
 * page of level 1 (PT), 2 (PD) or 3 (PDPT) exists for every naturally aligned
 * 2 MiB, 1 GiB or 512 GiB that needs one; runs of consecutive table pages are
 * contiguous in memory. Lookups are O(log segments).
 */
#ifndef HD_MODELS_IOMMU_PAGING_H
#define HD_MODELS_IOMMU_PAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VTD_LEVELS 4
#define VTD_ADDRESS_BITS 48

/* log2 of what an entry of `level` (1..4) covers. */
static inline unsigned vtd_level_shift(unsigned level)
{
  return 12 + 9 * (level - 1);
}

/* Offset of the entry for `address` in its table page. */
static inline uint64_t vtd_entry_offset(unsigned level, uint64_t address)
{
  return (address >> vtd_level_shift(level) & 511) * 8;
}

struct vtd_run {
  uint64_t first, count; /* table pages, by address >> level_shift(level + 1) */
  uint64_t base;         /* address of the first */
};

struct vtd_segment {
  uint64_t start, end; /* [start, end) */
  uint64_t target;     /* what start maps to */
  unsigned shift;      /* log2 of the leaf size */
  bool writable;
};

/* Gives `pages` contiguous 4 KiB pages, or 0. */
typedef uint64_t (*vtd_allocate)(void *context, uint64_t pages);
typedef void (*vtd_release)(void *context, uint64_t base, uint64_t pages);

/* Most domains have one segment and one run a level: copies of the first ones
 * lie here, where they are at hand once the domain is. */
struct vtd_paging {
  uint64_t root; /* address of the level-4 table page; 0: none */
  struct vtd_segment *segments;
  size_t n_segments, cap_segments;
  struct vtd_segment first_segment; /* segments[0] */
  struct vtd_runs {
    struct vtd_run *items;
    size_t count, capacity;
    struct vtd_run first; /* items[0] */
  } runs[VTD_LEVELS - 1]; /* of level 1, 2, 3 */
};

/* Maps [from, from + size) to [to, ...); from lies above all earlier mappings.
 * Leaves of at most 2^shift bytes (12, 21, 30), as alignment allows. False when
 * `allocate` fails; what was mapped so far stays. */
bool vtd_paging_map(struct vtd_paging *p, uint64_t from, uint64_t to,
                    uint64_t size, unsigned shift, bool writable,
                    vtd_allocate allocate, void *context);
/* Forgets all mappings and returns all table pages but the root's. */
void vtd_paging_clear(struct vtd_paging *p, vtd_release release, void *context);
void vtd_paging_terminate(struct vtd_paging *p);

enum vtd_entry { VTD_ABSENT, VTD_TABLE, VTD_LEAF };

struct vtd_leaf {
  uint64_t page; /* VTD_TABLE: next table page; VTD_LEAF: the page's target */
  unsigned shift;
  bool writable;
};

/* What the entry of `level` for `address` holds, now. */
enum vtd_entry vtd_paging_entry(const struct vtd_paging *p, unsigned level,
                                uint64_t address, struct vtd_leaf *leaf);

#endif
