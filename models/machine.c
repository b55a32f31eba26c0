/* machine.c - builds a computer, see machine.h. */
#include "models/machine.h"

#include <math.h>
#include <stdio.h>

/* Host physical address of the interrupt remapping table. */
#define HPA_INTERRUPT_TABLE (UINT64_C(64) << 20)

/* ---- building ---------------------------------------------------------- */

/* The host maps its own memory one to one for its physical functions. */
static void map_physical_functions(struct machine *m)
{
  const struct server_config *c = m->config;
  struct vtd_tables *t = m->io.tables;
  if (!t)
    return;
  uint32_t domain = vtd_domain_create(t);
  bool ok = domain != 0 &&
            vtd_domain_map(t, domain, 0, 0, (uint64_t)c->host.memory_reserved,
                           30, true);
  for (int64_t port = 0; ok && m->nic && port < c->nic.ports; port++)
    ok = vtd_attach_requester(t, (uint16_t)(PLAN_PF_REQUESTER + port), domain);
  HD_REQUIRE(NULL, ok, "no room for the host's remapping structures");
}

static void make_interrupts(struct machine *m)
{
  struct io_stack *io = &m->io;
  char path[IO_STACK_PATH];
  m->interrupts = interrupt_unit_create(
      io->engine, io_stack_path(io, path, "interrupts"), io->host,
      &m->config->interrupt, HPA_INTERRUPT_TABLE, io->window);
  interrupt_unit_attach_memory(m->interrupts, io->memory, IO_STACK_HOP);
  root_complex_attach_interrupts(
      io->root, interrupt_unit_component(m->interrupts), IO_STACK_HOP);
  m->scheduler =
      scheduler_create(io->engine, io_stack_path(io, path, "scheduler"),
                       io->host, &m->config->cpu, io->window);
  interrupt_unit_attach_scheduler(m->interrupts,
                                  scheduler_component(m->scheduler));
}

static struct wire *make_wire(struct machine *m)
{
  struct io_stack *io = &m->io;
  char name[16], path[IO_STACK_PATH];
  snprintf(name, sizeof name, "wire%u", m->n_ports);
  struct wire *w = wire_create(io->engine, io_stack_path(io, path, name),
                               io->host, &m->config->network, io->window);
  m->wire[m->n_ports++] = w;
  return w;
}

static void make_nic(struct machine *m, struct packet_pool *packets)
{
  const struct server_config *c = m->config;
  struct io_stack *io = &m->io;
  char path[IO_STACK_PATH];
  m->nic_device = (uint16_t)io->n_ports;
  struct io_port *port = io_stack_add_device(io, "", &c->pcie);
  m->nic = nic_create(io->engine, io_stack_path(io, path, "nic"), io->host,
                      &c->nic, &port->params, packets, io->window);
  nic_attach_link(m->nic, port->link);
  for (unsigned i = 0; i < (unsigned)c->nic.ports; i++)
    nic_attach_wire(m->nic, i, make_wire(m));
}

void machine_initialize(struct machine *m, const struct server_plan *plan,
                        const struct server_config *c, struct hd_engine *e,
                        const char *host, struct packet_pool *packets,
                        struct hd_window *window)
{
  *m = (struct machine){.config = c};
  io_stack_initialize(&m->io, c, e, host, window);
  make_interrupts(m);
  if (plan->has[DEVICE_NIC])
    make_nic(m, packets);
  map_physical_functions(m);
}

void machine_terminate(struct machine *m)
{
  for (unsigned i = 0; i < m->n_ports; i++)
    wire_destroy(m->wire[i]);
  if (m->nic)
    nic_destroy(m->nic);
  scheduler_destroy(m->scheduler);
  interrupt_unit_destroy(m->interrupts);
  io_stack_terminate(&m->io);
}

/* ---- conservation ------------------------------------------------------ */

static void require(const struct hd_component *c, const char *trouble)
{
  HD_REQUIRE(c, trouble == NULL, "conservation: %s", trouble);
}

void machine_check(const struct machine *m)
{
  io_stack_check(&m->io);
  require(interrupt_unit_component(m->interrupts),
          interrupt_unit_check(m->interrupts));
  require(scheduler_component(m->scheduler), scheduler_check(m->scheduler));
  if (m->nic)
    require(nic_component(m->nic), nic_check(m->nic));
  for (unsigned i = 0; i < m->n_ports; i++)
    require(wire_component(m->wire[i]), wire_check(m->wire[i]));
}

uint64_t machine_packets(const struct machine *m)
{
  uint64_t n = 0;
  if (m->nic)
    n += nic_packets_inside(m->nic) + nic_packets_delivered(m->nic);
  for (unsigned i = 0; i < m->n_ports; i++)
    n += wire_packets_inside(m->wire[i]);
  return n;
}
