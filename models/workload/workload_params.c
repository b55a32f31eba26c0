#include "models/workload/workload_params.h"

const char *const workload_type_names[] = {
    "udp_stream",       "ping",       "dpdk_forward", "idle", "block_jobs",
    "accelerator_jobs", "web_server", "pcap_replay",  NULL};

/* Payloads end where IP would fragment: 1500 - 20 - 8. */
#define PAYLOAD_MAX "1472 B"

#define PEER_MEANING                                                           \
  "whom to send to: client is the client machine, any other name a group on "  \
  "the same port of the NIC whose workload is idle; machine i sends to that "  \
  "group's machine i modulo its count"
#define PEER_SOURCE "convention"

/* ---- udp_stream -------------------------------------------------------- */

static const char *const thread_names[] = {"single", "per-stream", NULL};

#define UDP(f) offsetof(struct udp_stream_params, f)
static const struct hd_param udp_stream_params[] = {
    {"payload", HD_PARAM_SIZE, UDP(payload), "1470 B", "1 B", PAYLOAD_MAX, NULL,
     "bytes of a datagram, without UDP header",
     "largest size of the published runs (HD-IOV artifact)"},
    {"streams", HD_PARAM_INT, UDP(streams), "1", "0", "1024", NULL,
     "parallel streams; 0: one for each queue pair; stream s uses queue pair s "
     "modulo queue pairs",
     "iperf3 -P, default 1"},
    {"rate", HD_PARAM_RATE, UDP(rate), "10 Gb/s", "0 b/s", "1 Tb/s", NULL,
     "payload offered by each stream; 0: as fast as possible",
     "iperf3 -b 10G of the published runs (HD-IOV artifact)"},
    {"threads", HD_PARAM_ENUM, UDP(threads), "single", NULL, NULL, thread_names,
     "one sending thread for all streams, or one each",
     "iperf3 before 3.16 has one thread (HD-IOV artifact)"},
    {"pacing_timer", HD_PARAM_TIME, UDP(pacing_timer), "1 ms", "1 us", "1 s",
     NULL, "a stream ahead of its rate waits for the next tick of this timer",
     "iperf3 --pacing-timer, default 1000 us"},
    {"peer", HD_PARAM_STRING, UDP(peer), WORKLOAD_CLIENT, NULL, NULL, NULL,
     PEER_MEANING, PEER_SOURCE},
    {0}};

const struct hd_param_table udp_stream_param_table = {
    "udp_stream", "Sends UDP datagrams to the client or a peer, as iperf3 -u",
    udp_stream_params};

/* ---- ping -------------------------------------------------------------- */

#define PING(f) offsetof(struct ping_params, f)
static const struct hd_param ping_params[] = {
    {"payload", HD_PARAM_SIZE, PING(payload), "56 B", "1 B", PAYLOAD_MAX, NULL,
     "bytes of data in an echo request, without ICMP header",
     "ping -s, default 56"},
    {"interval", HD_PARAM_TIME, PING(interval), "200 us", "0 ns", "10 s", NULL,
     "time between requests; 0: the next one when the answer is there",
     "shortened: ping -i has 1 s, which a simulation cannot wait for"},
    {"timeout", HD_PARAM_TIME, PING(timeout), "1 s", "1 us", "100 s", NULL,
     "an answer that has not come by then is lost, and the next request is "
     "sent",
     "of the order of ping -W, from memory"},
    {"peer", HD_PARAM_STRING, PING(peer), WORKLOAD_CLIENT, NULL, NULL, NULL,
     PEER_MEANING, PEER_SOURCE},
    {0}};

const struct hd_param_table ping_param_table = {
    "ping", "ICMP echo requests to the client or a peer, one at a time",
    ping_params};

/* ---- dpdk_forward ------------------------------------------------------ */

#define DPDK(f) offsetof(struct dpdk_forward_params, f)
static const struct hd_param dpdk_forward_params[] = {
    {"payload", HD_PARAM_SIZE, DPDK(payload), "18 B", "1 B", PAYLOAD_MAX, NULL,
     "bytes of UDP payload of generated frames",
     "frames of 64 B, the smallest of Ethernet"},
    {"rate", HD_PARAM_RATE, DPDK(rate), "1 Gb/s", "1 kb/s", "1 Tb/s", NULL,
     "payload the client offers to the guest", "free choice"},
    {"streams", HD_PARAM_INT, DPDK(streams), "16", "1", "1024", NULL,
     "flows the client spreads over the queue pairs", "free choice"},
    {"poisson", HD_PARAM_BOOL, DPDK(poisson), "true", NULL, NULL, NULL,
     "exponential times between frames; false: constant",
     "Poisson arrivals, the usual model of many independent senders"},
    {"burst", HD_PARAM_INT, DPDK(burst), "32", "1", "512", NULL,
     "packets a poll takes at most", "testpmd --burst, default 32"},
    {0}};

