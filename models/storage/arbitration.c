/*
 * arbitration.c - which queue is served next, and the fetch of its entries.
 *
 * Round robin with a burst (4.13.1, 5.21.1.1): the queue whose turn it is may
 * have up to a burst of commands fetched, in one read or more, then the next
 * one with work follows. So over any time in which both have work, two queues
 * differ by at most a burst. A fetch needs a place for each of its commands, a
 * free fetch engine, and the arbiter.
 */
#include "models/storage/internal.h"

/* ---- round --------------------------------------------------------------- */

void storage_activate(struct storage *n, struct storage_queue *q)
{
  if (q->next != NULL || !q->live || q->stopped || q->failed ||
      q->announced == q->requested)
    return;
  q->turn = n->params.arbitration_burst;
  if (n->round == NULL) {
    q->next = q->prev = q;
    n->round = q;
    return;
  }
  q->next = n->round;
  q->prev = n->round->prev;
  q->prev->next = q;
  q->next->prev = q;
}

void storage_deactivate(struct storage *n, struct storage_queue *q)
{
  if (q->next == NULL)
    return;
  if (q->next == q)
    n->round = NULL;
  else if (n->round == q)
    n->round = q->next;
  q->prev->next = q->next;
  q->next->prev = q->prev;
  q->next = q->prev = NULL;
}

/* ---- fetch --------------------------------------------------------------- */

/* The entries of a fetch are here, or, if it failed, unknown. */
static void take_entries(struct storage *n, struct storage_queue *q,
                         const struct storage_fetch *f)
{
  q->arrived += f->count;
  if (f->dma.status == PCIE_SC) {
    for (uint32_t i = 0; i < f->count; i++)
      storage_take(n, q, f->first + i, f);
    return;
  }
  storage_fault(n, q->owner);
  q->failed = true;
  q->stranded += f->count;
  storage_deactivate(n, q);
  n->slots_free += f->count;
  storage_left(n, q->owner, f->count);
}

/* Entries are taken in the order of the queue, whatever read is faster. */
static void take_in_order(struct storage *n, struct storage_queue *q)
{
  while (q->fetch != NULL && q->fetch->done) {
    struct storage_fetch *f = q->fetch;
    q->fetch = f->next;
    n->fetches_open--;
    take_entries(n, q, f);
    hd_pool_put(&n->fetches, f);
  }
}

static void fetch_done(struct hd_component *device, struct pcie_dma *d)
{
  struct storage *n = (struct storage *)device;
  struct storage_fetch *f = (struct storage_fetch *)d;
  struct storage_queue *q = f->queue;
  f->done = true;
  if (f->epoch == q->epoch) {
    take_in_order(n, q);
  } else {
    n->fetches_open--;
    n->slots_free += f->count;
    storage_left(n, q->owner, f->count);
    hd_pool_put(&n->fetches, f);
  }
  storage_arbitrate(n);
}

static uint32_t least(int64_t a, int64_t b)
{
  return (uint32_t)(a < b ? a : b);
}

/* Entries the next fetch of the queue takes: at least one. */
static uint32_t wanted(const struct storage *n, const struct storage_queue *q)
{
  uint32_t count = least((int64_t)(q->announced - q->requested), q->turn);
  uint32_t to_end = q->ring->size - storage_slot(q, q->requested);
  return least(least(count, to_end), n->slots_free);
}

static void begin_fetch(struct storage *n, struct storage_queue *q,
                        uint32_t count)
{
  struct storage_fetch *f = hd_pool_get(&n->fetches);
  *f = (struct storage_fetch){
      .dma = {.address =
                  q->ring->submission +
                  (uint64_t)storage_slot(q, q->requested) * STORAGE_SQ_ENTRY,
              .length = count * STORAGE_SQ_ENTRY,
              .done = fetch_done},
      .queue = q,
      .first = q->requested,
      .count = count,
      .epoch = q->epoch,
      .started = hd_now(&n->base)};
  storage_identify(q->owner, &f->dma);
  f->dma.flags |= PCIE_DESCRIPTOR;
  if (q->fetch != NULL)
    q->fetch_end->next = f;
  else
    q->fetch = f;
  q->fetch_end = f;
  q->requested += count;
  q->owner->inside += count;
  n->slots_free -= count;
  n->fetches_open++;
  n->counts.fetches += storage_counts(n);
  pcie_requester_read(n->endpoint.requester, &f->dma);
}

static void serve(struct storage *n)
{
  struct storage_queue *q = n->round;
  uint32_t count = wanted(n, q);
  begin_fetch(n, q, count);
  q->turn -= count;
  if (q->announced == q->requested) {
    storage_deactivate(n, q);
  } else if (q->turn == 0) {
    q->turn = n->params.arbitration_burst;
    n->round = q->next;
  }
}

void storage_arbitrate(struct storage *n)
{
  while (!n->arbiter_waits && n->round != NULL && n->slots_free > 0 &&
         n->fetches_open < n->params.fetches) {
    hd_time now = hd_now(&n->base), at = hd_time_max(now, n->arbiter_free);
    if (at > now) {
      n->arbiter_waits = true;
      hd_schedule(&n->base, at - now,
                  storage_timer(n, STORAGE_TIMER_FETCH, NULL));
      return;
    }
    n->arbiter_free =
        at + hd_clock_take(&n->fetch_clock, n->params.fetch_cycles);
    serve(n);
  }
}

void storage_arbiter_free(struct storage *n)
{
  n->arbiter_waits = false;
  storage_arbitrate(n);
}
