/*
 * resources.h - what a device has to give, as pools of countable things:
 * interfaces, functions, queues, vectors.
 *
 * Limits emerge here: a share of a device is granted only when every pool has
 * what it needs; the refusal names the pool that ran out. Which pools there are
 * and what a share needs is the device's (resources.h in its folder).
 */
#ifndef HD_MODELS_RESOURCES_H
#define HD_MODELS_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RESOURCE_POOLS_MAX = 8 };

struct resource_pool {
  const char *name; /* a plural noun: "interfaces" */
  int64_t total, reserved /* by the host */, used;
};

struct resource_pools {
  size_t n;
  struct resource_pool pool[RESOURCE_POOLS_MAX]; /* by the device's enum */
};

struct resource_need { /* of one share */
  int64_t amount[RESOURCE_POOLS_MAX];
};

/* Why a share was refused; have and need are in the pool's units, for all that
 * has been asked for so far, without what the host has reserved. */
struct resource_shortage {
  const char *resource; /* the pool's name */
  size_t pool;
  int64_t have, need;
};

/* What a pool has for guests, taken or not; a host may reserve more than there
 * is. */
int64_t resource_available(const struct resource_pool *p);
/* Takes `count` shares. False: nothing is taken, and *s names the pool that
 * would end first if they were taken one by one. */
bool resource_pools_take(struct resource_pools *r,
                         const struct resource_need *need, int64_t count,
                         struct resource_shortage *s);
void resource_pools_give(struct resource_pools *r,
                         const struct resource_need *need, int64_t count);

#endif
