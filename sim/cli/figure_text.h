/*
 * figure_text.h - words and units on figures. Texts are the caller's to free.
 */
#ifndef HD_CLI_FIGURE_TEXT_H
#define HD_CLI_FIGURE_TEXT_H

#include "sim/cli/figure_data.h"

/* A unit to show values in: base units in one of it. */
struct figure_unit {
  const char *name; /* "": none */
  double scale;
};

/* What suits the values of an axis. */
struct figure_unit cli_figure_axis_unit(const struct figure_axis *a);
/* ns, us or ms for nanoseconds up to `max`. */
struct figure_unit cli_figure_time_unit(double max_ns);

/* "Virtual machines", "Interrupt throttling". */
char *cli_figure_axis_name(const struct figure_data *d, size_t axis);
/* With the unit: "Datagram payload (B)". */
char *cli_figure_axis_title(const struct figure_data *d, size_t axis);
/* "SR-IOV", "64 queue pairs"; the group's name; "" when there is one curve. */
char *cli_figure_curve_name(const struct figure_data *d, size_t curve);
/* The same without the axis: "64". */
char *cli_figure_curve_value(const struct figure_data *d, size_t curve);
/* "Queue pairs: 4, Page size: 2m"; "" without such axes. */
char *cli_figure_panel_name(const struct figure_data *d, size_t panel);
/* The same for a file's name: "queue_pairs-4-page_size-2m". */
char *cli_figure_panel_slug(const struct figure_data *d, size_t panel);
/* An x value as the scenario writes it; of a design, its name. */
const char *cli_figure_x_text(const struct figure_data *d, size_t i);
/* An x value with its axis: "Virtual machines: 64"; "" without an axis. */
char *cli_figure_x_name(const struct figure_data *d, size_t i);
/* What a stage of breakdown.csv is called. */
const char *cli_figure_stage_name(const struct figure_data *d,
                                  const char *stage);

#endif
