#include "sim/cli/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static const char *const breakdown_tail[] = {
    "group",  "kind",  "name",        "mean_ns",   "p50_ns",
    "p99_ns", "share", "utilization", "limited_by"};
static const char *const series_tail[] = {
    "time_us", "group",  "tx_goodput_gbps", "rx_goodput_gbps",
    "tx_pps",  "rx_pps", "requests_per_s",  "drops"};
static const char *const cores_tail[] = {"kind", "name", "group",
                                         "guest_cpu_cores", "host_cpu_cores"};
static const char *const replay_tail[] = {
    "name",         "group",        "direction",      "due_packets",
    "due_bytes",    "sent_packets", "sent_bytes",     "late_packets",
    "late_mean_ns", "late_max_ns",  "arrived_packets"};
static const char *const faults_tail[] = {"time_ps", "requester", "pasid",
                                          "address", "access",    "reason"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct columns {
  const char **names;
  size_t count;
};

const char *cli_rows_file(enum rows_table table)
{
  static const char *const files[ROWS_TABLES] = {
      "summary.csv",    "breakdown.csv", "faults.csv",
      "timeseries.csv", "cores.csv",     "replay.csv"};
  return files[table];
}

static void add(struct columns *c, const char *name)
{
  c->names = cli_resize(c->names, c->count + 1, sizeof *c->names);
  c->names[c->count++] = name;
}

static void add_all(struct columns *c, const char *const *names, size_t count)
{
  for (size_t i = 0; i < count; i++)
    add(c, names[i]);
}

static struct columns columns_of(enum rows_table table,
                                 const struct hd_scenario *scenario)
{
  static const char *const head[] = {"scenario", "point", "repetition", "seed"};
  struct columns c = {0};
  add_all(&c, head, COUNT(head));
  if (table == ROWS_SUMMARY)
    add(&c, "status");
  for (size_t i = 0; i < hd_scenario_axes(scenario); i++)
    add(&c, hd_scenario_axis_path(scenario, i));
  if (table == ROWS_BREAKDOWN)
    add_all(&c, breakdown_tail, COUNT(breakdown_tail));
  if (table == ROWS_FAULTS)
    add_all(&c, faults_tail, COUNT(faults_tail));
  if (table == ROWS_SERIES)
    add_all(&c, series_tail, COUNT(series_tail));
  if (table == ROWS_CORES)
    add_all(&c, cores_tail, COUNT(cores_tail));
  if (table == ROWS_REPLAY)
    add_all(&c, replay_tail, COUNT(replay_tail));
  if (table == ROWS_SUMMARY) {
    add(&c, "group");
    add_all(&c, metric_names, METRIC_COUNT);
    add(&c, "limited_by");
    add(&c, "migration");
  }
  return c;
}

bool cli_rows_open(struct hd_csv *w, enum rows_table table, const char *path,
                   const struct hd_scenario *scenario)
{
  struct columns c = columns_of(table, scenario);
  bool good = hd_csv_open(w, path, c.names, c.count);
  free(c.names);
  return good;
}

size_t cli_rows_columns(enum rows_table table,
                        const struct hd_scenario *scenario)
{
  struct columns c = columns_of(table, scenario);
  free(c.names);
  return c.count;
}

static void put_head(struct hd_csv *w, const struct rows_subject *s,
                     const char *status)
{
  const struct server_config *config = hd_point_config(s->point);
  const char *name = config->scenario.name;
  hd_csv_text(w, name[0] != '\0' ? name : s->plan->name);
  hd_csv_uint(w, s->job->point);
  hd_csv_uint(w, s->job->repetition);
  hd_csv_uint(w, cli_plan_seed(s->plan, s->job));
  if (status != NULL)
    hd_csv_text(w, status);
  for (size_t i = 0; i < hd_scenario_axes(s->plan->scenario); i++)
    hd_csv_text(w, hd_point_axis_text(s->point, i));
}

void cli_rows_summary(struct hd_csv *w, const struct rows_subject *s,
                      const struct server_results *r)
{
  for (size_t i = 0; i < r->n_groups; i++) {
    put_head(w, s, "ok");
    hd_csv_text(w, r->group[i].name);
    for (size_t m = 0; m < METRIC_COUNT; m++)
      hd_csv_real(w, r->group[i].metric[m]);
    hd_csv_text(w, r->group[i].limited_by);
    if (r->group[i].migration)
      hd_csv_text(w, r->group[i].migration);
    else
      hd_csv_na(w);
    hd_csv_end_row(w);
  }
}

void cli_rows_no_summary(struct hd_csv *w, const struct rows_subject *s,
                         const char *status)
{
  put_head(w, s, status);
  hd_csv_text(w, "all");
  for (size_t m = 0; m < METRIC_COUNT; m++)
    hd_csv_na(w);
  hd_csv_na(w);
  hd_csv_na(w);
  hd_csv_end_row(w);
}

/* -- breakdown ---------------------------------------------------------- */

static void put_stage(struct hd_csv *w, const struct rows_subject *s,
                      const struct group_results *g, enum hd_stage stage)
{
  struct hd_breakdown_row row = hd_breakdown_report(g->breakdown, stage);
  put_head(w, s, NULL);
  hd_csv_text(w, g->name);
  hd_csv_text(w, stage == HD_STAGE_COUNT ? "total" : "stage");
  hd_csv_text(w, row.name);
  hd_csv_real(w, row.mean_ns);
  hd_csv_real(w, row.p50_ns);
  hd_csv_real(w, row.p99_ns);
  hd_csv_real(w, row.share);
  hd_csv_na(w);
  hd_csv_text(w, g->limited_by);
  hd_csv_end_row(w);
}

static void put_resource(struct hd_csv *w, const struct rows_subject *s,
                         const struct group_results *g,
                         const struct resource_row *resource)
{
  put_head(w, s, NULL);
  hd_csv_text(w, g->name);
  hd_csv_text(w, "resource");
  hd_csv_text(w, resource->name);
  for (int i = 0; i < 4; i++)
    hd_csv_na(w);
  hd_csv_real(w, resource->utilization);
  hd_csv_text(w, g->limited_by);
  hd_csv_end_row(w);
}

static void put_stages(struct hd_csv *w, const struct rows_subject *s,
                       const struct group_results *g)
{
  for (size_t i = 0; i < g->n_stages; i++) {
    const struct stage_row *row = &g->stages[i];
    put_head(w, s, NULL);
    hd_csv_text(w, g->name);
    hd_csv_text(w, i + 1 == g->n_stages ? "total" : "stage");
    hd_csv_text(w, row->name);
    hd_csv_real(w, row->mean_ns);
    hd_csv_real(w, row->p50_ns);
    hd_csv_real(w, row->p99_ns);
    hd_csv_real(w, row->share);
    hd_csv_na(w);
    hd_csv_text(w, g->limited_by);
    hd_csv_end_row(w);
  }
}

void cli_rows_breakdown(struct hd_csv *w, const struct rows_subject *s,
                        const struct server_results *r)
{
  for (size_t i = 0; i < r->n_groups; i++) {
    const struct group_results *g = &r->group[i];
    put_stages(w, s, g);
    if (g->breakdown == NULL || g->breakdown->stages[HD_STAGE_COUNT].count == 0)
      continue;
    for (enum hd_stage stage = 0; stage <= HD_STAGE_COUNT; stage++)
      put_stage(w, s, g, stage);
  }
  for (size_t i = 0; i < r->n_resources && r->n_groups > 0; i++)
    put_resource(w, s, &r->group[0], &r->resource[i]);
}

/* -- time series -------------------------------------------------------- */

static void put_bin(struct hd_csv *w, const struct hd_series *series,
                    size_t bin)
{
  static const struct {
    enum hd_series_count what;
    double scale;
  } rates[] = {{HD_SERIES_TX_BYTES, 8e-9},
               {HD_SERIES_RX_BYTES, 8e-9},
               {HD_SERIES_TX_PACKETS, 1},
               {HD_SERIES_RX_PACKETS, 1},
               {HD_SERIES_REQUESTS, 1}};
  for (size_t i = 0; i < COUNT(rates); i++)
    hd_csv_real(w, hd_series_rate(series, bin, rates[i].what) * rates[i].scale);
  uint64_t drops;
  if (hd_series_amount(series, bin, HD_SERIES_DROPS, &drops))
    hd_csv_uint(w, drops);
  else
    hd_csv_na(w);
}

void cli_rows_series(struct hd_csv *w, const struct rows_subject *s,
                     const char *group, const struct hd_series *series)
{
  for (size_t bin = 0; bin < series->n; bin++) {
    put_head(w, s, NULL);
    hd_csv_real(w, (double)hd_series_begin(series, bin) / (double)HD_US);
    hd_csv_text(w, group);
    put_bin(w, series, bin);
    hd_csv_end_row(w);
  }
}

/* -- cores -------------------------------------------------------------- */

void cli_rows_cores(struct hd_csv *w, const struct rows_subject *s,
                    const struct server_results *r)
{
  for (size_t i = 0; i < r->n_cores; i++) {
    const struct cores_row *row = &r->cores[i];
    put_head(w, s, NULL);
    hd_csv_text(w, row->kind);
    hd_csv_text(w, row->name);
    if (row->group)
      hd_csv_text(w, row->group);
    else
      hd_csv_na(w);
    hd_csv_real(w, row->guest);
    hd_csv_real(w, row->host);
    hd_csv_end_row(w);
  }
}

/* -- replay ------------------------------------------------------------- */

static void put_lateness(struct hd_csv *w, const struct replay_stats *t)
{
  hd_csv_uint(w, t->late);
  hd_csv_real(w, t->sent.packets > 0
                     ? (double)t->behind_sum / 1e3 / (double)t->sent.packets
                     : NAN);
  hd_csv_real(w, (double)t->behind_max / 1e3);
}

void cli_rows_replay(struct hd_csv *w, const struct rows_subject *s,
                     const struct server_results *r)
{
  for (size_t i = 0; i < r->n_replays; i++) {
    const struct replay_row *row = &r->replays[i];
    const struct replay_stats *t = &row->stats;
    put_head(w, s, NULL);
    hd_csv_text(w, row->name);
    hd_csv_text(w, row->group);
    hd_csv_text(w, row->receives ? "rx" : "tx");
    hd_csv_uint(w, t->due.packets);
    hd_csv_uint(w, t->due.bytes);
    hd_csv_uint(w, t->sent.packets);
    hd_csv_uint(w, t->sent.bytes);
    put_lateness(w, t);
    hd_csv_uint(w, row->arrived);
    hd_csv_end_row(w);
  }
}

/* -- faults ------------------------------------------------------------- */

static const char *reason_text(enum iommu_fault_reason reason)
{
  switch (reason) {
  case IOMMU_FAULT_ROOT:
    return "root entry not present";
  case IOMMU_FAULT_CONTEXT:
    return "context entry not present";
  case IOMMU_FAULT_PASID_DIR:
    return "PASID directory entry not present";
  case IOMMU_FAULT_PASID_ENTRY:
    return "PASID table entry not present";
  case IOMMU_FAULT_FIRST_STAGE:
    return "not present in first stage";
  case IOMMU_FAULT_SECOND_READ:
    return "no read permission in second stage";
  case IOMMU_FAULT_SECOND_WRITE:
    return "no write permission in second stage";
  case IOMMU_FAULT_ATS:
    return "translation services forbidden";
  case IOMMU_FAULT_PASID_BLOCKED:
    return "request with PASID forbidden";
  case IOMMU_FAULT_NONE:
  default:
    return "unknown";
  }
}

static const char *access_text(const struct iommu_fault *f)
{
  if (f->at == PCIE_TRANSLATION_REQUEST)
    return "translation";
  return f->write ? "write" : "read";
}

static void put_hex(struct hd_csv *w, uint64_t value)
{
  char text[32];
  snprintf(text, sizeof text, "0x%" PRIx64, value);
  hd_csv_text(w, text);
}

static void put_requester(struct hd_csv *w, unsigned id)
{
  char text[16];
  snprintf(text, sizeof text, "%02x:%02x.%x", id >> 8 & 0xffu, id >> 3 & 0x1fu,
           id & 7u);
  hd_csv_text(w, text);
}

void cli_rows_faults(struct hd_csv *w, const struct rows_subject *s,
                     const struct server_results *r)
{
  for (size_t i = 0; i < r->n_faults; i++) {
    const struct iommu_fault *f = &r->faults[i];
    put_head(w, s, NULL);
    hd_csv_int(w, f->when);
    put_requester(w, f->requester);
    if (f->has_pasid)
      hd_csv_uint(w, f->pasid);
    else
      hd_csv_na(w);
    put_hex(w, f->address);
    hd_csv_text(w, access_text(f));
    hd_csv_text(w, reason_text(f->reason));
    hd_csv_end_row(w);
  }
}
