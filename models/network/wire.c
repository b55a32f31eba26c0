/*
 * wire.c - a full-duplex Ethernet link.
 *
 * A frame occupies its direction for preamble, frame and inter-frame gap (IEEE
 * 802.3, 4.2.7 and 4.4.2); frames handed over meanwhile wait in order. Because
 * a direction serves in order and nothing can overtake, the end of a frame is
 * known when it is handed over, and one event a frame is enough.
 *
 * A TCP packet longer than a segment that a device has not cut into frames is
 * cut here: it leaves as frames back to back, each with headers of its own.
 */
#include <stdlib.h>

#include "models/network/network.h"
#include "sim/engine/clock.h"

/* MAC to PHY: what a channel must have at least. */
enum { MAC_LATENCY = HD_NS };

__extension__ typedef unsigned __int128 wire_uint128;

struct inside {
  hd_time left;    /* from here on it is not the sender's */
  hd_time arrival; /* from here on it is the receiver's */
};

/* The wire stands at the server. What the far end sends has come half of the
 * latency when it gets here, so that the client's messages, too, take time. */
struct direction {
  struct hd_channel *deliver; /* to the receiving end, takes what is left */
  struct hd_channel *sent;    /* back to the sending end */
  struct hd_clock bits;       /* 1 cycle = 1 bit; carries the remainder */
  hd_time free_at;            /* the last frame and its gap are over */
  struct hd_busy busy;
  struct hd_counter frames, bytes;
  uint64_t bits_total; /* since the start */
  hd_time busy_total;
  struct inside *inside;           /* ring: the frames inside */
  uint32_t capacity, first, count; /* capacity: a power of two */
};

struct wire {
  struct hd_component base;
  hd_time latency;
  const struct hd_window *window;
  struct packet_pool *packets; /* NULL: nothing is segmented */
  struct hd_component *ends[2];
  struct direction direction[2]; /* by sending end */
};

/* ---- frames inside ------------------------------------------------------ */

static void grow(struct direction *d)
{
  uint32_t bigger = d->capacity ? d->capacity * 2 : 64;
  struct inside *ring = malloc(bigger * sizeof *ring);
  HD_REQUIRE(NULL, ring != NULL, "out of memory for a wire");
  for (uint32_t i = 0; i < d->count; i++)
    ring[i] = d->inside[(d->first + i) & (d->capacity - 1)];
  free(d->inside);
  d->inside = ring;
  d->capacity = bigger;
  d->first = 0;
}

static void forget_arrived(struct direction *d, hd_time now)
{
  while (d->count > 0 && d->inside[d->first].arrival <= now) {
    d->first = (d->first + 1) & (d->capacity - 1);
    d->count--;
  }
}

static void remember(struct direction *d, hd_time now, struct inside i)
{
  forget_arrived(d, now);
  if (d->count == d->capacity)
    grow(d);
  d->inside[(d->first + d->count++) & (d->capacity - 1)] = i;
}

/* ---- sending ------------------------------------------------------------ */

static void occupy(struct wire *w, struct direction *d, uint32_t frame)
{
  int64_t bits = ((int64_t)frame + PACKET_WIRE_OVERHEAD) * 8;
  hd_time start = hd_time_max(hd_now(&w->base), d->free_at);
  d->free_at = start + hd_clock_take(&d->bits, bits);
  d->bits_total += (uint64_t)bits;
  d->busy_total += d->free_at - start;
  hd_busy_add(&d->busy, w->window, start, d->free_at);
  hd_counter_add(&d->frames, w->window, d->free_at, 1);
  hd_counter_add(&d->bytes, w->window, d->free_at, frame);
}

static void acknowledge(struct wire *w, struct direction *d, uint64_t bytes)
{
  struct packet_msg *sent = hd_msg_new(&w->base, MSG_FRAME_SENT);
  sent->packet = NULL;
  sent->bytes = bytes;
  hd_send_at(d->sent, d->free_at + d->sent->latency, sent);
}

/* `ends`: bytes of what the sender handed over, if this is the end of it; or
 * 0. */
static void send_frame(struct wire *w, struct direction *d,
                       struct packet_msg *m, uint64_t ends)
{
  occupy(w, d, m->packet->frame);
  hd_time now = hd_now(&w->base), arrival = d->free_at + d->deliver->latency;
  if (ends > 0)
    acknowledge(w, d, ends);
  hd_time left = ends > 0 ? d->free_at + d->sent->latency : now;
  remember(d, now, (struct inside){left, arrival});
  hd_send_at(d->deliver, arrival, m);
}

