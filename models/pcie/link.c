/*
 * link.c - a link's life, wiring, messages and statistics.
 */
#include "models/pcie/link_internal.h"

#include <stdlib.h>

#include "sim/engine/rng.h"

/* ---- messages ----------------------------------------------------------- */

static inline int end_of_sender(const struct pcie_link *l,
                                const struct hd_msg *m)
{
  return m->order >> 40 == l->tx[0].component->id ? 0 : 1;
}

static void handle(struct hd_component *self, struct hd_msg *m)
{
  struct pcie_link *l = (struct pcie_link *)self;
  if (m->kind == MSG_TLP) {
    struct pcie_tlp *tlp = (struct pcie_tlp *)m;
    int end = end_of_sender(l, m);
    tlp->end = (uint8_t)end;
    if (tlp->flags & PCIE_UNCUT)
      pcie_flow_submit_uncut(l, end, tlp);
    else
      pcie_flow_submit(l, end, tlp);
  } else if (m->kind == MSG_CREDITS) {
    struct pcie_credit_msg *c = (struct pcie_credit_msg *)m;
    if (m->order >> 40 == self->id)
      pcie_flow_timer(l, c);
    else
      pcie_flow_credits(l, c);
  } else {
    HD_REQUIRE(self, m->kind == MSG_TIMER, "unexpected message %u", m->kind);
    pcie_replay_timer(l, (struct pcie_link_timer *)m);
  }
}

static const struct hd_component_ops ops = {.kind = "pcie_link",
                                            .handle = handle};

/* ---- life --------------------------------------------------------------- */

static void set_times(struct pcie_link *l)
{
  const struct pcie_params *p = l->params;
  l->byte = pcie_byte_time(p);
  l->propagation = wire_of(p->propagation);
  l->ack_interval = p->ack_interval * l->byte;
  l->fc_interval = p->fc_interval * l->byte;
  l->skip_interval = p->skip_interval * l->byte;
  l->periodic = p->dllp_mode == PCIE_DLLP_PERIODIC;
  l->period[EXTRA_SKIP] = l->skip_interval;
  if (l->periodic) {
    l->period[EXTRA_ACK] = l->ack_interval;
    l->period[EXTRA_FC] = l->fc_interval;
  }
  l->errors = p->bit_error_rate > 0;
}

struct pcie_link *pcie_link_create(struct hd_engine *e, const char *path,
                                   const char *host,
                                   const struct pcie_params *params,
                                   const struct hd_window *window)
{
  HD_REQUIRE(NULL, params->generation >= 1 && params->generation <= 5,
             "PCIe generation %lld", (long long)params->generation);
  struct pcie_link *l = calloc(1, sizeof *l);
  HD_REQUIRE(NULL, l != NULL, "out of memory for %s", path);
  hd_component_initialize(&l->base, e, &ops, path, host);
  l->params = params;
  l->window = window;
  set_times(l);
  l->rng = hd_rng_new(hd_engine_seed(e), path, "bit errors");
  for (int end = 0; end < 2; end++) {
    pcie_tx_initialize(l, end);
    pcie_flow_initialize(l, end);
    pcie_replay_initialize(l, end);
  }
  return l;
}

void pcie_link_destroy(struct pcie_link *l)
{
  for (int end = 0; end < 2; end++)
    pcie_replay_terminate(l, end);
  gsl_rng_free(l->rng);
  free(l);
}

struct hd_component *pcie_link_component(struct pcie_link *l)
{
  return &l->base;
}

struct hd_channel *pcie_link_connect(struct pcie_link *l, int end,
                                     struct hd_component *c, hd_time latency)
{
  HD_REQUIRE(NULL, end == PCIE_UPSTREAM_END || end == PCIE_DOWNSTREAM_END,
             "link %s has no end %d", l->base.path, end);
  HD_REQUIRE(
      NULL, l->tx[end].component == NULL && l->tx[1 - end].component != c,
      "link %s: end %d cannot be connected to %s", l->base.path, end, c->path);
  l->tx[end].component = c;
  l->tx[end].notify = hd_channel_open(&l->base, c, PCIE_SENT_LATENCY);
  l->tx[1 - end].deliver = hd_channel_open(&l->base, c, l->params->propagation);
  l->tx[end].to_link = hd_channel_open(c, &l->base, latency);
  return l->tx[end].to_link;
}

