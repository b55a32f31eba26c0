/* vhost_net.c - the worker: handle_tx(), handle_rx(). */
#include "models/vhost/vhost_net.h"

#include <stdlib.h>

static void work(struct vhost_worker *w, int64_t cycles)
{
  host_thread_work(&w->thread, cycles);
}

static int64_t copy(const struct vhost_worker *w, const struct packet *p)
{
  return (int64_t)(w->params->copy_per_byte * (double)packet_dma_bytes(p) +
                   0.5);
}

/* Publishes used entries of `n` chains; signals the guest if it wants that. */
static void give_back(struct vhost_worker *w, struct virtq_device *side,
                      int64_t n)
{
  work(w,
       n * w->params->used + vhost_pair_logged(w->pair) * w->params->log_page);
  if (!vhost_pair_flush(w->pair, side))
    return;
  work(w, w->params->signal);
  vhost_pair_signal(w->pair);
}

/* Polls until there is work of either kind, or for the timeout; Linux:
 * vhost_net_busy_poll(). */
static void busy_loop(struct vhost_worker *w)
{
  struct vcpu *v = &w->thread.vcpu;
  hd_time end = vcpu_now(v) + w->params->busyloop_timeout;
  w->polling = true;
  while (vcpu_now(v) < end && w->tun.count == 0 &&
         virtq_device_available(&w->pair->tx) == 0)
    vcpu_spin_for_message(v, end);
  w->polling = false;
}

/* ---- transmit -------------------------------------------------------------
 */

/* tun_sendmsg(): each packet goes all the way to the NIC's ring. */
static void send_batch(struct vhost_worker *w)
{
  const struct vhost_params *p = w->params;
  uint32_t n = w->batch.count;
  if (n == 0)
    return;
  work(w, p->send_batch);
  for (uint32_t i = 0; i < n; i++) {
    struct packet *packet = host_packets_pop(&w->batch);
    work(w, p->tun_send + p->bridge + p->transmit + p->clean_descriptor);
    hd_stamps_mark(&packet->stamps, VHOST_STAGE, host_thread_now(&w->thread));
    host_txq_send(&w->thread, w->to_txq, packet, 1);
    w->sent++;
  }
  for (uint32_t i = 0; i < n; i++)
    vhost_pair_return(w->pair, w->chains[i]);
  give_back(w, &w->pair->tx, n);
}

static void add_to_batch(struct vhost_worker *w, struct packet *p,
                         uint16_t chain)
{
  work(w, w->params->descriptor + copy(w, p));
  w->chains[w->batch.count] = chain;
  host_packets_push(&w->batch, p);
  if (w->batch.count == w->params->batch)
    send_batch(w);
}

/* The next packet; an empty ring is looked at again, after polling if that is
 * on. */
static struct packet *next_packet(struct vhost_worker *w, uint16_t *chain)
{
  struct packet *p = vhost_pair_take(w->pair, chain);
  if (p)
    return p;
  host_thread_look(&w->thread);
  p = vhost_pair_take(w->pair, chain);
  if (p || w->params->busyloop_timeout == 0)
    return p;
  send_batch(w);
  busy_loop(w);
  return vhost_pair_take(w->pair, chain);
}

static void handle_tx(struct vhost_worker *w)
{
  const struct vhost_params *k = w->params;
  int64_t packets = 0, bytes = 0;
  w->tx_work = false;
  if (vhost_is_stopped(&w->pair->tx))
    return;
  work(w, k->work);
  vhost_pair_disable(w->pair, &w->pair->tx);
  while (packets < k->weight_packets && bytes < k->weight_bytes) {
    uint16_t chain;
    struct packet *p = next_packet(w, &chain);
    if (p) {
      packets++;
      bytes += packet_dma_bytes(p);
      add_to_batch(w, p, chain);
    } else if (vhost_pair_enable(w->pair, &w->pair->tx)) {
      vhost_pair_disable(w->pair, &w->pair->tx);
    } else {
      break;
    }
  }
  w->tx_work |= packets >= k->weight_packets || bytes >= k->weight_bytes;
  send_batch(w);
}

/* ---- receive ---------------------------------------------------------------
 */

/* Whether there is a frame, perhaps after another look. */
static bool frame_waits(struct vhost_worker *w)
{
  if (w->tun.count > 0)
    return true;
  host_thread_look(&w->thread);
  if (w->tun.count > 0 || w->params->busyloop_timeout == 0)
    return w->tun.count > 0;
  busy_loop(w);
  w->tx_work |= virtq_device_available(&w->pair->tx) > 0;
  return w->tun.count > 0;
}

/* The guest has no buffers: asks for a kick. True: they have come. */
static bool await_buffers(struct vhost_worker *w)
{
  host_thread_look(&w->thread);
  if (virtq_device_available(&w->pair->rx) > 0)
    return true;
  if (vhost_pair_enable(w->pair, &w->pair->rx)) {
    vhost_pair_disable(w->pair, &w->pair->rx);
    return true;
  }
  w->starved = true;
  w->pair->stats.buffer_waits +=
      hd_window_contains(w->thread.vcpu.window, host_thread_now(&w->thread));
  return false;
}

