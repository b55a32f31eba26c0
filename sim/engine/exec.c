/*
 * exec.c - executing messages and sending them.
 */
#include "sim/engine/internal.h"

/* ---- hardware actors ------------------------------------------------- */

static void execute_until(struct hd_actor *a, hd_time limit)
{
  limit = hd_time_min(limit, a->engine->end + 1);
  while (hd_calendar_head(&a->calendar) < limit)
    hd_actor_execute(a);
}

void hd_actor_main_hardware(struct hd_actor *a)
{
  for (size_t i = 0; i < a->n_members; i++)
    if (a->members[i]->ops->start)
      a->members[i]->ops->start(a->members[i]);
  if (a == a->engine->keeper)
    hd_keeper_run(a);
  for (;;) {
    execute_until(a, hd_actor_horizon(a));
    hd_actor_sleep(a, hd_calendar_head(&a->calendar));
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

/* A task that has been asleep has long left the processor's caches, and so has
 * what it works on: about what it needs first. Its stack from where SimGrid
 * left it, some frames below hd_actor_sleep(), to the frame of what waited. */
static void fetch_task(const struct hd_actor *a)
{
  enum { BELOW = 832, ABOVE = 320, SIMGRID = 384 };
  const struct hd_footprint *f = &a->footprint;
  hd_fetch(a->stack - BELOW, BELOW + ABOVE);
  hd_fetch((const char *)a->self - SIMGRID, 2 * SIMGRID);
  for (uint32_t i = 0; i < f->count; i++)
    hd_fetch((const void *)(f->ranges[i] & ~(HD_LINE - 1)),
             HD_LINE * (f->ranges[i] & (HD_LINE - 1)));
}

/* To another actor, which may have to act earlier than it was going to. */
static __attribute__((noinline)) void
deliver_elsewhere(struct hd_actor *to, struct hd_msg *msg, bool passive)
{
  hd_time when = msg->when;
  if (passive)
    hd_task_keep_passive(to, msg);
  else
    hd_calendar_push(&to->calendar, msg);
  if (when >= to->next || (passive && !to->eager) || to->deaf)
    return;
  hd_agenda_set(to, when);
  if (to->task && to->asleep)
    fetch_task(to);
}

struct hd_channel_hint hd_channel_hint(const struct hd_channel *ch)
{
  return (struct hd_channel_hint){ch, ch->actor};
}

void hd_channel_fetch(struct hd_channel_hint hint)
{
  hd_fetch(hint.channel, sizeof *hint.channel);
  hd_fetch(hint.actor, offsetof(struct hd_actor, host));
}

void hd_send_at(struct hd_channel *ch, hd_time when, void *message)
{
  struct hd_component *from = ch->from;
  HD_REQUIRE(from, when - from->exec->now >= ch->latency,
             "message to %s after %lld ps; the channel's latency is %lld ps",
             ch->to->path, (long long)(when - from->exec->now),
             (long long)ch->latency);
  stamp(from, ch->to, when, message);
  if (ch->ahead)
    ch->ahead(ch->to, message);
  if (ch->actor == hd_actor_of(from))
    hd_calendar_push(&ch->actor->calendar, message);
  else
    deliver_elsewhere(ch->actor, message, ch->passive);
}

void hd_send(struct hd_channel *ch, hd_time delay, void *message)
{
  hd_send_at(ch, ch->from->exec->now + delay, message);
}

void hd_schedule(struct hd_component *c, hd_time delay, void *message)
{
  HD_REQUIRE(c, delay >= 0, "timer set %lld ps in the past", (long long)-delay);
  stamp(c, c, c->exec->now + delay, message);
  hd_calendar_push(&hd_actor_of(c)->calendar, message);
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
