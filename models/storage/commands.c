/*
 * commands.c - a command's way through the device.
 *
 * A command whose queue has been reset has no request any more: it touches the
 * host no more, gives back what it holds, and ends.
 */
#include "models/storage/internal.h"

/* ---- pipeline ------------------------------------------------------------ */

static struct storage_command *new_command(struct storage *n,
                                           struct storage_queue *q,
                                           struct block_request *r,
                                           hd_time announced)
{
  struct storage_command *c = hd_pool_get(&n->commands);
  *c = (struct storage_command){.next = q->commands,
                                .queue = q,
                                .request = r,
                                .op = r->op,
                                .bytes = r->bytes,
                                .left = r->bytes,
                                .lba = r->lba,
                                .buffer = r->buffer,
                                .pages = r->pages,
                                .announced = announced};
  c->list.address = r->list;
  c->store.context = c;
  if (q->commands != NULL)
    q->commands->prev = c;
  q->commands = c;
  n->totals.inside++;
  hd_gauge_add(&n->inside, n->window, hd_now(&n->base), 1);
  return c;
}

/* When the command is through the pipeline, which takes one after another, and
 * the firmware, which works on many. */
static hd_time pipeline(struct storage *n, const struct storage_command *c)
{
  hd_time start = hd_time_max(hd_now(&n->base), n->pipeline_free);
  n->pipeline_free =
      start + hd_clock_take(&n->command_clock, n->params.command_cycles);
  hd_busy_add(&n->pipeline_busy, n->window, start, n->pipeline_free);
  return n->pipeline_free + (c->op == BLOCK_READ ? n->params.read_overhead
                                                 : n->params.write_overhead);
}

void storage_take(struct storage *n, struct storage_queue *q, uint64_t entry,
                  const struct storage_fetch *f)
{
  hd_time now = hd_now(&n->base);
  uint32_t slot = storage_slot(q, entry);
  struct block_request *r = q->ring->slot[slot];
  q->ring->slot[slot] = NULL; /* the driver may use it again */
  hd_stamps_mark(&r->stamps, HD_STAGE_DEVICE_QUEUE, f->started);
  hd_stamps_mark(&r->stamps, HD_STAGE_DESCRIPTOR_FETCH, now);
  HD_REQUIRE(&n->base,
             hd_stamps_move(&r->stamps, HD_STAGE_DESCRIPTOR_FETCH,
                            HD_STAGE_IOMMU, f->dma.translation),
             "translation took longer than the fetch");
  struct storage_command *c = new_command(n, q, r, q->announced_at[slot]);
  hd_schedule(&n->base, pipeline(n, c) - now,
              storage_timer(n, STORAGE_TIMER_COMMAND, c));
}

static void mark(struct storage *n, struct storage_command *c,
                 enum hd_stage stage)
{
  if (c->request != NULL)
    hd_stamps_mark(&c->request->stamps, stage, hd_now(&n->base));
}

/* A stage that was DMA; of it, the translation. */
static void mark_dma(struct storage *n, struct storage_command *c,
                     enum hd_stage stage, hd_time translation)
{
  if (c->request == NULL)
    return;
  mark(n, c, stage);
  HD_REQUIRE(
      &n->base,
      hd_stamps_move(&c->request->stamps, stage, HD_STAGE_IOMMU, translation),
      "translation took longer than the transfer");
}

/* ---- execution ----------------------------------------------------------- */

static enum block_status examine(const struct storage *n,
                                 const struct storage_command *c)
{
  const struct storage_interface *i = &c->queue->owner->config;
  uint64_t end = (uint64_t)n->params.capacity / BLOCK_BYTES - i->first_block;
  if (i->blocks != 0 && i->blocks < end)
    end = i->blocks;
  if (c->op == BLOCK_FLUSH)
    return BLOCK_OK;
  if (c->op != BLOCK_READ && c->op != BLOCK_WRITE)
    return BLOCK_INVALID_OPCODE;
  if (c->bytes == 0 || c->bytes % BLOCK_BYTES != 0 ||
      c->bytes > n->params.max_transfer)
    return BLOCK_INVALID_FIELD;
  if (c->lba > end || c->bytes / BLOCK_BYTES > end - c->lba)
    return BLOCK_OUT_OF_RANGE;
  return BLOCK_OK;
}

