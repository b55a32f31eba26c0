/*
 * nic.h - an E810-like NIC: interfaces (VSIs) with queue pairs, doorbells, a
 * transmit scheduler, descriptor prefetch, payload reads with limited
 * outstanding requests, write-back, receive steering, interrupt throttling and
 * an administration queue.
 *
 * Transmit: a doorbell makes a queue active; the scheduler serves interfaces
 * round robin, then queues, a quantum at a time; descriptors are prefetched;
 * payload is read as the packet buffer and tags allow; frames leave in the
 * order of scheduling; completions are written back in batches and raise the
 * vector's cause. A frame to a guest with an interface on the same port does
 * not leave: the embedded bridge takes it to the receive side.
 *
 * Receive: a frame is steered to interface and queue, takes a
 * prefetched descriptor or is dropped, is written, its descriptor is written
 * back, the cause is raised. A vector fires no more often than its throttling
 * interval, and not again before software has re-enabled it.
 */
#ifndef HD_MODELS_NIC_NIC_H
#define HD_MODELS_NIC_NIC_H

#include "models/memory/memory.h"
#include "models/network/network.h"
#include "models/nic/nic_params.h"
#include "models/nic/registers.h"
#include "models/pcie/requester.h"

struct nic; /* is a struct hd_component */

/* A ring in guest memory. Driver and device share it as they share memory:
 * the driver writes slots before the doorbell that announces them, and reuses
 * them only after the write-back that frees them. */
struct nic_ring {
  uint64_t address;     /* IOVA of descriptor 0 */
  uint32_t size;        /* descriptors */
  uint32_t descriptor;  /* bytes: 16 transmit, 32 receive */
  struct packet **slot; /* transmit: packet of each descriptor */
  uint64_t buffers;     /* receive: IOVA of buffer 0 */
  uint32_t buffer_size; /* receive: bytes, stride */
  uint16_t observer;    /* memory observer that sees write-backs */
  uint8_t vector;       /* index of the interface's vector, 0 = mailbox */
};

/* Write-backs reach the observer as struct guest_memory_msg:
 * data = NIC_EVENT(direction, queue of the interface, value): value = index of
 * the next descriptor not yet completed (transmit), or the number of packets in
 * the list `object` (receive). */
#define NIC_EVENT(rx, queue, value)                                            \
  ((uint64_t)(rx) << 63 | (uint64_t)(queue) << 32 | (uint32_t)(value))
#define NIC_EVENT_RX(data) ((unsigned)((data) >> 63))
#define NIC_EVENT_QUEUE(data) ((unsigned)((data) >> 32 & 0x7fffffff))
#define NIC_EVENT_VALUE(data) ((uint32_t)(data))

struct nic *nic_create(struct hd_engine *e, const char *path, const char *host,
                       const struct nic_params *params,
                       const struct pcie_params *pcie,
                       struct packet_pool *packets,
                       const struct hd_window *window);
void nic_destroy(struct nic *n);
struct hd_component *nic_component(struct nic *n);
void nic_attach_link(struct nic *n, struct pcie_link *l);
void nic_attach_wire(struct nic *n, unsigned port, struct wire *w);

/* Receive queue choice of the port's default interface. Frames are for many
 * guests there: a flow rule for (guest, its queue) names the receive queue;
 * what no rule is for is spread by a hash over (guest, stream) onto the first
 * `rss_queues` queues (RSS). All zero: queue 0. */
#define NIC_NO_RULE 0xffffu
struct nic_steering {
  uint16_t rss_queues;  /* <= queue_pairs; 0 counts as 1 */
  uint16_t pairs;       /* rules a guest; 0: no rules */
  uint32_t guests;      /* guests with rules */
  const uint16_t *rule; /* [guest * pairs + its queue]: receive queue, or
                           NIC_NO_RULE; lives on, does not change */
};

/* An interface as the host's driver describes it. Numbers of queues, vectors
 * are the device's own (global); the interface's are contiguous. */
