/* host_port.c - the host's queue pairs: memory, description, receive. */
#include "models/vhost/host_port.h"

#include <stdio.h>
#include <stdlib.h>

enum {
  TX_DESCRIPTOR = 16,
  RX_DESCRIPTOR = 32,
  BUFFER = 2048,
  PAGE = 4096,
  REFILL = 32 /* ice: ICE_RX_BUF_WRITE 16, DPDK: rx_free_thresh 32 */
};

/* ---- lists --------------------------------------------------------------- */

void host_packets_push(struct host_packets *l, struct packet *p)
{
  p->next = NULL;
  if (l->first)
    l->last->next = p;
  else
    l->first = p;
  l->last = p;
  l->count++;
}

struct packet *host_packets_pop(struct host_packets *l)
{
  struct packet *p = l->first;
  if (!p)
    return NULL;
  l->first = p->next;
  l->count--;
  p->next = NULL;
  return p;
}

/* ---- building ------------------------------------------------------------ */

static uint64_t pages(uint64_t bytes)
{
  return (bytes + PAGE - 1) / PAGE * PAGE;
}

static uint64_t pair_memory(const struct vhost_params *p)
{
  uint64_t tx = (uint64_t)p->tx_ring, rx = (uint64_t)p->rx_ring;
  return pages(tx * TX_DESCRIPTOR) + pages(rx * RX_DESCRIPTOR) + tx * BUFFER +
         rx * BUFFER;
}

uint64_t host_port_memory(const struct vhost_params *p, uint16_t queue_pairs)
{
  return queue_pairs * pair_memory(p);
}

static uint64_t take(uint64_t *next, uint64_t bytes)
{
  uint64_t at = *next;
  *next += pages(bytes);
  return at;
}

static void describe_rings(struct host_port *hp, const struct vhost_params *p,
                           uint16_t i, uint64_t next)
{
  uint32_t tx = (uint32_t)p->tx_ring, rx = (uint32_t)p->rx_ring;
  struct nic_ring *t = &hp->tx_rings[i], *r = &hp->rx_rings[i];
  *t = (struct nic_ring){
      .address = take(&next, (uint64_t)tx * TX_DESCRIPTOR),
      .size = tx,
      .descriptor = TX_DESCRIPTOR,
      .slot = hd_array(NULL, tx, sizeof(struct packet *), "the host's queues"),
      .buffer_size = BUFFER,
      .vector = 0}; /* which is never enabled */
  *r = (struct nic_ring){.address = take(&next, (uint64_t)rx * RX_DESCRIPTOR),
                         .size = rx,
                         .descriptor = RX_DESCRIPTOR,
                         .buffer_size = BUFFER,
                         .vector = (uint8_t)(1 + i)};
  t->buffers = take(&next, (uint64_t)tx * BUFFER);
  r->buffers = take(&next, (uint64_t)rx * BUFFER);
}

static void describe_interface(struct host_port *hp,
                               const struct host_port_numbers *n)
{
  hp->interface = (struct nic_interface){.port = n->port,
                                         .requester = n->requester,
                                         .queue_pairs = hp->queue_pairs,
                                         .first_queue = n->first_queue,
                                         .first_vector = n->first_vector,
                                         .first_handle = n->first_handle,
                                         .tx = hp->tx_rings,
                                         .rx = hp->rx_rings,
                                         .is_default = true};
}

void host_port_initialize(struct host_port *hp, struct hd_engine *e,
                          const char *path, const char *host,
                          const struct vhost_params *p,
                          const struct host_port_numbers *numbers,
                          uint16_t queue_pairs, uint16_t n_kernel,
                          uint64_t base, struct packet_pool *pool,
                          const struct hd_window *window)
{
  *hp = (struct host_port){
      .tx_rings = hd_array(NULL, queue_pairs, sizeof(struct nic_ring),
                           "the host's queues"),
      .rx_rings = hd_array(NULL, queue_pairs, sizeof(struct nic_ring),
                           "the host's queues"),
      .txq = hd_array(NULL, queue_pairs, sizeof(struct host_txq),
                      "the host's queues"),
      .rxq = hd_array(NULL, queue_pairs, sizeof(struct host_rxq),
                      "the host's queues"),
      .queue_pairs = queue_pairs};
  for (uint16_t i = 0; i < queue_pairs; i++) {
    describe_rings(hp, p, i, base + i * pair_memory(p));
    struct host_txq *t = &hp->txq[i];
    t->ring = &hp->tx_rings[i];
    t->pool = pool;
    t->window = window;
    t->device = numbers->device;
    t->number = numbers->first_queue + i;
    t->limit = i < n_kernel ? (uint32_t)p->qdisc : 0;
    char name[128];
    snprintf(name, sizeof name, "%s/txq%03u", path, i);
    host_txq_create(t, e, name, host);
    hp->rxq[i] = (struct host_rxq){.ring = &hp->rx_rings[i],
                                   .device = numbers->device,
                                   .number = numbers->first_queue + i,
                                   .vector = numbers->first_vector + 1 + i,
                                   .refill = REFILL};
  }
  describe_interface(hp, numbers);
}

void host_port_attach(struct host_port *hp, struct root_complex *root,
                      struct memory *memory, uint16_t region)
{
  for (uint16_t i = 0; i < hp->queue_pairs; i++) {
    struct host_txq *t = &hp->txq[i];
    struct hd_channel *reply;
    t->to_root = root_complex_connect_cpu(root, &t->base, &reply);
    hp->tx_rings[i].observer = memory_add_observer(memory, region, &t->base);
  }
}

void host_port_terminate(struct host_port *hp)
{
  for (uint16_t i = 0; i < hp->queue_pairs; i++)
    free(hp->tx_rings[i].slot);
  free(hp->tx_rings);
  free(hp->rx_rings);
  free(hp->txq);
  free(hp->rxq);
}

/* ---- receive ------------------------------------------------------------- */

static void write_tail(struct host_thread *t, const struct host_rxq *q)
{
  vcpu_mmio_write(&t->vcpu, q->device, NIC_RX_TAIL(q->number), q->tail, NULL);
}

/* All descriptors but one: tail == head would mean an empty ring. */
void host_rxq_start(struct host_thread *t, struct host_rxq *q)
{
  q->tail = q->ring->size - 1;
  write_tail(t, q);
}

void host_rxq_enable(struct host_thread *t, struct host_rxq *q, hd_time itr)
{
  vcpu_mmio_write(&t->vcpu, q->device, NIC_VECTOR(q->vector),
                  NIC_INT_CONTROL((uint64_t)(itr / (2 * HD_US))), NULL);
}

void host_rxq_written(struct host_rxq *q, const struct guest_memory_msg *m)
{
  struct packet *p = m->object;
  uint32_t n = NIC_EVENT_VALUE(m->data);
  q->seen += n;
  for (struct packet *next; n > 0 && p != NULL; n--, p = next) {
    next = p->next;
    host_packets_push(&q->list, p);
  }
}

void host_rxq_give_back(struct host_thread *t, struct host_rxq *q, uint32_t n)
{
  q->consumed += n;
  if (q->consumed < q->refill)
    return;
  q->tail = (q->tail + q->consumed) % q->ring->size;
  q->consumed = 0;
  write_tail(t, q);
}
