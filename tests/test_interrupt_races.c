/*
 * test_interrupt_races.c - posts against changes of the vCPU's state, to the
 * picosecond and at random: no wake-up is lost.
 *
 * A green run says that no order of posts and states loses an interrupt. It
 * does not say that the vCPU model sends its states when it should.
 */
#include "sim/engine/rng.h"
#include "tests/test_interrupt.h"

/* ---- races ---------------------------------------------------------- */

/* A post and BLOCKED within 1 ps: whatever comes first, a wake-up follows, with
 * the bit; it is not delivered again when the vCPU runs. The next one is
 * notified: running has ended the outstanding wake-up. */
START_TEST(a_post_while_the_vcpu_blocks_wakes_it)
{
  struct interrupt_params p = params();
  struct rig r;
  rig_warm(&r, &p);
  hd_time blocked = posted_at(T) - 1 + _i;
  interrupt_at(&r, T, 0);
  state_at(&r, 0, blocked, PID_BLOCKED);
  state_at(&r, 0, 20 * HD_US, PID_RUNNING);
  interrupt_at(&r, 25 * HD_US, 1);
  rig_run(&r, 30 * HD_US);
  ck_assert_uint_eq(r.scheduler.n, 1);
  expect(&r.scheduler, 0, hd_time_max(blocked, posted_at(T)) + TO_SCHEDULER,
         MSG_IRQ_WAKE, 0, 1);
  size_t n = r.vcpu[0].n;
  ck_assert_int_lt(r.vcpu[0].records[n - 2].when, T);
  expect(&r.vcpu[0], n - 1, posted_at(25 * HD_US) + NOTIFY, MSG_IRQ_NOTIFY, 0,
         2);
  rig_free(&r);
}
END_TEST

/* The same with PREEMPTED, and RUNNING after it: one delivery, not two. */
START_TEST(a_post_while_the_vcpu_is_preempted_is_kept)
{
  struct interrupt_params p = params();
  struct rig r;
  rig_warm(&r, &p);
  hd_time changed = posted_at(T) - 1 + _i;
  interrupt_at(&r, T, 0);
  state_at(&r, 0, changed, PID_PREEMPTED);
  state_at(&r, 0, changed + 50 * HD_NS, PID_RUNNING); /* before its timer */
  rig_run(&r, 30 * HD_US);
  size_t n = r.vcpu[0].n;
  expect(&r.vcpu[0], n - 1, changed + 50 * HD_NS + NOTIFY / 2, MSG_IRQ_NOTIFY,
         0, 1);
  ck_assert_int_lt(r.vcpu[0].records[n - 2].when, T);
  ck_assert_uint_eq(r.scheduler.n, 0);
  rig_free(&r);
}
END_TEST

/* BLOCKED around the time at which bits are taken. Before: wake-up, bits kept.
 * After, but sent before the bits reached the vCPU: both. Sent after: the vCPU
 * has seen them; no wake-up. */
START_TEST(bits_that_cross_a_blocking_vcpu_wake_it)
{
  const hd_time taken = T + REMAP + UPDATE + NOTIFY / 2;
  const hd_time seen = taken + NOTIFY / 2;
  const hd_time blocked[] = {taken - 1,        taken + 1,    seen - 1,
                             seen + STATE - 1, seen + STATE, seen + STATE + 1};
  struct interrupt_params p = params();
  struct rig r;
  rig_warm(&r, &p);
  interrupt_at(&r, T, 0);
  state_at(&r, 0, blocked[_i], PID_BLOCKED);
  rig_run(&r, 30 * HD_US);
  size_t n = r.vcpu[0].n;
  if (_i == 0)
    ck_assert_int_lt(r.vcpu[0].records[n - 1].when, T);
  else
    expect(&r.vcpu[0], n - 1, seen, MSG_IRQ_NOTIFY, 0, 1);
  ck_assert_uint_eq(r.scheduler.n, _i <= 4 ? 1 : 0);
  if (_i <= 4)
    expect(&r.scheduler, 0, blocked[_i] + TO_SCHEDULER, MSG_IRQ_WAKE, 0,
           _i ? 0 : 1);
  rig_free(&r);
}
END_TEST

/* ---- a vCPU that sleeps and wakes at random ------------------------- */

/* vCPUs that run for a random time, then block, or are preempted for a while;
 * only a wake-up ends blocking. Nothing may stay pending with a sleeping vCPU.
 */
struct sleeper_state {
  uint32_t state;
  gsl_rng *rng;
  uint64_t pending, seen; /* arrived; handled by the guest as it runs */
};
static struct sleeper_state sleepers[VCPUS];

static void enter(struct party *p, uint32_t state)
{
  struct interrupt_msg *m = hd_msg_new_zero(&p->base, MSG_PID_STATE);
  sleepers[p->index].state = state;
  m->vcpu = p->index;
  m->state = state;
  hd_send(p->state, STATE, m);
}

static void serve(struct sleeper_state *s)
{
  if (s->state == PID_RUNNING)
    s->seen |= s->pending;
}

static void sleep_later(struct party *p)
{
  hd_schedule(&p->base,
              1 + (hd_time)gsl_rng_uniform_int(sleepers[p->index].rng, 2000000),
              hd_msg_new(&p->base, MSG_TIMER));
}

