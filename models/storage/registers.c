/*
 * registers.c - MMIO: decode of BAR 0 and what writes to it do.
 */
#include "models/storage/internal.h"

/* ---- doorbells ----------------------------------------------------------- */

static void ignore(struct storage *n)
{
  n->counts.ignored_writes += storage_counts(n);
}

/* The requests behind the new entries have reached the device. */
static void announce(struct storage *n, struct storage_queue *q, uint32_t count)
{
  hd_time now = hd_now(&n->base);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t slot = storage_slot(q, q->announced + i);
    struct block_request *r = q->ring->slot[slot];
    HD_REQUIRE(&n->base, r != NULL,
               "queue %u of guest %u announces an empty entry %u", q->index,
               q->owner->config.vm, slot);
    hd_stamps_mark(&r->stamps, HD_STAGE_DOORBELL, now);
    q->announced_at[slot] = now;
  }
  q->announced += count;
  n->totals.announced += count;
  n->totals.depth += count;
  hd_gauge_add(&n->depth, n->window, now, count);
}

static void tail_written(struct storage *n, struct storage_queue *q,
                         uint64_t tail)
{
  if (q == NULL || !q->live || tail >= q->ring->size) {
    ignore(n);
    return;
  }
  uint32_t size = q->ring->size, before = storage_slot(q, q->announced);
  uint32_t count = ((uint32_t)tail + size - before) % size;
  if (q->announced + count - q->arrived >= size) { /* laps itself */
    ignore(n);
    return;
  }
  n->counts.doorbells += storage_counts(n);
  announce(n, q, count);
  storage_activate(n, q);
  storage_arbitrate(n);
}

/* The driver has read the entries before `head` (3.1.25). */
static void head_written(struct storage *n, struct storage_queue *q,
                         uint64_t head)
{
  if (q == NULL || head >= q->ring->size) {
    ignore(n);
    return;
  }
  uint32_t size = q->ring->size, before = storage_slot(q, q->consumed);
  uint32_t count = ((uint32_t)head + size - before) % size;
  if (count > q->posted - q->consumed) {
    ignore(n);
    return;
  }
  n->counts.doorbells += storage_counts(n);
  q->consumed += count;
  storage_entries_read(q->vector, count);
  storage_post_held(n, q);
  storage_arbitrate(n);
}

/* ---- writes -------------------------------------------------------------- */

static void write_register(struct hd_component *device,
                           const struct pcie_tlp *tlp)
{
  struct storage *n = (struct storage *)device;
  uint64_t address = tlp->address, data = tlp->data;
  uint64_t queue = (address - STORAGE_QUEUE_BASE) / STORAGE_PAGE;
  uint64_t vector = (address - STORAGE_VECTOR_BASE) / STORAGE_PAGE;
  uint64_t offset = address % STORAGE_PAGE;
  if (address == STORAGE_ADMIN_DOORBELL && tlp->object != NULL)
    storage_admin_arrived(n, tlp->object);
  else if (queue < (uint64_t)n->params.queue_pairs && offset == 0)
    tail_written(n, n->queues[queue], data);
  else if (queue < (uint64_t)n->params.queue_pairs &&
           offset == STORAGE_CQ_OFFSET)
    head_written(n, n->queues[queue], data);
  else if (vector < (uint64_t)n->params.vectors && offset == 0)
    storage_vector_control(n, &n->vectors[vector], data);
  else
    ignore(n);
}

/* ---- reads --------------------------------------------------------------- */

/* Doorbells read as 0 (3.1.24). */
static uint64_t read_register(const struct hd_component *device,
                              uint64_t address)
{
  const struct storage *n = (const struct storage *)device;
  uint64_t vector = (address - STORAGE_VECTOR_BASE) / STORAGE_PAGE;
  if (vector < (uint64_t)n->params.vectors)
    return n->vectors[vector].enabled ? STORAGE_INT_ENABLE : 0;
  return 0;
}

const struct pcie_endpoint_ops storage_registers = {read_register,
                                                    write_register};
