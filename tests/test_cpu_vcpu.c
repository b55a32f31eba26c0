/*
 * test_cpu_vcpu.c - vCPUs with guest code on the real scheduler; interrupt
 * unit and root complex are small fakes with fixed latencies.
 *
 * At 1 GHz a cycle is a nanosecond, so that expected times are sums of the
 * constants below. A green run says that guest time, exits, interrupts, halts
 * and pre-emption take exactly what their parameters state, and that no
 * wake-up is lost. It does not say that the parameters are right, nor that the
 * real interrupt unit answers as the fake does.
 */
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
#define EXIT_IN (500 * HD_NS)  /* exit_cost 1001: 500 out, 501 back in */
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

/* -- the world ----------------------------------------------------------- */

enum action { POST, INJECTED, MESSAGE, RAW_NOTIFY };

struct fabric { /* interrupt unit, hypervisor, other vCPUs */
  struct hd_component base;
  struct hd_channel *to_scheduler, *notify[MAX_VCPUS], *ipi[MAX_VCPUS];
  uint32_t state[MAX_VCPUS];
  uint64_t pir[MAX_VCPUS][4];
  unsigned suppressed; /* posts to a pre-empted vCPU */
  hd_time boot[MAX_VCPUS]; /* when each vCPU is woken */
  /* Single actions, at the fabric. */
  struct { hd_time when; enum action action; uint32_t vcpu; unsigned vector; }
      script[16];
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
  struct hd_engine *engine;
  struct scheduler *scheduler;
  struct fabric fabric;
  struct root root;
  struct guest guests[MAX_VCPUS];
  unsigned n;
} world;

/* -- fakes --------------------------------------------------------------- */

static void send_irq(struct fabric *f, struct hd_channel *ch, uint32_t kind,
                     uint32_t vcpu, const uint64_t *vectors)
{
  struct interrupt_msg *m = hd_msg_new_zero(&f->base, kind);
  m->vcpu = vcpu;
  memcpy(m->vectors, vectors, sizeof m->vectors);
  hd_send(ch, ch->latency, m);
}

/* Sends what is posted, as the vCPU's state demands. */
static void deliver(struct fabric *f, uint32_t vcpu)
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

static void act(struct fabric *f, enum action action, uint32_t vcpu,
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

static void stream_next(struct fabric *f)
{
  if (f->streamed == f->stream_length)
    return;
  struct hd_msg *m = hd_msg_new(&f->base, MSG_TIMER);
  m->tag = TAG_STREAM;
  hd_schedule(&f->base,
              f->period / 2 + (hd_time)(hd_mix64(f->streamed) %
                                        (uint64_t)f->period), m);
}

static void fabric_timer(struct fabric *f, uint32_t tag)
{
  if (tag == TAG_STREAM) {
    unsigned k = f->streamed++;
    act(f, f->stream, k % world.n, 32 + k / world.n % 224);
    stream_next(f);
  } else {
    act(f, f->script[tag].action, f->script[tag].vcpu, f->script[tag].vector);
  }
}

static void fabric_handle(struct hd_component *self, struct hd_msg *msg)
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

static void fabric_start(struct hd_component *self)
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

static void root_handle(struct hd_component *self, struct hd_msg *msg)
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

static hd_time now(const struct guest *g)
{
  return vcpu_now(&g->vcpu);
}

static void guest_main(struct vcpu *v)
{
  struct guest *g = v->guest;
  g->began = now(g);
  if (g->main)
    g->main(g);
  g->finished = now(g);
}

static void guest_interrupt(struct vcpu *v, unsigned vector)
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

static bool guest_message(struct vcpu *v, struct hd_msg *m)
{
  struct guest *g = v->guest;
  ck_assert_uint_eq(m->kind, MSG_GUEST);
  g->messages++;
  hd_msg_free(&v->task.base, m);
  return true;
}

/* -- building and running ------------------------------------------------ */

static void make(unsigned cores, unsigned vcpus)
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

static void script(hd_time when, enum action action, uint32_t vcpu,
                   unsigned vector)
{
  unsigned i = world.fabric.n_script++;
  world.fabric.script[i].when = when;
  world.fabric.script[i].action = action;
  world.fabric.script[i].vcpu = vcpu;
  world.fabric.script[i].vector = vector;
}

static void build_guest(unsigned i)
{
  static const struct vcpu_ops ops = {guest_main, guest_interrupt,
                                      guest_message};
  struct guest *g = &world.guests[i];
  struct vcpu *v = &g->vcpu;
  struct fabric *f = &world.fabric;
  char path[32];
  snprintf(path, sizeof path, "server/vcpu%03u", i);
  vcpu_initialize(v, world.engine, path, "server", &world.params,
                  &world.window, &ops, g);
  vcpu_attach(v, world.scheduler, NULL, 0);
  ck_assert_uint_eq(v->index, i);
  v->to_interrupts = hd_channel_open(&v->task.base, &f->base, PID_STATE);
  v->to_root = hd_channel_open(&v->task.base, &world.root.base, TO_ROOT);
  v->root_reply = hd_channel_open(&world.root.base, &v->task.base, FROM_ROOT);
  f->notify[i] = hd_channel_open(&f->base, &v->task.base, NOTIFY);
  f->ipi[i] = hd_channel_open(&f->base, &v->task.base, GUEST_IPI);
  f->state[i] = PID_BLOCKED;
}

static void simulate_with(hd_time end, hd_time window, uint32_t shuffle)
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
  world.fabric.to_scheduler = scheduler_connect(
      world.scheduler, &world.fabric.base, TO_SCHEDULER);
  for (unsigned i = 0; i < world.n; i++)
    build_guest(i);
  hd_engine_run(world.engine, end);
  const char *wrong = scheduler_check(world.scheduler);
  ck_assert_msg(wrong == NULL, "%s", wrong);
}

