/*
 * pair.h - a guest's virtio-net queue pair, served by one host thread: the
 * device's side of both virtqueues (virtio 1.2, 5.1.6), and how the guest is
 * told.
 *
 * All functions but the wiring are for the thread that serves the pair. Those
 * that say nothing of cycles take no time: the thread pays for them as its kind
 * of back end does. Views go to the guest over a passive channel with
 * VIRTIO_VISIBLE_LATENCY; signals as interrupt.h says.
 */
#ifndef HD_MODELS_VHOST_PAIR_H
#define HD_MODELS_VHOST_PAIR_H

#include "models/vhost/host_port.h"
#include "models/virtio/control.h"
#include "models/workload/guest.h"

enum {
  VHOST_HEADER = 12,     /* struct virtio_net_hdr_mrg_rxbuf */
  VHOST_MAX_BUFFERS = 32 /* of a chain */
};

/* Time in host software, from the ring to the NIC's ring and back. */
#define VHOST_STAGE HD_STAGE_DEVICE_QUEUE

struct vhost_pair_stats {        /* within the window */
  uint64_t tx_packets, tx_bytes; /* taken from the guest; frames */
  uint64_t rx_packets, rx_bytes; /* given to the guest */
  uint64_t drop_tun;             /* tap queue full */
  uint64_t drop_buffers;         /* vhost-user: guest has no buffers */
  uint64_t drop_long;            /* longer than what buffers can hold */
  uint64_t drop_stopped; /* nobody reads the tap device: the guest has moved
                            away or is not here yet; vhost-user: its receive
                            queue is stopped */
  uint64_t buffer_waits; /* vhost-net: waits for buffers of the guest */
  uint64_t kicks, signals;
};

struct vhost_pair {
  uint16_t vm;
  uint16_t number;     /* of the device's pairs */
  unsigned guest_pair; /* of the guest's */
  unsigned side; /* of its vCPUs (vcpu_control.h): 1: where it migrates to */
  bool open;     /* frames for it are taken in */
  uint8_t port;
  struct guest *guest;
  struct host_thread *thread;
  struct virtq_device tx, rx;
  bool mergeable;
  const struct interrupt_unit *unit;
  struct hd_channel *to_guest, *irq;
  uint32_t vcpu; /* of the guest, that is signalled; see interrupt.h */
  struct packet_pool *pool;
  const struct hd_window *window;
  /* Receive chains taken and not yet filled. */
  uint16_t held[VHOST_MAX_BUFFERS];
  uint32_t held_bytes[VHOST_MAX_BUFFERS];
  uint64_t held_address[VHOST_MAX_BUFFERS]; /* of the first buffer */
  uint32_t n_held;
  uint64_t taken, delivered, dropped; /* packets, since the start */
  struct hd_msg *asked, *asked_last;  /* requests not yet carried out */
  struct virtio_dirty_writer dirty;
  struct vhost_pair_stats stats;
};

/* `guest` is a virtio-net guest, or one with such a stand-in; the function is
 * set to VIRTIO_NOTIFY_EXIT. At side 1 it is stopped until it is started with a
 * state. */
void vhost_pair_initialize(struct vhost_pair *p, struct guest *g, bool stand_in,
                           uint16_t vm, uint16_t number, uint8_t port,
                           unsigned side, struct packet_pool *pool,
                           const struct hd_window *window);
/* The thread that serves it. `unit` NULL: tests without interrupts. The guest's
 * vCPUs have been attached. */
void vhost_pair_attach(struct vhost_pair *p, struct host_thread *t,
                       struct interrupt_unit *unit, struct hd_channel *irq,
                       hd_time kick_latency);
void vhost_pair_terminate(struct vhost_pair *p);

/* For ops->message: a view of the driver. Returns whether the thread must look
 * at that queue: a kick, or chains that no kick will come for. */
bool vhost_pair_view(struct vhost_pair *p, const struct virtio_view_msg *m);
static inline bool vhost_is_transmit(const struct virtio_view_msg *m)
{
  return m->queue % 2 == 1;
}

/* Kicks of the driver, for p->tx or p->rx. Enabling returns whether chains are
 * there already. */
bool vhost_pair_enable(struct vhost_pair *p, struct virtq_device *side);
void vhost_pair_disable(struct vhost_pair *p, struct virtq_device *side);

/* Takes the next packet to send, and its chain; NULL: none. */
struct packet *vhost_pair_take(struct vhost_pair *p, uint16_t *chain);
void vhost_pair_return(struct vhost_pair *p, uint16_t chain);

/* Whether delivering it can be decided: buffers are there, or will never do. */
bool vhost_pair_has_room(struct vhost_pair *p, const struct packet *packet);
/* Puts a packet into the guest's buffers. NO_BUFFER: it stays the caller's;
 * TOO_LONG: dropped and counted. */
enum vhost_delivery { VHOST_DELIVERED, VHOST_NO_BUFFER, VHOST_TOO_LONG };
enum vhost_delivery vhost_pair_deliver(struct vhost_pair *p,
                                       struct packet *packet);
/* Drops a packet for the guest, counting it in *counter, a field of p->stats.
 */
void vhost_pair_drop(struct vhost_pair *p, struct packet *packet,
                     uint64_t *counter);

/* Publishes what has been returned or delivered. Returns whether the guest
 * wants to be signalled. */
bool vhost_pair_flush(struct vhost_pair *p, struct virtq_device *side);
void vhost_pair_signal(struct vhost_pair *p);

/* ---- live migration: pair_control.c ---- */

/* For ops->message: a struct virtq_control_msg of this pair. */
void vhost_pair_ask(struct vhost_pair *p, struct hd_msg *m);
static inline bool vhost_pair_asked(const struct vhost_pair *p)
{
  return p->asked != NULL;
}
/* Carries out what has been asked for, between two pieces of work: nothing has
 * been taken from the guest and not been returned, all is flushed. */
void vhost_pair_obey(struct vhost_pair *p);
/* Whether the queue is stopped: nothing is taken from it, or given to it. */
static inline bool vhost_is_stopped(const struct virtq_device *side)
{
  return side->suspended;
}
/* Lets the guest's driver see the queue as the device's side has it. */
void vhost_pair_show(struct vhost_pair *p, const struct virtq_device *side);

/* Delivered packets that the guest has not seen yet. Its ring is one, whatever
 * back ends share it: those are counted at side 0. */
uint64_t vhost_pair_unseen(const struct vhost_pair *p);

#endif
