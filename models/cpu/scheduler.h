/*
 * scheduler.h - the host's cores and the scheduler that puts vCPUs on them.
 *
 * Each logical core has a queue ordered by virtual run time, as Linux's fair
 * scheduler: a waking vCPU takes an idle core if there is one, or pre-empts a
 * running one that is ahead of it by more than the wake-up granularity; a
 * running vCPU is pre-empted after its timeslice when another waits; an idle
 * core takes waiting work from the longest queue. Halt polling (KVM:
 * halt_poll_ns) is the scheduler's here: a vCPU that blocks says how long it
 * would poll, keeps its core meanwhile, and loses it as soon as another is
 * runnable; a wake-up in time finds it there. Host interrupt handlers of the
 * injected path (eventfd, irqfd, kick) run on housekeeping cores.
 *
 * Logical cores may be threads of physical ones (cpu.threads): a vCPU runs at
 * cpu.smt_speed of its clock while the sibling works, and whole cores are given
 * first.
 *
 * A vCPU may have a core reserved. All others share the rest; statistics count
 * all cores.
 *
 * No wake-up is lost: one for a running vCPU is remembered until its next
 * MSG_SCHED_BLOCK, one for a waiting vCPU is met by the run it waits for.
 *
 * MSG_IRQ_INJECT carries in interrupt_msg.state what the scheduler knew of the
 * vCPU: PID_RUNNING (the message is a kick), PID_PREEMPTED (waiting for a core)
 * or PID_BLOCKED (and the scheduler has woken it).
 */
#ifndef HD_MODELS_CPU_SCHEDULER_H
#define HD_MODELS_CPU_SCHEDULER_H

#include "models/cpu/cpu_params.h"
#include "models/messages.h"
#include "sim/engine/engine.h"
#include "sim/measure/gauge.h"

/* msg.tag is the run's number (1, 2, ... for each vCPU):
 *   MSG_SCHED_RUN      this run's number
 *   MSG_SCHED_PREEMPT  the run it is meant for; void for any other
 *   MSG_SCHED_WAKE     0: unconditional; from the vCPU itself: the number of
 *                      its last run, void if a later one has been granted
 */
/* Numbered apart from models/messages.h. */
enum {
  MSG_SCHED_UNPOLL = 0x4380, /* from a vCPU: the halt polling of run msg.tag is
                                over; void when it is already */
  MSG_SCHED_SHARE            /* to a vCPU: in run msg.tag, whether it shares its
                                physical core has changed; may overtake the
                                run's MSG_SCHED_RUN */
};

struct sched_msg {
  struct hd_msg msg;
  uint32_t vcpu; /* server-wide index */
  uint32_t data; /* MSG_SCHED_RUN: core */
  hd_time poll;  /* MSG_SCHED_BLOCK: keeps the core for so long, in case */
  /* MSG_SCHED_RUN only: */
  bool cold;           /* another vCPU had the core since: switch_cost is due */
  bool shared;         /* SHARE, too: the core's sibling works */
  hd_time since;       /* the core is this vCPU's from here on */
  uint64_t vectors[4]; /* that were posted while it was blocked */
};
_Static_assert(sizeof(struct sched_msg) <= HD_MSG_BYTES, "too large");

struct scheduler; /* is a struct hd_component */

struct scheduler *scheduler_create(struct hd_engine *e, const char *path,
                                   const char *host,
                                   const struct cpu_params *params,
                                   const struct hd_window *window);
void scheduler_destroy(struct scheduler *s);
struct hd_component *scheduler_component(struct scheduler *s);

/* Adds the next vCPU (index = number of earlier calls), blocked at first.
 * Returns the channel on which it sends MSG_SCHED_*. */
struct hd_channel *scheduler_add_vcpu(struct scheduler *s,
                                      struct hd_component *vcpu);
/* Says that `unit` (an interrupt unit) sends MSG_IRQ_* here and that the vCPU
 * which it adds next is this scheduler's `vcpu`. Returns the index which that
 * has at the unit: the number of earlier calls for the unit. A sender of
 * MSG_IRQ_* that is not made known must use the scheduler's own indices. */
uint32_t scheduler_add_interrupts(struct scheduler *s,
                                  const struct hd_component *unit,
                                  uint32_t vcpu);
/* Makes one logical core this vCPU's alone: it runs only there, and nobody else
 * does; for threads that poll. While building, once a vCPU at most. False:
 * nothing was done, since only one core is left for all others. Compare with
 * cores - scheduler_cores_reserved() - 1 beforehand. */
bool scheduler_reserve_core(struct scheduler *s, uint32_t vcpu);
uint32_t scheduler_cores_reserved(const struct scheduler *s);

/* For whoever else sends MSG_SCHED_WAKE (hypervisor). */
struct hd_channel *scheduler_connect(struct scheduler *s,
                                     struct hd_component *c, hd_time latency);

/* Number of vCPUs added so far: the index of the next one. */
uint32_t scheduler_vcpus(const struct scheduler *s);
/* Time that vCPU has spent halt-polling within the window, up to `end`. */
hd_time scheduler_polled(const struct scheduler *s, uint32_t vcpu, hd_time end);

struct scheduler_stats { /* within the window */
  uint64_t wakes, switches, preemptions, migrations, injections;
  double cores_busy;          /* time-weighted mean of cores given to vCPUs */
  double housekeeping_busy;   /* mean number of housekeeping cores in use */
  hd_time wait_sum, wait_max; /* runnable but waiting for a core */
};
/* After the run; means are over the part of the window before its end. */
void scheduler_get_stats(const struct scheduler *s, struct scheduler_stats *st);
/* NULL, or which invariant is broken: cores and queues agree, no core idles
 * while a vCPU waits, core time is conserved. */
const char *scheduler_check(const struct scheduler *s);

#endif