static void simulate(hd_time end)
{
  simulate_with(end, 100 * HD_NS, 0);
}

static struct vcpu_stats stats(unsigned i)
{
  struct hd_engine_report report;
  struct vcpu_stats st;
  hd_engine_get_report(world.engine, &report);
  vcpu_get_stats(&world.guests[i].vcpu, report.end, &st);
  return st;
}

static struct scheduler_stats host_stats(void)
{
  struct scheduler_stats st;
  scheduler_get_stats(world.scheduler, &st);
  return st;
}

/* Core time as the scheduler gave it, ps. */
static double core_time(void)
{
  struct hd_engine_report report;
  hd_engine_get_report(world.engine, &report);
  return host_stats().cores_busy *
         (double)hd_window_elapsed(&world.window, report.end);
}

static int64_t in_child(int64_t (*f)(int64_t, int64_t), int64_t a, int64_t b)
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

/* -- running ------------------------------------------------------------- */

static void run_odd_clock(struct guest *g)
{
  for (int i = 0; i < 3; i++) {
    vcpu_run(&g->vcpu, 1);
    g->time[i] = now(g);
  }
  vcpu_run(&g->vcpu, 3000000);
  g->time[3] = now(g);
}

/* At 3 GHz a cycle is 333 1/3 ps; the thirds are not lost. */
START_TEST(run_is_exact)
{
  make(1, 1);
  world.params.frequency = 3000000000;
  world.params.exit_cost = world.params.switch_cost = 0;
  world.guests[0].main = run_odd_clock;
  simulate(10 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_int_eq(g->began, BOOT + WAKE);
  ck_assert_int_eq(g->time[0] - g->began, 333);
  ck_assert_int_eq(g->time[1] - g->began, 666);
  ck_assert_int_eq(g->time[2] - g->began, 1000);
  ck_assert_int_eq(g->time[3] - g->began, 1000 + HD_MS);
}
END_TEST

static void run_ten_us(struct guest *g)
{
  vcpu_run(&g->vcpu, 10000);
}

/* One vCPU's account: nothing but what main did, to the picosecond. */
START_TEST(start_and_account)
{
  make(1, 1);
  world.guests[0].main = run_ten_us;
  simulate(1 * HD_MS);
  struct vcpu_stats st = stats(0);
  ck_assert_int_eq(world.guests[0].began, START);
  ck_assert_int_eq(world.guests[0].finished, START + 10 * HD_US);
  ck_assert_int_eq(st.guest_time, 10 * HD_US);
  ck_assert_int_eq(st.host_time, WAKE + SWITCH + EXIT_OUT + /* getting in */
                                     EXIT_IN + HLT + QUEUE); /* and out */
  ck_assert_uint_eq(st.exits[EXIT_HLT], 1);
  ck_assert_double_eq_tol(core_time(), (double)(st.guest_time + st.host_time),
                          1.0);
}
END_TEST

static void exit_each(struct guest *g)
{
  for (int r = 0; r < EXIT_REASONS; r++) {
    vcpu_exit(&g->vcpu, (enum exit_reason)r);
    g->time[r] = now(g);
  }
  vcpu_run_host(&g->vcpu, 123);
  g->time[EXIT_REASONS] = now(g);
}

START_TEST(exits_cost_what_they_should)
{
  static const int64_t handling[] = {300, 400, 600, 2000, 200, 400};
  make(1, 1);
  world.guests[0].main = exit_each;
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  hd_time t = START;
  for (int r = 0; r < EXIT_REASONS; r++) {
    t += (1001 + handling[r]) * HD_NS;
    ck_assert_int_eq(g->time[r], t);
    ck_assert_uint_eq(stats(0).exits[r], r == EXIT_HLT ? 2 : 1);
  }
  ck_assert_int_eq(g->time[EXIT_REASONS], t + 123 * HD_NS);
  ck_assert_int_eq(stats(0).guest_time, 0);
}
END_TEST

static void run_for_ever(struct guest *g)
{
  vcpu_run(&g->vcpu, INT64_C(1000000000000));
}

/* The run ends in the middle of vcpu_run(): its time counts all the same, and
 * only inside the window. */
START_TEST(unfinished_run_is_accounted)
{
  make(1, 1);
  world.guests[0].main = run_for_ever;
  world.window = (struct hd_window){START + 100 * HD_US, START + 400 * HD_US};
  simulate(1 * HD_MS);
  ck_assert_int_eq(stats(0).guest_time, 300 * HD_US);
  ck_assert_int_eq(stats(0).host_time, 0);
}
END_TEST

/* -- interrupts ---------------------------------------------------------- */

START_TEST(posted_interrupt_preempts_a_run)
{
  hd_time t = START + 3 * HD_US; /* arrival at the vCPU */
  make(1, 1);
  world.guests[0].main = run_ten_us;
  world.guests[0].handler_cycles = 500;
  script(t - NOTIFY, POST, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 1);
  ck_assert_uint_eq(g->vector[0], 77);
  ck_assert_int_eq(g->handled[0], t + ENTRY);
  ck_assert_int_eq(g->finished, START + 10 * HD_US + ENTRY + 500 * HD_NS);
  struct vcpu_stats st = stats(0);
  ck_assert_int_eq(st.guest_time, 10 * HD_US + ENTRY + 500 * HD_NS);
  ck_assert_uint_eq(st.interrupts, 1);
  for (int r = 0; r < EXIT_REASONS; r++) /* posted: no exit for it */
    ck_assert_uint_eq(st.exits[r], r == EXIT_HLT);
}
END_TEST

/* One picosecond before the run's end, at it, and after it. */
START_TEST(interrupt_at_the_end_of_a_run)
{
  hd_time end = START + 10 * HD_US, t = end + _i - 1;
  make(1, 1);
  world.guests[0].main = run_ten_us;
  world.guests[0].handler_cycles = 500;
  script(t - NOTIFY, RAW_NOTIFY, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  hd_time inside = ENTRY + 500 * HD_NS;
  ck_assert_uint_eq(g->interrupts, 1);
  ck_assert_int_eq(g->finished, t <= end ? end + inside : end);
  if (t <= end)
    ck_assert_int_eq(g->handled[0], t + ENTRY);
}
END_TEST

/* While the handler of the first runs, two more come: highest vector first,
 * one after the other. */
START_TEST(interrupts_do_not_nest)
{
  hd_time t = START + 3 * HD_US;
  make(1, 1);
  world.guests[0].main = run_ten_us;
  world.guests[0].handler_cycles = 500;
  script(t - NOTIFY, POST, 0, 77);
  script(t - NOTIFY + 100 * HD_NS, POST, 0, 78);
  script(t - NOTIFY + 200 * HD_NS, POST, 0, 200);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 3);
  ck_assert_uint_eq(g->vector[1], 200);
  ck_assert_uint_eq(g->vector[2], 78);
  hd_time each = ENTRY + 500 * HD_NS;
  for (int i = 0; i < 3; i++)
    ck_assert_int_eq(g->handled[i], t + i * each + ENTRY);
  ck_assert_int_eq(g->finished, START + 10 * HD_US + 3 * each);
}
END_TEST

static void run_with_interrupts_off(struct guest *g)
{
  vcpu_irq_disable(&g->vcpu);
  vcpu_run(&g->vcpu, 10000);
  g->time[0] = now(g);
  vcpu_irq_enable(&g->vcpu);
  g->time[1] = now(g);
}

START_TEST(disabled_interrupt_waits_for_enable)
{
  make(1, 1);
  world.guests[0].main = run_with_interrupts_off;
  world.guests[0].handler_cycles = 500;
  script(START + 3 * HD_US, POST, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_int_eq(g->time[0], START + 10 * HD_US);
  ck_assert_int_eq(g->handled[0], START + 10 * HD_US + ENTRY);
  ck_assert_int_eq(g->time[1], START + 10 * HD_US + ENTRY + 500 * HD_NS);
  ck_assert_uint_eq(g->interrupts, 1);
}
END_TEST

static void exit_then_run(struct guest *g)
{
  vcpu_exit(&g->vcpu, EXIT_TRAP);
  vcpu_run(&g->vcpu, 10000);
}

/* A kick that finds the vCPU in host mode causes no exit of its own. */
START_TEST(interrupt_during_an_exit_waits_for_its_end)
{
  bool posted = _i == 0;
  hd_time t = START + 1 * HD_US, back = START + 3001 * HD_NS;
  make(1, 1);
  world.guests[0].main = exit_then_run;
  if (posted)
    script(t - NOTIFY, POST, 0, 77);
  else
    script(t - TO_SCHEDULER - HOST_IRQ - IPI, INJECTED, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_int_eq(g->handled[0], back + (posted ? 0 : INJECT) + ENTRY);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 0);
}
END_TEST

START_TEST(injected_interrupt_of_a_running_vcpu)
{
  hd_time t = START + 1 * HD_US; /* at the fake unit */
  hd_time cost = EXIT_IN + EXTERNAL + EXIT_OUT + INJECT + ENTRY + 500 * HD_NS;
  make(1, 1);
  world.guests[0].main = run_ten_us;
  world.guests[0].handler_cycles = 500;
  script(t, INJECTED, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_int_eq(g->handled[0], t + TO_SCHEDULER + HOST_IRQ + IPI + EXIT_IN +
                                      EXTERNAL + EXIT_OUT + INJECT + ENTRY);
  ck_assert_int_eq(g->finished, START + 10 * HD_US + cost);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 1);
  ck_assert_uint_eq(host_stats().injections, 1);
  ck_assert_uint_eq(host_stats().wakes, 1);
}
END_TEST

START_TEST(injected_interrupt_of_a_blocked_vcpu)
{
  hd_time t = START + 100 * HD_US;
  make(1, 1);
  script(t, INJECTED, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 1);
  ck_assert_int_eq(g->handled[0], t + TO_SCHEDULER + HOST_IRQ + WAKE +
                                      EXIT_OUT + INJECT + ENTRY);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 0);
  ck_assert_uint_eq(host_stats().wakes, 2);
}
END_TEST

/* -- halting ------------------------------------------------------------- */

static void idle_once(struct guest *g)
{
  if (world.params.halt_poll)
    g->vcpu.halt_poll_now = world.params.halt_poll;
  vcpu_idle(&g->vcpu, HD_TIME_NEVER);
  g->time[0] = now(g);
  vcpu_irq_disable(&g->vcpu); /* nothing more is handled */
  vcpu_run(&g->vcpu, 100000);
}

#define HALTED (START + EXIT_IN + HLT) /* when it sends BLOCK */

static int64_t wake_up_time(int64_t action, int64_t halt_poll)
{
  make(1, 1);
  world.params.halt_poll = halt_poll;
  world.guests[0].main = idle_once;
  script(START + 50 * HD_US, (enum action)action, 0, 77);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(world.guests[0].interrupts, action == POST);
  return world.guests[0].time[0] - (START + 50 * HD_US);
}

/* The whole way, and so the exact difference that polling makes. */
START_TEST(halt_polling_is_faster_than_blocking)
{
  ck_assert_int_eq(in_child(wake_up_time, MESSAGE, 200 * HD_US),
                   GUEST_IPI + QUEUE + QUEUE + EXIT_OUT);
  ck_assert_int_eq(in_child(wake_up_time, MESSAGE, 0),
                   GUEST_IPI + QUEUE + WAKE + EXIT_OUT);
  /* Pending bits come with the core. */
  ck_assert_int_eq(in_child(wake_up_time, POST, 200 * HD_US),
                   TO_SCHEDULER + QUEUE + EXIT_OUT + ENTRY);
  ck_assert_int_eq(in_child(wake_up_time, POST, 0),
                   TO_SCHEDULER + WAKE + EXIT_OUT + ENTRY);
}
END_TEST

START_TEST(halt_polling_ends)
{
  make(1, 1);
  world.params.halt_poll = 20 * HD_US;
  world.guests[0].main = idle_once;
  script(START + 50 * HD_US, MESSAGE, 0, 0);
  simulate(1 * HD_MS);
  ck_assert_int_eq(world.guests[0].time[0],
                   START + 50 * HD_US + GUEST_IPI + QUEUE + WAKE + EXIT_OUT);
  ck_assert_int_eq(stats(0).host_time, /* polling is host time */
                   WAKE + SWITCH + EXIT_OUT + EXIT_IN + HLT + 20 * HD_US +
                       QUEUE + WAKE + EXIT_OUT + /* in again, and out */
                       EXIT_IN + HLT + QUEUE); /* too long a halt: no more */
}
END_TEST

enum { PAUSES = 7 };
static const hd_time pauses[PAUSES] = {30 * HD_US, 30 * HD_US, 30 * HD_US,
                                       30 * HD_US, 1 * HD_MS,  1 * HD_MS,
                                       30 * HD_US};

static void idle_for_pauses(struct guest *g)
{
  for (int i = 0; i < PAUSES; i++) {
    vcpu_idle(&g->vcpu, now(g) + pauses[i]);
    g->time[i] = g->vcpu.halt_poll_now;
  }
}

/* Halts of 30 us: the polling time doubles until it covers them. One of 1 ms,
 * longer than halt_poll, turns it off. */
START_TEST(halt_polling_adapts)
{
  static const hd_time expected[PAUSES] = {10 * HD_US, 20 * HD_US, 40 * HD_US,
                                           40 * HD_US, 0, 0, 10 * HD_US};
  make(1, 1);
  world.params.halt_poll = 200 * HD_US;
  world.guests[0].main = idle_for_pauses;
  simulate(10 * HD_MS);
  for (int i = 0; i < PAUSES; i++)
    ck_assert_int_eq(world.guests[0].time[i], expected[i]);
}
END_TEST

START_TEST(halt_polling_has_a_limit)
{
  make(1, 1);
  world.params.halt_poll = 35 * HD_US;
  world.guests[0].main = idle_for_pauses;
  simulate(10 * HD_MS);
  ck_assert_int_eq(world.guests[0].time[1], 20 * HD_US);
  ck_assert_int_eq(world.guests[0].time[2], 35 * HD_US);
}
END_TEST

static void idle_with_timeout(struct guest *g)
{
  vcpu_idle(&g->vcpu, START + 80 * HD_US);
  g->time[0] = now(g);
  vcpu_idle(&g->vcpu, now(g)); /* already over: halts and is back */
  g->time[1] = now(g);
}

START_TEST(timer_ends_a_halt)
{
  make(1, 1);
  world.guests[0].main = idle_with_timeout;
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  hd_time woken = START + 80 * HD_US + QUEUE + WAKE + EXIT_OUT;
  ck_assert_int_eq(g->time[0], woken);
  ck_assert_int_eq(g->time[1], woken + EXIT_IN + HLT + EXIT_OUT);
}
END_TEST

/* A notification around the decision to block, seen by the vCPU: in each case
 * it wakes itself, once. */
START_TEST(notification_crosses_block)
{
  hd_time shift = _i - 1;
  make(1, 1);
  world.guests[0].main = idle_once;
  script(HALTED + shift - NOTIFY, RAW_NOTIFY, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 1);
  ck_assert_int_eq(g->handled[0], HALTED + hd_time_max(shift, 0) + QUEUE +
                                      WAKE + EXIT_OUT + ENTRY);
  /* started, woken, and then at rest for good */
  ck_assert_uint_eq(host_stats().wakes, 2);
}
END_TEST

/* The same, seen by the interrupt unit: before it learns of the block it
 * notifies, afterwards it sends the wake-up vector. */
START_TEST(post_crosses_block)
{
  hd_time shift = _i - 1, t = HALTED + PID_STATE + shift;
  hd_time notified = t + NOTIFY + QUEUE + WAKE + EXIT_OUT + ENTRY;
  hd_time woken = t + TO_SCHEDULER + WAKE + EXIT_OUT + ENTRY;
  make(1, 1);
  world.guests[0].main = idle_once;
  script(t, POST, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 1);
  if (shift < 0)
    ck_assert_int_eq(g->handled[0], notified);
  else if (shift > 0)
    ck_assert_int_eq(g->handled[0], woken);
  else
    ck_assert(g->handled[0] == notified || g->handled[0] == woken);
  ck_assert_uint_eq(host_stats().wakes, 2); /* no spurious one later */
}
END_TEST

START_TEST(kick_crosses_block)
{
  hd_time shift = (_i - 1) * (_i % 2 ? 1 : IPI / 2);
  hd_time t = HALTED + shift; /* arrival of the kick */
  make(1, 1);
  world.guests[0].main = idle_once;
  script(t - IPI - HOST_IRQ - TO_SCHEDULER, INJECTED, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 1);
  ck_assert_int_eq(g->handled[0], hd_time_max(t, HALTED) + QUEUE + WAKE +
                                      EXIT_OUT + INJECT + ENTRY);
}
END_TEST

/* Three reasons, one wake-up. The scheduler sees: the first wake, BLOCK, the
 * wake, BLOCK. */
START_TEST(blocked_vcpu_wakes_itself_once)
{
  make(1, 1);
  for (unsigned i = 0; i < 3; i++)
    script(START + 50 * HD_US + i * 10 * HD_NS, RAW_NOTIFY, 0, 77 + i);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(world.guests[0].interrupts, 3);
  ck_assert_uint_eq(scheduler_component(world.scheduler)->handled, 4);
}
END_TEST

/* Streams of interrupts or messages against vCPUs that work and halt at all
 * times: each vector is handled once. */
static void work_and_halt(struct guest *g)
{
  for (;;) {
    uint64_t key = g->vcpu.index * 7919u + g->rounds++;
    vcpu_run(&g->vcpu, (int64_t)(hd_mix64(key) % 6000));
    vcpu_idle(&g->vcpu, HD_TIME_NEVER);
  }
}

static void make_stream(enum action action, unsigned cores, hd_time halt_poll)
{
  make(cores, 3);
  world.params.halt_poll = halt_poll;
  world.params.timeslice = 40 * HD_US;
  world.params.wakeup_granularity = 10 * HD_US;
  world.params.sleeper_credit = 20 * HD_US;
  world.fabric.stream = action;
  world.fabric.period = 5 * HD_US;
  world.fabric.stream_length = 6000;
  for (unsigned i = 0; i < world.n; i++) {
    world.guests[i].main = work_and_halt;
    world.guests[i].handler_cycles = 300;
  }
}

/* `cores` + 16: with halt polling. */
static int64_t lost(int64_t action, int64_t cores)
{
  int64_t wrong = 0;
  make_stream((enum action)action, (unsigned)(cores & 15),
              cores & 16 ? 8 * HD_US : 0);
  simulate(50 * HD_MS);
  ck_assert_uint_eq(world.fabric.streamed, 6000);
  for (unsigned i = 0; i < world.n; i++) {
    struct guest *g = &world.guests[i];
    wrong += llabs(2000 - (int64_t)(action == MESSAGE ? g->messages
                                                      : g->interrupts));
    ck_assert(g->vcpu.halted && !g->vcpu.on_core);
  }
  return wrong;
}

START_TEST(nothing_is_lost)
{
  static const enum action actions[] = {POST, INJECTED, MESSAGE};
  int64_t cores = _i % 2 ? 1 : 3, poll = _i / 6 ? 16 : 0;
  ck_assert_int_eq(lost(actions[_i / 2 % 3], cores | poll), 0);
}
END_TEST

/* -- sharing cores ------------------------------------------------------- */

static void run_in_steps(struct guest *g)
{
  for (;;) {
    vcpu_run(&g->vcpu, 10000);
    g->rounds++;
  }
}

START_TEST(two_vcpus_alternate)
{
  make(1, 2);
  world.guests[0].main = world.guests[1].main = run_in_steps;
  hd_time end = 100 * SLICE;
  simulate(end);
  struct vcpu_stats a = stats(0), b = stats(1);
  ck_assert_int_le(llabs(a.guest_time - b.guest_time), SLICE + 20 * HD_US);
  for (int i = 0; i < 2; i++) /* no cycle is lost by pre-emption */
    ck_assert_int_le(llabs(stats((unsigned)i).guest_time -
                           world.guests[i].rounds * 10 * HD_US), 10 * HD_US);
  ck_assert_uint_ge(a.exits[EXIT_PREEMPT] + b.exits[EXIT_PREEMPT], 97);
  ck_assert_uint_le(a.exits[EXIT_PREEMPT] + b.exits[EXIT_PREEMPT], 100);
  /* All but one way to the core is accounted: the last may be under way. */
  ck_assert_double_eq_tol(core_time(),
                          (double)(a.guest_time + b.guest_time + a.host_time +
                                   b.host_time), (double)(2 * QUEUE));
}
END_TEST

START_TEST(eight_vcpus_share_a_core)
{
  make(1, 8);
  for (unsigned i = 0; i < 8; i++)
    world.guests[i].main = run_in_steps;
  hd_time end = 1600 * SLICE; /* a slice is 0.5 % of a share */
  simulate(end);
  double sum = 0;
  for (unsigned i = 0; i < 8; i++)
    sum += (double)stats(i).guest_time;
  for (unsigned i = 0; i < 8; i++)
    ck_assert_double_eq_tol((double)stats(i).guest_time / sum, 0.125, 0.00125);
}
END_TEST

static void run_six_ms(struct guest *g)
{
  vcpu_run(&g->vcpu, 6000000);
}

/* A handler of six slices is pre-empted, resumed and as long as it should. */
START_TEST(handler_is_preempted)
{
  make(1, 2);
  world.guests[0].main = run_ten_us;
  world.guests[0].handler_cycles = 6000000;
  world.guests[1].main = run_six_ms;
  script(START + 3 * HD_US, POST, 0, 77);
  script(START + 3 * SLICE, POST, 0, 78); /* does not interrupt it */
  simulate(100 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 2);
  ck_assert_int_ge(g->handled[1], g->handled[0] + 6 * HD_MS);
  ck_assert_int_gt(g->finished, 17 * HD_MS); /* 12 of its own, 6 of the other */
  ck_assert_int_eq(stats(0).guest_time, 10 * HD_US + 12 * HD_MS + 2 * ENTRY);
  ck_assert_int_eq(stats(1).guest_time, 6 * HD_MS);
  ck_assert_uint_ge(stats(0).exits[EXIT_PREEMPT], 5);
}
END_TEST

static void halt_while_polling(struct guest *g)
{
  g->vcpu.halt_poll_now = world.params.halt_poll;
  vcpu_idle(&g->vcpu, HD_TIME_NEVER);
  g->time[0] = now(g);
}

/* vCPU 1 waits when 0 halts on the only core. */
START_TEST(poller_makes_room)
{
  make(1, 2);
  world.params.halt_poll = 10 * HD_MS;
  world.guests[0].main = halt_while_polling;
  simulate(5 * HD_MS);
  /* 0 would like to poll when 1, woken in vain before, gets the core. */
  ck_assert_int_eq(world.guests[1].began,
                   HALTED + QUEUE + QUEUE + SWITCH + EXIT_OUT);
  ck_assert_uint_eq(stats(0).exits[EXIT_PREEMPT], 0); /* it is halted */
  ck_assert_uint_eq(stats(0).exits[EXIT_HLT], 1);
}
END_TEST

static void poll_then_run(struct guest *g)
{
  halt_while_polling(g);
  run_for_ever(g);
}

/* Polling is over before vCPU 1 is woken: that one waits for the slice's end. */
START_TEST(end_of_polling_is_told)
{
  make(1, 2);
  world.params.halt_poll = 10 * HD_MS;
  world.guests[0].main = poll_then_run;
  world.fabric.boot[1] = START + 200 * HD_US;
  script(START + 100 * HD_US, MESSAGE, 0, 0);
  simulate(5 * HD_MS);
  ck_assert_int_eq(world.guests[0].time[0],
                   START + 100 * HD_US + GUEST_IPI + QUEUE + QUEUE + EXIT_OUT);
  ck_assert_int_gt(world.guests[1].began, BOOT + SLICE);
}
END_TEST

/* The scheduler changes its mind while the vCPU is on its way to the core:
 * PREEMPT comes before RUN. */
START_TEST(preempted_before_it_runs)
{
  make(1, 2);
  world.params.wakeup_granularity = 0;
  world.params.sleeper_credit = HD_US;
  world.guests[0].main = world.guests[1].main = run_in_steps;
  world.fabric.boot[1] = BOOT + 200 * HD_NS;
  simulate(SLICE / 2);
  ck_assert_uint_eq(world.guests[0].vcpu.exits[EXIT_PREEMPT], 1);
  ck_assert_uint_eq(world.guests[0].rounds, 0);
  ck_assert_int_eq(world.guests[1].began,
                   START + EXIT_IN + EXTERNAL + 2 * QUEUE + SWITCH + EXIT_OUT);
}
END_TEST

/* Suppressed while it waits for a core; pending as soon as it is back. */
START_TEST(post_to_a_waiting_vcpu)
{
  make(1, 2);
  world.guests[0].main = world.guests[1].main = run_in_steps;
  script(SLICE + SLICE / 2, POST, 0, 77);
  simulate(4 * SLICE);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(world.fabric.suppressed, 1);
  ck_assert_uint_eq(g->interrupts, 1);
  ck_assert_int_gt(g->handled[0], 2 * SLICE);
  ck_assert_int_lt(g->handled[0], 2 * SLICE + 50 * HD_US);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 0);
}
END_TEST

