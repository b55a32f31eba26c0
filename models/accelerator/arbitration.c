/*
 * arbitration.c - which bank is served next, and the fetch of its entries.
 *
 * The arbiter serves the services in turn, those with work and a free thread.
 * Within a service it is round robin with a burst: the bank whose turn it is
 * may have up to a burst of requests fetched, in one read or more, then the
 * next one with work follows. So over any time in which both have work, two
 * banks differ by at most a burst. A fetch needs a thread for each of its
 * requests, a free fetch engine, and the arbiter.
 */
#include "models/accelerator/internal.h"

/* ---- round --------------------------------------------------------------- */

void accelerator_activate(struct accelerator *n, struct accelerator_bank *k)
{
  struct accelerator_bank **round = &n->round[k->service];
  if (k->next != NULL || !k->live || k->stopped || k->failed ||
      k->announced == k->requested)
    return;
  k->turn = n->params.arbitration_burst;
  if (*round == NULL) {
    k->next = k->prev = k;
    *round = k;
    return;
  }
  k->next = *round;
  k->prev = (*round)->prev;
  k->prev->next = k;
  k->next->prev = k;
}

void accelerator_deactivate(struct accelerator *n, struct accelerator_bank *k)
{
  struct accelerator_bank **round = &n->round[k->service];
  if (k->next == NULL)
    return;
  if (k->next == k)
    *round = NULL;
  else if (*round == k)
    *round = k->next;
  k->prev->next = k->next;
  k->next->prev = k->prev;
  k->next = k->prev = NULL;
}

/* ---- fetch --------------------------------------------------------------- */

static void give_threads(struct accelerator *n, struct accelerator_bank *k,
                         const struct accelerator_fetch *f)
{
  n->threads_free[k->service] += f->count;
  accelerator_left(n, k->owner, f->count);
}

/* The entries of a fetch are here, or, if it failed, unknown. */
static void take_entries(struct accelerator *n, struct accelerator_bank *k,
                         const struct accelerator_fetch *f)
{
  k->arrived += f->count;
  if (f->dma.status == PCIE_SC) {
    for (uint32_t i = 0; i < f->count; i++)
      accelerator_take(n, k, f->first + i, f);
    return;
  }
  accelerator_fault(n, k->owner);
  k->failed = true;
  k->stranded += f->count;
  accelerator_deactivate(n, k);
  give_threads(n, k, f);
}

/* Entries are taken in the order of the ring, whatever read is faster. */
static void take_in_order(struct accelerator *n, struct accelerator_bank *k)
{
  while (k->fetch != NULL && k->fetch->done) {
    struct accelerator_fetch *f = k->fetch;
    k->fetch = f->next;
    n->fetches_open--;
    take_entries(n, k, f);
    hd_pool_put(&n->fetches, f);
  }
}

static void fetch_done(struct hd_component *device, struct pcie_dma *d)
{
  struct accelerator *n = (struct accelerator *)device;
  struct accelerator_fetch *f = (struct accelerator_fetch *)d;
  struct accelerator_bank *k = f->bank;
  f->done = true;
  if (f->epoch == k->epoch) {
    take_in_order(n, k);
  } else {
    n->fetches_open--;
    give_threads(n, k, f);
    hd_pool_put(&n->fetches, f);
  }
  accelerator_arbitrate(n);
}

static uint32_t least(int64_t a, int64_t b)
{
  return (uint32_t)(a < b ? a : b);
}

/* Entries the next fetch of the bank takes: at least one. */
static uint32_t wanted(const struct accelerator *n,
                       const struct accelerator_bank *k)
{
  uint32_t count = least((int64_t)(k->announced - k->requested), k->turn);
  uint32_t to_end = k->ring->size - accelerator_slot(k, k->requested);
  return least(least(count, to_end), n->threads_free[k->service]);
}

static void begin_fetch(struct accelerator *n, struct accelerator_bank *k,
                        uint32_t count)
{
  struct accelerator_fetch *f = hd_pool_get(&n->fetches);
  uint32_t entry = accelerator_entry(k->service);
  *f = (struct accelerator_fetch){
      .dma = {.address = k->ring->requests +
                         (uint64_t)accelerator_slot(k, k->requested) * entry,
              .length = count * entry,
              .done = fetch_done},
      .bank = k,
      .first = k->requested,
      .count = count,
      .epoch = k->epoch,
      .started = hd_now(&n->base)};
  accelerator_identify(k->owner, &f->dma);
  f->dma.flags |= PCIE_DESCRIPTOR;
  if (k->fetch != NULL)
    k->fetch_end->next = f;
  else
    k->fetch = f;
  k->fetch_end = f;
  k->requested += count;
  k->owner->inside += count;
  n->threads_free[k->service] -= count;
  n->fetches_open++;
  n->counts.fetches += accelerator_counts(n);
  pcie_requester_read(n->endpoint.requester, &f->dma);
}

static void serve(struct accelerator *n, int service)
{
  struct accelerator_bank *k = n->round[service];
  uint32_t count = wanted(n, k);
  begin_fetch(n, k, count);
  k->turn -= count;
  if (k->announced == k->requested) {
    accelerator_deactivate(n, k);
  } else if (k->turn == 0) {
    k->turn = n->params.arbitration_burst;
    n->round[service] = k->next;
  }
}

/* The service whose turn it is, of those that can be served; -1: none. */
static int next_service(const struct accelerator *n)
{
  for (int i = 0; i < ACCELERATOR_SERVICES; i++) {
    int s = (n->next_service + i) % ACCELERATOR_SERVICES;
    if (n->round[s] != NULL && n->threads_free[s] > 0)
      return s;
  }
  return -1;
}

void accelerator_arbitrate(struct accelerator *n)
{
  int s;
  while (!n->arbiter_waits && n->fetches_open < n->params.fetches &&
         (s = next_service(n)) >= 0) {
    hd_time now = hd_now(&n->base), at = hd_time_max(now, n->arbiter_free);
    if (at > now) {
      n->arbiter_waits = true;
      hd_schedule(&n->base, at - now,
                  accelerator_timer(n, ACCELERATOR_TIMER_FETCH, NULL));
      return;
    }
    n->arbiter_free =
        at + hd_clock_take(&n->fetch_clock, n->params.fetch_cycles);
    n->next_service = (s + 1) % ACCELERATOR_SERVICES;
    serve(n, s);
  }
}

void accelerator_arbiter_free(struct accelerator *n)
{
  n->arbiter_waits = false;
  accelerator_arbitrate(n);
}
