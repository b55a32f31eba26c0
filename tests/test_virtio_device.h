/*
 * test_virtio_device.h - a bench for the virtio accelerator: the real links,
 * requesters and wires, up to two devices, and two stand-ins. The host answers
 * DMA reads after a fixed time, sees every write, and is the driver of all
 * guests, with the ring library's driver side; the peer is what hangs on the
 * wires.
 *
 * Everything is in one static struct: a test is a process of its own.
 */
#ifndef TEST_VIRTIO_DEVICE_H
#define TEST_VIRTIO_DEVICE_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/pcie/requester.h"
#include "models/virtio_device/resources.h"
#include "models/virtio_device/virtio_device.h"
#include "sim/engine/rng.h"

enum {
  MAX_VMS = 4,
  MAX_QUEUES = 4, /* virtqueues of a guest */
  DEVICES = 2,
  RING = 256,
  MAX_SEQUENCE = 1 << 16,
  LOG = 1 << 14,
  ADMIN_OBSERVER = 99,
  HEADER = 12,
  BLOCK_SPACE = 1 << 16 /* bytes of a request's data area */
};
#define START (100 * HD_US)  /* functions are up by then */
#define ANSWER (300 * HD_NS) /* host memory answers a read */
#define HANDLE_OF(vm, vector) (1000u + (uint32_t)((vm)*64 + (vector)))
#define BASE_OF(vm, q) (((uint64_t)(vm) + 1) << 28 | (uint64_t)(q) << 25)
#define BUFFERS_OF(vm, q) (BASE_OF(vm, q) + (1u << 20))
#define BAD_ADDRESS 0xdead0000u /* reads here are answered with an error */
enum { PAGES = 5 << 16 /* of all guests */ };

