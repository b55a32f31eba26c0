/*
 * receive.c - a frame takes packet buffer and a pipeline slot, is steered to
 * its guest's function and queue pair, takes buffers of the ring (waiting if
 * the ring has some that are not fetched yet), and is written to the guest
 * behind a header.
 */
#include "models/virtio_device/internal.h"

/* ---- drops --------------------------------------------------------------- */

static uint64_t *drop_counter(struct virtio_device *n,
                              enum virtio_hw_drop reason)
{
  switch (reason) {
  case VIRTIO_HW_DROP_PACKET_BUFFER:
    return &n->counts.rx_no_packet_buffer;
  case VIRTIO_HW_DROP_NO_BUFFER:
    return &n->counts.rx_no_buffer;
  case VIRTIO_HW_DROP_OVERSIZE:
    return &n->counts.rx_oversize;
  default:
    return &n->counts.rx_unrouted;
  }
}

void virtio_hw_drop(struct virtio_device *n, struct virtio_hw_function *f,
                    struct packet *p, enum virtio_hw_drop reason)
{
  if (virtio_hw_counts(n)) {
    n->counts.rx_dropped++;
    ++*drop_counter(n, reason);
    if (f != NULL)
      f->stats.rx_dropped++;
  }
  n->totals.dropped++;
  packet_free(n->packets, p);
}

static struct packet *take_waiting(struct virtio_hw_queue *q)
{
  struct packet *p = q->waiting;
  q->waiting = p->next;
  q->n_waiting--;
  return p;
}

void virtio_hw_drop_waiting(struct virtio_device *n, struct virtio_hw_queue *q,
                            enum virtio_hw_drop reason)
{
  while (q->waiting != NULL) {
    struct packet *p = take_waiting(q);
    n->rx_buffered -= p->frame;
    virtio_hw_drop(n, q->owner, p, reason);
  }
}

/* ---- payload ------------------------------------------------------------- */

static void piece_left(struct hd_component *device, struct pcie_dma *d)
{
  struct virtio_device *n = (struct virtio_device *)device;
  struct virtio_hw_piece *p = (struct virtio_hw_piece *)d;
  n->rx_buffered -= p->release;
  hd_pool_put(&n->pieces, p);
}

static void write_piece(struct virtio_device *n, struct virtio_hw_queue *q,
                        uint64_t address, uint32_t bytes, uint32_t release)
{
  struct virtio_hw_piece *p = hd_pool_get(&n->pieces);
  *p = (struct virtio_hw_piece){
      .dma = {.address = address, .length = bytes, .done = piece_left},
      .release = release};
  virtio_hw_identify(q->owner, &p->dma);
  p->dma.flags |= PCIE_RELAXED;
  virtio_hw_write(n, q->owner, &p->dma);
}

/* Fills a chain with the next of `left` bytes; returns what it has taken. The
 * packet buffer is free when the last byte has left. */
static uint32_t fill(struct virtio_device *n, const struct virtio_hw_work *w,
                     uint32_t left, uint32_t frame)
{
  uint32_t taken = 0;
  for (uint32_t i = 0; i < w->writable && taken < left; i++) {
    uint32_t room = w->buffer[i].length;
    uint32_t part = room < left - taken ? room : left - taken;
    if (part == 0)
      continue;
    taken += part;
    write_piece(n, w->queue, w->buffer[i].address, part,
                taken == left ? frame : 0);
  }
  return taken;
}

static void note_done(struct virtio_device *n, struct virtio_hw_queue *q,
                      struct packet *p)
{
  p->next = NULL;
  if (q->done != NULL)
    q->done_end->next = p;
  else
    q->done = p;
  q->done_end = p;
  if (!virtio_hw_counts(n))
    return;
  n->counts.rx_packets++;
  q->owner->stats.rx_packets++;
  q->owner->stats.rx_payload += p->payload;
}

/* Gives the packet the queue's first chains, which are enough. Posted writes
 * keep their order, so the used entries may follow at once. All chains of a
 * packet are told together (5.1.6.4.1). */
static void place(struct virtio_device *n, struct virtio_hw_queue *q,
                  struct packet *p)
{
  uint32_t left = VIRTIO_HW_NET_HEADER + packet_dma_bytes(p);
  void *cookie = p;
  note_done(n, q, p);
  while (left > 0) {
    struct virtio_hw_work *w = virtio_hw_take_ready(q);
    uint32_t taken = fill(n, w, left, p->frame);
    left -= taken;
    q->ring->cookie[w->id] = cookie;
    cookie = NULL;
    HD_REQUIRE(&n->base, virtq_device_push(&q->side, w->id, taken) == VIRTQ_OK,
               "virtqueue %u: chain %u cannot be used", q->index, w->id);
    if (q->pushed++ == 0)
      q->oldest = hd_now(&n->base);
    virtio_hw_free_work(n, w);
  }
  virtio_hw_flush(n, q, false);
  virtio_hw_fetch(n, q);
}

/* ---- buffers ------------------------------------------------------------- */

