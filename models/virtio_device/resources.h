/*
 * resources.h - what a virtio accelerator has to give: functions, virtqueues,
 * vectors.
 *
 * Limits emerge here: a device is granted only when every pool has what it
 * needs; the refusal names the pool that ran out.
 */
#ifndef HD_MODELS_VIRTIO_DEVICE_RESOURCES_H
#define HD_MODELS_VIRTIO_DEVICE_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "models/virtio/transport.h"
#include "models/virtio_device/virtio_device_params.h"

enum virtio_device_resource {
  VIRTIO_DEVICE_FUNCTIONS,
  VIRTIO_DEVICE_QUEUES,
  VIRTIO_DEVICE_VECTORS,
  VIRTIO_DEVICE_RESOURCES
};
extern const char *const
    virtio_device_resource_names[VIRTIO_DEVICE_RESOURCES]; /* plural nouns */

struct virtio_device_pool {
  int64_t total, reserved /* by the host */, used;
};

struct virtio_device_resources {
  struct virtio_device_pool pool[VIRTIO_DEVICE_RESOURCES];
};

void virtio_device_resources_initialize(struct virtio_device_resources *r,
                                        const struct virtio_device_params *p);

struct virtio_device_need {
  int64_t amount[VIRTIO_DEVICE_RESOURCES];
};
/* One function: its queues (network: two a pair, and the control queue), a
 * vector a pair or request queue, and one for changes of configuration. */
struct virtio_device_need virtio_device_need_of(enum virtio_kind kind,
                                                int64_t pairs_or_queues,
                                                bool control_queue);

/* Takes `count` functions' worth. False: nothing is taken, *short_of names the
 * pool that would end first, *have and *need are in that pool's units (for all
 * functions asked for so far, reserved ones not counted). */
bool virtio_device_resources_take(struct virtio_device_resources *r,
                                  const struct virtio_device_need *need,
                                  int64_t count,
                                  enum virtio_device_resource *short_of,
                                  int64_t *have, int64_t *need_total);
void virtio_device_resources_give(struct virtio_device_resources *r,
                                  const struct virtio_device_need *need,
                                  int64_t count);

#endif
