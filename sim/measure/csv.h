/*
 * csv.h - tidy CSV: a header row, one observation a row, NA for missing.
 *
 * Writer: columns are declared on opening; cells follow in that order, each by
 * its type. The file appears on close, whole, or not at all. The first error
 * (a wrong number of cells, a failed write) sticks: later calls do nothing and
 * close fails, so only close must be checked.
 *
 * Text is quoted only when it must be: comma, quote, line break, blank at an
 * end, empty, or the text NA. So what is read back and written again as text
 * gives the same bytes, numbers and NA included.
 */
#ifndef HD_MEASURE_CSV_H
#define HD_MEASURE_CSV_H

#include "sim/measure/atomic_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -- writer ------------------------------------------------------------- */

struct hd_csv {
  struct hd_atomic_file file;
  size_t columns;
  size_t cell; /* next in the row at hand */
  size_t rows; /* ended so far, without the header */
  bool failed;
  char error[HD_ATOMIC_ERROR_MAX]; /* first error; "" if none */
};

/* At least one column. On failure nothing is held; the reason is in error. */
bool hd_csv_open(struct hd_csv *w, const char *path, const char *const *columns,
                 size_t count);

void hd_csv_text(struct hd_csv *w, const char *text); /* NULL: NA */
void hd_csv_int(struct hd_csv *w, int64_t value);
void hd_csv_uint(struct hd_csv *w, uint64_t value);
void hd_csv_real(struct hd_csv *w, double value); /* see hd_csv_format_real */
void hd_csv_na(struct hd_csv *w);
void hd_csv_end_row(struct hd_csv *w); /* an error unless the row is full */

/* Ends the file under its final name; frees. False: see error; no trace. An
 * unfinished row is an error. */
bool hd_csv_close(struct hd_csv *w);

/* Frees and leaves no trace; also after a failed open. */
void hd_csv_abandon(struct hd_csv *w);

#define HD_CSV_REAL_MAX 32

/* Six significant digits, without trailing zeros; digits before the point are
 * never dropped: whole numbers below 1e15 are exact and have no decimals.
 * Exponents only below 1e-4 and from 1e15 on. NaN is NA, infinity inf. */
void hd_csv_format_real(char text[static HD_CSV_REAL_MAX], double value);

/* -- reader ------------------------------------------------------------- */

struct hd_csv_table {
  size_t columns, rows; /* rows without the header */
  char **names;         /* of the columns */
  char **cells;         /* row by row; NULL: NA */
  char *storage;        /* internal: holds all texts */
  char error[HD_ATOMIC_ERROR_MAX];
};

/* Reads a whole file: RFC 4180, lines ending in LF or CR LF, every row as long
 * as the header. On failure nothing is held; error has file and line. */
bool hd_csv_read(struct hd_csv_table *t, const char *path);
void hd_csv_table_terminate(struct hd_csv_table *t);

/* Index of a column, or t->columns if there is none of that name. */
size_t hd_csv_column(const struct hd_csv_table *t, const char *name);

/* Text of a cell, owned by the table; NULL for NA. */
static inline const char *hd_csv_cell(const struct hd_csv_table *t, size_t row,
                                      size_t column)
{
  return t->cells[row * t->columns + column];
}

/* Number in a cell; NaN for NA. False if it is no number to its last byte. */
bool hd_csv_number(const struct hd_csv_table *t, size_t row, size_t column,
                   double *value);

#endif
