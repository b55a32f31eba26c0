/*
 * plan.c - which memory accesses a device needs, and in what order.
 */
#include "models/virtio/internal.h"

/* ---- building ----------------------------------------------------------- */

static bool add(struct virtq_plan *plan, struct virtq_access access)
{
  if (plan->count >= plan->capacity)
    return false;
  plan->access[plan->count++] = access;
  return true;
}

bool virtq_plan_merge(struct virtq_plan *plan, int32_t *last,
                      const struct virtq_access *access, uint32_t batch,
                      uint32_t reserve)
{
  struct virtq_access *a = *last >= 0 ? &plan->access[*last] : NULL;
  if (a != NULL && a->address + a->length == access->address &&
      a->length / access->length < batch) {
    a->length += access->length;
    return true;
  }
  if (plan->count + reserve >= plan->capacity)
    return false;
  *last = (int32_t)plan->count;
  return add(plan, *access);
}

uint32_t virtq_plan_lines(const struct virtq_plan *plan, uint32_t line)
{
  uint64_t next[VIRTQ_WRITE_EVENT + 1] = {0}; /* line behind the last one */
  uint32_t lines = 0;
  for (uint32_t i = 0; i < plan->count; i++) {
    const struct virtq_access *a = &plan->access[i];
    uint64_t first = a->address / line;
    uint64_t end = (a->address + a->length - 1) / line + 1;
    if (next[a->purpose] == first + 1)
      first++;
    lines += (uint32_t)(end - first);
    next[a->purpose] = end;
  }
  return lines;
}

/* ---- fetching ----------------------------------------------------------- */

struct fetch {
  const struct virtq_device *d;
  struct virtq_plan *plan;
  int32_t avail;      /* the read of available entries under way, or -1 */
  int32_t descriptor; /* the read of descriptors under way, or -1 */
};

/* What a chain that does not fit changes. */
struct undo {
  struct fetch fetch;
  struct virtq_access avail, descriptor;
  uint32_t count;
};

static struct undo save(const struct fetch *f)
{
  struct undo u = {.fetch = *f, .count = f->plan->count};
  if (f->avail >= 0)
    u.avail = f->plan->access[f->avail];
  if (f->descriptor >= 0)
    u.descriptor = f->plan->access[f->descriptor];
  return u;
}

static void restore(struct fetch *f, const struct undo *u)
{
  *f = u->fetch;
  f->plan->count = u->count;
  if (f->avail >= 0)
    f->plan->access[f->avail] = u->avail;
  if (f->descriptor >= 0)
    f->plan->access[f->descriptor] = u->descriptor;
}

static bool read_avail(struct fetch *f, struct virtq_position at)
{
  const struct virtq *q = f->d->q;
  uint64_t slot = virtq_slot(q, at);
  struct virtq_access access = {.address = q->config.driver_area +
                                           VIRTQ_AVAIL_RING +
                                           slot * VIRTQ_AVAIL_BYTES,
                                .length = VIRTQ_AVAIL_BYTES,
                                .after = -1,
                                .purpose = VIRTQ_READ_AVAIL};
  int32_t before = f->avail;
  if (!virtq_plan_merge(f->plan, &f->avail, &access, f->d->options.avail_batch,
                        0))
    return false;
  if (f->avail != before) /* heads of it cannot join an earlier read */
    f->descriptor = -1;
  return true;
}