/* An assertion for hot paths. */
#define MUST(condition)                                                        \
  do {                                                                         \
    if (!(condition))                                                          \
      ck_abort_msg("%s", #condition);                                          \
  } while (0)

struct driver_queue {
  struct virtq ring;
  struct virtq_driver side;
  int vm, index, device;
  uint64_t added, taken;   /* chains */
  uint64_t sequence;       /* transmit: packets made; receive: next expected */
  uint64_t held;           /* receive: free buffers not given back */
  uint32_t payload, depth; /* transmit, block: keeps so many chains in flight */
  uint32_t buffer;         /* receive: bytes of each buffer */
  bool stalled;            /* gives nothing back, and sends nothing */
  uint16_t place[RING];    /* of a chain, by ID */
  uint16_t free_places[RING];
  uint32_t n_free;
  uint64_t kicks, views, interrupts;
};

struct entry {
  hd_time when;
  uint64_t address, data;
  uint32_t length, pasid;
  uint16_t requester, observer;
  uint8_t flags;
};

struct record {
  struct entry e[LOG];
  size_t n;
};

struct bench {
  struct hd_engine *engine;
  struct hd_window window;
  struct pcie_params pcie;
  struct virtio_device_params params;
  struct network_params network;
  struct storage_params drive;
  struct packet_pool packets;
  struct block_pool requests;
  enum virtio_kind kind;
  int devices;
  struct virtio_device *device[DEVICES];
  struct pcie_link *link[DEVICES];
  struct wire *wire[DEVICES];
  /* host */
  struct hd_component host;
  struct hd_channel *to_link[DEVICES], *visible[DEVICES];
  struct pcie_receiver receiver[DEVICES];
  int vms, queues; /* virtqueues of a guest */
  uint64_t features;
  uint32_t ring, table; /* entries of a ring, and of indirect tables */
  bool two_buffers;     /* header in a buffer of its own */
  bool polls;           /* drivers ask for no interrupts */
  bool ring_bad;        /* reads of ring structures of guest 0 fail */
  uint64_t bad_every;   /* every n-th packet or request is at BAD_ADDRESS */
  hd_time translation;  /* of each read: part of ANSWER */
  hd_time late_views, late_doorbells; /* come later by this */
  hd_time slow; /* every third payload comes later by this */
  struct driver_queue q[MAX_VMS][MAX_QUEUES];
  struct virtq *rings[MAX_VMS][MAX_QUEUES];
  uint16_t observers[MAX_VMS][MAX_QUEUES];
  struct virtio_function function[MAX_VMS];
  struct virtio_admin command[64];
  struct virtq_in_flight in_flight[64][RING];
  int commands, commands_done;
  hd_time answered[64];
  void (*on_answer)(struct virtio_admin *c);
  struct record ring_reads, reads, writes, ring_writes, messages, doorbells;
  uint64_t rx_taken, rx_misordered, completed, failed, misbehaved;
  bool seen_done[MAX_VMS][MAX_QUEUES][MAX_SEQUENCE];
  /* dirty log */
  bool written[PAGES], logged[PAGES];
  bool tracking;
  uint64_t log_messages;
  struct hd_channel *log[DEVICES];
  /* peer */
  struct hd_component peer;
  struct hd_channel *to_wire[DEVICES];
  struct {
    hd_time when;
    void (*run)(uint64_t);
    uint64_t argument;
  } plan[128];
  int planned;
  struct record arrivals;
  uint64_t arrived[MAX_VMS][MAX_QUEUES], bytes[MAX_VMS][MAX_QUEUES];
  uint64_t next[MAX_VMS][MAX_QUEUES];
  uint64_t peer_sent, peer_misordered, peer_twice;
  bool seen[MAX_VMS][MAX_QUEUES][MAX_SEQUENCE];
  hd_time spent[HD_STAGE_COUNT];
};
static struct bench b;

/* ---- scripts: functions called at a time of the host --------------------- */

struct script_msg {
  struct hd_msg msg;
  void (*run)(uint64_t);
  uint64_t argument;
};

static inline void at(struct hd_component *who, hd_time delay,
                      void (*run)(uint64_t), uint64_t argument)
{
  struct script_msg *m = hd_msg_new(who, MSG_TIMER);
  m->run = run;
  m->argument = argument;
  hd_schedule(who, delay, m);
}

static inline void at_host(hd_time delay, void (*run)(uint64_t),
                           uint64_t argument)
{
  at(&b.host, delay, run, argument);
}

static inline void note(struct record *r, hd_time when,
                        const struct pcie_tlp *t)
{
  if (r->n < LOG)
    r->e[r->n++] =
        (struct entry){when,     t->address,   t->data,     t->length,
                       t->pasid, t->requester, t->observer, t->flags};
}

/* ---- host: registers and administration ---------------------------------- */

static inline void write_register(int device, uint64_t address, uint64_t data,
                                  void *object)
{
  struct pcie_tlp *t = hd_msg_new_zero(&b.host, MSG_TLP);
  t->type = PCIE_MWR;
  t->address = address;
  t->length = 4;
  t->data = data;
  t->object = object;
  t->observer = PCIE_NO_OBSERVER;
  hd_send(b.to_link[device], b.to_link[device]->latency + b.late_doorbells, t);
}

static inline struct virtio_admin *command(enum virtio_admin_type type,
                                           uint32_t index)
{
  struct virtio_admin *c = &b.command[b.commands];
  *c = (struct virtio_admin){.type = type,
                             .address = 0x1000,
                             .observer = ADMIN_OBSERVER,
                             .requester = 0x0100,
                             .result = index,
                             .in_flight = b.in_flight[b.commands],
                             .capacity = RING};
  b.commands++;
  return c;
}

static inline void issue(int device, struct virtio_admin *c)
{
  write_register(device, VIRTIO_DEVICE_ADMIN_DOORBELL, 1, c);
}

static inline struct virtio_admin *add_command(int vm)
{
  struct virtio_admin *c = command(VIRTIO_ADMIN_ADD_FUNCTION, 0);
  c->function = &b.function[vm];
  c->first_queue = (uint32_t)(vm * MAX_QUEUES);
  c->first_vector = (uint32_t)(vm * 8);
  return c;
}

/* ---- host: drivers ------------------------------------------------------- */

static inline void show(struct driver_queue *d, const struct virtq_view *v)
{
  struct virtio_view_msg *m = hd_msg_new_zero(&b.host, MSG_VIRTQ_VIEW);
  m->vm = (uint16_t)d->vm;
  m->queue = (uint16_t)d->index;
  m->view = virtq_view_encode(v);
  d->views++;
  hd_send(b.visible[d->device], VIRTIO_VISIBLE_LATENCY + b.late_views, m);
}

static inline void publish(struct driver_queue *d)
{
  struct virtq_view v = virtq_driver_publish(&d->side);
  if (!virtq_driver_kick_due(&d->side)) {
    show(d, &v);
    return;
  }
  d->kicks++;
  uint32_t first = (uint32_t)(d->vm * MAX_QUEUES);
  write_register(d->device,
                 virtio_device_doorbell(first) +
                     (uint64_t)d->index * VIRTIO_DEVICE_PAGE,
                 virtq_view_encode(&v), NULL);
}

static inline uint16_t newest(const struct driver_queue *d)
{
  const struct virtq *r = &d->ring;
  uint32_t size = r->config.size;
  struct virtq_position p = d->side.next;
  uint32_t last = r->packed ? (p.index + size - 1) % size
                            : (uint16_t)(p.index - 1) & (size - 1);
  return r->packed ? r->desc[last].link : r->avail[last];
}

static inline void add_chain(struct driver_queue *d,
                             const struct virtq_buffer *buffer, uint32_t n,
                             uint16_t place, void *cookie)
{
  MUST(virtq_driver_add(&d->side, buffer, n, cookie) == VIRTQ_OK);
  d->place[newest(d)] = place;
  d->added++;
}

static inline bool transmits(const struct driver_queue *d)
{
  return b.kind == VIRTIO_NET && d->index % 2 == 1;
}

static inline bool receives(const struct driver_queue *d)
{
  return b.kind == VIRTIO_NET && d->index % 2 == 0;
}

static inline void put_packet(struct driver_queue *d)
{
  struct packet *p = packet_new(&b.packets);
  bool bad = b.bad_every && d->sequence % b.bad_every == b.bad_every - 1;
  MUST(d->n_free > 0);
  uint16_t place = d->free_places[--d->n_free];
  uint64_t frame = BUFFERS_OF(d->vm, d->index) + place * 4096u + HEADER;
  *p = (struct packet){.kind = PACKET_DATA,
                       .vm = (uint16_t)d->vm,
                       .queue = (uint16_t)(d->index / 2),
                       .payload = d->payload,
                       .frame = packet_frame_bytes(d->payload),
                       .sequence = d->sequence++,
                       .buffer = bad ? BAD_ADDRESS : frame};
  hd_stamps_begin(&p->stamps, hd_now(&b.host));
  struct virtq_buffer v[2] = {
      {.address = frame - HEADER, .length = HEADER},
      {.address = p->buffer, .length = packet_dma_bytes(p)}};
  if (!b.two_buffers && !bad)
    v[0].length += v[1].length;
  add_chain(d, v, b.two_buffers || bad ? 2 : 1, place, p);
}

static inline bool room(const struct driver_queue *d, uint32_t buffers)
{
  return d->n_free > 0 &&
         virtq_driver_free(&d->side) >= virtq_driver_slots(&d->side, buffers);
}

static inline void send_packets(int vm, int q, uint32_t count)
{
  struct driver_queue *d = &b.q[vm][q];
  while (count-- > 0)
    put_packet(d);
  publish(d);
}

static inline void post_buffers(struct driver_queue *d, uint32_t count)
{
  for (; count > 0 && room(d, 1); count--) {
    uint16_t place = d->free_places[--d->n_free];
    struct virtq_buffer v = {.address =
                                 BUFFERS_OF(d->vm, d->index) + place * 4096u,
                             .length = d->buffer,
                             .writable = true};
    add_chain(d, &v, 1, place, NULL);
  }
  publish(d);
}

/* A request: header, data of `parts` buffers, status. */
static inline struct block_request *put_request(struct driver_queue *d,
                                                enum block_op op, uint64_t lba,
                                                uint32_t bytes, uint32_t parts)
{
  struct block_request *r = block_request_new(&b.requests);
  struct virtq_buffer v[64];
  uint32_t n = 0;
  MUST(d->n_free > 0 && parts < 60 && bytes <= BLOCK_SPACE - 4096);
  uint16_t place = d->free_places[--d->n_free];
  uint64_t base = BUFFERS_OF(d->vm, d->index) + (uint64_t)place * BLOCK_SPACE;
  bool bad = b.bad_every && d->sequence % b.bad_every == b.bad_every - 1;
  *r = (struct block_request){.op = (uint8_t)op,
                              .status = 0xff,
                              .vm = (uint16_t)d->vm,
                              .queue = (uint16_t)d->index,
                              .tag = place,
                              .bytes = bytes,
                              .lba = lba,
                              .buffer = base + 4096};
  r->owner = (void *)(uintptr_t)d->sequence++;
  hd_stamps_begin(&r->stamps, hd_now(&b.host));
  v[n++] = (struct virtq_buffer){.address = base, .length = 16};
  for (uint32_t i = 0, done = 0; op != BLOCK_FLUSH && i < parts; i++) {
    uint32_t part = i + 1 == parts ? bytes - done : bytes / parts;
    v[n++] =
        (struct virtq_buffer){.address = bad ? BAD_ADDRESS : r->buffer + done,
                              .length = part,
                              .writable = op == BLOCK_READ};
    done += part;
  }
  v[n++] = (struct virtq_buffer){
      .address = base + 64, .length = 1, .writable = true};
  add_chain(d, v, n, place, r);
  return r;
}

static inline void submit(int vm, int q, enum block_op op, uint64_t lba,
                          uint32_t bytes, uint32_t parts)
{
  put_request(&b.q[vm][q], op, lba, bytes, parts);
  publish(&b.q[vm][q]);
}

static inline void refill(struct driver_queue *d)
{
  uint64_t before = d->added;
  if (d->stalled)
    return;
  if (receives(d)) {
    if (d->n_free > 0)
      post_buffers(d, d->n_free);
    return;
  }
  while (d->added - d->taken < d->depth && room(d, b.two_buffers ? 2 : 1)) {
    if (transmits(d))
      put_packet(d);
    else
      put_request(d, d->sequence % 3 == 0 ? BLOCK_WRITE : BLOCK_READ,
                  d->sequence * 977 % 100000,
                  4096 + 512 * (uint32_t)(d->sequence % 9), 1);
  }
  if (d->added > before)
    publish(d);
}

/* ---- host: completions --------------------------------------------------- */

static inline void packet_received(struct driver_queue *d, struct packet *p)
{
  b.rx_misordered +=
      p->sequence < d->sequence || p->vm != d->vm || p->queue != d->index / 2;
  d->sequence = p->sequence + 1;
  b.misbehaved += b.seen_done[d->vm][d->index][p->sequence % MAX_SEQUENCE];
  b.seen_done[d->vm][d->index][p->sequence % MAX_SEQUENCE] = true;
  hd_time sum = 0;
  for (int i = 0; i < HD_STAGE_COUNT; i++)
    sum += p->stamps.spent[i];
  MUST(sum == p->stamps.last - p->stamps.begin);
  packet_free(&b.packets, p);
  b.rx_taken++;
}

static inline void request_done(struct driver_queue *d,
                                const struct virtq_completion *c)
{
  struct block_request *r = c->cookie;
  uint64_t number = (uint64_t)(uintptr_t)r->owner % MAX_SEQUENCE;
  MUST(!b.seen_done[d->vm][d->index][number]);
  MUST(r->status != 0xff);
  bool data = r->op == BLOCK_READ && r->status == BLOCK_OK;
  MUST(c->length == (data ? r->bytes : 0) + 1 || d->ring.in_order);
  b.seen_done[d->vm][d->index][number] = true;
  b.failed += r->status != BLOCK_OK;
  for (int i = 0; i < HD_STAGE_COUNT; i++)
    b.spent[i] += r->stamps.spent[i];
  b.completed++;
  block_request_free(&b.requests, r);
}

static inline bool take_used(struct driver_queue *d)
{
  struct virtq_completion c;
  enum virtq_status s = virtq_driver_take(&d->side, &c);
  MUST(s == VIRTQ_OK || s == VIRTQ_EMPTY);
  if (s == VIRTQ_EMPTY)
    return false;
  d->taken++;
  d->free_places[d->n_free++] = d->place[c.id];
  if (receives(d) && c.cookie != NULL)
    packet_received(d, c.cookie);
  else if (transmits(d))
    MUST(c.cookie == NULL && c.length == 0);
  else if (b.kind == VIRTIO_BLK)
    request_done(d, &c);
  return true;
}

/* Takes all there is, then asks for interrupts, and looks again. */
static inline void process(struct driver_queue *d)
{
  do {
    while (take_used(d))
      ;
    refill(d);
  } while (!b.polls && virtq_driver_enable_callback(&d->side, 0));
  if (!b.polls) {
    struct virtq_view v = virtq_driver_view(&d->side);
    show(d, &v);
  }
}

static inline void interrupted(uint64_t handle)
{
  int vm = (int)(handle - 1000) / 64, vector = (int)(handle - 1000) % 64;
  MUST(vm < b.vms);
  for (int q = 0; q < b.queues; q++) {
    struct driver_queue *d = &b.q[vm][q];
    if (vector == 1 + (b.kind == VIRTIO_NET ? q / 2 : q)) {
      d->interrupts++;
      process(d);
    }
  }
}

static inline void observed(struct pcie_tlp *t)
{
  hd_time now = hd_now(&b.host);
  if (t->observer == ADMIN_OBSERVER) {
    struct virtio_admin *c = t->object;
    b.answered[c - b.command] = now;
    b.commands_done++;
    if (b.on_answer)
      b.on_answer(c);
    return;
  }
  struct driver_queue *d =
      &b.q[t->observer / MAX_QUEUES][t->observer % MAX_QUEUES];
  MUST(t->object == &d->ring);
  struct virtq_view v = virtq_view_decode(t->data);
  bool found = virtq_driver_see(&d->side, &v);
  MUST(d->side.error == VIRTQ_OK);
  if (found || b.polls)
    process(d);
}

/* ---- host: DMA ----------------------------------------------------------- */

static inline int device_of(const struct hd_msg *m)
{
  uint64_t sender = m->order >> 40;
  return b.devices > 1 && b.to_link[1]->to->id == sender;
}

static inline void answer(int device, struct pcie_tlp *t)
{
  bool ring = (t->flags & PCIE_DESCRIPTOR) != 0;
  bool bad = (t->address >= BAD_ADDRESS && t->address < BAD_ADDRESS + 65536) ||
             (b.ring_bad && ring && t->address >> 28 == 1);
  note(ring ? &b.ring_reads : &b.reads, hd_now(&b.host), t);
  hd_time late = !ring && t->address / 4096 % 3 == 0 ? b.slow : 0;
  t->type = bad ? PCIE_CPL : PCIE_CPLD;
  t->status = bad ? PCIE_UR : PCIE_SC;
  t->flags = PCIE_LAST;
  t->translation = b.translation;
  t->remaining = 0;
  t->msg.kind = MSG_TLP;
  hd_send(b.to_link[device], ANSWER + late, t);
}

static inline void written(struct pcie_tlp *t)
{
  hd_time now = hd_now(&b.host);
  if (pcie_is_msi(t)) {
    note(&b.messages, now, t);
    interrupted(t->data);
  } else {
    if (t->observer != ADMIN_OBSERVER)
      note(t->flags & PCIE_DESCRIPTOR ? &b.ring_writes : &b.writes, now, t);
    for (uint64_t page = t->address / 4096;
         b.tracking && page <= (t->address + t->length - 1) / 4096; page++)
      if (t->observer != ADMIN_OBSERVER && page < PAGES)
        b.written[page] = true;
    if (t->observer != PCIE_NO_OBSERVER)
      observed(t);
  }
  hd_msg_free(&b.host, t);
}

struct log_msg {
  struct hd_msg msg;
  uint16_t runs;
  struct virtio_dirty_run run[VIRTIO_DEVICE_DIRTY_RUNS];
};
_Static_assert(sizeof(struct log_msg) <= HD_MSG_BYTES, "too large");

/* On the device's actor: a message to the host, faster than a DMA write. */
static inline void send_log(void *context, struct hd_component *device,
                            const struct virtio_dirty_run *run, uint16_t runs)
{
  struct hd_channel *channel = *(struct hd_channel **)context;
  struct log_msg *m = hd_msg_new(device, MSG_GUEST);
  m->runs = runs;
  memcpy(m->run, run, runs * sizeof *run);
  hd_send(channel, channel->latency, m);
}

static inline void take_log(const struct log_msg *m)
{
  b.log_messages++;
  for (uint16_t i = 0; i < m->runs; i++)
    for (uint32_t page = 0; page < m->run[i].count; page++) {
      MUST(m->run[i].first + page < PAGES);
      b.logged[m->run[i].first + page] = true;
    }
}

static inline void host_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct script_msg *s = (struct script_msg *)msg;
  struct pcie_tlp *t = (struct pcie_tlp *)msg;
  if (msg->kind == MSG_TIMER) {
    s->run(s->argument);
    hd_msg_free(self, s);
    return;
  }
  if (msg->kind == MSG_GUEST) {
    take_log((const struct log_msg *)msg);
    hd_msg_free(self, msg);
    return;
  }
  int device = device_of(msg);
  pcie_receiver_free(&b.receiver[device], t);
  if (t->type == PCIE_MRD)
    answer(device, t);
  else if (t->type == PCIE_MWR)
    written(t);
  else
    hd_msg_free(self, t);
}

