/*
 * migration_commands.c - commands to the queues of a device.
 *
 * A command waits for a free slot, occupies the firmware for `service`, and is
 * under way for `latency` and for as long as the device takes to answer. With
 * one slot that is a driver that waits for each command. The device's own
 * operation is called when the firmware has served the command.
 */
#include "models/hypervisor/migration_internal.h"

struct cost {
  hd_time service, latency;
  uint32_t slots;
};

static struct cost cost_of(const struct migration *m, uint32_t slot,
                           enum migration_verb verb)
{
  const struct migration_params *p = m->config.params;
  if (m->slots[slot].ops->software)
    return (struct cost){0, 0, 1};
  uint32_t slots = p->commands == MIGRATION_COMMANDS_PARALLEL
                       ? (uint32_t)p->command_slots
                       : 1;
  switch (verb) {
  case MIGRATION_SUSPEND:
    return (struct cost){p->suspend_service, p->suspend_latency, slots};
  case MIGRATION_RESUME:
    return (struct cost){p->resume_service, p->resume_latency, slots};
  default:
    return (struct cost){p->create_cost, 0, 1};
  }
}

static enum migration_answer operate(struct migration_thread *t, uint32_t queue)
{
  struct migration_slot *s = &t->migration->slots[t->batch.device];
  void *device = s->side[t->side];
  switch (t->batch.verb) {
  case MIGRATION_SUSPEND:
    return s->ops->suspend(device, &t->task, queue, &s->rings[queue]);
  case MIGRATION_RESUME:
    return s->ops->resume(device, &t->task, queue, &s->rings[queue]);
  default:
    return s->ops->create(device, &t->task, queue);
  }
}

static void issue(struct migration_thread *t, uint32_t queue)
{
  struct migration_batch *b = &t->batch;
  b->done[queue] = HD_TIME_NEVER;
  if (b->verb == MIGRATION_SUSPEND)
    t->migration->slots[b->device].commanded = queue + 1;
  enum migration_answer a = operate(t, queue);
  b->least[queue] = migration_now(t) + b->latency;
  if (a != MIGRATION_LATER)
    b->done[queue] = b->least[queue];
  b->refused |= a == MIGRATION_REFUSED;
}

/* An answer ends a command, but not before its latency is over. */
static void end_command(struct migration_thread *t,
                        const struct migration_answer_msg *a)
{
  struct migration_batch *b = &t->batch;
  if (a->device != b->device || a->verb != b->verb || a->queue >= b->n ||
      b->done[a->queue] != HD_TIME_NEVER)
    return;
  b->done[a->queue] = hd_time_max(b->least[a->queue], migration_now(t));
  b->refused |= !a->ok;
  if (a->verb == MIGRATION_SUSPEND)
    t->migration->slots[a->device].rings[a->queue] = a->ring;
}

void migration_answered(struct migration_thread *t,
                        const struct migration_answer_msg *a)
{
  if (a->verb == MIGRATION_TAKE_OUT || a->verb == MIGRATION_PUT_IN) {
    t->plug_waits = false;
  } else if (a->device != MIGRATION_CPU) {
    end_command(t, a);
  } else if (t->guest_waits && a->verb == t->guest_verb) {
    t->guest_waits = false;
    t->guest_ok = a->ok;
  }
}

/* How many of the first `issued` commands are under way; *next: when the first
 * of these ends, as far as is known. */
static uint32_t under_way(const struct migration_thread *t, uint32_t issued,
                          hd_time *next)
{
  uint32_t n = 0;
  *next = HD_TIME_NEVER;
  for (uint32_t q = 0; q < issued; q++) {
    hd_time done = t->batch.done[q];
    if (done <= migration_now(t))
      continue;
    n++;
    *next = hd_time_min(*next, done);
  }
  return n;
}

/* Until fewer than `limit` are under way; false: not by the deadline. */
static bool drain(struct migration_thread *t, uint32_t issued, uint32_t limit,
                  hd_time deadline)
{
  for (;;) {
    hd_time next;
    if (under_way(t, issued, &next) < limit)
      return true;
    if (migration_now(t) >= deadline)
      return false;
    (void)migration_wait(t, hd_time_min(next, deadline));
  }
}

static const char *const too_late[] = {"did not suspend in time",
                                       "did not create its queues in time",
                                       "did not resume in time"};
static const char *const refused[] = {"refused to suspend",
                                      "is out of resources at the destination",
                                      "refused to resume"};

/* Back at the source, only what was told to suspend is resumed. */
static uint32_t queues_of(const struct migration_thread *t, uint32_t slot,
                          enum migration_verb verb)
{
  const struct migration_slot *s = &t->migration->slots[slot];
  bool back = verb == MIGRATION_RESUME && t->side == MIGRATION_SOURCE;
  return back ? s->commanded : s->queues;
}

const char *migration_command(struct migration_thread *t, uint32_t slot,
                              enum migration_verb verb)
{
  const struct migration *m = t->migration;
  struct cost c = cost_of(m, slot, verb);
  struct migration_batch *b = &t->batch;
  *b = (struct migration_batch){.device = slot,
                                .n = queues_of(t, slot, verb),
                                .verb = verb,
                                .done = b->done,
                                .least = b->least,
                                .latency = c.latency};
  hd_time deadline = migration_now(t) + m->config.params->suspend_timeout +
                     b->n * (c.service + c.latency);
  for (uint32_t q = 0; q < b->n; q++)
    b->done[q] = 0;
  for (uint32_t q = 0; q < b->n && !b->refused; q++) {
    if (!drain(t, q, c.slots, deadline))
      return too_late[verb];
    hd_task_advance(&t->task, c.service);
    issue(t, q);
  }
  if (!drain(t, b->n, 1, deadline))
    return too_late[verb];
  return b->refused ? refused[verb] : NULL;
}
