/*
 * text.h - words for messages: hints, lists, clipped citations, and text that
 * YAML reads back unchanged.
 */
#ifndef HD_SCENARIO_TEXT_H
#define HD_SCENARIO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/engine/nearest.h"

/* "a, b, c", ending in "..." when it grows too long. */
struct hd_list {
  char text[640];
  size_t length;
};

void hd_list_add(struct hd_list *list, const char *item);

/* At most 60 bytes of a text, for citing it in a message. */
struct hd_clip {
  char text[64];
};

struct hd_clip hd_clip(const char *text);

/* "; did you mean 'x'?" or "" - `list` is used when nothing is near. */
struct hd_hint {
  char text[768];
};

struct hd_hint hd_hint(const struct hd_nearest *nearest, const char *what,
                       const struct hd_list *list);

#define HD_NAME_MAX 127
/* A letter or '_', then letters, digits, '_' and '-'; HD_NAME_MAX at most. */
bool hd_is_name(const char *text);
bool hd_is_utf8(const char *text);
/* A double-quoted YAML scalar in ASCII; `text` must be valid UTF-8. */
void hd_write_quoted(FILE *out, const char *text);

#endif
