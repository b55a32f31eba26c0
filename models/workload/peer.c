/*
 * peer.c - a guest that others send to: who has sent how much, and its kernel's
 * answers to echo requests.
 *
 * A request is answered where it was received, in the poll function's context
 * (icmp_echo()), on the queue pair that it came by. What an answer costs is the
 * stack's and the driver's part of a send call: there is no application, and
 * nothing to be copied.
 */
#include <stdlib.h>
#include <string.h>

#include "models/workload/guest_internal.h"

/* ---- who has sent ------------------------------------------------------- */

void peer_create(struct guest *g)
{
  size_t n = g->config.n_sources;
  uint16_t *sources = guest_allocate(n, sizeof *sources);
  memcpy(sources, g->config.sources, n * sizeof *sources);
  g->config.sources = g->sources = sources;
  g->received_from = guest_allocate(n, sizeof *g->received_from);
}

void peer_destroy(struct guest *g)
{
  free(g->received_from);
  free(g->sources);
}

/* Place of a guest among the sources; they ascend. Beyond them: not one. */
static size_t place_of(const struct guest_config *c, uint32_t vm)
{
  size_t from = 0, to = c->n_sources;
  while (from < to) {
    size_t middle = from + (to - from) / 2;
    if (c->sources[middle] < vm)
      from = middle + 1;
    else
      to = middle;
  }
  return from < c->n_sources && c->sources[from] == vm ? from : c->n_sources;
}

void peer_note_received(struct guest *g, const struct packet *p)
{
  if (!packet_is_for_guest(p))
    return;
  size_t place = place_of(&g->config, packet_peer(p));
  HD_REQUIRE(NULL, place < g->config.n_sources,
             "%s received a packet of guest %u, which does not send to it",
             g->config.path, packet_peer(p));
  g->received_from[place].packets++;
  g->received_from[place].bytes += p->payload;
}

struct guest_received guest_received_from(const struct guest *g, uint16_t vm)
{
  size_t place = place_of(&g->config, vm);
  return place < g->config.n_sources ? g->received_from[place]
                                     : (struct guest_received){0};
}

/* ---- echo --------------------------------------------------------------- */

static void answer(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  struct guest_stream *s = &g->streams[cpu->echoes.first->queue];
  int64_t driver = netdev_tx_cycles(cpu, s->queue);
  bool direct = netdev_tx_direct(cpu, s->queue);
  vcpu_run(&cpu->vcpu, g->config.costs->send_stack + driver);
  struct packet *p = packet_list_pop(&cpu->echoes);
  p->kind = PACKET_ECHO_REPLY; /* its peer is whom it came from */
  p->stream = s->number;
  hd_stamps_mark(&p->stamps, HD_STAGE_REMOTE, vcpu_now(&cpu->vcpu));
  netdev_tx_send(cpu, s, p, direct);
}

void peer_softirq(struct guest_cpu *cpu)
{
  while (cpu->echoes.count > 0)
    answer(cpu);
}
