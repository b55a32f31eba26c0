/* block.c - building a guest's block layer and jobs; books. */
#include <stdio.h>
#include <stdlib.h>

#include "models/workload/blockdev.h"
#include "sim/engine/rng.h"

/* ---- memory ------------------------------------------------------------- */

/* Linux's NVMe driver takes page lists from pools of 256 B and of a page. */
enum { SMALL_LIST = 256, LIST_ENTRY = 8 };

static uint64_t list_bytes(const struct guest_config *c)
{
  uint32_t pages = block_pages(0, (uint32_t)c->block_jobs->bs);
  if (c->blockdev != BLOCKDEV_NVME || pages <= 2)
    return 0;
  return (pages - 1) * LIST_ENTRY <= SMALL_LIST ? SMALL_LIST : GUEST_PAGE;
}

/* Buffers of a job, then its page lists. */
static uint64_t job_bytes(const struct guest_config *c)
{
  const struct block_jobs_params *p = c->block_jobs;
  uint64_t depth = (uint64_t)p->iodepth;
  return depth * guest_page_round((uint64_t)p->bs) +
         guest_page_round(depth * list_bytes(c));
}

uint64_t block_buffers(const struct guest_config *c)
{
  if (c->workload != WORKLOAD_BLOCK_JOBS)
    return 0;
  return (uint64_t)c->block_jobs->numjobs * job_bytes(c);
}

/* ---- building ----------------------------------------------------------- */

static void create_slots(struct guest *g, struct block_job *job,
                         uint64_t buffers)
{
  const struct guest_config *c = &g->config;
  size_t depth = (size_t)c->block_jobs->iodepth;
  uint64_t buffer = guest_page_round((uint64_t)c->block_jobs->bs);
  uint64_t list = list_bytes(c);
  job->slots = guest_allocate(depth, sizeof *job->slots);
  job->unused = guest_allocate(depth, sizeof(struct block_slot *));
  for (size_t i = 0; i < depth; i++) {
    job->slots[i] = (struct block_slot){
        .job = job,
        .buffer = buffers + i * buffer,
        .list = list > 0 ? buffers + depth * buffer + i * list : 0};
    job->unused[depth - 1 - i] = &job->slots[i];
  }
}

static void create_job(struct guest *g, uint32_t j, uint64_t buffers)
{
  const struct guest_config *c = &g->config;
  const struct block_jobs_params *p = c->block_jobs;
  struct block_job *job = &g->block->jobs[j];
  uint64_t span =
      p->size > 0 ? (uint64_t)p->size : c->blocks * (uint64_t)BLOCK_BYTES;
  char purpose[32];
  snprintf(purpose, sizeof purpose, "job%u", j);
  job->number = j;
  job->cpu = &g->cpus[guest_plan_stream(c, j)];
  job->queue = blockdev_queue_at(g, j % c->queue_pairs);
  job->rng = hd_rng_new(hd_engine_seed(g->engine), c->path, purpose);
  job->places = span / (uint64_t)p->bs;
  job->at = (uint64_t)((hd_u128)job->places * j / (hd_u128)p->numjobs);
  create_slots(g, job, buffers);
}

static void check_config(const struct guest_config *c)
{
  const char *why = NULL;
  if (c->workload == WORKLOAD_BLOCK_JOBS)
    why = block_jobs_refused(c->block_jobs, c->blocks,
                             c->storage ? c->storage->max_transfer : 0);
  else if (c->workload != WORKLOAD_IDLE)
    why = "a guest with a block device runs block_jobs or idle";
  HD_REQUIRE(NULL, why == NULL, "%s: %s", c->path, why);
}

