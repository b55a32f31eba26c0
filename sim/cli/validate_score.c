#include "sim/cli/validate.h"

#include <math.h>
#include <string.h>

size_t cli_validate_kind_size(const struct validation *v, size_t first)
{
  size_t n = 0;
  const char *kind = v->points[first].line->kind;
  while (first + n < v->n_points &&
         strcmp(v->points[first + n].line->kind, kind) == 0)
    n++;
  return n;
}

/* How far off a value may be. */
static double allowed(const struct validate_point *p)
{
  return fmax(p->line->tolerance * p->measured, p->line->floor);
}

static void add_analytic(struct validate_score *s,
                         const struct validate_point *p, size_t *n)
{
  if (isnan(p->analytic))
    return;
  double error = fabs(p->analytic / p->measured - 1);
  s->analytic_mean += error;
  s->analytic_worst = fmax(s->analytic_worst, error);
  ++*n;
}

/* A point without a value is infinitely wrong. */
static double distance(const struct validate_point *p)
{
  double d = fabs(p->simulated - p->measured);
  return isnan(d) ? INFINITY : d;
}

struct validate_score cli_validate_score(const struct validate_point *points,
                                         size_t n)
{
  struct validate_score s = {.n = n, .scored = n > 0};
  size_t n_analytic = 0;
  for (size_t i = 0; i < n; i++) {
    const struct validate_point *p = &points[i];
    double off = distance(p), part = off / allowed(p);
    s.scored = s.scored && allowed(p) > 0;
    s.mean += off / p->measured;
    s.worst = fmax(s.worst, off / p->measured);
    s.mean_allowed += part;
    s.worst_allowed = fmax(s.worst_allowed, part);
    add_analytic(&s, p, &n_analytic);
  }
  s.mean /= (double)n;
  s.mean_allowed /= (double)n;
  s.analytic_mean = n_analytic > 0 ? s.analytic_mean / (double)n_analytic : NAN;
  s.analytic_worst = n_analytic > 0 ? s.analytic_worst : NAN;
  s.passed = s.mean_allowed <= 1 && s.worst_allowed <= 2;
  return s;
}
