/*
 * registers.c - MMIO: decode of BAR 0 and what writes to it do.
 */
#include "models/nic/internal.h"

/* ---- what an address means ------------------------------------------------
 */

struct target {
  bool tail;                 /* a tail register: */
  struct nic_queue *queue;   /* of this queue; NULL: it is not in use */
  struct nic_vector *vector; /* a vector's control register, or NULL */
};

static struct target decode(const struct nic *n, uint64_t address)
{
  uint64_t tx = address / NIC_PAGE - NIC_TX_TAIL_BASE / NIC_PAGE;
  uint64_t rx = nic_index_of(address, NIC_RX_TAIL_BASE, NIC_RX_TAIL_MORE);
  uint64_t vector = nic_index_of(address, NIC_VECTOR_BASE, NIC_VECTOR_MORE);
  struct target t = {false, NULL, NULL};
  if (tx < (uint64_t)n->params.tx_queues)
    t = (struct target){true, n->tx_queues[tx], NULL};
  else if (rx < (uint64_t)n->params.rx_queues)
    t = (struct target){true, n->rx_queues[rx], NULL};
  else if (vector < n->n_vectors)
    t.vector = &n->vectors[vector];
  return t;
}

/* ---- doorbells ------------------------------------------------------------
 */

static void ignore(struct nic *n)
{
  n->counts.ignored_writes += nic_counts(n);
}

/* Transmit: the packets behind the new descriptors have reached the device. */
static void announce_packets(struct nic *n, struct nic_queue *q, uint32_t count)
{
  hd_time now = hd_now(&n->base);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t slot = nic_slot(q, q->announced + i);
    struct packet *p = q->ring->slot[slot];
    HD_REQUIRE(&n->base, p != NULL,
               "queue %u of guest %u announces an empty descriptor %u",
               q->index, q->owner->config.vm, slot);
    hd_stamps_mark(&p->stamps, HD_STAGE_DOORBELL, now);
    q->descriptors[slot] = (struct nic_descriptor){p, now, p->frame};
  }
  n->totals.queue_length += count;
  hd_gauge_add(&n->queue_length, n->window, now, count);
}

static void tail_written(struct nic *n, struct nic_queue *q, uint64_t tail)
{
  if (q == NULL || !q->live || tail >= q->ring->size) {
    ignore(n);
    return;
  }
  uint32_t size = q->ring->size, before = nic_slot(q, q->announced);
  uint32_t count = ((uint32_t)tail + size - before) % size;
  if (q->announced + count - q->completed >= size) { /* laps itself */
    ignore(n);
    return;
  }
  n->counts.doorbells += nic_counts(n);
  if (!q->rx)
    announce_packets(n, q, count);
  q->announced += count;
  nic_fetch_descriptors(n, q);
}

/* ---- writes ----------------------------------------------------------------
 */

static void write_register(struct hd_component *device,
                           const struct pcie_tlp *tlp)
{
  struct nic *n = (struct nic *)device;
  struct target t = decode(n, tlp->address);
  if (t.tail)
    tail_written(n, t.queue, tlp->data);
  else if (t.vector)
    nic_vector_control(n, t.vector, tlp->data);
  else if (tlp->address == NIC_ADMIN_DOORBELL && tlp->object != NULL)
    nic_command_arrived(n, tlp->object);
  else
    ignore(n);
}

void nic_ahead(const struct hd_component *self, const struct hd_msg *msg)
{
  const struct nic *n = (const struct nic *)self;
  const struct pcie_tlp *t = (const struct pcie_tlp *)msg;
  if (msg->kind != MSG_TLP || t->type != PCIE_MWR)
    return;
  struct target of = decode(n, t->address);
  if (of.tail)
    hd_fetch(of.queue, sizeof *of.queue);
  else if (of.vector)
    hd_fetch(of.vector, sizeof *of.vector);
}

/* ---- reads -----------------------------------------------------------------
 */

static uint64_t read_tail(const struct nic_queue *q)
{
  return q != NULL && q->live ? nic_slot(q, q->announced) : 0;
}

static uint64_t read_register(const struct hd_component *device,
                              uint64_t address)
{
  struct target t = decode((const struct nic *)device, address);
  if (t.tail)
    return read_tail(t.queue);
  if (t.vector)
    return (t.vector->enabled ? NIC_INT_ENABLE : 0) |
           (uint64_t)(t.vector->interval / (2 * HD_US)) << 16;
  return 0;
}

const struct pcie_endpoint_ops nic_registers = {read_register, write_register};
