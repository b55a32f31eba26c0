/*
 * server_migration_software.c - the destination of a guest on a back end in
 * host software: that machine's own threads, on an interface of the host's.
 */
#include "models/server_migration_internal.h"

/* ---- the host's own interface at the destination ------------------------- */

static void command(struct migration_agent *a, struct nic_command *c,
                    uint16_t requester)
{
  c->address = migration_agent_config(a)->admin_ring;
  c->observer = migration_agent_observer(a);
  c->requester = requester;
  migration_agent_command(a, NIC_ADMIN_DOORBELL, c);
  HD_REQUIRE(migration_agent_component(a), !c->failed,
             "the destination's NIC refuses the host's interface");
}

static void make_interface(void *context, struct migration_agent *a)
{
  struct server_migration *m = context;
  const struct nic_interface *i =
      vhost_interface(m->vhost, server_migration_mover(m->server)->port);
  struct nic_command c = {
      .type = NIC_ADD_INTERFACE, .bytes = 128, .interface = *i};
  command(a, &c, i->requester);
  c.type = NIC_ENABLE_QUEUES;
  c.bytes = 0;
  command(a, &c, i->requester);
}

/* ---- vhost-net, vhost-user ----------------------------------------------- */

static void build(struct server_migration *m)
{
  struct server *s = m->server;
  m->vhost =
      server_software_second_vhost(s, &m->away, server_migration_mover(s));
}

/* A thread serves both queues of a pair. */
static void *connect(struct server_migration *m, unsigned side)
{
  struct server *s = m->server;
  const struct guest_plan *p = server_migration_mover(s);
  struct vhost *v = side ? m->vhost : server_software_vhost(s->software);
  struct migration_software *x = &m->software[side];
  struct migration_software_config c = {.vm = p->vm,
                                        .queues_of_server = 2,
                                        .make_devices = make_interface,
                                        .context = m,
                                        .starter = vhost_component(v)};
  uint16_t pairs = (uint16_t)s->config->groups[p->group].queue_pairs;
  migration_software_initialize(x, &c, pairs);
  for (uint16_t i = 0; i < pairs; i++)
    migration_software_connect(x, m->agent[side], i,
                               vhost_server_of(v, p->vm, i));
  return x;
}

const struct server_migration_kind server_migration_network = {
    .ops = &migration_agent_software_ops,
    .back_end = &migration_software_ops,
    .build = build,
    .connect = connect};
