#include "sim/measure/csv.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A cursor over the file's text, which is rewritten in place: a cell never
 * gets longer than its source. */
struct parser {
  struct hd_csv_table *table;
  const char *path;
  char *at, *end;
  size_t line;
  size_t capacity; /* of cells */
  size_t count;    /* cells so far, header included */
};

__attribute__((format(printf, 2, 3))) static bool fail(struct parser *p,
                                                       const char *format, ...)
{
  char message[128];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  snprintf(p->table->error, sizeof p->table->error, "%s:%zu: %s", p->path,
           p->line, message);
  return false;
}

/* The whole stream, with a NUL behind it. NULL: errno. */
static char *slurp(FILE *in, size_t *length)
{
  size_t capacity = 4096, used = 0;
  char *text = malloc(capacity);
  while (text != NULL) {
    used += fread(text + used, 1, capacity - used - 1, in);
    if (used < capacity - 1)
      break;
    capacity *= 2;
    char *larger = realloc(text, capacity);
    if (larger == NULL)
      free(text);
    text = larger;
  }
  if (text == NULL || ferror(in)) {
    free(text);
    return NULL;
  }
  text[used] = '\0';
  *length = used;
  return text;
}

static bool store(struct parser *p, char *cell)
{
  if (p->count == p->capacity) {
    size_t capacity = p->capacity == 0 ? 64 : p->capacity * 2;
    char **cells = realloc(p->table->cells, capacity * sizeof *cells);
    if (cells == NULL)
      return fail(p, "out of memory");
    p->table->cells = cells;
    p->capacity = capacity;
  }
  p->table->cells[p->count++] = cell;
  return true;
}

/* Text between quotes, the cursor behind the first; *close gets the end of the
 * text. */
static bool quoted_cell(struct parser *p, char **close)
{
  size_t opened = p->line;
  char *to = p->at;
  for (;; p->at++) {
    if (p->at == p->end) {
      p->line = opened;
      return fail(p, "quote is not closed");
    }
    if (*p->at == '\n')
      p->line++;
    if (*p->at == '"' && *++p->at != '"')
      break;
    *to++ = *p->at;
  }
  *close = to;
  return true;
}

static bool plain_cell(struct parser *p, char **close)
{
  p->at += strcspn(p->at, ",\"\r\n");
  *close = p->at;
  return *p->at != '"' || fail(p, "quote inside a plain cell");
}

/* Eats what ends a cell. *last: it also ended the row. */
static bool separator(struct parser *p, bool *last)
{
  *last = true;
  if (p->at == p->end)
    return true;
  if (p->at[0] == '\r' && p->at[1] == '\n')
    p->at++;
  char c = *p->at++;
  *last = c == '\n';
  return c == ',' || c == '\n' || fail(p, "unexpected character after a cell");
}

static bool cell(struct parser *p, bool *last)
{
  bool quoted = *p->at == '"';
  char *start = quoted ? ++p->at : p->at, *close = NULL;
  bool whole = quoted ? quoted_cell(p, &close) : plain_cell(p, &close);
  if (!whole || !separator(p, last))
    return false;
  *close = '\0';
  bool missing = !quoted && strcmp(start, "NA") == 0;
  return store(p, missing ? NULL : start);
}

/* One row; its length must be the header's, which is 0 for the header. */
static bool row(struct parser *p, size_t expected)
{
  size_t before = p->count, line = p->line;
  for (bool last = false; !last;)
    if (!cell(p, &last))
      return false;
  size_t cells = p->count - before;
  if (expected != 0 && cells != expected) {
    p->line = line;
    return fail(p, "%zu cells, header has %zu", cells, expected);
  }
  p->line++;
  return true;
}

/* Moves the header out of the cells. */
static bool split_header(struct parser *p)
{
  struct hd_csv_table *t = p->table;
  t->names = malloc(t->columns * sizeof *t->names);
  if (t->names == NULL)
    return fail(p, "out of memory");
  static char na[] = "NA";
  for (size_t i = 0; i < t->columns; i++)
    t->names[i] = t->cells[i] != NULL ? t->cells[i] : na;
  size_t rest = p->count - t->columns;
  memmove(t->cells, t->cells + t->columns, rest * sizeof *t->cells);
  t->rows = rest / t->columns;
  return true;
}

static bool parse(struct parser *p)
{
  if (p->at == p->end)
    return fail(p, "empty file");
  if (memchr(p->at, '\0', (size_t)(p->end - p->at)) != NULL)
    return fail(p, "NUL byte in the file");
  if (!row(p, 0))
    return false;
  p->table->columns = p->count;
  while (p->at < p->end)
    if (!row(p, p->table->columns))
      return false;
  return split_header(p);
}

static char *load(const char *path, size_t *length)
{
  FILE *in = fopen(path, "r");
  if (in == NULL)
    return NULL;
  char *text = slurp(in, length);
  int error = errno;
  fclose(in);
  errno = error;
  return text;
}

bool hd_csv_read(struct hd_csv_table *t, const char *path)
{
  *t = (struct hd_csv_table){0};
  size_t length = 0;
  t->storage = load(path, &length);
  if (t->storage == NULL) {
    snprintf(t->error, sizeof t->error, "%s: %s", path, strerror(errno));
    return false;
  }
  struct parser p = {.table = t, .path = path, .line = 1};
  p.at = t->storage;
  p.end = t->storage + length;
  if (parse(&p))
    return true;
  hd_csv_table_terminate(t);
  return false;
}

void hd_csv_table_terminate(struct hd_csv_table *t)
{
  free(t->names);
  free(t->cells);
  free(t->storage);
  t->names = t->cells = NULL;
  t->storage = NULL;
  t->columns = t->rows = 0;
}

size_t hd_csv_column(const struct hd_csv_table *t, const char *name)
{
  size_t i = 0;
  while (i < t->columns && strcmp(t->names[i], name) != 0)
    i++;
  return i;
}

bool hd_csv_number(const struct hd_csv_table *t, size_t row_index,
                   size_t column, double *value)
{
  const char *text = hd_csv_cell(t, row_index, column);
  if (text == NULL) {
    *value = NAN;
    return true;
  }
  char *end;
  *value = strtod(text, &end);
  return end != text && *end == '\0';
}
