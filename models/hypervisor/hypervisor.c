#include "models/hypervisor/hypervisor.h"

#include <stdlib.h>

#include "models/iommu/iommu.h"

/* Latency of messages between the management thread and others: a wake-up of
 * another host thread (estimated from memory). */
#define CONTROL_LATENCY (1 * HD_US)
/* Between the decision to start and the start of the workloads; longer than
 * any message needs, so that everybody knows in time. */
#define START_NOTICE (200 * HD_US)

struct links {
  struct hd_channel **vcpu; /* to each vCPU of the guest */
  size_t n;
};

struct hypervisor {
  struct hd_task task;
  struct hypervisor_config config;
  struct links *links;
  struct hd_channel *to_root, *root_reply, *to_scheduler;
  struct hd_channel *to_iommu, *iommu_reply; /* NULL: no IOMMU */
  struct hd_channel **clients;
  size_t n_clients;
  uint16_t observer;
  hd_time start;
  struct hypervisor_stats stats;
};

static void main_of_hypervisor(struct hd_task *t);

struct hypervisor *hypervisor_create(struct hd_engine *e, const char *path,
                                     const char *host,
                                     const struct hypervisor_config *c)
{
  struct hypervisor *h = calloc(1, sizeof *h);
  HD_REQUIRE(NULL, h != NULL, "out of memory for %s", path);
  h->config = *c;
  h->start = HD_TIME_NEVER;
  h->links = calloc(c->n_plans, sizeof *h->links);
  HD_REQUIRE(NULL, h->links != NULL, "out of memory for %s", path);
  hd_task_initialize(&h->task, e, main_of_hypervisor, "hypervisor", path, host);
  return h;
}

void hypervisor_destroy(struct hypervisor *h)
{
  for (size_t i = 0; i < h->config.n_plans; i++)
    free(h->links[i].vcpu);
  free(h->links);
  free(h->clients);
  free(h);
}

struct hd_component *hypervisor_component(struct hypervisor *h)
{
  return &h->task.base;
}

static void connect_guest(struct hypervisor *h, size_t i)
{
  struct guest *g = h->config.plans[i].guest;
  struct links *l = &h->links[i];
  l->n = guest_vcpus(g);
  l->vcpu = calloc(l->n, sizeof(struct hd_channel *));
  HD_REQUIRE(NULL, l->vcpu != NULL, "out of memory");
  for (size_t v = 0; v < l->n; v++)
    l->vcpu[v] = hd_channel_open(&h->task.base, &guest_vcpu(g, v)->task.base,
                                 CONTROL_LATENCY);
  guest_attach_hypervisor(g, &h->task.base);
}

void hypervisor_attach(struct hypervisor *h, struct root_complex *rc,
                       struct scheduler *s, uint16_t observer)
{
  h->to_root = root_complex_connect_cpu(rc, &h->task.base, &h->root_reply);
  h->to_scheduler = scheduler_connect(s, &h->task.base, CONTROL_LATENCY);
  h->observer = observer;
  for (size_t i = 0; i < h->config.n_plans; i++)
    connect_guest(h, i);
}

void hypervisor_attach_iommu(struct hypervisor *h, struct iommu *u)
{
  h->to_iommu = iommu_connect_software(u, &h->task.base);
  h->iommu_reply = iommu_status_channel(u, &h->task.base);
}

void hypervisor_add_client(struct hypervisor *h, struct hd_component *client)
{
  h->clients = realloc(h->clients, (h->n_clients + 1) * sizeof *h->clients);
  HD_REQUIRE(NULL, h->clients != NULL, "out of memory");
  h->clients[h->n_clients++] =
      hd_channel_open(&h->task.base, client, CONTROL_LATENCY);
}

hd_time hypervisor_workload_start(const struct hypervisor *h)
{
  return h->start;
}

void hypervisor_get_stats(const struct hypervisor *h,
                          struct hypervisor_stats *s)
{
  *s = h->stats;
}