/* ---- peer ---------------------------------------------------------------- */

static inline void peer_send(int device, int vm, int pair, uint32_t payload,
                             uint64_t sequence)
{
  struct packet *p = packet_new(&b.packets);
  *p = (struct packet){.kind = PACKET_FORWARD,
                       .vm = (uint16_t)vm,
                       .queue = (uint16_t)pair,
                       .payload = payload,
                       .frame = packet_frame_bytes(payload),
                       .sequence = sequence};
  hd_stamps_begin(&p->stamps, hd_now(&b.peer));
  struct packet_msg *m = hd_msg_new(&b.peer, MSG_FRAME);
  m->packet = p;
  m->bytes = p->frame;
  b.peer_sent++;
  hd_send(b.to_wire[device], b.to_wire[device]->latency, m);
}

static inline void peer_received(struct packet *p)
{
  hd_time now = hd_now(&b.peer), sum = 0;
  int vm = p->vm, q = 2 * p->queue + 1;
  hd_stamps_mark(&p->stamps, HD_STAGE_WIRE, now);
  for (int i = 0; i < HD_STAGE_COUNT; i++) {
    MUST(p->stamps.spent[i] >= 0);
    b.spent[i] += p->stamps.spent[i];
    sum += p->stamps.spent[i];
  }
  MUST(sum == now - p->stamps.begin);
  b.peer_misordered += p->sequence < b.next[vm][q];
  b.next[vm][q] = p->sequence + 1;
  b.peer_twice += b.seen[vm][q][p->sequence % MAX_SEQUENCE];
  b.seen[vm][q][p->sequence % MAX_SEQUENCE] = true;
  if (hd_window_contains(&b.window, now)) {
    b.arrived[vm][q]++;
    b.bytes[vm][q] += p->payload;
  }
  if (b.arrivals.n < LOG)
    b.arrivals.e[b.arrivals.n++] = (struct entry){
        .when = now, .data = p->sequence, .observer = (uint16_t)(vm * 4 + q)};
  packet_free(&b.packets, p);
}

