/*
 * store.c - the store's life, the internal data path, requests, results.
 */
#include "models/storage/store_internal.h"

#include <stdlib.h>

/* ---- shared helpers ------------------------------------------------------ */

void store_timer(struct store *s, enum store_timer tag, struct store_op *op,
                 hd_time at)
{
  struct store_msg *m = hd_msg_new(s->device, MSG_STORAGE_STORE);
  m->msg.tag = tag;
  m->op = op;
  hd_schedule(s->device, at - hd_now(s->device), m);
}

struct store_op *store_op_new(struct store *s, struct store_request *r,
                              uint32_t offset, uint32_t bytes)
{
  struct store_op *op = hd_pool_get(&s->ops);
  *op = (struct store_op){.request = r, .offset = offset, .bytes = bytes};
  return op;
}

/* ---- internal data path -------------------------------------------------- */

hd_time store_pass(struct store *s, uint32_t bytes)
{
  hd_time now = hd_now(s->device);
  if (s->params.internal_rate == 0)
    return now;
  hd_time start = hd_time_max(now, s->path_free);
  s->path_free = start + hd_clock_take(&s->path_bits, (int64_t)bytes * 8);
  hd_busy_add(&s->path_busy, s->window, start, s->path_free);
  return s->path_free;
}

static void arrive(struct store *s, struct store_op *op)
{
  struct store_request *r = op->request;
  uint32_t offset = op->offset, bytes = op->bytes;
  hd_pool_put(&s->ops, op);
  s->client->arrived(s->device, r, offset, bytes);
}

void store_deliver(struct store *s, struct store_op *op)
{
  hd_time at = store_pass(s, op->bytes);
  if (at > hd_now(s->device))
    store_timer(s, STORE_TIMER_PASSED, op, at);
  else
    arrive(s, op);
}

/* ---- requests ------------------------------------------------------------ */

static void read_piece(struct store *s, struct store_request *r,
                       uint32_t offset, uint32_t bytes)
{
  uint64_t at = r->offset + offset;
  struct store_op *op = store_op_new(s, r, offset, bytes);
  if (store_cache_holds(s, at, bytes)) {
    s->counts.hits += store_counts(s);
    store_deliver(s, op);
  } else {
    s->counts.misses += store_counts(s);
    store_media_read(s, op, at);
  }
}

void store_read(struct store *s, struct store_request *r)
{
  uint64_t page = (uint64_t)s->params.page_size;
  uint64_t start = r->offset;
  uint32_t total = r->bytes; /* r may end with its last piece */
  for (uint32_t done = 0, bytes; done < total; done += bytes) {
    uint64_t to_end = page - (start + done) % page;
    bytes = to_end < total - done ? (uint32_t)to_end : total - done;
    read_piece(s, r, done, bytes);
  }
}

bool store_reserve(struct store *s, struct store_request *r)
{
  r->left = 0;
  return s->n_units == 0 || store_cache_reserve(s, r);
}

void store_release(struct store *s, struct store_request *r)
{
  if (s->n_units > 0)
    store_cache_release(s, r);
}

static bool write_through(struct store *s, struct store_request *r)
{
  uint64_t size = (uint64_t)s->params.program_size;
  for (uint32_t done = 0, bytes; done < r->bytes; done += bytes) {
    uint64_t at = r->offset + done, to_end = size - at % size;
    bytes = to_end < r->bytes - done ? (uint32_t)to_end : r->bytes - done;
    r->left++;
    store_media_program(s, store_op_new(s, r, done, bytes),
                        store_die_of(s, at, s->params.program_size));
  }
  return false;
}

bool store_write(struct store *s, struct store_request *r)
{
  s->totals.accepted += r->bytes;
  if (s->n_units == 0)
    return write_through(s, r);
  store_cache_write(s, r);
  return true;
}

static void programmed(struct store *s, struct store_op *op)
{
  struct store_request *r = op->request;
  s->totals.programmed += op->bytes;
  store_media_due(s, op, STORE_TIMER_PROGRAMMED);
  if (r == NULL)
    store_cache_programmed(s, op);
  hd_pool_put(&s->ops, op);
  if (r != NULL && --r->left == 0)
    s->client->written(s->device, r);
}

void store_handle(struct store *s, struct hd_msg *msg)
{
  struct store_op *op = ((struct store_msg *)msg)->op;
  unsigned tag = msg->tag;
  hd_msg_free(s->device, msg);
  switch (tag) {
  case STORE_TIMER_READ:
    store_media_due(s, op, tag);
    break;
  case STORE_TIMER_MOVED:
    store_media_due(s, op, tag);
    store_deliver(s, op);
    break;
  case STORE_TIMER_PASSED:
    arrive(s, op);
    break;
  case STORE_TIMER_PROGRAMMED:
    programmed(s, op);
    break;
  default:
    HD_REQUIRE(s->device, false, "unknown timer %u of a store", tag);
  }
}

/* ---- life ---------------------------------------------------------------- */

struct store *store_create(struct hd_component *device,
                           const struct store_client *client,
                           const struct storage_params *params,
                           const struct hd_window *window)
{
  const char *problem = storage_params_problem(params);
  HD_REQUIRE(NULL, problem == NULL, "%s: %s", device->path, problem);
  struct store *s = calloc(1, sizeof *s);
  HD_REQUIRE(NULL, s != NULL, "out of memory for %s", device->path);
  s->device = device;
  s->client = client;
  s->params = *params;
  s->window = window;
  if (params->internal_rate > 0)
    s->path_bits = hd_clock_at(params->internal_rate);
  hd_pool_initialize(&s->ops, sizeof(struct store_op));
  store_media_initialize(s);
  store_cache_initialize(s);
  return s;
}

void store_destroy(struct store *s)
{
  store_media_terminate(s);
  store_cache_terminate(s);
  hd_pool_terminate(&s->ops);
  free(s);
}

/* ---- results ------------------------------------------------------------- */

void store_get_stats(const struct store *s, struct store_stats *st, hd_time end)
{
  double busy = hd_busy_utilization(&s->die_busy, s->window, end);
  *st = s->counts;
  st->cache_mean = hd_gauge_mean(&s->cached, s->window, end) * STORE_UNIT;
  st->die_utilization = busy / (double)s->n_dies;
  st->channel_utilization =
      hd_busy_utilization(&s->channel_busy, s->window, end) /
      (double)s->params.channels;
  st->path_utilization = hd_busy_utilization(&s->path_busy, s->window, end);
  st->reads_waiting_mean = hd_gauge_mean(&s->reads_waiting, s->window, end);
}

int64_t store_cached(const struct store *s)
{
  return (s->n_dirty + s->n_destaging) * STORE_UNIT;
}

int64_t store_reserved(const struct store *s)
{
  return s->n_reserved * STORE_UNIT;
}

uint64_t store_accepted(const struct store *s)
{
  return s->totals.accepted;
}

uint64_t store_programmed(const struct store *s)
{
  return s->totals.programmed;
}

size_t store_operations(const struct store *s)
{
  return s->ops.live;
}

const char *store_check(const struct store *s)
{
  const char *fault = store_media_check(s);
  return fault != NULL ? fault : store_cache_check(s);
}
