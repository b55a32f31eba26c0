/*
 * server_rules.c - rules that tie several parameters together.
 */
#include <stdio.h>
#include <string.h>

#include "models/irq_machine.h"
#include "models/lifecycle_machine.h"
#include "models/server_plan.h"
#include "models/server_guest_config.h"

struct checker {
  const struct server_config *c;
  server_complain complain;
  void *ctx;
  bool ok;
};

#define COMPLAIN(k, path, ...)                                                 \
  ((k)->complain((k)->ctx, path, __VA_ARGS__), (k)->ok = false)

static void check_powers(struct checker *k)
{
  const struct pcie_params *p = &k->c->pcie;
  const struct {
    const char *path;
    int64_t value;
  } rows[] = {{"pcie.lanes", p->lanes},
              {"pcie.mps", p->mps},
              {"pcie.mrrs", p->mrrs},
              {"pcie.rcb", p->rcb},
              {"nic.tx_ring", k->c->nic.tx_ring},
              {"nic.rx_ring", k->c->nic.rx_ring},
              {"storage.lanes", k->c->storage.lanes}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].value <= 0 || (rows[i].value & (rows[i].value - 1)) != 0)
      COMPLAIN(k, rows[i].path, "must be a power of two, not %lld",
               (long long)rows[i].value);
}

static void check_iommu(struct checker *k)
{
  const struct server_config *c = k->c;
  for (size_t i = 0; i < c->n_groups; i++)
    if (plan_design(c, &c->groups[i]) == DESIGN_HDIOV &&
        c->iommu.mode == IOMMU_LEGACY) {
      COMPLAIN(k, "iommu.mode",
               "design hdiov needs PASIDs, which mode legacy has not; choose "
               "scalable, or off");
      return;
    }
}

/* Complains about a key of a group. */
#define COMPLAIN_GROUP(k, g, key, ...)                                         \
  do {                                                                         \
    char path_[HD_PARAM_STRING_MAX + 32];                                      \
    snprintf(path_, sizeof path_, "vms.%s.%s", (g)->name, key);                \
    COMPLAIN(k, path_, __VA_ARGS__);                                           \
  } while (0)

static void check_design(struct checker *k, const struct vm_group *g)
{
  enum design d = plan_design(k->c, g);
  const char *name = server_design_names[d];
  if (server_design_fits(g, d))
    return;
  if (plan_is_accelerated(g)) {
    COMPLAIN_GROUP(k, g, "design",
                   "design %s does not share accelerators; workload "
                   "accelerator_jobs needs sriov, hdiov or host",
                   name);
    return;
  }
  if (d == DESIGN_HOST) {
    COMPLAIN_GROUP(k, g, "design",
                   "design %s is for accelerators: workload: {type: "
                   "accelerator_jobs}",
                   name);
    return;
  }
  if (plan_is_block(g))
    COMPLAIN_GROUP(k, g, "design",
                   "design %s is for networks; workload block_jobs needs "
                   "sriov, hdiov, spdk-vhost, qemu-blk, un-iov or passthrough",
                   name);
  else
    COMPLAIN_GROUP(k, g, "design",
                   "design %s is for block devices: workload: {type: "
                   "block_jobs}",
                   name);
}

/* Both groups have devices of their own on the same physical function. */
static bool share_function(const struct checker *k, const struct vm_group *a,
                           const struct vm_group *b)
{
  enum device_kind device = plan_device(k->c, a);
  if (plan_device(k->c, b) != device ||
      plan_is_software(plan_design(k->c, a)) ||
      plan_is_software(plan_design(k->c, b)))
    return false;
  return device == DEVICE_DRIVE || device == DEVICE_ACCELERATOR ||
         (device == DEVICE_NIC && a->port == b->port);
}

/* A physical function is either in SR-IOV or in Scalable IOV mode; software
 * uses it in either. */
