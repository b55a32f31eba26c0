/*
 * block_jobs.c - what fio does: each job keeps its requests in flight, submits
 * in one call as many as it has reaped, and sleeps when it can do neither.
 *
 * The buffer of a slot is contiguous in guest memory; if the data touches more
 * than two pages the slot has a page list.
 * With completion: poll a job that has requests in flight does not sleep but
 * polls its queue. Empty polls are not simulated one by one: the vCPU waits for
 * the next write-back and goes on with the poll that would have found it.
 */
#include "models/workload/blockdev.h"

/* Linux's minimal preemption granularity with some CPUs (from memory). */
#define SLICE (3 * HD_MS)

static const struct block_jobs_params *params(const struct block_job *job)
{
  return job->cpu->guest->config.block_jobs;
}

/* ---- choosing requests -------------------------------------------------- */

static bool draws_read(struct block_job *job)
{
  const struct block_jobs_params *p = params(job);
  switch ((enum block_pattern)p->rw) {
  case BLOCK_SEQUENTIAL_READ:
  case BLOCK_RANDOM_READ:
    return true;
  case BLOCK_SEQUENTIAL_WRITE:
  case BLOCK_RANDOM_WRITE:
    return false;
  default:
    return gsl_rng_uniform(job->rng) < p->rwmixread;
  }
}

static bool random_places(const struct block_job *job)
{
  int rw = params(job)->rw;
  return rw == BLOCK_RANDOM_READ || rw == BLOCK_RANDOM_WRITE ||
         rw == BLOCK_RANDOM_MIXED;
}

static uint64_t next_place(struct block_job *job)
{
  if (random_places(job)) {
    uint64_t place =
        (uint64_t)(gsl_rng_uniform(job->rng) * (double)job->places);
    return place < job->places ? place : job->places - 1;
  }
  uint64_t place = job->at;
  job->at = (place + 1) % job->places;
  return place;
}

/* Cleared and filled in; a flush has neither data nor place. */
static struct block_request *make(struct block_job *job,
                                  struct block_slot *slot, hd_time begin)
{
  const struct guest_config *c = &job->cpu->guest->config;
  struct block_request *r = block_request_new(c->block_pool);
  *r = (struct block_request){.op = BLOCK_FLUSH,
                              .vm = c->vm,
                              .queue = job->queue->index,
                              .owner = slot};
  hd_stamps_begin(&r->stamps, begin);
  if (params(job)->flush_every > 0 && job->writes >= params(job)->flush_every) {
    job->writes = 0;
    return r;
  }
  r->op = draws_read(job) ? BLOCK_READ : BLOCK_WRITE;
  r->bytes = (uint32_t)params(job)->bs;
  r->lba = next_place(job) * (r->bytes / BLOCK_BYTES);
  r->buffer = slot->buffer;
  r->list = slot->list;
  job->issued++;
  job->writes += r->op == BLOCK_WRITE;
  return r;
}

/* ---- rates -------------------------------------------------------------- */

/* Requests that may be submitted now: request n at start + n / rate. */
static uint32_t may_submit(const struct block_job *job,
                           const struct block_thread *t, hd_time now)
{
  uint32_t room = (uint32_t)params(job)->iodepth - job->in_flight;
  int64_t rate = params(job)->rate_iops;
  if (rate == 0)
    return room;
  hd_u128 due = (hd_u128)(now - t->start) * (hd_u128)rate / (hd_u128)HD_S + 1 -
                job->issued;
  return due < room ? (uint32_t)due : room;
}

/* When request `issued` is due, rounded up. */
static hd_time due_at(const struct block_job *job, const struct block_thread *t)
{
  hd_u128 rate = (hd_u128)params(job)->rate_iops;
  return t->start +
         (hd_time)(((hd_u128)job->issued * (hd_u128)HD_S + rate - 1) / rate);
}

/* ---- submission and reaping --------------------------------------------- */

