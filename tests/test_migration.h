/*
 * test_migration.h - robots and a bench for tests of live migration.
 *
 * The bench describes one migration; bench_run() executes it in a process of
 * its own (SimGrid runs once in a process) and hands back what came out. The
 * guest robot and plain device robots answer at once; "live" device robots are
 * components of their own, which answer by message and write guest memory by
 * DMA, each write told to the migration.
 */
#ifndef TEST_MIGRATION_H
#define TEST_MIGRATION_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/hypervisor/migration.h"
#include "sim/engine/rng.h"
#include "sim/scenario/value.h"

#define GIB (INT64_C(1) << 30)
#define MIB (INT64_C(1) << 20)
#define GBPS INT64_C(1000000000)

enum { DEVICES = 3, QUEUES = 256, LIVE_PAGES = 4096 };

struct device_robot {
  uint32_t queues;
  bool image, software, live;
  int64_t state;
  const char *refusal;
  bool own_tracking; /* how, instead of as wanted */
  enum migration_tracking how;
  struct migration_load load;
  hd_time gap; /* live: between its writes; 0: none */
  bool loses;  /* live: every 100th write escapes tracking */
  bool late;   /* live: goes on writing while suspended */
  /* faults; a queue's number + 1, 0: none */
  uint32_t hangs, refuses_create, refuses_resume;
  bool has_stand_in;
};

struct bench {
  struct migration_params params;
  int64_t memory, rate;
  hd_time latency, cut, start, limit;
  double zero_share;
  struct migration_load load;
  bool refuses_pause, refuses_start; /* the guest; start: at the destination */
  struct device_robot device[DEVICES];
  uint32_t n_devices;
  bool twin; /* another VM migrates at the same time, without devices */
  uint64_t seed;
  hd_time window;
  uint32_t shuffle;
};

/* One side of a device. */
struct robot_result {
  uint32_t suspended, created, resumed; /* operations done */
  uint32_t destroyed;
  bool tracked, plugged, unplugged;
  uint32_t bad_rings; /* states that were not what the source gave */
  uint32_t running;   /* queues that work now */
};

struct outcome {
  int status; /* of the process */
  struct migration_report report;
  bool runs[2]; /* the guest, at the end */
  uint32_t pauses, starts[2], switched;
  uint32_t ahead;             /* pages newer at the destination */
  uint32_t differing, unsent; /* pages: versions unequal; 0 at destination */
  uint32_t miscounted; /* pages whose version is not 1 + the live writes */
  double throttle;
  uint64_t fingerprint;
  struct robot_result device[DEVICES][2], stand_in[DEVICES][2];
};

/* ---- defaults ------------------------------------------------------------ */

/* The table's own. */
static inline void default_params(struct migration_params *params)
{
  for (const struct hd_param *p = migration_param_table.params; p->name; p++) {
    struct hd_value v;
    struct hd_problem why;
    ck_assert_msg(hd_value_parse(p, p->name, p->fallback, &v, &why), "%s: %s",
                  p->name, why.text);
    hd_value_store(p, &v, (char *)params + p->offset);
  }
}

static inline void bench_defaults(struct bench *b)
{
  *b = (struct bench){.memory = 256 * MIB,
                      .rate = 10 * GBPS,
                      .latency = 10 * HD_US,
                      .cut = HD_TIME_NEVER,
                      .limit = 1000 * HD_S,
                      .start = 10 * HD_MS,
                      .seed = 1,
                      .window = 1 * HD_US};
  default_params(&b->params);
  b->params.bandwidth_limit = 0;
}

/* ---- device robots ------------------------------------------------------- */

enum { ROBOT_COMMAND = 1, ROBOT_TRACK, ROBOT_WRITE };

struct robot_msg {
  struct hd_msg msg;
  enum migration_verb verb;
  uint32_t queue;
  bool on;
};

struct robot {
  struct hd_component base; /* live only */
  const struct device_robot *is;
  struct robot_result *result;
  unsigned side;
  uint32_t index;
  bool working[QUEUES]; /* queues that are not suspended */
  struct hd_channel *from_thread, *to_thread, *dirty;
  bool writing;
  uint32_t *count; /* writes a page */
  gsl_rng *rng;
};

static inline struct migration_ring ring_of(const struct robot *r, uint32_t q)
{
  return (struct migration_ring){{0x5eed, r->index, q, q * 17u + 3, 0, 99}};
}

static inline const char *robot_refusal(void *device)
{
  return ((struct robot *)device)->is->refusal;
}

static inline uint32_t robot_queues(void *device)
{
  return ((struct robot *)device)->is->queues;
}

