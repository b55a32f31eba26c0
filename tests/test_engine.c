/*
 * test_engine.c - the engine's contract (sim/engine/engine.h).
 *
 * SimGrid runs once in a process: every test function runs in a process of its
 * own (Check's fork mode), and tests that compare runs fork once more per run.
 *
 * Not proved here: queueing behaviour over long runs (test_queueing.c).
 */
#include <check.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/engine/calendar.h"
#include "sim/engine/clock.h"
#include "sim/engine/engine.h"
#include "sim/engine/pool.h"
#include "sim/engine/rng.h"

static const hd_time windows[] = {0, 1 * HD_NS, 100 * HD_NS, 10 * HD_US};
enum { WINDOWS = sizeof windows / sizeof *windows };

static struct hd_engine *new_engine(hd_time window, uint32_t shuffle)
{
  struct hd_engine_options options = {
      .seed = 7, .window = window, .shuffle = shuffle};
  struct hd_engine *e = hd_engine_create(&options);
  hd_engine_add_host(e, "left");
  hd_engine_add_host(e, "right");
  return e;
}

/* ---- clocks and durations ---------------------------------------------- */

START_TEST(test_clock_never_accumulates)
{
  static const int64_t hertz[] = {2100000000, 3, 999999937, 2400000000};
  enum { CYCLES = 1000000 };
  for (size_t i = 0; i < sizeof hertz / sizeof *hertz; i++) {
    struct hd_clock by_one = hd_clock_at(hertz[i]);
    struct hd_clock at_once = by_one;
    hd_time sum = 0;
    for (int n = 0; n < CYCLES; n++)
      sum += hd_clock_take(&by_one, 1);
    ck_assert_int_eq(sum, hd_clock_take(&at_once, CYCLES));
    ck_assert_int_eq(by_one.remainder, at_once.remainder);
  }
}
END_TEST

START_TEST(test_clock_values)
{
  struct hd_clock c = hd_clock_at(2100000000);
  ck_assert_int_eq(hd_clock_span(&c, 0), 0);
  ck_assert_int_eq(hd_clock_span(&c, 1), 476); /* 476.19 */
  ck_assert_int_eq(hd_clock_span(&c, 21), 10000);
  ck_assert_int_eq(hd_clock_span(&c, INT64_C(2100000000) * 86400),
                   86400 * HD_S);
  ck_assert_int_eq(hd_clock_cycles(&c, 9999), 20);
  ck_assert_int_eq(hd_clock_cycles(&c, 10000), 21);
  ck_assert_int_eq(hd_clock_take(&c, 1), 476);
  ck_assert_int_eq(hd_clock_take(&c, 20), 9524);
  ck_assert_int_eq(c.remainder, 0);
}
END_TEST

START_TEST(test_time_of_bytes)
{
  ck_assert_int_eq(hd_time_of_bytes(0, 1), 0);
  ck_assert_int_eq(hd_time_of_bytes(64, INT64_C(512000000000)), 1000);
  ck_assert_int_eq(hd_time_of_bytes(1538, INT64_C(100000000000)), 123040);
  ck_assert_int_eq(hd_time_of_bytes(1, 3), INT64_C(2666666666667));  /* up */
  ck_assert_int_eq(hd_time_of_bytes(1, INT64_C(16000000000000)), 1); /* 0.5 */
  ck_assert_int_eq(hd_time_of_bytes((INT64_C(1) << 40) - 1, 8 * HD_S),
                   (INT64_C(1) << 40) - 1);
}
END_TEST

/* ---- pool --------------------------------------------------------------- */

START_TEST(test_pool)
{
  enum { OBJECTS = 5000, BYTES = 40 };
  struct hd_pool p;
  char **objects = calloc(OBJECTS, sizeof *objects);
  hd_pool_initialize(&p, BYTES);
  for (int i = 0; i < OBJECTS; i++) {
    objects[i] = hd_pool_get(&p);
    ck_assert_uint_eq((uintptr_t)objects[i] % 16, 0);
    memset(objects[i], i & 0xff, BYTES);
  }
  ck_assert_uint_eq(p.live, OBJECTS);
  for (int i = 0; i < OBJECTS; i++) /* disjoint: nothing overwritten */
    for (int k = 0; k < BYTES; k += BYTES - 1)
      ck_assert_int_eq(objects[i][k], (char)(i & 0xff));
  hd_pool_put(&p, objects[10]);
  hd_pool_put(&p, objects[20]);
  ck_assert_uint_eq(p.live, OBJECTS - 2);
  ck_assert_ptr_eq(hd_pool_get(&p), objects[20]); /* last in, first out */
  ck_assert_ptr_eq(hd_pool_get(&p), objects[10]);
  void *slabs = p.slabs;
  for (int i = 0; i < OBJECTS; i++)
    hd_pool_put(&p, objects[i]);
  ck_assert_uint_eq(p.live, 0);
  for (int i = 0; i < OBJECTS; i++)
    (void)hd_pool_get(&p);
  ck_assert_ptr_eq(p.slabs, slabs); /* recycled, not grown */
  ck_assert_uint_eq(p.live, OBJECTS);
  hd_pool_terminate(&p);
  free(objects);
}
END_TEST

/* ---- random streams ------------------------------------------------------ */

static bool same_stream(uint64_t seed_a, const char *path_a, const char *for_a,
                        uint64_t seed_b, const char *path_b, const char *for_b)
{
  gsl_rng *a = hd_rng_new(seed_a, path_a, for_a);
  gsl_rng *b = hd_rng_new(seed_b, path_b, for_b);
  int equal = 0;
  for (int i = 0; i < 1000; i++)
    equal += gsl_rng_get(a) == gsl_rng_get(b);
  gsl_rng_free(a);
  gsl_rng_free(b);
  ck_assert(equal == 0 || equal == 1000);
  return equal == 1000;
}

