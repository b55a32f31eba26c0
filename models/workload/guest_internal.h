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
#include "models/workload/netdev.h"

/* Between vCPUs of a guest: two transfers of a cache line, or an IPI to a
 * halted vCPU without its exit (estimated from memory). */
#define GUEST_LATENCY (500 * HD_NS)
/* Guest to the host's management thread: wake-up of a host thread (estimated
 * from memory). */
#define GUEST_CONTROL_LATENCY (1 * HD_US)

enum {
  GUEST_BUFFER = 2048, /* bytes of a packet buffer: half a page */
  GUEST_PAGE = 4096,
  GUEST_QDISC_LIMIT = 1000, /* packets: Linux txqueuelen */
  GUEST_NETDEVS = 2         /* a device, and its stand-in */
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
  GUEST_WAITING,      /* sender -> cleaner: value = stream, bytes to be freed
                         until the sender wants to be woken, object = queue */
  GUEST_DRIVER,       /* the driver's own; value is its */
  GUEST_REQUESTS,     /* job -> owner of the queue: value = job, object = list
                         of `bytes` requests */
  GUEST_REQUESTS_DONE /* the same back */
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
      throttled, blocked, qdisc_max, dropped, lost, kick_exits, kick_doorbells,
      kicks_suppressed, reads, writes, flushes, read_bytes, written_bytes,
      errors, consumed_bytes, produced_bytes, retransmissions;
  hd_time polled;       /* looks that found nothing, but for those under way */
  uint64_t page_faults; /* since the start */
};

struct guest_cpu;

/* What a sending thread holds in transmit rings. Bytes are skb truesize. */
struct guest_socket {
  int64_t limit, held;
  uint64_t charged, released; /* bytes since the start; the sender's */
  uint64_t arrived, freed;    /* the same as seen by the queue's owner */
  /* By device, its cleaner's: bytes to free until the sender, on another vCPU,
   * wants to be woken; <= 0: it does not. */
  int64_t wanted[GUEST_NETDEVS];
};

struct guest_thread;
struct virtio_driver;

