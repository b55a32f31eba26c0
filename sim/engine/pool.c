#include "sim/engine/pool.h"

#include <stdlib.h>

#include "sim/engine/engine.h"

enum { SLAB_BYTES = 1 << 16, ALIGN = 16 };

struct slab {
  struct slab *next;
  char pad[ALIGN - sizeof(struct slab *)];
};

void hd_pool_initialize(struct hd_pool *p, size_t object_bytes)
{
  size_t bytes = (object_bytes + ALIGN - 1) / ALIGN * ALIGN;
  *p = (struct hd_pool){.object_bytes = bytes};
}

void hd_pool_terminate(struct hd_pool *p)
{
  for (struct slab *s = p->slabs; s != NULL;) {
    struct slab *next = s->next;
    free(s);
    s = next;
  }
  *p = (struct hd_pool){0};
}

static void add_slab(struct hd_pool *p)
{
  struct slab *slab = malloc(SLAB_BYTES);
  HD_REQUIRE(NULL, slab != NULL, "out of memory for a pool");
  slab->next = p->slabs;
  p->slabs = slab;
  size_t n = (SLAB_BYTES - sizeof *slab) / p->object_bytes;
  p->fresh = (char *)(slab + 1);
  p->fresh_end = p->fresh + n * p->object_bytes;
}

/* Everything that was ever given out is out now: a new peak. */
void *hd_pool_refill(struct hd_pool *p)
{
  if (p->fresh == p->fresh_end)
    add_slab(p);
  void *object = p->fresh;
  p->fresh += p->object_bytes;
  p->live++;
  p->peak++;
  return object;
}
