/*
 * irq_bench.h - how many interrupts a second devices can deliver to the cores
 * of a host, remapped one by one or coalesced as posted interrupts (VT-d 4.0,
 * chapter 5; Linux, arch/x86/kernel/irq.c, "posted MSI").
 *
 *   device -- link -- stack --\                    /-- core
 *   device -- link -- stack ---- interrupt agent ----- core
 *
 * Devices: copy engines that complete one descriptor after another, each with
 * an interrupt to the same core (mode dsa), or drives (models/storage) read at
 * random by jobs that have a core and a queue pair each (mode nvme).
 *
 * A stack takes what comes up its links in order. A message-signalled interrupt
 * stays at the head of its port, and so holds what came after it, until it has
 * taken effect:
 *   remapped: the remapped message has passed the socket's interrupt agent and
 *             has been acknowledged. A stack has one such message under way,
 *             the agent handles one at a time;
 *   posted:   the descriptor in memory has been updated. A notification passes
 *             the agent only if none was outstanding, and holds no port.
 *
 * A core takes one interrupt at a time with interrupts disabled. Remapped:
 * enter, handler of the vector, end of interrupt, leave. Posted: enter, then
 * rounds in which it takes all pending bits of its descriptor and calls their
 * handlers; before the last round it lets the next notification come. The
 * descriptor's cache line moves between the core and the remapping hardware.
 */
#ifndef HD_MODELS_IRQ_BENCH_IRQ_BENCH_H
#define HD_MODELS_IRQ_BENCH_IRQ_BENCH_H

#include "models/interrupt/interrupt.h"
#include "models/pcie/pcie_params.h"
#include "models/storage/storage_params.h"
#include "sim/engine/engine.h"

enum irq_bench_mode { IRQ_BENCH_OFF, IRQ_BENCH_DSA, IRQ_BENCH_NVME };
enum irq_bench_delivery { IRQ_BENCH_REMAPPED, IRQ_BENCH_POSTED };

/* Limits of the benchmark, not of hardware. */
enum { IRQ_BENCH_QUEUES = 8, IRQ_BENCH_DISKS = 16, IRQ_BENCH_CORES = 256 };

struct irq_bench_params {
  int mode;       /* enum irq_bench_mode */
  int delivery;   /* enum irq_bench_delivery */
  int64_t queues; /* dsa: copy engines, each in a stack of its own */
  int64_t disks;  /* nvme */
  int64_t disks_per_stack;
  int64_t jobs;              /* nvme: of each disk, each on a core of its own */
  int64_t io_depth;          /* nvme: requests of a job outstanding */
  int64_t block_size;        /* nvme: bytes of a random read */
  int64_t rounds;            /* posted: at most so many a notification, >= 2 */
  int64_t descriptor_time;   /* ps: dsa: between completions of an engine */
  int64_t descriptor_bytes;  /* dsa: written by each */
  int64_t clock;             /* Hz, of the cores */
  int64_t entry_cycles;      /* interrupt until the handler of a vector */
  int64_t exit_cycles;       /* end of interrupt until what was interrupted */
  int64_t handler_cycles;    /* of a vector, without completions */
  int64_t round_cycles;      /* posted: reading and clearing pending bits */
  int64_t completion_cycles; /* nvme: interrupt's part of a request */
  int64_t request_cycles;    /* nvme: the job's part of a request */
  double step_jitter;        /* standard deviation of all of these / mean */
  int64_t agent_time;        /* ps: interrupt agent, each message */
  int64_t mesh_latency;      /* ps: between stack, agent and core, one way */
  int64_t coherent_latency;  /* ps: a cache line from another owner */
};

extern const struct hd_param_table irq_bench_param_table;

struct irq_bench_config {
  struct irq_bench_params bench;
  struct pcie_params pcie;           /* of each drive; dsa: of each engine */
  struct storage_params storage;     /* nvme */
  struct interrupt_params interrupt; /* cache_entries, remap_latency */
  uint64_t seed;                     /* irq_bench_run(): of the engine */
  hd_time window;                    /* likewise, see hd_engine_options */
  hd_time warmup, duration;          /* after the devices are up */
};

/* NULL, or what is wrong with values that are in range one by one. */
const char *irq_bench_problem(const struct irq_bench_config *c);

/* Rates are per simulated second of the window. */
struct irq_bench_results {
  double messages_per_s;      /* interrupts that have taken effect */
  double merged_per_s;        /* of them: the vector was pending already */
  double handlers_per_s;      /* what an operating system counts per vector */
  double notifications_per_s; /* interrupts that a core has entered for */
  double operations_per_s;    /* descriptors or requests completed, all */
  double operations_per_disk; /* nvme */
  double agent_utilization;   /* share of time the agent was busy */
  double core_utilization;    /* mean over the cores */
  double entry_misses_per_s;  /* remapping entries not in the cache */
  struct hd_engine_report engine;
};

struct irq_bench; /* opaque */

/* Builds the benchmark's machine in an engine, on a host that it adds to it.
 * The configuration must outlive it; c->seed and c->window are not used. */
struct irq_bench *irq_bench_create(struct hd_engine *e,
                                   const struct irq_bench_config *c);
/* Runs warm-up and measurement and collects. Stops the process (hd_fail) if
 * messages, requests or credits do not balance. */
void irq_bench_simulate(struct irq_bench *b, struct irq_bench_results *r);
/* After the engine has been destroyed. */
void irq_bench_destroy(struct irq_bench *b);

/* All of that in an engine of its own; there can be one in a process. */
void irq_bench_run(const struct irq_bench_config *c,
                   struct irq_bench_results *r);

#endif
