/*
 * payload.c - data between device and host.
 *
 * Data is cut at the host's pages, as PRP entries describe them (4.3). Segments
 * of all commands go in order, as many bytes at a time as the window allows;
 * the requester cuts them further and holds the tags.
 */
#include "models/storage/internal.h"

/* ---- segments ------------------------------------------------------------ */

static void push(struct storage_window *w, struct storage_segment *s)
{
  if (w->first != NULL)
    w->last->next = s;
  else
    w->first = s;
  w->last = s;
}

static bool may_go(const struct storage *n, const struct storage_window *w)
{
  return w->first != NULL && (w->used == 0 || w->used + w->first->dma.length <=
                                                  n->params.dma_window);
}

static struct storage_segment *pop(struct storage_window *w)
{
  struct storage_segment *s = w->first;
  w->first = s->next;
  w->used += s->dma.length;
  return s;
}

/* Host address of a byte of the payload. */
static uint64_t address_of(const struct storage_command *c, uint32_t offset)
{
  uint64_t at = c->buffer % BLOCK_PAGE_BYTES + offset;
  uint64_t page = at / BLOCK_PAGE_BYTES;
  if (c->pages == NULL || page == 0)
    return c->buffer + offset;
  return c->pages[page - 1] + at % BLOCK_PAGE_BYTES;
}

static void add_segments(struct storage *n, struct storage_window *w,
                         struct storage_command *c, uint32_t offset,
                         uint32_t bytes, pcie_dma_done done)
{
  while (bytes > 0) {
    uint64_t address = address_of(c, offset);
    uint32_t part = BLOCK_PAGE_BYTES - (uint32_t)(address % BLOCK_PAGE_BYTES);
    part = part < bytes ? part : bytes;
    struct storage_segment *s = hd_pool_get(&n->segments);
    *s = (struct storage_segment){
        .dma = {.address = address, .length = part, .done = done},
        .command = c};
    storage_identify(c->queue->owner, &s->dma);
    push(w, s);
    offset += part;
    bytes -= part;
  }
}

/* ---- to the host --------------------------------------------------------- */

static void send_on(struct storage *n);

/* The segment has left the device; its command may be long gone. */
static void sent(struct hd_component *device, struct pcie_dma *d)
{
  struct storage *n = (struct storage *)device;
  n->to_host.used -= d->length;
  hd_pool_put(&n->segments, d);
  send_on(n);
}

/* Posted writes keep their order, so the completion may follow at once. */
static void handed_over(struct storage *n, struct storage_command *c,
                        uint32_t bytes)
{
  c->left -= bytes;
  if (c->left == 0)
    storage_complete(n, c);
}

static void send_on(struct storage *n)
{
  while (may_go(n, &n->to_host)) {
    struct storage_segment *s = pop(&n->to_host);
    struct storage_command *c = s->command;
    uint32_t bytes = s->dma.length;
    if (c->request != NULL) {
      pcie_requester_write(n->endpoint.requester, &s->dma);
    } else {
      n->to_host.used -= bytes;
      hd_pool_put(&n->segments, s);
    }
    handed_over(n, c, bytes);
  }
}

void storage_send_payload(struct storage *n, struct storage_command *c,
                          uint32_t offset, uint32_t bytes)
{
  if (c->request == NULL) {
    handed_over(n, c, bytes);
    return;
  }
  add_segments(n, &n->to_host, c, offset, bytes, sent);
  send_on(n);
}

/* ---- from the host ------------------------------------------------------- */

static void get_more(struct storage *n);

static void came(struct storage *n, struct storage_segment *s)
{
  struct storage_command *c = s->command;
  n->from_host.used -= s->dma.length;
  c->left -= s->dma.length;
  hd_pool_put(&n->segments, s);
  if (c->left == 0)
    storage_write_data(n, c);
}

static void payload_arrived(struct hd_component *device, struct pcie_dma *d)
{
  struct storage *n = (struct storage *)device;
  struct storage_segment *s = (struct storage_segment *)d;
  struct storage_command *c = s->command;
  if (d->status != PCIE_SC) {
    storage_fault(n, c->queue->owner);
    storage_fail(c, BLOCK_TRANSFER_ERROR);
  } else {
    c->passed = store_pass(n->store, d->length);
  }
  c->translation = hd_time_max(c->translation, d->translation);
  came(n, s);
  get_more(n);
}

static void get_more(struct storage *n)
{
  while (may_go(n, &n->from_host)) {
    struct storage_segment *s = pop(&n->from_host);
    if (s->command->request != NULL)
      pcie_requester_read(n->endpoint.requester, &s->dma);
    else
      came(n, s);
  }
}

void storage_get_payload(struct storage *n, struct storage_command *c)
{
  if (c->request == NULL) {
    storage_write_data(n, c);
    return;
  }
  add_segments(n, &n->from_host, c, 0, c->bytes, payload_arrived);
  get_more(n);
}
