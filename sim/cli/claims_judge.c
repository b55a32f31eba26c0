/* Published figures: one entry at one point. */
#include "sim/cli/claims_internal.h"

#include <math.h>
#include <string.h>

/* -- looking up ---------------------------------------------------------------
 */

const struct summary_case *cli_claims_case(const struct claims_judge *j,
                                           size_t point, const char *group)
{
  const struct summary *s = j->summary;
  size_t i = point < j->n_points ? j->first[point] : s->n_cases;
  for (; i < s->n_cases && s->cases[i].point == point; i++)
    if (strcmp(s->cases[i].group, group) == 0)
      return &s->cases[i];
  return NULL;
}

/* CLAIM_HOLDS: the point was simulated. */
static enum claims_verdict state_of(const struct claims_judge *j, size_t point,
                                    const char **status)
{
  const struct summary_case *c = cli_claims_case(j, point, "all");
  *status = NULL;
  if (c == NULL)
    return CLAIM_NOT_RUN;
  if (strcmp(c->status, "ok") == 0)
    return CLAIM_HOLDS;
  *status = c->status;
  return strncmp(c->status, "infeasible", 10) == 0 ? CLAIM_INFEASIBLE
                                                   : CLAIM_FAILED;
}

static struct claims_finding measure_metric(const struct claims_judge *j,
                                            size_t point)
{
  struct claims_finding f = {.point = point, .simulated = NAN, .error = NAN};
  f.verdict = state_of(j, point, &f.status);
  if (f.verdict != CLAIM_HOLDS)
    return f;
  const struct summary_case *c = cli_claims_case(j, point, j->facts->group);
  size_t metric = cli_summary_metric(j->summary, j->facts->metric);
  if (c != NULL)
    f.simulated = cli_summary_value(j->summary, c, metric, 0.95).mean;
  if (isnan(f.simulated))
    f.verdict = CLAIM_NO_VALUE;
  return f;
}

/* The largest value of the axis that is feasible; 0: none is. All points along
 * it must have been tried. */
static struct claims_finding measure_largest(const struct claims_judge *j,
                                             size_t point)
{
  struct claims_finding f = {
      .verdict = CLAIM_HOLDS, .point = point, .error = NAN};
  for (size_t i = 0; i < hd_published_steps(j->scenario, j->entry); i++) {
    double value;
    const char *status;
    size_t step = hd_published_step(j->scenario, j->entry, point, i, &value);
    enum claims_verdict state = state_of(j, step, &status);
    if (state == CLAIM_NOT_RUN || state == CLAIM_FAILED)
      return (struct claims_finding){.verdict = state,
                                     .point = point,
                                     .simulated = NAN,
                                     .error = NAN,
                                     .status = status};
    if (state == CLAIM_HOLDS && value > f.simulated)
      f.simulated = value;
  }
  return f;
}

static struct claims_finding measure(const struct claims_judge *j, size_t point)
{
  return j->facts->largest != NULL ? measure_largest(j, point)
                                   : measure_metric(j, point);
}

/* What to divide by. */
static struct claims_finding measure_base(const struct claims_judge *j,
                                          size_t point)
{
  size_t base;
  struct claims_finding f = {
      .verdict = CLAIM_NOT_RUN, .simulated = NAN, .error = NAN};
  if (hd_published_base(j->scenario, j->entry, point, &base))
    f = measure(j, base);
  f.point = point;
  return f;
}

/* With `over` the quotient; CLAIM_HOLDS when both are there. */
static struct claims_finding measure_quotient(const struct claims_judge *j,
                                              size_t point)
{
  struct claims_finding f = measure(j, point);
  if (j->facts->over == NULL)
    return f;
  struct claims_finding base = measure_base(j, point);
  if (base.verdict == CLAIM_NOT_RUN)
    return base;
  if (f.verdict != CLAIM_HOLDS || base.verdict != CLAIM_HOLDS)
    return f.verdict != CLAIM_HOLDS ? f : base;
  f.simulated /= base.simulated;
  if (isnan(f.simulated))
    f.verdict = CLAIM_NO_VALUE;
  return f;
}

/* -- judging
 * -------------------------------------------------------------------
 */

static double relative(double value, double published)
{
  double difference = value - published;
  return difference == 0 ? 0 : difference / fabs(published);
}

static void judge_value(const struct hd_published *p, struct claims_finding *f)
{
  f->error = relative(f->simulated, p->value);
  f->severity = fabs(f->error);
  /* 5 % of tolerance includes an error of 5 %, whatever the rounding. */
  f->verdict =
      f->severity <= p->tolerance * (1 + 1e-12) ? CLAIM_HOLDS : CLAIM_OFF;
}

/* The error is that against the bound which is nearer to being broken. */
static void judge_bounds(const struct hd_published *p, struct claims_finding *f)
{
  f->severity = -INFINITY;
  if (!isnan(p->at_least)) {
    f->error = relative(f->simulated, p->at_least);
    f->severity = -f->error;
  }
  double above = relative(f->simulated, p->at_most);
  if (above >= f->severity) { /* false without at_most: NaN */
    f->error = above;
    f->severity = above;
  }
  f->verdict = f->severity <= 0 ? CLAIM_HOLDS : CLAIM_OFF;
}

/* Does the status tell of this resource? "infeasible: NAME 256 < 512" */
static bool ran_out_of(const char *status, const char *resource)
{
  static const char head[] = "infeasible: ";
  size_t length = strlen(resource);
  return strncmp(status, head, strlen(head)) == 0 &&
         strncmp(status + strlen(head), resource, length) == 0 &&
         (status[strlen(head) + length] == ' ' ||
          status[strlen(head) + length] == '\0');
}

static struct claims_finding judge_feasibility(const struct claims_judge *j,
                                               size_t point)
{
  struct claims_finding f = {.point = point, .simulated = NAN, .error = NAN};
  const char *resource = j->facts->infeasible;
  f.verdict = state_of(j, point, &f.status);
  if (f.verdict == CLAIM_NOT_RUN || f.verdict == CLAIM_FAILED)
    return f;
  bool fits = f.verdict == CLAIM_HOLDS;
  bool holds = strcmp(resource, "none") == 0
                   ? fits
                   : !fits && ran_out_of(f.status, resource);
  f.verdict = holds ? CLAIM_HOLDS : CLAIM_OFF;
  if (fits)
    f.status = "feasible";
  return f;
}

struct claims_finding cli_claims_judge(const struct claims_judge *j,
                                       size_t point)
{
  if (j->facts->infeasible != NULL)
    return judge_feasibility(j, point);
  struct claims_finding f = measure_quotient(j, point);
  if (f.verdict != CLAIM_HOLDS)
    return f;
  if (isnan(j->facts->value))
    judge_bounds(j->facts, &f);
  else
    judge_value(j->facts, &f);
  return f;
}

bool cli_claims_is_worse(const struct claims_finding *a,
                         const struct claims_finding *b)
{
  if (a->verdict != b->verdict)
    return a->verdict > b->verdict;
  return a->severity > b->severity;
}