/* -- device registers ---------------------------------------------------- */

static void access_device(struct guest *g)
{
  vcpu_mmio_write(&g->vcpu, 3, 0x100, 42, NULL);
  g->time[0] = now(g);
  g->time[1] = (hd_time)vcpu_mmio_read(&g->vcpu, 3, 0x200);
  g->time[2] = now(g);
}

#define ROUND_TRIP (TO_ROOT + DEVICE + FROM_ROOT)

START_TEST(register_accesses_are_exact)
{
  make(1, 1);
  world.guests[0].main = access_device;
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_int_eq(g->time[0], START + STORE);
  ck_assert_int_eq(world.root.written_at, START + STORE + TO_ROOT);
  ck_assert_uint_eq(world.root.written, 42);
  ck_assert_int_eq(g->time[1], 0x201);
  ck_assert_int_eq(g->time[2], START + STORE + ROUND_TRIP);
  ck_assert_int_eq(stats(0).guest_time, STORE + ROUND_TRIP);
}
END_TEST

/* Kick and interrupt in the middle of a load: both wait for the data. */
START_TEST(interrupt_waits_for_a_load)
{
  hd_time t = START + STORE + 100 * HD_NS, data = START + STORE + ROUND_TRIP;
  make(1, 1);
  world.guests[0].main = access_device;
  world.guests[0].handler_cycles = 500;
  script(t - IPI - HOST_IRQ - TO_SCHEDULER, INJECTED, 0, 77);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  hd_time begins = data + EXIT_IN + EXTERNAL + EXIT_OUT + INJECT + ENTRY;
  ck_assert_int_eq(g->handled[0], begins);
  ck_assert_int_eq(g->time[2], begins + 500 * HD_NS);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 1);
}
END_TEST

