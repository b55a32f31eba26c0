/*
 * sched_core.c - who runs where: placement, fair order, slices, stealing.
 *
 * Virtual run times are comparable within a core only: a vCPU that changes
 * cores keeps its distance to the minimum of the core's vCPUs, as in Linux.
 */
#include "models/cpu/sched_internal.h"

#include <string.h>

/* First member of `set` at or after `from`, cyclically; NO_CORE if empty. */
static uint32_t core_set_find(const uint64_t *set, uint32_t n, uint32_t from)
{
  uint32_t words = (n + 63) / 64, w = from / 64;
  uint64_t bits = set[w] & (~(uint64_t)0 << (from % 64));
  for (uint32_t i = 0; i <= words; i++) {
    if (bits)
      return w * 64 + (uint32_t)__builtin_ctzll(bits);
    w = w + 1 == words ? 0 : w + 1;
    bits = set[w];
  }
  return NO_CORE;
}

/* -- virtual run time ---------------------------------------------------- */

/* Brings the running vCPU's times and the core's minimum up to date. */
static void update(struct scheduler *s, struct core *c)
{
  hd_time now = hd_now(&s->base);
  if (c->running != NO_VCPU) {
    struct entity *e = &s->entities[c->running];
    e->vruntime += now - c->accounted;
    e->ran += now - c->accounted;
    c->accounted = now;
    hd_time least = e->vruntime;
    if (c->queue.count > 0)
      least = hd_time_min(least, run_queue_head(&c->queue)->vruntime);
    c->min_vruntime = hd_time_max(c->min_vruntime, least);
  } else if (c->queue.count > 0) {
    c->min_vruntime =
        hd_time_max(c->min_vruntime, run_queue_head(&c->queue)->vruntime);
  }
}

static void migrate(struct scheduler *s, struct entity *e, uint32_t to)
{
  if (e->core == to)
    return;
  update(s, &s->cores[e->core]);
  update(s, &s->cores[to]);
  e->vruntime += s->cores[to].min_vruntime - s->cores[e->core].min_vruntime;
  if (e->run > 0)
    hd_counter_add(&s->migrations, s->window, hd_now(&s->base), 1);
  e->core = to;
}

/* -- giving a core ------------------------------------------------------- */

static void send_to_vcpu(struct scheduler *s, uint32_t vcpu, uint32_t kind,
                         hd_time delay, bool cold)
{
  struct entity *e = &s->entities[vcpu];
  struct sched_msg *m = hd_msg_new(&s->base, kind);
  m->msg.tag = e->run;
  m->vcpu = vcpu;
  m->data = e->core;
  m->cold = cold;
  m->shared = sched_is_shared(s, e->core);
  m->since = hd_now(&s->base);
  memcpy(m->vectors, e->vectors, sizeof m->vectors);
  memset(e->vectors, 0, sizeof e->vectors);
  hd_send(e->to, delay, m);
}

static void account_wait(struct scheduler *s, const struct entity *e)
{
  hd_time now = hd_now(&s->base);
  if (e->state != ENTITY_WAITING)
    return;
  s->wait_sum += hd_window_overlap(s->window, e->wait_since, now);
  if (hd_window_contains(s->window, now))
    s->wait_max = hd_time_max(s->wait_max, now - e->wait_since);
}

/* When the running vCPU's slice ends and it is no longer first in order. */
static hd_time slice_end(const struct scheduler *s, const struct core *c)
{
  hd_time behind =
      run_queue_head(&c->queue)->vruntime - s->entities[c->running].vruntime;
  return hd_time_max(c->since + s->params.timeslice,
                     hd_now(&s->base) + hd_time_max(behind, 0));
}

/* A running timer is left alone unless it would fire too late: when it fires,
 * it looks again. So there is rarely more than one a core. */
static void arm_timer(struct scheduler *s, struct core *c)
{
  hd_time end = slice_end(s, c);
  if (c->timer <= end)
    return;
  struct sched_msg *m = hd_msg_new(&s->base, MSG_TIMER);
  c->timer_tag = (c->timer_tag + 1) % TAG_POLL_END;
  c->timer = end;
  m->msg.tag = c->timer_tag;
  m->data = (uint32_t)(c - s->cores);
  hd_schedule(&s->base, end - hd_now(&s->base), m);
}

