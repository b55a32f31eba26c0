/*
 * server_results.c - collects what the models counted into rows of metrics.
 */
#include <math.h>
#include <stdlib.h>

#include "models/bench_machine.h"
#include "models/machine_endpoints.h"
#include "models/server.h"
#include "models/server_internal.h"
#include "models/server_migration.h"
#include "models/server_peers.h"
#include "models/server_software.h"
#include "sim/measure/stats.h"

/* Sums over the guests of a row. */
struct totals {
  bool all; /* row of all groups: a packet between guests counts as sent only */
  uint64_t guests, tx_packets, tx_bytes, rx_packets, rx_bytes, requests, drops,
      exits, interrupts, page_faults, read_bytes, written_bytes, errors, kicks,
      lost, consumed_bytes, produced_bytes, connections, retransmissions;
  hd_time guest_time, host_time, silence;
  double offered, sending_core, goodput_min, goodput_max, service;
  double *goodput; /* per guest */
};

static double seconds(const struct server *s)
{
  return (double)s->config->run.duration / (double)HD_S;
}

static double replayed_rate(const struct server *s, size_t i)
{
  const struct guest_plan *p = &s->plan.guests[i];
  if (s->config->groups[p->group].pcap_replay.speed == 0)
    return INFINITY;
  return (double)server_replay_stats(s, i).due.bytes * 8 / seconds(s);
}

static double offered_rate(const struct server *s, size_t i)
{
  const struct vm_group *g = &s->config->groups[s->plan.guests[i].group];
  switch (g->workload) {
  case WORKLOAD_PCAP_REPLAY:
    return replayed_rate(s, i);
  case WORKLOAD_UDP_STREAM:
    return g->udp_stream.rate ? (double)(g->udp_stream.rate * plan_streams(g))
                              : INFINITY;
  case WORKLOAD_DPDK_FORWARD:
    return (double)g->dpdk_forward.rate;
  default:
    return 0;
  }
}

/* Other guests send to it. */
static bool is_peer(const struct server *s, const struct guest_plan *p)
{
  return peers_receives(s->config, &s->config->groups[p->group]);
}

/* What the client or the peer's application has received of guest `p`. */
static struct guest_received sent_by(const struct server *s,
                                     const struct guest_plan *p,
                                     const struct client_vm_stats *c)
{
  uint16_t peer;
  if (peers_guest(s->config, p, &peer))
    return guest_received_from(s->guests[peer], p->vm);
  return (struct guest_received){c->packets, c->payload_bytes};
}

static void add_traffic(const struct server *s, const struct guest_plan *p,
                        const struct guest_stats *g, struct totals *t)
{
  struct client_vm_stats c = {0};
  client_get_vm_stats(s->client[p->port], p->vm, &c);
  struct guest_received sent = sent_by(s, p, &c);
  t->tx_packets += sent.packets;
  t->tx_bytes += sent.bytes;
  if (!t->all || !is_peer(s, p)) {
    t->rx_packets += g->received_packets;
    t->rx_bytes += g->received_bytes;
  }
  t->requests += c.requests;
  t->connections += c.connections;
  t->retransmissions += c.retransmissions + g->retransmissions;
  t->drops += c.dropped + c.lost;
  t->lost += c.lost;
  t->silence = hd_time_max(t->silence, c.silence_max);
  /* A peer's goodput is what it receives, others' what is received of them. */
  uint64_t good = is_peer(s, p) ? g->received_bytes : sent.bytes;
  t->goodput[t->guests] = (double)good * 8 / seconds(s) / 1e9;
}

/* A block device's goodput is what it moves. */
static void add_blocks(const struct server *s, const struct guest_stats *g,
                       struct totals *t)
{
  t->read_bytes += g->read_bytes;
  t->written_bytes += g->written_bytes;
  t->errors += g->errors;
  t->goodput[t->guests] =
      (double)(g->read_bytes + g->written_bytes) * 8 / seconds(s) / 1e9;
}

/* An accelerator's goodput is what it takes in. */
static void add_jobs(const struct server *s, const struct guest_stats *g,
                     struct totals *t)
{
  t->consumed_bytes += g->consumed_bytes;
  t->produced_bytes += g->produced_bytes;
  t->errors += g->errors;
  t->goodput[t->guests] = (double)g->consumed_bytes * 8 / seconds(s) / 1e9;
}

