/*
 * core.c - a host core: local APIC, interrupts, and the job it runs.
 *
 * What the core does is a sequence of steps, each with a duration; at its end
 * the next one is chosen. Interrupts are taken between steps, or in the middle
 * of a job's step, whose rest is done later.
 */
#include "models/irq_bench/internal.h"

#include <gsl/gsl_rng.h>
#include <math.h>

#include "sim/engine/rng.h"

/* Uniform, with the standard deviation asked for: no step lasts for ever. */
static int64_t vary(struct irq_core *c, int64_t cycles)
{
  double off = (gsl_rng_uniform(c->rng) - 0.5) * sqrt(12);
  double factor = 1 + off * c->config->bench.step_jitter;
  return (int64_t)((double)cycles * factor + 0.5);
}

void irq_core_begin(struct irq_core *c, enum irq_step step, int64_t cycles,
                    hd_time more)
{
  hd_time now = hd_now(&c->base);
  struct irq_msg *m = hd_msg_new(&c->base, IRQ_STEP);
  m->msg.tag = ++c->generation;
  c->step = step;
  c->began = now;
  c->ends = now + more + hd_clock_take(&c->clock, vary(c, cycles));
  hd_schedule(&c->base, c->ends - now, m);
}

static void spent(struct irq_core *c, hd_time until)
{
  c->stats.busy += hd_window_overlap(c->measure, c->began, until);
}

bool irq_core_count(struct irq_core *c, uint64_t *bits, uint32_t source)
{
  uint64_t bit = UINT64_C(1) << source;
  bool before = (*bits & bit) != 0;
  *bits |= bit;
  c->messages++;
  c->messages_merged += before;
  c->stats.merged += before && hd_window_contains(c->measure, hd_now(&c->base));
  return before;
}

/* ---- interrupts -------------------------------------------------------- */

static void enter(struct irq_core *c)
{
  irq_core_begin(c, IRQ_ENTRY, c->config->bench.entry_cycles, 0);
}

static void leave(struct irq_core *c)
{
  irq_core_begin(c, IRQ_EXIT, c->config->bench.exit_cycles, 0);
}

static void call(struct irq_core *c, uint64_t *bits)
{
  c->source = (uint32_t)__builtin_ctzll(*bits);
  *bits &= *bits - 1;
  c->reaped = false;
  c->called++;
  irq_core_begin(c, IRQ_HANDLER, c->config->bench.handler_cycles, 0);
}

static void begin_round(struct irq_core *c)
{
  irq_core_begin(c, IRQ_ROUND, c->config->bench.round_cycles,
                 irq_descriptor_access(c));
}

/* A round is over. The last one comes after the outstanding bit was cleared, so
 * that no interrupt is left behind. */
static void next_round(struct irq_core *c)
{
  c->rounds++;
  if (c->last_round)
    leave(c);
  else if (c->found && c->rounds < c->config->bench.rounds - 1)
    begin_round(c);
  else
    irq_core_begin(c, IRQ_CLEAR, 0, irq_descriptor_access(c));
}

static void entered(struct irq_core *c)
{
  bool counts = hd_window_contains(c->measure, hd_now(&c->base));
  c->stats.entered += counts;
  if (!c->posted) {
    call(c, &c->requested);
    return;
  }
  c->requested = 0;
  c->rounds = 0;
  c->last_round = false;
  begin_round(c);
}

static void round_read(struct irq_core *c)
{
  c->to_call = c->pid.pending;
  c->pid.pending = 0;
  c->found = c->to_call != 0;
  if (c->found)
    call(c, &c->to_call);
  else
    next_round(c);
}

/* The handler takes completions until there are none. */
static void handled(struct irq_core *c)
{
  if (c->driver.size != 0 && irq_driver_reap(c)) {
    c->reaped = true;
    irq_core_begin(c, IRQ_COMPLETION, c->config->bench.completion_cycles, 0);
    return;
  }
  c->stats.handlers += hd_window_contains(c->measure, hd_now(&c->base));
  if (c->reaped)
    irq_driver_tell(c);
  if (!c->posted)
    leave(c);
  else if (c->to_call != 0)
    call(c, &c->to_call);
  else
    next_round(c);
}

/* ---- the job ------------------------------------------------------------- */

static void run_job(struct irq_core *c)
{
  if (c->job_left > 0) {
    irq_core_begin(c, IRQ_JOB, 0, c->job_left);
    c->job_left = 0;
  } else if (c->driver.ready) {
    irq_core_begin(c, IRQ_JOB, c->config->bench.request_cycles, 0);
  } else {
    c->step = IRQ_IDLE;
  }
}

static void next(struct irq_core *c)
{
  if (c->requested)
    enter(c);
  else
    run_job(c);
}

static void interrupt(struct irq_core *c)
{
  hd_time now = hd_now(&c->base);
  if (c->step == IRQ_JOB) {
    spent(c, now);
    c->job_left = hd_time_max(c->ends - now, 1);
  } else if (c->step != IRQ_IDLE) {
    return; /* taken when interrupts are enabled again */
  }
  enter(c);
}

/* ---- messages ------------------------------------------------------------ */

static void step_ends(struct irq_core *c)
{
  spent(c, hd_now(&c->base));
  switch (c->step) {
  case IRQ_ENTRY:
    entered(c);
    break;
  case IRQ_ROUND:
    round_read(c);
    break;
  case IRQ_HANDLER:
  case IRQ_COMPLETION:
    handled(c);
    break;
  case IRQ_CLEAR:
    c->pid.outstanding = false;
    c->last_round = true;
    begin_round(c);
    break;
  case IRQ_JOB:
    irq_driver_submit(c);
    next(c);
    break;
  default:
    next(c);
  }
}

static void delivered(struct irq_core *c, const struct irq_msg *m)
{
  if (c->posted)
    c->requested = 1;
  else
    irq_core_count(c, &c->requested, m->source);
  interrupt(c);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct irq_core *c = (struct irq_core *)self;
  struct irq_msg *m = (struct irq_msg *)msg;
  switch (msg->kind) {
  case IRQ_POST:
    irq_descriptor_post(c, m);
    return; /* kept */
  case IRQ_WRITTEN:
    irq_driver_arrived(c, (struct pcie_tlp *)msg);
    break;
  case IRQ_DELIVER:
    delivered(c, m);
    break;
  case IRQ_SWAP:
    irq_descriptor_swapped(c);
    break;
  case IRQ_BEGIN:
    irq_driver_start(c);
    break;
  default: /* IRQ_STEP; of an interrupted step: void */
    if (msg->tag == c->generation)
      step_ends(c);
  }
  hd_msg_free(self, msg);
}

static void start(struct hd_component *self)
{
  hd_schedule(self, IRQ_BENCH_START, hd_msg_new(self, IRQ_BEGIN));
}

static const struct hd_component_ops ops = {
    .kind = "host_core", .handle = handle, .start = start};

void irq_core_initialize(struct irq_core *c, struct hd_engine *e,
                         const struct irq_bench_config *config,
                         const struct hd_window *measure, const char *path)
{
  *c = (struct irq_core){.config = config,
                         .measure = measure,
                         .clock = hd_clock_at(config->bench.clock),
                         .posted = config->bench.delivery == IRQ_BENCH_POSTED,
                         .pid = {.core_owns = true}};
  c->rng = hd_rng_new(hd_engine_seed(e), path, "steps");
  hd_component_initialize(&c->base, e, &ops, path, IRQ_BENCH_HOST);
}

void irq_core_terminate(struct irq_core *c)
{
  gsl_rng_free(c->rng);
  irq_driver_terminate(&c->driver);
}