const struct hd_param_table dpdk_forward_param_table = {
    "dpdk_forward", "Polls its queues and sends every frame back, as testpmd",
    dpdk_forward_params};

/* ---- idle -------------------------------------------------------------- */

static const struct hd_param idle_params[] = {{0}};

const struct hd_param_table idle_param_table = {
    "idle", "Boots its driver and then only receives what peers send it",
    idle_params};

/* ---- section "guest" --------------------------------------------------- */

#define COST(f) HD_PARAM_CYCLES, offsetof(struct guest_params, f)
#define COUNT(f) HD_PARAM_INT, offsetof(struct guest_params, f)
#define CYCLES_MAX "1000000 cycles"
#define SEND_SOURCE                                                            \
  "public reports: 1 to 2 Mpps a core; the three send costs are 2200 cycles, " \
  "with "                                                                      \
  "doorbell store and cleaning 1.15 Mpps at 3 GHz"
#define MEMORY_SOURCE "estimated from memory"

static const struct hd_param guest_params[] = {
    {"send_syscall", COST(send_syscall), "700 cycles", "0 cycles", CYCLES_MAX,
     NULL, "application and system call, per datagram sent", SEND_SOURCE},
    {"send_stack", COST(send_stack), "1250 cycles", "0 cycles", CYCLES_MAX,
     NULL, "UDP, IP, packet buffer and queueing discipline, per datagram sent",
     SEND_SOURCE},
    {"send_driver", COST(send_driver), "250 cycles", "0 cycles", CYCLES_MAX,
     NULL, "driver: descriptor and ring bookkeeping, per datagram sent",
     SEND_SOURCE},
    {"receive_driver", COST(receive_driver), "300 cycles", "0 cycles",
     CYCLES_MAX, NULL, "driver's poll function, per received packet",
     MEMORY_SOURCE},
    {"receive_stack", COST(receive_stack), "1200 cycles", "0 cycles",
     CYCLES_MAX, NULL, "IP, UDP or ICMP and wake-up, per received packet",
     "public reports: 1 to 2 Mpps a core"},
    {"receive_syscall", COST(receive_syscall), "900 cycles", "0 cycles",
     CYCLES_MAX, NULL, "system call and application, per received message",
     MEMORY_SOURCE},
    {"copy_per_byte", HD_PARAM_REAL,
     offsetof(struct guest_params, copy_per_byte), "0.15", "0", "100", NULL,
     "cycles per byte copied between application and kernel", MEMORY_SOURCE},
    {"napi_entry", COST(napi_entry), "800 cycles", "0 cycles", CYCLES_MAX, NULL,
     "interrupt handler to poll function, and completion of the poll",
     MEMORY_SOURCE},
    {"clean_descriptor", COST(clean_descriptor), "100 cycles", "0 cycles",
     CYCLES_MAX, NULL, "freeing a transmitted packet, per descriptor",
     MEMORY_SOURCE},
    {"thread_switch", COST(thread_switch), "2500 cycles", "0 cycles",
     CYCLES_MAX, NULL, "guest scheduler: a blocked thread runs again",
     MEMORY_SOURCE},
    {"napi_budget", COUNT(napi_budget), "64", "1", "4096", NULL,
     "packets a poll takes at most", "Linux NAPI_POLL_WEIGHT"},
    {"socket_buffer", HD_PARAM_SIZE,
     offsetof(struct guest_params, socket_buffer), "212992 B", "1 B", "1 GiB",
     NULL, "memory of packets that a sending socket may have outstanding",
     "Linux net.core.wmem_default, from memory"},
    {"skb_overhead", HD_PARAM_SIZE, offsetof(struct guest_params, skb_overhead),
     "576 B", "0 B", "64 KiB", NULL,
     "memory of a packet beyond its data, which fills a power of two",
     "struct sk_buff 256 B and struct skb_shared_info 320 B, from memory"},
    {"poll_empty", COST(poll_empty), "60 cycles", "1 cycles", CYCLES_MAX, NULL,
     "polling guest: a poll of one queue that finds nothing", MEMORY_SOURCE},
    {"poll_packet", COST(poll_packet), "150 cycles", "0 cycles", CYCLES_MAX,
     NULL, "polling guest: receiving and sending back one packet",
     "public reports: above 14 Mpps a core, so below 214 cycles at 3 GHz"},
    {"boot_traps", COUNT(boot_traps), "100", "0", "100000", NULL,
     "trapped accesses of the driver's start: configuration space, MSI-X table",
     MEMORY_SOURCE},
    {"boot_cycles", COST(boot_cycles), "3000000 cycles", "0 cycles",
     "1000000000000 cycles", NULL,
     "the driver's own work until the device is up", "free choice: 1 ms"},
    {0}};

const struct hd_param_table guest_param_table = {
    "guest", "What guest software costs", guest_params};
