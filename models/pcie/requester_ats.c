/*
 * requester_ats.c - transfers by way of the ATC (PCIe chapter 10).
 *
 * A transfer is cut into parts of one 4 KiB page each. A part is looked up when
 * it comes; if it misses it waits for its page's Translation Request. Writes
 * keep their order in one queue, whose head leaves when it is translated; reads
 * queue for tags when they are translated. All that leaves passes the look-up's
 * pipeline and so leaves lookup_latency later: order is as sent.
 *
 * An Invalidate Request drops translations, those of parts that have not left
 * yet, too, and those that are on their way here: these are asked for again
 * (10.3.2). It is answered when the reads that may use them are complete; the
 * answer travels behind the writes that do.
 */
#include "models/pcie/requester_internal.h"

#include <stdlib.h>

#include "models/pcie/atc.h"
#include "sim/engine/pool.h"

enum { BUCKETS = 256, ITAGS = 32 };

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
  struct ats_miss *buckets[BUCKETS];
  struct ats_miss *unsent, *unsent_last;
  int64_t outstanding; /* Translation Requests */
  struct part_queue writes, reads;
  uint64_t written, left;          /* parts of writes: come, gone */
  uint64_t write_serial, dropping; /* writes: the newest, one being dropped */
  struct pcie_dma *ended, *ended_last;
  struct {
    uint32_t reads; /* that the Invalidate Completion waits for */
    uint16_t requester;
  } drain[ITAGS];
  struct pcie_ats_stats stats;
};

static inline bool counts(const struct pcie_requester *r)
{
  return hd_window_contains(r->window, hd_now(r->device));
}

static void put(struct part_queue *q, struct ats_part *p)
{
  p->next = NULL;
  if (q->first)
    q->last->next = p;
  else
    q->first = p;
  q->last = p;
}

static struct ats_part *take(struct part_queue *q)
{
  struct ats_part *p = q->first;
  q->first = p->next;
  return p;
}

/* Through the pipeline of the look-up. */
static void send(struct pcie_requester *r, struct pcie_tlp *t)
{
  hd_send(r->to_link, r->to_link->latency + r->ats->params.lookup_latency, t);
}

/* ---- ends of transfers ----------------------------------------------------
 */

/* `done` is called last, by progress(): it may begin other transfers. */
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
    struct ats_part *p = take(&all);
    if (p->dma == d)
      free_read_part(r, p);
    else
      put(&r->ats->reads, p);
  }
}

/* ---- translations ---------------------------------------------------------
 */

static void make_ready(struct pcie_requester *r, struct ats_part *p,
                       uint64_t host)
{
  p->host = host;
  p->state = PART_READY;
  if (p->is_write)
    return;
  p->dma->translation =
      hd_time_max(p->dma->translation, hd_now(r->device) - p->begun);
  put(&r->ats->reads, p);
}

/* No rights: nothing of it leaves. A write is dropped in its turn. */
static void refuse(struct pcie_requester *r, struct ats_part *p)
{
  r->ats->stats.refused += counts(r);
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

static void await_translation(struct requester_ats *a, struct ats_part *p)
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
  a->stats.lookups += counts(r);
  a->stats.hits += hit && counts(r);
  if (hit)
    make_ready(r, p, t.host);
  else
    await_translation(a, p);
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
  send(r, t);
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
    send(r, t);
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
    struct ats_part *p = take(&a->writes);
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
    send(r, t);
    if (p->left == 0)
      end_read_part(r, take(&a->reads));
  }
}

static void progress(struct pcie_requester *r)
{
  send_misses(r);
  send_writes(r);
  send_reads(r);
  tell_ended(r);
}

/* ---- transfers ------------------------------------------------------------
 */

static uint32_t stream_of(struct pcie_requester *r, uint16_t requester,
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
  uint32_t stream = stream_of(r, d->requester, d->flags, d->pasid);
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
  progress(r);
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
  uint32_t stream = plain ? 0 : stream_of(r, d->requester, d->flags, d->pasid);
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
    put(&a->writes, p);
    a->written++;
    if (!plain)
      look_up(r, p);
  }
  if (d->done)
    r->writes_open++;
  else
    r->stats.writes++;
  progress(r);
}

/* ---- invalidation ---------------------------------------------------------
 */

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
  for (size_t b = 0; b < BUCKETS; b++)
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
      await_translation(a, p);
  struct part_queue all = a->reads;
  a->reads = (struct part_queue){0};
  while (all.first) {
    struct ats_part *p = take(&all);
    if (uses(p, x))
      await_translation(a, p);
    else
      put(&a->reads, p);
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
        stream_of(r, d->requester, d->flags, d->pasid) != x->stream)
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
  r->ats->stats.invalidations += counts(r);
  send(r, t);
}

void requester_ats_message(struct pcie_requester *r, const struct pcie_tlp *tlp)
{
  struct requester_ats *a = r->ats;
  HD_REQUIRE(r->device,
             a && tlp->message == PCIE_INVALIDATE_REQUEST && tlp->tag < ITAGS,
             "a message of ATS that the requester does not expect");
  unsigned shift = pcie_entry_shift(tlp->data);
  uint64_t page = pcie_entry_page(tlp->data);
  struct range x = {
      page, shift >= 64 ? UINT64_MAX : page + ((UINT64_C(1) << shift) - 1),
      stream_of(r, tlp->requester, tlp->flags, tlp->pasid)};
  pcie_atc_drop(a->atc, x.stream, page, shift);
  distrust_misses(a, &x);
  recall_parts(a, &x);
  a->drain[tlp->tag].requester = tlp->requester;
  a->drain[tlp->tag].reads = mark_reads(r, &x, tlp->tag);
  if (a->drain[tlp->tag].reads == 0)
    complete_invalidation(r, tlp->tag);
  progress(r);
}

static void drained(struct pcie_requester *r, uint32_t drains)
{
  for (; drains; drains &= drains - 1) {
    unsigned itag = (unsigned)__builtin_ctz(drains);
    if (--r->ats->drain[itag].reads == 0)
      complete_invalidation(r, itag);
  }
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
    drop_ready(r, d);
  end_read_if_done(r, d);
  drained(r, drains);
  progress(r);
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
  if (counts(r)) {
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
  progress(r);
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
  for (size_t b = 0; b < BUCKETS; b++)
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
  for (size_t i = 0; i < ITAGS; i++)
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
