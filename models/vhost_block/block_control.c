/*
 * block_control.c - a guest's request queues when it migrates: they are stopped
 * when the drive has done what was taken from them (QEMU: bdrv_drain_all()),
 * and started.
 */
#include "models/vhost_block/block_guest.h"

void block_guest_ask(struct block_guest *g, struct hd_msg *m)
{
  HD_REQUIRE(host_thread_component(g->thread), g->asked == NULL,
             "two requests at a time to the back end of guest %u", g->vm);
  g->asked = m;
  g->fresh = true;
}

/* False: not yet. */
static bool stop(struct block_queue *q, struct virtq_control_msg *m)
{
  virtq_device_suspend(&q->side);
  if (q->side.in_flight > 0)
    return false;
  m->ok = virtq_device_save(&q->side, m->state, NULL, 0) == VIRTQ_OK;
  return true;
}

static bool start(struct block_guest *g, struct block_queue *q,
                  const struct virtq_control_msg *m)
{
  if (!m->state) {
    virtq_device_resume(&q->side);
    return true;
  }
  if (virtq_device_restore(&q->side, m->state, NULL) != VIRTQ_OK)
    return false;
  q->seen = *m->view;
  (void)virtq_device_see(&q->side, m->view);
  if (q->side.error != VIRTQ_OK)
    return false;
  block_guest_show(g, q);
  return true;
}

/* False: later. */
static bool obey(struct block_guest *g, struct virtq_control_msg *m)
{
  struct block_queue *q = &g->queues[m->queue];
  m->ok = true;
  switch (m->verb) {
  case VIRTQ_CONTROL_STOP:
    return stop(q, m);
  case VIRTQ_CONTROL_START:
    m->ok = start(g, q, m);
    return true;
  case VIRTQ_CONTROL_TRACK:
    virtio_dirty_set(&g->dirty, host_thread_component(g->thread), &m->log);
    return true;
  default: /* nothing more comes from the guest */
    return true;
  }
}

void block_guest_obey(struct block_guest *g)
{
  struct virtq_control_msg *m = (struct virtq_control_msg *)g->asked;
  g->fresh = false;
  if (!m || !obey(g, m))
    return;
  g->asked = NULL;
  hd_send(m->reply, m->reply->latency, m);
}
