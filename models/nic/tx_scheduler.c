/*
 * tx_scheduler.c - who sends next.
 *
 * Two levels: interfaces of a port, then queues of an interface, each a round
 * robin weighted by bytes. A member sends while its deficit is positive, and
 * may overdraw it by one packet; when it is used up the member goes to the end
 * of the round with a quantum more. (Surplus round robin: deficit round robin,
 * Shreedhar and Varghese 1995, that needs not know the next packet's length.)
 * So over any time in which all have traffic, two members differ by less than
 * a quantum and a packet each.
 *
 * A decision needs room in the port's packet buffer for the chosen packet and
 * the pipeline, which is shared with received packets first come, first served:
 * a slot is reserved when there is something to send, who gets it is decided
 * when it begins.
 */
#include "models/nic/internal.h"

/* ---- rounds ----------------------------------------------------------------
 */

static void join(struct nic_round *r, struct nic_turn *t, int64_t quantum)
{
  t->deficit = quantum + (t->deficit < 0 ? t->deficit : 0);
  if (r->front == NULL) {
    t->next = t->prev = t;
    r->front = t;
    return;
  }
  t->next = r->front;
  t->prev = r->front->prev;
  t->prev->next = t;
  t->next->prev = t;
}

static void leave(struct nic_round *r, struct nic_turn *t)
{
  if (t->next == t)
    r->front = NULL;
  else if (r->front == t)
    r->front = t->next;
  t->prev->next = t->next;
  t->next->prev = t->prev;
  t->next = t->prev = NULL;
}

/* The member whose turn it is; the round must not be empty. */
static struct nic_turn *front(struct nic_round *r, int64_t quantum)
{
  while (r->front->deficit <= 0) {
    r->front->deficit += quantum;
    r->front = r->front->next;
  }
  return r->front;
}

void nic_activate(struct nic *n, struct nic_queue *q)
{
  if (q->turn.next != NULL || !q->live || nic_cached(q) == 0)
    return;
  struct nic_function *f = q->owner;
  join(&f->queues, &q->turn, n->params.quantum);
  if (f->turn.next == NULL)
    join(&n->ports[f->config.port].interfaces, &f->turn, n->params.quantum);
}

void nic_deactivate(struct nic *n, struct nic_queue *q)
{
  struct nic_function *f = q->owner;
  if (q->turn.next == NULL)
    return;
  leave(&f->queues, &q->turn);
  if (f->queues.front == NULL)
    leave(&n->ports[f->config.port].interfaces, &f->turn);
}

/* ---- decisions --------------------------------------------------------------
 */

static struct nic_queue *chosen(struct nic *n, struct nic_port *port)
{
  int64_t quantum = n->params.quantum;
  struct nic_turn *f = front(&port->interfaces, quantum);
  struct nic_turn *q = front(&((struct nic_function *)f)->queues, quantum);
  return (struct nic_queue *)q;
}

static uint32_t next_bytes(const struct nic_queue *q)
{
  const struct nic_descriptor *d = &q->descriptors[nic_slot(q, q->used)];
  const uint32_t most = packet_tcp_frame_bytes(PACKET_TCP_MSS);
  return d->frame > most && packet_segmented(d->packet) ? most : d->frame;
}

static const struct nic_queue *queue_at(const struct nic_turn *turn)
{
  return (const struct nic_queue *)((const struct nic_function *)turn)
      ->queues.front;
}

static void fetch_packet(const struct nic_queue *q)
{
  uint32_t slot = nic_slot(q, q->used);
  hd_fetch(q->descriptors[slot].packet, sizeof(struct packet));
  hd_fetch(&q->ring->slot[slot], 1);
}

static void fetch_descriptor(const struct nic_queue *q)
{
  hd_fetch(&q->descriptors[nic_slot(q, q->used)], sizeof *q->descriptors);
  hd_fetch(q->ring, sizeof *q->ring);
}

/* With many interfaces, their turns are so far apart that nothing of them is in
 * the processor's caches any more. Fetches what the next decisions look at, in
 * steps: each reads what an earlier call has fetched. The first in the round
 * has just been served. */
static void look_ahead(const struct nic_port *port)
{
  const struct nic_turn *turn = port->interfaces.front;
  const struct nic_queue *q;
  if (turn == NULL)
    return;
  turn = turn->next->next;
  if ((q = queue_at(turn)) != NULL)
    fetch_packet(q);
  turn = turn->next;
  if ((q = queue_at(turn)) != NULL)
    fetch_descriptor(q);
  turn = turn->next;
  if ((q = queue_at(turn)) != NULL)
    hd_fetch(q, sizeof *q);
  hd_fetch(turn->next, sizeof(struct nic_turn) + sizeof(struct nic_round));
}

/* A packet larger than the whole buffer may have it alone. */
static bool has_room(const struct nic *n, const struct nic_port *port,
                     uint32_t bytes)
{
  return port->buffered == 0 || port->buffered + bytes <= n->params.tx_buffer;
}

/* The next queue to send; ports take turns. NULL: nobody can. */
static struct nic_queue *next_queue(struct nic *n)
{
  for (unsigned i = 1; i <= NIC_PORTS; i++) {
    unsigned p = (n->last_port + i) % NIC_PORTS;
    struct nic_port *port = &n->ports[p];
    if (port->interfaces.front == NULL)
      continue;
    struct nic_queue *q = chosen(n, port);
    if (has_room(n, port, next_bytes(q)))
      return q;
  }
  return NULL;
}

static void serve(struct nic *n, struct nic_queue *q)
{
  int64_t bytes = next_bytes(q);
  q->turn.deficit -= bytes;
  q->owner->turn.deficit -= bytes;
  n->last_port = q->owner->config.port;
  nic_send_packet(n, q);
  if (nic_cached(q) == 0)
    nic_deactivate(n, q);
  nic_fetch_descriptors(n, q);
  look_ahead(&n->ports[n->last_port]);
}

void nic_transmit(struct nic *n)
{
  while (!n->slot_reserved) {
    struct nic_queue *q = next_queue(n);
    if (q == NULL)
      return;
    hd_time at = nic_reserve_pipeline(n, n->scheduler_free);
    n->scheduler_free =
        at + hd_clock_take(&n->schedule_clock, n->params.schedule_cycles);
    if (at > hd_now(&n->base)) {
      n->slot_reserved = true;
      hd_schedule(&n->base, at - hd_now(&n->base),
                  nic_timer(n, NIC_TIMER_TRANSMIT, NULL));
      return;
    }
    serve(n, q);
  }
}

void nic_transmit_slot(struct nic *n)
{
  n->slot_reserved = false;
  struct nic_queue *q = next_queue(n); /* NULL: reset meanwhile, slot unused */
  if (q != NULL)
    serve(n, q);
  nic_transmit(n);
}
