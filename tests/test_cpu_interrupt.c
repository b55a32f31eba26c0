/*
 * test_cpu_interrupt.c - vCPUs, scheduler, interrupt unit and memory together:
 * streams of device interrupts against guests that work, halt, poll and are
 * pre-empted at all times.
 *
 * A green run says that the parts agree on who must wake a vCPU: every vector
 * is handled exactly once, and soon when cores are free. It does not say how
 * long each step takes (test_cpu_vcpu.c).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/cpu/vcpu.h"
#include "models/memory/memory.h"
#include "sim/engine/rng.h"

#define VCPUS 4
#define EACH 1500   /* interrupts per vCPU, cycling through the vectors */
#define VECTORS 224 /* 32 .. 255 */
#define PERIOD (4 * HD_US) /* mean time between interrupts of the device */
#define REQUESTER 0x0100
#define MEMORY_SIZE (INT64_C(1) << 20)

struct device {
  struct hd_component base;
  struct hd_channel *to_unit, *to_scheduler;
  unsigned sent;
};

struct guest {
  struct vcpu vcpu;
  unsigned handled, rounds;
  unsigned count[256];
  hd_time slowest; /* from device to handler */
};

static struct {
  struct cpu_params cpu;
  struct interrupt_params irq;
  struct memory_params memory;
  struct hd_window window;
  struct device device;
  struct guest guests[VCPUS];
  struct scheduler *scheduler;
  struct interrupt_unit *unit;
  struct hd_engine *engine;
  hd_time sent_at[VCPUS][256];
} world;

/* -- the device ------------------------------------------------------------ */

static void next(struct device *d)
{
  if (d->sent == VCPUS * EACH)
    return;
  hd_time delay = PERIOD / 2 + (hd_time)(hd_mix64(d->sent) % PERIOD);
  hd_schedule(&d->base, delay, hd_msg_new(&d->base, MSG_TIMER));
}

static void device_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct device *d = (struct device *)self;
  unsigned vcpu = d->sent % VCPUS, k = d->sent / VCPUS % VECTORS;
  hd_msg_free(self, msg);
  struct pcie_tlp *t = hd_msg_new_zero(self, MSG_TLP_INTERRUPT);
  t->type = PCIE_MWR;
  t->requester = REQUESTER;
  t->length = 4;
  t->data = vcpu * VECTORS + k; /* handle */
  world.sent_at[vcpu][32 + k] = hd_now(self);
  d->sent++;
  hd_send(d->to_unit, d->to_unit->latency, t);
  next(d);
}

static void device_start(struct hd_component *self)
{
  struct device *d = (struct device *)self;
  for (uint32_t i = 0; i < VCPUS; i++) {
    struct sched_msg *m = hd_msg_new_zero(self, MSG_SCHED_WAKE);
    m->vcpu = i;
    hd_send(d->to_scheduler, HD_US, m);
  }
  next(d);
}

/* -- guests ---------------------------------------------------------------- */

static void work_and_halt(struct vcpu *v)
{
  struct guest *g = v->guest;
  for (;;) {
    uint64_t key = hd_mix64(v->index * 7919u + g->rounds++);
    if (key % 4 == 0)
      vcpu_irq_disable(v);
    vcpu_run(v, (int64_t)(key % 20000));
    vcpu_irq_enable(v);
    vcpu_idle(v, key % 3 ? HD_TIME_NEVER
                         : vcpu_now(v) + (hd_time)(key % 20) * HD_US);
  }
}

static void interrupt(struct vcpu *v, unsigned vector)
{
  struct guest *g = v->guest;
  hd_time late = vcpu_now(v) - world.sent_at[v->index][vector];
  g->handled++;
  g->count[vector]++;
  g->slowest = hd_time_max(g->slowest, late);
  vcpu_run(v, 500);
}

/* -- the world ---------------------------------------------------------------
 */

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

static struct memory *build_fabric(struct hd_engine *e)
{
  struct memory *m =
      memory_create(e, "server/memory", "server", &world.memory, &world.window);
  (void)memory_add_region(m, 0, (uint64_t)MEMORY_SIZE);
  world.scheduler = scheduler_create(e, "server/scheduler", "server",
                                     &world.cpu, &world.window);
  world.unit = interrupt_unit_create(e, "server/irq", "server", &world.irq, 0,
                                     &world.window);
  interrupt_unit_attach_memory(world.unit, m, 20 * HD_NS);
  interrupt_unit_attach_scheduler(world.unit,
                                  scheduler_component(world.scheduler));
  return m;
}

