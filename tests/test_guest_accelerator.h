/*
 * test_guest_accelerator.h - the simplest accelerator a guest can work with.
 *
 * It takes requests from the ring after the tail write, answers each after its
 * own time, in any order, and interrupts as the real one does: once after it
 * has been enabled while there are responses whose reading it has not been told
 * of. It checks what a device can see: indices, stamps, addresses, room in the
 * response ring, no buffer in use twice. What is not here: PCIe, DMA, engines.
 */
#ifndef HD_TESTS_TEST_GUEST_ACCELERATOR_H
#define HD_TESTS_TEST_GUEST_ACCELERATOR_H

#include "models/workload/accel.h"
#include "sim/engine/rng.h"
#include "test_guest_bench.h"

enum { ACCEL_SERVED = 41, ACCEL_LOG = 1 << 12, ACCEL_BANKS = 4 };

struct accel_timer {
  struct hd_msg msg;
  struct accelerator_request *request;
};

struct accel_bank {
  uint32_t tail;             /* next entry to be taken */
  uint64_t posted, consumed; /* responses */
  bool enabled;
  hd_time free_at;
  struct hd_channel *memory /* passive */, *irq;
  struct accelerator_request *inside[1 << 10];
  uint32_t n_inside;
};

struct accel_rig {
  struct bench *bench;
  struct accelerator_jobs_params jobs;
  struct guest_accelerator_params costs;
  struct accelerator_pool pool;
  struct accel_bank bank[ACCEL_BANKS];
  gsl_rng *rng;
  /* behaviour */
  hd_time service, spread; /* of each request; besides, at random up to this */
  hd_time gap;             /* of a bank: from one response to the next */
  unsigned fail_every;     /* 0: none */
  /* observations */
  uint64_t tails, heads, enables, interrupts, taken, answered, failed, outside;
  uint32_t most_inside;
  uint32_t sizes[ACCEL_LOG];
  uint64_t logged;
};

static struct accel_rig rig;

/* ---- what a request may be ------------------------------------------------
 */

static inline bool accel_is_inside(uint64_t address, uint64_t bytes)
{
  const struct guest_config *c = &rig.bench->config;
  return address >= c->memory_base &&
         address + bytes <= c->memory_base + c->memory_size;
}

static inline void accel_check_buffer(const struct accelerator_buffer *b,
                                      uint32_t bytes)
{
  uint64_t held = 0;
  rig.outside += !accel_is_inside(
      b->address, b->pieces ? (b->count + 1u) * ACCELERATOR_LIST_ENTRY : bytes);
  for (uint32_t i = 0; i < b->count; i++) {
    ck_assert_uint_gt(b->pieces[i].bytes, 0);
    rig.outside += !accel_is_inside(b->pieces[i].address, b->pieces[i].bytes);
    held += b->pieces[i].bytes;
  }
  if (b->pieces)
    ck_assert_uint_ge(held, bytes);
}

/* Buffers of requests in the device are apart. */
static inline void accel_check_apart(const struct accel_bank *k,
                                     const struct accelerator_request *r)
{
  for (uint32_t i = 0; i < k->n_inside; i++) {
    ck_assert_uint_ne(k->inside[i]->source.address, r->source.address);
    ck_assert_uint_ne(k->inside[i]->tag, r->tag);
  }
}

static inline void accel_check_request(const struct accelerator_request *r,
                                       unsigned bank)
{
  hd_time total = 0;
  for (int i = 0; i < HD_STAGE_COUNT; i++)
    total += r->stamps.spent[i];
  ck_assert_int_eq(total, hd_stamps_total(&r->stamps));
  ck_assert_uint_eq(r->vm, rig.bench->config.vm);
  ck_assert_uint_eq(r->bank, bank);
  ck_assert_uint_eq(r->algorithm, (unsigned)rig.jobs.algorithm);
  ck_assert_int_eq(r->content != 0,
                   accelerator_kinds[r->algorithm].content != 0);
  accel_check_buffer(&r->source, accelerator_input(r));
  accel_check_buffer(&r->destination, r->room);
}

/* ---- responses -------------------------------------------------------------
 */