START_TEST(test_rng_keys)
{
  ck_assert(same_stream(1, "a/b", "gap", 1, "a/b", "gap"));
  ck_assert(!same_stream(1, "a/b", "gap", 1, "a/b", "size"));
  ck_assert(!same_stream(1, "a/b", "gap", 1, "a/c", "gap"));
  ck_assert(!same_stream(1, "a/b", "gap", 2, "a/b", "gap"));
  ck_assert(!same_stream(1, "a/b", "gap", 1, "a/", "bgap"));
  ck_assert(!same_stream(1, "a/b", "gap", 1, "gap", "a/b"));
  ck_assert(
      !same_stream(1, "a/b", "gap", 1 + (UINT64_C(1) << 32), "a/b", "gap"));
  ck_assert(
      !same_stream(1, "a/b", "gap", 1 + (UINT64_C(1) << 63), "a/b", "gap"));
}
END_TEST

/* The generator itself, from the state 1 2 3 4: the published outputs. */
START_TEST(test_rng_known_answers)
{
  static const uint64_t state[4] = {1, 2, 3, 4};
  static const uint64_t expected[] = {UINT64_C(41943041),
                                      UINT64_C(58720359),
                                      UINT64_C(3588806011781223),
                                      UINT64_C(3591011842654386),
                                      UINT64_C(9228616714210784205),
                                      UINT64_C(9973669472204895162)};
  gsl_rng *r = gsl_rng_alloc(hd_rng_xoshiro256pp);
  ck_assert_uint_eq(gsl_rng_size(r), sizeof state);
  memcpy(gsl_rng_state(r), state, sizeof state);
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    ck_assert_uint_eq(gsl_rng_get(r), expected[i]);
  gsl_rng_free(r);
}
END_TEST

/* Chi-square of 1e6 draws over 256 bins; way: 0 uniform, 1 top bits, 2 low
 * bits, 3 uniform_int. */
START_TEST(test_rng_uniform)
{
  enum { BINS = 256, DRAWS = 1000000 };
  double counts[BINS] = {0}, chi = 0, expected = (double)DRAWS / BINS;
  gsl_rng *r = hd_rng_new(1, "uniform", "test");
  for (int i = 0; i < DRAWS; i++) {
    size_t bin = _i == 0   ? (size_t)(gsl_rng_uniform(r) * BINS)
                 : _i == 1 ? gsl_rng_get(r) >> 56
                 : _i == 2 ? gsl_rng_get(r) & 0xff
                           : gsl_rng_uniform_int(r, BINS);
    ck_assert_msg(bin < BINS, "draw outside [0, 1)");
    counts[bin]++;
  }
  for (int i = 0; i < BINS; i++)
    chi += pow(counts[i] - expected, 2) / expected;
  double p = gsl_cdf_chisq_Q(chi, BINS - 1);
  ck_assert_double_gt(p, 1e-3);
  ck_assert_double_lt(p, 1 - 1e-3);
  gsl_rng_free(r);
}
END_TEST

/* ---- calendar ------------------------------------------------------------ */

enum { PENDING_MAX = 3000 };

struct reference { /* an unsorted array: slow, and evidently right */
  struct hd_msg messages[PENDING_MAX];
  struct hd_msg *waiting[PENDING_MAX], *idle[PENDING_MAX];
  size_t n_waiting, n_idle;
  uint64_t sequence;
};

static size_t reference_least(const struct reference *r)
{
  size_t least = 0;
  for (size_t i = 1; i < r->n_waiting; i++) {
    const struct hd_msg *a = r->waiting[i], *b = r->waiting[least];
    if (a->when < b->when || (a->when == b->when && a->order < b->order))
      least = i;
  }
  return least;
}

static void push_both(struct reference *r, struct hd_calendar *c, hd_time when)
{
  struct hd_msg *m = r->idle[--r->n_idle];
  m->when = when;
  m->order = hd_mix64(++r->sequence); /* not in the order of pushing */
  r->waiting[r->n_waiting++] = m;
  hd_calendar_push(c, m);
}

static hd_time pop_both(struct reference *r, struct hd_calendar *c)
{
  size_t least = reference_least(r);
  struct hd_msg *m = r->waiting[least];
  if (hd_calendar_head(c) != m->when)
    ck_abort_msg("wrong head");
  if (hd_calendar_pop(c) != m)
    ck_abort_msg("wrong message after %lu pushes", (unsigned long)r->sequence);
  r->waiting[least] = r->waiting[--r->n_waiting];
  r->idle[r->n_idle++] = m;
  return m->when;
}

/* Increments of every scale, ties, and times before the last popped one. */
static hd_time random_time(gsl_rng *rng, hd_time last)
{
  switch (gsl_rng_uniform_int(rng, 8)) {
  case 0:
    return last;
  case 1:
    return last - (hd_time)gsl_rng_uniform_int(rng, 100000);
  case 2:
    return (hd_time)gsl_rng_uniform_int(rng, UINT64_C(1) << 62);
  default:
    return last +
           (hd_time)(gsl_rng_get(rng) >> (24 + gsl_rng_uniform_int(rng, 40)));
  }
}

static struct reference *reference_new(void)
{
  struct reference *r = calloc(1, sizeof *r);
  for (size_t i = 0; i < PENDING_MAX; i++)
    r->idle[r->n_idle++] = &r->messages[i];
  return r;
}

/* The number of waiting messages swings between 0 and a limit. */
START_TEST(test_calendar_random)
{
  static const size_t limits[] = {3, 20, 30, 300, PENDING_MAX};
  struct reference *r = reference_new();
  struct hd_calendar c;
  hd_calendar_initialize(&c);
  gsl_rng *rng = hd_rng_new(3, "calendar", "times");
  hd_time last = 0;
  bool rising = true;
  for (int i = 0; i < 40000; i++) {
    if (r->n_waiting == 0)
      rising = true;
    else if (r->n_waiting == limits[_i])
      rising = false;
    bool push = gsl_rng_uniform(rng) < (rising ? 0.7 : 0.3);
    if ((push && r->n_idle && r->n_waiting < limits[_i]) || !r->n_waiting)
      push_both(r, &c, random_time(rng, last));
    else
      last = pop_both(r, &c);
    if (last > HD_S * 1000)
      last = 0; /* after a message of the far future, start over */
  }
  while (r->n_waiting)
    (void)pop_both(r, &c);
  ck_assert_int_eq(hd_calendar_head(&c), HD_TIME_NEVER);
  hd_calendar_terminate(&c);
  gsl_rng_free(rng);
  free(r);
}
END_TEST

