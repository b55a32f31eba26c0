/* nic_params.h - section "nic": an E810-like device. */
#ifndef HD_MODELS_NIC_PARAMS_H
#define HD_MODELS_NIC_PARAMS_H

#include "sim/engine/param.h"

/* Where assignable interfaces' interrupt messages are. */
enum nic_interrupt_store { NIC_STORE_TABLE, NIC_STORE_DEVICE_MEMORY };

struct nic_params {
  int64_t ports; /* 1 or 2: physical functions, a wire each */
  int64_t clock; /* Hz of the packet pipeline */
  int64_t interfaces, pf_interfaces; /* VSIs, and the host's share */
  int64_t virtual_functions;
  int64_t vectors, pf_vectors, rdma_vectors; /* MSI-X */
  int interrupt_store;                       /* enum nic_interrupt_store */
  int64_t interrupt_messages;                /* of the store */
  int64_t tx_queues, rx_queues, pf_queues;
  int64_t tx_ring, rx_ring; /* descriptors of a guest's rings */
  int64_t descriptor_fetch; /* descriptors a fetch reads at most */
  int64_t descriptor_cache; /* fetched and unused descriptors a queue holds */
  int64_t tx_buffer;        /* bytes of packet data in flight: read, waiting,
                               being sent */
  int64_t rx_buffer;        /* bytes of received frames waiting for DMA */
  int64_t quantum;          /* bytes a queue may send per scheduler turn */
  int64_t schedule_cycles;  /* pipeline: scheduler decision per packet */
  int64_t packet_cycles;    /* pipeline: per packet, tx or rx (throughput) */
  int64_t pipeline_latency; /* ps: parse, edit, checksum (latency only) */
  int64_t bridge_rate;      /* bit/s of frames to interfaces of the same port;
                               0: no bridge, all frames leave */
  int64_t bridge_latency;   /* ps: transmit to receive side */
  int64_t write_back_batch; /* completed descriptors written back together */
  int64_t write_back_timer; /* ps: oldest completion waits at most */
  int64_t itr;              /* ps: interrupt throttling; 0: off */
  int64_t doorbell_latency; /* ps: register decode to queue state */
  int64_t admin_cost;       /* ps: execution of an admin command */
};

extern const struct hd_param_table nic_param_table;

#endif