/* Two of them: one exit, two injections. */
START_TEST(each_injection_is_paid)
{
  hd_time t = START + STORE + 100 * HD_NS, data = START + STORE + ROUND_TRIP;
  make(1, 1);
  world.params.host_irq_cost = 50;
  world.guests[0].main = access_device;
  for (unsigned i = 0; i < 2; i++) /* the second is handled after the first */
    script(t - IPI - 50 * HD_NS - TO_SCHEDULER, INJECTED, 0, 77 + i);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_uint_eq(g->interrupts, 2);
  ck_assert_int_eq(g->handled[0], data + EXIT_IN + EXTERNAL + EXIT_OUT +
                                      2 * INJECT + ENTRY);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 1);
}
END_TEST

/* Kick and pre-emption in one load: leaving the core is the exit for both. */
START_TEST(kick_and_preemption_share_an_exit)
{
  make(1, 2);
  world.params.wakeup_granularity = 0;
  world.params.sleeper_credit = HD_US;
  world.guests[0].main = access_device;
  hd_time t = START + STORE + 100 * HD_NS;
  world.fabric.boot[1] = t - IPI;
  script(t + 20 * HD_NS - IPI - HOST_IRQ - TO_SCHEDULER, INJECTED, 0, 77);
  simulate(1 * HD_MS);
  ck_assert_uint_eq(world.guests[0].interrupts, 1);
  ck_assert_uint_eq(stats(0).exits[EXIT_PREEMPT], 1);
  ck_assert_uint_eq(stats(0).exits[EXIT_EXTERNAL_INTERRUPT], 0);
}
END_TEST

