/*
 * test_guest_backend.h - the simplest back end a virtio-net driver can have.
 *
 * It has the device's side of all queues. Transmit: it takes what it is shown
 * or kicked for, serves packets one after another, gives chains back, and
 * interrupts if it is due; it checks order and stamps. Echo requests come back
 * after `echo`; frames can be generated. It sleeps for lack of work with kicks
 * enabled, or polls (kicks disabled, every view is looked at).
 * What is not here: DMA, an IOMMU, a host thread that needs a core.
 */
#ifndef HD_TESTS_TEST_GUEST_BACKEND_H
#define HD_TESTS_TEST_GUEST_BACKEND_H

#include "test_guest_bench.h"

#include "sim/engine/rng.h"

#define BACKEND_KICK_LATENCY (2 * HD_US)
#define BACKEND_DOORBELL UINT64_C(0x10000)
enum { BACKEND_QUEUES = 17, BACKEND_STRIDE = 4096 };

enum backend_timer_kind { BACKEND_SERVED = 20, BACKEND_ECHO, BACKEND_FRAME };

struct backend_timer {
  struct hd_msg msg;
  struct packet *packet;
  uint16_t queue, id;
};

struct backend_queue {
  struct virtq_device side;
  struct virtq_view seen;
  uint32_t pushed; /* chains done, not yet given back */
  uint32_t held;   /* chains taken and not given back */
  uint32_t most_held;
  hd_time free_at;
  uint64_t published_by_driver; /* receive: buffers */
  uint32_t least_available;
  uint32_t batch_min, batch_max; /* receive: buffers published together */
};

struct backend {
  struct bench *bench;
  struct backend_queue queue[BACKEND_QUEUES];
  struct hd_channel *to_guest[BACKEND_QUEUES]; /* passive, by pair */
  gsl_rng *rng;
  /* behaviour */
  enum virtio_notify notify;
  bool polls, out_of_order;
  bool stalled;     /* serves nothing */
  uint32_t batch;   /* chains given back together */
  hd_time gap;      /* between generated frames of a pair; 0: none */
  hd_time frame_at; /* the second frame of a pair so much later; 0: none */
  hd_time frame_step;
  uint32_t frames; /* still to be generated; 0: no limit */
  /* observations */
  uint64_t taken, returned, delivered, dropped, kicks, views, overtaken;
  uint64_t races;  /* enables that came too late for a decision */
  uint64_t inside; /* packets */
  uint64_t late;   /* pairs whose first was not received before the next */
  uint64_t rx_kicks;
};

static inline struct backend *backend_of(struct bench_device *d)
{
  return d->bench->other;
}

/* ---- views ----------------------------------------------------------------
 */

static inline uint32_t place_of(const struct virtq *q, struct virtq_position p)
{
  return q->packed && !p.wrap ? p.index + q->config.size : p.index;
}

static inline void backend_send_view(struct bench_device *d, unsigned q)
{
  struct backend *k = backend_of(d);
  struct virtq_view view = virtq_device_view(&k->queue[q].side);
  struct guest_memory_msg *m = hd_msg_new_zero(&d->base, MSG_GUEST_MEMORY);
  m->data = virtq_view_encode(&view);
  m->object = k->queue[q].side.q;
  hd_send(k->to_guest[q / 2], VISIBLE_LATENCY, m);
}

static inline void backend_interrupt(struct bench_device *d, unsigned pair)
{
  unsigned vector = GUEST_VECTOR(1 + pair);
  struct interrupt_msg *m = hd_msg_new_zero(&d->base, MSG_IRQ_NOTIFY);
  m->vcpu = d->queue[pair].vcpu_index;
  m->vectors[vector / 64] = (uint64_t)1 << (vector % 64);
  hd_send(d->queue[pair].to_vcpu, IRQ_LATENCY, m);
  d->interrupts++;
}

static inline void backend_give_back(struct bench_device *d, unsigned q)
{
  struct backend_queue *bq = &backend_of(d)->queue[q];
  bq->held -= virtq_device_flush(&bq->side, NULL);
  bq->pushed = 0;
  backend_send_view(d, q);
  if (virtq_device_interrupt_due(&bq->side))
    backend_interrupt(d, q / 2);
}

static inline void backend_push(struct bench_device *d, unsigned q, uint16_t id,
                                uint32_t length)
{
  struct backend *k = backend_of(d);
  struct backend_queue *bq = &k->queue[q];
  ck_assert_int_eq(virtq_device_push(&bq->side, id, length), VIRTQ_OK);
  if (++bq->pushed >= k->batch)
    backend_give_back(d, q);
}

