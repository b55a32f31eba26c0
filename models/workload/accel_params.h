/* accel_params.h - section "guest_accelerator": the start of a guest's
 * accelerator driver. What requests cost is in section "accelerator_jobs". */
#ifndef HD_MODELS_WORKLOAD_ACCEL_PARAMS_H
#define HD_MODELS_WORKLOAD_ACCEL_PARAMS_H

#include "sim/engine/param.h"

struct guest_accelerator_params {
  int64_t boot_traps; /* trapped accesses: configuration space, emulated BARs */
  int64_t bank_traps; /* the same per ring bank */
  int64_t boot_cycles; /* the driver's own work until the device is up */
};
extern const struct hd_param_table guest_accelerator_param_table;

#endif
