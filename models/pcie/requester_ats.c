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

void requester_ats_send(struct pcie_requester *r, struct pcie_tlp *t)
{
  hd_send(r->to_link, r->to_link->latency + r->ats->params.lookup_latency, t);
}

/* ---- ends of transfers --------------------------------------------------- */

/* `done` is called last, by requester_ats_progress(): it may begin other
 * transfers. */
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

static void end_read_part(struct pcie_requester *r, struct ats_part *p)
{
  struct pcie_dma *d = p->dma;
  free_read_part(r, p);
  end_read_if_done(r, d);
}

/* What a failed read has not asked for yet is not asked for any more. The
 * caller ends it. */
static void drop_ready(struct pcie_requester *r, const struct pcie_dma *d)
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

/* ---- translations -------------------------------------------------------- */

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
  drop_ready(r, p->dma);
  end_read_part(r, p);
}

static void give(struct pcie_requester *r, struct ats_part *p, uint64_t entry)
{
  uint64_t needed = PCIE_ENTRY_READ | (p->is_write ? PCIE_ENTRY_WRITE : 0);
  if (!p->is_write && p->dma->status != PCIE_SC)
    end_read_part(r, p); /* has failed elsewhere */
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

void requester_ats_await(struct requester_ats *a, struct ats_part *p)
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
static void look_up(struct pcie_requester *r, struct ats_part *p)
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
    requester_ats_await(a, p);
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
  requester_ats_send(r, t);
}

static void send_misses(struct pcie_requester *r)
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

/* ---- sending ------------------------------------------------------------- */

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
    requester_ats_send(r, t);
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
    requester_ats_send(r, t);
    if (p->left == 0)
      end_read_part(r, ats_take(&a->reads));
  }
}

void requester_ats_progress(struct pcie_requester *r)
{
  send_misses(r);
  send_writes(r);
  send_reads(r);
  tell_ended(r);
}

/* ---- transfers ----------------------------------------------------------- */

uint32_t requester_ats_stream(struct pcie_requester *r, uint16_t requester,
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
  uint32_t stream = requester_ats_stream(r, d->requester, d->flags, d->pasid);
  r->n_waiting++;
  for (uint32_t at = 0, n; at < d->length; at += n) {
    struct ats_part *p = new_part(r, d, at);
    n = p->left;
    p->dma = d;
    p->is_write = false;
    p->stream = stream;
    p->serial = r->ats->written;
    d->parts++;
    look_up(r, p);
  }
  requester_ats_progress(r);
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
      plain ? 0 : requester_ats_stream(r, d->requester, d->flags, d->pasid);
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
      look_up(r, p);
  }
  if (d->done)
    r->writes_open++;
  else
    r->stats.writes++;
  requester_ats_progress(r);
}

/* ---- completions --------------------------------------------------------- */

void requester_ats_completed(struct pcie_requester *r, uint16_t tag,
                             struct pcie_dma *d)
{
  uint32_t drains = r->slots[tag].drains;
  r->slots[tag].drains = 0;
  requester_free_tag(r, tag);
  if (d->status != PCIE_SC)
    drop_ready(r, d);
  end_read_if_done(r, d);
  requester_ats_drained(r, drains);
  requester_ats_progress(r);
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
  requester_ats_progress(r);
}

/* ---- life and statistics ------------------------------------------------- */

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
  for (size_t i = 0; i < ATS_ITAGS; i++)
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
