/*
 * server_limit.c - names what limits the guests of a row of results.
 */
#include <math.h>
#include <string.h>

#include "models/machine_endpoints.h"
#include "models/server.h"
#include "models/server_internal.h"
#include "models/server_peers.h"

/* From this one on it is full: what is missing is granularity. */
#define FULL 0.97

/* Units of accelerators concern those who ask for what they do. */
static bool concerns(const struct server *s, size_t row, const char *resource)
{
  if (row == 0)
    return true;
  const struct vm_group *g = &s->config->groups[row - 1];
  return machine_endpoint_concerns(
      resource, plan_is_accelerated(g) ? g->accelerator_jobs.algorithm : -1);
}

/* The busiest of the shared resources. Host cores also spend what is left over
 * on halt polling: they count only when a vCPU has to wait for one. */
static const char *busiest(const struct server *s,
                           const struct server_results *r, size_t group,
                           double *most)
{
  const char *name = "nothing";
  bool waiting = r->group[0].metric[METRIC_preemptions_per_s] > 0;
  for (size_t i = 0; i < r->n_resources; i++) {
    const struct resource_row *row = &r->resource[i];
    if (row->utilization <= *most ||
        (!waiting && strcmp(row->name, "host cores") == 0) ||
        !concerns(s, group, row->name))
      continue;
    name = row->name;
    *most = row->utilization;
  }
  return name;
}

/* The client offers what the group's guests receive. */
static bool receives(const struct vm_group *g)
{
  return g->workload == WORKLOAD_PCAP_REPLAY &&
         g->pcap_replay.direction == REPLAY_RX;
}

/* What got through of the offered load of a row. */
static double carried(const struct server *s, const struct server_results *r,
                      size_t row)
{
  double sum = 0;
  for (size_t i = 1; i < r->n_groups; i++)
    if (row == 0 || row == i)
      sum += r->group[i].metric[receives(&s->config->groups[i - 1])
                                    ? METRIC_rx_goodput_gbps
                                    : METRIC_tx_goodput_gbps];
  return sum;
}

/* What the busiest vCPUs of a row's guests do: those of the group's, or the
 * first group's. */
static const char *core_name(const struct server *s, size_t row)
{
  const struct vm_group *g = &s->config->groups[row > 0 ? row - 1 : 0];
  if (g->workload == WORKLOAD_WEB_SERVER)
    return "worker core";
  if (receives(g) || peers_receives(s->config, g))
    return "receiving core";
  return plan_is_accelerated(g) ? "submitting core" : "sending core";
}

const char *server_limit(const struct server *s, const struct server_results *r,
                         size_t row)
{
  const struct group_results *g = &r->group[row];
  double most = SERVER_LIMITING;
  const char *name = busiest(s, r, row, &most);
  double offered = g->metric[METRIC_offered_gbps];
  if (offered > 0 && isfinite(offered) && carried(s, r, row) / offered > 0.98)
    return "offered load";
  if (most < FULL && g->metric[METRIC_sending_core_utilization] > most)
    name = core_name(s, row);
  return name;
}