/* Gathers requests, posts them together. */
static void gather(struct guest_cpu *cpu, struct block_job *job, uint32_t n,
                   hd_time begin)
{
  struct block_list list = {0};
  vcpu_run(&cpu->vcpu, n * cpu->guest->config.block_costs->submit_request);
  for (uint32_t i = 0; i < n; i++) {
    struct block_slot *slot =
        job->unused[params(job)->iodepth - 1 - job->in_flight++];
    block_list_push(&list, make(job, slot, begin));
  }
  job->submitted += n;
  if (job->in_flight > job->most_in_flight)
    job->most_in_flight = job->in_flight;
  if (job->queue->cpu == cpu)
    block_enter(cpu, job->queue, &list);
  else
    guest_send(cpu, job->queue->cpu, GUEST_REQUESTS, job->number, n,
               list.first);
}

/* One call. */
static void submit(struct guest_cpu *cpu, struct block_job *job, uint32_t n)
{
  const struct guest_block_params *k = cpu->guest->config.block_costs;
  uint32_t most = (uint32_t)k->plug;
  hd_time begin = vcpu_now(&cpu->vcpu);
  vcpu_run(&cpu->vcpu, k->submit_syscall);
  for (; n > most; n -= most)
    gather(cpu, job, most, begin);
  gather(cpu, job, n, begin);
}

static void count(struct guest_counters *c, const struct block_request *r)
{
  if (r->status != BLOCK_OK) {
    c->errors++;
  } else if (r->op == BLOCK_FLUSH) {
    c->flushes++;
  } else {
    bool read = r->op == BLOCK_READ;
    c->requests++;
    *(read ? &c->reads : &c->writes) += 1;
    *(read ? &c->read_bytes : &c->written_bytes) += r->bytes;
  }
}

/* The application has the request's result. */
static void account(struct guest_cpu *cpu, struct block_request *r)
{
  struct guest *g = cpu->guest;
  hd_stamps_mark(&r->stamps, HD_STAGE_GUEST_RECEIVE, vcpu_now(&cpu->vcpu));
  if (guest_in_window(cpu))
    count(&cpu->counters, r);
  bool measured = r->status == BLOCK_OK && r->op != BLOCK_FLUSH &&
                  hd_window_contains(g->config.window, r->stamps.begin);
  if (measured) {
    hd_histogram_add(&g->latency, hd_stamps_total(&r->stamps));
    HD_REQUIRE(&cpu->vcpu.task.base,
               hd_breakdown_add(&g->breakdown, &r->stamps),
               "stages of a block request do not sum to its latency");
  }
  block_request_free(g->config.block_pool, r);
}

static void reap(struct guest_cpu *cpu, struct block_job *job)
{
  const struct guest_block_params *k = cpu->guest->config.block_costs;
  uint32_t n = job->done.count;
  vcpu_run(&cpu->vcpu, k->reap_syscall + n * k->application);
  for (uint32_t i = 0; i < n; i++) {
    struct block_request *r = block_list_pop(&job->done);
    job->unused[params(job)->iodepth - job->in_flight--] = r->owner;
    account(cpu, r);
  }
  job->reaped += n;
}

/* One turn of a job; false if there was nothing to do. */
static bool turn(struct guest_cpu *cpu, struct block_thread *t,
                 struct block_job *job)
{
  bool worked = job->done.count > 0;
  if (worked)
    reap(cpu, job);
  uint32_t n = may_submit(job, t, vcpu_now(&cpu->vcpu));
  uint32_t most = (uint32_t)params(job)->iodepth_batch;
  if (n > 0)
    submit(cpu, job, most > 0 && n > most ? most : n);
  return worked || n > 0;
}

/* ---- the vCPU's jobs ---------------------------------------------------- */

static bool runnable(const struct block_job *job, const struct block_thread *t,
                     hd_time now)
{
  return job->done.count > 0 || may_submit(job, t, now) > 0 ||
         (job->cpu->guest->block->polled && job->in_flight > 0);
}

