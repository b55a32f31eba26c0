/*
 * completions.c - completion entries.
 *
 * Entries are posted in the order in which commands end. A completion queue
 * holds size - 1 entries (4.1.3); completions beyond wait until the driver's
 * head doorbell says that it has read some.
 */
#include "models/storage/internal.h"

/* ---- accounts ------------------------------------------------------------ */

static void count_success(const struct storage_command *c,
                          struct storage_stats *all,
                          struct storage_interface_stats *own)
{
  switch (c->op) {
  case BLOCK_READ:
    all->reads++, own->reads++;
    all->read_bytes += c->bytes;
    own->read_bytes += c->bytes;
    break;
  case BLOCK_WRITE:
    all->writes++, own->writes++;
    all->written_bytes += c->bytes;
    own->written_bytes += c->bytes;
    break;
  default:
    all->flushes++, own->flushes++;
  }
}

static void account(struct storage *n, const struct storage_command *c)
{
  hd_time now = hd_now(&n->base);
  struct storage_interface_stats *own = &c->queue->owner->stats;
  n->totals.completed++;
  n->totals.depth--;
  hd_gauge_add(&n->depth, n->window, now, -1);
  if (!storage_counts(n))
    return;
  n->counts.commands++;
  n->counts.command_time += now - c->announced;
  if (c->status == BLOCK_OK)
    count_success(c, &n->counts, own);
  else
    n->counts.errors++, own->errors++;
}

/* ---- the end of a command ------------------------------------------------ */

static void unlink_command(struct storage_command *c)
{
  struct storage_queue *q = c->queue;
  if (c->prev != NULL)
    c->prev->next = c->next;
  else
    q->commands = c->next;
  if (c->next != NULL)
    c->next->prev = c->prev;
}

static void end(struct storage *n, struct storage_command *c)
{
  struct storage_function *f = c->queue->owner;
  if (c->request != NULL)
    unlink_command(c);
  n->totals.inside--;
  hd_gauge_add(&n->inside, n->window, hd_now(&n->base), -1);
  n->slots_free++;
  hd_pool_put(&n->commands, c);
  storage_left(n, f, 1);
}

static void write_entry(struct storage *n, const struct storage_command *c)
{
  struct storage_queue *q = c->queue;
  const struct storage_ring *r = q->ring;
  uint32_t slot = storage_slot(q, q->posted);
  uint64_t phase = (q->posted / r->size + 1) & 1;
  struct pcie_dma d = {
      .address = r->completion + (uint64_t)slot * STORAGE_CQ_ENTRY,
      .length = STORAGE_CQ_ENTRY,
      .data = STORAGE_EVENT(q->index, slot, storage_slot(q, q->arrived), phase),
      .object = c->request};
  storage_identify(q->owner, &d);
  d.observer = r->observer;
  d.flags |= PCIE_DESCRIPTOR;
  pcie_requester_write(n->endpoint.requester, &d);
}

static void post(struct storage *n, struct storage_command *c)
{
  struct storage_queue *q = c->queue;
  struct storage_vector *v = q->vector;
  c->request->status = c->status;
  hd_stamps_mark(&c->request->stamps, HD_STAGE_RECEIVE_PATH, hd_now(&n->base));
  write_entry(n, c);
  q->posted++;
  account(n, c);
  end(n, c);
  storage_signal(n, v);
}

/* ---- room ---------------------------------------------------------------- */

static bool has_room(const struct storage_queue *q)
{
  return q->posted - q->consumed < q->ring->size - 1;
}

static void hold(struct storage *n, struct storage_command *c)
{
  struct storage_queue *q = c->queue;
  c->held_next = NULL;
  if (q->held != NULL)
    q->held_end->held_next = c;
  else
    q->held = c;
  q->held_end = c;
  n->counts.completions_held += storage_counts(n);
}

void storage_complete(struct storage *n, struct storage_command *c)
{
  if (c->request == NULL)
    end(n, c);
  else if (c->queue->held == NULL && has_room(c->queue))
    post(n, c);
  else
    hold(n, c);
  storage_arbitrate(n);
}

void storage_post_held(struct storage *n, struct storage_queue *q)
{
  while (q->held != NULL && has_room(q)) {
    struct storage_command *c = q->held;
    q->held = c->held_next;
    post(n, c);
  }
}
