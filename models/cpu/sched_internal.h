/*
 * sched_internal.h - the scheduler's state; for scheduler.c and sched_*.c.
 *
 * A vCPU is blocked, waiting (in exactly one core's queue) or running (has
 * exactly one core, from the grant until its BLOCK or YIELD arrives).
 */
#ifndef HD_MODELS_CPU_SCHED_INTERNAL_H
#define HD_MODELS_CPU_SCHED_INTERNAL_H

#include "models/cpu/run_queue.h"
#include "models/cpu/scheduler.h"

#define NO_CORE UINT32_MAX
#define NO_VCPU UINT32_MAX

/* hd_msg.tag of timers: a completed host interrupt, the end of halt polling;
 * all others are slices. */
#define TAG_HOST_IRQ UINT32_MAX
#define TAG_POLL_END (UINT32_MAX - 1)

enum entity_state { ENTITY_BLOCKED, ENTITY_WAITING, ENTITY_RUNNING };

/* A vCPU as the scheduler sees it. */
struct entity {
  struct hd_channel *to;
  hd_time vruntime;   /* ps, comparable within `core` only */
  hd_time wait_since; /* while waiting */
  hd_time ran;        /* core time in all */
  uint32_t core;      /* where it runs or waits, or ran last */
  uint32_t run;       /* number of runs granted */
  enum entity_state state;
  bool wake_pending; /* woken while running */
  bool polling;      /* running, but only to halt-poll */
  hd_time poll_since, poll_end;
  hd_time polled;      /* within the window, without this poll */
  bool pinned;         /* `core` is reserved for it */
  uint64_t vectors[4]; /* to be handed over with the next run */
};

struct core {
  struct run_queue queue;
  uint32_t running;     /* vCPU, or NO_VCPU: idle */
  uint32_t last;        /* vCPU that had the core last */
  bool reserved;        /* for one vCPU; then in neither of the sets below */
  bool preempting;      /* the running vCPU has been asked to leave */
  bool works;           /* with siblings only, see sched_smt.c */
  hd_time since;        /* of the run, or of idleness */
  hd_time accounted;    /* the running vCPU's vruntime is exact up to here */
  hd_time min_vruntime; /* of the vCPUs here; never decreases */
  hd_time timer;        /* when the slice timer fires, or HD_TIME_NEVER */
  uint32_t timer_tag;   /* tells it from superseded ones */
  hd_time poll_timer;   /* when the poll timer fires, or HD_TIME_NEVER */
  hd_time busy, idle;   /* in all, up to `since` */
};

/* An interrupt unit, and whom its indices mean. */
struct irq_source {
  const struct hd_component *unit;
  uint32_t *vcpus;
  uint32_t count;
};

struct scheduler {
  struct hd_component base;
  struct cpu_params params;
  const struct hd_window *window;
  hd_time to_vcpu; /* latency of the channels to vCPUs */
  struct entity *entities;
  struct hd_channel_hint *hints; /* of their channels; set by start() */
  uint32_t n_entities, cap_entities, n_hints;
  struct core *cores;
  uint32_t n_cores, n_reserved, waiting, busy_cores;
  uint32_t siblings; /* core c and c + siblings share one; 0: none do */
  /* Bit maps of cores; whole: idle, and so is the sibling. */
  uint64_t *idle_set, *polling_set, *whole_set;
  struct irq_source *sources;
  uint32_t n_sources;
  /* Housekeeping: when each core has finished what it was given. */
  hd_time *host_free;
  uint32_t n_host;
  hd_time host_irq_time;
  struct hd_busy host_busy;
  struct hd_gauge cores_busy;
  struct hd_counter wakes, switches, preemptions, migrations, injections;
  hd_time wait_sum, wait_max;
};

/* -- scheduler.c --------------------------------------------------------- */

struct entity *sched_entity(struct scheduler *s, uint32_t vcpu); /* checks */
/* Somebody wants the vCPU to look around; `extra`: see interrupt_msg. */
void sched_wake(struct scheduler *s, uint32_t vcpu, hd_time extra);
/* realloc() that cannot fail; while building. */
void *sched_grown(void *array, size_t n, size_t size);

/* -- sched_interrupts.c -------------------------------------------------- */

struct interrupt_msg;
/* From the sender's index to this scheduler's. */
uint32_t sched_translated(const struct scheduler *s,
                          const struct interrupt_msg *m);
/* These own their message. */
void sched_irq_wake(struct scheduler *s, struct interrupt_msg *m);
void sched_host_irq_begins(struct scheduler *s, struct interrupt_msg *m);
/* Raised by host software, which has done the handler's work itself. */
void sched_raised(struct scheduler *s, struct interrupt_msg *m);
void sched_host_irq_done(struct scheduler *s, struct interrupt_msg *m);

/* -- sched_smt.c --------------------------------------------------------- */

/* Whether the core's sibling works. */
bool sched_is_shared(const struct scheduler *s, uint32_t core);
/* Who has `core`, or whether it polls, has changed. */
void sched_smt_update(struct scheduler *s, uint32_t core);
/* Brings the set of whole cores up to date for `core`. */
void sched_smt_mark(struct scheduler *s, uint32_t core);
const char *sched_smt_check(const struct scheduler *s, uint32_t core);

/* -- sched_core.c -------------------------------------------------------- */

static inline void core_set_add(uint64_t *set, uint32_t core)
{
  set[core / 64] |= (uint64_t)1 << (core % 64);
}

static inline void core_set_remove(uint64_t *set, uint32_t core)
{
  set[core / 64] &= ~((uint64_t)1 << (core % 64));
}

static inline bool core_set_has(const uint64_t *set, uint32_t core)
{
  return (set[core / 64] >> (core % 64)) & 1;
}

/* Where vCPUs belong that would belong to `core`: to another one when it is
 * reserved. Cores are reserved from the last one down. */
static inline uint32_t sched_home(const struct scheduler *s, uint32_t core)
{
  return s->cores[core].reserved ? core % (s->n_cores - s->n_reserved) : core;
}

/* A blocked vCPU becomes runnable: a core, `extra` later than usual, or a place
 * in a queue. */
void sched_make_runnable(struct scheduler *s, uint32_t vcpu, hd_time extra);
/* The running vCPU of `core` has halted and polls for `poll` at most; then it
 * leaves (sched_poll_over), unless it is woken (sched_poll_hit). */
void sched_poll_begin(struct scheduler *s, uint32_t core, hd_time poll);
void sched_poll_over(struct scheduler *s, uint32_t core);
void sched_poll_due(struct scheduler *s, uint32_t core); /* TAG_POLL_END */
void sched_poll_hit(struct scheduler *s, uint32_t core);
/* The running vCPU of `core` leaves it, and the next one gets it. */
void sched_leave(struct scheduler *s, uint32_t core, bool runnable);
/* Asks the running vCPU of `core` to leave. */
void sched_preempt(struct scheduler *s, uint32_t core);
/* The slice timer of `core` has fired. */
void sched_slice_over(struct scheduler *s, uint32_t core, uint32_t tag);

#endif
