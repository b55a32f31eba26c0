/*
 * interrupts.c - vectors: masking and coalescing.
 *
 * Each posted completion entry is a cause; a message is sent behind it at once,
 * or, with coalescing (5.21.1.8), behind a threshold of entries or when the
 * first one has waited for a time. A masked vector keeps the message pending,
 * and sends it when it is enabled, unless the driver has read all entries
 * meanwhile (PCIe 6.1.4.5: the function clears a pending bit whose cause is
 * gone). Messages do not mask the vector.
 */
#include "models/storage/internal.h"

/* Interrupt requests carry no PASID (PCIe 6.20, VT-d 3.14). */
static void send_message(struct storage *n, const struct storage_vector *v)
{
  struct pcie_dma d = {.address = PCIE_MSI_BASE,
                       .length = 4,
                       .requester = v->owner->config.requester,
                       .observer = PCIE_NO_OBSERVER,
                       .data = v->handle};
  pcie_requester_write(n->endpoint.requester, &d);
}

static void fire(struct storage *n, struct storage_vector *v)
{
  if (!v->due || !v->enabled)
    return;
  v->due = false;
  v->unsignaled = 0;
  if (storage_counts(n)) {
    n->counts.interrupts++;
    v->owner->stats.interrupts++;
  }
  send_message(n, v);
}

static void arm(struct storage *n, struct storage_vector *v)
{
  if (v->armed)
    return;
  v->armed = true;
  hd_schedule(&n->base, v->oldest + n->params.coalesce_time - hd_now(&n->base),
              storage_timer(n, STORAGE_TIMER_VECTOR, v));
}

void storage_signal(struct storage *n, struct storage_vector *v)
{
  v->unread++;
  if (v->unsignaled++ == 0)
    v->oldest = hd_now(&n->base);
  if (v->unsignaled >= n->params.coalesce_threshold)
    v->due = true;
  else
    arm(n, v);
  fire(n, v);
}

/* A timer that outlived its message serves the next one. */
void storage_vector_due(struct storage *n, struct storage_vector *v)
{
  v->armed = false;
  if (v->owner == NULL || v->unsignaled == 0 || v->due)
    return;
  if (hd_now(&n->base) - v->oldest < n->params.coalesce_time) {
    arm(n, v);
    return;
  }
  v->due = true;
  fire(n, v);
}

void storage_entries_read(struct storage_vector *v, uint64_t count)
{
  v->unread -= count;
  if (v->unread > 0)
    return;
  v->due = false;
  v->unsignaled = 0;
}

void storage_vector_control(struct storage *n, struct storage_vector *v,
                            uint64_t value)
{
  v->enabled = v->owner != NULL && (value & STORAGE_INT_ENABLE) != 0;
  fire(n, v);
}

void storage_vector_reset(struct storage_vector *v)
{
  v->enabled = v->due = false;
  v->unsignaled = 0;
  v->unread = 0;
}
