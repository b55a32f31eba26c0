/*
 * test_storage.h - a bench for the storage device: the real link and requester,
 * and a host that answers DMA reads after a fixed time, sees every write, and
 * is the driver of all guests.
 *
 * Everything is in one static struct: a test is a process of its own.
 */
#ifndef TEST_STORAGE_H
#define TEST_STORAGE_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/pcie/requester.h"
#include "models/storage/storage.h"
#include "sim/engine/rng.h"

enum { MAX_VMS = 8, MAX_QUEUES = 4, MAX_RING = 2048, LOG = 1 << 14 };
#define START (100 * HD_US)  /* interfaces are up by then */
#define ANSWER (300 * HD_NS) /* host memory answers a read */
#define HANDLE_OF(vector) (1000u + (vector))
#define VECTOR_OF(vm, i) ((uint32_t)((vm)*8 + (i)))
#define RING_OF(vm, q, cq)                                                     \
  (0x10000000u + (uint64_t)(vm)*0x1000000u + (uint64_t)(q)*0x100000u +         \
   (uint64_t)(cq)*0x80000u)
#define BUFFER_OF(tag) (0x40000000u + (uint64_t)(tag)*0x40000u)
#define LIST_OF(tag) (0x30000000u + (uint64_t)(tag)*4096u)
#define BAD_ADDRESS 0xdead0000u /* reads here are answered with an error */
enum { ADMIN_OBSERVER = 99 };

/* What a queue's driver keeps doing. */
struct job {
  uint32_t depth; /* requests outstanding; 0: nothing by itself */
  uint32_t bytes;
  uint32_t read_percent;
  uint64_t span;   /* requests' worth of drive; 0: all of it */
  bool sequential; /* else random */
  uint64_t random, next;
  uint64_t bad_every; /* != 0: every n-th request is at BAD_ADDRESS */
};

/* An assertion for hot paths: Check's own write to a file each time they hold.
 */
