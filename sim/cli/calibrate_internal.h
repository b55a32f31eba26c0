/*
 * calibrate_internal.h - the parts of a fit; for calibrate_*.c only.
 *
 * Inside, each parameter is a coordinate from 0 (low) to 1 (high), linear or
 * logarithmic. What is evaluated is the nearest value that the parameter can
 * have, so close coordinates may be the same point.
 */
#ifndef HD_CLI_CALIBRATE_INTERNAL_H
#define HD_CLI_CALIBRATE_INTERNAL_H

#include "sim/cli/calibrate_fit.h"

struct fit_state {
  const struct fit_problem *p;
  size_t evaluations;
  bool stopped;
  double cost; /* of the best point: sum of squares; INFINITY */
  double best[FIT_PARAMETERS_MAX]; /* its coordinates */
  double *residuals;               /* its residuals; m */
};

/* A value that the parameter can have, for a coordinate (clamped). */
double cli_fit_value(const struct fit_parameter *p, double u);
double cli_fit_coordinate(const struct fit_parameter *p, double value);
/* Rounds a coordinate to that of a value the parameter can have. */
double cli_fit_snap(const struct fit_parameter *p, double u);

/* Evaluates `sets` points of n coordinates each; remembers the best. False:
 * stopped. */
bool cli_fit_points(struct fit_state *s, const double *u, size_t sets,
                    double *residuals);
/* INFINITY when a residual is no number. */
double cli_fit_cost(const double *residuals, size_t m);

/* Which parameters move, and by how much to differentiate. */
struct fit_moves {
  bool moves[FIT_PARAMETERS_MAX];
  double step; /* of coordinates */
};

/* d residual / d coordinate: `columns` of m each, one a moving parameter,
 * around u; `base` are the residuals there. False: stopped. */
bool cli_fit_jacobian(struct fit_state *s, const double *u,
                      const struct fit_moves *moves, double *base,
                      double *columns);

/* Improves u by least squares. False: stopped. */
bool cli_fit_descend(struct fit_state *s, double *u,
                     const struct fit_moves *moves);
/* Searches the integers among the parameters. False: stopped. */
bool cli_fit_integers(struct fit_state *s, double *u);
/* Improves the best point without derivatives. False: stopped. */
bool cli_fit_polish(struct fit_state *s);
/* Intervals and verdicts at the best point. False: stopped. */
bool cli_fit_identify(struct fit_state *s, struct fit_estimate *estimates);

#endif
