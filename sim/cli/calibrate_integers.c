/*
 * Whole-numbered parameters: search along each.
 *
 * A change of one is often made up for by small changes of the others (more
 * walkers, slower memory). So points are compared by the cost that is left
 * when the continuous parameters follow, by their linear model.
 */
#include "sim/cli/calibrate_internal.h"

#include "sim/cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 4 };

struct search {
  struct fit_state *s;
  double *basis; /* orthonormal columns: what continuous ones can do */
  size_t n_basis;
  double cost; /* of the point at hand, projected */
};

static double dot(const double *a, const double *b, size_t m)
{
  double sum = 0;
  for (size_t i = 0; i < m; i++)
    sum += a[i] * b[i];
  return sum;
}

/* Gram-Schmidt, twice for its rounding; what is left of nothing is dropped. */
static void make_basis(struct search *x, size_t columns)
{
  size_t m = x->s->p->m;
  x->n_basis = 0;
  for (size_t j = 0; j < columns; j++) {
    double *v = x->basis + x->n_basis * m;
    memmove(v, x->basis + j * m, m * sizeof *v);
    double before = sqrt(dot(v, v, m));
    for (size_t k = 0; k < 2 * x->n_basis; k++) {
      const double *q = x->basis + k % x->n_basis * m;
      double part = dot(q, v, m);
      for (size_t i = 0; i < m; i++)
        v[i] -= part * q[i];
    }
    double length = sqrt(dot(v, v, m));
    if (!(length > 1e-6 * before))
      continue;
    for (size_t i = 0; i < m; i++)
      v[i] /= length;
    x->n_basis++;
  }
}

static double projected_cost(const struct search *x, const double *residuals)
{
  size_t m = x->s->p->m;
  double cost = cli_fit_cost(residuals, m);
  for (size_t j = 0; j < x->n_basis && !isinf(cost); j++) {
    double part = dot(x->basis + j * m, residuals, m);
    cost -= part * part;
  }
  return cost;
}

/* Linearises the continuous parameters around u. */
static bool prepare(struct search *x, const double *u)
{
  const struct fit_problem *p = x->s->p;
  struct fit_moves moves = {.step = 0.03};
  size_t columns = 0;
  for (size_t i = 0; i < p->n; i++) {
    moves.moves[i] = !p->parameters[i].integer;
    columns += moves.moves[i];
  }
  double *base = cli_allocate(p->m, sizeof *base);
  bool good = cli_fit_jacobian(x->s, u, &moves, base, x->basis);
  if (good) {
    make_basis(x, columns);
    x->cost = projected_cost(x, base);
  }
  free(base);
  return good;
}

/* Tries one parameter `step` units up and down; moves there when better. */
static bool try_step(struct search *x, double *u, size_t which, double step,
                     bool *moved)
{
  const struct fit_problem *p = x->s->p;
  const struct fit_parameter *q = &p->parameters[which];
  double *points = cli_allocate(2 * p->n, sizeof *points);
  double *residuals = cli_allocate(2 * p->m, sizeof *residuals);
  double value = cli_fit_value(q, u[which]);
  size_t sets = 0, best = 2;
  for (int sign = -1; sign <= 1; sign += 2) {
    double other = value + sign * step * q->unit;
    if (other < q->low || other > q->high)
      continue;
    memcpy(points + sets * p->n, u, p->n * sizeof *u);
    points[sets++ * p->n + which] = cli_fit_coordinate(q, other);
  }
  bool good = sets == 0 || cli_fit_points(x->s, points, sets, residuals);
  for (size_t i = 0; good && i < sets; i++) {
    double cost = projected_cost(x, residuals + i * p->m);
    if (cost < x->cost * (1 - 1e-9) - 1e-12) {
      x->cost = cost;
      best = i;
    }
  }
  *moved = best < 2;
  if (*moved)
    u[which] = points[best * p->n + which];
  free(points);
  free(residuals);
  return good;
}

static bool search_one(struct search *x, double *u, size_t which, bool *changed)
{
  const struct fit_parameter *q = &x->s->p->parameters[which];
  double step = fmax(1, round(0.15 * cli_fit_value(q, u[which]) / q->unit));
  while (step >= 1) {
    bool moved;
    if (!try_step(x, u, which, step, &moved))
      return false;
    *changed = *changed || moved;
    if (!moved)
      step = floor(step / 2);
  }
  return true;
}

static bool round_of(struct search *x, double *u, bool *changed)
{
  const struct fit_problem *p = x->s->p;
  struct fit_moves moves = {.step = 0.02};
  *changed = false;
  if (!prepare(x, u))
    return false;
  for (size_t i = 0; i < p->n; i++) {
    moves.moves[i] = !p->parameters[i].integer;
    if (p->parameters[i].integer && !search_one(x, u, i, changed))
      return false;
  }
  return !*changed || cli_fit_descend(x->s, u, &moves);
}

bool cli_fit_integers(struct fit_state *s, double *u)
{
  const struct fit_problem *p = s->p;
  struct search x = {.s = s};
  bool good = true, changed = false;
  for (size_t i = 0; i < p->n; i++) {
    u[i] = cli_fit_snap(&p->parameters[i], u[i]);
    changed = changed || p->parameters[i].integer;
  }
  x.basis = cli_allocate(p->n * p->m, sizeof *x.basis);
  for (int i = 0; good && changed && i < ROUNDS_MAX; i++)
    good = round_of(&x, u, &changed);
  free(x.basis);
  return good;
}
