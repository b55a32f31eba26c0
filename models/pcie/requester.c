#include "models/pcie/requester_internal.h"

#include <stdlib.h>

static void *table(size_t n, size_t size)
{
  void *p = calloc(n, size);
  HD_REQUIRE(NULL, p != NULL, "out of memory for a requester");
  return p;
}

struct pcie_requester *pcie_requester_create(struct hd_component *device,
                                             struct hd_channel *to_link,
                                             const struct pcie_params *params)
{
  struct pcie_requester *r = table(1, sizeof *r);
  r->device = device;
  r->to_link = to_link;
  r->params = params;
  r->n_tags = r->n_free = (size_t)params->tags;
  r->slots = table(r->n_tags, sizeof *r->slots);
  r->free_tags = table(r->n_tags, sizeof *r->free_tags);
  for (size_t i = 0; i < r->n_tags; i++)
    r->free_tags[i] = (uint16_t)(r->n_tags - 1 - i);
  static const struct hd_window always = {0, HD_TIME_NEVER};
  r->window = &always;
  if (params->ats.enabled)
    r->ats = requester_ats_create(r);
  return r;
}

void pcie_requester_set_window(struct pcie_requester *r,
                               const struct hd_window *window)
{
  r->window = window;
}

void pcie_requester_destroy(struct pcie_requester *r)
{
  if (r->ats)
    requester_ats_destroy(r->ats);
  free(r->slots);
  free(r->free_tags);
  free(r);
}

/* ---- sending ------------------------------------------------------------ */

static struct pcie_tlp *new_tlp(struct pcie_requester *r, struct pcie_dma *d,
                                enum pcie_tlp_type type, uint32_t length)
{
  struct pcie_tlp *t = hd_msg_new_zero(r->device, MSG_TLP);
  t->type = (uint8_t)type;
  t->requester = d->requester;
  t->pasid = d->pasid;
  t->address = d->address + d->issued;
  t->length = length;
  t->observer = PCIE_NO_OBSERVER;
  t->flags =
      (uint8_t)(d->flags & (PCIE_HAS_PASID | PCIE_RELAXED | PCIE_DESCRIPTOR));
  if (t->address >> 32) /* 4-DW header only above 4 GiB (2.2.4.1) */
    t->flags |= PCIE_ADDR64;
  t->context = d;
  d->issued += length;
  return t;
}

uint16_t requester_take_tag(struct pcie_requester *r, struct pcie_dma *d,
                            uint32_t length)
{
  uint16_t tag = r->free_tags[--r->n_free];
  hd_time now = hd_now(r->device);
  r->slots[tag] =
      (struct requester_slot){.dma = d, .sent = now, .left = length};
  d->outstanding++;
  hd_gauge_add(&r->tags, r->window, now, 1);
  return tag;
}

static void send_request(struct pcie_requester *r, struct pcie_dma *d)
{
  uint32_t n = requester_piece(d->address + d->issued, d->length - d->issued,
                               (uint32_t)r->params->mrrs);
  uint16_t tag = requester_take_tag(r, d, n);
  struct pcie_tlp *t = new_tlp(r, d, PCIE_MRD, n);
  t->tag = tag;
  hd_send(r->to_link, r->to_link->latency, t);
}

static void pop_waiting(struct pcie_requester *r)
{
  r->first = r->first->next;
  r->n_waiting--;
}

/* Sends requests of the oldest reads while there are tags. */
static void issue(struct pcie_requester *r)
{
  while (r->first && r->n_free) {
    struct pcie_dma *d = r->first;
    send_request(r, d);
    if (d->issued == d->length)
      pop_waiting(r);
  }
}

static void begin(struct pcie_requester *r, struct pcie_dma *d)
{
  HD_REQUIRE(r->device, d->length > 0, "DMA of no bytes at %#llx",
             (unsigned long long)d->address);
  d->issued = d->received = d->outstanding = 0;
  d->status = PCIE_SC;
  d->started = hd_now(r->device);
  d->translation = 0;
  d->parts = 0;
  d->next = NULL;
}

void pcie_requester_read(struct pcie_requester *r, struct pcie_dma *d)
{
  begin(r, d);
  HD_REQUIRE(r->device, d->done != NULL, "a read that nobody waits for");
  if (__builtin_expect(r->ats != NULL, 0)) {
    requester_ats_read(r, d);
    return;
  }
  if (r->first)
    r->last->next = d;
  else
    r->first = d;
  r->last = d;
  r->n_waiting++;
  issue(r);
}

