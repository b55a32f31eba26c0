/*
 * migration_series.c - the time series of a migration, in bounded memory: when
 * it is full, every second sample goes, and from then on every second is left
 * out.
 */
#include "models/hypervisor/migration_internal.h"

static void thin_out(struct migration_report *r)
{
  for (uint32_t i = 0; i < MIGRATION_SAMPLES / 2; i++)
    r->samples[i] = r->samples[2 * i];
  r->n_samples = MIGRATION_SAMPLES / 2;
}

static void add(struct migration_source *s)
{
  struct migration_report *r = &migration_of(s)->report;
  if (r->n_samples == MIGRATION_SAMPLES) {
    thin_out(r);
    s->series_stride *= 2;
  }
  r->samples[r->n_samples++] =
      (struct migration_sample){.when = migration_now(&s->thread),
                                .phase = s->phase,
                                .sent = r->bytes,
                                .remaining = s->memory.n_todo,
                                .dirty_rate = s->rate};
}

void migration_series_add(struct migration_source *s)
{
  if (s->series_seen++ % s->series_stride == 0)
    add(s);
}

void migration_series_phase(struct migration_source *s,
                            enum migration_phase phase)
{
  s->phase = phase;
  add(s);
}

const char *migration_phase_name(enum migration_phase phase)
{
  static const char *const names[MIGRATION_PHASES] = {
      "idle", "unplug", "setup", "pre-copy", "stopped", "recovery", "over"};
  return names[phase];
}
