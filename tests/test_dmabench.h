/*
 * test_dmabench.h - what the tests of the DMA benchmark device share: a device
 * of round numbers, a link without noise, and a host that answers reads after a
 * fixed time and takes writes, all built and run by bench().
 */
#ifndef HD_TEST_DMABENCH_H
#define HD_TEST_DMABENCH_H

#include <math.h>

#include "models/dmabench/internal.h"
#include "tests/test_pcie.h"

enum { CHUNKS = 3, REQUEST_LOG = 4096 };

/* What a test sets before run(); setup() fills in the usual. */
static struct setting {
  struct bench_params bench;
  struct dma_device_params device;
  struct pcie_params pcie;
  struct hd_window window;
  struct dma_bench_buffer buffer;
  uint64_t chunks[CHUNKS];
  hd_time read_latency;  /* host: from the request's arrival */
  hd_time write_service; /* host: takes a write at most so often; 0: at once */
  hd_time engine_window;
} s;

/* What it gets. */
struct result {
  uint64_t reads, writes, read_bytes, write_bytes, samples;
  int64_t min, max; /* latency, ps */
  double mean, tags;
  uint64_t most_reads; /* outstanding at the host */
  uint64_t fingerprint;
  size_t n_log;
  struct {
    uint64_t address;
    uint32_t length;
    bool write;
  } log[REQUEST_LOG]; /* the first requests at the host */
};

/* ---- the host ------------------------------------------------------------ */

struct test_host {
  struct hd_component base;
  struct hd_channel *to_link;
  struct pcie_receiver receiver;
  hd_time free;
  uint64_t reads;
  struct result *result;
};

static inline void test_host_log(struct test_host *h, const struct pcie_tlp *t)
{
  struct result *r = h->result;
  if (r->n_log == REQUEST_LOG)
    return;
  r->log[r->n_log].address = t->address;
  r->log[r->n_log].length = t->length;
  r->log[r->n_log++].write = t->type == PCIE_MWR;
}

/* Completions of at most MPS, all at once. */
static inline void test_host_answer(struct test_host *h, struct pcie_tlp *t)
{
  uint32_t mps = (uint32_t)s.pcie.mps;
  for (uint32_t left = t->length, n; left > 0; left -= n) {
    uint64_t at = t->address + t->length - left;
    n = mps - (uint32_t)(at & (mps - 1));
    n = n < left ? n : left;
    struct pcie_tlp *c = hd_msg_new_zero(&h->base, MSG_TLP);
    struct hd_msg header = c->msg;
    *c = *t;
    c->msg = header;
    pcie_complete(c, PCIE_SC);
    c->address = at;
    c->length = n;
    c->remaining = left - n;
    hd_send(h->to_link, HD_NS, c);
  }
  h->reads--;
  hd_msg_free(&h->base, t);
}

/* A write holds its credits until the host has taken it. */
static inline void test_host_take(struct test_host *h, struct pcie_tlp *t)
{
  h->free = hd_time_max(h->free, hd_now(&h->base)) + s.write_service;
  t->msg.kind = MSG_TIMER;
  hd_schedule(&h->base, h->free - hd_now(&h->base), t);
}

static inline void test_host_handle(struct hd_component *self, struct hd_msg *m)
{
  struct test_host *h = (struct test_host *)self;
  struct pcie_tlp *t = (struct pcie_tlp *)m;
  if (m->kind == MSG_TIMER && t->type == PCIE_MRD) {
    test_host_answer(h, t);
  } else if (m->kind == MSG_TIMER) {
    pcie_receiver_free(&h->receiver, t);
    hd_msg_free(self, t);
  } else if (t->type == PCIE_MWR) {
    test_host_log(h, t);
    test_host_take(h, t);
  } else {
    test_host_log(h, t);
    pcie_receiver_free(&h->receiver, t);
    h->reads++;
    if (h->reads > h->result->most_reads)
      h->result->most_reads = h->reads;
    t->msg.kind = MSG_TIMER;
    hd_schedule(self, s.read_latency - HD_NS, t);
  }
}

/* ---- settings ------------------------------------------------------------ */

/* Time stamps of 1 ps, and a link that carries nothing but TLPs while one
 * operation is outstanding: then latencies are sums without a remainder. */
