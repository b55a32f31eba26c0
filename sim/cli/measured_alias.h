/*
 * measured_alias.h - columns that are understood under other names: those of
 * the pcie-bench data set.
 */
#ifndef HD_CLI_MEASURED_ALIAS_H
#define HD_CLI_MEASURED_ALIAS_H

#include <stddef.h>

/* How a column's values become settings. */
enum alias_form {
  ALIAS_SAME,  /* PATH=VALUE */
  ALIAS_BYTES, /* PATH=VALUE B */
  ALIAS_WORDS, /* by the words below */
  ALIAS_HOST,  /* by the words below; may be told to set nothing */
  ALIAS_VALID  /* rows with 0 are left out */
};

struct alias_column {
  const char *column;
  enum alias_form form;
  const char *path; /* ALIAS_SAME, ALIAS_BYTES */
};

/* A value of a column with words; up to two settings. */
struct alias_word {
  const char *column, *value;
  const char *sets[2]; /* "PATH=VALUE" or NULL */
};

/* A measured column. */
struct alias_metric {
  const char *column, *outcome; /* a name of measured_outcome.h */
  const char *set;              /* what such a measurement needs; or NULL */
};

/* NULL: no alias. */
const struct alias_column *cli_alias_column(const char *column);
const struct alias_word *cli_alias_word(const char *column, const char *value);
const struct alias_metric *cli_alias_metric(const char *column);

#endif
