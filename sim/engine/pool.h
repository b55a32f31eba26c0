/*
 * pool.h - fixed-size objects without malloc on the hot path.
 *
 * Grows by slabs and never shrinks; objects are recycled last in, first out.
 */
#ifndef HD_ENGINE_POOL_H
#define HD_ENGINE_POOL_H

#include <stddef.h>

struct hd_pool {
  size_t object_bytes;
  void *free_list;
  void *slabs;
  char *fresh, *fresh_end; /* of the newest slab: never given out yet */
  size_t live;             /* objects given out */
  size_t peak;             /* the most ever given out at a time */
};

void hd_pool_initialize(struct hd_pool *p, size_t object_bytes);
void hd_pool_terminate(struct hd_pool *p);
void *hd_pool_refill(struct hd_pool *p); /* internal: slow path of get */

static inline void *hd_pool_get(struct hd_pool *p)
{
  void *object = p->free_list;
  if (__builtin_expect(object == NULL, 0))
    return hd_pool_refill(p);
  p->free_list = *(void **)object;
  p->live++;
  return object;
}

static inline void hd_pool_put(struct hd_pool *p, void *object)
{
  *(void **)object = p->free_list;
  p->free_list = object;
  p->live--;
}

#endif
