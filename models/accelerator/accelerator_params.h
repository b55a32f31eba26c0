/* accelerator_params.h - section "accelerator": a QAT 4xxx-like device. */
#ifndef HD_MODELS_ACCELERATOR_ACCELERATOR_PARAMS_H
#define HD_MODELS_ACCELERATOR_ACCELERATOR_PARAMS_H

#include "sim/engine/param.h"

struct accelerator_params {
  int64_t endpoints; /* like devices; guests take turns at them */
  /* what each has to share */
  int64_t banks, pf_banks;    /* ring banks; kept by the host, without SR-IOV */
  int64_t virtual_functions;  /* SR-IOV */
  int64_t banks_per_function; /* ring banks of each */
  int64_t vectors, pf_vectors; /* MSI-X of the physical function */
  int64_t max_request;         /* bytes of source */

  /* rings */
  int64_t clock;             /* Hz: arbiter, engines, slices */
  int64_t register_latency;  /* ps: register write to its effect */
  int64_t arbitration_burst; /* requests a bank may have fetched per turn */
  int64_t fetches;           /* reads of request entries under way */
  int64_t fetch_cycles;      /* arbiter: between two fetches */
  int64_t dma_window;        /* bytes of data under way, each direction */
  int64_t coalesce_time;     /* ps: the first response waits so long */
  int64_t coalesce_count;    /* responses that make it wait no longer; 0: off */
  int64_t admin_cost;        /* ps: execution of an admin command */

  /* engines: processors that run the firmware, each with hardware threads */
  int64_t sym_engines, asym_engines, dc_engines;
  int64_t sym_threads, asym_threads, dc_threads; /* of each engine */
  int64_t sym_cycles, asym_cycles, dc_cycles;    /* firmware, per request */

  /* slices: the units that calculate */
  int64_t wide_cipher_slices, cipher_slices, hash_slices, key_slices;
  int64_t compress_slices, translate_slices, verify_slices;
  int64_t slice_cycles; /* set-up of a slice for a request */

  /* rates of one slice, bit/s of source */
  int64_t aes_xts_rate, aes_cbc_rate, sha512_rate;
  int64_t deflate_1_rate, deflate_2_rate, lz4_1_rate, lz4_9_rate;
  int64_t translate_rate, verify_rate;

  /* times of a key slice, ps */
  int64_t rsa_1k_time, rsa_2k_time, rsa_4k_time, dh_2k_time, dh_4k_time;
  int64_t dsa_1k_time, ecdsa_384_time;

  /* compressed size over source size */
  double deflate_static_ratio, deflate_dynamic_ratio, lz4_ratio;
};

extern const struct hd_param_table accelerator_param_table;

/* NULL, or what is wrong with values that are in range one by one. */
const char *accelerator_params_problem(const struct accelerator_params *p);

#endif
