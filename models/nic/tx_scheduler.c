/*
 * tx_scheduler.c - who sends next.
 *
 * Two levels: interfaces of a port, then queues of an interface, each a round
 * (models/round.h) of bytes.
 *
 * A decision needs room in the port's packet buffer for the chosen packet and
 * the pipeline, which is shared with received packets first come, first served:
 * a slot is reserved when there is something to send, who gets it is decided
 * when it begins.
 */
#include "models/nic/internal.h"

/* ---- rounds ----------------------------------------------------------------
 */

void nic_activate(struct nic *n, struct nic_queue *q)
{
  if (q->turn.next != NULL || !q->live || nic_cached(q) == 0)
    return;
  struct nic_function *f = q->owner;
  round_join(&f->queues, &q->turn, n->params.quantum);
  if (f->turn.next == NULL)
    round_join(&n->ports[f->config.port].interfaces, &f->turn,
               n->params.quantum);
}

void nic_deactivate(struct nic *n, struct nic_queue *q)
{
  struct nic_function *f = q->owner;
  if (q->turn.next == NULL)
    return;
  round_leave(&f->queues, &q->turn);
  if (f->queues.front == NULL)
    round_leave(&n->ports[f->config.port].interfaces, &f->turn);
}

/* ---- decisions --------------------------------------------------------------
 */

static struct nic_queue *chosen(struct nic *n, struct nic_port *port)
{
  int64_t quantum = n->params.quantum;
  struct turn *f = round_front(&port->interfaces, quantum);
  struct turn *q = round_front(&((struct nic_function *)f)->queues, quantum);
  return (struct nic_queue *)q;
}

static uint32_t next_bytes(const struct nic_queue *q)
{
  const struct nic_descriptor *d = &q->descriptors[nic_slot(q, q->used)];
  const uint32_t most = packet_tcp_frame_bytes(PACKET_TCP_MSS);
  return d->frame > most && packet_segmented(d->packet) ? most : d->frame;
}

static const struct nic_queue *queue_at(const struct turn *turn)
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
  const struct turn *turn = port->interfaces.front;
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
  hd_fetch(turn->next, sizeof(struct turn) + sizeof(struct round));
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
