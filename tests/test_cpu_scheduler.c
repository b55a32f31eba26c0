/*
 * test_cpu_scheduler.c - the host scheduler against robots: components that
 * answer like vCPUs, but without guest code, so that every time is exact.
 *
 * Each test has times (in picoseconds) that follow from the parameters below.
 * A green run says that order, placement and times are as scheduler.h states.
 * It does not say that Linux behaves so, nor that vcpu.c answers like a robot
 * (test_cpu_vcpu.c).
 */
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
  hd_time first;       /* when it is first woken; FOR_EVER: by others only */
  hd_time work;        /* core time it wants between rests; FOR_EVER: a hog */
  hd_time rest;        /* FOR_EVER: it works once */
  hd_time poll;        /* halt polling asked for with each BLOCK */
  bool varies;         /* work and rest differ each time, 0.5 to 1.5 times */
  hd_time left, on_since, woken_at, used;
  bool on;
  uint32_t run, preempt_run;
  /* What happened. */
  unsigned runs, preempts, injects, notifies;
  uint64_t vectors; /* handed over with runs or notifications */
  struct { hd_time when, since, latency; uint32_t core, cold; } log[MAX_RUNS];
  hd_time preempted_at, injected_at, left_at;
  uint32_t inject_state;
};

static void tell(struct robot *r, uint32_t kind, hd_time poll)
{
  struct sched_msg *m = hd_msg_new_zero(&r->base, kind);
  m->vcpu = r->index;
  m->poll = poll;
  hd_send(r->to, r->to->latency, m);
}

static void set_timer(struct robot *r, hd_time delay, uint32_t tag)
{
  if (delay == FOR_EVER)
    return;
  struct hd_msg *m = hd_msg_new(&r->base, MSG_TIMER);
  m->tag = tag;
  hd_schedule(&r->base, delay, m);
}

static void leave(struct robot *r, uint32_t kind, hd_time poll)
{
  hd_time now = hd_now(&r->base);
  if (r->left != FOR_EVER)
    r->left -= now - r->on_since;
  r->used += now - r->on_since;
  r->on = false;
  r->left_at = now;
  tell(r, kind, poll);
}

static hd_time varied(const struct robot *r, hd_time t, unsigned what)
{
  if (!r->varies)
    return t;
  uint64_t key = r->index * 1000003u + r->runs * 2u + what;
  return t / 2 + (hd_time)(hd_mix64(key) % (uint64_t)t);
}

static void finish(struct robot *r)
{
  leave(r, MSG_SCHED_BLOCK, r->poll);
  r->left = varied(r, r->work, 0);
  set_timer(r, varied(r, r->rest, 1), TAG_WAKE_TIMER);
}

static void run(struct robot *r, const struct sched_msg *m)
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

static void preempt(struct robot *r, const struct sched_msg *m)
{
  r->preempts++;
  r->preempt_run = m->msg.tag;
  r->preempted_at = hd_now(&r->base);
  if (r->on && r->preempt_run == r->run)
    leave(r, MSG_SCHED_YIELD, 0);
}

static void robot_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct robot *r = (struct robot *)self;
  switch (msg->kind) {
  case MSG_SCHED_RUN: run(r, (struct sched_msg *)msg); break;
  case MSG_SCHED_PREEMPT: preempt(r, (struct sched_msg *)msg); break;
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
  default: ck_abort_msg("robot got a message of kind %u", msg->kind);
  }
  hd_msg_free(self, msg);
}

static void robot_start(struct hd_component *self)
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
  struct { hd_time when; uint32_t kind, vcpu, tag; } script[MAX_SCRIPT];
  unsigned count;
};

static void others_start(struct hd_component *self)
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

static void make(unsigned cores, unsigned robots)
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
    world.robots[i] = (struct robot){
        .index = i, .first = FOR_EVER, .work = FOR_EVER, .rest = FOR_EVER,
        .woken_at = -1};
}

static void script(hd_time when, uint32_t kind, uint32_t vcpu, uint32_t tag)
{
  unsigned i = world.others.count++;
  world.others.script[i].when = when;
  world.others.script[i].kind = kind;
  world.others.script[i].vcpu = vcpu;
  world.others.script[i].tag = tag;
}

