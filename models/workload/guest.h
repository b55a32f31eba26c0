/*
 * guest.h - a guest: vCPUs, a device's driver, stack and workload.
 *
 * Guest code runs on its vCPUs as blocking code (vcpu.h). vCPUs of one guest
 * share memory in reality; here each keeps its own view, and what crosses goes
 * by message with the latency of a cache line (or of an IPI when it must wake
 * a halted vCPU).
 *
 * A guest has a network device, a block device or an accelerator. The network
 * driver is the native one of an E810-like interface or virtio-net (netdev.h),
 * the block driver NVMe or virtio-blk (blockdev.h); what is above is the same.
 * Threads that use an accelerator have its ring banks to themselves (accel.h).
 * Beside a network device there may be a virtio-net one that stands in for it
 * while it is unplugged (failover.h).
 *
 * Queue pair q belongs to vCPU q modulo vCPUs: its interrupts are handled
 * there. Sending thread t runs on vCPU t modulo vCPUs. Stream s uses queue pair
 * s modulo queue pairs. Only vCPUs with something to do exist as tasks. With
 * virtio-net a queue pair that only one vCPU sends on belongs to that one, as
 * the driver's affinity and transmit steering make it: a virtqueue is under one
 * lock, and here it is one vCPU's.
 *
 * A web server has a stream for each queue pair, which carries the connections
 * that are steered to it (web_server.h).
 *
 * Block jobs: job j runs on vCPU j modulo vCPUs and uses queue j modulo queue
 * pairs. A queue belongs to the vCPU whose jobs use it, or, if there are
 * several such, to vCPU q modulo vCPUs; the others pass their requests to it.
 * Where this text says queue pair, a block device has a queue.
 */
#ifndef HD_MODELS_WORKLOAD_GUEST_H
#define HD_MODELS_WORKLOAD_GUEST_H

#include "models/accelerator/accelerator.h"
#include "models/accelerator/accelerator_jobs.h"
#include "models/cpu/vcpu.h"
#include "models/memory/memory.h"
#include "models/network/packet.h"
#include "models/network/replay.h"
#include "models/network/tcp.h"
#include "models/nic/nic.h"
#include "models/storage/storage.h"
#include "models/virtio/transport.h"
#include "models/workload/accel_params.h"
#include "models/workload/virtio_params.h"
#include "models/workload/workload_params.h"
#include "sim/measure/breakdown.h"
#include "sim/measure/histogram.h"

struct guest; /* opaque */

/* Vector i of the guest's interface (0: mailbox or the like, 1 + q: queue pair
 * q) is this vector of the vCPU that handles it; vectors below 32 are the CPU's
 * own. The interrupt handler also takes a bare i, below 32. */
#define GUEST_VECTOR(i) (32u + (unsigned)(i))

enum netdev_kind { NETDEV_NATIVE, NETDEV_VIRTIO };
enum blockdev_kind { BLOCKDEV_NONE, BLOCKDEV_NVME, BLOCKDEV_VIRTIO };

