/*
 * llc.h - tag store of a last-level cache: set-associative, true LRU, with a
 * mask of ways that a class of traffic may allocate in (Intel CAT and DDIO work
 * like this: any way may hit, only the masked ways are filled).
 *
 * A line is a physical address divided by LLC_LINE. Consecutive lines go to
 * consecutive sets. The number of sets need not be a power of two (Sapphire
 * Rapids: 56 slices of 2048 sets); it is split into odd << low_bits, and only
 * the odd factor costs a multiplication.
 *
 * Most of what is read was never in the cache: packets, which software wrote.
 * So lines are counted by blocks of 64 KiB, in fewer counters than there are
 * blocks: where the counter is zero no set needs to be looked at. That is known
 * from a bit per counter, since the bits stay in the processor's own cache.
 *
 * Memory: 128 bytes a set of up to 16 ways, 256 of up to 32 (14 MiB for a cache
 * of 105 MiB), and 264 KiB of counters and bits; all of it starts as zero bytes
 * from calloc(), so what is never touched costs nothing. A set is one pair of
 * the real machine's lines.
 */
#ifndef HD_MODELS_MEMORY_LLC_H
#define HD_MODELS_MEMORY_LLC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLC_LINE 64 /* bytes */
#define LLC_LINE_SHIFT 6
#define LLC_WAYS_MAX 32

enum { LLC_BLOCK_LINES = 1024, LLC_BLOCKS = 1 << 16 };

/* A set, of `stride` (16 or 32) ways:
 *   uint32_t tags[stride]   upper bits of the line + 1; 0: invalid
 *   uint8_t ranks[stride]   LRU rank (0: last used) ^ way, so that zero bytes
 *                           are a valid order
 *   uint32_t dirty          a bit per way
 *   uint32_t in_core        a bit per way: written by a core, which may still
 *                           have it in its own caches, newer than here */
struct llc {
  unsigned char *sets, *allocation;
  uint32_t *held;       /* lines, by llc_block() */
  uint64_t odd_inverse; /* for the remainder modulo odd */
  uint32_t odd;         /* number of sets = odd << low_bits */
  unsigned low_bits, ways, stride;
  bool used; /* some line has ever been in it; else no set is looked at */
  uint64_t some[LLC_BLOCKS / 64]; /* bit per block: it holds lines */
};

/* The counter of a line's block. Neighbours have neighbouring counters; the
 * upper bits see to it that machines of the same layout have others. */
static inline uint32_t llc_block(uint64_t line)
{
  uint64_t block = line / LLC_BLOCK_LINES;
  return (uint32_t)(block ^ block / 1024 * 0x9e37) % LLC_BLOCKS;
}

/* Geometry: size / LLC_LINE / ways sets, rounded down to a multiple of 64 (so
 * that 32-bit tags cover 16 TiB) unless there are fewer; at least one. False
 * when there is no memory. 1 <= ways <= LLC_WAYS_MAX. */
bool llc_initialize(struct llc *l, uint64_t size, unsigned ways);
void llc_terminate(struct llc *l);

/* True if the line can be told from all other lines below it. */
static inline bool llc_can_hold(const struct llc *l, uint64_t line)
{
  return line >> l->low_bits < UINT32_MAX;
}

/* Who does what to a line. A device takes a line from a core by writing it. */
enum llc_access { LLC_READ, LLC_DEVICE_WRITE, LLC_CORE_WRITE };
/* What was found, before the access. */
enum llc_state { LLC_ABSENT, LLC_PRESENT, LLC_IN_CORE };

/* Where a line belongs. */
struct llc_place {
  uint64_t line;
  size_t set;
  uint32_t tag;
};
struct llc_place llc_locate(const struct llc *l, uint64_t line);

/* False: none of the lines is held. True: some may be. */
static inline bool llc_may_hold(const struct llc *l, uint64_t first,
                                uint64_t last)
{
  for (uint64_t line = first; line <= last;
       line = (line / LLC_BLOCK_LINES + 1) * LLC_BLOCK_LINES) {
    uint32_t block = llc_block(line);
    if (l->some[block / 64] >> block % 64 & 1)
      return true;
  }
  return false;
}

/* The next line's place. */
static inline void llc_advance(const struct llc *l, struct llc_place *p)
{
  if (++p->line & ((UINT64_C(1) << l->low_bits) - 1))
    p->set++;
  else
    *p = llc_locate(l, p->line);
}

/* Looks the line up; when present it becomes the most recently used one of its
 * set, and dirty if written. */
enum llc_state llc_touch(struct llc *l, const struct llc_place *p,
                         enum llc_access access);

/* Puts an absent line into the least recently used of the ways in `mask` (not
 * 0). True when a dirty line was evicted, which is then *victim; otherwise that
 * may change, too. */
bool llc_allocate(struct llc *l, const struct llc_place *p, uint32_t mask,
                  enum llc_access access, uint64_t *victim);

/* Fetches the sets of the lines of `bytes` from `line` on: see hd_fetch(). */
void llc_fetch(const struct llc *l, uint64_t line, uint64_t bytes);

/* Invalidates the line, without write-back. */
void llc_drop(struct llc *l, const struct llc_place *p);

/* NULL, or what is wrong; visits all sets of a cache that was used. */
const char *llc_check(const struct llc *l);

static inline uint32_t llc_way_mask(unsigned ways)
{
  return ways >= 32 ? UINT32_MAX : (UINT32_C(1) << ways) - 1;
}

#endif
