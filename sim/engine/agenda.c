/*
 * agenda.c - who may act up to when, and who wakes whom.
 *
 * Every actor has a time `next`, of its next message or of a task's timeout: it
 * sends nothing earlier. A message sent to it may make it earlier while it
 * sleeps; while it runs, it stays what it was. So what the actors other than
 * the keeper do next arrives nowhere before
 *
 *   arrival = min over them of max(next, local time) + reach
 *
 * and the keeper's own sends leave at min(keeper's next, arrival) or later.
 * Whatever comes to an actor, directly or over others, was sent to it by the
 * keeper or by another: that gives its horizon.
 *
 * The keeper is the busiest hardware actor. It executes its messages up to
 * `arrival`, then resumes the actor that this depends on, and goes on when that
 * one has gone to sleep again and `arrival` is later. That actor can always
 * act: its `next` is earlier than `arrival`. So nobody needs a timer of
 * SimGrid's but the keeper, which now and then sleeps to make SimGrid's clock
 * follow; the clock never passes what anybody does next. A task that is in a
 * flow (flow.c) is waited for by SimGrid's clock alone.
 *
 * What lies after the end of the run will not be done: an actor whose `next`
 * does is not in the agenda.
 */
#include <stdlib.h>

#include "sim/engine/internal.h"

/* ---- the heap -------------------------------------------------------- */

void hd_agenda_initialize(struct hd_engine *e)
{
  struct hd_agenda *g = &e->agenda;
  g->entries = calloc(e->n_actors + 1, sizeof *g->entries);
  g->arrival = HD_TIME_NEVER;
  HD_REQUIRE(NULL, g->entries != NULL, "out of memory for the agenda");
  for (size_t i = 0; i < e->n_actors; i++)
    hd_agenda_set(e->actors[i], 0);
}

static inline void put(struct hd_agenda *g, size_t place,
                       struct hd_agenda_entry entry)
{
  g->entries[place] = entry;
  entry.actor->place = place;
}

static void rise(struct hd_agenda *g, size_t place,
                 struct hd_agenda_entry entry)
{
  while (place > 1 && entry.arrival < g->entries[place / 2].arrival) {
    put(g, place, g->entries[place / 2]);
    place /= 2;
  }
  put(g, place, entry);
}

static void sink(struct hd_agenda *g, size_t place,
                 struct hd_agenda_entry entry)
{
  for (size_t child; (child = 2 * place) <= g->count; place = child) {
    if (child < g->count &&
        g->entries[child + 1].arrival < g->entries[child].arrival)
      child++;
    if (entry.arrival <= g->entries[child].arrival)
      break;
    put(g, place, g->entries[child]);
  }
  put(g, place, entry);
}

static void move(struct hd_agenda *g, size_t place,
                 struct hd_agenda_entry entry)
{
  if (place > 1 && entry.arrival < g->entries[place / 2].arrival)
    rise(g, place, entry);
  else
    sink(g, place, entry);
}

static void leave(struct hd_agenda *g, struct hd_actor *a)
{
  size_t place = a->place;
  if (place == 0)
    return;
  a->place = 0;
  struct hd_agenda_entry last = g->entries[g->count--];
  if (last.actor != a)
    move(g, place, last);
  g->arrival = g->count ? g->entries[1].arrival : HD_TIME_NEVER;
}

void hd_agenda_set(struct hd_actor *a, hd_time next)
{
  struct hd_engine *e = a->engine;
  struct hd_agenda *g = &e->agenda;
  a->next = next;
  if (a == e->keeper)
    return;
  if (next > e->end) {
    leave(g, a);
    return;
  }
  hd_time acts = hd_time_min(hd_time_max(next, a->exec.now), e->end);
  struct hd_agenda_entry entry = {acts + a->reach, a};
  if (a->place)
    move(g, a->place, entry);
  else
    rise(g, ++g->count, entry);
  g->arrival = g->entries[1].arrival;
}

