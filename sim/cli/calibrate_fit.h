/*
 * calibrate_fit.h - finds parameter values with the least squares of residuals.
 *
 * Knows nothing of simulators: a callback turns parameter values into
 * residuals, each in units of what one measurement may be off (1 is good, 3 is
 * bad). Values are looked for between `low` and `high` from several starts:
 * quasi-random points are screened, the best ones descend by GSL's trust-region
 * least squares with coarse finite differences, then whole-numbered parameters
 * are searched as whole numbers, while the others are taken to follow. A
 * simplex polishes the best point. At the end the Jacobian says how far each
 * value is fixed by the data.
 */
#ifndef HD_CLI_CALIBRATE_FIT_H
#define HD_CLI_CALIBRATE_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIT_PARAMETERS_MAX = 20 };

struct fit_parameter {
  const char *name;
  double low, high; /* low < high */
  double start;     /* where the user is now; outside the range: ignored */
  double unit;      /* values are whole multiples of it; above 0 */
  bool integer;     /* searched unit by unit */
  bool logarithmic; /* low > 0: steps are relative */
};

/* Fills residuals[set * m ...] for `sets` lists of values[set * n ...]. A set
 * that cannot be evaluated gets NaN. False: stop; the fit ends at once. */
typedef bool fit_evaluate(void *ctx, const double *values, size_t sets,
                          double *residuals);

struct fit_problem {
  const struct fit_parameter *parameters;
  size_t n; /* 1 to FIT_PARAMETERS_MAX */
  size_t m; /* residuals */
  fit_evaluate *evaluate;
  /* After every step; NULL: none. `error` is the root of the mean square. */
  void (*progress)(void *ctx, size_t evaluations, double error);
  void *ctx;
  size_t starts; /* at least 1 */
  uint64_t seed; /* of the quasi-random starts */
};

enum fit_verdict {
  FIT_IDENTIFIED,
  FIT_NO_EFFECT, /* no residual changes between low and high */
  FIT_TOO_WIDE,  /* the interval spans the range */
  FIT_CONFOUNDED /* with `partner`: another value of both does as well */
};

struct fit_estimate {
  double value;
  double low, high; /* 95 % interval, within the range */
  enum fit_verdict verdict;
  size_t partner; /* FIT_CONFOUNDED */
};

struct fit_result {
  struct fit_estimate estimate[FIT_PARAMETERS_MAX];
  double *residuals; /* m; owned */
  double error;      /* root of the mean square of residuals */
  size_t evaluations;
  bool found;    /* some values could be evaluated */
  bool complete; /* not stopped; intervals are there */
};

void cli_fit(const struct fit_problem *p, struct fit_result *r);
void cli_fit_terminate(struct fit_result *r);

#endif
