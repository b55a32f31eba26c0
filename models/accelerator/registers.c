/*
 * registers.c - MMIO: decode of the BARs and what writes to them do.
 */
#include "models/accelerator/internal.h"

/* ---- rings --------------------------------------------------------------- */

static void ignore(struct accelerator *n)
{
  n->counts.ignored_writes += accelerator_counts(n);
}

/* The requests behind the new entries have reached the device. */
static void announce(struct accelerator *n, struct accelerator_bank *k,
                     uint32_t count)
{
  hd_time now = hd_now(&n->base);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t slot = accelerator_slot(k, k->announced + i);
    struct accelerator_request *r = k->ring->slot[slot];
    HD_REQUIRE(&n->base, r != NULL,
               "bank %u of guest %u announces an empty entry %u", k->index,
               k->owner->config.vm, slot);
    hd_stamps_mark(&r->stamps, HD_STAGE_DOORBELL, now);
    k->announced_at[slot] = now;
  }
  k->announced += count;
  n->totals.announced += count;
  n->totals.depth += count;
  hd_gauge_add(&n->depth, n->window, now, count);
}

static void tail_written(struct accelerator *n, struct accelerator_bank *k,
                         uint64_t tail)
{
  if (!k->live || tail >= k->ring->size) {
    ignore(n);
    return;
  }
  uint32_t size = k->ring->size, before = accelerator_slot(k, k->announced);
  uint32_t count = ((uint32_t)tail + size - before) % size;
  if (k->announced + count - k->arrived >= size) { /* laps itself */
    ignore(n);
    return;
  }
  n->counts.tail_writes += accelerator_counts(n);
  announce(n, k, count);
  accelerator_activate(n, k);
  accelerator_arbitrate(n);
}

/* The driver has read the responses before `head`. */
static void head_written(struct accelerator *n, struct accelerator_bank *k,
                         uint64_t head)
{
  if (head >= k->ring->size) {
    ignore(n);
    return;
  }
  uint32_t size = k->ring->size, before = accelerator_slot(k, k->consumed);
  uint32_t count = ((uint32_t)head + size - before) % size;
  if (count > k->posted - k->consumed) {
    ignore(n);
    return;
  }
  n->counts.head_writes += accelerator_counts(n);
  k->consumed += count;
  accelerator_post_held(n, k);
  accelerator_arbitrate(n);
}

/* ---- writes -------------------------------------------------------------- */

static struct accelerator_bank *bank_of(const struct accelerator *n,
                                        uint64_t address)
{
  uint64_t number = address / ACCELERATOR_BANK_BYTES;
  return number < (uint64_t)n->params.banks ? n->banks[number] : NULL;
}

static void write_bank(struct accelerator *n, struct accelerator_bank *k,
                       uint64_t offset, uint64_t data)
{
  switch (offset) {
  case ACCELERATOR_TAIL_OFFSET:
    tail_written(n, k, data);
    break;
  case ACCELERATOR_HEAD_OFFSET:
    head_written(n, k, data);
    break;
  case ACCELERATOR_INT_OFFSET:
    accelerator_interrupt_control(n, k, data);
    break;
  default:
    ignore(n);
  }
}

static void write_register(struct hd_component *device,
                           const struct pcie_tlp *tlp)
{
  struct accelerator *n = (struct accelerator *)device;
  struct accelerator_bank *k = bank_of(n, tlp->address);
  if (tlp->address == ACCELERATOR_ADMIN_DOORBELL && tlp->object != NULL)
    accelerator_admin_arrived(n, tlp->object);
  else if (k != NULL)
    write_bank(n, k, tlp->address % ACCELERATOR_BANK_BYTES, tlp->data);
  else
    ignore(n);
}

/* ---- reads --------------------------------------------------------------- */

/* Head, tail and interrupt control read as what was written last. */
static uint64_t read_register(const struct hd_component *device,
                              uint64_t address)
{
  const struct accelerator *n = (const struct accelerator *)device;
  const struct accelerator_bank *k = bank_of(n, address);
  if (k == NULL)
    return 0;
  switch (address % ACCELERATOR_BANK_BYTES) {
  case ACCELERATOR_TAIL_OFFSET:
    return accelerator_slot(k, k->announced);
  case ACCELERATOR_HEAD_OFFSET:
    return accelerator_slot(k, k->consumed);
  case ACCELERATOR_INT_OFFSET:
    return k->enabled ? ACCELERATOR_INT_ENABLE : 0;
  default:
    return 0;
  }
}

const struct pcie_endpoint_ops accelerator_registers = {read_register,
                                                        write_register};
