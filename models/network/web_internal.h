/* web_internal.h - shared by web_load.c and web_kernel.c. */
#ifndef HD_MODELS_NETWORK_WEB_INTERNAL_H
#define HD_MODELS_NETWORK_WEB_INTERNAL_H

#include "models/network/client_internal.h"

enum { WEB_TABLE = 1024 /* buckets; a power of two */ };

/* MSG_TIMER's tag; those below are the generators'. */
enum web_timer {
  WEB_TIMER_THREAD = CLIENT_WEB_TIMER, /* its work is done, or it wakes up */
  WEB_TIMER_CORE,                      /* context: struct web_core */
  WEB_TIMER_TCP
};

struct web_timer_msg {
  struct hd_msg msg;
  struct web_load *load;
  struct web_core *core;
};

/* A request's place: there are `concurrency` of them. */
struct web_slot {
  struct web_slot *next; /* in the list of those that poll() reports */
  struct web_connection *connection;
  enum { WEB_START, WEB_CONNECTING, WEB_WAITING } phase;
  bool queued;
  hd_time start;
  uint32_t received; /* bytes */
};

/* Outlives its request: the kernel ends it. */
struct web_connection {
  struct tcp tcp;
  struct web_connection *chain; /* in its bucket */
  struct web_slot *slot;        /* NULL: closed by the thread */
  uint32_t id;
};

struct web_core {
  struct packet *first, *last; /* received frames */
  bool busy;
  bool working; /* on this, of this connection */
  uint32_t connection;
  struct tcp_segment segment;
};

enum web_work { WEB_IDLE, WEB_CONNECT, WEB_SEND, WEB_READ, WEB_CLOSE };

struct web_load {
  struct client *client;
  uint16_t vm;
  uint16_t queue_pairs; /* of the guest */
  struct client_web config;
  /* the thread */
  struct web_slot *slots, *first, *last;
  enum web_work work;
  struct web_slot *current;
  uint32_t reading; /* bytes */
  bool awake;
  hd_time began;
  uint64_t started, completed;
  struct hd_busy thread_busy;
  /* the kernel */
  struct hd_pool pool;
  struct web_connection *table[WEB_TABLE];
  struct web_core *cores;
  struct hd_busy core_busy;
  uint32_t next_connection;
  hd_time timer_at;
  uint64_t held; /* frames */
};

static inline void load_wait(struct web_load *l, enum web_timer tag,
                             struct web_core *core, hd_time delay)
{
  struct web_timer_msg *m = hd_msg_new(&l->client->base, MSG_TIMER);
  m->msg.tag = tag;
  m->load = l;
  m->core = core;
  hd_schedule(&l->client->base, delay, m);
}

static inline struct client_guest *load_guest(const struct web_load *l)
{
  return &l->client->guests[l->vm];
}

/* ---- web_kernel.c ----------------------------------------------------------
 */

void load_kernel_initialize(struct web_load *l);
void load_kernel_terminate(struct web_load *l);
struct web_connection *load_open(struct web_load *l, struct web_slot *s);
/* Sends what the connection has to send; returns the number of packets. Each
 * leaves `spacing` after the one before. */
unsigned load_transmit(struct web_load *l, struct web_connection *c,
                       hd_time spacing);
/* Forgets a connection that has ended. */
void load_reap(struct web_load *l, struct web_connection *c);
void load_core_fire(struct web_load *l, struct web_core *core);
void load_tcp_fire(struct web_load *l);

/* ---- web_load.c ------------------------------------------------------------
 */

/* Something has happened to the slot's connection. */
void load_notify(struct web_load *l, struct web_slot *s);

#endif
