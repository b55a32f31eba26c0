/*
 * accelerator_jobs.h - what a guest asks of an accelerator: section
 * "accelerator_jobs", like cpa_sample_code's performance tests.
 *
 * Each thread has a ring bank and keeps `window` requests outstanding, put in
 * batches. It either polls for responses, or sleeps until the bank's interrupt.
 * Synchronous use is a window of 1 with interrupts.
 */
#ifndef HD_MODELS_ACCELERATOR_ACCELERATOR_JOBS_H
#define HD_MODELS_ACCELERATOR_ACCELERATOR_JOBS_H

#include "models/accelerator/request.h"
#include "sim/engine/param.h"

enum accelerator_completion { ACCELERATOR_POLL, ACCELERATOR_INTERRUPT };

/* Sizes of requests. */
enum accelerator_mix {
  ACCELERATOR_FIXED, /* all of `size` */
  ACCELERATOR_EQUAL, /* 64, 256, 1024 and 4096 B, as often each */
  ACCELERATOR_IMIX   /* 40 % 64, 20 % 752, 35 % 1504, 5 % 8892 B */
};

struct accelerator_jobs_params {
  int algorithm; /* enum accelerator_algorithm */
  int64_t size;  /* bytes of source; ignored if the algorithm's is fixed */
  int mix;       /* enum accelerator_mix */
  int64_t threads, window, batch, ring;
  int64_t pieces;          /* of a buffer's scatter list; 0: flat */
  int completion;          /* enum accelerator_completion */
  int64_t submit_cycles;   /* of the core, per request */
  int64_t complete_cycles; /* per response */
  int64_t poll_cycles;     /* per look at the response ring */
  int64_t wake_cycles; /* per interrupt: handler and wake-up of the thread */
  int64_t head_batch;  /* responses a head write */
};

extern const struct hd_param_table accelerator_jobs_param_table;

/* NULL, or what is wrong with values that are in range one by one. */
const char *accelerator_jobs_problem(const struct accelerator_jobs_params *p);

/* Bytes of the next request's source; `draw` is a random number. */
uint32_t accelerator_jobs_size(const struct accelerator_jobs_params *p,
                               uint64_t draw);
/* The largest that can come out. */
uint32_t accelerator_jobs_largest(const struct accelerator_jobs_params *p);

#endif