enum fit { FIT_YES, FIT_NEEDS_MORE, FIT_NEVER };

static enum fit fits(const struct virtio_device *n,
                     const struct virtio_hw_queue *q, const struct packet *p)
{
  uint64_t need = VIRTIO_HW_NET_HEADER + packet_dma_bytes(p), room = 0;
  const struct virtio_hw_work *w = q->ready.first;
  if (w == NULL)
    return FIT_NEEDS_MORE;
  if (!virtio_has(q->owner->config.features, VIRTIO_NET_F_MRG_RXBUF))
    return w->writable_bytes >= need ? FIT_YES : FIT_NEVER;
  for (; w != NULL; w = w->next) {
    room += w->writable_bytes;
    if (room >= need)
      return FIT_YES;
  }
  return q->ready.count >= n->params.chain_cache ? FIT_NEVER : FIT_NEEDS_MORE;
}

/* More buffers may come without the driver doing anything. */
static bool may_wait(const struct virtio_device *n,
                     const struct virtio_hw_queue *q)
{
  if (q->failed)
    return false;
  if (virtq_device_available(&q->side) > q->n_waiting)
    return true;
  return q->looking && q->n_waiting < n->params.chain_cache;
}

static void wait_for_buffer(struct virtio_device *n, struct virtio_hw_queue *q,
                            struct packet *p)
{
  p->next = NULL;
  if (q->waiting != NULL)
    q->waiting_end->next = p;
  else
    q->waiting = p;
  q->waiting_end = p;
  q->n_waiting++;
  virtio_hw_fetch(n, q);
}

static void refuse(struct virtio_device *n, struct virtio_hw_queue *q,
                   struct packet *p, enum virtio_hw_drop reason)
{
  n->rx_buffered -= p->frame;
  virtio_hw_drop(n, q->owner, p, reason);
}

/* From packet buffer to ring; packets that wait go first. */
static void enqueue(struct virtio_device *n, struct virtio_hw_queue *q,
                    struct packet *p)
{
  enum fit fit = q->waiting != NULL ? FIT_NEEDS_MORE : fits(n, q, p);
  if (fit == FIT_YES)
    place(n, q, p);
  else if (fit == FIT_NEVER)
    refuse(n, q, p, VIRTIO_HW_DROP_OVERSIZE);
  else if (may_wait(n, q))
    wait_for_buffer(n, q, p);
  else
    refuse(n, q, p, VIRTIO_HW_DROP_NO_BUFFER);
}

void virtio_hw_receive_waiting(struct virtio_device *n,
                               struct virtio_hw_queue *q, bool last)
{
  while (q->waiting != NULL) {
    enum fit fit = fits(n, q, q->waiting);
    if (fit == FIT_NEEDS_MORE && !last)
      return;
    struct packet *p = take_waiting(q);
    if (fit == FIT_YES)
      place(n, q, p);
    else
      refuse(n, q, p,
             fit == FIT_NEVER ? VIRTIO_HW_DROP_OVERSIZE
                              : VIRTIO_HW_DROP_NO_BUFFER);
  }
}

/* ---- arrival ------------------------------------------------------------- */

static struct virtio_hw_queue *steer(const struct virtio_device *n,
                                     const struct packet *p)
{
  struct virtio_hw_function *f = p->vm < n->n_routes ? n->route[p->vm] : NULL;
  if (f == NULL || virtio_rx_queue(p->queue) >= f->served)
    return NULL;
  struct virtio_hw_queue *q = &f->queue[virtio_rx_queue(p->queue)];
  return virtio_hw_serves(q) ? q : NULL;
}

void virtio_hw_receive_frame(struct virtio_device *n, struct packet_msg *m)
{
  struct packet *p = m->packet;
  hd_time now = hd_now(&n->base);
  p->port = 0;
  hd_stamps_mark(&p->stamps, HD_STAGE_WIRE, now);
  n->totals.arrived++;
  if (n->rx_buffered + p->frame > n->params.rx_buffer) {
    struct virtio_hw_queue *q = steer(n, p);
    virtio_hw_drop(n, q != NULL ? q->owner : NULL, p,
                   VIRTIO_HW_DROP_PACKET_BUFFER);
    hd_msg_free(&n->base, m);
    return;
  }
  n->rx_buffered += p->frame;
  hd_time at = virtio_hw_reserve_pipeline(n, now);
  m->msg.kind = MSG_TIMER;
  m->msg.tag = VIRTIO_HW_TIMER_RECEIVE;
  hd_schedule(&n->base, at - now + n->params.pipeline_latency, m);
}

void virtio_hw_steer(struct virtio_device *n, struct packet_msg *m)
{
  struct packet *p = m->packet;
  struct virtio_hw_queue *q = steer(n, p);
  hd_msg_free(&n->base, m);
  if (q != NULL) {
    enqueue(n, q, p);
    return;
  }
  n->rx_buffered -= p->frame;
  virtio_hw_drop(n, NULL, p, VIRTIO_HW_DROP_UNROUTED);
}
