/*
 * requester_ats_misses.c - translations: looked up in the ATC, asked for once a
 * page (PCIe 10.2), and given to the parts that wait for them.
 */
#include "models/pcie/requester_ats_internal.h"

static void make_ready(struct pcie_requester *r, struct ats_part *p,
                       uint64_t host)
{
  p->host = host;
  p->state = PART_READY;
  if (p->is_write)
    return;
  p->dma->translation =
      hd_time_max(p->dma->translation, hd_now(r->device) - p->begun);
  ats_put(&r->ats->reads, p);
}

/* No rights: nothing of it leaves. A write is dropped in its turn. */
static void refuse(struct pcie_requester *r, struct ats_part *p)
{
  r->ats->stats.refused += ats_counts(r);
  p->state = PART_REFUSED;
  if (p->dma)
    p->dma->status = PCIE_UR;
  if (p->is_write)
    return;
  ats_drop_ready(r, p->dma);
  ats_end_read_part(r, p);
}

static void give(struct pcie_requester *r, struct ats_part *p, uint64_t entry)
{
  uint64_t needed = PCIE_ENTRY_READ | (p->is_write ? PCIE_ENTRY_WRITE : 0);
  if (!p->is_write && p->dma->status != PCIE_SC)
    ats_end_read_part(r, p); /* has failed elsewhere */
  else if ((entry & needed) == needed)
    make_ready(r, p, pcie_entry_host(entry, p->iova));
  else
    refuse(r, p);
}

static inline struct ats_miss **bucket_of(struct requester_ats *a,
                                          uint32_t stream, uint64_t page)
{
  uint64_t key = page ^ (uint64_t)stream << 20;
  return &a->buckets[key * 0x9e3779b97f4a7c15u >> 56];
}

static void forget_miss(struct requester_ats *a, struct ats_miss *m)
{
  struct ats_miss **link = bucket_of(a, m->stream, m->page);
  while (*link != m)
    link = &(*link)->chain;
  *link = m->chain;
  hd_pool_put(&a->misses, m);
}

/* Serves the parts that wait for it. */
static void end_miss(struct pcie_requester *r, struct ats_miss *m,
                     uint64_t entry)
{
  struct ats_part *p = m->first;
  forget_miss(r->ats, m);
  while (p) {
    struct ats_part *next = p->waiting;
    give(r, p, entry);
    p = next;
  }
}

static void queue_miss(struct requester_ats *a, struct ats_miss *m)
{
  m->next = NULL;
  if (a->unsent)
    a->unsent_last->next = m;
  else
    a->unsent = m;
  a->unsent_last = m;
}

static struct ats_miss *new_miss(struct requester_ats *a,
                                 const struct ats_part *p,
                                 struct ats_miss **bucket, uint64_t page)
{
  const struct pcie_dma *d = p->is_write ? &p->write : p->dma;
  struct ats_miss *m = hd_pool_get(&a->misses);
  *m = (struct ats_miss){.dma = {.address = page,
                                 .length = PCIE_ENTRY_BYTES,
                                 .pasid = d->pasid,
                                 .requester = d->requester,
                                 .flags = d->flags & PCIE_HAS_PASID},
                         .chain = *bucket,
                         .page = page,
                         .stream = p->stream};
  *bucket = m;
  queue_miss(a, m);
  return m;
}

void ats_await(struct requester_ats *a, struct ats_part *p)
{
  uint64_t page = p->iova & ~(uint64_t)(REQUESTER_PAGE - 1);
  struct ats_miss **bucket = bucket_of(a, p->stream, page), *m = *bucket;
  while (m && (m->page != page || m->stream != p->stream))
    m = m->chain;
  if (!m)
    m = new_miss(a, p, bucket, page);
  p->state = PART_WAITING;
  p->waiting = NULL;
  if (m->first)
    m->last->waiting = p;
  else
    m->first = p;
  m->last = p;
  m->wants_write |= p->is_write;
}

/* An entry that lacks the right to write is asked for again (10.2.3). */
void ats_look_up(struct pcie_requester *r, struct ats_part *p)
{
  struct requester_ats *a = r->ats;
  struct pcie_translation t;
  bool hit = pcie_atc_find(a->atc, p->stream, p->iova, &t) &&
             (t.writable || !p->is_write);
  a->stats.lookups += ats_counts(r);
  a->stats.hits += hit && ats_counts(r);
  if (hit)
    make_ready(r, p, t.host);
  else
    ats_await(a, p);
}

/* Another page's translation may have come with more than was asked for. */
static bool serve_from_atc(struct pcie_requester *r, struct ats_miss *m)
{
  struct pcie_translation t;
  if (!pcie_atc_find(r->ats->atc, m->stream, m->page, &t) ||
      (m->wants_write && !t.writable))
    return false;
  end_miss(r, m,
           pcie_entry(t.host, 12,
                      PCIE_ENTRY_READ | (t.writable ? PCIE_ENTRY_WRITE : 0)));
  return true;
}

/* A Translation Request (10.2.2): a read of one entry of 2 DW. */
static void send_miss(struct pcie_requester *r, struct ats_miss *m)
{
  struct pcie_tlp *t = hd_msg_new_zero(r->device, MSG_TLP);
  t->type = PCIE_MRD;
  t->at = PCIE_TRANSLATION_REQUEST;
  t->requester = m->dma.requester;
  t->pasid = m->dma.pasid;
  t->address = m->page;
  t->length = PCIE_ENTRY_BYTES;
  t->observer = PCIE_NO_OBSERVER;
  t->flags = (uint8_t)(m->dma.flags | (m->page >> 32 ? PCIE_ADDR64 : 0));
  t->context = &m->dma;
  t->tag = requester_take_tag(r, &m->dma, PCIE_ENTRY_BYTES);
  m->sent = true;
  r->ats->outstanding++;
  ats_send(r, t);
}

void ats_send_misses(struct pcie_requester *r)
{
  struct requester_ats *a = r->ats;
  while (a->unsent) {
    struct ats_miss *m = a->unsent;
    bool room = r->n_free > 0 && a->outstanding < a->params.requests;
    a->unsent = m->next;
    if (serve_from_atc(r, m))
      continue;
    if (!room) {
      a->unsent = m;
      return;
    }
    send_miss(r, m);
  }
}

void requester_ats_translated(struct pcie_requester *r,
                              const struct pcie_tlp *tlp)
{
  struct requester_ats *a = r->ats;
  HD_REQUIRE(r->device,
             a && tlp->tag < r->n_tags && r->slots[tlp->tag].dma &&
                 r->slots[tlp->tag].dma == tlp->context,
             "a translation for tag %u, which has asked for none", tlp->tag);
  struct ats_miss *m = tlp->context; /* its first member */
  if (ats_counts(r)) {
    a->stats.requests++;
    a->stats.request_latency_sum += hd_now(r->device) - r->slots[tlp->tag].sent;
  }
  requester_free_tag(r, tlp->tag);
  a->outstanding--;
  m->sent = false;
  if (m->stale) {
    m->stale = false;
    queue_miss(a, m);
  } else {
    uint64_t entry = tlp->status == PCIE_SC ? tlp->data : 0;
    if (entry & PCIE_ENTRY_READ)
      pcie_atc_insert(a->atc, m->stream, m->page, entry);
    end_miss(r, m, entry);
  }
  ats_progress(r);
}