static void load_for_ever(struct guest *g)
{
  for (;;) {
    hd_time begin = now(g);
    unsigned preempted = (unsigned)g->vcpu.exits[EXIT_PREEMPT];
    vcpu_mmio_read(&g->vcpu, 0, g->rounds++);
    if (g->vcpu.exits[EXIT_PREEMPT] == preempted)
      ck_assert_int_eq(now(g) - begin, ROUND_TRIP);
    else
      ck_assert_int_gt(now(g) - begin, ROUND_TRIP);
  }
}

START_TEST(preemption_waits_for_a_load)
{
  make(1, 2);
  world.guests[0].main = load_for_ever;
  world.guests[1].main = run_in_steps;
  simulate(20 * SLICE);
  ck_assert_uint_ge(stats(0).exits[EXIT_PREEMPT], 8);
  ck_assert_int_le(llabs(stats(0).guest_time -
                         world.guests[0].rounds * ROUND_TRIP), ROUND_TRIP);
}
END_TEST

/* -- polling guests ------------------------------------------------------ */

static void spin(struct guest *g)
{
  vcpu_spin_until(&g->vcpu, START + 20 * HD_US);
  g->time[0] = now(g);
  g->time[1] = vcpu_spin_for_message(&g->vcpu, START + 50 * HD_US);
  g->time[2] = now(g);
  g->time[3] = vcpu_spin_for_message(&g->vcpu, START + 60 * HD_US);
  g->time[4] = now(g);
  vcpu_exit(&g->vcpu, EXIT_TRAP); /* a message comes meanwhile */
  g->time[5] = g->messages;
  vcpu_poll(&g->vcpu);
  g->time[6] = g->messages;
  g->time[7] = now(g);
}

