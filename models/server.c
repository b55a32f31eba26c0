/*
 * server.c - builds a whole server: one IO stack with a NIC, memory, cores,
 * guests, the hypervisor's thread, and clients at the far end of the wires.
 *
 *   guests (vCPUs) -- scheduler           client
 *      |                                     |
 *   root complex -- IOMMU -- memory        wire
 *      |      \-- interrupt unit             |
 *    link (-- switch -- link) ------------- NIC
 */
#include "models/server.h"

#include <stdio.h>
#include <stdlib.h>

#include "models/server_internal.h"

#define SERVER "server"

/* Latencies inside the IO stack's chip: a hop on the mesh between the agents
 * (root complex, IOMMU, caching agent) at about 2 GHz, estimated from memory.
 * What a unit itself takes is its own parameter. */
#define HOP (2 * HD_NS)

/* Host physical addresses of the host's own structures. */
#define HPA_INTERRUPT_TABLE (UINT64_C(64) << 20)
#define HPA_POSTED_DESCRIPTORS (UINT64_C(128) << 20)
#define HPA_ADMIN_RING (UINT64_C(192) << 20)
#define HPA_TABLES (UINT64_C(512) << 20)

static void make_engine(struct server *s, const struct server_options *o)
{
  const struct run_params *run = &s->config->run;
  struct hd_engine_options options = {.seed = o->seed,
                                      .window = run->window,
                                      .shuffle = (uint32_t)run->actor_order,
                                      .reproduce = o->reproduce,
                                      .heartbeat = o->heartbeat,
                                      .heartbeat_ctx = o->heartbeat_ctx,
                                      .heartbeat_events = 100000};
  s->engine = hd_engine_create(&options);
  hd_engine_add_host(s->engine, SERVER);
  hd_engine_add_host(s->engine, "client");
  s->window = (struct hd_window){HD_TIME_NEVER, HD_TIME_NEVER};
}

/* ---- the IO stack ---------------------------------------------------- */

static void make_memory(struct server *s)
{
  s->memory = memory_create(s->engine, "server/memory", SERVER,
                            &s->config->memory, &s->window);
  root_complex_attach_memory(s->root, memory_component(s->memory), HOP);
  memory_set_root_complex(
      s->memory,
      root_complex_answer_channel(s->root, memory_component(s->memory), HOP));
  memory_add_region(s->memory, 0, (uint64_t)s->config->host.memory_reserved);
}

static void make_iommu(struct server *s)
{
  const struct server_config *c = s->config;
  if (!plan_has_iommu(c))
    return;
  s->tables = vtd_tables_create(HPA_TABLES,
                                (uint64_t)c->host.memory_reserved - HPA_TABLES,
                                c->iommu.mode == IOMMU_SCALABLE);
  s->iommu = iommu_create(s->engine, "server/iommu", SERVER, &c->iommu,
                          s->tables, &s->window);
  iommu_attach_memory(s->iommu, s->memory, HOP);
  root_complex_attach_iommu(s->root, iommu_component(s->iommu), HOP);
  iommu_set_root_complex(
      s->iommu,
      root_complex_answer_channel(s->root, iommu_component(s->iommu), HOP));
  /* The host maps its own memory one to one for its physical functions. */
  uint32_t domain = vtd_domain_create(s->tables);
  bool ok = domain != 0 &&
            vtd_domain_map(s->tables, domain, 0, 0,
                           (uint64_t)c->host.memory_reserved, 30, true);
  for (int64_t port = 0; ok && port < c->nic.ports; port++)
    ok = vtd_attach_requester(s->tables, (uint16_t)(PLAN_PF_REQUESTER + port),
                              domain);
  HD_REQUIRE(NULL, ok, "no room for the host's remapping structures");
}

static void make_interrupts(struct server *s)
{
  s->interrupts = interrupt_unit_create(s->engine, "server/interrupts", SERVER,
                                        &s->config->interrupt,
                                        HPA_INTERRUPT_TABLE, &s->window);
  interrupt_unit_attach_memory(s->interrupts, s->memory, HOP);
  root_complex_attach_interrupts(s->root,
                                 interrupt_unit_component(s->interrupts), HOP);
  s->scheduler = scheduler_create(s->engine, "server/scheduler", SERVER,
                                  &s->config->cpu, &s->window);
  interrupt_unit_attach_scheduler(s->interrupts,
                                  scheduler_component(s->scheduler));
}

