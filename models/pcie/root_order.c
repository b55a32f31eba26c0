/*
 * root_order.c - upstream requests: translation, ordering, completions.
 *
 * Every ordered posted write has a place in its port's ring; the ring's head
 * leaves, once translated, for memory or the interrupt unit, in order and by
 * channels that keep the order. That is the point where it no longer can be
 * passed. Reads and completions that arrive behind posted writes wait at the
 * last of them.
 */
#include "models/pcie/root_internal.h"

#include <stdlib.h>

void root_order_initialize(struct root_port *p)
{
  p->capacity = 64;
  p->ring = calloc(p->capacity, sizeof *p->ring);
  HD_REQUIRE(NULL, p->ring != NULL, "out of memory for a root port");
}

void root_order_terminate(struct root_port *p)
{
  free(p->ring);
}

static inline struct root_posted *place_at(const struct root_port *p,
                                           uint32_t i)
{
  return &p->ring[i & (p->capacity - 1)];
}

static void grow(struct root_port *p)
{
  uint32_t wider = p->capacity * 2;
  struct root_posted *ring = calloc(wider, sizeof *ring);
  HD_REQUIRE(NULL, ring != NULL, "out of memory for a root port");
  for (uint32_t i = p->head; i != p->tail; i++)
    ring[i & (wider - 1)] = *place_at(p, i);
  free(p->ring);
  p->ring = ring;
  p->capacity = wider;
}

/* Writes that keep the order have a place in it, and messages. So have all
 * translated writes, relaxed or not: the message that ends an invalidation must
 * not pass them (10.3.1). */
static inline bool in_ring(const struct pcie_tlp *t)
{
  return pcie_class_of(t) == PCIE_POSTED &&
         (!(t->flags & PCIE_RELAXED) || t->at == PCIE_TRANSLATED ||
          pcie_is_msi(t));
}

/* Interrupts are remapped by their own unit, not by the page tables. */
static inline bool needs_translation(const struct root_complex *rc,
                                     const struct pcie_tlp *t)
{
  return rc->ports[t->port].to_iommu && !pcie_is_msi(t) &&
         (t->type == PCIE_MRD || t->type == PCIE_MWR);
}

static inline void count(struct root_complex *rc, struct hd_counter *c,
                         uint64_t n)
{
  hd_counter_add(c, rc->window, hd_now(&rc->base), n);
}

/* ---- leaving ------------------------------------------------------------ */

/* The TLP leaves the receive buffer, through the pipeline unless it has been
 * through it on the way to the IOMMU. */
static void leave(struct root_complex *rc, struct pcie_tlp *t,
                  struct hd_channel *ch, uint32_t kind)
{
  hd_time at = hd_now(&rc->base);
  if (!needs_translation(rc, t))
    at = hd_time_max(at, t->entered + rc->params->root_latency);
  pcie_receiver_free(&rc->ports[t->port].receiver, t);
  t->msg.kind = kind;
  hd_send_at(ch, at + ch->latency, t);
}

static void leave_write(struct root_complex *rc, struct pcie_tlp *t)
{
  rc->left++;
  if (t->status != PCIE_SC) { /* blocked: the write is dropped */
    pcie_receiver_free(&rc->ports[t->port].receiver, t);
    hd_msg_free(&rc->base, t);
  } else if (t->type == PCIE_MSG) {
    HD_REQUIRE(&rc->base, rc->ports[t->port].to_iommu,
               "a message of ATS without an IOMMU");
    leave(rc, t, rc->ports[t->port].to_iommu, MSG_TLP_MESSAGE);
  } else if (pcie_is_msi(t)) {
    HD_REQUIRE(&rc->base, rc->to_interrupts, "interrupt without a unit for it");
    count(rc, &rc->interrupts, 1);
    leave(rc, t, rc->to_interrupts, MSG_TLP_INTERRUPT);
  } else {
    count(rc, &rc->writes, 1);
    count(rc, &rc->write_bytes, t->length);
    leave(rc, t, rc->to_memory, MSG_TLP_ACCESS);
  }
}

static void answer(struct root_complex *rc, struct pcie_tlp *t, hd_time at)
{
  struct hd_channel *ch = rc->ports[t->port].to_link;
  t->msg.kind = MSG_TLP;
  hd_send_at(ch, at + ch->latency, t);
}

/* The request ends here, without memory. */
static void answer_at_once(struct root_complex *rc, struct pcie_tlp *t)
{
  rc->left++;
  pcie_receiver_free(&rc->ports[t->port].receiver, t);
  pcie_complete(t, (enum pcie_status)t->status);
  answer(rc, t, hd_now(&rc->base) + rc->params->root_latency);
}

static void leave_read(struct root_complex *rc, struct pcie_tlp *t)
{
  if (t->status != PCIE_SC) { /* blocked: unsupported request (2.3.1) */
    answer_at_once(rc, t);
    return;
  }
  if (__builtin_expect(t->at == PCIE_TRANSLATION_REQUEST, 0)) {
    answer_at_once(rc, t); /* a Translation Completion (10.2.3) */
    return;
  }
  rc->accessing++;
  leave(rc, t, rc->to_memory, MSG_TLP_ACCESS);
}

