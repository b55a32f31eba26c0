/*
 * tx_payload.c - a packet's way through the device: its payload is read, its
 * descriptor completes in the order of its ring, its frame leaves in the order
 * in which the port's frames were scheduled: to the wire, or to an interface of
 * the same port by the embedded bridge (bridge.c).
 *
 * TCP packets longer than a segment become frames here, each with a turn at the
 * scheduler and a read of its own; the last one completes the descriptor.
 *
 * All complete frames at the head of the port's order go to the wire at once,
 * with the pipeline's latency; they wait there in order. Packet buffer is held
 * until the last bit has left. A descriptor completes when its packet has been
 * read, wherever that goes then.
 */
#include "models/nic/internal.h"

/* ---- the two orders --------------------------------------------------------
 */

static void append(struct nic *n, struct nic_frame *f)
{
  struct nic_queue *q = f->queue;
  struct nic_port *port = &n->ports[f->port];
  if (q->flight != NULL)
    q->flight_end->queue_next = f;
  else
    q->flight = f;
  q->flight_end = f;
  if (port->flight != NULL)
    port->flight_end->port_next = f;
  else
    port->flight = f;
  port->flight_end = f;
  f->in_queue = f->in_port = true;
}

static void release(struct nic *n, struct nic_frame *f)
{
  if (!f->in_queue && !f->in_port)
    hd_pool_put(&n->frames, f);
}

/* ---- completion
 * -------------------------------------------------------------- */

static void account_completion(struct nic *n, const struct nic_frame *f)
{
  hd_time now = hd_now(&n->base);
  n->totals.queue_length--;
  hd_gauge_add(&n->queue_length, n->window, now, -1);
  if (hd_window_contains(n->window, now))
    n->counts.queue_time_sum += now - f->announced;
}

/* Descriptors complete in ring order: those at the head that are read. */
static void complete_in_order(struct nic *n, struct nic_queue *q)
{
  uint64_t count = 0;
  while (q->flight != NULL && q->flight->complete) {
    struct nic_frame *f = q->flight;
    q->flight = f->queue_next;
    f->in_queue = false;
    if (!f->partial) {
      account_completion(n, f);
      count++;
    }
    release(n, f);
  }
  if (count > 0)
    nic_complete(n, q, count);
}

/* The packets leave as they would, but complete no descriptor any more. */
void nic_forget_flight(struct nic *n, struct nic_queue *q)
{
  while (q->flight != NULL) {
    struct nic_frame *f = q->flight;
    q->flight = f->queue_next;
    f->in_queue = false;
    release(n, f);
  }
}

/* ---- departure
 * --------------------------------------------------------------- */

static void hand_over(struct nic *n, struct nic_port *port, struct nic_frame *f)
{
  struct nic_function *owner = f->queue->owner;
  struct packet *p = f->packet;
  struct packet_msg *m = hd_msg_new(&n->base, MSG_FRAME);
  if (nic_counts(n)) {
    n->counts.tx_packets++;
    owner->stats.tx_packets++;
    owner->stats.tx_payload += p->payload;
  }
  m->packet = p;
  m->bytes = p->frame;
  port->sending++;
  const struct nic_function *to =
      packet_is_for_guest(p) ? nic_bridge_target(n, f->port, p) : NULL;
  if (to != NULL)
    nic_bridge_send(n, m, to);
  else
    hd_send(port->to_wire, port->to_wire->latency + n->params.pipeline_latency,
            m);
}

static void unbuffer(struct nic *n, struct nic_port *port, uint64_t bytes)
{
  port->buffered -= (int64_t)bytes;
  hd_gauge_add(&n->tx_buffer, n->window, hd_now(&n->base), -(int64_t)bytes);
}

static void lose(struct nic *n, struct nic_port *port, struct nic_frame *f)
{
  n->counts.tx_faulted += nic_counts(n);
  n->totals.faulted++;
  unbuffer(n, port, f->bytes);
  packet_free(n->packets, f->packet);
}

static void depart_in_order(struct nic *n, struct nic_port *port)
{
  while (port->flight != NULL && port->flight->complete) {
    struct nic_frame *f = port->flight;
    port->flight = f->port_next;
    f->in_port = false;
    if (f->faulted)
      lose(n, port, f);
    else
      hand_over(n, port, f);
    release(n, f);
  }
}

