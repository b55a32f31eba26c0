/* internal.h - shared by the interrupt benchmark's own files. */
#ifndef HD_MODELS_IRQ_BENCH_INTERNAL_H
#define HD_MODELS_IRQ_BENCH_INTERNAL_H

#include "models/iommu/cache.h"
#include "models/irq_bench/irq_bench.h"
#include "models/pcie/link.h"
#include "models/storage/storage.h"
#include "sim/engine/clock.h"

#define IRQ_BENCH_HOST "server"
/* Drives are configured and their queues live by then. */
#define IRQ_BENCH_START (200 * HD_US)

/* Messages of the benchmark's own, apart from those in models/messages.h. */
enum irq_kind {
  IRQ_SEND = 1000, /* stack -> agent */
  IRQ_SENT,        /* agent -> stack: acknowledged */
  IRQ_DELIVER,     /* agent -> core: into its interrupt request register */
  IRQ_WRITTEN,     /* stack -> core: struct pcie_tlp, a completion entry */
  IRQ_POST,        /* stack -> descriptor of a core */
  IRQ_POSTED,      /* descriptor -> stack: updated */
  IRQ_SWAP,        /* descriptor to itself: the update under way ends */
  IRQ_STEP,        /* core to itself: what it was doing is done */
  IRQ_BEGIN,       /* core to itself: jobs begin */
  IRQ_REGISTER,    /* core -> stack: register write to a device */
  IRQ_NEXT         /* engine to itself: the next descriptor is done */
};

#define IRQ_NO_PORT UINT32_MAX

struct irq_msg {
  struct hd_msg msg;
  struct hd_channel *answer; /* IRQ_SEND, IRQ_POST: to the stack */
  uint32_t core, source;     /* source: bit among those of the core */
  uint32_t port;             /* of the stack, held until this has taken effect;
                                IRQ_NO_PORT: none */
  bool notify;               /* IRQ_POSTED: none was outstanding */
  hd_time ready;             /* remapped by then */
  uint64_t address, data;    /* IRQ_REGISTER */
};
_Static_assert(sizeof(struct irq_msg) <= HD_MSG_BYTES, "too large");

/* ---- agent.c ---------------------------------------------------------- */

struct irq_agent {
  struct hd_component base;
  const struct irq_bench_params *params;
  const struct hd_window *measure;
  struct hd_channel *to_core[IRQ_BENCH_CORES];
  struct irq_msg *first, *last; /* waiting; first is being handled */
  hd_time busy;                 /* within the window */
  uint64_t accepted, delivered;
};
void irq_agent_initialize(struct irq_agent *a, struct hd_engine *e,
                          const struct irq_bench_params *p,
                          const struct hd_window *measure);

/* ---- core.c, descriptor.c, driver.c ------------------------------------ */

enum irq_step {
  IRQ_IDLE,
  IRQ_JOB,        /* a request in its job; can be interrupted */
  IRQ_ENTRY,      /* the rest: interrupts are disabled */
  IRQ_ROUND,      /* reads and clears pending bits */
  IRQ_HANDLER,    /* of one vector */
  IRQ_COMPLETION, /* of one request, in the handler */
  IRQ_CLEAR,      /* lets the next notification come */
  IRQ_EXIT
};

/* The posted descriptor (VT-d 9.11) and its cache line. The remapping hardware
 * updates it by an atomic swap, for which it needs the line. */
struct irq_descriptor {
  uint64_t pending; /* PIR */
  bool outstanding; /* ON */
  bool core_owns;   /* the line is in the core's cache */
  hd_time free;     /* the line is being moved or updated until then */
  struct irq_msg *first, *last; /* updates; first is under way */
};

/* A queue pair of a drive and its job, nvme only. */
struct irq_driver {
  struct hd_channel *to_stack;
  uint32_t port;   /* of the stack */
  uint32_t queue;  /* of the drive */
  uint32_t size;   /* entries of the ring */
  uint64_t blocks; /* of the drive, in units of block_size */
  uint64_t random; /* state of the address generator */
  uint64_t submitted, completed;
  struct block_request **slot;
  struct block_request *requests;               /* io_depth of them */
  struct block_request *arrived, *arrived_last; /* completion entries in
                                                   memory, not yet read */
  struct block_request *ready, *ready_last; /* completed, job has not seen */
};

struct irq_core_stats { /* within the window */
  uint64_t entered, handlers, merged, completed;
  hd_time busy;
};

