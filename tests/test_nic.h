/*
 * test_nic.h - a bench for the NIC: the real link, requester and wire, and two
 * stand-ins. The host answers DMA reads after a fixed time, sees every write,
 * and is the driver of all guests; the peer is what hangs on the wire.
 *
 * Everything is in one static struct: a test is a process of its own.
 */
#ifndef TEST_NIC_H
#define TEST_NIC_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/nic/nic.h"
#include "models/pcie/requester.h"
#include "sim/measure/stats.h"

enum {
  MAX_VMS = 16,
  MAX_QUEUES = 4,
  MAX_RING = 1024,
  LOG = 1 << 16,
  RECEIVED = 256
};
#define START (300 * HD_US)  /* interfaces are up by then */
#define ANSWER (300 * HD_NS) /* host memory answers a read */
#define HANDLE_OF(vector) (1000u + (vector))
#define VECTOR_OF(vm, i) ((uint32_t)((vm)*8 + (i)))
#define RING_OF(vm, q, rx)                                                     \
  (((uint64_t)(vm) + 1) << 28 | (uint64_t)(q) << 20 | (uint64_t)(rx) << 19)
#define BUFFER_OF(vm, q)                                                       \
  (((uint64_t)(vm) + 1) << 28 | 1u << 27 | (uint64_t)(q) << 24)
#define BAD_ADDRESS 0xdead0000u /* reads here are answered with an error */

struct driver_queue {
  struct packet *slot[MAX_RING];
  uint64_t posted, completed; /* descriptors */
  uint64_t sequence;          /* transmit: packets made; receive: expected */
  uint32_t payload;
  uint32_t depth;     /* != 0: keeps this many posted */
  uint64_t bad_every; /* != 0: every n-th packet is at BAD_ADDRESS */
  uint16_t peer;      /* of its packets; 0: what is on the wire */
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
  struct nic_params nic_params;
  struct network_params network;
  struct packet_pool packets;
  struct nic *nic;
  struct pcie_link *link;
  struct wire *wire;
  /* host */
  struct hd_component host;
  struct hd_channel *to_link;
  struct pcie_receiver receiver;
  int vms, queues;
  bool answer_bad; /* descriptor reads fail, too */
  hd_time slow;    /* every third buffer's data comes later by this */
  struct nic_ring tx[MAX_VMS][MAX_QUEUES], rx[MAX_VMS][MAX_QUEUES];
  struct driver_queue txq[MAX_VMS][MAX_QUEUES], rxq[MAX_VMS][MAX_QUEUES];
  struct nic_interface interface[MAX_VMS];
  struct nic_command command[64];
  int commands, commands_done;
  hd_time reenable; /* after an interrupt; < 0: never */
  uint64_t enable_value;
  struct record descriptors, payloads, writes, write_backs, messages, admin;
  uint64_t rx_delivered, rx_misordered;
  struct packet received[RECEIVED]; /* the first ones, as they came */
  /* peer */
  struct hd_component peer;
  struct hd_channel *to_wire;
  struct record arrivals;
  uint64_t arrived[MAX_VMS][MAX_QUEUES], bytes[MAX_VMS][MAX_QUEUES];
  uint64_t peer_misordered;
  hd_time spent[HD_STAGE_COUNT]; /* of arrived packets */
};
static struct bench b;

/* ---- scripts: functions called at a time of the host --------------------- */

struct script_msg {
  struct hd_msg msg;
  void (*run)(uint64_t);
  uint64_t argument;
};

static inline void at_host(hd_time delay, void (*run)(uint64_t),
                           uint64_t argument)
{
  struct script_msg *m = hd_msg_new(&b.host, MSG_TIMER);
  m->run = run;
  m->argument = argument;
  hd_schedule(&b.host, delay, m);
}

static inline void note(struct record *r, hd_time when,
                        const struct pcie_tlp *t)
{
  if (r->n < LOG)
    r->e[r->n++] =
        (struct entry){when,     t->address,   t->data,     t->length,
                       t->pasid, t->requester, t->observer, t->flags};
}

/* ---- host: registers -------------------------------------------------------
 */

static inline void write_register(uint64_t address, uint64_t data, void *object)
{
  struct pcie_tlp *t = hd_msg_new_zero(&b.host, MSG_TLP);
  t->type = PCIE_MWR;
  t->address = address;
  t->length = 4;
  t->data = data;
  t->object = object;
  t->observer = PCIE_NO_OBSERVER;
  hd_send(b.to_link, b.to_link->latency, t);
}

static inline uint32_t queue_number(int vm, int q)
{
  return (uint32_t)(vm * MAX_QUEUES + q);
}

static inline struct nic_command *command(enum nic_command_type type,
                                          uint32_t index)
{
  struct nic_command *c = &b.command[b.commands++];
  *c = (struct nic_command){.type = type,
                            .address = 0x1000,
                            .observer = 99,
                            .requester = 0x0100,
                            .result = index};
  return c;
}

