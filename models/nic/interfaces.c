/*
 * interfaces.c - interfaces and their queues: made, started, stopped, reset.
 */
#include <stdlib.h>

#include "models/nic/internal.h"

/* ---- may it be made? --------------------------------------------------------
 */

static bool ring_is_sound(const struct nic_ring *r, uint16_t pairs, bool rx)
{
  if (r->size < 2 || r->descriptor == 0 || r->vector > pairs)
    return false;
  return rx ? r->buffer_size > 0 : r->slot != NULL;
}

static bool queues_are_free(const struct nic *n, const struct nic_interface *i)
{
  uint64_t end = (uint64_t)i->first_queue + i->queue_pairs;
  if (end > (uint64_t)n->params.tx_queues ||
      end > (uint64_t)n->params.rx_queues)
    return false;
  for (uint32_t q = i->first_queue; q < end; q++)
    if (n->tx_queues[q] != NULL || n->rx_queues[q] != NULL)
      return false;
  return true;
}

static bool vectors_are_free(const struct nic *n, const struct nic_interface *i)
{
  uint64_t end = (uint64_t)i->first_vector + i->queue_pairs + 1u;
  if (end > n->n_vectors)
    return false;
  for (uint32_t v = i->first_vector; v < end; v++)
    if (n->vectors[v].owner != NULL)
      return false;
  return true;
}

static bool route_is_free(const struct nic_port *port,
                          const struct nic_interface *i)
{
  if (i->is_default)
    return port->fallback == NULL;
  return i->unrouted || i->vm >= port->n_routes || port->route[i->vm] == NULL;
}

static bool steering_is_sound(const struct nic_interface *i)
{
  const struct nic_steering *s = &i->steering;
  if (!i->is_default)
    return true;
  if (s->rss_queues > i->queue_pairs || (s->pairs > 0 && s->rule == NULL))
    return false;
  for (size_t r = 0; r < (size_t)s->guests * s->pairs; r++)
    if (s->rule[r] != NIC_NO_RULE && s->rule[r] >= i->queue_pairs)
      return false;
  return true;
}

static bool is_acceptable(const struct nic *n, const struct nic_interface *i)
{
  if (i->port >= n->params.ports || n->ports[i->port].to_wire == NULL ||
      i->queue_pairs == 0 || i->tx == NULL || i->rx == NULL)
    return false;
  if (!route_is_free(&n->ports[i->port], i) || !steering_is_sound(i))
    return false;
  for (uint16_t q = 0; q < i->queue_pairs; q++)
    if (!ring_is_sound(&i->tx[q], i->queue_pairs, false) ||
        !ring_is_sound(&i->rx[q], i->queue_pairs, true))
      return false;
  return queues_are_free(n, i) && vectors_are_free(n, i);
}

/* ---- making
 * ------------------------------------------------------------------- */

static void make_queue(struct nic *n, struct nic_function *f, uint16_t index,
                       bool rx)
{
  struct nic_queue *q = rx ? &f->rx[index] : &f->tx[index];
  q->owner = f;
  q->index = index;
  q->rx = rx;
  q->ring = rx ? &f->config.rx[index] : &f->config.tx[index];
  q->size = q->ring->size;
  q->vector = &n->vectors[f->config.first_vector + q->ring->vector];
  if (!rx)
    q->descriptors =
        hd_array(&n->base, q->size, sizeof *q->descriptors, "an interface");
  (rx ? n->rx_queues : n->tx_queues)[f->config.first_queue + index] = q;
}

static void make_vectors(struct nic *n, struct nic_function *f)
{
  for (uint32_t i = 0; i <= f->config.queue_pairs; i++) {
    struct nic_vector *v = &n->vectors[f->config.first_vector + i];
    v->owner = f;
    v->handle = f->config.first_handle + i;
    nic_vector_reset(n, v);
  }
}

static void make_route(struct nic *n, struct nic_function *f)
{
  struct nic_port *port = &n->ports[f->config.port];
  size_t vm = f->config.vm;
  if (f->config.is_default) {
    port->fallback = f;
    return;
  }
  if (vm >= port->n_routes) {
    size_t more = vm + 64;
    port->route = realloc(port->route, more * sizeof(struct nic_function *));
    HD_REQUIRE(&n->base, port->route != NULL, "out of memory for routes");
    for (; port->n_routes < more; port->n_routes++)
      port->route[port->n_routes] = NULL;
  }
  port->route[vm] = f;
}

static struct nic_function **route_of(struct nic *n,
                                      const struct nic_function *f)
{
  struct nic_port *port = &n->ports[f->config.port];
  size_t vm = f->config.vm;
  return vm < port->n_routes ? &port->route[vm] : NULL;
}