static inline void peer_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct script_msg *s = (struct script_msg *)msg;
  if (msg->kind == MSG_TIMER)
    s->run(s->argument);
  else if (msg->kind == MSG_FRAME)
    peer_received(((struct packet_msg *)msg)->packet);
  hd_msg_free(self, msg);
}

/* ---- building ------------------------------------------------------------ */

static void (*the_script)(void) = NULL;

static inline void start_driver(struct driver_queue *d)
{
  if (b.polls && virtq_driver_disable_callback(&d->side)) {
    struct virtq_view v = virtq_driver_view(&d->side);
    show(d, &v);
  }
  if (receives(d) && !d->stalled)
    post_buffers(d, RING);
}

static inline void run_script(uint64_t unused)
{
  (void)unused;
  ck_assert_int_eq(b.commands_done, b.commands);
  for (int i = 0; i < b.commands; i++)
    ck_assert(!b.command[i].failed);
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++)
      start_driver(&b.q[vm][q]);
  if (the_script)
    the_script();
}

static inline void host_start(struct hd_component *self)
{
  (void)self;
  for (int vm = 0; vm < b.vms; vm++) {
    issue(0, add_command(vm));
    issue(0, command(VIRTIO_ADMIN_START, (uint32_t)vm));
  }
  at_host(START, run_script, 0);
}