START_TEST(spinning)
{
  make(1, 1);
  world.guests[0].main = spin;
  world.guests[0].handler_cycles = 500;
  script(START + 10 * HD_US, POST, 0, 77);
  script(START + 30 * HD_US - GUEST_IPI, MESSAGE, 0, 0);
  script(START + 40 * HD_US - NOTIFY, POST, 0, 78);
  script(START + 61 * HD_US - GUEST_IPI, MESSAGE, 0, 0);
  simulate(1 * HD_MS);
  struct guest *g = &world.guests[0];
  ck_assert_int_eq(g->time[0], START + 20 * HD_US); /* handler inside */
  ck_assert_int_eq(g->time[1], 1);
  ck_assert_int_eq(g->time[2], START + 30 * HD_US);
  ck_assert_int_eq(g->time[3], 0);
  ck_assert_int_eq(g->handled[1], START + 40 * HD_US + ENTRY);
  ck_assert_int_eq(g->time[4], START + 60 * HD_US);
  ck_assert_int_eq(g->time[5], 1);
  ck_assert_int_eq(g->time[6], 2);
  ck_assert_int_eq(g->time[7], START + 60 * HD_US + 3001 * HD_NS);
}
END_TEST

/* -- conservation and invariance ------------------------------------------ */

static void do_everything(struct guest *g)
{
  for (unsigned i = 0; i < 300; i++) {
    uint64_t key = hd_mix64(g->vcpu.index * 7919u + i);
    vcpu_run(&g->vcpu, (int64_t)(key % 40000));
    if (key % 5 == 0)
      vcpu_exit(&g->vcpu, EXIT_TRAP);
    if (key % 3 == 0)
      vcpu_mmio_write(&g->vcpu, 0, 8, key, NULL);
    if (key % 7 == 0)
      (void)vcpu_mmio_read(&g->vcpu, 0, 16);
    vcpu_idle(&g->vcpu, now(g) + (hd_time)(key % 30) * HD_US);
  }
}

