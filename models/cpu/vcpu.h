/*
 * vcpu.h - a virtual CPU: a software task that runs guest code on a host core.
 *
 * Guest code is straight blocking code that calls vcpu_run(), vcpu_mmio_*(),
 * vcpu_idle(). Interrupts pre-empt vcpu_run() at their time (when enabled) and
 * call ops->interrupt; the host scheduler may take the core away at any time.
 * Everything a function here does takes simulated time unless it says not.
 */
#ifndef HD_MODELS_CPU_VCPU_H
#define HD_MODELS_CPU_VCPU_H

#include "models/cpu/cpu_params.h"
#include "models/cpu/scheduler.h"
#include "models/interrupt/interrupt.h"
#include "models/pcie/mmio.h"
#include "sim/engine/clock.h"

/* Reasons of VM exits (SDM volume 3, appendix C, by name). */
enum exit_reason {
  EXIT_HLT,
  EXIT_EXTERNAL_INTERRUPT, /* also the kick that leads to injection */
  EXIT_EPT_VIOLATION,      /* first touch of a lazily mapped page */
  EXIT_TRAP,               /* emulated register or configuration access */
  EXIT_IPI,
  EXIT_PREEMPT, /* host scheduler took the core */
  EXIT_KICK,    /* virtio notification, handled by the kernel (ioeventfd) */
  EXIT_REASONS
};

struct vcpu;

struct vcpu_ops {
  /* The guest's thread on this vCPU; called once, on the first core given.
   * When it returns, the vCPU idles and only serves interrupts. */
  void (*main)(struct vcpu *v);
  /* Guest interrupt handler; interrupts are disabled during the call. */
  void (*interrupt)(struct vcpu *v, unsigned vector);
  /* Any message that is not the CPU's own (MSG_GUEST_MEMORY, MSG_GUEST,
   * MSG_VM_*); owns it; must take no time and not block. Returns true when the
   * message should end vcpu_idle() (as an IPI would). Messages come in the
   * order of their time, also while the vCPU has no core, and before main. */
  bool (*message)(struct vcpu *v, struct hd_msg *m);
};

/* A host to which a vCPU is attached (vcpu_control.h). */
struct vcpu_side {
  const struct scheduler *scheduler;
  struct hd_channel *to_scheduler, *to_interrupts, *to_root, *root_reply;
  uint32_t index;           /* at the scheduler */
  uint32_t interrupt_index; /* at the interrupt unit */
  uint32_t run;             /* number of the last run on a core */
  int pid_state;            /* last told; -1: none yet */
};

enum { VCPU_SIDES = 2 };

struct vcpu {
  struct hd_task task; /* base */
  const struct vcpu_ops *ops;
  const struct cpu_params *params;
  const struct hd_window *window;
  struct hd_clock clock;
  uint32_t index; /* server-wide, at the scheduler */
  void *guest;    /* the guest's own */
  struct hd_channel *to_scheduler, *to_interrupts, *to_root, *root_reply;
  hd_time root_distance; /* one way, beyond to_root: the device is at another
                            socket; the owner sets it */
  bool on_core, irq_enabled, halted, woken;
  unsigned run_depth;  /* interrupt handlers entered and not left: 0 or 1 */
  uint64_t pending[4]; /* guest vectors not yet delivered */
  hd_time halt_poll_now;
  /* Read these with vcpu_get_stats(), which adds what was under way when the
   * run ended. */
  uint64_t exits[EXIT_REASONS];  /* within the window */
  hd_time guest_time, host_time; /* busy, within the window */
  uint64_t interrupts;           /* delivered, within the window */

