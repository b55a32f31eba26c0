/*
 * descriptors.c - descriptor prefetch, the same for both directions.
 *
 * A queue has at most one fetch under way; the fetches of different queues
 * overlap. A fetch starts when the cache has run to half or below, and is
 * bounded by the tail, the room in the cache and the ring's end.
 */
#include "models/nic/internal.h"

static uint32_t least(uint64_t a, uint64_t b)
{
  return (uint32_t)(a < b ? a : b);
}

/* Descriptors a fetch would read now; 0: none. */
static uint32_t wanted(const struct nic *n, const struct nic_queue *q)
{
  uint64_t cache = (uint64_t)n->params.descriptor_cache;
  uint64_t cached = nic_cached(q);
  if (q->fetching || !q->live || cached > cache / 2 || q->used < q->broken_to)
    return 0;
  uint32_t count = least(q->announced - q->requested, cache - cached);
  count = least(count, (uint64_t)n->params.descriptor_fetch);
  return least(count, q->ring->size - nic_slot(q, q->requested));
}

/* The part of the wait that was the fetch, and of that, the translation. */
static void stamp_packets(struct nic *n, const struct nic_fetch *f)
{
  struct nic_queue *q = f->queue;
  for (uint32_t i = 0; i < f->count; i++) {
    struct hd_stamps *s =
        &q->descriptors[nic_slot(q, f->first + i)].packet->stamps;
    hd_stamps_mark(s, HD_STAGE_DEVICE_QUEUE, q->fetch_started);
    hd_stamps_mark(s, HD_STAGE_DESCRIPTOR_FETCH, hd_now(&n->base));
    HD_REQUIRE(&n->base,
               hd_stamps_move(s, HD_STAGE_DESCRIPTOR_FETCH, HD_STAGE_IOMMU,
                              f->dma.translation),
               "translation took longer than the descriptor fetch");
  }
}

/* Transmit descriptors that could not be read are served like others, but
 * their packets are lost: the device does not know where they are. */
static void transmit_arrived(struct nic *n, const struct nic_fetch *f)
{
  struct nic_queue *q = f->queue;
  stamp_packets(n, f);
  if (f->dma.status != PCIE_SC) {
    q->broken_from = f->first;
    q->broken_to = f->first + f->count;
  }
  q->arrived += f->count;
  nic_activate(n, q);
  nic_fetch_descriptors(n, q);
  nic_transmit(n);
}

/* Receive descriptors that could not be read are fetched again when the next
 * doorbell or frame comes; frames that wait for them are dropped. */
static void receive_arrived(struct nic *n, const struct nic_fetch *f)
{
  struct nic_queue *q = f->queue;
  if (f->dma.status != PCIE_SC) {
    q->requested = f->first;
    nic_drop_waiting(n, q, NIC_DROP_FAULT);
    return;
  }
  q->arrived += f->count;
  nic_receive_waiting(n, q);
  nic_fetch_descriptors(n, q);
}

static void fetch_done(struct hd_component *device, struct pcie_dma *d)
{
  struct nic *n = (struct nic *)device;
  struct nic_fetch *f = (struct nic_fetch *)d;
  struct nic_queue *q = f->queue;
  if (d->status != PCIE_SC)
    q->owner->stats.faults += nic_counts(n);
  if (f->id == q->fetch_id) {
    q->fetching = false;
    if (q->rx)
      receive_arrived(n, f);
    else
      transmit_arrived(n, f);
  }
  hd_pool_put(&n->fetches, f);
}

/* The packets that will be stamped when the descriptors have been read. */
static void fetch_packets(const struct nic_queue *q, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++)
    hd_fetch(q->descriptors[nic_slot(q, q->requested + i)].packet,
             sizeof(struct packet));
}

void nic_fetch_descriptors(struct nic *n, struct nic_queue *q)
{
  uint32_t count = wanted(n, q);
  if (count == 0)
    return;
  if (!q->rx)
    fetch_packets(q, count);
  struct nic_fetch *f = hd_pool_get(&n->fetches);
  uint32_t size = q->ring->descriptor;
  *f = (struct nic_fetch){
      .dma = {.address =
                  q->ring->address + (uint64_t)nic_slot(q, q->requested) * size,
              .length = count * size,
              .done = fetch_done},
      .queue = q,
      .first = q->requested,
      .count = count,
      .id = ++q->fetch_id};
  nic_identify(q->owner, &f->dma);
  f->dma.flags |= PCIE_DESCRIPTOR;
  q->requested += count;
  q->fetching = true;
  q->fetch_started = hd_now(&n->base);
  n->counts.descriptor_fetches += nic_counts(n);
  pcie_requester_read(n->endpoint.requester, &f->dma);
}
