/*
 * root_ats.c - the root complex's part in address translation services (PCIe
 * chapter 10).
 *
 * Translation Requests go to the IOMMU like any request and come back as their
 * completions; translated requests go there to be checked. Messages to devices
 * are routed by the port at which the function has asked for translations.
 */
#include "models/pcie/root_internal.h"

#include <stdlib.h>

enum { REQUESTERS = 65536 };

static void remember(struct root_complex *rc, const struct pcie_tlp *t)
{
  if (!rc->asked)
    rc->asked = hd_array(&rc->base, REQUESTERS, sizeof *rc->asked,
                         "ports of requesters");
  rc->asked[t->requester] = (uint16_t)(t->port + 1);
}

/* Nobody translates or checks without an IOMMU: unsupported (10.2.3). */
void root_ats_arrive(struct root_complex *rc, struct pcie_tlp *t)
{
  if (!rc->to_iommu) {
    t->status = PCIE_UR;
    hd_counter_add(&rc->blocked, rc->window, hd_now(&rc->base), 1);
  } else if (t->at == PCIE_TRANSLATION_REQUEST) {
    remember(rc, t);
  }
}

void root_ats_message(struct root_complex *rc, struct pcie_tlp *t)
{
  uint16_t port = rc->asked ? rc->asked[t->requester] : 0;
  if (port) {
    t->msg.kind = MSG_TLP;
    root_send_down(rc, &rc->ports[port - 1], 0, t);
    return;
  }
  t->message = PCIE_INVALIDATE_COMPLETION;
  t->length = 0;
  hd_send(rc->to_iommu, rc->to_iommu->latency, t);
}
