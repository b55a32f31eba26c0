/*
 * vcpu.c - a vCPU's life, and the guest code's view of running.
 */
#include "models/cpu/vcpu_internal.h"

#include <string.h>

/* -- life ---------------------------------------------------------------- */

static void declare_channel(struct vcpu *v, const struct hd_channel *ch)
{
  if (ch)
    hd_task_add_footprint(&v->task, ch, sizeof *ch);
}

static void body(struct hd_task *task)
{
  struct vcpu *v = (struct vcpu *)task;
  HD_REQUIRE(&task->base, v->to_scheduler != NULL, "vCPU without scheduler");
  declare_channel(v, v->to_root);
  declare_channel(v, v->to_scheduler);
  declare_channel(v, v->to_interrupts);
  vcpu_start(v);
  v->ops->main(v);
  for (;;)
    vcpu_idle(v, HD_TIME_NEVER);
}

void vcpu_initialize(struct vcpu *v, struct hd_engine *e, const char *path,
                     const char *host, const struct cpu_params *params,
                     const struct hd_window *window, const struct vcpu_ops *ops,
                     void *guest)
{
  *v = (struct vcpu){
      .ops = ops,
      .params = params,
      .window = window,
      .clock = hd_clock_at(params->frequency),
      .guest = guest,
      .irq_enabled = true,
  };
  hd_task_initialize(&v->task, e, body, "vcpu", path, host);
}

void vcpu_attach_side(struct vcpu *v, struct vcpu_side *side,
                      struct scheduler *s, struct interrupt_unit *irq,
                      uint64_t pid_hpa)
{
  *side = (struct vcpu_side){
      .scheduler = s, .index = scheduler_vcpus(s), .pid_state = -1};
  side->to_scheduler = scheduler_add_vcpu(s, &v->task.base);
  side->interrupt_index = side->index;
  if (!irq)
    return;
  side->interrupt_index =
      scheduler_add_interrupts(s, interrupt_unit_component(irq), side->index);
  side->to_interrupts = interrupt_unit_add_vcpu(irq, &v->task.base, pid_hpa);
}

void vcpu_attach(struct vcpu *v, struct scheduler *s,
                 struct interrupt_unit *irq, uint64_t pid_hpa)
{
  HD_REQUIRE(&v->task.base, v->n_sides == 0, "a vCPU is attached twice");
  struct vcpu_side *side = &v->side[v->n_sides++];
  vcpu_attach_side(v, side, s, irq, pid_hpa);
  v->index = side->index;
  v->to_scheduler = side->to_scheduler;
  v->to_interrupts = side->to_interrupts;
}

uint32_t vcpu_interrupt_index(const struct vcpu *v, unsigned side)
{
  return v->side[side].interrupt_index;
}

void vcpu_get_stats(const struct vcpu *v, hd_time end, struct vcpu_stats *st)
{
  *st = (struct vcpu_stats){.interrupts = v->interrupts,
                            .guest_time = v->guest_time,
                            .host_time = v->host_time};
  memcpy(st->exits, v->exits, sizeof st->exits);
  for (unsigned i = 0; i < v->n_sides; i++)
    st->polled += scheduler_polled(v->side[i].scheduler, v->side[i].index, end);
  st->host_time += st->polled;
  hd_time under_way = hd_window_overlap(v->window, v->accounted, end);
  if (v->open == &v->guest_time)
    st->guest_time += under_way;
  else if (v->open == &v->host_time)
    st->host_time += under_way;
}

/* -- guest code ---------------------------------------------------------- */

/* When what would have ended at `end` does, the clock having been `hz`. */
static hd_time at_new_speed(const struct vcpu *v, hd_time end, int64_t hz)
{
  hd_time now = vcpu_now(v);
  return now +
         (hd_time)((hd_u128)(end - now) * (uint64_t)hz / (uint64_t)v->clock.hz);
}

void vcpu_run(struct vcpu *v, int64_t cycles)
{
  hd_time end = vcpu_now(v) + hd_clock_take(&v->clock, cycles);
  int64_t hz = v->clock.hz;
  for (;;) {
    hd_time begin = vcpu_now(v);
    vcpu_serve(v);
    end += vcpu_now(v) - begin;
    if (v->clock.hz != hz) {
      end = at_new_speed(v, end, hz);
      hz = v->clock.hz;
    }
    struct hd_msg *m = vcpu_wait(v, end, &v->guest_time);
    if (!m)
      return;
    vcpu_take(v, m);
  }
}

void vcpu_run_short(struct vcpu *v, int64_t cycles)
{
  vcpu_spend(v, cycles, &v->guest_time);
}

void vcpu_spin_until(struct vcpu *v, hd_time when)
{
  for (;;) {
    vcpu_serve(v);
    struct hd_msg *m =
        vcpu_wait(v, hd_time_max(when, vcpu_now(v)), &v->guest_time);
    if (!m)
      return;
    vcpu_take(v, m);
  }
}

bool vcpu_spin_for_message(struct vcpu *v, hd_time until)
{
  v->woken = false;
  for (;;) {
    vcpu_serve(v);
    if (v->woken)
      return true;
    struct hd_msg *m =
        vcpu_wait_eager(v, hd_time_max(until, vcpu_now(v)), &v->guest_time);
    if (!m)
      return false;
    vcpu_take(v, m);
  }
}

void vcpu_poll(struct vcpu *v)
{
  vcpu_spin_until(v, vcpu_now(v));
}