START_TEST(test_calendar_extremes)
{
  static const hd_time times[] = {HD_TIME_NEVER - 1,    0,    -1,   INT64_MIN,
                                  HD_TIME_NEVER,        1,    HD_S, HD_US,
                                  HD_TIME_NEVER - 2048, -HD_S};
  struct reference *r = reference_new();
  struct hd_calendar c;
  hd_calendar_initialize(&c);
  ck_assert_uint_le(sizeof c, 256);
  for (int i = 0; i < 200; i++)
    push_both(r, &c, times[i % 10]);
  while (r->n_waiting > 20)
    (void)pop_both(r, &c);
  for (int i = 0; i < 200; i++)
    push_both(r, &c, times[i % 10]);
  while (r->n_waiting)
    (void)pop_both(r, &c);
  hd_calendar_terminate(&c);
  free(r);
}
END_TEST

/* ---- a recording component and a sender that follows a script ------------ */

struct record {
  hd_time when, now;
  uint64_t order;
  uint32_t kind;
  uint32_t unused;
};

enum { RECORDS = 64 };

struct sink {
  struct hd_component base;
  struct record log[RECORDS];
  size_t n;
};

static void sink_handle(struct hd_component *c, struct hd_msg *msg)
{
  struct sink *s = (struct sink *)c;
  if (s->n < RECORDS)
    s->log[s->n++] = (struct record){.when = msg->when,
                                     .now = hd_now(c),
                                     .order = msg->order,
                                     .kind = msg->kind};
  hd_msg_free(c, msg);
}

static const struct hd_component_ops sink_ops = {.kind = "sink",
                                                 .handle = sink_handle};

enum { SCRIPT = 16 };

/* Sends, at time 0, a message of kind i + 1 for each times[i] > 0. */
struct script {
  struct hd_component base;
  struct hd_channel *out;
  hd_time times[SCRIPT];
};

static void script_start(struct hd_component *c)
{
  struct script *s = (struct script *)c;
  for (uint32_t i = 0; i < SCRIPT && s->times[i] > 0; i++)
    hd_send_at(s->out, s->times[i], hd_msg_new(c, i + 1));
}

static void ignore(struct hd_component *c, struct hd_msg *msg)
{
  hd_msg_free(c, msg);
}

static const struct hd_component_ops script_ops = {
    .kind = "script", .handle = ignore, .start = script_start};

/* ---- channels -------------------------------------------------------------
 */

START_TEST(test_zero_latency_refused)
{
  struct hd_engine *e = new_engine(0, 0);
  static struct sink a, b;
  hd_component_initialize(&a.base, e, &sink_ops, "a", "left");
  hd_component_initialize(&b.base, e, &sink_ops, "b", "left");
  (void)hd_channel_open(&a.base, &b.base, 0);
}
END_TEST

static void run_script(hd_time latency, hd_time when)
{
  struct hd_engine *e = new_engine(100 * HD_NS, 0);
  static struct sink sink;
  static struct script script;
  hd_component_initialize(&sink.base, e, &sink_ops, "sink", "left");
  hd_component_initialize(&script.base, e, &script_ops, "script", "left");
  script.out = hd_channel_open(&script.base, &sink.base, latency);
  script.times[0] = when;
  hd_engine_run(e, HD_US);
  ck_assert_uint_eq(sink.n, 1);
  ck_assert_int_eq(sink.log[0].now, when);
}

START_TEST(test_send_at_the_latency)
{
  run_script(10 * HD_NS, 10 * HD_NS);
}
END_TEST

START_TEST(test_early_send_refused)
{
  run_script(10 * HD_NS, 10 * HD_NS - 1);
}
END_TEST

START_TEST(test_same_path_refused)
{
  struct hd_engine *e = new_engine(0, 0);
  static struct sink a, b;
  hd_component_initialize(&a.base, e, &sink_ops, "same", "left");
  hd_component_initialize(&b.base, e, &sink_ops, "same", "left");
  hd_engine_run(e, HD_US);
}
END_TEST

START_TEST(test_second_engine_refused)
{
  (void)new_engine(0, 0);
  (void)new_engine(0, 0);
}
END_TEST

/* ---- total order -----------------------------------------------------------
 */

