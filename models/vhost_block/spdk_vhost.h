/*
 * spdk_vhost.h - a poll-mode thread of SPDK vhost: a core of its own, a queue
 * pair on each drive that its guests use, and its share of the guests.
 *
 * A turn polls every virtqueue, takes a burst of requests from each, puts them
 * through virtio, block device layer and NVMe driver onto the queue pairs, then
 * polls every completion queue: completions go back the same way, each with its
 * used entry. Doorbells are written and guests signalled once a poll of a
 * completion queue (delay_cmd_submit, vhost_user_session_used_signal()).
 * Guests' kicks are disabled. Empty turns take their time but no event each.
 */
#ifndef HD_MODELS_VHOST_BLOCK_SPDK_VHOST_H
#define HD_MODELS_VHOST_BLOCK_SPDK_VHOST_H

#include "models/vhost_block/block_guest.h"
#include "models/vhost_block/vhost_block_params.h"

struct spdk_thread {
  struct host_thread thread; /* first member */
  const struct vhost_block_params *params;
  struct block_guest **guests; /* its share */
  struct host_queue **drives;  /* its queue pairs */
  uint32_t n_guests, n_drives, n_virtqueues;
  uint32_t *by_vm; /* index of the guest + 1 */
  uint32_t vms;
  bool activity;    /* something has arrived since the turn began */
  uint64_t handled; /* requests returned, within the window */
};

/* For at most `guests` guests with numbers below `vms`, `drives` drives. */
void spdk_thread_initialize(struct spdk_thread *s, struct hd_engine *e,
                            const char *path, const char *host,
                            const struct vhost_block_params *p,
                            const struct cpu_params *cpu, uint32_t guests,
                            uint32_t vms, uint32_t drives,
                            const struct hd_window *window);
void spdk_thread_terminate(struct spdk_thread *s);
void spdk_thread_add_guest(struct spdk_thread *s, struct block_guest *g);
void spdk_thread_add_drive(struct spdk_thread *s, struct host_queue *q);

#endif