struct guest_stream {
  uint16_t number;
  uint32_t payload;  /* bytes; 0: its packets differ */
  uint32_t truesize; /* bytes; of the largest */
  int64_t cost;      /* cycles of a datagram, without the driver */
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

/* A network device of the guest, and its driver. */
struct guest_netdev {
  const struct netdev_ops *ops;
  unsigned number;              /* 1: the stand-in of the other (failover.h) */
  unsigned first;               /* of its queue pairs, among the guest's */
  struct virtio_driver *virtio; /* the driver, if that is one */
};

/* Of both, what is the same for all drivers; the rings are the driver's. The
 * index counts the queue pairs of all devices. */
struct guest_txq {
  unsigned index;
  const struct guest_netdev *dev;
  struct guest_cpu *owner, *cleaner;
  struct packet_list qdisc; /* the owner's */
  uint64_t posted, freed;   /* packets since the start; the owner's */
};

struct guest_rxq {
  unsigned index;
  const struct guest_netdev *dev;
  struct guest_cpu *cpu;
  struct packet_list list; /* received, not yet handled */
  uint64_t received, handled;
  bool polling;
  bool put_off; /* ksoftirqd goes on with it */
};

struct guest_cpu {
  struct vcpu vcpu; /* base */
  struct guest *guest;
  uint32_t number;
  uint32_t mapping;          /* the last move that it has met */
  struct hd_channel **peers; /* by vCPU number; NULL where nothing is sent */
  bool booted, trapped, go;
  bool stood_in;  /* packets are sent by the stand-in of the device, */
  bool unplugged; /* which is gone */
  bool work;      /* an owned queue has packets or requests to post */
  bool scheduled; /* the driver has deferred work */
  bool activity;  /* polling guest: something has arrived since the last poll */
  bool polls;     /* its thread looks at the rings itself, all the time */
  bool in_vain;   /* it finds nothing, since: */
  hd_time in_vain_since;
  bool fair;             /* its thread takes turns with ksoftirqd, */
  uint32_t put_off;      /* which has so many queue pairs to poll, */
  hd_time threads_until; /* but not before: it is the thread's turn */
  hd_time start;         /* from MSG_VM_GO */
  struct guest_sender sender;
  struct packet_list replies; /* socket of ping, or of received datagrams */
  int64_t replies_held;       /* bytes (skb truesize), of datagrams */
  struct packet_list echoes;  /* of a peer: requests to be answered */
  struct packet_list tcp;     /* delivered to TCP */
  struct web_cpu *web;        /* web server; else NULL */
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
  uint32_t n_pairs;                      /* of all network devices */
  const struct guest_device_ops *device; /* the driver, or drivers */
  struct guest_netdev netdev[GUEST_NETDEVS];
  struct failover *failover; /* NULL: no stand-in */
  struct guest_block *block; /* block device; else NULL */
  struct guest_accel *accel; /* accelerator; else NULL */
  uint64_t file;             /* web server: IOVA */
  struct native *native;     /* the driver's; one of these */
  struct nvme *nvme;         /* is not NULL */
  struct virtio_driver *virtio;
  struct guest_stream *streams;
  size_t n_streams;
  struct replay replay; /* of a sending guest; its vCPU 0's */
  struct replay_stats replayed;
  uint16_t *sources;                    /* of a peer: who sends to it, */
  struct guest_received *received_from; /* and what has been received of each */
  hd_time replay_start;
  struct guest_registers registers;
  bool *touched;    /* device pages; the driver's order */
  uint32_t mapping; /* moves to another host */
  hd_time jitter;
  struct hd_channel *to_hypervisor;
  struct hd_histogram latency;
  struct hd_breakdown breakdown;
};

static inline struct guest_cpu *guest_cpu_of(struct vcpu *v)
{
  return v->guest;
}

static inline bool guest_in_window(struct guest_cpu *cpu)
{
  return hd_window_contains(cpu->guest->config.window, vcpu_now(&cpu->vcpu));
}

/* The device has been unplugged, as far as the vCPU knows. */
static inline bool netdev_is_gone(const struct guest_cpu *cpu,
                                  const struct guest_netdev *dev)
{
  return cpu->unplugged && dev->number == 0;
}

/* guest.c: zeroed memory, or the end. */
void *guest_allocate(size_t n, size_t bytes);

/* guest.c: a channel, if there is none yet. */
void guest_connect(struct guest_cpu *from, struct guest_cpu *to);

/* guest_memory.c: where rings and buffers lie; vCPUs' first touches. */
uint64_t guest_draw_area(const struct guest *g);
/* Whole pages at *next, which moves on. */
uint64_t guest_take(uint64_t *next, uint64_t bytes);
/* Before an access to a device page: an EPT violation if it is not mapped. */
void guest_touch(struct guest_cpu *cpu, size_t page);
/* On vCPU 0, at boot: touches them if one fault maps all. */
void guest_map_pages(struct guest_cpu *cpu);

/* guest_cpu.c: a vCPU's thread, its messages, waiting. */
extern const struct vcpu_ops guest_cpu_ops;
/* Does deferred work, if there is any; as soft interrupts do, on a thread's
 * time. */
void guest_soft_interrupts(struct guest_cpu *cpu);
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
uint32_t guest_packet_truesize(const struct guest *g, const struct packet *p);
/* Cycles of a send call with so much payload, without the driver. */
int64_t guest_send_cycles(const struct guest_params *k, uint32_t payload);
static inline bool socket_full(const struct guest_stream *s)
{
  return s->socket.held >= s->socket.limit;
}
void socket_charge(struct guest_stream *s, uint32_t truesize);
/* Bytes have been freed; true when that unblocked the stream's thread. */
bool socket_release(struct guest_stream *s, uint64_t bytes);
/* The stream's thread waits; tells a cleaner on another vCPU. */
void socket_block(struct guest_cpu *cpu, struct guest_stream *s);

/* qdisc.c */
/* Queues a packet; drops it beyond the limit. */
void qdisc_enqueue(struct guest_cpu *cpu, struct guest_txq *q,
                   struct packet *p);
/* Transmits what the rings of the vCPU's queues have room for. */
void qdisc_run_all(struct guest_cpu *cpu);
/* Drops what waits, as a device that goes does (dev_deactivate()). */
void qdisc_reset(struct guest_cpu *cpu, struct guest_txq *q);

/* napi.c */
/* Vector i of the interface, see GUEST_VECTOR(). */
void napi_interrupt(struct guest_cpu *cpu, unsigned i);
/* Polls a queue pair until nothing is left, with interrupts disabled. */
void napi_run(struct guest_cpu *cpu, unsigned queue);
/* A turn of ksoftirqd: a round of each queue pair that was put off. */
void napi_ksoftirqd(struct guest_cpu *cpu);
/* The same once, for a device whose interrupts are off for good. */
void napi_drain(struct guest_cpu *cpu, unsigned queue);

/* guest_thread.c: the sending threads of a vCPU. */
struct guest_thread *guest_thread_pick(struct guest_sender *s, hd_time now);
/* The thread's next stream that is not ahead of its rate; NULL: none. */
struct guest_stream *guest_thread_stream(struct guest_thread *t);
/* Begins or resumes a send call on `s`. False: it blocks, the socket is full.
 */
bool guest_thread_enter_call(struct guest_cpu *cpu, struct guest_thread *t,
                             struct guest_stream *s);

/* Workloads; do not return unless they are done. */
/* Fills in a new packet of stream `s`, whose send call began at `begin`. */
struct packet *guest_packet(struct guest *g, struct guest_stream *s,
                            enum packet_kind kind, hd_time begin);
void udp_stream_create(struct guest *g);
void udp_stream_destroy(struct guest *g);
void udp_stream_run(struct guest_cpu *cpu);
void ping_run(struct guest_cpu *cpu);
void dpdk_forward_run(struct guest_cpu *cpu);
void pcap_replay_create(struct guest *g);
void pcap_replay_destroy(struct guest *g);
void pcap_replay_run(struct guest_cpu *cpu);
static inline bool guest_replays_tx(const struct guest_config *c)
{
  return c->workload == WORKLOAD_PCAP_REPLAY &&
         c->pcap_replay->direction == REPLAY_TX;
}
static inline bool guest_replays_rx(const struct guest_config *c)
{
  return c->workload == WORKLOAD_PCAP_REPLAY &&
         c->pcap_replay->direction == REPLAY_RX;
}
/* Other guests send to it. */
static inline bool guest_is_peer(const struct guest_config *c)
{
  return c->n_sources > 0;
}
/* An application reads datagrams from each queue pair. */
static inline bool guest_receives(const struct guest_config *c)
{
  return guest_is_peer(c) || guest_replays_rx(c);
}

/* udp_receive.c */
/* A packet goes to the application's socket, or is dropped. */
void udp_receive(struct guest_cpu *cpu, struct packet *p);
void udp_receive_run(struct guest_cpu *cpu); /* does not return */

/* peer.c */
void peer_create(struct guest *g);
void peer_destroy(struct guest *g);
/* The application has read a packet, within the window. */
void peer_note_received(struct guest *g, const struct packet *p);
/* Answers the echo requests that have been received. */
void peer_softirq(struct guest_cpu *cpu);

/* guest_plan.c: which vCPU does what. Block jobs and accelerator threads count
 * as streams. */
bool guest_plan_is_accelerated(const struct guest_config *c);
uint32_t guest_plan_streams(const struct guest_config *c);
uint32_t guest_plan_cpus(const struct guest_config *c);
/* Cleaner and owner of a queue; the same with virtio and block devices. */
uint32_t guest_plan_queue(const struct guest_config *c, uint32_t queue);
uint32_t guest_plan_owner(const struct guest_config *c, uint32_t queue);
uint32_t guest_plan_stream(const struct guest_config *c, uint32_t stream);

#endif
