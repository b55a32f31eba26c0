/*
 * stats.c - results, and what must balance.
 */
#include "models/accelerator/internal.h"

/* ---- results ------------------------------------------------------------- */

static hd_time end_of(const struct accelerator *n)
{
  struct hd_engine_report r;
  hd_engine_get_report(n->base.engine, &r);
  return r.end != HD_TIME_NEVER ? r.end : hd_now(&n->base);
}

void accelerator_get_interface_stats(const struct accelerator *n,
                                     uint32_t index,
                                     struct accelerator_interface_stats *s)
{
  const struct accelerator_function *f =
      index < n->n_functions ? n->functions[index] : NULL;
  *s = f != NULL ? f->stats : (struct accelerator_interface_stats){0};
}

static double each(const struct hd_busy *b, int64_t servers,
                   const struct accelerator *n, hd_time end)
{
  return servers > 0 ? hd_busy_utilization(b, n->window, end) / (double)servers
                     : 0;
}

const struct pcie_requester *accelerator_requester(const struct accelerator *n)
{
  return n->endpoint.requester;
}

void accelerator_get_stats(const struct accelerator *n,
                           struct accelerator_stats *s)
{
  const struct accelerator_params *p = &n->params;
  const int64_t engines[ACCELERATOR_SERVICES] = {
      p->sym_engines, p->asym_engines, p->dc_engines};
  hd_time end = end_of(n);
  struct pcie_requester_stats r;
  pcie_requester_get_stats(n->endpoint.requester, &r);
  *s = n->counts;
  s->depth_mean = hd_gauge_mean(&n->depth, n->window, end);
  s->inside_mean = hd_gauge_mean(&n->inside, n->window, end);
  for (int i = 0; i < ACCELERATOR_SERVICES; i++)
    s->engine_utilization[i] = each(&n->engine_busy[i], engines[i], n, end);
  for (int i = 0; i < ACCELERATOR_SLICES; i++) {
    const struct accelerator_slices *l = &n->slices[i];
    s->slice_utilization[i] = each(&l->used, l->count, n, end);
    s->slice_queue_mean[i] = hd_gauge_mean(&l->waiting, n->window, end);
  }
  s->tags_mean = r.tags_mean;
  s->read_requests = r.requests;
  s->read_latency_sum = r.request_latency_sum;
}

uint64_t accelerator_announced(const struct accelerator *n)
{
  return n->totals.announced;
}

uint64_t accelerator_answered(const struct accelerator *n)
{
  return n->totals.answered;
}

uint64_t accelerator_forgotten(const struct accelerator *n)
{
  return n->totals.forgotten;
}

uint64_t accelerator_held(const struct accelerator *n)
{
  return n->totals.announced - n->totals.answered - n->totals.forgotten;
}

/* ---- checks -------------------------------------------------------------- */

static uint64_t length(const struct accelerator_work *w)
{
  uint64_t count = 0;
  for (; w != NULL; w = w->next)
    count++;
  return count;
}

static const char *check_bank(const struct accelerator_bank *k)
{
  if (k->announced < k->requested || k->requested < k->arrived ||
      k->arrived < k->posted || k->posted < k->consumed ||
      k->announced - k->arrived >= k->ring->size ||
      k->posted - k->consumed >= k->ring->size)
    return "accelerator: a bank's counters are out of order";
  if (length(k->works) != k->arrived - k->posted - k->stranded)
    return "accelerator: requests fetched are neither inside nor answered";
  bool works =
      k->live && !k->stopped && !k->failed && k->announced > k->requested;
  if (works != (k->next != NULL))
    return "accelerator: a bank's place in the round is wrong";
  if (k->enabled && k->posted > k->consumed && !k->armed)
    return "accelerator: a bank's interrupt has been lost";
  return NULL;
}

static const char *check_banks(const struct accelerator *n)
{
  uint64_t left = 0;
  for (const struct accelerator_function *f = n->all; f != NULL; f = f->older) {
    for (uint16_t i = 0; i < f->config.banks; i++) {
      const char *fault = check_bank(&f->banks[i]);
      if (fault != NULL)
        return fault;
      left += f->banks[i].announced - f->banks[i].posted;
    }
    if (f->inside == 0 && f->stopping != NULL)
      return "accelerator: a stop is not answered though nothing is inside";
  }
  if (left != accelerator_held(n) || (int64_t)left != n->totals.depth ||
      n->totals.depth != n->depth.value)
    return "accelerator: requests announced are neither answered nor held";
  return NULL;
}

/* A thread is free, has a request, or waits for the entry of one. */
static const char *check_threads(const struct accelerator *n)
{
  int64_t inside = 0, reserved = 0, unused = 0;
  for (const struct accelerator_function *f = n->all; f != NULL; f = f->older)
    inside += (int64_t)f->inside;
  for (int s = 0; s < ACCELERATOR_SERVICES; s++)
    reserved += accelerator_threads(&n->params, s) - n->threads_free[s];
  for (size_t i = 0; i < n->n_engines; i++)
    unused += n->engines[i].threads_free;
  for (int s = 0; s < ACCELERATOR_SERVICES; s++)
    unused -= n->threads_free[s];
  int64_t fetching = inside - n->totals.inside;
  if (n->totals.inside != (int64_t)n->works.live ||
      n->totals.inside != n->inside.value || fetching < 0 ||
      reserved != inside || unused != fetching)
    return "accelerator: threads do not balance";
  if (n->fetches_open != (int64_t)n->fetches.live ||
      (n->fetches_open == 0) != (fetching == 0))
    return "accelerator: fetches do not balance";
  if (n->fetches_open > 0 &&
      pcie_requester_tags_used(n->endpoint.requester) == 0 &&
      pcie_requester_waiting(n->endpoint.requester) == 0)
    return "accelerator: fetches are under way that nobody reads";
  return NULL;
}

static const char *check_slices(const struct accelerator *n)
{
  for (int i = 0; i < ACCELERATOR_SLICES; i++) {
    const struct accelerator_slices *s = &n->slices[i];
    int64_t waiting = 0;
    for (const struct accelerator_work *w = s->first; w; w = w->waiting)
      waiting++;
    if (s->busy < 0 || s->busy > s->count || waiting != s->waiting.value ||
        (waiting > 0 && s->busy < s->count))
      return "accelerator: a slice is idle while requests wait for it";
  }
  return NULL;
}

static const char *check_payload(const struct accelerator *n)
{
  int64_t waiting = 0, used = n->to_host.used + n->from_host.used;
  for (const struct accelerator_segment *s = n->to_host.first; s; s = s->next)
    waiting++;
  for (const struct accelerator_segment *s = n->from_host.first; s; s = s->next)
    waiting++;
  int64_t under_way = (int64_t)n->segments.live - waiting;
  if (n->to_host.used < 0 || n->from_host.used < 0 || under_way < 0 ||
      (under_way == 0) != (used == 0))
    return "accelerator: data under way does not balance";
  if (waiting > 0 && under_way == 0)
    return "accelerator: data waits for nothing";
  if (n->works.live == 0 && (waiting > 0 || n->from_host.used > 0))
    return "accelerator: an idle device holds data";
  return NULL;
}

const char *accelerator_check(const struct accelerator *n)
{
  const char *fault = pcie_requester_check(n->endpoint.requester);
  if (fault == NULL)
    fault = check_banks(n);
  if (fault == NULL)
    fault = check_threads(n);
  if (fault == NULL)
    fault = check_slices(n);
  if (fault == NULL)
    fault = check_payload(n);
  return fault;
}