static void simulate_with(hd_time end, hd_time window, uint32_t shuffle)
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

static void simulate(hd_time end)
{
  simulate_with(end, 100 * HD_NS, 0);
}

static struct scheduler_stats stats(void)
{
  struct scheduler_stats st;
  scheduler_get_stats(world.scheduler, &st);
  return st;
}

/* Core time used up to `end`, with the run that is under way. */
static hd_time used(unsigned i, hd_time end)
{
  const struct robot *r = &world.robots[i];
  return r->used + (r->on ? end - r->on_since : 0);
}

/* Runs f in a process of its own (one engine a process) and returns its
 * result. */
static int64_t in_child(int64_t (*f)(int64_t, int64_t), int64_t a, int64_t b)
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

/* -- the queue ----------------------------------------------------------- */

START_TEST(queue_is_ordered)
{
  struct run_queue q = {0};
  for (uint32_t i = 0; i < 1000; i++)
    run_queue_push(&q, (struct run_queue_entry){(hd_time)(hd_mix64(i) % 50), i});
  struct run_queue_entry last = {-1, 0};
  for (unsigned i = 0; i < 1000; i++) {
    ck_assert_uint_eq(q.count, 1000 - i);
    struct run_queue_entry e = run_queue_pop(&q);
    ck_assert(e.vruntime > last.vruntime ||
              (e.vruntime == last.vruntime && e.vcpu > last.vcpu));
    last = e;
  }
  run_queue_terminate(&q);
}
END_TEST

/* -- waking -------------------------------------------------------------- */

START_TEST(wake_to_idle_core_is_exact)
{
  make(3, 2);
  struct robot *r = &world.robots[1];
  r->first = 10 * HD_US;
  r->work = 5 * HD_US;
  r->rest = 20 * HD_US;
  simulate(100 * HD_US);
  ck_assert_uint_ge(r->runs, 2);
  ck_assert_int_eq(r->log[0].since, 10 * HD_US + QUEUE);
  ck_assert_int_eq(r->log[0].when, 10 * HD_US + QUEUE + WAKE);
  ck_assert_uint_eq(r->log[0].core, 1);
  ck_assert_uint_eq(r->log[0].cold, 1); /* nobody's state was on the core */
  ck_assert_int_eq(r->log[1].latency, QUEUE + WAKE);
  ck_assert_int_eq(r->log[1].when - r->log[0].when,
                   5 * HD_US + 20 * HD_US + QUEUE + WAKE);
  ck_assert_uint_eq(r->log[1].core, 1); /* its previous core, of three */
  ck_assert_uint_eq(r->log[1].cold, 0);
  ck_assert_uint_eq(world.robots[0].runs, 0);
  ck_assert_uint_eq(stats().migrations, 0);
}
END_TEST

/* A wake around the arrival of BLOCK at the scheduler: never lost, and never
 * one run too many. Before: runs again at once. After: as any wake, or at once
 * if it polls. */
START_TEST(wake_that_crosses_block)
{
  hd_time block = 10 * HD_US + QUEUE + WAKE + 5 * HD_US + QUEUE;
  hd_time shift = _i % 5 - 2; /* -2 .. 2 ps */
  bool polls = _i >= 5;
  make(1, 1);
  struct robot *r = &world.robots[0];
  r->first = 10 * HD_US;
  r->work = 5 * HD_US;
  r->poll = polls ? 20 * HD_US : 0;
  script(block + shift, MSG_SCHED_WAKE, 0, 0);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(r->runs, 2);
  if (shift < 0)
    ck_assert_int_eq(r->log[1].when, block + QUEUE);
  else if (shift > 0)
    ck_assert_int_eq(r->log[1].when, block + shift + (polls ? QUEUE : WAKE));
  else /* the same time: either order is right, a loss is not */
    ck_assert(r->log[1].when == block + QUEUE ||
              r->log[1].when == block + WAKE);
  ck_assert_uint_eq(r->log[1].cold, 0);
}
END_TEST