/* Three senders, two simultaneous messages each; all six orders of creation. */
START_TEST(test_total_order)
{
  static const char *const paths[] = {"s/a", "s/b", "s/c"};
  static const int permutations[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  static struct sink sink;
  static struct script scripts[3];
  struct hd_engine *e =
      new_engine(windows[_i / 6 % WINDOWS], (uint32_t)(_i / 24));
  hd_component_initialize(&sink.base, e, &sink_ops, "z", "left");
  for (int k = 0; k < 3; k++) {
    int which = permutations[_i % 6][k];
    struct script *s = &scripts[which];
    hd_component_initialize(&s->base, e, &script_ops, paths[which],
                            which == 1 ? "right" : "left");
    s->out = hd_channel_open(&s->base, &sink.base, 10 + which * 200 * HD_NS);
    s->times[0] = s->times[1] = HD_US;
  }
  hd_engine_run(e, 2 * HD_US);
  ck_assert_uint_eq(sink.n, 6);
  for (size_t i = 0; i < 6; i++) {
    ck_assert_int_eq(sink.log[i].when, HD_US);
    ck_assert_uint_eq(sink.log[i].order >> 40, scripts[i / 2].base.id);
    ck_assert_uint_eq(sink.log[i].kind, 1 + i % 2); /* sequence order */
  }
  ck_assert_uint_lt(scripts[0].base.id, scripts[1].base.id);
  ck_assert_uint_lt(scripts[1].base.id, scripts[2].base.id);
  hd_engine_destroy(e);
}
END_TEST

/* ---- tasks ------------------------------------------------------------------
 */

enum { STEPS = 8 };

/* A task that performs steps and notes what each of them returned. */
struct step {
  hd_time advance; /* first */
  hd_time until;   /* then wait; 0: do not wait */
};

struct worker {
  struct hd_task task;
  struct step steps[STEPS];
  struct record got[STEPS]; /* kind 0: the timeout */
  size_t n;
  struct hd_channel *out; /* if not NULL: report each step */
};

static void worker_body(struct hd_task *t)
{
  struct worker *w = (struct worker *)t;
  while (w->n < STEPS && (w->steps[w->n].advance || w->steps[w->n].until)) {
    const struct step *s = &w->steps[w->n];
    struct record *r = &w->got[w->n];
    hd_task_advance(t, s->advance);
    struct hd_msg *msg = s->until ? hd_task_wait(t, s->until) : NULL;
    *r = (struct record){.now = hd_now(&t->base)};
    if (msg) {
      r->when = msg->when;
      r->order = msg->order;
      r->kind = msg->kind;
      hd_msg_free(&t->base, msg);
    }
    w->n++;
    if (w->out)
      hd_send(w->out, w->out->latency, hd_msg_new(&t->base, (uint32_t)w->n));
  }
}

struct bench { /* a script that sends to a task that sends to a sink */
  struct script script;
  struct worker worker;
  struct sink sink;
};

static struct bench bench;

static void bench_run(hd_time window)
{
  struct hd_engine *e = new_engine(window, 0);
  struct bench *b = &bench;
  hd_component_initialize(&b->script.base, e, &script_ops, "script", "left");
  hd_component_initialize(&b->sink.base, e, &sink_ops, "sink", "left");
  hd_task_initialize(&b->worker.task, e, worker_body, "worker", "task", "left");
  b->script.out = hd_channel_open(&b->script.base, &b->worker.task.base, HD_NS);
  b->worker.out =
      hd_channel_open(&b->worker.task.base, &b->sink.base, 50 * HD_NS);
  hd_engine_run(e, 100 * HD_US);
}

static void expect(size_t step, uint32_t kind, hd_time now)
{
  ck_assert_uint_lt(step, bench.worker.n);
  ck_assert_uint_eq(bench.worker.got[step].kind, kind);
  ck_assert_int_eq(bench.worker.got[step].now, now);
}

START_TEST(test_wait_message_before_timeout)
{
  bench.script.times[0] = 5000;
  bench.worker.steps[0].until = 5000;
  bench.worker.steps[1].until = 5000;
  bench_run(windows[_i]);
  expect(0, 1, 5000);
  expect(1, 0, 5000);
  ck_assert_uint_eq(bench.worker.n, 2);
}
END_TEST

START_TEST(test_wait_timeout_before_message)
{
  bench.script.times[0] = 5001;
  bench.worker.steps[0].until = 5000;
  bench.worker.steps[1].until = HD_TIME_NEVER;
  bench_run(windows[_i]);
  expect(0, 0, 5000);
  expect(1, 1, 5001);
}
END_TEST

START_TEST(test_wait_blocked_then_ready)
{
  bench.script.times[0] = 7777;
  bench.worker.steps[0].until = 7776; /* blocked at t - 1 ps */
  bench.worker.steps[1].until = 7777; /* ready at t */
  bench.worker.steps[2].until = 7778;
  bench_run(windows[_i]);
  expect(0, 0, 7776);
  expect(1, 1, 7777);
  expect(2, 0, 7778);
}
END_TEST

/* At SimGrid time 0, two senders send to exactly the task's lookahead: neither
 * the first message nor the timeout is settled before both have been sent,
 * whatever the order in which the three actors run. */
START_TEST(test_wait_settled)
{
  static struct script first, second;
  static struct worker worker;
  struct hd_engine *e = new_engine(100 * HD_NS, (uint32_t)_i);
  hd_component_initialize(&first.base, e, &script_ops, "a", "left");
  hd_component_initialize(&second.base, e, &script_ops, "b", "left");
  hd_task_initialize(&worker.task, e, worker_body, "worker", "task", "left");
  first.out = hd_channel_open(&first.base, &worker.task.base, HD_NS);
  second.out = hd_channel_open(&second.base, &worker.task.base, HD_NS);
  first.times[0] = second.times[0] = HD_NS;
  for (int i = 0; i < 3; i++)
    worker.steps[i].until = HD_NS;
  hd_engine_run(e, HD_US);
  ck_assert_uint_eq(worker.n, 3);
  ck_assert_uint_eq(worker.got[0].kind, 1);
  ck_assert_uint_eq(worker.got[0].order >> 40, first.base.id);
  ck_assert_uint_eq(worker.got[1].kind, 1);
  ck_assert_uint_eq(worker.got[1].order >> 40, second.base.id);
  ck_assert_uint_eq(worker.got[2].kind, 0);
}
END_TEST

/* Local time runs ahead of messages; they come at once, and in order. */
START_TEST(test_wait_old_messages)
{
  bench.script.times[0] = 9000;
  bench.script.times[1] = 4000;
  bench.script.times[2] = 30000;
  bench.worker.steps[0] = (struct step){20000, HD_TIME_NEVER};
  bench.worker.steps[1] = (struct step){0, 10000};
  bench.worker.steps[2] = (struct step){0, 10000};
  bench.worker.steps[3] = (struct step){1000, HD_TIME_NEVER};
  bench_run(windows[_i]);
  expect(0, 2, 20000);
  ck_assert_int_eq(bench.worker.got[0].when, 4000);
  expect(1, 1, 20000);
  ck_assert_int_eq(bench.worker.got[1].when, 9000);
  expect(2, 0, 20000); /* `until` has passed: no message up to it is left */
  expect(3, 3, 30000);
}
END_TEST

START_TEST(test_run_ahead)
{
  bench.worker.steps[0] = (struct step){3 * HD_US, 0};
  bench.worker.steps[1] = (struct step){1, 0};
  bench.worker.steps[2] = (struct step){0, 4 * HD_US};
  bench_run(windows[_i]);
  expect(0, 0, 3 * HD_US);
  expect(1, 0, 3 * HD_US + 1);
  expect(2, 0, 4 * HD_US);
  static const hd_time sent[] = {3 * HD_US, 3 * HD_US + 1, 4 * HD_US};
  ck_assert_uint_eq(bench.sink.n, 3);
  for (size_t i = 0; i < 3; i++)
    ck_assert_int_eq(bench.sink.log[i].now, sent[i] + 50 * HD_NS);
}
END_TEST

START_TEST(test_advance_backwards_refused)
{
  bench.worker.steps[0].advance = -1;
  bench_run(0);
}
END_TEST

/* ---- a random network
 * -------------------------------------------------------- */

enum {
  HARDWARE = 12,
  TASKS = 20,
  NODES = HARDWARE + TASKS,
  FANOUT = 5,
  NET_LOG = 4000
};

static const hd_time net_end = 60 * HD_US;

struct net_channel {
  int to;
  hd_time latency;
};

/* What the network is, independent of how it is built. */
struct net_plan {
  struct net_channel channels[NODES][FANOUT];
  bool right[NODES];
};

/* What one run gives; in memory shared with the parent. */
struct net_result {
  struct hd_engine_report report;
  uint32_t n[NODES];
  struct record log[NODES][NET_LOG];
};

struct net_node {
  union {
    struct hd_component base;
    struct hd_task task;
  };
  int index;
  struct hd_channel *out[FANOUT];
  gsl_rng *rng;
  struct net_result *result;
};

static struct net_node nodes[NODES];

static void node_path(char *path, size_t size, int node)
{
  /* interleaved, so that neither kind comes first in the order of paths */
  snprintf(path, size, "net/%02d/%s", node * 17 % NODES,
           node < HARDWARE ? "hardware" : "task");
}

static struct net_plan plan_network(uint64_t seed)
{
  struct net_plan plan;
  gsl_rng *rng = hd_rng_new(seed, "network", "plan");
  for (int i = 0; i < NODES; i++) {
    plan.right[i] = gsl_rng_uniform(rng) < 0.5;
    for (int k = 0; k < FANOUT; k++) {
      double latency = pow(10, 6.3 * gsl_rng_uniform(rng)); /* 1 ps .. 2 us */
      int to = (int)gsl_rng_uniform_int(rng, k < 2 ? HARDWARE : NODES);
      plan.channels[i][k] = (struct net_channel){
          to == i ? (i + 1) % NODES : to, hd_time_max(1, (hd_time)latency)};
    }
  }
  gsl_rng_free(rng);
  return plan;
}

static void net_record(struct net_node *n, const struct hd_msg *msg)
{
  uint32_t at = n->result->n[n->index]++;
  if (at < NET_LOG)
    n->result->log[n->index][at] =
        (struct record){.when = msg ? msg->when : 0,
                        .now = hd_now(&n->base),
                        .order = msg ? msg->order : 0,
                        .kind = msg ? msg->kind : 0};
}

/* Delays: often none, so that times coincide; sometimes long. */
static hd_time net_delay(struct net_node *n)
{
  double u = gsl_rng_uniform(n->rng);
  return u < 0.5   ? 0
         : u < 0.9 ? (hd_time)gsl_ran_exponential(n->rng, 20.0 * (double)HD_NS)
                   : (hd_time)gsl_ran_exponential(n->rng, 2.0 * (double)HD_US);
}

static void net_send(struct net_node *n, struct hd_msg *msg)
{
  struct hd_channel *ch = n->out[gsl_rng_uniform_int(n->rng, FANOUT)];
  hd_send(ch, ch->latency + net_delay(n), msg);
}

/* Passes a message on, with one life (kind) less; may bear another. */
static void net_pass(struct net_node *n, struct hd_msg *msg)
{
  if (msg->kind <= 1) {
    hd_msg_free(&n->base, msg);
    return;
  }
  msg->kind--;
  if (gsl_rng_uniform(n->rng) < 0.03)
    net_send(n, hd_msg_new(&n->base, msg->kind / 2 + 1));
  if (!n->base.is_task && gsl_rng_uniform(n->rng) < 0.2)
    hd_schedule(&n->base, net_delay(n), msg);
  else
    net_send(n, msg);
}

static void net_handle(struct hd_component *c, struct hd_msg *msg)
{
  struct net_node *n = (struct net_node *)c;
  net_record(n, msg);
  net_pass(n, msg);
}

static void net_start(struct hd_component *c)
{
  struct net_node *n = (struct net_node *)c;
  for (int i = 0; i < 4; i++)
    net_send(n, hd_msg_new(c, 150));
}

static void net_body(struct hd_task *t)
{
  struct net_node *n = (struct net_node *)t;
  net_start(&t->base);
  for (;;) {
    if (gsl_rng_uniform(n->rng) < 0.5)
      hd_task_advance(t, net_delay(n));
    bool patient = gsl_rng_uniform(n->rng) < 0.5;
    struct hd_msg *msg = hd_task_wait(
        t, patient ? HD_TIME_NEVER : hd_now(&t->base) + net_delay(n));
    net_record(n, msg);
    if (msg)
      net_pass(n, msg);
    else
      hd_task_advance(t, 1 + net_delay(n));
  }
}

struct net_config {
  hd_time window;
  uint32_t shuffle;
  int stride; /* order of registration: a generator of the node numbers */
};

static void run_network(const struct net_plan *plan,
                        const struct net_config *config, uint64_t seed,
                        struct net_result *result)
{
  static const struct hd_component_ops ops = {
      .kind = "node", .handle = net_handle, .start = net_start};
  struct hd_engine *e = new_engine(config->window, config->shuffle);
  for (int k = 0; k < NODES; k++) {
    int i = k * config->stride % NODES;
    char path[32];
    node_path(path, sizeof path, i);
    const char *host = plan->right[i] ? "right" : "left";
    if (i < HARDWARE)
      hd_component_initialize(&nodes[i].base, e, &ops, path, host);
    else
      hd_task_initialize(&nodes[i].task, e, net_body, "node", path, host);
    nodes[i].index = i;
    nodes[i].result = result;
    nodes[i].rng = hd_rng_new(seed, path, "traffic");
  }
  for (int k = 0; k < NODES * FANOUT; k++) {
    int i = k * config->stride % NODES, slot = k / NODES;
    const struct net_channel *ch = &plan->channels[i][slot];
    nodes[i].out[slot] =
        hd_channel_open(&nodes[i].base, &nodes[ch->to].base, ch->latency);
  }
  hd_engine_run(e, net_end);
  hd_engine_get_report(e, &result->report);
}

static void *shared_memory(size_t size)
{
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
  ck_assert_ptr_ne(p, MAP_FAILED);
  return p;
}

static void fork_network(const struct net_plan *plan,
                         const struct net_config *config, uint64_t seed,
                         struct net_result *result)
{
  memset(result, 0, sizeof *result);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    run_network(plan, config, seed, result);
    _exit(0);
  }
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                "run with window %lld, shuffle %u ended with %#x",
                (long long)config->window, config->shuffle, (unsigned)status);
}

