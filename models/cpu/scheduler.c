/*
 * scheduler.c - life, wiring, messages and statistics of the host scheduler.
 */
#include "models/cpu/scheduler.h"

#include <stdlib.h>

#include "models/cpu/sched_internal.h"
#include "models/interrupt/interrupt.h"
#include "sim/engine/clock.h"

/* -- vCPUs' messages ----------------------------------------------------- */

struct entity *sched_entity(struct scheduler *s, uint32_t vcpu)
{
  HD_REQUIRE(&s->base, vcpu < s->n_entities, "there is no vCPU %u", vcpu);
  return &s->entities[vcpu];
}

static struct entity *running_entity(struct scheduler *s, uint32_t vcpu)
{
  struct entity *e = sched_entity(s, vcpu);
  HD_REQUIRE(&s->base,
             e->state == ENTITY_RUNNING && s->cores[e->core].running == vcpu,
             "vCPU %u has no core to give up", vcpu);
  return e;
}

/* A waiting vCPU needs no waking: the run that it waits for comes later than
 * whatever it should see. */
void sched_wake(struct scheduler *s, uint32_t vcpu, hd_time extra)
{
  struct entity *e = sched_entity(s, vcpu);
  if (e->state == ENTITY_BLOCKED)
    sched_make_runnable(s, vcpu, extra);
  else if (e->polling)
    sched_poll_hit(s, e->core);
  else if (e->state == ENTITY_RUNNING)
    e->wake_pending = true;
}

static void handle_unpoll(struct scheduler *s, const struct sched_msg *m)
{
  const struct entity *e = sched_entity(s, m->vcpu);
  if (e->polling && e->run == m->msg.tag)
    sched_poll_over(s, e->core);
}

static void handle_wake(struct scheduler *s, const struct sched_msg *m)
{
  if (m->msg.tag == 0 || m->msg.tag == sched_entity(s, m->vcpu)->run)
    sched_wake(s, m->vcpu, 0);
}

static void handle_block(struct scheduler *s, const struct sched_msg *m)
{
  struct entity *e = running_entity(s, m->vcpu);
  bool woken = e->wake_pending;
  e->wake_pending = false;
  hd_counter_add(&s->wakes, s->window, hd_now(&s->base), woken);
  bool wanted = (s->waiting > 0 && !e->pinned) || s->cores[e->core].preempting;
  if (!woken && !wanted && m->poll > 0)
    sched_poll_begin(s, e->core, m->poll);
  else
    sched_leave(s, e->core, woken);
}

/* -- messages ------------------------------------------------------------ */

static void handle_timer(struct scheduler *s, struct hd_msg *msg)
{
  const struct sched_msg *m = (const struct sched_msg *)msg;
  if (msg->tag == TAG_HOST_IRQ) {
    sched_host_irq_done(s, (struct interrupt_msg *)msg);
    return;
  }
  if (msg->tag == TAG_POLL_END)
    sched_poll_due(s, m->data);
  else
    sched_slice_over(s, m->data, msg->tag);
  hd_msg_free(&s->base, msg);
}

static void ahead(const struct hd_component *self, const struct hd_msg *msg)
{
  const struct scheduler *s = (const struct scheduler *)self;
  uint32_t vcpu = UINT32_MAX;
  if (msg->kind == MSG_SCHED_BLOCK)
    vcpu = ((const struct sched_msg *)msg)->vcpu;
  else if (msg->kind == MSG_IRQ_WAKE)
    vcpu = sched_translated(s, (const struct interrupt_msg *)msg);
  if (vcpu >= s->n_entities)
    return;
  hd_fetch(&s->entities[vcpu], sizeof *s->entities);
  if (msg->kind == MSG_IRQ_WAKE && vcpu < s->n_hints)
    hd_channel_fetch(s->hints[vcpu]);
}

static void start(struct hd_component *self)
{
  struct scheduler *s = (struct scheduler *)self;
  s->hints = hd_array(self, s->n_entities, sizeof *s->hints, "the scheduler");
  for (; s->n_hints < s->n_entities; s->n_hints++)
    s->hints[s->n_hints] = hd_channel_hint(s->entities[s->n_hints].to);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct scheduler *s = (struct scheduler *)self;
  const struct sched_msg *m = (const struct sched_msg *)msg;
  switch (msg->kind) {
  case MSG_TIMER:
    handle_timer(s, msg);
    return;
  case MSG_IRQ_HOST:
    if (msg->tag == INTERRUPT_RAISED)
      sched_raised(s, (struct interrupt_msg *)msg);
    else
      sched_host_irq_begins(s, (struct interrupt_msg *)msg);
    return;
  case MSG_IRQ_WAKE:
    sched_irq_wake(s, (struct interrupt_msg *)msg);
    return;
  case MSG_SCHED_WAKE:
    handle_wake(s, m);
    break;
  case MSG_SCHED_BLOCK:
    handle_block(s, m);
    break;
  case MSG_SCHED_UNPOLL:
    handle_unpoll(s, m);
    break;
  case MSG_SCHED_YIELD:
    sched_leave(s, running_entity(s, m->vcpu)->core, true);
    break;
  default:
    hd_fail(self, __FILE__, __LINE__, "message of kind %u", msg->kind);
  }
  hd_msg_free(self, msg);
}