static void send_packet(struct wire *w, struct direction *d,
                        struct packet_msg *m)
{
  struct packet *p = m->packet;
  uint64_t bytes = p->frame;
  while (packet_segmented(p)) {
    HD_REQUIRE(&w->base, w->packets != NULL,
               "a packet of %u B on a wire that does not segment", p->payload);
    struct packet_msg *segment = hd_msg_new(&w->base, MSG_FRAME);
    segment->packet = packet_cut(w->packets, p);
    segment->bytes = segment->packet->frame;
    send_frame(w, d, segment, 0);
  }
  m->bytes = p->frame;
  send_frame(w, d, m, bytes);
}

static void handle(struct hd_component *self, struct hd_msg *msg)
{
  struct wire *w = (struct wire *)self;
  uint64_t sender = msg->order >> 40;
  int from = sender == w->ends[0]->id ? 0 : 1;
  HD_REQUIRE(self, msg->kind == MSG_FRAME && sender == w->ends[from]->id,
             "a wire got a message of kind %u", msg->kind);
  send_packet(w, &w->direction[from], (struct packet_msg *)msg);
}

static const struct hd_component_ops ops = {.kind = "wire", .handle = handle};

struct wire *wire_create(struct hd_engine *e, const char *path,
                         const char *host, const struct network_params *params,
                         const struct hd_window *window)
{
  struct wire *w = calloc(1, sizeof *w);
  HD_REQUIRE(NULL, w != NULL, "out of memory for %s", path);
  hd_component_initialize(&w->base, e, &ops, path, host);
  w->latency = params->latency;
  w->window = window;
  for (int i = 0; i < 2; i++)
    w->direction[i].bits = hd_clock_at(params->rate);
  return w;
}

void wire_destroy(struct wire *w)
{
  free(w->direction[0].inside);
  free(w->direction[1].inside);
  free(w);
}

void wire_segment(struct wire *w, struct packet_pool *packets)
{
  w->packets = packets;
}

int64_t wire_rate(const struct wire *w)
{
  return w->direction[0].bits.hz;
}

struct hd_component *wire_component(struct wire *w)
{
  return &w->base;
}

struct hd_channel *wire_connect(struct wire *w, int end, struct hd_component *c)
{
  HD_REQUIRE(NULL, end == 0 || end == 1, "a wire has no end %d", end);
  HD_REQUIRE(NULL, w->ends[end] == NULL, "end %d of %s is taken", end,
             w->base.path);
  w->ends[end] = c;
  hd_time half = w->latency / 2, rest = w->latency - half;
  bool far = end == 1;
  w->direction[1 - end].deliver =
      hd_channel_open(&w->base, c, far ? w->latency : rest);
  w->direction[end].sent =
      hd_channel_open(&w->base, c, far ? rest : MAC_LATENCY);
  return hd_channel_open(c, &w->base, far ? half : MAC_LATENCY);
}

/* ---- results ------------------------------------------------------------ */

static hd_time end_of(const struct wire *w)
{
  struct hd_engine_report r;
  hd_engine_get_report(w->base.engine, &r);
  return r.end != HD_TIME_NEVER ? r.end : hd_now(&w->base);
}

void wire_get_stats(const struct wire *w, struct wire_stats *s)
{
  hd_time end = end_of(w);
  for (int i = 0; i < 2; i++) {
    const struct direction *d = &w->direction[i];
    s->utilization[i] = hd_busy_utilization(&d->busy, w->window, end);
    s->frames[i] = d->frames.count;
    s->bytes[i] = d->bytes.count;
  }
}

uint64_t wire_packets_inside(const struct wire *w)
{
  hd_time end = end_of(w);
  uint64_t inside = 0;
  for (int i = 0; i < 2; i++) {
    const struct direction *d = &w->direction[i];
    for (uint32_t k = 0; k < d->count; k++) {
      const struct inside *f = &d->inside[(d->first + k) & (d->capacity - 1)];
      inside += f->arrival > end && f->left <= end;
    }
  }
  return inside;
}

/* The time a direction was busy is that of its bits, to the picosecond: the
 * remainder that hd_clock_take() still holds is less than one. */
const char *wire_check(const struct wire *w)
{
  for (int i = 0; i < 2; i++) {
    const struct direction *d = &w->direction[i];
    wire_uint128 owed = (wire_uint128)d->bits_total * (uint64_t)HD_S;
    wire_uint128 paid = (wire_uint128)d->busy_total * (uint64_t)d->bits.hz +
                        (uint64_t)d->bits.remainder;
    if (owed != paid)
      return "wire: busy time does not match the bits sent";
  }
  return NULL;
}
