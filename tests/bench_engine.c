/*
 * bench_engine.c - how quick the engine's inner parts are, against a textbook.
 *
 * Prints one line a figure:
 *   heap_hold_ns SIZE NS      a bare binary heap, one pop and one push
 *   calendar_hold_ns SIZE NS  the engine's calendar, the same work
 *   mm1_customers_per_s N     M/M/1 on the engine, two events a customer,
 *                             and SimGrid's start included
 *
 * Usage: bench_engine [SIZE...]     (default: 16 1000 4000 20000)
 *
 * Hold model: a queue of SIZE messages; pop the earliest, push it again at its
 * time plus an exponential increment with a mean of SIZE times 10 ns, so that
 * events are 10 ns apart, as in a busy actor. Both queues get the same
 * messages, increments and tie-breaks, and must pop in the same order. Rounds
 * alternate between the two; the best round counts for each.
 */
#include <gsl/gsl_randist.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/engine/calendar.h"
#include "sim/engine/engine.h"
#include "sim/engine/rng.h"

enum { INCREMENTS = 1 << 16, OPERATIONS = 400000, ROUNDS = 7 };
enum { CUSTOMERS = 2000000 };

static double seconds(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *allocate(size_t count, size_t size)
{
  void *p = calloc(count, size);
  if (p == NULL)
    abort();
  return p;
}

/* ---- the textbook's binary heap --------------------------------------- */

struct entry {
  hd_time when;
  uint64_t order;
  struct hd_msg *msg;
};

struct heap {
  struct entry *at; /* room for one more than the model holds */
  size_t count;
};

static inline bool before(const struct entry *a, const struct entry *b)
{
  return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static void heap_push(struct heap *h, struct hd_msg *msg)
{
  struct entry e = {msg->when, msg->order, msg};
  size_t i = h->count++;
  while (i > 0 && before(&e, &h->at[(i - 1) / 2])) {
    h->at[i] = h->at[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  h->at[i] = e;
}

static struct hd_msg *heap_pop(struct heap *h)
{
  struct hd_msg *top = h->at[0].msg;
  struct entry e = h->at[--h->count];
  size_t i = 0;
  for (size_t child = 1; child < h->count; child = 2 * i + 1) {
    if (child + 1 < h->count && before(&h->at[child + 1], &h->at[child]))
      child++;
    if (!before(&h->at[child], &e))
      break;
    h->at[i] = h->at[child];
    i = child;
  }
  h->at[i] = e;
  return top;
}

/* ---- hold model ------------------------------------------------------- */

static hd_time increments[INCREMENTS];

struct hold {
  struct hd_msg **messages;
  uint64_t sequence, step;
  uint64_t popped; /* hash over the order of the popped messages */
};

static void draw_increments(size_t size)
{
  gsl_rng *rng = hd_rng_new(1, "bench", "increments");
  for (size_t i = 0; i < INCREMENTS; i++)
    increments[i] =
        llround(gsl_ran_exponential(rng, (double)(size * 10 * HD_NS)));
  gsl_rng_free(rng);
}

static void hold_initialize(struct hold *h, size_t size)
{
  *h = (struct hold){.messages = allocate(size, sizeof *h->messages)};
  for (size_t i = 0; i < size; i++) {
    h->messages[i] = allocate(1, HD_MSG_BYTES);
    h->messages[i]->when = increments[i % INCREMENTS];
    h->messages[i]->order = h->sequence++;
  }
}

static void hold_terminate(struct hold *h, size_t size)
{
  for (size_t i = 0; i < size; i++)
    free(h->messages[i]);
  free(h->messages);
}

static inline void hold_next(struct hold *h, struct hd_msg *msg)
{
  h->popped = h->popped * 31 + msg->order;
  msg->when += increments[h->step++ % INCREMENTS];
  msg->order = h->sequence++;
}

static double heap_round(struct hold *h, struct heap *heap)
{
  double start = seconds();
  for (int i = 0; i < OPERATIONS; i++) {
    struct hd_msg *msg = heap_pop(heap);
    hold_next(h, msg);
    heap_push(heap, msg);
  }
  return (seconds() - start) * 1e9 / OPERATIONS;
}

static double calendar_round(struct hold *h, struct hd_calendar *calendar)
{
  double start = seconds();
  for (int i = 0; i < OPERATIONS; i++) {
    struct hd_msg *msg = hd_calendar_pop(calendar);
    hold_next(h, msg);
    hd_calendar_push(calendar, msg);
  }
  return (seconds() - start) * 1e9 / OPERATIONS;
}

/* False if the two queues disagree. */
static bool bench_hold(size_t size)
{
  struct hold a, b;
  struct heap heap = {allocate(size + 1, sizeof *heap.at), 0};
  struct hd_calendar calendar;
  draw_increments(size);
  hold_initialize(&a, size);
  hold_initialize(&b, size);
  hd_calendar_initialize(&calendar);
  for (size_t i = 0; i < size; i++) {
    heap_push(&heap, a.messages[i]);
    hd_calendar_push(&calendar, b.messages[i]);
  }
  double heap_ns = HUGE_VAL, calendar_ns = HUGE_VAL;
  for (int round = 0; round < ROUNDS; round++) {
    heap_ns = fmin(heap_ns, heap_round(&a, &heap));
    calendar_ns = fmin(calendar_ns, calendar_round(&b, &calendar));
  }
  printf("heap_hold_ns %zu %.1f\n", size, heap_ns);
  printf("calendar_hold_ns %zu %.1f\n", size, calendar_ns);
  bool same = a.popped == b.popped;
  hd_calendar_terminate(&calendar);
  free(heap.at);
  hold_terminate(&a, size);
  hold_terminate(&b, size);
  return same;
}

/* ---- M/M/1 ------------------------------------------------------------ */

struct source {
  struct hd_component base;
  struct hd_channel *out;
  gsl_rng *rng;
};

struct server {
  struct hd_component base;
  gsl_rng *rng;
  struct hd_msg *first, *last;
  uint64_t served;
};

enum { ARRIVAL, CUSTOMER, DONE };

static void source_handle(struct hd_component *c, struct hd_msg *msg)
{
  struct source *s = (struct source *)c;
  hd_send(s->out, s->out->latency, hd_msg_new(c, CUSTOMER));
  hd_schedule(c, llround(gsl_ran_exponential(s->rng, 1.25e6)), msg);
}

static void source_start(struct hd_component *c)
{
  hd_schedule(c, 0, hd_msg_new(c, ARRIVAL));
}

static void serve(struct server *s)
{
  hd_schedule(&s->base, llround(gsl_ran_exponential(s->rng, 1e6)),
              hd_msg_new(&s->base, DONE));
}

static void server_handle(struct hd_component *c, struct hd_msg *msg)
{
  struct server *s = (struct server *)c;
  if (msg->kind == CUSTOMER) {
    msg->next = NULL;
    if (s->first) {
      s->last->next = msg;
    } else {
      s->first = msg;
      serve(s);
    }
    s->last = msg;
    return;
  }
  struct hd_msg *done = s->first;
  s->first = done->next;
  s->served++;
  hd_msg_free(c, done);
  hd_msg_free(c, msg);
  if (s->first)
    serve(s);
}

static void bench_mm1(void)
{
  static const struct hd_component_ops source_ops = {
      .kind = "source", .handle = source_handle, .start = source_start};
  static const struct hd_component_ops server_ops = {.kind = "server",
                                                     .handle = server_handle};
  struct hd_engine_options options = {.seed = 1, .window = 100 * HD_NS};
  struct hd_engine *e = hd_engine_create(&options);
  struct source source = {.rng = hd_rng_new(1, "source", "gaps")};
  struct server server = {.rng = hd_rng_new(1, "server", "services")};
  hd_engine_add_host(e, "machine");
  hd_component_initialize(&source.base, e, &source_ops, "source", "machine");
  hd_component_initialize(&server.base, e, &server_ops, "server", "machine");
  source.out = hd_channel_open(&source.base, &server.base, 5 * HD_NS);
  double start = seconds();
  hd_engine_run(e, CUSTOMERS * (1250 * HD_NS));
  printf("mm1_customers_per_s %.0f\n",
         (double)server.served / (seconds() - start));
  gsl_rng_free(source.rng);
  gsl_rng_free(server.rng);
  hd_engine_destroy(e);
}

int main(int argc, char **argv)
{
  static char *fallback[] = {"", "16", "1000", "4000", "20000"};
  if (argc < 2) {
    argv = fallback;
    argc = sizeof fallback / sizeof *fallback;
  }
  for (int i = 1; i < argc; i++) {
    char *end;
    size_t size = strtoul(argv[i], &end, 10);
    if (size == 0 || *end != '\0' || size > 100000000) {
      fprintf(stderr, "bench_engine: not a size: %s\n", argv[i]);
      return 2;
    }
    if (!bench_hold(size)) {
      fprintf(stderr, "bench_engine: the queues disagree at size %zu\n", size);
      return 1;
    }
  }
  bench_mm1();
  return 0;
}
