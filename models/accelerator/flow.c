/*
 * flow.c - a request's way through the device.
 *
 * A request whose bank has been reset is gone from its work: the work touches
 * the host no more, gives back what it holds, and ends.
 */
#include "models/accelerator/internal.h"

void accelerator_mark(struct accelerator *n, struct accelerator_work *w,
                      enum hd_stage stage)
{
  if (w->request != NULL)
    hd_stamps_mark(&w->request->stamps, stage, hd_now(&n->base));
}

/* A stage that was DMA; of it, the translation. */
static void mark_dma(struct accelerator *n, struct accelerator_work *w,
                     enum hd_stage stage)
{
  if (w->request == NULL)
    return;
  accelerator_mark(n, w, stage);
  HD_REQUIRE(&n->base,
             hd_stamps_move(&w->request->stamps, stage, HD_STAGE_IOMMU,
                            w->translation),
             "translation took longer than the transfer");
  w->translation = 0;
}

/* ---- from the ring to an engine ------------------------------------------ */

static struct accelerator_work *new_work(struct accelerator *n,
                                         struct accelerator_bank *k,
                                         struct accelerator_request *r,
                                         hd_time announced)
{
  struct accelerator_work *w = hd_pool_get(&n->works);
  *w = (struct accelerator_work){.next = k->works,
                                 .bank = k,
                                 .request = r,
                                 .engine =
                                     accelerator_engine_take(n, k->service),
                                 .algorithm = r->algorithm,
                                 .announced = announced};
  if (k->works != NULL)
    k->works->prev = w;
  k->works = w;
  n->totals.inside++;
  hd_gauge_add(&n->inside, n->window, hd_now(&n->base), 1);
  return w;
}

void accelerator_take(struct accelerator *n, struct accelerator_bank *k,
                      uint64_t entry, const struct accelerator_fetch *f)
{
  hd_time now = hd_now(&n->base);
  uint32_t slot = accelerator_slot(k, entry);
  struct accelerator_request *r = k->ring->slot[slot];
  k->ring->slot[slot] = NULL; /* the driver may use it again */
  hd_stamps_mark(&r->stamps, HD_STAGE_DEVICE_QUEUE, f->started);
  struct accelerator_work *w = new_work(n, k, r, k->announced_at[slot]);
  w->translation = f->dma.translation;
  mark_dma(n, w, HD_STAGE_DESCRIPTOR_FETCH);
  hd_schedule(&n->base, accelerator_engine_run(n, w->engine) - now,
              accelerator_timer(n, ACCELERATOR_TIMER_ENGINE, w));
}

/* ---- examination --------------------------------------------------------- */

static uint32_t pieces_hold(const struct accelerator_buffer *b)
{
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < b->count; i++)
    bytes += b->pieces[i].bytes;
  return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

static bool is_sound(const struct accelerator_buffer *b, uint32_t bytes)
{
  return b->pieces == NULL || (b->count > 0 && b->count <= ACCELERATOR_PIECES &&
                               pieces_hold(b) >= bytes);
}

static uint32_t output_of(const struct accelerator_plan *plan,
                          const struct accelerator_kind *kind, uint32_t input)
{
  if (plan->ratio > 0) {
    uint32_t bytes = (uint32_t)((double)input * plan->ratio);
    return bytes > 0 ? bytes : 1;
  }
  return kind->input != 0 ? kind->output : input + kind->appended;
}

/* What the request asks for, as far as that can be said without its data. */
static enum accelerator_status examine(const struct accelerator *n,
                                       struct accelerator_work *w)
{
  const struct accelerator_request *r = w->request;
  if (w->algorithm >= ACCELERATOR_ALGORITHMS ||
      accelerator_kinds[w->algorithm].service != w->bank->service)
    return ACCELERATOR_INVALID;
  w->plan = &n->plans[w->algorithm];
  w->input = accelerator_input(r);
  if (w->input == 0 || w->input > n->params.max_request)
    return ACCELERATOR_INVALID;
  w->output = output_of(w->plan, &accelerator_kinds[w->algorithm], w->input);
  if (!is_sound(&r->source, w->input) || !is_sound(&r->destination, r->room))
    return ACCELERATOR_INVALID;
  if (w->plan->ratio <= 0 && w->output > r->room)
    return ACCELERATOR_INVALID;
  return ACCELERATOR_OK;
}

/* ---- scatter lists, data ------------------------------------------------- */

static void list_done(struct hd_component *device, struct pcie_dma *d)
{
  struct accelerator *n = (struct accelerator *)device;
  struct accelerator_work *w = ((struct accelerator_list *)d)->work;
  w->translation = hd_time_max(w->translation, d->translation);
  if (d->status != PCIE_SC) {
    accelerator_fault(n, w->bank->owner);
    accelerator_fail(w, ACCELERATOR_TRANSFER_ERROR);
  }
  if (--w->lists_left > 0)
    return;
  mark_dma(n, w, HD_STAGE_DESCRIPTOR_FETCH);
  if (w->request == NULL || w->status != ACCELERATOR_OK)
    accelerator_respond(n, w);
  else
    accelerator_get_data(n, w);
}

static void read_list(struct accelerator *n, struct accelerator_work *w,
                      int which, const struct accelerator_buffer *b)
{
  struct accelerator_list *l = &w->lists[which];
  l->work = w;
  l->dma = (struct pcie_dma){.address = b->address,
                             .length = (b->count + 1) * ACCELERATOR_LIST_ENTRY,
                             .done = list_done};
  accelerator_identify(w->bank->owner, &l->dma);
  l->dma.flags |= PCIE_DESCRIPTOR;
  pcie_requester_read(n->endpoint.requester, &l->dma);
}

void accelerator_begin(struct accelerator *n, struct accelerator_work *w)
{
  struct accelerator_request *r = w->request;
  accelerator_mark(n, w, HD_STAGE_DEVICE_QUEUE);
  if (r != NULL)
    accelerator_fail(w, examine(n, w));
  if (r == NULL || w->status != ACCELERATOR_OK) {
    accelerator_respond(n, w);
    return;
  }
  w->lists_left =
      (uint8_t)((r->source.pieces != NULL) + (r->destination.pieces != NULL));
  if (w->lists_left == 0) {
    accelerator_get_data(n, w);
    return;
  }
  if (r->source.pieces != NULL)
    read_list(n, w, 0, &r->source);
  if (r->destination.pieces != NULL)
    read_list(n, w, 1, &r->destination);
}

void accelerator_data(struct accelerator *n, struct accelerator_work *w)
{
  mark_dma(n, w, HD_STAGE_PAYLOAD_READ);
  if (w->request == NULL || w->status != ACCELERATOR_OK)
    accelerator_respond(n, w);
  else
    accelerator_slice_request(n, w);
}

/* ---- result -------------------------------------------------------------- */

void accelerator_staged(struct accelerator *n, struct accelerator_work *w)
{
  w->stage++;
  if (w->request != NULL && w->stage < w->plan->stages) {
    accelerator_slice_request(n, w);
    return;
  }
  if (w->request != NULL && w->output > w->request->room)
    accelerator_fail(w, ACCELERATOR_OVERFLOW);
  if (w->request == NULL || w->status != ACCELERATOR_OK || w->output == 0)
    accelerator_respond(n, w);
  else
    accelerator_put_data(n, w);
}
