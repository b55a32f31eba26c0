/*
 * test_guest_block.h - the simplest block devices a guest can work with: one
 * with NVMe queues, one with virtqueues (twice, for moving a guest).
 *
 * A device takes requests after the doorbell or kick, completes each after its
 * own time, in any order, and interrupts. It checks what a device can see:
 * stamps, addresses, tags, room in the completion queue, each request once.
 * What is not here: PCIe, DMA, an IOMMU, posted descriptors.
 */
#ifndef HD_TESTS_TEST_GUEST_BLOCK_H
#define HD_TESTS_TEST_GUEST_BLOCK_H

#include "models/workload/blockdev.h"
#include "models/workload/virtio_driver.h"
#include "sim/engine/rng.h"
#include "test_guest_bench.h"

#define BLOCK_KICK_LATENCY (2 * HD_US)
#define BLOCK_DOORBELL UINT64_C(0x10000)
#define BLOCK_READ_LATENCY (700 * HD_NS)
enum { BLOCK_STRIDE = 4096, BLOCK_LOG = 1 << 14, BLOCK_NAMESPACE = 1 << 20 };

enum { BLOCK_SERVED = 40 }; /* a timer's tag */

struct block_timer {
  struct hd_msg msg;
  struct block_request *request;
  uint16_t queue, id;
};

struct block_end_queue {
  /* NVMe */
  uint32_t tail;              /* entries taken, modulo the size */
  uint64_t posted, head_told; /* completion entries */
  bool enabled;
  /* virtio */
  struct virtq_device side;
  struct virtq_view seen;
  uint64_t inside; /* requests taken and not completed */
  hd_time free_at;
};

struct block_end {
  struct hd_component *component;
  struct block_end_queue queue[BENCH_QUEUES];
  struct hd_channel *memory[BENCH_QUEUES]; /* passive */
  struct hd_channel *irq[BENCH_QUEUES];
  struct hd_channel *other; /* the first one's: to the second */
  uint64_t taken, completed, views, kicks, inside, most_inside;
};

struct block_log {
  hd_time when;
  uint64_t lba;
  uint32_t bytes;
  uint16_t queue;
  uint8_t op;
};

struct block_rig {
  struct bench *bench;
  struct block_end end[2];
  struct hd_component second;
  gsl_rng *rng;
  /* behaviour */
  hd_time service;     /* of each request */
  hd_time spread;      /* besides, at random up to this */
  hd_time gap;         /* of a queue: from one completion to the next */
  unsigned fail_every; /* 0: none */
  enum virtio_notify notify;
  bool polls;          /* virtio: the device does */
  uint64_t move_after; /* requests: then the second takes over; 0: never */
  /* observations */
  uint64_t doorbells, head_doorbells, register_reads, interrupts, ops[3];
  uint64_t failed, outside, crossing;
  struct block_log log[BLOCK_LOG];
  uint64_t logged;
  bool moved;
};

static struct block_rig rig;

static inline struct block_end *block_end_of(struct hd_component *self)
{
  return &rig.end[self == &rig.second];
}

static inline bool block_is_virtio(void)
{
  return rig.bench->config.blockdev == BLOCKDEV_VIRTIO;
}

/* ---- requests ----------------------------------------------------------- */

static inline void block_check_request(const struct block_request *r)
{
  const struct guest_config *c = &rig.bench->config;
  hd_time total = 0;
  for (int i = 0; i < HD_STAGE_COUNT; i++)
    total += r->stamps.spent[i];
  ck_assert_int_eq(total, r->stamps.last - r->stamps.begin);
  ck_assert_uint_eq(r->vm, c->vm);
  if (r->op == BLOCK_FLUSH)
    return;
  ck_assert_uint_eq(r->bytes, (uint64_t)rig.bench->jobs.bs);
  ck_assert_uint_le(r->lba + r->bytes / BLOCK_BYTES, c->blocks);
  rig.outside += r->buffer < c->memory_base ||
                 r->buffer + r->bytes > c->memory_base + c->memory_size;
  if (block_pages(r->buffer, r->bytes) <= 2 || block_is_virtio())
    return;
  uint64_t last = r->list + (block_pages(r->buffer, r->bytes) - 1) * 8u - 1;
  rig.outside +=
      r->list < c->memory_base || last >= c->memory_base + c->memory_size;
  rig.crossing += r->list / 4096 != last / 4096;
}

