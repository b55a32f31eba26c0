/* How far the data fix each parameter: the Jacobian at the best point. */
#include "sim/cli/calibrate_internal.h"

#include "sim/cli/cli.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEP 0.04          /* of coordinates */
#define NOTHING 1e-9       /* a change of residuals that is none */
#define SINGULAR 1e-6      /* of the largest singular value */
#define CONFOUNDED 0.9     /* correlation that names a partner */
#define HALF_WIDTH_MAX 0.5 /* an interval of more spans the range */
#define LEVEL 0.95

struct identity {
  struct fit_state *s;
  double u[FIT_PARAMETERS_MAX];
  double *columns; /* n of m */
  bool nil[FIT_PARAMETERS_MAX];
};

/* -- the Jacobian --------------------------------------------------------- */

/* The slope of one parameter between u - step and u + step. *any: it is not
 * nil. */
static bool slope(struct identity *x, size_t which, double step, bool *any)
{
  const struct fit_problem *p = x->s->p;
  const struct fit_parameter *q = &p->parameters[which];
  double *points = cli_allocate(2 * p->n, sizeof *points);
  double *residuals = cli_allocate(2 * p->m, sizeof *residuals);
  double value = cli_fit_value(q, x->u[which]), at[2];
  for (int i = 0; i < 2; i++) {
    double sign = i == 0 ? -1 : 1;
    double other = cli_fit_value(q, x->u[which] + sign * step);
    if (fabs(other - value) < 0.5 * q->unit)
      other = fmin(fmax(value + sign * q->unit, q->low), q->high);
    at[i] = cli_fit_coordinate(q, other);
    memcpy(points + (size_t)i * p->n, x->u, p->n * sizeof *points);
    points[(size_t)i * p->n + which] = at[i];
  }
  bool good = cli_fit_points(x->s, points, 2, residuals);
  *any = false;
  for (size_t i = 0; good && i < p->m; i++) {
    double change = residuals[p->m + i] - residuals[i];
    if (!isfinite(change))
      change = 0;
    *any = *any || fabs(change) > NOTHING;
    x->columns[which * p->m + i] = change / (at[1] - at[0]);
  }
  free(points);
  free(residuals);
  return good;
}

/* Where results are steps of the parameter, a wider look finds the slope. */
static bool differentiate(struct identity *x)
{
  for (size_t i = 0; i < x->s->p->n; i++) {
    bool any = false;
    for (double step = STEP; !any && step < 2; step *= 3)
      if (!slope(x, i, step, &any))
        return false;
    x->nil[i] = !any;
  }
  return true;
}

/* -- covariance ----------------------------------------------------------- */

static size_t effective(const struct identity *x, size_t *which)
{
  size_t n = 0;
  for (size_t i = 0; i < x->s->p->n; i++)
    if (!x->nil[i])
      which[n++] = i;
  return n;
}

/* The covariance of coordinates, for unit variance of residuals: by singular
 * values, of which very small ones are raised, so that what the data do not
 * fix gets a very wide interval instead of none. */
static gsl_matrix *covariance_of(const struct identity *x, const size_t *which,
                                 size_t n)
{
  size_t m = x->s->p->m, rows = m > n ? m : n;
  gsl_matrix *a = gsl_matrix_calloc(rows, n), *v = gsl_matrix_alloc(n, n);
  gsl_vector *singular = gsl_vector_alloc(n);
  gsl_matrix *c = gsl_matrix_calloc(n, n);
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++)
      gsl_matrix_set(a, i, j, x->columns[which[j] * m + i]);
  gsl_linalg_SV_decomp_jacobi(a, v, singular);
  double least = SINGULAR * gsl_vector_max(singular);
  for (size_t k = 0; k < n; k++) {
    double size = fmax(gsl_vector_get(singular, k), least);
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < n; j++)
        *gsl_matrix_ptr(c, i, j) +=
            gsl_matrix_get(v, i, k) * gsl_matrix_get(v, j, k) / (size * size);
  }
  gsl_matrix_free(a);
  gsl_matrix_free(v);
  gsl_vector_free(singular);
  return c;
}

/* Measurements are never taken for better than they say they are. */
static double scale_of(const struct fit_state *s, size_t n)
{
  size_t freedom = s->p->m > n ? s->p->m - n : 1;
  double variance = fmax(1, s->cost / (double)freedom);
  return gsl_cdf_tdist_Pinv(0.5 + LEVEL / 2, (double)freedom) * sqrt(variance);
}

static double correlation(const gsl_matrix *c, size_t i, size_t j)
{
  return gsl_matrix_get(c, i, j) /
         sqrt(gsl_matrix_get(c, i, i) * gsl_matrix_get(c, j, j));
}

/* -- verdicts ------------------------------------------------------------- */

static void judge(struct fit_estimate *e, const gsl_matrix *c, size_t i,
                  const size_t *which, double half_width)
{
  double most = 0;
  if (half_width < HALF_WIDTH_MAX)
    return;
  e->verdict = FIT_TOO_WIDE;
  for (size_t j = 0; j < c->size1; j++) {
    double r = j != i ? fabs(correlation(c, i, j)) : 0;
    if (r <= most)
      continue;
    most = r;
    if (r > CONFOUNDED) {
      e->verdict = FIT_CONFOUNDED;
      e->partner = which[j];
    }
  }
}

static void estimate_all(const struct identity *x, struct fit_estimate *e)
{
  const struct fit_problem *p = x->s->p;
  size_t which[FIT_PARAMETERS_MAX], n = effective(x, which);
  for (size_t i = 0; i < p->n; i++) {
    const struct fit_parameter *q = &p->parameters[i];
    double value = cli_fit_value(q, x->u[i]);
    e[i] = (struct fit_estimate){.value = value,
                                 .low = q->low,
                                 .high = q->high,
                                 .verdict = FIT_NO_EFFECT};
  }
  if (n == 0)
    return;
  gsl_matrix *c = covariance_of(x, which, n);
  double scale = scale_of(x->s, n);
  for (size_t i = 0; i < n; i++) {
    const struct fit_parameter *q = &p->parameters[which[i]];
    double half = scale * sqrt(gsl_matrix_get(c, i, i)), u = x->u[which[i]];
    e[which[i]].verdict = FIT_IDENTIFIED;
    e[which[i]].low = cli_fit_value(q, u - half);
    e[which[i]].high = cli_fit_value(q, u + half);
    judge(&e[which[i]], c, i, which, half);
  }
  gsl_matrix_free(c);
}

bool cli_fit_identify(struct fit_state *s, struct fit_estimate *estimates)
{
  struct identity x = {.s = s};
  for (size_t i = 0; i < s->p->n; i++)
    x.u[i] = cli_fit_snap(&s->p->parameters[i], s->best[i]);
  x.columns = cli_allocate(s->p->n * s->p->m, sizeof *x.columns);
  bool good = differentiate(&x);
  /* Looking around may have found something better by chance; intervals then
   * are those of the neighbour, values the better ones. */
  if (good) {
    for (size_t i = 0; i < s->p->n; i++)
      x.u[i] = cli_fit_snap(&s->p->parameters[i], s->best[i]);
    estimate_all(&x, estimates);
  }
  free(x.columns);
  return good;
}
