#include "models/accelerator/resources.h"

const char *const accelerator_resource_names[ACCELERATOR_RESOURCES] = {
    [ACCELERATOR_RING_BANKS] = "ring banks",
    [ACCELERATOR_VIRTUAL_FUNCTIONS] = "virtual functions",
    [ACCELERATOR_VECTORS] = "vectors"};

void accelerator_resources_initialize(struct accelerator_resources *r,
                                      const struct accelerator_params *p,
                                      bool virtual_functions)
{
  int64_t kept = virtual_functions ? 0 : p->pf_banks;
  *r = (struct accelerator_resources){
      .pool = {[ACCELERATOR_RING_BANKS] = {p->banks, kept, 0},
               [ACCELERATOR_VIRTUAL_FUNCTIONS] = {p->virtual_functions, 0, 0},
               [ACCELERATOR_VECTORS] = {p->vectors, p->pf_vectors, 0}}};
}

struct accelerator_need accelerator_need_of(const struct accelerator_params *p,
                                            bool virtual_function,
                                            int64_t banks)
{
  if (virtual_function)
    return (struct accelerator_need){
        .amount = {[ACCELERATOR_RING_BANKS] = p->banks_per_function,
                   [ACCELERATOR_VIRTUAL_FUNCTIONS] = 1}};
  return (struct accelerator_need){
      .amount = {
          [ACCELERATOR_RING_BANKS] = banks, [ACCELERATOR_VECTORS] = banks}};
}

/* What is there for devices at all; a host may keep more than there is. */
static int64_t available(const struct accelerator_resource_pool *p)
{
  return p->total > p->reserved ? p->total - p->reserved : 0;
}

/* The pool that ends first when devices of this need are taken one by one. */
static enum accelerator_resource binding(const struct accelerator_resources *r,
                                         const struct accelerator_need *need)
{
  int least = 0;
  int64_t fewest = INT64_MAX;
  for (int i = 0; i < ACCELERATOR_RESOURCES; i++) {
    const struct accelerator_resource_pool *p = &r->pool[i];
    if (need->amount[i] <= 0)
      continue;
    int64_t devices = (available(p) - p->used) / need->amount[i];
    if (devices < fewest) {
      fewest = devices;
      least = i;
    }
  }
  return (enum accelerator_resource)least;
}

bool accelerator_resources_take(struct accelerator_resources *r,
                                const struct accelerator_need *need,
                                int64_t count,
                                enum accelerator_resource *short_of,
                                int64_t *have, int64_t *need_total)
{
  *short_of = binding(r, need);
  *have = available(&r->pool[*short_of]);
  *need_total = r->pool[*short_of].used + need->amount[*short_of] * count;
  if (*need_total > *have)
    return false;
  for (int i = 0; i < ACCELERATOR_RESOURCES; i++)
    r->pool[i].used += need->amount[i] * count;
  return true;
}

void accelerator_resources_give(struct accelerator_resources *r,
                                const struct accelerator_need *need,
                                int64_t count)
{
  for (int i = 0; i < ACCELERATOR_RESOURCES; i++)
    r->pool[i].used -= need->amount[i] * count;
}
