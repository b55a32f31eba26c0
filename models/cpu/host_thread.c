/*
 * host_thread.c - a vCPU's host thread: getting a core and giving it up.
 *
 * The core is the thread's from the scheduler's decision (sched_msg.since)
 * until its BLOCK or YIELD has reached the scheduler. Both ways are host time,
 * so that the core time given by the scheduler equals that used by vCPUs.
 */
#include "models/cpu/vcpu_internal.h"

/* -- what others are told ------------------------------------------------ */

static void tell_scheduler(struct vcpu *v, uint32_t kind, hd_time poll)
{
  struct sched_msg *m = hd_msg_new(&v->task.base, kind);
  m->msg.tag = v->run;
  m->vcpu = v->index;
  m->poll = poll;
  hd_send(v->to_scheduler, v->to_scheduler->latency, m);
}

/* State of the posted descriptor: running, then preempted or blocked, then
 * running again; never the same twice. */
static void set_pid(struct vcpu *v, enum pid_state state)
{
  if (!v->to_interrupts)
    return;
  struct interrupt_msg *m = hd_msg_new(&v->task.base, MSG_PID_STATE);
  m->vcpu = v->index;
  m->state = state;
  for (int i = 0; i < 4; i++)
    m->vectors[i] = 0;
  hd_send(v->to_interrupts, v->to_interrupts->latency, m);
}

/* A vCPU that has never run is started by others only. */
void vcpu_wake_self(struct vcpu *v)
{
  if (!v->blocked || v->wake_asked || v->run == 0)
    return;
  v->wake_asked = true;
  tell_scheduler(v, MSG_SCHED_WAKE, 0);
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
    struct hd_msg *m = vcpu_wait(v, until, NULL);
    if (m) {
      vcpu_take(v, m);
    } else {
      vcpu_wake_self(v);
      until = HD_TIME_NEVER;
    }
  }
  v->blocked = false;
  v->kicked = false;             /* not in guest mode: nothing to exit from */
  vcpu_charge(v, &v->host_time); /* the way here; from sched_msg.since */
  set_pid(v, PID_RUNNING);
  if (v->cold)
    vcpu_spend(v, v->params->switch_cost, &v->host_time);
}

void vcpu_start(struct vcpu *v)
{
  v->blocked = true;
  await_core(v, HD_TIME_NEVER);
  vcpu_exit_end(v);
}

void vcpu_yield(struct vcpu *v)
{
  set_pid(v, PID_PREEMPTED);
  leave_core(v, MSG_SCHED_YIELD, 0);
  await_core(v, HD_TIME_NEVER);
}

void vcpu_block(struct vcpu *v, hd_time poll, hd_time until)
{
  v->blocked = true;
  v->wake_asked = false;
  set_pid(v, PID_BLOCKED);
  leave_core(v, MSG_SCHED_BLOCK, poll);
  await_core(v, until);
}