START_TEST(wake_of_a_waiting_one_is_met_by_its_run)
{
  make(1, 2);
  world.robots[0].first = 0;
  world.robots[0].work = 3 * SLICE;
  world.robots[1].first = 10 * HD_US;
  world.robots[1].work = 5 * HD_US;
  script(20 * HD_US, MSG_SCHED_WAKE, 1, 0);
  script(30 * HD_US, MSG_IRQ_WAKE, 1, 0);
  simulate(20 * SLICE);
  ck_assert_uint_eq(world.robots[1].runs, 1);
}
END_TEST

/* Woken while running, then pre-empted: the next run meets the wake, so that
 * its BLOCK, later, is final. */
START_TEST(wake_before_preemption_is_met_by_the_next_run)
{
  make(1, 2);
  world.robots[0].first = 0;
  world.robots[1].first = 10 * HD_US;
  world.robots[1].work = 5 * SLICE / 2;
  script(3 * SLICE / 2, MSG_SCHED_WAKE, 1, 0); /* in its first slice */
  simulate(20 * SLICE);
  ck_assert_int_lt(world.robots[1].log[0].when, 3 * SLICE / 2);
  ck_assert_uint_eq(world.robots[1].preempts, 2);
  ck_assert_uint_eq(world.robots[1].runs, 3);
}
END_TEST

/* A vCPU's wake for itself carries its run; a later run makes it void. */
START_TEST(own_wake_is_void_after_a_later_run)
{
  make(1, 1);
  world.robots[0].first = 0;
  world.robots[0].work = 50 * HD_US;
  script(10 * HD_US, MSG_SCHED_WAKE, 0, 7); /* not the current run */
  simulate(1 * HD_MS);
  ck_assert_uint_eq(world.robots[0].runs, 1);
}
END_TEST

START_TEST(own_wake_for_the_last_run_counts)
{
  make(1, 1);
  world.robots[0].first = 0;
  world.robots[0].work = 50 * HD_US;
  script(100 * HD_US, MSG_SCHED_WAKE, 0, 1);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(world.robots[0].runs, 2);
}
END_TEST

START_TEST(any_idle_core_before_waiting)
{
  make(70, 71); /* more than one word of the bit map */
  for (unsigned i = 0; i < 71; i++)
    world.robots[i].first = i * HD_US;
  world.robots[70].first = 0; /* its core 0 is taken by robot 0 */
  simulate(SLICE / 2);
  uint64_t seen[2] = {0, 0};
  unsigned runs = 0;
  for (unsigned i = 0; i < 71; i++) {
    runs += world.robots[i].runs;
    if (world.robots[i].runs == 1)
      seen[world.robots[i].log[0].core / 64] |=
          (uint64_t)1 << (world.robots[i].log[0].core % 64);
  }
  ck_assert_uint_eq(runs, 70);
  ck_assert_uint_eq(seen[0], UINT64_MAX);
  ck_assert_uint_eq(seen[1], 0x3f);
  ck_assert_double_eq_tol(stats().cores_busy, 70, 70 * 0.15); /* starting */
}
END_TEST

/* -- sharing a core ------------------------------------------------------ */

/* Between YIELD sent and the next RUN received lie two queue latencies; all
 * other time of the core is used. */
START_TEST(two_hogs_alternate)
{
  make(1, 2);
  world.robots[0].first = world.robots[1].first = 0;
  hd_time end = 100 * SLICE;
  simulate(end);
  hd_time a = used(0, end), b = used(1, end);
  ck_assert_int_le(llabs(a - b), SLICE + 10 * HD_US);
  unsigned runs = world.robots[0].runs + world.robots[1].runs;
  hd_time lost = QUEUE + WAKE + (runs - 1) * 2 * QUEUE;
  ck_assert_int_eq(a + b, end - lost);
  /* A slice each: a core changes hands after SLICE, the kick and the queue. */
  ck_assert_uint_ge(runs, 98);
  ck_assert_uint_le(runs, 101);
  ck_assert_uint_eq(stats().preemptions, runs - 1);
  ck_assert_uint_eq(stats().switches, runs);
  ck_assert_int_le(stats().wait_max, SLICE + 10 * HD_US);
}
END_TEST

START_TEST(eight_hogs_get_an_eighth)
{
  make(1, 8);
  for (unsigned i = 0; i < 8; i++)
    world.robots[i].first = i * HD_US;
  hd_time end = 1600 * SLICE; /* 200 rounds: one slice is 0.5 % of a share */
  simulate(end);
  for (unsigned i = 0; i < 8; i++)
    ck_assert_double_eq_tol((double)used(i, end) / (double)end, 0.125,
                            0.00125);
}
END_TEST

