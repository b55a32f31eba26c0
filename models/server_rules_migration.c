/*
 * server_rules_migration.c - rules of a live migration.
 */
#include "models/server_rules_internal.h"

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
