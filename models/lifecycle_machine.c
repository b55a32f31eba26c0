/* lifecycle_machine.c - see lifecycle_machine.h. */
#include "models/lifecycle_machine.h"

#include <math.h>
#include <stdlib.h>

#include "models/io_stack.h"
#include "models/lifecycle/lifecycle.h"

struct lifecycle_machine {
  const struct server_config *config;
  struct lifecycle *lifecycle;
  struct hd_breakdown breakdown; /* empty: the stages are others */
  struct stage_row stages[LIFECYCLE_STAGE_COUNT + 1];
};

_Static_assert(LIFECYCLE_STAGE_COUNT + 1 <= SERVER_MAX_STAGES, "stages");

bool lifecycle_machine_wanted(const struct server_config *c)
{
  return c->lifecycle.mode != LIFECYCLE_OFF;
}

const char *lifecycle_machine_problem(const struct server_config *c)
{
  if (c->scenario.design != DESIGN_SRIOV && c->scenario.design != DESIGN_HDIOV)
    return "starts are of designs sriov and hdiov";
  return NULL;
}

static enum lifecycle_device device_of(const struct server_config *c)
{
  if (c->lifecycle.network == LIFECYCLE_NO_NETWORK)
    return LIFECYCLE_NONE;
  return c->scenario.design == DESIGN_SRIOV ? LIFECYCLE_FUNCTION
                                            : LIFECYCLE_INTERFACE;
}

bool lifecycle_machine_feasible(const struct server_config *c,
                                struct server_shortage *s)
{
  int64_t interfaces = c->nic.interfaces - c->nic.pf_interfaces;
  *s = (struct server_shortage){"interfaces", interfaces, c->lifecycle.starts};
  if (device_of(c) == LIFECYCLE_NONE)
    return true;
  if (device_of(c) == LIFECYCLE_FUNCTION &&
      c->nic.virtual_functions < interfaces)
    *s = (struct server_shortage){"virtual functions", c->nic.virtual_functions,
                                  c->lifecycle.starts};
  return s->need <= s->have;
}

struct lifecycle_machine *
lifecycle_machine_create(struct hd_engine *e, const struct server_config *c)
{
  struct lifecycle_machine *m = calloc(1, sizeof *m);
  HD_REQUIRE(NULL, m != NULL, "out of memory for starts");
  m->config = c;
  hd_breakdown_initialize(&m->breakdown);
  struct lifecycle_config config = {.params = &c->lifecycle,
                                    .cpu = &c->cpu,
                                    .hypervisor = &c->hypervisor,
                                    .nic = &c->nic,
                                    .device = device_of(c)};
  m->lifecycle = lifecycle_create(e, &config);
  return m;
}

static struct stage_row row_of(const char *name, const struct hd_histogram *h,
                               double mean_total)
{
  double mean = hd_histogram_mean_ns(h);
  return (struct stage_row){.name = name,
                            .mean_ns = mean,
                            .p50_ns = hd_histogram_quantile_ns(h, 0.50),
                            .p99_ns = hd_histogram_quantile_ns(h, 0.99),
                            .share = mean / mean_total};
}

void lifecycle_machine_run(struct lifecycle_machine *m)
{
  lifecycle_simulate(m->lifecycle);
  const struct lifecycle_results *b = lifecycle_get_results(m->lifecycle);
  double total = hd_histogram_mean_ns(&b->total);
  for (int i = 0; i < LIFECYCLE_STAGE_COUNT; i++)
    m->stages[i] = row_of(lifecycle_stage_names[i], &b->stages[i], total);
  m->stages[LIFECYCLE_STAGE_COUNT] = row_of("total", &b->total, total);
}

static void set_metrics(const struct lifecycle_results *b, double *v)
{
  v[METRIC_starts] = (double)b->total.count;
  v[METRIC_start_mean_ms] = hd_histogram_mean_ns(&b->total) / 1e6;
  v[METRIC_start_p50_ms] = hd_histogram_quantile_ns(&b->total, 0.50) / 1e6;
  v[METRIC_start_p99_ms] = hd_histogram_quantile_ns(&b->total, 0.99) / 1e6;
  v[METRIC_start_span_ms] = b->span / 1e9;
  v[METRIC_start_lock_share] = b->wait_share[LIFECYCLE_WAIT_LOCK];
  v[METRIC_start_admin_share] = b->wait_share[LIFECYCLE_WAIT_ADMIN];
  v[METRIC_start_driver_share] = b->wait_share[LIFECYCLE_WAIT_DRIVER];
  v[METRIC_start_memory_share] = b->wait_share[LIFECYCLE_WAIT_MEMORY];
  v[METRIC_start_core_share] = b->core_share;
  v[METRIC_stop_mean_ms] = hd_histogram_mean_ns(&b->stop) / 1e6;
}

static void set_resources(const struct lifecycle_results *b,
                          struct server_results *r)
{
  server_add_resource(r, "VFIO device set lock", b->lock_busy);
  server_add_resource(r, "administration queue", b->admin_busy);
  server_add_resource(r, "host's network driver", b->driver_busy);
  server_add_resource(r, "memory", b->memory_busy);
  server_add_resource(r, "host cores", b->cores_busy);
  double most = SERVER_LIMITING;
  r->group[0].limited_by = "nothing";
  for (size_t i = 0; i < r->n_resources; i++)
    if (r->resource[i].utilization > most) {
      most = r->resource[i].utilization;
      r->group[0].limited_by = r->resource[i].name;
    }
}

void lifecycle_machine_results(const struct lifecycle_machine *m,
                               struct server_results *r)
{
  const struct lifecycle_results *b = lifecycle_get_results(m->lifecycle);
  *r = (struct server_results){.n_groups = 1, .engine = b->engine};
  struct group_results *g = &r->group[0];
  for (int i = 0; i < METRIC_COUNT; i++)
    g->metric[i] = NAN;
  g->name = "all";
  g->latency = &b->total;
  g->breakdown = &m->breakdown;
  g->stages = m->stages;
  g->n_stages = LIFECYCLE_STAGE_COUNT + 1;
  server_latency_metrics(g->latency, g->metric);
  set_metrics(b, g->metric);
  set_resources(b, r);
}

void lifecycle_machine_destroy(struct lifecycle_machine *m)
{
  lifecycle_destroy(m->lifecycle);
  hd_breakdown_terminate(&m->breakdown);
  free(m);
}
