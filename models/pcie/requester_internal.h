/*
 * requester_internal.h - the requester's state; shared by its own files.
 *
 * requester.c         life, transfers with untranslated addresses, statistics
 * requester_ats*.c    transfers by way of the ATC
 */
#ifndef HD_MODELS_PCIE_REQUESTER_INTERNAL_H
#define HD_MODELS_PCIE_REQUESTER_INTERNAL_H

#include "models/pcie/requester.h"

/* One outstanding request. */
struct requester_slot {
  struct pcie_dma *dma; /* NULL: tag is free */
  hd_time sent;
  uint32_t left;   /* bytes not yet received */
  uint32_t drains; /* ATS: bit per ITag whose invalidation waits for it */
};

struct requester_ats; /* requester_ats.c */

struct pcie_requester {
  struct hd_component *device;
  struct hd_channel *to_link;
  const struct pcie_params *params;
  struct requester_slot *slots; /* by tag */
  uint16_t *free_tags;          /* a stack */
  size_t n_free, n_tags;
  struct pcie_dma *first, *last; /* reads that wait for tags; none with ATS */
  size_t n_waiting;
  struct requester_ats *ats; /* NULL: off */
  uint64_t writes_open;      /* writes whose `done` is due */
  const struct hd_window *window;
  struct hd_gauge tags;
  struct pcie_requester_stats stats;
};

enum { REQUESTER_PAGE = 4096 };

/* Bytes up to the next 4 KiB boundary, at most `most` and `left`. */
static inline uint32_t requester_piece(uint64_t address, uint32_t left,
                                       uint32_t most)
{
  uint32_t to_page =
      REQUESTER_PAGE - (uint32_t)(address & (REQUESTER_PAGE - 1));
  uint32_t n = left < most ? left : most;
  return n < to_page ? n : to_page;
}

/* Takes a tag for a request of `length` bytes; there must be one. */
uint16_t requester_take_tag(struct pcie_requester *r, struct pcie_dma *d,
                            uint32_t length);
void requester_free_tag(struct pcie_requester *r, uint16_t tag);

/* requester_ats.c */
struct requester_ats *requester_ats_create(struct pcie_requester *r);
void requester_ats_destroy(struct requester_ats *a);
void requester_ats_read(struct pcie_requester *r, struct pcie_dma *d);
void requester_ats_write(struct pcie_requester *r, struct pcie_dma *d);
/* The read request `tag` of `d` is complete, or has failed. */
void requester_ats_completed(struct pcie_requester *r, uint16_t tag,
                             struct pcie_dma *d);
/* A Translation Completion; not freed here. */
void requester_ats_translated(struct pcie_requester *r,
                              const struct pcie_tlp *tlp);
/* A message from the root complex; not freed here. */
void requester_ats_message(struct pcie_requester *r,
                           const struct pcie_tlp *tlp);
void requester_ats_get_stats(const struct pcie_requester *r,
                             struct pcie_ats_stats *s);
const char *requester_ats_check(const struct pcie_requester *r);

#endif
