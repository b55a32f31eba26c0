/*
 * test_vcpu_sides.h - guests of test_cpu_guests.h on two hosts, and a
 * controller that pauses and resumes them by a script.
 *
 * At side 1 a vCPU has index SHIFT more than at side 0: others were there
 * before.
 */
#ifndef HD_TEST_VCPU_SIDES_H
#define HD_TEST_VCPU_SIDES_H
#include "models/cpu/vcpu_control.h"
#include "tests/test_cpu_guests.h"

#define CONTROL (120 * HD_NS) /* controller to vCPU, and back */
#define SHIFT 3
#define BIT(vector) ((uint64_t)1 << ((vector) % 64))

enum verb { PAUSE, RESUME, POST_SECOND };

struct controller {
  struct hd_component base;
  struct hd_channel *to[MAX_VCPUS], *reply[MAX_VCPUS];
  struct {
    hd_time when; /* arrival at the vCPU */
    enum verb verb;
    uint32_t vcpu, side;
    unsigned vector; /* 0: none */
  } script[16];
  unsigned n_script;
  hd_time paused[MAX_VCPUS], resumed[MAX_VCPUS]; /* sent by the vCPU */
  unsigned n_paused, n_resumed;
};

static struct {
  struct controller controller;
  struct scheduler *scheduler;
  struct fabric fabric;
  struct root root;
} second;

/* -- the controller -------------------------------------------------------- */

static inline void control(hd_time when, enum verb verb, uint32_t vcpu,
                           uint32_t side, unsigned vector)
{
  struct controller *c = &second.controller;
  unsigned i = c->n_script++;
  ck_assert_uint_lt(i, 16);
  c->script[i].when = when;
  c->script[i].verb = verb;
  c->script[i].vcpu = vcpu;
  c->script[i].side = side;
  c->script[i].vector = vector;
}

static inline void order(struct controller *c, unsigned i)
{
  uint32_t vcpu = c->script[i].vcpu;
  unsigned vector = c->script[i].vector;
  bool pause = c->script[i].verb == PAUSE;
  struct vcpu_control_msg *m =
      hd_msg_new_zero(&c->base, pause ? MSG_VCPU_PAUSE : MSG_VCPU_RESUME);
  m->reply = c->reply[vcpu];
  m->context = &world.guests[vcpu];
  m->side = c->script[i].side;
  if (vector > 0)
    m->vectors[vector / 64] = BIT(vector);
  hd_send(c->to[vcpu], CONTROL, m);
}

static inline void controller_handle(struct hd_component *self,
                                     struct hd_msg *msg)
{
  struct controller *c = (struct controller *)self;
  struct vcpu_control_msg *m = (struct vcpu_control_msg *)msg;
  if (msg->kind == MSG_TIMER) {
    order(c, msg->tag);
  } else {
    uint32_t vcpu = (uint32_t)((struct guest *)m->context - world.guests);
    hd_time sent = hd_now(self) - CONTROL;
    if (msg->kind == MSG_VCPU_PAUSED) {
      c->paused[vcpu] = sent;
      c->n_paused++;
    } else {
      ck_assert_uint_eq(msg->kind, MSG_VCPU_RESUMED);
      c->resumed[vcpu] = sent;
      c->n_resumed++;
    }
  }
  hd_msg_free(self, msg);
}

static inline void controller_start(struct hd_component *self)
{
  struct controller *c = (struct controller *)self;
  for (unsigned i = 0; i < c->n_script; i++) {
    struct hd_msg *m = hd_msg_new(self, MSG_TIMER);
    m->tag = i;
    if (c->script[i].verb != POST_SECOND)
      hd_schedule(self, c->script[i].when - CONTROL, m);
    else
      hd_msg_free(self, m);
  }
}

