/*
 * clock.h - clock domains.
 *
 * A domain turns cycles into picoseconds. hd_clock_take() carries the
 * remainder of each conversion into the next one, so that a million
 * conversions of one cycle last exactly as long as one of a million cycles.
 */
#ifndef HD_ENGINE_CLOCK_H
#define HD_ENGINE_CLOCK_H

#include <stdint.h>

#include "sim/engine/time.h"

struct hd_clock {
  int64_t hz;        /* > 0 */
  int64_t remainder; /* of the last conversion, in 1/hz picoseconds, < hz */
};

static inline struct hd_clock hd_clock_at(int64_t hz)
{
  return (struct hd_clock){.hz = hz, .remainder = 0};
}

/* Duration of `cycles` (>= 0), rounded down, without state. */
static inline hd_time hd_clock_span(const struct hd_clock *c, int64_t cycles)
{
  return (hd_time)((hd_u128)cycles * 1000000000000u / (uint64_t)c->hz);
}

/* Duration of the next `cycles` (>= 0) of this domain; rounding never
 * accumulates over successive calls. */
static inline hd_time hd_clock_take(struct hd_clock *c, int64_t cycles)
{
  if ((uint64_t)cycles < 1000000) { /* no need for a wide division */
    uint64_t narrow =
        (uint64_t)cycles * 1000000000000u + (uint64_t)c->remainder;
    c->remainder = (int64_t)(narrow % (uint64_t)c->hz);
    return (hd_time)(narrow / (uint64_t)c->hz);
  }
  hd_u128 scaled = (hd_u128)cycles * 1000000000000u + (uint64_t)c->remainder;
  c->remainder = (int64_t)(scaled % (uint64_t)c->hz);
  return (hd_time)(scaled / (uint64_t)c->hz);
}

/* Whole cycles that fit in `span` (>= 0). */
static inline int64_t hd_clock_cycles(const struct hd_clock *c, hd_time span)
{
  return (int64_t)((hd_u128)span * (uint64_t)c->hz / 1000000000000u);
}

#endif