/* ---- waiting --------------------------------------------------------- */

/* Answers a guest's trapped accesses; takes this thread's time. */
static void serve_trap(struct hypervisor *h, struct control_msg *m)
{
  hd_task_advance(&h->task, h->config.params->trap_cost * m->register_count);
  h->stats.traps += m->register_count;
  size_t vm = m->vm;
  m->msg.kind = MSG_VM_TRAPPED;
  hd_send(h->links[vm].vcpu[0], CONTROL_LATENCY, m);
}

/* Serves whatever arrives until a message of `kind` does; returns it. */
static struct hd_msg *await(struct hypervisor *h, uint32_t kind)
{
  for (;;) {
    struct hd_msg *m = hd_task_wait_eager(&h->task, HD_TIME_NEVER);
    if (m->kind == kind)
      return m;
    HD_REQUIRE(&h->task.base, m->kind == MSG_VM_TRAP,
               "unexpected message of kind %u", m->kind);
    serve_trap(h, (struct control_msg *)m);
  }
}

/* ---- administration queue -------------------------------------------- */

/* Posts one command and polls until the device has written it back. */
static void command(struct hypervisor *h, struct nic_command *c)
{
  hd_time posted = hd_now(&h->task.base), poll = h->config.params->admin_poll;
  c->address = h->config.admin_ring;
  c->observer = h->observer;
  c->requester = h->config.pf_requester;
  struct mmio_msg *m = hd_msg_new_zero(&h->task.base, MSG_MMIO_WRITE);
  m->address = NIC_ADMIN_DOORBELL;
  m->length = 4;
  m->device = h->config.nic_device;
  m->object = c;
  hd_send(h->to_root, h->to_root->latency, m);
  hd_msg_free(&h->task.base, await(h, MSG_GUEST_MEMORY));
  hd_time waited = hd_now(&h->task.base) - posted;
  hd_task_advance(&h->task, (waited + poll - 1) / poll * poll - waited);
  h->stats.admin_commands++;
  h->stats.failures += c->failed;
  HD_REQUIRE(&h->task.base, !c->failed, "administration command %d failed",
             (int)c->type);
}

static void simple_command(struct hypervisor *h, enum nic_command_type type,
                           uint32_t interface, uint32_t pasid)
{
  struct nic_command c = {.type = type, .result = interface, .pasid = pasid};
  command(h, &c);
}

static uint32_t add_interface(struct hypervisor *h, const struct device_plan *p)
{
  struct nic_command c = {
      .type = NIC_ADD_INTERFACE, .bytes = 128, .interface = p->interface};
  if (p->interface.forge != NIC_FORGE_PASID)
    c.interface.pasid = 0; /* programmed when the device is opened */
  command(h, &c);
  return c.result;
}

/* ---- one device ------------------------------------------------------ */

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

static void invalidate(struct hypervisor *h, enum iommu_command_type type,
                       uint32_t domain)
{
  struct iommu_command *c = hd_msg_new_zero(&h->task.base, MSG_IOMMU_COMMAND);
  c->type = type;
  c->domain = domain;
  c->reply = h->iommu_reply;
  hd_send(h->to_iommu, h->to_iommu->latency, c);
}

/* Entries that may be cached have changed (VT-d 6.5.3): the unit forgets them
 * before anybody uses the new ones. */
static void invalidate_device(struct hypervisor *h, uint32_t domain)
{
  invalidate(h, IOMMU_INVALIDATE_CONTEXT, domain);
  invalidate(h, IOMMU_INVALIDATE_PASID, domain);
  invalidate(h, IOMMU_INVALIDATE_IOTLB, domain);
  invalidate(h, IOMMU_WAIT, domain);
  hd_msg_free(&h->task.base, await(h, MSG_IOMMU_STATUS));
}

