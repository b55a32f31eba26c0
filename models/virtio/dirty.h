/*
 * dirty.h - the log of guest memory that a virtio device or back end has
 * written, for live migration.
 */
#ifndef HD_MODELS_VIRTIO_DIRTY_H
#define HD_MODELS_VIRTIO_DIRTY_H

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

#endif
