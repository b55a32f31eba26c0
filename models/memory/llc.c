/* llc.c - tag store of a last-level cache, see llc.h. */
#include "models/memory/llc.h"

#include "sim/engine/engine.h"

#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

__extension__ typedef unsigned __int128 llc_wide;
typedef uint8_t llc_lanes __attribute__((vector_size(16)));

static const llc_lanes way_numbers[LLC_WAYS_MAX / 16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}};

enum { SET_ALIGNMENT = 128 };

static inline size_t set_bytes(const struct llc *l)
{
  return (size_t)l->stride * 8;
}

static inline uint32_t *tags_of(const struct llc *l, size_t set)
{
  return (uint32_t *)(void *)(l->sets + set * set_bytes(l));
}

static inline uint8_t *ranks_of(const struct llc *l, size_t set)
{
  return l->sets + set * set_bytes(l) + 4 * l->stride;
}

static inline uint32_t *dirty_of(const struct llc *l, size_t set)
{
  return (uint32_t *)(void *)(l->sets + set * set_bytes(l) + 5 * l->stride);
}

static inline uint32_t *in_core_of(const struct llc *l, size_t set)
{
  return dirty_of(l, set) + 1;
}

bool llc_initialize(struct llc *l, uint64_t size, unsigned ways)
{
  uint64_t sets = size / LLC_LINE / ways;
  if (sets == 0)
    sets = 1;
  if (sets >= 64)
    sets &= ~UINT64_C(63);
  *l = (struct llc){.ways = ways, .stride = ways <= 16 ? 16 : 32};
  l->low_bits = (unsigned)__builtin_ctzll(sets);
  l->odd = (uint32_t)(sets >> l->low_bits);
  l->odd_inverse = UINT64_MAX / l->odd + 1; /* 0 for odd == 1 */
  l->allocation = calloc(sets * set_bytes(l) + SET_ALIGNMENT, 1);
  l->held = calloc(LLC_BLOCKS, sizeof *l->held);
  if (!l->allocation || !l->held)
    return false;
  uintptr_t start = (uintptr_t)l->allocation;
  l->sets = l->allocation + (SET_ALIGNMENT - start % SET_ALIGNMENT);
  return true;
}

void llc_terminate(struct llc *l)
{
  free(l->allocation);
  free(l->held);
}

/* Remainder of a 32-bit number by multiplication (Lemire, Kaser, Kurz 2019). */
static inline uint32_t modulo_odd(const struct llc *l, uint32_t high)
{
  uint64_t fraction = l->odd_inverse * high;
  return (uint32_t)(((llc_wide)fraction * l->odd) >> 64);
}

struct llc_place llc_locate(const struct llc *l, uint64_t line)
{
  uint32_t high = (uint32_t)(line >> l->low_bits);
  uint64_t low = line & ((UINT64_C(1) << l->low_bits) - 1);
  size_t set = (size_t)(low | (uint64_t)modulo_odd(l, high) << l->low_bits);
  return (struct llc_place){.line = line, .set = set, .tag = high + 1};
}

/* Ways of 16 consecutive tags that hold `tag`, as a mask. */
#ifdef __SSE2__
static inline uint32_t matches(const uint32_t *tags, uint32_t tag)
{
  const __m128i *v = (const __m128i *)(const void *)tags;
  __m128i wanted = _mm_set1_epi32((int)tag);
  __m128i low = _mm_packs_epi32(_mm_cmpeq_epi32(v[0], wanted),
                                _mm_cmpeq_epi32(v[1], wanted));
  __m128i high = _mm_packs_epi32(_mm_cmpeq_epi32(v[2], wanted),
                                 _mm_cmpeq_epi32(v[3], wanted));
  return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high));
}
#else
static inline uint32_t matches(const uint32_t *tags, uint32_t tag)
{
  uint32_t found = 0;
  for (unsigned i = 0; i < 16; i++)
    found |= (uint32_t)(tags[i] == tag) << i;
  return found;
}
#endif

/* The way that holds `tag`, or -1. */
static inline int way_of(const struct llc *l, size_t set, uint32_t tag)
{
  const uint32_t *tags = tags_of(l, set);
  uint32_t found = matches(tags, tag);
  if (l->stride > 16)
    found |= matches(tags + 16, tag) << 16;
  return found ? __builtin_ctz(found) : -1;
}

static inline uint8_t rank_of(const struct llc *l, size_t set, unsigned way)
{
  return (uint8_t)(ranks_of(l, set)[way] ^ way);
}

/* Makes `way` the most recently used: all that were more recent age by one. */
static inline void promote(struct llc *l, size_t set, unsigned way)
{
  uint8_t rank = rank_of(l, set, way);
  uint8_t *ranks = ranks_of(l, set);
  if (rank == 0)
    return;
  for (unsigned base = 0; base < l->stride; base += 16) {
    llc_lanes v;
    memcpy(&v, ranks + base, sizeof v);
    v ^= way_numbers[base / 16];
    v -= (llc_lanes)(v < rank);
    v ^= way_numbers[base / 16];
    memcpy(ranks + base, &v, sizeof v);
  }
  ranks[way] = (uint8_t)way;
}

/* Makes `way` the least recently used. */
static void demote(struct llc *l, size_t set, unsigned way)
{
  uint8_t rank = rank_of(l, set, way);
  for (unsigned w = 0; w < l->ways; w++) {
    uint8_t r = rank_of(l, set, w);
    if (r > rank)
      ranks_of(l, set)[w] = (uint8_t)((unsigned)(r - 1) ^ w);
  }
  ranks_of(l, set)[way] = (uint8_t)((l->ways - 1) ^ way);
}

