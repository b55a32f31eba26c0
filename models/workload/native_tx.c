/* native_tx.c - the native driver's transmit ring. */
#include "models/workload/native.h"

uint32_t native_tx_room(const struct guest_txq *q)
{
  const struct native_tx *t = native_tx_of(q);
  return t->ring->size - 1 - native_tx_used(t);
}

int64_t native_send_cycles(const struct guest_txq *q, uint32_t packets)
{
  return (int64_t)packets * q->owner->guest->config.costs->send_driver;
}

void native_tx_touch(struct guest_cpu *cpu, struct guest_txq *q)
{
  native_touch(cpu, PAGE_TX_TAIL, q->index);
}

void native_tx_post(struct guest_txq *q, struct packet *p, uint32_t truesize)
{
  struct native_tx *t = native_tx_of(q);
  uint32_t i = t->tail;
  t->tail = (i + 1) % t->ring->size;
  t->ring->slot[i] = p;
  if (!packet_in_place(p))
    p->buffer = t->buffers + (uint64_t)i * GUEST_BUFFER;
  t->entries[i] = (struct native_entry){truesize, p->stream};
}

void native_tx_announce(struct guest_cpu *cpu, struct guest_txq *q)
{
  const struct guest *g = cpu->guest;
  vcpu_mmio_write(&cpu->vcpu, g->config.nic_device,
                  NIC_TX_TAIL(g->registers.first_queue + q->index),
                  native_tx_of(q)->tail, NULL);
}

/* ---- completion -------------------------------------------------------- */

uint32_t native_tx_completions(const struct guest_txq *q)
{
  const struct native_tx *t = native_tx_of(q);
  return (t->completed + t->ring->size - t->cleaned) % t->ring->size;
}

/* Neighbours of one stream are released together: one message for them. */
bool native_tx_freed(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n)
{
  struct guest *g = cpu->guest;
  struct native_tx *t = native_tx_of(q);
  bool woken = false;
  uint64_t bytes = 0;
  q->freed += n;
  for (uint32_t i = 0; i < n; i++) {
    const struct native_entry *entry = &t->entries[t->head];
    t->ring->slot[t->head] = NULL;
    t->head = (t->head + 1) % t->ring->size;
    bytes += entry->truesize;
    bool last = i + 1 == n || t->entries[t->head].stream != entry->stream;
    if (last && bytes > 0) {
      woken |= netdev_tx_release(cpu, &g->streams[entry->stream], bytes);
      bytes = 0;
    }
  }
  if (q->qdisc.count > 0)
    cpu->work = true;
  return woken;
}

/* Pays for the IPIs to other vCPUs whose threads have waited long enough. */
static void wake_waiting(struct guest_cpu *cpu, const struct guest_txq *q,
                         uint32_t n)
{
  struct guest *g = cpu->guest;
  const struct native_tx *t = native_tx_of(q);
  unsigned ipis = 0;
  for (uint32_t i = 0; i < n; i++) {
    const struct native_entry *entry =
        &t->entries[(t->cleaned + i) % t->ring->size];
    if (entry->truesize > 0)
      ipis +=
          netdev_tx_wakes(q->dev, &g->streams[entry->stream], entry->truesize);
  }
  for (; ipis > 0; ipis--)
    vcpu_exit(&cpu->vcpu, EXIT_IPI);
}

void native_tx_clean(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n)
{
  struct native_tx *t = native_tx_of(q);
  wake_waiting(cpu, q, n);
  t->cleaned = (t->cleaned + n) % t->ring->size;
  if (q->owner == cpu)
    native_tx_freed(cpu, q, n);
  else
    guest_send(cpu, q->owner, GUEST_TX_FREED, q->index, n, NULL);
}
