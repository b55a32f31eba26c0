/*
 * test_cpu_guests.h - what the tests of vCPUs share: guests on the real
 * scheduler; interrupt unit, hypervisor and root complex are small fakes with
 * fixed latencies.
 *
 * At 1 GHz a cycle is a nanosecond, so that expected times are sums of the
 * constants below.
 */
#ifndef HD_TEST_CPU_GUESTS_H
#define HD_TEST_CPU_GUESTS_H
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/cpu/vcpu.h"
#include "sim/engine/rng.h"

#define MAX_VCPUS 16
#define MAX_LOG 4096

/* Parameters, all different; in ns where they are cycles. */
#define QUEUE (100 * HD_NS)
#define IPI (700 * HD_NS)
#define WAKE (1500 * HD_NS)
#define SLICE (1 * HD_MS)
#define SWITCH (5000 * HD_NS)
#define EXIT_IN (500 * HD_NS) /* exit_cost 1001: 500 out, 501 back in */
#define EXIT_OUT (501 * HD_NS)
#define HLT (300 * HD_NS)
#define EXTERNAL (400 * HD_NS)
#define INJECT (70 * HD_NS)
#define HOST_IRQ (3000 * HD_NS)
#define ENTRY (40 * HD_NS)
#define STORE (30 * HD_NS)
/* Of the fakes. */
#define PID_STATE (60 * HD_NS)
#define NOTIFY (250 * HD_NS)
#define TO_SCHEDULER (400 * HD_NS)
#define GUEST_IPI (90 * HD_NS)
#define TO_ROOT (80 * HD_NS)
#define FROM_ROOT (150 * HD_NS)
#define DEVICE (33 * HD_NS)

#define BOOT (10 * HD_US) /* vCPU 0 is woken; the others 1 us later each */
#define START (BOOT + WAKE + SWITCH + EXIT_OUT) /* vCPU 0 calls main */
#define HALTED (START + EXIT_IN + HLT) /* it sends BLOCK, if main idles */

/* -- the world ----------------------------------------------------------- */

enum action { POST, INJECTED, MESSAGE, RAW_NOTIFY };

struct fabric { /* interrupt unit, hypervisor, other vCPUs */
  struct hd_component base;
  struct hd_channel *to_scheduler, *notify[MAX_VCPUS], *ipi[MAX_VCPUS];
  uint32_t state[MAX_VCPUS];
  uint64_t pir[MAX_VCPUS][4];
  unsigned suppressed;     /* posts to a pre-empted vCPU */
  hd_time boot[MAX_VCPUS]; /* when each vCPU is woken */
  /* Single actions, at the fabric. */
  struct {
    hd_time when;
    enum action action;
    uint32_t vcpu;
    unsigned vector;
  } script[16];
  unsigned n_script;
  /* A stream of actions to all vCPUs in turn, about every `period`. */
  enum action stream;
  hd_time period;
  unsigned stream_length, streamed;
};

struct root {
  struct hd_component base;
  unsigned writes;
  hd_time written_at;
  uint64_t written;
};

struct guest {
  struct vcpu vcpu;
  void (*main)(struct guest *g);
  int64_t handler_cycles;
  hd_time began, finished; /* main's call and return */
  hd_time time[16];        /* main's notes */
  hd_time handled[MAX_LOG];
  unsigned vector[MAX_LOG];
  unsigned interrupts, messages, rounds;
};

static struct {
  struct cpu_params params;
  struct hd_window window;
  void (*prepare)(void); /* optional: builds more, before the run */
  struct hd_engine *engine;
  struct scheduler *scheduler;
  struct fabric fabric;
  struct root root;
  struct guest guests[MAX_VCPUS];
  unsigned n;
} world;

/* -- fakes --------------------------------------------------------------- */

static inline void send_irq(struct fabric *f, struct hd_channel *ch,
                            uint32_t kind, uint32_t vcpu,
                            const uint64_t *vectors)
{
  struct interrupt_msg *m = hd_msg_new_zero(&f->base, kind);
  m->vcpu = vcpu;
  memcpy(m->vectors, vectors, sizeof m->vectors);
  hd_send(ch, ch->latency, m);
}

/* Sends what is posted, as the vCPU's state demands. */
static inline void deliver(struct fabric *f, uint32_t vcpu)
{
  uint64_t *pir = f->pir[vcpu];
  if (!(pir[0] | pir[1] | pir[2] | pir[3]))
    return;
  if (f->state[vcpu] == PID_RUNNING) {
    send_irq(f, f->notify[vcpu], MSG_IRQ_NOTIFY, vcpu, pir);
    memset(pir, 0, sizeof f->pir[vcpu]);
  } else if (f->state[vcpu] == PID_BLOCKED) {
    send_irq(f, f->to_scheduler, MSG_IRQ_WAKE, vcpu, pir);
    memset(pir, 0, sizeof f->pir[vcpu]); /* they come with the core */
  } else {
    f->suppressed++;
  }
}

