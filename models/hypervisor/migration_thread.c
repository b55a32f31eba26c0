/*
 * migration_thread.c - messages of the two tasks of a migration.
 */
#include "models/hypervisor/migration_internal.h"

/* ---- between the tasks --------------------------------------------------- */

static void send(struct migration_thread *t, struct hd_channel *ch,
                 const struct migration_control_msg *what)
{
  struct migration_control_msg *m =
      hd_msg_new_zero(&t->task.base, MSG_MIGRATION_CONTROL);
  struct hd_msg header = m->msg;
  *m = *what;
  m->msg = header;
  hd_send(ch, ch->latency, m);
}

void migration_tell(struct migration_thread *t,
                    const struct migration_control_msg *what)
{
  send(t, t->control, what);
}

void migration_follow(struct migration_thread *t,
                      const struct migration_control_msg *what)
{
  send(t, t->data, what);
}

/* ---- waiting ------------------------------------------------------------- */

static void queue(struct migration_thread *t, struct hd_msg *m)
{
  m->next = NULL;
  if (t->first)
    t->last->next = m;
  else
    t->first = m;
  t->last = m;
}

static void dispatch(struct migration_thread *t, struct hd_msg *m)
{
  switch (m->kind) {
  case MSG_MIGRATION_CONTROL:
    queue(t, m);
    return;
  case MSG_MIGRATION_ANSWER:
    migration_answered(t, (struct migration_answer_msg *)m);
    break;
  case MSG_MIGRATION_DIRTY:
    migration_tracking_message(&t->migration->source,
                               (struct migration_dirty_msg *)m);
    break;
  default:
    HD_REQUIRE(&t->task.base, m->kind == MSG_MIGRATION_START,
               "unexpected message of kind %u", m->kind);
  }
  hd_msg_free(&t->task.base, m);
}

bool migration_wait(struct migration_thread *t, hd_time until)
{
  struct hd_msg *m = hd_task_wait(&t->task, until);
  if (m)
    dispatch(t, m);
  return m != NULL;
}

struct migration_control_msg *migration_receive(struct migration_thread *t,
                                                hd_time until)
{
  while (!t->first)
    if (!migration_wait(t, until))
      return NULL;
  struct hd_msg *m = t->first;
  t->first = m->next;
  return (struct migration_control_msg *)m;
}

/* ---- the guest ----------------------------------------------------------- */

bool migration_guest(struct migration_thread *t, enum migration_verb verb)
{
  const struct migration_config *c = &t->migration->config;
  void *guest = c->guest[t->side];
  enum migration_answer a = verb == MIGRATION_SUSPEND
                                ? c->guest_ops->pause(guest, &t->task)
                                : c->guest_ops->resume(guest, &t->task);
  if (a != MIGRATION_LATER)
    return a == MIGRATION_DONE;
  t->guest_waits = true;
  t->guest_verb = verb;
  while (t->guest_waits)
    (void)migration_wait(t, HD_TIME_NEVER);
  return t->guest_ok;
}
