/*
 * table.h - the result table for people.
 */
#ifndef HD_CLI_TABLE_H
#define HD_CLI_TABLE_H

#include <stdbool.h>

/* Prints what summary.csv in `dir` says to stdout: a row for each point and
 * group, with the axes, and the metrics that apply anywhere; confidence of
 * level `level`. At most 200 rows; then how many more there are. Returns false,
 * with a message, if the file cannot be read. */
bool cli_table_print(const char *dir, double level);

#endif
