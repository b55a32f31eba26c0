/*
 * signal.c - event suppression and the race between publishing and asking.
 *
 * `known` counts the other side's enables that were known before any entry they
 * asked for was decided upon. It lags when an enable turns up for an entry that
 * has been decided upon already: such a sleeper got no signal, and finds out by
 * the count. Counts lag by a few at most, so 14 bits cannot be mistaken.
 */
#include "models/virtio/internal.h"

#define ENABLES_MASK ((1u << VIRTQ_ENABLES_BITS) - 1)

/* 2.8.10: a zeroed event structure asks for every event; 2.7.7, 2.7.10: zeroed
 * used_event and avail_event ask for the first entry. */
void virtq_side_reset(struct virtq_side *s, const struct virtq *q)
{
  struct virtq_position origin = virtq_origin(q);
  struct virtq_event event = {
      .mode = q->event_idx && !q->packed ? VIRTQ_EVENT_AT : VIRTQ_EVENT_ENABLE,
      .at = origin};
  *s = (struct virtq_side){.published = origin,
                           .decided = origin,
                           .consumed = origin,
                           .event = event,
                           .enabled = true};
  s->peer = (struct virtq_view){.position = origin, .event = event};
}

struct virtq_view virtq_side_view(const struct virtq_side *s)
{
  return (struct virtq_view){.position = s->published,
                             .event = s->event,
                             .enables = s->enables,
                             .known = s->known};
}

/* Whether `to` is before `from`, both modulo `modulus`. */
static bool behind(uint32_t from, uint32_t to, uint32_t modulus)
{
  return (to + modulus - from) % modulus > modulus / 2;
}

static uint32_t place_of(const struct virtq *q, struct virtq_position p)
{
  return q->packed && !p.wrap ? p.index + q->config.size : p.index;
}

bool virtq_view_overtaken(const struct virtq *q, const struct virtq_view *seen,
                          const struct virtq_view *v)
{
  uint32_t places = q->packed ? 2 * q->config.size : 1u << 16;
  uint32_t counts = 1u << VIRTQ_ENABLES_BITS;
  if (behind(place_of(q, seen->position), place_of(q, v->position), places) ||
      behind(seen->enables, v->enables, counts) ||
      behind(seen->known, v->known, counts))
    return true;
  return place_of(q, seen->position) == place_of(q, v->position) &&
         seen->enables == v->enables &&
         seen->event.mode == VIRTQ_EVENT_DISABLE &&
         v->event.mode != VIRTQ_EVENT_DISABLE;
}

bool virtq_side_misses(const struct virtq_side *s, const struct virtq *q,
                       const struct virtq_view *peer)
{
  return s->enabled && peer->known != s->enables &&
         virtq_before(q, s->event.at, peer->position);
}

bool virtq_side_see(struct virtq_side *s, const struct virtq *q,
                    const struct virtq_view *peer)
{
  s->peer = *peer;
  if (!virtq_before(q, peer->event.at, s->decided))
    s->known = peer->enables;
  return virtq_side_misses(s, q, peer);
}

bool virtq_side_due(struct virtq_side *s, const struct virtq *q)
{
  const struct virtq_event *event = &s->peer.event;
  uint32_t count = virtq_distance(q, s->decided, s->published);
  bool undecided = s->undecided;
  s->decided = s->published;
  s->undecided = false;
  if (event->mode == VIRTQ_EVENT_DISABLE)
    return false;
  if (undecided)
    return true;
  if (event->mode == VIRTQ_EVENT_ENABLE)
    return count > 0;
  return virtq_need_event(q, event->at, s->published, count);
}

bool virtq_side_enable(struct virtq_side *s, const struct virtq *q,
                       uint32_t after)
{
  uint32_t wait = q->event_idx ? after : 0;
  s->event.mode = q->event_idx ? VIRTQ_EVENT_AT : VIRTQ_EVENT_ENABLE;
  s->event.at = virtq_advance(q, s->consumed, wait);
  s->enables = (uint16_t)((s->enables + 1u) & ENABLES_MASK);
  s->enabled = true;
  return virtq_distance(q, s->consumed, s->peer.position) > wait;
}

bool virtq_side_disable(struct virtq_side *s, const struct virtq *q)
{
  s->enabled = false;
  if ((q->event_idx && !q->packed) || s->event.mode == VIRTQ_EVENT_DISABLE)
    return false;
  s->event.mode = VIRTQ_EVENT_DISABLE;
  return true;
}
