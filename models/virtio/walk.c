/*
 * walk.c - along a published chain, trusting nothing in it.
 *
 * Split: 2.7.5, indirect tables 2.7.5.3. Packed: 2.8.5 to 2.8.7. A descriptor
 * found bad is still a step, since the device has read it.
 */
#include "models/virtio/internal.h"

static bool fail(struct virtq_walk *w, enum virtq_status status)
{
  w->status = status;
  return false;
}

void virtq_walk_start(struct virtq_walk *w, const struct virtq_device *d,
                      struct virtq_position at, uint32_t available)
{
  const struct virtq *q = d->q;
  uint32_t most = d->options.max_buffers; /* 2.7.5.3.1: <= the size */
  *w = (struct virtq_walk){.q = q,
                           .at = at,
                           .limit = available,
                           .max_buffers =
                               most < q->config.size ? most : q->config.size};
  if (!q->packed) {
    w->id = q->avail[virtq_slot(q, at)];
    w->next = w->id;
  }
}

static void count_buffer(struct virtq_walk *w)
{
  if (++w->buffers > w->max_buffers)
    w->status = VIRTQ_TOO_LONG;
}

/* 2.7.5.3.1: no NEXT beside INDIRECT; 2.8.5: a packed list has one kind only;
 * the table is whole descriptors, at least one. */
static void enter_table(struct virtq_walk *w, const struct virtq_desc *ref)
{
  const struct virtq *q = w->q;
  uint64_t all = (uint64_t)q->config.size * q->config.indirect_entries;
  uint64_t offset = ref->address - q->config.indirect_area;
  uint64_t first = offset / VIRTQ_DESC_BYTES;
  uint32_t entries = ref->length / VIRTQ_DESC_BYTES;
  bool misplaced = ref->address < q->config.indirect_area ||
                   offset % VIRTQ_DESC_BYTES != 0 || first >= all ||
                   entries > all - first;
  if (q->table == NULL || misplaced || entries == 0 ||
      ref->length % VIRTQ_DESC_BYTES != 0 ||
      (ref->flags & VIRTQ_DESC_NEXT) != 0 || (q->packed && w->slots > 1)) {
    w->status = VIRTQ_BAD_INDIRECT;
    return;
  }
  w->table = &q->table[first];
  w->table_address = ref->address;
  w->table_entries = entries;
  w->next = 0;
}

static bool in_table(struct virtq_walk *w, struct virtq_step *s)
{
  if (w->next >= w->table_entries)
    return fail(w, VIRTQ_BAD_DESCRIPTOR);
  if (w->table_read == w->table_entries)
    return fail(w, VIRTQ_LOOP);
  const struct virtq_desc *desc = &w->table[w->next];
  *s = (struct virtq_step){VIRTQ_STEP_INDIRECT, desc,
                           w->table_address +
                               (uint64_t)w->next * VIRTQ_DESC_BYTES};
  w->table_read++;
  count_buffer(w);
  if (w->q->packed) {
    w->done = ++w->next == w->table_entries;
    return true;
  }
  if ((desc->flags & VIRTQ_DESC_INDIRECT) != 0) /* 2.7.5.3.1 */
    w->status = VIRTQ_BAD_INDIRECT;
  w->done = (desc->flags & VIRTQ_DESC_NEXT) == 0;
  w->next = desc->link;
  return true;
}

/* A descriptor of the table or ring proper. */
static const struct virtq_desc *direct(struct virtq_walk *w,
                                       struct virtq_step *s, uint32_t slot)
{
  const struct virtq_desc *desc = &w->q->desc[slot];
  *s = (struct virtq_step){VIRTQ_STEP_BUFFER, desc,
                           w->q->config.descriptor_area +
                               (uint64_t)slot * VIRTQ_DESC_BYTES};
  w->slots++;
  if ((desc->flags & VIRTQ_DESC_INDIRECT) != 0) {
    s->kind = VIRTQ_STEP_TABLE;
    enter_table(w, desc);
  } else {
    count_buffer(w);
    w->done = (desc->flags & VIRTQ_DESC_NEXT) == 0;
  }
  return desc;
}

static bool split_next(struct virtq_walk *w, struct virtq_step *s)
{
  if (w->next >= w->q->config.size)
    return fail(w, VIRTQ_BAD_DESCRIPTOR);
  if (w->slots == w->q->config.size)
    return fail(w, VIRTQ_LOOP);
  const struct virtq_desc *desc = direct(w, s, w->next);
  if (s->kind == VIRTQ_STEP_BUFFER)
    w->next = desc->link;
  return true;
}

/* 2.8.1: available here if AVAIL equals the wrap counter and USED does not. */
static bool packed_next(struct virtq_walk *w, struct virtq_step *s)
{
  if (w->slots == w->limit)
    return fail(w, VIRTQ_BAD_POSITION);
  const struct virtq_desc *desc = direct(w, s, w->at.index);
  bool avail = (desc->flags & VIRTQ_DESC_AVAIL) != 0;
  bool used = (desc->flags & VIRTQ_DESC_USED) != 0;
  if (avail != w->at.wrap || used == avail)
    w->status = VIRTQ_BAD_FLAGS;
  w->id = desc->link; /* the last one's counts */
  w->at = virtq_advance(w->q, w->at, 1);
  return true;
}

bool virtq_walk_next(struct virtq_walk *w, struct virtq_step *step)
{
  if (w->done || w->status != VIRTQ_OK)
    return false;
  if (w->table != NULL)
    return in_table(w, step);
  return w->q->packed ? packed_next(w, step) : split_next(w, step);
}
