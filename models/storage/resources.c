#include "models/storage/resources.h"

void storage_resources_initialize(struct resource_pools *r,
                                  const struct storage_params *p)
{
  *r = (struct resource_pools){
      .n = STORAGE_RESOURCES,
      .pool = {[STORAGE_QUEUE_PAIRS] = {"queue pairs", p->queue_pairs,
                                        p->pf_queue_pairs, 0},
               [STORAGE_VIRTUAL_FUNCTIONS] = {"virtual functions",
                                              p->virtual_functions, 0, 0},
               [STORAGE_VECTORS] = {"vectors", p->vectors, p->pf_vectors, 0}}};
}

struct resource_need storage_need_of(bool virtual_function, int64_t queue_pairs)
{
  int64_t admin = virtual_function ? 1 : 0;
  return (struct resource_need){
      .amount = {[STORAGE_QUEUE_PAIRS] = queue_pairs + admin,
                 [STORAGE_VIRTUAL_FUNCTIONS] = admin,
                 [STORAGE_VECTORS] = queue_pairs + admin}};
}
