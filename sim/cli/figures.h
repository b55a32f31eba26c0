/*
 * figures.h - gnuplot figures of a result directory.
 *
 * Reads DIR/summary.csv, breakdown.csv, timeseries.csv, manifest.json and the
 * latency files; leaves in DIR/figures for each figure a script (.gp), its data
 * (.dat), and what gnuplot made of them (.png, .svg).
 */
#ifndef HD_CLI_FIGURES_H
#define HD_CLI_FIGURES_H

#include <stdbool.h>

struct figure_options {
  const char *x, *curves; /* paths of axes; NULL: as the scenario says */
  bool quiet;             /* do not list the files */
};

bool cli_figures_possible(void); /* is gnuplot there? */

/* CLI_OK, CLI_FAILED or CLI_USAGE (no results, no such axis). */
int cli_figures(const char *dir, const struct figure_options *options);

#endif
