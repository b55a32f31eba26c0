/*
 * migration_unplug.c - devices that cannot migrate: the VM is refused, or their
 * software stand-ins take over while it migrates.
 */
#include "models/hypervisor/migration_internal.h"

/* Why device `i` cannot migrate; NULL: it can. */
static const char *obstacle(const struct migration *m, uint32_t i)
{
  const struct migration_device *d = &m->devices[i];
  if (!d->ops->refusal)
    return NULL;
  return d->ops->refusal(d->side[MIGRATION_SOURCE]);
}

const char *migration_unplug_needed(const struct migration *m, uint32_t *which)
{
  bool may = m->config.params->passthrough == MIGRATION_PASSTHROUGH_UNPLUG;
  for (uint32_t i = 0; i < m->config.n_devices; i++) {
    const char *why = obstacle(m, i);
    *which = i;
    if (why && !(may && m->devices[i].stand_in))
      return why;
  }
  return NULL;
}

/* Calls an operation and waits until it is done. */
static void carry_out(struct migration_thread *t, void *device,
                      enum migration_answer (*operation)(void *,
                                                         struct hd_task *))
{
  if (!operation || operation(device, &t->task) != MIGRATION_LATER)
    return;
  t->plug_waits = true;
  while (t->plug_waits)
    (void)migration_wait(t, HD_TIME_NEVER);
}

bool migration_unplug(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  hd_time begin = migration_now(&s->thread);
  bool any = false;
  for (uint32_t i = 0; i < m->config.n_devices; i++) {
    const struct migration_device *d = &m->devices[i];
    if (!obstacle(m, i))
      continue;
    if (!any)
      migration_series_phase(s, MIGRATION_UNPLUG);
    any = true;
    hd_task_advance(&s->thread.task, m->config.params->unplug_delay);
    carry_out(&s->thread, d->side[MIGRATION_SOURCE], d->ops->unplug);
    migration_slot_fill(m, i, true);
  }
  m->report.unplug = migration_now(&s->thread) - begin;
  return any;
}

bool migration_plug(struct migration_thread *t)
{
  struct migration *m = t->migration;
  bool any = false;
  for (uint32_t i = 0; i < m->config.n_devices; i++) {
    const struct migration_device *d = &m->devices[i];
    if (!m->slots[i].stands_in)
      continue;
    any = true;
    hd_task_advance(&t->task, m->config.params->plug_delay);
    carry_out(t, d->side[t->side], d->ops->plug);
  }
  return any;
}
