/*
 * exec.c - how actors execute, sleep and wake each other.
 *
 * An actor awake at SimGrid time T executes every message with time < T + L
 * (L: its lookahead), then sleeps until its next message. SimGrid cannot
 * shorten another actor's sleep, only end it, so a message for a sleeping actor
 * that plans to wake up later than the message's time makes the sender owe a
 * wake-up ("debt"). The sender pays it as late as it can, at its own last
 * wake-up not later than the message's time, and if possible not earlier than
 * the time from which the receiver may execute the message: then one wake-up
 * of the receiver is enough.
 */
#include <math.h>
#include <stdlib.h>

#include "sim/engine/internal.h"
#include "sim/engine/rng.h"

static inline hd_time rounded(double seconds)
{
  return (hd_time)llround(seconds * 1e12);
}

hd_time hd_simgrid_now(void)
{
  return rounded(simgrid_get_clock());
}

void hd_account(struct hd_component *c, const struct hd_msg *msg)
{
  struct hd_engine *e = c->engine;
  c->handled++;
  uint64_t x = (uint64_t)msg->when ^ (msg->order * 0x9e3779b97f4a7c15u) ^
               ((uint64_t)msg->kind << 32);
  c->hash = (c->hash ^ x) * 0xff51afd7ed558ccdu;
  c->hash ^= c->hash >> 32;
  if (__builtin_expect(++e->events >= e->next_heartbeat, 0)) {
    e->next_heartbeat += e->options.heartbeat_events;
    e->options.heartbeat(e->options.heartbeat_ctx, msg->when, e->events);
  }
}

/* ---- waking others --------------------------------------------------- */

static void release(struct hd_actor *to)
{
  to->released = true;
  if (to->suspended)
    sg_actor_resume(to->self);
  else
    sg_sem_release(to->semaphore);
}

static void owe(struct hd_actor *from, struct hd_actor *to, hd_time due)
{
  if (from->n_debts == from->cap_debts) {
    from->cap_debts = from->cap_debts ? from->cap_debts * 2 : 8;
    from->debts = realloc(from->debts, from->cap_debts * sizeof *from->debts);
    HD_REQUIRE(NULL, from->debts != NULL, "out of memory");
  }
  from->debts[from->n_debts++] = (struct hd_debt){to, due};
}

static bool still_owed(const struct hd_debt *d)
{
  return d->to->asleep && !d->to->released && d->to->wake_at == d->due;
}

/* From when on `to` could execute a message of time `due`. */
static hd_time useful_from(const struct hd_debt *d)
{
  return d->due - d->to->lookahead + 1;
}

void hd_actor_pay_debts(struct hd_actor *a, hd_time now)
{
  size_t kept = 0;
  for (size_t i = 0; i < a->n_debts; i++) {
    struct hd_debt d = a->debts[i];
    if (!still_owed(&d))
      continue;
    if (useful_from(&d) <= now)
      release(d.to); /* may let nobody run before we block: cooperative */
    else
      a->debts[kept++] = d;
  }
  a->n_debts = kept;
}

hd_time hd_actor_next_debt(const struct hd_actor *a)
{
  hd_time next = HD_TIME_NEVER;
  for (size_t i = 0; i < a->n_debts; i++)
    next = hd_time_min(next, a->debts[i].due);
  return next;
}

static void deliver(struct hd_actor *from, struct hd_msg *msg, bool passive)
{
  struct hd_actor *to = hd_actor_of(msg->to);
  if (passive)
    hd_task_keep_passive(to, msg);
  else
    hd_calendar_push(&to->calendar, msg);
  if (passive && !to->eager)
    return;
  if (to != from && to->asleep && !to->released && msg->when < to->wake_at) {
    to->wake_at = msg->when;
    owe(from, to, msg->when);
  }
}

/* ---- sleeping -------------------------------------------------------- */

/* A task's sleep costs less when somebody else ends it (a suspended actor needs
 * no timer in SimGrid). The keeper, an actor that is busy anyway, does so, as a
 * debt, if it will be awake in time: the task may wake up at `when` or later,
 * as long as its own next time, `when` + L - 1, and what it owes itself, are
 * not in the past. */
static bool leave_to_keeper(struct hd_actor *a, hd_time when)
{
  struct hd_actor *keeper = a->engine->keeper;
  if (!a->task || !keeper || !keeper->asleep || keeper->released)
    return false;
  hd_time latest = hd_time_min(when + a->lookahead - 1, hd_actor_next_debt(a));
  if (keeper->alarm > latest)
    return false;
  a->wake_at = latest;
  owe(keeper, a, latest);
  return true;
}

