/*
 * pair_control.c - a queue pair whose guest migrates: its queues are stopped
 * and started, and what it writes to the guest's memory is logged (Linux:
 * VHOST_SET_LOG_BASE, log_write()).
 */
#include "models/vhost/pair.h"

/* ---- the log ------------------------------------------------------------- */

void vhost_pair_tell_log(struct vhost_pair *p)
{
  if (p->n_runs == 0)
    return;
  p->log.pages(p->log.context, host_thread_component(p->thread), p->run,
               p->n_runs);
  p->n_runs = 0;
}

void vhost_pair_wrote(struct vhost_pair *p, uint64_t address, uint32_t bytes)
{
  if (!p->log.pages || bytes == 0)
    return;
  uint32_t first = (uint32_t)(address / VIRTIO_DIRTY_PAGE);
  uint32_t last = (uint32_t)((address + bytes - 1) / VIRTIO_DIRTY_PAGE);
  p->unpaid += last - first + 1;
  for (uint16_t i = 0; i < p->n_runs; i++) {
    const struct virtio_dirty_run *r = &p->run[i];
    if (first >= r->first && last < r->first + r->count)
      return;
  }
  if (p->n_runs == VIRTIO_DIRTY_RUNS)
    vhost_pair_tell_log(p);
  p->run[p->n_runs++] =
      (struct virtio_dirty_run){.first = first, .count = last - first + 1};
}

uint32_t vhost_pair_logged(struct vhost_pair *p)
{
  uint32_t n = p->unpaid;
  p->unpaid = 0;
  return n;
}

/* ---- requests ------------------------------------------------------------ */

void vhost_pair_ask(struct vhost_pair *p, struct hd_msg *m)
{
  m->next = NULL;
  if (p->asked)
    p->asked_last->next = m;
  else
    p->asked = m;
  p->asked_last = m;
}

static struct virtq_device *side_of(struct vhost_pair *p, uint16_t queue)
{
  return queue == virtio_tx_queue(p->number) ? &p->tx : &p->rx;
}

/* Buffers that wait for a packet go back to the ring. */
static void put_back(struct vhost_pair *p)
{
  while (p->n_held > 0) {
    enum virtq_status status =
        virtq_device_put_back(&p->rx, p->held[--p->n_held]);
    HD_REQUIRE(host_thread_component(p->thread), status == VIRTQ_OK,
               "guest %u, queue pair %u: a buffer cannot go back", p->vm,
               p->number);
  }
}

static bool stop(struct vhost_pair *p, struct virtq_device *side,
                 struct virtq_state *state)
{
  if (side == &p->rx)
    put_back(p);
  virtq_device_suspend(side);
  return virtq_device_save(side, state, NULL, 0) == VIRTQ_OK;
}

static bool start(struct vhost_pair *p, struct virtq_device *side,
                  const struct virtq_state *state,
                  const struct virtq_view *view)
{
  if (!state) {
    virtq_device_resume(side);
    return true;
  }
  if (virtq_device_restore(side, state, NULL) != VIRTQ_OK)
    return false;
  (void)virtq_device_see(side, view);
  if (side->error != VIRTQ_OK)
    return false;
  p->open |= side == &p->rx;
  vhost_pair_show(p, side);
  return true;
}

static bool obey(struct vhost_pair *p, const struct virtq_control_msg *m)
{
  struct virtq_device *side = side_of(p, m->queue);
  switch (m->verb) {
  case VIRTQ_CONTROL_STOP:
    return stop(p, side, m->state);
  case VIRTQ_CONTROL_START:
    return start(p, side, m->state, m->view);
  case VIRTQ_CONTROL_TRACK:
    vhost_pair_tell_log(p);
    p->log = m->log;
    return true;
  default:
    p->open = false;
    return true;
  }
}

void vhost_pair_obey(struct vhost_pair *p)
{
  while (p->asked) {
    struct virtq_control_msg *m = (struct virtq_control_msg *)p->asked;
    p->asked = p->asked->next;
    m->ok = obey(p, m);
    hd_send(m->reply, m->reply->latency, m);
  }
}
