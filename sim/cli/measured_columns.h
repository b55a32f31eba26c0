/*
 * measured_columns.h - what the columns of a file of measurements mean; for
 * measured.c.
 */
#ifndef HD_CLI_MEASURED_COLUMNS_H
#define HD_CLI_MEASURED_COLUMNS_H

#include "sim/cli/measured.h"
#include "sim/cli/measured_alias.h"

enum column_kind {
  COLUMN_IGNORED,
  COLUMN_PATH,  /* sets the parameter that it is named after */
  COLUMN_ALIAS, /* sets what its alias says */
  COLUMN_METRIC /* was measured */
};

struct measured_column {
  enum column_kind kind;
  const struct alias_column *alias;  /* COLUMN_ALIAS */
  const struct alias_metric *metric; /* COLUMN_METRIC of an alias; or NULL */
  size_t outcome;                    /* COLUMN_METRIC */
  double resolution;
};

/* Is this the path of a parameter, or below a group such as vms? */
bool cli_measured_is_path(const char *name);

/* One for each column of the file; owned by the caller. NULL: nothing is
 * measured; the reason was printed. */
struct measured_column *cli_measured_columns(const struct measured_file *f,
                                             const struct measured_options *o);

/* Adds a setting; the same again is no error. False: another value is set
 * already, which was said. */
bool cli_measured_set(struct measured_row *row, const char *column,
                      const char *path, const char *value);
/* Adds what a cell with a condition sets. False: the reason was printed. */
bool cli_measured_condition(struct measured_row *row,
                            const struct measured_column *c, size_t column,
                            const struct measured_options *o);

#endif
