/*
 * interrupts.c - vectors: messages, moderation.
 *
 * The ring decides whether an interrupt is wanted (used.c). With moderation
 * (5.1.6.5.9) a vector waits until so many buffers have been used, or until the
 * oldest of them has waited for a time.
 */
#include "models/virtio_device/internal.h"

/* Interrupt requests carry no PASID (PCIe 6.20, VT-d 3.14). */
void virtio_hw_interrupt(struct virtio_device *n, struct virtio_hw_vector *v)
{
  struct pcie_dma d = {.address = PCIE_MSI_BASE,
                       .length = 4,
                       .requester = v->owner->config.requester,
                       .observer = PCIE_NO_OBSERVER,
                       .data = v->handle};
  v->used = 0;
  if (virtio_hw_counts(n)) {
    n->counts.interrupts++;
    v->owner->stats.interrupts++;
  }
  pcie_requester_write(n->endpoint.requester, &d);
}

static void wait(struct virtio_device *n, struct virtio_hw_vector *v)
{
  if (v->armed)
    return;
  v->armed = true;
  hd_schedule(&n->base, v->oldest + n->params.coalesce_time - hd_now(&n->base),
              virtio_hw_timer(n, VIRTIO_HW_TIMER_VECTOR, v));
}

void virtio_hw_cause(struct virtio_device *n, struct virtio_hw_vector *v,
                     uint64_t used)
{
  if (v->used == 0)
    v->oldest = hd_now(&n->base);
  v->used += used;
  if (n->params.coalesce_time == 0 ||
      v->used >= (uint64_t)n->params.coalesce_packets)
    virtio_hw_interrupt(n, v);
  else
    wait(n, v);
}

/* A timer that outlived its interrupt serves the next one. */
void virtio_hw_vector_due(struct virtio_device *n, struct virtio_hw_vector *v)
{
  v->armed = false;
  if (v->owner == NULL || v->used == 0)
    return;
  if (hd_now(&n->base) - v->oldest >= n->params.coalesce_time)
    virtio_hw_interrupt(n, v);
  else
    wait(n, v);
}