static inline void accel_interrupt_guest(unsigned bank)
{
  struct accel_bank *k = &rig.bank[bank];
  if (!k->enabled || k->posted == k->consumed)
    return;
  k->enabled = false;
  struct hd_component *self = &rig.bench->device.base;
  unsigned vector = GUEST_VECTOR(1 + bank);
  struct interrupt_msg *m = hd_msg_new_zero(self, MSG_IRQ_NOTIFY);
  m->vcpu = guest_vcpu_of_queue(rig.bench->guest, bank)->index;
  m->vectors[vector / 64] = (uint64_t)1 << (vector % 64);
  hd_send(k->irq, IRQ_LATENCY, m);
  rig.interrupts++;
}

static inline void accel_answer(struct accelerator_request *r)
{
  struct hd_component *self = &rig.bench->device.base;
  struct accel_bank *k = &rig.bank[r->bank];
  uint32_t size = guest_accelerator_rings(rig.bench->guest)[r->bank].size;
  uint32_t i = 0;
  while (k->inside[i] != r)
    i++;
  k->inside[i] = k->inside[--k->n_inside];
  rig.answered++;
  bool fails = rig.fail_every > 0 && rig.answered % rig.fail_every == 0;
  rig.failed += fails;
  r->status = fails ? ACCELERATOR_TRANSFER_ERROR : ACCELERATOR_OK;
  r->produced = fails ? 0 : r->room;
  hd_stamps_mark(&r->stamps, HD_STAGE_REMOTE, hd_now(self));
  struct guest_memory_msg *m = hd_msg_new_zero(self, MSG_GUEST_MEMORY);
  m->data = ACCELERATOR_EVENT(r->bank, k->posted % size);
  m->object = r;
  hd_send(k->memory, VISIBLE_LATENCY, m);
  k->posted++;
  ck_assert_uint_le(k->posted - k->consumed, size - 1);
  rig.bench->device.packets++;
  accel_interrupt_guest(r->bank);
}

/* ---- registers -------------------------------------------------------------
 */

static inline void accel_take_request(unsigned bank,
                                      struct accelerator_request *r)
{
  struct hd_component *self = &rig.bench->device.base;
  struct accel_bank *k = &rig.bank[bank];
  hd_time now = hd_now(self), done = now + rig.service;
  accel_check_request(r, bank);
  accel_check_apart(k, r);
  hd_stamps_mark(&r->stamps, HD_STAGE_DOORBELL, now);
  k->inside[k->n_inside++] = r;
  rig.most_inside =
      k->n_inside > rig.most_inside ? k->n_inside : rig.most_inside;
  if (rig.logged < ACCEL_LOG)
    rig.sizes[rig.logged++] = accelerator_input(r);
  rig.taken++;
  if (rig.spread > 0)
    done += (hd_time)(gsl_rng_uniform(rig.rng) * (double)rig.spread);
  if (rig.gap > 0)
    done = k->free_at = hd_time_max(k->free_at, now) + rig.gap;
  struct accel_timer *m = hd_msg_new_zero(self, MSG_TIMER);
  m->msg.tag = ACCEL_SERVED;
  m->request = r;
  hd_schedule(self, done - now, m);
}

static inline void accel_tail(unsigned bank, uint32_t tail)
{
  struct accelerator_ring *ring =
      &guest_accelerator_rings(rig.bench->guest)[bank];
  struct accel_bank *k = &rig.bank[bank];
  ck_assert_uint_lt(tail, ring->size);
  ck_assert_uint_ne(tail, k->tail);
  rig.tails++;
  rig.bench->device.doorbells++;
  for (; k->tail != tail; k->tail = (k->tail + 1) % ring->size) {
    struct accelerator_request *r = ring->slot[k->tail];
    ck_assert_ptr_nonnull(r);
    ring->slot[k->tail] = NULL;
    accel_take_request(bank, r);
  }
}

static inline void accel_head(unsigned bank, uint32_t head)
{
  uint32_t size = guest_accelerator_rings(rig.bench->guest)[bank].size;
  struct accel_bank *k = &rig.bank[bank];
  uint32_t n = (head + size - (uint32_t)(k->consumed % size)) % size;
  rig.heads++;
  ck_assert_uint_gt(n, 0);
  ck_assert_uint_le(n, k->posted - k->consumed);
  k->consumed += n;
}