struct guest_config {
  uint16_t vm;    /* server-wide index */
  uint16_t group; /* of the scenario */
  uint8_t port;
  const char *path; /* e.g. "server/vm0007" */
  const char *host;
  uint32_t vcpus, queue_pairs;
  int workload; /* enum workload_type */
  const struct udp_stream_params *udp_stream;
  const struct ping_params *ping;
  const struct dpdk_forward_params *dpdk_forward;
  const struct web_server_params *web_server; /* WORKLOAD_WEB_SERVER, with: */
  const struct nginx_params *nginx;
  const struct tcp_params *tcp;
  const struct pcap_replay_params
      *pcap_replay;          /* WORKLOAD_PCAP_REPLAY, with: */
  struct replay_plan replay; /* of what it sends */
  /* WORKLOAD_UDP_STREAM and _PING: whom it sends to, as packet_peer_of(); 0:
   * the client. WORKLOAD_IDLE: the guests that send to it, ascending, copied;
   * it receives their datagrams and answers their echo requests. A native
   * device (NETDEV_NATIVE) on the same port as theirs. */
  uint16_t peer;
  const uint16_t *sources;
  size_t n_sources;
  const struct guest_params *costs;
  const struct cpu_params *cpu;
  const struct nic_params *nic;
  int64_t itr; /* ps, as the driver programs it */
  struct packet_pool *packets;
  const struct hd_window *window;
  uint64_t memory_base; /* IOVA (guest physical) where memory starts */
  uint64_t memory_size;
  uint16_t nic_device; /* the device, below the root complex, for MMIO */
  int netdev;          /* enum netdev_kind */
  bool stand_in; /* a virtio-net device beside it, with `virtio` (failover.h);
                    workloads with a kernel's network stack */
  const struct virtio_params *virtio; /* NETDEV_VIRTIO: ring size, features of
                                         the device, costs of the driver;
                                         BLOCKDEV_VIRTIO as well */
  /* A block device in place of a network device. */
  int blockdev;                               /* enum blockdev_kind */
  const struct block_jobs_params *block_jobs; /* WORKLOAD_BLOCK_JOBS */
  const struct guest_block_params *block_costs;
  const struct storage_params *storage; /* BLOCKDEV_NVME: its largest command,
                                           cost of administration commands */
  struct block_pool *block_pool;
  uint64_t blocks; /* of BLOCK_BYTES, of its namespace or disk */
  /* An accelerator in place of either: WORKLOAD_ACCELERATOR_JOBS. Queue pairs
   * are its ring banks; threads at most as many, and at most the vCPUs. */
  const struct accelerator_jobs_params *accelerator_jobs;
  const struct guest_accelerator_params *accelerator_costs;
  struct accelerator_pool *accelerator_pool;
  bool bare; /* a process on the host in place of a guest: nothing traps; `cpu`
                has no costs of exits */
};

/* Bytes of guest memory that rings and buffers take; memory_size must be at
 * least this. Pure; reads queue_pairs, workload, and nic, netdev and virtio, or
 * blockdev, block_jobs, block_costs, storage and virtio. */
uint64_t guest_memory_needed(const struct guest_config *c);

struct guest *guest_create(struct hd_engine *e, const struct guest_config *c);
void guest_destroy(struct guest *g);

/* vCPUs that exist as tasks, for wiring by the server: attach to scheduler,
 * interrupt unit and root complex. Index 0 always exists. */
size_t guest_vcpus(const struct guest *g);
struct vcpu *guest_vcpu(struct guest *g, size_t i);
/* Which of them handles queue pair q's interrupts and rings. */
struct vcpu *guest_vcpu_of_queue(struct guest *g, unsigned q);

/* Its application polls the queues: their vectors are masked. */
bool guest_polls(const struct guest *g);

/* The server tells where write-backs of queue pair q are observed (memory
 * observer of guest_vcpu_of_queue(g, q)), and the channels for control.
 * Observers of a virtio function are its owner's to tell. */
void guest_set_observer(struct guest *g, unsigned q, uint16_t observer);
void guest_attach_hypervisor(struct guest *g, struct hd_component *hypervisor);
/* Channel guest vCPU 0 -> hypervisor is opened by guest_attach_hypervisor();
 * the hypervisor opens its own to guest_vcpu(g, 0..). */

/* What a native device needs to know: rings (live as long as the guest),
 * queue_pairs of them; NULL with any other device. Vector q of a storage
 * interface is queue q's, and comes as GUEST_VECTOR(1 + q). */
struct nic_ring *guest_tx_rings(struct guest *g);
struct nic_ring *guest_rx_rings(struct guest *g);
struct storage_ring *guest_storage_rings(struct guest *g);
/* Accelerators: rings of each bank. Bank b's interrupt is GUEST_VECTOR(1 + b).
 */
struct accelerator_ring *guest_accelerator_rings(struct guest *g);

