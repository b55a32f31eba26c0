/*
 * test_vcpu_move.c - vCPUs that work, halt and poll are paused, moved and
 * resumed at random, while devices of two hosts with real interrupt units and
 * memories send interrupts at random.
 *
 * A device stops using the old host some time before the vCPU resumes at the
 * other one, and a vCPU that changes hosts gets every vector raised, as
 * hypervisors do. Resumed where it was, it gets none raised: what came
 * meanwhile must be there.
 *
 * A green run says that no interrupt is lost: each time that a vector is sent,
 * a handler begins soon afterwards; and that core time is conserved. It does
 * not say how long a move takes (test_vcpu_pause.c).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/cpu/vcpu_control.h"
#include "models/memory/memory.h"
#include "sim/engine/rng.h"

#define VCPUS 3
#define VECTORS 96 /* 32 ... */
#define LOG 512
/* A vCPU is paused for 80 us at most and then runs for 75 us on average, on a
 * core that it may share with two others; half of all vectors come again only
 * after 660 us or more. */
#define LIMIT (600 * HD_US)
#define REQUESTER 0x0100
#define MEMORY_SIZE (INT64_C(1) << 20)
#define CONTROL (150 * HD_NS)
#define QUIET                                                                  \
  (20 * HD_US) /* old host's interrupts end before the resumption              \
                */
#define SENDING (15 * HD_MS)
#define END (25 * HD_MS)

enum { TAG_SEND, TAG_MOVE }; /* + 2 * vCPU */

struct host {
  struct scheduler *scheduler;
  struct interrupt_unit *unit;
  struct hd_channel *to_unit, *to_scheduler; /* the devices' */
};

struct log {
  hd_time when[LOG];
  unsigned count;
};

struct guest {
  struct vcpu vcpu;
  unsigned rounds, handled;
  struct log begun[VECTORS]; /* handlers */
};

/* Devices and controller in one, so that they know where a vCPU is. */
struct world_side {
  struct hd_component base;
  struct hd_channel *to[VCPUS], *reply[VCPUS];
  unsigned side[VCPUS];
  bool paused[VCPUS];
  unsigned next_side[VCPUS];
  hd_time resume[VCPUS];
  struct log sent[VCPUS][VECTORS];
  unsigned draws, pauses, moves, interrupts;
};

static struct {
  struct cpu_params cpu;
  struct interrupt_params irq;
  struct memory_params memory;
  struct hd_window window;
  struct host host[2];
  struct guest guests[VCPUS];
  struct world_side outside;
  struct hd_engine *engine;
  uint64_t seed;
} world;

/* -- devices and controller ------------------------------------------------ */

static void note(struct log *log, hd_time when)
{
  ck_assert_uint_lt(log->count, LOG);
  log->when[log->count++] = when;
}

static uint64_t draw(struct world_side *o)
{
  return hd_mix64(world.seed * 1000003u + o->draws++);
}

static void timer(struct world_side *o, uint32_t tag, uint32_t vcpu,
                  hd_time delay)
{
  struct hd_msg *m = hd_msg_new(&o->base, MSG_TIMER);
  m->tag = tag + 2 * vcpu;
  hd_schedule(&o->base, delay, m);
}

static void send_to(struct world_side *o, unsigned side, uint32_t vcpu,
                    uint32_t k)
{
  struct hd_channel *ch = world.host[side].to_unit;
  struct pcie_tlp *t = hd_msg_new_zero(&o->base, MSG_TLP_INTERRUPT);
  t->type = PCIE_MWR;
  t->requester = REQUESTER;
  t->length = 4;
  t->data = vcpu * VECTORS + k;
  note(&o->sent[vcpu][k], hd_now(&o->base));
  o->interrupts++;
  hd_send(ch, ch->latency, t);
}

static void send_one(struct world_side *o, uint32_t vcpu)
{
  hd_time now = hd_now(&o->base);
  uint64_t key = draw(o);
  unsigned side = o->side[vcpu];
  if (o->paused[vcpu] && (now + QUIET > o->resume[vcpu] || key % 2))
    side = o->next_side[vcpu];
  send_to(o, side, vcpu, (uint32_t)(key >> 8) % VECTORS);
  if (now < SENDING)
    timer(o, TAG_SEND, vcpu, (hd_time)(draw(o) % (20 * HD_US)));
}

