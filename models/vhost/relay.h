/*
 * relay.h - Un-IOV's relay of kicks to a virtio accelerator whose doorbells
 * cannot be mapped into the guest.
 *
 * The guest's notification exits (VIRTIO_NOTIFY_EXIT) and signals an eventfd; a
 * host thread that waits for these wakes up and writes the accelerator's
 * doorbell, the driver's view being its data. Kicks of a queue that come before
 * the thread has served it are one, as eventfd counters are. What the driver
 * publishes without a kick is a store that the accelerator finds itself: it
 * does not concern the thread and is passed on without its time.
 */
#ifndef HD_MODELS_VHOST_RELAY_H
#define HD_MODELS_VHOST_RELAY_H

#include "models/vhost/host_thread.h"
#include "models/vhost/vhost_params.h"
#include "models/workload/guest.h"

struct relay_queue {
  uint64_t view; /* latest kicked with */
  uint16_t vm, number;
  bool pending;
  struct relay_queue *next;
};
struct relay_guest {
  const struct virtio_function *function;
  struct relay_queue *queues; /* function->n_queues */
  bool known;
};
struct relay {
  struct host_thread thread; /* first member */
  const struct vhost_params *params;
  struct hd_channel *to_device; /* views without kicks */
  struct relay_guest *guests;   /* by vm */
  uint32_t n_guests;
  struct relay_queue *first, *last;   /* pending, in the order of kicks */
  uint64_t kicks, doorbells, wakeups; /* within the window */
};

/* `guests`: highest vm + 1. */
void relay_initialize(struct relay *r, struct hd_engine *e, const char *path,
                      const char *host, const struct vhost_params *p,
                      const struct cpu_params *cpu, uint32_t guests,
                      const struct hd_window *window);
/* The accelerator behind it. Before guests are added. */
void relay_attach_device(struct relay *r, struct hd_component *device);
/* Serves a guest: sets its function to VIRTIO_NOTIFY_EXIT and attaches its
 * driver; device, doorbell and stride must be set by the end of building. */
void relay_add_guest(struct relay *r, struct guest *g, uint16_t vm);
void relay_terminate(struct relay *r);

#endif