static void compare_runs(const struct net_result *a, const struct net_result *b,
                         const struct net_config *config)
{
  for (int i = 0; i < NODES; i++)
    for (uint32_t k = 0; k < NET_LOG; k++) {
      const struct record *x = &a->log[i][k], *y = &b->log[i][k];
      ck_assert_msg(memcmp(x, y, sizeof *x) == 0,
                    "window %lld shuffle %u: node %d differs at %u: message of "
                    "%lld ps at %lld ps, not of %lld ps at %lld ps",
                    (long long)config->window, config->shuffle, i, k,
                    (long long)y->when, (long long)y->now, (long long)x->when,
                    (long long)x->now);
    }
  ck_assert_int_eq(memcmp(a->n, b->n, sizeof a->n), 0);
  ck_assert_uint_eq(a->report.fingerprint, b->report.fingerprint);
  ck_assert_uint_eq(a->report.events, b->report.events);
  ck_assert_uint_eq(a->report.messages_live, b->report.messages_live);
  ck_assert_int_eq(a->report.end, b->report.end);
}

static void check_is_lively(const struct net_result *r)
{
  ck_assert_uint_gt(r->report.events, 5000);
  for (int i = 0; i < NODES; i++) {
    ck_assert_uint_lt(r->n[i], NET_LOG); /* whole logs are compared */
    ck_assert_int_le(r->n[i] ? r->log[i][r->n[i] - 1].when : 0, net_end);
  }
}

