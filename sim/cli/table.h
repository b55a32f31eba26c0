/*
 * table.h - the result table for people.
 */
#ifndef HD_CLI_TABLE_H
#define HD_CLI_TABLE_H

#include "sim/cli/summary.h"

#include <stdio.h>

/* Prints a row for each point and group: the axes, and the metrics that apply
 * anywhere in the summary. At most `limit` rows; then how many more there
 * are. */
void cli_table_print(const struct summary *s, double level, size_t limit,
                     FILE *out);

#endif