static inline void set_bit(uint32_t *bits, uint32_t bit, bool on)
{
  *bits = on ? *bits | bit : *bits & ~bit;
}

/* Consecutive lines are in consecutive sets, but for where the low bits wrap.
 */
void llc_fetch(const struct llc *l, uint64_t line, uint64_t bytes)
{
  const unsigned char *set = l->sets + llc_locate(l, line).set * set_bytes(l);
  hd_fetch(set, (bytes / LLC_LINE + 1) * set_bytes(l));
}

enum llc_state llc_touch(struct llc *l, const struct llc_place *p,
                         enum llc_access access)
{
  if (!l->used)
    return LLC_ABSENT;
  size_t set = p->set;
  int way = way_of(l, set, p->tag);
  if (way < 0)
    return LLC_ABSENT;
  promote(l, set, (unsigned)way);
  uint32_t bit = UINT32_C(1) << way, *in_core = in_core_of(l, set);
  enum llc_state found = *in_core & bit ? LLC_IN_CORE : LLC_PRESENT;
  if (access != LLC_READ) {
    *dirty_of(l, set) |= bit;
    set_bit(in_core, bit, access == LLC_CORE_WRITE);
  }
  return found;
}

/* The line in a way whose tag is `tag`. */
static inline uint64_t line_of(const struct llc *l, size_t set, uint32_t tag)
{
  return (uint64_t)(tag - 1) << l->low_bits |
         (set & ((UINT64_C(1) << l->low_bits) - 1));
}

/* The oldest of the ways in `mask`. Ways never used are older than all used
 * ones, so invalid ways go first. */
static inline unsigned victim_way(const struct llc *l, size_t set,
                                  uint32_t mask)
{
  unsigned victim = (unsigned)__builtin_ctz(mask);
  uint8_t oldest = rank_of(l, set, victim);
  for (mask &= mask - 1; mask; mask &= mask - 1) {
    unsigned way = (unsigned)__builtin_ctz(mask);
    uint8_t rank = rank_of(l, set, way);
    if (rank > oldest) {
      oldest = rank;
      victim = way;
    }
  }
  return victim;
}

static inline void count_in(struct llc *l, uint64_t line)
{
  uint32_t block = llc_block(line);
  l->held[block]++;
  l->some[block / 64] |= UINT64_C(1) << block % 64;
}

static inline void count_out(struct llc *l, uint64_t line)
{
  uint32_t block = llc_block(line);
  if (--l->held[block] == 0)
    l->some[block / 64] &= ~(UINT64_C(1) << block % 64);
}

bool llc_allocate(struct llc *l, const struct llc_place *p, uint32_t mask,
                  enum llc_access access, uint64_t *victim)
{
  size_t set = p->set;
  unsigned way = victim_way(l, set, mask);
  uint32_t bit = UINT32_C(1) << way;
  l->used = true;
  uint32_t *slot = tags_of(l, set) + way;
  uint32_t *dirty_ways = dirty_of(l, set);
  bool evicted = (*dirty_ways & bit) != 0;
  if (*slot) {
    *victim = line_of(l, set, *slot);
    count_out(l, *victim);
  }
  *slot = p->tag;
  count_in(l, p->line);
  set_bit(dirty_ways, bit, access != LLC_READ);
  set_bit(in_core_of(l, set), bit, access == LLC_CORE_WRITE);
  promote(l, set, way);
  return evicted;
}

void llc_drop(struct llc *l, const struct llc_place *p)
{
  size_t set = p->set;
  int way = way_of(l, set, p->tag);
  if (way < 0)
    return;
  tags_of(l, set)[way] = 0;
  count_out(l, p->line);
  set_bit(dirty_of(l, set), UINT32_C(1) << way, false);
  set_bit(in_core_of(l, set), UINT32_C(1) << way, false);
  demote(l, set, (unsigned)way);
}

/* Are the counts those of `held` lines in all, and the bits those of the
 * counts? */
static bool is_counted(const struct llc *l, uint64_t held)
{
  for (size_t i = 0; i < LLC_BLOCKS; i++) {
    held -= l->held[i];
    if ((l->some[i / 64] >> i % 64 & 1) != (l->held[i] > 0))
      return false;
  }
  return held == 0;
}

const char *llc_check(const struct llc *l)
{
  size_t sets = l->used ? (size_t)l->odd << l->low_bits : 0;
  uint64_t held = 0;
  for (size_t s = 0; s < sets; s++) {
    uint32_t seen = 0;
    for (unsigned w = 0; w < l->ways; w++) {
      uint32_t tag = tags_of(l, s)[w];
      seen |= UINT32_C(1) << (rank_of(l, s, w) & 31);
      held += tag != 0;
      if (tag == 0 && (*dirty_of(l, s) >> w & 1))
        return "an invalid LLC way is dirty";
      if (tag != 0 && way_of(l, s, tag) != (int)w)
        return "an LLC line is in two ways";
      if (tag != 0 && l->held[llc_block(line_of(l, s, tag))] == 0)
        return "an LLC line is not counted for its block";
    }
    if (seen != llc_way_mask(l->ways))
      return "LRU order of an LLC set is not a permutation";
  }
  return is_counted(l, held) ? NULL : "LLC lines and their counts differ";
}
