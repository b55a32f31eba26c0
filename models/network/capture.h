/*
 * capture.h - the packets of a capture file, as plain numbers.
 *
 * Whoever reads the file makes it, before the run; models only look. It has no
 * bytes of packets: their times, lengths and to which flow they belong.
 */
#ifndef HD_MODELS_NETWORK_CAPTURE_H
#define HD_MODELS_NETWORK_CAPTURE_H

#include <stddef.h>

#include "sim/engine/time.h"

struct capture_packet {
  hd_time time;   /* ps since the first packet; ascending */
  uint32_t bytes; /* of the frame, from destination address on, without padding
                     and FCS; at most CAPTURE_BYTES_MAX */
  uint32_t flow;  /* hash of addresses, protocol and ports */
};

/* Frames with an MTU of 1500 B and two VLAN tags. */
enum { CAPTURE_MTU = 1500, CAPTURE_BYTES_MAX = 14 + 2 * 4 + CAPTURE_MTU };

struct capture {
  struct capture_packet *packets;
  size_t count; /* at least 1 */
  uint64_t bytes;
  hd_time period; /* of one pass: up to the last packet, and the mean distance
                     between packets; 0 when all have the same time */
};

#endif
