/* client_internal.h - shared by client*.c, generator.c and stream.c. */
#ifndef HD_MODELS_NETWORK_CLIENT_INTERNAL_H
#define HD_MODELS_NETWORK_CLIENT_INTERNAL_H

#include "models/network/network.h"
#include "sim/engine/clock.h"
#include "sim/engine/rng.h"

/* ---- stream.c: does a stream arrive complete and in order? --------------- */

struct stream {
  uint64_t next; /* the sequence number after the highest seen */
  uint64_t seen; /* bit i: next - 1 - i has arrived */
};

enum stream_verdict { STREAM_NEW, STREAM_LATE, STREAM_DUPLICATE };

/* Notes the arrival of `sequence`; *gap: numbers it skipped (STREAM_NEW). A
 * number more than 64 below the highest counts as late, not as a duplicate. */
enum stream_verdict stream_note(struct stream *s, uint64_t sequence,
                                uint64_t *gap);

/* ---- client.c ------------------------------------------------------------ */

/* Generator of PACKET_FORWARD traffic to one guest. */
struct generator {
  struct hd_clock bits; /* of payload, at the asked rate */
  gsl_rng *rng;
  double mean;         /* ps between packets */
  uint64_t packets;    /* made so far */
  uint64_t *sequences; /* next, per flow */
};

/* Sends the packets of a capture to one guest. */
struct replayer {
  struct replay replay;
  hd_time start; /* of the workloads */
  uint64_t sequence;
  struct replay_stats stats;
  struct hd_msg *waiting;        /* its timer, while it waits for room; owned */
  struct client_guest *follower; /* waits behind it */
};

/* Frames the client's transmit queue takes; a driver's ring, roughly. */
enum { CLIENT_TRANSMIT_QUEUE = 1024 };

struct web_load; /* web_internal.h */

enum { CLIENT_WEB_TIMER = 1 << 16 }; /* tags of timers from here on */

struct client_guest {
  struct client_vm config;
  struct web_load *web; /* NULL: none */
  struct generator generator;
  struct replayer replayer;
  struct stream *streams;
  uint32_t n_streams;
  struct hd_counter packets, payload, reordered, duplicated, dropped, generated;
  struct hd_counter requests, connections, retransmissions; /* web */
  int64_t lost;       /* a late packet takes its loss back */
  bool heard;         /* a frame has arrived in the window */
  hd_time last_frame; /* the last one that did */
  hd_time silence_max, silence_begin;
};

struct client_group {
  struct hd_histogram latency;
  struct hd_breakdown breakdown;
  struct hd_series series; /* width 0: not asked for */
};

struct client {
  struct hd_component base;
  struct client_params params;
  struct packet_pool *packets;
  const struct hd_window *window;
  struct hd_channel *to_wire;
  struct client_guest *guests;
  size_t n_guests;
  struct client_group **groups; /* grown at build time */
  size_t n_groups;
  hd_time series_width, series_duration;
  hd_time *core_free; /* per core: when its last packet is done */
  struct hd_busy busy;
  bool running;     /* generators have been started */
  uint64_t waiting; /* frames handed to the wire, not yet sent */
  struct client_guest *first_waiting, *last_waiting;   /* replays, for room */
  uint64_t created, received, sent, consumed, dropped; /* since the start */
};

/* The frame leaves the client `delay` from now. */
void client_send(struct client *c, struct packet_msg *m, hd_time delay);

/* ---- client_measure.c ---------------------------------------------------- */

/* Fetches what the arrival of `p` touches of its guest. */
void client_fetch(const struct client_guest *g, const struct packet *p);

/* A frame has arrived, whatever comes of it. */
void client_note_arrival(struct client *c, struct client_guest *g,
                         const struct packet *p);
/* The backlog is full. */
void client_note_drop(struct client *c, struct client_guest *g);
/* The packet is done at `done`, and not answered. */
void client_measure(struct client *c, struct client_guest *g, struct packet *p,
                    hd_time done);

/* Web: the application has read so much; a request begun at `start` is done. */
void client_measure_bytes(struct client *c, struct client_guest *g,
                          uint32_t bytes);
void client_measure_request(struct client *c, struct client_guest *g,
                            hd_time start);

/* ---- web_load.c, web_kernel.c
 * ----------------------------------------------*/

struct web_load *web_load_create(struct client *c, uint16_t vm,
                                 const struct client_vm *cv);
void web_load_destroy(struct web_load *l); /* or NULL */
void web_load_start(struct web_load *l, hd_time start);
void web_load_fire(struct hd_msg *timer);
double web_load_utilization(const struct web_load *l, hd_time end);
uint64_t web_load_held(const struct web_load *l); /* packets */
/* The packet is the load's from here on. */
void client_web_receive(struct web_load *l, struct packet *p);

/* ---- generator.c ----------------------------------------------------------*/

void generator_start(struct client *c, uint16_t vm, hd_time start);
void generator_fire(struct client *c, struct hd_msg *timer);
void generator_initialize(struct client *c, uint16_t vm);
void generator_terminate(struct generator *g);

/* ---- replayer.c -----------------------------------------------------------*/

void replayer_start(struct client *c, uint16_t vm, hd_time start);
void replayer_fire(struct client *c, struct hd_msg *timer);
/* A frame has left the transmit queue. */
void replayer_room(struct client *c);
struct replay_stats replayer_stats(const struct client *c, uint16_t vm);

#endif
