/*
 * migration_handover.c - the VM stands still: stop, suspend, last pages and
 * states, then the destination's answer; or back at the source.
 */
#include <string.h>

#include "models/hypervisor/migration_internal.h"

/* Adds the time since *mark to *part, and moves *mark here. */
static void account(const struct migration_source *s, hd_time *mark,
                    hd_time *part)
{
  hd_time now = migration_now(&s->thread);
  *part += now - *mark;
  *mark = now;
}

static struct migration_downtime *downtime(struct migration_source *s)
{
  return &migration_of(s)->report.downtime;
}

/* ---- stop and suspend ---------------------------------------------------- */

static bool stop_guest(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  m->report.paused_at = migration_now(&s->thread);
  migration_series_phase(s, MIGRATION_STOPPED);
  bool ok = migration_guest(&s->thread, MIGRATION_SUSPEND);
  hd_task_advance(&s->thread.task, m->config.params->stop_cost);
  migration_source_poll(s);
  migration_tracking_update(s); /* it ran up to here */
  s->paused = true;
  return ok || migration_source_fail(s, "the guest did not stop");
}

static bool suspend_device(struct migration_source *s, uint32_t i)
{
  struct migration *m = migration_of(s);
  struct migration_slot *slot = &m->slots[i];
  const struct migration_params *p = m->config.params;
  s->suspended = i + 1;
  if (p->link_notifier && !slot->ops->image && !slot->ops->software)
    hd_task_advance(&s->thread.task, p->notifier_cost);
  const char *why = migration_command(&s->thread, i, MIGRATION_SUSPEND);
  if (why)
    return migration_source_fail(s, "%s %s", slot->name, why);
  migration_source_poll(s);
  migration_tracking_update(s); /* it wrote up to here */
  slot->dma = false;
  if (slot->ops->track)
    slot->ops->track(slot->side[MIGRATION_SOURCE], &s->thread.task,
                     slot->tracking, false);
  return true;
}

static bool suspend_devices(struct migration_source *s)
{
  for (uint32_t i = 0; i < migration_of(s)->config.n_devices; i++)
    if (!suspend_device(s, i))
      return false;
  return true;
}

/* ---- state --------------------------------------------------------------- */

/* Ring states, out of the suspended devices. */
static void read_rings(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  hd_time cost = 0;
  for (uint32_t i = 0; i < m->config.n_devices; i++)
    if (!m->slots[i].ops->image)
      cost += m->slots[i].queues * m->config.params->ring_read;
  hd_task_advance(&s->thread.task, cost);
}

static bool send_state(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  struct migration_control_msg commit = {.word = MIGRATION_COMMIT};
  int64_t image = -s->image_sent, rings = 0;
  for (uint32_t i = 0; i < m->config.n_devices; i++) {
    image += m->slots[i].state;
    rings += m->slots[i].queues * (int64_t)sizeof(struct migration_ring);
  }
  hd_task_advance(&s->thread.task,
                  hd_time_of_bytes(image, m->config.params->state_save_rate));
  return migration_copy_state(s, image + rings, &commit);
}

/* The answer to COMMIT decides where the VM runs. */
static bool await_running(struct migration_source *s, hd_time committed)
{
  struct migration_report *r = &migration_of(s)->report;
  struct migration_control_msg k;
  if (!migration_source_await(s, MIGRATION_RUNNING, &k))
    return false;
  struct migration_downtime *d = downtime(s);
  d->state += k.arrived - committed + k.state;
  d->create = k.create;
  d->resume = k.resume;
  r->resumed_at = k.at;
  d->total = k.at - r->paused_at;
  r->at_destination = true;
  return true;
}

/* ---- both ways ----------------------------------------------------------- */

static bool copy_rest(struct migration_source *s)
{
  struct migration_report *r = &migration_of(s)->report;
  uint64_t before = r->pages;
  migration_tracking_sync(s);
  bool ok = migration_copy_pages(s, false);
  r->final_pages = r->pages - before;
  return ok;
}

bool migration_hand_over(struct migration_source *s)
{
  struct migration_downtime *d = downtime(s);
  hd_time mark = migration_now(&s->thread);
  bool ok = stop_guest(s);
  account(s, &mark, &d->stop);
  ok = ok && suspend_devices(s);
  account(s, &mark, &d->suspend);
  if (ok)
    read_rings(s);
  account(s, &mark, &d->state);
  ok = ok && copy_rest(s);
  account(s, &mark, &d->copy);
  ok = ok && send_state(s);
  account(s, &mark, &d->state);
  return ok && await_running(s, mark);
}

void migration_recover(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  struct migration_report *r = &m->report;
  migration_source_poll(s); /* what was written up to here */
  migration_tracking_update(s);
  migration_series_phase(s, MIGRATION_RECOVERY);
  migration_tell(&s->thread,
                 &(struct migration_control_msg){.word = MIGRATION_CANCEL});
  migration_tracking_stop(s);
  if (r->paused_at == 0)
    return;
  hd_time mark = migration_now(&s->thread);
  downtime(s)->create = mark - r->paused_at - downtime(s)->stop -
                        downtime(s)->suspend - downtime(s)->state -
                        downtime(s)->copy; /* the destination's attempt */
  for (uint32_t i = 0; i < s->suspended; i++)
    (void)migration_command(&s->thread, i, MIGRATION_RESUME);
  bool ok = migration_guest(&s->thread, MIGRATION_RESUME);
  HD_REQUIRE(&s->thread.task.base, ok, "the guest cannot go on at the source");
  hd_task_advance(&s->thread.task, m->config.params->start_cost);
  account(s, &mark, &downtime(s)->resume);
  r->resumed_at = migration_now(&s->thread);
  downtime(s)->total = r->resumed_at - r->paused_at;
}
