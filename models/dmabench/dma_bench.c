/*
 * dma_bench.c - the device as a component: wiring, dispatch, results,
 * conservation.
 */
#include "models/dmabench/internal.h"

#include <stdlib.h>

#include "sim/engine/rng.h"

_Static_assert(sizeof(struct bench_timer_msg) <= HD_MSG_BYTES, "too large");

/* ---- shared helpers ------------------------------------------------------ */

void bench_timer(struct dma_bench *b, enum bench_timer tag, hd_time delay,
                 void *context)
{
  struct bench_timer_msg *t = hd_msg_new(&b->base, MSG_TIMER);
  t->msg.tag = tag;
  t->context = context;
  hd_schedule(&b->base, delay, t);
}

uint32_t bench_piece(const struct bench_transfer *t, int64_t grain)
{
  uint64_t at = t->address + t->issued;
  uint32_t n = (uint32_t)grain - (uint32_t)(at & (uint64_t)(grain - 1));
  uint32_t left = t->length - t->issued;
  return n < left ? n : left;
}

void bench_queue_put(struct bench_queue *q, struct bench_transfer *t)
{
  t->next = NULL;
  if (q->first != NULL)
    q->last->next = t;
  else
    q->first = t;
  q->last = t;
}

struct bench_transfer *bench_queue_take(struct bench_queue *q)
{
  struct bench_transfer *t = q->first;
  q->first = t->next;
  return t;
}

bool bench_queue_ready(struct dma_bench *b, struct bench_queue *q)
{
  hd_time now = hd_now(&b->base);
  if (q->free <= now)
    return true;
  if (!q->armed)
    bench_timer(b, (enum bench_timer)q->timer, q->free - now, q);
  q->armed = true;
  return false;
}

/* ---- dispatch ------------------------------------------------------------ */

static void posted(struct dma_bench *b, struct bench_transfer *t)
{
  if (t->thread->reading)
    bench_read_posted(b, t);
  else
    bench_write_posted(b, t);
}

static void handle_timer(struct dma_bench *b, const struct bench_timer_msg *m)
{
  switch (m->msg.tag) {
  case TIMER_BEGIN:
    bench_begin(b, m->context);
    break;
  case TIMER_POSTED:
    posted(b, m->context);
    break;
  case TIMER_READS:
    b->reads.armed = false;
    bench_reads(b);
    break;
  case TIMER_WRITES:
    b->writes.armed = false;
    bench_writes(b);
    break;
  case TIMER_FETCHED:
    bench_fetched(b, m->context);
    break;
  case TIMER_STORED:
    bench_stored(b, m->context);
    break;
  case TIMER_DONE:
    bench_done(b, m->context);
    break;
  case TIMER_TRANSMIT:
    b->transmit_armed = false;
    bench_transmit(b);
    break;
  default:
    HD_REQUIRE(&b->base, false, "unknown timer %u", m->msg.tag);
  }
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct dma_bench *b = (struct dma_bench *)self;
  struct pcie_tlp *tlp = (struct pcie_tlp *)msg;
  switch (msg->kind) {
  case MSG_TLP:
    if (tlp->type != PCIE_MSG && tlp->at != PCIE_TRANSLATION_REQUEST)
      bench_received(b, tlp);
    pcie_receiver_free(&b->receiver, tlp);
    pcie_requester_receive(b->requester, tlp);
    break;
  case MSG_TLP_SENT:
    pcie_requester_receive(b->requester, (struct pcie_tlp *)msg);
    break;
  case MSG_TIMER:
    handle_timer(b, (const struct bench_timer_msg *)msg);
    hd_msg_free(self, msg);
    break;
  default:
    HD_REQUIRE(self, false, "a DMA device got a message of kind %u", msg->kind);
  }
}

/* In tests of both directions every second thread begins with a write. */
static void start(struct hd_component *self)
{
  struct dma_bench *b = (struct dma_bench *)self;
  if (b->bench.mode == BENCH_NONE)
    return;
  HD_REQUIRE(self, b->addresses.buffer != NULL, "a DMA device without buffer");
  for (size_t i = 0; i < b->n_threads; i++) {
    b->threads[i].reading = i % 2 == 1;
    bench_begin(b, &b->threads[i]);
  }
}

/* ---- life ---------------------------------------------------------------- */

static const struct hd_component_ops ops = {
    .kind = "dma_bench", .handle = handle, .start = start};

