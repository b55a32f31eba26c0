/*
 * transport.h - how a guest's virtio driver and what stands behind it ("the
 * back end": an accelerator, a vhost thread, a poll-mode core) meet.
 *
 * The virtqueues (ring.h) belong to the guest: they lie in its memory, and the
 * driver's side of them is the guest's. The back end keeps the device's side.
 * Neither reads the other's state; views travel by message:
 *
 *  driver -> back end   MSG_VIRTQ_VIEW, struct virtio_view_msg, for what is
 *                       published without a kick (a store to memory that the
 *                       device finds when it looks), and for kicks to software;
 *                       a kick to hardware is an MMIO write to the queue's
 *                       notification register whose data is the view.
 *  back end -> driver   MSG_GUEST_MEMORY, struct guest_memory_msg: data is the
 *                       view (virtq_view_encode()), object the struct virtq:
 *                       the write of used entries has become visible. An
 *                       interrupt, if due, goes its own way.
 *
 * Cookies. Driver-readable chains (transmit): struct packet or struct
 * block_request. Device-writable chains (receive): NULL when added; the back
 * end stores the packet in q->cookie[id] before it pushes the chain, and leaves
 * NULL in further chains of the same packet (mergeable buffers). The driver
 * reads it only after the used entry has been seen.
 *
 * Queues of a network device (virtio 1.2, 5.1.2): receive 2p, transmit 2p + 1
 * of pair p, then the control queue. Of a block device: request queues.
 */
#ifndef HD_MODELS_VIRTIO_TRANSPORT_H
#define HD_MODELS_VIRTIO_TRANSPORT_H

#include "models/messages.h"
#include "models/virtio/ring.h"
#include "sim/engine/engine.h"

enum virtio_kind { VIRTIO_NET, VIRTIO_BLK };

enum virtio_notify {
  VIRTIO_NOTIFY_DOORBELL, /* device page mapped into the guest: no exit */
  VIRTIO_NOTIFY_EXIT      /* trapped: EXIT_KICK, ioeventfd, then a message */
};

static inline uint16_t virtio_rx_queue(unsigned pair)
{
  return (uint16_t)(2 * pair);
}
static inline uint16_t virtio_tx_queue(unsigned pair)
{
  return (uint16_t)(2 * pair + 1);
}

/* One virtio device as its guest's driver sees it. Filled in before the run by
 * whoever builds the server; read by both sides. */
struct virtio_function {
  enum virtio_kind kind;
  uint16_t vm;          /* guest, server-wide index */
  uint16_t n_queues;    /* of `queue` */
  uint64_t features;    /* negotiated (features.h) */
  struct virtq **queue; /* the guest's */
  enum virtio_notify notify;
  uint16_t device;          /* DOORBELL: index below the root complex, */
  uint64_t doorbell;        /* register of queue 0, */
  uint32_t doorbell_stride; /* bytes from one queue's register to the next */
  uint16_t requester;       /* hardware: of its DMA and interrupts */
  bool has_pasid;
  uint32_t pasid;
  uint32_t first_handle;    /* hardware: remapping handle of vector 0 (config
                               changes); queue pair p raises vector 1 + p, a
                               block device's queue q vector 1 + q */
  const uint16_t *observer; /* hardware: by queue, memory observer that sees
                               used-ring writes */
};

/* MSG_VIRTQ_VIEW: driver -> back end. */
struct virtio_view_msg {
  struct hd_msg msg;
  uint16_t vm, queue;
  bool kick;     /* false: only what memory holds now */
  uint64_t view; /* virtq_view_encode() */
};
_Static_assert(sizeof(struct virtio_view_msg) <= HD_MSG_BYTES, "too large");

/* From a store of the guest until a device's or another core's read finds it:
 * a transfer of a modified cache line (from memory: 50 to 100 ns). Latency of
 * the channel on which drivers send MSG_VIRTQ_VIEW without a kick. */
#define VIRTIO_VISIBLE_LATENCY (70 * HD_NS)

#endif
