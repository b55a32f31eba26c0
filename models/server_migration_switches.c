/*
 * server_migration_switches.c - the network between the two servers and the
 * clients: a switch for each network port, which is told where the guest is.
 */
#include <stdio.h>

#include "models/server_migration_internal.h"

/* ---- building ------------------------------------------------------------ */

/* A device and its stand-in are on one network: the switch at the device's
 * port, where the port of the stand-in is another. */
static unsigned network_of(const struct server_migration *m, unsigned port)
{
  const struct guest_plan *p = server_migration_mover(m->server);
  return p->stand_in && port == p->stand_in_port ? p->port : port;
}

static void make_switch(struct server_migration *m, unsigned port)
{
  struct server *s = m->server;
  char path[32];
  snprintf(path, sizeof path, "network/switch%u", port);
  m->net[port] = ethernet_switch_create(s->engine, path, "network",
                                        &s->config->network_switch, &s->packets,
                                        &s->window);
  snprintf(path, sizeof path, "network/wire%u", port);
  m->client_wire[port] =
      wire_create(s->engine, path, "network", &s->config->network, &s->window);
  ethernet_switch_attach(m->net[port], m->client_wire[port], 0, SWITCH_CLIENT);
}

static void attach_wires(struct server_migration *m, unsigned port)
{
  struct ethernet_switch *net = m->net[network_of(m, port)];
  for (unsigned side = 0; side < 2; side++)
    m->switch_port[side][port] = ethernet_switch_attach(
        net, server_migration_at(m, side)->wire[port], 1, SWITCH_SERVER);
}

void server_migration_make_switches(struct server_migration *m)
{
  hd_engine_add_host(m->server->engine, "network");
  for (unsigned port = 0; port < m->away.n_ports; port++)
    make_switch(m, port);
  for (unsigned port = 0; port < m->away.n_ports; port++)
    attach_wires(m, port);
}

struct wire *server_migration_client_wire(struct server_migration *m,
                                          unsigned port)
{
  return m->client_wire[port];
}

/* ---- announcements ------------------------------------------------------- */

void server_migration_announce(void *migration, unsigned side, bool stand_in)
{
  struct server_migration *m = migration;
  const struct guest_plan *p = server_migration_mover(m->server);
  unsigned port = stand_in ? p->stand_in_port : p->port;
  if (m->announce[side][stand_in])
    ethernet_switch_announce(m->announce[side][stand_in], &m->server->packets,
                             m->switch_port[side][port], p->vm);
}

static void connect_switch(struct server_migration *m, unsigned side,
                           bool stand_in)
{
  const struct guest_plan *p = server_migration_mover(m->server);
  unsigned port = stand_in ? p->stand_in_port : p->port;
  m->announce[side][stand_in] =
      ethernet_switch_connect(m->net[p->port], m->switch_port[side][port],
                              migration_agent_component(m->agent[side]),
                              m->server->config->network.latency);
}

/* The guest moves with its device or with the stand-in. Where these are at
 * different ports, the network is told of each change. */
void server_migration_connect_switches(struct server_migration *m)
{
  const struct guest_plan *p = server_migration_mover(m->server);
  bool apart = p->stand_in && p->port != p->stand_in_port;
  if (plan_is_block(&m->server->config->groups[p->group]))
    return;
  for (unsigned side = 0; side < 2; side++)
    for (unsigned stand_in = 0; stand_in < 2; stand_in++)
      if (apart || (side == 1 && stand_in == p->stand_in))
        connect_switch(m, side, stand_in);
}
