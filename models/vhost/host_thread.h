/*
 * host_thread.h - a host thread (kernel worker, poll-mode thread) on the host's
 * cores, in competition with the vCPUs.
 *
 * It is a struct vcpu without a guest: no exits, no injection, no halt polling,
 * no handler cost of its own (the host's interrupt handler runs on a
 * housekeeping core, see scheduler.h). Its code is straight blocking code that
 * calls vcpu_run(), vcpu_run_short(), vcpu_mmio_write(); vcpu_idle() is its
 * sleep: the scheduler takes the core, and a message for which ops->message
 * returns true, or an interrupt, wakes it after the scheduler's wake-up path.
 *
 * What its code must keep to: ops->message takes no time and sends nothing.
 */
#ifndef HD_MODELS_VHOST_HOST_THREAD_H
#define HD_MODELS_VHOST_HOST_THREAD_H

#include "models/cpu/vcpu.h"
#include "models/pcie/root_complex.h"

struct host_thread {
  struct vcpu vcpu;         /* first member */
  struct cpu_params params; /* the host's view of a core */
  bool dedicated;           /* a poll-mode thread: a core is reserved for it */
  hd_time in_vain;          /* polled for nothing, within the window */
  hd_time vain_since;       /* and does so now; -1: it does not */
};

/* `object` becomes vcpu.guest; switch_cost: cycles of a context switch to it.
 * `cpu`, `window`, `ops` live on. The thread sleeps until MSG_SCHED_WAKE. */
void host_thread_initialize(struct host_thread *t, struct hd_engine *e,
                            const char *path, const char *host,
                            const struct cpu_params *cpu, int64_t switch_cost,
                            const struct hd_window *window,
                            const struct vcpu_ops *ops, void *object);
/* Wiring; a dedicated thread has a core reserved, which must be there (see
 * scheduler_reserve_core()). Its posted descriptor is number vcpu.index of
 * those that start at `descriptors` (64 B each). irq, root may be NULL. */
void host_thread_attach(struct host_thread *t, struct scheduler *s,
                        struct interrupt_unit *irq, uint64_t descriptors,
                        struct root_complex *root);

static inline struct hd_component *host_thread_component(struct host_thread *t)
{
  return &t->vcpu.task.base;
}
static inline hd_time host_thread_now(const struct host_thread *t)
{
  return vcpu_now(&t->vcpu);
}
/* Works for that long without looking at messages; see vcpu_run_short(). */
static inline void host_thread_work(struct host_thread *t, int64_t cycles)
{
  vcpu_run_short(&t->vcpu, cycles);
}
/* Looks at everything that has arrived, and lets others have the core if it is
 * their turn. */
static inline void host_thread_look(struct host_thread *t)
{
  vcpu_poll(&t->vcpu);
}

/* A poll-mode thread's empty turns, each `turn` long, without an event each:
 * until a message sets *activity, and to the end of that turn. */
void host_thread_poll_in_vain(struct host_thread *t, const bool *activity,
                              hd_time turn);

/* Mean number of cores that it has occupied within the window, up to `end`. */
double host_thread_cores(const struct host_thread *t, hd_time end);
/* The same without the turns that found nothing: 1 is a thread that limits. */
double host_thread_utilization(const struct host_thread *t, hd_time end);

#endif
