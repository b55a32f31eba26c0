/* web_load.c - the load generator's thread, see web_load.h. */
#include "models/network/web_internal.h"

#include <stdlib.h>

/* ---- the list that poll() reports --------------------------------------- */

static void enqueue(struct web_load *l, struct web_slot *s, bool in_front)
{
  s->queued = true;
  s->next = in_front ? l->first : NULL;
  if (in_front || !l->first)
    l->first = s;
  else
    l->last->next = s;
  if (!s->next)
    l->last = s;
}

static struct web_slot *dequeue(struct web_load *l)
{
  struct web_slot *s = l->first;
  l->first = s->next;
  s->queued = false;
  return s;
}

static bool due(const struct web_slot *s)
{
  const struct tcp *t = s->connection ? &s->connection->tcp : NULL;
  if (s->phase == WEB_START)
    return true;
  if (s->phase == WEB_CONNECTING)
    return t->established;
  return tcp_readable(t) > 0 || tcp_at_end(t);
}

/* ---- work ---------------------------------------------------------------- */

/* What the thread does for a slot next, and how long. */
static hd_time plan(struct web_load *l, const struct web_slot *s)
{
  const struct apache_bench_params *k = l->config.costs;
  if (s->phase == WEB_START) {
    l->work = WEB_CONNECT;
    return k->connect;
  }
  if (s->phase == WEB_CONNECTING) {
    l->work = WEB_SEND;
    return k->poll + k->send;
  }
  uint32_t n = tcp_readable(&s->connection->tcp);
  l->reading = n < k->read_buffer ? n : (uint32_t)k->read_buffer;
  l->work = n > 0 ? WEB_READ : WEB_CLOSE;
  if (n == 0)
    return k->poll + k->read + k->close;
  double copied = k->copy_per_byte * (double)l->reading * (double)HD_NS;
  return k->poll + k->read + (hd_time)(copied + 0.5);
}

static void go_on(struct web_load *l)
{
  if (!l->first) {
    l->awake = false;
    return;
  }
  l->awake = true;
  l->current = dequeue(l);
  l->began = hd_now(&l->client->base);
  hd_time cost = plan(l, l->current);
  hd_busy_add(&l->thread_busy, l->client->window, l->began, l->began + cost);
  load_wait(l, WEB_TIMER_THREAD, NULL, cost);
}

static void connect_slot(struct web_load *l, struct web_slot *s)
{
  s->start = l->began;
  s->received = 0;
  s->phase = WEB_CONNECTING;
  s->connection = load_open(l, s);
  load_transmit(l, s->connection, 0);
}

static void send_request(struct web_load *l, struct web_slot *s)
{
  struct client_guest *g = load_guest(l);
  hd_counter_add(&g->connections, l->client->window, hd_now(&l->client->base),
                 1);
  s->phase = WEB_WAITING;
  tcp_write(&s->connection->tcp, l->config.request_bytes);
  load_transmit(l, s->connection, 0);
}

static void read_response(struct web_load *l, struct web_slot *s)
{
  tcp_read(&s->connection->tcp, l->reading);
  s->received += l->reading;
  client_measure_bytes(l->client, load_guest(l), l->reading);
}

/* The next request begins when this one's close() returns. */
static void close_slot(struct web_load *l, struct web_slot *s)
{
  struct web_connection *c = s->connection;
  HD_REQUIRE(&l->client->base, s->received == l->config.response_bytes,
             "a response of %u B, not of %u B", s->received,
             l->config.response_bytes);
  tcp_close(&c->tcp);
  load_transmit(l, c, 0);
  c->slot = NULL;
  load_reap(l, c);
  s->connection = NULL;
  s->phase = WEB_START;
  l->completed++;
  client_measure_request(l->client, load_guest(l), s->start);
}

static bool more_wanted(const struct web_load *l)
{
  return l->config.requests == 0 || l->started < (uint64_t)l->config.requests;
}

static void begin(struct web_load *l, struct web_slot *s)
{
  if (!more_wanted(l))
    return;
  l->started++;
  enqueue(l, s, true);
}

static void finish_work(struct web_load *l)
{
  struct web_slot *s = l->current;
  enum web_work work = l->work;
  l->work = WEB_IDLE;
  if (work == WEB_CONNECT)
    connect_slot(l, s);
  else if (work == WEB_SEND)
    send_request(l, s);
  else if (work == WEB_READ)
    read_response(l, s);
  else if (work == WEB_CLOSE)
    close_slot(l, s);
  if (work == WEB_CLOSE)
    begin(l, s);
  else if (work != WEB_IDLE && !s->queued && due(s))
    enqueue(l, s, false);
}

void load_notify(struct web_load *l, struct web_slot *s)
{
  bool in_work = l->work != WEB_IDLE && l->current == s;
  if (s->queued || in_work || !due(s))
    return;
  enqueue(l, s, false);
  if (l->awake)
    return;
  l->awake = true;
  load_wait(l, WEB_TIMER_THREAD, NULL, l->config.costs->wake_up);
}

void web_load_fire(struct hd_msg *timer)
{
  const struct web_timer_msg *m = (const struct web_timer_msg *)timer;
  struct web_load *l = m->load;
  struct web_core *core = m->core;
  uint32_t tag = timer->tag;
  hd_msg_free(&l->client->base, timer);
  if (tag == WEB_TIMER_CORE) {
    load_core_fire(l, core);
  } else if (tag == WEB_TIMER_TCP) {
    load_tcp_fire(l);
  } else {
    finish_work(l);
    go_on(l);
  }
}

/* ---- life ---------------------------------------------------------------- */

void web_load_start(struct web_load *l, hd_time start)
{
  for (int64_t i = 0; i < l->config.concurrency && more_wanted(l); i++) {
    l->started++;
    enqueue(l, &l->slots[i], false);
  }
  l->awake = true;
  hd_time wait = hd_time_max(start - hd_now(&l->client->base), 0);
  load_wait(l, WEB_TIMER_THREAD, NULL, wait);
}

struct web_load *web_load_create(struct client *c, uint16_t vm,
                                 const struct client_vm *cv)
{
  struct web_load *l = calloc(1, sizeof *l);
  HD_REQUIRE(NULL, l != NULL && cv->queue_pairs > 0, "out of memory");
  l->client = c;
  l->vm = vm;
  l->queue_pairs = (uint16_t)cv->queue_pairs;
  l->config = cv->web;
  l->slots = calloc((size_t)l->config.concurrency, sizeof *l->slots);
  HD_REQUIRE(NULL, l->slots != NULL, "out of memory for a load generator");
  load_kernel_initialize(l);
  return l;
}

void web_load_destroy(struct web_load *l)
{
  if (l == NULL)
    return;
  load_kernel_terminate(l);
  free(l->slots);
  free(l);
}

double web_load_utilization(const struct web_load *l, hd_time end)
{
  const struct hd_window *w = l->client->window;
  double thread = hd_busy_utilization(&l->thread_busy, w, end);
  double cores = hd_busy_utilization(&l->core_busy, w, end) /
                 (double)l->config.costs->receive_cores;
  return thread > cores ? thread : cores;
}

uint64_t web_load_held(const struct web_load *l)
{
  return l->held;
}
