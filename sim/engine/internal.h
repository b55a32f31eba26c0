/* internal.h - shared by the engine's own files; not for models. */
#ifndef HD_ENGINE_INTERNAL_H
#define HD_ENGINE_INTERNAL_H

#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/semaphore.h>
#include <stdio.h>

#include "sim/engine/engine.h"
#include "sim/engine/pool.h"

/* An actor. The public part comes first. */
struct hd_actor {
  struct hd_exec exec;
  struct hd_calendar calendar;
  struct hd_engine *engine;
  hd_time next;  /* it sends nothing earlier, see agenda.c */
  hd_time reach; /* least latency of channels to other actors */
  hd_time near;  /* least latency of channels from the keeper */
  hd_time far;   /* least latency of channels from other actors */
  size_t place;  /* in the agenda, from 1; 0: not there */
  bool asleep;   /* suspended in SimGrid */
  bool eager;    /* passive messages wake it, too */
  bool deaf;     /* blocked in SimGrid itself, see flow.c: no message, only
                    SimGrid's clock wakes it, at `next` or up to 1 ps later */
  struct hd_msg *passive, *passive_last; /* in order; see task.c */
  const char *stack;                     /* where it sleeps */
  sg_actor_t self;
  struct hd_task *task;          /* software actors */
  struct hd_footprint footprint; /* the task's, where it is at hand */
  /* Seldom used from here on: */
  const char *host, *name;
  struct hd_component **members;
  size_t n_members;
};

/* Binary heap of the actors that can act before the end, but for the keeper,
 * ordered by the earliest time at which they can reach another. */
struct hd_agenda {
  struct hd_agenda_entry {
    hd_time arrival; /* at another actor, of what it does next */
    struct hd_actor *actor;
  } * entries;
  size_t count;    /* entries[1] to entries[count] */
  hd_time arrival; /* of the first, or NEVER */
};

/* What flow.c does for an engine that has links. */
struct hd_links_ops {
  void (*write)(const struct hd_engine *e, FILE *platform);
  void (*start)(const struct hd_engine *e);
  void (*destroy)(struct hd_engine *e);
};

struct hd_engine {
  struct hd_engine_options options;
  struct hd_component **components;
  size_t n_components, cap_components;
  struct hd_pool channel_pool; /* side by side in the order of opening */
  struct hd_channel **channels;
  size_t n_channels, cap_channels;
  struct hd_actor **actors;
  size_t n_actors;
  struct hd_actor *keeper; /* the actor that wakes the others, see agenda.c */
  struct hd_agenda agenda;
  hd_time reach; /* the greatest of the actors', but for the keeper */
  hd_time lag;   /* least step in which SimGrid's clock follows */
  const char **hosts;
  size_t n_hosts;
  struct hd_link *links;                /* between hosts; NULL: none */
  const struct hd_links_ops *links_ops; /* set with the first link */
  struct hd_pool messages;
  hd_time end; /* events later than this are not executed */
  bool running;
  uint64_t events, wakeups, next_heartbeat;
  sg_sem_t conductor;
};

/* The one engine of the process, or NULL: SimGrid itself is one a process. */
extern struct hd_engine *hd_the_engine;

static inline struct hd_actor *hd_actor_of(const struct hd_component *c)
{
  return (struct hd_actor *)(void *)c->exec;
}

/* pages.c: large pages, to be asked for before the models are built. Stacks are
 * touched at one end only: they are allocated with large pages off. */
void hd_pages_prepare(void);
void hd_pages_set_large(bool large);

/* placement.c: IDs from paths, actors from channels, their latencies. */
void hd_placement_make(struct hd_engine *e);

/* exec.c */
void hd_actor_main_hardware(struct hd_actor *a);

/* agenda.c: who may act up to when. */
void hd_agenda_initialize(struct hd_engine *e);
/* Sets a->next. */
void hd_agenda_set(struct hd_actor *a, hd_time next);
/* The end of the run has changed. */
void hd_agenda_set_end(struct hd_engine *e, hd_time end);
/* Everything earlier than this that `a` has not been sent will never be. */
hd_time hd_actor_horizon(const struct hd_actor *a);
/* Blocks `a`, not the keeper, until its horizon lies beyond `next`, or beyond
 * a message that has come meanwhile. */
void hd_actor_sleep(struct hd_actor *a, hd_time next);
/* The keeper's main loop, once its members have started. */
void hd_keeper_run(struct hd_actor *a);

/* Counts a message that is being handled, and adds it to the fingerprint. */
static inline void hd_account(struct hd_component *c, const struct hd_msg *msg)
{
  struct hd_engine *e = c->engine;
  c->handled++;
  uint64_t x = (uint64_t)msg->when ^ (msg->order * 0x9e3779b97f4a7c15u) ^
               ((uint64_t)msg->kind << 32);
  c->hash = (c->hash ^ x) * 0xff51afd7ed558ccdu;
  c->hash ^= c->hash >> 32;
  if (__builtin_expect(++e->events >= e->next_heartbeat, 0)) {
    e->next_heartbeat += e->options.heartbeat_events;
    e->options.heartbeat(e->options.heartbeat_ctx, msg->when, e->events);
  }
}

/* Executes the first message of `a`. */
static inline void hd_actor_execute(struct hd_actor *a)
{
  struct hd_msg *msg = hd_calendar_pop(&a->calendar);
  struct hd_component *c = msg->to;
  HD_REQUIRE(c, msg->when >= a->exec.now,
             "message of time %lld ps handled at %lld ps", (long long)msg->when,
             (long long)a->exec.now);
  a->exec.now = msg->when;
  hd_account(c, msg);
  c->ops->handle(c, msg);
}

/* task.c: a message on a passive channel for task `a`. */
void hd_task_keep_passive(struct hd_actor *a, struct hd_msg *msg);
static inline hd_time hd_actor_passive_head(const struct hd_actor *a)
{
  return a->passive ? a->passive->when : HD_TIME_NEVER;
}

#endif
