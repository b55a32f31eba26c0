/* switch_internal.h - shared by switch.c and switch_forward.c. */
#ifndef HD_MODELS_NETWORK_SWITCH_INTERNAL_H
#define HD_MODELS_NETWORK_SWITCH_INTERNAL_H

#include "models/network/switch.h"
#include "sim/engine/clock.h"

#define SWITCH_NO_PORT UINT8_MAX

struct switch_queued {
  hd_time leaves; /* with the gap after it */
  uint32_t bytes;
};

struct switch_port {
  struct hd_channel *to_wire;
  const struct hd_component *wire;
  enum ethernet_switch_role role;
  struct hd_clock bits;
  hd_time free_at;                 /* when all of them have left */
  struct switch_queued *queued;    /* ring */
  uint32_t capacity, first, count; /* capacity: a power of two */
  int64_t bytes, bytes_max;
  struct hd_counter received, sent, flooded, announced, learnt;
  struct hd_counter dropped[SWITCH_DROPS];
};

/* Software that sends to a port. */
struct switch_announcer {
  const struct hd_component *from;
  uint32_t port;
};

struct ethernet_switch {
  struct hd_component base;
  struct ethernet_switch_params params;
  struct packet_pool *packets;
  const struct hd_window *window;
  struct switch_port ports[SWITCH_PORTS];
  uint32_t n_ports, client; /* client: SWITCH_PORTS when there is none */
  struct switch_announcer *announcers;
  uint32_t n_announcers;
  uint8_t *table; /* port of each guest */
  /* Since the start. */
  uint64_t arrived, copied, left, lost, consumed; /* packets */
  uint64_t forwarding, handed;                    /* where they are now */
};

/* ---- switch_forward.c -----------------------------------------------------
 */

/* A frame has arrived at port `in`; takes it over. */
void switch_receive(struct ethernet_switch *s, struct packet_msg *m,
                    uint32_t in);
/* The timer of a frame that has been looked up for port msg.tag. */
void switch_output(struct ethernet_switch *s, struct packet_msg *m);

#endif