START_TEST(test_window_invariance)
{
  static const struct net_config configs[] = {
      {1 * HD_NS, 0, 1},   {100 * HD_NS, 0, 1}, {10 * HD_US, 0, 1},
      {0, 1, 5},           {1 * HD_NS, 2, 7},   {100 * HD_NS, 3, 31},
      {10 * HD_US, 99, 9}, {0, 12345, 31},      {37, 4, 3}};
  static const struct net_config base = {0, 0, 1};
  uint64_t seed = 1000 + (uint64_t)_i;
  struct net_plan plan = plan_network(seed);
  struct net_result *first = shared_memory(sizeof *first);
  struct net_result *other = shared_memory(sizeof *other);
  fork_network(&plan, &base, seed, first);
  check_is_lively(first);
  ck_assert_uint_eq(first->report.actors, NODES);
  size_t fewest = NODES;
  for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
    fork_network(&plan, &configs[i], seed, other);
    compare_runs(first, other, &configs[i]);
    if (other->report.actors < fewest)
      fewest = other->report.actors;
  }
  ck_assert_uint_lt(fewest, NODES); /* some runs did share actors */
}
END_TEST

START_TEST(test_seed_changes_fingerprint)
{
  static const struct net_config base = {100 * HD_NS, 0, 1};
  struct net_plan plan = plan_network(1);
  struct net_result *a = shared_memory(sizeof *a);
  struct net_result *b = shared_memory(sizeof *b);
  fork_network(&plan, &base, 1, a);
  fork_network(&plan, &base, 2, b);
  ck_assert_uint_ne(a->report.fingerprint, b->report.fingerprint);
}
END_TEST

/* ---- the end of a run
 * ---------------------------------------------------------- */

START_TEST(test_end_is_inclusive)
{
  static struct sink sink;
  static struct script to_sink, to_task;
  static struct worker worker;
  const hd_time end = 20 * HD_US;
  struct hd_engine *e = new_engine(windows[_i], 0);
  hd_component_initialize(&sink.base, e, &sink_ops, "sink", "left");
  hd_component_initialize(&to_sink.base, e, &script_ops, "a", "left");
  hd_component_initialize(&to_task.base, e, &script_ops, "b", "left");
  hd_task_initialize(&worker.task, e, worker_body, "worker", "task", "right");
  to_sink.out = hd_channel_open(&to_sink.base, &sink.base, 3 * HD_NS);
  to_task.out = hd_channel_open(&to_task.base, &worker.task.base, 3 * HD_US);
  for (int i = 0; i < 3; i++) {
    to_sink.times[i] = to_task.times[i] = end - 1 + i;
    worker.steps[i].until = HD_TIME_NEVER;
  }
  hd_engine_run(e, end);
  struct hd_engine_report report;
  hd_engine_get_report(e, &report);
  ck_assert_uint_eq(sink.n, 2);
  ck_assert_int_eq(sink.log[1].now, end);
  ck_assert_uint_eq(worker.n, 2);
  ck_assert_int_eq(worker.got[1].now, end);
  ck_assert_int_eq(report.end, end);
  ck_assert_uint_eq(report.events, 4);
  ck_assert_uint_eq(report.messages_live, 2); /* those after the end */
  hd_engine_destroy(e);
}
END_TEST

/* A component that ticks every 100 ns and sets the end at its 50th tick. */
struct ticker {
  struct hd_component base;
  struct hd_channel *out; /* may be NULL */
  hd_time stop;           /* 0: does not set the end */
};

static void ticker_handle(struct hd_component *c, struct hd_msg *msg)
{
  struct ticker *t = (struct ticker *)c;
  if (c->handled == 50 && t->stop)
    hd_engine_stop_at(c, t->stop);
  if (t->out)
    hd_send(t->out, t->out->latency, hd_msg_new(c, 1));
  hd_schedule(c, 100 * HD_NS, msg);
}

static void ticker_start(struct hd_component *c)
{
  hd_schedule(c, 100 * HD_NS, hd_msg_new(c, 1));
}

static const struct hd_component_ops ticker_ops = {
    .kind = "ticker", .handle = ticker_handle, .start = ticker_start};

/* Nothing enters the second ticker, which has the lower ID and so starts before
 * the first: only the notice of the end keeps it from running beyond the end.
 */
