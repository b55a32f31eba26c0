/*
 * ats.c - address translation services: Translation Requests and translated
 * requests (VT-d 4.0, 4.1 and 4.2), device-TLB invalidation (6.5.2.5).
 *
 * Faults of a Translation Request (7.2, 7.3, from memory): where the page is
 * not mapped the device can recover, by asking for the page; so nothing is
 * recorded and the answer is a translation without rights. All others are
 * recorded and end in an unsupported-request completion, as does a translated
 * request of a requester whose context entry does not allow ATS.
 */
#include "models/iommu/internal.h"

/* ---- translated requests -------------------------------------------- */

void iommu_pass_translated(struct iommu *u, struct pcie_tlp *tlp,
                           uint64_t context, hd_time delay)
{
  iommu_count(u, &u->count.checked);
  if (!(context & CONTEXT_ATS)) {
    iommu_block(u, tlp, IOMMU_FAULT_ATS, delay);
    return;
  }
  tlp->hpa = tlp->address;
  tlp->status = PCIE_SC;
  tlp->owner = MEMORY_NO_REGION;
  iommu_answer(u, tlp, delay);
}

bool iommu_check_translated(struct iommu *u, struct pcie_tlp *tlp)
{
  const uint64_t *context = vtd_cache_find(&u->contexts, tlp->requester);
  if (context) {
    iommu_pass_translated(u, tlp, *context, u->check_delay);
    return true;
  }
  if (!iommu_miss(u, tlp))
    return false;
  iommu_count(u, &u->count.lookups);
  iommu_count(u, &u->count.context_misses);
  return true;
}

/* ---- Translation Requests ------------------------------------------- */

/* The walk or the look-up has had the context entry; the cache may have lost it
 * since. */
static bool allowed(struct iommu *u, const struct pcie_tlp *tlp)
{
  const uint64_t *context = vtd_cache_find(&u->contexts, tlp->requester);
  return context ? (*context & CONTEXT_ATS) != 0
                 : vtd_ats_allowed(u->tables, tlp->requester);
}

void iommu_give_translation(struct iommu *u, struct pcie_tlp *tlp,
                            uint64_t page, unsigned shift, bool writable,
                            hd_time delay)
{
  if (!allowed(u, tlp)) {
    iommu_block(u, tlp, IOMMU_FAULT_ATS, delay);
    return;
  }
  iommu_count(u, &u->count.translations);
  tlp->data = pcie_entry(page & ~((UINT64_C(1) << shift) - 1), shift,
                         PCIE_ENTRY_READ | (writable ? PCIE_ENTRY_WRITE : 0));
  tlp->status = PCIE_SC;
  iommu_answer(u, tlp, delay);
}

static bool recoverable(enum iommu_fault_reason reason)
{
  return reason == IOMMU_FAULT_FIRST_STAGE ||
         reason == IOMMU_FAULT_SECOND_READ ||
         reason == IOMMU_FAULT_SECOND_WRITE;
}

bool iommu_withhold_translation(struct iommu *u, struct pcie_tlp *tlp,
                                enum iommu_fault_reason *reason, hd_time delay)
{
  iommu_count(u, &u->count.refused);
  if (!recoverable(*reason))
    return false;
  if (!allowed(u, tlp)) {
    *reason = IOMMU_FAULT_ATS;
    return false;
  }
  tlp->data = 0;
  tlp->status = PCIE_SC;
  iommu_answer(u, tlp, delay);
  return true;
}

/* ---- device-TLB invalidation ---------------------------------------- */

static void send_request(struct iommu *u, struct iommu_command *c)
{
  unsigned tag = (unsigned)__builtin_ctz(~u->tags);
  struct pcie_tlp *t = hd_msg_new_zero(&u->base, MSG_TLP_MESSAGE);
  u->tags |= 1u << tag;
  t->type = PCIE_MSG;
  t->message = PCIE_INVALIDATE_REQUEST;
  t->flags = (uint8_t)(PCIE_ADDR64 | (c->has_pasid ? PCIE_HAS_PASID : 0));
  t->requester = c->requester;
  t->pasid = c->pasid;
  t->tag = (uint16_t)tag;
  t->length = PCIE_ENTRY_BYTES;
  t->observer = PCIE_NO_OBSERVER;
  t->data = pcie_entry(c->shift >= 64 ? 0 : c->address >> c->shift << c->shift,
                       c->shift, 0);
  iommu_count(u, &u->count.invalidations);
  hd_send(u->answer, u->answer->latency, t);
  hd_msg_free(&u->base, c);
}

void iommu_invalidate_device(struct iommu *u, struct iommu_command *c)
{
  u->at_devices++;
  if (u->tags == UINT32_MAX)
    iommu_append(&u->untagged_first, &u->untagged_last, &c->msg);
  else
    send_request(u, c);
}

void iommu_device_answered(struct iommu *u, struct pcie_tlp *t)
{
  HD_REQUIRE(&u->base,
             t->message == PCIE_INVALIDATE_COMPLETION && t->tag < PCIE_ITAGS &&
                 (u->tags >> t->tag & 1),
             "an Invalidate Completion for tag %u, which is free", t->tag);
  u->tags &= ~(1u << t->tag);
  u->at_devices--;
  hd_msg_free(&u->base, t);
  if (u->untagged_first)
    send_request(u, (struct iommu_command *)iommu_pop(&u->untagged_first));
  iommu_answer_waits(u);
}

const char *iommu_ats_check(const struct iommu *u)
{
  int64_t waiting = 0;
  for (const struct hd_msg *m = u->untagged_first; m; m = m->next)
    waiting++;
  if (u->at_devices != waiting + __builtin_popcount(u->tags))
    return "device-TLB invalidations do not balance";
  return NULL;
}
