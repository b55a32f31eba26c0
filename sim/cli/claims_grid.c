/* Published figures: columns and lines of the table for people. */
#include "sim/cli/claims_grid.h"

#include <stdbool.h>
#include <string.h>

enum { WIDTH = 100, GAP = 2 };

static const char *const titles[CLAIMS_COLUMNS] = {
    "what", "published", "simulated", "verdict", "tolerance", "source"};
/* Beyond these, text goes on in the next line. */
static const size_t widest[CLAIMS_COLUMNS] = {[CLAIMS_PUBLISHED] = 16,
                                              [CLAIMS_SIMULATED] = 16,
                                              [CLAIMS_VERDICT] = 12,
                                              [CLAIMS_TOLERANCE] = 9};

struct layout {
  const struct claims_grid *grid;
  size_t width[CLAIMS_COLUMNS];
};

/* -- laying out ---------------------------------------------------------------
 */

/* Characters of UTF-8 text. */
static size_t length_of(const char *text, size_t bytes)
{
  size_t length = 0;
  for (size_t i = 0; i < bytes; i++)
    length += ((unsigned char)text[i] & 0xC0) != 0x80;
  return length;
}

static size_t smaller(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* The texts share what the numbers leave as their lengths are, the source with
 * a third at least. */
static void share_width(struct layout *g)
{
  size_t room = WIDTH - GAP * (CLAIMS_COLUMNS - 1);
  for (size_t i = CLAIMS_PUBLISHED; i < CLAIMS_SOURCE; i++)
    room -= g->width[i];
  size_t *what = &g->width[CLAIMS_WHAT], *source = &g->width[CLAIMS_SOURCE];
  if (*what + *source <= room)
    return;
  size_t share = room * *source / (*what + *source);
  *source = smaller(*source, share > room / 3 ? share : room / 3);
  *what = smaller(*what, room - *source);
}

static void measure(struct layout *g)
{
  for (size_t i = 0; i < CLAIMS_COLUMNS; i++) {
    g->width[i] = strlen(titles[i]);
    for (size_t row = 0; row < g->grid->rows; row++) {
      size_t length =
          length_of(g->grid->cells[row][i], strlen(g->grid->cells[row][i]));
      g->width[i] = length > g->width[i] ? length : g->width[i];
    }
    if (widest[i] != 0)
      g->width[i] = smaller(g->width[i], widest[i]);
  }
  share_width(g);
}

/* -- printing -----------------------------------------------------------------
 */

static const char *skip_blanks(const char *text)
{
  return text + strspn(text, " ");
}

/* Bytes of the text that fit in one line: words, or as much of one as fits. */
static size_t take_line(const char *text, size_t width)
{
  size_t end = 0, length = 0, best = 0;
  for (; text[end] != '\0'; end++) {
    bool starts = ((unsigned char)text[end] & 0xC0) != 0x80;
    if (text[end] == ' ' && text[end - 1] != ' ')
      best = end;
    if (starts && ++length > width)
      return best > 0 ? best : end;
  }
  return end;
}

static bool is_number(const char *text)
{
  return strchr("-0123456789<>", text[0]) != NULL;
}

/* Prints one line of the row; `rest` moves on to what did not fit. */
static void print_line(const struct layout *g, const char *rest[CLAIMS_COLUMNS],
                       const bool right[CLAIMS_COLUMNS], FILE *out)
{
  size_t blanks = 0;
  for (size_t i = 0; i < CLAIMS_COLUMNS; i++) {
    size_t bytes = take_line(rest[i], g->width[i]);
    size_t fill = g->width[i] - length_of(rest[i], bytes);
    blanks += i > 0 ? GAP : 0;
    if (bytes == 0) {
      blanks += g->width[i];
      continue;
    }
    blanks += right[i] ? fill : 0;
    fprintf(out, "%*s%.*s", (int)blanks, "", (int)bytes, rest[i]);
    blanks = right[i] ? 0 : fill;
    rest[i] = skip_blanks(rest[i] + bytes);
  }
  fputc('\n', out);
}

static void print_cells(const struct layout *g, const char *const *cells,
                        FILE *out)
{
  const char *rest[CLAIMS_COLUMNS];
  bool right[CLAIMS_COLUMNS], more = true;
  for (size_t i = 0; i < CLAIMS_COLUMNS; i++) {
    rest[i] = skip_blanks(cells[i]);
    right[i] = is_number(rest[i]) && i != CLAIMS_WHAT && i != CLAIMS_SOURCE;
  }
  while (more) {
    print_line(g, rest, right, out);
    more = false;
    for (size_t i = 0; i < CLAIMS_COLUMNS; i++)
      more = more || rest[i][0] != '\0';
  }
}

static void print_rule(const struct layout *g, FILE *out)
{
  for (size_t i = 0; i < CLAIMS_COLUMNS; i++) {
    if (i > 0)
      fprintf(out, "%*s", GAP, "");
    for (size_t j = 0; j < g->width[i]; j++)
      fputc('-', out);
  }
  fputc('\n', out);
}

void cli_claims_grid_print(const struct claims_grid *g, FILE *out)
{
  struct layout layout = {.grid = g};
  measure(&layout);
  print_cells(&layout, titles, out);
  print_rule(&layout, out);
  for (size_t row = 0; row < g->rows; row++)
    print_cells(&layout, (const char *const *)g->cells[row], out);
}
