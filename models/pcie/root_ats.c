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
  if (!rc->ports[t->port].to_iommu) {
    t->status = PCIE_UR;
    hd_counter_add(&rc->blocked, rc->window, hd_now(&rc->base), 1);
  } else if (t->at == PCIE_TRANSLATION_REQUEST) {
    remember(rc, t);
  }
}

/* The way back to the IOMMU that has sent a message. */
static struct hd_channel *to_sender(const struct root_complex *rc,
                                    const struct hd_msg *m)
{
  uint64_t id = m->order >> 40;
  for (size_t i = 0; i < rc->n_ports; i++)
    if (rc->ports[i].to_iommu && rc->ports[i].to_iommu->to->id == id)
      return rc->ports[i].to_iommu;
  hd_fail(&rc->base, __FILE__, __LINE__, "message of ATS from nobody's IOMMU");
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
  struct hd_channel *back = to_sender(rc, &t->msg);
  hd_send(back, back->latency, t);
}
