/*
 * block.c - a block request's way (virtio 1.2, 5.2.6): header, the drive's
 * controller, data, status, used entry.
 *
 * What the header says is what the chain's cookie says. A request whose queue
 * has been reset touches the host no more, gives back what it holds, and ends.
 */
#include "models/virtio_device/internal.h"

/* ---- stamps -------------------------------------------------------------- */

static void mark(struct virtio_device *n, struct virtio_hw_work *w,
                 enum hd_stage stage)
{
  if (!virtio_hw_stale(w))
    hd_stamps_mark(&w->request->stamps, stage, hd_now(&n->base));
}

/* A stage that was DMA; of it, the translation. */
static void mark_dma(struct virtio_device *n, struct virtio_hw_work *w,
                     enum hd_stage stage)
{
  if (virtio_hw_stale(w))
    return;
  mark(n, w, stage);
  HD_REQUIRE(&n->base,
             hd_stamps_move(&w->request->stamps, stage, HD_STAGE_IOMMU,
                            w->translation),
             "translation took longer than the transfer");
  w->translation = 0;
}

/* ---- header -------------------------------------------------------------- */

bool virtio_hw_has_request_slot(const struct virtio_device *n)
{
  return n->requests < n->params.requests && n->requests < n->drive.commands;
}

/* When the drive's controller is done: its pipeline takes one after another,
 * its firmware works on many. */
static hd_time controller(struct virtio_device *n,
                          const struct virtio_hw_work *w)
{
  hd_time start =
      hd_time_max(hd_now(&n->base) + n->params.pipeline_latency, n->drive_free);
  n->drive_free =
      start + hd_clock_take(&n->drive_clock, n->drive.command_cycles);
  hd_busy_add(&n->drive_busy, n->window, start, n->drive_free);
  bool read = !virtio_hw_stale(w) && w->request->op == BLOCK_READ;
  return n->drive_free +
         (read ? n->drive.read_overhead : n->drive.write_overhead);
}

static void header_piece(struct hd_component *device, struct pcie_dma *d)
{
  struct virtio_device *n = (struct virtio_device *)device;
  struct virtio_hw_piece *p = (struct virtio_hw_piece *)d;
  struct virtio_hw_work *w = p->work;
  w->translation = hd_time_max(w->translation, d->translation);
  if (d->status != PCIE_SC) {
    virtio_hw_fault(n, w->queue->owner);
    virtio_hw_request_failed(w, BLOCK_TRANSFER_ERROR);
  }
  w->left -= d->length;
  hd_pool_put(&n->pieces, p);
  if (w->left > 0)
    return;
  mark_dma(n, w, HD_STAGE_DESCRIPTOR_FETCH);
  if (virtio_hw_stale(w) || w->status != BLOCK_OK) {
    virtio_hw_complete(n, w);
    return;
  }
  hd_schedule(device, controller(n, w) - hd_now(device),
              virtio_hw_timer(n, VIRTIO_HW_TIMER_REQUEST, w));
}

static void inside(struct virtio_device *n, int change)
{
  n->requests += change;
  hd_gauge_add(&n->requests_inside, n->window, hd_now(&n->base), change);
}

void virtio_hw_request(struct virtio_device *n, struct virtio_hw_work *w)
{
  inside(n, 1);
  mark(n, w, HD_STAGE_DEVICE_QUEUE);
  w->left = VIRTIO_HW_BLOCK_HEADER;
  for (uint32_t at = 0, part; at < VIRTIO_HW_BLOCK_HEADER; at += part) {
    struct virtio_hw_piece *p = hd_pool_get(&n->pieces);
    uint64_t address = virtio_hw_byte(w, false, at, &part);
    if (part > VIRTIO_HW_BLOCK_HEADER - at)
      part = VIRTIO_HW_BLOCK_HEADER - at;
    *p = (struct virtio_hw_piece){
        .dma = {.address = address, .length = part, .done = header_piece},
        .work = w};
    virtio_hw_identify(w->queue->owner, &p->dma);
    p->dma.flags |= PCIE_DESCRIPTOR;
    pcie_requester_read(n->endpoint.requester, &p->dma);
  }
}

/* ---- execution ----------------------------------------------------------- */

/* Bytes of data in the chain, of the kind that the request has. */
static uint64_t data_bytes(const struct virtio_hw_work *w)
{
  return w->request->op == BLOCK_READ
             ? w->writable_bytes - 1
             : w->readable_bytes - VIRTIO_HW_BLOCK_HEADER;
}

static enum block_status examine(const struct virtio_device *n,
                                 const struct virtio_hw_work *w)
{
  const struct block_request *r = w->request;
  const struct virtio_hw_function *f = w->queue->owner;
  uint64_t end = (uint64_t)n->drive.capacity / BLOCK_BYTES - f->first_block;
  if (f->blocks != 0 && f->blocks < end)
    end = f->blocks;
  if (r->op == BLOCK_FLUSH)
    return BLOCK_OK;
  if (r->op != BLOCK_READ && r->op != BLOCK_WRITE)
    return BLOCK_INVALID_OPCODE;
  if (r->bytes == 0 || r->bytes % BLOCK_BYTES != 0 ||
      r->bytes > n->drive.max_transfer || r->bytes != data_bytes(w))
    return BLOCK_INVALID_FIELD;
  if (r->lba > end || r->bytes / BLOCK_BYTES > end - r->lba)
    return BLOCK_OUT_OF_RANGE;
  return BLOCK_OK;
}

