/*
 * endpoint.h - a device's end of its link: the buffer of what arrives, the DMA
 * requester, and accesses to registers, which take their decoding's latency.
 *
 * A library embedded in a device component (not a component).
 */
#ifndef HD_MODELS_PCIE_ENDPOINT_H
#define HD_MODELS_PCIE_ENDPOINT_H

#include "models/pcie/link.h"
#include "models/pcie/requester.h"
#include "models/pcie/tlp.h"

/* The device's registers, by address. */
struct pcie_endpoint_ops {
  /* NULL: all read as 0. */
  uint64_t (*read)(const struct hd_component *device, uint64_t address);
  /* A memory write; the TLP is the caller's. */
  void (*write)(struct hd_component *device, const struct pcie_tlp *tlp);
};

/* Fields are endpoint.c's, but for `requester`, which is the device's to use
 * once it is attached. */
struct pcie_endpoint {
  struct pcie_requester *requester;
  struct hd_component *device;
  const struct pcie_endpoint_ops *ops;
  struct pcie_params params;
  hd_time register_latency;
  struct hd_channel *to_link;
  struct pcie_receiver receiver;
};

/* `register_latency`: ps, > 0, from the arrival of an access to its effect.
 * `ops` live on, `params` are copied. */
void pcie_endpoint_initialize(struct pcie_endpoint *e,
                              struct hd_component *device,
                              const struct pcie_endpoint_ops *ops,
                              const struct pcie_params *params,
                              hd_time register_latency);
void pcie_endpoint_terminate(struct pcie_endpoint *e);

/* Connects the device to the downstream end of `l`; once. The requester counts
 * in `window`, which is the caller's. */
void pcie_endpoint_attach(struct pcie_endpoint *e, struct pcie_link *l,
                          const struct hd_window *window);

/* A MSG_TLP or MSG_TLP_SENT that the device has got; takes it over. The device
 * gets reads twice, the second time from itself. */
void pcie_endpoint_receive(struct pcie_endpoint *e, struct pcie_tlp *tlp);

#endif
