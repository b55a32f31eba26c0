/*
 * misses.c - which misses walk, wait, join another's walk or stall.
 *
 * A walk belongs to a 4 KiB page of a requester and PASID; later misses to it
 * join it until it ends. It begins at once when a walker is free and waits in a
 * queue otherwise. Requests that wait, be it in the queue or for a walk they
 * have joined, are miss_queue at most.
 */
#include "models/iommu/internal.h"

#include <stdlib.h>

/* ---- pool, buckets, queue ------------------------------------------- */

/* Every walk holds a request that waits or is being walked for. */
bool iommu_walks_initialize(struct iommu *u)
{
  size_t n = (size_t)(u->params.walkers + u->params.miss_queue);
  size_t buckets = 16;
  while (buckets < 2 * n)
    buckets *= 2;
  u->bucket_mask = buckets - 1;
  u->buckets = calloc(buckets, sizeof *u->buckets);
  u->pool = calloc(n, sizeof *u->pool);
  if (!u->buckets || !u->pool)
    return false;
  for (size_t i = 0; i < n; i++) {
    u->pool[i].next = u->free_walks;
    u->free_walks = &u->pool[i];
  }
  return true;
}

void iommu_walks_terminate(struct iommu *u)
{
  free(u->buckets);
  free(u->pool);
}

static inline struct iommu_walk **bucket_of(struct iommu *u, uint64_t page,
                                            uint16_t requester, uint32_t pasid)
{
  uint64_t hash =
      (page ^ iommu_pasid_key(requester, pasid) << 20) * 0x9e3779b97f4a7c15u;
  return &u->buckets[(hash >> 32) & u->bucket_mask];
}

/* All translated requests of a requester want the same. */
static inline uint64_t page_of(const struct pcie_tlp *tlp)
{
  return tlp->at == PCIE_TRANSLATED ? 0 : tlp->address & ~UINT64_C(4095);
}

static bool same_page(const struct iommu_walk *w, const struct pcie_tlp *tlp)
{
  bool has_pasid = (tlp->flags & PCIE_HAS_PASID) != 0;
  return w->iova == page_of(tlp) && w->requester == tlp->requester &&
         w->translated == (tlp->at == PCIE_TRANSLATED) &&
         w->has_pasid == has_pasid && (!has_pasid || w->pasid == tlp->pasid);
}

static struct iommu_walk *new_walk(struct iommu *u, struct pcie_tlp *tlp,
                                   struct iommu_walk **bucket)
{
  struct iommu_walk *w = u->free_walks;
  HD_REQUIRE(&u->base, w != NULL, "more walks than the miss queue allows");
  u->free_walks = w->next;
  bool has_pasid = (tlp->flags & PCIE_HAS_PASID) != 0;
  *w = (struct iommu_walk){.chain = *bucket,
                           .iova = page_of(tlp),
                           .pasid = has_pasid ? tlp->pasid : 0,
                           .requester = tlp->requester,
                           .has_pasid = has_pasid,
                           .translated = tlp->at == PCIE_TRANSLATED};
  *bucket = w;
  iommu_append(&w->first, &w->last, &tlp->msg);
  w->n_requests = 1;
  return w;
}

static void free_walk(struct iommu *u, struct iommu_walk *w)
{
  struct iommu_walk **link =
      bucket_of(u, w->iova >> 12, w->requester, w->pasid);
  while (*link != w)
    link = &(*link)->chain;
  *link = w->chain;
  w->next = u->free_walks;
  u->free_walks = w;
}

/* ---- the walkers ---------------------------------------------------- */

/* The walk's request is the mark of an active walk; a fault may end the walk
 * before it reads anything. */
static void begin_walk(struct iommu *u, struct iommu_walk *w, hd_time delay)
{
  struct memory_request *q = hd_msg_new(&u->base, MSG_MEMORY_ACCESS);
  q->write = q->hit = false;
  q->reply = u->from_memory;
  q->context = w;
  q->data = 0;
  w->request = q;
  w->started = iommu_now(u) + delay;
  u->active++;
  hd_gauge_set(&u->walkers_busy, u->window, iommu_now(u), u->active);
  iommu_count(u, &u->count.walks);
  iommu_walk(u, w, delay);
}

