/*
 * virtio_device_params.c - section "virtio_device"; defaults: a virtio
 * accelerator of the class of Intel's IPU E2000, NVIDIA's BlueField virtio-net
 * and virtio-blk, and FPGA cards of the IFC kind.
 *
 * Little of these devices is public. Where section "nic" has a value of the
 * same meaning it is taken from there, so that plain SR-IOV and the accelerator
 * differ in what the ring format makes different.
 */
#include "models/virtio_device/virtio_device_params.h"

#define FIELD(f) offsetof(struct virtio_device_params, f)

#define GAP "not public; "
#define AS_NIC "estimated from memory; the same as nic."

static const struct hd_param params[] = {
    /* what there is to share */
    {"functions", HD_PARAM_INT, FIELD(functions), "1024", "1", "65535", NULL,
     "Virtio functions of the device, physical and virtual ones",
     GAP "about a thousand in the class; estimated from memory, unverified"},
    {"pf_functions", HD_PARAM_INT, FIELD(pf_functions), "1", "0", "65535", NULL,
     "Functions the host keeps", "derived: the physical function"},
    {"queues", HD_PARAM_INT, FIELD(queues), "4096", "1", "65535", NULL,
     "Virtqueues (doorbell pages), both directions and control queues",
     GAP "four a function, a pair with its control queue and one more; "
         "estimated from memory"},
    {"pf_queues", HD_PARAM_INT, FIELD(pf_queues), "64", "0", "65535", NULL,
     "Virtqueues the host's own driver takes", AS_NIC "pf_queues"},
    {"vectors", HD_PARAM_INT, FIELD(vectors), "4096", "1", "65536", NULL,
     "MSI-X vectors", GAP "one per virtqueue; estimated from memory"},
    {"pf_vectors", HD_PARAM_INT, FIELD(pf_vectors), "64", "0", "65536", NULL,
     "MSI-X vectors the host's own driver takes", AS_NIC "pf_vectors"},

    /* rings */
    {"avail_fetch", HD_PARAM_INT, FIELD(avail_fetch), "32", "1", "256", NULL,
     "Available-ring entries one read fetches at most",
     GAP "a cache line of 2 B entries; estimated from memory"},
    {"descriptor_fetch", HD_PARAM_INT, FIELD(descriptor_fetch), "32", "1",
     "256", NULL, "Consecutive descriptors one read fetches at most",
     AS_NIC "descriptor_fetch"},
    {"chain_cache", HD_PARAM_INT, FIELD(chain_cache), "64", "1", "32768", NULL,
     "Fetched and unused chains a queue holds", AS_NIC "descriptor_cache"},
    {"chain_fetch", HD_PARAM_INT, FIELD(chain_fetch), "32", "1", "256", NULL,
     "Chains a queue fetches at a time at most", AS_NIC "descriptor_fetch"},
    {"max_buffers", HD_PARAM_INT, FIELD(max_buffers), "130", "1", "1024", NULL,
     "Buffers of the longest chain the device accepts",
     "derived: header, status and 128 segments, Linux' virtio-blk on QEMU "
     "(seg_max 126 and more); from memory"},
    {"ring_reads", HD_PARAM_INT, FIELD(ring_reads), "256", "1", "65535", NULL,
     "Reads of ring structures under way",
     GAP "a third of the tags of section pcie; estimated from memory"},
    {"used_batch", HD_PARAM_INT, FIELD(used_batch), "8", "1", "256", NULL,
     "Used entries that are written without waiting for used_timer",
     AS_NIC "write_back_batch"},
    {"used_timer", HD_PARAM_TIME, FIELD(used_timer), "0 ns", "0 ns", "10 ms",
     NULL,
     "A used entry waits at most this long for its batch; 0: written as soon "
     "as the last interrupt decision of its queue has been made",
     GAP "a driver has no register to ask for entries, so they do not wait; "
         "estimated from memory"},
    {"in_order_batch", HD_PARAM_BOOL, FIELD(in_order_batch), "true", NULL, NULL,
     NULL, "With IN_ORDER, one used entry stands for many chains",
     "virtio 1.2, 2.7.9 and 2.8.8 allow it"},

    /* engines */
    {"clock", HD_PARAM_FREQUENCY, FIELD(clock), "1 GHz", "1 MHz", "10 GHz",
     NULL, "Clock of the pipeline",
     AS_NIC "clock; FPGA cards run at a quarter"},
    {"tx_buffer", HD_PARAM_SIZE, FIELD(tx_buffer), "64 KiB", "2 KiB", "64 MiB",
     NULL, "Packet data being read, waiting or being sent", AS_NIC "tx_buffer"},
    {"rx_buffer", HD_PARAM_SIZE, FIELD(rx_buffer), "1 MiB", "2 KiB", "256 MiB",
     NULL, "Received frames waiting for buffers or DMA", AS_NIC "rx_buffer"},
    {"quantum", HD_PARAM_SIZE, FIELD(quantum), "1024 B", "64 B", "1 MiB", NULL,
     "Bytes a function, and a queue in it, may send per scheduler turn",
     AS_NIC "quantum"},
    {"schedule_cycles", HD_PARAM_CYCLES, FIELD(schedule_cycles), "5", "0",
     "100000", NULL, "Scheduler's time between two decisions",
     AS_NIC "schedule_cycles"},
    {"packet_cycles", HD_PARAM_CYCLES, FIELD(packet_cycles), "5", "0", "100000",
     NULL, "Pipeline's time per packet, sent or received, or block request",
     AS_NIC "packet_cycles"},
    {"pipeline_latency", HD_PARAM_TIME, FIELD(pipeline_latency), "300 ns",
     "0 ns", "1 ms", NULL, "Parse, edit and checksum; latency only",
     AS_NIC "pipeline_latency"},
    {"requests", HD_PARAM_INT, FIELD(requests), "2048", "1", "65535", NULL,
     "Block requests inside the device; others wait in their rings",
     "estimated from memory; the same as storage.commands"},
    {"dma_window", HD_PARAM_SIZE, FIELD(dma_window), "64 KiB", "4 KiB",
     "64 MiB", NULL, "Block payload under way to or from the host",
     "estimated from memory; the same as storage.dma_window"},

    /* interrupts, registers */
    {"coalesce_packets", HD_PARAM_INT, FIELD(coalesce_packets), "64", "1",
     "65535", NULL, "Moderation: used buffers an interrupt waits for",
     "virtio 1.2, 5.1.6.5.9 names no default; estimated from memory"},
    {"coalesce_time", HD_PARAM_TIME, FIELD(coalesce_time), "0 ns", "0 ns",
     "10 ms", NULL,
     "Moderation: a used buffer waits at most this long for its interrupt; 0: "
     "off",
     "virtio 1.2, 5.1.6.5.9: off until the driver asks (NOTF_COAL)"},
    {"doorbell_latency", HD_PARAM_TIME, FIELD(doorbell_latency), "20 ns",
     "0 ns", "100 us", NULL, "From a register write's arrival to its effect",
     AS_NIC "doorbell_latency"},
    {"admin_cost", HD_PARAM_TIME, FIELD(admin_cost), "40 us", "0 ns", "1 s",
     NULL, "Execution of an administration command", AS_NIC "admin_cost"},
    {"dirty_interval", HD_PARAM_TIME, FIELD(dirty_interval), "100 us", "1 us",
     "1 s", NULL, "A page in the dirty log is reported at the latest",
     GAP "short against a round of pre-copy; free choice"},
    {0}};

const struct hd_param_table virtio_device_param_table = {
    "virtio_device", "The virtio accelerator: rings served by hardware",
    params};

const char *virtio_device_params_problem(const struct virtio_device_params *p)
{
  if (p->pf_functions >= p->functions)
    return "virtio_device.pf_functions must be less than functions";
  return NULL;
}
