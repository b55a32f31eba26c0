/*
 * test_accelerator.h - a bench for the accelerator: the real link, requester
 * and driver library, and a host that answers DMA reads after a fixed time,
 * sees every write, and is the software of all guests.
 *
 * Everything is in one static struct: a test is a process of its own.
 */
#ifndef TEST_ACCELERATOR_H
#define TEST_ACCELERATOR_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/accelerator/accelerator.h"
#include "models/accelerator/accelerator_driver.h"
#include "models/pcie/requester.h"
#include "sim/engine/rng.h"

enum { MAX_VMS = 16, MAX_BANKS = 4, MAX_RING = 1024, LOG = 1 << 14 };
#define START (100 * HD_US)  /* interfaces are up by then */
#define ANSWER (300 * HD_NS) /* host memory answers a read */
#define HANDLE_OF(vm) (1000u + 8u * (uint32_t)(vm))
#define RING_OF(vm, k, responses)                                              \
  (0x10000000u + (uint64_t)(vm)*0x400000u + (uint64_t)(k)*0x100000u +          \
   (uint64_t)(responses)*0x80000u)
#define SOURCE_OF(tag) (0x40000000u + (uint64_t)(tag)*0x40000u)
#define DESTINATION_OF(tag) (0x80000000u + (uint64_t)(tag)*0x40000u)
#define CONTENT_OF(tag) (0x30000000u + (uint64_t)(tag)*4096u)
#define LIST_OF(tag) (0x38000000u + (uint64_t)(tag)*8192u)
#define BAD_ADDRESS 0xdead0000u /* reads here are answered with an error */
#define ROOM 0x40000u
enum { ADMIN_OBSERVER = 99 };

