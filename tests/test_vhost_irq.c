/*
 * test_vhost_irq.c - vectors that host software raises: posted by the rules of
 * devices' interrupts, or handed to the scheduler; interrupts of the host's
 * own.
 */
#include "test_interrupt.h"

/* The agent is the software; it raises VECTOR of a vCPU at a time. */
enum { VECTOR = 70, BIT = 1 << (VECTOR - 64) };
#define RAISE_STATE (70 * HD_NS)

struct software {
  struct hd_component base;
  struct interrupt_unit *unit;
  struct hd_channel *to;
  struct {
    hd_time at;
    uint32_t vcpu;
  } plan[64];
  size_t n;
};
static struct software software;

struct raise_msg {
  struct hd_msg msg;
  uint32_t vcpu;
};

static void software_handle(struct hd_component *self, struct hd_msg *msg)
{
  interrupt_unit_raise(software.unit, self, software.to,
                       ((struct raise_msg *)msg)->vcpu, VECTOR);
  hd_msg_free(self, msg);
}

static void software_start(struct hd_component *self)
{
  for (size_t i = 0; i < software.n; i++) {
    struct raise_msg *m = hd_msg_new_zero(self, MSG_TIMER);
    m->vcpu = software.plan[i].vcpu;
    hd_schedule(self, software.plan[i].at, &m->msg);
  }
}

static void software_new(struct rig *r)
{
  static const struct hd_component_ops ops = {
      .kind = "software", .handle = software_handle, .start = software_start};
  hd_component_initialize(&software.base, r->e, &ops, "software", "host");
  software.unit = r->unit;
  software.to = interrupt_unit_connect_software(r->unit, &software.base);
}

static void raise_at(hd_time when, uint32_t vcpu)
{
  software.plan[software.n].at = when;
  software.plan[software.n++].vcpu = vcpu;
}

/* When the bit is in the descriptor. */
static hd_time written(hd_time raised)
{
  return raised + RAISE_STATE + UPDATE;
}

START_TEST(running_vcpu_is_notified)
{
  static struct rig r;
  struct interrupt_params p = params();
  rig_new(&r, &p, HD_US, &party_ops);
  software_new(&r);
  raise_at(T, 1);
  struct interrupt_stats s = rig_run(&r, HD_MS);
  ck_assert_uint_eq(r.vcpu[1].n, 1);
  expect(&r.vcpu[1], 0, written(T) + NOTIFY, MSG_IRQ_NOTIFY, 1, BIT);
  ck_assert_uint_eq(s.raised, 1);
  ck_assert_uint_eq(s.interrupts, 0);
  ck_assert_uint_eq(s.posted, 1);
  ck_assert_uint_eq(s.cache_misses, 0); /* no remapping entry is read */
  rig_free(&r);
}
END_TEST

/* At the picosecond of the update the vCPU is still, or no longer, running. */
START_TEST(preempted_vcpu_gets_it_when_it_runs)
{
  static struct rig r;
  struct interrupt_params p = params();
  rig_new(&r, &p, HD_US, &party_ops);
  software_new(&r);
  raise_at(T, 0);
  state_at(&r, 0, written(T) - 1, PID_PREEMPTED);
  state_at(&r, 0, 2 * T, PID_RUNNING);
  rig_run(&r, HD_MS);
  ck_assert_uint_eq(r.vcpu[0].n, 1);
  expect(&r.vcpu[0], 0, 2 * T + NOTIFY / 2, MSG_IRQ_NOTIFY, 0, BIT);
  rig_free(&r);
}
END_TEST

START_TEST(blocked_vcpu_is_woken)
{
  static struct rig r;
  struct interrupt_params p = params();
  rig_new(&r, &p, HD_US, &party_ops);
  software_new(&r);
  state_at(&r, 2, T / 2, PID_BLOCKED);
  raise_at(T, 2);
  rig_run(&r, HD_MS);
  ck_assert_uint_eq(r.vcpu[2].n, 0);
  ck_assert_uint_eq(r.scheduler.n, 1);
  expect(&r.scheduler, 0, written(T) + TO_SCHEDULER, MSG_IRQ_WAKE, 2, BIT);
  rig_free(&r);
}
END_TEST

/* Software's updates and devices' of one descriptor follow each other. */
START_TEST(updates_of_a_descriptor_are_one_after_another)
{
  static struct rig r;
  struct interrupt_params p = params();
  rig_warm(&r, &p);
  software_new(&r);
  hd_time device = T - REMAP;
  interrupt_at(&r, device, 0);
  raise_at(T - RAISE_STATE + 1, 0);
  struct interrupt_stats s = rig_run(&r, HD_MS);
  size_t last = r.vcpu[0].n - 1;
  ck_assert_uint_eq(s.coalesced, s.posted - s.notified);
  const struct record *x = &r.vcpu[0].records[last];
  ck_assert_int_eq(x->when, T + UPDATE + NOTIFY);
  ck_assert_uint_eq(x->vectors[1], 1 | BIT); /* handle 0 is vector 64 */
  rig_free(&r);
}
END_TEST

START_TEST(without_posting_the_scheduler_injects)
{
  static struct rig r;
  struct interrupt_params p = params();
  p.posted = false;
  rig_new(&r, &p, HD_US, &party_ops);
  software_new(&r);
  raise_at(T, 3);
  struct interrupt_stats s = rig_run(&r, HD_MS);
  ck_assert_uint_eq(r.scheduler.n, 1);
  expect(&r.scheduler, 0, T + RAISE_STATE, MSG_IRQ_HOST, 3, BIT);
  ck_assert_uint_eq(s.posted + s.host, 0);
  rig_free(&r);
}
END_TEST

/* Also where guests' interrupts are posted. */
START_TEST(an_interrupt_of_the_host_is_remapped)
{
  static struct rig r;
  struct interrupt_params p = params();
  rig_new(&r, &p, HD_US, &party_ops);
  software.n = 0;
  interrupt_unit_set_host_entry(r.unit, 200, SOURCE, 1, VECTOR);
  interrupt_at(&r, WARM, 200);
  interrupt_at(&r, T, 200);
  struct interrupt_stats s = rig_run(&r, HD_MS);
  ck_assert_uint_eq(r.vcpu[1].n, 0);
  ck_assert_uint_eq(r.scheduler.n, 2);
  expect(&r.scheduler, 1, T + REMAP + HOST, MSG_IRQ_HOST, 1, BIT);
  ck_assert_uint_eq(s.posted, 0);
  ck_assert_uint_eq(s.host, 2);
  rig_free(&r);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("vhost_irq");
  TCase *t = tcase_create("vhost_irq");
  tcase_add_test(t, running_vcpu_is_notified);
  tcase_add_test(t, preempted_vcpu_gets_it_when_it_runs);
  tcase_add_test(t, blocked_vcpu_is_woken);
  tcase_add_test(t, updates_of_a_descriptor_are_one_after_another);
  tcase_add_test(t, without_posting_the_scheduler_injects);
  tcase_add_test(t, an_interrupt_of_the_host_is_remapped);
  suite_add_tcase(s, t);
  return test_main(s);
}
