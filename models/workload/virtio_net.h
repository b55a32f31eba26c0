/*
 * virtio_net.h - the virtio-net driver (virtio 1.2, 5.1), for its own files.
 *
 * One vCPU owns a queue pair: it adds chains, takes them back, and is shown
 * what the device has used. A used chain is taken from the ring as soon as it
 * is seen and waits in `done` until the driver has paid for it: only then is
 * its packet freed or delivered, and its place counted as free. Nobody can
 * tell the difference: `done` is empty whenever callbacks are enabled.
 *
 * Transmit (5.1.6.2), as Linux with napi_tx: a packet sent first frees what has
 * been used; callbacks are delayed to three quarters of what is outstanding;
 * the queue stops when a packet of the most fragments might find no room.
 * Receive (5.1.6.3): every buffer in the ring; refilled when more than half of
 * a poll's budget is missing. A polling application asks for no callbacks, uses
 * the ring to its end and refills after every burst.
 */
#ifndef HD_MODELS_WORKLOAD_VIRTIO_NET_H
#define HD_MODELS_WORKLOAD_VIRTIO_NET_H

#include "models/workload/virtio_driver.h"

enum {
  VIRTIO_NET_HEADER = 12,      /* struct virtio_net_hdr_mrg_rxbuf, bytes */
  VIRTIO_NET_RX_BUFFER = 1536, /* header and the longest frame, whole lines */
  VIRTIO_NET_RESERVE = 2 + 17, /* descriptors of a packet with MAX_SKB_FRAGS */
  VIRTIO_NET_TABLE = 2         /* buffers of our longest chain */
};

struct virtio_chain { /* what the driver knows of a chain */
  uint32_t truesize;
  uint16_t stream;
  uint16_t place; /* of its buffer */
  bool first;     /* receive: begins a packet */
  bool busy;      /* in the ring */
};

/* A first-in first-out list of at most the ring's size. */
struct virtio_fifo {
  struct virtio_chain *at;
  uint32_t size, head, count;
};

struct virtio_queue {
  struct virtio_driver_queue vq; /* first */
  unsigned pair;                 /* of the guest's */
  bool transmit;
  uint64_t buffers, headers;   /* guest physical */
  struct virtio_chain *chains; /* in flight, by ID */
  struct virtio_fifo done;     /* used, not yet paid for */
  struct virtio_fifo places;   /* buffers not in use */
  uint32_t outstanding;        /* transmit: chains added and not cleaned */
  uint64_t added;              /* ring positions, for finding a chain's ID */
  bool stopped;                /* transmit: no room for any packet */
  bool held_off;               /* callbacks disabled for polling */
  bool cleaned;                /* transmit: something, by the current poll */
};

struct virtio_net {
  struct virtio_driver driver; /* first */
  const struct guest_netdev *dev;
  struct virtio_queue *queues; /* of the device */
  uint32_t slots;              /* descriptors of a transmit chain */
  bool polled;                 /* by an application: no callbacks */
  bool *start_asked;           /* by vCPU */
  size_t starting;             /* vCPUs asked to start and not done */
};

static inline struct virtio_net *virtio_net_of(const struct virtio_queue *q)
{
  return (struct virtio_net *)q->vq.of;
}
static inline struct virtio_queue *virtio_txq_of(const struct guest_txq *q)
{
  struct virtio_net *v = (struct virtio_net *)q->dev->virtio;
  return &v->queues[virtio_tx_queue(q->index - q->dev->first)];
}
static inline struct virtio_queue *virtio_rxq_of(const struct guest_rxq *q)
{
  struct virtio_net *v = (struct virtio_net *)q->dev->virtio;
  return &v->queues[virtio_rx_queue(q->index - q->dev->first)];
}

/* virtio_net.c: the driver of one of the guest's devices. */
void virtio_net_create(struct guest *g, struct guest_netdev *dev,
                       uint64_t base);
void virtio_net_destroy(struct guest *g, struct guest_netdev *dev);

/* virtio_net_queue.c: building queues; chains. */
uint64_t virtio_queue_memory(const struct guest_config *c, uint64_t features,
                             bool transmit);
void virtio_queue_create(struct guest *g, struct virtio_net *v, unsigned index,
                         uint64_t *next);
/* As after virtio_queue_create(). */
void virtio_queue_reset(struct virtio_queue *q);
void virtio_queue_destroy(struct virtio_queue *q);
void virtio_fifo_push(struct virtio_fifo *f, struct virtio_chain c);
struct virtio_chain virtio_fifo_pop(struct virtio_fifo *f);
/* Adds a chain that fits. */
void virtio_queue_add(struct virtio_queue *q, const struct virtq_buffer *buffer,
                      uint32_t count, struct virtio_chain chain, void *cookie);

/* virtio_net_poll.c: callbacks, for when `after` + 1 more chains are used. */
bool virtio_enable(struct guest_cpu *cpu, struct virtio_queue *q,
                   uint32_t after, bool tell);

/* virtio_net_tx.c */
uint32_t virtio_tx_room(const struct guest_txq *q);
int64_t virtio_tx_cycles(const struct guest_txq *q, uint32_t packets);
void virtio_tx_reclaim(struct guest_cpu *cpu, struct guest_txq *q);
void virtio_tx_post(struct guest_txq *q, struct packet *p, uint32_t truesize);
void virtio_tx_announce(struct guest_cpu *cpu, struct guest_txq *q);
void virtio_tx_clean(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n);

/* virtio_net_rx.c */
/* Fills the ring for the first time. */
void virtio_rx_start(struct guest_cpu *cpu, struct virtio_queue *q);
void virtio_rx_give_back(struct guest_cpu *cpu, struct guest_rxq *q,
                         uint32_t n);
/* Packets of used chains become visible; takes no time. */
void virtio_rx_arrived(struct guest_cpu *cpu, struct virtio_queue *q,
                       struct packet *p);

/* virtio_net_poll.c: callbacks and polling. */
bool virtio_irq_begin(struct guest_cpu *cpu, unsigned vector);
bool virtio_irq_end(struct guest_cpu *cpu, unsigned vector);
int64_t virtio_poll_cycles(const struct guest_rxq *q, uint32_t completed,
                           uint32_t received);
bool virtio_memory_written(struct guest_cpu *cpu,
                           const struct guest_memory_msg *m);
/* Polls the pairs whose used chains came without an interrupt. */
void virtio_poll_due(struct guest_cpu *cpu, const struct guest_netdev *dev);

/* virtio_net_boot.c */
/* Features that device and driver agree upon; ends the run if they cannot. The
 * stand-in of another device says that it is one. */
uint64_t virtio_negotiated(const struct guest_config *c, bool stand_in,
                           uint64_t *offered);
void virtio_net_probe(struct guest_cpu *cpu, struct virtio_net *v);
bool virtio_message(struct guest_cpu *cpu, const struct guest_msg *m);
/* Without cpu->scheduled. */
void virtio_net_deferred(struct guest_cpu *cpu, struct virtio_net *v);

#endif
