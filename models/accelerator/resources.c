#include "models/accelerator/resources.h"

void accelerator_resources_initialize(struct resource_pools *r,
                                      const struct accelerator_params *p,
                                      bool virtual_functions)
{
  int64_t kept = virtual_functions ? 0 : p->pf_banks;
  *r = (struct resource_pools){
      .n = ACCELERATOR_RESOURCES,
      .pool = {
          [ACCELERATOR_RING_BANKS] = {"ring banks", p->banks, kept, 0},
          [ACCELERATOR_VIRTUAL_FUNCTIONS] = {"virtual functions",
                                             p->virtual_functions, 0, 0},
          [ACCELERATOR_VECTORS] = {"vectors", p->vectors, p->pf_vectors, 0}}};
}

struct resource_need accelerator_need_of(const struct accelerator_params *p,
                                         bool virtual_function, int64_t banks)
{
  if (virtual_function)
    return (struct resource_need){
        .amount = {[ACCELERATOR_RING_BANKS] = p->banks_per_function,
                   [ACCELERATOR_VIRTUAL_FUNCTIONS] = 1}};
  return (struct resource_need){
      .amount = {
          [ACCELERATOR_RING_BANKS] = banks, [ACCELERATOR_VECTORS] = banks}};
}
