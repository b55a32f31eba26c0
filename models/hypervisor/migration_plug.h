/*
 * migration_plug.h - a passed-through network device that leaves its guest
 * while it migrates: an interface of the NIC, or a function of a virtio
 * accelerator; the guest has a stand-in (models/workload/failover.h).
 *
 * Unplug: the guest's driver sends by the stand-in and waits until its rings
 * have run empty; frames for the guest are steered to the stand-in; the queues
 * are stopped, what had been received is handled; the device is taken away.
 * Plug: the device is made, opened and started as a new guest's is
 * (hypervisor.h); the guest's driver starts and sends by it; frames are steered
 * to it.
 */
#ifndef HD_MODELS_HYPERVISOR_MIGRATION_PLUG_H
#define HD_MODELS_HYPERVISOR_MIGRATION_PLUG_H

#include "models/hypervisor/migration_agent.h"
#include "models/nic/nic.h"
#include "models/virtio_device/virtio_device.h"

struct migration_plug;

/* What kind of device it is. */
struct migration_plug_kind {
  bool (*add)(struct migration_plug *x, struct migration_agent *a);
  void (*reset)(struct migration_plug *x, struct migration_agent *a);
  void (*start)(struct migration_plug *x, struct migration_agent *a);
  void (*stop)(struct migration_plug *x, struct migration_agent *a);
  /* Optional: when the guest has let go of it. */
  void (*remove)(struct migration_plug *x, struct migration_agent *a);
  /* Optional: whether the device's own switch gives it the guest's frames. */
  void (*route)(struct migration_plug *x, struct migration_agent *a, bool on);
};
extern const struct migration_plug_kind migration_plug_nic,
    migration_plug_virtio;

/* Times in picoseconds. */
struct migration_plug_config {
  const struct migration_plug_kind *kind;
  uint16_t device_index; /* below the root complex */
  uint16_t pf_requester;
  const uint32_t *index; /* of interface or function at its device; source:
                            where the hypervisor notes it; else NULL */
  hd_time create;        /* before it is added: the VDCM's work */
  hd_time open;          /* VFIO: pinning memory, opening */
  hd_time reset;         /* to wait after a reset */
  /* NIC: the interface, and at the destination its queue pairs' observers. */
  struct nic_interface interface;
  const uint16_t *observer;
  /* Accelerator; `twin`, at the destination: what the guest's function is
   * there. */
  struct virtio_admin add;
  struct virtio_function *function, *twin;
  /* Optional: tells the network where the guest's frames go, on the agent's
   * task; in force after `announced`. */
  void (*announce)(void *context, unsigned side, bool stand_in);
  void *context;
  hd_time announced;
};

struct migration_plug {
  struct migration_plug_config config;
  uint32_t index;
  bool known; /* index is that of the device that was added last */
};

/* Object: struct migration_plug. */
extern const struct migration_plug_ops migration_plug_ops;

/* For kinds: the device's index. */
static inline uint32_t migration_plug_index(const struct migration_plug *x)
{
  return x->known ? x->index : *x->config.index;
}

#endif
