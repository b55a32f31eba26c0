/*
 * worker.h - a thread of the host that sleeps, works and asks servers, on the
 * host's cores in competition with all others.
 */
#ifndef HD_MODELS_LIFECYCLE_WORKER_H
#define HD_MODELS_LIFECYCLE_WORKER_H

#include "models/lifecycle/queues.h"
#include "models/vhost/host_thread.h"

struct worker {
  struct host_thread thread; /* first member */
  void (*body)(struct worker *w);
  /* Messages other than LIFECYCLE_REPLY; owns them; must take no time. */
  void (*message)(struct worker *w, struct hd_msg *m);
  bool replied;
  hd_time waited; /* of the last reply */
};

/* `cpu` and `window` live on. */
void worker_initialize(struct worker *w, struct hd_engine *e, const char *path,
                       const char *host, const struct cpu_params *cpu,
                       const struct hd_window *window, struct scheduler *s);

static inline hd_time worker_now(const struct worker *w)
{
  return host_thread_now(&w->thread);
}
static inline struct hd_component *worker_component(struct worker *w)
{
  return host_thread_component(&w->thread);
}

/* A lasting way to a server, and back. */
struct worker_line {
  struct hd_channel *there, *back;
};
struct worker_line worker_connect(struct worker *w, struct hd_component *to,
                                  hd_time latency);

/* Core time; others get the core in between if it is their turn. */
void worker_work(struct worker *w, hd_time time);
/* Without a core. */
void worker_sleep_until(struct worker *w, hd_time when);
/* With it. */
void worker_spin_until(struct worker *w, hd_time when);
/* Sleeps as nanosleep() does, on a timer of high resolution, which nothing
 * takes along before its slack has passed. */
void worker_timer_sleep(struct worker *w, hd_time time, hd_time slack);
/* Sleeps as the kernel's msleep(): one tick is added, and the timer wheel
 * rounds up (Linux 5.11, kernel/time/timer.c, calc_wheel_index()). */
void worker_tick_sleep(struct worker *w, hd_time time, hd_time tick);

/* Sends a request and goes on; worker_await() returns how long it waited. */
void worker_ask(struct worker *w, const struct worker_line *to, uint32_t kind,
                hd_time work);
/* Sleeps, or spins, until the reply is there. */
hd_time worker_await(struct worker *w, bool spin);
/* Both, asleep. */
hd_time worker_call(struct worker *w, const struct worker_line *to,
                    uint32_t kind, hd_time work);
/* Releases a lock. */
void worker_release(struct worker *w, const struct worker_line *lock);

#endif
