#include "sim/cli/measured_alias.h"

#include <string.h>

static const struct alias_column columns[] = {
    {"host", ALIAS_HOST, NULL},
    {"iommu", ALIAS_WORDS, NULL},
    {"numa", ALIAS_WORDS, NULL},
    {"engine", ALIAS_SAME, "bench.engine"},
    {"op", ALIAS_SAME, "bench.op"},
    {"pattern", ALIAS_SAME, "bench.pattern"},
    {"cache", ALIAS_SAME, "bench.cache"},
    {"transfer_bytes", ALIAS_BYTES, "bench.transfer"},
    {"window_bytes", ALIAS_BYTES, "bench.window"},
    {"host_off", ALIAS_BYTES, "bench.host_offset"},
    {"dev_off", ALIAS_BYTES, "bench.device_offset"},
    {"valid", ALIAS_VALID, NULL}};

static const struct alias_word words[] = {
    {"host", "hsw-e5-2620v3", {"host.preset=dell-t630", NULL}},
    {"host", "ib-e5-2620v2", {"host.preset=dell-t620", NULL}},
    {"iommu", "off", {"iommu.mode=off", NULL}},
    {"iommu", "on-sp", {"iommu.mode=legacy", "iommu.page_size=2 MiB"}},
    {"iommu", "on-4k", {"iommu.mode=legacy", "iommu.page_size=4 KiB"}},
    {"numa", "local", {"bench.numa=local", NULL}},
    {"numa", "single-socket", {"bench.numa=local", NULL}},
    {"numa", "remote", {"bench.numa=remote", NULL}}};

#define LATENCY "bench.mode=latency"
static const struct alias_metric metrics[] = {
    {"gbps", "dma_gbps", "bench.mode=bandwidth"},
    {"min_ns", "latency_min_ns", LATENCY},
    {"median_ns", "latency_p50_ns", LATENCY},
    {"avg_ns", "latency_mean_ns", LATENCY},
    {"p95_ns", "latency_p95_ns", LATENCY},
    {"p999_ns", "latency_p999_ns", LATENCY},
    {"p1", "latency_p1_ns", LATENCY},
    {"p5", "latency_p5_ns", LATENCY},
    {"p25", "latency_p25_ns", LATENCY},
    {"p50", "latency_p50_ns", LATENCY},
    {"p75", "latency_p75_ns", LATENCY},
    {"p90", "latency_p90_ns", LATENCY},
    {"p95", "latency_p95_ns", LATENCY},
    {"p99", "latency_p99_ns", LATENCY},
    {"p99_9", "latency_p999_ns", LATENCY},
    {"min", "latency_min_ns", LATENCY}};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const struct alias_column *cli_alias_column(const char *column)
{
  for (size_t i = 0; i < COUNT(columns); i++)
    if (strcmp(columns[i].column, column) == 0)
      return &columns[i];
  return NULL;
}

const struct alias_word *cli_alias_word(const char *column, const char *value)
{
  for (size_t i = 0; i < COUNT(words); i++)
    if (strcmp(words[i].column, column) == 0 &&
        strcmp(words[i].value, value) == 0)
      return &words[i];
  return NULL;
}

const struct alias_metric *cli_alias_metric(const char *column)
{
  for (size_t i = 0; i < COUNT(metrics); i++)
    if (strcmp(metrics[i].column, column) == 0)
      return &metrics[i];
  return NULL;
}