static void move(struct world_side *o, uint32_t vcpu)
{
  bool pause = !o->paused[vcpu];
  struct vcpu_control_msg *m =
      hd_msg_new_zero(&o->base, pause ? MSG_VCPU_PAUSE : MSG_VCPU_RESUME);
  m->reply = o->reply[vcpu];
  m->context = &o->to[vcpu];
  if (!pause) {
    bool changes = o->next_side[vcpu] != o->side[vcpu];
    m->side = o->side[vcpu] = o->next_side[vcpu];
    m->vectors[0] = changes ? UINT64_MAX << 32 : 0;
    m->vectors[1] = changes ? UINT64_MAX : 0;
    o->moves += changes;
    o->paused[vcpu] = false;
  }
  hd_send(o->to[vcpu], CONTROL, m);
}

static void answered(struct world_side *o, struct vcpu_control_msg *m)
{
  uint32_t vcpu = (uint32_t)((struct hd_channel **)m->context - o->to);
  uint64_t key = draw(o);
  if (m->msg.kind == MSG_VCPU_PAUSED) {
    hd_time delay = QUIET + (hd_time)(key % (60 * HD_US));
    o->pauses++;
    o->paused[vcpu] = true;
    o->next_side[vcpu] = (key >> 32) % 2;
    o->resume[vcpu] = hd_now(&o->base) + delay;
    timer(o, TAG_MOVE, vcpu, delay);
  } else if (hd_now(&o->base) < SENDING + 2 * HD_MS) {
    timer(o, TAG_MOVE, vcpu, (hd_time)(key % (150 * HD_US)));
  }
}

static void outside_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct world_side *o = (struct world_side *)self;
  if (msg->kind != MSG_TIMER)
    answered(o, (struct vcpu_control_msg *)msg);
  else if (msg->tag % 2 == TAG_SEND)
    send_one(o, msg->tag / 2);
  else
    move(o, msg->tag / 2);
  hd_msg_free(self, msg);
}

static void outside_start(struct hd_component *self)
{
  struct world_side *o = (struct world_side *)self;
  for (uint32_t i = 0; i < VCPUS; i++) {
    struct sched_msg *m = hd_msg_new_zero(self, MSG_SCHED_WAKE);
    m->vcpu = i;
    hd_send(world.host[0].to_scheduler, HD_US, m);
    timer(o, TAG_SEND, i, 2 * HD_US);
    timer(o, TAG_MOVE, i, 3 * HD_US);
  }
}

/* -- guests ---------------------------------------------------------------- */

static void work_and_halt(struct vcpu *v)
{
  struct guest *g = v->guest;
  for (;;) {
    uint64_t key = hd_mix64((uint64_t)(g - world.guests) * 7919u + g->rounds++);
    if (key % 4 == 0)
      vcpu_irq_disable(v);
    vcpu_run(v, (int64_t)(key % 60000));
    vcpu_irq_enable(v);
    vcpu_idle(v, key % 3 ? HD_TIME_NEVER
                         : vcpu_now(v) + (hd_time)(key % 20) * HD_US);
  }
}

static void interrupt(struct vcpu *v, unsigned vector)
{
  struct guest *g = v->guest;
  g->handled++;
  note(&g->begun[vector - 32], vcpu_now(v));
  vcpu_run(v, 300);
}

/* -- the world ------------------------------------------------------------- */

