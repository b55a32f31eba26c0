/*
 * test_cpu_robots.h - what the tests of the scheduler share: robots, which
 * answer it like vCPUs, but without guest code, so that every time is exact.
 */
#ifndef HD_TEST_CPU_ROBOTS_H
#define HD_TEST_CPU_ROBOTS_H
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/cpu/run_queue.h"
#include "models/cpu/scheduler.h"
#include "models/interrupt/interrupt.h"
#include "sim/engine/rng.h"

#define MAX_ROBOTS 80
#define MAX_RUNS 4096
#define TAG_WAKE_TIMER UINT32_MAX
#define FOR_EVER HD_TIME_NEVER

/* -- robots -------------------------------------------------------------- */

struct robot {
  struct hd_component base;
  struct hd_channel *to;
  uint32_t index;
  hd_time first; /* when it is first woken; FOR_EVER: by others only */
  hd_time work;  /* core time it wants between rests; FOR_EVER: a hog */
  hd_time rest;  /* FOR_EVER: it works once */
  hd_time poll;  /* halt polling asked for with each BLOCK */
  bool varies;   /* work and rest differ each time, 0.5 to 1.5 times */
  hd_time left, on_since, woken_at, used;
  bool on;
  uint32_t run, preempt_run;
  /* What happened. */
  unsigned runs, preempts, injects, notifies;
  uint64_t vectors; /* handed over with runs or notifications */
  struct {
    hd_time when, since, latency;
    uint32_t core, cold;
  } log[MAX_RUNS];
  hd_time preempted_at, injected_at, left_at;
  uint32_t inject_state;
};

static inline void tell(struct robot *r, uint32_t kind, hd_time poll)
{
  struct sched_msg *m = hd_msg_new_zero(&r->base, kind);
  m->vcpu = r->index;
  m->poll = poll;
  hd_send(r->to, r->to->latency, m);
}

static inline void set_timer(struct robot *r, hd_time delay, uint32_t tag)
{
  if (delay == FOR_EVER)
    return;
  struct hd_msg *m = hd_msg_new(&r->base, MSG_TIMER);
  m->tag = tag;
  hd_schedule(&r->base, delay, m);
}

static inline void leave(struct robot *r, uint32_t kind, hd_time poll)
{
  hd_time now = hd_now(&r->base);
  if (r->left != FOR_EVER)
    r->left -= now - r->on_since;
  r->used += now - r->on_since;
  r->on = false;
  r->left_at = now;
  tell(r, kind, poll);
}

static inline hd_time varied(const struct robot *r, hd_time t, unsigned what)
{
  if (!r->varies)
    return t;
  uint64_t key = r->index * 1000003u + r->runs * 2u + what;
  return t / 2 + (hd_time)(hd_mix64(key) % (uint64_t)t);
}

static inline void finish(struct robot *r)
{
  leave(r, MSG_SCHED_BLOCK, r->poll);
  r->left = varied(r, r->work, 0);
  set_timer(r, varied(r, r->rest, 1), TAG_WAKE_TIMER);
}

static inline void run(struct robot *r, const struct sched_msg *m)
{
  hd_time now = hd_now(&r->base);
  ck_assert(!r->on);
  ck_assert_uint_eq(m->vcpu, r->index);
  ck_assert_uint_eq(m->msg.tag, r->run + 1);
  if (r->runs < MAX_RUNS) {
    r->log[r->runs].when = now;
    r->log[r->runs].since = m->since;
    r->log[r->runs].latency = r->woken_at < 0 ? -1 : now - r->woken_at;
    r->log[r->runs].core = m->data;
    r->log[r->runs].cold = m->cold;
  }
  r->runs++;
  r->vectors |= m->vectors[0];
  r->woken_at = -1;
  r->on = true;
  r->on_since = now;
  r->run = m->msg.tag;
  set_timer(r, r->left, r->run);
  if (r->preempt_run == r->run)
    leave(r, MSG_SCHED_YIELD, 0);
}

static inline void preempt(struct robot *r, const struct sched_msg *m)
{
  r->preempts++;
  r->preempt_run = m->msg.tag;
  r->preempted_at = hd_now(&r->base);
  if (r->on && r->preempt_run == r->run)
    leave(r, MSG_SCHED_YIELD, 0);
}

static inline void robot_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct robot *r = (struct robot *)self;
  switch (msg->kind) {
  case MSG_SCHED_RUN:
    run(r, (struct sched_msg *)msg);
    break;
  case MSG_SCHED_PREEMPT:
    preempt(r, (struct sched_msg *)msg);
    break;
  case MSG_IRQ_INJECT:
    r->injects++;
    r->injected_at = hd_now(self);
    r->inject_state = ((struct interrupt_msg *)msg)->state;
    break;
  case MSG_IRQ_NOTIFY:
    r->notifies++;
    r->vectors |= ((struct interrupt_msg *)msg)->vectors[0];
    break;
  case MSG_TIMER:
    if (msg->tag == TAG_WAKE_TIMER) {
      r->woken_at = hd_now(self);
      tell(r, MSG_SCHED_WAKE, 0);
    } else if (r->on && msg->tag == r->run) {
      finish(r);
    }
    break;
  default:
    ck_abort_msg("robot got a message of kind %u", msg->kind);
  }
  hd_msg_free(self, msg);
}

static inline void robot_start(struct hd_component *self)
{
  struct robot *r = (struct robot *)self;
  set_timer(r, r->first, TAG_WAKE_TIMER);
}

