/*
 * figure_kinds.h - the figures. Each draws its files into DIR/figures and adds
 * their names to a list; a figure that has nothing to show adds none.
 */
#ifndef HD_CLI_FIGURE_KINDS_H
#define HD_CLI_FIGURE_KINDS_H

#include "sim/cli/figure_data.h"

struct figure_list {
  const char *dir; /* DIR/figures */
  char **names;    /* without endings; owned */
  size_t count;
  bool failed;
};

/* Takes `name` over. */
void cli_figure_list_add(struct figure_list *list, char *name, bool drawn);

/* Lines over the x axis: throughput, requests, latency percentiles. */
void cli_figure_lines(const struct figure_data *d, struct figure_list *list);
/* Throughput against time, one line a curve, at a few x values. */
void cli_figure_series(const struct figure_data *d, struct figure_list *list);
/* Distribution of latency, one line a curve, at a few x values. */
void cli_figure_cdf(const struct figure_data *d, struct figure_list *list);
/* Where the time goes: stacked bars at a few x values. */
void cli_figure_stages(const struct figure_data *d, struct figure_list *list);

#endif
