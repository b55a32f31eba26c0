/* endpoint.c - see endpoint.h. */
#include "models/pcie/endpoint.h"

void pcie_endpoint_initialize(struct pcie_endpoint *e,
                              struct hd_component *device,
                              const struct pcie_endpoint_ops *ops,
                              const struct pcie_params *params,
                              hd_time register_latency)
{
  *e = (struct pcie_endpoint){.device = device,
                              .ops = ops,
                              .params = *params,
                              .register_latency = register_latency};
}

void pcie_endpoint_terminate(struct pcie_endpoint *e)
{
  if (e->requester != NULL)
    pcie_requester_destroy(e->requester);
}

void pcie_endpoint_attach(struct pcie_endpoint *e, struct pcie_link *l,
                          const struct hd_window *window)
{
  e->to_link = pcie_link_connect(l, PCIE_DOWNSTREAM_END, e->device,
                                 e->params.device_latency);
  pcie_link_take_uncut(l, PCIE_DOWNSTREAM_END);
  pcie_link_decode_posted(l, PCIE_DOWNSTREAM_END, e->register_latency);
  e->requester = pcie_requester_create(e->device, e->to_link, &e->params);
  pcie_requester_set_window(e->requester, window);
  pcie_receiver_initialize(&e->receiver, &e->params, e->to_link,
                           PCIE_DOWNSTREAM_END);
}

static void answer(struct pcie_endpoint *e, struct pcie_tlp *read)
{
  read->data = e->ops->read ? e->ops->read(e->device, read->address) : 0;
  pcie_complete(read, PCIE_SC);
  hd_send(e->to_link, e->to_link->latency, read);
}

/* A read comes back to the device when it has been decoded: it must find what
 * the writes before it have done (2.4.1). */
static void read_arrived(struct pcie_endpoint *e, struct pcie_tlp *read)
{
  if (read->msg.order >> 40 == e->device->id) {
    answer(e, read);
    return;
  }
  pcie_receiver_free(&e->receiver, read);
  hd_schedule(e->device, e->register_latency, read);
}

/* The buffer of posted TLPs was freed by the link, which hands them over when
 * they have been decoded. */
static void posted_arrived(struct pcie_endpoint *e, struct pcie_tlp *tlp)
{
  if (tlp->type == PCIE_MSG) {
    pcie_requester_receive(e->requester, tlp);
    return;
  }
  e->ops->write(e->device, tlp);
  hd_msg_free(e->device, tlp);
}

void pcie_endpoint_receive(struct pcie_endpoint *e, struct pcie_tlp *tlp)
{
  if (tlp->msg.kind == MSG_TLP_SENT) {
    pcie_requester_receive(e->requester, tlp);
  } else if (pcie_class_of(tlp) == PCIE_POSTED) {
    posted_arrived(e, tlp);
  } else if (tlp->type == PCIE_MRD) {
    read_arrived(e, tlp);
  } else {
    pcie_receiver_free(&e->receiver, tlp);
    pcie_requester_receive(e->requester, tlp);
  }
}
