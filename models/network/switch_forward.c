/*
 * switch_forward.c - lookup, learning and output queues of an Ethernet switch.
 *
 * An output queue drains in order at the rate of its wire, so that the time at
 * which a frame has left is known when it joins, as in wire.c; the wire itself
 * serialises the frames it is handed in the same way, later by what the channel
 * to it takes.
 */
#include <stdlib.h>

#include "models/network/switch_internal.h"

static void count(struct ethernet_switch *s, struct hd_counter *c)
{
  hd_counter_add(c, s->window, hd_now(&s->base), 1);
}

/* ---- output queues --------------------------------------------------------
 */

static void forget_left(struct switch_port *p, hd_time now)
{
  while (p->count > 0 && p->queued[p->first].leaves <= now) {
    p->bytes -= p->queued[p->first].bytes;
    p->first = (p->first + 1) & (p->capacity - 1);
    p->count--;
  }
}

static void grow(struct switch_port *p)
{
  uint32_t bigger = p->capacity ? p->capacity * 2 : 64;
  struct switch_queued *ring = malloc(bigger * sizeof *ring);
  HD_REQUIRE(NULL, ring != NULL, "out of memory for a switch");
  for (uint32_t i = 0; i < p->count; i++)
    ring[i] = p->queued[(p->first + i) & (p->capacity - 1)];
  free(p->queued);
  p->queued = ring;
  p->capacity = bigger;
  p->first = 0;
}

static void join(struct switch_port *p, hd_time now, uint32_t frame)
{
  int64_t bits = ((int64_t)frame + PACKET_WIRE_OVERHEAD) * 8;
  hd_time start = hd_time_max(now, p->free_at);
  p->free_at = start + hd_clock_take(&p->bits, bits);
  if (p->count == p->capacity)
    grow(p);
  p->queued[(p->first + p->count++) & (p->capacity - 1)] =
      (struct switch_queued){.leaves = p->free_at, .bytes = frame};
  p->bytes += frame;
  if (p->bytes > p->bytes_max)
    p->bytes_max = p->bytes;
}

static void drop(struct ethernet_switch *s, struct packet_msg *m,
                 struct switch_port *where, enum ethernet_switch_drop reason)
{
  count(s, &where->dropped[reason]);
  s->lost++;
  packet_free(s->packets, m->packet);
  hd_msg_free(&s->base, m);
}

void switch_output(struct ethernet_switch *s, struct packet_msg *m)
{
  struct switch_port *p = &s->ports[m->msg.tag];
  hd_time now = hd_now(&s->base);
  uint32_t frame = m->packet->frame;
  s->forwarding--;
  forget_left(p, now);
  if (p->bytes + frame > s->params.buffer) {
    drop(s, m, p, SWITCH_DROP_QUEUE);
    return;
  }
  join(p, now, frame);
  count(s, &p->sent);
  s->handed++;
  m->msg.kind = MSG_FRAME;
  m->bytes = frame;
  hd_send(p->to_wire, p->to_wire->latency, m);
}

/* ---- forwarding -----------------------------------------------------------
 */

static void forward(struct ethernet_switch *s, struct packet_msg *m,
                    uint32_t port)
{
  m->msg.kind = MSG_TIMER;
  m->msg.tag = port;
  s->forwarding++;
  hd_schedule(&s->base, s->params.forwarding_latency, m);
}

static struct packet_msg *copy_of(struct ethernet_switch *s,
                                  const struct packet_msg *m)
{
  struct packet_msg *copy = hd_msg_new(&s->base, MSG_FRAME);
  copy->packet = packet_new(s->packets);
  *copy->packet = *m->packet;
  copy->packet->next = NULL;
  copy->bytes = m->bytes;
  s->copied++;
  return copy;
}

static void flood(struct ethernet_switch *s, struct packet_msg *m, uint32_t in)
{
  uint32_t last = SWITCH_PORTS;
  for (uint32_t i = 0; i < s->n_ports; i++) {
    if (s->ports[i].role != SWITCH_SERVER)
      continue;
    if (last < SWITCH_PORTS)
      forward(s, copy_of(s, m), last);
    last = i;
  }
  if (last == SWITCH_PORTS) {
    drop(s, m, &s->ports[in], SWITCH_DROP_NO_PORT);
    return;
  }
  count(s, &s->ports[in].flooded);
  forward(s, m, last);
}

static void learn(struct ethernet_switch *s, uint16_t vm, uint32_t port)
{
  if (s->table[vm] == port)
    return;
  s->table[vm] = (uint8_t)port;
  count(s, &s->ports[port].learnt);
}

static void from_server(struct ethernet_switch *s, struct packet_msg *m,
                        uint32_t in)
{
  learn(s, m->packet->vm, in);
  if (m->packet->kind == PACKET_ANNOUNCE) {
    count(s, &s->ports[in].announced);
    s->consumed++;
    packet_free(s->packets, m->packet);
    hd_msg_free(&s->base, m);
  } else if (s->client == SWITCH_PORTS) {
    drop(s, m, &s->ports[in], SWITCH_DROP_NO_PORT);
  } else {
    forward(s, m, s->client);
  }
}

static void from_client(struct ethernet_switch *s, struct packet_msg *m,
                        uint32_t in)
{
  uint8_t port = s->table[m->packet->vm];
  if (port == SWITCH_NO_PORT)
    flood(s, m, in);
  else
    forward(s, m, port);
}

void switch_receive(struct ethernet_switch *s, struct packet_msg *m,
                    uint32_t in)
{
  s->arrived++;
  count(s, &s->ports[in].received);
  if (s->ports[in].role == SWITCH_SERVER)
    from_server(s, m, in);
  else
    from_client(s, m, in);
}