/* Before the run: the peer does something at a time. */
static inline void peer_at(hd_time when, void (*run)(uint64_t),
                           uint64_t argument)
{
  b.plan[b.planned].when = when;
  b.plan[b.planned].run = run;
  b.plan[b.planned++].argument = argument;
}

static inline void peer_start(struct hd_component *self)
{
  for (int i = 0; i < b.planned; i++)
    at(self, b.plan[i].when, b.plan[i].run, b.plan[i].argument);
}

static const struct hd_component_ops host_ops = {
    .kind = "test_host", .handle = host_handle, .start = host_start};
static const struct hd_component_ops peer_ops = {
    .kind = "test_peer", .handle = peer_handle, .start = peer_start};

static inline void default_drive(void)
{
  b.drive = (struct storage_params){.capacity = 1 << 30,
                                    .max_transfer = 256 << 10,
                                    .clock = 1000000000,
                                    .commands = 2048,
                                    .command_cycles = 100,
                                    .read_overhead = 2 * HD_US,
                                    .write_overhead = HD_US,
                                    .dma_window = 65536,
                                    .internal_rate = 96000000000,
                                    .cache = 64 << 20,
                                    .channels = 4,
                                    .dies = 4,
                                    .channel_rate = 19200000000,
                                    .page_size = 16384,
                                    .read_time = 10 * HD_US,
                                    .program_size = 49152,
                                    .program_time = 100 * HD_US,
                                    .write_amplification = 1};
}

