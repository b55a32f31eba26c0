/*
 * server_rules_group.c - rules of a group of VMs.
 */
#include <string.h>

#include "models/server_guest_config.h"
#include "models/server_rules_internal.h"

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
  struct guest_config guest = server_guest_config(k->c, g);
  guest.stand_in = g == plan_moving_group(k->c) && plan_stands_in(k->c);
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

static void check_numa(struct checker *k, const struct vm_group *g)
{
  if (g->numa != VM_LOCAL && k->c->host.sockets < 2)
    COMPLAIN_GROUP(k, g, "numa",
                   "needs a second socket (host.sockets: %lld); or local",
                   (long long)k->c->host.sockets);
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

void server_check_group(struct checker *k, size_t i)
{
  const struct vm_group *g = &k->c->groups[i];
  if (strcmp(g->name, "all") == 0)
    COMPLAIN(k, "vms.all",
             "a group cannot be called all: results have a row "
             "of that name, for all groups");
  check_memory(k, g);
  check_numa(k, g);
  check_design(k, g);
  check_devices(k, g);
  check_port(k, i);
  check_rogue(k, i);
  server_check_peers(k, g);
}
