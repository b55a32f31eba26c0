/*
 * test_guest_device.h - the simplest device a guest can work with.
 *
 * It takes announced packets after DOORBELL_LATENCY, serves them one after
 * another, completes descriptors in batches and raises the queue's vector; it
 * checks order and stamps of everything it gets. Echo requests come back after
 * `echo`. It can generate frames to be forwarded or received.
 * What is not here: PCIe, IOMMU, throttling of interrupts, posted descriptors.
 */
#ifndef HD_TESTS_TEST_GUEST_DEVICE_H
#define HD_TESTS_TEST_GUEST_DEVICE_H

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "models/interrupt/interrupt.h"
#include "models/workload/guest_internal.h"

#define DOORBELL_LATENCY (300 * HD_NS)
#define VISIBLE_LATENCY (100 * HD_NS)
#define IRQ_LATENCY (250 * HD_NS)
enum {
  BENCH_QUEUES = 8,
  BENCH_STREAMS = 16,
  BENCH_ARRIVALS = 256,
  FIRST_QUEUE = 40,
  FIRST_VECTOR = 70,
  ITR_VALUE = 25
};

enum bench_timer { TIMER_SERVED = 1, TIMER_ECHO, TIMER_GENERATE };

struct bench_queue {
  uint32_t next, completed;   /* transmit: to take; told to the driver */
  uint32_t served;            /* descriptors done, not yet told */
  hd_time free_at;            /* server */
  uint32_t rx_tail, rx_next;  /* receive descriptors */
  struct hd_channel *to_vcpu; /* events and interrupts */
  uint32_t vcpu_index;
  bool enabled, cause; /* its vector */
  uint64_t generated;
};

struct bench_device {
  struct hd_component base;
  struct bench *bench;
  struct bench_queue queue[BENCH_QUEUES];
  bool mailbox_enabled;
  /* behaviour */
  hd_time service;    /* per packet; 0: at once */
  hd_time skew;       /* queue q needs q times this more */
  uint32_t batch;     /* descriptors completed together */
  hd_time echo;       /* request taken to reply and completion written */
  hd_time gap;        /* between generated frames of a queue; 0: none */
  uint32_t gap_burst; /* frames generated at once */
  int gap_kind;       /* enum packet_kind; 0: data, or to be forwarded */
  uint16_t gap_peer;  /* struct packet.peer of generated frames */
  /* observations */
  uint64_t packets, doorbells, bytes[BENCH_STREAMS], next_seq[BENCH_STREAMS];
  uint64_t packets_in_window, queue_doorbells[BENCH_QUEUES];
  uint64_t reordered, returned, interrupts, rx_dropped, rx_doorbells;
  uint32_t outstanding, most, least_at_resume;
  bool was_full;
  int64_t unfair;     /* greatest difference between streams */
  int64_t above_rate; /* greatest bytes above the rate, per stream */
  int64_t itr_programmed;
  uint64_t addresses_seen; /* changes of packet->buffer */
  uint64_t last_buffer;
  uint64_t outside; /* buffers outside the guest's memory */
  hd_time poll_wait_max, turn_max, turn_min;
  hd_time arrival[BENCH_ARRIVALS]; /* of the first packets of data */
  uint64_t replies, misdirected;   /* answers to echo requests; not to whom they
                                      came from, or by another queue */
  hd_time answer_min, answer_max;  /* time of the guest for them */
  uint32_t arrived_bytes[BENCH_ARRIVALS];
};

struct bench_hypervisor {
  struct hd_component base;
  struct bench *bench;
  struct hd_channel *to_scheduler;
  struct hd_channel **to_vcpu;
  uint64_t traps, messages;
  hd_time ready;
};

struct bench {
  struct hd_engine *engine;
  struct scheduler *scheduler;
  struct guest *guest;
  struct bench_device device;
  struct bench_hypervisor hypervisor;
  struct packet_pool packets;
  struct hd_window window;
  struct guest_config config;
  struct guest_registers registers;
  struct udp_stream_params udp;
  struct ping_params ping;
  struct dpdk_forward_params dpdk;
  struct pcap_replay_params replay;
  struct guest_params costs;
  struct cpu_params cpu;
  struct nic_params nic;
  struct virtio_params virtio;
  struct block_jobs_params jobs;
  struct guest_block_params block_costs;
  struct storage_params storage;
  struct block_pool requests;
  const struct hd_component_ops *device_ops; /* of another device */
  void (*wire)(struct bench *b);             /* connects that one */
  void *other;                               /* it */
  hd_time warmup, duration, run_ahead;
  uint32_t shuffle;
  hd_time go;
};

