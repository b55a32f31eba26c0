/*
 * The last step: GSL's simplex. Results of a simulation are rough in the small
 * (one packet more or less waits), which misleads differences but not a search
 * that only compares.
 */
#include "sim/cli/calibrate_internal.h"

#include "sim/cli/cli.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <stdlib.h>

enum { STEPS_EACH = 20 }; /* of the simplex, for each parameter */
#define START_SIZE 0.03
#define END_SIZE 5e-4
/* Mean square residual that is as good as none. */
#define PERFECT 1e-6

struct polish {
  struct fit_state *s;
  double u[FIT_PARAMETERS_MAX];
  size_t which[FIT_PARAMETERS_MAX], n_moving;
};

static double cost_at(const gsl_vector *x, void *ctx)
{
  struct polish *p = ctx;
  size_t m = p->s->p->m;
  double outside = 0;
  for (size_t i = 0; i < p->n_moving; i++) {
    double u = gsl_vector_get(x, i);
    p->u[p->which[i]] = u;
    outside += fmax(0, fmax(-u, u - 1));
  }
  double *residuals = cli_allocate(m, sizeof *residuals);
  double cost = INFINITY;
  if (outside == 0 && cli_fit_points(p->s, p->u, 1, residuals))
    cost = cli_fit_cost(residuals, m);
  free(residuals);
  return isfinite(cost) ? cost : 1e12 * (1 + outside);
}

static void iterate(struct polish *p, gsl_multimin_fminimizer *w)
{
  gsl_multimin_function f = {cost_at, p->n_moving, p};
  gsl_vector *x = gsl_vector_alloc(p->n_moving);
  gsl_vector *size = gsl_vector_alloc(p->n_moving);
  for (size_t i = 0; i < p->n_moving; i++) {
    double u = p->u[p->which[i]];
    gsl_vector_set(x, i, u);
    gsl_vector_set(size, i, u > 0.5 ? -START_SIZE : START_SIZE);
  }
  int status = gsl_multimin_fminimizer_set(w, &f, x, size);
  for (size_t i = 0;
       status == GSL_SUCCESS && i < STEPS_EACH * p->n_moving && !p->s->stopped;
       i++) {
    status = gsl_multimin_fminimizer_iterate(w);
    if (gsl_multimin_fminimizer_size(w) < END_SIZE ||
        p->s->cost < PERFECT * (double)p->s->p->m)
      break;
  }
  gsl_vector_free(x);
  gsl_vector_free(size);
}

bool cli_fit_polish(struct fit_state *s)
{
  struct polish p = {.s = s};
  for (size_t i = 0; i < s->p->n; i++) {
    p.u[i] = s->best[i];
    if (!s->p->parameters[i].integer)
      p.which[p.n_moving++] = i;
  }
  if (p.n_moving == 0 || s->stopped)
    return !s->stopped;
  gsl_error_handler_t *handler = gsl_set_error_handler_off();
  gsl_multimin_fminimizer *w = gsl_multimin_fminimizer_alloc(
      gsl_multimin_fminimizer_nmsimplex2, p.n_moving);
  if (w != NULL)
    iterate(&p, w);
  gsl_multimin_fminimizer_free(w);
  gsl_set_error_handler(handler);
  return !s->stopped;
}
