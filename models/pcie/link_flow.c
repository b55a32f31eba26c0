/*
 * link_flow.c - flow control (PCIe 2.6): credits, waiting TLPs, UpdateFCs, and
 * the transaction ordering rules that blocked TLPs obey (2.4.1).
 */
#include "models/pcie/link_internal.h"

/* Resend interval of UpdateFCs: a lost one is made good after this (2.6.1.2:
 * 30 us, -0 % / +50 %). */
#define FC_RESEND (30 * HD_US)

void pcie_flow_initialize(struct pcie_link *l, int end)
{
  struct pcie_flow *f = &l->tx[end].flow;
  for (int c = 0; c < PCIE_CLASSES; c++) {
    f->headers[c] = f->limit_h[c] = pcie_header_limit(l->params, c);
    f->data[c] = f->limit_d[c] = pcie_data_limit(l->params, c);
  }
  f->last_update = -l->fc_interval;
}

/* ---- transmitter's side ---------------------------------------------- */

static inline bool affordable(const struct pcie_flow *f, enum pcie_class c,
                              uint32_t need)
{
  return (f->headers[c] >= 1 || f->limit_h[c] == 0) &&
         (f->data[c] >= need || f->limit_d[c] == 0);
}

static inline void consume(struct pcie_flow *f, enum pcie_class c,
                           uint32_t need)
{
  f->headers[c] -= f->limit_h[c] != 0;
  f->data[c] -= f->limit_d[c] != 0 ? need : 0;
}

/* Both came from one sender, so the engine's order is that of arrival. */
static bool earlier(const struct hd_msg *a, const struct hd_msg *b)
{
  return a->when != b->when ? a->when < b->when : a->order < b->order;
}

/* May this TLP go, seeing what waits? PCIe 2.4.1, table 2-41: nothing passes
 * an earlier posted request, except completions with relaxed ordering; posted
 * requests pass non-posted ones and completions, completions and non-posted
 * requests pass each other. Within a class the order stays. */
static bool may_go(const struct pcie_flow *f, const struct pcie_tlp *t)
{
  enum pcie_class c = pcie_class_of(t);
  const struct hd_msg *posted = f->waiting[PCIE_POSTED].first;
  if (c != PCIE_POSTED && posted && earlier(posted, &t->msg) &&
      !(c == PCIE_COMPLETION && (t->flags & PCIE_RELAXED)))
    return false;
  return affordable(f, c, pcie_data_credits(t));
}

static struct pcie_tlp *next_to_go(struct pcie_flow *f)
{
  struct hd_msg *best = NULL;
  for (int c = 0; c < PCIE_CLASSES; c++) {
    struct hd_msg *m = f->waiting[c].first;
    if (m && may_go(f, (struct pcie_tlp *)m) && (!best || earlier(m, best)))
      best = m;
  }
  return (struct pcie_tlp *)best;
}

/* Sends what can go, oldest first. */
static void pump(struct pcie_link *l, int end)
{
  struct pcie_tx *tx = &l->tx[end];
  struct pcie_flow *f = &tx->flow;
  hd_time now = hd_now(&l->base);
  for (struct pcie_tlp *t; f->n_waiting && (t = next_to_go(f));) {
    enum pcie_class c = pcie_class_of(t);
    pcie_queue_take(&f->waiting[c]);
    f->n_waiting--;
    consume(f, c, pcie_data_credits(t));
    hd_time from = hd_time_max(t->msg.when, wire_ceil(tx->free));
    tx->counts.stall[c] += hd_window_overlap(l->window, from, now);
    pcie_tx_commit(l, end, t);
  }
}

void pcie_flow_submit(struct pcie_link *l, int end, struct pcie_tlp *tlp)
{
  struct pcie_flow *f = &l->tx[end].flow;
  enum pcie_class c = pcie_class_of(tlp);
  uint32_t need = pcie_data_credits(tlp);
  l->tx[end].accepted++;
  if (f->n_waiting == 0 && affordable(f, c, need)) {
    consume(f, c, need);
    pcie_tx_commit(l, end, tlp);
    return;
  }
  pcie_queue_put(&f->waiting[c], &tlp->msg);
  f->n_waiting++;
  pump(l, end);
}

