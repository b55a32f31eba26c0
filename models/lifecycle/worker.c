/* worker.c - see worker.h. */
#include "models/lifecycle/worker.h"

static struct vcpu *vcpu_of(struct worker *w)
{
  return &w->thread.vcpu;
}

static void body(struct vcpu *v)
{
  struct worker *w = v->guest;
  w->body(w);
}

static bool message(struct vcpu *v, struct hd_msg *m)
{
  struct worker *w = v->guest;
  if (m->kind != LIFECYCLE_REPLY) {
    w->message(w, m);
    return true;
  }
  w->replied = true;
  w->waited = ((const struct lifecycle_msg *)m)->waited;
  hd_msg_free(&v->task.base, m);
  return true;
}

static void interrupt(struct vcpu *v, unsigned vector)
{
  HD_REQUIRE(&v->task.base, false, "vector %u, and nothing raises any", vector);
}

void worker_initialize(struct worker *w, struct hd_engine *e, const char *path,
                       const char *host, const struct cpu_params *cpu,
                       const struct hd_window *window, struct scheduler *s)
{
  static const struct vcpu_ops ops = {
      .main = body, .interrupt = interrupt, .message = message};
  host_thread_initialize(&w->thread, e, path, host, cpu, cpu->switch_cost,
                         window, &ops, w);
  host_thread_attach(&w->thread, s, NULL, 0, NULL);
}

struct worker_line worker_connect(struct worker *w, struct hd_component *to,
                                  hd_time latency)
{
  return (struct worker_line){
      hd_channel_open(worker_component(w), to, latency),
      hd_channel_open(to, worker_component(w), latency)};
}

/* ---- time ---------------------------------------------------------------- */

void worker_work(struct worker *w, hd_time time)
{
  struct vcpu *v = vcpu_of(w);
  vcpu_run(v, hd_clock_cycles(&v->clock, time));
}

void worker_sleep_until(struct worker *w, hd_time when)
{
  while (worker_now(w) < when)
    vcpu_idle(vcpu_of(w), when);
}

void worker_spin_until(struct worker *w, hd_time when)
{
  if (worker_now(w) < when)
    vcpu_spin_until(vcpu_of(w), when);
}

void worker_timer_sleep(struct worker *w, hd_time time, hd_time slack)
{
  worker_sleep_until(w, worker_now(w) + time + slack);
}

/* Level n of the wheel has 64 buckets of 8^n ticks; a timer that is due in the
 * middle of a bucket fires with the next one. */
static uint64_t fires_at(uint64_t now, uint64_t ticks)
{
  unsigned shift = 0;
  for (unsigned level = 1; level < 9 && ticks >= UINT64_C(63) << shift; level++)
    shift += 3;
  return (((now + ticks) >> shift) + 1) << shift;
}

void worker_tick_sleep(struct worker *w, hd_time time, hd_time tick)
{
  uint64_t ticks = (uint64_t)((time + tick - 1) / tick) + 1;
  uint64_t now = (uint64_t)(worker_now(w) / tick);
  worker_sleep_until(w, (hd_time)fires_at(now, ticks) * tick);
}

/* ---- requests ------------------------------------------------------------ */

void worker_ask(struct worker *w, const struct worker_line *to, uint32_t kind,
                hd_time work)
{
  struct lifecycle_msg *m = hd_msg_new_zero(worker_component(w), kind);
  m->work = work;
  m->reply = to->back;
  w->replied = false;
  hd_send(to->there, to->there->latency, m);
}

hd_time worker_await(struct worker *w, bool spin)
{
  while (!w->replied)
    if (spin)
      vcpu_spin_for_message(vcpu_of(w), HD_TIME_NEVER);
    else
      vcpu_idle(vcpu_of(w), HD_TIME_NEVER);
  return w->waited;
}

hd_time worker_call(struct worker *w, const struct worker_line *to,
                    uint32_t kind, hd_time work)
{
  worker_ask(w, to, kind, work);
  return worker_await(w, false);
}

void worker_release(struct worker *w, const struct worker_line *lock)
{
  struct lifecycle_msg *m =
      hd_msg_new_zero(worker_component(w), LIFECYCLE_RELEASE);
  m->reply = lock->back;
  hd_send(lock->there, lock->there->latency, m);
}