static void occupy(struct scheduler *s, uint32_t core)
{
  struct core *c = &s->cores[core];
  hd_time now = hd_now(&s->base);
  c->idle += now - c->since;
  c->since = now;
  core_set_remove(s->idle_set, core);
  s->busy_cores++;
  hd_gauge_set(&s->cores_busy, s->window, now, s->busy_cores);
}

static void vacate(struct scheduler *s, uint32_t core)
{
  if (!s->cores[core].reserved)
    core_set_add(s->idle_set, core);
  s->busy_cores--;
  hd_gauge_set(&s->cores_busy, s->window, hd_now(&s->base), s->busy_cores);
  sched_smt_update(s, core);
}

/* `core` has nobody running and is occupied; the vCPU is in no queue. */
static void give(struct scheduler *s, uint32_t core, uint32_t vcpu,
                 hd_time delay)
{
  struct core *c = &s->cores[core];
  struct entity *e = &s->entities[vcpu];
  account_wait(s, e);
  migrate(s, e, core);
  bool cold = c->last != vcpu;
  hd_counter_add(&s->switches, s->window, hd_now(&s->base), cold);
  e->state = ENTITY_RUNNING;
  e->wake_pending = false; /* met by this run */
  e->run++;
  c->running = c->last = vcpu;
  c->accounted = hd_now(&s->base);
  update(s, c);
  send_to_vcpu(s, vcpu, MSG_SCHED_RUN, delay, cold);
  sched_smt_update(s, core);
  if (c->queue.count > 0)
    arm_timer(s, c);
}

/* -- waiting for a core -------------------------------------------------- */

static void enqueue(struct scheduler *s, uint32_t vcpu)
{
  struct entity *e = &s->entities[vcpu];
  e->state = ENTITY_WAITING;
  e->wait_since = hd_now(&s->base);
  run_queue_push(&s->cores[e->core].queue,
                 (struct run_queue_entry){e->vruntime, vcpu});
  s->waiting++;
}

static uint32_t dequeue(struct scheduler *s, uint32_t core)
{
  s->waiting--;
  return run_queue_pop(&s->cores[core].queue).vcpu;
}

/* The core with most vCPUs waiting, the lowest of several; somebody waits. */
static uint32_t longest_queue(const struct scheduler *s)
{
  uint32_t longest = 0;
  for (uint32_t i = 1; i < s->n_cores; i++)
    if (s->cores[i].queue.count > s->cores[longest].queue.count)
      longest = i;
  return longest;
}

/* `core` has become free: its own queue first, then work from elsewhere. */
static void choose_next(struct scheduler *s, uint32_t core)
{
  if (s->cores[core].queue.count > 0)
    give(s, core, dequeue(s, core), s->params.queue_latency);
  else if (s->waiting > 0 && !s->cores[core].reserved)
    give(s, core, dequeue(s, longest_queue(s)), s->params.queue_latency);
  else
    vacate(s, core);
}

void sched_leave(struct scheduler *s, uint32_t core, bool runnable)
{
  struct core *c = &s->cores[core];
  uint32_t vcpu = c->running;
  update(s, c);
  c->preempting = false;
  c->busy += c->accounted - c->since;
  c->since = c->accounted;
  c->running = NO_VCPU;
  if (runnable)
    enqueue(s, vcpu);
  else
    s->entities[vcpu].state = ENTITY_BLOCKED;
  choose_next(s, core);
}

void sched_preempt(struct scheduler *s, uint32_t core)
{
  struct core *c = &s->cores[core];
  if (c->preempting)
    return;
  c->preempting = true;
  hd_counter_add(&s->preemptions, s->window, hd_now(&s->base), 1);
  send_to_vcpu(s, c->running, MSG_SCHED_PREEMPT, s->params.ipi_latency, false);
}

/* Somebody has been added to the queue of `core`, which is not idle. */
static void consider_preempting(struct scheduler *s, uint32_t core)
{
  struct core *c = &s->cores[core];
  if (c->preempting)
    return;
  update(s, c);
  hd_time ahead =
      s->entities[c->running].vruntime - run_queue_head(&c->queue)->vruntime;
  if (ahead > s->params.wakeup_granularity)
    sched_preempt(s, core);
  else
    arm_timer(s, c);
}

