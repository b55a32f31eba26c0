/*
 * guest_internal.h - shared by the guest's own files; not for others.
 *
 * Who owns what. vCPUs run ahead of each other, so state has one writer:
 *  - a transmit queue's ring (tail, head, entries, queueing discipline) belongs
 *    to its `owner`: the vCPU that sends on it; if several do, the one that
 *    handles its interrupts, and the others pass their packets to it, as
 *    senders leave them to the CPU that runs a Linux queueing discipline;
 *  - what a queue's interrupts bring (completions, received packets) belongs to
 *    its `cleaner`, guest_vcpu_of_queue();
 *  - a stream and its socket belong to the vCPU of its sending thread.
 * Where these are different vCPUs, messages of GUEST_LATENCY go between them.
 */
#ifndef HD_MODELS_WORKLOAD_GUEST_INTERNAL_H
#define HD_MODELS_WORKLOAD_GUEST_INTERNAL_H

#include "models/hypervisor/control.h"
#include "models/workload/guest.h"

/* Between vCPUs of a guest: two transfers of a cache line, or an IPI to a
 * halted vCPU without its exit (estimated from memory). */
#define GUEST_LATENCY (500 * HD_NS)
/* Guest to the host's management thread: wake-up of a host thread (estimated
 * from memory). */
#define GUEST_CONTROL_LATENCY (1 * HD_US)

enum {
  GUEST_BUFFER = 2048,      /* bytes of a packet buffer: half a page */
  GUEST_TX_DESCRIPTOR = 16, /* bytes */
  GUEST_RX_DESCRIPTOR = 32,
  GUEST_PAGE = 4096,
  GUEST_QDISC_LIMIT = 1000, /* packets: Linux txqueuelen */
  GUEST_REFILL = 32         /* receive descriptors given back together */
};

/* To whole pages, which rings and buffers take. */
static inline uint64_t guest_page_round(uint64_t bytes)
{
  return (bytes + GUEST_PAGE - 1) / GUEST_PAGE * GUEST_PAGE;
}

/* struct guest_msg.what */
enum guest_message {
  GUEST_TX_FREED = 1, /* cleaner -> owner: value = queue, bytes = descriptors */
  GUEST_SOCKET_FREED, /* owner -> sender: value = stream, bytes */
  GUEST_PACKET,       /* sender -> owner: value = queue, object = packet */
  GUEST_WAITING       /* sender -> cleaner: value = stream, bytes to be freed
                         until the sender wants to be woken */
};

struct packet_list {
  struct packet *first, *last;
  uint32_t count;
};

static inline void packet_list_push(struct packet_list *l, struct packet *p)
{
  p->next = NULL;
  if (l->last)
    l->last->next = p;
  else
    l->first = p;
  l->last = p;
  l->count++;
}

static inline struct packet *packet_list_pop(struct packet_list *l)
{
  struct packet *p = l->first;
  l->first = p->next;
  if (!l->first)
    l->last = NULL;
  l->count--;
  return p;
}

/* Events within the window, of one vCPU. */
struct guest_counters {
  uint64_t sent_packets, sent_bytes, received_packets, received_bytes, requests,
      throttled, blocked, qdisc_max, dropped, lost;
  uint64_t page_faults; /* since the start */
};

struct guest_cpu;

/* What a sending thread holds in transmit rings. Bytes are skb truesize. */
struct guest_socket {
  int64_t limit, held;
  uint64_t charged, released; /* bytes since the start; the sender's */
  uint64_t arrived, freed;    /* the same as seen by the queue's owner */
  int64_t wanted; /* the cleaner's: bytes to free until the sender, on another
                     vCPU, wants to be woken; <= 0: it does not */
};

struct guest_thread;

struct guest_stream {
  uint16_t number;
  uint32_t payload, truesize; /* bytes */
  int64_t cost;               /* cycles of a datagram, without the driver */
  struct guest_txq *queue;
  struct guest_cpu *cpu;
  struct guest_thread *thread; /* NULL: none sends */
  struct guest_socket socket;
  uint64_t sequence, sent; /* datagrams; bytes of payload */
  bool green;              /* not ahead of its rate */
};

