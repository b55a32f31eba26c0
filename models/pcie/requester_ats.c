/*
 * requester_ats.c - transfers by way of the ATC (PCIe chapter 10).
 *
 * A transfer is cut into parts of one 4 KiB page each. A part is looked up when
 * it comes; if it misses it waits for its page's Translation Request. Writes
 * keep their order in one queue, whose head leaves when it is translated; reads
 * queue for tags when they are translated. All that leaves passes the look-up's
 * pipeline and so leaves lookup_latency later: order is as sent.
 */
#include "models/pcie/requester_ats_internal.h"

#include <stdlib.h>

/* ---- ends of transfers ----------------------------------------------------
 */

static void end(struct requester_ats *a, struct pcie_dma *d)
{
  d->next = NULL;
  if (a->ended)
    a->ended_last->next = d;
  else
    a->ended = d;
  a->ended_last = d;
}

static void tell_ended(struct pcie_requester *r)
{
  struct requester_ats *a = r->ats;
  while (a->ended) {
    struct pcie_dma *d = a->ended;
    a->ended = d->next;
    d->next = NULL;
    d->done(r->device, d);
  }
}

static void end_read_if_done(struct pcie_requester *r, struct pcie_dma *d)
{
  if (d->parts > 0 || d->outstanding > 0)
    return;
  r->stats.reads++;
  r->stats.errors += d->status != PCIE_SC;
  end(r->ats, d);
}

static void free_read_part(struct pcie_requester *r, struct ats_part *p)
{
  r->n_waiting -= --p->dma->parts == 0;
  hd_pool_put(&r->ats->parts, p);
}

void ats_end_read_part(struct pcie_requester *r, struct ats_part *p)
{
  struct pcie_dma *d = p->dma;
  free_read_part(r, p);
  end_read_if_done(r, d);
}

void ats_drop_ready(struct pcie_requester *r, const struct pcie_dma *d)
{
  struct part_queue all = r->ats->reads;
  r->ats->reads = (struct part_queue){0};
  while (all.first) {
    struct ats_part *p = ats_take(&all);
    if (p->dma == d)
      free_read_part(r, p);
    else
      ats_put(&r->ats->reads, p);
  }
}

/* ---- sending --------------------------------------------------------------
 */

/* The next `length` bytes of a part. */
static struct pcie_tlp *part_tlp(struct pcie_requester *r, struct ats_part *p,
                                 enum pcie_tlp_type type, uint32_t length)
{
  const struct pcie_dma *d = p->is_write ? &p->write : p->dma;
  struct pcie_tlp *t = hd_msg_new_zero(r->device, MSG_TLP);
  bool plain = p->state == PART_PLAIN;
  uint8_t kept = PCIE_RELAXED | PCIE_DESCRIPTOR;
  if (plain) /* translated requests have no PASID (10.1.3, from memory) */
    kept |= PCIE_HAS_PASID;
  t->type = (uint8_t)type;
  t->at = plain ? PCIE_UNTRANSLATED : PCIE_TRANSLATED;
  t->requester = d->requester;
  t->pasid = plain ? d->pasid : 0;
  t->address = plain ? p->iova : p->host;
  t->length = length;
  t->observer = PCIE_NO_OBSERVER;
  t->flags = (uint8_t)(d->flags & kept);
  if (t->address >> 32)
    t->flags |= PCIE_ADDR64;
  t->context = p->dma;
  p->iova += length;
  p->host += length;
  p->left -= length;
  return t;
}

static void send_write(struct pcie_requester *r, struct ats_part *p)
{
  while (p->left > 0) {
    uint32_t n = requester_piece(p->iova, p->left, (uint32_t)r->params->mps);
    struct pcie_tlp *t = part_tlp(r, p, PCIE_MWR, n);
    if (p->left == 0 && p->last) {
      t->observer = p->write.observer;
      t->data = p->write.data;
      t->object = p->write.object;
      t->flags |= p->dma ? PCIE_NOTIFY_SENT : 0;
    }
    ats_send(r, t);
  }
}

