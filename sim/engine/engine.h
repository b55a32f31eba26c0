/*
 * engine.h - components, channels and software tasks on SimGrid actors.
 *
 * Contract
 *  1. Time is hd_time, integer picoseconds. SimGrid's clock follows it.
 *  2. Components share no mutable state. They interact only by messages on
 *     channels; a channel has a minimum latency > 0, a physical fact, and
 *     hd_send() refuses to deliver earlier.
 *  3. A component handles its messages in the order (time, sender's ID,
 *     sender's sequence number). IDs are ranks of the components' paths, so
 *     creation order does not matter.
 *  4. Hardware components run to completion. Those joined by channels shorter
 *     than the engine's window share one SimGrid actor and calendar; an actor
 *     that runs executes everything earlier than the time at which anything
 *     can yet be sent to it, which follows from the latencies of the channels
 *     and from when the other actors act next (agenda.c).
 *  5. A software task is a SimGrid actor of its own, written as blocking code.
 *     Its local time may run ahead of SimGrid's by the same rule. It blocks
 *     only in the functions declared here, never in SimGrid's own.
 *  6. Results do not depend on the window, on placement, or on the order in
 *     which components are created. The fingerprint proves it.
 *
 * Ownership: whoever holds a message pointer owns it until hd_send() or
 * hd_msg_free(). A handler owns the message it is given.
 *
 * One engine a process: SimGrid allows one simulation in a process's life.
 */
#ifndef HD_ENGINE_ENGINE_H
#define HD_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/engine/calendar.h"
#include "sim/engine/time.h"

struct hd_engine;
struct hd_component;
struct hd_exec;

/* Every message has this size, header included; a model's own message struct
 * starts with struct hd_msg and must fit (static-assert it). */
#define HD_MSG_BYTES 160

struct hd_msg {
  hd_time when;            /* delivery time */
  uint64_t order;          /* sender's ID << 40 | sequence number */
  struct hd_component *to; /* receiver */
  struct hd_msg *next;     /* the holder's, for queues */
  uint32_t kind;           /* see models/messages.h */
  uint32_t tag;            /* the sender's, for telling timers apart */
};

struct hd_channel {
  struct hd_component *from, *to;
  hd_time latency;        /* minimum, > 0 */
  bool passive;           /* see hd_channel_set_passive() */
  struct hd_actor *actor; /* the engine's: the receiver's */
  void (*ahead)(const struct hd_component *to, const struct hd_msg *msg);
};

struct hd_component_ops {
  const char *kind; /* e.g. "pcie_link"; appears in failures */
  /* Handles one message at msg->when == hd_now(self). */
  void (*handle)(struct hd_component *self, struct hd_msg *msg);
  /* Optional: called once at time 0, in ID order within an actor. */
  void (*start)(struct hd_component *self);
  /* Optional: `msg` has been sent and will be handled soon. To hd_fetch() what
   * its handling will read; has no other effect. */
  void (*ahead)(const struct hd_component *self, const struct hd_msg *msg);
};

/* Base of every model: first member of its struct. Fields are the engine's. */
struct hd_component {
  const struct hd_component_ops *ops;
  struct hd_engine *engine;
  struct hd_exec *exec;
  const char *path; /* unique, e.g. "server/stack0/iommu"; engine's copy */
  const char *host; /* SimGrid host name */
  uint32_t id;      /* rank of path; valid once running */
  bool is_task;
  uint64_t sequence; /* messages sent */
  uint64_t handled;  /* messages handled */
  uint64_t hash;     /* over the handled messages */
};

/* An actor: SimGrid's actor with a calendar and a local clock. The clock is
 * here, not in the component, since all components of an actor share it. */
struct hd_exec {
  hd_time now; /* time of the message being handled; a task's local time */
};

static inline hd_time hd_now(const struct hd_component *c)
{
  return c->exec->now;
}

/* ---- building ------------------------------------------------------- */

struct hd_engine_options {
  uint64_t seed;
  hd_time window;        /* channels shorter than this merge actors; 0: every
                            component its own actor and no run-ahead */
  uint32_t shuffle;      /* test aid: != 0 permutes the creation of actors */
  const char *reproduce; /* command shown by failures; may be NULL */
  /* Called about every `heartbeat_events` executed events; may be NULL. */
  void (*heartbeat)(void *ctx, hd_time now, uint64_t events);
  void *heartbeat_ctx;
  uint64_t heartbeat_events;
};

/* Starts SimGrid; fails (hd_fail) on a second call in a process. */
struct hd_engine *hd_engine_create(const struct hd_engine_options *options);
void hd_engine_destroy(struct hd_engine *e);

/* Adds a SimGrid host (a machine); `name` is not copied. Machines are joined by
 * links, which carry flows: see flow.h. */
void hd_engine_add_host(struct hd_engine *e, const char *name);

/* Registers a hardware component. `path` must be unique; it is copied. */
void hd_component_initialize(struct hd_component *c, struct hd_engine *e,
                             const struct hd_component_ops *ops,
                             const char *path, const char *host);

/* Opens a one-way channel. latency > 0 is asserted. Lives with the engine. */
struct hd_channel *hd_channel_open(struct hd_component *from,
                                   struct hd_component *to, hd_time latency);

/* For channels to tasks: messages on it do not wake the task. They are handed
 * over by hd_task_wait() in their place in the order as soon as anything else
 * wakes it, e.g. memory that software looks at when it runs. What the task does
 * on such a message must send nothing: others may be further already. */
void hd_channel_set_passive(struct hd_channel *ch);

/* ---- running -------------------------------------------------------- */

/* Runs to the time given by hd_engine_stop_at() or, failing that, `limit`. */
void hd_engine_run(struct hd_engine *e, hd_time limit);