static inline void act(struct fabric *f, enum action action, uint32_t vcpu,
                       unsigned vector)
{
  uint64_t vectors[4] = {0};
  vectors[vector / 64] = (uint64_t)1 << (vector % 64);
  switch (action) {
  case POST:
    f->pir[vcpu][vector / 64] |= vectors[vector / 64];
    deliver(f, vcpu);
    break;
  case INJECTED:
    send_irq(f, f->to_scheduler, MSG_IRQ_HOST, vcpu, vectors);
    break;
  case RAW_NOTIFY:
    send_irq(f, f->notify[vcpu], MSG_IRQ_NOTIFY, vcpu, vectors);
    break;
  case MESSAGE:
    hd_send(f->ipi[vcpu], GUEST_IPI, hd_msg_new(&f->base, MSG_GUEST));
    break;
  }
}

#define TAG_STREAM 1000

static inline void stream_next(struct fabric *f)
{
  if (f->streamed == f->stream_length)
    return;
  struct hd_msg *m = hd_msg_new(&f->base, MSG_TIMER);
  m->tag = TAG_STREAM;
  hd_schedule(&f->base,
              f->period / 2 +
                  (hd_time)(hd_mix64(f->streamed) % (uint64_t)f->period),
              m);
}

static inline void fabric_timer(struct fabric *f, uint32_t tag)
{
  if (tag == TAG_STREAM) {
    unsigned k = f->streamed++;
    act(f, f->stream, k % world.n, 32 + k / world.n % 224);
    stream_next(f);
  } else {
    act(f, f->script[tag].action, f->script[tag].vcpu, f->script[tag].vector);
  }
}

static inline void fabric_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct fabric *f = (struct fabric *)self;
  if (msg->kind == MSG_TIMER) {
    fabric_timer(f, msg->tag);
  } else {
    struct interrupt_msg *m = (struct interrupt_msg *)msg;
    ck_assert_uint_eq(msg->kind, MSG_PID_STATE);
    ck_assert_uint_ne(f->state[m->vcpu], m->state); /* changes only */
    f->state[m->vcpu] = m->state;
    deliver(f, m->vcpu);
  }
  hd_msg_free(self, msg);
}

static inline void fabric_start(struct hd_component *self)
{
  struct fabric *f = (struct fabric *)self;
  for (uint32_t i = 0; i < world.n; i++) {
    struct sched_msg *m = hd_msg_new_zero(self, MSG_SCHED_WAKE);
    m->vcpu = i;
    hd_send_at(f->to_scheduler, f->boot[i], m);
  }
  for (uint32_t i = 0; i < f->n_script; i++) {
    struct hd_msg *m = hd_msg_new(self, MSG_TIMER);
    m->tag = i;
    hd_schedule(self, f->script[i].when, m);
  }
  stream_next(f);
}

static inline void root_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct root *r = (struct root *)self;
  struct mmio_msg *m = (struct mmio_msg *)msg;
  ck_assert_uint_eq(m->length, 4);
  if (msg->kind == MSG_MMIO_WRITE) {
    r->writes++;
    r->written_at = hd_now(self);
    r->written = m->data;
    hd_msg_free(self, msg);
    return;
  }
  ck_assert_uint_eq(msg->kind, MSG_MMIO_READ);
  msg->kind = MSG_MMIO_DATA;
  m->data = m->address + 1;
  hd_send(m->reply, DEVICE + FROM_ROOT, m);
}

/* -- guests -------------------------------------------------------------- */

static inline hd_time now(const struct guest *g)
{
  return vcpu_now(&g->vcpu);
}

static inline void guest_main(struct vcpu *v)
{
  struct guest *g = v->guest;
  g->began = now(g);
  if (g->main)
    g->main(g);
  g->finished = now(g);
}

static inline void guest_interrupt(struct vcpu *v, unsigned vector)
{
  struct guest *g = v->guest;
  ck_assert(!v->irq_enabled && v->on_core);
  if (g->interrupts < MAX_LOG) {
    g->handled[g->interrupts] = now(g);
    g->vector[g->interrupts] = vector;
  }
  g->interrupts++;
  vcpu_run(v, g->handler_cycles);
}

static inline bool guest_message(struct vcpu *v, struct hd_msg *m)
{
  struct guest *g = v->guest;
  ck_assert_uint_eq(m->kind, MSG_GUEST);
  g->messages++;
  hd_msg_free(&v->task.base, m);
  return true;
}

/* -- building and running ------------------------------------------------ */

static inline void make(unsigned cores, unsigned vcpus)
{
  memset(&world, 0, sizeof world);
  world.params = (struct cpu_params){
      .cores = cores,
      .housekeeping_cores = 1,
      .frequency = 1000000000,
      .timeslice = SLICE,
      .wakeup_granularity = SLICE,
      .wake_latency = WAKE,
      .ipi_latency = IPI,
      .queue_latency = QUEUE,
      .switch_cost = 5000,
      .exit_cost = 1001,
      .exit_hlt = 300,
      .exit_interrupt = 400,
      .exit_ept = 600,
      .exit_trap = 2000,
      .exit_ipi = 200,
      .exit_kick = 100,
      .inject_cost = 70,
      .host_irq_cost = 3000,
      .halt_poll_start = 10 * HD_US,
      .irq_entry_cost = 40,
      .mmio_write_cost = 30,
  };
  world.window = (struct hd_window){0, HD_TIME_NEVER};
  world.n = vcpus;
  for (unsigned i = 0; i < vcpus; i++)
    world.fabric.boot[i] = BOOT + i * HD_US;
}

