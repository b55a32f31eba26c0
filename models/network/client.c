/*
 * client.c - the machine at the wire's far end: receives, echoes, measures.
 *
 * With cores == 0 a packet is done when it arrives. Otherwise its flow's core
 * works on it for receive_cost, after those before it; because the cost is the
 * same for all, the time it will be done and the number of packets before it
 * are known on arrival.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/hypervisor/control.h"
#include "models/network/client_internal.h"

/* ---- receiving cores ---------------------------------------------------- */

static hd_time *core_of(struct client *c, const struct packet *p)
{
  uint64_t flow = hd_mix64((uint64_t)p->vm << 32 | p->stream);
  return &c->core_free[flow % (uint64_t)c->params.cores];
}

/* When a packet that arrives now is done; HD_TIME_NEVER: backlog is full. */
static hd_time enqueue(struct client *c, const struct packet *p)
{
  hd_time now = hd_now(&c->base), cost = c->params.receive_cost;
  if (c->params.cores == 0)
    return now;
  hd_time *free_at = core_of(c, p);
  hd_time start = hd_time_max(now, *free_at);
  if ((start - now + cost - 1) / cost >= c->params.backlog)
    return HD_TIME_NEVER;
  *free_at = start + cost;
  hd_busy_add(&c->busy, c->window, start, *free_at);
  return *free_at;
}

/* ---- frames ------------------------------------------------------------- */

void client_send(struct client *c, struct packet_msg *m, hd_time delay)
{
  c->waiting++;
  hd_send(c->to_wire, c->to_wire->latency + delay, m);
}

static void echo(struct client *c, struct packet_msg *m, hd_time done)
{
  struct packet *p = m->packet;
  hd_time reply = done + c->params.echo_latency;
  p->kind = PACKET_ECHO_REPLY;
  hd_stamps_mark(&p->stamps, HD_STAGE_REMOTE, reply);
  client_send(c, m, reply - hd_now(&c->base));
}

static void consume(struct client *c, struct packet_msg *m, bool dropped)
{
  if (dropped)
    c->dropped++;
  else
    c->consumed++;
  packet_free(c->packets, m->packet);
  hd_msg_free(&c->base, m);
}

static void receive(struct client *c, struct packet_msg *m)
{
  struct packet *p = m->packet;
  HD_REQUIRE(&c->base, p->vm < c->n_guests, "a packet of unknown guest %u",
             p->vm);
  struct client_guest *g = &c->guests[p->vm];
  hd_stamps_mark(&p->stamps, HD_STAGE_WIRE, hd_now(&c->base));
  c->received++;
  client_note_arrival(c, g, p);
  if (p->kind == PACKET_TCP) {
    HD_REQUIRE(&c->base, g->web, "TCP of guest %u without a load", p->vm);
    client_web_receive(g->web, p);
    hd_msg_free(&c->base, m);
    return;
  }
  hd_time done = enqueue(c, p);
  if (done == HD_TIME_NEVER) {
    client_note_drop(c, g);
    consume(c, m, true);
  } else if (p->kind == PACKET_ECHO_REQUEST) {
    echo(c, m, done);
  } else {
    client_measure(c, g, p, done);
    consume(c, m, false);
  }
}

static void go(struct client *c, struct control_msg *m)
{
  for (size_t vm = 0; !c->running && vm < c->n_guests; vm++) {
    generator_start(c, (uint16_t)vm, m->start);
    replayer_start(c, (uint16_t)vm, m->start);
    if (c->guests[vm].web)
      web_load_start(c->guests[vm].web, m->start);
  }
  c->running = true;
  hd_msg_free(&c->base, m);
}

static void ahead(const struct hd_component *self, const struct hd_msg *msg)
{
  const struct client *c = (const struct client *)self;
  if (msg->kind != MSG_FRAME)
    return;
  const struct packet *p = ((const struct packet_msg *)msg)->packet;
  if (p->vm < c->n_guests)
    client_fetch(&c->guests[p->vm], p);
}

static void fire(struct client *c, struct hd_msg *timer)
{
  if (timer->tag >= CLIENT_WEB_TIMER)
    web_load_fire(timer);
  else if (c->guests[timer->tag].config.replay.capture)
    replayer_fire(c, timer);
  else
    generator_fire(c, timer);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct client *c = (struct client *)self;
  switch (msg->kind) {
  case MSG_FRAME:
    receive(c, (struct packet_msg *)msg);
    break;
  case MSG_FRAME_SENT:
    c->waiting--;
    c->sent++;
    hd_msg_free(self, msg);
    replayer_room(c);
    break;
  case MSG_TIMER:
    fire(c, msg);
    break;
  case MSG_VM_GO:
    go(c, (struct control_msg *)msg);
    break;
  default:
    HD_REQUIRE(self, false, "a client got a message of kind %u", msg->kind);
  }
}

/* ---- life --------------------------------------------------------------- */

static const struct hd_component_ops ops = {
    .kind = "client", .handle = handle, .ahead = ahead};

struct client *client_create(struct hd_engine *e, const char *path,
                             const char *host,
                             const struct client_params *params,
                             struct packet_pool *packets,
                             const struct hd_window *window)
{
  struct client *c = calloc(1, sizeof *c);
  HD_REQUIRE(NULL, c != NULL, "out of memory for %s", path);
  c->params = *params;
  hd_component_initialize(&c->base, e, &ops, path, host);
  c->packets = packets;
  c->window = window;
  if (params->cores > 0) {
    c->core_free = calloc((size_t)params->cores, sizeof *c->core_free);
    HD_REQUIRE(NULL, c->core_free != NULL, "out of memory for %s", path);
  }
  return c;
}

