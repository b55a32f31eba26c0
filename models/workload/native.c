/*
 * native.c - the native driver: creation, memory, pages, interrupts, start.
 *
 * Memory holds for each queue pair in turn: transmit descriptors, receive
 * descriptors, transmit buffers, receive buffers. Every buffer is half a page,
 * so with 4 KiB leaves each pair of neighbouring descriptors needs an IOTLB
 * entry.
 */
#include <stdlib.h>

#include "models/workload/native.h"

/* The device's unit of the throttling interval. */
#define ITR_UNIT (2 * HD_US)

/* ---- building ---------------------------------------------------------- */

static uint64_t memory(const struct guest_config *c)
{
  uint64_t tx = (uint64_t)c->nic->tx_ring, rx = (uint64_t)c->nic->rx_ring;
  return c->queue_pairs * (guest_page_round(tx * NATIVE_TX_DESCRIPTOR) +
                           guest_page_round(rx * NATIVE_RX_DESCRIPTOR) +
                           guest_page_round(tx * GUEST_BUFFER) +
                           guest_page_round(rx * GUEST_BUFFER));
}

static void place(struct guest *g, unsigned q, uint64_t *next)
{
  const struct nic_params *n = g->config.nic;
  uint32_t tx = (uint32_t)n->tx_ring, rx = (uint32_t)n->rx_ring;
  struct native *d = g->native;
  d->tx_rings[q] = (struct nic_ring){
      .size = tx,
      .descriptor = NATIVE_TX_DESCRIPTOR,
      .slot = guest_allocate((size_t)tx, sizeof(struct packet *)),
      .buffer_size = GUEST_BUFFER,
      .vector = (uint8_t)(1 + q)};
  d->rx_rings[q] = d->tx_rings[q];
  d->rx_rings[q].size = rx;
  d->rx_rings[q].descriptor = NATIVE_RX_DESCRIPTOR;
  d->rx_rings[q].slot = NULL;
  d->tx_rings[q].address =
      guest_take(next, (uint64_t)tx * NATIVE_TX_DESCRIPTOR);
  d->rx_rings[q].address =
      guest_take(next, (uint64_t)rx * NATIVE_RX_DESCRIPTOR);
  d->tx_rings[q].buffers = guest_take(next, (uint64_t)tx * GUEST_BUFFER);
  d->rx_rings[q].buffers = guest_take(next, (uint64_t)rx * GUEST_BUFFER);
  d->tx[q] = (struct native_tx){
      .ring = &d->tx_rings[q],
      .buffers = d->tx_rings[q].buffers,
      .entries = guest_allocate((size_t)tx, sizeof(struct native_entry))};
  d->rx[q].ring = &d->rx_rings[q];
}

static void create(struct guest *g, uint64_t base)
{
  size_t n = g->config.queue_pairs;
  g->native = guest_allocate(1, sizeof *g->native);
  g->native->tx = guest_allocate(n, sizeof *g->native->tx);
  g->native->rx = guest_allocate(n, sizeof *g->native->rx);
  g->native->tx_rings = guest_allocate(n, sizeof *g->native->tx_rings);
  g->native->rx_rings = guest_allocate(n, sizeof *g->native->rx_rings);
  for (unsigned q = 0; q < n; q++)
    place(g, q, &base);
}

static void destroy(struct guest *g)
{
  for (size_t q = 0; q < g->config.queue_pairs; q++) {
    free(g->native->tx_rings[q].slot);
    free(g->native->tx[q].entries);
  }
  free(g->native->tx);
  free(g->native->rx);
  free(g->native->tx_rings);
  free(g->native->rx_rings);
  free(g->native);
}

static void set_observer(struct guest *g, unsigned q, uint16_t observer)
{
  g->native->tx_rings[q].observer = observer;
  g->native->rx_rings[q].observer = observer;
}

static void footprint(struct guest *g, unsigned q, struct hd_task *t)
{
  struct native *d = g->native;
  hd_task_add_footprint(t, d, sizeof *d);
  hd_task_add_footprint(t, &d->tx[q], sizeof d->tx[q]);
  hd_task_add_footprint(t, &d->tx_rings[q], sizeof d->tx_rings[q]);
}

struct nic_ring *guest_tx_rings(struct guest *g)
{
  return g->native ? g->native->tx_rings : NULL;
}

struct nic_ring *guest_rx_rings(struct guest *g)
{
  return g->native ? g->native->rx_rings : NULL;
}

/* ---- device pages ------------------------------------------------------ */

/* A doorbell page per queue and direction, a page per vector, the mailbox's:
 * 14 for four queue pairs (ice driver). */
static size_t pages(const struct guest_config *c)
{
  return 3u * c->queue_pairs + 2;
}

static size_t page_index(const struct guest_config *c, enum native_page kind,
                         unsigned i)
{
  switch (kind) {
  case PAGE_TX_TAIL:
    return i;
  case PAGE_RX_TAIL:
    return c->queue_pairs + i;
  case PAGE_VECTOR:
    return 2u * c->queue_pairs + i;
  default:
    return 3u * c->queue_pairs + 1;
  }
}

