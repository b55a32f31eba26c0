/* cpu_params.h - section "cpu": cores, exits, host scheduling. */
#ifndef HD_MODELS_CPU_PARAMS_H
#define HD_MODELS_CPU_PARAMS_H

#include "sim/engine/param.h"

struct cpu_params {
  int64_t cores;              /* logical cores for vCPUs */
  int64_t housekeeping_cores; /* for host interrupts and host threads */
  int64_t threads;            /* logical cores a physical core: 1 or 2 */
  double smt_speed;           /* of a thread while its sibling works, (0, 1] */
  int64_t frequency;          /* Hz */
  int64_t timeslice;          /* ps */
  int64_t wakeup_granularity; /* ps of virtual run time */
  int64_t sleeper_credit;     /* ps of virtual run time: how far ahead of the
                                 others a waking vCPU may be placed */
  int64_t wake_latency;       /* ps: scheduler's decision to VM entry */
  int64_t ipi_latency;        /* ps: kick to exit on the other core */
  int64_t queue_latency;      /* ps: to the run queue, and back to the core */
  int64_t switch_cost;        /* cycles: context switch incl. VMCS load */
  int64_t exit_cost;          /* cycles: exit and re-entry round trip */
  int64_t exit_hlt, exit_interrupt, exit_ept, exit_trap, exit_ipi,
      exit_kick;           /* cycles of handling, on top of exit_cost */
  int64_t inject_cost;     /* cycles: inject an interrupt at entry */
  int64_t host_irq_cost;   /* cycles: handler, eventfd, irqfd, kick */
  int64_t halt_poll;       /* ps: longest halt polling; 0: off */
  int64_t halt_poll_start; /* ps: first value when polling grows */
  int64_t irq_entry_cost;  /* cycles: guest interrupt entry and exit */
  int64_t mmio_write_cost; /* cycles: core occupied by an uncached store */
};

extern const struct hd_param_table cpu_param_table;

#endif
