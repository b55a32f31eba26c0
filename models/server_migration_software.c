/*
 * server_migration_software.c - the destination of a guest on a back end in
 * host software: that machine's own threads, on an interface of the host's.
 */
#include "models/server_migration_internal.h"

/* ---- the host's own interface at the destination ------------------------- */

static void command(struct migration_agent *a, uint16_t device,
                    uint64_t doorbell, void *command, const bool *failed)
{
  migration_agent_command(a, device, doorbell, command);
  HD_REQUIRE(migration_agent_component(a), !*failed,
             "the destination's device refuses the host's interface");
}

static void make_interface(void *context, struct migration_agent *a)
{
  struct server_migration *m = context;
  const struct guest_plan *p = server_migration_mover(m->server);
  uint16_t device = m->away.device[DEVICE_NIC];
  const struct nic_interface *i =
      vhost_interface(m->vhost, p->stand_in ? p->stand_in_port : p->port);
  struct nic_command c = {.type = NIC_ADD_INTERFACE,
                          .address = migration_agent_config(a)->admin_ring,
                          .observer = migration_agent_observer(a),
                          .requester = i->requester,
                          .bytes = 128,
                          .interface = *i};
  command(a, device, NIC_ADMIN_DOORBELL, &c, &c.failed);
  c.type = NIC_ENABLE_QUEUES;
  c.bytes = 0;
  command(a, device, NIC_ADMIN_DOORBELL, &c, &c.failed);
}

static void make_block_interface(void *context, struct migration_agent *a)
{
  struct server_migration *m = context;
  const struct guest_plan *p = server_migration_mover(m->server);
  uint16_t device = machine_device(&m->away, p);
  const struct storage_interface *i = vhost_block_interface(m->block, p->drive);
  struct storage_admin c = {.type = STORAGE_ADD_INTERFACE,
                            .address = migration_agent_config(a)->admin_ring,
                            .observer = migration_agent_observer(a),
                            .requester = i->requester,
                            .bytes = 128,
                            .interface = *i};
  command(a, device, STORAGE_ADMIN_DOORBELL, &c, &c.failed);
  c.type = STORAGE_START_QUEUES;
  c.bytes = 0;
  command(a, device, STORAGE_ADMIN_DOORBELL, &c, &c.failed);
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

/* ---- virtio-blk ---------------------------------------------------------- */

/* Both machines' drives hold the same blocks: storage is shared. */
static void build_block(struct server_migration *m)
{
  struct server *s = m->server;
  const struct guest_plan *p = server_migration_mover(s);
  (void)machine_add_memory(&m->away, p);
  m->block = server_software_second_block(s, &m->away, p);
}

/* A thread serves all queues. */
static void *connect_block(struct server_migration *m, unsigned side)
{
  struct server *s = m->server;
  uint16_t vm = server_migration_mover(s)->vm;
  struct vhost_block *v = side ? m->block : server_software_block(s->software);
  struct migration_software *x = &m->software[side];
  struct migration_software_config c = {
      .vm = vm,
      .queues_of_server =
          guest_virtio_function(server_migration_guest(m))->n_queues,
      .make_devices = make_block_interface,
      .context = m,
      .starter = vhost_block_component(v)};
  migration_software_initialize(x, &c, 1);
  migration_software_connect(x, m->agent[side], 0,
                             vhost_block_server_of(v, vm));
  return x;
}

const struct server_migration_kind server_migration_block = {
    .ops = &migration_agent_software_ops,
    .back_end = &migration_software_ops,
    .build = build_block,
    .connect = connect_block};