static void check_port(struct checker *k, size_t i)
{
  const struct server_config *c = k->c;
  const struct vm_group *g = &c->groups[i];
  if (g->port >= c->nic.ports) {
    COMPLAIN_GROUP(
        k, g, "port",
        "there is no port %lld: ports count from 0, and nic.ports is %lld",
        (long long)g->port, (long long)c->nic.ports);
    return;
  }
  for (size_t j = 0; j < i; j++)
    if (share_function(k, g, &c->groups[j]) &&
        plan_design(c, &c->groups[j]) != plan_design(c, g)) {
      COMPLAIN_GROUP(k, g, "design",
                     "groups %s and %s share %s but not a design; a physical "
                     "function offers SR-IOV or HD-IOV, not both",
                     c->groups[j].name, g->name,
                     plan_is_accelerated(g) ? "an accelerator"
                     : plan_is_block(g)     ? "a drive"
                                            : "a port");
      return;
    }
}

static void check_rogue(struct checker *k, size_t i)
{
  const struct server_config *c = k->c;
  const struct vm_group *g = &c->groups[i];
  if (g->rogue != ROGUE_FOREIGN_PASID)
    return;
  if (plan_design(c, g) != DESIGN_HDIOV || !plan_has_iommu(c)) {
    COMPLAIN_GROUP(k, g, "rogue",
                   "foreign-pasid needs design hdiov and an IOMMU");
    return;
  }
  for (size_t j = 0; j < c->n_groups; j++)
    if (c->groups[j].port != g->port &&
        plan_design(c, &c->groups[j]) == DESIGN_HDIOV)
      return;
  COMPLAIN_GROUP(
      k, g, "rogue",
      "foreign-pasid needs a victim: a group with design hdiov on the "
      "other port (nic.ports: 2)");
}

static void check_memory(struct checker *k, const struct vm_group *g)
{
  const uint64_t mib = UINT64_C(1) << 20;
  const struct guest_config guest = server_guest_config(k->c, g);
  uint64_t needed = guest_memory_needed(&guest);
  if (g->memory % (INT64_C(2) << 20) != 0)
    COMPLAIN_GROUP(k, g, "memory", "must be a multiple of 2 MiB");
  else if ((uint64_t)g->memory < needed)
    COMPLAIN_GROUP(k, g, "memory",
                   "rings and buffers of %lld queue pairs take %llu MiB of "
                   "memory",
                   (long long)g->queue_pairs,
                   (unsigned long long)((needed + mib - 1) / mib));
}

/* What parameters of a device or driver forbid together. */
static void check_software(struct checker *k)
{
  const char *why;
  if ((why = vhost_params_refused(&k->c->vhost)))
    COMPLAIN(k, "vhost", "%s", why);
  if ((why = vhost_block_params_refused(&k->c->vhost_block)))
    COMPLAIN(k, "vhost_block", "%s", why);
}

/* The group of the VM that migrates; NULL: there is no such VM. */
static const struct vm_group *moving_group(const struct server_config *c)
{
  int64_t vms = 0;
  for (size_t i = 0; i < c->n_groups; i++) {
    vms += c->groups[i].count;
    if (c->migration.vm < vms)
      return &c->groups[i];
  }
  return NULL;
}

/* Accelerators behind Un-IOV and host software migrate as they are. */
static void check_unplug(struct checker *k)
{
  const struct vm_group *g = moving_group(k->c);
  if (!g || k->c->migration.passthrough != MIGRATION_PASSTHROUGH_UNPLUG)
    return;
  enum design d = plan_design(k->c, g);
  if (d != DESIGN_UN_IOV && !plan_is_software(d))
    COMPLAIN(k, "migration.passthrough",
             "a guest has one driver, hence no stand-in for a device of design "
             "%s that is unplugged; choose refuse",
             server_design_names[d]);
}

/* Live migration of one VM. */
static void check_migration(struct checker *k)
{
  const struct server_config *c = k->c;
  const struct migration_params *m = &c->migration;
  int64_t vms = 0;
  if (!m->enabled)
    return;
  for (size_t i = 0; i < c->n_groups; i++)
    vms += c->groups[i].count;
  if (m->vm >= vms)
    COMPLAIN(k, "migration.vm",
             "there is no VM %lld: they count from 0 to %lld", (long long)m->vm,
             (long long)vms - 1);
  if (m->start >= c->run.duration)
    COMPLAIN(k, "migration.start",
             "the measurement is over by then: run.duration is shorter");
  check_unplug(k);
}

