/*
 * read_engine.c - reads of host memory.
 *
 * A read asks for its data in requests cut at multiples of MRRS, each with a
 * tag, in order. When all its data is here it goes to the device's memory in
 * one piece, since completions of several requests may come in any order; only
 * then are its tags free.
 */
#include "models/dmabench/internal.h"

static void change_tags(struct dma_bench *b, int64_t n)
{
  b->tags_used = (size_t)((int64_t)b->tags_used + n);
  hd_gauge_add(&b->tags, b->window, hd_now(&b->base), n);
}

static void issue(struct dma_bench *b, struct bench_transfer *t)
{
  struct bench_request *r = hd_pool_get(&b->requests);
  uint32_t n = bench_piece(t, b->pcie.mrrs);
  *r = (struct bench_request){.item.is_request = true,
                              .dma = {.address = t->address + t->issued,
                                      .length = n,
                                      .requester = b->buffer.requester,
                                      .pasid = b->buffer.pasid,
                                      .observer = PCIE_NO_OBSERVER,
                                      .done = bench_request_done,
                                      .context = r},
                              .transfer = t,
                              .next = t->requests};
  if (b->buffer.has_pasid)
    r->dma.flags = PCIE_HAS_PASID;
  t->requests = r;
  t->issued += n;
  t->outstanding++;
  t->n_requests++;
  change_tags(b, 1);
  bench_transmit_put(b, &r->item);
}

void bench_reads(struct dma_bench *b)
{
  struct bench_queue *q = &b->reads;
  while (q->first != NULL && bench_queue_ready(b, q)) {
    struct bench_transfer *t = q->first;
    while (t->issued < t->length) {
      if (b->tags_used == (size_t)b->params.tags)
        return;
      issue(b, t);
    }
    bench_queue_take(q);
    if (!bench_is_command(b))
      q->free = hd_now(&b->base) + b->params.dma_setup;
  }
}

void bench_read_posted(struct dma_bench *b, struct bench_transfer *t)
{
  bench_queue_put(&b->reads, t);
  bench_reads(b);
}

/* A completion passes the PCIe core's receiver in aligned words; the requester
 * learns of it before. */
void bench_received(struct dma_bench *b, const struct pcie_tlp *completion)
{
  int64_t word = b->params.receive_word;
  int64_t begin = (int64_t)(completion->address % (uint64_t)word);
  int64_t words = (begin + pcie_payload(completion) + word - 1) / word;
  b->receive_free = hd_time_max(b->receive_free, hd_now(&b->base)) +
                    words * b->params.receive_time;
}

/* The port's time for a read's data. Host data that is off the receiver's words
 * is moved in two parts, each with its set-up; a memory word that is written in
 * part is a transaction of its own. */
static hd_time port_time(const struct dma_bench *b,
                         const struct bench_transfer *t)
{
  hd_time time = t->n_requests * b->params.read_setup +
                 bench_bus_time(b, (int64_t)t->length);
  if (t->address % (uint64_t)b->params.receive_word)
    time += b->params.dma_setup;
  if (bench_misaligned(b))
    time += b->params.dma_setup + b->params.burst_time;
  return time;
}

/* Data goes to memory, which tells the engine and the thread. */
static void store(struct dma_bench *b, struct bench_transfer *t)
{
  hd_time now = hd_now(&b->base);
  hd_time start = hd_time_max(b->receive_free, b->store_free);
  b->store_free = start + port_time(b, t);
  bench_timer(b, TIMER_STORED,
              b->store_free - now + 2 * b->params.bus_latency +
                  b->params.memory_latency,
              t);
}

/* A command's data goes to the core. */
static void deliver(struct dma_bench *b, struct bench_transfer *t)
{
  bench_timer(b, TIMER_STORED,
              b->receive_free - hd_now(&b->base) +
                  bench_bus_time(b, (int64_t)t->length) + b->params.bus_latency,
              t);
}

void bench_request_done(struct hd_component *device, struct pcie_dma *d)
{
  struct dma_bench *b = (struct dma_bench *)device;
  struct bench_transfer *t = ((struct bench_request *)d->context)->transfer;
  if (--t->outstanding > 0 || t->issued < t->length)
    return;
  if (bench_is_command(b))
    deliver(b, t);
  else
    store(b, t);
}

void bench_stored(struct dma_bench *b, struct bench_transfer *t)
{
  struct bench_thread *thread = t->thread;
  while (t->requests != NULL) {
    struct bench_request *r = t->requests;
    t->requests = r->next;
    hd_pool_put(&b->requests, r);
  }
  change_tags(b, -(int64_t)t->n_requests);
  hd_pool_put(&b->transfers, t);
  bench_reads(b);
  bench_done(b, thread);
}