static inline void issue(struct nic_command *c)
{
  write_register(NIC_ADMIN_DOORBELL, 1, c);
}

/* ---- host: transmit ---------------------------------------------------------
 */

static inline void put_packet(int vm, int q)
{
  struct driver_queue *d = &b.txq[vm][q];
  struct nic_ring *r = &b.tx[vm][q];
  struct packet *p = packet_new(&b.packets);
  bool bad = d->bad_every && d->sequence % d->bad_every == d->bad_every - 1;
  *p = (struct packet){.kind = PACKET_DATA,
                       .vm = (uint16_t)vm,
                       .queue = (uint16_t)q,
                       .peer = d->peer,
                       .payload = d->payload,
                       .frame = packet_frame_bytes(d->payload),
                       .sequence = d->sequence++,
                       .buffer =
                           bad ? BAD_ADDRESS
                               : BUFFER_OF(vm, q) + d->posted % r->size * 2048};
  hd_stamps_begin(&p->stamps, hd_now(&b.host));
  uint64_t slot = d->posted++ % r->size;
  ck_assert_ptr_null(r->slot[slot]);
  r->slot[slot] = p;
}

static inline void ring_tx(int vm, int q)
{
  write_register(NIC_TX_TAIL(queue_number(vm, q)),
                 b.txq[vm][q].posted % b.tx[vm][q].size, NULL);
}

static inline void send_packets(int vm, int q, uint32_t count)
{
  while (count-- > 0)
    put_packet(vm, q);
  ring_tx(vm, q);
}

static inline void refill(int vm, int q)
{
  struct driver_queue *d = &b.txq[vm][q];
  if (d->posted - d->completed < d->depth)
    send_packets(vm, q, (uint32_t)(d->depth - (d->posted - d->completed)));
}

static inline void tx_completed(int vm, int q, uint32_t next)
{
  struct driver_queue *d = &b.txq[vm][q];
  uint32_t size = b.tx[vm][q].size;
  d->completed += (next + size - (uint32_t)(d->completed % size)) % size;
  ck_assert_uint_le(d->completed, d->posted);
  refill(vm, q);
}

/* ---- host: receive ----------------------------------------------------------
 */

static inline void post_rx(int vm, int q, uint32_t count)
{
  struct driver_queue *d = &b.rxq[vm][q];
  d->posted += count;
  write_register(NIC_RX_TAIL(queue_number(vm, q)), d->posted % b.rx[vm][q].size,
                 NULL);
}

static inline void rx_delivered(int vm, int q, struct packet *list,
                                uint32_t count)
{
  struct driver_queue *d = &b.rxq[vm][q];
  uint32_t n = 0;
  for (struct packet *p = list, *next; p != NULL; p = next, n++) {
    next = p->next;
    b.rx_misordered +=
        p->sequence < d->sequence || p->vm != vm || p->queue != q;
    d->sequence = p->sequence + 1;
    if (b.rx_delivered + n < RECEIVED)
      b.received[b.rx_delivered + n] = *p;
    packet_free(&b.packets, p);
  }
  ck_assert_uint_eq(n, count);
  b.rx_delivered += n;
  d->completed += n;
  if (d->depth)
    post_rx(vm, q, n);
}

/* ---- host: DMA
 * --------------------------------------------------------------- */

static inline void answer(struct pcie_tlp *t)
{
  bool bad = t->address == BAD_ADDRESS ||
             (b.answer_bad && (t->flags & PCIE_DESCRIPTOR));
  note(t->flags & PCIE_DESCRIPTOR ? &b.descriptors : &b.payloads,
       hd_now(&b.host), t);
  hd_time late =
      !(t->flags & PCIE_DESCRIPTOR) && t->address / 2048 % 3 == 0 ? b.slow : 0;
  t->type = bad ? PCIE_CPL : PCIE_CPLD;
  t->status = bad ? PCIE_UR : PCIE_SC;
  t->flags = PCIE_LAST;
  t->remaining = 0;
  t->msg.kind = MSG_TLP;
  hd_send(b.to_link, ANSWER + late, t);
}

static inline void interrupted(uint64_t handle)
{
  uint32_t vector = (uint32_t)handle - HANDLE_OF(0);
  write_register(NIC_VECTOR(vector), b.enable_value, NULL);
}

static inline void observed(struct pcie_tlp *t)
{
  int vm = t->observer, q = (int)NIC_EVENT_QUEUE(t->data);
  if (t->observer == 99) {
    note(&b.admin, hd_now(&b.host), t);
    b.commands_done++;
  } else if (NIC_EVENT_RX(t->data)) {
    rx_delivered(vm, q, t->object, NIC_EVENT_VALUE(t->data));
  } else {
    tx_completed(vm, q, NIC_EVENT_VALUE(t->data));
  }
}

