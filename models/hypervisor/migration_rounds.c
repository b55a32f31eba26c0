/*
 * migration_rounds.c - pre-copy: rounds until the rest fits the downtime limit.
 */
#include <stdio.h>

#include "models/hypervisor/migration_internal.h"

/* ---- device state -------------------------------------------------------- */

/* The part of the devices' images that stays valid, while the VM runs. */
static bool send_images(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  const struct migration_params *p = m->config.params;
  for (uint32_t i = 0; i < m->config.n_devices && p->state_precopy; i++) {
    const struct migration_slot *slot = &m->slots[i];
    int64_t bytes = (int64_t)((double)slot->state * p->precopy_share);
    if (bytes == 0)
      continue;
    struct migration_control_msg then = {.word = MIGRATION_IMAGE, .device = i};
    hd_task_advance(&s->thread.task,
                    hd_time_of_bytes(bytes, p->state_save_rate));
    if (!migration_copy_state(s, bytes, &then))
      return false;
    s->image_sent += bytes;
  }
  return true;
}

/* ---- convergence --------------------------------------------------------- */

/* What remains has mostly been written, so that it is not zero. */
static int64_t remaining_bytes(const struct migration_source *s)
{
  return (int64_t)s->memory.n_todo *
         (MIGRATION_PAGE + migration_of(s)->config.params->page_header);
}

static bool fits(const struct migration_source *s)
{
  const struct migration *m = migration_of(s);
  double seconds = (double)remaining_bytes(s) * 8 / m->report.bandwidth;
  return s->memory.n_todo == 0 ||
         seconds <= (double)m->config.params->downtime_limit * 1e-12;
}

static const char *untracked(const struct migration *m)
{
  for (uint32_t i = 0; i < m->config.n_devices; i++)
    if (m->slots[i].tracking == MIGRATION_TRACK_NONE)
      return m->slots[i].name;
  return NULL;
}

static bool does_not_converge(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  const char *device = untracked(m);
  m->report.outcome = MIGRATION_NOT_CONVERGED;
  if (device)
    return migration_source_fail(
        s,
        "does not converge: nobody tracks the DMA of %s, all %u pinned pages "
        "count as dirty in each of %llu rounds",
        device, m->n_pages, (unsigned long long)m->report.rounds);
  return migration_source_fail(
      s,
      "does not converge: %.0f pages/s are dirtied, %.2f Gb/s sent, after %llu "
      "rounds %u pages remain",
      s->rate, m->report.bandwidth * 1e-9, (unsigned long long)m->report.rounds,
      s->memory.n_todo);
}

/* ---- auto-converge ------------------------------------------------------- */

/* QEMU: twice in turn half as much was dirtied as was sent. */
static void throttle(struct migration_source *s, uint64_t sent)
{
  struct migration *m = migration_of(s);
  const struct migration_params *p = m->config.params;
  if (!p->auto_converge || (uint64_t)remaining_bytes(s) <= sent / 2 ||
      ++s->dirty_too_fast < 2)
    return;
  s->dirty_too_fast = 0;
  double share = m->report.throttle == 0
                     ? p->throttle_initial
                     : m->report.throttle + p->throttle_increment;
  m->report.throttle = share < p->throttle_max ? share : p->throttle_max;
  if (m->config.guest_ops->throttle)
    m->config.guest_ops->throttle(m->config.guest[MIGRATION_SOURCE],
                                  &s->thread.task, m->report.throttle);
}

/* ---- rounds -------------------------------------------------------------- */

static bool one_round(struct migration_source *s)
{
  struct migration_report *r = &migration_of(s)->report;
  hd_time begin = migration_now(&s->thread);
  uint64_t before = r->bytes, pages_before = r->pages;
  if (!migration_copy_pages(s, true))
    return false;
  hd_time end = migration_now(&s->thread);
  double seconds = (double)(end - begin) * 1e-12;
  if (seconds > 0)
    r->bandwidth = (double)(r->bytes - before) * 8 / seconds;
  uint64_t pages = r->pages - pages_before;
  migration_tracking_sync(s);
  if (r->rounds < MIGRATION_ROUNDS)
    r->round[r->rounds] = (struct migration_round){
        begin, end, pages, r->bytes - before, s->memory.n_todo};
  r->rounds++;
  throttle(s, r->bytes - before);
  migration_series_add(s);
  return true;
}

bool migration_rounds(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  const struct migration_params *p = m->config.params;
  migration_series_phase(s, MIGRATION_PRECOPY);
  if (!send_images(s))
    return false;
  do {
    if (!one_round(s))
      return false;
    if (fits(s))
      return true;
  } while (p->max_rounds == 0 || m->report.rounds < (uint64_t)p->max_rounds);
  s->forced = p->on_limit == MIGRATION_LIMIT_FORCE;
  return s->forced || does_not_converge(s);
}
