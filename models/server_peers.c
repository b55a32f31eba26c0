/* server_peers.c - see server_peers.h. */
#include "models/server_peers.h"

#include <string.h>

const char *peers_name(const struct vm_group *g)
{
  const char *name = "";
  if (g->workload == WORKLOAD_UDP_STREAM)
    name = g->udp_stream.peer;
  else if (g->workload == WORKLOAD_PING)
    name = g->ping.peer;
  bool client = name[0] == '\0' || strcmp(name, WORKLOAD_CLIENT) == 0;
  return client ? NULL : name;
}

const struct vm_group *peers_find(const struct server_config *c,
                                  const char *name)
{
  for (size_t i = 0; i < c->n_groups; i++)
    if (strcmp(c->groups[i].name, name) == 0)
      return &c->groups[i];
  return NULL;
}

bool peers_any(const struct server_config *c)
{
  for (size_t i = 0; i < c->n_groups; i++)
    if (peers_name(&c->groups[i]))
      return true;
  return false;
}

static bool sends_to(const struct vm_group *from, const struct vm_group *to)
{
  const char *name = peers_name(from);
  return name && strcmp(name, to->name) == 0;
}

bool peers_receives(const struct server_config *c, const struct vm_group *g)
{
  for (size_t i = 0; i < c->n_groups; i++)
    if (sends_to(&c->groups[i], g))
      return true;
  return false;
}

/* Guests are numbered group by group. */
static uint32_t first_of(const struct server_config *c,
                         const struct vm_group *g)
{
  int64_t vm = 0;
  for (const struct vm_group *of = c->groups; of < g; of++)
    vm += of->count;
  return (uint32_t)vm;
}

bool peers_guest(const struct server_config *c, const struct guest_plan *p,
                 uint16_t *vm)
{
  const struct vm_group *g = &c->groups[p->group];
  const char *name = peers_name(g);
  if (!name)
    return false;
  const struct vm_group *to = peers_find(c, name);
  uint32_t member = p->vm - first_of(c, g);
  *vm = (uint16_t)(first_of(c, to) + member % (uint32_t)to->count);
  return true;
}

size_t peers_sources(const struct server_config *c, const struct guest_plan *p,
                     uint16_t *sources)
{
  const struct vm_group *g = &c->groups[p->group];
  uint32_t member = p->vm - first_of(c, g);
  size_t n = 0;
  for (size_t i = 0; i < c->n_groups; i++) {
    const struct vm_group *from = &c->groups[i];
    if (!sends_to(from, g))
      continue;
    uint32_t first = first_of(c, from);
    for (int64_t m = member; m < from->count; m += g->count, n++)
      if (sources)
        sources[n] = (uint16_t)(first + m);
  }
  return n;
}
