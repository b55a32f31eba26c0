/*
 * resources.h - what a NIC has to give: interfaces, functions, vectors, queues.
 *
 * Limits emerge here: a device is granted only when every pool has what it
 * needs; the refusal names the pool that ran out.
 */
#ifndef HD_MODELS_NIC_RESOURCES_H
#define HD_MODELS_NIC_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "models/nic/nic_params.h"

enum nic_resource {
  NIC_INTERFACES, /* VSIs */
  NIC_VIRTUAL_FUNCTIONS,
  NIC_VECTORS, /* MSI-X */
  NIC_TX_QUEUES,
  NIC_RX_QUEUES,
  NIC_RESOURCES
};
extern const char *const nic_resource_names[NIC_RESOURCES]; /* plural nouns */

struct nic_pool {
  int64_t total, reserved /* by the physical functions */, used;
};

struct nic_resources {
  struct nic_pool pool[NIC_RESOURCES];
};

/* Totals from the parameters; what the host's own driver takes is reserved. */
void nic_resources_initialize(struct nic_resources *r,
                              const struct nic_params *p);

struct nic_need {
  int64_t amount[NIC_RESOURCES];
};
/* One device with these queue pairs: an interface; a vector per queue pair and
 * one for the mailbox; and, for SR-IOV, a virtual function. */
struct nic_need nic_need_of(bool virtual_function, int64_t queue_pairs);

/* Takes `count` devices' worth. False: nothing is taken, *short_of names the
 * pool that would end first, *have and *need are in that pool's units
 * (for all devices asked for so far, reserved ones not counted). */
bool nic_resources_take(struct nic_resources *r, const struct nic_need *need,
                        int64_t count, enum nic_resource *short_of,
                        int64_t *have, int64_t *need_total);
void nic_resources_give(struct nic_resources *r, const struct nic_need *need,
                        int64_t count);

#endif
