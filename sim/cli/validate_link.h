/*
 * validate_link.h - the analytic model of a PCIe link, as in the public
 * pcie-model: a reference that knows bytes, and neither tags, latency, memory
 * nor address translation.
 *
 * Payload rate = the rate left for TLPs, by the bytes that a transfer costs in
 * the busier direction. A TLP costs 8 B (framing, sequence number, LCRC) and
 * its header: 12 B, or 16 B for a request with a 64-bit address.
 */
#ifndef HD_CLI_VALIDATE_LINK_H
#define HD_CLI_VALIDATE_LINK_H

#include <stdbool.h>
#include <stdint.h>

enum link_op { LINK_READ, LINK_WRITE, LINK_BOTH /* one to one, each way */ };

struct link_case {
  int64_t generation, lanes; /* 1 to 5; 1 to 16 */
  int64_t mps, mrrs, rcb;    /* bytes */
  bool rcb_chunks;           /* completions are cut at the RCB, not at MPS */
  bool wide;                 /* 64-bit addresses */
  int64_t transfer;          /* bytes */
  enum link_op op;
};

/* Symbol times between Acks, and between UpdateFCs (PCIe 3.0, tables of Ack
 * and UpdateFC latency limits): the public model charges one of each, 8 B. */
int64_t cli_link_ack_interval(const struct link_case *c);
/* Gb/s left for TLPs. */
double cli_link_tlp_gbps(const struct link_case *c);
/* Gb/s of payload. */
double cli_link_payload_gbps(const struct link_case *c);
/* The same, when a TLP's payload takes whole double words on the wire. */
double cli_link_padded_gbps(const struct link_case *c);

#endif