void block_create(struct guest *g, uint64_t buffers)
{
  const struct guest_config *c = &g->config;
  check_config(c);
  struct guest_block *b = g->block = guest_allocate(1, sizeof *b);
  b->ops = blockdev_of(c);
  b->queues = guest_allocate(c->queue_pairs, sizeof *b->queues);
  b->threads = guest_allocate(g->n_cpus, sizeof *b->threads);
  for (uint32_t q = 0; q < c->queue_pairs; q++) {
    b->queues[q].index = (uint16_t)q;
    b->queues[q].cpu = &g->cpus[guest_plan_queue(c, q)];
  }
  b->n_jobs = guest_plan_streams(c);
  b->polled = b->n_jobs > 0 && c->block_jobs->completion == BLOCK_POLL;
  b->jobs = guest_allocate(b->n_jobs, sizeof *b->jobs);
  for (uint32_t j = 0; j < b->n_jobs; j++)
    create_job(g, j, buffers + j * job_bytes(c));
}

void block_connect(struct guest *g)
{
  for (size_t j = 0; j < g->block->n_jobs; j++) {
    struct block_job *job = &g->block->jobs[j];
    guest_connect(job->cpu, job->queue->cpu);
    guest_connect(job->queue->cpu, job->cpu);
  }
}

void block_destroy(struct guest *g)
{
  struct guest_block *b = g->block;
  for (size_t j = 0; j < b->n_jobs; j++) {
    gsl_rng_free(b->jobs[j].rng);
    free(b->jobs[j].slots);
    free(b->jobs[j].unused);
  }
  free(b->queues);
  free(b->jobs);
  free(b->threads);
  free(b);
}

/* ---- books -------------------------------------------------------------- */

uint64_t guest_block_inside(const struct guest *g)
{
  uint64_t n = 0;
  for (size_t j = 0; g->block && j < g->block->n_jobs; j++)
    n += g->block->jobs[j].submitted - g->block->jobs[j].reaped;
  return n;
}

static const char *check_job(const struct guest *g, const struct block_job *job)
{
  if (job->submitted - job->reaped != job->in_flight)
    return "block job: requests submitted are not reaped or in flight";
  if (job->most_in_flight > g->config.block_jobs->iodepth)
    return "block job: more requests in flight than its depth";
  if (job->received - job->reaped != job->done.count)
    return "block job: requests received are not reaped or waiting";
  if (job->received > job->submitted)
    return "block job: more requests received than submitted";
  return NULL;
}

/* Between jobs and queue are only requests on their way between vCPUs. */
static const char *check_passed(const struct guest *g,
                                const struct blockdev_queue *q)
{
  uint64_t submitted = 0, received = 0;
  bool local = true;
  for (size_t j = q->index; j < g->block->n_jobs; j += g->config.queue_pairs) {
    submitted += g->block->jobs[j].submitted;
    received += g->block->jobs[j].received;
    local &= g->block->jobs[j].cpu == q->cpu;
  }
  if (submitted < q->entered || received > q->finished)
    return "block queue: more requests entered than submitted, or received "
           "than finished";
  if (local && (submitted != q->entered || received != q->finished))
    return "block queue: requests on their way within one vCPU";
  return NULL;
}

static const char *check_queue(const struct guest *g,
                               const struct blockdev_queue *q)
{
  if (q->entered - q->posted != q->waiting.count)
    return "block queue: requests entered are not posted or waiting";
  if (q->completed - q->finished != q->found.count)
    return "block queue: requests completed are not finished or waiting";
  if (q->completed > q->posted)
    return "block queue: more requests completed than posted";
  const char *wrong = g->block->ops->check(g, q, q->posted - q->completed);
  return wrong ? wrong : check_passed(g, q);
}

const char *block_check(const struct guest *g)
{
  const char *wrong = NULL;
  for (size_t j = 0; !wrong && j < g->block->n_jobs; j++)
    wrong = check_job(g, &g->block->jobs[j]);
  for (unsigned q = 0; !wrong && q < g->config.queue_pairs; q++)
    wrong = check_queue(g, blockdev_queue_at(g, q));
  return wrong;
}