/* A link that is never the bottleneck, with few DLLPs and SKIPs in the way, so
 * that what a test sees is the device; commands cost nothing. */
static inline void bench_defaults(enum virtio_kind kind, int vms, int queues)
{
  b.kind = kind;
  b.devices = 1;
  b.vms = vms;
  b.queues = queues;
  b.ring = RING;
  b.features = VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_F_EVENT_IDX);
  b.pcie = (struct pcie_params){.generation = 5,
                                .lanes = 16,
                                .mps = 512,
                                .mrrs = 512,
                                .rcb = 64,
                                .tags = 768,
                                .framing = 8,
                                .ack_interval = 10000,
                                .fc_interval = 10000,
                                .skip_interval = 1000000,
                                .replay_timer = HD_S,
                                .replay_buffer = 1 << 24,
                                .propagation = 20 * HD_NS,
                                .device_latency = 50 * HD_NS,
                                .port_latency = 30 * HD_NS};
  b.params = (struct virtio_device_params){.functions = 1024,
                                           .pf_functions = 1,
                                           .queues = 4096,
                                           .pf_queues = 64,
                                           .vectors = 4096,
                                           .pf_vectors = 64,
                                           .avail_fetch = 32,
                                           .descriptor_fetch = 32,
                                           .chain_cache = 64,
                                           .chain_fetch = 32,
                                           .max_buffers = 64,
                                           .ring_reads = 256,
                                           .used_batch = 8,
                                           .used_timer = 0,
                                           .in_order_batch = true,
                                           .clock = 1000000000,
                                           .tx_buffer = 65536,
                                           .rx_buffer = 1 << 20,
                                           .quantum = 1024,
                                           .schedule_cycles = 5,
                                           .packet_cycles = 5,
                                           .pipeline_latency = 300 * HD_NS,
                                           .requests = 2048,
                                           .dma_window = 65536,
                                           .coalesce_packets = 64,
                                           .coalesce_time = 0,
                                           .doorbell_latency = 20 * HD_NS,
                                           .admin_cost = 0,
                                           .dirty_interval = 10 * HD_US};
  b.network =
      (struct network_params){.rate = 100000000000, .latency = 500 * HD_NS};
  default_drive();
  b.window = (struct hd_window){START, HD_TIME_NEVER};
  for (int vm = 0; vm < MAX_VMS; vm++)
    for (int q = 0; q < MAX_QUEUES; q++)
      b.q[vm][q].payload = 100, b.q[vm][q].buffer = 2048;
}

