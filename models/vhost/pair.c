/* pair.c - the device's side of a guest's queue pair, in host software. */
#include "models/vhost/pair.h"

/* ---- life ---------------------------------------------------------------- */

static void initialize(struct virtq_device *d, struct virtq *q)
{
  static const struct virtq_device_options options = {.max_buffers =
                                                          VHOST_MAX_BUFFERS,
                                                      .avail_batch = 64,
                                                      .descriptor_batch = 64,
                                                      .used_batch = 64};
  enum virtq_status status = virtq_device_initialize(d, q, &options);
  HD_REQUIRE(NULL, status == VIRTQ_OK, "vhost: %s", virtq_status_text(status));
}

void vhost_pair_initialize(struct vhost_pair *p, struct guest *g, bool stand_in,
                           uint16_t vm, uint16_t number, uint8_t port,
                           unsigned side, struct packet_pool *pool,
                           const struct hd_window *window)
{
  struct virtio_function *f =
      stand_in ? guest_stand_in_function(g) : guest_virtio_function(g);
  HD_REQUIRE(NULL, f != NULL && f->kind == VIRTIO_NET,
             "guest %u has no virtio-net device for vhost", vm);
  f->notify = VIRTIO_NOTIFY_EXIT;
  *p = (struct vhost_pair){
      .vm = vm,
      .number = number,
      .guest_pair = number + (stand_in ? guest_stand_in_pair(g) : 0),
      .port = port,
      .side = side,
      .open = side == 0,
      .guest = g,
      .mergeable = virtio_has(f->features, VIRTIO_NET_F_MRG_RXBUF),
      .pool = pool,
      .window = window};
  initialize(&p->tx, f->queue[virtio_tx_queue(number)]);
  initialize(&p->rx, f->queue[virtio_rx_queue(number)]);
  if (side == 0)
    return;
  virtq_device_suspend(&p->tx);
  virtq_device_suspend(&p->rx);
}

void vhost_pair_attach(struct vhost_pair *p, struct host_thread *t,
                       struct interrupt_unit *unit, struct hd_channel *irq,
                       hd_time kick_latency)
{
  struct hd_component *thread = host_thread_component(t);
  struct vcpu *guest = guest_vcpu_of_queue(p->guest, p->guest_pair);
  p->thread = t;
  p->unit = unit;
  p->irq = irq;
  p->vcpu = unit && interrupt_unit_posts(unit)
                ? vcpu_interrupt_index(guest, p->side)
                : guest->side[p->side].index;
  p->to_guest =
      hd_channel_open(thread, &guest->task.base, VIRTIO_VISIBLE_LATENCY);
  hd_channel_set_passive(p->to_guest); /* a store that the driver finds */
  if (p->side == 0)
    guest_attach_backend_pair(p->guest, p->guest_pair, thread, kick_latency);
  else
    guest_attach_second_backend_pair(p->guest, p->guest_pair, thread,
                                     kick_latency);
}

void vhost_pair_terminate(struct vhost_pair *p)
{
  virtq_device_terminate(&p->tx);
  virtq_device_terminate(&p->rx);
}

/* ---- what the guest is told ------------------------------------------------
 */

static bool counts(const struct vhost_pair *p)
{
  return hd_window_contains(p->window, host_thread_now(p->thread));
}

static void require(const struct vhost_pair *p, enum virtq_status status)
{
  HD_REQUIRE(host_thread_component(p->thread), status == VIRTQ_OK,
             "guest %u, queue pair %u: %s", p->vm, p->number,
             virtq_status_text(status));
}

void vhost_pair_show(struct vhost_pair *p, const struct virtq_device *side)
{
  struct virtq_view view = virtq_device_view(side);
  struct guest_memory_msg *m =
      hd_msg_new_zero(host_thread_component(p->thread), MSG_GUEST_MEMORY);
  m->data = virtq_view_encode(&view);
  m->object = side->q;
  hd_send(p->to_guest, p->to_guest->latency, m);
}

/* The device's event field has been written. */
static void tell_event(struct vhost_pair *p, const struct virtq_device *side)
{
  virtio_dirty_event(&p->dirty, side);
  vhost_pair_show(p, side);
}

bool vhost_pair_enable(struct vhost_pair *p, struct virtq_device *side)
{
  if (vhost_is_stopped(side))
    return false;
  bool there = virtq_device_enable_kick(side);
  tell_event(p, side);
  return there;
}

void vhost_pair_disable(struct vhost_pair *p, struct virtq_device *side)
{
  if (!vhost_is_stopped(side) && virtq_device_disable_kick(side))
    tell_event(p, side);
}

bool vhost_pair_flush(struct vhost_pair *p, struct virtq_device *side)
{
  if (virtio_dirty_flush(&p->dirty, side) == 0)
    return false;
  vhost_pair_show(p, side);
  return virtq_device_interrupt_due(side);
}

void vhost_pair_signal(struct vhost_pair *p)
{
  p->stats.signals += counts(p);
  if (p->unit)
    interrupt_unit_raise(p->unit, host_thread_component(p->thread), p->irq,
                         p->vcpu, (uint8_t)GUEST_VECTOR(1 + p->guest_pair));
}

/* ---- what it tells --------------------------------------------------------
 */

