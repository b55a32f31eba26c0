/*
 * virtio_net.c - the virtio-net driver: creation and books.
 *
 * Memory holds queue after queue: the virtqueue's parts, headers if they have
 * buffers of their own, packet buffers of half a page.
 */
#include <stdlib.h>

#include "models/workload/virtio_net.h"

/* ---- building --------------------------------------------------------------
 */

static uint16_t queues(const struct guest_config *c)
{
  return (uint16_t)(2 * c->queue_pairs + c->virtio->control_queue);
}

static uint64_t memory(const struct guest_config *c)
{
  uint64_t offered, features = virtio_negotiated(c, false, &offered), bytes = 0;
  for (unsigned i = 0; i < queues(c); i++)
    bytes += virtio_queue_memory(c, features, i % 2 == 1);
  return bytes;
}

static struct virtio_driver_queue *queue_at(struct virtio_driver *v,
                                            unsigned index)
{
  return &((struct virtio_net *)v)->queues[index].vq;
}

/* A notification page per queue if their registers are that far apart. */
static size_t pages(const struct guest_config *c)
{
  return 2u * c->queue_pairs + 2;
}

void virtio_net_create(struct guest *g, struct guest_netdev *dev, uint64_t base)
{
  const struct guest_config *c = &g->config;
  struct virtio_net *v = guest_allocate(1, sizeof *v);
  dev->virtio = &v->driver;
  v->dev = dev;
  v->polled = c->workload == WORKLOAD_DPDK_FORWARD;
  v->queues = guest_allocate(queues(c), sizeof *v->queues);
  v->start_asked = guest_allocate(g->n_cpus, sizeof *v->start_asked);
  uint64_t offered;
  uint64_t accepted = virtio_negotiated(c, dev->number > 0, &offered);
  virtio_driver_create(g, &v->driver, VIRTIO_NET, queues(c), offered, accepted,
                       queue_at);
  for (unsigned i = 0; i < queues(c); i++)
    virtio_queue_create(g, v, i, &base);
  const struct virtq_driver *tx = &v->queues[virtio_tx_queue(0)].vq.driver;
  v->slots = virtq_driver_slots(tx, c->virtio->inline_header ? 1 : 2);
}

void virtio_net_destroy(struct guest *g, struct guest_netdev *dev)
{
  struct virtio_net *v = (struct virtio_net *)dev->virtio;
  (void)g;
  for (unsigned i = 0; i < v->driver.function.n_queues; i++)
    virtio_queue_destroy(&v->queues[i]);
  virtio_driver_destroy(&v->driver);
  free(v->queues);
  free(v->start_asked);
  free(v);
}

/* ---- as the guest's device ------------------------------------------------
 */

static void create(struct guest *g, uint64_t base)
{
  virtio_net_create(g, &g->netdev[0], base);
  g->virtio = g->netdev[0].virtio;
}

static void destroy(struct guest *g)
{
  virtio_net_destroy(g, &g->netdev[0]);
}

static void probe(struct guest_cpu *cpu)
{
  virtio_net_probe(cpu, (struct virtio_net *)cpu->guest->virtio);
}

static void deferred(struct guest_cpu *cpu)
{
  cpu->scheduled = false;
  virtio_net_deferred(cpu, (struct virtio_net *)cpu->guest->virtio);
}

/* ---- hot unplug ------------------------------------------------------------
 */

static bool idle(const struct guest_txq *t)
{
  return virtio_txq_of(t)->outstanding == 0;
}

static void forget(struct guest_cpu *cpu, unsigned pair)
{
  struct guest *g = cpu->guest;
  if (g->txq[pair].owner != cpu)
    return;
  virtio_queue_reset(virtio_txq_of(&g->txq[pair]));
  virtio_queue_reset(virtio_rxq_of(&g->rxq[pair]));
}

/* ---- books -----------------------------------------------------------------
 */

static uint32_t completions(const struct guest_txq *t)
{
  return virtio_txq_of(t)->done.count;
}

/* The device clears a chain's cookie when it takes the packet. */
static uint64_t unfetched(const struct guest_txq *t)
{
  const struct virtq *ring = &virtio_txq_of(t)->vq.ring;
  uint64_t n = 0;
  for (uint32_t id = 0; id < ring->config.size; id++)
    n += ring->cookie[id] != NULL;
  return n;
}

static uint64_t posted_bytes(const struct guest_txq *t, uint16_t stream)
{
  const struct virtio_queue *q = virtio_txq_of(t);
  uint64_t bytes = 0;
  for (uint32_t id = 0; id < q->vq.ring.config.size; id++)
    if (q->chains[id].busy && q->chains[id].stream == stream)
      bytes += q->chains[id].truesize;
  for (uint32_t i = 0; i < q->done.count; i++) {
    const struct virtio_chain *c =
        &q->done.at[(q->done.head + i) % q->done.size];
    bytes += c->stream == stream ? c->truesize : 0;
  }
  return bytes;
}

static const char *check_chains(const struct virtio_queue *q)
{
  uint32_t size = q->vq.ring.config.size;
  if (q->vq.driver.error != VIRTQ_OK)
    return virtq_status_text(q->vq.driver.error);
  if (q->vq.driver.in_flight + q->done.count + q->places.count != size)
    return "virtqueue: buffers are not in the ring, used or free";
  return NULL;
}

static const char *check(const struct guest *g, unsigned pair)
{
  const struct guest_txq *t = &g->txq[pair];
  const struct virtio_queue *tx = virtio_txq_of(t);
  const char *wrong = check_chains(tx);
  if (!wrong)
    wrong = check_chains(virtio_rxq_of(&g->rxq[pair]));
  if (!wrong && t->posted - t->freed != tx->outstanding)
    wrong = "transmit queue: posted packets are not freed or outstanding";
  if (!wrong && tx->outstanding != tx->vq.driver.in_flight + tx->done.count)
    wrong = "transmit queue: outstanding packets are not in the ring or used";
  uint32_t unused =
      tx->vq.ring.config.size - tx->outstanding * virtio_net_of(tx)->slots;
  bool low = !virtio_net_of(tx)->polled && unused < VIRTIO_NET_RESERVE;
  if (!wrong && tx->stopped != low)
    wrong = "transmit queue: stopped with room, or running without";
  return wrong;
}

const struct netdev_ops virtio_net_ops = {
    .device = {.memory = memory,
               .pages = pages,
               .create = create,
               .destroy = destroy,
               .probe = probe,
               .memory_written = virtio_memory_written,
               .message = virtio_message,
               .deferred = deferred,
               .before_idle = virtio_driver_before_idle},
    .room = virtio_tx_room,
    .send_cycles = virtio_tx_cycles,
    .reclaim = virtio_tx_reclaim,
    .post = virtio_tx_post,
    .announce = virtio_tx_announce,
    .completions = completions,
    .clean = virtio_tx_clean,
    .give_back = virtio_rx_give_back,
    .irq_begin = virtio_irq_begin,
    .poll_cycles = virtio_poll_cycles,
    .irq_end = virtio_irq_end,
    .unfetched = unfetched,
    .posted_bytes = posted_bytes,
    .idle = idle,
    .forget = forget,
    .check = check};
