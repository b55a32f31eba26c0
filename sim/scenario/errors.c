#include "sim/scenario/errors.h"

#include "sim/scenario/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct hd_error {
  size_t file, line, column, order;
  const char *text;
};

struct hd_errors {
  struct hd_arena arena;
  struct hd_error *items;
  const char **files;
  size_t count, file_count, added;
};

struct hd_errors *hd_errors_create(void)
{
  struct hd_errors *errors = calloc(1, sizeof *errors);
  if (errors == NULL)
    abort();
  return errors;
}

void hd_errors_destroy(struct hd_errors *errors)
{
  if (errors == NULL)
    return;
  hd_arena_free(&errors->arena);
  free(errors);
}

size_t hd_errors_count(const struct hd_errors *errors)
{
  return errors->count;
}

size_t hd_errors_added(const struct hd_errors *errors)
{
  return errors->added;
}

const char *hd_errors_text(const struct hd_errors *errors, size_t index)
{
  return index < errors->count ? errors->items[index].text : NULL;
}

void hd_errors_print(const struct hd_errors *errors, FILE *out)
{
  for (size_t i = 0; i < errors->count; i++)
    fprintf(out, "%s\n", errors->items[i].text);
}

bool hd_errors_full(const struct hd_errors *errors)
{
  return errors->count > HD_ERRORS_MAX;
}

static size_t file_index(struct hd_errors *errors, const char *file)
{
  for (size_t i = 0; i < errors->file_count; i++)
    if (strcmp(errors->files[i], file) == 0)
      return i;
  errors->files = hd_arena_grow(&errors->arena, errors->files,
                                errors->file_count, sizeof *errors->files);
  errors->files[errors->file_count] =
      hd_arena_copy(&errors->arena, file, strlen(file));
  return errors->file_count++;
}

void hd_errors_file(struct hd_errors *errors, const char *file)
{
  (void)file_index(errors, file);
}

static void append(struct hd_errors *errors, struct hd_error error)
{
  errors->items = hd_arena_grow(&errors->arena, errors->items, errors->count,
                                sizeof *errors->items);
  error.order = errors->count;
  errors->items[errors->count++] = error;
}

static char *line_of(struct hd_errors *errors, struct hd_mark mark,
                     const char *message)
{
  char *line =
      mark.line == 0
          ? hd_arena_printf(&errors->arena, "%s: error: %s", mark.file, message)
          : hd_arena_printf(&errors->arena, "%s:%zu:%zu: error: %s", mark.file,
                            mark.line, mark.column, message);
  for (char *c = line; *c != '\0'; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f)
      *c = '?';
  return line;
}

static bool known(const struct hd_errors *errors, const char *line)
{
  for (size_t i = 0; i < errors->count; i++)
    if (strcmp(errors->items[i].text, line) == 0)
      return true;
  return false;
}

void hd_errors_add(struct hd_errors *errors, struct hd_mark mark,
                   const char *format, ...)
{
  char message[2048];
  errors->added++;
  if (hd_errors_full(errors))
    return;
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  const char *line = line_of(errors, mark, message);
  if (known(errors, line))
    return;
  if (errors->count == HD_ERRORS_MAX) {
    append(errors, (struct hd_error){.file = SIZE_MAX,
                                     .text = "error: too many errors; the rest "
                                             "are not shown"});
    return;
  }
  append(errors, (struct hd_error){.file = file_index(errors, mark.file),
                                   .line = mark.line,
                                   .column = mark.column,
                                   .text = line});
}

static int compare_size(size_t a, size_t b)
{
  return (a > b) - (a < b);
}

static int compare(const void *left, const void *right)
{
  const struct hd_error *a = left, *b = right;
  int order = compare_size(a->file, b->file);
  if (order == 0)
    order = compare_size(a->line, b->line);
  if (order == 0)
    order = compare_size(a->column, b->column);
  return order != 0 ? order : compare_size(a->order, b->order);
}

void hd_errors_sort(struct hd_errors *errors)
{
  if (errors->count > 1)
    qsort(errors->items, errors->count, sizeof *errors->items, compare);
  for (size_t i = 0; i < errors->count; i++)
    errors->items[i].order = i;
}
