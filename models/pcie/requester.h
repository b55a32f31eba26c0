/*
 * requester.h - the DMA requester inside a device: splits transfers into TLPs
 * by MPS, MRRS and 4 KiB, holds tags, and puts completions together.
 *
 * With address translation services (ats_params.h) transfers go by way of a
 * cache of translations (atc.h), part by part of 4 KiB pages. A part that
 * misses waits for a Translation Request, which the misses of a page share;
 * then its TLPs carry host addresses (AT = 10b, PCIe 10.2). Writes leave in the
 * order in which the device gave them, and no read leaves before the writes
 * that came before it, whoever waits for a translation: what the link's order
 * promises to a device holds for its queue, too. A part without rights ends the
 * transfer: status PCIE_UR, nothing moves from there on.
 *
 * A library embedded in a device component (not a component). A transfer is a
 * struct pcie_dma owned by the device; it must live until its `done` is called.
 */
#ifndef HD_MODELS_PCIE_REQUESTER_H
#define HD_MODELS_PCIE_REQUESTER_H

#include "models/pcie/link.h"
#include "models/pcie/tlp.h"

struct pcie_dma;
typedef void (*pcie_dma_done)(struct hd_component *device, struct pcie_dma *d);

struct pcie_dma {
  /* Set by the device: */
  uint64_t address; /* IOVA */
  uint32_t length;  /* bytes, > 0 */
  uint32_t pasid;
  uint16_t requester; /* requester ID */
  uint8_t flags;      /* PCIE_HAS_PASID, PCIE_RELAXED, PCIE_DESCRIPTOR */
  uint16_t observer;  /* writes: as in struct pcie_tlp; goes on the last TLP */
  uint64_t data;      /* writes: goes on the last TLP */
  void *object;       /* writes: goes on the last TLP */
  pcie_dma_done done; /* read: all data is here, or an error status;
                         write: the last TLP has left the device, or with ATS
                         an error status (NULL: do not tell) */
  void *context;      /* the device's */
  /* Set by the requester: */
  uint32_t issued, received; /* bytes */
  uint32_t outstanding;      /* requests without all their completions */
  uint8_t status;            /* enum pcie_status; the worst seen */
  hd_time started;
  hd_time translation; /* greatest time a TLP of it spent in the IOMMU, or
                          waited for its translation */
  uint32_t parts;      /* ATS: not yet issued */
  struct pcie_dma *next;
};

struct pcie_requester; /* opaque */

struct pcie_requester *pcie_requester_create(struct hd_component *device,
                                             struct hd_channel *to_link,
                                             const struct pcie_params *params);
void pcie_requester_destroy(struct pcie_requester *r);
/* tags_mean, requests and request_latency_sum are of this window; without it
 * they are of the whole run. The window is the caller's. */
void pcie_requester_set_window(struct pcie_requester *r,
                               const struct hd_window *window);

/* Starts a transfer; reads wait in order for tags. */
void pcie_requester_read(struct pcie_requester *r, struct pcie_dma *d);
void pcie_requester_write(struct pcie_requester *r, struct pcie_dma *d);
/* The device hands over each PCIE_CPLD/PCIE_CPL MSG_TLP and each MSG_TLP_SENT
 * it receives, and each PCIE_MSG; the requester frees the message and calls
 * `done` when due. */
void pcie_requester_receive(struct pcie_requester *r, struct pcie_tlp *tlp);

size_t pcie_requester_tags_used(const struct pcie_requester *r);
size_t pcie_requester_waiting(const struct pcie_requester *r);
/* Of the ATC and its requests, in the window. */
struct pcie_ats_stats {
  uint64_t lookups, hits;      /* one look-up for each part of a transfer */
  uint64_t requests;           /* Translation Requests completed */
  hd_time request_latency_sum; /* over them */
  uint64_t refused;            /* parts that were given no rights */
  uint64_t invalidations;      /* Invalidate Requests answered */
};
/* Time-weighted mean tags in use and completed requests, for Little's law.
 * Translation Requests are read requests and count. */
struct pcie_requester_stats {
  uint64_t reads, writes, errors; /* transfers completed */
  uint64_t requests;              /* MRd TLPs completed */
  double tags_mean;
  hd_time request_latency_sum; /* over `requests` */
  struct pcie_ats_stats ats;   /* zero when off */
};
void pcie_requester_get_stats(const struct pcie_requester *r,
                              struct pcie_requester_stats *s);
const char *pcie_requester_check(const struct pcie_requester *r);

#endif