/* A thread that sends the datagrams of some streams in turn. */
struct guest_thread {
  struct guest_stream **streams;
  uint32_t count, next;
  struct guest_stream *blocked; /* waits for this stream's socket */
  hd_time call;                 /* its send call began; valid if in_call */
  bool in_call;
};

/* The sending threads of one vCPU. */
struct guest_sender {
  struct guest_thread *threads;
  uint32_t count, running; /* index; count: none */
  hd_time start, slice_end, next_tick;
};

struct tx_entry { /* of a posted descriptor; the packet is the device's */
  uint32_t truesize;
  uint16_t stream;
};

struct guest_txq {
  struct nic_ring *ring;
  unsigned index;
  struct guest_cpu *owner, *cleaner;
  uint64_t buffers; /* IOVA of the area that packets are sent from */
  /* the owner's */
  uint32_t head, tail; /* oldest descriptor not known free; next to fill */
  struct tx_entry *entries;
  struct packet_list qdisc;
  uint64_t posted, freed; /* descriptors since the start */
  /* the cleaner's */
  uint32_t completed, cleaned; /* indices, from the device; handled */
};

struct guest_rxq {
  struct nic_ring *ring;
  unsigned index;
  struct guest_cpu *cpu;
  struct packet_list list; /* received, not yet handled */
  uint32_t tail;           /* register's value */
  uint32_t consumed;       /* descriptors not yet given back */
  uint64_t received, handled;
  bool polling;
};

struct guest_cpu {
  struct vcpu vcpu; /* base */
  struct guest *guest;
  uint32_t number;
  struct hd_channel **peers; /* by vCPU number; NULL where nothing is sent */
  bool booted, trapped, go;
  bool work;     /* an owned queue has packets to transmit */
  bool activity; /* polling guest: something has arrived since the last poll */
  bool polls;    /* its thread looks at the rings itself, all the time */
  hd_time start; /* from MSG_VM_GO */
  struct guest_sender sender;
  struct packet_list replies; /* socket of ping */
  struct packet_list burst;   /* polling guest: being forwarded */
  uint64_t passed, taken;     /* packets to and from other vCPUs */
  struct guest_counters counters;
};

struct guest {
  struct guest_config config;
  struct hd_engine *engine;
  struct guest_cpu *cpus;
  size_t n_cpus;
  struct guest_txq *txq;
  struct guest_rxq *rxq;
  struct nic_ring *tx_rings, *rx_rings;
  struct guest_stream *streams;
  size_t n_streams;
  struct guest_registers registers;
  bool *touched; /* device pages; see guest_page() */
  hd_time jitter;
  struct hd_channel *to_hypervisor;
  struct hd_histogram latency;
  struct hd_breakdown breakdown;
};

/* Device pages of a guest, in the order of `touched`. */
enum guest_page_kind { PAGE_TX_TAIL, PAGE_RX_TAIL, PAGE_VECTOR, PAGE_MAILBOX };

static inline struct guest_cpu *guest_cpu_of(struct vcpu *v)
{
  return v->guest;
}

static inline bool guest_in_window(struct guest_cpu *cpu)
{
  return hd_window_contains(cpu->guest->config.window, vcpu_now(&cpu->vcpu));
}

/* guest_memory.c: where rings and buffers lie; vCPUs' first touches. */
void guest_memory_layout(struct guest *g);
/* Before an access to a device page: an EPT violation if it is not mapped. */
void guest_touch(struct guest_cpu *cpu, enum guest_page_kind kind, unsigned i);
size_t guest_pages(const struct guest_config *c);

/* guest_cpu.c: a vCPU's thread, its messages, waiting. */
extern const struct vcpu_ops guest_cpu_ops;
/* Does deferred work or idles (vcpu_idle()). May return at any time. */
void guest_wait(struct guest_cpu *cpu, hd_time until);
/* Disables interrupts; returns what to restore. */
bool guest_irq_save(struct guest_cpu *cpu);
void guest_irq_restore(struct guest_cpu *cpu, bool enabled);
void guest_send(struct guest_cpu *from, struct guest_cpu *to,
                enum guest_message what, uint32_t value, uint64_t bytes,
                void *object);

/* boot.c: MSG_VM_BOOT to MSG_VM_READY, on vCPU 0. */
void guest_boot(struct guest_cpu *cpu);

