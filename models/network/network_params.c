/* network_params.c - section "network": the Ethernet link of a port. */
#include "models/network/network.h"

#define FIELD(f) offsetof(struct network_params, f)

static const struct hd_param params[] = {
    {"rate", HD_PARAM_RATE, FIELD(rate), "100 Gb/s", "1 Mb/s", "1 Tb/s", NULL,
     "Bit rate of the Ethernet link, each direction",
     "ice driver: E810 is 2x100G, 1x100G or 4x25G, from memory; HD-IOV does "
     "not "
     "state the link's speed"},
    {"latency", HD_PARAM_TIME, FIELD(latency), "500 ns", "10 ns", "1 s", NULL,
     "Cable, PHYs and switch, one way, without serialisation",
     "a few metres of cable, two PHYs with RS-FEC and a cut-through switch; "
     "from memory, unverified"},
    {0}};

const struct hd_param_table network_param_table = {
    "network", "The Ethernet link between a port and its client", params};
