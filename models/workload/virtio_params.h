/*
 * virtio_params.h - section "virtio": a guest's virtio device and its driver.
 */
#ifndef HD_MODELS_WORKLOAD_VIRTIO_PARAMS_H
#define HD_MODELS_WORKLOAD_VIRTIO_PARAMS_H

#include "sim/engine/param.h"

struct virtio_params {
  int64_t ring_size; /* entries of each queue; split: a power of two */
  /* What the device offers; the driver accepts all it can use. */
  bool packed, indirect, event_idx, in_order, mergeable, control_queue;
  bool inline_header; /* header and frame in one descriptor, where the buffer's
                         headroom allows */
  /* The driver's costs, cycles. */
  int64_t transmit;       /* transmit function, per packet */
  int64_t add_descriptor; /* per descriptor of a chain, direct or in a table */
  int64_t indirect_table; /* per table, allocated and freed */
  int64_t kick_prepare;   /* per publishing of chains */
  int64_t callback;       /* per enabling of used buffer notifications */
  int64_t take_used;      /* per used element */
  int64_t free_packet;    /* per transmitted packet, besides take_used */
  int64_t receive;        /* per received packet, besides take_used */
  int64_t refill_buffer;  /* per receive buffer given to the device */
  /* The driver's start. */
  int64_t boot_traps, queue_traps, vector_traps; /* trapped accesses: per
                                                    device, queue, vector */
  int64_t boot_cycles;
};
extern const struct hd_param_table virtio_param_table;

/* NULL, or why a guest with so many queue pairs cannot have such a device. */
const char *virtio_params_refused(const struct virtio_params *p,
                                  int64_t queue_pairs);

#endif
