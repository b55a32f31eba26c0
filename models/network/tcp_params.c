/* tcp_params.c - section "tcp": what both ends of a connection do. */
#include "models/network/tcp.h"

#define FIELD(f) offsetof(struct tcp_params, f)

static const struct hd_param params[] = {
    {"initial_window", HD_PARAM_INT, FIELD(initial_window), "10", "1", "1000",
     NULL, "Congestion window of a new connection, in segments of 1460 B",
     "RFC 6928; Linux TCP_INIT_CWND"},
    {"segmentation", HD_PARAM_SIZE, FIELD(segmentation), "64240 B", "1460 B",
     "64240 B", NULL,
     "Data handed to the device at once, to be cut into segments there; 1460 "
     "B: no segmentation offload",
     "Linux GSO_MAX_SIZE of 64 KiB: 44 segments"},
    {"quick_acks", HD_PARAM_INT, FIELD(quick_acks), "16", "0", "1000", NULL,
     "Segments that are acknowledged one by one after the start",
     "Linux TCP_MAX_QUICKACKS, from memory"},
    {"delayed_ack", HD_PARAM_TIME, FIELD(delayed_ack), "40 ms", "1 us", "1 s",
     NULL, "A single segment is acknowledged after this at the latest",
     "Linux TCP_DELACK_MIN, from memory"},
    {"rto_initial", HD_PARAM_TIME, FIELD(rto_initial), "1 s", "1 us", "100 s",
     NULL, "Retransmission time-out before a round trip has been measured",
     "RFC 6298, 2.1"},
    {"rto_min", HD_PARAM_TIME, FIELD(rto_min), "200 ms", "1 us", "100 s", NULL,
     "Least retransmission time-out", "Linux TCP_RTO_MIN, from memory"},
    {0}};

const struct hd_param_table tcp_param_table = {
    "tcp", "TCP of guests and clients", params};