/* With its refused part a write ends. */
static void drop_write(struct pcie_requester *r, const struct ats_part *p)
{
  r->ats->dropping = p->serial;
  if (!p->last)
    return;
  r->stats.errors++;
  if (!p->dma)
    return;
  r->stats.writes++;
  r->writes_open--;
  end(r->ats, p->dma);
}

static void send_writes(struct pcie_requester *r)
{
  struct requester_ats *a = r->ats;
  while (a->writes.first && a->writes.first->state != PART_WAITING) {
    struct ats_part *p = ats_take(&a->writes);
    a->left++;
    if (p->state == PART_REFUSED || p->serial == a->dropping)
      drop_write(r, p);
    else
      send_write(r, p);
    hd_pool_put(&a->parts, p);
  }
}

/* Reads leave behind the writes that came before them. */
static void send_reads(struct pcie_requester *r)
{
  struct requester_ats *a = r->ats;
  while (a->reads.first && r->n_free > 0 && a->reads.first->serial <= a->left) {
    struct ats_part *p = a->reads.first;
    uint32_t n = requester_piece(p->iova, p->left, (uint32_t)r->params->mrrs);
    uint16_t tag = requester_take_tag(r, p->dma, n);
    struct pcie_tlp *t = part_tlp(r, p, PCIE_MRD, n);
    t->tag = tag;
    p->dma->issued += n;
    ats_send(r, t);
    if (p->left == 0)
      ats_end_read_part(r, ats_take(&a->reads));
  }
}

void ats_progress(struct pcie_requester *r)
{
  ats_send_misses(r);
  send_writes(r);
  send_reads(r);
  tell_ended(r);
}

/* ---- transfers ------------------------------------------------------------
 */

uint32_t ats_stream_of(struct pcie_requester *r, uint16_t requester,
                       uint8_t flags, uint32_t pasid)
{
  uint32_t stream = pcie_atc_stream(r->ats->atc, requester,
                                    (flags & PCIE_HAS_PASID) != 0, pasid);
  HD_REQUIRE(r->device, stream != UINT32_MAX, "no room for an address space");
  return stream;
}

static struct ats_part *new_part(struct pcie_requester *r,
                                 const struct pcie_dma *d, uint32_t at)
{
  struct ats_part *p = hd_pool_get(&r->ats->parts);
  p->iova = d->address + at;
  p->left = requester_piece(p->iova, d->length - at, REQUESTER_PAGE);
  p->last = at + p->left == d->length;
  p->begun = hd_now(r->device);
  return p;
}

void requester_ats_read(struct pcie_requester *r, struct pcie_dma *d)
{
  uint32_t stream = ats_stream_of(r, d->requester, d->flags, d->pasid);
  r->n_waiting++;
  for (uint32_t at = 0, n; at < d->length; at += n) {
    struct ats_part *p = new_part(r, d, at);
    n = p->left;
    p->dma = d;
    p->is_write = false;
    p->stream = stream;
    p->serial = r->ats->written;
    d->parts++;
    ats_look_up(r, p);
  }
  ats_progress(r);
}

/* Interrupts are not translated (10.1.2, from memory). */
static bool is_interrupt(const struct pcie_dma *d)
{
  return d->address >= PCIE_MSI_BASE && d->address < PCIE_MSI_END;
}

