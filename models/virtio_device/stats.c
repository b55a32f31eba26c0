/*
 * stats.c - results, and what must balance.
 */
#include "models/virtio_device/internal.h"

static hd_time end_of(const struct virtio_device *n)
{
  struct hd_engine_report r;
  hd_engine_get_report(n->base.engine, &r);
  return r.end != HD_TIME_NEVER ? r.end : hd_now(&n->base);
}

void virtio_device_get_function_stats(const struct virtio_device *n,
                                      uint32_t index,
                                      struct virtio_function_stats *s)
{
  const struct virtio_hw_function *f =
      index < n->n_functions ? n->functions[index] : NULL;
  *s = f != NULL ? f->stats : (struct virtio_function_stats){0};
}

const struct pcie_requester *
virtio_device_requester(const struct virtio_device *n)
{
  return n->endpoint.requester;
}

void virtio_device_get_stats(const struct virtio_device *n,
                             struct virtio_device_stats *s)
{
  hd_time end = end_of(n);
  struct pcie_requester_stats r;
  pcie_requester_get_stats(n->endpoint.requester, &r);
  *s = n->counts;
  s->chains_mean = hd_gauge_mean(&n->chains, n->window, end);
  s->tx_buffer_mean = hd_gauge_mean(&n->tx_fill, n->window, end);
  s->requests_mean = hd_gauge_mean(&n->requests_inside, n->window, end);
  s->pipeline_utilization =
      hd_busy_utilization(&n->pipeline_busy, n->window, end);
  s->controller_utilization =
      hd_busy_utilization(&n->drive_busy, n->window, end);
  s->tags_mean = r.tags_mean;
  s->read_requests = r.requests;
  s->read_latency_sum = r.request_latency_sum;
  if (n->store != NULL)
    store_get_stats(n->store, &s->store, end);
}

uint64_t virtio_device_packets_inside(const struct virtio_device *n)
{
  const struct virtio_hw_totals *t = &n->totals;
  if (n->kind == VIRTIO_BLK)
    return 0;
  return t->fetched - t->put_back - t->sent - t->faulted + t->arrived -
         t->delivered - t->dropped;
}

uint64_t virtio_device_packets_delivered(const struct virtio_device *n)
{
  return n->totals.delivered;
}

uint64_t virtio_device_requests_inside(const struct virtio_device *n)
{
  const struct virtio_hw_totals *t = &n->totals;
  return n->kind == VIRTIO_BLK ? t->fetched - t->put_back - t->finished : 0;
}

const struct store *virtio_device_store(const struct virtio_device *n)
{
  return n->store;
}

/* ---- checks -------------------------------------------------------------- */

static const char *check_queue(const struct virtio_hw_queue *q)
{
  uint32_t ready = 0;
  for (const struct virtio_hw_work *w = q->ready.first; w != NULL; w = w->next)
    ready++;
  if (ready != q->ready.count)
    return "virtio device: ready chains do not balance";
  if (!q->failed && q->live &&
      q->side.in_flight != q->ready.count + q->inside + q->pushed)
    return "virtio device: chains popped are neither ready, inside nor done";
  if (!q->failed && q->live &&
      q->announced - q->popped != virtq_device_available(&q->side))
    return "virtio device: entries announced are neither popped nor available";
  if (!q->rx && (q->turn.next != NULL) != (q->ready.count > 0))
    return "virtio device: a queue is in the round without chains, or not with";
  if (q->suspended && (q->inside > 0 || q->pushed > 0 || ready > 0))
    return "virtio device: a suspended queue is not at rest";
  return NULL;
}

struct held {
  int64_t chains;   /* transmit, block: ready or inside */
  uint64_t packets; /* received: waiting, or not told */
};

static const char *check_queues(const struct virtio_device *n, struct held *h)
{
  for (const struct virtio_hw_function *f = n->all; f != NULL; f = f->older)
    for (uint16_t i = 0; i < f->config.n_queues; i++) {
      const struct virtio_hw_queue *q = &f->queue[i];
      const char *fault = check_queue(q);
      if (fault != NULL)
        return fault;
      h->chains += q->rx ? 0 : (int64_t)q->ready.count + q->inside;
      h->packets += q->n_waiting;
      for (const struct packet *p = q->done; p != NULL; p = p->next)
        h->packets++;
    }
  return NULL;
}

static const char *check_packets(const struct virtio_device *n,
                                 const struct held *h)
{
  const struct virtio_hw_totals *t = &n->totals;
  uint64_t reading = 0;
  int64_t read_bytes = 0;
  for (const struct virtio_hw_work *w = n->frames; w != NULL; w = w->next) {
    reading++;
    read_bytes += w->packet->frame;
  }
  if (n->tx_buffered < read_bytes ||
      (n->sending == 0 && n->tx_buffered != read_bytes) ||
      n->tx_buffered != n->tx_fill.value)
    return "virtio device: transmit buffer does not balance";
  if (n->rx_buffered < 0 || h->packets > t->arrived - t->delivered - t->dropped)
    return "virtio device: receive buffer does not balance";
  uint64_t ready =
      t->fetched - t->put_back - t->sent - t->faulted - n->sending - reading;
  for (const struct virtio_hw_function *f = n->all; f != NULL; f = f->older)
    for (uint16_t i = 1; i < f->served; i = (uint16_t)(i + 2))
      ready -= f->queue[i].ready.count;
  return ready == 0 ? NULL : "virtio device: packets fetched are lost";
}

static const char *check_requests(const struct virtio_device *n)
{
  uint64_t pushed = 0;
  for (const struct virtio_hw_function *f = n->all; f != NULL; f = f->older)
    for (uint16_t i = 0; i < f->served; i++)
      pushed += f->queue[i].pushed;
  if (virtio_device_requests_inside(n) != (uint64_t)n->totals.chains + pushed)
    return "virtio device: requests fetched are neither inside nor told";
  if (n->requests != n->requests_inside.value)
    return "virtio device: requests differ from their gauge";
  return store_check(n->store);
}

const char *virtio_device_check(const struct virtio_device *n)
{
  struct held held = {0};
  const char *fault = pcie_requester_check(n->endpoint.requester);
  if (fault == NULL)
    fault = check_queues(n, &held);
  if (fault == NULL &&
      (held.chains > n->totals.chains || n->totals.chains != n->chains.value))
    fault = "virtio device: chains differ from their gauge";
  if (fault == NULL && n->kind == VIRTIO_NET)
    fault = check_packets(n, &held);
  if (fault == NULL && n->kind == VIRTIO_BLK)
    fault = check_requests(n);
  return fault;
}
