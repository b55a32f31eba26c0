/*
 * figure_axis.h - the x axis of line figures: range, tics, notes.
 */
#ifndef HD_CLI_FIGURE_AXIS_H
#define HD_CLI_FIGURE_AXIS_H

#include "sim/cli/figure_data.h"
#include "sim/cli/figure_script.h"

/* Are its values numbers? Otherwise there is nothing between two of them. */
bool cli_figure_is_numeric(const struct figure_data *d);
/* Is the x axis logarithmic? When asked for, or values span more than 20. */
bool cli_figure_is_log_x(const struct figure_data *d);
/* An x position as it stands in data files: in the axis' unit. */
double cli_figure_x_position(const struct figure_data *d, size_t i);
/* Range, tics and title with the panel's notes; `columns`: panels abreast. */
void cli_figure_put_x(const struct figure_data *d, struct figure_script *s,
                      size_t panel, size_t columns);
/* Lines where curves end because the hardware has no room. */
void cli_figure_put_marks(const struct figure_data *d, struct figure_script *s,
                          size_t panel);
/* How many notes a panel has. */
size_t cli_figure_notes(const struct figure_data *d, size_t panel);

#endif