static inline void block_note(struct block_end *e, unsigned q,
                              struct block_request *r)
{
  hd_time now = hd_now(e->component);
  block_check_request(r);
  ck_assert_uint_eq(r->queue, q);
  rig.ops[r->op]++;
  if (rig.logged < BLOCK_LOG)
    rig.log[rig.logged] =
        (struct block_log){now, r->lba, r->bytes, (uint16_t)q, r->op};
  rig.logged++;
  e->taken++;
  e->inside++;
  e->queue[q].inside++;
  e->most_inside = e->inside > e->most_inside ? e->inside : e->most_inside;
}

static inline void block_take(struct block_end *e, unsigned q, uint16_t id,
                              struct block_request *r)
{
  struct block_end_queue *bq = &e->queue[q];
  hd_time now = hd_now(e->component);
  block_note(e, q, r);
  hd_stamps_mark(&r->stamps, HD_STAGE_DOORBELL, now);
  hd_time done = now + rig.service;
  if (rig.spread > 0)
    done += (hd_time)(gsl_rng_uniform(rig.rng) * (double)rig.spread);
  if (rig.gap > 0) {
    bq->free_at = hd_time_max(bq->free_at, now) + rig.gap;
    done = hd_time_max(done, bq->free_at);
  }
  struct block_timer *m = hd_msg_new_zero(e->component, MSG_TIMER);
  m->msg.tag = BLOCK_SERVED;
  m->request = r;
  m->queue = (uint16_t)q;
  m->id = id;
  hd_schedule(e->component, done - now, m);
}

static inline void block_interrupt_guest(struct block_end *e, unsigned q)
{
  unsigned vector = GUEST_VECTOR(1 + q);
  struct interrupt_msg *m = hd_msg_new_zero(e->component, MSG_IRQ_NOTIFY);
  m->vcpu = guest_vcpu_of_queue(rig.bench->guest, q)->index;
  m->vectors[vector / 64] = (uint64_t)1 << (vector % 64);
  hd_send(e->irq[q], IRQ_LATENCY, m);
  rig.interrupts++;
}

static inline void block_show(struct block_end *e, unsigned q, uint64_t data,
                              void *object)
{
  struct guest_memory_msg *m = hd_msg_new_zero(e->component, MSG_GUEST_MEMORY);
  m->data = data;
  m->object = object;
  hd_send(e->memory[q], VISIBLE_LATENCY, m);
}

/* ---- NVMe --------------------------------------------------------------- */

static inline void block_entry(struct block_end *e, unsigned q,
                               struct block_request *r)
{
  struct block_end_queue *bq = &e->queue[q];
  const struct storage_ring *ring = &guest_storage_rings(rig.bench->guest)[q];
  uint64_t slot = bq->posted % ring->size;
  uint64_t phase = (bq->posted / ring->size + 1) & 1;
  bq->posted++;
  ck_assert_uint_le(bq->posted - bq->head_told, ring->size - 1);
  block_show(e, q, STORAGE_EVENT(q, slot, bq->tail, phase), r);
  if (bq->enabled)
    block_interrupt_guest(e, q);
}

static inline void block_tail(struct block_end *e, unsigned q, uint32_t tail)
{
  struct block_end_queue *bq = &e->queue[q];
  struct storage_ring *ring = &guest_storage_rings(rig.bench->guest)[q];
  ck_assert_uint_lt(tail, ring->size);
  ck_assert_uint_ne(tail, bq->tail);
  rig.doorbells++;
  while (bq->tail != tail) {
    struct block_request *r = ring->slot[bq->tail];
    ck_assert_ptr_nonnull(r);
    ring->slot[bq->tail] = NULL;
    bq->tail = (bq->tail + 1) % ring->size;
    block_take(e, q, 0, r);
  }
}

static inline void block_head(struct block_end *e, unsigned q, uint32_t head)
{
  struct block_end_queue *bq = &e->queue[q];
  uint32_t size = guest_storage_rings(rig.bench->guest)[q].size;
  uint32_t n = (head + size - (uint32_t)(bq->head_told % size)) % size;
  rig.head_doorbells++;
  ck_assert_uint_gt(n, 0);
  ck_assert_uint_le(n, bq->posted - bq->head_told);
  bq->head_told += n;
}