#define MUST(condition)                                                        \
  do {                                                                         \
    if (!(condition))                                                          \
      ck_abort_msg("%s", #condition);                                          \
  } while (0)

struct driver_queue {
  struct block_request *slot[MAX_RING];
  struct block_request *known[MAX_RING]; /* outstanding, by tag */
  uint16_t free_tags[MAX_RING];
  uint32_t n_free;
  uint64_t submitted, completed; /* requests */
  uint64_t told;                 /* completions the device knows are read */
  uint64_t done;                 /* of them, within the window */
  struct job job;
  bool keep_head; /* does not tell what it has read */
};

struct entry { /* a TLP, or a completion (object: its request, a copy) */
  hd_time when;
  uint64_t address, data;
  uint32_t length, pasid;
  uint16_t requester;
  uint8_t flags;
  struct block_request request;
};

struct record {
  struct entry e[LOG];
  size_t n;
};

struct bench {
  struct hd_engine *engine;
  uint64_t seed;
  struct hd_window window;
  struct pcie_params pcie;
  struct storage_params params;
  struct storage *device;
  struct pcie_link *link;
  struct block_pool requests;
  /* host */
  struct hd_component host;
  struct hd_channel *to_link;
  struct pcie_receiver receiver;
  int vms, queues;
  uint32_t ring;    /* entries */
  bool entries_bad; /* reads of submission entries fail */
  bool lists_bad;
  hd_time slow; /* every third read's data comes later by this */
  struct storage_ring rings[MAX_VMS][MAX_QUEUES];
  struct driver_queue q[MAX_VMS][MAX_QUEUES];
  struct storage_interface interface[MAX_VMS];
  struct storage_admin command[64];
  int commands, commands_done;
  hd_time answered[64]; /* by command */
  struct record entries, lists, payload_reads, payload_writes, completions,
      messages;
  uint64_t reads_answered;
  hd_time latency_sum; /* of requests completed in the window */
  uint64_t finished, failed;
  bool enable; /* vectors */
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
    r->e[r->n++] = (struct entry){.when = when,
                                  .address = t->address,
                                  .data = t->data,
                                  .length = t->length,
                                  .pasid = t->pasid,
                                  .requester = t->requester,
                                  .flags = t->flags};
}

/* ---- host: registers ----------------------------------------------------- */

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

static inline struct storage_admin *command(enum storage_admin_type type,
                                            uint32_t index)
{
  struct storage_admin *c = &b.command[b.commands++];
  *c = (struct storage_admin){.type = type,
                              .address = 0x1000,
                              .observer = ADMIN_OBSERVER,
                              .requester = 0x0100,
                              .result = index};
  return c;
}

static inline void issue(struct storage_admin *c)
{
  write_register(STORAGE_ADMIN_DOORBELL, 1, c);
}

/* ---- host: submission ---------------------------------------------------- */

static inline struct block_request *new_request(int vm, int q, enum block_op op,
                                                uint64_t lba, uint32_t bytes)
{
  struct driver_queue *d = &b.q[vm][q];
  MUST(d->n_free > 0);
  uint16_t tag = d->free_tags[--d->n_free];
  struct block_request *r = block_request_new(&b.requests);
  *r = (struct block_request){.op = (uint8_t)op,
                              .status = 0xff,
                              .vm = (uint16_t)vm,
                              .queue = (uint16_t)q,
                              .tag = tag,
                              .bytes = bytes,
                              .lba = lba,
                              .buffer = BUFFER_OF(tag % 1024),
                              .list = LIST_OF(tag % 1024)};
  d->known[tag] = r;
  return r;
}

static inline void put(struct block_request *r)
{
  struct driver_queue *d = &b.q[r->vm][r->queue];
  struct block_request **slot = &d->slot[d->submitted++ % b.ring];
  MUST(*slot == NULL);
  hd_stamps_begin(&r->stamps, hd_now(&b.host));
  *slot = r;
}

static inline void ring(int vm, int q)
{
  write_register(STORAGE_SQ_TAIL(queue_number(vm, q)),
                 b.q[vm][q].submitted % b.ring, NULL);
}

static inline void submit(struct block_request *r)
{
  put(r);
  ring(r->vm, r->queue);
}

static inline void read_blocks(uint64_t lba)
{
  submit(new_request(0, 0, BLOCK_READ, lba, 4096));
}

static inline void write_blocks(uint64_t lba)
{
  submit(new_request(0, 0, BLOCK_WRITE, lba, 4096));
}

static inline uint64_t draw(struct job *j)
{
  return hd_mix64(j->random += 0x9e3779b97f4a7c15u);
}

static inline void put_next(int vm, int q)
{
  struct driver_queue *d = &b.q[vm][q];
  struct job *j = &d->job;
  uint64_t span = (uint64_t)b.params.capacity / j->bytes;
  if (j->span != 0)
    span = j->span;
  uint64_t at = j->sequential ? j->next++ : draw(j);
  bool read = draw(j) % 100 < j->read_percent;
  struct block_request *r =
      new_request(vm, q, read ? BLOCK_READ : BLOCK_WRITE,
                  at % span * (j->bytes / BLOCK_BYTES), j->bytes);
  if (j->bad_every && d->submitted % j->bad_every == j->bad_every - 1)
    r->buffer = BAD_ADDRESS;
  put(r);
}

static inline void refill(int vm, int q)
{
  struct driver_queue *d = &b.q[vm][q];
  uint64_t before = d->submitted;
  while (d->submitted - d->completed < d->job.depth)
    put_next(vm, q);
  if (d->submitted > before)
    ring(vm, q);
}

static inline void run_jobs(void)
{
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++)
      refill(vm, q);
}

static inline void stop_jobs(uint64_t unused)
{
  (void)unused;
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++)
      b.q[vm][q].job.depth = 0;
}

/* The driver's part of a reset: its requests are its own again. */
static inline void forget(int vm, int q)
{
  struct driver_queue *d = &b.q[vm][q];
  for (uint32_t i = 0; i < b.ring; i++) {
    d->slot[i] = NULL;
    if (d->known[i] == NULL)
      continue;
    block_request_free(&b.requests, d->known[i]);
    d->known[i] = NULL;
    d->free_tags[d->n_free++] = (uint16_t)i;
  }
  d->submitted = d->completed = 0;
}

