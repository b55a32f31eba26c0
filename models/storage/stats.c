/*
 * stats.c - results, and what must balance.
 */
#include "models/storage/internal.h"

/* ---- results ------------------------------------------------------------- */

static hd_time end_of(const struct storage *n)
{
  struct hd_engine_report r;
  hd_engine_get_report(n->base.engine, &r);
  return r.end != HD_TIME_NEVER ? r.end : hd_now(&n->base);
}

void storage_get_interface_stats(const struct storage *n, uint32_t index,
                                 struct storage_interface_stats *s)
{
  const struct storage_function *f =
      index < n->n_functions ? n->functions[index] : NULL;
  *s = f != NULL ? f->stats : (struct storage_interface_stats){0};
}

const struct pcie_requester *storage_requester(const struct storage *n)
{
  return n->endpoint.requester;
}

void storage_get_stats(const struct storage *n, struct storage_stats *s)
{
  hd_time end = end_of(n);
  struct pcie_requester_stats r;
  pcie_requester_get_stats(n->endpoint.requester, &r);
  *s = n->counts;
  s->queue_depth_mean = hd_gauge_mean(&n->depth, n->window, end);
  s->inside_mean = hd_gauge_mean(&n->inside, n->window, end);
  s->pipeline_utilization =
      hd_busy_utilization(&n->pipeline_busy, n->window, end);
  s->tags_mean = r.tags_mean;
  s->read_requests = r.requests;
  s->read_latency_sum = r.request_latency_sum;
  store_get_stats(n->store, &s->store, end);
}

uint64_t storage_announced(const struct storage *n)
{
  return n->totals.announced;
}

uint64_t storage_completed(const struct storage *n)
{
  return n->totals.completed;
}

uint64_t storage_forgotten(const struct storage *n)
{
  return n->totals.forgotten;
}

uint64_t storage_held(const struct storage *n)
{
  return n->totals.announced - n->totals.completed - n->totals.forgotten;
}

const struct store *storage_store(const struct storage *n)
{
  return n->store;
}

/* ---- checks -------------------------------------------------------------- */

static uint64_t length(const struct storage_command *c)
{
  uint64_t count = 0;
  for (; c != NULL; c = c->next)
    count++;
  return count;
}

static const char *check_queue(const struct storage_queue *q)
{
  if (q->announced < q->requested || q->requested < q->arrived ||
      q->arrived < q->posted || q->posted < q->consumed ||
      q->announced - q->arrived >= q->ring->size ||
      q->posted - q->consumed >= q->ring->size)
    return "storage: a queue's counters are out of order";
  if (length(q->commands) != q->arrived - q->posted - q->stranded)
    return "storage: commands fetched are neither inside nor completed";
  bool works =
      q->live && !q->stopped && !q->failed && q->announced > q->requested;
  if (works != (q->next != NULL))
    return "storage: a queue's place in the round is wrong";
  return NULL;
}

static const char *check_queues(const struct storage *n)
{
  uint64_t left = 0;
  for (const struct storage_function *f = n->all; f != NULL; f = f->older) {
    for (uint16_t i = 0; i < f->config.queue_pairs; i++) {
      const char *fault = check_queue(&f->queues[i]);
      if (fault != NULL)
        return fault;
      left += f->queues[i].announced - f->queues[i].posted;
    }
    if (f->inside == 0 && f->stopping != NULL)
      return "storage: a stop is not answered though nothing is inside";
  }
  if (left != storage_held(n) || (int64_t)left != n->totals.depth ||
      n->totals.depth != n->depth.value)
    return "storage: commands announced are neither completed nor held";
  return NULL;
}

/* Every vector knows how many entries its queues hold. */
static const char *check_vectors(const struct storage *n)
{
  uint64_t entries = 0, unread = 0;
  for (const struct storage_function *f = n->all; f != NULL; f = f->older)
    for (uint16_t i = 0; i < f->config.queue_pairs; i++)
      entries += f->queues[i].posted - f->queues[i].consumed;
  for (int64_t v = 0; v < n->params.vectors; v++)
    unread += n->vectors[v].unread;
  return entries == unread ? NULL
                           : "storage: unread completions do not balance";
}

static const char *check_room(const struct storage *n)
{
  int64_t inside = 0, fetching;
  for (const struct storage_function *f = n->all; f != NULL; f = f->older)
    inside += (int64_t)f->inside;
  fetching = inside - n->totals.inside;
  if (n->totals.inside != (int64_t)n->commands.live ||
      n->totals.inside != n->inside.value || fetching < 0 ||
      n->slots_free != n->params.commands - inside)
    return "storage: places for commands do not balance";
  if (n->fetches_open != (int64_t)n->fetches.live ||
      (n->fetches_open == 0) != (fetching == 0))
    return "storage: fetches do not balance";
  return NULL;
}

static const char *check_payload(const struct storage *n)
{
  int64_t waiting = 0, used = n->to_host.used + n->from_host.used;
  for (const struct storage_segment *s = n->to_host.first; s; s = s->next)
    waiting++;
  for (const struct storage_segment *s = n->from_host.first; s; s = s->next)
    waiting++;
  int64_t under_way = (int64_t)n->segments.live - waiting;
  if (n->to_host.used < 0 || n->from_host.used < 0 || under_way < 0 ||
      (under_way == 0) != (used == 0) ||
      used > under_way * (int64_t)BLOCK_PAGE_BYTES)
    return "storage: payload under way does not balance";
  if (waiting > 0 && under_way == 0)
    return "storage: payload waits for nothing";
  if (n->commands.live == 0 &&
      (waiting > 0 || store_reserved(n->store) > 0 || n->from_host.used > 0))
    return "storage: an idle device holds payload";
  return NULL;
}

const char *storage_check(const struct storage *n)
{
  const char *fault = pcie_requester_check(n->endpoint.requester);
  if (fault == NULL)
    fault = check_queues(n);
  if (fault == NULL)
    fault = check_vectors(n);
  if (fault == NULL)
    fault = check_room(n);
  if (fault == NULL)
    fault = check_payload(n);
  if (fault == NULL)
    fault = store_check(n->store);
  return fault;
}
