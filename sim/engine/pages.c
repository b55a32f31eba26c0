/*
 * pages.c - large pages for the models' state.
 *
 * What hundreds of VMs touch in turn lies on more pages of 4 KiB than a
 * processor's TLB holds. Then most accesses walk page tables first, a nested
 * walk when the simulator itself runs in a VM. All of it is a hint to Linux:
 * where there are no large pages, nothing changes but the speed.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/engine/internal.h"

/* malloc's heap grows in steps of so many bytes; what is not touched costs
 * nothing. Blocks up to the second size come from it. */
enum { HEAP_STEP = 128 << 20, LARGEST = 32 << 20 };

/* Where malloc's next large block will be; not to be accessed. The block is
 * larger than what malloc has ready when `more`: that makes the heap grow. */
static uintptr_t next_block(bool more)
{
  size_t size = more ? mallinfo2().keepcost + 1 : LARGEST / 2;
  void *volatile block = malloc(size);
  free(block);
  return (uintptr_t)block;
}

static void advise_from(uintptr_t start, int advice)
{
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), end = (uintptr_t)sbrk(0);
  start = (start + page - 1) & ~(page - 1);
  if (start < end && end - start <= 2 * (uintptr_t)HEAP_STEP)
    (void)madvise((void *)start, end - start, advice);
}

void hd_pages_prepare(void)
{
  if (mallopt(M_TOP_PAD, HEAP_STEP) && mallopt(M_MMAP_THRESHOLD, LARGEST))
    advise_from(next_block(true), MADV_HUGEPAGE);
}

void hd_pages_set_large(bool large)
{
  advise_from(next_block(false), large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}
