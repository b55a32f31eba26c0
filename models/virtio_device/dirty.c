/*
 * dirty.c - dirty log: which pages of a guest the device has written.
 *
 * Pages are gathered as runs; a page that the runs at hand hold already is not
 * noted again. They are reported when there is no room for another run, when
 * the first has waited for dirty_interval, and before a suspension is answered.
 */
#include "models/virtio_device/internal.h"

enum { PAGE = 4096 };

void virtio_hw_log_flush(struct virtio_device *n, struct virtio_hw_function *f)
{
  struct virtio_hw_log *l = &f->log;
  if (l->runs == 0)
    return;
  n->counts.dirty_runs += virtio_hw_counts(n) ? l->runs : 0;
  l->sink.pages(l->sink.context, &n->base, l->run, l->runs);
  l->runs = 0;
}

/* Whether a run at hand holds the page, or can be lengthened to. */
static bool joins(struct virtio_hw_log *l, uint32_t page)
{
  for (uint16_t i = 0; i < l->runs; i++) {
    struct virtio_dirty_run *r = &l->run[i];
    if (page - r->first > r->count) /* unsigned: not before it, either */
      continue;
    if (page - r->first == r->count)
      r->count++;
    return true;
  }
  return false;
}

static void arm(struct virtio_device *n, struct virtio_hw_function *f)
{
  if (f->log.armed)
    return;
  f->log.armed = true;
  hd_schedule(&n->base, n->params.dirty_interval,
              virtio_hw_timer(n, VIRTIO_HW_TIMER_DIRTY, f));
}

void virtio_hw_log(struct virtio_device *n, struct virtio_hw_function *f,
                   uint64_t address, uint32_t bytes)
{
  struct virtio_hw_log *l = &f->log;
  uint64_t last = (address + bytes - 1) / PAGE;
  for (uint64_t page = address / PAGE; page <= last; page++) {
    if (joins(l, (uint32_t)page))
      continue;
    if (l->runs == VIRTIO_DEVICE_DIRTY_RUNS)
      virtio_hw_log_flush(n, f);
    l->run[l->runs++] = (struct virtio_dirty_run){(uint32_t)page, 1};
    arm(n, f);
  }
}

void virtio_hw_log_due(struct virtio_device *n, struct virtio_hw_function *f)
{
  f->log.armed = false;
  virtio_hw_log_flush(n, f);
}

void virtio_hw_track(struct virtio_device *n, struct virtio_hw_function *f,
                     bool on, const struct virtio_dirty_log *sink)
{
  if (f->log.on)
    virtio_hw_log_flush(n, f);
  f->log.on = on;
  if (on)
    f->log.sink = *sink;
}
