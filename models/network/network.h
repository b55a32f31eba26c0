/*
 * network.h - the Ethernet wire and the client machine at its far end.
 *
 * Wire: full duplex, each direction serialises frames with preamble and
 * inter-frame gap at its rate and delivers them a propagation delay later; the
 * sender is told when the last bit has left.
 * Client: receives with a limited or unlimited rate of packets, echoes ICMP,
 * generates traffic to be forwarded, replays captures, and measures what
 * arrives.
 */
#ifndef HD_MODELS_NETWORK_NETWORK_H
#define HD_MODELS_NETWORK_NETWORK_H

#include "models/network/packet.h"
#include "models/network/replay.h"
#include "models/network/web_load.h"
#include "sim/engine/param.h"
#include "sim/measure/breakdown.h"
#include "sim/measure/gauge.h"
#include "sim/measure/histogram.h"
#include "sim/measure/series.h"

struct network_params {
  int64_t rate;    /* bit/s: 10, 25, 40, 50, 100, 200 Gb/s */
  int64_t latency; /* ps: cable, PHYs and switch, one way */
};
extern const struct hd_param_table network_param_table;

struct client_params {
  int64_t cores;        /* receiving cores; 0: never the bottleneck */
  int64_t receive_cost; /* ps of a core per packet */
  int64_t backlog;      /* packets a core's queue holds; more are dropped */
  int64_t echo_latency; /* ps: request in to reply out, kernel's ICMP */
};
extern const struct hd_param_table client_param_table;

struct wire; /* is a struct hd_component */
struct wire *wire_create(struct hd_engine *e, const char *path,
                         const char *host, const struct network_params *params,
                         const struct hd_window *window);
void wire_destroy(struct wire *w);
struct hd_component *wire_component(struct wire *w);
/* End 0: the server's NIC port, or the client's port of a switch; end 1: the
 * client, or a server's port of a switch. Returns the channel on
 * which c sends MSG_FRAME. Frames arrive at c as MSG_FRAME; MSG_FRAME_SENT
 * comes back when its frame has left (packet NULL, bytes = frame). */
struct hd_channel *wire_connect(struct wire *w, int end,
                                struct hd_component *c);
/* Cuts TCP packets longer than a segment into frames from `packets`. Without
 * this there must be none. */
void wire_segment(struct wire *w, struct packet_pool *packets);
int64_t wire_rate(const struct wire *w); /* bit/s */
struct wire_stats {
  double utilization[2]; /* by sending end, incl. preamble and gap */
  uint64_t frames[2], bytes[2];
};
void wire_get_stats(const struct wire *w, struct wire_stats *s);
/* Frames under way at the end of the run: their sender has been told that they
 * have left, and they have not arrived. (Until then the sender counts them.) */
uint64_t wire_packets_inside(const struct wire *w);
const char *wire_check(const struct wire *w);

struct client; /* is a struct hd_component */
struct client *client_create(struct hd_engine *e, const char *path,
                             const char *host,
                             const struct client_params *params,
                             struct packet_pool *packets,
                             const struct hd_window *window);
void client_destroy(struct client *c);
struct hd_component *client_component(struct client *c);
void client_attach_wire(struct client *c, struct wire *w);

/* Announces guest `vm` (next index) as member of group `group`. A rate > 0 asks
 * for generated PACKET_FORWARD traffic to it, `payload` bytes each, exponential
 * or constant spacing, spread over `streams` flows, from MSG_VM_GO on. */
struct client_vm {
  uint16_t group;
  int64_t forward_rate; /* bit/s of payload; 0: none */
  uint32_t forward_payload, forward_streams, queue_pairs;
  bool forward_poisson;
  struct replay_plan replay; /* packets of a capture to it, from MSG_VM_GO on;
                                needs queue_pairs; capture NULL: none */
  hd_time replay_late;       /* ps behind its time: a packet is late */
  struct client_web web;     /* concurrency > 0: a load on its web server, from
                                MSG_VM_GO on; needs queue_pairs */
};
void client_add_vm(struct client *c, uint16_t vm, const struct client_vm *cv);

/* Per guest, within the window; per group, latency of what arrived in it: one
 * way for PACKET_DATA (first byte of send call to arrival at the client's
 * application), round trip for PACKET_FORWARD, whole request for web. Payload
 * of web is what the application has read. */
struct client_vm_stats {
  uint64_t packets, payload_bytes;
  uint64_t reordered, duplicated, lost;            /* of PACKET_DATA streams */
  uint64_t dropped;                                /* by the client's backlog */
  uint64_t generated;                              /* PACKET_FORWARD sent */
  uint64_t requests, connections, retransmissions; /* web: requests done,
                                                      connections that stood,
                                                      segments sent again */
  hd_time silence_max;                /* longest time between two frames of it
                                         that arrive within the window; 0
                                         with fewer than two */
  hd_time silence_begin, silence_end; /* when that was, the first of several */
  struct replay_stats replay;
};
void client_get_vm_stats(const struct client *c, uint16_t vm,
                         struct client_vm_stats *s);
const struct hd_histogram *client_latency(const struct client *c,
                                          uint16_t group);
const struct hd_breakdown *client_breakdown(const struct client *c,
                                            uint16_t group);
/* Asks for a series of each group, in bins of `width` over a window of
 * `duration`; before the first guest is announced. False: too many bins. What
 * is recorded: HD_SERIES_TX_BYTES and _PACKETS, as they are counted for
 * client_vm_stats; HD_SERIES_DROPS, by the backlog when it is full, of the
 * streams when a later packet arrives (a late one does not take it back). */
bool client_record_series(struct client *c, hd_time width, hd_time duration);
/* NULL: was not asked for. */
const struct hd_series *client_series(const struct client *c, uint16_t group);
/* Of the receiving cores, or of the busiest load generator. */
double client_utilization(const struct client *c);
/* Packets the client holds: echoes it works on, frames waiting to leave. */
uint64_t client_packets_inside(const struct client *c);
const char *client_check(const struct client *c);

#endif
