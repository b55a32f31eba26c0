/*
 * vhost_params.c - defaults of section "vhost".
 *
 * Sums at 3 GHz, against public figures (from memory): vhost-net takes 0.7 to
 * 1.2 us a packet: sending 250 + 600 + 700 + 600 + 50 cycles, doorbell 300,
 * copy of 1500 B 150, 1/64 of a batch 20: 0.89 us; receiving in the worker 350
 * + 250 + 50 + 150: 0.27 us, and 0.45 us before it in the NAPI thread.
 * vhost-user takes 80 to 150 ns: 120 + 60 + 60 cycles and the copy of 64 to
 * 1500 B, 5 to 120: 82 to 120 ns. A batch of 64 instead of 1 saves 1180 of 3800
 * cycles: + 44 % (LKML, batching series: + 26 to + 45 %).
 */
#include "models/vhost/vhost_params.h"

#define FIELD(f) offsetof(struct vhost_params, f)
#define COST(f) #f, HD_PARAM_CYCLES, FIELD(f)
#define COUNT(f) #f, HD_PARAM_INT, FIELD(f)
#define TIME(f) #f, HD_PARAM_TIME, FIELD(f)
#define REAL(f) #f, HD_PARAM_REAL, FIELD(f)
#define CYCLES_MAX "1000000 cycles"
#define MEMORY "estimated from memory"
#define NET_SUM                                                                \
  "estimated from memory, so that vhost-net takes 0.7 to 1.2 us a packet"
#define USER_SUM                                                               \
  "estimated from memory, so that vhost-user takes 80 to 150 ns a packet"
#define LINUX "Linux, drivers/vhost: from memory"