static void attach(struct hypervisor *h, struct device_plan *p)
{
  if (!h->config.tables)
    return;
  const struct nic_interface *i = &p->interface;
  /* A forged PASID is another guest's: the host binds this guest's own. */
  bool own = i->forge != NIC_FORGE_PASID;
  bool ok =
      p->virtual_function
          ? vtd_attach_requester(h->config.tables, i->requester, p->domain)
          : !own || vtd_attach_pasid(h->config.tables, i->requester, i->pasid,
                                     p->domain);
  HD_REQUIRE(&h->task.base, ok, "no room for remapping structures");
  invalidate_device(h, p->domain);
}

/* Opening resets the device: the whole function for a VF, which sleeps for the
 * time the PCIe specification grants a function; the interface otherwise. */
static void open_device(struct hypervisor *h, const struct device_plan *p,
                        uint32_t interface)
{
  const struct hypervisor_params *k = h->config.params;
  hd_task_advance(&h->task, k->vfio_open_cost);
  simple_command(h, NIC_RESET_INTERFACE, interface, 0);
  if (p->virtual_function)
    hd_task_advance(&h->task, k->flr_wait);
  else
    hd_task_advance(&h->task, k->vsi_reset_poll);
  if (p->interface.has_pasid)
    simple_command(h, NIC_SET_PASID, interface, p->interface.pasid);
}

static void create_device(struct hypervisor *h, struct device_plan *p)
{
  if (!p->virtual_function)
    hd_task_advance(&h->task, h->config.params->vdcm_create_cost);
  uint32_t interface = add_interface(h, p);
  map_guest(h, p);
  attach(h, p);
  open_device(h, p, interface);
  simple_command(h, NIC_ENABLE_QUEUES, interface, 0);
}

/* ---- guests ---------------------------------------------------------- */

static void wake(struct hypervisor *h, const struct vcpu *v)
{
  struct sched_msg *m = hd_msg_new_zero(&h->task.base, MSG_SCHED_WAKE);
  m->vcpu = v->index;
  hd_send(h->to_scheduler, CONTROL_LATENCY, m);
}

static struct control_msg *control(struct hypervisor *h, uint32_t kind,
                                   size_t vm)
{
  struct control_msg *m = hd_msg_new_zero(&h->task.base, kind);
  m->vm = (uint32_t)vm;
  m->start = h->start;
  return m;
}

static void boot(struct hypervisor *h, size_t vm)
{
  struct guest *g = h->config.plans[vm].guest;
  for (size_t i = 0; i < guest_vcpus(g); i++)
    wake(h, guest_vcpu(g, i));
  hd_send(h->links[vm].vcpu[0], CONTROL_LATENCY, control(h, MSG_VM_BOOT, vm));
  hd_msg_free(&h->task.base, await(h, MSG_VM_READY));
}

static void start_workloads(struct hypervisor *h)
{
  h->start = hd_now(&h->task.base) + START_NOTICE;
  h->stats.setup = h->start;
  h->config.window->start = h->start + h->config.warmup;
  h->config.window->end = h->config.window->start + h->config.duration;
  hd_engine_stop_at(&h->task.base, h->config.window->end);
  for (size_t i = 0; i < h->n_clients; i++)
    hd_send(h->clients[i], CONTROL_LATENCY, control(h, MSG_VM_GO, 0));
  for (size_t i = 0; i < h->config.n_plans; i++)
    for (size_t v = 0; v < h->links[i].n; v++)
      hd_send(h->links[i].vcpu[v], CONTROL_LATENCY, control(h, MSG_VM_GO, i));
}

static void main_of_hypervisor(struct hd_task *t)
{
  struct hypervisor *h = (struct hypervisor *)t;
  for (size_t i = 0; i < h->config.n_plans; i++) {
    create_device(h, &h->config.plans[i]);
    boot(h, i);
  }
  start_workloads(h);
  for (;;) /* guests may still trap */
    serve_trap(h, (struct control_msg *)await(h, MSG_VM_TRAP));
}
