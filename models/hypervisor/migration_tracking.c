/*
 * migration_tracking.c - which pages have been written since the last sync.
 *
 * CPU writes are found by the hypervisor (write protection or PML). DMA writes
 * are found as the scenario says; whatever the way, their versions change. With
 * no tracking at all, every page that the device may write, i.e. all of the
 * pinned guest memory, is logged at each sync.
 */
#include "models/hypervisor/migration_internal.h"

static const struct migration_params *
params_of(const struct migration_source *s)
{
  return migration_of(s)->config.params;
}

/* ---- on and off ---------------------------------------------------------- */

void migration_tracking_start(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  enum migration_tracking wanted =
      (enum migration_tracking)params_of(s)->tracking;
  for (uint32_t i = 0; i < m->config.n_devices; i++) {
    struct migration_slot *slot = &m->slots[i];
    void *device = slot->side[MIGRATION_SOURCE];
    slot->tracking = slot->ops->software   ? MIGRATION_TRACK_LOG
                     : slot->ops->tracking ? slot->ops->tracking(device, wanted)
                                           : wanted;
    slot->dma = true;
    if (slot->ops->track)
      slot->ops->track(device, &s->thread.task, slot->tracking, true);
  }
  s->dirtied_to = s->synced_at = migration_now(&s->thread);
}

void migration_tracking_stop(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  for (uint32_t i = 0; i < m->config.n_devices; i++) {
    struct migration_slot *slot = &m->slots[i];
    if (slot->dma && slot->ops->track)
      slot->ops->track(slot->side[MIGRATION_SOURCE], &s->thread.task,
                       slot->tracking, false);
    slot->dma = false;
  }
}

/* ---- writes -------------------------------------------------------------- */

static void relay(struct migration_source *s, const struct migration_slot *slot,
                  double buffers)
{
  if (slot->tracking == MIGRATION_TRACK_RELAY)
    s->relayed += buffers;
}

static uint32_t leaf_of(const struct migration *m,
                        const struct migration_slot *slot)
{
  return slot->tracking == MIGRATION_TRACK_IOMMU ? m->leaf : 1;
}

static void check_load(const struct migration_source *s,
                       const struct migration_load *l)
{
  HD_REQUIRE(&s->thread.task.base,
             l->rate >= 0 && l->hot_pages >= 0 && l->hot_pages <= 1 &&
                 l->hot_writes >= 0 && l->hot_writes <= 1 &&
                 l->pages <= migration_of(s)->n_pages &&
                 l->first <= migration_of(s)->n_pages - l->pages,
             "a load of %g writes/s to pages %u + %u", l->rate, l->first,
             l->pages);
}

static void dirty_by_guest(struct migration_source *s, double seconds)
{
  const struct migration_config *c = &migration_of(s)->config;
  struct migration_load l = {0};
  if (s->paused || !c->guest_ops->load)
    return;
  c->guest_ops->load(c->guest[MIGRATION_SOURCE], s->dirtied_to, &l);
  check_load(s, &l);
  l.rate *= 1 - migration_of(s)->report.throttle;
  migration_memory_dirty(&s->memory, &l, seconds, 1, s->rng[0]);
}

static void dirty_by_device(struct migration_source *s, uint32_t i,
                            double seconds)
{
  struct migration *m = migration_of(s);
  struct migration_slot *slot = &m->slots[i];
  struct migration_load l = {0};
  if (!slot->dma || !slot->ops->load)
    return;
  slot->ops->load(slot->side[MIGRATION_SOURCE], s->dirtied_to, &l);
  check_load(s, &l);
  relay(s, slot, l.rate * seconds);
  migration_memory_dirty(&s->memory, &l, seconds, leaf_of(m, slot),
                         s->rng[1 + i]);
}

void migration_tracking_update(struct migration_source *s)
{
  hd_time now = migration_now(&s->thread);
  double seconds = (double)(now - s->dirtied_to) * 1e-12;
  dirty_by_guest(s, seconds);
  for (uint32_t i = 0; i < migration_of(s)->config.n_devices; i++)
    dirty_by_device(s, i, seconds);
  s->dirtied_to = now;
}

static void write_run(struct migration_source *s, uint32_t first,
                      uint32_t count, uint32_t leaf, bool unlogged)
{
  struct migration_memory *mem = &s->memory;
  HD_REQUIRE(&s->thread.task.base,
             count <= mem->n_pages && first <= mem->n_pages - count,
             "write to pages %u + %u of %u", first, count, mem->n_pages);
  for (uint32_t page = first; page < first + count; page++)
    if (unlogged)
      mem->version[page]++;
    else
      migration_memory_write(mem, page);
  if (leaf == 1 || count == 0 || unlogged)
    return;
  uint32_t begin = first & ~(leaf - 1), end = (first + count - 1) | (leaf - 1);
  end = end < mem->n_pages ? end : mem->n_pages - 1;
  migration_memory_log(mem, begin, end - begin + 1);
}

void migration_tracking_message(struct migration_source *s,
                                const struct migration_dirty_msg *d)
{
  struct migration *m = migration_of(s);
  uint32_t leaf = 1;
  if (s->phase == MIGRATION_IDLE || s->phase == MIGRATION_OVER ||
      s->phase == MIGRATION_RECOVERY)
    return;
  if (d->device != MIGRATION_CPU) {
    HD_REQUIRE(&s->thread.task.base, d->device < m->config.n_devices,
               "write by device %u", d->device);
    const struct migration_slot *slot = &m->slots[d->device];
    HD_REQUIRE(&s->thread.task.base, slot->dma || s->phase != MIGRATION_STOPPED,
               "%s wrote memory after it was suspended", slot->name);
    leaf = leaf_of(m, slot);
    relay(s, slot, d->runs);
  }
  for (unsigned i = 0; i < d->runs; i++)
    write_run(s, d->run[i].first, d->run[i].count, leaf, d->unlogged);
}

/* ---- sync ---------------------------------------------------------------- */

static bool any_tracked(const struct migration *m, enum migration_tracking how)
{
  for (uint32_t i = 0; i < m->config.n_devices; i++)
    if (m->slots[i].tracking == how)
      return true;
  return false;
}

static bool untracked_dma(const struct migration *m)
{
  for (uint32_t i = 0; i < m->config.n_devices; i++)
    if (m->slots[i].tracking == MIGRATION_TRACK_NONE)
      return true;
  return false;
}

static hd_time sync_time(const struct migration_source *s, uint32_t found)
{
  const struct migration_params *p = params_of(s);
  const struct migration *m = migration_of(s);
  hd_time t = (hd_time)((hd_u128)p->sync_cost * m->n_pages >> 18);
  t += p->sync_page * found;
  if (any_tracked(m, MIGRATION_TRACK_IOMMU))
    t += p->harvest_cost * ((m->n_pages + m->leaf - 1) / m->leaf);
  return t;
}

void migration_tracking_sync(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  migration_source_poll(s);
  migration_tracking_update(s);
  if (untracked_dma(m))
    migration_memory_log(&s->memory, 0, m->n_pages);
  uint32_t found = migration_memory_sync(&s->memory);
  hd_time now = migration_now(&s->thread);
  double seconds = (double)(now - s->synced_at) * 1e-12;
  if (seconds > 0) {
    s->rate = found / seconds;
    s->found += found;
    s->found_s += seconds;
  }
  s->synced_at = now;
  hd_time cost = sync_time(s, found);
  m->report.thread_cpu += cost;
  hd_task_advance(&s->thread.task, cost);
}
