#include "sim/measure/gauge.h"

#include <math.h>

double hd_counter_rate(const struct hd_counter *c, const struct hd_window *w,
                       hd_time now)
{
  hd_time elapsed = hd_window_elapsed(w, now);
  if (elapsed <= 0)
    return NAN;
  return (double)c->count * ((double)HD_S / (double)elapsed);
}

/* The gauge as it would be if it were set to its own value at `now`. */
static struct hd_gauge advanced(const struct hd_gauge *g,
                                const struct hd_window *w, hd_time now)
{
  struct hd_gauge copy = *g;
  hd_gauge_set(&copy, w, now, g->value);
  return copy;
}

double hd_gauge_mean(const struct hd_gauge *g, const struct hd_window *w,
                     hd_time now)
{
  hd_time elapsed = hd_window_elapsed(w, now);
  if (elapsed <= 0)
    return NAN;
  return (double)advanced(g, w, now).integral / (double)elapsed;
}

int64_t hd_gauge_max(const struct hd_gauge *g, const struct hd_window *w,
                     hd_time now)
{
  struct hd_gauge copy = advanced(g, w, now);
  return copy.seen ? copy.max : 0;
}

double hd_busy_utilization(const struct hd_busy *b, const struct hd_window *w,
                           hd_time now)
{
  hd_time elapsed = hd_window_elapsed(w, now);
  return elapsed > 0 ? (double)b->busy / (double)elapsed : NAN;
}
