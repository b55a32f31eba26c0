/*
 * calibrate.h - the parts of `hdiov-sim calibrate`: what is fitted to what, the
 * report, the preset.
 */
#ifndef HD_CLI_CALIBRATE_H
#define HD_CLI_CALIBRATE_H

#include "sim/cli/calibrate_fit.h"
#include "sim/cli/cli.h"
#include "sim/cli/measured.h"
#include "sim/cli/measured_simulate.h"

/* A parameter that is fitted: "--fit PATH=LOW..HIGH". */
struct calibrate_parameter {
  char *path; /* canonical; owned */
  const struct hd_param *param;
};

struct calibration {
  const struct cli_options *options;
  const char *file; /* scenario */
  struct calibrate_parameter parameters[FIT_PARAMETERS_MAX];
  struct fit_parameter fit[FIT_PARAMETERS_MAX]; /* beside `parameters` */
  size_t n;
  struct measured measured;
  size_t n_values;     /* measured values of all rows */
  size_t n_conditions; /* different simulations for one set of values */
  struct simulator *simulator;
  int status; /* CLI_OK, or why the fit had to stop */
  /* Progress. */
  double best_error; /* mean relative error so far */
  double last_shown; /* seconds */
  size_t evaluations;
};

/* Adds "PATH=LOW..HIGH"; `point` is the scenario as it is. False: the reason
 * was printed. */
bool cli_calibrate_add(struct calibration *c, const struct hd_point *point,
                       const char *text);
/* "71.2 ns"; owned by the caller. */
char *cli_calibrate_text(const struct hd_param *param, double value);

/* What one measured value may be off: 1 %, or the resolution. */
double cli_calibrate_deviation(const struct measured_value *v);

/* A first simulation of every row with the scenario as it is: finds rows that
 * cannot be simulated. False: c->status, and the reason was printed. */
bool cli_calibrate_try(struct calibration *c);
/* fit_evaluate() with a struct calibration. */
bool cli_calibrate_evaluate(void *ctx, const double *values, size_t sets,
                            double *residuals);
/* fit_problem.progress */
void cli_calibrate_progress(void *ctx, size_t evaluations, double error);
void cli_calibrate_end_progress(const struct calibration *c);

/* Parameters with intervals, then a line for each measured value. */
void cli_calibrate_report(const struct calibration *c,
                          const struct fit_result *r, FILE *out);
/* Writes what was identified as a preset. False: the reason was printed. */
bool cli_calibrate_write(const struct calibration *c,
                         const struct fit_result *r, const char *path);

#endif
