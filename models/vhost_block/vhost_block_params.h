/* vhost_block_params.h - section "vhost_block": software block back ends. */
#ifndef HD_MODELS_VHOST_BLOCK_PARAMS_H
#define HD_MODELS_VHOST_BLOCK_PARAMS_H

#include "sim/engine/param.h"

struct vhost_block_params {
  int64_t thread_switch; /* cycles: context switch to a host thread */
  int64_t log_page;      /* cycles: a page in the log of a migration */

  /* SPDK vhost */
  int64_t pmd_cores;            /* poll-mode threads */
  int64_t spdk_ring;            /* entries of a queue pair */
  int64_t spdk_burst;           /* chains taken from a virtqueue per poll */
  int64_t spdk_poll_virtqueue;  /* cycles: a poll, found empty or not */
  int64_t spdk_poll_drive;      /* cycles: the same of a queue pair */
  int64_t spdk_virtio;          /* cycles: chain to task, a request */
  int64_t spdk_bdev;            /* cycles: block device layer, a request */
  int64_t spdk_submit;          /* cycles: NVMe command, a request */
  int64_t spdk_complete;        /* cycles: NVMe completion, a request */
  int64_t spdk_bdev_complete;   /* cycles: block device layer, a completion */
  int64_t spdk_virtio_complete; /* cycles: status and used entry */
  int64_t spdk_signal;          /* cycles: write() to the eventfd, and irqfd */

  /* QEMU's iothread */
  int64_t kernel_ring;  /* entries of a queue pair */
  int64_t kick_latency; /* ps: eventfd's wake-up reaches the scheduler */
  int64_t poll_max;     /* ps: longest adaptive polling; 0: none */
  int64_t poll_start;   /* ps: its first value when it grows */
  int64_t io_batch;     /* requests handed to the kernel together */
  int64_t io_wakeup;    /* cycles: return from ppoll(), with the eventfd read */
  int64_t io_sleep;     /* cycles: into ppoll() */
  int64_t io_virtio;    /* cycles: chain to request */
  int64_t io_block;     /* cycles: QEMU's block layer, a request */
  int64_t io_submit;    /* cycles: system call, a batch */
  int64_t io_kernel;    /* cycles: kernel's block layer and driver, a request */
  int64_t io_interrupt; /* cycles: the kernel's completion of a request */
  int64_t io_complete;  /* cycles: QEMU's completion of a request */
  int64_t io_used;      /* cycles: status and used entry */
  int64_t io_signal;    /* cycles: write() to the eventfd, and irqfd */
};

extern const struct hd_param_table vhost_block_param_table;

/* NULL, or why these values do not go together. */
const char *vhost_block_params_refused(const struct vhost_block_params *p);

#endif
