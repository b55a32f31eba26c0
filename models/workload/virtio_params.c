/* virtio_params.c - section "virtio". */
#include "models/workload/virtio_params.h"

#define FIELD(f) offsetof(struct virtio_params, f)
#define COST(f) #f, HD_PARAM_CYCLES, FIELD(f)
#define FLAG(f) #f, HD_PARAM_BOOL, FIELD(f)
#define COUNT(f) #f, HD_PARAM_INT, FIELD(f)
#define CYCLES_MAX "1000000 cycles"
#define SEND_SOURCE                                                            \
  "estimated from memory: a datagram sent alone costs the driver 250 cycles, " \
  "as guest.send_driver"
#define RECEIVE_SOURCE                                                         \
  "estimated from memory: a received packet costs the driver 300 cycles, as "  \
  "guest.receive_driver"
#define QEMU "QEMU's default, from memory"

static const struct hd_param params[] = {
    {COUNT(ring_size), "256", "32", "32768", NULL,
     "entries of each virtqueue; a power of two unless packed",
     "QEMU's tx_queue_size and rx_queue_size, from memory"},
    {FLAG(packed), "false", NULL, NULL, NULL,
     "packed virtqueues instead of split ones (VIRTIO_F_RING_PACKED)", QEMU},
    {FLAG(indirect), "true", NULL, NULL, NULL,
     "indirect descriptor tables (VIRTIO_F_INDIRECT_DESC)", QEMU},
    {FLAG(event_idx), "true", NULL, NULL, NULL,
     "notifications at a ring position (VIRTIO_F_EVENT_IDX)", QEMU},
    {FLAG(in_order), "false", NULL, NULL, NULL,
     "buffers are used in order (VIRTIO_F_IN_ORDER)", QEMU},
    {FLAG(mergeable), "true", NULL, NULL, NULL,
     "a received packet may fill several buffers (VIRTIO_NET_F_MRG_RXBUF)",
     QEMU},
    {FLAG(control_queue), "true", NULL, NULL, NULL,
     "control queue (VIRTIO_NET_F_CTRL_VQ), required by several queue pairs",
     QEMU},
    {FLAG(inline_header), "true", NULL, NULL, NULL,
     "header in front of the frame in one descriptor; false: one of its own",
     "Linux: one descriptor when the packet has headroom, from memory"},
    {COST(transmit), "120 cycles", "0 cycles", CYCLES_MAX, NULL,
     "transmit function: header, scatter list, per packet sent", SEND_SOURCE},
    {COST(add_descriptor), "40 cycles", "0 cycles", CYCLES_MAX, NULL,
     "writing a descriptor and its bookkeeping", SEND_SOURCE},
    {COST(indirect_table), "80 cycles", "0 cycles", CYCLES_MAX, NULL,
     "allocating and freeing an indirect table", "estimated from memory"},
    {COST(kick_prepare), "60 cycles", "0 cycles", CYCLES_MAX, NULL,
     "publishing chains: barriers, index, notification check", SEND_SOURCE},
    {COST(callback), "30 cycles", "0 cycles", CYCLES_MAX, NULL,
     "enabling used buffer notifications, with the second look", SEND_SOURCE},
    {COST(take_used), "40 cycles", "0 cycles", CYCLES_MAX, NULL,
     "taking a used element and freeing its descriptors", RECEIVE_SOURCE},
    {COST(free_packet), "60 cycles", "0 cycles", CYCLES_MAX, NULL,
     "freeing a transmitted packet, besides take_used",
     "estimated from memory: 100 cycles with take_used, as "
     "guest.clean_descriptor"},
    {COST(receive), "140 cycles", "0 cycles", CYCLES_MAX, NULL,
     "poll function: header and packet buffer, per received packet",
     RECEIVE_SOURCE},
    {COST(refill_buffer), "120 cycles", "0 cycles", CYCLES_MAX, NULL,
     "allocating a receive buffer and writing its descriptor", RECEIVE_SOURCE},
    {COUNT(boot_traps), "80", "0", "100000", NULL,
     "trapped accesses of the driver's start: configuration space, features, "
     "status, device configuration",
     "estimated from memory: capabilities and BARs 50, negotiation and MAC 30"},
    {COUNT(queue_traps), "10", "0", "100000", NULL,
     "the same per queue: select, size, vector, addresses, enable",
     "estimated from memory: 8 registers of the common configuration, and its "
     "vector written and read back"},
    {COUNT(vector_traps), "4", "0", "100000", NULL,
     "the same per vector: an entry of the MSI-X table",
     "PCI Express: 4 double words"},
    {COST(boot_cycles), "3000000 cycles", "0 cycles", "1000000000000 cycles",
     NULL, "the driver's own work until the device is up",
     "free choice: 1 ms, as guest.boot_cycles"},
    {0}};

const struct hd_param_table virtio_param_table = {
    "virtio", "A guest's virtio device and what its driver costs", params};

const char *virtio_params_refused(const struct virtio_params *p,
                                  int64_t queue_pairs)
{
  if (!p->packed && (p->ring_size & (p->ring_size - 1)) != 0)
    return "the size of split virtqueues is a power of two";
  if (queue_pairs > 1 && !p->control_queue)
    return "several queue pairs need a control queue";
  return NULL;
}
