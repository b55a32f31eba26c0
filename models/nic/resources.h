/*
 * resources.h - what a NIC has to give: interfaces, functions, vectors, queues.
 *
 * Vectors are entries of the MSI-X table; assignable interfaces of a device
 * with an interrupt message store have messages in device memory instead
 * (Scalable IOV: IMS), which the MSI-X table's 2048 entries do not bound.
 */
#ifndef HD_MODELS_NIC_RESOURCES_H
#define HD_MODELS_NIC_RESOURCES_H

#include "models/nic/nic_params.h"
#include "models/resources.h"

enum nic_resource {
  NIC_INTERFACES, /* VSIs */
  NIC_VIRTUAL_FUNCTIONS,
  NIC_VECTORS,  /* MSI-X */
  NIC_MESSAGES, /* interrupt message store; total 0: there is none */
  NIC_TX_QUEUES,
  NIC_RX_QUEUES,
  NIC_RESOURCES
};

/* Totals from the parameters; what the host's own driver takes is reserved. */
void nic_resources_initialize(struct resource_pools *r,
                              const struct nic_params *p);

/* One device with these queue pairs: an interface; a vector or stored message
 * per queue pair and one for the mailbox; and, for SR-IOV, a virtual function.
 */
struct resource_need nic_need_of(const struct nic_params *p,
                                 bool virtual_function, int64_t queue_pairs);
/* Its messages are in the interrupt store. */
bool nic_stores_messages(const struct nic_params *p, bool virtual_function);
/* Vectors of the device: the MSI-X table's come first, then the store's. */
int64_t nic_vectors_of(const struct nic_params *p);

#endif
