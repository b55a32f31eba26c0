/*
 * arena.h - memory that is released all at once.
 *
 * Every allocation is zeroed and lives until hd_arena_free. Running out of
 * memory ends the process: it is the one failure not reported as an error.
 */
#ifndef HD_SCENARIO_ARENA_H
#define HD_SCENARIO_ARENA_H

#include <stddef.h>

struct hd_arena {
  struct hd_arena_block *head; /* NULL: empty; zero is a valid arena */
};

void *hd_arena_alloc(struct hd_arena *arena, size_t size);
char *hd_arena_copy(struct hd_arena *arena, const char *text, size_t length);
char *hd_arena_printf(struct hd_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for one more item behind `count` items of `size` bytes: returns `items`
 * or a larger copy of it. Call it before every append. */
void *hd_arena_grow(struct hd_arena *arena, void *items, size_t count,
                    size_t size);

void hd_arena_free(struct hd_arena *arena);

#endif
