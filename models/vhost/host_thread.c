/* host_thread.c - a host thread as a vCPU without a guest. */
#include "models/vhost/host_thread.h"

#include <math.h>

/* What only virtual CPUs pay. The scheduler has parameters of its own. */
static struct cpu_params as_host(const struct cpu_params *cpu,
                                 int64_t switch_cost)
{
  struct cpu_params p = *cpu;
  p.switch_cost = switch_cost;
  p.exit_cost = p.exit_hlt = p.exit_interrupt = p.exit_ept = p.exit_trap = 0;
  p.exit_ipi = p.exit_kick = p.inject_cost = p.irq_entry_cost = 0;
  p.halt_poll = 0;
  return p;
}

void host_thread_initialize(struct host_thread *t, struct hd_engine *e,
                            const char *path, const char *host,
                            const struct cpu_params *cpu, int64_t switch_cost,
                            const struct hd_window *window,
                            const struct vcpu_ops *ops, void *object)
{
  t->params = as_host(cpu, switch_cost);
  t->dedicated = false;
  t->in_vain = 0;
  t->vain_since = -1;
  vcpu_initialize(&t->vcpu, e, path, host, &t->params, window, ops, object);
}

void host_thread_attach(struct host_thread *t, struct scheduler *s,
                        struct interrupt_unit *irq, uint64_t descriptors,
                        struct root_complex *root)
{
  struct vcpu *v = &t->vcpu;
  vcpu_attach(v, s, irq, descriptors + UINT64_C(64) * scheduler_vcpus(s));
  HD_REQUIRE(&v->task.base,
             !t->dedicated || scheduler_reserve_core(s, v->index),
             "no core is left for a poll-mode thread");
  if (root)
    v->to_root = root_complex_connect_cpu(root, &v->task.base, &v->root_reply);
}

double host_thread_cores(const struct host_thread *t, hd_time end)
{
  struct vcpu_stats st;
  vcpu_get_stats(&t->vcpu, end, &st);
  hd_time elapsed = hd_window_elapsed(t->vcpu.window, end);
  return elapsed > 0 ? (double)(st.guest_time + st.host_time) / (double)elapsed
                     : NAN;
}

void host_thread_poll_in_vain(struct host_thread *t, const bool *activity,
                              hd_time turn)
{
  struct vcpu *v = &t->vcpu;
  hd_time first = t->vain_since = vcpu_now(v);
  while (!*activity)
    vcpu_spin_for_message(v, HD_TIME_NEVER);
  hd_time passed = vcpu_now(v) - first;
  vcpu_spin_until(v, first + (passed + turn - 1) / turn * turn);
  t->in_vain += hd_window_overlap(v->window, first, vcpu_now(v));
  t->vain_since = -1;
}

double host_thread_utilization(const struct host_thread *t, hd_time end)
{
  const struct hd_window *window = t->vcpu.window;
  hd_time elapsed = hd_window_elapsed(window, end), vain = t->in_vain;
  if (t->vain_since >= 0)
    vain += hd_window_overlap(window, t->vain_since, end);
  return elapsed > 0
             ? host_thread_cores(t, end) - (double)vain / (double)elapsed
             : NAN;
}
