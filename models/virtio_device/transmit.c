/*
 * transmit.c - a packet's way through the device: header and frame are read,
 * the chain is done, the frame leaves in the order in which frames were
 * scheduled.
 *
 * All complete frames at the head of that order go to the wire at once, with
 * the pipeline's latency; they wait there in order. Packet buffer is held until
 * the last bit has left.
 */
#include "models/virtio_device/internal.h"

/* ---- departure ----------------------------------------------------------- */

static void append(struct virtio_device *n, struct virtio_hw_work *w)
{
  w->next = NULL;
  if (n->frames != NULL)
    n->frames_end->next = w;
  else
    n->frames = w;
  n->frames_end = w;
}

static void hand_to_wire(struct virtio_device *n, struct packet *p,
                         struct virtio_hw_function *owner)
{
  struct packet_msg *m = hd_msg_new(&n->base, MSG_FRAME);
  if (virtio_hw_counts(n)) {
    n->counts.tx_packets++;
    owner->stats.tx_packets++;
    owner->stats.tx_payload += p->payload;
  }
  m->packet = p;
  m->bytes = p->frame;
  n->sending++;
  hd_send(n->to_wire, n->to_wire->latency + n->params.pipeline_latency, m);
}

static void buffer(struct virtio_device *n, int64_t bytes)
{
  n->tx_buffered += bytes;
  hd_gauge_add(&n->tx_fill, n->window, hd_now(&n->base), bytes);
}

static void lose(struct virtio_device *n, struct packet *p)
{
  n->counts.tx_faulted += virtio_hw_counts(n);
  n->totals.faulted++;
  buffer(n, -(int64_t)p->frame);
  packet_free(n->packets, p);
}

static void depart_in_order(struct virtio_device *n)
{
  while (n->frames != NULL && n->frames->complete) {
    struct virtio_hw_work *w = n->frames;
    n->frames = w->next;
    if (w->faulted)
      lose(n, w->packet);
    else
      hand_to_wire(n, w->packet, w->queue->owner);
    virtio_hw_free_work(n, w);
  }
}

void virtio_hw_frame_left(struct virtio_device *n, uint64_t bytes)
{
  n->sending--;
  n->totals.sent++;
  buffer(n, -(int64_t)bytes);
  virtio_hw_schedule(n);
}

/* ---- payload ------------------------------------------------------------- */

static void account(struct virtio_device *n, const struct virtio_hw_work *w)
{
  hd_time now = hd_now(&n->base);
  n->totals.chains--;
  hd_gauge_add(&n->chains, n->window, now, -1);
  if (virtio_hw_counts(n)) {
    n->counts.completed++;
    n->counts.chain_time += now - w->taken;
  }
}

/* The chain's buffers have been read: the driver may have them back. */
static void finish(struct virtio_device *n, struct virtio_hw_work *w)
{
  struct virtio_hw_queue *q = w->queue;
  bool stale = virtio_hw_stale(w);
  uint16_t id = w->id;
  struct hd_stamps *s = &w->packet->stamps;
  hd_stamps_mark(s, HD_STAGE_PAYLOAD_READ, hd_now(&n->base));
  HD_REQUIRE(
      &n->base,
      hd_stamps_move(s, HD_STAGE_PAYLOAD_READ, HD_STAGE_IOMMU, w->translation),
      "translation took longer than the payload read");
  account(n, w);
  w->complete = true;
  depart_in_order(n); /* w may be gone after this */
  if (!stale) {
    q->inside--;
    virtio_hw_push(n, q, id, 0);
  }
  virtio_hw_schedule(n); /* a lost packet has left room */
}

static void piece_read(struct hd_component *device, struct pcie_dma *d)
{
  struct virtio_device *n = (struct virtio_device *)device;
  struct virtio_hw_piece *p = (struct virtio_hw_piece *)d;
  struct virtio_hw_work *w = p->work;
  w->translation = hd_time_max(w->translation, d->translation);
  if (d->status != PCIE_SC) {
    w->faulted = true;
    virtio_hw_fault(n, w->queue->owner);
  }
  w->left -= d->length;
  hd_pool_put(&n->pieces, p);
  if (w->left == 0)
    finish(n, w);
}

void virtio_hw_transmit(struct virtio_device *n, struct virtio_hw_work *w)
{
  hd_stamps_mark(&w->packet->stamps, HD_STAGE_DEVICE_QUEUE, hd_now(&n->base));
  buffer(n, w->packet->frame);
  append(n, w);
  w->left = (uint32_t)w->readable_bytes;
  for (uint32_t i = 0; i < w->readable; i++) {
    if (w->buffer[i].length == 0)
      continue;
    struct virtio_hw_piece *p = hd_pool_get(&n->pieces);
    *p = (struct virtio_hw_piece){.dma = {.address = w->buffer[i].address,
                                          .length = w->buffer[i].length,
                                          .done = piece_read},
                                  .work = w};
    virtio_hw_identify(w->queue->owner, &p->dma);
    pcie_requester_read(n->endpoint.requester, &p->dma);
  }
}