/* ---- device: write-backs ------------------------------------------------- */

static inline void bench_fire(struct bench_device *d, unsigned q)
{
  struct bench_queue *bq = &d->queue[q];
  if (!bq->enabled) {
    bq->cause = true;
    return;
  }
  bq->enabled = bq->cause = false;
  d->interrupts++;
  unsigned vector = GUEST_VECTOR(1 + q);
  struct interrupt_msg *m = hd_msg_new_zero(&d->base, MSG_IRQ_NOTIFY);
  m->vcpu = bq->vcpu_index;
  m->vectors[vector / 64] = (uint64_t)1 << (vector % 64);
  hd_send(bq->to_vcpu, IRQ_LATENCY, m);
}

static inline void bench_event(struct bench_device *d, unsigned q,
                               uint64_t data, void *object)
{
  struct guest_memory_msg *m = hd_msg_new_zero(&d->base, MSG_GUEST_MEMORY);
  m->data = data;
  m->object = object;
  hd_send(d->queue[q].to_vcpu, VISIBLE_LATENCY, m);
}

static inline void bench_complete(struct bench_device *d, unsigned q)
{
  struct bench_queue *bq = &d->queue[q];
  if (bq->served == 0)
    return;
  d->outstanding -= bq->served;
  bq->completed =
      (bq->completed + bq->served) % (uint32_t)d->bench->nic.tx_ring;
  bq->served = 0;
  bench_event(d, q, NIC_EVENT(0, q, bq->completed), NULL);
}

static inline void bench_receive(struct bench_device *d, unsigned q,
                                 struct packet *p)
{
  struct bench_queue *bq = &d->queue[q];
  if (bq->rx_next == bq->rx_tail) {
    d->rx_dropped++;
    packet_free(&d->bench->packets, p);
    return;
  }
  const struct nic_ring *r = &guest_rx_rings(d->bench->guest)[q];
  p->buffer = r->buffers + (uint64_t)bq->rx_next * r->buffer_size;
  bq->rx_next = (bq->rx_next + 1) % r->size;
  p->next = NULL;
  hd_stamps_mark(&p->stamps, HD_STAGE_RECEIVE_PATH, hd_now(&d->base));
  bench_event(d, q, NIC_EVENT(1, q, 1), p);
}

/* ---- device: packets ----------------------------------------------------- */

static inline struct packet_msg *bench_timer(struct bench_device *d,
                                             uint32_t tag, unsigned q,
                                             struct packet *p, hd_time delay)
{
  struct packet_msg *m = hd_msg_new_zero(&d->base, MSG_TIMER);
  m->msg.tag = tag;
  m->packet = p;
  m->bytes = q;
  hd_schedule(&d->base, delay, m);
  return m;
}

static inline void bench_look_at_buffer(struct bench_device *d,
                                        const struct packet *p)
{
  const struct guest_config *c = &d->bench->config;
  d->addresses_seen += p->buffer != d->last_buffer;
  d->last_buffer = p->buffer;
  d->outside +=
      p->buffer < c->memory_base ||
      p->buffer + packet_dma_bytes(p) > c->memory_base + c->memory_size ||
      p->buffer % 2048 != 0;
}

static inline void bench_look_at_rate(struct bench_device *d, unsigned stream)
{
  struct bench *b = d->bench;
  uint64_t least = UINT64_MAX, most = 0;
  for (int64_t s = 0; s < b->udp.streams; s++) {
    least = d->bytes[s] < least ? d->bytes[s] : least;
    most = d->bytes[s] > most ? d->bytes[s] : most;
  }
  int64_t unfair = (int64_t)(most - least);
  d->unfair = unfair > d->unfair ? unfair : d->unfair;
  hd_time elapsed = hd_now(&d->base) - b->go - b->guest->jitter;
  int64_t allowed =
      (int64_t)((hd_u128)b->udp.rate * (hd_u128)elapsed / (hd_u128)(8 * HD_S));
  int64_t above = (int64_t)d->bytes[stream] - allowed;
  d->above_rate = above > d->above_rate ? above : d->above_rate;
}

static inline void bench_take_data(struct bench_device *d, struct packet *p)
{
  d->reordered += p->sequence != d->next_seq[p->stream];
  d->next_seq[p->stream] = p->sequence + 1;
  d->bytes[p->stream] += p->payload;
  if (d->packets <= BENCH_ARRIVALS) {
    d->arrival[d->packets - 1] = hd_now(&d->base);
    d->arrived_bytes[d->packets - 1] = p->frame;
  }
  d->packets_in_window +=
      hd_window_contains(&d->bench->window, hd_now(&d->base));
  if (d->bench->config.workload == WORKLOAD_UDP_STREAM)
    bench_look_at_rate(d, p->stream);
}