static void run_tickers(hd_time window, hd_time stop, hd_time limit)
{
  static struct ticker first, second;
  static struct sink sink;
  static struct worker worker;
  struct hd_engine *e = new_engine(window, 0);
  hd_component_initialize(&first.base, e, &ticker_ops, "b", "left");
  hd_component_initialize(&second.base, e, &ticker_ops, "a", "left");
  hd_component_initialize(&sink.base, e, &sink_ops, "c", "right");
  first.out = hd_channel_open(&first.base, &sink.base, 700);
  first.stop = stop;
  hd_task_initialize(&worker.task, e, worker_body, "worker", "d", "right");
  worker.steps[0].until = stop;
  worker.steps[1].until = stop + 1;
  hd_engine_run(e, limit);
  struct hd_engine_report report;
  hd_engine_get_report(e, &report);
  uint64_t ticks = (uint64_t)(stop / (100 * HD_NS));
  ck_assert_int_eq(report.end, stop);
  ck_assert_uint_eq(first.base.handled, ticks);
  ck_assert_uint_eq(second.base.handled, ticks);
  ck_assert_uint_eq(sink.base.handled, ticks - 1); /* the last is too late */
  ck_assert_uint_eq(worker.n, 1); /* timeouts: at the end, not after it */
}

START_TEST(test_stop_before_limit)
{
  run_tickers(windows[_i], 20 * HD_US, HD_MS);
}
END_TEST

START_TEST(test_stop_without_limit)
{
  run_tickers(windows[_i], 20 * HD_US, HD_TIME_NEVER);
}
END_TEST

START_TEST(test_stop_after_limit)
{
  run_tickers(windows[_i], 40 * HD_US, 20 * HD_US);
}
END_TEST

START_TEST(test_stop_at_short_notice_refused)
{
  run_tickers(0, 5 * HD_US + HD_ENGINE_STOP_NOTICE - 1, HD_MS);
}
END_TEST

/* ---- failures
 * -------------------------------------------------------------------- */

static void fail_handle(struct hd_component *c, struct hd_msg *msg)
{
  HD_REQUIRE(c, msg->kind != 2, "kind is %u", msg->kind);
  hd_msg_free(c, msg);
}

static void run_failing(void)
{
  static const struct hd_component_ops ops = {.kind = "brittle",
                                              .handle = fail_handle};
  static struct hd_component brittle;
  static struct script script;
  struct hd_engine_options options = {.seed = UINT64_C(0x123456789abcdef0),
                                      .reproduce = "hdiov-sim run x.yaml"};
  struct hd_engine *e = hd_engine_create(&options);
  hd_engine_add_host(e, "left");
  hd_component_initialize(&brittle, e, &ops, "some/where", "left");
  hd_component_initialize(&script.base, e, &script_ops, "script", "left");
  script.out = hd_channel_open(&script.base, &brittle, 1);
  script.times[0] = 1000;
  script.times[1] = 1234567;
  hd_engine_run(e, HD_MS);
}

/* Runs `body` in a child; returns its exit status and what it wrote to stderr.
 */
static int capture(void (*body)(void), char *text, size_t size)
{
  int fds[2], status;
  ck_assert_int_eq(pipe(fds), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    dup2(fds[1], STDERR_FILENO);
    close(fds[0]);
    body();
    _exit(0);
  }
  close(fds[1]);
  size_t n = 0;
  for (ssize_t got;
       n + 1 < size && (got = read(fds[0], text + n, size - n - 1)) > 0;)
    n += (size_t)got;
  text[n] = '\0';
  close(fds[0]);
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFEXITED(status));
  return WEXITSTATUS(status);
}

START_TEST(test_failure_report)
{
  static const char *const parts[] = {
      "kind is 2",           "1234567 ps",           "some/where",    "brittle",
      "1311768467463790320", "hdiov-sim run x.yaml", "test_engine.c:"};
  char text[4096];
  ck_assert_int_eq(capture(run_failing, text, sizeof text), HD_EXIT_INTERNAL);
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    ck_assert_msg(strstr(text, parts[i]) != NULL, "no \"%s\" in: %s", parts[i],
                  text);
}
END_TEST

/* ---- accounts
 * ---------------------------------------------------------------------- */

START_TEST(test_messages_live)
{
  static struct sink sink;
  static struct script script;
  struct hd_engine *e = new_engine(windows[_i], 0);
  hd_component_initialize(&sink.base, e, &sink_ops, "sink", "left");
  hd_component_initialize(&script.base, e, &script_ops, "script", "right");
  script.out = hd_channel_open(&script.base, &sink.base, 10);
  for (int i = 0; i < 5; i++)
    script.times[i] = (i + 1) * HD_US;
  char *held = hd_msg_new_zero(&sink.base, 3);
  for (size_t i = 0; i < HD_MSG_BYTES; i++)
    ck_assert(held[i] == 0 || i < sizeof(struct hd_msg));
  ck_assert_uint_eq(((struct hd_msg *)held)->kind, 3);
  hd_engine_run(e, 3 * HD_US);
  struct hd_engine_report report;
  hd_engine_get_report(e, &report);
  ck_assert_uint_eq(sink.n, 3);
  ck_assert_uint_eq(report.messages_live, 3); /* two unsent, one held */
  ck_assert_uint_eq(report.events, 3);
  ck_assert_uint_eq(report.components, 2);
  hd_engine_destroy(e);
}
END_TEST

struct heartbeats {
  uint64_t n, events;
  hd_time now;
};

static void count_heartbeat(void *ctx, hd_time now, uint64_t events)
{
  struct heartbeats *h = ctx;
  h->n++;
  h->events = events;
  h->now = now;
}

START_TEST(test_heartbeat)
{
  static struct ticker ticker;
  struct heartbeats h = {0, 0, 0};
  struct hd_engine_options options = {.heartbeat = count_heartbeat,
                                      .heartbeat_ctx = &h,
                                      .heartbeat_events = 100};
  struct hd_engine *e = hd_engine_create(&options);
  hd_engine_add_host(e, "left");
  hd_component_initialize(&ticker.base, e, &ticker_ops, "a", "left");
  hd_engine_run(e, 100 * HD_US);
  ck_assert_uint_eq(h.n, 10);
  ck_assert_uint_eq(h.events, 1000);
  ck_assert_int_eq(h.now, 100 * HD_US);
}
END_TEST

/* ---- suite
 * ----------------------------------------------------------------------------
 */

