/*
 * internal.h - the device's state, shared by the files of this folder.
 *
 *   dma_bench.c     component, wiring, dispatch, results, conservation
 *   threads.c       what worker threads do; time stamps
 *   addresses.c     which address is next
 *   read_engine.c   reads: tags, requests, data to the device's memory
 *   write_engine.c  writes: data from the device's memory
 *   transmit.c      TLPs into the PCIe core, one after the other
 *
 * Way of a read: descriptor over the bus -> queue -> requests as there are tags
 * -> transmitter -> host -> receiver -> all data is here -> over the engine's
 * port and the bus to memory -> tags are free, thread knows. Way of a write:
 * descriptor -> queue -> a context and buffer -> bursts from memory over the
 * port -> all data is here: thread knows -> TLPs through the transmitter -> the
 * last has left: context and buffer are free. A direct command has no set-up
 * and no memory: its data is in the core.
 */
#ifndef HD_MODELS_DMABENCH_INTERNAL_H
#define HD_MODELS_DMABENCH_INTERNAL_H

#include <gsl/gsl_rng.h>

#include "models/dmabench/dma_bench.h"
#include "sim/engine/clock.h"
#include "sim/engine/pool.h"

enum bench_timer {
  TIMER_BEGIN = 1, /* bench_thread: next operation */
  TIMER_POSTED,    /* bench_transfer: its descriptor reaches the engine */
  TIMER_READS,     /* the read engine can take a descriptor */
  TIMER_WRITES,    /* the write engine can take a descriptor */
  TIMER_FETCHED,   /* bench_transfer: a write's data is in the buffer */
  TIMER_STORED,    /* bench_transfer: a read's data is in memory */
  TIMER_DONE,      /* bench_thread: it learns that its transfer is done */
  TIMER_TRANSMIT   /* the transmitter is free */
};

struct bench_timer_msg {
  struct hd_msg msg;
  void *context;
};

struct bench_thread {
  int64_t started; /* tick in which the operation started */
  uint64_t address;
  bool reading; /* the transfer in progress is a read */
  bool active;  /* a transfer is in progress */
};

/* In the transmitter's queue. */
struct bench_item {
  struct bench_item *next;
  bool is_request; /* of a read; else a write */
};

struct bench_transfer {
  struct bench_item item; /* writes */
  struct pcie_dma last;   /* writes: the last TLP */
  struct bench_thread *thread;
  struct bench_transfer *next;    /* in an engine's queue */
  struct bench_request *requests; /* reads: all of it */
  uint64_t address;
  uint32_t length;      /* bytes */
  uint32_t issued;      /* bytes: requested, or handed to the PCIe core */
  uint32_t outstanding; /* requests without their data */
  uint32_t n_requests;
};

/* A read request; holds a tag as long as it is in use. */
struct bench_request {
  struct bench_item item;
  struct pcie_dma dma;
  struct bench_transfer *transfer;
  struct bench_request *next; /* of the transfer */
};

/* Transfers that wait for an engine, which takes a descriptor not before
 * `free`. */
struct bench_queue {
  struct bench_transfer *first, *last;
  hd_time free;
  uint32_t timer; /* enum bench_timer: its wake-up */
  bool armed;
};

struct bench_addresses {
  const struct dma_bench_buffer *buffer;
  gsl_rng *rng;
  int64_t unit, count, next; /* bytes; units in the window; sequential */
  int64_t offset, transfer;  /* bytes */
  bool random;
};

struct dma_bench {
  struct hd_component base;
  struct bench_params bench;
  struct dma_device_params params;
  struct pcie_params pcie;
  const struct hd_window *window;
  struct dma_bench_buffer buffer;
  struct bench_addresses addresses;
  gsl_rng *firmware;
  struct hd_clock clock;
  struct hd_channel *to_link;
  struct pcie_requester *requester;
  struct pcie_receiver receiver;
  struct bench_thread *threads;
  size_t n_threads;
  struct hd_pool transfers, requests;

  struct bench_queue reads, writes;
  hd_time receive_free; /* the PCIe core's receiver: all words are out */
  hd_time store_free;   /* the port to memory */
  size_t tags_used;
  struct hd_gauge tags;
  int64_t contexts_used, buffered;

  struct bench_item *sending, *sending_last;
  hd_time transmit_free;
  bool transmit_armed;

  struct hd_histogram latency;
  struct {
    struct hd_counter reads, writes, read_bytes, write_bytes;
  } counts;
  uint64_t begun, ended;     /* transfers, of threads */
  uint64_t posted, finished; /* writes: in a context, sent */
};

static inline bool bench_is_command(const struct dma_bench *b)
{
  return b->bench.engine == BENCH_CMD;
}

/* Time of n bytes on an engine's port or a core's. */
static inline hd_time bench_bus_time(const struct dma_bench *b, int64_t n)
{
  return n * b->params.burst_time / b->params.burst;
}

/* Bytes by which the device address is off the bus's words. */
static inline int64_t bench_misaligned(const struct dma_bench *b)
{
  return b->bench.device_offset % b->params.bus_word;
}

/* A message to itself after `delay`. */
void bench_timer(struct dma_bench *b, enum bench_timer tag, hd_time delay,
                 void *context);

/* threads.c */
void bench_begin(struct dma_bench *b, struct bench_thread *t);
void bench_done(struct dma_bench *b, struct bench_thread *t);

/* addresses.c */
void bench_addresses_initialize(struct bench_addresses *a,
                                const struct bench_params *p,
                                const struct dma_bench_buffer *buffer,
                                gsl_rng *rng);
uint64_t bench_next_address(struct bench_addresses *a);

/* Bytes of the next piece of a transfer: up to the next multiple of `grain`, a
 * power of two not above 4 KiB. */
uint32_t bench_piece(const struct bench_transfer *t, int64_t grain);
void bench_queue_put(struct bench_queue *q, struct bench_transfer *t);
struct bench_transfer *bench_queue_take(struct bench_queue *q);
/* Whether the engine can take a descriptor now; else it is woken when it can.
 */
bool bench_queue_ready(struct dma_bench *b, struct bench_queue *q);

/* read_engine.c */
void bench_received(struct dma_bench *b, const struct pcie_tlp *completion);
void bench_read_posted(struct dma_bench *b, struct bench_transfer *t);
void bench_reads(struct dma_bench *b);
void bench_stored(struct dma_bench *b, struct bench_transfer *t);
void bench_request_done(struct hd_component *device, struct pcie_dma *d);

/* write_engine.c */
void bench_write_posted(struct dma_bench *b, struct bench_transfer *t);
void bench_writes(struct dma_bench *b);
void bench_fetched(struct dma_bench *b, struct bench_transfer *t);
void bench_write_sent(struct hd_component *device, struct pcie_dma *d);

/* transmit.c */
void bench_transmit_put(struct dma_bench *b, struct bench_item *i);
void bench_transmit(struct dma_bench *b);

#endif