static inline int64_t robot_state(void *device)
{
  return ((struct robot *)device)->is->state;
}

static inline enum migration_tracking
robot_tracking(void *device, enum migration_tracking wanted)
{
  const struct robot *r = device;
  return r->is->own_tracking ? r->is->how : wanted;
}

static inline void robot_load(void *device, hd_time now,
                              struct migration_load *load)
{
  (void)now;
  *load = ((struct robot *)device)->is->load;
}

static inline void tell_robot(struct robot *r, struct hd_task *t, uint32_t kind,
                              enum migration_verb verb, uint32_t q, bool on)
{
  struct robot_msg *m = hd_msg_new_zero(&t->base, kind);
  m->verb = verb;
  m->queue = q;
  m->on = on;
  hd_send(r->from_thread, r->from_thread->latency, m);
}

static inline void robot_track(void *device, struct hd_task *t,
                               enum migration_tracking how, bool on)
{
  struct robot *r = device;
  (void)how;
  r->result->tracked = on;
  if (r->is->live)
    tell_robot(r, t, ROBOT_TRACK, 0, 0, on);
}

/* What each operation does; false: refused. */
static inline bool robot_do(struct robot *r, enum migration_verb verb,
                            uint32_t q)
{
  const struct device_robot *is = r->is;
  switch (verb) {
  case MIGRATION_SUSPEND:
    r->result->suspended++;
    r->result->running -= r->working[q];
    r->working[q] = false;
    return true;
  case MIGRATION_CREATE:
    r->result->created += is->refuses_create != q + 1;
    return is->refuses_create != q + 1;
  default:
    r->result->resumed++;
    if (is->refuses_resume == q + 1 && r->side == 1)
      return false;
    r->result->running += !r->working[q];
    r->working[q] = true;
    return true;
  }
}

static inline enum migration_answer robot_operate(struct robot *r,
                                                  struct hd_task *t,
                                                  enum migration_verb verb,
                                                  uint32_t q)
{
  if (r->is->live) {
    tell_robot(r, t, ROBOT_COMMAND, verb, q, false);
    return MIGRATION_LATER;
  }
  if (verb == MIGRATION_SUSPEND && r->is->hangs == q + 1)
    return MIGRATION_LATER; /* and never */
  return robot_do(r, verb, q) ? MIGRATION_DONE : MIGRATION_REFUSED;
}

static inline enum migration_answer robot_suspend(void *device,
                                                  struct hd_task *t, uint32_t q,
                                                  struct migration_ring *ring)
{
  struct robot *r = device;
  *ring = ring_of(r, q);
  return robot_operate(r, t, MIGRATION_SUSPEND, q);
}

static inline enum migration_answer robot_create(void *device,
                                                 struct hd_task *t, uint32_t q)
{
  return robot_operate(device, t, MIGRATION_CREATE, q);
}

static inline enum migration_answer
robot_resume(void *device, struct hd_task *t, uint32_t q,
             const struct migration_ring *ring)
{
  struct robot *r = device;
  struct migration_ring right = ring_of(r, q);
  if (r->is->hangs != q + 1)
    r->result->bad_rings += memcmp(ring, &right, sizeof right) != 0;
  return robot_operate(r, t, MIGRATION_RESUME, q);
}

static inline void robot_destroy(void *device, struct hd_task *t)
{
  struct robot *r = device;
  (void)t;
  r->result->destroyed++;
  r->result->running = 0;
}

static inline enum migration_answer robot_unplug(void *device,
                                                 struct hd_task *t)
{
  (void)t;
  ((struct robot *)device)->result->unplugged = true;
  return MIGRATION_DONE;
}

static inline enum migration_answer robot_plug(void *device, struct hd_task *t)
{
  (void)t;
  ((struct robot *)device)->result->plugged = true;
  return MIGRATION_DONE;
}

/* ---- live robots --------------------------------------------------------- */

static inline void robot_write(struct robot *r)
{
  uint32_t page = (uint32_t)gsl_rng_uniform_int(r->rng, LIVE_PAGES);
  struct migration_dirty_msg *d =
      hd_msg_new_zero(&r->base, MSG_MIGRATION_DIRTY);
  d->device = r->index;
  d->runs = 1;
  d->run[0].first = page;
  d->run[0].count = 1;
  d->unlogged = r->is->loses && gsl_rng_uniform_int(r->rng, 100) == 0;
  r->count[page]++;
  hd_send(r->dirty, r->dirty->latency, d);
}

static inline void robot_timer(struct robot *r, struct hd_msg *m)
{
  bool goes_on = r->writing && (r->result->running > 0 || r->is->late);
  if (goes_on) {
    robot_write(r);
    hd_schedule(&r->base, r->is->gap, m);
  } else {
    hd_msg_free(&r->base, m);
  }
}

