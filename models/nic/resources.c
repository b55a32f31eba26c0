#include "models/nic/resources.h"

bool nic_stores_messages(const struct nic_params *p, bool virtual_function)
{
  return p->interrupt_store == NIC_STORE_DEVICE_MEMORY && !virtual_function;
}

static int64_t messages(const struct nic_params *p)
{
  return p->interrupt_store == NIC_STORE_DEVICE_MEMORY ? p->interrupt_messages
                                                       : 0;
}

int64_t nic_vectors_of(const struct nic_params *p)
{
  return p->vectors + messages(p);
}

void nic_resources_initialize(struct resource_pools *r,
                              const struct nic_params *p)
{
  *r = (struct resource_pools){
      .n = NIC_RESOURCES,
      .pool = {
          [NIC_INTERFACES] = {"interfaces", p->interfaces, p->pf_interfaces, 0},
          [NIC_VIRTUAL_FUNCTIONS] = {"virtual functions", p->virtual_functions,
                                     0, 0},
          [NIC_VECTORS] = {"vectors", p->vectors,
                           p->pf_vectors + p->rdma_vectors, 0},
          [NIC_MESSAGES] = {"interrupt messages", messages(p), 0, 0},
          [NIC_TX_QUEUES] = {"transmit queues", p->tx_queues, p->pf_queues, 0},
          [NIC_RX_QUEUES] = {"receive queues", p->rx_queues, p->pf_queues, 0}}};
}

struct resource_need nic_need_of(const struct nic_params *p,
                                 bool virtual_function, int64_t queue_pairs)
{
  bool stored = nic_stores_messages(p, virtual_function);
  return (struct resource_need){
      .amount = {[NIC_INTERFACES] = 1,
                 [NIC_VIRTUAL_FUNCTIONS] = virtual_function ? 1 : 0,
                 [NIC_VECTORS] = stored ? 0 : queue_pairs + 1,
                 [NIC_MESSAGES] = stored ? queue_pairs + 1 : 0,
                 [NIC_TX_QUEUES] = queue_pairs,
                 [NIC_RX_QUEUES] = queue_pairs}};
}
