/* storage_params.h - section "storage": an NVMe-like device. */
#ifndef HD_MODELS_STORAGE_STORAGE_PARAMS_H
#define HD_MODELS_STORAGE_STORAGE_PARAMS_H

#include "sim/engine/param.h"

struct storage_params {
  /* the machine's drives, all alike */
  int64_t drives;
  int64_t generation, lanes; /* of each drive's link */

  /* what there is to share */
  int64_t queue_pairs, pf_queue_pairs; /* I/O queue pairs, the host's share */
  int64_t virtual_functions;
  int64_t vectors, pf_vectors; /* MSI-X */
  int64_t capacity;            /* bytes */
  int64_t max_transfer;        /* bytes of a command */

  /* controller */
  int64_t clock;              /* Hz */
  int64_t doorbell_latency;   /* ps: register decode to queue state */
  int64_t arbitration_burst;  /* commands a queue may have fetched per turn */
  int64_t fetches;            /* submission-entry fetches under way */
  int64_t fetch_cycles;       /* arbiter: between two fetches */
  int64_t commands;           /* commands inside the device */
  int64_t command_cycles;     /* pipeline: per command (throughput) */
  int64_t read_overhead;      /* ps: firmware and mapping (latency only) */
  int64_t write_overhead;     /* ps: the same for writes and flushes */
  int64_t dma_window;         /* bytes of payload under way, each direction */
  int64_t coalesce_threshold; /* completions an interrupt; 1: off */
  int64_t coalesce_time;      /* ps: the oldest completion waits at most */
  int64_t admin_cost;         /* ps: execution of an admin command */

  /* store: what is behind the controller */
  int64_t internal_rate;  /* bit/s: all data, both directions; 0: unlimited */
  int64_t cache;          /* bytes of write cache; 0: none */
  int64_t channels, dies; /* dies of each channel */
  int64_t channel_rate;   /* bit/s of each channel's bus */
  int64_t page_size;      /* bytes: what one read of a die fetches */
  int64_t read_time;      /* ps */
  double read_jitter;     /* standard deviation over mean */
  int64_t program_size;   /* bytes: what one program stores */
  int64_t program_time;   /* ps */
  double program_jitter;  /* standard deviation over mean */
  double write_amplification; /* programs per program's worth of data */
};

extern const struct hd_param_table storage_param_table;

/* NULL, or what is wrong with values that are in range one by one. */
const char *storage_params_problem(const struct storage_params *p);

#endif
