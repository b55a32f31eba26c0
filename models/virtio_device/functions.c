/*
 * functions.c - functions and their queues: made, started, reset, removed.
 */
#include <stdlib.h>

#include "models/virtio_device/internal.h"

/* ---- may it be made? ----------------------------------------------------- */

uint16_t virtio_device_served(const struct virtio_function *f)
{
  return f->kind == VIRTIO_NET ? (uint16_t)(f->n_queues & ~1u) : f->n_queues;
}

uint16_t virtio_device_vectors(const struct virtio_function *f)
{
  uint16_t served = virtio_device_served(f);
  return (uint16_t)(1 + (f->kind == VIRTIO_NET ? served / 2 : served));
}

static bool queues_are_free(const struct virtio_device *n,
                            const struct virtio_admin *c)
{
  uint64_t end = (uint64_t)c->first_queue + c->function->n_queues;
  if (end > (uint64_t)n->params.queues)
    return false;
  for (uint64_t q = c->first_queue; q < end; q++)
    if (n->queues[q] != NULL)
      return false;
  return true;
}

static bool vectors_are_free(const struct virtio_device *n,
                             const struct virtio_admin *c)
{
  uint64_t end = (uint64_t)c->first_vector + virtio_device_vectors(c->function);
  if (end > (uint64_t)n->params.vectors)
    return false;
  for (uint64_t v = c->first_vector; v < end; v++)
    if (n->vectors[v].owner != NULL)
      return false;
  return true;
}

static bool is_acceptable(const struct virtio_device *n,
                          const struct virtio_admin *c)
{
  const struct virtio_function *f = c->function;
  if (f == NULL || f->kind != n->kind || f->queue == NULL ||
      f->observer == NULL || virtio_device_served(f) == 0)
    return false;
  if (f->vm < n->n_routes && n->route[f->vm] != NULL)
    return false;
  if (n->kind == VIRTIO_NET)
    return n->to_wire != NULL;
  uint64_t blocks = (uint64_t)n->drive.capacity / BLOCK_BYTES;
  return n->store != NULL && c->first_block < blocks &&
         c->blocks <= blocks - c->first_block;
}

/* ---- making -------------------------------------------------------------- */

static void make_queue(struct virtio_device *n, struct virtio_hw_function *f,
                       uint16_t index)
{
  const struct virtio_device_params *p = &n->params;
  const struct virtq_device_options options = {
      .max_buffers = (uint32_t)p->max_buffers,
      .avail_batch = (uint32_t)p->avail_fetch,
      .descriptor_batch = (uint32_t)p->descriptor_fetch,
      .used_batch = (uint32_t)p->used_batch,
      .in_order_batch = p->in_order_batch};
  bool net = n->kind == VIRTIO_NET;
  uint32_t vector = index < f->served ? 1u + (net ? index / 2u : index) : 0;
  struct virtio_hw_queue *q = &f->queue[index];
  q->owner = f;
  q->index = index;
  q->rx = net && index % 2 == 0;
  q->ring = f->config.queue[index];
  q->observer =
      index < f->served ? f->config.observer[index] : PCIE_NO_OBSERVER;
  q->vector = &n->vectors[f->first_vector + vector];
  HD_REQUIRE(&n->base,
             virtq_device_initialize(&q->side, q->ring, &options) == VIRTQ_OK,
             "virtqueue %u cannot be made", index);
  q->memory = q->side.side.peer;
  q->announced_at = hd_array(&n->base, q->ring->config.size,
                             sizeof *q->announced_at, "a function");
  n->queues[f->first_queue + index] = q;
}

static void make_vectors(struct virtio_device *n, struct virtio_hw_function *f)
{
  for (uint32_t i = 0; i < virtio_device_vectors(&f->config); i++) {
    struct virtio_hw_vector *v = &n->vectors[f->first_vector + i];
    v->owner = f;
    v->handle = f->config.first_handle + i;
    v->used = 0;
  }
}

static void make_route(struct virtio_device *n, struct virtio_hw_function *f)
{
  size_t vm = f->config.vm;
  if (vm >= n->n_routes) {
    size_t more = vm + 64;
    n->route = realloc(n->route, more * sizeof(struct virtio_hw_function *));
    HD_REQUIRE(&n->base, n->route != NULL, "out of memory for routes");
    for (; n->n_routes < more; n->n_routes++)
      n->route[n->n_routes] = NULL;
  }
  n->route[vm] = f;
}

