/* native_rx.c - the native driver's receive ring, and what the device writes.
 */
#include "models/workload/native.h"

static void write_tail(struct guest_cpu *cpu, struct guest_rxq *q)
{
  const struct guest *g = cpu->guest;
  native_touch(cpu, PAGE_RX_TAIL, q->index);
  vcpu_mmio_write(&cpu->vcpu, g->config.nic_device,
                  NIC_RX_TAIL(g->registers.first_queue + q->index),
                  native_rx_of(q)->tail, NULL);
}

/* All descriptors but one: tail == head would mean an empty ring. */
void native_rx_start(struct guest_cpu *cpu, struct guest_rxq *q)
{
  struct native_rx *r = native_rx_of(q);
  r->tail = r->ring->size - 1;
  write_tail(cpu, q);
}

void native_rx_give_back(struct guest_cpu *cpu, struct guest_rxq *q, uint32_t n)
{
  struct native_rx *r = native_rx_of(q);
  if (netdev_is_gone(cpu, q->dev))
    return;
  r->consumed += n;
  if (r->consumed < NATIVE_REFILL)
    return;
  r->tail = (r->tail + r->consumed) % r->ring->size;
  r->consumed = 0;
  write_tail(cpu, q);
}

bool native_memory_written(struct guest_cpu *cpu,
                           const struct guest_memory_msg *m)
{
  struct guest *g = cpu->guest;
  unsigned queue = NIC_EVENT_QUEUE(m->data);
  uint32_t value = NIC_EVENT_VALUE(m->data);
  HD_REQUIRE(&cpu->vcpu.task.base,
             queue < g->config.queue_pairs && g->rxq[queue].cpu == cpu,
             "write-back of queue %u is not this vCPU's", queue);
  if (NIC_EVENT_RX(m->data)) {
    netdev_rx_arrived(cpu, &g->rxq[queue], m->object, value);
  } else {
    HD_REQUIRE(&cpu->vcpu.task.base, value < g->native->tx_rings[queue].size,
               "write-back of descriptor %u", value);
    struct native_tx *t = &g->native->tx[queue];
    t->completed = value;
    hd_fetch(&t->entries[t->cleaned], sizeof *t->entries);
  }
  return cpu->polls; /* others are told by an interrupt */
}
