#include "sim/engine/rng.h"

#include <string.h>

struct xoshiro {
  uint64_t s[4];
};

static inline uint64_t rotl(uint64_t x, int k)
{
  return (x << k) | (x >> (64 - k));
}

static uint64_t next(struct xoshiro *x)
{
  uint64_t result = rotl(x->s[0] + x->s[3], 23) + x->s[0];
  uint64_t t = x->s[1] << 17;
  x->s[2] ^= x->s[0];
  x->s[3] ^= x->s[1];
  x->s[1] ^= x->s[2];
  x->s[0] ^= x->s[3];
  x->s[2] ^= t;
  x->s[3] = rotl(x->s[3], 45);
  return result;
}

static void xoshiro_set(void *state, unsigned long seed)
{
  struct xoshiro *x = state;
  uint64_t z = seed;
  for (int i = 0; i < 4; i++)
    x->s[i] = hd_mix64(z += 0x9e3779b97f4a7c15u);
}

static unsigned long xoshiro_get(void *state)
{
  return next(state);
}

static double xoshiro_get_double(void *state)
{
  return (double)(next(state) >> 11) * 0x1p-53;
}

static const gsl_rng_type xoshiro_type = {
    .name = "xoshiro256++",
    .max = UINT64_MAX,
    .min = 0,
    .size = sizeof(struct xoshiro),
    .set = xoshiro_set,
    .get = xoshiro_get,
    .get_double = xoshiro_get_double,
};

const gsl_rng_type *const hd_rng_xoshiro256pp = &xoshiro_type;

uint64_t hd_hash_string(uint64_t basis, const char *text)
{
  uint64_t h = hd_mix64(basis + 0x9e3779b97f4a7c15u);
  size_t length = strlen(text);
  for (size_t i = 0; i < length; i++)
    h = hd_mix64(h ^ (uint64_t)(unsigned char)text[i]) + i;
  return hd_mix64(h ^ length);
}

gsl_rng *hd_rng_new(uint64_t seed, const char *path, const char *purpose)
{
  gsl_rng *rng = gsl_rng_alloc(hd_rng_xoshiro256pp);
  uint64_t key = hd_hash_string(hd_hash_string(seed, path), purpose);
  gsl_rng_set(rng, key);
  return rng;
}
