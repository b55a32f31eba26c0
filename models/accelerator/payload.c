/*
 * payload.c - data between device and host.
 *
 * Data is cut at pieces of scatter lists and at the host's pages. Segments of
 * all requests go in order, as many bytes at a time as the window allows; the
 * requester cuts them further and holds the tags.
 */
#include "models/accelerator/internal.h"

enum { PAGE = 4096 };

/* ---- segments ------------------------------------------------------------ */

static void push(struct accelerator_lane *l, struct accelerator_segment *s)
{
  if (l->first != NULL)
    l->last->next = s;
  else
    l->first = s;
  l->last = s;
}

static bool may_go(const struct accelerator *n,
                   const struct accelerator_lane *l)
{
  return l->first != NULL && (l->used == 0 || l->used + l->first->dma.length <=
                                                  n->params.dma_window);
}

static struct accelerator_segment *pop(struct accelerator_lane *l)
{
  struct accelerator_segment *s = l->first;
  l->first = s->next;
  l->used += s->dma.length;
  return s;
}

static void add_flat(struct accelerator *n, struct accelerator_lane *l,
                     struct accelerator_work *w, uint64_t address,
                     uint32_t bytes, pcie_dma_done done)
{
  w->left += bytes;
  while (bytes > 0) {
    uint32_t part = PAGE - (uint32_t)(address % PAGE);
    part = part < bytes ? part : bytes;
    struct accelerator_segment *s = hd_pool_get(&n->segments);
    *s = (struct accelerator_segment){
        .dma = {.address = address, .length = part, .done = done}, .work = w};
    accelerator_identify(w->bank->owner, &s->dma);
    push(l, s);
    address += part;
    bytes -= part;
  }
}

static void add_buffer(struct accelerator *n, struct accelerator_lane *l,
                       struct accelerator_work *w,
                       const struct accelerator_buffer *b, uint32_t bytes,
                       pcie_dma_done done)
{
  if (b->pieces == NULL) {
    add_flat(n, l, w, b->address, bytes, done);
    return;
  }
  for (uint32_t i = 0; bytes > 0; i++) {
    uint32_t part = b->pieces[i].bytes < bytes ? b->pieces[i].bytes : bytes;
    add_flat(n, l, w, b->pieces[i].address, part, done);
    bytes -= part;
  }
}

/* ---- from the host ------------------------------------------------------- */

static void get_more(struct accelerator *n);

static void came(struct accelerator *n, struct accelerator_segment *s)
{
  struct accelerator_work *w = s->work;
  n->from_host.used -= s->dma.length;
  w->left -= s->dma.length;
  hd_pool_put(&n->segments, s);
  if (w->left == 0)
    accelerator_data(n, w);
}

static void data_arrived(struct hd_component *device, struct pcie_dma *d)
{
  struct accelerator *n = (struct accelerator *)device;
  struct accelerator_segment *s = (struct accelerator_segment *)d;
  struct accelerator_work *w = s->work;
  if (d->status != PCIE_SC) {
    accelerator_fault(n, w->bank->owner);
    accelerator_fail(w, ACCELERATOR_TRANSFER_ERROR);
  }
  w->translation = hd_time_max(w->translation, d->translation);
  came(n, s);
  get_more(n);
}

static void get_more(struct accelerator *n)
{
  while (may_go(n, &n->from_host)) {
    struct accelerator_segment *s = pop(&n->from_host);
    if (s->work->request != NULL)
      pcie_requester_read(n->endpoint.requester, &s->dma);
    else
      came(n, s);
  }
}

void accelerator_get_data(struct accelerator *n, struct accelerator_work *w)
{
  const struct accelerator_request *r = w->request;
  if (r->content != 0)
    add_flat(n, &n->from_host, w, r->content,
             accelerator_kinds[w->algorithm].content, data_arrived);
  add_buffer(n, &n->from_host, w, &r->source, w->input, data_arrived);
  get_more(n);
}

/* ---- to the host --------------------------------------------------------- */

static void put_more(struct accelerator *n);

/* The segment has left the device; its work may be long gone. */
static void sent(struct hd_component *device, struct pcie_dma *d)
{
  struct accelerator *n = (struct accelerator *)device;
  n->to_host.used -= d->length;
  hd_pool_put(&n->segments, d);
  put_more(n);
}

/* Posted writes keep their order, so the response may follow at once. */
static void put_more(struct accelerator *n)
{
  while (may_go(n, &n->to_host)) {
    struct accelerator_segment *s = pop(&n->to_host);
    struct accelerator_work *w = s->work;
    uint32_t bytes = s->dma.length;
    if (w->request != NULL) {
      pcie_requester_write(n->endpoint.requester, &s->dma);
    } else {
      n->to_host.used -= bytes;
      hd_pool_put(&n->segments, s);
    }
    w->left -= bytes;
    if (w->left == 0)
      accelerator_respond(n, w);
  }
}

void accelerator_put_data(struct accelerator *n, struct accelerator_work *w)
{
  add_buffer(n, &n->to_host, w, &w->request->destination, w->output, sent);
  put_more(n);
}
