/* netdev_tx.c - the network driver's transmit side. */
#include "models/workload/guest_internal.h"

bool netdev_tx_direct(const struct guest_cpu *cpu, const struct guest_txq *q)
{
  return q->owner == cpu && q->qdisc.count == 0 && netdev_tx_room(q) > 0;
}

void netdev_tx_post(struct guest_cpu *cpu, struct guest_txq *q,
                    struct packet *p, uint32_t truesize)
{
  uint32_t i = q->tail;
  q->tail = (i + 1) % q->ring->size;
  q->posted++;
  q->ring->slot[i] = p;
  if (p->kind != PACKET_FORWARD) /* which stays where it was received */
    p->buffer = q->buffers + (uint64_t)i * GUEST_BUFFER;
  q->entries[i] = (struct tx_entry){truesize, p->stream};
  hd_stamps_mark(&p->stamps, HD_STAGE_SEND_PATH, vcpu_now(&cpu->vcpu));
  if (guest_in_window(cpu)) {
    cpu->counters.sent_packets++;
    cpu->counters.sent_bytes += p->payload;
  }
}

void netdev_tx_doorbell(struct guest_cpu *cpu, struct guest_txq *q)
{
  const struct guest *g = cpu->guest;
  vcpu_mmio_write(&cpu->vcpu, g->config.nic_device,
                  NIC_TX_TAIL(g->registers.first_queue + q->index), q->tail,
                  NULL);
}

/* ---- sending ----------------------------------------------------------- */

static void transmit(struct guest_cpu *cpu, struct guest_stream *s,
                     struct packet *p)
{
  netdev_tx_post(cpu, s->queue, p, s->truesize);
  netdev_tx_doorbell(cpu, s->queue);
}

static void send_local(struct guest_cpu *cpu, struct guest_stream *s,
                       struct packet *p, bool paid)
{
  struct guest_txq *q = s->queue;
  s->socket.arrived += s->truesize;
  if (!paid && netdev_tx_direct(cpu, q)) { /* room came while it ran */
    vcpu_run(&cpu->vcpu, cpu->guest->config.costs->send_driver);
    paid = true;
  }
  guest_touch(cpu, PAGE_TX_TAIL, q->index);
  /* As under the lock of the queue: tail and doorbell belong together. */
  bool enabled = guest_irq_save(cpu);
  if (paid && netdev_tx_direct(cpu, q))
    transmit(cpu, s, p);
  else
    qdisc_enqueue(cpu, q, p);
  guest_irq_restore(cpu, enabled);
}

void netdev_tx_send(struct guest_cpu *cpu, struct guest_stream *s,
                    struct packet *p, bool paid)
{
  struct guest_txq *q = s->queue;
  socket_charge(s);
  if (q->owner == cpu) {
    send_local(cpu, s, p, paid);
    return;
  }
  cpu->passed++;
  guest_send(cpu, q->owner, GUEST_PACKET, q->index, 0, p);
}

/* ---- completion -------------------------------------------------------- */

static bool release(struct guest_cpu *cpu, struct guest_stream *s,
                    uint64_t bytes)
{
  s->socket.freed += bytes;
  if (s->cpu == cpu)
    return socket_release(s, bytes);
  guest_send(cpu, s->cpu, GUEST_SOCKET_FREED, s->number, bytes, NULL);
  return false;
}

/* Neighbours of one stream are released together: one message for them. */
bool netdev_tx_freed(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n)
{
  struct guest *g = cpu->guest;
  bool woken = false;
  uint64_t bytes = 0;
  q->freed += n;
  for (uint32_t i = 0; i < n; i++) {
    const struct tx_entry *entry = &q->entries[q->head];
    q->ring->slot[q->head] = NULL;
    q->head = (q->head + 1) % q->ring->size;
    bytes += entry->truesize;
    bool last = i + 1 == n || q->entries[q->head].stream != entry->stream;
    if (last && bytes > 0) {
      woken |= release(cpu, &g->streams[entry->stream], bytes);
      bytes = 0;
    }
  }
  if (q->qdisc.count > 0)
    cpu->work = true;
  return woken;
}

/* Pays for the IPIs to other vCPUs whose threads have waited long enough. */
static void wake_waiting(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n)
{
  struct guest *g = cpu->guest;
  unsigned ipis = 0;
  for (uint32_t i = 0; i < n; i++) {
    const struct tx_entry *entry =
        &q->entries[(q->cleaned + i) % q->ring->size];
    if (entry->truesize == 0)
      continue;
    int64_t *wanted = &g->streams[entry->stream].socket.wanted;
    if (*wanted > 0 && (*wanted -= entry->truesize) <= 0)
      ipis++;
  }
  for (; ipis > 0; ipis--)
    vcpu_exit(&cpu->vcpu, EXIT_IPI);
}

void netdev_tx_clean(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n)
{
  if (n == 0)
    return;
  wake_waiting(cpu, q, n);
  q->cleaned = (q->cleaned + n) % q->ring->size;
  if (q->owner == cpu)
    netdev_tx_freed(cpu, q, n);
  else
    guest_send(cpu, q->owner, GUEST_TX_FREED, q->index, n, NULL);
}