/* ---- packets ---------------------------------------------------------------
 */

static inline void backend_timer(struct bench_device *d, uint32_t tag,
                                 unsigned q, uint16_t id, struct packet *p,
                                 hd_time delay)
{
  struct backend_timer *m = hd_msg_new_zero(&d->base, MSG_TIMER);
  m->msg.tag = tag;
  m->packet = p;
  m->queue = (uint16_t)q;
  m->id = id;
  hd_schedule(&d->base, delay, m);
}

static inline hd_time backend_service(struct bench_device *d, unsigned q)
{
  struct backend *k = backend_of(d);
  struct backend_queue *bq = &k->queue[q];
  hd_time now = hd_now(&d->base);
  if (k->out_of_order)
    return (hd_time)(gsl_rng_uniform(k->rng) * (double)(20 * HD_US));
  bq->free_at = hd_time_max(bq->free_at, now) + d->service;
  return bq->free_at - now;
}

static inline void backend_take(struct bench_device *d, unsigned q,
                                const struct virtq_chain *chain)
{
  struct backend *k = backend_of(d);
  struct packet *p = chain->cookie;
  ck_assert_ptr_nonnull(p);
  ck_assert_uint_eq(chain->readable_bytes, 12 + packet_dma_bytes(p));
  ck_assert_uint_eq(chain->writable, 0);
  k->queue[q].side.q->cookie[chain->id] = NULL;
  k->taken++;
  d->packets++;
  d->bytes[p->stream] += p->payload;
  d->reordered += p->sequence != d->next_seq[p->stream + 4 * (q / 2)];
  d->next_seq[p->stream + 4 * (q / 2)] = p->sequence + 1;
  d->packets_in_window +=
      hd_window_contains(&d->bench->window, hd_now(&d->base));
  hd_stamps_mark(&p->stamps, HD_STAGE_DOORBELL, hd_now(&d->base));
  if (p->kind == PACKET_ECHO_REQUEST) {
    k->inside++;
    backend_timer(d, BACKEND_ECHO, q, chain->id, p, d->echo);
    return;
  }
  packet_free(&d->bench->packets, p);
  backend_timer(d, BACKEND_SERVED, q, chain->id, NULL, backend_service(d, q));
}

static inline bool backend_pop(struct bench_device *d, unsigned q,
                               struct virtq_chain *chain,
                               struct virtq_buffer *buffer)
{
  struct backend_queue *bq = &backend_of(d)->queue[q];
  *chain = (struct virtq_chain){.buffer = buffer, .capacity = 4};
  enum virtq_status status = virtq_device_pop(&bq->side, chain);
  ck_assert(status == VIRTQ_OK || status == VIRTQ_EMPTY);
  if (status != VIRTQ_OK)
    return false;
  bq->held++;
  bq->most_held = bq->held > bq->most_held ? bq->held : bq->most_held;
  return true;
}

/* Takes all there is, then sleeps. */
static inline void backend_work(struct bench_device *d, unsigned q)
{
  struct backend *k = backend_of(d);
  struct backend_queue *bq = &k->queue[q];
  struct virtq_buffer buffer[4];
  struct virtq_chain chain;
  do {
    while (!k->stalled && backend_pop(d, q, &chain, buffer))
      backend_take(d, q, &chain);
  } while (!k->polls && virtq_device_enable_kick(&bq->side) && !k->stalled);
  if (!k->polls)
    backend_send_view(d, q);
}

static inline void backend_receive(struct bench_device *d, unsigned pair,
                                   struct packet *p)
{
  struct backend *k = backend_of(d);
  unsigned q = virtio_rx_queue(pair);
  struct backend_queue *bq = &k->queue[q];
  struct virtq_buffer buffer[4];
  struct virtq_chain chain;
  uint32_t available = virtq_device_available(&bq->side);
  if (available < bq->least_available)
    bq->least_available = available;
  if (!backend_pop(d, q, &chain, buffer)) {
    k->dropped++;
    packet_free(&d->bench->packets, p);
    return;
  }
  ck_assert_uint_eq(chain.writable, 1);
  ck_assert_ptr_null(chain.cookie);
  hd_stamps_mark(&p->stamps, HD_STAGE_RECEIVE_PATH, hd_now(&d->base));
  bq->side.q->cookie[chain.id] = p;
  k->delivered++;
  ck_assert_int_eq(
      virtq_device_push(&bq->side, chain.id, 12 + packet_dma_bytes(p)),
      VIRTQ_OK);
  backend_give_back(d, q);
}