static void handle_rx(struct vhost_worker *w)
{
  const struct vhost_params *k = w->params;
  int64_t packets = 0, bytes = 0, done = 0;
  w->rx_work = false;
  if (vhost_is_stopped(&w->pair->rx))
    return;
  work(w, k->work);
  vhost_pair_disable(w->pair, &w->pair->rx);
  while (packets < k->weight_packets && bytes < k->weight_bytes &&
         frame_waits(w)) {
    if (!vhost_pair_has_room(w->pair, w->tun.first)) {
      if (await_buffers(w))
        continue;
      break;
    }
    struct packet *p = host_packets_pop(&w->tun);
    packets++;
    bytes += packet_dma_bytes(p);
    work(w, k->tun_receive + k->descriptor + copy(w, p));
    done += vhost_pair_deliver(w->pair, p) == VHOST_DELIVERED;
    if (done >= k->batch) {
      give_back(w, &w->pair->rx, done);
      done = 0;
    }
  }
  w->rx_work |= packets >= k->weight_packets || bytes >= k->weight_bytes;
  give_back(w, &w->pair->rx, done);
}

/* ---- the thread -----------------------------------------------------------
 */

/* A tap device that nobody reads any more goes, with what is in it. */
static void close_tap(struct vhost_worker *w)
{
  while (w->tun.count > 0)
    vhost_pair_drop(w->pair, host_packets_pop(&w->tun),
                    &w->pair->stats.drop_stopped);
}

/* A request is a work item, too. Queues that have been started are looked at.
 */
static void obey(struct vhost_worker *w)
{
  work(w, w->params->work);
  vhost_pair_obey(w->pair);
  if (!w->pair->open)
    close_tap(w);
  w->starved = false;
  w->tx_work = w->rx_work = true;
}

/* Work items alternate as in vhost's list; between them others may run. */
static void body(struct vcpu *v)
{
  struct vhost_worker *w = v->guest;
  for (;;) {
    if (w->tx_work)
      handle_tx(w);
    host_thread_look(&w->thread);
    if (w->rx_work)
      handle_rx(w);
    host_thread_look(&w->thread);
    if (vhost_pair_asked(w->pair))
      obey(w);
    if (!w->tx_work && !w->rx_work)
      vcpu_idle(v, HD_TIME_NEVER);
  }
}

static bool viewed(struct vhost_worker *w, const struct virtio_view_msg *m)
{
  bool due = vhost_pair_view(w->pair, m);
  if (due && vhost_is_transmit(m)) {
    w->tx_work = true;
  } else if (due) {
    w->rx_work = true;
    w->starved = false;
  }
  return due;
}

/* tun_net_xmit(): a full queue drops the frame; the worker is woken unless it
 * waits for buffers. */
static bool frame_arrived(struct vhost_worker *w, struct packet *p)
{
  w->frames++;
  if (!w->pair->open) {
    vhost_pair_drop(w->pair, p, &w->pair->stats.drop_stopped);
    return false;
  }
  if (w->tun.count >= w->params->tun_queue) {
    vhost_pair_drop(w->pair, p, &w->pair->stats.drop_tun);
    return false;
  }
  host_packets_push(&w->tun, p);
  w->rx_work |= !w->starved;
  return !w->starved;
}

static bool message(struct vcpu *v, struct hd_msg *m)
{
  struct vhost_worker *w = v->guest;
  bool due = false;
  if (m->kind == MSG_VIRTQ_CONTROL) {
    vhost_pair_ask(w->pair, m);
    return true;
  }
  if (m->kind == MSG_VIRTQ_VIEW)
    due = viewed(w, (const struct virtio_view_msg *)m);
  else if (m->kind == MSG_HOST_FRAME)
    due = frame_arrived(w, ((const struct host_packets_msg *)m)->list);
  else
    HD_REQUIRE(&v->task.base, false, "message of kind %u", m->kind);
  hd_msg_free(&v->task.base, m);
  return due || w->polling;
}

/* ---- life -----------------------------------------------------------------
 */

static const struct vcpu_ops ops = {.main = body, .message = message};

void vhost_worker_initialize(struct vhost_worker *w, struct hd_engine *e,
                             const char *path, const char *host,
                             const struct vhost_params *p,
                             const struct cpu_params *cpu,
                             struct vhost_pair *pair, struct host_txq *txq,
                             const struct hd_window *window)
{
  *w = (struct vhost_worker){.params = p, .pair = pair};
  host_thread_initialize(&w->thread, e, path, host, cpu, p->thread_switch,
                         window, &ops, w);
  w->chains = calloc((size_t)p->batch, sizeof *w->chains);
  HD_REQUIRE(NULL, w->chains != NULL, "out of memory for %s", path);
  w->to_txq = host_txq_connect(txq, host_thread_component(&w->thread));
}

void vhost_worker_terminate(struct vhost_worker *w)
{
  free(w->chains);
}

uint64_t vhost_worker_held(const struct vhost_worker *w)
{
  return w->tun.count + w->batch.count;
}
