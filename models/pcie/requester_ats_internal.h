/*
 * requester_ats_internal.h - a requester's state with ATS; shared by its own
 * files.
 *
 * requester_ats.c             look-ups, Translation Requests, transfers
 * requester_ats_invalidate.c  Invalidate Requests
 */
#ifndef HD_MODELS_PCIE_REQUESTER_ATS_INTERNAL_H
#define HD_MODELS_PCIE_REQUESTER_ATS_INTERNAL_H

#include "models/pcie/atc.h"
#include "models/pcie/requester_internal.h"
#include "sim/engine/pool.h"

enum { ATS_BUCKETS = 256, ATS_ITAGS = 32 };

enum part_state { PART_PLAIN, PART_WAITING, PART_READY, PART_REFUSED };

/* What a transfer has in one page, or the rest of it. */
struct ats_part {
  struct ats_part *next;    /* in the queue of writes, or of ready reads */
  struct ats_part *waiting; /* next that waits for the same translation */
  struct pcie_dma *dma;     /* the device's; NULL: a write nobody waits for */
  struct pcie_dma write;    /* writes: a copy, the device's may be gone */
  uint64_t iova, host;      /* of the next byte; host: when ready */
  uint32_t left;            /* bytes */
  uint32_t stream;
  uint64_t serial; /* write: its number; read: of the last part of a write that
                      came before it */
  hd_time begun;
  uint8_t state; /* enum part_state */
  bool is_write, last;
};

/* A page whose translation is awaited. */
struct ats_miss {
  struct pcie_dma dma;    /* first: holds the tag; its `done` is NULL */
  struct ats_miss *next;  /* not yet sent */
  struct ats_miss *chain; /* in its bucket */
  struct ats_part *first, *last;
  uint64_t page; /* its address */
  uint32_t stream;
  bool wants_write, sent;
  bool stale; /* invalidated since it was sent */
};

struct part_queue {
  struct ats_part *first, *last;
};

struct requester_ats {
  struct pcie_atc *atc;
  struct ats_params params;
  struct hd_pool parts, misses;
  struct ats_miss *buckets[ATS_BUCKETS];
  struct ats_miss *unsent, *unsent_last;
  int64_t outstanding; /* Translation Requests */
  struct part_queue writes, reads;
  uint64_t written, left;          /* parts of writes: come, gone */
  uint64_t write_serial, dropping; /* writes: the newest, one being dropped */
  struct pcie_dma *ended, *ended_last;
  struct {
    uint32_t reads; /* that the Invalidate Completion waits for */
    uint16_t requester;
  } drain[ATS_ITAGS];
  struct pcie_ats_stats stats;
};

/* Is it time to count? */
static inline bool ats_counts(const struct pcie_requester *r)
{
  return hd_window_contains(r->window, hd_now(r->device));
}

static inline void ats_put(struct part_queue *q, struct ats_part *p)
{
  p->next = NULL;
  if (q->first)
    q->last->next = p;
  else
    q->first = p;
  q->last = p;
}

static inline struct ats_part *ats_take(struct part_queue *q)
{
  struct ats_part *p = q->first;
  q->first = p->next;
  return p;
}

/* ---- requester_ats.c ------------------------------------------------ */
/* Sends a TLP through the pipeline of the look-up. */
void requester_ats_send(struct pcie_requester *r, struct pcie_tlp *t);
/* The number of an address space; `flags`: PCIE_HAS_PASID. */
uint32_t requester_ats_stream(struct pcie_requester *r, uint16_t requester,
                              uint8_t flags, uint32_t pasid);
/* Lets a part wait for its page's translation, which is asked for. */
void requester_ats_await(struct requester_ats *a, struct ats_part *p);
/* Sends what can go, and tells the device what has ended. */
void requester_ats_progress(struct pcie_requester *r);

/* ---- requester_ats_invalidate.c ------------------------------------- */
/* A read is complete for which the invalidations of these ITags waited. */
void requester_ats_drained(struct pcie_requester *r, uint32_t drains);

#endif
