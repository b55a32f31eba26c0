/* Simulated and analytic values of the points on a host. */
#include "sim/cli/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- settings ------------------------------------------------------------- */

static const struct measured_row *row_of(const struct validate_point *p)
{
  const struct measured *m = &p->line->measured;
  for (size_t i = 0; i < m->n_rows; i++)
    if (m->rows[i].table == p->table && m->rows[i].index == p->row)
      return &m->rows[i];
  return NULL;
}

/* The user's settings and the row's; owned. */
static const char **sets_of(const struct validation *v,
                            const struct measured_row *row, size_t *n)
{
  const struct cli_options *o = v->options;
  const char **sets = cli_allocate(o->n_sets + row->n_sets, sizeof *sets);
  *n = 0;
  for (size_t i = 0; i < row->n_sets; i++)
    sets[(*n)++] = row->sets[i];
  for (size_t i = 0; i < o->n_sets; i++)
    sets[(*n)++] = o->sets[i];
  return sets;
}

/* -- the analytic model --------------------------------------------------- */

/* It knows bandwidth of DMA, and nothing else. */
static double analytic_gbps(const struct server_config *c)
{
  static const enum link_op ops[] = {[BENCH_RD] = LINK_READ,
                                     [BENCH_WR] = LINK_WRITE,
                                     [BENCH_RDWR] = LINK_BOTH};
  const struct link_case link = {.generation = c->pcie.generation,
                                 .lanes = c->pcie.lanes,
                                 .mps = c->pcie.mps,
                                 .mrrs = c->pcie.mrrs,
                                 .rcb = c->pcie.rcb,
                                 .rcb_chunks = c->pcie.rcb_chunks,
                                 .wide = c->iommu.mode == IOMMU_OFF,
                                 .transfer = c->bench.transfer,
                                 .op = ops[c->bench.op]};
  return c->bench.mode == BENCH_BANDWIDTH ? cli_link_payload_gbps(&link) : NAN;
}

static double analytic(const struct validation *v, const char *const *sets,
                       size_t n_sets)
{
  char *problem = NULL;
  double gbps = NAN;
  struct hd_scenario *s = cli_simulator_load(v->file, sets, n_sets, &problem);
  free(problem);
  if (s == NULL)
    return NAN;
  struct hd_errors *errors = hd_errors_create();
  struct hd_point *point = hd_scenario_point(s, 0, errors);
  if (point != NULL)
    gbps = analytic_gbps(hd_point_config(point));
  hd_errors_destroy(errors);
  hd_point_destroy(point);
  hd_scenario_destroy(s);
  return gbps;
}

/* -- simulation ----------------------------------------------------------- */

static bool take(struct validate_point *p, const struct simulation *s)
{
  size_t line = p->row + 2;
  if (s->problem != NULL)
    cli_message("%s:%zu: %s", p->line->data, line, s->problem);
  else if (isnan(s->outcome[p->outcome]))
    cli_message("%s:%zu: a simulation of this row has no %s", p->line->data,
                line, cli_outcome_name(p->outcome));
  else
    p->simulated = s->outcome[p->outcome];
  return !isnan(p->simulated);
}

static int run(struct validation *v, struct simulator *simulator,
               struct simulation *list, const size_t *points, size_t n)
{
  enum pool_status status = cli_simulate(simulator, list, n);
  bool good = true;
  if (status != POOL_OK)
    return status == POOL_INTERRUPTED ? CLI_INTERRUPTED : CLI_FAILED;
  for (size_t i = 0; i < n && good; i++)
    good = take(&v->points[points[i]], &list[i]);
  v->n_simulations += cli_simulator_runs(simulator);
  return good ? CLI_OK : CLI_USAGE;
}

static void tick(void *ctx, size_t done, size_t total)
{
  const struct validation *v = ctx;
  if (!v->options->quiet)
    fprintf(stderr, "\r%s: %zu of %zu simulations\033[K%s", cli_program, done,
            total, done == total ? "\r\033[K" : "");
}

int cli_validate_simulate(struct validation *v)
{
  struct simulator_options o = {.file = v->file,
                                .processes = v->processes,
                                .tick = v->terminal ? tick : NULL,
                                .ctx = v};
  struct simulation *list = cli_allocate(v->n_points, sizeof *list);
  size_t *points = cli_allocate(v->n_points, sizeof *points), n = 0;
  for (size_t i = 0; i < v->n_points; i++) {
    struct validate_point *p = &v->points[i];
    if (p->line->link)
      continue;
    list[n].sets = sets_of(v, row_of(p), &list[n].n_sets);
    if (p->outcome == METRIC_dma_gbps)
      p->analytic = analytic(v, list[n].sets, list[n].n_sets);
    points[n++] = i;
  }
  struct simulator *simulator = cli_simulator_create(&o);
  int status = n > 0 ? run(v, simulator, list, points, n) : CLI_OK;
  cli_simulator_destroy(simulator);
  for (size_t i = 0; i < n; i++) {
    free((void *)(uintptr_t)list[i].sets);
    free(list[i].problem);
  }
  free(list);
  free(points);
  return status;
}
