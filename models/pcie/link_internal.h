/*
 * link_internal.h - the link's state; shared by the link's own files.
 *
 * link.c         life, wiring, messages, statistics
 * link_tx.c      the transmitter: serialisation, DLLPs, SKIP ordered sets
 * link_flow.c    credits, waiting TLPs and who may pass whom
 * link_replay.c  Acks, replay buffer, bit errors, Naks, replay timer
 *
 * A TLP is committed when it has credits: its place on the wire is computed at
 * once, behind everything committed before, and its delivery is scheduled.
 * DLLPs and SKIP ordered sets have due times; a transmitter charges those that
 * are due before its next TLP starts, so that they cost no events and delay
 * TLPs only when the wire is busy.
 */
#ifndef HD_MODELS_PCIE_LINK_INTERNAL_H
#define HD_MODELS_PCIE_LINK_INTERNAL_H

#include <gsl/gsl_rng.h>

#include "models/pcie/link.h"

typedef int64_t wire_time; /* 1/512 ps, see pcie_params.h */
#define WIRE_NEVER INT64_MAX

static inline wire_time wire_of(hd_time t)
{
  return (wire_time)((uint64_t)t << PCIE_WIRE_SHIFT);
}

static inline hd_time wire_ceil(wire_time w)
{
  return (w + (1 << PCIE_WIRE_SHIFT) - 1) >> PCIE_WIRE_SHIFT;
}

static inline hd_time wire_floor(wire_time w)
{
  return w >> PCIE_WIRE_SHIFT;
}

static inline wire_time wire_max(wire_time a, wire_time b)
{
  return a > b ? a : b;
}

static inline wire_time wire_min(wire_time a, wire_time b)
{
  return a < b ? a : b;
}

enum { DLLP_BYTES = 8, SKIP_BYTES = 4 };

/* What takes a transmitter's time besides TLPs. */
enum pcie_extra {
  EXTRA_SKIP,
  EXTRA_ACK,
  EXTRA_NAK,
  EXTRA_SELDOM = EXTRA_NAK,
  EXTRA_FC, /* one per class; in periodic mode only the first is used */
  EXTRA_COUNT = EXTRA_FC + PCIE_CLASSES
};

/* The TLPs one Ack acknowledges. */
struct pcie_batch {
  wire_time due;   /* when the Ack may start, at the other end */
  wire_time freed; /* when it arrives; WIRE_NEVER: it was lost */
  uint32_t bytes, tlps;
};

struct pcie_tlp_queue {
  struct hd_msg *first, *last;
};

/* Credits and waiting TLPs of one transmitter. */
struct pcie_flow {
  uint32_t limit_h[PCIE_CLASSES], limit_d[PCIE_CLASSES]; /* 0: infinite */
  int64_t headers[PCIE_CLASSES], data[PCIE_CLASSES];     /* left */
  struct pcie_tlp_queue waiting[PCIE_CLASSES];
  size_t n_waiting;
  /* Receiver's side at this end: UpdateFCs that it sends. */
  wire_time last_update;
  struct pcie_credit_msg *pending[PCIE_CLASSES]; /* not yet on the wire */
  wire_time pending_due[PCIE_CLASSES];
  uint32_t lost_h[PCIE_CLASSES], lost_d[PCIE_CLASSES];
  bool lost[PCIE_CLASSES];
};

/* Replay state of one transmitter. */
struct pcie_replay {
  struct pcie_batch *ring; /* power of two */
  uint32_t capacity;
  uint32_t head, charged, tail; /* free running */
  wire_time last_due;           /* of the newest batch */
  int64_t bytes;                /* in batches */
  bool recovering;              /* a Nak or the replay timer is awaited */
  bool closed;                  /* held TLPs from here on are not yet sent */
  wire_time resume;             /* when it comes */
  struct pcie_tlp_queue held;
  size_t n_held;
  int64_t held_bytes;
  uint64_t tlp_gap, dllp_gap; /* good bits before the next bad one */
};

struct pcie_counts {
  struct hd_counter tlps, bytes, payload, dllps, replays, naks, corrupted,
      lost_dllps;
  struct hd_busy busy;
  hd_time stall[PCIE_CLASSES];
};

/* The transmitter at one end. */
struct pcie_tx {
  struct hd_component *component;
  struct hd_channel *deliver; /* to the other end's component */
  struct hd_channel *notify;  /* MSG_TLP_SENT, back to the sender */
  struct hd_channel *to_link; /* from the sender */
  wire_time free;             /* end of everything committed */
  wire_time longest;          /* longest TLP so far */
  wire_time due[EXTRA_COUNT]; /* by enum pcie_extra */
  wire_time next_due;         /* the earliest of them */
  wire_time seldom_due;       /* the earliest from EXTRA_SELDOM on */
  bool uncut;                 /* the receiver takes completions uncut */
  /* Posted requests for a receiver that lets the link free them. */
  bool decoding;
  hd_time decode_latency;
  struct pcie_receiver decoder;
  uint64_t accepted, delivered;
  struct pcie_flow flow;
  struct pcie_replay replay;
  struct pcie_counts counts;
};

