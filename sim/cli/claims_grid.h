/*
 * claims_grid.h - a table whose texts go on in further lines.
 */
#ifndef HD_CLI_CLAIMS_GRID_H
#define HD_CLI_CLAIMS_GRID_H

#include <stddef.h>
#include <stdio.h>

enum {
  CLAIMS_WHAT,
  CLAIMS_PUBLISHED,
  CLAIMS_SIMULATED,
  CLAIMS_VERDICT,
  CLAIMS_TOLERANCE,
  CLAIMS_SOURCE,
  CLAIMS_COLUMNS
};

struct claims_grid {
  size_t rows;
  char *(*cells)[CLAIMS_COLUMNS]; /* owned */
};

/* Prints titles and rows, 100 characters wide at most. */
void cli_claims_grid_print(const struct claims_grid *g, FILE *out);

#endif
