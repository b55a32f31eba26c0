/*
 * web_kernel.c - the client's kernel below the load generator: connections,
 * the cores that receive, timers.
 *
 * An idle core begins `interrupt` after a frame; then it takes one after the
 * other what it has received, each merged with the frames of its connection
 * that wait behind it, until nothing is left. Timers of connections fire at
 * ticks.
 */
#include "models/network/web_internal.h"

#include <stdlib.h>

#define TICK (4 * HD_MS) /* CONFIG_HZ=250 */

enum { BUDGET = 64 /* frames that a poll looks at: NAPI_POLL_WEIGHT */ };

/* ---- connections --------------------------------------------------------- */

static struct web_connection **bucket(struct web_load *l, uint32_t id)
{
  return &l->table[id % WEB_TABLE];
}

static struct web_connection *find(struct web_load *l, uint32_t id)
{
  struct web_connection *c = *bucket(l, id);
  while (c && c->id != id)
    c = c->chain;
  return c;
}

struct web_connection *load_open(struct web_load *l, struct web_slot *s)
{
  struct web_connection *c = hd_pool_get(&l->pool);
  *c = (struct web_connection){.slot = s, .id = l->next_connection++};
  tcp_initialize(&c->tcp, l->config.tcp, false);
  c->chain = *bucket(l, c->id);
  *bucket(l, c->id) = c;
  return c;
}

void load_reap(struct web_load *l, struct web_connection *c)
{
  if (c->slot || !tcp_finished(&c->tcp))
    return;
  struct web_connection **at = bucket(l, c->id);
  while (*at != c)
    at = &(*at)->chain;
  *at = c->chain;
  hd_pool_put(&l->pool, c);
}

/* ---- sending ------------------------------------------------------------- */

/* Flows are spread by a hash over the guest's queue pairs. */
static uint64_t flow_hash(const struct web_load *l, uint32_t connection)
{
  return hd_mix64((uint64_t)l->vm << 32 | connection);
}

static void send(struct web_load *l, uint32_t connection,
                 const struct tcp_segment *s, hd_time delay)
{
  struct client *c = l->client;
  struct packet *p = packet_new(c->packets);
  uint16_t queue = (uint16_t)(flow_hash(l, connection) % l->queue_pairs);
  *p = (struct packet){.vm = l->vm, .queue = queue, .stream = queue};
  tcp_fill(p, connection, s);
  hd_stamps_begin(&p->stamps, hd_now(&c->base));
  struct packet_msg *m = hd_msg_new(&c->base, MSG_FRAME);
  m->packet = p;
  m->bytes = p->frame;
  c->created++;
  client_send(c, m, delay);
}

static void arm(struct web_load *l, hd_time deadline)
{
  if (deadline == HD_TIME_NEVER)
    return;
  hd_time at = (deadline + TICK - 1) / TICK * TICK;
  if (at >= l->timer_at)
    return;
  l->timer_at = at;
  load_wait(l, WEB_TIMER_TCP, NULL,
            hd_time_max(at - hd_now(&l->client->base), 0));
}

unsigned load_transmit(struct web_load *l, struct web_connection *c,
                       hd_time spacing)
{
  struct client *client = l->client;
  hd_time now = hd_now(&client->base);
  uint32_t before = c->tcp.retransmissions;
  struct tcp_segment s;
  unsigned n = 0;
  while (tcp_output(&c->tcp, now, &s))
    send(l, c->id, &s, ++n * spacing);
  hd_counter_add(&load_guest(l)->retransmissions, client->window, now,
                 c->tcp.retransmissions - before);
  arm(l, tcp_deadline(&c->tcp));
  return n;
}

void load_tcp_fire(struct web_load *l)
{
  hd_time now = hd_now(&l->client->base), next = HD_TIME_NEVER;
  if (now < l->timer_at)
    return; /* a later one has been set */
  l->timer_at = HD_TIME_NEVER;
  for (unsigned i = 0; i < WEB_TABLE; i++)
    for (struct web_connection *c = l->table[i]; c; c = c->chain) {
      if (tcp_deadline(&c->tcp) <= now) {
        tcp_expire(&c->tcp, now);
        load_transmit(l, c, 0);
      }
      next = hd_time_min(next, tcp_deadline(&c->tcp));
    }
  arm(l, next);
}

