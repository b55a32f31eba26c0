/*
 * replayer.c - the client sends the packets of a capture, each at its time.
 *
 * It is a sender whose calls block: when the client's transmit queue is full,
 * its packet waits for room, and those after it are late as well. Replays to
 * several guests wait in turn.
 */
#include "models/network/client_internal.h"

void replayer_start(struct client *c, uint16_t vm, hd_time start)
{
  struct client_guest *g = &c->guests[vm];
  struct replayer *r = &g->replayer;
  if (!g->config.replay.capture)
    return;
  HD_REQUIRE(&c->base, g->config.queue_pairs > 0,
             "a replay to guest %u needs queues", vm);
  replay_begin(&r->replay, &g->config.replay);
  r->start = start;
  if (!r->replay.packet)
    return;
  struct hd_msg *m = hd_msg_new(&c->base, MSG_TIMER);
  m->tag = vm;
  hd_schedule(&c->base,
              hd_time_max(start + r->replay.due - hd_now(&c->base), 0), m);
}

static struct packet *make(struct client *c, struct client_guest *g)
{
  const struct capture_packet *from = g->replayer.replay.packet;
  struct packet *p = packet_new(c->packets);
  uint16_t queue = (uint16_t)(from->flow % g->config.queue_pairs);
  *p = (struct packet){.kind = PACKET_DATA,
                       .vm = (uint16_t)(g - c->guests),
                       .queue = queue,
                       .stream = queue,
                       .payload = from->bytes,
                       .frame = packet_replayed_bytes(from->bytes),
                       .sequence = g->replayer.sequence++};
  hd_stamps_begin(&p->stamps, hd_now(&c->base));
  return p;
}

/* There is room, and the packet is due. */
static void send(struct client *c, struct client_guest *g, struct hd_msg *timer)
{
  struct replayer *r = &g->replayer;
  hd_time now = hd_now(&c->base);
  struct packet_msg *m = hd_msg_new(&c->base, MSG_FRAME);
  m->packet = make(c, g);
  m->bytes = m->packet->frame;
  c->created++;
  client_send(c, m, 0);
  replay_note(&r->stats, &r->replay, r->start, now, g->config.replay_late,
              c->window);
  replay_advance(&r->replay);
  if (r->replay.packet)
    hd_schedule(&c->base, hd_time_max(r->start + r->replay.due - now, 0),
                timer);
  else
    hd_msg_free(&c->base, timer);
}

static void wait_for_room(struct client *c, struct client_guest *g,
                          struct hd_msg *timer)
{
  g->replayer.waiting = timer;
  g->replayer.follower = NULL;
  if (c->last_waiting)
    c->last_waiting->replayer.follower = g;
  else
    c->first_waiting = g;
  c->last_waiting = g;
}

void replayer_fire(struct client *c, struct hd_msg *timer)
{
  struct client_guest *g = &c->guests[timer->tag];
  if (c->waiting < CLIENT_TRANSMIT_QUEUE)
    send(c, g, timer);
  else
    wait_for_room(c, g, timer);
}

void replayer_room(struct client *c)
{
  struct client_guest *g = c->first_waiting;
  if (!g || c->waiting >= CLIENT_TRANSMIT_QUEUE)
    return;
  c->first_waiting = g->replayer.follower;
  if (!c->first_waiting)
    c->last_waiting = NULL;
  struct hd_msg *timer = g->replayer.waiting;
  g->replayer.waiting = NULL;
  send(c, g, timer);
}

struct replay_stats replayer_stats(const struct client *c, uint16_t vm)
{
  const struct client_guest *g = &c->guests[vm];
  struct replay_stats s = g->replayer.stats;
  if (g->config.replay.capture)
    s.due = replay_due(&g->config.replay, c->window->start - g->replayer.start,
                       c->window->end - g->replayer.start);
  return s;
}
