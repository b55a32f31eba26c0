/* server_migration.c - see server_migration.h. */
#include "models/server_migration.h"

#include <stdio.h>
#include <stdlib.h>

#include "models/cpu/vcpu_control.h"
#include "models/hypervisor/migration_agent.h"
#include "models/network/switch.h"

#define DESTINATION "destination"
/* As at the first server. */
#define HPA_ADMIN_RING (UINT64_C(224) << 20)
#define HPA_POSTED_DESCRIPTORS (UINT64_C(128) << 20)

struct server_migration {
  struct server *server;
  struct machine away;
  struct ethernet_switch *net[PLAN_MAX_PORTS];
  struct wire *client_wire[PLAN_MAX_PORTS];
  uint32_t away_port[PLAN_MAX_PORTS]; /* of the switch */
  struct hd_channel *announce;        /* destination's agent -> switch */
  struct hd_link *link;
  struct migration *migration;
  struct migration_agent *agent[2];
  struct migrating_queue *queues;
  struct virtio_function twin; /* of the guest's function, at the destination */
  uint16_t *observer;
};

static const struct guest_plan *mover(const struct server *s)
{
  return &s->plan.guests[s->config->migration.vm];
}

static struct guest *guest_of(const struct server_migration *m)
{
  return m->server->guests[m->server->config->migration.vm];
}

/* How the guest's device moves; NULL: it does not. */
static const struct migration_device_ops *way_of(const struct server *s)
{
  const struct server_config *c = s->config;
  switch (plan_design(c, &c->groups[mover(s)->group])) {
  case DESIGN_UN_IOV:
    return &migration_agent_device_ops;
  case DESIGN_PASSTHROUGH:
    return c->migration.passthrough == MIGRATION_PASSTHROUGH_IMAGE
               ? &migration_agent_image_ops
               : NULL;
  default:
    return NULL;
  }
}

/* ---- machines and network --------------------------------------------------
 */

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
  ethernet_switch_attach(m->net[port], s->home.wire[port], 1, SWITCH_SERVER);
  m->away_port[port] = ethernet_switch_attach(m->net[port], m->away.wire[port],
                                              1, SWITCH_SERVER);
}

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
  hd_engine_add_host(s->engine, "network");
  for (unsigned port = 0; port < m->away.n_ports; port++)
    make_switch(m, port);
  return m;
}

struct wire *server_migration_client_wire(struct server_migration *m,
                                          unsigned port)
{
  return m->client_wire[port];
}

/* ---- the guest's second home -----------------------------------------------
 */

static void attach_vcpus(struct server_migration *m)
{
  struct guest *g = guest_of(m);
  for (size_t i = 0; i < guest_vcpus(g); i++) {
    struct vcpu *v = guest_vcpu(g, i);
    struct hd_channel *reply;
    struct hd_channel *to_root =
        root_complex_connect_cpu(m->away.io.root, &v->task.base, &reply);
    vcpu_attach_second(v, m->away.scheduler, m->away.interrupts,
                       HPA_POSTED_DESCRIPTORS + 64 * i, to_root, reply);
  }
}

static void route_queue(struct server_migration *m, uint16_t region, unsigned q)
{
  const struct guest_plan *p = mover(m->server);
  struct vcpu *v = guest_vcpu_of_queue(guest_of(m), q);
  uint16_t observer =
      memory_add_observer(m->away.io.memory, region, &v->task.base);
  if (p->device == DEVICE_VIRTIO_NET)
    m->observer[virtio_rx_queue(q)] = m->observer[virtio_tx_queue(q)] =
        observer;
  else
    m->observer[q] = observer;
  interrupt_unit_set_entry(m->away.interrupts, server_queue_handle(p, q),
                           p->requester, vcpu_interrupt_index(v, 1),
                           (uint8_t)GUEST_VECTOR(1 + q));
}

/* What the guest's function is at the destination: the same rings, the numbers
 * of that machine's accelerator, which are the same as here. */