void client_destroy(struct client *c)
{
  for (size_t i = 0; i < c->n_guests; i++) {
    generator_terminate(&c->guests[i].generator);
    web_load_destroy(c->guests[i].web);
    free(c->guests[i].streams);
  }
  for (size_t i = 0; i < c->n_groups; i++) {
    hd_histogram_terminate(&c->groups[i]->latency);
    hd_breakdown_terminate(&c->groups[i]->breakdown);
    hd_series_terminate(&c->groups[i]->series);
    free(c->groups[i]);
  }
  free(c->groups);
  free(c->guests);
  free(c->core_free);
  free(c);
}

struct hd_component *client_component(struct client *c)
{
  return &c->base;
}

void client_attach_wire(struct client *c, struct wire *w)
{
  c->to_wire = wire_connect(w, 1, &c->base);
}

static void start_series(struct client *c, struct hd_series *s)
{
  *s = (struct hd_series){0};
  if (c->series_width == 0)
    return;
  bool done = hd_series_initialize(s, c->series_width, c->series_duration);
  HD_REQUIRE(NULL, done, "out of memory for a series");
  hd_series_record(s, HD_SERIES_TX_BYTES);
  hd_series_record(s, HD_SERIES_TX_PACKETS);
  hd_series_record(s, HD_SERIES_DROPS);
}

static void add_groups(struct client *c, size_t n)
{
  if (n <= c->n_groups)
    return;
  c->groups = realloc(c->groups, n * sizeof(struct client_group *));
  HD_REQUIRE(NULL, c->groups != NULL, "out of memory for groups");
  for (; c->n_groups < n; c->n_groups++) {
    struct client_group *g = malloc(sizeof *g);
    HD_REQUIRE(NULL, g != NULL, "out of memory for groups");
    hd_histogram_initialize(&g->latency);
    hd_breakdown_initialize(&g->breakdown);
    start_series(c, &g->series);
    c->groups[c->n_groups] = g;
  }
}

void client_add_vm(struct client *c, uint16_t vm, const struct client_vm *cv)
{
  if (vm >= c->n_guests) {
    size_t n = (size_t)vm + 1;
    c->guests = realloc(c->guests, n * sizeof *c->guests);
    HD_REQUIRE(NULL, c->guests != NULL, "out of memory for guests");
    memset(c->guests + c->n_guests, 0, (n - c->n_guests) * sizeof *c->guests);
    c->n_guests = n;
  }
  c->guests[vm].config = *cv;
  add_groups(c, (size_t)cv->group + 1);
  generator_initialize(c, vm);
  if (cv->web.concurrency > 0)
    c->guests[vm].web = web_load_create(c, vm, cv);
}

/* ---- results ------------------------------------------------------------ */

void client_get_vm_stats(const struct client *c, uint16_t vm,
                         struct client_vm_stats *s)
{
  const struct client_guest *g = &c->guests[vm];
  *s = (struct client_vm_stats){.packets = g->packets.count,
                                .payload_bytes = g->payload.count,
                                .reordered = g->reordered.count,
                                .duplicated = g->duplicated.count,
                                .lost = (uint64_t)g->lost,
                                .dropped = g->dropped.count,
                                .generated = g->generated.count,
                                .requests = g->requests.count,
                                .connections = g->connections.count,
                                .retransmissions = g->retransmissions.count,
                                .silence_max = g->silence_max,
                                .silence_begin = g->silence_begin,
                                .silence_end =
                                    g->silence_begin + g->silence_max};
  s->replay = replayer_stats(c, vm);
}

const struct hd_histogram *client_latency(const struct client *c,
                                          uint16_t group)
{
  return &c->groups[group]->latency;
}

const struct hd_breakdown *client_breakdown(const struct client *c,
                                            uint16_t group)
{
  return &c->groups[group]->breakdown;
}

bool client_record_series(struct client *c, hd_time width, hd_time duration)
{
  HD_REQUIRE(NULL, c->n_groups == 0,
             "a client's series come before its groups");
  HD_REQUIRE(NULL, width > 0 && duration > 0, "a series of no length");
  if ((duration - 1) / width >= HD_SERIES_BINS_MAX)
    return false;
  c->series_width = width;
  c->series_duration = duration;
  return true;
}

const struct hd_series *client_series(const struct client *c, uint16_t group)
{
  return c->series_width > 0 ? &c->groups[group]->series : NULL;
}

double client_utilization(const struct client *c)
{
  struct hd_engine_report r;
  hd_engine_get_report(c->base.engine, &r);
  hd_time end = r.end != HD_TIME_NEVER ? r.end : hd_now(&c->base);
  double most = 0;
  if (c->params.cores > 0)
    most =
        hd_busy_utilization(&c->busy, c->window, end) / (double)c->params.cores;
  for (size_t vm = 0; vm < c->n_guests; vm++)
    if (c->guests[vm].web)
      most = fmax(most, web_load_utilization(c->guests[vm].web, end));
  return most;
}

uint64_t client_packets_inside(const struct client *c)
{
  return c->created + c->received - c->sent - c->consumed - c->dropped;
}

const char *client_check(const struct client *c)
{
  uint64_t held = c->waiting;
  for (size_t vm = 0; vm < c->n_guests; vm++)
    if (c->guests[vm].web)
      held += web_load_held(c->guests[vm].web);
  if (client_packets_inside(c) != held)
    return "client: packets are neither sent, consumed nor dropped";
  return NULL;
}