/* Within the window: the first packet of all finds its page not mapped. */
static inline void bench_look_at_polls(struct bench_device *d,
                                       const struct packet *p)
{
  hd_time wait = p->stamps.spent[HD_STAGE_INTERRUPT];
  hd_time turn = p->stamps.spent[HD_STAGE_SEND_PATH];
  d->poll_wait_max = hd_time_max(d->poll_wait_max, wait);
  d->turn_max = hd_time_max(d->turn_max, turn);
  d->turn_min = d->turn_min ? hd_time_min(d->turn_min, turn) : turn;
}

static inline void bench_take_forwarded(struct bench_device *d,
                                        struct packet *p)
{
  bool counts = hd_window_contains(&d->bench->window, hd_now(&d->base));
  d->reordered += p->sequence != d->next_seq[p->queue];
  d->next_seq[p->queue] = p->sequence + 1;
  d->returned++;
  d->packets_in_window += counts;
  if (counts)
    bench_look_at_polls(d, p);
  ck_assert_int_eq(p->kind, PACKET_FORWARD);
}

/* The guest's answer to a generated echo request. */
static inline void bench_take_reply(struct bench_device *d, unsigned q,
                                    const struct packet *p)
{
  hd_time answer = p->stamps.spent[HD_STAGE_REMOTE];
  d->reordered += p->sequence != d->next_seq[q];
  d->next_seq[q] = p->sequence + 1;
  d->replies++;
  d->misdirected +=
      p->peer != d->gap_peer || p->queue != q || p->vm != d->bench->config.vm;
  d->answer_min = d->replies > 1 ? hd_time_min(d->answer_min, answer) : answer;
  d->answer_max = hd_time_max(d->answer_max, answer);
}

static inline void bench_take(struct bench_device *d, unsigned q,
                              struct packet *p)
{
  struct bench_queue *bq = &d->queue[q];
  hd_time now = hd_now(&d->base);
  d->packets++;
  bench_look_at_buffer(d, p);
  hd_stamps_mark(&p->stamps, HD_STAGE_DOORBELL, now);
  if (p->kind == PACKET_ECHO_REQUEST) {
    bench_timer(d, TIMER_ECHO, q, p, d->echo);
    return;
  }
  if (p->kind == PACKET_DATA)
    bench_take_data(d, p);
  else if (p->kind == PACKET_ECHO_REPLY)
    bench_take_reply(d, q, p);
  else
    bench_take_forwarded(d, p);
  hd_time total = 0;
  for (int i = 0; i < HD_STAGE_COUNT; i++)
    total += p->stamps.spent[i];
  ck_assert_int_eq(total, now - p->stamps.begin);
  packet_free(&d->bench->packets, p);
  bq->free_at = hd_time_max(bq->free_at, now) + d->service + q * d->skew;
  bench_timer(d, TIMER_SERVED, q, NULL, bq->free_at - now);
}

/* A doorbell after a pause in which the guest had filled its socket. */
static inline void bench_look_at_socket(struct bench_device *d)
{
  int64_t limit = d->bench->costs.socket_buffer;
  if (d->bench->config.workload != WORKLOAD_UDP_STREAM)
    return;
  uint32_t truesize =
      guest_truesize(&d->bench->costs, (uint32_t)d->bench->udp.payload);
  if (d->was_full && d->outstanding < d->least_at_resume)
    d->least_at_resume = d->outstanding;
  d->was_full |= (int64_t)(d->outstanding + 1) * truesize >= limit;
}

static inline void bench_tx_doorbell(struct bench_device *d, unsigned q,
                                     uint32_t tail)
{
  struct bench_queue *bq = &d->queue[q];
  struct nic_ring *r = &guest_tx_rings(d->bench->guest)[q];
  ck_assert_uint_lt(tail, r->size);
  d->doorbells++;
  d->queue_doorbells[q]++;
  bench_look_at_socket(d);
  for (; bq->next != tail; bq->next = (bq->next + 1) % r->size) {
    struct packet *p = r->slot[bq->next];
    ck_assert_ptr_nonnull(p);
    r->slot[bq->next] = NULL;
    d->outstanding++;
    d->most = d->outstanding > d->most ? d->outstanding : d->most;
    bench_take(d, q, p);
  }
}

static inline void bench_rx_doorbell(struct bench_device *d, unsigned q,
                                     uint32_t tail)
{
  d->rx_doorbells++;
  d->queue[q].rx_tail = tail;
}