void pcie_requester_write(struct pcie_requester *r, struct pcie_dma *d)
{
  begin(r, d);
  if (__builtin_expect(r->ats != NULL, 0)) {
    requester_ats_write(r, d);
    return;
  }
  while (d->issued < d->length) {
    uint32_t n = requester_piece(d->address + d->issued, d->length - d->issued,
                                 (uint32_t)r->params->mps);
    struct pcie_tlp *t = new_tlp(r, d, PCIE_MWR, n);
    if (d->issued == d->length) {
      t->observer = d->observer;
      t->data = d->data;
      t->object = d->object;
      t->flags |= d->done ? PCIE_NOTIFY_SENT : 0;
    }
    hd_send(r->to_link, r->to_link->latency, t);
  }
  if (d->done)
    r->writes_open++;
  else
    r->stats.writes++;
}

/* ---- receiving ---------------------------------------------------------- */

void requester_free_tag(struct pcie_requester *r, uint16_t tag)
{
  struct requester_slot *s = &r->slots[tag];
  hd_time now = hd_now(r->device);
  if (hd_window_contains(r->window, now)) {
    r->stats.requests++;
    r->stats.request_latency_sum += now - s->sent;
  }
  s->dma->outstanding--;
  s->dma = NULL;
  r->free_tags[r->n_free++] = tag;
  hd_gauge_add(&r->tags, r->window, now, -1);
}

/* An error ends the request; what the transfer has not asked for yet is not
 * asked for any more. Only the oldest waiting read can be half issued. */
static void fail(struct pcie_requester *r, struct pcie_dma *d, uint8_t status)
{
  if (status > d->status)
    d->status = status;
  if (r->first == d)
    pop_waiting(r);
}

static void complete(struct pcie_requester *r, struct pcie_tlp *tlp)
{
  HD_REQUIRE(r->device, tlp->tag < r->n_tags && r->slots[tlp->tag].dma,
             "completion for tag %u, which is free", tlp->tag);
  struct requester_slot *s = &r->slots[tlp->tag];
  struct pcie_dma *d = s->dma;
  uint32_t n = pcie_payload(tlp);
  HD_REQUIRE(r->device, d == tlp->context,
             "completion for tag %u is not of this device's request", tlp->tag);
  HD_REQUIRE(r->device, n <= s->left,
             "completion of %u bytes for tag %u, which lacks %u", n, tlp->tag,
             s->left);
  s->left -= n;
  d->received += n;
  d->translation = hd_time_max(d->translation, tlp->translation);
  if (tlp->status != PCIE_SC)
    fail(r, d, tlp->status);
  else if (s->left)
    return;
  if (__builtin_expect(r->ats != NULL, 0)) {
    requester_ats_completed(r, tlp->tag, d);
    return;
  }
  requester_free_tag(r, tlp->tag);
  issue(r);
  bool issued = d->issued == d->length || d->status != PCIE_SC;
  if (issued && d->outstanding == 0) {
    r->stats.reads++;
    r->stats.errors += d->status != PCIE_SC;
    d->done(r->device, d);
  }
}

void pcie_requester_receive(struct pcie_requester *r, struct pcie_tlp *tlp)
{
  if (tlp->msg.kind == MSG_TLP_SENT) {
    struct pcie_dma *d = tlp->context;
    r->writes_open--;
    r->stats.writes++;
    d->done(r->device, d);
  } else if (__builtin_expect(tlp->type == PCIE_MSG, 0)) {
    requester_ats_message(r, tlp);
  } else if (__builtin_expect(tlp->at == PCIE_TRANSLATION_REQUEST, 0)) {
    requester_ats_translated(r, tlp);
  } else {
    HD_REQUIRE(r->device, pcie_class_of(tlp) == PCIE_COMPLETION,
               "TLP of type %d is not for the requester", tlp->type);
    complete(r, tlp);
  }
  hd_msg_free(r->device, tlp);
}

/* ---- statistics --------------------------------------------------------- */

size_t pcie_requester_tags_used(const struct pcie_requester *r)
{
  return r->n_tags - r->n_free;
}

size_t pcie_requester_waiting(const struct pcie_requester *r)
{
  return r->n_waiting;
}

void pcie_requester_get_stats(const struct pcie_requester *r,
                              struct pcie_requester_stats *s)
{
  *s = r->stats;
  if (r->ats)
    requester_ats_get_stats(r, &s->ats);
  struct hd_engine_report report;
  hd_engine_get_report(r->device->engine, &report);
  hd_time end = report.end != HD_TIME_NEVER ? report.end : hd_now(r->device);
  s->tags_mean = hd_gauge_mean(&r->tags, r->window, end);
}

const char *pcie_requester_check(const struct pcie_requester *r)
{
  size_t used = 0, waiting = 0;
  for (size_t i = 0; i < r->n_tags; i++)
    used += r->slots[i].dma != NULL;
  for (const struct pcie_dma *d = r->first; d; d = d->next)
    waiting++;
  if (used != pcie_requester_tags_used(r) || (size_t)r->tags.value != used)
    return "tags do not balance";
  if (r->ats)
    return requester_ats_check(r);
  if (waiting != r->n_waiting)
    return "waiting reads do not balance";
  if (r->first && r->n_free)
    return "reads wait although there are tags";
  return NULL;
}
