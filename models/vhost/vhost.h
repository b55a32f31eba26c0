/*
 * vhost.h - the software network back ends of a server: builds threads, the
 * host's queue pairs and what joins them to guests, scheduler, interrupts, root
 * complex and memory.
 *
 * Life: vhost_create() after the guests have been created and their vCPUs
 * attached (to scheduler, interrupt unit, root complex), before the run. During
 * the run somebody (the hypervisor) adds the interface of each port to the NIC
 * (NIC_ADD_INTERFACE with vhost_interface(), NIC_ENABLE_QUEUES) and then sends
 * MSG_VM_BOOT to vhost_component(): it starts the threads, which fill their
 * receive rings. Guests may boot before or after.
 */
#ifndef HD_MODELS_VHOST_VHOST_H
#define HD_MODELS_VHOST_VHOST_H

#include "models/vhost/vhost_net.h"
#include "models/vhost/vhost_user.h"

enum vhost_kind { VHOST_NET, VHOST_USER };

struct vhost_guest {
  struct guest *guest; /* NETDEV_VIRTIO, or with a stand-in */
  uint16_t vm;
  uint16_t queue_pairs;
  enum vhost_kind kind;
  uint8_t port;
  bool stand_in; /* serves the stand-in of the guest's own device */
};

struct vhost_config {
  const struct vhost_params *params; /* all pointers outlive it */
  const struct cpu_params *cpu;
  const char *host;
  struct packet_pool *packets;
  const struct hd_window *window;
  struct scheduler *scheduler;
  struct interrupt_unit *interrupts;
  struct root_complex *root;
  struct memory *memory;
  uint16_t region;      /* of `memory`: the host's own */
  uint64_t memory_base; /* in that region, and the IOVA; vhost_memory() bytes */
  uint64_t descriptors; /* of vCPUs' posted interrupts, as for guests' */
  uint16_t nic_device;  /* below the root complex */
  struct host_port_numbers ports[VHOST_PORTS]; /* of the host's interfaces */
  unsigned side; /* of the guests' vCPUs (vcpu_control.h); 1: guests that may
                    come by live migration, as vcpu_attach_second() says */
  const struct vhost_guest *guests; /* read by vhost_create() only */
  size_t n_guests;
};

/* What a configuration takes, before it is built. Pure; reads params, guests.
 */
uint64_t vhost_memory(const struct vhost_config *c); /* bytes */
uint16_t vhost_queue_pairs(const struct vhost_config *c, unsigned port);
uint32_t vhost_threads(const struct vhost_config *c);
uint32_t vhost_dedicated(const struct vhost_config *c); /* cores of their own */

struct vhost; /* is a struct hd_component */

struct vhost *vhost_create(struct hd_engine *e, const char *path,
                           const struct vhost_config *c);
void vhost_destroy(struct vhost *v);
struct hd_component *vhost_component(struct vhost *v);
/* The host's interface of a port; NULL: no guest of ours is on it. */
const struct nic_interface *vhost_interface(const struct vhost *v,
                                            unsigned port);

/* The thread that serves a queue pair of guest `vm`; it takes
 * MSG_VIRTQ_CONTROL. */
struct hd_component *vhost_server_of(struct vhost *v, uint16_t vm,
                                     uint16_t pair);

/* ---- results ---- */
enum vhost_role { VHOST_WORKER, VHOST_NAPI, VHOST_PMD };
struct vhost_thread_stats { /* within the window, which `end` ends */
  const char *name;         /* its path; lives as long as the engine */
  enum vhost_role role;
  double cores;     /* mean */
  uint64_t packets; /* handled */
  uint64_t unknown; /* dropped: for no guest of this back end */
};
size_t vhost_n_threads(const struct vhost *v);
void vhost_get_thread_stats(const struct vhost *v, size_t i, hd_time end,
                            struct vhost_thread_stats *st);
/* Of guest `vm`, summed over its queue pairs. False: not ours. */
bool vhost_get_guest_stats(const struct vhost *v, uint16_t vm,
                           struct vhost_pair_stats *st);
/* Host cores that all threads have occupied. */
double vhost_cores(const struct vhost *v, hd_time end);
/* Packets dropped because neither the NIC's ring nor the queueing discipline
 * had room, within the window. */
uint64_t vhost_transmit_drops(const struct vhost *v);

/* Frames for guests that were dropped on their way to them, within the window:
 * all reasons of struct vhost_pair_stats. */
uint64_t vhost_receive_drops(const struct vhost *v);

/* Packets from the chain that the guest's driver has published until the NIC
 * has fetched them, and from the write-back that a thread has seen until the
 * guest has seen the used entry. */
uint64_t vhost_packets_inside(const struct vhost *v);
/* Received packets that write-backs have shown to threads since the start (see
 * guest_packets_arrived()). */
uint64_t vhost_packets_arrived(const struct vhost *v);
/* NULL, or what does not balance. */
const char *vhost_check(const struct vhost *v);

#endif