START_TEST(no_timer_and_no_preemption_alone)
{
  make(1, 1);
  world.robots[0].first = 0;
  simulate(100 * SLICE);
  struct hd_engine_report report;
  hd_engine_get_report(world.engine, &report);
  ck_assert_uint_eq(stats().preemptions, 0);
  ck_assert_uint_eq(report.events, 3); /* robot's timer, WAKE, RUN */
}
END_TEST

/* A sleeper is placed `sleeper_credit` before the others: more than the
 * granularity pre-empts at once, less waits for the slice's end. */
START_TEST(sleeper_preempts_by_its_credit)
{
  hd_time credit = _i == 0 ? 3 * HD_MS + 1 : 3 * HD_MS - 1;
  make(1, 2);
  world.params.timeslice = 10 * HD_MS;
  world.params.wakeup_granularity = 3 * HD_MS;
  world.params.sleeper_credit = credit;
  world.robots[0].first = 0;
  world.robots[1].first = 5 * HD_MS;
  simulate(40 * HD_MS);
  hd_time given = QUEUE; /* of the hog's core */
  if (_i == 0)
    ck_assert_int_eq(world.robots[1].log[0].when,
                     5 * HD_MS + QUEUE + IPI + 2 * QUEUE);
  else
    ck_assert_int_eq(world.robots[1].log[0].when,
                     given + 10 * HD_MS + IPI + 2 * QUEUE);
}
END_TEST

/* One that has had less runs for longer than a slice, until it has had as
 * much. */
START_TEST(arrears_are_made_up)
{
  make(1, 2);
  world.params.wakeup_granularity = 100 * SLICE; /* no pre-emption by it */
  world.params.sleeper_credit = 5 * SLICE;
  world.robots[0].first = 0;
  world.robots[1].first = 20 * SLICE;
  simulate(60 * SLICE);
  struct robot *r = &world.robots[1];
  hd_time stay = r->log[1].since - r->log[0].since;
  ck_assert_int_gt(stay, 5 * SLICE + SLICE);
  ck_assert_int_lt(stay, 7 * SLICE + 20 * HD_US);
}
END_TEST

/* Virtual times of two cores differ: 40 ms on the one with a single hog, 10 ms
 * on the one with four. Who moves gets its new core's, or it would keep the
 * core to itself for 30 ms. */
START_TEST(moving_keeps_the_distance)
{
  make(2, 8);
  for (unsigned i = 0; i < 8; i += 2)
    world.robots[i].first = 0;
  world.robots[1].first = 0;
  world.robots[1].work = 40 * HD_MS; /* then its core steals a hog */
  world.robots[3].first = 45 * HD_MS;
  simulate(100 * HD_MS);
  ck_assert_uint_ge(stats().migrations, 1);
  ck_assert_uint_eq(world.robots[3].log[0].core, 1);
  ck_assert_int_le(world.robots[3].log[0].latency, SLICE + 10 * HD_US);
}
END_TEST

/* -- latency under overcommit --------------------------------------------- */

static int by_time(const void *a, const void *b)
{
  hd_time x = *(const hd_time *)a, y = *(const hd_time *)b;
  return (x > y) - (x < y);
}

/* p99 over all robots of wake to run. Each wants a core 5/6 of the time, so
 * with n on one core the demand is 5n/6. */
static int64_t wake_p99(int64_t robots, int64_t slice)
{
  static hd_time all[MAX_ROBOTS * MAX_RUNS];
  size_t n = 0;
  make(1, (unsigned)robots);
  world.params.timeslice = slice;
  world.params.wakeup_granularity = 4 * HD_MS;
  for (unsigned i = 0; i < world.n; i++) {
    world.robots[i].first = i * 100 * HD_US;
    world.robots[i].work = 5 * HD_MS;
    world.robots[i].rest = 1 * HD_MS;
    world.robots[i].varies = true;
  }
  simulate(10 * HD_S);
  for (unsigned i = 0; i < world.n; i++)
    for (unsigned k = 0; k < world.robots[i].runs && k < MAX_RUNS; k++)
      if (world.robots[i].log[k].latency >= 0)
        all[n++] = world.robots[i].log[k].latency;
  ck_assert_uint_ge(n, 1000);
  qsort(all, n, sizeof *all, by_time);
  return all[n * 99 / 100];
}

