/*
 * suspend.c - queues come to rest, their state is read out, and they go on from
 * a state, here or at another device.
 *
 * From the suspension on nothing is fetched; chains that wait in the device
 * unused go back to the ring; reads of ring structures under way are waited
 * for and forgotten; chains being worked on end, are told to the driver, and
 * get their interrupt. Frames for a suspended queue are dropped.
 */
#include "models/virtio_device/internal.h"

static bool at_rest(const struct virtio_hw_queue *q)
{
  return !q->fetching && !q->looking && !q->deciding && q->inside == 0 &&
         q->pushed == 0;
}

/* Reads the state out into the command. */
static bool save(struct virtio_hw_queue *q, struct virtio_admin *c)
{
  virtq_device_suspend(&q->side);
  c->view = q->memory;
  return virtq_device_save(&q->side, &c->state, c->in_flight, c->capacity) ==
         VIRTQ_OK;
}

void virtio_hw_rest(struct virtio_device *n, struct virtio_hw_queue *q)
{
  struct admin_job *job = q->suspension;
  struct virtio_admin *c;
  if (job == NULL || !at_rest(q))
    return;
  q->suspension = NULL;
  q->suspending = false;
  q->suspended = true;
  if (q->vector->owner != NULL && q->vector->used > 0)
    virtio_hw_interrupt(n, q->vector); /* moderation does not outlast it */
  virtio_hw_log_flush(n, q->owner);
  c = job->command;
  c->failed = q->failed || !save(q, c);
  admin_queue_answer(&n->admin, job);
}

bool virtio_hw_suspend(struct virtio_device *n, struct virtio_hw_queue *q,
                       struct admin_job *job)
{
  if (!virtio_hw_serves(q))
    return false;
  q->suspending = true;
  q->suspension = job;
  virtio_hw_deactivate(n, q);
  virtio_hw_put_back(n, q);
  virtio_hw_drop_waiting(n, q, VIRTIO_HW_DROP_UNROUTED);
  virtio_hw_flush(n, q, true);
  virtio_hw_rest(n, q);
  return true;
}

/* Entry counters follow the position, so that slots are found. */
static void place_counters(struct virtio_hw_queue *q)
{
  uint32_t size = q->ring->config.size;
  q->popped = q->side.side.consumed.index % size;
  q->announced = q->popped + virtq_device_available(&q->side);
}

bool virtio_hw_resume(struct virtio_device *n, struct virtio_hw_queue *q,
                      const struct virtio_admin *c)
{
  if ((q->live && !q->suspended) || c->state.in_flight > 0 ||
      virtq_device_restore(&q->side, &c->state, NULL) != VIRTQ_OK)
    return false;
  uint32_t size = q->ring->config.size;
  place_counters(q);
  for (uint32_t i = 0; i < size; i++)
    q->announced_at[i] = hd_now(&n->base);
  if (!virtq_view_overtaken(q->ring, &q->side.side.peer, &c->view))
    q->memory = c->view;
  virtio_hw_go_live(n, q);
  return true;
}
