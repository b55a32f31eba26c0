/*
 * link_replay.c - the data link layer (PCIe 3.5, 3.6): Acks, replay buffer,
 * bit errors, Naks and the replay timer.
 *
 * TLPs are gathered in batches, one per Ack. A corrupted TLP is known when it
 * is sent: from then on, until its Nak (or the replay timer) reaches the
 * transmitter, TLPs go out in vain and are held; then all are sent again in
 * order. A lost Ack delays the release of its batch until the next Ack, or
 * until the replay timer has sent the batch again.
 */
#include "models/pcie/link_internal.h"

#include <math.h>
#include <stdlib.h>

static uint64_t draw_gap(struct pcie_link *l)
{
  double u = 1.0 - gsl_rng_uniform(l->rng); /* (0, 1] */
  double gap = floor(log(u) / log1p(-l->params->bit_error_rate));
  return gap < 9e18 ? (uint64_t)gap : (uint64_t)9e18;
}

void pcie_replay_initialize(struct pcie_link *l, int end)
{
  struct pcie_replay *r = &l->tx[end].replay;
  r->capacity = 64;
  r->ring = calloc(r->capacity, sizeof *r->ring);
  HD_REQUIRE(NULL, r->ring != NULL, "out of memory for a replay buffer");
  r->last_due = -l->ack_interval;
  if (l->errors) {
    r->tlp_gap = draw_gap(l);
    r->dllp_gap = draw_gap(l);
  }
}

void pcie_replay_terminate(struct pcie_link *l, int end)
{
  free(l->tx[end].replay.ring);
}

/* ---- bit errors --------------------------------------------------------- */

/* Is one of the next `bits` bad? Skips from one bad bit to the next. */
static bool has_bad_bit(struct pcie_link *l, uint64_t *gap, uint64_t bits)
{
  if (*gap >= bits) {
    *gap -= bits;
    return false;
  }
  uint64_t left = bits - *gap - 1;
  uint64_t g = draw_gap(l);
  while (g < left) {
    left -= g + 1;
    g = draw_gap(l);
  }
  *gap = g - left;
  return true;
}

bool pcie_replay_loses_dllp(struct pcie_link *l, int end)
{
  struct pcie_tx *tx = &l->tx[end];
  if (!has_bad_bit(l, &tx->replay.dllp_gap, DLLP_BYTES * 8))
    return false;
  hd_counter_add(&tx->counts.lost_dllps, l->window, hd_now(&l->base), 1);
  return true;
}

/* ---- batches ------------------------------------------------------------ */

static inline struct pcie_batch *batch_at(struct pcie_replay *r, uint32_t i)
{
  return &r->ring[i & (r->capacity - 1)];
}

/* The oldest batch still of use: for the buffer, or for charging its Ack. */
static uint32_t oldest(const struct pcie_replay *r)
{
  return (int32_t)(r->charged - r->head) < 0 ? r->charged : r->head;
}

static void grow(struct pcie_replay *r)
{
  uint32_t wider = r->capacity * 2;
  struct pcie_batch *ring = calloc(wider, sizeof *ring);
  HD_REQUIRE(NULL, ring != NULL, "out of memory for a replay buffer");
  for (uint32_t i = oldest(r); i != r->tail; i++)
    ring[i & (wider - 1)] = *batch_at(r, i);
  free(r->ring);
  r->ring = ring;
  r->capacity = wider;
}

static struct pcie_batch *new_batch(struct pcie_replay *r)
{
  if (r->tail - oldest(r) == r->capacity)
    grow(r);
  return batch_at(r, r->tail++);
}

static void drop(struct pcie_replay *r, wire_time now)
{
  while (r->head != r->tail && batch_at(r, r->head)->freed <= now)
    r->bytes -= batch_at(r, r->head++)->bytes;
}

/* An Ack (or Nak) that arrives at `arrival` covers all batches with lost Acks.
 */
static void make_good(struct pcie_replay *r, wire_time arrival)
{
  for (uint32_t i = r->tail; i-- != r->head;)
    if (batch_at(r, i)->freed == WIRE_NEVER)
      batch_at(r, i)->freed = arrival;
}

wire_time pcie_replay_admit(struct pcie_link *l, int end, wire_time start,
                            uint32_t bytes)
{
  struct pcie_replay *r = &l->tx[end].replay;
  drop(r, start);
  while (r->bytes + r->held_bytes + bytes > l->params->replay_buffer &&
         r->head != r->tail) {
    wire_time freed = batch_at(r, r->head)->freed;
    if (freed == WIRE_NEVER)
      return WIRE_NEVER;
    start = wire_max(start, freed);
    drop(r, start);
  }
  return start;
}

