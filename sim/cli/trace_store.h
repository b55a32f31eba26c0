/*
 * trace_store.h - the accesses of a trace, kept from the first reading of its
 * file for the second, unless there are too many.
 */
#ifndef HD_CLI_TRACE_STORE_H
#define HD_CLI_TRACE_STORE_H

#include "models/iommu_trace/iommu_trace.h"

enum { TRACE_STORE_MAX = 1 << 24 }; /* accesses, of 16 bytes */

struct trace_store {
  struct iommu_trace_access *accesses; /* NULL: none, or given up */
  size_t count, room, taken;
  bool given_up; /* too many, or no memory: read the file again */
};

/* A store of zero bytes is empty. */
void cli_trace_store_add(struct trace_store *s, struct iommu_trace_access a);
/* Up to `count` of those not taken yet; of a store that has not given up. */
size_t cli_trace_store_take(struct trace_store *s,
                            struct iommu_trace_access *out, size_t count);
void cli_trace_store_terminate(struct trace_store *s);

#endif