static void check_threads(struct checker *k, const struct vm_group *g)
{
  const struct accelerator_jobs_params *p = &g->accelerator_jobs;
  int64_t own = k->c->accelerator.banks_per_function;
  const char *why = accelerator_jobs_problem(p);
  if (why)
    COMPLAIN_GROUP(k, g, "workload", "%s", why);
  if (p->threads > g->queue_pairs)
    COMPLAIN_GROUP(k, g, "workload.threads",
                   "%lld threads need as many ring banks (queue_pairs: %lld)",
                   (long long)p->threads, (long long)g->queue_pairs);
  if (p->threads > g->vcpus)
    COMPLAIN_GROUP(k, g, "workload.threads",
                   "%lld threads need as many vCPUs (vcpus: %lld)",
                   (long long)p->threads, (long long)g->vcpus);
  if (plan_design(k->c, g) == DESIGN_SRIOV && g->queue_pairs > own)
    COMPLAIN_GROUP(k, g, "queue_pairs",
                   "a virtual function of the accelerator has %lld ring banks",
                   (long long)own);
  if (accelerator_jobs_largest(p) > k->c->accelerator.max_request)
    COMPLAIN_GROUP(k, g, "workload.size",
                   "the accelerator takes at most %lld B "
                   "(accelerator.max_request)",
                   (long long)k->c->accelerator.max_request);
}

static int64_t engines_for(const struct accelerator_params *p, int algorithm)
{
  switch (accelerator_kinds[algorithm].service) {
  case ACCELERATOR_SYM:
    return p->sym_engines;
  case ACCELERATOR_ASYM:
    return p->asym_engines;
  default:
    return p->dc_engines;
  }
}

static void check_accelerator(struct checker *k, const struct vm_group *g)
{
  const struct accelerator_params *a = &k->c->accelerator;
  int algorithm = g->accelerator_jobs.algorithm;
  const char *why = accelerator_params_problem(a);
  if (why)
    COMPLAIN(k, "accelerator", "%s", why);
  if (engines_for(a, algorithm) == 0)
    COMPLAIN_GROUP(k, g, "workload.algorithm",
                   "the accelerator has no engines for %s",
                   accelerator_kinds[algorithm].name);
  if (k->c->migration.enabled)
    COMPLAIN_GROUP(k, g, "workload",
                   "an accelerator cannot be migrated; migration.enabled needs "
                   "other workloads");
  if (g->rogue != ROGUE_NONE)
    COMPLAIN_GROUP(k, g, "rogue", "accelerators have no such misbehaviour");
  check_threads(k, g);
}

static void check_devices(struct checker *k, const struct vm_group *g)
{
  const struct server_config *c = k->c;
  const char *why = NULL;
  if (plan_is_virtio(plan_design(c, g)) &&
      (why = virtio_params_refused(&c->virtio, g->queue_pairs)))
    COMPLAIN(k, "virtio", "%s", why);
  if (plan_is_accelerated(g))
    check_accelerator(k, g);
  if (plan_is_block(g) && (why = storage_params_problem(&c->storage)))
    COMPLAIN(k, "storage", "%s", why);
  bool accelerator = plan_device(c, g) == DEVICE_VIRTIO_NET ||
                     plan_device(c, g) == DEVICE_VIRTIO_BLK;
  if (accelerator && (why = virtio_device_params_problem(&c->virtio_device)))
    COMPLAIN(k, "virtio_device", "%s", why);
}

static void check_group(struct checker *k, size_t i)
{
  const struct vm_group *g = &k->c->groups[i];
  if (strcmp(g->name, "all") == 0)
    COMPLAIN(k, "vms.all",
             "a group cannot be called all: results have a row "
             "of that name, for all groups");
  check_memory(k, g);
  check_design(k, g);
  check_devices(k, g);
  check_port(k, i);
  check_rogue(k, i);
}

