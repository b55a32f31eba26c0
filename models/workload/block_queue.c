/* block_queue.c - the block layer's queues: posting and completion. */
#include "models/workload/blockdev.h"

/* So few requests take about a microsecond: what comes meanwhile is noticed
 * afterwards. */
enum { SHORT_ROUND = 2 };

static void spend(struct guest_cpu *cpu, uint32_t requests, int64_t cycles)
{
  if (requests <= SHORT_ROUND)
    vcpu_run_short(&cpu->vcpu, cycles);
  else
    vcpu_run(&cpu->vcpu, cycles);
}

/* ---- posting ------------------------------------------------------------ */

static void post(struct guest_cpu *cpu, struct blockdev_queue *q, uint32_t n)
{
  struct guest *g = cpu->guest;
  const struct blockdev_ops *ops = g->block->ops;
  int64_t cycles = n * g->config.block_costs->submit_driver;
  if (ops->post_cycles)
    cycles += ops->post_cycles(g, q, n);
  spend(cpu, n, cycles);
  for (uint32_t i = 0; i < n; i++) {
    struct block_request *r = block_list_pop(&q->waiting);
    hd_stamps_mark(&r->stamps, HD_STAGE_SEND_PATH, vcpu_now(&cpu->vcpu));
    ops->post(g, q, r);
  }
  q->posted += n;
  ops->announce(cpu, q);
}

/* As under the queue's lock: interrupts are disabled. */
static void run(struct guest_cpu *cpu, struct blockdev_queue *q)
{
  while (q->waiting.count > 0) {
    uint32_t room = cpu->guest->block->ops->room(cpu->guest, q);
    if (room == 0)
      return;
    post(cpu, q, room < q->waiting.count ? room : q->waiting.count);
  }
}

static void append(struct blockdev_queue *q, struct block_list *list)
{
  q->entered += list->count;
  while (list->count > 0)
    block_list_push(&q->waiting, block_list_pop(list));
}

void block_enter(struct guest_cpu *cpu, struct blockdev_queue *q,
                 struct block_list *list)
{
  bool enabled = guest_irq_save(cpu);
  append(q, list);
  run(cpu, q);
  guest_irq_restore(cpu, enabled);
}

void block_run_all(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  cpu->work = false;
  bool enabled = guest_irq_save(cpu);
  for (unsigned i = 0; i < g->config.queue_pairs; i++)
    if (blockdev_queue_at(g, i)->cpu == cpu)
      run(cpu, blockdev_queue_at(g, i));
  guest_irq_restore(cpu, enabled);
}

/* ---- completion --------------------------------------------------------- */

void block_found(struct guest_cpu *cpu, struct blockdev_queue *q,
                 struct block_request *r)
{
  const struct guest *g = cpu->guest;
  HD_REQUIRE(&cpu->vcpu.task.base,
             r->vm == g->config.vm && r->queue == q->index,
             "completion of a request of guest %u, queue %u on queue %u", r->vm,
             r->queue, q->index);
  q->completed++;
  block_list_push(&q->found, r);
}

static void finish(struct guest_cpu *cpu, struct blockdev_queue *q, uint32_t n)
{
  struct guest *g = cpu->guest;
  for (uint32_t i = 0; i < n; i++) {
    struct block_request *r = block_list_pop(&q->found);
    struct block_job *job = ((struct block_slot *)r->owner)->job;
    g->block->ops->release(g, q, r);
    q->finished++;
    if (job->cpu == cpu) {
      block_list_push(&job->done, r);
      job->received++;
    } else {
      block_list_push(&job->returning, r);
    }
  }
}

/* To jobs on other vCPUs: these are woken by an IPI, unless they poll. */
static void send_back(struct guest_cpu *cpu, const struct blockdev_queue *q)
{
  struct guest *g = cpu->guest;
  for (size_t j = q->index; j < g->block->n_jobs; j += g->config.queue_pairs) {
    struct block_job *job = &g->block->jobs[j];
    if (job->returning.count == 0)
      continue;
    guest_send(cpu, job->cpu, GUEST_REQUESTS_DONE, job->number,
               job->returning.count, job->returning.first);
    job->returning = (struct block_list){0};
    if (!g->block->polled)
      vcpu_exit(&cpu->vcpu, EXIT_IPI);
  }
}

