/*
 * interrupts.c - a bank's interrupt.
 *
 * The cause is a level: there are responses the driver has not consumed. While
 * the interrupt is enabled and there is cause, a message is sent when the cause
 * has lasted for coalesce_time (since the first such response, or since it was
 * enabled), or when there are coalesce_count such responses. It then disables
 * itself: the flag is set, and the driver's interrupt handler clears and
 * enables it again when it has read all responses. A driver that polls never
 * does.
 */
#include "models/accelerator/internal.h"

/* Interrupt requests carry no PASID (PCIe 6.20, VT-d 3.14). */
static void send_message(struct accelerator *n,
                         const struct accelerator_bank *k)
{
  struct pcie_dma d = {.address = PCIE_MSI_BASE,
                       .length = 4,
                       .requester = k->owner->config.requester,
                       .observer = PCIE_NO_OBSERVER,
                       .data = k->owner->config.first_handle + k->index};
  pcie_requester_write(n->endpoint.requester, &d);
}

static bool is_due(const struct accelerator *n,
                   const struct accelerator_bank *k)
{
  int64_t unread = (int64_t)(k->posted - k->consumed);
  int64_t count = n->params.coalesce_count;
  return hd_now(&n->base) - k->since >= n->params.coalesce_time ||
         (count > 0 && unread >= count);
}

static void arm(struct accelerator *n, struct accelerator_bank *k)
{
  if (k->armed)
    return;
  k->armed = true;
  hd_schedule(&n->base, k->since + n->params.coalesce_time - hd_now(&n->base),
              accelerator_timer(n, ACCELERATOR_TIMER_INTERRUPT, k));
}

void accelerator_signal(struct accelerator *n, struct accelerator_bank *k)
{
  if (!k->enabled || k->posted == k->consumed)
    return;
  if (!is_due(n, k)) {
    arm(n, k);
    return;
  }
  k->enabled = false;
  if (accelerator_counts(n)) {
    n->counts.interrupts++;
    k->owner->stats.interrupts++;
  }
  send_message(n, k);
}

/* A timer that outlived its message serves the next one. */
void accelerator_interrupt_due(struct accelerator *n,
                               struct accelerator_bank *k)
{
  k->armed = false;
  accelerator_signal(n, k);
}

void accelerator_interrupt_control(struct accelerator *n,
                                   struct accelerator_bank *k, uint64_t value)
{
  k->enabled = (value & ACCELERATOR_INT_ENABLE) != 0;
  k->since = hd_now(&n->base);
  accelerator_signal(n, k);
}