static inline void accel_register(const struct mmio_msg *m)
{
  unsigned bank = (unsigned)(m->address / ACCELERATOR_BANK_BYTES) - FIRST_QUEUE;
  ck_assert_uint_eq(m->device, rig.bench->config.nic_device);
  ck_assert_uint_lt(bank, rig.bench->config.queue_pairs);
  uint64_t offset = m->address % ACCELERATOR_BANK_BYTES;
  if (offset == ACCELERATOR_TAIL_OFFSET) {
    accel_tail(bank, (uint32_t)m->data);
  } else if (offset == ACCELERATOR_HEAD_OFFSET) {
    accel_head(bank, (uint32_t)m->data);
  } else {
    ck_assert_uint_eq(offset, ACCELERATOR_INT_OFFSET);
    ck_assert_uint_eq(m->data, ACCELERATOR_INT_ENABLE);
    rig.enables++;
    rig.bank[bank].enabled = true;
    accel_interrupt_guest(bank);
  }
}

static inline void accel_handle(struct hd_component *self, struct hd_msg *msg)
{
  if (msg->kind == MSG_MMIO_WRITE)
    accel_register((const struct mmio_msg *)msg);
  else if (msg->kind == MSG_TIMER)
    accel_answer(((struct accel_timer *)msg)->request);
  hd_msg_free(self, msg);
}

/* ---- the bench -------------------------------------------------------------
 */

static inline void accel_wire(struct bench *b)
{
  for (unsigned q = 0; q < b->config.queue_pairs; q++) {
    struct hd_component *v = &guest_vcpu_of_queue(b->guest, q)->task.base;
    rig.bank[q].irq = hd_channel_open(&b->device.base, v, IRQ_LATENCY);
    rig.bank[q].memory = hd_channel_open(&b->device.base, v, VISIBLE_LATENCY);
    hd_channel_set_passive(rig.bank[q].memory);
  }
  rig.rng = hd_rng_new(7, "accelerator", "service");
}

/* One thread that polls; round figures. */
static inline void accel_defaults(struct bench *b)
{
  static const struct hd_component_ops ops = {.kind = "accelerator",
                                              .handle = accel_handle};
  bench_defaults(b, WORKLOAD_ACCELERATOR_JOBS);
  rig = (struct accel_rig){.bench = b, .service = 10 * HD_US};
  rig.jobs = (struct accelerator_jobs_params){
      .algorithm = ACCELERATOR_AES_CBC_HMAC_SHA512,
      .size = 1024,
      .threads = 1,
      .window = 128,
      .batch = 16,
      .ring = 512,
      .completion = ACCELERATOR_POLL,
      .submit_cycles = 300,
      .complete_cycles = 160,
      .poll_cycles = 50,
      .wake_cycles = 10000,
      .head_batch = 32};
  rig.costs = (struct guest_accelerator_params){80, 10, 100000};
  b->config.accelerator_jobs = &rig.jobs;
  b->config.accelerator_costs = &rig.costs;
  b->config.accelerator_pool = &rig.pool;
  b->device_ops = &ops;
  b->wire = accel_wire;
  b->other = &rig;
  b->warmup = 200 * HD_US;
  b->duration = HD_MS;
}

/* One request at a time, by interrupts. */
static inline void accel_synchronous(void)
{
  rig.jobs.completion = ACCELERATOR_INTERRUPT;
  rig.jobs.window = rig.jobs.batch = rig.jobs.head_batch = 1;
}

static inline void accel_create(struct bench *b)
{
  accelerator_pool_initialize(&rig.pool);
  bench_create(b);
}

/* Conservation: requests that exist are those the guest has not finished; the
 * device had each of them once. */
static inline void accel_run(struct bench *b)
{
  bench_run(b);
  uint64_t inside = guest_accelerator_inside(b->guest);
  ck_assert_uint_eq(rig.pool.created - rig.pool.destroyed, inside);
  ck_assert_uint_eq(rig.outside, 0);
  ck_assert_uint_le(rig.taken - rig.answered, inside);
  ck_assert_uint_le(rig.taken, rig.pool.created);
  ck_assert_uint_ge(rig.answered, rig.pool.destroyed);
}

static inline void accel_destroy(struct bench *b)
{
  gsl_rng_free(rig.rng);
  bench_destroy(b);
  accelerator_pool_terminate(&rig.pool);
}

static inline struct guest_stats accel_stats(const struct bench *b)
{
  struct guest_stats s;
  guest_get_stats(b->guest, &s);
  return s;
}

/* Requests a second. */
static inline double accel_rate(const struct bench *b)
{
  return (double)accel_stats(b).requests * (double)HD_S / (double)b->duration;
}

#endif
