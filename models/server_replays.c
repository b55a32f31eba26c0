/*
 * server_replays.c - captures that machines replay: what was due, what was
 * sent, and how late.
 */
#include <stdio.h>
#include <stdlib.h>

#include "models/server_internal.h"

static const struct vm_group *group_of(const struct server *s, size_t i)
{
  return &s->config->groups[s->plan.guests[i].group];
}

static bool receives(const struct vm_group *g)
{
  return g->pcap_replay.direction == REPLAY_RX;
}

struct replay_stats server_replay_stats(const struct server *s, size_t i)
{
  const struct guest_plan *p = &s->plan.guests[i];
  struct client_vm_stats c = {0};
  struct guest_stats g = {0};
  if (receives(group_of(s, i))) {
    client_get_vm_stats(s->client[p->port], p->vm, &c);
    return c.replay;
  }
  guest_get_stats(s->guests[i], &g);
  return g.replay;
}

static uint64_t arrived(const struct server *s, size_t i)
{
  const struct guest_plan *p = &s->plan.guests[i];
  struct client_vm_stats c = {0};
  struct guest_stats g = {0};
  client_get_vm_stats(s->client[p->port], p->vm, &c);
  guest_get_stats(s->guests[i], &g);
  return receives(group_of(s, i)) ? g.received_packets : c.packets;
}

static void list(const struct server *s, size_t i, struct replay_row *row)
{
  const struct vm_group *g = group_of(s, i);
  *row = (struct replay_row){.group = g->name,
                             .receives = receives(g),
                             .stats = server_replay_stats(s, i),
                             .arrived = arrived(s, i)};
  snprintf(row->name, sizeof row->name, "vm%05u", s->plan.guests[i].vm);
}

void server_list_replays(struct server *s, struct server_results *r)
{
  size_t n = 0;
  for (size_t i = 0; i < s->plan.n_guests; i++)
    n += group_of(s, i)->workload == WORKLOAD_PCAP_REPLAY;
  if (n == 0)
    return;
  free(s->replays);
  s->replays = calloc(n, sizeof *s->replays);
  HD_REQUIRE(NULL, s->replays != NULL, "out of memory for results");
  for (size_t i = 0; i < s->plan.n_guests; i++)
    if (group_of(s, i)->workload == WORKLOAD_PCAP_REPLAY)
      list(s, i, &s->replays[r->n_replays++]);
  r->replays = s->replays;
}
