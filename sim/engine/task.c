/*
 * task.c - software tasks: blocking code with a local clock.
 *
 * hd_task_wait() may return a message of time m, or the timeout u, only when
 * nothing earlier can still be sent to it: when m (or u) lies before the task's
 * horizon, see agenda.c.
 */
#include "sim/engine/internal.h"

/* Takes a range out that touches lines [*first, *end), and adds it to them;
 * false: there is none, or both together would be too long. */
static bool take_touching(struct hd_footprint *f, uintptr_t *first,
                          uintptr_t *end)
{
  for (uint32_t i = 0; i < f->count; i++) {
    uintptr_t begin = f->ranges[i] / HD_LINE;
    uintptr_t over = begin + f->ranges[i] % HD_LINE;
    uintptr_t low = begin < *first ? begin : *first;
    uintptr_t high = over > *end ? over : *end;
    if (begin > *end || over < *first || high - low >= HD_LINE)
      continue;
    f->ranges[i] = f->ranges[--f->count];
    *first = low;
    *end = high;
    return true;
  }
  return false;
}

void hd_task_add_footprint(struct hd_task *t, const void *start, size_t bytes)
{
  struct hd_footprint *f = &t->footprint;
  uintptr_t first = (uintptr_t)start / HD_LINE;
  uintptr_t end = ((uintptr_t)start + bytes + HD_LINE - 1) / HD_LINE;
  if (bytes == 0 || end - first >= HD_LINE)
    return;
  while (take_touching(f, &first, &end))
    ;
  if (f->count < HD_FOOTPRINT)
    f->ranges[f->count++] = first * HD_LINE | (end - first);
  if (t->base.exec)
    hd_actor_of(&t->base)->footprint = *f;
}

void hd_task_advance(struct hd_task *t, hd_time d)
{
  HD_REQUIRE(&t->base, d >= 0, "time runs backwards by %lld ps", (long long)-d);
  t->base.exec->now += d;
}

/* ---- passive messages -------------------------------------------------- */

static inline bool earlier(const struct hd_msg *a, const struct hd_msg *b)
{
  return a->when < b->when || (a->when == b->when && a->order < b->order);
}

/* Kept in order; they come nearly so, mostly one is appended. */
void hd_task_keep_passive(struct hd_actor *a, struct hd_msg *msg)
{
  struct hd_msg **place = &a->passive;
  if (a->passive && !earlier(msg, a->passive_last))
    place = &a->passive_last->next;
  while (*place && earlier(*place, msg))
    place = &(*place)->next;
  msg->next = *place;
  *place = msg;
  if (!msg->next)
    a->passive_last = msg;
}

static struct hd_msg *pop_passive(struct hd_actor *a)
{
  struct hd_msg *msg = a->passive;
  a->passive = msg->next;
  msg->next = NULL;
  return msg;
}

/* The earlier of the two heads, removed; there is one. */
static struct hd_msg *pop(struct hd_actor *a)
{
  hd_time active = hd_calendar_head(&a->calendar);
  hd_time passive = hd_actor_passive_head(a);
  if (active != passive)
    return active < passive ? hd_calendar_pop(&a->calendar) : pop_passive(a);
  struct hd_msg *msg = hd_calendar_pop(&a->calendar);
  if (earlier(msg, a->passive))
    return msg;
  hd_calendar_push(&a->calendar, msg);
  return pop_passive(a);
}

/* ---- waiting ------------------------------------------------------------- */

static hd_time head_of(const struct hd_actor *a)
{
  return hd_time_min(hd_calendar_head(&a->calendar), hd_actor_passive_head(a));
}

/* What ends the wait, and thus hands over passive messages before it. */
static hd_time bound_of(const struct hd_actor *a, hd_time until)
{
  hd_time head = a->eager ? head_of(a) : hd_calendar_head(&a->calendar);
  return hd_time_min(head, until);
}

/* The earliest message when it may be taken now, else NULL. */
static struct hd_msg *take(struct hd_actor *a, hd_time bound, hd_time until)
{
  if (bound > a->engine->end || head_of(a) > until)
    return NULL;
  struct hd_msg *msg = pop(a);
  a->exec.now = hd_time_max(a->exec.now, msg->when);
  hd_account(msg->to, msg);
  return msg;
}

static struct hd_msg *wait(struct hd_actor *a, hd_time until)
{
  for (;;) {
    hd_time bound = bound_of(a, until);
    if (bound < hd_actor_horizon(a)) {
      struct hd_msg *msg = take(a, bound, until);
      if (msg)
        return msg;
      if (until < head_of(a) && until <= a->engine->end) {
        a->exec.now = hd_time_max(a->exec.now, until);
        return NULL;
      }
    }
    hd_actor_sleep(a, bound); /* the end may yet be put off beyond it */
  }
}

struct hd_msg *hd_task_wait(struct hd_task *t, hd_time until)
{
  return wait(hd_actor_of(&t->base), until);
}

struct hd_msg *hd_task_wait_eager(struct hd_task *t, hd_time until)
{
  struct hd_actor *a = hd_actor_of(&t->base);
  a->eager = true;
  struct hd_msg *msg = wait(a, until);
  a->eager = false;
  return msg;
}

void hd_task_initialize(struct hd_task *t, struct hd_engine *e,
                        void (*body)(struct hd_task *), const char *kind,
                        const char *path, const char *host)
{
  t->ops = (struct hd_component_ops){.kind = kind};
  hd_component_initialize(&t->base, e, &t->ops, path, host);
  t->base.is_task = true;
  t->body = body;
}