static void make_twin(struct server_migration *m, uint16_t region)
{
  const struct guest_plan *p = mover(m->server);
  struct guest *g = guest_of(m);
  const struct virtio_function *f = guest_virtio_function(g);
  m->twin = *f;
  m->observer = calloc(f->n_queues, sizeof *m->observer);
  m->queues = calloc(f->n_queues, sizeof *m->queues);
  HD_REQUIRE(NULL, m->observer && m->queues, "out of memory for a migration");
  for (uint16_t q = 0; q < f->n_queues; q++)
    m->observer[q] = PCIE_NO_OBSERVER;
  m->twin.observer = m->observer;
  m->twin.device = machine_device(&m->away, p);
  unsigned pairs = (unsigned)m->server->config->groups[p->group].queue_pairs;
  for (unsigned q = 0; q < pairs; q++)
    route_queue(m, region, q);
  interrupt_unit_set_entry(m->away.interrupts, p->first_handle, p->requester,
                           vcpu_interrupt_index(guest_vcpu(g, 0), 1),
                           (uint8_t)GUEST_VECTOR(0));
}

static void map_memory(struct server_migration *m)
{
  struct vtd_tables *t = m->away.io.tables;
  const struct guest_plan *p = mover(m->server);
  const struct server_config *c = m->server->config;
  if (!t)
    return;
  uint64_t size = (uint64_t)c->groups[p->group].memory;
  uint32_t domain = vtd_domain_create(t);
  bool ok = domain != 0 &&
            vtd_domain_map(t, domain, p->iova, p->hpa, size, plan_page_shift(c),
                           true) &&
            vtd_attach_requester(t, p->requester, domain);
  HD_REQUIRE(NULL, ok, "no room for the destination's remapping structures");
}

/* ---- threads ---------------------------------------------------------------
 */

static enum virtio_kind kind_of(const struct guest_plan *p)
{
  return p->device == DEVICE_VIRTIO_NET ? VIRTIO_NET : VIRTIO_BLK;
}