/* ---- device: messages ---------------------------------------------------- */

static inline void bench_control_vector(struct bench_device *d, unsigned vector,
                                        uint64_t data)
{
  ck_assert_uint_eq(data & NIC_INT_ENABLE, NIC_INT_ENABLE);
  if (data >> 16 != NIC_ITR_KEEP)
    d->itr_programmed = (int64_t)(data >> 16);
  if (vector == 0) {
    d->mailbox_enabled = true;
    return;
  }
  struct bench_queue *bq = &d->queue[vector - 1];
  ck_assert(!bq->enabled);
  bq->enabled = true;
  if (bq->cause)
    bench_fire(d, vector - 1);
}

static inline void bench_write(struct bench_device *d, const struct mmio_msg *m)
{
  uint64_t page = m->address / NIC_PAGE * NIC_PAGE;
  ck_assert_uint_eq(m->address, page);
  if (m->address >= NIC_TX_TAIL_BASE)
    bench_tx_doorbell(d,
                      (unsigned)((page - NIC_TX_TAIL(FIRST_QUEUE)) / NIC_PAGE),
                      (uint32_t)m->data);
  else if (m->address >= NIC_RX_TAIL_BASE)
    bench_rx_doorbell(d,
                      (unsigned)((page - NIC_RX_TAIL(FIRST_QUEUE)) / NIC_PAGE),
                      (uint32_t)m->data);
  else
    bench_control_vector(
        d, (unsigned)((page - NIC_VECTOR(FIRST_VECTOR)) / NIC_PAGE), m->data);
}

static inline void bench_served(struct bench_device *d, unsigned q)
{
  struct bench_queue *bq = &d->queue[q];
  if (++bq->served < d->batch)
    return;
  bench_complete(d, q);
  if (d->bench->config.workload != WORKLOAD_DPDK_FORWARD)
    bench_fire(d, q);
}

static inline void bench_echo(struct bench_device *d, unsigned q,
                              struct packet *p)
{
  p->kind = PACKET_ECHO_REPLY;
  hd_stamps_mark(&p->stamps, HD_STAGE_REMOTE, hd_now(&d->base));
  d->queue[q].served++;
  bench_complete(d, q);
  bench_receive(d, q, p);
  bench_fire(d, q);
}

static inline uint8_t bench_kind(const struct bench_device *d)
{
  int workload = d->bench->config.workload;
  bool data = workload == WORKLOAD_PCAP_REPLAY || workload == WORKLOAD_IDLE;
  int usual = data ? PACKET_DATA : PACKET_FORWARD;
  return (uint8_t)(d->gap_kind ? d->gap_kind : usual);
}

static inline void bench_generate(struct bench_device *d, unsigned q)
{
  struct bench *b = d->bench;
  for (uint32_t i = 0; i < d->gap_burst; i++) {
    struct packet *p = packet_new(&b->packets);
    *p =
        (struct packet){.kind = bench_kind(d),
                        .vm = b->config.vm,
                        .peer = d->gap_peer,
                        .queue = (uint16_t)q,
                        .payload = (uint32_t)b->dpdk.payload,
                        .frame = packet_frame_bytes((uint32_t)b->dpdk.payload)};
    hd_stamps_begin(&p->stamps, hd_now(&d->base));
    uint64_t dropped = d->rx_dropped;
    p->sequence = d->queue[q].generated;
    bench_receive(d, q, p);
    d->queue[q].generated += d->rx_dropped == dropped;
  }
  if (b->config.workload != WORKLOAD_DPDK_FORWARD)
    bench_fire(d, q);
  bench_timer(d, TIMER_GENERATE, q, NULL, d->gap);
}

static inline void bench_device_handle(struct hd_component *self,
                                       struct hd_msg *msg)
{
  struct bench_device *d = (struct bench_device *)self;
  struct packet_msg *m = (struct packet_msg *)msg;
  if (msg->kind == MSG_MMIO_WRITE)
    bench_write(d, (struct mmio_msg *)msg);
  else if (msg->kind == MSG_VM_GO)
    for (unsigned q = 0; d->gap > 0 && q < d->bench->config.queue_pairs; q++)
      bench_timer(d, TIMER_GENERATE, q, NULL, 150 * HD_US);
  else if (msg->tag == TIMER_SERVED)
    bench_served(d, (unsigned)m->bytes);
  else if (msg->tag == TIMER_ECHO)
    bench_echo(d, (unsigned)m->bytes, m->packet);
  else
    bench_generate(d, (unsigned)m->bytes);
  hd_msg_free(self, msg);
}

#endif
