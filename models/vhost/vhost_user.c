/* vhost_user.c - a poll-mode thread of vhost-user. */
#include "models/vhost/vhost_user.h"

#include <stdlib.h>

static int64_t copy(const struct vhost_pmd *d, const struct packet *p)
{
  return (int64_t)(d->params->user_copy_per_byte * (double)packet_dma_bytes(p) +
                   0.5);
}

static void work(struct vhost_pmd *d, int64_t cycles)
{
  host_thread_work(&d->thread, cycles);
}

static void signal_if_due(struct vhost_pmd *d, struct vhost_pair *pair,
                          struct virtq_device *side)
{
  bool due = vhost_pair_flush(pair, side);
  work(d, virtio_dirty_take_unpaid(&pair->dirty) * d->params->log_page);
  if (!due)
    return;
  work(d, d->params->user_signal);
  vhost_pair_signal(pair);
}

static void count_handled(struct vhost_pmd *d, uint32_t n)
{
  if (hd_window_contains(d->thread.vcpu.window, host_thread_now(&d->thread)))
    d->handled += n;
}

/* ---- guest to NIC ---------------------------------------------------------
 */

/* rte_vhost_dequeue_burst(): copies, returns the chains. */
static uint32_t dequeue(struct vhost_pmd *d, struct vhost_pair *pair,
                        struct host_packets *burst)
{
  int64_t cycles = 0;
  struct packet *p;
  uint16_t *chain = d->chains;
  while (burst->count < d->params->user_burst &&
         (p = vhost_pair_take(pair, chain)) != NULL) {
    cycles += d->params->user_descriptor + copy(d, p);
    host_packets_push(burst, p);
    chain++;
  }
  d->in_hand = burst->count;
  if (burst->count == 0)
    return 0;
  work(d, cycles);
  for (uint32_t i = 0; i < burst->count; i++)
    vhost_pair_return(pair, d->chains[i]);
  signal_if_due(d, pair, &pair->tx);
  return burst->count;
}

static bool poll_guest(struct vhost_pmd *d, struct vhost_pair *pair)
{
  const struct vhost_params *k = d->params;
  struct host_packets burst = {0};
  work(d, k->user_poll);
  uint32_t n = dequeue(d, pair, &burst);
  if (n == 0)
    return false;
  work(d, n * (k->user_forward + k->user_transmit + k->clean_descriptor));
  hd_time now = host_thread_now(&d->thread);
  for (struct packet *p = burst.first; p != NULL; p = p->next)
    hd_stamps_mark(&p->stamps, VHOST_STAGE, now);
  count_handled(d, n);
  d->sent += n;
  d->in_hand = 0;
  host_txq_send(&d->thread, d->to_txq[pair->port], burst.first, n);
  return true;
}

/* ---- NIC to guest ----------------------------------------------------------
 */

static struct vhost_pair *pair_of(const struct vhost_pmd *d,
                                  const struct packet *p)
{
  if (p->vm >= d->guests || p->queue >= d->per_guest)
    return NULL;
  uint32_t i = d->index[(size_t)p->vm * d->per_guest + p->queue];
  return i > 0 ? d->pairs[i - 1] : NULL;
}

static void drop_unknown(struct vhost_pmd *d, struct packet *p)
{
  d->unknown++;
  d->no_tap +=
      hd_window_contains(d->thread.vcpu.window, host_thread_now(&d->thread));
  packet_free(d->pool, p);
}

static void mark_dirty(struct vhost_pmd *d, struct vhost_pair *pair)
{
  for (uint32_t i = 0; i < d->n_dirty; i++)
    if (d->dirty[i] == pair)
      return;
  d->dirty[d->n_dirty++] = pair;
}

/* rte_vhost_enqueue_burst() of one packet. */
static void enqueue(struct vhost_pmd *d, struct packet *p)
{
  const struct vhost_params *k = d->params;
  struct vhost_pair *pair = pair_of(d, p);
  work(d, k->user_receive + k->user_forward);
  if (!pair) {
    drop_unknown(d, p);
    return;
  }
  if (vhost_is_stopped(&pair->rx)) {
    vhost_pair_drop(pair, p, &pair->stats.drop_stopped);
    return;
  }
  if (!vhost_pair_has_room(pair, p)) {
    vhost_pair_drop(pair, p, &pair->stats.drop_buffers);
    return;
  }
  work(d, k->user_descriptor + copy(d, p));
  if (vhost_pair_deliver(pair, p) == VHOST_DELIVERED)
    mark_dirty(d, pair);
}

static bool poll_port(struct vhost_pmd *d, struct host_rxq *q)
{
  uint32_t n = 0;
  work(d, d->params->user_poll);
  for (; n < d->params->user_burst && q->list.count > 0; n++)
    enqueue(d, host_packets_pop(&q->list));
  if (n == 0)
    return false;
  for (uint32_t i = 0; i < d->n_dirty; i++)
    signal_if_due(d, d->dirty[i], &d->dirty[i]->rx);
  d->n_dirty = 0;
  count_handled(d, n);
  host_rxq_give_back(&d->thread, q, n);
  return true;
}

/* ---- the thread ------------------------------------------------------------
 */