static inline void written(struct pcie_tlp *t)
{
  hd_time now = hd_now(&b.host);
  if (pcie_is_msi(t)) {
    note(&b.messages, now, t);
    if (b.reenable >= 0)
      at_host(b.reenable, interrupted, t->data);
  } else {
    note(t->flags & PCIE_DESCRIPTOR ? &b.write_backs : &b.writes, now, t);
    if (t->observer != PCIE_NO_OBSERVER)
      observed(t);
  }
  hd_msg_free(&b.host, t);
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
  ck_assert_uint_eq(msg->kind, MSG_TLP);
  pcie_receiver_free(&b.receiver, t);
  if (t->type == PCIE_MRD)
    answer(t);
  else if (t->type == PCIE_MWR)
    written(t);
  else
    hd_msg_free(self, t); /* answer to a register read */
}

/* ---- peer
 * --------------------------------------------------------------------- */

static inline void peer_send(int vm, int q, uint32_t payload, uint64_t sequence)
{
  struct packet *p = packet_new(&b.packets);
  *p = (struct packet){.kind = PACKET_FORWARD,
                       .vm = (uint16_t)vm,
                       .queue = (uint16_t)q,
                       .payload = payload,
                       .frame = packet_frame_bytes(payload),
                       .sequence = sequence};
  hd_stamps_begin(&p->stamps, hd_now(&b.peer));
  struct packet_msg *m = hd_msg_new(&b.peer, MSG_FRAME);
  m->packet = p;
  m->bytes = p->frame;
  hd_send(b.to_wire, b.to_wire->latency, m);
}

static inline void at_peer(hd_time delay, void (*run)(uint64_t),
                           uint64_t argument)
{
  struct script_msg *m = hd_msg_new(&b.peer, MSG_TIMER);
  m->run = run;
  m->argument = argument;
  hd_schedule(&b.peer, delay, m);
}

