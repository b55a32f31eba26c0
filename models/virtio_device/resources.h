/*
 * resources.h - what a virtio accelerator has to give: functions, virtqueues,
 * vectors.
 */
#ifndef HD_MODELS_VIRTIO_DEVICE_RESOURCES_H
#define HD_MODELS_VIRTIO_DEVICE_RESOURCES_H

#include "models/resources.h"
#include "models/virtio/transport.h"
#include "models/virtio_device/virtio_device_params.h"

enum virtio_device_resource {
  VIRTIO_DEVICE_FUNCTIONS,
  VIRTIO_DEVICE_QUEUES,
  VIRTIO_DEVICE_VECTORS,
  VIRTIO_DEVICE_RESOURCES
};

void virtio_device_resources_initialize(struct resource_pools *r,
                                        const struct virtio_device_params *p);

/* One function: its queues (network: two a pair, and the control queue), a
 * vector a pair or request queue, and one for changes of configuration. */
struct resource_need virtio_device_need_of(enum virtio_kind kind,
                                           int64_t pairs_or_queues,
                                           bool control_queue);

#endif
