/*
 * virtio_device.h - a virtio accelerator: hardware that speaks virtio rings
 * (virtio 1.2: 2.7, 2.8), as a network device (5.1) on an Ethernet wire or a
 * block device (5.2) on a store.
 *
 * It holds many functions; each has its own requester ID, optionally a PASID,
 * and virtqueues, which are numbered globally. Queue q's notification register
 * has a page to itself (4.1.4.4 with a page as multiplier), which can be mapped
 * into a guest.
 *
 * What the device knows of a ring. A doorbell's data is the driver's view (as
 * with NOTIFICATION_DATA) and is known when the register write takes effect.
 * What is published without a kick comes as MSG_VIRTQ_VIEW, which stands for
 * memory: the device keeps the last one and does not know it before a DMA read
 * of the available index has completed (of the driver's event data: before a
 * read of that); it is used as of that completion. It reads the index when a
 * queue starts or resumes, when its fetched chains have run to half and nothing
 * more is known, and, having enabled kicks, when they have run out.
 *
 * A chain's way: available entries, descriptors and indirect tables are read by
 * DMA in their order of dependence; the chain waits in the device, functions
 * and then queues take turns by bytes; then
 *   transmit: header (12 B) and frame are read as packet buffer and tags allow,
 *             frames leave in the order of scheduling;
 *   receive:  a frame is steered by guest and queue pair, takes as many
 *             buffers as it needs (one without MRG_RXBUF), header and frame
 *             are written;
 *   block:    the header (16 B) is read, the drive's controller works, data
 *             moves as in storage.h, the status byte is written behind it;
 * then a used entry is written behind that, the driver's event data is read,
 * and its vector signalled if the ring asks for it. While an event read is
 * under way, further used entries of the queue wait for it and are written
 * together.
 *
 * Errors. A chain that the ring's rules forbid, ring structures that cannot be
 * read, or a chain too short for its header fail their queue: nothing more is
 * fetched from it until its function is reset, and vector 0 is signalled once
 * (configuration change, DEVICE_NEEDS_RESET). Payload that cannot be read: the
 * packet is lost, the request fails.
 */
#ifndef HD_MODELS_VIRTIO_DEVICE_VIRTIO_DEVICE_H
#define HD_MODELS_VIRTIO_DEVICE_VIRTIO_DEVICE_H

#include "models/network/network.h"
#include "models/pcie/requester.h"
#include "models/storage/block.h"
#include "models/storage/store.h"
#include "models/virtio/dirty.h"
#include "models/virtio/transport.h"
#include "models/virtio_device/virtio_device_params.h"

struct virtio_device; /* is a struct hd_component */

/* ---- registers ----------------------------------------------------------- */

enum { VIRTIO_DEVICE_PAGE = 4096 };
#define VIRTIO_DEVICE_ADMIN_DOORBELL 0x00001000u
#define VIRTIO_DEVICE_NOTIFY_BASE 0x10000000u /* a page a queue */

/* Register of a function's queue 0; its further queues are VIRTIO_DEVICE_PAGE
 * apart. Written with virtq_view_encode(); reads as 0. */
static inline uint64_t virtio_device_doorbell(uint32_t first_queue)
{
  return VIRTIO_DEVICE_NOTIFY_BASE + (uint64_t)first_queue * VIRTIO_DEVICE_PAGE;
}

/* ---- building ------------------------------------------------------------ */

struct virtio_device *virtio_device_create(
    struct hd_engine *e, const char *path, const char *host,
    enum virtio_kind kind, const struct virtio_device_params *params,
    const struct pcie_params *pcie, const struct hd_window *window);
/* After the engine. */
void virtio_device_destroy(struct virtio_device *n);
struct hd_component *virtio_device_component(struct virtio_device *n);
void virtio_device_attach_link(struct virtio_device *n, struct pcie_link *l);
/* VIRTIO_NET: its port. */
void virtio_device_attach_wire(struct virtio_device *n, struct wire *w,
                               struct packet_pool *packets);
/* VIRTIO_BLK: the drive behind it: media, cache, and the drive's controller
 * (clock, commands, command_cycles, overheads, capacity, max_transfer). */
void virtio_device_attach_store(struct virtio_device *n,
                                const struct storage_params *drive);

/* ---- dirty log ------------------------------------------------------------
 *
 * See dirty.h. The channel must be shorter than a DMA write's way to the
 * administrator's observer.
 */
enum { VIRTIO_DEVICE_DIRTY_RUNS = VIRTIO_DIRTY_RUNS };

/* ---- administration ------------------------------------------------------
 *
 * Commands are written to VIRTIO_DEVICE_ADMIN_DOORBELL by MMIO with the command
 * as `object`. The device fetches 64 B (and `bytes` of buffer) from host memory
 * at `address`, works for admin_cost, does it, writes 16 B back (observer
 * `observer`, object = the command), in order, but for SUSPEND_QUEUE, which is
 * answered when the queue has come to rest. The command and what it points to
 * are the device's from doorbell to answer.
 */
