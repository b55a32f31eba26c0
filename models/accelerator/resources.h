/*
 * resources.h - what an accelerator has to give: ring banks, functions,
 * vectors.
 *
 * A physical function shares its banks either by virtual functions, which then
 * have all of them, or by assignable interfaces, and then the host keeps some
 * for itself.
 */
#ifndef HD_MODELS_ACCELERATOR_RESOURCES_H
#define HD_MODELS_ACCELERATOR_RESOURCES_H

#include "models/accelerator/accelerator_params.h"
#include "models/resources.h"

enum accelerator_resource {
  ACCELERATOR_RING_BANKS,
  ACCELERATOR_VIRTUAL_FUNCTIONS,
  ACCELERATOR_VECTORS, /* MSI-X of the physical function */
  ACCELERATOR_RESOURCES
};

/* Totals from the parameters, and what the host keeps. */
void accelerator_resources_initialize(struct resource_pools *r,
                                      const struct accelerator_params *p,
                                      bool virtual_functions);

/* One device: a virtual function has its group of banks and vectors of its own;
 * an assignable interface has `banks` banks, each with a vector of the physical
 * function. */
struct resource_need accelerator_need_of(const struct accelerator_params *p,
                                         bool virtual_function, int64_t banks);

#endif
