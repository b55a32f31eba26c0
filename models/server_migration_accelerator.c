/*
 * server_migration_accelerator.c - the destination of a guest on a virtio
 * accelerator: the same rings, the numbers of that machine's accelerator.
 */
#include <stdlib.h>

#include "models/server_migration_internal.h"

static void route_queue(struct server_migration *m, uint16_t region, unsigned q)
{
  const struct guest_plan *p = server_migration_mover(m->server);
  struct vcpu *v = guest_vcpu_of_queue(server_migration_guest(m), q);
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

/* What the guest's function is at the destination. The numbers there are the
 * same as here. */
static void make_twin(struct server_migration *m, uint16_t region)
{
  const struct guest_plan *p = server_migration_mover(m->server);
  struct guest *g = server_migration_guest(m);
  const struct virtio_function *f = guest_virtio_function(g);
  m->twin = *f;
  m->observer = calloc(f->n_queues, sizeof *m->observer);
  HD_REQUIRE(NULL, m->observer != NULL, "out of memory for a migration");
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

void server_migration_map_memory(struct server_migration *m)
{
  struct vtd_tables *t = m->away.io.tables;
  const struct guest_plan *p = server_migration_mover(m->server);
  const struct server_config *c = m->server->config;
  if (!t)
    return;
  uint64_t size = (uint64_t)c->groups[p->group].memory;
  uint32_t domain = vtd_domain_create(t);
  bool ok = domain != 0 &&
            vtd_domain_map(t, domain, p->iova, p->hpa, size, plan_page_shift(c),
                           true) &&
            (p->virtual_function
                 ? vtd_attach_requester(t, p->requester, domain)
                 : vtd_attach_pasid(t, p->requester, p->pasid, domain));
  HD_REQUIRE(NULL, ok, "no room for the destination's remapping structures");
}

static enum virtio_kind kind_of(const struct guest_plan *p)
{
  return p->device == DEVICE_VIRTIO_NET ? VIRTIO_NET : VIRTIO_BLK;
}

static void build(struct server_migration *m)
{
  const struct guest_plan *p = server_migration_mover(m->server);
  make_twin(m, machine_add_memory(&m->away, p));
  server_migration_map_memory(m);
  guest_attach_second_backend(
      server_migration_guest(m),
      virtio_device_component(m->away.virtio[kind_of(p)]), 0);
}

static void *connect(struct server_migration *m, unsigned side)
{
  struct server *s = m->server;
  const struct guest_plan *p = server_migration_mover(s);
  struct migration_accelerator *x = &m->accelerator[side];
  x->config = (struct migration_accelerator_config){
      .device = server_migration_at(m, side)->virtio[kind_of(p)],
      .device_index = machine_device(server_migration_at(m, side), p),
      .pf_requester = p->pf_requester,
      .function = side ? NULL : &s->devices[p->vm].interface,
      .add = {.type = VIRTIO_ADMIN_ADD_FUNCTION,
              .bytes = 128,
              .function = &m->twin,
              .first_queue = p->first_queue,
              .first_vector = p->first_vector,
              .first_block = p->first_block,
              .blocks = p->blocks},
      .twin = &m->twin};
  return x;
}

const struct server_migration_kind server_migration_accelerator = {
    .ops = &migration_agent_device_ops,
    .back_end = &migration_accelerator_ops,
    .build = build,
    .connect = connect};

const struct server_migration_kind server_migration_image = {
    .ops = &migration_agent_image_ops,
    .back_end = &migration_accelerator_ops,
    .build = build,
    .connect = connect};
