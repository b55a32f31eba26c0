/* server_migration.c - see server_migration.h. */
#include "models/server_migration.h"

#include <stdio.h>
#include <stdlib.h>

#include "models/cpu/vcpu_control.h"
#include "models/server_migration_internal.h"

#define DESTINATION "destination"
/* As at the first server. */
#define HPA_ADMIN_RING (UINT64_C(224) << 20)
#define HPA_POSTED_DESCRIPTORS (UINT64_C(128) << 20)

/* ---- machines ------------------------------------------------------------ */

struct server_migration *server_migration_create(struct server *s)
{
  struct server_migration *m = calloc(1, sizeof *m);
  HD_REQUIRE(NULL, m != NULL, "out of memory for a second server");
  const struct migration_params *p = &s->config->migration;
  m->server = s;
  machine_initialize(&m->away, &s->plan, s->config, s->engine, DESTINATION,
                     &s->packets, &s->window);
  m->link = hd_engine_add_link(s->engine, IO_STACK_HOST, DESTINATION,
                               p->link_rate, p->link_latency);
  server_migration_make_switches(m);
  return m;
}

/* ---- the guest's second home -----------------------------------------------
 */

static void attach_vcpus(struct server_migration *m)
{
  struct guest *g = server_migration_guest(m);
  for (size_t i = 0; i < guest_vcpus(g); i++) {
    struct vcpu *v = guest_vcpu(g, i);
    struct hd_channel *reply;
    struct hd_channel *to_root =
        root_complex_connect_cpu(m->away.io.root, &v->task.base, &reply);
    vcpu_attach_second(v, m->away.scheduler, m->away.interrupts,
                       HPA_POSTED_DESCRIPTORS + 64 * i, to_root, reply);
  }
}

/* ---- threads ---------------------------------------------------------------
 */

static void make_agent(struct server_migration *m, unsigned side)
{
  struct server *s = m->server;
  const struct guest_plan *p = server_migration_mover(s);
  const struct migration_params *k = &s->config->migration;
  struct machine *at = server_migration_at(m, side);
  struct guest *g = server_migration_guest(m);
  struct migration_agent_config config = {
      .side = side,
      .guest = g,
      .function = server_migration_function(m),
      .first_pair = p->stand_in ? guest_stand_in_pair(g) : 0,
      .pairs = (unsigned)s->config->groups[p->group].queue_pairs,
      .served = virtio_device_served(server_migration_function(m)),
      .admin_ring = HPA_ADMIN_RING,
      .admin_poll = s->config->hypervisor.admin_poll,
      .trap_cost = s->config->hypervisor.trap_cost,
      .memory_base = p->iova,
      .queues = m->queues,
      .stuck = side == 0 && k->fault == MIGRATION_FAULT_STUCK,
      .full = side == 1 && k->fault == MIGRATION_FAULT_NO_ROOM};
  char path[48];
  snprintf(path, sizeof path, "%s/migration-agent", at->io.host);
  m->agent[side] =
      migration_agent_create(s->engine, path, at->io.host, &config);
  migration_agent_attach(
      m->agent[side], at->io.root,
      memory_add_observer(at->io.memory, 0,
                          migration_agent_component(m->agent[side])));
  migration_agent_set_back_end(m->agent[side], m->kind->back_end,
                               m->kind->connect(m, side));
}

/* The destination announces the guest: the switch sends its frames there. */
static void switched(void *context, struct hd_component *agent)
{
  struct server_migration *m = context;
  (void)agent;
  server_migration_announce(m, 1, server_migration_mover(m->server)->stand_in);
}

static void set_hooks(struct server_migration *m)
{
  const struct migration_params *k = &m->server->config->migration;
  int64_t memory =
      m->server->config->groups[server_migration_mover(m->server)->group]
          .memory;
  int64_t set = k->working_set < memory ? k->working_set : memory;
  struct migration_agent_hooks hooks = {
      .load = {.rate = (double)k->dirty_rate / 8 / (double)MIGRATION_PAGE,
               .pages = (uint32_t)(set / MIGRATION_PAGE),
               .hot_pages = k->hot_pages,
               .hot_writes = k->hot_writes},
      .switched = switched,
      .context = m};
  for (int side = 0; side < 2; side++)
    migration_agent_set_hooks(m->agent[side], &hooks);
}

static const char *cannot_migrate(void *device)
{
  (void)device;
  return "is passed through whole: nobody can read its state out or tell what "
         "it writes";
}

static uint32_t one_queue(void *device)
{
  (void)device;
  return 1;
}

/* A function that the guest has whole. */
static const struct migration_device_ops passed_through = {
    .kind = "passed-through function",
    .refusal = cannot_migrate,
    .queues = one_queue,
    .image = true};
static const struct server_migration_kind whole = {.ops = &passed_through};

