/*
 * switch.h - a PCIe switch: one upstream link and any number of downstream
 * links.
 *
 * Store and forward: a TLP that has arrived whole is in its egress port's
 * queues after switch_latency. An egress port takes turns between its ingress
 * ports (round robin, per flow-control class), hands its link a few TLPs at a
 * time, and obeys the ordering rules (PCIe 2.4.1) per ingress port. Credits are
 * per link: an ingress buffer is freed when the TLP leaves for its egress link.
 *
 * Routing: upstream always to the root port; completions to where their
 * requester ID was last seen; downstream requests by pcie_tlp.port, which the
 * root complex sets to the device's index below this switch. No traffic between
 * downstream ports. All links have the parameters of this switch.
 */
#ifndef HD_MODELS_PCIE_SWITCH_H
#define HD_MODELS_PCIE_SWITCH_H

#include "models/pcie/link.h"

struct pcie_switch; /* is a struct hd_component */

struct pcie_switch *pcie_switch_create(struct hd_engine *e, const char *path,
                                       const char *host,
                                       const struct pcie_params *params,
                                       const struct hd_window *window);
void pcie_switch_destroy(struct pcie_switch *s);
struct hd_component *pcie_switch_component(struct pcie_switch *s);

/* The link to the root port (the switch is its downstream end); first, once. */
void pcie_switch_attach_upstream(struct pcie_switch *s, struct pcie_link *l);
/* The next link to a device (the switch is its upstream end); ports count from
 * 0 in the order of these calls. */
void pcie_switch_attach_downstream(struct pcie_switch *s, struct pcie_link *l);

struct pcie_switch_stats { /* within the window */
  uint64_t forwarded[2];   /* TLPs to the upstream link, to downstream links */
};
void pcie_switch_get_stats(const struct pcie_switch *s,
                           struct pcie_switch_stats *stats);
/* NULL, or what does not balance. */
const char *pcie_switch_check(const struct pcie_switch *s);

#endif
