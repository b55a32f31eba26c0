/*
 * atc.h - the address translation cache of a device (ATC, PCIe chapter 10;
 * VT-d calls it device-TLB).
 *
 * Maps (requester ID, PASID, page) to a host page with rights. A translation
 * for a page of 4 KiB, 2 MiB or 1 GiB takes one entry; of another size it is
 * kept as the next smaller of these. Set-associative, least recently used goes.
 * A library embedded in a requester (requester.h); knows nothing of time.
 */
#ifndef HD_MODELS_PCIE_ATC_H
#define HD_MODELS_PCIE_ATC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pcie_atc; /* opaque */

/* `ways` 0: fully associative. NULL when there is no memory. */
struct pcie_atc *pcie_atc_create(int64_t entries, int64_t ways);
void pcie_atc_destroy(struct pcie_atc *a);

/* An address space of the device's: a requester ID, with a PASID or without.
 * Numbered from 0 in the order of the first calls; the number stays. Addresses
 * in it have 53 bits. At most PCIE_ATC_STREAMS; UINT32_MAX beyond, and when
 * there is no memory. */
#define PCIE_ATC_STREAMS (1u << 21)
uint32_t pcie_atc_stream(struct pcie_atc *a, uint16_t requester, bool has_pasid,
                         uint32_t pasid);

struct pcie_translation {
  uint64_t host; /* of the address asked for */
  bool writable;
};

/* False: the address is not cached. Counts as a use. */
bool pcie_atc_find(struct pcie_atc *a, uint32_t stream, uint64_t address,
                   struct pcie_translation *t);
/* Keeps a translation (pcie_entry(), tlp.h) that was given for `address`. */
void pcie_atc_insert(struct pcie_atc *a, uint32_t stream, uint64_t address,
                     uint64_t entry);
/* Drops what overlaps [address, address + 2^shift), a multiple of its size;
 * shift 64: all of the stream. Returns how many. */
size_t pcie_atc_drop(struct pcie_atc *a, uint32_t stream, uint64_t address,
                     unsigned shift);

/* NULL, or what is wrong. */
const char *pcie_atc_check(const struct pcie_atc *a);

#endif
