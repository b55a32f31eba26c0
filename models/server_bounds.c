/*
 * server_bounds.c - do the plan's numbers suffice? Remapping handles and PCI
 * addresses have 16 bits, whatever devices would have to give. Pure.
 */
#include "models/server_plan.h"

/* The remapping table has a limit of its own, whatever devices may send. */
static bool handles_suffice(const struct server_config *c,
                            const struct server_plan *p,
                            struct server_shortage *s)
{
  int64_t need = 0;
  for (size_t i = 0; i < p->n_guests; i++) {
    const struct guest_plan *g = &p->guests[i];
    int64_t end = g->first_handle + c->groups[g->group].queue_pairs + 1;
    if (!g->software && end > need)
      need = end;
  }
  *s = (struct server_shortage){"interrupt remapping entries",
                                INTERRUPT_HANDLES, need};
  return need <= INTERRUPT_HANDLES;
}

/* PCI addresses from `base` to the next device that is there. */
static int64_t requesters_from(const struct server_plan *p, uint32_t base)
{
  static const uint32_t first[DEVICE_KINDS] = {
      [DEVICE_NIC] = PLAN_VF_REQUESTER,
      [DEVICE_VIRTIO_NET] = PLAN_VIRTIO_NET_REQUESTER,
      [DEVICE_VIRTIO_BLK] = PLAN_VIRTIO_BLK_REQUESTER,
      [DEVICE_DRIVE] = PLAN_DRIVE_REQUESTER,
      [DEVICE_ACCELERATOR] = PLAN_ACCELERATOR_REQUESTER};
  uint32_t end = 0x10000;
  for (int k = 0; k < DEVICE_KINDS; k++)
    if (p->has[k] && first[k] > base && first[k] < end)
      end = first[k];
  return (int64_t)end - base;
}

static bool requesters_suffice(const struct server_plan *p,
                               struct server_shortage *s)
{
  const struct resource_pools *net = &p->virtio[VIRTIO_NET],
                              *blk = &p->virtio[VIRTIO_BLK];
  const struct {
    uint32_t base;
    int64_t need;
  } rows[] = {
      {PLAN_VF_REQUESTER, p->nic.pool[NIC_VIRTUAL_FUNCTIONS].used},
      {PLAN_VIRTIO_NET_REQUESTER, net->pool[VIRTIO_DEVICE_FUNCTIONS].used + 1},
      {PLAN_VIRTIO_BLK_REQUESTER, blk->pool[VIRTIO_DEVICE_FUNCTIONS].used + 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t have = requesters_from(p, rows[i].base);
    *s = (struct server_shortage){"PCI addresses", have, rows[i].need};
    if (rows[i].need > have)
      return false;
  }
  return true;
}

/* Devices of a kind have steps of PCI addresses. */
static bool steps_suffice(const struct server_plan *p,
                          struct server_shortage *s)
{
  *s = (struct server_shortage){"PCI addresses", PLAN_DRIVE_STEP, 0};
  for (unsigned d = 0; p->has[DEVICE_DRIVE] && d < PLAN_MAX_DRIVES; d++) {
    s->need = p->drive[d].pool[STORAGE_VIRTUAL_FUNCTIONS].used + 1;
    if (s->need > s->have)
      return false;
  }
  s->have = PLAN_ACCELERATOR_STEP;
  for (unsigned e = 0; p->has[DEVICE_ACCELERATOR] && e < PLAN_MAX_ENDPOINTS;
       e++) {
    s->need = p->endpoint[e].pool[ACCELERATOR_VIRTUAL_FUNCTIONS].used + 1;
    if (s->need > s->have)
      return false;
  }
  return true;
}

bool plan_numbers_suffice(const struct server_config *c,
                          const struct server_plan *p,
                          struct server_shortage *s)
{
  return handles_suffice(c, p, s) && requesters_suffice(p, s) &&
         steps_suffice(p, s);
}