/* -- life ---------------------------------------------------------------- */

void *sched_grown(void *array, size_t n, size_t size)
{
  array = realloc(array, n * size);
  HD_REQUIRE(NULL, array != NULL, "out of memory for the scheduler");
  return array;
}

static void check_params(const struct cpu_params *p)
{
  HD_REQUIRE(NULL, p->cores > 0 && p->housekeeping_cores > 0,
             "a host without cores");
  HD_REQUIRE(NULL, p->threads != 2 || p->cores % 2 == 0,
             "%lld logical cores with %lld threads each", (long long)p->cores,
             (long long)p->threads);
  HD_REQUIRE(NULL,
             p->timeslice > 0 && p->queue_latency > 0 && p->ipi_latency > 0 &&
                 p->wake_latency > 0 && p->frequency > 0,
             "the scheduler's times must be positive");
}

static void create_cores(struct scheduler *s)
{
  size_t words = (s->n_cores + 63) / 64;
  s->cores = hd_array(NULL, s->n_cores, sizeof *s->cores, "the scheduler");
  s->idle_set = hd_array(NULL, words, sizeof *s->idle_set, "the scheduler");
  s->polling_set =
      hd_array(NULL, words, sizeof *s->polling_set, "the scheduler");
  s->whole_set = hd_array(NULL, words, sizeof *s->whole_set, "the scheduler");
  s->host_free =
      hd_array(NULL, s->n_host, sizeof *s->host_free, "the scheduler");
  for (uint32_t i = 0; i < s->n_cores; i++) {
    s->cores[i].running = s->cores[i].last = NO_VCPU;
    s->cores[i].timer = s->cores[i].poll_timer = HD_TIME_NEVER;
    core_set_add(s->idle_set, i);
  }
  for (uint32_t i = 0; i < s->n_cores; i++)
    sched_smt_mark(s, i);
}

struct scheduler *scheduler_create(struct hd_engine *e, const char *path,
                                   const char *host,
                                   const struct cpu_params *params,
                                   const struct hd_window *window)
{
  static const struct hd_component_ops ops = {
      .kind = "scheduler", .handle = handle, .start = start, .ahead = ahead};
  check_params(params);
  struct scheduler *s = hd_array(NULL, 1, sizeof *s, "the scheduler");
  hd_component_initialize(&s->base, e, &ops, path, host);
  s->params = *params;
  s->window = window;
  s->n_cores = (uint32_t)params->cores;
  s->siblings = params->threads == 2 ? s->n_cores / 2 : 0;
  s->n_host = (uint32_t)params->housekeeping_cores;
  s->to_vcpu =
      hd_time_min(params->queue_latency,
                  hd_time_min(params->ipi_latency, params->wake_latency));
  struct hd_clock clock = hd_clock_at(params->frequency);
  s->host_irq_time = hd_clock_span(&clock, params->host_irq_cost);
  create_cores(s);
  return s;
}

void scheduler_destroy(struct scheduler *s)
{
  if (!s)
    return;
  for (uint32_t i = 0; i < s->n_cores; i++)
    run_queue_terminate(&s->cores[i].queue);
  free(s->cores);
  free(s->idle_set);
  free(s->polling_set);
  free(s->whole_set);
  free(s->host_free);
  for (uint32_t i = 0; i < s->n_sources; i++)
    free(s->sources[i].vcpus);
  free(s->sources);
  free(s->entities);
  free(s->hints);
  free(s);
}

struct hd_component *scheduler_component(struct scheduler *s)
{
  return &s->base;
}

/* -- wiring -------------------------------------------------------------- */

struct hd_channel *scheduler_add_vcpu(struct scheduler *s,
                                      struct hd_component *vcpu)
{
  if (s->n_entities == s->cap_entities) {
    s->cap_entities = s->cap_entities ? s->cap_entities * 2 : 64;
    s->entities =
        sched_grown(s->entities, s->cap_entities, sizeof *s->entities);
  }
  s->entities[s->n_entities] = (struct entity){
      .to = hd_channel_open(&s->base, vcpu, s->to_vcpu),
      .core = sched_home(s, s->n_entities % s->n_cores),
      .state = ENTITY_BLOCKED,
  };
  s->n_entities++;
  return hd_channel_open(vcpu, &s->base, s->params.queue_latency);
}

