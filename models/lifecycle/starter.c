/* starter.c - a start from its being asked for until its queues run. */
#include <math.h>
#include <stdio.h>

#include "models/lifecycle/internal.h"
#include "sim/engine/rng.h"

void starter_mark(struct starter *s, enum lifecycle_stage stage)
{
  hd_time now = worker_now(&s->worker);
  s->spent[stage] += now - s->mark;
  s->mark = now;
}

/* Evenly spread, with the standard deviation that is asked for. */
static void work_about(struct starter *s, hd_time mean)
{
  double u = 2 * gsl_rng_uniform(s->rng) - 1;
  double factor = 1 + s->config->params->jitter * sqrt(3) * u;
  worker_work(&s->worker, (hd_time)((double)mean * factor));
}

static void base(struct starter *s)
{
  work_about(s, s->config->params->base_work);
  starter_mark(s, LIFECYCLE_BASE);
}

static void runtime(struct starter *s)
{
  const struct lifecycle_params *p = s->config->params;
  bool scans = p->machine == LIFECYCLE_CONTAINER &&
               s->config->device == LIFECYCLE_FUNCTION;
  work_about(s, p->runtime_work +
                    (scans ? p->scan_cost * p->scanned_functions : 0));
  if (p->runtime_sleep > 0)
    worker_timer_sleep(&s->worker, p->runtime_sleep, p->timer_slack);
  starter_mark(s, LIFECYCLE_RUNTIME);
}

static void attach(struct starter *s)
{
  worker_work(&s->worker, s->config->params->attach_cost);
  starter_mark(s, LIFECYCLE_ATTACH);
  starter_map_memory(s);
  starter_mark(s, LIFECYCLE_MAP_MEMORY);
  starter_map_image(s);
  starter_mark(s, LIFECYCLE_MAP_IMAGE);
}

/* A process comes up and then opens the device; a VM has its device plugged in
 * and then its guest probes it. */
static void start(struct starter *s)
{
  bool vm = s->config->params->machine == LIFECYCLE_VM;
  base(s);
  if (s->config->device == LIFECYCLE_NONE)
    return;
  if (!vm)
    runtime(s);
  starter_compose(s);
  attach(s);
  starter_open(s);
  starter_reset(s);
  if (vm)
    runtime(s);
  starter_drive(s);
}

static void record(struct starter *s)
{
  hd_time sum = 0, total = worker_now(&s->worker) - s->asked;
  for (int i = 0; i < LIFECYCLE_STAGE_COUNT; i++) {
    sum += s->spent[i];
    hd_histogram_add(&s->stages[i], s->spent[i]);
    s->spent[i] = 0;
  }
  HD_REQUIRE(worker_component(&s->worker), sum == total,
             "the stages of a start do not sum to its time");
  hd_histogram_add(&s->total, total);
  s->sum += total;
  s->ready = worker_now(&s->worker);
}

static void stop(struct starter *s)
{
  hd_time begin = worker_now(&s->worker);
  if (s->config->device != LIFECYCLE_NONE)
    starter_close(s);
  hd_histogram_add(&s->stop, worker_now(&s->worker) - begin);
  double gap =
      (0.5 + gsl_rng_uniform(s->rng)) * (double)s->config->params->restart_gap;
  worker_sleep_until(&s->worker, worker_now(&s->worker) + (hd_time)gap);
}

static void body(struct worker *w)
{
  struct starter *s = (struct starter *)w;
  for (int64_t i = 0; i < s->starts; i++) {
    s->mark = i == 0 ? s->asked : worker_now(w);
    s->asked = s->mark;
    start(s);
    record(s);
    if (s->config->params->mode == LIFECYCLE_SEQUENTIAL)
      stop(s);
  }
  hd_send(s->to_conductor, s->to_conductor->latency,
          hd_msg_new(worker_component(w), LIFECYCLE_END));
}

static void message(struct worker *w, struct hd_msg *m)
{
  struct starter *s = (struct starter *)w;
  HD_REQUIRE(worker_component(w), m->kind == LIFECYCLE_RESET_DONE,
             "unexpected message of kind %u", m->kind);
  s->resetting--;
  hd_msg_free(worker_component(w), m);
}

void starter_initialize(struct starter *s, struct hd_engine *e, size_t index,
                        const char *host, const struct lifecycle_config *c,
                        const struct hd_window *window,
                        struct scheduler *scheduler)
{
  char path[32];
  snprintf(path, sizeof path, "host/start%04zu", index);
  *s = (struct starter){.config = c, .starts = 1};
  s->worker.body = body;
  s->worker.message = message;
  s->rng = hd_rng_new(hd_engine_seed(e), path, "start");
  HD_REQUIRE(NULL, s->rng != NULL, "out of memory for a random stream");
  hd_histogram_initialize(&s->total);
  hd_histogram_initialize(&s->stop);
  for (int i = 0; i < LIFECYCLE_STAGE_COUNT; i++)
    hd_histogram_initialize(&s->stages[i]);
  worker_initialize(&s->worker, e, path, host, c->cpu, window, scheduler);
}

void starter_terminate(struct starter *s)
{
  gsl_rng_free(s->rng);
  hd_histogram_terminate(&s->total);
  hd_histogram_terminate(&s->stop);
  for (int i = 0; i < LIFECYCLE_STAGE_COUNT; i++)
    hd_histogram_terminate(&s->stages[i]);
}
