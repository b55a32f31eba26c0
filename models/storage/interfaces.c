/*
 * interfaces.c - interfaces and their queues: made, started, stopped, reset.
 */
#include <stdlib.h>

#include "models/storage/internal.h"

enum { RING_MIN = 2, RING_MAX = 32768 };

/* ---- may it be made? ----------------------------------------------------- */

static bool rings_are_sound(const struct storage_interface *i)
{
  if (i->queue_pairs == 0 || i->rings == NULL)
    return false;
  for (uint16_t q = 0; q < i->queue_pairs; q++) {
    const struct storage_ring *r = &i->rings[q];
    if (r->size < RING_MIN || r->size > RING_MAX || r->slot == NULL ||
        r->vector >= i->vectors)
      return false;
  }
  return true;
}

static bool queues_are_free(const struct storage *n,
                            const struct storage_interface *i)
{
  uint64_t end = (uint64_t)i->first_queue + i->queue_pairs;
  if (end > (uint64_t)n->params.queue_pairs)
    return false;
  for (uint64_t q = i->first_queue; q < end; q++)
    if (n->queues[q] != NULL)
      return false;
  return true;
}

static bool vectors_are_free(const struct storage *n,
                             const struct storage_interface *i)
{
  uint64_t end = (uint64_t)i->first_vector + i->vectors;
  if (end > (uint64_t)n->params.vectors)
    return false;
  for (uint64_t v = i->first_vector; v < end; v++)
    if (n->vectors[v].owner != NULL)
      return false;
  return true;
}

static bool namespace_exists(const struct storage *n,
                             const struct storage_interface *i)
{
  uint64_t blocks = (uint64_t)n->params.capacity / BLOCK_BYTES;
  return i->first_block < blocks && i->blocks <= blocks - i->first_block;
}

/* ---- making -------------------------------------------------------------- */

static void make_queue(struct storage *n, struct storage_function *f,
                       uint16_t index)
{
  struct storage_queue *q = &f->queues[index];
  q->owner = f;
  q->index = index;
  q->ring = &f->config.rings[index];
  q->vector = &n->vectors[f->config.first_vector + q->ring->vector];
  q->announced_at = hd_array(&n->base, q->ring->size, sizeof *q->announced_at,
                             "an interface");
  n->queues[f->config.first_queue + index] = q;
}

static void make_vector(struct storage *n, struct storage_function *f,
                        uint32_t index)
{
  struct storage_vector *v = &n->vectors[f->config.first_vector + index];
  v->owner = f;
  v->handle = f->config.first_handle + index;
  storage_vector_reset(v);
}

bool storage_add_interface(struct storage *n, const struct storage_interface *i,
                           uint32_t *index)
{
  uint32_t at = 0;
  while (at < n->n_functions && n->functions[at] != NULL)
    at++;
  if (at == n->n_functions || !rings_are_sound(i) || !queues_are_free(n, i) ||
      !vectors_are_free(n, i) || !namespace_exists(n, i))
    return false;
  struct storage_function *f = hd_array(&n->base, 1, sizeof *f, "an interface");
  f->config = *i;
  f->queues =
      hd_array(&n->base, i->queue_pairs, sizeof *f->queues, "an interface");
  for (uint32_t v = 0; v < i->vectors; v++)
    make_vector(n, f, v);
  for (uint16_t q = 0; q < i->queue_pairs; q++)
    make_queue(n, f, q);
  f->older = n->all;
  n->all = f;
  n->functions[at] = f;
  *index = at;
  return true;
}

/* ---- starting and stopping ----------------------------------------------- */

void storage_start_queues(struct storage *n, struct storage_function *f)
{
  for (uint16_t i = 0; i < f->config.queue_pairs; i++) {
    f->queues[i].live = true;
    f->queues[i].stopped = false;
    storage_activate(n, &f->queues[i]);
  }
  storage_arbitrate(n);
}

/* Entries that have not been fetched stay in the ring; doorbells are noted. */
void storage_stop_queues(struct storage *n, struct storage_function *f)
{
  for (uint16_t i = 0; i < f->config.queue_pairs; i++) {
    f->queues[i].stopped = true;
    storage_deactivate(n, &f->queues[i]);
  }
}

/* Reads of entries that are under way are of the past epoch: they must not find
 * their way back. Those that are done and wait for others end now. */
static void forget_fetches(struct storage *n, struct storage_queue *q)
{
  struct storage_fetch *f = q->fetch, *next;
  q->fetch = NULL;
  q->epoch++;
  for (; f != NULL; f = next) {
    next = f->next;
    if (!f->done)
      continue;
    n->fetches_open--;
    n->slots_free += f->count;
    storage_left(n, q->owner, f->count);
    hd_pool_put(&n->fetches, f);
  }
}

/* Commands inside end by themselves, without their requests. Those that wait
 * for their completion entry end now. */
static void reset_queue(struct storage *n, struct storage_queue *q)
{
  uint64_t left = q->announced - q->posted;
  struct storage_command *held = q->held, *next;
  n->totals.forgotten += left;
  n->totals.depth -= (int64_t)left;
  hd_gauge_add(&n->depth, n->window, hd_now(&n->base), -(int64_t)left);
  for (struct storage_command *c = q->commands; c != NULL; c = c->next)
    c->request = NULL;
  q->commands = q->held = q->held_end = NULL;
  forget_fetches(n, q);
  q->announced = q->requested = q->arrived = q->posted = q->consumed = 0;
  q->stranded = 0;
  q->live = q->failed = false;
  for (; held != NULL; held = next) {
    next = held->held_next;
    storage_complete(n, held);
  }
}

void storage_reset_interface(struct storage *n, struct storage_function *f)
{
  storage_stop_queues(n, f);
  for (uint16_t i = 0; i < f->config.queue_pairs; i++)
    reset_queue(n, &f->queues[i]);
  for (uint32_t i = 0; i < f->config.vectors; i++)
    storage_vector_reset(&n->vectors[f->config.first_vector + i]);
}

void storage_remove_interface(struct storage *n, uint32_t index)
{
  struct storage_function *f = n->functions[index];
  storage_reset_interface(n, f);
  for (uint32_t i = 0; i < f->config.queue_pairs; i++)
    n->queues[f->config.first_queue + i] = NULL;
  for (uint32_t i = 0; i < f->config.vectors; i++)
    n->vectors[f->config.first_vector + i].owner = NULL;
  n->functions[index] = NULL;
  f->removed = true;
}

void storage_free_interfaces(struct storage *n)
{
  while (n->all != NULL) {
    struct storage_function *f = n->all;
    n->all = f->older;
    for (uint16_t i = 0; i < f->config.queue_pairs; i++)
      free(f->queues[i].announced_at);
    free(f->queues);
    free(f);
  }
}
