#include "sim/cli/measured_where.h"

#include "sim/cli/cli.h"
#include "sim/scenario/text.h"

#include <stdlib.h>
#include <string.h>

static bool no_column(const struct hd_csv_table *t, const char *file,
                      const char *name)
{
  struct hd_nearest nearest = hd_nearest_to(name);
  struct hd_list list = {.length = 0};
  for (size_t i = 0; i < t->columns; i++) {
    hd_nearest_try(&nearest, t->names[i]);
    hd_list_add(&list, t->names[i]);
  }
  cli_message("%s has no column '%s'%s", file, hd_clip(name).text,
              hd_hint(&nearest, "columns are", &list).text);
  return false;
}

static bool add_term(struct where *w, const struct hd_csv_table *t,
                     const char *file, char *term)
{
  term += strspn(term, " ");
  char *equals = strchr(term, '=');
  if (equals == NULL || equals == term) {
    cli_message("'%s' does not choose rows; write COLUMN=VALUE,...",
                hd_clip(term).text);
    return false;
  }
  *equals = '\0';
  size_t column = hd_csv_column(t, term);
  if (column == t->columns)
    return no_column(t, file, term);
  w->terms = cli_resize(w->terms, w->n_terms + 1, sizeof *w->terms);
  w->terms[w->n_terms++] = (struct where_term){column, equals + 1};
  return true;
}

bool cli_where_parse(struct where *w, const struct hd_csv_table *t,
                     const char *file, const char *text)
{
  *w = (struct where){.storage = cli_format("%s", text != NULL ? text : "")};
  char *rest = text != NULL ? w->storage : NULL;
  for (char *term; (term = strsep(&rest, ",")) != NULL;)
    if (!add_term(w, t, file, term)) {
      cli_where_terminate(w);
      return false;
    }
  return true;
}

void cli_where_terminate(struct where *w)
{
  free(w->storage);
  free(w->terms);
  *w = (struct where){0};
}

/* "LOW..HIGH"; false: `text` is no range. */
static bool range_of(const char *text, size_t length, double *low, double *high)
{
  char *end;
  *low = strtod(text, &end);
  /* "8192.." reads as 8192., so one point may be gone. */
  if (end > text && end[-1] == '.')
    end--;
  if (end == text || strncmp(end, "..", 2) != 0)
    return false;
  const char *second = end + 2;
  *high = strtod(second, &end);
  return end == text + length && end != second;
}

static bool is_one_of(const char *text, const char *cell)
{
  char *end;
  double low, high, value = strtod(cell, &end);
  bool number = end != cell && *end == '\0';
  for (;; text++) {
    size_t length = strcspn(text, "|");
    if (strlen(cell) == length && strncmp(text, cell, length) == 0)
      return true;
    if (number && range_of(text, length, &low, &high) && value >= low &&
        value <= high)
      return true;
    text += length;
    if (*text == '\0')
      return false;
  }
}

bool cli_where_matches(const struct where *w, const struct hd_csv_table *t,
                       size_t row)
{
  for (size_t i = 0; i < w->n_terms; i++) {
    const char *cell = hd_csv_cell(t, row, w->terms[i].column);
    if (!is_one_of(w->terms[i].text, cell != NULL ? cell : "NA"))
      return false;
  }
  return true;
}
