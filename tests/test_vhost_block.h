/*
 * test_vhost_block.h - a server for the software block back ends: the real
 * drive, link, root complex, memory, interrupt unit and scheduler; guests are a
 * small driver on a vCPU, and the hypervisor is a stand-in that sets the host's
 * interface up and starts everybody.
 *
 * Defaults are those of the parameter tables, but for a drive of which nothing
 * is scarce and which takes fixed times, and a core of 2 GHz, which makes every
 * number of cycles exact. Everything is in one static struct: a test is a
 * process of its own.
 */
#ifndef HD_TESTS_TEST_VHOST_BLOCK_H
#define HD_TESTS_TEST_VHOST_BLOCK_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/hypervisor/control.h"
#include "models/vhost_block/vhost_block.h"
#include "models/workload/guest.h"
#include "sim/engine/rng.h"
#include "sim/scenario/value.h"

#define RIG_HOP (2 * HD_NS)
#define RIG_GUEST_MEMORY (UINT64_C(64) << 20)
#define RIG_GUEST_BASE (UINT64_C(1) << 20) /* guest physical */
#define RIG_HOST_MEMORY (UINT64_C(4) << 30)
#define RIG_HOST_RINGS (UINT64_C(1) << 30)
#define RIG_DESCRIPTORS (UINT64_C(128) << 20)
#define RIG_CONTROL (1 * HD_US)
#define RIG_START (200 * HD_US) /* guests begin */
enum {
  RIG_GUESTS = 16,
  RIG_QUEUES = 2,
  RIG_RING = 256,
  RIG_PF = 0x1600,
  RIG_FIRST_HANDLE = 7,
  RIG_LOG = 4096
};