void sched_slice_over(struct scheduler *s, uint32_t core, uint32_t tag)
{
  struct core *c = &s->cores[core];
  if (tag != c->timer_tag)
    return;
  c->timer = HD_TIME_NEVER;
  if (c->running == NO_VCPU || c->preempting || c->queue.count == 0)
    return;
  update(s, c);
  if (slice_end(s, c) <= hd_now(&s->base))
    sched_preempt(s, core);
  else
    arm_timer(s, c);
}

/* The reserved core. Or the previous core if idle, else any idle one, else one
 * that halt-polls, else the previous one. Cores whose sibling idles, too, come
 * before others, which is what Linux' balancing comes to. */
static uint32_t choose_core(const struct scheduler *s, uint32_t previous)
{
  if (s->cores[previous].reserved)
    return previous;
  uint32_t core = NO_CORE;
  if (s->siblings > 0)
    core = core_set_find(s->whole_set, s->n_cores, previous);
  if (core == NO_CORE)
    core = core_set_find(s->idle_set, s->n_cores, previous);
  if (core == NO_CORE)
    core = core_set_find(s->polling_set, s->n_cores, previous);
  return core == NO_CORE ? previous : core;
}

/* -- halt polling -------------------------------------------------------- */

/* Most polls are hit. So a running timer is left alone unless it would fire too
 * late: when it fires, it looks again. */
static void arm_poll_timer(struct scheduler *s, uint32_t core)
{
  struct core *c = &s->cores[core];
  hd_time end = s->entities[c->running].poll_end;
  if (c->poll_timer <= end)
    return;
  c->poll_timer = end;
  struct sched_msg *m = hd_msg_new(&s->base, MSG_TIMER);
  m->msg.tag = TAG_POLL_END;
  m->data = core;
  hd_schedule(&s->base, end - hd_now(&s->base), m);
}

void sched_poll_begin(struct scheduler *s, uint32_t core, hd_time poll)
{
  struct entity *e = &s->entities[s->cores[core].running];
  e->polling = true;
  e->poll_since = hd_now(&s->base);
  if (!e->pinned)
    core_set_add(s->polling_set, core);
  e->poll_end = e->poll_since + poll;
  sched_smt_update(s, core);
  arm_poll_timer(s, core);
}

static void end_poll(struct scheduler *s, uint32_t core)
{
  struct entity *e = &s->entities[s->cores[core].running];
  e->polling = false;
  e->polled += hd_window_overlap(s->window, e->poll_since, hd_now(&s->base));
  core_set_remove(s->polling_set, core);
}

void sched_poll_over(struct scheduler *s, uint32_t core)
{
  end_poll(s, core);
  sched_leave(s, core, false);
}

void sched_poll_due(struct scheduler *s, uint32_t core)
{
  struct core *c = &s->cores[core];
  if (c->poll_timer > hd_now(&s->base)) /* superseded by an earlier one */
    return;
  c->poll_timer = HD_TIME_NEVER;
  if (c->running == NO_VCPU || !s->entities[c->running].polling)
    return;
  if (s->entities[c->running].poll_end <= hd_now(&s->base))
    sched_poll_over(s, core);
  else
    arm_poll_timer(s, core);
}

void sched_poll_hit(struct scheduler *s, uint32_t core)
{
  uint32_t vcpu = s->cores[core].running;
  end_poll(s, core);
  s->entities[vcpu].wake_pending = false;
  s->entities[vcpu].run++;
  hd_counter_add(&s->wakes, s->window, hd_now(&s->base), 1);
  send_to_vcpu(s, vcpu, MSG_SCHED_RUN, s->params.queue_latency, false);
  sched_smt_update(s, core);
}

void sched_make_runnable(struct scheduler *s, uint32_t vcpu, hd_time extra)
{
  struct entity *e = &s->entities[vcpu];
  uint32_t core = choose_core(s, e->core);
  struct core *c = &s->cores[core];
  migrate(s, e, core);
  update(s, c);
  e->vruntime =
      hd_time_max(e->vruntime, c->min_vruntime - s->params.sleeper_credit);
  hd_counter_add(&s->wakes, s->window, hd_now(&s->base), 1);
  if (c->running == NO_VCPU) {
    occupy(s, core);
    give(s, core, vcpu, s->params.wake_latency + extra);
  } else {
    enqueue(s, vcpu);
    if (core_set_has(s->polling_set, core))
      sched_poll_over(s, core);
    else
      consider_preempting(s, core);
  }
}