static void add_guest(const struct server *s, size_t i, hd_time end,
                      struct totals *t)
{
  const struct guest_plan *p = &s->plan.guests[i];
  const struct vm_group *group = &s->config->groups[p->group];
  struct guest_stats g = {0};
  guest_get_stats(s->guests[i], &g);
  if (plan_is_block(group))
    add_blocks(s, &g, t);
  else if (plan_is_accelerated(group))
    add_jobs(s, &g, t);
  else
    add_traffic(s, p, &g, t);
  t->goodput_min = fmin(t->goodput_min, t->goodput[t->guests]);
  t->goodput_max = fmax(t->goodput_max, t->goodput[t->guests]);
  t->requests += g.requests;
  t->drops += g.dropped;
  for (int r = 0; r < EXIT_REASONS; r++)
    t->exits += g.exits[r];
  t->interrupts += g.interrupts;
  t->page_faults += g.page_faults;
  t->kicks += g.kick_exits;
  t->guest_time += g.guest_time;
  t->host_time += g.host_time;
  t->offered += offered_rate(s, i);
  t->sending_core += g.send_core_utilization;
  t->service += server_software_busy_for(s->software, p->vm, end);
  if (s->migration)
    t->service += server_migration_busy_for(s->migration, p->vm, end);
  t->guests++;
}

/* group < 0: all. */
static void collect(const struct server *s, int group, struct totals *t,
                    double *goodput)
{
  hd_time end = s->window.end;
  *t = (struct totals){
      .all = group < 0, .goodput = goodput, .goodput_min = INFINITY};
  for (size_t i = 0; i < s->plan.n_guests; i++)
    if (group < 0 || s->plan.guests[i].group == group)
      add_guest(s, i, end, t);
}

static void set_traffic(const struct server *s, const struct totals *t,
                        double *m)
{
  double time = seconds(s);
  m[METRIC_tx_goodput_gbps] = (double)t->tx_bytes * 8 / time / 1e9;
  m[METRIC_rx_goodput_gbps] = (double)t->rx_bytes * 8 / time / 1e9;
  m[METRIC_tx_pps] = (double)t->tx_packets / time;
  m[METRIC_rx_pps] = (double)t->rx_packets / time;
  m[METRIC_requests_per_s] = (double)t->requests / time;
  m[METRIC_drops] = (double)t->drops;
  m[METRIC_vm_exits_per_s] = (double)t->exits / time;
  m[METRIC_interrupts_per_s] = (double)t->interrupts / time;
  m[METRIC_guest_cpu_cores] = (double)t->guest_time / (double)HD_S / time;
  m[METRIC_service_cpu_cores] = t->service;
  m[METRIC_host_cpu_cores] =
      (double)t->host_time / (double)HD_S / time + t->service;
  m[METRIC_page_faults] = (double)t->page_faults;
  m[METRIC_offered_gbps] = t->offered / 1e9;
  m[METRIC_sending_core_utilization] = t->sending_core / (double)t->guests;
  m[METRIC_fairness_jain] = hd_stats_jain(t->goodput, t->guests);
  m[METRIC_vm_goodput_min_gbps] = t->goodput_min;
  m[METRIC_vm_goodput_max_gbps] = t->goodput_max;
}

static void set_blocks(const struct server *s, const struct totals *t,
                       double *m)
{
  double time = seconds(s);
  m[METRIC_read_gbps] = (double)t->read_bytes * 8 / time / 1e9;
  m[METRIC_write_gbps] = (double)t->written_bytes * 8 / time / 1e9;
  m[METRIC_request_errors] = (double)t->errors;
  m[METRIC_accelerator_in_gbps] = (double)t->consumed_bytes * 8 / time / 1e9;
  m[METRIC_accelerator_out_gbps] = (double)t->produced_bytes * 8 / time / 1e9;
  m[METRIC_kicks_per_s] = (double)t->kicks / time;
  if (s->migration)
    m[METRIC_silence_max_ms] = (double)t->silence / (double)HD_MS;
  m[METRIC_packets_lost] = (double)t->lost;
  m[METRIC_connections_per_s] = (double)t->connections / time;
  m[METRIC_retransmissions] = (double)t->retransmissions;
}

/* What a packet or request costs the host; all its work is in by now. */
static void set_efficiency(double *m)
{
  double done = m[METRIC_tx_pps] + m[METRIC_rx_pps] + m[METRIC_requests_per_s];
  m[METRIC_host_cores_per_100kpps] =
      done > 0 ? m[METRIC_host_cpu_cores] / done * 1e5 : NAN;
}

void server_latency_metrics(const struct hd_histogram *h, double *m)
{
  if (h->count == 0)
    return;
  m[METRIC_latency_min_ns] = (double)h->min / 1e3;
  m[METRIC_latency_mean_ns] = hd_histogram_mean_ns(h);
  m[METRIC_latency_p50_ns] = hd_histogram_quantile_ns(h, 0.50);
  m[METRIC_latency_p90_ns] = hd_histogram_quantile_ns(h, 0.90);
  m[METRIC_latency_p95_ns] = hd_histogram_quantile_ns(h, 0.95);
  m[METRIC_latency_p99_ns] = hd_histogram_quantile_ns(h, 0.99);
  m[METRIC_latency_p999_ns] = hd_histogram_quantile_ns(h, 0.999);
  m[METRIC_latency_max_ns] = hd_histogram_max_ns(h);
  m[METRIC_latency_stddev_ns] = hd_histogram_stddev(h) / 1e3;
}

