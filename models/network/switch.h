/*
 * switch.h - an Ethernet switch between a client and the NICs of servers.
 *
 * A port is an end of a wire. A frame that has arrived whole (store and
 * forward) is looked up, and forwarding_latency later it joins the output queue
 * of its port, in that order; it is dropped when it does not fit in there. A
 * frame leaves the queue with the gap after it; preamble and gap take time, but
 * no room.
 *
 * Frames from a server port go to the client and teach the switch that their
 * guest (packet.vm) is at that port (IEEE 802.1Q, 8.7), if it is not known to
 * be there. Frames from the client go to the port of their guest, or, when
 * nothing is known of it, to all server ports (a copy each; a NIC drops what is
 * not its own). PACKET_ANNOUNCE (gratuitous ARP, or the RARP frame that QEMU
 * sends after a migration) teaches as well and is consumed: nobody else acts on
 * it here. Entries do not age: ageing times are minutes.
 */
#ifndef HD_MODELS_NETWORK_SWITCH_H
#define HD_MODELS_NETWORK_SWITCH_H

#include "models/network/network.h"

struct ethernet_switch_params {
  int64_t forwarding_latency; /* ps */
  int64_t buffer;             /* bytes of frames in each output queue */
};
extern const struct hd_param_table ethernet_switch_param_table;

enum ethernet_switch_role { SWITCH_CLIENT, SWITCH_SERVER };

struct ethernet_switch; /* is a struct hd_component */
struct ethernet_switch *
ethernet_switch_create(struct hd_engine *e, const char *path, const char *host,
                       const struct ethernet_switch_params *params,
                       struct packet_pool *packets,
                       const struct hd_window *window);
void ethernet_switch_destroy(struct ethernet_switch *s);
struct hd_component *ethernet_switch_component(struct ethernet_switch *s);

enum { SWITCH_PORTS = 64 };

/* Takes an end of a wire: 0 of the client's, 1 of a server's (whose NIC has 0).
 * At most one port is the client's. Returns the port's number, from 0. */
uint32_t ethernet_switch_attach(struct ethernet_switch *s, struct wire *w,
                                int end, enum ethernet_switch_role role);
/* A channel for software of the server at `port` that sends frames without
 * going through the models of its NIC and wire; latency: what these take. Such
 * frames count as received at the port, which their hd_msg.tag repeats: one
 * sender may have channels to several. */
struct hd_channel *ethernet_switch_connect(struct ethernet_switch *s,
                                           uint32_t port,
                                           struct hd_component *c,
                                           hd_time latency);
/* From such software, at its time: guest `vm` is at `port` now. */
void ethernet_switch_announce(struct hd_channel *to_switch,
                              struct packet_pool *packets, uint32_t port,
                              uint16_t vm);

/* ---- results, after the run ---------------------------------------------- */

enum ethernet_switch_drop {
  SWITCH_DROP_QUEUE,   /* no room in the output queue; at the output port */
  SWITCH_DROP_NO_PORT, /* nowhere to go; at the input port */
  SWITCH_DROPS
};

struct ethernet_switch_stats { /* of a port; within the window */
  uint64_t received, sent;     /* frames; sent: given to the output queue */
  uint64_t flooded;            /* frames of the client, sent to all servers */
  uint64_t announced;          /* PACKET_ANNOUNCE */
  uint64_t learnt;             /* guests that were new or elsewhere before */
  uint64_t dropped[SWITCH_DROPS];
  int64_t queue_max; /* bytes, since the start */
};
void ethernet_switch_get_stats(const struct ethernet_switch *s, uint32_t port,
                               struct ethernet_switch_stats *st);
/* Port of a guest, or -1. */
int ethernet_switch_port_of(const struct ethernet_switch *s, uint16_t vm);
/* Packets the switch holds: being forwarded, or in an output queue until the
 * wire has told that they have left (then the wire counts them). */
uint64_t ethernet_switch_packets_inside(const struct ethernet_switch *s);
const char *ethernet_switch_check(const struct ethernet_switch *s);

#endif