START_TEST(latency_grows_with_overcommit)
{
  int64_t one = in_child(wake_p99, 1, SLICE);
  int64_t two = in_child(wake_p99, 2, SLICE);
  int64_t eight = in_child(wake_p99, 8, SLICE);
  ck_assert_int_eq(one, QUEUE + WAKE); /* never waits for anybody */
  ck_assert_int_gt(two, 100 * one);
  ck_assert_int_gt(eight, 3 * two); /* seven before it instead of one */
}
END_TEST

START_TEST(latency_grows_with_the_timeslice)
{
  int64_t shorter = in_child(wake_p99, 8, SLICE / 4);
  int64_t middle = in_child(wake_p99, 8, SLICE);
  int64_t longer = in_child(wake_p99, 8, 3 * SLICE);
  ck_assert_int_gt(middle, 2 * shorter);
  ck_assert_int_gt(longer, 2 * middle);
}
END_TEST

/* -- stealing ------------------------------------------------------------ */

START_TEST(idle_core_steals)
{
  make(2, 4); /* 0 and 2 belong to core 0, 1 and 3 to core 1 */
  for (unsigned i = 0; i < 4; i++)
    world.robots[i].first = i * HD_US;
  world.robots[1].work = world.robots[3].work = 2 * SLICE;
  hd_time end = 104 * SLICE;
  simulate(end);
  /* From about 4 slices on, 0 and 2 have a core each. */
  ck_assert_double_eq_tol((double)used(0, end), 102.0 * (double)SLICE,
                          1.1 * (double)SLICE);
  ck_assert_double_eq_tol((double)used(2, end), 102.0 * (double)SLICE,
                          1.1 * (double)SLICE);
  ck_assert_uint_eq(stats().migrations, 1);
}
END_TEST

START_TEST(no_core_idles_while_somebody_waits)
{
  make(4, 10);
  for (unsigned i = 0; i < 10; i++) {
    world.robots[i].first = i * HD_US;
    if (i < 5) {
      world.robots[i].work = (i + 1) * 137 * HD_US;
      world.robots[i].rest = (i + 1) * 53 * HD_US;
    }
  }
  world.window.start = 20 * HD_US; /* five hogs for four cores are there */
  hd_time end = 1 * HD_S;
  simulate(end);
  ck_assert_double_eq_tol(stats().cores_busy, 4, 1e-12);
  hd_time sum = 0, least = HD_TIME_NEVER;
  for (unsigned i = 0; i < 10; i++) {
    sum += used(i, end);
    if (i >= 5)
      least = hd_time_min(least, used(i, end));
  }
  ck_assert_int_gt(sum, 4 * end / 100 * 99); /* the rest is switching */
  ck_assert_int_gt(least, end / 10 * 3); /* a tenth of four cores is 0.4 */
}
END_TEST

/* -- halt polling -------------------------------------------------------- */

#define POLL (50 * HD_US)
/* When BLOCK of a robot woken at 0 that works 10 us reaches the scheduler. */
#define POLLS (QUEUE + WAKE + 10 * HD_US + QUEUE)

static void make_poller(unsigned cores, unsigned robots)
{
  make(cores, robots);
  world.robots[0].first = 0;
  world.robots[0].work = 10 * HD_US;
  world.robots[0].poll = POLL;
}

/* A wake-up finds the poller on its core up to the end of polling. */
START_TEST(wake_around_the_end_of_polling)
{
  hd_time shift = _i - 1;
  make_poller(1, 1);
  script(POLLS + POLL + shift, MSG_SCHED_WAKE, 0, 0);
  simulate(SLICE);
  struct robot *r = &world.robots[0];
  hd_time woken = POLLS + POLL + shift;
  ck_assert_uint_eq(r->runs, 2);
  ck_assert_uint_eq(r->log[1].cold, 0);
  if (shift < 0)
    ck_assert_int_eq(r->log[1].when, woken + QUEUE);
  else if (shift > 0)
    ck_assert_int_eq(r->log[1].when, woken + WAKE);
  else
    ck_assert(r->log[1].when == woken + QUEUE ||
              r->log[1].when == woken + WAKE);
  /* Both halts poll; the second to its end, undisturbed. */
  ck_assert_int_eq(scheduler_polled(world.scheduler, 0, SLICE),
                   2 * POLL + hd_time_min(shift, 0));
  ck_assert_uint_eq(stats().wakes, 2);
}
END_TEST

