/*
 * internal.h - the NIC's state, shared by the files of this folder.
 *
 *   nic.c            component, wiring, dispatch of messages
 *   registers.c      MMIO: decode, doorbells, register reads
 *   descriptors.c    descriptor prefetch of both directions
 *   tx_scheduler.c   who sends next: two-level round robin, pipeline
 *   tx_payload.c     payload reads, frames in order to the wire or the bridge
 *   bridge.c         loopback path to the receive side
 *   rx.c             steering, buffers, payload writes
 *   write_back.c     completions: batches, timers, lines
 *   interrupts.c     causes, throttling, masking
 *   interfaces.c     interfaces and their queues
 *   admin.c          administration queue
 *   stats.c          results and conservation
 *
 * A queue's progress is a chain of counters, each never ahead of the one before
 * it, none ever reset but all together:
 *   announced  by doorbells          requested  descriptor fetch issued
 *   arrived    descriptor is here    used       taken for a packet
 *   completed  buffer may be reused  written    told to the driver
 */
#ifndef HD_MODELS_NIC_INTERNAL_H
#define HD_MODELS_NIC_INTERNAL_H

#include "models/nic/nic.h"
#include "models/nic/resources.h"
#include "models/pcie/admin_queue.h"
#include "models/pcie/endpoint.h"
#include "models/round.h"
#include "sim/engine/clock.h"

enum { NIC_PORTS = 2, NIC_LINE = 64 /* bytes of a cache line */ };

enum nic_timer {
  NIC_TIMER_TRANSMIT = 1, /* struct hd_msg: the reserved pipeline slot */
  NIC_TIMER_RECEIVE,      /* struct packet_msg: frame is through the pipeline */
  NIC_TIMER_WRITE_BACK,  /* struct nic_timer_msg: a queue's oldest completion */
  NIC_TIMER_VECTOR,      /* struct nic_timer_msg: throttling interval over */
  NIC_TIMER_ADMIN,       /* struct hd_msg: command has been executed */
  NIC_TIMER_BRIDGE_SENT, /* struct packet_msg: off the transmit side */
  NIC_TIMER_BRIDGE_ARRIVED /* struct packet_msg: at the receive side */
};

struct nic_timer_msg {
  struct hd_msg msg;
  void *context; /* struct nic_queue or struct nic_vector */
};

/* ---- queues and interfaces ---------------------------------------------- */

struct nic_frame;

/* What an announced transmit descriptor says. */
struct nic_descriptor {
  struct packet *packet;
  hd_time announced;
  uint32_t frame; /* bytes */
};

struct nic_queue {
  struct turn turn; /* transmit; first member */
  struct nic_function *owner;
  struct nic_ring *ring;
  struct nic_vector *vector;
  struct nic_descriptor *descriptors; /* transmit, by slot */
  uint32_t size;                      /* of the ring */
  uint16_t index;                     /* in its interface */
  bool rx, live;
  bool fetching;     /* a descriptor fetch is under way */
  bool timer_armed;  /* write-back timer */
  bool pending;      /* is in its vector's list */
  uint32_t fetch_id; /* of the fetch under way; others are stale */
  uint64_t announced, requested, arrived, used, completed, written;
  uint64_t broken_from, broken_to; /* transmit: descriptors that failed */
  hd_time fetch_started;
  hd_time oldest; /* when the first unwritten completion completed */
  struct nic_queue *pending_next;
  struct nic_frame *flight, *flight_end; /* transmit: taken, in order */
  struct packet *waiting, *waiting_end;  /* receive: for descriptors */
  uint32_t n_waiting;
  struct packet *done, *done_end; /* receive: for write-back */
};

/* An interface inside the device. Lives until the device ends, since DMA and
 * timers may refer to it after its removal. */
struct nic_function {
  struct turn turn; /* first member */
  struct round queues;
  struct nic_interface config;
  bool removed;
  struct nic_queue *tx, *rx; /* queue_pairs of each */
  struct nic_interface_stats stats;
  struct nic_function *older; /* all that ever were */
};

/* Receive and transmit causes are throttled apart (E810: ITR0 and ITR1). */
enum { NIC_DIRECTIONS = 2 };

