/*
 * migration_accelerator.h - a function of a virtio accelerator as what stands
 * behind the queues of a guest that migrates: commands to the accelerator's
 * administration queue.
 */
#ifndef HD_MODELS_HYPERVISOR_MIGRATION_ACCELERATOR_H
#define HD_MODELS_HYPERVISOR_MIGRATION_ACCELERATOR_H

#include "models/hypervisor/migration_agent.h"
#include "models/virtio_device/virtio_device.h"

struct migration_accelerator_config {
  struct virtio_device *device; /* accelerator at this side */
  uint16_t device_index;        /* below the root complex */
  uint16_t pf_requester;
  /* The function: at the source known once the hypervisor has made it; at the
   * destination made by the agent when the run begins. */
  const uint32_t *function;     /* source: its index */
  struct virtio_admin add;      /* destination: ADD_FUNCTION */
  struct virtio_function *twin; /* destination: what the guest's function
                                   becomes when it moves there */
};

struct migration_accelerator {
  struct migration_accelerator_config config;
  const struct migration_agent *agent;
  struct hd_channel *log;
  uint32_t function;
};

/* Object: struct migration_accelerator. */
extern const struct migration_back_end_ops migration_accelerator_ops;

/* Has the accelerator `device` (its index below the root complex) do a command
 * of its physical function, whose requester ID is `requester`. Fills in where
 * the command lies and who sees its answer. False: it failed. */
bool migration_accelerator_command(struct migration_agent *a, uint16_t device,
                                   uint16_t requester, struct virtio_admin *c);

#endif
