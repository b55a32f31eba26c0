/*
 * run_queue.h - vCPUs that wait for one core, ordered by virtual run time, then
 * index.
 *
 * A binary heap; push and pop are O(log n). Starts as zero bytes.
 */
#ifndef HD_MODELS_CPU_RUN_QUEUE_H
#define HD_MODELS_CPU_RUN_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/engine/time.h"

struct run_queue_entry {
  hd_time vruntime; /* ps */
  uint32_t vcpu;
};

struct run_queue {
  struct run_queue_entry *entries;
  uint32_t count, capacity;
};

void run_queue_terminate(struct run_queue *q);
void run_queue_push(struct run_queue *q, struct run_queue_entry entry);
/* The first one, removed; the queue must not be empty. */
struct run_queue_entry run_queue_pop(struct run_queue *q);

/* The first one; the queue must not be empty. */
static inline const struct run_queue_entry *
run_queue_head(const struct run_queue *q)
{
  return &q->entries[0];
}

#endif
