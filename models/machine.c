/* machine.c - builds a computer, see machine.h. */
#include "models/machine.h"
#include "models/machine_endpoints.h"

#include <math.h>
#include <stdio.h>

/* Host physical address of the interrupt remapping table. */
#define HPA_INTERRUPT_TABLE (UINT64_C(64) << 20)

/* ---- building ---------------------------------------------------------- */

static bool attach_ports(const struct machine *m, uint32_t domain)
{
  bool ok = true;
  for (int64_t port = 0; ok && m->nic && port < m->config->nic.ports; port++)
    ok = vtd_attach_requester(m->io.tables,
                              (uint16_t)(PLAN_PF_REQUESTER + port), domain);
  return ok;
}

static bool attach_drives(const struct machine *m, uint32_t domain)
{
  bool ok = true;
  for (unsigned d = 0; ok && d < m->n_drives; d++)
    ok = vtd_attach_requester(
        m->io.tables, (uint16_t)(PLAN_DRIVE_REQUESTER + d * PLAN_DRIVE_STEP),
        domain);
  return ok;
}

static bool attach_accelerators(const struct machine *m, uint32_t domain)
{
  const uint16_t pf[] = {[VIRTIO_NET] = PLAN_VIRTIO_NET_REQUESTER,
                         [VIRTIO_BLK] = PLAN_VIRTIO_BLK_REQUESTER};
  bool ok = true;
  for (int k = VIRTIO_NET; ok && k <= VIRTIO_BLK; k++)
    ok = !m->virtio[k] || vtd_attach_requester(m->io.tables, pf[k], domain);
  return ok;
}

/* The host maps its own memory one to one for its physical functions; and all
 * memory, when drives serve guests' buffers for its software, or accelerators
 * its processes (iommu=pt). */
static void map_physical_functions(struct machine *m, bool guests)
{
  const struct server_config *c = m->config;
  const int64_t gib = INT64_C(1) << 30;
  int64_t size = guests ? c->memory.size / gib * gib : c->host.memory_reserved;
  struct vtd_tables *t = m->io.tables;
  if (!t)
    return;
  uint32_t domain = vtd_domain_create(t);
  bool ok =
      domain != 0 && vtd_domain_map(t, domain, 0, 0, (uint64_t)size, 30, true);
  ok = ok && attach_ports(m, domain) && attach_accelerators(m, domain) &&
       attach_drives(m, domain) && machine_attach_endpoints(m, domain);
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
  m->device[DEVICE_NIC] = (uint16_t)io->n_ports;
  struct io_port *port = io_stack_add_device(io, "", &c->pcie);
  m->nic = nic_create(io->engine, io_stack_path(io, path, "nic"), io->host,
                      &c->nic, &port->params, packets, io->window);
  nic_attach_link(m->nic, port->link);
  for (unsigned i = 0; i < (unsigned)c->nic.ports; i++)
    nic_attach_wire(m->nic, i, make_wire(m));
}

static struct virtio_device *make_accelerator(struct machine *m,
                                              enum virtio_kind kind,
                                              enum device_kind device,
                                              const char *name)
{
  const struct server_config *c = m->config;
  struct io_stack *io = &m->io;
  char path[IO_STACK_PATH];
  m->device[device] = (uint16_t)io->n_ports;
  struct io_port *port = io_stack_add_device(io, name, &c->pcie);
  struct virtio_device *d = virtio_device_create(
      io->engine, io_stack_path(io, path, name + 1), io->host, kind,
      &c->virtio_device, &port->params, io->window);
  virtio_device_attach_link(d, port->link);
  m->virtio[kind] = d;
  return d;
}

static void make_drive(struct machine *m, unsigned index)
{
  const struct server_config *c = m->config;
  struct io_stack *io = &m->io;
  struct pcie_params params = c->pcie;
  char name[16], path[IO_STACK_PATH];
  params.generation = c->storage.generation;
  params.lanes = c->storage.lanes;
  snprintf(name, sizeof name, "-drive%u", index);
  struct io_port *port = io_stack_add_device(io, name, &params);
  struct storage *d =
      storage_create(io->engine, io_stack_path(io, path, name + 1), io->host,
                     &c->storage, &port->params, io->window);
  storage_attach_link(d, port->link);
  m->drive[m->n_drives++] = d;
}

