/* internal.h - struct vhost_block, for vhost_block.c and its statistics. */
#ifndef HD_MODELS_VHOST_BLOCK_INTERNAL_H
#define HD_MODELS_VHOST_BLOCK_INTERNAL_H

#include "models/vhost_block/vhost_block.h"

struct vhost_block_pairs { /* of a drive */
  struct storage_interface interface;
  struct storage_ring *rings;
  struct host_queue *queues;
  uint16_t count, made;
};

struct vhost_block {
  struct hd_component base;
  struct vhost_block_config config;
  struct hd_channel *to_scheduler;
  struct vhost_block_pairs drives[VHOST_BLOCK_DRIVES];
  struct block_guest *guests;
  struct spdk_thread *pmds;
  struct iothread *iothreads;
  size_t n_guests, n_pmds, n_iothreads;
  uint64_t memory_next;
};

/* Threads: poll-mode threads, then iothreads. */
struct host_thread *vhost_block_thread(const struct vhost_block *v, size_t i);

#endif
