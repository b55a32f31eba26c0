/*
 * test_scenario_registry.h - a small registry for the scenario layer's tests
 * and its fuzzer.
 */
#ifndef HD_TESTS_TEST_SCENARIO_REGISTRY_H
#define HD_TESTS_TEST_SCENARIO_REGISTRY_H

#include "sim/scenario/scenario.h"

#include <string.h>

struct t_udp {
  int64_t payload, burst;
};

struct t_ping {
  int64_t payload, interval;
};

struct t_guest {
  char name[HD_PARAM_STRING_MAX];
  int64_t count, memory;
  int workload;
  struct t_udp udp;
  struct t_ping ping;
};

struct t_config {
  struct {
    char name[HD_PARAM_STRING_MAX], description[HD_PARAM_STRING_MAX];
    int design;
    int64_t seed;
  } top;
  struct {
    int64_t cores;
  } host;
  struct {
    int mode;
    int64_t page_size, window;
  } iommu;
  struct {
    int64_t ports, rate, doorbell, clock;
    double loss, gain;
    bool moderation;
  } nic;
  struct t_guest guests[3];
  size_t guest_count;
};

#define T_AT(member) offsetof(struct t_config, member)
#define T_IN(section, field) (T_AT(section.field) - T_AT(section))

static const char *const t_designs[] = {"sriov", "hdiov", "uniov", NULL};
static const char *const t_modes[] = {"off", "legacy", "scalable", NULL};
static const char *const t_workloads[] = {"udp_stream", "ping", NULL};

static const struct hd_param t_top_params[] = {
    {"name", HD_PARAM_STRING, T_IN(top, name), NULL, NULL, NULL, NULL,
     "Name of the scenario", NULL},
    {"description", HD_PARAM_STRING, T_IN(top, description), "", NULL, NULL,
     NULL, "What it shows", NULL},
    {"design", HD_PARAM_ENUM, T_IN(top, design), "hdiov", NULL, NULL, t_designs,
     "How devices are shared", "EuroSys 2024"},
    {"seed", HD_PARAM_INT, T_IN(top, seed), "1", NULL, NULL, NULL,
     "Seed of all random streams", NULL},
    {.name = NULL}};

static const struct hd_param t_host_params[] = {
    {"cores", HD_PARAM_INT, T_IN(host, cores), "8", "1", "256", NULL,
     "Physical cores", "assumed"},
    {.name = NULL}};

static const struct hd_param t_iommu_params[] = {
    {"mode", HD_PARAM_ENUM, T_IN(iommu, mode), "scalable", NULL, NULL, t_modes,
     "Translation mode", "VT-d 4.1, section 3"},
    {"page_size", HD_PARAM_SIZE, T_IN(iommu, page_size), "4 KiB", "4 KiB",
     "1 GiB", NULL, "Size of a page", NULL},
    {"window", HD_PARAM_TIME, T_IN(iommu, window), "150 ns", NULL, "1 ms", NULL,
     "Run-ahead window", "measured"},
    {.name = NULL}};

static const struct hd_param t_nic_params[] = {
    {"ports", HD_PARAM_INT, T_IN(nic, ports), "1", "1", "8", NULL, "Ports",
     "E810 datasheet"},
    {"rate", HD_PARAM_RATE, T_IN(nic, rate), "25 Gb/s", "1 Mb/s", NULL, NULL,
     "Rate of a port", "E810 datasheet"},
    {"doorbell", HD_PARAM_CYCLES, T_IN(nic, doorbell), "10", NULL, NULL, NULL,
     "Cost of a doorbell", NULL},
    {"clock", HD_PARAM_FREQUENCY, T_IN(nic, clock), "1 GHz", "1 Hz", NULL, NULL,
     "Clock of the pipeline", NULL},
    {"loss", HD_PARAM_RATIO, T_IN(nic, loss), "0", NULL, NULL, NULL,
     "Share of frames lost", NULL},
    {"gain", HD_PARAM_REAL, T_IN(nic, gain), "1", NULL, "100", NULL, "A gain",
     NULL},
    {"moderation", HD_PARAM_BOOL, T_IN(nic, moderation), "false", NULL, NULL,
     NULL, "Interrupt moderation", NULL},
    {.name = NULL}};

static const struct hd_param t_guest_params[] = {
    {"count", HD_PARAM_INT, offsetof(struct t_guest, count), "1", "1", "1024",
     NULL, "Number of machines", NULL},
    {"memory", HD_PARAM_SIZE, offsetof(struct t_guest, memory), "1 GiB",
     "1 MiB", NULL, NULL, "Memory of each", NULL},
    {.name = NULL}};

static const struct hd_param t_udp_params[] = {
    {"payload", HD_PARAM_SIZE, offsetof(struct t_udp, payload), NULL, "1 B",
     "64 KiB", NULL, "Payload of a datagram", NULL},
    {"burst", HD_PARAM_INT, offsetof(struct t_udp, burst), "1", "1", "64", NULL,
     "Datagrams a call", NULL},
    {.name = NULL}};

static const struct hd_param t_ping_params[] = {
    {"payload", HD_PARAM_SIZE, offsetof(struct t_ping, payload), "56 B", "1 B",
     "1500 B", NULL, "Payload of a request", NULL},
    {"interval", HD_PARAM_TIME, offsetof(struct t_ping, interval), "1 s", NULL,
     NULL, NULL, "Time between requests", NULL},
    {.name = NULL}};

static const struct hd_param_table t_tables[] = {
    {"", "The scenario", t_top_params},
    {"host", "The server", t_host_params},
    {"iommu", "Address translation", t_iommu_params},
    {"nic", "The network card", t_nic_params},
    {"vms", "A group of virtual machines", t_guest_params},
    {"udp_stream", "A stream like iperf3's", t_udp_params},
    {"ping", "Requests and responses", t_ping_params}};

static const struct hd_param_section t_sections[] = {
    {&t_tables[0], T_AT(top)},
    {&t_tables[1], T_AT(host)},
    {&t_tables[2], T_AT(iommu)},
    {&t_tables[3], T_AT(nic)},
    {NULL, 0}};

static const struct hd_param_section t_alternatives[] = {
    {&t_tables[5], offsetof(struct t_guest, udp)},
    {&t_tables[6], offsetof(struct t_guest, ping)},
    {NULL, 0}};

static const struct hd_param_variant t_workload = {
    "workload",    "type", offsetof(struct t_guest, workload),
    t_workloads,   "ping", "What the machine does",
    t_alternatives};

static const struct hd_param_group t_groups[] = {
    {"vms", "Virtual machines", &t_tables[4], &t_workload, T_AT(guests),
     sizeof(struct t_guest), 3, T_AT(guest_count),
     offsetof(struct t_guest, name)},
    {.section = NULL}};

static const struct hd_param_registry t_registry = {sizeof(struct t_config),
                                                    t_sections, t_groups};

static const struct hd_section_alias t_aliases[] = {{"server", "host"},
                                                    {NULL, NULL}};

static const char *const t_metrics[] = {"tx_gbps", "latency_ns", NULL};

static inline bool t_check(const void *config, hd_scenario_complain complain,
                           void *ctx)
{
  const struct t_config *c = config;
  if (c->host.cores != 13)
    return true;
  complain(ctx, "host.cores", "%d brings bad luck; take 12", 13);
  return false;
}

#endif