static void make_drives(struct machine *m)
{
  m->device[DEVICE_DRIVE] = (uint16_t)m->io.n_ports;
  for (unsigned i = 0; i < (unsigned)m->config->storage.drives; i++)
    make_drive(m, i);
}

static void make_devices(struct machine *m, const bool *has,
                         struct packet_pool *packets)
{
  if (has[DEVICE_NIC])
    make_nic(m, packets);
  if (has[DEVICE_VIRTIO_NET])
    virtio_device_attach_wire(
        make_accelerator(m, VIRTIO_NET, DEVICE_VIRTIO_NET, "-virtio-net"),
        make_wire(m), packets);
  if (has[DEVICE_VIRTIO_BLK])
    virtio_device_attach_store(
        make_accelerator(m, VIRTIO_BLK, DEVICE_VIRTIO_BLK, "-virtio-blk"),
        &m->config->storage);
  if (has[DEVICE_DRIVE])
    make_drives(m);
  if (has[DEVICE_ACCELERATOR])
    machine_make_endpoints(m);
}

uint16_t machine_add_memory(struct machine *m, const struct guest_plan *p)
{
  uint16_t region = memory_add_region(
      m->io.memory, p->hpa, (uint64_t)m->config->groups[p->group].memory);
  if (p->remote)
    memory_set_remote(m->io.memory, region);
  return region;
}

uint16_t machine_device(const struct machine *m, const struct guest_plan *p)
{
  return (uint16_t)(m->device[p->device] + p->drive);
}

void machine_initialize(struct machine *m, const struct server_plan *plan,
                        const struct server_config *c, struct hd_engine *e,
                        const char *host, struct packet_pool *packets,
                        struct hd_window *window)
{
  *m = (struct machine){.config = c};
  io_stack_initialize(&m->io, c, e, host, window);
  make_interrupts(m);
  make_devices(m, plan->has, packets);
  for (unsigned i = 0; i < m->n_ports; i++)
    wire_segment(m->wire[i], packets);
  map_physical_functions(m, (plan->software && plan->has[DEVICE_DRIVE]) ||
                                plan->bare);
}

void machine_terminate(struct machine *m)
{
  for (unsigned i = 0; i < m->n_ports; i++)
    wire_destroy(m->wire[i]);
  for (unsigned i = 0; i < m->n_drives; i++)
    storage_destroy(m->drive[i]);
  machine_destroy_endpoints(m);
  for (int kind = VIRTIO_NET; kind <= VIRTIO_BLK; kind++)
    if (m->virtio[kind])
      virtio_device_destroy(m->virtio[kind]);
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
  for (int kind = VIRTIO_NET; kind <= VIRTIO_BLK; kind++)
    if (m->virtio[kind])
      require(virtio_device_component(m->virtio[kind]),
              virtio_device_check(m->virtio[kind]));
  for (unsigned i = 0; i < m->n_drives; i++)
    require(storage_component(m->drive[i]), storage_check(m->drive[i]));
  machine_check_endpoints(m);
  for (unsigned i = 0; i < m->n_ports; i++)
    require(wire_component(m->wire[i]), wire_check(m->wire[i]));
}

uint64_t machine_packets(const struct machine *m)
{
  uint64_t n = 0;
  if (m->nic)
    n += nic_packets_inside(m->nic) + nic_packets_delivered(m->nic);
  const struct virtio_device *v = m->virtio[VIRTIO_NET];
  if (v)
    n += virtio_device_packets_inside(v) + virtio_device_packets_delivered(v);
  for (unsigned i = 0; i < m->n_ports; i++)
    n += wire_packets_inside(m->wire[i]);
  return n;
}
