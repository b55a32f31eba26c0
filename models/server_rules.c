/*
 * server_rules.c - rules that tie several parameters together.
 */
#include "models/irq_machine.h"
#include "models/lifecycle_machine.h"
#include "models/server_rules_internal.h"

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

static void check_threads(struct checker *k)
{
  const struct cpu_params *p = &k->c->cpu;
  if (p->threads == 2 && p->cores % 2 != 0)
    COMPLAIN(k, "cpu.cores",
             "must be even, not %lld, when cpu.threads is 2: it counts logical "
             "cores",
             (long long)p->cores);
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

static void check_ats(struct checker *k)
{
  if (k->c->pcie.ats.enabled && k->c->iommu.mode == IOMMU_OFF)
    COMPLAIN(k, "ats.enabled",
             "nobody translates for devices with iommu.mode off");
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

static void check_series(struct checker *k)
{
  const struct run_params *run = &k->c->run;
  if (run->series > 0 &&
      (run->duration - 1) / run->series >= HD_SERIES_BINS_MAX)
    COMPLAIN(k, "run.series", "%lld bins in run.duration; at most %d",
             (long long)((run->duration - 1) / run->series + 1),
             HD_SERIES_BINS_MAX);
}

bool server_check_config(const void *config, server_complain complain,
                         void *ctx)
{
  struct checker k = {config, complain, ctx, true};
  check_powers(&k);
  check_ats(&k);
  if (irq_machine_wanted(k.c)) {
    server_check_irq_bench(&k);
    return k.ok;
  }
  if (lifecycle_machine_wanted(k.c)) {
    server_check_lifecycle(&k);
    return k.ok;
  }
  if (plan_is_bench(k.c)) {
    server_check_bench(&k);
    return k.ok;
  }
  if (k.c->n_groups == 0)
    COMPLAIN(&k, "vms",
             "a scenario needs at least one group of virtual "
             "machines: vms: {NAME: {count: 1}}");
  check_threads(&k);
  check_iommu(&k);
  check_software(&k);
  server_check_migration(&k);
  check_series(&k);
  for (size_t i = 0; i < k.c->n_groups; i++)
    server_check_group(&k, i);
  return k.ok;
}
