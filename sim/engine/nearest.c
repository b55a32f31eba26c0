#include "sim/engine/nearest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define LONGEST_WORD 64

static size_t least(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* Insertions, deletions, substitutions and swaps of neighbours. */
static size_t distance(const char *a, const char *b)
{
  size_t rows[3][LONGEST_WORD + 1];
  size_t m = strlen(a), n = strlen(b);
  if (m > LONGEST_WORD || n > LONGEST_WORD)
    return SIZE_MAX;
  for (size_t j = 0; j <= n; j++)
    rows[0][j] = j;
  for (size_t i = 1; i <= m; i++) {
    size_t *row = rows[i % 3], *above = rows[(i + 2) % 3];
    row[0] = i;
    for (size_t j = 1; j <= n; j++) {
      row[j] = least(least(above[j], row[j - 1]) + 1,
                     above[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = least(row[j], rows[(i + 1) % 3][j - 2] + 1);
    }
  }
  return rows[m % 3][n];
}

struct hd_nearest hd_nearest_to(const char *word)
{
  size_t limit = least((strlen(word) + 2) / 3, 3);
  return (struct hd_nearest){.word = word, .distance = limit + 1};
}

void hd_nearest_try(struct hd_nearest *nearest, const char *candidate)
{
  size_t length = strlen(nearest->word);
  size_t found = distance(nearest->word, candidate);
  if (strcasecmp(nearest->word, candidate) == 0)
    found = 0;
  bool prefix = length >= 3 && strncmp(nearest->word, candidate, length) == 0;
  if (prefix)
    found = least(found, 1);
  if (found >= nearest->distance || found >= length)
    return;
  nearest->distance = found;
  nearest->best = candidate;
}
