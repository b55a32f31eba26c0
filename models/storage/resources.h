/*
 * resources.h - what a storage device has to give: queue pairs, functions,
 * vectors (NVMe 1.4, 8.5: virtual queue and interrupt resources).
 */
#ifndef HD_MODELS_STORAGE_RESOURCES_H
#define HD_MODELS_STORAGE_RESOURCES_H

#include "models/resources.h"
#include "models/storage/storage_params.h"

enum storage_resource {
  STORAGE_QUEUE_PAIRS,
  STORAGE_VIRTUAL_FUNCTIONS,
  STORAGE_VECTORS, /* MSI-X */
  STORAGE_RESOURCES
};

/* Totals from the parameters; what the host's own driver takes is reserved. */
void storage_resources_initialize(struct resource_pools *r,
                                  const struct storage_params *p);

/* One device with these I/O queue pairs: a pair and a vector each. A virtual
 * function is a controller of its own, and so has an admin queue and its vector
 * besides; an assignable interface's admin queue is the host's software. */
struct resource_need storage_need_of(bool virtual_function,
                                     int64_t queue_pairs);

#endif
