/*
 * validate_words.h - what curves and axes of a validation's figures are called.
 */
#ifndef HD_CLI_VALIDATE_WORDS_H
#define HD_CLI_VALIDATE_WORDS_H

#include "sim/cli/validate.h"

/* "T630 read, cold": the cells of a point's curve columns; owned. */
char *cli_validate_curve(const struct validate_point *p);
/* Where a point stands on the x axis; NaN: nowhere. */
double cli_validate_x(const struct validate_point *p);
/* The tics of an x axis and its title, as gnuplot takes them; owned. */
char *cli_validate_x_axis(const char *x);
/* "Latency (ns)", "Bandwidth (Gb/s)"; `gbps`: which it is. */
const char *cli_validate_y_title(const struct validate_point *p, bool *gbps);

#endif