static const struct server_migration_kind *kind_of(const struct server *s)
{
  const struct server_config *c = s->config;
  if (server_migration_mover(s)->stand_in)
    return &server_migration_unplug;
  switch (plan_design(c, &c->groups[server_migration_mover(s)->group])) {
  case DESIGN_UN_IOV:
    return &server_migration_accelerator;
  case DESIGN_PASSTHROUGH:
    return c->migration.passthrough == MIGRATION_PASSTHROUGH_IMAGE
               ? &server_migration_image
               : &whole;
  case DESIGN_VHOST_NET:
  case DESIGN_VHOST_USER:
    return &server_migration_network;
  case DESIGN_SPDK_VHOST:
  case DESIGN_QEMU_BLK:
    return &server_migration_block;
  default:
    return &whole;
  }
}

/* On the source's thread, when all is over. */
static void finished(void *context, struct hd_task *thread)
{
  struct server_migration *m = context;
  if (migration_get_report(m->migration)->at_destination)
    migration_agent_leave(m->agent[0], thread);
}

static void make_migration(struct server_migration *m)
{
  struct server *s = m->server;
  const struct server_config *c = s->config;
  const struct vm_group *g = &c->groups[server_migration_mover(s)->group];
  struct migration_device device = {
      .name = "the virtual device",
      .ops = m->kind->ops,
      .side = {m->agent[0], m->agent[1]},
      .stand_in = m->kind->stand_in,
      .stand_in_side = {m->agent[0], m->agent[1]}};
  struct migration_config config = {.params = &c->migration,
                                    .cpu_hz = c->cpu.frequency,
                                    .host = {IO_STACK_HOST, DESTINATION},
                                    .link = m->link,
                                    .memory = g->memory,
                                    .zero_share = c->migration.zero_share,
                                    .guest_ops = &migration_agent_guest_ops,
                                    .guest = {m->agent[0], m->agent[1]},
                                    .devices = &device,
                                    .n_devices = 1,
                                    .start = HD_TIME_NEVER,
                                    .finished = finished,
                                    .finished_ctx = m};
  m->migration = migration_create(s->engine, "migration", &config);
}

static void join_agents(struct server_migration *m)
{
  for (unsigned side = 0; side < 2; side++)
    migration_agent_join(m->agent[side], m->migration);
  set_hooks(m);
  server_migration_connect_switches(m);
}

static void make_second_home(struct server_migration *m)
{
  uint16_t queues = server_migration_function(m)->n_queues;
  m->queues = calloc(queues, sizeof *m->queues);
  HD_REQUIRE(NULL, m->queues != NULL, "out of memory for a migration");
  attach_vcpus(m);
  m->kind->build(m);
  make_agent(m, 0);
  make_agent(m, 1);
}

void server_migration_join(struct server_migration *m)
{
  struct server *s = m->server;
  m->kind = kind_of(s);
  if (m->kind->back_end)
    make_second_home(m);
  make_migration(m);
  if (m->kind->back_end)
    join_agents(m);
  hypervisor_set_migration(s->hypervisor, migration_component(m->migration, 0),
                           s->config->migration.start);
}

/* ---- the end ---------------------------------------------------------------
 */

static void require(const struct hd_component *c, const char *trouble)
{
  HD_REQUIRE(c, trouble == NULL, "conservation: %s", trouble);
}

void server_migration_check(const struct server_migration *m)
{
  machine_check(&m->away);
  if (m->vhost)
    require(vhost_component(m->vhost), vhost_check(m->vhost));
  if (m->block)
    require(vhost_block_component(m->block), vhost_block_check(m->block));
  for (unsigned port = 0; port < m->away.n_ports; port++) {
    require(ethernet_switch_component(m->net[port]),
            ethernet_switch_check(m->net[port]));
    require(wire_component(m->client_wire[port]),
            wire_check(m->client_wire[port]));
  }
}

uint64_t server_migration_packets(const struct server_migration *m)
{
  uint64_t n = machine_packets(&m->away);
  if (m->vhost)
    n += vhost_packets_inside(m->vhost) - vhost_packets_arrived(m->vhost);
  for (unsigned port = 0; port < m->away.n_ports; port++)
    n += ethernet_switch_packets_inside(m->net[port]) +
         wire_packets_inside(m->client_wire[port]);
  return n;
}

struct machine *server_migration_machine(struct server_migration *m)
{
  return &m->away;
}

void server_migration_destroy(struct server_migration *m)
{
  migration_destroy(m->migration);
  for (int side = 0; side < 2; side++)
    if (m->agent[side])
      migration_agent_destroy(m->agent[side]);
  for (unsigned port = 0; port < m->away.n_ports; port++) {
    ethernet_switch_destroy(m->net[port]);
    wire_destroy(m->client_wire[port]);
  }
  if (m->vhost)
    vhost_destroy(m->vhost);
  if (m->block)
    vhost_block_destroy(m->block);
  for (int side = 0; side < 2; side++)
    migration_software_terminate(&m->software[side]);
  machine_terminate(&m->away);
  free(m->observer);
  free(m->queues);
  free(m);
}