bool vhost_pair_view(struct vhost_pair *p, const struct virtio_view_msg *m)
{
  struct virtq_device *side = vhost_is_transmit(m) ? &p->tx : &p->rx;
  struct virtq_view view = virtq_view_decode(m->view);
  bool found = virtq_device_see(side, &view);
  require(p, side->error);
  p->stats.kicks += m->kick && counts(p);
  return found || m->kick;
}

/* ---- transmit -------------------------------------------------------------
 */

static bool pop(struct vhost_pair *p, struct virtq_device *side,
                struct virtq_chain *chain)
{
  static struct virtq_buffer buffers[VHOST_MAX_BUFFERS]; /* not looked at */
  *chain =
      (struct virtq_chain){.buffer = buffers, .capacity = VHOST_MAX_BUFFERS};
  enum virtq_status status = virtq_device_pop(side, chain);
  if (status == VIRTQ_EMPTY || status == VIRTQ_SUSPENDED)
    return false;
  require(p, status);
  return true;
}

struct packet *vhost_pair_take(struct vhost_pair *p, uint16_t *chain)
{
  struct virtq_chain c;
  if (!pop(p, &p->tx, &c))
    return NULL;
  struct packet *packet = c.cookie;
  HD_REQUIRE(host_thread_component(p->thread),
             packet != NULL &&
                 c.readable_bytes == VHOST_HEADER + packet_dma_bytes(packet),
             "guest %u sends a chain of %llu bytes that is no frame", p->vm,
             (unsigned long long)c.readable_bytes);
  p->tx.q->cookie[c.id] = NULL; /* the packet is the host's */
  *chain = c.id;
  p->taken++;
  if (counts(p)) {
    p->stats.tx_packets++;
    p->stats.tx_bytes += packet->frame;
  }
  hd_stamps_mark(&packet->stamps, HD_STAGE_DOORBELL,
                 host_thread_now(p->thread));
  packet->next = NULL;
  packet->port = p->port;
  return packet;
}

void vhost_pair_return(struct vhost_pair *p, uint16_t chain)
{
  require(p, virtq_device_push(&p->tx, chain, 0));
}

/* ---- receive ---------------------------------------------------------------
 */

void vhost_pair_drop(struct vhost_pair *p, struct packet *packet,
                     uint64_t *counter)
{
  *counter += counts(p);
  p->dropped++;
  packet_free(p->pool, packet);
}

/* Of a packet; without mergeable buffers one must do. */
static uint32_t most_chains(const struct vhost_pair *p)
{
  return p->mergeable ? VHOST_MAX_BUFFERS : 1;
}

/* Takes chains for `bytes`, as far as there are any; returns their room. */
static uint32_t gather(struct vhost_pair *p, uint32_t bytes)
{
  uint32_t most = most_chains(p), room = 0;
  for (uint32_t i = 0; i < p->n_held; i++)
    room += p->held_bytes[i];
  struct virtq_chain c;
  while (room < bytes && p->n_held < most && pop(p, &p->rx, &c)) {
    p->held[p->n_held] = c.id;
    p->held_address[p->n_held] = c.buffer[c.readable].address;
    p->held_bytes[p->n_held++] = (uint32_t)c.writable_bytes;
    room += (uint32_t)c.writable_bytes;
  }
  return room;
}

bool vhost_pair_has_room(struct vhost_pair *p, const struct packet *packet)
{
  uint32_t bytes = VHOST_HEADER + packet_dma_bytes(packet);
  return gather(p, bytes) >= bytes || p->n_held == most_chains(p);
}

static void fill(struct vhost_pair *p, struct packet *packet, uint32_t bytes)
{
  uint32_t n = 0;
  for (; bytes > 0; n++) {
    uint32_t here = bytes < p->held_bytes[n] ? bytes : p->held_bytes[n];
    p->rx.q->cookie[p->held[n]] = n == 0 ? packet : NULL;
    require(p, virtq_device_push(&p->rx, p->held[n], here));
    virtio_dirty_wrote(&p->dirty, p->held_address[n], here);
    bytes -= here;
  }
  p->n_held -= n;
  for (uint32_t i = 0; i < p->n_held; i++) {
    p->held[i] = p->held[n + i];
    p->held_bytes[i] = p->held_bytes[n + i];
    p->held_address[i] = p->held_address[n + i];
  }
}

enum vhost_delivery vhost_pair_deliver(struct vhost_pair *p,
                                       struct packet *packet)
{
  uint32_t bytes = VHOST_HEADER + packet_dma_bytes(packet);
  if (gather(p, bytes) < bytes) {
    if (p->n_held < most_chains(p))
      return VHOST_NO_BUFFER;
    vhost_pair_drop(p, packet, &p->stats.drop_long);
    return VHOST_TOO_LONG;
  }
  hd_stamps_mark(&packet->stamps, VHOST_STAGE, host_thread_now(p->thread));
  p->delivered++;
  if (counts(p)) {
    p->stats.rx_packets++;
    p->stats.rx_bytes += packet->frame;
  }
  packet->next = NULL;
  fill(p, packet, bytes);
  return VHOST_DELIVERED;
}

uint64_t vhost_pair_unseen(const struct vhost_pair *p)
{
  uint64_t n = 0;
  const struct virtq *q = p->rx.q;
  for (uint32_t i = 0; p->side == 0 && i < q->config.size; i++)
    n += q->cookie[i] != NULL;
  return n;
}
