/* dram.c - DRAM channels, see dram.h. */
#include "models/memory/dram.h"

#include <stdlib.h>

#define LINE_BYTES 64

bool dram_initialize(struct dram *d, uint32_t n_channels, int64_t rate,
                     hd_time latency, hd_time interval, hd_time duration)
{
  *d = (struct dram){.n_channels = n_channels,
                     .power_of_two = (n_channels & (n_channels - 1)) == 0,
                     .service = hd_time_of_bytes(LINE_BYTES, rate),
                     .latency = latency,
                     .interval = duration > 0 ? interval : 0,
                     .duration = duration};
  d->channels = calloc(n_channels, sizeof *d->channels);
  if (!d->channels)
    return false;
  for (uint32_t c = 0; c < n_channels; c++)
    d->channels[c].refresh =
        d->interval ? d->interval * (c + 1) / n_channels : HD_TIME_NEVER;
  return true;
}

void dram_terminate(struct dram *d)
{
  free(d->channels);
}

/* Folding the upper bits in keeps power-of-two strides off a single channel. */
static inline uint32_t channel_of(const struct dram *d, uint64_t line)
{
  uint64_t hash = line ^ line >> 6 ^ line >> 12 ^ line >> 18;
  return d->power_of_two ? (uint32_t)hash & (d->n_channels - 1)
                         : (uint32_t)hash % d->n_channels;
}

/* The earliest time from `start` on outside refresh. Starts never decrease, so
 * refreshes that are over are forgotten. */
static inline hd_time after_refresh(const struct dram *d,
                                    struct dram_channel *c, hd_time start)
{
  if (start < c->refresh)
    return start;
  if (start >= c->refresh + d->duration) {
    hd_time late = start - (c->refresh + d->duration);
    c->refresh += (late / d->interval + 1) * d->interval;
    if (start < c->refresh)
      return start;
  }
  return c->refresh + d->duration;
}

hd_time dram_serve(struct dram *d, const struct hd_window *window,
                   uint64_t line, hd_time arrival)
{
  struct dram_channel *c = &d->channels[channel_of(d, line)];
  hd_time start = after_refresh(d, c, hd_time_max(arrival, c->free_at));
  c->free_at = start + d->service;
  hd_busy_add(&d->busy, window, start, c->free_at);
  return start + d->latency;
}
