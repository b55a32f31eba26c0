/* netdev_tx.c - sending and completion, what is the same for all drivers. */
#include "models/workload/guest_internal.h"

const struct netdev_ops *netdev_of(const struct guest_config *c)
{
  return c->netdev == NETDEV_VIRTIO ? &virtio_net_ops : &native_netdev_ops;
}

/* ---- sending ----------------------------------------------------------- */

bool netdev_tx_direct(const struct guest_cpu *cpu, const struct guest_txq *q)
{
  return q->owner == cpu && q->qdisc.count == 0 &&
         cpu->guest->netdev->room(q) > 0;
}

int64_t netdev_tx_cycles(const struct guest_cpu *cpu, const struct guest_txq *q)
{
  return netdev_tx_direct(cpu, q) ? cpu->guest->netdev->send_cycles(q, 1) : 0;
}

void netdev_tx_post(struct guest_cpu *cpu, struct guest_txq *q,
                    struct packet *p, uint32_t truesize)
{
  q->posted++;
  cpu->guest->netdev->post(q, p, truesize);
  hd_stamps_mark(&p->stamps, HD_STAGE_SEND_PATH, vcpu_now(&cpu->vcpu));
  if (guest_in_window(cpu)) {
    cpu->counters.sent_packets++;
    cpu->counters.sent_bytes += p->payload;
  }
}

static void transmit(struct guest_cpu *cpu, struct guest_stream *s,
                     struct packet *p)
{
  const struct netdev_ops *dev = cpu->guest->netdev;
  if (dev->reclaim)
    dev->reclaim(cpu, s->queue);
  netdev_tx_post(cpu, s->queue, p, guest_packet_truesize(cpu->guest, p));
  dev->announce(cpu, s->queue);
}

static void send_local(struct guest_cpu *cpu, struct guest_stream *s,
                       struct packet *p, bool paid)
{
  const struct netdev_ops *dev = cpu->guest->netdev;
  struct guest_txq *q = s->queue;
  s->socket.arrived += guest_packet_truesize(cpu->guest, p);
  if (!paid && netdev_tx_direct(cpu, q)) { /* room came while it ran */
    vcpu_run(&cpu->vcpu, dev->send_cycles(q, 1));
    paid = true;
  }
  if (dev->touch)
    dev->touch(cpu, q);
  /* As under the lock of the queue: posting and announcing belong together. */
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
  socket_charge(s, guest_packet_truesize(cpu->guest, p));
  if (q->owner == cpu) {
    send_local(cpu, s, p, paid);
    return;
  }
  cpu->passed++;
  guest_send(cpu, q->owner, GUEST_PACKET, q->index, 0, p);
}

/* ---- completion -------------------------------------------------------- */

bool netdev_tx_release(struct guest_cpu *cpu, struct guest_stream *s,
                       uint64_t bytes)
{
  s->socket.freed += bytes;
  if (s->cpu == cpu)
    return socket_release(s, bytes);
  guest_send(cpu, s->cpu, GUEST_SOCKET_FREED, s->number, bytes, NULL);
  return false;
}

bool netdev_tx_wakes(struct guest_stream *s, uint32_t truesize)
{
  int64_t *wanted = &s->socket.wanted;
  return *wanted > 0 && (*wanted -= truesize) <= 0;
}

void netdev_tx_clean(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n)
{
  if (n > 0)
    cpu->guest->netdev->clean(cpu, q, n);
}