START_TEST(poller_leaves_for_another)
{
  make_poller(1, 2);
  world.robots[1].first = 40 * HD_US;
  simulate(SLICE / 2);
  ck_assert_int_eq(world.robots[1].log[0].when, 40 * HD_US + QUEUE + QUEUE);
  ck_assert_uint_eq(world.robots[0].preempts, 0);
  ck_assert_int_eq(scheduler_polled(world.scheduler, 0, SLICE),
                   40 * HD_US + QUEUE - POLLS);
}
END_TEST

START_TEST(poller_stays_while_a_core_idles)
{
  make_poller(2, 2);
  world.robots[1].first = 40 * HD_US;
  script(45 * HD_US, MSG_SCHED_WAKE, 0, 0);
  simulate(SLICE);
  ck_assert_uint_eq(world.robots[1].log[0].core, 1);
  ck_assert_int_eq(world.robots[0].log[1].when, 45 * HD_US + QUEUE);
}
END_TEST

/* Another core's poller is as good as one's own. */
START_TEST(poller_elsewhere_leaves)
{
  make(2, 3); /* 2 belongs to core 0, where a hog runs */
  world.robots[0].first = world.robots[1].first = 0;
  world.robots[1].work = 10 * HD_US;
  world.robots[1].poll = POLL;
  world.robots[2].first = 40 * HD_US;
  simulate(SLICE / 2);
  ck_assert_uint_eq(world.robots[0].preempts, 0);
  ck_assert_uint_eq(world.robots[2].log[0].core, 1);
  ck_assert_int_eq(world.robots[2].log[0].when, 40 * HD_US + QUEUE + QUEUE);
}
END_TEST

START_TEST(polling_does_not_begin_while_somebody_waits)
{
  make_poller(1, 2);
  world.robots[1].first = 5 * HD_US;
  simulate(SLICE / 2);
  ck_assert_int_eq(world.robots[1].log[0].when, POLLS + QUEUE);
  ck_assert_int_eq(scheduler_polled(world.scheduler, 0, SLICE), 0);
}
END_TEST

/* The end of an earlier halt's polling must not end a later one's. */
START_TEST(polling_ends_on_its_own)
{
  make_poller(1, 1);
  script(30 * HD_US, MSG_SCHED_WAKE, 0, 0);
  simulate(SLICE);
  /* First BLOCK at POLLS; the second after the run begun at 30 us. */
  hd_time second = 30 * HD_US + QUEUE + 10 * HD_US + QUEUE;
  ck_assert_int_lt(second, POLLS + POLL);
  ck_assert_int_eq(scheduler_polled(world.scheduler, 0, SLICE),
                   30 * HD_US - POLLS + POLL);
}
END_TEST

/* -- posted interrupts --------------------------------------------------- */

/* The bits come with the core, and the handler of the wake-up vector is paid,
 * except by a poller. */
START_TEST(posted_bits_come_with_the_core)
{
  bool polling = _i == 1;
  make_poller(1, 1);
  world.robots[0].poll = polling ? POLL : 0;
  script(40 * HD_US, MSG_IRQ_WAKE, 0, 0);
  simulate(SLICE);
  struct robot *r = &world.robots[0];
  ck_assert_uint_eq(r->vectors, VECTOR);
  ck_assert_int_eq(r->log[1].when,
                   40 * HD_US + (polling ? QUEUE : WAKE + EXTRA));
  ck_assert_uint_eq(r->notifies, 0);
}
END_TEST

START_TEST(posted_bits_of_a_running_vcpu)
{
  make(1, 1);
  world.robots[0].first = 0;
  script(40 * HD_US, MSG_IRQ_WAKE, 0, 0);
  simulate(SLICE);
  ck_assert_uint_eq(world.robots[0].vectors, VECTOR);
  ck_assert_uint_eq(world.robots[0].notifies, 1);
}
END_TEST

