/*
 * block_guest.h - a guest's virtio-blk device, served by one host thread: the
 * device's side of its request queues (virtio 1.2, 5.2), and how the guest is
 * told. Requests are commands of one queue pair of a drive; the guest's disk is
 * a part of that drive.
 *
 * Chains are a header of 16 B, the data and a status byte; the cookie is the
 * guest's struct block_request. A request that cannot be right (operation,
 * size, beyond the disk) is answered here; the drive does not see it.
 *
 * Functions but the wiring are for the thread. They take no time: it pays as
 * its kind of back end does. Views go to the guest over a passive channel with
 * VIRTIO_VISIBLE_LATENCY; signals as models/interrupt/interrupt.h says.
 */
#ifndef HD_MODELS_VHOST_BLOCK_BLOCK_GUEST_H
#define HD_MODELS_VHOST_BLOCK_BLOCK_GUEST_H

#include "models/interrupt/interrupt.h"
#include "models/vhost_block/host_drive.h"
#include "models/virtio/transport.h"

enum {
  BLOCK_GUEST_HEADER = 16,
  BLOCK_GUEST_STATUS = 1,   /* bytes */
  BLOCK_GUEST_BUFFERS = 514 /* of a chain: seg_max 512 (2 MiB of pages) */
};

struct block_guest_stats { /* within the window; requests as they end */
  uint64_t requests, reads, writes, flushes, errors;
  uint64_t read_bytes, written_bytes;
  uint64_t kicks, signals;
};

struct block_queue { /* a virtqueue */
  struct virtq_device side;
  struct virtq_view seen;
  struct hd_channel *to_guest;
  uint32_t vcpu;  /* that is signalled */
  bool undecided; /* published since the last decision to signal */
};

struct block_guest {
  uint16_t vm, n_queues;
  uint64_t first_block, blocks; /* of the drive, 512 B each */
  uint64_t offset;              /* from guest physical to host physical */
  int64_t max_transfer;         /* bytes of a request */
  struct block_queue *queues;
  struct host_queue *drive;
  struct host_thread *thread;
  const struct interrupt_unit *unit;
  struct hd_channel *irq;
  const struct hd_window *window;
  struct { /* the refused request */
    struct block_request *request;
    uint16_t virtqueue, chain;
  } refused;
  uint64_t taken, returned; /* requests, since the start */
  struct block_guest_stats stats;
};

/* What a guest is to this back end: struct guest, or a test's. */
struct block_guest_front {
  /* The vCPU that handles queue q. */
  struct vcpu *(*vcpu_of_queue)(void *guest, unsigned q);
  /* As guest_attach_backend(). */
  void (*attach)(void *guest, struct hd_component *backend,
                 hd_time kick_latency);
};

/* Sets the function's way of notification to VIRTIO_NOTIFY_EXIT. The other
 * fields that say what the disk is have been set in *g. */
void block_guest_initialize(struct block_guest *g, struct virtio_function *f,
                            const struct hd_window *window);
/* The thread that serves it, with what queue pair. The guest's vCPUs have been
 * attached. `unit` NULL: nobody is signalled. */
void block_guest_attach(struct block_guest *g, struct host_thread *t,
                        struct host_queue *drive, struct interrupt_unit *unit,
                        struct hd_channel *irq,
                        const struct block_guest_front *front, void *guest,
                        hd_time kick_latency);
void block_guest_terminate(struct block_guest *g);

/* For ops->message. Returns whether a sleeping thread must look: a kick, or
 * chains that no kick will come for. */
bool block_guest_view(struct block_guest *g, const struct virtio_view_msg *m);
/* Chains that have been published, in any queue. */
bool block_guest_pending(const struct block_guest *g);

/* Kicks for all queues. Enabling returns whether chains are there already. */
bool block_guest_enable(struct block_guest *g);
void block_guest_disable(struct block_guest *g);

/* Takes the next chain of queue `q`. TAKEN: *c is to be submitted. REFUSED: it
 * cannot be right, and must be answered with block_guest_refuse() next. */
enum block_take { BLOCK_NONE, BLOCK_TAKEN, BLOCK_REFUSED };
enum block_take block_guest_take(struct block_guest *g, uint16_t q,
                                 struct host_command **c);
void block_guest_refuse(struct block_guest *g);
/* The drive has done it: status, stamps and used entry to the guest, published
 * at once; the command is released. */
void block_guest_finish(struct block_guest *g, struct host_command *c);
/* Whether what has been published to queue `q` since the last call asks for a
 * signal, by what the driver wants up to now: looks at all messages that have
 * arrived. */
bool block_guest_signal_due(struct block_guest *g, uint16_t q);
void block_guest_signal(struct block_guest *g, uint16_t q);

/* NULL, or what does not balance. */
const char *block_guest_check(const struct block_guest *g);

#endif