/* A head waits for its available entry, others for what points to them. */
static bool read_step(struct fetch *f, const struct virtq_walk *w,
                      const struct virtq_step *s)
{
  const struct virtq_device *d = f->d;
  if (s->kind == VIRTQ_STEP_INDIRECT) /* read with its table */
    return true;
  bool head = w->slots == 1;
  struct virtq_access access = {.address = s->address,
                                .length = VIRTQ_DESC_BYTES,
                                .after = head ? f->avail : f->descriptor,
                                .purpose = VIRTQ_READ_DESCRIPTOR};
  if (d->q->packed) /* where they are is known */
    access.after = -1;
  if (!virtq_plan_merge(f->plan, &f->descriptor, &access,
                        d->options.descriptor_batch, 0))
    return false;
  if (s->kind != VIRTQ_STEP_TABLE || w->status != VIRTQ_OK)
    return true;
  return add(f->plan, (struct virtq_access){.address = s->desc->address,
                                            .length = s->desc->length,
                                            .after = f->descriptor,
                                            .purpose = VIRTQ_READ_INDIRECT});
}

static bool read_chain(struct fetch *f, struct virtq_walk *w)
{
  struct virtq_step step;
  if (!f->d->q->packed && !read_avail(f, w->at))
    return false;
  while (virtq_walk_next(w, &step))
    if (!read_step(f, w, &step))
      return false;
  return true;
}

uint32_t virtq_device_plan_fetch(struct virtq_device *d, uint32_t max,
                                 struct virtq_plan *plan)
{
  struct fetch f = {.d = d, .plan = plan, .avail = -1, .descriptor = -1};
  uint32_t chains = 0, left;
  while (chains < max && d->error == VIRTQ_OK &&
         (left = virtq_device_unplanned(d)) > 0) {
    struct undo undo = save(&f);
    struct virtq_walk w;
    virtq_walk_start(&w, d, d->planned, left);
    if (!read_chain(&f, &w)) {
      restore(&f, &undo);
      break;
    }
    chains++;
    d->planned =
        w.status == VIRTQ_OK
            ? virtq_advance(d->q, d->planned, virtq_entries(d->q, w.slots))
            : d->side.peer.position;
  }
  return chains;
}

/* ---- indices and events
 * ------------------------------------------------------ */

bool virtq_device_plan_index(const struct virtq_device *d,
                             struct virtq_plan *plan)
{
  const struct virtq *q = d->q;
  uint64_t slot = virtq_slot(q, d->planned);
  if (!q->packed)
    return add(plan, (struct virtq_access){.address = q->config.driver_area +
                                                      VIRTQ_AVAIL_INDEX,
                                           .length = VIRTQ_INDEX_BYTES,
                                           .after = -1,
                                           .purpose = VIRTQ_READ_INDEX});
  return add(plan, (struct virtq_access){.address = q->config.descriptor_area +
                                                    slot * VIRTQ_DESC_BYTES,
                                         .length = VIRTQ_DESC_BYTES,
                                         .after = -1,
                                         .purpose = VIRTQ_READ_INDEX});
}

/* Split: used_event and avail_event are behind the rings; without EVENT_IDX the
 * flags in front count. */
static bool event(const struct virtq *q, uint64_t area, uint64_t behind,
                  bool write, struct virtq_plan *plan)
{
  uint64_t offset = !q->packed && q->event_idx ? behind : 0;
  return add(plan, (struct virtq_access){
                       .address = area + offset,
                       .length = q->packed ? VIRTQ_PACKED_EVENT_BYTES
                                           : VIRTQ_INDEX_BYTES,
                       .after = -1,
                       .purpose = write ? VIRTQ_WRITE_EVENT : VIRTQ_READ_EVENT,
                       .write = write});
}

bool virtq_device_plan_read_event(const struct virtq_device *d,
                                  struct virtq_plan *plan)
{
  const struct virtq *q = d->q;
  uint64_t ring = (uint64_t)q->config.size * VIRTQ_AVAIL_BYTES;
  return event(q, q->config.driver_area, VIRTQ_AVAIL_RING + ring, false, plan);
}

bool virtq_device_plan_write_event(const struct virtq_device *d,
                                   struct virtq_plan *plan)
{
  const struct virtq *q = d->q;
  uint64_t ring = (uint64_t)q->config.size * VIRTQ_USED_BYTES;
  return event(q, q->config.device_area, VIRTQ_USED_RING + ring, true, plan);
}
