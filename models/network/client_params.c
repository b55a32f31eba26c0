/* client_params.c - section "client": the machine at the wire's far end. */
#include "models/network/network.h"

#define FIELD(f) offsetof(struct client_params, f)

static const struct hd_param params[] = {
    {"cores", HD_PARAM_INT, FIELD(cores), "0", "0", "1024", NULL,
     "Cores that receive packets; 0: the client is never the bottleneck",
     "HD-IOV artifact: the client's CPU is not constrained in HD-IOV's "
     "testbed"},
    {"receive_cost", HD_PARAM_TIME, FIELD(receive_cost), "600 ns", "1 ps",
     "1 ms", NULL, "Time a core spends on a received packet; needs cores > 0",
     "public reports: a kernel stack takes 1 to 2 Mpps a core"},
    {"backlog", HD_PARAM_INT, FIELD(backlog), "1000", "1", "1000000", NULL,
     "Packets a core holds, the one in work included; more are dropped",
     "Linux net.core.netdev_max_backlog, from memory"},
    {"echo_latency", HD_PARAM_TIME, FIELD(echo_latency), "5 us", "1 ns", "1 s",
     NULL, "ICMP echo request in until its reply is sent",
     "interrupt, kernel ICMP and transmit of a busy-polled host; from memory, "
     "unverified"},
    {0}};

const struct hd_param_table client_param_table = {
    "client", "The machine at the far end of the wire", params};
