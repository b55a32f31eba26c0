/* switch.c - an Ethernet switch: messages, building, results. */
#include <stdlib.h>
#include <string.h>

#include "models/network/switch_internal.h"

/* ---- messages -------------------------------------------------------------
 */

/* The port at which a sender's messages arrive. */
static uint32_t port_from(const struct ethernet_switch *s,
                          const struct hd_msg *m)
{
  uint64_t sender = m->order >> 40;
  for (uint32_t i = 0; i < s->n_ports; i++)
    if (s->ports[i].wire->id == sender)
      return i;
  for (uint32_t i = 0; i < s->n_announcers; i++)
    if (s->announcers[i].from->id == sender && s->announcers[i].port == m->tag)
      return m->tag;
  hd_fail(&s->base, __FILE__, __LINE__, "a frame from nowhere");
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct ethernet_switch *s = (struct ethernet_switch *)self;
  switch (msg->kind) {
  case MSG_FRAME:
    switch_receive(s, (struct packet_msg *)msg, port_from(s, msg));
    break;
  case MSG_TIMER:
    switch_output(s, (struct packet_msg *)msg);
    break;
  case MSG_FRAME_SENT:
    s->handed--;
    s->left++;
    hd_msg_free(self, msg);
    break;
  default:
    HD_REQUIRE(self, false, "a switch got a message of kind %u", msg->kind);
  }
}

/* ---- building -------------------------------------------------------------
 */

static const struct hd_component_ops ops = {.kind = "ethernet_switch",
                                            .handle = handle};

struct ethernet_switch *
ethernet_switch_create(struct hd_engine *e, const char *path, const char *host,
                       const struct ethernet_switch_params *params,
                       struct packet_pool *packets,
                       const struct hd_window *window)
{
  struct ethernet_switch *s = calloc(1, sizeof *s);
  HD_REQUIRE(NULL, s != NULL, "out of memory for %s", path);
  HD_REQUIRE(NULL, params->forwarding_latency >= 0 && params->buffer > 0,
             "%s: latency or buffer is out of range", path);
  s->table = malloc(UINT16_MAX + 1);
  HD_REQUIRE(NULL, s->table != NULL, "out of memory for %s", path);
  memset(s->table, SWITCH_NO_PORT, UINT16_MAX + 1);
  hd_component_initialize(&s->base, e, &ops, path, host);
  s->params = *params;
  s->packets = packets;
  s->window = window;
  s->client = SWITCH_PORTS;
  return s;
}

void ethernet_switch_destroy(struct ethernet_switch *s)
{
  if (!s)
    return;
  for (uint32_t i = 0; i < s->n_ports; i++)
    free(s->ports[i].queued);
  free(s->announcers);
  free(s->table);
  free(s);
}

struct hd_component *ethernet_switch_component(struct ethernet_switch *s)
{
  return &s->base;
}

uint32_t ethernet_switch_attach(struct ethernet_switch *s, struct wire *w,
                                int end, enum ethernet_switch_role role)
{
  HD_REQUIRE(NULL, s->n_ports < SWITCH_PORTS, "a switch has %d ports",
             SWITCH_PORTS);
  HD_REQUIRE(NULL, role == SWITCH_SERVER || s->client == SWITCH_PORTS,
             "a switch has one client");
  uint32_t port = s->n_ports++;
  s->ports[port] =
      (struct switch_port){.to_wire = wire_connect(w, end, &s->base),
                           .wire = wire_component(w),
                           .role = role,
                           .bits = hd_clock_at(wire_rate(w))};
  if (role == SWITCH_CLIENT)
    s->client = port;
  return port;
}

struct hd_channel *ethernet_switch_connect(struct ethernet_switch *s,
                                           uint32_t port,
                                           struct hd_component *c,
                                           hd_time latency)
{
  HD_REQUIRE(NULL, port < s->n_ports && s->ports[port].role == SWITCH_SERVER,
             "port %u is not a server's", port);
  size_t n = s->n_announcers + 1;
  s->announcers = realloc(s->announcers, n * sizeof *s->announcers);
  HD_REQUIRE(NULL, s->announcers != NULL, "out of memory for a switch");
  s->announcers[s->n_announcers++] = (struct switch_announcer){c, port};
  return hd_channel_open(c, &s->base, latency);
}

void ethernet_switch_announce(struct hd_channel *to_switch,
                              struct packet_pool *packets, uint32_t port,
                              uint16_t vm)
{
  struct packet *p = packet_new(packets);
  *p = (struct packet){
      .kind = PACKET_ANNOUNCE, .vm = vm, .frame = PACKET_MIN_FRAME};
  struct packet_msg *m = hd_msg_new(to_switch->from, MSG_FRAME);
  m->msg.tag = port;
  m->packet = p;
  m->bytes = p->frame;
  hd_send(to_switch, to_switch->latency, m);
}

/* ---- results --------------------------------------------------------------
 */

void ethernet_switch_get_stats(const struct ethernet_switch *s, uint32_t port,
                               struct ethernet_switch_stats *st)
{
  const struct switch_port *p = &s->ports[port];
  *st = (struct ethernet_switch_stats){.received = p->received.count,
                                       .sent = p->sent.count,
                                       .flooded = p->flooded.count,
                                       .announced = p->announced.count,
                                       .learnt = p->learnt.count,
                                       .queue_max = p->bytes_max};
  for (int i = 0; i < SWITCH_DROPS; i++)
    st->dropped[i] = p->dropped[i].count;
}

int ethernet_switch_port_of(const struct ethernet_switch *s, uint16_t vm)
{
  return s->table[vm] == SWITCH_NO_PORT ? -1 : s->table[vm];
}

uint64_t ethernet_switch_packets_inside(const struct ethernet_switch *s)
{
  return s->arrived + s->copied - s->left - s->lost - s->consumed;
}

const char *ethernet_switch_check(const struct ethernet_switch *s)
{
  if (ethernet_switch_packets_inside(s) != s->forwarding + s->handed)
    return "switch: packets are neither sent, consumed nor dropped";
  for (uint32_t i = 0; i < s->n_ports; i++)
    if (s->ports[i].bytes_max > s->params.buffer)
      return "switch: an output queue holds more than its buffer";
  return NULL;
}
