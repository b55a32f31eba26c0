/*
 * task.c - software tasks: blocking code with a local clock.
 *
 * A task may run ahead of SimGrid like a hardware actor. hd_task_wait() may
 * return a message of time m, or the timeout u, only when nothing earlier can
 * still be sent to it: when m (or u) < T + L.
 */
#include "sim/engine/internal.h"

void hd_task_advance(struct hd_task *t, hd_time d)
{
  HD_REQUIRE(&t->base, d >= 0, "time runs backwards by %lld ps", (long long)-d);
  t->base.exec->now += d;
}

/* The head message when it may be taken now, else NULL. */
static struct hd_msg *take(struct hd_actor *a, hd_time now, hd_time until)
{
  hd_time head = hd_calendar_head(&a->calendar);
  if (head > until || head >= now + a->lookahead || head > a->engine->end)
    return NULL;
  struct hd_msg *msg = hd_calendar_pop(&a->calendar);
  a->exec.now = hd_time_max(a->exec.now, msg->when);
  hd_account(msg->to, msg);
  return msg;
}

/* The SimGrid time from which a message (or timeout) of time `t` is settled. */
static hd_time settled_at(const struct hd_actor *a, hd_time t)
{
  return t == HD_TIME_NEVER ? t : t - a->lookahead + 1;
}

struct hd_msg *hd_task_wait(struct hd_task *t, hd_time until)
{
  struct hd_actor *a = hd_actor_of(&t->base);
  hd_time now = hd_simgrid_now();
  for (;;) {
    struct hd_msg *msg = take(a, now, until);
    if (msg)
      return msg;
    hd_time head = hd_calendar_head(&a->calendar);
    if (until < now + a->lookahead && until < head && until <= a->engine->end) {
      a->exec.now = hd_time_max(a->exec.now, until);
      return NULL;
    }
    hd_time next = hd_time_min(head, until);
    if (next <= a->engine->end)
      next = hd_time_max(settled_at(a, next), 0);
    now = hd_actor_sleep(a, next); /* the end may yet be put off beyond next */
  }
}

void hd_task_initialize(struct hd_task *t, struct hd_engine *e,
                        void (*body)(struct hd_task *), const char *kind,
                        const char *path, const char *host)
{
  static const struct hd_component_ops task_ops = {.kind = "task"};
  (void)kind;
  hd_component_initialize(&t->base, e, &task_ops, path, host);
  t->base.is_task = true;
  t->body = body;
}