static TCase *add_case(Suite *suite, const char *name)
{
  TCase *tcase = tcase_create(name);
  tcase_set_timeout(tcase, 120);
  suite_add_tcase(suite, tcase);
  return tcase;
}

static void add_basics(Suite *suite)
{
  TCase *t = add_case(suite, "basics");
  tcase_add_test(t, test_clock_never_accumulates);
  tcase_add_test(t, test_clock_values);
  tcase_add_test(t, test_time_of_bytes);
  tcase_add_test(t, test_pool);
  tcase_add_test(t, test_rng_keys);
  tcase_add_test(t, test_rng_known_answers);
  tcase_add_loop_test(t, test_rng_uniform, 0, 4);
  tcase_add_loop_test(t, test_calendar_random, 0, 5);
  tcase_add_test(t, test_calendar_extremes);
}

static void silence(void)
{
  if (freopen("/dev/null", "w", stderr) == NULL)
    ck_abort_msg("cannot silence stderr");
}

/* What the engine must refuse; its reports are kept off the terminal. */
static void add_refusals(Suite *suite)
{
  TCase *t = add_case(suite, "refusals");
  tcase_add_checked_fixture(t, silence, NULL);
  tcase_add_exit_test(t, test_zero_latency_refused, HD_EXIT_INTERNAL);
  tcase_add_exit_test(t, test_early_send_refused, HD_EXIT_INTERNAL);
  tcase_add_exit_test(t, test_same_path_refused, HD_EXIT_INTERNAL);
  tcase_add_exit_test(t, test_second_engine_refused, HD_EXIT_INTERNAL);
  tcase_add_exit_test(t, test_advance_backwards_refused, HD_EXIT_INTERNAL);
  tcase_add_exit_test(t, test_stop_at_short_notice_refused, HD_EXIT_INTERNAL);
}

/* ---- footprints ------------------------------------------------------ */

static void add_lines(struct hd_task *t, uintptr_t first, size_t lines)
{
  hd_task_add_footprint(t, (void *)(first * HD_LINE), lines * HD_LINE);
}

static bool has_lines(const struct hd_task *t, uintptr_t first, size_t lines)
{
  for (uint32_t i = 0; i < t->footprint.count; i++)
    if (t->footprint.ranges[i] == (first * HD_LINE | lines))
      return true;
  return false;
}

START_TEST(test_footprints_that_touch_are_one)
{
  struct hd_task t = {.footprint.count = 0};
  hd_task_add_footprint(&t, (void *)(100 * HD_LINE + 60), 8); /* in two lines */
  ck_assert(has_lines(&t, 100, 2));
  hd_task_add_footprint(&t, (void *)(101 * HD_LINE + 4), 1); /* within them */
  ck_assert(has_lines(&t, 100, 2));
  add_lines(&t, 103, 2); /* a line is between them */
  ck_assert(has_lines(&t, 100, 2) && has_lines(&t, 103, 2));
  add_lines(&t, 102, 1); /* joins them */
  ck_assert(has_lines(&t, 100, 5) && t.footprint.count == 1);
  add_lines(&t, 99, 7); /* holds them all */
  ck_assert(has_lines(&t, 99, 7) && t.footprint.count == 1);
  hd_task_add_footprint(&t, (void *)(200 * HD_LINE), 0);
  add_lines(&t, 200, 64); /* too many for a range */
  ck_assert_uint_eq(t.footprint.count, 1);
}
END_TEST

START_TEST(test_footprints_are_bounded)
{
  struct hd_task t = {.footprint.count = 0};
  add_lines(&t, 100, 60);
  add_lines(&t, 160, 3);
  ck_assert(has_lines(&t, 100, 63));
  add_lines(&t, 163, 1); /* 64 lines do not fit in a range */
  ck_assert(has_lines(&t, 100, 63) && has_lines(&t, 163, 1));
  for (uintptr_t i = 0; i < HD_FOOTPRINT; i++)
    add_lines(&t, 300 + 10 * i, 1);
  ck_assert_uint_eq(t.footprint.count, HD_FOOTPRINT);
  ck_assert(has_lines(&t, 300, 1) && has_lines(&t, 163, 1));
  add_lines(&t, 301, 1); /* still joins one that is there */
  ck_assert(has_lines(&t, 300, 2));
}
END_TEST

static void add_channels(Suite *suite)
{
  TCase *t = add_case(suite, "channels");
  tcase_add_test(t, test_send_at_the_latency);
  tcase_add_loop_test(t, test_total_order, 0, 72);
}

static void add_tasks(Suite *suite)
{
  TCase *t = add_case(suite, "tasks");
  tcase_add_loop_test(t, test_wait_message_before_timeout, 0, WINDOWS);
  tcase_add_loop_test(t, test_wait_timeout_before_message, 0, WINDOWS);
  tcase_add_loop_test(t, test_wait_blocked_then_ready, 0, WINDOWS);
  tcase_add_loop_test(t, test_wait_settled, 0, 24);
  tcase_add_loop_test(t, test_wait_old_messages, 0, WINDOWS);
  tcase_add_loop_test(t, test_run_ahead, 0, WINDOWS);
  tcase_add_test(t, test_footprints_that_touch_are_one);
  tcase_add_test(t, test_footprints_are_bounded);
}

static void add_runs(Suite *suite)
{
  TCase *t = add_case(suite, "runs");
  tcase_add_loop_test(t, test_window_invariance, 0, 10);
  tcase_add_test(t, test_seed_changes_fingerprint);
  tcase_add_loop_test(t, test_end_is_inclusive, 0, WINDOWS);
  tcase_add_loop_test(t, test_stop_before_limit, 0, WINDOWS);
  tcase_add_loop_test(t, test_stop_without_limit, 0, WINDOWS);
  tcase_add_loop_test(t, test_stop_after_limit, 0, WINDOWS);
  tcase_add_test(t, test_failure_report);
  tcase_add_loop_test(t, test_messages_live, 0, WINDOWS);
  tcase_add_test(t, test_heartbeat);
}

int main(void)
{
  Suite *suite = suite_create("engine");
  add_basics(suite);
  add_refusals(suite);
  add_channels(suite);
  add_tasks(suite);
  add_runs(suite);
  SRunner *runner = srunner_create(suite);
  srunner_set_fork_status(runner, CK_FORK);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
