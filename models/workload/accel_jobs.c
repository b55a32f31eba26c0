/*
 * accel_jobs.c - what cpa_sample_code's threads do, with the data-plane API: a
 * batch is put and announced whenever there is room for it in the window, and
 * the response ring is looked at in between; or, with completion: interrupt,
 * the thread sleeps when it can submit nothing.
 *
 * Looks that find nothing are not simulated one by one: the vCPU waits for the
 * next response and goes on with the look that would have found it.
 */
#include "models/workload/accel.h"

static const struct accelerator_jobs_params *
params(const struct accel_thread *t)
{
  return t->cpu->guest->config.accelerator_jobs;
}

/* ---- submission ---------------------------------------------------------- */

static uint32_t draw_size(struct accel_thread *t)
{
  const struct accelerator_jobs_params *p = params(t);
  uint64_t draw =
      p->mix == ACCELERATOR_FIXED ? 0 : gsl_rng_uniform_int(t->rng, 1u << 30);
  return accelerator_jobs_size(p, draw);
}

/* In an unused slot; the thread began with it at `begin`. */
static struct accelerator_request *make(struct accel_thread *t, hd_time begin)
{
  const struct guest_config *c = &t->cpu->guest->config;
  uint32_t free_slots = (uint32_t)params(t)->window - t->in_flight;
  uint16_t tag = t->unused[free_slots - 1];
  struct accel_slot *slot = &t->slots[tag];
  struct accelerator_request *r = accelerator_request_new(c->accelerator_pool);
  *r = (struct accelerator_request){.algorithm = (uint8_t)params(t)->algorithm,
                                    .vm = c->vm,
                                    .bank = (uint16_t)t->number,
                                    .tag = tag,
                                    .bytes = draw_size(t),
                                    .room = t->room,
                                    .content = t->content,
                                    .source = slot->source,
                                    .destination = slot->destination,
                                    .owner = slot};
  hd_stamps_begin(&r->stamps, begin);
  slot->request = r;
  t->in_flight++;
  return r;
}

/* One batch, one tail write. */
static void submit(struct accel_thread *t, uint32_t n)
{
  struct vcpu *v = &t->cpu->vcpu;
  hd_time begin = vcpu_now(v);
  vcpu_run(v, n * params(t)->submit_cycles);
  for (uint32_t i = 0; i < n; i++) {
    struct accelerator_request *r = make(t, begin);
    hd_stamps_mark(&r->stamps, HD_STAGE_SEND_PATH, vcpu_now(v));
    HD_REQUIRE(&v->task.base, accelerator_driver_put(t->driver, r),
               "bank %u: no room for a request within the window", t->number);
  }
  t->submitted += n;
  if (t->in_flight > t->most_in_flight)
    t->most_in_flight = t->in_flight;
  accelerator_driver_announce(t->driver);
}

/* Whole batches only: cpa_sample_code enqueues so many, then performs them. */
static bool submit_batches(struct accel_thread *t)
{
  uint32_t window = (uint32_t)params(t)->window;
  uint32_t batch = (uint32_t)params(t)->batch;
  if (window - t->in_flight < batch)
    return false;
  submit(t, batch);
  return true;
}

/* ---- responses ----------------------------------------------------------- */

static void append(struct accel_thread *t, struct accelerator_request *r)
{
  r->next = NULL;
  if (t->done != NULL)
    t->done_last->next = r;
  else
    t->done = r;
  t->done_last = r;
  t->n_done++;
}

bool accel_take(struct accel_thread *t)
{
  struct vcpu *v = &t->cpu->vcpu;
  struct accelerator_request *r;
  uint32_t n = 0;
  for (; (r = accelerator_driver_take(t->driver)) != NULL; n++) {
    const struct accel_slot *slot = &t->slots[r->tag];
    HD_REQUIRE(&v->task.base, r->owner == slot && slot->request == r,
               "bank %u: a response to a request that is not in flight",
               t->number);
    hd_stamps_mark(&r->stamps, HD_STAGE_INTERRUPT, vcpu_now(v));
    append(t, r);
  }
  if (n > 0)
    vcpu_run(v, n * params(t)->complete_cycles);
  return n > 0;
}