static void execute(struct storage *n, struct storage_command *c)
{
  uint64_t first = c->queue->owner->config.first_block;
  c->store.offset = (first + c->lba) * BLOCK_BYTES;
  c->store.bytes = c->bytes;
  if (c->op == BLOCK_READ) {
    store_read(n->store, &c->store);
  } else if (store_reserve(n->store, &c->store)) {
    storage_get_payload(n, c);
  }
}

static void list_arrived(struct hd_component *device, struct pcie_dma *d)
{
  struct storage *n = (struct storage *)device;
  struct storage_command *c = (struct storage_command *)d;
  mark_dma(n, c, HD_STAGE_DESCRIPTOR_FETCH, d->translation);
  if (d->status != PCIE_SC) {
    storage_fault(n, c->queue->owner);
    storage_fail(c, BLOCK_TRANSFER_ERROR);
  }
  if (c->request == NULL || c->status != BLOCK_OK)
    storage_complete(n, c);
  else
    execute(n, c);
}

/* Pages after the first have 8 B each in the list, which must not cross a page
 * (4.3; no chain is needed below 2 MiB). */
static void read_list(struct storage *n, struct storage_command *c,
                      uint32_t pages)
{
  uint32_t bytes = (pages - 1) * 8;
  if (c->list.address % 8 != 0 ||
      c->list.address % BLOCK_PAGE_BYTES + bytes > BLOCK_PAGE_BYTES) {
    storage_fail(c, BLOCK_LIST_MISPLACED);
    storage_complete(n, c);
    return;
  }
  c->list.length = bytes;
  c->list.done = list_arrived;
  storage_identify(c->queue->owner, &c->list);
  c->list.flags |= PCIE_DESCRIPTOR;
  n->counts.list_reads += storage_counts(n);
  pcie_requester_read(n->endpoint.requester, &c->list);
}

void storage_command_due(struct storage *n, struct storage_command *c)
{
  mark(n, c, HD_STAGE_DEVICE_QUEUE);
  storage_fail(c, examine(n, c));
  if (c->request == NULL || c->status != BLOCK_OK || c->op == BLOCK_FLUSH) {
    storage_complete(n, c); /* flush: what has been acknowledged is safe */
    return;
  }
  uint32_t pages = block_pages(c->buffer, c->bytes);
  if (pages > 2)
    read_list(n, c, pages);
  else
    execute(n, c);
}

/* ---- writes -------------------------------------------------------------- */

static void write_ready(struct hd_component *device, struct store_request *r)
{
  struct storage *n = (struct storage *)device;
  struct storage_command *c = r->context;
  mark(n, c, HD_STAGE_DEVICE_QUEUE);
  storage_get_payload(n, c);
}

void storage_write_data(struct storage *n, struct storage_command *c)
{
  hd_time now = hd_now(&n->base);
  mark_dma(n, c, HD_STAGE_PAYLOAD_READ, c->translation);
  if (c->request == NULL || c->status != BLOCK_OK) {
    store_release(n->store, &c->store);
    storage_complete(n, c);
  } else if (c->passed > now) {
    hd_schedule(&n->base, c->passed - now,
                storage_timer(n, STORAGE_TIMER_PAYLOAD, c));
  } else {
    storage_payload_due(n, c);
  }
}

static void written(struct hd_component *device, struct store_request *r)
{
  struct storage *n = (struct storage *)device;
  struct storage_command *c = r->context;
  mark(n, c, HD_STAGE_WIRE);
  storage_complete(n, c);
}

void storage_payload_due(struct storage *n, struct storage_command *c)
{
  if (store_write(n->store, &c->store))
    written(&n->base, &c->store);
}

/* ---- reads --------------------------------------------------------------- */

static void arrived(struct hd_component *device, struct store_request *r,
                    uint32_t offset, uint32_t bytes)
{
  struct storage *n = (struct storage *)device;
  struct storage_command *c = r->context;
  mark(n, c, HD_STAGE_WIRE);
  storage_send_payload(n, c, offset, bytes);
}

const struct store_client storage_store_client = {
    .arrived = arrived, .ready = write_ready, .written = written};