/* Another walk may have filled the context cache in the meantime. */
static bool serve_from_contexts(struct iommu *u, struct iommu_walk *w)
{
  const uint64_t *found = vtd_cache_find(&u->contexts, w->requester);
  if (!found)
    return false;
  uint64_t context = *found;
  u->waiting -= w->n_requests;
  iommu_count(u, &u->count.merged); /* its first; the others are counted */
  while (w->first)
    iommu_pass_translated(u, (struct pcie_tlp *)iommu_pop(&w->first), context,
                          u->answer->latency);
  free_walk(u, w);
  return true;
}

/* Or the IOTLB (a large page). */
static bool serve_from_iotlb(struct iommu *u, struct iommu_walk *w)
{
  uint32_t domain;
  unsigned size;
  if (w->translated)
    return serve_from_contexts(u, w);
  if (iommu_cached_domain(u, w->requester, w->has_pasid, w->pasid, &domain) !=
      KNOWN)
    return false;
  const uint64_t *found = iommu_lookup_page(u, domain, w->iova, &size);
  if (!found)
    return false;
  uint64_t page = *found & ~UINT64_C(4095);
  bool writable = (*found & IOTLB_WRITE) != 0;
  u->waiting -= w->n_requests;
  iommu_count(u, &u->count.merged); /* its first; the others are counted */
  while (w->first)
    iommu_finish(u, (struct pcie_tlp *)iommu_pop(&w->first), page,
                 12 + 9 * size, writable, u->answer->latency);
  free_walk(u, w);
  return true;
}

static void serve_queue(struct iommu *u)
{
  while (u->queue_first && u->active < u->params.walkers) {
    struct iommu_walk *w = u->queue_first;
    u->queue_first = w->next;
    if (serve_from_iotlb(u, w))
      continue;
    u->waiting--; /* its first request is being served; the others wait on */
    begin_walk(u, w, 0);
  }
}

/* A walker is free: queued misses, then stalled requests. A request may fault
 * at once and so free its walker again; the flag turns that into a loop. */
static void progress(struct iommu *u)
{
  if (u->in_progress)
    return;
  u->in_progress = true;
  do {
    serve_queue(u);
    iommu_resume_input(u);
  } while (u->queue_first && u->active < u->params.walkers);
  u->in_progress = false;
}

void iommu_walk_ended(struct iommu *u, struct iommu_walk *w)
{
  hd_time now = iommu_now(u);
  if (hd_window_contains(u->window, now) && now > w->started)
    u->walk_time += now - w->started;
  u->active--;
  u->waiting -= w->n_requests - 1;
  hd_gauge_set(&u->walkers_busy, u->window, now, u->active);
  hd_msg_free(&u->base, w->request);
  bool stale = w->stale;
  free_walk(u, w);
  if (stale)
    iommu_stale_walk_ended(u);
  progress(u);
}

static void enqueue(struct iommu *u, struct iommu_walk *w)
{
  if (u->queue_first)
    u->queue_last->next = w;
  else
    u->queue_first = w;
  u->queue_last = w;
  w->next = NULL;
}

bool iommu_miss(struct iommu *u, struct pcie_tlp *tlp)
{
  uint32_t pasid = tlp->flags & PCIE_HAS_PASID ? tlp->pasid : 0;
  struct iommu_walk **bucket =
      bucket_of(u, page_of(tlp) >> 12, tlp->requester, pasid);
  struct iommu_walk *w = *bucket;
  while (w && !same_page(w, tlp))
    w = w->chain;
  bool room = u->waiting < u->params.miss_queue;
  if (w) {
    if (!room)
      return false;
    iommu_append(&w->first, &w->last, &tlp->msg);
    w->n_requests++;
    u->waiting++;
    iommu_count(u, &u->count.merged);
    return true;
  }
  if (u->active < u->params.walkers) {
    begin_walk(u, new_walk(u, tlp, bucket), u->walk_delay);
    return true;
  }
  if (!room)
    return false;
  enqueue(u, new_walk(u, tlp, bucket));
  u->waiting++;
  return true;
}