/* ---- horizons -------------------------------------------------------- */

/* Others act at `arrival` - e->reach or later. Once they have been sent
 * something, which takes them until `known` at least, they may pass it on. */
hd_time hd_actor_horizon(const struct hd_actor *a)
{
  const struct hd_engine *e = a->engine;
  hd_time arrival = hd_time_min(e->agenda.arrival, e->end + 1);
  hd_time known = hd_time_min(e->keeper->next, arrival);
  hd_time others = hd_time_max(arrival, arrival - e->reach + a->far);
  others = hd_time_min(others, known + a->far);
  return hd_time_min(others, known + a->near);
}

/* ---- sleeping and waking --------------------------------------------- */

void hd_actor_sleep(struct hd_actor *a, hd_time next)
{
  hd_agenda_set(a, next);
  a->stack = __builtin_frame_address(0);
  a->asleep = true;
  sg_actor_suspend(a->self);
}

static void wake(struct hd_actor *a)
{
  a->asleep = false;
  a->engine->wakeups++;
  sg_actor_resume(a->self);
}

void hd_agenda_set_end(struct hd_engine *e, hd_time end)
{
  e->end = end;
  for (size_t i = 0; i < e->n_actors; i++)
    hd_agenda_set(e->actors[i], e->actors[i]->next);
  if (e->keeper->asleep)
    wake(e->keeper);
}

/* Lets SimGrid's clock come to `when`; returns `when`. Measured from SimGrid's
 * own clock, so that rounding errors do not add up. */
static hd_time follow(struct hd_engine *e, hd_time when)
{
  e->wakeups++;
  sg_actor_sleep_for((double)when * 1e-12 - simgrid_get_clock());
  return when;
}

static hd_time acts_at(struct hd_agenda_entry entry)
{
  return entry.arrival - entry.actor->reach;
}

/* Of those in the agenda the one that acts first, for SimGrid's clock must not
 * pass it. */
static struct hd_agenda_entry earliest(const struct hd_agenda *g)
{
  struct hd_agenda_entry best = g->entries[1];
  for (size_t i = 2; i <= g->count; i++)
    if (acts_at(g->entries[i]) < acts_at(best))
      best = g->entries[i];
  return best;
}

/* The actor that all wait for acts. It may be running yet: while the actors
 * start, or should SimGrid run others before it. Returns SimGrid's time. */
static hd_time let_first_act(struct hd_engine *e, hd_time clock)
{
  struct hd_agenda_entry first = e->agenda.entries[1];
  if (first.actor->deaf)
    first = earliest(&e->agenda);
  if (first.actor->deaf)
    return follow(e, hd_time_max(acts_at(first), clock + 1));
  if (first.actor->asleep)
    wake(first.actor);
  else
    sg_actor_yield();
  return clock;
}

/* Until something may come, SimGrid's clock is to follow, or the end. */
static void execute(struct hd_actor *a, hd_time limit)
{
  const struct hd_engine *e = a->engine;
  for (;;) {
    hd_time head = hd_calendar_head(&a->calendar);
    if (head >= e->agenda.arrival || head >= limit || head > e->end)
      return;
    hd_actor_execute(a);
  }
}

void hd_keeper_run(struct hd_actor *a)
{
  struct hd_engine *e = a->engine;
  hd_time clock = 0;
  for (;;) {
    execute(a, clock + 2 * e->lag + 1);
    a->next = hd_calendar_head(&a->calendar);
    hd_time arrival = e->agenda.arrival;
    hd_time done = hd_time_min(a->next, arrival - e->reach);
    if (done > e->end) { /* until hd_agenda_set_end() */
      a->asleep = true;
      sg_actor_suspend(a->self);
    } else if (done > clock + e->lag) {
      clock = follow(e, done);
    } else if (a->next >= arrival || a->next > e->end) {
      clock = let_first_act(e, clock);
    }
  }
}