bool virtio_hw_add_function(struct virtio_device *n, struct virtio_admin *c)
{
  uint32_t at = 0;
  while (at < n->n_functions && n->functions[at] != NULL)
    at++;
  if (at == n->n_functions || !is_acceptable(n, c) || !queues_are_free(n, c) ||
      !vectors_are_free(n, c))
    return false;
  struct virtio_hw_function *f = hd_array(&n->base, 1, sizeof *f, "a function");
  f->config = *c->function;
  f->first_queue = c->first_queue;
  f->first_vector = c->first_vector;
  f->first_block = c->first_block;
  f->blocks = c->blocks;
  f->served = virtio_device_served(&f->config);
  f->queue =
      hd_array(&n->base, f->config.n_queues, sizeof *f->queue, "a function");
  make_vectors(n, f);
  for (uint16_t i = 0; i < f->config.n_queues; i++)
    make_queue(n, f, i);
  make_route(n, f);
  f->older = n->all;
  n->all = f;
  n->functions[at] = f;
  c->result = at;
  return true;
}

/* ---- starting and stopping ----------------------------------------------- */

/* Chains may be there already, and no kick may come for them. */
void virtio_hw_go_live(struct virtio_device *n, struct virtio_hw_queue *q)
{
  q->live = true;
  q->suspended = q->failed = false;
  if (q->index < q->owner->served)
    virtio_hw_look(n, q);
}

void virtio_hw_start(struct virtio_device *n, struct virtio_hw_function *f)
{
  for (uint16_t i = 0; i < f->config.n_queues; i++)
    if (!f->queue[i].live)
      virtio_hw_go_live(n, &f->queue[i]);
}

/* Chains in flight are forgotten; packets being read still leave, received ones
 * that have not been told are dropped. */
static void stop_queue(struct virtio_device *n, struct virtio_hw_queue *q)
{
  virtio_hw_deactivate(n, q);
  virtio_hw_put_back(n, q);
  virtio_hw_drop_waiting(n, q, VIRTIO_HW_DROP_UNROUTED);
  for (struct packet *p = q->done, *next; p != NULL; p = next) {
    next = p->next;
    virtio_hw_drop(n, q->owner, p, VIRTIO_HW_DROP_UNROUTED);
  }
  if (n->kind == VIRTIO_BLK)
    n->totals.finished += q->pushed;
  q->done = q->done_end = NULL;
  q->epoch++;
  q->live = q->suspending = q->suspended = q->failed = false;
  q->fetching = q->looking = q->deciding = q->looked = false;
  q->inside = q->pushed = 0;
  q->announced = q->popped = 0;
  virtq_device_reset(&q->side);
  q->memory = q->side.side.peer;
  if (q->suspension != NULL) {
    ((struct virtio_admin *)q->suspension->command)->failed = true;
    admin_queue_answer(&n->admin, q->suspension);
    q->suspension = NULL;
  }
}

void virtio_hw_stop(struct virtio_device *n, struct virtio_hw_function *f)
{
  for (uint16_t i = 0; i < f->config.n_queues; i++)
    stop_queue(n, &f->queue[i]);
  for (uint32_t i = 0; i < virtio_device_vectors(&f->config); i++)
    n->vectors[f->first_vector + i].used = 0;
  virtio_hw_log_flush(n, f);
}

void virtio_hw_remove_function(struct virtio_device *n, uint32_t index)
{
  struct virtio_hw_function *f = n->functions[index];
  virtio_hw_stop(n, f);
  f->log.on = false;
  for (uint32_t i = 0; i < f->config.n_queues; i++)
    n->queues[f->first_queue + i] = NULL;
  for (uint32_t i = 0; i < virtio_device_vectors(&f->config); i++)
    n->vectors[f->first_vector + i].owner = NULL;
  n->route[f->config.vm] = NULL;
  n->functions[index] = NULL;
  f->removed = true;
}

void virtio_hw_free_functions(struct virtio_device *n)
{
  while (n->all != NULL) {
    struct virtio_hw_function *f = n->all;
    n->all = f->older;
    for (uint16_t i = 0; i < f->config.n_queues; i++) {
      virtq_device_terminate(&f->queue[i].side);
      free(f->queue[i].announced_at);
    }
    free(f->queue);
    free(f);
  }
}
