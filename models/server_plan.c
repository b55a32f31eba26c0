#include "models/server_plan.h"

#include <stdlib.h>

#include "models/irq_machine.h"
#include "models/lifecycle_machine.h"
#include "models/server_software.h"

enum design plan_design(const struct server_config *c, const struct vm_group *g)
{
  return g->design == DESIGN_INHERIT ? (enum design)c->scenario.design
                                     : (enum design)g->design;
}

bool plan_is_block(const struct vm_group *g)
{
  return g->workload == WORKLOAD_BLOCK_JOBS;
}

bool plan_is_accelerated(const struct vm_group *g)
{
  return g->workload == WORKLOAD_ACCELERATOR_JOBS;
}

bool server_design_fits(const struct vm_group *g, int design)
{
  if (plan_is_accelerated(g))
    return design == DESIGN_SRIOV || design == DESIGN_HDIOV ||
           design == DESIGN_HOST;
  if (design == DESIGN_HOST)
    return false;
  if (plan_is_block(g))
    return design != DESIGN_VHOST_NET && design != DESIGN_VHOST_USER;
  return design != DESIGN_SPDK_VHOST && design != DESIGN_QEMU_BLK;
}

bool plan_is_software(enum design d)
{
  return d == DESIGN_VHOST_NET || d == DESIGN_VHOST_USER ||
         d == DESIGN_SPDK_VHOST || d == DESIGN_QEMU_BLK;
}

bool plan_is_virtio(enum design d)
{
  return d != DESIGN_SRIOV && d != DESIGN_HDIOV && d != DESIGN_HOST;
}

enum device_kind plan_device(const struct server_config *c,
                             const struct vm_group *g)
{
  enum design d = plan_design(c, g);
  bool accelerator = d == DESIGN_UN_IOV || d == DESIGN_PASSTHROUGH;
  if (plan_is_accelerated(g))
    return DEVICE_ACCELERATOR;
  if (plan_is_block(g))
    return accelerator ? DEVICE_VIRTIO_BLK : DEVICE_DRIVE;
  return accelerator ? DEVICE_VIRTIO_NET : DEVICE_NIC;
}

const struct vm_group *plan_moving_group(const struct server_config *c)
{
  int64_t vms = 0;
  for (size_t i = 0; c->migration.enabled && i < c->n_groups; i++) {
    vms += c->groups[i].count;
    if (c->migration.vm < vms)
      return &c->groups[i];
  }
  return NULL;
}

bool plan_stands_in(const struct server_config *c)
{
  const struct vm_group *g = plan_moving_group(c);
  if (!g || c->migration.passthrough != MIGRATION_PASSTHROUGH_UNPLUG ||
      plan_is_block(g) || plan_is_accelerated(g))
    return false;
  enum design d = plan_design(c, g);
  return d == DESIGN_SRIOV || d == DESIGN_HDIOV || d == DESIGN_PASSTHROUGH;
}

int64_t plan_streams(const struct vm_group *g)
{
  return g->udp_stream.streams ? g->udp_stream.streams : g->queue_pairs;
}

bool plan_is_bench(const struct server_config *c)
{
  return c->bench.mode != BENCH_NONE;
}

bool plan_has_iommu(const struct server_config *c)
{
  return c->iommu.mode != IOMMU_OFF;
}

unsigned plan_page_shift(const struct server_config *c)
{
  static const unsigned shifts[] = {
      [IOMMU_4K] = 12, [IOMMU_2M] = 21, [IOMMU_1G] = 30};
  return shifts[c->iommu.page_size];
}

uint64_t plan_align(uint64_t x, uint64_t to)
{
  return (x + to - 1) / to * to;
}

uint64_t plan_footprint(const struct server_config *c, const struct vm_group *g)
{
  unsigned shift = plan_page_shift(c);
  return plan_align((uint64_t)g->memory, UINT64_C(1)
                                             << (shift > 21 ? shift : 21));
}

/* ---- what devices have to give --------------------------------------------
 */

