/*
 * measured.h - rows of measurements: conditions of a scenario, and what was
 * measured under them.
 *
 * A column whose name is a parameter's path (bench.transfer, iommu.page_size)
 * sets a condition of its rows, with values as in --set. A column named like a
 * column of summary.csv (dma_gbps, latency_p50_ns), or like a quantile of
 * measured_outcome.h, was measured. Names of the pcie-bench data set are
 * understood, too (measured_alias.c). Other columns are ignored. NA: no such
 * condition, or not measured.
 */
#ifndef HD_CLI_MEASURED_H
#define HD_CLI_MEASURED_H

#include "sim/measure/csv.h"

#include <stdbool.h>
#include <stddef.h>

struct measured_value {
  size_t outcome; /* see measured_outcome.h */
  double value;
  double resolution; /* smallest step between the column's values; 0: unknown */
};

struct measured_row {
  const struct hd_csv_table *table; /* borrowed from the file */
  const char *file;
  size_t index;         /* in the table */
  char **sets;          /* "PATH=VALUE", owned */
  const char **columns; /* where each setting comes from; owned array */
  size_t n_sets;
  struct measured_value *values; /* owned; at least one */
  size_t n_values;
};

struct measured_file {
  const char *path;
  struct hd_csv_table table;
  bool listed; /* its ignored columns have been named */
};

struct measured {
  struct measured_file **files;
  size_t n_files;
  struct measured_row *rows;
  size_t n_rows;
};

struct measured_options {
  /* "op=rd,transfer_bytes=64|128,window_bytes=8192..65536" on the file's own
   * columns; NULL: all rows. */
  const char *where;
  const char *metrics; /* names, separated by commas or blanks; NULL: all */
  bool host_selects;   /* the alias column `host` sets nothing */
  bool quiet;          /* do not list ignored columns */
};

/* Adds a file's rows; `path` must live on. False: the reason was printed, with
 * file, line and column; what was read before stays. */
bool cli_measured_read(struct measured *m, const char *path,
                       const struct measured_options *o);
void cli_measured_terminate(struct measured *m);

/* The line of a row in its file. */
size_t cli_measured_line(const struct measured_row *row);
/* Does a row set this path? */
bool cli_measured_sets(const struct measured_row *row, const char *path);

#endif