/* An assertion for hot paths: Check's own writes to a file each time. */
#define MUST(condition)                                                        \
  do {                                                                         \
    if (!(condition))                                                          \
      ck_abort_msg("%s", #condition);                                          \
  } while (0)

/* What a bank's software keeps doing. */
struct job {
  uint32_t depth; /* requests outstanding; 0: nothing by itself */
  enum accelerator_algorithm algorithm;
  uint32_t bytes;
  bool random_size; /* 1 to bytes, and flat or in pieces, as it happens */
  bool content;
  uint32_t batch;     /* requests a tail write; 0: 1 */
  uint64_t bad_every; /* != 0: every n-th source is at BAD_ADDRESS */
  bool interrupts;    /* looks at responses when a message comes */
  uint64_t random;
};

struct bank {
  struct accelerator_driver driver;
  struct accelerator_request *known[MAX_RING]; /* outstanding, by tag */
  uint16_t free_tags[MAX_RING];
  uint32_t n_free;
  uint64_t submitted, completed, wrong; /* wrong: with an error */
  uint64_t done, bytes;                 /* within the window */
  struct job job;
  bool keep; /* does not look at responses */
};

struct entry { /* a TLP, or a response (request: a copy) */
  hd_time when;
  uint64_t address, data;
  uint32_t length, pasid;
  uint16_t requester;
  uint8_t flags;
  struct accelerator_request request;
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
  struct accelerator_params params;
  struct accelerator *device;
  struct pcie_link *link;
  struct accelerator_pool requests;
  struct accelerator_piece pieces[MAX_VMS * MAX_BANKS][MAX_RING][3];
  /* host */
  struct hd_component host;
  struct hd_channel *to_link;
  struct pcie_receiver receiver;
  int vms, banks;
  uint32_t ring; /* entries */
  uint32_t head_batch;
  enum accelerator_service service;
  bool entries_bad; /* reads of guest 0's request entries fail */
  bool lists_bad;
  hd_time slow; /* every third read's data comes later by this */
  struct accelerator_ring rings[MAX_VMS][MAX_BANKS];
  struct bank bank[MAX_VMS][MAX_BANKS];
  struct accelerator_interface interface[MAX_VMS];
  struct accelerator_admin command[96];
  int commands, commands_done;
  hd_time answered[96]; /* by command */
  struct record entries, lists, reads, writes, responses, messages;
  uint64_t reads_answered;
  uint64_t finished, failed;
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

static inline void write_object(uint64_t address, uint64_t data, void *object)
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

static inline void write_register(void *unused, uint64_t address,
                                  uint32_t value)
{
  (void)unused;
  write_object(address, value, NULL);
}

static inline uint32_t bank_number(int vm, int k)
{
  return (uint32_t)(vm * MAX_BANKS + k);
}

static inline struct accelerator_admin *
command(enum accelerator_admin_type type, uint32_t index)
{
  struct accelerator_admin *c = &b.command[b.commands++];
  *c = (struct accelerator_admin){.type = type,
                                  .address = 0x1000,
                                  .observer = ADMIN_OBSERVER,
                                  .requester = 0x0100,
                                  .result = index};
  return c;
}

static inline void issue(struct accelerator_admin *c)
{
  write_object(ACCELERATOR_ADMIN_DOORBELL, 1, c);
}

/* ---- host: requests ------------------------------------------------------ */

static inline struct accelerator_request *
new_request(int vm, int k, enum accelerator_algorithm algorithm, uint32_t bytes)
{
  struct bank *d = &b.bank[vm][k];
  MUST(d->n_free > 0);
  uint16_t tag = d->free_tags[--d->n_free];
  struct accelerator_request *r = accelerator_request_new(&b.requests);
  *r = (struct accelerator_request){
      .algorithm = (uint8_t)algorithm,
      .status = 0xff,
      .vm = (uint16_t)vm,
      .bank = (uint16_t)k,
      .tag = tag,
      .bytes = bytes,
      .room = ROOM,
      .source = {.address = SOURCE_OF(tag)},
      .destination = {.address = DESTINATION_OF(tag)}};
  d->known[tag] = r;
  return r;
}

static inline void put(struct accelerator_request *r)
{
  struct bank *d = &b.bank[r->vm][r->bank];
  hd_stamps_begin(&r->stamps, hd_now(&b.host));
  d->submitted++;
  MUST(accelerator_driver_put(&d->driver, r));
}

static inline void submit(struct accelerator_request *r)
{
  put(r);
  accelerator_driver_announce(&b.bank[r->vm][r->bank].driver);
}

/* The source in three pieces, the last of 4 KiB. */
static inline void cut(struct accelerator_request *r)
{
  struct accelerator_piece *p = b.pieces[bank_number(r->vm, r->bank)][r->tag];
  uint32_t third = accelerator_input(r) / 3;
  p[0] = (struct accelerator_piece){SOURCE_OF(r->tag) + 64, third + 1};
  p[1] = (struct accelerator_piece){SOURCE_OF(r->tag) + 0x10001, third + 1};
  p[2] = (struct accelerator_piece){SOURCE_OF(r->tag) + 0x20000, third + 1};
  r->source = (struct accelerator_buffer){LIST_OF(r->tag), p, 3};
}

static inline uint64_t draw(struct job *j)
{
  return hd_mix64(j->random += 0x9e3779b97f4a7c15u);
}

static inline void put_next(int vm, int k)
{
  struct bank *d = &b.bank[vm][k];
  struct job *j = &d->job;
  uint32_t bytes = j->bytes;
  if (j->random_size)
    bytes = 1 + (uint32_t)(draw(j) % j->bytes);
  struct accelerator_request *r = new_request(vm, k, j->algorithm, bytes);
  if (j->random_size && draw(j) % 2)
    cut(r);
  if (j->content)
    r->content = CONTENT_OF(r->tag);
  if (j->bad_every && d->submitted % j->bad_every == j->bad_every - 1)
    r->source = (struct accelerator_buffer){BAD_ADDRESS, NULL, 0};
  put(r);
}

static inline void refill(int vm, int k)
{
  struct bank *d = &b.bank[vm][k];
  uint64_t out = d->submitted - d->completed;
  uint32_t batch = d->job.batch ? d->job.batch : 1;
  if (d->job.depth < out + batch && out > 0)
    return;
  while (d->submitted - d->completed < d->job.depth)
    put_next(vm, k);
  accelerator_driver_announce(&d->driver);
}

static inline void run_jobs(void)
{
  for (int vm = 0; vm < b.vms; vm++)
    for (int k = 0; k < b.banks; k++) {
      if (b.bank[vm][k].job.interrupts)
        accelerator_driver_arm(&b.bank[vm][k].driver);
      refill(vm, k);
    }
}

static inline void stop_jobs(uint64_t unused)
{
  (void)unused;
  for (int vm = 0; vm < b.vms; vm++)
    for (int k = 0; k < b.banks; k++)
      b.bank[vm][k].job.depth = 0;
}

/* The software's part of a reset: its requests are its own again. */
static inline void forget(int vm, int k)
{
  struct bank *d = &b.bank[vm][k];
  for (uint16_t tag = 0; tag < b.ring - 1; tag++)
    if (d->known[tag] != NULL) {
      accelerator_request_free(&b.requests, d->known[tag]);
      d->known[tag] = NULL;
      d->free_tags[d->n_free++] = tag;
    }
  d->completed = d->submitted;
  accelerator_driver_reset(&d->driver);
}

/* ---- host: responses ----------------------------------------------------- */

static inline void check_stamps(const struct accelerator_request *r)
{
  hd_time sum = 0;
  for (int i = 0; i < HD_STAGE_COUNT; i++) {
    MUST(r->stamps.spent[i] >= 0);
    sum += r->stamps.spent[i];
  }
  MUST(sum == hd_stamps_total(&r->stamps));
}

static inline void finish(struct bank *d, struct accelerator_request *r)
{
  MUST(d->known[r->tag] == r); /* exactly once */
  MUST(r->status != 0xff);
  check_stamps(r);
  d->known[r->tag] = NULL;
  d->free_tags[d->n_free++] = r->tag;
  d->completed++;
  d->wrong += r->status != ACCELERATOR_OK;
  b.failed += r->status != ACCELERATOR_OK;
  if (hd_window_contains(&b.window, hd_now(&b.host))) {
    d->done++;
    d->bytes += accelerator_input(r);
    b.finished++;
  }
  accelerator_request_free(&b.requests, r);
}

static inline void look(int vm, int k)
{
  struct bank *d = &b.bank[vm][k];
  struct accelerator_request *r;
  while ((r = accelerator_driver_take(&d->driver)) != NULL)
    finish(d, r);
  refill(vm, k);
}

static inline void response(struct pcie_tlp *t)
{
  struct accelerator_request *r = t->object;
  hd_time now = hd_now(&b.host);
  int vm = t->observer, k = (int)ACCELERATOR_EVENT_BANK(t->data);
  struct bank *d = &b.bank[vm][k];
  MUST(r->vm == vm);
  MUST(r->bank == k);
  hd_stamps_mark(&r->stamps, HD_STAGE_INTERRUPT, now);
  note(&b.responses, now, t);
  if (b.responses.n < LOG)
    b.responses.e[b.responses.n - 1].request = *r;
  accelerator_driver_shown(&d->driver, r, t->data);
  if (!d->job.interrupts && !d->keep)
    look(vm, k);
}

static inline void interrupted(const struct pcie_tlp *t)
{
  note(&b.messages, hd_now(&b.host), t);
  int vm = (int)(t->data - HANDLE_OF(0)) / 8, k = (int)(t->data % 8);
  MUST(vm >= 0 && vm < b.vms && k < b.banks);
  if (!b.bank[vm][k].job.interrupts || b.bank[vm][k].keep)
    return;
  look(vm, k);
  accelerator_driver_arm(&b.bank[vm][k].driver);
}

/* ---- host: DMA ----------------------------------------------------------- */

static inline bool is_list(const struct pcie_tlp *t)
{
  return t->address >= LIST_OF(0) && t->address < LIST_OF(MAX_RING);
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
    bad |= b.entries_bad && t->address < RING_OF(1, 0, 0);
  } else if (t->address >= RING_OF(0, 0, 0)) { /* not the host's commands */
    note(&b.reads, now, t);
  }
  hd_time late = now >= START && b.reads_answered++ % 3 == 0 ? b.slow : 0;
  pcie_complete(t, bad ? PCIE_UR : PCIE_SC);
  hd_send(b.to_link, ANSWER + late, t);
}

static inline void written(struct pcie_tlp *t)
{
  hd_time now = hd_now(&b.host);
  if (pcie_is_msi(t)) {
    interrupted(t);
  } else if (t->observer == ADMIN_OBSERVER) {
    b.answered[(struct accelerator_admin *)t->object - b.command] = now;
    b.commands_done++;
  } else if (t->observer != PCIE_NO_OBSERVER) {
    response(t);
  } else {
    note(&b.writes, now, t);
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
  if (the_script)
    the_script();
}

static inline void host_start(struct hd_component *self)
{
  (void)self;
  for (int vm = 0; vm < b.vms; vm++) {
    struct accelerator_admin *c = command(ACCELERATOR_ADD_INTERFACE, 0);
    c->interface = b.interface[vm];
    issue(c);
    issue(command(ACCELERATOR_START_BANKS, (uint32_t)vm));
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

/* A device of which nothing but slices is scarce. Rates are whole numbers of
 * picoseconds a byte. */
static inline struct accelerator_params ample(void)
{
  return (struct accelerator_params){.banks = 64,
                                     .virtual_functions = 16,
                                     .banks_per_function = 4,
                                     .vectors = 65,
                                     .max_request = 1 << 20,
                                     .clock = 1000000000,
                                     .register_latency = 50 * HD_NS,
                                     .arbitration_burst = 4,
                                     .fetches = 64,
                                     .fetch_cycles = 1,
                                     .dma_window = 1 << 20,
                                     .coalesce_time = HD_US,
                                     .sym_engines = 8,
                                     .asym_engines = 8,
                                     .dc_engines = 8,
                                     .sym_threads = 32,
                                     .asym_threads = 32,
                                     .dc_threads = 32,
                                     .sym_cycles = 10,
                                     .asym_cycles = 10,
                                     .dc_cycles = 10,
                                     .wide_cipher_slices = 2,
                                     .cipher_slices = 4,
                                     .hash_slices = 4,
                                     .key_slices = 6,
                                     .compress_slices = 1,
                                     .translate_slices = 1,
                                     .verify_slices = 3,
                                     .slice_cycles = 100,
                                     .aes_xts_rate = 16000000000,
                                     .aes_cbc_rate = 8000000000,
                                     .sha512_rate = 16000000000,
                                     .deflate_1_rate = 32000000000,
                                     .deflate_2_rate = 16000000000,
                                     .lz4_1_rate = 32000000000,
                                     .lz4_9_rate = 8000000000,
                                     .translate_rate = 20000000000,
                                     .verify_rate = 16000000000,
                                     .rsa_1k_time = 9 * HD_US,
                                     .rsa_2k_time = 60 * HD_US,
                                     .rsa_4k_time = 420 * HD_US,
                                     .dh_2k_time = 240 * HD_US,
                                     .dh_4k_time = 1680 * HD_US,
                                     .dsa_1k_time = 12 * HD_US,
                                     .ecdsa_384_time = 120 * HD_US,
                                     .deflate_static_ratio = 0.5,
                                     .deflate_dynamic_ratio = 0.25,
                                     .lz4_ratio = 0.75};
}

static inline void bench_defaults(int vms, int banks)
{
  b.pcie = ideal_link();
  b.params = ample();
  b.window = (struct hd_window){START, HD_TIME_NEVER};
  b.seed = 1;
  b.vms = vms;
  b.banks = banks;
  b.ring = 512;
  b.head_batch = 1;
  b.service = ACCELERATOR_SYM;
}

static inline void all_jobs(struct job j)
{
  b.service = accelerator_kinds[j.algorithm].service;
  for (int vm = 0; vm < b.vms; vm++)
    for (int k = 0; k < b.banks; k++) {
      b.bank[vm][k].job = j;
      b.bank[vm][k].job.random = bank_number(vm, k) + 1;
    }
}

static inline void describe_bank(int vm, int k)
{
  struct bank *d = &b.bank[vm][k];
  accelerator_driver_initialize(
      &d->driver,
      &(struct accelerator_driver_config){
          .requests = RING_OF(vm, k, 0),
          .responses = RING_OF(vm, k, 1),
          .size = b.ring,
          .head_batch = b.head_batch,
          .bank = bank_number(vm, k),
          .observer = (uint16_t)vm,
          .service = d->job.depth ? accelerator_kinds[d->job.algorithm].service
                                  : b.service,
          .write = write_register});
  b.rings[vm][k] = d->driver.ring;
  d->n_free = 0;
  for (uint32_t tag = b.ring - 1; tag-- > 0;)
    d->free_tags[d->n_free++] = (uint16_t)tag;
}

/* Even guests have a virtual function, odd ones a PASID of the physical one. */
static inline void describe_interface(int vm)
{
  for (int k = 0; k < b.banks; k++)
    describe_bank(vm, k);
  b.interface[vm] = (struct accelerator_interface){
      .vm = (uint16_t)vm,
      .requester = (uint16_t)(vm % 2 ? 0x0100 : 0x0108 + vm),
      .has_pasid = vm % 2 != 0,
      .pasid = (uint32_t)vm + 10,
      .banks = (uint16_t)b.banks,
      .first_bank = bank_number(vm, 0),
      .first_handle = HANDLE_OF(vm),
      .rings = b.rings[vm]};
}

static inline void bench_build(hd_time window)
{
  b.engine = hd_engine_create(
      &(struct hd_engine_options){.seed = b.seed, .window = window});
  hd_engine_add_host(b.engine, "server");
  accelerator_pool_initialize(&b.requests);
  b.device = accelerator_create(b.engine, "qat", "server", &b.params, &b.pcie,
                                &b.window);
  b.link = pcie_link_create(b.engine, "link", "server", &b.pcie, &b.window);
  hd_component_initialize(&b.host, b.engine, &host_ops, "host", "server");
  b.to_link = pcie_link_connect(b.link, PCIE_UPSTREAM_END, &b.host,
                                b.pcie.port_latency);
  pcie_receiver_initialize(&b.receiver, &b.pcie, b.to_link, PCIE_UPSTREAM_END);
  accelerator_attach_link(b.device, b.link);
  for (int vm = 0; vm < b.vms; vm++)
    describe_interface(vm);
}

/* Runs, and checks what must hold after any run. */
static inline void bench_run(void (*what)(void), hd_time end)
{
  the_script = what;
  hd_engine_run(b.engine, end);
  const char *fault = accelerator_check(b.device);
  ck_assert_msg(fault == NULL, "%s", fault);
  fault = pcie_link_check(b.link);
  ck_assert_msg(fault == NULL, "%s", fault);
  uint64_t outstanding = 0;
  for (int vm = 0; vm < b.vms; vm++)
    for (int k = 0; k < b.banks; k++)
      outstanding += b.bank[vm][k].submitted - b.bank[vm][k].completed;
  ck_assert_uint_eq(b.requests.created - b.requests.destroyed, outstanding);
}

static inline struct accelerator_stats stats(void)
{
  struct accelerator_stats s;
  accelerator_get_stats(b.device, &s);
  return s;
}

/* Requests answered a second, seen by the host. */
static inline double rate(void)
{
  return (double)b.finished / ((double)(b.window.end - b.window.start) * 1e-12);
}

/* The engine goes first: it still looks at its components. */
static inline void bench_end(void)
{
  hd_engine_destroy(b.engine);
  accelerator_destroy(b.device);
  pcie_link_destroy(b.link);
  accelerator_pool_terminate(&b.requests);
  for (int vm = 0; vm < b.vms; vm++)
    for (int k = 0; k < b.banks; k++)
      accelerator_driver_terminate(&b.bank[vm][k].driver);
}

/* A closed loop, from `warm` after the start for `span`. */
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

/* Register write to its effect. */
static inline hd_time doorbell(void)
{
  return pass(b.pcie.port_latency, PCIE_MWR, 4) + b.params.register_latency;
}

/* Time a write of `bytes` keeps the link. */
static inline hd_time on_wire(uint32_t bytes)
{
  return up(PCIE_MWR, bytes) - b.pcie.device_latency - b.pcie.propagation;
}

static inline const struct entry *answered(size_t i)
{
  ck_assert_uint_lt(i, b.responses.n);
  return &b.responses.e[i];
}

/* Conversions of cycles and bytes round once each. */
static inline void near(hd_time got, hd_time want)
{
  ck_assert_int_ge(got, want - 20);
  ck_assert_int_le(got, want + 20);
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