/* Submits the completions one by one; the message becomes the last of them. */
static void submit_cut(struct pcie_link *l, int end, struct pcie_tlp *tlp)
{
  uint64_t address = tlp->address;
  uint32_t left = tlp->length;
  for (;;) {
    uint32_t n = pcie_completion_length(l->params, address, left);
    bool last = n == left;
    struct pcie_tlp *c = tlp;
    if (!last) {
      c = hd_msg_new(&l->base, MSG_TLP);
      *c = *tlp; /* header, too: its place in the order of arrival */
      c->flags &= (uint8_t)~PCIE_LAST;
    }
    c->address = address;
    c->length = n;
    c->remaining = left -= n;
    pcie_flow_submit(l, end, c);
    if (last)
      return;
    address += n;
  }
}

void pcie_flow_submit_uncut(struct pcie_link *l, int end, struct pcie_tlp *tlp)
{
  const struct pcie_tx *tx = &l->tx[end];
  const struct pcie_flow *f = &tx->flow;
  tlp->flags &= (uint8_t)~PCIE_UNCUT;
  if (tx->uncut && !l->errors && f->n_waiting == 0 &&
      f->limit_h[PCIE_COMPLETION] == 0 && f->limit_d[PCIE_COMPLETION] == 0)
    pcie_tx_commit_uncut(l, end, tlp);
  else
    submit_cut(l, end, tlp);
}

static void grant(struct pcie_link *l, int end, const struct pcie_credit_msg *m)
{
  struct pcie_flow *f = &l->tx[end].flow;
  int c = m->class;
  f->headers[c] += f->limit_h[c] ? m->headers : 0;
  f->data[c] += f->limit_d[c] ? m->data : 0;
  HD_REQUIRE(&l->base,
             f->headers[c] <= f->limit_h[c] && f->data[c] <= f->limit_d[c],
             "more credits returned than were used, class %d", c);
  pump(l, end);
}

/* ---- receiver's side: UpdateFCs --------------------------------------- */

/* When the UpdateFC may start: at most one per interval. */
static wire_time update_due(struct pcie_link *l, int end, wire_time now)
{
  struct pcie_flow *f = &l->tx[end].flow;
  if (l->periodic) /* at the next tick */
    return (now + l->fc_interval - 1) / l->fc_interval * l->fc_interval;
  f->last_update = wire_max(now, f->last_update + l->fc_interval);
  return f->last_update;
}

/* An UpdateFC carries totals, so that the next one makes good a lost one; if
 * there is none, the resend timer does. */
static void lose(struct pcie_link *l, int end, struct pcie_credit_msg *m)
{
  struct pcie_flow *f = &l->tx[end].flow;
  int c = m->class;
  f->lost_h[c] += m->headers;
  f->lost_d[c] += m->data;
  if (f->lost[c]) {
    hd_msg_free(&l->base, m);
    return;
  }
  f->lost[c] = true;
  m->headers = m->data = 0;
  m->msg.tag = TIMER_FC_LOST;
  hd_schedule(&l->base, FC_RESEND, m);
}

static void take_lost(struct pcie_flow *f, struct pcie_credit_msg *m)
{
  int c = m->class;
  m->headers += f->lost_h[c];
  m->data += f->lost_d[c];
  f->lost_h[c] = f->lost_d[c] = 0;
}

static void send_update(struct pcie_link *l, int end, struct pcie_credit_msg *m)
{
  struct pcie_tx *tx = &l->tx[end];
  struct pcie_flow *f = &tx->flow;
  int c = m->class;
  wire_time now = wire_of(hd_now(&l->base));
  pcie_tx_settle(l, end, now);
  if (f->pending[c] && f->pending_due[c] > now) {
    f->pending[c]->headers += m->headers;
    f->pending[c]->data += m->data;
    hd_msg_free(&l->base, m);
    return;
  }
  wire_time due = update_due(l, end, now);
  hd_time arrival = wire_ceil(pcie_tx_dllp_arrival(l, end, due));
  if (!l->periodic)
    pcie_tx_set_due(tx, EXTRA_FC + c, due);
  if (l->errors && pcie_replay_loses_dllp(l, end)) {
    lose(l, end, m);
    return;
  }
  take_lost(f, m);
  f->pending[c] = m;
  f->pending_due[c] = due;
  m->msg.tag = TIMER_FC;
  hd_schedule(&l->base, arrival - hd_now(&l->base), m);
}