static bool take(struct resource_pools *pools, const struct resource_need *need,
                 int64_t count, struct server_shortage *s)
{
  struct resource_shortage r;
  if (resource_pools_take(pools, need, count, &r))
    return true;
  *s = (struct server_shortage){r.resource, r.have, r.need};
  return false;
}

static bool take_nic(const struct server_config *c, struct server_plan *p,
                     const struct vm_group *g, struct server_shortage *s)
{
  bool vf = plan_design(c, g) == DESIGN_SRIOV;
  struct resource_need need = nic_need_of(&c->nic, vf, g->queue_pairs);
  return take(&p->nic, &need, g->count, s);
}

struct resource_need plan_virtio_need(const struct server_config *c,
                                      enum virtio_kind kind,
                                      const struct vm_group *g)
{
  bool control = kind == VIRTIO_NET && c->virtio.control_queue;
  return virtio_device_need_of(kind, g->queue_pairs, control);
}

static bool take_virtio(const struct server_config *c, struct server_plan *p,
                        enum virtio_kind kind, const struct vm_group *g,
                        struct server_shortage *s)
{
  struct resource_need need = plan_virtio_need(c, kind, g);
  return take(&p->virtio[kind], &need, g->count, s);
}

/* Guests take turns at like devices: how many of `count` come to device
 * `which` of `n`, when the first of them comes to `first`. */
static int64_t share_of(int64_t count, int64_t n, int64_t first, int64_t which)
{
  int64_t turn = (which - first + n) % n;
  return count / n + (turn < count % n);
}

static bool take_drives(const struct server_config *c, struct server_plan *p,
                        const struct vm_group *g, struct server_shortage *s)
{
  bool vf = plan_design(c, g) == DESIGN_SRIOV;
  struct resource_need need = storage_need_of(vf, g->queue_pairs);
  for (int64_t d = 0; d < c->storage.drives; d++) {
    int64_t n = share_of(g->count, c->storage.drives,
                         (int64_t)p->n_on_drives % c->storage.drives, d);
    if (!take(&p->drive[d], &need, n, s))
      return false;
  }
  return true;
}

/* A physical function's mode is that of the first group that uses it; the rules
 * refuse others. */
static bool take_endpoints(const struct server_config *c, struct server_plan *p,
                           const struct vm_group *g, struct server_shortage *s)
{
  bool vf = plan_design(c, g) == DESIGN_SRIOV;
  int64_t n = c->accelerator.endpoints;
  struct resource_need need =
      accelerator_need_of(&c->accelerator, vf, g->queue_pairs);
  int64_t handles = plan_endpoint_handles(c, (unsigned)n);
  if (handles > INTERRUPT_HANDLES) {
    *s = (struct server_shortage){"interrupt remapping entries",
                                  INTERRUPT_HANDLES, handles};
    return false;
  }
  for (int64_t e = 0; e < n; e++) {
    if (p->n_accelerated == 0)
      accelerator_resources_initialize(&p->endpoint[e], &c->accelerator, vf);
    int64_t share = share_of(g->count, n, (int64_t)p->n_accelerated % n, e);
    if (!take(&p->endpoint[e], &need, share, s))
      return false;
  }
  p->n_accelerated += (size_t)g->count;
  return true;
}

static bool take_device(const struct server_config *c, struct server_plan *p,
                        const struct vm_group *g, struct server_shortage *s)
{
  enum device_kind device = plan_device(c, g);
  p->has[device] = true;
  p->bare |= plan_design(c, g) == DESIGN_HOST;
  if (plan_is_software(plan_design(c, g))) {
    p->software = true;
    return true;
  }
  switch (device) {
  case DEVICE_VIRTIO_NET:
    return take_virtio(c, p, VIRTIO_NET, g, s);
  case DEVICE_VIRTIO_BLK:
    return take_virtio(c, p, VIRTIO_BLK, g, s);
  case DEVICE_DRIVE:
    return take_drives(c, p, g, s);
  case DEVICE_ACCELERATOR:
    return take_endpoints(c, p, g, s);
  default:
    return take_nic(c, p, g, s);
  }
}