static void make_everything(void)
{
  make(2, 5);
  world.params.halt_poll = 20 * HD_US;
  world.params.timeslice = 25 * HD_US;
  world.params.wakeup_granularity = 5 * HD_US;
  world.params.sleeper_credit = 15 * HD_US;
  world.fabric.stream = POST;
  world.fabric.period = 3 * HD_US;
  world.fabric.stream_length = 2000;
  for (unsigned i = 0; i < world.n; i++) {
    world.guests[i].main = do_everything;
    world.guests[i].handler_cycles = 700;
  }
  for (unsigned i = 0; i < 16; i++)
    script((i + 1) * 300 * HD_US, i % 2 ? INJECTED : MESSAGE, i % 5, 40);
}

/* Guest and host time of the vCPUs, in part of the run. */
static int64_t time_used(int64_t from, int64_t to)
{
  make_everything();
  world.window = (struct hd_window){from, to};
  simulate(50 * HD_MS);
  hd_time sum = 0;
  for (unsigned i = 0; i < world.n; i++)
    sum += stats(i).guest_time + stats(i).host_time;
  return sum;
}

/* What the scheduler gave is what vCPUs used; idle time is the rest (checked
 * by scheduler_check). One picosecond of tolerance for the mean's division. */
START_TEST(core_time_is_conserved)
{
  make_everything();
  simulate(50 * HD_MS);
  hd_time sum = 0;
  uint64_t preempted = 0;
  for (unsigned i = 0; i < world.n; i++) {
    struct vcpu_stats st = stats(i);
    ck_assert(world.guests[i].finished > 0 && !world.guests[i].vcpu.on_core);
    sum += st.guest_time + st.host_time;
    preempted += st.exits[EXIT_PREEMPT];
  }
  ck_assert_uint_ge(preempted, 50); /* else this would prove little */
  ck_assert_double_eq_tol(core_time(), (double)sum, 1.0);
}
END_TEST