static void start_timer(struct pcie_link *l, int end, uint32_t what,
                        uint32_t index, wire_time when)
{
  struct pcie_link_timer *t = hd_msg_new(&l->base, MSG_TIMER);
  t->msg.tag = what;
  t->end = (uint32_t)end;
  t->index = index;
  hd_schedule(&l->base, wire_ceil(when) - hd_now(&l->base), t);
}

/* When the replay timer ends: it runs from the last symbol sent, and again
 * from each Ack that made progress (3.6.2.1). */
static wire_time timer_end(struct pcie_link *l, int end)
{
  struct pcie_tx *tx = &l->tx[end];
  struct pcie_replay *r = &tx->replay;
  wire_time from = tx->free;
  for (uint32_t i = r->tail; i-- != r->head;) {
    if (batch_at(r, i)->freed != WIRE_NEVER) {
      from = wire_max(from, batch_at(r, i)->freed);
      break;
    }
  }
  return from + wire_of(l->params->replay_timer);
}

static wire_time ack_due(struct pcie_link *l, struct pcie_replay *r,
                         wire_time arrival)
{
  if (l->periodic) /* at the next tick */
    return (arrival + l->ack_interval - 1) / l->ack_interval * l->ack_interval;
  return wire_max(arrival, r->last_due + l->ack_interval);
}

/* Lets the other end's transmitter charge the Ack. */
static void announce(struct pcie_link *l, int end, wire_time due)
{
  struct pcie_tx *other = &l->tx[1 - end];
  struct pcie_replay *r = &l->tx[end].replay;
  if (l->periodic)
    r->charged = r->tail;
  else if (other->due[EXTRA_ACK] == WIRE_NEVER)
    pcie_tx_set_due(other, EXTRA_ACK, due);
}

wire_time pcie_replay_next_ack(struct pcie_link *l, int end)
{
  struct pcie_replay *r = &l->tx[1 - end].replay;
  r->charged++;
  return r->charged != r->tail ? batch_at(r, r->charged)->due : WIRE_NEVER;
}

void pcie_replay_owe(struct pcie_link *l, int end, wire_time arrival,
                     uint32_t bytes)
{
  struct pcie_replay *r = &l->tx[end].replay;
  r->bytes += bytes;
  if (r->tail != r->head && arrival <= r->last_due) {
    struct pcie_batch *last = batch_at(r, r->tail - 1);
    last->bytes += bytes;
    last->tlps++;
    return;
  }
  pcie_tx_settle(l, 1 - end, wire_of(hd_now(&l->base)));
  wire_time due = ack_due(l, r, arrival);
  bool lost = l->errors && pcie_replay_loses_dllp(l, 1 - end);
  wire_time freed = lost ? WIRE_NEVER : pcie_tx_dllp_arrival(l, 1 - end, due);
  if (lost)
    start_timer(l, end, TIMER_ACK_LOST, r->tail, timer_end(l, end));
  else if (l->errors)
    make_good(r, freed);
  struct pcie_batch *b = new_batch(r);
  *b = (struct pcie_batch){due, freed, bytes, 1};
  r->last_due = due;
  announce(l, end, due);
}

/* ---- recovery ----------------------------------------------------------- */

static void keep(struct pcie_link *l, int end, struct pcie_tlp *tlp,
                 uint32_t bytes)
{
  struct pcie_replay *r = &l->tx[end].replay;
  (void)l;
  if (tlp->end & TLP_RESENT)
    r->held_bytes += bytes;
  pcie_queue_put(&r->held, &tlp->msg);
  r->n_held++;
}

void pcie_replay_hold(struct pcie_link *l, int end, struct pcie_tlp *tlp,
                      wire_time start, uint32_t bytes)
{
  struct pcie_tx *tx = &l->tx[end];
  struct pcie_replay *r = &tx->replay;
  bool resent = tlp->end & TLP_RESENT;
  drop(r, start);
  bool room =
      resent || r->bytes + r->held_bytes + bytes <= l->params->replay_buffer;
  if (r->closed || start >= r->resume || !room) {
    r->closed = true;
    keep(l, end, tlp, bytes);
    return;
  }
  pcie_tx_occupy(l, end, start, bytes);
  if (resent)
    hd_counter_add(&tx->counts.replays, l->window, wire_floor(start), 1);
  else if (tlp->flags & PCIE_NOTIFY_SENT)
    pcie_tx_notify(l, end, tlp);
  tlp->end |= TLP_RESENT;
  keep(l, end, tlp, bytes);
}