static inline void robot_answer(struct robot *r, const struct robot_msg *c)
{
  if (c->verb == MIGRATION_SUSPEND && r->is->hangs == c->queue + 1)
    return;
  struct migration_answer_msg *a =
      hd_msg_new_zero(&r->base, MSG_MIGRATION_ANSWER);
  a->device = r->index;
  a->queue = c->queue;
  a->verb = c->verb;
  a->ok = robot_do(r, c->verb, c->queue);
  a->ring = ring_of(r, c->queue);
  hd_send(r->to_thread, r->to_thread->latency, a);
}

static inline void robot_handle(struct hd_component *c, struct hd_msg *m)
{
  struct robot *r = (struct robot *)c;
  const struct robot_msg *k = (const struct robot_msg *)m;
  if (m->kind == ROBOT_WRITE) {
    robot_timer(r, m);
    return;
  }
  if (m->kind == ROBOT_COMMAND)
    robot_answer(r, k);
  if (m->kind == ROBOT_TRACK) {
    if (k->on && !r->writing && r->is->gap > 0)
      hd_schedule(c, r->is->gap, hd_msg_new(c, ROBOT_WRITE));
    r->writing = k->on || r->is->late;
  }
  hd_msg_free(c, m);
}

static const struct hd_component_ops robot_component_ops = {
    .kind = "device_robot", .handle = robot_handle};

#define ROBOT_OPS                                                              \
  .kind = "robot", .refusal = robot_refusal, .queues = robot_queues,           \
  .tracking = robot_tracking, .track = robot_track, .load = robot_load,        \
  .suspend = robot_suspend, .create = robot_create, .resume = robot_resume,    \
  .destroy = robot_destroy, .unplug = robot_unplug, .plug = robot_plug

static const struct migration_device_ops queue_ops = {ROBOT_OPS};
static const struct migration_device_ops image_ops = {
    ROBOT_OPS, .image = true, .state_bytes = robot_state};
static const struct migration_device_ops software_ops = {ROBOT_OPS,
                                                         .software = true};

static inline const struct migration_device_ops *
ops_of(const struct device_robot *is)
{
  return is->image ? &image_ops : is->software ? &software_ops : &queue_ops;
}

/* ---- the guest robot ----------------------------------------------------- */

struct guest_robot {
  const struct bench *bench;
  struct outcome *outcome;
  unsigned side;
};

static inline enum migration_answer guest_pause(void *guest, struct hd_task *t)
{
  struct guest_robot *g = guest;
  (void)t;
  g->outcome->pauses++;
  ck_assert(g->outcome->runs[g->side]);
  if (g->bench->refuses_pause)
    return MIGRATION_REFUSED;
  g->outcome->runs[g->side] = false;
  return MIGRATION_DONE;
}

static inline enum migration_answer guest_resume(void *guest, struct hd_task *t)
{
  struct guest_robot *g = guest;
  (void)t;
  ck_assert(!g->outcome->runs[!g->side]); /* never at both */
  if (g->side == 1 && g->bench->refuses_start)
    return MIGRATION_REFUSED;
  g->outcome->runs[g->side] = true;
  g->outcome->starts[g->side]++;
  return MIGRATION_DONE;
}

static inline void guest_load(void *guest, hd_time now,
                              struct migration_load *load)
{
  (void)now;
  *load = ((struct guest_robot *)guest)->bench->load;
}

static inline void guest_throttle(void *guest, struct hd_task *t, double share)
{
  (void)t;
  ((struct guest_robot *)guest)->outcome->throttle = share;
}

static inline void guest_switched(void *guest, struct hd_task *t)
{
  (void)t;
  ((struct guest_robot *)guest)->outcome->switched++;
}

static const struct migration_guest_ops guest_robot_ops = {
    guest_pause, guest_resume, guest_load, guest_throttle, guest_switched};

/* ---- the bench ----------------------------------------------------------- */

struct setup {
  struct hd_engine *engine;
  struct migration *migration, *twin;
  struct outcome *twin_outcome;
  struct guest_robot twin_guest[2];
  struct robot robot[DEVICES][2], stand_in[DEVICES][2];
  struct guest_robot guest[2];
  struct migration_device device[DEVICES];
};

static const struct device_robot stand_in_robot = {.queues = 2,
                                                   .software = true};

static inline void on_finished(void *ctx, struct hd_task *t)
{
  (void)ctx;
  hd_engine_stop_at(&t->base, hd_now(&t->base) + 10 * HD_MS);
}

