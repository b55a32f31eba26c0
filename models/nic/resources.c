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
      .pool = {
          [NIC_INTERFACES] = {p->interfaces, p->pf_interfaces, 0},
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

bool nic_resources_take(struct nic_resources *r, const struct nic_need *need,
                        int64_t count, enum nic_resource *short_of,
                        int64_t *have, int64_t *need_total)
{
  for (int i = 0; i < NIC_RESOURCES; i++) {
    struct nic_pool *p = &r->pool[i];
    int64_t wanted = p->used + need->amount[i] * count;
    if (need->amount[i] > 0 && wanted > available(p)) {
      *short_of = (enum nic_resource)i;
      *have = available(p);
      *need_total = wanted;
      return false;
    }
  }
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
