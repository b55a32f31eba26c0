/*
 * finish.h - what follows the simulation: tables, manifest, words.
 */
#ifndef HD_CLI_FINISH_H
#define HD_CLI_FINISH_H

#include "sim/cli/outdir.h"
#include "sim/cli/plan.h"

/* Merges the records and prints the table. Returns the exit status. */
int cli_finish(const struct plan *p, const struct outdir *d, double wall_s);
/* Lists the files of DIR that hold results: "DIR (a, b)". */
void cli_finish_print_files(const struct outdir *d);
/* Seconds of a clock that only goes forward. */
double cli_finish_clock(void);
/* Processors that this process may use. */
size_t cli_finish_processors(void);

#endif