static inline void backend_frame(struct bench_device *d, unsigned pair)
{
  struct backend *k = backend_of(d);
  struct bench *b = d->bench;
  struct bench_queue *bq = &d->queue[pair];
  struct packet *p = packet_new(&b->packets);
  *p = (struct packet){.kind = PACKET_FORWARD,
                       .queue = (uint16_t)pair,
                       .sequence = bq->generated,
                       .payload = (uint32_t)b->dpdk.payload,
                       .frame = packet_frame_bytes((uint32_t)b->dpdk.payload)};
  hd_stamps_begin(&p->stamps, hd_now(&d->base));
  uint64_t dropped = k->dropped;
  backend_receive(d, pair, p);
  bq->generated += k->dropped == dropped;
}

/* Frames one by one, or in pairs whose distance grows. */
static inline void backend_generate(struct bench_device *d, unsigned pair,
                                    uint16_t second)
{
  struct backend *k = backend_of(d);
  if (!second && k->frame_at > 0)
    k->late += d->bench->packets.created != d->bench->packets.destroyed;
  backend_frame(d, pair);
  if (second || (k->frames > 0 && --k->frames == 0))
    return;
  if (k->frame_at > 0) {
    backend_timer(d, BACKEND_FRAME, pair, 1, NULL, k->frame_at);
    k->frame_at += k->frame_step;
  }
  backend_timer(d, BACKEND_FRAME, pair, 0, NULL, k->gap);
}

/* ---- messages --------------------------------------------------------------
 */

static inline void backend_look_at_receive(struct backend_queue *bq,
                                           const struct virtq_view *v)
{
  uint32_t n = place_of(bq->side.q, v->position) -
               place_of(bq->side.q, bq->seen.position);
  n %= bq->side.q->packed ? 2 * bq->side.q->config.size : 1u << 16;
  if (n == 0)
    return;
  bool first = bq->published_by_driver == 0;
  bq->published_by_driver += n;
  if (first)
    return;
  bq->batch_min = bq->batch_min && bq->batch_min < n ? bq->batch_min : n;
  bq->batch_max = bq->batch_max > n ? bq->batch_max : n;
}

static inline void backend_view(struct bench_device *d, unsigned q,
                                uint64_t bits, bool kick)
{
  struct backend *k = backend_of(d);
  struct backend_queue *bq = &k->queue[q];
  struct virtq_view view = virtq_view_decode(bits);
  bool transmit = q % 2 == 1, found = false;
  k->kicks += kick;
  k->rx_kicks += kick && !transmit;
  if (virtq_view_overtaken(bq->side.q, &bq->seen, &view)) {
    k->overtaken++;
  } else {
    if (!transmit)
      backend_look_at_receive(bq, &view);
    found = virtq_device_see(&bq->side, &view);
    ck_assert_int_eq(bq->side.error, VIRTQ_OK);
    k->races += bq->side.side.known != view.enables;
    bq->seen = view;
  }
  if (transmit && (kick || found || k->polls))
    backend_work(d, q);
}

static inline void backend_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct bench_device *d = (struct bench_device *)self;
  struct backend *k = backend_of(d);
  struct backend_timer *t = (struct backend_timer *)msg;
  if (msg->kind == MSG_VIRTQ_VIEW) {
    const struct virtio_view_msg *v = (const struct virtio_view_msg *)msg;
    k->views++;
    ck_assert_uint_eq(v->vm, d->bench->config.vm);
    backend_view(d, v->queue, v->view, v->kick);
  } else if (msg->kind == MSG_MMIO_WRITE) {
    const struct mmio_msg *m = (const struct mmio_msg *)msg;
    d->doorbells++;
    ck_assert_uint_eq((m->address - BACKEND_DOORBELL) % BACKEND_STRIDE, 0);
    backend_view(d,
                 (unsigned)((m->address - BACKEND_DOORBELL) / BACKEND_STRIDE),
                 m->data, true);
  } else if (msg->kind == MSG_VM_GO) {
    for (unsigned p = 0; k->gap > 0 && p < d->bench->config.queue_pairs; p++)
      backend_timer(d, BACKEND_FRAME, p, 0, NULL, 150 * HD_US);
  } else if (msg->tag == BACKEND_SERVED) {
    k->returned++;
    backend_push(d, t->queue, t->id, 0);
  } else if (msg->tag == BACKEND_ECHO) {
    k->inside--;
    k->returned++;
    t->packet->kind = PACKET_ECHO_REPLY;
    hd_stamps_mark(&t->packet->stamps, HD_STAGE_REMOTE, hd_now(self));
    backend_push(d, t->queue, t->id, 0);
    backend_receive(d, t->queue / 2, t->packet);
  } else {
    backend_generate(d, t->queue, t->id);
  }
  hd_msg_free(self, msg);
}

