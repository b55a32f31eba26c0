/*
 * dram.h - DRAM channels: line-interleaved, first come first served.
 *
 * A channel moves one line every `service`; a line that begins service at t is
 * there at t + latency (the burst is part of the latency). During refresh
 * (tRFC out of every tREFI) no line begins service; the channels' refresh
 * times are staggered evenly. The hash of the line spreads any aligned run of
 * lines evenly over a power-of-two number of channels.
 */
#ifndef HD_MODELS_MEMORY_DRAM_H
#define HD_MODELS_MEMORY_DRAM_H

#include "sim/engine/time.h"
#include "sim/measure/gauge.h"

struct dram_channel {
  hd_time free_at; /* end of the last line's service */
  hd_time refresh; /* begin of the refresh not yet over at the last start */
};

struct dram {
  struct dram_channel *channels;
  uint32_t n_channels;
  bool power_of_two;
  hd_time service;            /* ps per line */
  hd_time latency;            /* ps */
  hd_time interval, duration; /* ps, of refresh; interval 0: none */
  struct hd_busy busy;
};

/* `rate`: bit/s per channel. False when there is no memory. */
bool dram_initialize(struct dram *d, uint32_t n_channels, int64_t rate,
                     hd_time latency, hd_time interval, hd_time duration);
void dram_terminate(struct dram *d);

/* ---- serving; inline, since a packet is two dozen lines ------------- */

/* Folding the upper bits in keeps power-of-two strides off a single channel. */
static inline uint32_t dram_channel_of(const struct dram *d, uint64_t line)
{
  uint64_t hash = line ^ line >> 6 ^ line >> 12 ^ line >> 18;
  return d->power_of_two ? (uint32_t)hash & (d->n_channels - 1)
                         : (uint32_t)hash % d->n_channels;
}

/* The earliest time from `start` on outside refresh. Starts never decrease, so
 * refreshes that are over are forgotten. */
static inline hd_time dram_after_refresh(const struct dram *d,
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

/* Serves one line that arrives at `arrival` (which never decreases from call to
 * call); returns when its data is there. For writes, only the channel's time
 * matters. */
static inline hd_time dram_serve(struct dram *d, const struct hd_window *window,
                                 uint64_t line, hd_time arrival)
{
  struct dram_channel *c = &d->channels[dram_channel_of(d, line)];
  hd_time start = dram_after_refresh(d, c, hd_time_max(arrival, c->free_at));
  c->free_at = start + d->service;
  hd_busy_add(&d->busy, window, start, c->free_at);
  return start + d->latency;
}

#endif
