/*
 * driver.c - a job that keeps a queue pair of a drive full of random reads, and
 * the driver between them. It runs on its core, which spends the time.
 */
#include "models/irq_bench/internal.h"

#include <stdlib.h>

#include "sim/engine/rng.h"

#define RING_BASE UINT64_C(0x10000000)
#define BUFFER_BASE UINT64_C(0x40000000)

static void write_register(struct irq_core *c, uint64_t address, uint64_t data)
{
  struct irq_msg *m = hd_msg_new_zero(&c->base, IRQ_REGISTER);
  m->port = c->driver.port;
  m->address = address;
  m->data = data;
  hd_send(c->driver.to_stack, c->config->pcie.mmio_write_latency, m);
}

static void append(struct block_request **first, struct block_request **last,
                   struct block_request *r)
{
  r->next = NULL;
  if (*first)
    (*last)->next = r;
  else
    *first = r;
  *last = r;
}

static struct block_request *take(struct block_request **first)
{
  struct block_request *r = *first;
  *first = r->next;
  return r;
}

/* ---- requests ------------------------------------------------------------ */

static void put(struct irq_core *c, struct block_request *r)
{
  struct irq_driver *d = &c->driver;
  struct block_request **slot = &d->slot[d->submitted++ % d->size];
  HD_REQUIRE(&c->base, *slot == NULL, "submission queue overrun");
  uint64_t unit = (uint64_t)c->config->bench.block_size / BLOCK_BYTES;
  r->lba = hd_mix64(d->random += 0x9e3779b97f4a7c15u) % d->blocks * unit;
  r->status = 0xff;
  hd_stamps_begin(&r->stamps, hd_now(&c->base));
  *slot = r;
}

static void announce(struct irq_core *c)
{
  struct irq_driver *d = &c->driver;
  write_register(c, STORAGE_SQ_TAIL(d->queue), d->submitted % d->size);
}

void irq_driver_start(struct irq_core *c)
{
  struct irq_driver *d = &c->driver;
  if (d->size == 0)
    return;
  write_register(c, STORAGE_VECTOR(d->queue), STORAGE_INT_ENABLE);
  for (int64_t i = 0; i < c->config->bench.io_depth; i++)
    put(c, &d->requests[i]);
  announce(c);
}

void irq_driver_submit(struct irq_core *c)
{
  put(c, take(&c->driver.ready));
  announce(c);
}

/* ---- completions --------------------------------------------------------- */

void irq_driver_arrived(struct irq_core *c, struct pcie_tlp *t)
{
  struct block_request *r = t->object;
  HD_REQUIRE(&c->base, r->status == BLOCK_OK, "a read has failed: %u",
             r->status);
  append(&c->driver.arrived, &c->driver.arrived_last, r);
}

bool irq_driver_reap(struct irq_core *c)
{
  struct irq_driver *d = &c->driver;
  if (d->arrived == NULL)
    return false;
  append(&d->ready, &d->ready_last, take(&d->arrived));
  d->completed++;
  c->stats.completed += hd_window_contains(c->measure, hd_now(&c->base));
  return true;
}

void irq_driver_tell(struct irq_core *c)
{
  struct irq_driver *d = &c->driver;
  write_register(c, STORAGE_CQ_HEAD(d->queue), d->completed % d->size);
}

/* ---- life ------------------------------------------------------------------
 */

static uint32_t ring_size(int64_t depth)
{
  uint32_t size = 2;
  while (size <= (uint64_t)depth)
    size *= 2;
  return size;
}

static void make_requests(struct irq_core *c, uint32_t core)
{
  struct irq_driver *d = &c->driver;
  const struct irq_bench_params *p = &c->config->bench;
  uint64_t stride = ((uint64_t)p->block_size + 4095) & ~UINT64_C(4095);
  for (int64_t i = 0; i < p->io_depth; i++)
    d->requests[i] = (struct block_request){
        .op = BLOCK_READ,
        .queue = (uint16_t)d->queue,
        .tag = (uint16_t)i,
        .bytes = (uint32_t)p->block_size,
        .buffer = BUFFER_BASE + (core * 1024u + (uint64_t)i) * stride,
        .list = BUFFER_BASE};
}

void irq_driver_initialize(struct irq_core *c, struct storage_ring *ring,
                           uint32_t core, struct hd_channel *to_stack,
                           uint32_t port, uint32_t queue)
{
  const struct irq_bench_config *config = c->config;
  uint32_t size = ring_size(config->bench.io_depth);
  c->driver = (struct irq_driver){
      .to_stack = to_stack,
      .port = port,
      .queue = queue,
      .size = size,
      .blocks = (uint64_t)(config->storage.capacity / config->bench.block_size),
      .random = hd_mix64(config->seed * 0x10001 + core + 1),
      .slot = calloc(size, sizeof *c->driver.slot),
      .requests =
          calloc((size_t)config->bench.io_depth, sizeof *c->driver.requests)};
  HD_REQUIRE(NULL, c->driver.slot && c->driver.requests,
             "out of memory for a queue pair");
  make_requests(c, core);
  *ring = (struct storage_ring){
      .submission = RING_BASE + core * UINT64_C(0x20000),
      .completion = RING_BASE + core * UINT64_C(0x20000) + 0x10000,
      .size = size,
      .slot = c->driver.slot,
      .observer = (uint16_t)core,
      .vector = (uint16_t)queue};
}

void irq_driver_terminate(struct irq_driver *d)
{
  free(d->slot);
  free(d->requests);
}
