/*
 * hypervisor_devices.c - making one virtual device: created, its guest's memory
 * mapped, attached to the IOMMU, opened, started.
 */
#include "models/hypervisor/hypervisor_internal.h"

static bool forges_pasid(const struct device_plan *p)
{
  return p->kind == VIRTUAL_NIC && p->nic.forge == NIC_FORGE_PASID;
}

/* VFIO: pins guest memory page by page and maps it for DMA. */
static void map_guest(struct hypervisor *h, struct device_plan *p)
{
  if (!h->config.tables)
    return;
  uint64_t pages = p->memory_size >> p->page_shift;
  p->domain = vtd_domain_create(h->config.tables);
  HD_REQUIRE(&h->task.base,
             p->domain != 0 &&
                 vtd_domain_map(h->config.tables, p->domain, p->memory_iova,
                                p->memory_hpa, p->memory_size, p->page_shift,
                                true),
             "no room for remapping structures");
  h->stats.pages_pinned += pages;
  hd_task_advance(&h->task, (hd_time)pages * h->config.params->pin_cost);
}

static struct iommu_command *new_command(struct hypervisor *h,
                                         const struct device_plan *p,
                                         enum iommu_command_type type)
{
  struct iommu_command *c = hd_msg_new_zero(&h->task.base, MSG_IOMMU_COMMAND);
  c->type = type;
  c->reply = h->iommu[p->device].reply;
  return c;
}

static void submit(struct hypervisor *h, const struct device_plan *p,
                   struct iommu_command *c)
{
  struct hd_channel *to_unit = h->iommu[p->device].to_unit;
  hd_send(to_unit, to_unit->latency, c);
}

static void invalidate(struct hypervisor *h, const struct device_plan *p,
                       enum iommu_command_type type)
{
  struct iommu_command *c = new_command(h, p, type);
  c->domain = p->domain;
  submit(h, p, c);
}

/* What the device itself may keep of the address space (VT-d 6.5.2.5). */
static void invalidate_device_tlb(struct hypervisor *h,
                                  const struct device_plan *p)
{
  if (!vtd_ats_allowed(h->config.tables, p->requester))
    return;
  struct iommu_command *c = new_command(h, p, IOMMU_INVALIDATE_DEVICE);
  c->requester = p->requester;
  c->has_pasid = p->has_pasid;
  c->pasid = p->pasid;
  c->shift = 64;
  submit(h, p, c);
}

/* Entries that may be cached have changed (VT-d 6.5.3): the unit forgets them
 * before anybody uses the new ones. */
static void invalidate_device(struct hypervisor *h, const struct device_plan *p)
{
  invalidate(h, p, IOMMU_INVALIDATE_CONTEXT);
  invalidate(h, p, IOMMU_INVALIDATE_PASID);
  invalidate(h, p, IOMMU_INVALIDATE_IOTLB);
  invalidate_device_tlb(h, p);
  invalidate(h, p, IOMMU_WAIT);
  hd_msg_free(&h->task.base, hypervisor_await(h, MSG_IOMMU_STATUS));
}

static void attach(struct hypervisor *h, struct device_plan *p)
{
  if (!h->config.tables)
    return;
  /* A forged PASID is another guest's: the host binds this guest's own. */
  bool ok =
      p->virtual_function
          ? vtd_attach_requester(h->config.tables, p->requester, p->domain)
          : forges_pasid(p) || vtd_attach_pasid(h->config.tables, p->requester,
                                                p->pasid, p->domain);
  HD_REQUIRE(&h->task.base, ok, "no room for remapping structures");
  invalidate_device(h, p);
}

/* Opening resets the device: the whole function for a VF, which sleeps for the
 * time the PCIe specification grants a function; the interface otherwise. */
static void open_device(struct hypervisor *h, struct device_plan *p,
                        uint32_t interface)
{
  const struct hypervisor_params *k = h->config.params;
  hd_task_advance(&h->task, k->vfio_open_cost);
  hypervisor_reset_interface(h, p, interface);
  hd_task_advance(&h->task,
                  p->virtual_function ? k->flr_wait : k->vsi_reset_poll);
  if (p->has_pasid)
    hypervisor_set_pasid(h, p, interface);
}

void hypervisor_create_device(struct hypervisor *h, struct device_plan *p)
{
  if (p->kind == VIRTUAL_SOFTWARE)
    return;
  bool assigned = p->guest != NULL && !p->bare;
  if (assigned && !p->virtual_function)
    hd_task_advance(&h->task, h->config.params->vdcm_create_cost);
  uint32_t interface = p->interface = hypervisor_add_interface(h, p);
  if (assigned) {
    map_guest(h, p);
    attach(h, p);
    open_device(h, p, interface);
  }
  hypervisor_start_queues(h, p, interface);
}
