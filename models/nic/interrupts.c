/*
 * interrupts.c - vectors: causes, throttling, masking.
 *
 * A completion is a cause. A vector with a cause fires at once if software has
 * enabled it and the throttling interval since the last interrupt for a cause
 * of that direction is over; otherwise as soon as both hold. Firing writes back
 * what its queues have completed, then sends the message behind it, and masks
 * the vector until software writes its control register again. (E810:
 * GLINT_DYN_CTL.)
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
  for (int d = 0; d < NIC_DIRECTIONS; d++) {
    if (v->cause[d])
      v->earliest[d] = hd_now(&n->base) + v->interval;
    v->cause[d] = false;
  }
  v->enabled = false;
  if (nic_counts(n)) {
    n->counts.interrupts++;
    v->owner->stats.interrupts++;
  }
  send_message(n, v);
}

/* When the vector may fire: as soon as one of its causes may. */
static hd_time due(const struct nic_vector *v)
{
  hd_time when = HD_TIME_NEVER;
  for (int d = 0; d < NIC_DIRECTIONS; d++)
    if (v->cause[d])
      when = hd_time_min(when, v->earliest[d]);
  return when;
}

static void fire_or_wait(struct nic *n, struct nic_vector *v)
{
  hd_time now = hd_now(&n->base), when = due(v);
  if (v->owner == NULL || !v->enabled || when == HD_TIME_NEVER)
    return;
  if (now >= when) {
    fire(n, v);
  } else if (v->armed_for > when) {
    v->armed_for = when;
    hd_schedule(&n->base, when - now, nic_timer(n, NIC_TIMER_VECTOR, v));
  }
}

void nic_cause(struct nic *n, struct nic_vector *v, bool rx)
{
  v->cause[rx] = true;
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
  v->enabled = false;
  v->interval = nic_throttle(n->params.itr);
  for (int d = 0; d < NIC_DIRECTIONS; d++) {
    v->cause[d] = false;
    v->earliest[d] = 0;
  }
}

void nic_vector_control(struct nic *n, struct nic_vector *v, uint64_t value)
{
  uint64_t itr = value >> 16 & 0xffff;
  v->enabled = (value & NIC_INT_ENABLE) != 0;
  if (!v->enabled)
    return;
  if (itr != NIC_ITR_KEEP) {
    hd_time interval = nic_throttle((hd_time)itr * ITR_STEP);
    for (int d = 0; d < NIC_DIRECTIONS; d++)
      if (v->earliest[d] > 0) /* counted from the last interrupt */
        v->earliest[d] += interval - v->interval;
    v->interval = interval;
  }
  fire_or_wait(n, v);
}