static void sleeper_start(struct hd_component *self)
{
  sleep_later((struct party *)self);
}

static void sleeper_handle(struct hd_component *self, struct hd_msg *msg)
{
  struct party *p = (struct party *)self;
  struct sleeper_state *s = &sleepers[p->index];
  uint32_t kind = msg->kind;
  if (kind != MSG_TIMER) /* the scheduler passes a wake-up's bits on */
    s->pending |= ((struct interrupt_msg *)msg)->vectors[1];
  hd_msg_free(self, msg);
  serve(s);
  if (kind == MSG_IRQ_NOTIFY ||
      (kind == MSG_SCHED_RUN && s->state == PID_RUNNING))
    return; /* a wake-up too many */
  if (kind == MSG_TIMER && s->state == PID_RUNNING) {
    bool block = gsl_rng_uniform_int(s->rng, 2);
    enter(p, block ? PID_BLOCKED : PID_PREEMPTED);
    if (!block)
      sleep_later(p); /* until it runs again */
    return;
  }
  enter(p, PID_RUNNING);
  serve(s);
  sleep_later(p);
}

static const struct hd_component_ops sleeper_ops = {
    .kind = "sleeper", .handle = sleeper_handle, .start = sleeper_start};

static struct hd_channel *to_sleeper[VCPUS];

static void waker_handle(struct hd_component *self, struct hd_msg *msg)
{
  uint32_t vcpu = ((struct interrupt_msg *)msg)->vcpu;
  ck_assert_uint_eq(msg->kind, MSG_IRQ_WAKE);
  ((struct party *)self)->n++;
  msg->kind = MSG_SCHED_RUN;
  hd_send(to_sleeper[vcpu], 100 * HD_NS, msg);
}

static const struct hd_component_ops waker_ops = {.kind = "waker",
                                                  .handle = waker_handle};

struct outcome {
  uint64_t fingerprint, seen[VCPUS], sent[VCPUS], woken;
};

/* Bursts at random times for 2 ms; then silence, long enough for all to end. A
 * vCPU that stays blocked with a bit pending fails the comparison. */
static void sleepers_run(const void *argument, void *result)
{
  const uint64_t *a = argument; /* window, seed */
  struct outcome *o = result;
  struct interrupt_params p = params();
  struct rig r;
  rig_new(&r, &p, (hd_time)a[0], &sleeper_ops);
  r.scheduler.base.ops = &waker_ops;
  gsl_rng *rng = hd_rng_new(a[1], "test", "posts");
  for (uint32_t v = 0; v < VCPUS; v++) {
    sleepers[v].rng = hd_rng_new(a[1] + v, "test", "sleeps");
    to_sleeper[v] =
        hd_channel_open(&r.scheduler.base, &r.vcpu[v].base, 100 * HD_NS);
  }
  for (int i = 0; i < 64; i++) { /* each vector at most once, so none hides */
    uint32_t v = (uint32_t)gsl_rng_uniform_int(rng, VCPUS);
    uint32_t h = (uint32_t)gsl_rng_uniform_int(rng, 32);
    if (o->sent[v] >> h & 1)
      continue;
    o->sent[v] |= UINT64_C(1) << h;
    interrupt_at(&r, HD_US + (hd_time)gsl_rng_uniform_int(rng, 2000) * HD_US,
                 32 * v + h);
  }
  rig_run(&r, 3 * HD_MS);
  o->fingerprint = test_fingerprint(r.e);
  o->woken = r.scheduler.n;
  for (uint32_t v = 0; v < VCPUS; v++) {
    o->seen[v] = sleepers[v].seen;
    gsl_rng_free(sleepers[v].rng);
  }
  gsl_rng_free(rng);
  rig_free(&r);
}

START_TEST(no_interrupt_is_lost_whatever_the_vcpu_does)
{
  struct outcome o = {0};
  sleepers_run((uint64_t[]){HD_US, (uint64_t)_i + 1}, &o);
  for (int v = 0; v < VCPUS; v++)
    ck_assert_uint_eq(o.seen[v], o.sent[v]);
  ck_assert_uint_gt(o.woken, 5);
}
END_TEST

START_TEST(the_window_changes_nothing)
{
  struct outcome without = {0}, with = {0};
  test_in_child(sleepers_run, (uint64_t[]){0, 7}, &without, sizeof without);
  test_in_child(sleepers_run, (uint64_t[]){HD_US, 7}, &with, sizeof with);
  ck_assert_uint_ne(without.fingerprint, 0);
  ck_assert_uint_eq(without.fingerprint, with.fingerprint);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("interrupt_races");
  TCase *c = tcase_create("races");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, a_post_while_the_vcpu_blocks_wakes_it, 0, 3);
  tcase_add_loop_test(c, a_post_while_the_vcpu_is_preempted_is_kept, 0, 3);
  tcase_add_loop_test(c, bits_that_cross_a_blocking_vcpu_wake_it, 0, 6);
  tcase_add_loop_test(c, no_interrupt_is_lost_whatever_the_vcpu_does, 0, 20);
  tcase_add_test(c, the_window_changes_nothing);
  suite_add_tcase(s, c);
  return test_main(s);
}