static inline void peer_received(struct packet *p)
{
  static uint64_t next[MAX_VMS][MAX_QUEUES];
  hd_time now = hd_now(&b.peer);
  hd_stamps_mark(&p->stamps, HD_STAGE_WIRE, now);
  hd_time sum = 0;
  for (int i = 0; i < HD_STAGE_COUNT; i++) {
    ck_assert_int_ge(p->stamps.spent[i], 0);
    b.spent[i] += p->stamps.spent[i];
    sum += p->stamps.spent[i];
  }
  ck_assert_int_eq(sum, now - p->stamps.begin);
  b.peer_misordered += p->sequence < next[p->vm][p->queue];
  next[p->vm][p->queue] = p->sequence + 1;
  if (hd_window_contains(&b.window, now)) {
    b.arrived[p->vm][p->queue]++;
    b.bytes[p->vm][p->queue] += p->payload;
  }
  if (b.arrivals.n < LOG)
    b.arrivals.e[b.arrivals.n++] = (struct entry){.when = now,
                                                  .address = p->buffer,
                                                  .data = p->sequence,
                                                  .observer = p->vm};
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

/* ---- building
 * ------------------------------------------------------------------- */

static void (*the_script)(void) = NULL;
static inline void run_script(uint64_t unused)
{
  (void)unused;
  ck_assert_int_eq(b.commands_done, b.commands);
  for (int i = 0; i < b.commands; i++)
    ck_assert(!b.command[i].failed);
  if (the_script)
    the_script();
}

static inline void host_start(struct hd_component *self)
{
  (void)self;
  for (int vm = 0; vm < b.vms; vm++) {
    struct nic_command *c = command(NIC_ADD_INTERFACE, 0);
    c->interface = b.interface[vm];
    issue(c);
    issue(command(NIC_ENABLE_QUEUES, (uint32_t)vm));
  }
  at_host(START, run_script, 0);
}

static const struct hd_component_ops host_ops = {
    .kind = "test_host", .handle = host_handle, .start = host_start};
static const struct hd_component_ops peer_ops = {.kind = "test_peer",
                                                 .handle = peer_handle};

/* A link that is never the bottleneck, with few DLLPs and SKIPs in the way, so
 * that what a test sees is the NIC; commands cost nothing. */
static inline void bench_defaults(int vms, int queues)
{
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
  b.nic_params = (struct nic_params){.ports = 1,
                                     .clock = 1000000000,
                                     .interfaces = 768,
                                     .pf_interfaces = 10,
                                     .virtual_functions = 256,
                                     .vectors = 2048,
                                     .pf_vectors = 64,
                                     .rdma_vectors = 9,
                                     .tx_queues = 16384,
                                     .rx_queues = 2048,
                                     .pf_queues = 64,
                                     .tx_ring = 256,
                                     .rx_ring = 512,
                                     .descriptor_fetch = 32,
                                     .descriptor_cache = 64,
                                     .tx_buffer = 65536,
                                     .rx_buffer = 1 << 20,
                                     .quantum = 1024,
                                     .schedule_cycles = 5,
                                     .packet_cycles = 5,
                                     .pipeline_latency = 300 * HD_NS,
                                     .write_back_batch = 8,
                                     .write_back_timer = 4 * HD_US,
                                     .itr = 50 * HD_US,
                                     .doorbell_latency = 20 * HD_NS,
                                     .admin_cost = 0};
  b.network =
      (struct network_params){.rate = 100000000000, .latency = 500 * HD_NS};
  b.window = (struct hd_window){START, HD_TIME_NEVER};
  b.vms = vms;
  b.queues = queues;
  b.reenable = -1;
  b.enable_value = NIC_INT_CONTROL(NIC_ITR_KEEP);
}

static inline void describe_queue(int vm, int q)
{
  b.tx[vm][q] = (struct nic_ring){.address = RING_OF(vm, q, 0),
                                  .size = (uint32_t)b.nic_params.tx_ring,
                                  .descriptor = 16,
                                  .slot = b.txq[vm][q].slot,
                                  .observer = (uint16_t)vm,
                                  .vector = (uint8_t)(q + 1)};
  b.rx[vm][q] = (struct nic_ring){.address = RING_OF(vm, q, 1),
                                  .size = (uint32_t)b.nic_params.rx_ring,
                                  .descriptor = 32,
                                  .buffers = BUFFER_OF(vm, q),
                                  .buffer_size = 2048,
                                  .observer = (uint16_t)vm,
                                  .vector = (uint8_t)(q + 1)};
}

static inline void describe_interface(int vm)
{
  for (int q = 0; q < b.queues; q++)
    describe_queue(vm, q);
  b.interface[vm] =
      (struct nic_interface){.vm = (uint16_t)vm,
                             .requester = 0x0100,
                             .has_pasid = true,
                             .pasid = (uint32_t)vm + 10,
                             .queue_pairs = (uint16_t)b.queues,
                             .first_queue = queue_number(vm, 0),
                             .first_vector = VECTOR_OF(vm, 0),
                             .first_handle = HANDLE_OF(VECTOR_OF(vm, 0)),
                             .tx = b.tx[vm],
                             .rx = b.rx[vm]};
}

static inline void bench_build(hd_time window)
{
  b.engine = hd_engine_create(
      &(struct hd_engine_options){.seed = 1, .window = window});
  hd_engine_add_host(b.engine, "server");
  packet_pool_initialize(&b.packets);
  b.nic = nic_create(b.engine, "nic", "server", &b.nic_params, &b.pcie,
                     &b.packets, &b.window);
  b.link = pcie_link_create(b.engine, "link", "server", &b.pcie, &b.window);
  b.wire = wire_create(b.engine, "wire", "server", &b.network, &b.window);
  hd_component_initialize(&b.host, b.engine, &host_ops, "host", "server");
  hd_component_initialize(&b.peer, b.engine, &peer_ops, "peer", "server");
  b.to_link = pcie_link_connect(b.link, PCIE_UPSTREAM_END, &b.host,
                                b.pcie.port_latency);
  pcie_receiver_initialize(&b.receiver, &b.pcie, b.to_link, PCIE_UPSTREAM_END);
  nic_attach_link(b.nic, b.link);
  nic_attach_wire(b.nic, 0, b.wire);
  b.to_wire = wire_connect(b.wire, 1, &b.peer);
  for (int vm = 0; vm < b.vms; vm++)
    describe_interface(vm);
}

/* Runs, and checks what must hold after any run. */
static inline void bench_run(void (*what)(void), hd_time end)
{
  the_script = what;
  hd_engine_run(b.engine, end);
  const char *fault = nic_check(b.nic);
  ck_assert_msg(fault == NULL, "%s", fault);
  fault = pcie_link_check(b.link);
  ck_assert_msg(fault == NULL, "%s", fault);
  fault = wire_check(b.wire);
  ck_assert_msg(fault == NULL, "%s", fault);
  ck_assert_uint_eq(b.peer_misordered, 0);
  ck_assert_uint_eq(b.rx_misordered, 0);
}

/* The engine goes first: it still looks at its components. */
static inline void bench_end(void)
{
  hd_engine_destroy(b.engine);
  nic_destroy(b.nic);
  pcie_link_destroy(b.link);
  wire_destroy(b.wire);
  packet_pool_terminate(&b.packets);
}

static inline uint64_t in_rings(void)
{
  uint64_t n = 0;
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++)
      for (uint32_t i = 0; i < b.tx[vm][q].size; i++)
        n += b.tx[vm][q].slot[i] != NULL;
  return n;
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
