/* virtio_device_params.h - section "virtio_device": a virtio accelerator. */
#ifndef HD_MODELS_VIRTIO_DEVICE_VIRTIO_DEVICE_PARAMS_H
#define HD_MODELS_VIRTIO_DEVICE_VIRTIO_DEVICE_PARAMS_H

#include "sim/engine/param.h"

struct virtio_device_params {
  /* what there is to share */
  int64_t functions, pf_functions; /* virtio functions, the host's share */
  int64_t queues, pf_queues;       /* virtqueues, of either direction */
  int64_t vectors, pf_vectors;     /* MSI-X */

  /* rings */
  int64_t avail_fetch;      /* available entries a read fetches at most */
  int64_t descriptor_fetch; /* consecutive descriptors of a read at most */
  int64_t chain_cache;      /* fetched and unused chains a queue holds */
  int64_t chain_fetch;      /* chains a queue fetches at a time at most */
  int64_t max_buffers;      /* longest chain */
  int64_t ring_reads;       /* reads of ring structures under way */
  int64_t used_batch;       /* used entries written together */
  int64_t used_timer;       /* ps: a used entry waits at most; 0: not at all */
  bool in_order_batch;      /* IN_ORDER: one used entry for many chains */

  /* engines */
  int64_t clock;            /* Hz of the pipeline */
  int64_t tx_buffer;        /* bytes of packets: read, waiting, being sent */
  int64_t rx_buffer;        /* bytes of received frames waiting for DMA */
  int64_t quantum;          /* bytes a queue may send per scheduler turn */
  int64_t schedule_cycles;  /* between two decisions */
  int64_t packet_cycles;    /* pipeline: per packet or request (throughput) */
  int64_t pipeline_latency; /* ps: parse, edit, checksum (latency only) */
  int64_t requests;         /* block: requests inside */
  int64_t dma_window;       /* block: bytes of payload under way, a direction */

  /* interrupts, registers */
  int64_t
      coalesce_packets;  /* moderation: used buffers an interrupt waits for */
  int64_t coalesce_time; /* ps: the oldest waits at most; 0: off */
  int64_t doorbell_latency; /* ps: register decode to queue state */
  int64_t admin_cost;       /* ps: execution of an administration command */
  int64_t dirty_interval;   /* ps: a logged page waits at most */
};

extern const struct hd_param_table virtio_device_param_table;

/* NULL, or what is wrong with values that are in range one by one. */
const char *virtio_device_params_problem(const struct virtio_device_params *p);

#endif