/* -- host interrupts ----------------------------------------------------- */

START_TEST(host_interrupt_of_a_running_vcpu)
{
  make(1, 1);
  world.robots[0].first = 0;
  script(50 * HD_US, MSG_IRQ_HOST, 0, 0);
  simulate(SLICE);
  ck_assert_uint_eq(world.robots[0].injects, 1);
  ck_assert_uint_eq(world.robots[0].inject_state, PID_RUNNING);
  ck_assert_int_eq(world.robots[0].injected_at, 50 * HD_US + HOST_IRQ + IPI);
  ck_assert_double_eq_tol(stats().housekeeping_busy * (double)SLICE,
                          (double)HOST_IRQ, 1);
}
END_TEST

START_TEST(host_interrupt_of_a_blocked_vcpu)
{
  make(1, 1);
  world.robots[0].first = 0;
  world.robots[0].work = 10 * HD_US;
  script(50 * HD_US, MSG_IRQ_HOST, 0, 0);
  simulate(SLICE);
  struct robot *r = &world.robots[0];
  ck_assert_uint_eq(r->runs, 2);
  ck_assert_uint_eq(r->inject_state, PID_BLOCKED);
  ck_assert_int_eq(r->log[1].when, 50 * HD_US + HOST_IRQ + WAKE);
  ck_assert_int_lt(r->injected_at, r->log[1].when); /* pending at entry */
}
END_TEST

/* Found on its core; the vector is there before the core is. */
START_TEST(host_interrupt_of_a_polling_vcpu)
{
  make_poller(1, 1);
  script(40 * HD_US, MSG_IRQ_HOST, 0, 0);
  simulate(SLICE);
  struct robot *r = &world.robots[0];
  ck_assert_uint_eq(r->runs, 2);
  ck_assert_uint_eq(r->inject_state, PID_BLOCKED); /* and woken */
  ck_assert_int_eq(r->log[1].when, 40 * HD_US + HOST_IRQ + QUEUE);
  ck_assert_int_le(r->injected_at, r->log[1].when);
}
END_TEST

START_TEST(host_interrupt_of_a_waiting_vcpu)
{
  make(1, 2);
  world.robots[0].first = 0;
  world.robots[1].first = 10 * HD_US;
  script(50 * HD_US, MSG_IRQ_HOST, 1, 0);
  simulate(2 * SLICE);
  struct robot *r = &world.robots[1];
  ck_assert_uint_eq(r->inject_state, PID_PREEMPTED);
  ck_assert_int_eq(r->injected_at, 50 * HD_US + HOST_IRQ + QUEUE);
  ck_assert_uint_eq(r->runs, 1);
  ck_assert_int_gt(r->log[0].when, SLICE); /* not sooner for it */
}
END_TEST

/* Two housekeeping cores: 0 and 2 share one, 1 has the other. */
START_TEST(host_interrupts_queue_on_their_core)
{
  make(3, 3);
  for (uint32_t i = 0; i < 3; i++) {
    world.robots[i].first = 0;
    script(50 * HD_US, MSG_IRQ_HOST, i, 0);
  }
  simulate(SLICE);
  hd_time done = 50 * HD_US + HOST_IRQ + IPI;
  ck_assert_int_eq(world.robots[0].injected_at, done);
  ck_assert_int_eq(world.robots[1].injected_at, done);
  ck_assert_int_eq(world.robots[2].injected_at, done + HOST_IRQ);
  ck_assert_uint_eq(stats().injections, 3);
}
END_TEST

/* -- invariance ---------------------------------------------------------- */