struct nic_interface {
  uint16_t vm; /* guest */
  uint8_t port;
  uint16_t requester; /* requester ID of its DMA and interrupts */
  bool has_pasid;
  uint32_t pasid;
  uint16_t queue_pairs;
  uint32_t first_queue;     /* tx and rx */
  uint32_t first_vector;    /* mailbox vector; queue vectors follow */
  uint32_t first_handle;    /* remapping handle of first_vector */
  struct nic_ring *tx, *rx; /* queue_pairs of each; guest's; live on */
  bool is_default; /* of its port (E810: default VSI): receives the frames for
                      guests that no interface is for; `vm` is unused. At most
                      one a port */
  bool unrouted;   /* no frames are for it until NIC_ROUTE */
  struct nic_steering steering; /* default interface only */
  uint32_t forge;               /* tests: enum nic_forgery */
  uint64_t forge_address;       /* tests: IOVA it uses instead of buffers */
};

/* A broken or malicious device, for tests of isolation. */
enum nic_forgery {
  NIC_HONEST,
  NIC_FORGE_ADDRESS, /* payload DMA at forge_address */
  NIC_FORGE_PASID    /* `pasid` is another guest's */
};

/* Administration queue commands: written to NIC_ADMIN_DOORBELL by MMIO with the
 * command as `object`. The device fetches 32 B (and `bytes` of buffer) from
 * host memory at `address`, works for admin_cost, does it, writes 32 B back
 * (observer `observer`, object = the command), in order. */
enum nic_command_type {
  NIC_ADD_INTERFACE, /* interface: copied; result = index */
  NIC_SET_PASID,     /* result: index in, pasid in */
  NIC_CLEAR_PASID,
  NIC_ENABLE_QUEUES, /* result: index in; rings become live */
  NIC_DISABLE_QUEUES,
  NIC_RESET_INTERFACE,
  NIC_REMOVE_INTERFACE,
  /* result: index in. The guest's address is the interface's, or is not: then
     its frames are the default interface's. Not of the default interface */
  NIC_ROUTE,
  NIC_UNROUTE
};
struct nic_command {
  enum nic_command_type type;
  uint64_t address;
  uint32_t bytes;
  uint16_t observer, requester;
  uint32_t result; /* interface index */
  uint32_t pasid;
  bool failed;
  struct nic_interface interface;
};

struct nic_interface_stats { /* within the window */
  uint64_t tx_packets, tx_payload, rx_packets, rx_payload, rx_dropped;
  uint64_t interrupts, faults; /* faults: DMA answered with an error */
};
void nic_get_interface_stats(const struct nic *n, uint32_t index,
                             struct nic_interface_stats *s);
struct nic_stats {
  uint64_t tx_packets, rx_packets, rx_dropped, descriptor_fetches, write_backs,
      doorbells, interrupts, tx_faulted;
  /* rx_dropped by reason: no such interface or queue; no packet buffer; ring
     without descriptors; longer than a ring's buffer; descriptor fetch failed
   */
  uint64_t rx_unrouted, rx_no_buffer, rx_no_descriptor, rx_oversize, rx_faulted;
  uint64_t ignored_writes; /* registers that do not exist, tails out of range */
  double tx_buffer_mean;   /* bytes */
  double pipeline_utilization;
  double queue_length_mean; /* packets announced and not yet completed */
  hd_time queue_time_sum;   /* over tx_packets, for Little's law */
  double tags_mean;
  uint64_t read_requests;
  hd_time read_latency_sum;
  uint64_t bridged;          /* of tx_packets, those that the bridge has carried
                                to the receive side */
  double bridge_utilization; /* of the loopback path's rate */
};
void nic_get_stats(const struct nic *n, struct nic_stats *s);
/* Its DMA requester, for statistics. */
const struct pcie_requester *nic_requester(const struct nic *n);
/* Packets inside the device: fetched from rings or received, not yet out. A
 * frame is out when the wire has told so (MSG_FRAME_SENT), a received packet
 * when the write-back that carries it has been issued; what the bridge has is
 * inside until then. */
uint64_t nic_packets_inside(const struct nic *n);
/* Received packets whose write-back has been issued, since the start. */
uint64_t nic_packets_delivered(const struct nic *n);
const char *nic_check(const struct nic *n);

#endif