void native_touch(struct guest_cpu *cpu, enum native_page kind, unsigned i)
{
  guest_touch(cpu, page_index(&cpu->guest->config, kind, i));
}

/* ---- interrupts -------------------------------------------------------- */

/* The device keeps the vector disabled after it has fired. */
static bool irq_begin(struct guest_cpu *cpu, unsigned vector)
{
  (void)cpu;
  return vector > 0;
}

static int64_t poll_cycles(const struct guest_rxq *q, uint32_t completed,
                           uint32_t received)
{
  const struct guest_params *k = q->cpu->guest->config.costs;
  return completed * k->clean_descriptor + received * k->receive_driver;
}

static void write_vector(struct guest_cpu *cpu, unsigned i, uint64_t interval)
{
  const struct guest *g = cpu->guest;
  vcpu_mmio_write(&cpu->vcpu, g->config.nic_device,
                  NIC_VECTOR(g->registers.first_vector + i),
                  NIC_INT_CONTROL(interval), NULL);
}

/* What came meanwhile raises the vector again. */
static bool irq_end(struct guest_cpu *cpu, unsigned vector)
{
  write_vector(cpu, vector, NIC_ITR_KEEP);
  return false;
}

/* ---- start ------------------------------------------------------------- */

static uint64_t itr_units(hd_time itr)
{
  int64_t units = (itr + ITR_UNIT - 1) / ITR_UNIT;
  return (uint64_t)(units < NIC_ITR_KEEP ? units : NIC_ITR_KEEP - 1);
}

static void enable_vectors(struct guest_cpu *cpu)
{
  const struct guest *g = cpu->guest;
  for (unsigned i = 0; i <= g->config.queue_pairs; i++) {
    native_touch(cpu, PAGE_VECTOR, i);
    write_vector(cpu, i, itr_units(g->config.itr));
  }
}

/* Trapped are configuration space, MSI-X table and mailbox commands; then
 * descriptors are handed out and vectors enabled. */
static void probe(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  boot_trap(cpu, g->config.costs->boot_traps);
  native_touch(cpu, PAGE_MAILBOX, 0);
  vcpu_run(&cpu->vcpu, g->config.costs->boot_cycles);
  for (uint32_t q = 0; q < g->config.queue_pairs; q++)
    native_rx_start(cpu, &g->rxq[q]);
  if (g->config.workload != WORKLOAD_DPDK_FORWARD) /* which polls */
    enable_vectors(cpu);
}

/* ---- hot unplug -------------------------------------------------------- */

static bool idle(const struct guest_txq *q)
{
  return native_tx_used(native_tx_of(q)) == 0;
}

static void forget(struct guest_cpu *cpu, unsigned pair)
{
  struct guest *g = cpu->guest;
  struct native_tx *t = &g->native->tx[pair];
  if (g->txq[pair].owner == cpu)
    t->head = t->tail = 0;
  if (g->txq[pair].cleaner == cpu) {
    t->completed = t->cleaned = 0;
    g->native->rx[pair].consumed = 0;
  }
}

/* ---- books ------------------------------------------------------------- */

/* The device clears a slot when it takes the packet. */
static uint64_t unfetched(const struct guest_txq *q)
{
  const struct native_tx *t = native_tx_of(q);
  uint64_t n = 0;
  for (uint32_t i = t->head; i != t->tail; i = (i + 1) % t->ring->size)
    n += t->ring->slot[i] != NULL;
  return n;
}

static uint64_t posted_bytes(const struct guest_txq *q, uint16_t stream)
{
  const struct native_tx *t = native_tx_of(q);
  uint64_t bytes = 0;
  for (uint32_t i = t->head; i != t->tail; i = (i + 1) % t->ring->size)
    if (t->entries[i].stream == stream)
      bytes += t->entries[i].truesize;
  return bytes;
}

static const char *check(const struct guest *g, unsigned pair)
{
  const struct guest_txq *q = &g->txq[pair];
  const struct native_tx *t = native_tx_of(q);
  if (q->posted - q->freed != native_tx_used(t))
    return "transmit ring: posted descriptors are not freed or in use";
  if (native_tx_completions(q) > native_tx_used(t))
    return "transmit ring: more completions than descriptors in use";
  if (g->native->rx[pair].consumed >= NATIVE_REFILL)
    return "receive ring: descriptors not given back";
  return NULL;
}

const struct netdev_ops native_netdev_ops = {
    .device = {.memory = memory,
               .pages = pages,
               .create = create,
               .destroy = destroy,
               .set_observer = set_observer,
               .footprint = footprint,
               .probe = probe,
               .memory_written = native_memory_written},
    .room = native_tx_room,
    .send_cycles = native_send_cycles,
    .touch = native_tx_touch,
    .post = native_tx_post,
    .announce = native_tx_announce,
    .completions = native_tx_completions,
    .clean = native_tx_clean,
    .freed = native_tx_freed,
    .give_back = native_rx_give_back,
    .irq_begin = irq_begin,
    .poll_cycles = poll_cycles,
    .irq_end = irq_end,
    .idle = idle,
    .forget = forget,
    .unfetched = unfetched,
    .posted_bytes = posted_bytes,
    .check = check};