/* The cycles of a round pass in one piece, then it takes effect. */
static bool drain(struct guest_cpu *cpu, struct blockdev_queue *q)
{
  struct guest *g = cpu->guest;
  const struct blockdev_ops *ops = g->block->ops;
  const struct guest_block_params *k = g->config.block_costs;
  bool any = q->found.count > 0;
  while (q->found.count > 0) {
    uint32_t n = q->found.count;
    for (struct block_request *r = q->found.first; r; r = r->next)
      hd_stamps_mark(&r->stamps, HD_STAGE_INTERRUPT, vcpu_now(&cpu->vcpu));
    int64_t cycles = n * (k->complete_driver + k->complete_request);
    if (ops->take_cycles)
      cycles += ops->take_cycles(g, q, n);
    spend(cpu, n, cycles);
    finish(cpu, q, n);
    send_back(cpu, q);
  }
  return any;
}

/* Interrupts are disabled. */
static void service(struct guest_cpu *cpu, struct blockdev_queue *q)
{
  const struct blockdev_ops *ops = cpu->guest->block->ops;
  if (q->found.count == 0)
    return;
  if (ops->irq_begin)
    ops->irq_begin(cpu, q);
  do
    drain(cpu, q);
  while (ops->irq_end && ops->irq_end(cpu, q));
  if (ops->taken)
    ops->taken(cpu, q);
  run(cpu, q);
}

void block_interrupt(struct guest_cpu *cpu, unsigned i)
{
  struct guest *g = cpu->guest;
  if (i == 0) /* nothing happens to the device */
    return;
  HD_REQUIRE(&cpu->vcpu.task.base,
             i <= g->config.queue_pairs &&
                 blockdev_queue_at(g, i - 1)->cpu == cpu,
             "interrupt vector %u is not this vCPU's", i);
  vcpu_run_short(&cpu->vcpu, g->config.block_costs->interrupt);
  if (!g->block->polled) /* else it came before the device had been told */
    service(cpu, blockdev_queue_at(g, i - 1));
}

void block_service_all(struct guest_cpu *cpu)
{
  struct guest *g = cpu->guest;
  bool enabled = guest_irq_save(cpu);
  for (unsigned i = 0; i < g->config.queue_pairs; i++)
    if (blockdev_queue_at(g, i)->cpu == cpu)
      service(cpu, blockdev_queue_at(g, i));
  guest_irq_restore(cpu, enabled);
}

bool block_poll(struct guest_cpu *cpu, struct blockdev_queue *q)
{
  const struct blockdev_ops *ops = cpu->guest->block->ops;
  bool any = drain(cpu, q);
  if (any && ops->taken)
    ops->taken(cpu, q);
  run(cpu, q);
  return any;
}

/* ---- between vCPUs ------------------------------------------------------ */

static struct block_list chain_of(const struct guest_msg *m)
{
  struct block_list l = {.first = m->object, .count = (uint32_t)m->bytes};
  for (l.last = l.first; l.last->next; l.last = l.last->next)
    ;
  return l;
}

bool block_requests(struct guest_cpu *cpu, const struct guest_msg *m)
{
  struct block_list list = chain_of(m);
  append(cpu->guest->block->jobs[m->value].queue, &list);
  cpu->work = cpu->activity = true;
  return true;
}

bool block_requests_done(struct guest_cpu *cpu, const struct guest_msg *m)
{
  struct block_job *job = &cpu->guest->block->jobs[m->value];
  struct block_list list = chain_of(m);
  job->received += list.count;
  while (list.count > 0)
    block_list_push(&job->done, block_list_pop(&list));
  cpu->activity = true;
  return true;
}
