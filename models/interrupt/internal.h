/* internal.h - shared by the interrupt unit's own files. */
#ifndef HD_MODELS_INTERRUPT_INTERNAL_H
#define HD_MODELS_INTERRUPT_INTERNAL_H

#include "models/interrupt/interrupt.h"
#include "models/iommu/cache.h"

struct remap_entry {
  bool present, host; /* host: never posted */
  uint8_t vector;
  uint16_t requester;
  uint32_t vcpu;
};

/* A vCPU's posted descriptor (VT-d 9.11) and what the unit needs for it. */
struct posted_descriptor {
  uint64_t pending[4];         /* PIR */
  uint64_t address;            /* host physical */
  struct hd_channel *notify;   /* unit -> vCPU */
  struct hd_msg *first, *last; /* posts that wait for the update under way */
  uint8_t state;               /* enum pid_state; gives SN and NV */
  bool outstanding; /* ON: a notification or wake-up has not been taken */
  bool updating;    /* an atomic update is under way */
  uint32_t epoch;   /* of the notification; a change of state ends it */
  hd_time notified; /* arrival of the last MSG_IRQ_NOTIFY; -1: none yet */
};

struct interrupt_counters {
  struct hd_counter interrupts, posted, notified, coalesced, suppressed, woken,
      host, blocked, cache_misses, raised;
};

struct interrupt_unit {
  struct hd_component base;
  struct interrupt_params params;
  const struct hd_window *window;
  uint64_t table; /* host physical */
  struct hd_channel *to_memory, *from_memory, *to_scheduler;
  struct remap_entry *entries;
  uint32_t n_entries;
  struct vtd_cache cache; /* handle -> nothing */
  struct posted_descriptor *descriptors;
  uint32_t n_descriptors, cap_descriptors;
  struct interrupt_counters count;
  uint64_t arrived, ended, remapping, queued; /* messages: conservation */
};

static inline void interrupt_count(struct interrupt_unit *u,
                                   struct hd_counter *c)
{
  hd_counter_add(c, u->window, hd_now(&u->base), 1);
}

/* Memory requests of the unit; memory_request.data tells them apart when they
 * come back. */
enum { READ_ENTRY, UPDATE_DESCRIPTOR };
void interrupt_access(struct interrupt_unit *u, uint64_t purpose, bool write,
                      uint64_t address, uint32_t length, void *context,
                      hd_time delay);

/* ---- remap.c -------------------------------------------------------- */
void interrupt_arrives(struct interrupt_unit *u, struct pcie_tlp *tlp);
/* The table entry of an interrupt has been read. */
void interrupt_entry_read(struct interrupt_unit *u, struct pcie_tlp *tlp);

/* ---- software.c ----------------------------------------------------- */
/* Software has written a vector into a posted descriptor. */
void interrupt_raised(struct interrupt_unit *u, struct interrupt_msg *m);

/* ---- posted.c ------------------------------------------------------- */
/* Posts an interrupt whose entry is known at now + delay: tlp->data is the
 * vector, tlp->length the vCPU. */
void interrupt_post(struct interrupt_unit *u, struct pcie_tlp *tlp,
                    hd_time delay);
/* The atomic update is done: it is the descriptor's new content from now on. */
void interrupt_posted(struct interrupt_unit *u, struct pcie_tlp *tlp);
/* The notification has reached the core of the vCPU. */
void interrupt_notified(struct interrupt_unit *u, struct interrupt_msg *timer);
void interrupt_state_changed(struct interrupt_unit *u, struct interrupt_msg *m);

#endif