static inline void block_register(struct block_end *e, const struct mmio_msg *m)
{
  ck_assert_uint_eq(m->device, rig.bench->config.nic_device);
  if (m->address >= STORAGE_VECTOR_BASE) {
    uint64_t vector = (m->address - STORAGE_VECTOR(FIRST_VECTOR)) / 4096;
    ck_assert_uint_eq(m->data, STORAGE_INT_ENABLE);
    e->queue[vector].enabled = true;
    return;
  }
  uint64_t offset = m->address - STORAGE_SQ_TAIL(FIRST_QUEUE);
  unsigned q = (unsigned)(offset / STORAGE_PAGE);
  if (offset % STORAGE_PAGE == 0)
    block_tail(e, q, (uint32_t)m->data);
  else
    block_head(e, q, (uint32_t)m->data);
}

static inline void block_read_register(struct mmio_msg *m)
{
  rig.register_reads++;
  m->msg.kind = MSG_MMIO_DATA;
  m->data = 0;
  hd_send(m->reply, m->reply->latency, m);
}

/* ---- virtio ------------------------------------------------------------- */

static inline void block_send_view(struct block_end *e, unsigned q)
{
  struct virtq_view view = virtq_device_view(&e->queue[q].side);
  block_show(e, q, virtq_view_encode(&view), e->queue[q].side.q);
}

static inline bool block_pop(struct block_end *e, unsigned q)
{
  struct virtq_buffer buffer[4];
  struct virtq_chain chain = {.buffer = buffer, .capacity = 4};
  enum virtq_status status = virtq_device_pop(&e->queue[q].side, &chain);
  ck_assert(status == VIRTQ_OK || status == VIRTQ_EMPTY);
  if (status != VIRTQ_OK)
    return false;
  struct block_request *r = chain.cookie;
  bool read = r->op == BLOCK_READ;
  ck_assert_uint_eq(chain.readable_bytes,
                    16 + (r->op == BLOCK_WRITE ? r->bytes : 0));
  ck_assert_uint_eq(chain.writable_bytes, 1 + (read ? r->bytes : 0));
  ck_assert_uint_eq(buffer[0].length, 16);
  block_take(e, q, chain.id, r);
  return true;
}

static inline void block_work(struct block_end *e, unsigned q)
{
  do {
    while (block_pop(e, q))
      ;
  } while (!rig.polls && virtq_device_enable_kick(&e->queue[q].side));
  if (!rig.polls)
    block_send_view(e, q);
}

static inline void block_push(struct block_end *e, unsigned q, uint16_t id,
                              struct block_request *r)
{
  struct virtq_device *side = &e->queue[q].side;
  uint32_t written = 1 + (r->op == BLOCK_READ ? r->bytes : 0);
  ck_assert_int_eq(virtq_device_push(side, id, written), VIRTQ_OK);
  virtq_device_flush(side, NULL);
  block_send_view(e, q);
  if (virtq_device_interrupt_due(side))
    block_interrupt_guest(e, q);
}

static inline void block_view(struct block_end *e, unsigned q, uint64_t bits,
                              bool kick)
{
  struct block_end_queue *bq = &e->queue[q];
  struct virtq_view view = virtq_view_decode(bits);
  bool found = false;
  e->views++;
  e->kicks += kick;
  if (!virtq_view_overtaken(bq->side.q, &bq->seen, &view)) {
    found = virtq_device_see(&bq->side, &view);
    ck_assert_int_eq(bq->side.error, VIRTQ_OK);
    bq->seen = view;
  }
  if (kick || found || rig.polls)
    block_work(e, q);
}

/* ---- moving to the second back end -------------------------------------- */

static inline void block_move_queue(unsigned q)
{
  struct block_end_queue *from = &rig.end[0].queue[q];
  struct block_end_queue *to = &rig.end[1].queue[q];
  struct virtq_in_flight list[512];
  struct virtq_state state;
  virtq_device_suspend(&from->side);
  ck_assert_int_eq(virtq_device_save(&from->side, &state, list, 512), VIRTQ_OK);
  ck_assert_int_eq(virtq_device_restore(&to->side, &state, list), VIRTQ_OK);
  to->seen = guest_driver_views(guest_virtio_function(rig.bench->guest), q);
  virtq_device_see(&to->side, &to->seen);
}

