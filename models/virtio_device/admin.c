/*
 * admin.c - the administration queue: one command at a time, in order.
 *
 * A command is fetched (64 B and its buffer), executed, and answered. The next
 * one is fetched when this one has been executed. A suspension is answered
 * later, when its queue is at rest.
 */
#include "models/virtio_device/internal.h"

enum { COMMAND_BYTES = 64, ANSWER_BYTES = 16 };

/* ---- effects ------------------------------------------------------------- */

static struct virtio_hw_queue *queue_of(struct virtio_hw_function *f,
                                        const struct virtio_admin *c)
{
  return c->queue < f->config.n_queues ? &f->queue[c->queue] : NULL;
}

static bool track(struct virtio_device *n, struct virtio_hw_function *f,
                  const struct virtio_admin *c)
{
  if (c->on && c->log.pages == NULL)
    return false;
  virtio_hw_track(n, f, c->on, &c->log);
  return true;
}

static bool apply_to(struct virtio_device *n, struct virtio_admin *c,
                     struct virtio_hw_function *f)
{
  struct virtio_hw_queue *q = queue_of(f, c);
  switch (c->type) {
  case VIRTIO_ADMIN_SET_PASID:
    f->config.has_pasid = c->on;
    f->config.pasid = c->pasid;
    return true;
  case VIRTIO_ADMIN_START:
    virtio_hw_start(n, f);
    return true;
  case VIRTIO_ADMIN_STOP:
    virtio_hw_stop(n, f);
    return true;
  case VIRTIO_ADMIN_REMOVE_FUNCTION:
    virtio_hw_remove_function(n, c->result);
    return true;
  case VIRTIO_ADMIN_RESUME_QUEUE:
    return q != NULL && virtio_hw_resume(n, q, c);
  case VIRTIO_ADMIN_TRACK:
    return track(n, f, c);
  default:
    return false;
  }
}

/* ---- the queue ----------------------------------------------------------- */

void virtio_hw_answer(struct virtio_device *n, struct virtio_hw_job *job)
{
  struct virtio_admin *c = job->command;
  struct pcie_dma d = {.address = c->address,
                       .length = ANSWER_BYTES,
                       .requester = c->requester,
                       .observer = c->observer,
                       .object = c};
  pcie_requester_write(n->requester, &d);
  hd_pool_put(&n->jobs, job);
}

/* False: it will be answered later. */
static bool execute(struct virtio_device *n, struct virtio_hw_job *job)
{
  struct virtio_admin *c = job->command;
  c->failed = true;
  if (job->dma.status != PCIE_SC)
    return true;
  if (c->type == VIRTIO_ADMIN_ADD_FUNCTION) {
    c->failed = !virtio_hw_add_function(n, c);
    return true;
  }
  struct virtio_hw_function *f =
      c->result < n->n_functions ? n->functions[c->result] : NULL;
  if (f == NULL)
    return true;
  if (c->type == VIRTIO_ADMIN_SUSPEND_QUEUE) {
    struct virtio_hw_queue *q = queue_of(f, c);
    return q == NULL || !virtio_hw_suspend(n, q, job);
  }
  c->failed = !apply_to(n, c, f);
  return true;
}

static void command_fetched(struct hd_component *device, struct pcie_dma *d)
{
  struct virtio_device *n = (struct virtio_device *)device;
  (void)d;
  hd_schedule(device, n->params.admin_cost,
              virtio_hw_timer(n, VIRTIO_HW_TIMER_ADMIN, NULL));
}

static void fetch_command(struct virtio_device *n)
{
  struct virtio_hw_job *job = n->job;
  job->dma = (struct pcie_dma){.address = job->command->address,
                               .length = COMMAND_BYTES + job->command->bytes,
                               .requester = job->command->requester,
                               .observer = PCIE_NO_OBSERVER,
                               .done = command_fetched};
  pcie_requester_read(n->requester, &job->dma);
}

void virtio_hw_admin_arrived(struct virtio_device *n, struct virtio_admin *c)
{
  struct virtio_hw_job *job = hd_pool_get(&n->jobs);
  *job = (struct virtio_hw_job){.command = c};
  bool idle = n->job == NULL;
  if (idle)
    n->job = job;
  else
    n->job_end->next = job;
  n->job_end = job;
  if (idle)
    fetch_command(n);
}

void virtio_hw_admin_executed(struct virtio_device *n)
{
  struct virtio_hw_job *job = n->job;
  n->job = job->next;
  if (execute(n, job))
    virtio_hw_answer(n, job);
  if (n->job != NULL)
    fetch_command(n);
}
