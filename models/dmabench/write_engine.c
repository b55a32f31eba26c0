/*
 * write_engine.c - writes to host memory.
 *
 * A write takes a context and buffer space, fetches its data from the device's
 * memory in bursts (a command: from the core), and is done for its thread when
 * all of it is here. Then it is sent; context and buffer are free when its last
 * TLP has left, so that the host's credits hold the engine back.
 */
#include "models/dmabench/internal.h"

static hd_time port_time(const struct dma_bench *b,
                         const struct bench_transfer *t)
{
  int64_t bytes = (int64_t)t->length + bench_misaligned(b);
  int64_t bursts = (bytes + b->params.burst - 1) / b->params.burst;
  return b->params.dma_setup + bursts * b->params.burst_time;
}

static hd_time fetch_time(const struct dma_bench *b,
                          const struct bench_transfer *t)
{
  hd_time memory = bench_is_command(b) ? 0 : b->params.memory_latency;
  return 2 * b->params.bus_latency + memory +
         bench_bus_time(b, (int64_t)t->length);
}

static bool has_room(const struct dma_bench *b, const struct bench_transfer *t)
{
  return b->contexts_used < b->params.write_contexts &&
         b->buffered + (int64_t)t->length <= b->params.write_buffer;
}

void bench_writes(struct dma_bench *b)
{
  struct bench_queue *q = &b->writes;
  while (q->first != NULL && has_room(b, q->first) && bench_queue_ready(b, q)) {
    struct bench_transfer *t = bench_queue_take(q);
    b->contexts_used++;
    b->buffered += (int64_t)t->length;
    b->posted++;
    if (!bench_is_command(b))
      q->free = hd_now(&b->base) + port_time(b, t);
    bench_timer(b, TIMER_FETCHED, fetch_time(b, t), t);
  }
}

void bench_write_posted(struct dma_bench *b, struct bench_transfer *t)
{
  bench_queue_put(&b->writes, t);
  bench_writes(b);
}

void bench_fetched(struct dma_bench *b, struct bench_transfer *t)
{
  bench_timer(b, TIMER_DONE, b->params.bus_latency, t->thread);
  bench_transmit_put(b, &t->item);
}

void bench_write_sent(struct hd_component *device, struct pcie_dma *d)
{
  struct dma_bench *b = (struct dma_bench *)device;
  struct bench_transfer *t = d->context;
  b->contexts_used--;
  b->buffered -= (int64_t)t->length;
  b->finished++;
  hd_pool_put(&b->transfers, t);
  bench_writes(b);
}
