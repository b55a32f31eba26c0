/*
 * socket.c - memory that a sending socket's packets hold.
 *
 * As Linux: a send call blocks while sk_wmem_alloc >= sk_sndbuf, so the last
 * packet may exceed the limit; a blocked caller is woken when a freed packet
 * leaves at most half of it in use (sock_wfree(), sock_def_write_space()).
 */
#include "models/workload/guest_internal.h"

uint32_t guest_truesize(const struct guest_params *k, uint32_t payload)
{
  uint32_t room = 1;
  while (room < payload + PACKET_HEADERS)
    room *= 2;
  return room + (uint32_t)k->skb_overhead;
}

uint32_t guest_packet_truesize(const struct guest *g, const struct packet *p)
{
  const struct guest_stream *s = &g->streams[p->stream];
  return s->payload > 0 ? s->truesize
                        : guest_truesize(g->config.costs, p->payload);
}

int64_t guest_send_cycles(const struct guest_params *k, uint32_t payload)
{
  return k->send_syscall + k->send_stack +
         (int64_t)(k->copy_per_byte * (double)payload + 0.5);
}

void socket_charge(struct guest_stream *s, uint32_t truesize)
{
  s->socket.held += truesize;
  s->socket.charged += truesize;
}

bool socket_release(struct guest_stream *s, uint64_t bytes)
{
  s->socket.held -= (int64_t)bytes;
  s->socket.released += bytes;
  struct guest_thread *t = s->thread;
  if (!t || t->blocked != s || 2 * s->socket.held > s->socket.limit)
    return false;
  t->blocked = NULL;
  return true;
}

void socket_block(struct guest_cpu *cpu, struct guest_stream *s)
{
  s->thread->blocked = s;
  struct guest_txq *q = netdev_tx_queue(cpu, s->queue);
  if (q->cleaner != cpu)
    guest_send(cpu, q->cleaner, GUEST_WAITING, s->number,
               (uint64_t)(s->socket.held - s->socket.limit / 2), q);
}
