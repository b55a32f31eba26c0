/*
 * threads.c - worker threads: the firmware of a latency test has one operation
 * outstanding and takes times, that of a bandwidth test only starts the next.
 */
#include "models/dmabench/internal.h"

static int64_t tick(const struct dma_bench *b)
{
  return hd_clock_cycles(&b->clock, hd_now(&b->base)) /
         b->params.timestamp_cycles;
}

/* From the core to where the descriptor is queued. */
static hd_time way_to_engine(const struct dma_bench *b)
{
  return b->params.bus_latency +
         (bench_is_command(b) ? 0 : b->params.dma_setup);
}

static void launch(struct dma_bench *b, struct bench_thread *t)
{
  struct bench_transfer *x = hd_pool_get(&b->transfers);
  *x = (struct bench_transfer){.thread = t,
                               .address = t->address,
                               .length = (uint32_t)b->bench.transfer};
  t->active = true;
  b->begun++;
  bench_timer(b, TIMER_POSTED, way_to_engine(b), x);
}

static bool reads_next(const struct dma_bench *b, const struct bench_thread *t)
{
  return b->bench.op == BENCH_RD || (b->bench.op == BENCH_RDWR && !t->reading);
}

void bench_begin(struct dma_bench *b, struct bench_thread *t)
{
  t->address = bench_next_address(&b->addresses);
  t->reading = reads_next(b, t);
  t->started = tick(b);
  launch(b, t);
}

static void count(struct dma_bench *b, const struct bench_thread *t)
{
  hd_time now = hd_now(&b->base);
  uint64_t bytes = (uint64_t)b->bench.transfer;
  b->ended++;
  hd_counter_add(t->reading ? &b->counts.reads : &b->counts.writes, b->window,
                 now, 1);
  hd_counter_add(t->reading ? &b->counts.read_bytes : &b->counts.write_bytes,
                 b->window, now, bytes);
}

/* The operation took whole ticks by the device's clock. */
static void take_time(struct dma_bench *b, const struct bench_thread *t)
{
  int64_t cycles = (tick(b) - t->started) * b->params.timestamp_cycles;
  if (hd_window_contains(b->window, hd_now(&b->base)))
    hd_histogram_add(&b->latency, hd_clock_span(&b->clock, cycles));
}

static hd_time bookkeeping(struct dma_bench *b)
{
  unsigned long most = (unsigned long)b->params.bookkeeping_jitter;
  hd_time jitter = 0;
  if (most > 0)
    jitter = hd_clock_span(&b->clock,
                           (int64_t)gsl_rng_uniform_int(b->firmware, most));
  return b->params.bookkeeping + jitter;
}

void bench_done(struct dma_bench *b, struct bench_thread *t)
{
  t->active = false;
  count(b, t);
  if (b->bench.op == BENCH_WRRD && !t->reading) {
    t->reading = true;
    launch(b, t);
  } else if (b->bench.mode == BENCH_LATENCY) {
    take_time(b, t);
    bench_timer(b, TIMER_BEGIN, bookkeeping(b), t);
  } else {
    bench_begin(b, t);
  }
}
