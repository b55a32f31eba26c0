/* hypervisor_params.h - section "hypervisor": what it costs to make, open and
 * map virtual devices. */
#ifndef HD_MODELS_HYPERVISOR_PARAMS_H
#define HD_MODELS_HYPERVISOR_PARAMS_H

#include "sim/engine/param.h"

struct hypervisor_params {
  int64_t trap_cost;        /* ps: VDCM or QEMU emulates one register access */
  int64_t relay_cost;       /* ps: Un-IOV passes one of them on to the device */
  bool relay_kicks;         /* Un-IOV: doorbells cannot be mapped into guests */
  int64_t flr_wait;         /* ps: fixed sleep of a function-level reset */
  int64_t vsi_reset_poll;   /* ps: between polls of an interface's reset */
  int64_t admin_poll;       /* ps: between polls of the admin queue */
  int64_t vfio_open_cost;   /* ps: opening a device, without resets */
  int64_t pin_cost;         /* ps: pin and map one page of guest memory */
  int64_t vdcm_create_cost; /* ps: composing a virtual device */
};

extern const struct hd_param_table hypervisor_param_table;

#endif
