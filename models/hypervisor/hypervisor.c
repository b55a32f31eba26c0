#include "models/hypervisor/hypervisor_internal.h"

#include <stdlib.h>

/* Between the decision to start and the start of the workloads; longer than
 * any message needs, so that everybody knows in time. */
#define START_NOTICE (200 * HD_US)

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
  free(h->software);
  free(h->threads);
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

void hypervisor_attach_iommu(struct hypervisor *h, uint16_t device,
                             struct iommu *u)
{
  HD_REQUIRE(&h->task.base, device < HYPERVISOR_UNITS, "an IOMMU of device %u",
             device);
  h->iommu[device] =
      (struct iommu_link){.to_unit = iommu_connect_software(u, &h->task.base),
                          .reply = iommu_status_channel(u, &h->task.base)};
}

/* One more channel in a list. */
static struct hd_channel **one_more(struct hypervisor *h,
                                    struct hd_channel **list, size_t *n,
                                    struct hd_component *to)
{
  list = realloc(list, (*n + 1) * sizeof *list);
  HD_REQUIRE(NULL, list != NULL, "out of memory");
  list[(*n)++] = hd_channel_open(&h->task.base, to, CONTROL_LATENCY);
  return list;
}

void hypervisor_add_client(struct hypervisor *h, struct hd_component *client)
{
  h->clients = one_more(h, h->clients, &h->n_clients, client);
}

void hypervisor_add_software(struct hypervisor *h, struct hd_component *c)
{
  h->software = one_more(h, h->software, &h->n_software, c);
}

void hypervisor_add_thread(struct hypervisor *h, struct vcpu *thread)
{
  h->threads = realloc(h->threads, (h->n_threads + 1) * sizeof *h->threads);
  HD_REQUIRE(NULL, h->threads != NULL, "out of memory");
  h->threads[h->n_threads++] = thread;
}

void hypervisor_set_migration(struct hypervisor *h, struct hd_component *source,
                              hd_time delay)
{
  h->migration = hd_channel_open(&h->task.base, source, CONTROL_LATENCY);
  h->migration_delay = delay;
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

/* Un-IOV: the access goes on to the device, by an uncached read or by a write
 * and the read that makes sure of it; the thread stalls until it is back. */
static void relay(struct hypervisor *h, const struct device_plan *p,
                  uint32_t accesses)
{
  for (uint32_t i = 0; i < accesses; i++) {
    struct mmio_msg *m = hd_msg_new_zero(&h->task.base, MSG_MMIO_READ);
    m->address = VIRTIO_DEVICE_ADMIN_DOORBELL;
    m->length = 4;
    m->device = p->device;
    m->reply = h->root_reply;
    hd_send(h->to_root, h->to_root->latency, m);
    hd_msg_free(&h->task.base, hypervisor_await(h, MSG_MMIO_DATA));
  }
  hd_task_advance(&h->task, h->config.params->relay_cost * accesses);
  h->stats.relayed += accesses;
}

/* Answers a guest's trapped accesses; takes this thread's time. */
static void serve_trap(struct hypervisor *h, struct control_msg *m)
{
  size_t vm = m->vm;
  hd_task_advance(&h->task, h->config.params->trap_cost * m->register_count);
  h->stats.traps += m->register_count;
  if (h->config.plans[vm].relayed)
    relay(h, &h->config.plans[vm], m->register_count);
  m->msg.kind = MSG_VM_TRAPPED;
  hd_send(h->links[vm].vcpu[0], CONTROL_LATENCY, m);
}

/* Serves whatever arrives until a message of `kind` does; returns it. */
struct hd_msg *hypervisor_await(struct hypervisor *h, uint32_t kind)
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
  hd_msg_free(&h->task.base, hypervisor_await(h, MSG_VM_READY));
}

static void boot_software(struct hypervisor *h)
{
  for (size_t i = 0; i < h->n_software; i++)
    hd_send(h->software[i], CONTROL_LATENCY, control(h, MSG_VM_BOOT, 0));
  for (size_t i = 0; i < h->n_threads; i++)
    wake(h, h->threads[i]);
}

static void start_migration(struct hypervisor *h)
{
  if (h->migration)
    hd_send_at(h->migration, h->config.window->start + h->migration_delay,
               hd_msg_new(&h->task.base, MSG_MIGRATION_START));
}

static void start_workloads(struct hypervisor *h)
{
  h->start = hd_now(&h->task.base) + START_NOTICE;
  h->stats.setup = h->start;
  h->config.window->start = h->start + h->config.warmup;
  h->config.window->end = h->config.window->start + h->config.duration;
  hd_engine_stop_at(&h->task.base, h->config.window->end);
  start_migration(h);
  for (size_t i = 0; i < h->n_clients; i++)
    hd_send(h->clients[i], CONTROL_LATENCY, control(h, MSG_VM_GO, 0));
  for (size_t i = 0; i < h->config.n_plans; i++)
    for (size_t v = 0; v < h->links[i].n; v++)
      hd_send(h->links[i].vcpu[v], CONTROL_LATENCY, control(h, MSG_VM_GO, i));
}

static void main_of_hypervisor(struct hd_task *t)
{
  struct hypervisor *h = (struct hypervisor *)t;
  for (size_t i = 0; i < h->config.n_own; i++)
    hypervisor_create_device(h, &h->config.own[i]);
  boot_software(h);
  for (size_t i = 0; i < h->config.n_plans; i++) {
    hypervisor_create_device(h, &h->config.plans[i]);
    boot(h, i);
  }
  start_workloads(h);
  for (;;) /* guests may still trap */
    serve_trap(h, (struct control_msg *)hypervisor_await(h, MSG_VM_TRAP));
}