void pcie_flow_credits(struct pcie_link *l, struct pcie_credit_msg *m)
{
  HD_REQUIRE(&l->base, m->end < 2 && m->class < PCIE_CLASSES,
             "bad credit message: end %d, class %d", m->end, m->class);
  send_update(l, m->end, m);
}

/* The UpdateFC has reached the other end, a lost one is sent again, or credits
 * that the link itself has freed have come back. */
void pcie_flow_timer(struct pcie_link *l, struct pcie_credit_msg *m)
{
  int end = m->end, c = m->class;
  struct pcie_flow *f = &l->tx[end].flow;
  if (m->msg.tag == TIMER_FC_FREED) {
    send_update(l, end, m);
    return;
  }
  if (m->msg.tag == TIMER_FC_LOST) {
    f->lost[c] = false;
    take_lost(f, m);
    if (m->headers + m->data)
      send_update(l, end, m);
    else
      hd_msg_free(&l->base, m);
    return;
  }
  if (f->pending[c] == m)
    f->pending[c] = NULL;
  grant(l, 1 - end, m);
  hd_msg_free(&l->base, m);
}

/* ---- receivers --------------------------------------------------------- */

/* Largest number of credits that may be withheld: a quarter, but so that the
 * largest TLP (`need` credits) can still be sent; 0: infinite. */
static uint32_t threshold(uint32_t limit, uint32_t need)
{
  if (limit == 0)
    return 0;
  uint32_t quarter = limit / 4, most = limit - need + 1;
  uint32_t t = quarter < most ? quarter : most;
  return t > 0 ? t : 1;
}

void pcie_receiver_initialize(struct pcie_receiver *r,
                              const struct pcie_params *params,
                              struct hd_channel *to_link, int end)
{
  *r = (struct pcie_receiver){.to_link = to_link, .end = end};
  uint32_t largest = (uint32_t)params->mps / 16;
  for (int c = 0; c < PCIE_CLASSES; c++) {
    uint32_t need = c == PCIE_NON_POSTED ? 1 : largest;
    r->threshold_h[c] = threshold(pcie_header_limit(params, c), 1);
    r->threshold_d[c] = threshold(pcie_data_limit(params, c), need);
  }
}

/* Adds the TLP's credits; returns the message when they are to go out. */
static struct pcie_credit_msg *freed(struct pcie_receiver *r,
                                     const struct pcie_tlp *tlp)
{
  enum pcie_class c = pcie_class_of(tlp);
  const uint32_t most_h = r->threshold_h[c], most_d = r->threshold_d[c];
  r->headers[c] += most_h != 0;
  r->data[c] += most_d != 0 ? pcie_data_credits(tlp) : 0;
  if (!(most_h && r->headers[c] >= most_h) && !(most_d && r->data[c] >= most_d))
    return NULL;
  struct pcie_credit_msg *m = hd_msg_new(r->to_link->from, MSG_CREDITS);
  m->class = (uint8_t)c;
  m->end = (uint8_t)r->end;
  m->headers = r->headers[c];
  m->data = r->data[c];
  r->headers[c] = r->data[c] = 0;
  return m;
}

void pcie_receiver_free(struct pcie_receiver *r, const struct pcie_tlp *tlp)
{
  struct pcie_credit_msg *m = freed(r, tlp);
  if (m)
    hd_send(r->to_link, r->to_link->latency, m);
}

void pcie_flow_decoding(struct pcie_link *l, int end,
                        const struct pcie_tlp *tlp, hd_time arrival)
{
  struct pcie_receiver *r = &l->tx[end].decoder;
  struct pcie_credit_msg *m = freed(r, tlp);
  if (!m)
    return;
  m->msg.tag = TIMER_FC_FREED;
  hd_schedule(&l->base, arrival + r->to_link->latency - hd_now(&l->base), m);
}
