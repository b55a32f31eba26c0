/*
 * admin.c - what administration commands do. One is fetched (64 B and its
 * buffer), executed, and answered (pcie/admin_queue.h); a suspension is
 * answered later, when its queue is at rest.
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

static void work(struct hd_component *device)
{
  struct virtio_device *n = (struct virtio_device *)device;
  hd_schedule(device, n->params.admin_cost,
              virtio_hw_timer(n, VIRTIO_HW_TIMER_ADMIN, NULL));
}

static bool execute(struct hd_component *device, struct admin_job *job)
{
  struct virtio_device *n = (struct virtio_device *)device;
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

const struct admin_queue_kind virtio_hw_admin_queue = {.command = COMMAND_BYTES,
                                                       .answer = ANSWER_BYTES,
                                                       .work = work,
                                                       .execute = execute};

void virtio_hw_admin_arrived(struct virtio_device *n, struct virtio_admin *c)
{
  admin_queue_arrived(
      &n->admin, c,
      (struct admin_place){c->address, c->bytes, c->requester, c->observer});
}
