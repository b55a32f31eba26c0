/*
 * vcpu_internal.h - what the parts of a vCPU share.
 *
 * A message is handled in two steps. vcpu_take() records it and takes no time;
 * it may be called anywhere. vcpu_serve() acts on what is recorded (kick,
 * pre-emption, injection, interrupt) and takes time; it is called where guest
 * code can be interrupted. All waiting goes through vcpu_wait() and all work
 * through vcpu_spend(), so that every picosecond on a core is guest or host
 * time, exactly once.
 */
#ifndef HD_MODELS_CPU_VCPU_INTERNAL_H
#define HD_MODELS_CPU_VCPU_INTERNAL_H

#include "models/cpu/vcpu.h"

struct vcpu_control_msg;

/* -- vcpu.c --------------------------------------------------------------- */

void vcpu_attach_side(struct vcpu *v, struct vcpu_side *side,
                      struct scheduler *s, struct interrupt_unit *irq,
                      uint64_t pid_hpa);

/* -- exits.c: time ------------------------------------------------------- */

/* Adds the time since the last call to *account. */
void vcpu_charge(struct vcpu *v, hd_time *account);
/* Spends cycles without looking at messages. */
void vcpu_spend(struct vcpu *v, int64_t cycles, hd_time *account);
/* hd_task_wait() that charges `account`, or nothing if NULL (no core). */
struct hd_msg *vcpu_wait(struct vcpu *v, hd_time until, hd_time *account);
/* The same, with hd_task_wait_eager(): for guest code that polls memory. */
struct hd_msg *vcpu_wait_eager(struct vcpu *v, hd_time until, hd_time *account);

/* Sets the clock: the core's, or a thread's whose sibling works. */
void vcpu_set_speed(struct vcpu *v, bool shared);

/* A VM exit in halves: into the host with the reason's handling, and back. */
void vcpu_exit_begin(struct vcpu *v, enum exit_reason reason);
void vcpu_exit_end(struct vcpu *v);

/* -- interrupts.c -------------------------------------------------------- */

static inline bool vcpu_any_pending(const struct vcpu *v)
{
  return (v->pending[0] | v->pending[1] | v->pending[2] | v->pending[3]) != 0;
}

/* Whether the scheduler wants the core of the current run back. */
static inline bool vcpu_preempt_asked(const struct vcpu *v)
{
  return v->on_core && v->preempt_run == v->side[v->current].run;
}

void vcpu_take(struct vcpu *v, struct hd_msg *m);
void vcpu_serve(struct vcpu *v);

/* -- host_thread.c: with and without a core ------------------------------ */

/* A blocked vCPU asks the scheduler for a core, once. */
void vcpu_wake_self(struct vcpu *v);
/* Messages of vcpu_control.h; they own them. */
void vcpu_take_pause(struct vcpu *v, struct vcpu_control_msg *m);
void vcpu_take_resume(struct vcpu *v, struct vcpu_control_msg *m);
/* Gives a core straight back that a side's scheduler gave at `since`: the vCPU
 * is paused, or on another side. What it was woken for may concern it all the
 * same. */
void vcpu_refuse_core(struct vcpu *v, unsigned side, hd_time since);
/* Gives the core up, as asked, until it has been resumed and has one again. */
void vcpu_stop(struct vcpu *v);
/* Waits for the first core. */
void vcpu_start(struct vcpu *v);
/* Gives the core up, runnable, until it is given one again. */
void vcpu_yield(struct vcpu *v);
/* Not runnable: gives the core up, after polling for so long; wakes itself at
 * `until`. */
void vcpu_block(struct vcpu *v, hd_time poll, hd_time until);

#endif