void pcie_replay_wait(struct pcie_link *l, int end)
{
  struct pcie_replay *r = &l->tx[end].replay;
  r->recovering = r->closed = true;
  r->resume = WIRE_NEVER;
}

bool pcie_replay_corrupts(struct pcie_link *l, int end, struct pcie_tlp *tlp,
                          uint32_t bytes)
{
  struct pcie_tx *tx = &l->tx[end], *other = &l->tx[1 - end];
  struct pcie_replay *r = &tx->replay;
  if (!has_bad_bit(l, &r->tlp_gap, (uint64_t)bytes * 8))
    return false;
  wire_time arrival = tx->free + l->propagation;
  hd_counter_add(&tx->counts.corrupted, l->window, wire_floor(arrival), 1);
  hd_counter_add(&other->counts.naks, l->window, wire_floor(arrival), 1);
  pcie_tx_settle(l, 1 - end, wire_of(hd_now(&l->base)));
  pcie_tx_set_due(other, EXTRA_NAK, arrival);
  r->recovering = true;
  r->closed = false;
  if (pcie_replay_loses_dllp(l, 1 - end)) {
    r->resume = timer_end(l, end);
  } else {
    r->resume = pcie_tx_dllp_arrival(l, 1 - end, arrival);
    make_good(r, r->resume); /* a Nak acknowledges what came before */
  }
  start_timer(l, end, TIMER_RESUME, 0, r->resume);
  tlp->end |= TLP_RESENT;
  keep(l, end, tlp, bytes);
  return true;
}

/* Commits what was held, in order; may start the next recovery on the way. */
static void resume(struct pcie_link *l, int end)
{
  struct pcie_replay *r = &l->tx[end].replay;
  struct pcie_tlp_queue q = r->held;
  r->held = (struct pcie_tlp_queue){NULL, NULL};
  r->recovering = r->closed = false;
  while (q.first) {
    struct pcie_tlp *tlp = (struct pcie_tlp *)pcie_queue_take(&q);
    r->n_held--;
    if (tlp->end & TLP_RESENT)
      r->held_bytes -= pcie_wire_bytes(l->params, tlp);
    pcie_tx_commit(l, end, tlp);
  }
}

/* The replay timer ended for a batch whose Ack was lost: everything sent and
 * unacknowledged goes out again; the receiver discards it and sends an Ack. */
static void resend(struct pcie_link *l, int end, uint32_t index)
{
  struct pcie_tx *tx = &l->tx[end];
  struct pcie_replay *r = &tx->replay;
  wire_time now = wire_of(hd_now(&l->base));
  uint32_t bytes = 0, tlps = 0;
  pcie_tx_settle(l, end, now);
  drop(r, now);
  for (uint32_t i = r->head; i != r->tail && batch_at(r, i)->due <= now; i++) {
    bytes += batch_at(r, i)->bytes;
    tlps += batch_at(r, i)->tlps;
  }
  wire_time start = wire_max(now, tx->free);
  for (uint32_t i = 0; i < tlps; i++) /* TLP by TLP: `longest` stays true */
    pcie_tx_occupy(l, end, i ? tx->free : start,
                   i + 1 < tlps ? bytes / tlps : bytes - bytes / tlps * i);
  hd_counter_add(&tx->counts.replays, l->window, wire_floor(start), tlps);
  wire_time arrival = tx->free + l->propagation;
  pcie_tx_settle(l, 1 - end, now);
  pcie_tx_set_due(&l->tx[1 - end], EXTRA_NAK, arrival); /* in fact an Ack */
  if (pcie_replay_loses_dllp(l, 1 - end)) {
    start_timer(l, end, TIMER_ACK_LOST, index, timer_end(l, end));
    return;
  }
  make_good(r, pcie_tx_dllp_arrival(l, 1 - end, arrival));
  if (r->recovering && r->resume == WIRE_NEVER)
    resume(l, end);
}

void pcie_replay_timer(struct pcie_link *l, struct pcie_link_timer *t)
{
  int end = (int)t->end;
  struct pcie_replay *r = &l->tx[end].replay;
  if (t->msg.tag == TIMER_RESUME) {
    resume(l, end);
  } else if ((int32_t)(t->index - r->head) >= 0 &&
             batch_at(r, t->index)->freed > wire_of(hd_now(&l->base))) {
    resend(l, end, t->index);
  }
  hd_msg_free(&l->base, t);
}
