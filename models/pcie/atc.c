/*
 * atc.c - the cache, and the numbers of its streams.
 */
#include "models/pcie/atc.h"

#include <stdlib.h>

#include "models/iommu/cache.h"
#include "models/pcie/tlp.h"

enum { FIRST_SLOTS = 64, STREAM_SHIFT = 43, SIZE_SHIFT = 41, SIZES = 3 };

/* Of a line's value: the host page, and this. */
#define LINE_WRITE UINT64_C(1)

/* Streams of one device spread over the sets, as domains do in the IOTLB. */
#define STREAM_STRIDE UINT64_C(0x9e3779b1)

struct stream_slot {
  uint64_t name;   /* of the stream, + 1; 0: free */
  uint32_t number; /* in the order of first use */
};

struct pcie_atc {
  struct vtd_cache cache;
  uint32_t used_sizes;       /* bit per size ever filled */
  struct stream_slot *slots; /* open addressing; power of two */
  uint32_t n_slots, n_streams;
};

/* ---- streams ------------------------------------------------------------ */

static uint32_t slot_of(const struct stream_slot *slots, uint32_t n,
                        uint64_t name)
{
  uint32_t i = (uint32_t)(name * 0x9e3779b97f4a7c15u >> 32) & (n - 1);
  while (slots[i].name && slots[i].name != name)
    i = (i + 1) & (n - 1);
  return i;
}

static bool grow(struct pcie_atc *a)
{
  uint32_t n = a->n_slots * 2;
  struct stream_slot *wider = calloc(n, sizeof *wider);
  if (!wider)
    return false;
  for (uint32_t i = 0; i < a->n_slots; i++)
    if (a->slots[i].name)
      wider[slot_of(wider, n, a->slots[i].name)] = a->slots[i];
  free(a->slots);
  a->slots = wider;
  a->n_slots = n;
  return true;
}

uint32_t pcie_atc_stream(struct pcie_atc *a, uint16_t requester, bool has_pasid,
                         uint32_t pasid)
{
  uint64_t name = (uint64_t)requester << 21 |
                  (has_pasid ? (uint64_t)1 << 20 | (pasid & 0xfffff) : 0);
  struct stream_slot *s = &a->slots[slot_of(a->slots, a->n_slots, name + 1)];
  if (s->name)
    return s->number;
  if (a->n_streams == PCIE_ATC_STREAMS)
    return UINT32_MAX;
  if (2 * a->n_streams >= a->n_slots) {
    if (!grow(a))
      return UINT32_MAX;
    s = &a->slots[slot_of(a->slots, a->n_slots, name + 1)];
  }
  *s = (struct stream_slot){name + 1, a->n_streams};
  return a->n_streams++;
}

/* ---- translations ------------------------------------------------------- */

static inline unsigned shift_of(unsigned size)
{
  return 12 + 9 * size;
}

static inline uint64_t key_of(uint32_t stream, unsigned size, uint64_t address)
{
  return (uint64_t)stream << STREAM_SHIFT | (uint64_t)size << SIZE_SHIFT |
         address >> shift_of(size);
}

bool pcie_atc_find(struct pcie_atc *a, uint32_t stream, uint64_t address,
                   struct pcie_translation *t)
{
  for (uint32_t sizes = a->used_sizes; sizes; sizes &= sizes - 1) {
    unsigned size = (unsigned)__builtin_ctz(sizes);
    const uint64_t *line =
        vtd_cache_find(&a->cache, key_of(stream, size, address));
    if (line) {
      uint64_t offset = address & ((UINT64_C(1) << shift_of(size)) - 1);
      t->host = (*line & ~UINT64_C(4095)) | offset;
      t->writable = (*line & LINE_WRITE) != 0;
      return true;
    }
  }
  return false;
}

void pcie_atc_insert(struct pcie_atc *a, uint32_t stream, uint64_t address,
                     uint64_t entry)
{
  unsigned shift = pcie_entry_shift(entry), size = SIZES - 1;
  while (shift_of(size) > shift)
    size--;
  /* The part of the page, if it is larger, in which the address lies. */
  uint64_t within = shift >= 64 ? UINT64_MAX : (UINT64_C(1) << shift) - 1;
  uint64_t part = address & within & ~((UINT64_C(1) << shift_of(size)) - 1);
  uint64_t key = key_of(stream, size, address);
  uint64_t page = key & ((UINT64_C(1) << SIZE_SHIFT) - 1);
  a->used_sizes |= 1u << size;
  vtd_cache_insert(&a->cache, page + stream * STREAM_STRIDE, key,
                   (pcie_entry_page(entry) + part) |
                       (entry & PCIE_ENTRY_WRITE ? LINE_WRITE : 0));
}

size_t pcie_atc_drop(struct pcie_atc *a, uint32_t stream, uint64_t address,
                     unsigned shift)
{
  size_t n = 0;
  for (unsigned size = 0; size < SIZES; size++) {
    unsigned bits = shift > shift_of(size) ? shift - shift_of(size) : 0;
    uint64_t mask = UINT64_MAX << (bits < SIZE_SHIFT ? bits : SIZE_SHIFT);
    uint64_t key = key_of(stream, size, shift >= 64 ? 0 : address);
    n += vtd_cache_remove_keys(&a->cache, mask, key & mask);
  }
  return n;
}

/* ---- life --------------------------------------------------------------- */

void pcie_atc_destroy(struct pcie_atc *a)
{
  vtd_cache_terminate(&a->cache);
  free(a->slots);
  free(a);
}

struct pcie_atc *pcie_atc_create(int64_t entries, int64_t ways)
{
  struct pcie_atc *a = calloc(1, sizeof *a);
  if (!a)
    return NULL;
  a->n_slots = FIRST_SLOTS;
  a->slots = calloc(a->n_slots, sizeof *a->slots);
  if (!a->slots ||
      !vtd_cache_initialize(&a->cache, entries, ways, VTD_LRU, NULL)) {
    pcie_atc_destroy(a);
    return NULL;
  }
  return a;
}

const char *pcie_atc_check(const struct pcie_atc *a)
{
  return vtd_cache_check(&a->cache);
}
