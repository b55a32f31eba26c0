/*
 * block_payload.c - data between device and host.
 *
 * Data is cut at the chain's buffers and at pages. Pieces of all requests go in
 * order, as many bytes at a time as the window allows; the requester cuts them
 * further and holds the tags.
 */
#include "models/virtio_device/internal.h"

/* ---- pieces -------------------------------------------------------------- */

uint64_t virtio_hw_byte(const struct virtio_hw_work *w, bool writable,
                        uint64_t offset, uint32_t *contiguous)
{
  const struct virtq_buffer *b = &w->buffer[writable ? w->readable : 0];
  while (offset >= b->length) { /* the caller knows that it is there */
    offset -= b->length;
    b++;
  }
  *contiguous = b->length - (uint32_t)offset;
  return b->address + offset;
}

static void add(struct virtio_hw_window *x, struct virtio_hw_piece *p)
{
  if (x->first != NULL)
    x->last->next = p;
  else
    x->first = p;
  x->last = p;
}

static void add_pieces(struct virtio_device *n, struct virtio_hw_window *x,
                       struct virtio_hw_work *w, bool writable, uint64_t offset,
                       uint32_t bytes, pcie_dma_done done)
{
  while (bytes > 0) {
    uint32_t part;
    uint64_t address = virtio_hw_byte(w, writable, offset, &part);
    uint32_t page = BLOCK_PAGE_BYTES - (uint32_t)(address % BLOCK_PAGE_BYTES);
    part = part < page ? part : page;
    part = part < bytes ? part : bytes;
    struct virtio_hw_piece *p = hd_pool_get(&n->pieces);
    *p = (struct virtio_hw_piece){
        .dma = {.address = address, .length = part, .done = done}, .work = w};
    virtio_hw_identify(w->queue->owner, &p->dma);
    add(x, p);
    offset += part;
    bytes -= part;
  }
}

static bool may_go(const struct virtio_device *n,
                   const struct virtio_hw_window *x)
{
  return x->first != NULL && (x->used == 0 || x->used + x->first->dma.length <=
                                                  n->params.dma_window);
}

static struct virtio_hw_piece *next(struct virtio_hw_window *x)
{
  struct virtio_hw_piece *p = x->first;
  x->first = p->next;
  x->used += p->dma.length;
  return p;
}

/* ---- to the host --------------------------------------------------------- */

static void send_on(struct virtio_device *n);

/* The piece has left the device; its request may be long gone. */
static void sent(struct hd_component *device, struct pcie_dma *d)
{
  struct virtio_device *n = (struct virtio_device *)device;
  n->to_host.used -= d->length;
  hd_pool_put(&n->pieces, d);
  send_on(n);
}

/* Posted writes keep their order, so the status may follow at once. */
static void handed_over(struct virtio_device *n, struct virtio_hw_work *w,
                        uint32_t bytes)
{
  w->left -= bytes;
  if (w->left == 0)
    virtio_hw_complete(n, w);
}

static void send_on(struct virtio_device *n)
{
  while (may_go(n, &n->to_host)) {
    struct virtio_hw_piece *p = next(&n->to_host);
    struct virtio_hw_work *w = p->work;
    uint32_t bytes = p->dma.length;
    if (virtio_hw_stale(w)) {
      n->to_host.used -= bytes;
      hd_pool_put(&n->pieces, p);
    } else {
      virtio_hw_write(n, w->queue->owner, &p->dma);
    }
    handed_over(n, w, bytes);
  }
}

void virtio_hw_send_payload(struct virtio_device *n, struct virtio_hw_work *w,
                            uint32_t offset, uint32_t bytes)
{
  if (virtio_hw_stale(w)) {
    handed_over(n, w, bytes);
    return;
  }
  add_pieces(n, &n->to_host, w, true, offset, bytes, sent);
  send_on(n);
}

/* ---- from the host ------------------------------------------------------- */

static void get_more(struct virtio_device *n);

static void came(struct virtio_device *n, struct virtio_hw_piece *p)
{
  struct virtio_hw_work *w = p->work;
  n->from_host.used -= p->dma.length;
  w->left -= p->dma.length;
  hd_pool_put(&n->pieces, p);
  if (w->left == 0)
    virtio_hw_write_data(n, w);
}

static void payload_arrived(struct hd_component *device, struct pcie_dma *d)
{
  struct virtio_device *n = (struct virtio_device *)device;
  struct virtio_hw_piece *p = (struct virtio_hw_piece *)d;
  struct virtio_hw_work *w = p->work;
  if (d->status != PCIE_SC) {
    virtio_hw_fault(n, w->queue->owner);
    virtio_hw_request_failed(w, BLOCK_TRANSFER_ERROR);
  } else {
    w->passed = store_pass(n->store, d->length);
  }
  w->translation = hd_time_max(w->translation, d->translation);
  came(n, p);
  get_more(n);
}

static void get_more(struct virtio_device *n)
{
  while (may_go(n, &n->from_host)) {
    struct virtio_hw_piece *p = next(&n->from_host);
    if (virtio_hw_stale(p->work))
      came(n, p);
    else
      pcie_requester_read(n->endpoint.requester, &p->dma);
  }
}

void virtio_hw_get_payload(struct virtio_device *n, struct virtio_hw_work *w)
{
  if (virtio_hw_stale(w)) {
    virtio_hw_write_data(n, w);
    return;
  }
  add_pieces(n, &n->from_host, w, false, VIRTIO_HW_BLOCK_HEADER, w->left,
             payload_arrived);
  get_more(n);
}