static void merge_series(const struct server *s)
{
  for (size_t i = 0; i <= s->config->n_groups; i++)
    hd_series_reset(&s->series[i]);
  for (uint16_t g = 0; g < s->config->n_groups; g++) {
    for (unsigned port = 0; port < s->home.n_ports; port++)
      hd_series_merge(&s->series[g + 1], client_series(s->client[port], g));
    hd_series_merge(&s->series[0], &s->series[g + 1]);
  }
}

static void merge_rows(const struct server *s)
{
  for (size_t i = 0; i <= s->config->n_groups; i++) {
    hd_histogram_reset(&s->latency[i]);
    hd_breakdown_terminate(&s->breakdown[i]);
    hd_breakdown_initialize(&s->breakdown[i]);
  }
  for (uint16_t g = 0; g < s->config->n_groups; g++)
    for (unsigned port = 0; port < s->home.n_ports; port++) {
      hd_histogram_merge(&s->latency[g + 1],
                         client_latency(s->client[port], g));
      hd_breakdown_merge(&s->breakdown[g + 1],
                         client_breakdown(s->client[port], g));
    }
  for (size_t i = 0; i < s->plan.n_guests; i++) {
    uint16_t g = s->plan.guests[i].group;
    hd_histogram_merge(&s->latency[g + 1], guest_latency(s->guests[i]));
    hd_breakdown_merge(&s->breakdown[g + 1], guest_breakdown(s->guests[i]));
  }
  for (size_t g = 1; g <= s->config->n_groups; g++) {
    hd_histogram_merge(&s->latency[0], &s->latency[g]);
    hd_breakdown_merge(&s->breakdown[0], &s->breakdown[g]);
  }
}

static void add_clients(const struct server *s, struct server_results *r)
{
  double busy = 0;
  for (unsigned port = 0; port < s->home.n_ports; port++)
    busy = fmax(busy, client_utilization(s->client[port]));
  if (s->home.n_ports > 0)
    server_add_resource(r, "client", busy);
}

void server_add_resource(struct server_results *r, const char *name, double u)
{
  if (r->n_resources < SERVER_MAX_RESOURCES && isfinite(u))
    r->resource[r->n_resources++] = (struct resource_row){name, u};
}

static void set_row(const struct server *s, struct server_results *r,
                    size_t row, double *goodput)
{
  struct group_results *g = &r->group[row];
  struct totals t;
  for (int i = 0; i < METRIC_COUNT; i++)
    g->metric[i] = NAN;
  g->name = row == 0 ? "all" : s->config->groups[row - 1].name;
  g->latency = &s->latency[row];
  g->breakdown = &s->breakdown[row];
  collect(s, (int)row - 1, &t, goodput);
  set_traffic(s, &t, g->metric);
  set_blocks(s, &t, g->metric);
  set_efficiency(g->metric);
  server_latency_metrics(g->latency, g->metric);
}

void server_get_results(struct server *s, struct server_results *r)
{
  if (s->irq) {
    irq_machine_results(s->irq, r);
    return;
  }
  if (s->lifecycle) {
    lifecycle_machine_results(s->lifecycle, r);
    return;
  }
  if (s->bench) {
    bench_machine_results(s->bench, r);
    return;
  }
  *r = (struct server_results){.n_groups = s->config->n_groups + 1};
  double *goodput = calloc(s->plan.n_guests, sizeof *goodput);
  HD_REQUIRE(NULL, goodput != NULL, "out of memory for results");
  merge_rows(s);
  if (s->config->run.series > 0) {
    merge_series(s);
    for (size_t row = 0; row < r->n_groups; row++)
      r->series[row] = &s->series[row];
  }
  for (size_t row = 0; row < r->n_groups; row++)
    set_row(s, r, row, goodput);
  free(goodput);
  double *all = r->group[0].metric;
  struct hypervisor_stats hv = {0};
  hypervisor_get_stats(s->hypervisor, &hv);
  all[METRIC_setup_ms] = (double)hv.setup / (double)HD_MS;
  machine_metrics(&s->home, all);
  set_efficiency(all);
  all[METRIC_drops] += (double)server_software_drops(s->software);
  if (s->migration) {
    server_migration_metrics(s->migration, all);
    r->group[0].migration = server_migration_status(s->migration);
    r->note = server_migration_note(s->migration);
  }
  machine_resources(&s->home, r);
  add_clients(s, r);
  if (s->plan.software)
    server_add_resource(
        r, "host threads",
        server_software_utilization(s->software, s->window.end));
  for (size_t row = 0; row < r->n_groups; row++)
    r->group[row].limited_by = server_limit(s, r, row);
  server_list_cores(s, r);
  server_list_replays(s, r);
  hd_engine_get_report(s->engine, &r->engine);
  r->n_faults = io_stack_faults(&s->home.io, &r->faults, &r->faults_total);
}