struct nic_vector {
  struct nic_function *owner; /* NULL: free */
  uint32_t number, handle;
  bool enabled, cause[NIC_DIRECTIONS]; /* by nic_queue.rx */
  hd_time interval;                    /* throttling, of either direction */
  hd_time earliest[NIC_DIRECTIONS];    /* such a cause may fire from here on */
  hd_time armed_for;         /* pending timer's time; HD_TIME_NEVER: none */
  struct nic_queue *pending; /* queues with unwritten completions */
};

/* ---- work under way ------------------------------------------------------ */

/* A packet being sent, or the DMA write of a received one. */
struct nic_frame {
  struct pcie_dma dma; /* first member */
  struct nic_queue *queue;
  struct packet *packet;
  struct nic_frame *queue_next, *port_next;
  hd_time announced;
  uint32_t bytes; /* of packet buffer */
  uint8_t port;
  bool complete, faulted;
  bool partial; /* a segment that is not the last of its descriptor */
  bool in_queue, in_port;
};

struct nic_fetch {
  struct pcie_dma dma; /* first member */
  struct nic_queue *queue;
  uint64_t first; /* counter of its first descriptor */
  uint32_t count, id;
};

struct nic_port {
  struct hd_channel *to_wire; /* NULL: no wire */
  struct round interfaces;
  struct nic_frame *flight, *flight_end; /* in order of scheduling */
  int64_t buffered;              /* bytes: being read, waiting, being sent */
  uint64_t sending;              /* frames handed to the wire, not yet sent */
  struct nic_function **route;   /* by guest */
  struct nic_function *fallback; /* default interface; NULL: none */
  size_t n_routes;
};

/* The loopback path from the transmit to the receive side, of all ports. */
struct nic_bridge {
  struct hd_clock bits; /* 1 cycle = 1 bit; carries the remainder */
  hd_time free_at;      /* the last frame has passed */
  struct hd_busy busy;
};

struct nic_totals {              /* since the start; packets unless said */
  uint64_t taken, sent, faulted; /* transmit */
  uint64_t bridged, turned; /* bridge: off the transmit side (of `sent`), at the
                               receive side (of `arrived`) */
  uint64_t arrived, delivered, dropped; /* receive */
  int64_t queue_length;                 /* announced - completed */
};

struct nic {
  struct hd_component base;
  struct nic_params params;
  struct packet_pool *packets;
  const struct hd_window *window;
  struct pcie_endpoint endpoint;
  struct hd_pool frames, fetches;
  struct nic_port ports[NIC_PORTS];

  struct nic_function **functions; /* by interface index; NULL: free */
  size_t n_functions;
  struct nic_function *all;
  struct nic_queue **tx_queues, **rx_queues; /* by global number */
  struct nic_vector *vectors; /* n_vectors: of the table, then the store */
  uint32_t n_vectors;

  /* pipeline */
  struct hd_clock packet_clock, schedule_clock;
  hd_time pipeline_free, scheduler_free;
  bool slot_reserved;
  unsigned last_port;
  int64_t rx_buffered;
  struct nic_bridge bridge;

  /* administration queue */
  struct admin_queue admin;

  /* results */
  struct nic_stats counts; /* event counts within the window */
  struct hd_gauge queue_length, tx_buffer;
  struct hd_busy pipeline_busy;
  struct nic_totals totals;
};

static inline bool nic_counts(const struct nic *n)
{
  return hd_window_contains(n->window, hd_now(&n->base));
}

/* Ring slot of a counter. */
static inline uint32_t nic_slot(const struct nic_queue *q, uint64_t counter)
{
  return (uint32_t)(counter % q->size);
}

/* ---- nic.c ----------------------------------------------------------------
 */

/* Fills in who does the DMA: requester ID and PASID of the interface. */
void nic_identify(const struct nic_function *f, struct pcie_dma *d);
/* Reserves the pipeline for a packet: returns the start (>= now) of its slot.
 */
hd_time nic_reserve_pipeline(struct nic *n, hd_time earliest);
/* A posted write nobody in the device waits for; `d` may be on the stack. */
void nic_write(struct nic *n, struct pcie_dma *d);
struct nic_timer_msg *nic_timer(struct nic *n, enum nic_timer tag,
                                void *context);

/* ---- registers.c ----------------------------------------------------------
 */
extern const struct pcie_endpoint_ops nic_registers;
/* hd_component_ops.ahead: what a register write will touch. */
void nic_ahead(const struct hd_component *self, const struct hd_msg *msg);

/* ---- descriptors.c --------------------------------------------------------
 */
