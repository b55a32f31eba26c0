/*
 * resources.h - what a storage device has to give: queue pairs, functions,
 * vectors (NVMe 1.4, 8.5: virtual queue and interrupt resources).
 *
 * Limits emerge here: a device is granted only when every pool has what it
 * needs; the refusal names the pool that ran out.
 */
#ifndef HD_MODELS_STORAGE_RESOURCES_H
#define HD_MODELS_STORAGE_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "models/storage/storage_params.h"

enum storage_resource {
  STORAGE_QUEUE_PAIRS,
  STORAGE_VIRTUAL_FUNCTIONS,
  STORAGE_VECTORS, /* MSI-X */
  STORAGE_RESOURCES
};
/* plural nouns */
extern const char *const storage_resource_names[STORAGE_RESOURCES];

struct storage_pool {
  int64_t total, reserved /* by the physical function */, used;
};

struct storage_resources {
  struct storage_pool pool[STORAGE_RESOURCES];
};

/* Totals from the parameters; what the host's own driver takes is reserved. */
void storage_resources_initialize(struct storage_resources *r,
                                  const struct storage_params *p);

struct storage_need {
  int64_t amount[STORAGE_RESOURCES];
};
/* One device with these I/O queue pairs: a pair and a vector each. A virtual
 * function is a controller of its own, and so has an admin queue and its vector
 * besides; an assignable interface's admin queue is the host's software. */
struct storage_need storage_need_of(bool virtual_function, int64_t queue_pairs);

/* Takes `count` devices' worth. False: nothing is taken, *short_of names the
 * pool that would end first, *have and *need_total are in that pool's units
 * (for all devices asked for so far, reserved ones not counted). */
bool storage_resources_take(struct storage_resources *r,
                            const struct storage_need *need, int64_t count,
                            enum storage_resource *short_of, int64_t *have,
                            int64_t *need_total);
void storage_resources_give(struct storage_resources *r,
                            const struct storage_need *need, int64_t count);

#endif
