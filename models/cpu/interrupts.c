/*
 * interrupts.c - a vCPU's messages, and when guest code is interrupted.
 */
#include "models/cpu/vcpu_control.h"
#include "models/cpu/vcpu_internal.h"

/* -- taking messages (no time) ------------------------------------------- */

static bool sent_by(const struct hd_msg *m, const struct hd_channel *back)
{
  return back && m->order >> 40 == back->to->id;
}

/* The side whose scheduler sent it; VCPU_SIDES: it comes from elsewhere. */
static unsigned side_of(const struct vcpu *v, const struct hd_msg *m)
{
  unsigned i = 0;
  while (i < v->n_sides && !sent_by(m, v->side[i].to_scheduler))
    i++;
  return i < v->n_sides ? i : VCPU_SIDES;
}

static bool is_addressee(const struct vcpu *v, const struct interrupt_msg *m)
{
  unsigned side = side_of(v, &m->msg);
  if (side < VCPU_SIDES)
    return m->vcpu == v->side[side].index;
  for (unsigned i = 0; i < v->n_sides; i++)
    if (m->vcpu == v->side[i].interrupt_index)
      return true;
  return false;
}

static void add_pending(struct vcpu *v, const struct interrupt_msg *m)
{
  HD_REQUIRE(&v->task.base, is_addressee(v, m),
             "interrupt for vCPU %u came to vCPU %u", m->vcpu, v->index);
  for (int i = 0; i < 4; i++)
    v->pending[i] |= m->vectors[i];
}

static void take_notify(struct vcpu *v, const struct interrupt_msg *m)
{
  add_pending(v, m);
  vcpu_wake_self(v);
}

/* An IPI that finds the vCPU in host mode causes no exit. One that finds it
 * blocked was sent before the scheduler knew. */
static void take_inject(struct vcpu *v, const struct interrupt_msg *m)
{
  add_pending(v, m);
  v->injections++;
  if (v->on_core)
    v->kicked |= !v->halted && m->msg.when >= v->entered;
  else if (m->state == PID_RUNNING)
    vcpu_wake_self(v);
}

static void take_run(struct vcpu *v, const struct sched_msg *m)
{
  unsigned side = side_of(v, &m->msg);
  HD_REQUIRE(&v->task.base, side < VCPU_SIDES && m->vcpu == v->side[side].index,
             "vCPU %u got the core of vCPU %u", v->index, m->vcpu);
  v->side[side].run = m->msg.tag;
  v->begun = true;
  for (int i = 0; i < 4; i++)
    v->pending[i] |= m->vectors[i];
  if (v->paused || side != v->current) {
    vcpu_refuse_core(v, side, m->since);
    return;
  }
  HD_REQUIRE(&v->task.base, !v->on_core, "vCPU %u got two cores", v->index);
  v->on_core = true;
  vcpu_set_speed(v, v->shared_run == m->msg.tag ? v->shared : m->shared);
  v->cold = m->cold;
  v->accounted = m->since;
}

static void take_share(struct vcpu *v, const struct sched_msg *m)
{
  if (side_of(v, &m->msg) != v->current)
    return;
  v->shared = m->shared;
  v->shared_run = m->msg.tag;
  if (v->on_core && m->msg.tag == v->side[v->current].run)
    vcpu_set_speed(v, m->shared);
}

static void take_preempt(struct vcpu *v, const struct hd_msg *m)
{
  if (side_of(v, m) == v->current)
    v->preempt_run = m->tag;
}

static void take_other(struct vcpu *v, struct hd_msg *m)
{
  HD_REQUIRE(&v->task.base, v->ops->message != NULL,
             "no handler for a message of kind %u", m->kind);
  if (!v->ops->message(v, m))
    return;
  v->woken = true;
  vcpu_wake_self(v);
}

void vcpu_take(struct vcpu *v, struct hd_msg *m)
{
  switch (m->kind) {
  case MSG_IRQ_NOTIFY:
    take_notify(v, (struct interrupt_msg *)m);
    break;
  case MSG_IRQ_INJECT:
    take_inject(v, (struct interrupt_msg *)m);
    break;
  case MSG_SCHED_RUN:
    take_run(v, (struct sched_msg *)m);
    break;
  case MSG_SCHED_PREEMPT:
    take_preempt(v, m);
    break;
  case MSG_SCHED_SHARE:
    take_share(v, (struct sched_msg *)m);
    break;
  case MSG_VCPU_PAUSE:
    vcpu_take_pause(v, (struct vcpu_control_msg *)m);
    return;
  case MSG_VCPU_RESUME:
    vcpu_take_resume(v, (struct vcpu_control_msg *)m);
    return;
  default:
    take_other(v, m);
    return; /* which owns it */
  }
  hd_msg_free(&v->task.base, m);
}

/* -- acting on them ------------------------------------------------------ */

/* The highest pending vector has priority (SDM 3, 11.8.3.1). */
static unsigned pop_vector(struct vcpu *v)
{
  unsigned word = 3;
  while (v->pending[word] == 0)
    word--;
  unsigned bit = 63u - (unsigned)__builtin_clzll(v->pending[word]);
  v->pending[word] &= ~((uint64_t)1 << bit);
  return word * 64 + bit;
}

/* The handler may run, exit and be pre-empted, but not be interrupted. */
static void interrupt(struct vcpu *v)
{
  unsigned vector = pop_vector(v);
  v->irq_enabled = false;
  v->run_depth++;
  v->taken++;
  if (hd_window_contains(v->window, vcpu_now(v)))
    v->interrupts++;
  vcpu_spend(v, v->params->irq_entry_cost, &v->guest_time);
  v->ops->interrupt(v, vector);
  v->run_depth--;
  v->irq_enabled = true;
}

static void inject(struct vcpu *v)
{
  int64_t cycles = v->injections * v->params->inject_cost;
  v->injections = 0;
  vcpu_run_host(v, cycles);
}

static void stopped(struct vcpu *v)
{
  vcpu_exit_begin(v, EXIT_EXTERNAL_INTERRUPT);
  vcpu_stop(v);
  vcpu_exit_end(v);
}

static void preempted(struct vcpu *v)
{
  vcpu_exit_begin(v, EXIT_PREEMPT);
  vcpu_yield(v);
  vcpu_exit_end(v);
}

void vcpu_serve(struct vcpu *v)
{
  for (;;) {
    if (v->pause) {
      stopped(v);
    } else if (vcpu_preempt_asked(v)) {
      preempted(v);
    } else if (v->kicked) {
      v->kicked = false;
      vcpu_exit(v, EXIT_EXTERNAL_INTERRUPT);
    } else if (v->injections > 0) {
      inject(v);
    } else if (v->irq_enabled && vcpu_any_pending(v)) {
      interrupt(v);
    } else {
      return;
    }
  }
}

void vcpu_irq_enable(struct vcpu *v)
{
  HD_REQUIRE(&v->task.base, v->run_depth == 0,
             "interrupts enabled inside an interrupt handler");
  v->irq_enabled = true;
  vcpu_serve(v);
}

void vcpu_irq_disable(struct vcpu *v)
{
  v->irq_enabled = false;
}