void pcie_link_take_uncut(struct pcie_link *l, int end)
{
  l->tx[1 - end].uncut = true;
}

void pcie_link_decode_posted(struct pcie_link *l, int end, hd_time latency)
{
  struct pcie_tx *tx = &l->tx[1 - end];
  HD_REQUIRE(NULL, l->tx[end].to_link != NULL, "link %s: nobody at end %d",
             l->base.path, end);
  tx->decoding = true;
  tx->decode_latency = latency;
  pcie_receiver_initialize(&tx->decoder, l->params, l->tx[end].to_link, end);
}

/* ---- statistics --------------------------------------------------------- */

static hd_time measured_until(const struct pcie_link *l)
{
  struct hd_engine_report report;
  hd_engine_get_report(l->base.engine, &report);
  return report.end != HD_TIME_NEVER ? report.end : hd_now(&l->base);
}

void pcie_link_get_stats(const struct pcie_link *l, struct pcie_link_stats *s)
{
  *s = (struct pcie_link_stats){0};
  hd_time now = measured_until(l);
  struct pcie_link copy = *l; /* in which what is due so far is charged */
  for (int end = 0; end < 2; end++) {
    pcie_tx_settle(&copy, end, wire_of(now));
    const struct pcie_counts *c = &copy.tx[end].counts;
    s->utilization[end] = hd_busy_utilization(&c->busy, l->window, now);
    s->tlps[end] = c->tlps.count;
    s->bytes[end] = c->bytes.count;
    s->payload[end] = c->payload.count;
    s->dllps[end] = c->dllps.count;
    s->replays[end] = c->replays.count;
    s->naks[end] = c->naks.count;
    s->corrupted[end] = c->corrupted.count;
    s->lost_dllps[end] = c->lost_dllps.count;
    for (int k = 0; k < PCIE_CLASSES; k++)
      s->credit_stall[end][k] = c->stall[k];
  }
}

void pcie_link_credits(const struct pcie_link *l, int end, enum pcie_class c,
                       int64_t *headers, int64_t *data)
{
  *headers = l->tx[end].flow.headers[c];
  *data = l->tx[end].flow.data[c];
}

static const char *check_flow(const struct pcie_flow *f)
{
  for (int c = 0; c < PCIE_CLASSES; c++) {
    if (f->headers[c] < 0 || f->headers[c] > f->limit_h[c])
      return "header credits out of range";
    if (f->data[c] < 0 || f->data[c] > f->limit_d[c])
      return "data credits out of range";
  }
  return NULL;
}

static const char *check_replay(const struct pcie_link *l, int end)
{
  const struct pcie_replay *r = &l->tx[end].replay;
  int64_t bytes = 0, held = 0;
  for (uint32_t i = r->head; i != r->tail; i++)
    bytes += r->ring[i & (r->capacity - 1)].bytes;
  for (const struct hd_msg *m = r->held.first; m; m = m->next) {
    const struct pcie_tlp *t = (const struct pcie_tlp *)m;
    held += t->end & TLP_RESENT ? pcie_wire_bytes(l->params, t) : 0;
  }
  if (bytes != r->bytes || held != r->held_bytes)
    return "replay buffer does not balance";
  return NULL;
}

const char *pcie_link_check(const struct pcie_link *l)
{
  for (int end = 0; end < 2; end++) {
    const struct pcie_tx *tx = &l->tx[end];
    const char *problem = check_flow(&tx->flow);
    if (!problem)
      problem = check_replay(l, end);
    if (problem)
      return problem;
    if (tx->accepted != tx->delivered + tx->flow.n_waiting + tx->replay.n_held)
      return "TLPs lost or duplicated in the link";
  }
  return NULL;
}
