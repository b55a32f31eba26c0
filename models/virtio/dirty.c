/* dirty.c - see dirty.h. */
#include "models/virtio/dirty.h"

void virtio_dirty_set(struct virtio_dirty_writer *w,
                      struct hd_component *writer,
                      const struct virtio_dirty_log *log)
{
  virtio_dirty_tell(w);
  w->log = *log;
  w->writer = writer;
}

void virtio_dirty_tell(struct virtio_dirty_writer *w)
{
  if (w->n_runs == 0)
    return;
  w->log.pages(w->log.context, w->writer, w->run, w->n_runs);
  w->n_runs = 0;
}

void virtio_dirty_wrote(struct virtio_dirty_writer *w, uint64_t address,
                        uint32_t bytes)
{
  if (!virtio_dirty_is_logged(w) || bytes == 0)
    return;
  uint32_t first = (uint32_t)(address / VIRTIO_DIRTY_PAGE);
  uint32_t last = (uint32_t)((address + bytes - 1) / VIRTIO_DIRTY_PAGE);
  w->unpaid += last - first + 1;
  for (uint16_t i = 0; i < w->n_runs; i++) {
    const struct virtio_dirty_run *r = &w->run[i];
    if (first >= r->first && last < r->first + r->count)
      return;
  }
  if (w->n_runs == VIRTIO_DIRTY_RUNS)
    virtio_dirty_tell(w);
  w->run[w->n_runs++] =
      (struct virtio_dirty_run){.first = first, .count = last - first + 1};
}

uint32_t virtio_dirty_flush(struct virtio_dirty_writer *w,
                            struct virtq_device *d)
{
  enum { ACCESSES = 16 };
  struct virtq_access access[ACCESSES];
  uint32_t chains = 0, n;
  if (!virtio_dirty_is_logged(w))
    return virtq_device_flush(d, NULL);
  do {
    struct virtq_plan plan = {.access = access, .capacity = ACCESSES};
    n = virtq_device_flush(d, &plan);
    chains += n;
    for (uint32_t i = 0; i < plan.count; i++)
      virtio_dirty_wrote(w, access[i].address, access[i].length);
  } while (n > 0);
  virtio_dirty_tell(w);
  return chains;
}

void virtio_dirty_event(struct virtio_dirty_writer *w,
                        const struct virtq_device *d)
{
  struct virtq_access access;
  struct virtq_plan plan = {.access = &access, .capacity = 1};
  if (!virtio_dirty_is_logged(w))
    return;
  if (virtq_device_plan_write_event(d, &plan))
    virtio_dirty_wrote(w, access.address, access.length);
  virtio_dirty_tell(w);
}

uint32_t virtio_dirty_take_unpaid(struct virtio_dirty_writer *w)
{
  uint32_t n = w->unpaid;
  w->unpaid = 0;
  return n;
}