void nic_frame_left(struct nic *n, unsigned port, uint64_t bytes)
{
  n->ports[port].sending--;
  n->totals.sent++;
  unbuffer(n, &n->ports[port], bytes);
  nic_transmit(n);
}

/* ---- payload
 * ----------------------------------------------------------------- */

static bool forging(const struct nic_function *f)
{
  return f->config.forge != NIC_HONEST;
}

static uint64_t buffer_of(const struct nic_function *f, const struct packet *p)
{
  return f->config.forge == NIC_FORGE_ADDRESS ? f->config.forge_address
                                              : p->buffer;
}

/* A forging device also tries to write where it reads. */
static void forge_write(struct nic *n, const struct nic_frame *f)
{
  const struct nic_function *owner = f->queue->owner;
  struct pcie_dma d = {.address = buffer_of(owner, f->packet),
                       .length = packet_dma_bytes(f->packet)};
  nic_identify(owner, &d);
  nic_write(n, &d);
}

static void finish(struct nic *n, struct nic_frame *f)
{
  struct nic_queue *q = f->queue;
  f->complete = true;
  if (forging(q->owner))
    forge_write(n, f);
  struct nic_port *port = &n->ports[f->port]; /* f may be gone after this */
  complete_in_order(n, q); /* of a reset queue: no longer in its list */
  depart_in_order(n, port);
}

static void payload_done(struct hd_component *device, struct pcie_dma *d)
{
  struct nic *n = (struct nic *)device;
  struct nic_frame *f = (struct nic_frame *)d;
  struct hd_stamps *s = &f->packet->stamps;
  hd_stamps_mark(s, HD_STAGE_PAYLOAD_READ, hd_now(device));
  HD_REQUIRE(
      device,
      hd_stamps_move(s, HD_STAGE_PAYLOAD_READ, HD_STAGE_IOMMU, d->translation),
      "translation took longer than the payload read");
  f->faulted = d->status != PCIE_SC;
  if (f->faulted)
    f->queue->owner->stats.faults += nic_counts(n);
  finish(n, f);
  nic_transmit(n); /* a lost packet has left room */
}

/* What the queue's next descriptor sends, or its next segment. */
static struct packet *take_descriptor(struct nic *n, struct nic_queue *q,
                                      bool segment)
{
  uint32_t slot = nic_slot(q, q->used);
  struct nic_descriptor *d = &q->descriptors[slot];
  struct packet *p = d->packet;
  if (segment) {
    p = packet_cut(n->packets, d->packet);
    d->frame = d->packet->frame;
    return p;
  }
  q->used++;
  q->ring->slot[slot] = NULL; /* now the device's */
  return p;
}

static struct nic_frame *take_packet(struct nic *n, struct nic_queue *q,
                                     bool segment)
{
  hd_time announced = q->descriptors[nic_slot(q, q->used)].announced;
  uint32_t bytes = q->descriptors[nic_slot(q, q->used)].frame;
  struct packet *p = take_descriptor(n, q, segment);
  struct nic_frame *f = hd_pool_get(&n->frames);
  *f = (struct nic_frame){.queue = q,
                          .packet = p,
                          .announced = announced,
                          .bytes = segment ? p->frame : bytes,
                          .partial = segment,
                          .port = q->owner->config.port};
  n->totals.taken++;
  n->ports[f->port].buffered += f->bytes;
  hd_gauge_add(&n->tx_buffer, n->window, hd_now(&n->base), f->bytes);
  hd_stamps_mark(&p->stamps, HD_STAGE_DEVICE_QUEUE, hd_now(&n->base));
  append(n, f);
  return f;
}

void nic_send_packet(struct nic *n, struct nic_queue *q)
{
  bool broken = q->broken_from <= q->used && q->used < q->broken_to;
  struct packet *next = q->descriptors[nic_slot(q, q->used)].packet;
  bool segment = !broken && packet_segmented(next);
  struct nic_frame *f = take_packet(n, q, segment);
  if (broken) {
    f->faulted = true;
    finish(n, f);
    return;
  }
  f->dma.address = buffer_of(q->owner, f->packet);
  f->dma.length = packet_dma_bytes(f->packet);
  f->dma.done = payload_done;
  hd_fetch(q->vector, sizeof *q->vector); /* for its completion */
  nic_identify(q->owner, &f->dma);
  pcie_requester_read(n->endpoint.requester, &f->dma);
}
