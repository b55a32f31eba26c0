/* host_txq.c - a transmit queue of the host, shared by threads. */
#include "models/vhost/host_port.h"

static uint32_t used(const struct host_txq *q)
{
  return (q->tail + q->ring->size - q->head) % q->ring->size;
}

static bool has_room(const struct host_txq *q)
{
  return used(q) < q->ring->size - 1;
}

static void post(struct host_txq *q, struct packet *p)
{
  p->buffer = q->ring->buffers + (uint64_t)q->tail * q->ring->buffer_size;
  q->ring->slot[q->tail] = p;
  q->tail = (q->tail + 1) % q->ring->size;
  q->posted++;
}

static void ring_doorbell(struct host_txq *q)
{
  struct mmio_msg *m = hd_msg_new_zero(&q->base, MSG_MMIO_WRITE);
  m->address = NIC_TX_TAIL(q->number);
  m->data = q->tail;
  m->length = 4;
  m->device = q->device;
  q->doorbells += hd_window_contains(q->window, hd_now(&q->base));
  hd_send(q->to_root, q->to_root->latency, m);
}

static void drop(struct host_txq *q, struct packet *p)
{
  q->dropped++;
  q->drops += hd_window_contains(q->window, hd_now(&q->base));
  packet_free(q->pool, p);
}

static void transmit(struct host_txq *q, const struct host_packets_msg *m)
{
  uint64_t before = q->posted;
  for (struct packet *p = m->list, *next; p != NULL; p = next) {
    next = p->next;
    p->next = NULL;
    q->arrived++;
    if (q->qdisc.count == 0 && has_room(q))
      post(q, p);
    else if (q->qdisc.count < q->limit)
      host_packets_push(&q->qdisc, p);
    else
      drop(q, p);
  }
  if (q->posted > before)
    ring_doorbell(q);
}

/* Frees descriptors and sends what has waited for them. */
static void completed(struct host_txq *q, uint32_t next)
{
  while (q->head != next) {
    q->ring->slot[q->head] = NULL;
    q->head = (q->head + 1) % q->ring->size;
  }
  uint64_t before = q->posted;
  while (q->qdisc.count > 0 && has_room(q))
    post(q, host_packets_pop(&q->qdisc));
  if (q->posted > before)
    ring_doorbell(q);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct host_txq *q = (struct host_txq *)self;
  if (msg->kind == MSG_HOST_TRANSMIT) {
    transmit(q, (const struct host_packets_msg *)msg);
  } else {
    HD_REQUIRE(self, msg->kind == MSG_GUEST_MEMORY, "message of kind %u",
               msg->kind);
    uint64_t data = ((const struct guest_memory_msg *)msg)->data;
    HD_REQUIRE(self, NIC_EVENT_VALUE(data) < q->ring->size,
               "write-back of descriptor %u", NIC_EVENT_VALUE(data));
    completed(q, NIC_EVENT_VALUE(data));
  }
  hd_msg_free(self, msg);
}

void host_txq_create(struct host_txq *q, struct hd_engine *e, const char *path,
                     const char *host)
{
  static const struct hd_component_ops ops = {.kind = "host_txq",
                                              .handle = handle};
  hd_component_initialize(&q->base, e, &ops, path, host);
}

struct hd_channel *host_txq_connect(struct host_txq *q, struct hd_component *c)
{
  return hd_channel_open(c, &q->base, HOST_LINE_LATENCY);
}

void host_txq_send(struct host_thread *t, struct hd_channel *to,
                   struct packet *list, uint32_t count)
{
  host_thread_work(t, t->params.mmio_write_cost);
  struct host_packets_msg *m =
      hd_msg_new_zero(host_thread_component(t), MSG_HOST_TRANSMIT);
  m->list = list;
  m->count = count;
  hd_send(to, to->latency, m);
}

uint64_t host_txq_held(const struct host_txq *q)
{
  uint64_t n = q->qdisc.count;
  for (uint32_t i = 0; i < q->ring->size; i++)
    n += q->ring->slot[i] != NULL;
  return n;
}

const char *host_txq_check(const struct host_txq *q)
{
  if (q->arrived != q->posted + q->dropped + q->qdisc.count)
    return "host transmit queue: packets are not posted, dropped or waiting";
  if (q->qdisc.count > 0 && has_room(q))
    return "host transmit queue: a packet waits though the ring has room";
  return NULL;
}