static bool take_devices(const struct server_config *c, struct server_plan *p,
                         struct server_shortage *s)
{
  nic_resources_initialize(&p->nic, &c->nic);
  if (plan_stands_in(c))
    p->software = p->has[DEVICE_NIC] = true;
  for (int64_t d = 0; d < c->storage.drives; d++)
    storage_resources_initialize(&p->drive[d], &c->storage);
  for (int kind = VIRTIO_NET; kind <= VIRTIO_BLK; kind++)
    virtio_device_resources_initialize(&p->virtio[kind], &c->virtio_device);
  for (size_t i = 0; i < c->n_groups; i++) {
    const struct vm_group *g = &c->groups[i];
    if (!take_device(c, p, g, s))
      return false;
    if (plan_device(c, g) == DEVICE_DRIVE)
      p->n_on_drives += (size_t)g->count;
    p->n_guests += (size_t)g->count;
    p->guest_memory += (uint64_t)g->count * plan_footprint(c, g);
  }
  return true;
}

/* Poll-mode threads have cores that no guest gets; one must be left. */
static bool take_cores(const struct server_config *c,
                       const struct server_plan *p, struct server_shortage *s)
{
  int64_t need = (int64_t)server_software_cores(c, p) + 1;
  if (need <= c->cpu.cores)
    return true;
  *s = (struct server_shortage){"cores", c->cpu.cores, need};
  return false;
}

/* In GiB, rounded so that the message stays true. */
static bool take_memory(const struct server_config *c,
                        const struct server_plan *p, struct server_shortage *s)
{
  const int64_t gib = INT64_C(1) << 30;
  int64_t have = c->memory.size - c->host.memory_reserved;
  if ((int64_t)p->guest_memory <= have)
    return true;
  *s = (struct server_shortage){"GiB of memory", have / gib,
                                ((int64_t)p->guest_memory + gib - 1) / gib};
  return false;
}

uint64_t plan_bench_base(const struct server_config *c)
{
  return plan_align((uint64_t)c->host.memory_reserved, UINT64_C(1) << 30);
}

static bool bench_feasible(const struct server_config *c,
                           struct server_shortage *s)
{
  const uint64_t gib = UINT64_C(1) << 30;
  uint64_t need = plan_bench_base(c) + PLAN_BENCH_SPAN;
  if (need > (uint64_t)c->memory.size) {
    *s = (struct server_shortage){"GiB of memory", c->memory.size >> 30,
                                  (int64_t)((need + gib - 1) / gib)};
    return false;
  }
  if (c->bench.numa == BENCH_REMOTE && c->host.sockets < 2) {
    *s = (struct server_shortage){"sockets", c->host.sockets, 2};
    return false;
  }
  return true;
}

bool server_plan_make(const struct server_config *c, struct server_plan *p,
                      struct server_shortage *s)
{
  *p = (struct server_plan){0};
  if (!take_devices(c, p, s) || !take_memory(c, p, s))
    return false;
  if (p->n_guests > PLAN_MAX_GUESTS) {
    *s = (struct server_shortage){"numbers for machines", PLAN_MAX_GUESTS,
                                  (int64_t)p->n_guests};
    return false;
  }
  p->guests = calloc(p->n_guests, sizeof *p->guests);
  HD_REQUIRE(NULL, p->guests != NULL, "out of memory for the plan");
  plan_number_guests(c, p);
  bool ok =
      !p->software || (take_cores(c, p, s) && server_software_fits(c, p, s));
  if (ok && plan_numbers_suffice(c, p, s))
    return true;
  server_plan_free(p);
  return false;
}

void server_plan_free(struct server_plan *p)
{
  free(p->guests);
  *p = (struct server_plan){0};
}

bool server_feasible(const struct server_config *c, struct server_shortage *s)
{
  if (irq_machine_wanted(c))
    return true;
  if (lifecycle_machine_wanted(c))
    return lifecycle_machine_feasible(c, s);
  if (plan_is_bench(c))
    return bench_feasible(c, s);
  struct server_plan p;
  bool ok = server_plan_make(c, &p, s);
  server_plan_free(&p);
  return ok;
}
