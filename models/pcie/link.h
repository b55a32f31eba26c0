/*
 * link.h - a PCIe link: two transmitters and the flow control between them.
 *
 * End 0 is upstream (root port), end 1 downstream (device). Each end sends
 * MSG_TLP to the link; the link serialises it with framing, Ack and UpdateFC
 * DLLPs and SKIP ordered sets, within the receiver's credits, and delivers it
 * as MSG_TLP to the other end. Receivers return credits with MSG_CREDITS.
 */
#ifndef HD_MODELS_PCIE_LINK_H
#define HD_MODELS_PCIE_LINK_H

#include "models/pcie/pcie_params.h"
#include "models/pcie/tlp.h"
#include "sim/measure/gauge.h"

enum { PCIE_UPSTREAM_END = 0, PCIE_DOWNSTREAM_END = 1 };

struct pcie_link; /* is a struct hd_component */

struct pcie_link *pcie_link_create(struct hd_engine *e, const char *path,
                                   const char *host,
                                   const struct pcie_params *params,
                                   const struct hd_window *window);
void pcie_link_destroy(struct pcie_link *l);
struct hd_component *pcie_link_component(struct pcie_link *l);

/* Connects component `c` as `end`; returns the channel on which c sends
 * MSG_TLP and MSG_CREDITS to the link. `latency` is that end's transaction-
 * and link-layer latency, > 0. TLPs reach c by a channel of the link's own,
 * with the propagation latency. */
struct hd_channel *pcie_link_connect(struct pcie_link *l, int end,
                                     struct hd_component *c, hd_time latency);

/* Bytes a TLP occupies on the wire: framing, PASID prefix, header, payload
 * padded to whole DWs, ECRC (PCIe 2.2, 3.6, 4.2.2; 6.20 for the prefix).
 * Messages have 4-DW headers: they come with PCIE_ADDR64. */
static inline uint32_t pcie_wire_bytes(const struct pcie_params *p,
                                       const struct pcie_tlp *t)
{
  uint32_t bytes = (uint32_t)p->framing + 12 + (p->ecrc ? 4 : 0);
  bytes += (pcie_payload(t) + 3) & ~3u;
  if (pcie_class_of(t) != PCIE_COMPLETION)
    bytes += (t->flags & PCIE_ADDR64 ? 4u : 0u) +
             (t->flags & PCIE_HAS_PASID ? 4u : 0u);
  return bytes;
}

/* Payload of the next completion that answers a read of `left` > 0 bytes from
 * `address` on: up to the next place at which completions are cut. Every
 * address that is a multiple of MPS is one of the RCB (PCIe 2.3.1.1). */
static inline uint32_t pcie_completion_length(const struct pcie_params *p,
                                              uint64_t address, uint32_t left)
{
  uint32_t grain = (uint32_t)(p->rcb_chunks ? p->rcb : p->mps);
  uint32_t n = grain - (uint32_t)(address & (grain - 1));
  return n < left ? n : left;
}

/* Completions. A completer that sends all completions of a request at once may
 * send one TLP with PCIE_UNCUT, the whole of the data and the first address:
 * the link cuts it, and what it does to the wire and counts is the same as if
 * it had been sent cut. A receiver for which only the last of them matters, as
 * for a requester (requester.h), says so here: while nothing makes a difference
 * between them (bit errors, completion credits), it gets them as one TLP, with
 * the whole length, when the last one arrives. */
void pcie_link_take_uncut(struct pcie_link *l, int end);

/* Delay of MSG_TLP_SENT after the TLP's last symbol. It carries a copy of the
 * TLP's fields; the sender frees it. */
#define PCIE_SENT_LATENCY HD_NS

struct pcie_link_stats {
  double utilization[2];      /* by transmitting end: share of the raw rate
                                 taken by TLPs, replays and DLLPs */
  uint64_t tlps[2], bytes[2]; /* delivered; wire bytes incl. overhead */
  uint64_t payload[2];
  uint64_t dllps[2];      /* sent by that end */
  uint64_t replays[2];    /* TLPs sent again */
  uint64_t naks[2];       /* sent by that end */
  uint64_t corrupted[2];  /* TLPs sent by that end */
  uint64_t lost_dllps[2]; /* DLLPs sent by that end and corrupted */
  hd_time credit_stall[2][PCIE_CLASSES]; /* time TLPs waited for credits */
};
/* Counted within the measurement window; after the run. */
void pcie_link_get_stats(const struct pcie_link *l, struct pcie_link_stats *s);

/* NULL, or what does not balance (credits, replay buffer) at the end. */
const char *pcie_link_check(const struct pcie_link *l);

/* Credits the transmitter at `end` has left. For tests and checks. */
void pcie_link_credits(const struct pcie_link *l, int end, enum pcie_class c,
                       int64_t *headers, int64_t *data);

/* ---- receiver's side: credits ----------------------------------------- */

/* A receiver accumulates freed credits and returns them in batches, as real
 * ports do: a struct of this per link end, used by whoever receives there. */
struct pcie_receiver {
  struct hd_channel *to_link;
  int end; /* at which the receiver sits */
  uint32_t headers[PCIE_CLASSES], data[PCIE_CLASSES]; /* not yet returned */
  uint32_t threshold_h[PCIE_CLASSES], threshold_d[PCIE_CLASSES];
};
void pcie_receiver_initialize(struct pcie_receiver *r,
                              const struct pcie_params *params,
                              struct hd_channel *to_link, int end);
/* The TLP has left the receive buffer. Returns go out when a quarter of the
 * credits has gathered, and never later than the largest TLP could need. */
void pcie_receiver_free(struct pcie_receiver *r, const struct pcie_tlp *tlp);

/* For a receiver that frees the buffer of posted requests as they arrive and
 * acts on them `latency` later, such as a device that decodes register writes:
 * the link returns their credits on arrival and hands them over only then. The
 * end must be connected. */
void pcie_link_decode_posted(struct pcie_link *l, int end, hd_time latency);

#endif
