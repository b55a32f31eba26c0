/* lifecycle.c - builds, conducts and sums up; see lifecycle.h. */
#include "models/lifecycle/lifecycle.h"

#include <math.h>
#include <stdlib.h>

#include "models/lifecycle/internal.h"
#include "sim/engine/rng.h"

#define HOST "server"
/* A wake-up by whoever asks for a start. */
#define CONTROL_LATENCY (1 * HD_US)
/* The first start is asked for at this time. */
#define BEGIN (10 * HD_US)

/* Asks for starts, and ends the run. */
struct conductor {
  struct hd_component base;
  struct hd_channel *to_scheduler;
  struct lifecycle *all;
  size_t finished;
};

struct lifecycle {
  struct lifecycle_config config;
  struct hd_engine *engine;
  struct hd_window window;
  struct scheduler *scheduler;
  struct lifecycle_queue lock, admin, memory;
  struct host_driver driver;
  struct conductor conductor;
  struct starter *starters;
  size_t n_starters;
  struct lifecycle_results results;
};

const char *const lifecycle_stage_names[LIFECYCLE_STAGE_COUNT] = {
#define X(id, name) name,
    LIFECYCLE_STAGES(X)
#undef X
};

/* ---- the conductor ------------------------------------------------------- */

static void wake(struct conductor *c, const struct worker *w, hd_time when)
{
  struct sched_msg *m = hd_msg_new_zero(&c->base, MSG_SCHED_WAKE);
  m->vcpu = w->thread.vcpu.index;
  hd_send_at(c->to_scheduler, when + CONTROL_LATENCY, m);
}

static void begin(struct hd_component *self)
{
  struct conductor *c = (struct conductor *)self;
  struct lifecycle *l = c->all;
  wake(c, &l->driver.worker, 0);
  for (size_t i = 0; i < l->n_starters; i++)
    wake(c, &l->starters[i].worker, l->starters[i].asked);
}

static void handle(struct hd_component *self, struct hd_msg *m)
{
  struct conductor *c = (struct conductor *)self;
  HD_REQUIRE(self, m->kind == LIFECYCLE_END, "unexpected message of kind %u",
             m->kind);
  hd_msg_free(self, m);
  if (++c->finished == c->all->n_starters) /* what is under way ends as well */
    hd_engine_stop_at(self, hd_now(self) + HD_S);
}

static void make_conductor(struct lifecycle *l)
{
  static const struct hd_component_ops ops = {
      .kind = "conductor", .handle = handle, .start = begin};
  struct conductor *c = &l->conductor;
  c->all = l;
  hd_component_initialize(&c->base, l->engine, &ops, "host/conductor", HOST);
  c->to_scheduler = scheduler_connect(l->scheduler, &c->base, CONTROL_LATENCY);
}

/* ---- building ------------------------------------------------------------ */

static void make_starter(struct lifecycle *l, size_t i)
{
  struct starter *s = &l->starters[i];
  starter_initialize(s, l->engine, i, HOST, &l->config, &l->window,
                     l->scheduler);
  struct worker *w = &s->worker;
  s->lock_line = worker_connect(w, &l->lock.base, LIFECYCLE_LOCK_LATENCY);
  s->memory = worker_connect(w, &l->memory.base, LIFECYCLE_LOCK_LATENCY);
  s->admin = worker_connect(w, &l->admin.base, LIFECYCLE_DEVICE_LATENCY);
  s->driver = worker_connect(w, worker_component(&l->driver.worker),
                             LIFECYCLE_MAIL_LATENCY);
  s->to_conductor =
      hd_channel_open(worker_component(w), &l->conductor.base, CONTROL_LATENCY);
}

static void set_arrivals(struct lifecycle *l)
{
  const struct lifecycle_params *p = l->config.params;
  gsl_rng *rng = hd_rng_new(hd_engine_seed(l->engine), "host", "arrivals");
  HD_REQUIRE(NULL, rng != NULL, "out of memory for a random stream");
  hd_time at = BEGIN;
  for (size_t i = 0; i < l->n_starters; i++) {
    l->starters[i].asked = at;
    if (p->arrival == LIFECYCLE_POISSON)
      at += (hd_time)(-log(1 - gsl_rng_uniform(rng)) / p->arrival_rate *
                      (double)HD_S);
  }
  gsl_rng_free(rng);
}

static void make_starters(struct lifecycle *l)
{
  const struct lifecycle_params *p = l->config.params;
  bool storm = p->mode == LIFECYCLE_STORM;
  l->n_starters = storm ? (size_t)p->starts : 1;
  l->starters = calloc(l->n_starters, sizeof *l->starters);
  HD_REQUIRE(NULL, l->starters != NULL, "out of memory for starts");
  for (size_t i = 0; i < l->n_starters; i++)
    make_starter(l, i);
  if (!storm)
    l->starters[0].starts = p->starts;
  set_arrivals(l);
}