/* Root port to NIC, directly or through a switch. */
static void make_fabric(struct server *s)
{
  const struct pcie_params *p = &s->config->pcie;
  s->root =
      root_complex_create(s->engine, "server/root", SERVER, p, &s->window);
  s->link = pcie_link_create(s->engine, "server/link", SERVER, p, &s->window);
  if (!p->switch_present) {
    root_complex_attach_link(s->root, s->link);
    return;
  }
  s->uplink =
      pcie_link_create(s->engine, "server/uplink", SERVER, p, &s->window);
  s->fabric =
      pcie_switch_create(s->engine, "server/switch", SERVER, p, &s->window);
  root_complex_attach_link(s->root, s->uplink);
  pcie_switch_attach_upstream(s->fabric, s->uplink);
  pcie_switch_attach_downstream(s->fabric, s->link);
}

static void make_nic(struct server *s)
{
  const struct server_config *c = s->config;
  s->nic = nic_create(s->engine, "server/nic", SERVER, &c->nic, &c->pcie,
                      &s->packets, &s->window);
  nic_attach_link(s->nic, s->link);
  for (unsigned port = 0; port < (unsigned)c->nic.ports; port++) {
    char path[32];
    snprintf(path, sizeof path, "server/wire%u", port);
    s->wire[port] =
        wire_create(s->engine, path, SERVER, &c->network, &s->window);
    nic_attach_wire(s->nic, port, s->wire[port]);
    snprintf(path, sizeof path, "client/port%u", port);
    s->client[port] = client_create(s->engine, path, "client", &c->client,
                                    &s->packets, &s->window);
    client_attach_wire(s->client[port], s->wire[port]);
  }
}

/* ---- guests ---------------------------------------------------------- */

static struct guest *make_guest(struct server *s, const struct guest_plan *p)
{
  const struct server_config *c = s->config;
  const struct vm_group *g = &c->groups[p->group];
  char path[32];
  snprintf(path, sizeof path, "server/vm%05u", p->vm);
  struct guest_config config = {.vm = p->vm,
                                .group = p->group,
                                .port = (uint8_t)g->port,
                                .path = path,
                                .host = SERVER,
                                .vcpus = (uint32_t)g->vcpus,
                                .queue_pairs = (uint32_t)g->queue_pairs,
                                .workload = g->workload,
                                .udp_stream = &s->streams[p->group],
                                .ping = &g->ping,
                                .dpdk_forward = &g->dpdk_forward,
                                .costs = &c->guest,
                                .cpu = &c->cpu,
                                .nic = &c->nic,
                                .itr = c->nic.itr,
                                .packets = &s->packets,
                                .window = &s->window,
                                .memory_base = p->iova,
                                .memory_size = (uint64_t)g->memory,
                                .nic_device = 0};
  struct guest *guest = guest_create(s->engine, &config);
  struct guest_registers registers = {.first_queue = p->first_queue,
                                      .first_vector = p->first_vector,
                                      .lazy_pages = !p->virtual_function};
  guest_set_registers(guest, &registers);
  return guest;
}

static void attach_vcpus(struct server *s, struct guest *g)
{
  for (size_t i = 0; i < guest_vcpus(g); i++) {
    struct vcpu *v = guest_vcpu(g, i);
    uint64_t descriptor = 64 * (uint64_t)scheduler_vcpus(s->scheduler);
    vcpu_attach(v, s->scheduler, s->interrupts,
                HPA_POSTED_DESCRIPTORS + descriptor);
    v->to_root =
        root_complex_connect_cpu(s->root, &v->task.base, &v->root_reply);
  }
}

/* Write-backs of a queue are seen by the vCPU that cleans it; queues on one
 * vCPU share an observer. Its vectors are routed there as well. */
