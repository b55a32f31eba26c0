/*
 * iothread.h - virtio-blk in the VMM: QEMU's iothread of one guest.
 *
 * The thread sleeps in ppoll() until a kick's eventfd or the completion of its
 * requests wakes it. Awake, it disables kicks, takes all requests, puts each
 * through QEMU's block layer, and hands them to the kernel a batch at a time
 * (io_uring or libaio with O_DIRECT on the guest's pages: no copy), whose block
 * layer and NVMe driver put them on the thread's queue pair: one of its own, as
 * the kernel has one for each core. A completion interrupts a housekeeping core
 * (models/cpu/scheduler.h); what the handler then does for each request is work
 * on the thread's core, to which Linux has the queue's vector bound; the thread
 * gives used entries back and signals the guest, once for all that it found.
 *
 * Before it sleeps it polls (util/aio-posix.c, aio_poll()) virtqueues and the
 * completion ring with kicks disabled: for a time that grows, doubling from
 * poll_start to poll_max, when a wait was longer than the polling but shorter
 * than poll_max, and is nought after one that was longer than poll_max.
 *
 * Adjacent requests are not merged.
 */
#ifndef HD_MODELS_VHOST_BLOCK_IOTHREAD_H
#define HD_MODELS_VHOST_BLOCK_IOTHREAD_H

#include "models/vhost_block/block_guest.h"
#include "models/vhost_block/vhost_block_params.h"

struct iothread_stats { /* within the window */
  uint64_t requests;    /* returned */
  uint64_t batches;     /* system calls for submission */
  uint64_t sleeps;      /* times it went to sleep */
  uint64_t polls, hits; /* pollings; of these, ended by work */
};

struct iothread {
  struct host_thread thread; /* first member */
  const struct vhost_block_params *params;
  struct block_guest *guest;
  struct host_queue *drive;
  hd_time poll_now; /* present polling time */
  bool polling;
  struct iothread_stats stats;
};

/* Interrupts of `drive` are this thread's, as any vector of the host. */
void iothread_initialize(struct iothread *t, struct hd_engine *e,
                         const char *path, const char *host,
                         const struct vhost_block_params *p,
                         const struct cpu_params *cpu, struct block_guest *g,
                         struct host_queue *drive,
                         const struct hd_window *window);

#endif