/* socket.c */
uint32_t guest_truesize(const struct guest_params *k, uint32_t payload);
static inline bool socket_full(const struct guest_stream *s)
{
  return s->socket.held >= s->socket.limit;
}
void socket_charge(struct guest_stream *s);
/* Bytes have been freed; true when that unblocked the stream's thread. */
bool socket_release(struct guest_stream *s, uint64_t bytes);
/* The stream's thread waits; tells a cleaner on another vCPU. */
void socket_block(struct guest_cpu *cpu, struct guest_stream *s);

/* netdev_tx.c: the driver's transmit side. */
static inline uint32_t netdev_tx_used(const struct guest_txq *q)
{
  return (q->tail + q->ring->size - q->head) % q->ring->size;
}
static inline uint32_t netdev_tx_room(const struct guest_txq *q)
{
  return q->ring->size - 1 - netdev_tx_used(q);
}
static inline uint32_t netdev_tx_completions(const struct guest_txq *q)
{
  return (q->completed + q->ring->size - q->cleaned) % q->ring->size;
}
/* True when a packet sent now would go straight into the ring, so that
 * send_driver is the sender's to pay. */
bool netdev_tx_direct(const struct guest_cpu *cpu, const struct guest_txq *q);
/* Sends a packet of stream `s`; `paid`: send_driver has been paid. */
void netdev_tx_send(struct guest_cpu *cpu, struct guest_stream *s,
                    struct packet *p, bool paid);
/* Puts a packet into the next descriptor; owner, room, interrupts disabled. */
void netdev_tx_post(struct guest_cpu *cpu, struct guest_txq *q,
                    struct packet *p, uint32_t truesize);
void netdev_tx_doorbell(struct guest_cpu *cpu, struct guest_txq *q);
/* On the cleaner: `n` completed descriptors have been handled. */
void netdev_tx_clean(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n);
/* On the owner: `n` descriptors are free. True when a thread was unblocked. */
bool netdev_tx_freed(struct guest_cpu *cpu, struct guest_txq *q, uint32_t n);

/* qdisc.c */
/* Queues a packet whose truesize is `s`'s; drops it beyond the limit. */
void qdisc_enqueue(struct guest_cpu *cpu, struct guest_txq *q,
                   struct packet *p);
/* Transmits what the rings of the vCPU's queues have room for. */
void qdisc_run_all(struct guest_cpu *cpu);

/* netdev_rx.c: the driver's receive side. */
void netdev_rx_start(struct guest_cpu *cpu, struct guest_rxq *q);
/* From the device; takes no time. */
void netdev_rx_arrived(struct guest_cpu *cpu, struct guest_rxq *q,
                       struct packet *list, uint32_t n);
/* Hands `n` received packets to their sockets. */
void netdev_rx_deliver(struct guest_cpu *cpu, struct guest_rxq *q, uint32_t n);
/* `n` descriptors have been used; gives them back in batches. */
void netdev_rx_refill(struct guest_cpu *cpu, struct guest_rxq *q, uint32_t n);

/* napi.c */
void napi_interrupt(struct vcpu *v, unsigned vector);

/* guest_thread.c: choosing among the sending threads of a vCPU. */
struct guest_thread *guest_thread_pick(struct guest_sender *s, hd_time now);
/* The thread's next stream that is not ahead of its rate; NULL: none. */
struct guest_stream *guest_thread_stream(struct guest_thread *t);

/* Workloads; do not return unless they are done. */
/* Fills in a new packet of stream `s`, whose send call began at `begin`. */
struct packet *guest_packet(struct guest *g, struct guest_stream *s,
                            enum packet_kind kind, hd_time begin);
void udp_stream_create(struct guest *g);
void udp_stream_destroy(struct guest *g);
void udp_stream_run(struct guest_cpu *cpu);
void ping_run(struct guest_cpu *cpu);
void dpdk_forward_run(struct guest_cpu *cpu);

/* guest_plan.c: which vCPU does what. */
uint32_t guest_plan_streams(const struct guest_config *c);
uint32_t guest_plan_cpus(const struct guest_config *c);
uint32_t guest_plan_queue(const struct guest_config *c, uint32_t queue);
uint32_t guest_plan_stream(const struct guest_config *c, uint32_t stream);
uint32_t guest_plan_owner(const struct guest_config *c, uint32_t queue);

#endif