/* Starts a fetch if the queue's cache has run below half and there is more. */
void nic_fetch_descriptors(struct nic *n, struct nic_queue *q);
static inline uint64_t nic_cached(const struct nic_queue *q)
{
  return q->arrived - q->used;
}

/* ---- tx_scheduler.c -------------------------------------------------------
 */
/* The queue has descriptors: it takes part in the rounds from now on. */
void nic_activate(struct nic *n, struct nic_queue *q);
void nic_deactivate(struct nic *n, struct nic_queue *q);
/* Sends what can be sent now; call after anything that may allow more. */
void nic_transmit(struct nic *n);
void nic_transmit_slot(struct nic *n); /* NIC_TIMER_TRANSMIT */

/* ---- tx_payload.c ---------------------------------------------------------
 */
void nic_send_packet(struct nic *n, struct nic_queue *q);
void nic_forget_flight(struct nic *n, struct nic_queue *q); /* at a reset */
void nic_frame_left(struct nic *n, unsigned port, uint64_t bytes);

/* ---- rx.c -----------------------------------------------------------------
 */
void nic_receive_frame(struct nic *n, struct packet_msg *m);
void nic_receive_steer(struct nic *n, struct packet_msg *m); /* timer */
void nic_receive_waiting(struct nic *n, struct nic_queue *q);
enum nic_drop {
  NIC_DROP_UNROUTED,
  NIC_DROP_BUFFER,
  NIC_DROP_DESCRIPTORS,
  NIC_DROP_OVERSIZE,
  NIC_DROP_FAULT
};
void nic_drop_received(struct nic *n, struct nic_function *f, struct packet *p,
                       enum nic_drop reason);
void nic_drop_waiting(struct nic *n, struct nic_queue *q, enum nic_drop reason);

/* ---- bridge.c -------------------------------------------------------------
 */
void nic_bridge_initialize(struct nic *n);
/* Whose interface on the port a frame of a guest to a guest is for. NULL: none
 * there has that address, so it leaves by the wire. */
struct nic_function *nic_bridge_target(const struct nic *n, unsigned port,
                                       const struct packet *p);
/* A frame leaves for interface `to` of the port it was sent on. Takes m, whose
 * packet has been read; m->bytes of the port's buffer are given back when it is
 * off the transmit side. */
void nic_bridge_send(struct nic *n, struct packet_msg *m,
                     const struct nic_function *to);
void nic_bridge_sent(struct nic *n, struct packet_msg *m);    /* timer */
void nic_bridge_arrived(struct nic *n, struct packet_msg *m); /* timer */

/* ---- write_back.c ---------------------------------------------------------
 */
/* Notes `count` more completions of a queue, in order. */
void nic_complete(struct nic *n, struct nic_queue *q, uint64_t count);
void nic_write_back(struct nic *n, struct nic_queue *q);
void nic_write_back_due(struct nic *n, struct nic_queue *q); /* timer */
void nic_forget_pending(struct nic_queue *q);

/* ---- interrupts.c ---------------------------------------------------------
 */
void nic_vector_control(struct nic *n, struct nic_vector *v, uint64_t value);
/* A completion asks for an interrupt: fires if it may, else later. */
void nic_cause(struct nic *n, struct nic_vector *v, bool rx);
void nic_vector_due(struct nic *n, struct nic_vector *v); /* timer */
void nic_vector_reset(struct nic *n, struct nic_vector *v);
hd_time nic_throttle(hd_time interval); /* in steps of 2 us, at most 8160 us */

/* ---- interfaces.c ---------------------------------------------------------
 */
bool nic_add_interface(struct nic *n, const struct nic_interface *i,
                       uint32_t *index);
void nic_remove_interface(struct nic *n, uint32_t index);
/* False: it is the default interface, or the guest has another, or none. */
bool nic_route(struct nic *n, struct nic_function *f);
bool nic_unroute(struct nic *n, struct nic_function *f);
void nic_enable_queues(struct nic *n, struct nic_function *f);
void nic_disable_queues(struct nic *n, struct nic_function *f);
void nic_reset_interface(struct nic *n, struct nic_function *f);
void nic_free_interfaces(struct nic *n);

/* ---- admin.c --------------------------------------------------------------
 */
void nic_command_arrived(struct nic *n, struct nic_command *c);
extern const struct admin_queue_kind nic_admin_queue;

#endif