/* ---- virtio ----
 *
 * What stands behind the driver is told by guest_virtio_function(): queues,
 * features. Its owner fills in, before the run, what is the device's: notify,
 * device, doorbell, doorbell_stride, requester, PASID, first_handle, observer.
 * NULL with other drivers.
 *
 * Views from the device come as MSG_GUEST_MEMORY (object: the struct virtq) to
 * guest_vcpu_of_queue(g, pair), on passive channels. The device takes a packet
 * from a transmit chain by setting q->cookie[id] to NULL when it pops it, so
 * that the packet's owner is known at any time; a received packet it stores in
 * q->cookie[id] before pushing. Interrupts are GUEST_VECTOR(1 + pair) of that
 * vCPU. The control queue is in the function's list, but its commands are
 * accesses trapped at boot.
 *
 * A block device's request queue q: the cookie is the struct block_request,
 * whose status the device sets before it pushes the chain: 16 B of header,
 * data, and a byte of status (virtio 1.2, 5.2.6). A flush has no data. */
struct virtio_function *guest_virtio_function(struct guest *g);
/* Of the stand-in; NULL: none. Its queue pairs follow those of the device: its
 * pair p is the guest's guest_stand_in_pair() + p wherever a pair, or its
 * vector, is named. */
struct virtio_function *guest_stand_in_function(struct guest *g);
unsigned guest_stand_in_pair(const struct guest *g);

/* Opens the channels on which the drivers of all queue pairs send
 * MSG_VIRTQ_VIEW to `backend`: published views with VIRTIO_VISIBLE_LATENCY, and
 * with VIRTIO_NOTIFY_EXIT kicks with kick_latency (from the exit's end to the
 * message; unused and may be 0 with VIRTIO_NOTIFY_DOORBELL). Views of one queue
 * arrive in order, except one that is a doorbell's data: later ones overtake
 * it, as stores to memory overtake an MMIO write. */
void guest_attach_backend(struct guest *g, struct hd_component *backend,
                          hd_time kick_latency);
/* The same for one queue pair (block: queue), if each has a thread of its own.
 */
void guest_attach_backend_pair(struct guest *g, unsigned pair,
                               struct hd_component *backend,
                               hd_time kick_latency);

/* A second back end, for live migration; before the run. From
 * guest_switch_backend() on the views of the function's driver go to back end
 * `backend` (0: the first, 1: the second). Call it while all vCPUs are paused,
 * when what the owner fills in of the function has been changed to the other
 * device. What was sent before may still arrive at the other back end. Device
 * pages are to be mapped anew. */
void guest_attach_second_backend(struct guest *g, struct hd_component *backend,
                                 hd_time kick_latency);
void guest_attach_second_backend_pair(struct guest *g, unsigned pair,
                                      struct hd_component *backend,
                                      hd_time kick_latency);
void guest_switch_backend(struct guest *g, struct virtio_function *f,
                          unsigned backend);
/* The driver's latest view of a queue of the function, for the device that
 * restores it: see virtq_device_restore(). While all vCPUs are paused. */
struct virtq_view guest_driver_views(const struct virtio_function *f,
                                     unsigned queue);

/* ---- hot plug ----
 *
 * Of the device of a guest with a stand-in: MSG_GUEST_PLUG to vCPU 0, which
 * answers with one of the same verb. While the driver starts, its trapped
 * accesses (MSG_VM_TRAP) go to whoever asked, too. */
enum guest_plug {
  GUEST_UNPLUG, /* send by the stand-in from now on; answered when all that had
                   been posted has been sent */
  GUEST_REMOVE, /* the device writes no more: take in what it has received;
                   answered when nobody touches it any more */
  GUEST_PLUG    /* it is back, as new: answered when the driver sends by it */
};
struct guest_plug_msg {
  struct hd_msg msg;
  enum guest_plug verb;
  struct hd_channel *reply; /* vCPU 0 -> who asks; at least
                               GUEST_CONTROL_LATENCY */
};
_Static_assert(sizeof(struct guest_plug_msg) <= HD_MSG_BYTES, "too large");