struct pcie_link {
  struct hd_component base;
  const struct pcie_params *params;
  const struct hd_window *window; /* the owner may still move it */
  wire_time byte, propagation;
  wire_time ack_interval, fc_interval, skip_interval;
  wire_time period[EXTRA_COUNT]; /* of what is sent periodically; else 0 */
  bool periodic, errors;
  gsl_rng *rng;
  struct pcie_tx tx[2];
};

enum {
  TIMER_RESUME = 1,
  TIMER_ACK_LOST,
  TIMER_FC_LOST,
  TIMER_FC,
  TIMER_FC_FREED
};

struct pcie_link_timer {
  struct hd_msg msg; /* tag: TIMER_ */
  uint32_t end, index;
};

/* `end` bit of a TLP: it has been on the wire before. */
enum { TLP_RESENT = 2 };

/* link_tx.c */
void pcie_tx_initialize(struct pcie_link *l, int end);
/* Charges everything due by `now`, or before what is committed ends. */
void pcie_tx_settle(struct pcie_link *l, int end, wire_time now);
void pcie_tx_set_due(struct pcie_tx *tx, int extra, wire_time due);
/* Takes the wire for `bytes`, not before `start`. */
void pcie_tx_occupy(struct pcie_link *l, int end, wire_time start,
                    uint32_t bytes);
/* Commits a TLP that has its credits. */
void pcie_tx_commit(struct pcie_link *l, int end, struct pcie_tlp *tlp);
/* Commits all TLPs of a PCIE_UNCUT one, which is delivered with the last. Not
 * for links with bit errors. */
void pcie_tx_commit_uncut(struct pcie_link *l, int end, struct pcie_tlp *tlp);
/* Arrival of a DLLP sent by `end`, due at `due`: it waits for at most one TLP
 * (it goes before TLPs that have not started). */
wire_time pcie_tx_dllp_arrival(const struct pcie_link *l, int end,
                               wire_time due);
/* Tells the sender that the TLP committed last has left. */
void pcie_tx_notify(struct pcie_link *l, int end, const struct pcie_tlp *tlp);

/* link_flow.c */
void pcie_flow_initialize(struct pcie_link *l, int end);
void pcie_flow_submit(struct pcie_link *l, int end, struct pcie_tlp *tlp);
void pcie_flow_submit_uncut(struct pcie_link *l, int end, struct pcie_tlp *tlp);
/* The receiver frees a posted request as it arrives. */
void pcie_flow_decoding(struct pcie_link *l, int end,
                        const struct pcie_tlp *tlp, hd_time arrival);
void pcie_flow_credits(struct pcie_link *l, struct pcie_credit_msg *m);
void pcie_flow_timer(struct pcie_link *l, struct pcie_credit_msg *m);

/* link_replay.c */
void pcie_replay_initialize(struct pcie_link *l, int end);
void pcie_replay_terminate(struct pcie_link *l, int end);
/* Earliest start, at or after `start`, at which the replay buffer has room for
 * `bytes`; WIRE_NEVER: not before a lost Ack is made good. */
wire_time pcie_replay_admit(struct pcie_link *l, int end, wire_time start,
                            uint32_t bytes);
/* The other end owes an Ack for a TLP that reaches it at `arrival`. */
void pcie_replay_owe(struct pcie_link *l, int end, wire_time arrival,
                     uint32_t bytes);
/* A TLP while recovering: sent in vain, or kept. */
void pcie_replay_hold(struct pcie_link *l, int end, struct pcie_tlp *tlp,
                      wire_time start, uint32_t bytes);
/* Keeps sent or unsent TLPs until a lost Ack is made good. */
void pcie_replay_wait(struct pcie_link *l, int end);
/* Draws whether the TLP just sent was corrupted; if so, starts recovery. */
bool pcie_replay_corrupts(struct pcie_link *l, int end, struct pcie_tlp *tlp,
                          uint32_t bytes);
/* Draws whether a DLLP sent by `end` is lost. */
bool pcie_replay_loses_dllp(struct pcie_link *l, int end);
void pcie_replay_timer(struct pcie_link *l, struct pcie_link_timer *t);
/* Time of the next Ack the transmitter at `end` owes and has not charged. */
wire_time pcie_replay_next_ack(struct pcie_link *l, int end);

static inline void pcie_queue_put(struct pcie_tlp_queue *q, struct hd_msg *m)
{
  m->next = NULL;
  if (q->first)
    q->last->next = m;
  else
    q->first = m;
  q->last = m;
}

static inline struct hd_msg *pcie_queue_take(struct pcie_tlp_queue *q)
{
  struct hd_msg *m = q->first;
  q->first = m->next;
  return m;
}

#endif