/* What a test transfers, and where. */
static void check_bench_sizes(struct checker *k)
{
  const struct bench_params *b = &k->c->bench;
  int64_t end = b->host_offset + b->transfer;
  if (b->window > (int64_t)PLAN_BENCH_BUFFER)
    COMPLAIN(k, "bench.window",
             "the buffer that a window is a part of has %d "
             "MiB",
             (int)(PLAN_BENCH_BUFFER >> 20));
  if (b->window % 64 != 0)
    COMPLAIN(k, "bench.window", "must be a multiple of 64 B");
  else if (b->window > 4096 && b->window % 4096 != 0)
    COMPLAIN(k, "bench.window",
             "must be a multiple of 4 KiB when it is larger than that");
  if (end > 4096)
    COMPLAIN(k, "bench.transfer",
             "a transfer of %lld B at host_offset %lld B crosses a 4 KiB page",
             (long long)b->transfer, (long long)b->host_offset);
  else if (bench_unit(b) > b->window)
    COMPLAIN(k, "bench.transfer",
             "a transfer of %lld B at host_offset %lld B takes more than the "
             "window of %lld B",
             (long long)b->transfer, (long long)b->host_offset,
             (long long)b->window);
  if (b->engine == BENCH_CMD && b->transfer > 64)
    COMPLAIN(k, "bench.transfer",
             "a direct command (bench.engine: cmd) transfers at most 64 B");
}

/* What remains: rules that tie the test to the device. */
static void check_bench_device(struct checker *k)
{
  const struct server_config *c = k->c;
  const char *problem = bench_params_problem(&c->bench, &c->device, &c->pcie);
  if (k->ok && problem)
    COMPLAIN(k, "bench", "%s", problem);
}

static void check_bench(struct checker *k)
{
  const struct bench_params *b = &k->c->bench;
  char path[HD_PARAM_STRING_MAX + 8];
  snprintf(path, sizeof path, "vms.%s", k->c->groups[0].name);
  if (k->c->n_groups > 0)
    COMPLAIN(k, path,
             "a DMA benchmark has no virtual machines; leave vms out, or set "
             "bench.mode to none");
  if (b->mode == BENCH_LATENCY && (b->op == BENCH_WR || b->op == BENCH_RDWR))
    COMPLAIN(k, "bench.op",
             "posted writes are not answered, so that they have no latency; "
             "mode latency measures rd and wrrd");
  if (b->mode == BENCH_BANDWIDTH && b->op == BENCH_WRRD)
    COMPLAIN(k, "bench.op",
             "wrrd is one operation after the other: mode latency only");
  if (b->mode == BENCH_BANDWIDTH && b->engine == BENCH_CMD)
    COMPLAIN(k, "bench.engine",
             "direct commands are issued one after the other: mode latency "
             "only");
  check_bench_sizes(k);
  check_bench_device(k);
}

static void check_series(struct checker *k)
{
  const struct run_params *run = &k->c->run;
  if (run->series > 0 &&
      (run->duration - 1) / run->series >= HD_SERIES_BINS_MAX)
    COMPLAIN(k, "run.series", "%lld bins in run.duration; at most %d",
             (long long)((run->duration - 1) / run->series + 1),
             HD_SERIES_BINS_MAX);
}

static void check_irq_bench(struct checker *k)
{
  const char *problem = irq_machine_problem(k->c);
  if (problem)
    COMPLAIN(k, "irq_bench", "%s", problem);
  if (k->c->n_groups > 0)
    COMPLAIN(k, "vms",
             "an interrupt benchmark has no virtual machines; leave vms out, "
             "or set irq_bench.mode to off");
}

static void check_lifecycle(struct checker *k)
{
  const char *problem = lifecycle_machine_problem(k->c);
  if (problem)
    COMPLAIN(k, "design", "%s", problem);
  if (k->c->n_groups > 0)
    COMPLAIN(k, "vms",
             "a run of starts has no groups of virtual machines; leave vms "
             "out, or set lifecycle.mode to off");
}

bool server_check_config(const void *config, server_complain complain,
                         void *ctx)
{
  struct checker k = {config, complain, ctx, true};
  check_powers(&k);
  if (irq_machine_wanted(k.c)) {
    check_irq_bench(&k);
    return k.ok;
  }
  if (lifecycle_machine_wanted(k.c)) {
    check_lifecycle(&k);
    return k.ok;
  }
  if (plan_is_bench(k.c)) {
    check_bench(&k);
    return k.ok;
  }
  if (k.c->n_groups == 0)
    COMPLAIN(&k, "vms",
             "a scenario needs at least one group of virtual "
             "machines: vms: {NAME: {count: 1}}");
  check_iommu(&k);
  check_software(&k);
  check_migration(&k);
  check_series(&k);
  for (size_t i = 0; i < k.c->n_groups; i++)
    check_group(&k, i);
  return k.ok;
}