/* ---- receiving ----------------------------------------------------------- */

void client_web_receive(struct web_load *l, struct packet *p)
{
  uint64_t hash = flow_hash(l, p->connection) >> 32;
  struct web_core *core =
      &l->cores[hash % (uint64_t)l->config.costs->receive_cores];
  p->next = NULL;
  if (core->first)
    core->last->next = p;
  else
    core->first = p;
  core->last = p;
  l->held++;
  if (core->busy)
    return;
  core->busy = true;
  load_wait(l, WEB_TIMER_CORE, core, l->config.costs->interrupt);
}

static void consume(struct web_load *l, struct packet *p)
{
  l->held--;
  l->client->consumed++;
  packet_free(l->client->packets, p);
}

static bool follows(const struct web_core *core, const struct packet *p)
{
  const struct tcp_segment *s = &core->segment;
  return p->connection == core->connection && p->payload > 0 && s->length > 0 &&
         !(s->flags & PACKET_TCP_FIN) &&
         p->sequence == s->sequence + s->length &&
         s->length + p->payload < 65536;
}

/* Takes out of the core's frames those that follow the segment; returns how
 * many. */
static unsigned merge(struct web_load *l, struct web_core *core)
{
  struct packet **at = &core->first, *before = NULL;
  unsigned merged = 0;
  for (unsigned i = 0; *at && i < BUDGET; i++) {
    struct packet *p = *at;
    if (!follows(core, p)) {
      before = p;
      at = &p->next;
      continue;
    }
    core->segment.length += p->payload;
    core->segment.flags |= p->tcp_flags;
    core->segment.acknowledgement = p->acknowledgement;
    *at = p->next;
    if (core->last == p)
      core->last = before;
    consume(l, p);
    merged++;
  }
  return merged;
}

static void take_next(struct web_load *l, struct web_core *core, hd_time spent)
{
  const struct apache_bench_params *k = l->config.costs;
  hd_time now = hd_now(&l->client->base);
  core->busy = core->first != NULL || spent > 0;
  if (core->first) {
    struct packet *p = core->first;
    core->first = p->next;
    core->working = true;
    core->connection = p->connection;
    core->segment = tcp_segment_of(p);
    consume(l, p);
    spent += k->segment + k->frame * (1 + (hd_time)merge(l, core));
  }
  hd_busy_add(&l->core_busy, l->client->window, now, now + spent);
  if (core->busy)
    load_wait(l, WEB_TIMER_CORE, core, spent);
}

/* A segment has been through the kernel; returns what answering takes. */
static hd_time handle(struct web_load *l, struct web_core *core)
{
  const struct tcp_segment *s = &core->segment;
  hd_time ack = l->config.costs->ack;
  struct web_connection *c = find(l, core->connection);
  struct tcp_segment answer;
  if (!c) {
    if (!tcp_answer_stray(s, &answer))
      return 0;
    send(l, core->connection, &answer, ack);
    return ack;
  }
  tcp_receive(&c->tcp, s, hd_now(&l->client->base));
  unsigned sent = load_transmit(l, c, ack);
  if (c->slot)
    load_notify(l, c->slot);
  load_reap(l, c);
  return ack * sent;
}

void load_core_fire(struct web_load *l, struct web_core *core)
{
  bool working = core->working;
  core->working = false;
  take_next(l, core, working ? handle(l, core) : 0);
}

/* ---- life ---------------------------------------------------------------- */

void load_kernel_initialize(struct web_load *l)
{
  hd_pool_initialize(&l->pool, sizeof(struct web_connection));
  l->cores = calloc((size_t)l->config.costs->receive_cores, sizeof *l->cores);
  HD_REQUIRE(NULL, l->cores != NULL, "out of memory for a load generator");
  l->timer_at = HD_TIME_NEVER;
}

void load_kernel_terminate(struct web_load *l)
{
  hd_pool_terminate(&l->pool);
  free(l->cores);
}
