/*
 * block_params.h - block jobs as fio has them, and what block requests cost a
 * guest.
 */
#ifndef HD_MODELS_WORKLOAD_BLOCK_PARAMS_H
#define HD_MODELS_WORKLOAD_BLOCK_PARAMS_H

#include "sim/engine/param.h"

enum block_pattern {
  BLOCK_SEQUENTIAL_READ,
  BLOCK_SEQUENTIAL_WRITE,
  BLOCK_RANDOM_READ,
  BLOCK_RANDOM_WRITE,
  BLOCK_SEQUENTIAL_MIXED,
  BLOCK_RANDOM_MIXED
};

enum block_completion { BLOCK_INTERRUPT, BLOCK_POLL };

/* fio --rw=RW --bs=BS --iodepth=D --numjobs=N ... */
struct block_jobs_params {
  int rw;     /* enum block_pattern */
  int64_t bs; /* bytes of a request */
  int64_t iodepth, numjobs;
  int64_t iodepth_batch; /* requests a call submits at most; 0: no limit */
  double rwmixread;      /* share of reads, if mixed */
  int64_t size;          /* bytes of the device that are used; 0: all */
  int64_t rate_iops;   /* reads and writes a second of each job; 0: no limit */
  int64_t flush_every; /* writes of a job between flushes; 0: none */
  int completion;      /* enum block_completion */
};
extern const struct hd_param_table block_jobs_param_table;

/* NULL, or why jobs cannot run like this on a device of so many blocks of 512 B
 * whose largest command is max_transfer bytes (0: any). */
const char *block_jobs_refused(const struct block_jobs_params *p,
                               uint64_t blocks, int64_t max_transfer);

/* Section "guest_block": costs of block requests in cycles, and the NVMe
 * driver. */
struct guest_block_params {
  int64_t submit_syscall;   /* per call that submits */
  int64_t submit_request;   /* per request: file, block layer */
  int64_t submit_driver;    /* per request: command, tag, DMA mapping */
  int64_t complete_driver;  /* per completion entry */
  int64_t complete_request; /* per request: block layer, wake-up */
  int64_t reap_syscall;     /* per call that reaps */
  int64_t application;      /* per request, in the application */
  int64_t interrupt;        /* per interrupt, besides the CPU's entry */
  int64_t plug;       /* requests of a call that are posted together at most */
  int64_t poll_empty; /* a poll that finds nothing */
  int64_t nvme_ring;  /* entries of each queue */
  int64_t nvme_boot_traps;     /* trapped accesses of the start: configuration
                                  space */
  int64_t nvme_vector_traps;   /* the same per vector */
  int64_t nvme_registers;      /* accesses to the controller's registers */
  int64_t nvme_commands;       /* administration commands of the start */
  int64_t nvme_queue_commands; /* the same per queue pair */
  int64_t nvme_boot_cycles;
};
extern const struct hd_param_table guest_block_param_table;

#endif
