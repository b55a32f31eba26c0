/*
 * migration_agent.h - the thread at each host that carries out what a live
 * migration asks of a guest and of what stands behind its virtqueues.
 *
 * The migration (migration.h) decides; its operations send the agent a message
 * and are answered later. The agent pauses and resumes vCPUs (vcpu_control.h)
 * and has the back end suspend and resume queues, one after another. What a
 * queue's state is passes from the source's agent to the destination's in
 * memory that only one of them uses at a time: it belongs to the source until
 * its suspension has been answered, and to the destination once the migration
 * asks for the queue to be resumed there.
 *
 * Back ends: migration_accelerator.h (a virtio accelerator),
 * migration_software.h (threads of the host).
 */
#ifndef HD_MODELS_HYPERVISOR_MIGRATION_AGENT_H
#define HD_MODELS_HYPERVISOR_MIGRATION_AGENT_H

#include "models/hypervisor/migration.h"
#include "models/pcie/root_complex.h"
#include "models/virtio/dirty.h"
#include "models/workload/guest.h"

/* Between host threads: a wake-up (estimated from memory). */
#define MIGRATION_AGENT_LATENCY (1 * HD_US)
/* Of the dirty log on its way to the source's thread: a line of memory. It is
 * shorter than a DMA write and than a wake-up, so that the log comes before an
 * answer. */
#define MIGRATION_LOG_LATENCY (70 * HD_NS)

/* State of the queues of the device that moves; both sides'. */
struct migrating_queue {
  struct virtq_state state;
  struct virtq_view view;
};

struct migration_agent; /* is a struct hd_task */

/* What stands behind the queues at one side. All but join() are called on the
 * agent's task, and may take its time. */
struct migration_back_end_ops {
  /* After migration_create(): opens the channel of its dirty log. */
  void (*join)(void *back_end, struct migration_agent *a, struct migration *m);
  /* Optional. Destination: when the run begins. */
  void (*prepare)(void *back_end, struct migration_agent *a);
  /* Fills in the queue's struct migrating_queue. False: it refuses. */
  bool (*suspend)(void *back_end, struct migration_agent *a, uint32_t queue);
  /* From there; the source: of queues that were told to suspend. */
  bool (*resume)(void *back_end, struct migration_agent *a, uint32_t queue);
  /* Source: its writes to the guest's memory are logged from now on, or not. */
  void (*track)(void *back_end, struct migration_agent *a, bool on);
  /* Optional. Destination, while all vCPUs stand still: the guest's function
   * becomes this one. */
  void (*arrive)(void *back_end, struct migration_agent *a);
  /* Optional. Source: the guest runs at the destination for good. */
  void (*leave)(void *back_end, struct migration_agent *a);
};

/* A device of the guest's that cannot move, for which that back end stands in
 * (migration_plug.h). On the agent's task; takes its time. */
struct migration_plug_ops {
  void (*unplug)(void *device, struct migration_agent *a); /* source */
  void (*plug)(void *device, struct migration_agent *a);
};

struct migration_agent_config {
  unsigned side;
  struct guest *guest;
  struct virtio_function *function; /* of the guest's, whose queues move */
  unsigned first_pair, pairs;       /* its queue pairs, among the guest's */
  uint32_t served;     /* queues of the function that move, from 0 on */
  uint64_t admin_ring; /* host physical */
  hd_time admin_poll;
  hd_time trap_cost;              /* of an emulated access */
  uint64_t memory_base;           /* IOVA of the guest's memory */
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
void migration_agent_set_back_end(struct migration_agent *a,
                                  const struct migration_back_end_ops *ops,
                                  void *back_end);
/* Optional. */
void migration_agent_set_plug(struct migration_agent *a,
                              const struct migration_plug_ops *ops,
                              void *device);
/* After migration_create(); the agents are the sides of guest and device. */
void migration_agent_join(struct migration_agent *a, struct migration *m);

/* For migration_config: pointers there are struct migration_agent. The device:
 * an accelerator, or software of the host. */
extern const struct migration_device_ops migration_agent_device_ops;
/* The same device passed through whole, with a driver that gets its state as
 * one image (VFIO; virtio 1.2 admin commands): all queues at once. */
extern const struct migration_device_ops migration_agent_image_ops;
extern const struct migration_device_ops migration_agent_software_ops;
/* A device that is unplugged, with the agents' struct migration_plug_ops. */
extern const struct migration_device_ops migration_agent_plug_ops;
extern const struct migration_guest_ops migration_agent_guest_ops;
/* By the migration's source thread, when the guest is gone. */
void migration_agent_leave(struct migration_agent *a, struct hd_task *thread);

/* How the guest's CPUs write memory; and the network's switch-over. */
struct migration_agent_hooks {
  struct migration_load load;
  void (*switched)(void *context, struct hd_component *agent);
  void *context;
};
void migration_agent_set_hooks(struct migration_agent *a,
                               const struct migration_agent_hooks *h);

/* ---- for back ends, on the agent's task ---------------------------------- */

const struct migration_agent_config *
migration_agent_config(const struct migration_agent *a);
/* Waits for a message of that kind, which the caller frees; what the migration
 * asks for meanwhile is done later. */
struct hd_msg *migration_agent_await(struct migration_agent *a, uint32_t kind);
/* Asks the guest's driver of the device for `verb` (struct guest_plug_msg),
 * until it has done it; emulates its trapped accesses meanwhile. */
void migration_agent_ask_guest(struct migration_agent *a, enum guest_plug verb);
/* Posts a command to the administration queue of a device, by its index below
 * the root complex, and polls until the device has written it back. The
 * command's address and observer are these: */
void migration_agent_command(struct migration_agent *a, uint16_t device,
                             uint64_t doorbell, void *command);
uint16_t migration_agent_observer(const struct migration_agent *a);
/* Sends runs of pages, by IOVA, on a channel of migration_dirty_channel() whose
 * sender is `from`, on that component's actor. */
void migration_agent_log(const struct migration_agent *a,
                         struct hd_channel *channel, struct hd_component *from,
                         const struct virtio_dirty_run *run, uint16_t runs);

#endif
