/*
 * link_tx.c - a transmitter: serialisation, DLLPs and SKIP ordered sets.
 */
#include "models/pcie/link_internal.h"

/* Acks are by far the most: what changes seldom is kept as one. */
static inline void refresh_next_due(struct pcie_tx *tx, int changed)
{
  if (changed >= EXTRA_SELDOM) {
    tx->seldom_due = WIRE_NEVER;
    for (int i = EXTRA_SELDOM; i < EXTRA_COUNT; i++)
      tx->seldom_due = wire_min(tx->seldom_due, tx->due[i]);
  }
  wire_time often = wire_min(tx->due[EXTRA_SKIP], tx->due[EXTRA_ACK]);
  tx->next_due = wire_min(often, tx->seldom_due);
}

void pcie_tx_initialize(struct pcie_link *l, int end)
{
  struct pcie_tx *tx = &l->tx[end];
  for (int i = 0; i < EXTRA_COUNT; i++)
    tx->due[i] = WIRE_NEVER;
  for (int i = 0; i < EXTRA_COUNT; i++)
    if (l->period[i])
      tx->due[i] = l->period[i];
  refresh_next_due(tx, EXTRA_SELDOM);
}

void pcie_tx_set_due(struct pcie_tx *tx, int extra, wire_time due)
{
  tx->due[extra] = due;
  refresh_next_due(tx, extra);
}

/* Sends the earliest of what is due. */
static void charge(struct pcie_link *l, int end)
{
  struct pcie_tx *tx = &l->tx[end];
  int i = 0;
  while (tx->due[i] != tx->next_due)
    i++;
  wire_time from = wire_max(tx->free, tx->due[i]);
  wire_time cost = (i == EXTRA_SKIP ? SKIP_BYTES : DLLP_BYTES) * l->byte;
  tx->free = from + cost;
  if (i != EXTRA_SKIP) {
    hd_counter_add(&tx->counts.dllps, l->window, wire_floor(from), 1);
    hd_busy_add(&tx->counts.busy, l->window, wire_floor(from),
                wire_floor(tx->free));
  }
  if (l->period[i])
    tx->due[i] += l->period[i];
  else
    tx->due[i] = i == EXTRA_ACK ? pcie_replay_next_ack(l, end) : WIRE_NEVER;
  refresh_next_due(tx, i);
}

/* After a long idle time: what was due periodically found an idle wire. Leaves
 * the last few periods to charge(). */
static void skip_idle(struct pcie_link *l, int end, wire_time until)
{
  struct pcie_tx *tx = &l->tx[end];
  for (int i = 0; i < EXTRA_COUNT; i++) {
    wire_time period = l->period[i];
    if (period == 0 || tx->due[i] >= until)
      continue;
    wire_time n = (until - tx->due[i]) / period;
    wire_time next = tx->due[i] + n * period;
    if (i != EXTRA_SKIP) {
      hd_time seen = hd_window_overlap(l->window, wire_floor(tx->due[i]),
                                       wire_floor(next));
      uint64_t sent = (uint64_t)(wire_of(seen) / period);
      tx->counts.dllps.count += sent;
      tx->counts.busy.busy +=
          wire_floor((wire_time)sent * DLLP_BYTES * l->byte);
    }
    tx->due[i] = next;
  }
  refresh_next_due(tx, EXTRA_SELDOM);
}

void pcie_tx_settle(struct pcie_link *l, int end, wire_time now)
{
  struct pcie_tx *tx = &l->tx[end];
  if (tx->next_due > now && tx->next_due > tx->free)
    return;
  const wire_time tail =
      4 * (l->skip_interval + l->ack_interval + l->fc_interval);
  if (now - tx->free > 2 * tail)
    skip_idle(l, end, now - tail);
  while (tx->next_due <= wire_max(now, tx->free))
    charge(l, end);
}

void pcie_tx_occupy(struct pcie_link *l, int end, wire_time start,
                    uint32_t bytes)
{
  struct pcie_tx *tx = &l->tx[end];
  wire_time span = bytes * l->byte;
  tx->free = start + span;
  tx->longest = wire_max(tx->longest, span);
  hd_busy_add(&tx->counts.busy, l->window, wire_floor(start),
              wire_floor(tx->free));
}

