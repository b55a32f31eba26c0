/*
 * measured_where.h - choosing rows of a CSV file by their cells.
 *
 * "COLUMN=VALUE,COLUMN=A|B,COLUMN=LOW..HIGH": all conditions hold. Ranges are
 * numbers and include their ends.
 */
#ifndef HD_CLI_MEASURED_WHERE_H
#define HD_CLI_MEASURED_WHERE_H

#include "sim/measure/csv.h"

struct where_term {
  size_t column;
  const char *text; /* what it may be; inside `storage` */
};

struct where {
  char *storage; /* owned */
  struct where_term *terms;
  size_t n_terms;
};

/* `text` NULL: every row. False: the reason was printed. */
bool cli_where_parse(struct where *w, const struct hd_csv_table *t,
                     const char *file, const char *text);
void cli_where_terminate(struct where *w);
bool cli_where_matches(const struct where *w, const struct hd_csv_table *t,
                       size_t row);

#endif
