/*
 * migration_source.c - the migration thread, from the start to the report.
 */
#include <stdarg.h>
#include <stdio.h>

#include "models/hypervisor/migration_internal.h"

/* ---- the destination's words --------------------------------------------- */

bool migration_source_fail(struct migration_source *s, const char *format, ...)
{
  if (s->reason[0])
    return false;
  va_list args;
  va_start(args, format);
  vsnprintf(s->reason, sizeof s->reason, format, args);
  va_end(args);
  return false;
}

static void heed(struct migration_source *s,
                 const struct migration_control_msg *k)
{
  const struct migration *m = migration_of(s);
  if (k->word == MIGRATION_TAKEN)
    s->free[s->n_free++] = k->chunk;
  else if (k->word == MIGRATION_CANNOT)
    (void)migration_source_fail(s, "%s %s",
                                k->device < m->config.n_devices
                                    ? m->slots[k->device].name
                                    : "the guest",
                                k->reason);
}

void migration_source_poll(struct migration_source *s)
{
  struct migration_control_msg *k;
  while ((k = migration_receive(&s->thread, migration_now(&s->thread)))) {
    heed(s, k);
    hd_msg_free(&s->thread.task.base, k);
  }
}

bool migration_source_await(struct migration_source *s,
                            enum migration_word word,
                            struct migration_control_msg *copy)
{
  for (;;) {
    struct migration_control_msg *k =
        migration_receive(&s->thread, HD_TIME_NEVER);
    enum migration_word got = k->word;
    heed(s, k);
    if (copy)
      *copy = *k;
    hd_msg_free(&s->thread.task.base, k);
    if (got == word || got == MIGRATION_CANNOT)
      return got == word;
  }
}

/* ---- the course of a migration ------------------------------------------- */

static bool set_up(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  migration_series_phase(s, MIGRATION_SETUP);
  migration_tell(&s->thread,
                 &(struct migration_control_msg){.word = MIGRATION_PREPARE});
  if (!migration_source_await(s, MIGRATION_READY, NULL))
    return false;
  migration_tracking_start(s);
  hd_task_advance(&s->thread.task, m->config.params->setup_cost);
  return true;
}

static bool unplugged(const struct migration *m)
{
  for (uint32_t i = 0; i < m->config.n_devices; i++)
    if (m->slots[i].stands_in)
      return true;
  return false;
}

static void say_completed(const struct migration_source *s)
{
  struct migration_report *r = &migration_of(s)->report;
  int n =
      snprintf(r->status, sizeof r->status,
               "completed: %llu rounds, the VM stood still for %.3f ms%s",
               (unsigned long long)r->rounds, (double)r->downtime.total * 1e-9,
               s->forced ? "; it was stopped without having converged" : "");
  if (unplugged(migration_of(s)))
    snprintf(r->status + n, sizeof r->status - (size_t)n,
             "; a stand-in served it for %.3f ms",
             (double)(r->end - r->begin - r->unplug) * 1e-9);
}

static void complete(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  struct migration_report *r = &m->report;
  struct migration_control_msg k = {0};
  const struct migration_params *p = m->config.params;
  r->switch_over = p->announce_delay + p->switch_update;
  r->silence = r->downtime.total + r->switch_over;
  r->end = r->resumed_at;
  if (unplugged(m) && migration_source_await(s, MIGRATION_PLUGGED, &k)) {
    r->plug = k.at - r->resumed_at - r->switch_over;
    r->end = k.at;
  }
  r->outcome = MIGRATION_COMPLETED;
  say_completed(s);
}

static void come_back(struct migration_source *s)
{
  struct migration_report *r = &migration_of(s)->report;
  const char *phase = migration_phase_name(s->phase);
  hd_time failed_at = migration_now(&s->thread);
  migration_recover(s);
  hd_time begin = migration_now(&s->thread);
  if (migration_plug(&s->thread))
    r->plug = migration_now(&s->thread) - begin;
  if (r->outcome == MIGRATION_PENDING)
    r->outcome = MIGRATION_FAILED;
  r->silence = r->downtime.total;
  r->end = migration_now(&s->thread);
  snprintf(r->status, sizeof r->status,
           "%s (%s, %.3f ms after the start); the "
           "VM goes on at the source",
           s->reason, phase, (double)(failed_at - r->begin) * 1e-9);
}

static void migrate(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  struct migration_report *r = &m->report;
  uint32_t device = 0;
  const char *why = migration_unplug_needed(m, &device);
  r->begin = r->end = migration_now(&s->thread);
  if (why) {
    r->outcome = MIGRATION_IMPOSSIBLE;
    snprintf(r->status, sizeof r->status, "refused: %s %s",
             m->devices[device].name, why);
    return;
  }
  if (m->config.params->fault == MIGRATION_FAULT_LINK_CUT)
    hd_link_cut_later(&s->thread.task, m->config.link,
                      r->begin + m->config.params->fault_time);
  (void)migration_unplug(s);
  if (set_up(s) && migration_rounds(s) && migration_hand_over(s))
    complete(s);
  else
    come_back(s);
}

static void close_report(struct migration_source *s)
{
  struct migration *m = migration_of(s);
  struct migration_report *r = &m->report;
  migration_series_phase(s, MIGRATION_OVER);
  if (s->found_s > 0)
    r->dirty_rate = s->found / s->found_s;
  r->relay_cpu = hd_clock_span(&m->clock, (int64_t)s->relayed *
                                              m->config.params->relay_cost);
}

static void await_start(struct migration_source *s)
{
  struct hd_task *t = &s->thread.task;
  hd_time start = migration_of(s)->config.start;
  struct hd_msg *m;
  while ((m = hd_task_wait(t, start))) {
    uint32_t kind = m->kind;
    hd_msg_free(&t->base, m);
    if (kind == MSG_MIGRATION_START)
      return;
  }
}

void migration_source_main(struct hd_task *t)
{
  struct migration_source *s = (struct migration_source *)t;
  struct migration_config *c = &migration_of(s)->config;
  await_start(s);
  migrate(s);
  close_report(s);
  if (c->finished)
    c->finished(c->finished_ctx, t);
  for (;;) { /* late answers and writes are nobody's business any more */
    struct hd_msg *m = hd_task_wait(t, HD_TIME_NEVER);
    hd_msg_free(&t->base, m);
  }
}
