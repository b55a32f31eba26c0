/*
 * virtio_driver.h - what drivers of virtio devices have in common: queues,
 * views, kicks, callbacks, the second look, and the start
 * (virtio 1.2: 2.7, 2.8, 3.1.1, 4.1.5).
 *
 * One vCPU owns a queue: it adds chains, takes them back, and is shown what the
 * device has used.
 *
 * Second look. A driver that has enabled callbacks looks at the ring once more
 * (2.7.7.1). Between the two the device may have published entries without
 * knowing that it should interrupt; ring.h tells when it has. Since a device's
 * writes do not wake a halted vCPU's task, the driver looks for such entries
 * some time after it has gone idle, without cost.
 *
 * Back ends. There are two sets of channels, so that a guest can move from the
 * back end of one server to that of another: guest_switch_backend().
 */
#ifndef HD_MODELS_WORKLOAD_VIRTIO_DRIVER_H
#define HD_MODELS_WORKLOAD_VIRTIO_DRIVER_H

#include "models/virtio/status.h"
#include "models/workload/guest_internal.h"

enum { VIRTIO_BACKENDS = 2 };

/* GUEST_DRIVER messages; object: the driver */
enum virtio_driver_message {
  VIRTIO_START,   /* vCPU 0 -> owner: fill your receive queues */
  VIRTIO_STARTED, /* owner -> vCPU 0 */
  VIRTIO_LOOK     /* to itself, after going idle */
};

/* Where a vCPU sends the views of a queue. */
struct virtio_link {
  struct hd_channel *visible, *kick;
};

/* First member of a driver's queue. */
struct virtio_driver_queue {
  struct virtq ring; /* first: the back end knows the queue by it */
  struct virtio_driver *of;
  struct virtq_driver driver;
  struct guest_cpu *cpu; /* owner */
  uint16_t index;        /* of the device */
  struct virtio_link link[VIRTIO_BACKENDS];
  hd_time kick_arrives; /* at the back end; later views follow it */
};

struct virtio_look { /* of a vCPU */
  bool fresh;     /* callbacks have been enabled since the last series began */
  unsigned stage; /* looks set in this series */
  uint64_t series;
};

/* First member of a driver. */
struct virtio_driver {
  struct virtio_function function;
  struct virtio_status status;
  struct virtio_driver_queue **queues; /* function.n_queues */
  struct virtio_look *looks;           /* by vCPU */
  unsigned backend;                    /* set of channels in use */
};

/* ---- virtio_driver.c ---- */
/* Everything but the queues; `queue` is called for each index and gives it. */
void virtio_driver_create(struct guest *g, struct virtio_driver *v,
                          enum virtio_kind kind, uint16_t n_queues,
                          uint64_t offered, uint64_t accepted,
                          struct virtio_driver_queue *(*queue)(
                              struct virtio_driver *, unsigned index));
void virtio_driver_destroy(struct virtio_driver *v);
/* Makes the ring from its configuration, whose areas are placed. */
void virtio_driver_queue_create(struct guest *g, struct virtio_driver_queue *q,
                                const struct virtq_config *ring);
void virtio_driver_queue_destroy(struct virtio_driver_queue *q);
/* The queue that a message's object is; ends the run if it is not `cpu`'s. */
struct virtio_driver_queue *virtio_driver_queue_of(struct guest_cpu *cpu,
                                                   void *object);

/* ---- virtio_driver_notify.c: what the device is told ---- */
/* Lets the device see all chains, and kicks it if it wants that. */
void virtio_driver_publish(struct guest_cpu *cpu,
                           struct virtio_driver_queue *q);
/* Enables callbacks, for when `after` + 1 more entries are used. True: they are
 * there already. `tell`: the device is shown it at once. */
bool virtio_driver_enable(struct guest_cpu *cpu, struct virtio_driver_queue *q,
                          uint32_t after, bool tell);
void virtio_driver_disable(struct guest_cpu *cpu,
                           struct virtio_driver_queue *q);

/* ---- virtio_driver_look.c: the second look ---- */
void virtio_driver_before_idle(struct guest_cpu *cpu);
/* The same for a driver that is not the guest's first. */
void virtio_driver_before_idle_of(struct guest_cpu *cpu,
                                  struct virtio_driver *v);
/* A VIRTIO_LOOK message: bytes is a series, object the driver. True: wake the
 * vCPU. */
bool virtio_driver_looked(struct guest_cpu *cpu, const struct guest_msg *m);

/* ---- virtio_driver_boot.c ---- */
/* Bits of `offered` of a ring's features, by the parameters. */
uint64_t virtio_driver_ring_features(const struct virtio_params *p);
static inline uint64_t virtio_when(bool offered, unsigned feature)
{
  return offered ? VIRTIO_BIT(feature) : 0;
}
/* What a driver that supports so much accepts; ends the run if the two cannot
 * agree. */
uint64_t virtio_driver_accept(const struct guest_config *c,
                              enum virtio_device_type type, uint64_t offered,
                              uint64_t supported);
/* Negotiation, trapped accesses, DRIVER_OK; on vCPU 0. */
void virtio_driver_probe(struct guest_cpu *cpu, struct virtio_driver *v);

#endif
