/*
 * stats.c - results, and what must balance.
 */
#include "models/nic/internal.h"

static hd_time end_of(const struct nic *n)
{
  struct hd_engine_report r;
  hd_engine_get_report(n->base.engine, &r);
  return r.end != HD_TIME_NEVER ? r.end : hd_now(&n->base);
}

void nic_get_interface_stats(const struct nic *n, uint32_t index,
                             struct nic_interface_stats *s)
{
  const struct nic_function *f =
      index < n->n_functions ? n->functions[index] : NULL;
  *s = f != NULL ? f->stats : (struct nic_interface_stats){0};
}

const struct pcie_requester *nic_requester(const struct nic *n)
{
  return n->endpoint.requester;
}

void nic_get_stats(const struct nic *n, struct nic_stats *s)
{
  hd_time end = end_of(n);
  struct pcie_requester_stats r;
  pcie_requester_get_stats(n->endpoint.requester, &r);
  *s = n->counts;
  s->tx_buffer_mean = hd_gauge_mean(&n->tx_buffer, n->window, end);
  s->pipeline_utilization =
      hd_busy_utilization(&n->pipeline_busy, n->window, end);
  s->queue_length_mean = hd_gauge_mean(&n->queue_length, n->window, end);
  s->tags_mean = r.tags_mean;
  s->read_requests = r.requests;
  s->read_latency_sum = r.request_latency_sum;
  s->bridge_utilization = hd_busy_utilization(&n->bridge.busy, n->window, end);
}

uint64_t nic_packets_inside(const struct nic *n)
{
  const struct nic_totals *t = &n->totals;
  return t->taken - t->sent - t->faulted + t->bridged - t->turned + t->arrived -
         t->delivered - t->dropped;
}

uint64_t nic_packets_delivered(const struct nic *n)
{
  return n->totals.delivered;
}

/* ---- checks
 * ---------------------------------------------------------------------- */

static bool chain_holds(const struct nic_queue *q)
{
  return q->announced >= q->requested && q->requested >= q->arrived &&
         q->arrived >= q->used && q->used >= q->completed &&
         q->completed >= q->written &&
         q->announced - q->completed < q->ring->size &&
         q->pending == (q->completed > q->written);
}

static uint64_t in_flight(const struct nic_queue *q)
{
  uint64_t count = 0;
  for (const struct nic_frame *f = q->flight; f != NULL; f = f->queue_next)
    count += !f->partial;
  return count;
}

static const char *check_queues(const struct nic *n)
{
  int64_t length = 0;
  for (const struct nic_function *f = n->all; f != NULL; f = f->older) {
    for (uint16_t i = 0; i < f->config.queue_pairs; i++) {
      const struct nic_queue *tx = &f->tx[i], *rx = &f->rx[i];
      if (!chain_holds(tx) || !chain_holds(rx))
        return "nic: a queue's counters are out of order";
      if (in_flight(tx) != tx->used - tx->completed ||
          rx->used != rx->completed)
        return "nic: descriptors taken are neither in flight nor completed";
      length += (int64_t)(tx->announced - tx->completed);
    }
  }
  if (length != n->totals.queue_length || length != n->queue_length.value)
    return "nic: packets announced are neither completed nor queued";
  return NULL;
}

static uint64_t received_inside(const struct nic *n)
{
  uint64_t count = 0;
  for (const struct nic_function *f = n->all; f != NULL; f = f->older)
    for (uint16_t i = 0; i < f->config.queue_pairs; i++) {
      count += f->rx[i].n_waiting;
      for (const struct packet *p = f->rx[i].done; p != NULL;
           p = p == f->rx[i].done_end ? NULL : p->next)
        count++;
    }
  return count;
}

static const char *check_buffers(const struct nic *n)
{
  const struct nic_totals *t = &n->totals;
  uint64_t sending = 0, reading = 0;
  int64_t buffered = 0;
  for (unsigned i = 0; i < NIC_PORTS; i++) {
    for (const struct nic_frame *f = n->ports[i].flight; f; f = f->port_next)
      reading++;
    sending += n->ports[i].sending;
    buffered += n->ports[i].buffered;
    if (n->ports[i].buffered < 0 || (reading + sending == 0 && buffered != 0))
      return "nic: transmit buffer does not balance";
  }
  if (reading + sending != t->taken - t->sent - t->faulted)
    return "nic: packets taken are neither sent, lost nor in flight";
  if (buffered != n->tx_buffer.value)
    return "nic: transmit buffer differs from its gauge";
  if (t->turned > t->bridged || t->bridged > t->sent || t->turned > t->arrived)
    return "nic: packets bridged are neither sent nor received";
  if (n->rx_buffered < 0)
    return "nic: receive buffer does not balance";
  if (received_inside(n) > t->arrived - t->delivered - t->dropped)
    return "nic: packets received are neither delivered, dropped nor inside";
  if (received_inside(n) == 0 && n->frames.live == reading &&
      n->rx_buffered != 0 && t->arrived == t->delivered + t->dropped)
    return "nic: receive buffer is not empty though nothing is inside";
  return NULL;
}

const char *nic_check(const struct nic *n)
{
  const char *fault = pcie_requester_check(n->endpoint.requester);
  if (fault == NULL)
    fault = check_queues(n);
  if (fault == NULL)
    fault = check_buffers(n);
  return fault;
}
