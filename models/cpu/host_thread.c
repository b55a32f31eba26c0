/*
 * host_thread.c - a vCPU's host thread: getting a core and giving it up; being
 * paused.
 *
 * The core is the thread's from the scheduler's decision (sched_msg.since)
 * until its BLOCK or YIELD has reached the scheduler. Both ways are host time,
 * so that the core time given by the scheduler equals that used by vCPUs.
 */
#include "models/cpu/vcpu_control.h"
#include "models/cpu/vcpu_internal.h"

/* -- what others are told ------------------------------------------------ */

static void tell_scheduler(struct vcpu *v, uint32_t kind, hd_time poll)
{
  struct sched_msg *m = hd_msg_new(&v->task.base, kind);
  m->msg.tag = v->side[v->current].run;
  m->vcpu = v->index;
  m->poll = poll;
  hd_send(v->to_scheduler, v->to_scheduler->latency, m);
}

/* State of a side's posted descriptor; never the same twice. */
static void set_pid(struct vcpu *v, struct vcpu_side *side,
                    struct hd_channel *to, enum pid_state state)
{
  if (!to || side->pid_state == (int)state)
    return;
  side->pid_state = (int)state;
  struct interrupt_msg *m = hd_msg_new(&v->task.base, MSG_PID_STATE);
  m->vcpu = side->interrupt_index;
  m->state = state;
  for (int i = 0; i < 4; i++)
    m->vectors[i] = 0;
  hd_send(to, to->latency, m);
}

static void set_state(struct vcpu *v, enum pid_state state)
{
  set_pid(v, &v->side[v->current], v->to_interrupts, state);
}

/* A vCPU that has never run is started by others only. */
void vcpu_wake_self(struct vcpu *v)
{
  if (!v->blocked || v->wake_asked || !v->begun || v->paused)
    return;
  v->wake_asked = true;
  tell_scheduler(v, MSG_SCHED_WAKE, 0);
}

/* -- pausing --------------------------------------------------------------- */

/* It has no core, or has just given it up. */
static void become_paused(struct vcpu *v)
{
  struct vcpu_control_msg *m = v->pause;
  v->pause = NULL;
  v->paused = true;
  set_state(v, PID_PREEMPTED);
  if (v->polling)
    tell_scheduler(v, MSG_SCHED_UNPOLL, 0);
  m->msg.kind = MSG_VCPU_PAUSED;
  hd_send(m->reply, m->reply->latency, m);
}

static void change_side(struct vcpu *v, unsigned to)
{
  struct vcpu_side *old = &v->side[v->current], *new = &v->side[to];
  old->to_interrupts = v->to_interrupts;
  old->to_root = v->to_root;
  old->root_reply = v->root_reply;
  v->index = new->index;
  v->to_scheduler = new->to_scheduler;
  v->to_interrupts = new->to_interrupts;
  v->to_root = new->to_root;
  v->root_reply = new->root_reply;
  v->current = to;
  v->preempt_run = v->shared_run = 0; /* of the side that was left */
}

static void answer_resume(struct vcpu *v)
{
  struct vcpu_control_msg *m = v->resume;
  v->resume = NULL;
  if (!m)
    return;
  m->msg.kind = MSG_VCPU_RESUMED;
  hd_send(m->reply, m->reply->latency, m);
}

void vcpu_take_pause(struct vcpu *v, struct vcpu_control_msg *m)
{
  HD_REQUIRE(&v->task.base, !v->pause && !v->paused && m->reply,
             "a paused vCPU is paused again, or wants no answer");
  v->pause = m;
}

void vcpu_take_resume(struct vcpu *v, struct vcpu_control_msg *m)
{
  HD_REQUIRE(&v->task.base, v->paused, "resumed without having been paused");
  HD_REQUIRE(&v->task.base, m->side < v->n_sides, "there is no side %u",
             m->side);
  if (m->side != v->current)
    change_side(v, m->side);
  for (int i = 0; i < 4; i++)
    v->pending[i] |= m->vectors[i];
  v->paused = false;
  v->polling = false;
  v->blocked = true;
  v->wake_asked = false;
  vcpu_wake_self(v);
  if (m->reply)
    v->resume = m;
  else
    hd_msg_free(&v->task.base, m);
  if (!v->begun)
    answer_resume(v);
}

void vcpu_refuse_core(struct vcpu *v, unsigned side, hd_time since)
{
  struct vcpu_side *s = &v->side[side];
  hd_time gone = vcpu_now(v) + s->to_scheduler->latency;
  struct sched_msg *m = hd_msg_new_zero(&v->task.base, MSG_SCHED_BLOCK);
  m->msg.tag = s->run;
  m->vcpu = s->index;
  hd_send(s->to_scheduler, s->to_scheduler->latency, m);
  v->host_time += hd_window_overlap(v->window, since, gone);
  vcpu_wake_self(v);
}

/* -- off and on ---------------------------------------------------------- */

static void leave_core(struct vcpu *v, uint32_t kind, hd_time poll)
{
  hd_time now = vcpu_now(v), gone = now + v->to_scheduler->latency;
  tell_scheduler(v, kind, poll);
  v->host_time += hd_window_overlap(v->window, now, gone);
  v->on_core = false;
}

/* Until MSG_SCHED_RUN has been taken. At `until` a host timer wakes it. */
static void await_core(struct vcpu *v, hd_time until)
{
  while (!v->on_core) {
    if (v->pause)
      become_paused(v);
    struct hd_msg *m = vcpu_wait(v, until, NULL);
    if (m) {
      vcpu_take(v, m);
    } else {
      vcpu_wake_self(v);
      until = HD_TIME_NEVER;
    }
  }
  v->blocked = v->polling = false;
  v->kicked = false;             /* not in guest mode: nothing to exit from */
  vcpu_charge(v, &v->host_time); /* the way here; from sched_msg.since */
  set_state(v, PID_RUNNING);
  if (v->cold)
    vcpu_spend(v, v->params->switch_cost, &v->host_time);
  answer_resume(v);
}

void vcpu_start(struct vcpu *v)
{
  v->blocked = true;
  for (unsigned i = 1; i < v->n_sides; i++)
    set_pid(v, &v->side[i], v->side[i].to_interrupts, PID_PREEMPTED);
  await_core(v, HD_TIME_NEVER);
  vcpu_exit_end(v);
}

void vcpu_yield(struct vcpu *v)
{
  set_state(v, PID_PREEMPTED);
  leave_core(v, MSG_SCHED_YIELD, 0);
  await_core(v, HD_TIME_NEVER);
}

void vcpu_stop(struct vcpu *v)
{
  leave_core(v, MSG_SCHED_BLOCK, 0);
  await_core(v, HD_TIME_NEVER);
}

void vcpu_block(struct vcpu *v, hd_time poll, hd_time until)
{
  v->blocked = true;
  v->polling = poll > 0;
  v->wake_asked = false;
  set_state(v, PID_BLOCKED);
  leave_core(v, MSG_SCHED_BLOCK, poll);
  await_core(v, until);
}
