/*
 * migration_agent.h - the thread at each host that carries out what a live
 * migration asks of a guest and of its virtio accelerator.
 *
 * The migration (migration.h) decides; its operations send the agent a message
 * and are answered later. The agent pauses and resumes vCPUs (vcpu_control.h)
 * and posts commands to the accelerator's administration queue, one after
 * another, polling for each. What a queue's state is passes from the source's
 * agent to the destination's in memory that only one of them uses at a time:
 * it belongs to the source until its suspension has been answered, and to the
 * destination once the migration asks for the queue to be resumed there.
 */
#ifndef HD_MODELS_HYPERVISOR_MIGRATION_AGENT_H
#define HD_MODELS_HYPERVISOR_MIGRATION_AGENT_H

#include "models/hypervisor/migration.h"
#include "models/pcie/root_complex.h"
#include "models/virtio_device/virtio_device.h"
#include "models/workload/guest.h"

/* State of the queues of the device that moves; both sides'. */
struct migrating_queue {
  struct virtq_state state;
  struct virtq_view view;
};

struct migration_agent; /* is a struct hd_task */

struct migration_agent_config {
  unsigned side;
  struct guest *guest;
  unsigned pairs;               /* its queue pairs */
  struct virtio_device *device; /* accelerator at this side */
  uint16_t device_index;        /* below the root complex */
  uint16_t pf_requester;
  uint64_t admin_ring; /* host physical */
  hd_time admin_poll;
  uint64_t memory_base; /* IOVA of the guest's memory */
  /* The function: at the source known once the hypervisor has made it; at the
   * destination made by the agent when the run begins. */
  const uint32_t *function;       /* source: its index */
  struct virtio_admin add;        /* destination: ADD_FUNCTION */
  struct virtio_function *twin;   /* destination: what the guest's function
                                     becomes when it moves there */
  struct migrating_queue *queues; /* by queue; shared with the other side */
  bool stuck;                     /* fault: suspensions are never answered */
  bool full;                      /* fault: no room for queues */
};

struct migration_agent *
migration_agent_create(struct hd_engine *e, const char *path, const char *host,
                       const struct migration_agent_config *c);
void migration_agent_destroy(struct migration_agent *a);
struct hd_component *migration_agent_component(struct migration_agent *a);
/* `observer`: a memory observer in host memory that sees write-backs. */
void migration_agent_attach(struct migration_agent *a,
                            struct root_complex *root, uint16_t observer);
/* After migration_create(); the agents are the sides of guest and device. */
void migration_agent_join(struct migration_agent *a, struct migration *m);

/* For migration_config: pointers there are struct migration_agent. */
extern const struct migration_device_ops migration_agent_device_ops;
/* The same device passed through whole, with a driver that gets its state as
 * one image (VFIO; virtio 1.2 admin commands): all queues at once. */
extern const struct migration_device_ops migration_agent_image_ops;
extern const struct migration_guest_ops migration_agent_guest_ops;

/* How the guest's CPUs write memory; and the network's switch-over. */
struct migration_agent_hooks {
  struct migration_load load;
  void (*switched)(void *context, struct hd_component *agent);
  void *context;
};
void migration_agent_set_hooks(struct migration_agent *a,
                               const struct migration_agent_hooks *h);

#endif