static inline void script(hd_time when, enum action action, uint32_t vcpu,
                          unsigned vector)
{
  unsigned i = world.fabric.n_script++;
  world.fabric.script[i].when = when;
  world.fabric.script[i].action = action;
  world.fabric.script[i].vcpu = vcpu;
  world.fabric.script[i].vector = vector;
}

static inline void build_guest(unsigned i)
{
  static const struct vcpu_ops ops = {guest_main, guest_interrupt,
                                      guest_message};
  struct guest *g = &world.guests[i];
  struct vcpu *v = &g->vcpu;
  struct fabric *f = &world.fabric;
  char path[32];
  snprintf(path, sizeof path, "server/vcpu%03u", i);
  vcpu_initialize(v, world.engine, path, "server", &world.params, &world.window,
                  &ops, g);
  vcpu_attach(v, world.scheduler, NULL, 0);
  ck_assert_uint_eq(v->index, i);
  v->to_interrupts = hd_channel_open(&v->task.base, &f->base, PID_STATE);
  v->to_root = hd_channel_open(&v->task.base, &world.root.base, TO_ROOT);
  v->root_reply = hd_channel_open(&world.root.base, &v->task.base, FROM_ROOT);
  f->notify[i] = hd_channel_open(&f->base, &v->task.base, NOTIFY);
  f->ipi[i] = hd_channel_open(&f->base, &v->task.base, GUEST_IPI);
  f->state[i] = PID_BLOCKED;
}

static inline void simulate_with(hd_time end, hd_time window, uint32_t shuffle)
{
  static const struct hd_component_ops fabric_ops = {
      .kind = "fabric", .handle = fabric_handle, .start = fabric_start};
  static const struct hd_component_ops root_ops = {.kind = "root",
                                                   .handle = root_handle};
  struct hd_engine_options options = {
      .seed = 1, .window = window, .shuffle = shuffle};
  world.engine = hd_engine_create(&options);
  hd_engine_add_host(world.engine, "server");
  world.scheduler = scheduler_create(world.engine, "server/scheduler", "server",
                                     &world.params, &world.window);
  hd_component_initialize(&world.fabric.base, world.engine, &fabric_ops,
                          "server/fabric", "server");
  hd_component_initialize(&world.root.base, world.engine, &root_ops,
                          "server/root", "server");
  world.fabric.to_scheduler =
      scheduler_connect(world.scheduler, &world.fabric.base, TO_SCHEDULER);
  for (unsigned i = 0; i < world.n; i++)
    build_guest(i);
  if (world.prepare)
    world.prepare();
  hd_engine_run(world.engine, end);
  const char *wrong = scheduler_check(world.scheduler);
  ck_assert_msg(wrong == NULL, "%s", wrong);
}

static inline void simulate(hd_time end)
{
  simulate_with(end, 100 * HD_NS, 0);
}

static inline struct vcpu_stats stats(unsigned i)
{
  struct hd_engine_report report;
  struct vcpu_stats st;
  hd_engine_get_report(world.engine, &report);
  vcpu_get_stats(&world.guests[i].vcpu, report.end, &st);
  return st;
}

static inline struct scheduler_stats host_stats(void)
{
  struct scheduler_stats st;
  scheduler_get_stats(world.scheduler, &st);
  return st;
}

/* Core time as the scheduler gave it, ps. */
static inline double core_time(void)
{
  struct hd_engine_report report;
  hd_engine_get_report(world.engine, &report);
  return host_stats().cores_busy *
         (double)hd_window_elapsed(&world.window, report.end);
}

static inline int64_t in_child(int64_t (*f)(int64_t, int64_t), int64_t a,
                               int64_t b)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    int64_t result = f(a, b);
    ssize_t n = write(ends[1], &result, sizeof result);
    _exit(n == sizeof result ? 0 : 1);
  }
  int64_t result = 0;
  int status = 0;
  close(ends[1]);
  ck_assert_int_eq(read(ends[0], &result, sizeof result), sizeof result);
  close(ends[0]);
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  return result;
}

/* -- guests used by several tests ----------------------------------------- */

static inline void run_ten_us(struct guest *g)
{
  vcpu_run(&g->vcpu, 10000);
}

static inline void run_for_ever(struct guest *g)
{
  vcpu_run(&g->vcpu, INT64_C(1000000000000));
}

static inline void run_in_steps(struct guest *g)
{
  for (;;) {
    vcpu_run(&g->vcpu, 10000);
    g->rounds++;
  }
}

#endif
