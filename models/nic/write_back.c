/*
 * write_back.c - completions are told to the driver in batches.
 *
 * A queue's completed descriptors are written back when there are a batch of
 * them, when the oldest has waited for the timer, or when the queue's vector is
 * about to fire. One posted write a cache line of the ring; the last one tells
 * the observer, since posted writes arrive in order.
 */
#include "models/nic/internal.h"

/* ---- the vector's list of queues with unwritten completions -----------------
 */

static void note_pending(struct nic *n, struct nic_queue *q)
{
  if (q->pending)
    return;
  q->pending = true;
  q->oldest = hd_now(&n->base);
  q->pending_next = q->vector->pending;
  q->vector->pending = q;
}

void nic_forget_pending(struct nic_queue *q)
{
  if (!q->pending)
    return;
  struct nic_queue **link = &q->vector->pending;
  while (*link != q)
    link = &(*link)->pending_next;
  *link = q->pending_next;
  q->pending = false;
}

/* ---- writing
 * ------------------------------------------------------------------ */

/* Descriptors from `first` on that share a line and do not wrap. */
static uint32_t in_line(const struct nic_queue *q, uint64_t first)
{
  uint32_t slot = nic_slot(q, first), bytes = q->ring->descriptor;
  uint64_t address = q->ring->address + (uint64_t)slot * bytes;
  uint64_t room = (NIC_LINE - address % NIC_LINE) / bytes;
  uint64_t count = q->completed - first;
  count = count < room ? count : room;
  count = count > 0 ? count : 1; /* a descriptor across two lines */
  uint64_t to_end = q->ring->size - slot;
  return (uint32_t)(count < to_end ? count : to_end);
}

/* Received packets of the batch; a device that uses another guest's PASID keeps
 * them, since nobody may see them. */
static struct packet *take_received(struct nic *n, struct nic_queue *q)
{
  struct packet *list = q->done;
  bool keep = q->owner->config.forge == NIC_FORGE_PASID;
  q->done = q->done_end = NULL;
  for (struct packet *p = list, *next; p != NULL; p = next) {
    next = p->next;
    if (keep) {
      nic_drop_received(n, q->owner, p, NIC_DROP_FAULT);
    } else {
      n->totals.delivered++;
      hd_stamps_mark(&p->stamps, HD_STAGE_RECEIVE_PATH, hd_now(&n->base));
    }
  }
  return keep ? NULL : list;
}

/* What the last write of the batch tells the driver. */
static void tell(struct nic *n, struct nic_queue *q, struct pcie_dma *d,
                 uint64_t count)
{
  if (q->rx)
    d->object = take_received(n, q);
  if (q->owner->config.forge == NIC_FORGE_PASID)
    return;
  d->observer = q->ring->observer;
  d->data = NIC_EVENT(q->rx, q->index,
                      q->rx ? (uint32_t)count : nic_slot(q, q->completed));
}

void nic_write_back(struct nic *n, struct nic_queue *q)
{
  uint64_t count = q->completed - q->written;
  if (count == 0)
    return;
  while (q->written < q->completed) {
    uint32_t here = in_line(q, q->written);
    struct pcie_dma d = {.address = q->ring->address +
                                    (uint64_t)nic_slot(q, q->written) *
                                        q->ring->descriptor,
                         .length = here * q->ring->descriptor};
    nic_identify(q->owner, &d);
    d.flags |= PCIE_DESCRIPTOR;
    q->written += here;
    if (q->written == q->completed)
      tell(n, q, &d, count);
    nic_write(n, &d);
  }
  n->counts.write_backs += nic_counts(n);
  nic_forget_pending(q);
}

/* ---- when
 * ----------------------------------------------------------------------- */

static void arm(struct nic *n, struct nic_queue *q)
{
  if (q->timer_armed)
    return;
  q->timer_armed = true;
  hd_schedule(&n->base,
              q->oldest + n->params.write_back_timer - hd_now(&n->base),
              nic_timer(n, NIC_TIMER_WRITE_BACK, q));
}

void nic_complete(struct nic *n, struct nic_queue *q, uint64_t count)
{
  q->completed += count;
  note_pending(n, q);
  nic_cause(n, q->vector, q->rx); /* writes back if it fires */
  if (q->completed - q->written >= (uint64_t)n->params.write_back_batch)
    nic_write_back(n, q);
  if (q->completed > q->written)
    arm(n, q);
}

/* A timer that outlived its batch serves the next one. */
void nic_write_back_due(struct nic *n, struct nic_queue *q)
{
  q->timer_armed = false;
  if (q->completed == q->written)
    return;
  if (hd_now(&n->base) - q->oldest >= n->params.write_back_timer)
    nic_write_back(n, q);
  else
    arm(n, q);
}