static void make_agent(struct server_migration *m, unsigned side)
{
  struct server *s = m->server;
  const struct guest_plan *p = mover(s);
  const struct migration_params *k = &s->config->migration;
  struct machine *at = side ? &m->away : &s->home;
  struct migration_agent_config config = {
      .side = side,
      .guest = guest_of(m),
      .pairs = (unsigned)s->config->groups[p->group].queue_pairs,
      .device = at->virtio[kind_of(p)],
      .device_index = machine_device(at, p),
      .pf_requester = p->pf_requester,
      .admin_ring = HPA_ADMIN_RING,
      .admin_poll = s->config->hypervisor.admin_poll,
      .memory_base = p->iova,
      .function = side ? NULL : &s->devices[p->vm].interface,
      .add = {.type = VIRTIO_ADMIN_ADD_FUNCTION,
              .bytes = 128,
              .function = &m->twin,
              .first_queue = p->first_queue,
              .first_vector = p->first_vector,
              .first_block = p->first_block,
              .blocks = p->blocks},
      .twin = &m->twin,
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
}

/* The destination announces the guest: the switch sends its frames there. */
static void switched(void *context, struct hd_component *agent)
{
  struct server_migration *m = context;
  (void)agent;
  if (m->announce)
    ethernet_switch_announce(m->announce, &m->server->packets,
                             mover(m->server)->vm);
}

static void set_hooks(struct server_migration *m)
{
  const struct migration_params *k = &m->server->config->migration;
  int64_t memory = m->server->config->groups[mover(m->server)->group].memory;
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

static void make_migration(struct server_migration *m)
{
  struct server *s = m->server;
  const struct server_config *c = s->config;
  const struct vm_group *g = &c->groups[mover(s)->group];
  const struct migration_device_ops *way = way_of(s);
  struct migration_device device = {.name = "the virtual device",
                                    .ops = way ? way
                                               : &passed_through,
                                    .side = {m->agent[0], m->agent[1]}};
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
                                    .start = HD_TIME_NEVER};
  m->migration = migration_create(s->engine, "migration", &config);
}

static void join_agents(struct server_migration *m)
{
  for (unsigned side = 0; side < 2; side++)
    migration_agent_join(m->agent[side], m->migration);
  set_hooks(m);
  const struct guest_plan *p = mover(m->server);
  if (p->device == DEVICE_VIRTIO_NET)
    m->announce =
        ethernet_switch_connect(m->net[p->port], m->away_port[p->port],
                                migration_agent_component(m->agent[1]),
                                m->server->config->network.latency);
}

void server_migration_join(struct server_migration *m)
{
  struct server *s = m->server;
  const struct guest_plan *p = mover(s);
  const struct vm_group *g = &s->config->groups[p->group];
  if (way_of(s)) {
    uint16_t region =
        memory_add_region(m->away.io.memory, p->hpa, (uint64_t)g->memory);
    attach_vcpus(m);
    make_twin(m, region);
    map_memory(m);
    guest_attach_second_backend(
        guest_of(m), virtio_device_component(m->away.virtio[kind_of(p)]), 0);
    make_agent(m, 0);
    make_agent(m, 1);
  }
  make_migration(m);
  if (m->agent[0])
    join_agents(m);
  const struct migration_params *k = &s->config->migration;
  bool cut = k->fault == MIGRATION_FAULT_LINK_CUT;
  struct hypervisor_migration move = {.source =
                                          migration_component(m->migration, 0),
                                      .delay = k->start,
                                      .cut = k->fault_time,
                                      .link = cut ? m->link : NULL};
  hypervisor_set_migration(s->hypervisor, &move);
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
  for (unsigned port = 0; port < m->away.n_ports; port++)
    n += ethernet_switch_packets_inside(m->net[port]) +
         wire_packets_inside(m->client_wire[port]);
  return n;
}

const char *server_migration_status(const struct server_migration *m)
{
  const struct migration_report *r = migration_get_report(m->migration);
  return r->status[0] ? r->status : "not over when the measurement ended";
}

const struct migration_report *
server_migration_report(const struct server_migration *m)
{
  return migration_get_report(m->migration);
}

static double ms(hd_time t)
{
  return (double)t / (double)HD_MS;
}

static void set_downtime(const struct migration_downtime *d, double *metric)
{
  metric[METRIC_downtime_ms] = ms(d->total);
  metric[METRIC_downtime_stop_ms] = ms(d->stop);
  metric[METRIC_downtime_suspend_ms] = ms(d->suspend);
  metric[METRIC_downtime_state_ms] = ms(d->state);
  metric[METRIC_downtime_copy_ms] = ms(d->copy);
  metric[METRIC_downtime_create_ms] = ms(d->create);
  metric[METRIC_downtime_resume_ms] = ms(d->resume);
  metric[METRIC_downtime_destination_ms] = ms(d->create + d->resume);
}

void server_migration_metrics(const struct server_migration *m, double *metric)
{
  const struct migration_report *r = migration_get_report(m->migration);
  double window = (double)m->server->config->run.duration;
  metric[METRIC_migration_completed] = r->at_destination;
  metric[METRIC_migration_total_ms] = ms(r->end - r->begin);
  metric[METRIC_migration_rounds] = (double)r->rounds;
  metric[METRIC_migration_gib] = (double)r->bytes / (1 << 30);
  metric[METRIC_migration_dirty_gbps] =
      r->dirty_rate * (double)MIGRATION_PAGE * 8 / 1e9;
  metric[METRIC_migration_thread_cores] = (double)r->thread_cpu / window;
  metric[METRIC_migration_relay_cores] = (double)r->relay_cpu / window;
  set_downtime(&r->downtime, metric);
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
  machine_terminate(&m->away);
  free(m->observer);
  free(m->queues);
  free(m);
}
