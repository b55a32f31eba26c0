/* client_measure.c - what a client counts of the frames that arrive. */
#include <stdlib.h>
#include <string.h>

#include "models/network/client_internal.h"

static struct stream *stream_of(struct client *c, struct client_guest *g,
                                uint16_t index)
{
  if (index >= g->n_streams) {
    uint32_t n = g->n_streams ? g->n_streams : 4;
    while (n <= index)
      n *= 2;
    g->streams = realloc(g->streams, n * sizeof *g->streams);
    HD_REQUIRE(&c->base, g->streams != NULL, "out of memory for streams");
    memset(g->streams + g->n_streams, 0,
           (n - g->n_streams) * sizeof *g->streams);
    g->n_streams = n;
  }
  return &g->streams[index];
}

void client_fetch(const struct client_guest *g, const struct packet *p)
{
  hd_fetch(&g->streams, sizeof *g - offsetof(struct client_guest, streams));
  if (p->stream < g->n_streams)
    hd_fetch(&g->streams[p->stream], sizeof *g->streams);
}

static void add_to_series(struct client *c, const struct client_guest *g,
                          hd_time when, enum hd_series_count what,
                          uint64_t amount)
{
  hd_series_add(&c->groups[g->config.group]->series, c->window, when, what,
                amount);
}

static void check_order(struct client *c, struct client_guest *g,
                        const struct packet *p)
{
  hd_time now = hd_now(&c->base);
  uint64_t gap;
  switch (stream_note(stream_of(c, g, p->stream), p->sequence, &gap)) {
  case STREAM_NEW:
    if (gap > 0 && hd_window_contains(c->window, now))
      g->lost += (int64_t)gap;
    add_to_series(c, g, now, HD_SERIES_DROPS, gap);
    break;
  case STREAM_LATE:
    hd_counter_add(&g->reordered, c->window, now, 1);
    if (g->lost > 0 && hd_window_contains(c->window, now))
      g->lost--;
    break;
  case STREAM_DUPLICATE:
    hd_counter_add(&g->duplicated, c->window, now, 1);
    break;
  }
}

static void note_silence(struct client *c, struct client_guest *g)
{
  hd_time now = hd_now(&c->base);
  if (!hd_window_contains(c->window, now))
    return;
  if (g->heard && now - g->last_frame > g->silence_max) {
    g->silence_max = now - g->last_frame;
    g->silence_begin = g->last_frame;
  }
  g->heard = true;
  g->last_frame = now;
}

void client_measure(struct client *c, struct client_guest *g, struct packet *p,
                    hd_time done)
{
  hd_counter_add(&g->packets, c->window, done, 1);
  hd_counter_add(&g->payload, c->window, done, p->payload);
  add_to_series(c, g, done, HD_SERIES_TX_PACKETS, 1);
  add_to_series(c, g, done, HD_SERIES_TX_BYTES, p->payload);
  if (!hd_window_contains(c->window, done))
    return;
  struct client_group *group = c->groups[g->config.group];
  hd_stamps_mark(&p->stamps, HD_STAGE_REMOTE, done);
  hd_histogram_add(&group->latency, hd_stamps_total(&p->stamps));
  HD_REQUIRE(&c->base, hd_breakdown_add(&group->breakdown, &p->stamps),
             "stages of a packet of guest %u do not sum to its latency", p->vm);
}

void client_note_arrival(struct client *c, struct client_guest *g,
                         const struct packet *p)
{
  hd_time now = hd_now(&c->base);
  note_silence(c, g);
  if (p->kind == PACKET_TCP) {
    hd_counter_add(&g->packets, c->window, now, 1);
    add_to_series(c, g, now, HD_SERIES_TX_PACKETS, 1);
  }
  if (p->kind == PACKET_DATA)
    check_order(c, g, p);
}

void client_note_drop(struct client *c, struct client_guest *g)
{
  hd_time now = hd_now(&c->base);
  hd_counter_add(&g->dropped, c->window, now, 1);
  add_to_series(c, g, now, HD_SERIES_DROPS, 1);
}

void client_measure_bytes(struct client *c, struct client_guest *g,
                          uint32_t bytes)
{
  hd_time now = hd_now(&c->base);
  hd_counter_add(&g->payload, c->window, now, bytes);
  add_to_series(c, g, now, HD_SERIES_TX_BYTES, bytes);
}

void client_measure_request(struct client *c, struct client_guest *g,
                            hd_time start)
{
  hd_time now = hd_now(&c->base);
  hd_counter_add(&g->requests, c->window, now, 1);
  if (hd_window_contains(c->window, now))
    hd_histogram_add(&c->groups[g->config.group]->latency, now - start);
}
