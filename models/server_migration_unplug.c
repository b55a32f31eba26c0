/*
 * server_migration_unplug.c - a guest whose device is passed through whole: it
 * moves with the stand-in on vhost-net, and gets a like device at the
 * destination, where the numbers are the same as here.
 */
#include <stdlib.h>

#include "models/server_migration_internal.h"

/* ---- the destination ----------------------------------------------------- */

static void route_pair(struct server_migration *m, uint16_t region, unsigned q)
{
  const struct guest_plan *p = server_migration_mover(m->server);
  struct vcpu *v = guest_vcpu_of_queue(server_migration_guest(m), q);
  m->observer[q] =
      memory_add_observer(m->away.io.memory, region, &v->task.base);
  interrupt_unit_set_entry(m->away.interrupts, server_queue_handle(p, q),
                           p->requester, vcpu_interrupt_index(v, 1),
                           (uint8_t)GUEST_VECTOR(1 + q));
}

static void build_interface(struct server_migration *m)
{
  const struct guest_plan *p = server_migration_mover(m->server);
  const struct vm_group *g = &m->server->config->groups[p->group];
  unsigned pairs = (unsigned)g->queue_pairs;
  uint16_t region = machine_add_memory(&m->away, p);
  server_migration_map_memory(m);
  m->observer = calloc(pairs, sizeof *m->observer);
  HD_REQUIRE(NULL, m->observer != NULL, "out of memory for a migration");
  for (unsigned q = 0; q < pairs; q++)
    route_pair(m, region, q);
  struct guest *guest = server_migration_guest(m);
  interrupt_unit_set_entry(m->away.interrupts, p->first_handle, p->requester,
                           vcpu_interrupt_index(guest_vcpu(guest, 0), 1),
                           (uint8_t)GUEST_VECTOR(0));
}

static void build(struct server_migration *m)
{
  server_migration_network.build(m);
  if (server_migration_mover(m->server)->device == DEVICE_NIC)
    build_interface(m);
  else
    server_migration_accelerator.build(m);
}

/* ---- the device that is unplugged and plugged ---------------------------- */

static hd_time open_cost(const struct server *s, const struct guest_plan *p)
{
  const struct hypervisor_params *h = &s->config->hypervisor;
  hd_time pages =
      s->config->groups[p->group].memory >> plan_page_shift(s->config);
  return h->vfio_open_cost +
         (plan_has_iommu(s->config) ? pages * h->pin_cost : 0);
}

static struct migration_plug_config config_of(struct server_migration *m,
                                              unsigned side)
{
  struct server *s = m->server;
  const struct guest_plan *p = server_migration_mover(s);
  const struct hypervisor_params *h = &s->config->hypervisor;
  return (struct migration_plug_config){
      .device_index = machine_device(server_migration_at(m, side), p),
      .pf_requester = p->pf_requester,
      .index = side ? NULL : &s->devices[p->vm].interface,
      .create = p->virtual_function ? 0 : h->vdcm_create_cost,
      .open = open_cost(s, p),
      .reset = p->virtual_function ? h->flr_wait : h->vsi_reset_poll};
}

static void describe_interface(struct server_migration *m, unsigned side,
                               struct migration_plug_config *c)
{
  const struct guest_plan *p = server_migration_mover(m->server);
  c->kind = &migration_plug_nic;
  c->interface = m->server->devices[p->vm].nic;
  c->observer = side ? m->observer : NULL;
}

static void describe_function(struct server_migration *m, unsigned side,
                              struct migration_plug_config *c)
{
  const struct server *s = m->server;
  const struct guest_plan *p = server_migration_mover(s);
  c->kind = &migration_plug_virtio;
  c->function = guest_virtio_function(server_migration_guest(m));
  c->twin = side ? &m->twin : NULL;
  c->add = (struct virtio_admin){.type = VIRTIO_ADMIN_ADD_FUNCTION,
                                 .bytes = 128,
                                 .function = side ? c->twin : c->function,
                                 .first_queue = p->first_queue,
                                 .first_vector = p->first_vector};
  c->announce = server_migration_announce;
  c->context = m;
  c->announced = s->config->migration.switch_update;
}

static void *connect(struct server_migration *m, unsigned side)
{
  struct migration_plug_config c = config_of(m, side);
  if (server_migration_mover(m->server)->device == DEVICE_NIC)
    describe_interface(m, side, &c);
  else
    describe_function(m, side, &c);
  m->plug[side] = (struct migration_plug){.config = c};
  migration_agent_set_plug(m->agent[side], &migration_plug_ops, &m->plug[side]);
  return server_migration_network.connect(m, side);
}

const struct server_migration_kind server_migration_unplug = {
    .ops = &migration_agent_plug_ops,
    .stand_in = &migration_agent_software_ops,
    .back_end = &migration_software_ops,
    .build = build,
    .connect = connect};