struct irq_core {
  struct hd_component base;
  const struct irq_bench_config *config;
  const struct hd_window *measure;
  struct hd_clock clock;
  gsl_rng *rng; /* how long steps take */
  bool posted;
  uint64_t requested; /* IRR; posted: bit 0 is the notification vector */
  uint64_t to_call;   /* posted: vectors of this round not yet called */
  uint32_t source;    /* whose handler runs */
  uint32_t rounds;    /* of this notification */
  bool found;         /* this round */
  bool last_round;
  bool reaped; /* by this handler */
  enum irq_step step;
  uint32_t generation; /* of the step; older timers are void */
  hd_time began, ends; /* of the step */
  hd_time job_left;    /* of the interrupted request */
  struct irq_descriptor pid;
  struct irq_driver driver;
  struct irq_core_stats stats;
  uint64_t messages, messages_merged, called; /* since the start */
};
void irq_core_initialize(struct irq_core *c, struct hd_engine *e,
                         const struct irq_bench_config *config,
                         const struct hd_window *measure, const char *path);
void irq_core_terminate(struct irq_core *c);
/* A step that takes `cycles` of the core and `more`. */
void irq_core_begin(struct irq_core *c, enum irq_step step, int64_t cycles,
                    hd_time more);
/* A vector has become pending at the core: true if it was so before. */
bool irq_core_count(struct irq_core *c, uint64_t *bits, uint32_t source);

/* Updates the descriptor when it is its turn. */
void irq_descriptor_post(struct irq_core *c, struct irq_msg *m);
void irq_descriptor_swapped(struct irq_core *c);
/* The core accesses it: how long that takes more than an access to its cache.
 */
hd_time irq_descriptor_access(struct irq_core *c);

/* Connects the core's queue pair; the ring is the device's view of it. */
void irq_driver_initialize(struct irq_core *c, struct storage_ring *ring,
                           uint32_t core, struct hd_channel *to_stack,
                           uint32_t port, uint32_t queue);
void irq_driver_terminate(struct irq_driver *d);
/* Fills the queue. */
void irq_driver_start(struct irq_core *c);
/* A completion entry is in memory. */
void irq_driver_arrived(struct irq_core *c, struct pcie_tlp *t);
/* Takes the next completion entry; false: there is none. */
bool irq_driver_reap(struct irq_core *c);
/* Tells the device what has been reaped. */
void irq_driver_tell(struct irq_core *c);
/* The job's next request is ready to be submitted again, and is. */
void irq_driver_submit(struct irq_core *c);

/* ---- stack.c ------------------------------------------------------------ */

enum { IRQ_STACK_PORTS = IRQ_BENCH_DISKS };

struct irq_port {
  struct hd_component *link;
  struct hd_channel *to_link;
  struct pcie_receiver receiver;
  struct pcie_tlp *first, *last; /* in the order of their arrival */
  struct pcie_tlp *interrupt;    /* that holds the port; NULL: none */
};

struct irq_stack {
  struct hd_component base;
  const struct irq_bench_config *config;
  const struct hd_window *measure;
  struct irq_port ports[IRQ_STACK_PORTS];
  uint32_t n_ports;
  struct vtd_cache entries; /* of the remapping table */
  struct hd_channel *to_agent;
  struct hd_channel *from_agent; /* for its answers */
  struct hd_channel *to_core[IRQ_BENCH_CORES];
  struct hd_channel *from_core[IRQ_BENCH_CORES]; /* descriptor's answers */
  struct irq_msg *first, *last; /* messages to the agent; not the one there */
  bool sending;
  struct storage_admin commands[IRQ_STACK_PORTS][2];
  uint32_t commands_done;
  uint64_t messages, misses; /* within the window */
  uint64_t arrived, ended;   /* interrupts, since the start */
};
void irq_stack_initialize(struct irq_stack *s, struct hd_engine *e,
                          const struct irq_bench_config *config,
                          const struct hd_window *measure, const char *path);
void irq_stack_terminate(struct irq_stack *s);
uint32_t irq_stack_attach(struct irq_stack *s, struct pcie_link *l);

/* ---- copy_engine.c ------------------------------------------- */

struct irq_engine {
  struct hd_component base;
  const struct irq_bench_config *config;
  const struct hd_window *measure;
  struct hd_channel *to_link;
  uint32_t handle;    /* of its interrupt */
  uint32_t unsent;    /* interrupts that have not left */
  bool stopped;       /* until one has */
  uint64_t completed; /* within the window */
};
void irq_engine_initialize(struct irq_engine *d, struct hd_engine *e,
                           const struct irq_bench_config *config,
                           const struct hd_window *measure, const char *path);

#endif