/* An assertion for hot paths. */
#define MUST(condition)                                                        \
  do {                                                                         \
    if (!(condition))                                                          \
      ck_abort_msg("%s:%d: %s", __FILE__, __LINE__, #condition);               \
  } while (0)

struct rig_request {
  struct block_request block; /* first member */
  uint64_t pages[64];
  hd_time begun;
  bool out;
  uint8_t expected; /* status */
};

struct rig_done { /* a finished request */
  struct block_request block;
  hd_time begun, ended;
  uint32_t length;
};

struct rig_job {
  uint32_t depth, bytes;
  bool write;
  bool bad;       /* an operation that does not exist */
  bool mixed;     /* any operation, sizes, sometimes out of range */
  uint64_t limit; /* requests in all; 0: no limit */
  hd_time pause;  /* mean of random pauses between rounds; 0: none */
  hd_time begin;  /* first request so much later */
};

struct rig_guest {
  /* set before rig_build() */
  enum vhost_block_kind kind;
  uint16_t queues;
  struct rig_job job;
  bool polls; /* the guest: no interrupts */
  uint64_t features;
  uint64_t blocks;
  /* built */
  struct vcpu vcpu;
  uint16_t vm;
  struct virtq ring[RIG_QUEUES];
  struct virtq *rings[RIG_QUEUES];
  struct virtq_driver driver[RIG_QUEUES];
  struct virtio_function function;
  struct hd_channel *visible, *kick;
  hd_time kick_arrives;
  struct rig_request request[RIG_QUEUES][RIG_RING];
  gsl_rng *rng;
  /* observed */
  uint64_t begun, ended, kicks, interrupts, done_in_window, out;
  hd_time latency_sum; /* of requests that ended in the window */
  struct rig_done log[RIG_LOG];
};

struct rig_hypervisor {
  struct hd_component base;
  struct hd_channel *to_root, *to_scheduler, *to_vhost;
  uint16_t observer;
  int step;
  struct storage_admin command;
};

struct rig {
  /* set before rig_build() */
  uint64_t seed;
  hd_time run_ahead, warmup, duration;
  uint32_t shuffle;
  struct cpu_params cpu;
  struct memory_params memory_params;
  struct pcie_params pcie;
  struct interrupt_params irq;
  struct storage_params drive_params;
  struct vhost_block_params params;
  struct rig_guest guest[RIG_GUESTS];
  uint32_t guests;
  /* built */
  struct hd_engine *engine;
  struct hd_window window;
  struct memory *memory;
  struct pcie_link *link;
  struct root_complex *root;
  struct interrupt_unit *interrupts;
  struct scheduler *scheduler;
  struct storage *drive;
  struct vhost_block *vhost;
  struct rig_hypervisor hypervisor;
};
static struct rig r;

/* ---- the guest's driver -------------------------------------------------- */

static inline void guest_send(struct rig_guest *g, unsigned q, bool kick)
{
  struct virtq_view view = virtq_driver_view(&g->driver[q]);
  struct virtio_view_msg *m =
      hd_msg_new_zero(&g->vcpu.task.base, MSG_VIRTQ_VIEW);
  struct hd_channel *ch = kick ? g->kick : g->visible;
  m->vm = g->vm;
  m->queue = (uint16_t)q;
  m->kick = kick;
  m->view = virtq_view_encode(&view);
  hd_time when = vcpu_now(&g->vcpu) + ch->latency;
  hd_send_at(ch, hd_time_max(when, g->kick_arrives), m);
  if (kick)
    g->kick_arrives = when;
}

static inline uint64_t guest_draw(struct rig_guest *g, uint64_t n)
{
  return gsl_rng_uniform_int(g->rng, n);
}

/* Any request, a right one most of the time. */
static inline void guest_mix(struct rig_guest *g, struct rig_request *x)
{
  struct block_request *b = &x->block;
  b->op = (uint8_t)guest_draw(g, 3);
  b->bytes = (uint32_t)(1 + guest_draw(g, 64)) * 512;
  b->lba = guest_draw(g, g->blocks - 64);
  b->buffer += guest_draw(g, 4) * 512;
  if (guest_draw(g, 8) == 0) {
    b->lba = g->blocks - b->bytes / 512 + 1 + guest_draw(g, 100);
    if (b->op != BLOCK_FLUSH)
      x->expected = BLOCK_OUT_OF_RANGE;
  }
  if (guest_draw(g, 16) == 0 && b->op != BLOCK_FLUSH) {
    b->op = 7;
    x->expected = BLOCK_INVALID_OPCODE;
  }
}

static inline bool guest_add(struct rig_guest *g, unsigned q)
{
  uint32_t i = 0;
  while (i < RIG_RING && g->request[q][i].out)
    i++;
  if (i == RIG_RING)
    return false;
  struct rig_request *x = &g->request[q][i];
  uint64_t memory = RIG_GUEST_BASE + (uint64_t)(q * RIG_RING + i) * 65536;
  *x = (struct rig_request){
      .block = {.op = g->job.write ? BLOCK_WRITE : BLOCK_READ,
                .status = 0xff,
                .vm = g->vm,
                .queue = (uint16_t)q,
                .bytes = g->job.bytes,
                .lba = guest_draw(g, g->blocks / 64) * 8,
                .buffer = memory,
                .pages = x->pages},
      .out = true};
  for (unsigned p = 0; p < 64; p++) /* scattered, in the slot's memory */
    x->pages[p] = memory - memory % 65536 + (p * 5 + 1) % 16 * 4096;
  if (g->job.mixed)
    guest_mix(g, x);
  if (g->job.bad) {
    x->block.op = 7;
    x->expected = BLOCK_INVALID_OPCODE;
  }
  struct block_request *b = &x->block;
  uint32_t out = b->op == BLOCK_WRITE ? b->bytes : 0;
  uint32_t in = b->op == BLOCK_READ ? b->bytes : 0;
  struct virtq_buffer buffer[3] = {{.address = 0x1000, .length = 16}};
  uint32_t n = 1;
  if (out + in > 0)
    buffer[n++] = (struct virtq_buffer){b->buffer, out + in, in > 0};
  buffer[n++] = (struct virtq_buffer){0x2000, 1, true};
  if (virtq_driver_add(&g->driver[q], buffer, n, x) != VIRTQ_OK) {
    x->out = false;
    return false;
  }
  x->begun = vcpu_now(&g->vcpu);
  hd_stamps_begin(&b->stamps, x->begun);
  g->begun++;
  g->out++;
  return true;
}

static inline void guest_kick(struct rig_guest *g, unsigned q)
{
  virtq_driver_publish(&g->driver[q]);
  bool due = virtq_driver_kick_due(&g->driver[q]);
  if (due) {
    g->kicks++;
    vcpu_exit(&g->vcpu, EXIT_KICK);
  }
  guest_send(g, q, due);
}

static inline void guest_fill(struct rig_guest *g, unsigned q)
{
  uint32_t n = 0;
  while (g->driver[q].in_flight < g->job.depth &&
         (g->job.limit == 0 || g->begun < g->job.limit) && guest_add(g, q))
    n++;
  if (n > 0)
    guest_kick(g, q);
}

static inline void guest_check_stamps(const struct block_request *b,
                                      hd_time now)
{
  hd_time sum = 0;
  for (int i = 0; i < HD_STAGE_COUNT; i++) {
    MUST(b->stamps.spent[i] >= 0);
    sum += b->stamps.spent[i];
  }
  MUST(sum == now - b->stamps.begin);
}

static inline void guest_done(struct rig_guest *g,
                              const struct virtq_completion *c)
{
  struct rig_request *x = c->cookie;
  struct block_request *b = &x->block;
  hd_time now = vcpu_now(&g->vcpu);
  MUST(x->out); /* exactly once */
  MUST(b->status == x->expected);
  uint32_t data = b->op == BLOCK_READ && b->status == BLOCK_OK ? b->bytes : 0;
  MUST(c->length == 1 + data);
  hd_stamps_mark(&b->stamps, HD_STAGE_INTERRUPT, now);
  guest_check_stamps(b, now);
  x->out = false;
  if (g->ended < RIG_LOG)
    g->log[g->ended] = (struct rig_done){*b, x->begun, now, c->length};
  g->ended++;
  g->out--;
  if (hd_window_contains(&r.window, now)) {
    g->done_in_window++;
    g->latency_sum += now - x->begun;
  }
}

static inline bool guest_round(struct rig_guest *g)
{
  bool found = false;
  for (unsigned q = 0; q < g->queues; q++) {
    struct virtq_completion c;
    enum virtq_status status;
    while ((status = virtq_driver_take(&g->driver[q], &c)) == VIRTQ_OK) {
      guest_done(g, &c);
      found = true;
    }
    MUST(status == VIRTQ_EMPTY);
    guest_fill(g, q);
  }
  return found;
}

/* Interrupts on, a second look when both sides' views have crossed, HLT. */
static inline void guest_wait(struct rig_guest *g)
{
  bool there = false;
  for (unsigned q = 0; q < g->queues; q++) {
    there |= virtq_driver_enable_callback(&g->driver[q], 0);
    guest_send(g, q, false);
  }
  vcpu_spin_until(&g->vcpu, vcpu_now(&g->vcpu) + 3 * VIRTIO_VISIBLE_LATENCY);
  for (unsigned q = 0; q < g->queues; q++)
    there |= virtq_driver_pending(&g->driver[q]);
  if (!there)
    vcpu_idle(&g->vcpu, HD_TIME_NEVER);
}

static inline void guest_main(struct vcpu *v)
{
  struct rig_guest *g = v->guest;
  vcpu_spin_until(v, RIG_START - 10 * HD_US);
  for (unsigned q = 0; g->polls && q < g->queues; q++)
    if (virtq_driver_disable_callback(&g->driver[q]))
      guest_send(g, q, false);
  vcpu_spin_until(v, RIG_START + g->job.begin);
  for (;;) {
    bool found = guest_round(g);
    if (g->job.pause > 0)
      vcpu_spin_until(v,
                      vcpu_now(v) + 1 +
                          (hd_time)guest_draw(g, (uint64_t)(2 * g->job.pause)));
    if (found)
      continue;
    if (g->polls)
      vcpu_spin_for_message(v, HD_TIME_NEVER);
    else
      guest_wait(g);
  }
}

static inline void guest_interrupt(struct vcpu *v, unsigned vector)
{
  struct rig_guest *g = v->guest;
  MUST(vector > GUEST_VECTOR(0) && vector <= GUEST_VECTOR(g->queues));
  /* which a split ring with event indices cannot forbid for ever */
  MUST(!g->polls || virtio_has(g->features, VIRTIO_F_EVENT_IDX));
  g->interrupts++;
}

static inline bool guest_message(struct vcpu *v, struct hd_msg *m)
{
  struct rig_guest *g = v->guest;
  const struct guest_memory_msg *w = (const struct guest_memory_msg *)m;
  MUST(m->kind == MSG_GUEST_MEMORY);
  for (unsigned q = 0; q < g->queues; q++)
    if (w->object == &g->ring[q]) {
      struct virtq_view view = virtq_view_decode(w->data);
      virtq_driver_see(&g->driver[q], &view);
      MUST(g->driver[q].error == VIRTQ_OK);
    }
  hd_msg_free(&v->task.base, m);
  return g->polls; /* a passive message: it must not wake a halted vCPU */
}

static inline struct vcpu *front_vcpu(void *guest, unsigned q)
{
  (void)q;
  return &((struct rig_guest *)guest)->vcpu;
}

static inline void front_attach(void *guest, struct hd_component *backend,
                                hd_time kick_latency)
{
  struct rig_guest *g = guest;
  struct hd_component *me = &g->vcpu.task.base;
  g->visible = hd_channel_open(me, backend, VIRTIO_VISIBLE_LATENCY);
  g->kick = hd_channel_open(me, backend, kick_latency);
}

static const struct block_guest_front rig_front = {.vcpu_of_queue = front_vcpu,
                                                   .attach = front_attach};

/* ---- hypervisor ---------------------------------------------------------- */

static inline void rig_command(enum storage_admin_type type)
{
  struct rig_hypervisor *h = &r.hypervisor;
  h->command.type = type;
  h->command.address = 0x1000;
  h->command.observer = h->observer;
  h->command.requester = RIG_PF;
  struct mmio_msg *m = hd_msg_new_zero(&h->base, MSG_MMIO_WRITE);
  m->address = STORAGE_ADMIN_DOORBELL;
  m->length = 4;
  m->object = &h->command;
  hd_send(h->to_root, h->to_root->latency, m);
}

static inline void rig_boot(void)
{
  struct rig_hypervisor *h = &r.hypervisor;
  hd_send(h->to_vhost, RIG_CONTROL, hd_msg_new_zero(&h->base, MSG_VM_BOOT));
  for (uint32_t i = 0; i < r.guests; i++) {
    struct sched_msg *m = hd_msg_new_zero(&h->base, MSG_SCHED_WAKE);
    m->vcpu = r.guest[i].vcpu.index;
    hd_send(h->to_scheduler, RIG_CONTROL, m);
  }
}

static inline void rig_hypervisor_handle(struct hd_component *self,
                                         struct hd_msg *msg)
{
  struct rig_hypervisor *h = &r.hypervisor;
  MUST(msg->kind == MSG_GUEST_MEMORY && !h->command.failed);
  if (h->step++ == 0)
    rig_command(STORAGE_START_QUEUES);
  else
    rig_boot();
  hd_msg_free(self, msg);
}

static inline void rig_hypervisor_start(struct hd_component *self)
{
  (void)self;
  r.hypervisor.command.interface = *vhost_block_interface(r.vhost, 0);
  rig_command(STORAGE_ADD_INTERFACE);
}

/* ---- defaults ------------------------------------------------------------ */

static inline void rig_section(const struct hd_param_table *t, void *section)
{
  for (const struct hd_param *p = t->params; p->name; p++) {
    struct hd_value v;
    struct hd_problem why;
    ck_assert_msg(hd_value_parse(p, p->name, p->fallback, &v, &why), "%s",
                  why.text);
    hd_value_store(p, &v, (char *)section + p->offset);
  }
}

/* Reads take 60 us whatever else there is to do, writes less. */
static inline void rig_ideal_drive(void)
{
  struct storage_params *p = &r.drive_params;
  p->command_cycles = 1;
  p->fetch_cycles = 1;
  p->fetches = 64;
  p->commands = 8192;
  p->read_overhead = 10 * HD_US;
  p->read_time = 50 * HD_US;
  p->read_jitter = p->program_jitter = 0;
  p->dies = 256;
  p->page_size = 4096;
  p->internal_rate = 0;
  p->dma_window = 1 << 20;
  p->admin_cost = HD_US;
}

/* No traffic of the link's own and no refresh: times that can be added up. */
static inline void rig_quiet(void)
{
  r.pcie.ack_interval = r.pcie.fc_interval = 100000;
  r.pcie.skip_interval = 1 << 30;
  r.pcie.replay_timer = HD_S;
  r.memory_params.refresh_interval = r.memory_params.refresh_duration = 0;
}

static inline void rig_defaults(uint32_t guests, enum vhost_block_kind kind)
{
  r = (struct rig){.seed = 7,
                   .run_ahead = 100 * HD_NS,
                   .warmup = 1 * HD_MS,
                   .duration = 5 * HD_MS,
                   .guests = guests};
  rig_section(&cpu_param_table, &r.cpu);
  rig_section(&memory_param_table, &r.memory_params);
  rig_section(&pcie_param_table, &r.pcie);
  rig_section(&interrupt_param_table, &r.irq);
  rig_section(&storage_param_table, &r.drive_params);
  rig_section(&vhost_block_param_table, &r.params);
  r.cpu.frequency = 2000000000;
  r.cpu.cores = 32;
  r.cpu.housekeeping_cores = 4;
  r.params.pmd_cores = 1;
  rig_ideal_drive();
  for (uint32_t i = 0; i < guests; i++)
    r.guest[i] = (struct rig_guest){.kind = kind,
                                    .queues = 1,
                                    .job = {.depth = 1, .bytes = 4096},
                                    .blocks = 1 << 20};
}

/* ---- building ------------------------------------------------------------ */

static inline void rig_machine(void)
{
  r.memory = memory_create(r.engine, "server/memory", "server",
                           &r.memory_params, &r.window);
  r.root = root_complex_create(r.engine, "server/root", "server", &r.pcie,
                               &r.window);
  r.link =
      pcie_link_create(r.engine, "server/link", "server", &r.pcie, &r.window);
  root_complex_attach_link(r.root, r.link);
  struct hd_component *memory = memory_component(r.memory);
  root_complex_attach_memory(r.root, memory, RIG_HOP);
  memory_set_root_complex(r.memory,
                          root_complex_answer_channel(r.root, memory, RIG_HOP));
  memory_add_region(r.memory, 0, RIG_HOST_MEMORY);
  r.interrupts = interrupt_unit_create(r.engine, "server/interrupts", "server",
                                       &r.irq, UINT64_C(64) << 20, &r.window);
  interrupt_unit_attach_memory(r.interrupts, r.memory, RIG_HOP);
  root_complex_attach_interrupts(r.root, interrupt_unit_component(r.interrupts),
                                 RIG_HOP);
  r.scheduler = scheduler_create(r.engine, "server/scheduler", "server", &r.cpu,
                                 &r.window);
  interrupt_unit_attach_scheduler(r.interrupts,
                                  scheduler_component(r.scheduler));
  r.drive = storage_create(r.engine, "server/drive", "server", &r.drive_params,
                           &r.pcie, &r.window);
  storage_attach_link(r.drive, r.link);
}

static inline uint64_t rig_guest_hpa(uint32_t i)
{
  return RIG_HOST_MEMORY + i * RIG_GUEST_MEMORY;
}

static inline void rig_make_guest(uint32_t i)
{
  static const struct vcpu_ops ops = {.main = guest_main,
                                      .interrupt = guest_interrupt,
                                      .message = guest_message};
  struct rig_guest *g = &r.guest[i];
  char path[32];
  snprintf(path, sizeof path, "server/vm%05u", i);
  g->vm = (uint16_t)(i + 3);
  g->rng = hd_rng_new(r.seed, path, "requests");
  vcpu_initialize(&g->vcpu, r.engine, path, "server", &r.cpu, &r.window, &ops,
                  g);
  for (unsigned q = 0; q < g->queues; q++) {
    struct virtq_config c = {.size = RIG_RING, .features = g->features};
    virtq_config_place(&c, 0x10000 + q * 0x20000);
    ck_assert_int_eq(virtq_initialize(&g->ring[q], &c), VIRTQ_OK);
    ck_assert_int_eq(virtq_driver_initialize(&g->driver[q], &g->ring[q],
                                             &(struct virtq_driver_options){0}),
                     VIRTQ_OK);
    g->rings[q] = &g->ring[q];
  }
  g->function = (struct virtio_function){.kind = VIRTIO_BLK,
                                         .vm = g->vm,
                                         .n_queues = g->queues,
                                         .features = g->features,
                                         .queue = g->rings};
  memory_add_region(r.memory, rig_guest_hpa(i), RIG_GUEST_MEMORY);
  vcpu_attach(&g->vcpu, r.scheduler, r.interrupts,
              RIG_DESCRIPTORS + UINT64_C(64) * scheduler_vcpus(r.scheduler));
}

static inline void rig_make_vhost(void)
{
  struct vhost_block_guest guests[RIG_GUESTS];
  for (uint32_t i = 0; i < r.guests; i++) {
    struct rig_guest *g = &r.guest[i];
    guests[i] = (struct vhost_block_guest){
        .function = &g->function,
        .front = &rig_front,
        .guest = g,
        .kind = g->kind,
        .first_block = i * (uint64_t)(1 << 21),
        .blocks = g->blocks,
        .guest_offset = rig_guest_hpa(i) - RIG_GUEST_BASE};
  }
  struct vhost_block_drive drive = {.requester = RIG_PF,
                                    .first_handle = RIG_FIRST_HANDLE,
                                    .max_transfer =
                                        r.drive_params.max_transfer};
  struct vhost_block_config c = {.params = &r.params,
                                 .cpu = &r.cpu,
                                 .host = "server",
                                 .window = &r.window,
                                 .scheduler = r.scheduler,
                                 .interrupts = r.interrupts,
                                 .root = r.root,
                                 .memory = r.memory,
                                 .memory_base = RIG_HOST_RINGS,
                                 .descriptors = RIG_DESCRIPTORS,
                                 .drives = &drive,
                                 .n_drives = 1,
                                 .guests = guests,
                                 .n_guests = r.guests};
  ck_assert_uint_le(vhost_block_memory(&c), RIG_HOST_MEMORY - RIG_HOST_RINGS);
  r.vhost = vhost_block_create(r.engine, "server/block", &c);
  ck_assert_uint_eq(vhost_block_n_threads(r.vhost), vhost_block_threads(&c));
}

static inline void rig_make_hypervisor(void)
{
  static const struct hd_component_ops ops = {.kind = "rig_hypervisor",
                                              .handle = rig_hypervisor_handle,
                                              .start = rig_hypervisor_start};
  struct rig_hypervisor *h = &r.hypervisor;
  hd_component_initialize(&h->base, r.engine, &ops, "server/hypervisor",
                          "server");
  struct hd_channel *reply;
  h->to_root = root_complex_connect_cpu(r.root, &h->base, &reply);
  h->to_scheduler = scheduler_connect(r.scheduler, &h->base, RIG_CONTROL);
  h->to_vhost =
      hd_channel_open(&h->base, vhost_block_component(r.vhost), RIG_CONTROL);
  h->observer = memory_add_observer(r.memory, 0, &h->base);
}

static inline void rig_build(void)
{
  r.engine = hd_engine_create(&(struct hd_engine_options){
      .seed = r.seed, .window = r.run_ahead, .shuffle = r.shuffle});
  hd_engine_add_host(r.engine, "server");
  hd_time start = RIG_START + r.warmup;
  r.window = (struct hd_window){start, start + r.duration};
  rig_machine();
  for (uint32_t i = 0; i < r.guests; i++)
    rig_make_guest(i);
  rig_make_vhost();
  rig_make_hypervisor();
}

/* ---- running ------------------------------------------------------------- */

static inline void rig_hold(const char *wrong)
{
  ck_assert_msg(wrong == NULL, "%s", wrong);
}

/* Runs, and checks what always holds. */
static inline void rig_go(void)
{
  hd_engine_run(r.engine, r.window.end);
  ck_assert_int_eq(r.hypervisor.step, 2);
  rig_hold(vhost_block_check(r.vhost));
  rig_hold(storage_check(r.drive));
  rig_hold(scheduler_check(r.scheduler));
  rig_hold(interrupt_unit_check(r.interrupts));
  rig_hold(memory_check(r.memory));
  rig_hold(root_complex_check(r.root));
  ck_assert_uint_eq(memory_stray(r.memory), 0);
  uint64_t out = 0;
  for (uint32_t i = 0; i < r.guests; i++) {
    ck_assert_uint_eq(r.guest[i].begun, r.guest[i].ended + r.guest[i].out);
    out += r.guest[i].out;
  }
  ck_assert_uint_le(vhost_block_requests_inside(r.vhost), out);
  ck_assert_uint_le(storage_held(r.drive),
                    vhost_block_commands_out(r.vhost, 0));
}

static inline void rig_run(void)
{
  rig_build();
  rig_go();
}

static inline void rig_free(void)
{
  hd_engine_destroy(r.engine);
  vhost_block_destroy(r.vhost);
  storage_destroy(r.drive);
  scheduler_destroy(r.scheduler);
  interrupt_unit_destroy(r.interrupts);
  memory_destroy(r.memory);
  pcie_link_destroy(r.link);
  root_complex_destroy(r.root);
  for (uint32_t i = 0; i < r.guests; i++) {
    struct rig_guest *g = &r.guest[i];
    gsl_rng_free(g->rng);
    for (unsigned q = 0; q < g->queues; q++) {
      virtq_driver_terminate(&g->driver[q]);
      virtq_terminate(&g->ring[q]);
    }
  }
}

/* ---- results ------------------------------------------------------------- */

static inline double rig_rate(uint32_t guest)
{
  return (double)r.guest[guest].done_in_window /
         ((double)r.duration / (double)HD_S);
}

static inline double rig_total_rate(void)
{
  double sum = 0;
  for (uint32_t i = 0; i < r.guests; i++)
    sum += rig_rate(i);
  return sum;
}

static inline hd_time rig_cycles(int64_t cycles)
{
  return cycles * HD_S / r.cpu.frequency;
}

static inline struct vhost_block_thread_stats rig_thread(size_t i)
{
  struct vhost_block_thread_stats st;
  vhost_block_get_thread_stats(r.vhost, i, r.window.end, &st);
  return st;
}

static inline struct block_guest_stats rig_stats(uint32_t guest)
{
  struct block_guest_stats st;
  ck_assert(vhost_block_get_guest_stats(r.vhost, r.guest[guest].vm, &st));
  return st;
}

static inline int test_main(Suite *s)
{
  SRunner *runner = srunner_create(s);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
