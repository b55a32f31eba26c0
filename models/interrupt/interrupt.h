/*
 * interrupt.h - interrupt remapping and posting of one IO stack (VT-d 4.0,
 * chapter 5).
 *
 * A write to 0xFEEx_xxxx selects an entry of the remapping table (cached); the
 * entry either names a posted descriptor (64 B in memory: pending bits,
 * outstanding, suppress, notification vector) or a host vector. Posting is an
 * atomic update of the descriptor through the memory model; a notification is
 * sent only when none is outstanding and the descriptor does not suppress it.
 */
#ifndef HD_MODELS_INTERRUPT_INTERRUPT_H
#define HD_MODELS_INTERRUPT_INTERRUPT_H

#include "models/memory/memory.h"
#include "models/pcie/tlp.h"
#include "sim/engine/param.h"
#include "sim/measure/gauge.h"

struct interrupt_params {
  bool posted;            /* VT-d posted interrupts; false: injected path */
  int64_t cache_entries;  /* interrupt entry cache */
  int64_t remap_latency;  /* ps: unit's pipeline, entry cached */
  int64_t notify_latency; /* ps: notification -> guest handler's first
                             instruction on a running vCPU */
  int64_t wakeup_latency; /* ps: wake-up vector -> host scheduler */
  int64_t host_latency;   /* ps: remapped interrupt -> host handler */
  int64_t state_latency;  /* ps: vCPU's host thread -> its descriptor; at least
                             1 ns */
};

extern const struct hd_param_table interrupt_param_table;

/* State of a vCPU's posted descriptor, as its host thread sets it; RUNNING
 * until it says otherwise. */
enum pid_state {
  PID_RUNNING,   /* notification vector, goes to the vCPU */
  PID_PREEMPTED, /* suppress notification: runnable, not running */
  PID_BLOCKED    /* wake-up vector, goes to the host scheduler */
};

struct interrupt_msg {
  struct hd_msg msg;
  uint32_t vcpu;       /* server-wide index */
  uint32_t state;      /* MSG_PID_STATE: enum pid_state */
  hd_time extra;       /* MSG_IRQ_WAKE: how much later than at a polling vCPU
                          the wake-up takes effect at a blocked one */
  uint64_t vectors[4]; /* MSG_IRQ_NOTIFY, MSG_IRQ_WAKE: the pending bits, which
                          leave the descriptor; others: one bit set */
};
_Static_assert(sizeof(struct interrupt_msg) <= HD_MSG_BYTES, "too large");

struct interrupt_unit; /* is a struct hd_component */

struct interrupt_unit *
interrupt_unit_create(struct hd_engine *e, const char *path, const char *host,
                      const struct interrupt_params *params, uint64_t table_hpa,
                      const struct hd_window *window);
void interrupt_unit_destroy(struct interrupt_unit *u);
struct hd_component *interrupt_unit_component(struct interrupt_unit *u);
void interrupt_unit_attach_memory(struct interrupt_unit *u, struct memory *m,
                                  hd_time latency);
void interrupt_unit_attach_scheduler(struct interrupt_unit *u,
                                     struct hd_component *scheduler);
/* Adds the next vCPU (index = number of earlier calls); the channel is the one
 * on which the vCPU sends MSG_PID_STATE. */
struct hd_channel *interrupt_unit_add_vcpu(struct interrupt_unit *u,
                                           struct hd_component *vcpu,
                                           uint64_t pid_hpa);

/* A MSG_IRQ_NOTIFY may reach a vCPU that has just sent another state: its bits
 * are pending there. If that was PID_BLOCKED, the unit sends MSG_IRQ_WAKE as
 * well, since the vCPU cannot have acted on them. So a wake-up can find a vCPU
 * that is awake, but no blocked vCPU stays without one.
 *
 * Software writes a remapping entry: interrupts `handle` of `requester` go to
 * `vcpu` as guest vector `vector` (32..255). Build time, or by software before
 * it enables the vector. MSI address/data for the device: handle in data. */
void interrupt_unit_set_entry(struct interrupt_unit *u, uint32_t handle,
                              uint16_t requester, uint32_t vcpu,
                              uint8_t vector);

/* The same for an interrupt of the host's own: it is remapped to the host's
 * handler (MSG_IRQ_HOST), whether or not those of guests are posted; `vcpu` is
 * the host thread that the handler wakes. */
void interrupt_unit_set_host_entry(struct interrupt_unit *u, uint32_t handle,
                                   uint16_t requester, uint32_t vcpu,
                                   uint8_t vector);

/* Host software raises guests' vectors itself (KVM: irqfd). With posted
 * interrupts it sets the bit in the posted descriptor, an atomic update among
 * those of devices, and sends the notification or wakes the vCPU by the same
 * rules; no remapping entry is involved. Without, it asks the scheduler to kick
 * or wake the vCPU and inject: MSG_IRQ_HOST with tag INTERRUPT_RAISED, since
 * the handler's work has been done by the sender. Returns the channel, after
 * interrupt_unit_attach_scheduler(); the latency is that of a line between
 * cores, state_latency. */
enum { MSG_IRQ_RAISE = 0x4900 }; /* software -> unit; apart from messages.h */
enum { INTERRUPT_RAISED = 1 };
struct hd_channel *interrupt_unit_connect_software(struct interrupt_unit *u,
                                                   struct hd_component *c);
/* Whether they are posted. */
bool interrupt_unit_posts(const struct interrupt_unit *u);
/* By component `c`, on its channel; what it costs `c` is the caller's. `vcpu`:
 * the unit's index if they are posted, the scheduler's otherwise. */
void interrupt_unit_raise(const struct interrupt_unit *u,
                          struct hd_component *c, struct hd_channel *to,
                          uint32_t vcpu, uint8_t vector);

#define INTERRUPT_HANDLES 65536 /* largest remapping table (VT-d 9.9) */

/* Within the window; interrupts are those of devices, raised those of software.
 * posted = notified + woken at a post + coalesced +
 * suppressed; woken also counts wake-ups at a change of state. */
struct interrupt_stats {
  uint64_t interrupts, posted, notified, coalesced, suppressed, woken, host,
      blocked, cache_misses, raised;
};
void interrupt_unit_get_stats(const struct interrupt_unit *u,
                              struct interrupt_stats *s);
const char *interrupt_unit_check(const struct interrupt_unit *u);

#endif
