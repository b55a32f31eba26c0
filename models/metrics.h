/*
 * metrics.h - the columns of summary.csv, in their order, with what they mean.
 *
 * All are within the measurement window. A metric that does not apply is NaN
 * and is written as NA. Group rows: sums or distributions over the group's
 * guests; device and fabric metrics stand in the row `all` only.
 */
#ifndef HD_MODELS_METRICS_H
#define HD_MODELS_METRICS_H

/* X(name, meaning) */
#define METRICS(X)                                                             \
  X(tx_goodput_gbps, "payload that guests sent and the client, or a peer, "    \
                     "received")                                               \
  X(rx_goodput_gbps,                                                           \
    "payload that guests received; in the row `all` not what "                 \
    "other guests sent")                                                       \
  X(tx_pps, "packets of tx_goodput_gbps")                                      \
  X(rx_pps, "packets of rx_goodput_gbps")                                      \
  X(requests_per_s, "requests answered")                                       \
  X(latency_min_ns, "least")                                                   \
  X(latency_mean_ns, "of requests (round trip) or datagrams (one way)")        \
  X(latency_p50_ns, "median")                                                  \
  X(latency_p90_ns, "90th percentile")                                         \
  X(latency_p95_ns, "95th percentile")                                         \
  X(latency_p99_ns, "99th percentile")                                         \
  X(latency_p999_ns, "99.9th percentile")                                      \
  X(latency_max_ns, "greatest")                                                \
  X(drops, "packets dropped, for whatever reason")                             \
  X(vm_exits_per_s, "VM exits")                                                \
  X(interrupts_per_s, "interrupts delivered to guests")                        \
  X(host_cpu_cores, "host cores busy on behalf of guests: exits, polling")     \
  X(guest_cpu_cores, "host cores running guest code")                          \
  X(iotlb_hit_ratio, "look-ups that found their page")                         \
  X(pcie_up_utilization, "device to host, share of the raw rate")              \
  X(pcie_down_utilization, "host to device, share of the raw rate")            \
  X(fairness_jain, "Jain's index of goodput over guests; 1 is equal")          \
  X(vm_goodput_min_gbps, "the guest with the least goodput")                   \
  X(vm_goodput_max_gbps, "the guest with the most goodput")                    \
  X(offered_gbps, "payload that workloads ask to send; inf: no limit")         \
  X(sending_core_utilization, "busiest vCPU of each guest, mean over guests")  \
  X(wire_tx_utilization, "server to client, with preamble and gap")            \
  X(wire_rx_utilization, "client to server")                                   \
  X(tx_buffer_mean_bytes, "device's transmit buffer")                          \
  X(device_queue_mean, "packets announced and not yet completed")              \
  X(doorbells_per_s, "doorbell writes")                                        \
  X(descriptor_fetches_per_s, "reads of descriptors")                          \
  X(write_backs_per_s, "writes of completed descriptors")                      \
  X(pcie_tags_mean, "read requests outstanding")                               \
  X(pcie_read_latency_mean_ns, "read request to last completion")              \
  X(pcie_replays, "TLPs sent again")                                           \
  X(pcie_credit_stall_ratio, "share of time that TLPs waited for credits")     \
  X(iommu_lookups_per_s, "translations asked for")                             \
  X(iommu_walks_per_s, "page walks")                                           \
  X(iommu_walk_mean_ns, "duration of a walk")                                  \
  X(iommu_walkers_busy, "mean walkers at work in the busiest unit")            \
  X(iommu_faults, "requests blocked since the start")                          \
  X(llc_hit_ratio, "lines of device accesses found in the cache")              \
  X(dram_utilization, "share of the channels' rate")                           \
  X(interrupts_coalesced_per_s, "posted while a notification was out")         \
  X(interrupts_host_per_s, "delivered by the host instead of posted")          \
  X(sched_wait_mean_ns, "runnable vCPU waits for a core")                      \
  X(preemptions_per_s, "vCPUs that lost their core to another")                \
  X(page_faults, "lazily mapped device pages, since the start")                \
  X(dma_gbps, "DMA benchmark: payload; of one direction in a mix")             \
  X(dma_per_s, "DMA benchmark: transfers; of one direction in a mix")          \
  X(interrupt_notifications_per_s, "interrupt benchmark: interrupts that "     \
                                   "cores entered for")                        \
  X(requests_per_disk, "interrupt benchmark: requests a second of each drive") \
  X(setup_ms, "creation of all devices to start of the workloads")             \
  X(read_gbps, "block data read")                                              \
  X(write_gbps, "block data written")                                          \
  X(request_errors, "block or accelerator requests that failed")               \
  X(service_cpu_cores, "host threads that serve guests; part of "              \
                       "host_cpu_cores")                                       \
  X(host_cores_per_100kpps, "host cores for 100,000 packets or requests a "    \
                            "second")                                          \
  X(kicks_per_s, "virtio notifications that left the guest by an exit")        \
  X(accelerator_in_gbps, "data that accelerators took for finished requests")  \
  X(accelerator_out_gbps, "results of these")                                  \
  X(engine_utilization, "accelerators: busiest kind of slices, or firmware")   \
  X(media_utilization, "dies of the drives or of the accelerator's media")     \
  X(silence_max_ms, "longest time without a packet of a guest at the client")  \
  X(packets_lost, "gaps in the sequence numbers at the client")                \
  X(migration_completed, "live migration: 1: the VM runs at the destination")  \
  X(migration_total_ms, "live migration: start to end")                        \
  X(migration_rounds, "rounds of pre-copy")                                    \
  X(migration_gib, "sent, with headers and device state")                      \
  X(migration_dirty_gbps, "memory found dirty, mean over the rounds")          \
  X(migration_drops, "frames for the VM that stopped back ends have dropped")  \
  X(downtime_ms, "the VM stood still")                                         \
  X(downtime_stop_ms, "of it: stopping the vCPUs")                             \
  X(downtime_suspend_ms, "suspending the device")                              \
  X(downtime_state_ms, "reading, sending and loading its state")               \
  X(downtime_copy_ms, "the last pages")                                        \
  X(downtime_create_ms, "queues and configuration at the destination")         \
  X(downtime_resume_ms, "resuming device and vCPUs")                           \
  X(downtime_destination_ms, "creation and resumption together")               \
  X(migration_thread_cores, "migration threads, mean over the window")         \
  X(migration_relay_cores, "relay of used rings, mean over the window")        \
  X(starts, "life cycle: starts that were made")                               \
  X(start_mean_ms, "a start, from being asked for until its queues run")       \
  X(start_p50_ms, "median")                                                    \
  X(start_p99_ms, "99th percentile")                                           \
  X(start_span_ms, "first start asked for until the last is ready")            \
  X(start_lock_share, "share of the starts' time waiting for the lock of the " \
                      "VFIO device set")                                       \
  X(start_admin_share, "for the administration queue, own commands")           \
  X(start_driver_share, "for the host's network driver to take a message")     \
  X(start_memory_share, "for memory while pages are zeroed")                   \
  X(start_core_share, "for a core")                                            \
  X(stop_mean_ms, "closing the device again")                                  \
  X(connections_per_s, "TCP connections that came to stand")                   \
  X(retransmissions, "TCP segments sent again, by guests and clients")         \
  X(latency_stddev_ns, "standard deviation")                                   \
  X(atc_hit_ratio, "devices' look-ups that found their translation")           \
  X(ats_requests_per_s, "Translation Requests of devices")                     \
  X(ats_request_mean_ns, "Translation Request to its completion")              \
  X(ats_refused, "parts of transfers that got no translation")

enum metric {
#define X(name, meaning) METRIC_##name,
  METRICS(X)
#undef X
      METRIC_COUNT
};

extern const char *const metric_names[METRIC_COUNT];
extern const char *const metric_meanings[METRIC_COUNT];

#endif
