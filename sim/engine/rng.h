/*
 * rng.h - random streams: one per component and purpose.
 *
 * A stream is keyed by (seed, path, purpose), so that adding a draw in one
 * component shifts no other, and two designs can be compared on common random
 * numbers. Distributions are GSL's; the generator is xoshiro256++ (Blackman,
 * Vigna 2019), seeded with 64 bits, registered as a gsl_rng_type.
 */
#ifndef HD_ENGINE_RNG_H
#define HD_ENGINE_RNG_H

#include <gsl/gsl_rng.h>
#include <stdint.h>

extern const gsl_rng_type *const hd_rng_xoshiro256pp;

/* A new stream; free with gsl_rng_free(). */
gsl_rng *hd_rng_new(uint64_t seed, const char *path, const char *purpose);

/* Mixes 64 bits (the finaliser of splitmix64); for keys and hashes. */
static inline uint64_t hd_mix64(uint64_t x)
{
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/* 64-bit hash of a string, chained from `basis`. */
uint64_t hd_hash_string(uint64_t basis, const char *text);

#endif
