/*
 * server.c - builds a whole server: one IO stack with a NIC, memory, cores,
 * guests, the hypervisor's thread, and clients at the far end of the wires.
 *
 *   guests (vCPUs) -- scheduler           client
 *      |                                     |
 *   root complex -- IOMMU -- memory        wire
 *      |      \-- interrupt unit             |
 *    link (-- switch -- link) ------------- NIC
 *
 * With bench.mode the machine is another: see bench_machine.h.
 */
#include "models/server.h"

#include <stdio.h>
#include <stdlib.h>

#include "models/bench_machine.h"
#include "models/server_internal.h"

/* Host physical addresses of the host's own structures. */
#define HPA_INTERRUPT_TABLE (UINT64_C(64) << 20)
#define HPA_ADMIN_RING (UINT64_C(192) << 20)

/* The host maps its own memory one to one for its physical functions. */
static void map_physical_functions(struct server *s)
{
  const struct server_config *c = s->config;
  struct vtd_tables *t = s->io.tables;
  if (!t)
    return;
  uint32_t domain = vtd_domain_create(t);
  bool ok = domain != 0 &&
            vtd_domain_map(t, domain, 0, 0, (uint64_t)c->host.memory_reserved,
                           30, true);
  for (int64_t port = 0; ok && port < c->nic.ports; port++)
    ok = vtd_attach_requester(t, (uint16_t)(PLAN_PF_REQUESTER + port), domain);
  HD_REQUIRE(NULL, ok, "no room for the host's remapping structures");
}

static void make_interrupts(struct server *s)
{
  s->interrupts = interrupt_unit_create(s->io.engine, "server/interrupts",
                                        IO_STACK_HOST, &s->config->interrupt,
                                        HPA_INTERRUPT_TABLE, &s->io.window);
  interrupt_unit_attach_memory(s->interrupts, s->io.memory, IO_STACK_HOP);
  root_complex_attach_interrupts(
      s->io.root, interrupt_unit_component(s->interrupts), IO_STACK_HOP);
  s->scheduler =
      scheduler_create(s->io.engine, "server/scheduler", IO_STACK_HOST,
                       &s->config->cpu, &s->io.window);
  interrupt_unit_attach_scheduler(s->interrupts,
                                  scheduler_component(s->scheduler));
}

static void make_nic(struct server *s)
{
  const struct server_config *c = s->config;
  s->nic = nic_create(s->io.engine, "server/nic", IO_STACK_HOST, &c->nic,
                      &c->pcie, &s->packets, &s->io.window);
  nic_attach_link(s->nic, s->io.link);
  for (unsigned port = 0; port < (unsigned)c->nic.ports; port++) {
    char path[32];
    snprintf(path, sizeof path, "server/wire%u", port);
    s->wire[port] = wire_create(s->io.engine, path, IO_STACK_HOST, &c->network,
                                &s->io.window);
    nic_attach_wire(s->nic, port, s->wire[port]);
    snprintf(path, sizeof path, "client/port%u", port);
    s->client[port] = client_create(s->io.engine, path, "client", &c->client,
                                    &s->packets, &s->io.window);
    client_attach_wire(s->client[port], s->wire[port]);
  }
}

static void make_hypervisor(struct server *s)
{
  const struct server_config *c = s->config;
  struct hypervisor_config config = {.params = &c->hypervisor,
                                     .nic = s->nic,
                                     .nic_device = 0,
                                     .tables = s->io.tables,
                                     .plans = s->devices,
                                     .n_plans = s->plan.n_guests,
                                     .admin_ring = HPA_ADMIN_RING,
                                     .pf_requester = PLAN_PF_REQUESTER,
                                     .window = &s->io.window,
                                     .warmup = c->run.warmup,
                                     .duration = c->run.duration};
  s->hypervisor = hypervisor_create(s->io.engine, "server/hypervisor",
                                    IO_STACK_HOST, &config);
  uint16_t observer =
      memory_add_observer(s->io.memory, 0, hypervisor_component(s->hypervisor));
  hypervisor_attach(s->hypervisor, s->io.root, s->scheduler, observer);
  if (s->io.iommu)
    hypervisor_attach_iommu(s->hypervisor, s->io.iommu);
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

/* What makes the IO stack's device a NIC, and the machine a server. */
static void make_models(struct server *s)
{
  struct server_shortage shortage = {0};
  HD_REQUIRE(NULL, server_plan_make(s->config, &s->plan, &shortage),
             "server built although %s ran out", shortage.resource);
  hd_engine_add_host(s->io.engine, "client");
  packet_pool_initialize(&s->packets);
  map_physical_functions(s);
  make_interrupts(s);
  make_nic(s);
  server_make_guests(s);
  make_hypervisor(s);
  make_rows(s);
}

struct server *server_create(const struct server_config *c,
                             const struct server_options *o)
{
  struct server *s = calloc(1, sizeof *s);
  HD_REQUIRE(NULL, s != NULL, "out of memory for the server");
  s->config = c;
  io_stack_initialize(&s->io, c, o);
  if (plan_is_bench(c))
    s->bench = bench_machine_create(&s->io);
  else
    make_models(s);
  return s;
}

void server_run(struct server *s)
{
  if (s->bench) {
    bench_machine_run(s->bench);
    return;
  }
  hd_engine_run(s->io.engine, HD_TIME_NEVER / 4);
  server_check_conservation(s);
}

hd_time server_workload_start(const struct server *s)
{
  return s->bench ? 0 : hypervisor_workload_start(s->hypervisor);
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

static void destroy_models(struct server *s)
{
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
  io_stack_terminate(&s->io);
  packet_pool_terminate(&s->packets);
  free(s->guests);
  free(s->devices);
  server_plan_free(&s->plan);
}

void server_destroy(struct server *s)
{
  io_stack_stop(&s->io);
  if (s->bench) {
    bench_machine_destroy(s->bench);
    io_stack_terminate(&s->io);
  } else {
    destroy_models(s);
  }
  free(s);
}
