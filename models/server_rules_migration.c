/*
 * server_rules_migration.c - rules of a live migration.
 */
#include "models/server_rules_internal.h"

/* A stand-in on a port of the NIC is on the network of the accelerator that it
 * stands in for; whoever else is at that port would be cut off from its own. */
static void check_stand_in_port(struct checker *k, const struct vm_group *g)
{
  const struct server_config *c = k->c;
  if (plan_device(c, g) == DEVICE_NIC)
    return;
  for (size_t i = 0; i < c->n_groups; i++)
    if (plan_device(c, &c->groups[i]) == DEVICE_NIC &&
        c->groups[i].port == g->port)
      COMPLAIN_GROUP(k, g, "port",
                     "the stand-in of the device that is unplugged needs a "
                     "port of the NIC for itself; group %s uses port %lld, too",
                     c->groups[i].name, (long long)g->port);
}

static void check_stand_in(struct checker *k, const struct vm_group *g)
{
  const struct server_config *c = k->c;
  const char *why;
  if (g->workload == WORKLOAD_DPDK_FORWARD)
    COMPLAIN(k, "migration.passthrough",
             "a polling application has the device's queues to itself: no "
             "kernel can send by a stand-in for a device of design %s that is "
             "unplugged; choose refuse, or another workload",
             server_design_names[plan_design(c, g)]);
  if ((why = virtio_params_refused(&c->virtio, g->queue_pairs)))
    COMPLAIN(k, "virtio", "%s", why);
  check_stand_in_port(k, g);
}

/* Accelerators behind Un-IOV and host software migrate as they are. */
static void check_unplug(struct checker *k)
{
  const struct vm_group *g = plan_moving_group(k->c);
  if (!g || k->c->migration.passthrough != MIGRATION_PASSTHROUGH_UNPLUG)
    return;
  enum design d = plan_design(k->c, g);
  if (plan_stands_in(k->c))
    check_stand_in(k, g);
  else if (plan_is_block(g) && d != DESIGN_UN_IOV && !plan_is_software(d))
    COMPLAIN(k, "migration.passthrough",
             "only network devices have a stand-in: a block device of design "
             "%s cannot be unplugged; choose refuse",
             server_design_names[d]);
}

/* Live migration of one VM. */
void server_check_migration(struct checker *k)
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