static int64_t fingerprint(int64_t window, int64_t shuffle)
{
  make(3, 11);
  world.params.sleeper_credit = 2 * SLICE;
  for (unsigned i = 0; i < 11; i++) {
    struct robot *r = &world.robots[i];
    r->first = (i % 3) * HD_US; /* many at the same time */
    r->poll = i == 4 || i == 7 ? 60 * HD_US : 0;
    if (i > 2) {
      r->work = (i % 4 + 1) * 150 * HD_US;
      r->rest = (i % 5 + 1) * 100 * HD_US;
    }
  }
  for (unsigned i = 0; i < MAX_SCRIPT; i++)
    script((i + 1) * HD_MS, i % 2 ? MSG_IRQ_HOST : MSG_IRQ_WAKE, i % 11, 0);
  simulate_with(50 * HD_MS, window, (uint32_t)shuffle);
  struct hd_engine_report report;
  hd_engine_get_report(world.engine, &report);
  ck_assert_uint_ge(report.events, 1000);
  return (int64_t)report.fingerprint;
}

START_TEST(window_changes_nothing)
{
  int64_t expected = in_child(fingerprint, 0, 0);
  ck_assert_int_eq(in_child(fingerprint, 100 * HD_NS, 0), expected);
  ck_assert_int_eq(in_child(fingerprint, 1 * HD_US, 0), expected);
  ck_assert_int_eq(in_child(fingerprint, 0, 5), expected);
  ck_assert_int_eq(in_child(fingerprint, 100 * HD_NS, 9), expected);
}
END_TEST

/* -- parameters ---------------------------------------------------------- */

START_TEST(table_is_complete)
{
  size_t n = 0;
  for (const struct hd_param *p = cpu_param_table.params; p->name; p++, n++) {
    ck_assert_msg(p->fallback && p->min && p->max, "%s has no range", p->name);
    ck_assert_msg(p->meaning && p->source && *p->source, "%s", p->name);
    for (const struct hd_param *q = cpu_param_table.params; q != p; q++) {
      ck_assert_str_ne(p->name, q->name);
      ck_assert_uint_ne(p->offset, q->offset);
    }
  }
  ck_assert_uint_eq(n * sizeof(int64_t), sizeof(struct cpu_params));
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("cpu scheduler");
  TCase *c = tcase_create("scheduler");
  suite_add_tcase(suite, c);
  tcase_set_timeout(c, 60);
  tcase_add_test(c, queue_is_ordered);
  tcase_add_test(c, wake_to_idle_core_is_exact);
  tcase_add_loop_test(c, wake_that_crosses_block, 0, 10);
  tcase_add_test(c, wake_of_a_waiting_one_is_met_by_its_run);
  tcase_add_test(c, wake_before_preemption_is_met_by_the_next_run);
  tcase_add_test(c, arrears_are_made_up);
  tcase_add_test(c, moving_keeps_the_distance);
  tcase_add_test(c, own_wake_is_void_after_a_later_run);
  tcase_add_test(c, own_wake_for_the_last_run_counts);
  tcase_add_test(c, any_idle_core_before_waiting);
  tcase_add_test(c, two_hogs_alternate);
  tcase_add_test(c, eight_hogs_get_an_eighth);
  tcase_add_test(c, no_timer_and_no_preemption_alone);
  tcase_add_loop_test(c, sleeper_preempts_by_its_credit, 0, 2);
  tcase_add_test(c, latency_grows_with_overcommit);
  tcase_add_test(c, latency_grows_with_the_timeslice);
  tcase_add_test(c, idle_core_steals);
  tcase_add_test(c, no_core_idles_while_somebody_waits);
  tcase_add_loop_test(c, wake_around_the_end_of_polling, 0, 3);
  tcase_add_test(c, polling_ends_on_its_own);
  tcase_add_loop_test(c, posted_bits_come_with_the_core, 0, 2);
  tcase_add_test(c, posted_bits_of_a_running_vcpu);
  tcase_add_test(c, poller_leaves_for_another);
  tcase_add_test(c, poller_stays_while_a_core_idles);
  tcase_add_test(c, poller_elsewhere_leaves);
  tcase_add_test(c, polling_does_not_begin_while_somebody_waits);
  tcase_add_test(c, host_interrupt_of_a_running_vcpu);
  tcase_add_test(c, host_interrupt_of_a_blocked_vcpu);
  tcase_add_test(c, host_interrupt_of_a_polling_vcpu);
  tcase_add_test(c, host_interrupt_of_a_waiting_vcpu);
  tcase_add_test(c, host_interrupts_queue_on_their_core);
  tcase_add_test(c, window_changes_nothing);
  tcase_add_test(c, table_is_complete);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