/* -- others: sends prepared messages to the scheduler --------------------- */

#define MAX_SCRIPT 16
#define VECTOR 4u
#define EXTRA (650 * HD_NS) /* a wake-up vector's handler on the host */

struct others {
  struct hd_component base;
  struct hd_channel *to;
  struct {
    hd_time when;
    uint32_t kind, vcpu, tag;
  } script[MAX_SCRIPT];
  unsigned count;
};

static inline void others_start(struct hd_component *self)
{
  struct others *o = (struct others *)self;
  for (unsigned i = 0; i < o->count; i++) {
    struct hd_msg *msg = hd_msg_new_zero(self, o->script[i].kind);
    msg->tag = o->script[i].tag;
    if (msg->kind == MSG_SCHED_WAKE) {
      ((struct sched_msg *)msg)->vcpu = o->script[i].vcpu;
    } else {
      ((struct interrupt_msg *)msg)->vcpu = o->script[i].vcpu;
      ((struct interrupt_msg *)msg)->vectors[0] = VECTOR;
      ((struct interrupt_msg *)msg)->extra = EXTRA;
    }
    hd_send_at(o->to, o->script[i].when, msg);
  }
}

/* -- a world ------------------------------------------------------------- */

struct world {
  struct cpu_params params;
  struct hd_window window;
  struct hd_engine *engine;
  struct scheduler *scheduler;
  struct others others;
  struct robot robots[MAX_ROBOTS];
  unsigned n;
};

static struct world world;

/* Round numbers, all different, so that a sum names its parts. */
#define QUEUE (100 * HD_NS)
#define IPI (700 * HD_NS)
#define WAKE (1500 * HD_NS)
#define SLICE (1 * HD_MS)
#define HOST_IRQ (3 * HD_US)

static inline void make(unsigned cores, unsigned robots)
{
  memset(&world, 0, sizeof world);
  world.params = (struct cpu_params){
      .cores = cores,
      .housekeeping_cores = 2,
      .frequency = 1000000000,
      .timeslice = SLICE,
      .wakeup_granularity = SLICE,
      .sleeper_credit = 0,
      .wake_latency = WAKE,
      .ipi_latency = IPI,
      .queue_latency = QUEUE,
      .host_irq_cost = 3000,
  };
  world.window = (struct hd_window){0, HD_TIME_NEVER};
  world.n = robots;
  for (unsigned i = 0; i < robots; i++)
    world.robots[i] = (struct robot){.index = i,
                                     .first = FOR_EVER,
                                     .work = FOR_EVER,
                                     .rest = FOR_EVER,
                                     .woken_at = -1};
}

static inline void script(hd_time when, uint32_t kind, uint32_t vcpu,
                          uint32_t tag)
{
  unsigned i = world.others.count++;
  world.others.script[i].when = when;
  world.others.script[i].kind = kind;
  world.others.script[i].vcpu = vcpu;
  world.others.script[i].tag = tag;
}

static inline void simulate_with(hd_time end, hd_time window, uint32_t shuffle)
{
  static const struct hd_component_ops robot_ops = {
      .kind = "robot", .handle = robot_handle, .start = robot_start};
  static const struct hd_component_ops others_ops = {
      .kind = "others", .handle = robot_handle, .start = others_start};
  struct hd_engine_options options = {
      .seed = 1, .window = window, .shuffle = shuffle};
  world.engine = hd_engine_create(&options);
  hd_engine_add_host(world.engine, "server");
  world.scheduler = scheduler_create(world.engine, "server/scheduler", "server",
                                     &world.params, &world.window);
  hd_component_initialize(&world.others.base, world.engine, &others_ops,
                          "server/others", "server");
  world.others.to = scheduler_connect(world.scheduler, &world.others.base, 1);
  for (unsigned i = 0; i < world.n; i++) {
    struct robot *r = &world.robots[i];
    char path[32];
    snprintf(path, sizeof path, "server/robot%03u", i);
    hd_component_initialize(&r->base, world.engine, &robot_ops, path, "server");
    r->to = scheduler_add_vcpu(world.scheduler, &r->base);
    r->left = r->work;
  }
  hd_engine_run(world.engine, end);
  const char *wrong = scheduler_check(world.scheduler);
  ck_assert_msg(wrong == NULL, "%s", wrong);
}

static inline void simulate(hd_time end)
{
  simulate_with(end, 100 * HD_NS, 0);
}

static inline struct scheduler_stats stats(void)
{
  struct scheduler_stats st;
  scheduler_get_stats(world.scheduler, &st);
  return st;
}

/* Core time used up to `end`, with the run that is under way. */
static inline hd_time used(unsigned i, hd_time end)
{
  const struct robot *r = &world.robots[i];
  return r->used + (r->on ? end - r->on_since : 0);
}

/* Runs f in a process of its own (one engine a process) and returns its
 * result. */
static inline int64_t in_child(int64_t (*f)(int64_t, int64_t), int64_t a,
                               int64_t b)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    int64_t result = f(a, b);
    ssize_t n = write(ends[1], &result, sizeof result);
    _exit(n == sizeof result ? 0 : 1);
  }
  int64_t result = 0;
  int status = 0;
  close(ends[1]);
  ck_assert_int_eq(read(ends[0], &result, sizeof result), sizeof result);
  close(ends[0]);
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  return result;
}

#endif
