/*
 * requester_ats_invalidate.c - Invalidate Requests (PCIe 10.3).
 *
 * An Invalidate Request drops translations, those of parts that have not left
 * yet, too, and those that are on their way here: these are asked for again
 * (10.3.2). It is answered when the reads that may use them are complete; the
 * answer travels behind the writes that do.
 */
#include "models/pcie/requester_ats_internal.h"

struct range {
  uint64_t first, last; /* addresses */
  uint32_t stream;
};

static bool overlaps(const struct range *x, uint64_t address, uint64_t length)
{
  return address <= x->last && address + (length - 1) >= x->first;
}

/* Translations on their way were perhaps made before the invalidation. */
static void distrust_misses(struct requester_ats *a, const struct range *x)
{
  for (size_t b = 0; b < ATS_BUCKETS; b++)
    for (struct ats_miss *m = a->buckets[b]; m; m = m->chain)
      if (m->sent && m->stream == x->stream &&
          overlaps(x, m->page, REQUESTER_PAGE))
        m->stale = true;
}

static bool uses(const struct ats_part *p, const struct range *x)
{
  return p->state == PART_READY && p->stream == x->stream &&
         overlaps(x, p->iova, p->left);
}

static void recall_parts(struct requester_ats *a, const struct range *x)
{
  for (struct ats_part *p = a->writes.first; p; p = p->next)
    if (uses(p, x))
      ats_await(a, p);
  struct part_queue all = a->reads;
  a->reads = (struct part_queue){0};
  while (all.first) {
    struct ats_part *p = ats_take(&all);
    if (uses(p, x))
      ats_await(a, p);
    else
      ats_put(&a->reads, p);
  }
}

/* Marks the reads that are out; how many. */
static uint32_t mark_reads(struct pcie_requester *r, const struct range *x,
                           unsigned itag)
{
  uint32_t n = 0;
  for (size_t i = 0; i < r->n_tags; i++) {
    struct requester_slot *s = &r->slots[i];
    const struct pcie_dma *d = s->dma;
    if (!d || !d->done || !overlaps(x, d->address, d->length) ||
        ats_stream_of(r, d->requester, d->flags, d->pasid) != x->stream)
      continue;
    s->drains |= 1u << itag;
    n++;
  }
  return n;
}

static void complete_invalidation(struct pcie_requester *r, unsigned itag)
{
  struct pcie_tlp *t = hd_msg_new_zero(r->device, MSG_TLP);
  t->type = PCIE_MSG;
  t->message = PCIE_INVALIDATE_COMPLETION;
  t->flags = PCIE_ADDR64;
  t->requester = r->ats->drain[itag].requester;
  t->tag = (uint16_t)itag;
  t->observer = PCIE_NO_OBSERVER;
  r->ats->stats.invalidations += ats_counts(r);
  ats_send(r, t);
}

void requester_ats_message(struct pcie_requester *r, const struct pcie_tlp *tlp)
{
  struct requester_ats *a = r->ats;
  HD_REQUIRE(r->device,
             a && tlp->message == PCIE_INVALIDATE_REQUEST &&
                 tlp->tag < PCIE_ITAGS,
             "a message of ATS that the requester does not expect");
  unsigned shift = pcie_entry_shift(tlp->data);
  uint64_t page = pcie_entry_page(tlp->data);
  struct range x = {
      page, shift >= 64 ? UINT64_MAX : page + ((UINT64_C(1) << shift) - 1),
      ats_stream_of(r, tlp->requester, tlp->flags, tlp->pasid)};
  pcie_atc_drop(a->atc, x.stream, page, shift);
  distrust_misses(a, &x);
  recall_parts(a, &x);
  a->drain[tlp->tag].requester = tlp->requester;
  a->drain[tlp->tag].reads = mark_reads(r, &x, tlp->tag);
  if (a->drain[tlp->tag].reads == 0)
    complete_invalidation(r, tlp->tag);
  ats_progress(r);
}

void ats_drained(struct pcie_requester *r, uint32_t drains)
{
  for (; drains; drains &= drains - 1) {
    unsigned itag = (unsigned)__builtin_ctz(drains);
    if (--r->ats->drain[itag].reads == 0)
      complete_invalidation(r, itag);
  }
}