static void execute(struct virtio_device *n, struct virtio_hw_work *w)
{
  const struct block_request *r = w->request;
  w->store.offset = (w->queue->owner->first_block + r->lba) * BLOCK_BYTES;
  w->store.bytes = w->left = r->bytes;
  w->store.context = w;
  if (r->op == BLOCK_READ)
    store_read(n->store, &w->store);
  else if (store_reserve(n->store, &w->store))
    virtio_hw_get_payload(n, w);
}

void virtio_hw_request_due(struct virtio_device *n, struct virtio_hw_work *w)
{
  mark(n, w, HD_STAGE_DEVICE_QUEUE);
  if (!virtio_hw_stale(w))
    virtio_hw_request_failed(w, examine(n, w));
  if (virtio_hw_stale(w) || w->status != BLOCK_OK ||
      w->request->op == BLOCK_FLUSH)
    virtio_hw_complete(n, w); /* flush: what has been acknowledged is safe */
  else
    execute(n, w);
}

/* ---- writes -------------------------------------------------------------- */

static void write_ready(struct hd_component *device, struct store_request *r)
{
  struct virtio_device *n = (struct virtio_device *)device;
  struct virtio_hw_work *w = r->context;
  mark(n, w, HD_STAGE_DEVICE_QUEUE);
  virtio_hw_get_payload(n, w);
}

void virtio_hw_write_data(struct virtio_device *n, struct virtio_hw_work *w)
{
  hd_time now = hd_now(&n->base);
  mark_dma(n, w, HD_STAGE_PAYLOAD_READ);
  if (virtio_hw_stale(w) || w->status != BLOCK_OK) {
    store_release(n->store, &w->store);
    virtio_hw_complete(n, w);
  } else if (w->passed > now) {
    hd_schedule(&n->base, w->passed - now,
                virtio_hw_timer(n, VIRTIO_HW_TIMER_PAYLOAD, w));
  } else {
    virtio_hw_payload_due(n, w);
  }
}

static void written(struct hd_component *device, struct store_request *r)
{
  struct virtio_device *n = (struct virtio_device *)device;
  struct virtio_hw_work *w = r->context;
  mark(n, w, HD_STAGE_WIRE);
  virtio_hw_complete(n, w);
}

void virtio_hw_payload_due(struct virtio_device *n, struct virtio_hw_work *w)
{
  if (store_write(n->store, &w->store))
    written(&n->base, &w->store);
}

/* ---- reads --------------------------------------------------------------- */

static void arrived(struct hd_component *device, struct store_request *r,
                    uint32_t offset, uint32_t bytes)
{
  struct virtio_device *n = (struct virtio_device *)device;
  struct virtio_hw_work *w = r->context;
  mark(n, w, HD_STAGE_WIRE);
  virtio_hw_send_payload(n, w, offset, bytes);
}

const struct store_client virtio_hw_store_client = {
    .arrived = arrived, .ready = write_ready, .written = written};

/* ---- completion ---------------------------------------------------------- */

static void count_success(const struct block_request *r,
                          struct virtio_device_stats *all,
                          struct virtio_function_stats *own)
{
  switch (r->op) {
  case BLOCK_READ:
    all->reads++, own->reads++;
    all->read_bytes += r->bytes;
    own->read_bytes += r->bytes;
    break;
  case BLOCK_WRITE:
    all->writes++, own->writes++;
    all->written_bytes += r->bytes;
    own->written_bytes += r->bytes;
    break;
  default:
    all->flushes++, own->flushes++;
  }
}

static void account(struct virtio_device *n, const struct virtio_hw_work *w)
{
  struct virtio_function_stats *own = &w->queue->owner->stats;
  hd_time now = hd_now(&n->base);
  inside(n, -1);
  n->totals.chains--;
  hd_gauge_add(&n->chains, n->window, now, -1);
  if (!virtio_hw_counts(n) || virtio_hw_stale(w))
    return;
  n->counts.completed++;
  n->counts.chain_time += now - w->taken;
  if (w->status == BLOCK_OK)
    count_success(w->request, &n->counts, own);
  else
    n->counts.errors++, own->errors++;
}

/* The last byte that the device may write (5.2.6); behind the data, since
 * posted writes keep their order. */
static void write_status(struct virtio_device *n,
                         const struct virtio_hw_work *w)
{
  uint32_t room;
  struct pcie_dma d = {
      .address = virtio_hw_byte(w, true, w->writable_bytes - 1, &room),
      .length = 1};
  virtio_hw_identify(w->queue->owner, &d);
  d.flags |= PCIE_DESCRIPTOR;
  virtio_hw_write(n, w->queue->owner, &d);
}

void virtio_hw_complete(struct virtio_device *n, struct virtio_hw_work *w)
{
  struct virtio_hw_queue *q = w->queue;
  bool stale = virtio_hw_stale(w);
  uint16_t id = w->id;
  uint32_t length = 0;
  account(n, w);
  if (!stale) {
    struct block_request *r = w->request;
    bool data = r->op == BLOCK_READ && w->status == BLOCK_OK;
    length = (data ? r->bytes : 0) + 1;
    r->status = w->status;
    write_status(n, w);
    mark(n, w, HD_STAGE_RECEIVE_PATH);
    q->inside--;
  } else {
    n->totals.finished++;
  }
  virtio_hw_free_work(n, w);
  if (!stale)
    virtio_hw_push(n, q, id, length);
  virtio_hw_schedule(n);
}
