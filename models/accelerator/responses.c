/*
 * responses.c - response entries.
 *
 * Entries are posted in the order in which requests end. A response ring holds
 * size - 1 entries; responses beyond wait, with their threads, until the
 * driver's head says that it has read some.
 */
#include "models/accelerator/internal.h"

/* ---- accounts ------------------------------------------------------------ */

static void account(struct accelerator *n, const struct accelerator_work *w)
{
  hd_time now = hd_now(&n->base);
  struct accelerator_interface_stats *own = &w->bank->owner->stats;
  n->totals.answered++;
  n->totals.depth--;
  hd_gauge_add(&n->depth, n->window, now, -1);
  if (!accelerator_counts(n))
    return;
  n->counts.answered++;
  n->counts.request_time += now - w->announced;
  if (w->status != ACCELERATOR_OK) {
    n->counts.errors++, own->errors++;
    return;
  }
  n->counts.requests[w->bank->service]++, own->requests++;
  n->counts.bytes[w->bank->service] += w->input;
  own->bytes += w->input;
  n->counts.produced += w->output, own->produced += w->output;
}

/* ---- the end of a request ------------------------------------------------ */

static void unlink_work(struct accelerator_work *w)
{
  if (w->prev != NULL)
    w->prev->next = w->next;
  else
    w->bank->works = w->next;
  if (w->next != NULL)
    w->next->prev = w->prev;
}

static void end(struct accelerator *n, struct accelerator_work *w)
{
  struct accelerator_function *f = w->bank->owner;
  if (w->request != NULL)
    unlink_work(w);
  n->totals.inside--;
  hd_gauge_add(&n->inside, n->window, hd_now(&n->base), -1);
  accelerator_engine_give(n, w->engine);
  hd_pool_put(&n->works, w);
  accelerator_left(n, f, 1);
}

static void write_entry(struct accelerator *n, const struct accelerator_work *w)
{
  struct accelerator_bank *k = w->bank;
  const struct accelerator_ring *r = k->ring;
  uint32_t slot = accelerator_slot(k, k->posted);
  struct pcie_dma d = {.address = r->responses +
                                  (uint64_t)slot * ACCELERATOR_RESPONSE_BYTES,
                       .length = ACCELERATOR_RESPONSE_BYTES,
                       .data = ACCELERATOR_EVENT(k->index, slot),
                       .object = w->request};
  accelerator_identify(k->owner, &d);
  d.observer = r->observer;
  d.flags |= PCIE_DESCRIPTOR;
  pcie_requester_write(n->endpoint.requester, &d);
}

static void post(struct accelerator *n, struct accelerator_work *w)
{
  struct accelerator_bank *k = w->bank;
  w->request->status = w->status;
  w->request->produced = w->status == ACCELERATOR_OK ? w->output : 0;
  accelerator_mark(n, w, HD_STAGE_RECEIVE_PATH);
  write_entry(n, w);
  if (k->posted++ == k->consumed)
    k->since = hd_now(&n->base);
  account(n, w);
  end(n, w);
  accelerator_signal(n, k);
}

/* ---- room ---------------------------------------------------------------- */

static bool has_room(const struct accelerator_bank *k)
{
  return k->posted - k->consumed < k->ring->size - 1;
}

static void hold(struct accelerator *n, struct accelerator_work *w)
{
  struct accelerator_bank *k = w->bank;
  w->waiting = NULL;
  if (k->held != NULL)
    k->held_end->waiting = w;
  else
    k->held = w;
  k->held_end = w;
  n->counts.responses_held += accelerator_counts(n);
}

void accelerator_respond(struct accelerator *n, struct accelerator_work *w)
{
  if (w->request == NULL)
    end(n, w);
  else if (w->bank->held == NULL && has_room(w->bank))
    post(n, w);
  else
    hold(n, w);
  accelerator_arbitrate(n);
}

void accelerator_post_held(struct accelerator *n, struct accelerator_bank *k)
{
  while (k->held != NULL && has_room(k)) {
    struct accelerator_work *w = k->held;
    k->held = w->waiting;
    post(n, w);
  }
}
