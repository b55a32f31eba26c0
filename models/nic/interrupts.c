/*
 * interrupts.c - vectors: causes, throttling, masking.
 *
 * A completion is a cause. A vector with a cause fires at once if software has
 * enabled it and its throttling interval since the last interrupt is over;
 * otherwise as soon as both hold. Firing writes back what its queues have
 * completed, then sends the message behind it, and masks the vector until
 * software writes its control register again. (E810: GLINT_DYN_CTL.)
 */
#include "models/nic/internal.h"

enum { ITR_STEP = 2 * HD_US };
#define ITR_MAX (8160 * HD_US)

hd_time nic_throttle(hd_time interval)
{
  return hd_time_min(interval, ITR_MAX) / ITR_STEP * ITR_STEP;
}

/* Interrupt requests carry no PASID (PCIe 6.20, VT-d 3.14). */
static void send_message(struct nic *n, const struct nic_vector *v)
{
  struct pcie_dma d = {.address = PCIE_MSI_BASE,
                       .length = 4,
                       .requester = v->owner->config.requester,
                       .observer = PCIE_NO_OBSERVER,
                       .data = v->handle};
  nic_write(n, &d);
}

static void fire(struct nic *n, struct nic_vector *v)
{
  while (v->pending != NULL)
    nic_write_back(n, v->pending);
  v->cause = v->enabled = false;
  v->earliest = hd_now(&n->base) + v->interval;
  if (nic_counts(n)) {
    n->counts.interrupts++;
    v->owner->stats.interrupts++;
  }
  send_message(n, v);
}

static void fire_or_wait(struct nic *n, struct nic_vector *v)
{
  hd_time now = hd_now(&n->base);
  if (v->owner == NULL || !v->enabled || !v->cause)
    return;
  if (now >= v->earliest) {
    fire(n, v);
  } else if (v->armed_for > v->earliest) {
    v->armed_for = v->earliest;
    hd_schedule(&n->base, v->earliest - now, nic_timer(n, NIC_TIMER_VECTOR, v));
  }
}

void nic_cause(struct nic *n, struct nic_vector *v)
{
  v->cause = true;
  fire_or_wait(n, v);
}

/* Of several timers only the earliest is remembered; the others do no harm. */
void nic_vector_due(struct nic *n, struct nic_vector *v)
{
  if (v->armed_for <= hd_now(&n->base))
    v->armed_for = HD_TIME_NEVER;
  fire_or_wait(n, v);
}

void nic_vector_reset(struct nic *n, struct nic_vector *v)
{
  v->enabled = v->cause = false;
  v->interval = nic_throttle(n->params.itr);
  v->earliest = 0;
}

void nic_vector_control(struct nic *n, struct nic_vector *v, uint64_t value)
{
  uint64_t itr = value >> 16 & 0xffff;
  v->enabled = (value & NIC_INT_ENABLE) != 0;
  if (!v->enabled)
    return;
  if (itr != NIC_ITR_KEEP) {
    hd_time interval = nic_throttle((hd_time)itr * ITR_STEP);
    if (v->earliest > 0) /* counted from the last interrupt */
      v->earliest += interval - v->interval;
    v->interval = interval;
  }
  fire_or_wait(n, v);
}