/* A polling back end says so before the guest's driver starts. */
static inline void backend_start(struct hd_component *self)
{
  struct bench_device *d = (struct bench_device *)self;
  struct backend *k = backend_of(d);
  for (unsigned q = 0; q < 2u * d->bench->config.queue_pairs; q++)
    if ((k->polls || q % 2 == 0) &&
        virtq_device_disable_kick(&k->queue[q].side))
      backend_send_view(d, q);
}

/* ---- the bench --------------------------------------------------------------
 */

static inline void backend_wire(struct bench *b)
{
  struct backend *k = b->other;
  struct virtio_function *f = guest_virtio_function(b->guest);
  const struct virtq_device_options options = {
      .max_buffers = 4,
      .avail_batch = 16,
      .descriptor_batch = 4,
      .used_batch = 4,
      .in_order_batch = true,
  };
  f->notify = k->notify;
  f->device = 2;
  f->doorbell = BACKEND_DOORBELL;
  f->doorbell_stride = BACKEND_STRIDE;
  guest_attach_backend(b->guest, &b->device.base, BACKEND_KICK_LATENCY);
  for (unsigned q = 0; q < 2 * b->config.queue_pairs; q++) {
    struct backend_queue *bq = &k->queue[q];
    ck_assert_int_eq(virtq_device_initialize(&bq->side, f->queue[q], &options),
                     VIRTQ_OK);
    bq->seen = bq->side.side.peer;
    bq->least_available = UINT32_MAX;
    if (q % 2 == 1)
      continue;
    k->to_guest[q / 2] = hd_channel_open(
        &b->device.base, &guest_vcpu_of_queue(b->guest, q / 2)->task.base,
        VISIBLE_LATENCY);
    hd_channel_set_passive(k->to_guest[q / 2]);
  }
  k->rng = hd_rng_new(7, "backend", "service");
}

static inline void backend_defaults(struct bench *b, struct backend *k,
                                    int workload)
{
  static const struct hd_component_ops ops = {
      .kind = "backend", .handle = backend_handle, .start = backend_start};
  bench_defaults(b, workload);
  *k = (struct backend){.bench = b, .batch = 1};
  b->device_ops = &ops;
  b->wire = backend_wire;
  b->other = k;
  b->config.netdev = NETDEV_VIRTIO;
  b->virtio = (struct virtio_params){.ring_size = 256,
                                     .indirect = true,
                                     .event_idx = true,
                                     .mergeable = true,
                                     .control_queue = true,
                                     .inline_header = true,
                                     .transmit = 120,
                                     .add_descriptor = 40,
                                     .indirect_table = 80,
                                     .kick_prepare = 60,
                                     .callback = 30,
                                     .take_used = 40,
                                     .free_packet = 60,
                                     .receive = 140,
                                     .refill_buffer = 120,
                                     .boot_traps = 80,
                                     .queue_traps = 10,
                                     .vector_traps = 4,
                                     .boot_cycles = 100000};
}

/* Conservation: what was created is gone, in the guest, in the back end, or
 * delivered and not yet seen. */
static inline void backend_check(const struct bench *b)
{
  const struct backend *k = b->other;
  uint64_t coming = k->delivered - guest_packets_arrived(b->guest);
  ck_assert_uint_le(coming, 64);
  ck_assert_uint_eq(b->packets.created - b->packets.destroyed,
                    guest_packets_held(b->guest) + k->inside + coming);
}

static inline void backend_destroy(struct bench *b)
{
  struct backend *k = b->other;
  for (unsigned q = 0; q < 2 * b->config.queue_pairs; q++)
    virtq_device_terminate(&k->queue[q].side);
  gsl_rng_free(k->rng);
  bench_destroy(b);
}

#endif
