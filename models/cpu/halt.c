/*
 * halt.c - HLT as KVM handles it: poll for a while, then block.
 *
 * The scheduler does the polling (scheduler.h): the vCPU blocks and says for
 * how long it would poll. The polling time adapts (Linux, virt/kvm/kvm_main.c,
 * kvm_vcpu_halt): it grows, doubling from halt_poll_start to halt_poll, when a
 * halt was longer than the polling but shorter than halt_poll, and falls to
 * zero when a halt was longer than halt_poll.
 */
#include "models/cpu/vcpu_internal.h"

/* Woken, and nothing to see: what it was woken for is on its way (bits posted
 * since, a message). The vCPU waits this long for it before it blocks again.
 * Too short would cost time, but lose nothing. */
#define PENDING_BITS_WAIT (2 * HD_US)

static bool halt_over(const struct vcpu *v, hd_time until)
{
  return v->woken || vcpu_any_pending(v) || vcpu_now(v) >= until;
}

/* Keeps the core until the end of the halt or the end of that wait, or until
 * the scheduler wants it, or a pause is asked for. */
static void look(struct vcpu *v, hd_time until)
{
  hd_time limit = hd_time_min(vcpu_now(v) + PENDING_BITS_WAIT, until);
  while (!halt_over(v, until) && !vcpu_preempt_asked(v) && !v->pause) {
    struct hd_msg *m = vcpu_wait(v, limit, &v->host_time);
    if (!m)
      return;
    vcpu_take(v, m);
  }
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
  hd_time start = vcpu_now(v), poll = v->halt_poll_now;
  for (; !halt_over(v, until); poll = 0) {
    vcpu_block(v, poll, until);
    look(v, until);
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