  /* models/cpu's own */
  struct vcpu_side side[VCPU_SIDES]; /* index and channels of the current one
                                        are those above */
  unsigned n_sides, current;
  uint64_t taken;       /* interrupts delivered, in all */
  uint32_t preempt_run; /* run that the scheduler asked back */
  uint32_t injections;  /* injected vectors whose inject_cost is due */
  bool begun;           /* has been given a core */
  bool blocked;         /* MSG_SCHED_BLOCK sent, no core since */
  bool polling;         /* with halt polling */
  bool wake_asked;      /* woke itself since it blocked */
  bool paused;
  struct vcpu_control_msg *pause, *resume; /* to be answered; owned */
  bool kicked;         /* an IPI arrived in guest mode: an exit is due */
  bool cold;           /* the current run follows another vCPU's */
  bool shared;         /* told last, for run shared_run */
  uint32_t shared_run; /* of the current side; 0: nothing told */
  hd_time entered;     /* last VM entry */
  hd_time accounted;   /* up to here time is in guest_time or host_time */
  hd_time *open;       /* while waiting: which of the two it will go to */
};

struct vcpu_stats { /* within the window */
  uint64_t exits[EXIT_REASONS], interrupts;
  hd_time guest_time, host_time; /* on a core; host includes halt polling and
                                    the way to and from the core */
  hd_time polled;                /* of host_time: halt polling */
};

void vcpu_initialize(struct vcpu *v, struct hd_engine *e, const char *path,
                     const char *host, const struct cpu_params *params,
                     const struct hd_window *window, const struct vcpu_ops *ops,
                     void *guest);
/* Wiring. irq NULL: no interrupt unit; its states are not told to anybody.
 * to_root and root_reply are the caller's. */
void vcpu_attach(struct vcpu *v, struct scheduler *s,
                 struct interrupt_unit *irq, uint64_t pid_hpa);
/* Its index at the interrupt unit of a side, for interrupt_unit_set_entry(). */
uint32_t vcpu_interrupt_index(const struct vcpu *v, unsigned side);
/* After the run, which ended at `end`; of all sides together. */
void vcpu_get_stats(const struct vcpu *v, hd_time end, struct vcpu_stats *st);

static inline hd_time vcpu_now(const struct vcpu *v)
{
  return hd_now(&v->task.base);
}

/* -- for guest code, i.e. from main() and interrupt() -------------------- */

/* Runs guest code for `cycles`; interrupts are taken in between if enabled. */
void vcpu_run(struct vcpu *v, int64_t cycles);
/* The same, but looks at nothing meanwhile: for less than a microsecond or so.
 * Whatever arrives is noticed afterwards. Costs no wake-up of the engine. */
void vcpu_run_short(struct vcpu *v, int64_t cycles);
/* Guest code that waits, awake and running, until `when` (a polling loop). */
void vcpu_spin_until(struct vcpu *v, hd_time when);
/* The same, but ends as soon as ops->message returns true: a polling loop at
 * the cost of one event. Returns whether that is why it ended. */
bool vcpu_spin_for_message(struct vcpu *v, hd_time until);
/* A VM exit: exit_cost and the reason's handling as host time, then re-entry.
 * Not pre-empted in between. */
void vcpu_exit(struct vcpu *v, enum exit_reason reason);
/* Host code in this vCPU's thread. */
void vcpu_run_host(struct vcpu *v, int64_t cycles);
/* STI and HLT: until an interrupt was handled, a message ended it, or `until`.
 * Halt polling, blocking and waking as KVM does. Interrupts are enabled inside
 * and as before afterwards; one that is already pending is handled instead of
 * halting. Not for interrupt handlers. */
void vcpu_idle(struct vcpu *v, hd_time until);
/* Handles all messages that have arrived, without waiting. */
void vcpu_poll(struct vcpu *v);
/* Enabled at first. Enabling handles what is pending. */
void vcpu_irq_enable(struct vcpu *v);
void vcpu_irq_disable(struct vcpu *v);
/* Uncached store: the core is occupied for mmio_write_cost, the write arrives
 * later (to_root's latency). `object` travels along. 4 bytes. */
void vcpu_mmio_write(struct vcpu *v, uint16_t device, uint64_t address,
                     uint64_t data, void *object);
/* Uncached load of 4 bytes: the core stalls until the data is back; interrupts
 * and pre-emption wait that long, too. */
uint64_t vcpu_mmio_read(struct vcpu *v, uint16_t device, uint64_t address);

#endif