/* The running job if it may go on, else the next one in turn; NULL: none. */
static struct block_job *pick(struct guest_cpu *cpu, struct block_thread *t,
                              hd_time now)
{
  struct guest_block *b = cpu->guest->block;
  uint32_t vcpus = cpu->guest->config.vcpus;
  struct block_job *was = t->running;
  if (was && now < t->slice_end && runnable(was, t, now))
    return was;
  uint32_t jobs = ((uint32_t)b->n_jobs - cpu->number + vcpus - 1) / vcpus;
  uint32_t from = was ? was->number / vcpus + 1 : 0;
  for (uint32_t i = 0; i < jobs; i++) {
    struct block_job *job = &b->jobs[cpu->number + (from + i) % jobs * vcpus];
    if (!runnable(job, t, now))
      continue;
    t->slice_end = now + SLICE;
    return job;
  }
  return NULL;
}

/* When the first job that has room is due; rates only. */
static hd_time next_due(const struct guest_cpu *cpu,
                        const struct block_thread *t)
{
  const struct guest_block *b = cpu->guest->block;
  hd_time first = HD_TIME_NEVER;
  if (cpu->guest->config.block_jobs->rate_iops == 0)
    return first;
  for (size_t j = cpu->number; j < b->n_jobs; j += cpu->guest->config.vcpus)
    if (b->jobs[j].in_flight < params(&b->jobs[j])->iodepth)
      first = hd_time_min(first, due_at(&b->jobs[j], t));
  return first;
}

/* Polls until something has arrived, a job is due, or the slice is over, and to
 * the end of that poll. */
static void poll_in_vain(struct guest_cpu *cpu, const struct block_thread *t)
{
  hd_time period =
      hd_time_max(hd_clock_span(&cpu->vcpu.clock,
                                cpu->guest->config.block_costs->poll_empty),
                  1);
  hd_time first = vcpu_now(&cpu->vcpu);
  hd_time until = hd_time_min(next_due(cpu, t), t->slice_end);
  while (!cpu->activity && vcpu_now(&cpu->vcpu) < until)
    vcpu_spin_for_message(&cpu->vcpu, until);
  hd_time passed = vcpu_now(&cpu->vcpu) - first;
  vcpu_spin_until(&cpu->vcpu, first + (passed + period - 1) / period * period);
}

static void run_job(struct guest_cpu *cpu, struct block_thread *t,
                    struct block_job *job)
{
  struct guest_block *b = cpu->guest->block;
  cpu->activity = false;
  bool worked =
      b->polled && job->queue->cpu == cpu && block_poll(cpu, job->queue);
  worked |= turn(cpu, t, job);
  if (b->polled && !worked)
    poll_in_vain(cpu, t);
}

static void start(struct guest_cpu *cpu, struct block_thread *t)
{
  struct guest *g = cpu->guest;
  t->start = vcpu_now(&cpu->vcpu);
  cpu->polls = g->block->polled;
  for (unsigned i = 0; cpu->polls && i < g->config.queue_pairs; i++) {
    struct blockdev_queue *q = blockdev_queue_at(g, i);
    if (q->cpu == cpu && g->block->ops->poll_start)
      g->block->ops->poll_start(cpu, q);
  }
}

void block_jobs_run(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  struct block_thread *t = &g->block->threads[cpu->number];
  if (cpu->number >= g->block->n_jobs)
    return;
  start(cpu, t);
  for (;;) {
    guest_soft_interrupts(cpu);
    struct block_job *job = pick(cpu, t, vcpu_now(&cpu->vcpu));
    if (job && job != t->running)
      vcpu_run(&cpu->vcpu, g->config.costs->thread_switch);
    t->running = job;
    if (job)
      run_job(cpu, t, job);
    else
      guest_wait(cpu, next_due(cpu, t));
  }
}
