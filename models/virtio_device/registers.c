/*
 * registers.c - MMIO: decode of BAR 0 and what writes to it do; views that
 * stand for memory.
 */
#include "models/virtio_device/internal.h"

/* ---- views ----------------------------------------------------------------
 */

static void keep(struct virtio_hw_queue *q, const struct virtq_view *v)
{
  if (!virtq_view_overtaken(q->ring, &q->memory, v))
    q->memory = *v;
}

static struct virtio_hw_queue *queue_of_guest(const struct virtio_device *n,
                                              uint16_t vm, uint16_t queue)
{
  struct virtio_hw_function *f = vm < n->n_routes ? n->route[vm] : NULL;
  return f != NULL && queue < f->config.n_queues ? &f->queue[queue] : NULL;
}

/* Memory has changed. Nobody tells the device, but for what its driver would
 * have kicked for had it known (rule 4 of ring.h): that counts as found by the
 * look that the device takes after enabling kicks, which is repeated. */
void virtio_hw_view_arrived(struct virtio_device *n,
                            const struct virtio_view_msg *m)
{
  struct virtio_hw_queue *q = queue_of_guest(n, m->vm, m->queue);
  if (q == NULL)
    return;
  struct virtq_view v = virtq_view_decode(m->view);
  keep(q, &v);
  if (virtio_hw_serves(q) && !q->failed && !q->looking &&
      virtq_device_would_miss(&q->side, &q->memory))
    virtio_hw_look(n, q);
}

/* ---- writes ---------------------------------------------------------------
 */

static void ignore(struct virtio_device *n)
{
  n->counts.ignored_writes += virtio_hw_counts(n);
}

/* A read of the driver's event data may have come between: what it told stays,
 * but where the ring ends is as the doorbell says, if that is further. */
static void see_kick(struct virtio_device *n, struct virtio_hw_queue *q,
                     struct virtq_view v)
{
  const struct virtq_view *seen = &q->side.side.peer;
  if (virtq_view_overtaken(q->ring, seen, &v)) {
    struct virtq_position end = v.position;
    n->counts.overtaken += virtio_hw_counts(n);
    v = *seen;
    v.position = end;
  }
  virtio_hw_see(n, q, &v);
}

static void kicked(struct virtio_device *n, struct virtio_hw_queue *q,
                   uint64_t data)
{
  if (q == NULL || q->failed || q->index >= q->owner->served) {
    ignore(n);
    return;
  }
  if (virtio_hw_counts(n)) {
    n->counts.doorbells++;
    q->owner->stats.doorbells++;
  }
  struct virtq_view v = virtq_view_decode(data);
  keep(q, &v);
  if (!virtio_hw_serves(q))
    return;
  see_kick(n, q, v);
  virtio_hw_fetch(n, q);
}

static void write_register(struct hd_component *device,
                           const struct pcie_tlp *tlp)
{
  struct virtio_device *n = (struct virtio_device *)device;
  uint64_t offset = tlp->address - VIRTIO_DEVICE_NOTIFY_BASE;
  uint64_t queue = offset / VIRTIO_DEVICE_PAGE;
  if (tlp->address == VIRTIO_DEVICE_ADMIN_DOORBELL && tlp->object != NULL)
    virtio_hw_admin_arrived(n, tlp->object);
  else if (tlp->address >= VIRTIO_DEVICE_NOTIFY_BASE &&
           offset % VIRTIO_DEVICE_PAGE == 0 &&
           queue < (uint64_t)n->params.queues)
    kicked(n, n->queues[queue], tlp->data);
  else
    ignore(n);
}

const struct pcie_endpoint_ops virtio_hw_registers = {.write = write_register};