void requester_ats_write(struct pcie_requester *r, struct pcie_dma *d)
{
  struct requester_ats *a = r->ats;
  bool plain = is_interrupt(d);
  uint32_t stream =
      plain ? 0 : ats_stream_of(r, d->requester, d->flags, d->pasid);
  a->write_serial++;
  for (uint32_t at = 0, n; at < d->length; at += n) {
    struct ats_part *p = new_part(r, d, at);
    n = p->left;
    p->dma = d->done ? d : NULL;
    p->write = *d;
    p->is_write = true;
    p->stream = stream;
    p->serial = a->write_serial;
    p->state = PART_PLAIN;
    ats_put(&a->writes, p);
    a->written++;
    if (!plain)
      ats_look_up(r, p);
  }
  if (d->done)
    r->writes_open++;
  else
    r->stats.writes++;
  ats_progress(r);
}

/* ---- completions ----------------------------------------------------------
 */

void requester_ats_completed(struct pcie_requester *r, uint16_t tag,
                             struct pcie_dma *d)
{
  uint32_t drains = r->slots[tag].drains;
  r->slots[tag].drains = 0;
  requester_free_tag(r, tag);
  if (d->status != PCIE_SC)
    ats_drop_ready(r, d);
  end_read_if_done(r, d);
  ats_drained(r, drains);
  ats_progress(r);
}

/* ---- life and statistics --------------------------------------------------
 */

struct requester_ats *requester_ats_create(struct pcie_requester *r)
{
  const struct ats_params *p = &r->params->ats;
  struct requester_ats *a = hd_array(r->device, 1, sizeof *a, "an ATC");
  a->params = *p;
  a->atc = pcie_atc_create(p->entries, p->ways);
  HD_REQUIRE(r->device, a->atc != NULL && p->requests > 0,
             "no ATC of %lld entries and %lld requests", (long long)p->entries,
             (long long)p->requests);
  hd_pool_initialize(&a->parts, sizeof(struct ats_part));
  hd_pool_initialize(&a->misses, sizeof(struct ats_miss));
  return a;
}

void requester_ats_destroy(struct requester_ats *a)
{
  pcie_atc_destroy(a->atc);
  hd_pool_terminate(&a->parts);
  hd_pool_terminate(&a->misses);
  free(a);
}

void requester_ats_get_stats(const struct pcie_requester *r,
                             struct pcie_ats_stats *s)
{
  *s = r->ats->stats;
}

static size_t length_of(const struct part_queue *q)
{
  size_t n = 0;
  for (const struct ats_part *p = q->first; p; p = p->next)
    n++;
  return n;
}

/* Reads that wait for translations; sets how many pages are waited for. */
static size_t waiting_reads(const struct requester_ats *a, size_t *misses)
{
  size_t n = 0;
  *misses = 0;
  for (size_t b = 0; b < ATS_BUCKETS; b++)
    for (const struct ats_miss *m = a->buckets[b]; m; m = m->chain) {
      ++*misses;
      for (const struct ats_part *p = m->first; p; p = p->waiting)
        n += !p->is_write;
    }
  return n;
}

const char *requester_ats_check(const struct pcie_requester *r)
{
  const struct requester_ats *a = r->ats;
  size_t writes = length_of(&a->writes), reads = length_of(&a->reads);
  size_t misses, waiting = waiting_reads(a, &misses);
  int64_t asked = 0;
  uint64_t marks = 0, drains = 0;
  for (size_t i = 0; i < r->n_tags; i++) {
    asked += r->slots[i].dma && !r->slots[i].dma->done;
    marks += (uint64_t)__builtin_popcount(r->slots[i].drains);
  }
  for (size_t i = 0; i < PCIE_ITAGS; i++)
    drains += a->drain[i].reads;
  if (a->written - a->left != writes)
    return "writes that wait for translations do not balance";
  if (a->parts.live != writes + reads + waiting || a->misses.live != misses)
    return "parts of transfers lost or duplicated";
  if (asked != a->outstanding || asked > a->params.requests)
    return "Translation Requests do not balance";
  if (marks != drains)
    return "reads that invalidations wait for do not balance";
  if (a->reads.first && r->n_free && a->reads.first->serial <= a->left)
    return "translated reads wait although there are tags";
  return pcie_atc_check(a->atc);
}