/* Posts at the second host: at its interrupt unit at `when`. */
static inline void second_start(struct hd_component *self)
{
  const struct controller *c = &second.controller;
  for (unsigned i = 0; i < c->n_script; i++) {
    if (c->script[i].verb != POST_SECOND)
      continue;
    struct hd_msg *m = hd_msg_new(self, MSG_TIMER);
    m->tag = second.fabric.n_script;
    second.fabric.script[m->tag].action = POST;
    second.fabric.script[m->tag].vcpu = c->script[i].vcpu + SHIFT;
    second.fabric.script[m->tag].vector = c->script[i].vector;
    second.fabric.n_script++;
    hd_schedule(self, c->script[i].when, m);
  }
}

/* -- building -------------------------------------------------------------- */

static inline void build_second_side(unsigned i)
{
  struct vcpu *v = &world.guests[i].vcpu;
  struct fabric *f = &second.fabric;
  struct controller *c = &second.controller;
  struct hd_channel *to_root, *reply;
  to_root = hd_channel_open(&v->task.base, &second.root.base, TO_ROOT);
  reply = hd_channel_open(&second.root.base, &v->task.base, FROM_ROOT);
  vcpu_attach_second(v, second.scheduler, NULL, 0, to_root, reply);
  ck_assert_uint_eq(vcpu_interrupt_index(v, 1), i + SHIFT);
  v->side[1].to_interrupts =
      hd_channel_open(&v->task.base, &f->base, PID_STATE);
  f->notify[i + SHIFT] = hd_channel_open(&f->base, &v->task.base, NOTIFY);
  f->ipi[i + SHIFT] = hd_channel_open(&f->base, &v->task.base, GUEST_IPI);
  f->state[i + SHIFT] = PID_RUNNING;
  c->to[i] = vcpu_connect_control(v, &c->base, CONTROL, &c->reply[i]);
}

static inline void prepare_second(void)
{
  static const struct hd_component_ops controller_ops = {
      .kind = "controller",
      .handle = controller_handle,
      .start = controller_start};
  static const struct hd_component_ops fabric_ops = {
      .kind = "fabric", .handle = fabric_handle, .start = second_start};
  static const struct hd_component_ops root_ops = {.kind = "root",
                                                   .handle = root_handle};
  hd_component_initialize(&second.controller.base, world.engine,
                          &controller_ops, "controller", "server");
  hd_component_initialize(&second.fabric.base, world.engine, &fabric_ops,
                          "second/fabric", "server");
  hd_component_initialize(&second.root.base, world.engine, &root_ops,
                          "second/root", "server");
  second.scheduler = scheduler_create(world.engine, "second/scheduler",
                                      "server", &world.params, &world.window);
  second.fabric.to_scheduler =
      scheduler_connect(second.scheduler, &second.fabric.base, TO_SCHEDULER);
  for (unsigned i = 0; i < SHIFT; i++)
    scheduler_add_vcpu(second.scheduler, &second.controller.base);
  for (unsigned i = 0; i < world.n; i++)
    build_second_side(i);
}

/* As make(), with two hosts. */
static inline void make_two(unsigned cores, unsigned vcpus)
{
  make(cores, vcpus);
  memset(&second, 0, sizeof second);
  world.prepare = prepare_second;
}

/* -- results --------------------------------------------------------------- */

static inline double second_core_time(void)
{
  struct hd_engine_report report;
  struct scheduler_stats st;
  hd_engine_get_report(world.engine, &report);
  scheduler_get_stats(second.scheduler, &st);
  return st.cores_busy * (double)hd_window_elapsed(&world.window, report.end);
}

/* Both schedulers' core time is the vCPUs', to the picosecond. */
static inline void check_conserved(void)
{
  double used = 0;
  for (unsigned i = 0; i < world.n; i++) {
    struct vcpu_stats st = stats(i);
    used += (double)(st.guest_time + st.host_time);
  }
  ck_assert_double_eq_tol(core_time() + second_core_time(), used, 1.0);
  const char *wrong = scheduler_check(second.scheduler);
  ck_assert_msg(wrong == NULL, "%s", wrong);
}

#endif
