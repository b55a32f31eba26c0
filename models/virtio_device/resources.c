#include "models/virtio_device/resources.h"

void virtio_device_resources_initialize(struct resource_pools *r,
                                        const struct virtio_device_params *p)
{
  *r = (struct resource_pools){
      .n = VIRTIO_DEVICE_RESOURCES,
      .pool = {
          [VIRTIO_DEVICE_FUNCTIONS] = {"virtio functions", p->functions,
                                       p->pf_functions, 0},
          [VIRTIO_DEVICE_QUEUES] = {"virtqueues", p->queues, p->pf_queues, 0},
          [VIRTIO_DEVICE_VECTORS] = {"vectors", p->vectors, p->pf_vectors, 0}}};
}

struct resource_need virtio_device_need_of(enum virtio_kind kind,
                                           int64_t pairs_or_queues,
                                           bool control_queue)
{
  int64_t queues = kind == VIRTIO_NET ? 2 * pairs_or_queues : pairs_or_queues;
  return (struct resource_need){
      .amount = {[VIRTIO_DEVICE_FUNCTIONS] = 1,
                 [VIRTIO_DEVICE_QUEUES] = queues + (control_queue ? 1 : 0),
                 [VIRTIO_DEVICE_VECTORS] = pairs_or_queues + 1}};
}
