/*
 * lifecycle.h - containers or VMs that start with a device each, one after
 * another or many at once.
 *
 *   starter ---\           /--- lock of the VFIO device set (virtual functions)
 *   starter ---- cores ---- --- administration queue of the physical function
 *   starter ---/    |       \-- memory (zeroing pages)
 *                   \--- host's network driver (mailbox, resets)
 *
 * A starter is a thread of the host (a container's process, or a VMM and its
 * guest's driver); it works on the host's cores under the host's scheduler,
 * and everything it waits for is a queue or a timer here:
 *
 *  - VFIO opens a virtual function with the lock of its device set held, and
 *    resets it meanwhile. All functions of a bus are one set (Linux,
 *    vfio_pci_core_register_device(), until a change of June 2025; see
 * shared_set). A mediated device has a set of its own. Groups and containers
 * belong to one start, so their locks never wait.
 *  - A function-level reset sleeps 100 ms on the host's timer wheel. The host's
 *    network driver sets the function up again in the meantime; the device's
 *    driver polls until that is done.
 *  - Opening an assignable interface programs its PASID by an administration
 *    command and resets nothing. When the user asks for a reset, the VDCM
 *    resets it, polls its state and sets it up by commands, in the caller's
 *    thread; then the PASID once more.
 *  - Administration commands are executed one at a time, each held until the
 *    driver has polled its completion.
 *  - A mailbox message goes to the host's network driver, one thread, which
 *    issues commands for it and answers; the device's driver looks for the
 *    answer when it has sent the message, and from then on at intervals.
 *  - Fresh pages are zeroed at the core's rate or memory's share, whichever is
 *    less.
 *
 * The time of a start is from its being asked for until its queues run.
 */
#ifndef HD_MODELS_LIFECYCLE_LIFECYCLE_H
#define HD_MODELS_LIFECYCLE_LIFECYCLE_H

#include "models/cpu/cpu_params.h"
#include "models/hypervisor/hypervisor_params.h"
#include "models/lifecycle/lifecycle_params.h"
#include "models/nic/nic_params.h"
#include "sim/engine/engine.h"
#include "sim/measure/histogram.h"

enum lifecycle_device { /* what a start gets */
                        LIFECYCLE_NONE,
                        LIFECYCLE_FUNCTION, /* a virtual function (SR-IOV) */
                        LIFECYCLE_INTERFACE /* an assignable interface (HD-IOV)
                                             */
};

/* In the order of a container's start. */
#define LIFECYCLE_STAGES(X)                                                    \
  X(BASE, "base")             /* all that has no device in it */               \
  X(RUNTIME, "runtime")       /* EAL, or the guest's probing */                \
  X(CREATE, "create")         /* composing a virtual device */                 \
  X(ATTACH, "attach")         /* group, container, domain */                   \
  X(MAP_MEMORY, "map_memory") /* zero, pin and map */                          \
  X(MAP_IMAGE, "map_image")   /* likewise */                                   \
  X(LOCK_WAIT, "lock_wait")   /* for the lock of the device set */             \
  X(OPEN, "open")             /* a function: with the lock and a reset */      \
  X(RESET, "reset")           /* that the user asks for */                     \
  X(PASID, "pasid")           /* programming it */                             \
  X(MAP_PAGES, "map_pages")   /* of the fast path, on first touch */           \
  X(RESET_POLL, "reset_poll") /* driver: until the reset is over */            \
  X(MAILBOX, "mailbox")       /* driver: exchanges with the host's driver */   \
  X(QUEUES, "queue_setup")    /* rings and buffers */

enum lifecycle_stage {
#define X(id, name) LIFECYCLE_##id,
  LIFECYCLE_STAGES(X)
#undef X
      LIFECYCLE_STAGE_COUNT
};

/* What starters wait for; a part of the stages' times. */
enum lifecycle_wait {
  LIFECYCLE_WAIT_LOCK,   /* of the VFIO device set */
  LIFECYCLE_WAIT_ADMIN,  /* administration queue, for their own commands */
  LIFECYCLE_WAIT_DRIVER, /* host's driver, before it takes their message */
  LIFECYCLE_WAIT_MEMORY, /* longer than their core alone would take */
  LIFECYCLE_WAIT_COUNT
};

/* The parameters live on. */
struct lifecycle_config {
  const struct lifecycle_params *params;
  const struct cpu_params *cpu;
  const struct hypervisor_params *hypervisor; /* opening and resetting */
  const struct nic_params *nic;               /* admin_cost */
  enum lifecycle_device device;
};

/* Times are picoseconds. */
struct lifecycle_results {
  struct hd_histogram total, stop;
  struct hd_histogram stages[LIFECYCLE_STAGE_COUNT];
  double wait_share[LIFECYCLE_WAIT_COUNT]; /* of the sum of all starts */
  double core_share;                       /* runnable and without a core */
  double span;                             /* first asked for to last ready */
  /* Share of the span that each was busy or held. */
  double lock_busy, admin_busy, driver_busy, memory_busy, cores_busy;
  struct hd_engine_report engine;
};

extern const char *const lifecycle_stage_names[LIFECYCLE_STAGE_COUNT];

struct lifecycle; /* opaque */

/* On a host that it adds to the engine. */
struct lifecycle *lifecycle_create(struct hd_engine *e,
                                   const struct lifecycle_config *c);
/* Runs until all have started (and, one after another, have stopped). Stops the
 * process (hd_fail) if something does not balance. */
void lifecycle_simulate(struct lifecycle *l);
/* Valid until lifecycle_destroy(). */
const struct lifecycle_results *lifecycle_get_results(struct lifecycle *l);
/* After the engine has been destroyed. */
void lifecycle_destroy(struct lifecycle *l);

#endif
