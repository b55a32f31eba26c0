/*
 * gauge.h - counters, time-weighted gauges and busy times, each confined to a
 * measurement window.
 *
 * A window is half open: an event at `start` counts, one at `end` does not.
 * All of them start as zero bytes ({0}); nothing is allocated. Times are
 * picoseconds. Readers give NaN when there is nothing to divide by.
 */
#ifndef HD_MEASURE_GAUGE_H
#define HD_MEASURE_GAUGE_H

#include "sim/engine/time.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

__extension__ typedef __int128 hd_gauge_integral;

struct hd_window {
  hd_time start, end; /* [start, end); end may be HD_TIME_NEVER */
};

static inline bool hd_window_contains(const struct hd_window *w, hd_time now)
{
  return w->start <= now && now < w->end;
}

/* Length of what [from, to) and the window have in common; 0 if nothing. */
static inline hd_time hd_window_overlap(const struct hd_window *w, hd_time from,
                                        hd_time to)
{
  hd_time first = hd_time_max(w->start, from);
  hd_time last = hd_time_min(w->end, to);
  return last > first ? last - first : 0;
}

/* Part of the window that has passed at `now`. */
static inline hd_time hd_window_elapsed(const struct hd_window *w, hd_time now)
{
  return hd_window_overlap(w, w->start, now);
}

/* -- events ------------------------------------------------------------- */

struct hd_counter {
  uint64_t count;
};

static inline void hd_counter_add(struct hd_counter *c,
                                  const struct hd_window *w, hd_time now,
                                  uint64_t n)
{
  if (hd_window_contains(w, now))
    c->count += n;
}

/* Per simulated second, over the part of the window passed at `now`. */
double hd_counter_rate(const struct hd_counter *c, const struct hd_window *w,
                       hd_time now);

/* -- a level that changes over time ------------------------------------- */

struct hd_gauge {
  int64_t value;
  hd_time since;              /* value holds from here */
  hd_gauge_integral integral; /* of value, inside the window, up to since */
  int64_t max;                /* inside the window, if seen */
  bool seen;
};

static inline void hd_gauge_see(struct hd_gauge *g, int64_t value)
{
  if (!g->seen || value > g->max)
    g->max = value;
  g->seen = true;
}

/* The value is `value` from `now` on; `now` never decreases. */
static inline void hd_gauge_set(struct hd_gauge *g, const struct hd_window *w,
                                hd_time now, int64_t value)
{
  assert(now >= g->since);
  hd_time held = hd_window_overlap(w, g->since, now);
  if (held > 0) {
    hd_gauge_see(g, g->value);
    g->integral += (hd_gauge_integral)g->value * held;
  }
  g->value = value;
  g->since = now;
  if (hd_window_contains(w, now))
    hd_gauge_see(g, value);
}

static inline void hd_gauge_add(struct hd_gauge *g, const struct hd_window *w,
                                hd_time now, int64_t change)
{
  hd_gauge_set(g, w, now, g->value + change);
}

/* Mean and maximum over the part of the window passed at `now`, which is not
 * before the last change. The maximum includes values held for no time; 0 if
 * the window has not begun. */
double hd_gauge_mean(const struct hd_gauge *g, const struct hd_window *w,
                     hd_time now);
int64_t hd_gauge_max(const struct hd_gauge *g, const struct hd_window *w,
                     hd_time now);

/* -- time in use -------------------------------------------------------- */

struct hd_busy {
  hd_time busy; /* inside the window */
};

/* In use during [from, to). Overlapping spans (several servers) add up. */
static inline void hd_busy_add(struct hd_busy *b, const struct hd_window *w,
                               hd_time from, hd_time to)
{
  b->busy += hd_window_overlap(w, from, to);
}

/* Busy time over the part of the window passed at `now`: mean number of servers
 * in use, 0 to 1 for one server. A span added ahead of time counts in full. */
double hd_busy_utilization(const struct hd_busy *b, const struct hd_window *w,
                           hd_time now);

#endif