wire_time pcie_tx_dllp_arrival(const struct pcie_link *l, int end,
                               wire_time due)
{
  const struct pcie_tx *tx = &l->tx[end];
  wire_time wait = wire_min(wire_max(tx->free - due, 0), tx->longest);
  return due + wait + DLLP_BYTES * l->byte + l->propagation;
}

void pcie_tx_notify(struct pcie_link *l, int end, const struct pcie_tlp *tlp)
{
  struct pcie_tlp *note = hd_msg_new(&l->base, MSG_TLP_SENT);
  struct hd_msg header = note->msg;
  *note = *tlp;
  note->msg = header;
  note->end = (uint8_t)end;
  hd_send_at(l->tx[end].notify, wire_ceil(l->tx[end].free) + PCIE_SENT_LATENCY,
             note);
}

/* The TLP committed last has been delivered, or will be: at what time. */
static hd_time delivery(struct pcie_link *l, int end,
                        const struct pcie_tlp *tlp, uint32_t bytes)
{
  struct pcie_tx *tx = &l->tx[end];
  hd_time arrival = wire_ceil(tx->free + l->propagation);
  if (hd_window_contains(l->window, arrival)) {
    tx->counts.tlps.count++;
    tx->counts.bytes.count += bytes;
    tx->counts.payload.count += pcie_payload(tlp);
  }
  tx->delivered++;
  return arrival;
}

static void deliver(struct pcie_link *l, int end, struct pcie_tlp *tlp,
                    hd_time arrival)
{
  struct pcie_tx *tx = &l->tx[end];
  tlp->end = (uint8_t)end;
  if (tx->decoding && pcie_class_of(tlp) == PCIE_POSTED) {
    pcie_flow_decoding(l, end, tlp, arrival);
    arrival += tx->decode_latency;
  }
  hd_send_at(tx->deliver, arrival, tlp);
}

/* Start on the wire when the replay buffer has room at `room`. */
static wire_time start_in_room(struct pcie_link *l, int end, wire_time start,
                               wire_time room)
{
  if (room <= start)
    return start;
  pcie_tx_settle(l, end, room);
  return wire_max(room, l->tx[end].free);
}

void pcie_tx_commit(struct pcie_link *l, int end, struct pcie_tlp *tlp)
{
  struct pcie_tx *tx = &l->tx[end];
  uint32_t bytes = pcie_wire_bytes(l->params, tlp);
  wire_time now = wire_of(hd_now(&l->base));
  pcie_tx_settle(l, end, now);
  wire_time start = wire_max(now, tx->free);
  if (!tx->replay.recovering) {
    wire_time room = pcie_replay_admit(l, end, start, bytes);
    if (room == WIRE_NEVER)
      pcie_replay_wait(l, end);
    else
      start = start_in_room(l, end, start, room);
  }
  if (tx->replay.recovering) {
    pcie_replay_hold(l, end, tlp, start, bytes);
    return;
  }
  pcie_tx_occupy(l, end, start, bytes);
  if (tlp->end & TLP_RESENT)
    hd_counter_add(&tx->counts.replays, l->window, wire_floor(start), 1);
  else if (tlp->flags & PCIE_NOTIFY_SENT)
    pcie_tx_notify(l, end, tlp);
  if (l->errors && pcie_replay_corrupts(l, end, tlp, bytes))
    return;
  pcie_replay_owe(l, end, tx->free + l->propagation, bytes);
  deliver(l, end, tlp, delivery(l, end, tlp, bytes));
}

void pcie_tx_commit_uncut(struct pcie_link *l, int end, struct pcie_tlp *tlp)
{
  struct pcie_tx *tx = &l->tx[end];
  wire_time now = wire_of(hd_now(&l->base));
  uint32_t all = tlp->length;
  hd_time arrival = 0;
  for (uint32_t done = 0; done < all; done += tlp->length) {
    tlp->length =
        pcie_completion_length(l->params, tlp->address + done, all - done);
    uint32_t bytes = pcie_wire_bytes(l->params, tlp);
    pcie_tx_settle(l, end, now);
    wire_time start = wire_max(now, tx->free);
    wire_time room = pcie_replay_admit(l, end, start, bytes);
    pcie_tx_occupy(l, end, start_in_room(l, end, start, room), bytes);
    pcie_replay_owe(l, end, tx->free + l->propagation, bytes);
    tx->accepted++;
    arrival = delivery(l, end, tlp, bytes);
  }
  tlp->length = all;
  deliver(l, end, tlp, arrival);
}