static const struct hd_param params[] = {
    {COUNT(tx_ring), "256", "8", "8160", NULL,
     "descriptors of a transmit ring of the host", "ice driver: ice.h"},
    {COUNT(rx_ring), "2048", "64", "8160", NULL,
     "descriptors of a receive ring of the host", "ice driver: ice.h"},
    {COST(thread_switch), "2500 cycles", "0 cycles", CYCLES_MAX, NULL,
     "context switch to a host thread", MEMORY ", as guest.thread_switch"},
    {COST(clean_descriptor), "50 cycles", "0 cycles", CYCLES_MAX, NULL,
     "freeing a completed transmit descriptor of the host", MEMORY},
    {COST(log_page), "60 cycles", "0 cycles", CYCLES_MAX, NULL,
     "setting a page's bit in the dirty log, while its guest migrates",
     MEMORY ": log_write(), an atomic bit in a mapped page"},

    {COUNT(net_queues), "8", "1", "255", NULL,
     "vhost-net: queue pairs of the host per port, each with a NAPI thread",
     "free choice; ice takes one a core, up to 64"},
    {TIME(itr), "50 us", "0 ns", "8160 us", NULL,
     "vhost-net: interrupt throttling of these queues", "ice_txrx.h, default"},
    {COUNT(tun_queue), "1000", "1", "1000000", NULL,
     "vhost-net: packets that a tap queue holds; more are dropped",
     "Linux: txqueuelen of a tap device"},
    {COUNT(qdisc), "1000", "0", "1000000", NULL,
     "vhost-net: packets waiting for a full transmit ring; more are dropped",
     "Linux: txqueuelen of an Ethernet device"},
    {COUNT(batch), "64", "1", "1024", NULL,
     "vhost-net: packets handed to the tap device, or returned, together",
     "Linux: VHOST_NET_BATCH"},
    {COUNT(weight_packets), "256", "1", "1000000", NULL,
     "vhost-net: packets after which a work item is queued again",
     "Linux: VHOST_NET_PKT_WEIGHT"},
    {"weight_bytes", HD_PARAM_SIZE, FIELD(weight_bytes), "512 KiB", "2 KiB",
     "1 GiB", NULL, "vhost-net: the same in bytes",
     "Linux: VHOST_NET_WEIGHT, 0x80000"},
    {TIME(busyloop_timeout), "0 ns", "0 ns", "10 ms", NULL,
     "vhost-net: the worker polls so long before it sleeps",
     "Linux: VHOST_SET_VRING_BUSYLOOP_TIMEOUT, off by default"},
    {TIME(kick_latency), "100 ns", "1 ns", "1 ms", NULL,
     "vhost-net: from the end of the kick's exit to the worker's wake-up",
     MEMORY ": work list and wake-up, on top of cpu.exit_kick; the scheduler's "
            "own times follow"},
    {COST(work), "300 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-net: a work item: locks, notifications off and on", MEMORY},
    {COST(descriptor), "250 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-net: taking a chain from the ring and translating it", NET_SUM},
    {REAL(copy_per_byte), "0.1", "0", "100", NULL,
     "vhost-net: cycles to copy a byte between guest and host",
     MEMORY ": 30 GB/s at 3 GHz"},
    {COST(send_batch), "1200 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-net: handing a batch to the tap device",
     "derived: batches of 64 gain 26 to 45 % of packets a second (LKML)"},
    {COST(tun_send), "700 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-net: a packet through the tap device: packet buffer, headers",
     NET_SUM},
    {COST(bridge), "600 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-net: receive path and bridge, per packet, either way", NET_SUM},
    {COST(transmit), "550 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-net: queueing discipline and NIC driver, per packet sent; the "
     "doorbell is cpu.mmio_write_cost",
     NET_SUM},
    {COST(used), "50 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-net: writing a used entry", NET_SUM},
    {COST(napi_entry), "800 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-net: a poll of the NIC driver", MEMORY ", as guest.napi_entry"},
    {COUNT(napi_budget), "64", "1", "1000", NULL,
     "vhost-net: packets of a poll", "Linux: NAPI_POLL_WEIGHT"},
    {COST(receive), "450 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-net: NIC driver per packet received, with its new buffer",
     NET_SUM ", both threads together"},
    {COST(tun_enqueue), "250 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-net: a packet into the tap queue",
     NET_SUM ", both threads together"},
    {COST(tun_wake), "600 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-net: waking the worker, once a poll", MEMORY},
    {COST(tun_receive), "350 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-net: a packet from the tap queue, without the copy",
     NET_SUM ", both threads together"},
    {COST(signal), "1000 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-net: eventfd signal and irqfd: interrupt routing, posting", MEMORY},

    {COUNT(pmd_cores), "2", "1", "1024", NULL,
     "vhost-user: poll-mode threads, each with a core of its own",
     "free choice; OVS-DPDK's default is one a NUMA node, from memory"},
    {COUNT(user_burst), "32", "1", "1024", NULL,
     "vhost-user: packets of a queue handled together",
     "DPDK: MAX_PKT_BURST, NETDEV_MAX_BURST, from memory"},
    {COST(user_poll), "40 cycles", "1 cycles", CYCLES_MAX, NULL,
     "vhost-user: polling a queue, found empty or not", MEMORY},
    {COST(user_descriptor), "120 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-user: a chain of the ring, taken and given back", USER_SUM},
    {REAL(user_copy_per_byte), "0.08", "0", "100", NULL,
     "vhost-user: cycles to copy a byte between guest and host",
     MEMORY ": 37 GB/s at 3 GHz, with vector instructions"},
    {COST(user_forward), "60 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-user: look-up of the destination, per packet", USER_SUM},
    {COST(user_transmit), "60 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-user: NIC's poll-mode driver, per packet sent; the doorbell of a "
     "burst is cpu.mmio_write_cost",
     USER_SUM},
    {COST(user_receive), "60 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-user: NIC's poll-mode driver, per packet received", USER_SUM},
    {COST(user_signal), "1500 cycles", "0 cycles", CYCLES_MAX, NULL,
     "vhost-user: write() to the eventfd, and irqfd", MEMORY},

    {"relay_shared", HD_PARAM_BOOL, FIELD(relay_shared), "true", NULL, NULL,
     NULL, "Un-IOV: one relay thread for all guests; false: one a guest",
     "DPDK's ifc driver has one a device; free choice"},
    {COST(relay_wakeup), "1500 cycles", "0 cycles", CYCLES_MAX, NULL,
     "Un-IOV: the relay thread's return from epoll_wait()", MEMORY},
    {COST(relay_kick), "900 cycles", "0 cycles", CYCLES_MAX, NULL,
     "Un-IOV: read() of a kick's eventfd; the doorbell is cpu.mmio_write_cost",
     MEMORY},
    {0}};

const struct hd_param_table vhost_param_table = {
    "vhost", "Software back ends of the host: vhost-net, vhost-user, relay",
    params};

const char *vhost_params_refused(const struct vhost_params *p)
{
  if (p->batch > p->tun_queue)
    return "a batch is larger than the tap queue";
  if (p->user_burst > p->rx_ring || p->user_burst > p->tx_ring)
    return "a burst is larger than the host's rings";
  return NULL;
}