/* Between two turns, as rte_vhost waits for its poll-mode threads. */
static void obey(struct vhost_pmd *d)
{
  d->asked = false;
  for (uint32_t i = 0; i < d->n_pairs; i++)
    vhost_pair_obey(d->pairs[i]);
}

static bool turn(struct vhost_pmd *d)
{
  bool found = false;
  d->activity = false;
  if (d->asked)
    obey(d);
  for (unsigned i = 0; i < VHOST_PORTS; i++)
    if (d->rxq[i] && poll_port(d, d->rxq[i])) {
      found = true;
      host_thread_look(&d->thread);
    }
  for (uint32_t i = 0; i < d->n_pairs; i++)
    if (poll_guest(d, d->pairs[i])) {
      found = true;
      host_thread_look(&d->thread);
    }
  if (found)
    d->turns +=
        hd_window_contains(d->thread.vcpu.window, host_thread_now(&d->thread));
  return found;
}

static hd_time empty_turn(const struct vhost_pmd *d)
{
  int64_t queues = d->n_pairs;
  for (unsigned i = 0; i < VHOST_PORTS; i++)
    queues += d->rxq[i] != NULL;
  return hd_time_max(
      hd_clock_span(&d->thread.vcpu.clock, queues * d->params->user_poll), 1);
}

static void body(struct vcpu *v)
{
  struct vhost_pmd *d = v->guest;
  hd_time length = empty_turn(d);
  for (unsigned i = 0; i < VHOST_PORTS; i++)
    if (d->rxq[i])
      host_rxq_start(&d->thread, d->rxq[i]);
  for (uint32_t i = 0; i < d->n_pairs; i++) {
    vhost_pair_disable(d->pairs[i], &d->pairs[i]->tx);
    vhost_pair_disable(d->pairs[i], &d->pairs[i]->rx);
  }
  for (;;)
    if (!turn(d))
      host_thread_poll_in_vain(&d->thread, &d->activity, length);
}

static struct vhost_pair *viewed_pair(const struct vhost_pmd *d,
                                      const struct virtio_view_msg *m)
{
  const struct packet where = {.vm = m->vm, .queue = m->queue / 2};
  return pair_of(d, &where);
}

static bool message(struct vcpu *v, struct hd_msg *m)
{
  struct vhost_pmd *d = v->guest;
  if (m->kind == MSG_VIRTQ_CONTROL) {
    const struct virtq_control_msg *c = (const struct virtq_control_msg *)m;
    const struct packet where = {.vm = c->vm, .queue = c->queue / 2};
    vhost_pair_ask(pair_of(d, &where), m);
    d->asked = d->activity = true;
    return true;
  }
  if (m->kind == MSG_VIRTQ_VIEW) {
    const struct virtio_view_msg *view = (const struct virtio_view_msg *)m;
    struct vhost_pair *pair = viewed_pair(d, view);
    HD_REQUIRE(&v->task.base, pair != NULL, "a view of guest %u", view->vm);
    vhost_pair_view(pair, view);
    d->activity |= virtq_device_available(&pair->tx) > 0;
  } else {
    const struct guest_memory_msg *w = (const struct guest_memory_msg *)m;
    HD_REQUIRE(&v->task.base, m->kind == MSG_GUEST_MEMORY, "message of kind %u",
               m->kind);
    unsigned port = ((const struct packet *)w->object)->port;
    host_rxq_written(d->rxq[port], w);
    d->activity = true;
  }
  hd_msg_free(&v->task.base, m);
  return true;
}

/* ---- life ------------------------------------------------------------------
 */

static const struct vcpu_ops ops = {.main = body, .message = message};

void vhost_pmd_initialize(struct vhost_pmd *d, struct hd_engine *e,
                          const char *path, const char *host,
                          const struct vhost_params *p,
                          const struct cpu_params *cpu, uint32_t guests,
                          uint32_t per_guest, struct packet_pool *pool,
                          const struct hd_window *window)
{
  size_t burst = (size_t)p->user_burst, most = (size_t)guests * per_guest;
  *d = (struct vhost_pmd){
      .params = p,
      .pool = pool,
      .guests = guests,
      .per_guest = per_guest,
      .pairs = hd_array(NULL, most, sizeof *d->pairs, path),
      .index = hd_array(NULL, most, sizeof *d->index, path),
      .chains = hd_array(NULL, burst, sizeof *d->chains, path),
      .dirty = hd_array(NULL, burst, sizeof *d->dirty, path)};
  host_thread_initialize(&d->thread, e, path, host, cpu, p->thread_switch,
                         window, &ops, d);
  d->thread.dedicated = true;
}

void vhost_pmd_terminate(struct vhost_pmd *d)
{
  free(d->pairs);
  free(d->index);
  free(d->chains);
  free(d->dirty);
}

void vhost_pmd_add_port(struct vhost_pmd *d, unsigned port,
                        struct host_rxq *rxq, struct host_txq *txq)
{
  d->rxq[port] = rxq;
  d->to_txq[port] = host_txq_connect(txq, host_thread_component(&d->thread));
}

void vhost_pmd_add_pair(struct vhost_pmd *d, struct vhost_pair *pair)
{
  d->pairs[d->n_pairs++] = pair;
  d->index[(size_t)pair->vm * d->per_guest + pair->number] = d->n_pairs;
}
