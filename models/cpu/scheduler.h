/*
 * scheduler.h - the host's cores and the scheduler that puts vCPUs on them.
 *
 * Each logical core has a queue ordered by virtual run time, as Linux's fair
 * scheduler: a waking vCPU takes an idle core if there is one, or pre-empts a
 * running one that is ahead of it by more than the wake-up granularity; a
 * running vCPU is pre-empted after its timeslice when another waits; an idle
 * core takes waiting work from the longest queue. Host interrupt handlers of
 * the injected path (eventfd, irqfd, kick) run on housekeeping cores.
 */
#ifndef HD_MODELS_CPU_SCHEDULER_H
#define HD_MODELS_CPU_SCHEDULER_H

#include "models/cpu/cpu_params.h"
#include "models/messages.h"
#include "sim/engine/engine.h"
#include "sim/measure/gauge.h"

struct sched_msg {
  struct hd_msg msg;
  uint32_t vcpu; /* server-wide index */
  uint32_t data; /* MSG_SCHED_RUN: core; MSG_SCHED_POLL: 1 begins, 0 ends */
};

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
/* For whoever else sends MSG_SCHED_WAKE (hypervisor). */
struct hd_channel *scheduler_connect(struct scheduler *s,
                                     struct hd_component *c, hd_time latency);

struct scheduler_stats { /* within the window */
  uint64_t wakes, switches, preemptions, migrations, injections;
  double cores_busy;      /* time-weighted mean of cores given to vCPUs */
  double housekeeping_busy;
  hd_time wait_sum, wait_max; /* runnable but waiting for a core */
};
void scheduler_get_stats(const struct scheduler *s, struct scheduler_stats *st);
const char *scheduler_check(const struct scheduler *s);

#endif