static void route_queues(struct server *s, const struct guest_plan *p,
                         struct guest *g, uint16_t region)
{
  unsigned pairs = (unsigned)s->config->groups[p->group].queue_pairs;
  uint16_t observers[64];
  for (unsigned q = 0; q < pairs; q++) {
    struct vcpu *v = guest_vcpu_of_queue(g, q);
    unsigned same = 0;
    while (same < q && guest_vcpu_of_queue(g, same) != v)
      same++;
    observers[q] = same < q
                       ? observers[same]
                       : memory_add_observer(s->memory, region, &v->task.base);
    guest_set_observer(g, q, observers[q]);
    interrupt_unit_set_entry(s->interrupts, p->first_vector + 1 + q,
                             p->requester, v->index, (uint8_t)(33 + q));
  }
  interrupt_unit_set_entry(s->interrupts, p->first_vector, p->requester,
                           guest_vcpu(g, 0)->index, 32);
}

static void announce_to_client(struct server *s, const struct guest_plan *p)
{
  const struct vm_group *g = &s->config->groups[p->group];
  struct client_vm cv = {.group = p->group};
  for (unsigned port = 0; port < (unsigned)s->config->nic.ports; port++) {
    if (g->workload == WORKLOAD_DPDK_FORWARD && port == (unsigned)g->port) {
      cv.forward_rate = g->dpdk_forward.rate;
      cv.forward_payload = (uint32_t)g->dpdk_forward.payload;
      cv.forward_streams = (uint32_t)g->dpdk_forward.streams;
      cv.queue_pairs = (uint32_t)g->queue_pairs;
      cv.forward_poisson = g->dpdk_forward.poisson;
    }
    client_add_vm(s->client[port], p->vm, &cv);
    cv = (struct client_vm){.group = p->group};
  }
}

static uint32_t foreign_pasid(const struct server *s,
                              const struct guest_plan *p)
{
  const struct server_config *c = s->config;
  for (size_t i = 0; i < s->plan.n_guests; i++) {
    const struct guest_plan *victim = &s->plan.guests[i];
    if (c->groups[victim->group].port != c->groups[p->group].port &&
        victim->pasid != 0)
      return victim->pasid;
  }
  return 0; /* excluded by server_check_config() */
}

static void misbehave(const struct server *s, const struct guest_plan *p,
                      struct nic_interface *i)
{
  const struct vm_group *g = &s->config->groups[p->group];
  if (g->rogue == ROGUE_OUTSIDE_MEMORY) {
    i->forge = NIC_FORGE_ADDRESS;
    i->forge_address = p->iova + (uint64_t)g->memory + (UINT64_C(1) << 30);
  } else if (g->rogue == ROGUE_FOREIGN_PASID) {
    i->forge = NIC_FORGE_PASID;
    i->pasid = foreign_pasid(s, p);
  }
}

static struct device_plan device_of(const struct server *s,
                                    const struct guest_plan *p, struct guest *g)
{
  const struct vm_group *group = &s->config->groups[p->group];
  struct device_plan d = {
      .guest = g,
      .virtual_function = p->virtual_function,
      .interface = {.vm = p->vm,
                    .port = (uint8_t)group->port,
                    .requester = p->requester,
                    .has_pasid = p->pasid != 0,
                    .pasid = p->pasid,
                    .queue_pairs = (uint16_t)group->queue_pairs,
                    .first_queue = p->first_queue,
                    .first_vector = p->first_vector,
                    .first_handle = p->first_vector,
                    .tx = guest_tx_rings(g),
                    .rx = guest_rx_rings(g)},
      .memory_iova = p->iova,
      .memory_hpa = p->hpa,
      .memory_size = (uint64_t)group->memory,
      .page_shift = plan_page_shift(s->config)};
  misbehave(s, p, &d.interface);
  return d;
}

static void make_guests(struct server *s)
{
  s->guests = calloc(s->plan.n_guests, sizeof(struct guest *));
  s->devices = calloc(s->plan.n_guests, sizeof *s->devices);
  HD_REQUIRE(NULL, s->guests && s->devices, "out of memory for guests");
  for (size_t i = 0; i < s->config->n_groups; i++) {
    s->streams[i] = s->config->groups[i].udp_stream;
    s->streams[i].streams = plan_streams(&s->config->groups[i]);
  }
  for (size_t i = 0; i < s->plan.n_guests; i++) {
    const struct guest_plan *p = &s->plan.guests[i];
    struct guest *g = s->guests[i] = make_guest(s, p);
    uint16_t region = memory_add_region(
        s->memory, p->hpa, (uint64_t)s->config->groups[p->group].memory);
    attach_vcpus(s, g);
    route_queues(s, p, g, region);
    announce_to_client(s, p);
    s->devices[i] = device_of(s, p, g);
  }
}

