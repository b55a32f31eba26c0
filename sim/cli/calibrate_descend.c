/* Least squares by GSL, within the range. */
#include "sim/cli/calibrate_internal.h"

#include "sim/cli/cli.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ITERATIONS_MAX = 12 };
/* Coordinates closer than this are as good as equal. */
#define COORDINATE_TOLERANCE 2e-3
/* Stands for the residuals of a point that cannot be evaluated. */
#define BAD_RESIDUAL 1e3

struct descent {
  struct fit_state *s;
  const struct fit_moves *moves;
  double u[FIT_PARAMETERS_MAX]; /* all coordinates */
  size_t which[FIT_PARAMETERS_MAX], n_moving;
  double wall; /* weight of how far a coordinate is outside 0 to 1 */
};

static void place(struct descent *d, const gsl_vector *x)
{
  for (size_t i = 0; i < d->n_moving; i++)
    d->u[d->which[i]] = gsl_vector_get(x, i);
}

static double outside(double u)
{
  return u < 0 ? u : u > 1 ? u - 1 : 0;
}

/* The residuals, then one for each moving parameter: zero inside the range. */
static void put(const struct descent *d, const double *residuals, gsl_vector *f)
{
  size_t m = d->s->p->m;
  bool good = !isinf(cli_fit_cost(residuals, m));
  for (size_t i = 0; i < m; i++)
    gsl_vector_set(f, i, good ? residuals[i] : BAD_RESIDUAL);
  for (size_t i = 0; i < d->n_moving; i++)
    gsl_vector_set(f, m + i, d->wall * outside(d->u[d->which[i]]));
}

static int function(const gsl_vector *x, void *ctx, gsl_vector *f)
{
  struct descent *d = ctx;
  double *residuals = cli_allocate(d->s->p->m, sizeof *residuals);
  place(d, x);
  bool good = cli_fit_points(d->s, d->u, 1, residuals);
  if (good)
    put(d, residuals, f);
  free(residuals);
  return good ? GSL_SUCCESS : GSL_EFAILED;
}

static int derivative(const gsl_vector *x, void *ctx, gsl_matrix *jacobian)
{
  struct descent *d = ctx;
  size_t m = d->s->p->m;
  double *base = cli_allocate(m, sizeof *base);
  double *columns = cli_allocate(d->n_moving * m, sizeof *columns);
  place(d, x);
  bool good = cli_fit_jacobian(d->s, d->u, d->moves, base, columns);
  gsl_matrix_set_zero(jacobian);
  for (size_t j = 0; good && j < d->n_moving; j++) {
    bool out = outside(d->u[d->which[j]]) != 0;
    for (size_t i = 0; i < m; i++)
      gsl_matrix_set(jacobian, i, j, out ? 0 : columns[j * m + i]);
    gsl_matrix_set(jacobian, m + j, j, out ? d->wall : 0);
  }
  free(base);
  free(columns);
  return good ? GSL_SUCCESS : GSL_EFAILED;
}

/* Leaves where it ends in u. */
static void iterate(struct descent *d, gsl_multifit_nlinear_workspace *w,
                    gsl_multifit_nlinear_fdf *fdf, double *u)
{
  gsl_vector *x = gsl_vector_alloc(d->n_moving);
  for (size_t i = 0; i < d->n_moving; i++)
    gsl_vector_set(x, i, u[d->which[i]]);
  int info;
  if (gsl_multifit_nlinear_init(x, fdf, w) == GSL_SUCCESS)
    gsl_multifit_nlinear_driver(ITERATIONS_MAX, COORDINATE_TOLERANCE, 1e-6, 0,
                                NULL, NULL, &info, w);
  const gsl_vector *end = gsl_multifit_nlinear_position(w);
  for (size_t i = 0; i < d->n_moving; i++)
    if (isfinite(gsl_vector_get(end, i)))
      u[d->which[i]] = fmin(fmax(gsl_vector_get(end, i), 0), 1);
  gsl_vector_free(x);
}

bool cli_fit_descend(struct fit_state *s, double *u,
                     const struct fit_moves *moves)
{
  struct descent d = {.s = s, .moves = moves};
  const size_t n = s->p->n, m = s->p->m;
  for (size_t i = 0; i < n; i++) {
    d.u[i] = u[i];
    if (moves->moves[i])
      d.which[d.n_moving++] = i;
  }
  if (d.n_moving == 0)
    return !s->stopped;
  d.wall = 30 * sqrt((double)m);
  gsl_error_handler_t *handler = gsl_set_error_handler_off();
  gsl_multifit_nlinear_parameters how =
      gsl_multifit_nlinear_default_parameters();
  how.solver = gsl_multifit_nlinear_solver_svd;
  gsl_multifit_nlinear_fdf fdf = {.f = function,
                                  .df = derivative,
                                  .n = m + d.n_moving,
                                  .p = d.n_moving,
                                  .params = &d};
  gsl_multifit_nlinear_workspace *w = gsl_multifit_nlinear_alloc(
      gsl_multifit_nlinear_trust, &how, fdf.n, fdf.p);
  if (w != NULL)
    iterate(&d, w, &fdf, u);
  gsl_multifit_nlinear_free(w);
  gsl_set_error_handler(handler);
  return !s->stopped;
}