struct hd_channel *scheduler_connect(struct scheduler *s,
                                     struct hd_component *c, hd_time latency)
{
  return hd_channel_open(c, &s->base, latency);
}

/* The last cores are reserved first. vCPUs that belong to one move on. */
bool scheduler_reserve_core(struct scheduler *s, uint32_t vcpu)
{
  struct entity *e = sched_entity(s, vcpu);
  HD_REQUIRE(&s->base, !e->pinned && e->run == 0,
             "vCPU %u cannot have a core reserved now", vcpu);
  if (s->n_reserved + 1 >= s->n_cores)
    return false;
  uint32_t core = s->n_cores - 1 - s->n_reserved++;
  s->cores[core].reserved = true;
  core_set_remove(s->idle_set, core);
  sched_smt_mark(s, core);
  for (uint32_t i = 0; i < s->n_entities; i++)
    if (!s->entities[i].pinned)
      s->entities[i].core = sched_home(s, s->entities[i].core);
  e->core = core;
  e->pinned = true;
  return true;
}

uint32_t scheduler_cores_reserved(const struct scheduler *s)
{
  return s->n_reserved;
}

uint32_t scheduler_vcpus(const struct scheduler *s)
{
  return s->n_entities;
}

hd_time scheduler_polled(const struct scheduler *s, uint32_t vcpu, hd_time end)
{
  const struct entity *e = &s->entities[vcpu];
  return e->polled +
         (e->polling ? hd_window_overlap(s->window, e->poll_since, end) : 0);
}

/* -- statistics and checks ----------------------------------------------- */

void scheduler_get_stats(const struct scheduler *s, struct scheduler_stats *st)
{
  struct hd_engine_report report;
  hd_engine_get_report(s->base.engine, &report);
  *st = (struct scheduler_stats){
      .wakes = s->wakes.count,
      .switches = s->switches.count,
      .preemptions = s->preemptions.count,
      .migrations = s->migrations.count,
      .injections = s->injections.count,
      .cores_busy = hd_gauge_mean(&s->cores_busy, s->window, report.end),
      .housekeeping_busy =
          hd_busy_utilization(&s->host_busy, s->window, report.end),
      .wait_sum = s->wait_sum,
      .wait_max = s->wait_max,
  };
}

static const char *check_core(const struct scheduler *s, uint32_t i)
{
  const struct core *c = &s->cores[i];
  bool idle = c->running == NO_VCPU;
  if ((idle && !c->reserved) != core_set_has(s->idle_set, i))
    return "the set of idle cores is wrong";
  if (core_set_has(s->polling_set, i) && (idle || c->preempting || c->reserved))
    return "the set of polling cores is wrong";
  if (idle && !c->reserved && s->waiting > 0)
    return "a core idles while a vCPU waits";
  if (!idle && (s->entities[c->running].state != ENTITY_RUNNING ||
                s->entities[c->running].core != i))
    return "a core runs a vCPU that does not run there";
  if (!idle && s->entities[c->running].pinned != c->reserved)
    return "a reserved core runs another's vCPU";
  if (c->busy + c->idle != c->since)
    return "a core's busy and idle time do not add up";
  for (uint32_t q = 0; q < c->queue.count; q++) {
    const struct entity *e = &s->entities[c->queue.entries[q].vcpu];
    if (e->state != ENTITY_WAITING || e->core != i)
      return "a queued vCPU does not wait there";
  }
  if (c->queue.count > 0 && !c->preempting && c->timer == HD_TIME_NEVER)
    return "a vCPU waits without a limit";
  return NULL;
}

/* Core time given equals core time received. */
static const char *check_sums(const struct scheduler *s)
{
  hd_time given = 0, received = 0;
  uint32_t queued = 0, waiting = 0, busy = 0;
  for (uint32_t i = 0; i < s->n_cores; i++) {
    const struct core *c = &s->cores[i];
    given += c->busy;
    queued += c->queue.count;
    if (c->running != NO_VCPU) {
      given += c->accounted - c->since;
      busy++;
    }
  }
  for (uint32_t i = 0; i < s->n_entities; i++) {
    received += s->entities[i].ran;
    waiting += s->entities[i].state == ENTITY_WAITING;
  }
  if (queued != waiting || queued != s->waiting)
    return "the number of waiting vCPUs is wrong";
  if (busy != s->busy_cores || s->cores_busy.value != (int64_t)busy)
    return "the number of busy cores is wrong";
  return given == received ? NULL : "core time is not conserved";
}

const char *scheduler_check(const struct scheduler *s)
{
  for (uint32_t i = 0; i < s->n_cores; i++) {
    const char *wrong = check_core(s, i);
    if (!wrong)
      wrong = sched_smt_check(s, i);
    if (wrong)
      return wrong;
  }
  return check_sums(s);
}