/* Where the device's registers are for this guest, global numbers; set after
 * the device has been created, before the run. `lazy`: the pages of doorbells
 * and vectors are mapped on first touch, each by an EPT violation (HD-IOV: page
 * by page; SR-IOV: one fault maps the whole BAR). */
struct guest_registers {
  uint32_t first_queue, first_vector; /* storage: of queue pair 0 */
  bool lazy_pages; /* true: a fault per page; false: one fault in all */
  bool direct;     /* NVMe: the controller's registers are the device's;
                      false: emulated by the host, accesses trapped */
};
void guest_set_registers(struct guest *g, const struct guest_registers *r);

struct guest_stats {                         /* within the window */
  uint64_t sent_packets, sent_bytes;         /* handed to the device */
  uint64_t received_packets, received_bytes; /* delivered to the application */
  uint64_t requests; /* answered echo requests; reads and writes reaped;
                        accelerator's requests finished */
  uint64_t exits[EXIT_REASONS], interrupts;
  uint64_t page_faults; /* of device pages, since the start: most happen before
                           the window */
  hd_time guest_time, host_time;
  double send_core_utilization; /* busiest sending vCPU; of those with an
                                   accelerator, without waiting awake */
  uint64_t throttled;           /* times a stream waited for its offered rate */
  uint64_t blocked;             /* times a sender waited for socket buffer */
  uint64_t qdisc_max;           /* packets */
  uint64_t dropped; /* packets: queueing discipline or (DPDK) ring full */
  uint64_t retransmissions; /* of TCP, segments */
  uint64_t lost;            /* echo requests not answered within a second */
  /* virtio-net: announcements of published chains, each one of: */
  uint64_t kick_exits;       /* VIRTIO_NOTIFY_EXIT */
  uint64_t kick_doorbells;   /* VIRTIO_NOTIFY_DOORBELL */
  uint64_t kicks_suppressed; /* the device had not asked for it */
  /* Block requests reaped by the application; those failed are in `errors`, and
   * nowhere else. */
  uint64_t reads, writes, flushes, read_bytes, written_bytes, errors;
  /* Accelerator: sources and results of `requests`. */
  uint64_t consumed_bytes, produced_bytes;
  struct replay_stats replay; /* of a guest that replays what it sends */
};
void guest_get_stats(const struct guest *g, struct guest_stats *s);
/* What its application has received of guest `vm`, within the window. */
struct guest_received {
  uint64_t packets, bytes;
};
struct guest_received guest_received_from(const struct guest *g, uint16_t vm);
/* Round-trip times (ping), one way (datagrams received), times from the
 * call that submits to the end of the one that reaps (reads and writes), and
 * their breakdown; requests begun in the window. */
const struct hd_histogram *guest_latency(const struct guest *g);
const struct hd_breakdown *guest_breakdown(const struct guest *g);
/* Packets the guest holds: in the queueing discipline, in transmit rings and
 * not yet fetched by the device, received and not yet consumed. */
uint64_t guest_packets_held(const struct guest *g);
/* Received packets that write-backs of its device have shown to the guest since
 * the start; the stand-in's are its back end's to count. What the device has
 * delivered beyond these is on its way, held by nobody. */
uint64_t guest_packets_arrived(const struct guest *g);
/* Block requests submitted and not reaped. */
uint64_t guest_block_inside(const struct guest *g);
/* Requests to an accelerator submitted and not finished. */
uint64_t guest_accelerator_inside(const struct guest *g);
/* NULL, or what does not balance: rings, sockets, packets, block requests. */
const char *guest_check(const struct guest *g);

/* Message between vCPUs of a guest. */
struct guest_msg {
  struct hd_msg msg;
  uint32_t what; /* the guest's own */
  uint32_t value;
  uint64_t bytes;
  void *object;
};

#endif
