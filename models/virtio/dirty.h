/*
 * dirty.h - the log of guest memory that a virtio device or back end has
 * written, for live migration.
 */
#ifndef HD_MODELS_VIRTIO_DIRTY_H
#define HD_MODELS_VIRTIO_DIRTY_H

#include "models/virtio/ring.h"
#include "sim/engine/engine.h"

enum { VIRTIO_DIRTY_RUNS = 14, VIRTIO_DIRTY_PAGE = 4096 };
struct virtio_dirty_run {
  uint32_t first, count; /* pages of 4 KiB, by IOVA (guest physical) */
};

/* Where a log goes: called with 1 to VIRTIO_DIRTY_RUNS runs, on the writer's
 * actor at its time, so that it may send a message on a channel from the
 * writer. The log must be complete before the writer answers that it has been
 * suspended: the channel is shorter than the answer's way. */
struct virtio_dirty_log {
  void (*pages)(void *context, struct hd_component *writer,
                const struct virtio_dirty_run *run, uint16_t runs);
  void *context;
};

/* Software that writes to guest memory (Linux: log_write()). Zero: no log. */
struct virtio_dirty_writer {
  struct virtio_dirty_log log; /* pages NULL: off */
  struct hd_component *writer;
  struct virtio_dirty_run run[VIRTIO_DIRTY_RUNS]; /* not told yet */
  uint16_t n_runs;
  uint32_t unpaid; /* pages logged, whose cost is due */
};
static inline bool virtio_dirty_is_logged(const struct virtio_dirty_writer *w)
{
  return w->log.pages != NULL;
}
/* What has been noted goes to the old log. */
void virtio_dirty_set(struct virtio_dirty_writer *w,
                      struct hd_component *writer,
                      const struct virtio_dirty_log *log);
/* Notes a write. */
void virtio_dirty_wrote(struct virtio_dirty_writer *w, uint64_t address,
                        uint32_t bytes);
void virtio_dirty_tell(struct virtio_dirty_writer *w);
/* virtq_device_flush() without a plan, its writes and all noted ones told. */
uint32_t virtio_dirty_flush(struct virtio_dirty_writer *w,
                            struct virtq_device *d);
/* Kicks have been enabled or disabled: the same for the event field. */
void virtio_dirty_event(struct virtio_dirty_writer *w,
                        const struct virtq_device *d);
/* Pages logged since the last call. */
uint32_t virtio_dirty_take_unpaid(struct virtio_dirty_writer *w);

#endif