static void leave_non_posted(struct root_complex *rc, struct pcie_tlp *t)
{
  if (t->type == PCIE_MRD) {
    leave_read(rc, t);
  } else {
    rc->left++;
    pcie_receiver_free(&rc->ports[t->port].receiver, t);
    root_mmio_answer(rc, t);
  }
}

/* ---- ordering ----------------------------------------------------------- */

static void wait_behind(struct root_complex *rc, struct root_port *p,
                        struct pcie_tlp *t)
{
  struct root_posted *w = place_at(p, t->slot - 1);
  t->msg.next = NULL;
  if (w->first)
    w->last->next = &t->msg;
  else
    w->first = &t->msg;
  w->last = &t->msg;
  rc->waiting++;
}

/* Lets posted writes leave in order, and who waited behind them. */
static void advance(struct root_complex *rc, struct root_port *p)
{
  while (p->head != p->tail && place_at(p, p->head)->ready) {
    struct root_posted w = *place_at(p, p->head++);
    leave_write(rc, w.tlp);
    while (w.first) {
      struct pcie_tlp *t = (struct pcie_tlp *)w.first;
      w.first = w.first->next;
      rc->waiting--;
      leave_non_posted(rc, t);
    }
  }
}

/* Reads and completions: behind all posted writes that came before them. */
static void pass_or_wait(struct root_complex *rc, struct root_port *p,
                         struct pcie_tlp *t)
{
  if ((int32_t)(t->slot - p->head) <= 0 || (t->flags & PCIE_RELAXED))
    leave_non_posted(rc, t);
  else
    wait_behind(rc, p, t);
}

static void resolved(struct root_complex *rc, struct pcie_tlp *t)
{
  struct root_port *p = &rc->ports[t->port];
  if (pcie_class_of(t) != PCIE_POSTED) {
    pass_or_wait(rc, p, t);
  } else if (in_ring(t)) {
    place_at(p, t->slot)->ready = true;
    advance(rc, p);
  } else {
    leave_write(rc, t);
  }
}

void root_order_arrive(struct root_complex *rc, struct pcie_tlp *t)
{
  struct root_port *p = &rc->ports[t->port];
  rc->arrived++;
  t->entered = hd_now(&rc->base);
  t->slot = p->tail;
  if (pcie_class_of(t) != PCIE_COMPLETION) {
    t->hpa = t->address;
    t->status = PCIE_SC;
    t->translation = 0;
    if (__builtin_expect(t->at != PCIE_UNTRANSLATED, 0))
      root_ats_arrive(rc, t);
  }
  if (in_ring(t)) {
    if (p->tail - p->head == p->capacity)
      grow(p);
    *place_at(p, p->tail++) = (struct root_posted){.tlp = t};
  }
  if (!needs_translation(rc, t)) {
    resolved(rc, t);
    return;
  }
  rc->translating += !in_ring(t);
  t->msg.kind = MSG_TLP_TRANSLATE;
  hd_send(p->to_iommu, /* on its way through the pipeline */
          hd_time_max(rc->params->root_latency, p->to_iommu->latency), t);
}

void root_order_translated(struct root_complex *rc, struct pcie_tlp *t)
{
  rc->translating -= !in_ring(t);
  if (t->status != PCIE_SC)
    count(rc, &rc->blocked, 1);
  resolved(rc, t);
}

/* ---- completions -------------------------------------------------------- */

/* The request becomes its completions, which the link cuts. */
static void send_completions(struct root_complex *rc, struct pcie_tlp *t)
{
  hd_time at = hd_now(&rc->base) + rc->params->root_latency;
  pcie_complete(t, PCIE_SC);
  t->flags |= PCIE_UNCUT;
  answer(rc, t, at);
}

void root_order_accessed(struct root_complex *rc, struct pcie_tlp *t)
{
  if (t->type == PCIE_MWR) { /* memory need not answer writes */
    hd_msg_free(&rc->base, t);
    return;
  }
  rc->accessing--;
  rc->left++;
  if (t->status != PCIE_SC) { /* memory has nothing there */
    t->remaining = t->length;
    pcie_complete(t, (enum pcie_status)t->status);
    answer(rc, t, hd_now(&rc->base) + rc->params->root_latency);
    return;
  }
  count(rc, &rc->reads, 1);
  count(rc, &rc->read_bytes, t->length);
  send_completions(rc, t);
}

const char *root_order_check(const struct root_complex *rc)
{
  uint64_t posted = 0;
  for (size_t i = 0; i < rc->n_ports; i++)
    posted += rc->ports[i].tail - rc->ports[i].head;
  if (posted + rc->translating + rc->waiting + rc->accessing + rc->left !=
      rc->arrived)
    return "requests lost or duplicated in the root complex";
  if (rc->waiting && posted == 0)
    return "requests wait behind posted writes that are not there";
  return NULL;
}