/* ---- host: completion ---------------------------------------------------- */

static inline void tell_head(int vm, int q)
{
  struct driver_queue *d = &b.q[vm][q];
  d->told = d->completed;
  write_register(STORAGE_CQ_HEAD(queue_number(vm, q)), d->told % b.ring, NULL);
}

static inline void check_stamps(const struct block_request *r, hd_time now)
{
  hd_time sum = 0;
  for (int i = 0; i < HD_STAGE_COUNT; i++) {
    MUST(r->stamps.spent[i] >= 0);
    sum += r->stamps.spent[i];
  }
  MUST(sum == now - r->stamps.begin);
}

static inline void completed(struct pcie_tlp *t)
{
  struct block_request *r = t->object;
  hd_time now = hd_now(&b.host);
  int vm = t->observer, q = (int)STORAGE_EVENT_QUEUE(t->data);
  struct driver_queue *d = &b.q[vm][q];
  MUST(r->vm == vm);
  MUST(r->queue == q);
  MUST(d->known[r->tag] == r); /* exactly once */
  MUST(STORAGE_EVENT_SLOT(t->data) == d->completed % b.ring);
  MUST(STORAGE_EVENT_PHASE(t->data) == ((d->completed / b.ring + 1) & 1));
  MUST(r->status != 0xff);
  hd_stamps_mark(&r->stamps, HD_STAGE_INTERRUPT, now);
  check_stamps(r, now);
  note(&b.completions, now, t);
  if (b.completions.n <= LOG)
    b.completions.e[b.completions.n - 1].request = *r;
  d->known[r->tag] = NULL;
  d->free_tags[d->n_free++] = r->tag;
  d->completed++;
  b.failed += r->status != BLOCK_OK;
  if (hd_window_contains(&b.window, now)) {
    d->done++;
    b.finished++;
    b.latency_sum += now - r->stamps.begin;
  }
  block_request_free(&b.requests, r);
  if (!d->keep_head)
    tell_head(vm, q);
  refill(vm, q);
}

/* ---- host: DMA ----------------------------------------------------------- */

static inline bool is_list(const struct pcie_tlp *t)
{
  return t->address >= LIST_OF(0) && t->address < LIST_OF(65536);
}

static inline void answer(struct pcie_tlp *t)
{
  hd_time now = hd_now(&b.host);
  bool bad = t->address - BAD_ADDRESS < 0x40000u;
  if (is_list(t)) {
    note(&b.lists, now, t);
    bad |= b.lists_bad;
  } else if (t->flags & PCIE_DESCRIPTOR) {
    note(&b.entries, now, t);
    bad |= b.entries_bad;
  } else {
    note(&b.payload_reads, now, t);
  }
  hd_time late = now >= START && b.reads_answered++ % 3 == 0 ? b.slow : 0;
  pcie_complete(t, bad ? PCIE_UR : PCIE_SC);
  hd_send(b.to_link, ANSWER + late, t);
}

