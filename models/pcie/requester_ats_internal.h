/*
 * requester_ats_internal.h - a requester's transfers by way of the ATC; shared
 * by its own files.
 *
 * requester_ats.c             parts of transfers: in, in order out, ended
 * requester_ats_misses.c      translations: looked up, asked for, given
 * requester_ats_invalidate.c  translations taken back
 */
#ifndef HD_MODELS_PCIE_REQUESTER_ATS_INTERNAL_H
#define HD_MODELS_PCIE_REQUESTER_ATS_INTERNAL_H

#include "models/pcie/atc.h"
#include "models/pcie/requester_internal.h"
#include "sim/engine/pool.h"

enum { ATS_BUCKETS = 256 };

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
  } drain[PCIE_ITAGS];
  struct pcie_ats_stats stats;
};

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

/* Through the pipeline of the look-up. */
static inline void ats_send(struct pcie_requester *r, struct pcie_tlp *t)
{
  hd_send(r->to_link, r->to_link->latency + r->ats->params.lookup_latency, t);
}

/* requester_ats.c */

/* The address space of a transfer, for the ATC. */
uint32_t ats_stream_of(struct pcie_requester *r, uint16_t requester,
                       uint8_t flags, uint32_t pasid);
/* Ends the read when it was its last part and nothing of it is out. */
void ats_end_read_part(struct pcie_requester *r, struct ats_part *p);
/* What a failed read has not asked for yet is not asked for any more. The
 * caller ends it. */
void ats_drop_ready(struct pcie_requester *r, const struct pcie_dma *d);
/* Sends what can be sent, and tells of what has ended. The last thing a caller
 * does: `done` may begin other transfers. */
void ats_progress(struct pcie_requester *r);

/* requester_ats_misses.c */

/* Translates the part, or has its page asked for. */
void ats_look_up(struct pcie_requester *r, struct ats_part *p);
/* Waits for the page's translation, which is asked for once. */
void ats_await(struct requester_ats *a, struct ats_part *p);
/* As many Translation Requests as tags and ats.requests allow. */
void ats_send_misses(struct pcie_requester *r);

/* requester_ats_invalidate.c */

/* A read is complete on which the invalidations of these ITags waited. */
void ats_drained(struct pcie_requester *r, uint32_t drains);

#endif