static void make_hypervisor(struct server *s)
{
  const struct server_config *c = s->config;
  struct hypervisor_config config = {.params = &c->hypervisor,
                                     .nic = s->nic,
                                     .nic_device = 0,
                                     .tables = s->tables,
                                     .plans = s->devices,
                                     .n_plans = s->plan.n_guests,
                                     .admin_ring = HPA_ADMIN_RING,
                                     .pf_requester = PLAN_PF_REQUESTER,
                                     .window = &s->window,
                                     .warmup = c->run.warmup,
                                     .duration = c->run.duration};
  s->hypervisor =
      hypervisor_create(s->engine, "server/hypervisor", SERVER, &config);
  uint16_t observer =
      memory_add_observer(s->memory, 0, hypervisor_component(s->hypervisor));
  hypervisor_attach(s->hypervisor, s->root, s->scheduler, observer);
  if (s->iommu)
    hypervisor_attach_iommu(s->hypervisor, s->iommu);
  for (unsigned port = 0; port < (unsigned)c->nic.ports; port++)
    hypervisor_add_client(s->hypervisor, client_component(s->client[port]));
}

static void make_rows(struct server *s)
{
  size_t rows = s->config->n_groups + 1;
  s->latency = calloc(rows, sizeof *s->latency);
  s->breakdown = calloc(rows, sizeof *s->breakdown);
  HD_REQUIRE(NULL, s->latency && s->breakdown, "out of memory for results");
  for (size_t i = 0; i < rows; i++) {
    hd_histogram_initialize(&s->latency[i]);
    hd_breakdown_initialize(&s->breakdown[i]);
  }
}

struct server *server_create(const struct server_config *c,
                             const struct server_options *o)
{
  struct server *s = calloc(1, sizeof *s);
  HD_REQUIRE(NULL, s != NULL, "out of memory for the server");
  s->config = c;
  struct server_shortage shortage = {0};
  HD_REQUIRE(NULL, server_plan_make(c, &s->plan, &shortage),
             "server built although %s ran out", shortage.resource);
  make_engine(s, o);
  packet_pool_initialize(&s->packets);
  make_fabric(s);
  make_memory(s);
  make_iommu(s);
  make_interrupts(s);
  make_nic(s);
  make_guests(s);
  make_hypervisor(s);
  make_rows(s);
  return s;
}

void server_run(struct server *s)
{
  hd_engine_run(s->engine, HD_TIME_NEVER / 4);
  server_check_conservation(s);
}

hd_time server_workload_start(const struct server *s)
{
  return hypervisor_workload_start(s->hypervisor);
}

static void destroy_rows(struct server *s)
{
  for (size_t i = 0; i <= s->config->n_groups; i++) {
    hd_histogram_terminate(&s->latency[i]);
    hd_breakdown_terminate(&s->breakdown[i]);
  }
  free(s->latency);
  free(s->breakdown);
}

void server_destroy(struct server *s)
{
  hd_engine_destroy(s->engine); /* while its components are there */
  destroy_rows(s);
  hypervisor_destroy(s->hypervisor);
  for (size_t i = 0; i < s->plan.n_guests; i++)
    guest_destroy(s->guests[i]);
  for (unsigned port = 0; port < (unsigned)s->config->nic.ports; port++) {
    client_destroy(s->client[port]);
    wire_destroy(s->wire[port]);
  }
  nic_destroy(s->nic);
  scheduler_destroy(s->scheduler);
  interrupt_unit_destroy(s->interrupts);
  if (s->iommu) {
    iommu_destroy(s->iommu);
    vtd_tables_destroy(s->tables);
  }
  memory_destroy(s->memory);
  if (s->fabric) {
    pcie_switch_destroy(s->fabric);
    pcie_link_destroy(s->uplink);
  }
  pcie_link_destroy(s->link);
  root_complex_destroy(s->root);
  packet_pool_terminate(&s->packets);
  free(s->guests);
  free(s->devices);
  server_plan_free(&s->plan);
  free(s);
}