static inline void make_robot(struct setup *s, struct outcome *o, uint32_t i,
                              unsigned side, const struct bench *b)
{
  static const char *const hosts[] = {"left", "right"};
  struct robot *r = &s->robot[i][side], *q = &s->stand_in[i][side];
  char path[32];
  *r = (struct robot){.is = &b->device[i],
                      .result = &o->device[i][side],
                      .side = side,
                      .index = i};
  *q = (struct robot){.is = &stand_in_robot,
                      .result = &o->stand_in[i][side],
                      .side = side,
                      .index = i};
  for (uint32_t k = 0; k < QUEUES; k++)
    r->working[k] = q->working[k] = side == 0;
  r->result->running = side == 0 ? (r->is->image ? 1 : r->is->queues) : 0;
  q->result->running = side == 0 ? stand_in_robot.queues : 0;
  if (!r->is->live)
    return;
  snprintf(path, sizeof path, "device/%u/%u", i, side);
  hd_component_initialize(&r->base, s->engine, &robot_component_ops, path,
                          hosts[side]);
  r->rng = hd_rng_new(b->seed, path, "writes");
  r->count = calloc(LIVE_PAGES, sizeof *r->count);
}

static inline void wire_robots(struct setup *s, const struct bench *b)
{
  for (uint32_t i = 0; i < b->n_devices; i++)
    for (unsigned side = 0; side < 2; side++) {
      struct robot *r = &s->robot[i][side];
      if (!r->is->live)
        continue;
      struct hd_component *t = migration_component(s->migration, side);
      r->from_thread = hd_channel_open(t, &r->base, 700 * HD_NS);
      r->to_thread = hd_channel_open(&r->base, t, 900 * HD_NS);
      if (side == 0)
        r->dirty = migration_dirty_channel(s->migration, &r->base, 800 * HD_NS);
    }
}

static inline void make_devices(struct setup *s, struct outcome *o,
                                const struct bench *b)
{
  for (uint32_t i = 0; i < b->n_devices; i++) {
    static const char *const names[] = {"nic0", "nic1", "disk0"};
    for (unsigned side = 0; side < 2; side++)
      make_robot(s, o, i, side, b);
    s->device[i] = (struct migration_device){
        .name = names[i],
        .ops = ops_of(&b->device[i]),
        .side = {&s->robot[i][0], &s->robot[i][1]},
        .stand_in = b->device[i].has_stand_in ? &software_ops : NULL,
        .stand_in_side = {&s->stand_in[i][0], &s->stand_in[i][1]}};
  }
}

static inline void make_migration(struct setup *s, struct outcome *o,
                                  const struct bench *b, struct hd_link *link)
{
  for (unsigned side = 0; side < 2; side++)
    s->guest[side] = (struct guest_robot){b, o, side};
  struct migration_config c = {.params = &b->params,
                               .cpu_hz = 3000000000,
                               .host = {"left", "right"},
                               .link = link,
                               .memory = b->memory,
                               .zero_share = b->zero_share,
                               .guest_ops = &guest_robot_ops,
                               .guest = {&s->guest[0], &s->guest[1]},
                               .devices = s->device,
                               .n_devices = b->n_devices,
                               .start = b->start,
                               .finished = on_finished};
  s->migration = migration_create(s->engine, "vm/migration", &c);
  if (!b->twin)
    return;
  for (unsigned side = 0; side < 2; side++) {
    s->twin_guest[side] = (struct guest_robot){b, s->twin_outcome, side};
    c.guest[side] = &s->twin_guest[side];
  }
  c.n_devices = 0;
  c.finished = NULL;
  s->twin = migration_create(s->engine, "vm2/migration", &c);
}

static inline void compare_memory(const struct setup *s, const struct bench *b,
                                  struct outcome *o)
{
  const struct robot *live = &s->robot[0][0];
  for (uint32_t i = 0; i < b->memory / MIGRATION_PAGE; i++) {
    uint32_t at_source = migration_version(s->migration, 0, i);
    uint32_t at_destination = migration_version(s->migration, 1, i);
    o->differing += at_source != at_destination;
    o->ahead += at_destination > at_source;
    o->unsent += at_destination == 0;
    if (live->count && i < LIVE_PAGES)
      o->miscounted += at_source != 1 + live->count[i];
  }
}

