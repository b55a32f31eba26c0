/*
 * halt.c - HLT as KVM handles it: poll for a while, then block.
 *
 * The polling time adapts (Linux, virt/kvm/kvm_main.c, kvm_vcpu_halt): it
 * grows, doubling from halt_poll_start to halt_poll, when a halt was longer
 * than the polling but shorter than halt_poll, and falls to zero when a halt
 * was longer than halt_poll.
 */
#include "models/cpu/vcpu_internal.h"

/* After a wake-up the posted descriptor's pending bits are on their way (state
 * to the interrupt unit, notification back): the vCPU waits this long for them
 * before it blocks again. Too short would cost time, but lose nothing. */
#define PENDING_BITS_WAIT (2 * HD_US)

static bool halt_over(const struct vcpu *v, hd_time until)
{
  return v->woken || vcpu_any_pending(v) || vcpu_now(v) >= until;
}

/* Keeps the core until `limit` or the end of the halt, or until the scheduler
 * wants it. With limit == now: just looks at what has arrived. */
static void look(struct vcpu *v, hd_time limit, hd_time until)
{
  limit = hd_time_min(limit, until);
  while (!v->woken && !vcpu_any_pending(v) && !vcpu_preempt_asked(v)) {
    struct hd_msg *m = vcpu_wait(v, limit, &v->host_time);
    if (!m)
      return;
    vcpu_take(v, m);
  }
}

/* The scheduler needs to know only if somebody might want the core. */
static void poll(struct vcpu *v, hd_time until)
{
  bool tell = v->halt_poll_now > 0 && scheduler_overcommitted(v->scheduler);
  v->polling = true;
  if (tell)
    vcpu_send_scheduler(v, MSG_SCHED_POLL, 1);
  look(v, vcpu_now(v) + v->halt_poll_now, until);
  v->polling = false;
  if (tell && halt_over(v, until))
    vcpu_send_scheduler(v, MSG_SCHED_POLL, 0);
}

static void adapt(struct vcpu *v, hd_time halted)
{
  hd_time longest = v->params->halt_poll, current = v->halt_poll_now;
  if (halted <= current || longest == 0)
    return;
  if (current > 0 && halted > longest)
    v->halt_poll_now = 0;
  else if (current < longest && halted < longest)
    v->halt_poll_now = hd_time_min(
        longest, hd_time_max(2 * current, v->params->halt_poll_start));
}

static void halt(struct vcpu *v, hd_time until)
{
  v->halted = true;
  vcpu_exit_begin(v, EXIT_HLT);
  hd_time start = vcpu_now(v);
  poll(v, until);
  while (!halt_over(v, until)) {
    vcpu_block(v, until);
    look(v, vcpu_now(v) + PENDING_BITS_WAIT, until);
  }
  adapt(v, vcpu_now(v) - start);
  vcpu_exit_end(v);
  v->halted = false;
}

void vcpu_idle(struct vcpu *v, hd_time until)
{
  HD_REQUIRE(&v->task.base, v->run_depth == 0,
             "vcpu_idle() inside an interrupt handler");
  bool enabled = v->irq_enabled;
  uint64_t taken = v->taken;
  v->irq_enabled = true;
  v->woken = false;
  vcpu_serve(v);
  if (taken == v->taken && !v->woken)
    halt(v, until);
  vcpu_serve(v);
  v->irq_enabled = enabled;
}