static inline void written(struct pcie_tlp *t)
{
  hd_time now = hd_now(&b.host);
  if (pcie_is_msi(t)) {
    note(&b.messages, now, t);
  } else if (t->observer == ADMIN_OBSERVER) {
    b.answered[(struct storage_admin *)t->object - b.command] = now;
    b.commands_done++;
  } else if (t->observer != PCIE_NO_OBSERVER) {
    completed(t);
  } else {
    note(&b.payload_writes, now, t);
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
  MUST(msg->kind == MSG_TLP);
  pcie_receiver_free(&b.receiver, t);
  if (t->type == PCIE_MRD)
    answer(t);
  else if (t->type == PCIE_MWR)
    written(t);
  else
    hd_msg_free(self, t); /* answer to a register read */
}

/* ---- building ------------------------------------------------------------ */

static void (*the_script)(void) = NULL;
static inline void run_script(uint64_t unused)
{
  (void)unused;
  ck_assert_int_eq(b.commands_done, b.commands);
  for (int i = 0; i < b.commands; i++)
    ck_assert(!b.command[i].failed);
  if (b.enable)
    for (int vm = 0; vm < b.vms; vm++)
      for (int q = 0; q < b.queues; q++)
        write_register(STORAGE_VECTOR(VECTOR_OF(vm, q)), STORAGE_INT_ENABLE,
                       NULL);
  if (the_script)
    the_script();
}

static inline void host_start(struct hd_component *self)
{
  (void)self;
  for (int vm = 0; vm < b.vms; vm++) {
    struct storage_admin *c = command(STORAGE_ADD_INTERFACE, 0);
    c->interface = b.interface[vm];
    issue(c);
    issue(command(STORAGE_START_QUEUES, (uint32_t)vm));
  }
  at_host(START, run_script, 0);
}

static const struct hd_component_ops host_ops = {
    .kind = "test_host", .handle = host_handle, .start = host_start};

/* A link that is never the bottleneck, without DLLPs and SKIPs in the way, so
 * that what a test sees is the device. */
static inline struct pcie_params ideal_link(void)
{
  return (struct pcie_params){.generation = 5,
                              .lanes = 16,
                              .mps = 512,
                              .mrrs = 512,
                              .rcb = 64,
                              .tags = 768,
                              .framing = 8,
                              .ack_interval = 100000,
                              .fc_interval = 100000,
                              .skip_interval = 1 << 30,
                              .replay_timer = HD_S,
                              .replay_buffer = 1 << 26,
                              .propagation = 20 * HD_NS,
                              .device_latency = 50 * HD_NS,
                              .port_latency = 30 * HD_NS};
}

/* A device of which nothing is scarce, without jitter. */
static inline void bench_defaults(int vms, int queues)
{
  b.pcie = ideal_link();
  b.params = (struct storage_params){.queue_pairs = 512,
                                     .pf_queue_pairs = 32,
                                     .virtual_functions = 32,
                                     .vectors = 512,
                                     .pf_vectors = 33,
                                     .capacity = INT64_C(1) << 40,
                                     .max_transfer = 1 << 20,
                                     .clock = 1000000000,
                                     .doorbell_latency = 50 * HD_NS,
                                     .arbitration_burst = 8,
                                     .fetches = 64,
                                     .fetch_cycles = 1,
                                     .commands = 8192,
                                     .command_cycles = 1,
                                     .read_overhead = 2 * HD_US,
                                     .write_overhead = 3 * HD_US,
                                     .dma_window = 1 << 20,
                                     .coalesce_threshold = 1,
                                     .coalesce_time = 100 * HD_US,
                                     .admin_cost = 0,
                                     .internal_rate = 0,
                                     .cache = 64 << 20,
                                     .channels = 16,
                                     .dies = 64,
                                     .channel_rate = 1000000000000,
                                     .page_size = 4096,
                                     .read_time = 50 * HD_US,
                                     .program_size = 16384,
                                     .program_time = 200 * HD_US,
                                     .write_amplification = 1};
  b.window = (struct hd_window){START, HD_TIME_NEVER};
  b.seed = 1;
  b.vms = vms;
  b.queues = queues;
  b.ring = 1024;
  b.enable = true;
}

static inline void all_jobs(struct job j)
{
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++) {
      b.q[vm][q].job = j;
      b.q[vm][q].job.random = queue_number(vm, q) + 1;
      b.q[vm][q].job.next = (uint64_t)queue_number(vm, q) << 16;
    }
}

static inline void describe_queue(int vm, int q)
{
  struct driver_queue *d = &b.q[vm][q];
  b.rings[vm][q] = (struct storage_ring){.submission = RING_OF(vm, q, 0),
                                         .completion = RING_OF(vm, q, 1),
                                         .size = b.ring,
                                         .slot = d->slot,
                                         .observer = (uint16_t)vm,
                                         .vector = (uint16_t)q};
  d->n_free = 0;
  for (uint32_t tag = b.ring - 1; tag-- > 0;)
    d->free_tags[d->n_free++] = (uint16_t)tag;
}