/* The guest waits for what the first one holds, and does nothing meanwhile. */
static inline void block_move(void)
{
  rig.moved = true;
  for (unsigned q = 0; q < rig.bench->config.queue_pairs; q++)
    block_move_queue(q);
  guest_switch_backend(rig.bench->guest,
                       guest_virtio_function(rig.bench->guest), 1);
}

/* What the first one would have completed, the second one does. */
static inline void block_hand_over(struct block_end *e, struct block_timer *t)
{
  struct block_timer *m = hd_msg_new_zero(e->component, MSG_TIMER);
  m->msg.tag = BLOCK_SERVED;
  m->request = t->request;
  m->queue = t->queue;
  m->id = t->id;
  hd_send(e->other, 10 * HD_US, m);
  e->inside--;
  e->queue[t->queue].inside--;
  rig.end[1].inside++;
  rig.end[1].queue[t->queue].inside++;
}

/* ---- messages ----------------------------------------------------------- */

static inline void block_served(struct block_end *e, struct block_timer *t)
{
  struct block_request *r = t->request;
  if (rig.move_after > 0 && e == &rig.end[0]) {
    if (!rig.moved && e->taken >= rig.move_after)
      block_move();
    if (rig.moved) {
      block_hand_over(e, t);
      return;
    }
  }
  e->completed++;
  e->inside--;
  e->queue[t->queue].inside--;
  bool fails = rig.fail_every > 0 && e->completed % rig.fail_every == 0;
  r->status = fails ? BLOCK_TRANSFER_ERROR : BLOCK_OK;
  rig.failed += fails;
  hd_stamps_mark(&r->stamps, HD_STAGE_REMOTE, hd_now(e->component));
  if (block_is_virtio())
    block_push(e, t->queue, t->id, r);
  else
    block_entry(e, t->queue, r);
}

static inline void block_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct block_end *e = block_end_of(self);
  struct mmio_msg *m = (struct mmio_msg *)msg;
  if (msg->kind == MSG_MMIO_READ) {
    block_read_register(m);
    return;
  }
  if (msg->kind == MSG_VIRTQ_VIEW) {
    const struct virtio_view_msg *v = (const struct virtio_view_msg *)msg;
    block_view(e, v->queue, v->view, v->kick);
  } else if (msg->kind == MSG_MMIO_WRITE && block_is_virtio()) {
    rig.doorbells++;
    block_view(e, (unsigned)((m->address - BLOCK_DOORBELL) / BLOCK_STRIDE),
               m->data, true);
  } else if (msg->kind == MSG_MMIO_WRITE) {
    block_register(e, m);
  } else if (msg->kind == MSG_TIMER) {
    block_served(e, (struct block_timer *)msg);
  }
  hd_msg_free(self, msg);
}

/* A polling device says so before the guest's driver starts. */
static inline void block_start(struct hd_component *self)
{
  struct block_end *e = block_end_of(self);
  for (unsigned q = 0; rig.polls && q < rig.bench->config.queue_pairs; q++)
    if (virtq_device_disable_kick(&e->queue[q].side))
      block_send_view(e, q);
}

/* ---- building ----------------------------------------------------------- */

static inline void block_wire_end(struct bench *b, struct block_end *e)
{
  static const struct virtq_device_options options = {.max_buffers = 4,
                                                      .avail_batch = 16,
                                                      .descriptor_batch = 4,
                                                      .used_batch = 4};
  struct virtio_function *f = guest_virtio_function(b->guest);
  for (unsigned q = 0; q < b->config.queue_pairs; q++) {
    struct hd_component *v = &guest_vcpu_of_queue(b->guest, q)->task.base;
    e->irq[q] = hd_channel_open(e->component, v, VISIBLE_LATENCY);
    e->memory[q] = hd_channel_open(e->component, v, VISIBLE_LATENCY);
    hd_channel_set_passive(e->memory[q]);
    if (!f)
      continue;
    ck_assert_int_eq(
        virtq_device_initialize(&e->queue[q].side, f->queue[q], &options),
        VIRTQ_OK);
    e->queue[q].seen = e->queue[q].side.side.peer;
  }
}

