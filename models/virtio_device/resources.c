#include "models/virtio_device/resources.h"

const char *const virtio_device_resource_names[VIRTIO_DEVICE_RESOURCES] = {
    [VIRTIO_DEVICE_FUNCTIONS] = "virtio functions",
    [VIRTIO_DEVICE_QUEUES] = "virtqueues",
    [VIRTIO_DEVICE_VECTORS] = "vectors"};

void virtio_device_resources_initialize(struct virtio_device_resources *r,
                                        const struct virtio_device_params *p)
{
  *r = (struct virtio_device_resources){
      .pool = {[VIRTIO_DEVICE_FUNCTIONS] = {p->functions, p->pf_functions, 0},
               [VIRTIO_DEVICE_QUEUES] = {p->queues, p->pf_queues, 0},
               [VIRTIO_DEVICE_VECTORS] = {p->vectors, p->pf_vectors, 0}}};
}

struct virtio_device_need virtio_device_need_of(enum virtio_kind kind,
                                                int64_t pairs_or_queues,
                                                bool control_queue)
{
  int64_t queues = kind == VIRTIO_NET ? 2 * pairs_or_queues : pairs_or_queues;
  return (struct virtio_device_need){
      .amount = {[VIRTIO_DEVICE_FUNCTIONS] = 1,
                 [VIRTIO_DEVICE_QUEUES] = queues + (control_queue ? 1 : 0),
                 [VIRTIO_DEVICE_VECTORS] = pairs_or_queues + 1}};
}

/* What is there for guests at all; a host may reserve more than there is. */
static int64_t available(const struct virtio_device_pool *p)
{
  return p->total > p->reserved ? p->total - p->reserved : 0;
}

/* The pool that ends first when functions of this need are taken one by one. */
static enum virtio_device_resource
binding(const struct virtio_device_resources *r,
        const struct virtio_device_need *need)
{
  int least = 0;
  int64_t fewest = INT64_MAX;
  for (int i = 0; i < VIRTIO_DEVICE_RESOURCES; i++) {
    const struct virtio_device_pool *p = &r->pool[i];
    if (need->amount[i] <= 0)
      continue;
    int64_t functions = (available(p) - p->used) / need->amount[i];
    if (functions < fewest) {
      fewest = functions;
      least = i;
    }
  }
  return (enum virtio_device_resource)least;
}

bool virtio_device_resources_take(struct virtio_device_resources *r,
                                  const struct virtio_device_need *need,
                                  int64_t count,
                                  enum virtio_device_resource *short_of,
                                  int64_t *have, int64_t *need_total)
{
  *short_of = binding(r, need);
  *have = available(&r->pool[*short_of]);
  *need_total = r->pool[*short_of].used + need->amount[*short_of] * count;
  if (*need_total > *have)
    return false;
  for (int i = 0; i < VIRTIO_DEVICE_RESOURCES; i++)
    r->pool[i].used += need->amount[i] * count;
  return true;
}

void virtio_device_resources_give(struct virtio_device_resources *r,
                                  const struct virtio_device_need *need,
                                  int64_t count)
{
  for (int i = 0; i < VIRTIO_DEVICE_RESOURCES; i++)
    r->pool[i].used -= need->amount[i] * count;
}
