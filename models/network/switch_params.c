/* switch_params.c - section "switch": the switch between client and servers. */
#include "models/network/switch.h"

#define FIELD(f) offsetof(struct ethernet_switch_params, f)

static const struct hd_param params[] = {
    {"forwarding_latency", HD_PARAM_TIME, FIELD(forwarding_latency), "600 ns",
     "1 ns", "1 ms", NULL,
     "Last bit in until the frame may leave, without serialisation",
     "from memory: 0.5 to 0.8 us port to port in switches of data centres"},
    {"buffer", HD_PARAM_SIZE, FIELD(buffer), "512 KiB", "2 KiB", "1 GiB", NULL,
     "Bytes of frames that wait at an output port; more are dropped",
     "derived: 64 MiB of packet buffer over 128 ports of 100 Gb/s; from "
     "memory"},
    {0}};

const struct hd_param_table ethernet_switch_param_table = {
    "switch", "The Ethernet switch between the client and several servers",
    params};