static inline void bench_execute(const struct bench *b, struct outcome *o)
{
  struct hd_engine_options options = {
      .seed = b->seed, .window = b->window, .shuffle = b->shuffle};
  struct hd_engine_report report;
  struct setup *s = calloc(1, sizeof *s);
  s->engine = hd_engine_create(&options);
  hd_engine_add_host(s->engine, "left");
  hd_engine_add_host(s->engine, "right");
  struct hd_link *link =
      hd_engine_add_link(s->engine, "left", "right", b->rate, b->latency);
  if (b->cut != HD_TIME_NEVER)
    hd_link_cut(link, b->cut);
  o->runs[0] = true;
  s->twin_outcome = calloc(1, sizeof *o);
  s->twin_outcome->runs[0] = true;
  make_devices(s, o, b);
  make_migration(s, o, b, link);
  wire_robots(s, b);
  hd_engine_run(s->engine, b->limit);
  o->report = *migration_get_report(s->migration);
  compare_memory(s, b, o);
  hd_engine_get_report(s->engine, &report);
  o->fingerprint = report.fingerprint;
  for (uint32_t i = 0; i < 2 * b->n_devices; i++) {
    struct robot *r = &s->robot[i / 2][i % 2];
    free(r->count);
    if (r->rng)
      gsl_rng_free(r->rng);
  }
  hd_engine_destroy(s->engine); /* looks at components */
  migration_destroy(s->migration);
  if (s->twin)
    migration_destroy(s->twin);
  free(s->twin_outcome);
  free(s);
}

static inline struct outcome *bench_memory(void)
{
  void *p = mmap(NULL, sizeof(struct outcome), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ck_assert(p != MAP_FAILED);
  return p;
}

/* In shared memory; unmapped when the test's process ends. */
static inline struct outcome *bench_run(const struct bench *b)
{
  struct outcome *o = bench_memory();
  pid_t child = fork();
  if (child == 0) {
    bench_execute(b, o);
    exit(0);
  }
  ck_assert_int_gt(child, 0);
  waitpid(child, &o->status, 0);
  return o;
}

/* ---- what must hold ------------------------------------------------------ */

static inline void assert_parts_add_up(const struct migration_report *r)
{
  const struct migration_downtime *d = &r->downtime;
  ck_assert_int_eq(d->stop + d->suspend + d->state + d->copy + d->create +
                       d->resume,
                   d->total);
  ck_assert_int_eq(r->resumed_at - r->paused_at, d->total);
  ck_assert_uint_eq(r->bytes,
                    r->bytes_pages + r->bytes_headers + r->bytes_state);
}

static inline void assert_completed(const struct bench *b,
                                    const struct outcome *o)
{
  ck_assert_int_eq(o->status, 0);
  ck_assert_msg(o->report.outcome == MIGRATION_COMPLETED, "%s",
                o->report.status);
  ck_assert(o->report.at_destination && o->runs[1] && !o->runs[0]);
  ck_assert_uint_eq(o->starts[0], 0);
  ck_assert_uint_eq(o->starts[1], 1);
  ck_assert_uint_eq(o->switched, 1);
  ck_assert_uint_eq(o->differing, 0);
  ck_assert_uint_eq(o->unsent, 0);
  for (uint32_t i = 0; i < b->n_devices; i++) {
    ck_assert_uint_eq(o->device[i][1].bad_rings, 0);
    ck_assert(!o->device[i][0].tracked);
  }
  assert_parts_add_up(&o->report);
}

/* The VM runs at the source as before, its devices too; nothing is left at the
 * destination. */
static inline void assert_at_source(const struct bench *b,
                                    const struct outcome *o,
                                    enum migration_outcome outcome)
{
  ck_assert_int_eq(o->status, 0);
  ck_assert_msg(o->report.outcome == outcome, "%s", o->report.status);
  ck_assert(!o->report.at_destination && o->runs[0] && !o->runs[1]);
  ck_assert_uint_eq(o->starts[1], 0);
  ck_assert_uint_eq(o->switched, 0);
  ck_assert_uint_eq(o->ahead, 0);
  for (uint32_t i = 0; i < b->n_devices; i++) {
    const struct robot_result *r = o->device[i];
    ck_assert_uint_eq(r[0].running,
                      b->device[i].image ? 1 : b->device[i].queues);
    ck_assert_uint_eq(r[0].bad_rings, 0);
    ck_assert_uint_eq(r[1].running, 0);
    ck_assert_uint_le(r[1].destroyed, 1);
    ck_assert(!r[0].tracked);
  }
  assert_parts_add_up(&o->report);
}

static inline void assert_says(const struct outcome *o, const char *text)
{
  ck_assert_msg(strstr(o->report.status, text) != NULL, "\"%s\" lacks \"%s\"",
                o->report.status, text);
}

static inline int run_suite(Suite *s)
{
  SRunner *r = srunner_create(s);
  srunner_set_fork_status(r, CK_FORK);
  srunner_run_all(r, CK_ENV);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
