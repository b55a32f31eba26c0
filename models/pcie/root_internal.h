/*
 * root_internal.h - the root complex's state; shared by its own files.
 *
 * root_complex.c  life, wiring, messages, downstream accesses, statistics
 * root_order.c    the upstream path: translation, ordering, completions
 * root_ats.c      what ATS adds: who asks for translations, messages
 */
#ifndef HD_MODELS_PCIE_ROOT_INTERNAL_H
#define HD_MODELS_PCIE_ROOT_INTERNAL_H

#include "models/pcie/root_complex.h"

/* A posted write in its port's order, with the requests that came after it and
 * may not pass it. */
struct root_posted {
  struct pcie_tlp *tlp;
  bool ready;                  /* translated */
  struct hd_msg *first, *last; /* waiting requests and completions */
};

struct root_port {
  struct hd_component *link;
  struct hd_channel *to_link;
  struct hd_channel *to_iommu; /* NULL: none */
  struct pcie_receiver receiver;
  struct root_posted *ring;      /* power of two */
  uint32_t capacity, head, tail; /* free running */
  hd_time last_down; /* latest time at which something was sent down */
};

/* A device that CPUs reach. */
struct root_device {
  uint16_t port;        /* root port */
  uint16_t switch_port; /* below the switch there, or 0 */
};

struct root_complex {
  struct hd_component base;
  const struct pcie_params *params;
  const struct hd_window *window; /* the owner may still move it */
  struct root_port *ports;
  struct root_device *devices;
  size_t n_ports, n_devices;
  struct hd_channel *to_memory, *to_interrupts;
  hd_time cpu_latency; /* of the channels from CPUs */
  uint16_t *asked;     /* by requester ID: port + 1 by which it has asked for
                          translations, or 0. NULL: nobody ever has */
  struct hd_counter reads, writes, interrupts, blocked, mmio_reads, mmio_writes,
      read_bytes, write_bytes;
  /* Since the start, for root_complex_check(). */
  uint64_t arrived, left, accessing, mmio_open;
  uint64_t translating; /* not counting what has a place in the order */
  uint64_t waiting;     /* behind posted writes */
};

/* root_order.c */
void root_order_initialize(struct root_port *p);
void root_order_terminate(struct root_port *p);
void root_order_arrive(struct root_complex *rc, struct pcie_tlp *tlp);
void root_order_translated(struct root_complex *rc, struct pcie_tlp *tlp);
void root_order_accessed(struct root_complex *rc, struct pcie_tlp *tlp);
const char *root_order_check(const struct root_complex *rc);

/* root_ats.c */
/* A request with an AT field arrives. */
void root_ats_arrive(struct root_complex *rc, struct pcie_tlp *tlp);
/* Sends a message of the IOMMU's to its device. One for a function that has
 * never asked for a translation, and so keeps none, is answered here. */
void root_ats_message(struct root_complex *rc, struct pcie_tlp *tlp);

/* root_complex.c: sends a TLP down `delay` from now, and never earlier than
 * what was sent down before. */
void root_send_down(struct root_complex *rc, struct root_port *p, hd_time delay,
                    struct pcie_tlp *t);
/* root_complex.c: a device's answer to a CPU's read, when its turn has come. */
void root_mmio_answer(struct root_complex *rc, struct pcie_tlp *tlp);

#endif
