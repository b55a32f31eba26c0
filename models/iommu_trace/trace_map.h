/*
 * trace_map.h - which pages, of which size, the accesses of a trace need.
 *
 * An access of a 4 KiB page stands for the 2 MiB around it, which are mapped by
 * 4 KiB pages: a walk to one does not depend on whether its neighbours are
 * there. So the map has one entry for each 2 MiB touched (and one for each
 * GiB), 8 bytes in a hash table at most half full.
 *
 * The tables take mappings in ascending order only; therefore all accesses are
 * added first, and then mapped at once.
 */
#ifndef HD_MODELS_IOMMU_TRACE_MAP_H
#define HD_MODELS_IOMMU_TRACE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/iommu/tables.h"

#define TRACE_MAP_DOMAINS (UINT32_C(1) << 20)
#define TRACE_MAP_ADDRESS_BITS 48

enum trace_page { TRACE_4K, TRACE_2M, TRACE_1G };

static inline uint64_t trace_page_bytes(enum trace_page page)
{
  return UINT64_C(4096) << (9 * page);
}

struct trace_map {
  uint64_t *slots; /* see trace_map.c; 0: free */
  uint64_t mask, used;
  uint64_t last[2]; /* entries found last: neighbours are likely */
};

/* False when there is no memory. */
bool trace_map_initialize(struct trace_map *m);
void trace_map_terminate(struct trace_map *m);

enum trace_map_status {
  TRACE_MAP_ADDED, /* or was there */
  TRACE_MAP_CONFLICT,
  TRACE_MAP_NO_MEMORY
};

/* Adds the page with address `iova` (< 2^48) of `domain` (< 2^20). CONFLICT: it
 * overlaps a page of another size, which is *other. */
enum trace_map_status trace_map_add(struct trace_map *m, uint32_t domain,
                                    uint64_t iova, enum trace_page page,
                                    enum trace_page *other);

/* Makes a domain in `tables` for each domain of the map, in ascending order,
 * with its pages, mapped to the host addresses of the same number, and attaches
 * it: as PASID of `requester`, or (`legacy`) as requester ID. Returns the
 * number of domains, or 0 when the tables have no room, or the process no
 * memory. */
size_t trace_map_build(const struct trace_map *m, struct vtd_tables *tables,
                       bool legacy, uint16_t requester);

#endif
