/*
 * figure_data.h - a result directory, arranged for drawing.
 *
 * The sweep's axes take three parts: x, the curves, and the rest, whose
 * combinations are panels. A cell is what there is for a panel, a curve and an
 * x value.
 */
#ifndef HD_CLI_FIGURE_DATA_H
#define HD_CLI_FIGURE_DATA_H

#include "sim/cli/summary.h"

#include <jansson.h>

#define FIGURE_NONE ((size_t)-1)

struct figure_axis {
  const char *path, *type, *meaning; /* type: as in manifest.json */
  size_t n;
  const char **texts; /* as the user wrote them */
  double *numbers;    /* base units; NaN: no number */
  bool numeric;       /* all of them are */
};

struct figure_data {
  const char *dir;
  json_t *manifest;
  struct summary summary;
  double level; /* of confidence intervals */
  const char *title;
  struct figure_axis *axes;
  size_t n_axes;
  size_t x, curves; /* indices of axes, or FIGURE_NONE */
  bool log_x_asked, log_y_asked;
  const char **groups; /* curves are VM groups instead; NULL: they are not */
  size_t n_curves, n_panels, n_x; /* at least 1 each */
  size_t *order;                  /* x values by size */
  size_t *cells;                  /* case of (panel, curve, x) */
};

/* `x` and `curves`: paths asked for, or NULL. Returns CLI_OK, or CLI_USAGE
 * after saying why; then nothing is held. */
int cli_figure_data_read(struct figure_data *d, const char *dir, const char *x,
                         const char *curves);
void cli_figure_data_terminate(struct figure_data *d);

/* NULL: nothing is known (not run). `i` counts in the order of size. */
const struct summary_case *cli_figure_cell(const struct figure_data *d,
                                           size_t panel, size_t curve,
                                           size_t i);
/* Is there a result? */
bool cli_figure_is_ok(const struct summary_case *c);
/* Where x value `i` (in order) stands: its number, or its rank. */
double cli_figure_x(const struct figure_data *d, size_t i);
/* Index of the value that a panel has on an axis that is neither x nor
 * curves. */
size_t cli_figure_panel_value(const struct figure_data *d, size_t panel,
                              size_t axis);

/* At most `most` x positions (in order) of a panel, evenly spread: those where
 * all curves have a result, or else where any has. Returns how many. */
size_t cli_figure_choose_x(const struct figure_data *d, size_t panel,
                           size_t most, size_t *chosen);

#endif
