/*
 * server_devices.c - what each guest's device is, in the terms of whoever
 * creates it: interfaces, virtio functions, vectors.
 */
#include <stdlib.h>

#include "models/server_internal.h"

/* ---- isolation tests --------------------------------------------------------
 */

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

/* ---- vectors ---------------------------------------------------------------
 *
 * A NIC's interface and a virtio function have a vector of their own before
 * those of their queues; so has an NVMe function's admin queue. An assignable
 * interface of a drive has none: its admin queue is software. An accelerator's
 * banks have one each, its other vector is emulated.
 */

bool server_has_own_vector(const struct guest_plan *p)
{
  if (p->device == DEVICE_ACCELERATOR)
    return false;
  return !p->software && (p->device != DEVICE_DRIVE || p->virtual_function);
}

uint32_t server_queue_handle(const struct guest_plan *p, unsigned queue)
{
  return p->first_handle + server_has_own_vector(p) + queue;
}

/* ---- virtio ----------------------------------------------------------------
 */

/* An accelerator's function: the guest's rings, and what is the device's. */
void server_make_function(struct server *s, const struct guest_plan *p,
                          struct guest *g)
{
  struct virtio_function *f = guest_virtio_function(g);
  if (!f || p->software)
    return;
  const struct server_config *c = s->config;
  enum virtio_kind kind =
      p->device == DEVICE_VIRTIO_NET ? VIRTIO_NET : VIRTIO_BLK;
  uint16_t *observer = s->observers[p->vm] =
      calloc(f->n_queues, sizeof *observer);
  HD_REQUIRE(NULL, observer != NULL, "out of memory for observers");
  for (uint16_t q = 0; q < f->n_queues; q++)
    observer[q] = PCIE_NO_OBSERVER;
  f->notify = VIRTIO_NOTIFY_DOORBELL;
  f->device = machine_device(&s->home, p);
  f->doorbell = virtio_device_doorbell(p->first_queue);
  f->doorbell_stride = VIRTIO_DEVICE_PAGE;
  f->requester = p->requester;
  f->first_handle = p->first_handle;
  f->observer = observer;
  if (plan_design(c, &c->groups[p->group]) == DESIGN_UN_IOV &&
      c->hypervisor.relay_kicks)
    f->notify = VIRTIO_NOTIFY_EXIT;
  guest_attach_backend(g, virtio_device_component(s->home.virtio[kind]), 0);
}

void server_set_observer(struct server *s, const struct guest_plan *p,
                         unsigned pair, uint16_t observer)
{
  uint16_t *of = s->observers[p->vm];
  if (!of)
    return;
  if (p->device == DEVICE_VIRTIO_NET)
    of[virtio_rx_queue(pair)] = of[virtio_tx_queue(pair)] = observer;
  else
    of[pair] = observer;
}

/* ---- devices to be created --------------------------------------------------
 */

static struct nic_interface nic_of(const struct server *s,
                                   const struct guest_plan *p, struct guest *g)
{
  const struct vm_group *group = &s->config->groups[p->group];
  struct nic_interface i = {.vm = p->vm,
                            .port = p->port,
                            .requester = p->requester,
                            .has_pasid = p->pasid != 0,
                            .pasid = p->pasid,
                            .queue_pairs = (uint16_t)group->queue_pairs,
                            .first_queue = p->first_queue,
                            .first_vector = p->first_vector,
                            .first_handle = p->first_handle,
                            .tx = guest_tx_rings(g),
                            .rx = guest_rx_rings(g)};
  misbehave(s, p, &i);
  return i;
}

static struct storage_interface
storage_of(const struct server *s, const struct guest_plan *p, struct guest *g)
{
  const struct vm_group *group = &s->config->groups[p->group];
  struct storage_ring *rings = guest_storage_rings(g);
  for (uint16_t q = 0; q < group->queue_pairs; q++)
    rings[q].vector = (uint16_t)(server_has_own_vector(p) + q);
  return (struct storage_interface){
      .vm = p->vm,
      .requester = p->requester,
      .has_pasid = p->pasid != 0,
      .pasid = p->pasid,
      .queue_pairs = (uint16_t)group->queue_pairs,
      .vectors = (uint16_t)(group->queue_pairs + server_has_own_vector(p)),
      .first_queue = p->first_queue,
      .first_vector = p->first_vector,
      .first_handle = p->first_handle,
      .first_block = p->first_block,
      .blocks = p->blocks,
      .rings = rings};
}

static struct accelerator_interface accelerator_of(const struct server *s,
                                                   const struct guest_plan *p,
                                                   struct guest *g)
{
  const struct vm_group *group = &s->config->groups[p->group];
  return (struct accelerator_interface){.vm = p->vm,
                                        .requester = p->requester,
                                        .has_pasid = p->pasid != 0,
                                        .pasid = p->pasid,
                                        .banks = (uint16_t)group->queue_pairs,
                                        .first_bank = p->first_queue,
                                        .first_handle = p->first_handle,
                                        .rings = guest_accelerator_rings(g)};
}

static void fill_device(const struct server *s, const struct guest_plan *p,
                        struct guest *g, struct device_plan *d)
{
  if (p->software) {
    d->kind = VIRTUAL_SOFTWARE;
  } else if (p->device == DEVICE_NIC) {
    d->kind = VIRTUAL_NIC;
    d->nic = nic_of(s, p, g);
    d->pasid = d->nic.pasid;
  } else if (p->device == DEVICE_DRIVE) {
    d->kind = VIRTUAL_STORAGE;
    d->storage = storage_of(s, p, g);
  } else if (p->device == DEVICE_ACCELERATOR) {
    d->kind = VIRTUAL_ACCELERATOR;
    d->accelerator = accelerator_of(s, p, g);
  } else {
    d->kind = VIRTUAL_VIRTIO;
    d->virtio =
        (struct virtual_function_plan){.function = guest_virtio_function(g),
                                       .first_queue = p->first_queue,
                                       .first_vector = p->first_vector,
                                       .first_block = p->first_block,
                                       .blocks = p->blocks};
  }
}

struct device_plan server_device_of(const struct server *s,
                                    const struct guest_plan *p, struct guest *g)
{
  const struct vm_group *group = &s->config->groups[p->group];
  struct device_plan d = {.guest = g,
                          .virtual_function = p->virtual_function,
                          .bare = p->bare,
                          .device = machine_device(&s->home, p),
                          .pf_requester = p->pf_requester,
                          .requester = p->requester,
                          .has_pasid = p->pasid != 0,
                          .pasid = p->pasid,
                          .relayed =
                              plan_design(s->config, group) == DESIGN_UN_IOV,
                          .memory_iova = p->iova,
                          .memory_hpa = p->hpa,
                          .memory_size = (uint64_t)group->memory,
                          .page_shift = plan_page_shift(s->config)};
  fill_device(s, p, g, &d);
  return d;
}