struct lifecycle *lifecycle_create(struct hd_engine *e,
                                   const struct lifecycle_config *c)
{
  struct lifecycle *l = calloc(1, sizeof *l);
  HD_REQUIRE(NULL, l != NULL, "out of memory for starts");
  l->config = *c;
  l->engine = e;
  l->window = (struct hd_window){0, HD_TIME_NEVER};
  hd_engine_add_host(e, HOST);
  l->scheduler =
      scheduler_create(e, "host/scheduler", HOST, c->cpu, &l->window);
  lifecycle_lock_initialize(&l->lock, e, "host/device_set", HOST);
  lifecycle_server_initialize(&l->admin, e, "host/admin_queue", HOST);
  lifecycle_server_initialize(&l->memory, e, "host/memory", HOST);
  host_driver_initialize(&l->driver, e, HOST, &l->config, &l->window,
                         l->scheduler);
  host_driver_connect(&l->driver, &l->admin);
  make_conductor(l);
  make_starters(l);
  hd_histogram_initialize(&l->results.total);
  hd_histogram_initialize(&l->results.stop);
  for (int i = 0; i < LIFECYCLE_STAGE_COUNT; i++)
    hd_histogram_initialize(&l->results.stages[i]);
  return l;
}

void lifecycle_destroy(struct lifecycle *l)
{
  hd_histogram_terminate(&l->results.total);
  hd_histogram_terminate(&l->results.stop);
  for (int i = 0; i < LIFECYCLE_STAGE_COUNT; i++)
    hd_histogram_terminate(&l->results.stages[i]);
  for (size_t i = 0; i < l->n_starters; i++)
    starter_terminate(&l->starters[i]);
  free(l->starters);
  scheduler_destroy(l->scheduler);
  free(l);
}

/* ---- running ------------------------------------------------------------- */

static void check_queue(const struct lifecycle_queue *q)
{
  const char *wrong = lifecycle_queue_check(q);
  HD_REQUIRE(&q->base, wrong == NULL, "conservation: %s %s", q->base.path,
             wrong);
}

static void check(const struct lifecycle *l)
{
  check_queue(&l->lock);
  check_queue(&l->admin);
  check_queue(&l->memory);
  HD_REQUIRE(NULL, l->driver.arrived == l->driver.served,
             "conservation: messages that the host's driver has not answered");
  const char *wrong = scheduler_check(l->scheduler);
  HD_REQUIRE(NULL, wrong == NULL, "conservation: %s", wrong);
}

/* Returns the sum over all starts, ps. */
static double collect(struct lifecycle *l, double *waits)
{
  struct lifecycle_results *r = &l->results;
  double sum = 0;
  hd_time end = 0;
  for (size_t i = 0; i < l->n_starters; i++) {
    const struct starter *s = &l->starters[i];
    hd_histogram_merge(&r->total, &s->total);
    hd_histogram_merge(&r->stop, &s->stop);
    for (int k = 0; k < LIFECYCLE_STAGE_COUNT; k++)
      hd_histogram_merge(&r->stages[k], &s->stages[k]);
    for (int k = 0; k < LIFECYCLE_WAIT_COUNT; k++)
      waits[k] += (double)s->waits[k];
    sum += (double)s->sum;
    end = hd_time_max(end, s->ready);
  }
  r->span = (double)(end - BEGIN);
  return sum;
}

static void summarise(struct lifecycle *l)
{
  struct lifecycle_results *r = &l->results;
  double waits[LIFECYCLE_WAIT_COUNT] = {0}, sum = collect(l, waits);
  for (int k = 0; k < LIFECYCLE_WAIT_COUNT; k++)
    r->wait_share[k] = waits[k] / sum;
  hd_engine_get_report(l->engine, &r->engine);
  struct scheduler_stats st;
  scheduler_get_stats(l->scheduler, &st);
  struct vcpu_stats driver;
  vcpu_get_stats(&l->driver.worker.thread.vcpu, r->engine.end, &driver);
  r->core_share = (double)st.wait_sum / sum;
  r->lock_busy = (double)l->lock.busy / r->span;
  r->admin_busy = (double)l->admin.busy / r->span;
  r->memory_busy = (double)l->memory.busy / r->span;
  r->driver_busy = (double)(driver.guest_time + driver.host_time) / r->span;
  r->cores_busy = st.cores_busy * (double)r->engine.end / r->span /
                  (double)l->config.cpu->cores;
}

void lifecycle_simulate(struct lifecycle *l)
{
  hd_engine_run(l->engine, HD_TIME_NEVER / 4);
  check(l);
  summarise(l);
}

const struct lifecycle_results *lifecycle_get_results(struct lifecycle *l)
{
  return &l->results;
}
