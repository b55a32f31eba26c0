#include "models/storage/resources.h"

const char *const storage_resource_names[STORAGE_RESOURCES] = {
    [STORAGE_QUEUE_PAIRS] = "queue pairs",
    [STORAGE_VIRTUAL_FUNCTIONS] = "virtual functions",
    [STORAGE_VECTORS] = "vectors"};

void storage_resources_initialize(struct storage_resources *r,
                                  const struct storage_params *p)
{
  *r = (struct storage_resources){
      .pool = {[STORAGE_QUEUE_PAIRS] = {p->queue_pairs, p->pf_queue_pairs, 0},
               [STORAGE_VIRTUAL_FUNCTIONS] = {p->virtual_functions, 0, 0},
               [STORAGE_VECTORS] = {p->vectors, p->pf_vectors, 0}}};
}

struct storage_need storage_need_of(bool virtual_function, int64_t queue_pairs)
{
  int64_t admin = virtual_function ? 1 : 0;
  return (struct storage_need){
      .amount = {[STORAGE_QUEUE_PAIRS] = queue_pairs + admin,
                 [STORAGE_VIRTUAL_FUNCTIONS] = admin,
                 [STORAGE_VECTORS] = queue_pairs + admin}};
}

/* What is there for devices at all; a host may reserve more than there is. */
static int64_t available(const struct storage_pool *p)
{
  return p->total > p->reserved ? p->total - p->reserved : 0;
}

/* The pool that ends first when devices of this need are taken one by one. */
static enum storage_resource binding(const struct storage_resources *r,
                                     const struct storage_need *need)
{
  int least = 0;
  int64_t fewest = INT64_MAX;
  for (int i = 0; i < STORAGE_RESOURCES; i++) {
    const struct storage_pool *p = &r->pool[i];
    if (need->amount[i] <= 0)
      continue;
    int64_t devices = (available(p) - p->used) / need->amount[i];
    if (devices < fewest) {
      fewest = devices;
      least = i;
    }
  }
  return (enum storage_resource)least;
}

bool storage_resources_take(struct storage_resources *r,
                            const struct storage_need *need, int64_t count,
                            enum storage_resource *short_of, int64_t *have,
                            int64_t *need_total)
{
  *short_of = binding(r, need);
  *have = available(&r->pool[*short_of]);
  *need_total = r->pool[*short_of].used + need->amount[*short_of] * count;
  if (*need_total > *have)
    return false;
  for (int i = 0; i < STORAGE_RESOURCES; i++)
    r->pool[i].used += need->amount[i] * count;
  return true;
}

void storage_resources_give(struct storage_resources *r,
                            const struct storage_need *need, int64_t count)
{
  for (int i = 0; i < STORAGE_RESOURCES; i++)
    r->pool[i].used -= need->amount[i] * count;
}