static inline void setup(void)
{
  s = (struct setting){
      .bench = {.transfer = 64, .window = 8192, .pattern = BENCH_SEQ},
      .device = {.frequency = INT64_C(1000000000000),
                 .timestamp_cycles = 1,
                 .threads = 95,
                 .tags = 32,
                 .bus_latency = 33 * HD_NS,
                 .memory_latency = 81 * HD_NS,
                 .burst = 128,
                 .burst_time = 17 * HD_NS,
                 .bus_word = 8,
                 .dma_setup = 4 * HD_NS,
                 .read_setup = 6 * HD_NS,
                 .write_contexts = 16,
                 .write_buffer = 8192,
                 .write_unit = 512,
                 .unit_setup = 5 * HD_NS,
                 .tlp_setup = 7 * HD_NS,
                 .tlp_rate = INT64_C(64000000000),
                 .receive_word = 64,
                 .receive_time = 7 * HD_NS,
                 .bookkeeping = 190 * HD_NS},
      .pcie = test_params(3, 8, 256, 512),
      .window = {100 * HD_US, 300 * HD_US},
      .read_latency = 200 * HD_NS,
      .engine_window = HD_US,
      .chunks = {0x740000000, 0x110000000, 0x290000000},
      .buffer = {.n_chunks = CHUNKS, .chunk_size = 1 << 20, .requester = 0x100},
  };
  s.pcie.tags = 64; /* more than the device's, which are what limits */
  s.pcie.skip_interval = INT64_C(1) << 40;
  s.pcie.ack_interval = 1;
}

static inline void read_results(const struct dma_bench *b, struct result *r)
{
  struct dma_bench_stats st;
  dma_bench_get_stats(b, &st);
  r->reads = st.reads;
  r->writes = st.writes;
  r->read_bytes = st.read_bytes;
  r->write_bytes = st.write_bytes;
  r->samples = st.latency->count;
  r->min = st.latency->min;
  r->max = st.latency->max;
  r->mean = hd_histogram_mean(st.latency);
  r->tags = st.tags_mean;
}

static inline void bench(struct result *r)
{
  static const struct hd_component_ops ops = {.kind = "test_host",
                                              .handle = test_host_handle};
  struct test_host host = {.result = r};
  struct hd_engine *e = test_engine(s.engine_window, 0);
  struct dma_bench *b = dma_bench_create(e, "device", "host", &s.bench,
                                         &s.device, &s.pcie, &s.window);
  struct pcie_link *l = pcie_link_create(e, "link", "host", &s.pcie, &s.window);
  hd_component_initialize(&host.base, e, &ops, "root", "host");
  host.to_link = pcie_link_connect(l, PCIE_UPSTREAM_END, &host.base, HD_NS);
  pcie_receiver_initialize(&host.receiver, &s.pcie, host.to_link,
                           PCIE_UPSTREAM_END);
  dma_bench_attach_link(b, l);
  s.buffer.chunks = s.chunks;
  dma_bench_set_buffer(b, &s.buffer);
  hd_engine_run(e, s.window.end);
  const char *problem = dma_bench_check(b);
  ck_assert_msg(problem == NULL, "%s", problem);
  read_results(b, r);
  struct hd_engine_report report;
  hd_engine_get_report(e, &report);
  r->fingerprint = report.fingerprint;
  hd_engine_destroy(e);
  dma_bench_destroy(b);
  pcie_link_destroy(l);
}

static inline void bench_body(const void *argument, void *result)
{
  s = *(const struct setting *)argument;
  bench(result);
}

/* In a process of its own, so that a test can make several runs. */
static inline struct result *run(void)
{
  struct result *r = malloc(sizeof *r);
  ck_assert_ptr_nonnull(r);
  in_child(bench_body, &s, r, sizeof *r);
  return r;
}

static inline double window_ns(void)
{
  return (double)(s.window.end - s.window.start) / HD_NS;
}

/* ---- expectations -------------------------------------------------------- */

static inline double wire_ns(uint32_t bytes)
{
  return bytes / 8.0 * 65 / 64; /* 8 lanes of 8 GT/s, 128b/130b */
}

static inline double bus_ns(double bytes)
{
  return bytes * 17 / 128;
}

/* A read's request until all its completions have arrived, from the time at
 * which it is handed to the link. */
static inline double host_ns(uint32_t bytes)
{
  uint32_t completions = (bytes + 255) / 256;
  double link_ends = 50, propagation = 20, host = 200;
  return link_ends + wire_ns(24) + propagation + host +
         wire_ns(bytes + 20 * completions) + propagation;
}

/* Time that a write which begins a unit takes of the transmitter. */
static inline double sending_ns(uint32_t bytes)
{
  uint32_t tlps = (bytes + 255) / 256, units = (bytes + 511) / 512;
  return 5 * units + 7 * tlps + bytes / 8.0;
}

#endif
