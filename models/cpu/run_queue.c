#include "models/cpu/run_queue.h"

#include <stdlib.h>

#include "sim/engine/engine.h"

static bool before(const struct run_queue_entry *a,
                   const struct run_queue_entry *b)
{
  return a->vruntime != b->vruntime ? a->vruntime < b->vruntime
                                    : a->vcpu < b->vcpu;
}

void run_queue_terminate(struct run_queue *q)
{
  free(q->entries);
  *q = (struct run_queue){0};
}

static void grow(struct run_queue *q)
{
  q->capacity = q->capacity ? q->capacity * 2 : 8;
  q->entries = realloc(q->entries, q->capacity * sizeof *q->entries);
  HD_REQUIRE(NULL, q->entries != NULL, "out of memory for a run queue");
}

void run_queue_push(struct run_queue *q, struct run_queue_entry entry)
{
  if (q->count == q->capacity)
    grow(q);
  uint32_t i = q->count++;
  while (i > 0 && before(&entry, &q->entries[(i - 1) / 2])) {
    q->entries[i] = q->entries[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  q->entries[i] = entry;
}

struct run_queue_entry run_queue_pop(struct run_queue *q)
{
  struct run_queue_entry first = q->entries[0];
  struct run_queue_entry last = q->entries[--q->count];
  uint32_t i = 0;
  for (;;) {
    uint32_t child = 2 * i + 1;
    if (child >= q->count)
      break;
    if (child + 1 < q->count &&
        before(&q->entries[child + 1], &q->entries[child]))
      child++;
    if (!before(&q->entries[child], &last))
      break;
    q->entries[i] = q->entries[child];
    i = child;
  }
  if (q->count > 0)
    q->entries[i] = last;
  return first;
}
