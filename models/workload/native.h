/*
 * native.h - driver of an E810-like interface: descriptor rings shared with the
 * device, a tail register per ring, a control register per vector. For the
 * driver's own files, and for those who wire its device.
 */
#ifndef HD_MODELS_WORKLOAD_NATIVE_H
#define HD_MODELS_WORKLOAD_NATIVE_H

#include "models/workload/guest_internal.h"

enum {
  NATIVE_TX_DESCRIPTOR = 16, /* bytes */
  NATIVE_RX_DESCRIPTOR = 32,
  NATIVE_REFILL = 32 /* receive descriptors given back together */
};

struct native_entry { /* of a posted descriptor; the packet is the device's */
  uint32_t truesize;
  uint16_t stream;
};

struct native_tx {
  struct nic_ring *ring;
  uint64_t buffers; /* IOVA of the area that packets are sent from */
  /* the owner's */
  uint32_t head, tail; /* oldest descriptor not known free; next to fill */
  struct native_entry *entries;
  /* the cleaner's */
  uint32_t completed, cleaned; /* indices, from the device; handled */
};

struct native_rx {
  struct nic_ring *ring;
  uint32_t tail;     /* register's value */
  uint32_t consumed; /* descriptors not yet given back */
};

struct native { /* arrays by queue pair */
  struct native_tx *tx;
  struct native_rx *rx;
  struct nic_ring *tx_rings, *rx_rings;
};

/* Device pages in the order of guest_touch(). */
enum native_page { PAGE_TX_TAIL, PAGE_RX_TAIL, PAGE_VECTOR, PAGE_MAILBOX };

static inline struct native_tx *native_tx_of(const struct guest_txq *q)
{
  return &q->owner->guest->native->tx[q->index];
}

static inline struct native_rx *native_rx_of(const struct guest_rxq *q)
{
  return &q->cpu->guest->native->rx[q->index];
}

static inline uint32_t native_tx_used(const struct native_tx *t)
{
  return (t->tail + t->ring->size - t->head) % t->ring->size;
}

/* native.c */
void native_touch(struct guest_cpu *cpu, enum native_page kind, unsigned i);

/* native_tx.c */
uint32_t native_tx_room(const struct guest_txq *q);
int64_t native_send_cycles(const struct guest_txq *q, uint32_t packets);
void native_tx_touch(struct guest_cpu *cpu, struct guest_txq *q);
void native_tx_post(struct guest_txq *q, struct packet *p, uint32_t truesize);
void native_tx_announce(struct guest_cpu *cpu, struct guest_txq *q);
uint32_t native_tx_completions(const struct guest_txq *q);
void native_tx_clean(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n);
bool native_tx_freed(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n);

/* native_rx.c */
void native_rx_start(struct guest_cpu *cpu, struct guest_rxq *q);
void native_rx_give_back(struct guest_cpu *cpu, struct guest_rxq *q,
                         uint32_t n);
bool native_memory_written(struct guest_cpu *cpu,
                           const struct guest_memory_msg *m);

#endif
