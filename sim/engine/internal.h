/* internal.h - shared by the engine's own files; not for models. */
#ifndef HD_ENGINE_INTERNAL_H
#define HD_ENGINE_INTERNAL_H

#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/semaphore.h>

#include "sim/engine/engine.h"
#include "sim/engine/pool.h"

/* One wake-up owed to another actor, see exec.c. */
struct hd_debt {
  struct hd_actor *to;
  hd_time due; /* the message's time: the latest useful wake-up */
};

/* An actor. The public part comes first. */
struct hd_actor {
  struct hd_exec exec;
  struct hd_calendar calendar;
  struct hd_engine *engine;
  hd_time lookahead; /* least latency of channels from other actors */
  hd_time wake_at;   /* while asleep: planned wake-up; else NEVER */
  hd_time alarm;     /* while asleep: SimGrid will wake it then; or NEVER */
  bool asleep;       /* blocked in SimGrid */
  bool released;     /* it has been woken already */
  bool suspended;    /* asleep without a time of its own, see exec.c */
  sg_actor_t self;
  sg_sem_t semaphore;                    /* for sleeps that end by themselves */
  struct hd_task *task;                  /* software actors */
  struct hd_msg *passive, *passive_last; /* in order; see task.c */
  bool eager;                            /* passive messages wake it, too */
  const char *host, *name;
  struct hd_debt *debts;
  size_t n_debts, cap_debts;
  struct hd_component **members;
  size_t n_members;
};

struct hd_engine {
  struct hd_engine_options options;
  struct hd_component **components;
  size_t n_components, cap_components;
  struct hd_channel **channels;
  size_t n_channels, cap_channels;
  struct hd_actor **actors;
  size_t n_actors;
  struct hd_actor *keeper; /* hardware actor that wakes tasks, see exec.c */
  const char **hosts;
  size_t n_hosts;
  struct hd_pool messages;
  hd_time end; /* events later than this are not executed */
  bool running;
  uint64_t events, wakeups, next_heartbeat;
  sg_sem_t conductor;
};

static inline struct hd_actor *hd_actor_of(const struct hd_component *c)
{
  return (struct hd_actor *)(void *)c->exec;
}

/* placement.c: IDs from paths, actors from channels, lookahead. */
void hd_placement_make(struct hd_engine *e);

/* exec.c */
void hd_actor_main_hardware(struct hd_actor *a);
/* Blocks `a` until SimGrid's clock may have reached `when` or a message asks
 * for an earlier wake-up; returns SimGrid's time. */
hd_time hd_actor_sleep(struct hd_actor *a, hd_time when);
/* Wakes the actors whose messages have become due, see exec.c. */
void hd_actor_pay_debts(struct hd_actor *a, hd_time now);
hd_time hd_actor_next_debt(const struct hd_actor *a);
hd_time hd_simgrid_now(void);
void hd_account(struct hd_component *c, const struct hd_msg *msg);
/* task.c: a message on a passive channel for task `a`. */
void hd_task_keep_passive(struct hd_actor *a, struct hd_msg *msg);
static inline hd_time hd_actor_passive_head(const struct hd_actor *a)
{
  return a->passive ? a->passive->when : HD_TIME_NEVER;
}

#endif