static inline void build_queue(int vm, int q)
{
  struct driver_queue *d = &b.q[vm][q];
  bool net = b.kind == VIRTIO_NET;
  struct virtq_config config = {.size = b.ring,
                                .features = b.features & VIRTIO_RING_FEATURES,
                                .indirect_entries = b.table};
  struct virtq_driver_options options = {.indirect_from = 2};
  virtq_config_place(&config, BASE_OF(vm, q));
  ck_assert_int_eq(virtq_initialize(&d->ring, &config), VIRTQ_OK);
  ck_assert_int_eq(virtq_driver_initialize(&d->side, &d->ring, &options),
                   VIRTQ_OK);
  d->vm = vm;
  d->index = q;
  uint32_t places = net ? b.ring : 128;
  for (uint32_t i = 0; i < places; i++)
    d->free_places[d->n_free++] = (uint16_t)(places - 1 - i);
  b.rings[vm][q] = &d->ring;
  b.observers[vm][q] = (uint16_t)(vm * MAX_QUEUES + q);
}

static inline void build_function(int vm)
{
  for (int q = 0; q < b.queues; q++)
    build_queue(vm, q);
  b.function[vm] =
      (struct virtio_function){.kind = b.kind,
                               .vm = (uint16_t)vm,
                               .n_queues = (uint16_t)b.queues,
                               .features = b.features,
                               .queue = b.rings[vm],
                               .requester = (uint16_t)(0x0200 + vm),
                               .has_pasid = vm == 1,
                               .pasid = 77,
                               .first_handle = HANDLE_OF(vm, 0),
                               .observer = b.observers[vm]};
}

