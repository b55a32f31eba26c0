/*
 * exits.c - a vCPU's time: guest and host cycles, VM exits, waiting.
 */
#include "models/cpu/vcpu_internal.h"

/* -- accounting ---------------------------------------------------------- */

void vcpu_charge(struct vcpu *v, hd_time *account)
{
  hd_time now = vcpu_now(v);
  *account += hd_window_overlap(v->window, v->accounted, now);
  v->accounted = now;
}

void vcpu_spend(struct vcpu *v, int64_t cycles, hd_time *account)
{
  hd_task_advance(&v->task, hd_clock_take(&v->clock, cycles));
  vcpu_charge(v, account);
}

void vcpu_set_speed(struct vcpu *v, bool shared)
{
  int64_t hz = v->params->frequency;
  if (shared)
    hz = (int64_t)((double)hz * v->params->smt_speed + 0.5);
  if (hz != v->clock.hz)
    v->clock = hd_clock_at(hz);
}

static struct hd_msg *waited(struct vcpu *v, struct hd_msg *m, hd_time *account)
{
  v->open = NULL;
  if (account)
    vcpu_charge(v, account);
  return m;
}

struct hd_msg *vcpu_wait(struct vcpu *v, hd_time until, hd_time *account)
{
  v->open = account; /* in case that the run ends meanwhile */
  return waited(v, hd_task_wait(&v->task, until), account);
}

struct hd_msg *vcpu_wait_eager(struct vcpu *v, hd_time until, hd_time *account)
{
  v->open = account;
  return waited(v, hd_task_wait_eager(&v->task, until), account);
}

/* -- exits --------------------------------------------------------------- */

static int64_t handling(const struct cpu_params *p, enum exit_reason reason)
{
  switch (reason) {
  case EXIT_HLT:
    return p->exit_hlt;
  case EXIT_EXTERNAL_INTERRUPT:
    return p->exit_interrupt;
  case EXIT_EPT_VIOLATION:
    return p->exit_ept;
  case EXIT_TRAP:
    return p->exit_trap;
  case EXIT_IPI:
    return p->exit_ipi;
  case EXIT_PREEMPT:
    return p->exit_interrupt; /* the reschedule IPI */
  case EXIT_KICK:
    return p->exit_kick;
  case EXIT_REASONS:
    break;
  }
  return 0;
}

void vcpu_exit_begin(struct vcpu *v, enum exit_reason reason)
{
  if (hd_window_contains(v->window, vcpu_now(v)))
    v->exits[reason]++;
  vcpu_spend(v, v->params->exit_cost / 2 + handling(v->params, reason),
             &v->host_time);
}

void vcpu_exit_end(struct vcpu *v)
{
  vcpu_spend(v, v->params->exit_cost - v->params->exit_cost / 2, &v->host_time);
  v->entered = vcpu_now(v);
}

void vcpu_exit(struct vcpu *v, enum exit_reason reason)
{
  vcpu_exit_begin(v, reason);
  vcpu_exit_end(v);
}

void vcpu_run_host(struct vcpu *v, int64_t cycles)
{
  vcpu_spend(v, cycles, &v->host_time);
  v->entered = vcpu_now(v);
}
