/*
 * netdev.h - the seam between a guest's network stack and its device driver.
 *
 * The stack (sockets, queueing discipline, NAPI, the polling application, boot)
 * is the same for every device. What depends on the device is behind struct
 * netdev_ops: rings and where they lie, how packets are posted and announced,
 * how completions and received packets are found and given back, how interrupts
 * are held off, what the driver's start needs. Two drivers implement it:
 *  - native: descriptor rings of an E810-like interface (native_*.c);
 *  - virtio_net: virtqueues (virtio_net_*.c).
 * A guest may have two devices, each with its queues, as one interface
 * (failover.h); a queue says which device is its.
 *
 * Who calls what: room, reclaim, post and announce on the queue's owner, with
 * interrupts disabled if the driver's interrupts can be taken there; clean and
 * irq_* on its cleaner; give_back on the receive queue's vCPU; device:
 * guest_device.h. Units: cycles of the vCPU's clock, packets, bytes. An entry
 * that is NULL has nothing to do.
 */
#ifndef HD_MODELS_WORKLOAD_NETDEV_H
#define HD_MODELS_WORKLOAD_NETDEV_H

#include "models/workload/guest_device.h"

struct guest_netdev;
struct guest_stream;
struct guest_txq;
struct guest_rxq;

struct netdev_ops {
  /* create() finds g->txq and g->rxq, whose vCPUs are set. */
  struct guest_device_ops device; /* first */

  /* ---- transmit ---- */
  /* Packets that may be posted now. */
  uint32_t (*room)(const struct guest_txq *q);
  /* Cycles for posting so many packets and announcing them together. */
  int64_t (*send_cycles)(const struct guest_txq *q, uint32_t packets);
  /* First touch of the page that announce() writes to, with interrupts as the
   * caller has them. */
  void (*touch)(struct guest_cpu *cpu, struct guest_txq *q);
  /* Before posting: frees what is known to be transmitted. Takes time. */
  void (*reclaim)(struct guest_cpu *cpu, struct guest_txq *q);
  /* Puts a packet into the ring; there is room. Takes no time. */
  void (*post)(struct guest_txq *q, struct packet *p, uint32_t truesize);
  /* Lets the device know of what has been posted, at least one packet. */
  void (*announce)(struct guest_cpu *cpu, struct guest_txq *q);

  /* ---- completion ---- */
  /* Packets known to be transmitted and not yet cleaned. */
  uint32_t (*completions)(const struct guest_txq *q);
  /* Frees the oldest n > 0 of them. */
  void (*clean)(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n);
  /* The cleaner, another vCPU, tells the owner of n freed packets. True when a
   * thread was unblocked. */
  bool (*freed)(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n);

  /* ---- receive ---- */
  /* The buffers of n > 0 received packets are the driver's again. */
  void (*give_back)(struct guest_cpu *cpu, struct guest_rxq *q, uint32_t n);

  /* ---- interrupts; vector 0: the device's own, 1 + q: queue pair q ---- */
  /* A handler has begun. False: there is nothing to poll for. */
  bool (*irq_begin)(struct guest_cpu *cpu, unsigned vector);
  /* Cycles of a round of the poll function, without the stack's. */
  int64_t (*poll_cycles)(const struct guest_rxq *q, uint32_t completed,
                         uint32_t received);
  /* Polling is over; the next event shall interrupt. True: it is there already,
   * and polling must go on. */
  bool (*irq_end)(struct guest_cpu *cpu, unsigned vector);

  /* ---- hot unplug, on the queue's owner and cleaner each ---- */
  /* Nothing that was posted is outstanding. */
  bool (*idle)(const struct guest_txq *q);
  /* The device is gone: the pair's rings are as before the driver's start, as
   * far as they are this vCPU's. */
  void (*forget)(struct guest_cpu *cpu, unsigned queue_pair);

  /* ---- books, after the run ---- */
  /* Posted packets that the device has not taken. */
  uint64_t (*unfetched)(const struct guest_txq *q);
  /* Bytes (skb truesize) of a stream in the ring. */
  uint64_t (*posted_bytes)(const struct guest_txq *q, uint16_t stream);
  /* NULL, or what does not balance. */
  const char *(*check)(const struct guest *g, unsigned queue_pair);
};

extern const struct netdev_ops native_netdev_ops, virtio_net_ops;

/* The driver of a guest with a network device. */
const struct netdev_ops *netdev_of(const struct guest_config *c);

/* ---- netdev_tx.c ---- */
/* The queue that stands for `q` on the vCPU, an owner: itself, or that of the
 * stand-in. */
struct guest_txq *netdev_tx_queue(const struct guest_cpu *cpu,
                                  struct guest_txq *q);
/* True when a packet sent now would go straight into the ring, so that the
 * driver's cycles are the sender's to pay. */
bool netdev_tx_direct(const struct guest_cpu *cpu, const struct guest_txq *q);
/* The driver's cycles for a packet that does; 0 for one that would wait. */
int64_t netdev_tx_cycles(const struct guest_cpu *cpu,
                         const struct guest_txq *q);
/* Sends a packet of stream `s`; `paid`: the driver's cycles have been paid. */
void netdev_tx_send(struct guest_cpu *cpu, struct guest_stream *s,
                    struct packet *p, bool paid);
/* Puts a packet into the ring; owner, room, interrupts disabled. */
void netdev_tx_post(struct guest_cpu *cpu, struct guest_txq *q,
                    struct packet *p, uint32_t truesize);
/* For drivers: bytes of a stream have been freed, on the owner. True when that
 * unblocked a thread of this vCPU. */
bool netdev_tx_release(struct guest_cpu *cpu, struct guest_stream *s,
                       uint64_t bytes);
/* For drivers: a packet of `truesize` is about to be freed, on the cleaner;
 * whether a thread on another vCPU has now waited long enough. */
bool netdev_tx_wakes(const struct guest_netdev *dev, struct guest_stream *s,
                     uint32_t truesize);
/* On the cleaner: frees what is known to be transmitted. */
void netdev_tx_clean(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n);

/* ---- netdev_rx.c ---- */
/* For drivers: n packets of a list have become visible; takes no time. */
void netdev_rx_arrived(struct guest_cpu *cpu, struct guest_rxq *q,
                       struct packet *list, uint32_t n);
/* Hands `n` received packets to their sockets. */
void netdev_rx_deliver(struct guest_cpu *cpu, struct guest_rxq *q, uint32_t n);

#endif
