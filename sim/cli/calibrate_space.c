/* Coordinates, evaluation, finite differences. */
#include "sim/cli/calibrate_internal.h"

#include "sim/cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double clamp(double x, double low, double high)
{
  return fmin(fmax(x, low), high);
}

double cli_fit_value(const struct fit_parameter *p, double u)
{
  u = clamp(u, 0, 1);
  double value = p->logarithmic ? p->low * pow(p->high / p->low, u)
                                : p->low + u * (p->high - p->low);
  return clamp(round(value / p->unit) * p->unit, p->low, p->high);
}

double cli_fit_coordinate(const struct fit_parameter *p, double value)
{
  return p->logarithmic ? log(value / p->low) / log(p->high / p->low)
                        : (value - p->low) / (p->high - p->low);
}

double cli_fit_snap(const struct fit_parameter *p, double u)
{
  return cli_fit_coordinate(p, cli_fit_value(p, u));
}

double cli_fit_cost(const double *residuals, size_t m)
{
  double sum = 0;
  for (size_t i = 0; i < m; i++)
    sum += residuals[i] * residuals[i];
  return isnan(sum) ? INFINITY : sum;
}

static void remember_best(struct fit_state *s, const double *u,
                          const double *residuals)
{
  double cost = cli_fit_cost(residuals, s->p->m);
  if (!(cost < s->cost))
    return;
  s->cost = cost;
  memcpy(s->best, u, s->p->n * sizeof *u);
  memcpy(s->residuals, residuals, s->p->m * sizeof *residuals);
}

bool cli_fit_points(struct fit_state *s, const double *u, size_t sets,
                    double *residuals)
{
  const struct fit_problem *p = s->p;
  if (s->stopped)
    return false;
  double *values = cli_allocate(sets * p->n, sizeof *values);
  for (size_t i = 0; i < sets * p->n; i++)
    values[i] = cli_fit_value(&p->parameters[i % p->n], u[i]);
  s->stopped = !p->evaluate(p->ctx, values, sets, residuals);
  free(values);
  if (s->stopped)
    return false;
  s->evaluations += sets;
  for (size_t i = 0; i < sets; i++)
    remember_best(s, u + i * p->n, residuals + i * p->m);
  if (p->progress != NULL)
    p->progress(p->ctx, s->evaluations, sqrt(s->cost / (double)p->m));
  return true;
}

/* Another value of the parameter, about `step` away and towards the middle. */
static double neighbour(const struct fit_parameter *p, double u, double step)
{
  double value = cli_fit_value(p, u);
  double to = u + step > 1 || (u > 0.5 && u - step > 0) ? -step : step;
  double v = cli_fit_coordinate(p, value) + to;
  if (fabs(cli_fit_value(p, v) - value) < 0.5 * p->unit)
    v = cli_fit_coordinate(
        p, clamp(value + copysign(p->unit, to), p->low, p->high));
  return cli_fit_snap(p, v);
}

bool cli_fit_jacobian(struct fit_state *s, const double *u,
                      const struct fit_moves *moves, double *base,
                      double *columns)
{
  const size_t n = s->p->n, m = s->p->m;
  double *points = cli_allocate((n + 1) * n, sizeof *points);
  double *residuals = cli_allocate((n + 1) * m, sizeof *residuals);
  double distance[FIT_PARAMETERS_MAX];
  size_t sets = 1;
  memcpy(points, u, n * sizeof *u);
  for (size_t i = 0; i < n; i++) {
    if (!moves->moves[i])
      continue;
    double *point = points + sets * n;
    memcpy(point, u, n * sizeof *u);
    point[i] = neighbour(&s->p->parameters[i], u[i], moves->step);
    distance[sets++] = point[i] - cli_fit_snap(&s->p->parameters[i], u[i]);
  }
  bool good = cli_fit_points(s, points, sets, residuals);
  for (size_t j = 1; good && j < sets; j++)
    for (size_t i = 0; i < m; i++) {
      double slope = (residuals[j * m + i] - residuals[i]) / distance[j];
      columns[(j - 1) * m + i] = isfinite(slope) ? slope : 0;
    }
  if (good)
    memcpy(base, residuals, m * sizeof *base);
  free(points);
  free(residuals);
  return good;
}
