#include "sim/measure/csv.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Whole numbers and positional notation below this. */
#define POSITIONAL_MAX 1e15
#define POSITIONAL_MIN 1e-4
#define DIGITS 6

static void fail(struct hd_csv *w, const char *message)
{
  if (w->failed)
    return;
  w->failed = true;
  const char *path = w->file.path != NULL ? w->file.path : "csv";
  snprintf(w->error, sizeof w->error, "%s: row %zu: %s", path, w->rows + 1,
           message);
}

/* Separator before the next cell. False if there is no room for one. */
static bool begin_cell(struct hd_csv *w)
{
  if (w->failed)
    return false;
  if (w->cell == w->columns) {
    fail(w, "more cells than columns");
    return false;
  }
  if (w->cell++ > 0)
    fputc(',', w->file.stream);
  return true;
}

static bool is_blank(char c)
{
  return c == ' ' || c == '\t';
}

static bool needs_quotes(const char *text)
{
  size_t length = strlen(text);
  return length == 0 || is_blank(text[0]) || is_blank(text[length - 1]) ||
         strpbrk(text, ",\"\r\n") != NULL || strcmp(text, "NA") == 0;
}

static void put_quoted(FILE *out, const char *text)
{
  fputc('"', out);
  for (; *text != '\0'; text++) {
    if (*text == '"')
      fputc('"', out);
    fputc(*text, out);
  }
  fputc('"', out);
}

/* A cell that needs no quotes. */
static void put_plain(struct hd_csv *w, const char *text)
{
  if (begin_cell(w))
    fputs(text, w->file.stream);
}

void hd_csv_text(struct hd_csv *w, const char *text)
{
  if (text == NULL)
    put_plain(w, "NA");
  else if (!needs_quotes(text))
    put_plain(w, text);
  else if (begin_cell(w))
    put_quoted(w->file.stream, text);
}

void hd_csv_int(struct hd_csv *w, int64_t value)
{
  char text[HD_CSV_REAL_MAX];
  snprintf(text, sizeof text, "%" PRId64, value);
  put_plain(w, text);
}

void hd_csv_uint(struct hd_csv *w, uint64_t value)
{
  char text[HD_CSV_REAL_MAX];
  snprintf(text, sizeof text, "%" PRIu64, value);
  put_plain(w, text);
}

void hd_csv_real(struct hd_csv *w, double value)
{
  char text[HD_CSV_REAL_MAX];
  hd_csv_format_real(text, value);
  put_plain(w, text);
}

void hd_csv_na(struct hd_csv *w)
{
  put_plain(w, "NA");
}

void hd_csv_end_row(struct hd_csv *w)
{
  if (w->failed)
    return;
  if (w->cell != w->columns) {
    fail(w, "fewer cells than columns");
    return;
  }
  fputc('\n', w->file.stream);
  w->cell = 0;
  w->rows++;
}

bool hd_csv_open(struct hd_csv *w, const char *path, const char *const *columns,
                 size_t count)
{
  *w = (struct hd_csv){.columns = count};
  if (!hd_atomic_open(&w->file, path)) {
    w->failed = true;
    memcpy(w->error, w->file.error, sizeof w->error);
    return false;
  }
  if (count == 0) {
    fail(w, "no columns");
    hd_csv_abandon(w);
    return false;
  }
  for (size_t i = 0; i < count; i++)
    hd_csv_text(w, columns[i]);
  hd_csv_end_row(w);
  w->rows = 0;
  return true;
}

bool hd_csv_close(struct hd_csv *w)
{
  if (w->cell != 0)
    fail(w, "unfinished");
  if (w->failed) {
    hd_csv_abandon(w);
    return false;
  }
  if (hd_atomic_commit(&w->file))
    return true;
  w->failed = true;
  memcpy(w->error, w->file.error, sizeof w->error);
  return false;
}

void hd_csv_abandon(struct hd_csv *w)
{
  hd_atomic_abandon(&w->file);
  w->failed = true;
}

/* Digits after the point that leave six significant ones, at least none. */
static int decimals_of(double magnitude)
{
  int before = (int)floor(log10(magnitude)) + 1;
  return before >= DIGITS ? 0 : DIGITS - before;
}

/* Whatever LC_NUMERIC says. */
static void use_point(char *text)
{
  char *comma = strchr(text, ',');
  if (comma != NULL)
    *comma = '.';
}

static void strip_zeros(char *text)
{
  char *point = strchr(text, '.');
  if (point == NULL)
    return;
  char *end = text + strlen(text);
  while (end[-1] == '0')
    end--;
  if (end - 1 == point)
    end--;
  *end = '\0';
}

static bool is_whole(double value)
{
  return trunc(value) >= value && trunc(value) <= value;
}

static void format_exponent(char text[static HD_CSV_REAL_MAX], double value)
{
  snprintf(text, HD_CSV_REAL_MAX, "%.*g", DIGITS, value);
  use_point(text);
}

static void format_decimals(char text[static HD_CSV_REAL_MAX], double value)
{
  snprintf(text, HD_CSV_REAL_MAX, "%.*f", decimals_of(fabs(value)), value);
  use_point(text);
  strip_zeros(text);
}

void hd_csv_format_real(char text[static HD_CSV_REAL_MAX], double value)
{
  double magnitude = fabs(value);
  if (isnan(value))
    strcpy(text, "NA");
  else if (isinf(value))
    strcpy(text, value > 0 ? "inf" : "-inf");
  else if (magnitude < POSITIONAL_MAX && is_whole(value))
    snprintf(text, HD_CSV_REAL_MAX, "%" PRId64, (int64_t)value);
  else if (magnitude < POSITIONAL_MIN || magnitude >= POSITIONAL_MAX)
    format_exponent(text, value);
  else
    format_decimals(text, value);
}
