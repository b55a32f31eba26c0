/*
 * virtio_driver_boot.c - negotiation and the part of a start that all virtio
 * drivers share (virtio 1.2: 3.1.1, 4.1.5.1). vCPU 0 probes the device by
 * trapped accesses.
 */
#include "models/workload/virtio_driver.h"

/* ---- features --------------------------------------------------------------
 */

uint64_t virtio_driver_ring_features(const struct virtio_params *p)
{
  return VIRTIO_BIT(VIRTIO_F_VERSION_1) |
         virtio_when(p->packed, VIRTIO_F_RING_PACKED) |
         virtio_when(p->indirect, VIRTIO_F_INDIRECT_DESC) |
         virtio_when(p->event_idx, VIRTIO_F_EVENT_IDX) |
         virtio_when(p->in_order, VIRTIO_F_IN_ORDER);
}

uint64_t virtio_driver_accept(const struct guest_config *c,
                              enum virtio_device_type type, uint64_t offered,
                              uint64_t supported)
{
  uint64_t accepted = virtio_features_choose(type, offered, supported);
  const char *why = virtio_offer_refused(type, offered);
  if (!why)
    why = virtio_features_refused(type, offered, accepted);
  HD_REQUIRE(NULL, why == NULL, "%s: virtio device: %s", c->path, why);
  return accepted;
}

/* ---- status ----------------------------------------------------------------
 */

static void set_status(struct guest_cpu *cpu, struct virtio_driver *v,
                       uint8_t bit, enum virtio_status_result expected)
{
  struct virtio_status *s = &v->status;
  enum virtio_status_result got =
      virtio_status_write(s, (uint8_t)(s->value | bit));
  HD_REQUIRE(&cpu->vcpu.task.base, got == expected,
             "virtio device refuses status %02x: %s", bit,
             s->refusal ? s->refusal : "wrong order");
}

/* 3.1.1 begins with a reset; the device is back at once. */
static void negotiate(struct guest_cpu *cpu, struct virtio_driver *v)
{
  if (virtio_status_write(&v->status, 0) == VIRTIO_STATUS_RESET)
    virtio_status_reset_done(&v->status);
  set_status(cpu, v, VIRTIO_ACKNOWLEDGE, VIRTIO_STATUS_DONE);
  set_status(cpu, v, VIRTIO_DRIVER, VIRTIO_STATUS_DONE);
  HD_REQUIRE(&cpu->vcpu.task.base,
             virtio_status_accept(&v->status, v->function.features),
             "virtio device does not take features now");
  set_status(cpu, v, VIRTIO_FEATURES_OK, VIRTIO_STATUS_DONE);
}

void virtio_driver_probe(struct guest_cpu *cpu, struct virtio_driver *v)
{
  const struct guest *g = cpu->guest;
  const struct virtio_params *p = g->config.virtio;
  negotiate(cpu, v);
  boot_trap(cpu, p->boot_traps);
  boot_trap(cpu, v->function.n_queues * p->queue_traps +
                     (1 + g->config.queue_pairs) * p->vector_traps);
  set_status(cpu, v, VIRTIO_DRIVER_OK, VIRTIO_STATUS_STARTED);
  if (v->function.notify == VIRTIO_NOTIFY_DOORBELL)
    guest_map_pages(cpu);
}