static void set_params(bool posted, unsigned cores, hd_time halt_poll)
{
  memset(&world, 0, sizeof world);
  world.window = (struct hd_window){0, HD_TIME_NEVER};
  world.cpu = (struct cpu_params){.cores = cores,
                                  .housekeeping_cores = 2,
                                  .frequency = 3000000000,
                                  .timeslice = 60 * HD_US,
                                  .wakeup_granularity = 20 * HD_US,
                                  .sleeper_credit = 30 * HD_US,
                                  .wake_latency = 1500 * HD_NS,
                                  .ipi_latency = 700 * HD_NS,
                                  .queue_latency = 300 * HD_NS,
                                  .switch_cost = 4000,
                                  .exit_cost = 1500,
                                  .exit_hlt = 1000,
                                  .exit_interrupt = 1500,
                                  .inject_cost = 500,
                                  .host_irq_cost = 3000,
                                  .halt_poll = halt_poll,
                                  .halt_poll_start = 2 * HD_US,
                                  .irq_entry_cost = 600};
  world.irq = (struct interrupt_params){.posted = posted,
                                        .cache_entries = 128,
                                        .remap_latency = 20 * HD_NS,
                                        .notify_latency = 300 * HD_NS,
                                        .wakeup_latency = 1 * HD_US,
                                        .host_latency = 400 * HD_NS,
                                        .state_latency = 70 * HD_NS};
  world.memory = (struct memory_params){.llc_size = 256 * 1024,
                                        .llc_ways = 16,
                                        .ddio_ways = 2,
                                        .llc_latency = 70 * HD_NS,
                                        .dram_latency = 50 * HD_NS,
                                        .dram_channels = 2,
                                        .dram_rate = 256000000000,
                                        .refresh_interval = 3900 * HD_NS,
                                        .refresh_duration = 300 * HD_NS,
                                        .write_latency = 50 * HD_NS,
                                        .visible_latency = 60 * HD_NS,
                                        .size = MEMORY_SIZE};
}

static void build_host(unsigned side)
{
  struct hd_engine *e = world.engine;
  struct host *h = &world.host[side];
  struct hd_component *o = &world.outside.base;
  char memory[16], scheduler[16], unit[16];
  snprintf(memory, sizeof memory, "h%u/memory", side);
  snprintf(scheduler, sizeof scheduler, "h%u/scheduler", side);
  snprintf(unit, sizeof unit, "h%u/irq", side);
  struct memory *m =
      memory_create(e, memory, "server", &world.memory, &world.window);
  (void)memory_add_region(m, 0, (uint64_t)MEMORY_SIZE);
  h->scheduler =
      scheduler_create(e, scheduler, "server", &world.cpu, &world.window);
  h->unit =
      interrupt_unit_create(e, unit, "server", &world.irq, 0, &world.window);
  interrupt_unit_attach_memory(h->unit, m, 20 * HD_NS);
  interrupt_unit_attach_scheduler(h->unit, scheduler_component(h->scheduler));
  h->to_unit =
      hd_channel_open(o, interrupt_unit_component(h->unit), 30 * HD_NS);
  h->to_scheduler = scheduler_connect(h->scheduler, o, HD_US);
  /* Other threads of the host, without interrupts, so that indices differ. */
  for (unsigned i = 0; i < 2 * side; i++)
    scheduler_add_vcpu(h->scheduler, o);
}

static void build_guest(uint32_t i)
{
  static const struct vcpu_ops ops = {work_and_halt, interrupt, NULL};
  struct vcpu *v = &world.guests[i].vcpu;
  struct world_side *o = &world.outside;
  char path[32];
  snprintf(path, sizeof path, "h0/vcpu%u", i);
  vcpu_initialize(v, world.engine, path, "server", &world.cpu, &world.window,
                  &ops, &world.guests[i]);
  uint64_t pid = 512 * 1024 + (uint64_t)i * 64;
  vcpu_attach(v, world.host[0].scheduler, world.host[0].unit, pid);
  vcpu_attach_second(v, world.host[1].scheduler, world.host[1].unit, pid, NULL,
                     NULL);
  o->to[i] = vcpu_connect_control(v, &o->base, CONTROL, &o->reply[i]);
  for (unsigned side = 0; side < 2; side++)
    for (uint32_t k = 0; k < VECTORS; k++)
      interrupt_unit_set_entry(world.host[side].unit, i * VECTORS + k,
                               REQUESTER, vcpu_interrupt_index(v, side),
                               (uint8_t)(32 + k));
}

