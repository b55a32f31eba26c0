/* vhost_stats.c - results of the software back ends, and what must balance. */
#include "models/vhost/internal.h"

size_t vhost_n_threads(const struct vhost *v)
{
  return v->n_workers + v->n_napis + v->n_pmds;
}

struct host_thread *vhost_thread(const struct vhost *v, size_t i)
{
  if (i < v->n_workers)
    return &v->workers[i].thread;
  i -= v->n_workers;
  if (i < v->n_napis)
    return &v->napis[i].thread;
  return &v->pmds[i - v->n_napis].thread;
}

void vhost_get_thread_stats(const struct vhost *v, size_t i, hd_time end,
                            struct vhost_thread_stats *st)
{
  const struct host_thread *t = vhost_thread(v, i);
  *st = (struct vhost_thread_stats){.name = t->vcpu.task.base.path,
                                    .cores = host_thread_cores(t, end)};
  if (i < v->n_workers) {
    const struct vhost_pair_stats *p = &v->workers[i].pair->stats;
    st->role = VHOST_WORKER;
    st->packets = p->tx_packets + p->rx_packets;
  } else if (i < v->n_workers + v->n_napis) {
    const struct vhost_napi *n = &v->napis[i - v->n_workers];
    st->role = VHOST_NAPI;
    st->packets = n->handled;
    st->unknown = n->no_tap;
  } else {
    const struct vhost_pmd *d = &v->pmds[i - v->n_workers - v->n_napis];
    st->role = VHOST_PMD;
    st->packets = d->handled;
    st->unknown = d->no_tap;
  }
}

double vhost_cores(const struct vhost *v, hd_time end)
{
  double cores = 0;
  for (size_t i = 0; i < vhost_n_threads(v); i++)
    cores += host_thread_cores(vhost_thread(v, i), end);
  return cores;
}

bool vhost_get_guest_stats(const struct vhost *v, uint16_t vm,
                           struct vhost_pair_stats *st)
{
  bool found = false;
  *st = (struct vhost_pair_stats){0};
  for (size_t i = 0; i < v->n_pairs; i++) {
    const struct vhost_pair_stats *p = &v->pairs[i].stats;
    if (v->pairs[i].vm != vm)
      continue;
    found = true;
    st->tx_packets += p->tx_packets;
    st->tx_bytes += p->tx_bytes;
    st->rx_packets += p->rx_packets;
    st->rx_bytes += p->rx_bytes;
    st->drop_tun += p->drop_tun;
    st->drop_buffers += p->drop_buffers;
    st->drop_long += p->drop_long;
    st->drop_stopped += p->drop_stopped;
    st->buffer_waits += p->buffer_waits;
    st->kicks += p->kicks;
    st->signals += p->signals;
  }
  return found;
}

uint64_t vhost_transmit_drops(const struct vhost *v)
{
  uint64_t drops = 0;
  for (unsigned port = 0; port < VHOST_PORTS; port++)
    for (uint16_t q = 0; q < v->ports[port].queue_pairs; q++)
      drops += v->ports[port].txq[q].drops;
  return drops;
}

uint64_t vhost_receive_drops(const struct vhost *v)
{
  uint64_t drops = 0;
  for (size_t i = 0; i < v->n_pairs; i++) {
    const struct vhost_pair_stats *p = &v->pairs[i].stats;
    drops += p->drop_tun + p->drop_buffers + p->drop_long + p->drop_stopped;
  }
  return drops;
}

/* ---- conservation
 * ------------------------------------------------------------ */

uint64_t vhost_packets_arrived(const struct vhost *v)
{
  uint64_t n = 0;
  for (unsigned port = 0; port < VHOST_PORTS; port++)
    for (uint16_t q = 0; q < v->ports[port].queue_pairs; q++)
      n += v->ports[port].rxq[q].seen;
  return n;
}

/* Of all that came in since the start. */
struct balance {
  uint64_t taken, delivered, dropped, unseen; /* guests' queue pairs */
  uint64_t seen, waiting;                     /* host's receive queues */
  uint64_t arrived, posted, overflow, unfetched, held; /* transmit queues */
  uint64_t unknown, in_threads;
};

static struct balance balance_of(const struct vhost *v)
{
  struct balance b = {.seen = vhost_packets_arrived(v)};
  for (size_t i = 0; i < v->n_pairs; i++) {
    b.taken += v->pairs[i].taken;
    b.delivered += v->pairs[i].delivered;
    b.dropped += v->pairs[i].dropped;
    b.unseen += vhost_pair_unseen(&v->pairs[i]);
  }
  for (unsigned port = 0; port < VHOST_PORTS; port++)
    for (uint16_t q = 0; q < v->ports[port].queue_pairs; q++) {
      const struct host_txq *t = &v->ports[port].txq[q];
      b.waiting += v->ports[port].rxq[q].list.count;
      b.arrived += t->arrived;
      b.posted += t->posted;
      b.overflow += t->dropped;
      b.held += host_txq_held(t);
    }
  for (size_t i = 0; i < v->n_workers; i++)
    b.in_threads += vhost_worker_held(&v->workers[i]);
  for (size_t i = 0; i < v->n_napis; i++)
    b.unknown += v->napis[i].unknown;
  for (size_t i = 0; i < v->n_pmds; i++) {
    b.unknown += v->pmds[i].unknown;
    b.in_threads += v->pmds[i].in_hand;
  }
  return b;
}

/* What came in and has not gone out. */
uint64_t vhost_packets_inside(const struct vhost *v)
{
  struct balance b = balance_of(v);
  uint64_t qdisc = b.arrived - b.posted - b.overflow;
  uint64_t fetched = b.posted - (b.held - qdisc);
  return b.taken + b.seen + b.unseen - b.delivered - b.dropped - b.overflow -
         b.unknown - fetched;
}

/* Packets in messages between threads and to transmit queues. */
static uint64_t under_way(const struct vhost *v)
{
  uint64_t sent = 0, come = 0;
  for (size_t i = 0; i < v->n_workers; i++) {
    sent += v->workers[i].sent;
    come += v->workers[i].frames;
  }
  for (size_t i = 0; i < v->n_napis; i++)
    sent += v->napis[i].forwarded;
  for (size_t i = 0; i < v->n_pmds; i++)
    sent += v->pmds[i].sent;
  return sent - come - balance_of(v).arrived;
}

const char *vhost_check(const struct vhost *v)
{
  for (unsigned port = 0; port < VHOST_PORTS; port++)
    for (uint16_t q = 0; q < v->ports[port].queue_pairs; q++) {
      const char *wrong = host_txq_check(&v->ports[port].txq[q]);
      if (wrong)
        return wrong;
    }
  for (size_t i = 0; i < v->n_pairs; i++) {
    const struct vhost_pair *p = &v->pairs[i];
    if (p->tx.error != VIRTQ_OK || p->rx.error != VIRTQ_OK)
      return "vhost: a virtqueue is broken";
  }
  struct balance b = balance_of(v);
  uint64_t found = b.unseen + b.waiting + b.held + b.in_threads + under_way(v);
  if (found != vhost_packets_inside(v))
    return "vhost: packets inside are in no list";
  return NULL;
}