/* Even guests have a virtual function, odd ones a PASID of the physical one. */
static inline void describe_interface(int vm)
{
  for (int q = 0; q < b.queues; q++)
    describe_queue(vm, q);
  b.interface[vm] = (struct storage_interface){
      .vm = (uint16_t)vm,
      .requester = (uint16_t)(vm % 2 ? 0x0100 : 0x0108 + vm),
      .has_pasid = vm % 2 != 0,
      .pasid = (uint32_t)vm + 10,
      .queue_pairs = (uint16_t)b.queues,
      .vectors = (uint16_t)b.queues,
      .first_queue = queue_number(vm, 0),
      .first_vector = VECTOR_OF(vm, 0),
      .first_handle = HANDLE_OF(VECTOR_OF(vm, 0)),
      .rings = b.rings[vm]};
}

static inline void bench_build(hd_time window)
{
  b.engine = hd_engine_create(
      &(struct hd_engine_options){.seed = b.seed, .window = window});
  hd_engine_add_host(b.engine, "server");
  block_pool_initialize(&b.requests);
  b.device = storage_create(b.engine, "drive", "server", &b.params, &b.pcie,
                            &b.window);
  b.link = pcie_link_create(b.engine, "link", "server", &b.pcie, &b.window);
  hd_component_initialize(&b.host, b.engine, &host_ops, "host", "server");
  b.to_link = pcie_link_connect(b.link, PCIE_UPSTREAM_END, &b.host,
                                b.pcie.port_latency);
  pcie_receiver_initialize(&b.receiver, &b.pcie, b.to_link, PCIE_UPSTREAM_END);
  storage_attach_link(b.device, b.link);
  for (int vm = 0; vm < b.vms; vm++)
    describe_interface(vm);
}

/* Runs, and checks what must hold after any run. */
static inline void bench_run(void (*what)(void), hd_time end)
{
  the_script = what;
  hd_engine_run(b.engine, end);
  const char *fault = storage_check(b.device);
  ck_assert_msg(fault == NULL, "%s", fault);
  fault = pcie_link_check(b.link);
  ck_assert_msg(fault == NULL, "%s", fault);
  uint64_t outstanding = 0;
  for (int vm = 0; vm < b.vms; vm++)
    for (int q = 0; q < b.queues; q++)
      outstanding += b.q[vm][q].submitted - b.q[vm][q].completed;
  ck_assert_uint_eq(b.requests.created - b.requests.destroyed, outstanding);
}

static inline struct storage_stats stats(void)
{
  struct storage_stats s;
  storage_get_stats(b.device, &s);
  return s;
}

/* Requests completed a second, seen by the host. */
static inline double iops(void)
{
  return (double)b.finished / ((double)(b.window.end - b.window.start) * 1e-12);
}

/* The engine goes first: it still looks at its components. */
static inline void bench_end(void)
{
  hd_engine_destroy(b.engine);
  storage_destroy(b.device);
  pcie_link_destroy(b.link);
  block_pool_terminate(&b.requests);
}

/* A closed loop on a drive, from `warm` after the start for `span`. */
static inline void measure(hd_time warm, hd_time span)
{
  b.window = (struct hd_window){START + warm, START + warm + span};
  bench_build(HD_US);
  bench_run(run_jobs, b.window.end);
}

/* ---- closed forms -------------------------------------------------------- */

/* Time of a TLP on an idle link, from its sender's hd_send() to its arrival. */
static inline hd_time pass(hd_time sender_latency, uint8_t type, uint32_t bytes)
{
  struct pcie_tlp t = {.type = type, .length = bytes};
  hd_time wire =
      ((hd_time)pcie_wire_bytes(&b.pcie, &t) * pcie_byte_time(&b.pcie)) >>
      PCIE_WIRE_SHIFT;
  return sender_latency + wire + b.pcie.propagation;
}

static inline hd_time up(uint8_t type, uint32_t bytes)
{
  return pass(b.pcie.device_latency, type, bytes);
}

/* `bytes` in one completion, ANSWER after the request. */
static inline hd_time dma_read(uint32_t bytes)
{
  return up(PCIE_MRD, bytes) + pass(ANSWER, PCIE_CPLD, bytes);
}

/* Doorbell to its effect. */
static inline hd_time doorbell(void)
{
  return pass(b.pcie.port_latency, PCIE_MWR, 4) + b.params.doorbell_latency;
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