static void count(struct guest_counters *c, const struct accelerator_request *r)
{
  if (r->status != ACCELERATOR_OK) {
    c->errors++;
    return;
  }
  c->requests++;
  c->consumed_bytes += accelerator_input(r);
  c->produced_bytes += r->produced;
}

static void account(struct guest_cpu *cpu, struct accelerator_request *r)
{
  struct guest *g = cpu->guest;
  hd_stamps_mark(&r->stamps, HD_STAGE_GUEST_RECEIVE, vcpu_now(&cpu->vcpu));
  if (guest_in_window(cpu))
    count(&cpu->counters, r);
  if (r->status != ACCELERATOR_OK ||
      !hd_window_contains(g->config.window, r->stamps.begin))
    return;
  hd_histogram_add(&g->latency, hd_stamps_total(&r->stamps));
  HD_REQUIRE(&cpu->vcpu.task.base, hd_breakdown_add(&g->breakdown, &r->stamps),
             "stages of an accelerator's request do not sum to its latency");
}

/* The thread has the results of what has been taken. */
static bool finish(struct accel_thread *t)
{
  bool any = t->n_done > 0;
  while (t->n_done > 0) {
    struct accelerator_request *r = t->done;
    struct accel_slot *slot = r->owner;
    t->done = r->next;
    t->n_done--;
    t->finished++;
    slot->request = NULL;
    t->unused[params(t)->window - t->in_flight--] = r->tag;
    account(t->cpu, r);
    accelerator_request_free(t->cpu->guest->config.accelerator_pool, r);
  }
  return any;
}

/* ---- threads ------------------------------------------------------------- */

/* Looks until a response has arrived, and to the end of that look. */
static void poll_in_vain(struct accel_thread *t)
{
  struct guest_cpu *cpu = t->cpu;
  struct vcpu *v = &cpu->vcpu;
  hd_time first = vcpu_now(v);
  hd_time period =
      hd_time_max(hd_clock_span(&v->clock, params(t)->poll_cycles), 1);
  cpu->in_vain = true;
  cpu->in_vain_since = first;
  while (!cpu->activity)
    vcpu_spin_for_message(v, HD_TIME_NEVER);
  hd_time passed = vcpu_now(v) - first;
  vcpu_spin_until(v, first + (passed + period - 1) / period * period);
  cpu->in_vain = false;
  cpu->counters.polled +=
      hd_window_overlap(cpu->guest->config.window, first, vcpu_now(v));
}

static void run_polled(struct accel_thread *t)
{
  t->cpu->polls = true;
  for (;;) {
    t->cpu->activity = false;
    vcpu_run(&t->cpu->vcpu, params(t)->poll_cycles);
    bool worked = accel_take(t);
    worked |= finish(t);
    worked |= submit_batches(t);
    if (!worked)
      poll_in_vain(t);
  }
}

/* Nothing passes between the look at `done` and going to sleep: no interrupt is
 * missed. */
static void run_by_interrupts(struct accel_thread *t)
{
  accelerator_driver_arm(t->driver);
  for (;;) {
    bool worked = finish(t);
    worked |= submit_batches(t);
    if (!worked && t->n_done == 0)
      guest_wait(t->cpu, HD_TIME_NEVER);
  }
}

void accel_jobs_run(struct guest_cpu *cpu)
{
  struct guest_accel *a = cpu->guest->accel;
  if (cpu->number >= a->n_threads)
    return;
  if (a->polled)
    run_polled(&a->threads[cpu->number]);
  else
    run_by_interrupts(&a->threads[cpu->number]);
}
