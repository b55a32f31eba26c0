/*
 * server.c - builds a whole server: a machine, its guests, the hypervisor's
 * thread, and clients at the far end of the wires.
 *
 *   guests (vCPUs) -- machine -- wires -- clients
 *                        |
 *                    hypervisor
 *
 * With bench.mode the machine is another: see bench_machine.h.
 */
#include "models/server.h"

#include <stdio.h>
#include <stdlib.h>

#include "models/server_internal.h"
#include "models/server_migration.h"
#include "models/server_software.h"

/* Host physical address of the administration queue. */
#define HPA_ADMIN_RING (UINT64_C(192) << 20)

static void make_clients(struct server *s)
{
  for (unsigned port = 0; port < s->home.n_ports; port++) {
    char path[32];
    snprintf(path, sizeof path, "client/port%u", port);
    s->client[port] = client_create(
        s->engine, path, "client", &s->config->client, &s->packets, &s->window);
    client_attach_wire(s->client[port],
                       s->migration
                           ? server_migration_client_wire(s->migration, port)
                           : s->home.wire[port]);
    if (s->config->run.series > 0) /* the rules have checked how many bins */
      (void)client_record_series(s->client[port], s->config->run.series,
                                 s->config->run.duration);
  }
}

static void make_hypervisor(struct server *s)
{
  const struct server_config *c = s->config;
  s->own = calloc(SERVER_OWN_DEVICES, sizeof *s->own);
  HD_REQUIRE(NULL, s->own != NULL, "out of memory for the host's devices");
  size_t n_own =
      server_software_devices(s->software, s->own, SERVER_OWN_DEVICES);
  struct hypervisor_config config = {.params = &c->hypervisor,
                                     .tables = s->home.io.tables,
                                     .plans = s->devices,
                                     .n_plans = s->plan.n_guests,
                                     .own = s->own,
                                     .n_own = n_own,
                                     .admin_ring = HPA_ADMIN_RING,
                                     .window = &s->window,
                                     .warmup = c->run.warmup,
                                     .duration = c->run.duration};
  s->hypervisor =
      hypervisor_create(s->engine, "server/hypervisor", IO_STACK_HOST, &config);
  uint16_t observer = memory_add_observer(s->home.io.memory, 0,
                                          hypervisor_component(s->hypervisor));
  hypervisor_attach(s->hypervisor, s->home.io.root, s->home.scheduler,
                    observer);
  for (unsigned i = 0; s->home.io.tables && i < s->home.io.n_ports; i++)
    hypervisor_attach_iommu(s->hypervisor, (uint16_t)i,
                            s->home.io.ports[i].iommu);
  for (unsigned port = 0; port < s->home.n_ports; port++)
    hypervisor_add_client(s->hypervisor, client_component(s->client[port]));
  server_software_join(s->software, s->hypervisor);
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

static void make_series(struct server *s)
{
  const struct run_params *run = &s->config->run;
  size_t rows = s->config->n_groups + 1;
  if (run->series == 0)
    return;
  s->series = calloc(rows, sizeof *s->series);
  HD_REQUIRE(NULL, s->series != NULL, "out of memory for results");
  for (size_t i = 0; i < rows; i++) {
    bool done = hd_series_initialize(&s->series[i], run->series, run->duration);
    HD_REQUIRE(NULL, done, "out of memory for results");
  }
}

static void make_models(struct server *s)
{
  struct server_shortage shortage = {0};
  HD_REQUIRE(NULL, server_plan_make(s->config, &s->plan, &shortage),
             "server built although %s ran out", shortage.resource);
  packet_pool_initialize(&s->packets);
  block_pool_initialize(&s->requests);
  accelerator_pool_initialize(&s->jobs);
  machine_initialize(&s->home, &s->plan, s->config, s->engine, IO_STACK_HOST,
                     &s->packets, &s->window);
  hd_engine_add_host(s->engine, "client");
  if (s->config->migration.enabled)
    s->migration = server_migration_create(s);
  make_clients(s);
  server_make_guests(s);
  s->software = server_software_create(s);
  make_hypervisor(s);
  if (s->migration)
    server_migration_join(s->migration);
  make_rows(s);
  make_series(s);
}

static void make_bench(struct server *s)
{
  io_stack_initialize(&s->bench_io, s->config, s->engine, IO_STACK_HOST,
                      &s->window);
  s->bench = bench_machine_create(&s->bench_io);
}

struct server *server_create(const struct server_config *c,
                             const struct server_options *o)
{
  struct server *s = calloc(1, sizeof *s);
  HD_REQUIRE(NULL, s != NULL, "out of memory for the server");
  s->config = c;
  s->window = (struct hd_window){HD_TIME_NEVER, HD_TIME_NEVER};
  s->engine = io_engine_create(c, o);
  for (size_t i = 0; o->captures && i < c->n_groups; i++)
    s->captures[i] = o->captures[i];
  if (irq_machine_wanted(c))
    s->irq = irq_machine_create(s->engine, c);
  else if (lifecycle_machine_wanted(c))
    s->lifecycle = lifecycle_machine_create(s->engine, c);
  else if (plan_is_bench(c))
    make_bench(s);
  else
    make_models(s);
  return s;
}

void server_run(struct server *s)
{
  if (s->irq) {
    irq_machine_run(s->irq);
    return;
  }
  if (s->lifecycle) {
    lifecycle_machine_run(s->lifecycle);
    return;
  }
  if (s->bench) {
    bench_machine_run(s->bench);
    return;
  }
  hd_engine_run(s->engine, HD_TIME_NEVER / 4);
  server_check_conservation(s);
}

hd_time server_workload_start(const struct server *s)
{
  return s->bench || s->irq || s->lifecycle
             ? 0
             : hypervisor_workload_start(s->hypervisor);
}

static void destroy_rows(struct server *s)
{
  for (size_t i = 0; i <= s->config->n_groups; i++) {
    hd_histogram_terminate(&s->latency[i]);
    hd_breakdown_terminate(&s->breakdown[i]);
  }
  for (size_t i = 0; s->series && i <= s->config->n_groups; i++)
    hd_series_terminate(&s->series[i]);
  free(s->series);
  free(s->latency);
  free(s->breakdown);
}

static void destroy_models(struct server *s)
{
  destroy_rows(s);
  hypervisor_destroy(s->hypervisor);
  for (size_t i = 0; i < s->plan.n_guests; i++)
    guest_destroy(s->guests[i]);
  for (unsigned port = 0; port < s->home.n_ports; port++)
    client_destroy(s->client[port]);
  server_software_destroy(s->software);
  if (s->migration)
    server_migration_destroy(s->migration);
  machine_terminate(&s->home);
  packet_pool_terminate(&s->packets);
  block_pool_terminate(&s->requests);
  accelerator_pool_terminate(&s->jobs);
  for (size_t i = 0; i < s->plan.n_guests; i++)
    free(s->observers[i]);
  free(s->observers);
  free(s->guests);
  free(s->devices);
  free(s->own);
  free(s->cores);
  free(s->replays);
  server_plan_free(&s->plan);
}

void server_destroy(struct server *s)
{
  hd_engine_destroy(s->engine);
  if (s->irq) {
    irq_machine_destroy(s->irq);
  } else if (s->lifecycle) {
    lifecycle_machine_destroy(s->lifecycle);
  } else if (s->bench) {
    bench_machine_destroy(s->bench);
    io_stack_terminate(&s->bench_io);
  } else {
    destroy_models(s);
  }
  free(s);
}
