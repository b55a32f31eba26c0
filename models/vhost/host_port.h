/*
 * host_port.h - the host's driver of a NIC port: the queue pairs of the port's
 * default interface, their rings and buffers in host memory.
 *
 * Transmit queue: a component, for its state is under a lock in reality and any
 * thread may send on it. Threads hand it lists of packets by message, the
 * latency being that of the lines of lock and ring; it fills descriptors,
 * writes the doorbell once a list, frees descriptors when it sees their
 * write-backs, and keeps what the ring has no room for in a queueing discipline
 * (limit 0: it drops it). What all that costs in cycles is paid by the sender.
 *
 * Receive queue: one thread's, which sees the write-backs through a memory
 * observer, polled or told by an interrupt; it pays the cycles and writes the
 * tail register itself.
 */
#ifndef HD_MODELS_VHOST_HOST_PORT_H
#define HD_MODELS_VHOST_HOST_PORT_H

#include "models/memory/memory.h"
#include "models/nic/nic.h"
#include "models/vhost/host_thread.h"
#include "models/vhost/vhost_params.h"

/* Messages of models/vhost, numbered apart from models/messages.h. */
enum vhost_message {
  MSG_HOST_TRANSMIT = 0x5600, /* thread -> transmit queue: host_packets_msg */
  MSG_HOST_FRAME              /* NAPI thread -> worker: host_packets_msg */
};
struct host_packets_msg {
  struct hd_msg msg;
  struct packet *list; /* the message's until it is taken */
  uint32_t count;
};
_Static_assert(sizeof(struct host_packets_msg) <= HD_MSG_BYTES, "too large");

/* What one core has written until another has it. */
#define HOST_LINE_LATENCY (70 * HD_NS) /* as VIRTIO_VISIBLE_LATENCY */

struct host_packets { /* first in, first out */
  struct packet *first, *last;
  uint32_t count;
};
void host_packets_push(struct host_packets *l, struct packet *p);
struct packet *host_packets_pop(struct host_packets *l); /* NULL: empty */

struct host_txq {
  struct hd_component base;
  struct nic_ring *ring;
  struct packet_pool *pool;
  const struct hd_window *window;
  struct hd_channel *to_root;
  uint16_t device;
  uint32_t number;     /* the device's, for the doorbell */
  uint32_t tail, head; /* next to fill, oldest not completed */
  uint32_t limit;      /* of the queueing discipline, packets */
  struct host_packets qdisc;
  uint64_t arrived, posted, dropped; /* packets, since the start */
  uint64_t drops, doorbells;         /* within the window */
};

struct host_rxq {
  struct nic_ring *ring;
  uint16_t device;
  uint32_t number, vector;  /* the device's */
  uint32_t tail, consumed;  /* next to give; used and not given back */
  uint32_t refill;          /* given back so many at a time */
  struct host_packets list; /* written back, not yet taken */
  uint64_t seen;            /* packets, since the start */
};

struct host_port {
  struct nic_interface interface;
  struct nic_ring *tx_rings, *rx_rings; /* queue_pairs of each */
  struct host_txq *txq;
  struct host_rxq *rxq;
  uint16_t queue_pairs;
};

/* Which of the device's resources the port's interface takes. */
struct host_port_numbers {
  uint8_t port;
  uint16_t requester, device; /* device: index below the root complex */
  uint32_t first_queue, first_vector, first_handle;
};

/* Bytes of host memory for so many queue pairs. */
uint64_t host_port_memory(const struct vhost_params *p, uint16_t queue_pairs);
/* Places rings and buffers from `base` on; makes the transmit queues, whose
 * limit is `qdisc` for the first `n_kernel` pairs and 0 for the others.
 * interface is complete but for steering.rule and its counts. */
void host_port_initialize(struct host_port *hp, struct hd_engine *e,
                          const char *path, const char *host,
                          const struct vhost_params *p,
                          const struct host_port_numbers *numbers,
                          uint16_t queue_pairs, uint16_t n_kernel,
                          uint64_t base, struct packet_pool *pool,
                          const struct hd_window *window);
/* Wires the transmit queues to registers and memory (host memory is `region`).
 */
void host_port_attach(struct host_port *hp, struct root_complex *root,
                      struct memory *memory, uint16_t region);
void host_port_terminate(struct host_port *hp);

/* ---- transmit ---- */
/* The component; its other fields have been set (host_port_initialize()). */
void host_txq_create(struct host_txq *q, struct hd_engine *e, const char *path,
                     const char *host);
/* Channel on which a thread sends to it. */
struct hd_channel *host_txq_connect(struct host_txq *q, struct hd_component *c);
/* Sends `list` (first to last) as one burst: one doorbell, written by the core
 * of thread `t`, which pays for it. */
void host_txq_send(struct host_thread *t, struct hd_channel *to,
                   struct packet *list, uint32_t count);
/* Packets that wait in it or in its ring, not yet fetched by the device. */
uint64_t host_txq_held(const struct host_txq *q);
const char *host_txq_check(const struct host_txq *q);

/* ---- receive; all by the thread that owns the queue ---- */
/* Gives the device all buffers; with interrupts, enables the vector. */
void host_rxq_start(struct host_thread *t, struct host_rxq *q);
/* Unmasks the vector; 2 us steps, at most 8160 us. */
void host_rxq_enable(struct host_thread *t, struct host_rxq *q, hd_time itr);
/* For ops->message: a write-back of this queue. */
void host_rxq_written(struct host_rxq *q, const struct guest_memory_msg *m);
/* `n` packets have been copied: their buffers are free again. */
void host_rxq_give_back(struct host_thread *t, struct host_rxq *q, uint32_t n);

#endif