bool nic_route(struct nic *n, struct nic_function *f)
{
  struct nic_function **now = route_of(n, f);
  if (f->config.is_default || (now && *now))
    return false;
  make_route(n, f);
  return true;
}

bool nic_unroute(struct nic *n, struct nic_function *f)
{
  struct nic_function **now = route_of(n, f);
  if (f->config.is_default || !now || *now != f)
    return false;
  *now = NULL;
  return true;
}

bool nic_add_interface(struct nic *n, const struct nic_interface *i,
                       uint32_t *index)
{
  uint32_t at = 0;
  while (at < n->n_functions && n->functions[at] != NULL)
    at++;
  if (at == n->n_functions || !is_acceptable(n, i))
    return false;
  struct nic_function *f = hd_array(&n->base, 1, sizeof *f, "an interface");
  f->config = *i;
  f->tx = hd_array(&n->base, i->queue_pairs, sizeof *f->tx, "an interface");
  f->rx = hd_array(&n->base, i->queue_pairs, sizeof *f->rx, "an interface");
  make_vectors(n, f);
  for (uint16_t q = 0; q < i->queue_pairs; q++) {
    make_queue(n, f, q, false);
    make_queue(n, f, q, true);
  }
  if (!i->unrouted)
    make_route(n, f);
  f->older = n->all;
  n->all = f;
  n->functions[at] = f;
  *index = at;
  return true;
}

/* ---- starting and stopping
 * ------------------------------------------------------ */

/* Descriptors fetched and not used are forgotten; the ring keeps its place. */
static void stop_queue(struct nic *n, struct nic_queue *q)
{
  if (q->rx)
    nic_drop_waiting(n, q, NIC_DROP_UNROUTED);
  else
    nic_deactivate(n, q);
  q->live = q->fetching = false;
  q->fetch_id++;
  q->requested = q->arrived = q->used;
  q->broken_from = q->broken_to = 0;
}

void nic_enable_queues(struct nic *n, struct nic_function *f)
{
  for (uint16_t i = 0; i < f->config.queue_pairs; i++) {
    f->tx[i].live = f->rx[i].live = true;
    nic_fetch_descriptors(n, &f->tx[i]);
    nic_fetch_descriptors(n, &f->rx[i]);
  }
}

void nic_disable_queues(struct nic *n, struct nic_function *f)
{
  for (uint16_t i = 0; i < f->config.queue_pairs; i++) {
    stop_queue(n, &f->tx[i]);
    stop_queue(n, &f->rx[i]);
    nic_write_back(n, &f->tx[i]);
    nic_write_back(n, &f->rx[i]);
  }
}

/* Nothing of the ring's past counts any more; packets being read still leave.
 */
static void reset_queue(struct nic *n, struct nic_queue *q)
{
  stop_queue(n, q);
  if (!q->rx) {
    int64_t left = (int64_t)(q->announced - q->completed);
    n->totals.queue_length -= left;
    hd_gauge_add(&n->queue_length, n->window, hd_now(&n->base), -left);
    nic_forget_flight(n, q);
  }
  while (q->done != NULL) {
    struct packet *p = q->done;
    q->done = p->next;
    nic_drop_received(n, q->owner, p, NIC_DROP_UNROUTED);
  }
  nic_forget_pending(q);
  q->announced = q->requested = q->arrived = 0;
  q->used = q->completed = q->written = 0;
}

void nic_reset_interface(struct nic *n, struct nic_function *f)
{
  for (uint16_t i = 0; i < f->config.queue_pairs; i++) {
    reset_queue(n, &f->tx[i]);
    reset_queue(n, &f->rx[i]);
  }
  for (uint32_t i = 0; i <= f->config.queue_pairs; i++)
    nic_vector_reset(n, &n->vectors[f->config.first_vector + i]);
}

void nic_remove_interface(struct nic *n, uint32_t index)
{
  struct nic_function *f = n->functions[index];
  nic_reset_interface(n, f);
  for (uint32_t i = 0; i < f->config.queue_pairs; i++)
    n->tx_queues[f->config.first_queue + i] =
        n->rx_queues[f->config.first_queue + i] = NULL;
  for (uint32_t i = 0; i <= f->config.queue_pairs; i++)
    n->vectors[f->config.first_vector + i].owner = NULL;
  if (f->config.is_default)
    n->ports[f->config.port].fallback = NULL;
  else
    (void)nic_unroute(n, f);
  n->functions[index] = NULL;
  f->removed = true;
}

void nic_free_interfaces(struct nic *n)
{
  while (n->all != NULL) {
    struct nic_function *f = n->all;
    n->all = f->older;
    for (uint16_t i = 0; i < f->config.queue_pairs; i++)
      free(f->tx[i].descriptors);
    free(f->tx);
    free(f->rx);
    free(f);
  }
}
