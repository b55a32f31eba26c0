/*
 * resources.h - what an accelerator has to give: ring banks, functions,
 * vectors.
 *
 * Limits emerge here: a device is granted only when every pool has what it
 * needs; the refusal names the pool that ran out. A physical function shares
 * its banks either by virtual functions, which then have all of them, or by
 * assignable interfaces, and then the host keeps some for itself.
 */
#ifndef HD_MODELS_ACCELERATOR_RESOURCES_H
#define HD_MODELS_ACCELERATOR_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "models/accelerator/accelerator_params.h"

enum accelerator_resource {
  ACCELERATOR_RING_BANKS,
  ACCELERATOR_VIRTUAL_FUNCTIONS,
  ACCELERATOR_VECTORS, /* MSI-X of the physical function */
  ACCELERATOR_RESOURCES
};
/* plural nouns */
extern const char *const accelerator_resource_names[ACCELERATOR_RESOURCES];

struct accelerator_resource_pool {
  int64_t total, reserved /* by the physical function */, used;
};

struct accelerator_resources {
  struct accelerator_resource_pool pool[ACCELERATOR_RESOURCES];
};

/* Totals from the parameters, and what the host keeps. */
void accelerator_resources_initialize(struct accelerator_resources *r,
                                      const struct accelerator_params *p,
                                      bool virtual_functions);

struct accelerator_need {
  int64_t amount[ACCELERATOR_RESOURCES];
};
/* One device: a virtual function has its group of banks and vectors of its own;
 * an assignable interface has `banks` banks, each with a vector of the physical
 * function. */
struct accelerator_need accelerator_need_of(const struct accelerator_params *p,
                                            bool virtual_function,
                                            int64_t banks);

/* Takes `count` devices' worth. False: nothing is taken, *short_of names the
 * pool that would end first, *have and *need_total are in that pool's units
 * (for all devices asked for so far, reserved ones not counted). */
bool accelerator_resources_take(struct accelerator_resources *r,
                                const struct accelerator_need *need,
                                int64_t count,
                                enum accelerator_resource *short_of,
                                int64_t *have, int64_t *need_total);
void accelerator_resources_give(struct accelerator_resources *r,
                                const struct accelerator_need *need,
                                int64_t count);

#endif