enum virtio_admin_type {
  VIRTIO_ADMIN_ADD_FUNCTION, /* in: function, first_queue, first_vector, for
                                blocks first_block, blocks; out: result */
  VIRTIO_ADMIN_REMOVE_FUNCTION,
  VIRTIO_ADMIN_SET_PASID,     /* in: pasid, on (false: without PASID) */
  VIRTIO_ADMIN_START,         /* DRIVER_OK: all queues that are new or have been
                                 reset become live, and look at their rings */
  VIRTIO_ADMIN_STOP,          /* reset: chains in flight are forgotten */
  VIRTIO_ADMIN_SUSPEND_QUEUE, /* in: queue, in_flight, capacity; out: state,
                                 view, state.in_flight chains in the list (none,
                                 since all in flight end first) */
  VIRTIO_ADMIN_RESUME_QUEUE,  /* in: queue, state, view; on a queue that is new
                                 (no START), or suspended. Fails with chains in
                                 flight: they are another back end's */
  VIRTIO_ADMIN_TRACK          /* in: on, log: every page written by DMA */
};
struct virtio_admin {
  enum virtio_admin_type type;
  uint64_t address;
  uint32_t bytes;
  uint16_t observer, requester;
  uint32_t result; /* function index: in, but for ADD_FUNCTION */
  bool failed;     /* out */
  bool on;
  uint16_t queue; /* of the function */
  uint32_t pasid;
  /* Its rings live on as long as the device; requester, PASID, first_handle,
   * observers are copied. */
  struct virtio_function *function;
  uint32_t first_queue, first_vector; /* the device's own numbers */
  uint64_t first_block, blocks; /* part of the drive; blocks 0: to its end */
  struct virtq_state state;
  struct virtq_view view; /* the driver's last, as far as it has come */
  struct virtq_in_flight *in_flight;
  uint32_t capacity;
  struct virtio_dirty_log log;
};

/* Queues of a function that the device serves: pairs, or request queues. The
 * control queue's commands are the host's work. */
uint16_t virtio_device_served(const struct virtio_function *f);
/* Vectors of a function: one for changes, one a pair or request queue. */
uint16_t virtio_device_vectors(const struct virtio_function *f);

/* ---- results ------------------------------------------------------------- */

struct virtio_function_stats { /* within the window */
  uint64_t tx_packets, tx_payload, rx_packets, rx_payload, rx_dropped;
  uint64_t reads, writes, flushes; /* completed well */
  uint64_t read_bytes, written_bytes, errors;
  uint64_t interrupts, faults; /* faults: DMA answered with an error */
  uint64_t doorbells;
};
void virtio_device_get_function_stats(const struct virtio_device *n,
                                      uint32_t index,
                                      struct virtio_function_stats *s);

struct virtio_device_stats { /* within the window */
  uint64_t tx_packets, rx_packets, rx_dropped, tx_faulted;
  /* rx_dropped by reason: no such function or queue, or not live; no packet
     buffer; no receive buffer in the ring; longer than what a packet may take
     of it */
  uint64_t rx_unrouted, rx_no_packet_buffer, rx_no_buffer, rx_oversize;
  uint64_t reads, writes, flushes, errors, read_bytes, written_bytes;
  uint64_t doorbells, overtaken; /* views that came behind later ones */
  uint64_t index_reads, avail_reads, descriptor_reads, indirect_reads,
      event_reads;
  uint64_t used_writes, event_writes; /* DMA writes */
  uint64_t chains_used;               /* told to drivers */
  uint64_t interrupts, suppressed;    /* decisions: yes (messages), no */
  uint64_t faults, failed_queues;
  uint64_t dirty_runs; /* logged */
  uint64_t ignored_writes;
  uint64_t completed;    /* transmit chains and requests: fetched and done */
  hd_time chain_time;    /* their time in the device, for Little's law */
  double chains_mean;    /* fetched and not completed */
  double tx_buffer_mean; /* bytes */
  double requests_mean;  /* block: inside */
  double pipeline_utilization;
  double controller_utilization; /* block: of the drive behind it */
  double tags_mean;
  uint64_t read_requests;
  hd_time read_latency_sum;
  struct store_stats store;
};
void virtio_device_get_stats(const struct virtio_device *n,
                             struct virtio_device_stats *s);
/* Its DMA requester, for statistics. */
const struct pcie_requester *
virtio_device_requester(const struct virtio_device *n);
/* Packets inside: fetched from rings or received, not yet out. A frame is out
 * when the wire has told so, a received packet when its used entry has been
 * written, a fetched one that was not sent when its chain has gone back. */
uint64_t virtio_device_packets_inside(const struct virtio_device *n);
/* Received packets whose used entries have been written, since the start. */
uint64_t virtio_device_packets_delivered(const struct virtio_device *n);
/* Block requests fetched, and neither told to the driver nor gone back. */
uint64_t virtio_device_requests_inside(const struct virtio_device *n);
/* VIRTIO_BLK: the store, for its totals. */
const struct store *virtio_device_store(const struct virtio_device *n);
/* NULL, or what does not balance. */
const char *virtio_device_check(const struct virtio_device *n);

#endif
