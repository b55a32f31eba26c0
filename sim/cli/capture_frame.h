/*
 * capture_frame.h - what the headers of a captured frame say.
 *
 * Ethernet, up to two VLAN tags (IEEE 802.1Q), IPv4 (RFC 791) and IPv6 (RFC
 * 8200, with extension headers), TCP (RFC 9293) and UDP (RFC 768). Only
 * captured bytes are looked at.
 */
#ifndef HD_CLI_CAPTURE_FRAME_H
#define HD_CLI_CAPTURE_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct capture_frame {
  uint32_t flow;      /* hash of addresses, protocol and ports; of what there is
                         of these, and of no ports in fragments */
  uint32_t link;      /* bytes of Ethernet header and tags */
  uint32_t transport; /* bytes up to the data of TCP or UDP; 0: not known */
};

enum { CAPTURE_ETHERNET_HEADER = 14 };

/* The first `n` bytes of a frame. */
struct capture_frame cli_capture_frame(const unsigned char *bytes, size_t n);

#endif
