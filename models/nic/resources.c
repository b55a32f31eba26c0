#include "models/nic/resources.h"

#include <stddef.h>

const char *const nic_resource_names[NIC_RESOURCES] = {
    [NIC_INTERFACES] = "interfaces",
    [NIC_VIRTUAL_FUNCTIONS] = "virtual functions",
    [NIC_VECTORS] = "vectors",
    [NIC_TX_QUEUES] = "transmit queues",
    [NIC_RX_QUEUES] = "receive queues"};

void nic_resources_initialize(struct nic_resources *r,
                              const struct nic_params *p)
{
  *r = (struct nic_resources){
      .pool = {[NIC_INTERFACES] = {p->interfaces, p->pf_interfaces, 0},
               [NIC_VIRTUAL_FUNCTIONS] = {p->virtual_functions, 0, 0},
               [NIC_VECTORS] = {p->vectors, p->pf_vectors + p->rdma_vectors, 0},
               [NIC_TX_QUEUES] = {p->tx_queues, p->pf_queues, 0},
               [NIC_RX_QUEUES] = {p->rx_queues, p->pf_queues, 0}}};
}

struct nic_need nic_need_of(bool virtual_function, int64_t queue_pairs)
{
  return (struct nic_need){
      .amount = {[NIC_INTERFACES] = 1,
                 [NIC_VIRTUAL_FUNCTIONS] = virtual_function ? 1 : 0,
                 [NIC_VECTORS] = queue_pairs + 1,
                 [NIC_TX_QUEUES] = queue_pairs,
                 [NIC_RX_QUEUES] = queue_pairs}};
}

/* What is there for devices at all; a host may reserve more than there is. */
static int64_t available(const struct nic_pool *p)
{
  return p->total > p->reserved ? p->total - p->reserved : 0;
}

/* The pool that ends first when devices of this need are taken one by one. */
static enum nic_resource binding(const struct nic_resources *r,
                                 const struct nic_need *need)
{
  int least = 0;
  int64_t fewest = INT64_MAX;
  for (int i = 0; i < NIC_RESOURCES; i++) {
    const struct nic_pool *p = &r->pool[i];
    if (need->amount[i] <= 0)
      continue;
    int64_t devices = (available(p) - p->used) / need->amount[i];
    if (devices < fewest) {
      fewest = devices;
      least = i;
    }
  }
  return (enum nic_resource)least;
}

bool nic_resources_take(struct nic_resources *r, const struct nic_need *need,
                        int64_t count, enum nic_resource *short_of,
                        int64_t *have, int64_t *need_total)
{
  *short_of = binding(r, need);
  *have = available(&r->pool[*short_of]);
  *need_total = r->pool[*short_of].used + need->amount[*short_of] * count;
  if (*need_total > *have)
    return false;
  for (int i = 0; i < NIC_RESOURCES; i++)
    r->pool[i].used += need->amount[i] * count;
  return true;
}

void nic_resources_give(struct nic_resources *r, const struct nic_need *need,
                        int64_t count)
{
  for (int i = 0; i < NIC_RESOURCES; i++)
    r->pool[i].used -= need->amount[i] * count;
}
