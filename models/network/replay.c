#include "models/network/replay.h"

#include <math.h>

static bool mine(const struct replay_plan *p, const struct capture_packet *c)
{
  return p->parts <= 1 || c->flow % p->parts == p->part;
}

/* From `c` on; NULL: none is left in this pass. */
static const struct capture_packet *seek(const struct replay_plan *p,
                                         const struct capture_packet *c)
{
  const struct capture_packet *end = p->capture->packets + p->capture->count;
  while (c < end && !mine(p, c))
    c++;
  return c < end ? c : NULL;
}

/* HD_TIME_NEVER: beyond what a clock can say. */
static hd_time due_at(const struct replay *r)
{
  const struct replay_plan *p = r->plan;
  const long double most = HD_TIME_NEVER / 4;
  if (p->speed == 0)
    return p->offset;
  long double scaled = ((long double)r->pass * (long double)p->capture->period +
                        (long double)r->packet->time) /
                       (long double)p->speed;
  if (scaled >= most)
    return HD_TIME_NEVER;
  return p->offset + (p->speed == 1 ? (hd_time)r->pass * p->capture->period +
                                          r->packet->time
                                    : llroundl(scaled));
}

static void settle(struct replay *r)
{
  r->due = r->packet ? due_at(r) : HD_TIME_NEVER;
  if (r->due == HD_TIME_NEVER)
    r->packet = NULL;
}

void replay_begin(struct replay *r, const struct replay_plan *plan)
{
  *r = (struct replay){.plan = plan};
  r->first = r->packet = seek(plan, plan->capture->packets);
  settle(r);
}

void replay_advance(struct replay *r)
{
  const struct replay_plan *p = r->plan;
  r->packet = seek(p, r->packet + 1);
  if (!r->packet) {
    r->pass++;
    if (p->loops == 0 || r->pass < (uint64_t)p->loops)
      r->packet = r->first;
  }
  settle(r);
}

struct replay_sum replay_due(const struct replay_plan *plan, hd_time from,
                             hd_time to)
{
  struct replay_sum sum = {0, 0};
  struct replay r;
  if (plan->speed == 0)
    return sum;
  for (replay_begin(&r, plan); r.packet && r.due < to; replay_advance(&r)) {
    if (r.due < from)
      continue;
    sum.packets++;
    sum.bytes += r.packet->bytes;
  }
  return sum;
}

void replay_note(struct replay_stats *s, const struct replay *r, hd_time start,
                 hd_time now, hd_time limit, const struct hd_window *window)
{
  if (!hd_window_contains(window, now))
    return;
  s->sent.packets++;
  s->sent.bytes += r->packet->bytes;
  if (r->plan->speed == 0)
    return;
  hd_time behind = now - start - r->due;
  s->late += behind > limit;
  s->behind_sum += behind;
  s->behind_max = hd_time_max(s->behind_max, behind);
}