static inline void build_device(int i)
{
  static const char *const name[3][DEVICES] = {
      {"device0", "device1"}, {"link0", "link1"}, {"wire0", "wire1"}};
  b.device[i] = virtio_device_create(b.engine, name[0][i], "server", b.kind,
                                     &b.params, &b.pcie, &b.window);
  b.link[i] =
      pcie_link_create(b.engine, name[1][i], "server", &b.pcie, &b.window);
  b.to_link[i] = pcie_link_connect(b.link[i], PCIE_UPSTREAM_END, &b.host,
                                   b.pcie.port_latency);
  pcie_receiver_initialize(&b.receiver[i], &b.pcie, b.to_link[i],
                           PCIE_UPSTREAM_END);
  virtio_device_attach_link(b.device[i], b.link[i]);
  b.visible[i] = hd_channel_open(&b.host, virtio_device_component(b.device[i]),
                                 VIRTIO_VISIBLE_LATENCY);
  b.log[i] = hd_channel_open(virtio_device_component(b.device[i]), &b.host,
                             10 * HD_NS);
  if (b.kind == VIRTIO_BLK) {
    virtio_device_attach_store(b.device[i], &b.drive);
    return;
  }
  b.wire[i] =
      wire_create(b.engine, name[2][i], "server", &b.network, &b.window);
  virtio_device_attach_wire(b.device[i], b.wire[i], &b.packets);
  b.to_wire[i] = wire_connect(b.wire[i], 1, &b.peer);
}

static inline void bench_build(hd_time window)
{
  b.engine = hd_engine_create(
      &(struct hd_engine_options){.seed = 1, .window = window});
  hd_engine_add_host(b.engine, "server");
  packet_pool_initialize(&b.packets);
  block_pool_initialize(&b.requests);
  hd_component_initialize(&b.host, b.engine, &host_ops, "host", "server");
  if (b.kind == VIRTIO_NET)
    hd_component_initialize(&b.peer, b.engine, &peer_ops, "peer", "server");
  for (int vm = 0; vm < b.vms; vm++)
    build_function(vm);
  for (int i = 0; i < b.devices; i++)
    build_device(i);
}

/* Runs, and checks what must hold after any run. */
static inline void bench_run(void (*what)(void), hd_time end)
{
  the_script = what;
  hd_engine_run(b.engine, end);
  for (int i = 0; i < b.devices; i++) {
    const char *fault = virtio_device_check(b.device[i]);
    ck_assert_msg(fault == NULL, "%s", fault);
    fault = pcie_link_check(b.link[i]);
    ck_assert_msg(fault == NULL, "%s", fault);
  }
  ck_assert_uint_eq(b.peer_misordered, 0);
  ck_assert_uint_eq(b.peer_twice, 0);
  ck_assert_uint_eq(b.rx_misordered, 0);
  ck_assert_uint_eq(b.misbehaved, 0);
}

/* The engine goes first: it still looks at its components. */
static inline void bench_end(void)
{
  hd_engine_destroy(b.engine);
  for (int i = 0; i < b.devices; i++) {
    virtio_device_destroy(b.device[i]);
    pcie_link_destroy(b.link[i]);
    if (b.wire[i] != NULL)
      wire_destroy(b.wire[i]);
  }
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++) {
      virtq_driver_terminate(&b.q[vm][q].side);
      virtq_terminate(&b.q[vm][q].ring);
    }
  packet_pool_terminate(&b.packets);
  block_pool_terminate(&b.requests);
}

static inline uint64_t inside(void)
{
  uint64_t n = 0;
  for (int i = 0; i < b.devices; i++)
    n += virtio_device_packets_inside(b.device[i]);
  return n;
}

static inline struct virtio_device_stats stats(int device)
{
  struct virtio_device_stats s;
  virtio_device_get_stats(b.device[device], &s);
  return s;
}

/* Runs `f` in a process of its own, since there is one engine a process, and
 * returns what it computed. */
static inline double in_child(double (*f)(int), int argument)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    double result = f(argument);
    ck_assert_int_eq(write(ends[1], &result, sizeof result), sizeof result);
    _exit(0);
  }
  double result = NAN;
  int status;
  close(ends[1]);
  ck_assert_int_eq(read(ends[0], &result, sizeof result), sizeof result);
  close(ends[0]);
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
  return result;
}

static inline int run_suite(Suite *s)
{
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}

#endif
