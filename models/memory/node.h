/*
 * node.h - the lines of one socket's memory: last-level cache and DRAM, and the
 * times at which accesses to lines are done.
 *
 * An access looks all its lines up when it arrives; times then follow from what
 * it finds:
 *   read   a hit takes llc_latency, with snoop_latency more when a core may
 *          have a newer copy; a miss reaches DRAM after llc_latency
 *   write  by a device: a line is the cache's own after write_latency, with
 *          snoop_latency more when a core must give it up; an allocation that
 *          evicts a dirty line takes evict_latency more; part of a line takes
 *          merge_latency more, and when the line is absent a read of DRAM
 * An access is done when the last of its lines is.
 */
#ifndef HD_MODELS_MEMORY_NODE_H
#define HD_MODELS_MEMORY_NODE_H

#include "models/memory/dram.h"
#include "models/memory/llc.h"
#include "models/memory/memory.h"

struct memory_node {
  const struct memory_params *params;
  const struct hd_window *window;
  struct llc llc;
  struct dram dram;
  uint32_t all_ways, ddio_ways; /* masks */
  struct hd_counter allocations, evictions;
};

struct memory_span {
  uint64_t first, last;  /* lines */
  uint64_t address, end; /* bytes: [address, end) */
};

/* False when there is no memory. `params` and `window` live on. */
bool memory_node_initialize(struct memory_node *n,
                            const struct memory_params *params,
                            const struct hd_window *window);
void memory_node_terminate(struct memory_node *n);

/* Accesses that arrive at `now`, which never decreases from call to call; each
 * returns when it is done. *hits counts lines found in the cache. `ways`: where
 * missing lines are allocated (0: nowhere); `access`: LLC_READ, or a write that
 * takes as long as a read, since the line must be owned before it counts. */
hd_time memory_node_fetch(struct memory_node *n, hd_time now,
                          struct memory_span s, uint32_t ways,
                          enum llc_access access, uint64_t *hits);
/* Past the cache: served by DRAM whatever the cache holds. */
hd_time memory_node_bypass(struct memory_node *n, hd_time now,
                           struct memory_span s);
/* A device's write. */
hd_time memory_node_write(struct memory_node *n, hd_time now,
                          struct memory_span s, uint64_t *hits);
/* As written before the start: no time, no counts. */
void memory_node_warm(struct memory_node *n, struct memory_span s, bool device);

static inline struct memory_span memory_span_of(uint64_t address,
                                                uint64_t length)
{
  return (struct memory_span){address >> LLC_LINE_SHIFT,
                              (address + length - 1) >> LLC_LINE_SHIFT, address,
                              address + length};
}

static inline uint64_t memory_span_lines(struct memory_span s)
{
  return s.last - s.first + 1;
}

#endif
