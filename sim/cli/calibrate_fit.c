#include "sim/cli/calibrate_internal.h"

#include "sim/cli/cli.h"

#include <gsl/gsl_qrng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SCREENED_PER_START = 4 };
/* Mean square residual that no further start can improve in earnest. */
#define GOOD_ENOUGH 0.02

struct candidate {
  double u[FIT_PARAMETERS_MAX];
  double cost;
};

static int by_cost(const void *left, const void *right)
{
  const struct candidate *a = left, *b = right;
  return (a->cost > b->cost) - (a->cost < b->cost);
}

static bool is_inside(const struct fit_parameter *p, double value)
{
  return value >= p->low && value <= p->high;
}

/* The first candidate is where the user is, as far as that is in range; the
 * others fill the range evenly, each seed with other points. */
static void choose_points(const struct fit_problem *p, struct candidate *list,
                          size_t count)
{
  gsl_qrng *q = gsl_qrng_alloc(gsl_qrng_sobol, (unsigned)p->n);
  double point[FIT_PARAMETERS_MAX];
  for (uint64_t i = 0; i < p->seed % 1024 * count; i++)
    gsl_qrng_get(q, point);
  for (size_t i = 0; i < count; i++) {
    gsl_qrng_get(q, point);
    for (size_t j = 0; j < p->n; j++) {
      const struct fit_parameter *r = &p->parameters[j];
      bool known = i == 0 && is_inside(r, r->start);
      list[i].u[j] =
          cli_fit_snap(r, known ? cli_fit_coordinate(r, r->start) : point[j]);
    }
  }
  gsl_qrng_free(q);
}

static bool screen(struct fit_state *s, struct candidate *list, size_t count)
{
  const struct fit_problem *p = s->p;
  double *u = cli_allocate(count * p->n, sizeof *u);
  double *residuals = cli_allocate(count * p->m, sizeof *residuals);
  for (size_t i = 0; i < count; i++)
    memcpy(u + i * p->n, list[i].u, p->n * sizeof *u);
  bool good = cli_fit_points(s, u, count, residuals);
  for (size_t i = 0; good && i < count; i++)
    list[i].cost = cli_fit_cost(residuals + i * p->m, p->m);
  qsort(list, count, sizeof *list, by_cost);
  free(u);
  free(residuals);
  return good;
}

static bool improve(struct fit_state *s, double *u)
{
  struct fit_moves all = {.step = 0.06}, fine = {.step = 0.015};
  for (size_t i = 0; i < s->p->n; i++) {
    all.moves[i] = true;
    fine.moves[i] = !s->p->parameters[i].integer;
  }
  return cli_fit_descend(s, u, &all) && cli_fit_integers(s, u) &&
         cli_fit_descend(s, u, &fine);
}

static void search(struct fit_state *s)
{
  size_t count = s->p->starts * SCREENED_PER_START;
  struct candidate *list = cli_allocate(count, sizeof *list);
  choose_points(s->p, list, count);
  bool good = screen(s, list, count);
  for (size_t i = 0; good && i < s->p->starts && !isinf(list[i].cost); i++) {
    good = improve(s, list[i].u);
    if (s->cost < GOOD_ENOUGH * (double)s->p->m)
      break;
  }
  free(list);
}

void cli_fit(const struct fit_problem *p, struct fit_result *r)
{
  struct fit_state s = {.p = p, .cost = INFINITY};
  *r = (struct fit_result){.error = INFINITY};
  s.residuals = cli_allocate(p->m, sizeof *s.residuals);
  search(&s);
  r->found = !isinf(s.cost);
  r->complete =
      r->found && cli_fit_polish(&s) && cli_fit_identify(&s, r->estimate);
  for (size_t i = 0; r->found && i < p->n; i++)
    r->estimate[i].value = cli_fit_value(&p->parameters[i], s.best[i]);
  r->error = sqrt(s.cost / (double)p->m);
  r->residuals = s.residuals;
  r->evaluations = s.evaluations;
}

void cli_fit_terminate(struct fit_result *r)
{
  free(r->residuals);
  *r = (struct fit_result){0};
}