/* Sets the end of the run, from a handler or a task: events later than `end`
 * are not executed. `end` must lie at least HD_ENGINE_STOP_NOTICE ahead. */
#define HD_ENGINE_STOP_NOTICE (10 * HD_US)
void hd_engine_stop_at(struct hd_component *c, hd_time end);

struct hd_engine_report {
  hd_time end;          /* simulated */
  uint64_t events;      /* messages handled */
  uint64_t wakeups;     /* SimGrid wake-ups of actors */
  uint64_t fingerprint; /* over all components, in path order */
  size_t actors, components;
  size_t messages_live; /* allocated and not freed at the end */
  size_t messages_peak; /* the most at a time */
};
/* The report's end alone, at constant cost. */
hd_time hd_engine_end(const struct hd_engine *e);
void hd_engine_get_report(const struct hd_engine *e,
                          struct hd_engine_report *report);
uint64_t hd_engine_seed(const struct hd_engine *e);

/* ---- messages ------------------------------------------------------- */

/* A message from the pool, with kind set and all else of the header zero;
 * the rest of its HD_MSG_BYTES is not cleared. */
void *hd_msg_new(struct hd_component *c, uint32_t kind);
/* The same with all bytes after the header zero. */
void *hd_msg_new_zero(struct hd_component *c, uint32_t kind);
void hd_msg_free(struct hd_component *c, void *msg);

/* Sends `msg` to arrive hd_now(sender) + delay; delay >= channel's latency. */
void hd_send(struct hd_channel *ch, hd_time delay, void *msg);
/* As hd_send() but at an absolute time >= now + the channel's latency. */
void hd_send_at(struct hd_channel *ch, hd_time when, void *msg);
/* A message of a component to itself (timer); delay >= 0. */
void hd_schedule(struct hd_component *c, hd_time delay, void *msg);

/* ---- software tasks -------------------------------------------------- */

enum { HD_FOOTPRINT = 6 };

/* Ranges of cache lines that do not touch each other. */
struct hd_footprint {
  uint32_t count;
  uintptr_t ranges[HD_FOOTPRINT]; /* first line's address | number of lines */
};

struct hd_task {
  struct hd_component base;
  struct hd_component_ops ops; /* its kind, for failures */
  void (*body)(struct hd_task *task);
  struct hd_footprint footprint;
};

/* Registers a task; body runs in an actor of its own from time 0. */
void hd_task_initialize(struct hd_task *t, struct hd_engine *e,
                        void (*body)(struct hd_task *), const char *kind,
                        const char *path, const char *host);

/* Says that the task reads or writes `bytes` from `start` on nearly whenever a
 * message wakes it: they are fetched when the message is sent. Cheapest where
 * they follow each other in memory. A hint; beyond HD_FOOTPRINT ranges it is
 * ignored. */
void hd_task_add_footprint(struct hd_task *t, const void *start, size_t bytes);

/* Spends `d` >= 0 of local time without looking at messages. */
void hd_task_advance(struct hd_task *t, hd_time d);

/* Blocks until a message arrives (returned, owned by the caller; local time is
 * the greater of its delivery time and the local time) or local time reaches
 * `until` (NULL). A message delivered exactly at `until` comes first.
 * HD_TIME_NEVER waits for ever. A message older than local time is returned
 * at once, without moving local time. */
struct hd_msg *hd_task_wait(struct hd_task *t, hd_time until);
/* The same, but messages on passive channels wake the task, too, and it may
 * send. For loops that poll memory. */
struct hd_msg *hd_task_wait_eager(struct hd_task *t, hd_time until);

/* ---- fetching ahead --------------------------------------------------- */

/* Where things are that sending on a channel touches. Kept by who has many
 * channels, so that fetching them does not wait for any of them. */
struct hd_channel_hint {
  const struct hd_channel *channel;
  const struct hd_actor *actor;
};

/* Known from the components' `start` on. */
struct hd_channel_hint hd_channel_hint(const struct hd_channel *ch);

/* Fetches them, but for what the receiver works on. */
void hd_channel_fetch(struct hd_channel_hint hint);

/* Of a cache line, of the processors on which the simulator runs. */
#define HD_LINE ((uintptr_t)64)

/* Brings `bytes` from `start` on, which need not be valid, towards the
 * processor. For what will be read soon and was last used long ago: with
 * hundreds of VMs, most of a VM's state. */
static inline void hd_fetch(const void *start, size_t bytes)
{
  uintptr_t line = (uintptr_t)start & ~(HD_LINE - 1);
  for (; line < (uintptr_t)start + bytes; line += HD_LINE)
    __builtin_prefetch((const void *)line, 0, 2);
}

/* ---- failure --------------------------------------------------------- */

#define HD_EXIT_INTERNAL 70 /* exit status of a broken invariant */

/* Prints simulated time, component, seed and the command that reproduces the
 * run to stderr, and exits with HD_EXIT_INTERNAL. `c` may be NULL. */
_Noreturn void hd_fail(const struct hd_component *c, const char *file, int line,
                       const char *format, ...)
    __attribute__((format(printf, 4, 5), cold));

/* Checked always: a broken invariant stops the run. */
#define HD_REQUIRE(c, cond, ...)                                               \
  do {                                                                         \
    if (__builtin_expect(!(cond), 0))                                          \
      hd_fail((c), __FILE__, __LINE__, __VA_ARGS__);                           \
  } while (0)

/* `n` zeroed objects of `size` bytes, to be freed by free(); never NULL, with
 * n = 0 either. Fails naming `c` (may be NULL) and `what` when there is no
 * memory. Not for the hot path: see pool.h. */
void *hd_array(const struct hd_component *c, size_t n, size_t size,
               const char *what);

#endif
