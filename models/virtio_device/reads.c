/*
 * reads.c - accesses to ring structures: reads, as many at a time as the device
 * has room for, in the order in which they were asked for; writes.
 */
#include "models/virtio_device/internal.h"

static void issue(struct virtio_device *n)
{
  while (n->read_first != NULL && n->reads_open < n->params.ring_reads) {
    struct virtio_hw_read *r = n->read_first;
    n->read_first = r->next;
    n->reads_open++;
    pcie_requester_read(n->endpoint.requester, &r->dma);
  }
}

static void arrived(struct hd_component *device, struct pcie_dma *d)
{
  struct virtio_device *n = (struct virtio_device *)device;
  struct virtio_hw_read *r = (struct virtio_hw_read *)d;
  if (d->status != PCIE_SC)
    virtio_hw_fault(n, r->queue->owner);
  n->reads_open--;
  r->done(n, r);
  hd_pool_put(&n->reads, r);
  issue(n);
}

static void count(struct virtio_device *n, enum virtq_purpose purpose)
{
  if (!virtio_hw_counts(n))
    return;
  switch (purpose) {
  case VIRTQ_READ_INDEX:
    n->counts.index_reads++;
    break;
  case VIRTQ_READ_AVAIL:
    n->counts.avail_reads++;
    break;
  case VIRTQ_READ_DESCRIPTOR:
    n->counts.descriptor_reads++;
    break;
  case VIRTQ_READ_INDIRECT:
    n->counts.indirect_reads++;
    break;
  case VIRTQ_READ_EVENT:
    n->counts.event_reads++;
    break;
  case VIRTQ_WRITE_EVENT:
    n->counts.event_writes++;
    break;
  default:
    n->counts.used_writes++;
  }
}

void virtio_hw_read(struct virtio_device *n, struct virtio_hw_queue *q,
                    const struct virtq_access *access, virtio_hw_read_done done,
                    struct virtio_hw_fetch *fetch, uint32_t index)
{
  struct virtio_hw_read *r = hd_pool_get(&n->reads);
  *r = (struct virtio_hw_read){.dma = {.address = access->address,
                                       .length = access->length,
                                       .done = arrived},
                               .queue = q,
                               .fetch = fetch,
                               .done = done,
                               .epoch = q->epoch,
                               .index = index};
  virtio_hw_identify(q->owner, &r->dma);
  r->dma.flags |= PCIE_DESCRIPTOR;
  count(n, access->purpose);
  if (n->read_first != NULL)
    n->read_last->next = r;
  else
    n->read_first = r;
  n->read_last = r;
  issue(n);
}

void virtio_hw_ring_write(struct virtio_device *n, struct virtio_hw_queue *q,
                          const struct virtq_access *access, bool tell)
{
  struct pcie_dma d = {.address = access->address, .length = access->length};
  virtio_hw_identify(q->owner, &d);
  d.flags |= PCIE_DESCRIPTOR;
  if (tell) {
    struct virtq_view view = virtq_device_view(&q->side);
    d.observer = q->observer;
    d.data = virtq_view_encode(&view);
    d.object = q->ring;
  }
  count(n, access->purpose);
  virtio_hw_write(n, q->owner, &d);
}
