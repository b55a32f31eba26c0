/*
 * used.c - used entries, and whether they want an interrupt.
 *
 * Entries are written when there are a batch of them or the oldest has waited
 * for used_timer. Behind them the driver's event data is read; its completion
 * decides upon the interrupt for all entries written before it, so the next
 * ones wait for that: an event read before they were written would say nothing
 * about them.
 */
#include "models/virtio_device/internal.h"

static bool due(const struct virtio_device *n, const struct virtio_hw_queue *q)
{
  hd_time waited = hd_now(&n->base) - q->oldest;
  return q->pushed >= n->params.used_batch || waited >= n->params.used_timer;
}

/* ---- what the driver asks for ------------------------------------------- */

/* The driver's event data as it is in memory, and nothing else of it. */
static void see_event(struct virtio_device *n, struct virtio_hw_queue *q)
{
  struct virtq_view v = q->memory;
  v.position = q->side.side.peer.position;
  virtio_hw_see(n, q, &v);
}

/* ---- interrupt decisions ------------------------------------------------- */

static void decided(struct virtio_device *n, struct virtio_hw_read *r)
{
  struct virtio_hw_queue *q = r->queue;
  if (r->epoch != q->epoch)
    return;
  q->deciding = false;
  if (r->dma.status != PCIE_SC)
    virtio_hw_fail(n, q);
  else if (!q->failed)
    see_event(n, q);
  if (virtq_device_interrupt_due(&q->side))
    virtio_hw_cause(n, q->vector, r->index);
  else
    n->counts.suppressed += virtio_hw_counts(n);
  virtio_hw_flush(n, q, false);
  virtio_hw_fetch(n, q);
  virtio_hw_rest(n, q);
}

static void decide(struct virtio_device *n, struct virtio_hw_queue *q,
                   uint32_t chains)
{
  struct virtq_access access;
  struct virtq_plan plan = {.access = &access, .capacity = 1};
  virtq_device_plan_read_event(&q->side, &plan);
  q->deciding = true;
  virtio_hw_read(n, q, &access, decided, NULL, chains);
}

/* ---- writing ------------------------------------------------------------- */

/* Received packets that the entries tell of; the guest's after this. */
static void deliver(struct virtio_device *n, struct virtio_hw_queue *q)
{
  for (const struct packet *p = q->done; p != NULL; p = p->next) {
    struct packet *mine = (struct packet *)(uintptr_t)p;
    hd_stamps_mark(&mine->stamps, HD_STAGE_RECEIVE_PATH, hd_now(&n->base));
    n->totals.delivered++;
  }
  q->done = q->done_end = NULL;
}

static uint32_t write_used(struct virtio_device *n, struct virtio_hw_queue *q)
{
  struct virtq_access access[VIRTIO_HW_USED_WRITES];
  struct virtq_plan plan = {.access = access,
                            .capacity = VIRTIO_HW_USED_WRITES};
  uint32_t chains = virtq_device_flush(&q->side, &plan);
  for (uint32_t i = 0; i < plan.count; i++)
    virtio_hw_ring_write(n, q, &access[i], i + 1 == plan.count);
  return chains;
}

static void arm(struct virtio_device *n, struct virtio_hw_queue *q)
{
  if (q->timer_armed)
    return;
  q->timer_armed = true;
  hd_schedule(&n->base, q->oldest + n->params.used_timer - hd_now(&n->base),
              virtio_hw_timer(n, VIRTIO_HW_TIMER_USED, q));
}

void virtio_hw_flush(struct virtio_device *n, struct virtio_hw_queue *q,
                     bool now)
{
  uint32_t chains = 0, some;
  if (q->pushed == 0 || q->deciding)
    return;
  if (!now && !due(n, q)) {
    arm(n, q);
    return;
  }
  deliver(n, q);
  if (!q->failed) /* the decision will know at least this: the view says so */
    see_event(n, q);
  while ((some = write_used(n, q)) > 0)
    chains += some;
  q->pushed -= chains; /* others are held back, to be in order */
  q->oldest = hd_now(&n->base);
  n->counts.chains_used += virtio_hw_counts(n) ? chains : 0;
  if (n->kind == VIRTIO_BLK)
    n->totals.finished += chains;
  if (chains > 0)
    decide(n, q, chains);
}

void virtio_hw_push(struct virtio_device *n, struct virtio_hw_queue *q,
                    uint16_t id, uint32_t length)
{
  HD_REQUIRE(&n->base, virtq_device_push(&q->side, id, length) == VIRTQ_OK,
             "virtqueue %u: chain %u cannot be used", q->index, id);
  if (q->pushed++ == 0)
    q->oldest = hd_now(&n->base);
  virtio_hw_flush(n, q, q->suspending);
  virtio_hw_rest(n, q);
}

/* A timer that outlived its batch serves the next one. */
void virtio_hw_used_due(struct virtio_device *n, struct virtio_hw_queue *q)
{
  q->timer_armed = false;
  virtio_hw_flush(n, q, false);
}
