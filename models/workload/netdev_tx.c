/* netdev_tx.c - sending and completion, what is the same for all drivers. */
#include "models/workload/guest_internal.h"

const struct netdev_ops *netdev_of(const struct guest_config *c)
{
  return c->netdev == NETDEV_VIRTIO ? &virtio_net_ops : &native_netdev_ops;
}

/* ---- which device ------------------------------------------------------ */

static const struct guest_txq *active(const struct guest_cpu *cpu,
                                      const struct guest_txq *q)
{
  bool other = cpu->stood_in && q->dev->number == 0;
  return other ? q + cpu->guest->netdev[1].first : q;
}

struct guest_txq *netdev_tx_queue(const struct guest_cpu *cpu,
                                  struct guest_txq *q)
{
  return &cpu->guest->txq[active(cpu, q)->index];
}

/* ---- sending ----------------------------------------------------------- */

bool netdev_tx_direct(const struct guest_cpu *cpu, const struct guest_txq *q)
{
  q = active(cpu, q);
  return q->owner == cpu && q->qdisc.count == 0 && q->dev->ops->room(q) > 0;
}

int64_t netdev_tx_cycles(const struct guest_cpu *cpu, const struct guest_txq *q)
{
  q = active(cpu, q);
  return netdev_tx_direct(cpu, q) ? q->dev->ops->send_cycles(q, 1) : 0;
}

void netdev_tx_post(struct guest_cpu *cpu, struct guest_txq *q,
                    struct packet *p, uint32_t truesize)
{
  q->posted++;
  q->dev->ops->post(q, p, truesize);
  hd_stamps_mark(&p->stamps, HD_STAGE_SEND_PATH, vcpu_now(&cpu->vcpu));
  if (guest_in_window(cpu)) {
    cpu->counters.sent_packets++;
    cpu->counters.sent_bytes += p->payload;
  }
}

static void transmit(struct guest_cpu *cpu, struct guest_txq *q,
                     struct packet *p)
{
  const struct netdev_ops *dev = q->dev->ops;
  if (dev->reclaim)
    dev->reclaim(cpu, q);
  netdev_tx_post(cpu, q, p, guest_packet_truesize(cpu->guest, p));
  dev->announce(cpu, q);
}

static void send_local(struct guest_cpu *cpu, struct guest_stream *s,
                       struct packet *p, bool paid)
{
  struct guest_txq *q = netdev_tx_queue(cpu, s->queue);
  const struct netdev_ops *dev = q->dev->ops;
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
    transmit(cpu, q, p);
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

bool netdev_tx_wakes(const struct guest_netdev *dev, struct guest_stream *s,
                     uint32_t truesize)
{
  int64_t *wanted = &s->socket.wanted[dev->number];
  return *wanted > 0 && (*wanted -= truesize) <= 0;
}

void netdev_tx_clean(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n)
{
  if (n > 0)
    q->dev->ops->clean(cpu, q, n);
}
