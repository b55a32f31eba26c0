/* virtio_driver.c - creation of a virtio driver and its queues. */
#include <stdlib.h>

#include "models/workload/virtio_driver.h"

static enum virtio_device_type type_of(enum virtio_kind kind)
{
  return kind == VIRTIO_NET ? VIRTIO_TYPE_NET : VIRTIO_TYPE_BLK;
}

void virtio_driver_create(struct guest *g, struct virtio_driver *v,
                          enum virtio_kind kind, uint16_t n_queues,
                          uint64_t offered, uint64_t accepted,
                          struct virtio_driver_queue *(*queue)(
                              struct virtio_driver *, unsigned index))
{
  struct virtio_function *f = &v->function;
  f->kind = kind;
  f->vm = g->config.vm;
  f->n_queues = n_queues;
  f->features = accepted;
  f->queue = guest_allocate(n_queues, sizeof(struct virtq *));
  v->queues = guest_allocate(n_queues, sizeof(struct virtio_driver_queue *));
  v->looks = guest_allocate(g->n_cpus, sizeof *v->looks);
  for (unsigned i = 0; i < n_queues; i++) {
    v->queues[i] = queue(v, i);
    v->queues[i]->of = v;
    v->queues[i]->index = (uint16_t)i;
    f->queue[i] = &v->queues[i]->ring;
  }
  HD_REQUIRE(
      NULL, virtio_status_initialize(&v->status, type_of(kind), offered, false),
      "%s: virtio device offers what it must not", g->config.path);
}

void virtio_driver_destroy(struct virtio_driver *v)
{
  free(v->function.queue);
  free(v->queues);
  free(v->looks);
}

void virtio_driver_queue_create(struct guest *g, struct virtio_driver_queue *q,
                                const struct virtq_config *ring)
{
  const struct virtq_driver_options options = {
      .indirect_from = ring->indirect_entries > 0 ? 2 : 0};
  enum virtq_status status = virtq_initialize(&q->ring, ring);
  if (status == VIRTQ_OK)
    status = virtq_driver_initialize(&q->driver, &q->ring, &options);
  HD_REQUIRE(NULL, status == VIRTQ_OK, "%s: virtqueue %u: %s", g->config.path,
             q->index, virtq_status_text(status));
}

void virtio_driver_queue_destroy(struct virtio_driver_queue *q)
{
  virtq_driver_terminate(&q->driver);
  virtq_terminate(&q->ring);
}

struct virtio_driver_queue *virtio_driver_queue_of(struct guest_cpu *cpu,
                                                   void *object)
{
  const struct virtio_driver_queue *q = object;
  const struct virtio_driver *v = q->of;
  HD_REQUIRE(&cpu->vcpu.task.base,
             q->index < v->function.n_queues && v->queues[q->index] == q &&
                 q->cpu == cpu,
             "used entries of a virtqueue that is not this vCPU's");
  return object;
}

struct virtio_function *guest_virtio_function(struct guest *g)
{
  return g->virtio ? &g->virtio->function : NULL;
}
