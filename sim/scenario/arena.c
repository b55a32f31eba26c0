#include "sim/scenario/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hd_arena_block {
  struct hd_arena_block *next;
  alignas(max_align_t) unsigned char data[];
};

void *hd_arena_alloc(struct hd_arena *arena, size_t size)
{
  struct hd_arena_block *block = calloc(1, sizeof *block + size);
  if (block == NULL)
    abort();
  block->next = arena->head;
  arena->head = block;
  return block->data;
}

char *hd_arena_copy(struct hd_arena *arena, const char *text, size_t length)
{
  char *copy = hd_arena_alloc(arena, length + 1);
  if (length > 0)
    memcpy(copy, text, length);
  return copy;
}

char *hd_arena_printf(struct hd_arena *arena, const char *format, ...)
{
  char brief[256]; /* most texts fit and are formatted once */
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int length = vsnprintf(brief, sizeof brief, format, args);
  va_end(args);
  if (length < 0)
    abort();
  char *text = hd_arena_alloc(arena, (size_t)length + 1);
  if ((size_t)length < sizeof brief)
    memcpy(text, brief, (size_t)length);
  else
    vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  return text;
}

void *hd_arena_grow(struct hd_arena *arena, void *items, size_t count,
                    size_t size)
{
  const size_t first = 4;
  bool full = count == 0 || (count >= first && (count & (count - 1)) == 0);
  if (!full)
    return items;
  void *larger = hd_arena_alloc(arena, (count == 0 ? first : 2 * count) * size);
  if (count > 0)
    memcpy(larger, items, count * size);
  return larger;
}

void hd_arena_free(struct hd_arena *arena)
{
  struct hd_arena_block *block = arena->head;
  while (block != NULL) {
    struct hd_arena_block *next = block->next;
    free(block);
    block = next;
  }
  arena->head = NULL;
}
