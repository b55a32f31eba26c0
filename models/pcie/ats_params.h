/*
 * ats_params.h - section "ats": address translation services of the devices
 * (PCIe Base 5.0, chapter 10).
 */
#ifndef HD_MODELS_PCIE_ATS_PARAMS_H
#define HD_MODELS_PCIE_ATS_PARAMS_H

#include "sim/engine/param.h"

struct ats_params {
  bool enabled;           /* in every device and, by its host, in the IOMMU */
  int64_t entries, ways;  /* of a device's cache; ways 0: full */
  int64_t lookup_latency; /* ps: a device's look-up, of hits and misses */
  int64_t requests;       /* Translation Requests outstanding, by device */
};

extern const struct hd_param_table ats_param_table;

#endif
