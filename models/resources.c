/* resources.c - pools of countable things, see resources.h. */
#include "models/resources.h"

int64_t resource_available(const struct resource_pool *p)
{
  return p->total > p->reserved ? p->total - p->reserved : 0;
}

/* The pool that ends first when shares of this need are taken one by one. */
static size_t binding(const struct resource_pools *r,
                      const struct resource_need *need)
{
  size_t least = 0;
  int64_t fewest = INT64_MAX;
  for (size_t i = 0; i < r->n; i++) {
    const struct resource_pool *p = &r->pool[i];
    if (need->amount[i] <= 0)
      continue;
    int64_t shares = (resource_available(p) - p->used) / need->amount[i];
    if (shares < fewest) {
      fewest = shares;
      least = i;
    }
  }
  return least;
}

bool resource_pools_take(struct resource_pools *r,
                         const struct resource_need *need, int64_t count,
                         struct resource_shortage *s)
{
  size_t i = binding(r, need);
  const struct resource_pool *p = &r->pool[i];
  *s = (struct resource_shortage){.resource = p->name,
                                  .pool = i,
                                  .have = resource_available(p),
                                  .need = p->used + need->amount[i] * count};
  if (s->need > s->have)
    return false;
  for (i = 0; i < r->n; i++)
    r->pool[i].used += need->amount[i] * count;
  return true;
}

void resource_pools_give(struct resource_pools *r,
                         const struct resource_need *need, int64_t count)
{
  for (size_t i = 0; i < r->n; i++)
    r->pool[i].used -= need->amount[i] * count;
}
