/*
 * time.h - simulated time: a signed 64-bit count of picoseconds.
 *
 * 64 bits hold 106 days. Every duration and every instant in the simulator is
 * an hd_time; cycles convert through a clock domain (clock.h).
 */
#ifndef HD_ENGINE_TIME_H
#define HD_ENGINE_TIME_H

#include <stdint.h>

typedef int64_t hd_time;
__extension__ typedef unsigned __int128 hd_u128; /* exact products */

#define HD_TIME_NEVER INT64_MAX
#define HD_PS ((hd_time)1)
#define HD_NS ((hd_time)1000)
#define HD_US ((hd_time)1000000)
#define HD_MS ((hd_time)1000000000)
#define HD_S ((hd_time)1000000000000)

static inline hd_time hd_time_max(hd_time a, hd_time b)
{
  return a > b ? a : b;
}

static inline hd_time hd_time_min(hd_time a, hd_time b)
{
  return a < b ? a : b;
}

/* Time to move `bytes` at `bits_per_s`, rounded up to a picosecond.
 * bytes < 2^40, bits_per_s > 0. */
static inline hd_time hd_time_of_bytes(int64_t bytes, int64_t bits_per_s)
{
  hd_u128 ps = (hd_u128)bytes * 8u * 1000000000000u;
  hd_u128 rate = (hd_u128)bits_per_s;
  return (hd_time)((ps + rate - 1) / rate);
}

#endif