static inline void block_wire(struct bench *b)
{
  struct virtio_function *f = guest_virtio_function(b->guest);
  static const struct hd_component_ops ops = {.kind = "second",
                                              .handle = block_handle};
  rig.end[0].component = &b->device.base;
  rig.end[1].component = &rig.second;
  hd_component_initialize(&rig.second, b->engine, &ops, "server/second",
                          "server");
  block_wire_end(b, &rig.end[0]);
  for (size_t i = 0; i < guest_vcpus(b->guest); i++)
    guest_vcpu(b->guest, i)->root_reply =
        hd_channel_open(&b->device.base, &guest_vcpu(b->guest, i)->task.base,
                        BLOCK_READ_LATENCY);
  rig.rng = hd_rng_new(7, "block", "service");
  if (!f)
    return;
  rig.end[0].other = hd_channel_open(&b->device.base, &rig.second, 10 * HD_US);
  block_wire_end(b, &rig.end[1]);
  f->notify = rig.notify;
  f->device = 2;
  f->doorbell = BLOCK_DOORBELL;
  f->doorbell_stride = BLOCK_STRIDE;
  guest_attach_backend(b->guest, &b->device.base, BLOCK_KICK_LATENCY);
  guest_attach_second_backend(b->guest, &rig.second, BLOCK_KICK_LATENCY);
}

static inline void block_costs(struct bench *b)
{
  b->block_costs = (struct guest_block_params){.submit_syscall = 900,
                                               .submit_request = 2000,
                                               .submit_driver = 350,
                                               .complete_driver = 250,
                                               .complete_request = 1000,
                                               .reap_syscall = 700,
                                               .application = 400,
                                               .interrupt = 600,
                                               .plug = 32,
                                               .poll_empty = 200,
                                               .nvme_ring = 256,
                                               .nvme_boot_traps = 60,
                                               .nvme_vector_traps = 4,
                                               .nvme_registers = 20,
                                               .nvme_commands = 8,
                                               .nvme_queue_commands = 2,
                                               .nvme_boot_cycles = 100000};
  b->virtio = (struct virtio_params){.ring_size = 256,
                                     .indirect = true,
                                     .event_idx = true,
                                     .add_descriptor = 40,
                                     .indirect_table = 80,
                                     .kick_prepare = 60,
                                     .callback = 30,
                                     .take_used = 40,
                                     .boot_traps = 80,
                                     .queue_traps = 10,
                                     .vector_traps = 4,
                                     .boot_cycles = 100000};
}

static inline void block_defaults(struct bench *b, int blockdev)
{
  static const struct hd_component_ops ops = {
      .kind = "blockdev", .handle = block_handle, .start = block_start};
  bench_defaults(b, WORKLOAD_BLOCK_JOBS);
  rig = (struct block_rig){.bench = b, .service = 50 * HD_US};
  block_costs(b);
  b->jobs = (struct block_jobs_params){.rw = BLOCK_RANDOM_READ,
                                       .bs = 4096,
                                       .iodepth = 1,
                                       .numjobs = 1,
                                       .rwmixread = 0.5};
  b->storage = (struct storage_params){.max_transfer = 1 << 20,
                                       .admin_cost = 10 * HD_US};
  b->config.blockdev = blockdev;
  b->config.blocks = BLOCK_NAMESPACE;
  b->device_ops = &ops;
  b->wire = block_wire;
  b->other = &rig;
  b->warmup = HD_MS;
  b->duration = 10 * HD_MS;
}

/* Conservation: requests that exist are those the guest has not reaped, and all
 * that are not the guest's are the device's or on their way. */
static inline void block_run(struct bench *b)
{
  bench_run(b);
  ck_assert_uint_eq(b->requests.created - b->requests.destroyed,
                    guest_block_inside(b->guest));
  ck_assert_uint_eq(rig.outside, 0);
  ck_assert_uint_eq(rig.crossing, 0);
  ck_assert_uint_le(rig.end[0].inside + rig.end[1].inside,
                    guest_block_inside(b->guest));
}

static inline void block_destroy_rig(struct bench *b)
{
  for (unsigned q = 0; block_is_virtio() && q < b->config.queue_pairs; q++) {
    virtq_device_terminate(&rig.end[0].queue[q].side);
    virtq_device_terminate(&rig.end[1].queue[q].side);
  }
  gsl_rng_free(rig.rng);
  bench_destroy(b);
}

static inline struct guest_stats block_stats(const struct bench *b)
{
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  return s;
}

/* Requests a second. */
static inline double block_iops(const struct bench *b)
{
  return (double)block_stats(b).requests * (double)HD_S / (double)b->duration;
}

#endif