static void simulate(hd_time window)
{
  static const struct hd_component_ops ops = {
      .kind = "outside", .handle = outside_handle, .start = outside_start};
  struct hd_engine_options options = {.seed = 1, .window = window};
  world.engine = hd_engine_create(&options);
  hd_engine_add_host(world.engine, "server");
  hd_component_initialize(&world.outside.base, world.engine, &ops, "outside",
                          "server");
  for (unsigned side = 0; side < 2; side++)
    build_host(side);
  for (uint32_t i = 0; i < VCPUS; i++)
    build_guest(i);
  hd_engine_run(world.engine, END);
}

/* -- what must hold -------------------------------------------------------- */

static void check_parts(void)
{
  for (unsigned side = 0; side < 2; side++) {
    const char *wrong = scheduler_check(world.host[side].scheduler);
    ck_assert_msg(wrong == NULL, "%s", wrong);
    wrong = interrupt_unit_check(world.host[side].unit);
    ck_assert_msg(wrong == NULL, "%s", wrong);
  }
}

static void check_core_time(void)
{
  double given = 0, used = 0;
  for (unsigned side = 0; side < 2; side++) {
    struct scheduler_stats st;
    scheduler_get_stats(world.host[side].scheduler, &st);
    given += st.cores_busy * (double)END;
  }
  for (unsigned i = 0; i < VCPUS; i++) {
    struct vcpu_stats st;
    vcpu_get_stats(&world.guests[i].vcpu, END, &st);
    used += (double)(st.guest_time + st.host_time);
  }
  ck_assert_double_eq_tol(given, used, 4.0);
}

static hd_time first_after(const struct log *log, hd_time when)
{
  unsigned i = 0;
  while (i < log->count && log->when[i] <= when)
    i++;
  return i < log->count ? log->when[i] : HD_TIME_NEVER;
}

static void check_vector(unsigned vcpu, unsigned k)
{
  const struct log *sent = &world.outside.sent[vcpu][k];
  for (unsigned i = 0; i < sent->count; i++) {
    hd_time begun = first_after(&world.guests[vcpu].begun[k], sent->when[i]);
    ck_assert_msg(begun - sent->when[i] <= LIMIT,
                  "vCPU %u, vector %u, sent at %lld, handled at %lld", vcpu,
                  32 + k, (long long)sent->when[i], (long long)begun);
  }
}

static void check_nothing_lost(void)
{
  for (unsigned i = 0; i < VCPUS; i++)
    for (unsigned k = 0; k < VECTORS; k++)
      check_vector(i, k);
}

static void set_case(int i)
{
  static const hd_time polls[] = {0, 10 * HD_US, 200 * HD_US};
  set_params(i % 2, i / 2 % 2 ? 1 : VCPUS, polls[i / 4 % 3]);
  world.seed = (uint64_t)i;
}

START_TEST(no_interrupt_is_lost)
{
  set_case(_i);
  simulate(100 * HD_NS);
  ck_assert_uint_gt(world.outside.pauses, 100);
  ck_assert_uint_gt(world.outside.moves, 50);
  ck_assert_uint_gt(world.outside.interrupts, 3000);
  check_parts();
  check_nothing_lost();
  check_core_time();
}
END_TEST

static int64_t fingerprint(int64_t window, int64_t i)
{
  struct hd_engine_report report;
  set_case((int)i);
  simulate(window);
  hd_engine_get_report(world.engine, &report);
  return (int64_t)report.fingerprint;
}

static int64_t in_child(int64_t window, int64_t i)
{
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    int64_t result = fingerprint(window, i);
    _exit(write(ends[1], &result, sizeof result) == sizeof result ? 0 : 1);
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

START_TEST(same_for_any_window)
{
  ck_assert_int_eq(in_child(0, 5), in_child(100 * HD_NS, 5));
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("vcpu move");
  TCase *t = tcase_create("move");
  suite_add_tcase(suite, t);
  tcase_set_timeout(t, 120);
  tcase_add_loop_test(t, no_interrupt_is_lost, 0, 24);
  tcase_add_test(t, same_for_any_window);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
