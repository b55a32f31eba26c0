/*
 * nearest.h - the known word nearest to a mistyped one, for messages.
 */
#ifndef HD_ENGINE_NEAREST_H
#define HD_ENGINE_NEAREST_H

#include <stddef.h>

/* Words are borrowed. */
struct hd_nearest {
  const char *word, *best; /* best NULL: nothing near enough */
  size_t distance;
};

struct hd_nearest hd_nearest_to(const char *word);
void hd_nearest_try(struct hd_nearest *nearest, const char *candidate);

#endif