static void suspend(struct hd_actor *a)
{
  a->suspended = true;
  sg_actor_suspend(a->self);
  a->suspended = false;
}

/* `clock` is SimGrid's own, in seconds: measuring the sleep from it, not from
 * the rounded time, keeps rounding errors from adding up over wake-ups. */
static void sleep_until(struct hd_actor *a, double clock, hd_time when)
{
  a->alarm = when;
  bool timeout =
      sg_sem_acquire_timeout(a->semaphore, (double)when * 1e-12 - clock);
  if (timeout && a->released) /* released at the very time of the timeout */
    sg_sem_acquire(a->semaphore);
}

static void block(struct hd_actor *a, double clock, hd_time when)
{
  a->asleep = true;
  a->released = false;
  a->wake_at = when;
  a->alarm = HD_TIME_NEVER;
  if (when == HD_TIME_NEVER || leave_to_keeper(a, when))
    suspend(a);
  else
    sleep_until(a, clock, when);
  a->asleep = false;
  a->wake_at = HD_TIME_NEVER;
  a->engine->wakeups++;
}

hd_time hd_actor_sleep(struct hd_actor *a, hd_time when)
{
  double clock = simgrid_get_clock();
  hd_time now = rounded(clock);
  hd_actor_pay_debts(a, now);
  when = hd_time_min(when, hd_calendar_head(&a->calendar));
  if (a->eager)
    when = hd_time_min(when, hd_actor_passive_head(a));
  when = hd_time_min(when, hd_actor_next_debt(a));
  if (now > a->engine->end)
    when = HD_TIME_NEVER; /* the conductor is about to end the run */
  if (when <= now)
    return now;
  block(a, clock, when);
  now = hd_simgrid_now();
  hd_actor_pay_debts(a, now);
  return now;
}

/* ---- hardware actors ------------------------------------------------- */

static inline void execute(struct hd_actor *a, struct hd_msg *msg)
{
  struct hd_component *c = msg->to;
  a->exec.now = msg->when;
  hd_account(c, msg);
  c->ops->handle(c, msg);
}

void hd_actor_main_hardware(struct hd_actor *a)
{
  struct hd_engine *e = a->engine;
  for (size_t i = 0; i < a->n_members; i++)
    if (a->members[i]->ops->start)
      a->members[i]->ops->start(a->members[i]);
  hd_time now = hd_simgrid_now();
  for (;;) {
    hd_time head = hd_calendar_head(&a->calendar);
    HD_REQUIRE(a->members[0], head >= now,
               "message of time %lld ps handled at %lld ps", (long long)head,
               (long long)now);
    while (head < now + a->lookahead && head <= e->end) {
      execute(a, hd_calendar_pop(&a->calendar));
      head = hd_calendar_head(&a->calendar);
    }
    now = hd_actor_sleep(a, head);
  }
}

/* ---- sending --------------------------------------------------------- */

static inline void stamp(struct hd_component *from, struct hd_component *to,
                         hd_time when, struct hd_msg *msg)
{
  msg->when = when;
  msg->order = ((uint64_t)from->id << 40) | from->sequence++;
  msg->to = to;
}

void hd_send_at(struct hd_channel *ch, hd_time when, void *message)
{
  struct hd_component *from = ch->from;
  HD_REQUIRE(from, when - from->exec->now >= ch->latency,
             "message to %s after %lld ps; the channel's latency is %lld ps",
             ch->to->path, (long long)(when - from->exec->now),
             (long long)ch->latency);
  stamp(from, ch->to, when, message);
  deliver(hd_actor_of(from), message, ch->passive);
}

void hd_send(struct hd_channel *ch, hd_time delay, void *message)
{
  hd_send_at(ch, ch->from->exec->now + delay, message);
}

void hd_schedule(struct hd_component *c, hd_time delay, void *message)
{
  HD_REQUIRE(c, delay >= 0, "timer set %lld ps in the past", (long long)-delay);
  stamp(c, c, c->exec->now + delay, message);
  deliver(hd_actor_of(c), message, false);
}

void *hd_msg_new(struct hd_component *c, uint32_t kind)
{
  struct hd_msg *m = hd_pool_get(&c->engine->messages);
  *m = (struct hd_msg){.kind = kind};
  return m;
}

void *hd_msg_new_zero(struct hd_component *c, uint32_t kind)
{
  struct hd_msg *m = hd_pool_get(&c->engine->messages);
  __builtin_memset(m, 0, HD_MSG_BYTES);
  m->kind = kind;
  return m;
}

void hd_msg_free(struct hd_component *c, void *msg)
{
  hd_pool_put(&c->engine->messages, msg);
}
