/*
 * rx.c - receive: a frame takes packet buffer and a pipeline slot, is steered
 * to its guest's interface and queue, takes a descriptor (waiting in the buffer
 * if the ring has some that are not here yet), and is written to the guest.
 */
#include "models/nic/internal.h"

/* ---- drops ------------------------------------------------------------------
 */

static uint64_t *drop_counter(struct nic *n, enum nic_drop reason)
{
  switch (reason) {
  case NIC_DROP_BUFFER:
    return &n->counts.rx_no_buffer;
  case NIC_DROP_DESCRIPTORS:
    return &n->counts.rx_no_descriptor;
  case NIC_DROP_OVERSIZE:
    return &n->counts.rx_oversize;
  case NIC_DROP_FAULT:
    return &n->counts.rx_faulted;
  default:
    return &n->counts.rx_unrouted;
  }
}

void nic_drop_received(struct nic *n, struct nic_function *f, struct packet *p,
                       enum nic_drop reason)
{
  if (nic_counts(n)) {
    n->counts.rx_dropped++;
    ++*drop_counter(n, reason);
    if (f != NULL)
      f->stats.rx_dropped++;
  }
  n->totals.dropped++;
  packet_free(n->packets, p);
}

void nic_drop_waiting(struct nic *n, struct nic_queue *q, enum nic_drop reason)
{
  while (q->waiting != NULL) {
    struct packet *p = q->waiting;
    q->waiting = p->next;
    n->rx_buffered -= p->frame;
    nic_drop_received(n, q->owner, p, reason);
  }
  q->n_waiting = 0;
}

/* ---- payload
 * ------------------------------------------------------------------ */

static void payload_left(struct hd_component *device, struct pcie_dma *d)
{
  struct nic *n = (struct nic *)device;
  struct nic_frame *f = (struct nic_frame *)d;
  n->rx_buffered -= f->bytes;
  hd_pool_put(&n->frames, f);
}

static void write_payload(struct nic *n, struct nic_queue *q, struct packet *p)
{
  const struct nic_interface *i = &q->owner->config;
  struct nic_frame *f = hd_pool_get(&n->frames);
  *f = (struct nic_frame){.dma = {.address = i->forge == NIC_FORGE_ADDRESS
                                                 ? i->forge_address
                                                 : p->buffer,
                                  .length = packet_dma_bytes(p),
                                  .done = payload_left},
                          .bytes = p->frame};
  nic_identify(q->owner, &f->dma);
  f->dma.flags |= PCIE_RELAXED;
  pcie_requester_write(n->endpoint.requester, &f->dma);
}

static void count_received(struct nic *n, struct nic_queue *q,
                           const struct packet *p)
{
  if (!nic_counts(n))
    return;
  n->counts.rx_packets++;
  q->owner->stats.rx_packets++;
  q->owner->stats.rx_payload += p->payload;
}

/* Gives the packet the queue's next descriptor. Posted writes keep their order,
 * so the descriptor may be written back as soon as the payload is on its way.
 */
static void place(struct nic *n, struct nic_queue *q, struct packet *p)
{
  uint32_t slot = nic_slot(q, q->used++);
  p->buffer = q->ring->buffers + (uint64_t)slot * q->ring->buffer_size;
  p->next = NULL;
  count_received(n, q, p);
  write_payload(n, q, p);
  if (q->done != NULL)
    q->done_end->next = p;
  else
    q->done = p;
  q->done_end = p;
  nic_complete(n, q, 1);
}

/* ---- steering
 * ------------------------------------------------------------------ */

/* Stands for the device's hash over a frame's addresses and ports (Toeplitz):
 * any good one will do. */
static uint32_t flow_hash(const struct packet *p)
{
  uint32_t h = (uint32_t)p->vm << 16 | p->stream;
  h = (h ^ h >> 16) * 0x7feb352du;
  h = (h ^ h >> 15) * 0x846ca68bu;
  return h ^ h >> 16;
}

/* In the default interface. */
static uint32_t choose_queue(const struct nic_steering *s,
                             const struct packet *p)
{
  if (p->vm < s->guests && p->queue < s->pairs) {
    uint16_t rule = s->rule[(size_t)p->vm * s->pairs + p->queue];
    if (rule != NIC_NO_RULE)
      return rule;
  }
  return s->rss_queues > 1 ? flow_hash(p) % s->rss_queues : 0;
}

static struct nic_queue *steer(struct nic *n, const struct packet *p)
{
  const struct nic_port *port = &n->ports[p->port];
  struct nic_function *f = p->vm < port->n_routes ? port->route[p->vm] : NULL;
  uint32_t queue = p->queue;
  if (f == NULL) {
    f = port->fallback;
    queue = f != NULL ? choose_queue(&f->config.steering, p) : 0;
  }
  if (f == NULL || queue >= f->config.queue_pairs || !f->rx[queue].live)
    return NULL;
  return &f->rx[queue];
}

static void wait_for_descriptor(struct nic *n, struct nic_queue *q,
                                struct packet *p)
{
  p->next = NULL;
  if (q->waiting != NULL)
    q->waiting_end->next = p;
  else
    q->waiting = p;
  q->waiting_end = p;
  q->n_waiting++;
  nic_fetch_descriptors(n, q);
}

/* From packet buffer to ring. */
static void enqueue(struct nic *n, struct nic_queue *q, struct packet *p)
{
  if (packet_dma_bytes(p) > q->ring->buffer_size) {
    n->rx_buffered -= p->frame;
    nic_drop_received(n, q->owner, p, NIC_DROP_OVERSIZE);
  } else if (nic_cached(q) > 0) {
    place(n, q, p);
    nic_fetch_descriptors(n, q);
  } else if (q->announced - q->used > q->n_waiting) {
    wait_for_descriptor(n, q, p);
  } else {
    n->rx_buffered -= p->frame;
    nic_drop_received(n, q->owner, p, NIC_DROP_DESCRIPTORS);
  }
}

void nic_receive_waiting(struct nic *n, struct nic_queue *q)
{
  while (q->waiting != NULL && nic_cached(q) > 0) {
    struct packet *p = q->waiting;
    q->waiting = p->next;
    q->n_waiting--;
    place(n, q, p);
  }
}

/* ---- arrival
 * -------------------------------------------------------------------- */

void nic_receive_frame(struct nic *n, struct packet_msg *m)
{
  struct packet *p = m->packet;
  hd_stamps_mark(&p->stamps, HD_STAGE_WIRE, hd_now(&n->base));
  n->totals.arrived++;
  if (n->rx_buffered + p->frame > n->params.rx_buffer) {
    struct nic_queue *q = steer(n, p);
    nic_drop_received(n, q != NULL ? q->owner : NULL, p, NIC_DROP_BUFFER);
    hd_msg_free(&n->base, m);
    return;
  }
  n->rx_buffered += p->frame;
  hd_time now = hd_now(&n->base), at = nic_reserve_pipeline(n, now);
  m->msg.kind = MSG_TIMER;
  m->msg.tag = NIC_TIMER_RECEIVE;
  hd_schedule(&n->base, at - now + n->params.pipeline_latency, m);
}

void nic_receive_steer(struct nic *n, struct packet_msg *m)
{
  struct packet *p = m->packet;
  struct nic_queue *q = steer(n, p);
  hd_msg_free(&n->base, m);
  if (q != NULL) {
    enqueue(n, q, p);
    return;
  }
  n->rx_buffered -= p->frame;
  nic_drop_received(n, NULL, p, NIC_DROP_UNROUTED);
}