static void build_guests(struct hd_engine *e)
{
  static const struct vcpu_ops ops = {work_and_halt, interrupt, NULL};
  for (uint32_t i = 0; i < VCPUS; i++) {
    struct guest *g = &world.guests[i];
    char path[32];
    snprintf(path, sizeof path, "server/vcpu%u", i);
    vcpu_initialize(&g->vcpu, e, path, "server", &world.cpu, &world.window,
                    &ops, g);
    vcpu_attach(&g->vcpu, world.scheduler, world.unit,
                512 * 1024 + (uint64_t)i * 64);
    for (uint32_t k = 0; k < VECTORS; k++)
      interrupt_unit_set_entry(world.unit, i * VECTORS + k, REQUESTER, i,
                               (uint8_t)(32 + k));
  }
}

static void simulate(hd_time window)
{
  static const struct hd_component_ops device_ops = {
      .kind = "device", .handle = device_handle, .start = device_start};
  struct hd_engine_options options = {.seed = 1, .window = window};
  struct hd_engine *e = world.engine = hd_engine_create(&options);
  hd_engine_add_host(e, "server");
  (void)build_fabric(e);
  build_guests(e);
  hd_component_initialize(&world.device.base, e, &device_ops, "server/device",
                          "server");
  world.device.to_unit = hd_channel_open(
      &world.device.base, interrupt_unit_component(world.unit), 30 * HD_NS);
  world.device.to_scheduler =
      scheduler_connect(world.scheduler, &world.device.base, HD_US);
  hd_engine_run(e, (VCPUS * EACH + 1000) * PERIOD);
  const char *wrong = scheduler_check(world.scheduler);
  ck_assert_msg(wrong == NULL, "%s", wrong);
  wrong = interrupt_unit_check(world.unit);
  ck_assert_msg(wrong == NULL, "%s", wrong);
}

/* -- tests -------------------------------------------------------------------
 */

/* A vector comes again after 224 interrupts to its vCPU, 3.6 ms: nothing may be
 * merged, so each must be handled as often as it was sent. With a core for
 * each vCPU, the longest way is through the host: handler (queued behind those
 * of the other vCPUs), wake-up, and up to 7 us of guest code with interrupts
 * off. Without, a vCPU waits for a few slices. */
START_TEST(every_interrupt_is_handled_once)
{
  bool posted = _i & 1, contended = _i & 2;
  set_params(posted, contended ? 1 : VCPUS, _i & 4 ? 10 * HD_US : 0);
  simulate(100 * HD_NS);
  hd_time limit = contended ? 5 * 60 * HD_US + 100 * HD_US : 20 * HD_US;
  for (unsigned i = 0; i < VCPUS; i++) {
    const struct guest *g = &world.guests[i];
    ck_assert_uint_eq(g->handled, EACH);
    for (unsigned k = 0; k < VECTORS; k++)
      ck_assert_uint_eq(g->count[32 + k],
                        EACH / VECTORS + (k < EACH % VECTORS));
    ck_assert_int_lt(g->slowest, limit);
  }
}
END_TEST

/* Posted: exits only for halts and pre-emption. Injected: kicks as well. */
START_TEST(only_the_injected_path_exits)
{
  bool posted = _i == 1;
  set_params(posted, VCPUS, 0);
  simulate(100 * HD_NS);
  uint64_t exits = 0;
  for (unsigned i = 0; i < VCPUS; i++) {
    struct vcpu_stats st;
    vcpu_get_stats(&world.guests[i].vcpu, 0, &st);
    exits += st.exits[EXIT_EXTERNAL_INTERRUPT];
    ck_assert_uint_eq(st.exits[EXIT_PREEMPT], 0);
    ck_assert_uint_eq(st.interrupts, EACH);
  }
  if (posted)
    ck_assert_uint_eq(exits, 0);
  else
    ck_assert_uint_ge(exits, 200);
}
END_TEST

static uint64_t fingerprint_in_child(bool posted, hd_time window)
{
  int ends[2], status = 0;
  uint64_t result = 0;
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    struct hd_engine_report report;
    set_params(posted, 2, 5 * HD_US);
    simulate(window);
    hd_engine_get_report(world.engine, &report);
    _exit(write(ends[1], &report.fingerprint, sizeof result) !=
          sizeof report.fingerprint);
  }
  close(ends[1]);
  ck_assert_int_eq(read(ends[0], &result, sizeof result), sizeof result);
  close(ends[0]);
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  return result;
}

START_TEST(window_changes_nothing)
{
  uint64_t expected = fingerprint_in_child(_i, 0);
  ck_assert_uint_eq(fingerprint_in_child(_i, 100 * HD_NS), expected);
  ck_assert_uint_eq(fingerprint_in_child(_i, 1 * HD_US), expected);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("cpu and interrupts");
  TCase *c = tcase_create("together");
  suite_add_tcase(suite, c);
  tcase_set_timeout(c, 120);
  tcase_add_loop_test(c, every_interrupt_is_handled_once, 0, 8);
  tcase_add_loop_test(c, only_the_injected_path_exits, 0, 2);
  tcase_add_loop_test(c, window_changes_nothing, 0, 2);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