static void initialize_state(struct dma_bench *b, const char *path)
{
  uint64_t seed = hd_engine_seed(b->base.engine);
  b->clock = hd_clock_at(b->params.frequency);
  b->addresses.rng = hd_rng_new(seed, path, "addresses");
  b->firmware = hd_rng_new(seed, path, "firmware");
  b->n_threads = b->bench.mode == BENCH_LATENCY ? 1 : (size_t)b->params.threads;
  b->threads = calloc(b->n_threads, sizeof *b->threads);
  HD_REQUIRE(NULL, b->threads != NULL, "out of memory for %s", path);
  b->reads.timer = TIMER_READS;
  b->writes.timer = TIMER_WRITES;
  hd_pool_initialize(&b->transfers, sizeof(struct bench_transfer));
  hd_pool_initialize(&b->requests, sizeof(struct bench_request));
  hd_histogram_initialize(&b->latency);
}

struct dma_bench *dma_bench_create(struct hd_engine *e, const char *path,
                                   const char *host,
                                   const struct bench_params *bench,
                                   const struct dma_device_params *device,
                                   const struct pcie_params *pcie,
                                   const struct hd_window *window)
{
  const char *problem = bench_params_problem(bench, device, pcie);
  HD_REQUIRE(NULL, problem == NULL, "%s: %s", path, problem);
  struct dma_bench *b = calloc(1, sizeof *b);
  HD_REQUIRE(NULL, b != NULL, "out of memory for %s", path);
  hd_component_initialize(&b->base, e, &ops, path, host);
  b->bench = *bench;
  b->params = *device;
  b->pcie = *pcie;
  b->window = window;
  initialize_state(b, path);
  return b;
}

void dma_bench_destroy(struct dma_bench *b)
{
  if (b->requester != NULL)
    pcie_requester_destroy(b->requester);
  hd_pool_terminate(&b->transfers);
  hd_pool_terminate(&b->requests);
  hd_histogram_terminate(&b->latency);
  gsl_rng_free(b->addresses.rng);
  gsl_rng_free(b->firmware);
  free(b->threads);
  free(b);
}

struct hd_component *dma_bench_component(struct dma_bench *b)
{
  return &b->base;
}

void dma_bench_attach_link(struct dma_bench *b, struct pcie_link *l)
{
  b->to_link = pcie_link_connect(l, PCIE_DOWNSTREAM_END, &b->base,
                                 b->pcie.device_latency);
  b->requester = pcie_requester_create(&b->base, b->to_link, &b->pcie);
  pcie_requester_set_window(b->requester, b->window);
  pcie_receiver_initialize(&b->receiver, &b->pcie, b->to_link,
                           PCIE_DOWNSTREAM_END);
}

void dma_bench_set_buffer(struct dma_bench *b,
                          const struct dma_bench_buffer *buffer)
{
  HD_REQUIRE(NULL,
             (uint64_t)b->bench.window <= buffer->n_chunks * buffer->chunk_size,
             "%s: the window is larger than the buffer", b->base.path);
  b->buffer = *buffer;
  bench_addresses_initialize(&b->addresses, &b->bench, &b->buffer,
                             b->addresses.rng);
}

/* ---- results ------------------------------------------------------------- */

void dma_bench_get_stats(const struct dma_bench *b, struct dma_bench_stats *s)
{
  struct hd_engine_report report;
  hd_engine_get_report(b->base.engine, &report);
  hd_time end = report.end != HD_TIME_NEVER ? report.end : hd_now(&b->base);
  *s = (struct dma_bench_stats){.reads = b->counts.reads.count,
                                .writes = b->counts.writes.count,
                                .read_bytes = b->counts.read_bytes.count,
                                .write_bytes = b->counts.write_bytes.count,
                                .latency = &b->latency};
  s->tags_mean = hd_gauge_mean(&b->tags, b->window, end);
  pcie_requester_get_stats(b->requester, &s->requester);
}

const char *dma_bench_check(const struct dma_bench *b)
{
  uint64_t active = 0;
  for (size_t i = 0; i < b->n_threads; i++)
    active += b->threads[i].active;
  if (b->begun != b->ended + active)
    return "DMAs lost or duplicated in the device";
  if (b->tags_used != b->requests.live ||
      (size_t)b->tags.value != b->tags_used ||
      b->tags_used > (size_t)b->params.tags)
    return "tags of the device do not balance";
  if (b->posted != b->finished + (uint64_t)b->contexts_used)
    return "writes lost or duplicated in the device";
  if (b->contexts_used * b->bench.transfer != b->buffered)
    return "the write buffer does not balance";
  return pcie_requester_check(b->requester);
}