START_TEST(windows_add_up)
{
  int64_t whole = in_child(time_used, 0, HD_TIME_NEVER);
  int64_t cut = 2 * HD_MS + 345678;
  ck_assert_int_eq(in_child(time_used, 0, cut) +
                       in_child(time_used, cut, HD_TIME_NEVER), whole);
}
END_TEST

static int64_t fingerprint(int64_t window, int64_t shuffle)
{
  make_everything();
  simulate_with(50 * HD_MS, window, (uint32_t)shuffle);
  struct hd_engine_report report;
  hd_engine_get_report(world.engine, &report);
  ck_assert_uint_ge(report.events, 5000);
  uint64_t f = report.fingerprint;
  for (unsigned i = 0; i < world.n; i++)
    f = hd_mix64(f ^ (uint64_t)stats(i).guest_time) +
        hd_mix64((uint64_t)stats(i).host_time) +
        (uint64_t)world.guests[i].finished;
  return (int64_t)f;
}

START_TEST(window_changes_nothing)
{
  int64_t expected = in_child(fingerprint, 0, 0);
  ck_assert_int_eq(in_child(fingerprint, 100 * HD_NS, 0), expected);
  ck_assert_int_eq(in_child(fingerprint, 1 * HD_US, 0), expected);
  ck_assert_int_eq(in_child(fingerprint, 0, 5), expected);
  ck_assert_int_eq(in_child(fingerprint, 100 * HD_NS, 9), expected);
}
END_TEST

/* -- suite --------------------------------------------------------------- */

static void add_running(TCase *c)
{
  tcase_add_test(c, run_is_exact);
  tcase_add_test(c, start_and_account);
  tcase_add_test(c, exits_cost_what_they_should);
  tcase_add_test(c, unfinished_run_is_accounted);
  tcase_add_test(c, posted_interrupt_preempts_a_run);
  tcase_add_loop_test(c, interrupt_at_the_end_of_a_run, 0, 3);
  tcase_add_test(c, interrupts_do_not_nest);
  tcase_add_test(c, disabled_interrupt_waits_for_enable);
  tcase_add_loop_test(c, interrupt_during_an_exit_waits_for_its_end, 0, 2);
  tcase_add_test(c, injected_interrupt_of_a_running_vcpu);
  tcase_add_test(c, injected_interrupt_of_a_blocked_vcpu);
  tcase_add_test(c, register_accesses_are_exact);
  tcase_add_test(c, interrupt_waits_for_a_load);
  tcase_add_test(c, each_injection_is_paid);
  tcase_add_test(c, kick_and_preemption_share_an_exit);
  tcase_add_test(c, preemption_waits_for_a_load);
  tcase_add_test(c, spinning);
}

static void add_halting(TCase *c)
{
  tcase_add_test(c, halt_polling_is_faster_than_blocking);
  tcase_add_test(c, halt_polling_ends);
  tcase_add_test(c, halt_polling_adapts);
  tcase_add_test(c, halt_polling_has_a_limit);
  tcase_add_test(c, timer_ends_a_halt);
  tcase_add_loop_test(c, notification_crosses_block, 0, 3);
  tcase_add_loop_test(c, post_crosses_block, 0, 3);
  tcase_add_loop_test(c, kick_crosses_block, 0, 4);
  tcase_add_test(c, blocked_vcpu_wakes_itself_once);
  tcase_add_loop_test(c, nothing_is_lost, 0, 12);
}

static void add_sharing(TCase *c)
{
  tcase_add_test(c, two_vcpus_alternate);
  tcase_add_test(c, eight_vcpus_share_a_core);
  tcase_add_test(c, handler_is_preempted);
  tcase_add_test(c, poller_makes_room);
  tcase_add_test(c, end_of_polling_is_told);
  tcase_add_test(c, preempted_before_it_runs);
  tcase_add_test(c, post_to_a_waiting_vcpu);
  tcase_add_test(c, core_time_is_conserved);
  tcase_add_test(c, windows_add_up);
  tcase_add_test(c, window_changes_nothing);
}

int main(void)
{
  Suite *suite = suite_create("cpu vcpu");
  TCase *c = tcase_create("vcpu");
  suite_add_tcase(suite, c);
  tcase_set_timeout(c, 120);
  add_running(c);
  add_halting(c);
  add_sharing(c);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
