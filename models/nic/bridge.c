/*
 * bridge.c - the embedded bridge (VEB, IEEE 802.1Qbg): frames from one guest's
 * interface to another's on the same port.
 *
 * A frame that has been read is looked up by its destination when its turn to
 * leave comes. If an interface of the port has that address, the frame takes
 * the loopback path, which carries one frame after another, from the packet
 * buffer of the transmit side to that of the receive side; there it goes on as
 * one from the wire: buffer, pipeline, steering, descriptor, write-back,
 * interrupt. The path carries frames from destination address to FCS: preamble
 * and gap exist on wires only.
 *
 * Frames that wait for the path hold transmit buffer, which stops the scheduler
 * when it is full: the senders feel that, and so does traffic to the wire,
 * which shares the buffer. Beyond the path nothing holds back: a frame that
 * finds the receive buffer full or its ring empty is dropped, as bridges do:
 * would it wait instead, one guest that does not receive could stop all that
 * send. Which of the two a real device does is not public.
 */
#include "models/nic/internal.h"

void nic_bridge_initialize(struct nic *n)
{
  n->bridge.bits = hd_clock_at(n->params.bridge_rate);
}

struct nic_function *nic_bridge_target(const struct nic *n, unsigned port,
                                       const struct packet *p)
{
  const struct nic_port *of = &n->ports[port];
  size_t vm = packet_peer(p);
  if (n->params.bridge_rate == 0 || vm >= of->n_routes)
    return NULL;
  return of->route[vm];
}

/* From here on the packet is its receiver's, whose peer has sent it. The flow
 * goes to the queue pair of its number, modulo those there are: receive side
 * scaling with a hash that happens to spread evenly. */
static void turn_around(struct packet *p, const struct nic_function *to)
{
  uint16_t from = p->vm;
  p->vm = (uint16_t)packet_peer(p);
  p->peer = packet_peer_of(from);
  p->queue %= to->config.queue_pairs;
}

void nic_bridge_send(struct nic *n, struct packet_msg *m,
                     const struct nic_function *to)
{
  struct nic_bridge *b = &n->bridge;
  hd_time now = hd_now(&n->base);
  hd_time start = hd_time_max(now + n->params.pipeline_latency, b->free_at);
  b->free_at = start + hd_clock_take(&b->bits, (int64_t)m->bytes * 8);
  hd_busy_add(&b->busy, n->window, start, b->free_at);
  turn_around(m->packet, to);
  m->msg.kind = MSG_TIMER;
  m->msg.tag = NIC_TIMER_BRIDGE_SENT;
  hd_schedule(&n->base, b->free_at - now, m);
}

void nic_bridge_sent(struct nic *n, struct packet_msg *m)
{
  n->totals.bridged++;
  n->counts.bridged += nic_counts(n);
  m->msg.tag = NIC_TIMER_BRIDGE_ARRIVED;
  unsigned port = m->packet->port;
  uint64_t bytes = m->bytes;
  hd_schedule(&n->base, n->params.bridge_latency, m);
  nic_frame_left(n, port, bytes);
}

void nic_bridge_arrived(struct nic *n, struct packet_msg *m)
{
  n->totals.turned++;
  nic_receive_frame(n, m);
}
